/** Single bits: testing, searching, counting. SDM vol. 1, 7.3.6. */
import { type Executor, KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { WORD } from "../state.ts";

/** Sets the flags after a test of bit `number` of an operand of so many bits, of which `value` is what it was. */
type Tell = (cpu: Processor, value: number, number: number, bits: number) => void;

/**
 * Works on one bit. With a register as the offset a memory operand is a bit string that reaches 2^31 bits to
 * both sides (SDM vol. 2A, BT); a constant is taken modulo the operand's bits.
 */
function bitOperation(
  cpu: Processor,
  op: Operation,
  change: ((value: number, mask: number) => number) | undefined,
  tell: Tell,
): void {
  const bits = 32 - op.shift;
  const offset = op.shift === 16 ? (cpu.load2(op) << 16) >> 16 : cpu.load2(op);
  const number = offset & (bits - 1);
  const mask = 1 << number;
  const inMemory = op.kind1 === KIND.M16 || op.kind1 === KIND.M32;
  if (!inMemory || op.kind2 === KIND.IMMEDIATE) {
    const value = change ? cpu.change1(op) : cpu.load1(op);
    if (change) cpu.store1(op, change(value, mask));
    tell(cpu, value, number, bits);
    return;
  }
  const size = bits >> 3;
  const elements = bits === 32 ? offset >> 5 : offset >> 4;
  const at = cpu.linear(
    op.segment,
    (cpu.offset(op) + elements * size) & op.addressMask,
    size,
    change !== undefined,
  );
  if (change) cpu.admitChange(at, size);
  const value = size === 4 ? cpu.read32(at) : cpu.read16(at);
  if (change) {
    if (size === 4) cpu.write32(at, change(value, mask));
    else cpu.write16(at, change(value, mask));
  }
  tell(cpu, value, number, bits);
}

/** The four of them, by mnemonic. */
export function bitTests(tell: Tell): Readonly<Record<"bt" | "bts" | "btr" | "btc", Executor>> {
  return {
    bt: (cpu, op) => bitOperation(cpu, op, undefined, tell),
    bts: (cpu, op) => bitOperation(cpu, op, (value, mask) => value | mask, tell),
    btr: (cpu, op) => bitOperation(cpu, op, (value, mask) => value & ~mask, tell),
    btc: (cpu, op) => bitOperation(cpu, op, (value, mask) => value ^ mask, tell),
  };
}

export const { bt, bts, btr, btc } = bitTests((cpu, value, number) => cpu.setCarry((value >>> number) & 1));

const trailingZeros = (value: number): number => 31 - Math.clz32(value & -value);

/** A source of zero leaves the destination alone. */
function search(cpu: Processor, op: Operation, value: number, found: number): void {
  if (value !== 0) cpu.store1(op, found);
  cpu.setFlags(value === 0 ? 0 : found, 0, 0, 0, 0);
  cpu.setZero(value === 0);
}

export function bsf(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  search(cpu, op, value, trailingZeros(value));
}

export function bsr(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  search(cpu, op, value, 31 - Math.clz32(value));
}

export function popcnt(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  let rest = value;
  let count = 0;
  for (; rest !== 0; rest &= rest - 1) count++;
  cpu.store1(op, count);
  // ZF from the source, all other flags cleared: an even, positive result (SDM vol. 2B, POPCNT).
  cpu.words[WORD.RESULT] = value === 0 ? 0 : 1;
  cpu.words[WORD.CARRIES] = value === 0 ? 1 << 8 : 0;
}

function setCountFlags(cpu: Processor, count: number, value: number): void {
  // An odd number of ones, positive; then ZF.
  cpu.setFlags(1, 0, value === 0 ? 1 : 0, cpu.overflow, 0);
  cpu.setZero(count === 0);
}

export function tzcnt(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  const count = value === 0 ? 32 - op.shift : trailingZeros(value);
  cpu.store1(op, count);
  setCountFlags(cpu, count, value);
}

export function lzcnt(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  const count = Math.clz32(value) - op.shift;
  cpu.store1(op, count);
  setCountFlags(cpu, count, value);
}

/** The Castagnoli polynomial, bits reversed. SDM vol. 2A, CRC32. */
export function crc32(cpu: Processor, op: Operation): void {
  let value = cpu.load2(op);
  const bits = op.kind2 === KIND.R8 || op.kind2 === KIND.M8 ? 8 : op.operandSize;
  let crc = cpu.load1(op);
  for (let bit = 0; bit < bits; bit++, value >>>= 1) {
    const out = (crc ^ value) & 1;
    crc = (crc >>> 1) ^ (out ? 0x82f6_3b78 : 0);
  }
  cpu.store1(op, crc);
}

export function bswap(cpu: Processor, op: Operation): void {
  if (op.kind1 === KIND.R16) {
    // Undefined by the manual; processors clear the register's lower half.
    cpu.store1(op, 0);
    return;
  }
  cpu.store1(op, swapped(cpu.load1(op)));
}

export function movbe(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  cpu.store1(op, op.shift === 0 ? swapped(value) : ((value & 0xff) << 8) | (value >>> 8));
}

const swapped = (value: number): number =>
  (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
