/**
 * assembler: source text in, an image and what is known about it out, as FASM 1.73 does it. It reads files
 * through a seam and owns none; it has no clock.
 *
 * Read first: FASM's own manual (FASM.TXT). The phases are the files: source and tokens, preprocess/ (macros),
 * parse, expression/, assemble (passes), directives, format/.
 */
export type { Diagnostic, TrailStep } from "./diagnostics.ts";
export { type Files, memoryFiles, type SourceText } from "./source.ts";

import type { Image, LineMap, Symbols } from "../image/index.ts";
import type { Diagnostic } from "./diagnostics.ts";
import type { Files } from "./source.ts";

export interface Options {
  files: Files;
  /** Symbolic constants defined before the first line, as `-d NAME=VALUE`. */
  defines?: Readonly<Record<string, string>>;
  /** Directories for `include` and `file`, searched after that of the including file: INCLUDE. */
  includes?: readonly string[];
  /** Passes before "code cannot be generated". FASM's limit and the default is 100. */
  maxPasses?: number;
  /** What `%t` and the time stamps of formats say: seconds since 1970. Default 0. */
  epochSeconds?: number;
  /** Bytes of output and of preprocessed source before "out of memory". Default 256 MiB. */
  maxMemory?: number;
}

export interface Assembled {
  ok: boolean;
  /** The output file; empty when not ok. */
  bytes: Uint8Array;
  /** The bytes as something to run, when they are an application or a raw binary. */
  image: Image | undefined;
  passes: number;
  symbols: Symbols;
  lines: LineMap;
  /** What `display` said. */
  display: Uint8Array;
  diagnostics: readonly Diagnostic[];
}
