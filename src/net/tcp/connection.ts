/**
 * One TCP connection: the transmission control block of RFC 9293 section 3.3.1 and the user calls of 3.10.1 to 3.10.5.
 *
 * Before touching this folder read RFC 9293 (all of 3.10), 5681 and 6582 (congestion), 6675 (recovery with SACK),
 * 6298 (time-outs), 7323 (scaling, timestamps), 5961 (blind attacks), 7413 (data in SYNs). `arrive.ts` is what comes in, `send.ts` what goes
 * out, `expire.ts` what time does; `tcp.ts` finds the connection for a segment.
 *
 * A connection is data. It knows neither IP nor sockets, sends nothing by itself and is told the time.
 */
import { ByteRing, FOREVER, type InRow, type Micros, type Timed } from "../../base/index.ts";
import { News, type Reason, type SocketOptions, TcpState } from "../sockets.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { lengthOfRoute, type SourceRoute, sameRoute } from "../wire/source-route.ts";
import { type Congestion, newCongestion } from "./congestion.ts";
import type { FastOpening } from "./fastopen.ts";
import type { Flow } from "./flows.ts";
import type { FourTuple } from "./isn.ts";
import { newProbe, type Probe } from "./probe.ts";
import { forgetSent, newRack, type Rack } from "./rack.ts";
import { Gaps } from "./reassembly.ts";
import { newRtt, type Rtt } from "./rtt.ts";
import { Scoreboard } from "./scoreboard.ts";
import { add, distance, type Sequence } from "./sequence.ts";
import type { TcpSettings } from "./settings.ts";
import type { Listener } from "./tcp.ts";

/** Send sequence variables. */
export interface Snd {
  iss: Sequence;
  /** Oldest unacknowledged number. */
  una: Sequence;
  /** Next number to be sent for the first time. */
  nxt: Sequence;
  /** Window in bytes, already scaled. */
  wnd: number;
  /** Sequence and acknowledgement number of the segment that set the window. */
  wl1: Sequence;
  wl2: Sequence;
  /** The largest window the peer has ever offered (RFC 9293 3.8.6.2.1, RFC 5961 5.2). */
  maxWnd: number;
  /** Shift for windows that the peer sends. */
  scale: number;
  /** Bytes of payload in a full segment; what timestamps take is already subtracted (RFC 6691). */
  mss: number;
  /** Our SYN has been acknowledged: it occupies a number, but no byte of the buffer. */
  synAcked: boolean;
  /** The program has written its last byte: FIN follows it. */
  finished: boolean;
  /** Behind the last urgent byte, until it is acknowledged. */
  up: Sequence | undefined;
  /** The number of our FIN once it has been sent. */
  fin: Sequence | undefined;
  /** Behind the last segment that was not a full one (RFC 9293 A.3). */
  small: Sequence;
}

/** Receive sequence variables. */
export interface Rcv {
  irs: Sequence;
  nxt: Sequence;
  /** Bytes from nxt on that the peer may send: the right edge offered never moves back. */
  wnd: number;
  /** Shift for windows that we send. */
  scale: number;
  /** Where urgent data ends, if any was announced. */
  up: Sequence | undefined;
  /** The number of a FIN that has arrived, perhaps before data in front of it. */
  fin: Sequence | undefined;
  /** Bytes that our last acknowledgement does not cover. */
  unacked: number;
  /** The largest payload that has come: what "full-sized" means to the peer. */
  mss: number;
  /** RFC 7323 4.3: the acknowledgement number last sent. */
  lastAckSent: Sequence;
  /** Segments with data that will still be acknowledged at once. */
  quick: number;
}

/** Moments, FOREVER = not running. */
export interface Timers {
  retransmit: Micros;
  /** Of the tail loss probe. */
  probe: Micros;
  /** For segments that may only have changed places (RFC 8985 6.3). */
  reorder: Micros;
  persist: Micros;
  delayedAck: Micros;
  keepAlive: Micros;
  /** TIME-WAIT's 2 MSL, or the patience with a peer that does not finish. */
  wait: Micros;
}

/** RFC 7323. */
export interface Timestamps {
  /** Both sides sent the option with their SYN. */
  on: boolean;
  /** Added to our clock of 1 ms. */
  offset: number;
  recent: number;
  /** When `recent` was set: after 24 days it says nothing any more (5.5). */
  recentAt: Micros;
}

/** Explicit congestion notification (RFC 3168 section 6.1). */
export interface Ecn {
  /** Both sides agreed on it. */
  on: boolean;
  /** The segment sent now may be marked: new data only. */
  may: boolean;
  /** One that came was marked, and the peer has not said yet that it has slowed down. */
  echo: boolean;
  /** We have slowed down, and the peer is to be told. */
  reduced: boolean;
  /** Echoes about numbers below it are of the congestion that was answered already. */
  until: Sequence;
}

/** What must be sent, whatever the windows say. */
export interface Pending {
  syn: boolean;
  ack: boolean;
  reset: boolean;
  /** A zero-window probe (RFC 9293 3.8.6.1). */
  probe: boolean;
  /** A tail loss probe. */
  tail: boolean;
  keepAlive: boolean;
}

/** Who holds a connection: a program's socket, or a listener until it is accepted. */
export interface Owner {
  changed(c: Connection, news: number): void;
}

export interface Opening {
  flow: FourTuple;
  /** Begun by a SYN that arrived. */
  passive: boolean;
  iss: Sequence;
  /** The MSS we announce: what fits into the link's packets (RFC 9293 3.7.1). */
  mss: number;
  /** What fits into the path's packets; no more is sent. Default: the same. */
  pathMss?: number;
  /** RFC 9293 3.7.1 (MUST-15): what a peer takes that says nothing. Default: 536, as over IPv4. */
  defaultMss?: number;
  timestampOffset: number;
  settings: TcpSettings;
  options: SocketOptions;
}

export class Connection implements Timed, InRow, FourTuple {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
  readonly settings: TcpSettings;
  /** Begun by a SYN that arrived: a reset before it is established does not concern the program. */
  readonly passive: boolean;
  /** What we announce as MSS. */
  readonly ourMss: number;
  /** What the path takes, as far as is known; changed by path MTU discovery. */
  pathMss: number;
  /** What the peer has said it takes. */
  peerMss: number;
  /** What a peer takes that says nothing of it. */
  readonly defaultMss: number;

  /** Changed by `enter` alone. */
  state: TcpState = TcpState.CLOSED;
  readonly snd: Snd;
  readonly rcv: Rcv;
  readonly timers: Timers;
  readonly rtt: Rtt;
  readonly congestion: Congestion;
  readonly timestamps: Timestamps;
  readonly probe: Probe;
  readonly rack: Rack;
  readonly ecn: Ecn;
  readonly scoreboard = new Scoreboard();
  readonly gaps = new Gaps();
  readonly pending: Pending;
  /** From snd.una on (from snd.una + 1 while SYN is not acknowledged). */
  readonly sendBuffer: ByteRing;
  /** What the program has not read; up to rcv.nxt, and beyond it what arrived out of order. */
  readonly receiveBuffer: ByteRing;

  /** RFC 2018: both sides agreed on SACK. */
  sack: boolean;
  /** RFC 7323 section 2: both sides agreed on scaled windows. Before the peer's SYN, what we wish. */
  scaling: boolean;
  /** RFC 9293 3.9.2.1: the gateways that its segments pass, by the program's choice, or as the peer's have come. */
  route: SourceRoute | undefined;
  /** The socket's own, so that a change there is seen here. */
  options: SocketOptions;
  /** Segments sent again since the beginning. */
  repeated = 0;
  /** Expirations of the retransmission timer since the beginning. */
  timeouts = 0;

  /** Retransmissions of the same data, or probes, since the peer last answered. */
  retries = 0;
  /** Zero-window probes since the window closed: each waits twice as long as the one before. */
  probes = 0;
  /** Since when there is unacknowledged data without progress. */
  stalledSince: Micros = 0;
  /** Keep-alive probes since something last arrived. */
  keepAlives = 0;
  /** When something last arrived, and when data was last sent. */
  heard: Micros = 0;
  sent: Micros = 0;
  /** The number whose acknowledgement is a round-trip measurement, and when it was sent (only without timestamps). */
  timed: Sequence | undefined = undefined;
  timedAt: Micros = 0;

  /** What came twice, left and right edge: to be told with the next acknowledgement (RFC 2883). */
  twice: readonly [Sequence, Sequence] | undefined = undefined;

  /** RFC 7413; undefined = it is opened as ever. */
  fast: FastOpening | undefined = undefined;

  /** No program holds it any more. */
  orphan = false;
  /** shutdown("receive"): what arrives is acknowledged and thrown away. */
  deaf = false;
  /** The handshake is complete, but the listener's queue was full. */
  early = false;
  /** Why it ended, or an ICMP error that did not end it; told once. */
  error: Reason | undefined = undefined;
  /** What ICMP said meanwhile, or that nothing is acknowledged any more; it is the reason if the connection times out (RFC 9293 3.9.2.2). */
  softError: Reason | undefined = undefined;
  /** News bits since the owner was last told. */
  news = 0;
  /** Who is told. */
  owner: Owner | undefined = undefined;

  // Bookkeeping of tcp.ts: the heap of deadlines, the lists of those with work and with news, the listener it is for, its
  // place among the half-open or those left by their programs, number and chain in the flow table; and of the layer below:
  // the way its packets take.
  due: Micros = FOREVER;
  slot = -1;
  queued = false;
  telling = false;
  listener: Listener | undefined = undefined;
  row: object | undefined = undefined;
  before: InRow | undefined = undefined;
  behind: InRow | undefined = undefined;
  serial = 0;
  path: object | undefined = undefined;
  chain: Flow | undefined = undefined;
  /** Called by `enter`, so that every change of state can be seen. */
  trace: ((c: Connection, from: TcpState) => void) | undefined = undefined;

  constructor(opening: Opening) {
    const { flow, passive, iss, mss, timestampOffset, settings, options } = opening;
    const { pathMss = mss, defaultMss = 536 } = opening;
    this.localAddress = flow.localAddress;
    this.localPort = flow.localPort;
    this.remoteAddress = flow.remoteAddress;
    this.remotePort = flow.remotePort;
    this.passive = passive;
    this.settings = settings;
    this.options = options;
    this.route = options.sourceRoute;
    this.ourMss = mss;
    this.defaultMss = defaultMss;
    this.pathMss = pathMss;
    this.peerMss = defaultMss;
    this.sack = settings.sack;
    this.scaling = settings.windowScaling;
    this.snd = {
      iss,
      una: iss,
      nxt: iss,
      wnd: 0,
      wl1: 0,
      wl2: 0,
      maxWnd: 0,
      scale: 0,
      mss: Math.min(defaultMss, mss, pathMss),
      synAcked: false,
      finished: false,
      up: undefined,
      fin: undefined,
      small: iss,
    };
    this.rcv = {
      irs: 0,
      nxt: 0,
      wnd: settings.receiveBuffer,
      scale: settings.windowScaling ? scaleFor(settings.receiveBuffer) : 0,
      up: undefined,
      fin: undefined,
      unacked: 0,
      mss: 0,
      lastAckSent: 0,
      quick: settings.quickAcks,
    };
    this.timers = {
      retransmit: FOREVER,
      probe: FOREVER,
      reorder: FOREVER,
      persist: FOREVER,
      delayedAck: FOREVER,
      keepAlive: FOREVER,
      wait: FOREVER,
    };
    this.rtt = newRtt(settings);
    this.probe = newProbe();
    this.rack = newRack(iss);
    this.ecn = { on: false, may: false, echo: false, reduced: false, until: iss };
    this.congestion = newCongestion(iss, settings.congestion === "cubic");
    this.timestamps = { on: settings.timestamps, offset: timestampOffset, recent: 0, recentAt: 0 };
    this.pending = { syn: false, ack: false, reset: false, probe: false, tail: false, keepAlive: false };
    this.sendBuffer = new ByteRing(settings.sendBuffer);
    this.receiveBuffer = new ByteRing(settings.receiveBuffer);
  }
}

/** Bytes of the timestamps option with its padding. */
const TIMESTAMPS_LENGTH = 12;

/**
 * Sets snd.mss from what the peer and the path take. RFC 9293 3.7.1 and RFC 6691: neither counts options, so what we
 * always send is taken off, the options of IP too.
 */
export function settleMss(c: Connection): void {
  const most = Math.min(c.peerMss, c.ourMss, c.pathMss);
  const always = (c.timestamps.on ? TIMESTAMPS_LENGTH : 0) + (c.route ? lengthOfRoute(c.route) : 0);
  c.snd.mss = Math.max(1, most - always);
}

/**
 * RFC 9293 3.9.2.1 (MUST-53): a passively opened connection answers by the way that the peer's segments come, the newest
 * of them; the program's choice comes before it (MUST-52).
 */
export function takeRoute(c: Connection, route: SourceRoute | undefined): void {
  if (route === undefined || !c.passive || c.options.sourceRoute || sameRoute(route, c.route)) return;
  c.route = route;
  c.path = undefined;
  settleMss(c);
}

/** The smallest shift with which a window of `bytes` can be told in 16 bits (RFC 7323 2.3). */
export function scaleFor(bytes: number): number {
  let scale = 0;
  while (bytes >> scale > 0xffff && scale < 14) scale++;
  return scale;
}

/** When the connection must be looked at though nothing arrives. */
export function deadline(c: Connection): Micros {
  const { retransmit, probe, reorder, persist, delayedAck, keepAlive, wait } = c.timers;
  return Math.min(retransmit, probe, reorder, persist, delayedAck, keepAlive, wait);
}

/** The one way from state to state. */
export function enter(c: Connection, state: TcpState): void {
  const from = c.state;
  if (from === state) return;
  c.state = state;
  if (state === TcpState.ESTABLISHED) c.news |= News.CONNECTED | News.SPACE;
  else if (state === TcpState.TIME_WAIT || state === TcpState.CLOSED) {
    c.news |= News.CLOSED;
    stopTimers(c);
    c.pending.syn = c.pending.probe = c.pending.tail = c.pending.keepAlive = false;
    c.sendBuffer.clear();
    c.gaps.clear();
    c.scoreboard.clear();
    forgetSent(c);
    if (state === TcpState.CLOSED) c.pending.ack = false;
  }
  c.trace?.(c, from);
}

/** The end that is not in the order of things. */
export function fail(c: Connection, reason: Reason): void {
  c.error = reason;
  c.news |= News.ERROR;
  enter(c, TcpState.CLOSED);
}

export function stopTimers(c: Connection): void {
  const { timers } = c;
  timers.retransmit =
    timers.probe =
    timers.reorder =
    timers.persist =
    timers.delayedAck =
    timers.keepAlive =
    timers.wait =
      FOREVER;
}

/** States in which the peer may still send us data. */
export function canReceive(state: TcpState): boolean {
  return state === TcpState.ESTABLISHED || state === TcpState.FIN_WAIT_1 || state === TcpState.FIN_WAIT_2;
}

/** States in which we may still send data. */
export function canSend(state: TcpState): boolean {
  return state === TcpState.ESTABLISHED || state === TcpState.CLOSE_WAIT;
}

/** The handshake is over on our side, and the end has not come. */
export function isSynchronized(state: TcpState): boolean {
  return state >= TcpState.ESTABLISHED && state <= TcpState.TIME_WAIT;
}

const isOpening = (state: TcpState): boolean =>
  state === TcpState.SYN_SENT || state === TcpState.SYN_RECEIVED;

/** The number behind the last byte that the program has written. */
export function endOfData(c: Connection): Sequence {
  return add(c.snd.una, c.sendBuffer.length + (c.snd.synAcked ? 0 : 1));
}

// --- user calls ----------------------------------------------------------------------------------------------------

/** 3.10.1 OPEN, active: a SYN goes out next, or (RFC 7413) with the first data. */
export function open(c: Connection): void {
  c.pending.syn = !c.fast?.waits;
  enter(c, TcpState.SYN_SENT);
}

/** 3.10.2 SEND: as many bytes as there is room for. */
export function write(c: Connection, bytes: Uint8Array): number | Reason {
  const reason = takeError(c);
  if (reason) return reason;
  if (c.state === TcpState.CLOSED) return "not-connected";
  if (c.snd.finished || !(canSend(c.state) || isOpening(c.state))) return "closed";
  if (c.fast?.waits) {
    sendWaitingSyn(c);
    return c.sendBuffer.push(bytes.subarray(0, c.fast.room));
  }
  if (bytes.length === 0) return 0;
  return c.sendBuffer.push(bytes) || "would-block";
}

/** A SYN that waits for data (RFC 7413) waits no longer: there is some, or there will be none. */
function sendWaitingSyn(c: Connection): void {
  if (!c.fast?.waits) return;
  c.fast.waits = false;
  c.pending.syn = true;
}

/** All that was written up to now is urgent (3.8.5); what is in the buffer, too. */
export function markUrgent(c: Connection): void {
  c.snd.up = endOfData(c);
}

/** Bytes between the next one to be read and the end of the peer's urgent data. */
export function urgentBytes(c: Connection): number {
  if (c.rcv.up === undefined) return 0;
  return Math.max(0, distance(c.rcv.nxt, c.rcv.up) + c.receiveBuffer.length);
}

/** 3.10.3 RECEIVE: bytes that have arrived in order; 0 = the peer has finished. `peek` leaves them there. */
export function read(c: Connection, into: Uint8Array, peek: boolean): number | Reason {
  if (c.receiveBuffer.length > 0) {
    const taken = c.receiveBuffer.peek(into);
    if (!peek) {
      c.receiveBuffer.drop(taken);
      if (canReceive(c.state)) openWindow(c);
    }
    return taken;
  }
  const reason = takeError(c);
  if (reason) return reason;
  if (c.deaf || hasFinished(c)) return 0;
  if (c.state === TcpState.CLOSED) return "not-connected";
  return into.length === 0 ? 0 : "would-block";
}

/** The peer's FIN has been received, and all in front of it. */
export function hasFinished(c: Connection): boolean {
  return c.rcv.fin !== undefined && c.rcv.nxt === add(c.rcv.fin, 1);
}

/** Tells the peer of room that has become free when it may be waiting for it; else the next segment says it. */
function openWindow(c: Connection): void {
  if (c.rcv.wnd * 2 < c.receiveBuffer.capacity && receiveWindow(c) > c.rcv.wnd) c.pending.ack = true;
}

/**
 * The window to offer: rcv.wnd, or more when the right edge can move by a segment or by half the buffer (RFC 9293
 * 3.8.6.2.2, the receiver's part in avoiding silly windows).
 */
export function receiveWindow(c: Connection): number {
  const { rcv, receiveBuffer } = c;
  const step = Math.min(receiveBuffer.capacity >> 1, Math.max(rcv.mss, c.snd.mss));
  return receiveBuffer.free - rcv.wnd >= step ? receiveBuffer.free : rcv.wnd;
}

/** Half-close: 3.10.4 as far as the sending side goes. */
export function finish(c: Connection): Reason | undefined {
  if (c.snd.finished) return undefined;
  if (c.state === TcpState.ESTABLISHED) enterFinished(c, TcpState.FIN_WAIT_1);
  else if (c.state === TcpState.CLOSE_WAIT) enterFinished(c, TcpState.LAST_ACK);
  else if (isOpening(c.state)) {
    c.snd.finished = true; // "queue this request until the connection is established"
    sendWaitingSyn(c);
  } else return "not-connected";
  return undefined;
}

function enterFinished(c: Connection, state: TcpState): void {
  c.snd.finished = true;
  enter(c, state);
}

/** 3.10.4 CLOSE by a program that will not read either. */
export function close(c: Connection): void {
  c.orphan = true;
  if (c.state === TcpState.CLOSED || c.state === TcpState.TIME_WAIT) {
    c.receiveBuffer.clear();
    return;
  }
  if (c.state === TcpState.SYN_SENT) {
    enter(c, TcpState.CLOSED);
    return;
  }
  // RFC 1122 4.2.2.13: the peer shall know that what it sent was not read.
  if (c.receiveBuffer.length > 0) {
    abort(c);
    return;
  }
  finish(c);
}

/** 3.10.5 ABORT */
export function abort(c: Connection): void {
  const { state } = c;
  const tell = state === TcpState.SYN_RECEIVED || (isSynchronized(state) && state !== TcpState.TIME_WAIT);
  c.receiveBuffer.clear();
  enter(c, TcpState.CLOSED);
  if (tell) c.pending.reset = true;
}

export function takeError(c: Connection): Reason | undefined {
  const { error } = c;
  c.error = undefined;
  return error;
}
