/** Addition, multiplication, division, square root, each rounded once. SDM vol. 2A, FADD, FMUL, FDIV, FSQRT. */
import {
  BIAS,
  DE,
  DOWN,
  EXPONENT,
  Extended,
  INTEGER_BIT,
  invalid,
  isDenormal,
  isInfinite,
  isNormal,
  isZero,
  SIGN,
  setInfinity,
  specialOne,
  specialTwo,
  type Unit,
  ZE,
} from "./extended.ts";
import { normalise, pack, shiftRight, wide } from "./round.ts";

/** Operands with the integer bit set: the exponent may be 0 or less. */
const left = new Extended();
const right = new Extended();
let leftExponent = 0;
let rightExponent = 0;

/** Whether one significand is below another. */
export const isLess = (aHi: number, aLo: number, bHi: number, bLo: number): boolean =>
  aHi >>> 0 < bHi >>> 0 || (aHi === bHi && aLo >>> 0 < bLo >>> 0);

/** Shifts a denormal number until its integer bit is set, reports it, and answers its exponent. */
export function unpack(u: Unit, a: Extended, to: Extended): number {
  const exponent = a.se & EXPONENT;
  if (exponent !== 0) {
    to.copy(a);
    return exponent;
  }
  u.raised |= DE;
  wide.hi = a.hi;
  wide.lo = a.lo;
  wide.rest = 0;
  const shift = normalise();
  to.set(a.se, wide.hi, wide.lo);
  return 1 - shift;
}

/** r = a + b. `flip` is 0, or SIGN to subtract b. `r` may be one of the operands. */
export function add(u: Unit, a: Extended, b: Extended, r: Extended, flip: number): void {
  const signA = a.se & SIGN;
  const signB = (b.se & SIGN) ^ flip;
  if (isNormal(a) && isNormal(b)) {
    sum(u, r, signA, a.se & EXPONENT, a.hi, a.lo, signB, b.se & EXPONENT, b.hi, b.lo);
    return;
  }
  if (specialTwo(u, a, b, r)) return;
  const infiniteA = isInfinite(a);
  const infiniteB = isInfinite(b);
  if (isDenormal(a) || isDenormal(b)) u.raised |= DE;
  if (infiniteA || infiniteB) {
    if (infiniteA && infiniteB && signA !== signB) invalid(u, r);
    else setInfinity(r, infiniteA ? signA : signB);
    return;
  }
  const zeroA = isZero(a);
  const zeroB = isZero(b);
  if (zeroA && zeroB) {
    r.set(signA === signB ? signA : u.rounding === DOWN ? SIGN : 0, 0, 0);
    return;
  }
  if (!zeroA) leftExponent = unpack(u, a, left);
  if (!zeroB) rightExponent = unpack(u, b, right);
  if (zeroB) pack(u, r, signA, leftExponent, left.hi, left.lo, 0);
  else if (zeroA) pack(u, r, signB, rightExponent, right.hi, right.lo, 0);
  else sum(u, r, signA, leftExponent, left.hi, left.lo, signB, rightExponent, right.hi, right.lo);
}

function sum(
  u: Unit,
  r: Extended,
  signA: number,
  exponentA: number,
  hiA: number,
  loA: number,
  signB: number,
  exponentB: number,
  hiB: number,
  loB: number,
): void {
  // The larger magnitude first.
  const distance = exponentA - exponentB;
  if (distance < 0 || (distance === 0 && isLess(hiA, loA, hiB, loB))) {
    sum(u, r, signB, exponentB, hiB, loB, signA, exponentA, hiA, loA);
    return;
  }
  let rest = 0;
  if (distance > 0) {
    shiftRight(hiB, loB, 0, distance);
    hiB = wide.hi;
    loB = wide.lo;
    rest = wide.rest;
  }
  if (signA === signB) {
    const lo = (loA >>> 0) + (loB >>> 0);
    const hi = (hiA >>> 0) + (hiB >>> 0) + (lo > 0xffff_ffff ? 1 : 0);
    if (hi > 0xffff_ffff) {
      rest = (lo << 31) | (rest >>> 1) | (rest & 1);
      pack(u, r, signA, exponentA + 1, (hi >>> 1) | INTEGER_BIT, (hi << 31) | ((lo | 0) >>> 1), rest);
    } else pack(u, r, signA, exponentA, hi | 0, lo | 0, rest);
    return;
  }
  const borrow = rest !== 0 ? 1 : 0;
  const lo = (loA >>> 0) - (loB >>> 0) - borrow;
  const hi = (hiA - hiB - (lo < 0 ? 1 : 0)) | 0;
  rest = -rest | 0;
  if (hi < 0) {
    pack(u, r, signA, exponentA, hi, lo | 0, rest);
    return;
  }
  if ((hi | lo | rest) === 0) {
    r.set(u.rounding === DOWN ? SIGN : 0, 0, 0);
    return;
  }
  wide.hi = hi;
  wide.lo = lo | 0;
  wide.rest = rest;
  const shift = normalise();
  pack(u, r, signA, exponentA - shift, wide.hi, wide.lo, wide.rest);
}

/** The high half of a 32 by 32 bit product, unsigned. */
function high(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  // Both are below 2^48, so exact.
  const low = aLow * (b >>> 0);
  const top = aHigh * (b >>> 0) + Math.floor(low / 0x1_0000);
  return Math.floor(top / 0x1_0000);
}

/** r = a × b. */
export function multiply(u: Unit, a: Extended, b: Extended, r: Extended): void {
  const sign = (a.se ^ b.se) & SIGN;
  if (isNormal(a) && isNormal(b)) {
    product(u, r, sign, (a.se & EXPONENT) + (b.se & EXPONENT), a.hi, a.lo, b.hi, b.lo);
    return;
  }
  if (specialTwo(u, a, b, r)) return;
  const infinite = isInfinite(a) || isInfinite(b);
  const zero = isZero(a) || isZero(b);
  if (infinite && zero) {
    invalid(u, r);
    return;
  }
  if (isDenormal(a) || isDenormal(b)) u.raised |= DE;
  if (infinite) setInfinity(r, sign);
  else if (zero) r.set(sign, 0, 0);
  else {
    const exponent = unpack(u, a, left) + unpack(u, b, right);
    product(u, r, sign, exponent, left.hi, left.lo, right.hi, right.lo);
  }
}

function product(
  u: Unit,
  r: Extended,
  sign: number,
  exponents: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  const lowest = Math.imul(aLo, bLo);
  const second = high(aLo, bLo) + (Math.imul(aHi, bLo) >>> 0) + (Math.imul(aLo, bHi) >>> 0);
  const third =
    high(aHi, bLo) + high(aLo, bHi) + (Math.imul(aHi, bHi) >>> 0) + Math.floor(second / 0x1_0000_0000);
  const hi = (high(aHi, bHi) + Math.floor(third / 0x1_0000_0000)) | 0;
  const lo = third | 0;
  const rest = second | 0;
  const sticky = lowest !== 0 ? 1 : 0;
  if (hi < 0) pack(u, r, sign, exponents - BIAS + 1, hi, lo, rest | sticky);
  else {
    pack(
      u,
      r,
      sign,
      exponents - BIAS,
      (hi << 1) | (lo >>> 31),
      (lo << 1) | (rest >>> 31),
      (rest << 1) | sticky,
    );
  }
}

/** r = a / b. */
export function divide(u: Unit, a: Extended, b: Extended, r: Extended): void {
  const sign = (a.se ^ b.se) & SIGN;
  if (isNormal(a) && isNormal(b)) {
    quotient(u, r, sign, (a.se & EXPONENT) - (b.se & EXPONENT), a.hi, a.lo, b.hi, b.lo);
    return;
  }
  if (specialTwo(u, a, b, r)) return;
  const infiniteA = isInfinite(a);
  const infiniteB = isInfinite(b);
  const zeroA = isZero(a);
  const zeroB = isZero(b);
  if ((infiniteA && infiniteB) || (zeroA && zeroB)) {
    invalid(u, r);
    return;
  }
  // A division by zero says nothing about a denormal.
  if ((isDenormal(a) && !zeroB) || isDenormal(b)) u.raised |= DE;
  if (infiniteA) setInfinity(r, sign);
  else if (infiniteB || zeroA) r.set(sign, 0, 0);
  else if (zeroB) {
    u.raised |= ZE;
    setInfinity(r, sign);
  } else {
    const exponent = unpack(u, a, left) - unpack(u, b, right);
    quotient(u, r, sign, exponent, left.hi, left.lo, right.hi, right.lo);
  }
}

const LIMB = 0x100_0000;

/** 64 bits as 16, 24 and 24: products of two limbs, and sums of some, are exact in doubles. */
const top = (hi: number): number => hi >>> 16;
const middle = (hi: number, lo: number): number => ((hi & 0xffff) << 8) | (lo >>> 24);
const bottom = (lo: number): number => lo & 0xff_ffff;

/** What is left of a division so far, less than the divisor. */
let r2 = 0;
let r1 = 0;
let r0 = 0;

/** The next 24 bits of the quotient: what is left becomes 2^24 times as much, less as often as it goes. */
function nextDigit(d2: number, d1: number, d0: number): number {
  const estimate = (r2 * LIMB + r1 + r0 / LIMB) / (d2 + d1 / LIMB + d0 / (LIMB * LIMB));
  // The estimate is right but for its last bit or so.
  let digit = Math.floor(estimate);
  const low = -digit * d0;
  const lowCarry = Math.floor(low / LIMB);
  const mid = r0 - digit * d1 + lowCarry;
  const midCarry = Math.floor(mid / LIMB);
  r0 = low - lowCarry * LIMB;
  const high = r2 * LIMB + r1 - digit * d2 + midCarry;
  r1 = mid - midCarry * LIMB;
  r2 = high;
  while (r2 < 0) {
    digit--;
    addDivisor(d2, d1, d0, 1);
  }
  while (r2 > d2 || (r2 === d2 && (r1 > d1 || (r1 === d1 && r0 >= d0)))) {
    digit++;
    addDivisor(d2, d1, d0, -1);
  }
  return digit;
}

function addDivisor(d2: number, d1: number, d0: number, times: number): void {
  r0 += times * d0;
  let carry = Math.floor(r0 / LIMB);
  r0 -= carry * LIMB;
  r1 += times * d1 + carry;
  carry = Math.floor(r1 / LIMB);
  r1 -= carry * LIMB;
  r2 += times * d2 + carry;
}

function quotient(
  u: Unit,
  r: Extended,
  sign: number,
  exponent: number,
  aHi: number,
  aLo: number,
  bHi: number,
  bLo: number,
): void {
  const d2 = top(bHi);
  const d1 = middle(bHi, bLo);
  const d0 = bottom(bLo);
  r2 = top(aHi);
  r1 = middle(aHi, aLo);
  r0 = bottom(aLo);
  const least = isLess(aHi, aLo, bHi, bLo);
  if (!least) addDivisor(d2, d1, d0, -1);
  const q2 = nextDigit(d2, d1, d0);
  const q1 = nextDigit(d2, d1, d0);
  const q0 = nextDigit(d2, d1, d0);
  const sticky = (r2 | r1 | r0) !== 0 ? 1 : 0;
  // 72 bits behind the point, as 32, 32 and 8.
  const hi = (q2 << 8) | (q1 >>> 16);
  const lo = (q1 << 16) | (q0 >>> 8);
  const rest = (q0 << 24) | sticky;
  if (least) pack(u, r, sign, exponent + BIAS - 1, hi, lo, rest);
  else {
    pack(
      u,
      r,
      sign,
      exponent + BIAS,
      INTEGER_BIT | (hi >>> 1),
      (hi << 31) | (lo >>> 1),
      (lo << 31) | (rest >>> 1) | sticky,
    );
  }
}

/** What is left of a division, and the last three bits of its quotient. */
export const remainder = { hi: 0, lo: 0, quotient: 0 };

/**
 * Leaves in `remainder` the significand of `a` times 2^count (0 … 63) modulo that of `b`. Both have their integer
 * bits.
 */
export function reduce(a: Extended, b: Extended, count: number): void {
  const d2 = top(b.hi);
  const d1 = middle(b.hi, b.lo);
  const d0 = bottom(b.lo);
  r2 = top(a.hi);
  r1 = middle(a.hi, a.lo);
  r0 = bottom(a.lo);
  let low = 0;
  if (!isLess(a.hi, a.lo, b.hi, b.lo)) {
    addDivisor(d2, d1, d0, -1);
    low = 1;
  }
  for (; count >= 24; count -= 24) low = nextDigit(d2, d1, d0);
  for (; count > 0; count--) {
    r2 *= 2;
    r1 *= 2;
    r0 *= 2;
    addDivisor(0, 0, 0, 0);
    low <<= 1;
    if (r2 > d2 || (r2 === d2 && (r1 > d1 || (r1 === d1 && r0 >= d0)))) {
      addDivisor(d2, d1, d0, -1);
      low |= 1;
    }
  }
  remainder.hi = (r2 << 16) | (r1 >>> 8);
  remainder.lo = (r1 << 24) | r0;
  remainder.quotient = low & 7;
}

const WORD = 0x1_0000_0000;

/** r = √a. */
export function squareRoot(u: Unit, a: Extended, r: Extended): void {
  if (specialOne(u, a, r)) return;
  if (isZero(a)) {
    r.copy(a);
    return;
  }
  if (a.se & SIGN) {
    invalid(u, r);
    return;
  }
  if (isInfinite(a)) {
    r.copy(a);
    return;
  }
  const exponent = unpack(u, a, left) - BIAS;
  // The radicand: the significand, or half of it so that the exponent becomes even, with 64 bits behind it.
  let { hi, lo } = left;
  let next = 0;
  if ((exponent & 1) === 0) {
    next = (lo & 1) * 2;
    lo = (hi << 31) | (lo >>> 1);
    hi >>>= 1;
  }
  // The first 32 bits of the root come from a double, and may be one off.
  let root = Math.min(Math.floor(Math.sqrt((hi >>> 0) * WORD + (lo >>> 0))), WORD - 1);
  let rest = ((hi >>> 0) - high(root, root)) * WORD + (lo >>> 0) - (Math.imul(root, root) >>> 0);
  if (rest < 0) {
    root--;
    rest += 2 * root + 1;
  } else if (rest > 2 * root) {
    rest -= 2 * root + 1;
    root++;
  }
  // The others one by one.
  let rootHi = 0;
  let rootLo = root;
  let restHi = Math.floor(rest / WORD);
  let restLo = rest - restHi * WORD;
  for (let bit = 0; bit < 32; bit++) {
    restHi = restHi * 4 + (restLo >>> 30);
    restLo = ((restLo * 4) | next) >>> 0;
    next = 0;
    rootHi = rootHi * 2 + (rootLo >>> 31);
    rootLo = (rootLo << 1) >>> 0;
    const lowTrial = ((rootLo << 1) | 1) >>> 0;
    const highTrial = rootHi * 2 + (rootLo >>> 31);
    if (restHi > highTrial || (restHi === highTrial && restLo >= lowTrial)) {
      restLo -= lowTrial;
      restHi -= highTrial;
      if (restLo < 0) {
        restLo += WORD;
        restHi--;
      }
      rootLo++;
    }
  }
  // No root lies half-way between two numbers: what is left tells on which side it is.
  const above = restHi > rootHi || (restHi === rootHi && restLo > rootLo);
  // What is left may have 65 bits.
  const isExact = restHi === 0 && restLo === 0;
  const behind = isExact ? 0 : above ? INTEGER_BIT | 1 : 1;
  pack(u, r, 0, (exponent >> 1) + BIAS, rootHi | 0, rootLo | 0, behind);
}
