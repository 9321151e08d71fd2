/**
 * Shifts and rotations. The count is taken modulo 32 (SDM vol. 2B, SAL/SAR/SHL/SHR), and a count of 0 changes
 * no flag. What the manual leaves undefined follows the processor named in undefined.ts.
 */
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";

export function shl(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (count === 0) return;
  const bits = 32 - op.shift;
  const value = left << count;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
  const carry = count > bits ? 0 : (left >>> (bits - count)) & 1;
  cpu.setCarryAndOverflow(carry, carry ^ ((value >>> (bits - 1)) & 1));
}

export function shr(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (count === 0) return;
  const bits = 32 - op.shift;
  const value = left >>> count;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
  // OF is the sign that was; for a single shift that is what the manual says.
  cpu.setCarryAndOverflow((left >>> (count - 1)) & 1, (left >>> (bits - 1)) & 1);
}

export function sar(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = (cpu.change1(op) << op.shift) >> op.shift;
  if (count === 0) return;
  const value = left >> count;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
  cpu.setCarryAndOverflow((left >> (count - 1)) & 1, 0);
}

export function rol(cpu: Processor, op: Operation): void {
  const masked = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (masked === 0) return;
  const bits = 32 - op.shift;
  const count = masked & (bits - 1);
  const value = count === 0 ? left : (left << count) | (left >>> (bits - count));
  cpu.store1(op, value);
  const carry = value & 1;
  cpu.setCarryAndOverflow(carry, carry ^ ((value >>> (bits - 1)) & 1));
}

export function ror(cpu: Processor, op: Operation): void {
  const masked = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (masked === 0) return;
  const bits = 32 - op.shift;
  const count = masked & (bits - 1);
  const value = count === 0 ? left : (left >>> count) | (left << (bits - count));
  cpu.store1(op, value);
  const carry = (value >>> (bits - 1)) & 1;
  cpu.setCarryAndOverflow(carry, carry ^ ((value >>> (bits - 2)) & 1));
}

/** Rotation through CF: of nine, 17 or 33 bits. SDM vol. 2B, RCL: narrow counts are taken modulo 9 and 17. */
export function rcl(cpu: Processor, op: Operation): void {
  const masked = cpu.load2(op) & 31;
  let value = cpu.change1(op);
  if (masked === 0) return;
  const bits = 32 - op.shift;
  let carry = cpu.carry;
  for (let count = masked % (bits + 1); count > 0; count--) {
    const out = (value >>> (bits - 1)) & 1;
    value = (value << 1) | carry;
    carry = out;
  }
  cpu.store1(op, value);
  cpu.setCarryAndOverflow(carry, carry ^ ((value >>> (bits - 1)) & 1));
}

export function rcr(cpu: Processor, op: Operation): void {
  const masked = cpu.load2(op) & 31;
  let value = cpu.change1(op);
  if (masked === 0) return;
  const bits = 32 - op.shift;
  let carry = cpu.carry;
  for (let count = masked % (bits + 1); count > 0; count--) {
    const out = value & 1;
    value = ((value >>> 1) & (bits === 32 ? 0x7fff_ffff : -1)) | (carry << (bits - 1));
    carry = out;
  }
  cpu.store1(op, value);
  cpu.setCarryAndOverflow(carry, ((value >>> (bits - 1)) ^ (value >>> (bits - 2))) & 1);
}

/** The count is the third operand: a constant in `immediate`, or cl where `extra` is 1. */
function doubleCount(cpu: Processor, op: Operation): number {
  return (op.extra === 1 ? cpu.bytes[4]! : op.immediate) & 31;
}

export function shld(cpu: Processor, op: Operation): void {
  const count = doubleCount(cpu, op);
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  if (count === 0) return;
  const bits = 32 - op.shift;
  let value: number;
  let carry: number;
  if (bits === 32) {
    value = (left << count) | (right >>> (32 - count));
    carry = (left >>> (32 - count)) & 1;
  } else {
    // left:right:left, of which the topmost 16 bits after the shift remain.
    const wide = ((left << 16) | right) >>> 0;
    value = count <= 16 ? (wide << count) >>> 16 : ((right << 16) | left) >>> (32 - count);
    carry = count <= 16 ? (left >>> (16 - count)) & 1 : (right >>> (32 - count)) & 1;
  }
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
  cpu.setCarryAndOverflow(carry, carry ^ ((value >>> (bits - 1)) & 1));
}

export function shrd(cpu: Processor, op: Operation): void {
  const count = doubleCount(cpu, op);
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  if (count === 0) return;
  const bits = 32 - op.shift;
  let value: number;
  let carry: number;
  if (bits === 32) {
    value = (left >>> count) | (right << (32 - count));
    carry = (left >>> (count - 1)) & 1;
  } else {
    const wide = (right << 16) | left;
    value = count <= 16 ? wide >>> count : ((left << 16) | right) >>> (count - 16);
    carry = count <= 16 ? (left >>> (count - 1)) & 1 : (right >>> (count - 17)) & 1;
  }
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
  cpu.setCarryAndOverflow(carry, ((value >>> (bits - 1)) ^ (value >>> (bits - 2))) & 1);
}
