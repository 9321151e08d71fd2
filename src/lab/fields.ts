/**
 * Reading what people write: a tree of maps, lists and scalars, each knowing where it stands, becomes values that make
 * sense, or a list of problems with places. Nothing here knows the format of the file or what a lab is.
 */
import { type Micros, MS, nearest, SECOND } from "../base/index.ts";

/** A place in the file, both from 1; undefined for what was written as values of a program. */
export interface Spot {
  readonly line: number;
  readonly column: number;
}

export type Scalar = string | number | boolean | null;

/** A piece of what was written. */
export type Written = { readonly spot?: Spot } & (
  | { readonly kind: "scalar"; readonly value: Scalar }
  | { readonly kind: "list"; readonly items: readonly Written[] }
  | { readonly kind: "map"; readonly entries: readonly WrittenEntry[] }
);

export interface WrittenEntry {
  readonly key: string;
  readonly spot?: Spot;
  readonly value: Written;
}

export interface Problem {
  readonly spot: Spot | undefined;
  /** Where in the tree: `machines.client.address`. */
  readonly path: string;
  readonly text: string;
}

/** What was written makes no sense; `problems` has at least one. */
export class LabError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, text }) => (path ? `${path}: ${text}` : text)).join("\n"));
    this.name = "LabError";
    this.problems = problems;
  }
}

/** Values of a program as if they had been written. */
export function written(value: unknown): Written {
  if (value === null || ["string", "number", "boolean"].includes(typeof value))
    return { kind: "scalar", value: value as Scalar };
  if (Array.isArray(value)) return { kind: "list", items: value.map(written) };
  if (typeof value !== "object") throw new TypeError(`a lab cannot have a ${typeof value} in it`);
  const entries = Object.entries(value as object).filter(([, each]) => each !== undefined);
  return { kind: "map", entries: entries.map(([key, each]) => ({ key, value: written(each) })) };
}

/** Turns a piece into a value, or throws a LabError. */
export type Read<T> = (piece: Written, path: string) => T;

export function wrong(piece: Written | { spot?: Spot }, path: string, text: string): never {
  throw new LabError([{ spot: piece.spot, path, text }]);
}

/** Where maps stood that `record` has read: for problems that show only when all is put together. */
const spots = new WeakMap<object, Spot>();

/** Where the map stood that became this value. */
export const spotOf = (value: object): Spot | undefined => spots.get(value);

/** Something is wrong with what was read, or with what stands in it. */
export function misfit(value: object, path: string, text: string): never {
  throw new LabError([{ spot: spotOf(value), path, text }]);
}

const LONGEST_SAID = 60;

/** What stands there, for messages. */
export function said(piece: Written): string {
  if (piece.kind === "map" && piece.entries.length === 0) return "nothing";
  if (piece.kind !== "scalar") return `a ${piece.kind}`;
  if (typeof piece.value !== "string") return String(piece.value);
  const { value } = piece;
  return JSON.stringify(value.length > LONGEST_SAID ? `${value.slice(0, LONGEST_SAID)}…` : value);
}

// Scalars.

export const text: Read<string> = (piece, path) => {
  if (piece.kind !== "scalar" || piece.value === null)
    wrong(piece, path, `a text is needed, not ${said(piece)}`);
  return String((piece as { value: Scalar }).value);
};

export const flag: Read<boolean> = (piece, path) =>
  piece.kind === "scalar" && typeof piece.value === "boolean"
    ? piece.value
    : wrong(piece, path, `true or false is needed, not ${said(piece)}`);

export function whole(from: number, to = Number.MAX_SAFE_INTEGER): Read<number> {
  return (piece, path) => {
    const value = piece.kind === "scalar" ? piece.value : undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= from && value <= to) return value;
    const range = to === Number.MAX_SAFE_INTEGER ? `${from} or more` : `from ${from} to ${to}`;
    return wrong(piece, path, `a whole number ${range} is needed, not ${said(piece)}`);
  };
}

/** A number with a unit; a bare number where `bare` says what it counts. */
function measured(what: string, units: Readonly<Record<string, number>>, bare?: number): Read<number> {
  return (piece, path) => {
    const value = piece.kind === "scalar" ? piece.value : undefined;
    const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-zµ/%]*)\s*$/i.exec(String(value)) ?? [];
    const factor = digits === undefined ? undefined : unit === "" ? bare : units[unit!];
    return factor === undefined
      ? wrong(piece, path, `${what} is needed, not ${said(piece)}`)
      : Number(digits) * factor;
  };
}

const spans = { us: 1, µs: 1, ms: MS, s: SECOND, min: 60 * SECOND, h: 3600 * SECOND };

/** No clock of a laboratory goes further; moments and what is added to them stay whole µs. */
const LONGEST: Micros = 1e6 * spans.h;

/** `5 ms`, `1.5 s`, `200 us`, `2 min`, in µs. */
export const span: Read<Micros> = (piece, path) => {
  const value = Math.round(measured("a span of time such as 5 ms or 1.5 s", spans)(piece, path));
  return value <= LONGEST
    ? value
    : wrong(piece, path, `a span of time is 1000000 h at most, not ${said(piece)}`);
};

/** `10 %` or `0.1` */
export const chance: Read<number> = (piece, path) => {
  const value = measured("a chance such as 10 % or 0.1", { "%": 0.01 }, 1)(piece, path);
  return value <= 1 ? value : wrong(piece, path, `a chance is 100 % at most, not ${said(piece)}`);
};

/** `10 Mbit/s`, in bits a second. */
export const rate: Read<number> = (piece, path) => {
  const units = { "bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9 };
  const value = measured("a rate such as 10 Mbit/s", units)(piece, path);
  return value > 0 ? value : wrong(piece, path, "a line of no rate carries nothing: cut: true says so");
};

/** `16 MB`, powers of two as processors have them, in bytes. */
export const bytes: Read<number> = measured("a size such as 16 MB", {
  B: 1,
  KB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
});

export const oneOf =
  <const T extends readonly string[]>(...choices: T): Read<T[number]> =>
  (piece, path) => {
    const found = choices.find((choice) => piece.kind === "scalar" && piece.value === choice);
    return found ?? wrong(piece, path, `one of ${choices.join(", ")} is needed, not ${said(piece)}`);
  };

/** Text that `parse` makes nothing of in words of its own. */
export const told =
  (parse: (text: string) => object): Read<string> =>
  (piece, path) => {
    const word = text(piece, path);
    const result = parse(word);
    return "error" in result ? wrong(piece, path, String(result.error)) : word;
  };

/** Text that `parse` makes something of; undefined = it makes no sense. */
export const parsed =
  <T>(parse: (text: string) => T | undefined, needed: string): Read<T> =>
  (piece, path) => {
    const result = piece.kind === "scalar" ? parse(String(piece.value)) : undefined;
    return result === undefined ? wrong(piece, path, `${needed} is needed, not ${said(piece)}`) : result;
  };

// Compounds. They read on after a problem, so that one run tells all that is wrong.

export function listOf<T>(read: Read<T>): Read<T[]> {
  return (piece, path) => {
    if (piece.kind !== "list") return wrong(piece, path, `a list is needed, not ${said(piece)}`);
    return gathered(piece.items.map((item, i) => () => read(item, `${path}[${i + 1}]`)));
  };
}

/** A list, or one thing alone. */
export const oneOrMore =
  <T>(read: Read<T>): Read<T[]> =>
  (piece, path) =>
    piece.kind === "list" ? listOf(read)(piece, path) : [read(piece, path)];

/** Names and what they stand for. A name that is there without anything reads as an empty map. */
export function mapOf<T>(read: Read<T>): Read<Record<string, T>> {
  return (piece, path) => {
    if (piece.kind !== "map")
      return wrong(piece, path, `names with something behind them are needed, not ${said(piece)}`);
    const values = gathered(
      piece.entries.map(
        ({ key, spot, value }) =>
          () =>
            read(orEmpty(value, spot), join(path, key)),
      ),
    );
    return Object.fromEntries(piece.entries.map(({ key }, i) => [key, values[i]!]));
  };
}

/** `name:` with nothing behind it. */
export function orEmpty(value: Written, spot: Spot | undefined): Written {
  return value.kind === "scalar" && value.value === null
    ? { kind: "map", entries: [], ...(spot && { spot }) }
    : value;
}

type Fields = Readonly<Record<string, Read<unknown>>>;
type Result<F extends Fields> = { -readonly [K in keyof F]?: ReturnType<F[K]> };

/** A map with known names, all of which may be missing but those of `needed`. */
export function record<const F extends Fields, const N extends readonly (keyof F & string)[] = []>(
  fields: F,
  needed: N = [] as unknown as N,
): Read<Result<F> & { [K in N[number]]: ReturnType<F[K]> }> {
  return (piece, path) => {
    if (piece.kind !== "map")
      return wrong(
        piece,
        path,
        `${Object.keys(fields).slice(0, 3).join(", ")} … are needed, not ${said(piece)}`,
      );
    const result: Record<string, unknown> = {};
    gathered([
      ...piece.entries.map(({ key, spot, value }) => () => {
        const read = Object.hasOwn(fields, key) ? fields[key] : undefined;
        if (read === undefined) {
          const meant = nearest(key, Object.keys(fields));
          const known = meant ? `did you mean ${meant}?` : `there are ${Object.keys(fields).join(", ")}`;
          return wrong({ ...(spot && { spot }) }, join(path, key), `unknown: ${known}`);
        }
        result[key] = read(orEmptyIfMap(value, spot), join(path, key));
        return undefined;
      }),
      ...needed
        .filter((key) => !piece.entries.some((entry) => entry.key === key))
        .map((key) => () => wrong(piece, path, `${key} is missing`)),
    ]);
    if (piece.spot) spots.set(result, piece.spot);
    return result as ReturnType<ReturnType<typeof record<F, N>>>;
  };
}

const orEmptyIfMap = orEmpty;
const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** Runs all; the problems of all come together. */
function gathered<T>(reads: readonly (() => T)[]): T[] {
  const problems: Problem[] = [];
  const values: T[] = [];
  for (const read of reads) {
    try {
      values.push(read());
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new LabError(problems);
  return values;
}
