/** Comparison and classification. SDM vol. 2A, FCOM, FUCOM, FTST, FXAM. */

import { isLess } from "./arithmetic.ts";
import {
  DE,
  EXPONENT,
  type Extended,
  IE,
  isDenormal,
  isNaN80,
  isUnsupported,
  isZero,
  QUIET_BIT,
  SIGN,
  type Unit,
} from "./extended.ts";

export const LESS = -1;
export const EQUAL = 0;
export const GREATER = 1;
export const UNORDERED = 2;

/** LESS, EQUAL, GREATER or UNORDERED. A quiet NaN is an invalid operation unless `quiet` says otherwise. */
export function compare(u: Unit, a: Extended, b: Extended, quiet: boolean): number {
  if (isUnsupported(a) || isUnsupported(b)) {
    u.raised |= IE;
    return UNORDERED;
  }
  const first = isNaN80(a);
  const second = isNaN80(b);
  if (first || second) {
    const signals = (first && !(a.hi & QUIET_BIT)) || (second && !(b.hi & QUIET_BIT));
    if (signals || !quiet) u.raised |= IE;
    return UNORDERED;
  }
  if (isDenormal(a) || isDenormal(b)) u.raised |= DE;
  if (isZero(a) && isZero(b)) return EQUAL;
  const signA = a.se & SIGN;
  if (signA !== (b.se & SIGN)) return signA ? LESS : GREATER;
  // A pseudo-denormal has the exponent of the least normal numbers.
  const exponentA = a.se & EXPONENT || (a.hi < 0 ? 1 : 0);
  const exponentB = b.se & EXPONENT || (b.hi < 0 ? 1 : 0);
  if (exponentA === exponentB && a.hi === b.hi && a.lo === b.lo) return EQUAL;
  const below = exponentA !== exponentB ? exponentA < exponentB : isLess(a.hi, a.lo, b.hi, b.lo);
  return below === (signA === 0) ? LESS : GREATER;
}

/** What FXAM finds in a register that is not empty. */
export type Class = "unsupported" | "nan" | "normal" | "infinity" | "zero" | "denormal";

export function classify(a: Extended): Class {
  if (isUnsupported(a)) return "unsupported";
  if ((a.se & EXPONENT) === EXPONENT) return isNaN80(a) ? "nan" : "infinity";
  if (isZero(a)) return "zero";
  return isDenormal(a) ? "denormal" : "normal";
}
