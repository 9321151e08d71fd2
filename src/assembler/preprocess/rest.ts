/**
 * What the run before made of the source behind a change. Preprocessing begins again before the change; when it then comes
 * to a line from which on all files are what they were, and everything that is known there is what was known (definitions,
 * the next local name, files that are open), the lines behind it would come out as before. They are put back instead, with
 * the numbers in them moved as far as the lines have moved.
 */
import { commonEnd, commonStart, type FileLoader, type LoadedFile } from "../source.ts";
import { END } from "../tokens.ts";
import type { Change, Definition } from "./definitions.ts";
import { FIELDS, FILE, NUMBER, OFFSET, ORIGIN, PARENT, START } from "./lines.ts";
import type { Checkpoint, OpenFile, Postponed, Preprocessor } from "./preprocess.ts";

/** What `restBehind` has saved. Lines and tokens count from where preprocessing begins again. */
export class Rest {
  readonly #begun: Checkpoint;
  /** The first is where the rest begins. */
  readonly #checkpoints: readonly Checkpoint[];
  readonly #lines: Int32Array;
  readonly #tokens: Int32Array;
  readonly #changes: readonly Change[];
  readonly #postponed: readonly Postponed[];
  readonly #files: readonly LoadedFile[];
  readonly #lineWords: number;
  /** Definitions before the rest as they were, to what they have become. */
  readonly #pairs = new Map<Definition, Definition>();

  /** Takes all off the preprocessor that is behind one of its checkpoints; `checkpoints` are those of the rest. */
  constructor(p: Preprocessor, begun: Checkpoint, checkpoints: readonly Checkpoint[]) {
    this.#begun = begun;
    this.#checkpoints = checkpoints;
    this.#lines = p.copiedLines.of(p.lines.from(begun.lines));
    this.#tokens = p.copiedTokens.of(p.store.tokens.subarray(begun.tokens, p.store.length));
    this.#changes = p.definitions.undo(begun.definitions);
    this.#postponed = p.postponed.slice(begun.postponed);
    this.#files = p.files.slice();
    this.#lineWords = p.lineWords;
  }

  /** Its first line, as it was. */
  get line(): number {
    return this.#checkpoints[0]!.lines;
  }

  /** Whether a file has been read to where the rest begins. */
  isReached({ number, tokenizer }: OpenFile, { bytes }: LoadedFile): boolean {
    const { number: wanted, at } = this.#checkpoints[0]!.open.at(-1)!;
    return number === wanted && bytes.length - tokenizer.at === this.#files[number]!.bytes.length - at;
  }

  /** Whether all is as it was where the rest begins; puts it back then, and returns how many lines it has. */
  rejoin(p: Preprocessor, open: readonly OpenFile[]): number {
    const meeting = this.#checkpoints[0]!;
    if (
      open.length !== meeting.open.length ||
      p.files.length !== meeting.files ||
      p.postponed.length !== meeting.postponed ||
      p.localSuffix.length !== meeting.localSuffix.length ||
      p.localSuffix.some((digit, at) => digit !== meeting.localSuffix[at])
    )
      return 0;
    /** For each file that is open, how many lines and bytes have come before. */
    const moves = new Map<number, { lines: number; bytes: number }>();
    for (let depth = 0; depth < open.length; depth++) {
      const { number, tokenizer } = open[depth]!;
      const before = meeting.open[depth]!;
      const [old, file] = [this.#files[number], p.files[number]!];
      const bytes = tokenizer.at - before.at;
      if (number !== before.number || tokenizer.finished !== before.finished || file.name !== old!.name)
        return 0;
      if (file.bytes.length - old!.bytes.length !== bytes) return 0;
      const lines = tokenizer.line - before.line;
      if (lines !== 0 && this.#lineWords !== meeting.lineWords) return 0;
      moves.set(number, { lines, bytes });
    }
    if (!this.#defineTheSame(p) || !this.#move(p, moves)) return 0;
    this.#putBack(p, moves);
    return this.#lines.length / FIELDS - (meeting.lines - this.#begun.lines);
  }

  /** Whether what has been defined since preprocessing began again is what was defined then. */
  #defineTheSame(p: Preprocessor): boolean {
    const { definitions } = this.#begun;
    const now = p.definitions.since(definitions);
    if (now.length !== this.#checkpoints[0]!.definitions - definitions) return false;
    return now.every(({ stack, definition }, index) => {
      const before = this.#changes[index]!;
      if (before.stack !== stack) return false;
      if (stack === undefined)
        return (this.#pairs.get(before.definition) ?? before.definition) === definition;
      this.#pairs.set(before.definition, definition);
      return this.#isSame(p, before.definition, definition);
    });
  }

  /** Whether two definitions of a name consist of the same tokens, in the same lines. */
  #isSame(p: Preprocessor, before: Definition, now: Definition): boolean {
    const { lines: line, tokens: token } = this.#begun;
    const lines = before.end - before.line;
    if (before.length !== now.length || now.end - now.line !== lines) return false;
    const [old, { tokens }] = [this.#tokens, p.store];
    let from = before.start - token;
    let at = now.start;
    if (lines === 0 && before.length > 0) {
      for (let count = 0; count < before.length; count++)
        if (old[from + count] !== tokens[at + count]) return false;
      return true;
    }
    for (let count = 0; ; count++) {
      for (; ; from++, at++) {
        if (old[from] !== tokens[at]) return false;
        if (tokens[at] === END) break;
      }
      if (count === lines) return true;
      from = this.#lines[(before.line - line + count + 1) * FIELDS + START]! - token;
      at = p.lines.start(now.line + count + 1);
    }
  }

  /** Moves all numbers in the lines of the rest; false if one is of a line that is there no more. */
  #move(p: Preprocessor, moves: ReadonlyMap<number, { lines: number; bytes: number }>): boolean {
    const first = this.#begun.lines;
    const meeting = this.#checkpoints[0]!;
    const by = p.lines.count - meeting.lines;
    const tokens = p.store.length - meeting.tokens;
    /** What lines between have become that belong to a definition. */
    const between = new Int32Array(meeting.lines - first).fill(-1);
    for (const [before, now] of this.#pairs)
      for (let line = before.line; line <= before.end; line++)
        between[line - first] = now.line + line - before.line;
    const data = this.#lines;
    const moved = (line: number) =>
      line < first ? line : line < meeting.lines ? between[line - first]! : line + by;
    for (let at = (meeting.lines - first) * FIELDS; at < data.length; at += FIELDS) {
      data[at + START]! += tokens;
      const file = data[at + FILE]!;
      if (file >= 0) {
        const move = moves.get(file);
        if (move === undefined) continue;
        data[at + NUMBER]! += move.lines;
        data[at + OFFSET]! += move.bytes;
      } else {
        const parent = moved(data[at + PARENT]!);
        const origin = moved(data[at + ORIGIN]!);
        if (parent < 0 || origin < 0) return false;
        data[at + PARENT] = parent;
        data[at + ORIGIN] = origin;
      }
    }
    return true;
  }

  #putBack(p: Preprocessor, moves: ReadonlyMap<number, { lines: number; bytes: number }>): void {
    const begun = this.#begun;
    const meeting = this.#checkpoints[0]!;
    const lines = p.lines.count - meeting.lines;
    const tokens = p.store.length - meeting.tokens;
    const lineWords = p.lineWords - meeting.lineWords;
    p.lines.append(this.#lines.subarray((meeting.lines - begun.lines) * FIELDS));
    p.append(this.#tokens.subarray(meeting.tokens - begun.tokens));
    // The old definitions are those that the rest knows.
    p.definitions.undo(begun.definitions);
    for (const [before, now] of this.#pairs) {
      before.start = now.start;
      before.line = now.line;
      before.end = now.end;
    }
    for (const { stack, definition } of this.#changes.slice(meeting.definitions - begun.definitions)) {
      if (stack === undefined) continue;
      definition.start += tokens;
      definition.line += lines;
      definition.end += lines;
    }
    p.definitions.redo(this.#changes);
    for (const { line, start } of this.#postponed)
      p.postponed.push({ line: line + lines, start: start + tokens });
    for (const { name } of this.#files.slice(meeting.files)) p.files.push(p.loader.main(name)!);
    p.lineWords = this.#lineWords + lineWords;
    const lookups = p.loader.loaded.size;
    for (const each of this.#checkpoints) {
      const open = each.open.map((file) => {
        const move = moves.get(file.number);
        return move === undefined
          ? file
          : { ...file, at: file.at + move.bytes, line: file.line + move.lines };
      });
      p.checkpoints.push({
        ...each,
        lines: each.lines + lines,
        tokens: each.tokens + tokens,
        lineWords: each.lineWords + lineWords,
        open,
        // What has been asked for in between may have been asked for later before.
        lookups,
      });
    }
  }
}

/** The rest that a preprocessor may come to when it begins again at a checkpoint with other files, if there is one. */
export function restBehind(p: Preprocessor, number: number, loader: FileLoader): Rest | undefined {
  /** Of files that have changed, how many bytes at the end have not. */
  const ends = new Map<LoadedFile, number>();
  /** The last look-up that has come to another answer. */
  let other = -1;
  let lookup = 0;
  for (const [path, before] of p.loader.loaded) {
    const now = loader.main(path);
    if (before !== undefined && now !== undefined) {
      if (commonStart(before, now) !== Number.POSITIVE_INFINITY) ends.set(before, commonEnd(before, now));
    } else if (before !== now) other = lookup;
    lookup++;
  }
  const { files } = p;
  const begun = p.checkpoints[number]!;
  const from = p.checkpoints.findIndex((each, index) => {
    if (index <= number || each.lookups <= other || each.postponed !== begun.postponed) return false;
    return files.every((file, at) => {
      const end = ends.get(file);
      if (end === undefined) return true;
      const open = each.open.find((one) => one.number === at);
      return open === undefined ? at < each.files : file.bytes.length - open.at <= end;
    });
  });
  return from < 0 ? undefined : new Rest(p, begun, p.checkpoints.slice(from));
}
