/** The program that every pass goes through: what the parser makes, and the assembler and the preevaluation read. */
import type { Expression, Numbers } from "./expression/parse.ts";
import type { Label } from "./symbols.ts";
import { GROWTH, grown } from "./tokens.ts";
import { I_ADDRESS, I_EXPRESSION } from "./words.ts";

export interface Address {
  /** 0, or 1 … 6 for ES, CS, SS, DS, FS, GS. */
  readonly segment: number;
  /** Bytes written before the address (`[word bx]`), or 0. */
  readonly size: number;
  readonly expression: Expression;
  /** Its bracket is closed where it should be. */
  readonly closed: boolean;
  /** The address before this one that has the same expression, or -1. */
  readonly next: number;
}

/** The program as items, each a kind and a value. */
export class Program {
  kinds = new Uint8Array(1 << 12);
  values = new Int32Array(1 << 12);
  length = 0;
  readonly expressions: Expression[] = [];
  readonly addresses: Address[] = [];
  readonly labels: Label[] = [];
  /** For each label the line that named it first. */
  readonly labelLines: number[] = [];
  readonly numbers: Numbers;

  constructor(numbers: Numbers) {
    this.numbers = numbers;
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

  pushExpression(expression: Expression): void {
    if (expression.place < 0) {
      expression.place = this.expressions.length;
      this.expressions.push(expression);
    }
    this.push(I_EXPRESSION, expression.place);
  }

  pushAddress(segment: number, size: number, expression: Expression, closed: boolean): void {
    const { addresses } = this;
    for (let at = expression.address; at >= 0; ) {
      const known = addresses[at]!;
      if (known.segment === segment && known.size === size && known.closed === closed) {
        this.push(I_ADDRESS, at);
        return;
      }
      at = known.next;
    }
    const next = expression.address;
    expression.address = addresses.length;
    this.push(I_ADDRESS, addresses.length);
    addresses.push({ segment, size, expression, closed, next });
  }
}

/** A label item's value: the label, and the size it takes from the data behind it. */
export const labelItem = (label: number, size: number): number => label | (size << 24);

/** Label items carry such a name as it is, with this bit, and the assembler refuses it. */
export const NO_LABEL = 0xffffff;
export const PREDEFINED_LABEL = 0xfffffe;
