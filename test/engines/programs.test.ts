import { expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { Interpreter } from "../../src/machine/cpu/interpret.ts";
import type { Core, Machine, MachineOptions } from "../../src/machine/index.ts";
import { type CompilerOptions, CompilingEngine } from "../../src/machine/jit/index.ts";
import { CODE, compareRuns, DATA, program, STACK } from "./programs.ts";

const compiled = (options: CompilerOptions): MachineOptions => ({
  engine: (core: Core) => new CompilingEngine(core, options),
});

const interpreted: MachineOptions = { engine: "interpreter" };

const ways: [name: string, MachineOptions, pieces: readonly number[]][] = [
  ["compiled before it is executed", compiled({ ahead: true, most: 50 }), [100_000]],
  ["the same, in pieces", compiled({ ahead: true, most: 50 }), [7, 100, 33, 1, 250, 61, 19]],
  ["compiled when it has been executed twice", compiled({ threshold: 2, most: 200 }), [1000, 13, 170, 555]],
];

test.each(ways)("random programs do what they do interpreted: %s", (_, options, pieces) => {
  const differing: string[] = [];
  for (let seed = 1; seed <= 12; seed++) {
    const found = compareRuns(program(seed), interpreted, options, pieces, 3000);
    if ("differs" in found) differing.push(`program ${seed}: ${found.differs}`);
  }
  expect(differing).toEqual([]);
});

test("a run can be cut anywhere", () => {
  for (const seed of [101, 102]) {
    const code = program(seed);
    for (let first = 1; first < 120; first++) {
      const found = compareRuns(code, interpreted, compiled({ ahead: true, most: 40 }), [first, 1000], 200);
      expect(found, `program ${seed} cut after ${first} instructions`).not.toHaveProperty("differs");
    }
  }
});

test("hooks are told the same, whenever they are set and taken away", () => {
  const watch = (machine: Machine, piece: number, log: string[]): void => {
    if (piece % 6 === 1) {
      machine.onMemory(
        [
          { start: DATA + 0x40, end: DATA + 0x60, read: true, write: true },
          { start: STACK - 16, end: STACK, write: true },
        ],
        (access, address, length) => void log.push(`${access} ${address.toString(16)} ${length}`),
      );
    } else if (piece % 6 === 4) machine.onMemory([], undefined);
    if (piece % 10 === 7) machine.onInstruction((address) => void log.push(`at ${address.toString(16)}`));
    else if (piece % 10 === 8) machine.onInstruction(undefined);
    if (piece % 8 === 3) machine.breakpoints.add(CODE + 40);
    else if (piece % 8 === 6) machine.breakpoints.clear();
  };
  const pieces = [40, 150, 7, 90, 300];
  for (let seed = 200; seed < 212; seed++) {
    const found = compareRuns(
      program(seed),
      interpreted,
      compiled({ threshold: 2, most: 200 }),
      pieces,
      3000,
      watch,
    );
    expect(found, `program ${seed}`).not.toHaveProperty("differs");
  }
});

test("breakpoints stop where single steps would have met them", () => {
  // An engine that does not hear of breakpoints is looked after instruction by instruction.
  const deaf: MachineOptions = {
    engine: (core: Core) => {
      const inner = new Interpreter(core);
      return {
        name: "deaf",
        run: (budget) => inner.run(budget),
        codeWritten: (address, length) => inner.codeWritten(address, length),
        flush: () => inner.flush(),
      };
    },
  };
  let stops = 0;
  const watch = (machine: Machine, piece: number): void => {
    const random = new Random(piece);
    if (piece % 7 === 6) machine.breakpoints.clear();
    for (let n = 0; n < 6; n++) machine.breakpoints.add(CODE + random.below(300));
    for (const address of machine.breakpoints) if (random.below(3) === 0) machine.breakpoints.delete(address);
    stops += machine.breakpoints.has(machine.cpu.eip) ? 1 : 0;
  };
  for (const options of [
    interpreted,
    compiled({ ahead: true, most: 50 }),
    compiled({ threshold: 2, most: 200 }),
  ])
    for (let seed = 300; seed < 320; seed++) {
      const found = compareRuns(program(seed), deaf, options, [400, 3, 1000, 60], 3000, watch);
      expect(found, `program ${seed}`).not.toHaveProperty("differs");
    }
  expect(stops).toBeGreaterThan(100);
});
