/** Lines to assemble, made from the rows: each operand shape, and variations that may be wrong. */
import { mnemonicNames } from "../../src/assembler/encode.ts";
import { Random } from "../../src/base/index.ts";
import { byMnemonic, type Form, type FormOperand, SIZE_FAR, SIZE_V } from "../../src/isa/index.ts";
import { ORIGIN, sizes } from "./line.ts";

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
    case "vsib": {
      const index = `${wanted.text.at(-1)}mm${random.below(8)}`;
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
    if (random.below(2) === 0) made.splice(rm + 1, 0, `{${mode}}`);
  }
  return made;
}

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

const isFpu = (form: Form): boolean => form.map === 0 && form.code >= 0xd8 && form.code <= 0xdf;

/**
 * What is not compared: fasm 1.73.30 leaves ModR/M.rm of rdpid to chance, refuses ptwrite of a memory operand
 * without a size for that, and has checks of its own in the later operands of tpause and umwait.
 * It loses the scale of an index in XOP shifts of memory, takes no size before the last operand of lwpins, and
 * mistakes an address size written in the destination of vpmovqb and its like (they clobber CH). AVX instructions
 * forget some of the sizes written before registers and keep others. And it lets broadcasts stand in expansions and
 * zeroing in tests, where the processor has neither.
 */
const unsettled =
  /^rdpid|^ptwrite \[|^(tpause|umwait) .*,|^vp(rot|sh[al])[bwdq] .*\*|^lwp(ins|val) .*dword -?\d|^[vk].*(byte|word|tbyte) ([xyz]mm|k)\d|^vpmovu?s?[wdq][bwd] \S*.*\[d?word |^vp?(expand|popcnt[bw]).*\{1to|^vp(test|cmp|shufbit).*\{z\}/;

/** Lines by group: those of the special rules, and those of each family of rows. */
export function groups(): Map<string, string[]> {
  const made = new Map<string, string[]>();
  made.set("special", [...new Set(specialLines())]);
  for (const [group, belongs] of Object.entries(levelsOf)) {
    const lines = new Set<string>();
    for (const name of mnemonicNames()) {
      for (const form of byMnemonic(name)) {
        if (form.decodeOnly || form.name !== name || !belongs(form)) continue;
        if (form.operands.some((operand) => operand.kind === "rel" || operand.kind === "ptr")) continue;
        const rounds = form.encoding === "legacy" ? (form.level.startsWith("sse") ? 4 : 8) : 1;
        for (const line of linesOf(form, rounds)) if (!unsettled.test(line)) lines.add(line);
      }
    }
    made.set(group, [...lines]);
  }
  return made;
}
