/** The phases one after the other, what is told of their result, and sessions that begin again in the middle. */
import { hasHeader, type Image, imageFrom, type LineMap, rawImage, type Symbols } from "../image/index.ts";
import { Assembler } from "./assemble.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { refusedSymbolFile, symbolFile } from "./fas.ts";
import { listing } from "./listing.ts";
import { Refusal } from "./messages.ts";
import { lineMap, symbolTable } from "./output.ts";
import { Parser } from "./parse.ts";
import { Preprocessor } from "./preprocess/preprocess.ts";
import type { OnProgress } from "./progress.ts";
import { diagnose, isOfNoLine } from "./report.ts";
import { commonStart, FileLoader, type Files, parentOf } from "./source.ts";
import type { Space } from "./state.ts";

/** What holds for all assemblies of a session. */
export interface SessionOptions {
  /** Symbolic constants defined before the first line, as `-d NAME=VALUE`: in a list the same one may be defined again. */
  defines?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
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
  /**
   * Lines assembled, with every round of a loop, in all passes together, before "too many repeats". FASM has no such
   * limit but for 2^32 rounds of one `while`: hours. Default 2^29, which FASM takes twenty seconds for.
   */
  maxTurns?: number;
  /** Told now and then how far the work has come. */
  onProgress?: OnProgress;
}

export interface Options extends SessionOptions {
  files: Files;
}

export interface Assembled {
  ok: boolean;
  /** The output file; empty when not ok. */
  bytes: Uint8Array;
  /** The extension FASM would give the output file, without the dot; undefined: no dot either. */
  extension: string | undefined;
  /** Files beside the output, from `virtual as`: their extension and contents. */
  areas: readonly { extension: string; bytes: Uint8Array }[];
  /** The bytes as something to run, when they are an application or a raw binary. */
  image: Image | undefined;
  passes: number;
  symbols: Symbols;
  lines: LineMap;
  /** Every line that made something, with its address and bytes, as text. Empty when not ok. */
  readonly listing: string;
  /**
   * FASM's symbolic information file for an output file of this name. Of a source that is refused it has the preprocessed
   * lines alone; it is empty when there was no memory for them.
   */
  symbolFile(output: string): Uint8Array;
  /** What `display` said. */
  display: Uint8Array;
  diagnostics: readonly Diagnostic[];
}

const DEFAULT_MEMORY = 512 * 1024 * 1024;
const DEFAULT_TURNS = 2 ** 29;

/**
 * Assembles the file named `source`, read through `options.files`. Errors of the source are diagnostics, not exceptions.
 *
 *     const { ok, bytes } = assemble("hello.asm", { files: memoryFiles({ "hello.asm": "db 'hello'" }) });
 */
export function assemble(source: string, options: Options): Assembled {
  const { p, begin } = fresh(source, options, options.files);
  const work = new Work(p, options);
  return work.assemble(begin, (parser) => parser.run());
}

/** A preprocessor that has not begun, and how it begins. */
function fresh(
  source: string,
  options: SessionOptions,
  files: Files,
): { p: Preprocessor; begin: () => void } {
  const loader = new FileLoader(files, options.includes ?? [], options.environment ?? {});
  const p = new Preprocessor(loader, options.maxMemory ?? DEFAULT_MEMORY);
  p.lines.onProgress = options.onProgress;
  const { defines = [] } = options;
  return { p, begin: () => p.run(source, Array.isArray(defines) ? defines : Object.entries(defines)) };
}

/** Lines between two places where a session can begin again. */
const EVERY = 1024;

/**
 * Assembles one source again and again while its files change. Lines before the first change are neither preprocessed
 * nor parsed again; nor are those behind the last, where it has changed no definition, and not parsed where it names no
 * symbol for the first time. The passes begin anew, since FASM's results depend on all of them, unless the program is the
 * same and its lines alone stand elsewhere. Every answer is the one that `assemble` would give.
 *
 *     const session = new AssemblySession("server.asm");
 *     session.assemble(files);
 *     session.assemble(changedFiles);
 *
 * Files' bytes must not change once they have been handed in. What an answer only makes when it is asked (symbols, lines,
 * image, listing, symbolFile) must be asked before the next `assemble`; later it is an Error.
 */
export class AssemblySession {
  readonly #source: string;
  readonly #options: SessionOptions;
  readonly #every: number;
  #work: Work | undefined;
  /** Preprocessed lines that the last `assemble` took over from the one before. */
  reused = 0;

  constructor(source: string, options: SessionOptions = {}, every = EVERY) {
    this.#source = source;
    this.#options = options;
    this.#every = every;
  }

  assemble(files: Files): Assembled {
    const last = this.#work;
    if (last) {
      const { includes, environment } = this.#options;
      const loader = new FileLoader(files, includes ?? [], environment ?? {});
      const number = lastCommon(last.p, loader);
      if (number >= 0) {
        const { lines } = last.p.checkpoints[number]!;
        const answer = last.again(number, loader);
        this.reused = lines + last.p.rejoined;
        return answer;
      }
      last.end();
    }
    this.reused = 0;
    const { p, begin } = fresh(this.#source, this.#options, files);
    p.keepCheckpoints(this.#every);
    this.#work = new Work(p, this.#options);
    return this.#work.assemble(begin, (parser) => parser.run());
  }
}

/** The last of a preprocessor's checkpoints up to which everything is the same with other files; -1 when none is. */
function lastCommon({ checkpoints, files, loader: { loaded } }: Preprocessor, loader: FileLoader): number {
  let number = checkpoints.length - 1;
  let lookup = 0;
  for (const [path, before] of loaded) {
    if (number < 0 || lookup >= checkpoints[number]!.lookups) break;
    const now = loader.main(path);
    const same = commonStart(before, now);
    for (; number >= 0; number--) {
      const { lookups, files: count, open } = checkpoints[number]!;
      if (lookup >= lookups) break;
      if (same === Number.POSITIVE_INFINITY) break;
      if (before === undefined || now === undefined) continue;
      // Where it is still being read, only what has been read counts, and the character behind it, which was looked at.
      const reached = (file: number) =>
        open.find((each) => each.number === file)?.at ?? Number.POSITIVE_INFINITY;
      let fits = true;
      for (let file = 0; file < count; file++)
        if (files[file] === before && reached(file) >= Math.max(same, 1)) fits = false;
      if (fits) break;
    }
    lookup++;
  }
  return number;
}

/** What passes have made. */
interface Made {
  readonly assembler: Assembler;
  readonly bytes: Uint8Array;
  readonly passes: number;
}

/** Whether the files that an assembler has taken data from are found where they were, and are what they were. */
function readsTheSame({ loader: before, dataFiles }: Assembler, loader: FileLoader): boolean {
  for (const [path, file] of before.loaded)
    if ((loader.main(path) === undefined) !== (file === undefined)) return false;
  for (const file of dataFiles)
    if (commonStart(file, loader.main(file.name)) !== Number.POSITIVE_INFINITY) return false;
  return true;
}

/** What is made of one source, and can be made again of it from some line on. */
class Work {
  readonly p: Preprocessor;
  readonly #options: SessionOptions;
  #parser: Parser | undefined;
  /** What the last answer was made of, when it was right. */
  #made: Made | undefined;
  /** Answers given so far: an older one's lines and tokens are gone. */
  #answers = 0;

  constructor(p: Preprocessor, options: SessionOptions) {
    this.p = p;
    this.#options = options;
  }

  /** No answer but those already worked out is to be had any more. */
  end(): void {
    this.#answers++;
  }

  /** Begins again at one of the preprocessor's checkpoints. */
  again(checkpoint: number, loader: FileLoader): Assembled {
    const { p } = this;
    this.#parser?.forget(p.checkpoints[checkpoint]!.lines);
    return this.assemble(
      () => p.resume(checkpoint, loader),
      (parser) => parser.resume(),
    );
  }

  #assembler({ program }: Parser): Assembler {
    const { p } = this;
    const options = this.#options;
    const directoryOf = (line: number) => parentOf(p.files[p.lines.file(p.lines.plainLine(line))]!.name);
    const assembler = new Assembler(program, p.texts, p.loader, directoryOf, {
      maxPasses: options.maxPasses ?? 100,
      maxBytes: options.maxMemory ?? DEFAULT_MEMORY,
      maxTurns: options.maxTurns ?? DEFAULT_TURNS,
      epochSeconds: options.epochSeconds ?? 0,
    });
    assembler.onProgress = options.onProgress;
    assembler.state.keepReferences = options.references ?? false;
    return assembler;
  }

  /** What an answer makes when it is asked can be had until the next one. */
  #check(answer: number): void {
    if (answer !== this.#answers)
      throw new Error("the source has been assembled again since: ask before that");
  }

  #answer({ assembler, bytes: made, passes }: Made): Assembled {
    const { p } = this;
    const answer = this.#answers;
    // The next answer may have the same bytes.
    const bytes = made.slice();
    const known = later(p, assembler, bytes, () => this.#check(answer));
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
      symbolFile: (output) => symbolFile(p, known.withLines, output),
      get listing() {
        return listing(p, known.withLines);
      },
    };
  }

  assemble(preprocess: () => void, parse: (parser: Parser) => void): Assembled {
    const { p } = this;
    this.#answers++;
    const last = this.#made;
    this.#made = undefined;
    let preprocessed = false;
    let assembler: Assembler | undefined;
    try {
      preprocess();
      preprocessed = true;
      this.#parser ??= new Parser(p, this.#options.onProgress);
      parse(this.#parser);
      const { same } = this.#parser;
      if (same !== undefined && last !== undefined && readsTheSame(last.assembler, p.loader)) {
        last.assembler.move(same);
        this.#made = last;
      } else {
        assembler = this.#assembler(this.#parser);
        const passes = assembler.run();
        this.#made = { assembler, passes, bytes: assembler.state.format.write(assembler) };
      }
      return this.#answer(this.#made);
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      if (assembler) p.currentLine = assembler.state.currentLine;
      const answer = this.#answers;
      return {
        ok: false,
        bytes: new Uint8Array(0),
        extension: undefined,
        areas: [],
        image: undefined,
        passes: assembler ? assembler.state.pass + 1 : 0,
        symbols: symbolTable(p, undefined),
        lines: lineMap(p, undefined),
        listing: "",
        symbolFile: () => {
          this.#check(answer);
          return isFatal(refusal) ? new Uint8Array(0) : refusedSymbolFile(p, preprocessed);
        },
        // What `display` has said stands before the line that is wrong; where none is, FASM says no more than the words.
        display: assembler && !isOfNoLine(refusal) ? assembler.displayed() : new Uint8Array(0),
        diagnostics: [diagnose(p, refusal, preprocessed)],
      };
    }
  }
}

/** What not everyone asks for is made when it is asked for, and once. */
function later(
  p: Preprocessor,
  assembler: Assembler,
  bytes: Uint8Array,
  check: () => void,
): Pick<Assembled, "image" | "symbols" | "lines"> & { readonly withLines: Assembler } {
  let symbols: Symbols | undefined;
  let lines: LineMap | undefined;
  let image: Image | undefined;
  const known = {
    get assembler() {
      check();
      return assembler;
    },
    get withLines() {
      check();
      assembler.keepLines();
      return assembler;
    },
    get symbols() {
      symbols ??= symbolTable(p, known.assembler);
      return symbols;
    },
    get lines() {
      lines ??= lineMap(p, known.withLines);
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

/** Whether FASM says no more than the words. */
const isFatal = ({ reason }: Refusal): boolean =>
  reason === "outOfMemory" || reason === "stackOverflow" || reason === "mainFileNotFound";

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
