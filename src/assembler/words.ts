/**
 * The reserved words: registers, sizes, operators, directives, format words. They mean what they mean in any case of
 * letters. Codes are FASM's own (TABLES.INC), since the order of its tests depends on them; each is told here once.
 */
import { type Mnemonic, mnemonic, plainNames } from "./encode.ts";
import { FEW, grownFor, hashOf, type Texts } from "./tokens.ts";

/** Kinds of parsed items. Special characters stand for themselves. */
export const I_END = 0;
export const I_INSTRUCTION = 1;
export const I_LABEL = 2;
export const I_CONSTANT = 3;
export const I_SPACE = 4;
export const I_LINE = 0x0f;
/** Registers that can stand in data expressions and addresses. */
export const I_REGISTER = 0x10;
export const I_SIZE = 0x11;
export const I_JUMP = 0x12;
export const I_USE = 0x13;
/** Control, debug, test, mask, bound and tile registers. */
export const I_SPECIAL_REGISTER = 0x14;
export const I_FORMAT = 0x18;
export const I_SECTION_FLAG = 0x19;
export const I_DATA_DIRECTORY = 0x1a;
export const I_FORMAT_SETTING = 0x1b;
export const I_FORMAT_PREFIX = 0x1c;
export const I_PUBLIC_MODE = 0x1d;
export const I_SEGMENT_TYPE = 0x1e;
export const I_DECORATOR = 0x1f;
/** An expression between parentheses: a number, a string or a floating point constant. */
export const I_EXPRESSION = 0x28;
export const I_ADDRESS = 0x5b;

/** Operators of directives, with FASM's codes. */
export const O_AT = 0x80;
export const O_DUP = 0x81;
export const O_FROM = 0x82;
export const O_ON = 0x84;
export const O_PTR = 0x85;
export const O_AS = 0x86;
export const O_DEFINED = 0x88;
export const O_USED = 0x89;
export const O_DEFINITE = 0x8a;
export const O_ALIGN = 0x8c;
export const O_OPEN = 0x91;
export const O_CLOSE = 0x92;
export const O_EQ = 0xf0;
export const O_NOT_EQUAL = 0xf1;
export const O_NOT_LESS = 0xf2;
export const O_NOT_GREATER = 0xf3;
export const O_IN = 0xf6;
export const O_EQTYPE = 0xf7;
export const O_RELATIVETO = 0xf8;
/** A character that nothing allows here. */
export const O_MISPLACED = 0xff;

/** Operators of expressions; the high half is the precedence. */
export const OP_ADD = 0x80;
export const OP_SUB = 0x81;
/** A unary plus does nothing. */
export const OP_PLUS = 0x82;
export const OP_NEG = 0x83;
export const OP_MUL = 0x90;
export const OP_DIV = 0x91;
export const OP_MOD = 0xa0;
export const OP_AND = 0xb0;
export const OP_OR = 0xb1;
export const OP_XOR = 0xb2;
export const OP_SHL = 0xc0;
export const OP_SHR = 0xc1;
export const OP_NOT = 0xd0;
export const OP_BSF = 0xe0;
export const OP_BSR = 0xe1;
export const OP_RVA = 0xf0;
export const OP_PLT = 0xf1;

/** Directives, by number; processor instructions follow from FIRST_MNEMONIC on. */
export const D_IF = 1;
export const D_ELSE = 2;
export const D_END = 3;
export const D_REPEAT = 4;
export const D_WHILE = 5;
export const D_BREAK = 6;
export const D_TIMES = 7;
export const D_VIRTUAL = 8;
export const D_LABEL = 9;
export const D_ORG = 10;
export const D_ALIGN = 11;
export const D_LOAD = 12;
export const D_STORE = 13;
export const D_DISPLAY = 14;
export const D_ERR = 15;
export const D_ASSERT = 16;
export const D_FORMAT = 17;
export const D_SECTION = 18;
export const D_SEGMENT = 19;
export const D_ENTRY = 20;
export const D_STACK = 21;
export const D_HEAP = 22;
export const D_PUBLIC = 23;
export const D_EXTRN = 24;
export const D_DATA = 25;
export const D_DB = 26;
export const D_DW = 27;
export const D_DU = 28;
export const D_DD = 29;
export const D_DP = 30;
export const D_DQ = 31;
export const D_DT = 32;
export const D_RB = 33;
export const D_RW = 34;
export const D_RD = 35;
export const D_RP = 36;
export const D_RQ = 37;
export const D_RT = 38;
export const D_FILE = 39;
export const FIRST_MNEMONIC = 64;

/** The processor instructions met so far; an item names one by FIRST_MNEMONIC and its place here. */
const mnemonics: Mnemonic[] = [];

export const mnemonicOf = (instruction: number): Mnemonic => mnemonics[instruction - FIRST_MNEMONIC]!;

const instructions = new Map<string, number>();

function instructionNumber(name: string): number {
  const first = name.charCodeAt(0);
  if (first >= 0x30 && first <= 0x39) return 0;
  const known = instructions.get(name);
  if (known !== undefined) return known;
  const found = mnemonic(name);
  if (!found) return 0;
  const number = FIRST_MNEMONIC + mnemonics.length;
  mnemonics.push(found);
  instructions.set(name, number);
  return number;
}

const directives: Readonly<Record<string, number>> = {
  if: D_IF,
  else: D_ELSE,
  end: D_END,
  repeat: D_REPEAT,
  while: D_WHILE,
  break: D_BREAK,
  times: D_TIMES,
  virtual: D_VIRTUAL,
  label: D_LABEL,
  org: D_ORG,
  align: D_ALIGN,
  load: D_LOAD,
  store: D_STORE,
  display: D_DISPLAY,
  err: D_ERR,
  assert: D_ASSERT,
  format: D_FORMAT,
  section: D_SECTION,
  segment: D_SEGMENT,
  entry: D_ENTRY,
  stack: D_STACK,
  heap: D_HEAP,
  public: D_PUBLIC,
  extrn: D_EXTRN,
  data: D_DATA,
};

/** Data directives with the size that a label before them takes. */
const dataDirectives: Readonly<Record<string, readonly [number, number]>> = {
  db: [D_DB, 1],
  dw: [D_DW, 2],
  du: [D_DU, 2],
  dd: [D_DD, 4],
  dp: [D_DP, 6],
  df: [D_DP, 6],
  dq: [D_DQ, 8],
  dt: [D_DT, 10],
  rb: [D_RB, 1],
  rw: [D_RW, 2],
  rd: [D_RD, 4],
  rp: [D_RP, 6],
  rf: [D_RP, 6],
  rq: [D_RQ, 8],
  rt: [D_RT, 10],
  file: [D_FILE, 1],
};

const binaryOperators: Readonly<Record<string, number>> = {
  mod: OP_MOD,
  and: OP_AND,
  or: OP_OR,
  xor: OP_XOR,
  shl: OP_SHL,
  shr: OP_SHR,
};

const unaryOperators: Readonly<Record<string, number>> = {
  not: OP_NOT,
  bsf: OP_BSF,
  bsr: OP_BSR,
  rva: OP_RVA,
  plt: OP_PLT,
};

const directiveOperators: Readonly<Record<string, number>> = {
  align: O_ALIGN,
  as: O_AS,
  at: O_AT,
  defined: O_DEFINED,
  definite: O_DEFINITE,
  dup: O_DUP,
  eq: O_EQ,
  eqtype: O_EQTYPE,
  from: O_FROM,
  in: O_IN,
  on: O_ON,
  ptr: O_PTR,
  relativeto: O_RELATIVETO,
  used: O_USED,
};

const addressSizes: Readonly<Record<string, number>> = { byte: 1, word: 2, dword: 4, qword: 8 };

/** Symbols: kind and value in one number, kind × 256 + value. */
const symbols = new Map<string, number>();

function put(kind: number, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) symbols.set(name, kind * 256 + value);
}

function row(kind: number, first: number, names: string): void {
  names.split(" ").forEach((name, index) => {
    if (name !== "-") symbols.set(name, kind * 256 + first + index);
  });
}

function numbered(kind: number, first: number, prefix: string, count: number, suffix = "", from = 0): void {
  for (let n = from; n < count; n++) symbols.set(`${prefix}${n}${suffix}`, kind * 256 + first + n);
}

row(I_REGISTER, 0x04, "ah ch dh bh");
row(I_REGISTER, 0x10, "al cl dl bl spl bpl sil dil");
row(I_REGISTER, 0x20, "ax cx dx bx sp bp si di");
row(I_REGISTER, 0x31, "es cs ss ds fs gs");
row(I_REGISTER, 0x40, "eax ecx edx ebx esp ebp esi edi");
row(I_REGISTER, 0x80, "rax rcx rdx rbx rsp rbp rsi rdi");
numbered(I_REGISTER, 0x10, "r", 16, "b", 8);
numbered(I_REGISTER, 0x10, "r", 16, "l", 8);
numbered(I_REGISTER, 0x20, "r", 16, "w", 8);
numbered(I_REGISTER, 0x40, "r", 16, "d", 8);
numbered(I_REGISTER, 0x80, "r", 16, "", 8);
put(I_REGISTER, { eip: 0x94, rip: 0x98, st: 0xa0 });
numbered(I_REGISTER, 0xa0, "st", 8);
numbered(I_REGISTER, 0xb0, "mm", 8);
numbered(I_REGISTER, 0xc0, "xmm", 32);
numbered(I_REGISTER, 0xe0, "ymm", 32);
numbered(I_REGISTER, 0x60, "zmm", 32);
numbered(I_SPECIAL_REGISTER, 0x00, "cr", 16);
numbered(I_SPECIAL_REGISTER, 0x10, "dr", 16);
numbered(I_SPECIAL_REGISTER, 0x40, "tr", 8);
numbered(I_SPECIAL_REGISTER, 0x50, "k", 8);
numbered(I_SPECIAL_REGISTER, 0x60, "bnd", 4);
put(I_SIZE, {
  byte: 1,
  word: 2,
  dword: 4,
  fword: 6,
  pword: 6,
  qword: 8,
  tbyte: 10,
  tword: 10,
  xword: 16,
  dqword: 16,
  yword: 32,
  qqword: 32,
  zword: 64,
  dqqword: 64,
});
put(I_JUMP, { short: 1, near: 2, far: 3 });
put(I_USE, { use16: 16, use32: 32, use64: 64 });
put(I_FORMAT, { binary: 0x10, mz: 0x20, pe: 0x30, pe64: 0x3c, coff: 0x40, elf: 0x50, elf64: 0x58 });
put(I_FORMAT_PREFIX, { ms: 0x41, ms64: 0x49 });
put(I_SECTION_FLAG, {
  code: 5,
  data: 6,
  linkinfo: 9,
  linkremove: 11,
  discardable: 25,
  notpageable: 27,
  shareable: 28,
  executable: 29,
  readable: 30,
  writable: 31,
  writeable: 31,
});
put(I_DATA_DIRECTORY, { export: 0, import: 1, resource: 2, fixups: 5 });
put(I_FORMAT_SETTING, {
  native: 1,
  gui: 2,
  console: 3,
  efi: 10,
  efiboot: 11,
  efiruntime: 12,
  dll: 0x80,
  wdm: 0x81,
  large: 0x82,
  nx: 0x83,
});
put(I_PUBLIC_MODE, { static: 1 });
put(I_SEGMENT_TYPE, {
  dynamic: 2,
  interpreter: 3,
  note: 4,
  gnuehframe: 0x50,
  gnustack: 0x51,
  gnurelro: 0x52,
});
put(I_DECORATOR, {
  z: 0,
  "1to2": 0x11,
  "1to4": 0x12,
  "1to8": 0x13,
  "1to16": 0x14,
  rn: 0x20,
  rd: 0x21,
  ru: 0x22,
  rz: 0x23,
  sae: 0x30,
});

/** What a word means wherever it is one of FASM's. Zero where it has no such meaning. */
export interface Word {
  /** A directive's number, or FIRST_MNEMONIC and on; not for data directives. */
  readonly instruction: number;
  readonly data: number;
  /** The size that `NAME dd` gives its label. */
  readonly dataSize: number;
  /** Kind × 256 + value. */
  readonly symbol: number;
  readonly binary: number;
  readonly unary: number;
  readonly operator: number;
  readonly addressSize: number;
}

const NO_WORD = -1;

/** The meanings of texts, found by number. */
export class Words {
  readonly #texts: Texts;
  /** For each text 0 before it has been looked at, NO_WORD, or one more than the place of what it means. */
  #known = new Int32Array(FEW);
  readonly #meant: Word[] = [];

  constructor(texts: Texts) {
    this.#texts = texts;
  }

  /** The reserved word that a text is in small letters, or null. */
  find(text: number): Word | null {
    if (text >= this.#known.length) this.#known = grownFor(this.#known, text);
    const known = this.#known[text]!;
    if (known > 0) return this.#meant[known - 1]!;
    return known === NO_WORD ? null : this.#look(text);
  }

  #look(text: number): Word | null {
    const word = mayBeReserved(this.#texts, text) ? look(this.#texts.text(text).toLowerCase()) : null;
    this.#known[text] = word === null ? NO_WORD : this.#meant.push(word);
    return word;
  }
}

const own = (table: Readonly<Record<string, number>>, name: string): number =>
  Object.hasOwn(table, name) ? table[name]! : 0;

/** Meanings of names, in small letters, that any assembly has asked for and that have one. */
const meanings = new Map<string, Word>();

/** No reserved word is longer. */
const LONGEST = 20;

/** The hashes of all reserved words but those of AVX, whose rows are not wanted before one of their names has been met. */
let reservedHashes: Set<number> | undefined;

/** Whether a name may be one, in small letters: most are the source's own, and that is found out without a string. */
function mayBeReserved(texts: Texts, text: number): boolean {
  if (texts.length(text) > LONGEST) return false;
  const first = texts.first(text) | 0x20;
  if (first === LETTER_K || first === LETTER_V) return true;
  reservedHashes ??= new Set([...(others ??= otherNames()), ...plainNames()].map(hashOf));
  return reservedHashes.has(texts.lowerHash(text));
}

/** All names of AVX begin with one of these. */
const LETTER_K = 0x6b;
const LETTER_V = 0x76;

/** What a name in small letters means by itself, or null: for whoever explains a line after the fact. */
export const meaningOf = (name: string): Word | null => look(name);

/** The directives of assembling, those that define data among them. */
export const directiveNames = (): string[] => [...Object.keys(directives), ...Object.keys(dataDirectives)];

/** The names that mean something else than a processor instruction. */
let others: Set<string> | undefined;

function otherNames(): Set<string> {
  const tables = [
    directives,
    dataDirectives,
    binaryOperators,
    unaryOperators,
    directiveOperators,
    addressSizes,
  ];
  return new Set([...symbols.keys(), ...tables.flatMap(Object.keys)]);
}

function look(name: string): Word | null {
  const known = meanings.get(name);
  if (known !== undefined) return known;
  others ??= otherNames();
  // Most names are the source's own, and that is soon found out.
  if (!others.has(name) && instructionNumber(name) === 0) return null;
  const symbol = symbols.get(name) ?? 0;
  const data = Object.hasOwn(dataDirectives, name) ? dataDirectives[name]! : undefined;
  const word: Word = {
    // A register's name is never an instruction's, although the segment registers can begin a line.
    instruction: own(directives, name) || (symbol === 0 ? instructionNumber(name) : 0),
    data: data ? data[0] : 0,
    dataSize: data ? data[1] : 0,
    symbol,
    binary: own(binaryOperators, name),
    unary: own(unaryOperators, name),
    operator: own(directiveOperators, name),
    addressSize: own(addressSizes, name),
  };
  const meant =
    word.instruction ||
    word.data ||
    word.symbol ||
    word.binary ||
    word.unary ||
    word.operator ||
    word.addressSize;
  if (!meant) return null;
  meanings.set(name, word);
  return word;
}
