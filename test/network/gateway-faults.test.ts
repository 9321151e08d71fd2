import { describe, expect, test } from "vitest";
import { FOREVER, ManualClock, type Micros, MS, Random, SECOND } from "../../src/base/index.ts";
import {
  cable,
  type Faults,
  FaultyLink,
  Gateway,
  MemoryOutside,
  match,
  Nic,
  type OutsideStream,
  type Socket,
  Stack,
} from "../../src/net/index.ts";

/** A guest behind a bad cable, published: what is sent arrives, whatever happens to the frames. */
function transfer(faults: { sending?: Faults; receiving?: Faults }, length: number, limit: Micros) {
  const clock = new ManualClock();
  const [gatewayEnd, cableEnd] = cable();
  const link = new FaultyLink({ port: cableEnd, clock, random: new Random(11), ...faults });
  const outside = new MemoryOutside({ clock });
  const gateway = new Gateway({
    port: gatewayEnd,
    outside,
    random: new Random(12),
    publish: [{ protocol: "tcp", at: { host: "127.0.0.1", port: 8080 }, guest: 0x0a00020f, port: 80 }],
  });
  const guest = new Stack({ nics: [new Nic({ port: link, mac: 0x52540000000f })], random: new Random(13) });
  guest.configure(0, { address: 0x0a00020f, mask: 0xffffff00, gateway: 0x0a000202 });
  const listener = guest.sockets.stream();
  listener.bind(0, 80);
  listener.listen(5);

  const moving = [guest, link, gateway];
  const until = (condition: () => boolean): boolean => {
    for (;;) {
      for (let moved = true, round = 0; moved; round++) {
        if (round > 10_000) throw new Error(`never quiet at ${clock.now()} µs`);
        moved = false;
        for (const each of moving) if (each.poll(clock.now())) moved = true;
      }
      if (condition()) return true;
      const next = Math.min(...moving.map((each) => each.deadline()));
      if (next === FOREVER || next > limit) return false;
      clock.advanceTo(Math.max(next, clock.now()));
    }
  };
  const random = new Random(length);
  const make = (): Uint8Array => Uint8Array.from({ length }, () => random.u32());
  const toGuest = make();
  const toHost = make();

  until(() => false); // the port is open
  const host: OutsideStream = outside.connect({ host: "127.0.0.1", port: 8080 });
  let socket: Socket | undefined;
  const state = { written: 0, sent: 0, atGuest: 0, atHost: 0, wrong: 0, guestEnd: false };
  const buffer = new Uint8Array(16384);
  const done = until(() => {
    if (socket === undefined) {
      const accepted = listener.accept();
      if (typeof accepted === "string") return false;
      socket = accepted;
    }
    while (host.room > 0 && state.written < length) {
      const piece = toGuest.slice(state.written, state.written + Math.min(host.room, 8192));
      host.write(piece);
      state.written += piece.length;
      if (state.written === length) host.end();
    }
    while (state.sent < length) {
      const sent = socket.send(toHost.subarray(state.sent));
      if (typeof sent !== "number") break;
      state.sent += sent;
      if (state.sent === length) socket.shutdown("send");
    }
    for (let got = socket.receive(buffer); typeof got === "number"; got = socket.receive(buffer)) {
      if (got === 0) state.guestEnd = true;
      if (got === 0) break;
      for (let i = 0; i < got; i++) if (buffer[i] !== toGuest[state.atGuest + i]) state.wrong++;
      state.atGuest += got;
    }
    for (let bytes = host.read(); bytes !== undefined; bytes = host.read()) {
      for (let i = 0; i < bytes.length; i++) if (bytes[i] !== toHost[state.atHost + i]) state.wrong++;
      state.atHost += bytes.length;
    }
    return state.guestEnd && host.finished;
  });
  return { done, ...state, time: clock.now(), link, gateway };
}

const both = (faults: Faults) => ({ sending: faults, receiving: faults });

describe("a transfer through the gateway, both ways at once", () => {
  test.each<[string, Faults]>([
    ["a perfect cable", {}],
    ["5 % loss", { loss: 0.05 }],
    ["delay and jitter", { delay: 20 * MS, jitter: 10 * MS }],
    ["reordering", { delay: 1 * MS, reorder: 0.1, reorderBy: 3 * MS }],
    ["duplicates", { duplicate: 0.2 }],
    ["corruption", { corrupt: 0.05 }],
    ["a slow line with a short queue", { rate: 8_000_000, queue: 20, delay: 2 * MS }],
    [
      "all of it",
      { loss: 0.02, corrupt: 0.02, duplicate: 0.02, delay: 5 * MS, jitter: 2 * MS, reorder: 0.02 },
    ],
  ])("%s", (_name, faults) => {
    const length = 300_000;
    const result = transfer(both(faults), length, 600 * SECOND);
    expect(result).toMatchObject({ done: true, wrong: 0, atGuest: length, atHost: length });
    expect(result.gateway.counters.inbound).toMatchObject({ bytesToGuest: length, bytesFromGuest: length });
  });

  test("the third data segment is lost, once: it costs a few round trips, not a timeout", () => {
    const delay = 10 * MS;
    const clean = transfer(both({ delay }), 100_000, 60 * SECOND);
    const rules = [{ match: match.nth(3, match.data({ from: { port: 80 } })), action: "drop" as const }];
    const hurt = transfer({ sending: { delay, rules }, receiving: { delay } }, 100_000, 60 * SECOND);
    expect([clean.done, hurt.done, hurt.wrong]).toEqual([true, true, 0]);
    expect(hurt.link.counters.sending.lost).toBe(1);
    expect(hurt.time - clean.time).toBeLessThan(200 * MS); // RFC 6298: no retransmission timer is shorter here
  });
});
