/** What a station says and hears below its sockets: ARP, IPv4, forwarding, ICMP; frame by frame. */
import { describe, expect, test } from "vitest";
import {
  arpFrame,
  bare,
  connected,
  FAR,
  type Hand,
  icmpFrame,
  ipFrame,
  OUR_MAC,
  PEER,
  PEER_MAC,
  payloadOf,
  station,
  tcpFrame,
  US,
  udpBytes,
  unackedOf,
} from "../../test/network/hand.ts";
import { bytesOf, latin1, Random, SECOND } from "../base/index.ts";
import { Nic } from "./link/nic.ts";
import { cable, type Port } from "./link/port.ts";
import { type Socket, TcpState } from "./sockets.ts";
import { Stack } from "./stack.ts";
import { LOOPBACK, MAC_BROADCAST } from "./wire/address.ts";
import * as arp from "./wire/arp.ts";
import * as ethernet from "./wire/ethernet.ts";
import * as icmp from "./wire/icmp.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { showFrame } from "./wire/print.ts";

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
    for (const source of [0xe0000001, 0xf0000001, 0xffffffff, US | 0xff, 0x00000001])
      it.put(ipFrame({ source, payload: udpBytes("x", [5000, 7], [source, US]) }));
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
      "ip: impossible address": 7,
      "ip: multicast group not joined": 1,
      "ip: other destination": 1,
      "ip: short": 1,
      "ip: unicast in a broadcast frame": 1,
    });
  });

  test("with no time to live left a packet has still arrived (RFC 1122 3.2.1.7)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    for (const ttl of [1, 0]) it.put(ipFrame({ ttl, payload: udpBytes("x") }));
    expect([it.lines(), socket.receiveDatagram(), socket.receiveDatagram()]).toMatchObject([
      [],
      { from: { address: PEER } },
      { from: { address: PEER } },
    ]);
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

  test("a gateway that does not answer: another is taken, for what waits too (RFC 1122 3.3.1.5)", () => {
    const it = station({}, false);
    const other = 0x0a000203;
    it.stack.addRoute({ network: 0, mask: 0, gateway: other });
    const socket = it.stack.sockets.datagram();
    const send = (): void => void socket.send(bytesOf("x"), { address: FAR, port: 9 });
    const asked = (seconds: number): string[] =>
      it.during(seconds * SECOND).map((line) => line.replace(/^\d+: |\? tell.*/g, ""));
    send();
    // Neither of them: the one that failed longest ago is asked again, what waited is lost.
    const [first, second] = ["ARP who has 10.0.2.3", "ARP who has 10.0.2.2"];
    expect(asked(6)).toEqual([first, first, first, second, second, second]);
    expect(it.stack.drops.of("arp: no answer")).toBe(1);
    send();
    expect(asked(1)).toEqual([first, first]);
    it.put(arpFrame({ operation: arp.REPLY, targetMac: OUR_MAC, targetAddress: US }, OUR_MAC));
    send();
    expect(asked(4).filter((line) => line.startsWith("UDP")).length).toBe(2);
    expect(it.stack.drops.of("arp: no answer")).toBe(1);
    send();
    expect(ethernet.destinationOf(it.frames()[0]!)).toBe(PEER_MAC);
    // The first of them is heard again: it is taken again.
    it.put(arpFrame({ senderAddress: other, senderMac: 0x525400000003 }, OUR_MAC, 0x525400000003));
    send();
    expect(it.frames().map(ethernet.destinationOf)).toEqual([0x525400000003, 0x525400000003]);
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

test("a host with two cards passes nothing on (RFC 1122 3.1)", () => {
  const [port, far] = cable();
  const it = bare({}, { others: [new Nic({ port, mac: 0x5254000000ff, mtu: 1500 })] });
  it.stack.configure(0, { address: US, mask: 0xffffff00 });
  it.stack.configure(1, { address: FAR, mask: 0xffffff00 });
  it.stack.setNeighbour(1, FAR + 1, 0x525400000077);
  it.frames();
  while (far.receive()) {}
  it.put(ipFrame({ destination: FAR + 1, payload: udpBytes("x", [5000, 7], [PEER, FAR + 1]) }));
  expect([it.lines(), far.receive(), it.stack.drops.of("ip: other destination")]).toEqual([[], undefined, 1]);
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

  test("a socket without a peer hears of errors when it asks for it (RFC 1122 4.1.3.3)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.options.reportErrors = true;
    socket.send(bytesOf("x"), { address: PEER, port: 9 });
    it.put(icmpFrame({ type: 3, code: 3, rest: 0, payload: it.frames()[0]!.subarray(14) }));
    it.frames();
    expect([socket.error, socket.receiveDatagram(), socket.receiveDatagram()]).toEqual([
      "refused",
      "refused",
      "would-block",
    ]);
  });

  test("errors about errors, broadcasts and later fragments are not sent (RFC 1122 3.2.2)", () => {
    const it = station();
    it.put(icmpFrame({ type: 3, code: 3, rest: 0, payload: new Uint8Array(28) }));
    it.put(ipFrame({ payload: udpBytes("x"), destination: 0x0a0002ff }));
    it.put(ipFrame({ payload: udpBytes("x"), source: 0xffffffff }));
    it.put(ipFrame({ protocol: 99, destination: 0xe0000001 }));
    expect(it.lines()).toEqual([]);
  });

  test("a message of an unknown type is nothing to anybody (RFC 1122 3.2.2)", () => {
    const it = station();
    // Nothing of ours either: address masks are for who was made their authority (3.2.2.9).
    for (const type of [1, 2, 6, 7, 13, 15, 17, 19, 42, 255])
      it.put(icmpFrame({ type, code: 0, rest: 0, payload: new Uint8Array(28) }));
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
