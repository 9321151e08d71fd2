import { describe, expect, test } from "vitest";
import { ManualClock, SECOND } from "../../base/index.ts";
import { Switch, type SwitchPort } from "./switch.ts";

const A = 0x02_00_00_00_00_0a;
const B = 0x02_00_00_00_00_0b;
const C = 0xfe_ff_ff_ff_ff_0c; // above 2^47, and its lower half above 2^31
const BROADCAST = 0xff_ff_ff_ff_ff_ff;

function frame(to: number, from: number, mark = 0): Uint8Array {
  const bytes = new Uint8Array(15);
  for (const [at, mac] of [
    [0, to],
    [6, from],
  ] as const) {
    for (let i = 0; i < 6; i++) bytes[at + i] = Math.floor(mac / 2 ** (8 * (5 - i))) % 256;
  }
  bytes[14] = mark;
  return bytes;
}

function lan(options: { queue?: number; addresses?: number; ageing?: number } = {}) {
  const clock = new ManualClock();
  const lan = new Switch({ clock, ...options });
  return { clock, lan, a: lan.plug("a"), b: lan.plug("b"), c: lan.plug("c") };
}

function taken(port: SwitchPort): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let next = port.receive(); next !== undefined; next = port.receive()) frames.push(next);
  return frames;
}

describe("forwarding", () => {
  test("an unknown destination is flooded to all others, the same array to each", () => {
    const {
      a,
      b,
      c,
      lan: { counters },
    } = lan();
    const sent = frame(B, A);
    a.send(sent);
    expect(taken(a)).toEqual([]);
    expect(b.receive()).toBe(sent);
    expect(c.receive()).toBe(sent);
    expect(counters).toMatchObject({ flooded: 1, forwarded: 0 });
  });

  test("a destination heard before gets its frames alone", () => {
    const {
      a,
      b,
      c,
      lan: { counters },
    } = lan();
    b.send(frame(BROADCAST, B));
    taken(a);
    taken(c);
    a.send(frame(B, A, 1));
    a.send(frame(B, A, 2));
    expect(taken(b).map((bytes) => bytes[14])).toEqual([1, 2]);
    expect(taken(c)).toEqual([]);
    expect(counters.forwarded).toBe(2);
  });

  test("the source is learnt from the very frame that is forwarded", () => {
    const { a, c } = lan();
    a.send(frame(A, A)); // to itself: learnt first, so known to be where it came from
    expect(taken(c)).toEqual([]);
  });

  test("broadcast and multicast go to everybody, however well everybody is known", () => {
    const { a, b, c } = lan();
    b.send(frame(BROADCAST, B));
    c.send(frame(BROADCAST, C));
    for (const port of [a, b, c]) taken(port);
    a.send(frame(BROADCAST, A));
    a.send(frame(0x01_00_5e_00_00_fb, A));
    expect(taken(b)).toHaveLength(2);
    expect(taken(c)).toHaveLength(2);
  });

  test("never back where it came from: two stations behind one port hear each other there", () => {
    const {
      a,
      b,
      c,
      lan: { counters },
    } = lan();
    a.send(frame(BROADCAST, A));
    a.send(frame(BROADCAST, B));
    for (const port of [a, b, c]) taken(port);
    a.send(frame(B, A));
    for (const port of [a, b, c]) expect(taken(port)).toEqual([]);
    expect(counters.filtered).toBe(1);
  });

  test("the addresses that bridges keep to themselves are not passed on", () => {
    const {
      a,
      b,
      lan: { counters },
    } = lan();
    a.send(frame(0x01_80_c2_00_00_00, A));
    a.send(frame(0x01_80_c2_00_00_0f, A));
    a.send(frame(0x01_80_c2_00_00_10, A)); // the first that is not one of them
    expect(taken(b)).toHaveLength(1);
    expect(counters).toMatchObject({ reserved: 2, flooded: 1 });
  });

  test("a frame without a whole Ethernet header is discarded, one with nothing behind it is not", () => {
    const {
      a,
      b,
      lan: { counters },
    } = lan();
    a.send(frame(B, A).subarray(0, 13));
    expect(taken(b)).toEqual([]);
    expect(counters.discarded).toBe(1);
    a.send(frame(B, A).subarray(0, 14));
    expect(taken(b)).toHaveLength(1);
  });
});

describe("learning", () => {
  test("a station that moves is found at its new port from its first frame on", () => {
    const {
      a,
      b,
      c,
      lan: { counters },
    } = lan();
    b.send(frame(BROADCAST, B));
    a.send(frame(B, A)); // a's memory of where B is must not outlive B's move
    c.send(frame(BROADCAST, B));
    for (const port of [a, b, c]) taken(port);
    a.send(frame(B, A));
    expect(taken(b)).toEqual([]);
    expect(taken(c)).toHaveLength(1);
    expect(counters.moved).toBe(1);
    b.send(frame(BROADCAST, B)); // and back again
    taken(c);
    a.send(frame(B, A));
    expect(taken(c)).toEqual([]);
    expect(counters.moved).toBe(2);
  });

  test("addresses with high bits set are told apart", () => {
    const { a, b, c } = lan();
    b.send(frame(BROADCAST, C));
    c.send(frame(BROADCAST, C - 0x8000_0000));
    taken(a);
    taken(b);
    taken(c);
    a.send(frame(C, A));
    expect(taken(b)).toHaveLength(1);
    expect(taken(c)).toEqual([]);
  });

  test("a group address is never learnt as a source", () => {
    const { lan: bridge, a, b, c } = lan();
    b.send(frame(A, 0x01_00_5e_00_00_01));
    expect(taken(a)).toHaveLength(1);
    expect(taken(c)).toHaveLength(1);
    expect(bridge.addresses()).toEqual([]);
  });

  test("what has not been heard for the ageing time is forgotten, what has been heard meanwhile is not", () => {
    const { clock, lan: bridge, a, b, c } = lan({ ageing: 10 * SECOND });
    a.send(frame(BROADCAST, A));
    b.send(frame(BROADCAST, B));
    clock.advance(6 * SECOND);
    a.send(frame(BROADCAST, A));
    clock.advance(4 * SECOND);
    expect(bridge.addresses().map((entry) => entry.mac)).toEqual([A, B]); // to the very moment
    clock.advance(1);
    expect(bridge.addresses()).toEqual([{ mac: A, port: "a", heard: 6 * SECOND }]);
    for (const port of [a, b, c]) taken(port);
    a.send(frame(B, A));
    expect(taken(c)).toHaveLength(1); // flooded again
  });

  test("an entry too old is not used even while it is still in the table", () => {
    const { clock, a, b, c } = lan({ ageing: 10 * SECOND });
    b.send(frame(BROADCAST, B));
    a.send(frame(B, A));
    for (const port of [a, b, c]) taken(port);
    clock.advance(10 * SECOND + 1);
    a.send(frame(B, A));
    expect(taken(c)).toHaveLength(1);
  });

  test("a full table learns nothing new until something in it is old", () => {
    const { clock, lan: bridge, a } = lan({ addresses: 2, ageing: 10 * SECOND });
    for (let mac = A; mac < A + 1000; mac++) a.send(frame(BROADCAST, mac));
    expect(bridge.addresses().map((entry) => entry.mac)).toEqual([A, A + 1]);
    clock.advance(11 * SECOND);
    a.send(frame(BROADCAST, C));
    expect(bridge.addresses().map((entry) => entry.mac)).toEqual([C]);
  });
});

describe("ports", () => {
  test("a full queue drops and counts, and later frames pass again", () => {
    const { a, b, c } = lan({ queue: 2 });
    for (let mark = 1; mark <= 5; mark++) a.send(frame(B, A, mark));
    expect(taken(b).map((bytes) => bytes[14])).toEqual([1, 2]);
    expect(b.counters).toMatchObject({ outFrames: 2, dropped: 3 });
    a.send(frame(B, A, 6));
    expect(taken(b).map((bytes) => bytes[14])).toEqual([6]);
    expect(taken(c).map((bytes) => bytes[14])).toEqual([1, 2]); // its queue was still full
    expect(a.counters).toMatchObject({ inFrames: 6, inBytes: 90 });
  });

  test("an unplugged port hears nothing, says nothing and is unlearnt", () => {
    const { lan: bridge, a, b, c } = lan();
    b.send(frame(BROADCAST, B));
    a.send(frame(B, A));
    expect(bridge.ports.map((port) => port.name)).toEqual(["a", "b", "c"]);
    bridge.unplug(b);
    expect(bridge.ports.map((port) => port.name)).toEqual(["a", "c"]);
    expect(bridge.addresses().map((entry) => entry.mac)).toEqual([A]);
    expect(taken(b)).toEqual([]); // what waited is lost with the cable
    b.send(frame(A, B));
    expect(bridge.counters.discarded).toBe(1);
    taken(c);
    a.send(frame(B, A));
    expect(taken(b)).toEqual([]);
    expect(taken(c)).toHaveLength(1);
    expect(() => bridge.unplug(b)).toThrow("not plugged");
  });

  test("names are given in turn when none is asked for", () => {
    const bridge = new Switch({ clock: new ManualClock() });
    expect([bridge.plug().name, bridge.plug("gateway").name, bridge.plug().name]).toEqual([
      "port1",
      "gateway",
      "port3",
    ]);
  });
});
