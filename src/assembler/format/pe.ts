/**
 * PE executables for 32-bit and 64-bit processors (FASM.TXT 2.4.2; Microsoft PE/COFF specification). The headers are part
 * of what is assembled.
 *
 * The header is PE32 or PE32+, whose addresses and sizes of stack and heap have 64 bits; 64-bit programs have the second
 * one, and so has everything for EFI, 32-bit programs too.
 */

import { concat, setU16le, setU32le, u16le, u32le } from "../../base/index.ts";
import type { Assembler } from "../assemble.ts";
import { findStructure } from "../blocks.ts";
import type { Float } from "../expression/float.ts";
import { exact, high32, type Int, low32, overflow, subtract, unsigned64 } from "../expression/int.ts";
import { refuse } from "../messages.ts";
import { RELOCATABLE_32, RELOCATABLE_64 } from "../operand.ts";
import { newSpace, S_DATA, type Space, type State } from "../state.ts";
import {
  D_DATA,
  D_ENTRY,
  D_HEAP,
  D_SECTION,
  D_STACK,
  I_DATA_DIRECTORY,
  I_EXPRESSION,
  I_FORMAT_SETTING,
  I_SECTION_FLAG,
  O_AT,
  O_FROM,
  O_ON,
} from "../words.ts";
import { putText } from "./coff.ts";
import type { FormatMemory } from "./elf-executable.ts";
import { FORMAT_PE, type Format } from "./format.ts";
import { resourceSection } from "./resources.ts";

const COMMA = 0x2c;
/** The header before the part that differs between PE32 and PE32+. */
const FILE_HEADER = 0x18;
const SECTION_HEADER = 0x28;
const MACHINE_32 = 0x14c;
const MACHINE_64 = 0x8664;
/** Fields, from the beginning of the PE header. */
const CODE_SIZE = 0x1c;
const DATA_SIZE = 0x20;
const RESERVED_SIZE = 0x24;
const ENTRY = 0x28;
const CODE_BASE = 0x2c;
const DATA_BASE = 0x30;
const SECTION_ALIGNMENT = 0x38;
const FILE_ALIGNMENT = 0x3c;
const IMAGE_SIZE = 0x50;
const HEADERS_SIZE = 0x54;
const CHECKSUM = 0x58;
/** An address that is not 0, nor close to it. */
const SOMEWHERE = 0x80000000;
const STACK = 0x60;
/** Fields of a section header. */
const S_SIZE = 8;
const S_RVA = 0x0c;
const S_FILE_SIZE = 0x10;
const S_FILE_OFFSET = 0x14;
const S_FLAGS = 0x24;

const RESOURCES = 2;
const FIXUPS = 5;
const DIRECTORY_COUNT = 16;

/** Types of fixups (IMAGE_REL_BASED_…). */
const HIGHLOW = 3;
const DIR64 = 10;

/** What differs between the two kinds of header. */
interface Layout {
  /** The header's length. */
  readonly headers: number;
  /** Length, flags, and the number that says which of the two it is. */
  readonly optional: number;
  readonly flags: number;
  readonly magic: number;
  readonly imageBase: number;
  /** Bytes of an address, and of the sizes of stack and heap. */
  readonly word: number;
  readonly directories: number;
}

const PE32: Layout = {
  headers: FILE_HEADER + 0xe0,
  optional: 0xe0,
  flags: 0x010f,
  magic: 0x010b,
  imageBase: 0x34,
  word: 4,
  directories: 0x78,
};

const PE32_PLUS: Layout = {
  headers: FILE_HEADER + 0xf0,
  optional: 0xf0,
  flags: 0x002f,
  magic: 0x020b,
  imageBase: 0x30,
  word: 8,
  directories: 0x88,
};

interface Fixup {
  readonly rva: number;
  readonly type: number;
}

export class PeFormat implements Format {
  readonly number = FORMAT_PE;
  readonly flat = false;
  extension: string;
  readonly #memory: FormatMemory;
  readonly #stub: Uint8Array;
  readonly #layout: Layout;
  /** A program for 64-bit code. */
  readonly #wide: boolean;
  readonly #imageBase: Int;
  /** How its labels move with the program, if there are fixups. */
  readonly #moves: number;
  #section: number;
  #sections = 0;
  /** A `section` directive has come. */
  #sectioned = false;
  #pending: Fixup[] = [];
  #fixupBase = 0;
  #fixupHeader = 0;
  #reservedFixups = 0;
  #reservedFixupsSize = 0;

  constructor(assembler: Assembler, wide: boolean) {
    const { state } = assembler;
    this.#memory = assembler.formatMemory;
    const settings = readSettings(assembler, wide);
    this.#stub = settings.stub ?? defaultStub();
    const { dll, subsystem } = settings;
    const layout = settings.plus ? PE32_PLUS : PE32;
    this.#layout = layout;
    this.#wide = wide;
    this.#moves = wide ? RELOCATABLE_64 : RELOCATABLE_32;
    this.#imageBase = settings.imageBase;
    this.#section = layout.headers;
    this.extension = subsystem === 1 ? "sys" : subsystem >= FIRST_EFI ? "efi" : dll ? "dll" : "exe";
    const { headers } = layout;
    state.room(headers);
    state.bytes.fill(0, 0, headers);
    const { bytes } = state;
    putText(bytes, 0, "PE", 2);
    setU16le(bytes, 4, wide ? MACHINE_64 : MACHINE_32);
    bytes[0x14] = layout.optional;
    setU16le(bytes, 0x16, layout.flags);
    setU16le(bytes, 0x18, layout.magic);
    // The linker's version is FASM's.
    setU16le(bytes, 0x1a, 1 + 73 * 256);
    setU32le(bytes, SECTION_ALIGNMENT, subsystem === 1 ? 0x20 : 0x1000);
    setU32le(bytes, FILE_ALIGNMENT, subsystem === 1 ? 0x20 : 0x200);
    this.#putWord(bytes, layout.imageBase, settings.imageBase);
    bytes[0x40] = 1;
    setU32le(bytes, 0x48, settings.version);
    setU16le(bytes, 0x5c, subsystem);
    this.#putWord(bytes, STACK, 0x1000);
    this.#putWord(bytes, STACK + layout.word, 0x1000);
    this.#putWord(bytes, STACK + layout.word * 2, 0x10000);
    bytes[layout.directories - 4] = DIRECTORY_COUNT;
    const before = this.#stub.length + headers;
    const alignment = u32le(bytes, FILE_ALIGNMENT);
    const reserved =
      roundUp(before + (this.#memory.sections * SECTION_HEADER || SECTION_HEADER), alignment) - before;
    state.room(headers + reserved);
    state.bytes.fill(0, headers, headers + reserved);
    state.at = headers + reserved;
    this.#finishHeaders(state, settings);
  }

  /** An address or a size, as wide as the header has them. */
  #putWord(bytes: Uint8Array, at: number, value: Int): void {
    setU32le(bytes, at, low32(value));
    if (this.#layout.word === 8) setU32le(bytes, at + 4, high32(value));
  }

  #finishHeaders(state: State, settings: Settings): void {
    const { bytes } = state;
    const size = state.at + this.#stub.length;
    setU32le(bytes, HEADERS_SIZE, size);
    const rva = roundUp(size, u32le(bytes, SECTION_ALIGNMENT));
    if (!settings.dll) setU32le(bytes, ENTRY, rva);
    const section = this.#section;
    putText(bytes, section, ".flat", 8);
    setU32le(bytes, section + S_FILE_OFFSET, state.at);
    setU32le(bytes, section + S_RVA, rva);
    setU32le(bytes, section + S_FLAGS, 0xe0000060);
    state.bits = this.#wide ? 64 : 32;
    const space = newSpace(state.at);
    this.#setOrigin(state, space, rva);
    state.space = space;
    state.addSpace(space);
    if (settings.dll) bytes[0x17]! |= 0x20;
    if (settings.wdm) bytes[0x5f]! |= 0x20;
    if (settings.large) bytes[0x16]! |= 0x20;
    if (settings.nx) bytes[0x5f]! |= 1;
  }

  /** A space whose present position is loaded at an address relative to the image. */
  #setOrigin(state: State, space: Space, rva: number): void {
    // At the top of the address space this goes beyond an address and its sign: labels there are out of range.
    space.base = exact(BigInt(state.at - rva) - BigInt(this.#imageBase));
    space.relocation = this.#memory.fixups ? this.#moves : 0;
  }

  relocate(state: State, relocation: number): number {
    const plus = this.#layout === PE32_PLUS;
    if (relocation !== RELOCATABLE_32 && !(plus && relocation === RELOCATABLE_64)) state.misuse();
    const type = relocation === RELOCATABLE_32 ? HIGHLOW : DIR64;
    this.#pending.push({ rva: this.#rvaAt(state, state.at), type });
    if (this.#pending.length > 1 << 24) refuse("outOfMemory");
    return 0;
  }

  #rvaAt({ bytes }: State, at: number): number {
    return (at - u32le(bytes, this.#section + S_FILE_OFFSET) + u32le(bytes, this.#section + S_RVA)) >>> 0;
  }

  rva(state: State, term: { relocation: number; value: Int }): void {
    if (term.relocation !== (this.#memory.fixups ? this.#moves : 0)) state.misuse();
    term.relocation = 0;
    // In 32-bit programs FASM takes PE32's field in either header: in PE32+ that is the upper half of the base.
    overflow.happened = false;
    term.value = subtract(term.value, this.#wide ? this.#imageBase : u32le(state.bytes, PE32.imageBase));
    if (overflow.happened) state.recoverable("valueOutOfRange");
  }

  plt(): never {
    return refuse("invalidExpression");
  }

  alignment(): number {
    return 0x1000;
  }

  directive(assembler: Assembler, directive: number, end: boolean): void {
    assembler.onlyOnceIfSetting(directive);
    switch (directive) {
      case D_SECTION:
        this.#newSection(assembler);
        return;
      case D_DATA:
        if (end) this.#endData(assembler);
        else this.#beginData(assembler);
        return;
      case D_ENTRY:
        this.#entry(assembler);
        return;
      case D_STACK:
        this.#stackOrHeap(assembler, STACK, true);
        return;
      case D_HEAP:
        this.#stackOrHeap(assembler, STACK + this.#layout.word * 2, false);
        return;
      default:
        refuse("illegalInstruction");
    }
  }

  #newSection(assembler: Assembler): void {
    const { state, program } = assembler;
    let rva = this.#closeSection(state);
    const space = assembler.createSpace();
    this.#sectioned = true;
    const { bytes } = state;
    const headersEnd = u32le(bytes, HEADERS_SIZE) - this.#stub.length;
    let section = this.#section;
    if (section + SECTION_HEADER > headersEnd) {
      // No room for its header yet. FASM loses the section's address then, and so takes its directory for an empty one.
      section = headersEnd - SECTION_HEADER;
      this.#section = section;
      rva = 0;
      state.again();
    }
    setU32le(bytes, section + S_RVA, rva);
    const name = assembler.takeString();
    if (name.length > 8) refuse("nameTooLong");
    bytes.fill(0, section, section + 8);
    putText(bytes, section, name, 8);
    setU32le(bytes, section + S_FLAGS, 0);
    setU32le(bytes, section + S_FILE_OFFSET, state.at);
    this.#setOrigin(state, space, rva);
    state.bits = this.#wide ? 64 : 32;
    for (;;) {
      const kind = assembler.kind();
      if (kind === I_SECTION_FLAG) {
        const flag = program.values[state.item++]!;
        if (flag === 9 || flag === 11) refuse("invalidArgument");
        const bit = (1 << flag) >>> 0;
        const flags = u32le(state.bytes, section + S_FLAGS);
        if ((flags & bit) !== 0) refuse("settingAlreadySpecified");
        setU32le(state.bytes, section + S_FLAGS, flags | bit);
      } else if (kind === I_DATA_DIRECTORY) {
        const directory = this.#layout.directories + program.values[state.item]! * 8;
        const type = program.values[state.item++]!;
        if (u32le(state.bytes, directory) !== 0) refuse("dataAlreadyDefined");
        // Filled in when the section's place is known.
        setU32le(state.bytes, directory, section);
        setU32le(state.bytes, directory + 4, 0xffffffff);
        this.#generate(assembler, type);
      } else break;
    }
  }

  /** Ends the present section; returns the address of the next one. */
  #closeSection(state: State): number {
    const { bytes } = state;
    const section = this.#section;
    const size = state.at - u32le(bytes, section + S_FILE_OFFSET);
    if (size === 0 && !this.#sectioned) return u32le(bytes, section + S_RVA);
    setU32le(bytes, section + S_SIZE, size);
    if (state.at === state.undefinedEnd && u32le(bytes, SECTION_ALIGNMENT) >= 0x1000)
      state.at = state.undefinedStart;
    state.undefinedEnd = -1;
    const used = state.at - u32le(bytes, section + S_FILE_OFFSET);
    const fileSize = roundUp(used, u32le(bytes, FILE_ALIGNMENT));
    setU32le(bytes, section + S_FILE_SIZE, fileSize);
    state.room(fileSize - used);
    return this.#finishSection(state, section, size, fileSize, used);
  }

  #finishSection(state: State, section: number, size: number, fileSize: number, used: number): number {
    const { bytes } = state;
    bytes.fill(0, state.at, state.at + fileSize - used);
    state.at += fileSize - used;
    setU32le(bytes, section + S_FILE_OFFSET, u32le(bytes, section + S_FILE_OFFSET) + this.#stub.length);
    const rva = u32le(bytes, section + S_RVA);
    const flags = bytes[section + S_FLAGS]!;
    const add = (field: number, value: number) => setU32le(bytes, field, u32le(bytes, field) + value);
    if (flags & 0x20) {
      add(CODE_SIZE, fileSize);
      if (u32le(bytes, CODE_BASE) === 0) setU32le(bytes, CODE_BASE, rva);
    }
    if (flags & 0x40) {
      add(DATA_SIZE, fileSize);
      if (this.#layout === PE32 && u32le(bytes, DATA_BASE) === 0) setU32le(bytes, DATA_BASE, rva);
    }
    if (size !== 0 && fileSize === 0) {
      bytes[section + S_FLAGS]! |= 0x80;
      add(RESERVED_SIZE, fileSize);
    }
    this.#section = section + SECTION_HEADER;
    if (++this.#sections > 0xffff) refuse("formatLimitationsExceeded");
    return (roundUp(size, u32le(bytes, SECTION_ALIGNMENT)) + rva) >>> 0;
  }

  #beginData(assembler: Assembler): void {
    const { state, evaluator } = assembler;
    let type: number;
    if (assembler.kind() === I_DATA_DIRECTORY) type = assembler.take(I_DATA_DIRECTORY);
    else {
      type = Number(evaluator.byte(assembler.takeExpression()).value) & 0xff;
      if (type >= 16) refuse("invalidValue");
    }
    const directory = this.#layout.directories + type * 8;
    if (u32le(state.bytes, directory) !== 0) refuse("dataAlreadyDefined");
    // A section that has lost its address has one somewhere in FASM's memory here: the directory is none that is empty.
    setU32le(state.bytes, directory, this.#rvaAt(state, state.at) || SOMEWHERE);
    state.open(S_DATA).counter = type;
    this.#generate(assembler, type);
  }

  #endData(assembler: Assembler): void {
    const { state } = assembler;
    const structure = findStructure(assembler, S_DATA);
    const directory = this.#layout.directories + structure.counter * 8;
    const size = this.#rvaAt(state, state.at) - u32le(state.bytes, directory);
    setU32le(state.bytes, directory + 4, size);
    state.close(structure);
  }

  #entry(assembler: Assembler): void {
    const { state, evaluator } = assembler;
    const expression = assembler.takeNumeric();
    const term = this.#wide ? evaluator.qword(expression) : evaluator.dword(expression);
    if (term.relocation !== (this.#memory.fixups ? this.#moves : 0)) state.recoverable("invalidAddress");
    if (this.#layout === PE32) {
      setU32le(state.bytes, ENTRY, low32(term.value) - low32(this.#imageBase));
      return;
    }
    const rva = subtract(this.#wide ? term.value : low32(term.value), this.#imageBase);
    if (high32(rva) !== 0) evaluator.overflow();
    setU32le(state.bytes, ENTRY, low32(rva));
  }

  /** `stack reserve,commit` and `heap reserve,commit`. */
  #stackOrHeap(assembler: Assembler, field: number, isStack: boolean): void {
    const { state } = assembler;
    const { word } = this.#layout;
    const reserve = this.#size(assembler);
    this.#putWord(state.bytes, field, reserve);
    if (assembler.kind() !== COMMA) {
      if (isStack) this.#putWord(state.bytes, field + word, reserve < 0x1000 ? reserve : 0x1000);
      return;
    }
    state.item++;
    const commit = this.#size(assembler);
    this.#putWord(state.bytes, field + word, commit);
    if (commit > reserve) refuse("valueOutOfRange");
  }

  #size(assembler: Assembler): Int {
    const { evaluator } = assembler;
    const expression = assembler.takeNumeric();
    if (this.#layout === PE32) return evaluator.count(expression);
    const term = evaluator.qword(expression);
    if (term.relocation !== 0) refuse("invalidUseOfSymbol");
    return unsigned64(low32(term.value), high32(term.value));
  }

  /** Data that the assembler makes itself: the fixups, resources out of a file. */
  #generate(assembler: Assembler, type: number): void {
    const { state } = assembler;
    if (type === RESOURCES && assembler.kind() === O_FROM) {
      state.item++;
      this.#resources(assembler);
    }
    if (type !== FIXUPS) return;
    const { bytes } = state;
    bytes[0x16]! &= ~1;
    bytes[0x5e]! |= 0x40;
    if (!this.#memory.fixups) {
      this.#memory.fixups = true;
      state.again();
    }
    this.#fixupBase = 0;
    const made = this.#makeFixups(state, state.at);
    state.at += made;
    // What comes later in the program will need room here too: as much as the last time.
    const forward = Math.max(this.#memory.fixupsSize - made, 0);
    this.#memory.fixupsSize = made;
    this.#reservedFixups = state.at;
    this.#reservedFixupsSize = forward;
    state.room(forward);
    state.at += forward;
  }

  /** Resources out of a file; while another pass is sure to come only the room that they took is left. */
  #resources(assembler: Assembler): void {
    const { state } = assembler;
    const path = assembler.takeString();
    if (state.isLenient()) {
      if (state.pass === 0) this.#memory.resourceSize = 0;
      state.room(this.#memory.resourceSize);
      state.at += this.#memory.resourceSize;
      return;
    }
    const file = assembler.dataFile(path);
    if (!file) refuse("fileNotFound");
    if (file.isDirectory) refuse("outOfMemory");
    const free = state.maxBytes - state.at;
    const made = resourceSection(file.bytes, this.#rvaAt(state, state.at), state.epochSeconds, free);
    state.room(made.length);
    state.bytes.set(made, state.at);
    state.at += made.length;
    this.#memory.resourceSize = made.length;
  }

  /** Writes the fixups that are waiting at a position; returns how many bytes they took. */
  #makeFixups(state: State, at: number): number {
    const fixups = this.#pending;
    this.#pending = [];
    state.room(at - state.at + fixups.length * 16 + 16);
    const { bytes } = state;
    let to = at;
    let base = this.#fixupBase;
    let header = this.#fixupHeader;
    const count = (by: number) => setU32le(bytes, header, u32le(bytes, header) + by);
    for (const { rva, type } of fixups) {
      if (rva >= base) {
        if ((to - at) & 3) {
          setU16le(bytes, to, 0);
          to += 2;
          count(2);
        }
        const block = rva - (rva % 0x1000);
        base = block + 0x1000;
        setU32le(bytes, to, block);
        header = to + 4;
        setU32le(bytes, header, 8);
        to += 8;
      }
      count(2);
      setU16le(bytes, to, (rva & 0xfff) | (type << 12));
      to += 2;
    }
    this.#fixupBase = base;
    this.#fixupHeader = header;
    return to - at;
  }

  closePass(assembler: Assembler): void {
    const { state } = assembler;
    const imageSize = this.#closeSection(state);
    const { bytes } = state;
    setU32le(bytes, IMAGE_SIZE, imageSize);
    setU32le(bytes, 8, state.epochSeconds);
    setU16le(bytes, 6, this.#sections);
    this.#memory.sections = this.#sections;
    const needed = this.#sections * SECTION_HEADER + this.#layout.headers + this.#stub.length;
    if (roundUp(needed, u32le(bytes, FILE_ALIGNMENT)) !== u32le(bytes, HEADERS_SIZE)) state.again();
    const { directories } = this.#layout;
    for (let directory = directories; directory < directories + DIRECTORY_COUNT * 8; directory += 8) {
      const section = u32le(bytes, directory);
      if (section === 0 || u32le(bytes, directory + 4) !== 0xffffffff) continue;
      setU32le(bytes, directory, u32le(bytes, section + S_RVA));
      setU32le(bytes, directory + 4, u32le(bytes, section + S_SIZE));
    }
    if (u32le(bytes, directories + FIXUPS * 8) === 0) {
      if (this.#memory.fixups) {
        this.#memory.fixups = false;
        state.again();
      }
    } else {
      const made = this.#makeFixups(state, this.#reservedFixups);
      this.#memory.fixupsSize += made;
      if (made !== this.#reservedFixupsSize) state.again();
    }
    this.#checksum(state);
  }

  #checksum({ bytes, at }: State): void {
    let sum = 0;
    const whole = concat([this.#stub, bytes.subarray(0, at)]);
    for (let n = 0; n + 1 < whole.length; n += 2) {
      sum += u16le(whole, n);
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    setU32le(bytes, CHECKSUM, sum + whole.length);
  }

  readonly prepends = true;

  headerBytes(): number {
    return this.#stub.length;
  }

  write({ state }: Assembler): Uint8Array {
    return concat([this.#stub, state.bytes.subarray(0, state.at)]);
  }
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Subsystems from this one on are EFI's. */
const FIRST_EFI = 10;

interface Settings {
  subsystem: number;
  version: number;
  imageBase: Int;
  /** PE32+. */
  plus: boolean;
  dll: boolean;
  wdm: boolean;
  large: boolean;
  nx: boolean;
  /** The program of `on`. */
  stub?: Uint8Array;
}

function readSettings(assembler: Assembler, wide: boolean): Settings {
  const { state, program, evaluator } = assembler;
  const settings: Settings = {
    subsystem: 3,
    version: wide ? 5 : 3 + 10 * 65536,
    imageBase: 0x400000,
    plus: wide,
    dll: false,
    wdm: false,
    large: false,
    nx: false,
  };
  let subsystemGiven = false;
  while (assembler.kind() === I_FORMAT_SETTING) {
    const value = program.values[state.item++]!;
    const flag = ({ 128: "dll", 129: "wdm", 130: "large", 131: "nx" } as const)[value];
    if (flag) {
      if (settings[flag]) refuse("settingAlreadySpecified");
      if (flag === "large" && wide) refuse("invalidArgument");
      settings[flag] = true;
      continue;
    }
    if (subsystemGiven) refuse("settingAlreadySpecified");
    subsystemGiven = true;
    settings.subsystem = value;
    if (value >= FIRST_EFI) settings.plus = true;
    if (assembler.kind() === I_EXPRESSION) {
      const float = program.expressions.float(program.values[state.item++]!);
      if (!float) refuse("invalidValue");
      settings.version = subsystemVersion(float);
    }
  }
  if (assembler.kind() === O_AT) {
    state.item++;
    const expression = assembler.takeNumeric();
    const { value, relocation } = settings.plus ? evaluator.qword(expression) : evaluator.dword(expression);
    settings.imageBase = settings.plus ? unsigned64(low32(value), high32(value)) : low32(value) >>> 0;
    if (relocation !== 0) refuse("invalidUseOfSymbol");
  }
  if (assembler.kind() === O_ON) {
    state.item++;
    const file = assembler.dataFile(assembler.takeString());
    if (!file) refuse("fileNotFound");
    if (file.isDirectory) refuse("outOfMemory");
    settings.stub = stubFrom(file.bytes);
  }
  return settings;
}

/** `gui 4.0`: the whole part below, two digits of the fraction above. */
function subsystemVersion(float: Float): number {
  if (float.negative || float.format > 2 || (!float.zero && float.exponent > 7)) refuse("invalidValue");
  if (float.zero) return 0;
  const fixed = Number((float.mantissa >> 32n) >> BigInt(7 - float.exponent));
  const major = fixed >>> 24;
  if (major >= 100) refuse("invalidValue");
  const hundredths = (fixed & 0xffffff) * 100;
  const minor = Math.floor(hundredths / 0x1000000) + (Math.floor(hundredths / 0x800000) & 1);
  return minor * 65536 + major;
}

/** The program that DOS runs instead: it says that it cannot. */
function defaultStub(): Uint8Array {
  const stub = new Uint8Array(0x80);
  putText(stub, 0, "MZ", 2);
  setU16le(stub, 2, 0x80);
  stub[4] = 1;
  stub[8] = 4;
  stub[0x0a] = 0x10;
  setU16le(stub, 0x0c, 0xffff);
  setU16le(stub, 0x10, 0x140);
  stub[0x18] = 0x40;
  setU32le(stub, 0x3c, 0x80);
  // push cs / pop ds / mov dx,message / mov ah,9 / int 21h / mov ax,4C01h / int 21h
  stub.set([0x0e, 0x1f, 0xba, 0x0e, 0x00, 0xb4, 0x09, 0xcd, 0x21, 0xb8, 0x01, 0x4c, 0xcd, 0x21], 0x40);
  putText(stub, 0x4e, "This program cannot be run in DOS mode.\r\n$", 64);
  return stub;
}

/** The least that is read of a DOS program's header, and where its relocations are put. */
const STUB_HEADER = 0x1c;
const STUB_RELOCATIONS = 0x40;

/** A DOS program as a stub: its header made anew, so that the PE header's place fits in. Other files are .com programs. */
function stubFrom(program: Uint8Array): Uint8Array {
  if (program.length < STUB_HEADER || program[0] !== 0x4d || program[1] !== 0x5a) return comStub(program);
  const count = u16le(program, 6);
  const header = STUB_RELOCATIONS + ((count + 3) & ~3) * 4;
  const codeAt = u16le(program, 8) * 16;
  const pages = u16le(program, 4);
  if (pages === 0) refuse("outOfMemory");
  const length = Math.max((pages - 1) * 0x200 + (u16le(program, 2) || 0x200) - codeAt, 0);
  const stub = new Uint8Array(header + roundUp(length, 8));
  const relocationsAt = u16le(program, 0x18);
  stub.set(program.subarray(0, STUB_HEADER));
  stub.set(program.subarray(relocationsAt, relocationsAt + count * 4), STUB_RELOCATIONS);
  stub.set(program.subarray(codeAt, codeAt + length), header);
  setU16le(stub, 2, stub.length & 0x1ff);
  setU16le(stub, 4, Math.ceil(stub.length / 0x200));
  setU16le(stub, 8, header >> 4);
  setU16le(stub, 0x18, STUB_RELOCATIONS);
  setU32le(stub, 0x3c, stub.length);
  return stub;
}

/** A program that is loaded at 100h of the segment of its PSP and has all of it, as DOS does with .com files. */
function comStub(program: Uint8Array): Uint8Array {
  const code = roundUp(program.length, 8);
  const stub = new Uint8Array(STUB_RELOCATIONS + code);
  putText(stub, 0, "MZ", 2);
  setU16le(stub, 2, stub.length & 0x1ff);
  setU16le(stub, 4, Math.ceil(stub.length / 0x200));
  stub[8] = 4;
  if (code < 0x10000) setU16le(stub, 0x0a, (0x10000 - code) >> 4);
  setU16le(stub, 0x0c, 0xffff);
  setU16le(stub, 0x0e, 0xfff0);
  setU16le(stub, 0x10, 0xfffe);
  setU16le(stub, 0x14, 0x100);
  setU16le(stub, 0x16, 0xfff0);
  stub[0x18] = STUB_RELOCATIONS;
  setU32le(stub, 0x3c, stub.length);
  stub.set(program, STUB_RELOCATIONS);
  return stub;
}
