import { alignUp, PAGE } from "../../base/index.ts";

/**
 * One WebAssembly.Memory holds everything a machine knows:
 *
 *     0          the state page: registers, flags (cpu/state.ts)
 *     64 KiB     page facts: one byte for each 4 KiB page of the 4 GiB address space
 *     1 MiB and  free for the engine
 *      64 KiB
 *     2 MiB      records of decoded instructions (cpu/records.ts)
 *    10 MiB      guest RAM: guest address a lives at RAM_BASE + a
 *     behind it  one byte for each 16 bytes of guest RAM: whether a byte of them belongs to code that is kept
 *
 * The host commits pages when they are first touched, but JavaScript engines count a memory with all its bytes and collect
 * garbage over it. So there is room for a small part of the address space at first, and for all of it when more is
 * mapped. Only then views are made anew.
 */
export const FACTS_BASE = 0x1_0000;
/** Where an engine may keep tables of its own, up to RECORDS_BASE. */
export const FREE_BASE = 0x11_0000;
export const RECORDS_BASE = 0x20_0000;
export const RAM_BASE = 0xa0_0000;
/** Bytes of guest RAM that share a byte of `lines`, as a shift. */
export const LINE_SHIFT = 4;

/** Facts about a page. READ, WRITE and STORE are derived from the others, and are what hot code tests. */
export const FACT = {
  /** A read needs no further thought: present, and nobody watches reads. */
  READ: 1,
  /** A write needs no further thought: present, writable, no code, and nobody watches writes. */
  WRITE: 2,
  PRESENT: 4,
  WRITABLE: 8,
  /** Instructions decoded from this page are kept. */
  CODE: 16,
  WATCH_READ: 32,
  WATCH_WRITE: 64,
  /** As WRITE, but the page may hold code: `lines` tells where. */
  STORE: 128,
} as const;

export type Access = "read" | "write" | "execute";

/** The largest address space: RAM_BASE, the guest's RAM and the lines share the 4 GiB of a WebAssembly.Memory. */
const MOST_BYTES = Math.floor((2 ** 32 - RAM_BASE - 2 * 65536) / 17) * 16;

const WASM_PAGE = 65536;
/** WebAssembly's pages for so many bytes of RAM, with what lies before and behind. */
const pagesOf = (ram: number): number => Math.ceil((RAM_BASE + ram + (ram >>> LINE_SHIFT)) / WASM_PAGE);

/** Told when bytes of a page with the fact CODE change. */
export type CodeWritten = (address: number, length: number) => void;

/** Told when a page can no longer be accessed without further thought as it could before. */
export type RightsLost = (page: number) => void;

/** A guest's memory: bytes, and which pages there are. Addresses are unsigned 32-bit numbers. */
export class Memory {
  /** The memory as compiled code imports it. */
  readonly wasm: WebAssembly.Memory;
  /** Bytes of address space, from 0; nothing can be mapped above. */
  readonly size: number;
  /** Bytes of it that there is room for now. */
  reach: number;
  /** Everything, from the state page on. Guest address a is at index RAM_BASE + a. */
  bytes!: Uint8Array;
  /** The same for numbers of any size and alignment. */
  view!: DataView;
  /** Everything as aligned 32-bit words. */
  dwords!: Int32Array;
  /** The state page as 32-bit words. */
  words!: Int32Array;
  /** One byte of FACT for each page of the 4 GiB space. */
  facts!: Uint8Array;
  /** One byte for each 16 bytes of RAM: 1 if one of them belongs to code that is kept. */
  lines!: Uint8Array;
  /** Where `lines` begins. */
  linesBase!: number;
  /** Grows whenever a fact changes. */
  version = 0;
  /** No page from here on was ever mapped. */
  endOfPages = 0;
  #rightsLost: RightsLost | undefined;
  #codeWritten: CodeWritten | undefined;
  #moved: () => void = () => {};
  #mappedPages = 0;
  /** Changes whenever a page comes, goes, or can no longer be written, or can again. */
  layout = 0;

  /**
   * `size` in bytes, up to some 3.76 GiB; rounded up to 64 KiB. There is room for the first `reach` of them, or for all,
   * until more is mapped.
   */
  constructor(size: number, reach = size) {
    if (!Number.isInteger(size) || size < 1 || size > MOST_BYTES) {
      throw new RangeError(`a machine cannot have ${size} bytes of memory: 1 to ${MOST_BYTES} are possible`);
    }
    this.size = alignUp(size, WASM_PAGE);
    this.reach = Math.min(alignUp(reach, WASM_PAGE), this.size);
    this.wasm = new WebAssembly.Memory({ initial: pagesOf(this.reach), maximum: pagesOf(this.size) });
    this.#look();
  }

  /** What there is of `wasm` now, and what it may grow to, in its own pages. */
  get pages(): number {
    return pagesOf(this.reach);
  }
  get mostPages(): number {
    return pagesOf(this.size);
  }

  /** Makes room for all of the address space. */
  grow(): void {
    const { reach, size, lines } = this;
    if (reach === size) return;
    const kept = lines.slice();
    lines.fill(0); // they become RAM
    this.wasm.grow(pagesOf(size) - pagesOf(reach));
    this.reach = size;
    this.#look();
    this.lines.set(kept);
    this.#moved();
  }

  #look(): void {
    const { buffer } = this.wasm;
    this.linesBase = RAM_BASE + this.reach;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.dwords = new Int32Array(buffer);
    this.words = new Int32Array(buffer, 0, 65536 / 4);
    this.facts = new Uint8Array(buffer, FACTS_BASE, 2 ** 20);
    this.lines = new Uint8Array(buffer, this.linesBase, this.reach >>> LINE_SHIFT);
  }

  /** Bytes of guest memory that are mapped. */
  get mappedBytes(): number {
    return this.#mappedPages * PAGE;
  }

  /**
   * Makes the pages that touch [address, address + length) present, zero-filled where they were not, and
   * writable or not. Throws a RangeError when they do not fit the address space.
   */
  map(address: number, length: number, options: { writable: boolean } = { writable: true }): void {
    const [first, end] = this.#pages(address, length);
    if (end * PAGE > this.reach) this.grow();
    for (let page = first; page < end; page++) {
      if (!(this.facts[page]! & FACT.PRESENT)) this.#mappedPages++;
      const kept = this.facts[page]! & ~FACT.WRITABLE;
      this.#set(page, kept | FACT.PRESENT | (options.writable ? FACT.WRITABLE : 0));
    }
  }

  /** Takes the pages that touch [address, address + length) away; what they held is lost. */
  unmap(address: number, length: number): void {
    const [first, end] = this.#pages(address, length);
    for (let page = first; page < end; page++) {
      const facts = this.facts[page]!;
      if (!(facts & FACT.PRESENT)) continue;
      this.bytes.fill(0, RAM_BASE + page * PAGE, RAM_BASE + (page + 1) * PAGE);
      this.#mappedPages--;
      this.#set(page, facts & (FACT.WATCH_READ | FACT.WATCH_WRITE));
      if (facts & FACT.CODE) this.#codeWritten?.(page * PAGE, PAGE);
    }
  }

  /** Whether every byte of [address, address + length) can be read, or written, by the guest. */
  isMapped(address: number, length: number, access: "read" | "write"): boolean {
    if (length <= 0) return true;
    if (address < 0 || address + length > this.size) return false;
    const needed = access === "write" ? FACT.PRESENT | FACT.WRITABLE : FACT.PRESENT;
    const last = Math.floor((address + length - 1) / PAGE);
    for (let page = Math.floor(address / PAGE); page <= last; page++) {
      if ((this.facts[page]! & needed) !== needed) return false;
    }
    return true;
  }

  /** A copy of `length` bytes, or undefined if one of them is not mapped. */
  read(address: number, length: number): Uint8Array | undefined {
    if (!this.isMapped(address, length, "read")) return undefined;
    return this.bytes.slice(RAM_BASE + address, RAM_BASE + address + length);
  }

  /** Writes all of `bytes`, or nothing and false if one of their places is not mapped or not writable. */
  write(address: number, bytes: Uint8Array): boolean {
    if (!this.isMapped(address, bytes.length, "write")) return false;
    this.bytes.set(bytes, RAM_BASE + address);
    this.#touched(address, bytes.length);
    return true;
  }

  /** Writes `bytes` into pages that are present, whether the guest may write there or not: for loaders. */
  place(address: number, bytes: Uint8Array): boolean {
    if (!this.isMapped(address, bytes.length, "read")) return false;
    this.bytes.set(bytes, RAM_BASE + address);
    this.#touched(address, bytes.length);
    return true;
  }

  /** The byte at `address`, or undefined. */
  u8(address: number): number | undefined {
    return this.isMapped(address, 1, "read") ? this.bytes[RAM_BASE + address] : undefined;
  }

  /** The little-endian word at `address`, or undefined. */
  u16(address: number): number | undefined {
    return this.isMapped(address, 2, "read") ? this.view.getUint16(RAM_BASE + address, true) : undefined;
  }

  /** The little-endian dword at `address`, unsigned, or undefined. */
  u32(address: number): number | undefined {
    return this.isMapped(address, 4, "read") ? this.view.getUint32(RAM_BASE + address, true) : undefined;
  }

  /** Writes a byte; false if the guest could not. */
  set8(address: number, value: number): boolean {
    if (!this.isMapped(address, 1, "write")) return false;
    this.bytes[RAM_BASE + address] = value;
    this.#touched(address, 1);
    return true;
  }

  /** Writes a little-endian word, all or nothing; false if the guest could not. */
  set16(address: number, value: number): boolean {
    if (!this.isMapped(address, 2, "write")) return false;
    this.view.setUint16(RAM_BASE + address, value, true);
    this.#touched(address, 2);
    return true;
  }

  /** Writes a little-endian dword, all or nothing; false if the guest could not. */
  set32(address: number, value: number): boolean {
    if (!this.isMapped(address, 4, "write")) return false;
    this.view.setUint32(RAM_BASE + address, value, true);
    this.#touched(address, 4);
    return true;
  }

  /** Runs of mapped pages with the same rights, in ascending order. */
  runs(): { address: number; length: number; writable: boolean }[] {
    const runs: { address: number; length: number; writable: boolean }[] = [];
    const pages = this.size / PAGE;
    for (let page = 0; page < pages; page++) {
      const facts = this.facts[page]!;
      if (!(facts & FACT.PRESENT)) continue;
      const writable = (facts & FACT.WRITABLE) !== 0;
      const last = runs[runs.length - 1];
      if (last && last.writable === writable && last.address + last.length === page * PAGE)
        last.length += PAGE;
      else runs.push({ address: page * PAGE, length: PAGE, writable });
    }
    return runs;
  }

  /** Who keeps decoded or compiled code, and must hear of writes to it. */
  onCodeWritten(told: CodeWritten): void {
    this.#codeWritten = told;
  }

  /** Who keeps views, which are other ones when it has grown. */
  onMoved(told: () => void): void {
    this.#moved = told;
  }

  /** Who relies on what pages can be accessed. */
  onRightsLost(told: RightsLost): void {
    this.#rightsLost = told;
  }

  /** Sets or clears facts of one page, and derives READ and WRITE anew. */
  mark(page: number, set: number, clear = 0): void {
    this.#set(page, (this.facts[page]! & ~clear) | set);
  }

  #touched(address: number, length: number): void {
    if (length === 0) return;
    const last = Math.floor((address + length - 1) / PAGE);
    for (let page = Math.floor(address / PAGE); page <= last; page++) {
      if (this.facts[page]! & FACT.CODE) {
        this.#codeWritten?.(address, length);
        return;
      }
    }
  }

  #set(page: number, facts: number): void {
    let all = facts & ~(FACT.READ | FACT.WRITE | FACT.STORE);
    if (all & FACT.PRESENT) {
      if (!(all & FACT.WATCH_READ)) all |= FACT.READ;
      if (all & FACT.WRITABLE && !(all & FACT.WATCH_WRITE)) {
        all |= FACT.STORE;
        if (!(all & FACT.CODE)) all |= FACT.WRITE;
      }
      if (page >= this.endOfPages) this.endOfPages = page + 1;
    }
    const lost = this.facts[page]! & ~all & (FACT.READ | FACT.STORE);
    if ((all ^ this.facts[page]!) & (FACT.PRESENT | FACT.WRITABLE)) this.layout++;
    this.facts[page] = all;
    this.version++;
    if (lost !== 0) this.#rightsLost?.(page);
  }

  #pages(address: number, length: number): [number, number] {
    if (address < 0 || length < 0 || address + length > this.size) {
      throw new RangeError(
        `0x${address.toString(16)} + 0x${length.toString(16)} is outside the ${this.size} bytes of address space`,
      );
    }
    return [Math.floor(address / PAGE), Math.ceil((address + length) / PAGE)];
  }
}
