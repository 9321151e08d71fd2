/** Small corrections applied to a source as it is read, so that the file itself stays as it was printed. */
import type { Files, SourceText } from "./source.ts";

/** One changed line. A correction that changes several lines is several of these with the same id. */
export interface Correction {
  /** What it is switched by. */
  readonly id: string;
  readonly title: string;
  /** What the printed line does wrong. */
  readonly why: string;
  /** The end of the file's path: `listing-2.asm`, `guide/listing-2.asm`. */
  readonly file: string;
  /** The printed line's number, from 1. */
  readonly line: number;
  /** The printed line, blanks around it aside. */
  readonly was: string;
  /** The lines in its place; none to leave it out. They keep the printed line's number. */
  readonly becomes: readonly string[];
}

const latin1 = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

/**
 * The same files with the chosen corrections in them. Throws when an id is unknown, when two corrections want the same
 * line, and, on reading, when a line is not what a correction says it was.
 */
export function corrected(files: Files, corrections: readonly Correction[], chosen: Iterable<string>): Files {
  const ids = new Set(chosen);
  for (const id of ids) {
    if (!corrections.some((correction) => correction.id === id)) throw new Error(`unknown correction: ${id}`);
  }
  const edits = corrections.filter((correction) => ids.has(correction.id));
  return {
    read(path) {
      const content = files.read(path);
      const normal = path.replaceAll("\\", "/");
      const own = edits.filter((edit) => normal === edit.file || normal.endsWith(`/${edit.file}`));
      if (content === undefined || own.length === 0) return content;
      return apply(content, path, own);
    },
  };
}

function apply(content: Uint8Array | SourceText, path: string, edits: readonly Correction[]): SourceText {
  const bytes = content instanceof Uint8Array ? content : content.bytes;
  const numbers = content instanceof Uint8Array ? undefined : content.lines;
  const byLine = new Map<number, Correction>();
  for (const edit of edits) {
    const other = byLine.get(edit.line);
    if (other) throw new Error(`corrections ${other.id} and ${edit.id} both change ${path} [${edit.line}]`);
    byLine.set(edit.line, edit);
  }
  const text: string[] = [];
  const lines: number[] = [];
  const printed = latin1(bytes).split(/\r\n|\n/);
  printed.forEach((line, index) => {
    const number = numbers?.[index] ?? index + 1;
    const edit = byLine.get(number);
    if (!edit) {
      text.push(line);
      lines.push(number);
      return;
    }
    byLine.delete(number);
    if (line.trim() !== edit.was.trim()) {
      throw new Error(
        `correction ${edit.id} expects ${path} [${number}] to be ${JSON.stringify(edit.was.trim())}, ` +
          `but it is ${JSON.stringify(line.trim())}`,
      );
    }
    for (const becomes of edit.becomes) {
      text.push(becomes);
      lines.push(number);
    }
  });
  for (const edit of byLine.values()) {
    throw new Error(`correction ${edit.id} changes ${path} [${edit.line}], which is not there`);
  }
  return {
    bytes: Uint8Array.from(text.join("\n"), (letter) => letter.charCodeAt(0)),
    lines: Int32Array.from(lines),
  };
}
