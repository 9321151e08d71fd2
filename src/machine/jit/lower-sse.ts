/**
 * SSE and SSE2 on XMM registers → IR. Moves, logic and integers are an instruction each. Arithmetic is done in place
 * where nothing special happens: exceptions masked, rounding to nearest, operands normal, infinite or zero, results
 * normal or zeros that are exact; everything else leaves the region before the instruction. Whether it is so is asked
 * for several instructions at once, of the exponents alone at first, and not again for what is known (numbers.ts): so
 * "before the instruction" may be before an earlier one, behind which nothing but slots has changed. Then no exception
 * is found but PE. When PE is set already as the code is compiled, which it is after the first result that was rounded, the
 * code relies on that, and leaves should somebody have cleared it; else it works out whether each result is exact.
 */
import { packed } from "../cpu/fast/packed.ts";
import type { Operation } from "../cpu/operation.ts";
import { KIND } from "../cpu/operation.ts";
import { STATE, WORD } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/memory.ts";
import { I32, I64, SIMD, V128, W } from "../wasm/index.ts";
import { SLOT, type Value, WHAT } from "./ir.ts";
import { type Lowering, loadState } from "./lower.ts";
import { LANES } from "./numbers.ts";
import { FLAGS } from "./status.ts";

const MODE_BITS = 0x7f80;
const MODE_WANTED = 0x1f80;
const PE = 0x20;

const LOAD32_ZERO = SIMD + 92;
const LOAD64_ZERO = SIMD + 93;
const SHUFFLE = SIMD + 13;
const NOT = SIMD + 77;
const AND = SIMD + 78;
const OR = SIMD + 80;
const XOR = SIMD + 81;
const BITSELECT = SIMD + 82;
const ANY_TRUE = SIMD + 83;
const I32_EXTRACT = SIMD + 27;
const I32_REPLACE = SIMD + 28;
const I64_EXTRACT = SIMD + 29;
const F64_REPLACE = SIMD + 34;
const DEMOTE = SIMD + 94;
const PROMOTE = SIMD + 95;
const I32_TRUNC_F32 = SIMD + 248;
const F32_CONVERT_I32 = SIMD + 250;
const I32_TRUNC_F64_ZERO = SIMD + 252;
const F64_CONVERT_I32 = SIMD + 254;

const ZERO = new Array<number>(16).fill(0);

/** Numbers of instructions on lanes of one size. */
interface LaneCodes {
  readonly eq: number;
  readonly ne: number;
  readonly lt: number;
  readonly gt: number;
  readonly le: number;
  readonly ge: number;
  readonly abs: number;
  readonly sqrt: number;
  readonly add: number;
  readonly sub: number;
  readonly mul: number;
  readonly div: number;
}
const codes = (compare: number, arithmetic: number): LaneCodes => ({
  eq: SIMD + compare,
  ne: SIMD + compare + 1,
  lt: SIMD + compare + 2,
  gt: SIMD + compare + 3,
  le: SIMD + compare + 4,
  ge: SIMD + compare + 5,
  abs: SIMD + arithmetic,
  sqrt: SIMD + arithmetic + 3,
  add: SIMD + arithmetic + 4,
  sub: SIMD + arithmetic + 5,
  mul: SIMD + arithmetic + 6,
  div: SIMD + arithmetic + 7,
});
const SINGLES = codes(65, 224);
const DOUBLES = codes(71, 236);

/** The bytes of vectors of one number. */
const singles = new Map<number, readonly number[]>();
const doubles = new Map<number, readonly number[]>();

/** Arithmetic on values, as the operation is written: `ps`, `pd`, `ss` or `sd`. */
export class Numbers {
  readonly l: Lowering;
  readonly double: boolean;
  readonly scalar: boolean;
  readonly codes: LaneCodes;

  constructor(l: Lowering, suffix: string) {
    this.l = l;
    this.double = suffix.endsWith("d");
    this.scalar = suffix.startsWith("s");
    this.codes = this.double ? DOUBLES : SINGLES;
  }

  get size(): number {
    return this.scalar ? (this.double ? 8 : 4) : 16;
  }

  two(code: keyof LaneCodes, a: Value, b: Value): Value {
    return this.l.b.pure(this.codes[code], a, b);
  }

  one(code: keyof LaneCodes, a: Value): Value {
    return this.l.b.pure(this.codes[code], a);
  }

  splat(value: number): Value {
    const known = this.double ? doubles : singles;
    let bytes = known.get(value);
    if (bytes === undefined) {
      const lanes = this.double ? Float64Array.of(value, value) : Float32Array.of(value, value, value, value);
      bytes = Array.from(new Uint8Array(lanes.buffer));
      known.set(value, bytes);
    }
    return this.l.b.wide(V128, bytes);
  }

  and(a: Value, b: Value): Value {
    return this.l.b.pure(AND, a, b);
  }

  or(a: Value, b: Value): Value {
    return this.l.b.pure(OR, a, b);
  }

  /** Not 0 if a mask is not set: in all lanes, or the first. */
  fails(mask: Value): Value {
    const { b } = this.l;
    return this.scalar
      ? b.pure(W.i32_eqz, b.pureWith(I32_EXTRACT, I32, [0], mask))
      : b.pureWith(ANY_TRUE, I32, undefined, b.pure(NOT, mask));
  }

  /** Not 0 if a mask is set in a lane that counts. */
  holds(mask: Value): Value {
    const { b } = this.l;
    return this.scalar ? b.pureWith(I32_EXTRACT, I32, [0], mask) : b.pureWith(ANY_TRUE, I32, undefined, mask);
  }

  get least(): Value {
    return this.splat(this.double ? 2 ** -1022 : 2 ** -126);
  }

  get most(): Value {
    return this.splat(this.double ? Number.MAX_VALUE : 2 ** 128 - 2 ** 104);
  }

  /** The lanes that count, as one of LANES. */
  get lanes(): number {
    return this.double ? (this.scalar ? LANES.SD : LANES.PD) : this.scalar ? LANES.SS : LANES.PS;
  }

  /** Lanes that are zero, normal or infinite; undefined when that is known. */
  admitted(x: Value): Value | undefined {
    if (this.l.b.isPlain(x, this.lanes)) return undefined;
    return this.or(this.two("ge", this.one("abs", x), this.least), this.two("eq", x, this.splat(0)));
  }

  all(...masks: (Value | undefined)[]): Value | undefined {
    let sum: Value | undefined;
    for (const mask of masks) if (mask) sum = sum === undefined ? mask : this.and(sum, mask);
    return sum;
  }

  /** `result` with what the instruction leaves of the first operand. */
  merged(result: Value, first: Value): Value {
    return this.scalar ? lowOf(this.l, result, first, this.size) : result;
  }
}

const LOW_DWORD = [0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];
const LOW_QUADWORD = [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31];

/** The lower `size` bytes of one value, 4 or 8, the rest of another. */
export function lowOf(l: Lowering, low: Value, rest: Value, size: number): Value {
  return l.b.pureWith(SHUFFLE, V128, size === 4 ? LOW_DWORD : LOW_QUADWORD, low, rest);
}

export const slotOf = (index: number): number => SLOT.XMM + ((index - WORD.XMM) >> 2);

export const isSticky = (l: Lowering): boolean => l.isSseSticky();

/** What MXCSR must be for arithmetic, as `admit` of ir.ts has it. */
const modeOf = (l: Lowering): number =>
  isSticky(l) ? (((MODE_BITS | PE) << 16) | MODE_WANTED | PE) >>> 0 : ((MODE_BITS << 16) | MODE_WANTED) >>> 0;

/**
 * Leaves if `fails` is not 0, or MXCSR is not what the code relies on. `fails` is only looked at if one of `numbers`
 * is not normal. Answers whether PE is relied on.
 */
export function admit(l: Lowering, n: Numbers, numbers: readonly Value[], fails: Value | undefined): boolean {
  l.b.admit(numbers, n.lanes, fails, modeOf(l));
  return isSticky(l);
}

/** Leaves if `fails` is not 0, or MXCSR is not what the code relies on. Answers whether PE is relied on. */
export function demand(l: Lowering, fails: Value | undefined): boolean {
  l.b.admit([], 0, undefined, modeOf(l));
  if (fails !== undefined) l.b.leave(fails);
  return isSticky(l);
}

/** Sets PE where `inexact` is not 0. */
export function raise(l: Lowering, inexact: Value): void {
  const { b } = l;
  const set = b.pure(W.i32_shl, b.pure(W.i32_ne, inexact, b.const(0)), b.const(5));
  b.store(W.i32_store, b.const(0), b.pure(W.i32_or, loadState(l, STATE.MXCSR), set), STATE.MXCSR);
  // PE is no part of what is relied on here.
  b.mode = modeOf(l);
}

// Operands ---------------------------------------------------------------------------------------------------

const isRegister = (kind: number): boolean => kind === KIND.VECTOR;

/** The second operand, of which `size` bytes are read when it is memory; undefined when it cannot be lowered. */
export function second(l: Lowering, op: Operation, size: number, aligned = size === 16): Value | undefined {
  const { b } = l;
  if (isRegister(op.kind2)) return b.get(slotOf(op.b));
  if (op.kind2 !== KIND.MEMORY && op.kind2 !== KIND.M32) return undefined;
  if (!l.plain(op)) return undefined;
  const address = l.address(op);
  b.check(address, size, false);
  if (aligned) demandAlignment(l, address);
  return b.load(size === 16 ? W.v128_load : size === 8 ? LOAD64_ZERO : LOAD32_ZERO, address, RAM_BASE);
}

export function demandAlignment(l: Lowering, address: Value): void {
  const { b } = l;
  if (address.what !== WHAT.CONST || address.number & 15) b.align(address);
}

/** Whether the second operand, a general register or a dword of memory, can be lowered. */
const canRead = (l: Lowering, op: Operation): boolean => op.kind2 === KIND.R32 || l.plain(op);

/** Stores to memory, which is checked here. False when it cannot be lowered. */
export function storeTo(l: Lowering, op: Operation, size: number, aligned: boolean, value: Value): boolean {
  const { b } = l;
  if (!l.plain(op)) return false;
  const address = l.address(op);
  b.check(address, size, true);
  if (aligned) demandAlignment(l, address);
  const opcode = size === 16 ? W.v128_store : size === 8 ? W.i64_store : W.i32_store;
  b.store(opcode, address, value, RAM_BASE);
  return true;
}

export const lane32 = (l: Lowering, value: Value, lane: number): Value =>
  l.b.pureWith(I32_EXTRACT, I32, [lane], value);
const lane64 = (l: Lowering, value: Value, lane: number): Value =>
  l.b.pureWith(I64_EXTRACT, I64, [lane], value);

// Arithmetic -------------------------------------------------------------------------------------------------

type Arithmetic = "add" | "sub" | "mul" | "div" | "sqrt";

/** The result of numbers, where it is an ordinary one; else the region is left. */
export function calculated(n: Numbers, operation: Arithmetic, x: Value, y: Value): Value {
  const { l } = n;
  const { b } = l;
  const result = operation === "sqrt" ? n.one("sqrt", y) : n.two(operation, x, y);
  const zero = n.splat(0);
  const size = n.one("abs", result);
  const normal = n.and(n.two("gt", size, n.least), n.two("le", size, n.most));
  let exactZero = n.two("eq", result, zero);
  if (operation === "mul") exactZero = n.and(exactZero, n.or(n.two("eq", x, zero), n.two("eq", y, zero)));
  else if (operation === "div") {
    exactZero = n.and(exactZero, n.and(n.two("eq", x, zero), n.two("le", n.one("abs", y), n.most)));
  }
  const plain = n.or(normal, exactZero);
  const mask = n.all(operation === "sqrt" ? undefined : n.admitted(x), n.admitted(y), plain)!;
  const operands = operation === "sqrt" ? [y] : [x, y];
  admit(l, n, [...operands, result], n.fails(mask));
  if (!isSticky(l)) {
    const inexact = inexactness(n, operation, x, y, result);
    if (inexact.possible) b.leave(n.fails(inexact.possible));
    raise(l, n.holds(inexact.mask));
  }
  return result;
}

function arithmetic(l: Lowering, op: Operation, operation: Arithmetic, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const { b } = l;
  const y = second(l, op, n.size);
  if (y === undefined) return false;
  const x = b.get(slotOf(op.a));
  const result = calculated(n, operation, x, y);
  const merged = n.merged(result, x);
  b.markPlain(merged, n.lanes);
  b.set(slotOf(op.a), merged);
  return true;
}

/** Where transformations of doubles hold. */
const SMALL = 2 ** -400;
const LARGE = 2 ** 400;
const SPLITTER = 2 ** 27 + 1;

/** Lanes whose result was rounded, and those where that can be told this way. */
function inexactness(
  n: Numbers,
  operation: Arithmetic,
  x: Value,
  y: Value,
  result: Value,
): { mask: Value; possible?: Value } {
  const { b } = n.l;
  const zero = n.splat(0);
  if (operation === "add" || operation === "sub") {
    // Knuth: x + y, or x - y, is the result and a rest.
    const part = n.two("sub", result, x);
    const left = n.two("sub", x, n.two("sub", result, part));
    const rest =
      operation === "add"
        ? n.two("add", left, n.two("sub", y, part))
        : n.two("sub", left, n.two("add", y, part));
    return { mask: n.two("ne", rest, zero) };
  }
  // A product of two of the three against the third.
  const [p, q, product] =
    operation === "mul" ? [x, y, result] : operation === "div" ? [result, y, x] : [result, result, y];
  if (!n.double) {
    // Of singles it is exact in doubles.
    const upper = ZERO.map((_, at) => (at + 8) & 15);
    const wide = (value: Value, high: boolean): Value =>
      b.pure(PROMOTE, high ? b.pureWith(SHUFFLE, V128, upper, value, value) : value);
    const differ = (high: boolean): Value =>
      b.pure(DOUBLES.ne, b.pure(DOUBLES.mul, wide(p, high), wide(q, high)), wide(product, high));
    return { mask: n.scalar ? differ(false) : b.pure(OR, differ(false), differ(true)) };
  }
  const inRange = (value: Value): Value => {
    const size = n.one("abs", value);
    return n.or(
      n.two("eq", value, zero),
      n.and(n.two("gt", size, n.splat(SMALL)), n.two("lt", size, n.splat(LARGE))),
    );
  };
  const split = (value: Value): [Value, Value] => {
    const scaled = n.two("mul", value, n.splat(SPLITTER));
    const high = n.two("sub", scaled, n.two("sub", scaled, value));
    return [high, n.two("sub", value, high)];
  };
  const near = n.two("mul", p, q);
  const [pHigh, pLow] = split(p);
  const [qHigh, qLow] = split(q);
  const rest = n.two(
    "sub",
    n.two("mul", pLow, qLow),
    n.two(
      "sub",
      n.two("sub", n.two("sub", near, n.two("mul", pHigh, qHigh)), n.two("mul", pLow, qHigh)),
      n.two("mul", pHigh, qLow),
    ),
  );
  return {
    mask: n.two("ne", n.two("sub", n.two("sub", product, near), rest), zero),
    possible: n.and(inRange(p), inRange(q)),
  };
}

/** The second operand where the first is not less, or not greater. SDM vol. 2A, MINPS. */
function choose(l: Lowering, op: Operation, greater: boolean, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const y = second(l, op, n.size);
  if (y === undefined) return false;
  const x = l.b.get(slotOf(op.a));
  const mask = n.all(n.admitted(x), n.admitted(y));
  admit(l, n, [x, y], mask && n.fails(mask));
  const chosen = l.b.pure(BITSELECT, x, y, n.two(greater ? "gt" : "lt", x, y));
  const merged = n.merged(chosen, x);
  l.b.markPlain(chosen, n.lanes);
  l.b.markPlain(merged, n.lanes);
  l.b.set(slotOf(op.a), merged);
  return true;
}

/** eq lt le unord neq nlt nle ord, where no operand is a NaN. */
const PREDICATES = ["eq", "lt", "le", "never", "ne", "ge", "gt", "always"] as const;

function compare(l: Lowering, op: Operation, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const y = second(l, op, n.size);
  if (y === undefined) return false;
  const { b } = l;
  const x = b.get(slotOf(op.a));
  const mask = n.all(n.admitted(x), n.admitted(y));
  admit(l, n, [x, y], mask && n.fails(mask));
  const predicate = PREDICATES[op.immediate & 7]!;
  const result =
    predicate === "never"
      ? b.wide(V128, ZERO)
      : predicate === "always"
        ? b.wide(V128, new Array(16).fill(255))
        : n.two(predicate, x, y);
  b.set(slotOf(op.a), n.merged(result, x));
  return true;
}

/** ZF and CF of the order; the others cleared. SDM vol. 2A, COMISD. */
function compareForFlags(l: Lowering, op: Operation, suffix: string): boolean {
  const n = new Numbers(l, suffix);
  const y = second(l, op, n.size);
  if (y === undefined) return false;
  const { b } = l;
  const x = b.get(slotOf(op.a));
  const mask = n.all(n.admitted(x), n.admitted(y));
  admit(l, n, [x, y], mask && n.fails(mask));
  const lane = (mask: Value): Value => b.pure(W.i32_and, lane32(l, mask, 0), b.const(1));
  const equal = lane(n.two("eq", x, y));
  // As in lower-x87.ts: a result of 1 has odd parity, one of 0 has not.
  l.setFlags(
    b.pure(W.i32_eqz, equal),
    FLAGS.WORD,
    b.pure(W.i32_shl, equal, b.const(8)),
    lane(n.two("lt", x, y)),
  );
  return true;
}

// Conversions ------------------------------------------------------------------------------------------------

function convert(l: Lowering, op: Operation, name: string): boolean {
  const { b } = l;
  const to = slotOf(op.a);
  switch (name) {
    case "cvtsi2sd":
    case "cvtsi2ss": {
      if (op.kind2 !== KIND.R32 && op.kind2 !== KIND.M32) return false;
      if (!canRead(l, op)) return false;
      const value = l.value(op, op.kind2, op.b, l.place(op, false));
      const number = b.pure(W.f64_convert_i32_s, value);
      const wide = b.pureWith(F64_REPLACE, V128, [0], b.wide(V128, ZERO), number);
      if (name === "cvtsi2sd") {
        b.set(to, lowOf(l, wide, b.get(to), 8));
        return true;
      }
      const single = b.pure(DEMOTE, wide);
      const sticky = demand(l, undefined);
      if (!sticky) raise(l, lane32(l, b.pure(DOUBLES.ne, b.pure(PROMOTE, single), wide), 0));
      b.set(to, lowOf(l, single, b.get(to), 4));
      return true;
    }
    case "cvttss2si":
    case "cvttsd2si": {
      if (op.kind1 !== KIND.R32) return false;
      const double = name === "cvttsd2si";
      const from = second(l, op, double ? 8 : 4, false);
      if (from === undefined) return false;
      const n = new Numbers(l, double ? "sd" : "ss");
      const admitted = n.admitted(from);
      const wide = double ? from : b.pure(PROMOTE, from);
      const bound = (value: number): Value =>
        b.wide(V128, [...new Uint8Array(Float64Array.of(value, value).buffer)]);
      const inRange = b.pure(
        AND,
        b.pure(DOUBLES.gt, wide, bound(-(2 ** 31) - 1)),
        b.pure(DOUBLES.lt, wide, bound(2 ** 31)),
      );
      const whole = b.pure(I32_TRUNC_F64_ZERO, wide);
      const sticky = demand(l, n.fails(n.all(admitted, inRange)!));
      if (!sticky) raise(l, lane32(l, b.pure(DOUBLES.ne, b.pure(F64_CONVERT_I32, whole), wide), 0));
      b.set(op.a, lane32(l, whole, 0));
      return true;
    }
    case "cvtss2sd":
    case "cvtps2pd": {
      const scalar = name === "cvtss2sd";
      const from = second(l, op, scalar ? 4 : 8, false);
      if (from === undefined) return false;
      // The upper lanes of a register say nothing: doubles of the lower ones are looked at.
      const n = new Numbers(l, scalar ? "sd" : "pd");
      const wide = b.pure(PROMOTE, from);
      const least = n.splat(2 ** -126);
      const most = n.most;
      const size = n.one("abs", wide);
      const plain = n.or(
        n.and(n.two("ge", size, least), n.two("le", size, most)),
        n.two("eq", wide, n.splat(0)),
      );
      demand(l, n.fails(plain));
      b.set(to, scalar ? lowOf(l, wide, b.get(to), 8) : wide);
      return true;
    }
    case "cvtsd2ss":
    case "cvtpd2ps": {
      const scalar = name === "cvtsd2ss";
      const from = second(l, op, scalar ? 8 : 16);
      if (from === undefined) return false;
      const n = new Numbers(l, scalar ? "sd" : "pd");
      const narrow = b.pure(DEMOTE, from);
      const again = b.pure(PROMOTE, narrow);
      const size = n.one("abs", again);
      const plain = n.or(
        n.and(n.two("gt", size, n.splat(2 ** -126)), n.two("lt", size, n.splat(Number.POSITIVE_INFINITY))),
        n.two("eq", from, n.splat(0)),
      );
      const sticky = demand(l, n.fails(plain));
      if (!sticky) raise(l, n.holds(n.two("ne", again, from)));
      b.set(to, scalar ? lowOf(l, narrow, b.get(to), 4) : narrow);
      return true;
    }
    case "cvtdq2pd": {
      const from = second(l, op, 8, false);
      if (from === undefined) return false;
      b.set(to, b.pure(F64_CONVERT_I32, from));
      return true;
    }
    case "cvtdq2ps": {
      // Which of them are exact is told only where it does not matter.
      if (!(l.words[WORD.MXCSR]! & PE)) return false;
      const from = second(l, op, 16);
      if (from === undefined) return false;
      demand(l, undefined);
      b.set(to, b.pure(F32_CONVERT_I32, from));
      return true;
    }
    case "cvttps2dq": {
      if (!(l.words[WORD.MXCSR]! & PE)) return false;
      const from = second(l, op, 16);
      if (from === undefined) return false;
      const n = new Numbers(l, "ps");
      const inRange = n.two("lt", n.one("abs", from), n.splat(2 ** 31));
      demand(l, n.fails(n.all(n.admitted(from), inRange)!));
      b.set(to, b.pure(I32_TRUNC_F32, from));
      return true;
    }
    default:
      return false;
  }
}

// Moves, logic, integers -------------------------------------------------------------------------------------

const bytesOfLanes = (...dwords: number[]): number[] =>
  dwords.flatMap((dword) => [0, 1, 2, 3].map((i) => 4 * dword + i));

/** Dwords of the result: 0 to 3 of the first operand, 4 to 7 of the second; with the bytes read from memory. */
const ARRANGED: Readonly<Record<string, readonly [lanes: readonly number[], size: number]>> = {
  movhlps: [[6, 7, 2, 3], 16],
  movlhps: [[0, 1, 4, 5], 16],
  movlps: [[4, 5, 2, 3], 8],
  movlpd: [[4, 5, 2, 3], 8],
  movhps: [[0, 1, 4, 5], 8],
  movhpd: [[0, 1, 4, 5], 8],
  unpcklps: [[0, 4, 1, 5], 16],
  unpckhps: [[2, 6, 3, 7], 16],
  unpcklpd: [[0, 1, 4, 5], 16],
  unpckhpd: [[2, 3, 6, 7], 16],
  movsldup: [[4, 4, 6, 6], 16],
  movshdup: [[5, 5, 7, 7], 16],
  movddup: [[4, 5, 4, 5], 8],
};
const LOGIC: Readonly<Record<string, number>> = {
  andps: AND,
  andpd: AND,
  pand: AND,
  orps: OR,
  orpd: OR,
  por: OR,
  xorps: XOR,
  xorpd: XOR,
  pxor: XOR,
};

/** Shifts of lanes by a constant: the instruction, the bits of a lane. */
const SHIFTS: Readonly<Record<string, readonly [code: number, bits: number]>> = {
  psllw: [SIMD + 139, 16],
  psraw: [SIMD + 140, 16],
  psrlw: [SIMD + 141, 16],
  pslld: [SIMD + 171, 32],
  psrad: [SIMD + 172, 32],
  psrld: [SIMD + 173, 32],
  psllq: [SIMD + 203, 64],
  psrlq: [SIMD + 205, 64],
};

function shift(l: Lowering, op: Operation, name: string): boolean {
  if (op.kind2 !== KIND.IMMEDIATE) return false;
  const { b } = l;
  const count = op.immediate & 0xff;
  const value = b.get(slotOf(op.a));
  const zero = b.wide(V128, ZERO);
  if (name === "pslldq" || name === "psrldq") {
    const by = Math.min(count, 16);
    const pattern = ZERO.map((_, at) => {
      const from = name === "pslldq" ? at - by : at + by;
      return from >= 0 && from < 16 ? from : 16;
    });
    b.set(slotOf(op.a), b.pureWith(SHUFFLE, V128, pattern, value, zero));
    return true;
  }
  const [code, bits] = SHIFTS[name]!;
  const arithmetic = name.startsWith("psra");
  if (count >= bits && !arithmetic) b.set(slotOf(op.a), zero);
  else b.set(slotOf(op.a), b.pureWith(code, V128, undefined, value, b.const(Math.min(count, bits - 1))));
  return true;
}

/** Whole registers and memory, and single lanes that are loaded and stored. */
function move(l: Lowering, op: Operation, name: string): boolean | undefined {
  const { b } = l;
  const stores = op.form!.places[0] === "rm";
  const toMemory = stores && !isRegister(op.kind1);
  switch (name) {
    case "movaps":
    case "movapd":
    case "movdqa":
    case "movups":
    case "movupd":
    case "movdqu": {
      const aligned = name.slice(3).includes("a");
      if (toMemory) return storeTo(l, op, 16, aligned, b.get(slotOf(op.b)));
      const from = second(l, op, 16, aligned);
      if (from === undefined) return false;
      b.set(slotOf(op.a), from);
      return true;
    }
    case "movss":
    case "movsd": {
      const size = name === "movss" ? 4 : 8;
      if (toMemory) {
        const value = b.get(slotOf(op.b));
        return storeTo(l, op, size, false, size === 4 ? lane32(l, value, 0) : lane64(l, value, 0));
      }
      const from = second(l, op, size, false);
      if (from === undefined) return false;
      b.set(slotOf(op.a), isRegister(op.kind2) ? lowOf(l, from, b.get(slotOf(op.a)), size) : from);
      return true;
    }
    case "movq": {
      if (toMemory) return storeTo(l, op, 8, false, lane64(l, b.get(slotOf(op.b)), 0));
      const from = second(l, op, 8, false);
      if (from === undefined) return false;
      b.set(slotOf(op.a), isRegister(op.kind2) ? lowOf(l, from, b.wide(V128, ZERO), 8) : from);
      return true;
    }
    case "movlps":
    case "movlpd":
    case "movhps":
    case "movhpd":
      if (!toMemory) return undefined;
      return storeTo(l, op, 8, false, lane64(l, b.get(slotOf(op.b)), name[3] === "h" ? 1 : 0));
    case "movd": {
      if (isRegister(op.kind1)) {
        if (!(op.kind2 === KIND.R32 || op.kind2 === KIND.M32) || !canRead(l, op)) return false;
        const value = l.value(op, op.kind2, op.b, l.place(op, false));
        b.set(slotOf(op.a), b.pureWith(I32_REPLACE, V128, [0], b.wide(V128, ZERO), value));
        return true;
      }
      const value = lane32(l, b.get(slotOf(op.b)), 0);
      if (op.kind1 === KIND.R32) {
        b.set(op.a, value);
        return true;
      }
      return op.kind1 === KIND.M32 && storeTo(l, op, 4, false, value);
    }
    default:
      return undefined;
  }
}

/** Arithmetic and comparisons; undefined for others. */
function onNumbers(l: Lowering, op: Operation, stem: string, suffix: string): boolean | undefined {
  if (suffix !== "ps" && suffix !== "ss" && suffix !== "pd" && suffix !== "sd") return undefined;
  switch (stem) {
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "sqrt":
      return arithmetic(l, op, stem, suffix);
    case "min":
    case "max":
      return choose(l, op, stem === "max", suffix);
    // The table has a row for each predicate besides those with a constant.
    case "cmp":
    case "cmpeq":
    case "cmplt":
    case "cmple":
    case "cmpunord":
    case "cmpneq":
    case "cmpnlt":
    case "cmpnle":
    case "cmpord":
      return compare(l, op, suffix);
    case "comi":
    case "ucomi":
      return compareForFlags(l, op, suffix);
    default:
      return undefined;
  }
}

/** The family of SSE. */
export function lowerSse(l: Lowering, op: Operation): boolean {
  const { form } = op;
  if (form === undefined || l.b.without === "sse") return false;
  const { name, level, operands } = form;
  if (level !== "sse" && level !== "sse2" && level !== "sse3") return false;
  for (let i = 0; i < operands.length; i++) {
    const { kind } = operands[i]!;
    if (kind === "mm" || kind === "mmm") return false;
  }
  const { b } = l;
  if (!isRegister(op.kind1) && !isRegister(op.kind2)) {
    // Conversions from memory to a general register.
    return name.startsWith("cvtt") && convert(l, op, name);
  }
  const moved = move(l, op, name);
  if (moved !== undefined) return moved;
  const calculated = onNumbers(l, op, name.slice(0, -2), name.slice(-2));
  if (calculated !== undefined) return calculated;
  if (name.startsWith("cvt")) return convert(l, op, name);
  if (name in SHIFTS || name === "pslldq" || name === "psrldq") return shift(l, op, name);
  switch (name) {
    case "movmskps":
      b.set(op.a, b.pureWith(SIMD + 164, I32, undefined, b.get(slotOf(op.b))));
      return true;
    case "movmskpd":
      b.set(op.a, b.pureWith(SIMD + 196, I32, undefined, b.get(slotOf(op.b))));
      return true;
    case "pmovmskb":
      b.set(op.a, b.pureWith(SIMD + 100, I32, undefined, b.get(slotOf(op.b))));
      return true;
  }
  if (!isRegister(op.kind1)) return false;
  const to = slotOf(op.a);
  const first = b.get(to);
  const both = (size: number, make: (second: Value) => Value): boolean => {
    const other = second(l, op, size);
    if (other === undefined) return false;
    b.set(to, make(other));
    return true;
  };
  const logic = LOGIC[name];
  if (logic !== undefined) {
    // The usual way to zero.
    if (logic === XOR && isRegister(op.kind2) && op.a === op.b) {
      b.set(to, b.wide(V128, ZERO));
      return true;
    }
    return both(16, (other) => b.pure(logic, first, other));
  }
  if (name === "andnps" || name === "andnpd" || name === "pandn")
    return both(16, (other) => b.pure(AND, b.pure(NOT, first), other));
  const arranged = ARRANGED[name];
  if (arranged)
    return both(arranged[1], (other) =>
      b.pureWith(SHUFFLE, V128, bytesOfLanes(...arranged[0]), first, other),
    );
  if (name === "shufps" || name === "pshufd" || name === "shufpd") {
    const { immediate } = op;
    const source = name === "pshufd" ? 4 : 0;
    const lanes =
      name === "shufpd"
        ? [(immediate & 1) * 2, (immediate & 1) * 2 + 1, 4 + (immediate & 2), 5 + (immediate & 2)]
        : [0, 1, 2, 3].map((at) => (at < 2 ? source : 4) + ((immediate >> (2 * at)) & 3));
    return both(16, (other) => b.pureWith(SHUFFLE, V128, bytesOfLanes(...lanes), first, other));
  }
  const integer = packed[name];
  if (integer !== undefined && form.operands.length === 2)
    return both(16, (other) =>
      typeof integer === "number"
        ? b.pure(integer, first, other)
        : b.pureWith(SHUFFLE, V128, integer, first, other),
    );
  return false;
}
