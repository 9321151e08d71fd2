/**
 * Rows as lookup.ts asks for them: by number, by the byte they answer to, by name. Whoever starts a process pays for
 * what it does first, so the build works the table out once and writes it down as text (`pack`), of which nothing is
 * read before somebody asks (`unpack`). From the sources it is made of the rows themselves (`tableOf`).
 */
import { type Form, placeInTable, type Row, read } from "./form.ts";
import { packForm, unpackForm } from "./packed.ts";

export interface RowTable {
  readonly count: number;
  /** What a row says; it is to have a number. */
  form(row: number, index: number): Form;
  /** The rows that a byte of an opcode space may mean: space times 256 plus the byte (`placeInTable`). */
  at(place: number): readonly number[];
  /** Of each row. */
  names(row: number): readonly string[];
  /** Of a byte of the legacy maps, which these rows alone have. */
  meaning(place: number): Meaning;
}

/** What the decoder wants to know of an opcode byte. */
export interface Meaning {
  readonly takesModrm: boolean;
  /** Rows for the decoder, the more particular first: all, or those of one ModR/M.reg with memory (0 … 7) or registers (8 … 15). */
  rows(which: number | undefined): readonly number[];
}

/** Places of the legacy maps 0 … 3. */
export const LEGACY_PLACES = 4 * 256;
const CHOICES = 16;

const BETWEEN_PLACES = ";";
const BETWEEN_LISTS = "/";
const WITH_MODRM = "+";
const BETWEEN_FIELDS = "|";
const BETWEEN_ROWS = "\n";

function placesOf(rows: readonly Row[]): number[][] {
  const places: number[][] = [];
  for (const [index, row] of rows.entries()) {
    const { at, count } = placeInTable(row);
    for (let place = at; place < at + count; place++) (places[place] ??= []).push(index);
  }
  return places;
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
  const form = (row: number, index: number) => read(rows[row]!, index);
  return {
    count: rows.length,
    form,
    at,
    names: (row) => rows[row]!.names,
    meaning: (place) => meaningOf(at(place).map((row) => form(row, row))),
  };
}

/** The first line has the rows by place, each of the others one row. */
export function pack(rows: readonly Row[]): string {
  const table = tableOf(rows);
  const places = Array.from(placesOf(rows), (indexes, place) =>
    place < LEGACY_PLACES ? packMeaning(table.meaning(place)) : (indexes?.join() ?? ""),
  );
  const lines = rows.map(
    (row, index) => row.names.join(" ") + BETWEEN_FIELDS + packForm(row, read(row, index)),
  );
  return [places.join(BETWEEN_PLACES), ...lines].join(BETWEEN_ROWS);
}

function packMeaning({ takesModrm, rows }: Meaning): string {
  const all = rows(undefined).join();
  const chosen = Array.from({ length: CHOICES }, (_, which) => rows(which).join());
  const lists = takesModrm && chosen.some((list) => list !== all) ? [all, ...chosen] : [all];
  return (takesModrm ? WITH_MODRM : "") + lists.join(BETWEEN_LISTS);
}

const numbersIn = (text: string): number[] => (text === "" ? [] : text.split(",").map(Number));

export function unpack(text: string): RowTable {
  const lines = text.split(BETWEEN_ROWS);
  const places = lines[0]!.split(BETWEEN_PLACES);
  const names = (row: number) => {
    const line = lines[row + 1]!;
    return line.slice(0, line.indexOf(BETWEEN_FIELDS)).split(" ");
  };
  return {
    count: lines.length - 1,
    names,
    form(row, index) {
      const line = lines[row + 1]!;
      return unpackForm(line.slice(line.indexOf(BETWEEN_FIELDS) + 1), names(row), index);
    },
    at: (place) => numbersIn(places[place] ?? ""),
    meaning(place) {
      const packed = places[place] ?? "";
      const takesModrm = packed.startsWith(WITH_MODRM);
      const lists = (takesModrm ? packed.slice(1) : packed).split(BETWEEN_LISTS);
      return {
        takesModrm,
        rows: (which) => numbersIn(lists[lists.length === 1 || which === undefined ? 0 : which + 1]!),
      };
    },
  };
}
