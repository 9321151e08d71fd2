/** Shifts and rotations → IR: counts modulo 32; AF and OF as cpu/undefined.ts has them. */
import { KIND } from "../cpu/operation.ts";
import { ECX } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import { FLAGS, SLOT, type Value } from "./ir.ts";
import { bit, bitsOf, isMemory, isRegister, type Lower, type Lowering } from "./lower.ts";

const { CF } = SLOT;

type Shift = (l: Lowering, left: Value, count: Value, bits: number) => Value;

/** `changes` works for every count but 0. Narrow operands only by constants. */
const shift =
  (change: Shift): Lower =>
  (l, op) => {
    const { b } = l;
    if (op.kind2 === KIND.IMMEDIATE && (op.immediate & 31) === 0) return isRegister(op.kind1);
    const narrow = op.shift !== 0;
    if (!l.usable(op) || (narrow && op.kind2 !== KIND.IMMEDIATE)) return false;
    const place = isMemory(op.kind1) ? l.place(op, true) : undefined;
    const left = l.value(op, op.kind1, op.a, place);
    if (op.kind2 === KIND.IMMEDIATE) {
      l.store(op.kind1, op.a, place, change(l, left, b.const(op.immediate & 31), bitsOf(op)));
      return true;
    }
    const count = b.pure(W.i32_and, b.get(ECX), b.const(31));
    const zero = b.pure(W.i32_eqz, count);
    let value = left;
    l.flagsUnless(zero, () => {
      value = change(l, left, count, 32);
    });
    // Shifts and rotations by 0 give the same value.
    l.store(op.kind1, op.a, place, value);
    return true;
  };

const less = (l: Lowering, count: Value, by: number): Value => l.b.pure(W.i32_sub, count, l.b.const(by));

/** AUX of OF (0 or 1) and AF after a shift. */
function shifted(l: Lowering, value: Value, bits: number, carry: Value, overflow: Value): Value {
  const { b } = l;
  const aux = b.pure(W.i32_or, b.pure(W.i32_shl, overflow, b.const(30)), b.const(8));
  l.setFlags(l.signed(value, bits), FLAGS.WORD, aux, carry);
  return value;
}

const shl: Shift = (l, left, count, bits) => {
  const { b } = l;
  const value = b.pure(W.i32_shl, left, count);
  const carry =
    count.what === "const" && count.number > bits
      ? b.const(0)
      : bit(l, b.pure(W.i32_shr_u, left, b.pure(W.i32_sub, b.const(bits), count)));
  const top = bit(l, b.pure(W.i32_shr_u, value, b.const(bits - 1)));
  return shifted(l, value, bits, carry, b.pure(W.i32_xor, carry, top));
};

const shr: Shift = (l, left, count, bits) => {
  const { b } = l;
  const value = b.pure(W.i32_shr_u, left, count);
  const carry = bit(l, b.pure(W.i32_shr_u, left, less(l, count, 1)));
  return shifted(l, value, bits, carry, bit(l, b.pure(W.i32_shr_u, value, b.const(bits - 2))));
};

const sar: Shift = (l, narrow, count, bits) => {
  const { b } = l;
  const left = l.signed(narrow, bits);
  const value = b.pure(W.i32_shr_s, left, count);
  const carry = bit(l, b.pure(W.i32_shr_s, left, less(l, count, 1)));
  return shifted(l, value, bits, carry, b.const(0));
};

const topBit = (l: Lowering, value: Value, bits: number, below = 1): Value =>
  bit(l, l.b.pure(W.i32_shr_u, value, l.b.const(bits - below)));

const rol: Shift = (l, left, count, bits) => {
  const { b } = l;
  let value: Value;
  if (bits === 32) value = b.pure(W.i32_rotl, left, count);
  else {
    const by = count.number & (bits - 1);
    const up = b.pure(W.i32_shl, left, b.const(by));
    value = b.pure(W.i32_or, up, by === 0 ? left : b.pure(W.i32_shr_u, left, b.const(bits - by)));
  }
  const carry = bit(l, value);
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, bits)));
  return value;
};

const ror: Shift = (l, left, count, bits) => {
  const { b } = l;
  let value: Value;
  if (bits === 32) value = b.pure(W.i32_rotr, left, count);
  else {
    const by = count.number & (bits - 1);
    const down = b.pure(W.i32_shr_u, left, b.const(by));
    value = b.pure(W.i32_or, down, by === 0 ? left : b.pure(W.i32_shl, left, b.const(bits - by)));
  }
  const carry = topBit(l, value, bits);
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, bits, 2)));
  return value;
};

const byOne =
  (lower: Lower): Lower =>
  (l, op) =>
    op.shift === 0 && op.kind2 === KIND.IMMEDIATE && (op.immediate & 31) === 1 && lower(l, op);

const rcl: Shift = (l, left) => {
  const { b } = l;
  const value = b.pure(W.i32_or, b.pure(W.i32_shl, left, b.const(1)), b.get(CF));
  const carry = topBit(l, left, 32);
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, 32)));
  return value;
};

const rcr: Shift = (l, left) => {
  const { b } = l;
  const high = b.pure(W.i32_shl, b.get(CF), b.const(31));
  const value = b.pure(W.i32_or, b.pure(W.i32_shr_u, left, b.const(1)), high);
  l.setCarryAndOverflow(bit(l, left), b.pure(W.i32_xor, topBit(l, value, 32), topBit(l, value, 32, 2)));
  return value;
};

/** By constants, and of 32 bits, only. */
const double =
  (toTop: boolean): Lower =>
  (l, op) => {
    const { b } = l;
    const count = op.immediate & 31;
    if (op.shift !== 0 || op.extra === 1 || count === 0 || !l.usable(op)) return false;
    const place = isMemory(op.kind1) ? l.place(op, true) : undefined;
    const left = l.value(op, op.kind1, op.a, place);
    const right = l.value(op, op.kind2, op.b, place);
    const [here, there] = toTop ? [W.i32_shl, W.i32_shr_u] : [W.i32_shr_u, W.i32_shl];
    const value = b.pure(
      W.i32_or,
      b.pure(here, left, b.const(count)),
      b.pure(there, right, b.const(32 - count)),
    );
    const carry = bit(l, b.pure(W.i32_shr_u, left, b.const(toTop ? 32 - count : count - 1)));
    const overflow = toTop
      ? b.pure(W.i32_xor, carry, topBit(l, b.pure(W.i32_shl, left, b.const(count)), 32))
      : b.pure(W.i32_xor, topBit(l, value, 32), topBit(l, value, 32, 2));
    l.store(op.kind1, op.a, place, shifted(l, value, 32, carry, overflow));
    return true;
  };

/** By the names of their forms. */
export const shifts: Readonly<Record<string, Lower>> = {
  shl: shift(shl),
  shr: shift(shr),
  sar: shift(sar),
  rol: shift(rol),
  ror: shift(ror),
  rcl: byOne(shift(rcl)),
  rcr: byOne(shift(rcr)),
  shld: double(true),
  shrd: double(false),
};
