/**
 * x86 operations → IR: what all families of instructions share, operands and flags. The families are in lower-*.ts.
 * Every function of theirs either lowers all of an operation and answers true, or changes nothing and answers false;
 * then the operation is executed through the interpreter's executor. Checks come before the first effect: what leaves
 * the region leaves it before the instruction.
 */
import { KEPT } from "../cpu/flags.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { ESP, SEGMENT, STATE, WORD } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { W } from "../wasm/index.ts";
import { EXACTING, type Guesses } from "./guesses.ts";
import { type Builder, SLOT, type Value, WHAT } from "./ir.ts";
import { FLAGS } from "./status.ts";

const { RESULT, AUX, KIND: FLAGS_KIND, CF } = SLOT;

/** Of the x87's status word: something was rounded; the top. */
const PE = 0x20;
const TOP = 0x3800;
const TOP_SHIFT = 11;

/** Bits 31 and 30 of CARRIES; all but these. */
export const TOP_TWO = 0xc000_0000 | 0;
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
  readonly #guesses: Guesses;
  #comparison: Comparison | undefined;
  /** The physical number of the x87's top, as far as it can be guessed. */
  top: number | undefined;

  constructor(words: Int32Array, builder: Builder, guesses: Guesses, top: number | undefined) {
    this.b = builder;
    this.words = words;
    this.#guesses = guesses;
    this.top = top;
  }

  /** What the present instruction, the first of the x87 for a while, may rely on. */
  x87Guess(): { top: number | undefined; isSticky: boolean; mask: number; value: number } {
    const { b, top } = this;
    const status = this.words[STATE.X87_STATUS >> 2]!;
    if (!this.#guesses.mayGuess(b.eip) || b.without === "guesses") {
      this.top = undefined;
      return { top: undefined, isSticky: false, mask: 0, value: 0 };
    }
    const isSticky = (status & PE) !== 0;
    if (!isSticky) this.#guesses.exacting |= EXACTING.X87;
    const mask = (top === undefined ? 0 : TOP) | (isSticky ? PE : 0);
    const value = (top === undefined ? 0 : top << TOP_SHIFT) | (isSticky ? PE : 0);
    if (mask !== 0) this.#guesses.status.set(b.eip, { mask, value });
    return { top, isSticky, mask, value };
  }

  /** Whether PE of MXCSR is relied on, which it can be when it is set already. */
  isSseSticky(): boolean {
    const isSticky = (this.words[WORD.MXCSR]! & PE) !== 0;
    if (!isSticky) this.#guesses.exacting |= EXACTING.SSE;
    return isSticky;
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
    if (right.what === WHAT.CONST && right.number === 0 && carried === undefined) {
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
    if (kind.what === WHAT.CONST && kind.number === FLAGS.WORD) return aux;
    const sum = b.pure(W.i32_eq, kind, b.const(FLAGS.SUM));
    const left = b.select(sum, b.pure(W.i32_sub, result, aux), result);
    const total = b.select(sum, result, b.pure(W.i32_add, result, aux));
    const word = b.pure(W.i32_and, this.#carries(left, aux, total), b.const(KEPT));
    return kind.what === WHAT.CONST ? word : b.select(kind, word, aux);
  }

  /** Makes AUX all of CARRIES, without changing a flag. */
  joinFlags(): void {
    const { b } = this;
    const carries = this.carries();
    const differs = b.pure(W.i32_xor, b.pure(W.i32_shr_u, carries, b.const(31)), b.get(CF));
    // OF is the difference of the two topmost bits.
    const topTwo = b.pure(W.i32_and, b.pure(W.i32_sub, b.const(0), differs), b.const(TOP_TWO));
    this.setFlags(b.get(RESULT), FLAGS.WORD, b.pure(W.i32_xor, carries, topTwo), b.get(CF));
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
    if (kind.what === WHAT.CONST && (kind.number !== FLAGS.WORD || aux.what === WHAT.CONST)) {
      const corrected = kind.number === FLAGS.WORD && aux.number & 1;
      return corrected ? this.#not(result) : result;
    }
    const correction = b.pure(W.i32_shl, aux, b.const(31));
    const corrected = b.pure(W.i32_xor, result, correction);
    return kind.what === WHAT.CONST ? corrected : b.select(kind, result, corrected);
  }
}

/** Lowers an operation that goes on with the next one. False: nothing was done, the executor must. */
export type Lower = (l: Lowering, op: Operation) => boolean;

export const isMemory = (kind: number): boolean => kind >= KIND.M8 && kind <= KIND.M32;
export const isRegister = (kind: number): boolean => kind >= KIND.R8 && kind <= KIND.R32;
const bytesOf = (kind: number): number => 1 << (kind - KIND.M8);
export const bitsOf = (op: Operation): number => 32 - op.shift;

/** Bit 0. */
export const bit = (l: Lowering, value: Value): Value => l.b.pure(W.i32_and, value, l.b.const(1));

/** A word of the state page that is in no slot. */
export const loadState = (l: Lowering, at: number): Value => l.b.load(W.i32_load, l.b.const(0), at);

const isCarryOf = (carry: Value, { left, right }: Comparison): boolean =>
  carry.what === WHAT.PURE && carry.opcode === W.i32_lt_u && carry.a === left && carry.b === right;
