/**
 * What the x87 computes with numbers that are values, as patterns: the same as in cpu/fast/x87.ts, without a branch but
 * those that lead to what is rare. 128 bits are a significand and a rest, of which the top bit is a half and the lowest
 * sticky.
 */
import { type Expression, I32, I64, W } from "../wasm/index.ts";
import { type Builder, type Value, WHAT } from "./ir.ts";
import { addPattern, i32, i64, PatternWriter, select } from "./patterns.ts";
import type { Number80 } from "./x87-stack.ts";

const SIGN = 0x8000;
const EXPONENT = 0x7fff;
const BIAS = 0x3fff;
const PE = 5;
const C1 = 9;
/** In the word of a result, what is raised is above sign and exponent. */
const RAISED = 16;
const ZERO = i64.const(0n);
const ONE = i64.const(1n);
const TOP_BIT = i64.const(-(1n << 63n));

// What is known of values --------------------------------------------------------------------------------------

/** Significands known to belong to zeros or normal numbers. */
const plain = new WeakSet<Value>();

export function markPlain(number: Number80): Number80 {
  plain.add(number.significand);
  return number;
}

const isConstant = ({ significand }: Number80): boolean => significand.what === WHAT.CONST;
const isZeroConstant = (number: Number80): boolean => isConstant(number) && number.significand.bytes === 0n;
const isPlain = (number: Number80): boolean => isConstant(number) || plain.has(number.significand);

/** A result, and PE and C1 as status bits. */
export type Calculated = readonly [result: Number80, raised: Value];

// Writing ------------------------------------------------------------------------------------------------------

/** A number in a pattern. */
interface Parts {
  readonly significand: Expression;
  readonly head: Expression;
  readonly exponent: Expression;
  readonly isPlain: boolean;
}

class Writer extends PatternWriter {
  /** A number that is given as values `which` and the next. */
  number(which: number, isPlain: boolean): Parts {
    const head = this.value(which + 1);
    const exponent = this.keep32(i32.and(head, i32.const(EXPONENT)));
    return { significand: this.value(which), head, exponent, isPlain };
  }

  /** One that has not been looked at may be neither normal nor zero: conditions for a closer look, and what that is. */
  unknown(numbers: readonly Parts[]): { doubts: Expression[]; specials: Expression[] } {
    const others = numbers.filter(({ isPlain }) => !isPlain);
    return { doubts: others.map(({ exponent }) => isExtreme(exponent)), specials: others.map(isSpecial) };
  }

  /**
   * Rounds to nearest, into the results: the significand, and above the head what is raised. A significand that becomes
   * 2^64 is one of the doubts, which are answered.
   */
  round(
    sign: Expression,
    scale: Expression,
    significand: Expression,
    rest: Expression,
    isSticky: boolean,
  ): Expression[] {
    const exponent = this.keep32(scale);
    const odd = i64.and(significand, ONE);
    const up = this.keep32(i64.gt_u(i64.or(rest, odd), TOP_BIT));
    this.setResult(0, i64.add(significand, i64.extend_i32_u(up)));
    this.setResult(1, i32.or(i32.or(sign, exponent), raised(up, rest, isSticky, RAISED)));
    return [isExtreme(exponent), i64.eqz(this.result(0))];
  }
}

const isExtreme = (exponent: Expression): Expression =>
  i32.ge_u(i32.sub(exponent, i32.const(1)), i32.const(EXPONENT - 1));
const isZero = ({ significand }: Parts): Expression => i64.eqz(significand);
const not = (condition: Expression): Expression => i32.eqz(condition);
const any = (...conditions: Expression[]): Expression => conditions.reduce((sum, each) => i32.or(sum, each));
const signOf = (head: Expression): Expression => i32.and(head, i32.const(SIGN));

/** Neither normal nor zero. */
const isSpecial = ({ significand, exponent }: Parts): Expression =>
  i32.and(
    i32.or(isExtreme(exponent), i64.ge_s(significand, ZERO)),
    i64.ne(i64.or(significand, i64.extend_i32_u(exponent)), ZERO),
  );

/** C1, and PE where it is not set already. */
function raised(up: Expression, rest: Expression, isSticky: boolean, shift: number): Expression {
  const c1 = i32.shl(up, i32.const(C1 + shift));
  return isSticky ? c1 : i32.or(c1, i32.shl(i64.ne(rest, ZERO), i32.const(PE + shift)));
}

// Patterns by what is known ------------------------------------------------------------------------------------

const known = new Map<string, number>();

/** The number of a pattern that is written when it is wanted for the first time. */
function pattern(name: string, write: (name: string) => PatternWriter): number {
  let number = known.get(name);
  if (number === undefined) known.set(name, (number = addPattern(write(name))));
  return number;
}

const says = (isSo: boolean, what: string): string => (isSo ? ` ${what}` : "");

/** The result of a pattern on two numbers; both are known to be plain behind it. */
function combined(
  b: Builder,
  write: typeof writeSum,
  x: Number80,
  y: Number80,
  isSticky: boolean,
): Calculated {
  // What is known of one of them is known of the first: both may change places.
  const [first, second] = isPlain(y) && !isPlain(x) ? [y, x] : [x, y];
  const [a, c] = [isPlain(first), isPlain(second)];
  const kind = `${says(a, "plain")}${says(c, "plain")}${says(isSticky, "sticky")}`;
  const number = pattern(`${write === writeSum ? "sum" : "product"}${kind}`, (name) =>
    write(name, a, c, isSticky),
  );
  const [significand, word] = b.pattern(number, [
    first.significand,
    first.head,
    second.significand,
    second.head,
  ]);
  markPlain(x);
  markPlain(y);
  return [markPlain({ significand, head: word }), b.pure(W.i32_shr_u, word, b.const(RAISED))];
}

export const product = (b: Builder, x: Number80, y: Number80, isSticky: boolean): Calculated =>
  combined(b, writeProduct, x, y, isSticky);

export const sum = (b: Builder, x: Number80, y: Number80, isSticky: boolean): Calculated =>
  combined(b, writeSum, x, y, isSticky);

function writeProduct(name: string, plainX: boolean, plainY: boolean, isSticky: boolean): PatternWriter {
  const c = new Writer(name, 4, [I64, I32]);
  const x = c.number(0, plainX);
  const y = c.number(2, plainY);
  const HALF = i64.const(32n);
  const low = (value: Expression): Expression => i64.and(value, i64.const(0xffff_ffffn));
  const high = (value: Expression): Expression => i64.shr_u(value, HALF);
  const xLow = c.keep64(low(x.significand));
  const xHigh = c.keep64(high(x.significand));
  const yLow = c.keep64(low(y.significand));
  const yHigh = c.keep64(high(y.significand));
  // No sum overflows: (2^32-1)^2 + 2 (2^32-1) is 2^64-1.
  const lowest = c.keep64(i64.mul(xLow, yLow));
  const middle = c.keep64(i64.add(i64.mul(xHigh, yLow), high(lowest)));
  const other = c.keep64(i64.add(i64.mul(xLow, yHigh), low(middle)));
  const top = c.keep64(i64.add(i64.add(i64.mul(xHigh, yHigh), high(middle)), high(other)));
  const rest = c.keep64(i64.or(i64.shl(other, HALF), low(lowest)));
  // One place to the left where the product is below 2.
  const shift = c.keep64(i64.xor(i64.shr_u(top, i64.const(63n)), ONE));
  const significand = c.keep64(i64.or(i64.shl(top, shift), i64.and(i64.shr_u(rest, i64.const(63n)), shift)));
  const left = c.keep64(i64.shl(rest, shift));
  const exponent = i32.sub(
    i32.sub(i32.add(x.exponent, y.exponent), i32.const(BIAS - 1)),
    i32.wrap_i64(shift),
  );
  const sign = c.keep32(signOf(i32.xor(x.head, y.head)));
  const { doubts, specials } = c.unknown([x, y]);
  const rare = [isEitherUnnormal(x, y), ...doubts, ...c.round(sign, exponent, significand, left, isSticky)];
  c.whenAny(rare, () => {
    // A zero times what is no infinity and no NaN is zero.
    c.leaveIf(not(i32.or(isZero(x), isZero(y))), ...specials);
    c.setResult(0, ZERO);
    c.setResult(1, sign);
  });
  return c;
}

/** Of plain numbers: one is zero. */
const isEitherUnnormal = (x: Parts, y: Parts): Expression =>
  i64.ge_s(i64.and(x.significand, y.significand), ZERO);

function writeSum(name: string, plainX: boolean, plainY: boolean, isSticky: boolean): PatternWriter {
  const c = new Writer(name, 4, [I64, I32]);
  const x = c.number(0, plainX);
  const y = c.number(2, plainY);
  // The larger magnitude first: the mask is all ones where they are exchanged.
  const difference = c.keep32(i32.sub(x.exponent, y.exponent));
  const order = i32.sub(difference, i64.lt_u(x.significand, y.significand));
  const swap = c.keep32(i32.shr_s(order, i32.const(31)));
  const both = c.keep64(i64.and(i64.xor(x.significand, y.significand), i64.extend_i32_s(swap)));
  const large = c.keep64(i64.xor(x.significand, both));
  const small = c.keep64(i64.xor(y.significand, both));
  const heads = c.keep32(i32.xor(x.head, y.head));
  const sign = c.keep32(signOf(i32.xor(x.head, i32.and(heads, swap))));
  const exponent = c.keep32(i32.sub(x.exponent, i32.and(difference, swap)));
  const apart = c.keep32(i32.sub(i32.xor(difference, swap), swap));
  const distance = c.keep64(i64.extend_i32_u(apart));
  // One place is kept free above, so both words hold 128 bits shifted right by one, the smaller by the distance more.
  const aligned = i64.shr_u(i64.shr_u(small, ONE), distance);
  const beyond = i64.shl(small, i64.sub(i64.const(63n), distance));
  // Subtracted: the complement of both words is added, and 1.
  const differ = c.keep64(i64.extend_i32_u(i32.shr_u(signOf(heads), i32.const(15))));
  const mask = c.keep64(i64.sub(ZERO, differ));
  const lowest = c.keep64(i64.shl(large, i64.const(63n)));
  const rest = c.keep64(i64.add(i64.add(lowest, i64.xor(beyond, mask)), differ));
  // What goes over into the upper word: of a difference also when nothing was taken away.
  const carry = i64.extend_i32_u(i64.lt_u(rest, i64.add(lowest, differ)));
  const total = c.keep64(i64.add(i64.add(i64.shr_u(large, ONE), i64.xor(aligned, mask)), carry));
  const zeros = c.keep64(i64.clz(total));
  const significand = c.keep64(
    i64.or(i64.shl(total, zeros), i64.shr_u(i64.shr_u(rest, ONE), i64.sub(i64.const(63n), zeros))),
  );
  const left = c.keep64(i64.shl(rest, zeros));
  const scale = i32.sub(i32.add(exponent, i32.const(1)), i32.wrap_i64(zeros));
  const { doubts, specials } = c.unknown([x, y]);
  const rare = [
    isEitherUnnormal(x, y),
    ...doubts,
    i32.gt_u(apart, i32.const(63)),
    i64.eqz(total),
    ...c.round(sign, scale, significand, left, isSticky),
  ];
  c.whenAny(rare, () => {
    // It is the larger one, beside which the other is nothing or as good as that: with a distance of 66 it is less than
    // a quarter of the last place. Or they cancel, which makes +0 (SDM vol. 1, 4.8.3.1), zeros as well.
    const isSmallNothing = c.keep32(i64.eqz(small));
    const isFar = i32.gt_u(apart, i32.const(65));
    const cancels = c.keep32(i32.and(i32.eqz(apart), i32.and(i64.eq(large, small), i32.wrap_i64(differ))));
    c.leaveIf(not(any(isSmallNothing, isFar, cancels)), ...specials);
    // What is taken away from it is made up for by rounding.
    const lost = c.keep32(not(isSmallNothing));
    const up = i32.and(lost, i32.wrap_i64(differ));
    const word = any(
      sign,
      exponent,
      i32.shl(lost, i32.const(RAISED + PE)),
      i32.shl(up, i32.const(RAISED + C1)),
    );
    c.setResult(0, select(ZERO, large, cancels));
    c.setResult(1, select(i32.const(0), word, cancels));
  });
  return c;
}

// Conversions --------------------------------------------------------------------------------------------------

const FORMATS = {
  m32: { bits: 32, fraction: 23, most: 0xff, bias: 127 },
  m64: { bits: 64, fraction: 52, most: 0x7ff, bias: 1023 },
} as const;
export type FormatName = keyof typeof FORMATS;

/** A single or double, given its bits: a normal one or a zero; leaves for others. */
export function widened(b: Builder, bits: Value, format: FormatName): Number80 {
  const number = pattern(`widened ${format}`, (name) => writeWidened(name, format));
  const [significand, head] = b.pattern(number, [bits]);
  return markPlain({ significand, head });
}

function writeWidened(name: string, format: FormatName): PatternWriter {
  const { bits, fraction, most, bias } = FORMATS[format];
  const c = new Writer(name, 1, [I64, I32]);
  const given = c.value(0);
  const top = c.keep32(i32.wrap_i64(i64.shr_u(given, i64.const(BigInt(fraction)))));
  const exponent = c.keep32(i32.and(top, i32.const(most)));
  // The sign is above the exponent.
  const sign = c.keep32(signOf(i32.shl(top, i32.const(15 - (bits - 1 - fraction)))));
  c.setResult(0, i64.or(i64.shl(given, i64.const(BigInt(63 - fraction))), TOP_BIT));
  c.setResult(1, i32.or(sign, i32.add(exponent, i32.const(BIAS - bias))));
  // The extremes are those that 1 more makes 1 or 0.
  const next = i32.and(i32.add(exponent, i32.const(1)), i32.const(most));
  c.whenAny([i32.lt_u(next, i32.const(2))], () => {
    c.leaveIf(i64.ne(i64.shl(given, i64.const(BigInt(65 - bits))), ZERO));
    c.setResult(0, ZERO);
    c.setResult(1, sign);
  });
  return c;
}

/** A normal number or a zero as the bits of a single or double, and what was raised; leaves for others. */
export function narrowed(
  b: Builder,
  x: Number80,
  format: FormatName,
  isSticky: boolean,
): readonly [Value, Value] {
  const isKnown = isPlain(x);
  const number = pattern(`narrowed ${format}${says(isKnown, "plain")}${says(isSticky, "sticky")}`, (name) =>
    writeNarrowed(name, format, isKnown, isSticky),
  );
  const results = b.pattern(number, [x.significand, x.head]);
  markPlain(x);
  return results;
}

function writeNarrowed(name: string, format: FormatName, isKnown: boolean, isSticky: boolean): PatternWriter {
  const { bits, fraction, most, bias } = FORMATS[format];
  const c = new Writer(name, 2, [I64, I32]);
  const x = c.number(0, isKnown);
  const dropped = BigInt(63 - fraction);
  // The integer bit adds one to it, and so does a carry.
  const scale = c.keep32(i32.sub(x.exponent, i32.const(BIAS - bias + 1)));
  const cut = c.keep64(
    i64.add(
      i64.shl(i64.extend_i32_u(scale), i64.const(BigInt(fraction))),
      i64.shr_u(x.significand, i64.const(dropped)),
    ),
  );
  const rest = c.keep64(i64.shl(x.significand, i64.const(64n - dropped)));
  const up = c.keep32(i64.gt_u(i64.or(rest, i64.and(cut, ONE)), TOP_BIT));
  const sign = c.keep64(i64.shl(i64.extend_i32_u(signOf(x.head)), i64.const(BigInt(bits - 16))));
  c.setResult(0, i64.or(i64.add(cut, i64.extend_i32_u(up)), sign));
  c.setResult(1, raised(up, rest, isSticky, 0));
  // Of the uppermost binade something might become infinite.
  const doubts = [i32.ge_u(scale, i32.const(most - 2))];
  if (!isKnown) doubts.push(i64.ge_s(x.significand, ZERO));
  c.whenAny(doubts, () => {
    c.leaveIf(i64.ne(i64.or(x.significand, i64.extend_i32_u(x.exponent)), ZERO));
    c.setResult(0, sign);
    c.setResult(1, i32.const(0));
  });
  return c;
}

// Comparison ---------------------------------------------------------------------------------------------------

/** Whether x is less than y, or equal; leaves where one is neither normal nor zero. */
export function compared(
  b: Builder,
  x: Number80,
  y: Number80,
): { readonly less: Value; readonly equal: Value } {
  const [a, c] = [isPlain(x), isPlain(y)];
  const [zeroX, zeroY] = [isZeroConstant(x), isZeroConstant(y)];
  const one = zeroX ? y : x;
  const number =
    zeroX || zeroY
      ? pattern(`compared with zero${says(zeroX, "turned")}${says(isPlain(one), "plain")}`, (name) =>
          writeComparedWithZero(name, isPlain(one), zeroX),
        )
      : pattern(`compared${says(a, "plain")}, ${says(c, "plain")}`, (name) => writeCompared(name, a, c));
  const [less, equal] = b.pattern(
    number,
    zeroX || zeroY ? [one.significand, one.head] : [x.significand, x.head, y.significand, y.head],
  );
  if (!isConstant(x)) markPlain(x);
  if (!isConstant(y)) markPlain(y);
  return { less, equal };
}

/** `turned`: zero with the number. */
function writeComparedWithZero(name: string, isKnown: boolean, turned: boolean): PatternWriter {
  const c = new Writer(name, 2, [I32, I32]);
  const x = c.number(0, isKnown);
  if (!isKnown) c.leaveIf(isSpecial(x));
  const isNegative = i32.and(i32.shr_u(x.head, i32.const(15)), i32.const(1));
  c.setResult(0, i32.and(turned ? not(isNegative) : isNegative, i64.ne(x.significand, ZERO)));
  c.setResult(1, isZero(x));
  return c;
}

function writeCompared(name: string, plainX: boolean, plainY: boolean): PatternWriter {
  const c = new Writer(name, 4, [I32, I32]);
  const x = c.number(0, plainX);
  const y = c.number(2, plainY);
  const { specials } = c.unknown([x, y]);
  if (specials.length > 0) c.leaveIf(...specials);
  // Two words for each that are in order as the numbers are: the complement of both where it is less than zero.
  const words = (number: Parts): readonly [Expression, Expression] => {
    const sign = i32.shr_s(i32.shl(number.head, i32.const(16)), i32.const(31));
    const mask = c.keep32(i32.and(sign, i32.sub(i32.const(0), i64.ne(number.significand, ZERO))));
    return [
      c.keep32(i32.xor(number.exponent, mask)),
      c.keep64(i64.xor(number.significand, i64.extend_i32_s(mask))),
    ];
  };
  const [xUpper, xLower] = words(x);
  const [yUpper, yLower] = words(y);
  const difference = c.keep32(i32.sub(xUpper, yUpper));
  const order = i32.sub(difference, i64.lt_u(xLower, yLower));
  c.setResult(0, i32.shr_u(order, i32.const(31)));
  c.setResult(1, i32.and(i32.eqz(difference), i64.eq(xLower, yLower)));
  return c;
}

/** One of two numbers. */
export function chosen(b: Builder, condition: Value, yes: Number80, no: Number80): Number80 {
  const number = {
    significand: b.select(condition, yes.significand, no.significand),
    head: b.select(condition, yes.head, no.head),
  };
  return isPlain(yes) && isPlain(no) ? markPlain(number) : number;
}
