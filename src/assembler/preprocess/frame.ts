/** The names that one expansion replaces: arguments, local names, counters, matched parts. */

export interface Replacement {
  /** Where the value begins in the tokens; -1 for a counter of `rept`. */
  start: number;
  /** Tokens of the value; for a counter its base. */
  length: number;
  /** The argument was written in < >: a list of arguments puts them back. */
  grouped: boolean;
  /** Later additions win over earlier ones. */
  order: number;
}

/** A frame is used again and again, with all that it has come to hold. */
export class Frame {
  readonly #texts: number[] = [];
  #count = 0;
  /** For each text, its value in each repetition; 0 is the value in all of them. */
  readonly #values: (Replacement | undefined)[][] = [];
  /** A bit for each remainder of a text by 32: most names are found absent by it. */
  #mask = 0;
  /** Replacements made so far; the first `#order` of them are in use. */
  readonly #replacements: Replacement[] = [];
  #order = 0;
  /** Repetitions of the block, 0 when it is not repeated. */
  limit = 0;

  /** Forgets everything. */
  clear(): void {
    for (let slot = 0; slot < this.#count; slot++) {
      const values = this.#values[slot]!;
      while (values.length > 0) values.pop();
    }
    this.#count = 0;
    this.#mask = 0;
    this.#order = 0;
    this.limit = 0;
  }

  add(text: number, counter: number): Replacement {
    let slot = this.slot(text);
    if (slot < 0) {
      slot = this.#count++;
      if (slot === this.#values.length) {
        this.#texts.push(text);
        this.#values.push([]);
      } else this.#texts[slot] = text;
      this.#mask |= 1 << (text & 31);
    }
    const order = this.#order++;
    if (order === this.#replacements.length)
      this.#replacements.push({ start: 0, length: 0, grouped: false, order });
    const replacement = this.#replacements[order]!;
    replacement.start = 0;
    replacement.length = 0;
    replacement.grouped = false;
    const values = this.#values[slot]!;
    // Filled in order, so that the array stays dense.
    while (values.length < counter) values.push(undefined);
    values[counter] = replacement;
    return replacement;
  }

  /** Where the values of a text are kept, -1 when no repetition has any. */
  slot(text: number): number {
    if (((this.#mask >>> (text & 31)) & 1) === 0) return -1;
    const texts = this.#texts;
    for (let slot = 0; slot < this.#count; slot++) if (texts[slot] === text) return slot;
    return -1;
  }

  /** The value in one repetition. */
  at(slot: number, counter: number): Replacement | undefined {
    const values = this.#values[slot]!;
    return counter < values.length ? values[counter] : undefined;
  }
}
