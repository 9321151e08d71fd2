/**
 * COFF object files, DJGPP's and Microsoft's, the latter for 64-bit processors too (FASM.TXT 2.4.3; Microsoft PE/COFF
 * specification, sections 3 - 5).
 */

import { setU16le, setU32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import { type Base, RELATIVE_32, RELOCATABLE_32, RELOCATABLE_64, RELOCATABLE_RVA } from "../operand.ts";
import { newSpace, type State } from "../state.ts";
import { DEFINED } from "../symbols.ts";
import { D_EXTRN, D_PUBLIC, D_SECTION, I_SECTION_FLAG, O_ALIGN } from "../words.ts";
import { FORMAT_COFF, type Format } from "./format.ts";
import {
  closeSection,
  EXTERNAL,
  extrnDirective,
  isSpace,
  type ObjectBase,
  ObjectEntries,
  type ObjectEntry,
  PUBLIC,
  type PublicSymbol,
  publicDirective,
  RELOCATION,
  relocationsOf,
  SECTION,
  UNNAMED,
} from "./objects.ts";

/** Types of relocations: IMAGE_REL_I386_DIR32, DIR32NB, REL32. */
const types32: ReadonlyMap<number, number> = new Map([
  [RELOCATABLE_32, 6],
  [RELOCATABLE_RVA, 7],
  [RELATIVE_32, 20],
]);
/** IMAGE_REL_AMD64_ADDR64, ADDR32, ADDR32NB, REL32. */
const types64: ReadonlyMap<number, number> = new Map([
  [RELOCATABLE_64, 1],
  [RELOCATABLE_32, 2],
  [RELOCATABLE_RVA, 3],
  [RELATIVE_32, 4],
]);
const MACHINE_32 = 0x14c;
const MACHINE_64 = 0x8664;

const HEADER = 0x14;
const SECTION_HEADER = 0x28;
const SYMBOL = 0x12;

export class CoffFormat implements Format {
  readonly number = FORMAT_COFF;
  readonly flat = false;
  extension = "obj";
  readonly #microsoft: boolean;
  readonly #wide: boolean;
  /** How labels move. */
  readonly #moves: number;
  readonly #objects: ObjectEntries;
  #headers = 0;

  constructor(assembler: Assembler, microsoft: boolean, wide: boolean) {
    const { state } = assembler;
    this.#microsoft = microsoft;
    this.#wide = wide;
    this.#moves = wide ? RELOCATABLE_64 : RELOCATABLE_32;
    this.#objects = new ObjectEntries(assembler.objectBases);
    const section = this.#objects.section(UNNAMED, state.at, 4, microsoft ? 0xe0000060 : 0x60);
    const space = newSpace(state.at);
    space.symbol = section;
    space.relocation = this.#moves;
    state.space = space;
    state.addSpace(space);
    state.bits = wide ? 64 : 32;
  }

  relocate(state: State, relocation: number, base: Base): number {
    const section = this.#objects.current;
    const type = (this.#wide ? types64 : types32).get(relocation);
    if (type === undefined) return refuse("invalidUseOfSymbol");
    if (relocation === RELATIVE_32 && state.space.relocation !== this.#moves) refuse("invalidUseOfSymbol");
    this.#objects.relocation(type, state.at, base);
    // The linker of Microsoft adds the place itself; the other one expects it in the value.
    return relocation === RELATIVE_32 && this.#microsoft ? state.at - section.start + 4 : 0;
  }

  rva(state: State, term: { relocation: number }): void {
    // FASM asks for a 32-bit address here, so in 64-bit files labels have none.
    if (term.relocation !== RELOCATABLE_32) state.misuse();
    term.relocation = RELOCATABLE_RVA;
  }

  plt(): never {
    return refuse("invalidExpression");
  }

  alignment(state: State): number {
    const base = state.space.symbol as ObjectBase | null;
    return base?.kind === SECTION ? base.alignment : 0;
  }

  directive(assembler: Assembler, directive: number): void {
    switch (directive) {
      case D_SECTION:
        this.#section(assembler);
        return;
      case D_EXTRN:
        extrnDirective(assembler, this.#objects, this.#moves);
        return;
      case D_PUBLIC:
        publicDirective(assembler, this.#objects);
        return;
      default:
        assembler.onlyOnceIfSetting(directive);
        refuse("illegalInstruction");
    }
  }

  #section(assembler: Assembler): void {
    const { state, program } = assembler;
    closeSection(state, this.#objects);
    const section = this.#objects.section(UNNAMED, state.at, 0, 0);
    const space = assembler.createSpace();
    space.symbol = section;
    space.relocation = this.#moves;
    section.name = assembler.takeString();
    if (section.name.length > 8) refuse("nameTooLong");
    for (;;) {
      const kind = assembler.kind();
      if (kind === I_SECTION_FLAG) {
        const flag = program.values[state.item++]!;
        if (!this.#microsoft && flag > 7) refuse("invalidArgument");
        const bit = (1 << flag) >>> 0;
        if ((section.flags & bit) !== 0) refuse("settingAlreadySpecified");
        section.flags = (section.flags | bit) >>> 0;
      } else if (kind === O_ALIGN) {
        if (!this.#microsoft) refuse("invalidArgument");
        state.item++;
        const alignment = assembler.evaluator.count(assembler.takeNumeric());
        if (alignment === 0 || (alignment & (alignment - 1)) !== 0 || alignment > 0x2000)
          refuse("invalidValue");
        section.flags = (section.flags | ((32 - Math.clz32(alignment)) << 20)) >>> 0;
        if (section.alignment !== 0) refuse("settingAlreadySpecified");
        section.alignment = alignment;
      } else break;
    }
    if (section.alignment !== 0) return;
    section.alignment = 4;
    if (this.#microsoft) section.flags = (section.flags | 0x300000) >>> 0;
  }

  closePass(assembler: Assembler): void {
    closeSection(assembler.state, this.#objects);
  }

  headerBytes(): number {
    return this.#headers;
  }

  entries(pass: number): readonly ObjectEntry[] {
    return this.#objects.withoutIdleSection(pass);
  }

  write(assembler: Assembler): Uint8Array {
    const { state } = assembler;
    const entries = this.#objects.withoutIdleSection(state.pass);
    const sections = entries.filter((entry): entry is ObjectBase => entry.kind === SECTION);
    let symbols = 0;
    let relocations = 0;
    sections.forEach((section, index) => {
      section.section = index + 1;
    });
    for (const entry of entries) {
      if (entry.kind === RELOCATION) {
        relocations++;
        continue;
      }
      (entry as ObjectBase | PublicSymbol).symbol = symbols++;
      if (entry.kind === PUBLIC && isAlias(entry as PublicSymbol)) symbols++;
    }
    const headers = HEADER + SECTION_HEADER * sections.length;
    this.#headers = headers;
    const code = state.bytes.subarray(0, state.at);
    const extended = this.#countExtended(entries);
    const symbolsAt = headers + code.length + (relocations + extended) * 10;
    const strings = new StringTable();
    const table = this.#symbolTable(assembler, entries, symbols, strings);
    const stringBytes = strings.bytes();
    const output = new Uint8Array(symbolsAt + table.length + stringBytes.length);
    setU16le(output, 0, this.#wide ? MACHINE_64 : MACHINE_32);
    setU16le(output, 2, sections.length);
    setU32le(output, 4, state.epochSeconds);
    setU32le(output, 8, symbolsAt);
    setU32le(output, 12, symbols);
    setU16le(output, 0x12, this.#microsoft ? 0x184 : 0x104);
    output.set(code, headers);
    let relocationAt = headers + code.length;
    let header = HEADER;
    for (let index = 0; index < entries.length; index++) {
      const section = entries[index]!;
      if (section.kind !== SECTION) continue;
      const { name, length, flags, start } = section as ObjectBase;
      putText(output, header, name, 8);
      setU32le(output, header + 0x10, length);
      setU32le(output, header + 0x24, flags);
      if ((flags & 0x80) === 0) setU32le(output, header + 0x14, start + headers);
      const own = relocationsOf(entries, index);
      if (own.length > 0) setU32le(output, header + 0x18, relocationAt);
      if (own.length > 0xffff) {
        if (!this.#microsoft) refuse("formatLimitationsExceeded");
        setU16le(output, header + 0x20, 0xffff);
        setU32le(output, header + 0x24, flags | 0x1000000);
        setU32le(output, relocationAt, own.length + 1);
        relocationAt += 10;
      } else setU16le(output, header + 0x20, own.length);
      for (const { offset, base, type } of own) {
        setU32le(output, relocationAt, offset);
        setU32le(output, relocationAt + 4, base.symbol);
        setU16le(output, relocationAt + 8, type);
        relocationAt += 10;
      }
      header += SECTION_HEADER;
    }
    output.set(table, symbolsAt);
    output.set(stringBytes, symbolsAt + table.length);
    return output;
  }

  /** Sections with more relocations than 16 bits count take one entry more, which holds the count. */
  #countExtended(entries: readonly { kind: number }[]): number {
    let extended = 0;
    entries.forEach((entry, index) => {
      if (entry.kind === SECTION && relocationsOf(entries, index).length > 0xffff) extended++;
    });
    return extended;
  }

  #symbolTable(
    assembler: Assembler,
    entries: readonly { kind: number }[],
    symbols: number,
    strings: StringTable,
  ): Uint8Array {
    const table = new Uint8Array(symbols * SYMBOL);
    let at = 0;
    for (const entry of entries) {
      if (entry.kind === RELOCATION) continue;
      strings.name(table, at, (entry as ObjectBase | PublicSymbol).name);
      if (entry.kind === SECTION) {
        setU16le(table, at + 12, (entry as ObjectBase).section);
        table[at + 16] = 3;
      } else if (entry.kind === EXTERNAL) {
        table[at + 16] = 2;
      } else {
        at = this.#publicSymbol(assembler, entry as PublicSymbol, table, at);
      }
      at += SYMBOL;
    }
    return table;
  }

  #publicSymbol(assembler: Assembler, entry: PublicSymbol, table: Uint8Array, at: number): number {
    const { state } = assembler;
    const { label } = entry;
    state.currentLine = entry.line;
    if ((label.flags & DEFINED) === 0 || label.definedIn !== state.pass) assembler.refuseUndefined(label);
    if (label.relocation === 0) setU16le(table, at + 12, 0xffff);
    else {
      if (label.relocation !== this.#moves) refuse("invalidUseOfSymbol");
      const base = label.base as ObjectBase;
      if (base.kind === EXTERNAL) {
        if (!this.#microsoft || label.value !== 0) refuse("invalidUseOfSymbol");
        table[at + 16] = 0x69;
        table[at + 17] = 1;
        setU32le(table, at + SYMBOL, base.symbol);
        table[at + SYMBOL + 4] = 3;
        return at + SYMBOL;
      }
      setU16le(table, at + 12, base.section);
    }
    if (isSpace(label) || label.value > 0x7fffffff || label.value < -0x80000000) refuse("valueOutOfRange");
    setU32le(table, at + 8, Number(label.value));
    table[at + 16] = entry.mode === 0 ? 2 : entry.mode === 1 ? 3 : 105;
    return at;
  }
}

function isAlias({ label }: PublicSymbol): boolean {
  return label.relocation !== 0 && (label.base as ObjectBase | null)?.kind === EXTERNAL;
}

export function putText(bytes: Uint8Array, at: number, text: string, limit: number): void {
  for (let n = 0; n < text.length && n < limit; n++) bytes[at + n] = text.charCodeAt(n);
}

class StringTable {
  readonly #texts: string[] = [];
  #length = 4;

  /** Eight letters in place, or the offset of a longer name in this table. */
  name(table: Uint8Array, at: number, name: string): void {
    if (name.length <= 8) {
      putText(table, at, name, 8);
      return;
    }
    setU32le(table, at + 4, this.#length);
    this.#texts.push(name);
    this.#length += name.length + 1;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    setU32le(bytes, 0, this.#length);
    let at = 4;
    for (const text of this.#texts) {
      putText(bytes, at, text, text.length);
      at += text.length + 1;
    }
    return bytes;
  }
}
