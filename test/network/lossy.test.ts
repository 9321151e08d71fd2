/** Two stations over a bad link in virtual time: every byte arrives, once and in order, whatever the link does. */
import { describe, expect, test } from "vitest";
import { bytesOf, SECOND } from "../../src/base/index.ts";
import { type Faults, type TcpSettings, TcpState } from "../../src/net/index.ts";
import { A, B, pair } from "./pair.ts";
import { transfer } from "./transfer.ts";

const faults: [string, Faults][] = [
  ["nothing", { delay: 10_000 }],
  ["2 % loss", { delay: 10_000, loss: 0.02 }],
  ["10 % loss", { delay: 10_000, loss: 0.1 }],
  ["30 % loss", { delay: 5_000, loss: 0.3 }],
  ["reordering", { delay: 10_000, reorder: 0.2, reorderBy: 8_000 }],
  ["duplicates", { delay: 10_000, duplicate: 0.2 }],
  ["corruption", { delay: 10_000, corrupt: 0.05 }],
  ["all of it", { delay: 20_000, jitter: 5_000, loss: 0.05, duplicate: 0.05, reorder: 0.1, corrupt: 0.02 }],
  ["a slow line with a short queue", { delay: 10_000, rate: 10_000_000, queue: 20 }],
];
const kinds: [string, Partial<TcpSettings>][] = [
  ["all options", {}],
  ["no SACK", { sack: false }],
  [
    "no options, small buffers",
    { sack: false, timestamps: false, windowScaling: false, receiveBuffer: 8192, sendBuffer: 16384 },
  ],
];

describe.each(kinds)("%s", (_kind, settings) => {
  test.each(faults)("%s", (_name, fault) => {
    for (let seed = 1; seed <= 3; seed++) transfer(seed, 100_000, fault, settings);
  });
});

test.each(faults)("over IPv6: %s", (_name, fault) => {
  transfer(1, 100_000, fault, {}, true);
});

test("with CUBIC, on every line", () => {
  for (const [, fault] of faults) transfer(1, 100_000, fault, { congestion: "cubic" });
});

test("without loss nothing is sent twice", () => {
  expect(transfer(1, 1_000_000, { delay: 10_000 }).retransmitted).toBe(0);
});

test("at 1 % loss and 20 ms the line is used as congestion control lets it", () => {
  const { seconds, retransmitted } = transfer(5, 2_000_000, { delay: 10_000, loss: 0.01 });
  expect(retransmitted).toBeGreaterThan(10);
  expect(retransmitted).toBeLessThan(120);
  expect(seconds).toBeLessThan(12);
});

test("two that call each other at once have one connection (RFC 9293 figure 7), and finish at once (figure 13)", () => {
  const it = pair();
  const [one, two] = [it.a.sockets.stream(), it.b.sockets.stream()];
  one.bind(0, 5001);
  two.bind(0, 5002);
  one.connect(B, 5002);
  two.connect(A, 5001);
  expect(it.run(() => one.state === TcpState.ESTABLISHED && two.state === TcpState.ESTABLISHED)).toBe(true);
  expect(it.a.counters.tcpSent + it.b.counters.tcpSent).toBeLessThan(10);
  one.send(bytesOf("hello"));
  it.run(() => two.available === 5);
  one.close();
  two.receive(new Uint8Array(5));
  two.close();
  it.run(() => it.a.connections().length + it.b.connections().length === 0);
  expect(it.now).toBeGreaterThan(59 * SECOND); // TIME-WAIT on both sides
});
