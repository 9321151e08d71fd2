/** Memory a queue starts with; a power of two, as it always is. */
const FIRST_MEMORY = 16;

/**
 * First in, first out, without a bound. What has been taken out is let go of, and the memory stays: a queue that is filled
 * and emptied over and over makes no garbage, which an array does.
 */
export class Fifo<T> {
  #items: (T | undefined)[] = new Array<T | undefined>(FIRST_MEMORY).fill(undefined);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#first + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  /** The oldest. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.#length--;
    return item;
  }

  clear(): void {
    this.#items = new Array<T | undefined>(FIRST_MEMORY).fill(undefined);
    this.#first = 0;
    this.#length = 0;
  }

  #grow(): void {
    const items = this.#items;
    const larger = [...items.slice(this.#first), ...items.slice(0, this.#first)];
    this.#items = larger.concat(new Array<T | undefined>(items.length).fill(undefined));
    this.#first = 0;
  }
}
