/** Memory a ring starts with; it doubles as bytes come, up to the capacity. */
const FIRST_MEMORY = 2048;
/**
 * First memories that rings have given back: most connections never need more, and making an array costs as much as
 * copying all that it holds. What they held is never read: bytes are counted in only after they were written.
 */
const spare: Uint8Array[] = [];
const MOST_SPARE = 256;

const NO_BYTES = new Uint8Array(0);

/**
 * A queue of bytes of fixed capacity: what a TCP connection keeps for its reader and for the peer. Memory is taken as
 * it is needed, and the first given back when nothing is left in it, so that thousands of idle connections cost little.
 */
export class ByteRing {
  readonly capacity: number;
  #bytes: Uint8Array;
  #start = 0;
  #length = 0;
  /** Bytes from the front to the end of what has been placed furthest behind it. */
  #reach = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#bytes = NO_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  get free(): number {
    return this.capacity - this.#length;
  }

  /** Appends what fits and returns how many bytes that was. */
  push(source: Uint8Array): number {
    const taken = Math.min(source.length, this.free);
    this.place(this.#length, taken === source.length ? source : source.subarray(0, taken));
    this.#length += taken;
    return taken;
  }

  /** Copies up to `into.length` bytes that stand `offset` bytes behind the front, and leaves them there. */
  peek(into: Uint8Array, offset = 0): number {
    const taken = Math.max(0, Math.min(into.length, this.#length - offset));
    if (taken === 0) return 0;
    const at = (this.#start + offset) % this.#bytes.length;
    const first = Math.min(taken, this.#bytes.length - at);
    into.set(this.#bytes.subarray(at, at + first));
    if (first < taken) into.set(this.#bytes.subarray(0, taken - first), first);
    return taken;
  }

  /**
   * The `count` bytes that stand `offset` behind the front; all of them must be there. It may be a window into the
   * ring, good until the ring is changed.
   */
  view(offset: number, count: number): Uint8Array {
    if (offset + count > this.#length) throw new RangeError(`${offset} + ${count} bytes of ${this.#length}`);
    if (count === 0) return new Uint8Array(0);
    const at = (this.#start + offset) % this.#bytes.length;
    if (at + count <= this.#bytes.length) return this.#bytes.subarray(at, at + count);
    const copy = new Uint8Array(count);
    this.peek(copy, offset);
    return copy;
  }

  /** Forgets up to `count` bytes at the front and returns how many there were. */
  drop(count: number): number {
    const dropped = Math.min(count, this.#length);
    if (dropped === 0) return 0;
    this.#start = (this.#start + dropped) % this.#bytes.length;
    this.#length -= dropped;
    this.#reach -= dropped;
    if (this.#reach === 0 && this.#bytes.length === FIRST_MEMORY) this.clear();
    return dropped;
  }

  /** Takes up to `into.length` bytes from the front. */
  shift(into: Uint8Array): number {
    return this.drop(this.peek(into));
  }

  /**
   * Writes bytes `offset` behind the front without counting them in: they may lie beyond the end, with a gap before
   * them, until `extend` reaches over them. They must fit into the capacity.
   */
  place(offset: number, source: Uint8Array): void {
    const count = source.length;
    if (offset + count > this.capacity)
      throw new RangeError(`${offset} + ${count} bytes of ${this.capacity}`);
    if (count === 0) return;
    if (offset + count > this.#reach) this.#reach = offset + count;
    if (offset + count > this.#bytes.length) this.#grow(offset + count);
    const at = (this.#start + offset) % this.#bytes.length;
    const first = Math.min(count, this.#bytes.length - at);
    if (first === count) {
      this.#bytes.set(source, at);
    } else {
      this.#bytes.set(source.subarray(0, first), at);
      this.#bytes.set(source.subarray(first, count));
    }
  }

  /** Counts in `count` bytes that were placed right behind the end. */
  extend(count: number): void {
    if (this.#length + count > this.#bytes.length) throw new RangeError(`${count} bytes were never placed`);
    this.#length += count;
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#giveBack();
    this.#bytes = NO_BYTES;
    this.#start = 0;
    this.#length = 0;
    this.#reach = 0;
  }

  #grow(needed: number): void {
    let size = Math.max(FIRST_MEMORY, this.#bytes.length);
    while (size < needed) size *= 2;
    const most = Math.min(size, this.capacity);
    const larger = (most === FIRST_MEMORY ? spare.pop() : undefined) ?? new Uint8Array(most);
    if (this.#bytes.length > 0) {
      larger.set(this.#bytes.subarray(this.#start)); // what was placed beyond the end comes along
      larger.set(this.#bytes.subarray(0, this.#start), this.#bytes.length - this.#start);
      this.#giveBack();
    }
    this.#bytes = larger;
    this.#start = 0;
  }

  #giveBack(): void {
    if (this.#bytes.length === FIRST_MEMORY && spare.length < MOST_SPARE) spare.push(this.#bytes);
  }
}
