/**
 * Decides what a condition says without knowing any value: `eq`, `eqtype` and `in` compare how things are written, so
 * they are settled when the line is parsed, and what they decide of `&`, `|` and `~` with them (FASM.TXT 2.2.2).
 */
import { addressExpression, addressOutline, type Program } from "../program.ts";
import {
  I_ADDRESS,
  I_END,
  I_EXPRESSION,
  O_CLOSE,
  O_EQ,
  O_EQTYPE,
  O_IN,
  O_MISPLACED,
  O_OPEN,
} from "../words.ts";
import type { Float } from "./float.ts";

export const FALSE = 0;
export const TRUE = 1;
/** The condition needs values; what is left of it stands in the program. */
export const UNKNOWN = 2;
const INVALID = 3;

const NOT = 0x7e;
const OR = 0x7c;
const AND = 0x26;
const COMMA = 0x2c;
const LESS = 0x3c;
const GREATER = 0x3e;
/** Items for a value that is decided inside a condition that is not. */
const ITEM_FALSE = 0x30;
const ITEM_TRUE = 0x31;

/** Nothing to decide and nothing that could be out of place: a run of items without logical operators. */
function wellFormed(program: Program, start: number): boolean {
  for (let at = start; at < program.length; at++) {
    const kind = program.kinds[at]!;
    if (kind === OR || kind === AND || kind === NOT || kind === O_OPEN || kind === O_CLOSE) return false;
  }
  return true;
}

export class Preevaluator {
  readonly #program: Program;
  /** The items of the condition, with I_END behind: arrays that are used again and again. */
  #kinds = new Uint8Array(4);
  #values = new Int32Array(4);
  #at = 0;
  #wrapped = false;

  constructor(program: Program) {
    this.#program = program;
  }

  /** Works on the items from `start` to the end of the program and leaves there what is undecided. */
  run(start: number): number {
    const program = this.#program;
    let simple = true;
    for (let at = start; at < program.length; at++) {
      const kind = program.kinds[at]!;
      if (kind === O_EQ || kind === O_EQTYPE || kind === O_IN) {
        simple = false;
        break;
      }
    }
    if (simple && program.length > start && wellFormed(program, start)) return UNKNOWN;
    this.#take(start);
    const value = this.#expression(false);
    if (value !== INVALID) return value;
    program.length = start;
    program.push(O_MISPLACED, 0);
    return UNKNOWN;
  }

  /** Takes the condition off the program. */
  #take(start: number): void {
    const program = this.#program;
    program.push(I_END, 0);
    const count = program.length - start;
    if (count > this.#kinds.length) {
      this.#kinds = new Uint8Array(count * 2);
      this.#values = new Int32Array(count * 2);
    }
    for (let at = 0; at < count; at++) {
      this.#kinds[at] = program.kinds[start + at]!;
      this.#values[at] = program.values[start + at]!;
    }
    program.length = start;
    this.#at = 0;
    this.#wrapped = false;
  }

  #expression(wrapped: boolean): number {
    const program = this.#program;
    const outer = this.#wrapped;
    this.#wrapped = wrapped;
    const start = program.length;
    let value = this.#value();
    for (;;) {
      if (value === INVALID) break;
      const kind = this.#kinds[this.#at++]!;
      if (kind === I_END || kind === O_CLOSE) {
        this.#at--;
        break;
      }
      if (kind !== OR && kind !== AND) {
        value = INVALID;
        break;
      }
      const decisive = kind === OR ? TRUE : FALSE;
      if (value === decisive) {
        if (!this.#skipValue()) value = INVALID;
        else program.length = start;
      } else if (value !== UNKNOWN) {
        program.length = start;
        value = this.#value();
      } else {
        const before = program.length;
        program.push(kind, 0);
        value = this.#value();
        if (value === decisive) {
          program.push(decisive === TRUE ? ITEM_TRUE : ITEM_FALSE, 0);
          value = UNKNOWN;
        } else if (value !== UNKNOWN && value !== INVALID) {
          program.length = before;
          value = UNKNOWN;
        }
      }
    }
    this.#wrapped = outer;
    return value;
  }

  #copy(): void {
    this.#program.push(this.#kinds[this.#at]!, this.#values[this.#at]!);
    this.#at++;
  }

  #value(): number {
    const program = this.#program;
    const start = program.length;
    while (this.#kinds[this.#at] === NOT) this.#copy();
    const negated = ((program.length - start) & 1) === 1;
    if (this.#kinds[this.#at] !== O_OPEN) return this.#simple(start, negated);
    this.#copy();
    const value = this.#expression(true);
    if (value === INVALID || this.#kinds[this.#at] !== O_CLOSE) {
      program.length = start;
      return INVALID;
    }
    if (value === UNKNOWN) {
      this.#copy();
      return UNKNOWN;
    }
    this.#at++;
    program.length = start;
    return negated ? 1 - value : value;
  }

  #simple(start: number, negated: boolean): number {
    const program = this.#program;
    const kinds = this.#kinds;
    const from = this.#at;
    let operator = -1;
    let depth = 0;
    for (; ; this.#at++) {
      const kind = kinds[this.#at]!;
      if (kind === I_END || kind === OR || kind === AND) break;
      if (kind === O_OPEN) depth++;
      else if (kind === O_CLOSE) {
        if (--depth < 0 && this.#wrapped) break;
      } else if (operator < 0 && (kind === O_EQ || kind === O_EQTYPE || kind === O_IN)) operator = this.#at;
    }
    const end = this.#at;
    if (operator < 0) {
      if (end === from) {
        program.length = start;
        return INVALID;
      }
      for (let at = from; at < end; at++) program.push(kinds[at]!, this.#values[at]!);
      return UNKNOWN;
    }
    program.length = start;
    let value: number;
    if (kinds[operator] === O_EQ) value = this.#same(from, operator, operator + 1, end) ? TRUE : FALSE;
    else if (kinds[operator] === O_EQTYPE)
      value = this.#sameTypes(from, operator, operator + 1, end) ? TRUE : FALSE;
    else value = this.#inList(from, operator, end);
    if (value === INVALID) return INVALID;
    return negated ? 1 - value : value;
  }

  #same(from: number, end: number, otherFrom: number, otherEnd: number): boolean {
    if (end - from !== otherEnd - otherFrom) return false;
    for (let at = from, other = otherFrom; at < end; at++, other++) {
      if (!this.#sameItem(at, other)) return false;
    }
    return true;
  }

  #sameItem(at: number, other: number): boolean {
    const kind = this.#kinds[at]!;
    if (kind !== this.#kinds[other]) return false;
    const a = this.#values[at]!;
    const b = this.#values[other]!;
    if (a === b) return true;
    // Expressions are kept once, but for floating point constants.
    const { expressions } = this.#program;
    if (kind === I_EXPRESSION) return areEqual(expressions.float(a), expressions.float(b));
    return (
      kind === I_ADDRESS &&
      addressOutline(a) === addressOutline(b) &&
      areEqual(expressions.float(addressExpression(a)), expressions.float(addressExpression(b)))
    );
  }

  #sameTypes(from: number, end: number, otherFrom: number, otherEnd: number): boolean {
    if (end - from !== otherEnd - otherFrom) return false;
    const { expressions } = this.#program;
    for (let at = from, other = otherFrom; at < end; at++, other++) {
      const kind = this.#kinds[at]!;
      if (kind !== this.#kinds[other]) return false;
      if (kind !== I_EXPRESSION) continue;
      if (expressions.kind(this.#values[at]!) !== expressions.kind(this.#values[other]!)) return false;
    }
    return true;
  }

  #inList(from: number, operator: number, end: number): number {
    const kinds = this.#kinds;
    let at = operator + 1;
    if (kinds[at++] !== LESS) return INVALID;
    let found = false;
    for (;;) {
      const start = at;
      while (kinds[at] !== COMMA && kinds[at] !== GREATER) {
        if (at >= end) return INVALID;
        at++;
      }
      if (this.#same(from, operator, start, at)) found = true;
      if (kinds[at] === GREATER) return at + 1 === end ? (found ? TRUE : FALSE) : INVALID;
      at++;
    }
  }

  /** Passes over a value that no longer matters; false when it is not built like one. */
  #skipValue(): boolean {
    const kinds = this.#kinds;
    while (kinds[this.#at] === NOT) this.#at++;
    if (kinds[this.#at] === O_OPEN) {
      this.#at++;
      const outer = this.#wrapped;
      this.#wrapped = true;
      for (;;) {
        this.#skipValue();
        const kind = kinds[this.#at++]!;
        if (kind === OR || kind === AND) continue;
        this.#wrapped = outer;
        return kind === O_CLOSE;
      }
    }
    let depth = 0;
    for (; ; this.#at++) {
      const kind = kinds[this.#at]!;
      if (kind === I_END || kind === OR || kind === AND) return true;
      if (kind === O_OPEN) depth++;
      else if (kind === O_CLOSE && --depth < 0 && this.#wrapped) return true;
    }
  }
}

function areEqual(a: Float | undefined, b: Float | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return (
    a.negative === b.negative &&
    a.zero === b.zero &&
    a.mantissa === b.mantissa &&
    a.exponent === b.exponent &&
    a.format === b.format
  );
}
