/** Adjustment of packed and unpacked decimal numbers. SDM vol. 2A, AAA to DAS. */
import { fault } from "../fault.ts";
import { AF, CF, eflags } from "../flags.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX } from "../state.ts";

const AL = EAX;
const AH = EAX + 1;

/** Signed overflow of an 8-bit addition of `right`, which may be negative. */
const overflows = (left: number, right: number): number => {
  const sum = ((left << 24) >> 24) + right;
  return sum < -128 || sum > 127 ? 1 : 0;
};

const SHIFT8 = 24;

export function daa(cpu: Processor): void {
  const al = cpu.bytes[AL]!;
  const flags = eflags(cpu.words);
  const adjust = (al & 15) > 9 || (flags & AF) !== 0;
  const carry = al > 0x99 || (flags & CF) !== 0;
  const correction = (adjust ? 6 : 0) + (carry ? 0x60 : 0);
  cpu.bytes[AL] = al + correction;
  cpu.setFlags(al + correction, SHIFT8, carry ? 1 : 0, overflows(al, correction), adjust ? 1 : 0);
}

export function das(cpu: Processor): void {
  const al = cpu.bytes[AL]!;
  const flags = eflags(cpu.words);
  const adjust = (al & 15) > 9 || (flags & AF) !== 0;
  const high = al > 0x99 || (flags & CF) !== 0;
  const correction = (adjust ? 6 : 0) + (high ? 0x60 : 0);
  cpu.bytes[AL] = al - correction;
  // The borrow of subtracting 6 counts too.
  const carry = high || (adjust && al < 6);
  cpu.setFlags(al - correction, SHIFT8, carry ? 1 : 0, overflows(al, -correction), adjust ? 1 : 0);
}

const SHIFT16 = 16;
/** AAA and AAS correct AL by 6 and AH by 1, as one number. */
const UNPACKED = 0x106;

function adjustUnpacked(cpu: Processor, correction: number): void {
  const ax = cpu.halves[EAX]!;
  const adjust = (ax & 15) > 9 || (eflags(cpu.words) & AF) !== 0;
  const sum = adjust ? ax + correction : ax;
  const signed = ((ax << 16) >> 16) + (sum - ax);
  const overflow = signed < -0x8000 || signed > 0x7fff;
  cpu.halves[EAX] = sum & 0xff0f;
  cpu.setFlags(sum, SHIFT16, adjust ? 1 : 0, overflow ? 1 : 0, adjust ? 1 : 0);
}

export const aaa = (cpu: Processor): void => adjustUnpacked(cpu, UNPACKED);
export const aas = (cpu: Processor): void => adjustUnpacked(cpu, -UNPACKED);

export function aam(cpu: Processor, op: Operation): void {
  const base = op.immediate & 0xff;
  if (base === 0) throw fault("#DE");
  const al = cpu.bytes[AL]!;
  cpu.bytes[AH] = Math.floor(al / base);
  cpu.bytes[AL] = al % base;
  cpu.flagsOfLogic(al % base, SHIFT8);
}

export function aad(cpu: Processor, op: Operation): void {
  const left = cpu.bytes[AL]!;
  const right = (cpu.bytes[AH]! * op.immediate) & 0xff;
  cpu.halves[EAX] = (left + right) & 0xff;
  cpu.flagsOfSum(left, right, left + right, SHIFT8);
}
