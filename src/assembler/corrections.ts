import { latin1 } from "../base/index.ts";
import { type Files, plain, type SourceText } from "./source.ts";

/** A smallest change to printed sources that mends one error of theirs. */
export interface Correction {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** Where the error is, for people. */
  readonly routine?: string;
  readonly edits: readonly Edit[];
}

/** One line, replaced by any number of lines. */
export interface Edit {
  /** The end of the file's path, with / between its parts: `guide/listing-1.asm`. */
  readonly file: string;
  /** From 1, as the file is printed. */
  readonly line: number;
  /** The line as it stands there. */
  readonly was: string;
  readonly becomes: readonly string[];
}

/** A list of corrections does not fit the files it is applied to. */
export class CorrectionError extends Error {}

/**
 * The same files with the chosen corrections applied as they are read. Every line keeps the number it has in print, also
 * behind a correction; the lines of a correction have that of the line they stand for.
 *
 * Reading throws a CorrectionError when a line is not what the correction says it was: such a list belongs to other files.
 */
export function corrected(
  files: Files,
  corrections: readonly Correction[],
  chosen: Iterable<string> = corrections.map(({ id }) => id),
): Files {
  const ids = new Set(chosen);
  for (const id of ids) {
    if (!corrections.some((correction) => correction.id === id))
      throw new RangeError(`there is no correction ${id}`);
  }
  const edits = corrections.filter(({ id }) => ids.has(id)).flatMap((correction) => correction.edits);
  return {
    read(path) {
      const text = files.read(path);
      if (text === "directory") return text;
      const parts = plain(path);
      const here = edits.filter(({ file }) => `/${parts}`.endsWith(`/${file}`));
      return text === undefined || here.length === 0 ? text : edited(path, text, here);
    },
  };
}

function edited(path: string, text: Uint8Array | SourceText, edits: readonly Edit[]): SourceText {
  const { bytes, lines } = ArrayBuffer.isView(text) ? { bytes: text, lines: undefined } : text;
  const byLine = new Map<number, Edit>();
  for (const edit of edits) {
    if (byLine.has(edit.line)) throw new CorrectionError(`${path}:${edit.line} is corrected twice`);
    byLine.set(edit.line, edit);
  }
  const out: string[] = [];
  const numbers: number[] = [];
  latin1(bytes)
    .split("\n")
    .forEach((line, index) => {
      const number = lines?.[index] ?? index + 1;
      const edit = byLine.get(number);
      if (edit && line.replace(/\r$/, "") !== edit.was) {
        throw new CorrectionError(
          `${path}:${number} is not what its correction says: ${JSON.stringify(edit.was)}`,
        );
      }
      byLine.delete(number);
      const end = line.endsWith("\r") ? "\r" : "";
      for (const each of edit ? edit.becomes.map((text) => text + end) : [line]) {
        out.push(each);
        numbers.push(number);
      }
    });
  const [missing] = byLine.keys();
  if (missing !== undefined) throw new CorrectionError(`${path} has no line ${missing} to correct`);
  return {
    bytes: Uint8Array.from(out.join("\n"), (letter) => letter.charCodeAt(0)),
    lines: Int32Array.from(numbers),
  };
}
