import { expect, test } from "vitest";
import type { Core, MachineOptions } from "../../src/machine/index.ts";
import { type CompilerOptions, CompilingEngine } from "../../src/machine/jit/index.ts";
import { compareRuns, program } from "./programs.ts";

const compiled = (options: CompilerOptions): MachineOptions => ({
  engine: (core: Core) => new CompilingEngine(core, options),
});

const ways: [name: string, MachineOptions, pieces: readonly number[]][] = [
  ["compiled before it is executed", compiled({ ahead: true, most: 50 }), [100_000]],
  ["the same, in pieces", compiled({ ahead: true, most: 50 }), [7, 100, 33, 1, 250, 61, 19]],
  ["compiled when it has been executed twice", compiled({ threshold: 2, most: 200 }), [1000, 13, 170, 555]],
];

test.each(ways)(
  "random programs do what they do interpreted: %s",
  (_, options, pieces) => {
    const differing: string[] = [];
    for (let seed = 1; seed <= 12; seed++) {
      const found = compareRuns(program(seed), {}, options, pieces, 3000);
      if ("differs" in found) differing.push(`program ${seed}: ${found.differs}`);
    }
    expect(differing).toEqual([]);
  },
  120_000,
);

test("a run can be cut anywhere", () => {
  for (const seed of [101, 102]) {
    const code = program(seed);
    for (let first = 1; first < 120; first++) {
      const found = compareRuns(code, {}, compiled({ ahead: true, most: 40 }), [first, 1000], 200);
      expect(found, `program ${seed} cut after ${first} instructions`).not.toHaveProperty("differs");
    }
  }
}, 120_000);
