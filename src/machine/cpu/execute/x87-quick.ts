/** Executors that try a fast function of the x87 (fast/x87.ts) first. */
import type { Form } from "../../../isa/index.ts";
import { FACT } from "../../memory/memory.ts";
import { fastX87 } from "../fast/index.ts";
import { type X87Plan, x87Plan } from "../fast/plans.ts";
import { Extended, Unit } from "../float/extended.ts";
import { constants, constant as loadConstant } from "../float/steps.ts";
import type { Executor } from "../operation.ts";
import { remember, rememberOperand } from "./x87-registers.ts";

export type QuickPlan = X87Plan;

const value = new Extended();

/** The plan for a form of the x87, if it has one. */
export function quickPlan(form: Form): QuickPlan | undefined {
  const constant = constants[form.name];
  if (!constant) return x87Plan(form);
  // Rounded to nearest, as the function wants it.
  loadConstant(new Unit(), constant, value);
  return { name: "ld_constant", memory: "none", size: 0, operands: [value.se, value.hi, value.lo] };
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
