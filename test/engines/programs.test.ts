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
  [
    "compiled when it has been executed twice",
    compiled({ threshold: 2, most: 200, together: 2 }),
    [1000, 13, 170, 555],
  ],
  [
    "compiled when it has been executed once",
    compiled({ threshold: 1, most: 200, together: 5 }),
    [90, 1000, 3, 400],
  ],
  ["the same, but not at first", compiled({ threshold: 1, most: 200, after: 60_000 }), [90, 1000, 3, 400]],
];

/** Where compiling is looked at from every side, one is enough of those that compile soon. */
const soon = [compiled({ ahead: true, most: 50 }), compiled({ threshold: 1, most: 200, together: 3 })];

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
      compiled({ threshold: 2, most: 200, together: 4, after: seed % 2 === 0 ? 0 : 60_000 }),
      pieces,
      3000,
      watch,
    );
    expect(found, `program ${seed}`).not.toHaveProperty("differs");
  }
});

test("single steps begin and end in the middle of compiled code", () => {
  const TF = 0x100;
  let traps = 0;
  const watch = (machine: Machine, piece: number): void => {
    const { cpu } = machine;
    // Behind each step a trap: twenty of them, and then fifty pieces without.
    if (piece % 70 === 50) cpu.eflags |= TF;
    if (piece % 70 === 0) cpu.eflags &= ~TF;
    if (cpu.eflags & TF) traps++;
  };
  for (const options of soon)
    for (let seed = 500; seed < 512; seed++) {
      const found = compareRuns(program(seed), interpreted, options, [40, 150, 7, 90], 6000, watch);
      expect(found, `program ${seed}`).not.toHaveProperty("differs");
    }
  expect(traps).toBeGreaterThan(200);
});

test("code that others write, take away and bring back is executed as it is then", () => {
  let written = 0;
  const watch = (machine: Machine, piece: number): void => {
    const random = new Random(piece);
    const { memory } = machine;
    const at = CODE + random.below(400);
    const kind = random.below(8);
    const bytes = Uint8Array.from({ length: 1 + random.below(6) }, () => 0x40 + random.below(16)); // inc, dec
    if (kind === 0) memory.write(at, bytes);
    else if (kind === 1) memory.place(at, bytes);
    // A constant, or what was one.
    else if (kind === 2) memory.set32(at, random.u32());
    else if (kind === 3) {
      // All of it anew, as a loader does.
      const page = at & ~0xfff;
      const old = memory.read(page, 0x1000)!;
      memory.unmap(page, 0x1000);
      memory.map(page, 0x1000);
      memory.place(page, old);
    } else return;
    written++;
  };
  for (const options of soon)
    for (let seed = 600; seed < 620; seed++) {
      const found = compareRuns(program(seed), interpreted, options, [40, 150, 7, 90], 4000, watch);
      expect(found, `program ${seed}`).not.toHaveProperty("differs");
    }
  expect(written).toBeGreaterThan(150);
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
