/** Adjustment of packed and unpacked decimal numbers. SDM vol. 2A, AAA to DAS. */
import { fault } from "../fault.ts";
import { AF, CF, eflags, setArithmetic } from "../flags.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, WORD } from "../state.ts";

const AL = EAX;
const AH = EAX + 1;

/** ZF, SF and PF of AL, with CF and AF as given and OF cleared. */
function flagsOfAl(cpu: Processor, carry: boolean, adjust: boolean): void {
  cpu.words[WORD.RESULT] = (cpu.bytes[AL]! << 24) >> 24;
  cpu.words[WORD.CARRIES] = (carry ? 0xc000_0000 : 0) | (adjust ? 8 : 0);
}

export function daa(cpu: Processor): void {
  const al = cpu.bytes[AL]!;
  const flags = eflags(cpu.words);
  const adjust = (al & 15) > 9 || (flags & AF) !== 0;
  const carry = al > 0x99 || (flags & CF) !== 0;
  cpu.bytes[AL] = al + (adjust ? 6 : 0) + (carry ? 0x60 : 0);
  flagsOfAl(cpu, carry, adjust);
}

export function das(cpu: Processor): void {
  const al = cpu.bytes[AL]!;
  const flags = eflags(cpu.words);
  const adjust = (al & 15) > 9 || (flags & AF) !== 0;
  const high = al > 0x99 || (flags & CF) !== 0;
  cpu.bytes[AL] = al - (adjust ? 6 : 0) - (high ? 0x60 : 0);
  // The borrow of subtracting 6 counts too.
  flagsOfAl(cpu, high || (adjust && al < 6), adjust);
}

function setCarryAndAdjust(cpu: Processor, on: boolean): void {
  const flags = eflags(cpu.words) & ~(CF | AF);
  setArithmetic(cpu.words, flags | (on ? CF | AF : 0));
}

export function aaa(cpu: Processor): void {
  const adjust = (cpu.bytes[AL]! & 15) > 9 || (eflags(cpu.words) & AF) !== 0;
  if (adjust) cpu.halves[EAX] = cpu.halves[EAX]! + 0x106;
  cpu.bytes[AL] = cpu.bytes[AL]! & 15;
  setCarryAndAdjust(cpu, adjust);
}

export function aas(cpu: Processor): void {
  const adjust = (cpu.bytes[AL]! & 15) > 9 || (eflags(cpu.words) & AF) !== 0;
  if (adjust) {
    cpu.halves[EAX] = cpu.halves[EAX]! - 6;
    cpu.bytes[AH] = cpu.bytes[AH]! - 1;
  }
  cpu.bytes[AL] = cpu.bytes[AL]! & 15;
  setCarryAndAdjust(cpu, adjust);
}

export function aam(cpu: Processor, op: Operation): void {
  const base = op.immediate & 0xff;
  if (base === 0) throw fault("#DE");
  const al = cpu.bytes[AL]!;
  cpu.bytes[AH] = Math.floor(al / base);
  cpu.bytes[AL] = al % base;
  flagsOfAl(cpu, false, false);
}

export function aad(cpu: Processor, op: Operation): void {
  cpu.halves[EAX] = (cpu.bytes[AL]! + cpu.bytes[AH]! * op.immediate) & 0xff;
  flagsOfAl(cpu, false, false);
}
