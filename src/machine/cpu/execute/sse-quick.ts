/** Which instructions on XMM registers have a fast function (fast/sse.ts), and the executors that try it first. */
import type { Form } from "../../../isa/index.ts";
import { FACT } from "../../memory/memory.ts";
import { fastMmx, fastSse, mmxSize } from "../fast/index.ts";
import { type Executor, KIND } from "../operation.ts";

/** How a fast function is called for an instruction. */
export interface QuickPlan {
  /** Its name in fast/sse.ts, for a second operand in a register; where there is none, that is left to the executor. */
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
    "pcmpgtd paddq psubq punpcklbw punpckhbw punpcklwd punpckhwd punpckldq punpckhdq punpcklqdq punpckhqdq"
  ).split(" "),
);

/** The plan for a form of SSE, if it has one. Forms on MMX registers have none. */
export function quickPlan(form: Form): QuickPlan | undefined {
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

/** An executor that tries the fast function of MMX (fast/mmx.ts) first; undefined where there is none. */
export function quicklyMmx(form: Form, general: Executor): Executor | undefined {
  const { name, operands } = form;
  const [to, from] = operands.map(({ kind }) => kind);
  const isMm = (kind: string | undefined): boolean => kind === "mm" || kind === "mmm";
  if (operands.length !== 2 || !isMm(to) || !isMm(from)) return undefined;
  if (name === "movq") {
    const load = fastMmx.number("load");
    const store = fastMmx.number("store");
    if (form.places[0] !== "rm") return ofPlace(load, 8, general);
    return (cpu, op) => {
      const at = op.kind1 === KIND.VECTOR ? op.a << 2 : cpu.place(op, 8, FACT.WRITE);
      const number = op.kind1 === KIND.VECTOR ? load : store;
      if (at === 0 || !cpu.fastMmx[number]!(at, op.b << 2, 0)) general(cpu, op);
    };
  }
  return fastMmx.names.includes(name) ? ofPlace(fastMmx.number(name), mmxSize(name), general) : undefined;
}

/** To an MMX register from another, or from memory. */
const ofPlace =
  (number: number, size: number, general: Executor): Executor =>
  (cpu, op) => {
    const at = op.kind2 === KIND.VECTOR ? op.b << 2 : cpu.place(op, size, FACT.READ);
    if (at === 0 || !cpu.fastMmx[number]!(op.a << 2, at, 0)) general(cpu, op);
  };

/** Tries the fast function, and otherwise leaves everything to `general`. */
export function quickly(plan: QuickPlan, general: Executor): Executor {
  const { size, stores } = plan;
  const register = plan.register === undefined ? -1 : fastSse.number(plan.register);
  const memory = plan.memory === undefined ? -1 : fastSse.number(plan.memory);
  const misaligned = plan.aligned ? 15 : 0;
  if (stores) {
    return (cpu, op) => {
      if (op.kind1 === KIND.VECTOR) {
        if (register < 0) general(cpu, op);
        else cpu.fastSse[register]!(op.a << 2, op.b << 2, 0) || general(cpu, op);
        return;
      }
      const at = cpu.place(op, size, FACT.WRITE);
      if (at === 0 || at & misaligned || !cpu.fastSse[memory]!(at, op.b << 2, 0)) general(cpu, op);
    };
  }
  return (cpu, op) => {
    if (op.kind2 === KIND.VECTOR) {
      if (!cpu.fastSse[register]!(op.a << 2, op.b << 2, op.immediate)) general(cpu, op);
      return;
    }
    const at = cpu.place(op, size, FACT.READ);
    if (at === 0 || at & misaligned || !cpu.fastSse[memory]!(op.a << 2, at, op.immediate)) general(cpu, op);
  };
}
