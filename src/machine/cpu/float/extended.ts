/**
 * The numbers of the x87: 80 bits, of which the significand shows its integer bit. SDM vol. 1, 4.2.2 and 8.1.2.
 *
 * float/ is arithmetic only: it knows neither registers nor memory. Operations read and write records that the
 * caller owns, so that nothing is allocated for an operation; what they are told besides the operands, and what
 * they report besides the result, is in a Unit.
 */

/** One number. `se` is the sign (bit 15) and the biased exponent; `hi` and `lo` are the significand, signed. */
export class Extended {
  lo = 0;
  hi = 0;
  se = 0;

  set(se: number, hi: number, lo: number): void {
    this.se = se;
    this.hi = hi;
    this.lo = lo;
  }

  copy(from: Extended): void {
    this.se = from.se;
    this.hi = from.hi;
    this.lo = from.lo;
  }
}

/** Exceptions, as bits of the status word; the control word masks them with the same bits. SDM vol. 1, 8.1.3.3. */
export const IE = 1;
export const DE = 2;
export const ZE = 4;
export const OE = 8;
export const UE = 16;
export const PE = 32;
/** Those that are found before anything is computed: unmasked, they leave the operands alone. SDM vol. 1, 8.7. */
export const BEFORE = IE | DE | ZE;

/** Rounding control. SDM vol. 1, table 4-8. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TRUNCATE = 3;

/** Precision control: bits of the significand, as the control word says it; 1 is reserved and means 64 too. */
export const SINGLE = 0;
export const DOUBLE = 2;
export const EXTENDED = 3;

/** What an operation is told by the control word, and what it reports for the status word. */
export class Unit {
  rounding: number = NEAREST;
  precision: number = EXTENDED;
  /** Exceptions that are masked. Overflow and underflow have another result when they are not. */
  masks = 0x3f;
  /** Exceptions that were found. */
  raised = 0;
  /** 1 when the magnitude was rounded up: C1. */
  up = 0;
}

export const SIGN = 0x8000;
export const EXPONENT = 0x7fff;
export const BIAS = 0x3fff;
/** The integer bit of a significand, in its high half. */
export const INTEGER_BIT = 0x8000_0000 | 0;
/** The bit that tells quiet NaNs from signalling ones. */
export const QUIET_BIT = 0x4000_0000;
/** Added to the exponent of an unmasked underflow, taken from that of an overflow. SDM vol. 1, 8.5.4. */
export const WRAP = 0x6000;

/** An exponent without its integer bit: an encoding that processors since the 387 refuse. SDM vol. 1, 8.2.2. */
export const isUnsupported = (a: Extended): boolean => a.hi >= 0 && (a.se & EXPONENT) !== 0;

/** A NaN, quiet or not; false for unsupported encodings. */
export const isNaN80 = (a: Extended): boolean =>
  (a.se & EXPONENT) === EXPONENT && a.hi < 0 && ((a.hi << 1) | a.lo) !== 0;

export const isSignalling = (a: Extended): boolean => isNaN80(a) && (a.hi & QUIET_BIT) === 0;

export const isInfinite = (a: Extended): boolean =>
  (a.se & EXPONENT) === EXPONENT && a.hi === INTEGER_BIT && a.lo === 0;

export const isZero = (a: Extended): boolean => (a.hi | a.lo | (a.se & EXPONENT)) === 0;

/** Too small for its integer bit, or (pseudo-denormal) with it although the exponent is the least. */
export const isDenormal = (a: Extended): boolean => (a.se & EXPONENT) === 0 && (a.hi | a.lo) !== 0;

/** A number that needs no special thought: not zero, not denormal, no infinity, no NaN. */
export const isNormal = (a: Extended): boolean => {
  const exponent = a.se & EXPONENT;
  return a.hi < 0 && exponent !== 0 && exponent !== EXPONENT;
};

/** The NaN that stands for an invalid operation. SDM vol. 1, table 4-3. */
export function setIndefinite(r: Extended): void {
  r.set(SIGN | EXPONENT, INTEGER_BIT | QUIET_BIT, 0);
}

export function setInfinity(r: Extended, sign: number): void {
  r.set(sign | EXPONENT, INTEGER_BIT, 0);
}

/** Reports an invalid operation and gives its masked result. */
export function invalid(u: Unit, r: Extended): void {
  u.raised |= IE;
  setIndefinite(r);
}

/**
 * What one operand that is a NaN or unsupported makes of the result; false when it is neither. `r` may be `a`.
 */
export function specialOne(u: Unit, a: Extended, r: Extended): boolean {
  if (isUnsupported(a)) {
    invalid(u, r);
    return true;
  }
  if (!isNaN80(a)) return false;
  if ((a.hi & QUIET_BIT) === 0) u.raised |= IE;
  r.set(a.se, a.hi | QUIET_BIT, a.lo);
  return true;
}

/**
 * The same for two operands. Of two NaNs the one with the larger significand becomes the result, of equal ones
 * the positive; but a quiet one goes before a signalling one. SDM vol. 1, table 4-7.
 */
export function specialTwo(u: Unit, a: Extended, b: Extended, r: Extended): boolean {
  if (isUnsupported(a) || isUnsupported(b)) {
    invalid(u, r);
    return true;
  }
  const first = isNaN80(a);
  const second = isNaN80(b);
  if (!first && !second) return false;
  let chosen = first ? a : b;
  const signalsA = first && (a.hi & QUIET_BIT) === 0;
  const signalsB = second && (b.hi & QUIET_BIT) === 0;
  if (signalsA || signalsB) u.raised |= IE;
  if (first && second) {
    if (signalsA !== signalsB) chosen = signalsA ? b : a;
    else {
      const order = a.hi >>> 0 !== b.hi >>> 0 ? (a.hi >>> 0) - (b.hi >>> 0) : (a.lo >>> 0) - (b.lo >>> 0);
      chosen = order > 0 || (order === 0 && a.se < b.se) ? a : b;
    }
  }
  r.set(chosen.se, chosen.hi | QUIET_BIT, chosen.lo);
  return true;
}
