/**
 * Sum and product of two numbers of the x87 as values: the same as in cpu/fast/x87.ts, without a branch but those that
 * lead to what is rare. 128 bits are a significand and a rest, of which the top bit is a half and the lowest sticky.
 */
import { I64, type Opcode, W } from "../wasm/index.ts";
import type { Builder, Value } from "./ir.ts";
import type { Number80 } from "./x87-stack.ts";

const SIGN = 0x8000;
const EXPONENT = 0x7fff;
const BIAS = 0x3fff;
/** In the word of a result, above sign and exponent. */
const PE_SHIFT = 16 + 5;
const C1_SHIFT = 16 + 9;

/** Significands known to belong to zeros or normal numbers. */
const plain = new WeakSet<Value>();

export function markPlain(number: Number80): Number80 {
  plain.add(number.significand);
  return number;
}

/** A result, and PE and C1 as status bits. */
export type Calculated = readonly [result: Number80, raised: Value];

class Inline {
  readonly b: Builder;
  /** Not to tell PE. */
  readonly #isSticky: boolean;
  readonly #doubts: Value[] = [];
  /** What is refused, of that which is in doubt. */
  readonly #specials: Value[] = [];

  constructor(b: Builder, isSticky: boolean) {
    this.b = b;
    this.#isSticky = isSticky;
  }

  long(value: bigint): Value {
    return this.b.wide(I64, value);
  }

  op(opcode: Opcode, x: Value, y?: Value): Value {
    return this.b.pure(opcode, x, y);
  }

  any(...conditions: Value[]): Value {
    return conditions.reduce((sum, each) => this.op(W.i32_or, sum, each));
  }

  not(condition: Value): Value {
    return this.op(W.i32_eqz, condition);
  }

  exponent({ head }: Number80): Value {
    return this.op(W.i32_and, head, this.b.const(EXPONENT));
  }

  sign(value: Value): Value {
    return this.op(W.i32_and, value, this.b.const(SIGN));
  }

  isZero({ significand }: Number80): Value {
    return this.op(W.i64_eqz, significand);
  }

  doubt(condition: Value): void {
    this.#doubts.push(condition);
  }

  /** Both must be normal, or zero in doubt: of those the integer bit tells which. */
  demandNormal(x: Number80, y: Number80): void {
    this.doubt(this.op(W.i64_ge_s, this.op(W.i64_and, x.significand, y.significand), this.long(0n)));
    for (const number of [x, y]) {
      if (plain.has(number.significand)) continue;
      plain.add(number.significand);
      const exponent = this.exponent(number);
      const isExtreme = this.#isExtreme(exponent);
      this.doubt(isExtreme);
      const isZero = this.op(
        W.i64_eqz,
        this.op(W.i64_or, number.significand, this.op(W.i64_extend_i32_u, exponent)),
      );
      const isUnnormal = this.op(W.i64_ge_s, number.significand, this.long(0n));
      this.#specials.push(this.op(W.i32_and, this.any(isExtreme, isUnnormal), this.not(isZero)));
    }
  }

  #isExtreme(exponent: Value): Value {
    return this.op(W.i32_ge_u, this.op(W.i32_add, exponent, this.b.const(-1)), this.b.const(EXPONENT - 1));
  }

  /**
   * Rounds to nearest. In doubt the result is `other`, a significand and a word, unless `refused` is not 0; a
   * significand that becomes 2^64 is refused: too rare to be worth more than leaving.
   */
  rounded(
    sign: Value,
    exponent: Value,
    significand: Value,
    rest: Value,
    refused: Value,
    other: readonly [Value, Value],
  ): Calculated {
    const { b } = this;
    const odd = this.op(W.i64_and, significand, this.long(1n));
    const up = this.op(W.i64_gt_u, this.op(W.i64_or, rest, odd), this.long(-(1n << 63n)));
    const sum = this.op(W.i64_add, significand, this.op(W.i64_extend_i32_u, up));
    this.doubt(this.#isExtreme(exponent));
    this.doubt(this.op(W.i64_eqz, sum));
    const head = this.op(W.i32_or, sign, exponent);
    let word = this.op(W.i32_or, head, this.op(W.i32_shl, up, b.const(C1_SHIFT)));
    if (!this.#isSticky) {
      const inexact = this.op(W.i64_ne, rest, this.long(0n));
      word = this.op(W.i32_or, word, this.op(W.i32_shl, inexact, b.const(PE_SHIFT)));
    }
    const made = b.mend([sum, word], this.#doubts, this.any(refused, ...this.#specials), other);
    return [markPlain({ significand: made[0], head: made[1] }), this.op(W.i32_shr_u, made[1], b.const(16))];
  }

  /** A number out of doubt. */
  mended(usual: Number80, refused: Value, other: readonly [Value, Value]): Number80 {
    const [significand, head] = this.b.mend([usual.significand, usual.head], this.#doubts, refused, other);
    return markPlain({ significand, head });
  }
}

export function product(b: Builder, x: Number80, y: Number80, isSticky: boolean): Calculated {
  const c = new Inline(b, isSticky);
  c.demandNormal(x, y);
  const low = (value: Value): Value => c.op(W.i64_and, value, c.long(0xffff_ffffn));
  const high = (value: Value): Value => c.op(W.i64_shr_u, value, c.long(32n));
  const [xLow, xHigh, yLow, yHigh] = [
    low(x.significand),
    high(x.significand),
    low(y.significand),
    high(y.significand),
  ];
  // No sum overflows: (2^32-1)^2 + 2 (2^32-1) is 2^64-1.
  const lowest = c.op(W.i64_mul, xLow, yLow);
  const middle = c.op(W.i64_add, c.op(W.i64_mul, xHigh, yLow), high(lowest));
  const other = c.op(W.i64_add, c.op(W.i64_mul, xLow, yHigh), low(middle));
  const top = c.op(W.i64_add, c.op(W.i64_add, c.op(W.i64_mul, xHigh, yHigh), high(middle)), high(other));
  const rest = c.op(W.i64_or, c.op(W.i64_shl, other, c.long(32n)), low(lowest));
  // One place to the left where the product is below 2.
  const shift = c.op(W.i64_xor, c.op(W.i64_shr_u, top, c.long(63n)), c.long(1n));
  const significand = c.op(
    W.i64_or,
    c.op(W.i64_shl, top, shift),
    c.op(W.i64_and, c.op(W.i64_shr_u, rest, c.long(63n)), shift),
  );
  const exponents = c.op(W.i32_add, c.exponent(x), c.exponent(y));
  const exponent = c.op(
    W.i32_sub,
    c.op(W.i32_sub, exponents, b.const(BIAS - 1)),
    c.op(W.i32_wrap_i64, shift),
  );
  const sign = c.sign(c.op(W.i32_xor, x.head, y.head));
  // A zero times what is no infinity and no NaN is zero.
  const isNeither = c.not(c.any(c.isZero(x), c.isZero(y)));
  return c.rounded(sign, exponent, significand, c.op(W.i64_shl, rest, shift), isNeither, [c.long(0n), sign]);
}

export function sum(b: Builder, x: Number80, y: Number80, isSticky: boolean): Calculated {
  const c = new Inline(b, isSticky);
  c.demandNormal(x, y);
  const zero = c.long(0n);
  // The larger magnitude first: the mask is all ones where they are exchanged.
  const difference = c.op(W.i32_sub, c.exponent(x), c.exponent(y));
  const order = c.op(W.i32_sub, difference, c.op(W.i64_lt_u, x.significand, y.significand));
  const swap = c.op(W.i32_shr_s, order, b.const(31));
  const wideSwap = c.op(W.i64_extend_i32_s, swap);
  const both = c.op(W.i64_and, c.op(W.i64_xor, x.significand, y.significand), wideSwap);
  const large = c.op(W.i64_xor, x.significand, both);
  const small = c.op(W.i64_xor, y.significand, both);
  const heads = c.op(W.i32_xor, x.head, y.head);
  const sign = c.sign(c.op(W.i32_xor, x.head, c.op(W.i32_and, heads, swap)));
  const exponent = c.op(W.i32_sub, c.exponent(x), c.op(W.i32_and, difference, swap));
  const apart = c.op(W.i32_sub, c.op(W.i32_xor, difference, swap), swap);
  const distance = c.op(W.i64_extend_i32_u, apart);
  // One place is kept free above, so both words hold 128 bits shifted right by one, the smaller by the distance more.
  c.doubt(c.op(W.i32_gt_u, apart, b.const(63)));
  const aligned = c.op(W.i64_shr_u, c.op(W.i64_shr_u, small, c.long(1n)), distance);
  const beyond = c.op(W.i64_shl, small, c.op(W.i64_sub, c.long(63n), distance));
  // Subtracted: the complement of both words is added, and 1.
  const differ = c.op(W.i64_extend_i32_u, c.op(W.i32_shr_u, c.sign(heads), b.const(15)));
  const mask = c.op(W.i64_sub, zero, differ);
  const lowest = c.op(W.i64_shl, large, c.long(63n));
  const rest = c.op(W.i64_add, c.op(W.i64_add, lowest, c.op(W.i64_xor, beyond, mask)), differ);
  // What goes over into the upper word: of a difference also when nothing was taken away.
  const carry = c.op(W.i64_lt_u, rest, c.op(W.i64_add, lowest, differ));
  const total = c.op(
    W.i64_add,
    c.op(W.i64_add, c.op(W.i64_shr_u, large, c.long(1n)), c.op(W.i64_xor, aligned, mask)),
    c.op(W.i64_extend_i32_u, carry),
  );
  const isNothing = c.op(W.i64_eqz, total);
  c.doubt(isNothing);
  const zeros = c.op(W.i64_clz, total);
  const significand = c.op(
    W.i64_or,
    c.op(W.i64_shl, total, zeros),
    c.op(W.i64_shr_u, c.op(W.i64_shr_u, rest, c.long(1n)), c.op(W.i64_sub, c.long(63n), zeros)),
  );
  const scale = c.op(W.i32_sub, c.op(W.i32_add, exponent, b.const(1)), c.op(W.i32_wrap_i64, zeros));
  // In doubt it is the larger one, beside which the other is nothing or as good as that: with a distance of 66 it is
  // less than a quarter of the last place. Or they cancel, which makes +0 (SDM vol. 1, 4.8.3.1), zeros as well.
  const isSmallNothing = c.op(W.i64_eqz, small);
  const isFar = c.op(W.i32_gt_u, apart, b.const(65));
  const cancels = c.op(
    W.i32_and,
    c.op(W.i32_eqz, apart),
    c.op(W.i32_and, c.op(W.i64_eq, large, small), c.op(W.i32_wrap_i64, differ)),
  );
  const refused = c.not(c.any(isSmallNothing, isFar, cancels));
  const head = c.op(W.i32_or, sign, exponent);
  // What is taken away from it is made up for by rounding.
  const lost = c.not(isSmallNothing);
  const up = c.op(W.i32_and, lost, c.op(W.i32_wrap_i64, differ));
  const raised = c.op(
    W.i32_or,
    c.op(W.i32_shl, lost, b.const(PE_SHIFT)),
    c.op(W.i32_shl, up, b.const(C1_SHIFT)),
  );
  return c.rounded(sign, scale, significand, c.op(W.i64_shl, rest, zeros), refused, [
    b.select(cancels, zero, large),
    b.select(cancels, b.const(0), c.op(W.i32_or, head, raised)),
  ]);
}

type Format = { readonly fraction: number; readonly most: number; readonly bias: number };

/** A single or double, given its bits: a normal one, and in doubt a zero; others are refused. */
export function widened(b: Builder, bits: Value, { fraction, most, bias }: Format): Number80 {
  const c = new Inline(b, true);
  const top = c.op(W.i32_wrap_i64, c.op(W.i64_shr_u, bits, c.long(BigInt(fraction))));
  const exponent = c.op(W.i32_and, top, b.const(most));
  // The sign is above the exponent.
  const sign = c.sign(c.op(W.i32_shl, top, b.const(15 - (32 - Math.clz32(most)))));
  const significand = c.op(
    W.i64_or,
    c.op(W.i64_shl, bits, c.long(BigInt(63 - fraction))),
    c.long(-(1n << 63n)),
  );
  const head = c.op(W.i32_or, sign, c.op(W.i32_add, exponent, b.const(BIAS - bias)));
  // The extremes are those that 1 more makes 1 or 0.
  const next = c.op(W.i32_and, c.op(W.i32_add, exponent, b.const(1)), b.const(most));
  c.doubt(c.op(W.i32_lt_u, next, b.const(2)));
  const isOther = c.op(W.i64_ne, c.op(W.i64_shl, bits, c.long(most === 0xff ? 33n : 1n)), c.long(0n));
  return c.mended({ significand, head }, isOther, [c.long(0n), sign]);
}
