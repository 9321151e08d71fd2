/**
 * How FASM reads the operands of an instruction: from left to right, with one size for all of them that each may set and
 * none may contradict. What it would not do is thrown. This reads them in the same order, once it is known that no row fits.
 */
import { byMnemonic } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import {
  FLOAT,
  GPR8,
  GPR8_HIGH,
  IMMEDIATE,
  INSTRUCTION_POINTER,
  MEMORY,
  MMX,
  newOperand,
  type Operand,
  OTHER,
  REGISTER,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  ST,
  XMM,
  ZMM,
} from "../operand.ts";

export class Refused {
  readonly message: Message;
  constructor(message: Message) {
    this.message = message;
  }
}

export function fail(message: Message): never {
  throw new Refused(message);
}

/** Where FASM expects a general register it takes the code of a segment register for one of three bytes. */
export const SEGMENT_BYTES = 3;

/** Which registers are read: those of both files, or of SSE alone. */
type Take = "legacyVector" | "xmm";

/** How an instruction of a name is read. */
export type Reading = (reader: Reader, name: string) => void;

/** The operand whose value or address is not to be had has been reached. */
export class Reached {}

const NOTHING = newOperand();
const MISFIT: Operand = { ...newOperand(), kind: OTHER };

export class Reader {
  protected readonly operands: readonly Operand[];
  protected readonly count: number;
  readonly bits: number;
  /** The operand that ends the reading where its value or address is wanted, or -1. */
  readonly #trap: number;
  /** The operand that is read, and how many of its decorators have been. */
  protected at = 0;
  protected decorator = 0;
  /** The one size of the instruction so far. */
  size = 0;
  protected highByte = false;
  /** A byte register that has to do with REX has been read. */
  marked = false;
  /** Something needs a REX prefix, or what stands for it. */
  protected extended = false;
  /** All but the number behind has been read, and FASM has written it; that number has been read then. */
  protected written = false;
  late = false;

  constructor(operands: readonly Operand[], count: number, bits: number, trap: number) {
    this.#trap = trap;
    this.operands = operands;
    this.count = count;
    this.bits = bits;
  }

  get isLong(): boolean {
    return this.bits === 64;
  }

  protected match(size: number): void {
    if (size === 0 || size === this.size) return;
    if (this.size !== 0) fail("operandSizesDoNotMatch");
    this.size = size;
  }

  /** What stands here, without the size that may be written before it. */
  peek(): Operand {
    return this.at >= 0 && this.at < this.count ? this.operands[this.at]! : NOTHING;
  }

  /** What stands here, once the size that is written before it has been found to agree. */
  thing(): Operand {
    const operand = this.peek();
    if (operand.jump !== 0) return MISFIT;
    if (operand.sizeDeclared) this.match(operand.size);
    return operand;
  }

  /** What stands here where FASM expects no size. */
  unsized(): Operand {
    const operand = this.peek();
    return operand.sizeDeclared || operand.jump !== 0 ? MISFIT : operand;
  }

  /** The same while the size so far does not count; the size that was written. */
  apart(): [Operand, number] {
    const outer = this.size;
    this.size = 0;
    const operand = this.thing();
    const written = this.size;
    this.size = outer;
    return [operand, written];
  }

  /** Forgets the size so far; returns it. */
  forget(): number {
    const { size } = this;
    this.size = 0;
    return size;
  }

  comma(): void {
    if (this.follows() === undefined) fail("invalidOperand");
    this.at++;
    this.decorator = 0;
  }

  /** What stands behind the comma, if there is one. */
  follows(): Operand | undefined {
    const next = this.operands[this.at + 1];
    const here = this.decorator === this.peek().decorators.length && this.at + 1 < this.count;
    return here && next!.comma ? next : undefined;
  }

  /** Nothing is read of the operand that stands here. */
  leave(): void {
    this.at = -1;
  }

  /** A general register's bytes. */
  general(operand: Operand): number {
    const kind = registerClass(operand.register);
    if (operand.kind !== REGISTER || kind > SEGMENT) fail("invalidOperand");
    const number = registerNumber(operand.register);
    const bytes = kind === SEGMENT ? SEGMENT_BYTES : registerSizes[kind]!;
    if (kind === GPR8_HIGH) this.highByte = true;
    if (kind === GPR8_HIGH || (kind === GPR8 && number > 3)) this.marked = true;
    if (kind !== SEGMENT && (number > 7 || (kind === GPR8 && number > 3))) this.extended = true;
    this.match(bytes);
    return bytes;
  }

  /** A general register, whose bytes are returned, and nothing else. */
  register(): number {
    const operand = this.thing();
    if (!isRegister(operand)) fail("invalidOperand");
    return this.general(operand);
  }

  memory(operand: Operand): void {
    if (operand.kind !== MEMORY) fail("invalidOperand");
    this.#reach();
    if (!operand.sizeDeclared) this.match(operand.size);
  }

  /** Memory and nothing else. */
  addressOnly(): void {
    this.memory(this.thing());
  }

  #reach(): void {
    if (this.at === this.#trap) throw new Reached();
  }

  /** A number, and FASM wants its value. */
  value(operand: Operand): void {
    if (!isNumber(operand)) fail("invalidOperand");
    this.late = this.written;
    this.#reach();
  }

  /** A number of one byte behind everything else: FASM reads it before it writes the rest, or when it has. */
  number(first: boolean): void {
    if (!first) this.ready();
    this.comma();
    const [operand, written] = this.apart();
    if (written > 1) fail("invalidOperandSize");
    this.value(operand);
    if (first) this.ready();
  }

  /** A register of the x87. */
  stack(): void {
    this.match(10);
  }

  /** A register of MMX or of SSE; its bytes. */
  legacyVector(operand: Operand): number {
    if (operand.kind === REGISTER && registerClass(operand.register) === MMX) {
      this.match(8);
      return 8;
    }
    return this.xmm(operand);
  }

  /** A register of SSE; its bytes. */
  xmm({ kind, register }: Operand): number {
    const number = registerNumber(register);
    if (kind !== REGISTER || registerClass(register) !== XMM || number > (this.isLong ? 15 : 7))
      fail("invalidOperand");
    if (number > 7) this.extended = true;
    this.match(16);
    return 16;
  }

  /** A general register or memory; whether it is memory. */
  registerOrMemory(): boolean {
    const operand = this.thing();
    if (isRegister(operand)) this.general(operand);
    else this.memory(operand);
    return operand.kind === MEMORY;
  }

  /** A register of MMX or SSE, or memory; whether it is memory. */
  vectorOrMemory(take: Take): boolean {
    const operand = this.thing();
    if (isRegister(operand)) this[take](operand);
    else this.memory(operand);
    return operand.kind === MEMORY;
  }

  /** A register of MMX or SSE, whose bytes are returned, and nothing else. */
  takes(take: Take): number {
    const operand = this.thing();
    if (!isRegister(operand)) fail("invalidOperand");
    return this[take](operand);
  }

  /** The size that the operands have must be one of these, or none where 0 is among them. */
  only(...sizes: readonly number[]): void {
    if (!sizes.includes(this.size)) fail("invalidOperandSize");
  }

  /** All has been read: what needs REX there is in 64-bit code alone, and not beside AH and its like. */
  ready(): void {
    this.written = true;
    if (!this.extended) return;
    if (!this.isLong) fail("invalidOperand");
    if (this.highByte) fail("disallowedCombinationOfRegisters");
  }

  /** The operands are of 64 bits. */
  wide(): void {
    if (!this.isLong) fail("illegalInstruction");
    this.extended = true;
  }

  /** A size that is told by the prefixes. */
  autodetect(size = this.size): void {
    if (size === 8) this.wide();
    else if (size !== 2 && size !== 4) fail("invalidOperandSize");
  }

  /** The same of what has forms of one byte too, and may have none in memory. */
  autodetectOrByte(size = this.size): void {
    if (size > 1) this.autodetect(size);
  }

  /** What is left on the line. */
  end(): Message | undefined {
    const rest = this.decorator < this.peek().decorators.length || this.at + 1 < this.count;
    return rest ? "extraCharactersOnLine" : undefined;
  }
}

/** FASM has two kinds of registers: those that are moved about in programs, and all others. */
export const isRegister = ({ kind, register }: Operand): boolean =>
  kind === REGISTER && isGeneralOperand(register);

/** A register that is none of those: a control register, a mask, a bound. */
export const isSpecial = (operand: Operand): boolean => operand.kind === REGISTER && !isRegister(operand);

/** The registers that FASM's parser marks as operands of general instructions; control registers and masks are others. */
export function isGeneralOperand(register: number): boolean {
  const kind = registerClass(register);
  return kind <= SEGMENT || (kind >= ST && kind <= ZMM) || kind === INSTRUCTION_POINTER;
}

export const isMemory = ({ kind }: Operand): boolean => kind === MEMORY;
export const isNumber = ({ kind }: Operand): boolean => kind === IMMEDIATE || kind === FLOAT;

/** By names. */
export type Readings = readonly (readonly [RegExp, Reading])[];

/** Bytes of the memory operand that the rows of this name agree on. */
export function unitOf(name: string): number {
  for (const { operands, places } of byMnemonic(name)) {
    const at = places.indexOf("rm");
    if (at >= 0 && operands[at]!.memorySize > 0) return operands[at]!.memorySize;
  }
  return 0;
}

/** Four bytes, or eight in 64-bit code. */
export const fourOrWide = (reader: Reader, size: number): void => {
  if (size === 8) reader.wide();
  else if (size !== 4) fail("invalidOperandSize");
};

/** A general register that must be this one. */
export function exactly(reader: Reader, wanted: number): void {
  const operand = reader.thing();
  if (!isRegister(operand)) fail("invalidOperand");
  reader.general(operand);
  if (operand.register !== wanted) fail("invalidOperand");
}
