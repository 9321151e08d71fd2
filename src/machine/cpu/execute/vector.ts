/**
 * What instructions of MMX and SSE have in common: their operands, which are laid on the desk (float/lanes.ts), and
 * how a kernel that works there becomes an executor.
 */

import { fault } from "../fault.ts";
import { begin, DE, exceptions, IE, ZE } from "../float/binary.ts";
import { i32 } from "../float/lanes.ts";
import { type Executor, KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { STATE, WORD } from "../state.ts";

/** Works on A and B of the desk, of which `bytes` (8 or 16) count, and leaves the result in R, which begins as A. */
export type Kernel = (bytes: number, immediate: number) => void;

const STATUS = STATE.X87_STATUS >> 2;
const VALID = STATE.X87_VALID >> 2;
/** ES: an unmasked x87 exception waits. */
const SUMMARY = 0x80;
const TOP = 0x3800;

/** MXCSR.MM: operands of 16 bytes need not be aligned. AMD APM vol. 1, 4.2.2. */
const MISALIGNED = 0x2_0000;

// Operands ---------------------------------------------------------------------------------------------------

/**
 * Throws #GP where the operand in memory is not aligned to 16 bytes and must be, which MXCSR.MM does not change. That
 * comes before its segment is looked at, also in SS.
 */
export function demandAlignment(cpu: Processor, op: Operation): void {
  if ((cpu.words[WORD.BASES + op.segment]! + cpu.offset(op)) & 15) throw fault("#GP");
}

/** Reads `size` bytes at a linear address into the desk, from its dword `lane` on. */
export function read(cpu: Processor, address: number, size: number, lane: number): void {
  if (size >= 4) cpu.readDwords(address, size, i32, lane);
  else i32[lane] = size === 2 ? cpu.read16(address) : cpu.read8(address);
}

/** Writes `size` bytes of the desk, all or nothing. */
export function write(cpu: Processor, address: number, size: number, lane: number): void {
  cpu.writeDwords(address, size, i32, lane);
}

/**
 * Lays the second operand on the desk, of which `size` bytes are read when it is memory; what is `aligned` has 16 bytes
 * inside its segment all the same.
 */
export function fetch(cpu: Processor, op: Operation, size: number, aligned: boolean): void {
  const { words } = cpu;
  if (op.kind2 === KIND.VECTOR) {
    const at = op.b;
    i32[4] = words[at]!;
    i32[5] = words[at + 1]!;
    i32[6] = words[at + 2]!;
    i32[7] = words[at + 3]!;
    return;
  }
  if (op.kind2 === KIND.IMMEDIATE) {
    i32[4] = op.immediate & 0xff;
    i32[5] = 0;
    return;
  }
  if (aligned && !(cpu.words[WORD.MXCSR]! & MISALIGNED)) demandAlignment(cpu, op);
  const inside = aligned ? 16 : size;
  const address = cpu.address(op, inside, false);
  cpu.admitInSegment(address, inside, "read");
  i32[5] = 0;
  i32[6] = 0;
  i32[7] = 0;
  read(cpu, address, size, 4);
}

/** Lays the register at `index` on the desk as A, and as what R begins with. */
export function layFirst(cpu: Processor, index: number): void {
  const { words } = cpu;
  i32[0] = i32[8] = words[index]!;
  i32[1] = i32[9] = words[index + 1]!;
  i32[2] = i32[10] = words[index + 2]!;
  i32[3] = i32[11] = words[index + 3]!;
}

/** R into the XMM register at `index`. */
export function keep(cpu: Processor, index: number): void {
  const { words } = cpu;
  words[index] = i32[8]!;
  words[index + 1] = i32[9]!;
  words[index + 2] = i32[10]!;
  words[index + 3] = i32[11]!;
}

// MMX --------------------------------------------------------------------------------------------------------

/** #MF where an x87 exception waits. */
export function demandNoPending(cpu: Processor): void {
  if (cpu.words[STATUS]! & SUMMARY) throw fault("#MF");
}

/** What every MMX instruction but EMMS does to the x87 state. SDM vol. 1, 9.5.1. */
export function enterMmx(cpu: Processor): void {
  cpu.words[STATUS] = cpu.words[STATUS]! & ~TOP;
  cpu.words[VALID] = 0xff;
}

/** The first 8 bytes of R into the MMX register at `index`, whose sign and exponent become all ones. */
export function keepMmx(cpu: Processor, index: number): void {
  const { words } = cpu;
  words[index] = i32[8]!;
  words[index + 1] = i32[9]!;
  cpu.halves[2 * index + 4] = 0xffff;
  enterMmx(cpu);
}

// Executors --------------------------------------------------------------------------------------------------

export function mmx(kernel: Kernel, size = 8): Executor {
  return (cpu, op) => {
    demandNoPending(cpu);
    fetch(cpu, op, size, false);
    layFirst(cpu, op.a);
    kernel(8, op.immediate & 0xff);
    keepMmx(cpu, op.a);
  };
}

/** `size`: bytes of the second operand when it is memory; 16 must be aligned unless `aligned` says otherwise. */
export function xmm(kernel: Kernel, size = 16, aligned = size === 16): Executor {
  return (cpu, op) => {
    fetch(cpu, op, size, aligned);
    layFirst(cpu, op.a);
    kernel(16, op.immediate & 0xff);
    keep(cpu, op.a);
  };
}

/** A kernel that computes with numbers: under MXCSR, whose unmasked exceptions leave the register alone. */
export function numeric(kernel: Kernel, size = 16): Executor {
  return (cpu, op) => {
    fetch(cpu, op, size, size === 16);
    layFirst(cpu, op.a);
    begin(cpu.words[WORD.MXCSR]!);
    kernel(16, op.immediate & 0xff);
    settle(cpu);
    keep(cpu, op.a);
  };
}

/** The same in steps: what one raises, unmasked, keeps the next from being taken. R is what the last one leaves. */
export function numericSteps(steps: readonly Kernel[]): Executor {
  return (cpu, op) => {
    fetch(cpu, op, 16, true);
    layFirst(cpu, op.a);
    for (const step of steps) {
      begin(cpu.words[WORD.MXCSR]!);
      step(16, op.immediate & 0xff);
      settle(cpu);
    }
    keep(cpu, op.a);
  };
}

/** Exceptions that operands raise, before anything is computed. */
const BEFORE = IE | DE | ZE;

/**
 * Exceptions into MXCSR; an unmasked one is #XM. One that operands raise keeps those of results from being found.
 * SDM vol. 1, 11.5.3.
 */
export function settle(cpu: Processor): void {
  const raised = exceptions();
  if (raised === 0) return;
  const mxcsr = cpu.words[WORD.MXCSR]!;
  const open = raised & ~(mxcsr >> 7);
  cpu.words[WORD.MXCSR] = mxcsr | (open & BEFORE ? raised & BEFORE : raised);
  if (open !== 0) throw fault("#XM");
}
