/** Region of operations → region of blocks in IR: the flow of control; lower-*.ts do the rest. */
import { isVector, isX87 } from "../cpu/execute/units.ts";
import { OP } from "../cpu/op.ts";
import type { Operation } from "../cpu/operation.ts";
import { ECX, ESP, STATE } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { W } from "../wasm/index.ts";
import { type Context, contextOf, type Found, keyOf, type Place } from "./discover.ts";
import { FLOW, flowOf } from "./flow.ts";
import type { Guesses } from "./guesses.ts";
import { Block, Builder, type Fixed, type Region, SLOT, type Target, type Value } from "./ir.ts";
import { Lowering } from "./lower.ts";
import { lowerConversions } from "./lower-convert.ts";
import { lowerGeneral } from "./lower-general.ts";
import { lowerInteger } from "./lower-integer.ts";
import { lowerPacked } from "./lower-packed.ts";
import { lowerSse } from "./lower-sse.ts";
import { lowerX87, moveTopBehind } from "./lower-x87.ts";
import type { Optimisation } from "./optimisations.ts";
import { successors } from "./structure.ts";

/**
 * Lowers one operation, which goes on with the next. All of it and true, or nothing and false: then the next family
 * is asked, and at last the operation is executed through the interpreter's executor. Programs that have no numbers but
 * integers do not load the families of the others, and most not those of what is rare.
 */
function lower(l: Lowering, op: Operation): boolean {
  if (lowerInteger(l, op)) return true;
  const { form } = op;
  if (form === undefined) return false;
  if (isX87(form)) return lowerX87(l, op);
  if (isVector(form)) return lowerSse(l, op) || lowerPacked(l, op) || lowerConversions(l, op);
  return lowerGeneral(l, op);
}

export function lift(
  words: Int32Array,
  found: Found,
  entry: number,
  fixed: Fixed,
  guesses: Guesses,
  without?: Optimisation,
): Region {
  // Where ways with different tops meet, none is guessed; that is known only when all of them are.
  const mixed = new Set<number>();
  for (;;) {
    const before = mixed.size;
    guesses.status.clear();
    const region = lifted(words, found, entry, fixed, guesses, mixed, without);
    if (mixed.size === before) return region;
  }
}

function lifted(
  words: Int32Array,
  found: Found,
  entry: number,
  fixed: Fixed,
  guesses: Guesses,
  mixed: Set<number>,
  without: Optimisation | undefined,
): Region {
  const { leaders, places, targets } = found;
  const blocks: Block[] = [];
  const byPlace = new Map<number, Block>();
  const contexts: (Context | undefined)[] = [];
  const add = ({ address, context }: Place): Block => {
    const block = new Block(blocks.length, address, context?.id);
    blocks.push(block);
    contexts.push(context);
    byPlace.set(keyOf(address, context), block);
    return block;
  };
  // The entry first.
  add({ address: entry, context: undefined });
  for (const [key, place] of leaders) if (!byPlace.has(key)) add(place);
  const to: To = (address, context) => ({
    block: byPlace.get(keyOf(address, context))?.index ?? -1,
    address,
  });
  /** What the top of the x87's stack is guessed to be as a block begins. */
  const tops = new Map<number, number | undefined>();
  const hasX87 = usesX87(found);
  const arrive = (key: number, top: number | undefined): void => {
    if (!hasX87) return;
    if (!tops.has(key)) tops.set(key, mixed.has(key) ? undefined : top);
    else if (tops.get(key) !== top && tops.get(key) !== undefined) mixed.add(key);
  };
  const key = (block: number): number => keyOf(blocks[block]!.address, contexts[block]);

  const entries = [...targets].map((address) => byPlace.get(keyOf(address, undefined))!.index);
  const heads = headsOf(found);
  // Only what can be reached: what goes on in an earlier block may not be.
  const open = [...entries].reverse();
  const seen = new Set<number>();
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    if (seen.has(i)) continue;
    seen.add(i);
    const block = blocks[i]!;
    const context = contexts[i];
    // Nobody has come by: as it is now, or there is nothing to go by.
    if (hasX87 && !tops.has(key(i)))
      tops.set(key(i), i === 0 ? (words[STATE.X87_STATUS >> 2]! >> TOP_SHIFT) & 7 : undefined);
    const b = new Builder(block, fixed, without);
    const l = new Lowering(words, b, guesses, hasX87 ? tops.get(key(i)) : undefined);
    const leads: To = (address, of) => {
      const target = to(address, of);
      if (hasX87 && target.block >= 0) arrive(keyOf(address, of), l.top);
      return target;
    };
    const rest = liftBlock(found, heads, l, context, leads);
    // Behind an operation that was executed through its executor.
    if (rest !== undefined) {
      const { target } = rest;
      const place = { address: target.address, context: rest.context };
      const behind = keyOf(place.address, place.context);
      if (places.has(behind)) target.block = (byPlace.get(behind) ?? add(place)).index;
      arrive(behind, l.top);
    }
    open.push(...successors(block).reverse());
  }
  return { blocks, entries };
}

/** Whether the top of the x87's stack matters. */
function usesX87({ operations }: Found): boolean {
  for (const { form } of operations.values())
    if (form !== undefined && (isX87(form) || isVector(form))) return true;
  return false;
}

/** Where a jump leads back to. */
function headsOf({ operations }: Found): Set<number> {
  const heads = new Set<number>();
  operations.forEach((op, address) => {
    if (op.immediate > address) return;
    const flow = flowOf(op);
    if (flow === FLOW.BRANCH || flow === FLOW.JUMP) heads.add(op.immediate);
  });
  return heads;
}

const TOP_SHIFT = 11;
const REPE = 0xf3;

type To = (address: number, context: Context | undefined) => Target;

/** Instructions and values of a loop's rounds that are put one after another, and how many rounds. */
const MOST_UNROLLED = 28;
const MOST_UNROLLED_VALUES = 90;
const MOST_ROUNDS = 4;

/**
 * The way round from an address back to it, as addresses, when that is where a short loop begins, without calls and
 * without loops in it: such loops become one block, several rounds long, from which other ways part.
 */
function roundFrom(
  { operations, places }: Found,
  start: number,
  context: Context | undefined,
): readonly number[] | undefined {
  const way: number[] = [];
  const search = (from: number, branches: number): boolean => {
    const length = way.length;
    for (let address = from; way.length < MOST_UNROLLED; ) {
      const op = operations.get(address);
      if (op === undefined || !places.has(keyOf(address, context)) || way.includes(address)) break;
      way.push(address);
      const flow = flowOf(op);
      const jumps = flow === FLOW.JUMP || flow === FLOW.BRANCH;
      // Backwards it goes to the beginning, or nowhere.
      if (jumps && op.immediate === start && address >= start) return true;
      if (jumps && op.immediate <= address) break;
      if (flow === FLOW.NEXT) address = op.following;
      else if (flow === FLOW.JUMP) address = op.immediate;
      else if (flow === FLOW.BRANCH && branches > 0) {
        if (search(op.following, branches - 1) || search(op.immediate, branches - 1)) return true;
        break;
      } else break;
    }
    way.length = length;
    return false;
  };
  return search(start, MOST_BRANCHES) ? way : undefined;
}

/** Branches on the way round a loop that is unrolled. */
const MOST_BRANCHES = 3;

/** A block of so many instructions does not go on in a callee, or behind a call. */
const MOST_JOINED = 24;

/** The instruction of a call, with its target left open. */
function call({ b }: Lowering, op: Operation, target?: () => Value): Value | undefined {
  const esp = b.pure(W.i32_add, b.get(ESP), b.const(-4));
  b.check(esp, 4, true);
  const address = target?.();
  b.store(W.i32_store, esp, b.const(op.following), RAM_BASE);
  b.set(ESP, esp);
  b.block.count++;
  return address;
}

/** A return, but for where it leads. */
function takeReturn(l: Lowering, op: Operation): Value {
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 4, false);
  const address = l.loadPlain(esp, 4);
  b.set(ESP, l.add(esp, 4 + (op.immediate & 0xffff)));
  b.block.count++;
  return address;
}

/** A target that may have to become a block. */
interface Rest {
  readonly target: Target;
  readonly context: Context | undefined;
}

/** Fills a block, which begins in `context`. Answers what is behind an operation that an executor does. */
function liftBlock(
  found: Found,
  heads: ReadonlySet<number>,
  l: Lowering,
  context: Context | undefined,
  to: To,
): Rest | undefined {
  const { operations, places } = found;
  const { b } = l;
  const { block, without } = b;
  const round =
    without === "unrolling" || !heads.has(block.address)
      ? undefined
      : roundFrom(found, block.address, context);
  /** Rounds that follow, and how far this one has come. */
  let rounds = round === undefined ? 0 : Math.min(MOST_ROUNDS, Math.ceil(MOST_UNROLLED / round.length)) - 1;
  let step = 0;
  /** Where a call or a return has led that goes on in this block. */
  let joined = -1;
  for (let address = block.address; ; ) {
    const op = operations.get(address);
    const onRound = round !== undefined && step < round.length;
    if (
      !onRound &&
      address !== joined &&
      (address !== block.address || step > 0) &&
      to(address, context).block >= 0
    ) {
      b.end({ kind: "goto", target: to(address, context) });
      return undefined;
    }
    if (op === undefined || !places.has(keyOf(address, context))) {
      b.end({ kind: "goto", target: { block: -1, address } });
      return undefined;
    }
    b.eip = address;
    joined = -1;
    const flow = flowOf(op);
    step++;
    if (onRound && step === round.length && rounds > 0 && block.values.length < MOST_UNROLLED_VALUES) {
      rounds--;
      step = 0;
    }
    if (onRound && (flow === FLOW.JUMP || flow === FLOW.BRANCH) && step < round.length) {
      block.count++;
      const next = round[step]!;
      if (flow === FLOW.BRANCH) {
        const condition = branchCondition(l, op);
        // Where both ways lead to the same place there is nothing to part.
        if (op.immediate !== op.following) {
          const yes = next === op.immediate;
          b.part(
            yes ? b.pure(W.i32_eqz, condition) : condition,
            to(yes ? op.following : op.immediate, context),
          );
        }
      }
      address = next;
      continue;
    }
    if (block.count < MOST_JOINED && without !== "joining") {
      const callee = flow === FLOW.CALL ? contextOf(found, address, context, op.immediate) : undefined;
      if (callee !== undefined && places.has(keyOf(op.immediate, callee))) {
        call(l, op);
        context = callee;
        address = joined = op.immediate;
        continue;
      }
      if (
        flow === FLOW.RETURN &&
        context !== undefined &&
        places.has(keyOf(context.returns, context.parent))
      ) {
        b.astray(takeReturn(l, op), context.returns);
        address = joined = context.returns;
        context = context.parent;
        continue;
      }
    }
    if (flow !== FLOW.NEXT) {
      liftEnd(l, op, flow, found, context, to);
      return undefined;
    }
    if (op.differs || !lower(l, op)) {
      if (op.soft || op.op === OP.EXIT) {
        // Its record may be behind what compiled code has written; or it may change what compiled code relies on.
        b.end({ kind: "interpret", eip: address });
        return undefined;
      }
      block.count++;
      if (op.form !== undefined && isX87(op.form)) moveTopBehind(l, op.form);
      const target = to(op.following, context);
      b.end({ kind: "execute", operation: op, target });
      return target.block < 0 ? { target, context } : undefined;
    }
    block.count++;
    address = op.following;
  }
}

function liftEnd(
  l: Lowering,
  op: Operation,
  flow: number,
  found: Found,
  context: Context | undefined,
  to: To,
): void {
  const { b } = l;
  const { block } = b;
  const target = (): Value => {
    const place = l.place(op, false);
    return l.value(op, op.kind1, op.a, place);
  };
  const guessed = (isCall: boolean): Target[] =>
    (found.guesses.get(op.address) ?? [])
      .map((address) => to(address, isCall ? contextOf(found, op.address, context, address) : context))
      .filter((each) => each.block >= 0);
  switch (flow) {
    case FLOW.BRANCH:
      block.count++;
      b.end({
        kind: "branch",
        condition: branchCondition(l, op),
        yes: to(op.immediate, context),
        no: to(op.following, context),
      });
      return;
    case FLOW.JUMP:
      block.count++;
      b.end({ kind: "goto", target: to(op.immediate, context) });
      return;
    case FLOW.CALL:
      call(l, op);
      b.end({ kind: "goto", target: to(op.immediate, contextOf(found, op.address, context, op.immediate)) });
      return;
    case FLOW.RETURN: {
      const address = takeReturn(l, op);
      const likely = context === undefined ? [] : [to(context.returns, context.parent)];
      b.end({ kind: "indirect", target: address, cases: likely });
      return;
    }
    case FLOW.JUMP_INDIRECT: {
      const address = target();
      block.count++;
      const table = found.tables.get(op.address) ?? [];
      const inTable = [...new Set(table)].map((each) => to(each, context)).filter(({ block }) => block >= 0);
      const cases = inTable.length > 0 ? inTable : guessed(false);
      const jump = found.guesses.has(op.address) ? op : undefined;
      const numbers = new Map(cases.map(({ address }, i) => [address, i]));
      const choice = { index: b.get(op.index), cases: table.map((each) => numbers.get(each) ?? -1) };
      b.end({ kind: "indirect", target: address, cases, jump, ...(inTable.length > 1 && { choice }) });
      return;
    }
    case FLOW.CALL_INDIRECT: {
      const address = call(l, op, target)!;
      b.end({ kind: "indirect", target: address, cases: guessed(true), jump: op });
      return;
    }
    case FLOW.INTERRUPT:
      block.count++;
      l.joinFlags();
      b.end({ kind: "interrupt", vector: op.immediate & 0xff, target: to(op.following, context) });
      return;
    default:
      b.end({ kind: "interpret", eip: op.address });
  }
}

function branchCondition(l: Lowering, op: Operation): Value {
  const { b } = l;
  if (op.form!.name.startsWith("loop")) {
    const count = l.add(b.get(ECX), -1);
    b.set(ECX, count);
    const goesOn = b.pure(W.i32_ne, count, b.const(0));
    if (op.op === OP.LOOP) return goesOn;
    // A prefix F2 or F3 decides which of the two it is: see cpu/undefined.ts.
    const isEqual = op.rep === 0 ? op.form!.name === "loope" : op.rep === REPE;
    const isZero = b.pure(W.i32_eqz, b.get(SLOT.RESULT));
    return b.pure(W.i32_and, goesOn, isEqual ? isZero : b.pure(W.i32_eqz, isZero));
  }
  if (op.form!.name === "jecxz") return b.pure(W.i32_eqz, b.get(ECX));
  return l.condition(op.form!.condition);
}
