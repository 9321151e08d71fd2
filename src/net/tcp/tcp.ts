/**
 * TCP of one station: finds the connection or listener that a segment is for, and gives every connection its turn to
 * send. An address is a key to it, of whatever version of IP; what is below it is `Lower`.
 */
import type { Micros, Random } from "../../base/index.ts";
import { Deadlines, Fifo, Row } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import { News, type Reason, type SocketOptions, TcpState } from "../sockets.ts";
import { covers, overlap } from "../station.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { SourceRoute } from "../wire/source-route.ts";
import * as wire from "../wire/tcp.ts";
import { ACK, emptySegment, RST, type Segment, SYN } from "../wire/tcp.ts";
import { arrive, arriveSyn, establishEarly, type Surroundings, takeEarly } from "./arrive.ts";
import { takeForLost } from "./congestion.ts";
import { abort, Connection, deadline, enter, fail, open, settleMss } from "./connection.ts";
import { SynCookies } from "./cookies.ts";
import { expire, settleTimers } from "./expire.ts";
import { FastOpen } from "./fastopen.ts";
import { type Flow, Flows } from "./flows.ts";
import { type FourTuple, SequenceSource } from "./isn.ts";
import { next } from "./send.ts";
import { add, after, distance, within } from "./sequence.ts";
import type { TcpSettings } from "./settings.ts";
import { awake, canRest, TimeWait } from "./time-wait.ts";

/** What carries segments. */
export interface Lower {
  /** Sends a segment; `c` is there when it belongs to a connection. */
  transmit(from: IpAddress, to: IpAddress, segment: Segment, c: Connection | undefined, now: Micros): void;
  /** Bytes of TCP header and data that fit into a packet on the link towards `to`. */
  linkRoom(from: IpAddress, to: IpAddress): number;
  /** The same on the whole path, as far as is known. */
  room(from: IpAddress, to: IpAddress): number;
  /** RFC 1122 4.2.3.5: nothing has come back from there for a while. */
  doubt(from: IpAddress, to: IpAddress, now: Micros): void;
  /** The same of a packet that every station takes. */
  leastRoom(to: IpAddress): number;
}

/** A port where connections may come to. */
export interface Listener {
  /** Perhaps unspecified: any of ours. */
  readonly address: IpAddress;
  readonly port: number;
  backlog: number;
  /** Complete, to be accepted, oldest first. */
  readonly queue: Connection[];
  /** In SYN-RECEIVED, oldest first. */
  readonly halfOpen: Row<Connection>;
  /** Those of them whose handshake is complete, for which the queue had no room. */
  readonly early: Set<Connection>;
  /** In SYN-RECEIVED, but given to the program, or in `queue` (RFC 7413). */
  readonly fast: Set<Connection>;
  /** Until when SYN cookies may come back. */
  cookiesUntil: Micros;
  /** News bits since `changed` was last called. */
  news: number;
  /** Is told News.SYN and News.ACCEPTABLE. */
  changed(news: number): void;
  /** Options for a connection that is made for it: a copy of its own. */
  inherited(): SocketOptions;
}

/** Something at an address nobody listens at: see `Attempt` in sockets.ts. */
export interface Knock {
  readonly flow: FourTuple;
  readonly syn: Segment;
  pending: boolean;
}

/** RFC 6335 section 6: the dynamic ports. */
export const FIRST_EPHEMERAL = 49152;
/** After this many µs without another no cookie is good any more: two periods of `cookies.ts`. */
const COOKIE_LIFETIME: Micros = 128_000_000;
const EPHEMERALS = 65536 - FIRST_EPHEMERAL;
/** RFC 9293: when an old connection in TIME-WAIT is followed by a new one, its numbers start well above. */
const ISN_STEP = 64_000;
/** What a knock's purpose is to the hash: timestamps' offset (RFC 7323 5.4). */
const FOR_TIMESTAMPS = 1;
/** 2 is SYN cookies. */
const FOR_FAST_OPEN = 3;
/** RFC 9293 3.8.3: after so many retransmissions IP is told that the way may be dead; at least 3. */
const R1 = 3;
/** A header without options; RFC 9293 3.7.1: what MSS does not count. */
const HEADER = wire.HEADER;
/** RFC 791: 68 bytes always get through, but nobody's path is so narrow; options must fit besides some data. */
const LEAST_MSS = 88;

export class Tcp {
  readonly settings: TcpSettings;
  readonly flows = new Flows();
  /** Called with a SYN that no listener is there for; false = nobody wants it. */
  onKnock: ((knock: Knock) => boolean) | undefined;
  /** Called at each change of a connection's state. */
  trace: ((c: Connection, from: TcpState, now: Micros) => void) | undefined;

  /** Called when there is something for `poll` or `tell` to do that was not there before. */
  onWork: (() => void) | undefined;

  /** The segment that is being looked at: nobody keeps it, so one is enough. */
  readonly #arriving: Segment = { ...emptySegment };
  readonly #lower: Lower;
  readonly #counters: Counters;
  readonly #drops: Drops;
  readonly #sequences: SequenceSource;
  readonly #cookies: SynCookies;
  readonly #fastOpen: FastOpen;
  readonly #listeners = new Map<number, Listener[]>();
  readonly #knocks = new Map<string, Knock>();
  readonly #deadlines = new Deadlines<Flow>();
  /** Left by their programs, oldest first. */
  readonly #orphans = new Row<Flow>();
  readonly #work = new Fifo<Connection>();
  readonly #news = new Fifo<Connection>();
  readonly #listenerNews = new Fifo<Listener>();
  #ephemeral: number;
  #challenges = 0;
  #challengesFrom: Micros = Number.NEGATIVE_INFINITY;
  #now: Micros = 0;
  readonly #around: Surroundings;
  readonly #traced = (c: Connection, from: TcpState): void => this.trace?.(c, from, this.#now);

  constructor(settings: TcpSettings, random: Random, lower: Lower, counters: Counters, drops: Drops) {
    this.settings = settings;
    this.#lower = lower;
    this.#counters = counters;
    this.#drops = drops;
    this.#sequences = new SequenceSource(random);
    this.#cookies = new SynCookies(this.#sequences);
    this.#fastOpen = new FastOpen(settings.fastOpenKey ?? this.#sequences.words(FOR_FAST_OPEN, 4));
    this.#ephemeral = random.below(EPHEMERALS);
    this.#around = {
      challenge: (now) => this.#mayChallenge(now),
      reset: (c, seq) => this.#sendReset(c, seq),
      learn: (c, segment) => this.#fastOpen.learn(c, segment, this.#now),
      complete: (c) => this.#complete(c),
      drop: (reason) => drops.add(reason),
    };
  }

  // --- segments in -------------------------------------------------------------------------------------------------

  /** The segment in bytes[start … end) has come from `source` to `destination`. */
  arrive(
    bytes: Uint8Array,
    start: number,
    end: number,
    source: IpAddress,
    destination: IpAddress,
    now: Micros,
    ecn: number,
    route?: SourceRoute,
  ): void {
    this.#now = now;
    this.#counters.tcpReceived++;
    const reason = wire.check(bytes, source, destination, start, end);
    if (reason) {
      this.#drops.add(`tcp: ${reason}`);
      return;
    }
    const segment = wire.readInto(this.#arriving, bytes, start, end);
    segment.ecn = ecn;
    segment.route = route;
    const found = this.flows.find(destination, segment.destinationPort, source, segment.sourcePort);
    const c = found instanceof TimeWait ? this.#awaken(found) : found;
    if (c === undefined) {
      this.#arriveUnknown(segment, source, destination, now);
    } else if (c.state === TcpState.TIME_WAIT && reopens(c, segment)) {
      enter(c, TcpState.CLOSED);
      this.#forget(c);
      this.#arriveUnknown(segment, source, destination, now, c);
    } else {
      arrive(c, segment, this.#around, now);
      if ((c.pending.ack && !this.settings.gatherAcks) || c.pending.reset) this.#flush(c, now);
      else this.touch(c);
    }
  }

  /** 3.10.7.1 (CLOSED) and 3.10.7.2 (LISTEN). `old`: the connection in TIME-WAIT that this SYN follows. */
  #arriveUnknown(
    segment: Segment,
    source: IpAddress,
    destination: IpAddress,
    now: Micros,
    old?: Connection,
  ): void {
    const flow: FourTuple = {
      localAddress: destination,
      localPort: segment.destinationPort,
      remoteAddress: source,
      remotePort: segment.sourcePort,
    };
    if (segment.flags & RST) {
      this.#endKnock(flow);
      this.#drops.add("tcp: reset for no connection");
      return;
    }
    const onlySyn = (segment.flags & (SYN | ACK)) === SYN;
    const listener = this.#listenerFor(destination, segment.destinationPort);
    if (listener && onlySyn) {
      this.#arriveAtListener(listener, flow, segment, now, old);
      return;
    }
    if (onlySyn && this.onKnock && this.#knock(flow, segment)) return;
    if (listener && this.#takeCookie(listener, flow, segment, now)) return;
    this.#drops.add(listener ? "tcp: not a syn" : "tcp: no connection");
    this.#refuse(flow, segment);
  }

  #arriveAtListener(
    listener: Listener,
    flow: FourTuple,
    segment: Segment,
    now: Micros,
    old?: Connection,
  ): void {
    if (listener.queue.length >= listener.backlog) {
      this.#drops.add("tcp: backlog full");
      return;
    }
    if (listener.halfOpen.size >= this.settings.halfOpen) {
      if (this.settings.synCookies) {
        this.#sendCookie(listener, flow, segment, now);
        return;
      }
      this.#dropOldest(listener);
    }
    const c = this.#connection(flow, true, listener.inherited(), now, old);
    this.#halfOpen(listener, c, segment, now);
    this.#announce(listener, News.SYN);
    if (c.options.fastOpen > 0 && this.settings.fastOpen !== "off") this.#openFast(listener, c, segment);
  }

  /**
   * RFC 7413 4.1.2 and 4.2.2: who brings the cookie, and whose SYN is not one too many (5.1), is accepted at once, with the
   * data of its SYN. Who asks for one or brings a wrong one gets it with an ordinary SYN-ACK.
   */
  #openFast(listener: Listener, c: Connection, syn: Segment): void {
    const asked = syn.fastOpen;
    const { localAddress, remoteAddress } = c;
    const always = this.settings.fastOpen === "always";
    if (always ? asked === undefined && syn.payload.length === 0 : asked === undefined) return;
    const good = always || this.#fastOpen.isGood(asked!, localAddress, remoteAddress);
    const common = { room: 0, waits: false, sent: 0 };
    if (!good) {
      const cookie = this.#fastOpen.cookie(localAddress, remoteAddress);
      const option = { cookie, experimental: asked!.experimental };
      c.fast = { ...common, option, taken: false, handed: false };
    } else if (listener.fast.size < c.options.fastOpen) {
      c.fast = { ...common, option: undefined, taken: syn.payload.length > 0, handed: true };
      takeEarly(c, syn);
      listener.halfOpen.delete(c);
      listener.fast.add(c);
      this.#queue(listener, c);
    } else this.#drops.add("tcp: too many fast opens");
  }

  #halfOpen(listener: Listener, c: Connection, syn: Segment, now: Micros): void {
    listener.halfOpen.add(c);
    c.listener = listener;
    arriveSyn(c, syn, now);
    this.flows.add(c);
    this.touch(c);
  }

  #sendCookie(listener: Listener, flow: FourTuple, syn: Segment, now: Micros): void {
    this.#drops.add("tcp: half-open connection as a cookie");
    listener.cookiesUntil = now + COOKIE_LIFETIME;
    const offered = syn.mss || this.#lower.leastRoom(flow.remoteAddress) - HEADER;
    this.#bare(flow, {
      ...emptySegment,
      seq: this.#cookies.make(flow, syn.seq, offered, now),
      ack: add(syn.seq, 1),
      flags: SYN | ACK,
      window: Math.min(0xffff, this.settings.receiveBuffer),
      mss: this.#lower.linkRoom(flow.localAddress, flow.remoteAddress) - HEADER,
      route: syn.route,
    });
  }

  /** An ACK that may bring a cookie back: the connection is made as if its SYN had been kept. False: it does not. */
  #takeCookie(listener: Listener, flow: FourTuple, segment: Segment, now: Micros): boolean {
    if ((segment.flags & (SYN | ACK | RST)) !== ACK || listener.cookiesUntil <= now) return false;
    const irs = add(segment.seq, -1);
    const iss = add(segment.ack, -1);
    const mss = this.#cookies.check(flow, irs, iss, now);
    if (mss === undefined) return false;
    if (listener.queue.length >= listener.backlog) {
      this.#drops.add("tcp: backlog full");
      return true;
    }
    const c = this.#connection(flow, true, listener.inherited(), now, undefined, iss);
    const { window, route } = segment;
    const syn = { ...emptySegment, seq: irs, flags: SYN, window, mss, route };
    this.#halfOpen(listener, c, syn, now);
    c.pending.syn = false; // it went out with the cookie
    c.snd.nxt = add(iss, 1);
    arrive(c, segment, this.#around, now);
    return true;
  }

  /** A flood of SYNs costs the oldest half-open connection, never an established one. */
  #dropOldest(listener: Listener): void {
    const c = listener.halfOpen.first;
    if (c === undefined) return;
    this.#drops.add("tcp: half-open connection given up");
    enter(c, TcpState.CLOSED);
    this.#forget(c);
  }

  #complete(c: Connection): boolean {
    const { listener } = c;
    if (listener === undefined) return true; // opened actively, or after a verdict
    if (listener.fast.delete(c)) {
      c.listener = undefined;
      return true; // the program has it already
    }
    if (listener.queue.length >= listener.backlog) {
      listener.early.add(c);
      return false;
    }
    this.#hand(listener, c);
    return true;
  }

  #hand(listener: Listener, c: Connection): void {
    listener.halfOpen.delete(c);
    listener.early.delete(c);
    c.listener = undefined;
    this.#queue(listener, c);
  }

  #queue(listener: Listener, c: Connection): void {
    listener.queue.push(c);
    this.#counters.tcpAccepted++;
    this.#announce(listener, News.ACCEPTABLE);
  }

  #announce(listener: Listener, news: number): void {
    if (listener.news === 0) this.#listenerNews.push(listener);
    listener.news |= news;
    this.onWork?.();
  }

  #listenerFor(address: IpAddress, port: number): Listener | undefined {
    let any: Listener | undefined;
    for (const listener of this.#listeners.get(port) ?? []) {
      if (listener.address === address) return listener;
      // One for this version of IP alone comes before one for both.
      if (covers(listener.address, address) && (any === undefined || listener.address === 0)) any = listener;
    }
    return any;
  }

  // --- attempts that wait for a verdict ----------------------------------------------------------------------------

  #knock(flow: FourTuple, syn: Segment): boolean {
    const key = keyOf(flow);
    if (this.#knocks.has(key)) return true; // the SYN again, while the verdict is awaited
    if (this.#knocks.size >= this.settings.halfOpen) {
      this.#drops.add("tcp: too many attempts");
      return true;
    }
    const knock: Knock = { flow, syn: { ...syn, payload: emptySegment.payload }, pending: true };
    this.#knocks.set(key, knock);
    if (this.onKnock?.(knock)) return true;
    this.#endKnock(flow);
    return false;
  }

  #endKnock(flow: FourTuple): void {
    const key = keyOf(flow);
    const knock = this.#knocks.get(key);
    if (knock === undefined) return;
    knock.pending = false;
    this.#knocks.delete(key);
  }

  /** The verdict "yes": a connection in SYN-RECEIVED. Undefined when it is pending no more. */
  admit(knock: Knock, options: SocketOptions): Connection | undefined {
    if (!knock.pending) return undefined;
    this.#endKnock(knock.flow);
    const c = this.#connection(knock.flow, true, options, this.#now);
    arriveSyn(c, knock.syn, this.#now);
    this.flows.add(c);
    this.touch(c);
    return c;
  }

  /** The verdict "no": with a reset, or (`tell` false) with silence. */
  deny(knock: Knock, tell: boolean): void {
    if (!knock.pending) return;
    this.#endKnock(knock.flow);
    if (tell) this.#refuse(knock.flow, knock.syn);
  }

  // --- segments out ------------------------------------------------------------------------------------------------

  /** Notes that a connection may have something to send; it gets its turn in `poll`. */
  touch(c: Connection): void {
    if (c.queued) return;
    c.queued = true;
    this.#work.push(c);
    this.onWork?.();
  }

  /** It is `now`: for calls that come before the next poll. */
  at(now: Micros): void {
    this.#now = now;
  }

  /** Timers that are due, then everything that connections have to send. */
  poll(now: Micros): boolean {
    this.#now = now;
    let did = false;
    for (let due = this.#deadlines.take(now); due !== undefined; due = this.#deadlines.take(now)) {
      did = true;
      if (due instanceof TimeWait && this.trace === undefined) {
        this.#forget(due);
        continue;
      }
      const c = due instanceof TimeWait ? this.#awaken(due) : due;
      const { timeouts, retries } = c;
      expire(c, now);
      if (c.retries > retries && c.retries % R1 === 0) {
        c.softError ??= "timed-out"; // RFC 9293 3.8.3 (SHLD-9): the program may want to know
        this.#lower.doubt(c.localAddress, c.route?.gateways[0] ?? c.remoteAddress, now);
      }
      this.#counters.tcpTimeouts += c.timeouts - timeouts;
      this.#flush(c, now);
    }
    for (let left = this.#work.length; left > 0; left--) {
      did = true;
      this.#flush(this.#work.shift()!, now);
    }
    return did;
  }

  deadline(): Micros {
    return this.#work.length > 0 || this.#news.length > 0 || this.#listenerNews.length > 0
      ? this.#now
      : this.#deadlines.first();
  }

  /** Tells the owners of connections and listeners what has happened to them since the last time. */
  tell(): boolean {
    if (this.#news.length === 0 && this.#listenerNews.length === 0) return false;
    for (let left = this.#listenerNews.length; left > 0; left--) {
      const listener = this.#listenerNews.shift()!;
      const { news } = listener;
      listener.news = 0;
      listener.changed(news);
    }
    for (let left = this.#news.length; left > 0; left--) {
      const c = this.#news.shift()!;
      c.telling = false;
      const { news } = c;
      c.news = 0;
      c.owner?.changed(c, news);
    }
    return true;
  }

  #flush(c: Connection, now: Micros): void {
    c.queued = false;
    const { repeated } = c;
    for (let segment = next(c, now); segment !== undefined; segment = next(c, now)) {
      this.#counters.tcpSent++;
      if (segment.flags & RST) this.#counters.tcpResetsSent++;
      this.#lower.transmit(c.localAddress, c.remoteAddress, segment, c, now);
    }
    this.#counters.tcpRetransmitted += c.repeated - repeated;
    settleTimers(c, now);
    if (c.state === TcpState.CLOSED) this.#forget(c);
    else if (canRest(c)) this.#rest(c);
    else this.#deadlines.set(c, deadline(c));
    if (c.news !== 0 && !c.telling) {
      c.telling = true;
      this.#news.push(c);
    }
  }

  #rest(c: Connection): void {
    const isOrphan = this.#orphans.delete(c);
    this.#deadlines.remove(c);
    if (!this.flows.remove(c)) return; // its program does something to it once more
    const rest = new TimeWait(c);
    this.flows.add(rest);
    if (isOrphan) this.#orphans.add(rest);
    this.#deadlines.set(rest, rest.until);
  }

  #awaken(rest: TimeWait): Connection {
    const c = awake(rest);
    c.trace = this.#traced;
    this.#deadlines.remove(rest);
    this.flows.remove(rest);
    this.flows.add(c);
    if (this.#orphans.delete(rest)) this.#orphans.add(c);
    return c;
  }

  /** What is left of a connection in TIME-WAIT, if that is all there is. */
  #restOf(c: Connection): TimeWait | undefined {
    const kept = this.flows.find(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    return kept instanceof TimeWait && kept.snd.iss === c.snd.iss ? kept : undefined;
  }

  #forget(c: Flow): void {
    this.#orphans.delete(c);
    this.#deadlines.remove(c);
    const isThere = this.flows.remove(c);
    if (c instanceof TimeWait) return;
    const rest = isThere ? undefined : this.#restOf(c);
    if (rest) this.#forget(rest);
    const { listener } = c;
    if (listener === undefined) return;
    listener.halfOpen.delete(c);
    listener.early.delete(c);
    listener.fast.delete(c);
    c.listener = undefined;
  }

  /** RFC 9293 3.10.7.1: the answer to a segment that is for nobody. */
  #refuse(flow: FourTuple, segment: Segment): void {
    if (segment.flags & RST) return;
    const answer = segment.flags & ACK;
    this.#bare(flow, {
      ...emptySegment,
      seq: answer ? segment.ack : 0,
      ack: answer ? 0 : add(segment.seq, wire.sequenceLength(segment)),
      flags: answer ? RST : RST | ACK,
      route: segment.route,
    });
  }

  #sendReset(c: Connection, seq: number): void {
    this.#bare(c, { ...emptySegment, seq, flags: RST, route: c.route });
  }

  #bare(flow: FourTuple, segment: Segment): void {
    this.#counters.tcpSent++;
    if (segment.flags & RST) this.#counters.tcpResetsSent++;
    const addressed = { ...segment, sourcePort: flow.localPort, destinationPort: flow.remotePort };
    this.#lower.transmit(flow.localAddress, flow.remoteAddress, addressed, undefined, this.#now);
  }

  /** RFC 5961 section 7: so many a second, so that we cannot be made to flood. */
  #mayChallenge(now: Micros): boolean {
    if (now - this.#challengesFrom >= 1_000_000) {
      this.#challengesFrom = now;
      this.#challenges = 0;
    }
    if (this.#challenges >= this.settings.challengesPerSecond) {
      this.#drops.add("tcp: too many challenges");
      return false;
    }
    this.#challenges++;
    this.#counters.tcpChallenges++;
    return true;
  }

  // --- user calls that concern more than one connection ------------------------------------------------------------

  /** A connection on its way to the peer: its SYN goes out at the next poll. */
  connect(flow: FourTuple, options: SocketOptions): Connection {
    const old = this.flows.find(flow.localAddress, flow.localPort, flow.remoteAddress, flow.remotePort);
    if (old) this.#forget(old); // in TIME-WAIT: `isFree` has said so
    const c = this.#connection(flow, false, options, this.#now, old);
    if (options.fastOpen > 0 && this.settings.fastOpen !== "off") {
      const most = Math.min(c.ourMss, c.pathMss);
      c.fast = this.#fastOpen.opening(c.remoteAddress, most, this.settings.fastOpen === "always", this.#now);
    }
    this.flows.add(c);
    open(c);
    this.#counters.tcpOpened++;
    this.touch(c);
    return c;
  }

  /** Also of one in TIME-WAIT of which only the record is kept: that its program still asks for it changes nothing. */
  stateOf(c: Connection): TcpState {
    if (c.state !== TcpState.TIME_WAIT || !c.orphan) return c.state;
    return this.flows.has(c) || this.#restOf(c) ? TcpState.TIME_WAIT : TcpState.CLOSED;
  }

  /** Connections in all states. */
  connections(): Connection[] {
    return this.flows.all().map((flow) => (flow instanceof TimeWait ? awake(flow) : flow));
  }

  /** Whether a connection with this flow could be opened. One in TIME-WAIT gives way (RFC 6191) when it may. */
  isFree(flow: FourTuple, overTimeWait: boolean): boolean {
    const c = this.flows.find(flow.localAddress, flow.localPort, flow.remoteAddress, flow.remotePort);
    return c === undefined || (overTimeWait && c.state === TcpState.TIME_WAIT && c.timestamps.on);
  }

  /** A dynamic port for which `isFree` holds (RFC 6056 3.3.1: one after the other from a random start). */
  ephemeral(isFree: (port: number) => boolean): number | undefined {
    for (let tries = 0; tries < EPHEMERALS; tries++) {
      const port = FIRST_EPHEMERAL + this.#ephemeral;
      this.#ephemeral = (this.#ephemeral + 1) % EPHEMERALS;
      if (isFree(port)) return port;
    }
    return undefined;
  }

  listen(listener: Listener): void {
    const others = this.#listeners.get(listener.port);
    if (others) others.push(listener);
    else this.#listeners.set(listener.port, [listener]);
  }

  /** Takes the oldest complete connection, and lets one that waited for the room come in. */
  accept(listener: Listener): Connection | undefined {
    const c = listener.queue.shift();
    for (const early of listener.early) {
      if (listener.queue.length >= listener.backlog) break;
      this.#hand(listener, early);
      establishEarly(early);
      this.touch(early);
    }
    return c;
  }

  /** Nobody listens any more: those not yet accepted are reset. */
  unlisten(listener: Listener): void {
    const others = (this.#listeners.get(listener.port) ?? []).filter((other) => other !== listener);
    if (others.length > 0) this.#listeners.set(listener.port, others);
    else this.#listeners.delete(listener.port);
    for (const c of [...listener.queue, ...listener.halfOpen]) {
      c.orphan = true;
      c.receiveBuffer.clear();
      if (c.state !== TcpState.CLOSED) {
        enter(c, TcpState.CLOSED);
        c.pending.reset = true;
      }
      this.touch(c);
    }
    listener.queue.length = 0;
  }

  /** The program has let go of a connection, in whatever state that has left it. */
  leave(c: Connection): void {
    this.touch(c);
    if (c.state === TcpState.CLOSED || c.row !== undefined || !this.flows.has(c)) return;
    this.#orphans.add(c);
    const { first } = this.#orphans;
    if (first === undefined || this.#orphans.size <= this.settings.orphans) return;
    this.#drops.add("tcp: too many connections without a program");
    const oldest = first instanceof TimeWait ? this.#awaken(first) : first;
    this.#orphans.delete(oldest);
    abort(oldest);
    this.touch(oldest);
  }

  hasListener(address: IpAddress, port: number): boolean {
    return (this.#listeners.get(port) ?? []).some((other) => overlap(other.address, address));
  }

  #connection(
    flow: FourTuple,
    passive: boolean,
    options: SocketOptions,
    now: Micros,
    old?: Flow,
    cookie?: number,
  ): Connection {
    let iss = cookie ?? this.#sequences.isn(flow, now);
    if (old && !after(iss, old.snd.nxt)) iss = add(old.snd.nxt, ISN_STEP);
    const { localAddress } = flow;
    const first = options.sourceRoute?.gateways[0] ?? flow.remoteAddress;
    const c = new Connection({
      flow,
      passive,
      iss,
      mss: Math.min(
        this.#lower.linkRoom(localAddress, first) - HEADER,
        options.maxSegment || Number.POSITIVE_INFINITY,
      ),
      pathMss: this.#lower.room(localAddress, first) - HEADER,
      defaultMss: this.#lower.leastRoom(flow.remoteAddress) - HEADER,
      timestampOffset: this.#sequences.hash(flow, FOR_TIMESTAMPS),
      settings: this.settings,
      options,
    });
    c.trace = this.#traced;
    return c;
  }

  // --- ICMP --------------------------------------------------------------------------------------------------------

  /**
   * An ICMP error about a segment of ours. RFC 5927 4.1: only believed when its number is under way.
   * @param bytes the start of that segment, at least 8 bytes
   */
  report(local: IpAddress, remote: IpAddress, bytes: Uint8Array, reason: Reason): void {
    const c = this.#reported(local, remote, bytes);
    if (c === undefined) return;
    // RFC 9293 3.9.2.2 wants soft errors not to abort. Before a connection is established we follow RFC 5461 section
    // 4 and the widespread stacks instead: an answer within a round trip is worth more than three minutes of hope.
    const opening = c.state === TcpState.SYN_SENT || c.state === TcpState.SYN_RECEIVED;
    if (opening && (this.settings.softErrorsEndOpening || reason === "refused")) fail(c, reason);
    else c.softError = reason;
    this.touch(c);
  }

  /**
   * RFC 1191 section 6.4, RFC 8201: segments of more than `room` bytes do not get through to `remote`, says an error
   * about one of ours. False when none such is under way. All connections to there send smaller ones from now on.
   */
  tooBig(local: IpAddress, remote: IpAddress, bytes: Uint8Array, room: number): boolean {
    const reported = this.#reported(local, remote, bytes);
    if (reported === undefined) return false;
    const before = reported.snd.mss;
    const mss = Math.max(LEAST_MSS, room - HEADER);
    for (const c of this.flows) {
      if (c instanceof TimeWait || c.remoteAddress !== remote || c.pathMss <= mss) continue;
      c.pathMss = mss;
      settleMss(c);
    }
    if (reported.state === TcpState.SYN_SENT && reported.fast?.sent) {
      reported.pending.syn = true; // at once, and without data
      this.touch(reported);
    }
    if (reported.snd.mss >= before || !reported.snd.synAcked) return true;
    takeForLost(reported);
    this.touch(reported);
    return true;
  }

  /** What was known of the path to `remote` is forgotten: it may take `room` bytes again (RFC 1191 6.3). */
  widened(remote: IpAddress, room: number): void {
    for (const c of this.flows) {
      if (c instanceof TimeWait || c.remoteAddress !== remote) continue;
      c.pathMss = room - HEADER;
      settleMss(c);
    }
  }

  #reported(local: IpAddress, remote: IpAddress, bytes: Uint8Array): Connection | undefined {
    const { sourcePort, destinationPort, seq } = wire.readStart(bytes);
    const c = this.flows.find(local, sourcePort, remote, destinationPort);
    const isUnderWay = (c: Connection): boolean =>
      within(seq, c.snd.una, distance(c.snd.una, c.snd.nxt) || 1);
    if (c === undefined || c instanceof TimeWait || !isUnderWay(c)) {
      this.#drops.add("icmp: about no segment under way");
      return undefined;
    }
    return c;
  }
}

/**
 * RFC 6191, RFC 1122 4.2.2.13: a SYN for a connection in TIME-WAIT may begin a new one when it is certainly younger.
 */
function reopens(c: Connection, segment: Segment): boolean {
  if ((segment.flags & (SYN | ACK | RST)) !== SYN) return false;
  if (c.timestamps.on && segment.timestamps && segment.tsVal !== c.timestamps.recent) {
    return after(segment.tsVal, c.timestamps.recent);
  }
  return after(segment.seq, c.rcv.nxt);
}

const keyOf = (flow: FourTuple): string =>
  `${flow.localAddress}:${flow.localPort}-${flow.remoteAddress}:${flow.remotePort}`;
