/** Buckets that there are at least; a power of two, as it always is. */
const LEAST = 16;

interface Held<T> {
  readonly number: number;
  readonly thing: T;
  /** The next in the same bucket. */
  chain: Held<T> | undefined;
}

/**
 * Small numbers a program holds for things the kernel keeps. Handed out upwards from `first` and never twice,
 * so that a stale number is always recognised as one.
 *
 * A table of its own, as servers open and close all the time: a Map leaves its old tables to the garbage collector, each with
 * a link to the next, and what has stood in them lives as long as the first.
 */
export class Handles<T> {
  #buckets: (Held<T> | undefined)[] = new Array(LEAST).fill(undefined);
  #size = 0;
  readonly #limit: number;
  #next: number;

  /** `limit` is how many may be open at once. */
  constructor(first: number, limit: number) {
    this.#next = first;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size >= this.#limit;
  }

  /** The number the next `add` will give. */
  get next(): number {
    return this.#next;
  }

  add(thing: T): number {
    if (this.#size === this.#buckets.length) this.#grow();
    this.#hang({ number: this.#next, thing, chain: undefined });
    this.#size++;
    return this.#next++;
  }

  get(number: number): T | undefined {
    let held = this.#buckets[number & (this.#buckets.length - 1)];
    while (held !== undefined && held.number !== number) held = held.chain;
    return held?.thing;
  }

  remove(number: number): T | undefined {
    const at = number & (this.#buckets.length - 1);
    let before: Held<T> | undefined;
    let held = this.#buckets[at];
    while (held !== undefined && held.number !== number) {
      before = held;
      held = held.chain;
    }
    if (held === undefined) return undefined;
    if (before === undefined) this.#buckets[at] = held.chain;
    else before.chain = held.chain;
    this.#size--;
    return held.thing;
  }

  /** In the order of their numbers. */
  values(): T[] {
    const all = this.#all().sort((a, b) => a.number - b.number);
    return all.map(({ thing }) => thing);
  }

  #hang(held: Held<T>): void {
    const at = held.number & (this.#buckets.length - 1);
    held.chain = this.#buckets[at];
    this.#buckets[at] = held;
  }

  #grow(): void {
    const all = this.#all();
    this.#buckets = new Array(this.#buckets.length * 2).fill(undefined);
    for (const held of all) this.#hang(held);
  }

  #all(): Held<T>[] {
    const all: Held<T>[] = [];
    for (const first of this.#buckets)
      for (let held = first; held !== undefined; held = held.chain) all.push(held);
    return all;
  }
}
