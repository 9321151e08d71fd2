/**
 * isa: facts about x86-32 as data. One row per instruction form (`forms/`) is the single truth for the machine's
 * decoder, the assembler's encoder, the disassembler, the liveness of flags and the tests. Nothing here executes.
 * What 64-bit code has beyond that (forms/long.ts) is there for the assembler and the disassembler (decode-long.ts).
 *
 * Read first: form.ts (how a row is written), operands.ts (the words for operands); the manual is Intel's
 * Software Developer's Manual (SDM), volume 2.
 */
export {
  DECODED,
  type Decoding,
  decode,
  displacementUnit,
  INVALID,
  type Instruction,
  LONGEST,
  makeInstruction,
  TOO_LONG,
  TRUNCATED,
} from "./decode.ts";
export { decodeLong, type LongInstruction, makeLongInstruction } from "./decode-long.ts";
export {
  AF,
  CF,
  type Condition,
  conditions,
  DF,
  flagsOf,
  IF,
  OF,
  PF,
  SF,
  STATUS_FLAGS,
  TF,
  ZF,
} from "./flags.ts";
export {
  type Encoding,
  type Form,
  type FormFlags,
  MAP_0F,
  MAP_0F3A,
  MAP_0F38,
  MAP_ONE,
  type Place,
  PREFIX_ANY,
  PREFIX_NONE,
} from "./form.ts";
export {
  byMnemonic,
  find,
  fixesLast,
  forms,
  isMnemonic,
  mnemonics,
  type Surroundings,
  takesModrm,
} from "./lookup.ts";
export {
  type FormOperand,
  type OperandKind,
  operandOf,
  type RegisterFile,
  SIZE_FAR,
  SIZE_V,
} from "./operands.ts";
export {
  AX,
  BP,
  BX,
  CS,
  CX,
  DI,
  DS,
  DX,
  ES,
  FS,
  GS,
  reg8Names,
  reg16Names,
  reg32Names,
  reg64Names,
  SI,
  SP,
  SS,
  segmentNames,
  segmentPrefixes,
} from "./registers.ts";
