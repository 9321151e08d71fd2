/**
 * Instructions of the x87, MMX and SSE whose arm calls a fast function (fast/): which one, and what the record says for it.
 * The function answers 0 where it has done nothing; then the instruction is executed by its function in execute/.
 */
import type { Form } from "../../isa/index.ts";
import { isX87 } from "./execute/units.ts";
import { type Family, fastMmx, fastSse, fastX87 } from "./fast/index.ts";
import {
  comparisonPlan,
  controlPlan,
  mmxPlan,
  type QuickPlan,
  ssePlan,
  x87FlagsPlan,
  x87Plan,
} from "./fast/plans.ts";
import { FAST, OP, WANTS_FLAGS } from "./op.ts";
import type { Operation } from "./operation.ts";

export interface Call {
  readonly op: number;
  /** The function's place in the table. */
  readonly which: number;
  /** Writes into the record of an operation what its fields do not say. */
  readonly pack: (op: Operation) => void;
}

/** A form with its operand in memory, or without one. */
export function callOf(form: Form, inMemory: boolean): Call | undefined {
  const control = controlPlan(form);
  if (control) return placesCall(control, FAST.X87, fastX87, inMemory);
  if (isX87(form)) return x87Call(form) ?? flagsCall(form);
  const ofSse = ssePlan(form) ?? comparisonPlan(form);
  if (ofSse) return placesCall(ofSse, FAST.SSE, fastSse, inMemory);
  const ofMmx = mmxPlan(form, fastMmx.names);
  return ofMmx && placesCall(ofMmx, FAST.MMX, fastMmx, inMemory);
}

/** Of a function that works on the places of the operands. */
function placesCall(plan: QuickPlan, first: number, family: Family, inMemory: boolean): Call | undefined {
  const name = inMemory ? plan.memory : plan.register;
  if (name === undefined) return undefined;
  const which = first + family.number(name);
  if (!inMemory) return { op: OP.FAST_RR, which, pack: () => {} };
  const access = (plan.size - 1) | (plan.aligned ? 15 << 8 : 0);
  return plan.stores
    ? { op: OP.FAST_MR, which, pack: (op) => op.packPlaces(access, undefined) }
    : { op: OP.FAST_RM, which, pack: (op) => op.packPlaces(undefined, access) };
}

function x87Call(form: Form): Call | undefined {
  const plan = x87Plan(form);
  if (plan === undefined) return undefined;
  const { memory, size, operands } = plan;
  const which = FAST.X87 + fastX87.number(plan.name);
  const argument = (op: Operation, at: number): number => {
    const operand = operands[at] ?? 0;
    return operand === "i" ? op.extra & 7 : operand;
  };
  if (memory === "none") {
    const pack = (op: Operation): void => {
      op.packPlaces(argument(op, 0), op.extra);
      op.packDisplacement(argument(op, 1));
      op.immediate = argument(op, 2);
    };
    return { op: OP.X87_R, which, pack };
  }
  const pack = (op: Operation): void => {
    op.packPlaces(argument(op, 0) | (argument(op, 1) << 8), (size - 1) | (memory === "write" ? 1 << 8 : 0));
    op.immediate = op.extra | (op.segment << 16);
  };
  return { op: OP.X87_M, which, pack };
}

function flagsCall(form: Form): Call | undefined {
  const plan = x87FlagsPlan(form);
  if (plan === undefined) return undefined;
  const { name, pops, condition } = plan;
  const pack = (op: Operation): void => {
    op.packPlaces((op.extra & 7) | condition, op.extra);
    op.packDisplacement(pops);
    op.immediate = condition === 0 ? 0 : WANTS_FLAGS;
  };
  return { op: OP.X87_R, which: FAST.X87 + fastX87.number(name), pack };
}
