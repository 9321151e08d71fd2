/** The stack and segment registers. SDM vol. 1, chapter 6 and 7.3.1.5. */
import { fault } from "../fault.ts";
import { AC, AF, ALWAYS, CF, DF, eflags, ID, NT, OF, PF, RF, SF, setEflags, TF, VM, ZF } from "../flags.ts";
import { KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { CS, EBP, ESP, SS, WORD } from "../state.ts";

export function push(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const isSegment = op.kind1 === KIND.SEGMENT;
  cpu.push(isSegment ? cpu.words[WORD.SELECTORS + op.a]! : cpu.load1(op), size);
}

/** ESP grows before the address of a memory operand is worked out. SDM vol. 2B, POP. */
export function pop(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  if (op.kind1 === KIND.SEGMENT) {
    const value = cpu.peek(size);
    loadSegment(cpu, op.a, value & 0xffff);
    cpu.shadow = op.a === SS;
    cpu.words[ESP] = cpu.words[ESP]! + size;
    return;
  }
  const value = cpu.peek(size);
  const esp = cpu.words[ESP]!;
  cpu.words[ESP] = esp + size;
  try {
    cpu.store1(op, value);
  } catch (reason) {
    cpu.words[ESP] = esp;
    throw reason;
  }
}

/**
 * Eight pushes and eight pops, but that ESP is loaded at the end: of those before one that faults, what they have written
 * stays in memory, and what they have loaded in the registers. SDM vol. 3A, 6.5, has it so of POPA.
 */
export function pusha(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const esp = cpu.words[ESP]!;
  for (let register = 0; register < 8; register++) {
    const at = cpu.linear(SS, (esp - (register + 1) * size) | 0, size, true);
    if (size === 4) cpu.write32(at, cpu.words[register]!);
    else cpu.write16(at, cpu.words[register]!);
  }
  cpu.words[ESP] = esp - 8 * size;
}

export function popa(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  for (let register = 7; register >= 0; register--) {
    const value = cpu.peek(size, (7 - register) * size);
    if (register === ESP) continue;
    if (size === 4) cpu.words[register] = value;
    else cpu.halves[register * 2] = value;
  }
  cpu.words[ESP] = cpu.words[ESP]! + 8 * size;
}

/** What pushfd shows: never VM or RF. */
export function pushf(cpu: Processor, op: Operation): void {
  cpu.push(eflags(cpu.words) & ~(VM | RF), op.operandSize >> 3);
}

/** What a program in ring 3 may change when IOPL is below 3: not IF, IOPL, VM, VIF, VIP. SDM vol. 2B, POPF. */
const CHANGEABLE = CF | PF | AF | ZF | SF | TF | DF | OF | NT | AC | ID;

export function setUserFlags(cpu: Processor, value: number, size: number): void {
  const mask = size === 2 ? CHANGEABLE & 0xffff : CHANGEABLE;
  setEflags(cpu.words, ((eflags(cpu.words) & ~mask) | (value & mask) | ALWAYS) & ~RF);
}

export function popf(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  setUserFlags(cpu, cpu.peek(size), size);
  cpu.words[ESP] = cpu.words[ESP]! + size;
}

/**
 * `immediate` bytes of locals, nesting `extra` (modulo 32): pushes, with the reads of the outer frames between them,
 * then a look at the new top of the stack. What has been written before a fault stays. SDM vol. 2A, ENTER.
 */
export function enter(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const level = op.extra & 31;
  const words = cpu.words;
  const frame = (words[ESP]! - size) | 0;
  const put = (offset: number, value: number): void => {
    const at = cpu.linear(SS, offset, size, true);
    if (size === 4) cpu.write32(at, value);
    else cpu.write16(at, value);
  };
  put(frame, words[EBP]!);
  for (let n = 1; n < level; n++) {
    const at = cpu.linear(SS, (words[EBP]! - n * size) | 0, size, false);
    put((frame - n * size) | 0, size === 4 ? cpu.read32(at) : cpu.read16(at));
  }
  const bottom = (frame - level * size) | 0;
  if (level > 0) put(bottom, frame);
  const newTop = (bottom - (op.immediate & 0xffff)) | 0;
  cpu.admitChange(cpu.linear(SS, newTop, size, true), size);
  if (size === 4) words[EBP] = frame;
  else cpu.halves[EBP * 2] = frame;
  words[ESP] = newTop;
}

export function leave(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const frame = cpu.words[EBP]!;
  const at = cpu.linear(SS, frame, size, false);
  if (size === 4) cpu.words[EBP] = cpu.read32(at);
  else cpu.halves[EBP * 2] = cpu.read16(at);
  cpu.words[ESP] = frame + size;
}

// Segment registers ------------------------------------------------------------------------------------------

/** Loads a segment register or raises #GP with the selector. SDM vol. 3A, 5.4 and 5.6. */
export function loadSegment(cpu: Processor, segment: number, selector: number): void {
  const { segments } = cpu.core;
  if (!segments.load(segment, selector)) throw fault(segments.refusal(segment, selector), selector & 0xfffc);
}

export function movToSegment(cpu: Processor, op: Operation): void {
  if (op.a === CS || op.a > 5) throw fault("#UD");
  loadSegment(cpu, op.a, cpu.load2(op) & 0xffff);
  cpu.shadow = op.a === SS;
}

/** To a register all of the operand size is written, to memory always 16 bits. SDM vol. 2B, MOV. */
export function movFromSegment(cpu: Processor, op: Operation): void {
  if (op.b > 5) throw fault("#UD");
  cpu.store1(op, cpu.words[WORD.SELECTORS + op.b]!);
}

/** Selector and offset in memory, which are read one after the other, the offset first. */
export function readFarPointer(cpu: Processor, op: Operation): [selector: number, offset: number] {
  const size = op.operandSize >> 3;
  const at = cpu.address(op, size, false);
  const offset = size === 4 ? cpu.read32(at) : cpu.read16(at);
  return [cpu.read16(cpu.address(op, 2, false, size)), offset];
}

/** lds, les, lss, lfs, lgs: `extra` is the segment register. */
export function loadFarPointer(cpu: Processor, op: Operation): void {
  const [selector, offset] = readFarPointer(cpu, op);
  loadSegment(cpu, op.extra, selector);
  cpu.store1(op, offset);
}
