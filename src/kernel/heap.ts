import { alignUp, PAGE } from "../base/index.ts";

/** What the heap needs of guest memory. */
export interface Pages {
  map(address: number, length: number, options: { writable: boolean }): void;
  unmap(address: number, length: number): void;
}

/**
 * The heap of one process: blocks of whole pages between the end of the image and the end of memory. The first gap
 * that is large enough is taken (sysfuncs: function 68, subfunctions 11 to 13). Fresh blocks are zero; pages of a
 * freed block are unmapped, so that a late access faults.
 */
export class Heap {
  readonly #pages: Pages;
  readonly #base: number;
  readonly #end: number;
  /** Blocks by address, ascending. */
  readonly #blocks: { address: number; length: number }[] = [];

  /** `base` and `end` are addresses of pages. */
  constructor(pages: Pages, base: number, end: number) {
    this.#pages = pages;
    this.#base = base;
    this.#end = end;
  }

  /** Bytes from the heap's first page to its end, used or not. */
  get size(): number {
    return Math.max(0, this.#end - this.#base);
  }

  /** Bytes in blocks now. */
  get used(): number {
    let used = 0;
    for (const block of this.#blocks) used += block.length;
    return used;
  }

  /** The address of a new block of `bytes` bytes, rounded up to whole pages, or 0 where there is none. */
  allocate(bytes: number): number {
    if (bytes === 0) return 0;
    const length = alignUp(bytes, PAGE);
    let address = this.#base;
    let at = 0;
    while (at < this.#blocks.length && this.#blocks[at]!.address - address < length) {
      const block = this.#blocks[at]!;
      address = block.address + block.length;
      at++;
    }
    if (this.#end - address < length) return 0;
    this.#blocks.splice(at, 0, { address, length });
    this.#pages.map(address, length, { writable: true });
    return address;
  }

  /** Gives a block back; false where `address` is not the address of one. */
  free(address: number): boolean {
    const at = this.#blocks.findIndex((block) => block.address === address);
    if (at < 0) return false;
    const [block] = this.#blocks.splice(at, 1);
    this.#pages.unmap(block!.address, block!.length);
    return true;
  }
}
