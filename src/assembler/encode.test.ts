/**
 * The encoder against what fasm 1.73.30 answered: fixtures/isa/*.txt.gz, one line a case. With fasm installed,
 *
 *     RENEW_ISA=1 npx vitest run src/assembler/encode.test.ts
 *
 * makes the cases anew from the rows and asks fasm about each.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Random } from "../base/index.ts";
import { byMnemonic, type Form, type FormOperand, SIZE_FAR, SIZE_V } from "../isa/index.ts";
import { mnemonic, mnemonicNames } from "./encode.ts";
import { type Message, messages, Refusal } from "./messages.ts";
import {
  ABSOLUTE,
  BOUND,
  CONTROL,
  DEBUG,
  type Encoding,
  FAR,
  GPR8,
  GPR8_HIGH,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  JUMP_FAR,
  MASK,
  MEMORY,
  MMX,
  NEAR,
  newOperand,
  type Operand,
  REGISTER,
  register,
  SEGMENT,
  SHORT,
  ST,
  TEST,
  XMM,
  YMM,
  ZMM,
} from "./operand.ts";

const fixtures = new URL("../../fixtures/isa/", import.meta.url).pathname;

// Reading operands as simply as the cases are written -----------------------------------------------------------

const sizes: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  pword: 6,
  qword: 8,
  tbyte: 10,
  dqword: 16,
  qqword: 32,
  dqqword: 64,
};

const registers = new Map<string, number>();
const name = (names: string, kind: number, first = 0): void => {
  for (const [i, one] of names.split(" ").entries()) registers.set(one, register(kind, first + i));
};
name("al cl dl bl", GPR8);
name("ah ch dh bh", GPR8_HIGH, 4);
name("ax cx dx bx sp bp si di", GPR16);
name("eax ecx edx ebx esp ebp esi edi", GPR32);
name("rax rcx rdx rbx", GPR64);
name("cr8 cr9", CONTROL, 8);
name("es cs ss ds fs gs", SEGMENT);
for (let i = 0; i < 8; i++) {
  for (const [stem, kind] of [
    ["cr", CONTROL],
    ["dr", DEBUG],
    ["tr", TEST],
    ["st", ST],
    ["mm", MMX],
    ["xmm", XMM],
    ["ymm", YMM],
    ["zmm", ZMM],
    ["k", MASK],
    ["bnd", BOUND],
  ] as const)
    registers.set(stem + i, register(kind, i));
}

const ORIGIN = 0x1000;

function readOperand(text: string, comma: boolean): Operand {
  const operand = newOperand();
  operand.comma = comma;
  let rest = text.trim();
  const word = (among: Readonly<Record<string, number>>): number => {
    const found = /^([a-z]+) ?(?=.)/.exec(rest);
    if (found === null || among[found[1]!] === undefined) return 0;
    rest = rest.slice(found[0].length);
    return among[found[1]!]!;
  };
  operand.jump = word({ short: SHORT, near: NEAR, far: JUMP_FAR });
  operand.size = word(sizes);
  operand.sizeDeclared = operand.size !== 0;
  const decorated = /^(.*?)((?:\s*\{[^}]*\})+)$/.exec(rest);
  if (decorated !== null) {
    rest = decorated[1]!;
    for (const [, mark] of decorated[2]!.matchAll(/\{([^}]*)\}/g)) {
      if (/^k[1-7]$/.test(mark!)) operand.mask = Number(mark![1]);
      else if (mark === "z") operand.zeroing = true;
      else if (/^1to\d+$/.test(mark!)) operand.broadcast = Number(mark!.slice(3));
      else {
        operand.kind = 6;
        operand.rounding = ["rn-sae", "rd-sae", "ru-sae", "rz-sae", "sae"].indexOf(mark!);
      }
    }
    if (operand.kind === 6) return operand;
  }
  if (registers.has(rest)) {
    operand.kind = REGISTER;
    operand.register = registers.get(rest)!;
  } else if (rest.startsWith("[")) readAddress(rest.slice(1, -1), operand);
  else {
    const [first, second] = rest.split(":");
    operand.kind = second === undefined ? IMMEDIATE : FAR;
    operand.segmentValue = second === undefined ? 0 : Number(first);
    setValue(operand, Number(second ?? first));
  }
  return operand;
}

function setValue(operand: Operand, value: number): void {
  if (!Number.isInteger(value)) throw new Error(`a case has an operand that cannot be read`);
  operand.value = value;
  operand.low = Number(BigInt.asIntN(32, BigInt(value)));
  operand.high = Number(BigInt.asIntN(32, BigInt(value) >> 32n));
}

function readAddress(text: string, operand: Operand): void {
  operand.kind = MEMORY;
  let rest = text;
  const size = /^(word|dword) /.exec(rest);
  if (size !== null) {
    operand.addressSize = sizes[size[1]!]!;
    rest = rest.slice(size[0].length);
  }
  const override = /^([c-gs]s):/.exec(rest);
  if (override !== null) {
    operand.segment = registers.get(override[1]!)!;
    rest = rest.slice(3);
  }
  let value = 0;
  for (const [, sign, term] of rest.matchAll(/([+-]?)([^+-]+)/g)) {
    const [factor, scale] = term!.split("*");
    const found = registers.get(factor!);
    if (found === undefined) value += Number(sign + term);
    else if (operand.base === 0 && scale === undefined) operand.base = found;
    else {
      operand.index = found;
      operand.scale = Number(scale ?? 1);
    }
  }
  const [base, index] = [operand.base, operand.index];
  if (base === 0 && [2, 3, 5, 9].includes(operand.scale) && operand.index < register(XMM, 0)) {
    operand.base = index;
    operand.scale--;
  } else if (operand.scale === 1 && index === register(GPR32, 4)) {
    operand.base = index;
    operand.index = base;
  } else if (base >= register(XMM, 0)) {
    operand.base = index;
    operand.index = base;
    operand.scale = 1;
  }
  if (operand.base === 0 && operand.scale === 1 && operand.index < register(XMM, 0)) {
    operand.base = operand.index;
    operand.index = 0;
    operand.scale = 0;
  }
  setValue(operand, value);
}

/** Operands of a line: commas outside brackets and braces; push and pop take blanks instead. */
function readLine(text: string): { words: string[]; operands: Operand[] } {
  const words: string[] = [];
  let rest = text;
  for (;;) {
    const found = /^([a-z0-9]+)(?: |$)/.exec(rest)!;
    words.push(found[1]!);
    rest = rest.slice(found[0].length);
    if (mnemonic(found[1]!)?.prefix !== true || rest === "") break;
  }
  if (rest === "") return { words, operands: [] };
  const operands: Operand[] = [];
  for (const part of rest.split(",")) {
    for (const [i, piece] of part.split(" & ").entries())
      operands.push(readOperand(piece, operands.length > 0 && i === 0));
  }
  return { words, operands };
}

const buffer = new Uint8Array(256);

/** Bytes as hex, or the message behind an exclamation mark; a remembered error counts as the answer. */
function assembled(bits: number, text: string): string {
  let remembered: Message | undefined;
  const out: Encoding = {
    bytes: buffer,
    at: 0,
    bits,
    prefixes: 0,
    anotherPass: false,
    recoverable: (message) => {
      remembered ??= message;
    },
    relativeTo: (target, from) => {
      out.distance = Number(BigInt.asIntN(32, BigInt(target.value) - BigInt(ORIGIN + from)));
      out.distanceHigh = 0;
      out.distanceRelocation = ABSOLUTE;
    },
    distance: 0,
    distanceHigh: 0,
    distanceRelocation: ABSOLUTE,
    distanceBase: null,
    relocate: () => {},
  };
  try {
    const { words, operands } = readLine(text);
    for (const [i, word] of words.entries()) {
      const found = mnemonic(word);
      if (found === undefined) return `!unknown ${word}`;
      found.encode(operands, i === words.length - 1 ? operands.length : 0, out);
    }
  } catch (error) {
    if (error instanceof Refusal) return `!${error.text}`;
    throw new Error(text, { cause: error });
  }
  if (remembered !== undefined) return `!${messages[remembered]}`;
  return Array.from(buffer.subarray(0, out.at), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Making cases from the rows ------------------------------------------------------------------------------------

const random = new Random(1730);
const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;

const general: Readonly<Record<number, readonly string[]>> = {
  1: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"],
  2: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
  4: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
  8: ["rax", "rcx"],
};

const addresses32 = [
  "[eax]",
  "[ebp]",
  "[esp]",
  "[ebx+8]",
  "[ebx-128]",
  "[ebx+128]",
  "[ebp+esi]",
  "[esp+4]",
  "[eax+ecx*4]",
  "[eax*2]",
  "[eax*4]",
  "[eax*8+16]",
  "[eax*3]",
  "[ecx*5+1]",
  "[edx*9-4]",
  "[ebp+edi*8+305419896]",
  "[eax+esp]",
  "[305419896]",
  "[8]",
  "[ss:ebp]",
  "[ss:eax]",
  "[ds:ebp+4]",
  "[ds:eax]",
  "[ds:100]",
  "[ss:100]",
  "[es:edi]",
  "[cs:eax+1]",
  "[fs:0]",
  "[gs:ecx*2+4]",
  "[dword eax+4]",
  "[dword 4]",
  "[word 4]",
  "[ebp+ebp*2]",
  "[ebx+ebx]",
  "[esp+ebp]",
];
const addresses16 = [
  "[bx]",
  "[bp]",
  "[si]",
  "[di+4]",
  "[bx+si]",
  "[bx+di-1]",
  "[bp+si+127]",
  "[bp+di+128]",
  "[bp+4]",
  "[si+bx]",
  "[word bx+2]",
  "[ss:bp]",
  "[ds:bp+si]",
  "[ss:bx]",
  "[es:di]",
  "[65535]",
  "[65536]",
];

const sizeNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(sizes).map(([text, size]) => [size, text]),
);

const values: Readonly<Record<number, readonly number[]>> = {
  1: [0, 1, 2, 127, 128, 255, -1, -128, -256, 256, -257],
  2: [0, 1, 127, 128, -128, -129, 255, 32767, 65535, 65408, -65536, 65536, -32768],
  4: [
    0, 1, 127, 128, -128, -129, 65535, 305419896, 4294967295, 4294967168, -2147483648, -4294967295,
    4294967296,
  ],
};

const address = (): string => (random.below(4) === 0 ? pick(addresses16) : pick(addresses32));
const sized = (size: number, text: string): string => (size === 0 ? text : `${sizeNames[size]!} ${text}`);

const sizeOf = (size: number, v: number): number => (size === SIZE_V ? v : size === SIZE_FAR ? v + 2 : size);

/** Some ways to write an operand that this word of a row takes, `v` being 2 or 4. */
function spellings(wanted: FormOperand, v: number): string[] {
  const size = sizeOf(wanted.size, v);
  const memorySize = sizeOf(wanted.memorySize, v);
  const numbered = (stem: string): string => stem + random.below(8);
  const memory = (): string[] => [sized(random.below(2) === 0 ? memorySize : 0, address())];
  const registerOf = (): string => {
    switch (wanted.file) {
      case "general":
        return pick(general[size]!);
      case "segment":
        return pick(["es", "cs", "ss", "ds", "fs", "gs"]);
      case "control":
        return numbered("cr");
      case "debug":
        return numbered("dr");
      case "test":
        return numbered("tr");
      case "st":
        return numbered("st");
      case "mm":
        return numbered("mm");
      case "k":
        return numbered("k");
      case "bnd":
        return `bnd${random.below(4)}`;
      default:
        return numbered(size === 16 ? "xmm" : size === 32 ? "ymm" : "zmm");
    }
  };
  switch (wanted.kind) {
    case "fixed":
      if (wanted.file === "general") return [general[size]![wanted.number]!];
      return [wanted.file === "st" ? "st0" : wanted.file === "vector" ? "xmm0" : wanted.text];
    case "one":
      return ["1", "3", "byte 1"];
    case "imm": {
      const checked = wanted.signed ? v : size;
      const value = String(pick(values[checked]!));
      return [value, ...(random.below(3) === 0 ? [sized(checked, value)] : [])];
    }
    case "rel":
      return [String(ORIGIN + pick([0, 2, 100, -100, 129, 130, -126, -127, 5000, -2000]))];
    case "ptr":
      return [`${pick([0, 27, 65535])}:${pick([0, 4660, 65535])}`];
    case "moffs":
      return [pick(["[305419896]", "[8]", "[65535]", "[fs:8]", "[ds:8]", "[word 8]", "[dword 8]"])];
    case "m":
    case "vsib":
      return memory();
    case "rm":
    case "mmm":
    case "xmmm":
    case "ymmm":
    case "zmmm":
    case "km":
    case "bndm":
      return [...memory(), registerOf()];
    default:
      return [registerOf()];
  }
}

const strangers = [
  "al",
  "dx",
  "ecx",
  "ds",
  "cr0",
  "dr7",
  "st0",
  "st3",
  "mm1",
  "xmm2",
  "ymm3",
  "byte [eax]",
  "word [ebx]",
  "dword [ecx]",
  "qword [edx]",
  "tbyte [esi]",
  "dqword [edi]",
  "pword [8]",
  "[eax]",
  "5",
  "word 5",
  "byte 5",
  "dword 300",
  "eax",
  "cl",
];

/** Lines for one row: every combination of spellings once for each operand size, and variations that may be wrong. */
function* linesOf(form: Form, rounds: number): Generator<string> {
  const join = (operands: readonly string[]): string =>
    operands.length === 0
      ? form.name
      : `${form.names[random.below(form.names.length)]} ${operands.join(",")}`;
  const usesV = form.operands.some((operand) => operand.size < 0 || operand.memorySize < 0);
  for (const v of usesV ? [2, 4] : [4]) {
    for (let round = 0; round < rounds; round++) {
      let combinations: string[][] = [[]];
      for (const wanted of form.operands) {
        const choices = spellings(wanted, v);
        combinations = combinations.flatMap((start) => choices.map((choice) => [...start, choice]));
      }
      for (const combination of combinations) yield join(combination);
      const one = pick(combinations);
      if (one.length > 0) {
        const at = random.below(one.length);
        yield join(one.with(at, pick(strangers)));
        if (random.below(4) === 0) yield join(one.slice(0, -1));
        if (random.below(4) === 0) yield join([...one, pick(strangers)]);
        const size = pick(Object.keys(sizes));
        if (random.below(2) === 0)
          yield join(one.with(at, `${size} ${one[at]!.replace(/^[a-z]+ (?=.)/, "")}`));
      } else if (random.below(2) === 0) yield join([pick(strangers)]);
    }
  }
}

/** Lines for what has rules of its own. */
function* specialLines(): Generator<string> {
  const targets = [0, 2, 100, -100, 129, 130, 131, 132, -126, -125, -124, 5000, -2000].map((n) =>
    String(ORIGIN + n),
  );
  for (const jump of ["jmp", "call", "jz", "jnle", "loop", "loopnzw", "loopd", "jcxz", "jecxz"]) {
    for (const target of [...targets, "70000", "4294967295"]) {
      for (const how of [
        "",
        "short ",
        "near ",
        "far ",
        "word ",
        "dword ",
        "short word ",
        "near dword ",
        "byte ",
      ]) {
        yield `${jump} ${how}${target}`;
      }
    }
  }
  for (const jump of ["jmp", "call", "bnd jmp", "bnd call"]) {
    for (const how of ["", "short ", "near ", "far "]) {
      for (const size of ["", "byte ", "word ", "dword ", "pword ", "qword ", "tbyte "]) {
        for (const operand of [
          "[eax]",
          "[8]",
          "[bx]",
          "ax",
          "eax",
          "cl",
          "ds",
          "27:4660",
          "27:305419896",
          "70000:8",
        ]) {
          yield `${jump} ${how}${size}${operand}`;
        }
      }
    }
  }
  for (const ret of ["ret", "retn", "retf", "retw", "retd", "retnw", "retnd", "retfw", "retfd", "bnd ret"]) {
    for (const operand of [
      "",
      " 0",
      " 4",
      " word 0",
      " byte 4",
      " word 8",
      " 65535",
      " -1",
      " 65536",
      " ax",
      " [8]",
      " 4,5",
    ]) {
      yield ret + operand;
    }
  }
  for (const stack of ["push", "pushw", "pushd", "pop", "popw", "popd"]) {
    for (const size of ["", "byte ", "word ", "dword ", "qword ", "pword "]) {
      for (const operand of [
        "ax",
        "ebx",
        "cl",
        "ds",
        "fs",
        "cs",
        "[eax]",
        "[8]",
        "[bp]",
        "5",
        "-128",
        "128",
        "65535",
        "70000",
        "cr0",
        "st0",
      ]) {
        yield `${stack} ${size}${operand}`;
      }
    }
    yield `${stack} eax & ebx & [4]`;
    yield `${stack} eax & dword [ebx] & word [ecx] & ax`;
    yield `${stack} eax & word 5 & 5`;
    yield `${stack} eax,ebx`;
  }
  for (const size of ["", "byte ", "word ", "dword ", "qword ", "tbyte "]) {
    for (const pair of [
      "[edi],SIZE[esi]",
      "[di],SIZE[si]",
      "[edi],[esi]",
      "[es:edi],[fs:esi]",
      "[edi],[ds:esi]",
      "[edi],[ss:esi]",
      "[di],[esi]",
      "[fs:edi],[esi]",
      "[esi],[edi]",
      "[edi+1],[esi]",
      "[edi],[esi*2]",
      "[edi]",
      "[fs:esi],[es:edi]",
      "[esi],[fs:edi]",
      "[eax],[esi]",
      "[edi],dx",
      "[di],dx",
      "eax,[esi]",
      "[8],[esi]",
      "[esi],ax",
    ]) {
      for (const string of ["movs", "cmps"]) yield `${string} ${size}${pair.replace("SIZE", size)}`;
      for (const string of ["ins"]) yield `${string} ${size}${pair.replace("SIZE", "")}`;
    }
    for (const one of [
      "[esi]",
      "[si]",
      "[fs:esi]",
      "[edi]",
      "[es:edi]",
      "[ds:edi]",
      "[ds:si]",
      "[ebx]",
      "[bx]",
      "[ss:ebx]",
      "[8]",
      "[esi+4]",
    ]) {
      for (const string of ["lods", "stos", "scas", "xlat"]) yield `${string} ${size}${one}`;
      yield `outs dx,${size}${one}`;
    }
  }
  for (const prefix of [
    "rep",
    "repe",
    "repz",
    "repne",
    "repnz",
    "lock",
    "es",
    "cs",
    "ss",
    "ds",
    "fs",
    "gs",
    "bnd",
    "xacquire",
    "xrelease",
  ]) {
    for (const instruction of ["", " movsb", " add [eax],ecx", " stosd", " movs byte [edi],[esi]"])
      yield prefix + instruction;
  }
  for (const a of ["0", "16", "word 16", "byte 1", "-1", "65536", "eax", "[8]"]) {
    for (const b of ["0", "1", "byte 1", "word 1", "-1", "256", "al"]) yield `enter ${a},${b}`;
  }
  for (const a of ["3", "128", "255", "-1", "256", "byte 64", "word 64", "al", "[8]", "3,4"])
    yield `int ${a}`;
  for (const one of addresses32.concat(addresses16)) {
    for (const line of [
      "mov eax,X",
      "mov X,al",
      "mov al,X",
      "mov X,ax",
      "mov ebx,X",
      "mov byte X,5",
      "mov dword X,5",
      "lea ecx,X",
      "lea cx,X",
    ]) {
      yield line.replace("X", one);
    }
  }
  for (const a of ["es", "cs", "ss", "ds", "fs", "gs", "cr0", "cr3", "cr8", "dr0", "dr7", "tr6"]) {
    for (const b of ["ax", "eax", "al", "[eax]", "word [eax]", "dword [eax]", "5", "ds", "cr0"]) {
      yield `mov ${a},${b}`;
      yield `mov ${b},${a}`;
    }
  }
  for (const line of [
    "nop",
    "nop [eax]",
    "nop word [eax]",
    "nop dword [eax]",
    "nop eax",
    "nop ax",
    "nop byte [eax]",
    "nop al",
  ])
    yield line;
}

// Asking fasm ---------------------------------------------------------------------------------------------------

const SLOT = 32;

/** What fasm makes of each line: hex, or the message behind an exclamation mark. */
function askFasm(bits: number, lines: readonly string[], good: readonly boolean[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "isa-"));
  const source = join(folder, "a.asm");
  const binary = join(folder, "a.bin");
  const answers: string[] = new Array(lines.length);
  const run = (picked: readonly number[]): { line: number; message: string } | undefined => {
    const text = picked.map(
      (i) =>
        `org ${ORIGIN}\n${lines[i]!.replaceAll(" & ", " ")}\nn = $-${ORIGIN}\ndb ${SLOT - 1}-n dup 0\ndb n\n`,
    );
    writeFileSync(source, `use${bits}\n${text.join("")}`);
    try {
      execFileSync("fasm", [source, binary], { stdio: ["ignore", "pipe", "pipe"] });
      return undefined;
    } catch (error) {
      const said = String((error as { stderr: Uint8Array }).stderr);
      const line = Number(/\[(\d+)\]/.exec(said)?.[1] ?? 0);
      const message = /error: (.*?)\.?\s*$/.exec(said)?.[1] ?? said;
      return { line, message };
    }
  };
  const take = (picked: readonly number[]): void => {
    const bytes = readFileSync(binary);
    for (const [slot, i] of picked.entries()) {
      const at = slot * SLOT;
      answers[i] = bytes.subarray(at, at + bytes[at + SLOT - 1]!).toString("hex");
    }
  };
  let batch: number[] = [];
  const flush = (): void => {
    while (batch.length > 0) {
      const failure = run(batch);
      if (failure === undefined) {
        take(batch);
        break;
      }
      const at = Math.floor((failure.line - 3) / 5);
      if (!(at >= 0 && at < batch.length)) throw new Error(`fasm: ${failure.message}`);
      answers[batch[at]!] = `!${failure.message}`;
      batch.splice(at, 1);
    }
    batch = [];
  };
  for (const [i, expected] of good.entries()) {
    if (expected) {
      batch.push(i);
      if (batch.length === 400) flush();
    } else {
      const failure = run([i]);
      if (failure === undefined) take([i]);
      else answers[i] = `!${failure.message}`;
    }
  }
  flush();
  rmSync(folder, { recursive: true });
  return answers;
}

function hasFasm(): boolean {
  try {
    execFileSync("fasm", [], { stdio: "ignore" });
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ENOENT";
  }
}

const levelsOf: Readonly<Record<string, (form: Form) => boolean>> = {
  integer: (form) =>
    /^(8086|[1-4]86|p5|p6|movbe|bmi|adx|rdrand|cet|misc|smx)$/.test(form.level) && form.encoding === "legacy",
};

/** Lines by group: those of the special rules, and those of each family of rows. */
function groups(): Map<string, string[]> {
  const made = new Map<string, string[]>();
  made.set("special", [...new Set(specialLines())]);
  for (const [group, belongs] of Object.entries(levelsOf)) {
    const lines = new Set<string>();
    for (const name of mnemonicNames()) {
      for (const form of byMnemonic(name)) {
        if (form.decodeOnly || form.name !== name || !belongs(form)) continue;
        if (form.operands.some((operand) => operand.kind === "rel" || operand.kind === "ptr")) continue;
        for (const line of linesOf(form, 8)) lines.add(line);
      }
    }
    made.set(group, [...lines]);
  }
  return made;
}

const groupFilter = process.env["ISA_GROUP"];

describe.runIf(process.env["RENEW_ISA"] !== undefined && hasFasm())("renewing", () => {
  for (const [group, lines] of groups()) {
    if (groupFilter !== undefined && groupFilter !== group) continue;
    test(`asks fasm about ${group}`, { timeout: 900_000 }, () => {
      const record: string[] = [];
      for (const bits of [16, 32]) {
        const good = lines.map((line) => !assembled(bits, line).startsWith("!"));
        const answers = askFasm(bits, lines, good);
        record.push(`use${bits}`, ...lines.map((line, i) => `${line}|${answers[i]}`));
      }
      writeFileSync(join(fixtures, `${group}.txt.gz`), gzipSync(`${record.join("\n")}\n`, { level: 9 }));
    });
  }
});

describe.each(existsSync(fixtures) ? readdirSync(fixtures).filter((file) => file.endsWith(".txt.gz")) : [])(
  "%s",
  (file) => {
    const recorded = gunzipSync(readFileSync(join(fixtures, file)))
      .toString("latin1")
      .trimEnd()
      .split("\n");
    test(`${recorded.length} lines as fasm assembles or refuses them`, { timeout: 60_000 }, () => {
      let bits = 16;
      let compared = 0;
      const wrong: string[] = [];
      for (const line of recorded) {
        if (line.startsWith("use")) {
          bits = Number(line.slice(3));
          continue;
        }
        const [text, answer] = line.split("|") as [string, string];
        compared++;
        const ours = assembled(bits, text);
        if (ours !== answer) wrong.push(`use${bits} ${text}: fasm ${answer}, ours ${ours}`);
      }
      if (process.env["ISA_WRONG"] !== undefined) writeFileSync(process.env["ISA_WRONG"], wrong.join("\n"));
      expect(wrong.slice(0, 50), `${wrong.length} of ${compared}`).toEqual([]);
    });
  },
);
