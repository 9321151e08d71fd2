/** Moving and widening data, and the flags as data. SDM vol. 1, 7.3.1 and 7.3.14. */
import { AF, CF, condition, DF, eflags, OF, PF, SF, setArithmetic, ZF } from "../flags.ts";
import { KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, EBX, EDX, WORD } from "../state.ts";

export function mov(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.load2(op));
}

export const movzx = mov;

export function movsx(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  const narrow = op.kind2 === KIND.R8 || op.kind2 === KIND.M8;
  cpu.store1(op, narrow ? (value << 24) >> 24 : (value << 16) >> 16);
}

/** The source is read, and may fault, even when the condition does not hold. SDM vol. 2A, CMOVcc. */
export function cmov(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  if (condition(cpu.words, op.extra)) cpu.store1(op, value);
}

export function set(cpu: Processor, op: Operation): void {
  cpu.store1(op, condition(cpu.words, op.extra) ? 1 : 0);
}

export function lea(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.offset(op));
}

export function xchg(cpu: Processor, op: Operation): void {
  const left = cpu.change1(op);
  const right = cpu.load2(op);
  cpu.store1(op, right);
  cpu.store2(op, left);
}

export function nop(): void {}

/** Does nothing to a place that must be readable. */
export function touch(cpu: Processor, op: Operation): void {
  cpu.load1(op);
}

export function cbw(cpu: Processor): void {
  cpu.halves[EAX] = (cpu.bytes[EAX]! << 24) >> 24;
}

export function cwde(cpu: Processor): void {
  cpu.words[EAX] = (cpu.words[EAX]! << 16) >> 16;
}

export function cwd(cpu: Processor): void {
  cpu.halves[EDX * 2] = (cpu.words[EAX]! << 16) >> 31;
}

export function cdq(cpu: Processor): void {
  cpu.words[EDX] = cpu.words[EAX]! >> 31;
}

export function xlatb(cpu: Processor, op: Operation): void {
  const offset = (cpu.words[EBX]! + cpu.bytes[EAX]!) & op.addressMask;
  cpu.bytes[EAX] = cpu.read8(cpu.linear(op.segment, offset, 1, false));
}

const LOW_FLAGS = SF | ZF | AF | PF | CF;

export function lahf(cpu: Processor): void {
  cpu.bytes[EAX + 1] = eflags(cpu.words);
}

export function sahf(cpu: Processor): void {
  setArithmetic(cpu.words, (eflags(cpu.words) & OF) | (cpu.bytes[EAX + 1]! & LOW_FLAGS));
}

export function salc(cpu: Processor): void {
  cpu.bytes[EAX] = -cpu.carry;
}

export const clc = (cpu: Processor): void => cpu.setCarry(0);
export const stc = (cpu: Processor): void => cpu.setCarry(1);
export const cmc = (cpu: Processor): void => cpu.setCarry(cpu.carry ^ 1);

export function cld(cpu: Processor): void {
  cpu.words[WORD.EFLAGS] = cpu.words[WORD.EFLAGS]! & ~DF;
}

export function std(cpu: Processor): void {
  cpu.words[WORD.EFLAGS] = cpu.words[WORD.EFLAGS]! | DF;
}
