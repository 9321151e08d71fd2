/** Executors that try a fast function of MMX or SSE (fast/mmx.ts, fast/sse.ts) first. */
import { FACT } from "../../memory/memory.ts";
import { fastMmx, fastSse } from "../fast/index.ts";
import type { QuickPlan } from "../fast/plans.ts";
import { type Executor, namesMemory } from "../operation.ts";
import type { Processor } from "../processor.ts";

/** Tries the fast function, and otherwise leaves everything to `general`. */
export function quickly(plan: QuickPlan, general: Executor, isMmx = false): Executor {
  const { size, stores } = plan;
  const family = isMmx ? fastMmx : fastSse;
  const functions = isMmx ? (cpu: Processor) => cpu.fastMmx : (cpu: Processor) => cpu.fastSse;
  const numberOf = (name: string | undefined): number => (name === undefined ? -1 : family.number(name));
  const register = numberOf(plan.register);
  const memory = numberOf(plan.memory);
  const misaligned = plan.aligned ? 15 : 0;
  const right = stores ? FACT.WRITE : FACT.READ;
  return (cpu, op) => {
    if (!namesMemory(op)) {
      if (register < 0 || !functions(cpu)[register]!(op.a << 2, op.b << 2, op.immediate)) general(cpu, op);
      return;
    }
    const at = cpu.place(op, size, right);
    const isMissed = memory < 0 || at === 0 || (at & misaligned) !== 0;
    const to = stores ? at : op.a << 2;
    if (isMissed || !functions(cpu)[memory]!(to, stores ? op.b << 2 : at, op.immediate)) general(cpu, op);
  };
}
