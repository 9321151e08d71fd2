/** What an output format adds to plain bytes: relocations, sections, headers. */
import type { Assembler } from "../assemble.ts";
import type { Term } from "../expression/evaluate.ts";
import type { Base } from "../operand.ts";
import type { State } from "../state.ts";
import type { ObjectEntry } from "./objects.ts";

/** FASM's numbers for the formats. */
export const FORMAT_NONE = 0;
export const FORMAT_BINARY = 1;
export const FORMAT_MZ = 2;
export const FORMAT_PE = 3;
export const FORMAT_COFF = 4;
export const FORMAT_ELF = 5;

export interface Format {
  readonly number: number;
  /** The output is what has been assembled and nothing else, so that offsets in the file can be asked for. */
  readonly flat: boolean;
  /** The extension that `as` asks for, or the format's own; undefined: a name without one, and without a dot. */
  extension: string | undefined;
  /** Remembers that the value about to be written at `state.at` moves; returns what is to be added to it. */
  relocate(state: State, relocation: number, base: Base): number;
  /** `rva` of a value. */
  rva(state: State, term: Term): void;
  /** `plt` of a value. */
  plt(state: State, term: Term): void;
  /** The largest alignment that `align` may ask for in the present space. */
  alignment(state: State): number;
  /** A directive of formats: `section`, `segment`, `entry`, `stack`, `heap`, `public`, `extrn`, `data`, `end data`. */
  directive(assembler: Assembler, directive: number, end: boolean): void;
  closePass(assembler: Assembler): void;
  /** Bytes of the output file before the first that was assembled, once it has been written. */
  headerBytes?(): number;
  /** The header comes to stand before the code only when the format is named: in a first pass lines were noted before that. */
  readonly prepends?: boolean;
  /** What linkable formats have besides bytes: sections, external symbols and relocations in their order. */
  entries?(pass: number): readonly ObjectEntry[];
  /** The output file. */
  write(assembler: Assembler): Uint8Array;
}
