/**
 * Every line that preprocessing made, with where it came from. A line is plain (it stands in a file) or generated
 * (it came out of a macro, or out of a block of rept, irp, irps, irpv or match).
 */

import { refuse } from "../messages.ts";
import { EVERY_LINES, type OnProgress } from "../progress.ts";
import type { TokenStore } from "../tokens.ts";
import { END, FEW, GROWTH } from "../tokens.ts";

/** A line is so many numbers one after the other. */
export const FIELDS = 7;
export const FILE = 0;
export const NUMBER = 1;
export const PARENT = 2;
export const ORIGIN = 3;
export const START = 4;
const NAME_TEXT = 5;
export const OFFSET = 6;

export class Lines {
  #data = new Int32Array(FIELDS * FEW);
  count = 0;
  readonly store: TokenStore;
  onProgress: OnProgress | undefined;
  readonly #limit: number;

  constructor(store: TokenStore, limit: number) {
    this.store = store;
    this.#limit = limit;
  }

  #new(): number {
    if ((this.count & EVERY_LINES) === EVERY_LINES) this.onProgress?.("preprocessing", this.count + 1, 0);
    const at = this.count * FIELDS;
    if (at === this.#data.length) this.#reserve(FIELDS);
    return at;
  }

  /** Makes room for more numbers. */
  #reserve(more: number): void {
    const needed = this.count * FIELDS + more;
    if (needed <= this.#data.length) return;
    if (this.count >= this.#limit) refuse("outOfMemory");
    const grown = new Int32Array(Math.max(this.#data.length * GROWTH, needed));
    grown.set(this.#data);
    this.#data = grown;
  }

  /** The numbers of all lines from one on, as they are for now. */
  from(line: number): Int32Array {
    return this.#data.subarray(line * FIELDS, this.count * FIELDS);
  }

  /** Puts lines behind the last, as `from` gives them. */
  append(fields: Int32Array): void {
    this.#reserve(fields.length);
    this.#data.set(fields, this.count * FIELDS);
    this.count += fields.length / FIELDS;
  }

  /** Begins a line of a file, which stands there from `offset` on, at the end of the tokens. */
  plain(file: number, number: number, offset: number): number {
    const at = this.#new();
    const data = this.#data;
    data[at + FILE] = file;
    data[at + NUMBER] = number;
    data[at + PARENT] = -1;
    data[at + ORIGIN] = -1;
    data[at + START] = this.store.length;
    data[at + NAME_TEXT] = -1;
    data[at + OFFSET] = offset;
    return this.count++;
  }

  /** Begins a generated line: the name that made it, its number in the block, the invoking and the defining line. */
  generated(name: number, number: number, parent: number, origin: number): number {
    const at = this.#new();
    const data = this.#data;
    data[at + FILE] = -1;
    data[at + NUMBER] = number;
    data[at + PARENT] = parent;
    data[at + ORIGIN] = origin;
    data[at + START] = this.store.length;
    data[at + NAME_TEXT] = name;
    data[at + OFFSET] = 0;
    return this.count++;
  }

  /** Begins a line that continues what stood behind a closing brace: the same origin as `line`. */
  copyOf(line: number): number {
    const at = this.#new();
    this.#data.copyWithin(at, line * FIELDS, (line + 1) * FIELDS);
    this.#data[at + START] = this.store.length;
    return this.count++;
  }

  isGenerated(line: number): boolean {
    return this.#data[line * FIELDS + FILE]! < 0;
  }

  file(line: number): number {
    return this.#data[line * FIELDS + FILE]!;
  }

  /** In the file from 1, or in the macro's block from 0. */
  number(line: number): number {
    return this.#data[line * FIELDS + NUMBER]!;
  }

  parent(line: number): number {
    return this.#data[line * FIELDS + PARENT]!;
  }

  origin(line: number): number {
    return this.#data[line * FIELDS + ORIGIN]!;
  }

  /** Where a plain line begins in its file. */
  offset(line: number): number {
    return this.#data[line * FIELDS + OFFSET]!;
  }

  /** The text of the macro's name, or of the directive's. */
  name(line: number): number {
    return this.#data[line * FIELDS + NAME_TEXT]!;
  }

  /** The first token; the line ends with END. */
  start(line: number): number {
    return this.#data[line * FIELDS + START]!;
  }

  /** The plain line that a generated one finally comes from, by invocation. */
  plainLine(line: number): number {
    let at = line;
    while (this.isGenerated(at)) at = this.parent(at);
    return at;
  }

  tokensOf(line: number): Int32Array {
    const tokens = this.store.tokens;
    const start = this.start(line);
    let end = start;
    while (tokens[end] !== END) end++;
    return tokens.subarray(start, end);
  }
}
