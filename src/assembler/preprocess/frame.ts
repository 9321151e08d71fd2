/** The names that one expansion replaces: arguments, local names, counters, matched parts. */

export interface Replacement {
  /** Where the value begins in the tokens; -1 for a counter of `rept`. */
  start: number;
  /** Tokens of the value; for a counter its base. */
  length: number;
  /** The argument was written in < >: a list of arguments puts them back. */
  grouped: boolean;
  /** Later additions win over earlier ones. */
  readonly order: number;
}

export class Frame {
  readonly #texts: number[] = [];
  /** For each text, its value in each repetition; 0 is the value in all of them. */
  readonly #values: (Replacement | undefined)[][] = [];
  /** A bit for each remainder of a text by 32: most names are found absent by it. */
  #mask = 0;
  #order = 0;
  /** Repetitions of the block, 0 when it is not repeated. */
  limit = 0;

  add(text: number, counter: number): Replacement {
    let slot = this.#texts.indexOf(text);
    if (slot < 0) {
      slot = this.#texts.length;
      this.#texts.push(text);
      this.#values.push([]);
      this.#mask |= 1 << (text & 31);
    }
    const replacement: Replacement = { start: 0, length: 0, grouped: false, order: this.#order++ };
    this.#values[slot]![counter] = replacement;
    return replacement;
  }

  /** Where the values of a text are kept, -1 when no repetition has any. */
  slot(text: number): number {
    if (((this.#mask >>> (text & 31)) & 1) === 0) return -1;
    const texts = this.#texts;
    for (let slot = 0; slot < texts.length; slot++) if (texts[slot] === text) return slot;
    return -1;
  }

  /** The value in one repetition. */
  at(slot: number, counter: number): Replacement | undefined {
    return this.#values[slot]![counter];
  }
}
