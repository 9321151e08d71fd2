import { expect, test } from "vitest";
import { type Micros, MS } from "../../base/index.ts";
import { type HyStart, heardInSlowStart, newHyStart } from "./hystart.ts";

/** A round of `count` acknowledgements, each a number further; whether slow start ended in it. */
function round(h: HyStart, rtt: Micros, count = 10): boolean {
  const from = h.roundEnd;
  let over = false;
  for (let i = 0; i < count; i++) if (heardInSlowStart(h, from + i, from + count, rtt)) over = true;
  return over;
}

test("steady round trips never end slow start", () => {
  const h = newHyStart(0);
  for (let i = 0; i < 50; i++) expect(round(h, 100 * MS)).toBe(false);
  expect(h.baseline).toBeUndefined();
});

test("longer ones slow it down, and five rounds later it is over (RFC 9406 4.2)", () => {
  const h = newHyStart(0);
  round(h, 100 * MS);
  round(h, 100 * MS);
  expect(round(h, 113 * MS)).toBe(false);
  expect(h.baseline).toBe(113 * MS); // an eighth more, at least 4 ms and at most 16
  const ends = Array.from({ length: 6 }, () => round(h, 120 * MS));
  expect(ends).toEqual([false, false, false, false, true, true]);
});

test("when they are short again it was chance, and slow start goes on", () => {
  const h = newHyStart(0);
  round(h, 100 * MS);
  round(h, 120 * MS);
  expect(h.baseline).toBe(120 * MS);
  round(h, 101 * MS);
  expect(h.baseline).toBeUndefined();
});

test("fewer than eight acknowledgements of a round say nothing", () => {
  const h = newHyStart(0);
  round(h, 100 * MS, 7);
  round(h, 200 * MS, 7);
  expect(h.baseline).toBeUndefined();
});
