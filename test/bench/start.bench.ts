/**
 * How long processes take that do next to nothing: Node itself, `kolibri --version`, a program that writes a line and
 * ends; and when its first instruction and its line come.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "./measure.ts";

/** mov eax,63; mov ebx,1; mov ecx,10; int 0x40; or eax,-1; int 0x40 */
const LINE_AND_END = Uint8Array.of(
  ...[0xb8, 63, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 10, 0, 0, 0, 0xcd, 0x40, 0x83, 0xc8, 0xff, 0xcd, 0x40],
);
const folder = mkdtempSync(join(tmpdir(), "kolibri-start-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "line");
writeFileSync(program, LINE_AND_END);

const start = (args: string[]) => () => {
  for (let i = 0; i < 5; i++) {
    const { status } = spawnSync(process.execPath, args);
    if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
  }
  return 5;
};

await compare("starts", [
  { name: "node", run: start(["-e", "0"]) },
  { name: "kolibri --version", run: start(["dist/cli.cjs", "--version"]) },
  { name: "kolibri run", run: start(["dist/cli.cjs", "run", "--raw", program]) },
]);

/** Tells on standard error when the machine first runs, in milliseconds since 1970. */
const TELLER = `
const { Script } = require("node:vm");
const { runInThisContext } = Script.prototype;
Script.prototype.runInThisContext = function () {
  const room = runInThisContext.call(this);
  return (module, require) => {
    room(module, require);
    const machine = module.exports["machine/index"]?.Machine.prototype;
    if (machine === undefined) return;
    const { run } = machine;
    machine.run = function (budget) {
      const now = performance.timeOrigin + performance.now();
      machine.run = run;
      process.on("exit", () => process.stderr.write(String(now)));
      return run.call(this, budget);
    };
  };
};`;
const teller = join(folder, "teller.cjs");
writeFileSync(teller, TELLER);

/** Milliseconds from the start of a process to its first byte of output, and to what it tells on standard error. */
async function moments(args: string[]): Promise<{ line: number; told: number }> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  child.stderr.on("data", (chunk) => (told += chunk));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  const line = performance.now() - start;
  await closed;
  return { line, told: Number(told) - performance.timeOrigin - start };
}

const ROUNDS = 25;
const found: [name: string, milliseconds: number[]][] = [
  ["node, a line written", []],
  ["kolibri run, the guest's first instruction", []],
  ["kolibri run, a line written by the guest", []],
];
for (let round = 0; round < ROUNDS; round++) {
  const node = await moments(["-e", "process.stdout.write('\\n')"]);
  const first = await moments(["-r", teller, "dist/cli.cjs", "run", "--raw", program]);
  const { line } = await moments(["dist/cli.cjs", "run", "--raw", program]);
  for (const [i, time] of [node.line, first.told, line].entries()) found[i]![1].push(time);
}
for (const [name, times] of found) {
  const sorted = times.toSorted((a, b) => a - b);
  const [best, median] = [sorted[0]!, sorted[ROUNDS >> 1]!].map((time) => time.toFixed(1));
  process.stdout.write(`  ${name.padEnd(44)}${median} ms median, ${best} best\n`);
}
