/** Where control goes behind an operation. */
import { undefinedOpcode } from "../cpu/execute/system.ts";
import { OP } from "../cpu/op.ts";
import { KIND, type Operation } from "../cpu/operation.ts";

/** How an operation goes on. */
export const FLOW = {
  NEXT: 0,
  /** Conditional jump. */
  BRANCH: 1,
  JUMP: 2,
  CALL: 3,
  RETURN: 4,
  JUMP_INDIRECT: 5,
  CALL_INDIRECT: 6,
  INTERRUPT: 7,
  /** Through the interpreter's executor, then goes on. */
  EXECUTE: 8,
  /** The interpreter must do it, outside of the region. */
  LEAVE: 9,
} as const;

export function flowOf(op: Operation): number {
  const { op: number, form } = op;
  // Its form may be one that LOCK makes wrong.
  if (op.execute === undefinedOpcode) return FLOW.LEAVE;
  if (number >= OP.JO && number <= OP.JG) return FLOW.BRANCH;
  switch (number) {
    case OP.JMP:
      return FLOW.JUMP;
    case OP.CALL:
      return FLOW.CALL;
    case OP.RET:
      return FLOW.RETURN;
    case OP.JMP_R:
    case OP.JMP_M:
      return FLOW.JUMP_INDIRECT;
    case OP.CALL_R:
    case OP.CALL_M:
      return FLOW.CALL_INDIRECT;
    case OP.LOOP:
    case OP.JECXZ:
      return FLOW.BRANCH;
    case OP.INT:
      return FLOW.INTERRUPT;
    case OP.EXIT:
      // What else it may change is looked at where it is lowered.
      return form?.name === "popfd" ? FLOW.NEXT : FLOW.LEAVE;
    case OP.DECODE:
    case OP.FORWARD:
    case OP.BREAK:
      return FLOW.LEAVE;
    case OP.JUMP:
      // Those without an arm of the interpreter: jp, jnp, loope, loopne.
      if (op.operandSize === 32 && op.kind1 === KIND.IMMEDIATE && op.addressMask === -1) {
        if (form!.condition >= 0 || /^(jecxz|loopn?e)$/.test(form!.name)) return FLOW.BRANCH;
      }
      return FLOW.LEAVE;
    default:
      return FLOW.NEXT;
  }
}
