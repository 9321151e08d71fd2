/**
 * Sequences that mix instructions of every kind: integer, x87, MMX and SSE, one after another, so that what one unit
 * leaves behind (flags, x87 or MMX mode, exceptions that wait, memory) is what the next one finds.
 */
import { Random } from "../../../src/base/index.ts";
import type { Form } from "../../../src/isa/index.ts";
import { CODE, DATA, STACK } from "./arena.ts";
import type { Case, Poke } from "./case.ts";
import { askedVector, JUMP, PLAIN_BYTES, plainCode, type Series, steady, TELLING } from "./generate.ts";
import { fxsaveArea } from "./vector.ts";
import { askedX87, TRANSCENDENTAL } from "./x87.ts";

/** What loads pointers to instructions and data that never were, or writes more than its operand says. */
export const ODD = /^(fldenv|frstor|fn?saved?|fn?savew|fn?stenv|fxsave|fxrstor|maskmov|pcmp.str)/;

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

const dword = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

/** Where a loop counts, which nothing else writes. */
const COUNTER = DATA.start + 0x1f00;
const STRINGS = DATA.start + 0x800;

/** One instruction, or a few that belong together: of the stack, strings, divisions, jumps, or any. */
function stretch(random: Random, depth: number): number[] {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const register = (): number => pick([0, 1, 2, 3, 5, 6, 7]);
  const some = (): number[] => {
    const code: number[] = [];
    for (let count = 1 + random.below(3); count > 0; count--) code.push(...stretch(random, depth + 1));
    return code;
  };
  const narrow = random.below(3) === 0 ? [0x66] : [];
  switch (random.below(depth > 1 ? 8 : 13)) {
    case 0:
      return [
        ...narrow,
        ...pick([
          [0x50 + random.below(8)],
          [0xff, 0x35, ...dword(DATA.start + random.below(64))],
          [0x9c],
          [0x54],
        ]),
      ];
    case 1:
      return pick([
        [0x68, ...dword(random.u32())],
        [0x6a, random.below(256)],
        [0x60],
        [0x83, 0xec, 4 * random.below(8)],
      ]);
    case 2:
      return [
        ...narrow,
        ...pick([
          [0x58 + register()],
          [0x8f, 0x05, ...dword(DATA.start + random.below(64))],
          [0x8b, 0x04 | (register() << 3), 0x24],
        ]),
      ];
    case 3:
      return pick([
        [0x61],
        [0x83, 0xc4, 4 * random.below(8)],
        [0x9c, 0x81, 0x34, 0x24, ...dword(random.u32() & 0x8d5), 0x9d],
        [0x9f],
        [0x9e],
      ]);
    case 4: {
      // mov divisor; the dividend's upper half smaller than it, mostly; div or idiv
      const divisor = pick([3, 5, 6, 7]);
      const upper = pick([[0x31, 0xd2], [0x99], [0x66, 0x99], [0xba, ...dword(random.below(64))]]);
      const size = pick([[0xf7], [0x66, 0xf7], [0xf6]]);
      const number = size[0] === 0xf6 ? 3 : divisor;
      return [0xb8 + number, ...dword(pick(TELLING) || 3), ...upper, ...size, pick([0xf0, 0xf8]) | number];
    }
    case 5:
      return [
        ...[0xbe, ...dword(STRINGS + random.below(64)), 0xbf, ...dword(STRINGS + 32 + random.below(64))],
        ...[0xb9, ...dword(random.below(20))],
        ...pick([[], [0xfc], [0xfd]]),
        ...pick([[], [0xf2], [0xf3], [0xf3]]),
        ...narrow,
        pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]),
      ];
    case 6:
      return pick([
        [0x0f, 0xc7, 0x0d, ...dword(DATA.start + random.below(56))],
        [0xbb, ...dword(DATA.start), 0xd7],
        [0xf0, 0x0f, 0xc7, 0x0d, ...dword(DATA.start + 8 * random.below(7))],
        [0x0f, 0xa3 | (8 * random.below(4)), 0xc0 | random.below(8) | (register() << 3)],
      ]);
    case 7:
    case 8: {
      const over = some();
      return over.length > 127 ? over : [0x70 + random.below(16), over.length, ...over];
    }
    case 9: {
      // mov byte [counter],n; what is repeated; dec byte [counter]; jnz
      const body = some();
      const back = -(body.length + 6 + 6);
      const loop = [
        0xc6,
        0x05,
        ...dword(COUNTER),
        1 + random.below(5),
        ...body,
        0xfe,
        0x0d,
        ...dword(COUNTER),
      ];
      return depth > 0 ? body : [...loop, 0x0f, 0x85, ...dword(back)];
    }
    case 10: {
      // call over what is skipped by a jump, and back
      const inner = some();
      return [0xe8, ...dword(5), 0xe9, ...dword(inner.length + 1), ...inner, 0xc3];
    }
    case 11:
      return [0xc8, ...[4 * random.below(4), 0], random.below(3), ...some(), 0xc9];
    default:
      return anyInstruction(random, [3, 1, 1]);
  }
}

/** Sequences in which ESP moves, code is jumped over and repeated. */
function flow(seed: number, n: number): Case {
  const random = new Random((Math.imul(seed, 0x1b87_3593) + Math.imul(n, 0x85eb_ca77) + 5) | 0);
  const code: number[] = [];
  for (let length = 3 + random.below(12); length > 0; length--) code.push(...stretch(random, 0));
  const registers = randomRegisters(random);
  registers[5] = STACK.start + 0x900;
  const strings = Uint8Array.from({ length: 192 }, (_, i) =>
    random.below(8) === 0 ? random.below(256) : 5 + (i & 1),
  );
  return {
    registers,
    eip: CODE.start + 0x400,
    eflags: 0x202 | (random.u32() & 0x8d5),
    pokes: [
      plainData(random),
      { address: STRINGS - 32, bytes: strings },
      { address: CODE.start + 0x400, bytes: Uint8Array.from(code) },
    ],
    fxsave: vectorState(random),
    form: JUMP,
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

const FLOW = "sequences with the stack, strings, divisions and jumps";

export const mixedSeries = (): Series[] => [
  ...Object.entries(MIXTURES).map(
    ([name, weights]): Series => ({
      key: `sequences of ${name}`,
      name: `sequences of ${name}`,
      sequences: true,
      make: (seed, n) => mixture(seed, n, weights),
    }),
  ),
  { key: FLOW, name: FLOW, sequences: true, make: flow },
];
