/**
 * What goes out next. `next` is asked until it has nothing; each answer is a segment that must be sent, for the
 * connection's variables have moved past it.
 */
import { FOREVER, type Micros, MS } from "../../base/index.ts";
import { TcpState } from "../sockets.ts";
import { ACK, CWR, ECE, emptySegment, FIN, PSH, RST, type Segment, SYN, URG } from "../wire/tcp.ts";
import { flightSize, noteFlight, noteRetransmission, pipe, restartAfterIdle } from "./congestion.ts";
import { type Connection, endOfData, receiveWindow } from "./connection.ts";
import type { FastOpening } from "./fastopen.ts";
import { nextLostAgain, noteSent, noteSentAgain } from "./rack.ts";
import { add, after, before, distance, earlier, type Sequence } from "./sequence.ts";

/** Bytes of options that SACK blocks take: two NOPs, kind, length. */
const SACK_HEADER = 4;
const SACK_BLOCK = 8;

/** The next segment, or nothing. Its payload is good until the connection is touched again. */
export function next(c: Connection, now: Micros): Segment | undefined {
  const { pending } = c;
  if (pending.reset) {
    pending.reset = false;
    pending.ack = false;
    const { timestamps } = c;
    const reset = { ...blank(c), seq: c.snd.nxt, ack: c.rcv.nxt, flags: RST | ACK };
    // RFC 7323 3.2: a reset SHOULD have the option too.
    return timestamps.on && c.snd.synAcked
      ? { ...reset, timestamps: true, tsVal: timestampClock(c, now), tsEcr: timestamps.recent }
      : reset;
  }
  switch (c.state) {
    case TcpState.CLOSED:
    case TcpState.LISTEN:
      return undefined;
    case TcpState.SYN_SENT:
    case TcpState.SYN_RECEIVED:
      if (pending.syn) return syn(c, now);
      if (c.fast?.handed) {
        const segment = fresh(c, now);
        if (segment) return segment;
      }
      break;
    case TcpState.ESTABLISHED:
    case TcpState.CLOSE_WAIT:
    case TcpState.FIN_WAIT_1:
    case TcpState.CLOSING:
    case TcpState.LAST_ACK: {
      const segment = nextData(c, now);
      if (segment) return segment;
      break;
    }
  }
  if (pending.keepAlive) {
    // RFC 9293 3.8.4: a number the peer has acknowledged, so that it must answer.
    pending.keepAlive = false;
    return acknowledgement(c, now, add(c.snd.nxt, -1));
  }
  return pending.ack ? acknowledgement(c, now, c.snd.nxt) : undefined;
}

function blank(c: Connection): Segment {
  return { ...emptySegment, sourcePort: c.localPort, destinationPort: c.remotePort };
}

/** RFC 7323 5.4: milliseconds, from an origin that differs from flow to flow. */
export function timestampClock(c: Connection, now: Micros): number {
  return (Math.floor(now / MS) + c.timestamps.offset) >>> 0;
}

/** SYN, or SYN-ACK when the peer's SYN has come. The window in it is not scaled (RFC 7323 2.2). */
function syn(c: Connection, now: Micros): Segment {
  const { snd, rcv, timestamps } = c;
  c.pending.syn = false;
  c.pending.ack = false;
  const answers = c.state === TcpState.SYN_RECEIVED;
  const first = snd.nxt === snd.iss;
  let { payload } = emptySegment;
  if (first) {
    snd.nxt = add(snd.iss, 1);
    c.timed = snd.nxt;
    c.timedAt = now;
    c.stalledSince = now;
    if (c.fast !== undefined && !answers) payload = dataOfSyn(c, c.fast);
  } else {
    c.timed = undefined; // Karn: sent twice, so an answer measures nothing
    c.repeated++;
  }
  if (c.timers.retransmit === FOREVER) c.timers.retransmit = now + c.rtt.rto;
  // RFC 3168 6.1.1: offered once; who drops such a SYN gets one without.
  const offer = !answers && c.settings.ecn && c.retries === 0 ? ECE | CWR : 0;
  return {
    ...blank(c),
    seq: snd.iss,
    ack: answers ? rcv.nxt : 0,
    flags: answers ? SYN | ACK | (c.ecn.on ? ECE : 0) : SYN | offer,
    window: Math.min(0xffff, rcv.wnd),
    mss: c.ourMss,
    scale: c.scaling ? rcv.scale : -1,
    sackPermitted: c.sack,
    timestamps: timestamps.on,
    tsVal: timestamps.on ? timestampClock(c, now) : 0,
    tsEcr: answers && timestamps.on ? timestamps.recent : 0,
    fastOpen: first || (answers && c.passive) ? c.fast?.option : undefined,
    payload,
  };
}

/** RFC 7413 4.2.1: what goes with the first SYN; who drops such a SYN gets one without. */
function dataOfSyn(c: Connection, fast: FastOpening): Uint8Array {
  fast.sent = Math.min(fast.room, c.sendBuffer.length);
  c.snd.nxt = add(c.snd.nxt, fast.sent);
  return fast.sent > 0 ? c.sendBuffer.view(0, fast.sent) : emptySegment.payload;
}

/** Everything but SYN and RST: acknowledgement, window and options are the newest there are. */
function segmentOf(c: Connection, now: Micros, seq: Sequence, flags: number, payload: Uint8Array): Segment {
  const { rcv, snd, timestamps } = c;
  const sack = blocks(c);
  c.twice = undefined;
  const urgent = snd.up !== undefined && after(snd.up, seq) ? Math.min(0xffff, distance(seq, snd.up)) : 0;
  rcv.wnd = receiveWindow(c);
  c.ecn.may = false;
  rcv.unacked = 0;
  rcv.lastAckSent = rcv.nxt;
  c.pending.ack = false;
  c.timers.delayedAck = FOREVER;
  return {
    sourcePort: c.localPort,
    destinationPort: c.remotePort,
    seq,
    ack: rcv.nxt,
    flags: flags | (urgent > 0 ? URG : 0) | (c.ecn.echo ? ECE : 0),
    window: Math.min(0xffff, rcv.wnd >> rcv.scale),
    urgent,
    mss: 0,
    scale: -1,
    sackPermitted: false,
    sack,
    timestamps: timestamps.on,
    tsVal: timestamps.on ? timestampClock(c, now) : 0,
    tsEcr: timestamps.on ? timestamps.recent : 0,
    fastOpen: undefined,
    payload,
  };
}

function acknowledgement(c: Connection, now: Micros, seq: Sequence): Segment {
  return segmentOf(c, now, seq, ACK, emptySegment.payload);
}

/** SACK blocks: first what came twice (RFC 2883 section 4), then what lies above a gap (RFC 2018 section 4). */
function blocks(c: Connection): readonly Sequence[] {
  if (!c.sack || (c.gaps.empty && c.twice === undefined)) return emptySegment.sack;
  const most = c.timestamps.on ? 3 : 4;
  return c.twice === undefined ? c.gaps.blocks(most) : [...c.twice, ...c.gaps.blocks(most - 1)];
}

/** What a segment can carry now: SACK blocks take their room from the data (RFC 6691). */
function room(c: Connection): number {
  const edges = blocks(c).length;
  if (edges === 0) return c.snd.mss;
  return Math.max(1, c.snd.mss - SACK_HEADER - (edges / 2) * SACK_BLOCK);
}

function nextData(c: Connection, now: Micros): Segment | undefined {
  if (c.pending.probe) return probe(c, now);
  if (c.pending.tail) return tail(c, now);
  const { congestion } = c;
  if (c.rack.lostAgain.length > 0) {
    const piece = nextLostAgain(c, room(c));
    if (piece) {
      const [from, to] = piece;
      return congestion.force || pipe(c) + distance(from, to) <= congestion.cwnd
        ? again(c, from, to, now)
        : undefined;
    }
  }
  if (before(congestion.rxt, congestion.lost)) {
    const missing = c.scoreboard.firstMissing(congestion.rxt);
    if (before(missing, congestion.lost)) {
      if (congestion.force || pipe(c) + room(c) <= congestion.cwnd)
        return again(c, missing, congestion.lost, now);
      return undefined;
    }
    congestion.rxt = earlier(missing, congestion.lost);
  }
  return fresh(c, now);
}

/** Sends [from, …) again, up to a segment, the next number the peer has, or `limit`. */
function again(c: Connection, from: Sequence, limit: Sequence, now: Micros): Segment {
  const { snd, congestion } = c;
  const gap = distance(from, c.scoreboard.gapEnd(from, limit));
  const length = Math.min(gap, room(c));
  const to = add(from, length);
  congestion.force = false;
  if (after(to, congestion.rxt)) congestion.rxt = to;
  c.timed = undefined; // Karn
  c.repeated++;
  c.sent = now;
  noteSentAgain(c, from, to, now);
  if (c.timestamps.on) noteRetransmission(c, timestampClock(c, now));
  congestion.prrOut += length;
  if (c.timers.retransmit === FOREVER) c.timers.retransmit = now + c.rtt.rto;
  const withFin = snd.fin !== undefined && !before(to, add(snd.fin, 1));
  return dataSegment(c, from, withFin ? length - 1 : length, withFin, now);
}

/** Data, and FIN behind it, that has not been sent before, as far as windows, Nagle and silly windows let it. */
function fresh(c: Connection, now: Micros, beyondWindow = false): Segment | undefined {
  const { snd, congestion } = c;
  if (snd.fin !== undefined) return undefined; // nothing can follow FIN
  const end = endOfData(c);
  const unsent = distance(snd.nxt, end);
  if (unsent === 0 && !snd.finished) return undefined;
  const syn = snd.synAcked ? 0 : 1; // data may follow a SYN-ACK at once (RFC 7413)
  const flight = flightSize(c) - syn;
  if (flight === 0 && unsent > 0 && now - c.sent > c.rtt.rto) restartAfterIdle(c);
  const usable = Math.max(0, distance(snd.nxt, add(snd.una, snd.wnd + syn)));
  const full = room(c);
  const one = Math.min(unsent, full, usable);
  const length = one === full ? several(c, full, Math.min(unsent, usable)) : one;
  const last = length === unsent;
  const withFin = last && snd.finished;
  if (!withFin && !worthSending(c, length, full, last, flight)) {
    if (flight === 0 && c.timers.persist === FOREVER && snd.synAcked) startPersist(c, now);
    return undefined;
  }
  if (flight > 0 && pipe(c) - syn + length > congestion.cwnd && !beyondWindow) return undefined;
  const from = snd.nxt;
  snd.nxt = add(snd.nxt, length + (withFin ? 1 : 0));
  if (length < full) snd.small = snd.nxt;
  if (withFin) snd.fin = end;
  noteFlight(c);
  noteSent(c, from, snd.nxt, now);
  congestion.prrOut += length;
  c.timers.probe = FOREVER;
  if (flight === 0) c.stalledSince = now;
  if (c.timed === undefined && !c.timestamps.on) {
    c.timed = snd.nxt;
    c.timedAt = now;
  }
  c.sent = now;
  c.timers.persist = FOREVER;
  if (c.timers.retransmit === FOREVER) c.timers.retransmit = now + c.rtt.rto; // RFC 6298 (5.1)
  const segment = dataSegment(c, from, length, withFin, now);
  if (c.ecn.on && length > 0) {
    c.ecn.may = true;
    if (c.ecn.reduced) segment.flags |= CWR;
    c.ecn.reduced = false;
  }
  return segment;
}

/**
 * Bytes of whole segments that go to the card in one piece (segmentation offload), as many as one by one would be sent
 * now. While something is being repaired, over IPv6, and by a source route, each goes by itself.
 */
function several(c: Connection, full: number, possible: number): number {
  const { congestion, settings } = c;
  if (
    settings.offload < 2 * full ||
    congestion.phase !== "open" ||
    typeof c.localAddress !== "number" ||
    c.route
  )
    return full;
  const most = Math.min(possible, settings.offload, congestion.cwnd - pipe(c));
  return Math.max(full, most - (most % full));
}

/**
 * RFC 9293 3.8.6.2.1 (sender's silly window avoidance) and 3.7.4 (Nagle) with appendix A.3 (Minshall): a full segment; or
 * all there is when nothing small is under way or Nagle is off; or half the largest window the peer has ever had.
 */
function worthSending(c: Connection, length: number, full: number, last: boolean, flight: number): boolean {
  if (length === 0) return false;
  if (length >= full) return true;
  if (last && (flight === 0 || c.options.noDelay || !after(c.snd.small, c.snd.una))) return true;
  return length * 2 >= c.snd.maxWnd;
}

/** RFC 8985 7.3: something new if there is any, else the last segment once more. */
function tail(c: Connection, now: Micros): Segment | undefined {
  const { snd, congestion } = c;
  c.pending.tail = false;
  if (flightSize(c) === 0) return undefined;
  let segment = fresh(c, now, true);
  c.probe.again = segment === undefined;
  if (segment === undefined) {
    const { rxt } = congestion;
    const [from, to] = lastMissing(c);
    segment = again(c, from, to, now);
    congestion.rxt = rxt; // nothing is known to be lost
  }
  c.probe.end = snd.nxt;
  c.timers.retransmit = now + c.rtt.rto;
  return segment;
}

/** The last segment of what the peer has not said it has. */
function lastMissing(c: Connection): readonly [Sequence, Sequence] {
  const { snd, rack } = c;
  let at = rack.records.length - 1;
  while (at > rack.head && rack.records[at]!.sacked) at--;
  const { from, to } = rack.records[at]!;
  const length = distance(from, to);
  const tail = add(from, length - (((length - 1) % snd.mss) + 1));
  return [before(tail, snd.una) ? snd.una : tail, to];
}

function startPersist(c: Connection, now: Micros): void {
  const wait = c.rtt.rto * 2 ** Math.min(c.probes, 16);
  c.timers.persist = now + Math.min(c.settings.maximumRto, wait);
}

/**
 * RFC 9293 3.8.6.1: one byte beyond the window, so that the peer must tell its window; or as much as fits into a
 * window that was too small to be worth sending (the override of 3.8.6.2.1).
 */
function probe(c: Connection, now: Micros): Segment | undefined {
  c.pending.probe = false;
  const { snd } = c;
  const unacked = distance(snd.una, endOfData(c));
  if (unacked === 0) return undefined;
  c.probes++;
  c.retries++;
  startPersist(c, now);
  const length = Math.min(unacked, Math.max(1, Math.min(snd.wnd, room(c))));
  const to = add(snd.una, length);
  if (after(to, snd.nxt)) {
    noteSent(c, snd.nxt, to, now);
    snd.nxt = snd.small = to;
  }
  return dataSegment(c, snd.una, length, false, now);
}

function dataSegment(c: Connection, seq: Sequence, length: number, fin: boolean, now: Micros): Segment {
  const offset = distance(c.snd.una, seq) - (c.snd.synAcked ? 0 : 1);
  const payload = length > 0 ? c.sendBuffer.view(offset, length) : emptySegment.payload;
  // RFC 9293 3.9.1.2: PSH with the last byte that the program has given us.
  const push = length > 0 && offset + length === c.sendBuffer.length ? PSH : 0;
  return segmentOf(c, now, seq, ACK | push | (fin ? FIN : 0), payload);
}
