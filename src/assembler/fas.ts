/**
 * FASM's symbolic information file (FAS.TXT of its tools): header, strings, symbols, the preprocessed source, which line
 * stands where in the output, section names, and which line refers to which symbol.
 *
 * Offsets in it are those of FASM's own memory, so the preprocessed source is laid out here as FASM keeps it.
 */
import { concat, setU32le } from "../base/index.ts";
import { type Assembler, LINE_FIELDS } from "./assemble.ts";
import { high32, low32, subtract } from "./expression/int.ts";
import { flatLength } from "./format/binary.ts";
import { EXTERNAL, type ObjectBase, type ObjectEntry, SECTION } from "./format/objects.ts";
import type { Base } from "./operand.ts";
import type { Preprocessor } from "./preprocess/preprocess.ts";
import { DEFINED, SPACE, USED } from "./symbols.ts";
import { END, isName, isSpent, isString, textOf } from "./tokens.ts";

const SIGNATURE = 0x1a736166;
/** The version whose format this is: 1.73. */
const MAJOR = 1;
const MINOR = 73;

const HEADER = 64;
const SYMBOL = 32;
const ROW = 28;
const REFERENCE = 8;
const LINE_HEADER = 16;

const NEGATIVE = 0x200;
/** Bit 31: a line came out of a macro; a base is an external symbol; a name is among the strings. */
const HIGH_BIT = 0x80000000;
/** Bits of a row: inside a virtual block; not in the file. */
const IN_VIRTUAL = 1;
const NOT_IN_FILE = 2;

const NAME_MARK = 0x1a;
const SPENT_MARK = 0x3b;
const STRING_MARK = 0x22;

/** What is written beside `output`, the name of the output file. */
export function symbolFile(p: Preprocessor, assembler: Assembler, output: string): Uint8Array {
  const strings = new Strings();
  strings.add(p.files[0]!.name);
  const outputName = strings.add(output);
  const entries = assembler.state.format.entries?.(assembler.state.pass);
  const bases = new Map<Base, number>();
  const sections = entries ? nameBases(entries, strings, bases) : new Uint8Array(0);
  const source = new PreprocessedSource(p);
  const symbols = symbolRecords(p, assembler, source, strings, bases);
  const rows = lineRecords(assembler, source, bases);
  const references = referenceRecords(assembler);
  return withHeader(outputName, [strings.bytes(), symbols, source.bytes, rows, sections, references]);
}

/**
 * What is written of a source that is refused: the preprocessed source, up to the line that the preprocessor refuses, and
 * nothing else. The name of the output is that of none.
 */
export function refusedSymbolFile(p: Preprocessor, preprocessed: boolean): Uint8Array {
  const strings = new Strings();
  const { name } = p.files[0]!;
  strings.add(name);
  const source = new PreprocessedSource(p, preprocessed ? p.lines.count : p.currentLine + 1);
  return withHeader(name.length, [strings.bytes(), undefined, source.bytes]);
}

/** The parts behind a header that tells where each begins and how long it is; zeros tell of those that are not there. */
function withHeader(outputName: number, parts: readonly (Uint8Array | undefined)[]): Uint8Array {
  const header = new Uint8Array(HEADER);
  const words = [SIGNATURE, MAJOR | (MINOR << 8) | (HEADER << 16), 0, outputName];
  const there: Uint8Array[] = [header];
  let at = HEADER;
  for (const part of parts) {
    words.push(part ? at : 0, part ? part.length : 0);
    if (part === undefined) continue;
    there.push(part);
    at += part.length;
  }
  words.forEach((word, index) => {
    setU32le(header, index * 4, word);
  });
  return concat(there);
}

/** Strings, each ended with a zero, found by their offsets. */
class Strings {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  add(text: string): number {
    const offset = this.#length;
    const bytes = new Uint8Array(text.length + 1);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return offset;
  }

  bytes(): Uint8Array {
    return concat(this.#parts);
  }
}

/** Numbers sections and external symbols as symbols refer to them; returns the table of the sections' names. */
function nameBases(entries: readonly ObjectEntry[], strings: Strings, bases: Map<Base, number>): Uint8Array {
  const names: number[] = [];
  for (const entry of entries) {
    if (entry.kind !== SECTION && entry.kind !== EXTERNAL) continue;
    const { name } = entry as ObjectBase;
    if (entry.kind === SECTION) {
      names.push(strings.add(name));
      bases.set(entry, names.length);
    } else bases.set(entry, strings.add(name) | HIGH_BIT);
  }
  const table = new Uint8Array(names.length * 4);
  names.forEach((name, index) => {
    setU32le(table, index * 4, name);
  });
  return table;
}

/** The lines as FASM's memory holds them: a header of 16 bytes and the tokens, one behind the other. */
class PreprocessedSource {
  readonly bytes: Uint8Array;
  /** Where each line begins. */
  readonly offsets: Int32Array;
  readonly #p: Preprocessor;
  /** For lines that others were made from, where the name of the definition around them stands. */
  readonly #definitions: Int32Array;
  /** Where the name of each file stands: in the line that includes it. 0 for the main file. */
  readonly #fileNames = new Map<number, number>();

  constructor(p: Preprocessor, count = p.lines.count) {
    this.#p = p;
    this.offsets = new Int32Array(count);
    this.#definitions = new Int32Array(count);
    let size = 0;
    for (let line = 0; line < count; line++) {
      this.offsets[line] = size;
      size += LINE_HEADER + this.#write(undefined, line, 0);
    }
    this.bytes = new Uint8Array(size);
    for (let line = 0; line < count; line++) {
      this.#write(this.bytes, line, this.offsets[line]! + LINE_HEADER);
    }
    for (let line = 0; line < count; line++) this.#writeHeader(line);
  }

  /** Writes a line's tokens, if there are bytes to write to; returns how many bytes they are. */
  #write(bytes: Uint8Array | undefined, line: number, start: number): number {
    const { store, texts, lines, files } = this.#p;
    // The name in `include` has given way to the path at which the file was found.
    const next = line + 1;
    const includes =
      next < lines.count && !lines.isGenerated(next) && lines.offset(next) === 0 ? lines.file(next) : 0;
    let at = start;
    for (let index = lines.start(line); ; index++) {
      const token = store.tokens[index]!;
      if (token < 256) {
        if (bytes) bytes[at] = token;
        at++;
        if (token === END) return at - start;
        continue;
      }
      let text = texts.text(textOf(token));
      if (isString(token)) {
        if (includes !== 0 && store.tokens[index + 1] === END) {
          text = files[includes]!.name;
          if (bytes) this.#fileNames.set(includes, at + 5);
        }
        if (bytes) {
          bytes[at] = STRING_MARK;
          setU32le(bytes, at + 1, text.length);
        }
        at += 5;
      } else {
        if (bytes) {
          bytes[at] = isSpent(token) ? SPENT_MARK : NAME_MARK;
          bytes[at + 1] = text.length;
        }
        at += 2;
      }
      if (bytes)
        for (let letter = 0; letter < text.length; letter++) bytes[at + letter] = text.charCodeAt(letter);
      at += text.length;
    }
  }

  #writeHeader(line: number): void {
    const { lines } = this.#p;
    const { bytes, offsets } = this;
    const at = offsets[line]!;
    if (!lines.isGenerated(line)) {
      setU32le(bytes, at, this.#fileNames.get(lines.file(line)) ?? 0);
      setU32le(bytes, at + 4, lines.number(line));
      setU32le(bytes, at + 8, lines.offset(line));
      return;
    }
    const parent = lines.parent(line);
    const origin = lines.origin(line);
    setU32le(bytes, at, this.#definition(origin, lines.name(line)));
    setU32le(bytes, at + 4, lines.number(line) | HIGH_BIT);
    setU32le(bytes, at + 8, offsets[parent]!);
    setU32le(bytes, at + 12, offsets[origin]!);
  }

  /** Where the name stands that made a line: behind the `macro` or `struc` above its text, or the block's own directive. */
  #definition(origin: number, name: number): number {
    const known = this.#definitions[origin]!;
    if (known !== 0) return known;
    let found = 0;
    for (let line = origin; found === 0 && line >= 0; line--) {
      found = this.find(
        line,
        name,
        (token, before) => isSpent(token) || (isSpent(before) && textOf(before) !== this.#p.names.empty),
      );
    }
    this.#definitions[origin] = found;
    return found;
  }

  /** The offset of a name's length byte in a line; 0 when it is not there. */
  find(line: number, name: number, fits: (token: number, before: number) => boolean): number {
    const { store, texts, lines } = this.#p;
    let at = this.offsets[line]! + LINE_HEADER;
    let before: number = END;
    for (let index = lines.start(line); ; index++) {
      const token = store.tokens[index]!;
      if (token === END) return 0;
      if (token < 256) {
        at++;
        before = token;
        continue;
      }
      const text = textOf(token);
      if (text === name && fits(token, before)) return at + 1;
      before = token;
      at += texts.length(text) + (isString(token) ? 5 : 2);
    }
  }
}

function symbolRecords(
  p: Preprocessor,
  assembler: Assembler,
  source: PreprocessedSource,
  strings: Strings,
  bases: ReadonlyMap<Base, number>,
): Uint8Array {
  const { state, program } = assembler;
  const records = new Uint8Array(state.labels.length * SYMBOL);
  state.labels.forEach((label, index) => {
    const at = index * SYMBOL;
    let { flags } = label;
    if (label.definedIn !== state.pass) flags &= ~DEFINED;
    if (label.usedIn !== state.pass) flags &= ~USED;
    if ((flags & SPACE) === 0) {
      setU32le(records, at, low32(label.value));
      setU32le(records, at + 4, high32(label.value));
      if (label.value < 0) flags |= NEGATIVE;
    }
    setU32le(records, at + 8, flags | (label.size << 16) | (label.relocation << 24));
    records.set([label.register1, label.register2, label.scale1, label.scale2], at + 12);
    setU32le(records, at + 16, label.definedIn | (label.usedIn << 16));
    if (label.base !== null) setU32le(records, at + 20, bases.get(label.base) ?? 0);
    if (label.name >= 0) {
      const place = source.find(program.labelLines[index]!, label.name, isName);
      setU32le(records, at + 24, place || strings.add(p.texts.text(label.name)) | HIGH_BIT);
    }
    if (label.line >= 0) setU32le(records, at + 28, source.offsets[label.line]!);
  });
  return records;
}

function lineRecords(
  assembler: Assembler,
  source: PreprocessedSource,
  bases: ReadonlyMap<Base, number>,
): Uint8Array {
  const { state, lineStarts, lineFields } = assembler;
  const headerBytes = state.format.headerBytes?.() ?? 0;
  const unmoved = state.pass === 0 && state.format.prepends ? state.spaces[0] : undefined;
  const count = lineFields / LINE_FIELDS;
  const records = new Uint8Array(count * ROW + 4);
  /** The offset in the file, which the last of reserved data does not reach. */
  const inFile = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const [line, start, number, bits] = lineStarts.subarray(row * LINE_FIELDS, (row + 1) * LINE_FIELDS);
    const space = state.spaces[number!]!;
    const at = row * ROW;
    const address = subtract(start!, space.base);
    if (!space.virtual) inFile[row] = start! + (space === unmoved ? 0 : headerBytes);
    setU32le(records, at + 4, source.offsets[line!]!);
    setU32le(records, at + 8, low32(address));
    setU32le(records, at + 12, high32(address));
    records.set([space.register1, space.register2, space.scale1, space.scale2], at + 16);
    if (space.symbol !== null) setU32le(records, at + 20, bases.get(space.symbol) ?? 0);
    records.set([space.relocation, bits!, space.virtual ? IN_VIRTUAL : 0, address < 0 ? 0xff : 0], at + 24);
  }
  let end = flatLength(state) + headerBytes;
  setU32le(records, count * ROW, end);
  for (let row = count - 1; row >= 0; row--) {
    const flags = row * ROW + 26;
    if (records[flags]! & IN_VIRTUAL) continue;
    if (end < inFile[row]!) records[flags]! |= NOT_IN_FILE;
    else {
      end = inFile[row]!;
      setU32le(records, row * ROW, end);
    }
  }
  return records;
}

/** Each use of a symbol: its offset among the symbols, and the row of the line that used it. */
function referenceRecords({ state }: Assembler): Uint8Array {
  const numbers = new Map(state.labels.map((label, index) => [label, index]));
  const records = new Uint8Array(state.references.length * REFERENCE);
  state.references.forEach(({ label, line }, index) => {
    setU32le(records, index * REFERENCE, numbers.get(label)! * SYMBOL);
    setU32le(records, index * REFERENCE + 4, line * ROW);
  });
  return records;
}
