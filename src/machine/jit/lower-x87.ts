/**
 * The x87 → IR. Loads, arithmetic, comparisons and stores keep their registers in values (x87-stack.ts): what they compute
 * with is exact, functions on 64-bit integers. Other instructions are calls of fast functions that work on the registers in
 * the state page. What is not plain leaves the region, before the instruction or one before it behind which nothing was
 * written.
 */

import type { Form } from "../../isa/index.ts";
import { X87_CONDITIONS } from "../cpu/execute/units.ts";
import { type QuickPlan, quickPlan } from "../cpu/execute/x87-quick.ts";
import type { Operation } from "../cpu/operation.ts";
import { CS, EAX, STATE } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { I32, I64, W } from "../wasm/index.ts";
import { x87Call, x87ValueCall } from "./calls.ts";
import type { Builder, Value } from "./ir.ts";
import { type Lowering, loadState } from "./lower.ts";
import { FLAGS } from "./status.ts";
import {
  chosen,
  compared,
  type FormatName,
  markPlain,
  narrowed,
  product,
  sum,
  widened,
} from "./x87-inline.ts";
import { type Number80, type Raised, X87Stack } from "./x87-stack.ts";

/** Status word: an exception waits; both bits that say so. */
const WAITING = 0x8080;
/** Exceptions, in status and control word. */
const EXCEPTIONS = 0x3f;

const plans = new Map<number, QuickPlan | undefined>();

/** The family of the x87. */
export function lowerX87(l: Lowering, op: Operation): boolean {
  const { b } = l;
  const { form } = op;
  if (form === undefined || b.without === "x87") return false;
  const { name } = form;
  if (name === "fnstcw") return storeWord(l, op, loadState(l, STATE.X87_CONTROL));
  if (name.startsWith("fnstsw")) return storeStatus(l, op);
  if (!plans.has(form.index)) plans.set(form.index, quickPlan(form));
  const plan = plans.get(form.index);
  if (b.without !== "values") {
    if (plan !== undefined ? onStack(l, op, plan) : withFlags(l, op, name)) return true;
  }
  b.catchUp();
  if (plan !== undefined) {
    if (!call(l, op, plan)) return false;
    moveTop(l, pops(plan));
    return true;
  }
  if (/^fu?comip?$/.test(name)) return compareForFlags(l, op, name.endsWith("p") ? 1 : 0);
  return name === "fldcw" && loadControl(l, op);
}

/** How many registers a fast function takes off the stack. */
function pops({ name, memory, operands }: QuickPlan): number {
  const [stem = ""] = name.split("_");
  if (stem === "ld") return -1;
  if (memory !== "none") return stem === "st" || stem === "com" ? Number(operands[0] ?? 0) : 0;
  if (stem === "com" || stem === "st") return Number(operands[1]);
  return Number(operands[2] ?? 0);
}

function moveTop(l: Lowering, by: number): void {
  if (l.top !== undefined) l.top = (l.top + by) & 7;
}

/** The same of an instruction of the x87 that its executor does. */
export function moveTopBehind(l: Lowering, { name }: Form): void {
  if (/^f(n?init|n?save)$/.test(name)) l.top = 0;
  else if (/^f(ptan|sincos|xtract|bld|ld)/.test(name)) moveTop(l, -1);
  else if (/^f(i?stt?p|bstp|yl2xp?1?|patan)$/.test(name)) moveTop(l, 1);
  else if (
    /^f(n?(stcw|stsw|stenv|clex|op)|ldcw|i?st|sqrt|rndint|scale|sin|cos|prem1?|2xm1|xam|free|cmovn?[beu]e?)$/.test(
      name,
    )
  )
    return;
  else l.top = undefined;
}

// In values --------------------------------------------------------------------------------------------------

const SIGN = 0x8000;
const BIAS = 0x3fff;
const ARITHMETIC = ["add", "sub", "subr", "mul", "div", "divr"];
const OTHERS = ["ld", "st", "xch", "chs", "abs", "sqrt", "com", "tst"];

const isStack = (it: unknown): it is X87Stack => it instanceof X87Stack;

/** The registers in the present block. */
function stackOf(l: Lowering): X87Stack {
  const { b } = l;
  // Registers of MMX are the same ones.
  if (!isStack(b.procrastinator)) b.catchUp();
  const x87 = isStack(b.procrastinator) ? b.procrastinator : new X87Stack(l);
  b.procrastinator = x87;
  return x87;
}

/** Lowers an instruction that sets the flags or reads them; false for others. */
function withFlags(l: Lowering, op: Operation, name: string): boolean {
  const { b } = l;
  const code = X87_CONDITIONS[name];
  if (code === undefined && !/^fu?comip?$/.test(name)) return false;
  const x87 = stackOf(l);
  const top = x87.distance(0);
  const other = x87.distance(op.extra & 7);
  if (!x87.demand([top, other], [])) return false;
  if (code !== undefined) {
    x87.write(top, chosen(b, l.condition(code), x87.read(other), x87.read(top)));
    x87.executed(op, { keepsC1: true });
    return true;
  }
  const { less, equal } = compared(b, x87.read(top), x87.read(other));
  if (name.endsWith("p")) x87.pop();
  x87.executed(op, { keepsC1: true });
  setOrder(l, less, equal);
  return true;
}

/** C3 and C0 of an order. */
function codesOf({ b }: Lowering, { less, equal }: { less: Value; equal: Value }): Value {
  return b.pure(W.i32_or, b.pure(W.i32_shl, less, b.const(8)), b.pure(W.i32_shl, equal, b.const(14)));
}

/** Lowers an instruction whose registers can stay values; false, with nothing done, for others. */
function onStack(l: Lowering, op: Operation, { name, memory, size, operands }: QuickPlan): boolean {
  const { b } = l;
  const [stem = "", format = ""] = name.split("_");
  const arithmetic = ARITHMETIC.includes(stem);
  if (!arithmetic && !OTHERS.includes(stem)) return false;
  if (stem === "st" && format.startsWith("i")) return false;
  if (memory !== "none" && !l.plain(op)) return false;
  const x87 = stackOf(l);
  const number = (which: number): number => {
    const operand = operands[which] ?? 0;
    return operand === "i" ? op.extra & 7 : operand;
  };

  if (memory === "none") {
    const top = x87.distance(0);
    if (arithmetic) {
      const to = x87.distance(number(0));
      const from = x87.distance(number(1));
      if (!x87.demand([to, from], [])) return false;
      const [result, raised] = calculate(x87, stem, x87.read(to), x87.read(from));
      x87.write(to, result);
      if (number(2)) x87.pop();
      x87.executed(op, { raised });
      return true;
    }
    const other = x87.distance(number(0));
    let codes: Value | undefined;
    let raised: Value | undefined;
    switch (stem) {
      case "ld": {
        const full = x87.distance(-1);
        if (format === "constant") {
          if (!x87.demand([], [full])) return false;
          const [head, high, low] = operands as number[];
          const bits = (BigInt(high! >>> 0) << 32n) | BigInt(low! >>> 0);
          x87.push({ head: b.const(head!), significand: b.wide(I64, bits) });
        } else {
          if (!x87.demand([other], [full])) return false;
          x87.push(x87.read(other));
        }
        break;
      }
      case "st":
        if (!x87.demand([top], [])) return false;
        x87.write(other, x87.read(top));
        if (number(1)) x87.pop();
        break;
      case "xch": {
        if (!x87.demand([top, other], [])) return false;
        const [a, c] = [x87.read(top), x87.read(other)];
        x87.write(top, c);
        x87.write(other, a);
        break;
      }
      case "com":
      case "tst": {
        const isZero = stem === "tst";
        if (!x87.demand(isZero ? [top] : [top, other], [])) return false;
        codes = codesOf(l, compared(b, x87.read(top), isZero ? zero(b) : x87.read(other)));
        for (let i = 0; i < number(1); i++) x87.pop();
        break;
      }
      case "sqrt": {
        if (!x87.demand([top], [])) return false;
        const number = x87.read(top);
        const [root, word] = called(l, "sqrt", number, number);
        x87.write(top, root);
        raised = word;
        break;
      }
      default: {
        if (!x87.demand([top], [])) return false;
        const { significand, head } = x87.read(top);
        const changed =
          stem === "chs"
            ? b.pure(W.i32_xor, head, b.const(SIGN))
            : b.pure(W.i32_and, head, b.const(~SIGN & 0xffff));
        x87.write(top, { significand, head: changed });
      }
    }
    x87.executed(op, { codes, raised });
    return true;
  }

  const address = l.address(op);
  const executed = (raised?: Raised): boolean => {
    x87.executed(op, raised, [address, loadState(l, STATE.SELECTORS + 4 * op.segment)]);
    return true;
  };
  b.check(address, size, memory === "write");
  if (stem === "ld") {
    if (!x87.demand([], [x87.distance(-1)])) return false;
    x87.push(converted(l, address, format));
    return executed();
  }
  const top = x87.distance(0);
  if (!x87.demand([top], [])) return false;
  if (stem === "st") {
    const raised = store(x87, x87.read(top), address, format);
    if (number(0)) x87.pop();
    return executed({ raised });
  }
  const value = converted(l, address, format);
  if (stem === "com") {
    const codes = codesOf(l, compared(b, x87.read(top), value));
    if (number(0)) x87.pop();
    return executed({ codes });
  }
  const [changed, raised] = calculate(x87, stem, x87.read(top), value);
  x87.write(top, changed);
  return executed({ raised });
}

const zero = (b: Builder): Number80 => markPlain({ significand: b.wide(I64, 0n), head: b.const(0) });

/** Stores a number to memory, which has been checked. Answers what was raised. */
function store(
  { l, isSticky }: X87Stack,
  number: Number80,
  address: Value,
  format: string,
): Value | undefined {
  const { b } = l;
  if (format === "m80") {
    b.store(W.i64_store, address, number.significand, RAM_BASE);
    b.store(W.i32_store16, l.add(address, 8), number.head, RAM_BASE);
    return undefined;
  }
  const [bits, raised] = narrowed(b, number, format as FormatName, isSticky);
  if (format === "m64") b.store(W.i64_store, address, bits, RAM_BASE);
  else b.store(W.i32_store, address, b.pure(W.i32_wrap_i64, bits), RAM_BASE);
  return raised;
}

/** What a function on values says besides its result; leaves where it is not its case. */
function result(l: Lowering): Value {
  const word = loadState(l, STATE.X87_RESULT);
  l.b.leave(l.b.pure(W.i32_lt_s, word, l.b.const(0)));
  return word;
}

/** a op b, and what was raised. */
function calculate(
  { l, isSticky }: X87Stack,
  stem: string,
  a: Number80,
  other: Number80,
): readonly [Number80, Value] {
  const { b } = l;
  const [left, right] = stem.endsWith("r") ? [other, a] : [a, other];
  if (stem === "mul") return product(b, left, right, isSticky);
  if (!stem.startsWith("div")) {
    const negated = { ...right, head: b.pure(W.i32_xor, right.head, b.const(SIGN)) };
    return sum(b, left, stem === "add" ? right : negated, isSticky);
  }
  return called(l, "div", left, right);
}

/** What a function on values makes of two numbers, and what was raised. */
function called(l: Lowering, name: string, x: Number80, y: Number80): readonly [Number80, Value] {
  const { b } = l;
  const own = ({ head }: Number80): Value => b.pure(W.i32_and, head, b.const(0xffff));
  const significand = b.calculate(x87ValueCall(name), I64, x.significand, own(x), y.significand, own(y));
  const word = result(l);
  const head = b.pure(W.i32_and, word, b.const(0xffff));
  return [markPlain({ significand, head }), b.pure(W.i32_shr_u, word, b.const(16))];
}

/** A number in memory, which has been checked; leaves if it is none of the plain ones. */
function converted(l: Lowering, address: Value, format: string): Number80 {
  const { b } = l;
  const zero = b.wide(I64, 0n);
  if (format === "m80") {
    return {
      significand: b.load(W.i64_load, address, RAM_BASE),
      head: b.load(W.i32_load16_u, l.add(address, 8), RAM_BASE),
    };
  }
  if (format === "m32" || format === "m64") {
    const bits =
      format === "m64"
        ? b.load(W.i64_load, address, RAM_BASE)
        : b.pure(W.i64_extend_i32_u, b.load(W.i32_load, address, RAM_BASE));
    return widened(b, bits, format);
  }
  const value =
    format === "i64"
      ? b.load(W.i64_load, address, RAM_BASE)
      : b.pure(W.i64_extend_i32_s, b.load(format === "i32" ? W.i32_load : W.i32_load16_s, address, RAM_BASE));
  const minus = b.pure(W.i64_lt_s, value, zero);
  const size = b.select(minus, b.pure(W.i64_sub, zero, value), value);
  // Zero has 64 leading zeros, and a shift by 64 is one by 0.
  const zeros = b.pure(W.i64_clz, size);
  const exponent = b.pure(W.i32_sub, b.const(BIAS + 63), b.pure(W.i32_wrap_i64, zeros));
  const head = b.pure(
    W.i32_or,
    b.pure(W.i32_shl, minus, b.const(15)),
    b.select(b.pure(W.i64_eqz, size), b.const(0), exponent),
  );
  return markPlain({ significand: b.pure(W.i64_shl, size, zeros), head });
}

// By calls ---------------------------------------------------------------------------------------------------

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

const storeState = (l: Lowering, at: number, value: Value): void =>
  l.b.store(W.i32_store, l.b.const(0), value, at);

/** What is remembered of an instruction. SDM vol. 1, 8.1.8 and 8.1.9. */
function remember(l: Lowering, op: Operation): void {
  storeState(l, STATE.X87_OPCODE, l.b.const(op.extra));
  storeState(l, STATE.X87_INSTRUCTION, l.b.const(op.address));
  storeState(l, STATE.X87_INSTRUCTION_SELECTOR, loadState(l, STATE.SELECTORS + 4 * CS));
}

function compareForFlags(l: Lowering, op: Operation, pops: number): boolean {
  const { b } = l;
  const order = done(l, x87Call("comi"), [b.const(op.extra & 7), b.const(pops)]);
  remember(l, op);
  moveTop(l, pops);
  setOrder(l, b.pure(W.i32_eq, order, b.const(3)), b.pure(W.i32_eq, order, b.const(2)));
  return true;
}

/** ZF and CF of the order; the others cleared. SDM vol. 2A, FCOMI. */
function setOrder(l: Lowering, less: Value, equal: Value): void {
  const { b } = l;
  // A result of 1 has odd parity, one of 0 has not: bit 8 of the word corrects it (cpu/flags.ts).
  l.setFlags(b.pure(W.i32_eqz, equal), FLAGS.WORD, b.pure(W.i32_shl, equal, b.const(8)), less);
}

/** Checked already. */
const storeHalf = (l: Lowering, address: Value, value: Value): void =>
  l.b.store(W.i32_store16, address, value, RAM_BASE);

function storeWord(l: Lowering, op: Operation, word: Value): boolean {
  if (!l.plain(op)) return false;
  const address = l.address(op);
  l.b.check(address, 2, true);
  storeHalf(l, address, word);
  return true;
}

function storeStatus(l: Lowering, op: Operation): boolean {
  const { b } = l;
  if (!isStack(b.procrastinator)) b.catchUp();
  const status = isStack(b.procrastinator) ? b.procrastinator.status() : loadState(l, STATE.X87_STATUS);
  if (op.form!.operands.some(({ kind }) => kind === "m")) return storeWord(l, op, status);
  const kept = b.pure(W.i32_and, b.get(EAX), b.const(~0xffff));
  b.set(EAX, b.pure(W.i32_or, kept, b.pure(W.i32_and, status, b.const(0xffff))));
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
