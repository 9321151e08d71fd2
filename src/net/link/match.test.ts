import { expect, test } from "vitest";
import { ManualClock, Random } from "../../base/index.ts";
import { parseAddress } from "../wire/address.ts";
import { parseAddress6 } from "../wire/address6.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as tcpWire from "../wire/tcp.ts";
import * as udpWire from "../wire/udp.ts";
import { FaultyLink } from "./faults.ts";
import { type Flow, type FrameMatch, match } from "./match.ts";
import { cable } from "./port.ts";

const { all, arp, between, data, every, nth, tcp, udp } = match;
const GUEST = "10.0.2.15";
const GATEWAY = "10.0.2.2";

function packet(protocol: number, payload: Uint8Array, from: string, to: string, offset = 0): Uint8Array {
  const ip: ipv4.Ipv4 = {
    tos: 0,
    identification: 1,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: offset,
    ttl: 64,
    protocol,
    source: parseAddress(from)!,
    destination: parseAddress(to)!,
    options: new Uint8Array(0),
    payload,
  };
  const frame = new Uint8Array(ethernet.HEADER + ipv4.lengthOf(ip));
  ethernet.writeHeader(frame, 0x525400000001, 0x525400000002, ethernet.TYPE_IPV4);
  ipv4.write(ip, frame.subarray(ethernet.HEADER));
  return frame;
}

function segment(fields: Partial<tcpWire.Segment>, from = GUEST, to = GATEWAY, offset = 0): Uint8Array {
  const whole = {
    ...tcpWire.emptySegment,
    sourcePort: 1000,
    destinationPort: 80,
    flags: tcpWire.ACK,
    ...fields,
  };
  const bytes = new Uint8Array(tcpWire.lengthOf(whole));
  tcpWire.write(whole, parseAddress(from)!, parseAddress(to)!, bytes);
  return packet(ipv4.PROTOCOL_TCP, bytes, from, to, offset);
}

function datagram(sourcePort: number, destinationPort: number): Uint8Array {
  const whole = { sourcePort, destinationPort, payload: Uint8Array.of(1) };
  const bytes = new Uint8Array(udpWire.lengthOf(whole));
  udpWire.write(whole, parseAddress(GUEST)!, parseAddress(GATEWAY)!, bytes);
  return packet(ipv4.PROTOCOL_UDP, bytes, GUEST, GATEWAY);
}

const withData = (mark: number): Uint8Array => segment({ payload: Uint8Array.of(mark, mark) });

test.each<[string, Flow, boolean]>([
  ["anything", {}, true],
  ["its destination", { to: { address: GATEWAY, port: 80 } }, true],
  ["its source", { from: { address: GUEST, port: 1000 } }, true],
  ["one port", { to: { port: 80 } }, true],
  ["another port", { to: { port: 81 } }, false],
  ["another address", { from: { address: GATEWAY } }, false],
  ["the other direction", { from: { port: 80 } }, false],
])("a flow is known by %s", (_what, flow, answer) => {
  expect(tcp(flow)(segment({}))).toBe(answer);
});

test("segments are told apart by data, flags and sequence number", () => {
  const syn = segment({ flags: tcpWire.SYN, seq: 0xffffffff });
  const synAck = segment({ flags: tcpWire.SYN | tcpWire.ACK });
  expect([syn, synAck, withData(1)].map(tcp({}, { flags: "S" }))).toEqual([true, true, false]);
  expect([syn, synAck, withData(1)].map(tcp({}, { flags: "SA" }))).toEqual([false, true, false]);
  expect([syn, synAck, withData(1)].map(data())).toEqual([false, false, true]);
  expect([syn, synAck, withData(1)].map(tcp({}, { data: false }))).toEqual([true, true, false]);
  expect([syn, synAck].map(tcp({}, { seq: 0xffffffff }))).toEqual([true, false]);
});

test("protocols are told apart, and nonsense is nothing", () => {
  const frames = [segment({}), datagram(1, 2), Uint8Array.of(1, 2, 3), segment({}, GUEST, GATEWAY, 8)];
  const broken = segment({});
  broken[broken.length - 1]! ^= 1;
  const question = new Uint8Array(42);
  ethernet.writeHeader(question, 0xffffffffffff, 1, ethernet.TYPE_ARP);
  frames.push(broken, question);
  expect(frames.map(tcp())).toEqual([true, false, false, false, false, false]);
  expect(frames.map(udp())).toEqual([false, true, false, false, false, false]);
  expect(frames.map(arp)).toEqual([false, false, false, false, false, true]);
  expect(frames.map(all)).toEqual(frames.map(() => true));
  expect(udp({ from: { port: 1 }, to: { port: 2 } })(datagram(1, 2))).toBe(true);
  expect(udp({ from: { port: 2 } })(datagram(1, 2))).toBe(false);
});

test("counting counts what matches only", () => {
  const frames = [segment({}), withData(1), segment({}), withData(2), withData(3), withData(4)];
  const chosen = (matches: FrameMatch): number[] => frames.flatMap((frame, i) => (matches(frame) ? [i] : []));
  expect(chosen(nth(3, data()))).toEqual([4]);
  expect(chosen(every(2, data()))).toEqual([3, 5]);
  expect(chosen(between(2, 3, data()))).toEqual([3, 4]);
});

test("drop the third data segment of this flow", () => {
  const [inner, far] = cable();
  const rules = [{ match: nth(3, data({ to: { port: 80 } })), action: "drop" as const }];
  const near = new FaultyLink({
    port: inner,
    clock: new ManualClock(),
    random: new Random(1),
    sending: { rules },
  });
  for (let mark = 1; mark <= 3; mark++) {
    near.send(segment({}));
    near.send(segment({ destinationPort: 81, payload: Uint8Array.of(0, 9) }));
    near.send(withData(mark));
  }
  near.send(withData(3)); // sent again, it is the fourth
  const got: number[] = [];
  for (let frame = far.receive(); frame; frame = far.receive()) if (data()(frame)) got.push(frame.at(-1)!);
  expect(got).toEqual([9, 1, 9, 2, 9, 3]);
});

test("wrong words are errors of the caller", () => {
  expect(() => tcp({}, { flags: "SX" })).toThrow('"X" is not one of the flags');
  expect(() => tcp({ to: { address: "10.0.2" } })).toThrow('"10.0.2" is not an IP address');
});

test("a flow over IPv6 is told the same way, and an end may be any of several addresses", () => {
  const [source, destination] = [parseAddress6("fd00::15")!, parseAddress6("fd00::2")!];
  const whole = { ...tcpWire.emptySegment, sourcePort: 1000, destinationPort: 80, flags: tcpWire.SYN };
  const payload = new Uint8Array(tcpWire.lengthOf(whole));
  tcpWire.write(whole, source, destination, payload);
  const header = { trafficClass: 0, flowLabel: 0, hopLimit: 64, source, destination };
  const packet6 = { ...header, nextHeader: ipv4.PROTOCOL_TCP, payload };
  const frame = new Uint8Array(ethernet.HEADER + ipv6.lengthOf(packet6));
  ethernet.writeHeader(frame, 0x525400000001, 0x525400000002, ethernet.TYPE_IPV6);
  ipv6.write(packet6, frame.subarray(ethernet.HEADER));
  const both = { to: { address: [GATEWAY, "fd00::2"], port: 80 } };
  expect(tcp(both, { flags: "S" })(frame)).toBe(true);
  expect(tcp(both)(withData(1))).toBe(true);
  expect(tcp({ from: { address: "fd00::2" } })(frame)).toBe(false);
  expect(udp()(frame)).toBe(false);
  frame[frame.length - 1]! ^= 1;
  expect(tcp()(frame)).toBe(false); // damaged
});
