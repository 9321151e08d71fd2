/**
 * Sequences that mix instructions of every kind: integer, x87, MMX and SSE, one after another, so that what one unit
 * leaves behind (flags, x87 or MMX mode, exceptions that wait, memory) is what the next one finds.
 */
import { Random } from "../../../src/base/index.ts";
import type { Form } from "../../../src/isa/index.ts";
import { CODE, DATA, STACK } from "./arena.ts";
import type { Case, Poke } from "./case.ts";
import { askedVector, PLAIN_BYTES, plainCode, type Series, steady, TELLING } from "./generate.ts";
import { fxsaveArea } from "./vector.ts";
import { askedX87, TRANSCENDENTAL } from "./x87.ts";

/** What loads pointers to instructions and data that never were, or writes more than its operand says. */
const ODD = /^(fldenv|frstor|fn?saved?|fn?savew|fn?stenv|fxsave|fxrstor|maskmov|pcmp.str)/;

export const steadyVector: readonly Form[] = askedVector.filter((form) => !ODD.test(form.name));
export const steadyX87: readonly Form[] = askedX87.filter(
  (form) => !ODD.test(form.name) && !TRANSCENDENTAL.test(form.name),
);

/** A random steady instruction of any unit; `weights` are those of integer, vector and x87 forms. */
export function anyInstruction(random: Random, weights: readonly [number, number, number]): number[] {
  const [integer, vector, x87] = weights;
  const choice = random.below(integer + vector + x87);
  const list = choice < integer ? steady : choice < integer + vector ? steadyVector : steadyX87;
  return plainCode(list[random.below(list.length)]!, random);
}

export const randomRegisters = (random: Random): number[] => {
  const registers = Array.from({ length: 8 }, () =>
    random.below(2) === 0 ? TELLING[random.below(TELLING.length)]! : random.u32(),
  );
  registers[4] = STACK.start + 0x800;
  return registers;
};

/** What plain operands hold: a state that vector instructions like, the rest at random. */
export function plainData(random: Random): Poke {
  const form = steadyVector[random.below(steadyVector.length)]!;
  const bytes = Uint8Array.from({ length: PLAIN_BYTES }, () => random.below(256));
  bytes.set(fxsaveArea(form, random).subarray(160, 160 + 112));
  return { address: DATA.start, bytes };
}

/** Registers of all units at the edges of some form of MMX or SSE. */
export function vectorState(random: Random): Uint8Array {
  return fxsaveArea(steadyVector[random.below(steadyVector.length)]!, random);
}

function mixture(seed: number, n: number, weights: readonly [number, number, number]): Case {
  const random = new Random((Math.imul(seed, 0x27d4_eb2f) + Math.imul(n, 0x1656_67b1) + weights[1]) | 0);
  const code: number[] = [];
  for (let length = 3 + random.below(22); length > 0; length--) code.push(...anyInstruction(random, weights));
  return {
    registers: randomRegisters(random),
    eip: CODE.start + 0x400,
    eflags: 0x202 | (random.u32() & 0x8d5),
    pokes: [plainData(random), { address: CODE.start + 0x400, bytes: Uint8Array.from(code) }],
    fxsave: vectorState(random),
    form: steady[0]!.index,
    number: n,
  };
}

const MIXTURES: Readonly<Record<string, readonly [number, number, number]>> = {
  "all units": [1, 1, 1],
  "integer and vector": [1, 1, 0],
  "integer and x87": [1, 0, 1],
  "vector and x87": [0, 1, 1],
  vector: [0, 1, 0],
};

export const mixedSeries = (): Series[] =>
  Object.entries(MIXTURES).map(([name, weights]) => ({
    key: `sequences of ${name}`,
    name: `sequences of ${name}`,
    sequences: true,
    make: (seed, n) => mixture(seed, n, weights),
  }));
