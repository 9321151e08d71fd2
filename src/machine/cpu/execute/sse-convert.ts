/** Conversions between integers, singles and doubles. SDM vol. 1, 11.4.1.6. */
import * as binary from "../float/binary.ts";
import { f32, f64, i32 } from "../float/lanes.ts";
import { type Executor, KIND } from "../operation.ts";
import { WORD } from "../state.ts";
import { demandNoPending, enterMmx, fetch, type Kernel, keep, keepMmx, layFirst, settle } from "./vector.ts";

const fromSingle = (lane: number, truncating: boolean): number =>
  binary.toInteger(binary.quietSingle(f32[lane]!), truncating ? binary.ZERO : binary.roundingMode());
const fromDouble = (lane: number, truncating: boolean): number =>
  binary.toInteger(binary.quietDouble(f64[lane]!), truncating ? binary.ZERO : binary.roundingMode());

/** A dword of B as a single. */
function single(from: number, to: number): void {
  const value = i32[from]!;
  if (value === 0) f32[to] = 0;
  else binary.roundSingle(value, 0, to);
}

const integersOfSingles =
  (lanes: number, truncating: boolean): Kernel =>
  () => {
    for (let i = 0; i < lanes; i++) i32[8 + i] = fromSingle(4 + i, truncating);
  };
const integersOfDoubles =
  (truncating: boolean): Kernel =>
  () => {
    i32[8] = fromDouble(2, truncating);
    i32[9] = fromDouble(3, truncating);
    i32[10] = i32[11] = 0;
  };

/** By mnemonic, with the bytes of the second operand in memory. */
export const conversions: Readonly<Record<string, readonly [kernel: Kernel, bytes: number]>> = {
  cvtps2pd: [
    () => {
      binary.widen(4, 4);
      binary.widen(5, 5);
    },
    8,
  ],
  cvtpd2ps: [
    () => {
      binary.narrow(2, 8);
      binary.narrow(3, 9);
      i32[10] = i32[11] = 0;
    },
    16,
  ],
  cvtss2sd: [() => binary.widen(4, 4), 4],
  cvtsd2ss: [() => binary.narrow(2, 8), 8],
  cvtdq2ps: [
    () => {
      for (let i = 0; i < 4; i++) single(4 + i, 8 + i);
    },
    16,
  ],
  cvtdq2pd: [
    () => {
      f64[4] = i32[4]!;
      f64[5] = i32[5]!;
    },
    8,
  ],
  cvtps2dq: [integersOfSingles(4, false), 16],
  cvttps2dq: [integersOfSingles(4, true), 16],
  cvtpd2dq: [integersOfDoubles(false), 16],
  cvttpd2dq: [integersOfDoubles(true), 16],
};

/** Two dwords of an MMX register or memory to numbers. Memory does not end x87 mode. */
export const fromMmx =
  (double: boolean): Executor =>
  (cpu, op) => {
    const register = op.kind2 === KIND.VECTOR;
    if (register) demandNoPending(cpu);
    fetch(cpu, op, 8, false);
    if (register) enterMmx(cpu);
    layFirst(cpu, op.a);
    binary.begin(cpu.words[WORD.MXCSR]!);
    if (double) {
      f64[4] = i32[4]!;
      f64[5] = i32[5]!;
    } else {
      single(4, 8);
      single(5, 9);
    }
    settle(cpu);
    keep(cpu, op.a);
  };

/** Two numbers to dwords of an MMX register. x87 mode ends even if an unmasked exception is found. */
export const toMmx =
  (double: boolean, truncating: boolean): Executor =>
  (cpu, op) => {
    demandNoPending(cpu);
    fetch(cpu, op, double ? 16 : 8, double);
    enterMmx(cpu);
    binary.begin(cpu.words[WORD.MXCSR]!);
    for (let i = 0; i < 2; i++) {
      i32[8 + i] = double ? fromDouble(2 + i, truncating) : fromSingle(4 + i, truncating);
    }
    settle(cpu);
    keepMmx(cpu, op.a);
  };

/** A general register or memory to the first lane. */
export const fromGeneral =
  (double: boolean): Executor =>
  (cpu, op) => {
    i32[4] = cpu.load2(op);
    layFirst(cpu, op.a);
    binary.begin(cpu.words[WORD.MXCSR]!);
    if (double) f64[4] = i32[4]!;
    else single(4, 8);
    settle(cpu);
    keep(cpu, op.a);
  };

/** The first lane to a general register. */
export const toGeneral =
  (double: boolean, truncating: boolean): Executor =>
  (cpu, op) => {
    fetch(cpu, op, double ? 8 : 4, false);
    binary.begin(cpu.words[WORD.MXCSR]!);
    const value = double ? fromDouble(2, truncating) : fromSingle(4, truncating);
    settle(cpu);
    cpu.words[op.a] = value;
  };
