/** Shifting, normalising and rounding: the end of every operation. SDM vol. 1, 4.8.4, 4.9.1 and 8.1.5. */
import {
  DOUBLE,
  DOWN,
  EXPONENT,
  type Extended,
  INTEGER_BIT,
  NEAREST,
  OE,
  PE,
  SINGLE,
  UE,
  type Unit,
  UP,
  WRAP,
} from "./extended.ts";

/** Where the functions below leave a significand of 96 bits: 64 and what follows, of which bit 0 is sticky. */
export const wide = { hi: 0, lo: 0, rest: 0 };

/** Shifts 96 bits right by `count` (0 or more); what falls off leaves a trace in bit 0. */
export function shiftRight(hi: number, lo: number, rest: number, count: number): void {
  let sticky = 0;
  if (count >= 64) {
    sticky = rest | lo;
    rest = hi;
    lo = 0;
    hi = 0;
    count -= 64;
    if (count >= 32) {
      sticky |= rest;
      rest = 0;
      count = 0;
    }
  } else if (count >= 32) {
    sticky = rest;
    rest = lo;
    lo = hi;
    hi = 0;
    count -= 32;
  }
  if (count > 0) {
    const left = 32 - count;
    sticky |= rest << left;
    rest = (lo << left) | (rest >>> count);
    lo = (hi << left) | (lo >>> count);
    hi >>>= count;
  }
  wide.hi = hi | 0;
  wide.lo = lo | 0;
  wide.rest = (sticky !== 0 ? rest | 1 : rest) | 0;
}

/** Whether a magnitude is rounded up. `rest` has the half in its top bit; `odd` is the last bit that stays. */
export const roundsUp = (rounding: number, sign: number, rest: number, odd: number): boolean =>
  rounding === NEAREST
    ? rest < 0 && (rest !== INTEGER_BIT || odd !== 0)
    : rounding === UP
      ? sign === 0
      : rounding === DOWN && sign !== 0;

/** What `roundAt` found besides `wide`. */
let inexact = false;
let roundedUp = false;
let carried = false;

/** Rounds 96 bits to the precision, into `wide`. A carry out of the top leaves a significand of 0 there. */
function roundAt(u: Unit, sign: number, hi: number, lo: number, rest: number): void {
  let odd = lo & 1;
  if (u.precision === DOUBLE) {
    odd = lo & 0x800;
    rest = (lo << 21) | (rest !== 0 ? 1 : 0);
    lo &= ~0x7ff;
  } else if (u.precision === SINGLE) {
    odd = hi & 0x100;
    rest = (hi << 24) | ((lo | rest) !== 0 ? 1 : 0);
    hi &= ~0xff;
    lo = 0;
  }
  inexact = rest !== 0;
  roundedUp = inexact && roundsUp(u.rounding, sign, rest, odd);
  carried = false;
  if (roundedUp) {
    if (u.precision === SINGLE) hi = (hi + 0x100) | 0;
    else {
      lo = (lo + (u.precision === DOUBLE ? 0x800 : 1)) | 0;
      if (lo === 0) hi = (hi + 1) | 0;
    }
    carried = (hi | lo) === 0;
  }
  wide.hi = hi;
  wide.lo = lo;
}

/**
 * Rounds `hi:lo:rest` × 2^(exponent - BIAS - 63), whose integer bit is set, into `r`. The exponent may lie outside
 * what the format holds. `sign` is 0 or SIGN.
 */
export function pack(
  u: Unit,
  r: Extended,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  rest: number,
): void {
  if ((u.precision & 1) !== 0 && exponent > 0 && exponent < 0x7ffe) {
    if (rest !== 0) {
      u.raised |= PE;
      if (roundsUp(u.rounding, sign, rest, lo & 1)) {
        u.up = 1;
        lo = (lo + 1) | 0;
        if (lo === 0) {
          hi = (hi + 1) | 0;
          if (hi === 0) {
            hi = INTEGER_BIT;
            exponent++;
          }
        }
      }
    }
    r.se = sign | exponent;
    r.hi = hi;
    r.lo = lo;
    return;
  }
  packAnywhere(u, r, sign, exponent, hi, lo, rest);
}

function packAnywhere(
  u: Unit,
  r: Extended,
  sign: number,
  exponent: number,
  hi: number,
  lo: number,
  rest: number,
): void {
  roundAt(u, sign, hi, lo, rest);
  if (exponent <= 0 && !(exponent === 0 && carried)) {
    // Tiny, also after rounding as if there were no least exponent. SDM vol. 1, 4.9.1.5.
    if (u.masks & UE) {
      shiftRight(hi, lo, rest, 1 - exponent);
      roundAt(u, sign, wide.hi, wide.lo, wide.rest);
      if (inexact) u.raised |= UE | PE;
      if (roundedUp) u.up = 1;
      r.set(sign | (wide.hi < 0 ? 1 : 0), wide.hi, wide.lo);
      return;
    }
    u.raised |= UE;
    exponent += WRAP;
    if (exponent <= 0) {
      // Only FSCALE comes so far down.
      u.raised |= PE;
      r.set(sign, 0, 0);
      return;
    }
  }
  if (carried) {
    wide.hi = INTEGER_BIT;
    exponent++;
  }
  if (exponent >= EXPONENT) {
    u.raised |= OE;
    if (u.masks & OE) {
      overflowed(u, r, sign);
      return;
    }
    exponent -= WRAP;
    if (exponent >= EXPONENT) {
      // Only FSCALE comes so far up; the direction of rounding does not matter then.
      u.raised |= PE;
      u.up = 1;
      r.set(sign | EXPONENT, INTEGER_BIT, 0);
      return;
    }
  }
  if (inexact) u.raised |= PE;
  if (roundedUp) u.up = 1;
  r.set(sign | (exponent & EXPONENT), wide.hi, wide.lo);
}

/** The masked response to overflow: infinity, or the largest number of the precision. SDM vol. 1, table 4-10. */
function overflowed(u: Unit, r: Extended, sign: number): void {
  u.raised |= PE;
  const infinite = u.rounding === NEAREST || u.rounding === (sign ? DOWN : UP);
  if (infinite) {
    u.up = 1;
    r.set(sign | EXPONENT, INTEGER_BIT, 0);
    return;
  }
  u.up = 0;
  if (u.precision === SINGLE) r.set(sign | 0x7ffe, 0xffff_ff00 | 0, 0);
  else r.set(sign | 0x7ffe, -1, u.precision === DOUBLE ? ~0x7ff : -1);
}

/** Shifts the significand in `wide` left until its integer bit is set, and answers by how much. It is not 0. */
export function normalise(): number {
  let count = 0;
  while (wide.hi === 0) {
    wide.hi = wide.lo;
    wide.lo = wide.rest;
    wide.rest = 0;
    count += 32;
  }
  const shift = Math.clz32(wide.hi);
  if (shift > 0) {
    wide.hi = (wide.hi << shift) | (wide.lo >>> (32 - shift));
    wide.lo = (wide.lo << shift) | (wide.rest >>> (32 - shift));
    wide.rest <<= shift;
  }
  return count + shift;
}
