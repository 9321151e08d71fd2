/**
 * Hot entry → region: the operations that can be reached from it by direct jumps, calls, the returns from those
 * calls, and tables of addresses. Only what the interpreter has decoded is taken, that is what was executed (or stood
 * behind what was): what never ran stays outside, and so does data behind code. But behind a jump back, where a loop
 * will end, is taken what stands there, so that the loop around it need not wait for the first one's end.
 */
import type { Code } from "../cpu/code.ts";
import { GuestFault } from "../cpu/fault.ts";
import { OP } from "../cpu/op.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { WORD } from "../cpu/state.ts";
import { type Memory, RAM_BASE } from "../memory/memory.ts";
import { FLOW, flowOf } from "./flow.ts";
import type { Optimisation } from "./optimisations.ts";

/** Addresses read from a table of jumps. */
const MOST_TARGETS = 256;

/** A call that was taken into the region: the callee's blocks are copied for it, and know where they return to. */
export interface Context {
  readonly id: number;
  readonly callee: number;
  readonly returns: number;
  readonly parent: Context | undefined;
  readonly depth: number;
}

/** An address, in a context or in none. */
export interface Place {
  readonly address: number;
  readonly context: Context | undefined;
}

export const keyOf = (address: number, context: Context | undefined): number =>
  (context?.id ?? 0) * 2 ** 32 + (address >>> 0);

export interface Found {
  /** By address, signed. */
  readonly operations: Map<number, Operation>;
  /** Places at which a block begins, by their keys. */
  readonly leaders: Map<number, Place>;
  /** Keys of all places. */
  readonly places: Set<number>;
  /** Addresses of leaders in no context that indirect jumps and returns may lead to. */
  readonly targets: Set<number>;
  /** The contexts that calls lead into, by the keys of the calls' places: of indirect ones several. */
  readonly contexts: Map<number, readonly Context[]>;
  /** Where indirect calls and jumps will probably lead, by their addresses. */
  readonly guesses: Map<number, readonly number[]>;
  /** The tables that indirect jumps go by, by the jumps' addresses. */
  readonly tables: Map<number, readonly number[]>;
}

/** Instructions that a callee may have to be taken in. */
const MOST_CALLEE = 28;
/** Calls within calls that are taken in: of larger callees fewer, for calling weighs less there. */
const deepest = (callee: number): number => (callee <= 24 ? 3 : 1);
/**
 * Places in no copy from which a callee is taken in, but a tiny one. What calls the same routine again and again would mostly consist of
 * its copies, and the first time that takes a way which was not known yet, each of them would be left.
 */
const MOST_COPIES = 3;
const TINY = 8;
/** Copies stop when a region has so many instructions. */
const MOST_COPIED = 600;
/**
 * A region of so many instructions takes in no further routine that is called: it becomes a region of its own once it is hot. To go from
 * one to the other costs little beside a routine that is not copied, while regions that all hold the same callees
 * take the compiler as many times as long.
 */
const MOST_BEFORE_CALLEE = 50;

export interface Extent {
  /** What is not decoded yet is, as far as that can be. */
  readonly ahead: boolean;
  /** Instructions at most. */
  readonly most: number;
  /** Behind calls that are copied in, too, others may come back. */
  readonly returns: boolean;
  readonly without?: Optimisation | undefined;
  /** Whether an address begins compiled code that is not to be taken in again. */
  isElsewhere(address: number): boolean;
  /** Where an indirect call or jump has led so far. */
  hasLed(op: Operation): readonly number[];
}

/** What begins at some addresses. */
export function discover(
  code: Code,
  memory: Memory,
  entries: readonly number[],
  { ahead, most, returns, without, isElsewhere, hasLed }: Extent,
): Found {
  const operations = new Map<number, Operation>();
  const leaders = new Map<number, Place>();
  const places = new Set<number>();
  const targets = new Set<number>(entries);
  const contexts = new Map<number, readonly Context[]>();
  const guesses = new Map<number, readonly number[]>();
  const tables = new Map<number, readonly number[]>();
  const wanted: Place[] = [];
  const at = (address: number, isSure = ahead): Operation | undefined => {
    const op = isSure ? decoded(code, address) : code.known(address);
    return op === undefined || op.op === OP.DECODE ? undefined : op;
  };
  /** Where loops end that did not end so far: it is code, and soon executed. */
  const ends = new Set<number>();
  const want = (address: number, context: Context | undefined): void => {
    const key = keyOf(address, context);
    if (leaders.has(key)) return;
    if (context === undefined && !entries.includes(address) && isElsewhere(address)) return;
    const place = { address, context };
    leaders.set(key, place);
    wanted.push(place);
  };
  const wantTarget = (address: number): void => {
    targets.add(address);
    want(address, undefined);
  };
  const sizes = new Map<number, number>();
  const sizeOf = (callee: number): number => {
    let size = sizes.get(callee);
    if (size === undefined) sizes.set(callee, (size = measure(at, callee)));
    return size;
  };
  let contextCount = 0;
  /** By callee, those that no copy calls. */
  const copies = new Map<number, number>();
  /** Routines that are called and not copied: they come last. */
  const callees: number[] = [];
  const call = (op: Operation, callee: number, context: Context | undefined): void => {
    const depth = (context?.depth ?? 0) + 1;
    const size = sizeOf(callee);
    const count = (copies.get(callee) ?? 0) + (depth === 1 ? 1 : 0);
    if (
      without === "inlining" ||
      depth > deepest(size) ||
      (count > MOST_COPIES && size > TINY) ||
      places.size + size > Math.min(most, MOST_COPIED)
    ) {
      callees.push(callee);
      wantTarget(op.following);
      return;
    }
    copies.set(callee, count);
    const inner = { id: ++contextCount, callee, returns: op.following, parent: context, depth };
    const key = keyOf(op.address, context);
    contexts.set(key, [...(contexts.get(key) ?? []), inner]);
    want(callee, inner);
    // What calls itself comes back there from deeper than is copied.
    const isRecursive = context === undefined ? entries.includes(callee) : isWithin(callee, context);
    if (isRecursive || (returns && context === undefined)) wantTarget(op.following);
  };
  const guess = (op: Operation): readonly number[] => {
    const targets = hasLed(op).filter((target) => at(target) !== undefined);
    guesses.set(op.address, targets);
    return targets;
  };
  for (const entry of entries) want(entry, undefined);
  for (let i = 0, called = 0; ; i++) {
    while (i === wanted.length && called < callees.length && places.size < MOST_BEFORE_CALLEE)
      want(callees[called++]!, undefined);
    if (i === wanted.length) break;
    const { context } = wanted[i]!;
    const isSure = ahead || ends.has(wanted[i]!.address);
    for (let { address } = wanted[i]!; ; ) {
      const key = keyOf(address, context);
      const op = at(address, isSure);
      if (op === undefined || places.has(key) || places.size >= most) break;
      places.add(key);
      operations.set(address, op);
      const flow = flowOf(op);
      switch (flow) {
        case FLOW.BRANCH:
          if (op.immediate >>> 0 <= address >>> 0) ends.add(op.following);
          want(op.immediate, context);
          want(op.following, context);
          break;
        case FLOW.JUMP:
          want(op.immediate, context);
          break;
        case FLOW.CALL:
          call(op, op.immediate, context);
          break;
        case FLOW.RETURN:
          if (context !== undefined) want(context.returns, context.parent);
          break;
        case FLOW.JUMP_INDIRECT: {
          const table = [...tableOf(op, memory)];
          tables.set(address, table);
          for (const target of new Set(table)) if (at(target) !== undefined) want(target, context);
          // That of a library's function, by a table of imports.
          if (op.kind1 === KIND.M32 && op.base === WORD.ZERO && op.index === WORD.ZERO)
            for (const target of guess(op)) want(target, context);
          break;
        }
        case FLOW.CALL_INDIRECT: {
          const table = [...tableOf(op, memory)];
          if (table.length > 0) wantTarget(op.following);
          for (const target of table) wantTarget(target);
          if (table.length > 0) break;
          const callees = guess(op);
          if (callees.length === 0) wantTarget(op.following);
          for (const callee of callees) call(op, callee, context);
          break;
        }
        case FLOW.INTERRUPT:
          want(op.following, context);
          // Whoever is asked may let somebody else run before it goes on there.
          wantTarget(op.following);
          break;
      }
      if (flow !== FLOW.NEXT) break;
      address = op.following;
    }
  }
  for (const key of [...leaders.keys()]) if (!places.has(key)) leaders.delete(key);
  for (const address of targets) if (!places.has(keyOf(address, undefined))) targets.delete(address);
  return { operations, leaders, places, targets, contexts, guesses, tables };
}

/** The context that a call leads into, which begins with `callee`. */
export const contextOf = (
  { contexts }: Found,
  call: number,
  from: Context | undefined,
  callee: number,
): Context | undefined => contexts.get(keyOf(call, from))?.find((context) => context.callee === callee);

/** Whether a call stands in a copy of the routine that it calls. */
function isWithin(callee: number, context: Context | undefined): boolean {
  for (let each = context; each !== undefined; each = each.parent) if (each.callee === callee) return true;
  return false;
}

/** Instructions of a routine, without those it calls; Infinity when they are too many to be copied. */
function measure(at: (address: number) => Operation | undefined, routine: number): number {
  const seen = new Set<number>();
  const wanted = [routine];
  for (let i = 0; i < wanted.length; i++) {
    for (let address = wanted[i]!; !seen.has(address); ) {
      const op = at(address);
      if (op === undefined) break;
      seen.add(address);
      if (seen.size > MOST_CALLEE) return Number.POSITIVE_INFINITY;
      const flow = flowOf(op);
      if (flow === FLOW.BRANCH || flow === FLOW.JUMP) wanted.push(op.immediate);
      if (flow === FLOW.BRANCH || flow === FLOW.CALL || flow === FLOW.NEXT) wanted.push(op.following);
      if (flow !== FLOW.NEXT) break;
      address = op.following;
    }
  }
  return seen.size;
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
    if (
      target === 0 ||
      !memory.isMapped(target >>> 0, 1, "read") ||
      Math.abs((target >>> 0) - table) > 0x1_0000
    )
      return;
    yield target;
  }
}
