/**
 * Instructions that are written alike but for the labels in them: `mov eax, [x+4]` and `mov eax, [y+4]`. What is to be told
 * of an instruction before anything has a value is told of its pattern, once; and what bytes one of them has been given tells
 * of the next (instruction.ts).
 */
import type { Mnemonic } from "./encode.ts";
import {
  E_FLOAT,
  E_LABEL,
  E_NUMBER,
  E_REGISTER,
  E_STRING,
  type Expression,
  type Expressions,
  K_FLOAT,
} from "./expression/expressions.ts";
import { FAR, MEMORY } from "./operand.ts";
import { addressExpression, addressOutline, type Program } from "./program.ts";
import { readShape, type Shape, traitsOf } from "./shape.ts";
import { FEW, GROWTH, grown } from "./tokens.ts";
import { expressionOf, saysHere } from "./values.ts";
import { I_ADDRESS, I_EXPRESSION, OP_ADD, OP_MUL, OP_PLT, OP_RVA, OP_SUB } from "./words.ts";

/** A pattern: where its fields begin. 0 is none. */
export type Pattern = number;

/** The fields: its shape, by number. */
const SHAPE = 0;
/** Where the operands of the first instruction of this pattern stand, and how many items they are. */
const ITEM = 1;
const ITEMS = 2;
/** The operands whose expressions decide the bytes, or -1. */
export const FIRST_OPERAND = 3;
export const SECOND_OPERAND = 4;
export const TRAITS = 5;
const HASH = 6;
/** Instructions of this pattern that have bytes with a place for a value: one byte of it, and four. */
export const SHORT_EXAMPLE = 7;
export const LONG_EXAMPLE = 8;
/** The bytes that are written while the only label is not known: where they are, how many (-1: none yet), for which code size. */
export const MISSED_START = 9;
export const MISSED_LENGTH = 10;
export const MISSED_BITS = 11;
const FIELDS = 12;

/** Traits: the line may go on behind it, since it is a prefix or one that leaves its line. */
export const OPEN = 1;
/** What the expressions label brings a size along. */
export const FIRST_SIZED = 2;
export const SECOND_SIZED = 4;
/** Other expressions decide as well: the bytes are made anew each time. */
export const EVASIVE = 8;
/** The number behind speaks of `$`, and FASM may have written the rest when it comes to that. */
export const LATE = 16;
/** What its labels are makes a difference: nothing is told by the bytes of another. */
export const PARTICULAR = 32;

export class PatternTable {
  /** All patterns; the first is none. */
  fields = new Int32Array(FIELDS * FEW);
  #end = FIELDS;
  /** They are found by a hash of what is written, at the place that it says or behind. */
  #table = new Int32Array(FEW * 2);
  readonly #shapes: Shape[] = [];
  readonly #shapesByHash = new Map<number, number[]>();

  shape(pattern: Pattern): Shape {
    return this.#shapes[this.fields[pattern + SHAPE]!]!;
  }

  /** The pattern of the instruction whose operands begin at `item`, up to `end`, with the mnemonic before them. */
  find(program: Program, item: number, end: number, mnemonic: Mnemonic): Pattern {
    let hash = 0;
    for (let at = item - 1; at < end; at++) hash = hashOf(program, at, hash);
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#table[slot]!;
      if (this.fields[known + HASH] === hash && this.#isAlike(program, known, item, end)) return known;
    }
    const made = this.#end;
    if (made === this.fields.length) this.fields = grown(this.fields, this.fields.length * GROWTH);
    this.#fill(made, program, item, end, this.#shape(program, item, end, mnemonic));
    this.fields[made + HASH] = hash;
    this.#end += FIELDS;
    this.#table[slot] = made;
    if ((this.#end / FIELDS) * 2 > this.#table.length) this.#rehash();
    return made;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * GROWTH);
    const mask = table.length - 1;
    for (let known = FIELDS; known < this.#end; known += FIELDS) {
      let slot = this.fields[known + HASH]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = known;
    }
    this.#table = table;
  }

  #isAlike(program: Program, known: Pattern, item: number, end: number): boolean {
    if (this.fields[known + ITEMS] !== end - item) return false;
    const { kinds, values, expressions } = program;
    let other = this.fields[known + ITEM]! - 1;
    for (let at = item - 1; at < end; at++, other++) {
      const kind = kinds[at]!;
      if (kind !== kinds[other]) return false;
      const value = values[at]!;
      const written = values[other]!;
      if (value === written) continue;
      if (kind === I_ADDRESS) {
        if (addressOutline(value) !== addressOutline(written)) return false;
        if (!areAlike(expressions, addressExpression(value), addressExpression(written))) return false;
      } else if (kind !== I_EXPRESSION || !areAlike(expressions, value, written)) return false;
    }
    return true;
  }

  #fill(pattern: Pattern, program: Program, item: number, end: number, number: number): void {
    const shape = this.#shapes[number]!;
    const { operands } = shape;
    const { expressions } = program;
    let traits = shape.prefix || shape.leaves ? OPEN : 0;
    if (shape.waits && operands.length > 0) traits |= EVASIVE;
    if (shape.agrees) traits |= PARTICULAR;
    let first = -1;
    let second = -1;
    for (let index = 0; index < operands.length; index++) {
      const expression = expressionOf(program, item, shape, index);
      if (expression < 0) continue;
      const operand = operands[index]!;
      const isFloat = expressions.kind(expression) === K_FLOAT;
      if (isFloat || operand.kind === FAR || !isLinear(expressions, expression)) traits |= EVASIVE;
      if (!shape.jumps && isFixed(expressions, expression)) continue;
      const isSized = operand.kind === MEMORY && !operand.sizeDeclared && shape.sized;
      if (first < 0) {
        first = index;
        if (isSized) traits |= FIRST_SIZED;
      } else if (second < 0) {
        second = index;
        if (isSized) traits |= SECOND_SIZED;
      } else traits |= EVASIVE;
    }
    if (saysHere(program, item, shape)) traits |= LATE | EVASIVE;
    const { fields } = this;
    fields[pattern + SHAPE] = number;
    fields[pattern + ITEM] = item;
    fields[pattern + ITEMS] = end - item;
    fields[pattern + FIRST_OPERAND] = first;
    fields[pattern + SECOND_OPERAND] = second;
    fields[pattern + TRAITS] = traits;
    fields[pattern + MISSED_LENGTH] = -1;
  }

  #shape(program: Program, item: number, end: number, mnemonic: Mnemonic): number {
    // What a series of registers is, its number decides.
    if (traitsOf(mnemonic).series) return this.#shapes.push(readShape(program, item, mnemonic)) - 1;
    let hash = program.values[item - 1]!;
    for (let at = item; at < end; at++)
      hash = (Math.imul(hash, 31) + program.kinds[at]! * 0x10001 + outlineOf(program, at)) | 0;
    const known = this.#shapesByHash.get(hash);
    if (known) {
      for (const number of known) {
        const other = this.#shapes[number]!;
        if (other.encode === mnemonic.encode && isShaped(program, other, item, end)) return number;
      }
    }
    const made = this.#shapes.push(readShape(program, item, mnemonic)) - 1;
    if (known) known.push(made);
    else this.#shapesByHash.set(hash, [made]);
    return made;
  }
}

/** What counts of an item for the shape. */
function outlineOf({ kinds, values, expressions }: Program, item: number): number {
  const value = values[item]!;
  if (kinds[item] === I_EXPRESSION) return expressions.kind(value);
  return kinds[item] === I_ADDRESS ? addressOutline(value) : value;
}

function isShaped(program: Program, known: Shape, item: number, end: number) {
  const { kinds } = program;
  if (known.items !== end - item) return false;
  for (let at = item, other = known.item; at < end; at++, other++) {
    if (kinds[at] !== kinds[other] || outlineOf(program, at) !== outlineOf(program, other)) return false;
  }
  return true;
}

const next = (hash: number, value: number): number => Math.imul(hash ^ value, 0x9e3779b1);

/** A hash with what counts of an item in it. */
function hashOf({ kinds, values, expressions }: Program, item: number, before: number): number {
  const kind = kinds[item]!;
  const value = values[item]!;
  const hash = next(before, kind);
  if (kind !== I_ADDRESS && kind !== I_EXPRESSION) return next(hash, value);
  const expression = kind === I_ADDRESS ? addressExpression(value) : value;
  const { code, starts } = expressions;
  const end = starts[expression + 1]!;
  let all = kind === I_ADDRESS ? next(hash, addressOutline(value)) : hash;
  for (let at = starts[expression]!; at < end; at++) {
    const element = code[at]!;
    all = next(all, (element & 0xff) === E_LABEL ? E_LABEL : element);
  }
  return all;
}

/** Whether expressions are the same but for the labels in them. */
function areAlike({ code, starts }: Expressions, one: Expression, other: Expression): boolean {
  const start = starts[one]!;
  const length = starts[one + 1]! - start;
  const apart = starts[other]! - start;
  if (starts[other + 1]! - starts[other]! !== length) return false;
  for (let at = start; at < start + length; at++) {
    const element = code[at]!;
    const known = code[at + apart]!;
    if (element !== known && ((element & 0xff) !== E_LABEL || (known & 0xff) !== E_LABEL)) return false;
  }
  return true;
}

/** Whether an expression is the same in every pass and everywhere. */
function isFixed({ code, starts }: Expressions, expression: Expression): boolean {
  const end = starts[expression + 1]!;
  for (let at = starts[expression]!; at < end; at++) {
    const element = code[at]! & 0xff;
    if (element >= OP_ADD ? element === OP_RVA || element === OP_PLT : !isConstant(element)) return false;
  }
  return true;
}

const isConstant = (element: number): boolean =>
  element === E_NUMBER || element === E_REGISTER || element === E_STRING || element === E_FLOAT;

/** Whether registers are only added to the rest, with factors that are written as numbers. */
function isLinear({ code, starts }: Expressions, expression: Expression): boolean {
  const end = starts[expression + 1]!;
  let registers = false;
  for (let at = starts[expression]!; at < end; at++) {
    const kind = code[at]! & 0xff;
    if (kind === E_REGISTER) registers = true;
    if (kind < OP_ADD || !registers || kind === OP_ADD || kind === OP_SUB) continue;
    const left = code[at - 2]! & 0xff;
    const right = code[at - 1]! & 0xff;
    const scales =
      kind === OP_MUL &&
      ((left === E_REGISTER && right === E_NUMBER) || (left === E_NUMBER && right === E_REGISTER));
    if (!scales) return false;
  }
  return true;
}
