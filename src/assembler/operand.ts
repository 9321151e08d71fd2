/**
 * The border between the assembler, which reads operands and works out their values, and the encoder, which
 * chooses a form and writes its bytes. Everything here is plain data with the same fields in the same order,
 * since hundreds of thousands of operands cross it in every pass.
 *
 * What is decided before an Operand is handed over: which register is base and which is index (FASM's rules,
 * with the segment prefix), the displacement, the relocation, the size that a label brings along when no size
 * was written. What is left to the encoder: whether the sizes of the operands agree, the range of immediates,
 * which form is shortest, prefixes, displacement width.
 */

import type { Message } from "./messages.ts";

/** What an operand is. */
export const NONE = 0;
/** A register of any class: `register`. */
export const REGISTER = 1;
/** An address in brackets, or behind `ptr`. */
export const MEMORY = 2;
/** A number, a label's value, a string of at most eight bytes. Also every target of a jump. */
export const IMMEDIATE = 3;
/** `segment:offset`: the value is the offset, `segmentLow` … are the segment's. */
export const FAR = 4;
/**
 * A floating point constant as a jump's target or a segment, which it cannot be ("invalid value"). Everywhere else its bits
 * are the number of an IMMEDIATE, in the size that is wanted.
 */
export const FLOAT = 5;
/** `{rn-sae}` … `{rz-sae}` and `{sae}` as an operand of their own: `rounding`. */
export const ROUNDING = 6;
/** Something no operand can be: the encoder answers as it would for any misfit, "invalid operand". */
export const OTHER = 7;
/** `segment:` with nothing that could be an offset behind it. */
export const OFFSETLESS = 8;

/** Decorators by their codes: {z}, {1ton} with the logarithm of n below, {kn} with n below; FASM's own numbers. */
export const ZEROING = 0;
export const BROADCAST = 0x10;
export const MASKING = 0x50;
/** With BROADCAST: something stands where its brace should be closed. */
export const UNCLOSED = 0x100;
/** Anything else in braces. */
export const MALFORMED = -1;

export type OperandKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Jump modifiers: `jmp short x`. */
export const SHORT = 1;
export const NEAR = 2;
export const JUMP_FAR = 3;

/**
 * A register is its class times 32 plus its number in the manual's order; 0 is no register.
 * AH, CH, DH, BH are a class of their own with their encoded numbers 4 … 7; SPL … DIL are numbers 4 … 7 of GPR8.
 */
export const GPR8 = 1;
export const GPR8_HIGH = 2;
export const GPR16 = 3;
export const GPR32 = 4;
export const GPR64 = 5;
/** ES 0, CS 1, SS 2, DS 3, FS 4, GS 5. */
export const SEGMENT = 6;
export const CONTROL = 7;
export const DEBUG = 8;
export const TEST = 9;
export const ST = 10;
export const MMX = 11;
export const XMM = 12;
export const YMM = 13;
export const ZMM = 14;
/** K0 … K7. */
export const MASK = 15;
/** BND0 … BND3. */
export const BOUND = 16;
/** TMM0 … TMM7. */
export const TILE = 17;
/** Only inside addresses: EIP is 0, RIP is 1. */
export const INSTRUCTION_POINTER = 18;

export const registerClass = (register: number): number => register >>> 5;
export const registerNumber = (register: number): number => register & 31;
export const register = (kind: number, number: number): number => (kind << 5) | number;

/** Bytes in a register of each class, as FASM counts them for matching operand sizes; 0 where it does not. */
export const registerSizes: readonly number[] = [0, 1, 1, 2, 4, 8, 0, 0, 0, 0, 10, 8, 16, 32, 64, 0, 0, 0, 0];

/** How a value moves with the program, in FASM's numbers; negative when the value is subtracted. */
export const ABSOLUTE = 0;
/** A segment of an MZ executable. */
export const RELOCATABLE_SEGMENT = 1;
export const RELOCATABLE_32 = 2;
export const RELATIVE_32 = 3;
export const RELOCATABLE_64 = 4;
/** Relative to the image base (COFF, PE) or to the global offset table (ELF). */
export const RELOCATABLE_RVA = 5;
export const PLT = 6;
export const RELATIVE_PLT = 7;

/** What a relocatable value is relative to: a section or an external symbol of the output format. */
export type Base = object | null;

/** One operand of an instruction, its values those of the current pass. */
export interface Operand {
  kind: OperandKind;
  /**
   * Bytes: written (`byte`, `dword`…) or, for MEMORY, brought along by a label with a size; 0 when neither. For
   * REGISTER only what was written before it: the register's own size is in `registerSizes`. All operands of an
   * instruction share one size in FASM: two different ones are "operand sizes do not match".
   */
  size: number;
  /** The size was written as an operator: `add eax, dword 5` asks for the long form. */
  sizeDeclared: boolean;
  /** A comma stands before this operand. Only `push` and `pop` take operands without one, one instruction each. */
  comma: boolean;
  /** The second part of an address: `[eax,ecx*4]`. */
  part: boolean;
  /** 0, SHORT, NEAR or JUMP_FAR. */
  jump: number;
  /** REGISTER: class and number. */
  register: number;
  /** MEMORY: the segment register's code in an override, or 0. */
  segment: number;
  /** MEMORY: base register, or 0. */
  base: number;
  /** MEMORY: index register, or 0; XMM, YMM and ZMM for vector addressing. */
  index: number;
  /** MEMORY: 1, 2, 4, 8 with an index, else 0. (FASM's CL: also 1 when a 16-bit pair has no scale.) */
  scale: number;
  /** MEMORY: bytes of address asked for in the brackets (`[dword eax]`, `[word 5]`), or 0. */
  addressSize: number;
  /** MEMORY in 64-bit code: an absolute address to be encoded relative to the instruction pointer. */
  relative: boolean;
  /** MEMORY: FASM forgets that a relative address moves with the program (encode/oddities.ts). */
  unmarked: boolean;
  /**
   * IMMEDIATE, FAR, MEMORY: the number (displacement). Exact within ±2^53; beyond that the nearest double, which
   * still compares rightly with every bound up to 32 bits. `low` and `high` are always exact.
   */
  value: number;
  /** Bits 0 … 31 as a signed number. */
  low: number;
  /** Bits 32 … 63 as a signed number. */
  high: number;
  /** Of the value: ABSOLUTE … RELATIVE_PLT or negative. */
  relocation: number;
  relocationBase: Base;
  /**
   * The value is not known yet (a forward reference in an early pass): it counts as 0, and a jump to it as the
   * shortest one. FASM's `value_undefined`.
   */
  undefined: boolean;
  /** IMMEDIATE: the bits of a floating point constant, which a byte cannot have. */
  fraction: boolean;
  /** FAR: the segment. */
  segmentValue: number;
  segmentRelocation: number;
  segmentBase: Base;
  /** All that stands in braces behind the operand, in its order: ZEROING … MALFORMED. */
  decorators: readonly number[];
  /** EVEX: `{k1}` … `{k7}` behind the operand, 0 when none. */
  mask: number;
  /** EVEX: `{z}`. */
  zeroing: boolean;
  /** EVEX: n of `{1ton}`: 2, 4, 8, 16, or 0. */
  broadcast: number;
  /** ROUNDING: 0 `rn`, 1 `rd`, 2 `ru`, 3 `rz`, 4 for `{sae}` alone, -1 for what is none of them. */
  rounding: number;
}

const NO_DECORATORS: readonly number[] = [];

export function newOperand(): Operand {
  const operand: Operand = {
    kind: NONE,
    size: 0,
    sizeDeclared: false,
    comma: false,
    part: false,
    jump: 0,
    register: 0,
    segment: 0,
    base: 0,
    index: 0,
    scale: 0,
    addressSize: 0,
    relative: false,
    unmarked: false,
    // The engine keeps it in place, since it is never anything but a double.
    value: Number.NaN,
    low: 0,
    high: 0,
    relocation: ABSOLUTE,
    relocationBase: null,
    undefined: false,
    fraction: false,
    segmentValue: 0,
    segmentRelocation: ABSOLUTE,
    segmentBase: null,
    decorators: NO_DECORATORS,
    mask: 0,
    zeroing: false,
    broadcast: 0,
    rounding: 0,
  };
  operand.value = 0;
  return operand;
}

/** Prefixes that stood before the instruction on the same line. */
export const PREFIX = 1;
export const BND_PREFIX = 2;

/**
 * What the encoder is given beside the operands, and where it writes. At least 32 bytes of room are left in
 * `bytes` behind `at`; the encoder advances `at`.
 */
export interface Encoding {
  bytes: Uint8Array;
  at: number;
  /** 16, 32 or 64: the code that is being assembled. */
  bits: number;
  /** PREFIX, BND_PREFIX: what came before on the line; a prefix instruction sets its bit. */
  prefixes: number;
  /** `useavx512` is in force: where EVEX makes a displacement a byte and VEX does not, EVEX is taken. */
  compresses: boolean;
  /** Another pass is certain: what FASM refuses only in a last pass is let through. */
  isLenient(): boolean;
  /** Remembers the first error of the pass; assembling goes on as if it had not been. */
  recoverable(message: Message): void;
  /** The line of the first such error of this pass, or -1. */
  readonly errorLine: number;
  /** The same of a size that nothing tells: FASM misses it before it reads the number behind, if there is one. */
  unsized(numberBehind: boolean): void;
  /**
   * The distance from output position `from` to the target: `distance`, `distanceHigh` (bits 0 … 31 and 32 … 63),
   * `distanceRelocation` (ABSOLUTE, RELATIVE_32, RELATIVE_PLT). An undefined target is at distance 0. FASM takes
   * `from` behind the prefixes written so far plus two: the end of a short jump.
   */
  relativeTo(target: Operand, from: number): void;
  distance: number;
  distanceHigh: number;
  distanceRelocation: number;
  distanceBase: Base;
  /**
   * Set by a jump that takes one byte or four for its distance, whichever it needs: how many it has taken. They are its last,
   * and all the others are the same at any distance that takes as many.
   */
  distanceBytes: number;
  /** How many doublewords have been written since this was 0, and where the last one is. */
  dwords: number;
  dwordAt: number;
  /** Announces that the value about to be written at `at` moves with the program. ABSOLUTE announces nothing. */
  relocate(relocation: number, base: Base): void;
  /** The instruction that moves with the program is one behind which FASM reads no further (encode/dword.ts). */
  endSource(): void;
}
