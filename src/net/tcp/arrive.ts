/**
 * RFC 9293 section 3.10.7: what a segment does to a connection. 3.10.7.3 is SYN-SENT; 3.10.7.4, all states after it, is
 * eight steps, each a function that answers whether to go on (the third, security, has no meaning today).
 */
import { FOREVER, type Micros, MS, SECOND } from "../../base/index.ts";
import { News, TcpState } from "../sockets.ts";
import { ACK, CWR, ECE, FIN, RST, type Segment, SYN, sequenceLength, URG } from "../wire/tcp.ts";
import {
  acknowledged,
  congestionEchoed,
  duplicate,
  flightSize,
  foundLost,
  initialWindow,
  takeForLost,
  undoIfSpurious,
} from "./congestion.ts";
import {
  type Connection,
  canReceive,
  enter,
  fail,
  isSynchronized,
  receiveWindow,
  settleMss,
  takeRoute,
} from "./connection.ts";
import type { FastOpening } from "./fastopen.ts";
import { probeAnswered } from "./probe.ts";
import { delivered, detectLosses, sawTwice } from "./rack.ts";
import { forgetBackOff, measured } from "./rtt.ts";
import {
  add,
  after,
  atOrAfter,
  atOrBefore,
  before,
  distance,
  earlier,
  later,
  type Sequence,
  within,
} from "./sequence.ts";

/** What the connection asks of those around it while a segment is looked at. */
export interface Surroundings {
  /** RFC 5961 section 7: whether one more challenge ACK may be sent now. */
  challenge(now: Micros): boolean;
  /** A segment that answers no connection: <SEQ=seq><CTL=RST>. */
  reset(c: Connection, seq: Sequence): void;
  /** The SYN-ACK to a connection that was opened here with Fast Open. */
  learn(c: Connection, segment: Segment): void;
  /** A passively opened connection is complete: false when its listener's queue is full. */
  complete(c: Connection): boolean;
  drop(reason: string): void;
}

/** RFC 7323 5.5: after 24 days a timestamp says nothing. */
const TIMESTAMP_LIFETIME: Micros = 24 * 24 * 3600 * 1000 * MS;
/** RFC 9293 3.8.6.3 (SHLD-19): at least every second full segment is acknowledged at once. */
const SEGMENTS_PER_ACK = 2;

/** 3.10.7: from here a segment goes its way. CLOSED and LISTEN have no connection; `tcp.ts` answers for them. */
export function arrive(c: Connection, segment: Segment, around: Surroundings, now: Micros): void {
  c.heard = now;
  c.keepAlives = 0;
  if (c.state === TcpState.SYN_SENT) {
    arriveInSynSent(c, segment, around, now);
    return;
  }
  if (!isAcceptable(c, segment, around, now)) return;
  if (!resetIsHandled(c, segment, around, now)) return;
  if (!synIsHandled(c, segment, around, now)) return;
  if (!ackIsHandled(c, segment, around, now)) return;
  takeRoute(c, segment.route);
  if (c.ecn.on) marksAreHandled(c, segment);
  urgentIsHandled(c, segment);
  if (!textIsHandled(c, segment, around, now)) return;
  finIsHandled(c, segment, now);
}

/** RFC 3168 6.1.2 and 6.1.3: the peer's echo slows us down, a mark on what came is echoed until the peer has slowed down. */
function marksAreHandled(c: Connection, segment: Segment): void {
  const { ecn } = c;
  if (segment.flags & ECE && !(segment.flags & SYN)) congestionEchoed(c);
  if (segment.payload.length === 0) return;
  if (segment.flags & CWR) ecn.echo = false;
  if (segment.ecn !== 3) return;
  ecn.echo = true;
  c.pending.ack = true;
}

// --- 3.10.7.2 LISTEN: a SYN has come ---------------------------------------------------------------------------------

/** The connection made for a SYN: it is in SYN-RECEIVED, and a SYN-ACK goes out next. */
export function arriveSyn(c: Connection, segment: Segment, now: Micros): void {
  c.heard = now;
  takeSyn(c, segment, now);
  c.snd.wnd = segment.window; // RFC 7323 2.2: never scaled in a SYN
  c.snd.maxWnd = segment.window;
  c.snd.wl1 = segment.seq;
  c.snd.wl2 = segment.ack;
  c.pending.syn = true;
  enter(c, TcpState.SYN_RECEIVED);
}

/** What the peer's SYN says of itself. */
function takeSyn(c: Connection, segment: Segment, now: Micros): void {
  const { rcv, snd, timestamps, settings } = c;
  rcv.irs = segment.seq;
  rcv.nxt = add(segment.seq, 1);
  rcv.lastAckSent = rcv.nxt;
  c.sack = settings.sack && segment.sackPermitted;
  timestamps.on = settings.timestamps && segment.timestamps;
  if (timestamps.on) {
    timestamps.recent = segment.tsVal;
    timestamps.recentAt = now;
  }
  c.scaling = settings.windowScaling && segment.scale >= 0;
  if (c.scaling) {
    snd.scale = segment.scale;
  } else {
    snd.scale = 0;
    rcv.scale = 0;
    rcv.wnd = Math.min(rcv.wnd, 0xffff);
  }
  const answers = (segment.flags & ACK) !== 0;
  c.ecn.on = settings.ecn && (segment.flags & (ECE | CWR)) === (answers ? ECE : ECE | CWR);
  c.peerMss = segment.mss || c.defaultMss;
  takeRoute(c, segment.route);
  settleMss(c);
  c.congestion.cwnd = initialWindow(c);
}

// --- 3.10.7.3 SYN-SENT -----------------------------------------------------------------------------------------------

function arriveInSynSent(c: Connection, segment: Segment, around: Surroundings, now: Micros): void {
  const { snd } = c;
  const acknowledges = (segment.flags & ACK) !== 0;
  // First, check the ACK bit.
  if (acknowledges && (atOrBefore(segment.ack, snd.iss) || after(segment.ack, snd.nxt))) {
    around.drop("tcp: unacceptable ack");
    if (!(segment.flags & RST)) around.reset(c, segment.ack);
    return;
  }
  // Second, check the RST bit. One without ACK may be anybody's (RFC 5961 3.2 is stricter still for later states).
  if (segment.flags & RST) {
    if (acknowledges) fail(c, "refused");
    else around.drop("tcp: reset without ack");
    return;
  }
  // Fourth, check the SYN bit; fifth, without one drop the segment.
  if (!(segment.flags & SYN)) {
    around.drop("tcp: no syn");
    return;
  }
  takeSyn(c, segment, now);
  snd.wnd = segment.window;
  snd.maxWnd = segment.window;
  snd.wl1 = segment.seq;
  snd.wl2 = segment.ack;
  if (!acknowledges) {
    // Simultaneous open (figure 8): our SYN goes out again, now with an ACK.
    c.pending.syn = true;
    enter(c, TcpState.SYN_RECEIVED);
    return;
  }
  if (c.fast !== undefined) around.learn(c, segment);
  takeAcknowledgement(c, segment, now);
  c.pending.ack = true;
  establish(c);
  const rest = { ...segment, seq: add(segment.seq, 1) };
  urgentIsHandled(c, rest);
  if (textIsHandled(c, rest, around, now)) finIsHandled(c, rest, now);
}

function establish(c: Connection): void {
  c.early = false;
  enter(c, TcpState.ESTABLISHED);
  if (c.snd.finished) enter(c, TcpState.FIN_WAIT_1); // the program has closed already
}

/** The handshake was complete before, and now the listener has room. */
export function establishEarly(c: Connection): void {
  c.snd.synAcked = true;
  c.snd.una = c.snd.nxt;
  c.congestion.rxt = c.congestion.lost = c.snd.una;
  c.timers.retransmit = FOREVER;
  establish(c);
}

// --- 3.10.7.4, first: sequence number --------------------------------------------------------------------------------

/** RFC 9293 table 6, and PAWS before it (RFC 7323 5.3 R1). */
function isAcceptable(c: Connection, segment: Segment, around: Surroundings, now: Micros): boolean {
  const { rcv, timestamps } = c;
  const reset = (segment.flags & RST) !== 0;
  if (timestamps.on && !reset) {
    if (!segment.timestamps) {
      around.drop("tcp: timestamp missing"); // RFC 7323 3.2: SHOULD be silently dropped
      return false;
    }
    // Also an acknowledgement that another has overtaken, and that brings nothing: Linux is silent then, the RFC is not.
    if (before(segment.tsVal, timestamps.recent) && now - timestamps.recentAt < TIMESTAMP_LIFETIME) {
      around.drop("tcp: old timestamp");
      answer(c, around, now);
      return false;
    }
  }
  const length = sequenceLength(segment);
  const acceptable =
    length === 0
      ? rcv.wnd === 0
        ? segment.seq === rcv.nxt
        : within(segment.seq, rcv.nxt, rcv.wnd)
      : rcv.wnd > 0 &&
        (within(segment.seq, rcv.nxt, rcv.wnd) || within(add(segment.seq, length - 1), rcv.nxt, rcv.wnd));
  if (acceptable) return true;
  if (reset) {
    around.drop("tcp: reset outside the window");
    return false;
  }
  // "If the RCV.WND is zero, … special allowance should be made to accept valid ACKs": a probe, mostly.
  if (rcv.wnd === 0 && segment.seq === rcv.nxt && !(segment.flags & SYN)) {
    c.pending.ack = true;
    const bare = { ...segment, flags: segment.flags & ~FIN, payload: segment.payload.subarray(0, 0) };
    around.drop("tcp: window is zero");
    ackIsHandled(c, bare, around, now);
    return false;
  }
  // Figure 7: both have opened at once, and this is the answer to our SYN; that it has the peer's once more says nothing.
  const answers = (segment.flags & (SYN | ACK)) === (SYN | ACK) && segment.ack === c.snd.nxt;
  if (c.state === TcpState.SYN_RECEIVED && !c.passive && answers && segment.seq === rcv.irs) {
    const bare = { ...segment, flags: ACK, seq: rcv.nxt, payload: segment.payload.subarray(0, 0) };
    ackIsHandled(c, bare, around, now);
    c.pending.ack = true;
    return false;
  }
  // Our SYN-ACK was lost.
  if (c.state === TcpState.SYN_RECEIVED && segment.flags & SYN && segment.seq === rcv.irs) {
    c.pending.syn = true;
    return false;
  }
  around.drop("tcp: outside the window");
  if (c.state === TcpState.TIME_WAIT && segment.flags & FIN) c.timers.wait = now + c.settings.timeWait;
  if (c.sack && segment.payload.length > 0 && before(segment.seq, rcv.nxt)) {
    c.twice = [segment.seq, earlier(add(segment.seq, segment.payload.length), rcv.nxt)]; // RFC 2883 4.1
  }
  // The peer's FIN or data again: our acknowledgement was lost, so it is always repeated.
  if (length > 0 && !(segment.flags & SYN)) c.pending.ack = true;
  else answer(c, around, now);
  return false;
}

/**
 * RFC 7323 4.3: the timestamp to be echoed is that of the segment that covers our last acknowledgement, so that a
 * delayed one does not shorten the round trip. Called when the acknowledgement in it has been believed: a forged
 * timestamp would make every later segment look old.
 */
function takeTimestamp(c: Connection, segment: Segment, now: Micros): void {
  const { timestamps } = c;
  if (!timestamps.on || !segment.timestamps || after(segment.seq, c.rcv.lastAckSent)) return;
  timestamps.recent = segment.tsVal;
  timestamps.recentAt = now;
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, as often as RFC 5961 section 7 lets us. */
function answer(c: Connection, around: Surroundings, now: Micros): void {
  if (around.challenge(now)) c.pending.ack = true;
}

// --- second: RST -----------------------------------------------------------------------------------------------------

/** RFC 9293 3.10.7.4 with RFC 5961 section 3: only a reset with exactly the number expected is believed. */
function resetIsHandled(c: Connection, segment: Segment, around: Surroundings, now: Micros): boolean {
  if (!(segment.flags & RST)) return true;
  if (segment.seq !== c.rcv.nxt) {
    around.drop("tcp: reset not at rcv.nxt");
    answer(c, around, now);
    return false;
  }
  switch (c.state) {
    case TcpState.SYN_RECEIVED:
      if (c.passive && !c.fast?.handed) enter(c, TcpState.CLOSED);
      else fail(c, c.passive ? "reset" : "refused");
      break;
    case TcpState.CLOSING:
    case TcpState.LAST_ACK:
    case TcpState.TIME_WAIT:
      // RFC 1337 (TIME-WAIT assassination): a reset does not end TIME-WAIT.
      if (c.state !== TcpState.TIME_WAIT) enter(c, TcpState.CLOSED);
      break;
    default:
      fail(c, "reset");
  }
  return false;
}

// --- fourth: SYN -----------------------------------------------------------------------------------------------------

function synIsHandled(c: Connection, segment: Segment, around: Surroundings, now: Micros): boolean {
  if (!(segment.flags & SYN)) return true;
  // RFC 9293: a passive open goes back to LISTEN, which here means that the half-open connection is forgotten.
  if (c.state === TcpState.SYN_RECEIVED && c.passive) {
    around.drop("tcp: second syn");
    enter(c, TcpState.CLOSED);
    return false;
  }
  // RFC 5961 section 4: whatever its number, a challenge.
  around.drop("tcp: syn in a connection");
  answer(c, around, now);
  return false;
}

// --- fifth: ACK ------------------------------------------------------------------------------------------------------

function ackIsHandled(c: Connection, segment: Segment, around: Surroundings, now: Micros): boolean {
  const { snd } = c;
  if (!(segment.flags & ACK)) {
    around.drop("tcp: no ack");
    return false;
  }
  if (c.state === TcpState.SYN_RECEIVED) {
    if (!(after(segment.ack, snd.una) && atOrBefore(segment.ack, snd.nxt))) {
      around.drop("tcp: unacceptable ack");
      around.reset(c, segment.ack);
      return false;
    }
    takeWindow(c, segment);
    if (!around.complete(c)) {
      c.early = true; // `establishEarly` follows as soon as its listener has room
      around.drop("tcp: accept queue full");
      return false;
    }
    establish(c);
  }
  // RFC 5961 5.2: an acknowledgement from outside [una - maxWnd, nxt] is not the peer's.
  if (after(segment.ack, snd.nxt) || before(segment.ack, add(snd.una, -snd.maxWnd))) {
    around.drop("tcp: unacceptable ack");
    answer(c, around, now);
    return false;
  }
  takeTimestamp(c, segment, now);
  if (atOrBefore(snd.una, segment.ack)) takeAcknowledgement(c, segment, now);
  else {
    around.drop("tcp: old ack");
    takeOldAcknowledgement(c, segment, now);
  }
  return afterAcknowledgement(c, now);
}

/** What follows from our FIN having been acknowledged. False: the segment has nothing more to say. */
function afterAcknowledgement(c: Connection, now: Micros): boolean {
  switch (c.state) {
    case TcpState.FIN_WAIT_1:
      if (ourFinIsAcknowledged(c)) enter(c, TcpState.FIN_WAIT_2);
      return true;
    case TcpState.CLOSING:
      if (ourFinIsAcknowledged(c)) waitTwoMsl(c, now);
      return false;
    case TcpState.LAST_ACK:
      if (ourFinIsAcknowledged(c)) enter(c, TcpState.CLOSED);
      return false;
    default:
      return true;
  }
}

function ourFinIsAcknowledged(c: Connection): boolean {
  return c.snd.fin !== undefined && after(c.snd.una, c.snd.fin);
}

function waitTwoMsl(c: Connection, now: Micros): void {
  enter(c, TcpState.TIME_WAIT);
  c.timers.wait = now + c.settings.timeWait;
}

/** una <= SEG.ACK <= nxt. */
function takeAcknowledgement(c: Connection, segment: Segment, now: Micros): void {
  const { snd } = c;
  const flight = flightSize(c);
  const acked = distance(snd.una, segment.ack);
  const window = snd.wnd;
  probeAnswered(c, segment);
  const told = c.sack && segment.sack.length > 0 && c.scoreboard.update(segment.sack, segment.ack, snd.nxt);
  const arrived = c.sack && flight > 0 ? takeDelivered(c, segment, now) : 0;
  takeWindow(c, segment);
  if (acked > 0) {
    const opening = !snd.synAcked;
    if (opening && c.retries > 0) synWasLost(c);
    else if (tellsOfTwice(segment)) forgetBackOff(c.rtt, c.settings);
    else measure(c, segment, now);
    dropAcknowledged(c, acked);
    snd.una = segment.ack;
    if (opening && c.fast !== undefined && !c.passive) dataOfSynIsAnswered(c, c.fast);
    if (snd.up !== undefined && !after(snd.up, snd.una)) snd.up = undefined;
    c.scoreboard.advance(snd.una);
    c.timers.probe = FOREVER;
    c.pending.tail = false;
    if (c.timestamps.on && segment.timestamps) undoIfSpurious(c, segment.tsEcr);
    if (c.sack) foundLost(c, detectLosses(c, now));
    acknowledged(c, acked, flight, arrived);
    c.retries = 0;
    c.stalledSince = now;
    c.timers.persist = FOREVER;
    if (snd.wnd > 0) c.probes = 0;
    // RFC 6298 (5.2), (5.3)
    c.timers.retransmit = snd.una === snd.nxt ? FOREVER : now + c.rtt.rto;
    c.news |= News.SPACE;
  } else if (flight > 0) {
    // RFC 5681 section 2 says what counts as a duplicate; with SACK it is one that tells something new (RFC 6675 2).
    const bare = segment.payload.length === 0 && !(segment.flags & (SYN | FIN));
    if (c.sack ? told : bare && window === snd.wnd && window > 0) {
      if (c.sack) foundLost(c, detectLosses(c, now));
      if (c.congestion.phase === "fast") c.timers.probe = FOREVER; // from now on, then
      duplicate(c, arrived);
    }
    if (snd.wnd === 0) c.retries = 0; // RFC 9293 3.8.6.1 (MUST-37): it answers, so it may stay closed
    if (window === 0 && snd.wnd > 0 && c.timers.persist !== FOREVER) probedAway(c, now);
  } else {
    c.retries = 0;
    if (snd.wnd > window) c.timers.persist = FOREVER; // `next` starts it again if this is still too little
    if (snd.wnd > 0) c.probes = 0;
  }
}

/** One that others have overtaken acknowledges nothing any more, but may tell of what has come above a gap. */
function takeOldAcknowledgement(c: Connection, segment: Segment, now: Micros): void {
  const { snd } = c;
  if (!c.sack || segment.sack.length === 0 || flightSize(c) === 0) return;
  if (!c.scoreboard.update(segment.sack, snd.una, snd.nxt)) return;
  const arrived = takeDelivered(c, { ...segment, ack: snd.una }, now);
  foundLost(c, detectLosses(c, now));
  duplicate(c, arrived);
}

/** What the peer says it has: bytes that were not known to be there (RFC 8985 6.2, steps 1 to 3). */
function takeDelivered(c: Connection, segment: Segment, now: Micros): number {
  if (tellsOfTwice(segment)) sawTwice(c);
  const echo =
    c.timestamps.on && segment.timestamps ? ((segment.tsEcr - c.timestamps.offset) >>> 0) * MS : undefined;
  return delivered(c, segment.ack, segment.sack, echo, now);
}

/** RFC 2883 4: the first block is a D-SACK when it lies below the acknowledgement or within the second. */
function tellsOfTwice({ ack, sack: [left, right, outerLeft, outerRight] }: Segment): boolean {
  if (left === undefined || right === undefined) return false;
  return (
    before(left, ack) || (outerLeft !== undefined && !before(left, outerLeft) && !after(right, outerRight!))
  );
}

/** The window has opened, and the byte that went out as a probe has not been taken: it is the next to be sent. */
function probedAway(c: Connection, now: Micros): void {
  takeForLost(c);
  c.congestion.phase = "open";
  c.timers.persist = FOREVER;
  c.timers.retransmit = now + c.rtt.rto;
  c.retries = 0;
  c.probes = 0;
}

/** RFC 9293 3.10.7.4: the window is taken from the newest segment only. */
function takeWindow(c: Connection, segment: Segment): void {
  const { snd } = c;
  if (before(segment.seq, snd.wl1) || (segment.seq === snd.wl1 && before(segment.ack, snd.wl2))) return;
  const window = segment.flags & SYN ? segment.window : segment.window << snd.scale;
  if (window > snd.wnd) c.news |= News.SPACE;
  snd.wnd = window;
  snd.wl1 = segment.seq;
  snd.wl2 = segment.ack;
  snd.maxWnd = Math.max(snd.maxWnd, window);
}

/**
 * Round-trip time by timestamps (RFC 7323 4), or of one segment at a time that was sent only once (RFC 6298 3). An answer to
 * what had come before (D-SACK) says nothing: it echoes the first transmission, whose acknowledgement was lost, and our timer's
 * wait would be taken for a round trip.
 */
function measure(c: Connection, segment: Segment, now: Micros): void {
  if (c.timestamps.on && segment.timestamps) {
    const elapsed = (Math.floor(now / MS) + c.timestamps.offset - segment.tsEcr) | 0;
    if (elapsed >= 0) measured(c.rtt, elapsed * MS, c.settings);
  } else if (c.timed !== undefined && atOrAfter(segment.ack, c.timed)) {
    measured(c.rtt, now - c.timedAt, c.settings);
    c.timed = undefined;
  }
}

/**
 * RFC 6298 (5.7), and RFC 6928 section 2 for the window. Whatever timestamp is echoed, such an answer has waited for a timer, or
 * for a neighbour to be found: the first round trip that is measured (RFC 6298 2.2) is that of data, or the time-out would be
 * seconds off for dozens of round trips.
 */
function synWasLost(c: Connection): void {
  if (c.rtt.srtt < 0) c.rtt.rto = Math.max(c.rtt.rto, 3 * SECOND);
  c.congestion.cwnd = c.snd.mss;
}

/** RFC 7413 4.2.1: what the peer has not taken of the SYN's data goes out as if it had never been sent. */
function dataOfSynIsAnswered(c: Connection, fast: FastOpening): void {
  fast.taken = fast.sent > 0 && c.snd.una === c.snd.nxt;
  c.snd.nxt = c.snd.una;
}

/** RFC 7413 4.2.2: the data of a SYN, which the program gets before the handshake is over. */
export function takeEarly(c: Connection, segment: Segment): void {
  const text = segment.payload.subarray(0, c.rcv.wnd);
  c.receiveBuffer.push(text);
  advance(c, text.length);
}

/** Bytes that need not be kept any more; SYN and FIN occupy a number each but no byte. */
function dropAcknowledged(c: Connection, acked: number): void {
  c.sendBuffer.drop(c.snd.synAcked ? acked : acked - 1);
  c.snd.synAcked = true;
}

// --- sixth: URG ------------------------------------------------------------------------------------------------------

/** RFC 6093: urgent data is only a mark in the stream; where it ends is noted. */
function urgentIsHandled(c: Connection, segment: Segment): void {
  if (!(segment.flags & URG) || !canReceive(c.state)) return;
  // MUST-62: the pointer names the byte behind the urgent data.
  const end = add(segment.seq, segment.urgent);
  if (c.rcv.up !== undefined && !after(end, c.rcv.up)) return;
  c.rcv.up = end;
  c.news |= News.URGENT;
}

// --- seventh: text ---------------------------------------------------------------------------------------------------

function textIsHandled(c: Connection, segment: Segment, around: Surroundings, now: Micros): boolean {
  if (segment.payload.length === 0) return true;
  if (!canReceive(c.state)) return true; // after the peer's FIN nothing can follow: ignored
  const { rcv } = c;
  // What came before already, and what the window does not reach, is cut off.
  const early = Math.max(0, distance(segment.seq, rcv.nxt));
  const start = later(segment.seq, rcv.nxt);
  if (early > 0 && c.sack) c.twice = [segment.seq, rcv.nxt];
  const room = rcv.wnd - distance(rcv.nxt, start);
  const limit = rcv.fin === undefined ? room : Math.min(room, distance(start, rcv.fin));
  const text = segment.payload.subarray(
    early,
    Math.max(early, Math.min(segment.payload.length, early + limit)),
  );
  if (text.length === 0) {
    c.pending.ack = true;
    return true;
  }
  rcv.mss = Math.min(c.ourMss, Math.max(rcv.mss, segment.payload.length));
  if (c.orphan) {
    // RFC 1122 4.2.2.13: nobody will ever read it, and the peer shall know. It believes the reset at once (RFC 5961 3.2) by
    // the number that it expects; SND.NXT may be ahead of what has got there.
    enter(c, TcpState.CLOSED);
    around.reset(c, segment.ack);
    return false;
  }
  if (start === rcv.nxt && c.gaps.empty) takeInOrder(c, text, now);
  else takeOutOfOrder(c, start, text);
  return true;
}

function takeInOrder(c: Connection, text: Uint8Array, now: Micros): void {
  const { rcv } = c;
  if (!c.deaf) c.receiveBuffer.push(text);
  advance(c, text.length);
  rcv.unacked += text.length;
  if (rcv.unacked >= SEGMENTS_PER_ACK * rcv.mss || rcv.quick > 0) c.pending.ack = true;
  else if (c.timers.delayedAck === FOREVER) c.timers.delayedAck = now + c.settings.delayedAck;
  if (rcv.quick > 0) rcv.quick--;
}

/** RFC 5681 4.2: what makes or fills a gap is acknowledged at once. */
function takeOutOfOrder(c: Connection, start: Sequence, text: Uint8Array): void {
  const { rcv, receiveBuffer } = c;
  c.pending.ack = true;
  if (c.sack && c.gaps.has(start, add(start, text.length))) c.twice = [start, add(start, text.length)];
  if (!c.gaps.add(start, add(start, text.length))) return;
  if (!c.deaf) receiveBuffer.place(receiveBuffer.length + distance(rcv.nxt, start), text);
  const reached = distance(rcv.nxt, c.gaps.join(rcv.nxt));
  if (reached === 0) return;
  if (!c.deaf) receiveBuffer.extend(reached);
  advance(c, reached);
}

function advance(c: Connection, count: number): void {
  c.rcv.nxt = add(c.rcv.nxt, count);
  c.rcv.wnd -= count;
  if (c.deaf) c.rcv.wnd = receiveWindow(c);
  c.news |= News.DATA;
}

// --- eighth: FIN -----------------------------------------------------------------------------------------------------

function finIsHandled(c: Connection, segment: Segment, now: Micros): void {
  const { rcv } = c;
  if (segment.flags & FIN && rcv.fin === undefined) {
    const fin = add(segment.seq, segment.payload.length);
    // One beyond the window, or behind data cut off above, comes again.
    if (within(fin, rcv.nxt, rcv.wnd + 1)) rcv.fin = fin;
    c.pending.ack = true;
  }
  if (c.state === TcpState.TIME_WAIT) {
    if (segment.flags & FIN) c.timers.wait = now + c.settings.timeWait;
    return;
  }
  if (rcv.fin === undefined || rcv.nxt !== rcv.fin || !isSynchronized(c.state)) return;
  rcv.nxt = add(rcv.nxt, 1);
  rcv.wnd = Math.max(0, rcv.wnd - 1);
  c.gaps.clear();
  c.pending.ack = true;
  c.news |= News.FINISHED;
  switch (c.state) {
    case TcpState.ESTABLISHED:
      enter(c, TcpState.CLOSE_WAIT);
      break;
    case TcpState.FIN_WAIT_1:
      // Had our FIN been acknowledged, the fifth step would have gone to FIN-WAIT-2.
      enter(c, TcpState.CLOSING);
      break;
    case TcpState.FIN_WAIT_2:
      waitTwoMsl(c, now);
      c.pending.ack = true;
      break;
  }
}
