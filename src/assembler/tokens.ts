/**
 * Characters to tokens, as FASM's preprocessor sees them.
 *
 * A token is one integer, so that lines are slices of one typed array and comparing tokens is comparing numbers.
 * Below 256 it is a special character standing for itself (0 ends a line); above, a name or a quoted string by its
 * number in the table of texts. What decides a token: blanks and `+-/*=<>()[]{}:,|&~#\`;\` separate; a quote begins a
 * string only where no name has begun (so `don't` and `1'000` are names); everything else is a name, numbers too.
 * Macros work on these tokens and not on text: nothing is ever glued together by standing next to each other.
 *
 * Texts are kept one character a byte (Latin-1): FASM knows bytes, and what was read is written back unchanged.
 */
import { latin1 } from "../base/index.ts";
import { refuse } from "./messages.ts";

export const END = 0;
const FIRST = 256;
const KINDS = 4;

/** A name. */
export const NAME = 0;
/** A quoted string. */
export const QUOTED = 1;
/** A name that has done its work (a directive, an invoked macro): the rest of the line is not for later phases. */
export const SPENT = 2;

export const nameToken = (text: number): number => FIRST + text * KINDS + NAME;
export const stringToken = (text: number): number => FIRST + text * KINDS + QUOTED;
export const spentToken = (text: number): number => FIRST + text * KINDS + SPENT;

export const isName = (token: number): boolean => token >= FIRST && (token & 3) === NAME;
export const isString = (token: number): boolean => token >= FIRST && (token & 3) === QUOTED;
export const isSpent = (token: number): boolean => token >= FIRST && (token & 3) === SPENT;
/** The number of a token's text. */
export const textOf = (token: number): number => (token - FIRST) >> 2;
export const asSpent = (token: number): number => token - (token & 3) + SPENT;
export const asName = (token: number): number => token - (token & 3) + NAME;

const SEPARATORS = "\0\t\n\r\x1a +-/*=<>()[]{}:,|&~#`;\\";
const separator = new Uint8Array(256);
for (const letter of SEPARATORS) separator[letter.charCodeAt(0)] = 1;

export const isSeparator = (code: number): boolean => separator[code] === 1;

/** The hash of a text: its characters as the digits of a number to the base 31, modulo 2^32. */
const nextHash = (hash: number, code: number): number => (Math.imul(hash, 31) + code) | 0;

export function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = nextHash(hash, text.charCodeAt(at));
  return hash;
}

/** A letter of ASCII as a small one, and any other character as it is: FASM folds no others. */
const smallOf = (code: number): number => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code);

/** Powers of 31: what a text's hash is multiplied by when so many characters follow. */
const powers = new Int32Array(256);
for (let at = 0, power = 1; at < powers.length; at++, power = Math.imul(power, 31)) powers[at] = power;

/** The text begins with a backslash; with a dot; with two underscores, and ends with two. */
export const ESCAPED = 1;
export const DOTTED = 2;
export const FRAMED = 4;
/** It has or had a definition: this bit for macros, the ones above for the other kinds (preprocess/definitions.ts). */
export const DEFINED_AS = 8;

/** What a line has beside the traits of its names: an operator of macros, a closing brace. */
export const OPERATES = 0x100;
export const CLOSES = 0x200;
/** Nothing is known of a line: it may have anything. */
export const ANYTHING = -1;

/** What a line has by one of its tokens. */
export function marksOf(token: number, traits: Uint8Array): number {
  if (token >= FIRST) return (token & 3) === NAME ? traits[textOf(token)]! : 0;
  if (token === 0x7d) return CLOSES;
  return token === 0x60 || token === 0x23 ? OPERATES : 0;
}

function traitsOf(bytes: Uint8Array, start: number, end: number): number {
  if (end === start) return 0;
  switch (bytes[start]) {
    case 0x5c:
      return ESCAPED;
    case 0x2e:
      return DOTTED;
    case 0x5f: {
      const framed = bytes[start + 1] === 0x5f && bytes[end - 1] === 0x5f && bytes[end - 2] === 0x5f;
      return framed && end - start > 1 ? FRAMED : 0;
    }
    default:
      return 0;
  }
}

/** How much larger an array becomes that is full: what is not touched costs nothing, what is copied does. */
export const GROWTH = 4;

/**
 * What an array that grows has room for at first: little, so that it grows before the engine has compiled code that takes
 * it for one that never does. That code would all be thrown away.
 */
export const FEW = 64;

/** An array's contents in a larger one. */
export function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

/** The same with room for what is known of a text, or of whatever else has this number. */
export const grownFor = (array: Int32Array<ArrayBuffer>, number: number): Int32Array<ArrayBuffer> =>
  grown(array, Math.max(number + 1, array.length * GROWTH));

/** Room for copies, one at a time, that is used again and again: new room of megabytes costs more than the copying. */
export class Copied {
  #room = new Int32Array(0);

  /** A copy of these numbers, good until the next. */
  of(numbers: Int32Array): Int32Array {
    if (numbers.length > this.#room.length) this.#room = new Int32Array(numbers.length * 2);
    this.#room.set(numbers);
    return this.#room.subarray(0, numbers.length);
  }
}

/**
 * All names and strings of one assembly, each once, their characters one after the other: hundreds of thousands of strings
 * would cost more than what is done with them. They are found by their hash, so that neither what has been read before nor
 * what is joined of two texts needs a place of its own to be found again.
 */
export class Texts {
  bytes = new Uint8Array(FEW * 4);
  /** Where each text begins; it ends where the next one does. */
  #starts = new Int32Array(FEW + 1);
  #count = 0;
  #hashes = new Int32Array(FEW);
  /** Numbers from 1, at the place that the hash says or behind it. */
  #table = new Int32Array(FEW * 2);
  /** One more than what `lower` answers, once it has been asked. */
  #lower = new Int32Array(FEW);
  /** The token that an escaped name is without its backslash, once asked for. */
  #bare = new Int32Array(FEW);
  /** ESCAPED, DOTTED, FRAMED, and as what it is defined. */
  traits = new Uint8Array(FEW);

  start(number: number): number {
    return this.#starts[number]!;
  }

  /** One behind its last character. */
  end(number: number): number {
    return this.#starts[number + 1]!;
  }

  length(number: number): number {
    return this.#starts[number + 1]! - this.#starts[number]!;
  }

  /** Its first character; 0 of an empty text. */
  first(number: number): number {
    return this.length(number) === 0 ? 0 : this.bytes[this.#starts[number]!]!;
  }

  /** As a string, which is made anew each time. */
  text(number: number): string {
    return latin1(this.bytes.subarray(this.#starts[number]!, this.#starts[number + 1]!));
  }

  number(text: string): number {
    const end = this.#starts[this.#count]!;
    this.#reserve(text.length);
    for (let at = 0; at < text.length; at++) this.bytes[end + at] = text.charCodeAt(at);
    return this.ofBytes(this.bytes, end, end + text.length, hashOf(text));
  }

  /** The number of the text that bytes are, given their hash. */
  ofBytes(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#table.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#table[slot]! - 1;
      if (number < 0) {
        const to = this.#reserve(end - start);
        if (bytes !== this.bytes || start !== to)
          for (let at = start; at < end; at++) this.bytes[to + at - start] = bytes[at]!;
        return this.#add(end - start, hash, slot);
      }
      if (this.#hashes[number] === hash && this.#is(number, bytes, start, end)) return number;
    }
  }

  /** The number of one text with another behind it. */
  join(first: number, second: number): number {
    const headLength = this.length(first);
    const tailLength = this.length(second);
    const to = this.#reserve(headLength + tailLength);
    const { bytes } = this;
    const [head, tail] = [this.#starts[first]!, this.#starts[second]!];
    for (let at = 0; at < headLength; at++) bytes[to + at] = bytes[head + at]!;
    for (let at = 0; at < tailLength; at++) bytes[to + headLength + at] = bytes[tail + at]!;
    let hash = this.#hashes[first]!;
    if (tailLength < powers.length) hash = (Math.imul(hash, powers[tailLength]!) + this.#hashes[second]!) | 0;
    else for (let at = 0; at < tailLength; at++) hash = nextHash(hash, bytes[tail + at]!);
    return this.ofBytes(bytes, to, to + headLength + tailLength, hash);
  }

  /** The number of a text with more characters behind it. */
  extend(number: number, suffix: Uint8Array): number {
    const length = this.length(number);
    const to = this.#reserve(length + suffix.length);
    const { bytes } = this;
    const from = this.#starts[number]!;
    for (let at = 0; at < length; at++) bytes[to + at] = bytes[from + at]!;
    let hash = this.#hashes[number]!;
    for (let at = 0; at < suffix.length; at++) {
      bytes[to + length + at] = suffix[at]!;
      hash = nextHash(hash, suffix[at]!);
    }
    return this.ofBytes(bytes, to, to + length + suffix.length, hash);
  }

  #is(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes;
    let at = this.#starts[number]!;
    if (this.#starts[number + 1]! - at !== end - start) return false;
    for (let other = start; other < end; other++, at++) if (own[at] !== bytes[other]) return false;
    return true;
  }

  /** Makes room for a text behind the last one; returns where it begins. */
  #reserve(length: number): number {
    const start = this.#starts[this.#count]!;
    if (start + length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * GROWTH, start + length));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    return start;
  }

  /** The text that has been written behind the last one becomes one of them. */
  #add(length: number, hash: number, slot: number): number {
    const number = this.#count++;
    if (number === this.#hashes.length) this.#grow();
    else this.#table[slot] = number + 1;
    const start = this.#starts[number]!;
    this.#starts[number + 1] = start + length;
    this.#hashes[number] = hash;
    this.traits[number] = traitsOf(this.bytes, start, start + length);
    if (this.#table.length !== this.#hashes.length * 2) this.#rehash();
    return number;
  }

  #grow(): void {
    const length = this.#hashes.length * GROWTH;
    this.#hashes = grown(this.#hashes, length);
    this.#starts = grown(this.#starts, length + 1);
    this.#lower = grown(this.#lower, length);
    this.#bare = grown(this.#bare, length);
    const traits = new Uint8Array(length);
    traits.set(this.traits);
    this.traits = traits;
  }

  #rehash(): void {
    const table = new Int32Array(this.#hashes.length * 2);
    const mask = table.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = spread(this.#hashes[number]!) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = number + 1;
    }
    this.#table = table;
  }

  /**
   * The number of a text in small letters, for comparison with words that were there from the beginning: where nobody has
   * written it so, the text's own.
   */
  lower(number: number): number {
    const known = this.#lower[number]! - 1;
    return known >= 0 ? known : this.#findLower(number);
  }

  #findLower(number: number): number {
    const hash = this.lowerHash(number);
    let result = number;
    if (hash !== this.#hashes[number]) {
      const mask = this.#table.length - 1;
      for (let slot = spread(hash) & mask; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
        const other = this.#table[slot]! - 1;
        if (this.#hashes[other] !== hash || !this.#isLowerOf(other, number)) continue;
        result = other;
        break;
      }
    }
    this.#lower[number] = result + 1;
    return result;
  }

  /** The hash of a text in small letters. */
  lowerHash(number: number): number {
    const end = this.#starts[number + 1]!;
    let hash = 0;
    for (let at = this.#starts[number]!; at < end; at++) hash = nextHash(hash, smallOf(this.bytes[at]!));
    return hash;
  }

  #isLowerOf(small: number, number: number): boolean {
    const { bytes } = this;
    if (this.length(small) !== this.length(number)) return false;
    const end = this.#starts[number + 1]!;
    let other = this.#starts[small]!;
    for (let at = this.#starts[number]!; at < end; at++, other++)
      if (bytes[other] !== smallOf(bytes[at]!)) return false;
    return true;
  }

  /** The token that an escaped name is when its backslash is taken off: a name, or a special character. */
  bare(number: number): number {
    const known = this.#bare[number]!;
    if (known !== 0) return known;
    const rest = this.text(number).slice(1);
    const token =
      rest.length === 1 && isSeparator(rest.charCodeAt(0))
        ? rest.charCodeAt(0)
        : nameToken(this.number(rest));
    this.#bare[number] = token;
    return token;
  }
}

/** A hash with all of its bits at work in the lowest ones. */
const spread = (hash: number): number => {
  const mixed = Math.imul(hash, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
};

/** The tokens of all lines, in one array that grows. */
export class TokenStore {
  tokens = new Int32Array(FEW);
  length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Makes room for `count` more tokens. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.tokens.length) return;
    if (needed > this.#limit) refuse("outOfMemory");
    const grown = new Int32Array(
      Math.min(Math.max(this.tokens.length * GROWTH, needed), Math.max(needed, this.#limit)),
    );
    grown.set(this.tokens.subarray(0, this.length));
    this.tokens = grown;
  }

  /** Tokens taken off the end by `lift`. */
  lifted = new Int32Array(4);

  /** Takes the tokens from `from` on off the end, so that the line can be written anew; returns how many they are. */
  lift(from: number): number {
    const { tokens } = this;
    const count = this.length - from;
    if (count > this.lifted.length) this.lifted = new Int32Array(count * 2);
    const { lifted } = this;
    for (let at = 0; at < count; at++) lifted[at] = tokens[from + at]!;
    this.length = from;
    return count;
  }

  push(token: number): void {
    if (this.length === this.tokens.length) this.reserve(1);
    this.tokens[this.length++] = token;
  }
}

/** Reads a file's lines into tokens, one line at a time. */
export class Tokenizer {
  readonly #bytes: Uint8Array;
  readonly #texts: Texts;
  readonly #store: TokenStore;
  /** The next character to read. */
  at = 0;
  /** Lines taken from the file so far: a line continued by \ counts all of its parts. */
  line = 0;
  finished = false;

  constructor(bytes: Uint8Array, texts: Texts, store: TokenStore) {
    this.#bytes = bytes;
    this.#texts = texts;
    this.#store = store;
  }

  /**
   * Appends the tokens of the next line and their END; the caller has begun the line and counted it. Returns the traits of
   * all its names together, with OPERATES and CLOSES.
   */
  readLine(): number {
    const bytes = this.#bytes;
    const length = bytes.length;
    const store = this.#store;
    const texts = this.#texts;
    let { tokens, length: count } = store;
    let marks = 0;
    let at = this.at;
    for (;;) {
      if (count === tokens.length) {
        store.length = count;
        store.reserve(1);
        tokens = store.tokens;
      }
      let code = at < length ? bytes[at]! : 0x1a;
      while (code === 0x20 || code === 9) code = ++at < length ? bytes[at]! : 0x1a;
      if (separator[code] === 0) {
        if (code === 0x27 || code === 0x22) {
          at = this.#string(at, code);
          tokens[count++] = stringToken(this.#text);
          continue;
        }
        const start = at;
        let hash = 0;
        do {
          hash = nextHash(hash, code);
          code = ++at < length ? bytes[at]! : 0x1a;
        } while (separator[code] === 0);
        if (at - start > 255) {
          this.at = at;
          refuse("nameTooLong");
        }
        const text = texts.ofBytes(bytes, start, at, hash);
        marks |= texts.traits[text]!;
        tokens[count++] = nameToken(text);
        continue;
      }
      at++;
      if (code === 0x3b) {
        while (at < length && lineEnd[bytes[at]!] === 0) at++;
        continue;
      }
      if (code === 0x5c) {
        marks = ANYTHING;
        store.length = count;
        const next = this.#backslash(at);
        ({ tokens, length: count } = store);
        if (next < 0) break;
        at = next;
        continue;
      }
      if (code === 0x0a || code === 0x0d) {
        if (at < length && bytes[at] !== code && (bytes[at] === 0x0a || bytes[at] === 0x0d)) at++;
        break;
      }
      if (code === 0x1a || code === 0) {
        this.finished = true;
        break;
      }
      marks |= marksOf(code, texts.traits);
      tokens[count++] = code;
    }
    if (!this.finished || at > this.at) this.at = Math.max(at, this.at);
    store.length = count;
    store.push(END);
    return marks;
  }

  /** The text of the string that `#string` has read. */
  #text = 0;

  /** Reads a string that begins at `from`; returns where it ends. */
  #string(from: number, quote: number): number {
    const bytes = this.#bytes;
    let at = from + 1;
    let hash = 0;
    while (at < bytes.length && bytes[at] !== quote && lineEnd[bytes[at]!] === 0)
      hash = nextHash(hash, bytes[at++]!);
    if (bytes[at] === quote && bytes[at + 1] !== quote) {
      this.#text = this.#texts.ofBytes(bytes, from + 1, at, hash);
      return at + 1;
    }
    // It goes on behind a quote that is doubled, or has no end.
    let text = "";
    at = from + 1;
    for (;;) {
      const code = at < bytes.length ? bytes[at]! : 0x1a;
      if (isLineEnd(code)) {
        this.at = at;
        refuse("missingEndQuote");
      }
      at++;
      if (code === quote) {
        if (bytes[at] !== quote) break;
        at++;
      }
      text += String.fromCharCode(code);
    }
    this.#text = this.#texts.number(text);
    return at;
  }

  /** Behind a backslash: joins lines, or reads an escaped name. Returns where to go on, or -1 at the end of the line. */
  #backslash(from: number): number {
    const bytes = this.#bytes;
    const code = (at: number) => (at < bytes.length ? bytes[at]! : 0x1a);
    let at = from;
    let first = code(at);
    if (first === 0x20 || first === 9 || isLineEnd(first) || first === 0x3b) {
      while (code(at) === 0x20 || code(at) === 9) at++;
      first = code(at);
      if (first === 0x3b) while (!isLineEnd(code(at))) at++;
      first = code(at);
      if (!isLineEnd(first)) {
        this.at = at;
        refuse("extraCharactersOnLine");
      }
      at++;
      if (first === 0x1a || first === 0) {
        this.finished = true;
        this.at = at;
        return -1;
      }
      if (code(at) !== first && (code(at) === 0x0a || code(at) === 0x0d)) at++;
      this.line++;
      return at;
    }
    let name = "\\";
    while (code(at) === 0x5c) {
      name += "\\";
      at++;
      if (name.length > 255) {
        this.at = at;
        refuse("nameTooLong");
      }
    }
    const letter = code(at);
    if (
      isLineEnd(letter) ||
      letter === 0x20 ||
      letter === 9 ||
      letter === 0x22 ||
      letter === 0x27 ||
      letter === 0x3b
    ) {
      this.at = at;
      refuse("extraCharactersOnLine");
    }
    if (separator[letter] === 1) {
      name += String.fromCharCode(letter);
      at++;
    } else {
      while (separator[code(at)] === 0) name += String.fromCharCode(bytes[at++]!);
    }
    if (name.length > 255) {
      this.at = at;
      refuse("nameTooLong");
    }
    this.#store.push(nameToken(this.#texts.number(name)));
    return at;
  }
}

/** Whether a line that has been read has neither a comment nor a backslash at its end: definitions have none. */
export function isWithoutRest(line: Uint8Array): boolean {
  for (let at = 0; at < line.length; ) {
    const code = line[at++]!;
    if (code === 0x3b || (code === 0x5c && at === line.length)) return false;
    if (code === 0x27 || code === 0x22) at = line.indexOf(code, at) + 1;
    else if (separator[code] === 0) while (separator[line[at]!] === 0) at++;
  }
  return true;
}

const lineEnd = new Uint8Array(256);
for (const code of [0x0a, 0x0d, 0x1a, 0]) lineEnd[code] = 1;

const isLineEnd = (code: number): boolean => lineEnd[code] === 1;
