/**
 * Rows as lookup.ts asks for them: by number, by the byte they answer to, by name. Whoever starts a process pays for
 * what it does first, so the build works the table out once and writes it down as text (`pack`), of which nothing is
 * read before somebody asks (`unpack`). From the sources it is made of the rows themselves (`tableOf`).
 */
import { type Form, placeInTable, type Row, read } from "./form.ts";

export interface RowTable {
  readonly count: number;
  row(index: number): Row;
  /** The rows that a byte of an opcode space may mean: space times 256 plus the byte (`placeInTable`). */
  at(place: number): readonly number[];
  /** All names, each with a way to its rows. */
  names(): Map<string, () => number[]>;
  /** Of a byte of the legacy maps, which these rows alone have. */
  meaning(place: number): Meaning;
}

/** What the decoder wants to know of an opcode byte. */
export interface Meaning {
  readonly takesModrm: boolean;
  /** Rows for the decoder, the more particular first: all, or those of one ModR/M.reg with memory (0 … 7) or registers (8 … 15). */
  rows(which: number | undefined): readonly number[];
}

/** Opcode spaces: the legacy maps 0 … 3, then VEX maps 1 … 3 as 5 … 7, EVEX as 9 … 11, XOP maps 8 … 10 as 12 … 14. */
export const SPACES = 15;
const BYTES = 256;
/** Places of the legacy maps. */
export const LEGACY_PLACES = 4 * BYTES;
const CHOICES = 16;

const BETWEEN_PLACES = ";";
const BETWEEN_LISTS = "/";
const WITH_MODRM = "+";
const BETWEEN_FIELDS = "|";
const BEHIND_NAME = " ";
const BETWEEN_LINES = "\n";
const BETWEEN_BLOCKS = "\n\n";
/** Rows that are split at once. */
const BLOCK = 32;

function placesOf(rows: readonly Row[]): number[][] {
  const places: number[][] = [];
  for (const [index, row] of rows.entries()) {
    const { at, count } = placeInTable(row);
    for (let place = at; place < at + count; place++) (places[place] ??= []).push(index);
  }
  return places;
}

function rowsByName(rows: readonly Row[]): Map<string, number[]> {
  const named = new Map<string, number[]>();
  for (const [index, { names }] of rows.entries())
    for (const name of names) {
      const list = named.get(name);
      if (list === undefined) named.set(name, [index]);
      else list.push(index);
    }
  return named;
}

/** The more a form fixes, the earlier it is asked. */
function particularity(form: Form): number {
  return (
    (form.suffix >= 0 ? 16 : 0) +
    (form.rm >= 0 ? 8 : 0) +
    (form.digit >= 0 ? 4 : 0) +
    (form.plus ? 0 : 2) +
    (form.decodeOnly ? 0 : 1)
  );
}

/** What forms with the same opcode byte mean. The rows are their numbers. */
export function meaningOf(forms: readonly Form[]): Meaning {
  const all = forms
    .filter((form) => !form.encodeOnly && form.level !== "long")
    .sort((a, b) => particularity(b) - particularity(a));
  const fits = ({ mod, digit }: Form, which: number): boolean =>
    (mod === "any" || (mod === "register") === which >= 8) && (digit < 0 || digit === (which & 7));
  return {
    takesModrm: all[0]?.modrm === true,
    rows: (which) =>
      (which === undefined ? all : all.filter((form) => fits(form, which))).map(({ index }) => index),
  };
}

export function tableOf(rows: readonly Row[]): RowTable {
  let places: readonly (readonly number[])[] | undefined;
  const at = (place: number) => (places ??= placesOf(rows))[place] ?? [];
  return {
    count: rows.length,
    row: (index) => rows[index]!,
    at,
    names: () => new Map([...rowsByName(rows)].map(([name, list]) => [name, () => list])),
    meaning: (place) => meaningOf(at(place).map((index) => read(rows[index]!, index))),
  };
}

/** First a line for each space, which has the rows by place, then one for each name, then one for each row, so many at a time. */
export function pack(rows: readonly Row[]): string {
  const table = tableOf(rows);
  const places = placesOf(rows);
  const spaces = Array.from({ length: SPACES }, (_, space) =>
    Array.from({ length: BYTES }, (_, code) => {
      const place = space * BYTES + code;
      return place < LEGACY_PLACES ? packMeaning(table.meaning(place)) : (places[place]?.join() ?? "");
    }).join(BETWEEN_PLACES),
  );
  const lines = rows.map((row) =>
    [
      row.names.join(" "),
      row.opcode,
      row.operands,
      row.flags,
      row.attributes,
      row.condition,
      row.conditionReads,
    ].join(BETWEEN_FIELDS),
  );
  const named = [...rowsByName(rows)].map(([name, list]) => name + BEHIND_NAME + list.join());
  const blocks: string[] = [spaces.join(BETWEEN_LINES), named.join(BETWEEN_LINES)];
  for (let row = 0; row < rows.length; row += BLOCK)
    blocks.push(lines.slice(row, row + BLOCK).join(BETWEEN_LINES));
  return [rows.length, ...blocks].join(BETWEEN_BLOCKS);
}

function packMeaning({ takesModrm, rows }: Meaning): string {
  const all = rows(undefined).join();
  const chosen = Array.from({ length: CHOICES }, (_, which) => rows(which).join());
  const lists = takesModrm && chosen.some((list) => list !== all) ? [all, ...chosen] : [all];
  return (takesModrm ? WITH_MODRM : "") + lists.join(BETWEEN_LISTS);
}

const numbersIn = (text: string): number[] => (text === "" ? [] : text.split(",").map(Number));

export function unpack(text: string): RowTable {
  // What is split is garbage to be collected before the first instruction: no more than is asked for.
  const [count, spaces, named, ...texts] = text.split(BETWEEN_BLOCKS);
  const places: string[][] = [];
  const blocks: string[][] = [];
  const at = (place: number): string => {
    const space = Math.floor(place / BYTES);
    places[space] ??= spaces!.split(BETWEEN_LINES)[space]!.split(BETWEEN_PLACES);
    return places[space][place % BYTES]!;
  };
  const fields = (row: number): string[] => {
    const block = Math.floor(row / BLOCK);
    blocks[block] ??= texts[block]!.split(BETWEEN_LINES);
    return blocks[block][row % BLOCK]!.split(BETWEEN_FIELDS);
  };
  return {
    count: Number(count),
    row(index) {
      const [names, opcode, operands, flags, attributes, condition, conditionReads] = fields(index);
      return {
        names: names!.split(" "),
        opcode: opcode!,
        operands: operands!,
        flags: flags!,
        attributes: attributes!,
        condition: Number(condition),
        conditionReads: Number(conditionReads),
      };
    },
    names() {
      const map = new Map<string, () => number[]>();
      for (const line of named!.split(BETWEEN_LINES)) {
        const end = line.indexOf(BEHIND_NAME);
        map.set(line.slice(0, end), () => numbersIn(line.slice(end + 1)));
      }
      return map;
    },
    at: (place) => numbersIn(at(place)),
    meaning(place) {
      const packed = at(place);
      const takesModrm = packed.startsWith(WITH_MODRM);
      const lists = (takesModrm ? packed.slice(1) : packed).split(BETWEEN_LISTS);
      return {
        takesModrm,
        rows: (which) => numbersIn(lists[lists.length === 1 || which === undefined ? 0 : which + 1]!),
      };
    },
  };
}
