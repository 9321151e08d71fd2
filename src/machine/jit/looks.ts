/** How compiled code looks at the numbers that numbers.ts is about, as WebAssembly. */
import { STATE } from "../cpu/state.ts";
import { type Code, W } from "../wasm/index.ts";
import { LANES } from "./numbers.ts";

/** How numbers of one kind are looked at. */
export interface Look {
  readonly lanes: number;
  readonly all: boolean;
  readonly kind: typeof SINGLE | typeof DOUBLE;
}

const fourTimes = (word: number): readonly number[] =>
  [0, 1, 2, 3].flatMap(() => [...new Uint8Array(Uint32Array.of(word).buffer)]);
/**
 * Plain without doubt are numbers whose exponents are in the middle half of what there is: 2^-63 to 2^64, of doubles
 * 2^-511 to 2^512. With a quarter of all added to the exponent its upper bit tells; of doubles that of the upper dword.
 */
const QUARTER = 0x2000_0000;
const SINGLE = {
  mask: W.i32x4_bitmask,
  every: 15,
  /** 2^-126. */
  least: fourTimes(0x0080_0000),
  abs: W.f32x4_abs,
  ge: W.f32x4_ge,
  ne: W.f32x4_ne,
};
const DOUBLE = {
  mask: W.i64x2_bitmask,
  every: 3,
  /** 2^-1022. */
  least: [0, 0x0010_0000, 0, 0x0010_0000].flatMap((word) => fourTimes(word).slice(0, 4)),
  abs: W.f64x2_abs,
  ge: W.f64x2_ge,
  ne: W.f64x2_ne,
};
export const LOOKS: readonly Look[] = [
  { lanes: LANES.PS, all: true, kind: SINGLE },
  { lanes: LANES.SS, all: false, kind: SINGLE },
  { lanes: LANES.PD, all: true, kind: DOUBLE },
  { lanes: LANES.SD, all: false, kind: DOUBLE },
];

/** Puts 1 on the stack if MXCSR is not what is relied on. */
export function isOtherMode(code: Code, mode: number): void {
  code.i32(0);
  code.access(W.i32_load, STATE.MXCSR);
  code.i32(mode >>> 16);
  code.op(W.i32_and);
  code.i32(mode & 0xffff);
  code.op(W.i32_ne);
}

const QUARTERS = fourTimes(QUARTER);
const ZERO = fourTimes(0);

/** Goes on, behind a number on the stack, with the question whether one of several may not be plain. */
export function nextDoubt(code: Code, isFirst: boolean): void {
  code.v128(QUARTERS);
  code.op(W.i32x4_add);
  if (!isFirst) code.op(W.v128_and);
}

/** Puts something but 0 on the stack if it is so. */
export function endDoubt(code: Code, { all, kind: { mask, every } }: Look): void {
  code.i32(1);
  code.op(W.i32x4_shl);
  code.op(mask);
  const wanted = all ? every : 1;
  if (!all) {
    code.i32(1);
    code.op(W.i32_and);
  }
  code.i32(wanted);
  code.op(W.i32_xor);
}

/** Puts something but 0 on the stack if the number in a local variable is neither zero nor normal nor infinite. */
export function isNotPlain(
  code: Code,
  { all, kind: { least, abs, ge, ne, mask } }: Look,
  local: number,
): void {
  code.get(local);
  code.op(abs);
  code.v128(least);
  code.op(ge);
  code.op(W.v128_not);
  code.get(local);
  code.v128(ZERO);
  code.op(ne);
  code.op(W.v128_and);
  code.op(mask);
  if (all) return;
  code.i32(1);
  code.op(W.i32_and);
}
