import { expect, test } from "vitest";
import { concat, Random } from "../../base/index.ts";
import { FrameReader, framed, LONGEST_FRAME } from "./framing.ts";
import { Patch } from "./patch.ts";
import { cable } from "./port.ts";
import { parseRemoteLink, showRemoteLink } from "./remote.ts";

test("a frame has its length before it, 32 bits, most significant byte first", () => {
  const bytes = framed(new Uint8Array(0x0102).fill(7));
  expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 1, 2, 7]);
  expect(bytes.length).toBe(4 + 0x0102);
});

test("frames are found however the stream is cut", () => {
  const random = new Random(3);
  const frames = Array.from({ length: 200 }, (_, i) =>
    Uint8Array.from({ length: i === 0 ? LONGEST_FRAME : 1 + random.below(300) }, () => random.u32()),
  );
  const stream = concat(frames.map(framed));
  for (const longest of [1, 2, 5, 100, 70_000]) {
    const found: Uint8Array[] = [];
    const reader = new FrameReader((frame) => found.push(frame));
    for (let at = 0; at < stream.length; ) {
      const next = at + 1 + random.below(longest);
      if (!reader.push(stream.subarray(at, next))) throw new Error(`broken at ${at}`);
      at = next;
    }
    expect(found.map((frame) => frame.length)).toEqual(frames.map((frame) => frame.length));
    expect(Buffer.compare(concat(found), concat(frames))).toBe(0);
  }
});

test("empty frames are passed over; a length that no frame has ends the stream", () => {
  const found: Uint8Array[] = [];
  const reader = new FrameReader((frame) => found.push(frame));
  expect(reader.push(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9))).toBe(true);
  expect(reader.push(Uint8Array.of(0, 1, 0x10, 1, 5))).toBe(false);
  expect(reader.broken).toBe(LONGEST_FRAME + 1);
  expect(reader.push(framed(Uint8Array.of(1)))).toBe(false);
  expect(found).toEqual([Uint8Array.of(9)]);
});

test("a patch lead carries both ways, and says when nothing moved", () => {
  const [a, insideA] = cable();
  const [b, insideB] = cable();
  const patch = new Patch(insideA, insideB);
  expect(patch.poll()).toBe(false);
  for (let i = 0; i < 1000; i++) a.send(Uint8Array.of(i & 255));
  b.send(Uint8Array.of(42));
  let rounds = 0;
  while (patch.poll()) rounds++;
  expect(rounds).toBeGreaterThan(1);
  expect(a.receive()).toEqual(Uint8Array.of(42));
  for (let i = 0; i < 1000; i++) expect(b.receive()).toEqual(Uint8Array.of(i & 255));
  expect(b.receive()).toBeUndefined();
});

test.each([
  ["listen:5000", "listen:127.0.0.1:5000"],
  ["listen:0.0.0.0:0", "listen:0.0.0.0:0"],
  ["listen:[::1]:5000", "listen:[::1]:5000"],
  ["connect:localhost:5000", "connect:localhost:5000"],
  ["udp:5001:10.1.1.1:5002", "udp:127.0.0.1:5001:10.1.1.1:5002"],
  ["udp:[::]:5001:[fe80::1]:5002", "udp:[::]:5001:[fe80::1]:5002"],
])("%s is read as %s", (text, shown) => {
  const link = parseRemoteLink(text);
  if ("error" in link) throw new Error(link.error);
  expect(showRemoteLink(link)).toBe(shown);
});

test.each([
  ["5000", "no kind of link"],
  ["tcp:5000", "no kind of link"],
  ["listen:", "a part is missing"],
  ["listen:70000", '"70000" is not a port'],
  ["listen:a:b:5000", "a part is too much"],
  ["connect:5000", "a part is missing"],
  ["connect:host:0", "port 0 cannot be reached"],
  ["connect::5000", "a part is empty"],
  ["connect:a:b:5000", "a part is too much"],
  ["udp:5001:5002", "a part is missing"],
  ["udp:1:host:x", '"x" is not a port'],
])("%s is refused: %s", (text, why) => {
  expect(parseRemoteLink(text)).toEqual({ error: expect.stringContaining(why) });
});
