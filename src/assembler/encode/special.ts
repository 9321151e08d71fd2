/**
 * Instructions whose encoding is more than a choice of row: string instructions with operands, lists of pushes and pops,
 * returns, and prefixes; jumps are in jumps.ts. Opcode bytes come from the rows.
 */
import { byMnemonic, segmentNames } from "../../isa/index.ts";
import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  BND_PREFIX,
  BOUND,
  type Encoding,
  FLOAT,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  MEMORY,
  type Operand,
  PREFIX,
  REGISTER,
  RELOCATABLE_32,
  RELOCATABLE_64,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  XMM,
} from "../operand.ts";
import { dwordEncoders } from "./dword.ts";
import {
  addressWidths,
  byteValue,
  dwordValue,
  extendedValue,
  isRelative,
  put16,
  put32,
  putHead,
  putMemory,
  putSegmentPrefix,
  REX,
  REX_W,
  reach,
  wordValue,
} from "./emit.ts";
import { code, digit, type Encode, end, headOf, needsPrefix, only, registerSize } from "./heads.ts";
import { jumps } from "./jumps.ts";
import { oddities } from "./oddities.ts";
import { encodeByPlan } from "./plan.ts";
import { isGeneralOperand } from "./reader.ts";

interface Special {
  readonly encode: Encode;
  readonly prefix?: boolean;
}

// Returns, interrupts, frames -----------------------------------------------------------------------------------

function returns(name: string): Encode {
  const [plain, popping] = byMnemonic(name);
  const near = /^retn?[wdq]?$/.test(name);
  const long = plain!.level === "long";
  return (operands, count, out) => {
    if (long && out.bits !== 64) refuse("illegalInstruction");
    if (out.bits === 64 && /^retn?d$/.test(name)) refuse("illegalInstruction");
    if (near) out.prefixes &= ~BND_PREFIX;
    const size = plain!.operandSize;
    const prefix = size !== 0 && needsPrefix(size / 8, out);
    // A far return of 64-bit code pops 64 bits unless told otherwise.
    const rex = out.bits === 64 && /^retfq?$/.test(name) ? REX_W : 0;
    if (count > 0) {
      const operand = operands[0]!;
      if (operand.jump !== 0) refuse("invalidOperand");
      if (operand.sizeDeclared && operand.size !== 2) refuse("invalidOperandSize");
      if (operand.kind !== IMMEDIATE && operand.kind !== FLOAT) refuse("invalidOperand");
      const value = stackBytes(operand, out);
      if (operand.sizeDeclared || (value & 0xffff) !== 0) {
        putHead(headOf(popping!.code, prefix, rex), out);
        put16(out, value);
        end(out);
        only(count);
        return;
      }
    }
    putHead(headOf(plain!.code, prefix, rex), out);
    end(out);
    only(count);
  };
}

/** The word of `ret 8` and `enter 8,0`: neither negative nor movable, once the last pass is reached. */
function stackBytes(operand: Operand, out: Encoding): number {
  const value = wordValue(operand, out);
  if ((operand.relocation !== ABSOLUTE || value < 0) && !out.isLenient())
    refuse(operand.relocation !== ABSOLUTE ? "invalidUseOfSymbol" : "valueOutOfRange");
  return value;
}

/** aam and aad: an operand is only looked at when it is a bare number. */
function adjust(name: string): Encode {
  const byPlan = encodeByPlan(name);
  return (operands, count, out) => {
    if (out.bits === 64) refuse("illegalInstruction");
    if (count > 0 && (operands[0]!.kind !== IMMEDIATE || operands[0]!.sizeDeclared))
      refuse("extraCharactersOnLine");
    byPlan(operands, count, out);
  };
}

/** movdir64b: the register that points to the destination is as wide as the source's address. */
const direct: Encode = (operands, count, out) => {
  const start = out.at;
  directByPlan(operands, Math.min(count, 2), out);
  const bits = out.bytes[start] !== 0x67 ? out.bits : out.bits === 32 ? 16 : 32;
  if (bits !== registerSize(operands[0]!) * 8) refuse("invalidOperandSize");
  if (count > 2) refuse("extraCharactersOnLine");
};

const directByPlan = encodeByPlan("movdir64b");
/** lgdt and lidt take 66 in 16-bit code when six bytes are written, and not when nothing is; sgdt and sidt never. */
function tableRegister(name: string): Encode {
  const form = byMnemonic(name)[0]!;
  const plain = headOf(0x0f00 | form.code, false);
  const sized = headOf(0x0f00 | form.code, true);
  return (operands, count, out) => {
    const operand = operands[0];
    if (count < 1 || operand!.kind !== MEMORY || operand!.jump !== 0) refuse("invalidOperand");
    const size = operand!.size;
    if (size === (out.bits === 64 ? 6 : 10)) refuse("illegalInstruction");
    if (size !== 0 && size !== 6 && size !== 10) refuse("invalidOperandSize");
    putMemory(
      operand!,
      form.digit >= 2 && size === 6 && needsPrefix(4, out) ? sized : plain,
      form.digit << 3,
      out,
    );
    end(out);
    only(count);
  };
}

/** The first number of `enter`. */
export function frameBytes(first: Operand, out: Encoding): number {
  if (first.jump !== 0) refuse("invalidOperand");
  if (first.sizeDeclared && first.size !== 2) refuse("invalidOperandSize");
  if (first.kind !== IMMEDIATE && first.kind !== FLOAT) refuse("invalidOperand");
  return stackBytes(first, out);
}

const enter: Encode = (operands, count, out) => {
  const [first, second] = operands;
  if (count < 1 || first === undefined) refuse("invalidOperand");
  const bytes = frameBytes(first, out);
  if (count < 2 || second === undefined || !second.comma) refuse("invalidOperand");
  if (second.jump !== 0) refuse("invalidOperand");
  if (second.sizeDeclared && second.size !== 1) refuse("invalidOperandSize");
  if (second.kind !== IMMEDIATE && second.kind !== FLOAT) refuse("invalidOperand");
  const level = byteValue(second, out);
  if (level < 0 && !out.isLenient()) refuse("valueOutOfRange");
  out.bytes[out.at++] = code("enter", "imm16 imm8");
  put16(out, bytes);
  out.bytes[out.at++] = level;
  end(out);
  if (count > 2) refuse("extraCharactersOnLine");
};

const interrupt: Encode = (operands, count, out) => {
  const operand = operands[0];
  if (count < 1 || operand === undefined) refuse("invalidOperand");
  if (operand.jump !== 0) refuse("invalidOperand");
  if (operand.sizeDeclared && operand.size > 1) refuse("invalidOperandSize");
  if (operand.kind !== IMMEDIATE && operand.kind !== FLOAT) refuse("invalidOperand");
  const value = byteValue(operand, out);
  if (value < 0) out.recoverable("valueOutOfRange");
  out.bytes[out.at++] = code("int", "imm8");
  out.bytes[out.at++] = value;
  end(out);
  only(count);
};

// The stack: FASM takes several operands without commas, one instruction each ------------------------------------

/** `wanted` is the size that pushw and pushd ask for, else 0. */
function stackList(name: "push" | "pop", wanted: number): Encode {
  const pushes = name === "push";
  const registerCode = code(name, "rv");
  const memoryCode = code(name, "rmv");
  const memoryDigit = digit(name, "rmv") << 3;
  const segmentCodes = segmentNames.map((segment) => {
    const form = byMnemonic(name).find((row) => row.operands[0]!.text === segment);
    return form === undefined ? -1 : form.map === 1 ? 0x0f00 | form.code : form.code;
  });
  const byteCode = pushes ? code("push", "imms8") : 0;
  const wordCode = pushes ? code("push", "immv") : 0;

  /** What is pushed must be of the size asked for; 64 bits need other code. */
  const check = (size: number, long: boolean): void => {
    if (size !== 2 && size !== 4 && size !== 8) refuse("invalidOperandSize");
    if (wanted !== 0 && wanted !== size) refuse("invalidOperandSize");
    if (size === (long ? 4 : 8)) refuse("illegalInstruction");
  };

  const one = (operand: Operand, out: Encoding): void => {
    const long = out.bits === 64;
    if (operand.jump !== 0) refuse("invalidOperand");
    switch (operand.kind) {
      case MEMORY: {
        const size = operand.size === 0 ? wanted : operand.size;
        if (size === 0) {
          if (long && isRelative(operand)) reach(operand, out);
          out.recoverable("operandSizeNotSpecified");
        } else check(size, long);
        putMemory(operand, headOf(memoryCode, size !== 0 && needsPrefix(size, out)), memoryDigit, out);
        return;
      }
      case REGISTER: {
        const kind = registerClass(operand.register);
        if (kind === SEGMENT) {
          const size = operand.size === 0 ? wanted : operand.size;
          const number = registerNumber(operand.register);
          const value = segmentCodes[number]!;
          if (value < 0) {
            // pop cs is the byte 0F: an 8086 took it.
            if (out.bits !== 16) refuse("illegalInstruction");
            if (operand.size !== 0 && operand.size !== 2) refuse("invalidOperandSize");
            if (wanted > 2) refuse(operand.size === 0 ? "illegalInstruction" : "invalidOperandSize");
            out.bytes[out.at++] = 0x0f;
            return;
          }
          if (size !== 0) check(size, long);
          if (long && value < 0x0f00) refuse("illegalInstruction");
          putHead(headOf(value, size !== 0 && needsPrefix(size, out)), out);
          return;
        }
        if (kind === 0 || kind > GPR64) {
          // FASM settles the size before it sees that this register cannot be pushed.
          if (isGeneralOperand(operand.register) && (operand.size !== 0 || wanted !== 0))
            check(operand.size !== 0 ? operand.size : wanted, long);
          refuse("invalidOperand");
        }
        const size = registerSize(operand);
        if (operand.size !== 0 && operand.size !== size) refuse("operandSizesDoNotMatch");
        check(size, long);
        const number = registerNumber(operand.register);
        if (needsPrefix(size, out)) out.bytes[out.at++] = 0x66;
        if (number > 7) {
          if (!long) refuse("invalidOperand");
          out.bytes[out.at++] = REX | 1;
        }
        out.bytes[out.at++] = registerCode + (number & 7);
        return;
      }
      case IMMEDIATE:
      case FLOAT:
        if (!pushes) refuse("invalidOperand");
        immediate(operand, out);
        return;
      default:
        refuse("invalidOperand");
    }
  };

  /** push 5 takes a byte, push dword 5 the long form, pushd 5 a byte again. */
  const immediate = (operand: Operand, out: Encoding): void => {
    const declared = operand.size;
    if (declared !== 0 && wanted !== 0 && declared !== wanted) refuse("invalidOperandSize");
    const size = declared !== 0 ? declared : wanted !== 0 ? wanted : out.bits / 8;
    if (size === (out.bits === 64 ? 4 : 8)) refuse("illegalInstruction");
    if (size !== 2 && size !== 4 && size !== 8) refuse("invalidOperandSize");
    const value =
      size === 2
        ? wordValue(operand, out)
        : size === 4
          ? dwordValue(operand, out)
          : extendedValue(operand, out);
    const prefix = needsPrefix(size, out);
    const signed = size === 2 ? (value << 16) >> 16 : value;
    const type = operand.relocation;
    if (declared === 0 && type === ABSOLUTE && signed >= -0x80 && signed < 0x80) {
      putHead(headOf(byteCode, prefix), out);
      out.bytes[out.at++] = signed;
      return;
    }
    putHead(headOf(wordCode, prefix), out);
    if (type !== ABSOLUTE)
      out.relocate(type === RELOCATABLE_64 ? RELOCATABLE_32 : type, operand.relocationBase);
    if (size === 2) put16(out, value);
    else put32(out, value);
  };

  return (operands, count, out) => {
    if (count === 0) refuse("invalidOperand");
    for (let i = 0; i < count; i++) {
      const operand = operands[i]!;
      if (operand.comma) refuse("invalidOperand");
      one(operand, out);
    }
    end(out);
  };
}

// String instructions with operands ------------------------------------------------------------------------------

const SI = 6;
const DI = 7;
const BX = 3;

/** Nothing but one register is there. */
const isBare = (operand: Operand): boolean =>
  operand.low === 0 && operand.index === 0 && addressWidths(operand) === 0;

/** Checks `[si]`, `[edi]` … and returns the bits of the register; only the register may stand there. */
function pointer(operand: Operand | undefined, number: number, out: Encoding): number {
  if (operand === undefined || operand.kind !== MEMORY || operand.jump !== 0) return refuse("invalidOperand");
  if (!isBare(operand)) refuse("invalidAddress");
  const kind = registerClass(operand.base);
  if (kind !== GPR16 && kind !== GPR32 && kind !== GPR64) refuse("invalidAddress");
  if (registerNumber(operand.base) !== number) refuse("invalidAddress");
  if (kind === (out.bits === 64 ? GPR16 : GPR64)) refuse("invalidAddressSize");
  return kind === GPR16 ? 16 : kind === GPR32 ? 32 : 64;
}

/** The register of a pointer, when its number is judged only after both operands have been read. */
function loosePointer(operand: Operand | undefined): { bits: number; number: number } {
  if (operand === undefined || operand.kind !== MEMORY || operand.jump !== 0) return refuse("invalidOperand");
  if (!isBare(operand)) refuse("invalidAddress");
  const kind = registerClass(operand.base);
  return {
    bits: kind === GPR16 ? 16 : kind === GPR32 ? 32 : kind === GPR64 ? 64 : 0,
    number: operand.base & 7,
  };
}

const isInExtra = ({ segment }: Operand): boolean => segment === 0 || registerNumber(segment) === 0;

/** The destination of a string instruction is in ES and cannot be moved elsewhere. */
function inExtra(operand: Operand): void {
  if (!isInExtra(operand)) refuse("invalidAddress");
}

/** Whether FASM goes on to the second address of a string instruction behind this one. */
export const isFirstAddress = (name: string, operand: Operand): boolean =>
  operand.kind === MEMORY && isBare(operand) && (name !== "movs" || isInExtra(operand));

function putStringPrefixes(bits: number, segmentOf: Operand | undefined, out: Encoding): void {
  if (bits !== out.bits) out.bytes[out.at++] = 0x67;
  if (segmentOf === undefined || segmentOf.segment === 0) return;
  const number = registerNumber(segmentOf.segment);
  // DS is where they look anyway, and 64-bit code knows FS and GS alone.
  if (number !== 3 && (out.bits !== 64 || number > 3)) putSegmentPrefix(number, out);
}

function putSized(byteCode: number, size: number, out: Encoding, wide = false): void {
  switch (size) {
    case 1:
      out.bytes[out.at++] = byteCode;
      return;
    case 2:
    case 4:
      if (needsPrefix(size, out)) out.bytes[out.at++] = 0x66;
      out.bytes[out.at++] = byteCode + 1;
      return;
    case 8:
      if (wide) refuse("invalidOperandSize");
      if (out.bits !== 64) refuse("illegalInstruction");
      out.bytes[out.at++] = REX_W;
      out.bytes[out.at++] = byteCode + 1;
      return;
    case 0:
      out.recoverable("operandSizeNotSpecified");
      out.bytes[out.at++] = byteCode + 1;
      return;
    default:
      refuse("invalidOperandSize");
  }
}

function sameSize(one: Operand, two: Operand): number {
  if (one.size !== 0 && two.size !== 0 && one.size !== two.size) refuse("operandSizesDoNotMatch");
  return one.size !== 0 ? one.size : two.size;
}

/** movs and cmps: two pointers. */
function twoPointers(byteName: string, firstNumber: number): Encode {
  const byteCode = code(byteName, "");
  return (operands, count, out) => {
    const [first, second] = operands;
    const compares = firstNumber === SI;
    const one = loosePointer(count > 0 ? first : undefined);
    if (!compares) inExtra(first!);
    if (count < 2 || !second!.comma) refuse("invalidOperand");
    const size = sameSize(first!, second!);
    const two = loosePointer(second);
    if (compares) inExtra(second!);
    if (one.bits !== two.bits) refuse("addressSizesDoNotAgree");
    if (two.number !== SI + DI - firstNumber || two.bits === 0) refuse("invalidAddress");
    if (one.number !== firstNumber) refuse("invalidAddress");
    if (one.bits === (out.bits === 64 ? 16 : 64)) refuse("invalidAddressSize");
    putStringPrefixes(one.bits, compares ? first : second, out);
    putSized(byteCode, size, out);
    end(out);
    if (count > 2) refuse("extraCharactersOnLine");
  };
}

/** lods, stos, scas: one pointer. */
function onePointer(byteName: string, number: number): Encode {
  const byteCode = code(byteName, "");
  return (operands, count, out) => {
    const operand = count > 0 ? operands[0] : undefined;
    const bits = pointer(operand, number, out);
    putStringPrefixes(bits, number === SI ? operand : undefined, out);
    if (number === DI) inExtra(operand!);
    putSized(byteCode, operand!.size, out);
    end(out);
    only(count);
  };
}

export function isPort(operand: Operand | undefined): boolean {
  return (
    operand !== undefined &&
    operand.kind === REGISTER &&
    operand.size === 0 &&
    operand.jump === 0 &&
    registerClass(operand.register) === GPR16 &&
    registerNumber(operand.register) === 2
  );
}

const ins: Encode = (operands, count, out) => {
  const [first, second] = operands;
  const bits = pointer(count > 0 ? first : undefined, DI, out);
  putStringPrefixes(bits, undefined, out);
  inExtra(first!);
  if (count < 2 || !second!.comma || !isPort(second)) refuse("invalidOperand");
  putSized(code("insb", ""), first!.size, out, true);
  end(out);
  if (count > 2) refuse("extraCharactersOnLine");
};

const outs: Encode = (operands, count, out) => {
  const [first, second] = operands;
  if (count < 1 || !isPort(first)) refuse("invalidOperand");
  if (count < 2 || !second!.comma) refuse("invalidOperand");
  const bits = pointer(second, SI, out);
  putStringPrefixes(bits, second, out);
  putSized(code("outsb", ""), second!.size, out, true);
  end(out);
  if (count > 2) refuse("extraCharactersOnLine");
};

const xlat: Encode = (operands, count, out) => {
  const operand = count > 0 ? operands[0] : undefined;
  const bits = pointer(operand, BX, out);
  putStringPrefixes(bits, operand, out);
  if (operand!.size > 1) refuse("invalidOperandSize");
  out.bytes[out.at++] = code("xlatb", "");
  end(out);
  only(count);
};

// Bounds ---------------------------------------------------------------------------------------------------------

/** The two parts of `[base,index*scale+8]` (bndmk) or `[base+8,index]` (bndldx, bndstx) as one address. */
function joined(first: Operand, second: Operand, making: boolean): Operand {
  const other = making ? first : second;
  if (other.value !== 0 || other.index !== 0) refuse("invalidAddress");
  if (making) {
    const { base, index, scale } = second;
    const { segment, comma, addressSize } = first;
    const address: Operand = { ...second, kind: MEMORY, base: first.base, segment, comma, addressSize };
    if (base === 0) return address;
    if (index !== 0 && index !== base) refuse("invalidAddress");
    return { ...address, index: base, scale: scale + 1 };
  }
  let { base } = first;
  if (first.index !== 0) {
    if (base !== 0 || first.scale !== 1) refuse("invalidAddress");
    base = first.index;
  }
  return { ...first, base, index: second.base, scale: second.base === 0 ? 0 : 1 };
}

const isBound = (operand: Operand | undefined): boolean =>
  operand !== undefined &&
  operand.kind === REGISTER &&
  registerClass(operand.register) === BOUND &&
  !operand.sizeDeclared &&
  operand.jump === 0;

/** The registers of an address are as wide as the code's bounds, and one without registers is never relative to RIP. */
function bounds(name: string): Encode {
  const byPlan = encodeByPlan(name);
  const making = name === "bndmk";
  const table = name === "bndldx" || name === "bndstx";
  const toMemory = name === "bndmov" || name === "bndstx";
  return (operands, count, out) => {
    const at = toMemory && operands[0]?.kind === MEMORY ? 0 : 1;
    const first = operands[at];
    const size = out.bits === 64 ? 8 : 4;
    const wanted = name === "bndmov" ? size * 2 : size;
    // FASM comes to the address only behind a bound without a size and a comma, and is particular about the size before it.
    const isOther =
      (at > 0 && !(isBound(operands[0]) && first?.comma)) ||
      first?.jump !== 0 ||
      (first.sizeDeclared && !making && (table || first.size !== wanted));
    if (isOther && (table || making)) refuse("invalidOperand");
    if (at >= count || first!.kind !== MEMORY || isOther) {
      byPlan(operands, count, out);
      return;
    }
    if (first!.addressSize !== 0 && first!.addressSize !== size) refuse("invalidAddressSize");
    const second = operands[at + 1];
    const parts = at + 1 < count && second!.part;
    if (parts && second!.kind === FLOAT) refuse("invalidAddress");
    let moves = false;
    for (const part of parts ? [first!, second!] : [first!]) {
      moves ||= part.relocation !== ABSOLUTE;
      for (const register of [part.base, part.index]) {
        if (!table && !making && registerClass(register) >= XMM) continue;
        if (register === 0) continue;
        // FASM marks in what it demands of registers that a number moves with the program, and then finds none so.
        const never = moves && (making || table);
        if (never || registerSizes[registerClass(register)] !== size) refuse("invalidAddress");
      }
    }
    const address = parts ? joined(first!, second!, making) : first!;
    const plain = address.base === 0 && address.index === 0;
    // FASM forgets what it demanded of the address only where it has registers and no FS or GS.
    const beyond = !making && !table && address.segment !== 0 && registerNumber(address.segment) > 3;
    const fixed = beyond || (plain && (making || table || out.bits !== 64));
    const list = [...operands.slice(0, count)];
    list.splice(at, parts ? 2 : 1, fixed ? { ...address, addressSize: size } : address);
    byPlan(list, list.length, out);
  };
}

// Prefixes -------------------------------------------------------------------------------------------------------

const prefixByte =
  (byte: number, bits = PREFIX): Encode =>
  (_operands, _count, out) => {
    out.bytes[out.at++] = byte;
    out.prefixes |= bits;
  };

const compresses =
  (wanted: boolean): Encode =>
  (_operands, count, out) => {
    end(out);
    if (count > 0) refuse("extraCharactersOnLine");
    out.compresses = wanted;
  };

// A register that no row may name --------------------------------------------------------------------------------

const moveByPlan = encodeByPlan("mov");

/**
 * Everything from the rows, but nothing is ever moved into CS, and what is moved from a segment register has the size of
 * where it goes, which may be said again.
 */
const mov: Encode = (operands, count, out) => {
  const first = operands[0];
  if (
    count > 0 &&
    first!.kind === REGISTER &&
    first!.register >>> 5 === SEGMENT &&
    registerNumber(first!.register) === 1
  ) {
    refuse("illegalInstruction");
  }
  const second = operands[1];
  const again =
    count > 1 &&
    first!.kind === REGISTER &&
    registerClass(first!.register) <= GPR64 &&
    second!.kind === REGISTER &&
    registerClass(second!.register) === SEGMENT &&
    second!.size === registerSizes[registerClass(first!.register)];
  const list = again
    ? [first!, { ...second!, size: 0, sizeDeclared: false }, ...operands.slice(2)]
    : operands;
  moveByPlan(list, count, out);
};

export const specials: ReadonlyMap<string, Special> = new Map<string, Special>([
  ...jumps.map(([name, encode]): [string, Special] => [name, { encode }]),
  ..."ret retn retf retw retnw retd retnd retq retnq retfw retfd retfq"
    .split(" ")
    .map((name): [string, Special] => [name, { encode: returns(name) }]),
  ["int", { encode: interrupt }],
  ["enter", { encode: enter }],
  ...(["push", "pop"] as const).flatMap((name): [string, Special][] => [
    [name, { encode: stackList(name, 0) }],
    [`${name}w`, { encode: stackList(name, 2) }],
    [`${name}d`, { encode: stackList(name, 4) }],
    [`${name}q`, { encode: stackList(name, 8) }],
  ]),
  ["mov", { encode: mov }],
  ["movdir64b", { encode: direct }],
  ...oddities.map(([name, encode]): [string, Special] => [name, { encode }]),
  ...dwordEncoders.map(([name, encode]): [string, Special] => [name, { encode }]),
  ["useavx256", { encode: compresses(false) }],
  ["useavx512", { encode: compresses(true) }],
  ["aam", { encode: adjust("aam") }],
  ["aad", { encode: adjust("aad") }],
  ...["sgdt", "sidt", "lgdt", "lidt"].map((name): [string, Special] => [
    name,
    { encode: tableRegister(name) },
  ]),
  ...["bndcl", "bndcu", "bndcn", "bndmk", "bndmov", "bndldx", "bndstx"].map((name): [string, Special] => [
    name,
    { encode: bounds(name) },
  ]),
  ["movs", { encode: twoPointers("movsb", DI) }],
  ["cmps", { encode: twoPointers("cmpsb", SI) }],
  ["stos", { encode: onePointer("stosb", DI) }],
  ["scas", { encode: onePointer("scasb", DI) }],
  ["lods", { encode: onePointer("lodsb", SI) }],
  ["ins", { encode: ins }],
  ["outs", { encode: outs }],
  ["xlat", { encode: xlat }],
  ["lock", { encode: prefixByte(0xf0), prefix: true }],
  ...["rep", "repe", "repz", "xrelease"].map((name): [string, Special] => [
    name,
    { encode: prefixByte(0xf3), prefix: true },
  ]),
  ...["repne", "repnz", "xacquire"].map((name): [string, Special] => [
    name,
    { encode: prefixByte(0xf2), prefix: true },
  ]),
  ["bnd", { encode: prefixByte(0xf2, PREFIX | BND_PREFIX), prefix: true }],
  ...segmentNames.map((name, number): [string, Special] => [
    name,
    {
      prefix: true,
      encode: (_operands, _count, out) => {
        putSegmentPrefix(number, out);
        out.prefixes |= PREFIX;
      },
    },
  ]),
]);
