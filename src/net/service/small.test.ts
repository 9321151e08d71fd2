import { describe, expect, test } from "vitest";
import { beside, type Pair } from "../../../test/network/beside.ts";
import { bytesOf, hexBytes, latin1, Random, SECOND } from "../../base/index.ts";
import { Calendar, DEFAULT_EPOCH_MS } from "./calendar.ts";
import { Journal } from "./journal.ts";
import { NtpServer } from "./ntp.ts";
import { ChargenService, DaytimeService, DiscardService, EchoService, heardText } from "./small.ts";
import { SyslogSink } from "./syslog.ts";
import * as ntp from "./wire/ntp.ts";
import * as syslog from "./wire/syslog.ts";

/** Everything that comes back over TCP until the end, or `most` bytes. */
function overTcp(it: Pair, port: number, pieces: readonly string[], most = Number.POSITIVE_INFINITY): string {
  const socket = it.a.sockets.stream();
  socket.options.noDelay = true;
  socket.connect(0x0a000202, port);
  it.run(() => socket.writable);
  for (const piece of pieces) {
    socket.send(bytesOf(piece));
    it.settle();
  }
  if (most === Number.POSITIVE_INFINITY) socket.shutdown("send");
  let text = "";
  const into = new Uint8Array(4096);
  it.run(
    () => {
      for (;;) {
        const got = socket.receive(into);
        if (got === 0 || (typeof got === "string" && got !== "would-block")) return true;
        if (typeof got === "string") return text.length >= most;
        text += latin1(into.subarray(0, got));
        if (text.length >= most) return true;
      }
    },
    it.now + 30 * SECOND,
  );
  socket.close();
  it.run(() => false, it.now + SECOND);
  return text;
}

function overUdp(it: Pair, port: number, bytes: Uint8Array, from = 0): Uint8Array | undefined {
  const socket = it.a.sockets.datagram();
  socket.options.reuseAddress = true;
  expect(socket.bind(0, from)).toBeUndefined();
  socket.send(bytes, { address: 0x0a000202, port });
  it.settle();
  const answer = socket.receiveDatagram();
  socket.close();
  return typeof answer === "string" ? undefined : answer.payload;
}

describe("echo, discard, daytime, chargen", () => {
  test("echo", () => {
    const { it, service } = beside((stack) => new EchoService({ stack }));
    expect(overTcp(it, 7, ["hel", "lo"])).toBe("hello");
    expect(latin1(overUdp(it, 7, bytesOf("abc"))!)).toBe("abc");
    expect(overUdp(it, 7, bytesOf("a loop"), 19)).toBeUndefined();
    expect(heardText(service)).toBe("helloabca loop");
    expect(service.heard.entries.map(({ protocol }) => protocol)).toEqual(["tcp", "tcp", "udp", "udp"]);
    expect(service.connections).toBe(0);
    const large = "0123456789abcdef".repeat(3000);
    expect(overTcp(it, 7, [large]) === large).toBe(true);
  });

  test("discard", () => {
    const { it, service } = beside((stack) => new DiscardService({ stack }));
    expect(overTcp(it, 9, ["a", "b"])).toBe("");
    expect(overUdp(it, 9, bytesOf("c"))).toBeUndefined();
    expect(heardText(service)).toBe("abc");
  });

  test("daytime", () => {
    const { it } = beside((stack) => new DaytimeService({ stack }));
    expect(overTcp(it, 13, [])).toBe("Thursday, January 1, 2026 00:00:00-UTC\r\n");
    it.now = 90_061 * SECOND;
    expect(latin1(overUdp(it, 13, bytesOf(""))!)).toBe("Friday, January 2, 2026 01:01:01-UTC\r\n");
  });

  test("chargen: the pattern of the RFC, as long as somebody listens", () => {
    const { it, service } = beside((stack) => new ChargenService({ stack }));
    const lines = overTcp(it, 19, [], 200_000).split("\r\n");
    expect(lines.slice(0, 2)).toEqual([
      " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg",
      "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh",
    ]);
    expect(lines[95]).toBe(lines[0]);
    expect(lines.slice(0, -1).every((line) => line.length === 72)).toBe(true);
    expect(service.connections).toBe(0);
    const lengths = Array.from({ length: 600 }, () => overUdp(it, 19, bytesOf("x"))!.length);
    expect(lengths[0]).toBe(74);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([0, 512]);
  });
});

describe("NTP", () => {
  const hexed = `23 00 06 ec ${"00 ".repeat(36)}ed 05 f5 00 80 00 00 00`;
  const bytes = Uint8Array.from(hexed.split(" "), (pair) => Number.parseInt(pair, 16));

  test("the wire", () => {
    expect(ntp.check(bytes)).toBeUndefined();
    expect(ntp.check(bytes.subarray(1))).toBe("short");
    expect(ntp.check(bytes.with(0, 0x3b))).toBe("version");
    const packet = ntp.read(bytes);
    expect(packet).toMatchObject({ leap: 0, version: 4, mode: 3, poll: 6, precision: -20 });
    const again = new Uint8Array(ntp.lengthOf(packet));
    ntp.write(packet, again);
    expect(hexBytes(again)).toBe(hexed);
    expect(ntp.show(bytes)).toBe("NTPv4 client stratum 0 transmit 3976590592");
  });

  test("time stamps (RFC 5905 figure 4): 1970, half a second later, the era's end", () => {
    expect(ntp.ntpTime(0n)).toBe(2208988800n << 32n);
    expect(ntp.ntpTime(500_000n)).toBe((2208988800n << 32n) | 0x80000000n);
    expect(ntp.ntpTime(2085978496_000_000n)).toBe(0n);
  });

  test("the server tells the world's time", () => {
    const { it, service } = beside((stack) => new NtpServer({ stack, offset: 250_000 }));
    it.now = 3 * SECOND;
    const answer = ntp.read(overUdp(it, 123, bytes)!);
    const now = ntp.ntpTime(BigInt(DEFAULT_EPOCH_MS) * 1000n + 3_250_000n);
    expect(answer).toMatchObject({ leap: 0, version: 4, mode: 4, stratum: 1, poll: 6 });
    expect([answer.originTime, answer.receiveTime, answer.transmitTime]).toEqual([
      ntp.read(bytes).transmitTime,
      now,
      now,
    ]);
    expect(overUdp(it, 123, bytes.with(0, 0x24)), "a server's packet").toBeUndefined();
    expect(overUdp(it, 123, bytes.subarray(0, 40))).toBeUndefined();
    expect(service.requests.entries.map(({ answered }) => answered)).toEqual([true, false]);
    expect(service.malformed.get("short")).toBe(1);
  });

  test("one that is not synchronised says so", () => {
    const { it } = beside((stack) => new NtpServer({ stack, stratum: 16 }));
    expect(ntp.read(overUdp(it, 123, bytes)!)).toMatchObject({ leap: 3, stratum: 0, reference: 0 });
  });
});

describe("syslog", () => {
  test.each([
    [
      "<34>Oct 11 22:14:15 mymachine su[231]: 'su root' failed",
      {
        facility: 4,
        severity: 2,
        version: 0,
        host: "mymachine",
        application: "su",
        process: "231",
        message: "'su root' failed",
      },
    ],
    [
      "<13>whatever it is",
      { facility: 1, severity: 5, host: "", application: "", message: "whatever it is" },
    ],
    [
      '<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 [a@1 iut="3" x="\\]\\""][b] text',
      {
        version: 1,
        facility: 20,
        severity: 5,
        host: "host",
        process: "",
        messageId: "ID47",
        structured: '[a@1 iut="3" x="\\]\\""][b]',
        message: "text",
      },
    ],
    ["<0>1 - - - - - -", { facility: 0, severity: 0, timestamp: "", structured: "", message: "" }],
  ])("%s", (text, fields) => {
    expect(syslog.read(bytesOf(text))).toMatchObject(fields);
  });

  test.each([
    ["hello", "priority"],
    ["<192>x", "priority"],
    ["<01>x", "priority"],
    ["<1>1 - - -", "header"],
    ["<1>1 - - - - - [a", "structured data"],
  ])("%s is wrong: %s", (text, reason) => {
    expect(syslog.check(bytesOf(text))).toBe(reason);
    expect(syslog.show(bytesOf(text))).toContain(reason);
  });

  test("the sink keeps what comes, sense or not, in both framings of RFC 6587", () => {
    const { it, service } = beside((stack) => new SyslogSink({ stack }));
    overUdp(it, 514, bytesOf("<13>over udp"));
    overUdp(it, 514, bytesOf("nonsense"));
    overTcp(it, 514, ["<13>one\n<1", "3>two\n", "8 <1", "3>five", "<13>rest"]);
    expect(service.entries.entries.map(({ bytes, message }) => [latin1(bytes), message?.message])).toEqual([
      ["<13>over udp", "over udp"],
      ["nonsense", undefined],
      ["<13>one", "one"],
      ["<13>two", "two"],
      ["<13>five", "five"],
      ["<13>rest", "rest"],
    ]);
  });

  test("no bytes make it fail", () => {
    const random = new Random(1);
    for (let round = 0; round < 3000; round++) {
      const wild = Uint8Array.from({ length: random.below(40) }, () => random.below(128));
      syslog.show(wild);
      syslog.show(bytesOf(`<13>1 - - - - - ${latin1(wild)}`));
    }
  });
});

test("a journal forgets its oldest and counts them", () => {
  const journal = new Journal<number>(300);
  for (let each = 0; each < 10; each++) journal.add(each, 11);
  expect(journal.entries).toEqual([6, 7, 8, 9]);
  expect(journal.forgotten).toBe(6);
});

test("a calendar begins where it is told", () => {
  expect(new Calendar(0).date(1_500_000).toISOString()).toBe("1970-01-01T00:00:01.500Z");
  expect(() => new Calendar(0.5)).toThrow("0.5 is not");
});
