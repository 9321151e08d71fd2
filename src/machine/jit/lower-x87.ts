/**
 * The x87 → IR: calls of its fast functions, which are exact and work on the registers in the state page. Where one
 * answers that this is not its case, the region is left before the instruction.
 */
import { isX87 } from "../cpu/execute/x87.ts";
import { type QuickPlan, quickPlan } from "../cpu/execute/x87-quick.ts";
import type { Operation } from "../cpu/operation.ts";
import { CS, EAX, STATE } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { x87Call } from "./calls.ts";
import { FLAGS, type Value } from "./ir.ts";
import type { Lowering } from "./lower.ts";
import { I32, W } from "./wasm/opcodes.ts";

/** Status word: an exception waits; both bits that say so. */
const WAITING = 0x8080;
/** Exceptions, in status and control word. */
const EXCEPTIONS = 0x3f;

const plans = new Map<number, QuickPlan | undefined>();

/** The family of the x87. */
export function lowerX87(l: Lowering, op: Operation): boolean {
  const { form } = op;
  if (form === undefined || !isX87(form)) return false;
  if (!plans.has(form.index)) plans.set(form.index, quickPlan(form));
  const plan = plans.get(form.index);
  if (plan !== undefined) return call(l, op, plan);
  switch (form.name) {
    case "fcomi":
    case "fucomi":
      return compareForFlags(l, op, 0);
    case "fcomip":
    case "fucomip":
      return compareForFlags(l, op, 1);
    case "fnstcw":
      return storeWord(l, op, STATE.X87_CONTROL);
    case "fldcw":
      return loadControl(l, op);
    default:
      return form.name.startsWith("fnstsw") ? storeStatus(l, op) : false;
  }
}

function call(l: Lowering, op: Operation, { name, memory, size, operands }: QuickPlan): boolean {
  const { b } = l;
  const values = operands.map((operand) => b.const(operand === "i" ? op.extra & 7 : operand));
  if (memory === "none") {
    done(l, x87Call(name), values);
    remember(l, op);
    return true;
  }
  if (!l.plain(op)) return false;
  const address = l.address(op);
  b.check(address, size, memory === "write");
  done(l, x87Call(name), [l.add(address, RAM_BASE), ...values]);
  remember(l, op);
  storeState(l, STATE.X87_OPERAND, address);
  storeState(l, STATE.X87_OPERAND_SELECTOR, loadState(l, STATE.SELECTORS + 4 * op.segment));
  return true;
}

/** Calls a fast function and leaves where it has done nothing. */
function done(l: Lowering, number: number, values: readonly Value[]): Value {
  const { b } = l;
  const three = [0, 1, 2].map((i) => values[i] ?? b.const(0));
  const answer = b.call(number, I32, ...three);
  b.leave(b.pure(W.i32_eqz, answer));
  return answer;
}

const loadState = (l: Lowering, at: number): Value => l.b.load(W.i32_load, l.b.const(0), at);
const storeState = (l: Lowering, at: number, value: Value): void =>
  l.b.store(W.i32_store, l.b.const(0), value, at);

/** What is remembered of an instruction. SDM vol. 1, 8.1.8 and 8.1.9. */
function remember(l: Lowering, op: Operation): void {
  storeState(l, STATE.X87_OPCODE, l.b.const(op.extra));
  storeState(l, STATE.X87_INSTRUCTION, l.b.const(op.address));
  storeState(l, STATE.X87_INSTRUCTION_SELECTOR, loadState(l, STATE.SELECTORS + 4 * CS));
}

/** ZF and CF of the order; the others cleared. SDM vol. 2A, FCOMI. */
function compareForFlags(l: Lowering, op: Operation, pops: number): boolean {
  const { b } = l;
  const order = done(l, x87Call("comi"), [b.const(op.extra & 7), b.const(pops)]);
  remember(l, op);
  const equal = b.pure(W.i32_eq, order, b.const(2));
  // A result of 1 has odd parity, one of 0 has not: bit 8 of the word corrects it (cpu/flags.ts).
  l.setFlags(
    b.pure(W.i32_eqz, equal),
    FLAGS.WORD,
    b.pure(W.i32_shl, equal, b.const(8)),
    b.pure(W.i32_eq, order, b.const(1)),
  );
  return true;
}

/** Checked already. */
const storeHalf = (l: Lowering, address: Value, value: Value): void =>
  l.b.store(W.i32_store16, address, value, RAM_BASE);

function storeWord(l: Lowering, op: Operation, from: number): boolean {
  if (!l.plain(op)) return false;
  const address = l.address(op);
  l.b.check(address, 2, true);
  storeHalf(l, address, loadState(l, from));
  return true;
}

function storeStatus(l: Lowering, op: Operation): boolean {
  if (op.form!.operands.some(({ kind }) => kind === "m")) return storeWord(l, op, STATE.X87_STATUS);
  const { b } = l;
  const kept = b.pure(W.i32_and, b.get(EAX), b.const(~0xffff));
  const status = b.pure(W.i32_and, loadState(l, STATE.X87_STATUS), b.const(0xffff));
  b.set(EAX, b.pure(W.i32_or, kept, status));
  return true;
}

/** A new control word may unmask what was found before, or mask it. */
function loadControl(l: Lowering, op: Operation): boolean {
  if (!l.plain(op)) return false;
  const { b } = l;
  const address = l.address(op);
  b.check(address, 2, false);
  const status = loadState(l, STATE.X87_STATUS);
  b.leave(b.pure(W.i32_and, status, b.const(0x80)));
  const control = b.pure(
    W.i32_or,
    b.pure(W.i32_and, b.load(W.i32_load16_u, address, RAM_BASE), b.const(0x1f3f)),
    b.const(0x40),
  );
  storeState(l, STATE.X87_CONTROL, control);
  const open = b.pure(
    W.i32_and,
    b.pure(W.i32_and, status, b.pure(W.i32_xor, control, b.const(-1))),
    b.const(EXCEPTIONS),
  );
  storeState(
    l,
    STATE.X87_STATUS,
    b.select(open, b.pure(W.i32_or, status, b.const(WAITING)), b.pure(W.i32_and, status, b.const(~WAITING))),
  );
  return true;
}
