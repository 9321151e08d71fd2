/** Errors with their places: which line, how it came to be, and how FASM prints it. */
import type { Diagnostic, TrailStep } from "./diagnostics.ts";
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

export function diagnose(p: Preprocessor, refusal: Refusal, preprocessed: boolean): Diagnostic {
  const line = p.currentLine;
  if (line < 0 || withoutLine.has(refusal.reason)) {
    return { kind: "error", text: refusal.text, file: "", line: 0, source: "", trail: [] };
  }
  const trail = trailOf(p, line);
  const last = trail[trail.length - 1]!;
  const source = sourceLine(p, last.step.file, last.at);
  const processed = preprocessed ? processedLine(p, line) : undefined;
  return {
    kind: "error",
    text: refusal.text,
    file: last.step.file,
    line: last.step.line,
    source,
    trail: trail.map(({ step }) => step),
    ...(processed !== undefined && { processed }),
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
        step: { file: file.name, line: lines.number(at), source: sourceLine(p, file.name, at) },
        at,
      });
      break;
    }
    let origin = lines.origin(at);
    while (lines.isGenerated(origin)) origin = lines.origin(origin);
    const file = files[lines.file(origin)]!;
    const name = lines.name(at);
    // The lines of `postpone` have no name, and no place in the trail.
    if (name >= 0) {
      trail.push({
        step: {
          file: file.name,
          line: lines.number(origin),
          source: sourceLine(p, file.name, origin),
          macro: texts.text(name),
          macroLine: lines.number(at),
        },
        at: origin,
      });
    }
    at = lines.parent(at);
  }
  return trail.reverse();
}

/** The text of a plain line as it stands in its file. */
function sourceLine(p: Preprocessor, _file: string, line: number): string {
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
