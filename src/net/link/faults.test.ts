import { describe, expect, test } from "vitest";
import { FOREVER, ManualClock, MS, Random, SECOND } from "../../base/index.ts";
import { type Faults, FaultyLink } from "./faults.ts";
import { match } from "./match.ts";
import { cable } from "./port.ts";

const frame = (mark: number, length = 60): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes[length - 1] = mark;
  bytes[length - 2] = mark >>> 8;
  return bytes;
};
const markOf = (bytes: Uint8Array): number => bytes[bytes.length - 1]! | (bytes[bytes.length - 2]! << 8);

function link(faults: { sending?: Faults; receiving?: Faults }, seed = 1) {
  const clock = new ManualClock();
  const [inner, far] = cable(100_000);
  const near = new FaultyLink({ port: inner, clock, random: new Random(seed), ...faults });
  const arrivals: [number, number][] = [];
  const take = (): void => {
    for (let next = far.receive(); next; next = far.receive()) arrivals.push([clock.now(), markOf(next)]);
  };
  /** Lets time pass from deadline to deadline until nothing is on its way. */
  const drain = (): [number, number][] => {
    take();
    while (near.deadline() !== FOREVER) {
      clock.advanceTo(near.deadline());
      expect(near.poll(clock.now())).toBe(true);
      take();
    }
    expect(near.poll(clock.now())).toBe(false);
    return arrivals;
  };
  const send = (count: number, length?: number): void => {
    for (let mark = 0; mark < count; mark++) near.send(frame(mark, length));
  };
  return { clock, near, far, drain, send, counters: () => near.counters.sending };
}

const marks = (arrivals: [number, number][]): number[] => arrivals.map(([, mark]) => mark);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test("without faults a frame passes at once, the very same array, both ways", () => {
  const { near, far } = link({});
  const there = frame(1);
  const back = frame(2);
  near.send(there);
  expect(far.receive()).toBe(there);
  far.send(back);
  expect(near.receive()).toBe(back);
  expect(near.receive()).toBeUndefined();
  expect(near.deadline()).toBe(FOREVER);
});

test("a cut cable passes nothing in its direction, and everything again when mended", () => {
  const { near, far } = link({ sending: { cut: true } });
  near.send(frame(1));
  far.send(frame(2));
  expect(far.receive()).toBeUndefined();
  expect(markOf(near.receive()!)).toBe(2);
  near.sending.cut = false;
  near.send(frame(3));
  expect(markOf(far.receive()!)).toBe(3);
  expect(near.counters.sending).toMatchObject({ cut: 1, passed: 1 });
});

test.each([0.01, 0.1, 0.5])("loss of %d loses about as many, by the seed which", (loss) => {
  const first = link({ sending: { loss } });
  first.send(20_000);
  const got = marks(first.drain());
  // Five standard deviations of the binomial distribution.
  expect(Math.abs(20_000 - got.length - 20_000 * loss)).toBeLessThan(
    5 * Math.sqrt(20_000 * loss * (1 - loss)),
  );
  expect(first.counters().lost).toBe(20_000 - got.length);
  const same = link({ sending: { loss } });
  same.send(20_000);
  expect(marks(same.drain())).toEqual(got);
  const other = link({ sending: { loss } }, 2);
  other.send(20_000);
  expect(marks(other.drain())).not.toEqual(got);
});

test("loss of 1 loses all, of 0 none", () => {
  const all = link({ sending: { loss: 1 } });
  all.send(100);
  expect(all.drain()).toEqual([]);
  const none = link({ sending: { loss: 0 } });
  none.send(100);
  expect(marks(none.drain())).toEqual(upTo(100));
});

describe("time", () => {
  test("a delay is exact, and the deadline says when", () => {
    const { clock, near, far } = link({ sending: { delay: 20 * MS }, receiving: { delay: 5 * MS } });
    near.send(frame(1));
    expect(near.deadline()).toBe(20 * MS);
    far.send(frame(2));
    expect(near.poll(clock.now())).toBe(true); // taken from the port behind
    expect(near.deadline()).toBe(5 * MS);
    expect(near.receive()).toBeUndefined();
    clock.advance(5 * MS);
    expect(near.poll(clock.now())).toBe(true);
    expect(near.deadline()).toBe(20 * MS); // what waits for the station needs no further poll
    expect(markOf(near.receive()!)).toBe(2);
    clock.advance(15 * MS - 1);
    near.poll(clock.now());
    expect(far.receive()).toBeUndefined();
    clock.advance(1);
    near.poll(clock.now());
    expect(markOf(far.receive()!)).toBe(1);
  });

  test("a station that asks by itself needs no poll", () => {
    const { clock, near, far } = link({ receiving: { delay: 5 * MS } });
    far.send(frame(1));
    expect(near.receive()).toBeUndefined();
    clock.advance(5 * MS);
    expect(markOf(near.receive()!)).toBe(1);
  });

  test("jitter spreads arrivals over its whole range and keeps the order", () => {
    const { clock, near, drain } = link({ sending: { delay: 10 * MS, jitter: 3 * MS } });
    const sent: number[] = [];
    const got: [number, number][] = [];
    for (let mark = 0; mark < 2000; mark++) {
      near.send(frame(mark));
      sent.push(clock.now());
      clock.advance(100 * MS); // far enough apart not to meet
      near.poll(clock.now());
    }
    got.push(...drain());
    expect(marks(got)).toEqual(upTo(2000));
    const close = link({ sending: { delay: 10 * MS, jitter: 3 * MS } });
    close.send(500);
    const times = close.drain();
    expect(marks(times)).toEqual(upTo(500));
    expect(times[0]![0]).toBeGreaterThanOrEqual(7 * MS);
    expect(times.at(-1)![0]).toBeLessThanOrEqual(13 * MS);
    expect(times.at(-1)![0]).toBeGreaterThan(12 * MS);
  });

  test("a rate puts frames out one after the other, and an idle line starts afresh", () => {
    const { clock, near, drain, send } = link({ sending: { rate: 10_000_000, delay: 1 * MS } });
    send(3, 1250); // 10,000 bits: 1 ms each at 10 Mbit/s
    expect(drain()).toEqual([
      [2 * MS, 0],
      [3 * MS, 1],
      [4 * MS, 2],
    ]);
    clock.advanceTo(1 * SECOND);
    near.send(frame(9, 1250));
    expect(drain().at(-1)).toEqual([1 * SECOND + 2 * MS, 9]);
  });

  test("parts of a µs add up on a fast line", () => {
    const { drain, send } = link({ sending: { rate: 3_000_000_000, queue: 5000 } });
    send(3000, 1000); // 8000 bits: 2⅔ µs each
    expect(drain().at(-1)![0]).toBe(8000);
  });

  test("what exceeds the queue is dropped from its tail, and counted", () => {
    const { drain, send, counters } = link({ sending: { rate: 1_000_000, queue: 4 } });
    send(10);
    expect(marks(drain())).toEqual([0, 1, 2, 3]);
    expect(counters()).toMatchObject({ dropped: 6, passed: 4 });
  });

  test("frames that nobody takes do not pile up", () => {
    const { far, near, clock } = link({});
    for (let i = 0; i < 5000; i++) far.send(frame(i));
    near.poll(clock.now());
    expect(near.counters.receiving.dropped).toBe(4000);
    expect(near.deadline()).toBe(FOREVER);
  });
});

test("reordered frames fall behind by the time given, the others keep their order", () => {
  const { clock, near, drain, counters } = link({ sending: { reorder: 0.2, reorderBy: 250 } });
  for (let mark = 0; mark < 1000; mark++) {
    near.send(frame(mark));
    clock.advance(100);
    near.poll(clock.now());
  }
  const got = marks(drain());
  expect([...got].sort((a, b) => a - b)).toEqual(upTo(1000));
  expect(counters().reordered).toBeGreaterThan(100);
  const late = got.filter((mark, i) => Math.max(...got.slice(Math.max(0, i - 10), i + 1)) > mark);
  expect(late.length).toBeGreaterThan(50);
  for (const [i, mark] of got.entries()) expect(Math.abs(i - mark)).toBeLessThanOrEqual(3);
});

test("duplicates follow their originals", () => {
  const { drain, send, counters } = link({ sending: { duplicate: 1 } });
  send(3);
  expect(marks(drain())).toEqual([0, 0, 1, 1, 2, 2]);
  expect(counters()).toMatchObject({ duplicated: 3, passed: 6 });
});

test("corruption turns exactly one bit over, in a copy, anywhere", () => {
  const { near, far } = link({ sending: { corrupt: 1 } });
  const touched = new Set<number>();
  const original = new Uint8Array(8);
  for (let i = 0; i < 2000; i++) {
    near.send(original);
    const got = far.receive()!;
    const bits = [...got].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    expect(bits.replaceAll("0", "")).toBe("1");
    touched.add(bits.indexOf("1"));
  }
  expect(original).toEqual(new Uint8Array(8));
  expect(touched.size).toBe(64);
});

test("a rule counts the frames that fit it, whatever another has made of them", () => {
  const rules: Faults["rules"] = [
    { match: match.nth(2, match.all), action: "drop" },
    { match: match.nth(3, match.all), action: "duplicate" },
  ];
  const { drain, send } = link({ sending: { rules } });
  send(4);
  expect(marks(drain())).toEqual([0, 2, 2, 3]);
});

test("rules decide about the frames they match, the first that does", () => {
  const is = (mark: number) => (bytes: Uint8Array) => markOf(bytes) === mark;
  const rules: Faults["rules"] = [
    { match: is(1), action: "drop" },
    { match: is(2), action: "duplicate" },
    { match: is(3), action: { delay: 7 * MS } },
    { match: is(4), action: "corrupt" },
    { match: is(5), action: "pass" },
    { match: is(2), action: "drop" },
  ];
  const { drain, near, send, counters } = link({ sending: { rules } });
  send(4);
  expect(drain()).toEqual([
    [0, 0],
    [0, 2],
    [0, 2],
    [7 * MS, 3],
  ]);
  near.sending.loss = 1;
  send(6);
  expect(
    marks(drain())
      .slice(4)
      .filter((mark) => mark === 5),
  ).toEqual([5]); // a rule spares it the chances
  expect(counters()).toMatchObject({ corrupted: 1, duplicated: 2, ruled: 8, lost: 3 });
});
