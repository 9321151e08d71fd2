/** Numbers of 80 bits as pairs of local variables: made from others, added, multiplied, divided, rounded. */
import { type Expression, Label, type Local, wasm } from "../../wasm/index.ts";
import {
  BIAS,
  C1,
  DOUBLE_BIAS,
  EXPONENT,
  ONE,
  type Parts,
  PE,
  SIGN,
  SINGLE_BIAS,
  TOP_BIT,
  type Writer,
  ZERO,
} from "./x87-writer.ts";

const { f64, i32, i64, sequence, block, loop, when, br, brIf, select } = wasm;

// Conversions to 80 bits -------------------------------------------------------------------------------------

export type Format = "m32" | "m64" | "i16" | "i32" | "i64";

/** Takes a number in memory apart: fails where it is not normal and not zero. */
export function convert(writer: Writer, at: Expression, format: Format, { significand, head }: Parts): void {
  const { made } = writer;
  const bits = made.local("i64");
  if (format === "m64" || format === "m32") {
    const double = format === "m64";
    const width = double ? 64 : 32;
    const fraction = double ? 52 : 23;
    const most = double ? 0x7ff : 0xff;
    const exponent = made.local("i32");
    made.add(
      bits.set(double ? i64.load(at) : i64.extend_i32_u(i32.load(at))),
      exponent.set(i32.and(i32.wrap_i64(i64.shr_u(bits.get, i64.const(BigInt(fraction)))), i32.const(most))),
      head.set(i32.shl(i32.wrap_i64(i64.shr_u(bits.get, i64.const(BigInt(width - 1)))), i32.const(15))),
      // Of sign and exponent only the last bit is left, where the integer bit goes.
      significand.set(i64.shl(bits.get, i64.const(BigInt(63 - fraction)))),
      when(
        i32.eqz(exponent.get),
        writer.failIf(i32.eqz(i64.eqz(significand.get))),
        sequence(
          writer.failIf(i32.eq(exponent.get, i32.const(most))),
          significand.set(i64.or(significand.get, TOP_BIT)),
          head.set(
            i32.or(head.get, i32.add(exponent.get, i32.const(BIAS - (double ? DOUBLE_BIAS : SINGLE_BIAS)))),
          ),
        ),
      ),
    );
    return;
  }
  const zeros = made.local("i64");
  const value =
    format === "i64" ? i64.load(at) : i64.extend_i32_s(format === "i32" ? i32.load(at) : i32.load16_s(at));
  made.add(
    bits.set(value),
    head.set(i32.const(0)),
    significand.set(ZERO),
    when(
      i32.eqz(i64.eqz(bits.get)),
      sequence(
        head.set(i32.and(i32.wrap_i64(i64.shr_s(bits.get, i64.const(63n))), i32.const(SIGN))),
        significand.set(select(i64.sub(ZERO, bits.get), bits.get, i64.lt_s(bits.get, ZERO))),
        zeros.set(i64.clz(significand.get)),
        significand.set(i64.shl(significand.get, zeros.get)),
        head.set(i32.or(head.get, i32.sub(i32.const(BIAS + 63), i32.wrap_i64(zeros.get)))),
      ),
    ),
  );
}

// Arithmetic -------------------------------------------------------------------------------------------------

export type Binary = "add" | "sub" | "subr" | "mul" | "div" | "divr";

export const exponentOf = ({ head }: Parts): Expression => i32.and(head.get, i32.const(EXPONENT));
/** Normal: integer bit set, exponent neither the least nor the most. */
export const isNotNormal = (parts: Parts): Expression =>
  i32.or(
    i64.ge_s(parts.significand.get, ZERO),
    i32.ge_u(i32.sub(exponentOf(parts), i32.const(1)), i32.const(EXPONENT - 1)),
  );
export const isZero = (parts: Parts): Expression =>
  i64.eqz(i64.or(parts.significand.get, i64.extend_i32_u(exponentOf(parts))));

/** Rounds to nearest: `rest` is what follows the significand, its top bit worth a half. Fails at overflow. */
function round(writer: Writer, significand: Local, exponent: Local, rest: Local): Expression {
  const { raised } = writer;
  return sequence(
    when(
      i32.eqz(i64.eqz(rest.get)),
      sequence(
        raised.set(i32.const(PE)),
        when(
          i32.and(
            i64.lt_s(rest.get, ZERO),
            i32.or(i64.ne(rest.get, TOP_BIT), i32.and(i32.wrap_i64(significand.get), i32.const(1))),
          ),
          sequence(
            raised.set(i32.const(PE | C1)),
            significand.set(i64.add(significand.get, ONE)),
            when(
              i64.eqz(significand.get),
              sequence(significand.set(TOP_BIT), exponent.set(i32.add(exponent.get, i32.const(1)))),
            ),
          ),
        ),
      ),
    ),
    writer.failIf(i32.ge_u(i32.sub(exponent.get, i32.const(1)), i32.const(EXPONENT - 1))),
  );
}

/** left op right into `result`, or fails. */
export function arithmetic(
  writer: Writer,
  operation: Binary,
  left: Parts,
  right: Parts,
  result: Parts,
): void {
  const [a, b] = operation.endsWith("r") ? [right, left] : [left, right];
  if (operation === "mul") multiply(writer, a, b, result);
  else if (operation.startsWith("div")) divide(writer, a, b, result);
  else {
    if (operation !== "add") writer.made.add(b.head.set(i32.xor(b.head.get, i32.const(SIGN))));
    add(writer, a, b, result);
  }
}

function add(writer: Writer, a: Parts, b: Parts, result: Parts): void {
  const { made } = writer;
  const done = new Label();
  const exponent = made.local("i32");
  const distance = made.local("i64");
  const rest = made.local("i64");
  const sum = made.local("i64");
  const large = writer.parts();
  const small = writer.parts();
  const zeros = made.local("i64");
  const copy = (from: Parts) =>
    sequence(result.significand.set(from.significand.get), result.head.set(from.head.get));
  const assemble = sequence(
    result.significand.set(sum.get),
    result.head.set(i32.or(i32.and(large.head.get, i32.const(SIGN)), exponent.get)),
  );
  const aligned = sequence(
    distance.set(i64.extend_i32_u(i32.sub(exponent.get, exponentOf(small)))),
    when(
      i64.lt_u(distance.get, i64.const(64n)),
      sequence(
        // In two steps: a shift by 64 would be one by 0.
        rest.set(i64.shl(i64.shl(small.significand.get, i64.sub(i64.const(63n), distance.get)), ONE)),
        sum.set(i64.shr_u(small.significand.get, distance.get)),
      ),
      sequence(
        // A difference may have to be shifted left by one: two bits count, and whether there is more.
        rest.set(
          select(
            select(
              i64.or(i64.shr_u(small.significand.get, ONE), i64.and(small.significand.get, ONE)),
              small.significand.get,
              i32.wrap_i64(i64.sub(distance.get, i64.const(64n))),
            ),
            ONE,
            i64.lt_u(distance.get, i64.const(66n)),
          ),
        ),
        sum.set(ZERO),
      ),
    ),
  );
  const added = sequence(
    sum.set(i64.add(large.significand.get, sum.get)),
    when(
      i64.lt_u(sum.get, large.significand.get),
      sequence(
        rest.set(
          i64.or(i64.shl(sum.get, i64.const(63n)), i64.or(i64.shr_u(rest.get, ONE), i64.and(rest.get, ONE))),
        ),
        sum.set(i64.or(i64.shr_u(sum.get, ONE), TOP_BIT)),
        exponent.set(i32.add(exponent.get, i32.const(1))),
      ),
    ),
  );
  const subtracted = sequence(
    sum.set(i64.sub(i64.sub(large.significand.get, sum.get), i64.extend_i32_u(i32.eqz(i64.eqz(rest.get))))),
    rest.set(i64.sub(ZERO, rest.get)),
    when(
      i64.ge_s(sum.get, ZERO),
      sequence(
        when(
          i64.eqz(sum.get),
          sequence(
            // Equal numbers: +0. SDM vol. 1, 4.8.3.1.
            when(
              i64.eqz(rest.get),
              sequence(result.significand.set(ZERO), result.head.set(i32.const(0)), br(done)),
            ),
            sum.set(rest.get),
            rest.set(ZERO),
            exponent.set(i32.sub(exponent.get, i32.const(64))),
          ),
        ),
        zeros.set(i64.clz(sum.get)),
        // Where it is 0, the shift to the right by 64 is one by 0, and nothing may come from `rest`.
        when(
          i32.eqz(i64.eqz(zeros.get)),
          sequence(
            sum.set(
              i64.or(i64.shl(sum.get, zeros.get), i64.shr_u(rest.get, i64.sub(i64.const(64n), zeros.get))),
            ),
            rest.set(i64.shl(rest.get, zeros.get)),
            exponent.set(i32.sub(exponent.get, i32.wrap_i64(zeros.get))),
          ),
        ),
      ),
    ),
  );
  made.add(
    block(
      done,
      when(
        i32.or(isNotNormal(a), isNotNormal(b)),
        sequence(
          // Nothing is easier than adding zero, and little else is.
          when(
            isZero(a),
            sequence(writer.failIf(isNotNormal(b)), copy(b)),
            sequence(writer.failIf(i32.or(isNotNormal(a), i32.eqz(isZero(b)))), copy(a)),
          ),
          br(done),
        ),
      ),
      when(
        select(
          i64.ge_u(a.significand.get, b.significand.get),
          i32.gt_u(exponentOf(a), exponentOf(b)),
          i32.eq(exponentOf(a), exponentOf(b)),
        ),
        sequence(
          large.significand.set(a.significand.get),
          large.head.set(a.head.get),
          small.significand.set(b.significand.get),
          small.head.set(b.head.get),
        ),
        sequence(
          large.significand.set(b.significand.get),
          large.head.set(b.head.get),
          small.significand.set(a.significand.get),
          small.head.set(a.head.get),
        ),
      ),
      exponent.set(exponentOf(large)),
      aligned,
      when(i32.and(i32.xor(a.head.get, b.head.get), i32.const(SIGN)), subtracted, added),
      round(writer, sum, exponent, rest),
      assemble,
    ),
  );
}

/** A zero times, or divided by, what is no infinity and no NaN is zero. */
const zeroOf = (a: Parts, b: Parts, result: Parts): Expression =>
  sequence(
    result.significand.set(ZERO),
    result.head.set(i32.and(i32.xor(a.head.get, b.head.get), i32.const(SIGN))),
  );

function multiply(writer: Writer, a: Parts, b: Parts, result: Parts): void {
  const { made } = writer;
  const done = new Label();
  const LOW = i64.const(0xffff_ffffn);
  const HALF = i64.const(32n);
  const aLow = made.local("i64");
  const aHigh = made.local("i64");
  const bLow = made.local("i64");
  const bHigh = made.local("i64");
  const lowest = made.local("i64");
  const middle = made.local("i64");
  const high = made.local("i64");
  const low = made.local("i64");
  const exponent = made.local("i32");
  made.add(
    block(
      done,
      when(
        i32.or(isNotNormal(a), isNotNormal(b)),
        sequence(
          when(
            isZero(a),
            writer.failIf(i32.and(isNotNormal(b), i32.eqz(isZero(b)))),
            writer.failIf(i32.or(isNotNormal(a), i32.eqz(isZero(b)))),
          ),
          zeroOf(a, b, result),
          br(done),
        ),
      ),
      aLow.set(i64.and(a.significand.get, LOW)),
      aHigh.set(i64.shr_u(a.significand.get, HALF)),
      bLow.set(i64.and(b.significand.get, LOW)),
      bHigh.set(i64.shr_u(b.significand.get, HALF)),
      lowest.set(i64.mul(aLow.get, bLow.get)),
      // None of these sums can overflow: (2^32-1)^2 + 2 (2^32-1) is 2^64-1.
      middle.set(i64.add(i64.mul(aHigh.get, bLow.get), i64.shr_u(lowest.get, HALF))),
      low.set(i64.add(i64.mul(aLow.get, bHigh.get), i64.and(middle.get, LOW))),
      high.set(
        i64.add(
          i64.add(i64.mul(aHigh.get, bHigh.get), i64.shr_u(middle.get, HALF)),
          i64.shr_u(low.get, HALF),
        ),
      ),
      low.set(i64.or(i64.shl(low.get, HALF), i64.and(lowest.get, LOW))),
      exponent.set(i32.sub(i32.add(exponentOf(a), exponentOf(b)), i32.const(BIAS - 1))),
      when(
        i64.ge_s(high.get, ZERO),
        sequence(
          high.set(i64.or(i64.shl(high.get, ONE), i64.shr_u(low.get, i64.const(63n)))),
          low.set(i64.shl(low.get, ONE)),
          exponent.set(i32.sub(exponent.get, i32.const(1))),
        ),
      ),
      round(writer, high, exponent, low),
      result.significand.set(high.get),
      result.head.set(i32.or(i32.and(i32.xor(a.head.get, b.head.get), i32.const(SIGN)), exponent.get)),
    ),
  );
}

/** Two digits of 32 bits, each estimated by the upper half of the divisor and corrected (Knuth, vol. 2, 4.3.1). */
function divide(writer: Writer, a: Parts, b: Parts, result: Parts): void {
  const { made } = writer;
  const done = new Label();
  const HALF = i64.const(32n);
  const BASE = i64.const(1n << 32n);
  const divisorHigh = made.local("i64");
  const divisorLow = made.local("i64");
  const left = made.local("i64");
  const next = made.local("i64");
  const digit = made.local("i64");
  const over = made.local("i64");
  const quotient = made.local("i64");
  const rest = made.local("i64");
  const exponent = made.local("i32");
  /** Divides `left:next` (64 and 32 bits), of which `left` is below the divisor; what remains goes to `left`. */
  const [found, again] = [new Label(), new Label()];
  const digitOf = sequence(
    digit.set(i64.div_u(left.get, divisorHigh.get)),
    over.set(i64.sub(left.get, i64.mul(digit.get, divisorHigh.get))),
    block(
      found,
      loop(
        again,
        brIf(
          found,
          i32.eqz(
            i32.or(
              i64.ge_u(digit.get, BASE),
              i64.gt_u(i64.mul(digit.get, divisorLow.get), i64.or(i64.shl(over.get, HALF), next.get)),
            ),
          ),
        ),
        digit.set(i64.sub(digit.get, ONE)),
        over.set(i64.add(over.get, divisorHigh.get)),
        brIf(again, i64.lt_u(over.get, BASE)),
      ),
    ),
    left.set(i64.sub(i64.add(i64.shl(left.get, HALF), next.get), i64.mul(digit.get, b.significand.get))),
  );
  made.add(
    block(
      done,
      when(
        i32.or(isNotNormal(a), isNotNormal(b)),
        sequence(writer.failIf(i32.or(isNotNormal(b), i32.eqz(isZero(a)))), zeroOf(a, b, result), br(done)),
      ),
      divisorHigh.set(i64.shr_u(b.significand.get, HALF)),
      divisorLow.set(i64.and(b.significand.get, i64.const(0xffff_ffffn))),
      exponent.set(i32.add(i32.sub(exponentOf(a), exponentOf(b)), i32.const(BIAS - 1))),
      left.set(a.significand.get),
      next.set(ZERO),
      when(
        i64.ge_u(a.significand.get, b.significand.get),
        sequence(
          left.set(i64.shr_u(a.significand.get, ONE)),
          next.set(i64.shl(i64.and(a.significand.get, ONE), i64.const(31n))),
          exponent.set(i32.add(exponent.get, i32.const(1))),
        ),
      ),
      digitOf,
      quotient.set(i64.shl(digit.get, HALF)),
      next.set(ZERO),
      digitOf,
      quotient.set(i64.or(quotient.get, digit.get)),
      // Twice what is left against the divisor: below, equal or above a half.
      rest.set(ZERO),
      when(
        i32.eqz(i64.eqz(left.get)),
        rest.set(
          select(i64.const((1n << 63n) | 1n), ONE, i64.gt_u(left.get, i64.sub(b.significand.get, left.get))),
        ),
      ),
      round(writer, quotient, exponent, rest),
      result.significand.set(quotient.get),
      result.head.set(i32.or(i32.and(i32.xor(a.head.get, b.head.get), i32.const(SIGN)), exponent.get)),
    ),
  );
}

/**
 * The square root of a number that is not negative: 32 bits of it by a double, and the others by one division by twice those
 * (Zimmermann, "Karatsuba Square Root", 1999). Fails where it is not normal and not zero.
 */
export function squareRoot(writer: Writer, a: Parts, result: Parts): void {
  const { made } = writer;
  const done = new Label();
  const HALF = i64.const(32n);
  const LOW = i64.const(0xffff_ffffn);
  const exponent = made.local("i32");
  const isEven = made.local("i64");
  const upper = made.local("i64");
  const lower = made.local("i64");
  const first = made.local("i64");
  const digit = made.local("i64");
  const left = made.local("i64");
  const root = made.local("i64");
  const rest = made.local("i64");
  const restHigh = made.local("i64");
  const restLow = made.local("i64");
  const carry = sequence(
    restHigh.set(i64.add(restHigh.get, i64.shr_s(restLow.get, HALF))),
    restLow.set(i64.and(restLow.get, LOW)),
  );
  made.add(
    block(
      done,
      when(
        isNotNormal(a),
        sequence(
          writer.failIf(i32.eqz(isZero(a))),
          result.significand.set(ZERO),
          result.head.set(a.head.get),
          br(done),
        ),
      ),
      writer.failIf(i32.and(a.head.get, i32.const(SIGN))),
      exponent.set(i32.sub(exponentOf(a), i32.const(BIAS))),
      // The radicand has 128 bits: the significand, or half of it so that the exponent becomes even, and zeros.
      isEven.set(i64.extend_i32_u(i32.and(i32.xor(exponent.get, i32.const(1)), i32.const(1)))),
      upper.set(i64.shr_u(a.significand.get, isEven.get)),
      // Half of its next 32 bits.
      lower.set(i64.shl(i64.and(a.significand.get, isEven.get), i64.const(30n))),
      // The double may be one off.
      first.set(
        i64.trunc_f64_s(f64.sqrt(f64.mul(f64.convert_i64_s(i64.shr_u(upper.get, ONE)), f64.const(2)))),
      ),
      first.set(select(LOW, first.get, i64.gt_u(first.get, LOW))),
      left.set(i64.sub(upper.get, i64.mul(first.get, first.get))),
      when(
        i64.lt_s(left.get, ZERO),
        sequence(
          first.set(i64.sub(first.get, ONE)),
          left.set(i64.add(left.get, i64.or(i64.shl(first.get, ONE), ONE))),
        ),
        when(
          i64.gt_u(left.get, i64.shl(first.get, ONE)),
          sequence(
            left.set(i64.sub(left.get, i64.or(i64.shl(first.get, ONE), ONE))),
            first.set(i64.add(first.get, ONE)),
          ),
        ),
      ),
      // Dividend and divisor are halved: `left` can have 33 bits.
      lower.set(i64.or(i64.shl(left.get, i64.const(31n)), lower.get)),
      digit.set(i64.div_u(lower.get, first.get)),
      digit.set(select(LOW, digit.get, i64.gt_u(digit.get, LOW))),
      left.set(i64.shl(i64.sub(lower.get, i64.mul(digit.get, first.get)), ONE)),
      root.set(i64.or(i64.shl(first.get, HALF), digit.get)),
      // What is left of the radicand, which may have 65 bits, and be less than nothing: then the root is one less.
      digit.set(i64.mul(digit.get, digit.get)),
      restHigh.set(i64.sub(left.get, i64.shr_u(digit.get, HALF))),
      restLow.set(i64.sub(ZERO, i64.and(digit.get, LOW))),
      carry,
      when(
        i64.lt_s(restHigh.get, ZERO),
        sequence(
          root.set(i64.sub(root.get, ONE)),
          restHigh.set(i64.add(restHigh.get, i64.shr_u(root.get, i64.const(31n)))),
          restLow.set(i64.add(restLow.get, i64.and(i64.or(i64.shl(root.get, ONE), ONE), LOW))),
          carry,
        ),
      ),
      // No root lies half-way between two numbers.
      upper.set(i64.shr_u(root.get, HALF)),
      lower.set(i64.and(root.get, LOW)),
      rest.set(
        select(
          i64.extend_i32_u(i32.eqz(i64.eqz(i64.or(restHigh.get, restLow.get)))),
          i64.const((1n << 63n) | 1n),
          i32.eqz(
            i32.or(
              i64.gt_s(restHigh.get, upper.get),
              i32.and(i64.eq(restHigh.get, upper.get), i64.gt_u(restLow.get, lower.get)),
            ),
          ),
        ),
      ),
      exponent.set(i32.add(i32.shr_s(exponent.get, i32.const(1)), i32.const(BIAS))),
      round(writer, root, exponent, rest),
      result.significand.set(root.get),
      result.head.set(exponent.get),
    ),
  );
}
