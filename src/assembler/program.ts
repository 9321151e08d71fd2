/** The program that every pass goes through: what the parser makes, and the assembler and the preevaluation read. */
import { EXPRESSION_BITS, type Expression, Expressions, type Numbers } from "./expression/expressions.ts";
import type { Label } from "./symbols.ts";
import { FEW, GROWTH, grown } from "./tokens.ts";
import { I_ADDRESS } from "./words.ts";

/**
 * The value of an address item: its expression and, in the eight bits above, what is written around it. So the outline of
 * an address is one number (instruction.ts).
 */
export const addressExpression = (value: number): Expression => value & ((1 << EXPRESSION_BITS) - 1);
export const addressOutline = (value: number): number => value >>> EXPRESSION_BITS;
/** 0, or 1 … 6 for ES, CS, SS, DS, FS, GS. */
export const addressSegment = (value: number): number => (value >>> EXPRESSION_BITS) & 7;
/** Bytes written before the address (`[word bx]`): 1, 2, 4, 8 or 0. */
export const addressSize = (value: number): number => (value >>> (EXPRESSION_BITS + 3)) & 15;
/** Its bracket is closed where it should be. */
export const addressIsClosed = (value: number): boolean => value < 0;

/** The program as items, each a kind and a value. */
export class Program {
  kinds = new Uint8Array(FEW);
  values = new Int32Array(FEW);
  length = 0;
  readonly labels: Label[] = [];
  /** For each label the line that named it first. */
  readonly labelLines: number[] = [];
  readonly expressions: Expressions;

  constructor(numbers: Numbers) {
    this.expressions = new Expressions(numbers);
  }

  push(kind: number, value: number): void {
    if (this.length === this.kinds.length) {
      const kinds = new Uint8Array(this.length * GROWTH);
      kinds.set(this.kinds);
      this.kinds = kinds;
      this.values = grown(this.values, this.length * GROWTH);
    }
    this.kinds[this.length] = kind;
    this.values[this.length++] = value;
  }

  /** Puts items behind the last. */
  append(kinds: Uint8Array, values: Int32Array): void {
    const length = this.length + kinds.length;
    if (length > this.kinds.length) {
      const larger = new Uint8Array(length);
      larger.set(this.kinds);
      this.kinds = larger;
      this.values = grown(this.values, length);
    }
    this.kinds.set(kinds, this.length);
    this.values.set(values, this.length);
    this.length = length;
  }

  pushAddress(segment: number, size: number, expression: Expression, closed: boolean): void {
    const outline = segment | (size << 3) | (closed ? 0x80 : 0);
    this.push(I_ADDRESS, expression | (outline << EXPRESSION_BITS));
  }
}

/** A label item's value: the label, and the size it takes from the data behind it. */
export const labelItem = (label: number, size: number): number => label | (size << 24);

/** Label items carry such a name as it is, with this bit, and the assembler refuses it. */
export const NO_LABEL = 0xffffff;
export const PREDEFINED_LABEL = 0xfffffe;
