/** ELF executables for 32-bit processors (FASM.TXT 2.4.4). The headers are part of what is assembled. */

import { setU16le, setU32le, u32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { low32, subtract } from "../expression/int.ts";
import { refuse } from "../messages.ts";
import { newSpace, type State } from "../state.ts";
import { D_ENTRY, D_SEGMENT, I_EXPRESSION, I_SECTION_FLAG, I_SEGMENT_TYPE, O_AT } from "../words.ts";
import { flatOutput } from "./binary.ts";
import { FORMAT_ELF, type Format } from "./format.ts";

const HEADER = 0x34;
const SEGMENT = 0x20;

/** How a segment's address follows from the one before: not, with the header, or with the segment at this position. */
const SEPARATE = 0;
const WITH_HEADER = -1;

export class ElfExecutable implements Format {
  readonly number = FORMAT_ELF;
  readonly flat = false;
  readonly extension = "";
  readonly #imageBase: number;
  /** Behind the segment headers. */
  readonly #headersEnd: number;
  #segments = 0;
  #merge = SEPARATE;
  readonly #memory: FormatMemory;

  constructor(assembler: Assembler, shared: boolean) {
    const { state } = assembler;
    this.#memory = assembler.formatMemory;
    state.room(HEADER);
    const { bytes } = state;
    bytes.fill(0, 0, HEADER);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1], 0);
    bytes[0x10] = shared ? 3 : 2;
    bytes[0x12] = 3;
    bytes[0x14] = 1;
    bytes[0x28] = HEADER;
    bytes[0x2e] = 0x28;
    state.at = HEADER;
    state.bits = 32;
    if (assembler.kind() === I_EXPRESSION) {
      const brand = assembler.evaluator.byte(assembler.takeNumeric());
      if (brand.relocation !== 0) refuse("invalidUseOfSymbol");
      bytes[7] = Number(brand.value);
    }
    let base = 0x8048000;
    if (assembler.kind() === O_AT) {
      state.item++;
      const term = assembler.evaluator.dword(assembler.takeNumeric());
      if (term.relocation !== 0) refuse("invalidUseOfSymbol");
      base = low32(term.value) >>> 0;
    }
    this.#imageBase = base;
    bytes[0x2a] = SEGMENT;
    const count = state.pass === 0 ? 1 : this.#memory.segments;
    state.room(count * SEGMENT);
    state.bytes.fill(0, HEADER, HEADER + count * SEGMENT);
    state.at = HEADER + count * SEGMENT;
    setU16le(state.bytes, HEADER + 0x1c, 0x1000);
    state.bytes[HEADER] = 1;
    state.bytes[HEADER + 0x18] = 7;
    setU32le(state.bytes, HEADER + 8, base);
    setU32le(state.bytes, HEADER + 12, base);
    setU32le(state.bytes, 0x18, base + state.at);
    this.#headersEnd = state.at;
    const space = newSpace(state.at);
    space.base = -base;
    this.#labelsType(state, space);
    state.space = space;
    state.addSpace(space);
  }

  /** In a shared object addresses move. */
  #labelsType(state: State, space: { relocation: number }): void {
    space.relocation = state.bytes[0x10] === 3 ? 2 : 0;
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
      const term = assembler.evaluator.dword(assembler.takeNumeric());
      setU32le(assembler.state.bytes, 0x18, low32(term.value));
    } else if (directive === D_SEGMENT) this.#segment(assembler);
    else refuse("illegalInstruction");
  }

  #segment(assembler: Assembler): void {
    const { state, program } = assembler;
    const address = this.#close(state);
    const space = assembler.createSpace();
    this.#labelsType(state, space);
    let header = HEADER + this.#segments * SEGMENT;
    if (header >= this.#headersEnd) {
      header = this.#headersEnd - SEGMENT;
      state.anotherPass = true;
    }
    const { bytes } = state;
    setU32le(bytes, header, (u32le(bytes, header) & ~0xff) | 1);
    setU32le(bytes, header + 0x18, 0);
    setU16le(bytes, header + 0x1c, 0x1000);
    for (;;) {
      const kind = assembler.kind();
      if (kind === I_SECTION_FLAG) {
        const flag = segmentFlag(program.values[state.item++]!);
        if (bytes[header + 0x18]! & flag) refuse("settingAlreadySpecified");
        bytes[header + 0x18]! |= flag;
      } else if (kind === I_SEGMENT_TYPE) {
        if (bytes[header] !== 1) refuse("settingAlreadySpecified");
        const type = program.values[state.item++]!;
        for (let n = 0; n < this.#segments; n++) {
          const other = HEADER + n * SEGMENT;
          if (other >= this.#headersEnd) break;
          if (bytes[other] === type) refuse("dataAlreadyDefined");
        }
        bytes[header] = type;
        setU16le(bytes, header + 0x1c, 1);
        if (type >= 0x50) setU32le(bytes, header, (u32le(bytes, header) | 0x6474e500) >>> 0);
      } else break;
    }
    let start: number;
    if (bytes[header] === 1 && this.#merge !== SEPARATE) {
      const merged = this.#merge;
      this.#merge = SEPARATE;
      const base = merged === WITH_HEADER ? this.#imageBase : u32le(bytes, merged + 8);
      const offset = merged === WITH_HEADER ? 0 : u32le(bytes, merged + 4);
      setU32le(bytes, header + 8, base);
      setU32le(bytes, header + 12, base);
      setU32le(bytes, header + 4, offset);
      start = (base - offset + state.at) >>> 0;
    } else {
      setU32le(bytes, header + 4, state.at);
      start = ((state.at & 0xfff) + address) >>> 0;
      setU32le(bytes, header + 8, start);
      setU32le(bytes, header + 12, start);
    }
    space.base = subtract(state.at, start);
    this.#segments++;
  }

  /** Ends the last segment; returns the address that the next one begins at. */
  #close(state: State): number {
    if (this.#segments === 0) {
      if (state.at === this.#headersEnd) {
        this.#merge = WITH_HEADER;
        return this.#imageBase;
      }
      this.#merge = SEPARATE;
      this.#segments++;
    }
    const { bytes } = state;
    const header = HEADER + (this.#segments - 1) * SEGMENT;
    const memory = state.at - u32le(bytes, header + 4);
    const end = state.at;
    if (state.at === state.undefinedEnd && bytes[header] === 1) state.at = state.undefinedStart;
    setU32le(bytes, header + 0x14, memory);
    setU32le(bytes, header + 0x10, memory + state.at - end);
    state.undefinedEnd = -1;
    let address = u32le(bytes, header + 8);
    const type = bytes[header]!;
    if (type === 1) address += memory + 0xfff;
    else if (this.#merge !== SEPARATE) address += memory;
    else if (type !== 4 && type !== 0x51) {
      this.#merge = header;
      address += memory;
    }
    return (address & ~0xfff) >>> 0;
  }

  closePass(assembler: Assembler): void {
    const { state } = assembler;
    this.#close(state);
    state.bytes[0x1c] = HEADER;
    setU16le(state.bytes, 0x2c, this.#segments);
    this.#memory.segments = this.#segments;
    if (HEADER + this.#segments * SEGMENT !== this.#headersEnd) state.anotherPass = true;
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
