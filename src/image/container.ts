/**
 * Reads what other systems keep code in: ELF (System V ABI, chapter 4), PE and COFF (Microsoft PE and COFF Specification)
 * and MZ, as far as a disassembly needs it: sections, the entry and symbols. Nothing here is loaded or run.
 */
import { latin1, u16le, u32le } from "../base/index.ts";

/** A stretch of a file with the address that its first byte has in memory, 0 in object files. */
export interface Section {
  readonly name: string;
  readonly address: number;
  /** Where its bytes begin in the file, and how many there are. */
  readonly at: number;
  readonly length: number;
  readonly code: boolean;
}

export interface Container {
  /** "ELF object", "PE executable", … */
  readonly kind: string;
  readonly bits: 16 | 32 | 64;
  readonly sections: readonly Section[];
  /** The address at which it begins, unless it is an object. */
  readonly entry: number | undefined;
  /** Names of addresses; `section` is the number of the one they are in, -1 for addresses of the whole program. */
  readonly symbols: readonly { readonly name: string; readonly address: number; readonly section: number }[];
}

/** What the bytes are; undefined when they are none of these. Headers that lead out of the file are an error. */
export function readContainer(bytes: Uint8Array): Container | { error: string } | undefined {
  // A source may begin with these letters too.
  if (!bytes.includes(0)) return undefined;
  const file = new Reader(bytes);
  try {
    if (file.u32(0) === ELF_MAGIC) return elf(file);
    if (file.u16(0) === MZ_MAGIC) {
      const header = bytes.length >= 0x40 ? file.u32(0x3c) : 0;
      const isPe = header > 0 && header + 4 <= bytes.length && file.u32(header) === PE_MAGIC;
      return isPe ? pe(file, header + 4) : mz(file);
    }
    const machine = file.u16(0);
    return machine === I386 || machine === AMD64 ? coff(file) : undefined;
  } catch (error) {
    if (error instanceof OutOfFile) return bytes.length < 0x14 ? undefined : { error: error.message };
    throw error;
  }
}

const ELF_MAGIC = 0x464c_457f;
const PE_MAGIC = 0x4550;
const MZ_MAGIC = 0x5a4d;
/** IMAGE_FILE_MACHINE_… */
const I386 = 0x14c;
const AMD64 = 0x8664;

class OutOfFile extends Error {}

/** Little-endian numbers at places that a file itself names. */
class Reader {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  #check(at: number, length: number): void {
    if (!(at >= 0 && at + length <= this.bytes.length))
      throw new OutOfFile(`its headers point to 0x${at.toString(16)}, beyond its end`);
  }

  u16(at: number): number {
    this.#check(at, 2);
    return u16le(this.bytes, at);
  }

  u32(at: number): number {
    this.#check(at, 4);
    return u32le(this.bytes, at);
  }

  u64(at: number): number {
    return this.u32(at + 4) * 2 ** 32 + this.u32(at);
  }

  /** Characters up to a zero, `limit` at most. */
  text(at: number, limit = 256): string {
    this.#check(at, 0);
    const bytes = this.bytes.subarray(at, at + limit);
    const end = bytes.indexOf(0);
    return latin1(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** How much of a stretch is in the file. */
  inside(at: number, length: number): number {
    return Math.max(0, Math.min(length, this.bytes.length - at));
  }
}

function elf(file: Reader): Container | { error: string } {
  const long = file.bytes[4] === 2;
  const machine = file.u16(18);
  if (machine !== 3 && machine !== 62) return { error: `its machine is number ${machine}, no x86` };
  const word = (at: number): number => (long ? file.u64(at) : file.u32(at));
  const type = file.u16(16);
  const isObject = type === 1;
  const table = word(long ? 0x28 : 0x20);
  const entrySize = file.u16(long ? 0x3a : 0x2e);
  const count = table === 0 ? 0 : file.u16(long ? 0x3c : 0x30);
  const place = (number: number): number => table + number * entrySize;
  const field = (number: number, at32: number, at64: number): number =>
    word(place(number) + (long ? at64 : at32));
  const offsetOf = (number: number): number => field(number, 0x10, 0x18);
  const sizeOf = (number: number): number => field(number, 0x14, 0x20);
  const names = count > 0 ? offsetOf(file.u16(long ? 0x3e : 0x32)) : 0;
  const sections: Section[] = [];
  const symbols: { name: string; address: number; section: number }[] = [];
  /** Ours of ELF's numbers. */
  const numbers = new Map<number, number>();
  for (let number = 0; number < count; number++) {
    const kind = file.u32(place(number) + 4);
    const flags = field(number, 8, 8);
    // SHT_PROGBITS with SHF_ALLOC; SHF_EXECINSTR tells code.
    if (kind !== 1 || (flags & 2) === 0) continue;
    numbers.set(number, sections.length);
    const at = offsetOf(number);
    sections.push({
      name: file.text(names + file.u32(place(number))),
      address: field(number, 0xc, 0x10),
      at,
      length: file.inside(at, sizeOf(number)),
      code: (flags & 4) !== 0,
    });
  }
  for (let number = 0; number < count; number++) {
    if (file.u32(place(number) + 4) !== 2) continue;
    const strings = offsetOf(file.u32(place(number) + (long ? 0x28 : 0x18)));
    const end = offsetOf(number) + sizeOf(number);
    for (let at = offsetOf(number); at + (long ? 24 : 16) <= end; at += long ? 24 : 16) {
      const info = file.bytes[at + (long ? 4 : 12)]!;
      const name = file.text(strings + file.u32(at));
      const section = numbers.get(file.u16(at + (long ? 6 : 14)));
      // No sections and files among them: STT_SECTION, STT_FILE.
      if (name === "" || section === undefined || (info & 15) > 2) continue;
      symbols.push({ name, address: word(at + (long ? 8 : 4)), section: isObject ? section : -1 });
    }
  }
  if (sections.length === 0) sections.push(...elfSegments(file, long, word));
  const kind = isObject ? "ELF object" : type === 3 ? "ELF shared object" : "ELF executable";
  const bits = machine === 62 ? 64 : 32;
  return { kind, bits, sections, entry: isObject ? undefined : word(0x18), symbols };
}

/** What an executable without sections loads: PT_LOAD, and PF_X is code. */
function elfSegments(file: Reader, long: boolean, word: (at: number) => number): Section[] {
  const table = word(long ? 0x20 : 0x1c);
  const entrySize = file.u16(long ? 0x36 : 0x2a);
  const count = file.u16(long ? 0x38 : 0x2c);
  const headers = table + count * entrySize;
  const sections: Section[] = [];
  for (let number = 0; number < count; number++) {
    const at = table + number * entrySize;
    if (file.u32(at) !== 1) continue;
    const flags = file.u32(at + (long ? 4 : 0x18));
    const offset = word(at + (long ? 8 : 4));
    // The first usually begins with the headers, which are no code.
    const behind = offset < headers ? headers - offset : 0;
    sections.push({
      name: `segment ${number}`,
      address: word(at + (long ? 0x10 : 8)) + behind,
      at: offset + behind,
      length: file.inside(offset + behind, word(at + (long ? 0x20 : 0x10)) - behind),
      code: (flags & 1) !== 0,
    });
  }
  return sections;
}

/** IMAGE_SCN_CNT_CODE or IMAGE_SCN_MEM_EXECUTE; IMAGE_SCN_CNT_UNINITIALIZED_DATA has no bytes in the file. */
const CODE = 0x2000_0020;
const NO_BYTES = 0x80;

/** The section headers of PE and COFF. */
function coffSections(
  file: Reader,
  header: number,
  base: number,
  strings: number,
  isObject: boolean,
): Section[] {
  const first = header + 20 + file.u16(header + 16);
  return Array.from({ length: file.u16(header + 2) }, (_, number) => {
    const at = first + number * 40;
    const flags = file.u32(at + 36);
    const offset = file.u32(at + 20);
    const given = file.text(at, 8);
    // A name that is longer than eight characters is in the strings: "/4".
    const longer = strings > 0 && /^\/\d+$/.test(given);
    const stored = file.u32(at + 16);
    const size = isObject ? stored : Math.min(stored, file.u32(at + 8) || stored);
    return {
      name: longer ? file.text(strings + Number(given.slice(1))) : given,
      address: base + file.u32(at + 12),
      at: offset,
      length: flags & NO_BYTES || offset === 0 ? 0 : file.inside(offset, size),
      code: (flags & CODE) !== 0,
    };
  });
}

function coffSymbols(
  file: Reader,
  header: number,
  sections: readonly Section[],
  isObject: boolean,
): Container["symbols"] {
  const table = file.u32(header + 8);
  const count = table === 0 ? 0 : file.u32(header + 12);
  const strings = table + count * 18;
  const symbols: { name: string; address: number; section: number }[] = [];
  for (let number = 0; number < count; number++) {
    const at = table + number * 18;
    const storage = file.bytes[at + 16];
    const section = file.u16(at + 12) - 1;
    const name = file.u32(at) === 0 ? file.text(strings + file.u32(at + 4)) : file.text(at, 8);
    // Auxiliary records follow the symbol that they belong to.
    number += file.bytes[at + 17] ?? 0;
    const found = sections[section];
    // IMAGE_SYM_CLASS_EXTERNAL, _STATIC, _LABEL; sections are among them under their own names.
    if (found === undefined || ![2, 3, 6].includes(storage ?? 0) || name === "" || name === found.name)
      continue;
    symbols.push({ name, address: found.address + file.u32(at + 8), section: isObject ? section : -1 });
  }
  return symbols;
}

function coff(file: Reader): Container {
  const table = file.u32(8);
  const strings = table === 0 ? 0 : table + file.u32(12) * 18;
  const sections = coffSections(file, 0, 0, strings, true);
  const bits = file.u16(0) === AMD64 ? 64 : 32;
  return {
    kind: "COFF object",
    bits,
    sections,
    entry: undefined,
    symbols: coffSymbols(file, 0, sections, true),
  };
}

function pe(file: Reader, header: number): Container | { error: string } {
  const machine = file.u16(header);
  if (machine !== I386 && machine !== AMD64)
    return { error: `its machine is number 0x${machine.toString(16)}, no x86` };
  const long = file.u16(header + 20) === 0x20b;
  const base = long ? file.u64(header + 20 + 24) : file.u32(header + 20 + 28);
  const entry = file.u32(header + 20 + 16);
  const sections = coffSections(file, header, base, 0, false);
  const isLibrary = (file.u16(header + 18) & 0x2000) !== 0;
  return {
    kind: isLibrary ? "PE library" : "PE executable",
    bits: machine === AMD64 ? 64 : 32,
    sections,
    entry: entry === 0 ? undefined : base + entry,
    symbols: coffSymbols(file, header, sections, false),
  };
}

/** The load module from its first paragraph on; its addresses are CS*16+IP. */
function mz(file: Reader): Container {
  const at = file.u16(8) * 16;
  const pages = file.u16(4);
  const last = file.u16(2);
  const end = pages * 512 - (last === 0 ? 0 : 512 - last);
  const entry = file.u16(0x16) * 16 + file.u16(0x14);
  const section = { name: "load module", address: 0, at, length: file.inside(at, end - at), code: true };
  return { kind: "MZ executable", bits: 16, sections: [section], entry, symbols: [] };
}
