/**
 * Sines, tangents, arctangents, logarithms and powers of two, rounded from 200 bits. SDM vol. 1, 8.3.7 to 8.3.10.
 *
 * Real processors are within one unit of the last place of these, and do not always round them as they should; so
 * neither does C1 tell anything here. These functions are rare, and work on big integers.
 */
import { unpack } from "./arithmetic.ts";
import { compare, EQUAL, LESS } from "./compare.ts";
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
  UE,
  Unit,
  ZE,
} from "./extended.ts";
import { pack } from "./round.ts";

/** Bits behind the point of the numbers below. */
const POINT = 200;
const ONE = 1n << 200n;
const BITS = 200n;

const left = new Extended();
const right = new Extended();

const times = (a: bigint, b: bigint): bigint => (a * b) >> BITS;
const over = (a: bigint, b: bigint): bigint => (a << BITS) / b;

/** The significand as an integer. */
const significand = (a: Extended): bigint => (BigInt(a.hi >>> 0) << 32n) | BigInt(a.lo >>> 0);

const shifted = (value: bigint, by: number): bigint => (by >= 0 ? value << BigInt(by) : value >> BigInt(-by));

const bitLength = (value: bigint): number => {
  const digits = value.toString(16);
  return digits.length * 4 - Math.clz32(Number.parseInt(digits[0]!, 16)) + 28;
};

/** Rounds value × 2^-point, an approximation of something irrational, into r. The value is above 0. */
function give(u: Unit, r: Extended, sign: number, value: bigint, point: number): void {
  const length = bitLength(value);
  const cut = shifted(value, 96 - length);
  const { precision } = u;
  u.precision = EXTENDED;
  pack(
    u,
    r,
    sign,
    BIAS + length - 1 - point,
    Number(cut >> 64n) | 0,
    Number((cut >> 32n) & 0xffff_ffffn) | 0,
    Number(cut & 0xffff_ffffn) | 1,
  );
  u.precision = precision;
}

/** Rounds a number that is a trace smaller in magnitude than the given one. */
function giveBelow(u: Unit, r: Extended, sign: number, exponent: number, hi: number, lo: number): void {
  give(u, r, sign, (((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)) << 64n) - 1n, BIAS + 127 - exponent);
}

/** The first 66 bits of π: what x87 processors reduce angles by. */
const PI66 = 0x3243f6a8885a308d3n;
/** π/2 with 65 bits behind the point. */
const HALF_PI66 = PI66;
const HALF_PI_POINT = 65;

/** 1 - 2/3! + …: sums x^(k+start) / (k+start)! with changing signs, for x² given. */
function alternating(first: bigint, square: bigint, start: number): bigint {
  let sum = first;
  let term = first;
  for (let k = start; term !== 0n; k += 2) {
    term = -times(term, square) / BigInt((k + 1) * (k + 2));
    sum += term;
  }
  return sum;
}

/** 2 atanh(z) = ln((1 + z) / (1 - z)). */
function logarithm(z: bigint): bigint {
  const square = times(z, z);
  let power = z;
  let sum = z;
  for (let k = 3n; power !== 0n && power !== -1n; k += 2n) {
    power = times(power, square);
    sum += power / k;
  }
  return 2n * sum;
}

function arctangentSeries(t: bigint): bigint {
  const square = times(t, t);
  let power = t;
  let sum = t;
  for (let k = 3n; power !== 0n; k += 2n) {
    power = -times(power, square);
    sum += power / k;
  }
  return sum;
}

let logarithmOf2: bigint | undefined;
const ln2 = (): bigint => (logarithmOf2 ??= logarithm(ONE / 3n));

/** atan(n / 32), when first asked for. */
const arctangents: bigint[] = [];
const arctangentOf = (n: number): bigint => (arctangents[n] ??= arctangent32(n));
function arctangent32(n: number): bigint {
  const t = (ONE * BigInt(n)) / 32n;
  // atan(n/32) = atan((n-1)/32) + atan of a small one
  if (n === 0) return 0n;
  const before = (ONE * BigInt(n - 1)) / 32n;
  return arctangentOf(n - 1) + arctangentSeries(over(t - before, ONE + times(t, before)));
}

/** The arctangent of 0 … 1. */
function arctangent(t: bigint): bigint {
  const n = Number((t * 32n + ONE / 2n) >> BITS);
  const known = (ONE * BigInt(n)) / 32n;
  return arctangentOf(n) + arctangentSeries(over(t - known, ONE + times(t, known)));
}

/** The arctangent of 1. */
const quarterPi = (): bigint => arctangentOf(32);

/** Angles are reduced up to here: SDM vol. 1, 8.3.8. */
const REACH = BIAS + 63;
/** Below 2^-34 the second term of the sine's series is beyond the rounding. */
const SMALL = BIAS - 34;

const angle = { sine: 0n, cosine: 0n };

/** Sine and cosine of a number that is neither special nor too large nor small, into `angle`. */
function circle(a: Extended): void {
  // In units of 2^-POINT, exactly, as long as the exponent is above SMALL.
  let x = shifted(significand(a), POINT + (a.se & EXPONENT) - BIAS - 63);
  const halfPi = HALF_PI66 << BigInt(POINT - HALF_PI_POINT);
  let turns = x / halfPi;
  x -= turns * halfPi;
  if (2n * x > halfPi) {
    x -= halfPi;
    turns++;
  }
  const square = times(x, x);
  const s = x === 0n ? 0n : alternating(x, square, 1);
  const c = alternating(ONE, square, 0);
  switch (Number(turns & 3n)) {
    case 0:
      angle.sine = s;
      angle.cosine = c;
      break;
    case 1:
      angle.sine = c;
      angle.cosine = -s;
      break;
    case 2:
      angle.sine = -s;
      angle.cosine = -c;
      break;
    default:
      angle.sine = -c;
      angle.cosine = s;
  }
  if (a.se & SIGN) angle.sine = -angle.sine;
}

const signed = (u: Unit, r: Extended, value: bigint): void => {
  if (value === 0n) r.set(0, 0, 0);
  else give(u, r, value < 0n ? SIGN : 0, value < 0n ? -value : value, POINT);
};

/** Whether `a` is too large to be reduced: C2, and nothing is done. Zeros and NaNs are not. */
export const isOutOfReach = (a: Extended): boolean =>
  a.hi < 0 && (a.se & EXPONENT) >= REACH && (a.se & EXPONENT) !== EXPONENT;

/** What a NaN, an infinity or an unsupported encoding gives; false for numbers. */
function notAngle(u: Unit, a: Extended, r: Extended): boolean {
  if (specialOne(u, a, r)) return true;
  if (!isInfinite(a)) return false;
  invalid(u, r);
  return true;
}

/** r = sin a. */
export function sine(u: Unit, a: Extended, r: Extended): void {
  if (notAngle(u, a, r)) return;
  if (isZero(a)) r.copy(a);
  else if ((a.se & EXPONENT) < SMALL) {
    const exponent = unpack(u, a, left);
    giveBelow(u, r, a.se & SIGN, exponent, left.hi, left.lo);
  } else {
    circle(a);
    signed(u, r, angle.sine);
  }
}

/** r = cos a. */
export function cosine(u: Unit, a: Extended, r: Extended): void {
  if (notAngle(u, a, r)) return;
  if (isZero(a)) r.set(BIAS, INTEGER_BIT, 0);
  else if ((a.se & EXPONENT) < SMALL) {
    if (isDenormal(a)) u.raised |= DE;
    giveBelow(u, r, 0, BIAS, INTEGER_BIT, 0);
  } else {
    circle(a);
    signed(u, r, angle.cosine);
  }
}

/** r = tan a. */
export function tangent(u: Unit, a: Extended, r: Extended): void {
  if (notAngle(u, a, r)) return;
  if (isZero(a)) r.copy(a);
  else if ((a.se & EXPONENT) < SMALL) {
    const exponent = unpack(u, a, left);
    give(u, r, a.se & SIGN, (significand(left) << 64n) + 1n, BIAS + 127 - exponent);
  } else {
    circle(a);
    signed(u, r, over(angle.sine, angle.cosine));
  }
}

/** r = the angle of the point (x, y). FPATAN: y is ST(1), x is ST(0). */
export function angleOf(u: Unit, y: Extended, x: Extended, r: Extended): void {
  if (specialTwo(u, y, x, r)) return;
  const sign = y.se & SIGN;
  const behind = (x.se & SIGN) !== 0;
  if (isDenormal(x) || isDenormal(y)) u.raised |= DE;
  const infiniteX = isInfinite(x);
  const infiniteY = isInfinite(y);
  const eighths = (count: bigint): void => give(u, r, sign, quarterPi() * count, POINT);
  if (infiniteY) {
    eighths(infiniteX ? (behind ? 3n : 1n) : 2n);
    return;
  }
  if (infiniteX || isZero(y)) {
    if (behind) eighths(4n);
    else r.set(sign, 0, 0);
    return;
  }
  if (isZero(x)) {
    eighths(2n);
    return;
  }
  const exponentY = unpack(u, y, left);
  const exponentX = unpack(u, x, right);
  const distance = exponentY - exponentX;
  const my = significand(left);
  const mx = significand(right);
  if (distance < -70 && !behind) {
    // The quotient itself, a trace smaller.
    const quotient = (my << 130n) / mx;
    const exact = quotient * mx === my << 130n;
    give(u, r, sign, exact && distance > -8000 ? (quotient << 100n) - 1n : quotient << 100n, 230 - distance);
    return;
  }
  let result: bigint;
  if (distance < -70) result = 4n * quarterPi() - 1n;
  else if (distance > 70) result = 2n * quarterPi() + (behind ? 1n : -1n);
  else {
    const ratioY = shifted(my, distance + 80);
    const ratioX = mx << 80n;
    const steep = ratioY > ratioX;
    result = arctangent(steep ? over(ratioX, ratioY) : over(ratioY, ratioX));
    if (steep) result = 2n * quarterPi() - result;
    if (behind) result = 4n * quarterPi() - result;
  }
  give(u, r, sign, result, POINT);
}

/** r = 2^a - 1, for -1 ≤ a ≤ 1; other numbers are left alone. F2XM1. */
export function powerLessOne(u: Unit, a: Extended, r: Extended): void {
  if (specialOne(u, a, r)) return;
  const sign = a.se & SIGN;
  if (isInfinite(a)) {
    if (sign) r.set(SIGN | BIAS, INTEGER_BIT, 0);
    else r.copy(a);
    return;
  }
  if (isZero(a)) {
    r.copy(a);
    return;
  }
  const exponent = unpack(u, a, left);
  if (exponent >= BIAS) {
    // Processors call this inexact, whatever comes of it.
    u.raised |= PE;
    if (exponent === BIAS && left.hi === INTEGER_BIT && left.lo === 0 && sign)
      r.set(SIGN | (BIAS - 1), INTEGER_BIT, 0);
    else r.copy(a);
    return;
  }
  if (exponent < BIAS - 70) {
    give(u, r, sign, significand(left) * ln2(), POINT + 63 + BIAS - exponent);
    return;
  }
  let x = shifted(significand(left), POINT + exponent - BIAS - 63);
  if (sign) x = -x;
  const t = times(x, ln2());
  let term = t;
  let sum = t;
  for (let k = 2n; term !== 0n && term !== -1n; k++) {
    term = times(term, t) / k;
    sum += term;
  }
  signed(u, r, sum);
}

const one = new Extended();
one.set(BIAS, INTEGER_BIT, 0);
const quiet = new Unit();

/** y × log₂ x in pieces: a bigint at POINT for the logarithm. */
function log2(significandOf: bigint, exponent: number): bigint {
  // m in [1, 2); above √2 half of it, so that the logarithm of a number near 1 is precise.
  let m = significandOf << BigInt(POINT - 63);
  if (m > 1_414_213_562n * (ONE / 1_000_000_000n)) {
    m >>= 1n;
    exponent++;
  }
  return over(logarithm(over(m - ONE, m + ONE)), ln2()) + BigInt(exponent) * ONE;
}

/** Multiplies a logarithm (at `point`) by y, which is neither zero nor special. */
function timesY(u: Unit, y: Extended, value: bigint, point: number, r: Extended): void {
  const exponent = unpack(u, y, right);
  const negative = value < 0n;
  const product = (negative ? -value : value) * significand(right);
  give(u, r, (y.se & SIGN) ^ (negative ? SIGN : 0), product, point + 63 + BIAS - exponent);
}

/** r = y × log₂ x. FYL2X: y is ST(1), x is ST(0). */
export function logarithm2(u: Unit, y: Extended, x: Extended, r: Extended): void {
  if (specialTwo(u, y, x, r)) return;
  const sign = y.se & SIGN;
  if (isZero(x)) {
    if (isZero(y)) invalid(u, r);
    else {
      if (!isInfinite(y)) u.raised |= ZE;
      setInfinity(r, sign ^ SIGN);
    }
    return;
  }
  if (x.se & SIGN) {
    invalid(u, r);
    return;
  }
  const order = compare(quiet, x, one, true);
  if (isInfinite(x) ? isZero(y) : isInfinite(y) && order === EQUAL) {
    invalid(u, r);
    return;
  }
  if (isDenormal(x) || isDenormal(y)) u.raised |= DE;
  const turned = sign ^ (order === LESS ? SIGN : 0);
  if (isInfinite(x) || isInfinite(y)) {
    setInfinity(r, turned);
    return;
  }
  if (order === EQUAL || isZero(y)) {
    r.set(turned, 0, 0);
    return;
  }
  const exponent = unpack(u, x, left);
  const power = left.hi === INTEGER_BIT && left.lo === 0;
  if (power) exactPower(u, y, exponent - BIAS, r);
  else timesY(u, y, log2(significand(left), exponent - BIAS), POINT, r);
}

/** y × a whole number: often exact, but called inexact by processors. */
function exactPower(u: Unit, y: Extended, count: number, r: Extended): void {
  const exponent = unpack(u, y, right);
  const product = significand(right) * BigInt(Math.abs(count));
  const length = bitLength(product);
  const cut = product << BigInt(96 - length);
  const sign = (y.se & SIGN) ^ (count < 0 ? SIGN : 0);
  const { precision } = u;
  u.precision = EXTENDED;
  pack(
    u,
    r,
    sign,
    exponent + length - 64,
    Number(cut >> 64n) | 0,
    Number((cut >> 32n) & 0xffff_ffffn) | 0,
    Number(cut & 0xffff_ffffn) | 0,
  );
  u.raised |= (r.se & EXPONENT) === 0 ? PE | UE : PE;
  u.precision = precision;
}

/** r = y × log₂ (x + 1). FYL2XP1: y is ST(1), x is ST(0), for |x| up to 1 - √½. */
export function logarithm2Plus1(u: Unit, y: Extended, x: Extended, r: Extended): void {
  if (specialTwo(u, y, x, r)) return;
  const sign = (y.se ^ x.se) & SIGN;
  if (isInfinite(x)) {
    if (x.se & SIGN || isZero(y)) invalid(u, r);
    else {
      if (isDenormal(y)) u.raised |= DE;
      setInfinity(r, sign);
    }
    return;
  }
  if (isZero(x) && isInfinite(y)) {
    invalid(u, r);
    return;
  }
  if (isDenormal(x) || isDenormal(y)) u.raised |= DE;
  if (isInfinite(y)) {
    setInfinity(r, sign);
    return;
  }
  if (isZero(x) || isZero(y)) {
    r.set(sign, 0, 0);
    return;
  }
  const exponent = unpack(u, x, left);
  const negative = (x.se & SIGN) !== 0;
  if (exponent < BIAS - 70) {
    const value = over(significand(left) << 64n, ln2());
    timesY(u, y, negative ? -value : value, 64 + 63 + BIAS - exponent, r);
    return;
  }
  let t = shifted(significand(left), POINT + exponent - BIAS - 63);
  if (negative) t = -t;
  if (t <= -ONE) {
    u.raised |= PE;
    r.copy(x);
    return;
  }
  // Below a quarter; nearer to -1 the series would take for ever.
  if (exponent < BIAS - 2) timesY(u, y, over(logarithm(over(t, t + 2n * ONE)), ln2()), POINT, r);
  else {
    const sum = t + ONE;
    const length = bitLength(sum);
    // Enough bits of it for a result that is not near 0.
    const whole = shifted(sum, POINT + 1 - length);
    let m = whole;
    let power = length - 1 - POINT;
    if (m > 1_414_213_562n * (ONE / 1_000_000_000n)) {
      m >>= 1n;
      power++;
    }
    timesY(u, y, over(logarithm(over(m - ONE, m + ONE)), ln2()) + BigInt(power) * ONE, POINT, r);
  }
}
