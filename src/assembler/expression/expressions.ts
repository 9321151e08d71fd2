/**
 * The expressions of a program, each once however often it is written, and all in two arrays: hundreds of thousands of
 * objects would cost more than what is done with them. An expression is a number; it is kept in postfix order, one integer
 * an element, ready to be evaluated in every pass. Two expressions are the same to `eq` when their elements are.
 */
import { refuse } from "../messages.ts";
import { FEW, GROWTH, grown } from "../tokens.ts";
import type { Float } from "./float.ts";
import type { Int } from "./int.ts";

/** Elements: the low byte says which, the rest is its number. Operators are their own codes from OP_ADD on. */
export const E_NUMBER = 1;
/** A number of more than 64 bits. */
export const E_TOO_LARGE = 2;
export const E_REGISTER = 3;
export const E_LABEL = 4;
/** `$` and its kin, by P_ number. */
export const E_PREDEFINED = 5;
/** A reserved word where a symbol should be. */
export const E_RESERVED = 6;
/** A place where a value is missing. */
export const E_INVALID = 7;
/** A string that is nothing else, by its text; the only element of its expression. */
export const E_STRING = 8;
/**
 * A floating point constant, by its place among them; the first element of its expression. What is behind it, as in
 * `(1.5)+x`, FASM does not read any more when it has taken the constant.
 */
export const E_FLOAT = 9;

export const P_HERE = 0;
export const P_COUNTER = 1;
export const P_TIME = 2;
export const P_ORIGIN = 3;
export const P_FILE_OFFSET = 4;
export const P_ACTUAL_FILE_OFFSET = 5;

export const K_NUMERIC = 0;
export const K_STRING = 1;
export const K_FLOAT = 2;

/** An expression's number in its table. */
export type Expression = number;

/** Numbers written in the source, each once, so that equal numbers are equal elements. */
export class Numbers {
  readonly values: Int[] = [];
  /** The same values as doubles; NaN for those that are beyond numbers. */
  doubles = new Float64Array(FEW);
  readonly #numbers = new Map<Int, number>();

  number(value: Int): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.values.length;
    this.#numbers.set(value, number);
    this.values.push(value);
    if (number === this.doubles.length) {
      const grown = new Float64Array(number * 2);
      grown.set(this.doubles);
      this.doubles = grown;
    }
    this.doubles[number] = typeof value === "number" ? value : Number.NaN;
    return number;
  }
}

/** Items have so many bits for the number of an expression (program.ts). */
export const EXPRESSION_BITS = 24;

export class Expressions {
  readonly numbers: Numbers;
  /** The elements of all expressions one after the other, and where each one's begin: they end where the next one's do. */
  code = new Int32Array(FEW);
  starts = new Int32Array(FEW);
  count = 0;
  readonly #floats: Float[] = [];
  /** Expressions by their elements: the number and one, at the place that the hash says or behind it. */
  #table = new Int32Array(FEW);
  /** For each label one more than the number of the expression that is nothing else. */
  #ofLabel = new Int32Array(FEW);

  constructor(numbers: Numbers) {
    this.numbers = numbers;
  }

  kind(expression: Expression): 0 | 1 | 2 {
    const element = this.code[this.starts[expression]!]! & 0xff;
    return element === E_STRING ? K_STRING : element === E_FLOAT ? K_FLOAT : K_NUMERIC;
  }

  /** Its only element; 0 when it has several. */
  alone(expression: Expression): number {
    const start = this.starts[expression]!;
    return this.starts[expression + 1]! === start + 1 ? this.code[start]! : 0;
  }

  /** K_STRING: the number of its text. */
  text(expression: Expression): number {
    return this.code[this.starts[expression]!]! >>> 8;
  }

  /** K_FLOAT: the constant; of any other undefined. */
  float(expression: Expression): Float | undefined {
    const element = this.code[this.starts[expression]!]!;
    return (element & 0xff) === E_FLOAT ? this.#floats[element >>> 8] : undefined;
  }

  /** The label when the expression is nothing but a label, else -1. */
  label(expression: Expression): number {
    const element = this.alone(expression);
    return (element & 0xff) === E_LABEL ? element >>> 8 : -1;
  }

  /** Whether it is nothing but a word that cannot name a label: `$` and its like, or an operator's. */
  isReserved(expression: Expression): boolean {
    const kind = this.alone(expression) & 0xff;
    return kind === E_RESERVED || kind === E_PREDEFINED;
  }

  /** K_NUMERIC of a single number: that number. */
  constant(expression: Expression): Int | undefined {
    const element = this.alone(expression);
    return (element & 0xff) === E_NUMBER ? this.numbers.values[element >>> 8] : undefined;
  }

  /** Its elements, for those who are in no hurry. */
  elements(expression: Expression): Int32Array {
    return this.code.subarray(this.starts[expression]!, this.starts[expression + 1]!);
  }

  ofString(text: number): Expression {
    return this.#find([E_STRING | (text << 8)]);
  }

  /** A floating point constant, with more behind it or without. */
  ofFloat(float: Float, surplus: boolean): Expression {
    const element = E_FLOAT | ((this.#floats.push(float) - 1) << 8);
    return this.#find(surplus ? [element, E_INVALID] : [element]);
  }

  /** The expression of these elements. */
  of(elements: readonly number[]): Expression {
    const element = elements[0]!;
    if (elements.length !== 1 || (element & 0xff) !== E_LABEL) return this.#find(elements);
    const label = element >>> 8;
    if (label >= this.#ofLabel.length)
      this.#ofLabel = grown(this.#ofLabel, Math.max(label + 1, this.#ofLabel.length * GROWTH));
    const known = this.#ofLabel[label]! - 1;
    if (known >= 0) return known;
    const made = this.#add(elements);
    this.#ofLabel[label] = made + 1;
    return made;
  }

  #find(elements: readonly number[]): Expression {
    const mask = this.#table.length - 1;
    let hash = elements.length;
    for (let at = 0; at < elements.length; at++) hash = nextHash(hash, elements[at]!);
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const known = this.#table[slot]! - 1;
      if (known < 0) {
        const made = this.#add(elements);
        this.#table[slot] = made + 1;
        if (this.count * 2 > this.#table.length) this.#rehash();
        return made;
      }
      if (this.#isSame(known, elements)) return known;
    }
  }

  #isSame(expression: Expression, elements: readonly number[]): boolean {
    const { code } = this;
    const start = this.starts[expression]!;
    if (this.starts[expression + 1]! - start !== elements.length) return false;
    for (let at = 0; at < elements.length; at++) if (code[start + at] !== elements[at]) return false;
    return true;
  }

  #add(elements: readonly number[]): Expression {
    const number = this.count;
    if (number === (1 << EXPRESSION_BITS) - 1) refuse("outOfMemory");
    if (number + 2 > this.starts.length) this.starts = grown(this.starts, this.starts.length * GROWTH);
    const start = this.starts[number]!;
    const end = start + elements.length;
    if (end > this.code.length) this.code = grown(this.code, Math.max(end, this.code.length * GROWTH));
    for (let at = 0; at < elements.length; at++) this.code[start + at] = elements[at]!;
    this.starts[number + 1] = end;
    this.count++;
    return number;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * GROWTH);
    const mask = table.length - 1;
    const { code, starts } = this;
    for (let number = 0; number < this.count; number++) {
      const start = starts[number]!;
      const end = starts[number + 1]!;
      // Labels alone are found by their number.
      if (end === start + 1 && (code[start]! & 0xff) === E_LABEL) continue;
      let hash = end - start;
      for (let at = start; at < end; at++) hash = nextHash(hash, code[at]!);
      let slot = spread(hash) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = number + 1;
    }
    this.#table = table;
  }
}

const nextHash = (hash: number, element: number): number => Math.imul(hash ^ element, 0x9e3779b1);
const spread = (hash: number): number => hash ^ (hash >>> 15);
