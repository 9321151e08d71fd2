/** String instructions → IR. */
import { DF } from "../cpu/flags.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { EAX, ECX, EDI, ES, ESI, STATE } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import type { Value } from "./ir.ts";
import { type Lowering, loadState } from "./lower.ts";

/** What an index register moves by: the size, or less it if DF is set. */
function stepOf(l: Lowering, size: number): Value {
  const { b } = l;
  const down = b.pure(W.i32_and, loadState(l, STATE.EFLAGS), b.const(DF));
  const double = b.pure(W.i32_shr_u, down, b.const(10 - Math.log2(2 * size)));
  return b.pure(W.i32_sub, b.const(size), double);
}

/** Longest repetition that is executed at once. */
const MOST_REPEATED = 1 << 20;

/** rep movs and rep stos upwards; what overlaps, or lies elsewhere, is left to the interpreter. */
function repeated(l: Lowering, op: Operation, reads: boolean): boolean {
  const { b } = l;
  const log = op.extra >> 1;
  const count = b.get(ECX);
  const from = b.get(ESI);
  const to = b.get(EDI);
  b.leave(
    b.pure(
      W.i32_or,
      b.pure(W.i32_and, loadState(l, STATE.EFLAGS), b.const(DF)),
      b.pure(W.i32_gt_u, count, b.const(MOST_REPEATED)),
    ),
  );
  b.afford(count);
  const length = b.pure(W.i32_shl, count, b.const(log));
  const outside = (start: Value, low: number, size: number): Value => {
    const all = loadState(l, size);
    const beyond = b.pure(
      W.i32_gt_u,
      b.pure(W.i32_sub, start, loadState(l, low)),
      b.pure(W.i32_sub, all, length),
    );
    return b.pure(W.i32_or, b.pure(W.i32_gt_u, length, all), beyond);
  };
  const none = b.pure(W.i32_eqz, count);
  let wrong = outside(to, STATE.WRITE_LOW, STATE.WRITE_LENGTH);
  if (reads) {
    wrong = b.pure(W.i32_or, wrong, outside(from, STATE.READ_LOW, STATE.READ_LENGTH));
    // The same place is no overlap that matters.
    const distance = b.pure(W.i32_sub, to, from);
    const overlap = b.pure(W.i32_lt_u, l.add(distance, -1), l.add(length, -1));
    wrong = b.pure(W.i32_or, wrong, overlap);
  }
  b.leave(b.select(none, b.const(0), wrong));
  if (reads) b.copy(to, from, length);
  else b.fill(to, b.get(EAX), length, op.extra);
  // With a count of 0 it counts as one instruction too.
  b.spend(b.select(none, count, l.add(count, -1)));
  if (reads) b.set(ESI, b.pure(W.i32_add, from, length));
  b.set(EDI, b.pure(W.i32_add, to, length));
  b.set(ECX, b.const(0));
  return true;
}

function single(l: Lowering, op: Operation, reads: boolean, writes: boolean): boolean {
  const { b } = l;
  const size = op.extra;
  if (op.addressMask !== -1) return false;
  if ((writes && !l.isFlat(ES)) || (reads && !l.isFlat(op.segment))) return false;
  if (op.rep !== 0) return b.without !== "bulk" && writes && repeated(l, op, reads);
  const from = b.get(ESI);
  const to = b.get(EDI);
  if (reads) b.check(from, size, false);
  if (writes) b.check(to, size, true);
  const value = reads ? l.loadPlain(from, size) : b.get(EAX);
  const step = stepOf(l, size);
  if (writes) {
    l.storePlain(to, size, value);
    b.set(EDI, b.pure(W.i32_add, to, step));
  } else l.store(size === 4 ? KIND.R32 : size === 2 ? KIND.R16 : KIND.R8, EAX, undefined, value);
  if (reads) b.set(ESI, b.pure(W.i32_add, from, step));
  return true;
}

/** scas, and cmps with `both`. */
function compareString(l: Lowering, op: Operation, both: boolean): boolean {
  const { b } = l;
  const size = op.extra;
  if (op.rep !== 0 || op.addressMask !== -1 || !l.isFlat(ES) || (both && !l.isFlat(op.segment))) return false;
  const from = b.get(ESI);
  const to = b.get(EDI);
  b.check(to, size, false);
  if (both) b.check(from, size, false);
  const right = l.loadPlain(to, size);
  const left = both
    ? l.loadPlain(from, size)
    : b.pure(W.i32_and, b.get(EAX), b.const(-1 >>> (32 - 8 * size)));
  const step = stepOf(l, size);
  l.flagsOfDifference(left, right, b.pure(W.i32_sub, left, right), 8 * size);
  if (both) b.set(ESI, b.pure(W.i32_add, from, step));
  b.set(EDI, b.pure(W.i32_add, to, step));
  return true;
}

function setDirection(l: Lowering, down: boolean): boolean {
  const { b } = l;
  const flags = loadState(l, STATE.EFLAGS);
  const changed = down ? b.pure(W.i32_or, flags, b.const(DF)) : b.pure(W.i32_and, flags, b.const(~DF));
  b.store(W.i32_store, b.const(0), changed, STATE.EFLAGS);
  return true;
}

/** By the names of their forms, without the letter for the size. */
export function lowerString(l: Lowering, op: Operation, name: string): boolean {
  switch (name) {
    case "movs":
      return single(l, op, true, true);
    case "stos":
      return single(l, op, false, true);
    case "lods":
      return single(l, op, true, false);
    case "scas":
      return compareString(l, op, false);
    case "cmps":
      return compareString(l, op, true);
    case "cld":
      return setDirection(l, false);
    case "std":
      return setDirection(l, true);
    default:
      return false;
  }
}
