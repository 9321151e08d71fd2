/**
 * Machine code → the form and the fields of one instruction. Shared by the machine's decoder and the
 * disassembler; executes nothing and knows no memory: it is given bytes and tells when they do not suffice.
 *
 * Layout: SDM vol. 2A, 2.1 (prefixes, opcode, ModR/M, SIB, displacement, immediate); 15 bytes at most (2.3.11).
 */
import type { Form } from "./form.ts";
import { find, fixesLast, type Surroundings, takesModrm } from "./lookup.ts";

/** Longest instruction the processor takes, in bytes. */
export const LONGEST = 15;

/** One decoded instruction. `decode` fills the record it is given, so that one can serve for ever. */
export interface Instruction {
  form: Form | undefined;
  /** Bytes, prefixes included. */
  length: number;
  /** Bytes before the opcode. */
  prefixes: number;
  lock: boolean;
  /** 0xF2, 0xF3 (whichever came last) or 0; also when it is part of the opcode. */
  rep: number;
  /** Segment register number of the last override prefix, or -1. */
  segment: number;
  /** Whether 66 and 67 stood there. */
  sizePrefix: boolean;
  addressPrefix: boolean;
  /** In force for this instruction: 16 or 32. */
  operandSize: number;
  addressSize: number;
  /** The opcode byte; its low three bits are a register number in forms with `plus`. */
  code: number;
  /** ModR/M, or -1 when there is none. */
  modrm: number;
  mod: number;
  reg: number;
  rm: number;
  /** Register numbers of the address, -1 where there is none; `scale` is 1, 2, 4 or 8. */
  base: number;
  index: number;
  scale: number;
  /** Bytes of displacement: 0, 1, 2 or 4; and its value, signed. */
  displacementSize: number;
  displacement: number;
  /** First immediate or distance, signed; bytes of it (0: none). Of a far address the offset. */
  immediate: number;
  immediateSize: number;
  /** Second immediate (enter) or the selector of a far address. */
  immediate2: number;
}

export function makeInstruction(): Instruction {
  return {
    form: undefined,
    length: 0,
    prefixes: 0,
    lock: false,
    rep: 0,
    segment: -1,
    sizePrefix: false,
    addressPrefix: false,
    operandSize: 32,
    addressSize: 32,
    code: 0,
    modrm: -1,
    mod: 0,
    reg: 0,
    rm: 0,
    base: -1,
    index: -1,
    scale: 1,
    displacementSize: 0,
    displacement: 0,
    immediate: 0,
    immediateSize: 0,
    immediate2: 0,
  };
}

/** decode found an instruction. */
export const DECODED = 0;
/** These bytes mean nothing to the processor: #UD. */
export const INVALID = 1;
/** The bytes end before the instruction does. */
export const TRUNCATED = 2;
/** Prefixes and all, it would be longer than 15 bytes: #GP. */
export const TOO_LONG = 3;
export type Decoding = typeof DECODED | typeof INVALID | typeof TRUNCATED | typeof TOO_LONG;

const base16 = [3, 3, 5, 5, 6, 7, 5, 3] as const;
const index16 = [6, 7, 6, 7, -1, -1, -1, -1] as const;

const around: Surroundings = { operandSize: 32, addressSize: 32, sizePrefix: false, repPrefix: 0 };

/**
 * Decodes one instruction of `bits`-bit code (16 or 32) at `at`, reading no byte from `end` on. `lock` on a form
 * or operand that does not take it is left to the caller. After INVALID, `length` counts the bytes looked at.
 */
export function decode(
  bytes: Uint8Array,
  at: number,
  end: number,
  bits: 16 | 32,
  out: Instruction,
): Decoding {
  const start = at;
  const room = end - start;
  if (end > start + LONGEST) end = start + LONGEST;
  const short = (): Decoding => (room >= LONGEST ? TOO_LONG : TRUNCATED);

  let lock = false;
  let rep = 0;
  let segment = -1;
  let sizePrefix = false;
  let addressPrefix = false;
  let code = 0;
  for (;;) {
    if (at >= end) return short();
    code = bytes[at++]!;
    if (code === 0x66) sizePrefix = true;
    else if (code === 0x67) addressPrefix = true;
    else if (code === 0xf2 || code === 0xf3) rep = code;
    else if (code === 0xf0) lock = true;
    else if ((code & 0xe7) === 0x26) segment = (code >> 3) & 3;
    else if (code === 0x64 || code === 0x65) segment = code & 7;
    else break;
  }
  const operandSize = (bits === 32) === sizePrefix ? 16 : 32;
  const addressSize = (bits === 32) === addressPrefix ? 16 : 32;
  out.prefixes = at - 1 - start;
  out.lock = lock;
  out.rep = rep;
  out.segment = segment;
  out.sizePrefix = sizePrefix;
  out.addressPrefix = addressPrefix;
  out.operandSize = operandSize;
  out.addressSize = addressSize;
  out.form = undefined;
  out.modrm = -1;
  out.base = -1;
  out.index = -1;
  out.scale = 1;
  out.displacementSize = 0;
  out.displacement = 0;
  out.immediate = 0;
  out.immediateSize = 0;
  out.immediate2 = 0;

  let space = 0;
  if (code === 0x0f) {
    if (at >= end) return short();
    code = bytes[at++]!;
    space = 1;
    if (code === 0x38 || code === 0x3a) {
      if (at >= end) return short();
      space = code === 0x38 ? 2 : 3;
      code = bytes[at++]!;
    }
  }
  out.code = code;

  let modrm = 0;
  if (takesModrm(space, code)) {
    if (at >= end) return short();
    modrm = bytes[at++]!;
    // MOV with control, debug and test registers takes every mod for a register (SDM vol. 2B, MOV).
    const mod = space === 1 && (code & 0xf8) === 0x20 ? 3 : modrm >> 6;
    const rm = modrm & 7;
    out.modrm = modrm;
    out.mod = mod;
    out.reg = (modrm >> 3) & 7;
    out.rm = rm;
    if (mod !== 3) {
      let size = mod === 1 ? 1 : 0;
      if (addressSize === 32) {
        if (mod === 2) size = 4;
        out.base = rm;
        if (rm === 4) {
          if (at >= end) return short();
          const sib = bytes[at++]!;
          out.base = sib & 7;
          const index = (sib >> 3) & 7;
          out.index = index === 4 ? -1 : index;
          out.scale = 1 << (sib >> 6);
        }
        if (mod === 0 && out.base === 5) {
          out.base = -1;
          size = 4;
        }
      } else {
        if (mod === 2) size = 2;
        if (mod === 0 && rm === 6) size = 2;
        else {
          out.base = base16[rm]!;
          out.index = index16[rm]!;
        }
      }
      if (at + size > end) return short();
      out.displacementSize = size;
      out.displacement = signed(bytes, at, size);
      at += size;
    }
  }

  around.operandSize = operandSize;
  around.addressSize = addressSize;
  around.sizePrefix = sizePrefix;
  around.repPrefix = rep;
  let last = -1;
  if (fixesLast(space, code, modrm)) {
    if (at >= end) return short();
    last = bytes[at]!;
  }
  const form = find(space, code, modrm, around, last);
  if (form === undefined) {
    out.length = at - start;
    return INVALID;
  }
  out.form = form;
  if (form.suffix >= 0) at++;

  const tail = form.tail;
  if (tail.length !== 0) {
    for (let i = 0; i < tail.length; i++) {
      const word = tail[i]!;
      const size = sizeOfTail(word, operandSize);
      if (at + size > end) return short();
      const value = signed(bytes, at, size);
      at += size;
      if (i === 0) {
        out.immediate = value;
        out.immediateSize = size;
      } else out.immediate2 = value;
      if (word === "cp") {
        if (at + 2 > end) return short();
        out.immediate2 = bytes[at]! | (bytes[at + 1]! << 8);
        at += 2;
      }
    }
  } else {
    for (const place of form.places) {
      if (place !== "moffs") continue;
      const size = addressSize / 8;
      if (at + size > end) return short();
      out.displacementSize = size;
      out.displacement = size === 2 ? bytes[at]! | (bytes[at + 1]! << 8) : signed(bytes, at, size);
      at += size;
    }
  }
  out.length = at - start;
  return DECODED;
}

function sizeOfTail(word: string, operandSize: number): number {
  switch (word) {
    case "ib":
    case "cb":
      return 1;
    case "iw":
      return 2;
    case "id":
      return 4;
    default: // iv, cv, cp: by operand size
      return operandSize / 8;
  }
}

function signed(bytes: Uint8Array, at: number, size: number): number {
  switch (size) {
    case 1:
      return (bytes[at]! << 24) >> 24;
    case 2:
      return ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
    case 4:
      return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    default:
      return 0;
  }
}
