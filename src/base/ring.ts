/** A queue of bytes of fixed capacity: what a TCP connection keeps for its reader and for the peer. */
export class ByteRing {
  readonly #bytes: Uint8Array;
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  get free(): number {
    return this.#bytes.length - this.#length;
  }

  /** Appends what fits and returns how many bytes that was. */
  push(source: Uint8Array): number {
    const taken = Math.min(source.length, this.free);
    this.#place(this.#length, source, taken);
    this.#length += taken;
    return taken;
  }

  /** Copies up to `into.length` bytes that stand `offset` bytes behind the front, and leaves them there. */
  peek(into: Uint8Array, offset = 0): number {
    const taken = Math.max(0, Math.min(into.length, this.#length - offset));
    const at = (this.#start + offset) % this.#bytes.length;
    const first = Math.min(taken, this.#bytes.length - at);
    into.set(this.#bytes.subarray(at, at + first));
    if (first < taken) into.set(this.#bytes.subarray(0, taken - first), first);
    return taken;
  }

  /** Forgets up to `count` bytes at the front and returns how many there were. */
  drop(count: number): number {
    const dropped = Math.min(count, this.#length);
    this.#start = (this.#start + dropped) % this.#bytes.length;
    this.#length -= dropped;
    return dropped;
  }

  /** Takes up to `into.length` bytes from the front. */
  shift(into: Uint8Array): number {
    return this.drop(this.peek(into));
  }

  clear(): void {
    this.#start = 0;
    this.#length = 0;
  }

  #place(offset: number, source: Uint8Array, count: number): void {
    const at = (this.#start + offset) % this.#bytes.length;
    const first = Math.min(count, this.#bytes.length - at);
    this.#bytes.set(source.subarray(0, first), at);
    if (first < count) this.#bytes.set(source.subarray(first, count));
  }
}
