import { afterEach, describe, expect, test, vi } from "vitest";
import {
  ByteRing,
  base64,
  base64Bytes,
  dump,
  ManualClock,
  nearest,
  Random,
  setU32be,
  thousands,
  u16be,
  u32be,
  u32le,
} from "./index.ts";

test("a manual clock never goes back", () => {
  const clock = new ManualClock(5);
  clock.advance(10);
  expect(clock.now()).toBe(15);
  expect(() => clock.advanceTo(14)).toThrow("cannot be moved");
});

test("the same seed gives the same chance, another seed another", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return [random.u32(), random.u32(), random.below(6)];
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test("a saved state goes on where it stood", () => {
  const random = new Random(7);
  random.u32();
  const state = random.save();
  const next = random.u32();
  random.restore(state);
  expect(random.u32()).toBe(next);
});

test("numbers keep their byte order", () => {
  const bytes = new Uint8Array(4);
  setU32be(bytes, 0, 0xdeadbeef);
  expect([u32be(bytes, 0), u32le(bytes, 0), u16be(bytes, 2)]).toEqual([0xdeadbeef, 0xefbeadde, 0xbeef]);
});

afterEach(() => void vi.unstubAllGlobals());

test("bytes survive being text, on every host", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, n) => n);
  const text = base64(bytes);
  expect(text).toBe(Buffer.from(bytes).toString("base64"));
  expect(base64Bytes(text)).toEqual(bytes);
  vi.stubGlobal("Buffer", undefined);
  expect(base64Bytes(text)).toEqual(bytes);
});

describe("byte ring", () => {
  test("wraps around its end in both directions", () => {
    const ring = new ByteRing(4);
    expect(ring.push(Uint8Array.of(1, 2, 3))).toBe(3);
    expect(ring.drop(2)).toBe(2);
    expect(ring.push(Uint8Array.of(4, 5, 6, 7))).toBe(3);
    const seen = new Uint8Array(3);
    expect(ring.peek(seen, 1)).toBe(3);
    expect([...seen]).toEqual([4, 5, 6]);
    const all = new Uint8Array(9);
    expect(ring.shift(all)).toBe(4);
    expect([...all.subarray(0, 4)]).toEqual([3, 4, 5, 6]);
    expect(ring.length).toBe(0);
  });
});

test("text for people", () => {
  expect(thousands(1234567)).toBe("1,234,567");
  expect(dump(new TextEncoder().encode("MENUET01\x01"), 0x10)).toBe(
    `00000010  ${"4d 45 4e 55 45 54 30 31 01".padEnd(47)}  MENUET01.`,
  );
  expect(nearest("--pubish", ["--publish", "--pcap"])).toBe("--publish");
  expect(nearest("tow", ["one", "two"])).toBe("two");
  expect(nearest("--zzz", ["--publish", "--pcap"])).toBeUndefined();
});
