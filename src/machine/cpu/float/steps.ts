/** Rounding to integers, scaling, taking apart, remainders, constants. SDM vol. 2A. */
import { isLess, reduce, remainder, unpack } from "./arithmetic.ts";
import { whole } from "./convert.ts";
import {
  BIAS,
  DE,
  EXPONENT,
  EXTENDED,
  Extended,
  INTEGER_BIT,
  invalid,
  isDenormal,
  isInfinite,
  isZero,
  PE,
  SIGN,
  setInfinity,
  specialOne,
  specialTwo,
  type Unit,
  ZE,
} from "./extended.ts";
import { normalise, pack, roundsUp, wide } from "./round.ts";

const left = new Extended();
const right = new Extended();

/** r = a, rounded to an integer in the present direction. FRNDINT. */
export function roundToInteger(u: Unit, a: Extended, r: Extended): void {
  if (specialOne(u, a, r)) return;
  if (isDenormal(a)) u.raised |= DE;
  if ((a.se & EXPONENT) >= BIAS + 63 || isZero(a)) {
    r.copy(a);
    return;
  }
  const sign = a.se & SIGN;
  const found = whole(a, u.rounding)!;
  if (found.inexact) u.raised |= PE;
  u.up = found.up;
  wide.hi = found.hi;
  wide.lo = found.lo;
  wide.rest = 0;
  if ((wide.hi | wide.lo) === 0) r.set(sign, 0, 0);
  else {
    const shift = normalise();
    r.set(sign | (BIAS + 63 - shift), wide.hi, wide.lo);
  }
}

/** Rounds without regard to precision control. */
function packExtended(u: Unit, r: Extended, sign: number, exponent: number, hi: number, lo: number): void {
  const { precision } = u;
  u.precision = EXTENDED;
  pack(u, r, sign, exponent, hi, lo, 0);
  u.precision = precision;
}

/** r = a × 2^(b cut to an integer). FSCALE. */
export function scale(u: Unit, a: Extended, b: Extended, r: Extended): void {
  if (specialTwo(u, a, b, r)) return;
  const sign = a.se & SIGN;
  const down = (b.se & SIGN) !== 0;
  if (isInfinite(b)) {
    if (down ? isInfinite(a) : isZero(a)) {
      invalid(u, r);
      return;
    }
    if (isDenormal(a)) u.raised |= DE;
    if (down) r.set(sign, 0, 0);
    else setInfinity(r, sign);
    return;
  }
  if (isDenormal(a) || isDenormal(b)) u.raised |= DE;
  if (isZero(a) || isInfinite(a)) {
    r.copy(a);
    return;
  }
  const exponent = unpack(u, a, left);
  const size = (b.se & EXPONENT) - BIAS;
  let by = 0;
  if (size > 15) by = 0x1_0000;
  else if (size >= 0) by = b.hi >>> (31 - size);
  packExtended(u, r, sign, exponent + (down ? -by : by), left.hi, left.lo);
}

/** Takes a apart: its exponent as a number, and its significand as one from 1 up to 2. FXTRACT. */
export function extract(u: Unit, a: Extended, exponent: Extended, significand: Extended): void {
  if (specialOne(u, a, significand)) {
    exponent.copy(significand);
    return;
  }
  const sign = a.se & SIGN;
  if (isInfinite(a)) {
    significand.copy(a);
    setInfinity(exponent, 0);
    return;
  }
  if (isZero(a)) {
    u.raised |= ZE;
    significand.copy(a);
    setInfinity(exponent, SIGN);
    return;
  }
  const value = unpack(u, a, left) - BIAS;
  significand.set(sign | BIAS, left.hi, left.lo);
  if (value === 0) exponent.set(0, 0, 0);
  else {
    const magnitude = Math.abs(value);
    const shift = Math.clz32(magnitude);
    exponent.set((value < 0 ? SIGN : 0) | (BIAS + 31 - shift), magnitude << shift, 0);
  }
}

/** What a remainder tells besides: the last three bits of the quotient, or that it is to be continued. */
export const NOT_FINISHED = -1;
/** There is no quotient: an operand is a NaN, or the operation invalid. */
export const NO_QUOTIENT = -2;

/**
 * r = a less b times their quotient, cut (FPREM) or rounded to nearest (FPREM1). Answers the quotient's last three
 * bits, or NOT_FINISHED when the exponents are 64 or more apart: then the quotient's next 32 to 63 bits have
 * been dealt with.
 */
export function partialRemainder(u: Unit, a: Extended, b: Extended, r: Extended, nearest: boolean): number {
  if (specialTwo(u, a, b, r)) return NO_QUOTIENT;
  if (isInfinite(a) || isZero(b)) {
    invalid(u, r);
    return NO_QUOTIENT;
  }
  if (isDenormal(a) || isDenormal(b)) u.raised |= DE;
  if (isZero(a)) {
    r.copy(a);
    return 0;
  }
  let sign = a.se & SIGN;
  const exponentA = unpack(u, a, left);
  if (isInfinite(b)) {
    packExtended(u, r, sign, exponentA, left.hi, left.lo);
    return 0;
  }
  const exponentB = unpack(u, b, right);
  const distance = exponentA - exponentB;
  if (distance >= 64) {
    const count = (distance & 31) | 32;
    reduce(left, right, count);
    finish(u, r, sign, exponentB + distance - count, remainder.hi, remainder.lo);
    return NOT_FINISHED;
  }
  if (distance < (nearest ? -1 : 0)) {
    packExtended(u, r, sign, exponentA, left.hi, left.lo);
    return 0;
  }
  let { hi, lo } = left;
  let quotient = 0;
  let exponent = exponentA;
  if (distance >= 0) {
    reduce(left, right, distance);
    ({ hi, lo, quotient } = remainder);
    exponent = exponentB;
  }
  if (nearest && isMoreThanHalf(hi, lo, distance < 0, quotient)) {
    // b less what is left; with a distance of -1 that is half a unit of b's wide.
    quotient++;
    sign ^= SIGN;
    if (distance < 0) {
      const low = 2 * (right.lo >>> 0) - (lo >>> 0);
      hi = (2 * (right.hi >>> 0) - (hi >>> 0) + Math.floor(low / 0x1_0000_0000)) | 0;
      lo = low | 0;
    } else {
      const low = (right.lo >>> 0) - (lo >>> 0);
      hi = (right.hi - hi - (low < 0 ? 1 : 0)) | 0;
      lo = low | 0;
    }
  }
  finish(u, r, sign, exponent, hi, lo, a.se & SIGN);
  return quotient & 7;
}

/** Whether hi:lo is more than half of `right`, or half of it with an odd quotient. `halved`: it counts half. */
function isMoreThanHalf(hi: number, lo: number, halved: boolean, quotient: number): boolean {
  if (halved) return isLess(right.hi, right.lo, hi, lo);
  if (hi < 0) return true;
  const twiceHi = (hi << 1) | (lo >>> 31);
  const twiceLo = lo << 1;
  if (twiceHi === right.hi && twiceLo === right.lo) return (quotient & 1) !== 0;
  return isLess(right.hi, right.lo, twiceHi, twiceLo);
}

function finish(
  u: Unit,
  r: Extended,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  signOfZero = sign,
): void {
  if ((hi | lo) === 0) {
    r.set(signOfZero, 0, 0);
    return;
  }
  wide.hi = hi;
  wide.lo = lo;
  wide.rest = 0;
  const shift = normalise();
  packExtended(u, r, sign, exponent - shift, wide.hi, wide.lo);
}

/** A constant, cut to 64 bits, and the 32 bits that follow. */
type Constant = readonly [exponent: number, hi: number, lo: number, rest: number];

/** SDM vol. 2A, FLD1 and its like. */
export const constants: Readonly<Record<string, Constant>> = {
  fld1: [BIAS, INTEGER_BIT, 0, 0],
  fldl2t: [BIAS + 1, 0xd49a_784b, 0xcd1b_8afe, 0x492b_f6ff],
  fldl2e: [BIAS, 0xb8aa_3b29, 0x5c17_f0bb, 0xbe87_fed0],
  fldpi: [BIAS + 1, 0xc90f_daa2, 0x2168_c234, 0xc4c6_628b],
  fldlg2: [BIAS - 2, 0x9a20_9a84, 0xfbcf_f798, 0x8f89_59ac],
  fldln2: [BIAS - 1, 0xb172_17f7, 0xd1cf_79ab, 0xc9e3_b398],
  fldz: [0, 0, 0, 0],
};

/** Rounds a constant in the present direction, without reporting that it is inexact. */
export function constant(u: Unit, [exponent, hi, lo, rest]: Constant, r: Extended): void {
  // None of them ends in 32 ones.
  r.set(exponent, hi | 0, (lo + (rest !== 0 && roundsUp(u.rounding, 0, rest | 0, lo & 1) ? 1 : 0)) | 0);
}
