import { FOREVER, type Micros } from "./clock.ts";

/** Something that wants to be called at a moment. The two fields belong to `Deadlines`. */
export interface Timed {
  due: Micros;
  /** Index in the heap, -1 = not in it. */
  slot: number;
}

/** Who is due when: a binary heap, so that thousands of waiting connections cost nothing until their time comes. */
export class Deadlines<T extends Timed> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest is due. */
  first(): Micros {
    return this.#heap.length > 0 ? this.#heap[0]!.due : FOREVER;
  }

  /** Sets, changes or (FOREVER) forgets the moment of `item`. */
  set(item: T, due: Micros): void {
    if (item.slot < 0) {
      if (due === FOREVER) return;
      item.due = due;
      item.slot = this.#heap.length;
      this.#heap.push(item);
      this.#up(item);
    } else if (due === FOREVER) {
      this.remove(item);
    } else if (due !== item.due) {
      const earlier = due < item.due;
      item.due = due;
      if (earlier) this.#up(item);
      else this.#down(item);
    }
  }

  remove(item: T): void {
    const slot = item.slot;
    if (slot < 0) return;
    item.slot = -1;
    item.due = FOREVER;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#heap[slot] = last;
    last.slot = slot;
    this.#up(last);
    this.#down(last);
  }

  /** Takes out the earliest that is due at `now`. */
  take(now: Micros): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.due > now) return undefined;
    this.remove(first);
    return first;
  }

  #up(item: T): void {
    const heap = this.#heap;
    let slot = item.slot;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const other = heap[parent]!;
      if (other.due <= item.due) break;
      heap[slot] = other;
      other.slot = slot;
      slot = parent;
    }
    heap[slot] = item;
    item.slot = slot;
  }

  #down(item: T): void {
    const heap = this.#heap;
    let slot = item.slot;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.due < heap[child]!.due) child++;
      const other = heap[child]!;
      if (other.due >= item.due) break;
      heap[slot] = other;
      other.slot = slot;
      slot = child;
    }
    heap[slot] = item;
    item.slot = slot;
  }
}
