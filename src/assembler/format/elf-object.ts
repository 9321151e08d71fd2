/** ELF object files for 32-bit processors (FASM.TXT 2.4.4; System V ABI, Intel386 supplement, chapter 4). */
import { concat, setU16le, setU32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import type { Base } from "../operand.ts";
import { newSpace, type State } from "../state.ts";
import { DEFINED } from "../symbols.ts";
import { D_EXTRN, D_PUBLIC, D_SECTION, I_SECTION_FLAG, O_ALIGN } from "../words.ts";
import { putText } from "./coff.ts";
import { FORMAT_ELF, type Format } from "./format.ts";
import {
  closeSection,
  EXTERNAL,
  extrnDirective,
  type ObjectBase,
  ObjectEntries,
  type ObjectEntry,
  PUBLIC,
  type PublicSymbol,
  publicDirective,
  relocationsOf,
  SECTION,
} from "./objects.ts";

const R_386_32 = 1;
const R_386_PC32 = 2;
const R_386_PLT32 = 4;
const R_386_GOTOFF = 9;

const HEADER = 0x34;
const SYMBOL = 0x10;
/** Flags of sections: writeable 1, allocated 2, executable 4. */
const ALLOCATED = 2;
/** The section holds reserved data alone. */
const RESERVED = 0x80;

export class ElfObject implements Format {
  readonly number = FORMAT_ELF;
  readonly flat = false;
  readonly extension = "o";
  readonly #objects: ObjectEntries;

  constructor(assembler: Assembler) {
    const { state } = assembler;
    state.room(HEADER);
    state.bytes.fill(0, 0, HEADER);
    state.bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1], 0);
    state.bytes[0x10] = 1;
    state.bytes[0x12] = 3;
    state.bytes[0x14] = 1;
    state.bytes[0x28] = HEADER;
    state.bytes[0x2e] = 0x28;
    state.at = HEADER;
    state.bits = 32;
    this.#objects = new ObjectEntries(assembler.objectBases);
    const section = this.#objects.section("", state.at, 4, 7);
    const space = newSpace(state.at);
    space.symbol = section;
    space.relocation = 2;
    state.space = space;
    state.addSpace(space);
  }

  relocate(state: State, relocation: number, base: Base): number {
    const section = this.#objects.current;
    if (relocation === 3 || relocation === 7) {
      if (state.space.relocation === 0) refuse("invalidUseOfSymbol");
      this.#objects.relocation(relocation === 3 ? R_386_PC32 : R_386_PLT32, state.at, base);
      return state.at - section.start;
    }
    if (relocation > 5) refuse("invalidUseOfSymbol");
    this.#objects.relocation(relocation === 5 ? R_386_GOTOFF : R_386_32, state.at, base);
    return 0;
  }

  rva(state: State, term: { relocation: number }): void {
    if (term.relocation !== 2) state.misuse();
    term.relocation = 5;
  }

  plt(state: State, term: { relocation: number; value: number | bigint; base: Base }): void {
    const base = term.base as ObjectBase | null;
    if (term.value !== 0 || term.relocation !== 2 || base?.kind !== EXTERNAL) state.misuse();
    term.relocation = 6;
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
        extrnDirective(assembler, this.#objects, 2);
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
    const section = this.#objects.section("", state.at, 0, ALLOCATED);
    const space = assembler.createSpace();
    space.symbol = section;
    space.relocation = 2;
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
    if (section.alignment === 0) section.alignment = 4;
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
    const names = new Names();
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
    for (const part of sections) part.name = names.section(part.section.name, part.relocations.length > 0);
    const symbols = this.#symbols(assembler, entries, symbolCount, names);
    const nameBytes = names.bytes();
    const code = new Uint8Array((state.at + 3) & ~3);
    code.set(state.bytes.subarray(0, state.at));
    const relocationTables: Uint8Array[] = [];
    const headers = new Uint8Array((sectionCount + 3) * 0x28);
    let at = 0x28;
    let relocationsAt = code.length;
    const put = (...fields: number[]) => {
      for (const field of fields) {
        setU32le(headers, at, field);
        at += 4;
      }
    };
    for (const { section, relocations, name, index } of sections) {
      const reserved = section.length === 0 || (section.flags & RESERVED) !== 0;
      put(
        name,
        reserved ? 8 : 1,
        section.flags & 0x3f,
        0,
        section.start,
        section.length,
        0,
        0,
        section.alignment,
        0,
      );
      if (relocations.length === 0) continue;
      const table = new Uint8Array(relocations.length * 8);
      relocations.forEach(({ offset, base, type }, n) => {
        setU32le(table, n * 8, offset);
        setU32le(table, n * 8 + 4, base.symbol * 256 + type);
      });
      put(name - 4, 9, 0, 0, relocationsAt, table.length, sectionCount + 1, index, 4, 8);
      relocationTables.push(table);
      relocationsAt += table.length;
    }
    const symbolsAt = relocationsAt;
    const padding = -nameBytes.length & 3;
    const locals = sections.length + 1;
    put(1, 2, 0, 0, symbolsAt, symbols.length, sectionCount + 2, locals, 4, SYMBOL);
    put(9, 3, 0, 0, symbolsAt + symbols.length, nameBytes.length, 0, 0, 1, 0);
    setU32le(code, 0x20, symbolsAt + symbols.length + nameBytes.length + padding);
    setU16le(code, 0x30, sectionCount + 3);
    setU16le(code, 0x32, sectionCount + 2);
    return concat([code, ...relocationTables, symbols, nameBytes, new Uint8Array(padding), headers]);
  }

  #symbols(assembler: Assembler, entries: readonly ObjectEntry[], count: number, names: Names): Uint8Array {
    const table = new Uint8Array((count + 1) * SYMBOL);
    for (const entry of entries) {
      const at = (entry as ObjectBase | PublicSymbol).symbol * SYMBOL;
      if (entry.kind === SECTION) {
        const section = entry as ObjectBase;
        setU32le(table, at, names.sectionOffset(section.name));
        table[at + 12] = 3;
        setU16le(table, at + 14, section.section);
      } else if (entry.kind === EXTERNAL) {
        setU32le(table, at, names.add((entry as ObjectBase).name));
        setU32le(table, at + 8, (entry as ObjectBase).length);
        table[at + 12] = 0x10;
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
      if (base.kind !== SECTION || label.relocation !== 2) refuse("invalidUseOfSymbol");
      section = base.section;
    }
    if (label.value > 0x7fffffff || label.value < -0x80000000) refuse("valueOutOfRange");
    setU32le(table, at, names.add(entry.name));
    setU32le(table, at + 4, Number(label.value));
    setU32le(table, at + 8, label.size);
    table[at + 12] = label.size === 0 ? 0x12 : 0x11;
    setU16le(table, at + 14, section);
  }
}

/** The table of names: those of the two tables themselves, then every symbol's, in the order of the symbols. */
class Names {
  readonly #parts: string[] = ["\0.symtab\0.strtab\0"];
  #length = this.#parts[0]!.length;
  readonly #sections = new Map<string, number>();

  add(name: string): number {
    const at = this.#length;
    this.#parts.push(`${name}\0`);
    this.#length += name.length + 1;
    return at;
  }

  /** A section's name; that of its relocations is the same with a prefix, and shares its letters. */
  section(name: string, hasRelocations: boolean): number {
    if (hasRelocations) {
      this.#parts.push(".rel");
      this.#length += 4;
    }
    const at = this.add(name === "" ? ".flat" : name);
    this.#sections.set(name, at);
    return at;
  }

  sectionOffset(name: string): number {
    return this.#sections.get(name) ?? 0;
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
