/**
 * Conversions to integers, rounding, horizontal arithmetic and estimates of SSE → IR: what lower-sse.ts leaves of
 * numbers. Each where nothing special happens, as there; whether a result is exact is told by comparing it.
 */

import { shuffle, ZEROS } from "../cpu/fast/packed-operations.ts";
import { evenRoots, oddRoots, reciprocals } from "../cpu/float/estimate.ts";
import { KIND, type Operation } from "../cpu/operation.ts";
import { STATE, WORD } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { type Opcode, V128, W } from "../wasm/index.ts";
import type { Value } from "./ir.ts";
import { type Lowering, loadState } from "./lower.ts";
import { calculated, demand, isSticky, lane32, lowOf, Numbers, raise, second, slotOf } from "./lower-sse.ts";
import { mmxRegisters } from "./mmx-registers.ts";

const upper = (l: Lowering, value: Value): Value =>
  shuffle(
    l.b,
    value,
    value,
    ZEROS.map((_, at) => (at + 8) & 15),
  );

/** Raises PE unless it is relied on. */
function raiseUnlessSticky(l: Lowering, inexact: () => Value): void {
  if (!isSticky(l)) raise(l, inexact());
}

// To integers ------------------------------------------------------------------------------------------------

/** Doubles as integers, in lanes 0 and 1, and whole; leaves where one is out of range. `fails`: besides. */
function integersOf(n: Numbers, numbers: Value, truncating: boolean, plain: Value): Value {
  const { l } = n;
  const { b } = l;
  const whole = b.pure(truncating ? W.f64x2_trunc : W.f64x2_nearest, numbers);
  const inRange = n.and(n.two("ge", whole, n.splat(-(2 ** 31))), n.two("le", whole, n.splat(2 ** 31 - 1)));
  demand(l, n.fails(n.and(plain, inRange)));
  raiseUnlessSticky(l, () => n.holds(n.two("ne", whole, numbers)));
  return b.pure(W.i32x4_trunc_sat_f64x2_s_zero, whole);
}

/** Whether doubles are zero or as large as the least normal number of their format. */
const plainFrom = (n: Numbers, numbers: Value, least: number): Value =>
  n.or(n.two("ge", n.one("abs", numbers), n.splat(least)), n.two("eq", numbers, n.splat(0)));

const LEAST_SINGLE = 2 ** -126;
const LEAST_DOUBLE = 2 ** -1022;

/** cvtss2si, cvtsd2si. */
function toGeneral(l: Lowering, op: Operation, double: boolean): boolean {
  if (op.kind1 !== KIND.R32) return false;
  const from = second(l, op, double ? 8 : 4, false);
  if (from === undefined) return false;
  const n = new Numbers(l, "sd");
  const numbers = double ? from : l.b.pure(W.f64x2_promote_low_f32x4, from);
  const plain = plainFrom(n, numbers, double ? LEAST_DOUBLE : LEAST_SINGLE);
  l.b.set(op.a, lane32(l, integersOf(n, numbers, false, plain), 0));
  return true;
}

/** cvtpd2dq, cvttpd2dq. */
function toDwords(l: Lowering, op: Operation, truncating: boolean): boolean {
  const from = second(l, op, 16);
  if (from === undefined) return false;
  const n = new Numbers(l, "pd");
  l.b.set(slotOf(op.a), integersOf(n, from, truncating, plainFrom(n, from, LEAST_DOUBLE)));
  return true;
}

/** cvtps2dq, cvttps2dq. */
function singlesToDwords(l: Lowering, op: Operation, truncating: boolean): boolean {
  const from = second(l, op, 16);
  if (from === undefined) return false;
  const { b } = l;
  const n = new Numbers(l, "ps");
  const whole = b.pure(truncating ? W.f32x4_trunc : W.f32x4_nearest, from);
  const inRange = n.two("lt", n.one("abs", from), n.splat(2 ** 31));
  demand(l, n.fails(n.all(n.admitted(from), inRange)!));
  raiseUnlessSticky(l, () => n.holds(n.two("ne", whole, from)));
  b.set(slotOf(op.a), b.pure(W.i32x4_trunc_sat_f32x4_s, whole));
  return true;
}

/** cvtps2pi, cvtpd2pi and those that truncate. */
function toMmx(l: Lowering, op: Operation, double: boolean, truncating: boolean): boolean {
  if (op.kind2 !== KIND.VECTOR && !l.plain(op)) return false;
  const { b } = l;
  const registers = mmxRegisters(b);
  const from = second(l, op, double ? 16 : 8, double)!;
  const n = new Numbers(l, "pd");
  const numbers = double ? from : b.pure(W.f64x2_promote_low_f32x4, from);
  const plain = plainFrom(n, numbers, double ? LEAST_DOUBLE : LEAST_SINGLE);
  registers.write((op.a - WORD.X87) >> 2, integersOf(n, numbers, truncating, plain));
  return true;
}

// From integers ----------------------------------------------------------------------------------------------

const differs = (l: Lowering, singles: Value, dwords: Value): Value =>
  l.b.pure(
    W.f64x2_ne,
    l.b.pure(W.f64x2_promote_low_f32x4, singles),
    l.b.pure(W.f64x2_convert_low_i32x4_s, dwords),
  );

/** cvtdq2ps. */
function fromDwords(l: Lowering, op: Operation): boolean {
  const from = second(l, op, 16);
  if (from === undefined) return false;
  const { b } = l;
  const singles = b.pure(W.f32x4_convert_i32x4_s, from);
  demand(l, undefined);
  raiseUnlessSticky(l, () => {
    const inexact = b.pure(
      W.v128_or,
      differs(l, singles, from),
      differs(l, upper(l, singles), upper(l, from)),
    );
    return b.pure(W.v128_any_true, inexact);
  });
  b.set(slotOf(op.a), singles);
  return true;
}

/** cvtpi2ps, cvtpi2pd. Memory does not end x87 mode. */
function fromMmx(l: Lowering, op: Operation, double: boolean): boolean {
  const { b } = l;
  let from: Value;
  if (op.kind2 === KIND.VECTOR) {
    const registers = mmxRegisters(b);
    from = registers.read((op.b - WORD.X87) >> 2);
    if (!double) demand(l, undefined);
    registers.executed();
  } else {
    if (!l.plain(op)) return false;
    const address = l.address(op);
    b.check(address, 8, false);
    from = b.load(W.v128_load64_zero, address, RAM_BASE);
    if (!double) demand(l, undefined);
  }
  const to = slotOf(op.a);
  if (double) {
    b.set(to, b.pure(W.f64x2_convert_low_i32x4_s, from));
    return true;
  }
  const singles = b.pure(W.f32x4_convert_i32x4_s, from);
  raiseUnlessSticky(l, () => b.pure(W.v128_any_true, differs(l, singles, from)));
  b.set(to, lowOf(l, singles, b.get(to), 8));
  return true;
}

// Rounding ---------------------------------------------------------------------------------------------------

const ROUNDING: Readonly<Record<"s" | "d", readonly Opcode[]>> = {
  s: [W.f32x4_nearest, W.f32x4_floor, W.f32x4_ceil, W.f32x4_trunc],
  d: [W.f64x2_nearest, W.f64x2_floor, W.f64x2_ceil, W.f64x2_trunc],
};

/** Bit 2 of the constant: as MXCSR says, which is to nearest here; bit 3: nothing is raised. SDM vol. 2B, ROUNDPD. */
function round(l: Lowering, op: Operation, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const from = second(l, op, n.size);
  if (from === undefined) return false;
  const { b } = l;
  const { immediate } = op;
  const whole = b.pure(ROUNDING[n.double ? "d" : "s"][immediate & 4 ? 0 : immediate & 3]!, from);
  const admitted = n.admitted(from);
  demand(l, admitted && n.fails(admitted));
  if (!(immediate & 8)) raiseUnlessSticky(l, () => n.holds(n.two("ne", whole, from)));
  b.set(slotOf(op.a), n.merged(whole, b.get(slotOf(op.a))));
  return true;
}

// Horizontal -------------------------------------------------------------------------------------------------

/** haddps and its like: neighbours of the first operand, then of the second. */
function horizontal(l: Lowering, op: Operation, operation: "add" | "sub", suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const y = second(l, op, 16);
  if (y === undefined) return false;
  const { b } = l;
  const to = slotOf(op.a);
  const x = b.get(to);
  const size = n.double ? 8 : 4;
  const lanes = 16 / size;
  const every = (other: 0 | 1): Value =>
    shuffle(
      b,
      x,
      y,
      ZEROS.map((_, at) => {
        const lane = 2 * Math.floor(at / size) + other;
        return (lane < lanes ? lane * size : 16 + (lane - lanes) * size) + (at % size);
      }),
    );
  b.set(to, calculated(n, operation, every(0), every(1)));
  return true;
}

/** addsubps, addsubpd: a difference is the sum with the negative. */
function alternately(l: Lowering, op: Operation, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const y = second(l, op, 16);
  if (y === undefined) return false;
  const { b } = l;
  const to = slotOf(op.a);
  const size = n.double ? 8 : 4;
  const signs = ZEROS.map((_, at) => (at % (2 * size) === size - 1 ? 0x80 : 0));
  b.set(to, calculated(n, "add", b.get(to), b.pure(W.v128_xor, y, b.wide(V128, signs))));
  return true;
}

// Estimates --------------------------------------------------------------------------------------------------

const ROOTS = STATE.ESTIMATES + 2 * 4096;

/** Puts the tables where compiled code finds them. */
function layTables({ words }: Lowering): void {
  const halves = new Uint16Array(words.buffer);
  halves.set(reciprocals(), STATE.ESTIMATES >> 1);
  halves.set(evenRoots(), ROOTS >> 1);
  halves.set(oddRoots(), (ROOTS >> 1) + 4096);
}

/** What cpu/float/estimate.ts does with ordinary numbers; nothing is raised, whatever MXCSR says. */
function estimate(l: Lowering, op: Operation, ofRoot: boolean, lanes: number): boolean {
  const from = second(l, op, lanes === 4 ? 16 : 4);
  if (from === undefined) return false;
  layTables(l);
  const { b } = l;
  const to = slotOf(op.a);
  let result = b.get(to);
  let wrong: Value | undefined;
  const estimates: Value[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    const bits = lane32(l, from, lane);
    const exponent = b.pure(W.i32_shr_u, b.pure(W.i32_shl, bits, b.const(1)), b.const(24));
    const usual = b.pure(W.i32_lt_u, l.add(exponent, -1), b.const(ofRoot ? 254 : 252));
    const unusual = b.pure(W.i32_eqz, usual);
    const here = ofRoot ? b.pure(W.i32_or, unusual, b.pure(W.i32_shr_u, bits, b.const(31))) : unusual;
    wrong = wrong === undefined ? here : b.pure(W.i32_or, wrong, here);
    // The last bit of the exponent, which stands before the fraction, chooses between the roots' tables.
    const place = b.pure(
      W.i32_and,
      b.pure(W.i32_shr_u, bits, b.const(10)),
      b.const(ofRoot ? 0x3ffe : 0x1ffe),
    );
    const fraction = b.load(W.i32_load16_u, place, ofRoot ? ROOTS : STATE.ESTIMATES);
    const scaled = ofRoot
      ? b.pure(W.i32_sub, b.const(190), b.pure(W.i32_shr_u, l.add(exponent, 1), b.const(1)))
      : b.pure(W.i32_sub, b.const(253), exponent);
    const size = b.pure(
      W.i32_or,
      b.pure(W.i32_shl, scaled, b.const(23)),
      b.pure(W.i32_shl, fraction, b.const(11)),
    );
    estimates.push(b.pure(W.i32_or, size, b.pure(W.i32_and, bits, b.const(-0x8000_0000))));
  }
  b.leave(wrong!);
  for (const [lane, value] of estimates.entries())
    result = b.pureWith(W.i32x4_replace_lane, V128, [lane], result, value);
  b.set(to, result);
  return true;
}

/** stmxcsr: what was raised is there already. */
function storeControl(l: Lowering, op: Operation): boolean {
  if (!l.plain(op)) return false;
  const address = l.address(op);
  l.b.check(address, 4, true);
  l.b.store(W.i32_store, address, loadState(l, STATE.MXCSR), RAM_BASE);
  return true;
}

/** The family of what lower-sse.ts leaves of numbers. */
export function lowerConversions(l: Lowering, op: Operation): boolean {
  const { form } = op;
  if (form === undefined || !/^sse/.test(form.level)) return false;
  const { name } = form;
  const rounded = /^round([ps][sd])$/.exec(name);
  if (rounded) return round(l, op, rounded[1]!);
  const across = /^h(add|sub)(p[sd])$/.exec(name);
  if (across) return horizontal(l, op, across[1] as "add" | "sub", across[2]!);
  switch (name) {
    case "cvtss2si":
    case "cvtsd2si":
      return toGeneral(l, op, name === "cvtsd2si");
    case "cvtpd2dq":
    case "cvttpd2dq":
      return toDwords(l, op, name === "cvttpd2dq");
    case "cvtps2dq":
    case "cvttps2dq":
      return singlesToDwords(l, op, name === "cvttps2dq");
    case "cvtdq2ps":
      return fromDwords(l, op);
    case "cvtps2pi":
    case "cvttps2pi":
    case "cvtpd2pi":
    case "cvttpd2pi":
      return toMmx(l, op, name.includes("pd"), name.startsWith("cvtt"));
    case "cvtpi2ps":
    case "cvtpi2pd":
      return fromMmx(l, op, name === "cvtpi2pd");
    case "addsubps":
    case "addsubpd":
      return alternately(l, op, name.slice(-2));
    case "rcpps":
    case "rcpss":
      return estimate(l, op, false, name === "rcpps" ? 4 : 1);
    case "rsqrtps":
    case "rsqrtss":
      return estimate(l, op, true, name === "rsqrtps" ? 4 : 1);
    case "stmxcsr":
      return storeControl(l, op);
    default:
      return false;
  }
}
