/**
 * Every error text, FASM's words to the letter. An error is either fatal (assembling stops at once) or
 * recoverable (it is remembered with the line it stands on, the pass goes on, and a later pass may cure it).
 */
export const messages = {
  outOfMemory: "out of memory",
  stackOverflow: "out of stack space",
  mainFileNotFound: "source file not found",
  codeCannotBeGenerated: "code cannot be generated",
  formatLimitationsExceeded: "format limitations exceeded",
  invalidDefinition: "invalid definition provided",
  writeFailed: "write failed",
  fileNotFound: "file not found",
  errorReadingFile: "error reading file",
  invalidFileFormat: "invalid file format",
  invalidMacroArguments: "invalid macro arguments",
  incompleteMacro: "incomplete macro",
  unexpectedCharacters: "unexpected characters",
  invalidArgument: "invalid argument",
  illegalInstruction: "illegal instruction",
  invalidOperand: "invalid operand",
  invalidOperandSize: "invalid size of operand",
  operandSizeNotSpecified: "operand size not specified",
  operandSizesDoNotMatch: "operand sizes do not match",
  invalidAddressSize: "invalid size of address value",
  addressSizesDoNotAgree: "address sizes do not agree",
  disallowedCombinationOfRegisters: "disallowed combination of registers",
  longImmediateNotEncodable: "not encodable with long immediate",
  relativeJumpOutOfRange: "relative jump out of range",
  invalidExpression: "invalid expression",
  invalidAddress: "invalid address",
  invalidValue: "invalid value",
  valueOutOfRange: "value out of range",
  undefinedSymbol: "undefined symbol",
  symbolOutOfScope: "symbol out of scope",
  invalidUseOfSymbol: "invalid use of symbol",
  nameTooLong: "name too long",
  invalidName: "invalid name",
  reservedWordUsedAsSymbol: "reserved word used as symbol",
  symbolAlreadyDefined: "symbol already defined",
  missingEndQuote: "missing end quote",
  missingEndDirective: "missing end directive",
  unexpectedInstruction: "unexpected instruction",
  extraCharactersOnLine: "extra characters on line",
  sectionNotAlignedEnough: "section is not aligned enough",
  settingAlreadySpecified: "setting already specified",
  dataAlreadyDefined: "data already defined",
  tooManyRepeats: "too many repeats",
  invokedError: "error directive encountered in source file",
  assertionFailed: "assertion failed",
} as const;

export type Message = keyof typeof messages;

/** Thrown where assembling cannot go on; whoever knows the line catches it and makes a diagnostic of it. */
export class Refusal extends Error {
  readonly reason: Message;
  /** The text as it is printed: FASM puts the symbol's name into two of them. */
  readonly text: string;
  /** The symbol it is about, where there is one. */
  readonly symbol: string | undefined;

  constructor(message: Message, text: string = messages[message], symbol?: string) {
    super(text);
    this.symbol = symbol;
    this.reason = message;
    this.text = text;
  }
}

export function refuse(message: Message): never {
  throw new Refusal(message);
}

/** FASM names the symbol where it has a name of its own. */
export function undefinedSymbolText(name: string | undefined): string {
  return name === undefined ? messages.undefinedSymbol : `undefined symbol '${name}'`;
}

export function outOfScopeText(name: string | undefined): string {
  return name === undefined ? messages.symbolOutOfScope : `symbol '${name}' out of scope`;
}
