/**
 * How much may be in the network: slow start and congestion avoidance (RFC 5681), recovery without (RFC 6582) and with
 * SACK (RFC 6675, what is lost being found by time: RFC 8985, and the window reduced bit by bit: RFC 6937), limited transmit
 * (RFC 3042), an initial window of ten (RFC 6928), the way back when nothing was lost (RFC 3522, 4015); CUBIC (RFC 9438)
 * where it is wanted.
 *
 * All three recoveries are told in the words of RFC 6675: what lies below `lost` and has not been received is taken
 * for lost; of it, what lies below `rxt` has been sent again. `pipe` is what is believed to be under way, and anything
 * may be sent while it is smaller than cwnd. Without SACK a duplicate acknowledgement says only that one segment has
 * left the network: `dupBytes` counts those, which is the inflated window of RFC 6582 seen from the other side.
 */
import { FOREVER } from "../../base/index.ts";
import type { Connection } from "./connection.ts";
import { type Cubic, grow, newCubic, reduce, restore } from "./cubic.ts";
import { CSS_GROWTH_DIVISOR, type HyStart, heardInSlowStart, newHyStart } from "./hystart.ts";
import { forgetDelivered, lostAgainBytes, recovered } from "./rack.ts";
import { DUP_THRESH } from "./scoreboard.ts";
import { add, after, atOrAfter, before, distance, earlier, later, type Sequence } from "./sequence.ts";

export interface Congestion {
  cwnd: number;
  ssthresh: number;
  /** open = nothing is missing as far as we know; fast = fast recovery; loss = after a time-out. */
  phase: "open" | "fast" | "loss";
  dupAcks: number;
  dupBytes: number;
  /** RecoveryPoint: when this is acknowledged, recovery is over. */
  recover: Sequence;
  /** HighRxt + 1: unreceived numbers below it were sent again. una <= rxt <= nxt. */
  rxt: Sequence;
  /** Unreceived numbers below it are lost. una <= lost <= nxt. */
  lost: Sequence;
  /** The first retransmission of a recovery goes out whatever pipe says. */
  force: boolean;
  /** Bytes acknowledged in congestion avoidance that have not widened cwnd yet. */
  acked: number;
  /** The most that was under way at once in the round trip that ends when `usedUntil` is acknowledged. */
  used: number;
  usedUntil: Sequence;
  /** RFC 6937: what was under way when recovery began, and what has been delivered and sent since. */
  recoverFlight: number;
  prrDelivered: number;
  prrOut: number;
  /** What was before the window was reduced, and our timestamp of the first retransmission since (RFC 3522). */
  undo: { cwnd: number; ssthresh: number; stamp: number | undefined } | undefined;
  /** Only where the settings want it. */
  cubic: Cubic | undefined;
  /** With CUBIC (RFC 9438 4.10), until slow start has ended for the first time. */
  hystart: HyStart | undefined;
}

export function newCongestion(iss: Sequence, cubic: boolean): Congestion {
  return {
    cwnd: 0,
    ssthresh: 2 ** 30, // RFC 5681 3.1: "arbitrarily high"
    phase: "open",
    dupAcks: 0,
    dupBytes: 0,
    recover: iss,
    rxt: iss,
    lost: iss,
    force: false,
    acked: 0,
    used: 0,
    usedUntil: iss,
    recoverFlight: 0,
    prrDelivered: 0,
    prrOut: 0,
    undo: undefined,
    cubic: cubic ? newCubic() : undefined,
    hystart: cubic ? newHyStart(iss) : undefined,
  };
}

/** RFC 6928 with IW = `settings.initialWindow` segments. */
export function initialWindow(c: Connection): number {
  const segments = c.settings.initialWindow;
  return Math.min(segments * c.snd.mss, Math.max(2 * c.snd.mss, segments * 1460));
}

export const flightSize = (c: Connection): number => distance(c.snd.una, c.snd.nxt);

/** RFC 6675 SetPipe. */
export function pipe(c: Connection): number {
  const { una, nxt } = c.snd;
  const { lost, rxt, dupBytes } = c.congestion;
  let bytes = distance(lost, nxt) + distance(una, rxt);
  if (!c.scoreboard.empty) bytes -= c.scoreboard.received(lost, nxt) + c.scoreboard.received(una, rxt);
  return Math.max(0, bytes - dupBytes - lostAgainBytes(c));
}

/**
 * After snd.una has moved by `acked`; `flight` was under way before. With SACK, losses have been looked for, and `arrived` is
 * what is newly known to be delivered.
 */
export function acknowledged(c: Connection, acked: number, flight: number, arrived: number): void {
  const g = c.congestion;
  const { una, mss } = c.snd;
  g.rxt = later(g.rxt, una);
  g.lost = later(g.lost, una);
  if (g.phase === "open") {
    g.dupAcks = 0;
    g.dupBytes = 0;
    if (g.hystart && g.cwnd < g.ssthresh) {
      const { rtt } = c.rack; // of each acknowledgement only with SACK; without it nothing is known here
      if (heardInSlowStart(g.hystart, una, c.snd.nxt, rtt > 0 ? rtt : undefined)) g.ssthresh = g.cwnd;
    }
    // A window of which not even half was used says nothing about the network (RFC 7661 1).
    if (Math.max(flight, g.used) * 2 > g.cwnd) widen(c, acked);
  } else if (atOrAfter(una, g.recover)) {
    // RFC 6582 3.2 (3) full acknowledgement, the first of the two ways: no burst.
    // With SACK the window has come down to the threshold bit by bit (RFC 6937 5). If all has come before anything was sent
    // again, nothing had been lost.
    if (g.phase === "loss") widen(c, acked);
    else if (c.sack && g.force) giveBack(c);
    else if (c.sack) g.cwnd = g.ssthresh;
    else g.cwnd = Math.min(g.ssthresh, Math.max(flightSize(c), mss) + mss);
    endRecovery(c);
  } else if (g.phase === "loss") {
    widen(c, acked);
  } else if (c.sack) {
    reduceBy(c, arrived, true);
  } else {
    // RFC 6582 3.2 (3) partial acknowledgement: the next segment is missing too.
    g.rxt = una;
    g.lost = earlier(add(una, mss), c.snd.nxt);
    g.force = true;
    g.dupBytes = Math.max(0, g.dupBytes - acked + mss);
  }
}

/** Something has been sent for the first time. */
export function noteFlight(c: Connection): void {
  const g = c.congestion;
  const flight = flightSize(c);
  if (flight <= g.used && before(c.snd.una, g.usedUntil)) return;
  g.used = flight;
  g.usedUntil = c.snd.nxt;
}

function widen(c: Connection, acked: number): void {
  const g = c.congestion;
  const { mss } = c.snd;
  if (g.cwnd < g.ssthresh) {
    const more = Math.min(acked, c.settings.slowStartLimit * mss); // RFC 5681 (2), RFC 3465
    g.cwnd += g.hystart?.baseline === undefined ? more : Math.ceil(more / CSS_GROWTH_DIVISOR);
  } else if (g.cubic) {
    g.cwnd = Math.floor(grow(g.cubic, g.cwnd, acked, mss, c.rtt.srtt, c.heard));
  } else {
    g.acked += acked; // RFC 5681 3.1, the recommended counting of bytes
    if (g.acked >= g.cwnd) {
      g.acked -= g.cwnd;
      g.cwnd += mss;
    }
  }
}

/** An acknowledgement that acknowledges nothing new while data is under way (RFC 5681 section 2). */
export function duplicate(c: Connection, arrived: number): void {
  const g = c.congestion;
  const { una, mss } = c.snd;
  g.dupAcks++;
  if (g.phase === "fast") {
    if (c.sack) reduceBy(c, arrived, false);
    else g.dupBytes += mss;
    return;
  }
  if (g.phase === "loss" || c.sack) return; // with SACK `foundLost` begins a recovery
  g.dupBytes = Math.min(g.dupAcks, DUP_THRESH - 1) * mss; // RFC 3042
  // RFC 6582 3.2 (2): duplicates caused by our own retransmissions must not start another recovery.
  if (g.dupAcks < DUP_THRESH || atOrAfter(g.recover, una)) return;
  recover(c);
  g.cwnd = g.ssthresh;
  g.lost = earlier(add(una, mss), c.snd.nxt);
  g.dupBytes = DUP_THRESH * mss;
}

/** Fast retransmit: something is lost. What, the caller says. */
function recover(c: Connection): void {
  const g = c.congestion;
  c.probe.end = undefined;
  c.timers.probe = FOREVER;
  g.undo = { cwnd: g.cwnd, ssthresh: g.ssthresh, stamp: undefined };
  g.hystart = undefined;
  g.phase = "fast";
  g.recover = c.snd.nxt;
  g.ssthresh = threshold(c);
  g.rxt = c.snd.una;
  g.force = true;
  g.dupBytes = 0;
  g.recoverFlight = flightSize(c);
  g.prrDelivered = 0;
  g.prrOut = 0;
}

/**
 * With SACK, everything that is missing below `lost` is lost. `duplicate` or `acknowledged` comes next, and sets the window.
 */
export function foundLost(c: Connection, lost: Sequence): void {
  const g = c.congestion;
  const begins = g.phase === "open" && after(lost, c.snd.una);
  if (begins) recover(c);
  if (g.phase !== "open") g.lost = later(g.lost, lost);
}

/** The timer has found something lost; nothing has arrived. */
export function foundLostByTime(c: Connection, lost: Sequence): void {
  foundLost(c, lost);
  if (c.congestion.phase === "fast") reduceBy(c, 0, false);
}

/**
 * RFC 6937 section 3, with the guard of RFC 9937 5: the window comes down to the threshold in step with what is delivered,
 * and when more is lost than that, it grows back as in slow start.
 */
function reduceBy(c: Connection, arrived: number, advanced: boolean): void {
  const g = c.congestion;
  const { mss } = c.snd;
  const inPipe = pipe(c);
  g.prrDelivered += arrived;
  let room: number;
  if (inPipe > g.ssthresh) {
    const due = (g.prrDelivered * g.ssthresh) / Math.max(1, g.recoverFlight);
    room = Math.ceil(due / mss) * mss - g.prrOut; // whole segments, or a half would wait for its other half
  } else {
    room = Math.max(g.prrDelivered - g.prrOut, arrived);
    if (advanced) room += mss;
    room = Math.min(g.ssthresh - inPipe, room);
  }
  if (g.prrOut === 0) room = Math.max(room, mss); // the first retransmission goes at once
  g.cwnd = inPipe + Math.max(0, room);
}

/** RFC 5681 (4), or RFC 9438 4.6. */
function threshold(c: Connection): number {
  const { cubic, cwnd } = c.congestion;
  const { mss } = c.snd;
  return cubic ? reduce(cubic, cwnd, flightSize(c), mss) : Math.max(Math.floor(flightSize(c) / 2), 2 * mss);
}

/** RFC 3168 6.1.2: as for a loss, but nothing is to be sent again; once in a round trip. */
export function congestionEchoed(c: Connection): void {
  const g = c.congestion;
  if (g.phase !== "open" || before(c.snd.una, c.ecn.until)) return;
  g.ssthresh = threshold(c);
  g.cwnd = g.ssthresh;
  g.hystart = undefined;
  c.ecn.until = c.snd.nxt;
  c.ecn.reduced = true;
}

/** The retransmission timer has expired: all that is under way is taken for lost (RFC 5681 3.1, RFC 6582 4). */
export function timedOut(c: Connection, first: boolean): void {
  const g = c.congestion;
  // RFC 5681 (4): a segment that is lost a second time does not halve the threshold again.
  if (first) {
    if (g.phase === "open") g.undo = { cwnd: g.cwnd, ssthresh: g.ssthresh, stamp: undefined };
    g.ssthresh = threshold(c);
    g.hystart = undefined;
  }
  g.cwnd = c.snd.mss;
  g.acked = 0;
  // RFC 2018 section 8: the peer may have thrown away what it reported.
  c.scoreboard.clear();
  takeForLost(c);
}

/**
 * RFC 3522 3.2: the peer echoes a timestamp from before our first retransmission, so what we took for lost had only been slow.
 * RFC 4015: the window is as it was, and nothing more is sent again. Called before what was newly acknowledged is counted.
 */
export function undoIfSpurious(c: Connection, echo: number): void {
  const g = c.congestion;
  if (g.undo?.stamp === undefined || g.phase === "open" || !before(echo, g.undo.stamp)) return;
  giveBack(c);
  endRecovery(c);
}

/** The window is as it was. */
function giveBack(c: Connection): void {
  const g = c.congestion;
  if (g.undo === undefined) return;
  g.cwnd = Math.max(g.cwnd, g.undo.cwnd);
  g.ssthresh = Math.max(g.ssthresh, g.undo.ssthresh);
  if (g.cubic) restore(g.cubic);
}

/** Something is sent again at our timestamp `stamp`. */
export function noteRetransmission(c: Connection, stamp: number): void {
  const { undo } = c.congestion;
  if (undo && undo.stamp === undefined) undo.stamp = stamp;
}

/** A tail loss probe has filled a gap: the loss is answered, though there was nothing to recover (RFC 8985 7.4). */
export function repaired(c: Connection): void {
  const g = c.congestion;
  g.ssthresh = threshold(c);
  g.cwnd = Math.min(g.cwnd, g.ssthresh);
}

/** Everything under way is to be sent again. */
export function takeForLost(c: Connection): void {
  const g = c.congestion;
  c.probe.end = undefined;
  c.pending.tail = false;
  forgetDelivered(c);
  g.phase = "loss";
  g.recover = c.snd.nxt;
  g.rxt = c.snd.una;
  g.lost = c.snd.nxt;
  g.dupAcks = 0;
  g.dupBytes = 0;
  g.force = true;
}

function endRecovery(c: Connection): void {
  const g = c.congestion;
  g.phase = "open";
  g.rxt = c.snd.una;
  g.lost = c.snd.una;
  g.dupAcks = 0;
  g.dupBytes = 0;
  g.force = false;
  g.acked = 0;
  g.undo = undefined;
  recovered(c);
}

/** RFC 5681 4.1: after a silence of more than one RTO the window says nothing about the network any more. */
export function restartAfterIdle(c: Connection): void {
  c.congestion.cwnd = Math.min(c.congestion.cwnd, initialWindow(c));
}
