/** Moves of MMX and SSE, and what only moves lanes about. SDM vol. 1, 10.4.1, 11.4.1, 12.3. */
import { CF, setArithmetic, ZF } from "../flags.ts";
import { i32, u8, u16 } from "../float/lanes.ts";
import { type Executor, KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EDI, WORD } from "../state.ts";
import {
  demandAlignment,
  demandNoPending,
  enterMmx,
  fetch,
  type Kernel,
  keep,
  keepMmx,
  layFirst,
  write,
} from "./vector.ts";

// Kernels ----------------------------------------------------------------------------------------------------

/** R is B: loads. What a smaller operand in memory leaves is zero. */
export function take(): void {
  i32[8] = i32[4]!;
  i32[9] = i32[5]!;
  i32[10] = i32[6]!;
  i32[11] = i32[7]!;
}

/** Dwords of R, by number: 0 to 3 of A, 4 to 7 of B. */
const arrange =
  (a: number, b: number, c: number, d: number): Kernel =>
  () => {
    i32[8] = i32[a]!;
    i32[9] = i32[b]!;
    i32[10] = i32[c]!;
    i32[11] = i32[d]!;
  };

/** The low quadword of B alone. */
export function takeQuadword(): void {
  i32[8] = i32[4]!;
  i32[9] = i32[5]!;
  i32[10] = i32[11] = 0;
}

/** Each by its bytes in memory. */
export const moveKernels: Readonly<Record<string, readonly [kernel: Kernel, bytes: number]>> = {
  movlps: [arrange(4, 5, 2, 3), 8],
  movlpd: [arrange(4, 5, 2, 3), 8],
  movhps: [arrange(0, 1, 4, 5), 8],
  movhpd: [arrange(0, 1, 4, 5), 8],
  movhlps: [arrange(6, 7, 2, 3), 8],
  movlhps: [arrange(0, 1, 4, 5), 8],
  movsldup: [arrange(4, 4, 6, 6), 16],
  movshdup: [arrange(5, 5, 7, 7), 16],
  movddup: [arrange(4, 5, 4, 5), 8],
  unpcklps: [arrange(0, 4, 1, 5), 16],
  unpckhps: [arrange(2, 6, 3, 7), 16],
  unpcklpd: [arrange(0, 1, 4, 5), 16],
  unpckhpd: [arrange(2, 3, 6, 7), 16],
  punpcklqdq: [arrange(0, 1, 4, 5), 16],
  punpckhqdq: [arrange(2, 3, 6, 7), 16],
  andps: [bitwise((a, b) => a & b), 16],
  andpd: [bitwise((a, b) => a & b), 16],
  andnps: [bitwise((a, b) => ~a & b), 16],
  andnpd: [bitwise((a, b) => ~a & b), 16],
  orps: [bitwise((a, b) => a | b), 16],
  orpd: [bitwise((a, b) => a | b), 16],
  xorps: [bitwise((a, b) => a ^ b), 16],
  xorpd: [bitwise((a, b) => a ^ b), 16],
  shufps: [shufflePs, 16],
  shufpd: [shufflePd, 16],
  blendps: [(_, immediate) => blendDwords(immediate), 16],
  blendpd: [(_, immediate) => blendDwords((immediate & 1 ? 3 : 0) | (immediate & 2 ? 12 : 0)), 16],
};

function bitwise(operate: (a: number, b: number) => number): Kernel {
  return () => {
    for (let i = 0; i < 4; i++) i32[8 + i] = operate(i32[i]!, i32[4 + i]!);
  };
}

function shufflePs(_: number, immediate: number): void {
  i32[8] = i32[immediate & 3]!;
  i32[9] = i32[(immediate >> 2) & 3]!;
  i32[10] = i32[4 + ((immediate >> 4) & 3)]!;
  i32[11] = i32[4 + ((immediate >> 6) & 3)]!;
}

function shufflePd(_: number, immediate: number): void {
  const a = (immediate & 1) << 1;
  const b = 4 + (immediate & 2);
  i32[8] = i32[a]!;
  i32[9] = i32[a + 1]!;
  i32[10] = i32[b]!;
  i32[11] = i32[b + 1]!;
}

function blendDwords(chosen: number): void {
  for (let i = 0; i < 4; i++) if (chosen & (1 << i)) i32[8 + i] = i32[4 + i]!;
}

// Executors --------------------------------------------------------------------------------------------------

/** movss and movsd to a register: from memory the rest becomes zero, from a register it stays. */
export const loadScalar =
  (bytes: number): Executor =>
  (cpu, op) => {
    fetch(cpu, op, bytes, false);
    if (op.kind2 === KIND.VECTOR) {
      layFirst(cpu, op.a);
      i32[8] = i32[4]!;
      if (bytes === 8) i32[9] = i32[5]!;
    } else take();
    keep(cpu, op.a);
  };

/** Loads whose memory must be aligned always. */
export function loadAligned(cpu: Processor, op: Operation): void {
  if (op.kind2 !== KIND.VECTOR) demandAlignment(cpu, op);
  fetch(cpu, op, 16, false);
  take();
  keep(cpu, op.a);
}

/** To memory, or to another register: all of it (16), with the rest kept (4), or zero (8, `zeroes`). */
export const store =
  (bytes: number, aligned = false, zeroes = false): Executor =>
  (cpu, op) => {
    const { words } = cpu;
    for (let i = 0; i < 4; i++) i32[8 + i] = words[op.b + i]!;
    if (op.kind1 !== KIND.VECTOR) {
      if (aligned) demandAlignment(cpu, op);
      const address = cpu.address(op, bytes, true);
      write(cpu, address, bytes, 8);
      return;
    }
    if (bytes < 16) {
      if (zeroes) i32[10] = i32[11] = 0;
      else for (let i = bytes >> 2; i < 4; i++) i32[8 + i] = words[op.a + i]!;
    }
    keep(cpu, op.a);
  };

/** The upper quadword to memory. */
export function storeUpper(cpu: Processor, op: Operation): void {
  i32[8] = cpu.words[op.b + 2]!;
  i32[9] = cpu.words[op.b + 3]!;
  write(cpu, cpu.address(op, 8, true), 8, 8);
}

/** From an MMX register to memory, or to another. */
export function storeMmx(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  i32[8] = cpu.words[op.b]!;
  i32[9] = cpu.words[op.b + 1]!;
  if (op.kind1 === KIND.VECTOR) keepMmx(cpu, op.a);
  else {
    write(cpu, cpu.address(op, 8, true), 8, 8);
    enterMmx(cpu);
  }
}

export function movdToMmx(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  i32[8] = cpu.load2(op);
  i32[9] = 0;
  keepMmx(cpu, op.a);
}

export function movdFromMmx(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  cpu.store1(op, cpu.words[op.b]!);
  enterMmx(cpu);
}

export function movdToXmm(cpu: Processor, op: Operation): void {
  i32[8] = cpu.load2(op);
  i32[9] = i32[10] = i32[11] = 0;
  keep(cpu, op.a);
}

export function movdFromXmm(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.words[op.b]!);
}

export function movq2dq(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  i32[8] = cpu.words[op.b]!;
  i32[9] = cpu.words[op.b + 1]!;
  i32[10] = i32[11] = 0;
  keep(cpu, op.a);
  enterMmx(cpu);
}

export function movdq2q(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  i32[8] = cpu.words[op.b]!;
  i32[9] = cpu.words[op.b + 1]!;
  keepMmx(cpu, op.a);
}

/** The topmost bits of the bytes. */
export const byteMask =
  (bytes: number): Executor =>
  (cpu, op) => {
    if (bytes === 8) demandNoPending(cpu);
    let mask = 0;
    for (let i = 0; i < bytes; i++) mask |= (cpu.bytes[4 * op.b + i]! >> 7) << i;
    cpu.words[op.a] = mask;
    if (bytes === 8) enterMmx(cpu);
  };

export function signMaskPs(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  let mask = 0;
  for (let i = 0; i < 4; i++) mask |= (words[op.b + i]! >>> 31) << i;
  words[op.a] = mask;
}

export function signMaskPd(cpu: Processor, op: Operation): void {
  const { words } = cpu;
  words[op.a] = (words[op.b + 1]! >>> 31) | ((words[op.b + 3]! >>> 31) << 1);
}

/**
 * Bytes of the first operand whose mask byte in the second is negative, to [EDI]. All must be writable, eight by
 * eight, and x87 mode ends first: Zen 4's choice among those that SDM vol. 2B, MASKMOVQ, leaves open.
 */
export const maskedStore =
  (bytes: number): Executor =>
  (cpu, op) => {
    if (bytes === 8) {
      demandNoPending(cpu);
      enterMmx(cpu);
    }
    const place = (i: number, size: number): number =>
      cpu.linear(op.segment, (cpu.words[EDI]! + i) & op.addressMask, size, true);
    for (let i = 0; i < bytes; i += 8) cpu.admitChange(place(i, 8), 8);
    for (let i = 0; i < bytes; i++) {
      if (cpu.bytes[4 * op.b + i]! & 0x80) cpu.write8(place(i, 1), cpu.bytes[4 * op.a + i]!);
    }
  };

// Single lanes -----------------------------------------------------------------------------------------------

export function pinsrwMmx(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  const value = cpu.load2(op);
  layFirst(cpu, op.a);
  u16[16 + (op.immediate & 3)] = value;
  keepMmx(cpu, op.a);
}

export function pextrwMmx(cpu: Processor, op: Operation): void {
  demandNoPending(cpu);
  cpu.words[op.a] = cpu.halves[2 * op.b + (op.immediate & 3)]!;
  enterMmx(cpu);
}

export function pinsrb(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  cpu.bytes[4 * op.a + (op.immediate & 15)] = value;
}

export function pinsrw(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  cpu.halves[2 * op.a + (op.immediate & 7)] = value;
}

export function pinsrd(cpu: Processor, op: Operation): void {
  const value = cpu.load2(op);
  cpu.words[op.a + (op.immediate & 3)] = value;
}

export function pextrb(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.bytes[4 * op.b + (op.immediate & 15)]!);
}

export function pextrw(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.halves[2 * op.b + (op.immediate & 7)]!);
}

export function pextrd(cpu: Processor, op: Operation): void {
  cpu.store1(op, cpu.words[op.b + (op.immediate & 3)]!);
}

export function insertps(cpu: Processor, op: Operation): void {
  fetch(cpu, op, 4, false);
  layFirst(cpu, op.a);
  const { immediate } = op;
  const from = op.kind2 === KIND.VECTOR ? (immediate >> 6) & 3 : 0;
  i32[8 + ((immediate >> 4) & 3)] = i32[4 + from]!;
  for (let i = 0; i < 4; i++) if (immediate & (1 << i)) i32[8 + i] = 0;
  keep(cpu, op.a);
}

/** Lanes of B where the topmost bit of the lane in XMM0 is set. */
export const blendVariable =
  (laneBytes: number): Executor =>
  (cpu, op) => {
    fetch(cpu, op, 16, true);
    layFirst(cpu, op.a);
    const mask = 4 * WORD.XMM;
    for (let i = 0; i < 16; i++) {
      if (cpu.bytes[mask + (i | (laneBytes - 1))]! & 0x80) u8[32 + i] = u8[16 + i]!;
    }
    keep(cpu, op.a);
  };

export function ptest(cpu: Processor, op: Operation): void {
  fetch(cpu, op, 16, true);
  let both = 0;
  let only = 0;
  for (let i = 0; i < 4; i++) {
    both |= cpu.words[op.a + i]! & i32[4 + i]!;
    only |= ~cpu.words[op.a + i]! & i32[4 + i]!;
  }
  setArithmetic(cpu.words, (both === 0 ? ZF : 0) | (only === 0 ? CF : 0));
}
