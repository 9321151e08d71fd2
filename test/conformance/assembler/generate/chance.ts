/** Choices by chance for what makes sources: the same seed, the same choices. */
import { Random } from "../../../../src/base/index.ts";

export class Chance {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** 0 … limit-1. */
  below(limit: number): number {
    return this.#random.below(limit);
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.#random.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  /** From `least` to `most` of what `make` makes. */
  some<T>(least: number, most: number, make: (index: number) => T): T[] {
    return Array.from({ length: least + this.#random.below(most - least + 1) }, (_, index) => make(index));
  }
}

/** The words of a line written with blanks between them. */
export const words = (text: string): string[] => text.trim().split(/\s+/);
