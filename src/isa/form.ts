/**
 * One row says everything about one instruction form: its names, how it is encoded, its operands, what it does
 * to the flags, and when it may be used. The opcode is written as the manual writes it (SDM vol. 2A, 3.1.1.1):
 *
 *   form("adc", "11 /r", "+rmv rv", "r:c w:oszapc", "lock")
 *
 * * names: the first is printed; the others are what FASM takes for the same form. `cc` stands for the sixteen
 *   conditions and makes sixteen forms.
 * * opcode: prefixes NP 66 F3 F2 that are part of it; o16 o32 a16 a32 where the form exists only at that size;
 *   the map (0F, 0F 38, 0F 3A) and the byte; +r +i +cc in its low bits; /r or /0 … /7; a byte from C0 on after
 *   the opcode byte is a fixed ModR/M byte (`D9 E8`, with +i `D8 C0+i`); a byte after that, or below C0, is a
 *   fixed last byte (`D4 0A`, `0F 0F /r 9E`); then ib iw id iv io for immediates and cb cv cp for distances and
 *   far addresses, where v follows the operand size.
 *   VEX, EVEX and XOP forms open with the manual's dotted word: `VEX.NDS.128.66.0F38.W0 98 /r`.
 *   After the word: NDS or NDD when VEX.vvvv names an operand (NDD: it is the destination), 128 256 512 or LIG, the
 *   prefix, the map (0F 0F38 0F3A, M8 M9 MA for XOP), W0 W1 or WIG. /is4: a register in the last byte's high half.
 * * operands: see operands.ts.
 * * flags: r read, w written by the result, u left undefined, z cleared, o set (letters o s z a p c d i t).
 *   A form that keeps flags in some cases (a shift by cl, which may be 0) reads them too.
 *   A leading 9B is the wait that FASM puts before fstcw and its like.
 * * attributes: lock, rep (counts in ecx), repc (counts, and stops on ZF), priv (ring 0 only), iopl (by I/O
 *   privilege), mem and reg (ModR/M must name memory, or a register, beyond what the operands say), decoded
 *   (read by the processor, never written by FASM), written (FASM's other way to say a form that decodes under another
 *   name), twice (imul's one register stands in both fields), unsized (FASM wants no size for the memory operand), sized
 *   (it wants one even where only one is possible), apart (the last operand has a size of its own, whatever the others
 *   have), bare (no size may be written before an operand), loose (any size may), not64 (64-bit code has it
 *   not), narrow (the operand size is never 64 bits), unmarked (FASM forgets that the number moves with the program),
 *   flips (of the two registers in ModR/M a high one goes into reg, with the next opcode), low (FASM takes no register
 *   above 15 last), w64 (outside 64-bit code W means nothing). For EVEX: mask (masked: required), z (zeroing; zodd: FASM
 *   lets it stand on memory or a mask too), b4 b8 (memory may be one element broadcast; bodd: for FASM alone), er (rounding; erodd: for FASM alone), sae. And the
 *   level that brought it: 186 286 386 486 p5 p6 mmx sse sse2 …
 */
import { conditions, flagsOf } from "./flags.ts";
import { type FormOperand, operandOf } from "./operands.ts";

/** Opcode maps. VEX, EVEX and XOP spaces are kept apart from the legacy ones by their high bits. */
export const MAP_ONE = 0;
export const MAP_0F = 1;
export const MAP_0F38 = 2;
export const MAP_0F3A = 3;

/** How the bytes before the opcode are written. */
export type Encoding = "legacy" | "vex" | "evex" | "xop";

export interface FormFlags {
  readonly reads: number;
  /** Set by the result. */
  readonly writes: number;
  readonly undefined: number;
  readonly clears: number;
  readonly sets: number;
}

export interface Form {
  /** Position in `forms`: small, dense, and the same for every user within one run. */
  readonly index: number;
  /** The name that is printed. */
  readonly name: string;
  readonly names: readonly string[];
  /** The opcode column as written. */
  readonly opcode: string;
  readonly operands: readonly FormOperand[];

  readonly encoding: Encoding;
  /** MAP_ONE, MAP_0F, MAP_0F38 or MAP_0F3A; for XOP 8, 9 or 10. */
  readonly map: number;
  /** The opcode byte; with `plus`, the first of eight. */
  readonly code: number;
  /** 0x66, 0xF2, 0xF3, PREFIX_NONE when none of the three may stand there, PREFIX_ANY when the form does not care. */
  readonly prefix: number;
  /** A register number is added to the opcode byte. */
  readonly plus: boolean;
  /** A ModR/M byte follows. */
  readonly modrm: boolean;
  /** The fixed value of ModR/M.reg, or -1. */
  readonly digit: number;
  /** The fixed value of ModR/M.rm, or -1. */
  readonly rm: number;
  /** What ModR/M.mod must say. */
  readonly mod: "any" | "memory" | "register";
  /** A fixed byte at the very end, or -1. */
  readonly suffix: number;
  /** 0 when any; otherwise the only operand size in bits. */
  readonly operandSize: 0 | 16 | 32 | 64;
  readonly addressSize: 0 | 16 | 32 | 64;
  /** Immediates, distances and far addresses in their order: ib iw id iv io cb cv cp. */
  readonly tail: readonly string[];
  /** Vector length in bits (0 when the form ignores it) and W of VEX, EVEX and XOP forms; W is -1 when ignored. */
  readonly vectorLength: 0 | 128 | 256 | 512;
  readonly w: -1 | 0 | 1;
  /** Where each operand is encoded, in the order of `operands`. */
  readonly places: readonly Place[];
  /** Condition code of jcc, setcc, cmovcc, or -1. */
  readonly condition: number;

  readonly flags: FormFlags;
  readonly lock: boolean;
  readonly rep: "" | "rep" | "repc";
  readonly privileged: boolean;
  readonly iopl: boolean;
  /** Read by the processor, never written by the assembler. */
  readonly decodeOnly: boolean;
  /** Written by the assembler, never found by the decoder. */
  readonly encodeOnly: boolean;
  readonly level: string;
  /** Attributes of EVEX forms and others that only some rooms read. */
  readonly attributes: ReadonlySet<string>;
}

/**
 * reg and rm are ModR/M fields (a memory operand is always rm), opcode the low bits of the opcode byte, tail an
 * immediate or distance after everything else, moffs an address there, none an operand that the opcode implies.
 */
export type Place = "reg" | "rm" | "vvvv" | "opcode" | "tail" | "moffs" | "is4" | "none";

export const PREFIX_ANY = 0;
export const PREFIX_NONE = -1;

/** A row as written, with `cc` worked out. Reading it is left until somebody asks (lookup.ts). */
export interface Row {
  readonly names: readonly string[];
  readonly opcode: string;
  readonly operands: string;
  readonly flags: string;
  readonly attributes: string;
  /** Condition code, or -1, and the flags it reads. */
  readonly condition: number;
  readonly conditionReads: number;
}

const levels = new Set(
  (
    "8086 186 286 386 486 p5 p6 mmx 3dnow sse sse2 sse3 ssse3 sse4 sse4a aes pclmul sha movbe bmi adx vmx svm smx mpx " +
    "xsave cet tsx tbm lwp rdrand fsgs avx avx2 fma fma4 f16c xop avx512 gfni misc long"
  ).split(" "),
);
const attributeWords = new Set([
  "lock",
  "rep",
  "repc",
  "priv",
  "iopl",
  "mem",
  "reg",
  "decoded",
  "written",
  "twice",
  "unsized",
  "sized",
  "wait",
  "apart",
  "bare",
  "mask",
  "masked",
  "zodd",
  "z",
  "b4",
  "b8",
  "bodd",
  "er",
  "erodd",
  "sae",
  "loose",
  "not64",
  "narrow",
  "unmarked",
  "flips",
  "low",
  "w64",
]);

const noFlags: FormFlags = { reads: 0, writes: 0, undefined: 0, clears: 0, sets: 0 };

function effectsOf(text: string, extraReads: number): FormFlags {
  if (text === "" && extraReads === 0) return noFlags;
  const found: Record<string, number> = { r: extraReads, w: 0, u: 0, z: 0, o: 0 };
  for (const part of text.split(" ")) {
    if (part === "" || part === "r:cc") continue;
    const [kind, names] = part.split(":");
    if (names === undefined || found[kind!] === undefined)
      throw new Error(`flag effects "${text}" make no sense`);
    found[kind!]! |= flagsOf(names);
  }
  return {
    reads: found["r"]!,
    writes: found["w"]!,
    undefined: found["u"]!,
    clears: found["z"]!,
    sets: found["o"]!,
  };
}

// No regular expression here: each is compiled when it is first used, and that is before a program's first instruction.
const HEX = "0123456789ABCDEF";
const isHex = (word: string): boolean =>
  word.length === 2 && HEX.includes(word[0]!) && HEX.includes(word[1]!);
/** Words for constants behind the opcode. */
const constants = new Set(["ib", "iw", "id", "iv", "io", "cb", "cv", "cp"]);
const encodings = new Set(["VEX", "EVEX", "XOP"]);
/** Operands that are a register, and never memory. */
const registers = new Set(["r", "mm", "xmm", "ymm", "zmm", "k", "bnd", "st"]);

/** The rows of one line: one, or sixteen for a condition. */
export function form(names: string, opcode: string, operands = "", flags = "", attributes = ""): Row[] {
  if (!opcode.includes("+cc")) {
    return [
      { names: names.split(" "), opcode, operands, flags, attributes, condition: -1, conditionReads: 0 },
    ];
  }
  const stem = names.slice(0, -2);
  return conditions.map((condition) => ({
    names: condition.names.map((name) => stem + name),
    opcode,
    operands,
    flags,
    attributes,
    condition: condition.code,
    conditionReads: condition.reads,
  }));
}

/** Reads a row. Throws an Error on one that makes no sense. */
export function read(row: Row, index: number): Form {
  const { names, opcode, condition, conditionReads } = row;
  const operandText = row.operands;
  const fail = (why: string): never => {
    throw new Error(`row ${names[0]} "${opcode}" "${operandText}": ${why}`);
  };
  const operands = operandText === "" ? [] : operandText.split(" ").map(operandOf);
  const attributes = new Set(row.attributes === "" ? [] : row.attributes.split(" "));
  let level = "8086";
  for (const word of attributes) {
    if (levels.has(word)) level = word;
    else if (!attributeWords.has(word)) fail(`no attribute is called "${word}"`);
  }

  let encoding: Encoding = "legacy";
  let map = MAP_ONE;
  let code = -1;
  let prefix = PREFIX_ANY;
  let plus = false;
  let modrm = false;
  let digit = -1;
  let rm = -1;
  let mod: Form["mod"] = "any";
  let suffix = -1;
  let operandSize: Form["operandSize"] = 0;
  let addressSize: Form["addressSize"] = 0;
  let vectorLength: Form["vectorLength"] = 0;
  let w: Form["w"] = -1;
  const tail: string[] = [];

  const words = opcode.split(" ");
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === "NP") prefix = PREFIX_NONE;
    else if (word === "REX.W") w = 1;
    else if (word === "9B" && words.length > 1) attributes.add("wait");
    else if (word === "o16" || word === "o32") operandSize = word === "o16" ? 16 : 32;
    else if (word === "a16" || word === "a32") addressSize = word === "a16" ? 16 : 32;
    else if (
      (word === "66" || word === "F2" || word === "F3") &&
      (isHex(words[at + 1]?.slice(0, 2) ?? "") || words[at + 1] === "REX.W")
    )
      prefix = Number.parseInt(word, 16);
    else break;
  }
  if (words[at] === "0F" && words.length > at + 1) {
    map = MAP_0F;
    at++;
    if (words[at] === "38" || words[at] === "3A") {
      map = words[at] === "38" ? MAP_0F38 : MAP_0F3A;
      at++;
    }
  }

  let vvvv = false;
  const [first = "", ...parts] = words[at]?.split(".") ?? [];
  if (encodings.has(first)) {
    at++;
    encoding = first.toLowerCase() as Encoding;
    prefix = PREFIX_NONE;
    for (const part of parts) {
      if (part === "NDS" || part === "NDD") vvvv = true;
      else if (part === "128" || part === "256" || part === "512")
        vectorLength = Number(part) as 128 | 256 | 512;
      else if (part === "66" || part === "F2" || part === "F3") prefix = Number.parseInt(part, 16);
      else if (part === "0F") map = MAP_0F;
      else if (part === "0F38") map = MAP_0F38;
      else if (part === "0F3A") map = MAP_0F3A;
      else if (part === "M8" || part === "M9" || part === "MA") map = Number.parseInt(part[1]!, 16);
      else if (part === "W0" || part === "W1") w = part === "W1" ? 1 : 0;
      else if (part !== "WIG" && part !== "LIG" && part !== "NP")
        fail(`"${part}" means nothing in ${words[at - 1]}`);
    }
  }

  const opcodeWord = words[at++] ?? fail("no opcode byte");
  const [byte, add] = opcodeWord.split("+");
  if (!isHex(byte!)) fail(`"${opcodeWord}" is no opcode byte`);
  code = Number.parseInt(byte!, 16);
  if (add === "r") plus = true;
  else if (add === "cc") code += condition;
  else if (add !== undefined) fail(`"+${add}" means nothing after an opcode byte`);

  for (; at < words.length; at++) {
    const word = words[at]!;
    if (word === "/r") modrm = true;
    else if (word === "/is4") tail.push("is4");
    else if (word.length === 2 && word[0] === "/" && word[1]! >= "0" && word[1]! <= "7") {
      modrm = true;
      digit = Number(word[1]);
    } else if (constants.has(word)) tail.push(word);
    else {
      const [value, plusI] = word.split("+");
      if (!isHex(value!)) fail(`"${word}" means nothing here`);
      const number = Number.parseInt(value!, 16);
      if (!modrm && number >= 0xc0) {
        modrm = true;
        mod = "register";
        digit = (number >> 3) & 7;
        if (plusI === undefined) rm = number & 7;
        else if (plusI !== "i") fail(`"+${plusI}" means nothing after a ModR/M byte`);
      } else suffix = number;
    }
  }

  if (attributes.has("mem")) mod = "memory";
  if (attributes.has("reg")) mod = "register";
  for (const operand of operands) {
    if (operand.kind === "m" || operand.kind === "vsib") {
      if (!modrm) fail("a memory operand needs ModR/M");
      mod = "memory";
    }
  }

  const places = placesOf(operands, plus, modrm && digit < 0, vvvv, tail.includes("is4"), fail);
  for (const [i, place] of places.entries()) {
    // The processor ignores mod in moves of control registers (SDM vol. 2B, MOV CRn); elsewhere a bare register means mod 11.
    const moves = operands.some(({ kind }) => kind === "cr" || kind === "dr" || kind === "tr");
    if (place === "rm" && !moves && registers.has(operands[i]!.kind)) mod = "register";
  }

  return {
    index,
    name: names[0]!,
    names,
    opcode,
    operands,
    encoding,
    map,
    code,
    prefix,
    plus,
    modrm,
    digit,
    rm,
    mod,
    suffix,
    operandSize,
    addressSize,
    tail,
    vectorLength,
    w,
    places,
    condition,
    flags: effectsOf(row.flags, conditionReads),
    lock: attributes.has("lock"),
    rep: attributes.has("rep") ? "rep" : attributes.has("repc") ? "repc" : "",
    privileged: attributes.has("priv"),
    iopl: attributes.has("iopl"),
    decodeOnly: attributes.has("decoded"),
    encodeOnly: attributes.has("written"),
    level,
    attributes,
  };
}

const prefixWords = new Set(["NP", "REX.W", "o16", "o32", "a16", "a32", "9B", "66", "F2", "F3"]);

/**
 * Where a row belongs, without reading all of it: opcode space (see lookup.ts) times 256 plus the opcode byte, and
 * how many bytes in a row it answers to.
 */
export function placeInTable({ opcode, condition }: Row): { at: number; count: number } {
  const words = opcode.split(" ");
  let i = 0;
  while (prefixWords.has(words[i]!) && i < words.length - 1) i++;
  let space = 0;
  const dotted = words[i]!.includes(".")
    ? /^(VEX|EVEX|XOP)\..*?(0F38|0F3A|0F|M8|M9|MA)/.exec(words[i]!)
    : null;
  if (dotted !== null) {
    const map = ["", "0F", "0F38", "0F3A", "", "", "", "", "M8", "M9", "MA"].indexOf(dotted[2]!);
    space = map + (dotted[1] === "EVEX" ? 8 : 4);
    i++;
  } else if (words[i] === "0F" && i < words.length - 1) {
    i++;
    if (words[i] === "38" || words[i] === "3A") space = words[i++] === "38" ? 2 : 3;
    else space = 1;
  }
  const word = words[i]!;
  const code = Number.parseInt(word, 16) + (word.endsWith("+cc") ? condition : 0);
  return { at: space * 256 + code, count: word.endsWith("+r") ? 8 : 1 };
}

function placesOf(
  operands: readonly FormOperand[],
  plus: boolean,
  regIsFree: boolean,
  vvvv: boolean,
  is4: boolean,
  fail: (why: string) => never,
): Place[] {
  const taken = new Set<Place>();
  const places = operands.map((operand): Place | undefined => {
    switch (operand.kind) {
      case "fixed":
      case "one":
        return "none";
      case "imm":
      case "rel":
      case "ptr":
        return "tail";
      case "moffs":
        return "moffs";
      case "sreg":
      case "cr":
      case "dr":
      case "tr":
        taken.add("reg");
        return "reg";
      case "rm":
      case "m":
      case "mmm":
      case "xmmm":
      case "ymmm":
      case "zmmm":
      case "km":
      case "bndm":
      case "vsib":
        if (taken.has("rm")) fail("two operands want ModR/M.rm");
        taken.add("rm");
        return "rm";
      default:
        if (!plus) return undefined;
        return "opcode";
    }
  });
  // Registers without memory beside them, left to right: reg, vvvv, rm, the last byte. A store begins with its
  // memory and has vvvv next; a digit leaves reg out.
  const order: Place[] = [];
  if (regIsFree && !(vvvv && places[0] === "rm")) order.push("reg");
  if (vvvv) order.push("vvvv");
  if (regIsFree && vvvv && places[0] === "rm") order.push("reg");
  order.push("rm");
  if (is4) order.push("is4");
  return places.map((place) => {
    if (place !== undefined) return place;
    const free = order.find((field) => !taken.has(field)) ?? fail("no field is left");
    taken.add(free);
    return free;
  });
}
