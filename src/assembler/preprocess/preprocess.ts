/**
 * The preprocessor: includes files, collects macro definitions, expands invocations, replaces symbolic constants. What
 * it leaves behind is a list of lines of tokens, each knowing its origin; the parser takes it from there.
 *
 * It works on tokens, line by line, in the order in which lines arise, as FASM's does (PREPROCE.INC): a line out of a
 * file is first searched for `fix` constants; a line out of a macro has its operators applied instead. Then its first
 * name decides: a directive, a macro, a label (and on from there), NAME equ, NAME STRUC. A macro is looked up before
 * `NAME:` is taken as a label. Only a line that is none of these has its `equ` constants replaced.
 */
import { bytesOf, latin1 } from "../../base/index.ts";
import { Expressions, Numbers } from "../expression/expressions.ts";
import { ExpressionReader, type SymbolReader } from "../expression/parse.ts";
import { refuse } from "../messages.ts";
import { type FileLoader, type LoadedFile, parentOf } from "../source.ts";
import {
  ANYTHING,
  asSpent,
  CLOSES,
  Copied,
  END,
  ESCAPED,
  FRAMED,
  isName,
  isSpent,
  isString,
  isWithoutRest,
  nameToken,
  OPERATES,
  spentToken,
  stringToken,
  Texts,
  Tokenizer,
  TokenStore,
  textOf,
} from "../tokens.ts";
import { Words } from "../words.ts";
import { beginMatch, Matcher, runBlock } from "./block.ts";
import {
  type Definition,
  type DefinitionKind,
  Definitions,
  EQU,
  FIX,
  MACRO,
  STRUC,
  traitOf,
} from "./definitions.ts";
import { Lines } from "./lines.ts";
import { ArgumentReader, checkParameters, Expansion, readArguments } from "./macro.ts";
import { applyOperators } from "./operators.ts";
import { type Rest, restBehind } from "./rest.ts";

/** Collecting a definition; its opening brace has been found. */
const COLLECTING = 1;
const OPENED = 2;

export const BLOCK_REPT = 0;
export const BLOCK_IRP = 1;
export const BLOCK_IRPS = 2;
export const BLOCK_IRPV = 3;
export const BLOCK_MATCH = 4;

/** A definition that is being collected: FASM keeps one at a time, since its lines are not looked into. */
export interface Collection {
  state: number;
  /** The block directive to run when the closing brace comes, or -1 for a macro. */
  block: number;
  /** The line and the position of the directive's arguments. */
  line: number;
  argumentsAt: number;
  argumentsEnd: number;
  /** The directive's name, for the trail. */
  name: number;
  /** The macro that it defines. */
  definition: Definition | undefined;
}

/** A block that `postpone` keeps for the end. */
export interface Postponed {
  readonly line: number;
  readonly start: number;
}

/** A file that is being read. */
export interface OpenFile {
  readonly number: number;
  readonly tokenizer: Tokenizer;
}

/** Where preprocessing can begin again: between two lines of a file, outside of any expansion. */
export interface Checkpoint {
  readonly lines: number;
  readonly tokens: number;
  readonly files: number;
  /** The files that are open, the innermost last. One whose last line includes another is finished, and open none the less. */
  readonly open: readonly {
    readonly number: number;
    readonly at: number;
    readonly line: number;
    readonly finished: boolean;
  }[];
  /** How many paths had been asked for. */
  readonly lookups: number;
  readonly definitions: number;
  readonly postponed: number;
  readonly localSuffix: Uint8Array;
  /** How often `__LINE__` has been asked for. */
  readonly lineWords: number;
}

type Directive = (p: Preprocessor, at: number, spent: number) => void;

/** What a token and a line are reckoned at; definitions, labels and instructions are counted once more. */
const BYTES_PER_TOKEN = 8;
const BYTES_PER_LINE = 40;

/** `z`, behind which a local name needs a digit more. */
const LAST_DIGIT = 0x7a;

/** Nested includes before "out of stack space", where the engine has room for so many. */
const DEPTH_LIMIT = 1000;

export class Preprocessor {
  readonly texts = new Texts();
  readonly store: TokenStore;
  readonly lines: Lines;
  readonly maxMemory: number;
  readonly definitions: Definitions;
  readonly files: LoadedFile[] = [];
  loader: FileLoader;
  /** The line that errors are reported at. */
  currentLine = -1;
  readonly collecting: Collection = {
    state: 0,
    block: -1,
    line: -1,
    argumentsAt: 0,
    argumentsEnd: 0,
    name: -1,
    definition: undefined,
  };
  /** How many macro expansions are going on. */
  expanding = 0;
  depth = 0;
  readonly postponed: Postponed[] = [];
  /** How often `__LINE__` has been asked for. */
  lineWords = 0;
  /** What `local` puts behind the next name: a question mark and a number, in digits 0-9, A-Z, a-z. */
  localSuffix = Uint8Array.of(0x3f, 0x30);
  readonly argumentReader = new ArgumentReader(this);
  readonly matcher = new Matcher();
  /** Expansions that are done, to be used again. */
  readonly #expansions: Expansion[] = [];
  readonly names: Names;
  readonly reserved: Words;
  /** Numbers written anywhere in the source. */
  readonly numbers = new Numbers();
  /** By their names' texts, which are among the first. */
  readonly #directives: (Directive | undefined)[] = [];
  readonly #fileWord: number;
  readonly #lineWord: number;

  /** `maxMemory` in bytes bounds tokens, lines and definitions, and with the tokens the program's items. */
  constructor(loader: FileLoader, maxMemory: number) {
    this.loader = loader;
    this.maxMemory = maxMemory;
    this.definitions = new Definitions(this.texts, maxMemory);
    this.store = new TokenStore(maxMemory / BYTES_PER_TOKEN);
    this.lines = new Lines(this.store, maxMemory / BYTES_PER_LINE);
    const number = (text: string) => this.texts.number(text);
    this.reserved = new Words(this.texts);
    this.names = {
      empty: number(""),
      common: number("common"),
      forward: number("forward"),
      local: number("local"),
      reverse: number("reverse"),
      lastOfBlock: number("reverse"),
      fix: number("fix"),
      equ: number("equ"),
      postpone: number("postpone"),
    };
    this.#fileWord = number("__file__");
    this.#lineWord = number("__line__");
    for (const [name, directive] of Object.entries(directives)) {
      const text = number(name);
      while (this.#directives.length <= text) this.#directives.push(undefined);
      this.#directives[text] = directive;
    }
  }

  readonly #open: OpenFile[] = [];
  /** Where it can begin again, every `#every` lines or more; none are kept while that is 0. */
  readonly checkpoints: Checkpoint[] = [];
  #every = 0;
  #next = 0;
  /** All has been preprocessed. */
  #isComplete = false;
  /** What the last run made behind the change. */
  #rest: Rest | undefined;
  readonly copiedLines = new Copied();
  readonly copiedTokens = new Copied();
  /** Lines of it that this run has put back, and how far they have moved. */
  rejoined = 0;
  moved = 0;

  /** From now on keeps checkpoints, so many lines apart. */
  keepCheckpoints(every: number): void {
    this.#every = every;
    this.definitions.keepChanges();
  }

  #checkpoint(): void {
    // Only files: an include inside of a macro's expansion would have to go on with the macro.
    if (this.depth !== this.#open.length || this.collecting.state !== 0) return;
    const open = this.#open.map(({ number, tokenizer: { at, line, finished } }) => ({
      number,
      at,
      line,
      finished,
    }));
    this.checkpoints.push({
      lines: this.lines.count,
      tokens: this.store.length,
      files: this.files.length,
      open,
      lookups: this.loader.loaded.size,
      definitions: this.definitions.changes,
      postponed: this.postponed.length,
      localSuffix: this.localSuffix.slice(),
      lineWords: this.lineWords,
    });
    this.#next = this.lines.count + this.#every;
  }

  /** Begins again at the checkpoint of this number, with files that are the same up to there. */
  resume(number: number, loader: FileLoader): void {
    const checkpoint = this.checkpoints[number]!;
    this.#rest = this.#isComplete ? restBehind(this, number, loader) : undefined;
    this.#isComplete = false;
    this.rejoined = 0;
    this.checkpoints.length = number + 1;
    this.loader = loader;
    this.lines.count = checkpoint.lines;
    this.store.length = checkpoint.tokens;
    this.definitions.undo(checkpoint.definitions);
    this.postponed.length = checkpoint.postponed;
    this.localSuffix = checkpoint.localSuffix.slice();
    this.lineWords = checkpoint.lineWords;
    this.collecting.state = 0;
    this.expanding = 0;
    this.files.length = checkpoint.files;
    // What was asked for before is asked for again, in the same order.
    for (let file = 0; file < checkpoint.files; file++)
      this.files[file] = loader.main(this.files[file]!.name)!;
    this.#open.length = 0;
    for (const { number, at, line, finished } of checkpoint.open) {
      const tokenizer = new Tokenizer(this.files[number]!.bytes, this.texts, this.store);
      tokenizer.at = at;
      tokenizer.line = line;
      tokenizer.finished = finished;
      this.#open.push({ number, tokenizer });
    }
    this.depth = this.#open.length;
    this.#next = checkpoint.lines + this.#every;
    while (this.#open.length > 0) this.#readOpenFile();
    if (this.rejoined === 0) this.#finish();
    this.#isComplete = true;
  }

  /** Reads the main file and everything it leads to. */
  run(mainFile: string, defines: Iterable<readonly [string, string]>): void {
    for (const [name, value] of defines) this.#predefine(name, value);
    const main = this.loader.main(mainFile);
    if (!main) refuse("mainFileNotFound");
    if (main.isDirectory) refuse("outOfMemory");
    this.#readFile(main);
    this.#finish();
    this.#isComplete = true;
  }

  #finish(): void {
    this.#checkComplete();
    // They may come to be more while they are expanded.
    for (let number = 0; number < this.postponed.length; number++) {
      const end = this.store.length - 1;
      const { line, start } = this.postponed[number]!;
      const expansion = readArguments(this, start, end);
      expansion.run(line, this.argumentReader.parameterAt, this.names.postpone, false, -1, -1);
      this.#checkComplete();
    }
  }

  #checkComplete(): void {
    if (this.collecting.state === 0) return;
    this.currentLine = this.collecting.line;
    refuse("incompleteMacro");
  }

  #predefine(name: string, value: string): void {
    const text = this.texts.number(latin1(bytesOf(name)));
    const start = this.store.length;
    const bytes = bytesOf(value);
    try {
      new Tokenizer(bytes, this.texts, this.store).readLine();
    } catch {
      refuse("invalidDefinition");
    }
    const { length } = this.texts.text(text);
    if (length === 0 || length > 255 || !isWithoutRest(bytes)) refuse("invalidDefinition");
    this.definitions.add(EQU, text, start, this.store.length - 1 - start, -1);
  }

  #readFile(file: LoadedFile): void {
    if (this.depth++ > DEPTH_LIMIT) refuse("stackOverflow");
    const number = this.files.length;
    this.files.push(file);
    this.#open.push({ number, tokenizer: new Tokenizer(file.bytes, this.texts, this.store) });
    this.#readOpenFile();
  }

  /** Reads the innermost open file to its end. */
  #readOpenFile(): void {
    const { number, tokenizer } = this.#open.at(-1)!;
    const printed = this.files[number]!.lines;
    while (!tokenizer.finished) {
      if (this.#rest?.isReached(this.#open.at(-1)!, this.files[number]!) && this.#rejoin(this.#rest)) break;
      if (this.#every > 0 && this.lines.count >= this.#next) this.#checkpoint();
      const line = ++tokenizer.line;
      this.currentLine = this.lines.plain(number, printed ? (printed[line - 1] ?? line) : line, tokenizer.at);
      if (this.collecting.state !== 0) this.store.push(spentToken(this.names.empty));
      this.preprocessLine(tokenizer.readLine());
    }
    this.#open.pop();
    this.depth--;
  }

  /** Whether all behind the next line has been put back as it was. */
  #rejoin(rest: Rest): boolean {
    this.#rest = undefined;
    if (this.depth !== this.#open.length || this.collecting.state !== 0) return false;
    this.moved = this.lines.count - rest.line;
    this.rejoined = rest.rejoin(this, this.#open);
    if (this.rejoined > 0) for (const { tokenizer } of this.#open) tokenizer.finished = true;
    return this.rejoined > 0;
  }

  /** The last line of the store, all its tokens in place; `marks` tells what it has, as `Tokenizer.readLine` does. */
  preprocessLine(marks: number): void {
    const line = this.currentLine;
    const tokens = this.store.tokens;
    const lineStart = this.lines.start(line);
    const prefixed = isSpent(tokens[lineStart]!) && textOf(tokens[lineStart]!) === this.names.empty;
    const start = prefixed ? lineStart + 1 : lineStart;
    let has = marks;
    if (this.expanding > 0) {
      if ((marks & (OPERATES | ESCAPED)) !== 0) {
        applyOperators(this.store, start, this.texts);
        has = ANYTHING;
      }
    } else {
      const first = tokens[start]!;
      if (isName(first)) {
        const second = tokens[start + 1]!;
        if (isName(second) && this.texts.lower(textOf(second)) === this.names.fix) {
          this.#define(FIX, start, start + 2);
          return;
        }
      }
      if ((marks & traitOf(FIX)) !== 0) {
        this.replaceConstants(FIX, start, false);
        has = ANYTHING;
      }
      this.#lastReplaced = FIX;
    }
    // Most lines go this way, and macros in one another all do: a frame less on the stack.
    if (this.collecting.state === 0) this.#instruction(lineStart, has);
    else this.dispatch(lineStart, has);
  }

  /** What comes after fixes and operators: the line goes to a collection, or is looked at. */
  dispatch(lineStart: number, marks: number): void {
    const state = this.collecting.state;
    if (state === 0) {
      this.#instruction(lineStart, marks);
    } else if (state & OPENED) {
      if ((marks & CLOSES) !== 0) this.skipBlock(lineStart);
    } else {
      const first = this.store.tokens[lineStart + 1]!;
      if (first === END) return;
      if (first !== 0x7b) refuse("unexpectedCharacters");
      this.openBlock(lineStart + 2);
    }
  }

  openBlock(at: number): void {
    this.collecting.state |= OPENED;
    this.skipBlock(at);
  }

  /** Looks for the closing brace of the definition that is being collected. */
  skipBlock(from: number): void {
    const tokens = this.store.tokens;
    let at = from;
    for (; ; at++) {
      const token = tokens[at]!;
      if (token === END) return;
      if (token === 0x7d) break;
    }
    at++;
    const collected = this.collecting;
    collected.state = 0;
    const line = this.currentLine;
    if (collected.definition !== undefined) collected.definition.end = line;
    const rest = tokens[at] === END ? undefined : tokens.slice(at, this.store.length);
    if (collected.block >= 0) {
      this.currentLine = collected.line;
      runBlock(this, collected);
    } else if (rest !== undefined) {
      tokens[at] = END;
      this.store.length = at + 1;
    }
    if (rest !== undefined) this.#continueBehindBrace(line, rest);
  }

  #continueBehindBrace(line: number, rest: Int32Array): void {
    this.currentLine = this.lines.copyOf(line);
    const start = this.store.length;
    if (this.collecting.state !== 0) this.store.push(spentToken(this.names.empty));
    this.store.reserve(rest.length);
    this.store.tokens.set(rest, this.store.length);
    this.store.length += rest.length;
    this.dispatch(start, ANYTHING);
  }

  #instruction(lineStart: number, marks: number): void {
    const { texts, definitions, names } = this;
    const directives = this.#directives;
    let at = lineStart;
    for (;;) {
      const tokens = this.store.tokens;
      const first = tokens[at]!;
      if (!isName(first)) break;
      const name = textOf(first);
      const lower = texts.lower(name);
      const directive = lower < directives.length ? directives[lower] : undefined;
      if (directive) {
        tokens[at] = asSpent(first);
        directive(this, at + 1, name);
        return;
      }
      const macro = definitions.find(MACRO, name);
      if (macro) {
        tokens[at] = asSpent(first);
        this.#invoke(macro, at + 1, name, -1, -1);
        return;
      }
      const second = tokens[at + 1]!;
      if (second === 0x3a) {
        const next = this.#label(at, name);
        if (next < 0) return;
        at = next;
        continue;
      }
      if (!isName(second)) break;
      if (texts.lower(textOf(second)) === names.equ) {
        this.#lastReplaced = EQU;
        this.replaceConstants(EQU, at + 2, false);
        this.#define(EQU, at, at + 2);
        return;
      }
      const struc = definitions.find(STRUC, textOf(second));
      if (!struc) break;
      this.#invokeStruc(struc, at, name, textOf(second));
      return;
    }
    this.#lastReplaced = EQU;
    if ((marks & (FRAMED | traitOf(EQU))) !== 0) this.replaceConstants(EQU, at, false);
  }

  /** The kind of constants that a line was searched for last. */
  #lastReplaced: DefinitionKind = FIX;

  /** NAME: at `at`. Returns where the line goes on, or -1 when it is done with. */
  #label(at: number, name: number): number {
    const constant = this.constant(EQU, name);
    if (constant === undefined) {
      const behind = at + 2;
      return this.store.tokens[behind] === 0x3a ? behind + 1 : behind;
    }
    if (constant === "file" || constant === "line") refuse("reservedWordUsedAsSymbol");
    const tokens = this.store.tokens;
    const { start, length } = constant;
    let from = start;
    const end = start + length;
    // The value must be a name itself, or a chain of labels that ends with one.
    let whole = false;
    while (from < end && isName(tokens[from]!)) {
      from++;
      if (from === end) {
        whole = true;
        break;
      }
      if (tokens[from] !== 0x3a) break;
      from++;
      if (tokens[from] === 0x3a) from++;
    }
    if (!whole) {
      // A label that is no name: what follows is searched for what was searched for last, in whatever line that was.
      this.replaceConstants(EQU, at, false, this.#lastReplaced);
      return -1;
    }
    const value = tokens.slice(start, end);
    const rest = tokens.slice(at + 1, this.store.length);
    this.store.length = at;
    this.append(value);
    this.append(rest);
    return at + value.length + 1;
  }

  append(tokens: Int32Array): void {
    this.store.reserve(tokens.length);
    this.store.tokens.set(tokens, this.store.length);
    this.store.length += tokens.length;
  }

  #define(kind: DefinitionKind, nameAt: number, valueAt: number): void {
    const tokens = this.store.tokens;
    const token = tokens[nameAt]!;
    tokens[nameAt] = asSpent(token);
    this.addDefinition(kind, textOf(token), valueAt, this.store.length - 1 - valueAt);
  }

  addDefinition(kind: DefinitionKind, text: number, start: number, length: number): Definition {
    if (kind !== FIX && this.#directives[this.texts.lower(text)] !== undefined)
      refuse("reservedWordUsedAsSymbol");
    return this.definitions.add(kind, text, start, length, this.currentLine);
  }

  /** A constant's definition, or which of the two special names it is. */
  constant(kind: DefinitionKind, text: number): Definition | "file" | "line" | undefined {
    if (kind === EQU && this.texts.traits[text]! & FRAMED) {
      const lower = this.texts.lower(text);
      if (lower === this.#fileWord) return "file";
      if (lower === this.#lineWord) return "line";
    }
    return this.definitions.find(kind, text);
  }

  /**
   * Replaces constants from `at` to the end of the last line; a value is put in as it is and not looked into again.
   * With `toBrace`, an opening brace ends it; the position of what ended it is returned. Behind the first constant
   * those of the kind `behind` are.
   */
  replaceConstants(kind: DefinitionKind, at: number, toBrace: boolean, behind = kind): number {
    const { store } = this;
    const { tokens } = store;
    const { traits } = this.texts;
    const replaced = FRAMED | traitOf(kind);
    let from = at;
    for (; ; from++) {
      const token = tokens[from]!;
      if (token < 256) {
        if (token === END || (token === 0x7b && toBrace)) return from;
      } else if ((token & 3) === 0) {
        const text = textOf(token);
        if ((traits[text]! & replaced) === 0) continue;
        if (this.constant(kind, text) !== undefined) break;
      }
    }
    const count = store.lift(from);
    const rest = store.lifted;
    let stop = -1;
    let replacing = true;
    let wanted = kind;
    for (let index = 0; index < count; index++) {
      const token = rest[index]!;
      if (replacing && token >= 256 && (token & 3) === 0) {
        const constant = this.constant(wanted, textOf(token));
        if (constant !== undefined) {
          this.#putConstant(constant);
          wanted = behind;
          continue;
        }
      }
      if (stop < 0 && (token === END || (token === 0x7b && toBrace))) {
        stop = store.length;
        replacing = false;
      }
      store.push(token);
    }
    return stop;
  }

  /** What `__LINE__` says. */
  lineWord(): number {
    this.lineWords++;
    return this.lines.number(this.lines.plainLine(this.currentLine));
  }

  #putConstant(constant: Definition | "file" | "line"): void {
    const { store } = this;
    if (constant === "file") {
      const line = this.lines.plainLine(this.currentLine);
      store.push(stringToken(this.texts.number(this.files[this.lines.file(line)]!.name)));
    } else if (constant === "line") {
      this.pushNumber(this.lineWord());
    } else {
      store.reserve(constant.length);
      store.tokens.copyWithin(store.length, constant.start, constant.start + constant.length);
      store.length += constant.length;
    }
  }

  /** Texts of the numbers that counters mostly have; 0 while not asked for (the text of number 0 is empty). */
  readonly #smallNumbers = new Int32Array(1 << 12);

  pushNumber(value: number): void {
    if (value < 0) this.store.push(0x2d);
    const size = Math.abs(value);
    let text = this.#smallNumbers[size] ?? 0;
    if (text === 0) {
      text = this.texts.number(String(size));
      if (size < this.#smallNumbers.length) this.#smallNumbers[size] = text;
    }
    this.store.push(nameToken(text));
  }

  #invoke(
    definition: Definition,
    argumentsAt: number,
    name: number,
    strucName: number,
    strucLabelAt: number,
  ): void {
    this.definitions.begin(definition);
    const expansion = readArguments(this, definition.start, argumentsAt);
    expansion.run(definition.line, this.argumentReader.parameterAt, name, false, strucName, strucLabelAt);
    this.definitions.end(definition);
  }

  /** NAME STRUC arguments: the line becomes `NAME:` with the rest spent, unless the structure uses its name itself. */
  #invokeStruc(struc: Definition, at: number, label: number, name: number): void {
    const constant = this.constant(EQU, label);
    if (constant === "file" || constant === "line") refuse("reservedWordUsedAsSymbol");
    const tokens = this.store.tokens;
    const rest = tokens.slice(at + 1, this.store.length);
    if (constant === undefined) {
      rest[0] = asSpent(rest[0]!);
      this.store.length = at + 1;
      this.store.push(0x3a);
      this.append(rest);
      this.#invoke(struc, at + 3, name, label, at);
      return;
    }
    const value = tokens.slice(constant.start, constant.start + constant.length);
    const labelToken = tokens[at]!;
    this.store.length = at;
    this.append(value);
    this.store.push(0x3a);
    this.store.push(spentToken(this.names.empty));
    this.store.push(labelToken);
    this.append(rest);
    this.#invoke(struc, at + value.length + 4, name, label, at);
  }

  /** Reads expressions for the preprocessor, which knows no labels. */
  /** The reader of numeric expressions; `symbol` is the same at every call. */
  expressionReader(symbol: SymbolReader): ExpressionReader {
    this.#reader ??= new ExpressionReader(this.texts, this.reserved, new Expressions(this.numbers), symbol);
    return this.#reader;
  }

  #reader: ExpressionReader | undefined;

  /** An expansion that has not begun; its frame is empty. */
  beginExpansion(): Expansion {
    return this.#expansions.pop() ?? new Expansion(this);
  }

  endExpansion(expansion: Expansion): void {
    expansion.frame.clear();
    this.#expansions.push(expansion);
  }

  /** `local` has given a name. */
  countLocal(): void {
    const suffix = this.localSuffix;
    for (let at = suffix.length - 1; at > 0; at--) {
      const digit = suffix[at]!;
      if (digit !== LAST_DIGIT) {
        suffix[at] = digit === 0x39 ? 0x41 : digit === 0x5a ? 0x61 : digit + 1;
        return;
      }
      suffix[at] = 0x30;
    }
    this.localSuffix = new Uint8Array(suffix.length + 1).fill(0x30);
    this.localSuffix[0] = suffix[0]!;
  }

  /** From here on lines belong to a definition, or to the block of a directive. */
  #collect(block: number, argumentsAt: number, name: number): void {
    const { collecting } = this;
    collecting.state = COLLECTING;
    collecting.block = block;
    collecting.line = this.currentLine;
    collecting.argumentsAt = argumentsAt;
    collecting.argumentsEnd = 0;
    collecting.name = name;
    collecting.definition = undefined;
  }

  beginDefinition(kind: DefinitionKind, at: number): void {
    const { store } = this;
    const token = store.tokens[at]!;
    if (!isName(token)) refuse("invalidName");
    const definition = this.addDefinition(kind, textOf(token), at + 1, 0);
    this.#collect(-1, at + 1, -1);
    this.collecting.definition = definition;
    const brace = checkParameters(this.texts, store.tokens, at + 1);
    if (brace >= 0) this.openBlock(brace + 1);
  }

  beginBlock(block: number, at: number, name: number): void {
    const { store } = this;
    this.#collect(block, at, name);
    let end: number;
    if (block === BLOCK_MATCH) {
      this.#lastReplaced = EQU;
      end = this.replaceConstants(EQU, beginMatch(store.tokens, at), true);
    } else {
      end = at;
      while (store.tokens[end] !== END && store.tokens[end] !== 0x7b) end++;
    }
    this.collecting.argumentsEnd = end;
    if (store.tokens[end] === 0x7b) this.openBlock(end + 1);
  }

  postpone(at: number): void {
    const { store } = this;
    this.postponed.push({ line: this.currentLine, start: at });
    this.#collect(-1, at, -1);
    const token = store.tokens[at]!;
    if (token === END) return;
    if (token !== 0x7b) refuse("unexpectedCharacters");
    this.openBlock(at + 1);
  }

  removeDefinitions(kind: DefinitionKind, from: number): void {
    const { tokens } = this.store;
    let at = from;
    for (;;) {
      const token = tokens[at++]!;
      if (!isName(token)) refuse("invalidName");
      this.definitions.remove(kind, textOf(token));
      const next = tokens[at++]!;
      if (next === END) return;
      if (next !== 0x2c) refuse("extraCharactersOnLine");
    }
  }

  defineConstant(at: number): void {
    const token = this.store.tokens[at]!;
    if (!isName(token)) refuse("invalidName");
    this.addDefinition(EQU, textOf(token), at + 1, this.store.length - 2 - at);
  }

  include(at: number): void {
    const token = this.store.tokens[at]!;
    if (!isString(token)) refuse("invalidArgument");
    if (this.store.tokens[at + 1] !== END) refuse("extraCharactersOnLine");
    const from = this.files[this.lines.file(this.lines.plainLine(this.currentLine))]!;
    const file = this.loader.find(this.texts.text(textOf(token)), parentOf(from.name));
    if (!file) refuse("fileNotFound");
    if (file.isDirectory) refuse("outOfMemory");
    const expanding = this.expanding;
    this.expanding = 0;
    this.#readFile(file);
    this.expanding = expanding;
  }
}

export interface Names {
  readonly empty: number;
  readonly common: number;
  readonly forward: number;
  readonly local: number;
  readonly reverse: number;
  /** The directives of a macro's block have no greater numbers than this. */
  readonly lastOfBlock: number;
  readonly fix: number;
  readonly equ: number;
  readonly postpone: number;
}

const directives: Readonly<Record<string, Directive>> = {
  define: (p, at) => p.defineConstant(at),
  include: (p, at) => p.include(at),
  irp: (p, at, name) => p.beginBlock(BLOCK_IRP, at, name),
  irps: (p, at, name) => p.beginBlock(BLOCK_IRPS, at, name),
  irpv: (p, at, name) => p.beginBlock(BLOCK_IRPV, at, name),
  macro: (p, at) => p.beginDefinition(MACRO, at),
  match: (p, at, name) => p.beginBlock(BLOCK_MATCH, at, name),
  postpone: (p, at) => p.postpone(at),
  purge: (p, at) => p.removeDefinitions(MACRO, at),
  rept: (p, at, name) => p.beginBlock(BLOCK_REPT, at, name),
  restore: (p, at) => p.removeDefinitions(EQU, at),
  restruc: (p, at) => p.removeDefinitions(STRUC, at),
  struc: (p, at) => p.beginDefinition(STRUC, at),
};
