/** Multiplication and division. SDM vol. 1, 7.3.2.3. */
import { fault } from "../fault.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, EDX } from "../state.ts";
import { ADJUST_AFTER_DIVISION } from "../undefined.ts";

/** The upper 32 bits of an unsigned 32 by 32 bit product. */
export function highUnsigned(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Neither sum reaches 2^32: 65535 * 65535 + 65535 is below it.
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const cross = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** The upper 32 bits of a signed 32 by 32 bit product. */
export function highSigned(a: number, b: number): number {
  return (highUnsigned(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}

export function mul(cpu: Processor, op: Operation): void {
  const right = cpu.load1(op);
  let tooWide: boolean;
  if (op.shift === 24) {
    const value = cpu.bytes[EAX]! * right;
    cpu.halves[EAX] = value;
    tooWide = value > 0xff;
  } else if (op.shift === 16) {
    const value = cpu.halves[EAX]! * right;
    cpu.halves[EAX] = value;
    cpu.halves[EDX * 2] = value >>> 16;
    tooWide = value > 0xffff;
  } else {
    const left = cpu.words[EAX]!;
    const high = highUnsigned(left, right);
    cpu.words[EAX] = Math.imul(left, right);
    cpu.words[EDX] = high;
    tooWide = high !== 0;
  }
  cpu.setCarryAndOverflow(tooWide ? 1 : 0, tooWide ? 1 : 0);
}

/** One operand: the accumulator times it, twice as wide. */
export function imul1(cpu: Processor, op: Operation): void {
  const right = (cpu.load1(op) << op.shift) >> op.shift;
  let tooWide: boolean;
  if (op.shift === 24) {
    const value = ((cpu.bytes[EAX]! << 24) >> 24) * right;
    cpu.halves[EAX] = value;
    tooWide = value !== (value << 24) >> 24;
  } else if (op.shift === 16) {
    const value = ((cpu.halves[EAX]! << 16) >> 16) * right;
    cpu.halves[EAX] = value;
    cpu.halves[EDX * 2] = value >>> 16;
    tooWide = value !== (value << 16) >> 16;
  } else {
    const left = cpu.words[EAX]!;
    const low = Math.imul(left, right);
    const high = highSigned(left, right);
    cpu.words[EAX] = low;
    cpu.words[EDX] = high;
    tooWide = high !== low >> 31;
  }
  cpu.setCarryAndOverflow(tooWide ? 1 : 0, tooWide ? 1 : 0);
}

function product(cpu: Processor, op: Operation, leftBits: number, rightBits: number): void {
  const left = (leftBits << op.shift) >> op.shift;
  const right = (rightBits << op.shift) >> op.shift;
  const low = Math.imul(left, right);
  const tooWide = op.shift === 16 ? low !== (low << 16) >> 16 : highSigned(left, right) !== low >> 31;
  cpu.store1(op, low);
  cpu.setCarryAndOverflow(tooWide ? 1 : 0, tooWide ? 1 : 0);
}

export function imul2(cpu: Processor, op: Operation): void {
  product(cpu, op, cpu.load1(op), cpu.load2(op));
}

export function imul3(cpu: Processor, op: Operation): void {
  product(cpu, op, cpu.load2(op), op.immediate);
}

/** What divide64 has found, both unsigned. */
let quotient64 = 0;
let remainder64 = 0;

/** Exact quotient and remainder of an unsigned 64-bit by a 32-bit number; false when it needs 33 bits. */
function divide64(high: number, low: number, by: number): boolean {
  const divisor = by >>> 0;
  if (high >>> 0 >= divisor) return false;
  if (high >>> 0 < 0x20_0000) {
    // Below 2^53 a double holds the dividend exactly; the quotient may be rounded up by one.
    const dividend = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
    quotient64 = Math.floor(dividend / divisor);
    remainder64 = dividend - quotient64 * divisor;
    if (remainder64 < 0) {
      quotient64--;
      remainder64 += divisor;
    }
    return true;
  }
  const dividend = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  quotient64 = Number(dividend / BigInt(divisor));
  remainder64 = Number(dividend % BigInt(divisor));
  return true;
}

export function div(cpu: Processor, op: Operation): void {
  const divisor = cpu.load1(op);
  if (divisor === 0) throw fault("#DE");
  if (op.shift === 0) {
    if (!divide64(cpu.words[EDX]!, cpu.words[EAX]!, divisor)) throw fault("#DE");
    cpu.words[EAX] = quotient64;
    cpu.words[EDX] = remainder64;
    setDivisionFlags(cpu);
    return;
  }
  const narrow = op.shift === 24;
  const dividend = narrow ? cpu.halves[EAX]! : (cpu.halves[EAX]! | (cpu.halves[EDX * 2]! << 16)) >>> 0;
  const quotient = Math.floor(dividend / divisor);
  if (quotient > (narrow ? 0xff : 0xffff)) throw fault("#DE");
  storeDivision(cpu, narrow, quotient, dividend % divisor);
}

export function idiv(cpu: Processor, op: Operation): void {
  const divisor = (cpu.load1(op) << op.shift) >> op.shift;
  if (divisor === 0) throw fault("#DE");
  if (op.shift === 0) {
    divideSigned64(cpu, divisor);
    return;
  }
  const narrow = op.shift === 24;
  const dividend = narrow ? (cpu.halves[EAX]! << 16) >> 16 : cpu.halves[EAX]! | (cpu.halves[EDX * 2]! << 16);
  const quotient = Math.trunc(dividend / divisor);
  if (quotient !== (quotient << op.shift) >> op.shift) throw fault("#DE");
  storeDivision(cpu, narrow, quotient, dividend % divisor);
}

function storeDivision(cpu: Processor, narrow: boolean, quotient: number, remainder: number): void {
  if (narrow) {
    cpu.bytes[EAX] = quotient;
    cpu.bytes[EAX + 1] = remainder;
  } else {
    cpu.halves[EAX] = quotient;
    cpu.halves[EDX * 2] = remainder;
  }
  setDivisionFlags(cpu);
}

function setDivisionFlags(cpu: Processor): void {
  cpu.setFlags(1, 0, cpu.carry, cpu.overflow, ADJUST_AFTER_DIVISION);
}

/** The sign of the remainder is the dividend's. SDM vol. 2A, IDIV. */
function divideSigned64(cpu: Processor, divisor: number): void {
  let low = cpu.words[EAX]!;
  let high = cpu.words[EDX]!;
  const negative = high < 0;
  if (negative) {
    low = -low | 0;
    high = (~high + (low === 0 ? 1 : 0)) | 0;
  }
  if (!divide64(high, low, divisor < 0 ? -divisor : divisor)) throw fault("#DE");
  const quotient = negative !== divisor < 0 ? -quotient64 : quotient64;
  if (quotient !== (quotient | 0)) throw fault("#DE");
  cpu.words[EAX] = quotient;
  cpu.words[EDX] = negative ? -remainder64 : remainder64;
  setDivisionFlags(cpu);
}
