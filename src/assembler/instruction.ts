/**
 * Processor instructions: items to operands, once; operands to values, in every pass; values to bytes, by the encoder,
 * and only when something has changed since the bytes were last made.
 */
import { setU32le, u32le } from "../base/index.ts";
import type { Assembler } from "./assemble.ts";
import { candidatesOf } from "./encode/plan.ts";
import { isNumberLate } from "./encode/refuse.ts";
import type { Expression } from "./expression/expressions.ts";
import { refuse } from "./messages.ts";
import { BND_PREFIX, MEMORY, type Operand } from "./operand.ts";
import {
  EVASIVE,
  FIRST_OPERAND,
  FIRST_SIZED,
  LATE,
  LONG_EXAMPLE,
  MISSED_BITS,
  MISSED_LENGTH,
  MISSED_START,
  OPEN,
  PARTICULAR,
  PatternTable,
  SECOND_OPERAND,
  SECOND_SIZED,
  SHORT_EXAMPLE,
  TRAITS,
} from "./pattern.ts";
import type { Program } from "./program.ts";
import { type Shape, traitsOf } from "./shape.ts";
import type { State } from "./state.ts";
import { FEW, GROWTH, grown, grownFor } from "./tokens.ts";
import { evaluate, evaluateBehind, expressionOf } from "./values.ts";
import { I_END, I_INSTRUCTION, I_LINE, mnemonicOf } from "./words.ts";

/**
 * An instruction as the program holds it, one for all that are written alike: where its fields begin in the table's array.
 * 0 is none. One has 64 bytes, what a processor reads of memory at a time.
 */
export type Instruction = number;

/** The fields: its pattern. */
const PATTERN = 0;
/** Where its operands stand, and how many items they are. */
const ITEM = 1;
const ITEMS = 2;
/** The expressions whose values decide its bytes, or -1. */
const FIRST = 3;
const SECOND = 4;
/** What is to be known of the bytes. */
const NOTES = 5;
/** The bytes, in the table's store: where, how many fit there, how many count (-1: none), for which code size. */
const START = 6;
const ROOM = 7;
const LENGTH = 8;
const BITS = 9;
/** What the expressions' labels brought along when the bytes were made: of the first a size and a register, of the second a size. */
const FIRST_TAKEN = 10;
const SECOND_SIZE = 11;
const FIELDS = 16;
/** The values that the expressions had then, of a jump the distance: two doubles, counted as such. */
const FIRST_VALUE = 6;
const SECOND_VALUE = 7;

/** The bytes depend on where they stand. */
const POSITIONAL = 1;
/**
 * The bytes have a place for the value of the only expression: the distance in the last one, the distance in the last four,
 * the value in four of them that begin where the bits above say, or any value at all there. As long as it needs that place,
 * another value makes no other difference.
 */
const PLACE = 0xe;
const BYTE_DISTANCE = 2;
const DWORD_DISTANCE = 4;
const DWORD_VALUE = 6;
const ANY_VALUE = 8;
const PLACE_AT = 4;

/** A jump is reckoned to be short first: an opcode and a byte. */
const SHORT_LENGTH = 2;

const isByte = (value: number): boolean => value >= -0x80 && value < 0x80;

/** Neither a byte nor a word holds it, with a sign or without, nor does a byte in units of EVEX. */
const isLong = (value: number): boolean => value >= 0x1_0000 && value < 0xffff_0000;

const isDword = (value: number): boolean => value >= 0 && value <= 0xffff_ffff;

/** What an instruction is reckoned at, with the bytes it has been given. */
const BYTES_PER_INSTRUCTION = 256;

/** Instructions, each once, with the bytes they have been given. */
export class InstructionTable {
  readonly #limit: number;

  /** `maxMemory` in bytes bounds how many there can be. */
  constructor(maxMemory: number) {
    this.#limit = maxMemory / BYTES_PER_INSTRUCTION;
  }

  /** All instructions; both arrays are views of the same memory. The first is none. */
  fields = new Int32Array(FIELDS * FEW);
  values = new Float64Array(this.fields.buffer);
  #end = FIELDS;
  /** They are found by a hash of what is written, at the place that it says or behind. */
  #hashes = new Int32Array(FEW);
  #table = new Int32Array(FEW * 2);
  readonly patterns = new PatternTable();
  /** The bytes of all instructions in one array. */
  stored = new Uint8Array(FEW);
  #storedEnd = 0;

  /** The line may go on behind it: a prefix, or one that leaves its line. */
  isOpen(instruction: Instruction): boolean {
    return (this.traits(instruction) & OPEN) !== 0;
  }

  shape(instruction: Instruction): Shape {
    return this.patterns.shape(this.fields[instruction + PATTERN]!);
  }

  traits(instruction: Instruction): number {
    return this.patterns.fields[this.fields[instruction + PATTERN]! + TRAITS]!;
  }

  /** Keeps the bytes an instruction has been given at `start` for the next time. */
  store(instruction: Instruction, bytes: Uint8Array, start: number, length: number): void {
    const { fields } = this;
    if (length > fields[instruction + ROOM]!) {
      fields[instruction + START] = this.#reserve(length);
      fields[instruction + ROOM] = length;
    }
    copy(bytes, start, this.stored, fields[instruction + START]!, length);
    fields[instruction + LENGTH] = length;
  }

  /** Keeps what an instruction, and others of its pattern, are while the label is not known: the bytes from `start` on. */
  storeMissed(instruction: Instruction, { bytes, at, bits }: State, start: number): void {
    const { fields } = this.patterns;
    const pattern = this.fields[instruction + PATTERN]!;
    if (fields[pattern + MISSED_LENGTH]! >= 0) return;
    const to = this.#reserve(at - start);
    copy(bytes, start, this.stored, to, at - start);
    fields[pattern + MISSED_START] = to;
    fields[pattern + MISSED_LENGTH] = at - start;
    fields[pattern + MISSED_BITS] = bits;
  }

  /** Room for so many bytes more; returns where. */
  #reserve(length: number): number {
    const start = this.#storedEnd;
    this.#storedEnd += length;
    if (this.#storedEnd > this.stored.length) {
      const grown = new Uint8Array(Math.max(this.stored.length * GROWTH, this.#storedEnd));
      grown.set(this.stored);
      this.stored = grown;
    }
    return start;
  }

  /** Gives an instruction the bytes of an example, with its own value; false where they may have to be others for it. */
  imitate(instruction: Instruction, example: Instruction, value: number): boolean {
    const { fields } = this;
    this.store(instruction, this.stored, fields[example + START]!, fields[example + LENGTH]!);
    fields[instruction + NOTES] = fields[example + NOTES]!;
    fields[instruction + BITS] = fields[example + BITS]!;
    fields[instruction + FIRST_TAKEN] = fields[example + FIRST_TAKEN]!;
    if (this.adapt(instruction, value)) return true;
    fields[instruction + LENGTH] = -1;
    return false;
  }

  /** Puts another value into the bytes of an instruction; false where they may have to be others for it. */
  adapt(instruction: Instruction, value: number): boolean {
    const { fields, stored } = this;
    const notes = fields[instruction + NOTES]!;
    const start = fields[instruction + START]!;
    const length = fields[instruction + LENGTH]!;
    // A distance counts from the end of the jump, the value from its beginning.
    const distance = value - length;
    switch (notes & PLACE) {
      case BYTE_DISTANCE:
        if (!isByte(distance)) return false;
        stored[start + length - 1] = distance;
        break;
      case DWORD_DISTANCE:
        if (isByte(value - SHORT_LENGTH) || (distance | 0) !== distance) return false;
        setU32le(stored, start + length - 4, distance);
        break;
      case DWORD_VALUE:
        if (!isLong(value)) return false;
        setU32le(stored, start + (notes >>> PLACE_AT), value);
        break;
      case ANY_VALUE:
        if (!isDword(value)) return false;
        setU32le(stored, start + (notes >>> PLACE_AT), value);
        break;
      default:
        return false;
    }
    this.values[(instruction >> 1) + FIRST_VALUE] = value;
    return true;
  }

  /** The instruction whose operands follow at `item`, behind its mnemonic. */
  read(program: Program, item: number): Instruction {
    const { kinds, values } = program;
    const number = values[item - 1]!;
    const lists = listsOf(number);
    let hash = number;
    let end = item;
    for (; ; end++) {
      const kind = kinds[end]!;
      if (kind === I_LINE || kind === I_END || (kind === I_INSTRUCTION && !lists)) break;
      hash = Math.imul((Math.imul(hash, 31) + kind) ^ values[end]!, 0x9e3779b1);
    }
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#table[slot]!;
      if (this.#hashes[known / FIELDS] === hash && this.#isSame(program, known, item, end)) return known;
    }
    const made = this.#end;
    if (made / FIELDS > this.#limit) refuse("outOfMemory");
    if (made === this.fields.length) this.#grow();
    this.#fill(made, program, item, end);
    this.#end += FIELDS;
    this.#table[slot] = made;
    this.#hashes[made / FIELDS] = hash;
    if ((this.#end / FIELDS) * 2 > this.#table.length) this.#rehash();
    return made;
  }

  #grow(): void {
    this.fields = grown(this.fields, this.fields.length * GROWTH);
    this.values = new Float64Array(this.fields.buffer);
    this.#hashes = grown(this.#hashes, this.#hashes.length * GROWTH);
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * GROWTH);
    const mask = table.length - 1;
    for (let known = FIELDS; known < this.#end; known += FIELDS) {
      let slot = this.#hashes[known / FIELDS]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = known;
    }
    this.#table = table;
  }

  #isSame({ kinds, values }: Program, known: Instruction, item: number, end: number): boolean {
    if (this.fields[known + ITEMS] !== end - item) return false;
    let other = this.fields[known + ITEM]! - 1;
    for (let at = item - 1; at < end; at++, other++) {
      if (kinds[at] !== kinds[other] || values[at] !== values[other]) return false;
    }
    return true;
  }

  #fill(instruction: Instruction, program: Program, item: number, end: number): void {
    const { fields, patterns } = this;
    const pattern = patterns.find(program, item, end, mnemonicOf(program.values[item - 1]!));
    const shape = patterns.shape(pattern);
    const first = patterns.fields[pattern + FIRST_OPERAND]!;
    const second = patterns.fields[pattern + SECOND_OPERAND]!;
    fields[instruction + PATTERN] = pattern;
    fields[instruction + ITEM] = item;
    fields[instruction + ITEMS] = shape.leaves ? shape.items : end - item;
    fields[instruction + FIRST] = first < 0 ? -1 : expressionOf(program, item, shape, first);
    fields[instruction + SECOND] = second < 0 ? -1 : expressionOf(program, item, shape, second);
    fields[instruction + LENGTH] = -1;
  }
}

/** For each mnemonic 1 when its instructions may have others for operands, -1 when not, 0 before it has been asked. */
let lists = new Int32Array(FEW);

function listsOf(number: number): boolean {
  if (number >= lists.length) lists = grownFor(lists, number);
  if (lists[number] === 0) lists[number] = traitsOf(mnemonicOf(number)).lists ? 1 : -1;
  return lists[number] === 1;
}

function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  for (let index = 0; index < length; index++) to[at + index] = from[start + index]!;
}

/** Assembles one instruction; the item is then behind it. */
export function assembleInstruction(assembler: Assembler, instruction: Instruction): void {
  const { state, table } = assembler;
  const { fields } = table;
  state.item += fields[instruction + ITEMS]!;
  state.room(32);
  const first = fields[instruction + FIRST]!;
  if (!state.compresses && (state.prefixes & BND_PREFIX) === 0) {
    const length = fields[instruction + LENGTH]!;
    if (
      length >= 0 &&
      fields[instruction + BITS] === state.bits &&
      (first < 0 || isUnchanged(assembler, instruction))
    ) {
      write(state, table.stored, fields[instruction + START]!, length);
      return;
    }
    if (first >= 0 && imitates(assembler, instruction)) return;
  }
  const { complaints } = state;
  const shape = table.shape(instruction);
  const traits = table.traits(instruction);
  const start = state.at;
  const prefixes = state.prefixes;
  state.positional = false;
  state.relocated = false;
  state.distanceBytes = 0;
  state.dwords = 0;
  encode(assembler, shape, fields[instruction + ITEM]!, (traits & LATE) !== 0);
  if (state.patches.length > 0) state.applyPatches();
  fields[instruction + LENGTH] = -1;
  if ((traits & EVASIVE) !== 0 || state.relocated || state.compresses || prefixes !== state.prefixes) return;
  if (complaints === state.complaints) {
    if (!remember(assembler, shape, instruction, start)) return;
    table.store(instruction, state.bytes, start, state.at - start);
    fields[instruction + BITS] = state.bits;
  } else if (
    complaints + 1 === state.complaints &&
    fields[instruction + SECOND]! < 0 &&
    first >= 0 &&
    assembler.evaluator.isMissing(first)
  )
    table.storeMissed(instruction, state, start);
}

function write(state: State, stored: Uint8Array, start: number, length: number): void {
  const { bytes } = state;
  const end = start + length;
  let to = state.at;
  for (let from = start; from < end; from++) bytes[to++] = stored[from]!;
  state.at = to;
}

/** Whether everything that an instruction's bytes depend on is as it was when they were made, or has a place in them. */
function isUnchanged(assembler: Assembler, instruction: Instruction): boolean {
  const { evaluator, table } = assembler;
  const { fields, values } = table;
  const traits = table.traits(instruction);
  const positional = fields[instruction + NOTES]! & POSITIONAL;
  const first = fields[instruction + FIRST]!;
  const { worth } = evaluator;
  if (!weigh(assembler, positional, first, (traits & FIRST_SIZED) !== 0, assembler.state.at)) return false;
  if (taken(assembler) !== fields[instruction + FIRST_TAKEN]) return false;
  const value = worth[0]!;
  if (value !== values[(instruction >> 1) + FIRST_VALUE]) return table.adapt(instruction, value);
  const second = fields[instruction + SECOND]!;
  if (second < 0) return true;
  if (!weigh(assembler, positional, second, (traits & SECOND_SIZED) !== 0, 0)) return false;
  return (
    worth[0] === values[(instruction >> 1) + SECOND_VALUE] &&
    evaluator.takenRegister === 0 &&
    evaluator.takenSize === fields[instruction + SECOND_SIZE]
  );
}

/** Writes what others of the same pattern have been written as, if that tells what this one is. */
function imitates(assembler: Assembler, instruction: Instruction): boolean {
  const { evaluator, state, table } = assembler;
  const { fields } = table;
  const pattern = fields[instruction + PATTERN]!;
  const patterns = table.patterns.fields;
  const traits = patterns[pattern + TRAITS]!;
  const first = fields[instruction + FIRST]!;
  if (patterns[pattern + MISSED_LENGTH]! >= 0 && evaluator.isMissing(first)) {
    if (patterns[pattern + MISSED_BITS] !== state.bits) return false;
    evaluator.miss(first);
    write(state, table.stored, patterns[pattern + MISSED_START]!, patterns[pattern + MISSED_LENGTH]!);
    return true;
  }
  if ((traits & PARTICULAR) !== 0) return false;
  for (let kind = SHORT_EXAMPLE; kind <= LONG_EXAMPLE; kind++) {
    const example = patterns[pattern + kind]!;
    if (example === 0 || fields[example + BITS] !== state.bits || fields[example + LENGTH]! < 0) continue;
    const positional = fields[example + NOTES]! & POSITIONAL;
    if (!weigh(assembler, positional, first, (traits & FIRST_SIZED) !== 0, state.at)) return false;
    if (evaluator.takenRegister !== 0 || taken(assembler) !== fields[example + FIRST_TAKEN]) continue;
    if (!table.imitate(instruction, example, evaluator.worth[0]!)) continue;
    write(state, table.stored, fields[instruction + START]!, fields[instruction + LENGTH]!);
    return true;
  }
  return false;
}

/**
 * What the labels of the expression that has been weighed last have brought along; how one moves is less than any register,
 * and not beside one.
 */
const taken = ({ evaluator }: Assembler): number =>
  evaluator.takenSize | (evaluator.takenRegister << 8) | (evaluator.takenRelocation << 8);

/** Notes what an instruction's bytes have been made of; false where a number each cannot tell. */
function remember(assembler: Assembler, shape: Shape, instruction: Instruction, start: number): boolean {
  const { evaluator, state, table } = assembler;
  const { fields, values } = table;
  const patterns = table.patterns.fields;
  const pattern = fields[instruction + PATTERN]!;
  const traits = patterns[pattern + TRAITS]!;
  const positional = state.positional ? POSITIONAL : 0;
  fields[instruction + NOTES] = positional;
  const expression = fields[instruction + FIRST]!;
  if (expression < 0) return !state.positional;
  const first = shape.operands[patterns[pattern + FIRST_OPERAND]!]!;
  const { space } = state;
  const { base } = space;
  if (state.positional && ((space.register1 | space.register2) !== 0 || typeof base !== "number"))
    return false;
  values[(instruction >> 1) + FIRST_VALUE] = state.positional
    ? first.value + (base as number) - start
    : first.value;
  const isSized = (traits & FIRST_SIZED) !== 0;
  let brought = isSized ? first.size : 0;
  let isBesideRegister = false;
  if ((first.base | first.index) !== 0 || (state.positional && (first.relocation | space.relocation) !== 0)) {
    // A label may have brought registers, or moves.
    if (!weigh(assembler, positional, expression, isSized, start)) return false;
    brought = taken(assembler);
    isBesideRegister = evaluator.takenRegister !== 0;
  }
  fields[instruction + FIRST_TAKEN] = brought;
  if (fields[instruction + SECOND]! < 0) {
    const place = isBesideRegister ? 0 : placeOf(assembler, first, expression, start);
    fields[instruction + NOTES] = positional | place;
    if (place !== 0) {
      const isShort = (place & PLACE) === BYTE_DISTANCE;
      patterns[pattern + (isShort ? SHORT_EXAMPLE : LONG_EXAMPLE)] = instruction;
    }
    return true;
  }
  if (state.positional) return false;
  const second = shape.operands[patterns[pattern + SECOND_OPERAND]!]!;
  values[(instruction >> 1) + SECOND_VALUE] = second.value;
  fields[instruction + SECOND_SIZE] = (traits & SECOND_SIZED) !== 0 ? second.size : 0;
  return true;
}

/** Where the instruction just encoded, which begins at `start`, has a place for another value of its operand. */
function placeOf(
  { state, program }: Assembler,
  operand: Operand,
  expression: Expression,
  start: number,
): number {
  const { bits, bytes, distanceBytes, dwords, dwordAt } = state;
  if (state.positional) {
    // A prefix would count before a jump out of 16-bit code, and the sizes of several labels must agree.
    if (bits === 16 || distanceBytes === 0 || program.expressions.alone(expression) === 0) return 0;
    return distanceBytes === 1 ? BYTE_DISTANCE : DWORD_DISTANCE;
  }
  if (bits !== 32 || dwords !== 1 || u32le(bytes, dwordAt) !== operand.value) return 0;
  const place = (dwordAt - start) << PLACE_AT;
  // An address without registers takes four bytes, whatever it is, where it is not said to take two.
  const isPlain = operand.kind === MEMORY && operand.base === 0 && operand.index === 0;
  if (isPlain && operand.addressSize !== 2) return ANY_VALUE | place;
  return isLong(operand.value) ? DWORD_VALUE | place : 0;
}

/**
 * What an expression contributes to an instruction's bytes, its value or a jump's its distance, is the evaluator's `worth`
 * then; false when it is more than a number.
 */
function weigh(
  { evaluator, state }: Assembler,
  positional: number,
  expression: Expression,
  sized: boolean,
  start: number,
): boolean {
  const { space } = state;
  const { worth } = evaluator;
  evaluator.takesSizes = sized;
  evaluator.takenSize = 0;
  evaluator.takenRegister = 0;
  evaluator.takenRelocation = positional === 0 ? 0 : space.relocation;
  const isKnown =
    evaluator.takenRelocation === 0
      ? evaluator.isKnownBesideRegisters(expression)
      : evaluator.isKnownIn(space, expression);
  evaluator.takesSizes = false;
  if (positional === 0 || !isKnown) return isKnown;
  const { base } = space;
  const value = worth[0]!;
  if (value < 0 || value > (state.bits === 16 ? 0xffff : 0xffffffff)) return false;
  if ((evaluator.takenRegister | space.register1 | space.register2) !== 0 || typeof base !== "number")
    return false;
  worth[0] = value + base - start;
  return true;
}

/** Works out the operands' values and writes what they make of the instruction. */
function encode(assembler: Assembler, shape: Shape, item: number, late: boolean): void {
  const { operands, parts } = shape;
  const { state } = assembler;
  if (parts.length === 0) {
    evaluate(assembler, shape, item);
    if (late && isNumberLate(shape.name, candidatesOf(shape.name, state.bits, true), operands, state.bits))
      evaluateBehind(assembler, shape, item);
    shape.encode(operands, operands.length, state);
    return;
  }
  // What `bnd` may stand before is asked behind the last one.
  const bound = state.prefixes & BND_PREFIX;
  state.prefixes &= ~BND_PREFIX;
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1) state.prefixes |= bound;
    evaluate(assembler, part, item);
    shape.encode(part.operands, 1, state);
  }
}
