/** ELF executables and shared objects (FASM.TXT 2.4.4). The headers are part of what is assembled. */

import { setU16le, setU32le, u32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { add, high32, type Int, low32, subtract, unsigned64 } from "../expression/int.ts";
import { refuse } from "../messages.ts";
import { RELOCATABLE_32, RELOCATABLE_64 } from "../operand.ts";
import { newSpace, type State } from "../state.ts";
import { D_ENTRY, D_SEGMENT, I_EXPRESSION, I_SECTION_FLAG, I_SEGMENT_TYPE, O_AT } from "../words.ts";
import { flatOutput } from "./binary.ts";
import { FORMAT_ELF, type Format } from "./format.ts";

/** How a segment's address follows from the one before: not, with the header, or with the segment at this position. */
const SEPARATE = 0;
const WITH_HEADER = -1;

/** Types of segments: PT_LOAD, PT_NOTE, and the last byte of PT_GNU_STACK. From 50h on they are those of GNU. */
const LOAD = 1;
const NOTE = 4;
const GNU = 0x50;
const STACK = 0x51;
/** Type of file: a shared object. */
const SHARED = 3;

/** Where the fields stand in 32-bit and in 64-bit files, and how wide an address is. */
interface Layout {
  readonly header: number;
  readonly segment: number;
  readonly word: number;
  readonly machine: number;
  readonly imageBase: number;
  /** In the file's header. */
  readonly segments: number;
  readonly headerSize: number;
  readonly segmentSize: number;
  readonly segmentCount: number;
  readonly sectionSize: number;
  readonly sectionHeader: number;
  /** In a segment's header. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

const ENTRY = 0x18;

const ELF32: Layout = {
  header: 0x34,
  segment: 0x20,
  word: 4,
  machine: 3,
  imageBase: 0x8048000,
  segments: 0x1c,
  headerSize: 0x28,
  segmentSize: 0x2a,
  segmentCount: 0x2c,
  sectionSize: 0x2e,
  sectionHeader: 0x28,
  flags: 0x18,
  offset: 4,
  address: 8,
  fileSize: 0x10,
  memorySize: 0x14,
  alignment: 0x1c,
};

const ELF64: Layout = {
  header: 0x40,
  segment: 0x38,
  word: 8,
  machine: 62,
  imageBase: 0x400000,
  segments: 0x20,
  headerSize: 0x34,
  segmentSize: 0x36,
  segmentCount: 0x38,
  sectionSize: 0x3a,
  sectionHeader: 0x40,
  flags: 4,
  offset: 8,
  address: 0x10,
  fileSize: 0x20,
  memorySize: 0x28,
  alignment: 0x30,
};

export class ElfExecutable implements Format {
  readonly number = FORMAT_ELF;
  readonly flat = false;
  extension: string | undefined;
  readonly #layout: Layout;
  /** How labels move: in a shared object addresses do. */
  readonly #moves: number;
  readonly #imageBase: Int;
  /** Behind the segment headers. */
  readonly #headersEnd: number;
  #segments = 0;
  #merge = SEPARATE;
  readonly #memory: FormatMemory;

  constructor(assembler: Assembler, shared: boolean, wide: boolean) {
    const { state, evaluator } = assembler;
    const layout = wide ? ELF64 : ELF32;
    this.#layout = layout;
    this.#moves = shared ? (wide ? RELOCATABLE_64 : RELOCATABLE_32) : 0;
    this.#memory = assembler.formatMemory;
    // The brand and the base may be written with operators of the format.
    state.format = this;
    state.room(layout.header);
    const { bytes } = state;
    bytes.fill(0, 0, layout.header);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1], 0);
    bytes[0x10] = shared ? SHARED : 2;
    bytes[0x12] = layout.machine;
    bytes[0x14] = 1;
    bytes[layout.headerSize] = layout.header;
    bytes[layout.sectionSize] = layout.sectionHeader;
    state.at = layout.header;
    state.bits = wide ? 64 : 32;
    if (assembler.kind() === I_EXPRESSION) {
      const brand = evaluator.byte(assembler.takeNumeric());
      if (brand.relocation !== 0) refuse("invalidUseOfSymbol");
      bytes[7] = Number(brand.value);
    }
    let base: Int = layout.imageBase;
    if (assembler.kind() === O_AT) {
      state.item++;
      const expression = assembler.takeNumeric();
      const term = wide ? evaluator.qword(expression) : evaluator.dword(expression);
      if (term.relocation !== 0) refuse("invalidUseOfSymbol");
      base = this.#wrapped(term.value);
    }
    this.#imageBase = base;
    bytes[layout.segmentSize] = layout.segment;
    const count = state.pass === 0 ? 1 : this.#memory.segments;
    const first = layout.header;
    const end = first + count * layout.segment;
    state.room(end - state.at);
    state.bytes.fill(0, first, end);
    state.at = end;
    this.#headersEnd = end;
    state.bytes[first] = LOAD;
    setU16le(state.bytes, first + layout.alignment, 0x1000);
    state.bytes[first + layout.flags] = 7;
    this.#putAddress(state.bytes, first, base);
    this.#putWord(state.bytes, ENTRY, add(base, end));
    const space = newSpace(state.at);
    space.base = subtract(0, base);
    space.relocation = this.#moves;
    state.space = space;
    state.addSpace(space);
  }

  /** As many bits as an address has. */
  #wrapped(value: Int): Int {
    return this.#layout.word === 8 ? unsigned64(low32(value), high32(value)) : low32(value) >>> 0;
  }

  #word(bytes: Uint8Array, at: number): Int {
    return this.#layout.word === 8 ? unsigned64(u32le(bytes, at), u32le(bytes, at + 4)) : u32le(bytes, at);
  }

  #putWord(bytes: Uint8Array, at: number, value: Int): void {
    setU32le(bytes, at, low32(value));
    if (this.#layout.word === 8) setU32le(bytes, at + 4, high32(value));
  }

  /** Virtual and physical address of a segment. */
  #putAddress(bytes: Uint8Array, header: number, value: Int): void {
    const { address, word } = this.#layout;
    this.#putWord(bytes, header + address, value);
    this.#putWord(bytes, header + address + word, value);
  }

  relocate(): never {
    return refuse("invalidUseOfSymbol");
  }

  rva(state: State, term: { relocation: number }): void {
    if (term.relocation & 1) state.misuse();
    term.relocation = 0;
  }

  plt(): never {
    return refuse("invalidExpression");
  }

  alignment(): number {
    return 0x1000;
  }

  directive(assembler: Assembler, directive: number): void {
    assembler.onlyOnceIfSetting(directive);
    if (directive === D_ENTRY) {
      const { state, evaluator } = assembler;
      const expression = assembler.takeNumeric();
      const term = this.#layout.word === 8 ? evaluator.qword(expression) : evaluator.dword(expression);
      this.#putWord(state.bytes, ENTRY, term.value);
    } else if (directive === D_SEGMENT) this.#segment(assembler);
    else refuse("illegalInstruction");
  }

  #segment(assembler: Assembler): void {
    const { state } = assembler;
    const layout = this.#layout;
    const address = this.#close(state);
    const space = assembler.createSpace();
    space.relocation = this.#moves;
    let header = layout.header + this.#segments * layout.segment;
    if (header >= this.#headersEnd) {
      // Not enough was reserved. In 64-bit files FASM lets the header stand in what it has assembled or will, until the next pass;
      // in others it is looked for there when the segment ends.
      if (layout === ELF32) header = this.#headersEnd - layout.segment;
      assembler.evaluator.leaveBehind(true);
      state.again();
    }
    state.room(Math.max(0, header + layout.segment - state.at));
    const { bytes } = state;
    bytes[header] = LOAD;
    setU32le(bytes, header + layout.flags, 0);
    setU16le(bytes, header + layout.alignment, 0x1000);
    this.#segmentFlags(assembler, header);
    const start =
      bytes[header] === LOAD && this.#merge !== SEPARATE
        ? this.#startMerged(state, header)
        : this.#start(state, header, address);
    space.base = subtract(state.at, start);
    this.#segments++;
  }

  #segmentFlags(assembler: Assembler, header: number): void {
    const { state, program } = assembler;
    const { bytes } = state;
    const layout = this.#layout;
    for (;;) {
      const kind = assembler.kind();
      if (kind === I_SECTION_FLAG) {
        const flag = segmentFlag(program.values[state.item++]!);
        if (bytes[header + layout.flags]! & flag) refuse("settingAlreadySpecified");
        bytes[header + layout.flags]! |= flag;
      } else if (kind === I_SEGMENT_TYPE) {
        if (bytes[header] !== LOAD) refuse("settingAlreadySpecified");
        const type = program.values[state.item++]!;
        for (let n = 0; n < this.#segments; n++) {
          const other = layout.header + n * layout.segment;
          if (other >= this.#headersEnd) break;
          if (bytes[other] === type) refuse("dataAlreadyDefined");
        }
        bytes[header] = type;
        setU16le(bytes, header + layout.alignment, 1);
        if (type >= GNU) setU32le(bytes, header, (u32le(bytes, header) | 0x6474e500) >>> 0);
      } else break;
    }
  }

  /** A segment on a page of its own; returns its address. */
  #start(state: State, header: number, address: Int): Int {
    const start = this.#wrapped(add(state.at & 0xfff, address));
    setU32le(state.bytes, header + this.#layout.offset, state.at);
    this.#putAddress(state.bytes, header, start);
    return start;
  }

  /** A segment that begins with the headers or with the segment before it; returns the address of the present position. */
  #startMerged(state: State, header: number): Int {
    const { bytes } = state;
    const layout = this.#layout;
    const merged = this.#merge;
    this.#merge = SEPARATE;
    const base = merged === WITH_HEADER ? this.#imageBase : this.#word(bytes, merged + layout.address);
    const offset = merged === WITH_HEADER ? 0 : u32le(bytes, merged + layout.offset);
    this.#putAddress(bytes, header, base);
    setU32le(bytes, header + layout.offset, offset);
    // FASM's difference has 32 bits, and no sign.
    return this.#wrapped(add(base, (state.at - offset) >>> 0));
  }

  /** Ends the last segment; returns the address that the next one begins at. */
  #close(state: State): Int {
    if (this.#segments === 0) {
      if (state.at === this.#headersEnd) {
        this.#merge = WITH_HEADER;
        return this.#imageBase;
      }
      this.#merge = SEPARATE;
      this.#segments++;
    }
    const { bytes } = state;
    const layout = this.#layout;
    const header = layout.header + (this.#segments - 1) * layout.segment;
    const memory = (state.at - u32le(bytes, header + layout.offset)) >>> 0;
    const end = state.at;
    if (state.at === state.undefinedEnd && bytes[header] === LOAD) state.at = state.undefinedStart;
    setU32le(bytes, header + layout.memorySize, memory);
    setU32le(bytes, header + layout.fileSize, memory + state.at - end);
    state.undefinedEnd = -1;
    let address = this.#word(bytes, header + layout.address);
    const type = bytes[header]!;
    if (type === LOAD) address = add(address, memory + 0xfff);
    else if (this.#merge !== SEPARATE) address = add(address, memory);
    else if (type !== NOTE && type !== STACK) {
      this.#merge = header;
      address = add(address, memory);
    }
    return unsigned64(low32(address) & ~0xfff, layout.word === 8 ? high32(address) : 0);
  }

  closePass(assembler: Assembler): void {
    const { state } = assembler;
    const layout = this.#layout;
    assembler.evaluator.leaveBehind(false);
    this.#close(state);
    state.bytes[layout.segments] = layout.header;
    setU16le(state.bytes, layout.segmentCount, this.#segments);
    this.#memory.segments = this.#segments;
    if (layout.header + this.#segments * layout.segment !== this.#headersEnd) state.again();
  }

  write(assembler: Assembler): Uint8Array {
    return flatOutput(assembler);
  }
}

/** What formats remember from pass to pass. */
export interface FormatMemory {
  segments: number;
  sections: number;
  /** PE: the program has fixups, and how many bytes they took. */
  fixups: boolean;
  fixupsSize: number;
  resourceSize: number;
}

export const newFormatMemory = (): FormatMemory => ({
  segments: 0,
  sections: 0,
  fixups: false,
  fixupsSize: 0,
  resourceSize: 0,
});

/** `readable` 4, `writeable` 2, `executable` 1. */
function segmentFlag(flag: number): number {
  if (flag === 30) return 4;
  if (flag === 31) return 2;
  if (flag === 29) return 1;
  return refuse("invalidArgument");
}
