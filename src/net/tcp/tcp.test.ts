/** One connection in each of its states: exact answers at exact times, and that nothing more is sent. */
import { describe, expect, test } from "vitest";
import {
  Bench,
  closeWait,
  closing,
  established,
  finWait1,
  finWait2,
  lastAck,
  MSS,
  OURS,
  synReceived,
  synSent,
  timeWait,
} from "../../../test/network/connection.ts";
import { FOREVER, MS, Random, SECOND } from "../../base/index.ts";
import { TcpState } from "../sockets.ts";
import { ACK, emptySegment, FIN, RST, type Segment, SYN } from "../wire/tcp.ts";
import { abort, close, deadline, finish, open } from "./connection.ts";
import type { TcpSettings } from "./settings.ts";

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
    other.hear({ text: "late", ack: 101 });
    // The peer has not got our FIN yet, and believes only the number that it expects (RFC 5961 3.2).
    expect([other.lines(), other.resets]).toEqual([[], [101]]);
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
    const exact = established().hear({ flags: RST, seq: 301, text: 3 }); // RFC 9293 3.5.3: data is allowed
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
