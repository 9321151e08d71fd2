/**
 * Floating point constants as FASM computes them: digit by digit in 96 bits of mantissa, rounded to 64 at the end
 * (EXPRPARS, "fp"), then rounded again to the format that is stored. Not always the nearest value; always FASM's.
 */
import { refuse } from "../messages.ts";

export interface Float {
  readonly negative: boolean;
  readonly zero: boolean;
  /** 64 bits, the highest one set. */
  readonly mantissa: bigint;
  /** Of the highest mantissa bit: 1.0 has 0. */
  readonly exponent: number;
  /** Digits behind the point and whether an exponent was written: two spellings of one value differ under `eq`. */
  readonly format: number;
}

interface Wide {
  mantissa: bigint;
  exponent: number;
}

const TOP = 1n << 95n;
const FULL = 1n << 96n;
const ZERO_EXPONENT = 0x8000;

function multiply(value: Wide, factor: number): void {
  if (factor === 0) {
    value.exponent = ZERO_EXPONENT;
    return;
  }
  value.mantissa *= BigInt(factor);
  while (value.mantissa >= FULL) {
    value.mantissa >>= 1n;
    value.exponent++;
    if (value.exponent >= 0x8000) refuse("valueOutOfRange");
  }
}

function divide(value: Wide, divisor: number): void {
  const by = BigInt(divisor);
  let quotient = value.mantissa / by;
  let rest = value.mantissa % by;
  if (quotient === 0n) {
    value.mantissa = 0n;
    value.exponent = ZERO_EXPONENT;
    return;
  }
  while (quotient < TOP) {
    quotient <<= 1n;
    rest <<= 1n;
    value.exponent--;
  }
  quotient += rest / by;
  if (quotient >= FULL) {
    quotient >>= 1n;
    value.exponent++;
  }
  value.mantissa = quotient;
}

function add(to: Wide, from: Wide): void {
  if (from.exponent === ZERO_EXPONENT) return;
  if (to.exponent === ZERO_EXPONENT) {
    to.mantissa = from.mantissa;
    to.exponent = from.exponent;
    return;
  }
  const exponent = Math.max(to.exponent, from.exponent);
  let sum =
    (to.mantissa >> BigInt(exponent - to.exponent)) + (from.mantissa >> BigInt(exponent - from.exponent));
  to.exponent = exponent;
  if (sum >= FULL) {
    sum >>= 1n;
    to.exponent++;
  }
  to.mantissa = sum;
}

/** A digit as a normalised value. */
function digit(value: number): Wide {
  if (value === 0) return { mantissa: 0n, exponent: ZERO_EXPONENT };
  let mantissa = BigInt(value) << 88n;
  let exponent = 7;
  while (mantissa < TOP) {
    mantissa <<= 1n;
    exponent--;
  }
  return { mantissa, exponent };
}

/**
 * `digits` is what `isFloat` accepts: digits with a point, an exponent (its sign and number in `power`), or `f`.
 */
export function parseFloat96(negative: boolean, digits: string, power: string): Float {
  const value: Wide = { mantissa: 0n, exponent: ZERO_EXPONENT };
  let format = 0;
  let at = 0;
  const stop = () => at >= digits.length || /[eEfF]/.test(digits[at]!);
  for (; !stop() && digits[at] !== "."; at++) {
    if (value.exponent !== ZERO_EXPONENT) multiply(value, 10);
    add(value, digit(digits.charCodeAt(at) - 48));
  }
  if (digits[at] === ".") {
    at++;
    const place: Wide = { mantissa: TOP, exponent: 0 };
    for (; !stop(); at++) {
      format = Math.min(format + 1, 0x7f);
      divide(place, 10);
      const term: Wide = { mantissa: place.mantissa, exponent: place.exponent };
      multiply(term, digits.charCodeAt(at) - 48);
      add(value, term);
    }
  }
  if (/[eE]/.test(digits[at] ?? "")) {
    format |= 0x80;
    const down = power.startsWith("-");
    let exponent = 0;
    for (const letter of power.replace(/^[+-]/, "")) {
      const number = letter.charCodeAt(0) - 48;
      if (number < 0 || number > 9) break;
      if (exponent * 10 >= 0x8000) refuse("valueOutOfRange");
      exponent = exponent * 10 + number;
    }
    for (let n = 0; n < exponent && value.exponent !== ZERO_EXPONENT; n++) {
      if (down) divide(value, 10);
      else multiply(value, 10);
    }
  }
  let mantissa = value.mantissa >> 32n;
  let exponent = value.exponent;
  if (exponent !== ZERO_EXPONENT && (value.mantissa & 0x80000000n) !== 0n) {
    mantissa += 1n;
    if (mantissa >> 64n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const zero = exponent === ZERO_EXPONENT;
  return { negative, zero, mantissa: zero ? 0n : mantissa, exponent: zero ? 0 : exponent, format };
}

/** IEEE 754 binary16, binary32, binary64; "value out of range" when too large or vanishing, as in FASM. */
export function floatBits(value: Float, bytes: 2 | 4 | 8): bigint {
  const fraction = bytes === 2 ? 10 : bytes === 4 ? 23 : 52;
  const bias = bytes === 2 ? 15 : bytes === 4 ? 127 : 1023;
  const sign = value.negative ? 1n << BigInt(bytes * 8 - 1) : 0n;
  if (value.zero) return sign;
  const one = 1n << BigInt(fraction);
  const dropped = BigInt(63 - fraction);
  let bits = (value.mantissa & ((1n << 63n) - 1n)) >> dropped;
  let exponent = value.exponent;
  if ((value.mantissa >> (dropped - 1n)) & 1n) {
    bits += 1n;
    if (bits === one) {
      bits = 0n;
      exponent++;
    }
  }
  exponent += bias;
  if (exponent >= 2 * bias + 1) refuse("valueOutOfRange");
  if (exponent <= 0) {
    const shift = 1 - exponent;
    if (shift > fraction + 1) refuse("valueOutOfRange");
    bits |= one;
    const carry = (bits >> BigInt(shift - 1)) & 1n;
    bits >>= BigInt(shift);
    exponent = 0;
    if (carry) {
      bits += 1n;
      if (bits & one) {
        bits &= one - 1n;
        exponent = 1;
      }
    }
  }
  const result = (BigInt(exponent) << BigInt(fraction)) | bits;
  if (result === 0n) refuse("valueOutOfRange");
  return sign | result;
}

/** The ten bytes of the x87 extended format: 64 bits of mantissa, then sign and exponent. */
export function extendedBits(value: Float): { mantissa: bigint; signAndExponent: number } {
  const sign = value.negative ? 0x8000 : 0;
  if (value.zero) return { mantissa: 0n, signAndExponent: sign };
  let exponent = value.exponent + 0x3fff;
  let mantissa = value.mantissa;
  if (exponent > 0x7fff || exponent >= 0x7fff) refuse("valueOutOfRange");
  if (exponent <= 0) {
    const shift = 1 - exponent;
    if (shift >= 64) refuse("valueOutOfRange");
    const carry = (mantissa >> BigInt(shift - 1)) & 1n;
    mantissa = (mantissa >> BigInt(shift)) + carry;
    exponent = mantissa >> 63n ? 1 : 0;
  }
  return { mantissa, signAndExponent: sign | exponent };
}
