/** Numbers of single and double precision: arithmetic, comparison, rounding. SDM vol. 1, 10.4, 11.4, 12. */
import { CF, PF, setArithmetic, ZF } from "../flags.ts";
import * as binary from "../float/binary.ts";
import { reciprocal, reciprocalRoot } from "../float/estimate.ts";
import { i32 } from "../float/lanes.ts";
import type { Executor } from "../operation.ts";
import { WORD } from "../state.ts";
import { fetch, type Kernel, layFirst, settle } from "./vector.ts";

const packed4 =
  (operation: binary.Operation): Kernel =>
  () => {
    for (let i = 0; i < 4; i++) operation(i, 4 + i, 8 + i);
  };
const packed2 =
  (operation: binary.Operation): Kernel =>
  () => {
    operation(0, 2, 4);
    operation(1, 3, 5);
  };
const scalar4 =
  (operation: binary.Operation): Kernel =>
  () =>
    operation(0, 4, 8);
const scalar2 =
  (operation: binary.Operation): Kernel =>
  () =>
    operation(0, 2, 4);

/** Each operation with its four sizes, by the beginning of its name. */
const operations: Readonly<Record<string, readonly [single: binary.Operation, double: binary.Operation]>> = {
  add: [binary.addSingle, binary.addDouble],
  sub: [binary.subtractSingle, binary.subtractDouble],
  mul: [binary.multiplySingle, binary.multiplyDouble],
  div: [binary.divideSingle, binary.divideDouble],
  sqrt: [binary.rootSingle, binary.rootDouble],
  min: [binary.leastSingle, binary.leastDouble],
  max: [binary.greatestSingle, binary.greatestDouble],
};

// Comparison -------------------------------------------------------------------------------------------------

/** eq lt le unord neq nlt nle ord: by order (0 equal, 1 less, 2 greater, 3 unordered) a bit each. */
const HOLDS = [0b0001, 0b0010, 0b0011, 0b1000, 0b1110, 0b1101, 0b1100, 0b0111] as const;
/** lt le nlt nle find quiet NaNs invalid, too. SDM vol. 2A, CMPPD. */
const signals = (predicate: number): boolean => (predicate & 3) === 1 || (predicate & 3) === 2;

function compareSingle(i: number, predicate: number): void {
  const order = binary.orderSingle(i, 4 + i, signals(predicate));
  i32[8 + i] = (HOLDS[predicate]! >> order) & 1 ? -1 : 0;
}

function compareDouble(i: number, predicate: number): void {
  const order = binary.orderDouble(i, 2 + i, signals(predicate));
  i32[8 + 2 * i] = i32[9 + 2 * i] = (HOLDS[predicate]! >> order) & 1 ? -1 : 0;
}

/** cmpps and its like; the predicate is the constant, of which three bits count. */
export const comparisons: Readonly<Record<string, Kernel>> = {
  ps: (_, immediate) => {
    for (let i = 0; i < 4; i++) compareSingle(i, immediate & 7);
  },
  ss: (_, immediate) => compareSingle(0, immediate & 7),
  pd: (_, immediate) => {
    compareDouble(0, immediate & 7);
    compareDouble(1, immediate & 7);
  },
  sd: (_, immediate) => compareDouble(0, immediate & 7),
};

const FLAGS = [ZF, CF, 0, ZF | PF | CF] as const;

/** comiss, comisd, ucomiss and ucomisd. */
export const compareFlags =
  (bytes: number, signalling: boolean): Executor =>
  (cpu, op) => {
    fetch(cpu, op, bytes, false);
    layFirst(cpu, op.a);
    binary.begin(cpu.words[WORD.MXCSR]!);
    const order = bytes === 4 ? binary.orderSingle(0, 4, signalling) : binary.orderDouble(0, 2, signalling);
    settle(cpu);
    setArithmetic(cpu.words, FLAGS[order]!);
  };

// Estimates --------------------------------------------------------------------------------------------------

const estimates =
  (lanes: number, estimate: (from: number, to: number) => void): Kernel =>
  () => {
    for (let i = 0; i < lanes; i++) estimate(4 + i, 8 + i);
  };

// Horizontal -------------------------------------------------------------------------------------------------

const horizontal4 =
  (operation: binary.Operation): Kernel =>
  () => {
    for (let i = 0; i < 4; i++) operation(2 * i, 2 * i + 1, 8 + i);
  };
const horizontal2 =
  (operation: binary.Operation): Kernel =>
  () => {
    operation(0, 1, 4);
    operation(2, 3, 5);
  };

/** Dot products: multiplied, added in pairs, added. */
export const dotProducts: Readonly<Record<string, readonly Kernel[]>> = {
  dpps: [
    (_, immediate) => {
      for (let i = 0; i < 4; i++) {
        if (immediate & (16 << i)) binary.multiplySingle(i, 4 + i, 12 + i);
        else i32[12 + i] = 0;
      }
    },
    () => {
      binary.addSingle(12, 13, 16);
      binary.addSingle(14, 15, 17);
    },
    (_, immediate) => {
      binary.addSingle(16, 17, 18);
      for (let i = 0; i < 4; i++) i32[8 + i] = immediate & (1 << i) ? i32[18]! : 0;
    },
  ],
  dppd: [
    (_, immediate) => {
      for (let i = 0; i < 2; i++) {
        if (immediate & (16 << i)) binary.multiplyDouble(i, 2 + i, 6 + i);
        else i32[12 + 2 * i] = i32[13 + 2 * i] = 0;
      }
    },
    (_, immediate) => {
      binary.addDouble(6, 7, 8);
      for (let i = 0; i < 2; i++) {
        i32[8 + 2 * i] = immediate & (1 << i) ? i32[16]! : 0;
        i32[9 + 2 * i] = immediate & (1 << i) ? i32[17]! : 0;
      }
    },
  ],
};

// Rounding ---------------------------------------------------------------------------------------------------

/** Bit 2 of the constant: as MXCSR says; bit 3: inexact is not reported. SDM vol. 2B, ROUNDPD. */
const how = (immediate: number): number => (immediate & 4 ? binary.roundingMode() : immediate & 3);

const roundSingle = (i: number, immediate: number): void =>
  binary.wholeSingle(4 + i, 8 + i, how(immediate), (immediate & 8) !== 0);
const roundDouble = (i: number, immediate: number): void =>
  binary.wholeDouble(2 + i, 4 + i, how(immediate), (immediate & 8) !== 0);

/** By mnemonic, with the bytes of the second operand in memory. */
export const floatKernels: Readonly<Record<string, readonly [kernel: Kernel, bytes: number]>> = {
  ...Object.fromEntries(
    Object.entries(operations).flatMap(([name, [single, double]]): [string, [Kernel, number]][] => [
      [`${name}ps`, [packed4(single), 16]],
      [`${name}pd`, [packed2(double), 16]],
      [`${name}ss`, [scalar4(single), 4]],
      [`${name}sd`, [scalar2(double), 8]],
    ]),
  ),
  rcpps: [estimates(4, reciprocal), 16],
  rcpss: [estimates(1, reciprocal), 4],
  rsqrtps: [estimates(4, reciprocalRoot), 16],
  rsqrtss: [estimates(1, reciprocalRoot), 4],
  haddps: [horizontal4(binary.addSingle), 16],
  haddpd: [horizontal2(binary.addDouble), 16],
  hsubps: [horizontal4(binary.subtractSingle), 16],
  hsubpd: [horizontal2(binary.subtractDouble), 16],
  addsubps: [
    () => {
      for (let i = 0; i < 4; i += 2) {
        binary.subtractSingle(i, 4 + i, 8 + i);
        binary.addSingle(i + 1, 5 + i, 9 + i);
      }
    },
    16,
  ],
  addsubpd: [
    () => {
      binary.subtractDouble(0, 2, 4);
      binary.addDouble(1, 3, 5);
    },
    16,
  ],
  roundps: [
    (_, immediate) => {
      for (let i = 0; i < 4; i++) roundSingle(i, immediate);
    },
    16,
  ],
  roundpd: [
    (_, immediate) => {
      roundDouble(0, immediate);
      roundDouble(1, immediate);
    },
    16,
  ],
  roundss: [(_, immediate) => roundSingle(0, immediate), 4],
  roundsd: [(_, immediate) => roundDouble(0, immediate), 8],
};
