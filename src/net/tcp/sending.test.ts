/** What one connection sends and sends again: windows, timers, recovery. Exact segments at exact times. */
import { describe, expect, test } from "vitest";
import { Bench, established, MSS, synReceived, synSent } from "../../../test/network/connection.ts";
import { FOREVER, MS, SECOND } from "../../base/index.ts";
import { TcpState } from "../sockets.ts";
import { ACK, SYN } from "../wire/tcp.ts";
import { deadline, open } from "./connection.ts";
import { expire } from "./expire.ts";

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
    expect(it.lines()).toEqual([
      ". 10101:1000 ack 301 win 8000",
      ". 11101:1000 ack 301 win 8000",
      "P. 12101:500 ack 301 win 8000",
    ]);
  });

  test("the peer's window is the limit", () => {
    const it = established();
    it.give(20_000);
    expect(it.sent().length).toBe(8);
    it.hear({ ack: 4101, window: 8000 });
    expect(it.lines().length).toBe(4);
  });

  test("a small segment follows full ones, and waits for another small one (RFC 9293 A.3)", () => {
    const it = established();
    it.give(1500);
    expect(it.lines()).toEqual([". 101:1000 ack 301 win 8000", "P. 1101:500 ack 301 win 8000"]);
    it.give(300);
    it.hear({ ack: 1101 });
    expect(it.lines()).toEqual([]);
    it.hear({ ack: 1601 });
    expect(it.lines()).toEqual(["P. 1601:300 ack 301 win 8000"]);
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

  test("but not of a SYN that was lost: the first measurement is that of data", () => {
    const it = synSent({ timestamps: true });
    it.wait();
    it.sent();
    it.now += 10 * MS;
    const stamps = (value: number) => ({ timestamps: true, tsVal: 7000, tsEcr: value });
    it.hear({ flags: SYN | ACK, seq: 300, ack: 101, mss: MSS, ...stamps(0) }); // the first SYN's
    expect([it.c.rtt.srtt, it.c.rtt.rto]).toEqual([-1, 3 * SECOND]);
    it.give(10);
    const [data] = it.sent().slice(-1);
    it.now += 20 * MS;
    it.hear({ ack: 111, seq: 301, ...stamps(data!.tsVal) });
    expect([it.c.rtt.srtt, it.c.rtt.rto]).toEqual([20 * MS, 220 * MS]);
  });

  test("nor of what came twice: its acknowledgement was lost, and nothing is slow", () => {
    const it = established({ sack: true, timestamps: true });
    const echo = (value: number) => ({ timestamps: true, tsVal: 2000, tsEcr: value });
    it.give(1000);
    const [first] = it.sent();
    it.now += 20 * MS;
    it.hear({ ack: 1101, ...echo(first!.tsVal) });
    const { srtt, rto } = it.c.rtt;
    it.give(1000);
    const [lost] = it.sent();
    while (it.c.timeouts < 3) {
      it.wait();
      it.sent();
    }
    expect(it.c.rtt.rto).toBe(8 * rto);
    it.now += 20 * MS;
    it.hear({ ack: 2101, sack: [1101, 2101], ...echo(lost!.tsVal) });
    expect([it.c.rtt.srtt, it.c.rtt.rto]).toEqual([srtt, rto]);
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

  test("what comes before it could be sent again costs nothing either", () => {
    const it = sacking();
    const { cwnd, ssthresh } = it.c.congestion;
    it.hear({ ack: 101, window: 60_000, sack: [1101, 10_101] });
    expect([it.c.congestion.phase, it.c.congestion.cwnd < cwnd]).toEqual(["fast", true]);
    it.hear({ ack: 10_101, window: 60_000 }); // in the same instant: nothing has been sent meanwhile
    expect([it.c.congestion.phase, it.c.congestion.ssthresh]).toEqual(["open", ssthresh]);
    expect(it.c.congestion.cwnd).toBeGreaterThanOrEqual(cwnd);
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
