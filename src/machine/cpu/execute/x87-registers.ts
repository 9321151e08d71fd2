/**
 * The registers of the x87, as its instructions reach them: by their distance from the top of the stack. MMX sees
 * the same registers by their own numbers (vector.ts). SDM vol. 1, 8.1.2 and 9.2.
 */
import { type Extended, isNormal, isZero } from "../float/extended.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { CS, STATE, WORD } from "../state.ts";

const REGISTERS = STATE.X87 >> 2;
export const CONTROL = STATE.X87_CONTROL >> 2;
export const STATUS = STATE.X87_STATUS >> 2;
export const VALID = STATE.X87_VALID >> 2;
export const OPCODE = STATE.X87_OPCODE >> 2;
export const INSTRUCTION = STATE.X87_INSTRUCTION >> 2;
export const INSTRUCTION_SELECTOR = STATE.X87_INSTRUCTION_SELECTOR >> 2;
export const OPERAND = STATE.X87_OPERAND >> 2;
export const OPERAND_SELECTOR = STATE.X87_OPERAND_SELECTOR >> 2;

/** Bits of the status word besides the exceptions. SDM vol. 1, figure 8-4. */
export const SF_STACK = 0x40;
export const ES = 0x80;
export const C0 = 0x100;
export const C1 = 0x200;
export const C2 = 0x400;
export const C3 = 0x4000;
export const BUSY = 0x8000;
export const TOP_SHIFT = 11;
const TOP_MASK = 7 << TOP_SHIFT;

/** Physical number of the register `i` below the top. */
export const physical = (words: Int32Array, i: number): number => ((words[STATUS]! >> TOP_SHIFT) + i) & 7;

export const isEmpty = (words: Int32Array, i: number): boolean =>
  ((words[VALID]! >> physical(words, i)) & 1) === 0;

/** Moves the top by `by` registers: 1 down the stack as a pop does, -1 up. */
export function moveTop(words: Int32Array, by: number): void {
  const status = words[STATUS]!;
  words[STATUS] = (status & ~TOP_MASK) | ((status + (by << TOP_SHIFT)) & TOP_MASK);
}

export function free(words: Int32Array, i: number): void {
  words[VALID] = words[VALID]! & ~(1 << physical(words, i));
}

export function pop(words: Int32Array): void {
  free(words, 0);
  moveTop(words, 1);
}

/** Reads register `i` below the top, empty or not. */
export function read(words: Int32Array, i: number, to: Extended): void {
  readPhysical(words, physical(words, i), to);
}

export function readPhysical(words: Int32Array, number: number, to: Extended): void {
  const at = REGISTERS + number * 4;
  to.lo = words[at]!;
  to.hi = words[at + 1]!;
  to.se = words[at + 2]! & 0xffff;
}

/** Writes register `i` below the top, which is not empty from then on. */
export function write(words: Int32Array, i: number, from: Extended): void {
  const number = physical(words, i);
  writePhysical(words, number, from);
  words[VALID] = words[VALID]! | (1 << number);
}

export function writePhysical(words: Int32Array, number: number, from: Extended): void {
  const at = REGISTERS + number * 4;
  words[at] = from.lo;
  words[at + 1] = from.hi;
  words[at + 2] = from.se;
}

/** The two bits of the tag word for each register are worked out when asked. SDM vol. 1, 8.1.7. */
export function tagWord(words: Int32Array, scratch: Extended): number {
  let tags = 0;
  for (let number = 0; number < 8; number++) {
    let tag = 3;
    if ((words[VALID]! >> number) & 1) {
      readPhysical(words, number, scratch);
      tag = isNormal(scratch) ? 0 : isZero(scratch) ? 1 : 2;
    }
    tags |= tag << (2 * number);
  }
  return tags;
}

/** Takes a tag word: only what is empty matters, the rest follows from the contents. */
export function setTagWord(words: Int32Array, tags: number): void {
  let valid = 0;
  for (let number = 0; number < 8; number++) if (((tags >> (2 * number)) & 3) !== 3) valid |= 1 << number;
  words[VALID] = valid;
}

/** Whether an unmasked exception is pending, by the present masks: ES and B follow. SDM vol. 1, 8.1.3.3. */
export function summarise(words: Int32Array): void {
  const status = words[STATUS]!;
  words[STATUS] = status & ~words[CONTROL]! & 0x3f ? status | ES | BUSY : status & ~(ES | BUSY);
}

/** FNINIT. SDM vol. 1, table 9-1; the registers keep what they hold. */
export function initialise(words: Int32Array): void {
  words[CONTROL] = 0x37f;
  words[STATUS] = 0;
  words[VALID] = 0;
  words[OPCODE] = 0;
  words[INSTRUCTION] = 0;
  words[INSTRUCTION_SELECTOR] = 0;
  words[OPERAND] = 0;
  words[OPERAND_SELECTOR] = 0;
}

/** What is remembered of an instruction. `extra` of the operation is its opcode in 11 bits. */
export function remember(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  words[OPCODE] = op.extra;
  words[INSTRUCTION] = op.address;
  words[INSTRUCTION_SELECTOR] = words[WORD.SELECTORS + CS]!;
}

export function rememberOperand(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  remember(cpu, op);
  words[OPERAND] = cpu.offset(op);
  words[OPERAND_SELECTOR] = words[WORD.SELECTORS + op.segment]!;
}
