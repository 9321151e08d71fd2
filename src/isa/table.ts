/**
 * Rows as lookup.ts asks for them: by number, by the byte they answer to, by name. Whoever starts a process pays for
 * what it does first, so the build works the table out once and writes it down as text (`pack`), of which nothing is
 * read before somebody asks (`unpack`). From the sources it is made of the rows themselves (`tableOf`).
 */
import { placeInTable, type Row } from "./form.ts";

export interface RowTable {
  readonly count: number;
  row(index: number): Row;
  /** The rows that a byte of an opcode space may mean: space times 256 plus the byte (`placeInTable`). */
  at(place: number): readonly number[];
  /** Of each row. */
  names(index: number): readonly string[];
}

const BETWEEN_PLACES = ";";
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

export function tableOf(rows: readonly Row[]): RowTable {
  let places: readonly (readonly number[])[] | undefined;
  return {
    count: rows.length,
    row: (index) => rows[index]!,
    at: (place) => (places ??= placesOf(rows))[place] ?? [],
    names: (index) => rows[index]!.names,
  };
}

/** The first line has the rows by place, each of the others one row. */
export function pack(rows: readonly Row[]): string {
  const places = Array.from(placesOf(rows), (indexes) => indexes?.join() ?? "");
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
  return [places.join(BETWEEN_PLACES), ...lines].join(BETWEEN_ROWS);
}

export function unpack(text: string): RowTable {
  const lines = text.split(BETWEEN_ROWS);
  const places = lines[0]!.split(BETWEEN_PLACES);
  const fields = (index: number) => lines[index + 1]!.split(BETWEEN_FIELDS);
  return {
    count: lines.length - 1,
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
    at: (place) => (places[place] ? places[place].split(",").map(Number) : []),
    names: (index) => fields(index)[0]!.split(" "),
  };
}
