/** IPv6 stations on virtual cables: what they say and when, and what they do with nonsense. */
import { describe, expect, test } from "vitest";
import { bare } from "../../../test/network/hand.ts";
import { bytesOf, concat, latin1, MS, Random, SECOND } from "../../base/index.ts";
import { Nic } from "../link/nic.ts";
import { cable, type Port } from "../link/port.ts";
import { Stack, type StackOptions } from "../stack.ts";
import {
  type Address6,
  ALL_NODES,
  ANY6,
  groupMac6,
  isMulticast6,
  linkLocalOf,
  parseAddress6,
  parseNetwork6,
  showAddress6,
  solicitedNode,
} from "../wire/address6.ts";
import * as discovery from "../wire/discovery.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Icmp6Type } from "../wire/icmpv6.ts";
import * as ipv6 from "../wire/ipv6.ts";
import { showFrame } from "../wire/print.ts";
import * as tcp from "../wire/tcp.ts";
import * as udp from "../wire/udp.ts";

const at = (text: string): Address6 => parseAddress6(text)!;
const OUR_MAC = 0x525400000015;
const PEER_MAC = 0x525400000002;
const US = at("fd00::15");
const PEER = at("fd00::2");
const ROUTER = linkLocalOf(PEER_MAC);
const FAR = at("2001:db8::1");

type Hand = ReturnType<typeof station>;

/** A station whose cable ends in the test's hand. */
function station(
  options: Partial<StackOptions> = {},
  how: Parameters<Stack["configure6"]>[1] = {
    addresses: [parseNetwork6("fd00::15/64")!],
    duplicateDetection: 0,
    autoconfigure: false,
  },
) {
  const hand = bare(options, { mac: OUR_MAC });
  const packet = (fields: Partial<ipv6.Ipv6> & { nextHeader: number; payload: Uint8Array }): void => {
    const whole = { trafficClass: 0, flowLabel: 0, hopLimit: 64, source: PEER, destination: US, ...fields };
    const frame = new Uint8Array(14 + ipv6.lengthOf(whole));
    const mac = isMulticast6(whole.destination) ? groupMac6(whole.destination) : OUR_MAC;
    ethernet.writeHeader(frame, mac, PEER_MAC, ethernet.TYPE_IPV6);
    ipv6.write(whole, frame.subarray(14));
    hand.put(frame);
  };
  /** An ICMPv6 message with its checksum. */
  const message = (
    type: number,
    code: number,
    rest: number,
    payload: Uint8Array,
    from = PEER,
    to = US,
  ): void => {
    const bytes = new Uint8Array(8 + payload.length);
    icmpv6.write({ type, code, rest, payload }, from, to, bytes);
    packet({ nextHeader: 58, payload: bytes, source: from, destination: to });
  };
  const discover = (about: discovery.Discovery, from: Address6, to: Address6): void => {
    const bytes = new Uint8Array(discovery.lengthOf(about));
    discovery.write(about, bytes);
    icmpv6.writeChecksum(bytes, bytes.length, from, to);
    packet({ nextHeader: 58, payload: bytes, source: from, destination: to, hopLimit: 255 });
  };
  hand.stack.configure6(0, how);
  hand.lines();
  return Object.assign(hand, { packet, message, discover });
}

/** The peer makes itself known, so that it is answered at once. */
function acquainted(it: Hand): Hand {
  it.discover(
    { type: Icmp6Type.NEIGHBOUR_SOLICITATION, target: US, sourceMac: PEER_MAC, prefixes: [] },
    PEER,
    solicitedNode(US),
  );
  expect(it.lines()).toEqual(["ICMPv6 neighbour advertisement code 0 length 24"]);
  return it;
}

function datagram(text: string | Uint8Array, port = 7, from = PEER, to = US): Uint8Array {
  const payload = typeof text === "string" ? bytesOf(text) : text;
  const bytes = new Uint8Array(8 + payload.length);
  udp.write({ sourcePort: 5000, destinationPort: port, payload }, from, to, bytes);
  return bytes;
}

function fragment(
  offset: number,
  more: boolean,
  next: number,
  data: Uint8Array,
  identification = 9,
): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  ipv6.writeFragmentHeader(bytes, 0, next, { fragmentOffset: offset, moreFragments: more, identification });
  bytes.set(data, 8);
  return bytes;
}

describe("neighbours (RFC 4861)", () => {
  test("a solicitation is answered, and the asker is known, though not for sure", () => {
    const it = acquainted(station());
    expect(it.stack.neighbours6(0)).toEqual([
      { address: PEER, state: "DELAY", mac: PEER_MAC, isRouter: false },
    ]);
  });

  test("INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, and gone, each in its time", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.connect(PEER, 9);
    const state = () => it.stack.neighbours6(0)[0]?.state;
    socket.send(bytesOf("x"));
    expect(it.lines()).toEqual(["ICMPv6 neighbour solicitation code 0 length 24"]);
    expect(state()).toBe("INCOMPLETE");
    const answer: discovery.NeighbourAdvertisement = {
      type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
      target: PEER,
      router: false,
      solicited: true,
      override: true,
      targetMac: PEER_MAC,
      prefixes: [],
    };
    it.discover(answer, PEER, US);
    expect(it.lines()).toEqual(["UDP 56267 > 9 length 1"]);
    expect(state()).toBe("REACHABLE");
    it.now += 50 * SECOND; // longer than any reachable time
    socket.send(bytesOf("x"));
    expect([it.lines().at(-1), state()]).toEqual(["UDP 56267 > 9 length 1", "DELAY"]);
    expect(it.during(4999 * MS)).toEqual([]);
    expect(it.during(9 * SECOND)).toEqual(
      [55, 56, 57].map((second) => `${second}000: ICMPv6 neighbour solicitation code 0 length 24`),
    );
    expect(state()).toBeUndefined();
  });

  test("three questions in vain: the program is told", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.connect(PEER, 9);
    socket.send(bytesOf("x"));
    expect(it.during(10 * SECOND).filter((line) => line.includes("solicitation"))).toHaveLength(3);
    expect(socket.takeError()).toBe("host-unreachable");
  });

  test("an advertisement that may not override makes a reachable entry stale, and one nobody asked for creates none", () => {
    const it = acquainted(station());
    const said: discovery.NeighbourAdvertisement = {
      type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
      target: PEER,
      router: false,
      solicited: true,
      override: false,
      prefixes: [],
    };
    const entry = () => it.stack.neighbours6(0)[0];
    it.discover(said, PEER, US);
    it.lines();
    expect(entry()).toMatchObject({ state: "REACHABLE", mac: PEER_MAC });
    it.discover({ ...said, targetMac: 0x525400000077 }, PEER, US);
    it.lines();
    expect(entry()).toMatchObject({ state: "STALE", mac: PEER_MAC });
    it.discover({ ...said, override: true, targetMac: 0x525400000077, solicited: false }, PEER, ALL_NODES);
    it.lines();
    expect(entry()).toMatchObject({ state: "STALE", mac: 0x525400000077 });
    it.discover({ ...said, target: at("fd00::99"), targetMac: 1 }, PEER, US);
    it.lines();
    expect(it.stack.neighbours6(0)).toHaveLength(1);
  });

  test("what a router passed on, or is not whole, teaches nothing", () => {
    const it = station();
    const bytes = new Uint8Array(32);
    const message = { type: Icmp6Type.NEIGHBOUR_SOLICITATION, target: US, sourceMac: PEER_MAC, prefixes: [] };
    discovery.write(message, bytes);
    icmpv6.writeChecksum(bytes, 32, PEER, US);
    it.packet({ nextHeader: 58, payload: bytes, hopLimit: 254 });
    it.packet({ nextHeader: 44, payload: fragment(0, false, 58, bytes), hopLimit: 255 });
    expect([it.lines(), it.stack.neighbours6(0)]).toEqual([[], []]);
    expect(it.stack.drops.all()).toEqual({ "discovery: fragmented": 1, "discovery: hop limit": 1 });
  });

  test("a flood of neighbours leaves a bounded table", () => {
    const it = station();
    for (let i = 0; i < 3000; i++) {
      const source = at(`fd00::1:${i.toString(16)}`);
      const message = {
        type: Icmp6Type.NEIGHBOUR_SOLICITATION,
        target: US,
        sourceMac: PEER_MAC,
        prefixes: [],
      };
      it.discover(message, source, US);
      if (i % 500 === 0) it.lines();
    }
    it.lines();
    expect(it.stack.neighbours6(0).length).toBe(1024);
  });
});

describe("hostile neighbours", () => {
  test("a flood of router advertisements leaves bounded lists, and the first router stays", () => {
    const it = station({}, { addresses: [parseNetwork6("fd00::15/64")!], duplicateDetection: 0 });
    it.during(5 * SECOND);
    const said = (router: Address6, prefix: string): void =>
      it.discover(
        {
          type: Icmp6Type.ROUTER_ADVERTISEMENT,
          hopLimit: 64,
          managed: false,
          other: false,
          lifetime: 1800,
          reachable: 0,
          retrans: 0,
          prefixes: [
            { prefix: at(prefix), length: 64, onLink: true, autonomous: true, valid: 7200, preferred: 3600 },
          ],
        },
        router,
        ALL_NODES,
      );
    said(ROUTER, "2001:db8:1::");
    for (let i = 1; i <= 5000; i++) {
      said(at(`fe80::1:${i.toString(16)}`), `2001:db8:${i.toString(16)}::`);
      if (i % 500 === 0) it.lines();
    }
    it.during(5 * SECOND);
    expect(it.stack.routers6(0)).toHaveLength(16);
    expect(it.stack.routers6(0)[0]).toBe(ROUTER);
    expect(it.stack.addresses6(0).filter(({ origin }) => origin === "advertised")).toHaveLength(16);
    expect(it.stack.neighbours6(0).length).toBeLessThanOrEqual(1024);
    // All this is forgotten when its time is over.
    it.during(8000 * SECOND);
    expect(it.stack.routers6(0)).toEqual([]);
    expect(it.stack.addresses6(0).filter(({ origin }) => origin === "advertised")).toEqual([]);
  });

  test("advertisements that nobody asked for make no entries", () => {
    const it = station();
    for (let i = 0; i < 2000; i++) {
      const target = at(`fd00::2:${i.toString(16)}`);
      const flags = { router: true, solicited: false, override: true, targetMac: PEER_MAC, prefixes: [] };
      it.discover({ type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT, target, ...flags }, target, ALL_NODES);
      if (i % 500 === 0) it.lines();
    }
    it.lines();
    expect(it.stack.neighbours6(0)).toEqual([]);
  });

  test("packets for ten thousand strangers wait in bounded queues, and are given up", () => {
    const it = station({ forward: true });
    const payload = new Uint8Array(
      udp.lengthOf({ sourcePort: 1, destinationPort: 2, payload: bytesOf("x") }),
    );
    for (let i = 0; i < 10_000; i++) {
      const destination = at(`fd00::3:${i.toString(16)}`);
      udp.write({ sourcePort: 1, destinationPort: 2, payload: bytesOf("x") }, FAR, destination, payload);
      it.packet({ nextHeader: 17, source: FAR, destination, payload: payload.slice(), hopLimit: 9 });
      if (i % 1000 === 0) it.lines();
    }
    it.lines();
    expect(it.stack.neighbours6(0).length).toBeLessThanOrEqual(1024);
    it.during(10 * SECOND);
    expect(it.stack.neighbours6(0).filter(({ state }) => state === "INCOMPLETE")).toEqual([]);
  });

  test("first fragments of fourteen megabytes leave the station alive, and are forgotten after a minute", () => {
    const it = station();
    it.stack.setNeighbour6(0, PEER, PEER_MAC);
    const piece = new Uint8Array(1400);
    for (let i = 0; i < 10_000; i++) {
      it.packet({ nextHeader: 44, payload: fragment(0, true, 59, piece, i) });
      if (i % 1000 === 0) it.lines();
    }
    it.lines();
    // Four megabytes at most are kept: see `MEMORY` of ip/reassembly.ts. Later ones go on being put together.
    const half = new Uint8Array(8);
    const echo = new Uint8Array(16);
    echo[0] = Icmp6Type.ECHO;
    icmpv6.writeChecksum(echo, 16, PEER, US);
    it.packet({ nextHeader: 44, payload: fragment(0, true, 58, echo.subarray(0, 8), 99_999) });
    it.packet({ nextHeader: 44, payload: fragment(8, false, 58, half, 99_999) });
    expect(it.lines().filter((line) => line.includes("echo reply"))).toHaveLength(1);
    it.during(61 * SECOND);
    expect(it.stack.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("segments without sense over IPv6 are told apart from those with", () => {
    const it = station();
    const listener = it.stack.sockets.stream();
    listener.bind(ANY6, 80);
    listener.listen(4);
    const random = new Random(6);
    for (let i = 0; i < 20_000; i++) {
      const payload = Uint8Array.from({ length: random.below(60) }, () => random.below(256));
      if (payload.length >= 20 && random.below(2) === 0) {
        // Its checksum right, everything else by chance.
        payload[12] = (5 + random.below(3)) << 4;
        payload[2] = 0;
        payload[3] = 80;
        payload[16] = payload[17] = 0;
        icmpv6.writeChecksum(payload, payload.length, PEER, US);
      }
      it.packet({ nextHeader: [6, 17, 58, 0, 43, 44, 60][random.below(7)]!, payload });
      if (i % 500 === 0) it.lines();
      it.now += 1000;
    }
    it.lines();
    const socket = listener.accept();
    expect(typeof socket === "string" || socket.available === 0).toBe(true);
    expect(it.stack.connections().length).toBeLessThanOrEqual(1024);
  });
});

describe("addresses (RFC 4862)", () => {
  const states = (it: Hand) =>
    it.stack.addresses6(0).map(({ address, state }) => `${showAddress6(address)} ${state}`);

  test("each is asked for once before it is used, then routers are asked for", () => {
    const it = station({}, { addresses: [parseNetwork6("fd00::15/64")!] });
    expect(states(it)).toEqual(["fe80::5054:ff:fe00:15 tentative", "fd00::15 tentative"]);
    const socket = it.stack.sockets.stream();
    expect(socket.bind(US, 80)).toBe("not-available");
    const said = it.during(20 * SECOND).map((line) => line.split(": ")[1]);
    const count = (part: string) => said.filter((line) => line!.includes(part)).length;
    expect([count("neighbour solicitation"), count("router solicitation")]).toEqual([2, 3]);
    expect(states(it)).toEqual(["fe80::5054:ff:fe00:15 preferred", "fd00::15 preferred"]);
    expect(socket.bind(US, 80)).toBeUndefined();
  });

  test.each([
    [
      "another has it",
      (it: Hand) =>
        it.discover(
          {
            type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
            target: US,
            router: false,
            solicited: false,
            override: true,
            targetMac: PEER_MAC,
            prefixes: [],
          },
          US,
          ALL_NODES,
        ),
    ],
    [
      "another wants it",
      (it: Hand) => it.discover({ ...discovery.bareSolicitation, target: US }, ANY6, solicitedNode(US)),
    ],
  ])("%s: it is never used", (_name, say) => {
    const it = station({}, { addresses: [parseNetwork6("fd00::15/64")!] });
    it.during(1100 * MS);
    say(it);
    it.during(5 * SECOND);
    expect(states(it)[1]).toBe("fd00::15 duplicate");
    expect(it.stack.counters.duplicateAddresses).toBe(1);
  });

  test("a duplicate link-local address ends IPv6 on the card", () => {
    const it = station({}, {});
    const own = linkLocalOf(OUR_MAC);
    it.discover({ ...discovery.bareSolicitation, target: own }, ANY6, solicitedNode(own));
    it.lines();
    expect(states(it)).toEqual(["fe80::5054:ff:fe00:15 duplicate"]);
    it.message(Icmp6Type.ECHO, 0, 1, bytesOf("x"), PEER, own);
    expect([it.lines(), it.stack.drops.of("ip6: not enabled")]).toEqual([[], 1]);
  });

  const advertisement: discovery.RouterAdvertisement = {
    type: Icmp6Type.ROUTER_ADVERTISEMENT,
    hopLimit: 33,
    managed: false,
    other: false,
    lifetime: 100,
    reachable: 0,
    retrans: 0,
    mtu: 1300,
    prefixes: [
      { prefix: at("2001:db8:1::"), length: 64, onLink: true, autonomous: true, valid: 40, preferred: 20 },
    ],
  };

  test("one is made of a prefix, becomes deprecated, then goes; the router too", () => {
    const it = station({}, { duplicateDetection: 0 });
    it.discover(advertisement, ROUTER, ALL_NODES);
    it.lines();
    expect(states(it)[1]).toBe("2001:db8:1:0:5054:ff:fe00:15 preferred");
    expect(it.stack.routers6(0)).toEqual([ROUTER]);
    it.during(21 * SECOND);
    expect(states(it)[1]).toBe("2001:db8:1:0:5054:ff:fe00:15 deprecated");
    it.during(20 * SECOND);
    expect(states(it)).toHaveLength(1);
    expect(it.stack.routers6(0)).toEqual([ROUTER]);
    it.during(60 * SECOND);
    expect(it.stack.routers6(0)).toEqual([]);
    it.discover(advertisement, ROUTER, ALL_NODES);
    it.discover({ ...advertisement, lifetime: 0 }, ROUTER, ALL_NODES);
    it.lines();
    expect(it.stack.routers6(0)).toEqual([]);
  });

  test("a lifetime is not cut below two hours at a stroke", () => {
    const it = station({}, { duplicateDetection: 0 });
    const say = (valid: number) =>
      it.discover(
        { ...advertisement, prefixes: [{ ...advertisement.prefixes[0]!, valid, preferred: 0 }] },
        ROUTER,
        ALL_NODES,
      );
    say(86_400);
    it.lines();
    say(1);
    it.lines();
    expect(it.stack.addresses6(0)[1]!.validUntil).toBe(7200 * SECOND);
  });

  test("not believed: from no link-local address, of another length, valid for less than preferred", () => {
    const it = station({}, { duplicateDetection: 0 });
    it.discover(advertisement, PEER, ALL_NODES);
    const [prefix] = advertisement.prefixes;
    it.discover(
      {
        ...advertisement,
        prefixes: [
          { ...prefix!, length: 60 },
          { ...prefix!, preferred: 41 },
        ],
      },
      ROUTER,
      ALL_NODES,
    );
    it.lines();
    expect(states(it)).toHaveLength(1);
    expect(it.stack.drops.of("discovery: router without link-local address")).toBe(1);
  });

  test("hop limit and MTU are the router's; where it leads, packets go by it", () => {
    const it = station({}, { duplicateDetection: 0 });
    it.discover({ ...advertisement, sourceMac: PEER_MAC }, ROUTER, ALL_NODES);
    it.lines();
    const socket = it.stack.sockets.datagram();
    socket.send(new Uint8Array(2000), { address: FAR, port: 9 });
    const sent = it.frames().filter((frame) => ethernet.destinationOf(frame) === PEER_MAC);
    expect(sent.map((frame) => frame.length - 14)).toEqual([1296, 808]);
    expect(ipv6.read(sent[0]!.subarray(14)).hopLimit).toBe(64); // the socket's own says more
  });
});

describe("which address and which way", () => {
  test("the source is of the destination's scope, not deprecated, and nearest (RFC 6724)", () => {
    const addresses = ["fd00::15/64", "2001:db8:1::15/64", "2001:db8:2::15/64"].map(
      (text) => parseNetwork6(text)!,
    );
    const it = station({}, { addresses, duplicateDetection: 0, gateway: PEER });
    const sourceTo = (to: string): string => {
      const socket = it.stack.sockets.stream();
      socket.connect(at(to), 80);
      return showAddress6(socket.local.address as Address6);
    };
    expect(
      ["fe80::1", "fd00::1", "fd12::1", "2001:db8:2::99", "2001:db8:1:9::1", "::1"].map(sourceTo),
    ).toEqual(["fe80::5054:ff:fe00:15", "fd00::15", "fd00::15", "2001:db8:2::15", "2001:db8:1::15", "::1"]);
  });

  test("without a router nothing is beyond the link", () => {
    expect(station().stack.sockets.stream().connect(FAR, 80)).toBe("network-unreachable");
  });

  test("a redirect from the first hop is followed, from another it is not", () => {
    const it = station(
      {},
      { addresses: [parseNetwork6("fd00::15/64")!], duplicateDetection: 0, gateway: ROUTER },
    );
    const better = at("fe80::77");
    const redirect = {
      type: Icmp6Type.REDIRECT,
      target: better,
      destination: FAR,
      targetMac: 0x77,
      prefixes: [],
    };
    const socket = it.stack.sockets.datagram();
    const sentTo = (): number => {
      socket.send(bytesOf("x"), { address: FAR, port: 9 });
      return ethernet.destinationOf(it.frames().at(-1)!);
    };
    it.discover(redirect, at("fe80::66"), linkLocalOf(OUR_MAC));
    it.lines();
    expect(it.stack.drops.of("discovery: redirect not to be believed")).toBe(1);
    it.discover(redirect, ROUTER, linkLocalOf(OUR_MAC));
    it.lines();
    expect(sentTo()).toBe(0x77);
    expect(it.stack.counters.redirectsSeen).toBe(1);
  });
});

describe("fragments (RFC 8200 4.5)", () => {
  const data = Uint8Array.from({ length: 3000 }, (_, i) => i);
  const receiver = () => {
    const it = acquainted(station());
    const socket = it.stack.sockets.datagram();
    socket.bind(ANY6, 7);
    const got = (): Uint8Array | undefined => {
      it.frames();
      const datagram = socket.receiveDatagram();
      return typeof datagram === "string" ? undefined : datagram.payload;
    };
    return { it, got };
  };
  const whole = datagram(data);
  const pieces = [
    fragment(0, true, 17, whole.subarray(0, 1400)),
    fragment(1400, true, 17, whole.subarray(1400, 2800)),
  ];
  const last = fragment(2800, false, 17, whole.subarray(2800));

  test("in any order, with copies, behind other headers", () => {
    const { it, got } = receiver();
    for (const payload of [last, pieces[1]!, pieces[1]!, pieces[0]!]) it.packet({ nextHeader: 44, payload });
    expect(got()).toEqual(data);
    const option = Uint8Array.of(44, 0, 1, 4, 0, 0, 0, 0);
    for (const payload of [pieces[0]!, pieces[1]!, last])
      it.packet({ nextHeader: 60, payload: concat([option, payload]) });
    expect(got()).toEqual(data);
  });

  test("an atomic fragment is a whole packet, and disturbs no other (RFC 6946)", () => {
    const { it, got } = receiver();
    it.packet({ nextHeader: 44, payload: pieces[0]! });
    it.packet({ nextHeader: 44, payload: fragment(0, false, 17, datagram("alone")) });
    expect(latin1(got()!)).toBe("alone");
    for (const payload of [pieces[1]!, last]) it.packet({ nextHeader: 44, payload });
    expect(got()).toEqual(data);
  });

  test("what overlaps is dropped with all that belongs to it (RFC 5722)", () => {
    const { it, got } = receiver();
    for (const payload of [pieces[0]!, fragment(1472, true, 17, new Uint8Array(8)), pieces[1]!, last])
      it.packet({ nextHeader: 44, payload });
    expect(got()).toBeUndefined();
    expect(it.stack.drops.of("ip6: fragments overlap")).toBe(1);
  });

  test.each([
    [
      "of odd length",
      fragment(0, true, 17, new Uint8Array(9)),
      "ICMPv6 parameter problem code 0 4 length 57",
    ],
    [
      "too long",
      fragment(65528, false, 17, new Uint8Array(9)),
      "ICMPv6 parameter problem code 0 42 length 57",
    ],
    [
      "without the header it carries",
      fragment(0, true, 6, new Uint8Array(16)),
      "ICMPv6 parameter problem code 3 0 length 64",
    ],
  ])("one %s is told of", (_name, payload, line) => {
    const { it } = receiver();
    it.packet({ nextHeader: 44, payload });
    expect(it.lines()).toEqual([line]);
  });

  test("after a minute the sender of the first is told that the rest is missing", () => {
    const { it } = receiver();
    it.packet({ nextHeader: 44, payload: pieces[0]! });
    it.packet({ nextHeader: 44, payload: fragment(8, true, 17, new Uint8Array(8), 10) });
    it.during(59 * SECOND);
    acquainted(it);
    const said = it.during(2 * SECOND);
    expect(said).toEqual(["60000: ICMPv6 time exceeded code 1 0 length 1232"]);
  });
});

describe("errors (RFC 4443)", () => {
  test.each([
    ["a port nobody has", { nextHeader: 17, payload: datagram("x") }, "ICMPv6 unreachable code 4 length 49"],
    [
      "an unknown protocol",
      { nextHeader: 200, payload: bytesOf("x") },
      "ICMPv6 parameter problem code 1 6 length 41",
    ],
    [
      "one behind a header",
      { nextHeader: 60, payload: Uint8Array.of(200, 0, 1, 4, 0, 0, 0, 0) },
      "ICMPv6 parameter problem code 1 40 length 48",
    ],
    [
      "an option that must be known",
      { nextHeader: 60, payload: Uint8Array.of(17, 0, 0xc1, 4, 0, 0, 0, 0) },
      "ICMPv6 parameter problem code 2 42 length 48",
    ],
  ])("%s", (_name, packet, line) => {
    const it = acquainted(station());
    it.packet(packet);
    expect(it.lines()).toEqual([line]);
  });

  test("none about an error, to a group, from nobody, or without end", () => {
    const it = acquainted(station());
    const error = new Uint8Array(60);
    icmpv6.write({ type: 1, code: 4, rest: 0, payload: new Uint8Array(40) }, PEER, US, error);
    it.packet({ nextHeader: 60, payload: concat([Uint8Array.of(58, 0, 0xc1, 4, 0, 0, 0, 0), error]) });
    it.packet({ nextHeader: 17, payload: datagram("x", 7, PEER, ALL_NODES), destination: ALL_NODES });
    it.packet({ nextHeader: 200, payload: bytesOf("x"), source: ANY6 });
    // The two kinds that are told even so
    const option = Uint8Array.of(17, 0, 0x81, 4, 0, 0, 0, 0);
    it.packet({ nextHeader: 60, payload: option, destination: ALL_NODES });
    expect(it.lines()).toEqual(["ICMPv6 parameter problem code 2 42 length 48"]);
    for (let i = 0; i < 200; i++) it.packet({ nextHeader: 17, payload: datagram("x") });
    expect(it.lines().length).toBeLessThanOrEqual(50);
    expect(it.stack.drops.of("icmp: too many errors")).toBeGreaterThan(100);
  });

  test("an error about a packet of ours reaches its program, of another's nobody", () => {
    const it = acquainted(station());
    const socket = it.stack.sockets.datagram();
    socket.connect(PEER, 9);
    socket.send(bytesOf("x"));
    const sent = it.frames()[0]!.subarray(14);
    it.message(Icmp6Type.UNREACHABLE, 1, 0, sent);
    it.lines();
    expect(socket.takeError()).toBe("prohibited");
    const other = sent.slice();
    other[23]! ^= 1;
    it.message(Icmp6Type.UNREACHABLE, 1, 0, other);
    it.message(Icmp6Type.UNREACHABLE, 1, 0, sent.subarray(0, 44));
    it.lines();
    expect(socket.error).toBeUndefined();
    expect(it.stack.drops.all()).toMatchObject({
      "icmp: about nothing of ours": 1,
      "icmp: quotation too short": 1,
    });
  });

  test("without the MSS option a peer takes 1220 over IPv6", () => {
    const it = acquainted(station());
    const socket = it.stack.sockets.stream();
    socket.connect(PEER, 80);
    const syn = tcp.read(ipv6.read(it.frames()[0]!.subarray(14)).payload);
    const answer = { ...tcp.emptySegment, sourcePort: 80, destinationPort: syn.sourcePort, window: 8000 };
    const bytes = new Uint8Array(20);
    tcp.write({ ...answer, flags: tcp.SYN | tcp.ACK, seq: 1, ack: syn.seq + 1 }, PEER, US, bytes);
    it.packet({ nextHeader: 6, payload: bytes });
    it.frames();
    socket.send(new Uint8Array(3000));
    const lengths = it
      .frames()
      .map((frame) => tcp.read(ipv6.read(frame.subarray(14)).payload).payload.length);
    expect(lengths[0]).toBe(1220);
  });

  test("TCP learns what the path takes, remembers it for the next, and forgets it after ten minutes (RFC 8201)", () => {
    const it = acquainted(station());
    const connect = () => {
      const socket = it.stack.sockets.stream();
      socket.connect(PEER, 80);
      const syn = tcp.read(ipv6.read(it.frames()[0]!.subarray(14)).payload);
      const answer = { ...tcp.emptySegment, sourcePort: 80, destinationPort: syn.sourcePort };
      const say = (segment: Partial<tcp.Segment>): void => {
        const whole = { ...answer, window: 60_000, ...segment };
        const bytes = new Uint8Array(tcp.lengthOf(whole));
        tcp.write(whole, PEER, US, bytes);
        it.packet({ nextHeader: 6, payload: bytes });
      };
      say({ flags: tcp.SYN | tcp.ACK, seq: 1, ack: syn.seq + 1, mss: 1440 });
      socket.send(new Uint8Array(5000));
      const sent = it.frames();
      return { syn, say, sent, longest: Math.max(...sent.map((frame) => frame.length - 14)) };
    };
    const first = connect();
    expect([first.syn.mss, first.longest]).toEqual([1440, 1500]);
    const big = first.sent.find((frame) => frame.length === 1514)!;
    it.message(Icmp6Type.TOO_BIG, 0, 1400, big.subarray(14, 14 + 1232));
    const again = it.frames();
    expect(Math.max(...again.map((frame) => frame.length - 14))).toBe(1400);
    const second = connect();
    expect([second.syn.mss, second.longest]).toEqual([1440, 1400]); // what we take does not change
    // Less than every link takes is taken for that; a lie about a segment not under way for nothing.
    it.message(Icmp6Type.TOO_BIG, 0, 100, second.sent.at(-1)!.subarray(14));
    it.frames();
    expect(connect().longest).toBe(1280);
    it.message(Icmp6Type.TOO_BIG, 0, 100, big.subarray(14, 60).fill(7, 44, 46));
    it.frames();
    it.during(601 * SECOND);
    acquainted(it);
    expect(connect().longest).toBe(1500);
  });
});

describe("groups (RFC 2710)", () => {
  const GROUP = at("ff05::1234");

  test("joined: reported twice, received, and left", () => {
    const it = station();
    it.during(20 * SECOND); // the group of our own addresses
    const socket = it.stack.sockets.datagram();
    socket.bind(ANY6, 7);
    const say = () => {
      it.packet({ nextHeader: 17, payload: datagram("to all", 7, PEER, GROUP), destination: GROUP });
      it.lines();
      return socket.available;
    };
    expect(say()).toBe(0);
    expect(socket.join(GROUP)).toBeUndefined();
    const reports = it.during(11 * SECOND).filter((line) => line.includes("report"));
    expect(reports.map((line) => line.split(": ")[1])).toEqual(
      Array(2).fill("ICMPv6 listener report code 0 length 16"),
    );
    expect(say()).toBe(6);
    expect(socket.leave(GROUP)).toBeUndefined();
    expect(it.lines()).toEqual(["ICMPv6 listener done code 0 length 16"]);
    socket.receive(new Uint8Array(9));
    expect(say()).toBe(0);
    expect([socket.join(US), socket.join(GROUP, 7), socket.leave(GROUP)]).toEqual([
      "invalid",
      "not-available",
      "not-available",
    ]);
  });

  test("a query is answered within its time, unless another answers first; then leaving is not told", () => {
    const it = acquainted(station());
    it.during(20 * SECOND); // what is in us by our addresses is reported
    const socket = it.stack.sockets.datagram();
    socket.join(GROUP);
    it.during(20 * SECOND);
    const mld = (type: number, group: Address6, to: Address6): void => {
      const bytes = new Uint8Array(24);
      bytes[0] = type;
      bytes[4] = 0x03; // a second and a bit
      bytes[5] = 0xe8;
      for (let i = 0; i < 8; i++) {
        bytes[8 + 2 * i] = group.charCodeAt(i) >>> 8;
        bytes[9 + 2 * i] = group.charCodeAt(i) & 255;
      }
      icmpv6.writeChecksum(bytes, 24, ROUTER, to);
      it.packet({ nextHeader: 58, payload: bytes, source: ROUTER, destination: to, hopLimit: 1 });
    };
    mld(Icmp6Type.LISTENER_QUERY, ANY6, ALL_NODES);
    expect(it.during(1001 * MS).length).toBe(2); // the solicited-node group of both addresses, and this one
    mld(Icmp6Type.LISTENER_QUERY, GROUP, GROUP);
    mld(Icmp6Type.LISTENER_REPORT, GROUP, GROUP);
    expect(it.during(2 * SECOND)).toEqual([]);
    socket.leave(GROUP);
    expect(it.lines()).toEqual([]);
  });

  test("who sends to his own group hears it, once", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(ANY6, 7);
    socket.join(GROUP);
    socket.send(bytesOf("myself"), { address: GROUP, port: 7 });
    const sent = it.frames().filter((frame) => ipv6.read(frame.subarray(14)).nextHeader === 17);
    expect(
      sent.map((frame) => [ethernet.destinationOf(frame), ipv6.read(frame.subarray(14)).hopLimit]),
    ).toEqual([[0x333300001234, 1]]);
    const got = socket.receiveDatagram();
    expect(
      typeof got !== "string" && [latin1(got.payload), showAddress6(got.from.address as Address6)],
    ).toEqual(["myself", "fd00::15"]);
    expect(socket.receiveDatagram()).toBe("would-block");
  });
});

describe("a router between two links", () => {
  function link(): { router: Stack; left: Port; right: Port; pass(frame: Uint8Array): string[] } {
    const [a, left] = cable();
    const [b, right] = cable();
    const router = new Stack({
      nics: [new Nic({ port: a, mac: OUR_MAC }), new Nic({ port: b, mac: 0x525400000016, mtu: 1300 })],
      random: new Random(1),
      forward: true,
    });
    const configure = (index: number, text: string): void =>
      router.configure6(index, {
        addresses: [parseNetwork6(text)!],
        duplicateDetection: 0,
        autoconfigure: false,
      });
    configure(0, "fd00::15/64");
    configure(1, "fd01::15/64");
    const drain = (port: Port): string[] => {
      const lines: string[] = [];
      for (let frame = port.receive(); frame; frame = port.receive())
        lines.push(showFrame(frame).split(" | ").slice(1).join(" | "));
      return lines;
    };
    const pass = (frame: Uint8Array): string[] => {
      left.send(frame);
      while (router.poll(0)) {}
      return [...drain(left), ...drain(right)].filter((line) => !line.includes("listener"));
    };
    while (router.poll(0)) {}
    pass(solicitation());
    drain(left);
    drain(right);
    return { router, left, right, pass };
  }
  const solicitation = (): Uint8Array => {
    const message = { type: Icmp6Type.NEIGHBOUR_SOLICITATION, target: US, sourceMac: PEER_MAC, prefixes: [] };
    const bytes = new Uint8Array(discovery.lengthOf(message));
    discovery.write(message, bytes);
    icmpv6.writeChecksum(bytes, bytes.length, PEER, US);
    return frameOf({ nextHeader: 58, payload: bytes, destination: US, hopLimit: 255 });
  };
  const frameOf = (fields: Partial<ipv6.Ipv6>): Uint8Array => {
    const packet: ipv6.Ipv6 = {
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 64,
      source: PEER,
      destination: at("fd01::7"),
      nextHeader: 17,
      payload: datagram("x", 7, PEER, at("fd01::7")),
      ...fields,
    };
    const frame = new Uint8Array(14 + ipv6.lengthOf(packet));
    ethernet.writeHeader(frame, OUR_MAC, PEER_MAC, ethernet.TYPE_IPV6);
    ipv6.write(packet, frame.subarray(14));
    return frame;
  };

  test("a packet goes on with one hop less, when the neighbour is known", () => {
    const { router, pass, right } = link();
    expect(pass(frameOf({}))).toEqual([
      "IPv6 fd01::15 > ff02::1:ff00:7 next 58 hops 255 length 32 | ICMPv6 neighbour solicitation code 0 length 24",
    ]);
    const message: discovery.NeighbourAdvertisement = {
      type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
      target: at("fd01::7"),
      router: false,
      solicited: true,
      override: true,
      targetMac: 0x7777,
      prefixes: [],
    };
    const bytes = new Uint8Array(discovery.lengthOf(message));
    discovery.write(message, bytes);
    icmpv6.writeChecksum(bytes, bytes.length, at("fd01::7"), at("fd01::15"));
    const frame = frameOf({
      nextHeader: 58,
      payload: bytes,
      source: at("fd01::7"),
      destination: at("fd01::15"),
      hopLimit: 255,
    });
    ethernet.writeHeader(frame, 0x525400000016, 0x7777, ethernet.TYPE_IPV6);
    right.send(frame);
    while (router.poll(0)) {}
    expect(showFrame(right.receive()!)).toContain("IPv6 fd00::2 > fd01::7 next 17 hops 63 length 9");
    expect(router.counters.ip6Forwarded).toBe(1);
  });

  test.each([
    ["its last hop", { hopLimit: 1 }, "ICMPv6 time exceeded code 0 0 length 49"],
    ["no route", { destination: FAR }, "ICMPv6 unreachable code 0 length 49"],
    ["too big", { payload: new Uint8Array(1261) }, "ICMPv6 too big code 0 1300 length 1232"],
    ["from this link only", { source: ROUTER }, "ICMPv6 unreachable code 2 length 49"],
  ] as const)("%s", (_name, fields, line) => {
    const { pass } = link();
    const said = pass(frameOf(fields));
    // The link-local sender is not known yet, so he is asked for first.
    if (_name === "from this link only") expect(said[0]).toContain("neighbour solicitation");
    else expect(said[0]!.split(" | ").at(-1)).toBe(line);
  });

  test("link-local destinations stay where they are", () => {
    const { router, pass } = link();
    expect(pass(frameOf({ destination: at("fe80::99") }))).toEqual([]);
    expect(router.drops.of("ip6: not beyond the link")).toBe(1);
  });
});

test("no packet, however wrong, does harm or makes us keep much", () => {
  const random = new Random(7);
  const it = acquainted(station());
  const listener = it.stack.sockets.stream();
  listener.bind(ANY6, 80);
  listener.listen(4);
  const good: Uint8Array[] = [
    datagram("hello"),
    fragment(0, true, 17, datagram(new Uint8Array(100)).subarray(0, 104)),
    concat([Uint8Array.of(44, 0, 1, 4, 0, 0, 0, 0), fragment(104, false, 17, new Uint8Array(4))]),
  ];
  for (let i = 0; i < 30_000; i++) {
    const payload = good[random.below(good.length)]!.slice();
    for (let changes = random.below(4); changes > 0; changes--)
      payload[random.below(payload.length)] = random.below(256);
    const nextHeader = [0, 6, 17, 43, 44, 58, 60][random.below(7)]!;
    if (nextHeader === 58 && payload.length >= 24) {
      payload[0] = 128 + random.below(10);
      payload[1] = 0;
      icmpv6.writeChecksum(payload, payload.length, PEER, US);
    }
    it.packet({ nextHeader, payload, hopLimit: random.below(2) ? 255 : 1 });
    it.now += 1000;
    if (i % 100 === 0) it.frames();
  }
  it.frames();
  expect(it.stack.neighbours6(0).length).toBeLessThanOrEqual(1024);
  expect(it.stack.connections().length).toBeLessThanOrEqual(4);
  const message = { type: Icmp6Type.NEIGHBOUR_SOLICITATION, target: US, sourceMac: PEER_MAC, prefixes: [] };
  it.discover(message, PEER, solicitedNode(US));
  it.message(Icmp6Type.ECHO, 0, 0x10002, bytesOf("still here"));
  expect(it.lines().at(-1)).toBe("ICMPv6 echo reply id 1 seq 2 length 10");
});
