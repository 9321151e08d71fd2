/** Instructions of the general registers that programs use less often → IR: the families by their names. */
import type { Operation } from "../cpu/operation.ts";
import { KIND } from "../cpu/operation.ts";
import { EBP, ESP, SS, STATE } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import { type Lower, type Lowering, loadState } from "./lower.ts";
import { bits } from "./lower-bits.ts";
import { narrow } from "./lower-narrow.ts";
import { repeatedComparison } from "./lower-scan.ts";
import { statusInstructions } from "./lower-status.ts";

const nothing: Lower = () => true;

/** Status word of the x87: an unmasked exception waits. */
const ES = 0x80;

/** #MF is the interpreter's. */
const wait: Lower = (l) => {
  l.b.leave(l.b.pure(W.i32_and, loadState(l, STATE.X87_STATUS), l.b.const(ES)));
  return true;
};

const movnti: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const place = l.place(op, true);
  l.store(op.kind1, op.a, place, l.value(op, op.kind2, op.b, place));
  return true;
};

/** Without outer frames. What is at the new top must be writable. */
const enter: Lower = (l, op) => {
  if (op.operandSize !== 32 || (op.extra & 31) !== 0 || !l.isFlat(SS)) return false;
  const { b } = l;
  const frame = l.add(b.get(ESP), -4);
  const top = l.add(frame, -(op.immediate & 0xffff));
  b.check(frame, 4, true);
  b.check(top, 4, true);
  l.storePlain(frame, 4, b.get(EBP));
  b.set(EBP, frame);
  b.set(ESP, top);
  return true;
};

/** 16 bits: those of 32 have arms of the interpreter, and are in lower-integer.ts. */
const push: Lower = (l, op) => {
  if (op.operandSize !== 16 || !l.usable(op) || !l.isFlat(SS)) return false;
  const { b } = l;
  const place = l.place(op, false);
  const value = l.value(op, op.kind1, op.a, place);
  const esp = l.add(b.get(ESP), -2);
  b.check(esp, 2, true);
  l.storePlain(esp, 2, value);
  b.set(ESP, esp);
  return true;
};

const pop: Lower = (l, op) => {
  if (op.operandSize !== 16 || op.kind1 !== KIND.R16 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 2, false);
  const value = l.loadPlain(esp, 2);
  b.set(ESP, l.add(esp, 2));
  l.store(KIND.R16, op.a, undefined, value);
  return true;
};

const byName: Readonly<Record<string, Lower>> = {
  ...statusInstructions,
  ...narrow,
  ...bits,
  wait,
  movnti,
  enter,
  push,
  pop,
  lfence: nothing,
  mfence: nothing,
  sfence: nothing,
  prefetch: nothing,
  prefetchw: nothing,
  prefetchwt1: nothing,
  prefetchnta: nothing,
  prefetcht0: nothing,
  prefetcht1: nothing,
  prefetcht2: nothing,
};

/** The family of what lower-integer.ts leaves. */
export function lowerGeneral(l: Lowering, op: Operation): boolean {
  const { form } = op;
  if (form === undefined) return false;
  if (op.string !== undefined) return repeatedComparison(l, op);
  if (op.soft && op.kind1 !== KIND.IMMEDIATE && op.kind2 !== KIND.IMMEDIATE) return false;
  if (form.operands.some(({ file }) => file !== undefined && file !== "general")) return false;
  return byName[form.name]?.(l, op) ?? false;
}
