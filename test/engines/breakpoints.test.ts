/** Hardware breakpoints as a real processor had them (fixtures/processor/breakpoints.txt), in every engine. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Core, MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { answer, assembled } from "../conformance/processor/breakpoints.ts";

const recorded = readFileSync(
  new URL("../../fixtures/processor/breakpoints.txt", import.meta.url),
  "utf8",
).trimEnd();

test.each<[string, MachineOptions]>([
  ["interpreted", { engine: "interpreter" }],
  ["each instruction in the general way", { unspecialised: true }],
  ["compiled", { engine: (core: Core) => new CompilingEngine(core, { ahead: true, most: 20 }) }],
])("breakpoints are those of a real processor: %s", (_, engine) => {
  const lines = assembled().map((piece) => `${piece.name} => ${answer(piece, engine)}`);
  expect(lines).toEqual(recorded.split("\n"));
});
