/** REPE and REPNE with CMPS and SCAS → IR: upwards, where all that may be read can be. SDM vol. 2B, REP. */

import { PAGE } from "../../base/index.ts";
import { scanName } from "../cpu/fast/index.ts";
import { DF } from "../cpu/flags.ts";
import type { Operation } from "../cpu/operation.ts";
import { EAX, ECX, EDI, ES, ESI, STATE } from "../cpu/state.ts";
import { FACT } from "../memory/memory.ts";
import { I32, W } from "../wasm/index.ts";
import { scanCall } from "./calls.ts";
import type { Value } from "./ir.ts";
import { type Lowering, loadState } from "./lower.ts";

/** Elements that are looked at for one execution; what goes on longer is left to the interpreter. */
const MOST = 4096;

const REPE = 0xf3;

/** Lowers a repeated comparison. */
export function repeatedComparison(l: Lowering, op: Operation): boolean {
  const { b } = l;
  const stem = op.form!.name.slice(0, -1);
  const inMemory = stem === "cmps";
  if (op.rep === 0 || op.addressMask !== -1 || (!inMemory && stem !== "scas")) return false;
  if (!l.isFlat(ES) || (inMemory && !l.isFlat(op.segment))) return false;
  const size = op.extra;
  const log = b.const(size >> 1);
  const count = b.get(ECX);
  const to = b.get(EDI);
  const from = b.get(ESI);
  const down = b.pure(W.i32_and, loadState(l, STATE.EFLAGS), b.const(DF));
  let wrong = b.pure(W.i32_or, down, b.pure(W.i32_eqz, count));
  let limit = b.select(b.pure(W.i32_lt_u, count, b.const(MOST)), count, b.const(MOST));
  /** No further than what can be read without further thought: the longest run of pages, or else the page's end. */
  const within = (start: Value): void => {
    const distance = b.pure(W.i32_sub, start, loadState(l, STATE.READ_LOW));
    const length = loadState(l, STATE.READ_LENGTH);
    const isOutside = b.pure(W.i32_gt_u, distance, length);
    const onPage = b.pure(W.i32_sub, b.const(PAGE), b.pure(W.i32_and, start, b.const(PAGE - 1)));
    const bytes = b.select(isOutside, onPage, b.pure(W.i32_sub, length, distance));
    const elements = b.pure(W.i32_shr_u, bytes, log);
    const isReadable = b.pure(W.i32_and, b.facts(start), b.const(FACT.READ));
    wrong = b.pure(W.i32_or, wrong, b.pure(W.i32_and, isOutside, b.pure(W.i32_eqz, isReadable)));
    limit = b.select(b.pure(W.i32_lt_u, elements, limit), elements, limit);
  };
  within(to);
  if (inMemory) within(from);
  b.leave(wrong);
  b.afford(limit);
  const accumulator =
    size === 4 ? b.get(EAX) : b.pure(W.i32_and, b.get(EAX), b.const(-1 >>> (32 - 8 * size)));
  const name = scanName(inMemory, size, op.rep === REPE);
  const found = b.call(scanCall(name), I32, to, inMemory ? from : accumulator, limit);
  const all = b.select(b.pure(W.i32_eq, limit, count), count, b.const(0));
  const done = b.select(found, found, all);
  b.leave(b.pure(W.i32_eqz, done));

  const last = b.pure(W.i32_shl, l.add(done, -1), log);
  const right = l.loadPlain(b.pure(W.i32_add, to, last), size);
  const left = inMemory ? l.loadPlain(b.pure(W.i32_add, from, last), size) : accumulator;
  b.spend(l.add(done, -1));
  const length = l.add(last, size);
  b.set(EDI, b.pure(W.i32_add, to, length));
  if (inMemory) b.set(ESI, b.pure(W.i32_add, from, length));
  b.set(ECX, b.pure(W.i32_sub, count, done));
  l.flagsOfDifference(left, right, b.pure(W.i32_sub, left, right), 8 * size);
  return true;
}
