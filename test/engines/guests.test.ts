/**
 * The guest programs of asm/ on every engine: alone, and with each other in the laboratories of asm/labs. What they
 * print, what they send, how many instructions they execute and what is left of them in the end is the same.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Computer } from "../../src/computer.ts";
import { describeLab, Lab, type LabDescription } from "../../src/lab/index.ts";
import type { Core, EngineMaker } from "../../src/machine/index.ts";
import { Interpreter } from "../../src/machine/index.ts";
import { type CompilerOptions, CompilingEngine } from "../../src/machine/jit/index.ts";
import { Switch } from "../../src/net/index.ts";
import { parseLab } from "../../src/node/cli/lab-file.ts";
import { World } from "../../src/world.ts";
import { program as image } from "../guide/programs.ts";
import { unicorns } from "./unicorns.ts";

const interpreter: EngineMaker = (core: Core) => new Interpreter(core);

/** An engine, and how many instructions all those made so have executed compiled. */
function compiling(options: CompilerOptions): { engine: EngineMaker; executed: () => number } {
  const made: CompilingEngine[] = [];
  const engine = (core: Core): CompilingEngine => {
    const one = new CompilingEngine(core, options);
    made.push(one);
    return one;
  };
  return { engine, executed: () => made.reduce((sum, { executed }) => sum + executed, 0) };
}

const ways: readonly (readonly [name: string, CompilerOptions])[] = [
  ["compiled when it was executed once", { threshold: 1, most: 200, together: 3 }],
  ["compiled before it is executed", { ahead: true, most: 60 }],
];

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** All that can be told of a computer. */
function told(computer: Computer): unknown {
  // In a laboratory one may be to begin later than all is over.
  if (computer.instructions === 0) return undefined;
  const { state, debugBoard, stack, memory } = computer;
  const all = memory
    .runs()
    .map(({ address, length }) => `${address} ${digest(memory.read(address, length)!)}`);
  return { state, debugBoard, counters: stack.nics.map(({ counters }) => counters), all };
}

const SECOND = 1_000_000;

/** Programs on one switch, each with its arguments, at 10.0.2.15 and fd00::15 and on. They run until the last has ended. */
function together(
  engine: EngineMaker,
  programs: readonly (readonly [name: string, args: string])[],
): unknown {
  const world = new World({ seed: 5 });
  const lan = new Switch({ clock: world.clock });
  const computers = programs.map(([name, args], i) => {
    const port = lan.plug();
    const interfaces = [{ port, address: `10.0.2.${15 + i}/24`, addresses6: [`fd00::${15 + i}/64`] }];
    const computer = new Computer({ world, interfaces, memoryBytes: 4 << 20, engine });
    computer.load(image(`asm/${name}`), { args });
    return computer;
  });
  const last = computers.at(-1)!;
  world.run({ until: () => last.stop !== undefined, timeout: 30 * SECOND });
  expect(last.stop).toEqual({ reason: "exit" });
  return [world.now, ...computers.map(told)];
}

const programs: Readonly<Record<string, readonly (readonly [name: string, args: string])[]>> = {
  "hello.asm": [["hello.asm", ""]],
  "http-server.asm": [
    ["http-server.asm", ""],
    ["tcp-client.asm", "10.0.2.15 80 GET /none HTTP/1.0"],
    ["tcp-client.asm", "10.0.2.15 80 GET / HTTP/1.0"],
  ],
  "tcp-client.asm": [["tcp-client.asm", "10.0.2.77 80 nobody is there"]],
  "echo-server.asm": [
    ["echo-server.asm", "77"],
    ["tcp-client.asm", "10.0.2.15 7 a port where nobody listens"],
  ],
  "echo6.asm": [
    ["echo6.asm", ""],
    ["echo6.asm", "fd00::15 Hello"],
  ],
};

/** In a laboratory nobody else's engine is asked for: there is a place for one. */
function laboratory(engine: EngineMaker, file: string): unknown {
  const description = describeLab(parseLab(readFileSync(`asm/labs/${file}`, "utf8")));
  const machines = Object.fromEntries(
    Object.entries(description.machines).map(([name, each]) => {
      return [name, { ...each, engine: "unicorn" }];
    }),
  ) as LabDescription["machines"];
  const capture = createHash("sha256");
  const lab = new Lab(
    { ...description, machines },
    {
      program: ({ program }) => image(program.replace("../", "asm/")),
      unicorn: engine,
      capture: (chunk) => void capture.update(chunk),
    },
  );
  const { verdicts, at, end } = lab.run();
  return [verdicts, at, end, capture.digest("hex"), ...[...lab.computers.values()].map(told)];
}

test("every program of asm/ takes part", () => {
  const labs = readdirSync("asm/labs").map((name) => readFileSync(`asm/labs/${name}`, "utf8"));
  const missing = readdirSync("asm")
    .filter((name) => name.endsWith(".asm"))
    .filter((name) => !(name in programs) && !labs.some((text) => text.includes(`../${name}`)));
  expect(missing).toEqual([]);
});

const deeds: readonly (readonly [name: string, run: (engine: EngineMaker) => unknown])[] = [
  ...Object.entries(programs).map(
    ([name, all]) => [name, (engine: EngineMaker) => together(engine, all)] as const,
  ),
  ...readdirSync("asm/labs")
    // A hundred clients do what the others' do.
    .filter((name) => name.endsWith(".yaml") && name !== "hundred-clients.yaml")
    .map((file) => [`labs/${file}`, (engine: EngineMaker) => laboratory(engine, file)] as const),
];

test.each(deeds)("%s does the same on every engine", (_, run) => {
  const expected = run(interpreter);
  for (const [name, options] of ways) {
    const { engine, executed } = compiling(options);
    expect(run(engine), name).toEqual(expected);
    expect(executed(), name).toBeGreaterThan(0);
  }
});

/** Flags that the last instruction may have left undefined Unicorn leaves as QEMU does. */
const STATUS_FLAGS = 0x8d5;
const withoutStatus = (all: unknown): unknown =>
  JSON.parse(
    JSON.stringify(all, (key, value) => (key === "eflags" ? (value as number) & ~STATUS_FLAGS : value)),
  );

for (const { title, engine, isPlayed } of unicorns)
  test.skipIf(engine === undefined).each(
    // In a part of its own libunicorn is slow, and has shown already what it makes of the laboratories.
    deeds.filter(([name]) => !isPlayed || !name.startsWith("labs/")),
  )(`%s does the same with Unicorn as the engine: ${title}`, (_, run) => {
    expect(withoutStatus(run(engine!))).toEqual(withoutStatus(run(interpreter)));
  });
