/** Tokens to expressions in postfix order (FASM.TXT 1.2.4, EXPRPARS.INC). */
import { refuse } from "../messages.ts";
import type { Preprocessor } from "../preprocess/preprocess.ts";
import { END, FEW, GROWTH, grown, isName, isString, type Texts, textOf } from "../tokens.ts";
import { OP_ADD, OP_DIV, OP_MUL, OP_NEG, OP_PLUS, OP_SUB, type Words } from "../words.ts";
import { absoluteValue } from "./constant.ts";
import { E_INVALID, E_NUMBER, E_TOO_LARGE, type Expression, type Expressions } from "./expressions.ts";
import { type Float, floatBits, parseFloat96 } from "./float.ts";
import { type Int, normal, unsigned64 } from "./int.ts";

/** What a name is worth; appends its elements to `reader.code` and moves `reader.at` behind it. */
export type SymbolReader = (reader: ExpressionReader) => void;

/** Reads one expression from the tokens at `at`. */
export class ExpressionReader {
  readonly #texts: Texts;
  readonly #words: Words;
  readonly #symbol: SymbolReader;
  readonly expressions: Expressions;
  tokens: Int32Array = new Int32Array(0);
  at = 0;
  readonly code: number[] = [];
  #operators: number[] = [];
  /** How many operators there were before each parenthesis that is open. */
  #floors: number[] = [];
  #depth = 0;
  /** The floating point constant in parentheses that the expression begins with. */
  #leading: Float | undefined;
  /** For each text its element when it is a number, NO_NUMBER when it is none, 0 before it has been looked at. */
  #numberOf = new Int32Array(FEW);
  /** For each text one more than the expression that it is where it stands alone, if that is a number. */
  #aloneOf = new Int32Array(FEW);

  constructor(texts: Texts, words: Words, expressions: Expressions, symbol: SymbolReader) {
    this.#texts = texts;
    this.#words = words;
    this.expressions = expressions;
    this.#symbol = symbol;
  }

  read(tokens: Int32Array, at: number): Expression {
    this.tokens = tokens;
    this.at = at;
    const token = tokens[at]!;
    const text = textOf(token);
    const alone = isName(token) && isEnd(tokens[at + 1]!);
    if (text >= this.#aloneOf.length) this.#grow(text);
    if (alone && this.#aloneOf[text] !== 0) {
      this.at++;
      return this.#aloneOf[text]! - 1;
    }
    const float = this.#float();
    if (float) return this.expressions.ofFloat(float, false);
    // Setting a length is a call of the engine's; the few elements are gone sooner this way.
    while (this.code.length > 0) this.code.pop();
    while (this.#operators.length > 0) this.#operators.pop();
    while (this.#floors.length > 0) this.#floors.pop();
    this.#depth = 0;
    this.#leading = undefined;
    this.#expression(0);
    if (this.#leading !== undefined) return this.expressions.ofFloat(this.#leading, this.code.length > 1);
    const expression = this.expressions.of(this.code);
    // Not a symbolic constant that has been read for its value.
    if (alone && this.#numberOf[text]! > 0 && (this.code[0]! & 0xff) === E_NUMBER)
      this.#aloneOf[text] = expression + 1;
    return expression;
  }

  /** Makes room for what is known of a text. */
  #grow(text: number): void {
    const length = Math.max(text + 1, this.#aloneOf.length * GROWTH);
    this.#aloneOf = grown(this.#aloneOf, length);
    this.#numberOf = grown(this.#numberOf, length);
  }

  /** An expression inside another, as the value of a symbolic constant is. */
  nested(tokens: Int32Array, at: number): void {
    const { tokens: outerTokens, at: outerAt } = this;
    this.tokens = tokens;
    this.at = at;
    if (!this.#leads()) this.#expression(this.#operators.length);
    this.tokens = outerTokens;
    this.at = outerAt;
  }

  /** Operators below `outer` on the stack belong to the expression around this one. What stands in parentheses is read in the same round. */
  #expression(outer: number): void {
    const { code } = this;
    const operators = this.#operators;
    const floors = this.#floors;
    const around = floors.length;
    if (++this.#depth > DEEPEST_NAMES) refuse("stackOverflow");
    for (let floor = outer; ; ) {
      for (;;) {
        const unary = this.#unary();
        if (unary === 0) break;
        if (unary !== OP_PLUS) operators.push(unary);
      }
      const token = this.tokens[this.at]!;
      if (token === 0x28) {
        this.at++;
        if (!this.#leads()) {
          if (floors.push(floor) > DEEPEST) refuse("stackOverflow");
          floor = operators.length;
          continue;
        }
        this.#close();
      } else if (isName(token) || isString(token)) this.#value(token);
      else code.push(E_INVALID);
      let operator = this.#binary();
      while (operator === 0) {
        while (operators.length > floor) code.push(operators.pop()!);
        if (floors.length === around) {
          this.#depth--;
          return;
        }
        floor = floors.pop()!;
        this.#close();
        operator = this.#binary();
      }
      while (operators.length > floor && (operator & 0xf0) <= (operators[operators.length - 1]! & 0xf0)) {
        code.push(operators.pop()!);
      }
      operators.push(operator);
    }
  }

  /**
   * A floating point constant where an expression within another begins; whether there is one. FASM knows it by where it
   * stands: at the beginning of what it has written down.
   */
  #leads(): boolean {
    const float = this.#float();
    if (float === undefined) return false;
    if (this.code.length === 0) this.#leading = float;
    this.code.push(E_INVALID);
    return true;
  }

  /** The end of what stands in parentheses. */
  #close(): void {
    if (this.tokens[this.at] === 0x29) this.at++;
    else this.code.push(E_INVALID);
  }

  #unary(): number {
    const token = this.tokens[this.at]!;
    let found = 0;
    if (token === 0x2b) found = OP_PLUS;
    else if (token === 0x2d) found = OP_NEG;
    else if (isName(token)) found = this.#words.find(textOf(token))?.unary ?? 0;
    if (found !== 0) this.at++;
    return found;
  }

  #binary(): number {
    const token = this.tokens[this.at]!;
    let found = 0;
    if (token === 0x2b) found = OP_ADD;
    else if (token === 0x2d) found = OP_SUB;
    else if (token === 0x2a) found = OP_MUL;
    else if (token === 0x2f) found = OP_DIV;
    else if (isName(token)) found = this.#words.find(textOf(token))?.binary ?? 0;
    if (found !== 0) this.at++;
    return found;
  }

  #value(token: number): void {
    const text = textOf(token);
    const texts = this.#texts;
    let element: number;
    if (isString(token))
      element = this.#element(stringNumber(texts.bytes, texts.start(text), texts.end(text)));
    else {
      if (text >= this.#numberOf.length) this.#grow(text);
      element = this.#numberOf[text]!;
      if (element === 0) {
        element = this.#mayBeNumber(text)
          ? this.#element(parseNumber(texts.bytes, texts.start(text), texts.end(text)))
          : NO_NUMBER;
        this.#numberOf[text] = element;
      }
    }
    if (element === NO_NUMBER) {
      this.#symbol(this);
      return;
    }
    this.at++;
    this.code.push(element);
  }

  #element(number: Int | "large" | "none"): number {
    if (number === "none") return NO_NUMBER;
    return number === "large" ? E_TOO_LARGE : E_NUMBER | (this.expressions.numbers.number(number) << 8);
  }

  #mayBeNumber(text: number): boolean {
    const first = this.#texts.first(text);
    return (first >= 0x30 && first <= 0x39) || first === 0x24;
  }

  /** Most numbers are none: a point, an exponent or a final f is looked for before anything is taken apart. */
  #mayBeFloat(text: number): boolean {
    const texts = this.#texts;
    const { bytes } = texts;
    const end = texts.end(text);
    let at = texts.start(text);
    if (at === end || bytes[at]! < 0x30 || bytes[at]! > 0x39) return false;
    while (++at < end) {
      const code = bytes[at]!;
      if (code === 0x2e || (code & 0xdf) === 0x45 || (code & 0xdf) === 0x46) return true;
    }
    return false;
  }

  #float(): Float | undefined {
    const { tokens } = this;
    let at = this.at;
    let negative = false;
    let token = tokens[at]!;
    if (token === 0x2d || token === 0x2b) {
      negative = token === 0x2d;
      token = tokens[++at]!;
    }
    if (!isName(token) || !this.#mayBeFloat(textOf(token))) return undefined;
    const name = this.#texts.text(textOf(token));
    const simple = /^(\d+)(\.\d+)?([eE]\d*)?[fF]?$/.exec(name);
    if (!simple || name.length < 2) return undefined;
    if (simple[2] === undefined && simple[3] === undefined && !/[fF]$/.test(name)) return undefined;
    at++;
    let power = "";
    let digits = name;
    if (simple[3] !== undefined) {
      const exponentAt = name.search(/[eE]/);
      power = name.slice(exponentAt + 1);
      digits = name.slice(0, exponentAt + 1);
      const sign = tokens[at]!;
      if (power === "" && (sign === 0x2b || sign === 0x2d)) {
        const follows = tokens[at + 1]!;
        if (!isName(follows)) return undefined;
        const written = this.#texts.text(textOf(follows));
        if (!/^\d*[fF]?$/.test(written)) return undefined;
        power = (sign === 0x2d ? "-" : "+") + written;
        at += 2;
      }
    }
    this.at = at;
    return parseFloat96(negative, digits, power);
  }
}

/** What is no number. */
const NO_NUMBER = -1;

/** Parentheses in one another before "out of stack space": FASM has room for some 3,700, a few more or less each time. */
const DEEPEST = 3600;

/** Symbolic constants in one another, for which the engine has to have room. */
const DEEPEST_NAMES = 1000;

/** Whether no expression goes on with this token. */
const isEnd = (token: number): boolean => token === END || token === 0x2c || token === 0x5d;

/** The bytes of a string as a little-endian number. */
function stringNumber(bytes: Uint8Array, start: number, end: number): Int | "large" {
  if (end - start > 8) return "large";
  let low = 0;
  let high = 0;
  for (let at = 0; at < end - start; at++) {
    if (at < 4) low |= bytes[start + at]! << (at * 8);
    else high |= bytes[start + at]! << ((at - 4) * 8);
  }
  return unsigned64(low, high);
}

/** A written number (FASM.TXT 1.2.4), "large" beyond 64 bits, "none" when the name is not a number at all. */
function parseNumber(bytes: Uint8Array, start: number, end: number): Int | "large" | "none" {
  const first = bytes[start]!;
  if (first === 0x24) return end - start > 1 ? digitsValue(bytes, start + 1, end, 16) : "none";
  if (first === 0x30 && bytes[start + 1] === 0x78 && end - start > 1)
    return digitsValue(bytes, start + 2, end, 16);
  switch (bytes[end - 1]! | 0x20) {
    case 0x68: // h
      return digitsValue(bytes, start, end - 1, 16);
    case 0x62: // b
      return digitsValue(bytes, start, end - 1, 2);
    case 0x64: // d
      return digitsValue(bytes, start, end - 1, 10);
    case 0x6f: // o
    case 0x71: // q
      return digitsValue(bytes, start, end - 1, 8);
    default:
      return digitsValue(bytes, start, end, 10);
  }
}

/** Digits, with ' and _ between them as one likes. */
function digitsValue(bytes: Uint8Array, start: number, end: number, radix: number): Int | "large" | "none" {
  let value = 0;
  /** The value from where it is beyond numbers. */
  let exact: bigint | undefined;
  for (let at = start; at < end; at++) {
    const code = bytes[at]!;
    if (code === 0x27 || code === 0x5f) continue;
    const letter = code | 0x20;
    const digit = letter >= 0x61 ? letter - 0x57 : code - 0x30;
    if (digit < 0 || digit >= radix) return "none";
    const next = value * radix + digit;
    if (exact === undefined && next <= Number.MAX_SAFE_INTEGER) value = next;
    else exact = (exact ?? BigInt(value)) * BigInt(radix) + BigInt(digit);
  }
  if (exact === undefined) return value;
  return exact >> 64n ? "large" : normal(exact);
}

/** The value of an expression that the preprocessor needs (`rept`): constants of `equ` count, labels do not. */
export function preprocessorValue(p: Preprocessor, at: number): { value: number; end: number } {
  const reader = p.expressionReader((expression) => {
    const token = expression.tokens[expression.at]!;
    if (!isName(token)) refuse("invalidValue");
    const text = textOf(token);
    const constant = p.constant(2, text);
    if (constant === undefined || constant === "file") refuse("invalidValue");
    expression.at++;
    if (constant === "line") {
      expression.code.push(E_NUMBER | (expression.expressions.numbers.number(p.lineWord()) << 8));
    } else {
      expression.nested(p.store.tokens, constant.start);
    }
  });
  const expression = reader.read(p.store.tokens, at);
  const { expressions } = reader;
  const float = expressions.float(expression);
  const value = float === undefined ? absoluteValue(expressions, expression) : normal(floatBits(float, 8));
  if (typeof value !== "number" || (value | 0) !== value) refuse("valueOutOfRange");
  return { value, end: reader.at };
}
