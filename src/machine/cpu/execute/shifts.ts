/**
 * Shifts and rotations. The count is taken modulo 32 (SDM vol. 2B, SAL/SAR/SHL/SHR), and a count of 0 changes
 * no flag; what is in memory is written all the same, as breakpoints on data see. What the manual leaves undefined follows the processor named in undefined.ts.
 */
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { ADJUST_AFTER_SHIFT } from "../undefined.ts";

function setShiftFlags(cpu: Processor, op: Operation, value: number, carry: number, overflow: number): void {
  cpu.setFlags(value, op.shift, carry, overflow, ADJUST_AFTER_SHIFT);
}

export function shl(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (count === 0) {
    cpu.store1(op, left);
    return;
  }
  const bits = 32 - op.shift;
  const value = left << count;
  cpu.store1(op, value);
  const carry = count > bits ? 0 : (left >>> (bits - count)) & 1;
  setShiftFlags(cpu, op, value, carry, carry ^ ((value >>> (bits - 1)) & 1));
}

export function shr(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (count === 0) {
    cpu.store1(op, left);
    return;
  }
  const bits = 32 - op.shift;
  const value = left >>> count;
  cpu.store1(op, value);
  setShiftFlags(cpu, op, value, (left >>> (count - 1)) & 1, (value >>> (bits - 2)) & 1);
}

export function sar(cpu: Processor, op: Operation): void {
  const count = cpu.load2(op) & 31;
  const left = (cpu.change1(op) << op.shift) >> op.shift;
  if (count === 0) {
    cpu.store1(op, left);
    return;
  }
  const value = left >> count;
  cpu.store1(op, value);
  setShiftFlags(cpu, op, value, (left >> (count - 1)) & 1, 0);
}

export function rol(cpu: Processor, op: Operation): void {
  const masked = cpu.load2(op) & 31;
  const left = cpu.change1(op);
  if (masked === 0) {
    cpu.store1(op, left);
    return;
  }
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
  if (masked === 0) {
    cpu.store1(op, left);
    return;
  }
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
  if (masked === 0) {
    cpu.store1(op, value);
    return;
  }
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
  if (masked === 0) {
    cpu.store1(op, value);
    return;
  }
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
export function doubleCount(cpu: Processor, op: Operation): number {
  return (op.extra === 1 ? cpu.bytes[4]! : op.immediate) & 31;
}

export function shld(cpu: Processor, op: Operation): void {
  const count = doubleCount(cpu, op);
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  if (count === 0) {
    cpu.store1(op, left);
    return;
  }
  const bits = 32 - op.shift;
  let value: number;
  if (count < bits) value = (left << count) | (right >>> (bits - count));
  else value = (right << (count - 16)) | (right >>> (32 - count));
  cpu.store1(op, value);
  const carry = count > bits ? 0 : (left >>> (bits - count)) & 1;
  setShiftFlags(cpu, op, value, carry, carry ^ (((left << count) >>> (bits - 1)) & 1));
}

export function shrd(cpu: Processor, op: Operation): void {
  const count = doubleCount(cpu, op);
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  if (count === 0) {
    cpu.store1(op, left);
    return;
  }
  const bits = 32 - op.shift;
  let value: number;
  if (count < bits) value = (left >>> count) | (right << (bits - count));
  else value = (right >>> (count - 16)) | (right << (32 - count));
  cpu.store1(op, value);
  const carry = count > bits ? 0 : (left >>> (count - 1)) & 1;
  setShiftFlags(cpu, op, value, carry, ((value >>> (bits - 1)) ^ (value >>> (bits - 2))) & 1);
}
