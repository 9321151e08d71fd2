/** Something that has a place in an order. */
export interface Placed {
  readonly place: number;
}

/**
 * Turns in rounds: who is added gets its turn in this round, in the order of places, unless the round has passed its
 * place already; then it comes in the next one.
 */
export class Turns<T extends Placed> {
  /** Heaps by place. */
  #now: T[] = [];
  #later: T[] = [];
  /** The place of the one whose turn it is; -1 before the first. */
  #at = -1;

  get empty(): boolean {
    return this.#now.length === 0 && this.#later.length === 0;
  }

  add(item: T): void {
    if (item.place > this.#at) push(this.#now, item);
    else push(this.#later, item);
  }

  /** Whose turn it is next in this round. */
  next(): T | undefined {
    const item = pop(this.#now);
    if (item !== undefined) this.#at = item.place;
    return item;
  }

  /** The round is over: the next one begins. */
  again(): void {
    const over = this.#now;
    this.#now = this.#later;
    this.#later = over;
    this.#at = -1;
  }
}

function push<T extends Placed>(heap: T[], item: T): void {
  let slot = heap.length;
  while (slot > 0) {
    const parent = (slot - 1) >> 1;
    const other = heap[parent]!;
    if (other.place <= item.place) break;
    heap[slot] = other;
    slot = parent;
  }
  heap[slot] = item;
}

function pop<T extends Placed>(heap: T[]): T | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || last === first) return first;
  let slot = 0;
  for (;;) {
    let child = 2 * slot + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.place < heap[child]!.place) child++;
    if (heap[child]!.place >= last.place) break;
    heap[slot] = heap[child]!;
    slot = child;
  }
  heap[slot] = last;
  return first;
}
