/** A listing: every line that made something, with its address and its bytes. */
import { type Assembler, LINE_FIELDS } from "./assemble.ts";
import { type Int, isShort, subtract, unsigned } from "./expression/int.ts";
import type { Preprocessor } from "./preprocess/preprocess.ts";
import { sourceLine } from "./report.ts";

/** Bytes shown in a row; longer data go on in rows of their own. */
const ROW = 8;
/** Rows shown of one line before the rest is only counted. */
const ROWS = 4;

/**
 * Address, bytes and source, in the order of assembling. A line out of a macro is indented by a mark for each macro it
 * came through; lines in virtual areas have their address in brackets.
 */
export function listing(p: Preprocessor, assembler: Assembler): string {
  const { state, lineStarts, lineFields } = assembler;
  const rows: string[] = [];
  const digits = isWide(assembler) ? 16 : 8;
  const shown = (position: number, base: Int): string =>
    unsigned(subtract(position, base)).toString(16).padStart(digits, "0");
  for (let at = 0; at < lineFields; at += LINE_FIELDS) {
    const line = lineStarts[at]!;
    const start = lineStarts[at + 1]!;
    const space = state.spaces[lineStarts[at + 2]!]!;
    const next = at + LINE_FIELDS;
    const follows = next < lineFields && lineStarts[next + 2] === lineStarts[at + 2];
    const end = follows ? lineStarts[next + 1]! : next < lineFields || space.virtual ? start : state.at;
    const address = shown(start, space.base);
    const source = `${"+".repeat(depth(p, line))}${sourceLine(p, defined(p, line)).trimEnd()}`;
    // What a virtual area held has been written over since.
    const bytes = space.virtual ? new Uint8Array(0) : state.bytes.subarray(start, Math.max(start, end));
    const place = space.virtual ? `[${address}]` : ` ${address} `;
    rows.push(`${place} ${row(bytes, 0).padEnd(ROW * 2)}  ${source}`.trimEnd());
    for (let n = 1; n * ROW < bytes.length; n++) {
      if (n === ROWS) {
        rows.push(`${" ".repeat(digits + 3)}… ${bytes.length - n * ROW} more`);
        break;
      }
      rows.push(` ${shown(start + n * ROW, space.base)}  ${row(bytes, n)}`);
    }
  }
  return `${rows.join("\n")}\n`;
}

/** Whether an address needs more than eight digits; then all have sixteen. */
function isWide({ state, lineStarts, lineFields }: Assembler): boolean {
  for (let at = 0; at < lineFields; at += LINE_FIELDS) {
    const { base } = state.spaces[lineStarts[at + 2]!]!;
    if (!isShort(subtract(lineStarts[at + 1]!, base))) return true;
  }
  return false;
}

function row(bytes: Uint8Array, n: number): string {
  return Array.from(bytes.subarray(n * ROW, (n + 1) * ROW), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

function depth({ lines }: Preprocessor, line: number): number {
  let count = 0;
  for (let at = line; lines.isGenerated(at); at = lines.parent(at)) count++;
  return count;
}

/** The plain line whose text a line has. */
function defined({ lines }: Preprocessor, line: number): number {
  let at = line;
  while (lines.isGenerated(at)) at = lines.origin(at);
  return at;
}
