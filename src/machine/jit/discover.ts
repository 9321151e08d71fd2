/**
 * Hot entry → region: the operations that can be reached from it by direct jumps, calls, the returns from those
 * calls, and tables of addresses. Only what the interpreter has decoded is taken, that is what was executed (or stood
 * behind what was): what never ran stays outside, and so does data behind code.
 */
import type { Code } from "../cpu/code.ts";
import { undefinedOpcode } from "../cpu/execute/system.ts";
import { GuestFault } from "../cpu/fault.ts";
import { OP } from "../cpu/op.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { WORD } from "../cpu/state.ts";
import { type Memory, RAM_BASE } from "../memory/memory.ts";

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

/** Addresses read from a table of jumps. */
const MOST_TARGETS = 256;

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
      return FLOW.BRANCH;
    case OP.INT:
      return FLOW.INTERRUPT;
    case OP.DECODE:
    case OP.FORWARD:
    case OP.EXIT:
      return FLOW.LEAVE;
    case OP.JUMP:
      // Those without an arm of the interpreter: jp, jnp, jecxz.
      if (op.operandSize === 32 && op.kind1 === KIND.IMMEDIATE && op.addressMask === -1) {
        if (form!.condition >= 0 || form!.name === "jecxz") return FLOW.BRANCH;
      }
      return FLOW.LEAVE;
    default:
      return FLOW.NEXT;
  }
}

export interface Found {
  /** By address, signed. */
  readonly operations: Map<number, Operation>;
  /** Addresses at which a block begins. */
  readonly leaders: Set<number>;
  /** Leaders that indirect jumps and returns may lead to. */
  readonly targets: Set<number>;
}

/** `ahead`: what is not decoded yet is, as far as that can be. */
export function discover(
  code: Code,
  memory: Memory,
  entry: number,
  { ahead, most }: { ahead: boolean; most: number },
): Found {
  const operations = new Map<number, Operation>();
  const leaders = new Set<number>([entry]);
  const targets = new Set<number>([entry]);
  const wanted = [entry];
  const want = (address: number): void => {
    leaders.add(address);
    wanted.push(address);
  };
  for (let i = 0; i < wanted.length; i++) {
    for (let address = wanted[i]!; !operations.has(address); ) {
      const op = ahead ? decoded(code, address) : code.known(address);
      if (op === undefined || op.op === OP.DECODE || operations.size >= most) break;
      operations.set(address, op);
      const flow = flowOf(op);
      if (flow === FLOW.BRANCH || flow === FLOW.JUMP || flow === FLOW.CALL) want(op.immediate);
      if (flow === FLOW.CALL || flow === FLOW.CALL_INDIRECT || flow === FLOW.INTERRUPT) {
        targets.add(op.following);
        want(op.following);
      }
      if (flow === FLOW.JUMP_INDIRECT || flow === FLOW.CALL_INDIRECT) {
        for (const target of tableOf(op, memory)) {
          targets.add(target);
          want(target);
        }
      }
      if (flow === FLOW.BRANCH) want(op.following);
      if (flow !== FLOW.NEXT) break;
      address = op.following;
    }
  }
  for (const set of [leaders, targets]) {
    for (const address of set) if (!operations.has(address)) set.delete(address);
  }
  return { operations, leaders, targets };
}

function decoded(code: Code, address: number): Operation | undefined {
  const op = code.at(address);
  if (op.op === OP.DECODE) {
    try {
      code.decode(op);
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      return undefined;
    }
  }
  return op;
}

/** The addresses in the table that `jmp [table+index*4]` goes by, as far as they look like addresses of code. */
function* tableOf(op: Operation, memory: Memory): Generator<number> {
  if (op.kind1 !== KIND.M32 || op.scale !== 2 || op.base !== WORD.ZERO || op.index === WORD.ZERO) return;
  const table = op.displacement >>> 0;
  for (let i = 0; i < MOST_TARGETS; i++) {
    const at = table + 4 * i;
    if (!memory.isMapped(at, 4, "read")) return;
    const target = memory.view.getInt32(RAM_BASE + at, true);
    if (!memory.isMapped(target >>> 0, 1, "read") || Math.abs((target >>> 0) - table) > 0x1_0000) return;
    yield target;
  }
}
