/**
 * Sum and product of two numbers of the x87 as values: the same as in cpu/fast/x87.ts, without a branch. 128 bits are a
 * significand and a rest, of which the top bit is a half and the lowest sticky.
 */
import { I64, W } from "../wasm/index.ts";
import type { Builder, Value } from "./ir.ts";
import type { Number80 } from "./x87-stack.ts";

const SIGN = 0x8000;
const EXPONENT = 0x7fff;
const BIAS = 0x3fff;
const PE_SHIFT = 5;
const C1_SHIFT = 9;

/** Significands known to belong to zeros or normal numbers. */
const plain = new WeakSet<Value>();

export function markPlain(number: Number80): Number80 {
  plain.add(number.significand);
  return number;
}

/** The operation is refused where `refused` is not 0. */
export interface Calculated {
  readonly result: Number80;
  /** PE and C1 as status bits. */
  readonly raised: Value;
  readonly refused: Value;
}

class Inline {
  readonly b: Builder;

  constructor(b: Builder) {
    this.b = b;
  }

  long(value: bigint): Value {
    return this.b.wide(I64, value);
  }

  op(name: keyof typeof W, ...args: Value[]): Value {
    return this.b.pure(W[name], ...args);
  }

  exponent({ head }: Number80): Value {
    return this.op("i32_and", head, this.b.const(EXPONENT));
  }

  sign(value: Value): Value {
    return this.op("i32_and", value, this.b.const(SIGN));
  }

  /** Not 0 for what is neither zero nor normal; undefined when it is known to be. */
  isSpecial(number: Number80): Value | undefined {
    const { significand } = number;
    if (plain.has(significand)) return undefined;
    plain.add(significand);
    const { b } = this;
    const exponent = this.exponent(number);
    const normal = this.op(
      "i32_and",
      this.op("i64_lt_s", significand, this.long(0n)),
      this.op("i32_lt_u", this.op("i32_sub", exponent, b.const(1)), b.const(EXPONENT - 1)),
    );
    const zero = this.op("i64_eqz", this.op("i64_or", significand, this.op("i64_extend_i32_u", exponent)));
    return this.op("i32_eqz", this.op("i32_or", normal, zero));
  }

  /** Rounds to nearest. A significand of 0 is zero, with the sign that it has in any case. */
  rounded(
    sign: Value,
    exponent: Value,
    significand: Value,
    rest: Value,
    special: readonly (Value | undefined)[],
  ): Calculated {
    const { b } = this;
    const odd = this.op("i64_and", significand, this.long(1n));
    const up = this.op("i64_gt_u", this.op("i64_or", rest, odd), this.long(-(1n << 63n)));
    const sum = this.op("i64_add", significand, this.op("i64_extend_i32_u", up));
    const nothing = this.op("i64_eqz", sum);
    const carried = this.op("i32_and", up, nothing);
    const zero = this.op("i32_and", nothing, this.op("i32_eqz", up));
    const whole = this.op(
      "i64_or",
      sum,
      this.op("i64_shl", this.op("i64_extend_i32_u", carried), this.long(63n)),
    );
    const last = this.op("i32_add", exponent, carried);
    const outside = this.op(
      "i32_ge_u",
      this.op("i32_sub", b.select(zero, b.const(1), last), b.const(1)),
      b.const(EXPONENT - 1),
    );
    let refused = outside;
    for (const each of special) if (each) refused = this.op("i32_or", refused, each);
    const inexact = this.op("i64_ne", rest, this.long(0n));
    return {
      result: markPlain({
        significand: whole,
        head: this.op("i32_or", sign, b.select(zero, b.const(0), last)),
      }),
      raised: this.op(
        "i32_or",
        this.op("i32_shl", inexact, b.const(PE_SHIFT)),
        this.op("i32_shl", up, b.const(C1_SHIFT)),
      ),
      refused,
    };
  }
}

export function product(b: Builder, x: Number80, y: Number80): Calculated {
  const c = new Inline(b);
  const special = [c.isSpecial(x), c.isSpecial(y)];
  const low = (value: Value): Value => c.op("i64_and", value, c.long(0xffff_ffffn));
  const high = (value: Value): Value => c.op("i64_shr_u", value, c.long(32n));
  const [xLow, xHigh, yLow, yHigh] = [
    low(x.significand),
    high(x.significand),
    low(y.significand),
    high(y.significand),
  ];
  // No sum overflows: (2^32-1)^2 + 2 (2^32-1) is 2^64-1.
  const lowest = c.op("i64_mul", xLow, yLow);
  const middle = c.op("i64_add", c.op("i64_mul", xHigh, yLow), high(lowest));
  const other = c.op("i64_add", c.op("i64_mul", xLow, yHigh), low(middle));
  const top = c.op("i64_add", c.op("i64_add", c.op("i64_mul", xHigh, yHigh), high(middle)), high(other));
  const rest = c.op("i64_or", c.op("i64_shl", other, c.long(32n)), low(lowest));
  // One place to the left where the product is below 2.
  const small = c.op("i64_ge_s", top, c.long(0n));
  const shift = c.op("i64_extend_i32_u", small);
  const significand = b.select(
    small,
    c.op("i64_or", c.op("i64_shl", top, c.long(1n)), c.op("i64_shr_u", rest, c.long(63n))),
    top,
  );
  const exponents = c.op("i32_add", c.exponent(x), c.exponent(y));
  const exponent = c.op("i32_sub", c.op("i32_sub", exponents, b.const(BIAS - 1)), small);
  const sign = c.sign(c.op("i32_xor", x.head, y.head));
  return c.rounded(sign, exponent, significand, c.op("i64_shl", rest, shift), special);
}

export function sum(b: Builder, x: Number80, y: Number80): Calculated {
  const c = new Inline(b);
  const special = [c.isSpecial(x), c.isSpecial(y)];
  const zero = c.long(0n);
  const [xExponent, yExponent] = [c.exponent(x), c.exponent(y)];
  // The larger magnitude first.
  const swapped = c.op(
    "i32_or",
    c.op("i32_lt_u", xExponent, yExponent),
    c.op("i32_and", c.op("i32_eq", xExponent, yExponent), c.op("i64_lt_u", x.significand, y.significand)),
  );
  const large = b.select(swapped, y.significand, x.significand);
  const small = b.select(swapped, x.significand, y.significand);
  const head = b.select(swapped, y.head, x.head);
  const exponent = b.select(swapped, yExponent, xExponent);
  const distance = c.op(
    "i64_extend_i32_u",
    c.op("i32_sub", exponent, b.select(swapped, xExponent, yExponent)),
  );
  // Shifted right, in two steps: a shift by 64 would be one by 0. From 64 on little is left: two bits and sticky.
  const near = c.op("i64_lt_u", distance, c.long(64n));
  const nearRest = c.op(
    "i64_shl",
    c.op("i64_shl", small, c.op("i64_sub", c.long(63n), distance)),
    c.long(1n),
  );
  const sticky = c.op("i64_extend_i32_u", c.op("i64_ne", small, zero));
  const farRest = b.select(
    c.op("i64_eq", distance, c.long(64n)),
    small,
    b.select(
      c.op("i64_eq", distance, c.long(65n)),
      c.op("i64_or", c.op("i64_shr_u", small, c.long(1n)), c.op("i64_and", small, c.long(1n))),
      sticky,
    ),
  );
  const aligned = b.select(near, c.op("i64_shr_u", small, distance), zero);
  const beyond = b.select(near, nearRest, farRest);
  // Subtracted: the complement of both words is added.
  const differ = c.op("i32_shr_u", c.sign(c.op("i32_xor", x.head, y.head)), b.const(15));
  const mask = c.op("i64_sub", zero, c.op("i64_extend_i32_u", differ));
  const rest = c.op("i64_sub", c.op("i64_xor", beyond, mask), mask);
  const one = c.op("i64_and", mask, c.op("i64_extend_i32_u", c.op("i64_eqz", beyond)));
  const total = c.op("i64_add", c.op("i64_add", large, c.op("i64_xor", aligned, mask)), one);
  const carry = c.op("i32_and", c.op("i64_lt_u", total, large), c.op("i32_eqz", differ));
  // To the left by the leading zeros, of which a sum has none.
  const zeros = c.op("i64_clz", total);
  const left = c.op(
    "i64_or",
    c.op("i64_shl", total, zeros),
    c.op("i64_shr_u", c.op("i64_shr_u", rest, c.long(1n)), c.op("i64_sub", c.long(63n), zeros)),
  );
  // Or to the right by the carry.
  const right = c.op("i64_or", c.op("i64_shr_u", total, c.long(1n)), c.long(-(1n << 63n)));
  const rightRest = c.op(
    "i64_or",
    c.op("i64_shl", total, c.long(63n)),
    c.op("i64_or", c.op("i64_shr_u", rest, c.long(1n)), c.op("i64_and", rest, c.long(1n))),
  );
  const significand = b.select(carry, right, left);
  const last = b.select(carry, rightRest, c.op("i64_shl", rest, zeros));
  const nothing = c.op("i64_eqz", total);
  // All of it in the rest: too rare to be worth more than leaving.
  const lost = c.op("i32_and", c.op("i32_and", nothing, c.op("i32_eqz", carry)), c.op("i64_ne", rest, zero));
  const scale = b.select(
    carry,
    c.op("i32_add", exponent, b.const(1)),
    c.op("i32_sub", exponent, c.op("i32_wrap_i64", zeros)),
  );
  // What cancels is +0. SDM vol. 1, 4.8.3.1.
  const cancelled = c.op("i32_and", c.op("i32_and", nothing, differ), c.op("i32_eqz", carry));
  const sign = b.select(cancelled, b.const(0), c.sign(head));
  return c.rounded(sign, scale, significand, last, [...special, lost]);
}
