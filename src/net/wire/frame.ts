/** Frames are carved from larger blocks: making a view costs a fraction of allocating a buffer. */

const BLOCK = 256 * 1024;

/** Gives out zeroed byte arrays. A block lives as long as any frame in it is kept. */
export class FrameSource {
  #block = new ArrayBuffer(0);
  #used = 0;

  take(length: number): Uint8Array {
    if (length > BLOCK / 4) return new Uint8Array(length);
    if (this.#used + length > this.#block.byteLength) {
      this.#block = new ArrayBuffer(BLOCK);
      this.#used = 0;
    }
    const frame = new Uint8Array(this.#block, this.#used, length);
    this.#used += (length + 7) & ~7;
    return frame;
  }
}
