/**
 * assembler: source text in, an image and what is known about it out, as FASM 1.73 does it. It reads files
 * through a seam and owns none; it has no clock.
 *
 * Read first: FASM's own manual (FASM.TXT). The phases are the files: source and tokens, preprocess/ (macros),
 * parse, expression/, assemble (passes), directives, format/.
 */
export { type Correction, CorrectionError, corrected, type Edit } from "./corrections.ts";
export type { Diagnostic, TrailStep } from "./diagnostics.ts";
export type { OnProgress, Phase } from "./progress.ts";
export { explanation, fasmText } from "./report.ts";
export { type Files, memoryFiles, type SourceText } from "./source.ts";

import { hasHeader, type Image, imageFrom, type LineMap, rawImage, type Symbols } from "../image/index.ts";
import { Assembler } from "./assemble.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { symbolFile } from "./fas.ts";
import { listing } from "./listing.ts";
import { Refusal } from "./messages.ts";
import { lineMap, symbolTable } from "./output.ts";
import { Parser } from "./parse.ts";
import { Preprocessor } from "./preprocess/preprocess.ts";
import type { OnProgress } from "./progress.ts";
import { diagnose } from "./report.ts";
import { FileLoader, type Files, parentOf } from "./source.ts";
import type { Space } from "./state.ts";

export interface Options {
  files: Files;
  /** Symbolic constants defined before the first line, as `-d NAME=VALUE`. */
  defines?: Readonly<Record<string, string>>;
  /** Directories for `include` and `file`, searched after that of the including file: INCLUDE. */
  includes?: readonly string[];
  /** Variables for %NAME% in paths. */
  environment?: Readonly<Record<string, string>>;
  /** Passes before "code cannot be generated". FASM's limit and the default is 100. */
  maxPasses?: number;
  /** What `%t` and the time stamps of formats say: seconds since 1970. Default 0. */
  epochSeconds?: number;
  /** Keep which line uses which symbol, for `symbolFile`. Default no. */
  references?: boolean;
  /** Bytes of output and of preprocessed source before "out of memory". Default 512 MiB. */
  maxMemory?: number;
  /** Told now and then how far the work has come. */
  onProgress?: OnProgress;
}

export interface Assembled {
  ok: boolean;
  /** The output file; empty when not ok. */
  bytes: Uint8Array;
  /** The extension FASM would give the output file, without the dot. */
  extension: string;
  /** Files beside the output, from `virtual as`: their extension and contents. */
  areas: readonly { extension: string; bytes: Uint8Array }[];
  /** The bytes as something to run, when they are an application or a raw binary. */
  image: Image | undefined;
  passes: number;
  symbols: Symbols;
  lines: LineMap;
  /** Every line that made something, with its address and bytes, as text. Empty when not ok. */
  readonly listing: string;
  /** FASM's symbolic information file for an output file of this name. Empty when not ok. */
  symbolFile(output: string): Uint8Array;
  /** What `display` said. */
  display: Uint8Array;
  diagnostics: readonly Diagnostic[];
}

const DEFAULT_MEMORY = 512 * 1024 * 1024;

/**
 * Assembles the file named `source`, read through `options.files`. Errors of the source are diagnostics, not exceptions.
 *
 *     const { ok, bytes } = assemble("hello.asm", { files: memoryFiles({ "hello.asm": "db 'hello'" }) });
 */
export function assemble(source: string, options: Options): Assembled {
  const maxMemory = options.maxMemory ?? DEFAULT_MEMORY;
  const loader = new FileLoader(options.files, options.includes ?? [], options.environment ?? {});
  const p = new Preprocessor(loader, maxMemory);
  p.lines.onProgress = options.onProgress;
  let preprocessed = false;
  let assembler: Assembler | undefined;
  try {
    p.run(source, options.defines ?? {});
    preprocessed = true;
    const parser = new Parser(p, options.onProgress);
    parser.run();
    assembler = new Assembler(
      parser.program,
      p.texts,
      loader,
      (line) => parentOf(p.files[p.lines.file(p.lines.plainLine(line))]!.name),
      {
        maxPasses: options.maxPasses ?? 100,
        maxBytes: maxMemory,
        epochSeconds: options.epochSeconds ?? 0,
      },
    );
    assembler.onProgress = options.onProgress;
    assembler.state.keepReferences = options.references ?? false;
    const passes = assembler.run();
    const bytes = assembler.state.format.write(assembler);
    const known = later(p, assembler, bytes);
    return {
      ok: true,
      bytes,
      extension: assembler.isCom && assembler.state.format.flat ? "com" : assembler.state.format.extension,
      areas: assembler.areas(),
      passes,
      display: assembler.displayed(),
      diagnostics: [],
      get symbols() {
        return known.symbols;
      },
      get lines() {
        return known.lines;
      },
      get image() {
        return known.image;
      },
      symbolFile: (output) => symbolFile(p, known.assembler, output),
      get listing() {
        return listing(p, known.assembler);
      },
    };
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    if (assembler) p.currentLine = assembler.state.currentLine;
    return {
      ok: false,
      bytes: new Uint8Array(0),
      extension: "",
      areas: [],
      image: undefined,
      passes: assembler ? assembler.state.pass + 1 : 0,
      symbols: symbolTable(p, undefined),
      lines: lineMap(p, undefined),
      listing: "",
      symbolFile: () => new Uint8Array(0),
      display: assembler?.displayed() ?? new Uint8Array(0),
      diagnostics: [diagnose(p, refusal, preprocessed)],
    };
  }
}

/** What not everyone asks for is made when it is asked for, and once. */
function later(
  p: Preprocessor,
  assembler: Assembler,
  bytes: Uint8Array,
): Pick<Assembled, "image" | "symbols" | "lines"> & { assembler: Assembler } {
  let symbols: Symbols | undefined;
  let lines: LineMap | undefined;
  let image: Image | undefined;
  const known = {
    assembler,
    get symbols() {
      symbols ??= symbolTable(p, assembler);
      return symbols;
    },
    get lines() {
      lines ??= lineMap(p, assembler);
      return lines;
    },
    get image() {
      if (!assembler.state.format.flat) return undefined;
      image ??= imageOf(bytes, assembler, known.symbols, known.lines);
      return image;
    },
  };
  return known;
}

/** What went wrong in the source; undefined when it was in here. */
function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  // Nesting beyond the engine's stack, where no limit of ours came first.
  if (error instanceof RangeError && /call stack/i.test(error.message)) return new Refusal("stackOverflow");
  return undefined;
}

/** The program that the bytes are; undefined when they begin with a header that describes none. */
function imageOf(
  bytes: Uint8Array,
  assembler: Assembler,
  symbols: Symbols,
  lines: LineMap,
): Image | undefined {
  if (hasHeader(bytes)) {
    const image = imageFrom(bytes);
    return "error" in image ? undefined : { ...image, symbols, lines };
  }
  const { spaces, space: last, at } = assembler.state;
  // The space that is open at the end has no length yet.
  const lengthOf = (space: Space): number => (space === last ? at - space.start : space.length);
  const first = spaces.find((space) => !space.virtual && lengthOf(space) > 0);
  const origin = first && typeof first.base === "number" ? Math.max(0, first.start - first.base) : 0;
  return { ...rawImage(bytes, { origin }), symbols, lines };
}
