/** Region of operations → region of blocks in IR: the flow of control; lower.ts and its likes do the rest. */
import type { Core } from "../cpu/engine.ts";
import { OP } from "../cpu/op.ts";
import type { Operation } from "../cpu/operation.ts";
import { ECX, ESP } from "../cpu/state.ts";
import { FLOW, type Found, flowOf } from "./discover.ts";
import { Block, Builder, type Fixed, type Region, type Target, type Value } from "./ir.ts";
import { Lowering, lowerInteger } from "./lower.ts";
import { lowerSse } from "./lower-sse.ts";
import { lowerX87 } from "./lower-x87.ts";
import { W } from "./wasm/opcodes.ts";

/**
 * Lowers one operation, which goes on with the next. All of it and true, or nothing and false: then the next family
 * is asked, and at last the operation is executed through the interpreter's executor.
 */
export type Family = (l: Lowering, op: Operation) => boolean;

const families: readonly Family[] = [lowerInteger, lowerX87, lowerSse];

export function lift(core: Core, found: Found, entry: number, fixed: Fixed): Region {
  const { operations, leaders, targets } = found;
  const blocks: Block[] = [];
  const byAddress = new Map<number, Block>();
  const add = (address: number): Block => {
    const block = new Block(blocks.length, address);
    blocks.push(block);
    return block;
  };
  // The entry first.
  byAddress.set(entry, add(entry));
  for (const address of leaders) if (address !== entry) byAddress.set(address, add(address));
  const to = (address: number): Target => ({ block: byAddress.get(address)?.index ?? -1, address });

  const pending = [...blocks];
  for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
    const rest = liftBlock(core, operations, block, to, fixed);
    if (rest !== undefined) {
      // Behind an operation that was executed through its executor.
      const next = byAddress.get(rest.address) ?? add(rest.address);
      if (!byAddress.has(rest.address)) {
        byAddress.set(rest.address, next);
        pending.push(next);
      }
      rest.block = next.index;
    }
  }
  return { blocks, entries: [...targets].map((address) => byAddress.get(address)!.index) };
}

/** Fills a block. Answers a target that must become one. */
function liftBlock(
  core: Core,
  operations: ReadonlyMap<number, Operation>,
  block: Block,
  to: (address: number) => Target,
  fixed: Fixed,
): Target | undefined {
  const b = new Builder(block, fixed);
  const l = new Lowering(core, b);
  for (let address = block.address; ; ) {
    const op = operations.get(address);
    if (address !== block.address && to(address).block >= 0) {
      b.end({ kind: "goto", target: to(address) });
      return undefined;
    }
    if (op === undefined) {
      b.end({ kind: "goto", target: to(address) });
      return undefined;
    }
    b.eip = address;
    const flow = flowOf(op);
    if (flow !== FLOW.NEXT) {
      liftEnd(l, op, flow, to);
      return undefined;
    }
    if (!families.some((family) => family(l, op))) {
      if (op.soft) {
        // Its record may be behind what compiled code has written.
        b.end({ kind: "interpret", eip: address });
        return undefined;
      }
      block.count++;
      const target = to(op.following);
      b.end({ kind: "execute", operation: op, target });
      return target.block < 0 && operations.has(op.following) ? target : undefined;
    }
    block.count++;
    address = op.following;
  }
}

function liftEnd(l: Lowering, op: Operation, flow: number, to: (address: number) => Target): void {
  const { b } = l;
  const { block } = b;
  const push = (): void => {
    const esp = l.add(b.get(ESP), -4);
    l.storePlain(esp, 4, b.const(op.following));
    b.set(ESP, esp);
  };
  const checkPush = (): void => b.check(l.add(b.get(ESP), -4), 4, true);
  const target = (): Value => {
    const place = l.place(op, false);
    return l.value(op, op.kind1, op.a, place);
  };
  switch (flow) {
    case FLOW.BRANCH:
      block.count++;
      b.end({
        kind: "branch",
        condition: branchCondition(l, op),
        yes: to(op.immediate),
        no: to(op.following),
      });
      return;
    case FLOW.JUMP:
      block.count++;
      b.end({ kind: "goto", target: to(op.immediate) });
      return;
    case FLOW.CALL:
      checkPush();
      push();
      block.count++;
      b.end({ kind: "goto", target: to(op.immediate) });
      return;
    case FLOW.RETURN: {
      const esp = b.get(ESP);
      b.check(esp, 4, false);
      const address = l.loadPlain(esp, 4);
      b.set(ESP, l.add(esp, op.immediate));
      block.count++;
      b.end({ kind: "indirect", target: address, likely: undefined });
      return;
    }
    case FLOW.JUMP_INDIRECT: {
      const address = target();
      block.count++;
      b.end({ kind: "indirect", target: address, likely: undefined });
      return;
    }
    case FLOW.CALL_INDIRECT: {
      checkPush();
      const address = target();
      push();
      block.count++;
      b.end({ kind: "indirect", target: address, likely: undefined });
      return;
    }
    case FLOW.INTERRUPT:
      block.count++;
      b.end({ kind: "interrupt", vector: op.immediate, eip: op.following });
      return;
    default:
      b.end({ kind: "interpret", eip: op.address });
  }
}

function branchCondition(l: Lowering, op: Operation): Value {
  const { b } = l;
  if (op.op === OP.LOOP) {
    const count = l.add(b.get(ECX), -1);
    b.set(ECX, count);
    return b.pure(W.i32_ne, count, b.const(0));
  }
  if (op.op === OP.JUMP && op.form!.condition < 0) return b.pure(W.i32_eqz, b.get(ECX));
  return l.condition(op.form!.condition);
}
