/**
 * SSE and SSE2 on XMM registers as WebAssembly. Moves, logic and integers are one instruction there as here.
 * Arithmetic is done where nothing special happens: exceptions are masked, rounding is to nearest, operands are
 * normal, infinite or zero, the result is normal or a zero that is exact. Then no exception is found but PE, which is
 * left out of account while it is set already; else an error-free transformation tells whether it is to be.
 *
 * A function takes places in the machine's memory, the register's first: (to, from, constant). It answers 1 when it has
 * done all of the instruction, 0 when it has changed nothing.
 */
import { type Expression, type Local, type TypeName, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";
import { packed } from "./packed.ts";
import { packedOperations } from "./packed-operations.ts";

const { i32, f32, f64, v128, sequence, when, giveBack } = wasm;

const FAILED = giveBack(i32.const(0));
const DONE = giveBack(i32.const(1));
const failIf = (condition: Expression): Expression => when(condition, FAILED);

/** All masks, rounding to nearest; what denormals become does not matter where there are none. */
const MODE_BITS = 0x7f80;
const MODE_WANTED = 0x1f80;
const PE = 0x20;

type Operation = "add" | "sub" | "mul" | "div" | "sqrt" | "min" | "max";

/** One way of looking at numbers: alone or in a vector, single or double. */
interface Lanes {
  readonly type: TypeName;
  readonly load: (at: Expression) => Expression;
  readonly store: (at: Expression, value: Expression) => Expression;
  readonly number: (value: number) => Expression;
  readonly add: (a: Expression, b: Expression) => Expression;
  readonly sub: (a: Expression, b: Expression) => Expression;
  readonly mul: (a: Expression, b: Expression) => Expression;
  readonly div: (a: Expression, b: Expression) => Expression;
  readonly sqrt: (a: Expression) => Expression;
  readonly abs: (a: Expression) => Expression;
  readonly eq: (a: Expression, b: Expression) => Expression;
  readonly ne: (a: Expression, b: Expression) => Expression;
  readonly lt: (a: Expression, b: Expression) => Expression;
  readonly gt: (a: Expression, b: Expression) => Expression;
  readonly le: (a: Expression, b: Expression) => Expression;
  readonly ge: (a: Expression, b: Expression) => Expression;
  readonly and: (a: Expression, b: Expression) => Expression;
  readonly or: (a: Expression, b: Expression) => Expression;
  /** Where the condition does not hold everywhere: an i32. */
  readonly notAll: (a: Expression) => Expression;
  readonly choose: (yes: Expression, no: Expression, condition: Expression) => Expression;
  readonly double: boolean;
}

const vectorLanes = (
  double: boolean,
  numbers: typeof wasm.f32x4 | typeof wasm.f64x2,
  splat: (value: number) => Expression,
): Lanes => ({
  ...numbers,
  type: "v128",
  load: (at) => v128.load(at),
  store: (at, value) => v128.store(at, value),
  number: splat,
  and: v128.and,
  or: v128.or,
  notAll: (a) => v128.any_true(v128.not(a)),
  choose: v128.bitselect,
  double,
});
const scalarLanes = (double: boolean, numbers: typeof wasm.f32 | typeof wasm.f64): Lanes => ({
  ...numbers,
  type: double ? "f64" : "f32",
  load: (at) => numbers.load(at),
  store: (at, value) => numbers.store(at, value),
  number: numbers.const,
  and: i32.and,
  or: i32.or,
  notAll: i32.eqz,
  choose: wasm.select,
  double,
});

const bytesOf = (value: number, double: boolean): number[] =>
  double
    ? [...new Uint8Array(Float64Array.of(value, value).buffer)]
    : [...new Uint8Array(Float32Array.of(value, value, value, value).buffer)];

const LANES: Readonly<Record<string, Lanes>> = {
  ps: vectorLanes(false, wasm.f32x4, (value) => v128.const(bytesOf(value, false))),
  pd: vectorLanes(true, wasm.f64x2, (value) => v128.const(bytesOf(value, true))),
  ss: scalarLanes(false, f32),
  sd: scalarLanes(true, f64),
};

const swappedHalves = (value: Expression): Expression =>
  wasm.vectors([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])(value, value);

const LEAST = [2 ** -126, 2 ** -1022] as const;
const MOST = [2 ** 128 - 2 ** 104, Number.MAX_VALUE] as const;
/** Where transformations of doubles hold: nothing of them overflows or is lost below. */
const SMALL = 2 ** -400;
const LARGE = 2 ** 400;
const SPLITTER = 2 ** 27 + 1;

/** What lanes of two operands and a result look like to the conditions below. */
interface Operands {
  readonly a: Local;
  readonly b: Local;
  readonly r: Local;
}

/** Whether every lane of an operand is zero, normal or infinite. */
const isAdmitted = (l: Lanes, x: Local): Expression =>
  l.or(l.ge(l.abs(x.get), l.number(LEAST[+l.double]!)), l.eq(x.get, l.number(0)));

/** Whether nothing happened in any lane but rounding. */
function isPlain(l: Lanes, operation: Operation, { a, b, r }: Operands): Expression {
  const zero = l.number(0);
  const normal = l.and(
    l.gt(l.abs(r.get), l.number(LEAST[+l.double]!)),
    l.le(l.abs(r.get), l.number(MOST[+l.double]!)),
  );
  const isZero = l.eq(r.get, zero);
  switch (operation) {
    case "mul":
      return l.or(normal, l.and(isZero, l.or(l.eq(a.get, zero), l.eq(b.get, zero))));
    case "div":
      return l.or(
        normal,
        l.and(isZero, l.and(l.eq(a.get, zero), l.le(l.abs(b.get), l.number(MOST[+l.double]!)))),
      );
    default:
      return l.or(normal, isZero);
  }
}

/** x × y less its rounded value, in doubles whose products stay in range (Dekker). */
function restOfProduct(
  l: Lanes,
  made: WasmFunction,
  x: Local,
  y: Local,
  product: Local,
  rest: Local,
): Expression {
  const [xHigh, xLow, yHigh, yLow] = [1, 2, 3, 4].map(() => made.local(l.type)) as [
    Local,
    Local,
    Local,
    Local,
  ];
  const split = (from: Local, high: Local, low: Local) =>
    sequence(
      low.set(l.mul(from.get, l.number(SPLITTER))),
      high.set(l.sub(low.get, l.sub(low.get, from.get))),
      low.set(l.sub(from.get, high.get)),
    );
  return sequence(
    split(x, xHigh, xLow),
    split(y, yHigh, yLow),
    rest.set(
      l.sub(
        l.mul(xLow.get, yLow.get),
        l.sub(
          l.sub(l.sub(product.get, l.mul(xHigh.get, yHigh.get)), l.mul(xLow.get, yHigh.get)),
          l.mul(xHigh.get, yLow.get),
        ),
      ),
    ),
  );
}

/** Sets PE in MXCSR where the result is not exact; fails where that is not easily told. */
function tellInexact(made: WasmFunction, l: Lanes, operation: Operation, operands: Operands): Expression {
  const { a, b, r } = operands;
  const rest = made.local(l.type);
  const part = made.local(l.type);
  const set = when(
    l.notAll(l.eq(rest.get, l.number(0))),
    i32.store(i32.const(0), i32.or(i32.load(i32.const(0), STATE.MXCSR), i32.const(PE)), STATE.MXCSR),
  );
  if (operation === "min" || operation === "max") return wasm.nothing;
  if (operation === "add" || operation === "sub") {
    // Knuth's sum: a + b, or a - b, is r + rest.
    const [plus, minus] = operation === "add" ? [l.add, l.sub] : [l.sub, l.add];
    return sequence(
      part.set(l.sub(r.get, a.get)),
      rest.set(plus(l.sub(a.get, l.sub(r.get, part.get)), minus(b.get, part.get))),
      set,
    );
  }
  // r × b against a, or a × b against r.
  const [x, y, product] = operation === "mul" ? [a, b, r] : operation === "div" ? [r, b, a] : [r, r, b];
  const near = made.local(l.type);
  const inRange = (value: Local): Expression =>
    l.or(
      l.eq(value.get, l.number(0)),
      l.and(l.gt(l.abs(value.get), l.number(SMALL)), l.lt(l.abs(value.get), l.number(LARGE))),
    );
  const single = !l.double;
  if (single && l.type === "f32") {
    const wide = (value: Local): Expression => f64.promote_f32(value.get);
    return when(
      f64.ne(f64.mul(wide(x), wide(y)), wide(product)),
      i32.store(i32.const(0), i32.or(i32.load(i32.const(0), STATE.MXCSR), i32.const(PE)), STATE.MXCSR),
    );
  }
  if (single) {
    const low = (value: Local): Expression => wasm.f64x2.promote_low_f32x4(value.get);
    const high = (value: Local): Expression => wasm.f64x2.promote_low_f32x4(swappedHalves(value.get));
    return when(
      v128.any_true(
        v128.or(
          wasm.f64x2.ne(wasm.f64x2.mul(low(x), low(y)), low(product)),
          wasm.f64x2.ne(wasm.f64x2.mul(high(x), high(y)), high(product)),
        ),
      ),
      i32.store(i32.const(0), i32.or(i32.load(i32.const(0), STATE.MXCSR), i32.const(PE)), STATE.MXCSR),
    );
  }
  return sequence(
    failIf(l.notAll(l.and(inRange(x), inRange(y)))),
    near.set(l.mul(x.get, y.get)),
    restOfProduct(l, made, x, y, near, rest),
    // near + rest is the product: equal to the other side only with the very same difference.
    rest.set(l.sub(l.sub(product.get, near.get), rest.get)),
    set,
  );
}

/** Whether all is as it must be: an i32 that is not 0 when it is not; sets the mode's word aside. */
const modeIsWrong = (mxcsr: Local): Expression =>
  i32.ne(
    i32.and(mxcsr.tee(i32.load(i32.const(0), STATE.MXCSR)), i32.const(MODE_BITS)),
    i32.const(MODE_WANTED),
  );

function arithmetic(operation: Operation, l: Lanes): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const to = made.parameter(0);
  const mxcsr = made.local("i32");
  const operands = { a: made.local(l.type), b: made.local(l.type), r: made.local(l.type) };
  const { a, b, r } = operands;
  const result = (): Expression => {
    switch (operation) {
      case "sqrt":
        return l.sqrt(b.get);
      // The second operand where the first is not less, or not greater. SDM vol. 2A, MINPS.
      case "min":
        return l.choose(a.get, b.get, l.lt(a.get, b.get));
      case "max":
        return l.choose(a.get, b.get, l.gt(a.get, b.get));
      default:
        return l[operation](a.get, b.get);
    }
  };
  const admitted = operation === "sqrt" ? isAdmitted(l, b) : l.and(isAdmitted(l, a), isAdmitted(l, b));
  const chooses = operation === "min" || operation === "max";
  made.add(
    failIf(modeIsWrong(mxcsr)),
    a.set(l.load(to.get)),
    b.set(l.load(made.parameter(1).get)),
    r.set(result()),
    failIf(l.notAll(chooses ? admitted : l.and(admitted, isPlain(l, operation, operands)))),
    chooses
      ? wasm.nothing
      : when(i32.eqz(i32.and(mxcsr.get, i32.const(PE))), tellInexact(made, l, operation, operands)),
    l.store(to.get, r.get),
    DONE,
  );
  return made;
}

// Conversions ------------------------------------------------------------------------------------------------

const raisePe = (inexact: Expression): Expression =>
  when(
    inexact,
    i32.store(i32.const(0), i32.or(i32.load(i32.const(0), STATE.MXCSR), i32.const(PE)), STATE.MXCSR),
  );

/** (to, from): a dword as a number. */
function ofInteger(double: boolean): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [to, from] = [made.parameter(0).get, made.parameter(1).get];
  const [value, mxcsr] = [made.local("i32"), made.local("i32")];
  made.add(value.set(i32.load(from)));
  if (double) made.add(f64.store(to, f64.convert_i32_s(value.get)), DONE);
  else {
    const rounded = f32.convert_i32_s(value.get);
    made.add(
      failIf(modeIsWrong(mxcsr)),
      raisePe(f64.ne(f64.promote_f32(rounded), f64.convert_i32_s(value.get))),
    );
    made.add(f32.store(to, rounded), DONE);
  }
  return made;
}

/** (to, from): a number as a dword, to nearest or cut; fails where there is none. */
function toInteger(double: boolean, cuts: boolean): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [value, whole] = [made.local("f64"), made.local("f64")];
  const mxcsr = made.local("i32");
  const l = LANES["sd"]!;
  const from = made.parameter(1).get;
  if (double) made.add(value.set(f64.load(from)), failIf(l.notAll(isAdmitted(l, value))));
  else {
    const single = made.local("f32");
    made.add(single.set(f32.load(from)), failIf(i32.eqz(isAdmitted(LANES["ss"]!, single))));
    made.add(value.set(f64.promote_f32(single.get)));
  }
  made.add(
    failIf(modeIsWrong(mxcsr)),
    whole.set((cuts ? f64.trunc : f64.nearest)(value.get)),
    failIf(i32.eqz(i32.and(f64.ge(whole.get, f64.const(-(2 ** 31))), f64.lt(whole.get, f64.const(2 ** 31))))),
    raisePe(f64.ne(whole.get, value.get)),
    i32.store(made.parameter(0).get, i32.trunc_f64_s(whole.get)),
    DONE,
  );
  return made;
}

/** (to, from): a single as a double, which is exact. */
function widened(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const value = made.local("f32");
  made.add(value.set(f32.load(made.parameter(1).get)), failIf(i32.eqz(isAdmitted(LANES["ss"]!, value))));
  made.add(f64.store(made.parameter(0).get, f64.promote_f32(value.get)), DONE);
  return made;
}

/** (to, from): a double as a single. */
function narrowed(): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [value, rounded, mxcsr] = [made.local("f64"), made.local("f32"), made.local("i32")];
  const size = f32.abs(rounded.get);
  const isNormal = i32.and(f32.gt(size, f32.const(LEAST[0])), f32.le(size, f32.const(MOST[0])));
  made.add(
    value.set(f64.load(made.parameter(1).get)),
    rounded.set(f32.demote_f64(value.get)),
    failIf(modeIsWrong(mxcsr)),
    failIf(i32.eqz(i32.or(isNormal, f64.eq(value.get, f64.const(0))))),
    raisePe(f64.ne(f64.promote_f32(rounded.get), value.get)),
    f32.store(made.parameter(0).get, rounded.get),
    DONE,
  );
  return made;
}

/** (a, b): answers how they compare, 2 when equal, 3 when a is less, 4 when it is greater. */
function compared(l: Lanes): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [a, b] = [made.local(l.type), made.local(l.type)];
  made.add(
    a.set(l.load(made.parameter(0).get)),
    b.set(l.load(made.parameter(1).get)),
    failIf(l.notAll(l.and(isAdmitted(l, a), isAdmitted(l, b)))),
    wasm.select(
      i32.const(3),
      wasm.select(i32.const(2), i32.const(4), l.eq(a.get, b.get)),
      l.lt(a.get, b.get),
    ),
  );
  return made;
}

/** (to, from) with one operation on all of both. */
function whole(operation: (a: Expression, b: Expression) => Expression): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const [to, from] = [made.parameter(0).get, made.parameter(1).get];
  made.add(v128.store(to, operation(v128.load(to), v128.load(from))), DONE);
  return made;
}

/** (to, from): a move. */
function move(
  load: (at: Expression) => Expression,
  store: (at: Expression, value: Expression) => Expression,
): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  made.add(store(made.parameter(0).get, load(made.parameter(1).get)), DONE);
  return made;
}

/** (to, from, constant): four dwords, each chosen by two bits of the constant. */
function shuffle(source: (lane: number) => 0 | 1): WasmFunction {
  const made = new WasmFunction(["i32", "i32", "i32"], ["i32"]);
  const lanes = [0, 1, 2, 3].map(() => made.local("i32"));
  const places = [made.parameter(0).get, made.parameter(1).get];
  const constant = made.parameter(2).get;
  for (const [lane, local] of lanes.entries()) {
    const chosen = i32.and(i32.shl(i32.shr_u(constant, i32.const(2 * lane)), i32.const(2)), i32.const(12));
    made.add(local.set(i32.load(i32.add(places[source(lane)]!, chosen))));
  }
  for (const [lane, local] of lanes.entries()) made.add(i32.store(places[0]!, local.get, 4 * lane));
  made.add(DONE);
  return made;
}

/** Instructions on all of two registers that WebAssembly has, too. SDM vol. 2; WebAssembly Core 2.0, 5.4.6. */
const WHOLE: Readonly<Record<string, (a: Expression, b: Expression) => Expression>> = {
  and: v128.and,
  // x86 complements the first operand.
  andn: (a, b) => v128.and(v128.not(a), b),
  or: v128.or,
  xor: v128.xor,
  ...Object.fromEntries(Object.entries(packed).map(([name, what]) => [name, wasm.vectors(what)])),
  ...Object.fromEntries(
    ["psadbw", "pmulhw", "pmulhuw", "pmuludq"].map((name) => [
      name,
      (a: Expression, b: Expression) => packedOperations[name]!<Expression>(wasm.maker, a, b, 16, 0),
    ]),
  ),
};

/** Defines them all, always in the same order. */
export function defineSse(define: (name: string, make: () => WasmFunction) => void): void {
  for (const operation of ["add", "sub", "mul", "div", "sqrt", "min", "max"] as const) {
    for (const [suffix, lanes] of Object.entries(LANES)) {
      define(operation + suffix, () => arithmetic(operation, lanes));
    }
  }
  define("cvtsi2ss", () => ofInteger(false));
  define("cvtsi2sd", () => ofInteger(true));
  define("cvtss2si", () => toInteger(false, false));
  define("cvttss2si", () => toInteger(false, true));
  define("cvtsd2si", () => toInteger(true, false));
  define("cvttsd2si", () => toInteger(true, true));
  define("com_ss", () => compared(LANES["ss"]!));
  define("com_sd", () => compared(LANES["sd"]!));
  define("cvtss2sd", widened);
  define("cvtsd2ss", narrowed);
  for (const [name, operation] of Object.entries(WHOLE)) define(`all_${name}`, () => whole(operation));
  define("move16", () =>
    move(
      (at) => v128.load(at),
      (at, value) => v128.store(at, value),
    ),
  );
  define("load8", () =>
    move(
      (at) => v128.load64_zero(at),
      (at, value) => v128.store(at, value),
    ),
  );
  define("load4", () =>
    move(
      (at) => v128.load32_zero(at),
      (at, value) => v128.store(at, value),
    ),
  );
  define("move8", () =>
    move(
      (at) => wasm.i64.load(at),
      (at, value) => wasm.i64.store(at, value),
    ),
  );
  define("move4", () =>
    move(
      (at) => i32.load(at),
      (at, value) => i32.store(at, value),
    ),
  );
  define("shufps", () => shuffle((lane) => (lane < 2 ? 0 : 1)));
  define("pshufd", () => shuffle(() => 1));
}
