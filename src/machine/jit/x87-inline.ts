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

  /**
   * Rounds to nearest. A significand of 0 is zero, with the sign that it has in any case. One that becomes 2^64 by
   * rounding is refused: too rare to be worth more than leaving.
   */
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
    // 0 or 1, and all bits of it.
    const something = this.op("i64_ne", sum, this.long(0n));
    const last = this.op("i32_and", exponent, this.op("i32_sub", b.const(0), something));
    let refused = this.op("i32_ge_u", this.op("i32_sub", last, something), b.const(EXPONENT - 1));
    refused = this.op("i32_or", refused, this.op("i32_gt_u", up, something));
    for (const each of special) if (each) refused = this.op("i32_or", refused, each);
    const inexact = this.op("i64_ne", rest, this.long(0n));
    return {
      result: markPlain({ significand: sum, head: this.op("i32_or", sign, last) }),
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
  const shift = c.op("i64_xor", c.op("i64_shr_u", top, c.long(63n)), c.long(1n));
  const significand = c.op(
    "i64_or",
    c.op("i64_shl", top, shift),
    c.op("i64_and", c.op("i64_shr_u", rest, c.long(63n)), shift),
  );
  const exponents = c.op("i32_add", c.exponent(x), c.exponent(y));
  const exponent = c.op(
    "i32_sub",
    c.op("i32_sub", exponents, b.const(BIAS - 1)),
    c.op("i32_wrap_i64", shift),
  );
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
  // One place is kept free above, so both words hold 128 bits shifted right by one, the smaller by the distance more.
  // From 66 on nothing is left of it but that it is there; 64 and 65 are too rare to be worth more than leaving.
  const near = c.op("i64_lt_u", distance, c.long(64n));
  const present = c.op("i64_ne", small, zero);
  const aligned = b.select(near, c.op("i64_shr_u", c.op("i64_shr_u", small, c.long(1n)), distance), zero);
  const beyond = b.select(
    near,
    c.op("i64_shl", small, c.op("i64_sub", c.long(63n), distance)),
    c.op("i64_extend_i32_u", present),
  );
  const between = c.op(
    "i32_and",
    c.op("i64_lt_u", c.op("i64_sub", distance, c.long(64n)), c.long(2n)),
    present,
  );
  // Subtracted: the complement of both words is added, and 1.
  const differ = c.op("i32_shr_u", c.sign(c.op("i32_xor", x.head, y.head)), b.const(15));
  const wideDiffer = c.op("i64_extend_i32_u", differ);
  const mask = c.op("i64_sub", zero, wideDiffer);
  const lowest = c.op("i64_shl", large, c.long(63n));
  const rest = c.op("i64_add", c.op("i64_add", lowest, c.op("i64_xor", beyond, mask)), wideDiffer);
  // What goes over into the upper word: of a difference also when nothing was taken away.
  const carry = b.select(differ, c.op("i64_le_u", beyond, lowest), c.op("i64_lt_u", rest, lowest));
  const total = c.op(
    "i64_add",
    c.op("i64_add", c.op("i64_shr_u", large, c.long(1n)), c.op("i64_xor", aligned, mask)),
    c.op("i64_extend_i32_u", carry),
  );
  const zeros = c.op("i64_clz", total);
  const significand = c.op(
    "i64_or",
    c.op("i64_shl", total, zeros),
    c.op("i64_shr_u", c.op("i64_shr_u", rest, c.long(1n)), c.op("i64_sub", c.long(63n), zeros)),
  );
  const nothing = c.op("i64_eqz", total);
  // All of it in the lower word: rare as well.
  const lost = c.op("i32_and", nothing, c.op("i64_ne", rest, zero));
  const scale = c.op("i32_sub", c.op("i32_add", exponent, b.const(1)), c.op("i32_wrap_i64", zeros));
  // What cancels is +0. SDM vol. 1, 4.8.3.1.
  const sign = c.op("i32_and", head, b.select(c.op("i32_and", nothing, differ), b.const(0), b.const(SIGN)));
  return c.rounded(sign, scale, significand, c.op("i64_shl", rest, zeros), [...special, lost, between]);
}
