/**
 * x86 operations → IR, the general registers' part. Every function either lowers all of an operation and answers
 * true, or changes nothing and answers false; then the operation is executed through the interpreter's executor.
 * Checks come before the first effect: what leaves the region leaves it before the instruction.
 */
import type { Core } from "../cpu/engine.ts";
import { DF, KEPT } from "../cpu/flags.ts";
import { OP } from "../cpu/op.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { EAX, EBP, EBX, ECX, EDI, EDX, ES, ESI, ESP, SEGMENT, SS, STATE, WORD } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { W } from "../wasm/index.ts";
import { type Builder, FLAGS, SLOT, type Value } from "./ir.ts";

const { RESULT, AUX, KIND: FLAGS_KIND, CF } = SLOT;

/** Bits 31 and 30 of CARRIES; all but these. */
const TOP_TWO = 0xc000_0000 | 0;
const LOW = 0x3fff_ffff;

/** The comparison that the flags come from, if they do: condition codes become one comparison then. */
interface Comparison {
  /** Operands zero-extended and sign-extended. */
  readonly left: Value;
  readonly right: Value;
  readonly leftSigned: Value;
  readonly rightSigned: Value;
  readonly result: Value;
  readonly aux: Value;
}

/** One block being lowered. */
export class Lowering {
  readonly b: Builder;
  /** The state page, for what holds as long as the region does, or is only a guess. */
  readonly words: Int32Array;
  #comparison: Comparison | undefined;

  constructor(core: Core, builder: Builder) {
    this.b = builder;
    this.words = core.memory.words;
  }

  // Operands -------------------------------------------------------------------------------------------------

  isFlat(segment: number): boolean {
    return (this.words[WORD.RIGHTS + segment]! & SEGMENT.FLAT) !== 0;
  }

  /** Whether the memory operand, if there is one, is an offset of 32 bits in a flat segment. */
  plain(op: Operation): boolean {
    return op.addressMask === -1 && this.isFlat(op.segment);
  }

  /** Whether both operands can be lowered: registers, constants, plain memory of up to 32 bits. */
  usable(op: Operation): boolean {
    return this.#usable(op, op.kind1) && this.#usable(op, op.kind2);
  }

  #usable(op: Operation, kind: number): boolean {
    if (isMemory(kind)) return this.plain(op);
    return kind <= KIND.R32 || kind === KIND.IMMEDIATE;
  }

  /** The address of the memory operand. `grown`: bytes that ESP has grown by already. */
  address(op: Operation, grown = 0): Value {
    const { b } = this;
    let sum: Value | undefined;
    if (op.base !== WORD.ZERO) {
      sum = b.get(op.base);
      if (op.base === ESP && grown !== 0) sum = this.add(sum, grown);
    }
    if (op.index !== WORD.ZERO) {
      const index = b.pure(W.i32_shl, b.get(op.index), b.const(op.scale));
      sum = sum === undefined ? index : b.pure(W.i32_add, sum, index);
    }
    if (sum === undefined) return b.const(op.displacement);
    return this.add(sum, op.displacement);
  }

  add(value: Value, number: number): Value {
    return this.b.pure(W.i32_add, value, this.b.const(number));
  }

  /** Guest memory, zero-extended. The caller has checked the place. */
  loadPlain(address: Value, size: number): Value {
    const opcode = size === 4 ? W.i32_load : size === 2 ? W.i32_load16_u : W.i32_load8_u;
    return this.b.load(opcode, address, RAM_BASE);
  }

  storePlain(address: Value, size: number, value: Value): void {
    const opcode = size === 4 ? W.i32_store : size === 2 ? W.i32_store16 : W.i32_store8;
    this.b.store(opcode, address, value, RAM_BASE);
  }

  /** An operand, zero-extended. A place in memory must be `checked` before. */
  value(op: Operation, kind: number, index: number, address: Value | undefined): Value {
    const { b } = this;
    switch (kind) {
      case KIND.R8: {
        const register = b.get(index >> 2);
        return b.pure(
          W.i32_and,
          index & 1 ? b.pure(W.i32_shr_u, register, b.const(8)) : register,
          b.const(255),
        );
      }
      case KIND.R16:
        return b.pure(W.i32_and, b.get(index >> 1), b.const(0xffff));
      case KIND.R32:
        return b.get(index);
      case KIND.IMMEDIATE:
        if (op.soft) return b.load(W.i32_load, b.const(op.address + op.constantAt), RAM_BASE);
        return b.const(op.immediate);
      default:
        return this.loadPlain(address!, bytesOf(kind));
    }
  }

  /** Stores an operand; bits of `value` beyond its size are cut off. */
  store(kind: number, index: number, address: Value | undefined, value: Value): void {
    const { b } = this;
    switch (kind) {
      case KIND.R8: {
        const high = index & 1;
        const register = index >> 2;
        const kept = b.pure(W.i32_and, b.get(register), b.const(high ? ~0xff00 : ~0xff));
        const byte = b.pure(W.i32_and, value, b.const(255));
        b.set(register, b.pure(W.i32_or, kept, high ? b.pure(W.i32_shl, byte, b.const(8)) : byte));
        break;
      }
      case KIND.R16: {
        const register = index >> 1;
        const kept = b.pure(W.i32_and, b.get(register), b.const(~0xffff));
        b.set(register, b.pure(W.i32_or, kept, b.pure(W.i32_and, value, b.const(0xffff))));
        break;
      }
      case KIND.R32:
        b.set(index, value);
        break;
      default:
        this.storePlain(address!, bytesOf(kind), value);
    }
  }

  /** The address of whichever operand is in memory, checked. */
  place(op: Operation, writes: boolean): Value | undefined {
    const kind = isMemory(op.kind1) ? op.kind1 : op.kind2;
    if (!isMemory(kind)) return undefined;
    const address = this.address(op);
    this.b.check(address, bytesOf(kind), writes);
    return address;
  }

  /** `value` of so many bits, sign-extended. */
  signed(value: Value, bits: number): Value {
    const { b } = this;
    if (bits === 32) return value;
    return b.pure(bits === 8 ? W.i32_extend8_s : W.i32_extend16_s, value);
  }

  // Flags ----------------------------------------------------------------------------------------------------

  setFlags(result: Value, kind: number, aux: Value, carry: Value): void {
    const { b } = this;
    b.set(RESULT, result);
    b.set(FLAGS_KIND, b.const(kind));
    b.set(AUX, aux);
    b.set(CF, carry);
    this.#comparison = undefined;
  }

  /** ZF, SF and PF of a value of so many bits; the others cleared. */
  flagsOfLogic(value: Value, bits: number): void {
    const zero = this.b.const(0);
    this.setFlags(this.signed(value, bits), FLAGS.WORD, zero, zero);
  }

  /** `value` is the sum before it was cut to `bits`; the carry into it comes with `carried`. */
  flagsOfSum(left: Value, right: Value, value: Value, bits: number, carried?: Value): void {
    const { b } = this;
    const result = this.signed(value, bits);
    if (bits === 32 && carried === undefined) {
      this.setFlags(result, FLAGS.SUM, right, b.pure(W.i32_lt_u, value, left));
      return;
    }
    const carry = carried ?? b.pure(W.i32_and, b.pure(W.i32_shr_u, value, b.const(bits)), b.const(1));
    this.setFlags(result, FLAGS.WORD, this.#word(this.#carries(left, right, value), bits), carry);
  }

  flagsOfDifference(left: Value, right: Value, value: Value, bits: number, carried?: Value): void {
    const { b } = this;
    const result = this.signed(value, bits);
    const carry = carried ?? b.pure(W.i32_lt_u, left, right);
    if (right.what === "const" && right.number === 0 && carried === undefined) {
      this.setFlags(result, FLAGS.WORD, right, right);
    } else if (bits === 32 && carried === undefined) {
      this.setFlags(result, FLAGS.DIFFERENCE, right, carry);
    } else {
      this.setFlags(result, FLAGS.WORD, this.#word(this.#borrows(left, right, value), bits), carry);
    }
    if (carried === undefined) {
      this.#comparison = {
        left,
        right,
        leftSigned: this.signed(left, bits),
        rightSigned: this.signed(right, bits),
        result,
        aux: b.get(AUX),
      };
    }
  }

  /** The vector of carries out of each bit: see cpu/flags.ts. */
  #carries(left: Value, right: Value, value: Value): Value {
    const { b } = this;
    const either = b.pure(W.i32_and, b.pure(W.i32_or, left, right), this.#not(value));
    return b.pure(W.i32_or, b.pure(W.i32_and, left, right), either);
  }

  #borrows(left: Value, right: Value, value: Value): Value {
    const { b } = this;
    const same = b.pure(W.i32_and, this.#not(b.pure(W.i32_xor, left, right)), value);
    return b.pure(W.i32_or, b.pure(W.i32_and, this.#not(left), right), same);
  }

  #not(value: Value): Value {
    return this.b.pure(W.i32_xor, value, this.b.const(-1));
  }

  /** What CARRIES keeps of a vector of carries. */
  #word(carries: Value, bits: number): Value {
    const { b } = this;
    if (bits === 32) return b.pure(W.i32_and, carries, b.const(KEPT));
    const top = b.pure(W.i32_and, b.pure(W.i32_shl, carries, b.const(32 - bits)), b.const(TOP_TWO));
    return b.pure(W.i32_or, top, b.pure(W.i32_and, carries, b.const(8)));
  }

  /** CARRIES but for CF: bit 31 is what bit 30 was made with. */
  carries(): Value {
    const { b } = this;
    const kind = b.get(FLAGS_KIND);
    const aux = b.get(AUX);
    const result = b.get(RESULT);
    if (kind.what === "const" && kind.number === FLAGS.WORD) return aux;
    const sum = b.pure(W.i32_eq, kind, b.const(FLAGS.SUM));
    const left = b.select(sum, b.pure(W.i32_sub, result, aux), result);
    const total = b.select(sum, result, b.pure(W.i32_add, result, aux));
    const word = b.pure(W.i32_and, this.#carries(left, aux, total), b.const(KEPT));
    return kind.what === "const" ? word : b.select(kind, word, aux);
  }

  /** Sets CF and OF (0 or 1 each) and leaves the other flags. */
  setCarryAndOverflow(carry: Value, overflow: Value): void {
    const { b } = this;
    const rest = b.pure(W.i32_and, this.carries(), b.const(LOW));
    this.setFlags(
      b.get(RESULT),
      FLAGS.WORD,
      b.pure(W.i32_or, rest, b.pure(W.i32_shl, overflow, b.const(30))),
      carry,
    );
  }

  /** Sets the flags to what they become, on the condition that a count is not zero. */
  flagsUnless(zero: Value, change: () => void): void {
    const { b } = this;
    const slots = [RESULT, FLAGS_KIND, AUX, CF];
    const before = slots.map((slot) => b.get(slot));
    change();
    for (const [i, slot] of slots.entries()) b.set(slot, b.select(zero, before[i]!, b.get(slot)));
    this.#comparison = undefined;
  }

  /** 1 or 0 (or not 0): whether condition `code` holds. */
  condition(code: number): Value {
    const { b } = this;
    const holds = this.#positive(code >> 1);
    return code & 1 ? b.pure(W.i32_eqz, holds) : holds;
  }

  #positive(code: number): Value {
    const { b } = this;
    const result = b.get(RESULT);
    const from = this.#comparison;
    const compared =
      from !== undefined && from.result === result && from.aux === b.get(AUX) ? from : undefined;
    const zero = (): Value =>
      compared ? b.pure(W.i32_eq, compared.left, compared.right) : b.pure(W.i32_eqz, result);
    switch (code) {
      case 0:
        return b.pure(W.i32_shr_u, this.#overflow(), b.const(31));
      case 1:
        return b.get(CF);
      case 2:
        return zero();
      case 3:
        return compared && isCarryOf(b.get(CF), compared)
          ? b.pure(W.i32_le_u, compared.left, compared.right)
          : b.pure(W.i32_or, b.get(CF), zero());
      case 4:
        return b.pure(W.i32_lt_s, this.#sign(), b.const(0));
      case 5: {
        const corrected = b.pure(
          W.i32_and,
          b.pure(W.i32_xor, result, b.pure(W.i32_shr_u, this.carries(), b.const(8))),
          b.const(255),
        );
        // CARRIES has bits above 15 that are no part of the byte.
        return b.pure(W.i32_eqz, b.pure(W.i32_and, b.pure(W.i32_popcnt, corrected), b.const(1)));
      }
      case 6:
        return this.#less(compared);
      default:
        return compared
          ? b.pure(W.i32_le_s, compared.leftSigned, compared.rightSigned)
          : b.pure(W.i32_or, zero(), this.#less(compared));
    }
  }

  #less(compared: Comparison | undefined): Value {
    const { b } = this;
    if (compared) return b.pure(W.i32_lt_s, compared.leftSigned, compared.rightSigned);
    return b.pure(W.i32_lt_s, b.pure(W.i32_xor, this.#sign(), this.#overflow()), b.const(0));
  }

  /** A value whose bit 31 is OF. */
  #overflow(): Value {
    const { b } = this;
    const carries = this.carries();
    return b.pure(W.i32_xor, carries, b.pure(W.i32_shl, carries, b.const(1)));
  }

  /** A value whose bit 31 is SF. */
  #sign(): Value {
    const { b } = this;
    const result = b.get(RESULT);
    const kind = b.get(FLAGS_KIND);
    const aux = b.get(AUX);
    if (kind.what === "const" && (kind.number !== FLAGS.WORD || aux.what === "const")) {
      const corrected = kind.number === FLAGS.WORD && aux.number & 1;
      return corrected ? this.#not(result) : result;
    }
    const correction = b.pure(W.i32_shl, aux, b.const(31));
    const corrected = b.pure(W.i32_xor, result, correction);
    return kind.what === "const" ? corrected : b.select(kind, result, corrected);
  }
}

const isMemory = (kind: number): boolean => kind >= KIND.M8 && kind <= KIND.M32;
const bytesOf = (kind: number): number => 1 << (kind - KIND.M8);

const isCarryOf = (carry: Value, { left, right }: Comparison): boolean =>
  carry.what === "pure" && carry.opcode === W.i32_lt_u && carry.args[0] === left && carry.args[1] === right;

type Lower = (l: Lowering, op: Operation) => boolean;

const bitsOf = (op: Operation): number => 32 - op.shift;

/** Two operands, the first of them read and written. */
const binary =
  (change: (l: Lowering, left: Value, right: Value, bits: number) => Value, compares = false): Lower =>
  (l, op) => {
    if (!l.usable(op)) return false;
    const place = l.place(op, !compares && isMemory(op.kind1));
    const right = l.value(op, op.kind2, op.b, place);
    const left = l.value(op, op.kind1, op.a, place);
    const value = change(l, left, right, bitsOf(op));
    if (!compares) l.store(op.kind1, op.a, place, value);
    return true;
  };

const unary =
  (change: (l: Lowering, value: Value, bits: number) => Value): Lower =>
  (l, op) => {
    if (!l.usable(op)) return false;
    const place = l.place(op, true);
    l.store(op.kind1, op.a, place, change(l, l.value(op, op.kind1, op.a, place), bitsOf(op)));
    return true;
  };

const logic = (opcode: number): Lower =>
  binary((l, left, right, bits) => {
    const value = l.b.pure(opcode, left, right);
    l.flagsOfLogic(value, bits);
    return value;
  });

function sum(l: Lowering, left: Value, right: Value, bits: number): Value {
  const value = l.b.pure(W.i32_add, left, right);
  l.flagsOfSum(left, right, value, bits);
  return value;
}

function difference(l: Lowering, left: Value, right: Value, bits: number): Value {
  const value = l.b.pure(W.i32_sub, left, right);
  l.flagsOfDifference(left, right, value, bits);
  return value;
}

function sumWithCarry(l: Lowering, left: Value, right: Value, bits: number): Value {
  const { b } = l;
  const carry = b.get(CF);
  if (bits < 32) {
    const value = b.pure(W.i32_add, b.pure(W.i32_add, left, right), carry);
    l.flagsOfSum(
      left,
      right,
      value,
      bits,
      b.pure(W.i32_and, b.pure(W.i32_shr_u, value, b.const(bits)), b.const(1)),
    );
    return value;
  }
  const wide = b.pure(
    W.i64_add,
    b.pure(W.i64_add, b.pure(W.i64_extend_i32_u, left), b.pure(W.i64_extend_i32_u, right)),
    b.pure(W.i64_extend_i32_u, carry),
  );
  const value = b.pure(W.i32_wrap_i64, wide);
  l.flagsOfSum(
    left,
    right,
    value,
    bits,
    b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n))),
  );
  return value;
}

function differenceWithBorrow(l: Lowering, left: Value, right: Value, bits: number): Value {
  const { b } = l;
  const carry = b.get(CF);
  if (bits < 32) {
    const value = b.pure(W.i32_sub, b.pure(W.i32_sub, left, right), carry);
    l.flagsOfDifference(left, right, value, bits, b.pure(W.i32_shr_u, value, b.const(31)));
    return value;
  }
  const wide = b.pure(
    W.i64_sub,
    b.pure(W.i64_sub, b.pure(W.i64_extend_i32_u, left), b.pure(W.i64_extend_i32_u, right)),
    b.pure(W.i64_extend_i32_u, carry),
  );
  const value = b.pure(W.i32_wrap_i64, wide);
  l.flagsOfDifference(
    left,
    right,
    value,
    bits,
    b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 63n))),
  );
  return value;
}

/** inc and dec leave CF. */
const step = (of: typeof sum): Lower =>
  unary((l, value, bits) => {
    const { b } = l;
    const carry = b.get(CF);
    const stepped = of(l, value, b.const(1), bits);
    b.set(CF, carry);
    return stepped;
  });

const moved = (l: Lowering, op: Operation, change: (value: Value) => Value): boolean => {
  if (!l.usable(op)) return false;
  const place = l.place(op, isMemory(op.kind1));
  l.store(op.kind1, op.a, place, change(l.value(op, op.kind2, op.b, place)));
  return true;
};

// Shifts: counts modulo 32; AF and OF as cpu/undefined.ts has them. ------------------------------------------

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

const isRegister = (kind: number): boolean => kind >= KIND.R8 && kind <= KIND.R32;

const less = (l: Lowering, count: Value, by: number): Value => l.b.pure(W.i32_sub, count, l.b.const(by));
const bit = (l: Lowering, value: Value): Value => l.b.pure(W.i32_and, value, l.b.const(1));

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

// Multiplication and division of 32 bits ---------------------------------------------------------------------

function productFlags(l: Lowering, tooWide: Value): void {
  l.setCarryAndOverflow(tooWide, tooWide);
}

const imul: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const operands = op.form!.operands.length;
  const place = l.place(op, false);
  if (operands === 1) {
    const right = l.value(op, op.kind1, op.a, place);
    const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_s, b.get(EAX)), b.pure(W.i64_extend_i32_s, right));
    const low = b.pure(W.i32_wrap_i64, wide);
    b.set(EAX, low);
    b.set(EDX, b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n))));
    productFlags(l, b.pure(W.i64_ne, wide, b.pure(W.i64_extend_i32_s, low)));
    return true;
  }
  const right = operands === 3 ? b.const(op.immediate) : l.value(op, op.kind2, op.b, place);
  const left = operands === 3 ? l.value(op, op.kind2, op.b, place) : l.value(op, op.kind1, op.a, place);
  const low = b.pure(W.i32_mul, left, right);
  const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_s, left), b.pure(W.i64_extend_i32_s, right));
  l.store(op.kind1, op.a, undefined, low);
  productFlags(l, b.pure(W.i64_ne, wide, b.pure(W.i64_extend_i32_s, low)));
  return true;
};

const mul: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const right = l.value(op, op.kind1, op.a, l.place(op, false));
  const wide = b.pure(W.i64_mul, b.pure(W.i64_extend_i32_u, b.get(EAX)), b.pure(W.i64_extend_i32_u, right));
  const high = b.pure(W.i32_wrap_i64, b.pure(W.i64_shr_u, wide, b.wide(0x7e, 32n)));
  b.set(EAX, b.pure(W.i32_wrap_i64, wide));
  b.set(EDX, high);
  productFlags(l, b.pure(W.i32_ne, high, b.const(0)));
  return true;
};

/** CF and OF stay: cpu/undefined.ts. */
function divisionFlags(l: Lowering): void {
  const { b } = l;
  const kept = b.pure(W.i32_or, b.pure(W.i32_and, l.carries(), b.const(TOP_TWO)), b.const(8));
  l.setFlags(b.const(1), FLAGS.WORD, kept, b.get(CF));
}

/** What raises #DE leaves the region. */
const div: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const by = l.value(op, op.kind1, op.a, l.place(op, false));
  const high = b.get(EDX);
  const low = b.get(EAX);
  b.leave(b.pure(W.i32_ge_u, high, by));
  if (high.what === "const" && high.number === 0) {
    b.set(EAX, b.pure(W.i32_div_u, low, by));
    b.set(EDX, b.pure(W.i32_rem_u, low, by));
  } else {
    const dividend = b.pure(
      W.i64_or,
      b.pure(W.i64_shl, b.pure(W.i64_extend_i32_u, high), b.wide(0x7e, 32n)),
      b.pure(W.i64_extend_i32_u, low),
    );
    const divisor = b.pure(W.i64_extend_i32_u, by);
    b.set(EAX, b.pure(W.i32_wrap_i64, b.pure(W.i64_div_u, dividend, divisor)));
    b.set(EDX, b.pure(W.i32_wrap_i64, b.pure(W.i64_rem_u, dividend, divisor)));
  }
  divisionFlags(l);
  return true;
};

/** Dividends of 32 bits, sign-extended, by neither 0 nor -1; others are left to the interpreter. */
const idiv: Lower = (l, op) => {
  const { b } = l;
  if (op.shift !== 0 || !l.usable(op)) return false;
  const by = l.value(op, op.kind1, op.a, l.place(op, false));
  const low = b.get(EAX);
  b.leave(b.pure(W.i32_ne, b.get(EDX), b.pure(W.i32_shr_s, low, b.const(31))));
  b.leave(b.pure(W.i32_lt_u, l.add(by, 1), b.const(2)));
  b.set(EAX, b.pure(W.i32_div_s, low, by));
  b.set(EDX, b.pure(W.i32_rem_s, low, by));
  divisionFlags(l);
  return true;
};

// Bits -------------------------------------------------------------------------------------------------------

const bitTest =
  (change: ((l: Lowering, value: Value, mask: Value) => Value) | undefined): Lower =>
  (l, op) => {
    const { b } = l;
    if (!l.usable(op) || (isMemory(op.kind1) && op.kind2 !== KIND.IMMEDIATE)) return false;
    const place = l.place(op, change !== undefined);
    const offset = b.pure(W.i32_and, l.value(op, op.kind2, op.b, place), b.const(bitsOf(op) - 1));
    const value = l.value(op, op.kind1, op.a, place);
    if (change) l.store(op.kind1, op.a, place, change(l, value, b.pure(W.i32_shl, b.const(1), offset)));
    b.set(CF, bit(l, b.pure(W.i32_shr_u, value, offset)));
    return true;
  };

const scan =
  (find: (l: Lowering, value: Value) => Value): Lower =>
  (l, op) => {
    const { b } = l;
    if (!l.usable(op)) return false;
    const place = l.place(op, false);
    const value = l.value(op, op.kind2, op.b, place);
    const found = find(l, value);
    const none = b.pure(W.i32_eqz, value);
    // ZF says whether there was none: a result of 0 becomes 1, with its parity corrected.
    const first = b.pure(W.i32_eqz, found);
    const zero = b.const(0);
    l.setFlags(
      b.select(none, zero, b.select(first, b.const(1), found)),
      FLAGS.WORD,
      b.select(none, zero, b.pure(W.i32_shl, first, b.const(8))),
      zero,
    );
    l.store(op.kind1, op.a, undefined, b.select(none, l.value(op, op.kind1, op.a, undefined), found));
    return true;
  };

const swap = (l: Lowering, value: Value): Value => {
  const { b } = l;
  const turned = b.pure(W.i32_rotl, value, b.const(8));
  const other = b.pure(W.i32_rotr, value, b.const(8));
  return b.pure(
    W.i32_or,
    b.pure(W.i32_and, turned, b.const(0x00ff_00ff)),
    b.pure(W.i32_and, other, b.const(0xff00_ff00 | 0)),
  );
};

// The stack --------------------------------------------------------------------------------------------------

/** Pushes and sets ESP; all checks of the instruction but this one are made. */
export function push(l: Lowering, value: (l: Lowering) => Value): void {
  const { b } = l;
  const esp = l.add(b.get(ESP), -4);
  b.check(esp, 4, true);
  l.storePlain(esp, 4, value(l));
  b.set(ESP, esp);
}

const pushOperand: Lower = (l, op) => {
  if (op.op !== OP.PUSH_R && op.op !== OP.PUSH_I && op.op !== OP.PUSH_M) return false;
  const place = l.place(op, false);
  push(l, () => l.value(op, op.kind1, op.a, place));
  return true;
};

const popOperand: Lower = (l, op) => {
  if (op.op !== OP.POP_R) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 4, false);
  const value = l.loadPlain(esp, 4);
  b.set(ESP, l.add(esp, 4));
  b.set(op.a, value);
  return true;
};

const leave: Lower = (l, op) => {
  if (op.op !== OP.LEAVE) return false;
  const { b } = l;
  const frame = b.get(EBP);
  b.check(frame, 4, false);
  b.set(EBP, l.loadPlain(frame, 4));
  b.set(ESP, l.add(frame, 4));
  return true;
};

const pushAll: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(l.add(esp, -32), 32, true);
  for (let register = 0; register < 8; register++) {
    l.storePlain(l.add(esp, -4 - 4 * register), 4, b.get(register));
  }
  b.set(ESP, l.add(esp, -32));
  return true;
};

const popAll: Lower = (l, op) => {
  if (op.operandSize !== 32 || !l.isFlat(SS)) return false;
  const { b } = l;
  const esp = b.get(ESP);
  b.check(esp, 32, false);
  for (let register = 0; register < 8; register++) {
    if (register !== ESP) b.set(register, l.loadPlain(l.add(esp, 28 - 4 * register), 4));
  }
  b.set(ESP, l.add(esp, 32));
  return true;
};

// Strings without REP ----------------------------------------------------------------------------------------

const wholeState = (l: Lowering, at: number): Value => l.b.load(W.i32_load, l.b.const(0), at);

/** What an index register moves by: the size, or less it if DF is set. */
function stepOf(l: Lowering, size: number): Value {
  const { b } = l;
  const down = b.pure(W.i32_and, wholeState(l, STATE.EFLAGS), b.const(DF));
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
      b.pure(W.i32_and, wholeState(l, STATE.EFLAGS), b.const(DF)),
      b.pure(W.i32_gt_u, count, b.const(MOST_REPEATED)),
    ),
  );
  b.afford(count);
  const length = b.pure(W.i32_shl, count, b.const(log));
  const outside = (start: Value, low: number, size: number): Value => {
    const all = wholeState(l, size);
    const beyond = b.pure(
      W.i32_gt_u,
      b.pure(W.i32_sub, start, wholeState(l, low)),
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

const single =
  (reads: boolean, writes: boolean): Lower =>
  (l, op) => {
    const { b } = l;
    const size = op.extra;
    if (op.addressMask !== -1) return false;
    if ((writes && !l.isFlat(ES)) || (reads && !l.isFlat(op.segment))) return false;
    if (op.rep !== 0) return writes && repeated(l, op, reads);
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
  };

/** scas, and cmps with `both`. */
const compareString =
  (both: boolean): Lower =>
  (l, op) => {
    const { b } = l;
    const size = op.extra;
    if (op.rep !== 0 || op.addressMask !== -1 || !l.isFlat(ES) || (both && !l.isFlat(op.segment)))
      return false;
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
  };

const setDirection =
  (down: boolean): Lower =>
  (l) => {
    const { b } = l;
    const flags = wholeState(l, STATE.EFLAGS);
    const changed = down ? b.pure(W.i32_or, flags, b.const(DF)) : b.pure(W.i32_and, flags, b.const(~DF));
    b.store(W.i32_store, b.const(0), changed, STATE.EFLAGS);
    return true;
  };

const nothing: Lower = () => true;

const families: Readonly<Record<string, Lower>> = {
  mov: (l, op) => moved(l, op, (value) => value),
  movzx: (l, op) => moved(l, op, (value) => value),
  movsx: (l, op) =>
    moved(l, op, (value) => l.signed(value, op.kind2 === KIND.R8 || op.kind2 === KIND.M8 ? 8 : 16)),
  lea: (l, op) => {
    if (op.kind1 !== KIND.R32 || op.addressMask !== -1) return false;
    l.b.set(op.a, l.address(op));
    return true;
  },
  xchg: (l, op) => {
    if (!l.usable(op)) return false;
    const place = l.place(op, true);
    const left = l.value(op, op.kind1, op.a, place);
    const right = l.value(op, op.kind2, op.b, place);
    l.store(op.kind1, op.a, place, right);
    l.store(op.kind2, op.b, place, left);
    return true;
  },
  add: binary(sum),
  adc: binary(sumWithCarry),
  sub: binary(difference),
  sbb: binary(differenceWithBorrow),
  cmp: binary(difference, true),
  and: logic(W.i32_and),
  or: logic(W.i32_or),
  xor: logic(W.i32_xor),
  test: binary((l, left, right, bits) => {
    const value = l.b.pure(W.i32_and, left, right);
    l.flagsOfLogic(value, bits);
    return value;
  }, true),
  inc: step(sum),
  dec: step(difference),
  neg: unary((l, value, bits) => {
    const { b } = l;
    const zero = b.const(0);
    const negative = b.pure(W.i32_sub, zero, value);
    l.flagsOfDifference(zero, value, negative, bits);
    return negative;
  }),
  not: unary((l, value) => l.b.pure(W.i32_xor, value, l.b.const(-1))),
  shl: shift(shl),
  shr: shift(shr),
  sar: shift(sar),
  rol: shift(rol),
  ror: shift(ror),
  rcl: byOne(shift(rcl)),
  rcr: byOne(shift(rcr)),
  shld: double(true),
  shrd: double(false),
  imul,
  mul,
  div,
  idiv,
  bt: bitTest(undefined),
  bts: bitTest((l, value, mask) => l.b.pure(W.i32_or, value, mask)),
  btr: bitTest((l, value, mask) => l.b.pure(W.i32_and, value, l.b.pure(W.i32_xor, mask, l.b.const(-1)))),
  btc: bitTest((l, value, mask) => l.b.pure(W.i32_xor, value, mask)),
  bsf: scan((l, value) => l.b.pure(W.i32_ctz, value)),
  bsr: scan((l, value) => l.b.pure(W.i32_sub, l.b.const(31), l.b.pure(W.i32_clz, value))),
  bswap: (l, op) => {
    if (op.kind1 !== KIND.R32) return false;
    l.b.set(op.a, swap(l, l.b.get(op.a)));
    return true;
  },
  cbw: (l) => {
    l.store(KIND.R16, 0, undefined, l.signed(l.b.get(EAX), 8));
    return true;
  },
  cwde: (l) => {
    l.b.set(EAX, l.signed(l.b.get(EAX), 16));
    return true;
  },
  cwd: (l) => {
    const sign = l.b.pure(W.i32_shr_s, l.signed(l.b.get(EAX), 16), l.b.const(31));
    l.store(KIND.R16, EDX * 2, undefined, sign);
    return true;
  },
  cdq: (l) => {
    l.b.set(EDX, l.b.pure(W.i32_shr_s, l.b.get(EAX), l.b.const(31)));
    return true;
  },
  xlatb: (l, op) => {
    const { b } = l;
    if (!l.plain(op)) return false;
    const address = b.pure(W.i32_add, b.get(EBX), b.pure(W.i32_and, b.get(EAX), b.const(255)));
    b.check(address, 1, false);
    l.store(KIND.R8, EAX, undefined, l.loadPlain(address, 1));
    return true;
  },
  push: pushOperand,
  pop: popOperand,
  leave,
  pushad: pushAll,
  popad: popAll,
  movs: single(true, true),
  stos: single(false, true),
  lods: single(true, false),
  scas: compareString(false),
  cmps: compareString(true),
  clc: (l) => {
    l.b.set(CF, l.b.const(0));
    return true;
  },
  stc: (l) => {
    l.b.set(CF, l.b.const(1));
    return true;
  },
  cmc: (l) => {
    l.b.set(CF, l.b.pure(W.i32_eqz, l.b.get(CF)));
    return true;
  },
  cld: setDirection(false),
  std: setDirection(true),
  nop: nothing,
  pause: nothing,
};

const conditional: Lower = (l, op) => {
  const { b } = l;
  const { name } = op.form!;
  if (name.startsWith("set")) {
    if (!l.usable(op)) return false;
    const place = l.place(op, true);
    l.store(op.kind1, op.a, place, l.condition(op.extra));
    return true;
  }
  if (!name.startsWith("cmov") || !l.usable(op)) return false;
  const place = l.place(op, false);
  const value = l.value(op, op.kind2, op.b, place);
  l.store(
    op.kind1,
    op.a,
    undefined,
    b.select(l.condition(op.extra), value, l.value(op, op.kind1, op.a, undefined)),
  );
  return true;
};

/** Lowers an operation that goes on with the next one. False: nothing was done, the executor must. */
export function lowerInteger(l: Lowering, op: Operation): boolean {
  if (op.op === OP.NOP) return true;
  const form = op.form;
  if (form === undefined) return false;
  if (op.soft && op.kind1 !== KIND.IMMEDIATE && op.kind2 !== KIND.IMMEDIATE) return false;
  if (form.operands.some(({ file }) => file !== undefined && file !== "general")) return false;
  if (form.condition >= 0) return conditional(l, op);
  const name = op.string ? form.name.slice(0, -1) : form.name;
  const family = families[name];
  // far pointers, control registers and the like have their executors
  return family?.(l, op) ?? false;
}
