/**
 * Lines to assemble, made from the rows: each operand shape, and variations that may be wrong. Those of 64-bit code have
 * registers, addresses and sizes of their own (`long`).
 */
import { mnemonicNames } from "../../src/assembler/encode.ts";
import { Random } from "../../src/base/index.ts";
import { byMnemonic, type Form, type FormOperand, SIZE_FAR, SIZE_V } from "../../src/isa/index.ts";
import { ORIGIN, sizes } from "./line.ts";

let random = new Random(1730);
const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;

const general: Readonly<Record<number, readonly string[]>> = {
  1: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"],
  2: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
  4: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
  8: ["rax", "rcx"],
};

const long: Readonly<Record<number, readonly string[]>> = {
  1: ["al", "cl", "bl", "spl", "sil", "dil", "r8b", "r13b", "r15b", "ah", "dh", "r9l"],
  2: ["ax", "cx", "bx", "sp", "si", "r8w", "r12w", "r15w"],
  4: ["eax", "ecx", "ebx", "esp", "ebp", "edi", "r8d", "r13d", "r15d"],
  8: ["rax", "rcx", "rbx", "rsp", "rbp", "rdi", "r8", "r12", "r15"],
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

const addresses64 = [
  "[rax]",
  "[rbp]",
  "[rsp]",
  "[rbx+8]",
  "[rbx-128]",
  "[rbx+128]",
  "[r8]",
  "[r12]",
  "[r13]",
  "[r13+64]",
  "[r12+4]",
  "[rbp+rsi]",
  "[rax+rcx*4]",
  "[rax+r9*8-32]",
  "[r10+rdi*2+1000]",
  "[r11+r12]",
  "[rax*2]",
  "[r9*4]",
  "[r13*8+16]",
  "[rax*3]",
  "[r13*5+1]",
  "[rax+rsp]",
  "[rbx+rbp]",
  "[rbx+r13]",
  "[305419896]",
  "[8]",
  "[4100]",
  "[-8]",
  "[dword 4]",
  "[dword 2147483648]",
  "[qword 4]",
  "[qword 2147483648]",
  "[qword -5]",
  "[rip]",
  "[rip+16]",
  "[rip-4]",
  "[eip+16]",
  "[eax]",
  "[r8d+4]",
  "[ebp+r9d*4-128]",
  "[esp+1]",
  "[ecx*4]",
  "[ebx+2147483648]",
  "[rbx+2147483647]",
  "[ss:rbp]",
  "[ds:rax]",
  "[es:rdi]",
  "[cs:4096]",
  "[fs:0]",
  "[fs:rax+8]",
  "[gs:r9*4]",
  "[gs:96]",
  "[fs:-8]",
  "[dword eax+4]",
  "[qword rax+4]",
  "[r12*2]",
  "[rbp+rbp*2]",
  "[rsp+rbp]",
];
/** Those that FASM refuses, some of them before it looks at anything else. */
const addressesWrong64 = [
  "[2147483648]",
  "[4294967295]",
  "[81985529216486895]",
  "[qword 81985529216486895]",
  "[rax+ecx]",
  "[bx+si]",
  "[word 4]",
  "[rbx+2147483648]",
  "[gs:4294967288]",
  "[rsp*2]",
  "[rip+rax]",
  "[rip+2147483648]",
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
  8: [
    0, 1, 127, 128, -128, -129, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296,
    305419896, 81985529216486, -1, 65535,
  ],
};

let bits = 32;
const address = (): string =>
  bits === 64 ? pick(addresses64) : random.below(4) === 0 ? pick(addresses16) : pick(addresses32);
const sized = (size: number, text: string): string => (size === 0 ? text : `${sizeNames[size]!} ${text}`);

const sizeOf = (size: number, v: number): number => (size === SIZE_V ? v : size === SIZE_FAR ? v + 2 : size);

/** Some ways to write an operand that this word of a row takes, `v` being 2, 4 or 8. */
function spellings(wanted: FormOperand, v: number, form: Form): string[] {
  const size = sizeOf(wanted.size, v);
  const memorySize = sizeOf(wanted.memorySize, v);
  const numbered = (stem: string): string => stem + random.below(8);
  // High registers as often as low ones; the highest where an encoding has them, and sometimes where none has.
  const vector = (stem: string): string => {
    const top = bits !== 64 ? 8 : form.encoding === "evex" || random.below(8) === 0 ? 32 : 16;
    return stem + random.below(top);
  };
  const names = bits === 64 ? long : general;
  const memory = (): string[] => [sized(random.below(2) === 0 ? memorySize : 0, address())];
  const registerOf = (): string => {
    switch (wanted.file) {
      case "general":
        return pick(names[size]!);
      case "segment":
        return pick(["es", "cs", "ss", "ds", "fs", "gs"]);
      case "control":
        return bits === 64 ? pick(["cr0", "cr3", "cr8", "cr15"]) : numbered("cr");
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
        return vector(size === 16 ? "xmm" : size === 32 ? "ymm" : "zmm");
    }
  };
  switch (wanted.kind) {
    case "fixed":
      if (wanted.file === "general")
        return [size === 8 ? `r${general[2]![wanted.number]!}` : general[size]![wanted.number]!];
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
      return [
        bits === 64
          ? pick(addresses64.filter((one) => !/r|e[abcds]|i[p+]|s\+/.test(one)))
          : pick(["[305419896]", "[8]", "[65535]", "[fs:8]", "[ds:8]", "[word 8]", "[dword 8]"]),
      ];
    case "vsib": {
      const index = `${wanted.text.at(-1)}mm${random.below(bits !== 64 ? 8 : form.encoding === "evex" ? 32 : 16)}`;
      if (bits === 64) {
        const bases = [`[rax+${index}*4]`, `[${index}*8+16]`, `[r12+${index}]`, `[fs:r13+${index}*2-64]`];
        return [sized(random.below(2) === 0 ? memorySize : 0, pick([...bases, `[r9d+${index}*8]`]))];
      }
      return [
        sized(
          random.below(2) === 0 ? memorySize : 0,
          pick([`[eax+${index}*4]`, `[${index}*8+16]`, `[esp+${index}]`, `[fs:ebp+${index}*2-64]`]),
        ),
      ];
    }
    case "m":
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

/** Operands of this row as they may be written, chosen by `seed`. */
export function spellingsOf(form: Form, size: number, seed: number): string[] {
  random = new Random(seed);
  bits = size;
  const v = pick(size === 64 ? [2, 4, 8] : [2, 4]);
  return decorated(
    form,
    form.operands.map((wanted) => pick(spellings(wanted, v, form))),
  );
}

const strangers64 = [
  "al",
  "ah",
  "r9b",
  "dx",
  "ecx",
  "r10",
  "r11d",
  "rdx",
  "ds",
  "cr0",
  "dr7",
  "st0",
  "mm1",
  "xmm2",
  "xmm20",
  "ymm9",
  "byte [rax]",
  "word [rbx]",
  "dword [rcx]",
  "qword [rdx]",
  "tbyte [rsi]",
  "dqword [rdi]",
  "pword [8]",
  "[rax]",
  "5",
  "word 5",
  "byte 5",
  "qword 5",
  "dword 300",
  "eax",
  "cl",
];

const strangers32 = [
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

/** Masks, zeroing, broadcasts and rounding, sometimes where they cannot be. */
function decorated(form: Form, operands: readonly string[]): string[] {
  const made = [...operands];
  const has = (word: string): boolean => form.attributes.has(word) || random.below(12) === 0;
  if (has("mask") && random.below(2) === 0) {
    made[0] += `{k${1 + random.below(7)}}`;
    if (has("z") && random.below(2) === 0) made[0] += "{z}";
  }
  const rm = form.places.indexOf("rm");
  const element = form.attributes.has("b8") ? 8 : 4;
  const memory = form.operands[rm];
  if (memory === undefined) return made;
  if (/\[/.test(made[rm]!)) {
    if (has(`b${element}`) && random.below(2) === 0) {
      const address = made[rm]!.replace(/^[a-z]+ (?=\[)/, "");
      const count = random.below(10) === 0 ? pick([2, 4, 8, 16]) : memory.memorySize / element;
      if (count > 1)
        made[rm] = `${random.below(2) === 0 ? "" : `${sizeNames[element]!} `}${address}{1to${count}}`;
    }
  } else if (form.attributes.has("er") || form.attributes.has("sae")) {
    const mode = form.attributes.has("er") ? pick(["rn-sae", "rd-sae", "ru-sae", "rz-sae"]) : "sae";
    const last = form.operands.findLastIndex(({ kind }) => kind !== "imm");
    if (random.below(2) === 0) made.splice(last + 1, 0, `{${mode}}`);
  }
  return made;
}

/** Lines for one row: every combination of spellings once for each operand size, and variations that may be wrong. */
function* linesOf(form: Form, rounds: number): Generator<string> {
  const strangers = bits === 64 ? strangers64 : strangers32;
  const join = (operands: readonly string[]): string =>
    operands.length === 0
      ? form.name
      : `${form.names[random.below(form.names.length)]} ${operands.join(",")}`;
  const usesV = form.operands.some((operand) => operand.size < 0 || operand.memorySize < 0);
  for (const v of usesV ? (bits === 64 ? [2, 4, 8] : [2, 4]) : [4]) {
    for (let round = 0; round < rounds; round++) {
      let combinations: string[][] = [[]];
      for (const wanted of form.operands) {
        const choices = spellings(wanted, v, form);
        combinations = combinations.flatMap((start) => choices.map((choice) => [...start, choice]));
      }
      for (const combination of combinations) {
        yield join(combination);
        if (form.encoding === "evex") yield join(decorated(form, combination));
      }
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
  for (const jump of ["jmp", "call", "jz", "jnle", "loop", "loopnzw", "loopd", "jcxz", "jecxz", "xbegin"]) {
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

/** The same for 64-bit code. */
function* specialLines64(): Generator<string> {
  const targets = [0, 2, 100, -100, 129, 130, 131, 132, 133, 134, -126, -125, -124, -123, 5000, -2000].map(
    (n) => String(ORIGIN + n),
  );
  for (const jump of [
    "jmp",
    "call",
    "jz",
    "jnle",
    "loop",
    "loopnzw",
    "loopd",
    "loopq",
    "jcxz",
    "jecxz",
    "jrcxz",
    "xbegin",
  ]) {
    for (const target of [
      ...targets,
      "70000",
      "4294967295",
      "-1",
      "2147487000",
      "81985529216486895",
      "-2147479552",
    ]) {
      for (const how of [
        "",
        "short ",
        "near ",
        "far ",
        "word ",
        "dword ",
        "qword ",
        "short word ",
        "near qword ",
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
          "[rax]",
          "[r9]",
          "[8]",
          "[eax]",
          "[bx]",
          "ax",
          "r8w",
          "eax",
          "rax",
          "r12",
          "cl",
          "ds",
          "27:4660",
        ]) {
          yield `${jump} ${how}${size}${operand}`;
        }
      }
    }
  }
  for (const ret of "ret retn retf retw retd retq retnw retnd retnq retfw retfd retfq"
    .split(" ")
    .concat("bnd ret")) {
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
  for (const stack of ["push", "pushw", "pushd", "pushq", "pop", "popw", "popd", "popq"]) {
    for (const size of ["", "byte ", "word ", "dword ", "qword ", "pword "]) {
      for (const operand of [
        ..."ax ebx rcx r9 r10w r11d cl r8b ds fs gs cs cr0 st0 [rax] [r9] [8] [ebp] [bp]".split(" "),
        ..."5 -128 128 65535 70000 -2147483648 2147483648 4294967295 18446744073709551615".split(" "),
      ]) {
        yield `${stack} ${size}${operand}`;
      }
    }
    yield `${stack} rax & r8 & [4]`;
    yield `${stack} rax & qword [rbx] & word [rcx] & ax`;
    yield `${stack} rax & word 5 & 5`;
    yield `${stack} rax,rbx`;
  }
  for (const size of ["", "byte ", "word ", "dword ", "qword ", "tbyte "]) {
    for (const pair of (
      "[rdi],SIZE[rsi] [edi],SIZE[esi] [di],[si] [rdi],[rsi] [es:rdi],[fs:rsi] [rdi],[ds:rsi] [rdi],[ss:rsi] [edi],[rsi] " +
      "[fs:rdi],[rsi] [rsi],[rdi] [rdi+1],[rsi] [rdi],[rsi*2] [rdi] [fs:rsi],[es:rdi] [rsi],[fs:rdi] [rax],[rsi] [rdi],dx " +
      "[edi],dx [di],dx rax,[rsi] [8],[rsi] [rsi],ax [r15],[r14] [rip],[rsi] [rdi],[rip]"
    ).split(" ")) {
      for (const string of ["movs", "cmps"]) yield `${string} ${size}${pair.replace("SIZE", size)}`;
      for (const string of ["ins"]) yield `${string} ${size}${pair.replace("SIZE", "")}`;
    }
    for (const one of "[rsi] [esi] [si] [fs:rsi] [rdi] [es:rdi] [ds:edi] [ds:rsi] [rbx] [ebx] [bx] [ss:rbx] [8] [rsi+4]".split(
      " ",
    )) {
      for (const string of ["lods", "stos", "scas", "xlat"]) yield `${string} ${size}${one}`;
      yield `outs dx,${size}${one}`;
    }
  }
  for (const prefix of "rep repe repz repne repnz lock es cs ss ds fs gs bnd xacquire xrelease".split(" ")) {
    for (const instruction of ["", " movsb", " add [rax],rcx", " stosq", " movs byte [rdi],[rsi]"])
      yield prefix + instruction;
  }
  for (const a of ["0", "16", "word 16", "byte 1", "-1", "65536", "rax", "[8]"]) {
    for (const b of ["0", "1", "byte 1", "word 1", "-1", "256", "al"]) yield `enter ${a},${b}`;
  }
  for (const a of ["3", "128", "255", "-1", "256", "byte 64", "word 64", "al", "[8]", "3,4"]) {
    yield `int ${a}`;
    yield `aam ${a}`;
  }
  for (const one of addresses64.concat(addresses16, addressesWrong64)) {
    for (const line of [
      "mov eax,X",
      "mov rax,X",
      "mov X,al",
      "mov al,X",
      "mov X,ax",
      "mov ebx,X",
      "mov r9,X",
      "mov byte X,5",
      "mov dword X,5",
      "mov qword X,5",
      "mov qword X,-2147483649",
      "imul rax,X,500",
      "imul rax,X,5",
      "shld X,r9,5",
      "fstcw X",
      "lea ecx,X",
      "lea cx,X",
      "lea r9,X",
      "lea rax,X",
      "vmovaps xmm9,X",
      "vmovaps xmm19,X",
      "vmovaps ymm1,X",
      "vaddps zmm1,zmm2,X",
      "vpermq zmm3,X,5",
      "vpsrlw ymm9,ymm2,X",
      "andn rax,rbx,X",
      "bextr eax,X,5",
      "pinsrq xmm1,X,5",
      "lgdt X",
      "sgdt tbyte X",
      "movdir64b rax,X",
      "movdir64b r9d,X",
      "jmp qword X",
      "call tbyte X",
      "push qword X",
      "pop qword X",
      "cmpxchg16b X",
    ]) {
      yield line.replace("X", one);
    }
  }
  for (const a of [
    "es",
    "cs",
    "ss",
    "ds",
    "fs",
    "gs",
    "cr0",
    "cr3",
    "cr8",
    "cr9",
    "dr0",
    "dr7",
    "dr8",
    "tr6",
  ]) {
    for (const b of [
      "ax",
      "eax",
      "rax",
      "r9",
      "r9d",
      "al",
      "[rax]",
      "word [rax]",
      "dword [rax]",
      "qword [r9]",
      "5",
      "ds",
      "cr0",
    ]) {
      yield `mov ${a},${b}`;
      yield `mov ${b},${a}`;
    }
  }
  const every = Object.values(long).flat();
  for (const a of every)
    for (const b of every)
      yield `${pick(["mov", "add", "xchg", "test", "movsxd", "movzx", "imul"])} ${a},${b}`;
  for (const a of every) {
    for (const value of values[8]!.concat(18446744073709551615n as unknown as number)) {
      for (const size of ["", "qword ", "dword "])
        yield `${pick(["mov", "mov", "add", "cmp", "test", "imul", "push"])} ${a},${size}${value}`;
    }
    yield `push ${a}`;
    yield `bswap ${a}`;
    yield `inc ${a}`;
    yield `dec ${a}`;
    yield `in ${a},dx`;
    yield `out 5,${a}`;
    yield `sldt ${a}`;
    yield `shl ${a},cl`;
    yield `sete ${a}`;
  }
  for (const a of ["xmm1", "xmm8", "xmm16", "ymm9", "xmm31"]) {
    for (const b of ["xmm2", "xmm9", "xmm17", "ymm1"]) {
      for (const c of ["xmm3", "xmm10", "xmm18", "xmm30", "[r9]", "[rax]", "rax", "r9d"]) {
        for (const name of [
          "vmovss",
          "vmovsd",
          "vaddps",
          "vaddss",
          "vcvtsi2sd",
          "vandnpd",
          "vpmaskmovd",
          "vblendvps",
        ])
          yield `${name} ${a},${b},${c}${name === "vblendvps" ? pick([",xmm1", ",xmm9", ",xmm20"]) : ""}`;
      }
      for (const name of [
        "vmovaps",
        "vmovdqa",
        "vmovdqa64",
        "movaps",
        "vsqrtps",
        "vmovq",
        "vptest",
        "vpabsd",
      ])
        yield `${name} ${a},${b}`;
    }
  }
  for (const line of [
    "nop",
    "nop [rax]",
    "nop word [rax]",
    "nop dword [rax]",
    "nop qword [r9]",
    "nop eax",
    "nop r9",
    "nop ax",
    "nop byte [rax]",
    "nop al",
    "monitor eax,ecx,edx",
    "monitor rax,ecx,edx",
    "mwait eax,ecx",
    "vmread rax,rcx",
    "vmread [r9],r10",
    "vmread eax,ecx",
    "vmwrite r9,[rax]",
    "clzero rax",
    "clzero eax",
    "invlpga rax,ecx",
    "invlpga eax,ecx",
    "invlpga ax,ecx",
    "xlatb",
  ])
    yield line;
}

const levelsOf: Readonly<Record<string, (form: Form) => boolean>> = {
  integer: (form) =>
    !isFpu(form) && /^(8086|[1-4]86|p5|p6|movbe|bmi|adx|rdrand|cet|misc|smx)$/.test(form.level),
  system: (form) =>
    /^(vmx|svm|cet|tsx|misc|smx)$/.test(form.level) || (form.level === "long" && form.operands.length === 0),
  vex: (form) => form.encoding === "vex" || form.encoding === "xop",
  evex: (form) => form.encoding === "evex",
  fpu: (form) => isFpu(form),
  mmx: (form) => /^(mmx|3dnow)$/.test(form.level) || form.operands.some((operand) => operand.file === "mm"),
  sse: (form) =>
    /^(sse|sse2|sse3|ssse3|sse4|sse4a|aes|pclmul|sha|gfni|xsave)$/.test(form.level) &&
    !form.operands.some((operand) => operand.file === "mm"),
};

/** Rows of 64-bit code are known by their names alone elsewhere, and asked there when they have no operands. */
const isLongOnly = (form: Form): boolean => form.level === "long" && form.operands.length > 0;

/** The families again, with the rows of 64-bit code alone beside their relatives. */
function groupOf64(form: Form): string {
  if (form.encoding === "evex") return "evex";
  if (form.encoding !== "legacy") return "vex";
  if (form.level === "long") return "integer";
  return Object.keys(levelsOf).find((group) => levelsOf[group]!(form)) ?? "";
}

const isFpu = (form: Form): boolean => form.map === 0 && form.code >= 0xd8 && form.code <= 0xdf;

/** Lines by group: those of the special rules, and those of each family of rows; `size` 64 for 64-bit code; `seed` chooses among all there are. */
export function groups(size = 32, seed = 1730): Map<string, string[]> {
  const made = new Map<string, string[]>();
  random = new Random(seed);
  bits = size;
  const isLong = size === 64;
  made.set("special", [...new Set(isLong ? specialLines64() : specialLines())]);
  for (const [group, belongs] of Object.entries(levelsOf)) {
    const lines = new Set<string>();
    for (const name of mnemonicNames()) {
      for (const form of byMnemonic(name)) {
        if (form.decodeOnly || form.name !== name) continue;
        if (isLong ? groupOf64(form) !== group : !belongs(form) || isLongOnly(form)) continue;
        if (form.operands.some((operand) => operand.kind === "rel" || operand.kind === "ptr")) continue;
        const legacy = form.level.startsWith("sse") || isLong ? 4 : 8;
        const rounds = form.encoding === "legacy" ? legacy : 1;
        for (const line of linesOf(form, rounds)) lines.add(line);
      }
    }
    made.set(group, [...lines]);
  }
  return made;
}
