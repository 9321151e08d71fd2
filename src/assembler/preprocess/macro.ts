/** Macro parameters and arguments, and the expansion of a block with its arguments put in (FASM.TXT 2.3.3, 2.3.5). */
import { type Message, refuse } from "../messages.ts";
import {
  asSpent,
  DOTTED,
  END,
  isName,
  isSpent,
  isString,
  marksOf,
  nameToken,
  spentToken,
  type Texts,
  textOf,
} from "../tokens.ts";
import { Frame, type Replacement } from "./frame.ts";
import type { Preprocessor } from "./preprocess.ts";

/** Nested expansions before "out of stack space", where the engine has room for so many: FASM has for some 750. */
const EXPANSION_LIMIT = 750;

const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LESS = 0x3c;
const GREATER = 0x3e;
const AMPERSAND = 0x26;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const STAR = 0x2a;
const COLON = 0x3a;
const EQUALS = 0x3d;
/** How names, strings and names that have done their work begin in FASM's lines. */
const NAME_BEGINS = 0x1a;
const QUOTE = 0x22;
const SPENT_NAME = 0x3b;

/** Checks the parameters of a definition; returns where its opening brace is, or -1 when it is on a later line. */
export function checkParameters(texts: Texts, tokens: Int32Array, from: number): number {
  let at = from;
  if (tokens[at] === END) return -1;
  if (tokens[at] === OPEN) return at;
  let inGroup = false;
  for (;;) {
    let token = tokens[at++]!;
    if (token === BRACKET) {
      inGroup = true;
      token = tokens[at++]!;
    }
    if (!isName(token)) refuse("invalidMacroArguments");
    token = tokens[at++]!;
    if (token === COLON || token === EQUALS) {
      at = inGroup ? skipGroupDefault(texts, tokens, at) : skipValue(tokens, at, true);
      token = tokens[at++]!;
    } else if (token === STAR) {
      token = tokens[at++]!;
    }
    if (token === COMMA) continue;
    if (token === AMPERSAND) token = tokens[at++]!;
    else if (token === BRACKET_END) {
      inGroup = !inGroup;
      token = tokens[at++]!;
    }
    if (inGroup) refuse("invalidMacroArguments");
    if (token === END) return -1;
    if (token === OPEN) return at - 1;
    refuse("invalidMacroArguments");
  }
}

/** Passes over one argument, or over a parameter's default value; returns where it ended. */
export function skipValue(tokens: Int32Array, from: number, isDefault: boolean, inGroup = false): number {
  let at = from;
  if (tokens[at] === LESS) {
    let depth = 1;
    at++;
    while (depth > 0) {
      const token = tokens[at++]!;
      if (token === END) refuse("invalidMacroArguments");
      if (token === GREATER) depth--;
      else if (token === LESS) depth++;
    }
    const token = tokens[at]!;
    if (token === END || token === COMMA) return at;
    if (isDefault && (token === OPEN || token === AMPERSAND || (inGroup && token === BRACKET_END))) return at;
    refuse("invalidMacroArguments");
  }
  for (; ; at++) {
    const token = tokens[at]!;
    if (token === END || token === COMMA) return at;
    if (isDefault && (token === OPEN || token === AMPERSAND)) return at;
  }
}

/** The same of a default value in a group. */
function skipGroupDefault(texts: Texts, tokens: Int32Array, from: number): number {
  if (tokens[from] === LESS) return skipValue(tokens, from, true, true);
  let at = from;
  while (isName(tokens[at]!) || isString(tokens[at]!)) at++;
  return endsDefault(tokens[at]!) ? at : skipAstray(texts, tokens, at);
}

const endsDefault = (byte: number): boolean =>
  byte === END || byte === COMMA || byte === OPEN || byte === AMPERSAND || byte === BRACKET_END;

/**
 * From a sign in a default value in a group, where FASM goes astray: it takes the next byte of its line for a length, whatever
 * it is, and that many bytes for a name, and goes on behind them. Mostly that is beyond the end of the line.
 */
function skipAstray(texts: Texts, tokens: Int32Array, from: number): number {
  const bytes: number[] = [];
  const tokenAt = new Map<number, number>();
  for (let at = from; ; at++) {
    const token = tokens[at]!;
    tokenAt.set(bytes.length, at);
    if (token < 256) bytes.push(token);
    else {
      const text = textOf(token);
      const length = texts.length(text);
      if (isString(token))
        bytes.push(QUOTE, length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, length >> 24);
      else bytes.push(isSpent(token) ? SPENT_NAME : NAME_BEGINS, length);
      for (let letter = texts.start(text); letter < texts.end(text); letter++)
        bytes.push(texts.bytes[letter]!);
    }
    if (token === END) break;
  }
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    if (endsDefault(byte)) return tokenAt.get(at) ?? refuse("invalidMacroArguments");
    const [, length = 0, high = 0, higher = 0, highest = 0] = bytes.slice(at, at + 5);
    at += byte === QUOTE ? 5 + length + 0x100 * (high + 0x100 * (higher + 0x100 * highest)) : 2 + length;
  }
  return refuse("invalidMacroArguments");
}

/** Takes arguments one by one while a definition's parameters are walked through. */
export class ArgumentReader {
  readonly #p: Preprocessor;
  /** In the definition: the next parameter. */
  parameterAt = 0;
  /** In the invocation: the next argument. */
  argumentAt = 0;
  inGroup = false;

  constructor(p: Preprocessor) {
    this.#p = p;
  }

  begin(parameterAt: number, argumentAt: number): void {
    this.parameterAt = parameterAt;
    this.argumentAt = argumentAt;
    this.inGroup = false;
  }

  /** One parameter and its argument. */
  take(frame: Frame): void {
    const { tokens } = this.#p.store;
    const replacement = frame.add(textOf(tokens[this.parameterAt]!), frame.limit);
    let at = this.parameterAt + 1;
    let required = false;
    let defaultAt = -1;
    let defaultEnd = -1;
    if (tokens[at] === STAR) {
      required = true;
      at++;
    } else if (tokens[at] === COLON || tokens[at] === EQUALS) {
      defaultAt = at + 1;
      at = this.inGroup
        ? skipGroupDefault(this.#p.texts, tokens, defaultAt)
        : skipValue(tokens, defaultAt, true);
      defaultEnd = at;
    }
    this.parameterAt = at;
    const start = this.argumentAt;
    if (tokens[at] === AMPERSAND) {
      let end = start;
      while (tokens[end] !== END) end++;
      replacement.start = start;
      replacement.length = end - start;
      this.argumentAt = end;
    } else {
      const end = skipValue(tokens, start, false);
      assign(replacement, tokens, start, end);
      this.argumentAt = end;
    }
    if (replacement.length > 0 || replacement.grouped) return;
    if (required) refuse("invalidMacroArguments");
    if (defaultAt >= 0) assign(replacement, tokens, defaultAt, defaultEnd);
  }
}

function assign(replacement: Replacement, tokens: Int32Array, start: number, end: number): void {
  if (tokens[start] === LESS && end > start) {
    replacement.start = start + 1;
    replacement.length = end - start - 2;
    replacement.grouped = true;
  } else {
    replacement.start = start;
    replacement.length = end - start;
    replacement.grouped = false;
  }
}

/**
 * Reads a macro's arguments from the current line: what is to be run then, from where `p.argumentReader` is in the definition.
 * That is left to the caller: macros invoke macros, and as many as FASM can bear must find room on the stack.
 */
export function readArguments(p: Preprocessor, start: number, argumentsAt: number): Expansion {
  const expansion = p.beginExpansion();
  const { frame } = expansion;
  const reader = p.argumentReader;
  reader.begin(start, argumentsAt);
  let groupAt = -1;
  for (;;) {
    const { tokens } = p.store;
    const token = tokens[reader.parameterAt]!;
    if (token === END || token === OPEN) break;
    if (token === BRACKET) {
      reader.parameterAt++;
      groupAt = reader.parameterAt;
      reader.inGroup = true;
      frame.limit++;
    }
    reader.take(frame);
    const next = tokens[reader.parameterAt]!;
    if (next === COMMA) {
      reader.parameterAt++;
      if (tokens[reader.argumentAt] === COMMA) reader.argumentAt++;
    } else if (next === BRACKET_END) {
      if (tokens[reader.argumentAt] !== COMMA) {
        reader.parameterAt++;
        break;
      }
      reader.argumentAt++;
      frame.limit++;
      reader.parameterAt = groupAt;
    } else {
      if (next === AMPERSAND) reader.parameterAt++;
      break;
    }
  }
  if (p.store.tokens[reader.argumentAt] !== END) refuse("invalidMacroArguments");
  return expansion;
}

/** The expansion of one block. It is used again for another when it is done. */
export class Expansion {
  readonly #p: Preprocessor;
  readonly frame = new Frame();
  #name = 0;
  #instant = false;
  #strucName = -1;
  #strucLabelAt = -1;
  /** The repetition, 0 for all at once. */
  #counter = 0;
  #reverse = false;
  #line = 0;
  #at = 0;
  #number = 0;
  #blockLine = 0;
  #blockAt = 0;
  #blockNumber = 0;
  /** What the line that has been put out has, as `Tokenizer.readLine` tells it. */
  #marks = 0;
  /** How many lines and tokens there were when the round began. */
  #lines = 0;
  #tokens = 0;

  constructor(p: Preprocessor) {
    this.#p = p;
  }

  /**
   * Puts out the lines of the block behind `start` on `line`, each repetition in its turn. `instant` blocks (rept and its
   * kin) come from the line where they stand, not from an invocation elsewhere.
   */
  run(
    line: number,
    start: number,
    name: number,
    instant: boolean,
    strucName: number,
    strucLabelAt: number,
  ): void {
    if (this.#p.depth > EXPANSION_LIMIT) refuse("stackOverflow");
    this.#name = name;
    this.#instant = instant;
    this.#strucName = strucName;
    this.#strucLabelAt = strucLabelAt;
    this.#number = 0;
    const p = this.#p;
    const { lines, store } = p;
    const parent = p.currentLine;
    this.#findBlock(line, start);
    this.#newBlock(this.frame.limit === 0 ? 0 : 1, false);
    p.expanding++;
    p.depth++;
    for (;;) {
      const token = store.tokens[this.#at]!;
      if (token === END) {
        this.#number++;
        this.#line++;
        this.#at = lines.start(this.#line) + 1;
        continue;
      }
      if (token === CLOSE) {
        this.#at++;
        if (this.#closeBlock()) continue;
        break;
      }
      p.currentLine = this.#instant
        ? lines.generated(this.#name, this.#number, this.#line, this.#line)
        : lines.generated(this.#name, this.#number, parent, this.#line);
      if (p.collecting.state !== 0) store.push(spentToken(p.names.empty));
      const end = this.#putLine();
      if (end === DIRECTIVE) continue;
      p.preprocessLine(this.#marks);
      if (end === CLOSE && !this.#closeBlock()) break;
      if (end === END) {
        this.#number++;
        this.#line++;
        this.#at = lines.start(this.#line) + 1;
      }
    }
    p.depth--;
    p.expanding--;
    p.currentLine = parent;
    p.endExpansion(this);
  }

  #findBlock(defined: number, start: number): void {
    const { store, lines } = this.#p;
    let line = defined;
    let at = start;
    for (;;) {
      const token = store.tokens[at]!;
      if (token === OPEN) break;
      if (token !== END && !(isSpent(token) && line !== defined)) refuse("unexpectedCharacters");
      line++;
      at = lines.start(line) + 1;
    }
    this.#line = line;
    this.#at = at + 1;
  }

  /** Whether the block is to be gone through again; the position is then at its beginning. */
  #closeBlock(): boolean {
    if (this.#at === this.#blockAt || this.#counter === 0) return false;
    // A round that came to nothing, as of a block of comments: so will the others.
    const { lines, store } = this.#p;
    if (lines.count === this.#lines && store.length === this.#tokens) return false;
    this.#lines = lines.count;
    this.#tokens = store.length;
    if (this.#reverse) {
      if (this.#counter === 1) return false;
      this.#counter--;
    } else {
      if (this.#counter === this.frame.limit) return false;
      this.#counter++;
    }
    this.#line = this.#blockLine;
    this.#at = this.#blockAt;
    this.#number = this.#blockNumber;
    return true;
  }

  #newBlock(counter: number, reverse: boolean): void {
    this.#counter = counter;
    this.#reverse = reverse;
    this.#blockLine = this.#line;
    this.#blockAt = this.#at;
    this.#blockNumber = this.#number;
    this.#lines = this.#p.lines.count;
    this.#tokens = this.#p.store.length;
  }

  /** Puts out the current line up to its end or to the closing brace, to be preprocessed. */
  #putLine(): number {
    const p = this.#p;
    const { store, texts, names } = p;
    const frame = this.frame;
    const isStructure = this.#strucName >= 0;
    const { traits } = texts;
    let { tokens, length } = store;
    let marks = 0;
    let at = this.#at;
    let atStart = true;
    let end: number;
    for (;;) {
      const token = tokens[at++]!;
      if (token >= 256) {
        if ((token & 3) === 0) {
          const text = textOf(token);
          if (atStart) {
            atStart = false;
            const lower = texts.lower(text);
            if (lower <= names.lastOfBlock && this.#isDirective(lower, at, length)) return DIRECTIVE;
          }
          const slot = frame.slot(text);
          const trait = traits[text]!;
          if (slot >= 0 || (isStructure && trait & DOTTED)) {
            const start = length;
            store.length = length;
            if (slot >= 0) this.#putReplacement(token, text, slot);
            else this.#putName(token, text);
            ({ tokens, length } = store);
            for (let put = start; put < length; put++) marks |= marksOf(tokens[put]!, texts.traits);
            continue;
          }
          marks |= trait;
        } else if (isSpent(token)) {
          end = END;
          // The rest of the line was a comment's; go on behind it.
          while (tokens[at] !== END) at++;
          at++;
          break;
        }
      } else if (token === END || token === CLOSE) {
        end = token;
        break;
      } else marks |= marksOf(token, traits);
      atStart = false;
      if (length === tokens.length) {
        store.length = length;
        store.reserve(1);
        tokens = store.tokens;
      }
      tokens[length++] = token;
    }
    this.#at = at;
    store.length = length;
    store.push(END);
    this.#marks = marks;
    return end;
  }

  /** Obeys a directive of the macro language, if the line's first name is one; what stands behind it is at `at`. */
  #isDirective(lower: number, at: number, length: number): boolean {
    const { store, names } = this.#p;
    if (lower === names.local) {
      store.length = length;
      this.#at = at;
      this.#local();
      return true;
    }
    if (lower !== names.forward && lower !== names.reverse && lower !== names.common) return false;
    store.length = length;
    this.#at = at;
    store.push(END);
    this.#changeBlock(lower);
    return true;
  }

  #changeBlock(directive: number): void {
    const { names } = this.#p;
    // The place behind the directive is where the closed block would have ended.
    if (this.#closeBlock()) return;
    if (directive === names.common || this.frame.limit === 0) this.#newBlock(0, false);
    else if (directive === names.forward) this.#newBlock(1, false);
    else this.#newBlock(this.frame.limit, true);
  }

  #putReplacement(token: number, text: number, slot: number): void {
    const frame = this.frame;
    const counter = this.#counter;
    let replacement = frame.at(slot, counter);
    if (replacement) {
      if (counter !== 0) {
        const common = frame.at(slot, 0);
        if (common && common.order > replacement.order) replacement = common;
      }
    } else if (counter === 0) {
      this.#putAll(token, text, slot);
      return;
    } else {
      replacement = frame.at(slot, 0);
    }
    if (!replacement) this.#putName(token, text);
    else if (replacement.start >= 0) this.#copy(replacement);
    else this.#putCounter(replacement.length);
  }

  #copy(replacement: Replacement): void {
    const { store } = this.#p;
    const { start, length } = replacement;
    store.reserve(length);
    const { tokens } = store;
    let to = store.length;
    for (let from = start; from < start + length; from++) tokens[to++] = tokens[from]!;
    store.length = to;
  }

  /** In a common block a repeated argument stands for all its values, with commas. */
  #putAll(token: number, text: number, slot: number): void {
    const { store } = this.#p;
    const frame = this.frame;
    if (!frame.at(slot, 1)) {
      this.#putName(token, text);
      return;
    }
    for (let counter = 1; ; counter++) {
      const replacement = frame.at(slot, counter);
      if (!replacement) break;
      if (counter > 1) store.push(COMMA);
      if (replacement.grouped) store.push(LESS);
      this.#copy(replacement);
      if (replacement.grouped) store.push(GREATER);
      if (counter === frame.limit) break;
    }
  }

  #putCounter(base: number): void {
    const p = this.#p;
    if (this.#counter !== 0) {
      p.pushNumber((base + this.#counter - 1) | 0);
      return;
    }
    for (let index = 0; index < this.frame.limit; index++) {
      if (index > 0) p.store.push(COMMA);
      p.pushNumber((base + index) | 0);
    }
  }

  /** A name that nothing replaces; inside a structure macro one that begins with a dot belongs to its label. */
  #putName(token: number, text: number): void {
    const p = this.#p;
    const { texts, store } = p;
    if (this.#strucName < 0 || (texts.traits[text]! & DOTTED) === 0) {
      store.push(token);
      return;
    }
    const length = texts.length(text);
    if (length > 1) {
      if (texts.length(this.#strucName) + length > 255) refuse("nameTooLong");
      store.push(nameToken(texts.join(this.#strucName, text)));
      return;
    }
    store.push(nameToken(this.#strucName));
    // The structure defines its label itself, so the line that invoked it must not.
    const at = this.#strucLabelAt;
    const first = store.tokens[at]!;
    if (isSpent(first)) return;
    if (isName(first)) {
      store.tokens[at] = asSpent(first);
      return;
    }
    // What a constant stands for begins with something else: what is spent behind its colon comes before it.
    const { tokens } = store;
    const spent = spentToken(p.names.empty);
    tokens.copyWithin(at + 1, at, tokens.indexOf(spent, at));
    tokens[at] = spent;
  }

  #local(): void {
    const p = this.#p;
    const { store, texts } = p;
    /** What has been read until then stands in the line. */
    const stop = (message: Message): never => {
      store.push(END);
      return refuse(message);
    };
    if (!isName(store.tokens[this.#at]!)) stop("invalidArgument");
    store.push(spentToken(p.names.empty));
    for (;;) {
      const token = store.tokens[this.#at++]!;
      if (!isName(token)) stop("invalidArgument");
      const text = textOf(token);
      const { localSuffix } = p;
      if (texts.length(text) + localSuffix.length > 255) stop("nameTooLong");
      const replacement = this.frame.add(text, this.#counter);
      replacement.start = store.length;
      replacement.length = 1;
      store.push(nameToken(texts.extend(text, localSuffix)));
      p.countLocal();
      const next = store.tokens[this.#at]!;
      if (next === COMMA) {
        this.#at++;
        continue;
      }
      if (next !== END && next !== CLOSE) stop("extraCharactersOnLine");
      break;
    }
    store.push(END);
  }
}

/** `#putLine` met a directive of the macro language. */
const DIRECTIVE = -1;
