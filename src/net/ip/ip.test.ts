/** What one IPv4 station says and when: groups, claims of addresses, whole frames, options, redirects. */
import { describe, expect, test } from "vitest";
import {
  arpFrame,
  bare,
  station as configuredStation,
  ipFrame,
  PEER,
  PEER_MAC,
  US,
} from "../../../test/network/hand.ts";
import { bytesOf, latin1, MS, SECOND } from "../../base/index.ts";
import type { StackOptions } from "../stack.ts";
import * as arp from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as igmp from "../wire/igmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { showFrame } from "../wire/print.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";
import { PathMtus } from "./path-mtu.ts";

const GROUP = 0xe0010203;

type Hand = ReturnType<typeof station>;

/** A station in the test's hand, and a short way to say something to it. */
function station(options: Partial<StackOptions> = {}, configured = true) {
  const hand = configured ? configuredStation(options) : bare(options);
  return Object.assign(hand, {
    ip: (fields: Partial<ipv4.Ipv4>) => hand.put(ipFrame(fields)),
    arp: (fields: Partial<arp.Arp>) => hand.put(arpFrame(fields)),
  });
}

function datagram(text: string, destination: number, port = 7): Uint8Array {
  const bytes = new Uint8Array(8 + text.length);
  udp.write({ sourcePort: 5000, destinationPort: port, payload: bytesOf(text) }, PEER, destination, bytes);
  return bytes;
}

describe("groups (RFC 2236)", () => {
  const say = (it: Hand, type: number, maxResponse: number, group: number, destination: number): void => {
    const payload = new Uint8Array(igmp.LENGTH);
    igmp.write({ type, maxResponse, group }, payload);
    it.ip({ protocol: 2, ttl: 1, destination, payload });
  };
  const ALL_HOSTS = 0xe0000001;

  test("joined: reported twice with a router alert and one hop, received, and left", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    it.ip({ destination: GROUP, payload: datagram("early", GROUP) });
    expect([it.lines(), socket.available]).toEqual([[], 0]);
    expect(socket.join(GROUP)).toBeUndefined();
    expect(socket.join(GROUP)).toBe("invalid");
    const [report] = it.frames();
    expect(showFrame(report!)).toContain(
      "> 01:00:5e:01:02:03 type 0800 | IPv4 10.0.2.15 > 224.1.2.3 protocol 2 ttl 1",
    );
    expect(ipv4.read(report!.subarray(14)).options).toEqual(igmp.ROUTER_ALERT);
    const [again, ...more] = it.during(30 * SECOND);
    expect([Number.parseInt(again!, 10) <= 10_000, more]).toEqual([true, []]);
    it.ip({ destination: GROUP, payload: datagram("hello", GROUP) });
    it.lines();
    expect(socket.receiveDatagram()).toMatchObject({ to: { address: GROUP, port: 7 } });
    socket.close();
    const [leave] = it.frames();
    expect(showFrame(leave!)).toContain("10.0.2.15 > 224.0.0.2 protocol 2 ttl 1");
    it.ip({ destination: GROUP, payload: datagram("late", GROUP) });
    it.lines();
    expect(it.stack.drops.of("ip: multicast group not joined")).toBe(2);
  });

  test("two programs, one membership", () => {
    const it = station();
    const [one, two] = [it.stack.sockets.datagram(), it.stack.sockets.datagram()];
    one.join(GROUP);
    two.join(GROUP);
    expect(it.during(30 * SECOND)).toHaveLength(2);
    one.close();
    expect(it.lines()).toEqual([]);
    two.close();
    expect(it.lines()).toEqual(["IPv4 10.0.2.15 > 224.0.0.2 protocol 2 ttl 1 length 32"]);
  });

  test("a query is answered at a random time within what it allows, once", () => {
    const it = station();
    it.stack.sockets.datagram().join(GROUP);
    it.during(30 * SECOND);
    say(it, 0x11, 20, 0, ALL_HOSTS);
    say(it, 0x11, 20, GROUP, GROUP);
    const [answer, ...more] = it.during(10 * SECOND);
    const after = Number.parseInt(answer!, 10) - 30_000;
    expect([after > 0 && after <= 2000, more]).toEqual([true, []]);
    say(it, 0x11, 20, 0xe0010204, 0xe0010204); // another's group
    expect(it.during(10 * SECOND)).toEqual([]);
  });

  test("another's report keeps us silent, and then leaving is for the other to tell", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.join(GROUP);
    it.during(30 * SECOND);
    say(it, 0x11, 100, 0, ALL_HOSTS);
    say(it, 0x16, 0, GROUP, GROUP);
    expect(it.during(20 * SECOND)).toEqual([]);
    socket.close();
    expect(it.lines()).toEqual([]);
  });

  test("to a router of version 1 we speak version 1, for 400 seconds", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    say(it, 0x11, 0, 0, ALL_HOSTS);
    it.lines();
    socket.join(GROUP);
    const types = () => it.frames().map((frame) => ipv4.read(frame.subarray(14)).payload[0]);
    expect(types()).toEqual([0x12]);
    it.during(30 * SECOND);
    socket.leave(GROUP);
    expect(types()).toEqual([]);
    it.now += 400 * SECOND;
    socket.join(GROUP);
    expect(types()).toEqual([0x16]);
  });

  test("the group of all hosts is joined always and never reported", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    it.ip({ destination: ALL_HOSTS, payload: datagram("all", ALL_HOSTS) });
    it.lines();
    expect(socket.available).toBe(3);
    socket.join(ALL_HOSTS);
    say(it, 0x11, 10, 0, ALL_HOSTS);
    expect(it.during(30 * SECOND)).toEqual([]);
  });

  test("what is sent to a group goes one hop, or as far as is said, and is heard by ourselves if we are in it", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    socket.send(bytesOf("x"), { address: GROUP, port: 7 });
    socket.options.groupTtl = 5;
    socket.join(GROUP);
    socket.send(bytesOf("y"), { address: GROUP, port: 7 });
    const sent = it.frames().filter((frame) => ipv4.read(frame.subarray(14)).protocol === 17);
    expect(sent.length).toBe(2);
    const got = socket.receiveDatagram();
    expect(typeof got !== "string" && latin1(got.payload)).toBe("x"); // joined before either was sent
    expect(sent.map((frame) => ipv4.read(frame.subarray(14)).ttl)).toEqual([1, 5]);
  });

  test("with a time to live of 0 it leaves for nowhere (RFC 1122 3.2.1.7)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    socket.join(GROUP);
    it.during(20 * SECOND);
    socket.options.groupTtl = 0;
    socket.send(bytesOf("x"), { address: GROUP, port: 7 });
    expect([it.lines(), socket.available]).toEqual([[], 1]);
    const { ipSent } = it.stack.counters;
    socket.options.ttl = 0;
    socket.send(bytesOf("x"), { address: PEER, port: 7 });
    expect([it.lines(), it.stack.counters.ipSent]).toEqual([[], ipSent]);
  });

  test("no error is ever sent about a packet to a group", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.join(GROUP);
    it.during(30 * SECOND);
    it.ip({ destination: GROUP, payload: datagram("x", GROUP, 9) });
    it.ip({ destination: GROUP, protocol: 200, payload: bytesOf("x") });
    expect(it.lines()).toEqual([]);
  });

  test("not too many groups", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    for (let i = 0; i < 256; i++) expect(socket.join(GROUP + i)).toBeUndefined();
    expect(socket.join(GROUP + 256)).toBe("in-use");
  });

  test.each([
    ["short", Uint8Array.of(0x11, 0)],
    ["checksum", Uint8Array.of(0x11, 0, 1, 2, 0, 0, 0, 0)],
  ])("a message that is none: %s", (reason, payload) => {
    const it = station();
    it.ip({ protocol: 2, destination: ALL_HOSTS, payload });
    expect(it.lines()).toEqual([]);
    expect(it.stack.drops.of(`igmp: ${reason}`)).toBe(1);
  });
});

describe("claiming an address (RFC 5227)", () => {
  const claim = () => {
    const it = station({}, false);
    const results: string[] = [];
    it.stack.claim(0, { address: US, mask: 0xffffff00, gateway: 0 }, (result) => results.push(result));
    return { it, results };
  };

  test("three probes that nobody answers, then two announcements", () => {
    const { it, results } = claim();
    const said = it.during(20 * SECOND);
    expect(said.map((line) => line.slice(line.indexOf(":") + 2))).toEqual([
      "ARP who has 10.0.2.15? (probe)",
      "ARP who has 10.0.2.15? (probe)",
      "ARP who has 10.0.2.15? (probe)",
      "ARP announces 10.0.2.15 at 52:54:00:00:00:0f",
      "ARP announces 10.0.2.15 at 52:54:00:00:00:0f",
    ]);
    const times = said.map((line) => Number.parseInt(line, 10));
    expect(times[0]).toBeLessThan(1000);
    for (const i of [1, 2]) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(999);
      expect(times[i]! - times[i - 1]!).toBeLessThanOrEqual(2000);
    }
    expect([times[3]! - times[2]!, times[4]! - times[3]!]).toEqual([2000, 2000]);
    expect([results, it.stack.configuration(0).address]).toEqual([["free"], US]);
  });

  test.each([
    ["another has it", { operation: arp.REPLY, senderAddress: US }],
    ["another speaks as it", { operation: arp.REQUEST, senderAddress: US, targetAddress: PEER }],
    ["another probes for it", { operation: arp.REQUEST, senderAddress: 0, targetAddress: US }],
  ])("%s: it is not taken", (_name, fields) => {
    const { it, results } = claim();
    it.during(1500 * MS);
    it.arp(fields);
    it.during(20 * SECOND);
    expect([results, it.stack.configuration(0).address]).toEqual([["taken"], 0]);
  });
});

describe("whole frames", () => {
  test("a packet socket sees what comes and what goes, before anything else does", () => {
    const it = station();
    const all = it.stack.sockets.packet();
    const requests = it.stack.sockets.packet(0, ethernet.TYPE_ARP);
    it.arp({});
    const nobody = new Uint8Array(60);
    ethernet.writeHeader(nobody, 0x525400000099, PEER_MAC, 0x88b5);
    it.put(nobody);
    it.lines();
    const next = (socket: typeof all): string => {
      const got = socket.receiveDatagram();
      return typeof got === "string" ? got : showFrame(got.payload).split(" | ").at(-1)!;
    };
    expect([next(all), next(all), next(all), next(all)]).toEqual([
      "ARP who has 10.0.2.15? tell 10.0.2.2",
      "ARP 10.0.2.15 is at 52:54:00:00:00:0f",
      "Ethernet 52:54:00:00:00:02 > 52:54:00:00:00:99 type 88b5 length 46",
      "would-block",
    ]);
    next(requests);
    expect([next(requests), next(requests)]).toEqual([
      "ARP 10.0.2.15 is at 52:54:00:00:00:0f",
      "would-block",
    ]);
  });

  test("what it sends goes out as it is", () => {
    const it = station();
    const socket = it.stack.sockets.packet(0);
    const frame = Uint8Array.from({ length: 60 }, (_, i) => i);
    expect(socket.send(frame)).toBe(60);
    expect(it.frames()).toEqual([frame]);
    expect([socket.send(frame.subarray(0, 13)), socket.send(new Uint8Array(1515))]).toEqual([
      "invalid",
      "too-long",
    ]);
    socket.close();
    expect(socket.send(frame)).toBe("invalid");
    expect(() => it.stack.sockets.packet(1)).toThrow(RangeError);
  });
});

const EMPTY = {
  tos: 0,
  identification: 0,
  dontFragment: false,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 64,
  options: new Uint8Array(0),
};

describe("options, redirects, errors", () => {
  test("a packet with options is taken for what it carries; one whose options are not whole is not", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 1); // record route (RFC 791 3.1)
    it.ip({ options, payload: datagram("x", US) });
    it.lines();
    expect(socket.available).toBe(1);
    it.ip({ options: Uint8Array.of(7, 9, 4, 0), payload: datagram("x", US) });
    it.lines();
    expect(it.stack.drops.of("ip: options")).toBe(1);
  });

  /** A redirect to `gateway` about a datagram of ours to `destination`. */
  const redirect = (gateway: number, destination: number): Uint8Array => {
    const quoted = new Uint8Array(28);
    const about = { ...EMPTY, source: US, destination, protocol: 17 };
    ipv4.writeHeader(about, 28, quoted, 0);
    const message = new Uint8Array(36);
    icmp.write({ type: 5, code: 1, rest: gateway, payload: quoted }, message);
    return message;
  };
  const sent = (it: Hand, to: number) => {
    it.frames();
    const socket = it.stack.sockets.datagram();
    socket.send(bytesOf("x"), { address: to, port: 9 });
    return it.frames()[0]!;
  };

  test("a redirect by the router that is the way is followed, for that host alone (RFC 1122 3.2.2.2)", () => {
    const it = station();
    it.stack.setNeighbour(0, 0x0a000263, 0x525400000063);
    it.ip({ protocol: 1, payload: redirect(0x0a000263, 0x08080808) });
    it.lines();
    expect(it.stack.counters.redirectsSeen).toBe(1);
    expect(ethernet.destinationOf(sent(it, 0x08080808))).toBe(0x525400000063);
    expect(ethernet.destinationOf(sent(it, 0x08080809))).toBe(PEER_MAC);
  });

  test("and is not when another says it, or the better way is nowhere near, ourselves, or none", () => {
    const it = station();
    it.ip({ source: 0x0a000277, protocol: 1, payload: redirect(0x0a000263, 0x08080808) });
    for (const gateway of [0x0b000001, US, 0x0a0002ff, 0])
      it.ip({ protocol: 1, payload: redirect(gateway, 0x08080808) });
    it.ip({ protocol: 1, payload: redirect(0x0a000263, 0x0a000299) }); // a neighbour needs no router
    it.lines();
    expect(it.stack.drops.of("icmp: redirect not to be believed")).toBe(6);
    expect(ethernet.destinationOf(sent(it, 0x08080808))).toBe(PEER_MAC);
  });

  test("when the better way does not answer, the old one is taken again", () => {
    const it = station();
    it.ip({ protocol: 1, payload: redirect(0x0a000263, 0x08080808) });
    it.lines();
    const socket = it.stack.sockets.datagram();
    socket.send(bytesOf("x"), { address: 0x08080808, port: 9 });
    it.during(10 * SECOND);
    expect(ethernet.destinationOf(sent(it, 0x08080808))).toBe(PEER_MAC);
  });

  test("a thousand redirects cost no more than 256 entries", () => {
    const it = station();
    it.stack.setNeighbour(0, 0x0a000263, 0x525400000063);
    for (let i = 0; i < 1000; i++) it.ip({ protocol: 1, payload: redirect(0x0a000263, 0x08080000 + i) });
    it.lines();
    expect(ethernet.destinationOf(sent(it, 0x08080000))).toBe(PEER_MAC);
    expect(ethernet.destinationOf(sent(it, 0x08080000 + 999))).toBe(0x525400000063);
  });

  test("record route and timestamp are filled in the answer to an echo (RFC 791, RFC 1122 3.2.2.6)", () => {
    const it = station();
    const echo = new Uint8Array(8);
    icmp.write({ type: 8, code: 0, rest: 0, payload: new Uint8Array(0) }, echo);
    const route = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    const stamps = [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    it.ip({ protocol: 1, payload: echo, options: Uint8Array.of(...route, ...stamps, 0) });
    const { options } = ipv4.read(it.frames()[0]!.subarray(14));
    expect([...options.subarray(0, 7)]).toEqual([7, 11, 8, 10, 0, 2, 15]);
    expect([...options.subarray(11, 19)]).toEqual([68, 12, 13, 1, 10, 0, 2, 15]);
    expect(options[19]! & 0x80).toBe(0x80); // no universal time: RFC 791 wants the high bit then
    it.ip({ protocol: 1, payload: echo, options: Uint8Array.of(7, 7, 8, 1, 2, 3, 4, 68, 4, 5, 0, 0) });
    expect([...ipv4.read(it.frames()[0]!.subarray(14)).options]).toEqual([
      7, 7, 8, 1, 2, 3, 4, 68, 4, 5, 16, 0,
    ]);
  });

  test("a router fills them as well (RFC 1812 5.3.13)", () => {
    const it = station({ forward: true });
    it.stack.setNeighbour(0, 0x0a000277, 0x525400000077);
    const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0);
    it.ip({ destination: 0x0a000277, payload: datagram("x", 0x0a000277), options });
    expect([...ipv4.read(it.frames()[0]!.subarray(14)).options]).toEqual([7, 7, 8, 10, 0, 2, 15, 0]);
  });

  test("a router tells the sender when the last hop does not answer (RFC 1812 5.2.7.1)", () => {
    const it = station({ forward: true });
    it.ip({ destination: 0x0a000277, payload: datagram("x", 0x0a000277) });
    const said = it.during(5 * SECOND);
    expect(said.at(-1)).toContain("ICMP unreachable code 1");
  });
});

describe("what a path takes (RFC 1191)", () => {
  const connect = (it: Hand) => {
    const socket = it.stack.sockets.stream();
    socket.connect(0x08080808, 80);
    const syn = tcp.read(ipv4.read(it.frames()[0]!.subarray(14)).payload);
    const say = (fields: Partial<tcp.Segment>): void => {
      const segment = {
        ...tcp.emptySegment,
        sourcePort: 80,
        destinationPort: syn.sourcePort,
        window: 60_000,
        ...fields,
      };
      const payload = new Uint8Array(tcp.lengthOf(segment));
      tcp.write(segment, 0x08080808, US, payload);
      it.ip({ protocol: 6, source: 0x08080808, payload });
    };
    say({ flags: tcp.SYN | tcp.ACK, seq: 1, ack: syn.seq + 1, mss: 1460 });
    socket.send(new Uint8Array(5000));
    const sent = it.frames();
    return { syn, sent, longest: Math.max(...sent.map((frame) => frame.length - 14)) };
  };
  const tooBig = (it: Hand, about: Uint8Array, mtu: number): void => {
    const message = new Uint8Array(8 + 28);
    icmp.write({ type: 3, code: 4, rest: mtu, payload: about.subarray(14, 42) }, message);
    it.ip({ protocol: 1, source: 0x0a000263, payload: message });
  };

  test("is remembered for the next connection, and forgotten after ten minutes; what we say we take stays", () => {
    const it = station();
    const first = connect(it);
    expect([first.syn.mss, first.longest]).toEqual([1460, 1500]);
    tooBig(it, first.sent.find((frame) => frame.length === 1514)!, 1006);
    expect(Math.max(...it.frames().map((frame) => frame.length - 14))).toBe(1006);
    const second = connect(it);
    expect([second.syn.mss, second.longest]).toEqual([1460, 1006]);
    it.during(601 * SECOND);
    it.arp({ operation: arp.REPLY });
    it.lines();
    expect(connect(it).longest).toBe(1500);
  });

  test("a lie about a segment that is not under way teaches nothing", () => {
    const it = station();
    const { sent } = connect(it);
    const lie = sent.find((frame) => frame.length === 1514)!.slice();
    lie[14 + 20 + 4]! ^= 0x80; // the sequence number
    tooBig(it, lie, 576);
    it.frames();
    expect(it.stack.drops.of("icmp: about no segment under way")).toBe(1);
    expect(connect(it).longest).toBe(1500);
  });

  test("the memory is bounded", () => {
    const ways = new PathMtus();
    for (let i = 0; i < 5000; i++) ways.lower(i, 1000, i);
    expect([ways.size, ways.of(4999, 1500), ways.of(0, 1500)]).toEqual([1024, 1000, 1500]);
    expect([ways.lower(4999, 1200, 0), ways.lower(4999, 900, 0)]).toEqual([false, true]);
  });
});
