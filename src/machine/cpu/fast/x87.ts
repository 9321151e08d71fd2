/**
 * The x87 as WebAssembly, where nothing special happens: operands are normal numbers or zeros, so is the result, all
 * exceptions are masked, and arithmetic rounds to nearest with 64 bits. Then 64-bit integers hold a significand, and
 * the result with PE and C1 is exact by construction. Each function works on the registers in the state page, answers
 * 1 when it has done all of the instruction but remembering it (or what else it says), and otherwise 0 and has changed nothing: then
 * x87.ts does it, whatever it is.
 *
 * `at` is a place in the machine's memory, `i` the distance of a register from the top, `pops` 0 or 1.
 */
import { type Expression, Label, type Local, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";

const { i32, i64, sequence, block, loop, when, br, brIf, giveBack, select } = wasm;

const STATE_PAGE = i32.const(0);
const FAILED = giveBack(i32.const(0));
const DONE = giveBack(i32.const(1));

const TOP_BIT = i64.const(1n << 63n);
const ZERO = i64.const(0n);
const ONE = i64.const(1n);
/** Bits of the status word. */
const ES = 0x80;
const C0 = 0x100;
const C1 = 0x200;
const C3 = 0x4000;
const CODES = 0x4500;
const PE = 0x20;
const TOP_STEP = 0x800;
const TOP_MASK = 0x3800;
/** All masks, precision 64 (or reserved, which means the same), rounding to nearest. */
const CONTROL_BITS = 0x0d3f;
const CONTROL_WANTED = 0x013f;
const SIGN = 0x8000;
const EXPONENT = 0x7fff;
const BIAS = 0x3fff;
const DOUBLE_BIAS = 1023;
const SINGLE_BIAS = 127;

/** A number taken apart: significand (i64) and sign with exponent (i32). */
interface Parts {
  readonly significand: Local;
  readonly head: Local;
}

/** What most functions need. */
class Writer {
  readonly made: WasmFunction;
  readonly status: Local;
  /** Sixteen times the physical number of the top. */
  readonly top: Local;
  /** Status bits that the operation raises. */
  readonly raised: Local;

  readonly #failed: Expression;

  /** `instruction`: works on registers; `value`: on numbers that are given and given back. */
  constructor(kind: "instruction" | "value" = "instruction") {
    this.made =
      kind === "instruction"
        ? new WasmFunction(["i32", "i32", "i32"], ["i32"])
        : new WasmFunction(["i64", "i32", "i64", "i32"], ["i64"]);
    this.#failed =
      kind === "instruction"
        ? FAILED
        : sequence(i32.store(STATE_PAGE, i32.const(-1), STATE.X87_RESULT), giveBack(ZERO));
    this.status = this.made.local("i32");
    this.top = this.made.local("i32");
    this.raised = this.made.local("i32");
  }

  failIf(condition: Expression): Expression {
    return when(condition, this.#failed);
  }

  parts(): Parts {
    return { significand: this.made.local("i64"), head: this.made.local("i32") };
  }

  /** Looks at status and control word. `rounds`: rounding has to be as above; else only the masks count. */
  begin(wanted: "nothing" | "masks" | "rounding"): void {
    const { status, top } = this;
    const bits = wanted === "rounding" ? CONTROL_BITS : 0x3f;
    const trouble = i32.and(status.tee(i32.load(STATE_PAGE, STATE.X87_STATUS)), i32.const(ES));
    this.made.add(
      this.failIf(
        wanted === "nothing"
          ? trouble
          : i32.or(
              trouble,
              i32.xor(
                i32.and(i32.load(STATE_PAGE, STATE.X87_CONTROL), i32.const(bits)),
                i32.const(bits & CONTROL_WANTED),
              ),
            ),
      ),
      top.set(i32.and(i32.shr_u(status.get, i32.const(7)), i32.const(0x70))),
    );
  }

  /** Where register `i` is, relative to STATE.X87. */
  slot(i: Expression): Expression {
    return i32.and(i32.add(this.top.get, i32.shl(i, i32.const(4))), i32.const(0x70));
  }

  failIfEmpty(slot: Expression): void {
    this.made.add(this.failIf(i32.eqz(this.#valid(slot))));
  }

  failIfFull(slot: Expression): void {
    this.made.add(this.failIf(this.#valid(slot)));
  }

  #valid(slot: Expression): Expression {
    const number = i32.shr_u(slot, i32.const(4));
    return i32.and(i32.shr_u(i32.load(STATE_PAGE, STATE.X87_VALID), number), i32.const(1));
  }

  read(slot: Expression, { significand, head }: Parts): void {
    this.made.add(significand.set(i64.load(slot, STATE.X87)), head.set(i32.load16_u(slot, STATE.X87 + 8)));
  }

  write(slot: Expression, { significand, head }: Parts): void {
    this.made.add(i64.store(slot, significand.get, STATE.X87), i32.store(slot, head.get, STATE.X87 + 8));
  }

  /** Ends with what was raised; `cleared` are codes that `raised` replaces, `pops` the number of registers taken off. */
  end(cleared: number = C1, pops?: Expression, answer: Expression = i32.const(1)): void {
    const { status, raised } = this;
    const next = i32.or(i32.and(status.get, i32.const(~cleared)), raised.get);
    if (!pops) {
      this.made.add(i32.store(STATE_PAGE, next, STATE.X87_STATUS), giveBack(answer));
      return;
    }
    const moved = i32.and(i32.add(status.get, i32.mul(pops, i32.const(TOP_STEP))), i32.const(TOP_MASK));
    this.made.add(
      i32.store(
        STATE_PAGE,
        i32.or(
          i32.and(i32.or(i32.and(status.get, i32.const(~cleared)), raised.get), i32.const(~TOP_MASK)),
          moved,
        ),
        STATE.X87_STATUS,
      ),
      // Of the top and the one below it, as many become empty as are popped.
      i32.store(
        STATE_PAGE,
        i32.and(
          i32.load(STATE_PAGE, STATE.X87_VALID),
          i32.xor(
            i32.or(
              i32.shl(i32.ne(pops, i32.const(0)), i32.shr_u(this.top.get, i32.const(4))),
              i32.shl(i32.gt_u(pops, i32.const(1)), i32.shr_u(this.slot(i32.const(1)), i32.const(4))),
            ),
            i32.const(-1),
          ),
        ),
        STATE.X87_VALID,
      ),
      giveBack(answer),
    );
  }

  /** Ends a load: the number becomes the new top, which must have been empty. */
  push(value: Parts): void {
    const { status, made } = this;
    const slot = made.local("i32");
    made.add(slot.set(this.slot(i32.const(-1))));
    this.failIfFull(slot.get);
    this.write(slot.get, value);
    made.add(
      i32.store(
        STATE_PAGE,
        i32.or(
          i32.load(STATE_PAGE, STATE.X87_VALID),
          i32.shl(i32.const(1), i32.shr_u(slot.get, i32.const(4))),
        ),
        STATE.X87_VALID,
      ),
      i32.store(
        STATE_PAGE,
        i32.or(i32.and(status.get, i32.const(~(C1 | TOP_MASK))), i32.shl(slot.get, i32.const(7))),
        STATE.X87_STATUS,
      ),
      DONE,
    );
  }
}

// Conversions to 80 bits -------------------------------------------------------------------------------------

type Format = "m32" | "m64" | "i16" | "i32" | "i64";

/** Takes a number in memory apart: fails where it is not normal and not zero. */
function convert(writer: Writer, at: Expression, format: Format, { significand, head }: Parts): void {
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

type Binary = "add" | "sub" | "subr" | "mul" | "div" | "divr";

const exponentOf = ({ head }: Parts): Expression => i32.and(head.get, i32.const(EXPONENT));
/** Normal: integer bit set, exponent neither the least nor the most. */
const isNotNormal = (parts: Parts): Expression =>
  i32.or(
    i64.ge_s(parts.significand.get, ZERO),
    i32.ge_u(i32.sub(exponentOf(parts), i32.const(1)), i32.const(EXPONENT - 1)),
  );
const isZero = (parts: Parts): Expression =>
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
function arithmetic(writer: Writer, operation: Binary, left: Parts, right: Parts, result: Parts): void {
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

/** (to, from, pops): register `to` op register `from`, into `to`. */
function registers(operation: Binary): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const other = made.local("i32");
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  writer.begin("rounding");
  made.add(slot.set(writer.slot(made.parameter(0).get)), other.set(writer.slot(made.parameter(1).get)));
  writer.failIfEmpty(slot.get);
  writer.failIfEmpty(other.get);
  writer.read(slot.get, a);
  writer.read(other.get, b);
  arithmetic(writer, operation, a, b, result);
  writer.write(slot.get, result);
  writer.end(C1, made.parameter(2).get);
  return made;
}

/** (at): the top op memory, into the top. */
function memory(operation: Binary, format: Format): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  writer.begin("rounding");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  convert(writer, made.parameter(0).get, format, b);
  arithmetic(writer, operation, a, b, result);
  writer.write(writer.top.get, result);
  writer.end();
  return made;
}

// Loads and stores -------------------------------------------------------------------------------------------

function load(format: Format): WasmFunction {
  const writer = new Writer();
  const value = writer.parts();
  writer.begin("nothing");
  convert(writer, writer.made.parameter(0).get, format, value);
  writer.push(value);
  return writer.made;
}

function loadExtended(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("nothing");
  made.add(value.significand.set(i64.load(at)), value.head.set(i32.load16_u(at, 8)));
  writer.push(value);
  return made;
}

function loadRegister(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const slot = made.local("i32");
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(slot.get);
  writer.read(slot.get, value);
  writer.push(value);
  return made;
}

/** (head, upper and lower half of the significand): a constant. */
function loadConstant(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const half = (number: number) => i64.extend_i32_u(made.parameter(number).get);
  writer.begin("rounding");
  made.add(
    value.head.set(made.parameter(0).get),
    value.significand.set(i64.or(i64.shl(half(1), i64.const(32n)), half(2))),
  );
  writer.push(value);
  return made;
}

/** A number as the bits of a single or double, in `bits`. */
function narrow(writer: Writer, value: Parts, double: boolean): Local {
  const { made, raised } = writer;
  const fraction = double ? 52n : 23n;
  const dropped = 63n - fraction;
  const most = double ? 0x7ff : 0xff;
  const bits = made.local("i64");
  const rest = made.local("i64");
  const exponent = made.local("i32");
  made.add(
    bits.set(ZERO),
    when(
      i32.eqz(isZero(value)),
      sequence(
        writer.failIf(isNotNormal(value)),
        exponent.set(i32.sub(exponentOf(value), i32.const(BIAS - (double ? DOUBLE_BIAS : SINGLE_BIAS)))),
        writer.failIf(i32.ge_u(i32.sub(exponent.get, i32.const(1)), i32.const(most - 1))),
        // The integer bit adds one to the exponent, and so does a carry.
        bits.set(
          i64.add(
            i64.shl(i64.extend_i32_u(i32.sub(exponent.get, i32.const(1))), i64.const(fraction)),
            i64.shr_u(value.significand.get, i64.const(dropped)),
          ),
        ),
        rest.set(i64.shl(value.significand.get, i64.const(64n - dropped))),
        when(
          i32.eqz(i64.eqz(rest.get)),
          sequence(
            raised.set(i32.const(PE)),
            when(
              i32.and(
                i64.lt_s(rest.get, ZERO),
                i32.or(i64.ne(rest.get, TOP_BIT), i32.and(i32.wrap_i64(bits.get), i32.const(1))),
              ),
              sequence(raised.set(i32.const(PE | C1)), bits.set(i64.add(bits.get, ONE))),
            ),
            writer.failIf(i64.ge_u(bits.get, i64.const(BigInt(most) << fraction))),
          ),
        ),
      ),
    ),
    bits.set(
      i64.or(
        bits.get,
        i64.shl(i64.extend_i32_u(i32.shr_u(value.head.get, i32.const(15))), i64.const(double ? 63n : 31n)),
      ),
    ),
  );
  return bits;
}

/** (at, pops): the top as a single or double. */
function store(format: "m32" | "m64"): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("rounding");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  const bits = narrow(writer, value, format === "m64");
  made.add(format === "m64" ? i64.store(at, bits.get) : i64.store32(at, bits.get));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (at, pops): all 80 bits of the top. */
function storeExtended(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const value = writer.parts();
  const at = made.parameter(0).get;
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  made.add(i64.store(at, value.significand.get), i32.store16(at, value.head.get, 8));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (at, pops, truncates): the top as an integer, in any rounding mode. */
function storeInteger(format: "i16" | "i32" | "i64"): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const value = writer.parts();
  const whole = made.local("i64");
  const rest = made.local("i64");
  const shift = made.local("i64");
  const rounding = made.local("i32");
  const at = made.parameter(0).get;
  const negative = i32.shr_u(value.head.get, i32.const(15));
  writer.begin("masks");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, value);
  made.add(
    rounding.set(
      select(
        i32.const(3),
        i32.and(i32.shr_u(i32.load(STATE_PAGE, STATE.X87_CONTROL), i32.const(10)), i32.const(3)),
        made.parameter(2).get,
      ),
    ),
    when(
      i32.eqz(isZero(value)),
      sequence(
        writer.failIf(isNotNormal(value)),
        writer.failIf(i32.gt_u(exponentOf(value), i32.const(BIAS + 62))),
        shift.set(i64.extend_i32_u(i32.sub(i32.const(BIAS + 63), exponentOf(value)))),
        when(
          i64.lt_u(shift.get, i64.const(64n)),
          sequence(
            whole.set(i64.shr_u(value.significand.get, shift.get)),
            rest.set(i64.shl(value.significand.get, i64.sub(i64.const(64n), shift.get))),
          ),
          rest.set(select(value.significand.get, ONE, i64.eq(shift.get, i64.const(64n)))),
        ),
        when(
          i32.eqz(i64.eqz(rest.get)),
          sequence(
            raised.set(i32.const(PE)),
            // Nearest by the rest; down (1) for negative numbers, up (2) for the others.
            when(
              select(
                i32.eq(rounding.get, i32.sub(i32.const(2), negative)),
                i32.and(
                  i64.lt_s(rest.get, ZERO),
                  i32.or(i64.ne(rest.get, TOP_BIT), i32.and(i32.wrap_i64(whole.get), i32.const(1))),
                ),
                rounding.get,
              ),
              sequence(raised.set(i32.const(PE | C1)), whole.set(i64.add(whole.get, ONE))),
            ),
          ),
        ),
        writer.failIf(i64.lt_s(whole.get, ZERO)),
        when(negative, whole.set(i64.sub(ZERO, whole.get))),
      ),
    ),
  );
  if (format === "i16") {
    made.add(writer.failIf(i64.ne(i64.extend16_s(whole.get), whole.get)), i64.store16(at, whole.get));
  } else if (format === "i32") {
    made.add(writer.failIf(i64.ne(i64.extend32_s(whole.get), whole.get)), i64.store32(at, whole.get));
  } else made.add(i64.store(at, whole.get));
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (i, pops): copies the top. */
function storeRegister(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const value = writer.parts();
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  made.add(
    slot.set(writer.slot(made.parameter(0).get)),
    i32.store(
      STATE_PAGE,
      i32.or(i32.load(STATE_PAGE, STATE.X87_VALID), i32.shl(i32.const(1), i32.shr_u(slot.get, i32.const(4)))),
      STATE.X87_VALID,
    ),
  );
  writer.read(writer.top.get, value);
  writer.write(slot.get, value);
  writer.end(C1, made.parameter(1).get);
  return made;
}

/** (i): changes places with the top. */
function exchange(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  writer.write(writer.top.get, b);
  writer.write(slot.get, a);
  writer.end();
  return made;
}

/** FCHS (keeping all bits, changing the sign) and FABS. */
function sign(kept: number, changed: number): WasmFunction {
  const writer = new Writer();
  const { made, top } = writer;
  writer.begin("nothing");
  writer.failIfEmpty(top.get);
  made.add(
    i32.store(
      top.get,
      i32.xor(i32.and(i32.load16_u(top.get, STATE.X87 + 8), i32.const(kept)), i32.const(changed)),
      STATE.X87 + 8,
    ),
  );
  writer.end();
  return made;
}

// Comparison -------------------------------------------------------------------------------------------------

/** -1, 0 or 1 for the order of two numbers, as code that leaves it in `order`. Fails unless normal or zero. */
function compare(writer: Writer, a: Parts, b: Parts, order: Local): void {
  const { made } = writer;
  const signOf = ({ significand, head }: Parts): Expression =>
    i32.and(i32.eqz(i64.eqz(significand.get)), i32.shr_u(head.get, i32.const(15)));
  const isNotPlain = (parts: Parts): Expression => i32.and(isNotNormal(parts), i32.eqz(isZero(parts)));
  const greater = i32.sub(
    i64.gt_u(a.significand.get, b.significand.get),
    i64.lt_u(a.significand.get, b.significand.get),
  );
  const byExponent = i32.sub(i32.gt_u(exponentOf(a), exponentOf(b)), i32.lt_u(exponentOf(a), exponentOf(b)));
  made.add(
    writer.failIf(i32.or(isNotPlain(a), isNotPlain(b))),
    when(
      i32.xor(signOf(a), signOf(b)),
      order.set(select(i32.const(-1), i32.const(1), signOf(a))),
      sequence(
        order.set(byExponent),
        when(i32.eqz(order.get), order.set(greater)),
        when(signOf(a), order.set(i32.sub(i32.const(0), order.get))),
      ),
    ),
  );
}

const codesOf = (order: Local): Expression =>
  select(
    i32.const(C3),
    select(i32.const(C0), i32.const(0), i32.lt_s(order.get, i32.const(0))),
    i32.eqz(order.get),
  );

/** (i, pops): C3, C2 and C0 tell how the top compares. */
function compareRegister(): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const slot = made.local("i32");
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES, made.parameter(1).get);
  return made;
}

/** (at, pops): the same for a number in memory. */
function compareMemory(format: Format): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  convert(writer, made.parameter(0).get, format, b);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES, made.parameter(1).get);
  return made;
}

/** (i, pops): 1, 2 or 3 when the top is less than, equal to or greater than the register; no code tells. */
function compareForFlags(): WasmFunction {
  const writer = new Writer();
  const { made } = writer;
  const slot = made.local("i32");
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  made.add(slot.set(writer.slot(made.parameter(0).get)));
  writer.failIfEmpty(writer.top.get);
  writer.failIfEmpty(slot.get);
  writer.read(writer.top.get, a);
  writer.read(slot.get, b);
  compare(writer, a, b, order);
  writer.end(0, made.parameter(1).get, i32.add(order.get, i32.const(2)));
  return made;
}

/** (): the top against zero. */
function compareZero(): WasmFunction {
  const writer = new Writer();
  const { made, raised } = writer;
  const order = made.local("i32");
  const [a, b] = [writer.parts(), writer.parts()];
  writer.begin("nothing");
  writer.failIfEmpty(writer.top.get);
  writer.read(writer.top.get, a);
  compare(writer, a, b, order);
  made.add(raised.set(codesOf(order)));
  writer.end(C1 | CODES);
  return made;
}

// On numbers -------------------------------------------------------------------------------------------------

/**
 * (significand, head, significand, head): the result's significand, or its bits as a single or double. STATE.X87_RESULT
 * gets the head, and above 16 bits what was raised; -1 when this is not a plain case. Nobody looks at registers here.
 */
function onValues(operation: "add" | "mul" | "div" | "m32" | "m64"): WasmFunction {
  const writer = new Writer("value");
  const { made, raised } = writer;
  const [a, b, result] = [writer.parts(), writer.parts(), writer.parts()];
  const tell = (head: Expression): void => {
    const word = i32.or(head, i32.shl(raised.get, i32.const(16)));
    made.add(i32.store(STATE_PAGE, word, STATE.X87_RESULT));
  };
  made.add(
    a.significand.set(made.parameter(0).get),
    a.head.set(made.parameter(1).get),
    b.significand.set(made.parameter(2).get),
    b.head.set(made.parameter(3).get),
  );
  if (operation === "m32" || operation === "m64") {
    const bits = narrow(writer, a, operation === "m64");
    tell(i32.const(0));
    made.add(giveBack(bits.get));
  } else {
    arithmetic(writer, operation, a, b, result);
    tell(result.head.get);
    made.add(giveBack(result.significand.get));
  }
  return made;
}

/** Those on numbers: another family, because they have another type. */
export function defineX87Values(define: (name: string, make: () => WasmFunction) => void): void {
  for (const operation of ["add", "mul", "div", "m32", "m64"] as const) {
    define(operation, () => onValues(operation));
  }
}

const BINARY: readonly Binary[] = ["add", "sub", "subr", "mul", "div", "divr"];

/** Defines them all, always in the same order. */
export function defineX87(define: (name: string, make: () => WasmFunction) => void): void {
  for (const operation of BINARY) {
    define(operation, () => registers(operation));
    for (const format of ["m32", "m64", "i16", "i32"] as const) {
      define(`${operation}_${format}`, () => memory(operation, format));
    }
  }
  for (const format of ["m32", "m64", "i16", "i32", "i64"] as const)
    define(`ld_${format}`, () => load(format));
  define("ld_m80", loadExtended);
  define("ld", loadRegister);
  define("ld_constant", loadConstant);
  define("st_m32", () => store("m32"));
  define("st_m64", () => store("m64"));
  define("st_m80", storeExtended);
  for (const format of ["i16", "i32", "i64"] as const) define(`st_${format}`, () => storeInteger(format));
  define("st", storeRegister);
  define("xch", exchange);
  define("chs", () => sign(0xffff, SIGN));
  define("abs", () => sign(EXPONENT, 0));
  define("com", compareRegister);
  for (const format of ["m32", "m64", "i16", "i32"] as const)
    define(`com_${format}`, () => compareMemory(format));
  define("tst", compareZero);
  define("comi", compareForFlags);
}
