/** What linkable formats share: sections, external and public symbols, relocations, in the order they arose. */
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import type { State } from "../state.ts";
import { type Label, SPACE } from "../symbols.ts";
import { I_EXPRESSION, I_LABEL, I_PUBLIC_MODE, I_SIZE, O_AS } from "../words.ts";

export const SECTION = 0;
export const RELOCATION = 1;
export const EXTERNAL = 2;
export const PUBLIC = 3;

/** What FASM calls the section that is there before any other. */
export const UNNAMED = ".flat";

/** A section, or an external symbol: what relocatable values are relative to. */
export interface ObjectBase {
  kind: number;
  /** As written; UNNAMED for the section that is there before any other. */
  name: string;
  /** SECTION: where it begins in the output and how long it is. EXTERNAL: the size of what it labels. */
  start: number;
  length: number;
  alignment: number;
  flags: number;
  /** Its number among the sections from 1, and among the symbols. */
  section: number;
  symbol: number;
}

export interface Relocation {
  readonly kind: typeof RELOCATION;
  readonly type: number;
  /** From the beginning of its section. */
  readonly offset: number;
  readonly base: ObjectBase;
}

export interface PublicSymbol {
  readonly kind: typeof PUBLIC;
  readonly name: string;
  readonly label: Label;
  readonly line: number;
  /** 0 for a plain public symbol, 1 static, more as written. */
  readonly mode: number;
  symbol: number;
}

export type ObjectEntry = ObjectBase | Relocation | PublicSymbol;

/** FASM compares bases by address, and addresses follow from what came before: the sizes of its entries. */
const sizes = [0x20, 0x0c, 0x0c, 0x10];

/** The entries of one pass. Bases are the same objects in every pass as long as as much stands before them. */
export class ObjectEntries {
  entries: ObjectEntry[] = [];
  #offset = 0;
  readonly #bases: Map<number, ObjectBase>;
  current!: ObjectBase;

  constructor(bases: Map<number, ObjectBase>) {
    this.#bases = bases;
  }

  #add(entry: ObjectEntry): void {
    this.entries.push(entry);
    this.#offset += sizes[entry.kind]!;
    if (this.entries.length > 1 << 22) refuse("outOfMemory");
  }

  #base(kind: number): ObjectBase {
    let base = this.#bases.get(this.#offset);
    if (!base) {
      base = { kind, name: "", start: 0, length: 0, alignment: 0, flags: 0, section: 0, symbol: 0 };
      this.#bases.set(this.#offset, base);
    }
    base.kind = kind;
    this.#add(base);
    return base;
  }

  section(name: string, start: number, alignment: number, flags: number): ObjectBase {
    const base = this.#base(SECTION);
    base.name = name;
    base.start = start;
    base.length = 0;
    base.alignment = alignment;
    base.flags = flags;
    this.current = base;
    return base;
  }

  external(name: string, size: number): ObjectBase {
    const base = this.#base(EXTERNAL);
    base.name = name;
    base.length = size;
    return base;
  }

  relocation(type: number, at: number, base: object | null): void {
    this.#add({ kind: RELOCATION, type, offset: at - this.current.start, base: base as ObjectBase });
  }

  publish(name: string, label: Label, line: number, mode: number): void {
    this.#add({ kind: PUBLIC, name, label, line, mode, symbol: 0 });
  }

  /** FASM leaves the first section out when it is empty, others exist, and nothing refers to it. */
  withoutIdleSection(pass: number): ObjectEntry[] {
    const { entries } = this;
    const first = entries[0] as ObjectBase;
    if (first.length !== 0 || !entries.some((entry) => entry.kind === SECTION && entry !== first))
      return entries;
    for (const entry of entries) {
      if (entry.kind === RELOCATION && (entry as Relocation).base === first) return entries;
      if (entry.kind === PUBLIC) {
        const { label } = entry as PublicSymbol;
        if (label.flags & 1 && label.definedIn === pass && label.base === first) return entries;
      }
    }
    return entries.slice(1);
  }
}

/** Ends a section; one of reserved data alone takes no room in the file. */
export function closeSection(state: State, objects: ObjectEntries): void {
  const section = objects.current;
  section.length = state.at - section.start;
  const reserved = state.undefinedEnd === state.at && section.start === state.undefinedStart;
  state.undefinedEnd = -1;
  if (!reserved) return;
  state.at = section.start;
  section.flags |= 0x80;
}

/** `extrn 'name' as label:size`. */
export function extrnDirective(assembler: Assembler, objects: ObjectEntries, relocation: number): void {
  const { state } = assembler;
  if (assembler.kind() !== I_EXPRESSION) refuse("invalidArgument");
  const name = assembler.takeString();
  if (assembler.kind() !== O_AS) refuse("invalidArgument");
  state.item++;
  if (assembler.kind() !== I_LABEL) refuse("invalidArgument");
  const label = assembler.labelOf(assembler.take(I_LABEL));
  let size = 0;
  if (assembler.kind() === 0x3a) {
    state.item++;
    size = assembler.take(I_SIZE);
  } else if (assembler.kind() === I_SIZE) size = assembler.take(I_SIZE);
  const base = objects.external(name, size);
  assembler.placeLabel(label, 0, size, relocation, base);
}

/** `public label as 'name'`. */
export function publicDirective(assembler: Assembler, objects: ObjectEntries): void {
  const { state } = assembler;
  let mode = 0;
  if (assembler.kind() === I_PUBLIC_MODE) mode = assembler.take(I_PUBLIC_MODE) & 7;
  const label = assembler.labelOf(assembler.take(I_LABEL));
  label.usedIn = state.pass;
  label.flags |= 8;
  state.refer(label);
  if (assembler.kind() !== O_AS) refuse("invalidArgument");
  state.item++;
  objects.publish(assembler.takeString(), label, state.currentLine, mode);
}

/**
 * Whether a public symbol is the label of an addressing space (`name::`). FASM takes the place of the space in its own
 * memory for the value then: beyond what 31 bits hold, and a random number in a file whose values have 64.
 */
export const isSpace = ({ flags }: Label): boolean => (flags & SPACE) !== 0;

/** The relocations that stand between a section and the next one. */
export function relocationsOf(entries: readonly { kind: number }[], section: number): Relocation[] {
  const found: Relocation[] = [];
  for (let at = section + 1; at < entries.length && entries[at]!.kind !== SECTION; at++) {
    if (entries[at]!.kind === RELOCATION) found.push(entries[at] as Relocation);
  }
  return found;
}
