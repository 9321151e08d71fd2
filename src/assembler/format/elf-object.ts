/** ELF object files (FASM.TXT 2.4.4; System V ABI, Intel386 and AMD64 supplements, chapter 4). */
import { concat, setU16le, setU32le, u32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { high32, low32 } from "../expression/int.ts";
import { refuse } from "../messages.ts";
import {
  type Base,
  PLT,
  RELATIVE_32,
  RELATIVE_PLT,
  RELOCATABLE_32,
  RELOCATABLE_64,
  RELOCATABLE_RVA,
} from "../operand.ts";
import { newSpace, type State } from "../state.ts";
import { DEFINED } from "../symbols.ts";
import { D_EXTRN, D_PUBLIC, D_SECTION, I_SECTION_FLAG, O_ALIGN } from "../words.ts";
import { putText } from "./coff.ts";
import { FORMAT_ELF, type Format } from "./format.ts";
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
  type Relocation,
  relocationsOf,
  SECTION,
  UNNAMED,
} from "./objects.ts";

/** Types of relocations. The first and the relative ones have the same numbers for both processors. */
const R_386_32 = 1;
const R_386_PC32 = 2;
const R_386_PLT32 = 4;
const R_386_GOTOFF = 9;
const R_X86_64_64 = 1;
const R_X86_64_32S = 11;

/** Types of sections. */
const PROGBITS = 1;
const SYMTAB = 2;
const STRTAB = 3;
const RELA = 4;
const NOBITS = 8;
const REL = 9;

/** Flags of sections: writeable 1, allocated 2, executable 4. */
const ALLOCATED = 2;
/** The section holds reserved data alone. */
const RESERVED = 0x80;

/** What differs between 32-bit and 64-bit files: lengths, places in the header, how relocations are written. */
interface Layout {
  readonly word: number;
  readonly header: number;
  readonly machine: number;
  readonly headerSize: number;
  readonly sectionSize: number;
  readonly sections: number;
  readonly sectionCount: number;
  readonly sectionHeader: number;
  readonly symbol: number;
  readonly relocation: number;
  /** Their section's type, and what its name begins with. */
  readonly relocationType: number;
  readonly relocationPrefix: string;
}

const ELF32: Layout = {
  word: 4,
  header: 0x34,
  machine: 3,
  headerSize: 0x28,
  sectionSize: 0x2e,
  sections: 0x20,
  sectionCount: 0x30,
  sectionHeader: 0x28,
  symbol: 0x10,
  relocation: 8,
  relocationType: REL,
  relocationPrefix: ".rel",
};

const ELF64: Layout = {
  word: 8,
  header: 0x40,
  machine: 62,
  headerSize: 0x34,
  sectionSize: 0x3a,
  sections: 0x28,
  sectionCount: 0x3c,
  sectionHeader: 0x40,
  symbol: 0x18,
  relocation: 24,
  relocationType: RELA,
  relocationPrefix: ".rela",
};

export class ElfObject implements Format {
  readonly number = FORMAT_ELF;
  readonly flat = false;
  extension = "o";
  readonly #objects: ObjectEntries;
  readonly #layout: Layout;
  readonly #wide: boolean;
  /** How labels move. */
  readonly #moves: number;

  constructor(assembler: Assembler, wide: boolean) {
    const { state } = assembler;
    const layout = wide ? ELF64 : ELF32;
    this.#layout = layout;
    this.#wide = wide;
    this.#moves = wide ? RELOCATABLE_64 : RELOCATABLE_32;
    state.room(layout.header);
    state.bytes.fill(0, 0, layout.header);
    state.bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1], 0);
    state.bytes[0x10] = 1;
    state.bytes[0x12] = layout.machine;
    state.bytes[0x14] = 1;
    state.bytes[layout.headerSize] = layout.header;
    state.bytes[layout.sectionSize] = layout.sectionHeader;
    state.at = layout.header;
    state.bits = wide ? 64 : 32;
    this.#objects = new ObjectEntries(assembler.objectBases);
    const section = this.#objects.section(UNNAMED, state.at, layout.word, 7);
    const space = newSpace(state.at);
    space.symbol = section;
    space.relocation = this.#moves;
    state.space = space;
    state.addSpace(space);
  }

  relocate(state: State, relocation: number, base: Base): number {
    const section = this.#objects.current;
    if (relocation === RELATIVE_32 || relocation === RELATIVE_PLT) {
      if (state.space.relocation === 0) refuse("invalidUseOfSymbol");
      this.#objects.relocation(relocation === RELATIVE_32 ? R_386_PC32 : R_386_PLT32, state.at, base);
      return state.at - section.start;
    }
    if (relocation < 0 || relocation > RELOCATABLE_RVA) refuse("invalidUseOfSymbol");
    this.#objects.relocation(this.#type(relocation), state.at, base);
    return 0;
  }

  #type(relocation: number): number {
    if (relocation !== RELOCATABLE_RVA) {
      if (this.#wide) return relocation === RELOCATABLE_64 ? R_X86_64_64 : R_X86_64_32S;
      return R_386_32;
    }
    return this.#wide ? refuse("invalidUseOfSymbol") : R_386_GOTOFF;
  }

  rva(state: State, term: { relocation: number }): void {
    if (this.#wide) refuse("invalidExpression");
    if (term.relocation !== RELOCATABLE_32) state.misuse();
    term.relocation = RELOCATABLE_RVA;
  }

  plt(state: State, term: { relocation: number; value: number | bigint; base: Base }): void {
    const base = term.base as ObjectBase | null;
    if (term.value !== 0 || term.relocation !== this.#moves || base?.kind !== EXTERNAL) state.misuse();
    term.relocation = PLT;
  }

  alignment(state: State): number {
    const base = state.space.symbol as ObjectBase | null;
    return base?.kind === SECTION ? base.alignment : 0;
  }

  directive(assembler: Assembler, directive: number): void {
    assembler.onlyOnceIfSetting(directive);
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
        refuse("illegalInstruction");
    }
  }

  #section(assembler: Assembler): void {
    const { state, program } = assembler;
    closeSection(state, this.#objects);
    const section = this.#objects.section(UNNAMED, state.at, 0, ALLOCATED);
    const space = assembler.createSpace();
    space.symbol = section;
    space.relocation = this.#moves;
    section.name = assembler.takeString();
    for (;;) {
      const kind = assembler.kind();
      if (kind === I_SECTION_FLAG) {
        const flag = program.values[state.item++]!;
        if (flag !== 29 && flag !== 31) refuse("invalidArgument");
        const bit = flag === 31 ? 1 : 4;
        if (section.flags & bit) refuse("settingAlreadySpecified");
        section.flags |= bit;
      } else if (kind === O_ALIGN) {
        state.item++;
        const alignment = assembler.evaluator.count(assembler.takeNumeric());
        if (alignment === 0 || (alignment & (alignment - 1)) !== 0) refuse("invalidValue");
        if (section.alignment !== 0) refuse("settingAlreadySpecified");
        section.alignment = alignment;
      } else break;
    }
    if (section.alignment === 0) section.alignment = this.#layout.word;
  }

  closePass(assembler: Assembler): void {
    closeSection(assembler.state, this.#objects);
  }

  entries(pass: number): readonly ObjectEntry[] {
    return this.#objects.withoutIdleSection(pass);
  }

  /** Header and code, relocations, symbols, names, section headers: FASM's order. */
  write(assembler: Assembler): Uint8Array {
    const { state } = assembler;
    const entries = this.#objects.withoutIdleSection(state.pass);
    const layout = this.#layout;
    const { word } = layout;
    const names = new Names(layout.relocationPrefix);
    const sections = entries.flatMap((entry, index) =>
      entry.kind === SECTION
        ? [{ section: entry as ObjectBase, relocations: relocationsOf(entries, index), name: 0, index: 0 }]
        : [],
    );
    // Sections come first among the symbols, each followed by its relocations among the sections.
    let symbolCount = 0;
    let sectionCount = 0;
    for (const part of sections) {
      part.section.symbol = ++symbolCount;
      part.index = ++sectionCount;
      part.section.section = part.index;
      if (part.relocations.length > 0) sectionCount++;
    }
    for (const entry of entries) {
      if (entry.kind === EXTERNAL) (entry as ObjectBase).symbol = ++symbolCount;
      else if (entry.kind === PUBLIC) (entry as PublicSymbol).symbol = ++symbolCount;
    }
    if (sectionCount + 3 > 0xffff) refuse("formatLimitationsExceeded");
    for (const part of sections) part.name = names.section(part.section, part.relocations.length > 0);
    const symbols = this.#symbols(assembler, entries, symbolCount, names);
    const nameBytes = names.bytes();
    const code = new Uint8Array((state.at + word - 1) & -word);
    code.set(state.bytes.subarray(0, state.at));
    const relocationTables: Uint8Array[] = [];
    const headers = new SectionHeaders(layout, sectionCount + 3);
    let relocationsAt = code.length;
    for (const { section, relocations, name, index } of sections) {
      const reserved = section.length === 0 || (section.flags & RESERVED) !== 0;
      headers.add({
        name,
        type: reserved ? NOBITS : PROGBITS,
        flags: section.flags & 0x3f,
        at: section.start,
        length: section.length,
        alignment: section.alignment,
      });
      if (relocations.length === 0) continue;
      const table = this.#relocations(code, section, relocations);
      headers.add({
        name: name - layout.relocationPrefix.length,
        type: layout.relocationType,
        at: relocationsAt,
        length: table.length,
        link: sectionCount + 1,
        info: index,
        alignment: word,
        entry: layout.relocation,
      });
      relocationTables.push(table);
      relocationsAt += table.length;
    }
    const symbolsAt = relocationsAt;
    const namesAt = symbolsAt + symbols.length;
    const padding = -nameBytes.length & (word - 1);
    headers.add({
      name: 1,
      type: SYMTAB,
      at: symbolsAt,
      length: symbols.length,
      link: sectionCount + 2,
      info: sections.length + 1,
      alignment: word,
      entry: layout.symbol,
    });
    headers.add({ name: 9, type: STRTAB, at: namesAt, length: nameBytes.length, alignment: 1 });
    setU32le(code, layout.sections, namesAt + nameBytes.length + padding);
    setU16le(code, layout.sectionCount, sectionCount + 3);
    setU16le(code, layout.sectionCount + 2, sectionCount + 2);
    return concat([code, ...relocationTables, symbols, nameBytes, new Uint8Array(padding), headers.bytes]);
  }

  /** In 64-bit files what is to be added stands here and no longer in the code. */
  #relocations(code: Uint8Array, section: ObjectBase, relocations: readonly Relocation[]): Uint8Array {
    const { relocation: size } = this.#layout;
    const table = new Uint8Array(relocations.length * size);
    relocations.forEach(({ offset, base, type }, n) => {
      const at = n * size;
      setU32le(table, at, offset);
      if (!this.#wide) {
        setU32le(table, at + 4, base.symbol * 256 + type);
        return;
      }
      setU32le(table, at + 8, type);
      setU32le(table, at + 12, base.symbol);
      const place = section.start + offset;
      const low = u32le(code, place);
      setU32le(code, place, 0);
      setU32le(table, at + 16, low);
      if (type === R_X86_64_64) {
        setU32le(table, at + 20, u32le(code, place + 4));
        setU32le(code, place + 4, 0);
      } else setU32le(table, at + 20, low >> 31);
    });
    return table;
  }

  #symbols(assembler: Assembler, entries: readonly ObjectEntry[], count: number, names: Names): Uint8Array {
    const { symbol: size } = this.#layout;
    const table = new Uint8Array((count + 1) * size);
    for (const entry of entries) {
      const at = (entry as ObjectBase | PublicSymbol).symbol * size;
      if (entry.kind === SECTION) {
        const section = entry as ObjectBase;
        const name = names.sectionOffset(section);
        this.#putSymbol(table, at, { name, info: 3, section: section.section, value: 0, size: 0 });
      } else if (entry.kind === EXTERNAL) {
        const { name, length } = entry as ObjectBase;
        this.#putSymbol(table, at, { name: names.add(name), info: 0x10, section: 0, value: 0, size: length });
      } else if (entry.kind === PUBLIC) this.#public(assembler, entry as PublicSymbol, table, at, names);
    }
    return table;
  }

  #public(assembler: Assembler, entry: PublicSymbol, table: Uint8Array, at: number, names: Names): void {
    const { state } = assembler;
    const { label } = entry;
    state.currentLine = entry.line;
    if (entry.mode !== 0) refuse("invalidArgument");
    if ((label.flags & DEFINED) === 0 || label.definedIn !== state.pass) assembler.refuseUndefined(label);
    let section = 0xfff1;
    if (label.relocation !== 0) {
      const base = label.base as ObjectBase;
      if (base.kind !== SECTION || label.relocation !== this.#moves) refuse("invalidUseOfSymbol");
      section = base.section;
    }
    const bits = this.#wide ? 63 : 31;
    if (!this.#wide && isSpace(label)) refuse("valueOutOfRange");
    if (label.value >= 2 ** bits || label.value < -(2 ** bits)) refuse("valueOutOfRange");
    this.#putSymbol(table, at, {
      name: names.add(entry.name),
      info: label.size === 0 ? 0x12 : 0x11,
      section,
      value: label.value,
      size: label.size,
    });
  }

  #putSymbol(
    table: Uint8Array,
    at: number,
    symbol: { name: number; info: number; section: number; value: number | bigint; size: number },
  ): void {
    const { name, info, section, value, size } = symbol;
    setU32le(table, at, name);
    if (this.#wide) {
      table[at + 4] = info;
      setU16le(table, at + 6, section);
      setU32le(table, at + 8, low32(value));
      setU32le(table, at + 12, high32(value));
      // FASM lets the upper bytes of the value stand in both halves of the size that follows it.
      const rest = high32(value) & ~0xff;
      setU32le(table, at + 16, rest | size);
      setU32le(table, at + 20, rest);
      return;
    }
    setU32le(table, at + 4, low32(value));
    setU32le(table, at + 8, size);
    table[at + 12] = info;
    setU16le(table, at + 14, section);
  }
}

interface SectionHeader {
  readonly name: number;
  readonly type: number;
  readonly flags?: number;
  readonly at: number;
  readonly length: number;
  readonly link?: number;
  readonly info?: number;
  readonly alignment: number;
  readonly entry?: number;
}

/** The headers of all sections; the first of them describes none. */
class SectionHeaders {
  readonly bytes: Uint8Array;
  readonly #word: number;
  #at: number;

  constructor(layout: Layout, count: number) {
    this.bytes = new Uint8Array(count * layout.sectionHeader);
    this.#word = layout.word;
    this.#at = layout.sectionHeader;
  }

  add(header: SectionHeader): void {
    const { name, type, flags = 0, at, length, link = 0, info = 0, alignment, entry = 0 } = header;
    this.#put(4, name, type);
    this.#put(this.#word, flags, 0, at, length);
    this.#put(4, link, info);
    this.#put(this.#word, alignment, entry);
  }

  #put(size: number, ...fields: number[]): void {
    for (const field of fields) {
      setU32le(this.bytes, this.#at, field);
      this.#at += size;
    }
  }
}

/** The table of names: those of the two tables themselves, then every symbol's, in the order of the symbols. */
class Names {
  readonly #parts: string[] = ["\0.symtab\0.strtab\0"];
  #length = this.#parts[0]!.length;
  readonly #sections = new Map<ObjectBase, number>();
  readonly #prefix: string;

  /** `prefix`: what the names of sections of relocations begin with. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(name: string): number {
    const at = this.#length;
    this.#parts.push(`${name}\0`);
    this.#length += name.length + 1;
    return at;
  }

  /** A section's name; that of its relocations is the same with a prefix, and shares its letters. */
  section(section: ObjectBase, hasRelocations: boolean): number {
    if (hasRelocations) {
      this.#parts.push(this.#prefix);
      this.#length += this.#prefix.length;
    }
    const at = this.add(section.name);
    this.#sections.set(section, at);
    return at;
  }

  sectionOffset(section: ObjectBase): number {
    return this.#sections.get(section) ?? 0;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      putText(bytes, at, part, part.length);
      at += part.length;
    }
    return bytes;
  }
}
