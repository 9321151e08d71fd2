/**
 * Tokens to expressions. An expression is kept in postfix order, one integer an element, ready to be evaluated in every
 * pass; two expressions are the same to `eq` when these integers are the same (FASM.TXT 1.2.4, EXPRPARS.INC).
 */
import { refuse } from "../messages.ts";
import type { Preprocessor } from "../preprocess/preprocess.ts";
import { END, isName, isString, type Texts, textOf } from "../tokens.ts";
import { OP_ADD, OP_DIV, OP_MUL, OP_NEG, OP_PLUS, OP_SUB, type Words } from "../words.ts";
import { absoluteValue } from "./constant.ts";
import { type Float, floatBits, parseFloat96 } from "./float.ts";
import { type Int, normal, unsigned64 } from "./int.ts";

/** Elements: the low byte says which, the rest is its number. Operators are their own codes from OP_ADD on. */
export const E_NUMBER = 1;
/** A number of more than 64 bits. */
export const E_TOO_LARGE = 2;
export const E_REGISTER = 3;
export const E_LABEL = 4;
/** `$` and its kin, by P_ number. */
export const E_PREDEFINED = 5;
/** A reserved word where a symbol should be. */
export const E_RESERVED = 6;
/** A place where a value is missing. */
export const E_INVALID = 7;

export const P_HERE = 0;
export const P_COUNTER = 1;
export const P_TIME = 2;
export const P_ORIGIN = 3;
export const P_FILE_OFFSET = 4;
export const P_ACTUAL_FILE_OFFSET = 5;

export const K_NUMERIC = 0;
export const K_STRING = 1;
export const K_FLOAT = 2;

export interface Expression {
  readonly kind: 0 | 1 | 2;
  /** K_NUMERIC: elements in postfix order. */
  readonly code: readonly number[];
  /** K_STRING: the number of its text. */
  readonly text: number;
  readonly float: Float | undefined;
  /** K_FLOAT with more behind it, `(1.5)+x`: what FASM does not read any more when it has taken the constant. */
  readonly surplus: boolean;
  /** K_NUMERIC of a single number: that number. */
  readonly constant: Int | undefined;
  /** The label when the expression is nothing but a label, else -1. */
  readonly label: number;
  /** Its number among the program's expressions, and the first of the program's addresses that have it; -1 before. */
  place: number;
  address: number;
}

function newExpression(
  kind: Expression["kind"],
  code: readonly number[],
  text: number,
  float: Float | undefined,
  constant: Int | undefined,
  label: number,
): Expression {
  return { kind, code, text, float, surplus: false, constant, label, place: -1, address: -1 };
}

/** Numbers written in the source, each once, so that equal numbers are equal elements. */
export class Numbers {
  readonly values: Int[] = [];
  /** The same values as doubles; NaN for those that are beyond numbers. */
  doubles = new Float64Array(1 << 10);
  readonly #numbers = new Map<Int, number>();

  number(value: Int): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.values.length;
    this.#numbers.set(value, number);
    this.values.push(value);
    if (number === this.doubles.length) {
      const grown = new Float64Array(number * 2);
      grown.set(this.doubles);
      this.doubles = grown;
    }
    this.doubles[number] = typeof value === "number" ? value : Number.NaN;
    return number;
  }
}

const NO_CODE: readonly number[] = [];

export function stringExpression(text: number): Expression {
  return newExpression(K_STRING, NO_CODE, text, undefined, undefined, -1);
}

/** What a name is worth; appends its elements to `reader.code` and moves `reader.at` behind it. */
export type SymbolReader = (reader: ExpressionReader) => void;

/** Reads one expression from the tokens at `at`. */
export class ExpressionReader {
  readonly #texts: Texts;
  readonly #words: Words;
  readonly numbers: Numbers;
  readonly #symbol: SymbolReader;
  tokens: Int32Array = new Int32Array(0);
  at = 0;
  readonly code: number[] = [];
  #operators: number[] = [];
  #depth = 0;
  /** The floating point constant in parentheses that the expression begins with. */
  #leading: Float | undefined;
  /** For each text the number that is written, once it has been looked at. */
  readonly #parsedNumbers: (Int | "large" | "none" | undefined)[] = [];
  /** For each text the expression that it is where it stands alone, if that is a number. */
  readonly #ofText: (Expression | undefined)[] = [];
  /** For each label the expression that is nothing else. */
  readonly #ofLabel: (Expression | undefined)[] = [];
  /** All others but strings and floating point constants; the table finds them by their elements, from 1. */
  readonly #expressions: Expression[] = [];
  #table = new Int32Array(1 << 12);

  constructor(texts: Texts, words: Words, numbers: Numbers, symbol: SymbolReader) {
    this.#texts = texts;
    this.#words = words;
    this.numbers = numbers;
    this.#symbol = symbol;
  }

  read(tokens: Int32Array, at: number): Expression {
    this.tokens = tokens;
    this.at = at;
    const token = tokens[at]!;
    const alone = isName(token) && isEnd(tokens[at + 1]!);
    if (alone) {
      const number = this.#ofText[textOf(token)];
      if (number !== undefined) {
        this.at++;
        return number;
      }
    }
    const float = this.#float();
    if (float) return newExpression(K_FLOAT, NO_CODE, -1, float, undefined, -1);
    // Setting a length is a call of the engine's; the few elements are gone sooner this way.
    while (this.code.length > 0) this.code.pop();
    while (this.#operators.length > 0) this.#operators.pop();
    this.#depth = 0;
    this.#leading = undefined;
    this.#expression(0);
    if (this.#leading !== undefined) {
      const made = newExpression(K_FLOAT, NO_CODE, -1, this.#leading, undefined, -1);
      return this.code.length > 1 ? { ...made, surplus: true } : made;
    }
    const expression = this.#shared();
    const text = textOf(token);
    // Not a symbolic constant that has been read for its value.
    if (alone && expression.constant !== undefined && typeof this.#parsedNumbers[text] !== "string") {
      while (this.#ofText.length < text) this.#ofText.push(undefined);
      this.#ofText[text] = expression;
    }
    return expression;
  }

  /** The expression of the elements just read: one object however often it is written. */
  #shared(): Expression {
    const { code } = this;
    const element = code[0]!;
    if (code.length === 1 && (element & 0xff) === E_LABEL) {
      const label = element >>> 8;
      const known = this.#ofLabel[label];
      if (known !== undefined) return known;
      const made = newExpression(K_NUMERIC, [element], -1, undefined, undefined, label);
      while (this.#ofLabel.length < label) this.#ofLabel.push(undefined);
      this.#ofLabel[label] = made;
      return made;
    }
    for (let slot = hashOf(code); ; slot++) {
      const number = this.#table[slot & (this.#table.length - 1)]!;
      if (number === 0) return this.#add(slot & (this.#table.length - 1));
      const known = this.#expressions[number - 1]!;
      if (isSameCode(known.code, code)) return known;
    }
  }

  #add(slot: number): Expression {
    const { code } = this;
    const element = code[0]!;
    const kind = code.length === 1 ? element & 0xff : E_INVALID;
    const made = newExpression(
      K_NUMERIC,
      // A plain array cut to length: a typed one of a few elements takes ten times as long to make.
      code.slice(),
      -1,
      undefined,
      kind === E_NUMBER ? this.numbers.values[element >>> 8] : undefined,
      -1,
    );
    this.#expressions.push(made);
    this.#table[slot] = this.#expressions.length;
    if (this.#expressions.length * 2 > this.#table.length) this.#grow();
    return made;
  }

  #grow(): void {
    const table = new Int32Array(this.#table.length * 4);
    for (let number = 0; number < this.#expressions.length; number++) {
      let slot = hashOf(this.#expressions[number]!.code);
      while (table[slot & (table.length - 1)] !== 0) slot++;
      table[slot & (table.length - 1)] = number + 1;
    }
    this.#table = table;
  }

  /** An expression inside another, as the value of a symbolic constant is. */
  nested(tokens: Int32Array, at: number): void {
    const { tokens: outerTokens, at: outerAt } = this;
    this.tokens = tokens;
    this.at = at;
    this.#expression(this.#operators.length);
    this.tokens = outerTokens;
    this.at = outerAt;
  }

  /** Operators below `floor` on the stack belong to the expression around this one. */
  #expression(floor: number): void {
    const { code } = this;
    const operators = this.#operators;
    if (++this.#depth > 1000) refuse("stackOverflow");
    for (;;) {
      for (;;) {
        const unary = this.#unary();
        if (unary === 0) break;
        if (unary !== OP_PLUS) operators.push(unary);
      }
      const token = this.tokens[this.at]!;
      if (isName(token) || isString(token) || token === 0x28) this.#value();
      else code.push(E_INVALID);
      const operator = this.#binary();
      if (operator === 0) break;
      while (operators.length > floor && (operator & 0xf0) <= (operators[operators.length - 1]! & 0xf0)) {
        code.push(operators.pop()!);
      }
      operators.push(operator);
    }
    while (operators.length > floor) code.push(operators.pop()!);
    this.#depth--;
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

  #value(): void {
    const token = this.tokens[this.at]!;
    if (token === 0x28) {
      this.at++;
      const float = this.#float();
      if (float !== undefined) {
        // FASM knows a floating point constant by where it stands: at the beginning of what it has written down.
        if (this.code.length === 0) this.#leading = float;
        this.code.push(E_INVALID);
      } else this.#expression(this.#operators.length);
      if (this.tokens[this.at] === 0x29) this.at++;
      else this.code.push(E_INVALID);
      return;
    }
    const text = textOf(token);
    let number: Int | "large" | "none" | undefined;
    if (isString(token)) {
      number = stringNumber(this.#texts.text(text));
    } else {
      number = this.#parsedNumbers[text];
      if (number === undefined) {
        number = parseNumber(this.#texts.text(text));
        // Filled in order, so that the array stays dense.
        while (this.#parsedNumbers.length < text) this.#parsedNumbers.push(undefined);
        this.#parsedNumbers[text] = number;
      }
    }
    if (number === "none") {
      this.#symbol(this);
      return;
    }
    this.at++;
    this.code.push(number === "large" ? E_TOO_LARGE : E_NUMBER | (this.numbers.number(number) << 8));
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
    if (!isName(token)) return undefined;
    const name = this.#texts.text(textOf(token));
    const code = name.charCodeAt(0);
    if (code < 0x30 || code > 0x39) return undefined;
    if (!mayBeFloat(name)) return undefined;
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

/** Whether no expression goes on with this token. */
const isEnd = (token: number): boolean => token === END || token === 0x2c || token === 0x5d;

function hashOf(code: readonly number[]): number {
  let hash = code.length;
  for (let at = 0; at < code.length; at++) hash = Math.imul(hash ^ code[at]!, 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function isSameCode(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Most numbers are not: a point, an exponent or a final f is looked for before anything is taken apart. */
function mayBeFloat(name: string): boolean {
  for (let at = 1; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code === 0x2e || (code & 0xdf) === 0x45 || (code & 0xdf) === 0x46) return true;
  }
  return false;
}

/** The bytes of a string as a little-endian number. */
function stringNumber(text: string): Int | "large" {
  let low = 0;
  let high = 0;
  for (let at = 0; at < text.length; at++) {
    if (at >= 8) return "large";
    if (at < 4) low |= text.charCodeAt(at) << (at * 8);
    else high |= text.charCodeAt(at) << ((at - 4) * 8);
  }
  return unsigned64(low, high);
}

/** A written number (FASM.TXT 1.2.4), "large" beyond 64 bits, "none" when the name is not a number at all. */
export function parseNumber(name: string): Int | "large" | "none" {
  const first = name.charCodeAt(0);
  if (first === 0x24) return name.length > 1 ? digitsValue(name.slice(1), 16) : "none";
  if (first < 0x30 || first > 0x39) return "none";
  if (name.startsWith("0x")) return digitsValue(name.slice(2), 16);
  switch (name[name.length - 1]) {
    case "h":
    case "H":
      return digitsValue(name.slice(0, -1), 16);
    case "b":
    case "B":
      return digitsValue(name.slice(0, -1), 2);
    case "d":
    case "D":
      return digitsValue(name.slice(0, -1), 10);
    case "o":
    case "O":
    case "q":
    case "Q":
      return digitsValue(name.slice(0, -1), 8);
    default:
      return digitsValue(name, 10);
  }
}

function digitsValue(written: string, radix: number): Int | "large" | "none" {
  const digits = /['_]/.test(written) ? written.replace(/['_]/g, "") : written;
  let value = 0;
  for (let at = 0; at < digits.length; at++) {
    const code = digits.charCodeAt(at) | 0x20;
    const digit = code >= 0x61 ? code - 0x57 : digits.charCodeAt(at) - 0x30;
    if (digit < 0 || digit >= radix || (code >= 0x61 && code > 0x66)) return "none";
    value = value * radix + digit;
  }
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  const big = BigInt((radix === 16 ? "0x" : radix === 8 ? "0o" : radix === 2 ? "0b" : "") + digits);
  return big >> 64n ? "large" : normal(big);
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
      const line = p.lines.number(p.lines.plainLine(p.currentLine));
      expression.code.push(E_NUMBER | (expression.numbers.number(line) << 8));
    } else {
      expression.nested(p.store.tokens, constant.start);
    }
  });
  const expression = reader.read(p.store.tokens, at);
  const { float } = expression;
  const value = float === undefined ? absoluteValue(expression, reader.numbers) : normal(floatBits(float, 8));
  if (typeof value !== "number" || (value | 0) !== value) refuse("valueOutOfRange");
  return { value, end: reader.at };
}
