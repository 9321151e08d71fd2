/** What is reported about a source, as data. */

/** A step on the way to a line: the line's place, and the macro whose body it is in. */
export interface TrailStep {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The line as it stands in the file. */
  readonly source: string;
  /** The macro (or `rept`, `irp`, `match`…) in whose block the line stands. */
  readonly macro?: string;
  /** The line's number in that block, from 0. */
  readonly macroLine?: number;
}

export interface Diagnostic {
  readonly kind: "error";
  /** FASM's words. */
  readonly text: string;
  /** Where: the line that FASM names last, inside a macro the line of its definition. Empty for errors without a line. */
  readonly file: string;
  /** From 1; 0 for errors without a line. */
  readonly line: number;
  /** The line as it stands in the file, one character a byte. */
  readonly source: string;
  /** The column of the cause in `source`, from 1, where it is known. */
  readonly column?: number;
  /** The characters from there on that belong to the cause. */
  readonly length?: number;
  /** How it came to this line, outermost first, the line itself last, as FASM prints them. */
  readonly trail: readonly TrailStep[];
  /** The line after macros and symbolic constants; absent when preprocessing itself failed. */
  readonly processed?: string;
  /** What would have been right there. */
  readonly expected?: string;
}
