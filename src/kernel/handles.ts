/**
 * Small numbers a program holds for things the kernel keeps. Handed out upwards from `first` and never twice,
 * so that a stale number is always recognised as one.
 */
export class Handles<T> {
  readonly #things = new Map<number, T>();
  readonly #limit: number;
  #next: number;

  /** `limit` is how many may be open at once. */
  constructor(first: number, limit: number) {
    this.#next = first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#things.size;
  }

  get full(): boolean {
    return this.#things.size >= this.#limit;
  }

  /** The number the next `add` will give. */
  get next(): number {
    return this.#next;
  }

  add(thing: T): number {
    this.#things.set(this.#next, thing);
    return this.#next++;
  }

  get(number: number): T | undefined {
    return this.#things.get(number);
  }

  remove(number: number): T | undefined {
    const thing = this.#things.get(number);
    this.#things.delete(number);
    return thing;
  }

  values(): IterableIterator<T> {
    return this.#things.values();
  }
}
