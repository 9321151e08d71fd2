/** Each format taken apart and put together again: the very same bytes, written as hexadecimal with field names. */
import { describe, expect, test } from "vitest";
import { Random } from "../../base/index.ts";
import {
  isGroupMac,
  isMulticast,
  maskOf,
  parseAddress,
  parseMac,
  parseNetwork,
  parseOwnAddress,
  showAddress,
  showMac,
} from "./address.ts";
import * as arp from "./arp.ts";
import { finish, pseudoHeader, sum } from "./checksum.ts";
import * as ethernet from "./ethernet.ts";
import * as icmp from "./icmp.ts";
import * as ipv4 from "./ipv4.ts";
import { showFrame } from "./print.ts";
import * as tcp from "./tcp.ts";
import * as udp from "./udp.ts";

/** Hexadecimal, with names in front of colons and spaces between for the reader. */
function bytes(text: string): Uint8Array {
  const digits = text.replace(/[a-z-]+:/g, " ").replace(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const SOURCE = 0x0a00020f;
const DESTINATION = 0x0a000202;

describe("addresses", () => {
  test("are numbers, and text for people", () => {
    expect(parseAddress("10.0.2.15")).toBe(SOURCE);
    expect(showAddress(0xffffffff)).toBe("255.255.255.255");
    for (const wrong of [
      "10.0.2",
      "10.0.2.256",
      "10.0.2.015",
      "10.0.2.1.1",
      "",
      "a.b.c.d",
      "1..2.3",
      " 1.2.3.4",
    ]) {
      expect(parseAddress(wrong)).toBeUndefined();
    }
    expect(parseNetwork("10.0.2.2/24")).toEqual({ address: DESTINATION, mask: 0xffffff00 });
    for (const wrong of ["10.0.2.2", "10.0.2.2/33", "10.0.2.2/", "/24"])
      expect(parseNetwork(wrong)).toBeUndefined();
    expect([maskOf(0), maskOf(1), maskOf(32)]).toEqual([0, 0x80000000, 0xffffffff]);
    expect(parseMac("52:54:00:12:34:56")).toBe(0x525400123456);
    expect(parseMac("52-54-00-12-34-5G")).toBeUndefined();
    expect(showMac(0x0000000000ff)).toBe("00:00:00:00:00:ff");
    expect([isGroupMac(0xffffffffffff), isGroupMac(0x01005e000001), isGroupMac(0x525400123456)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([isMulticast(0xe0000001), isMulticast(0xf0000000), isMulticast(SOURCE)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test.each([
  ["10.0.2.15/24", true],
  ["10.0.2.0/24", false],
  ["10.0.2.255/24", false],
  ["10.0.2.255/16", true],
  ["10.0.2.0/31", true],
  ["10.0.2.255/32", true],
  ["0.0.0.1/24", false],
  ["127.0.0.2/8", false],
  ["223.255.255.254/24", true],
  ["224.0.0.1/24", false],
  ["10.0.2.15", false],
])("%s may be a card's own: %s", (text, may) => {
  expect(parseOwnAddress(text) !== undefined).toBe(may);
});

describe("checksum", () => {
  test("of the example of RFC 1071 section 3", () => {
    const example = bytes("00 01 f2 03 f4 f5 f6 f7");
    expect(sum(example, 0, 8)).toBe(0x2ddf0);
    expect(finish(0x2ddf0)).toBe(0x220d);
  });

  test("is the same by any way of adding, at any alignment and length", () => {
    const random = new Random(3);
    const memory = Uint8Array.from({ length: 400 }, () => random.below(256));
    for (let from = 0; from < 9; from++) {
      for (let length = 0; length < 300; length += 7) {
        let plain = 0;
        for (let i = 0; i < length; i++) plain += memory[from + i]! * (i % 2 === 0 ? 256 : 1);
        expect(finish(sum(memory, from, from + length))).toBe(finish(plain));
      }
    }
  });

  test("does not overflow on the largest packet of ones", () => {
    const ones = new Uint8Array(65535).fill(255);
    expect(finish(sum(ones, 0, 65535))).toBe(0xff);
  });
});

describe("Ethernet", () => {
  const frame = bytes("destination: 525400000002 source: 52540000000f type: 0800 payload: 0102030405");

  test("apart and together", () => {
    const record = ethernet.read(frame);
    expect(record).toEqual({
      destination: 0x525400000002,
      source: 0x52540000000f,
      type: 0x0800,
      payload: Uint8Array.of(1, 2, 3, 4, 5),
    });
    const again = new Uint8Array(ethernet.lengthOf(record));
    ethernet.write(record, again);
    expect(again).toEqual(frame);
  });

  test("shorter than a header", () => {
    expect(ethernet.check(frame.subarray(0, 13))).toBe("short");
    expect(ethernet.check(frame.subarray(0, 14))).toBeUndefined();
  });

  test("802.3 is told apart", () => {
    expect(ethernet.show(bytes("ffffffffffff 52540000000f 0026 424203"))).toBe(
      "Ethernet 52:54:00:00:00:0f > ff:ff:ff:ff:ff:ff 802.3 length 38 LLC 42 < 42 control 03 (spanning tree)",
    );
    expect(ethernet.show(bytes("ffffffffffff 52540000000f 0026 ffff0026"))).toContain("NetWare without LLC");
    expect(ethernet.show(bytes("ffffffffffff 52540000000f 0008 aaaa0300000c2000"))).toContain(
      "802.3 length 8 SNAP 00000c type 2000",
    );
  });

  test("what RFC 1042 puts into an 802.3 frame is found", () => {
    const frame = bytes("ffffffffffff 52540000000f 000a aaaa0300000008064142 00000000");
    expect(ethernet.encapsulated(frame)).toEqual({ type: 0x0806, payload: bytes("4142") });
    for (const other of ["aaaa0300000c08064142", "aaaa0300", "424203000000080641"])
      expect(ethernet.encapsulated(bytes(`ffffffffffff 52540000000f 000a ${other}`)), other).toBeUndefined();
  });
});

describe("ARP", () => {
  const request = bytes(`hardware: 0001 protocol: 0800 lengths: 06 04 operation: 0001
    sender-mac: 52540000000f sender: 0a00020f target-mac: 000000000000 target: 0a000202`);

  test("apart and together", () => {
    expect(arp.check(request)).toBeUndefined();
    const record = arp.read(request);
    expect(record).toEqual({
      operation: arp.REQUEST,
      senderMac: 0x52540000000f,
      senderAddress: SOURCE,
      targetMac: 0,
      targetAddress: DESTINATION,
    });
    const again = new Uint8Array(arp.lengthOf(record));
    arp.write(record, again);
    expect(again).toEqual(request);
  });

  test("padding behind it does not matter, a byte less does", () => {
    expect(arp.check(new Uint8Array([...request, ...new Uint8Array(18)]))).toBeUndefined();
    expect(arp.check(request.subarray(0, 27))).toBe("short");
  });

  test.each([0, 1, 2, 3, 4, 5])("byte %i decides whether it is Ethernet and IPv4", (index) => {
    const other = request.slice();
    other[index]! ^= 1;
    expect(arp.check(other)).toBe("not Ethernet and IPv4");
  });

  test.each([
    [request, "ARP who has 10.0.2.2? tell 10.0.2.15"],
    [
      bytes("0001080006040002 525400000002 0a000202 52540000000f 0a00020f"),
      "ARP 10.0.2.2 is at 52:54:00:00:00:02",
    ],
    [bytes("0001080006040001 525400000002 00000000 000000000000 0a00020f"), "ARP who has 10.0.2.15? (probe)"],
    [
      bytes("0001080006040001 525400000002 0a000202 000000000000 0a000202"),
      "ARP announces 10.0.2.2 at 52:54:00:00:00:02",
    ],
  ])("printed", (packet, line) => {
    expect(arp.show(packet)).toBe(line);
  });
});

describe("IPv4", () => {
  const packet = bytes(`version-and-length: 46 tos: 10 total: 001c identification: 1234 fragment: 2001
    ttl: 40 protocol: 11 checksum: 9b77 source: 0a00020f destination: 0a000202 options: 94040000 payload: deadbeef`);

  test("apart and together", () => {
    expect(ipv4.check(packet)).toBeUndefined();
    const record = ipv4.read(packet);
    expect(record).toEqual({
      tos: 0x10,
      identification: 0x1234,
      dontFragment: false,
      moreFragments: true,
      fragmentOffset: 8,
      ttl: 64,
      protocol: 17,
      source: SOURCE,
      destination: DESTINATION,
      options: bytes("94040000"),
      payload: bytes("deadbeef"),
    });
    const again = new Uint8Array(ipv4.lengthOf(record));
    ipv4.write(record, again);
    expect(again).toEqual(packet);
  });

  test("what a frame has behind the packet does not belong to it", () => {
    expect(ipv4.read(new Uint8Array([...packet, 0, 0, 0])).payload).toEqual(bytes("deadbeef"));
  });

  const changed = (index: number, value: number, fix = true): Uint8Array => {
    const other = packet.slice();
    other[index] = value;
    if (!fix) return other;
    other[10] = other[11] = 0;
    const right = finish(sum(other, 0, 24));
    other[10] = right >>> 8;
    other[11] = right;
    return other;
  };

  test.each([
    ["short", packet.subarray(0, 19)],
    ["version", changed(0, 0x66)],
    ["header length", changed(0, 0x44)],
    ["header length", changed(0, 0x4f)],
    ["total length", changed(3, 23)],
    ["total length", changed(3, 29)],
    ["checksum", changed(8, 63, false)],
    ["options", changed(21, 1)],
    ["options", changed(21, 5)],
  ] as const)("%s", (reason, wrong) => {
    expect(ipv4.check(wrong)).toBe(reason);
  });
});

describe("ICMP", () => {
  test("apart and together", () => {
    const echo = bytes("type: 08 code: 00 checksum: 6188 id: 1234 sequence: 0001 data: 414243");
    expect(icmp.check(echo)).toBeUndefined();
    const record = icmp.read(echo);
    const again = new Uint8Array(icmp.lengthOf(record));
    icmp.write(record, again);
    expect(again).toEqual(echo);
    again[8]! ^= 1;
    expect(icmp.check(again)).toBe("checksum");
    expect(icmp.check(again.subarray(0, 7))).toBe("short");
    again[8]! ^= 1;
    expect(record).toEqual({ type: 8, code: 0, rest: 0x12340001, payload: bytes("414243") });
    expect(icmp.show(again)).toBe("ICMP echo id 4660 seq 1 length 3");
  });
});

describe("UDP", () => {
  const datagram = bytes("source: c000 destination: 0007 length: 000d checksum: 0000 data: 68656c6c6f");

  test("apart and together", () => {
    const record = udp.read(datagram);
    expect(record).toEqual({ sourcePort: 0xc000, destinationPort: 7, payload: bytes("68656c6c6f") });
    const again = new Uint8Array(udp.lengthOf(record));
    udp.write(record, SOURCE, DESTINATION, again);
    expect(udp.check(again, SOURCE, DESTINATION)).toBeUndefined();
    expect(udp.check(again, SOURCE + 1, DESTINATION)).toBe("checksum");
    again[6] = again[7] = 0;
    expect(again).toEqual(datagram);
  });

  test("a checksum of zero is none, and is never computed", () => {
    expect(udp.check(datagram, SOURCE, DESTINATION)).toBeUndefined();
    // The sum of everything else is made ffff by the last two bytes, so that the field would be 0.
    const total = pseudoHeader(SOURCE, DESTINATION, 17, 10) + 1 + 2 + 10;
    const payload = Uint8Array.of(finish(total) >>> 8, finish(total) & 255);
    const written = new Uint8Array(10);
    udp.write({ sourcePort: 1, destinationPort: 2, payload }, SOURCE, DESTINATION, written);
    expect([written[6], written[7]]).toEqual([0xff, 0xff]);
    expect(udp.check(written, SOURCE, DESTINATION)).toBeUndefined();
  });

  test.each([
    ["short", datagram.subarray(0, 7)],
    ["length", Uint8Array.from(datagram, (byte, i) => (i === 5 ? 7 : byte))],
    ["length", Uint8Array.from(datagram, (byte, i) => (i === 5 ? 14 : byte))],
  ])("%s", (reason, wrong) => {
    expect(udp.check(wrong, SOURCE, DESTINATION)).toBe(reason);
  });
});

describe("TCP", () => {
  const rows: [string, string, Partial<tcp.Segment>][] = [
    [
      "SYN with all its options",
      `source: c000 destination: 0050 seq: 00000064 ack: 00000000 offset: a0 flags: 02 window: ffff
       checksum: 0000 urgent: 0000 mss: 020405b4 sack-permitted: 0402 timestamps: 080a 00000001 00000000
       scale: 01 030307`,
      {
        seq: 100,
        flags: tcp.SYN,
        window: 65535,
        mss: 1460,
        sackPermitted: true,
        timestamps: true,
        tsVal: 1,
        scale: 7,
      },
    ],
    [
      "SYN without timestamps",
      `c000 0050 00000064 00000000 80 02 ffff 0000 0000 mss: 020405b4 nops: 0101 sack-permitted: 0402 nop: 01 scale: 030300`,
      { seq: 100, flags: tcp.SYN, window: 65535, mss: 1460, sackPermitted: true, scale: 0 },
    ],
    [
      "SYN that asks for a Fast Open cookie",
      "c000 0050 00000064 00000000 70 02 ffff 0000 0000 mss: 020405b4 fast-open: 2202 nops: 0101",
      {
        seq: 100,
        flags: tcp.SYN,
        window: 65535,
        mss: 1460,
        fastOpen: { cookie: new Uint8Array(0), experimental: false },
      },
    ],
    [
      "SYN with a Fast Open cookie in the experimental option, and data",
      "c000 0050 00000064 00000000 90 02 ffff 0000 0000 mss: 020405b4 fast-open: fe0af989 010203040506 nops: 0101 data: 61",
      {
        seq: 100,
        flags: tcp.SYN,
        window: 65535,
        mss: 1460,
        fastOpen: { cookie: bytes("010203040506"), experimental: true },
        payload: bytes("61"),
      },
    ],
    [
      "ACK with three SACK blocks and timestamps",
      `c000 0050 00000064 000000c8 f0 10 1000 0000 0000 nops: 0101 timestamps: 080a 00000005 00000006
       nops: 0101 sack: 051a 00000100 00000200 00000300 00000400 fffffff0 00000010`,
      {
        seq: 100,
        ack: 200,
        flags: tcp.ACK,
        window: 4096,
        timestamps: true,
        tsVal: 5,
        tsEcr: 6,
        sack: [0x100, 0x200, 0x300, 0x400, 0xfffffff0, 0x10],
      },
    ],
    [
      "data",
      "c000 0050 ffffffff 00000001 50 38 0000 0000 0003 data: 616263",
      {
        seq: 0xffffffff,
        ack: 1,
        flags: tcp.ACK | tcp.PSH | tcp.URG,
        urgent: 3,
        payload: bytes("616263"),
      },
    ],
  ];

  test.each(rows)("apart and together: %s", (_name, hex, fields) => {
    const segment = bytes(hex);
    const record = tcp.read(segment);
    expect(record).toEqual({ ...tcp.emptySegment, sourcePort: 0xc000, destinationPort: 80, ...fields });
    const again = new Uint8Array(tcp.lengthOf(record));
    tcp.write(record, SOURCE, DESTINATION, again);
    expect(tcp.check(again, SOURCE, DESTINATION)).toBeUndefined();
    again[16] = again[17] = 0;
    expect(again).toEqual(segment);
  });

  test("sequence numbers taken by SYN and FIN", () => {
    const length = (flags: number, payload = "") =>
      tcp.sequenceLength({ ...tcp.emptySegment, flags, payload: bytes(payload) });
    expect([
      length(0),
      length(tcp.SYN),
      length(tcp.FIN),
      length(tcp.SYN | tcp.FIN, "00"),
      length(tcp.ACK),
    ]).toEqual([0, 1, 1, 3, 0]);
  });

  const withOptions = (options: string): Uint8Array => {
    const tail = bytes(options);
    return new Uint8Array([
      ...bytes(`c000 0050 00000064 00000000 ${((5 + tail.length / 4) << 4).toString(16)} 02 ffff 0000 0000`),
      ...tail,
    ]);
  };
  const sealed = (segment: Uint8Array): Uint8Array => {
    const copy = segment.slice();
    const right = finish(pseudoHeader(SOURCE, DESTINATION, 6, copy.length) + sum(copy, 0, copy.length));
    copy[16] = right >>> 8;
    copy[17] = right;
    return copy;
  };

  test.each([
    ["a length of 0", "02000000"],
    ["a length of 1", "02010000"],
    ["a length that leads out of the header", "02050000"],
    ["a kind without a length at the end", "01010102"],
  ])("illegal options: %s", (_name, options) => {
    expect(tcp.check(sealed(withOptions(options)), SOURCE, DESTINATION)).toBe("options");
  });

  test.each([
    ["an unknown kind", "fe040102 020405b4"],
    ["MSS of a wrong length first", "02030001 020405b4"],
    ["nothing behind the end", "020405b4 00ffffff"],
  ])("odd options are passed over: %s", (_name, options) => {
    const segment = sealed(withOptions(options));
    expect(tcp.check(segment, SOURCE, DESTINATION)).toBeUndefined();
    expect(tcp.read(segment).mss).toBe(1460);
  });

  test.each(["2204 0102", "2205 010203 01", "2214 0102030405060708090a0b0c0d0e0f101112", "fe04 f988"])(
    "a cookie of an impossible length is none, and another experiment is not ours: %s",
    (options) => expect(tcp.read(withOptions(options)).fastOpen).toBeUndefined(),
  );

  test("a scale of more than 14 is 14 (RFC 7323 2.3)", () => {
    expect(tcp.read(withOptions("01 0303ff")).scale).toBe(14);
  });

  test.each([
    ["short", bytes("c000 0050 00000064 00000000 50 02 ffff 0000 00")],
    ["data offset", bytes("c000 0050 00000064 00000000 40 02 ffff 0000 0000")],
    ["data offset", bytes("c000 0050 00000064 00000000 60 02 ffff 0000 0000")],
    ["checksum", bytes("c000 0050 00000064 00000000 50 02 ffff 0000 0000")],
  ])("%s", (reason, wrong) => {
    expect(tcp.check(wrong, SOURCE, DESTINATION)).toBe(reason);
  });
});

test("any bytes can be printed, and what passes its check can be written back the same", () => {
  const random = new Random(11);
  const shapes = [0x0800, 0x0806, 0x86dd, 0x0026];
  let passed = 0;
  for (let count = 0; count < 20_000; count++) {
    const frame = Uint8Array.from({ length: random.below(120) }, () => random.below(256));
    if (frame.length >= 14) {
      const type = shapes[random.below(4)]!;
      frame[12] = type >>> 8;
      frame[13] = type;
    }
    if (frame.length >= 34 && random.below(4) > 0) {
      // Enough sense to get deeper: a header whose lengths and checksum are right.
      frame[14] = 0x40 | (5 + random.below(3));
      const header = (frame[14]! & 15) * 4;
      frame[16] = 0;
      frame[17] = frame.length - 14;
      frame[20] = 0;
      frame[21] = 0;
      frame[23] = [1, 6, 17, 99][random.below(4)]!;
      if (14 + header <= frame.length) {
        frame[24] = frame[25] = 0;
        const right = finish(sum(frame, 14, 14 + header));
        frame[24] = right >>> 8;
        frame[25] = right;
      }
    }
    expect(typeof showFrame(frame)).toBe("string");
    const inner = frame.subarray(14);
    if (ipv4.check(inner)) continue;
    const packet = ipv4.read(inner);
    const again = new Uint8Array(ipv4.lengthOf(packet));
    ipv4.write(packet, again);
    expect(ipv4.check(again)).toBeUndefined();
    expect(ipv4.read(again)).toEqual(packet);
    if (packet.payload.length >= tcp.HEADER) {
      const header = (packet.payload[12]! >>> 4) * 4;
      if (header >= tcp.HEADER && header <= packet.payload.length) {
        const sealed = packet.payload.slice();
        sealed[16] = sealed[17] = 0;
        const right = finish(pseudoHeader(1, 2, 6, sealed.length) + sum(sealed, 0, sealed.length));
        sealed[16] = right >>> 8;
        sealed[17] = right;
        if (tcp.check(sealed, 1, 2)) continue;
        const segment = tcp.read(sealed);
        const written = new Uint8Array(tcp.lengthOf(segment));
        tcp.write(segment, 1, 2, written);
        expect(tcp.read(written)).toEqual(segment);
        passed++;
      }
    }
  }
  expect(passed).toBeGreaterThan(100);
});
