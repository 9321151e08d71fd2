/**
 * Arithmetic of single and double precision with the four rounding modes and the exceptions of MXCSR.
 * SDM vol. 1, chapter 4.8 and 11.5.
 *
 * The host computes to nearest. What it does not tell, on which side of its result the exact one lies, comes from
 * error-free transformations (Dekker 1971): an exact value is the pair `value` and `rest`, of which only the sign
 * matters. Numbers near the ends of the exponent's range are scaled first, so the transformations hold for all.
 *
 * Operands and results are lanes of the desk (lanes.ts), because a NaN does not survive being a number in JavaScript. Nothing here is
 * allocated; exceptions gather in `raised` until somebody takes them.
 */

import { f64 as doubles, i32 as dwords, SPARE, f32 as singles } from "./lanes.ts";

/** Exceptions, as in MXCSR bits 0 to 5. */
export const IE = 1;
export const DE = 2;
export const ZE = 4;
export const OE = 8;
export const UE = 16;
export const PE = 32;

const DAZ = 0x40;
const FTZ = 0x8000;

/** Rounding modes, as in MXCSR bits 13 and 14. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const ZERO = 3;

const SPARE_LOW = 2 * SPARE;
const SPARE_HIGH = 2 * SPARE + 1;

let mode = NEAREST;
let denormalsAreZero = false;
let flushToZero = false;
let overflowMasked = true;
let underflowMasked = true;
let raised = 0;

/** Begins an instruction under this MXCSR. */
export function begin(mxcsr: number): void {
  raised = 0;
  mode = (mxcsr >> 13) & 3;
  denormalsAreZero = (mxcsr & DAZ) !== 0;
  overflowMasked = (mxcsr & (OE << 7)) !== 0;
  underflowMasked = (mxcsr & (UE << 7)) !== 0;
  flushToZero = (mxcsr & FTZ) !== 0 && underflowMasked;
}

/** The exceptions since `begin`. */
export const exceptions = (): number => raised;

/** The rounding mode in force. */
export const roundingMode = (): number => mode;

const DOUBLE_LEAST = 2 ** -1022;
const SINGLE_LEAST = 2 ** -126;
const SPLITTER = 2 ** 27 + 1;

// NaNs -------------------------------------------------------------------------------------------------------

/** Whether the single in this lane is a signalling NaN. */
export const isSignallingSingle = (lane: number): boolean =>
  (dwords[lane]! & 0x7fc0_0000) === 0x7f80_0000 && (dwords[lane]! & 0x3f_ffff) !== 0;

export const isSignallingDouble = (lane: number): boolean =>
  (dwords[2 * lane + 1]! & 0x7ff8_0000) === 0x7ff0_0000 &&
  ((dwords[2 * lane + 1]! & 0x7_ffff) | dwords[2 * lane]!) !== 0;

/** The default NaN, "real indefinite". */
export function indefiniteSingle(to: number): void {
  dwords[to] = 0xffc0_0000 | 0;
}

export function indefiniteDouble(to: number): void {
  dwords[2 * to] = 0;
  dwords[2 * to + 1] = 0xfff8_0000 | 0;
}

/** The first operand that is a NaN, made quiet. SDM vol. 1, table 4-7. */
export function nanSingle(a: number, b: number, to: number): void {
  if (isSignallingSingle(a) || isSignallingSingle(b)) raised |= IE;
  const x = singles[a]!;
  dwords[to] = (Number.isNaN(x) ? dwords[a]! : dwords[b]!) | 0x40_0000;
}

export function nanDouble(a: number, b: number, to: number): void {
  if (isSignallingDouble(a) || isSignallingDouble(b)) raised |= IE;
  const x = doubles[a]!;
  const from = 2 * (Number.isNaN(x) ? a : b);
  dwords[2 * to] = dwords[from]!;
  dwords[2 * to + 1] = dwords[from + 1]! | 0x8_0000;
}

// Denormals --------------------------------------------------------------------------------------------------

const signedUnit = (x: number): number => (x < 0 || Object.is(x, -0) ? -Infinity : Infinity);
const signedZero = (x: number): number => (x < 0 ? -0 : 0);

/** The number itself; a denormal one raises DE, or is zero. */
export function admitSingle(x: number): number {
  if (x !== 0 && x < SINGLE_LEAST && x > -SINGLE_LEAST) {
    if (denormalsAreZero) return signedZero(x);
    raised |= DE;
  }
  return x;
}

export function admitDouble(x: number): number {
  if (x !== 0 && x < DOUBLE_LEAST && x > -DOUBLE_LEAST) {
    if (denormalsAreZero) return signedZero(x);
    raised |= DE;
  }
  return x;
}

/** The number itself, or zero where denormals are; nothing is raised. */
export const quietSingle = (x: number): number =>
  denormalsAreZero && x < SINGLE_LEAST && x > -SINGLE_LEAST && x !== 0 ? signedZero(x) : x;
export const quietDouble = (x: number): number =>
  denormalsAreZero && x < DOUBLE_LEAST && x > -DOUBLE_LEAST && x !== 0 ? signedZero(x) : x;

// Rounding ---------------------------------------------------------------------------------------------------

/** -1, 0 or 1: where the mode wants the neighbour of a value to nearest, when the exact one is beside it. */
function correction(value: number, rest: number): number {
  if (mode === NEAREST || rest === 0) return 0;
  if (mode === DOWN) return rest < 0 ? -1 : 0;
  if (mode === UP) return rest > 0 ? 1 : 0;
  return value > 0 ? (rest < 0 ? -1 : 0) : rest > 0 ? 1 : 0;
}

/** The next double above (1) or below (-1). Neither zero nor infinite. */
function neighbour(value: number, direction: number): number {
  doubles[SPARE] = value;
  if (value > 0 === direction > 0) {
    dwords[SPARE_LOW]!++;
    if (dwords[SPARE_LOW] === 0) dwords[SPARE_HIGH]!++;
  } else {
    if (dwords[SPARE_LOW] === 0) dwords[SPARE_HIGH]!--;
    dwords[SPARE_LOW]!--;
  }
  return doubles[SPARE]!;
}

function neighbourSingle(value: number, direction: number): number {
  singles[SPARE_LOW] = value;
  dwords[SPARE_LOW]! += value > 0 === direction > 0 ? 1 : -1;
  return singles[SPARE_LOW]!;
}

/** The exponent of a number that is neither 0 nor infinite nor denormal. */
function exponentOf(value: number): number {
  doubles[SPARE] = value;
  return ((dwords[SPARE_HIGH]! >> 20) & 0x7ff) - 1023;
}

/** 2^exponent, for normal ones. */
function power(exponent: number): number {
  dwords[SPARE_LOW] = 0;
  dwords[SPARE_HIGH] = (exponent + 1023) << 20;
  return doubles[SPARE]!;
}

/** value × 2^exponent where that is a double: in two steps, because the factor may not be one. */
function scaled(value: number, exponent: number): number {
  const half = exponent >> 1;
  return value * power(half) * power(exponent - half);
}

/** Rounds value + rest, which is not 0, into a double. */
export function roundDouble(value: number, rest: number, to: number): void {
  const size = Math.abs(value);
  if (size > DOUBLE_LEAST && size < 2 ** 1023) {
    if (rest === 0) {
      doubles[to] = value;
      return;
    }
    raised |= PE;
    const direction = mode === NEAREST ? 0 : correction(value, rest);
    doubles[to] = direction === 0 ? value : neighbour(value, direction);
    return;
  }
  roundScaledDouble(value, rest, 0, to);
}

/** Rounds (value + rest) × 2^scale. */
function roundScaledDouble(value: number, rest: number, scale: number, to: number): void {
  const [fraction, exponent] = apart(value);
  const direction = correction(fraction, rest);
  let rounded = direction === 0 ? fraction : neighbour(fraction, direction);
  let power2 = exponent + scale;
  if (Math.abs(rounded) >= 2) {
    rounded /= 2;
    power2++;
  } else if (Math.abs(rounded) < 1) {
    rounded *= 2;
    power2--;
  }
  if (power2 > 1023) doubles[to] = overflow(value, rest !== 0, Number.MAX_VALUE);
  else if (power2 < -1022) doubles[to] = underflow(fraction, rest, exponent + scale, rest !== 0, -1074);
  else {
    if (rest !== 0) raised |= PE;
    doubles[to] = scaled(rounded, power2);
  }
}

/** Rounds value + rest, which is not 0, into a single. `value` is any finite double. */
export function roundSingle(value: number, rest: number, to: number): void {
  const size = Math.abs(value);
  if (size > SINGLE_LEAST && size < 2 ** 127) {
    const rounded = Math.fround(value);
    const beside = value - rounded || rest;
    if (beside === 0) {
      singles[to] = rounded;
      return;
    }
    raised |= PE;
    const direction = mode === NEAREST ? 0 : correction(value, beside);
    singles[to] = direction === 0 ? rounded : neighbourSingle(rounded, direction);
    return;
  }
  const [fraction, exponent] = apart(value);
  const nearest = Math.fround(fraction);
  const beside = fraction - nearest || rest;
  const direction = correction(fraction, beside);
  let rounded = direction === 0 ? nearest : neighbourSingle(nearest, direction);
  let power2 = exponent;
  if (Math.abs(rounded) >= 2) {
    rounded /= 2;
    power2++;
  } else if (Math.abs(rounded) < 1) {
    rounded *= 2;
    power2--;
  }
  if (power2 > 127) singles[to] = overflow(value, beside !== 0, SINGLE_MOST);
  else if (power2 < -126) singles[to] = underflow(fraction, rest, exponent, beside !== 0, -149);
  else {
    if (beside !== 0) raised |= PE;
    singles[to] = rounded * power(power2);
  }
}

const SINGLE_MOST = 2 ** 128 - 2 ** 104;

const parts: [fraction: number, exponent: number] = [0, 0];

/** value = fraction × 2^exponent with 1 ≤ |fraction| < 2. The same record every time. */
function apart(value: number): [fraction: number, exponent: number] {
  let exponent = 0;
  let size = value;
  if (Math.abs(value) < DOUBLE_LEAST) {
    size = value * 2 ** 100;
    exponent = -100;
  }
  const more = exponentOf(size);
  parts[0] = scaled(size, -more);
  parts[1] = exponent + more;
  return parts;
}

/** The result of masked overflow. SDM vol. 1, table 4-10. Unmasked, PE tells of the precision alone. */
function overflow(value: number, inexact: boolean, most: number): number {
  raised |= overflowMasked || inexact ? OE | PE : OE;
  const infinite = mode === NEAREST || (value > 0 ? mode === UP : mode === DOWN);
  return value > 0 ? (infinite ? Infinity : most) : infinite ? -Infinity : -most;
}

/**
 * A result below the least normal number, after rounding as if exponents had no end (SDM vol. 1, 4.9.1.5): denormal,
 * or zero with FTZ. `least` is the exponent of the least denormal. `inexact`: it does not fit the precision.
 */
function underflow(
  fraction: number,
  rest: number,
  exponent: number,
  inexact: boolean,
  least: number,
): number {
  const zero = fraction < 0 ? -0 : 0;
  if (!underflowMasked) {
    raised |= UE | (inexact ? PE : 0);
    return zero;
  }
  if (flushToZero) {
    raised |= UE | PE;
    return zero;
  }
  const shift = exponent - least;
  const steps = shift < -60 ? 2 ** -60 : Math.abs(fraction) * power(shift);
  let whole = Math.floor(steps);
  let beyond = steps - whole;
  const outward = fraction < 0 ? -rest : rest;
  if (beyond === 0 && outward < 0) {
    // Just below a whole number of steps.
    whole--;
    beyond = 0.75;
  } else if (beyond === 0 && outward > 0) beyond = 0.25;
  else if (beyond === 0.5) beyond += outward > 0 ? 0.125 : outward < 0 ? -0.125 : 0;
  if (beyond !== 0) {
    raised |= UE | PE;
    const away =
      mode === NEAREST
        ? beyond > 0.5 || (beyond === 0.5 && whole % 2 === 1)
        : mode === ZERO
          ? false
          : fraction > 0 === (mode === UP);
    if (away) whole++;
  }
  const result = least === -149 ? whole * 2 ** -149 : whole * Number.MIN_VALUE;
  return fraction < 0 ? -result : result;
}

// Error-free transformations ---------------------------------------------------------------------------------

/** x + y - sum, exactly. */
function restOfSum(x: number, y: number, sum: number): number {
  const part = sum - x;
  return x - (sum - part) + (y - part);
}

/** x × y - product, exactly, where nothing overflows or underflows. */
function restOfProduct(x: number, y: number, product: number): number {
  const a = SPLITTER * x;
  const xHigh = a - (a - x);
  const xLow = x - xHigh;
  const b = SPLITTER * y;
  const yHigh = b - (b - y);
  const yLow = y - yHigh;
  return xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow);
}

/** The sign of x / y - quotient, where nothing overflows or underflows. */
function restOfQuotient(x: number, y: number, quotient: number): number {
  const product = quotient * y;
  const rest = x - product - restOfProduct(quotient, y, product);
  return y < 0 ? -rest : rest;
}

function restOfRoot(x: number, root: number): number {
  const square = root * root;
  return x - square - restOfProduct(root, root, square);
}

const SMALL = 2 ** -900;
const LARGE = 2 ** 990;
const inRange = (x: number): boolean => (x > 0 ? x > SMALL && x < LARGE : x < -SMALL && x > -LARGE);

/** The sum of opposite numbers is -0 when rounding down. SDM vol. 1, 4.8.3.1. */
function zeroSum(x: number, y: number): number {
  if (x === 0 && y === 0 && Object.is(x, y)) return x;
  return mode === DOWN ? -0 : 0;
}

// Operations: lanes a and b into lane to ---------------------------------------------------------------------

export type Operation = (a: number, b: number, to: number) => void;

export function addSingle(a: number, b: number, to: number): void {
  sumSingle(a, b, to, 1);
}

export function subtractSingle(a: number, b: number, to: number): void {
  sumSingle(a, b, to, -1);
}

function sumSingle(a: number, b: number, to: number, sign: number): void {
  let x = singles[a]!;
  let y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanSingle(a, b, to);
    return;
  }
  x = admitSingle(x);
  y = sign * admitSingle(y);
  const sum = x + y;
  if (Number.isNaN(sum)) {
    raised |= IE;
    indefiniteSingle(to);
    return;
  }
  if (sum === 0) singles[to] = zeroSum(x, y);
  else if (sum === Infinity || sum === -Infinity) singles[to] = sum;
  else roundSingle(sum, restOfSum(x, y, sum), to);
}

export function multiplySingle(a: number, b: number, to: number): void {
  let x = singles[a]!;
  let y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanSingle(a, b, to);
    return;
  }
  x = admitSingle(x);
  y = admitSingle(y);
  const product = x * y;
  if (Number.isNaN(product)) {
    raised |= IE;
    indefiniteSingle(to);
    return;
  }
  if (product === 0 || product === Infinity || product === -Infinity) singles[to] = product;
  else roundSingle(product, 0, to);
}

export function divideSingle(a: number, b: number, to: number): void {
  let x = singles[a]!;
  let y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanSingle(a, b, to);
    return;
  }
  if (quietSingle(y) === 0) {
    divideByZeroSingle(quietSingle(x), y, to);
    return;
  }
  x = admitSingle(x);
  y = admitSingle(y);
  const quotient = x / y;
  if (Number.isNaN(quotient)) {
    raised |= IE;
    indefiniteSingle(to);
    return;
  }
  if (quotient === 0 || quotient === Infinity || quotient === -Infinity) {
    singles[to] = quotient;
  } else roundSingle(quotient, restOfQuotient(x, y, quotient), to);
}

/** A denormal dividend is not told of. */
function divideByZeroSingle(x: number, y: number, to: number): void {
  if (x === 0) {
    raised |= IE;
    indefiniteSingle(to);
    return;
  }
  if (x - x === 0) raised |= ZE;
  singles[to] = x * signedUnit(y);
}

/** The root of lane b; a is not looked at. */
export function rootSingle(_: number, b: number, to: number): void {
  let x = singles[b]!;
  if (Number.isNaN(x)) {
    nanSingle(b, b, to);
    return;
  }
  if (x < 0 && quietSingle(x) !== 0) {
    raised |= IE;
    indefiniteSingle(to);
    return;
  }
  x = admitSingle(x);
  if (x === 0 || x === Infinity) {
    singles[to] = x;
    return;
  }
  const root = Math.sqrt(x);
  roundSingle(root, restOfRoot(x, root), to);
}

export function addDouble(a: number, b: number, to: number): void {
  sumDouble(a, b, to, 1);
}

export function subtractDouble(a: number, b: number, to: number): void {
  sumDouble(a, b, to, -1);
}

function sumDouble(a: number, b: number, to: number, sign: number): void {
  let x = doubles[a]!;
  let y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanDouble(a, b, to);
    return;
  }
  x = admitDouble(x);
  y = sign * admitDouble(y);
  const sum = x + y;
  if (Number.isNaN(sum)) {
    raised |= IE;
    indefiniteDouble(to);
    return;
  }
  if (sum === 0) doubles[to] = zeroSum(x, y);
  else if (sum < LARGE && sum > -LARGE) roundDouble(sum, restOfSum(x, y, sum), to);
  else if (x === Infinity || x === -Infinity || y === Infinity || y === -Infinity) doubles[to] = sum;
  else if (Math.abs(x) < 2 ** 800 || Math.abs(y) < 2 ** 800) {
    // The smaller one counts only by its sign.
    const large = Math.abs(x) > Math.abs(y) ? x : y;
    roundDouble(large, large === x ? y : x, to);
  } else {
    const half = x * 0.25 + y * 0.25;
    roundScaledDouble(half, restOfSum(x * 0.25, y * 0.25, half), 2, to);
  }
}

export function multiplyDouble(a: number, b: number, to: number): void {
  let x = doubles[a]!;
  let y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanDouble(a, b, to);
    return;
  }
  x = admitDouble(x);
  y = admitDouble(y);
  const product = x * y;
  if (Number.isNaN(product)) {
    raised |= IE;
    indefiniteDouble(to);
    return;
  }
  if (inRange(product) && inRange(x) && inRange(y)) {
    roundDouble(product, restOfProduct(x, y, product), to);
  } else if (x === 0 || y === 0 || x - x !== 0 || y - y !== 0) doubles[to] = product;
  else {
    const [xFraction, xExponent] = apart(x);
    const [yFraction, yExponent] = apart(y);
    const fraction = xFraction * yFraction;
    roundScaledDouble(fraction, restOfProduct(xFraction, yFraction, fraction), xExponent + yExponent, to);
  }
}

export function divideDouble(a: number, b: number, to: number): void {
  let x = doubles[a]!;
  let y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    nanDouble(a, b, to);
    return;
  }
  if (quietDouble(y) === 0) {
    divideByZeroDouble(quietDouble(x), y, to);
    return;
  }
  x = admitDouble(x);
  y = admitDouble(y);
  const quotient = x / y;
  if (Number.isNaN(quotient)) {
    raised |= IE;
    indefiniteDouble(to);
    return;
  }
  if (inRange(quotient) && inRange(x) && inRange(y)) {
    roundDouble(quotient, restOfQuotient(x, y, quotient), to);
  } else if (x === 0 || x - x !== 0 || y - y !== 0) {
    doubles[to] = quotient;
  } else {
    const [xFraction, xExponent] = apart(x);
    const [yFraction, yExponent] = apart(y);
    const fraction = xFraction / yFraction;
    roundScaledDouble(fraction, restOfQuotient(xFraction, yFraction, fraction), xExponent - yExponent, to);
  }
}

/** A denormal dividend is not told of. */
function divideByZeroDouble(x: number, y: number, to: number): void {
  if (x === 0) {
    raised |= IE;
    indefiniteDouble(to);
    return;
  }
  if (x - x === 0) raised |= ZE;
  doubles[to] = x * signedUnit(y);
}

export function rootDouble(_: number, b: number, to: number): void {
  let x = doubles[b]!;
  if (Number.isNaN(x)) {
    nanDouble(b, b, to);
    return;
  }
  if (x < 0 && quietDouble(x) !== 0) {
    raised |= IE;
    indefiniteDouble(to);
    return;
  }
  x = admitDouble(x);
  if (x === 0 || x === Infinity) {
    doubles[to] = x;
    return;
  }
  const scale = x < SMALL ? 2 ** 200 : x > LARGE ? 2 ** -200 : 1;
  const square = x * scale;
  const root = Math.sqrt(square);
  const rest = restOfRoot(square, root);
  roundDouble(scale === 1 ? root : scale > 1 ? root * 2 ** -100 : root * 2 ** 100, rest, to);
}

// Minimum and maximum ----------------------------------------------------------------------------------------

/** The second operand unless the first is less. SDM vol. 2B, MINPS. */
export function leastSingle(a: number, b: number, to: number): void {
  const x = singles[a]!;
  const y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    raised |= IE;
    if (Number.isNaN(y)) dwords[to] = dwords[b]!;
    else takeSingle(b, to);
  } else takeSingle(admitSingle(x) < admitSingle(y) ? a : b, to);
}

export function greatestSingle(a: number, b: number, to: number): void {
  const x = singles[a]!;
  const y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    raised |= IE;
    if (Number.isNaN(y)) dwords[to] = dwords[b]!;
    else takeSingle(b, to);
  } else takeSingle(admitSingle(x) > admitSingle(y) ? a : b, to);
}

function takeSingle(from: number, to: number): void {
  singles[to] = quietSingle(singles[from]!);
}

export function leastDouble(a: number, b: number, to: number): void {
  const x = doubles[a]!;
  const y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) copyInvalid(b, to);
  else doubles[to] = quietDouble(doubles[admitDouble(x) < admitDouble(y) ? a : b]!);
}

export function greatestDouble(a: number, b: number, to: number): void {
  const x = doubles[a]!;
  const y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) copyInvalid(b, to);
  else doubles[to] = quietDouble(doubles[admitDouble(x) > admitDouble(y) ? a : b]!);
}

function copyInvalid(from: number, to: number): void {
  raised |= IE;
  if (!Number.isNaN(doubles[from])) {
    doubles[to] = quietDouble(doubles[from]!);
    return;
  }
  dwords[2 * to] = dwords[2 * from]!;
  dwords[2 * to + 1] = dwords[2 * from + 1]!;
}

// Comparison -------------------------------------------------------------------------------------------------

export const UNORDERED = 3;

/** 0 equal, 1 less, 2 greater, 3 unordered. A quiet NaN is invalid if `signals`. */
export function orderSingle(a: number, b: number, signals: boolean): number {
  const x = singles[a]!;
  const y = singles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    if (signals || isSignallingSingle(a) || isSignallingSingle(b)) raised |= IE;
    return UNORDERED;
  }
  return order(admitSingle(x), admitSingle(y));
}

export function orderDouble(a: number, b: number, signals: boolean): number {
  const x = doubles[a]!;
  const y = doubles[b]!;
  if (Number.isNaN(x) || Number.isNaN(y)) {
    if (signals || isSignallingDouble(a) || isSignallingDouble(b)) raised |= IE;
    return UNORDERED;
  }
  return order(admitDouble(x), admitDouble(y));
}

const order = (x: number, y: number): number => (x === y ? 0 : x < y ? 1 : 2);

// Integers ---------------------------------------------------------------------------------------------------

/** The whole number beside `x` that the mode wants. */
export function whole(x: number, how: number): number {
  const below = Math.floor(x);
  if (below === x) return x;
  const above = below + 1;
  let result: number;
  if (how === NEAREST) {
    const beyond = x - below;
    result = beyond < 0.5 || (beyond === 0.5 && below % 2 === 0) ? below : above;
  } else if (how === DOWN) result = below;
  else if (how === UP) result = above;
  else result = x < 0 ? above : below;
  return result === 0 && x < 0 ? -0 : result;
}

/** A number as a signed dword; what does not fit, or is none, is the integer indefinite. SDM vol. 1, table 4-9. */
export function toInteger(x: number, how: number): number {
  const result = whole(x, how);
  if (!(result >= -0x8000_0000 && result <= 0x7fff_ffff)) {
    raised |= IE;
    return -0x8000_0000;
  }
  if (result !== x) raised |= PE;
  return result | 0;
}

/** A single in lane `from` as a double. */
export function widen(from: number, to: number): void {
  const x = singles[from]!;
  if (!Number.isNaN(x)) {
    doubles[to] = admitSingle(x);
    return;
  }
  if (isSignallingSingle(from)) raised |= IE;
  const bits = dwords[from]!;
  dwords[2 * to] = bits << 29;
  dwords[2 * to + 1] = (bits & -0x8000_0000) | 0x7ff8_0000 | ((bits & 0x7f_ffff) >>> 3);
}

/** A double in lane `from` as a single. */
export function narrow(from: number, to: number): void {
  const x = doubles[from]!;
  if (Number.isNaN(x)) {
    if (isSignallingDouble(from)) raised |= IE;
    const high = dwords[2 * from + 1]!;
    dwords[to] = (high & -0x8000_0000) | 0x7fc0_0000 | ((high & 0x7_ffff) << 3) | (dwords[2 * from]! >>> 29);
    return;
  }
  const value = admitDouble(x);
  if (value === 0 || value - value !== 0) singles[to] = value;
  else roundSingle(value, 0, to);
}

/** A double in lane `from` to a whole number. */
export function wholeDouble(from: number, to: number, how: number, quiet: boolean): void {
  const x = doubles[from]!;
  if (Number.isNaN(x)) {
    nanDouble(from, from, to);
    return;
  }
  const value = quietDouble(x);
  const result = whole(value, how);
  if (result !== value && !quiet) raised |= PE;
  doubles[to] = result;
}

export function wholeSingle(from: number, to: number, how: number, quiet: boolean): void {
  const x = singles[from]!;
  if (Number.isNaN(x)) {
    nanSingle(from, from, to);
    return;
  }
  const value = quietSingle(x);
  const result = whole(value, how);
  if (result !== value && !quiet) raised |= PE;
  singles[to] = result;
}
