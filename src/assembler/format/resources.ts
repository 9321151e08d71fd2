/** Compiled resources (a .res file of 32-bit Windows) as the resource section of a PE file holds them. */
import { setU16le, setU32le, u16le, u32le } from "../../base/index.ts";
import { refuse } from "../messages.ts";

const HEADER = 0x20;
const DIRECTORY = 16;
const ENTRY = 8;
const DATA_RECORD = 16;
/** What a type or a name begins with that is a number. */
const NUMBERED = 0xffff;
const SUBDIRECTORY = 0x80000000;

/** What an entry takes in FASM's memory beside what stands in front of its data in the file. */
const ENTRY_KEPT = 12;

/** Letters as UTF-16 units, or a number. */
type Key = string | number;

/** The word at a place of an entry; 0 behind its end. */
type Word = (place: number) => number;

interface Resource {
  readonly type: Key;
  readonly name: Key;
  readonly language: number;
  /** As much of its data as the file holds. */
  readonly data: Uint8Array;
  /** How long its data is to be. */
  readonly size: number;
}

/**
 * The section's bytes. `rva` is where they are loaded, `seconds` the time stamp of every directory, `memory` how many bytes
 * there may be.
 */
export function resourceSection(file: Uint8Array, rva: number, seconds: number, memory: number): Uint8Array {
  // A quarter of FASM's memory is for such lists.
  const types = grouped(readResources(file, memory / 4), ({ type }) => type).map(({ key, members }) => ({
    key,
    names: grouped(members, ({ name }) => name).map((named) => ({
      key: named.key,
      // Of two resources with the same language the first one counts.
      languages: grouped(named.members, ({ language }) => language).map(({ members: [first] }) => first!),
    })),
  }));
  const names = types.flatMap((type) => type.names);
  const resources = names.flatMap((name) => name.languages);
  const namesAt = DIRECTORY + types.length * ENTRY;
  const languagesAt = namesAt + types.length * DIRECTORY + names.length * ENTRY;
  const stringsAt = languagesAt + names.length * DIRECTORY + resources.length * ENTRY;
  const strings = [...types, ...names].flatMap(({ key }) => (typeof key === "string" ? [key] : []));
  const recordsAt = round4(strings.reduce((at, text) => at + 2 + text.length * 2, stringsAt));
  const dataAt = recordsAt + resources.length * DATA_RECORD;
  const length = resources.reduce(
    (at, { size }) => (at + size > memory ? Infinity : round4(at + size)),
    dataAt,
  );
  if (length > memory) refuse("outOfMemory");
  const bytes = new Uint8Array(length);

  let string = stringsAt;
  const directory = (at: number, keys: readonly Key[], targets: readonly number[]): number => {
    setU32le(bytes, at + 4, seconds);
    const named = keys.filter((key) => typeof key === "string").length;
    setU16le(bytes, at + 12, named);
    setU16le(bytes, at + 14, keys.length - named);
    keys.forEach((key, index) => {
      const entry = at + DIRECTORY + index * ENTRY;
      setU32le(bytes, entry + 4, targets[index]!);
      if (typeof key === "number") {
        setU32le(bytes, entry, key);
        return;
      }
      setU32le(bytes, entry, string | SUBDIRECTORY);
      setU16le(bytes, string, key.length);
      for (let n = 0; n < key.length; n++) setU16le(bytes, string + 2 + n * 2, key.charCodeAt(n));
      string += 2 + key.length * 2;
    });
    return at + DIRECTORY + keys.length * ENTRY;
  };
  /** Where directories of so many entries each come to stand, one behind the other. */
  const places = (from: number, counts: readonly number[]): number[] => {
    let at = from;
    return counts.map((count) => {
      const place = at | SUBDIRECTORY;
      at += DIRECTORY + count * ENTRY;
      return place;
    });
  };
  const typePlaces = places(
    namesAt,
    types.map((type) => type.names.length),
  );
  const namePlaces = places(
    languagesAt,
    names.map((name) => name.languages.length),
  );
  let at = directory(
    0,
    types.map(({ key }) => key),
    typePlaces,
  );
  let done = 0;
  for (const type of types) {
    const { length } = type.names;
    at = directory(
      at,
      type.names.map(({ key }) => key),
      namePlaces.slice(done, done + length),
    );
    done += length;
  }
  let record = recordsAt;
  for (const { languages } of names) {
    const records = languages.map((_, index) => record + index * DATA_RECORD);
    at = directory(
      at,
      languages.map(({ language }) => language),
      records,
    );
    record += languages.length * DATA_RECORD;
  }
  let place = dataAt;
  resources.forEach(({ data, size }, index) => {
    setU32le(bytes, recordsAt + index * DATA_RECORD, rva + place);
    setU32le(bytes, recordsAt + index * DATA_RECORD + 4, size);
    bytes.set(data, place);
    place = round4(place + size);
  });
  return bytes;
}

const round4 = (at: number): number => (at + 3) & ~3;

/** The resources by a key, names before numbers, each in rising order. */
function grouped<T>(resources: readonly T[], keyOf: (each: T) => Key): { key: Key; members: T[] }[] {
  const groups = new Map<Key, T[]>();
  for (const each of resources) {
    const members = groups.get(keyOf(each));
    if (members) members.push(each);
    else groups.set(keyOf(each), [each]);
  }
  const rank = (key: Key): number => (typeof key === "string" ? 0 : 1);
  return [...groups]
    .map(([key, members]) => ({ key, members }))
    .sort((a, b) => rank(a.key) - rank(b.key) || (a.key < b.key ? -1 : 1));
}

/**
 * The file's entries; the first is empty and says what kind of file it is. As FASM reads them, who asks for little: the file
 * may end within the last one's data, and nobody looks whether what follows a name belongs to the entry still.
 */
function readResources(file: Uint8Array, memory: number): Resource[] {
  const mark = [0, HEADER, NUMBERED, NUMBERED];
  if (file.length < HEADER || mark.some((word, index) => u32le(file, index * 4) !== word))
    refuse("invalidFileFormat");
  const resources: Resource[] = [];
  let kept = 0;
  // FASM moves in the file by signed distances.
  for (let at = HEADER; at >= 0 && at + 8 <= file.length; ) {
    const size = u32le(file, at);
    const head = u32le(file, at + 4);
    const names = at + 8;
    const data = at + head;
    kept += ENTRY_KEPT + head;
    if (kept > memory) refuse("outOfMemory");
    if (head < 8 || data > file.length) refuse("invalidFileFormat");
    const word: Word = (place) => (place + 2 <= data ? u16le(file, place) : 0);
    // Of a type FASM does not ask whether its first letter is the zero.
    const name = endOfKey(word, names, names + 2, data) + 2;
    endOfKey(word, name, name, data);
    const type = readKey(word, names);
    const named = readKey(word, type.end);
    const language = word(names + round4(named.end - names) + 6);
    resources.push({
      type: type.key,
      name: named.key,
      language,
      data: file.subarray(data, data + size),
      size,
    });
    at = round4(data + size) | 0;
  }
  if (resources.length === 0) refuse("invalidFileFormat");
  return resources;
}

/** Looks for the end of a type or a name, which its entry has to hold; tells where it is, of letters the place of the zero. */
function endOfKey(word: Word, from: number, zero: number, end: number): number {
  if (word(from) === NUMBERED) return from + 2;
  let at = zero;
  for (; at < end; at += 2) if (word(at) === 0) return at;
  return refuse("invalidFileFormat");
}

function readKey(word: Word, from: number): { key: Key; end: number } {
  if (word(from) === NUMBERED) return { key: word(from + 2), end: from + 4 };
  let key = "";
  for (let at = from; ; at += 2) {
    const unit = word(at);
    if (unit === 0) return { key, end: at + 2 };
    key += String.fromCharCode(unit);
  }
}
