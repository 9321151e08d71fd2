import { expect, test } from "vitest";
import { Random } from "./random.ts";
import { Turns } from "./turns.ts";

const of = (...places: number[]) => places.map((place) => ({ place }));

test("turns come in the order of places, those passed already in the next round", () => {
  const turns = new Turns<{ place: number; makes?: number[] }>();
  turns.add({ place: 5 });
  turns.add({ place: 3, makes: [1, 3, 4] });
  const rounds: number[][] = [];
  while (!turns.empty) {
    const round: number[] = [];
    for (let item = turns.next(); item; item = turns.next()) {
      round.push(item.place);
      for (const place of item.makes ?? []) turns.add({ place });
    }
    turns.again();
    rounds.push(round);
  }
  expect(rounds).toEqual([
    [3, 4, 5],
    [1, 3],
  ]);
});

test("of many, in whatever order they were added, each has one turn in order", () => {
  const random = new Random(7);
  for (let size = 0; size < 200; size++) {
    const items = of(...Array.from({ length: size }, () => random.below(1000)));
    const turns = new Turns<{ place: number }>();
    for (const item of items) turns.add(item);
    const came: { place: number }[] = [];
    for (let item = turns.next(); item; item = turns.next()) came.push(item);
    expect(came.map(({ place }) => place)).toEqual(items.map(({ place }) => place).sort((a, b) => a - b));
    expect(new Set(came).size).toBe(size);
  }
});
