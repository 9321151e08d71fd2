/** Jumps, calls, returns, loops and interrupts. SDM vol. 1, 7.3.8. Each leaves the next EIP in the state page. */

import { interruptStop } from "../engine.ts";
import { fault, GuestFault } from "../fault.ts";
import { condition, eflags, NT, OF } from "../flags.ts";
import { KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { CS, ECX, ESP, WORD } from "../state.ts";
import { readFarPointer, setUserFlags } from "./stack.ts";

const OFFSET16 = 0xffff;
const REPE = 0xf3;

/** A 16-bit operand size cuts EIP to 16 bits. SDM vol. 2A, JMP. */
function jumpTo(cpu: Processor, op: Operation, offset: number): void {
  cpu.words[WORD.EIP] = op.operandSize === 16 ? offset & OFFSET16 : offset;
}

export function jcc(cpu: Processor, op: Operation): void {
  if (condition(cpu.words, op.extra)) cpu.words[WORD.EIP] = op.immediate;
}

export function jmpNear(cpu: Processor, op: Operation): void {
  jumpTo(cpu, op, cpu.load1(op));
}

export function callNear(cpu: Processor, op: Operation): void {
  const target = cpu.load1(op);
  cpu.push(op.following, op.operandSize >> 3);
  jumpTo(cpu, op, target);
}

export function retNear(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  jumpTo(cpu, op, cpu.peek(size));
  cpu.words[ESP] = cpu.words[ESP]! + size + (op.immediate & 0xffff);
}

/** Where a far pointer in memory, or in the instruction, leads: selector, offset. */
function farPointer(cpu: Processor, op: Operation): [number, number] {
  if (op.kind1 !== KIND.MEMORY) return [op.extra, op.immediate];
  return readFarPointer(cpu, op);
}

/** Loads CS for a jump or call within ring 3, which it keeps. SDM vol. 3A, 5.8.1. */
function loadCode(cpu: Processor, selector: number): void {
  if ((selector & 0xfffc) === 0) throw fault("#GP");
  if (!cpu.core.segments.load(CS, selector | 3)) throw fault("#GP", selector & 0xfffc);
}

export function jmpFar(cpu: Processor, op: Operation): void {
  const [selector, offset] = farPointer(cpu, op);
  loadCode(cpu, selector);
  jumpTo(cpu, op, offset);
}

export function callFar(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const [selector, offset] = farPointer(cpu, op);
  const words = cpu.words;
  const old = words[WORD.SELECTORS + CS]!;
  const esp = words[ESP]!;
  cpu.checkCode(selector);
  try {
    cpu.push(old, size);
    cpu.push(op.following, size);
  } catch (reason) {
    words[ESP] = esp;
    throw reason;
  }
  loadCode(cpu, selector);
  jumpTo(cpu, op, offset);
}

export function retFar(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  // The selector is read first.
  const selector = cpu.peek(size, size) & 0xffff;
  const offset = cpu.peek(size);
  returnTo(cpu, selector, size, 3 * size + (op.immediate & 0xffff));
  jumpTo(cpu, op, offset);
  cpu.words[ESP] = cpu.words[ESP]! + 2 * size + (op.immediate & 0xffff);
}

/**
 * A return may not lead to an inner ring (SDM vol. 2B, RET). Where the ring would change, the processor reads
 * SS, in `size` bytes and `outer` bytes up the stack, before it looks at the selector.
 */
function returnTo(cpu: Processor, selector: number, size: number, outer: number): void {
  if ((selector & 3) !== 3) cpu.peek(size, outer);
  if ((selector & 0xfffc) === 0) throw fault("#GP");
  if ((selector & 3) !== 3) throw fault("#GP", selector & 0xfffc);
  loadCode(cpu, selector);
}

export function iret(cpu: Processor, op: Operation): void {
  // With NT it would return to another task, which there is not.
  if (eflags(cpu.words) & NT) throw fault("#GP");
  const size = op.operandSize >> 3;
  // From the outermost inwards.
  const flags = cpu.peek(size, 2 * size);
  const selector = cpu.peek(size, size) & 0xffff;
  const offset = cpu.peek(size);
  returnTo(cpu, selector, size, 4 * size);
  jumpTo(cpu, op, offset);
  cpu.words[ESP] = cpu.words[ESP]! + 3 * size;
  setUserFlags(cpu, flags, size);
}

// The address size decides whether cx or ecx counts. SDM vol. 2A, LOOP. --------------------------------------

function counted(cpu: Processor, op: Operation): number {
  if (op.addressMask === OFFSET16) return (cpu.halves[ECX * 2] = cpu.halves[ECX * 2]! - 1) & OFFSET16;
  return (cpu.words[ECX] = cpu.words[ECX]! - 1);
}

export function loop(cpu: Processor, op: Operation): void {
  if (counted(cpu, op) !== 0) cpu.words[WORD.EIP] = op.immediate;
}

/** A prefix F2 or F3 decides which of the two it is: see undefined.ts. */
function loopWhile(cpu: Processor, op: Operation, zero: boolean): void {
  const wanted = op.rep === 0 ? zero : op.rep === REPE;
  if (counted(cpu, op) !== 0 && (cpu.words[WORD.RESULT] === 0) === wanted) {
    cpu.words[WORD.EIP] = op.immediate;
  }
}

export const loope = (cpu: Processor, op: Operation): void => loopWhile(cpu, op, true);
export const loopne = (cpu: Processor, op: Operation): void => loopWhile(cpu, op, false);

export function jcxz(cpu: Processor, op: Operation): void {
  if (cpu.halves[ECX * 2] === 0) cpu.words[WORD.EIP] = op.immediate;
}

export function jecxz(cpu: Processor, op: Operation): void {
  if (cpu.words[ECX] === 0) cpu.words[WORD.EIP] = op.immediate;
}

/** Signed bounds, both inclusive, which are read one after the other. SDM vol. 2A, BOUND. */
export function bound(cpu: Processor, op: Operation): void {
  const size = op.operandSize >> 3;
  const index = (cpu.load1(op) << op.shift) >> op.shift;
  const read = (at: number): number => (size === 4 ? cpu.read32(at) : (cpu.read16(at) << 16) >> 16);
  const lower = read(cpu.address(op, size, false));
  const upper = read(cpu.address(op, size, false, size));
  if (index < lower || index > upper) throw fault("#BR");
}

// Interrupts -------------------------------------------------------------------------------------------------

const VECTOR_BP = 3;
const VECTOR_OF = 4;

/** Vectors 3 and 4 may be called from ring 3; others where the machine has a gate. SDM vol. 3A, 6.12.1. */
export function int(cpu: Processor, op: Operation): void {
  const vector = op.immediate & 0xff;
  if (cpu.core.gates[vector]) throw new GuestFault(interruptStop(vector));
  if (vector === VECTOR_BP) throw new GuestFault({ reason: "trap", trap: "#BP" });
  if (vector === VECTOR_OF) throw new GuestFault({ reason: "trap", trap: "#OF" });
  throw fault("#GP", vector * 8 + 2);
}

export function int3(): void {
  throw new GuestFault({ reason: "trap", trap: "#BP" });
}

export function int1(): void {
  throw new GuestFault({ reason: "trap", trap: "#DB" });
}

export function into(cpu: Processor): void {
  if (eflags(cpu.words) & OF) throw new GuestFault({ reason: "trap", trap: "#OF" });
}
