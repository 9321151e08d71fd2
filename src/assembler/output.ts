/** What is known besides the bytes: symbols and lines. */
import { type LineEntry, LineMap, type SymbolEntry, Symbols } from "../image/index.ts";
import { type Assembler, LINE_FIELDS } from "./assemble.ts";
import { subtract, unsigned } from "./expression/int.ts";
import type { Preprocessor } from "./preprocess/preprocess.ts";
import { DEFINED, SPACE } from "./symbols.ts";

/** Every symbol with a name that the last pass defined. */
export function symbolTable(p: Preprocessor, assembler: Assembler | undefined): Symbols {
  if (!assembler) return new Symbols();
  const { state, texts } = assembler;
  const entries: SymbolEntry[] = [];
  for (const label of state.labels) {
    if (
      label.name < 0 ||
      (label.flags & DEFINED) === 0 ||
      label.flags & SPACE ||
      label.definedIn !== state.pass
    )
      continue;
    const value = label.isPlace ? unsigned(label.value) : label.value;
    entries.push({
      name: texts.text(label.name),
      value: Number(value),
      ...(typeof value === "bigint" ? { exact: value } : {}),
      kind: label.isPlace ? "label" : "constant",
      size: label.size,
      place: place(p, origin(p, label.line)),
    });
  }
  return new Symbols(entries);
}

/** Which line made which bytes, by address. Lines in virtual areas make none. */
export function lineMap(p: Preprocessor, assembler: Assembler | undefined): LineMap {
  if (!assembler) return new LineMap();
  const { state, lineStarts, lineFields } = assembler;
  const entries: LineEntry[] = [];
  for (let at = 0; at < lineFields; at += LINE_FIELDS) {
    const space = state.spaces[lineStarts[at + 2]!]!;
    if (space.virtual) continue;
    const start = lineStarts[at + 1]!;
    const next = at + LINE_FIELDS;
    const end = next < lineFields ? lineStarts[next + 1]! : state.at;
    if (end <= start) continue;
    entries.push(entry(p, lineStarts[at]!, Number(unsigned(subtract(start, space.base))), end - start));
  }
  return new LineMap(entries);
}

function entry(p: Preprocessor, line: number, address: number, length: number): LineEntry {
  const { lines, texts } = p;
  if (!lines.isGenerated(line)) return { ...place(p, line), address, length };
  const trail: { file: string; line: number; macro: string }[] = [];
  for (let at = line; lines.isGenerated(at); at = lines.parent(at)) {
    const name = lines.name(at);
    trail.push({ ...place(p, origin(p, lines.parent(at))), macro: texts.text(name) });
  }
  return { ...place(p, origin(p, line)), address, length, trail };
}

/** The plain line whose text a line has. */
function origin({ lines }: Preprocessor, line: number): number {
  let at = line;
  while (lines.isGenerated(at)) at = lines.origin(at);
  return at;
}

function place({ lines, files }: Preprocessor, plain: number): { file: string; line: number } {
  return { file: files[lines.file(plain)]!.name, line: lines.number(plain) };
}
