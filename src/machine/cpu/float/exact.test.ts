/** Results against integers of any length: exact, then rounded once. With significands that random ones do not come near. */
import { expect, test } from "vitest";
import { Random } from "../../../base/index.ts";
import { add, divide, multiply, squareRoot } from "./arithmetic.ts";
import { BIAS, DOUBLE, DOWN, EXTENDED, Extended, NEAREST, PE, SIGN, SINGLE, Unit, UP } from "./extended.ts";

const random = new Random(1601);
const CASES = 12_000;
/** Bits that the exact results below have at least. */
const DEEP = 200n;

/** (-1)^negative × significand × 2^exponent. */
interface Number80 {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
}

/** The integer bit, and behind it noise, a few bits, a run of ones, or next to nothing. */
function significand(): bigint {
  const bit = (): bigint => 1n << BigInt(random.below(63));
  const noise = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  const parts = [noise, bit(), bit() | bit(), bit() - 1n, -bit(), bit() - bit(), BigInt(random.below(4))];
  return BigInt.asUintN(63, parts[random.below(parts.length)]!) | (1n << 63n);
}

const any = (): Number80 => ({
  negative: random.below(2) === 1,
  significand: significand(),
  exponent: random.below(140) - 70,
});

function put({ negative, significand, exponent }: Number80, into: Extended): void {
  const se = exponent + 63 + BIAS + (negative ? SIGN : 0);
  into.set(se, Number(BigInt.asIntN(32, significand >> 32n)), Number(BigInt.asIntN(32, significand)));
}

const told = (r: Extended, { up, raised }: Unit): string =>
  `${r.se.toString(16)} ${(r.hi >>> 0).toString(16)} ${(r.lo >>> 0).toString(16)} up ${up} raised ${raised}`;

/** What the unit has to tell of an exact number, of which there may be a little more than `magnitude`. */
function rounded(
  unit: Unit,
  negative: boolean,
  magnitude: bigint,
  exponent: number,
  isMore: boolean,
): string {
  const bits = unit.precision === SINGLE ? 24 : unit.precision === DOUBLE ? 53 : 64;
  const beyond = magnitude.toString(2).length - bits;
  const wide = beyond > 0 ? magnitude : magnitude << BigInt(-beyond);
  const unitBehind = 1n << BigInt(Math.max(beyond, 0));
  const behind = wide % unitBehind;
  const isInexact = behind !== 0n || isMore;
  let kept = wide / unitBehind;
  let isUp = false;
  if (isInexact) {
    if (unit.rounding === NEAREST) {
      const twice = 2n * behind - unitBehind;
      isUp = twice > 0n || (twice === 0n && (isMore || kept % 2n === 1n));
    } else isUp = unit.rounding === (negative ? DOWN : UP);
  }
  if (isUp) kept++;
  let at = exponent + beyond + bits - 1;
  if (kept.toString(2).length > bits) {
    kept /= 2n;
    at++;
  }
  const r = new Extended();
  put({ negative, significand: kept << BigInt(64 - bits), exponent: at - 63 }, r);
  return told(r, Object.assign(new Unit(), { up: isUp ? 1 : 0, raised: isInexact ? PE : 0 }));
}

function root(of: bigint): bigint {
  let found = 1n << BigInt((of.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (found + of / found) >> 1n;
    if (next >= found) return found;
    found = next;
  }
}

type Operation = (u: Unit, a: Extended, b: Extended, r: Extended) => void;

/** Holds an operation against what `exactly` says: the result's sign, magnitude and exponent, and whether there is more. */
function compare(
  operation: Operation,
  exactly: (
    a: Number80,
    b: Number80,
  ) => [negative: boolean, magnitude: bigint, exponent: number, more: boolean],
): void {
  const [a, b, r] = [new Extended(), new Extended(), new Extended()];
  for (let i = 0; i < CASES; i++) {
    const unit = new Unit();
    unit.rounding = random.below(4);
    unit.precision = [SINGLE, DOUBLE, EXTENDED, EXTENDED][random.below(4)]!;
    const [x, y] = [any(), any()];
    const [negative, magnitude, exponent, isMore] = exactly(x, y);
    if (magnitude === 0n) continue;
    put(x, a);
    put(y, b);
    operation(unit, a, b, r);
    const of = `${x.significand.toString(16)} ${x.exponent}, ${y.significand.toString(16)} ${y.exponent}`;
    const wanted = rounded(unit, negative, magnitude, exponent, isMore);
    expect(`${of}: ${told(r, unit)}`).toBe(`${of}: ${wanted}`);
  }
}

test("sums and differences are exact ones, rounded once", () => {
  for (const flip of [0, SIGN]) {
    compare(
      (u, a, b, r) => add(u, a, b, r, flip),
      (a, b) => {
        const least = Math.min(a.exponent, b.exponent);
        const whole = ({ negative, significand, exponent }: Number80, turned: boolean): bigint =>
          (significand << BigInt(exponent - least)) * (negative !== turned ? -1n : 1n);
        const sum = whole(a, false) + whole(b, flip !== 0);
        return [sum < 0n, sum < 0n ? -sum : sum, least, false];
      },
    );
  }
});

test("products are exact ones, rounded once", () => {
  compare(multiply, (a, b) => [
    a.negative !== b.negative,
    a.significand * b.significand,
    a.exponent + b.exponent,
    false,
  ]);
});

test("quotients are exact ones, rounded once", () => {
  compare(divide, (a, b) => {
    const above = a.significand << DEEP;
    return [
      a.negative !== b.negative,
      above / b.significand,
      a.exponent - b.exponent - Number(DEEP),
      above % b.significand !== 0n,
    ];
  });
});

test("square roots are exact ones, rounded once", () => {
  compare(
    (u, a, _, r) => {
      a.se &= ~SIGN;
      squareRoot(u, a, r);
    },
    ({ significand, exponent }) => {
      const odd = exponent & 1;
      const square = significand << (2n * DEEP + BigInt(odd));
      const found = root(square);
      return [false, found, (exponent - odd) / 2 - Number(DEEP), found * found !== square];
    },
  );
});
