/** What is reported about a source, as data. */

/** A step on the way to a line: the file and line, and the macro whose body it is. */
export interface TrailStep {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The macro in whose definition the line stands. */
  readonly macro?: string;
}

export interface Diagnostic {
  readonly kind: "error";
  /** FASM's words. */
  readonly text: string;
  /** Where: the line that FASM names last, inside a macro the line of its definition. Empty for errors without a line. */
  readonly file: string;
  /** From 1; 0 for errors without a line. */
  readonly line: number;
  /** The line as it stands in the file. */
  readonly source: string;
  /** The column of the cause in `source`, from 1, where it is known. */
  readonly column?: number;
  /** How it came to this line, outermost first: the invocations of macros, as FASM prints them. */
  readonly trail: readonly TrailStep[];
  /** The line after macros and symbolic constants, when it differs from what stands in the file. */
  readonly processed?: string;
  /** What would have been right there. */
  readonly expected?: string;
}
