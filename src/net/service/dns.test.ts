import { describe, expect, test } from "vitest";
import { beside, type Pair } from "../../../test/network/beside.ts";
import { bytesOf, concat, hexBytes, Random, SECOND } from "../../base/index.ts";
import type { Socket } from "../sockets.ts";
import { type DnsOptions, DnsServer, type Resolver } from "./dns.ts";
import { newsOf } from "./news.ts";
import { check, type DnsMessage, labelsOf, Rcode, read, show, showRecord, Type, write } from "./wire/dns.ts";
import { Zone } from "./zone.ts";

const hexed = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g)!, (pair) => Number.parseInt(pair, 16));

/** An address of five bytes. */
const ANSWER = `
  1234 8580 0001 0001 0000 0000
  03777777 036c6162 00 0001 0001
  c00c 0001 0001 0000012c 0005 0a00021400
`;

describe("the wire", () => {
  const bytes = hexed(`
    1234 8580 0001 0002 0000 0000
    03777777 036c6162 00 0001 0001
    c00c 0005 0001 0000012c 0006 03737276 c010
    c025 0001 0001 0000012c 0004 0a000214`);

  test("a message is taken apart and put together again as the same bytes", () => {
    expect(check(bytes)).toBeUndefined();
    const message = read(bytes);
    expect(message).toMatchObject({
      id: 0x1234,
      response: true,
      authoritative: true,
      recursionDesired: true,
    });
    expect(message.questions).toEqual([{ name: "www.lab", type: Type.A, class: 1 }]);
    expect(message.answers.map(showRecord)).toEqual([
      "www.lab. 300 CNAME srv.lab.",
      "srv.lab. 300 A 10.0.2.20",
    ]);
    expect(hexBytes(write(message))).toBe(hexBytes(bytes));
    expect(show(bytes)).toBe(
      "DNS 1234 A www.lab. NOERROR authoritative | www.lab. 300 CNAME srv.lab. | srv.lab. 300 A 10.0.2.20",
    );
  });

  test.each([
    ["one byte less", bytes.subarray(0, -1), "record runs out"],
    ["half a header", bytes.subarray(0, 6), "short"],
    ["a record longer than its sense", hexed(ANSWER), "record length"],
    [
      "a name that points to itself",
      hexed("0001 0100 0001 0000 0000 0000 c00c 0001 0001"),
      "compression loop",
    ],
    [
      "a name that points ahead",
      hexed("0001 0100 0001 0000 0000 0000 c00e 00 0001 0001"),
      "compression loop",
    ],
    [
      "two names that point to each other",
      hexed("0001 0100 0001 0000 0000 0000 0161c00c 0001 0001"),
      "compression loop",
    ],
    [
      "a name that points into the header",
      hexed("0001 0100 0001 0000 0000 0000 c004 0001 0001"),
      "compression loop",
    ],
    ["a label of an unknown kind", hexed("0001 0100 0001 0000 0000 0000 4161 00 0001 0001"), "label type"],
    ["a label past the end", hexed("0001 0100 0001 0000 0000 0000 3f61"), "name runs out"],
    ["a name without end", hexed("0001 0100 0001 0000 0000 0000 0161"), "name runs out"],
    ["a question without type", hexed("0001 0100 0001 0000 0000 0000 016100 00"), "record runs out"],
    [
      "a name of 257 bytes",
      concat([
        hexed("0001 0100 0001 0000 0000 0000"),
        ...Array.from({ length: 128 }, () => hexed("0161")),
        hexed("00 0001 0001"),
      ]),
      "name too long",
    ],
  ])("%s has no sense", (_what, wrong, reason) => {
    expect(check(wrong)).toBe(reason);
    expect(show(wrong)).toContain(reason);
  });

  test("no bytes at all make the reader fail or loop, and what it takes can be written and read back", () => {
    const random = new Random(7);
    let taken = 0;
    for (let round = 0; round < 20_000; round++) {
      const wild = bytes.slice(0, 12 + random.below(bytes.length - 11));
      for (let hits = 1 + random.below(4); hits > 0; hits--)
        wild[random.below(wild.length)] = random.below(256);
      show(wild);
      if (check(wild)) continue;
      taken++;
      const message = read(wild);
      const again = read(write(message));
      expect({ ...again, truncated: false }).toEqual({ ...message, truncated: false });
    }
    expect(taken).toBeGreaterThan(100);
  });

  test("what does not fit is left out whole, and said", () => {
    const answers = Array.from({ length: 40 }, (_, index) => ({
      name: "www.lab",
      class: 1,
      ttl: 60,
      data: { type: Type.A, address: 0x0a000200 + index },
    }));
    const message: DnsMessage = { ...read(bytes), answers };
    const small = write(message, 512);
    expect(small.length).toBe(12 + 13 + 30 * 16);
    expect(read(small)).toMatchObject({ truncated: true, answers: answers.slice(0, 30) });
    expect(read(write(message))).toMatchObject({ truncated: false, answers });
  });

  test("names", () => {
    expect(labelsOf("a\\.b.c\\\\.\\009")!.map(hexBytes)).toEqual(["61 2e 62", "63 5c", "09"]);
    for (const wrong of ["a..b", ".a", "x".repeat(64), `${"a.".repeat(127)}b`, "a\\", "\\300", "…"])
      expect(labelsOf(wrong), wrong).toBeUndefined();
    expect(labelsOf(`${"a.".repeat(126)}b`)).toHaveLength(127);
  });
});

const LAB = {
  origin: "lab.example",
  ttl: 300,
  records: `
    ; the laboratory
    @        NS    ns
    @        MX    10 mail
    @        TXT   "v=spf1 -all" second
    ns       A     10.0.2.2
    mail 60  A     10.0.2.25
    mail     AAAA  2001:db8::25
    www      CNAME server
    out      CNAME www.elsewhere.example.
    circle   CNAME circle2
    circle2  CNAME circle
    server   IN    A 10.0.2.20
    a.deep   A     10.0.2.30
    *.wild   A     10.0.2.40
    child    NS    ns.child
    ns.child A     10.0.2.50
  `,
};

describe("zones", () => {
  test.each([
    ["a", "the record's type is missing"],
    ["a A 10.0.2.300", "10.0.2.300 is not an IPv4 address"],
    ["a A", "A takes one value, not 0"],
    ["a AAAA 10.0.2.3", "10.0.2.3 is not an IPv6 address"],
    ["a MX mail", "MX takes 2 values, not 1"],
    ["a MX 70000 mail", "70000 is not a preference (0 … 65535)"],
    ["a SRV 1 2 3 b", "records of type SRV cannot be given; A, AAAA, CNAME, MX, NS, PTR and TXT can"],
    ["a.other. A 10.0.2.3", "a.other is not in this zone"],
    ["@ CNAME b", "a CNAME stands beside other records of x"],
  ])("%s: %s", (line, wrong) => {
    expect(() => new Zone({ origin: "x", records: [line] })).toThrow(`zone x, record 1 (${line}): ${wrong}`);
  });
});

interface Asking {
  server: DnsServer;
  socket: Socket;
  ask(name: string, type?: number, more?: Partial<DnsMessage>): DnsMessage | undefined;
  raw(bytes: Uint8Array): Uint8Array | undefined;
  line(name: string, type?: number): string;
  it: Pair;
}

function asking(options: Partial<DnsOptions> = {}): Asking {
  const hosts = { "printer.lab": ["10.0.2.9", "2001:db8::9"] };
  const { it, service: server } = beside(
    (stack) => new DnsServer({ stack, zones: [LAB], hosts, ...options }),
  );
  const socket = it.a.sockets.datagram();
  socket.connect(0x0a000202, 53);
  const raw = (bytes: Uint8Array): Uint8Array | undefined => {
    socket.send(bytes);
    it.run(() => socket.available > 0, it.now + 60 * SECOND);
    const datagram = socket.receiveDatagram();
    return typeof datagram === "string" ? undefined : datagram.payload;
  };
  const ask = (
    name: string,
    type: number = Type.A,
    more: Partial<DnsMessage> = {},
  ): DnsMessage | undefined => {
    const bytes = raw(write(query(name, type, more)));
    return bytes && read(bytes);
  };
  const line = (name: string, type?: number): string => {
    const message = ask(name, type)!;
    const rcode = Object.keys(Rcode)[message.rcode]!;
    return [
      rcode,
      ...message.answers.map(showRecord),
      ...message.authorities.map((r) => `/ ${showRecord(r)}`),
      ...message.additionals.map((r) => `+ ${showRecord(r)}`),
    ].join("; ");
  };
  return { server, socket, ask, raw, line, it };
}

const query = (name: string, type: number, more: Partial<DnsMessage> = {}): DnsMessage => ({
  id: 7,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  rcode: 0,
  questions: [{ name, type, class: 1 }],
  answers: [],
  authorities: [],
  additionals: [],
  ...more,
});

const SOA = "/ lab.example. 60 SOA ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 60";

describe("the server", () => {
  test.each([
    ["server.lab.example", Type.A, "NOERROR; server.lab.example. 300 A 10.0.2.20"],
    ["SERVER.Lab.Example", Type.A, "NOERROR; SERVER.Lab.Example. 300 A 10.0.2.20"],
    [
      "www.lab.example",
      Type.A,
      "NOERROR; www.lab.example. 300 CNAME server.lab.example.; server.lab.example. 300 A 10.0.2.20",
    ],
    ["www.lab.example", Type.CNAME, "NOERROR; www.lab.example. 300 CNAME server.lab.example."],
    ["out.lab.example", Type.A, "NOERROR; out.lab.example. 300 CNAME www.elsewhere.example."],
    ["circle.lab.example", Type.A, "SERVFAIL"],
    ["mail.lab.example", Type.AAAA, "NOERROR; mail.lab.example. 300 AAAA 2001:db8::25"],
    [
      "lab.example",
      Type.MX,
      "NOERROR; lab.example. 300 MX 10 mail.lab.example.; + mail.lab.example. 60 A 10.0.2.25; + mail.lab.example. 300 AAAA 2001:db8::25",
    ],
    ["lab.example", Type.TXT, 'NOERROR; lab.example. 300 TXT "v=spf1\\032-all" "second"'],
    ["server.lab.example", Type.AAAA, `NOERROR; ${SOA}`],
    ["deep.lab.example", Type.A, `NOERROR; ${SOA}`],
    ["nobody.lab.example", Type.A, `NXDOMAIN; ${SOA}`],
    ["x.deep.lab.example", Type.A, `NXDOMAIN; ${SOA}`],
    ["any.wild.lab.example", Type.A, "NOERROR; any.wild.lab.example. 300 A 10.0.2.40"],
    ["any.wild.lab.example", Type.MX, `NOERROR; ${SOA}`],
    [
      "x.child.lab.example",
      Type.A,
      "NOERROR; / child.lab.example. 300 NS ns.child.lab.example.; + ns.child.lab.example. 300 A 10.0.2.50",
    ],
    ["printer.lab", Type.A, "NOERROR; printer.lab. 60 A 10.0.2.9"],
    ["printer.lab", Type.AAAA, "NOERROR; printer.lab. 60 AAAA 2001:db8::9"],
    ["9.2.0.10.in-addr.arpa", Type.PTR, "NOERROR; 9.2.0.10.in-addr.arpa. 60 PTR printer.lab."],
    ["example.com", Type.A, "REFUSED"],
    ["lab.example", Type.AXFR, "REFUSED"],
    ["lab.example", Type.IXFR, "REFUSED"],
  ])("%s, type %i: %s", (name, type, line) => {
    const { server, line: asked } = asking();
    expect(asked(name, type)).toBe(line);
    expect(server.queries.last).toMatchObject({ name, type, protocol: "udp", from: { address: 0x0a00020f } });
  });

  test("what it does not do, it says", () => {
    const { server, ask, raw } = asking();
    expect(ask("a", Type.A, { opcode: 4 })).toMatchObject({ rcode: Rcode.NOTIMP, opcode: 4 });
    expect(ask("a", Type.A, { questions: [] })).toMatchObject({ rcode: Rcode.FORMERR });
    expect(ask("a", Type.A, { response: true })).toBeUndefined();
    const bytes = raw(hexed("0007 0100 0001 0000 0000 0000 c00c 0001 0001"))!;
    expect(hexBytes(bytes)).toBe("00 07 81 01 00 00 00 00 00 00 00 00");
    expect(server.malformed).toEqual(new Map([["compression loop", 1]]));
    const chaos = ask("version.bind", Type.TXT, {
      questions: [{ name: "version.bind", type: Type.TXT, class: 3 }],
    });
    expect(chaos).toMatchObject({ rcode: Rcode.REFUSED });
  });

  test("EDNS: a larger answer for who can take it, and a word to who speaks a later version", () => {
    const records = Array.from({ length: 50 }, (_, index) => `many A 10.0.3.${index}`);
    const { ask } = asking({ zones: [{ origin: "x", records }] });
    const opt = (size: number, ttl = 0) => ({
      additionals: [{ name: "", class: size, ttl, data: { type: Type.OPT, bytes: new Uint8Array(0) } }],
    });
    expect(ask("many.x")).toMatchObject({ truncated: true, answers: { length: 30 }, additionals: [] });
    expect(ask("many.x", Type.A, opt(4096))).toMatchObject({ truncated: false, answers: { length: 50 } });
    expect(ask("many.x", Type.A, opt(600))).toMatchObject({ truncated: true, additionals: { length: 1 } });
    expect(ask("many.x", Type.A, opt(4096, 1 << 16))!.additionals[0]!.ttl).toBe(1 << 24);
  });

  test("over TCP, several questions in any pieces, and half-closed before the answers", () => {
    const { it, server } = asking();
    const socket = it.a.sockets.stream();
    socket.connect(0x0a000202, 53);
    it.run(() => socket.writable);
    const one = write(query("server.lab.example", Type.A));
    const two = write(query("lab.example", Type.MX, { id: 8 }));
    const both = concat([
      hexed("00"),
      Uint8Array.of(one.length),
      one,
      hexed("00"),
      Uint8Array.of(two.length),
      two,
    ]);
    for (const byte of both) {
      socket.send(Uint8Array.of(byte));
      it.settle();
    }
    socket.shutdown("send");
    it.run(() => socket.state === 10, it.now + SECOND);
    const into = new Uint8Array(1000);
    const length = socket.receive(into) as number;
    const first = (into[0]! << 8) | into[1]!;
    expect(show(into.subarray(2, 2 + first))).toContain("server.lab.example. 300 A 10.0.2.20");
    expect(read(into.subarray(4 + first, length))).toMatchObject({ id: 8, answers: { length: 1 } });
    expect(socket.receive(into)).toBe(0);
    it.settle();
    expect(server.connections).toBe(0);
    expect(server.queries.entries.map(({ protocol }) => protocol)).toEqual(["tcp", "tcp"]);
    expect(newsOf(server)!()[0]!.text).toMatch(/^A server\.lab\.example NOERROR from [\d.]+:\d+ over TCP$/);
  });

  test("names of others are forwarded when a resolver is given", () => {
    const asked: string[] = [];
    const resolve: Resolver = (name, answer) => {
      asked.push(name);
      if (name === "silent.example") return;
      if (name === "no.example") answer({ reason: "bad-address", text: "no such name" });
      else if (name === "down.example") answer({ reason: "failed", text: "no answer" });
      else answer(["192.0.2.1", "192.0.2.2"]);
    };
    const { ask, line, it } = asking({ resolve });
    expect(line("www.example")).toBe("NOERROR; www.example. 60 A 192.0.2.1; www.example. 60 A 192.0.2.2");
    expect(line("www.example", Type.AAAA)).toBe("NOERROR");
    expect(line("www.example", Type.MX)).toBe("NOTIMP");
    expect(line("no.example")).toBe("NXDOMAIN");
    expect(line("down.example")).toBe("SERVFAIL");
    expect(line("out.lab.example")).toBe(
      "NOERROR; out.lab.example. 300 CNAME www.elsewhere.example.; www.elsewhere.example. 60 A 192.0.2.1; www.elsewhere.example. 60 A 192.0.2.2",
    );
    expect(ask("www.example", Type.A, { recursionDesired: false })!.rcode).toBe(Rcode.REFUSED);
    const before = it.now;
    expect(line("silent.example")).toBe("SERVFAIL");
    expect(it.now - before).toBe(10 * SECOND);
    expect(asked).not.toContain("server.lab.example");
  });

  test("it can be switched off and on", () => {
    const { server, ask, it } = asking();
    server.stop();
    expect(ask("server.lab.example")).toBeUndefined();
    expect(server.on).toBe(false);
    server.start();
    expect(ask("server.lab.example")!.answers).toHaveLength(1);
    expect(() => new DnsServer({ stack: it.b })).toThrow("DNS server: UDP port 53 cannot be opened: in-use");
  });

  test("bytes of any kind are survived", () => {
    const { raw, ask } = asking();
    const random = new Random(3);
    for (let round = 0; round < 300; round++) {
      raw(Uint8Array.from({ length: random.below(60) }, () => random.below(256)));
    }
    raw(bytesOf("hello"));
    expect(ask("server.lab.example")!.answers).toHaveLength(1);
  });
});
