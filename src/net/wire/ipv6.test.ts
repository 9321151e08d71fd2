import { describe, expect, test } from "vitest";
import { bytesOf, concat, hexBytes, Random } from "../../base/index.ts";
import { parseAddress } from "./address.ts";
import {
  type Address6,
  commonPrefix,
  groupMac6,
  isLinkLocal6,
  isMulticast6,
  isUniqueLocal,
  linkLocalOf,
  mapAddress,
  mappedAddress,
  parseAddress6,
  parseNetwork6,
  prefixOf,
  readAddress6,
  scopeOf,
  showAddress6,
  solicitedNode,
  writeAddress6,
} from "./address6.ts";
import { pseudoHeader } from "./checksum.ts";
import * as discovery from "./discovery.ts";
import * as icmpv6 from "./icmpv6.ts";
import { Icmp6Type } from "./icmpv6.ts";
import * as igmp from "./igmp.ts";
import { parseIpAddress, showIpAddress, showIpEndpoint } from "./ip-address.ts";
import * as ipv6 from "./ipv6.ts";
import { showFrame, showPacket6 } from "./print.ts";
import * as udp from "./udp.ts";

const at = (text: string): Address6 => parseAddress6(text)!;

describe("addresses", () => {
  test.each([
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["fe80::", "fe80::"],
    ["::ffff:10.0.2.15", "::ffff:10.0.2.15"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ])("%s is shown as %s (RFC 5952)", (text, shown) => {
    expect(showAddress6(at(text))).toBe(shown);
  });

  test.each([
    "1:2:3",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "g::",
    "12345::",
    "1:2:3:4::5:6:7:8",
    "",
    "::1.2.3",
    "::1.2.3.256",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%eth0",
  ])("%s is none", (text) => expect(parseAddress6(text)).toBeUndefined());

  test("equal addresses are the same key, and order is that of the numbers", () => {
    expect(at("2001:db8::1") === at("2001:0DB8:0::0001")).toBe(true);
    expect([at("::1"), at("ff02::1"), at("2001::")].sort().map(showAddress6)).toEqual([
      "::1",
      "2001::",
      "ff02::1",
    ]);
  });

  test("bytes to and fro", () => {
    const random = new Random(1);
    for (let i = 0; i < 500; i++) {
      const bytes = Uint8Array.from({ length: 18 }, () => (random.below(3) === 0 ? 0 : random.below(256)));
      const address = readAddress6(bytes, 1);
      const again = bytes.slice().fill(0, 1, 17);
      writeAddress6(again, 1, address);
      expect(again).toEqual(bytes);
      expect(parseAddress6(showAddress6(address))).toBe(address);
    }
  });

  test("prefixes", () => {
    expect(commonPrefix(at("2001:db8::1"), at("2001:db8::2"))).toBe(126);
    expect(commonPrefix(at("::"), at("8000::"))).toBe(0);
    expect(commonPrefix(at("fd00::1"), at("fd00::1"))).toBe(128);
    expect(showAddress6(prefixOf(at("2001:db8:ffff:ffff::1"), 45))).toBe("2001:db8:fff8::");
    expect(showAddress6(prefixOf(at("ffff::1"), 0))).toBe("::");
    expect(prefixOf(at("ffff::1"), 128)).toBe(at("ffff::1"));
    expect(parseNetwork6("fd00::15/64")).toEqual({ address: at("fd00::15"), prefixLength: 64 });
    for (const wrong of ["fd00::15", "fd00::15/129", "fd00::15/", "10.0.2.1/24", "/64"])
      expect(parseNetwork6(wrong)).toBeUndefined();
  });

  test("what is made of a card's address (RFC 2464, RFC 4291 appendix A)", () => {
    expect(showAddress6(linkLocalOf(0x00aa003f2a1c))).toBe("fe80::2aa:ff:fe3f:2a1c");
    expect(showAddress6(solicitedNode(at("2037::1:800:200e:8c6c")))).toBe("ff02::1:ff0e:8c6c");
    expect(groupMac6(at("ff02::1:ff0e:8c6c"))).toBe(0x3333ff0e8c6c);
  });

  test("kinds and scopes", () => {
    expect([isMulticast6(at("ff05::2")), isMulticast6(at("fe80::1"))]).toEqual([true, false]);
    expect([isLinkLocal6(at("febf::1")), isLinkLocal6(at("fec0::1"))]).toEqual([true, false]);
    expect([isUniqueLocal(at("fd12::")), isUniqueLocal(at("2001::"))]).toEqual([true, false]);
    expect(["::1", "fe80::1", "fd00::1", "2001::1", "ff05::1"].map((text) => scopeOf(at(text)))).toEqual([
      2, 2, 14, 14, 5,
    ]);
    expect(mappedAddress(mapAddress(0x0a00020f))).toBe(0x0a00020f);
    expect(mappedAddress(at("::10.0.2.15"))).toBeUndefined();
  });

  test("of either version", () => {
    expect(parseIpAddress("10.0.2.15")).toBe(parseAddress("10.0.2.15"));
    expect(parseIpAddress("::1")).toBe(at("::1"));
    expect([showIpAddress(0x0a00020f), showIpAddress(at("::1"))]).toEqual(["10.0.2.15", "::1"]);
    expect(showIpEndpoint({ address: at("fd00::1"), port: 80 })).toBe("[fd00::1]:80");
  });
});

const A = at("fd00::15");
const B = at("fd00::2");
const header = { trafficClass: 0xb8, flowLabel: 0x12345, hopLimit: 64, source: A, destination: B };

describe("the header", () => {
  // RFC 8200 section 3: version, traffic class, flow label; payload length, next header, hop limit; addresses
  const bytes =
    "6b812345 0003 3b 40 fd000000000000000000000000000015 fd000000000000000000000000000002 616263";
  const packet: ipv6.Ipv6 = { ...header, nextHeader: 59, payload: bytesOf("abc") };

  test("as bytes, and back", () => {
    const written = new Uint8Array(ipv6.lengthOf(packet));
    ipv6.write(packet, written);
    expect(hexBytes(written).replaceAll(" ", "")).toBe(bytes.replaceAll(" ", ""));
    expect(ipv6.check(written)).toBeUndefined();
    expect(ipv6.read(written)).toEqual(packet);
    expect(showPacket6(written)).toBe("IPv6 fd00::15 > fd00::2 next 59 hops 64 length 3");
  });

  test("what is behind the payload length is not the packet's; what is missing makes it none", () => {
    const written = new Uint8Array(ipv6.lengthOf(packet) + 5);
    ipv6.write(packet, written);
    expect(ipv6.read(written).payload.length).toBe(3);
    expect(ipv6.check(written.subarray(0, 42))).toBe("payload length");
    expect(ipv6.check(written.subarray(0, 39))).toBe("short");
    written[0] = 0x45;
    expect(ipv6.check(written)).toBe("version");
  });
});

describe("extension headers", () => {
  const follow = (nextHeader: number, ...parts: number[][]) =>
    ipv6.follow({ ...header, nextHeader, payload: Uint8Array.from(parts.flat()) });
  const PAD = [1, 4, 0, 0, 0, 0];

  test("all in order, to the protocol at the end", () => {
    expect(
      follow(
        0,
        [43, 0, ...PAD],
        [44, 0, 4, 0, 0, 0, 0, 0],
        [60, 0, 0, 0, 0, 0, 0, 7],
        [17, 0, ...PAD],
        [1, 2],
      ),
    ).toEqual({
      protocol: 17,
      offset: 32,
      namedAt: 64,
      fragment: { fragmentOffset: 0, moreFragments: false, identification: 7 },
      unfragmentable: 16,
      routerAlert: false,
    });
  });

  test("nothing is looked for behind the header of a real fragment", () => {
    expect(follow(44, [0, 0, 0, 9, 0, 0, 0, 1], [0xff, 0xff])).toMatchObject({ protocol: 0, offset: 8 });
  });

  test.each([
    ["hop-by-hop not first", [60, [0, 0, ...PAD], [17, 0, ...PAD]], { code: 1, pointer: 40 }],
    ["a routing header that is not over", [43, [17, 0, 0, 1, 0, 0, 0, 0]], { code: 0, pointer: 42 }],
    [
      "an option to be refused",
      [60, [17, 0, 0x80, 4, 0, 0, 0, 0]],
      { code: 2, pointer: 42, evenToGroup: true },
    ],
    ["one to be refused but to groups", [60, [17, 0, 0xc0, 4, 0, 0, 0, 0]], { code: 2, evenToGroup: false }],
  ] as const)("%s is a parameter problem", (_name, [next, ...parts], problem) => {
    expect(follow(next, ...parts.map((part) => [...part]))).toMatchObject({ problem });
  });

  test("an option to be skipped, and one to be dropped in silence", () => {
    expect(follow(60, [17, 0, 0x3e, 4, 0, 0, 0, 0])).toMatchObject({ protocol: 17 });
    expect(follow(60, [17, 0, 0x7e, 4, 0, 0, 0, 0])).toEqual({ reason: "unknown option" });
  });

  test("what is cut off leads nowhere", () => {
    for (const wrong of [
      follow(0, [17, 1, ...PAD]),
      follow(43, [17]),
      follow(44, [17, 0, 0, 0]),
      follow(60, [17, 0, 5, 9, 0, 0, 0, 0]),
    ])
      expect(wrong).toEqual({ reason: expect.stringContaining("cut off") });
  });
});

describe("checksums", () => {
  test("the pseudo-header has both addresses, a 32-bit length and the protocol (RFC 8200 8.1)", () => {
    expect(pseudoHeader(A, B, 17, 0x1_0005)).toBe(0xfd00 + 0x15 + 0xfd00 + 2 + 17 + 1 + 5);
  });

  test("UDP without a checksum is not taken over IPv6", () => {
    const bytes = new Uint8Array(9);
    udp.write({ sourcePort: 1, destinationPort: 2, payload: bytesOf("x") }, A, B, bytes);
    expect(udp.check(bytes, A, B)).toBeUndefined();
    bytes[6] = bytes[7] = 0;
    expect(udp.check(bytes, A, B)).toBe("checksum");
    expect(udp.check(bytes, 1, 2)).toBeUndefined();
  });

  test("ICMPv6 counts the addresses in", () => {
    const bytes = new Uint8Array(11);
    icmpv6.write({ type: Icmp6Type.ECHO, code: 0, rest: 0x1234_0001, payload: bytesOf("abc") }, A, B, bytes);
    expect(icmpv6.check(bytes, A, B)).toBeUndefined();
    expect(icmpv6.check(bytes, B, A)).toBeUndefined(); // a sum does not know the order
    expect(icmpv6.check(bytes, A, A)).toBe("checksum");
    expect(icmpv6.show(bytes)).toBe("ICMPv6 echo id 4660 seq 1 length 3");
  });
});

describe("Neighbor Discovery", () => {
  const messages: discovery.Discovery[] = [
    { type: Icmp6Type.NEIGHBOUR_SOLICITATION, target: A, sourceMac: 0x525400000015, prefixes: [] },
    {
      type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
      target: A,
      router: true,
      solicited: false,
      override: true,
      targetMac: 0x525400000015,
      prefixes: [],
    },
    { type: Icmp6Type.ROUTER_SOLICITATION, prefixes: [] },
    {
      type: Icmp6Type.ROUTER_ADVERTISEMENT,
      hopLimit: 61,
      managed: false,
      other: true,
      lifetime: 1800,
      reachable: 30_000,
      retrans: 1000,
      sourceMac: 1,
      mtu: 1400,
      prefixes: [
        {
          prefix: at("fd00::"),
          length: 64,
          onLink: true,
          autonomous: true,
          valid: 0xffffffff,
          preferred: 3600,
        },
        { prefix: at("fd01::"), length: 48, onLink: false, autonomous: false, valid: 1, preferred: 0 },
      ],
    },
    { type: Icmp6Type.REDIRECT, target: B, destination: at("2001:db8::1"), targetMac: 2, prefixes: [] },
  ];

  test.each(messages)("$type as bytes, and back", (message) => {
    const bytes = new Uint8Array(discovery.lengthOf(message));
    discovery.write(message, bytes);
    expect(discovery.check(bytes, 255)).toBeUndefined();
    expect(discovery.read(bytes)).toEqual(message);
  });

  test("what is not to be believed", () => {
    const bytes = new Uint8Array(discovery.lengthOf(messages[0]!));
    discovery.write(messages[0]!, bytes);
    expect(discovery.check(bytes, 254)).toBe("hop limit");
    expect(discovery.check(bytes.subarray(0, 20), 255)).toBe("short");
    const changed = (index: number, value: number) => {
      const other = bytes.slice();
      other[index] = value;
      return discovery.check(other, 255);
    };
    expect([changed(1, 1), changed(25, 0), changed(25, 2), changed(8, 0xff)]).toEqual([
      "code",
      "option length",
      "option length",
      "target",
    ]);
  });
});

test("IGMP as bytes, and back", () => {
  const bytes = new Uint8Array(igmp.LENGTH);
  igmp.write({ type: 0x16, maxResponse: 0, group: 0xe00000fb }, bytes);
  expect(hexBytes(bytes)).toBe("16 00 09 04 e0 00 00 fb");
  expect([igmp.check(bytes), igmp.read(bytes), igmp.show(bytes)]).toEqual([
    undefined,
    { type: 0x16, maxResponse: 0, group: 0xe00000fb },
    "IGMP report 224.0.0.251",
  ]);
});

test("any bytes can be followed, printed and read without harm", () => {
  const random = new Random(6);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: random.below(160) }, () => random.below(256));
    if (bytes.length > 54 && random.below(4) > 0) {
      bytes.set([0x86, 0xdd, 0x60], 12);
      bytes.set([0, bytes.length - 54, [0, 6, 17, 43, 44, 58, 60][random.below(7)]!], 18);
      for (let j = 54; j < bytes.length; j += 8) {
        bytes[j] = [0, 6, 17, 43, 44, 58, 59, 60][random.below(8)]!;
        bytes[j + 1] = random.below(3);
      }
    }
    expect(showFrame(bytes).length).toBeGreaterThan(0);
    const packet = bytes.subarray(14);
    if (bytes.length < 14 || ipv6.check(packet)) continue;
    const read = ipv6.read(packet);
    const again = new Uint8Array(ipv6.lengthOf(read));
    ipv6.write(read, again);
    expect(again).toEqual(packet.subarray(0, again.length));
    const found = ipv6.follow(read);
    if (ipv6.isRefused(found)) continue;
    expect(found.offset).toBeLessThanOrEqual(read.payload.length);
    const inner = concat([read.payload.subarray(found.offset)]);
    if (inner.length >= 8 && discovery.isDiscovery(inner[0]!) && discovery.check(inner, 255) === undefined)
      discovery.read(inner);
  }
});
