/**
 * What FASM leaves to the reader: where in its line an error lies, and what would have been right.
 *
 * Nothing here is asked before an error stands. It works on the line as it is written in its file, because that is
 * what is shown, and therefore guesses where a macro has changed the line; the words and the place are FASM's either way.
 */
import { nearest } from "../base/index.ts";
import { mnemonicNames } from "./encode.ts";
import type { Message } from "./messages.ts";
import { isSeparator } from "./tokens.ts";
import { directiveNames, I_REGISTER, meaningOf } from "./words.ts";

/** A part of a line: columns from 0, the end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

interface Lexeme extends Range {
  readonly kind: "name" | "string" | "sign";
  readonly text: string;
}

const QUOTES = "\"'";

/** FASM's tokens with their columns; a comment and an unclosed string end the line. */
function lexemes(source: string): Lexeme[] {
  const found: Lexeme[] = [];
  let at = 0;
  while (at < source.length) {
    const start = at;
    const letter = source[at]!;
    if (letter === ";") break;
    if (letter === " " || letter === "\t") {
      at++;
    } else if (QUOTES.includes(letter)) {
      do {
        const closed = source.indexOf(letter, at + 1);
        at = closed < 0 ? source.length : closed + 1;
      } while (source[at] === letter);
      found.push({ kind: "string", text: source.slice(start, at), start, end: at });
    } else if (isSeparator(letter.charCodeAt(0))) {
      found.push({ kind: "sign", text: letter, start, end: ++at });
    } else {
      while (at < source.length && !isSeparator(source.charCodeAt(at))) at++;
      found.push({ kind: "name", text: source.slice(start, at), start, end: at });
    }
  }
  return found;
}

/** A line taken apart: what is done, and to what. */
interface Statement {
  readonly all: readonly Lexeme[];
  /** The instruction or directive; the first word where there is none. */
  readonly verb: Lexeme | undefined;
  /** The operands between the commas; an empty one has no lexemes. */
  readonly operands: readonly (readonly Lexeme[])[];
  /** Where an operand would begin if there were one: behind each comma. */
  readonly places: readonly number[];
}

const meaning = (text: string) => meaningOf(text.toLowerCase());

const isVerb = (text: string): boolean => {
  const word = meaning(text);
  return word !== null && (word.instruction !== 0 || word.data !== 0);
};

function statement(source: string): Statement {
  const all = lexemes(source);
  let at = 0;
  while (all[at]?.kind === "name" && all[at + 1]?.text === ":") at += 2;
  // `name dd 5`, `name = 5`: the second word is the verb when the first is not one.
  if (all[at + 1]?.kind === "name" && !isVerb(all[at]!.text) && isVerb(all[at + 1]!.text)) at++;
  // Prefixes: the instruction goes on behind them.
  while (/^(?:rep(?:n?[ze])?|lock|xacquire|xrelease|bnd)$/i.test(all[at]?.text ?? "") && all[at + 1]) at++;
  const verb = all[at];
  const operands: Lexeme[][] = [];
  const places: number[] = [];
  if (all.length > at + 1) {
    operands.push([]);
    places.push(all[at]!.end + 1);
  }
  let depth = 0;
  for (const lexeme of all.slice(at + 1)) {
    if ("([{".includes(lexeme.text)) depth++;
    if (")]}".includes(lexeme.text)) depth--;
    if (lexeme.text === "," && depth <= 0) {
      operands.push([]);
      places.push(lexeme.end);
    } else operands.at(-1)!.push(lexeme);
  }
  return { all, verb, operands, places };
}

const span = (parts: readonly Range[]): Range | undefined =>
  parts.length === 0 ? undefined : { start: parts[0]!.start, end: parts[parts.length - 1]!.end };

const isAddress = (operand: readonly Lexeme[]): boolean => operand.some(({ text }) => text === "[");
const isRegister = (operand: readonly Lexeme[]): boolean =>
  operand.length > 0 && operand.every(({ text }) => (meaning(text)?.symbol ?? 0) >> 8 === I_REGISTER);
const isText = (operand: readonly Lexeme[]): boolean => operand.length === 1 && operand[0]!.kind === "string";

/** The bytes that a value has room in, where the verb says so. */
const room: Readonly<Record<string, number>> = { db: 1, dw: 2, du: 2, dd: 4, int: 1 };

/** A number as it is written, where it is only that. */
function literal(operand: readonly Lexeme[]): number | undefined {
  const negative = operand[0]?.text === "-";
  const [number, ...more] = negative ? operand.slice(1) : operand;
  if (number?.kind !== "name" || more.length > 0) return undefined;
  const text = number.text.toLowerCase();
  const value = /^[0-9a-f]+h$/.test(text) ? Number(`0x${text.slice(0, -1)}`) : Number(text);
  return Number.isNaN(value) ? undefined : negative ? -value : value;
}

/** The operands that a value which does not fit can be in. */
function values({ verb, operands }: Statement): readonly (readonly Lexeme[])[] {
  const plain = operands.filter((operand) => operand.length > 0 && !isRegister(operand) && !isText(operand));
  const bytes = room[verb?.text.toLowerCase() ?? ""];
  if (bytes !== undefined) {
    const tooLarge = plain.filter((operand) => {
      const value = literal(operand);
      return value !== undefined && (value >= 256 ** bytes || value < -(256 ** bytes) / 2);
    });
    if (tooLarge.length > 0) return tooLarge.slice(0, 1);
  }
  const outside = plain.filter((operand) => !isAddress(operand));
  return outside.length > 0 ? outside : plain;
}

/** The second of two words that stand side by side with nothing to join them, as in `mov eax,1 2`. */
function superfluous({ operands }: Statement): Range | undefined {
  for (const operand of operands) {
    for (let at = 1; at < operand.length; at++) {
      const [before, here] = [operand[at - 1]!, operand[at]!];
      const joined = before.kind === "sign" && before.text !== ")" && before.text !== "]";
      if (joined || here.kind === "sign" || meaning(before.text) !== null) continue;
      return span(operand.slice(at));
    }
  }
  return span(operands.at(-1) ?? []);
}

/** The part of the line that the reason speaks of. */
function blamed(reason: Message, line: Statement): Range | undefined {
  const { all, verb, operands, places } = line;
  const everything = span(operands.flat()) ?? verb;
  const empty = operands.findIndex((operand) => operand.length === 0);
  const gap = empty < 0 ? undefined : { start: places[empty]!, end: places[empty]! + 1 };
  switch (reason) {
    case "illegalInstruction":
    case "unexpectedInstruction":
    case "missingEndDirective":
    case "invalidName":
    case "nameTooLong":
    case "symbolAlreadyDefined":
      return reason === "illegalInstruction" || reason === "unexpectedInstruction" ? verb : all[0];
    case "reservedWordUsedAsSymbol":
      return all.find(({ text }) => meaning(text) !== null) ?? all[0];
    case "missingEndQuote":
      return all.at(-1);
    case "extraCharactersOnLine":
      return superfluous(line) ?? verb;
    case "invalidAddress":
    case "invalidAddressSize":
    case "addressSizesDoNotAgree":
    case "disallowedCombinationOfRegisters":
    case "operandSizeNotSpecified":
      return span(operands.find(isAddress) ?? []) ?? everything;
    case "valueOutOfRange":
    case "invalidExpression":
    case "invalidValue":
    case "invalidUseOfSymbol":
      return span(values(line).flat()) ?? everything;
    default:
      return gap ?? everything;
  }
}

/** What would have been right. The words of the error itself are not said again. */
const expectations: Readonly<Partial<Record<Message, string>>> = {
  invalidMacroArguments: "the arguments that the definition names, those marked with * not empty",
  incompleteMacro: "a closing brace } for the definition that begins here",
  unexpectedCharacters: "one instruction or directive a line",
  invalidArgument: "an argument of the kind that this directive takes",
  illegalInstruction: "an instruction, a directive, or a macro that is defined before this line",
  invalidOperand: "operands that this instruction can have, in this order",
  invalidOperandSize: "an operand of a size that this instruction has a form for",
  operandSizeNotSpecified: "a size such as byte, word or dword before an operand",
  operandSizesDoNotMatch: "operands of one size, or a size written before the operand that differs",
  invalidAddressSize: "an address of 16 or 32 bits",
  addressSizesDoNotAgree: "registers of one size within an address",
  disallowedCombinationOfRegisters: "registers that can be used together in this instruction",
  longImmediateNotEncodable: "an immediate of one byte, since the operand before takes its place",
  relativeJumpOutOfRange: "a target within 128 bytes, or a jump without short",
  invalidExpression: "numbers and symbols with operators between them, parentheses closed",
  invalidAddress: "[base+index*scale+displacement] with a scale of 1, 2, 4 or 8, esp not as index",
  invalidValue: "a value that is known and of the kind asked for here",
  valueOutOfRange: "a value that fits the size it is stored in",
  undefinedSymbol: "the name of a label or constant that the source defines",
  invalidUseOfSymbol: "a plain number where this value moves with the program",
  symbolOutOfScope: "a definition before this line, since the symbol is defined more than once",
  invalidName: "a name that begins with none of the signs that separate words",
  nameTooLong: "a name of at most 255 characters",
  reservedWordUsedAsSymbol: "a name that is neither an instruction nor a register, directive or operator",
  symbolAlreadyDefined: "a name that is not taken; values that change are defined with =",
  missingEndQuote: "a quote like the one that opens the string, on the same line",
  missingEndDirective: "the end directive that closes the block which begins here",
  unexpectedInstruction: "a block that this directive could belong to",
  extraCharactersOnLine: "the end of the line, or a comma before what follows",
  sectionNotAlignedEnough: "an alignment up to that of the section, or a section with a larger one",
  settingAlreadySpecified: "each setting once",
  dataAlreadyDefined: "each kind of data once",
  tooManyRepeats: "a count that memory can hold",
  assertionFailed: "a condition that holds in the last pass",
  fileNotFound: "a file beside this source, or in a folder that INCLUDE or -I names",
};

/** Words that never reach the assembler when they are spelt right. */
const preprocessorWords = [
  "include",
  "macro",
  "struc",
  "rept",
  "irp",
  "irps",
  "irpv",
  "match",
  "equ",
  "fix",
  "define",
  "restore",
  "purge",
  "postpone",
];

/** What fits this line better than what is said of the reason: the name that was probably meant, where one is close. */
function particular(reason: Message, verb: Lexeme | undefined): string | undefined {
  if (reason === "invalidValue" && verb?.text.toLowerCase() === "align") return "a power of two";
  if (reason !== "illegalInstruction" || verb?.kind !== "name") return undefined;
  if (isVerb(verb.text)) return "operands that the processor lets this instruction have";
  if (verb.text.length < 3) return undefined;
  const near = nearest(verb.text.toLowerCase(), [
    ...preprocessorWords,
    ...directiveNames(),
    ...mnemonicNames(),
  ]);
  return near === undefined ? undefined : `${near}, perhaps`;
}

/** Where a symbol stands in its line: local names are written without their parent. */
function placeOf(symbol: string, line: Statement): Range | undefined {
  const dot = symbol.lastIndexOf(".");
  const names = dot > 0 ? [symbol, symbol.slice(dot)] : [symbol];
  return line.all.find(({ kind, text }) => kind === "name" && names.includes(text));
}

export interface Explanation {
  /** From 1. */
  readonly column?: number;
  /** Characters from there on. */
  readonly length?: number;
  readonly expected?: string;
}

/** An error explained on the line it stands on. */
export function explain(source: string, reason: Message, symbol: string | undefined): Explanation {
  const line = statement(source);
  const range = (symbol === undefined ? undefined : placeOf(symbol, line)) ?? blamed(reason, line);
  const expected = particular(reason, line.verb) ?? expectations[reason];
  return {
    ...(range && { column: range.start + 1, length: range.end - range.start }),
    ...(expected !== undefined && { expected }),
  };
}
