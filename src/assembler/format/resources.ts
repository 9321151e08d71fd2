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

/** Letters as UTF-16 units, or a number. */
type Key = string | number;

interface Resource {
  readonly type: Key;
  readonly name: Key;
  readonly language: number;
  readonly data: Uint8Array;
}

/** The section's bytes. `rva` is where they are loaded, `seconds` the time stamp of every directory. */
export function resourceSection(file: Uint8Array, rva: number, seconds: number): Uint8Array {
  const types = grouped(readResources(file), ({ type }) => type).map(({ key, members }) => ({
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
  const bytes = new Uint8Array(resources.reduce((at, { data }) => round4(at + data.length), dataAt));

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
  resources.forEach(({ data }, index) => {
    setU32le(bytes, recordsAt + index * DATA_RECORD, rva + place);
    setU32le(bytes, recordsAt + index * DATA_RECORD + 4, data.length);
    bytes.set(data, place);
    place = round4(place + data.length);
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

/** The file's entries; the first is empty and says what kind of file it is. */
function readResources(file: Uint8Array): Resource[] {
  const mark = [0, HEADER, NUMBERED, NUMBERED];
  if (file.length < HEADER || mark.some((word, index) => u32le(file, index * 4) !== word))
    refuse("invalidFileFormat");
  const resources: Resource[] = [];
  for (let at = HEADER; at + 8 <= file.length; ) {
    const size = u32le(file, at);
    const data = at + u32le(file, at + 4);
    if (data > file.length || data < at + 8) refuse("invalidFileFormat");
    const type = readKey(file, at + 8, data);
    const name = readKey(file, type.end, data);
    const rest = round4(name.end - at) + at;
    if (rest + 8 > file.length) refuse("invalidFileFormat");
    const language = u16le(file, rest + 6);
    resources.push({ type: type.key, name: name.key, language, data: file.slice(data, data + size) });
    at = round4(data + size);
  }
  if (resources.length === 0) refuse("invalidFileFormat");
  return resources;
}

function readKey(file: Uint8Array, from: number, end: number): { key: Key; end: number } {
  if (from + 4 <= end && u16le(file, from) === NUMBERED) return { key: u16le(file, from + 2), end: from + 4 };
  let key = "";
  for (let at = from; ; at += 2) {
    if (at + 2 > end) refuse("invalidFileFormat");
    const unit = u16le(file, at);
    if (unit === 0) return { key, end: at + 2 };
    key += String.fromCharCode(unit);
  }
}
