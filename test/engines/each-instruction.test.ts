/**
 * A run that ends in the middle of compiled code is finished by the interpreter, instruction by instruction. So what
 * compiled code has made of the first k instructions is looked at where something ends it behind them: int3.
 */
import { expect, test } from "vitest";
import { DECODED, decode, makeInstruction } from "../../src/isa/index.ts";
import { type Core, Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { type Case, differences } from "../conformance/processor/case.ts";
import { sequence } from "../conformance/processor/generate.ts";
import { groups } from "../conformance/processor/groups.ts";
import { options, Subject } from "../conformance/processor/ours.ts";

const fields = makeInstruction();

/** The case with its code cut behind the first instruction, the second, and so on. */
function* beginnings(one: Case): Generator<Case> {
  const pokes = [...one.pokes];
  const { address, bytes } = pokes.pop()!;
  for (let length = 0; length < bytes.length; ) {
    if (decode(bytes, length, bytes.length, 32, fields) !== DECODED) return;
    length += fields.length;
    yield { ...one, pokes: [...pokes, { address, bytes: bytes.slice(0, length) }] };
  }
}

const interpreted = new Subject(new Machine({ ...options, engine: "interpreter" }));
let engine: CompilingEngine | undefined;
const compiled = new Subject(
  new Machine({
    ...options,
    engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true, most: 60 })),
  }),
);

const [mixed] = groups.mixed();
const x87 = groups.x87().find(({ sequences }) => sequences)!;

test.each([
  ["of the integer unit", (n: number) => sequence(5, n)],
  ["of all units", (n: number) => mixed!.make(5, n)],
  ["of the x87", (n: number) => x87.make(5, n)],
] as const)("compiled code has done what the interpreter has, after each instruction %s", (_, make) => {
  const [all, inCode] = [compiled.machine.instructions, engine!.executed];
  for (let n = 0; n < 40; n++) {
    let k = 0;
    for (const one of beginnings(make(n))) {
      const found = differences(interpreted.answer(one), compiled.answer(one));
      expect(found, `case ${n}, behind ${++k} instructions`).toEqual([]);
    }
  }
  // Where the x87 meets what is rare, compiled code ends, perhaps some instructions before it, and goes on behind it.
  const executed = engine!.executed - inCode;
  expect(executed / (compiled.machine.instructions - all)).toBeGreaterThan(0.45);
});
