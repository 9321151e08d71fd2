/** The small parts that a connection is made of. */
import { describe, expect, test } from "vitest";
import { Random } from "../../base/index.ts";
import { defaultOptions } from "../station.ts";
import { Connection } from "./connection.ts";
import { sipHash } from "./fastopen.ts";
import { Flows } from "./flows.ts";
import { halfSipHash, SequenceSource } from "./isn.ts";
import { Gaps } from "./reassembly.ts";
import { Scoreboard } from "./scoreboard.ts";
import * as sequence from "./sequence.ts";
import { add, atOrAfter, atOrBefore, distance, earlier, later, within } from "./sequence.ts";
import { defaultSettings } from "./settings.ts";

describe("sequence numbers", () => {
  const TOP = 0xffffffff;

  test("go round", () => {
    expect([add(TOP, 1), add(0, -1), add(0x80000000, 0x80000000)]).toEqual([0, TOP, 0]);
    expect([distance(TOP, 1), distance(1, TOP), distance(5, 5)]).toEqual([2, -2, 0]);
  });

  test.each([
    [0, 1],
    [TOP, 0],
    [0x7fffffff, 0x80000000],
    [0xfffffff0, 0x10],
    [5, 0x80000004],
  ])("%i is before %i", (a, b) => {
    expect([sequence.before(a, b), sequence.after(b, a), atOrBefore(a, b), atOrAfter(b, a)]).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([sequence.before(b, a), sequence.after(a, b), atOrBefore(b, a), atOrAfter(a, b)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([earlier(a, b), later(a, b), earlier(b, a), later(b, a)]).toEqual([a, b, a, b]);
  });

  test("within a window over the top", () => {
    expect([within(TOP, 0xfffffff0, 32), within(15, 0xfffffff0, 32), within(16, 0xfffffff0, 32)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([within(7, 7, 0), within(6, 7, 10)]).toEqual([false, false]);
  });
});

/** What a set of plain numbers would say. */
function plainRanges(numbers: Set<number>): number[] {
  const sorted = [...numbers].sort((a, b) => a - b);
  const edges: number[] = [];
  for (const number of sorted) {
    if (edges.at(-1) === number) edges[edges.length - 1] = number + 1;
    else edges.push(number, number + 1);
  }
  return edges;
}

describe("scoreboard", () => {
  test("says the same as a set of numbers, for any blocks", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const scoreboard = new Scoreboard();
      const numbers = new Set<number>();
      let una = 1000;
      for (let step = 0; step < 40; step++) {
        if (random.below(5) === 0) {
          una += random.below(20);
          scoreboard.advance(una);
          for (const number of numbers) if (number < una) numbers.delete(number);
        } else {
          const left = una + random.below(200);
          const right = left + 1 + random.below(30);
          let news = false;
          for (let number = left; number < right; number++) {
            if (!numbers.has(number)) news = true;
            numbers.add(number);
          }
          expect(scoreboard.update([left, right], una, 10_000)).toBe(news);
        }
        expect(scoreboard.edges()).toEqual(plainRanges(numbers));
        const from = una + random.below(100);
        const to = from + random.below(100);
        expect(scoreboard.received(from, to)).toBe([...numbers].filter((n) => n >= from && n < to).length);
        let missing = from;
        while (numbers.has(missing)) missing++;
        expect(scoreboard.firstMissing(from)).toBe(missing);
        let end = missing;
        while (end < missing + 50 && !numbers.has(end)) end++;
        expect(scoreboard.gapEnd(missing, missing + 50)).toBe(end);
      }
    }
  });

  test("IsLost: three ranges above, or more than two segments (RFC 6675 section 4)", () => {
    const scoreboard = new Scoreboard();
    scoreboard.update([200, 210], 100, 10_000);
    expect(scoreboard.lostBelow(100, 100)).toBe(100);
    scoreboard.update([300, 310], 100, 10_000);
    expect(scoreboard.lostBelow(100, 100)).toBe(100);
    scoreboard.update([400, 410], 100, 10_000);
    expect(scoreboard.lostBelow(100, 100)).toBe(200);
    scoreboard.update([500, 701], 100, 10_000);
    expect(scoreboard.lostBelow(100, 100)).toBe(500);
  });

  test("cannot be made to grow without end", () => {
    const scoreboard = new Scoreboard();
    for (let i = 0; i < 10_000; i++) scoreboard.update([2 * i + 1, 2 * i + 2], 0, 100_000);
    expect(scoreboard.edges().length).toBe(2048);
  });
});

describe("gaps", () => {
  test("say the same as a set of numbers, for any segments", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const gaps = new Gaps();
      const numbers = new Set<number>();
      let next = 0xffffff80 - 0x100000000; // as a plain number, so that the set is not confused by the turn
      for (let step = 0; step < 40; step++) {
        const left = next + random.below(100);
        const right = left + 1 + random.below(20);
        for (let number = left; number < right; number++) numbers.add(number);
        expect(gaps.add(left >>> 0, right >>> 0)).toBe(true);
        let reached = next;
        while (numbers.has(reached)) numbers.delete(reached++);
        expect(gaps.join(next >>> 0)).toBe(reached >>> 0);
        next = reached;
        const told = gaps.blocks(1000);
        const pairs = Array.from({ length: told.length / 2 }, (_, i) => [
          told[2 * i]! | 0,
          told[2 * i + 1]! | 0,
        ]);
        expect(pairs.sort(([a], [b]) => a! - b!).flat()).toEqual(plainRanges(numbers));
      }
    }
  });

  test("no more than 128 of them", () => {
    const gaps = new Gaps();
    let taken = 0;
    for (let i = 0; i < 1000; i++) if (gaps.add(10 * i, 10 * i + 1)) taken++;
    expect(taken).toBe(128);
    expect(gaps.add(5, 15)).toBe(true); // what joins others is always welcome
  });
});

describe("initial sequence numbers (RFC 6528)", () => {
  // The authors' reference vectors: key 00 01 … 07, input 00 01 … in bytes. Ours takes whole words.
  test.each([
    [[], 0x5b9f35a9],
    [[0x03020100], 0x89466e2a],
  ])("the hash of %j is the published one", (words, answer) => {
    expect(halfSipHash(0x03020100, 0x07060504, words)).toBe(answer);
  });

  test("SipHash-2-4 agrees with the vectors of its authors", () => {
    const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
    const hash = (length: number) =>
      sipHash(
        key,
        Uint8Array.from({ length }, (_, i) => i),
      );
    expect(hash(0)).toBe(0x726fdb47dd0e0e31n);
    expect(hash(15)).toBe(0xa129ca6149be45e5n);
  });

  const flow = { localAddress: 1, localPort: 2, remoteAddress: 3, remotePort: 4 };

  test("move by one every 4 µs, differ from flow to flow and from key to key", () => {
    const source = new SequenceSource(new Random(1));
    const first = source.isn(flow, 0);
    expect(source.isn(flow, 4000)).toBe(add(first, 1000));
    expect(source.isn(flow, 3)).toBe(first);
    const others = [
      source.isn({ ...flow, localAddress: 2 }, 0),
      source.isn({ ...flow, localPort: 3 }, 0),
      source.isn({ ...flow, remoteAddress: 4 }, 0),
      source.isn({ ...flow, remotePort: 5 }, 0),
      new SequenceSource(new Random(2)).isn(flow, 0),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });
});

test("the flow table finds what was put in, and only that", () => {
  const flows = new Flows();
  const random = new Random(9);
  const all: Connection[] = [];
  const make = (localPort: number, remoteAddress: number, remotePort: number) =>
    new Connection({
      flow: { localAddress: 0x0a00020f, localPort, remoteAddress, remotePort },
      passive: false,
      iss: 0,
      mss: 1460,
      timestampOffset: 0,
      settings: defaultSettings,
      options: defaultOptions(),
    });
  for (let i = 0; i < 3000; i++) {
    const c = make(49152 + (i % 10), (0xc0a80000 + i * 7919) >>> 0, random.below(65536));
    all.push(c);
    flows.add(c);
  }
  expect([flows.size, flows.hasPort(49152), flows.hasPort(1)]).toEqual([3000, true, false]);
  for (const c of all) expect(flows.find(c.localAddress, c.localPort, c.remoteAddress, c.remotePort)).toBe(c);
  expect(new Set(flows).size).toBe(3000);
  expect(flows.all()).toEqual(all);
  for (const c of all.filter((_, i) => i % 2 === 0)) {
    expect(flows.remove(c)).toBe(true);
    expect(flows.remove(c)).toBe(false);
  }
  all.forEach((c, i) => {
    const found = flows.find(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    expect(found).toBe(i % 2 === 0 ? undefined : c);
  });
  expect([flows.size, flows.hasPort(49152)]).toEqual([1500, false]);
  for (const c of all) flows.remove(c);
  expect([flows.size, flows.all()]).toEqual([0, []]);
});
