/** One station whose cable ends in the test's hand: frames in, frames out, as text. */
import { describe, expect, test } from "vitest";
import { bytesOf, latin1, Random, SECOND } from "../base/index.ts";
import { Nic } from "./link/nic.ts";
import { cable, type Port } from "./link/port.ts";
import { type Attempt, News, type Socket, TcpState } from "./sockets.ts";
import { Stack, type StackOptions } from "./stack.ts";
import { LOOPBACK, MAC_BROADCAST } from "./wire/address.ts";
import * as arp from "./wire/arp.ts";
import * as ethernet from "./wire/ethernet.ts";
import * as icmp from "./wire/icmp.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { showFrame } from "./wire/print.ts";
import * as tcp from "./wire/tcp.ts";
import * as udp from "./wire/udp.ts";

const US = 0x0a00020f;
const OUR_MAC = 0x52540000000f;
const PEER = 0x0a000202;
const PEER_MAC = 0x525400000002;
const FAR = 0xc0a80101;

interface Hand {
  stack: Stack;
  wire: Port;
  now: number;
  /** Gives the station its turn, and what it has sent. */
  frames(): Uint8Array[];
  /** The innermost line of each frame. */
  lines(): string[];
  put(frame: Uint8Array): void;
}

/** @param known the neighbour's card is known already */
function station(options: Partial<StackOptions> = {}, known = true, mtu = 1500): Hand {
  const [near, wire] = cable();
  const stack = new Stack({
    nics: [new Nic({ port: near, mac: OUR_MAC, mtu })],
    random: new Random(1),
    ...options,
  });
  stack.configure(0, { address: US, mask: 0xffffff00, gateway: PEER });
  const hand: Hand = {
    stack,
    wire,
    now: 0,
    frames() {
      while (stack.poll(hand.now)) {}
      const frames: Uint8Array[] = [];
      for (let frame = wire.receive(); frame; frame = wire.receive()) frames.push(frame);
      return frames;
    },
    lines: () => hand.frames().map((frame) => showFrame(frame).split(" | ").at(-1)!),
    put: (frame) => wire.send(frame),
  };
  expect(hand.lines()).toEqual(["ARP announces 10.0.2.15 at 52:54:00:00:00:0f"]);
  if (known) {
    hand.put(arpFrame({ operation: arp.REPLY, targetMac: OUR_MAC, targetAddress: US }, OUR_MAC));
    expect(hand.lines()).toEqual([]);
  }
  return hand;
}

function arpFrame(fields: Partial<arp.Arp>, to = MAC_BROADCAST, from = PEER_MAC): Uint8Array {
  const frame = new Uint8Array(42);
  ethernet.writeHeader(frame, to, from, ethernet.TYPE_ARP);
  arp.write(
    {
      operation: arp.REQUEST,
      senderMac: from,
      senderAddress: PEER,
      targetMac: 0,
      targetAddress: US,
      ...fields,
    },
    frame.subarray(14),
  );
  return frame;
}

function ipFrame(fields: Partial<ipv4.Ipv4>, to = OUR_MAC): Uint8Array {
  const packet: ipv4.Ipv4 = {
    tos: 0,
    identification: 7,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: 17,
    source: PEER,
    destination: US,
    options: new Uint8Array(0),
    payload: new Uint8Array(0),
    ...fields,
  };
  const frame = new Uint8Array(14 + ipv4.lengthOf(packet));
  ethernet.writeHeader(frame, to, PEER_MAC, ethernet.TYPE_IPV4);
  ipv4.write(packet, frame.subarray(14));
  return frame;
}

function udpBytes(text: string, ports = [5000, 7], ends = [PEER, US]): Uint8Array {
  const datagram = { sourcePort: ports[0]!, destinationPort: ports[1]!, payload: bytesOf(text) };
  const bytes = new Uint8Array(udp.lengthOf(datagram));
  udp.write(datagram, ends[0]!, ends[1]!, bytes);
  return bytes;
}

function tcpFrame(fields: Partial<tcp.Segment>, source = PEER, destination = US): Uint8Array {
  const segment = { ...tcp.emptySegment, sourcePort: 5000, destinationPort: 80, window: 8000, ...fields };
  const bytes = new Uint8Array(tcp.lengthOf(segment));
  tcp.write(segment, source, destination, bytes);
  return ipFrame({ protocol: 6, source, destination, payload: bytes });
}

function icmpFrame(message: icmp.Icmp, fields: Partial<ipv4.Ipv4> = {}): Uint8Array {
  const bytes = new Uint8Array(icmp.lengthOf(message));
  icmp.write(message, bytes);
  return ipFrame({ protocol: 1, payload: bytes, ...fields });
}

const payloadOf = (frame: Uint8Array): Uint8Array => ipv4.read(frame.subarray(14)).payload;

describe("ARP", () => {
  test("a request is answered, and the asker remembered", () => {
    const it = station({}, false);
    it.put(arpFrame({}));
    const [reply] = it.frames();
    expect(showFrame(reply!)).toBe(
      "Ethernet 52:54:00:00:00:0f > 52:54:00:00:00:02 type 0806 | ARP 10.0.2.15 is at 52:54:00:00:00:0f",
    );
    expect(it.stack.neighbours(0)).toEqual([{ address: PEER, mac: PEER_MAC, confirmed: 0 }]);
  });

  test("requests for others are none of our business, and teach nothing", () => {
    const it = station({}, false);
    it.put(arpFrame({ targetAddress: 0x0a000203 }));
    expect([it.lines(), it.stack.neighbours(0)]).toEqual([[], []]);
  });

  test("a probe is answered, and its sender not remembered (RFC 5227)", () => {
    const it = station({}, false);
    it.put(arpFrame({ senderAddress: 0 }));
    expect(it.lines()).toEqual(["ARP 10.0.2.15 is at 52:54:00:00:00:0f"]);
    expect(it.stack.neighbours(0)).toEqual([]);
  });

  test("packets wait for the answer, in order", () => {
    const it = station({}, false);
    const socket = it.stack.sockets.datagram();
    for (const text of ["one", "two"]) socket.send(bytesOf(text), { address: PEER, port: 7 });
    expect(it.lines()).toEqual(["ARP who has 10.0.2.2? tell 10.0.2.15"]);
    it.put(arpFrame({ operation: arp.REPLY }, OUR_MAC));
    expect(it.frames().map((frame) => latin1(payloadOf(frame).subarray(8)))).toEqual(["one", "two"]);
  });

  test("three requests a second apart, then the packets are lost and their senders told", () => {
    const it = station({}, false);
    const stream = it.stack.sockets.stream();
    stream.connect(PEER, 80);
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      if (it.lines().some((line) => line.startsWith("ARP who has"))) times.push(it.now);
      it.now = it.stack.deadline();
    }
    expect(times).toEqual([0, SECOND, 2 * SECOND]);
    expect(it.lines()).toEqual([]);
    expect([it.now, stream.state, stream.connect(PEER, 80)]).toEqual([
      3 * SECOND,
      TcpState.CLOSED,
      "host-unreachable",
    ]);
    expect(it.stack.drops.of("arp: no answer")).toBeGreaterThan(0);
  });

  test("no more than 64 packets wait", () => {
    const it = station({}, false);
    const socket = it.stack.sockets.datagram();
    for (let i = 0; i < 70; i++) socket.send(bytesOf(String(i)), { address: PEER, port: 7 });
    it.frames();
    expect(it.stack.drops.of("arp: queue full")).toBe(6);
    it.put(arpFrame({ operation: arp.REPLY }, OUR_MAC));
    const texts = it.frames().map((frame) => latin1(payloadOf(frame).subarray(8)));
    expect([texts.length, texts[0]]).toEqual([64, "6"]); // the oldest had to go
  });

  test("after a minute a neighbour is asked directly, and forgotten when it is silent (RFC 1122 2.3.2.1)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    const send = (seconds: number): string[] => {
      it.now = seconds * SECOND;
      socket.send(bytesOf("x"), { address: PEER, port: 7 });
      return it
        .frames()
        .map((frame) => showFrame(frame).replace(/^Ethernet \S+ > (\S+) .*\| (\w+) .*/, "$2 to $1"));
    };
    const direct = "ARP to 52:54:00:00:00:02";
    const data = "UDP to 52:54:00:00:00:02";
    expect(send(60)).toEqual([data]);
    expect(send(61)).toEqual([direct, data]);
    expect(send(61.5)).toEqual([data]);
    expect(send(62)).toEqual([direct, data]);
    expect(send(63)).toEqual([direct, data]);
    expect(send(64)).toEqual(["ARP to ff:ff:ff:ff:ff:ff"]);
    it.put(arpFrame({ operation: arp.REPLY }, OUR_MAC));
    expect(it.frames().length).toBe(1);
    expect(send(124)).toEqual([data]);
  });

  test("a new card for a known address is believed (RFC 826)", () => {
    const it = station();
    it.put(arpFrame({ targetAddress: PEER }, MAC_BROADCAST, 0x525400000099));
    it.frames();
    expect(it.stack.neighbours(0)[0]!.mac).toBe(0x525400000099);
  });

  test("our address claimed by another: counted, and defended once in ten seconds (RFC 5227 2.4)", () => {
    const it = station();
    const claim = arpFrame({ senderAddress: US, targetAddress: US }, MAC_BROADCAST, 0x525400000099);
    it.put(claim);
    expect(it.lines()).toEqual(["ARP announces 10.0.2.15 at 52:54:00:00:00:0f"]);
    it.put(claim);
    expect(it.lines()).toEqual([]);
    it.now = 11 * SECOND;
    it.put(claim);
    expect(it.lines()).toEqual(["ARP announces 10.0.2.15 at 52:54:00:00:00:0f"]);
    expect(it.stack.counters.arpConflicts).toBe(3);
  });

  test("a hostile neighbour cannot fill the table", () => {
    const it = station({}, false);
    for (let i = 0; i < 3000; i++) {
      it.put(arpFrame({ senderAddress: 0x0a000000 + 256 * 7 + i }, OUR_MAC));
      if (i % 500 === 0) it.frames();
    }
    it.frames();
    expect(it.stack.neighbours(0).length).toBe(1024);
  });

  test("an entry set by hand neither ages nor changes", () => {
    const it = station({}, false);
    it.stack.setNeighbour(0, PEER, 0x525400000042);
    it.put(arpFrame({ operation: arp.REPLY }, OUR_MAC));
    it.now = 3600 * SECOND;
    it.stack.sockets.datagram().send(bytesOf("x"), { address: PEER, port: 7 });
    expect(it.frames().map((frame) => ethernet.destinationOf(frame))).toEqual([0x525400000042]);
    expect(it.stack.removeNeighbour(0, PEER)).toBe(true);
    expect(it.stack.removeNeighbour(0, PEER)).toBe(false);
  });
});

describe("IPv4", () => {
  test("what is not for us, makes no sense, or cannot be is dropped and counted", () => {
    const it = station();
    const whole = ipFrame({ payload: udpBytes("x") });
    const broken = whole.slice();
    broken[22]! ^= 1;
    it.put(whole.subarray(0, 20));
    it.put(broken);
    it.put(ipFrame({ payload: udpBytes("x") }, 0x525400000077));
    it.put(ipFrame({ destination: FAR }));
    it.put(ipFrame({ source: 0xe0000001 }));
    it.put(ipFrame({ source: LOOPBACK }));
    it.put(ipFrame({ destination: LOOPBACK }));
    it.put(ipFrame({ payload: udpBytes("x") }, MAC_BROADCAST));
    it.put(ipFrame({ destination: 0xe00000fb, payload: udpBytes("x") }, 0x01005e0000fb));
    const llc = whole.slice();
    llc[12] = 0;
    llc[13] = 40;
    it.put(llc);
    const ipv6 = whole.slice();
    ipv6[12] = 0x86;
    ipv6[13] = 0xdd;
    it.put(ipv6);
    expect(it.lines()).toEqual([]);
    expect(it.stack.drops.all()).toEqual({
      "ethernet: 802.3": 1,
      "ethernet: other address": 1,
      "ip6: not enabled": 1,
      "ip: checksum": 1,
      "ip: impossible address": 3,
      "ip: multicast group not joined": 1,
      "ip: other destination": 1,
      "ip: short": 1,
      "ip: unicast in a broadcast frame": 1,
    });
  });

  test("padding behind a short packet is not data", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    const short = ipFrame({ payload: udpBytes("abc") });
    const padded = new Uint8Array(60);
    padded.set(short);
    it.put(padded);
    it.frames();
    expect(latin1((socket.receiveDatagram() as { payload: Uint8Array }).payload)).toBe("abc");
  });

  test("fragments are put together in any order, with duplicates between", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    const text = "0123456789abcdef".repeat(10);
    const whole = udpBytes(text);
    const pieces = [0, 40, 80, 120, 160].map((start) =>
      ipFrame({
        fragmentOffset: start,
        moreFragments: start < 160,
        payload: whole.subarray(start, Math.min(start + 40, whole.length)),
      }),
    );
    for (const index of [4, 1, 1, 3, 0]) it.put(pieces[index]!);
    it.frames();
    expect(socket.readable).toBe(false);
    it.put(pieces[2]!);
    it.frames();
    expect(latin1((socket.receiveDatagram() as { payload: Uint8Array }).payload)).toBe(text);
    expect(it.stack.counters.datagramsReassembled).toBe(1);
  });

  test("overlapping, contradicting and endless fragments are refused", () => {
    const it = station();
    const piece = (start: number, length: number, more = true) =>
      it.put(ipFrame({ fragmentOffset: start, moreFragments: more, payload: new Uint8Array(length) }));
    piece(0, 16);
    piece(8, 16);
    piece(0, 16);
    piece(16, 8, false);
    it.frames();
    expect(it.stack.drops.of("ip: fragments overlap")).toBe(1);
    piece(16, 8, false);
    piece(32, 8);
    piece(0, 12);
    piece(65_528, 16, false);
    it.frames();
    expect(it.stack.drops.of("ip: fragments contradict")).toBe(1);
    expect(it.stack.drops.of("ip: fragment of odd length")).toBe(1);
    expect(it.stack.drops.of("ip: fragments too long")).toBe(1);
  });

  test("a flood of first fragments stays within its memory, and is forgotten after a minute", () => {
    const it = station();
    const payload = new Uint8Array(1480);
    for (let i = 0; i < 20_000; i++) {
      it.put(ipFrame({ identification: i, moreFragments: true, payload }));
      if (i % 1000 === 0) it.frames();
    }
    it.frames();
    it.now = 61 * SECOND;
    const errors = it.lines().filter((line) => line.startsWith("ICMP"));
    // Four MiB hold about 2600 of them; of those, as many errors as the limit lets out at once.
    expect(it.stack.drops.of("ip: fragments missing")).toBe(Math.floor((4 * 1024 * 1024) / (1480 + 128)));
    expect(errors.length).toBe(50);
    expect(errors[0]).toBe("ICMP time exceeded code 1 length 548");
    expect(it.stack.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("what is larger than the MTU leaves in fragments", () => {
    const it = station({}, true, 576);
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 9);
    expect(socket.send(new Uint8Array(1200).fill(65), { address: PEER, port: 7 })).toBe(1200);
    const packets = it.frames().map((frame) => ipv4.read(frame.subarray(14)));
    expect(
      packets.map((packet) => [packet.fragmentOffset, packet.moreFragments, packet.payload.length]),
    ).toEqual([
      [0, true, 552],
      [552, true, 552],
      [1104, false, 104],
    ]);
    expect(new Set(packets.map((packet) => packet.identification)).size).toBe(1);
  });

  test("beyond the network by the gateway, by a route, or not at all", () => {
    const it = station();
    it.stack.addRoute({ network: 0xac100000, mask: 0xfff00000, gateway: 0x0a000207 });
    it.stack.setNeighbour(0, 0x0a000207, 0x525400000007);
    const socket = it.stack.sockets.datagram();
    const way = (address: number): number => {
      socket.send(bytesOf("x"), { address, port: 7 });
      return ethernet.destinationOf(it.frames()[0]!);
    };
    expect([way(FAR), way(0xac1f0001), way(0xac200001)]).toEqual([PEER_MAC, 0x525400000007, PEER_MAC]);
    it.stack.configure(0, { gateway: 0 });
    expect(socket.send(bytesOf("x"), { address: FAR, port: 7 })).toBe("network-unreachable");
    expect(it.stack.sockets.stream().connect(FAR, 7)).toBe("network-unreachable");
  });

  test("127.0.0.1 and our own address never leave the station", () => {
    const it = station();
    for (const address of [LOOPBACK, 0x7f010203, US]) {
      const server = it.stack.sockets.stream();
      server.options.reuseAddress = true;
      expect([server.bind(0, 80), server.listen(1)]).toEqual([undefined, undefined]);
      const client = it.stack.sockets.stream();
      client.connect(address, 80);
      expect(it.lines()).toEqual([]);
      expect(client.connect(address, 80)).toBe("connected");
      const accepted = server.accept() as Socket;
      expect([accepted.remote!.address, accepted.local.address]).toEqual([address, address]);
      for (const socket of [client, accepted, server]) socket.close();
      it.frames();
    }
    expect(it.stack.nics[0]!.counters.txPackets).toBe(1); // the announcement
    expect(it.stack.loopback.counters.txPackets).toBeGreaterThan(20);
  });

  test("wrong configurations are said to be", () => {
    const it = station();
    expect(() => it.stack.configure(1, {})).toThrow("no interface 1");
    expect(() => it.stack.configure(0, { mask: 0xff00ff00 })).toThrow("not a network mask");
  });
});

describe("forwarding (RFC 1812)", () => {
  const router = (mtu = 1500) => {
    const [nearA, wireA] = cable();
    const [nearB, wireB] = cable();
    const stack = new Stack({
      nics: [
        new Nic({ port: nearA, mac: OUR_MAC }),
        new Nic({ port: nearB, mac: 0x5254000000ee, name: "eth1", mtu }),
      ],
      random: new Random(1),
      forward: true,
    });
    stack.configure(0, { address: US, mask: 0xffffff00 });
    stack.configure(1, { address: 0xc0a801fe, mask: 0xffffff00 });
    stack.setNeighbour(0, PEER, PEER_MAC);
    stack.setNeighbour(1, FAR, 0x525400000101);
    const out = (wire: Port) => {
      while (stack.poll(0)) {}
      const frames: Uint8Array[] = [];
      for (let frame = wire.receive(); frame; frame = wire.receive()) frames.push(frame);
      return frames.filter((frame) => ethernet.typeOf(frame) === ethernet.TYPE_IPV4);
    };
    return { stack, wireA, wireB, out };
  };

  test("a packet goes on with its time to live one less", () => {
    const { stack, wireA, wireB, out } = router();
    wireA.send(ipFrame({ destination: FAR, payload: udpBytes("x") }));
    const [frame] = out(wireB);
    expect(ethernet.destinationOf(frame!)).toBe(0x525400000101);
    expect(ipv4.check(frame!.subarray(14))).toBeUndefined();
    expect(ipv4.read(frame!.subarray(14))).toMatchObject({ source: PEER, destination: FAR, ttl: 63 });
    expect(stack.counters.ipForwarded).toBe(1);
  });

  test("time exceeded, network unreachable, fragmentation needed", () => {
    const { wireA, out } = router(600);
    wireA.send(ipFrame({ destination: FAR, ttl: 1, payload: udpBytes("x") }));
    wireA.send(ipFrame({ destination: 0x08080808, payload: udpBytes("x") }));
    wireA.send(ipFrame({ destination: FAR, dontFragment: true, payload: new Uint8Array(700) }));
    const messages = out(wireA).map((frame) => {
      const packet = ipv4.read(frame.subarray(14));
      expect([packet.source, packet.destination]).toEqual([US, PEER]);
      return icmp.read(packet.payload);
    });
    expect(messages.map(({ type, code, rest }) => [type, code, rest])).toEqual([
      [11, 0, 0],
      [3, 0, 0],
      [3, 4, 600],
    ]);
    expect(ipv4.read(messages[0]!.payload)).toMatchObject({ source: PEER, destination: FAR, ttl: 1 });
  });

  test("fragments are cut once more where the way is narrow", () => {
    const { wireA, wireB, out } = router(600);
    wireA.send(
      ipFrame({ destination: FAR, fragmentOffset: 800, moreFragments: true, payload: new Uint8Array(800) }),
    );
    const packets = out(wireB).map((frame) => ipv4.read(frame.subarray(14)));
    expect(
      packets.map((packet) => [packet.fragmentOffset, packet.payload.length, packet.moreFragments]),
    ).toEqual([
      [800, 576, true],
      [1376, 224, true],
    ]);
  });
});

describe("ICMP", () => {
  test("an echo comes back as it was, to a broadcast it does not", () => {
    const it = station();
    it.put(icmpFrame({ type: 8, code: 0, rest: 0x12340001, payload: bytesOf("hello") }));
    const [frame] = it.frames();
    expect(icmp.read(payloadOf(frame!))).toEqual({
      type: 0,
      code: 0,
      rest: 0x12340001,
      payload: bytesOf("hello"),
    });
    it.put(icmpFrame({ type: 8, code: 0, rest: 1, payload: bytesOf("hello") }, { destination: 0x0a0002ff }));
    expect(it.lines()).toEqual([]);
  });

  test("port and protocol unreachable quote the packet", () => {
    const it = station();
    it.put(ipFrame({ payload: udpBytes("for nobody") }));
    it.put(ipFrame({ protocol: 99, payload: bytesOf("what is this") }));
    const messages = it.frames().map((frame) => icmp.read(payloadOf(frame)));
    expect(messages.map(({ type, code }) => [type, code])).toEqual([
      [3, 3],
      [3, 2],
    ]);
    expect(messages[0]!.payload).toEqual(ipFrame({ payload: udpBytes("for nobody") }).subarray(14));
  });

  test("errors about errors, broadcasts and later fragments are not sent (RFC 1122 3.2.2)", () => {
    const it = station();
    it.put(icmpFrame({ type: 3, code: 3, rest: 0, payload: new Uint8Array(28) }));
    it.put(ipFrame({ payload: udpBytes("x"), destination: 0x0a0002ff }));
    it.put(ipFrame({ payload: udpBytes("x"), source: 0xffffffff }));
    it.put(ipFrame({ protocol: 99, destination: 0xe0000001 }));
    expect(it.lines()).toEqual([]);
  });

  test("no more than so many a second", () => {
    const it = station();
    for (let i = 0; i < 200; i++) it.put(ipFrame({ payload: udpBytes("x") }));
    expect(it.lines().length).toBe(50);
    it.now = SECOND / 100;
    for (let i = 0; i < 200; i++) it.put(ipFrame({ payload: udpBytes("x") }));
    expect(it.lines().length).toBe(10);
    expect(it.stack.drops.of("icmp: too many errors")).toBe(340);
  });

  /** An error about the last packet that the station has sent. */
  const about = (it: Hand, code: number, type = 3, rest = 0): Uint8Array => {
    const sent = it.frames().at(-1)!;
    return icmpFrame({ type, code, rest, payload: sent.subarray(14, 14 + 28) });
  };

  test.each([
    [0, "network-unreachable"],
    [1, "host-unreachable"],
    [2, "protocol-unreachable"],
    [3, "refused"],
    [13, "prohibited"],
  ])("code %i ends a connect with %s", (code, reason) => {
    const it = station();
    const socket = it.stack.sockets.stream();
    socket.connect(PEER, 80);
    it.put(about(it, code));
    it.frames();
    expect(socket.connect(PEER, 80)).toBe(reason);
  });

  test("an established connection survives them, and forged ones mean nothing (RFC 5927)", () => {
    const it = station();
    const { socket, seq } = connected(it);
    socket.send(bytesOf("data"));
    it.put(about(it, 3));
    it.frames();
    expect(socket.state).toBe(TcpState.ESTABLISHED);
    const forged = tcpFrame(
      { sourcePort: socket.local.port, destinationPort: 80, seq: seq + 50_000 },
      US,
      PEER,
    );
    it.put(icmpFrame({ type: 3, code: 3, rest: 0, payload: forged.subarray(14, 42) }));
    it.frames();
    expect(it.stack.drops.of("icmp: about no segment under way")).toBe(1);
  });

  test("fragmentation needed makes segments smaller, and they go out again (RFC 1191)", () => {
    const it = station();
    const { socket } = connected(it);
    socket.send(new Uint8Array(2920));
    expect(it.frames().map((frame) => frame.length)).toEqual([1514, 1514]);
    const first = tcpFrame(
      { sourcePort: socket.local.port, destinationPort: 80, seq: unackedOf(it) },
      US,
      PEER,
    );
    it.put(icmpFrame({ type: 3, code: 4, rest: 1000, payload: first.subarray(14, 42) }));
    expect(it.frames().map((frame) => frame.length)[0]).toBe(1014);
  });

  test("a connected datagram socket hears that its port is closed, others do not (RFC 1122 4.1.3.3)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.connect(PEER, 7);
    socket.send(bytesOf("x"));
    it.put(about(it, 3));
    it.frames();
    expect(socket.error).toBe("refused");
    expect([socket.receive(new Uint8Array(1)), socket.receive(new Uint8Array(1))]).toEqual([
      "refused",
      "would-block",
    ]);
    const other = it.stack.sockets.datagram();
    other.send(bytesOf("x"), { address: PEER, port: 7 });
    it.put(about(it, 3));
    it.frames();
    expect(other.error).toBeUndefined();
  });
});

/** A connection of ours to port 80 of the peer, without options. */
function connected(it: Hand): { socket: Socket; seq: number } {
  const socket = it.stack.sockets.stream();
  expect(socket.connect(PEER, 80)).toBe("in-progress");
  const syn = tcp.read(payloadOf(it.frames().at(-1)!));
  const fields = { sourcePort: 80, destinationPort: syn.sourcePort, seq: 300, ack: syn.seq + 1 };
  it.put(tcpFrame({ ...fields, flags: tcp.SYN | tcp.ACK, mss: 1460, window: 60_000 }));
  it.frames();
  expect(socket.state).toBe(TcpState.ESTABLISHED);
  return { socket, seq: syn.seq + 1 };
}

const unackedOf = (it: Hand): number => it.stack.connections()[0]!.snd.una;

describe("UDP", () => {
  test("boundaries are kept, empty datagrams too; senders are told", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    expect(socket.bind(0, 7)).toBeUndefined();
    const news: number[] = [];
    socket.onChange = (_socket, what) => news.push(what);
    for (const text of ["one", "", "three"]) it.put(ipFrame({ payload: udpBytes(text) }));
    it.frames();
    expect(news).toEqual([News.DATA]);
    expect(socket.available).toBe(3);
    const buffer = new Uint8Array(10);
    expect([socket.peek(buffer), socket.receive(buffer)]).toEqual([3, 3]);
    expect(socket.receive(buffer)).toBe(0);
    const third = socket.receiveDatagram();
    expect(third).toEqual({
      from: { address: PEER, port: 5000 },
      to: { address: US, port: 7 },
      payload: bytesOf("three"),
    });
    expect(socket.receive(buffer)).toBe("would-block");
  });

  test("what does not fit the reader's buffer is lost, and said to be", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    it.put(ipFrame({ payload: udpBytes("long") }));
    it.put(ipFrame({ payload: udpBytes("ok") }));
    it.frames();
    const small = new Uint8Array(2);
    expect([socket.receive(small), latin1(small)]).toEqual(["truncated", "lo"]);
    expect([socket.receive(small), latin1(small)]).toEqual([2, "ok"]);
  });

  test("the socket that says most gets it: peer, then address, then the newest", () => {
    const it = station();
    const make = (address: number, peer?: number) => {
      const socket = it.stack.sockets.datagram();
      socket.options.reuseAddress = true;
      expect(socket.bind(address, 7)).toBeUndefined();
      if (peer !== undefined) socket.connect(PEER, peer);
      return socket;
    };
    const any = make(0);
    const bound = make(US);
    const peer = make(0, 5000);
    make(0, 5001);
    it.put(ipFrame({ payload: udpBytes("a") }));
    it.frames();
    expect([any.available, bound.available, peer.available]).toEqual([0, 0, 1]);
    peer.close();
    it.put(ipFrame({ payload: udpBytes("b") }));
    it.frames();
    bound.close();
    it.put(ipFrame({ payload: udpBytes("c") }));
    it.frames();
    expect(any.available).toBe(1);
  });

  test("broadcasts go to all that listen, and may be sent only when asked for", () => {
    const it = station();
    const sockets = [1, 2].map(() => {
      const socket = it.stack.sockets.datagram();
      socket.options.reuseAddress = true;
      socket.bind(0, 7);
      return socket;
    });
    for (const destination of [0xffffffff, 0x0a0002ff]) {
      it.put(
        ipFrame({ destination, payload: udpBytes("all", [5000, 7], [PEER, destination]) }, MAC_BROADCAST),
      );
    }
    it.frames();
    for (const socket of sockets) {
      expect((socket.receiveDatagram() as { to: object }).to).toEqual({ address: 0xffffffff, port: 7 });
      expect(socket.available).toBe(3);
    }
    const [socket] = sockets;
    const to = { address: 0x0a0002ff, port: 9 };
    expect(socket!.send(bytesOf("x"), to)).toBe("prohibited");
    socket!.options.broadcast = true;
    expect(socket!.send(bytesOf("x"), to)).toBe(1);
    expect(it.frames().map((frame) => ethernet.destinationOf(frame))).toEqual([MAC_BROADCAST]);
  });

  test("an address not yet known: datagrams to our card are taken, ours leave from 0.0.0.0 (DHCP)", () => {
    const it = station();
    it.stack.configure(0, { address: 0, gateway: 0 });
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 68);
    socket.options.broadcast = true;
    expect(socket.send(bytesOf("discover"), { address: 0xffffffff, port: 67 })).toBe(8);
    const [frame] = it.frames();
    expect(ipv4.read(frame!.subarray(14))).toMatchObject({ source: 0, destination: 0xffffffff });
    it.put(ipFrame({ destination: 0x0a000263, payload: udpBytes("offer", [67, 68], [PEER, 0x0a000263]) }));
    it.frames();
    expect(socket.available).toBe(5);
  });

  test("what makes no sense has its reason", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    expect(socket.send(bytesOf("x"))).toBe("not-connected");
    expect(socket.send(new Uint8Array(65_508), { address: PEER, port: 7 })).toBe("too-long");
    expect(socket.send(bytesOf("x"), { address: PEER, port: 0 })).toBe("invalid");
    expect(socket.bind(FAR, 7)).toBe("not-available");
    expect(socket.bind(0, 70_000)).toBe("invalid");
    expect(socket.bind(0, 7)).toBeUndefined();
    expect(socket.bind(0, 8)).toBe("invalid");
    expect(it.stack.sockets.datagram().bind(US, 7)).toBe("in-use");
    expect([socket.listen(1), socket.accept()]).toEqual(["not-supported", "not-supported"]);
    socket.close();
    expect(socket.send(bytesOf("x"), { address: PEER, port: 7 })).toBe("invalid");
    expect(it.stack.sockets.datagram().bind(US, 7)).toBeUndefined();
  });

  test("a queue that nobody reads is bounded", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    for (let i = 0; i < 2000; i++) it.put(ipFrame({ payload: udpBytes("x") }));
    it.frames();
    let count = 0;
    while (typeof socket.receiveDatagram() !== "string") count++;
    expect([count, it.stack.drops.of("udp: queue full")]).toEqual([1024, 976]);
  });
});

describe("raw sockets", () => {
  test("packets with their header in, messages with their checksum out", () => {
    const it = station();
    const socket = it.stack.sockets.raw(1);
    expect(socket.connect(PEER, 0)).toBeUndefined();
    socket.options.ttl = 3;
    expect(socket.send(Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 2, 65))).toBe(9);
    const [sent] = it.frames();
    expect(ipv4.read(sent!.subarray(14))).toMatchObject({ protocol: 1, ttl: 3 });
    expect(icmp.check(payloadOf(sent!))).toBeUndefined();
    const reply = icmpFrame({ type: 0, code: 0, rest: 0x00010002, payload: bytesOf("A") });
    it.put(reply);
    it.put(icmpFrame({ type: 8, code: 0, rest: 9, payload: bytesOf("asks") })); // answered, not shown
    it.frames();
    const buffer = new Uint8Array(100);
    expect(socket.receive(buffer)).toBe(29);
    expect(buffer.subarray(0, 29)).toEqual(reply.subarray(14));
    expect(socket.receive(buffer)).toBe("would-block");
  });

  test("a protocol that somebody holds a socket for is not unreachable", () => {
    const it = station();
    const socket = it.stack.sockets.raw(99);
    it.put(ipFrame({ protocol: 99, payload: bytesOf("hello") }));
    expect(it.lines()).toEqual([]);
    expect(socket.available).toBe(25);
    expect(() => it.stack.sockets.raw(256)).toThrow("256 is not an IP protocol number");
  });
});

describe("TCP of a station", () => {
  const listening = (backlog: number, options: Partial<StackOptions> = {}) => {
    const it = station(options);
    const listener = it.stack.sockets.stream();
    expect(listener.bind(0, 80)).toBeUndefined();
    expect(listener.listen(backlog)).toBeUndefined();
    return { it, listener };
  };
  const syn = (port: number, fields: Partial<tcp.Segment> = {}) =>
    tcpFrame({ sourcePort: port, seq: 300, flags: tcp.SYN, mss: 1460, ...fields });
  const segments = (it: Hand) => it.frames().map((frame) => tcp.read(payloadOf(frame)));
  /** A handshake from the peer's port; answers our initial number. */
  const open = (it: Hand, port: number): number => {
    it.put(syn(port));
    const answer = segments(it).find((segment) => segment.flags & tcp.SYN)!;
    it.put(tcpFrame({ sourcePort: port, seq: 301, ack: answer.seq + 1, flags: tcp.ACK }));
    it.frames();
    return answer.seq;
  };

  test("a port nobody listens at: reset by the rules of 3.10.7.1", () => {
    const it = station();
    it.put(tcpFrame({ seq: 300, flags: tcp.SYN }));
    it.put(tcpFrame({ seq: 300, ack: 777, flags: tcp.ACK, payload: bytesOf("abc") }));
    it.put(tcpFrame({ seq: 300, flags: tcp.FIN, payload: bytesOf("abc") }));
    it.put(tcpFrame({ seq: 300, flags: tcp.RST }));
    expect(segments(it).map(tcp.showSegment)).toEqual([
      "RST|ACK seq 0 ack 301 win 0 len 0",
      "RST seq 777 win 0 len 0",
      "RST|ACK seq 0 ack 304 win 0 len 0",
    ]);
    expect(it.stack.counters.tcpResetsSent).toBe(3);
  });

  test("backlog: complete connections wait, further SYNs are not answered; one that was early comes in later", () => {
    const { it, listener } = listening(2);
    const news: number[] = [];
    listener.onChange = (_socket, what) => news.push(what);
    it.put(syn(1));
    it.put(syn(2));
    it.put(syn(3));
    const answers = segments(it);
    expect(answers.length).toBe(3); // half-open ones do not count yet
    answers.forEach((answer, i) => {
      it.put(tcpFrame({ sourcePort: i + 1, seq: 301, ack: answer.seq + 1, flags: tcp.ACK }));
    });
    it.put(syn(4));
    expect(segments(it)).toEqual([]);
    expect(it.stack.drops.all()).toMatchObject({ "tcp: accept queue full": 1, "tcp: backlog full": 1 });
    expect(news).toEqual([News.SYN, News.ACCEPTABLE]);
    expect((listener.accept() as Socket).remote!.port).toBe(1);
    it.frames();
    expect((listener.accept() as Socket).remote!.port).toBe(2);
    const third = listener.accept() as Socket;
    expect([third.remote!.port, third.state]).toEqual([3, TcpState.ESTABLISHED]);
    it.put(
      tcpFrame({ sourcePort: 3, seq: 301, ack: answers[2]!.seq + 1, flags: tcp.ACK, payload: bytesOf("hi") }),
    );
    it.frames();
    expect(third.available).toBe(2);
    expect(listener.accept()).toBe("would-block");
  });

  test("a flood of SYNs costs the oldest half-open ones; established connections live, new ones can be made", () => {
    const { it, listener } = listening(10, { tcp: { halfOpen: 100 } });
    open(it, 1);
    const first = listener.accept() as Socket;
    for (let i = 0; i < 20_000; i++) {
      it.put(tcpFrame({ sourcePort: i, seq: i, flags: tcp.SYN }, 0x0a000210 + (i % 200)));
      if (i % 1000 === 0) it.frames();
    }
    it.frames();
    expect(it.stack.connections().length).toBe(101);
    open(it, 2);
    expect((listener.accept() as Socket).state).toBe(TcpState.ESTABLISHED);
    expect(first.state).toBe(TcpState.ESTABLISHED);
    expect(first.send(bytesOf("alive"))).toBe(5);
    expect(segments(it).some((segment) => latin1(segment.payload) === "alive")).toBe(true);
  });

  test("a closed listener resets who waits, and frees the port", () => {
    const { it, listener } = listening(2);
    open(it, 1);
    it.put(syn(2));
    it.frames();
    listener.close();
    expect(segments(it).map((segment) => [segment.destinationPort, segment.flags & tcp.RST])).toEqual([
      [1, tcp.RST],
      [2, tcp.RST],
    ]);
    it.put(syn(3));
    expect(segments(it).map((segment) => segment.flags & tcp.RST)).toEqual([tcp.RST]);
    expect(it.stack.connections()).toEqual([]);
    expect(it.stack.sockets.stream().bind(0, 80)).toBeUndefined();
  });

  /** A connection accepted at port 80 and closed from our side: it stays in TIME-WAIT. */
  const inTimeWait = (it: Hand, listener: Socket, port: number) => {
    const seq = open(it, port);
    const socket = listener.accept() as Socket;
    socket.close();
    it.frames();
    it.put(tcpFrame({ sourcePort: port, seq: 301, ack: seq + 2, flags: tcp.ACK | tcp.FIN }));
    it.frames();
    expect(socket.state).toBe(TcpState.TIME_WAIT);
    return { socket, seq };
  };

  test("bind: a port with connections in TIME-WAIT needs reuse", () => {
    const { it, listener } = listening(2);
    inTimeWait(it, listener, 1);
    listener.close();
    const again = it.stack.sockets.stream();
    expect(again.bind(0, 80)).toBe("in-use");
    again.options.reuseAddress = true;
    expect([again.bind(0, 80), again.listen(1)]).toEqual([undefined, undefined]);
    const other = it.stack.sockets.stream();
    other.options.reuseAddress = true;
    expect(other.bind(0, 80)).toBe("in-use"); // never beside a listener
    it.now = 61 * SECOND;
    it.frames();
    again.close();
    expect(it.stack.sockets.stream().bind(0, 80)).toBeUndefined();
  });

  test("TIME-WAIT gives way to a SYN that is certainly younger (RFC 6191), with a higher number of ours", () => {
    const { it, listener } = listening(2);
    const { socket, seq } = inTimeWait(it, listener, 1);
    it.put(syn(1, { seq: 301 })); // not younger
    expect(segments(it).map((segment) => segment.flags)).toEqual([tcp.ACK]);
    it.put(syn(1, { seq: 10_000 }));
    const [answer] = segments(it);
    expect(answer!.flags).toBe(tcp.SYN | tcp.ACK);
    expect((answer!.seq - seq) | 0).toBeGreaterThan(2);
    expect(socket.state).toBe(TcpState.CLOSED);
  });

  test("what makes no sense has its reason", () => {
    const it = station();
    const socket = it.stack.sockets.stream();
    expect(socket.send(bytesOf("x"))).toBe("not-connected");
    expect(socket.receive(new Uint8Array(1))).toBe("not-connected");
    expect(socket.shutdown("send")).toBe("not-connected");
    expect(socket.accept()).toBe("invalid");
    expect(socket.connect(PEER, 0)).toBe("invalid");
    expect(socket.connect(0xe0000001, 80)).toBe("network-unreachable");
    expect(socket.connect(0xffffffff, 80)).toBe("network-unreachable");
    expect(socket.bind(FAR, 80)).toBe("not-available");
    expect(socket.bind(0, 80)).toBeUndefined();
    expect(socket.bind(0, 81)).toBe("invalid");
    expect(socket.listen(1)).toBeUndefined();
    expect(socket.connect(PEER, 80)).toBe("invalid");
    expect(socket.receiveDatagram()).toBe("not-supported");
    socket.close();
    socket.close();
    expect(socket.listen(1)).toBe("invalid");
    expect([socket.closed, socket.state]).toEqual([true, TcpState.CLOSED]);
  });

  test("unbound sockets get ports of their own, one after the other", () => {
    const it = station();
    const ports = Array.from({ length: 100 }, () => {
      const socket = it.stack.sockets.stream();
      socket.connect(PEER, 80);
      return socket.local.port;
    });
    expect(new Set(ports).size).toBe(100);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49152);
  });

  test("calls alone send nothing; poll does, and says when it wants to be asked again", () => {
    const it = station();
    expect(it.stack.deadline()).toBe(Number.POSITIVE_INFINITY);
    const socket = it.stack.sockets.stream();
    socket.connect(PEER, 80);
    expect(it.stack.deadline()).toBe(0);
    expect(it.frames().length).toBe(1);
    expect(it.stack.deadline()).toBe(SECOND);
    expect(it.stack.poll(0)).toBe(false);
  });
});

describe("intercepting", () => {
  const transparent = () => {
    const it = station({ anyAddress: true });
    const attempts: Attempt[] = [];
    it.stack.sockets.intercept((attempt) => attempts.push(attempt));
    return { it, attempts };
  };
  const syn = () => tcpFrame({ seq: 300, flags: tcp.SYN, mss: 1460, destinationPort: 443 }, PEER, FAR);
  const answers = (it: Hand) =>
    it.frames().map((frame) => {
      const packet = ipv4.read(frame.subarray(14));
      expect([packet.source === FAR || packet.protocol === 1, packet.destination]).toEqual([true, PEER]);
      return packet.protocol === 6
        ? tcp.showFlags(tcp.read(packet.payload).flags)
        : icmp.show(packet.payload);
    });

  test("a SYN to any address waits for its verdict, once", () => {
    const { it, attempts } = transparent();
    it.put(syn());
    it.put(syn());
    expect(answers(it)).toEqual([]);
    expect(attempts.length).toBe(1);
    const [attempt] = attempts;
    expect([attempt!.protocol, attempt!.to, attempt!.from, attempt!.pending]).toEqual([
      "tcp",
      { address: FAR, port: 443 },
      { address: PEER, port: 5000 },
      true,
    ]);
    const socket = attempt!.accept()!;
    expect(socket.send(bytesOf("welcome"))).toBe(7);
    const [answer] = it.frames().map((frame) => tcp.read(payloadOf(frame)));
    expect(answer!.flags).toBe(tcp.SYN | tcp.ACK);
    it.put(tcpFrame({ seq: 301, ack: answer!.seq + 1, flags: tcp.ACK, destinationPort: 443 }, PEER, FAR));
    expect(answers(it)).toEqual(["PSH|ACK"]);
    expect([socket.state, socket.local, attempt!.pending, attempt!.accept()]).toEqual([
      TcpState.ESTABLISHED,
      { address: FAR, port: 443 },
      false,
      undefined,
    ]);
  });

  test("refused, unreachable, ignored", () => {
    const { it, attempts } = transparent();
    it.put(syn());
    it.frames();
    attempts[0]!.refuse();
    expect(answers(it)).toEqual(["RST|ACK"]);
    it.put(syn());
    it.frames();
    attempts[1]!.unreachable("host");
    expect(answers(it)).toEqual(["ICMP unreachable code 1 length 44"]);
    it.put(syn());
    it.frames();
    attempts[2]!.ignore();
    expect(answers(it)).toEqual([]);
    it.put(syn());
    it.frames();
    it.put(tcpFrame({ seq: 301, flags: tcp.RST, destinationPort: 443 }, PEER, FAR));
    it.frames();
    expect([attempts.length, attempts[3]!.pending]).toEqual([4, false]); // the other side gave up
  });

  test("datagrams to any address: a socket for the flow, with the first in it; or port unreachable", () => {
    const { it, attempts } = transparent();
    const query = (text: string) =>
      it.put(ipFrame({ destination: FAR, payload: udpBytes(text, [5000, 53], [PEER, FAR]) }));
    query("one");
    it.frames();
    const socket = attempts[0]!.accept()!;
    query("two");
    it.frames();
    const buffer = new Uint8Array(10);
    expect([socket.receive(buffer), socket.receive(buffer), attempts.length]).toEqual([3, 3, 1]);
    socket.send(bytesOf("answer"));
    const [frame] = it.frames();
    expect(ipv4.read(frame!.subarray(14))).toMatchObject({ source: FAR, destination: PEER });
    expect(udp.read(payloadOf(frame!))).toEqual({
      sourcePort: 53,
      destinationPort: 5000,
      payload: bytesOf("answer"),
    });
    socket.close();
    query("three");
    it.frames();
    attempts[1]!.refuse();
    expect(answers(it)).toEqual(["ICMP unreachable code 3 length 33"]);
  });

  test("echoes to other addresses are not invented", () => {
    const { it } = transparent();
    it.put(icmpFrame({ type: 8, code: 0, rest: 1, payload: bytesOf("x") }, { destination: FAR }));
    expect(it.lines()).toEqual([]);
  });
});

test("no bytes from the wire can hurt", () => {
  const random = new Random(5);
  const it = station();
  const listener = it.stack.sockets.stream();
  listener.bind(0, 80);
  listener.listen(5);
  const socket = it.stack.sockets.datagram();
  socket.bind(0, 7);
  const samples = [
    arpFrame({}),
    ipFrame({ payload: udpBytes("hello") }),
    tcpFrame({ seq: 300, flags: tcp.SYN, mss: 1460, scale: 7, timestamps: true, sackPermitted: true }),
    tcpFrame({ seq: 301, ack: 1, flags: tcp.ACK | tcp.FIN, payload: bytesOf("data"), sack: [1, 2, 3, 4] }),
    icmpFrame({ type: 3, code: 3, rest: 0, payload: tcpFrame({}).subarray(14) }),
    ipFrame({ moreFragments: true, payload: new Uint8Array(64) }),
  ];
  for (let round = 0; round < 20_000; round++) {
    const frame = samples[random.below(samples.length)]!.slice(0, 20 + random.below(80));
    for (let flips = random.below(4); flips > 0; flips--)
      frame[random.below(frame.length)] = random.below(256);
    if (random.below(2) === 0 && frame.length > 34 && ethernet.typeOf(frame) === ethernet.TYPE_IPV4)
      repair(frame);
    it.put(frame);
    if (round % 50 === 0) it.frames();
    if (round % 500 === 0) it.now += random.below(3 * SECOND);
  }
  it.frames();
  expect(listener.state).toBe(TcpState.LISTEN);
  expect(it.stack.connections().length).toBeLessThan(1100);
});

/** Makes lengths and checksums right again, so that nonsense gets deeper. */
function repair(frame: Uint8Array): void {
  const packet = frame.subarray(14);
  const header = ipv4.headerLengthOf(packet);
  if (header < 20 || header > packet.length) return;
  packet[2] = packet.length >>> 8;
  packet[3] = packet.length;
  const fields = { ...ipv4.read(packet), options: packet.slice(20, header), payload: packet.slice(header) };
  if (fields.protocol === 6 && fields.payload.length >= 20) {
    fields.payload[16] = fields.payload[17] = 0;
    const total = checksumOf(fields.payload, fields.source, fields.destination);
    fields.payload[16] = total >>> 8;
    fields.payload[17] = total;
  }
  ipv4.write(fields, packet);
}

function checksumOf(bytes: Uint8Array, source: number, destination: number): number {
  let total =
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + 6 + bytes.length;
  for (let i = 0; i < bytes.length; i++) total += bytes[i]! * (i % 2 === 0 ? 256 : 1);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total ^ 0xffff;
}
