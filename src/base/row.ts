/** Something that can stand in one row at a time. The fields belong to `Row`. */
export interface InRow {
  row: object | undefined;
  before: InRow | undefined;
  behind: InRow | undefined;
}

/**
 * A set in the order of arrival, whose members carry the links. For crowds that come and go: a Set leaves its old tables to
 * the garbage collector, each with a link to the next, and what has ever stood in them lives as long as the first.
 */
export class Row<T extends InRow> {
  #first: T | undefined = undefined;
  #last: T | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has stood here longest. */
  get first(): T | undefined {
    return this.#first;
  }

  /** It must not stand in a row. */
  add(item: T): void {
    item.row = this;
    item.before = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.behind = item;
    this.#last = item;
    this.#size++;
  }

  /** False when it does not stand here. */
  delete(item: T): boolean {
    if (item.row !== this) return false;
    const { before, behind } = item;
    if (before === undefined) this.#first = behind as T | undefined;
    else before.behind = behind;
    if (behind === undefined) this.#last = before as T | undefined;
    else behind.before = before;
    item.row = item.before = item.behind = undefined;
    this.#size--;
    return true;
  }

  clear(): void {
    while (this.#first !== undefined) this.delete(this.#first);
  }

  /** What leaves meanwhile must be the one that is looked at, if any. */
  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#first; item !== undefined; ) {
      const next = item.behind as T | undefined;
      yield item;
      item = next;
    }
  }
}
