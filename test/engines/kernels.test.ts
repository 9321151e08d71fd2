/** The guest programs of asm/bench, compiled at once, soon and as it is usual: what they have done by a count is the same. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { type Core, loadImage, Machine, type MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

const MEMORY = 16 * 2 ** 20;
/** Behind both the kernel has compiled code of its own; the second ends in the middle of something. */
const COUNTS = [40_000, 77_113];

const folder = new URL("../../asm/bench/", import.meta.url);
const files = memoryFiles(
  Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "latin1")]),
  ),
);
const kernels = readdirSync(folder).filter((name) => name.endsWith(".asm"));

const ways: readonly (readonly [name: string, MachineOptions["engine"]])[] = [
  ["compiled before it is executed", (core: Core) => new CompilingEngine(core, { ahead: true, most: 100 })],
  ["compiled when it has been executed once", (core: Core) => new CompilingEngine(core, { threshold: 1 })],
  ["compiled", "compiled"],
];

function states(program: Uint8Array, engine: MachineOptions["engine"]): unknown[] {
  const machine = new Machine({ memoryBytes: MEMORY, engine });
  loadImage(machine, rawImage(program, { origin: 0x1000 }));
  machine.memory.map(0, MEMORY);
  machine.cpu.esp = MEMORY;
  // The call that is answered; the other one is the end.
  machine.onInterrupt(() => machine.cpu.eax === 3);
  return COUNTS.map((count) => {
    const stop = machine.run(count - machine.instructions);
    const memory = Buffer.from(machine.memory.read(0, MEMORY)!);
    return { stop, count: machine.instructions, context: machine.saveContext(), memory };
  });
}

test("there are kernels", () => expect(kernels.length).toBeGreaterThan(15));

test.each(kernels)("%s does the same on every engine", (kernel) => {
  const made = assemble(kernel, { files });
  expect(made.diagnostics).toEqual([]);
  const expected = states(made.bytes, "interpreter");
  for (const [name, engine] of ways) {
    for (const [i, state] of states(made.bytes, engine).entries()) {
      const { memory, ...rest } = state as { memory: Buffer };
      const { memory: wanted, ...others } = expected[i] as { memory: Buffer };
      expect(rest, `${name}, after ${COUNTS[i]}`).toEqual(others);
      expect(memory.equals(wanted), `memory, ${name}, after ${COUNTS[i]}`).toBe(true);
    }
  }
});
