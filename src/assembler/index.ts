/**
 * assembler: source text in, an image and what is known about it out, as FASM 1.73 does it. It reads files
 * through a seam and owns none; it has no clock.
 *
 * Read first: FASM's own manual (FASM.TXT). The phases are the files: source and tokens, preprocess/ (macros),
 * parse, expression/, assemble (passes), directives, format/.
 */
export {
  type Assembled,
  AssemblySession,
  assemble,
  type Options,
  type SessionOptions,
} from "./assembly.ts";
export { type Correction, CorrectionError, corrected, type Edit } from "./corrections.ts";
export type { Diagnostic, TrailStep } from "./diagnostics.ts";
export type { OnProgress, Phase } from "./progress.ts";
export { explanation, fasmText } from "./report.ts";
export { type Files, memoryFiles, type SourceText } from "./source.ts";
