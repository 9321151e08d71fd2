/**
 * Programs that end early: some kernels with as many rounds as a number of instructions suffices for, interpreted and with the
 * engine that compiles, each time in a process of its own that begins with V8's code cache. Decoding is counted, loading
 * is not.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assemble } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { loadImage, Machine } from "../../src/machine/index.ts";
import { median } from "./measure.ts";

const KERNELS = process.env["KERNELS"]?.split(",") ?? [
  "alu",
  "sha256",
  "fib",
  "dispatch",
  "bignum",
  "sse-matrix",
  "blend",
  "x87-matrix",
];
const LENGTHS = [100_000, 300_000, 900_000, 2_000_000, 10_000_000];
const ENGINES = ["interpreter", "compiled"] as const;
const ROUNDS = Number(process.env["ROUNDS"] ?? 7);
const END = 0x100_0000;

function assembled(kernel: string, rounds: number): Uint8Array {
  const files = { read: (path: string) => readFileSync(path) };
  const made = assemble(`asm/bench/${kernel}.asm`, { files, defines: { N: String(rounds) } });
  if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
  return made.bytes;
}

function endsWithin(length: number, program: Uint8Array): boolean {
  const machine = new Machine({ memoryBytes: END });
  loadImage(machine, rawImage(program, { origin: 0x1000 }));
  machine.memory.map(0, END);
  machine.cpu.esp = END;
  return machine.run(length).reason === "interrupt";
}

/** With the most rounds that end within so many instructions; nothing when one takes more. */
function programOf(kernel: string, length: number): Uint8Array | undefined {
  if (!endsWithin(length, assembled(kernel, 1))) return undefined;
  let [low, high] = [1, 2];
  while (endsWithin(length, assembled(kernel, high))) [low, high] = [high, 2 * high];
  while (high - low > low >> 6 && high - low > 1) {
    const middle = (low + high) >> 1;
    if (endsWithin(length, assembled(kernel, middle))) low = middle;
    else high = middle;
  }
  return assembled(kernel, low);
}

if (process.argv[2] === "cell") {
  const { cell } = await import("./peers/cell.ts");
  await cell(process.argv[3]!, process.argv[4]!);
} else {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-short-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const self = fileURLToPath(import.meta.url);
  process.stdout.write(
    `| ms, of so many instructions | ${LENGTHS.map((n) => `${n / 1e6} M`).join(" | ")} |\n`,
  );
  process.stdout.write(`| --- |${LENGTHS.map(() => " --: |").join("")}\n`);
  for (const kernel of KERNELS) {
    const programs = LENGTHS.map((length) => programOf(kernel, length));
    const times = new Map(ENGINES.map((engine) => [engine, LENGTHS.map((): number[] => [])]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, program] of programs.entries()) {
        if (program === undefined) continue;
        const file = join(folder, kernel);
        writeFileSync(file, program);
        for (const engine of ENGINES) {
          const { status, stdout } = spawnSync(process.execPath, [self, "cell", engine, file], {
            encoding: "utf8",
          });
          if (status !== 0) throw new Error(`${kernel} ended with ${status}`);
          times.get(engine)![i]!.push(Number(stdout.split(" ")[0]) / 1e6);
        }
      }
    }
    for (const [engine, all] of times) {
      const cells = all.map((each) => (each.length === 0 ? "–" : median(each).toFixed(1)));
      process.stdout.write(`| ${kernel}, ${engine} | ${cells.join(" | ")} |\n`);
    }
  }
}
