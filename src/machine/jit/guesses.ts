/**
 * What code is compiled on the assumption of, beyond what makes it be dropped: the state as it was at that moment. Code
 * looks whether it is so, and leaves where it is not. Where that happens again and again the assumption is not made any
 * more.
 */

/** Bits of the x87's status word that code relies on, where it looks. */
export interface StatusGuess {
  readonly mask: number;
  readonly value: number;
}

/** Where PE is. */
export const EXACTING = { X87: 1, SSE: 2 } as const;

export class Guesses {
  /** By the addresses of the instructions that look. */
  readonly status = new Map<number, StatusGuess>();
  /** PE was not set: whether results are exact is worked out, which code compiled later need not do. Of EXACTING. */
  exacting = 0;
  readonly #wrong: ReadonlySet<number>;

  /** `wrong`: addresses of instructions that have looked in vain too often. */
  constructor(wrong: ReadonlySet<number>) {
    this.#wrong = wrong;
  }

  mayGuess(address: number): boolean {
    return !this.#wrong.has(address);
  }
}
