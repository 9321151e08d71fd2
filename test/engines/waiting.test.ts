/**
 * How much of a program's time goes into compiling it, counted in instructions that were compiled: what takes how long
 * depends on the host, and is measured by the benches.
 */
import { describe, expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { type Core, loadImage, Machine, type MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

const MEMORY = 1 << 20;

/** Endless rounds through so many routines, each with a loop of its own. */
function program(routines: number): Uint8Array {
  const all = Array.from({ length: routines }, (_, n) => n);
  const body = Array.from({ length: 24 }, (_, n) => [" add eax,edx", " xor edx,eax", " rol eax,3"][n % 3]);
  const source = [
    "use32\norg 0x1000\nagain:",
    ...all.map((n) => ` call routine${n}`),
    " jmp again",
    ...all.map((n) => `routine${n}:\n mov ecx,4\n.l:\n${body.join("\n")}\n add edx,${n}\n loop .l\n ret`),
  ].join("\n");
  const made = assemble("large.asm", { files: memoryFiles({ "large.asm": source }) });
  expect(made.diagnostics).toEqual([]);
  return made.bytes;
}

function ran(bytes: Uint8Array, engine: MachineOptions["engine"], instructions: number): Machine {
  const machine = new Machine({ memoryBytes: MEMORY, engine });
  loadImage(machine, rawImage(bytes, { origin: 0x1000 }));
  machine.memory.map(0, MEMORY);
  machine.cpu.esp = MEMORY;
  expect(machine.run(instructions)).toEqual({ reason: "budget" });
  return machine;
}

function compiled(bytes: Uint8Array, instructions: number): CompilingEngine {
  let engine: CompilingEngine | undefined;
  const machine = ran(bytes, (core: Core) => (engine = new CompilingEngine(core)), instructions);
  const other = ran(bytes, "interpreter", instructions);
  expect(machine.instructions).toBe(instructions);
  expect(machine.saveContext()).toEqual(other.saveContext());
  return engine!;
}

describe("a short program does not wait for the compiler", () => {
  const [small, large] = [program(3), program(120)];

  test("below a million instructions not at all", () => {
    for (const instructions of [50_000, 1_000_000])
      for (const each of [small, large]) expect(compiled(each, instructions).waitedFor).toBe(0);
  });

  test("behind it small and large ones are compiled", () => {
    const { waitedFor, executed } = compiled(small, 3_000_000);
    expect(waitedFor).toBeGreaterThan(3 * 26);
    expect(executed).toBeGreaterThan(1_500_000);
    const all = compiled(large, 40_000_000);
    expect(all.waitedFor).toBeGreaterThan(120 * 26);
    expect(all.executed).toBeGreaterThan(15_000_000);
  });
});

test("for each instruction that is compiled many were executed before", () => {
  const large = program(400);
  for (const instructions of [1_100_000, 2_000_000, 16_000_000])
    expect(compiled(large, instructions).waitedFor).toBeLessThanOrEqual(instructions / 8000);
});
