import { expect, test } from "vitest";
import { ManualClock, Random } from "../../src/base/index.ts";
import { cable, frameFacts, Nic, Stack, tap } from "../../src/net/index.ts";

/** Sends `bytes` from one station to another and answers what arrived, and the largest frame seen. */
function transfer(offload: [boolean, boolean], bytes: Uint8Array) {
  const clock = new ManualClock();
  let largest = 0;
  let frames = 0;
  const [near, far] = cable();
  const watched = tap(near, (frame) => {
    frames++;
    largest = Math.max(largest, frame.length);
    if (frameFacts(frame).kind === "tcp" && frame[47]! & 2)
      expect([frame[54], frame[55], frame[56]! * 256 + frame[57]!]).toEqual([2, 4, 1460]);
  });
  const stations = [watched, far].map((port, i) => {
    const nic = new Nic({ port, mac: 0x525400000001 + i, offload: offload[i]! });
    const stack = new Stack({ nics: [nic], random: new Random(i + 1) });
    stack.configure(0, { address: 0x0a000001 + i, mask: 0xffffff00 });
    return stack;
  });
  const [one, two] = stations as [Stack, Stack];
  const listener = two.sockets.stream();
  listener.bind(0, 80);
  listener.listen(1);
  const socket = one.sockets.stream();
  socket.connect(0x0a000002, 80);
  const got: number[] = [];
  let sent = 0;
  let peer: ReturnType<typeof listener.accept> = "would-block";
  const into = new Uint8Array(1 << 16);
  for (let turn = 0; turn < 100_000 && got.length < bytes.length; turn++) {
    const moved = stations.map((stack) => stack.poll(clock.now())).some(Boolean);
    if (typeof peer === "string") peer = listener.accept();
    if (sent < bytes.length) {
      const took = socket.send(bytes.subarray(sent));
      if (typeof took === "number") sent += took;
    }
    if (typeof peer === "object") {
      const read = peer.receive(into);
      if (typeof read === "number") for (let i = 0; i < read; i++) got.push(into[i]!);
    }
    if (!moved)
      clock.advanceTo(Math.max(clock.now() + 1, Math.min(...stations.map((stack) => stack.deadline()))));
  }
  return {
    got: Uint8Array.from(got),
    largest,
    frames,
    sender: one.nics[0]!.counters,
    drops: two.drops.all(),
  };
}

const bytes = Uint8Array.from({ length: 500_000 }, (_, i) => (i * 7) ^ (i >> 8));

test("with segmentation offload pieces of a stream pass as one frame, and count as what the MTU would make of them", () => {
  const whole = transfer([true, true], bytes);
  expect(whole.got).toEqual(bytes);
  expect(whole.largest).toBeGreaterThan(20_000);
  expect(whole.frames).toBeLessThan(150);
  const plain = transfer([false, false], bytes);
  expect(plain.got).toEqual(bytes);
  expect(plain.largest).toBe(1514);
  expect(whole.sender.txPackets).toBeGreaterThan(340); // 500,000 / 1448
  expect(Math.abs(whole.sender.txBytes - plain.sender.txBytes)).toBeLessThan(5000);
  expect([whole.drops, plain.drops]).toEqual([{}, {}]);
});

test("a station that sends small segments to one that takes large ones needs nothing else", () => {
  const result = transfer([false, true], bytes);
  expect(result.got).toEqual(bytes);
  expect(result.largest).toBe(1514);
});
