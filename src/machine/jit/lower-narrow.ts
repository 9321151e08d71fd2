/** Products and quotients of 8 and 16 bits, AAM and AAD → IR. SDM vol. 2A; cpu/execute/multiply.ts. */
import { KIND, type Operation } from "../cpu/operation.ts";
import { EAX, EDX } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import type { Value } from "./ir.ts";
import { bitsOf, type Lower, type Lowering } from "./lower.ts";
import { divisionFlags, productFlags } from "./lower-integer.ts";

const isNarrow = (l: Lowering, op: Operation): boolean => op.shift !== 0 && l.usable(op);

/** A register's first 8 or 16 bits, zero-extended. */
function low(l: Lowering, register: number, bits: number): Value {
  return l.b.pure(W.i32_and, l.b.get(register), l.b.const(bits === 8 ? 0xff : 0xffff));
}

/** Stores to AL and AH, or AX and DX. */
function storePair(l: Lowering, bits: number, first: Value, second: Value): void {
  if (bits === 8) {
    l.store(KIND.R8, EAX, undefined, first);
    l.store(KIND.R8, EAX + 1, undefined, second);
  } else {
    l.store(KIND.R16, EAX * 2, undefined, first);
    l.store(KIND.R16, EDX * 2, undefined, second);
  }
}

/** A product of 16 or 32 bits to AX, or AX and DX. */
function storeProduct(l: Lowering, bits: number, product: Value): void {
  if (bits === 8) l.store(KIND.R16, EAX * 2, undefined, product);
  else storePair(l, bits, product, l.b.pure(W.i32_shr_u, product, l.b.const(16)));
}

const mul: Lower = (l, op) => {
  if (!isNarrow(l, op)) return false;
  const { b } = l;
  const bits = bitsOf(op);
  const right = l.value(op, op.kind1, op.a, l.place(op, false));
  const product = b.pure(W.i32_mul, low(l, EAX, bits), right);
  storeProduct(l, bits, product);
  productFlags(l, b.pure(W.i32_ne, b.pure(W.i32_shr_u, product, b.const(bits)), b.const(0)));
  return true;
};

const imul: Lower = (l, op) => {
  if (!isNarrow(l, op)) return false;
  const { b } = l;
  const bits = bitsOf(op);
  const place = l.place(op, false);
  const operands = op.form!.operands.length;
  const [left, right] =
    operands === 1
      ? [low(l, EAX, bits), l.value(op, op.kind1, op.a, place)]
      : operands === 2
        ? [l.value(op, op.kind1, op.a, place), l.value(op, op.kind2, op.b, place)]
        : [l.value(op, op.kind2, op.b, place), b.const(op.immediate)];
  const product = b.pure(W.i32_mul, l.signed(left, bits), l.signed(right, bits));
  if (operands === 1) storeProduct(l, bits, product);
  else l.store(op.kind1, op.a, undefined, product);
  productFlags(l, b.pure(W.i32_ne, product, l.signed(product, bits)));
  return true;
};

/** AX, or DX and AX. */
function dividend(l: Lowering, bits: number): Value {
  const { b } = l;
  if (bits === 8) return low(l, EAX, 16);
  return b.pure(W.i32_or, b.pure(W.i32_shl, b.get(EDX), b.const(16)), low(l, EAX, 16));
}

/** What raises #DE leaves the region. */
const div: Lower = (l, op) => {
  if (!isNarrow(l, op)) return false;
  const { b } = l;
  const bits = bitsOf(op);
  const by = l.value(op, op.kind1, op.a, l.place(op, false));
  const all = dividend(l, bits);
  b.leave(b.pure(W.i32_ge_u, b.pure(W.i32_shr_u, all, b.const(bits)), by));
  storePair(l, bits, b.pure(W.i32_div_u, all, by), b.pure(W.i32_rem_u, all, by));
  divisionFlags(l);
  return true;
};

/** By neither 0 nor -1, which the host's division does not like; and what raises #DE leaves the region. */
const idiv: Lower = (l, op) => {
  if (!isNarrow(l, op)) return false;
  const { b } = l;
  const bits = bitsOf(op);
  const by = l.signed(l.value(op, op.kind1, op.a, l.place(op, false)), bits);
  b.leave(b.pure(W.i32_lt_u, l.add(by, 1), b.const(2)));
  const all = bits === 8 ? l.signed(b.get(EAX), 16) : dividend(l, bits);
  const quotient = b.pure(W.i32_div_s, all, by);
  b.leave(b.pure(W.i32_ne, quotient, l.signed(quotient, bits)));
  storePair(l, bits, quotient, b.pure(W.i32_rem_s, all, by));
  divisionFlags(l);
  return true;
};

const aam: Lower = (l, op) => {
  const base = op.immediate & 0xff;
  if (base === 0) return false;
  const { b } = l;
  const al = low(l, EAX, 8);
  const rest = b.pure(W.i32_rem_u, al, b.const(base));
  storePair(l, 8, rest, b.pure(W.i32_div_u, al, b.const(base)));
  l.flagsOfLogic(rest, 8);
  return true;
};

const aad: Lower = (l, op) => {
  const { b } = l;
  const left = low(l, EAX, 8);
  const high = b.pure(W.i32_and, b.pure(W.i32_shr_u, b.get(EAX), b.const(8)), b.const(0xff));
  const right = b.pure(W.i32_and, b.pure(W.i32_mul, high, b.const(op.immediate)), b.const(0xff));
  const sum = b.pure(W.i32_add, left, right);
  l.store(KIND.R16, EAX * 2, undefined, b.pure(W.i32_and, sum, b.const(0xff)));
  l.flagsOfSum(left, right, sum, 8);
  return true;
};

/** By the names of their forms; those of 32 bits are in lower-integer.ts. */
export const narrow: Readonly<Record<string, Lower>> = { mul, imul, div, idiv, aam, aad };
