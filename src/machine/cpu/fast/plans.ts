/** Which instructions have a fast function, and how it is called. */
import type { Form } from "../../../isa/index.ts";
import { mmxSize } from "./sizes.ts";

// SSE and MMX ------------------------------------------------------------------------------------------------

/** How a fast function is called for an instruction. */
export interface QuickPlan {
  /** Its name in fast/sse.ts or fast/mmx.ts, for a second operand in a register; where there is none, that is left to the executor. */
  readonly register: string | undefined;
  /** The same for one in memory. */
  readonly memory: string | undefined;
  /** Bytes of memory, and whether their place must be a multiple of 16. */
  readonly size: number;
  readonly aligned: boolean;
  /** Memory, or the other register, is what is written. */
  readonly stores: boolean;
}

const SIZES: Readonly<Record<string, number>> = { ps: 16, pd: 16, ss: 4, sd: 8 };
const LOGIC: Readonly<Record<string, string>> = {
  andps: "and",
  andpd: "and",
  pand: "and",
  andnps: "andn",
  andnpd: "andn",
  pandn: "andn",
  orps: "or",
  orpd: "or",
  por: "or",
  xorps: "xor",
  xorpd: "xor",
  pxor: "xor",
  unpcklps: "punpckldq",
  unpckhps: "punpckhdq",
  unpcklpd: "punpcklqdq",
  unpckhpd: "punpckhqdq",
};
const INTEGERS = new Set(
  (
    "paddb paddsb paddusb psubb psubsb psubusb pminub pmaxub pavgb pcmpeqb pcmpgtb paddw paddsw paddusw psubw psubsw " +
    "psubusw pmullw pminsw pmaxsw pavgw pcmpeqw pcmpgtw pmaddwd packsswb packuswb packssdw paddd psubd pcmpeqd " +
    "pcmpgtd paddq psubq punpcklbw punpckhbw punpcklwd punpckhwd punpckldq punpckhdq punpcklqdq punpckhqdq " +
    "psadbw pmulhw pmulhuw pmuludq"
  ).split(" "),
);
/** Conversions of one number, with the bytes of it in memory. */
const CONVERSIONS: Readonly<Record<string, number>> = {
  cvtsi2ss: 4,
  cvtsi2sd: 4,
  cvtss2si: 4,
  cvttss2si: 4,
  cvtsd2si: 8,
  cvttsd2si: 8,
  cvtss2sd: 4,
  cvtsd2ss: 8,
};

/** The plan for a form of SSE, if it has one. Forms on MMX registers have none. */
export function ssePlan(form: Form): QuickPlan | undefined {
  const { name } = form;
  if (form.operands.some(({ kind }) => kind === "mm" || kind === "mmm")) return undefined;
  const stores = form.places[0] === "rm";
  const both = (fast: string, size: number, aligned = size === 16): QuickPlan => ({
    register: fast,
    memory: fast,
    size,
    aligned,
    stores: false,
  });
  const arithmetic = /^(?:add|sub|mul|div|sqrt|min|max)([ps][sd])$/.exec(name);
  if (arithmetic) return both(name, SIZES[arithmetic[1]!]!);
  if (CONVERSIONS[name]) return both(name, CONVERSIONS[name]);
  if (LOGIC[name]) return both(`all_${LOGIC[name]}`, 16);
  if (INTEGERS.has(name) && form.operands[0]?.kind === "xmm") return both(`all_${name}`, 16);
  switch (name) {
    case "movaps":
    case "movapd":
    case "movdqa":
    case "movups":
    case "movupd":
    case "movdqu":
      return { ...both("move16", 16, /a/.test(name.slice(3))), stores };
    case "movss":
    case "movsd": {
      if (form.operands[0]?.kind !== "xmm" && form.operands[0]?.kind !== "xmmm") return undefined;
      const size = name === "movss" ? 4 : 8;
      return {
        register: stores ? undefined : `move${size}`,
        memory: stores ? `move${size}` : `load${size}`,
        size,
        aligned: false,
        stores,
      };
    }
    case "shufps":
    case "pshufd":
      return both(name, 16);
    default:
      return undefined;
  }
}

/** The same for one that compares numbers, where the function says how, and the flags are the caller's. */
export function comparisonPlan({ name }: Form): QuickPlan | undefined {
  const suffix = /^u?comi(s[sd])$/.exec(name)?.[1];
  if (suffix === undefined) return undefined;
  const fast = `com_${suffix}`;
  return { register: fast, memory: fast, size: SIZES[suffix]!, aligned: false, stores: false };
}

/** The plan for a form on MMX registers, if it has one; `names`: the functions that there are. */
export function mmxPlan({ name, operands, places }: Form, names: readonly string[]): QuickPlan | undefined {
  const [to, from] = operands.map(({ kind }) => kind);
  const isMm = (kind: string | undefined): boolean => kind === "mm" || kind === "mmm";
  const plan = (register: string, memory: string | undefined, size: number, stores = false): QuickPlan => ({
    register,
    memory,
    size,
    aligned: false,
    stores,
  });
  if (name === "movd" && isMm(to)) return plan("load4", "load4", 4);
  if (name === "movd" && isMm(from)) return plan("store4", "store4", 4, true);
  if (name === "emms") return plan("emms", undefined, 0);
  if (name === "movdq2q") return plan("load", undefined, 8);
  if (name === "movq2dq") return plan("to_xmm", undefined, 8);
  if (name === "pshufw") return plan("pshufw", "pshufw", 8);
  if (operands.length !== 2 || !isMm(to)) return undefined;
  const byConstant = `${name}_constant`;
  if (from === "imm") return names.includes(byConstant) ? plan(byConstant, undefined, 0) : undefined;
  if (!isMm(from)) return undefined;
  if (name === "movq") return places[0] === "rm" ? plan("load", "store", 8, true) : plan("load", "load", 8);
  return names.includes(name) ? plan(name, name, mmxSize(name)) : undefined;
}

// x87 --------------------------------------------------------------------------------------------------------

/** How a fast function is called for an instruction. */
export interface X87Plan {
  /** Its name in fast/x87.ts. */
  readonly name: string;
  /** Memory read or written, which is the first argument. */
  readonly memory: "read" | "write" | "none";
  /** Bytes of it. */
  readonly size: number;
  /** The arguments; "i" is the register that the opcode names. */
  readonly operands: readonly (number | "i")[];
}

const X87_SIZES: Readonly<Record<string, number>> = { m16: 2, m32: 4, m64: 8, m80: 10 };
const WITHOUT_OPERANDS: Readonly<Record<string, readonly [name: string, ...operands: number[]]>> = {
  fchs: ["chs"],
  fabs: ["abs"],
  fsqrt: ["sqrt"],
  ftst: ["tst"],
  fcompp: ["com", 1, 2],
  fucompp: ["com", 1, 2],
};

/** Those that no rounding mode changes: head, upper and lower half of the significand. */
const CONSTANTS: Readonly<Record<string, readonly number[]>> = {
  fldz: [0, 0, 0],
  fld1: [0x3fff, 1 << 31, 0],
};

/** The plan for a form of the x87, if it has one. */
export function x87Plan(form: Form): X87Plan | undefined {
  const simple = WITHOUT_OPERANDS[form.name];
  if (simple) return { name: simple[0], memory: "none", size: 0, operands: simple.slice(1) as number[] };
  const constant = CONSTANTS[form.name];
  if (constant) return { name: "ld_constant", memory: "none", size: 0, operands: constant };
  if (form.name === "fxch") return { name: "xch", memory: "none", size: 0, operands: ["i"] };
  const found = /^f(i?)(add|subr|sub|mul|divr|div|comp?|ucomp?|ld|sttp|stp|st)(p?)$/.exec(form.name);
  if (!found) return undefined;
  const [, integer, stem = ""] = found;
  const pops = found[3] === "p" || /(st|com)t?p$/.test(stem) ? 1 : 0;
  const operand = form.operands.find(({ kind }) => kind === "m");
  if (!operand) {
    if (stem === "ld") return { name: "ld", memory: "none", size: 0, operands: ["i"] };
    if (stem.startsWith("st")) {
      // The second encoding, D9 D8+i, takes no offence at an empty register.
      return { name: "st", memory: "none", size: 0, operands: ["i", pops] };
    }
    if (/com/.test(stem)) return { name: "com", memory: "none", size: 0, operands: ["i", pops] };
    const places = form.code === 0xd8 ? ([0, "i"] as const) : (["i", 0] as const);
    return { name: stem, memory: "none", size: 0, operands: [...places, pops] };
  }
  const size = X87_SIZES[operand.text];
  if (size === undefined) return undefined;
  const format = integer ? `i${size * 8}` : `m${size * 8}`;
  if (stem === "ld") return { name: `ld_${format}`, memory: "read", size, operands: [] };
  if (stem.startsWith("st")) {
    return { name: `st_${format}`, memory: "write", size, operands: [pops, stem === "sttp" ? 1 : 0] };
  }
  if (/com/.test(stem)) return { name: `com_${format}`, memory: "read", size, operands: [pops] };
  return { name: `${stem}_${format}`, memory: "read", size, operands: [] };
}

/** Conditions that the function for conditional moves is told: flags of which one must be set, and none where it says so. */
export const MOVES = { CF: 0x100, ZF: 0x200, PF: 0x400, NOT: 0x800 } as const;
const CONDITIONS: Readonly<Record<string, number>> = {
  b: MOVES.CF,
  e: MOVES.ZF,
  be: MOVES.CF | MOVES.ZF,
  u: MOVES.PF,
};

/** The same for a form that sets the flags, as what the function answers, or looks at them: they are the arm's. */
export function x87FlagsPlan({ name }: Form): { name: string; pops: number; condition: number } | undefined {
  if (/^fu?comip?$/.test(name)) return { name: "comi", pops: name.endsWith("p") ? 1 : 0, condition: 0 };
  const [, not, condition] = /^fcmov(n?)(be?|e|u)$/.exec(name) ?? [];
  if (condition === undefined) return undefined;
  return { name: "cmov", pops: 0, condition: CONDITIONS[condition]! | (not ? MOVES.NOT : 0) };
}

/** Of its control: the function works on places, as those of SSE do, and nothing is remembered. */
const CONTROL: Readonly<Record<string, QuickPlan>> = Object.fromEntries(
  (
    [
      ["fninit", "init", false],
      ["wait", "wait", false],
      ["fldcw", "ld_control", false],
      ["fnstcw", "st_control", true],
      ["fnstsw", "st_status", true],
    ] as const
  ).map(([name, fast, stores]) => [name, { register: fast, memory: fast, size: 2, aligned: false, stores }]),
);

export const controlPlan = ({ name }: Form): QuickPlan | undefined => CONTROL[name];
