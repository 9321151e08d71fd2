/**
 * Machine code → the form and the fields of one instruction. Shared by the machine's decoder and the
 * disassembler; executes nothing and knows no memory: it is given bytes and tells when they do not suffice.
 *
 * Layout: SDM vol. 2A, 2.1 (prefixes, opcode, ModR/M, SIB, displacement, immediate); 15 bytes at most (2.3.11).
 */
import type { Form } from "./form.ts";
import { find, fixesLast, type Surroundings, someForm, takesModrm } from "./lookup.ts";

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
  /** VEX, EVEX, XOP: the register in vvvv; vector length in bits, W. */
  vvvv: number;
  vectorLength: number;
  w: number;
  /** EVEX: mask register, zeroing, and the bit that means broadcast (memory) or rounding (registers). */
  mask: number;
  zeroing: boolean;
  broadcast: boolean;
  /** EVEX.L'L as written: the rounding mode where `broadcast` stands on registers. */
  rounding: number;
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
    vvvv: 0,
    vectorLength: 0,
    w: 0,
    mask: 0,
    zeroing: false,
    broadcast: false,
    rounding: 0,
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

/** Map A of XOP, whose instructions have a constant of four bytes. */
const XOP_A = 14;

const base16 = [3, 3, 5, 5, 6, 7, 5, 3] as const;
const index16 = [6, 7, 6, 7, -1, -1, -1, -1] as const;

const around: Surroundings = {
  operandSize: 32,
  addressSize: 32,
  sizePrefix: false,
  repPrefix: 0,
  vectorLength: 0,
  rounds: false,
  w: 0,
};

export const impliedPrefix = [0, 0x66, 0xf3, 0xf2] as const;

/**
 * Decodes one instruction of `bits`-bit code (16 or 32) at `at`, reading no byte from `end` on. `lock` on a form
 * or operand that does not take it is left to the caller. After INVALID, `length` counts the bytes looked at;
 * after TRUNCATED and TOO_LONG those before the constants, 0 if these are not what is missing.
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
  out.length = 0;
  out.modrm = -1;
  out.base = -1;
  out.index = -1;
  out.scale = 1;
  out.displacementSize = 0;
  out.displacement = 0;
  out.immediate = 0;
  out.immediateSize = 0;
  out.immediate2 = 0;
  out.vvvv = 0;
  out.vectorLength = 0;
  out.w = 0;
  out.mask = 0;
  out.zeroing = false;
  out.broadcast = false;
  out.rounding = 0;

  let space = 0;
  /** The legacy map by whose rules the instruction is as long as it is; -1 where it has a ModR/M byte and that is all. */
  let layout = 0;
  let lead = -1;
  let known = true;
  if (code === 0xc4 || code === 0xc5 || code === 0x62 || code === 0x8f) {
    if (at >= end) return short();
    // In 16- and 32-bit code the next byte tells them from les, lds, bound (ModR/M 11) and pop (/0).
    const next = bytes[at]!;
    if (code === 0x8f ? (next & 0x38) !== 0 : next >= 0xc0) lead = code;
  }
  if (lead >= 0) {
    const size = lead === 0x62 ? 3 : lead === 0xc5 ? 1 : 2;
    if (at + size >= end) return short();
    let payload = bytes[at + size - 1]!;
    let map = 1;
    if (lead === 0x62) {
      const p0 = bytes[at]!;
      const p2 = payload;
      payload = bytes[at + 1]!;
      map = p0 & 3;
      out.rounding = (p2 >> 5) & 3;
      const { rounding } = out; // esbuild reads `<< out` as a type parameter
      out.vectorLength = 128 << rounding;
      out.mask = p2 & 7;
      out.zeroing = (p2 & 0x80) !== 0;
      out.broadcast = (p2 & 0x10) !== 0;
      // What must be so: zeros and ones, no mask where zeroing is asked for, no registers beyond the eighth.
      const wrong = (p0 & 0x0c) !== 0 || (p0 & 0x10) === 0 || (payload & 4) === 0 || (p2 & 8) === 0;
      known = !wrong && map !== 0 && (payload & 0x40) !== 0 && !(out.zeroing && out.mask === 0);
      space = 8 + map;
    } else {
      out.vectorLength = (payload & 4) !== 0 ? 256 : 128;
      if (lead !== 0xc5) map = bytes[at]! & 0x1f;
      space = 4 + map;
      known = (lead === 0x8f ? map >= 8 && map <= 10 : map >= 1 && map <= 3) && (payload & 0x40) !== 0;
    }
    out.w = lead === 0xc5 ? 0 : payload >> 7;
    out.vvvv = (~payload >> 3) & 7;
    // 66, F2, F3 and LOCK before VEX are #UD (SDM vol. 2A, 2.3.2 and 2.3.3).
    if (sizePrefix || rep !== 0 || lock) known = false;
    layout = lead !== 0x8f && map >= 1 && map <= 3 ? map : -1;
    rep = impliedPrefix[payload & 3]!;
    sizePrefix = rep === 0x66;
    if (sizePrefix) rep = 0;
    at += size;
    code = bytes[at++]!;
  } else if (code === 0x0f) {
    if (at >= end) return short();
    code = bytes[at++]!;
    space = 1;
    if (code === 0x38 || code === 0x3a) {
      if (at >= end) return short();
      space = code === 0x38 ? 2 : 3;
      code = bytes[at++]!;
    }
    layout = space;
  }
  out.code = code;

  let modrm = 0;
  if (layout < 0 || takesModrm(layout, code) || (space !== layout && takesModrm(space, code))) {
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
  around.w = out.w;
  around.vectorLength = out.vectorLength;
  around.rounds = out.broadcast && modrm >= 0xc0;
  out.length = at - start;
  let last = -1;
  if (known && fixesLast(space, code, modrm)) {
    if (at >= end) return short();
    last = bytes[at]!;
  }
  const form = known ? find(space, code, modrm, around, last) : undefined;
  // VEX.vvvv that names no register has to be all ones.
  if (form === undefined || (out.vvvv !== 0 && !form.places.includes("vvvv"))) {
    // How long it would be matters all the same: beyond 15 bytes it is #GP, where it cannot be fetched #PF.
    const prefix = rep || (sizePrefix ? 0x66 : 0);
    const tail = space === XOP_A ? 4 : tailOfUnknown(layout, code, prefix, operandSize);
    return at + tail > end ? short() : INVALID;
  }
  out.form = form;
  if (form.suffix >= 0) at++;

  if (form.encoding === "evex" && !allowed(form, out)) return INVALID;
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
  if (form.encoding === "evex" && out.displacementSize === 1)
    out.displacement *= displacementUnit(form, out.broadcast);
  return DECODED;
}

/** Masks, zeroing and EVEX.b only where the form has a meaning for them. */
export function allowed(form: Form, out: Instruction): boolean {
  const has = form.attributes;
  if (out.mask !== 0 && !has.has("mask")) return false;
  if (out.zeroing && (!has.has("z") || (out.mod !== 3 && form.places[0] === "rm"))) return false;
  if (!out.broadcast) return true;
  if (out.mod === 3) return has.has("er") || has.has("sae");
  return (has.has("b4") || has.has("b8")) && !has.has("bodd");
}

/** A displacement of one byte counts in these units in EVEX forms (SDM vol. 2A, 2.7.5): the memory operand's bytes. */
export function displacementUnit(form: Form, broadcast: boolean): number {
  if (broadcast) return form.attributes.has("b8") ? 8 : 4;
  for (let i = 0; i < form.operands.length; i++) {
    if (form.places[i] === "rm") return form.operands[i]!.memorySize || 1;
  }
  return 1;
}

/** Bytes behind the ModR/M byte of what means nothing: those of other instructions with its opcode. */
function tailOfUnknown(layout: number, code: number, prefix: number, operandSize: number): number {
  if (layout === 3) return 1;
  const form = layout < 0 ? undefined : someForm(layout, code, prefix);
  if (form === undefined) return 0;
  return form.tail.reduce((sum, word) => sum + sizeOfTail(word, operandSize), form.suffix >= 0 ? 1 : 0);
}

function sizeOfTail(word: string, operandSize: number): number {
  switch (word) {
    case "ib":
    case "cb":
    case "is4":
      return 1;
    case "iw":
      return 2;
    case "id":
      return 4;
    default: // iv, cv, cp: by operand size
      return operandSize / 8;
  }
}

export function signed(bytes: Uint8Array, at: number, size: number): number {
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
