/**
 * The items behind a change, as the last parsing left them. Where the preprocessor has put its lines back (preprocess/rest.ts)
 * and the parser comes to them knowing what it knew then, they need not be parsed again: they are put back with the numbers
 * of their lines moved. Labels are numbers in them, so these must have been named in the same order before.
 */
import type { Block, ParserCheckpoint } from "./parse.ts";
import type { Program } from "./program.ts";
import type { Label } from "./symbols.ts";
import { D_DATA, D_FILE, D_FORMAT, I_INSTRUCTION, I_LINE } from "./words.ts";

/** A program that has been parsed again and is what it was, but for the numbers of its lines. */
export interface SameProgram {
  /** All labels, with what the passes have found out. */
  readonly labels: readonly Label[];
  /** Where a line stands now; lines that nothing is assembled of stand nowhere. */
  line(before: number): number;
}

export class ProgramRest {
  /** The first is where it begins. */
  readonly #checkpoints: readonly ParserCheckpoint[];
  /** From where parsing begins again: items, and labels' names and first lines. */
  readonly #begun: ParserCheckpoint;
  readonly #kinds: Uint8Array;
  readonly #values: Int32Array;
  readonly #labels: readonly Label[];
  readonly #lines: readonly number[];
  readonly #moved: number;
  /** Its first line, as it is now. */
  readonly line: number;

  /** Keeps what stands behind `begun`; `moved` is how far lines have moved, `checkpoints` are those of the rest. */
  constructor(
    program: Program,
    begun: ParserCheckpoint,
    checkpoints: readonly ParserCheckpoint[],
    moved: number,
  ) {
    this.#begun = begun;
    this.#checkpoints = checkpoints;
    this.#kinds = program.kinds.slice(begun.items, program.length);
    this.#values = program.values.slice(begun.items, program.length);
    this.#labels = program.labels.slice();
    this.#lines = program.labelLines.slice(begun.labels);
    this.#moved = moved;
    this.line = checkpoints[0]!.line + moved;
  }

  /** Whether the parser, about to parse the first line of the rest, knows what it knew there. */
  fits({ labels, surroundings, blocks }: ParserCheckpoint, program: Program): boolean {
    const meeting = this.#checkpoints[0]!;
    if (labels !== meeting.labels || blocks.length !== meeting.blocks.length) return false;
    for (let number = this.#begun.labels; number < labels; number++)
      if (program.labels[number]!.name !== this.#labels[number]!.name) return false;
    return (
      surroundings.localsPrefix === meeting.surroundings.localsPrefix &&
      surroundings.anonymousBack === meeting.surroundings.anonymousBack &&
      surroundings.anonymousForward === meeting.surroundings.anonymousForward &&
      blocks.every(({ directive, flags }, depth) => {
        const before = meeting.blocks[depth]!;
        return directive === before.directive && flags === before.flags;
      })
    );
  }

  /** What has become of the program, when nothing but lines have been added before the rest or taken away. */
  sameProgram({ kinds, values, length }: Program): SameProgram | undefined {
    const { items, line: first } = this.#begun;
    const meeting = this.#checkpoints[0]!;
    if (length !== meeting.items) return undefined;
    const between = new Int32Array(meeting.line - first).fill(-1);
    for (let item = items; item < length; item++) {
      const kind = kinds[item]!;
      const value = values[item]!;
      const before = this.#values[item - items]!;
      if (kind !== this.#kinds[item - items]) return undefined;
      if (kind === I_LINE) between[before - first] = value;
      else if (value !== before) return undefined;
      // What these read depends on the folder of the file that they stand in.
      if (kind === I_INSTRUCTION && (value === D_FILE || value === D_DATA || value === D_FORMAT))
        return undefined;
    }
    const line = (before: number) =>
      before < first ? before : before < meeting.line ? between[before - first]! : before + this.#moved;
    return { labels: this.#labels, line };
  }

  /** Puts the items back behind those that the program has; returns the checkpoints from there on. */
  putBack(
    program: Program,
    open: readonly Block[],
    know: (names: readonly number[], lines: readonly number[], moved: number) => void,
  ): ParserCheckpoint[] {
    const begun = this.#begun;
    const meeting = this.#checkpoints[0]!;
    const moved = this.#moved;
    const items = program.length - meeting.items;
    const kinds = this.#kinds.subarray(meeting.items - begun.items);
    const values = this.#values.subarray(meeting.items - begun.items);
    const names = this.#labels.slice(meeting.labels).map(({ name }) => name);
    if (moved !== 0)
      for (let item = 0; item < kinds.length; item++) if (kinds[item] === I_LINE) values[item]! += moved;
    program.append(kinds, values);
    know(names, this.#lines.slice(meeting.labels - begun.labels), moved);
    return this.#checkpoints.map((each) => ({
      ...each,
      line: each.line + moved,
      items: each.items + items,
      // What was open where the rest begins is open from where it stands now.
      blocks: each.blocks.map((block, depth) => ({
        ...block,
        line: block.line < meeting.line ? open[depth]!.line : block.line + moved,
      })),
    }));
  }
}
