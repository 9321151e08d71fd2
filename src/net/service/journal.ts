/**
 * What a service was sent, for tests and people to look at. Bounded: when it is full the oldest entries go, and are
 * counted.
 */
export class Journal<T> {
  /** Entries that are not there any more. */
  forgotten = 0;
  readonly #most: number;
  readonly #sizes: number[] = [];
  readonly #entries: T[] = [];
  #bytes = 0;

  /** @param most bytes of all entries together; each costs at least 64 */
  constructor(most = 16 * 1024 * 1024) {
    this.#most = most;
  }

  /** Oldest first. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  get last(): T | undefined {
    return this.#entries.at(-1);
  }

  add(entry: T, bytes = 0): void {
    this.#entries.push(entry);
    this.#sizes.push(bytes + OVERHEAD);
    this.#bytes += bytes + OVERHEAD;
    while (this.#bytes > this.#most && this.#entries.length > 1) {
      this.#entries.shift();
      this.#bytes -= this.#sizes.shift()!;
      this.forgotten++;
    }
  }

  clear(): void {
    this.#entries.length = 0;
    this.#sizes.length = 0;
    this.#bytes = 0;
  }
}

const OVERHEAD = 64;
