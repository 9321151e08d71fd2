/** MXCSR, and the state of x87 and SSE as a whole. SDM vol. 1, 10.5; vol. 2A, FXSAVE. */
import { fault } from "../fault.ts";
import { mxcsrMask } from "../model.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { STATE, WORD } from "../state.ts";
import { demandAlignment, demandNoPending, enterMmx } from "./vector.ts";
import { ES } from "./x87-registers.ts";

const AREA = 512;
const AREA_ST = 32;
const AREA_XMM = 160;

export function ldmxcsr(cpu: Processor, op: Operation): void {
  const value = cpu.load1(op);
  if (value & ~mxcsrMask(cpu.core.model)) throw fault("#GP");
  cpu.words[WORD.MXCSR] = value;
}

export function stmxcsr(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.words[WORD.MXCSR]!);
}

export function emms(cpu: Processor): void {
  demandNoPending(cpu);
  enterMmx(cpu);
  cpu.words[STATE.X87_VALID >> 2] = 0;
}

const at = (place: number): number => place >> 2;

/** Where a part of the area is, of 4 bytes if nothing else is said: each is looked at, and wraps, by itself. */
type Area = (offset: number, size?: number) => number;

/** The area is aligned whatever MXCSR.MM says. */
function area(cpu: Processor, op: Operation, write: boolean): Area {
  const place: Area = (offset, size = 4) => cpu.address(op, size, write, offset);
  // Its first dword comes before that.
  cpu.admitInSegment(place(0), 4, write ? "write" : "read");
  demandAlignment(cpu, op);
  place(AREA - 1, 1);
  return place;
}

/** AMD's processors tell of the last x87 instruction only while an exception of it waits. */
export const fxsave = (cpu: Processor, op: Operation): void =>
  save(cpu, op, (cpu.words[at(STATE.X87_STATUS)]! & ES) !== 0);

/** Intel's always do. */
export const fxsaveWithPointers = (cpu: Processor, op: Operation): void => save(cpu, op, true);

function save(cpu: Processor, op: Operation, pointers: boolean): void {
  const { words } = cpu;
  const place = area(cpu, op, true);
  // The end is looked at first: it is what a fault names.
  cpu.admitChange(place(AREA - 1, 1), 1);
  cpu.admitChange(place(0), 4);
  const put = (offset: number, value: number): void => cpu.write32(place(offset), value);
  const status = words[at(STATE.X87_STATUS)]!;
  put(0, (words[at(STATE.X87_CONTROL)]! & 0xffff) | (status << 16));
  const pointer = (place: number): number => (pointers ? words[at(place)]! : 0);
  put(4, (words[at(STATE.X87_VALID)]! & 0xff) | (pointer(STATE.X87_OPCODE) << 16));
  put(8, pointer(STATE.X87_INSTRUCTION));
  put(12, pointer(STATE.X87_INSTRUCTION_SELECTOR) & 0xffff);
  put(16, pointer(STATE.X87_OPERAND));
  put(20, pointer(STATE.X87_OPERAND_SELECTOR) & 0xffff);
  put(24, words[WORD.MXCSR]!);
  put(28, mxcsrMask(cpu.core.model));
  const top = (status >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const register = WORD.X87 + 4 * ((top + i) & 7);
    put(AREA_ST + 16 * i, words[register]!);
    put(AREA_ST + 16 * i + 4, words[register + 1]!);
    put(AREA_ST + 16 * i + 8, words[register + 2]! & 0xffff);
    put(AREA_ST + 16 * i + 12, 0);
  }
  for (let i = 0; i < 32; i++) put(AREA_XMM + 4 * i, words[WORD.XMM + i]!);
}

export function fxrstor(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  const place = area(cpu, op, false);
  const get = (offset: number): number => cpu.read32(place(offset));
  // All of it must be there before anything changes; the end is looked at first.
  cpu.admitRead(place(AREA - 1, 1), 1);
  const first = get(0);
  const mxcsr = get(24);
  if (mxcsr & ~mxcsrMask(cpu.core.model)) throw fault("#GP");
  const control = first & 0xffff;
  const flags = first >>> 16;
  // ES and B follow from what waits. SDM vol. 1, 8.1.3.3.
  const waits = (flags & ~control & 0x3f) !== 0;
  words[at(STATE.X87_CONTROL)] = (control & 0x1f3f) | 0x40;
  words[at(STATE.X87_STATUS)] = (flags & ~0x8080) | (waits ? 0x8080 : 0);
  const third = get(4);
  words[at(STATE.X87_VALID)] = third & 0xff;
  words[at(STATE.X87_OPCODE)] = (third >>> 16) & 0x7ff;
  words[at(STATE.X87_INSTRUCTION)] = get(8);
  words[at(STATE.X87_INSTRUCTION_SELECTOR)] = get(12) & 0xffff;
  words[at(STATE.X87_OPERAND)] = get(16);
  words[at(STATE.X87_OPERAND_SELECTOR)] = get(20) & 0xffff;
  words[WORD.MXCSR] = mxcsr;
  const top = (flags >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const register = WORD.X87 + 4 * ((top + i) & 7);
    words[register] = get(AREA_ST + 16 * i);
    words[register + 1] = get(AREA_ST + 16 * i + 4);
    words[register + 2] = get(AREA_ST + 16 * i + 8) & 0xffff;
  }
  for (let i = 0; i < 32; i++) words[WORD.XMM + i] = get(AREA_XMM + 4 * i);
}
