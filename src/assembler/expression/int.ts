/**
 * FASM's integers: 64 bits and a sign, so -2^64 … 2^64-1. A JavaScript number while it is exact (below 2^53 in
 * magnitude), a bigint beyond, never both forms of one value: equal values are ===.
 */
export type Int = number | bigint;

const LIMIT = 1n << 64n;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const TWO_32 = 4294967296;

/**
 * The same number, in the form that the engine keeps small ones in: what has come out of an array of doubles would make
 * doubles of all that is reckoned from it, and of the fields that it gets into.
 */
export const whole = (value: number): number => ((value | 0) === value ? value | 0 : value);

/** Set by an operation whose exact result does not fit; the result is then what FASM has left. The caller clears it. */
export const overflow = { happened: false };

/** The one form of a bigint result. */
export function normal(value: bigint): Int {
  if (value <= SAFE && value >= -SAFE) return Number(value);
  if (value >= LIMIT || value < -LIMIT) {
    overflow.happened = true;
    const low = BigInt.asUintN(64, value);
    return normal(value < 0n ? low - LIMIT : low);
  }
  return value;
}

/** The one form of an integer that may have any length. */
export function exact(value: bigint): Int {
  return value <= SAFE && value >= -SAFE ? Number(value) : value;
}

export function add(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER) return sum;
  }
  return normal(BigInt(a) + BigInt(b));
}

export function subtract(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (difference <= Number.MAX_SAFE_INTEGER && difference >= -Number.MAX_SAFE_INTEGER) return difference;
  }
  return normal(BigInt(a) - BigInt(b));
}

export function negate(a: Int): Int {
  return subtract(0, a);
}

export function multiply(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (product <= Number.MAX_SAFE_INTEGER && product >= -Number.MAX_SAFE_INTEGER) return product + 0;
  }
  const product = BigInt(a) * BigInt(b);
  // FASM multiplies magnitudes of 64 bits, so -2^64 is out of reach both as operand and as result.
  if (product < LIMIT && product > -LIMIT) return normal(product);
  overflow.happened = true;
  return a < 0 ? normal(-BigInt(a) - LIMIT) : a;
}

/** Towards zero; the divisor is not 0. */
export function divide(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number")
    return Math.trunc(a / b) === 0 ? 0 : exactQuotient(a, b);
  return normal(BigInt(a) / BigInt(b));
}

function exactQuotient(a: number, b: number): number {
  // a / b may round up to the next integer when a is large: the remainder is exact, so go through it.
  return Math.round((a - (a % b)) / b);
}

/** With the sign of the dividend; the divisor is not 0. */
export function remainder(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") return (a % b) + 0;
  return normal(BigInt(a) % BigInt(b));
}

const small = (value: Int): value is number => typeof value === "number" && (value | 0) === value;

export function and(a: Int, b: Int): Int {
  if (small(a) && small(b)) return a & b;
  if (typeof a === "number" && typeof b === "number") {
    return (Math.floor(a / TWO_32) & Math.floor(b / TWO_32)) * TWO_32 + ((a & b) >>> 0);
  }
  return normal(BigInt(a) & BigInt(b));
}

export function or(a: Int, b: Int): Int {
  if (small(a) && small(b)) return a | b;
  if (typeof a === "number" && typeof b === "number") {
    return (Math.floor(a / TWO_32) | Math.floor(b / TWO_32)) * TWO_32 + ((a | b) >>> 0);
  }
  return normal(BigInt(a) | BigInt(b));
}

export function xor(a: Int, b: Int): Int {
  if (small(a) && small(b)) return a ^ b;
  if (typeof a === "number" && typeof b === "number") {
    return (Math.floor(a / TWO_32) ^ Math.floor(b / TWO_32)) * TWO_32 + ((a ^ b) >>> 0);
  }
  return normal(BigInt(a) ^ BigInt(b));
}

export function not(a: Int): Int {
  return subtract(-1, a);
}

export function shiftLeft(a: Int, count: Int): Int {
  if (count < 0) return shiftRight(a, negate(count));
  if (a === 0) return 0;
  if (count >= 64 && !(count === 64 && a === -1)) {
    overflow.happened = true;
    return a;
  }
  if (typeof a === "number") {
    const shifted = a * 2 ** Number(count);
    if (shifted <= Number.MAX_SAFE_INTEGER && shifted >= -Number.MAX_SAFE_INTEGER) return shifted;
  }
  return normal(BigInt(a) << BigInt(count));
}

export function shiftRight(a: Int, count: Int): Int {
  if (count < 0) return shiftLeft(a, negate(count));
  if (count >= 64) return a < 0 ? -1 : 0;
  if (typeof a === "number") return Math.floor(a / 2 ** Number(count));
  return normal(a >> BigInt(count));
}

/** The number of the lowest bit that is set, or -1. */
export function lowestBit(a: Int): number {
  const bits = BigInt.asUintN(64, BigInt(a));
  if (bits === 0n) return a < 0 ? 64 : -1;
  return (bits & -bits).toString(2).length - 1;
}

/** The number of the highest bit that is set, or -1; a negative value has none. */
export function highestBit(a: Int): number {
  if (a <= 0) return -1;
  return BigInt(a).toString(2).length - 1;
}

/** Bits 0 … 31 as a signed number. */
export function low32(a: Int): number {
  return typeof a === "number" ? a | 0 : Number(BigInt.asIntN(32, a));
}

/** Bits 32 … 63 as a signed number. */
export function high32(a: Int): number {
  return typeof a === "number" ? Math.floor(a / TWO_32) | 0 : Number(BigInt.asIntN(32, a >> 32n));
}

/** The unsigned integer of two halves. */
export function unsigned64(low: number, high: number): Int {
  const top = high >>> 0;
  if (top < 0x200000) return top * TWO_32 + (low >>> 0);
  return (BigInt(top) << 32n) | BigInt(low >>> 0);
}

/** Whether 32 bits hold it, with a sign or without. */
export function isShort(a: Int): boolean {
  return a >= -0x8000_0000 && a <= 0xffff_ffff;
}

/** An address: its 32 bits where they hold it, else its 64. */
export function unsigned(a: Int): Int {
  return isShort(a) ? low32(a) >>> 0 : exact(BigInt.asUintN(64, BigInt(a)));
}
