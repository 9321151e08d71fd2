/** Errors with their places: which line, how it came to be, and how FASM prints it. */
import type { Diagnostic, TrailStep } from "./diagnostics.ts";
import { explain } from "./explain.ts";
import type { Refusal } from "./messages.ts";
import type { Preprocessor } from "./preprocess/preprocess.ts";
import { END, isName, isSpent, isString, textOf } from "./tokens.ts";

/** Errors of the whole rather than of a line. */
const withoutLine = new Set([
  "outOfMemory",
  "stackOverflow",
  "mainFileNotFound",
  "writeFailed",
  "codeCannotBeGenerated",
  "formatLimitationsExceeded",
  "invalidDefinition",
]);

/** Whether an error is one of the whole. */
export const isOfNoLine = ({ reason }: Refusal): boolean => withoutLine.has(reason);

export function diagnose(p: Preprocessor, refusal: Refusal, preprocessed: boolean): Diagnostic {
  const line = p.currentLine;
  if (line < 0 || isOfNoLine(refusal)) {
    return { kind: "error", text: refusal.text, file: "", line: 0, source: "", trail: [] };
  }
  const trail = trailOf(p, line);
  const last = trail[trail.length - 1]!;
  const source = sourceLine(p, last.at);
  const processed = preprocessed ? processedLine(p, line) : undefined;
  return {
    kind: "error",
    text: refusal.text,
    file: last.step.file,
    line: last.step.line,
    source,
    trail: trail.map(({ step }) => step),
    ...(processed !== undefined && { processed }),
    ...explain(source, refusal.reason, refusal.symbol),
  };
}

interface Traced {
  readonly step: TrailStep;
  /** The plain line among the lines. */
  readonly at: number;
}

/** From the outermost line to the one itself, each with the line that its text stands on. */
function trailOf(p: Preprocessor, line: number): Traced[] {
  const { lines, texts, files } = p;
  const trail: Traced[] = [];
  let at = line;
  for (;;) {
    if (!lines.isGenerated(at)) {
      const file = files[lines.file(at)]!;
      trail.push({
        step: { file: file.name, line: lines.number(at), source: sourceLine(p, at) },
        at,
      });
      break;
    }
    let origin = lines.origin(at);
    while (lines.isGenerated(origin)) origin = lines.origin(origin);
    const file = files[lines.file(origin)]!;
    const name = lines.name(at);
    trail.push({
      step: {
        file: file.name,
        line: lines.number(origin),
        source: sourceLine(p, origin),
        macro: texts.text(name),
        macroLine: lines.number(at),
      },
      at: origin,
    });
    at = lines.parent(at);
  }
  return trail.reverse();
}

/** The text of a plain line as it stands in its file. */
export function sourceLine(p: Preprocessor, line: number): string {
  const file = p.files[p.lines.file(line)]!;
  const offset = p.lines.offset(line);
  const { bytes } = file;
  let text = "";
  for (let at = offset; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (code === 0x0a || code === 0x0d || code === 0x1a || code === 0) break;
    text += String.fromCharCode(code);
  }
  return text;
}

/** A preprocessed line as FASM writes it out again. */
export function processedLine(p: Preprocessor, line: number): string {
  const { store, lines, texts } = p;
  let text = "";
  let spaced = false;
  for (let at = lines.start(line); ; at++) {
    const token = store.tokens[at]!;
    if (token === END || isSpent(token)) return text;
    if (token < 256) {
      text += String.fromCharCode(token);
      spaced = false;
      continue;
    }
    if (spaced) text += " ";
    const written = texts.text(textOf(token));
    if (isString(token)) text += `'${written.replaceAll("'", "''")}'`;
    else if (isName(token)) text += written;
    spaced = true;
  }
}

/** The line with a caret under the cause, and what was expected: what is printed below FASM's words. Empty without a line. */
export function explanation({ source, column, length = 1, expected }: Diagnostic): string {
  if (column === undefined && expected === undefined) return "";
  // Blanks are kept as they are, so that tabs move the caret as far as the text.
  const before = source.slice(0, (column ?? 1) - 1).replace(/[^\t]/g, " ");
  const caret =
    column === undefined ? "" : `  ${source}\n  ${before}^${"~".repeat(Math.max(0, length - 1))}\n`;
  return `${caret}${expected === undefined ? "" : `  expected: ${expected}\n`}`;
}

/** A diagnostic as FASM prints it, without the caret and what else is ours. */
export function fasmText(diagnostic: Diagnostic): string {
  let text = "";
  for (const step of diagnostic.trail) {
    const macro = step.macro === undefined ? "" : ` ${step.macro} [${step.macroLine}]`;
    text += `${step.file} [${step.line}]${macro}:\n${step.source}\n`;
  }
  if (diagnostic.processed !== undefined) text += `processed: ${diagnostic.processed}\n`;
  return `${text}error: ${diagnostic.text}.\n`;
}
