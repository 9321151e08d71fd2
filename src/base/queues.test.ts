import { expect, test } from "vitest";
import { Fifo } from "./fifo.ts";
import { Random } from "./random.ts";
import { ByteRing } from "./ring.ts";
import { type InRow, Row } from "./row.ts";

test("a queue gives out in order what it was given, whatever it has grown to", () => {
  const random = new Random(1);
  const queue = new Fifo<number>();
  const model: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    // Longer and longer, then shorter.
    if (random.below(100) < (i < 10_000 ? 60 : 40)) {
      queue.push(i);
      model.push(i);
    } else {
      expect(queue.shift()).toBe(model.shift());
    }
    expect(queue.length).toBe(model.length);
  }
  queue.clear();
  expect([queue.length, queue.shift()]).toEqual([0, undefined]);
});

class Member implements InRow {
  row: object | undefined = undefined;
  before: InRow | undefined = undefined;
  behind: InRow | undefined = undefined;
}

test("a row is what a Set is, in the same order", () => {
  const random = new Random(2);
  const members = Array.from({ length: 40 }, () => new Member());
  const row = new Row<Member>();
  const other = new Row<Member>();
  const model = new Set<Member>();
  for (let i = 0; i < 4000; i++) {
    const member = members[random.below(40)]!;
    expect(other.delete(member)).toBe(false);
    if (model.has(member)) expect(row.delete(member)).toBe(model.delete(member));
    else {
      expect(row.delete(member)).toBe(false);
      row.add(member);
      model.add(member);
    }
    expect(row.size).toBe(model.size);
    expect(row.first).toBe([...model][0]);
    expect([...row].map((each) => members.indexOf(each))).toEqual(
      [...model].map((each) => members.indexOf(each)),
    );
  }
  for (const member of row) if (members.indexOf(member) % 2 === 0) row.delete(member);
  expect([...row].every((member) => members.indexOf(member) % 2 === 1)).toBe(true);
  row.clear();
  expect([row.size, row.first]).toEqual([0, undefined]);
});

test("a ring that has been emptied begins anew, but not while something waits beyond a gap", () => {
  const ring = new ByteRing(4096);
  const into = new Uint8Array(10);
  ring.push(Uint8Array.of(1, 2, 3));
  ring.place(5, Uint8Array.of(6, 7));
  expect(ring.shift(into)).toBe(3);
  ring.push(Uint8Array.of(4, 5)); // the gap is filled
  ring.extend(2);
  expect(ring.shift(into)).toBe(4);
  expect([...into.subarray(0, 4)]).toEqual([4, 5, 6, 7]);
  ring.push(Uint8Array.of(8));
  expect([ring.shift(into), into[0], ring.free]).toEqual([1, 8, 4096]);
});
