/** Bit strings in memory, counts of bits, and exchanges → IR. SDM vol. 1, 7.3.6 and 7.3.1.2. */
import { KIND, type Operation } from "../cpu/operation.ts";
import { EAX, EBX, ECX, EDX } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { W } from "../wasm/index.ts";
import { SLOT, type Value } from "./ir.ts";
import { bit, bitsOf, isMemory, type Lower, type Lowering } from "./lower.ts";
import { FLAGS } from "./status.ts";

const { CF, RESULT } = SLOT;

/** A bit by a register's number in memory, which reaches 2^31 bits to both sides. SDM vol. 2A, BT. */
const bitString =
  (change: ((l: Lowering, value: Value, mask: Value) => Value) | undefined): Lower =>
  (l, op) => {
    if (!isMemory(op.kind1) || op.kind2 === KIND.IMMEDIATE || !l.usable(op)) return false;
    const { b } = l;
    const bits = bitsOf(op);
    const size = bits >> 3;
    const offset = l.signed(l.value(op, op.kind2, op.b, undefined), bits);
    const elements = b.pure(W.i32_shr_s, offset, b.const(bits === 32 ? 5 : 4));
    const bytes = b.pure(W.i32_shl, elements, b.const(bits === 32 ? 2 : 1));
    const address = b.pure(W.i32_add, l.address(op), bytes);
    b.check(address, size, change !== undefined);
    const number = b.pure(W.i32_and, offset, b.const(bits - 1));
    const value = l.loadPlain(address, size);
    if (change) l.storePlain(address, size, change(l, value, b.pure(W.i32_shl, b.const(1), number)));
    b.set(CF, bit(l, b.pure(W.i32_shr_u, value, number)));
    return true;
  };

/** ZF of the source, the others cleared: a result of 1 has odd parity, one of 0 is told by bit 8 (cpu/flags.ts). */
const popcnt: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const { b } = l;
  const value = l.value(op, op.kind2, op.b, l.place(op, false));
  const zero = b.pure(W.i32_eqz, value);
  l.store(op.kind1, op.a, undefined, b.pure(W.i32_popcnt, value));
  l.setFlags(
    b.pure(W.i32_xor, zero, b.const(1)),
    FLAGS.WORD,
    b.pure(W.i32_shl, zero, b.const(8)),
    b.const(0),
  );
  return true;
};

/** CF of the source, ZF of the count; OF stays, SF, AF and PF are 0. */
const counted =
  (count: (l: Lowering, value: Value, bits: number) => Value): Lower =>
  (l, op) => {
    if (!l.usable(op)) return false;
    const { b } = l;
    const value = l.value(op, op.kind2, op.b, l.place(op, false));
    const found = count(l, value, bitsOf(op));
    const none = b.pure(W.i32_eqz, found);
    const overflow = b.pure(W.i32_shl, l.condition(0), b.const(30));
    l.store(op.kind1, op.a, undefined, found);
    l.setFlags(
      b.pure(W.i32_xor, none, b.const(1)),
      FLAGS.WORD,
      b.pure(W.i32_or, overflow, b.pure(W.i32_shl, none, b.const(8))),
      b.pure(W.i32_eqz, value),
    );
    return true;
  };

function swapped(l: Lowering, value: Value, size: number): Value {
  const { b } = l;
  const turned = b.pure(W.i32_rotl, value, b.const(8));
  if (size === 2) return b.pure(W.i32_or, turned, b.pure(W.i32_shr_u, value, b.const(8)));
  return b.pure(
    W.i32_or,
    b.pure(W.i32_and, turned, b.const(0x00ff_00ff)),
    b.pure(W.i32_and, b.pure(W.i32_rotr, value, b.const(8)), b.const(0xff00_ff00 | 0)),
  );
}

const movbe: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const place = l.place(op, isMemory(op.kind1));
  l.store(op.kind1, op.a, place, swapped(l, l.value(op, op.kind2, op.b, place), bitsOf(op) >> 3));
  return true;
};

// Exchanges --------------------------------------------------------------------------------------------------

const xadd: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const { b } = l;
  const place = l.place(op, true);
  const left = l.value(op, op.kind1, op.a, place);
  const right = l.value(op, op.kind2, op.b, place);
  const sum = b.pure(W.i32_add, left, right);
  // With one register twice the sum stays.
  if (place === undefined) l.store(op.kind2, op.b, undefined, left);
  l.store(op.kind1, op.a, place, sum);
  if (place !== undefined) l.store(op.kind2, op.b, undefined, left);
  l.flagsOfSum(left, right, sum, bitsOf(op));
  return true;
};

const accumulatorKind = (op: Operation): number =>
  op.shift === 24 ? KIND.R8 : op.shift === 16 ? KIND.R16 : KIND.R32;

const cmpxchg: Lower = (l, op) => {
  if (!l.usable(op)) return false;
  const { b } = l;
  const kind = accumulatorKind(op);
  const place = l.place(op, true);
  const accumulator = l.value(op, kind, EAX, undefined);
  const found = l.value(op, op.kind1, op.a, place);
  const same = b.pure(W.i32_eq, accumulator, found);
  const put = b.select(same, l.value(op, op.kind2, op.b, place), found);
  l.store(op.kind1, op.a, place, put);
  // Where they are the same it is what is there: but EAX itself may have been the destination.
  if (place !== undefined) l.store(kind, EAX, undefined, found);
  else l.store(kind, EAX, undefined, b.select(same, l.value(op, kind, EAX, undefined), found));
  l.flagsOfDifference(accumulator, found, b.pure(W.i32_sub, accumulator, found), bitsOf(op));
  return true;
};

/** ZF alone changes: SF and PF keep their values through the corrections, as in cpu/processor.ts. */
function setZero(l: Lowering, zero: Value): void {
  const { b } = l;
  const replacement = b.pure(W.i32_eqz, zero);
  const change = b.pure(W.i32_xor, b.get(RESULT), replacement);
  const parity = b.pure(W.i32_shl, b.pure(W.i32_and, change, b.const(0xff)), b.const(8));
  const corrections = b.pure(W.i32_or, parity, b.pure(W.i32_shr_u, change, b.const(31)));
  l.setFlags(replacement, FLAGS.WORD, b.pure(W.i32_xor, l.carries(), corrections), b.get(CF));
}

const cmpxchg8b: Lower = (l, op) => {
  if (!l.plain(op)) return false;
  const { b } = l;
  const address = l.address(op);
  b.check(address, 8, true);
  const low = b.load(W.i32_load, address, RAM_BASE);
  const high = b.load(W.i32_load, address, RAM_BASE + 4);
  const differ = b.pure(W.i32_or, b.pure(W.i32_xor, low, b.get(EAX)), b.pure(W.i32_xor, high, b.get(EDX)));
  b.store(W.i32_store, address, b.select(differ, low, b.get(EBX)), RAM_BASE);
  b.store(W.i32_store, address, b.select(differ, high, b.get(ECX)), RAM_BASE + 4);
  // Where they are the same they stay.
  b.set(EAX, low);
  b.set(EDX, high);
  setZero(l, b.pure(W.i32_eqz, differ));
  return true;
};

const inverted = (l: Lowering, mask: Value): Value => l.b.pure(W.i32_xor, mask, l.b.const(-1));

/** By the names of their forms; BT and its like on registers are in lower-integer.ts. */
export const bits: Readonly<Record<string, Lower>> = {
  bt: bitString(undefined),
  bts: bitString((l, value, mask) => l.b.pure(W.i32_or, value, mask)),
  btr: bitString((l, value, mask) => l.b.pure(W.i32_and, value, inverted(l, mask))),
  btc: bitString((l, value, mask) => l.b.pure(W.i32_xor, value, mask)),
  popcnt,
  tzcnt: counted((l, value, bits) => {
    const { b } = l;
    return bits === 32
      ? b.pure(W.i32_ctz, value)
      : b.pure(W.i32_ctz, b.pure(W.i32_or, value, b.const(1 << bits)));
  }),
  lzcnt: counted((l, value, bits) => l.add(l.b.pure(W.i32_clz, value), bits - 32)),
  movbe,
  xadd,
  cmpxchg,
  cmpxchg8b,
};
