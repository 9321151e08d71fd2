/** Which instructions of the x87 have a fast function (fast/x87.ts), and the executors that try it first. */
import type { Form } from "../../../isa/index.ts";
import { FACT } from "../../memory/memory.ts";
import { fastX87 } from "../fast/index.ts";
import { Extended, Unit } from "../float/extended.ts";
import { constants, constant as loadConstant } from "../float/steps.ts";
import type { Executor } from "../operation.ts";
import { remember, rememberOperand } from "./x87-registers.ts";

/** How a fast function is called for an instruction. */
export interface QuickPlan {
  /** Its name in fast/x87.ts. */
  readonly name: string;
  /** Memory read or written, which is the first argument. */
  readonly memory: "read" | "write" | "none";
  /** Bytes of it. */
  readonly size: number;
  /** The arguments; "i" is the register that the opcode names. */
  readonly operands: readonly (number | "i")[];
}

const SIZES: Readonly<Record<string, number>> = { m16: 2, m32: 4, m64: 8, m80: 10 };
const WITHOUT_OPERANDS: Readonly<Record<string, readonly [name: string, ...operands: number[]]>> = {
  fchs: ["chs"],
  fabs: ["abs"],
  ftst: ["tst"],
  fcompp: ["com", 1, 2],
  fucompp: ["com", 1, 2],
};

const value = new Extended();

/** The plan for a form of the x87, if it has one. */
export function quickPlan(form: Form): QuickPlan | undefined {
  const simple = WITHOUT_OPERANDS[form.name];
  if (simple) return { name: simple[0], memory: "none", size: 0, operands: simple.slice(1) as number[] };
  const constant = constants[form.name];
  if (constant) {
    // Rounded to nearest, as the function wants it.
    loadConstant(new Unit(), constant, value);
    return { name: "ld_constant", memory: "none", size: 0, operands: [value.se, value.hi, value.lo] };
  }
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
  const size = SIZES[operand.text];
  if (size === undefined) return undefined;
  const format = integer ? `i${size * 8}` : `m${size * 8}`;
  if (stem === "ld") return { name: `ld_${format}`, memory: "read", size, operands: [] };
  if (stem.startsWith("st")) {
    return { name: `st_${format}`, memory: "write", size, operands: [pops, stem === "sttp" ? 1 : 0] };
  }
  if (/com/.test(stem)) return { name: `com_${format}`, memory: "read", size, operands: [pops] };
  return { name: `${stem}_${format}`, memory: "read", size, operands: [] };
}

/** Tries the fast function, and otherwise leaves everything to `general`. */
export function quickly({ name, memory, size, operands }: QuickPlan, general: Executor): Executor {
  const number = fastX87.number(name);
  if (memory === "none") {
    const mask = (which: number) => (operands[which] === "i" ? 7 : 0);
    const value = (which: number) => (operands[which] === "i" ? 0 : ((operands[which] ?? 0) as number));
    const [mask0, mask1] = [mask(0), mask(1)];
    const [value0, value1, value2] = [value(0), value(1), value(2)];
    return (cpu, op) => {
      const i = op.extra;
      if (cpu.fastX87[number]!((i & mask0) | value0, (i & mask1) | value1, value2)) remember(cpu, op);
      else general(cpu, op);
    };
  }
  const right = memory === "read" ? FACT.READ : FACT.WRITE;
  const [first, second] = operands as number[];
  const b = first ?? 0;
  const c = second ?? 0;
  return (cpu, op) => {
    const at = cpu.place(op, size, right);
    if (at !== 0 && cpu.fastX87[number]!(at, b, c)) rememberOperand(cpu, op);
    else general(cpu, op);
  };
}
