import { expect, test } from "vitest";
import { Random } from "../../../base/index.ts";
import { add, divide, multiply, squareRoot } from "./arithmetic.ts";
import { fromDouble, stored, toDouble } from "./convert.ts";
import { DOUBLE, Extended, SIGN, Unit } from "./extended.ts";
import { logarithm2Plus1 } from "./transcendental.ts";

const view = new DataView(new ArrayBuffer(8));
const unit = new Unit();

function from(value: number, to: Extended): void {
  view.setFloat64(0, value);
  fromDouble(unit, view.getInt32(0), view.getInt32(4), to);
}

function value(of: Extended): number {
  toDouble(unit, of);
  view.setInt32(0, stored.hi);
  view.setInt32(4, stored.lo);
  return view.getFloat64(0);
}

test("with 53 bits of precision, results are those of doubles", () => {
  const random = new Random(3);
  const a = new Extended();
  const b = new Extended();
  const r = new Extended();
  unit.precision = DOUBLE;
  const any = (): number => {
    view.setUint32(0, (random.u32() & 0x800f_ffff) | ((1023 - 60 + random.below(120)) << 20));
    view.setUint32(4, random.below(3) === 0 ? 0 : random.u32());
    return view.getFloat64(0);
  };
  for (let i = 0; i < 20_000; i++) {
    const x = any();
    const y = i % 5 === 0 ? x * (1 + 2 ** -52) : any();
    from(x, a);
    from(y, b);
    add(unit, a, b, r, 0);
    expect(value(r)).toBe(x + y);
    add(unit, a, b, r, SIGN);
    expect(value(r)).toBe(x - y);
    multiply(unit, a, b, r);
    expect(value(r)).toBe(x * y);
    divide(unit, a, b, r);
    expect(value(r)).toBe(x / y);
    from(Math.abs(x), a);
    squareRoot(unit, a, r);
    expect(value(r)).toBe(Math.sqrt(Math.abs(x)));
  }
});

test("the logarithm of nearly nothing comes to an end, and is what a processor says", () => {
  const y = new Extended();
  const x = new Extended();
  const r = new Extended();
  y.set(0x3fff, 0xc000_0000 | 0, 0); // 1.5
  x.set(0xbffe, -1, -1); // 2^-64 - 1
  logarithm2Plus1(new Unit(), y, x, r);
  expect([r.se, r.hi >>> 0, r.lo]).toEqual([0xc005, 0xc000_0000, 0]); // -96
  x.set(0xbffe, -1, 0); // 2^-32 - 1
  logarithm2Plus1(new Unit(), y, x, r);
  expect([r.se, r.hi >>> 0, r.lo]).toEqual([0xc004, 0xc000_0000, 0]); // -48
});
