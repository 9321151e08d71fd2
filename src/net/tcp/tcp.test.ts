/**
 * One connection against segments made by hand: a maker for each state, built on the one before; exact answers at exact
 * times; and that nothing more is sent.
 */
import { describe, expect, test } from "vitest";
import { FOREVER, type Micros, MS, Random, SECOND } from "../../base/index.ts";
import { type SocketOptions, TcpState } from "../sockets.ts";
import { defaultOptions } from "../station.ts";
import { ACK, emptySegment, FIN, PSH, RST, type Segment, SYN } from "../wire/tcp.ts";
import { arrive, arriveSyn } from "./arrive.ts";
import { abort, Connection, close, deadline, finish, open, read, write } from "./connection.ts";
import { expire, settleTimers } from "./expire.ts";
import { next } from "./send.ts";
import { defaultSettings, type TcpSettings } from "./settings.ts";

/** Our initial sequence number and the peer's: those of the RFC's figures. */
const OURS = 100;
const PEERS = 300;
const MSS = 1000;

const plain: Partial<TcpSettings> = {
  sack: false,
  timestamps: false,
  windowScaling: false,
  quickAcks: 0,
  receiveBuffer: 8000,
  sendBuffer: 40_000,
};

class Bench {
  readonly c: Connection;
  now: Micros = 0;
  /** Reasons given for what was dropped. */
  readonly drops: string[] = [];
  /** Resets that belong to no connection. */
  readonly resets: number[] = [];
  challenges = Number.POSITIVE_INFINITY;
  room = true;

  constructor(passive: boolean, settings: Partial<TcpSettings> = {}, options: Partial<SocketOptions> = {}) {
    this.c = new Connection({
      flow: { localAddress: 1, localPort: 49152, remoteAddress: 2, remotePort: 80 },
      passive,
      iss: OURS,
      mss: MSS,
      timestampOffset: 0,
      settings: { ...defaultSettings, ...plain, ...settings },
      options: { ...defaultOptions(), ...options },
    });
  }

  get state(): TcpState {
    return this.c.state;
  }

  /** A segment from the peer: an acknowledgement of all that it has, unless told otherwise. */
  hear(fields: Partial<Segment> & { text?: string | number }): this {
    const { text, ...rest } = fields;
    const payload =
      typeof text === "number" ? new Uint8Array(text).fill(65) : new TextEncoder().encode(text ?? "");
    const segment: Segment = {
      ...emptySegment,
      sourcePort: 80,
      destinationPort: 49152,
      flags: ACK,
      seq: this.c.rcv.nxt,
      ack: this.c.snd.nxt,
      window: 8000,
      payload,
      ...rest,
    };
    arrive(
      this.c,
      segment,
      {
        challenge: () => this.challenges-- > 0,
        reset: (_c, seq) => this.resets.push(seq),
        complete: () => this.room,
        drop: (reason) => this.drops.push(reason),
      },
      this.now,
    );
    return this;
  }

  hearSyn(fields: Partial<Segment> = {}): this {
    const syn = { ...emptySegment, flags: SYN, seq: PEERS, window: 8000, mss: MSS, ...fields };
    arriveSyn(this.c, syn, this.now);
    return this;
  }

  /** All that is to be sent now; nothing more is left afterwards. */
  sent(): Segment[] {
    const segments: Segment[] = [];
    for (let segment = next(this.c, this.now); segment; segment = next(this.c, this.now)) {
      segments.push({ ...segment, payload: segment.payload.slice() });
      if (segments.length > 1000) throw new Error("it never stops sending");
    }
    settleTimers(this.c, this.now);
    return segments;
  }

  /** As `sent`, each as "FLAGS seq:length ack window", the RFC's way. */
  lines(): string[] {
    return this.sent().map(line);
  }

  /** Lets time pass until the next timer, and tells when that was. */
  wait(): Micros {
    settleTimers(this.c, this.now);
    const due = deadline(this.c);
    expect(due).not.toBe(FOREVER);
    this.now = due;
    expire(this.c, this.now);
    return this.now;
  }

  at(now: Micros): this {
    while (deadline(this.c) <= now) this.wait();
    this.now = now;
    return this;
  }

  give(count: number): number | string {
    return write(this.c, new Uint8Array(count).fill(66));
  }

  take(count = 100_000): string | number {
    const into = new Uint8Array(count);
    const got = read(this.c, into, false);
    return typeof got === "number" ? new TextDecoder().decode(into.subarray(0, got)) : got;
  }
}

function line(segment: Segment): string {
  const names = [
    segment.flags & SYN ? "S" : "",
    segment.flags & FIN ? "F" : "",
    segment.flags & RST ? "R" : "",
    segment.flags & PSH ? "P" : "",
    segment.flags & ACK ? "." : "",
  ].join("");
  const ack = segment.flags & ACK ? ` ack ${segment.ack}` : "";
  const sack = segment.sack.length > 0 ? ` sack ${segment.sack.join(",")}` : "";
  return `${names} ${segment.seq}:${segment.payload.length}${ack} win ${segment.window}${sack}`;
}

// --- makers ----------------------------------------------------------------------------------------------------------

function synSent(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = new Bench(false, settings, options);
  open(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.SYN_SENT);
  return it;
}

function synReceived(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = new Bench(true, settings, options);
  it.hearSyn();
  it.sent();
  expect(it.state).toBe(TcpState.SYN_RECEIVED);
  return it;
}

function established(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = synSent(settings, options);
  const offers = { ...defaultSettings, ...plain, ...settings };
  it.hear({
    flags: SYN | ACK,
    seq: PEERS,
    ack: OURS + 1,
    mss: MSS,
    sackPermitted: offers.sack,
    timestamps: offers.timestamps,
    tsVal: offers.timestamps ? 1000 : 0,
  });
  it.sent();
  expect(it.state).toBe(TcpState.ESTABLISHED);
  return it;
}

function closeWait(): Bench {
  const it = established().hear({ flags: FIN | ACK });
  it.sent();
  expect(it.state).toBe(TcpState.CLOSE_WAIT);
  return it;
}

function finWait1(): Bench {
  const it = established();
  finish(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.FIN_WAIT_1);
  return it;
}

function finWait2(): Bench {
  const it = finWait1().hear({});
  expect(it.state).toBe(TcpState.FIN_WAIT_2);
  return it;
}

function closing(): Bench {
  const it = finWait1().hear({ flags: FIN | ACK, ack: OURS + 1 });
  it.sent();
  expect(it.state).toBe(TcpState.CLOSING);
  return it;
}

function lastAck(): Bench {
  const it = closeWait();
  finish(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.LAST_ACK);
  return it;
}

function timeWait(): Bench {
  const it = finWait2().hear({ flags: FIN | ACK });
  it.sent();
  expect(it.state).toBe(TcpState.TIME_WAIT);
  return it;
}

// --- the RFC's figures -----------------------------------------------------------------------------------------------

describe("opening (RFC 9293 3.5)", () => {
  test("figure 6, the active side", () => {
    const it = new Bench(false);
    open(it.c);
    expect(it.lines()).toEqual(["S 100:0 win 8000"]);
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101 });
    expect(it.state).toBe(TcpState.ESTABLISHED);
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    expect(deadline(it.c)).toBe(FOREVER);
  });

  test("figure 6, the passive side", () => {
    const it = new Bench(true).hearSyn();
    expect(it.lines()).toEqual(["S. 100:0 ack 301 win 8000"]);
    it.hear({ seq: 301, ack: 101 });
    expect(it.state).toBe(TcpState.ESTABLISHED);
    expect(it.lines()).toEqual([]);
    it.hear({ seq: 301, ack: 101, text: "data" });
    expect(it.take()).toBe("data");
  });

  test("figure 7, both at once", () => {
    const it = synSent().hear({ flags: SYN, seq: 300, ack: 0 });
    expect(it.state).toBe(TcpState.SYN_RECEIVED);
    expect(it.lines()).toEqual(["S. 100:0 ack 301 win 8000"]);
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101 });
    expect(it.state).toBe(TcpState.ESTABLISHED);
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
  });

  test("figure 8, an old duplicate SYN is answered, and reset by its supposed sender", () => {
    const it = new Bench(true).hearSyn({ seq: 90 });
    expect(it.lines()).toEqual(["S. 100:0 ack 91 win 8000"]);
    it.hear({ flags: RST, seq: 91, ack: 0 });
    expect(it.state).toBe(TcpState.CLOSED);
    expect(it.c.error).toBeUndefined(); // nobody need know
    expect(it.lines()).toEqual([]);
  });

  test("figure 9, the other side has forgotten the connection", () => {
    const it = established().hear({ flags: SYN, seq: 400, ack: 0 });
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    it.hear({ flags: RST, seq: 301, ack: 0 });
    expect([it.state, it.c.error]).toEqual([TcpState.CLOSED, "reset"]);
  });

  test("an acknowledgement of what was never sent is answered with a reset (3.10.7.3)", () => {
    const it = synSent().hear({ ack: 100 }).hear({ ack: 102 });
    expect(it.resets).toEqual([100, 102]);
    expect(it.state).toBe(TcpState.SYN_SENT);
    expect(it.hear({ flags: RST | ACK, ack: 102 }).resets.length).toBe(2);
  });

  test("refused: only a reset that acknowledges our SYN", () => {
    const it = synSent().hear({ flags: RST });
    expect(it.state).toBe(TcpState.SYN_SENT);
    it.hear({ flags: RST | ACK, ack: 101 });
    expect([it.state, it.c.error]).toEqual([TcpState.CLOSED, "refused"]);
    expect(it.lines()).toEqual([]);
  });

  test("data and FIN with the SYN-ACK are taken (3.10.7.3, fifth)", () => {
    const it = synSent().hear({ flags: SYN | ACK | FIN, seq: 300, ack: 101, text: "hi" });
    expect(it.state).toBe(TcpState.CLOSE_WAIT);
    expect(it.lines()).toEqual([". 101:0 ack 304 win 7997"]);
    expect(it.take()).toBe("hi");
  });

  test("SYN-RECEIVED: a wrong acknowledgement is reset, and the connection stays", () => {
    const it = synReceived().hear({ ack: 100 }).hear({ ack: 102 });
    expect(it.resets).toEqual([100, 102]);
    expect(it.state).toBe(TcpState.SYN_RECEIVED);
  });

  test("the SYN again: our answer was lost", () => {
    const it = synReceived().hear({ flags: SYN, seq: 300, ack: 0 });
    expect(it.lines()).toEqual(["S. 100:0 ack 301 win 8000"]);
  });

  test("data written before the connection stands follows the handshake, FIN too", () => {
    const it = synSent();
    expect(it.give(10)).toBe(10);
    finish(it.c);
    expect(it.lines()).toEqual([]);
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101, mss: MSS });
    expect(it.state).toBe(TcpState.FIN_WAIT_1);
    expect(it.lines()).toEqual(["FP. 101:10 ack 301 win 8000"]);
  });

  test("the listener has no room: the acknowledgement counts when it has", () => {
    const it = synReceived();
    it.room = false;
    it.hear({});
    expect([it.state, it.c.early]).toEqual([TcpState.SYN_RECEIVED, true]);
    it.room = true;
    it.hear({ text: "x" });
    expect(it.state).toBe(TcpState.ESTABLISHED);
  });
});

describe("closing (RFC 9293 3.6)", () => {
  test("figure 12, who begins", () => {
    const it = established();
    finish(it.c);
    expect(it.state).toBe(TcpState.FIN_WAIT_1);
    expect(it.lines()).toEqual(["F. 101:0 ack 301 win 8000"]);
    it.hear({ ack: 102 });
    expect(it.state).toBe(TcpState.FIN_WAIT_2);
    it.hear({ flags: FIN | ACK, seq: 301, ack: 102 });
    expect(it.state).toBe(TcpState.TIME_WAIT);
    expect(it.lines()).toEqual([". 102:0 ack 302 win 7999"]);
    expect(it.wait()).toBe(60 * SECOND);
    expect(it.state).toBe(TcpState.CLOSED);
  });

  test("figure 12, who follows", () => {
    const it = established().hear({ flags: FIN | ACK });
    expect(it.state).toBe(TcpState.CLOSE_WAIT);
    expect(it.lines()).toEqual([". 101:0 ack 302 win 7999"]);
    expect(it.take()).toBe("");
    it.give(5); // the other half still works
    expect(it.lines()).toEqual(["P. 101:5 ack 302 win 7999"]);
    finish(it.c);
    expect(it.state).toBe(TcpState.LAST_ACK);
    expect(it.lines()).toEqual(["F. 106:0 ack 302 win 7999"]);
    it.hear({ ack: 107 });
    expect(it.state).toBe(TcpState.CLOSED);
    expect(deadline(it.c)).toBe(FOREVER);
  });

  test("figure 13, both at once", () => {
    const it = established();
    finish(it.c);
    expect(it.lines()).toEqual(["F. 101:0 ack 301 win 8000"]);
    it.hear({ flags: FIN | ACK, seq: 301, ack: 101 });
    expect(it.state).toBe(TcpState.CLOSING);
    expect(it.lines()).toEqual([". 102:0 ack 302 win 7999"]);
    it.hear({ seq: 302, ack: 102 });
    expect(it.state).toBe(TcpState.TIME_WAIT);
  });

  test("FIN-WAIT-1: FIN and the acknowledgement of ours in one", () => {
    const it = finWait1().hear({ flags: FIN | ACK });
    expect(it.state).toBe(TcpState.TIME_WAIT);
  });

  test("a FIN that comes before data in front of it waits", () => {
    const it = established().hear({ flags: FIN | ACK, seq: 304, text: "def" });
    expect(it.state).toBe(TcpState.ESTABLISHED);
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    it.hear({ seq: 301, text: "abc" });
    expect(it.state).toBe(TcpState.CLOSE_WAIT);
    expect([it.take(), it.take()]).toEqual(["abcdef", ""]);
  });

  test("TIME-WAIT: the FIN again is acknowledged and starts the time anew", () => {
    const it = timeWait().at(10 * SECOND);
    it.hear({ flags: FIN | ACK, seq: 301 });
    expect(it.lines()).toEqual([". 102:0 ack 302 win 7999"]);
    expect(it.wait()).toBe(70 * SECOND);
  });

  test("TIME-WAIT: a reset does not end it (RFC 1337)", () => {
    expect(timeWait().hear({ flags: RST }).state).toBe(TcpState.TIME_WAIT);
  });

  test("CLOSING and LAST-ACK end with a reset", () => {
    expect(closing().hear({ flags: RST }).state).toBe(TcpState.CLOSED);
    expect(lastAck().hear({ flags: RST }).state).toBe(TcpState.CLOSED);
  });

  test("our FIN is sent again, with the data before it", () => {
    const it = established();
    it.give(3);
    finish(it.c);
    expect(it.lines()).toEqual(["FP. 101:3 ack 301 win 8000"]);
    it.wait();
    expect(it.lines()).toEqual(["FP. 101:3 ack 301 win 8000"]);
    it.hear({ ack: 104 });
    it.wait();
    expect(it.lines()).toEqual(["F. 104:0 ack 301 win 8000"]);
    it.hear({ ack: 105 });
    expect(it.state).toBe(TcpState.FIN_WAIT_2);
  });

  test("closed by its program: FIN-WAIT-2 has a limit, and data that nobody reads is reset (RFC 1122 4.2.2.13)", () => {
    const it = established();
    close(it.c);
    it.sent();
    it.hear({});
    expect(it.lines()).toEqual([]);
    expect(it.wait()).toBe(60 * SECOND);
    expect(it.state).toBe(TcpState.CLOSED);

    const other = established();
    close(other.c);
    other.sent();
    other.hear({ text: "late" });
    expect(other.lines()).toEqual(["R. 102:0 ack 301 win 0"]);
    expect(other.state).toBe(TcpState.CLOSED);
  });

  test("closed with unread data: a reset at once", () => {
    const it = established().hear({ text: "unread" });
    close(it.c);
    expect(it.lines()).toEqual(["R. 101:0 ack 307 win 0"]);
  });

  test("aborted", () => {
    const it = established();
    abort(it.c);
    expect(it.lines()).toEqual(["R. 101:0 ack 301 win 0"]);
    const early = synSent();
    abort(early.c);
    expect([early.lines(), early.state]).toEqual([[], TcpState.CLOSED]);
  });

  test("nothing more is taken after finish", () => {
    const it = finWait1();
    expect(it.give(1)).toBe("closed");
    expect(closeWait().give(1)).toBe(1);
    expect(lastAck().give(1)).toBe("closed");
  });
});

// --- what is believed ------------------------------------------------------------------------------------------------

describe("acceptability (RFC 9293 table 6)", () => {
  // Window 8000 from 301 on.
  const rows: [string, Partial<Segment> & { text?: number }, boolean][] = [
    ["empty at the left edge", { seq: 301 }, true],
    ["empty at the last number", { seq: 8300 }, true],
    ["empty behind it", { seq: 8301 }, false],
    ["empty before it", { seq: 300 }, false],
    ["text that begins before and reaches in", { seq: 291, text: 11 }, true],
    ["text that ends just before", { seq: 291, text: 10 }, false],
    ["text that begins at the last number", { seq: 8300, text: 10 }, true],
    ["text behind it", { seq: 8301, text: 1 }, false],
  ];
  test.each(rows)("%s", (_name, segment, acceptable) => {
    const it = established().hear(segment);
    expect(it.drops.includes("tcp: outside the window")).toBe(!acceptable);
    if (!acceptable) expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
  });

  test("with the window at zero only what is empty and at its place", () => {
    const it = established().hear({ text: 8000 });
    expect(it.lines()).toEqual([". 101:0 ack 8301 win 0"]);
    it.give(10);
    it.sent();
    it.hear({ text: 1, ack: 106 }); // a probe: answered, and its acknowledgement counts
    expect(it.lines()).toEqual([". 111:0 ack 8301 win 0"]);
    expect(it.c.snd.una).toBe(106);
    it.hear({ ack: 111 });
    expect(it.c.snd.una).toBe(111);
    expect(it.lines()).toEqual([]);
  });
});

describe("blind attacks (RFC 5961)", () => {
  test("a reset: exactly at rcv.nxt, in the window, outside", () => {
    const inside = established().hear({ flags: RST, seq: 302 });
    expect([inside.state, inside.lines()]).toEqual([TcpState.ESTABLISHED, [". 101:0 ack 301 win 8000"]]);
    const outside = established().hear({ flags: RST, seq: 8301 });
    expect([outside.state, outside.lines()]).toEqual([TcpState.ESTABLISHED, []]);
    const exact = established().hear({ flags: RST, seq: 301 });
    expect([exact.state, exact.c.error, exact.lines()]).toEqual([TcpState.CLOSED, "reset", []]);
  });

  test.each([301, 5000, 100_000])("a SYN, whatever its number (%i), is challenged", (seq) => {
    const it = established().hear({ flags: SYN, seq });
    expect([it.state, it.lines()]).toEqual([TcpState.ESTABLISHED, [". 101:0 ack 301 win 8000"]]);
  });

  test("an acknowledgement of the future, or of long ago, brings no data in", () => {
    const it = established().hear({ ack: 102, text: "evil" });
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    it.hear({ ack: (OURS + 1 - 8001) >>> 0, text: "evil" });
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    expect(it.take()).toBe("would-block");
    it.hear({ ack: (OURS + 1 - 8000) >>> 0, text: "good" });
    expect(it.take()).toBe("good");
  });

  test("challenges have a limit", () => {
    const it = established();
    it.challenges = 1;
    it.hear({ flags: SYN, seq: 400 }).sent();
    it.hear({ flags: SYN, seq: 400 });
    expect(it.lines()).toEqual([]);
  });

  test("a segment without ACK is dropped", () => {
    expect(established().hear({ flags: 0, text: "x" }).take()).toBe("would-block");
  });
});

// --- receiving -------------------------------------------------------------------------------------------------------

describe("acknowledging (RFC 9293 3.8.6.3, RFC 5681 4.2)", () => {
  test("one segment waits for 40 ms, the second is acknowledged at once", () => {
    const it = established().hear({ text: 1000 });
    expect(it.lines()).toEqual([]);
    expect(it.wait()).toBe(40 * MS);
    expect(it.lines()).toEqual([". 101:0 ack 1301 win 7000"]);
    it.hear({ text: 1000 });
    expect(it.lines()).toEqual([]);
    it.hear({ text: 1000 });
    expect(it.lines()).toEqual([". 101:0 ack 3301 win 5000"]);
    expect(deadline(it.c)).toBe(FOREVER);
  });

  test("the first segments of a connection are acknowledged at once", () => {
    const it = established({ quickAcks: 2 });
    for (const ack of [302, 303]) {
      it.hear({ text: "x" });
      expect(it.lines().map((text) => text.split(" ")[3])).toEqual([String(ack)]);
    }
    it.hear({ text: "x" });
    expect(it.lines()).toEqual([]);
    expect(it.wait()).toBe(40 * MS);
  });

  test("an answer carries the acknowledgement", () => {
    const it = established().hear({ text: "question" });
    it.give(6);
    expect(it.lines()).toEqual(["P. 101:6 ack 309 win 7992"]);
    it.hear({});
    expect(deadline(it.c)).toBe(FOREVER);
  });

  test("a gap is told at once, and so is its filling", () => {
    const it = established().hear({ seq: 311, text: "klmno" });
    expect(it.lines()).toEqual([". 101:0 ack 301 win 8000"]);
    it.hear({ seq: 301, text: "abcdefghij" });
    expect(it.lines()).toEqual([". 101:0 ack 316 win 7985"]);
    expect(it.take()).toBe("abcdefghijklmno");
  });

  test("SACK: the newest block first, at most four (RFC 2018 4)", () => {
    const it = established({ sack: true });
    const told = (seq: number): string => {
      it.hear({ seq, text: 10 });
      return it.lines().join();
    };
    expect(told(321)).toBe(". 101:0 ack 301 win 8000 sack 321,331");
    expect(told(341)).toBe(". 101:0 ack 301 win 8000 sack 341,351,321,331");
    expect(told(331)).toBe(". 101:0 ack 301 win 8000 sack 321,351");
    expect(told(401)).toBe(". 101:0 ack 301 win 8000 sack 401,411,321,351");
    expect(told(421)).toBe(". 101:0 ack 301 win 8000 sack 421,431,401,411,321,351");
    expect(told(441)).toBe(". 101:0 ack 301 win 8000 sack 441,451,421,431,401,411,321,351");
    expect(told(461)).toBe(". 101:0 ack 301 win 8000 sack 461,471,441,451,421,431,401,411");
    expect(told(301)).toBe(". 101:0 ack 311 win 7990 sack 461,471,441,451,421,431,401,411");
    expect(told(311)).toBe(". 101:0 ack 351 win 7950 sack 461,471,441,451,421,431,401,411");
  });

  test("what overlaps is taken once", () => {
    const it = established().hear({ seq: 301, text: "abcde" }).hear({ seq: 303, text: "XXXfgh" });
    expect(it.take()).toBe("abcdefgh");
    it.hear({ seq: 301, text: "abcde" });
    expect(it.lines()).toEqual([". 101:0 ack 309 win 7992"]);
    expect(it.take()).toBe("would-block");
  });

  test("what the window does not reach is cut off", () => {
    const it = established().hear({ text: 7999 }).hear({ text: "abc" });
    expect(it.lines()).toEqual([". 101:0 ack 8301 win 0"]);
    expect((it.take() as string).length).toBe(8000);
  });

  test("a closed window opens by a segment at least, and the peer is told (RFC 9293 3.8.6.2.2)", () => {
    const it = established().hear({ text: 4000 }).hear({ text: 4000 });
    expect(it.lines()).toEqual([". 101:0 ack 8301 win 0"]);
    it.take(999);
    expect(it.lines()).toEqual([]);
    it.take(3001);
    expect(it.lines()).toEqual([". 101:0 ack 8301 win 4000"]);
    it.take();
    expect(it.lines()).toEqual([]); // half the buffer is enough to go on with
  });

  test("after shutdown of receiving, data is acknowledged and thrown away", () => {
    const it = established();
    it.c.deaf = true;
    it.hear({ text: 4000 }).hear({ text: 4000 });
    expect(it.lines()).toEqual([". 101:0 ack 8301 win 8000"]);
    expect(it.take()).toBe("");
  });
});

// --- sending ---------------------------------------------------------------------------------------------------------

describe("sending", () => {
  test("segments of MSS, PSH on the last, within the initial window of ten (RFC 6928)", () => {
    const it = established();
    it.c.snd.wnd = it.c.snd.maxWnd = 60_000;
    expect(it.give(12_500)).toBe(12_500);
    const segments = it.sent();
    expect(segments.length).toBe(10);
    expect(segments.map((segment) => segment.seq)).toEqual(
      Array.from({ length: 10 }, (_, i) => 101 + i * 1000),
    );
    it.hear({ ack: 2101, window: 60_000 });
    // Two acknowledged, and slow start lets one more out (RFC 5681 (2)).
    expect(it.lines()).toEqual([". 10101:1000 ack 301 win 8000", ". 11101:1000 ack 301 win 8000"]);
    // The rest is small, and waits until nothing is under way any more (Nagle).
    it.hear({ ack: 11_101, window: 60_000 });
    expect(it.lines()).toEqual([]);
    it.hear({ ack: 12_101, window: 60_000 });
    expect(it.lines()).toEqual(["P. 12101:500 ack 301 win 8000"]);
  });

  test("the peer's window is the limit", () => {
    const it = established();
    it.give(20_000);
    expect(it.sent().length).toBe(8);
    it.hear({ ack: 4101, window: 8000 });
    expect(it.lines().length).toBe(4);
  });

  test("Nagle: a small segment waits for what is under way (RFC 9293 3.7.4)", () => {
    const it = established();
    it.give(10);
    expect(it.lines()).toEqual(["P. 101:10 ack 301 win 8000"]);
    it.give(10);
    it.give(10);
    expect(it.lines()).toEqual([]);
    it.hear({ ack: 111 });
    expect(it.lines()).toEqual(["P. 111:20 ack 301 win 8000"]);
  });

  test("without Nagle it does not", () => {
    const it = established({}, { noDelay: true });
    it.give(10);
    it.sent();
    it.give(10);
    expect(it.lines()).toEqual(["P. 111:10 ack 301 win 8000"]);
  });

  test("silly windows are not used (RFC 9293 3.8.6.2.1), until the persist timer overrides", () => {
    const it = established();
    it.give(5000);
    it.sent();
    it.hear({ ack: 5101, window: 500 });
    it.give(5000);
    expect(it.lines()).toEqual([]);
    expect(it.wait()).toBe(200 * MS); // the RTO
    expect(it.lines()).toEqual([". 5101:500 ack 301 win 8000"]);
  });

  test("a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)", () => {
    const it = established();
    it.give(8000);
    it.sent();
    it.hear({ ack: 8101, window: 0 });
    it.give(100);
    expect(it.lines()).toEqual([]);
    const times: number[] = [];
    for (let probe = 0; probe < 12; probe++) {
      times.push(it.wait() / SECOND);
      expect(it.lines()).toEqual([". 8101:1 ack 301 win 8000"]);
      it.hear({ ack: 8101, window: 0 });
      expect(it.lines()).toEqual([]);
    }
    expect(times).toEqual([0.2, 0.6, 1.4, 3, 6.2, 12.6, 25.4, 51, 102.2, 162.2, 222.2, 282.2]);
    it.hear({ ack: 8101, window: 8000 });
    // The byte of the probe was not taken: it comes first.
    expect(it.lines()).toEqual([". 8101:1 ack 301 win 8000"]);
    it.hear({ ack: 8102, window: 8000 });
    expect(it.lines()).toEqual(["P. 8102:99 ack 301 win 8000"]);
  });

  test("a closed window whose owner does not answer ends the connection", () => {
    const it = established({ retries: 3 });
    it.give(8000);
    it.sent();
    it.hear({ ack: 8101, window: 0 });
    it.give(100);
    for (let probe = 0; probe < 3; probe++) {
      it.sent();
      it.wait();
    }
    expect(it.state).toBe(TcpState.ESTABLISHED);
    it.sent();
    it.wait();
    expect([it.state, it.c.error]).toEqual([TcpState.CLOSED, "timed-out"]);
  });

  test("a window that opens with the acknowledgement of the probe's byte", () => {
    const it = established();
    it.give(8000);
    it.sent();
    it.hear({ ack: 8101, window: 0 });
    it.give(100);
    it.sent();
    it.wait();
    it.sent();
    it.hear({ ack: 8102, window: 4000 });
    expect(it.lines()).toEqual(["P. 8102:99 ack 301 win 8000"]);
  });
});

// --- time ------------------------------------------------------------------------------------------------------------

describe("retransmission (RFC 6298)", () => {
  test("a SYN that nobody answers: eight times in three minutes (RFC 9293 MUST-23)", () => {
    const it = new Bench(false);
    open(it.c);
    const times: number[] = [];
    while (it.state === TcpState.SYN_SENT) {
      times.push(it.now / SECOND);
      expect(it.lines()).toEqual(["S 100:0 win 8000"]);
      it.wait();
    }
    expect(times).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
    expect([it.now / SECOND, it.c.error]).toEqual([183, "timed-out"]);
  });

  test("a SYN-ACK that nobody answers is given up in silence", () => {
    const it = synReceived();
    while (it.state === TcpState.SYN_RECEIVED) {
      it.wait();
      it.sent();
    }
    expect([it.now / SECOND, it.c.error]).toEqual([63, undefined]);
  });

  test("after a lost SYN the time-out is three seconds and the window one segment (5.7, RFC 6928)", () => {
    const it = synSent();
    it.wait();
    it.sent();
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101, mss: MSS });
    it.give(3000);
    expect(it.sent().filter((segment) => segment.payload.length > 0).length).toBe(1);
    expect(deadline(it.c) - it.now).toBe(3 * SECOND);
  });

  test("the first measurement and those after it (2.2, 2.3)", () => {
    const it = established(); // SYN answered in no time: SRTT = 0
    expect(it.c.rtt).toEqual({ srtt: 0, rttvar: 0, rto: 200 * MS });
    it.give(10);
    it.sent();
    it.at(100 * MS).hear({});
    // RTTVAR = 3/4 * 0 + 1/4 * |0 - 100 ms|, SRTT = 7/8 * 0 + 1/8 * 100 ms
    expect(it.c.rtt).toEqual({ srtt: 12_500, rttvar: 25_000, rto: 212_500 });
  });

  test("the RTO is SRTT + 4 * RTTVAR, or 200 ms above SRTT if that is more", () => {
    const it = synSent().at(800 * MS);
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101, mss: MSS });
    expect(it.c.rtt).toEqual({ srtt: 800_000, rttvar: 400_000, rto: 2_400_000 });
  });

  test("what is sent twice measures nothing (Karn), and the back-off stays until something does", () => {
    const it = established();
    it.give(10);
    it.sent();
    it.wait();
    it.sent();
    expect(it.c.rtt.rto).toBe(400 * MS);
    it.now += 50 * MS;
    it.hear({});
    expect(it.c.rtt).toEqual({ srtt: 0, rttvar: 0, rto: 400 * MS });
  });

  test("with timestamps it does (RFC 7323 4)", () => {
    const it = established({ timestamps: true });
    it.give(10);
    it.sent();
    it.wait();
    it.sent();
    it.now += 80 * MS;
    it.hear({ timestamps: true, tsVal: 1001, tsEcr: 0 }); // answers the first, 280 ms ago
    expect(it.c.rtt.srtt).toBe(35_000);
  });

  test("data: doubled each time, up to a minute, until R2", () => {
    const it = established({ retries: 10 });
    it.give(10);
    const times: number[] = [];
    while (it.state === TcpState.ESTABLISHED) {
      times.push(it.now / SECOND);
      expect(it.lines()).toEqual(["P. 101:10 ack 301 win 8000"]);
      it.wait();
    }
    expect(times).toEqual([0, 0.2, 0.6, 1.4, 3, 6.2, 12.6, 25.4, 51, 102.2, 162.2]);
    expect([it.now / SECOND, it.c.error]).toEqual([222.2, "timed-out"]);
  });

  test("after a time-out all is sent again from one segment on (RFC 5681 3.1)", () => {
    const it = established();
    it.give(8000);
    expect(it.sent().length).toBe(8);
    it.wait();
    expect(it.lines()).toEqual([". 101:1000 ack 301 win 8000"]);
    expect([it.c.congestion.cwnd, it.c.congestion.ssthresh]).toEqual([1000, 4000]);
    it.hear({ ack: 1101 });
    expect(it.lines()).toEqual([". 1101:1000 ack 301 win 8000", ". 2101:1000 ack 301 win 8000"]);
    it.hear({ ack: 8101 });
    expect([it.lines(), it.c.congestion.phase]).toEqual([[], "open"]);
  });

  test("the timer starts anew when something is acknowledged (5.3), and stops when all is (5.2)", () => {
    const it = established();
    it.give(2000);
    it.sent();
    it.at(150 * MS).hear({ ack: 1101 });
    expect(deadline(it.c)).toBe(150 * MS + it.c.rtt.rto);
    it.hear({ ack: 2101 });
    expect(deadline(it.c)).toBe(FOREVER);
  });

  test("the user timeout (RFC 9293 3.8.3)", () => {
    const it = established({}, { userTimeout: 5 * SECOND });
    it.give(10);
    while (it.state === TcpState.ESTABLISHED) {
      it.sent();
      it.wait();
    }
    expect([it.now / SECOND, it.c.error]).toEqual([6.2, "timed-out"]); // the first expiry after 5 s
  });
});

describe("keep-alive (RFC 9293 3.8.4)", () => {
  test("after two hours of silence, nine probes, 75 s apart", () => {
    const it = established({}, { keepAlive: true });
    const times: number[] = [];
    while (it.state === TcpState.ESTABLISHED) {
      times.push(it.wait() / SECOND);
      if (it.state === TcpState.ESTABLISHED) expect(it.lines()).toEqual([". 100:0 ack 301 win 8000"]);
    }
    expect(times).toEqual(Array.from({ length: 10 }, (_, i) => 7200 + 75 * i));
    expect(it.c.error).toBe("timed-out");
  });

  test("an answer gives two hours more", () => {
    const it = established({}, { keepAlive: true });
    it.wait();
    it.sent();
    it.hear({});
    expect(it.lines()).toEqual([]);
    while (it.wait() < 14_400 * SECOND) expect(it.lines()).toEqual([]);
    expect(it.lines()).toEqual([". 100:0 ack 301 win 8000"]);
  });

  test("a probe of the peer's is answered", () => {
    expect(established().hear({ seq: 300 }).lines()).toEqual([". 101:0 ack 301 win 8000"]);
  });
});

// --- loss ------------------------------------------------------------------------------------------------------------

describe("fast retransmit and recovery without SACK (RFC 5681 3.2, RFC 6582)", () => {
  test("three duplicates, the retransmission, inflation, and the end", () => {
    const it = established();
    it.c.snd.wnd = it.c.snd.maxWnd = 60_000;
    it.give(30_000);
    expect(it.sent().length).toBe(10); // 101 … 10101; 101 is lost
    const dup = { ack: 101, window: 60_000 };
    it.hear(dup);
    it.hear(dup);
    expect(it.lines().map((text) => text.split(" ")[1])).toEqual(["10101:1000", "11101:1000"]); // RFC 3042
    it.hear(dup);
    expect(it.lines().map((text) => text.split(" ")[1])).toEqual(["101:1000"]);
    expect([it.c.congestion.ssthresh, it.c.congestion.cwnd]).toEqual([6000, 6000]);
    // 12 under way, 3 of them have left: each further duplicate lets one out as soon as 6 are left.
    for (let i = 0; i < 3; i++) {
      it.hear(dup);
      expect(it.lines()).toEqual([]);
    }
    it.hear(dup);
    expect(it.lines().map((text) => text.split(" ")[1])).toEqual(["12101:1000"]);
    // Everything sent before the recovery is acknowledged: it is over.
    it.hear({ ack: 12_101, window: 60_000 });
    expect(it.c.congestion.phase).toBe("open");
    expect(it.c.congestion.cwnd).toBe(2000); // min(ssthresh, max(FlightSize, SMSS) + SMSS)
  });

  test("a partial acknowledgement brings the next missing one at once", () => {
    const it = established();
    it.give(8000);
    it.sent(); // 101 and 3101 are lost
    for (let i = 0; i < 3; i++) it.hear({ ack: 101 });
    expect(it.lines().map((text) => text.split(" ")[1])).toEqual(["101:1000"]);
    it.hear({ ack: 3101 });
    expect(it.lines().map((text) => text.split(" ")[1])).toEqual(["3101:1000"]);
    expect(it.c.congestion.phase).toBe("fast");
    it.hear({ ack: 8101 });
    expect([it.c.congestion.phase, it.lines()]).toEqual(["open", []]);
  });

  test("acknowledgements with data, or with another window, are no duplicates", () => {
    const it = established();
    it.give(8000);
    it.sent();
    for (let i = 0; i < 5; i++) it.hear({ ack: 101, window: 8001 + i });
    for (let i = 0; i < 5; i++) it.hear({ ack: 101, window: 8005, text: "x" });
    expect(it.c.congestion.phase).toBe("open");
  });
});

describe("recovery with SACK (RFC 6675, 8985, 6937)", () => {
  /** Ten segments have left, and a round trip of 100 ms is over. */
  const sacking = () => {
    const it = established({ sack: true });
    it.c.snd.wnd = it.c.snd.maxWnd = 60_000;
    it.give(30_000);
    expect(it.sent().length).toBe(10);
    it.now += 100 * MS;
    return it;
  };
  const seqs = (it: Bench) => it.lines().map((text) => text.split(" ")[1]);

  test("two holes are filled in one round trip, and the window comes down bit by bit", () => {
    const it = sacking(); // 101 and 2101 are lost
    it.hear({ ack: 101, window: 60_000, sack: [1101, 2101] });
    expect(seqs(it)).toEqual(["10101:1000"]); // one has left: limited transmit by the pipe
    it.hear({ ack: 101, window: 60_000, sack: [3101, 4101, 1101, 2101] });
    expect(seqs(it)).toEqual(["11101:1000"]);
    it.hear({ ack: 101, window: 60_000, sack: [3101, 5101, 1101, 2101] });
    // Three have come that were sent later: both are lost, and the first goes at once.
    expect(seqs(it)).toEqual(["101:1000"]);
    expect([it.c.congestion.phase, it.c.congestion.ssthresh]).toEqual(["fast", 6000]);
    // More is under way than the threshold, so fewer go than come, until it is reached.
    const sentFor: number[] = [];
    for (const right of [6101, 7101, 8101, 9101, 10_101]) {
      it.hear({ ack: 101, window: 60_000, sack: [3101, right, 1101, 2101] });
      const seq = seqs(it);
      sentFor.push(seq.length);
      if (sentFor.length === 3) expect(seq).toEqual(["2101:1000"]);
    }
    expect(sentFor).toEqual([0, 0, 1, 1, 1]);
    it.hear({ ack: it.c.snd.nxt, window: 60_000 });
    expect([it.c.congestion.phase, it.c.congestion.cwnd]).toEqual(["open", 6000]);
  });

  test("one that comes late gets a quarter of a round trip before it is taken for lost", () => {
    const it = sacking();
    it.hear({ ack: 101, window: 60_000, sack: [1101, 2101] });
    expect(it.c.timers.reorder).toBe(it.now + 25 * MS);
    it.sent();
    it.now += 20 * MS;
    it.hear({ ack: 2101, window: 60_000 });
    expect([it.c.congestion.phase, it.c.timers.reorder, it.c.repeated]).toEqual(["open", FOREVER, 0]);
    // From now on more than three later ones are no proof either.
    it.sent();
    it.now += 10 * MS;
    it.hear({ ack: 2101, window: 60_000, sack: [3101, 8101] });
    expect(it.c.congestion.phase).toBe("open");
    it.sent();
    it.now = it.c.timers.reorder;
    expire(it.c, it.now);
    expect([it.c.congestion.phase, seqs(it)[0]]).toEqual(["fast", "2101:1000"]);
  });

  test("a retransmission that is lost is found by what was sent after it", () => {
    const it = sacking();
    it.hear({ ack: 101, window: 60_000, sack: [1101, 9101] });
    expect(seqs(it)[0]).toBe("101:1000");
    it.now += 50 * MS;
    it.hear({ ack: 101, window: 60_000, sack: [1101, 10_101] });
    const [fresh] = seqs(it);
    expect(Number(fresh!.split(":")[0])).toBeGreaterThan(10_000);
    it.now += 100 * MS;
    const from = Number(fresh!.split(":")[0]);
    it.hear({ ack: 101, window: 60_000, sack: [1101, from + 1000] });
    expect(seqs(it)).toContain("101:1000");
    expect(it.c.timeouts).toBe(0);
  });

  test("a D-SACK makes more patient, for sixteen recoveries (RFC 8985 6.2)", () => {
    const it = sacking();
    it.hear({ ack: 1101, window: 60_000, sack: [101, 1101] });
    expect(it.c.rack.multiple).toBe(2);
    it.hear({ ack: 1101, window: 60_000, sack: [101, 1101] });
    expect(it.c.rack.multiple).toBe(2); // once a round trip
  });

  test("what was only slow costs nothing in the end (RFC 3522, 4015)", () => {
    const it = established({ sack: true, timestamps: true });
    it.c.snd.wnd = it.c.snd.maxWnd = 60_000;
    it.give(30_000);
    const before = it.sent();
    expect(before[0]).toMatchObject({ timestamps: true });
    const { cwnd, ssthresh } = it.c.congestion;
    it.now += 300 * MS;
    expire(it.c, it.now);
    while (it.c.timeouts === 0) {
      it.sent();
      it.now = deadline(it.c);
      expire(it.c, it.now);
    }
    expect(it.c.congestion.phase).toBe("loss");
    it.sent();
    it.now += 10 * MS;
    const echo = { timestamps: true, tsVal: 2000, tsEcr: before[0]!.tsVal };
    it.hear({ ack: before[1]!.seq, window: 60_000, ...echo });
    expect([it.c.congestion.phase, it.c.congestion.ssthresh]).toEqual(["open", ssthresh]);
    expect(it.c.congestion.cwnd).toBeGreaterThanOrEqual(cwnd);
    expect(it.sent().every(({ seq }) => seq >= before.at(-1)!.seq)).toBe(true); // nothing more is sent again
  });

  test("what was reported received is not sent again, until a time-out (RFC 2018 8)", () => {
    const it = sacking();
    it.hear({ ack: 101, window: 60_000, sack: [1101, 10_101] });
    expect(seqs(it)[0]).toBe("101:1000");
    while (it.c.timeouts === 0) {
      it.sent();
      it.now = deadline(it.c);
      expire(it.c, it.now);
    }
    expect(seqs(it)).toEqual(["101:1000"]);
    it.hear({ ack: 1101, window: 60_000 });
    expect(seqs(it)).toEqual(["1101:1000", "2101:1000"]);
  });

  test("blocks that make no sense are ignored", () => {
    const it = sacking();
    for (const sack of [
      [90_000, 91_000],
      [5101, 4101],
      [50, 80],
      [101, 20_000],
    ]) {
      it.hear({ ack: 101, window: 60_000, sack });
    }
    expect([it.c.scoreboard.empty, it.c.congestion.dupAcks]).toEqual([true, 0]);
  });
});

// --- options ---------------------------------------------------------------------------------------------------------

describe("options", () => {
  test("a SYN offers all; an answer only what was offered", () => {
    const all: Partial<TcpSettings> = {
      sack: true,
      timestamps: true,
      windowScaling: true,
      receiveBuffer: 256 * 1024,
    };
    const active = new Bench(false, all);
    open(active.c);
    expect(active.sent()).toEqual([
      {
        ...emptySegment,
        sourcePort: 49152,
        destinationPort: 80,
        seq: 100,
        flags: SYN,
        window: 65535,
        mss: MSS,
        scale: 3,
        sackPermitted: true,
        timestamps: true,
      },
    ]);
    const [answer] = new Bench(true, all).hearSyn().sent();
    expect(answer).toMatchObject({
      mss: MSS,
      scale: -1,
      sackPermitted: false,
      timestamps: false,
      window: 65535,
    });
    const [full] = new Bench(true, all)
      .hearSyn({ scale: 7, sackPermitted: true, timestamps: true, tsVal: 5 })
      .sent();
    expect(full).toMatchObject({ scale: 3, sackPermitted: true, timestamps: true, tsEcr: 5 });
  });

  test("scaled windows, theirs and ours; never scaled in a SYN", () => {
    const it = new Bench(true, { windowScaling: true, receiveBuffer: 256 * 1024 }).hearSyn({
      scale: 7,
      window: 1000,
    });
    expect(it.c.snd.wnd).toBe(1000);
    it.sent();
    it.hear({ ack: 101, window: 1000 });
    expect(it.c.snd.wnd).toBe(128_000);
    it.give(1);
    expect(it.lines()).toEqual(["P. 101:1 ack 301 win 32768"]);
  });

  test("without the MSS option a peer takes 536 (RFC 9293 3.7.1)", () => {
    const it = synSent().hear({ flags: SYN | ACK, seq: 300, ack: 101 });
    it.give(1000);
    expect(it.lines()[0]).toBe(". 101:536 ack 301 win 8000");
  });

  test("timestamps take their room from the data (RFC 6691), and are echoed", () => {
    const it = established({ timestamps: true });
    it.now = 5 * MS;
    it.give(2000);
    const [first] = it.sent();
    expect(first).toMatchObject({ timestamps: true, tsVal: 5, tsEcr: 1000 });
    expect(first!.payload.length).toBe(MSS - 12);
  });

  test("PAWS: an old timestamp is acknowledged and dropped (RFC 7323 5.3)", () => {
    const it = established({ timestamps: true });
    it.hear({ timestamps: true, tsVal: 2000, text: "new" });
    it.hear({ timestamps: true, tsVal: 1999, text: "old" });
    expect(it.take()).toBe("new");
    expect(it.lines().length).toBe(1);
    expect(it.drops).toEqual(["tcp: old timestamp"]);
    it.now += 25 * 24 * 3600 * SECOND; // after so long it says nothing
    it.hear({ timestamps: true, tsVal: 1999, text: "young" });
    expect(it.take()).toBe("young");
  });

  test("a segment without the agreed timestamp is dropped, a reset is not (RFC 7323 3.2)", () => {
    const it = established({ timestamps: true }).hear({ text: "x" });
    expect([it.take(), it.lines()]).toEqual(["would-block", []]);
    expect(it.hear({ flags: RST }).state).toBe(TcpState.CLOSED);
  });

  test("the timestamp echoed is that of the segment in front of the gap (RFC 7323 4.3)", () => {
    const it = established({ timestamps: true });
    it.hear({ timestamps: true, tsVal: 1010, seq: 311, text: "later" });
    expect(it.sent()[0]!.tsEcr).toBe(1000);
    it.hear({ timestamps: true, tsVal: 1020, seq: 301, text: "0123456789" });
    expect(it.sent()[0]!.tsEcr).toBe(1020);
  });
});

test("numbers go round at 2^32 without anybody noticing", () => {
  const it = new Bench(false);
  Object.assign(it.c.snd, { iss: 0xffffff00, una: 0xffffff00, nxt: 0xffffff00 });
  Object.assign(it.c.congestion, { recover: 0xffffff00, rxt: 0xffffff00, lost: 0xffffff00 });
  open(it.c);
  it.sent();
  it.hear({ flags: SYN | ACK, seq: 0xfffffffe, ack: 0xffffff01, mss: MSS });
  it.sent();
  it.give(3000);
  expect(it.sent().map((segment) => segment.seq)).toEqual([0xffffff01, 745, 1745]);
  it.hear({ ack: 2745, text: "abcdef" });
  expect([it.take(), it.c.snd.una, it.c.rcv.nxt]).toEqual(["abcdef", 2745, 5]);
});

describe("whatever comes, in whatever order", () => {
  const makers = [
    synSent,
    synReceived,
    established,
    closeWait,
    finWait1,
    finWait2,
    closing,
    lastAck,
    timeWait,
  ];

  /** What holds at every moment, as distances so that the turn at 2^32 does not matter. */
  function check(it: Bench): void {
    const { snd, rcv, congestion, sendBuffer, receiveBuffer, timers } = it.c;
    const from = (sequence: number) => (sequence - snd.una) | 0;
    const must = (holds: boolean, rule: string) => {
      if (!holds)
        throw new Error(`${rule}: ${JSON.stringify({ state: it.state, snd, rcv, congestion, timers })}`);
    };
    const flight = from(snd.nxt);
    must(flight >= 0, "una <= nxt");
    must(from(congestion.rxt) >= 0 && from(congestion.rxt) <= flight, "una <= rxt <= nxt");
    must(from(congestion.lost) >= 0 && from(congestion.lost) <= flight, "una <= lost <= nxt");
    must(congestion.cwnd >= 0 && rcv.wnd >= 0, "no window is negative");
    must(
      receiveBuffer.length + rcv.wnd <= receiveBuffer.capacity,
      "no more is offered than there is room for",
    );
    if (it.state === TcpState.CLOSED || it.state === TcpState.TIME_WAIT) return;
    const finAcknowledged = snd.fin !== undefined && from(snd.fin) < 0;
    const end =
      (snd.synAcked ? 0 : 1) + sendBuffer.length + (snd.fin === undefined || finAcknowledged ? 0 : 1);
    must(flight <= end, "nothing is under way that was not written");
    // Otherwise the connection could stand still for ever.
    const watched = timers.retransmit !== FOREVER || timers.persist !== FOREVER;
    must(flight === 0 || watched, "what is under way is watched by a timer");
  }

  test.each([
    ["bare", {}],
    ["with SACK and timestamps", { sack: true, timestamps: true }],
  ] as const)("%s", (_name, settings) => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = new Random(seed);
      const maker = makers[random.below(seed % 2 === 0 ? 3 : makers.length)]!;
      const it =
        maker === established || maker === synSent || maker === synReceived ? maker(settings) : maker();
      const { c } = it;
      const near = (sequence: number) => (sequence + random.below(5) * 1000 - 2000 + random.below(3)) >>> 0;
      for (let step = 0; step < 60; step++) {
        switch (random.below(8)) {
          case 0:
            it.give(random.below(5000));
            break;
          case 1:
            it.take(random.below(9000));
            break;
          case 2:
            if (deadline(c) !== FOREVER) it.wait();
            break;
          case 3:
            if (random.below(6) === 0) finish(c);
            else if (random.below(12) === 0) close(c);
            break;
          default: {
            const flags = random.below(4) > 0 ? ACK : random.below(64);
            it.hear({
              flags,
              seq: random.below(3) > 0 ? c.rcv.nxt : near(c.rcv.nxt),
              ack: random.below(3) > 0 ? (c.snd.una + random.below(4) * 1000) >>> 0 : near(c.snd.nxt),
              window: [0, 1, 500, 8000, 65_535][random.below(5)]!,
              text: random.below(2) * random.below(3000),
              urgent: random.below(100),
              timestamps: random.below(5) > 0 && c.timestamps.on,
              tsVal: 1000 + step + random.below(3),
              tsEcr: Math.floor(it.now / MS),
              sack: random.below(3) === 0 ? [near(c.snd.una), near(c.snd.nxt)] : [],
            });
          }
        }
        it.sent();
        check(it);
      }
    }
  });
});
