/** Shifts and rotations → IR: counts modulo 32; AF and OF as cpu/undefined.ts has them. */
import { KIND, type Operation } from "../cpu/operation.ts";
import { ECX } from "../cpu/state.ts";
import { I64, W } from "../wasm/index.ts";
import { SLOT, type Value, WHAT } from "./ir.ts";
import { bit, bitsOf, isMemory, isRegister, type Lowering } from "./lower.ts";
import { FLAGS } from "./status.ts";

const { CF } = SLOT;

type Shift = (l: Lowering, left: Value, count: Value, bits: number) => Value;

/** `change` works for every count but 0. */
function shift(l: Lowering, op: Operation, change: Shift): boolean {
  const { b } = l;
  if (op.kind2 === KIND.IMMEDIATE && (op.immediate & 31) === 0) return isRegister(op.kind1);
  if (!l.usable(op)) return false;
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
    value = change(l, left, count, bitsOf(op));
  });
  // Shifts and rotations by 0 give the same value.
  l.store(op.kind1, op.a, place, value);
  return true;
}

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
  // Of narrow operands it is above them, as long as it is not 0.
  const carry =
    bits < 32
      ? topBit(l, value, bits, 0)
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

/** A narrow operand turned: by 0 one of the halves is beyond it. */
function turned(l: Lowering, left: Value, count: Value, bits: number, up: boolean): Value {
  const { b } = l;
  const by = b.pure(W.i32_and, count, b.const(bits - 1));
  const rest = b.pure(W.i32_sub, b.const(bits), by);
  const [there, back] = up ? [W.i32_shl, W.i32_shr_u] : [W.i32_shr_u, W.i32_shl];
  return b.pure(W.i32_or, b.pure(there, left, by), b.pure(back, left, rest));
}

const rol: Shift = (l, left, count, bits) => {
  const { b } = l;
  const value = bits === 32 ? b.pure(W.i32_rotl, left, count) : turned(l, left, count, bits, true);
  const carry = bit(l, value);
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, bits)));
  return value;
};

const ror: Shift = (l, left, count, bits) => {
  const { b } = l;
  const value = bits === 32 ? b.pure(W.i32_rotr, left, count) : turned(l, left, count, bits, false);
  const carry = topBit(l, value, bits);
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, bits, 2)));
  return value;
};

/** Through CF by 1, of 32 bits: what long numbers are shifted with. */
const isByOne = (count: Value, bits: number): boolean =>
  bits === 32 && count.what === WHAT.CONST && count.number === 1;

/** Turned through CF, which comes behind the topmost bit, in 64 bits. Narrow counts are taken modulo 9 and 17. */
function turnedThroughCarry(l: Lowering, left: Value, count: Value, bits: number, up: boolean): Value {
  const { b } = l;
  const all = bits + 1;
  const by = b.pure(W.i64_extend_i32_u, bits < 31 ? b.pure(W.i32_rem_u, count, b.const(all)) : count);
  const carry = b.pure(W.i64_shl, b.pure(W.i64_extend_i32_u, b.get(CF)), b.wide(I64, BigInt(bits)));
  const value = b.pure(W.i64_or, b.pure(W.i64_extend_i32_u, left), carry);
  const rest = b.pure(W.i64_sub, b.wide(I64, BigInt(all)), by);
  const [there, back] = up ? [W.i64_shl, W.i64_shr_u] : [W.i64_shr_u, W.i64_shl];
  return b.pure(W.i64_or, b.pure(there, value, by), b.pure(back, value, rest));
}

const carryOf = (l: Lowering, turned: Value, bits: number): Value =>
  bit(l, l.b.pure(W.i32_wrap_i64, l.b.pure(W.i64_shr_u, turned, l.b.wide(I64, BigInt(bits)))));

const rcl: Shift = (l, left, count, bits) => {
  const { b } = l;
  let value: Value;
  let carry: Value;
  if (isByOne(count, bits)) {
    value = b.pure(W.i32_or, b.pure(W.i32_shl, left, b.const(1)), b.get(CF));
    carry = topBit(l, left, 32);
  } else {
    const turned = turnedThroughCarry(l, left, count, bits, true);
    value = b.pure(W.i32_wrap_i64, turned);
    carry = carryOf(l, turned, bits);
  }
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, carry, topBit(l, value, bits)));
  return value;
};

const rcr: Shift = (l, left, count, bits) => {
  const { b } = l;
  let value: Value;
  let carry: Value;
  if (isByOne(count, bits)) {
    const high = b.pure(W.i32_shl, b.get(CF), b.const(31));
    value = b.pure(W.i32_or, b.pure(W.i32_shr_u, left, b.const(1)), high);
    carry = bit(l, left);
  } else {
    const turned = turnedThroughCarry(l, left, count, bits, false);
    value = b.pure(W.i32_wrap_i64, turned);
    carry = carryOf(l, turned, bits);
  }
  l.setCarryAndOverflow(carry, b.pure(W.i32_xor, topBit(l, value, bits), topBit(l, value, bits, 2)));
  return value;
};

/**
 * The operands in a row, shifted in 64 bits. Of 16 bits the second stands there twice: so do processors when the count
 * is larger (cpu/undefined.ts).
 */
function shiftedInRow(
  l: Lowering,
  left: Value,
  right: Value,
  count: Value,
  bits: number,
  toTop: boolean,
): Value {
  const { b } = l;
  // A count of 0 may become known as well: the second operand would be shifted by 32, which is by 0.
  if (bits === 32 && count.what === WHAT.CONST && count.number !== 0) {
    const [here, there] = toTop ? [W.i32_shl, W.i32_shr_u] : [W.i32_shr_u, W.i32_shl];
    return b.pure(W.i32_or, b.pure(here, left, count), b.pure(there, right, b.const(32 - count.number)));
  }
  const wide = (value: Value, at: number): Value =>
    b.pure(W.i64_shl, b.pure(W.i64_extend_i32_u, value), b.wide(I64, BigInt(at)));
  const by = b.pure(W.i64_extend_i32_u, count);
  const both = bits === 32 ? right : b.pure(W.i32_or, right, b.pure(W.i32_shl, right, b.const(16)));
  if (toTop) {
    const row = b.pure(W.i64_or, wide(left, 32), b.pure(W.i64_extend_i32_u, both));
    const shifted = b.pure(W.i64_shl, row, by);
    return b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, shifted, b.wide(I64, 32n)));
  }
  const row = b.pure(W.i64_or, b.pure(W.i64_extend_i32_u, left), wide(both, bits));
  return b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, row, by));
}

function double(l: Lowering, op: Operation, toTop: boolean): boolean {
  const { b } = l;
  const constant = op.extra !== 1;
  if (!l.usable(op) || (constant && (op.immediate & 31) === 0)) return false;
  const bits = bitsOf(op);
  const place = isMemory(op.kind1) ? l.place(op, true) : undefined;
  const left = l.value(op, op.kind1, op.a, place);
  const right = l.value(op, op.kind2, op.b, place);
  const count = constant ? b.const(op.immediate & 31) : b.pure(W.i32_and, b.get(ECX), b.const(31));
  const change = (): Value => {
    const value = shiftedInRow(l, left, right, count, bits, toTop);
    const alone = b.pure(W.i32_shl, left, count);
    const carry = !toTop
      ? bit(l, b.pure(W.i32_shr_u, left, less(l, count, 1)))
      : bits < 32
        ? topBit(l, alone, bits, 0)
        : bit(l, b.pure(W.i32_shr_u, left, b.pure(W.i32_sub, b.const(bits), count)));
    const overflow = toTop
      ? b.pure(W.i32_xor, carry, topBit(l, alone, bits))
      : b.pure(W.i32_xor, topBit(l, value, bits), topBit(l, value, bits, 2));
    return shifted(l, value, bits, carry, overflow);
  };
  let value = left;
  if (constant) value = change();
  else
    l.flagsUnless(b.pure(W.i32_eqz, count), () => {
      value = change();
    });
  // Shifted by 0 it is the same.
  l.store(op.kind1, op.a, place, value);
  return true;
}

/** By the names of their forms. */
export function lowerShift(l: Lowering, op: Operation, name: string): boolean {
  switch (name) {
    case "shl":
      return shift(l, op, shl);
    case "shr":
      return shift(l, op, shr);
    case "sar":
      return shift(l, op, sar);
    case "rol":
      return shift(l, op, rol);
    case "ror":
      return shift(l, op, ror);
    case "rcl":
      return shift(l, op, rcl);
    case "rcr":
      return shift(l, op, rcr);
    case "shld":
      return double(l, op, true);
    case "shrd":
      return double(l, op, false);
    default:
      return false;
  }
}
