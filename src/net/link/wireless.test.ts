import { beforeEach, expect, test } from "vitest";
import { ManualClock, MS, Random, SECOND } from "../../base/index.ts";
import {
  Air,
  cable,
  type HeardNetwork,
  Nic,
  type Port,
  type Radio,
  Switch,
  signalBetween,
} from "../index.ts";

let clock: ManualClock;
let air: Air;
let lan: Switch;
let wired: Port;

beforeEach(() => {
  clock = new ManualClock();
  air = new Air({ clock, random: new Random(1) });
  lan = new Switch({ clock });
  wired = lan.plug("wired");
});

function run(span: number): void {
  const end = clock.now() + span;
  for (;;) {
    while (air.poll(clock.now())) {}
    const next = air.deadline();
    if (next > end) break;
    clock.advanceTo(next);
  }
  clock.advanceTo(end);
}

const point = (ssid: string, x = 0, more: object = {}) =>
  air.accessPoint({ ssid, bssid: 0x525400a00000 + x, port: lan.plug(), position: [x, 0], ...more });

function frame(to: number, from: number, length = 1000): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [at, mac] of [
    [0, to],
    [6, from],
  ] as const)
    for (let i = 0; i < 6; i++) bytes[at + i] = Math.floor(mac / 2 ** (8 * (5 - i))) % 256;
  return bytes;
}

const [PHONE, TABLET, HOST, ALL] = [0x525400000001, 0x525400000002, 0x525400000003, 0xffffffffffff];

function joined(mac: number, x: number): Radio {
  const radio = air.radio({ mac, position: [x, 0] });
  radio.join("home");
  run(1 * SECOND);
  return radio;
}

const taken = (port: Port): number => {
  let count = 0;
  while (port.receive() !== undefined) count++;
  return count;
};

test("a scan finds who is near enough, the strongest first, after a beacon's time", () => {
  point("far", 90, { channel: 11 });
  point("near", 20, { key: "secret" });
  point("beyond", 400);
  let heard: HeardNetwork[] | undefined;
  air.radio({ mac: PHONE }).scan((networks) => (heard = networks));
  run(100 * MS);
  expect(heard).toBeUndefined();
  run(10 * MS);
  expect(heard).toMatchObject([
    { ssid: "near", secured: true, channel: 1 },
    { ssid: "far", secured: false, channel: 11 },
  ]);
  expect(heard![0]!.signal).toBeCloseTo(20 - 40 - 30 * Math.log10(20));
});

test.each([
  ["home", "right", undefined],
  ["home", "wrong", "wrong-key"],
  ["home", undefined, "wrong-key"],
  ["other", "right", "not-found"],
] as const)("associating with %s and the %s key: %s", (ssid, key, failure) => {
  point("home", 5, { key: "right" });
  const radio = air.radio({ mac: PHONE });
  let said: unknown = "nothing";
  radio.associate(ssid, key, (why) => (said = why));
  run(SECOND);
  expect(said).toBe(failure);
  expect(radio.linked).toBe(failure === undefined);
});

test("frames pass between the air and the wire, and from station to station", () => {
  const home = point("home");
  const [phone, tablet] = [joined(PHONE, 3), joined(TABLET, 6)];
  expect(home.stations).toEqual([PHONE, TABLET]);
  phone.send(frame(HOST, PHONE));
  phone.send(frame(TABLET, PHONE));
  phone.send(frame(ALL, PHONE));
  run(10 * MS);
  expect([taken(wired), taken(tablet), taken(phone)]).toEqual([2, 2, 0]);
  wired.send(frame(PHONE, HOST));
  wired.send(frame(ALL, HOST));
  run(10 * MS);
  expect([taken(phone), taken(tablet)]).toEqual([2, 1]);
});

test("the weaker the signal the slower, and at last frames are lost, which the seed decides", () => {
  const through = (x: number, seed: number): { arrived: number; took: number } => {
    clock = new ManualClock();
    air = new Air({ clock, random: new Random(seed) });
    lan = new Switch({ clock });
    wired = lan.plug();
    point("home");
    const phone = joined(PHONE, 1);
    phone.move([x, 0]);
    const start = clock.now();
    for (let i = 0; i < 100; i++) phone.send(frame(HOST, PHONE));
    let last = start;
    for (let next = air.deadline(); next !== Number.POSITIVE_INFINITY; next = air.deadline()) {
      clock.advanceTo((last = next));
      air.poll(last);
    }
    return { arrived: taken(wired), took: last - start };
  };
  const near = through(10, 1);
  expect(near.arrived).toBe(100);
  expect(near.took).toBeGreaterThan(100 * 300);
  expect(near.took).toBeLessThan(100 * 400);
  const middle = through(80, 1);
  expect(middle.arrived).toBe(100); // lost attempts are made again
  expect(middle.took).toBeGreaterThan(2 * near.took);
  const edge = through(140, 1);
  expect(edge.arrived).toBeLessThan(100);
  expect(edge.arrived).toBeGreaterThan(0);
  expect(through(140, 1)).toEqual(edge);
  expect(through(140, 2)).not.toEqual(edge);
});

test("all stations of a channel share it; those of another do not", () => {
  point("home");
  point("other", 8, { channel: 6 });
  const [phone, tablet] = [joined(PHONE, 1), joined(TABLET, 2)];
  const far = air.radio({ mac: HOST, position: [8, 0] });
  far.join("other");
  run(SECOND);
  const busy = (...radios: Radio[]): number => {
    const start = clock.now();
    for (let i = 0; i < 20; i++) for (const radio of radios) radio.send(frame(0x525400000099, radio.mac));
    let last = start;
    for (let next = air.deadline(); next < start + SECOND; next = air.deadline()) {
      clock.advanceTo((last = next));
      air.poll(last);
    }
    return last - start;
  };
  const alone = busy(phone);
  expect(busy(phone, tablet)).toBeGreaterThan(1.9 * alone);
  expect(busy(phone, far)).toBeLessThan(1.2 * alone);
});

test("carried out of reach the link is down, and comes back by itself; the card knows", () => {
  point("home");
  const phone = joined(PHONE, 5);
  const nic = new Nic({ port: phone, mac: PHONE });
  const news: boolean[] = [];
  phone.onChange = ({ linked }) => news.push(linked);
  expect([nic.linked, phone.signal]).toEqual([true, signalBetween(20, [5, 0], [0, 0])]);
  phone.move([1000, 0]);
  expect(nic.linked).toBe(false);
  phone.send(frame(HOST, PHONE));
  run(3 * SECOND);
  expect([taken(wired), air.counters.dropped]).toEqual([0, 1]);
  phone.move([5, 0]);
  run(3 * SECOND);
  expect(news).toEqual([false, true]);
  expect(new Nic({ port: cable()[0], mac: HOST }).linked).toBe(true);
});
