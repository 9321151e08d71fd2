/**
 * The writing of bytes: prefixes, opcode, ModR/M, SIB, displacement, immediate, in FASM's order (segment, 67, 66,
 * mandatory prefix, REX, opcode). FASM's choices of address form, each with an example, are in `putMemory`.
 */

import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  type Encoding,
  FLOAT,
  GPR16,
  GPR32,
  GPR64,
  INSTRUCTION_POINTER,
  type Operand,
  RELOCATABLE_32,
  RELOCATABLE_64,
  registerClass,
  registerNumber,
  XMM,
  YMM,
} from "../operand.ts";

const BX = 3;
const SP = 4;
const BP = 5;
const SI = 6;
const DI = 7;
const SS = 2;
const DS = 3;

/** What the plan fixed: the bytes between the address prefixes and ModR/M. */
export interface Head {
  /** 66, mandatory prefix, REX, VEX, XOP or EVEX, escape and opcode bytes. */
  readonly bytes: Uint8Array;
  readonly length: number;
  /** The same for an address whose registers have the bits of `extension` (see there). */
  readonly extended: (extension: number) => Head;
}

/** Bits of an address that stand in the head: REX.B and REX.X, and above them V' of a vector index. */
export const EXTENDED_BASE = 1;
export const EXTENDED_INDEX = 2;
export const EXTENDED_VECTOR = 8;

/** The head that `make` writes for an address without high registers, and for others when they come. */
export function makeHead(make: (extension: number) => readonly number[]): Head {
  const made: (Head | undefined)[] = [];
  const extended = (extension: number): Head => {
    const known = made[extension];
    if (known !== undefined) return known;
    const bytes = Uint8Array.from(make(extension));
    const head = { bytes, length: bytes.length, extended };
    made[extension] = head;
    return head;
  };
  return extended(0);
}

/** REX in fasm's byte: its own bits, this one when it stands there, and one that forbids it: AH, CH, DH or BH are named. */
export const REX = 0x40;
export const NO_REX = 0x10;
export const REX_W = 0x48;

/** Bytes of a form without VEX: what comes before REX, REX where it is needed, opcode. */
export function legacyBytes(
  before: readonly number[],
  rex: number,
  opcode: readonly number[],
  bits: number,
): number[] {
  if ((rex & REX) === 0) return [...before, ...opcode];
  if (bits !== 64) refuse("invalidOperand");
  if ((rex & NO_REX) !== 0) refuse("disallowedCombinationOfRegisters");
  return [...before, rex & 0x4f, ...opcode];
}

/** What base and index of an address put into REX, VEX or EVEX. */
function extensionOf(operand: Operand): number {
  const { base, index } = operand;
  let extension = 0;
  if ((base & 8) !== 0 && registerClass(base) !== INSTRUCTION_POINTER) extension = EXTENDED_BASE;
  if ((index & 8) !== 0) extension |= EXTENDED_INDEX;
  if ((index & 16) !== 0) extension |= EXTENDED_VECTOR;
  return extension;
}

/**
 * Widths of the address FASM knows beside its registers: bits 0 … 3 a size written in the brackets, bits 4 … 7
 * the size of a relocatable value. FASM keeps the same byte in CH.
 */
export function addressWidths(operand: Operand): number {
  const type = operand.relocation;
  if (type === ABSOLUTE) return operand.addressSize;
  const absolute = type < 0 ? -type : type;
  return operand.addressSize | ((absolute === RELOCATABLE_64 ? 8 : 4) << 4);
}

function putSegment(operand: Operand, out: Encoding): void {
  const segment = operand.segment;
  if (segment === 0) return;
  const number = registerNumber(segment);
  // 64-bit code has no other segments than FS and GS: FASM drops the rest without a word.
  if (out.bits === 64 && number < 4) return;
  // ES, CS, FS and GS are always written. SS and DS only where the address would not use them by itself:
  // [ss:ebp], [ds:eax] and [ds:label] have no prefix; [ss:eax] and [ds:ebp] have one.
  if (number === SS || number === DS) {
    const base = operand.base;
    const kind = registerClass(base);
    const n = registerNumber(base);
    const stack =
      (kind === GPR32 && (n === BP || n === SP)) ||
      (kind === GPR16 && n === BP) ||
      (registerClass(operand.index) === GPR16 && registerNumber(operand.index) === BP);
    if ((number === SS) === stack) return;
  }
  putSegmentPrefix(number, out);
}

export function putSegmentPrefix(number: number, out: Encoding): void {
  out.bytes[out.at++] = number < 4 ? 0x26 + number * 8 : 0x60 + number;
}

export function put16(out: Encoding, value: number): void {
  const { bytes, at } = out;
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  out.at = at + 2;
}

export function put32(out: Encoding, value: number): void {
  const { bytes, at } = out;
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
  out.at = at + 4;
  out.dwords++;
  out.dwordAt = at;
}

export function putHead(head: Head, out: Encoding): void {
  const bytes = out.bytes;
  let at = out.at;
  const source = head.bytes;
  for (let i = 0; i < head.length; i++) bytes[at++] = source[i]!;
  out.at = at;
}

function putDisplacement32(operand: Operand, out: Encoding): void {
  const type = operand.relocation;
  if (type !== ABSOLUTE) {
    out.relocate(type === RELOCATABLE_64 ? RELOCATABLE_32 : type, operand.relocationBase);
  }
  put32(out, operand.low);
}

/**
 * A whole instruction with a memory operand, up to its immediate. `reg` is ModR/M.reg already shifted left by
 * three. `unit` is the EVEX unit of compressed displacements, 1 elsewhere; `trailing` the bytes that will follow; `vectors`
 * says whether the index may be one.
 */
export function putMemory(
  operand: Operand,
  head: Head,
  reg: number,
  out: Encoding,
  unit = 1,
  trailing = 0,
  vectors = false,
): void {
  const base = operand.base;
  const index = operand.index;
  if (out.bits === 64) {
    if (isRelative(operand)) {
      putRelative(operand, head, reg, out, trailing);
      return;
    }
    checkAddress64(operand, out);
  }
  putSegment(operand, out);
  if (base === 0 && index === 0) {
    if (out.bits === 64) putAbsolute64(operand, head, reg, out);
    else putAbsolute(operand, head, reg, out);
    return;
  }
  if (index !== 0 && registerClass(index) >= XMM) {
    const kind = registerClass(base);
    if (base !== 0 && kind !== GPR32 && !(out.bits === 64 && kind === GPR64)) refuse("invalidAddress");
    if (!vectors) refuse("invalidAddress");
    putAddress32(operand, head, reg, out, unit);
    return;
  }
  const kind = base !== 0 ? registerClass(base) : registerClass(index);
  const one = index === 0 || base === 0 || registerClass(index) === kind;
  if (kind === GPR32 && one) putAddress32(operand, head, reg, out, unit);
  else if (kind === GPR64 && one) {
    if (out.bits !== 64) refuse("invalidAddressSize");
    putAddress32(operand, head, reg, out, unit);
  } else if (kind === GPR16 && one) {
    if (out.bits === 64) refuse("invalidAddressSize");
    putAddress16(operand, head, reg, out, unit);
  } else if (kind === INSTRUCTION_POINTER) putInstructionPointer(operand, head, reg, out);
  else refuse("invalidAddress");
}

/** In 64-bit code [x] is counted from the end of the instruction; [dword x], [qword x] and [fs:x] are not. */
export function isRelative(operand: Operand): boolean {
  if (operand.base !== 0 || operand.index !== 0 || operand.addressSize !== 0) return false;
  return operand.segment === 0 || registerNumber(operand.segment) < 4;
}

/** How far a relative address is from the beginning of the instruction: 32 bits with a sign at most. */
export function reach(operand: Operand, out: Encoding): void {
  out.relativeTo(operand, out.at);
  if (out.distanceHigh !== out.distance >> 31) out.recoverable("valueOutOfRange");
}

function putRelative(operand: Operand, head: Head, reg: number, out: Encoding, trailing: number): void {
  const start = out.at;
  reach(operand, out);
  putHead(head, out);
  out.bytes[out.at++] = reg | 5;
  const distance = out.distance - (out.at + 4 + trailing - start);
  if (distance < -0x80000000) out.recoverable("valueOutOfRange");
  if (out.distanceRelocation !== ABSOLUTE && !operand.unmarked)
    out.relocate(out.distanceRelocation, out.distanceBase);
  put32(out, distance);
}

/** A displacement is 32 bits with a sign; one without is let through where the registers have 32 bits. */
function checkAddress64(operand: Operand, out: Encoding): void {
  const { low, high, base, index } = operand;
  if (high === low >> 31) return;
  const kind = registerClass(index);
  const wide = registerClass(base) >= GPR64 || kind === GPR64 || kind === XMM || kind === YMM;
  if (high === 0 && ((addressWidths(operand) & 0x44) !== 0 || !wide)) return;
  out.recoverable("valueOutOfRange");
}

/** [rip+8] and [eip+8]: the displacement as it is written. */
function putInstructionPointer(operand: Operand, head: Head, reg: number, out: Encoding): void {
  if (registerNumber(operand.base) === 0) out.bytes[out.at++] = 0x67;
  if (out.bits !== 64) refuse("invalidAddress");
  putHead(head, out);
  out.bytes[out.at++] = reg | 5;
  putDisplacement32(operand, out);
}

/** An address that is not relative needs a SIB byte without registers, and 67 where the sign would make it another. */
function putAbsolute64(operand: Operand, head: Head, reg: number, out: Encoding): void {
  const widths = addressWidths(operand);
  const { bytes } = out;
  let unsigned: boolean;
  if ((widths & 0x44) !== 0) unsigned = operand.relocation !== ABSOLUTE || operand.low < 0;
  else {
    if ((widths & ~0x88) !== 0) refuse("invalidAddressSize");
    unsigned = operand.low < 0 && operand.high === 0;
  }
  if (unsigned) bytes[out.at++] = 0x67;
  putHead(head, out);
  bytes[out.at++] = reg | 4;
  bytes[out.at++] = 0x25;
  putDisplacement32(operand, out);
}

/** The displacement as one byte, in units of EVEX, or NO_BYTE when it does not fit. */
function inByte(displacement: number, unit: number): number {
  const units = displacement / unit;
  return units >= -0x80 && units < 0x80 && Number.isInteger(units) ? units : NO_BYTE;
}

const NO_BYTE = 0x100;

/** Whether the displacement is a byte in units of `unit` and none by itself. */
export function compresses(operand: Operand, unit: number): boolean {
  const kind = registerClass(operand.base !== 0 ? operand.base : operand.index);
  if (kind < GPR32 || kind === INSTRUCTION_POINTER || addressWidths(operand) !== 0) return false;
  const low = operand.low;
  return (low < -0x80 || low >= 0x80) && inByte(low, unit) !== NO_BYTE;
}

function putAddress32(operand: Operand, head: Head, reg: number, out: Encoding, unit: number): void {
  const { base, index, scale } = operand;
  const bytes = out.bytes;
  const vector = index !== 0 && registerClass(index) >= XMM;
  const short = registerClass(base !== 0 || vector ? base : index) === GPR32;
  if (out.bits === 64 ? short : out.bits === 16) bytes[out.at++] = 0x67;
  if (index !== 0 && registerNumber(index) === SP && !vector) refuse("invalidAddress");
  const extension = ((base | index) & 0x18) === 0 ? 0 : extensionOf(operand);
  if (extension !== 0 && out.bits !== 64) refuse("invalidOperand");
  putHead(extension !== 0 ? head.extended(extension) : head, out);
  const widths = addressWidths(operand);
  const wide = (widths & 0xcc) !== 0;
  const low = operand.low;

  if (base === 0) {
    // Only an index: [eax*4+8]. Always 32 bits of displacement.
    bytes[out.at++] = reg | 4;
    bytes[out.at++] = scaleBits(scale) | ((index & 7) << 3) | 5;
    if (!wide && widths !== 0) refuse("invalidAddressSize");
    putDisplacement32(operand, out);
    return;
  }
  const number = base & 7;
  const sib = index !== 0 || number === SP;
  const second = index !== 0 ? scaleBits(scale) | ((index & 7) << 3) | number : 0x20 | number;
  const rm = sib ? 4 : number;
  if (wide) {
    bytes[out.at++] = 0x80 | reg | rm;
    if (sib) bytes[out.at++] = second;
    putDisplacement32(operand, out);
    return;
  }
  if (widths !== 0) refuse("addressSizesDoNotAgree");
  if (low === 0 && number !== BP) {
    bytes[out.at++] = reg | rm;
    if (sib) bytes[out.at++] = second;
  } else if (inByte(low, unit) !== NO_BYTE) {
    bytes[out.at++] = 0x40 | reg | rm;
    if (sib) bytes[out.at++] = second;
    bytes[out.at++] = inByte(low, unit);
  } else {
    bytes[out.at++] = 0x80 | reg | rm;
    if (sib) bytes[out.at++] = second;
    put32(out, low);
  }
}

function scaleBits(scale: number): number {
  return scale === 8 ? 0xc0 : scale === 4 ? 0x80 : scale === 2 ? 0x40 : 0;
}

function putAddress16(operand: Operand, head: Head, reg: number, out: Encoding, unit: number): void {
  const bytes = out.bytes;
  if (out.bits !== 16) bytes[out.at++] = 0x67;
  putHead(head, out);
  const rm = combination16(operand);
  const widths = addressWidths(operand);
  const low = operand.low;
  if ((widths & 0x22) !== 0) {
    bytes[out.at++] = 0x80 | reg | rm;
    put16(out, low);
    return;
  }
  if (widths !== 0) refuse("addressSizesDoNotAgree");
  if (low >= 0x10000 || low < -0x8000) refuse("valueOutOfRange");
  const short = (low << 16) >> 16;
  if (short === 0 && rm !== 6) bytes[out.at++] = reg | rm;
  else if (inByte(short, unit) !== NO_BYTE) {
    bytes[out.at++] = 0x40 | reg | rm;
    bytes[out.at++] = inByte(short, unit);
  } else {
    bytes[out.at++] = 0x80 | reg | rm;
    put16(out, short);
  }
}

function combination16(operand: Operand): number {
  const one = operand.base !== 0 ? registerNumber(operand.base) : -1;
  const two = operand.index !== 0 ? registerNumber(operand.index) : -1;
  const low = Math.min(one, two);
  const high = Math.max(one, two);
  if (low < 0) {
    if (high === SI) return 4;
    if (high === DI) return 5;
    if (high === BP) return 6;
    if (high === BX) return 7;
  } else if (low === BX && high === SI) return 0;
  else if (low === BX && high === DI) return 1;
  else if (low === BP && high === SI) return 2;
  else if (low === BP && high === DI) return 3;
  return refuse("invalidAddress");
}

/** An address without registers: 32 bits wide in 32-bit code; in 16-bit code as wide as it must be. */
function putAbsolute(operand: Operand, head: Head, reg: number, out: Encoding): void {
  const wide = absoluteIsWide(operand, out);
  const bytes = out.bytes;
  if (wide) {
    if (out.bits !== 32) bytes[out.at++] = 0x67;
    putHead(head, out);
    bytes[out.at++] = reg | 5;
    putDisplacement32(operand, out);
  } else {
    if (out.bits !== 16) bytes[out.at++] = 0x67;
    putHead(head, out);
    bytes[out.at++] = reg | 6;
    put16(out, operand.low);
    if ((operand.addressSize & 2) !== 0 && (operand.low >= 0x10000 || operand.low < -0x8000)) {
      refuse("valueOutOfRange");
    }
  }
}

function absoluteIsWide(operand: Operand, out: Encoding): boolean {
  const widths = addressWidths(operand);
  if ((widths & 0xcc) !== 0) return true;
  if ((widths & 0x22) !== 0) return false;
  if (widths !== 0) refuse("invalidAddressSize");
  return out.bits !== 16 || operand.low >= 0x10000 || operand.low < -0x8000;
}

/** Whether FASM writes `mov eax,[x]` and its like without ModR/M in 64-bit code. */
export function hasOffset64(operand: Operand): boolean {
  if (isRelative(operand)) return false;
  return addressWidths(operand) !== 0 || operand.high === 0 || operand.low >= 0 || operand.high !== -1;
}

function putOffset64(operand: Operand, head: Head, out: Encoding): void {
  const widths = addressWidths(operand);
  if ((widths & 0x22) === 0 && (widths & 0x44) === 0 && (widths & ~0x88) !== 0) refuse("invalidAddressSize");
  putSegment(operand, out);
  if ((widths & 0x22) !== 0) refuse("invalidAddress");
  if ((widths & 0x44) !== 0 || (widths === 0 && operand.high === 0)) {
    out.bytes[out.at++] = 0x67;
    putHead(head, out);
    putDisplacement32(operand, out);
  } else {
    putHead(head, out);
    if (operand.relocation !== ABSOLUTE) out.relocate(operand.relocation, operand.relocationBase);
    put32(out, operand.low);
    put32(out, operand.high);
  }
}

/** mov al, [x] and its three relatives: the address stands where others have ModR/M. */
export function putOffset(operand: Operand, head: Head, out: Encoding): void {
  if (out.bits === 64) {
    putOffset64(operand, head, out);
    return;
  }
  const widths = addressWidths(operand);
  let wide: boolean;
  if ((widths & 0x22) !== 0) wide = false;
  else if ((widths & 0x44) !== 0) wide = true;
  else {
    if ((widths & 0x77) !== 0) refuse("invalidAddressSize");
    if ((widths & 8) !== 0) refuse("invalidAddressSize");
    wide = out.bits !== 16 || operand.low >>> 0 >= 0x10000;
  }
  putSegment(operand, out);
  if (wide) {
    if (out.bits !== 32) out.bytes[out.at++] = 0x67;
    putHead(head, out);
    putDisplacement32(operand, out);
  } else {
    if (out.bits !== 16) out.bytes[out.at++] = 0x67;
    putHead(head, out);
    put16(out, operand.low);
    if (operand.low >= 0x10000) refuse("valueOutOfRange");
  }
}

/** A byte from -256 to 255, as FASM takes them; out of range counts as 0. */
export function byteValue(operand: Operand, out: Encoding): number {
  if (operand.kind === FLOAT) refuse("invalidValue");
  if (operand.relocation !== ABSOLUTE || operand.fraction) out.recoverable("invalidUseOfSymbol");
  if (operand.value < -0x100 || operand.value > 0xff) {
    out.recoverable("valueOutOfRange");
    return 0;
  }
  return operand.low;
}

/** A word from -65536 to 65535. */
export function wordValue(operand: Operand, out: Encoding): number {
  if (operand.kind === FLOAT) refuse("invalidValue");
  if (operand.relocation > 1 || operand.relocation < 0) out.recoverable("invalidUseOfSymbol");
  if (operand.value < -0x10000 || operand.value > 0xffff) {
    out.recoverable("valueOutOfRange");
    return 0;
  }
  return operand.low;
}

/** A doubleword from -2^32 to 2^32 - 1; of a 64-bit address FASM takes no negative ones. */
export function dwordValue(operand: Operand, out: Encoding): number {
  if (operand.kind === FLOAT) refuse("invalidValue");
  const value = operand.value;
  const outside =
    operand.relocation === RELOCATABLE_64
      ? value < 0 || value > 0x7fffffff
      : value < -0x1_0000_0000 || value > 0xffff_ffff;
  if (outside) {
    out.recoverable("valueOutOfRange");
    return 0;
  }
  return operand.low;
}

/** A quadword that stands in 32 bits and is sign-extended; FASM looks at its 64 bits alone, so 2^64-1 is -1. */
export function extendedValue(operand: Operand, out: Encoding): number {
  if (operand.kind === FLOAT) refuse("invalidValue");
  if (operand.high !== operand.low >> 31) out.recoverable("valueOutOfRange");
  return operand.low;
}
