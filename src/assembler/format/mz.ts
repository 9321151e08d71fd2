/** MZ executables of DOS (FASM.TXT 2.4.1). */

import { concat, setU16le, u16le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { reserved } from "../data.ts";
import { refuse } from "../messages.ts";
import type { State } from "../state.ts";
import { D_ENTRY, D_HEAP, D_SEGMENT, D_STACK, I_LABEL, I_SIZE, I_USE } from "../words.ts";
import { flatOutput } from "./binary.ts";
import { FORMAT_MZ, type Format } from "./format.ts";

const COLON = 0x3a;
const HEADER = 0x1c;

export class MzFormat implements Format {
  readonly number = FORMAT_MZ;
  readonly flat = false;
  extension = "exe";
  readonly #header = new Uint8Array(HEADER);
  readonly #relocations: number[] = [];
  #stackGiven = false;

  constructor(assembler: Assembler) {
    setU16le(this.#header, 0x0c, 0xffff);
    setU16le(this.#header, 0x10, 0x1000);
    assembler.state.bits = 16;
  }

  relocate(state: State): number {
    if (this.#relocations.length === 0xffff) refuse("formatLimitationsExceeded");
    this.#relocations.push(state.at);
    return 0;
  }

  rva(): never {
    return refuse("invalidExpression");
  }

  plt(): never {
    return refuse("invalidExpression");
  }

  alignment(): number {
    return Number.MAX_SAFE_INTEGER;
  }

  directive(assembler: Assembler, directive: number): void {
    assembler.onlyOnceIfSetting(directive);
    switch (directive) {
      case D_SEGMENT:
        this.#segment(assembler);
        return;
      case D_ENTRY:
        this.#entry(assembler);
        return;
      case D_STACK:
        this.#stack(assembler);
        return;
      case D_HEAP:
        this.#heap(assembler);
        return;
      default:
        refuse("illegalInstruction");
    }
  }

  #segment(assembler: Assembler): void {
    const { state } = assembler;
    const label = assembler.labelOf(assembler.take(I_LABEL));
    const start = state.at;
    const padding = -start & 15;
    state.room(padding);
    state.bytes.fill(0, start, start + padding);
    state.at += padding;
    reserved(state, start);
    assembler.createSpace();
    const paragraph = state.at >> 4;
    if (paragraph >= 0x10000) refuse("valueOutOfRange");
    state.bits = assembler.kind() === I_USE ? assembler.take(I_USE) : 16;
    assembler.placeLabel(label, paragraph, 0, 1, null);
  }

  /** The offset behind a segment, for the header's IP or SP. */
  #offset(assembler: Assembler, offsetField: number): void {
    const { state, evaluator } = assembler;
    state.item++;
    const offset = evaluator.word(assembler.takeExpression());
    if (offset.relocation !== 0) refuse("invalidUseOfSymbol");
    setU16le(this.#header, offsetField, Number(offset.value));
  }

  #entry(assembler: Assembler): void {
    const { state, evaluator } = assembler;
    const segment = evaluator.word(assembler.takeExpression());
    if (segment.relocation !== 1) state.recoverable("invalidAddress");
    setU16le(this.#header, 0x16, Number(segment.value));
    if (assembler.kind() !== COLON) refuse("invalidArgument");
    this.#offset(assembler, 0x14);
  }

  #stack(assembler: Assembler): void {
    const { state, evaluator } = assembler;
    const first = evaluator.word(assembler.takeExpression());
    if (assembler.kind() === COLON) {
      if (first.relocation !== 1) state.recoverable("invalidAddress");
      setU16le(this.#header, 0x0e, Number(first.value));
      this.#offset(assembler, 0x10);
      this.#stackGiven = true;
      return;
    }
    // A negative number is a large one here.
    if ((Number(first.value) & 0xffff) < 0x10) refuse("invalidValue");
    if (first.relocation !== 0) refuse("invalidUseOfSymbol");
    setU16le(this.#header, 0x10, Number(first.value));
  }

  #heap(assembler: Assembler): void {
    const size = assembler.kind() === I_SIZE ? assembler.take(I_SIZE) : 0;
    if (size === 1 || size > 2) refuse("invalidValue");
    const value = assembler.evaluator.word(assembler.takeExpression());
    if (value.relocation !== 0) refuse("invalidUseOfSymbol");
    setU16le(this.#header, 0x0c, Number(value.value));
  }

  closePass(): void {}

  headerBytes(): number {
    return (HEADER + this.#relocations.length * 4 + 15) & ~15;
  }

  write(assembler: Assembler): Uint8Array {
    const code = flatOutput(assembler);
    const header = this.#header;
    let memory = assembler.state.at;
    const paragraphs = (bytes: number) => ((bytes - 1) >> 4) + 1;
    if (!this.#stackGiven) {
      const stackSegment = paragraphs(memory);
      setU16le(header, 0x0e, stackSegment);
      memory = stackSegment * 16 + u16le(header, 0x10);
    }
    const table = new Uint8Array(this.#relocations.length * 4);
    this.#relocations.forEach((at, index) => {
      let offset = at & 0xffff;
      let segment = (at >>> 16) << 12;
      if (offset === 0xffff) {
        segment++;
        offset -= 0x10;
      }
      setU16le(table, index * 4, offset);
      setU16le(table, index * 4 + 2, segment);
    });
    const headerSize = this.headerBytes();
    header[0] = 0x4d;
    header[1] = 0x5a;
    const size = code.length + headerSize;
    setU16le(header, 2, size & 0x1ff);
    setU16le(header, 4, (size >> 9) + ((size & 0x1ff) === 0 ? 0 : 1));
    setU16le(header, 6, this.#relocations.length);
    setU16le(header, 8, headerSize >> 4);
    const extra = paragraphs(memory) - paragraphs(code.length);
    setU16le(header, 0x0a, extra);
    // The most that is wanted is what is needed and the heap, as far as 16 bits go.
    setU16le(header, 0x0c, Math.min(u16le(header, 0x0c) + (extra & 0xffff), 0xffff));
    setU16le(header, 0x18, HEADER);
    return concat([header, table, new Uint8Array(headerSize - HEADER - table.length), code]);
  }
}
