/**
 * The vocabulary of operands in the rows of `forms/`. A word says what may stand there and, with the opcode
 * beside it, where it is encoded:
 *
 *   r8 r16 r32 r64 rv       a general register, in ModR/M.reg, in the opcode (`50+r`) or in VEX.vvvv
 *   rm8 rm16 rm32 rm64 rmv  a general register or memory, in ModR/M.rm; r32m8 r32m16 when the two differ in size
 *   m m8 m16 … m512 mv      memory only; m has no size of its own; m16:v a far pointer; m16&32 a descriptor table
 *   imm8 imm16 imm32 immv   an immediate; imms8 is sign-extended to the operand size, and so are the 32 bits of immv where
 *                           that is 64 bits; imm4 fills the low half of the byte that names a register
 *   rel8 relv               a jump distance, counted from the end of the instruction
 *   ptr16:v                 a far address; moffs8 moffsv a plain address
 *   al ax eax accv cl dx 1 3, es cs ss ds fs gs, st0, xmm0   exactly this
 *   sreg cr dr tr, sti, mm xmm ymm zmm k bnd                 a register of this kind
 *   mmm32 mmm64 xmmm8 … xmmm128 ymmm256 …                    such a register or memory of so many bits
 *
 * `v` is 16, 32 or 64 bits by operand size. A leading `=` means written, `+` read and written, nothing read.
 */

/** Size of an operand that follows the operand size. */
export const SIZE_V = -1;
/** Two bytes more than that: a far pointer in memory. */
export const SIZE_FAR = -2;

export type OperandKind =
  | "r"
  | "rm"
  | "m"
  | "imm"
  | "rel"
  | "ptr"
  | "moffs"
  | "fixed"
  | "one"
  | "sreg"
  | "cr"
  | "dr"
  | "tr"
  | "st"
  | "mm"
  | "mmm"
  | "xmm"
  | "xmmm"
  | "ymm"
  | "ymmm"
  | "zmm"
  | "zmmm"
  | "k"
  | "km"
  | "bnd"
  | "bndm"
  | "vsib";

/** The register file a register operand is taken from. */
export type RegisterFile =
  | "general"
  | "segment"
  | "control"
  | "debug"
  | "test"
  | "st"
  | "mm"
  | "vector"
  | "k"
  | "bnd";

export interface FormOperand {
  /** The word as written in the row, without the access mark. */
  readonly text: string;
  readonly kind: OperandKind;
  /** Bytes: of the register, the immediate or the memory; 0 when it has none; SIZE_V when it follows the operand size. */
  readonly size: number;
  /** Bytes of the memory operand where a register or memory may stand and the two differ; otherwise as `size`. */
  readonly memorySize: number;
  readonly reads: boolean;
  readonly writes: boolean;
  /** An immediate or distance that is sign-extended to the operand size. */
  readonly signed: boolean;
  /** "fixed": the file and number of the register. "one": the constant. Otherwise -1. */
  readonly file: RegisterFile | undefined;
  readonly number: number;
}

const fixed: Readonly<Record<string, readonly [RegisterFile, number, number]>> = {
  al: ["general", 0, 1],
  ax: ["general", 0, 2],
  eax: ["general", 0, 4],
  rax: ["general", 0, 8],
  accv: ["general", 0, SIZE_V],
  cl: ["general", 1, 1],
  cx: ["general", 1, 2],
  ecx: ["general", 1, 4],
  edx: ["general", 2, 4],
  dx: ["general", 2, 2],
  es: ["segment", 0, 2],
  cs: ["segment", 1, 2],
  ss: ["segment", 2, 2],
  ds: ["segment", 3, 2],
  fs: ["segment", 4, 2],
  gs: ["segment", 5, 2],
  st0: ["st", 0, 10],
  xmm0: ["vector", 0, 16],
};

const files: Readonly<Record<string, readonly [RegisterFile, number]>> = {
  r: ["general", 0],
  rm: ["general", 0],
  sreg: ["segment", 2],
  cr: ["control", 4],
  dr: ["debug", 4],
  tr: ["test", 4],
  st: ["st", 10],
  mm: ["mm", 8],
  mmm: ["mm", 8],
  xmm: ["vector", 16],
  xmmm: ["vector", 16],
  ymm: ["vector", 32],
  ymmm: ["vector", 32],
  zmm: ["vector", 64],
  zmmm: ["vector", 64],
  k: ["k", 8],
  km: ["k", 8],
  bnd: ["bnd", 16],
  bndm: ["bnd", 16],
};

/** Far pointers and descriptor tables; the size is the one of FASM's size operator for them, or 0. */
const wideMemory: Readonly<Record<string, number>> = {
  "m16:16": 4,
  "m16:32": 6,
  "m16:v": SIZE_FAR,
  "m16&32": 6,
  "m16&v": 6,
  "mv&v": SIZE_V, // bound: FASM counts one of the pair
};

/** Bytes by the bits that a word ends with. */
const bytesOfBits: Readonly<Record<string, number>> = {
  "": 0,
  v: SIZE_V,
  8: 1,
  16: 2,
  32: 4,
  48: 6,
  64: 8,
  80: 10,
  128: 16,
  256: 32,
  512: 64,
};

/** A word without the bits at its end, and these. */
function partsOf(word: string): [stem: string, bits: string] {
  let at = word.length;
  if (word.endsWith("v")) at--;
  else while (at > 0 && word[at - 1]! >= "0" && word[at - 1]! <= "9") at--;
  return [word.slice(0, at), word.slice(at)];
}

const made = new Map<string, FormOperand>();

/** The meaning of one word of a row's operand column. Throws an Error on a word that does not exist. */
export function operandOf(word: string): FormOperand {
  const known = made.get(word);
  if (known !== undefined) return known;
  const mark = word[0];
  const text = mark === "=" || mark === "+" ? word.slice(1) : word;
  const operand = describe(text, mark !== "=", mark === "=" || mark === "+");
  made.set(word, operand);
  return operand;
}

function describe(text: string, reads: boolean, writes: boolean): FormOperand {
  const make = (
    kind: OperandKind,
    size: number,
    more: Partial<Pick<FormOperand, "memorySize" | "signed" | "file" | "number">> = {},
  ): FormOperand => ({
    text,
    kind,
    size,
    memorySize: more.memorySize ?? size,
    reads,
    writes,
    signed: more.signed ?? false,
    file: more.file,
    number: more.number ?? -1,
  });

  const one = fixed[text];
  if (one !== undefined) return make("fixed", one[2], { file: one[0], number: one[1] });
  if (text === "1" || text === "3") return make("one", 1, { number: Number(text) });
  if (text === "sti") return make("st", 10, { file: "st" });
  if (text === "ptr16:v") return make("ptr", SIZE_FAR);
  const wide = wideMemory[text];
  if (wide !== undefined) return make("m", wide);

  if (text === "imm4") return make("imm", 1);
  const [stem, bits] = partsOf(text);
  const size = bytesOfBits[bits];
  if (size === undefined) throw new Error(`no operand is written "${text}"`);
  switch (stem) {
    case "imms":
      return make("imm", size, { signed: true });
    case "rel":
      return make("rel", size, { signed: true });
    case "imm":
    case "moffs":
    case "m":
      return make(stem, size);
    case "r32m":
    case "r64m":
    case "rvm":
      return make("rm", bytesOfBits[stem.slice(1, -1)]!, { memorySize: size, file: "general" });
    case "vm32x":
    case "vm32y":
    case "vm32z":
      return make("vsib", 4);
    case "vm64x":
    case "vm64y":
    case "vm64z":
      return make("vsib", 8);
  }
  const register = files[stem];
  if (register === undefined) throw new Error(`no operand is written "${text}"`);
  const [file, whole] = register;
  if (whole === 0) return make(stem as OperandKind, size, { file });
  return make(stem as OperandKind, whole, { file, memorySize: bits === "" ? whole : size });
}
