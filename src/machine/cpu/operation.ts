import type { Form } from "../../isa/index.ts";
import { OP } from "./op.ts";
import type { Processor } from "./processor.ts";
import { RECORD, type Records } from "./records.ts";

/** Executes one operation. Throws a GuestFault before it has changed anything, or completes. */
export type Executor = (cpu: Processor, op: Operation) => void;

/**
 * Executes at most `limit` (1 or more) iterations of a repeated string operation, counts them in
 * `cpu.iterations`, and answers whether the instruction is finished.
 */
export type StringExecutor = (cpu: Processor, op: Operation, limit: number) => boolean;

/** What an operand is: a register by its index in the view of its size, memory, or a constant. */
export const KIND = {
  NONE: 0,
  R8: 1,
  R16: 2,
  R32: 3,
  M8: 4,
  M16: 5,
  M32: 6,
  IMMEDIATE: 7,
  SEGMENT: 8,
  /** Memory of another size, or none (lea): the executor knows. */
  MEMORY: 9,
  /** An MMX or XMM register, by the index of its first dword in the state page. */
  VECTOR: 10,
} as const;

/**
 * One instruction, decoded: what is left to do, in small integers. There is one operation for each address that
 * was ever reached, and it stays the operation of that address: they point at those that follow them, so that
 * running straight on needs no look-up. When its bytes change its `op` becomes DECODE, which decodes
 * anew in place.
 *
 * What changes later and is wanted by the interpreter's arms, too, stands in its record (records.ts) alone; `pack` writes
 * there what stays.
 *
 * Registers are indexes: of a byte, word or dword in the state page. An address is
 * `dwords[base] + (dwords[index] << scale) + displacement`, where an absent register is STATE.ZERO.
 */
export class Operation {
  readonly #records: Records;
  /** The address of its record. */
  readonly record: number;
  /** What it is executed by without an arm: OP below FIRST_ARM. */
  general: number = OP.GENERAL;
  /** Index of the first operand, when it is a register. */
  a = 0;
  /** Index of the second operand, when it is a register. */
  b = 0;
  base = 0;
  index = 0;
  scale = 0;
  displacement = 0;
  /** EIP of this instruction, signed. */
  readonly address: number;
  /** EIP behind it, signed. */
  following = 0;
  /** Where a jump to this address begins: here, or at what counts such jumps. */
  start: Operation;
  /** 32 less the bits of the operation: shifts a result into the topmost bits. */
  shift = 0;
  kind1 = 0;
  kind2 = 0;
  /** Segment register number of the memory operand. */
  segment = 0;
  /** Offsets of the memory operand are cut to this: 0xffff or -1. */
  addressMask = -1;
  /** Operand size in bits, 16 or 32. */
  operandSize = 32;
  /** Condition code, second immediate, or whatever else the executor wants. */
  extra = 0;
  /** 0, 0xF2 or 0xF3. */
  rep = 0;
  length = 0;
  /** Where in its bytes `immediate` stands, alone and as it is, in four bytes; `length` when it does not. */
  constantAt = 0;
  /** That constant was written while the rest of the instruction stayed: it may be again. */
  soft = false;
  execute: Executor;
  /** Only the executor knows what it does, because its family of processors differs: undefined.ts. */
  differs = false;
  string: StringExecutor | undefined = undefined;
  /** Of a BREAK: the instruction. */
  beneath: Operation | undefined = undefined;
  form: Form | undefined = undefined;

  constructor(records: Records, address: number, op: number, execute: Executor) {
    this.#records = records;
    this.record = records.make(this);
    this.address = address;
    this.start = this;
    this.execute = execute;
    const { words } = records;
    const at = this.record >> 2;
    words[at] = op;
    words[at + NEXT] = this.record;
    words[at + TARGET] = this.record;
    words[at + ADDRESS] = address;
  }

  /** What it is executed by: OP. */
  get op(): number {
    return this.#records.bytes[this.record]!;
  }
  set op(op: number) {
    this.#records.bytes[this.record] = op;
  }

  /** The constant; of jumps the target, of indirect ones the one they led to last, 0 at first, of far ones the offset. */
  get immediate(): number {
    return this.#records.words[(this.record >> 2) + IMMEDIATE]!;
  }
  set immediate(value: number) {
    this.#records.words[(this.record >> 2) + IMMEDIATE] = value;
  }

  get next(): Operation {
    return this.#records.at(this.#records.words[(this.record >> 2) + NEXT]!);
  }
  set next(operation: Operation) {
    this.#records.words[(this.record >> 2) + NEXT] = operation.record;
  }

  /** Where a direct jump leads. */
  get target(): Operation {
    return this.#records.at(this.#records.words[(this.record >> 2) + TARGET]!);
  }
  set target(operation: Operation) {
    this.#records.words[(this.record >> 2) + TARGET] = operation.record;
  }

  /** Of an indirect call or jump: how often it has led where compiled code did not expect. */
  get misses(): number {
    return this.#records.words[(this.record + RECORD.MISSES) >> 2]!;
  }
  set misses(times: number) {
    this.#records.words[(this.record + RECORD.MISSES) >> 2] = times;
  }

  /** Which of several things its arm does. */
  get which(): number {
    return this.#records.words[(this.record + RECORD.WHICH) >> 2]!;
  }

  /** Writes into the record what an arm wants to know. `which`: of what the arm can do, if that is several things. */
  pack(which = -1): void {
    const { words, bytes } = this.#records;
    const { record } = this;
    bytes[record + RECORD.SCALE] = this.scale;
    bytes[record + RECORD.BASE] = this.base << 2;
    bytes[record + RECORD.INDEX] = this.index << 2;
    const at = record >> 2;
    words[at + (RECORD.A >> 2)] = place(this.kind1, this.a) | (place(this.kind2, this.b) << 16);
    words[at + (RECORD.DISPLACEMENT >> 2)] = this.displacement;
    words[at + (RECORD.FOLLOWING >> 2)] = this.following;
    if (which >= 0) words[at + (RECORD.WHICH >> 2)] = which;
  }

  /** Writes something else in the place of registers. */
  packPlaces(a: number | undefined, b: number | undefined): void {
    const { words } = this.#records;
    const at = (this.record + RECORD.A) >> 2;
    if (a !== undefined) words[at] = (words[at]! & ~0xffff) | a;
    if (b !== undefined) words[at] = (words[at]! & 0xffff) | (b << 16);
  }
  packDisplacement(value: number): void {
    this.#records.words[(this.record + RECORD.DISPLACEMENT) >> 2] = value;
  }
}

const NEXT = RECORD.NEXT >> 2;
const TARGET = RECORD.TARGET >> 2;
const IMMEDIATE = RECORD.IMMEDIATE >> 2;
const ADDRESS = RECORD.ADDRESS >> 2;

/** Where in the state page a register begins. */
const place = (kind: number, index: number): number =>
  kind === KIND.R32 || kind === KIND.VECTOR ? index << 2 : kind === KIND.R16 ? index << 1 : index;

const isMemory = (kind: number): boolean => (kind >= KIND.M8 && kind <= KIND.M32) || kind === KIND.MEMORY;

/** Whether an operation names a place in memory; what else it may access is the stack or a string. */
export const namesMemory = ({ kind1, kind2 }: { kind1: number; kind2: number }): boolean =>
  isMemory(kind1) || isMemory(kind2);
