/**
 * Between the x87's own format and those of memory: 32 and 64 bits, integers, packed decimals. SDM vol. 1, 4.2, 4.7
 * and 8.2.1.
 */

import { isLess } from "./arithmetic.ts";
import {
  BIAS,
  DE,
  DOWN,
  EXPONENT,
  type Extended,
  IE,
  INTEGER_BIT,
  isNaN80,
  isUnsupported,
  isZero,
  NEAREST,
  OE,
  PE,
  QUIET_BIT,
  SIGN,
  UE,
  type Unit,
  UP,
} from "./extended.ts";
import { roundsUp, shiftRight, wide } from "./round.ts";

/** A number of 32 bits. Exact; a denormal is reported, a signalling NaN left as it is. */
export function fromSingle(u: Unit, bits: number, r: Extended): void {
  const sign = (bits >>> 16) & SIGN;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7f_ffff;
  if (exponent === 0xff) r.set(sign | EXPONENT, INTEGER_BIT | (fraction << 8), 0);
  else if (exponent !== 0) r.set(sign | (exponent + BIAS - 127), INTEGER_BIT | (fraction << 8), 0);
  else if (fraction === 0) r.set(sign, 0, 0);
  else {
    u.raised |= DE;
    const shift = Math.clz32(fraction);
    r.set(sign | (BIAS - 126 + 8 - shift), fraction << shift, 0);
  }
}

/** A number of 64 bits. Exact; a denormal is reported, a signalling NaN left as it is. */
export function fromDouble(u: Unit, hi: number, lo: number, r: Extended): void {
  const sign = (hi >>> 16) & SIGN;
  const exponent = (hi >>> 20) & 0x7ff;
  const high = ((hi & 0xf_ffff) << 11) | (lo >>> 21);
  const low = lo << 11;
  if (exponent === 0x7ff) r.set(sign | EXPONENT, INTEGER_BIT | high, low);
  else if (exponent !== 0) r.set(sign | (exponent + BIAS - 1023), INTEGER_BIT | high, low);
  else if ((high | low) === 0) r.set(sign, 0, 0);
  else {
    u.raised |= DE;
    if (high !== 0) {
      const shift = Math.clz32(high);
      r.set(
        sign | (BIAS - 1022 - shift),
        shift === 0 ? high : (high << shift) | (low >>> (32 - shift)),
        low << shift,
      );
    } else {
      const shift = Math.clz32(low);
      r.set(sign | (BIAS - 1022 - 32 - shift), low << shift, 0);
    }
  }
}

/** A signed integer of 32 bits, or fewer, sign-extended. */
export function fromInt32(value: number, r: Extended): void {
  fromInt64(value >> 31, value, r);
}

export function fromInt64(hi: number, lo: number, r: Extended): void {
  if ((hi | lo) === 0) {
    r.set(0, 0, 0);
    return;
  }
  const sign = hi < 0 ? SIGN : 0;
  if (sign) {
    lo = -lo | 0;
    hi = (~hi + (lo === 0 ? 1 : 0)) | 0;
  }
  fromMagnitude(sign, hi, lo, r);
}

/** An integer of 64 bits without a sign, not 0. */
function fromMagnitude(sign: number, hi: number, lo: number, r: Extended): void {
  let exponent = BIAS + 63;
  if (hi === 0) {
    hi = lo;
    lo = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(hi);
  if (shift > 0) {
    hi = (hi << shift) | (lo >>> (32 - shift));
    lo <<= shift;
  }
  r.set(sign | (exponent - shift), hi, lo);
}

/** What a conversion to memory gives: up to 64 bits, or 80 of a packed decimal. */
export const stored = { lo: 0, hi: 0, top: 0 };

/** To 32 bits, in `stored.lo`. Unmasked overflow and underflow leave nothing to be stored. */
export function toSingle(u: Unit, a: Extended): void {
  toNarrow(u, a, 23, 127);
  stored.lo = stored.lo | (stored.top << 31);
}

/** To 64 bits, in `stored`. Unmasked overflow and underflow leave nothing to be stored. */
export function toDouble(u: Unit, a: Extended): void {
  toNarrow(u, a, 52, 1023);
  stored.hi = stored.hi | (stored.top << 31);
}

/** Places exponent and fraction at `fractionBits` in `stored`, and the sign (0 or 1) in `stored.top`. */
function put(sign: number, exponent: number, fractionBits: number, hi: number, lo: number): void {
  stored.top = sign ? 1 : 0;
  if (fractionBits === 23) {
    stored.lo = (exponent << 23) + lo;
    stored.hi = 0;
  } else {
    stored.hi = (exponent << 20) + hi;
    stored.lo = lo;
  }
}

function toNarrow(u: Unit, a: Extended, fractionBits: number, bias: number): void {
  const sign = a.se & SIGN;
  const most = 2 * bias + 1;
  const quietHigh = fractionBits === 23 ? 0 : 0x8_0000;
  const quietLow = fractionBits === 23 ? 0x40_0000 : 0;
  if (isUnsupported(a)) {
    u.raised |= IE;
    put(SIGN, most, fractionBits, quietHigh, quietLow);
    return;
  }
  if (isNaN80(a)) {
    if (!(a.hi & QUIET_BIT)) u.raised |= IE;
    const hi = (a.hi << 1) >>> 1;
    if (fractionBits === 23) put(sign, most, 23, 0, (hi >>> 8) | quietLow);
    else put(sign, most, 52, (hi >>> 11) | quietHigh, (hi << 21) | (a.lo >>> 11));
    return;
  }
  if (isZero(a)) {
    put(sign, 0, fractionBits, 0, 0);
    return;
  }
  let exponent = a.se & EXPONENT;
  if (exponent === EXPONENT) {
    put(sign, most, fractionBits, 0, 0);
    return;
  }
  if (exponent === 0) exponent = 1;
  exponent += bias - BIAS;
  // The bits that stay, at the bottom of 64: the integer bit is the one at `fractionBits`.
  narrow(u.rounding, sign, a.hi, a.lo, 63 - fractionBits);
  const carried = fractionBits === 23 ? kept.lo >= 0x100_0000 : kept.hi >= 0x20_0000;
  if (exponent <= 0 && !(exponent === 0 && carried)) {
    u.raised |= UE;
    if (!(u.masks & UE)) return;
    narrow(u.rounding, sign, a.hi, a.lo, 63 - fractionBits + 1 - exponent);
    if (kept.inexact) u.raised |= PE;
    else u.raised &= ~UE;
    u.up = kept.up;
    // A carry into the integer bit is one into the exponent.
    put(sign, 0, fractionBits, kept.hi, kept.lo);
    return;
  }
  if (carried) exponent++;
  if (exponent >= most) {
    u.raised |= OE;
    if (!(u.masks & OE)) return;
    u.raised |= PE;
    const infinite = u.rounding === NEAREST || u.rounding === (sign ? DOWN : UP);
    u.up = infinite ? 1 : 0;
    if (infinite) put(sign, most, fractionBits, 0, 0);
    else if (fractionBits === 23) put(sign, most - 1, 23, 0, 0x7f_ffff);
    else put(sign, most - 1, 52, 0xf_ffff, -1);
    return;
  }
  if (kept.inexact) u.raised |= PE;
  u.up = kept.up;
  if (fractionBits === 23) put(sign, exponent, 23, 0, carried ? 0 : kept.lo & 0x7f_ffff);
  else put(sign, exponent, 52, carried ? 0 : kept.hi & 0xf_ffff, carried ? 0 : kept.lo);
}

/** 64 bits shifted right and rounded. `carry`: they have become 2^64. */
const kept = { hi: 0, lo: 0, inexact: false, up: 0, carry: false };

function narrow(rounding: number, sign: number, hi: number, lo: number, shift: number): void {
  shiftRight(hi, lo, 0, shift);
  kept.inexact = wide.rest !== 0;
  kept.up = kept.inexact && roundsUp(rounding, sign, wide.rest, wide.lo & 1) ? 1 : 0;
  kept.lo = (wide.lo + kept.up) | 0;
  kept.hi = kept.up === 1 && kept.lo === 0 ? (wide.hi + 1) | 0 : wide.hi;
  kept.carry = kept.up === 1 && (kept.hi | kept.lo) === 0;
}

/** The magnitude of a number as an integer, rounded; undefined when it needs more than 64 bits. */
export function whole(a: Extended, rounding: number): typeof kept | undefined {
  const exponent = (a.se & EXPONENT) - BIAS;
  if (exponent > 63) return undefined;
  narrow(rounding, a.se & SIGN, a.hi, a.lo, 63 - exponent);
  return kept.carry ? undefined : kept;
}

/**
 * To a signed integer of 16, 32 or 64 bits, in `stored`. What does not fit is invalid, and gives the smallest
 * integer of the size (SDM vol. 1, table 4-1).
 */
export function toInteger(u: Unit, a: Extended, bits: number, rounding: number): void {
  const sign = a.se & SIGN;
  let fits = !isUnsupported(a) && (a.se & EXPONENT) !== EXPONENT && whole(a, rounding) !== undefined;
  if (fits) {
    const { hi, lo } = kept;
    const half = bits === 64 ? hi : bits === 32 ? lo : lo << 16;
    const above = bits === 64 ? 0 : bits === 32 ? hi : hi | (lo >>> 16);
    const below = bits === 64 ? lo : 0;
    fits = above === 0 && (half >= 0 || (sign !== 0 && half === INTEGER_BIT && below === 0));
  }
  if (!fits) {
    u.raised |= IE;
    stored.lo = bits === 64 ? 0 : bits === 32 ? INTEGER_BIT : 0x8000;
    stored.hi = bits === 64 ? INTEGER_BIT : 0;
    return;
  }
  if (kept.inexact) u.raised |= PE;
  u.up = kept.up;
  stored.lo = sign ? -kept.lo | 0 : kept.lo;
  stored.hi = sign ? (~kept.hi + (kept.lo === 0 ? 1 : 0)) | 0 : kept.hi;
}

const DIGITS9 = 1_000_000_000;

/** From 18 decimal digits, two to a byte; the topmost byte has the sign. Digits above 9 count as what they are. */
export function fromDecimal(lo: number, hi: number, topWord: number, r: Extended): void {
  const sign = topWord & SIGN;
  let valueHi = 0;
  let valueLo = 0;
  const digit = (value: number): void => {
    // times ten, plus one digit
    const low = valueLo * 10 + value;
    const carry = Math.floor(low / 0x1_0000_0000);
    valueLo = low - carry * 0x1_0000_0000;
    valueHi = valueHi * 10 + carry;
  };
  for (let shift = 4; shift >= 0; shift -= 4) digit((topWord >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) digit((hi >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) digit((lo >>> shift) & 15);
  if ((valueHi | valueLo) === 0) r.set(sign, 0, 0);
  else fromMagnitude(sign, valueHi | 0, valueLo | 0, r);
}

/** To 18 decimal digits, in `stored`; what needs more is invalid. SDM vol. 2A, FBSTP. */
export function toDecimal(u: Unit, a: Extended): void {
  const sign = a.se & SIGN;
  const finite = !isUnsupported(a) && (a.se & EXPONENT) !== EXPONENT;
  // 10^18 = 0x0de0b6b3_a7640000
  if (!finite || !whole(a, u.rounding) || !isLess(kept.hi, kept.lo, 0x0de0_b6b3, 0xa764_0000 | 0)) {
    u.raised |= IE;
    stored.top = 0xffff;
    stored.hi = 0xc000_0000 | 0;
    stored.lo = 0;
    return;
  }
  if (kept.inexact) u.raised |= PE;
  u.up = kept.up;
  // Two divisions by 10^9: the upper nine digits and the lower.
  const hi = kept.hi >>> 0;
  const lo = kept.lo >>> 0;
  let upper = Math.floor((hi * 0x1_0000_0000 + lo) / DIGITS9);
  // Exact by the low 32 bits: the estimate is one off at most.
  let lower = (lo - Math.imul(upper, DIGITS9)) | 0;
  if (lower < 0) {
    upper--;
    lower += DIGITS9;
  } else if (lower >= DIGITS9) {
    upper++;
    lower -= DIGITS9;
  }
  const text = String(upper).padStart(9, "0") + String(lower).padStart(9, "0");
  stored.lo = Number.parseInt(text.slice(10), 16) | 0;
  stored.hi = Number.parseInt(text.slice(2, 10), 16) | 0;
  stored.top = sign | Number.parseInt(text.slice(0, 2), 16);
}
