/** UDP of one station (RFC 768, RFC 1122 section 4.1): datagrams to the sockets they are for, and from them. */
import type { Micros, Random } from "../base/index.ts";
import type { Counters, Drops } from "./counters.ts";
import { DatagramQueue } from "./datagrams.ts";
import type { Arrival, SendOptions } from "./ip/network.ts";
import type { Datagram, Endpoint, Reason } from "./sockets.ts";
import { News } from "./sockets.ts";
import { covers, overlap, Ports, type Station } from "./station.ts";
import { ANY6 } from "./wire/address6.ts";
import { type IpAddress, isGroup, isUnspecified } from "./wire/ip-address.ts";
import * as wire from "./wire/udp.ts";

/** What carries datagrams. */
export interface UdpLower {
  transmit(from: IpAddress, to: IpAddress, datagram: wire.Udp, options: SendOptions, now: Micros): void;
}

/** The first datagram of a flow to an address that no socket is open for: see `Attempt` in sockets.ts. */
export type UdpKnock = Datagram;

interface Outgoing {
  socket: UdpSocket;
  from: IpAddress;
  to: Endpoint;
  payload: Uint8Array;
  options: SendOptions;
}

const FIRST_EPHEMERAL = 49152;
const EPHEMERALS = 65536 - FIRST_EPHEMERAL;
/** Bytes that wait for the next poll; a program that sends more is told "would-block". */
const OUTGOING_BYTES = 1024 * 1024;
const OVERHEAD = 64;

export class Udp {
  /** Asked about a datagram that no socket is open for; false = nobody wants it. */
  onKnock: ((knock: UdpKnock) => boolean) | undefined;
  /** Called when there is something for `poll` to do. */
  onWork: (() => void) | undefined;
  readonly ports = new Ports<UdpSocket>();
  readonly station: Station;
  readonly #lower: UdpLower;
  readonly #counters: Counters;
  readonly #drops: Drops;
  readonly #changed: (socket: DatagramQueue) => void;
  #outgoing: Outgoing[] = [];
  #outgoingBytes = 0;
  #ephemeral: number;

  constructor(
    random: Random,
    station: Station,
    lower: UdpLower,
    counters: Counters,
    drops: Drops,
    changed: (socket: DatagramQueue) => void,
  ) {
    this.station = station;
    this.#lower = lower;
    this.#counters = counters;
    this.#drops = drops;
    this.#changed = changed;
    this.#ephemeral = random.below(EPHEMERALS);
  }

  socket(): UdpSocket {
    return new UdpSocket(this, this.#changed);
  }

  /** A socket that stands where `knock` wanted to go, with its first datagram. */
  admit(knock: UdpKnock): UdpSocket {
    const socket = this.socket();
    socket.stand(knock.to, knock.from);
    socket.arrive(knock);
    return socket;
  }

  /**
   * A UDP payload has come.
   * @returns whether somebody took it: if not, and it was for us alone, port unreachable is due
   */
  arrive(arrival: Arrival): boolean {
    const { payload: bytes, source, destination, index, tos, options, back } = arrival;
    this.#counters.udpReceived++;
    const reason = wire.check(bytes, source, destination);
    if (reason) {
      this.#drops.add(`udp: ${reason}`);
      return true;
    }
    const { sourcePort, destinationPort, payload } = wire.read(bytes);
    const from = { address: source, port: sourcePort };
    const to = { address: destination, port: destinationPort };
    const datagram: Datagram = { from, to, payload, interface: index, tos, options, back };
    if (arrival.group) return this.#arriveForAll(datagram);
    const socket = this.#socketFor(from, to);
    if (socket) {
      if (!socket.arrive(datagram)) this.#drops.add("udp: queue full");
      return true;
    }
    if (this.onKnock?.(datagram)) return true;
    this.#drops.add("udp: no socket");
    return false;
  }

  /** A broadcast reaches every socket that is bound to its port and not to one address only. */
  #arriveForAll(datagram: Datagram): boolean {
    const { from, to } = datagram;
    let taken = false;
    for (const socket of this.ports.on(to.port)) {
      if (!socket.takes(from) || !covers(socket.local.address, to.address)) continue;
      if (!socket.arrive(datagram)) this.#drops.add("udp: queue full");
      taken = true;
    }
    if (!taken) this.#drops.add("udp: no socket");
    return true;
  }

  /** The one that says most about the datagram: connected to its sender, else bound to its address; then the newest. */
  #socketFor(from: Endpoint, to: Endpoint): UdpSocket | undefined {
    let best: UdpSocket | undefined;
    let bestScore = -1;
    for (const socket of this.ports.on(to.port)) {
      const { address } = socket.local;
      if (!covers(address, to.address) || !socket.takes(from)) continue;
      const score = (socket.remote ? 2 : 0) + (isUnspecified(address) ? 0 : 1);
      if (score >= bestScore) {
        best = socket;
        bestScore = score;
      }
    }
    return best;
  }

  /** An ICMP error about a datagram of ours: told to the socket that sent it, if it is connected or asks for it (RFC 1122 4.1.3.3). */
  report(local: IpAddress, remote: IpAddress, bytes: Uint8Array, reason: Reason): void {
    const { sourcePort, destinationPort } = wire.read(bytes);
    const to = { address: local, port: sourcePort };
    const socket = this.#socketFor({ address: remote, port: destinationPort }, to);
    if (socket && (socket.remote ?? socket.options.reportErrors)) socket.fail(reason);
    else this.#drops.add("icmp: about no connected socket");
  }

  /** Whether a datagram that begins so may have been sent from here. */
  sends(local: IpAddress, bytes: Uint8Array): boolean {
    const { sourcePort } = wire.read(bytes);
    return this.ports.on(sourcePort).some((socket) => covers(socket.local.address, local));
  }

  queue(outgoing: Outgoing): boolean {
    const cost = outgoing.payload.length + OVERHEAD;
    if (this.#outgoingBytes + cost > OUTGOING_BYTES) return false;
    this.#outgoing.push(outgoing);
    this.onWork?.();
    this.#outgoingBytes += cost;
    return true;
  }

  get space(): number {
    return Math.max(0, OUTGOING_BYTES - this.#outgoingBytes - OVERHEAD);
  }

  get hasWork(): boolean {
    return this.#outgoing.length > 0;
  }

  /** Sends what programs have given since the last time. */
  poll(now: Micros): boolean {
    if (this.#outgoing.length === 0) return false;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    for (const { socket, from, to, payload, options } of outgoing) {
      this.#counters.udpSent++;
      const datagram = { sourcePort: socket.local.port, destinationPort: to.port, payload };
      this.#lower.transmit(from, to.address, datagram, options, now);
      socket.sent();
    }
    return true;
  }

  ephemeral(): number | undefined {
    for (let tries = 0; tries < EPHEMERALS; tries++) {
      const port = FIRST_EPHEMERAL + this.#ephemeral;
      this.#ephemeral = (this.#ephemeral + 1) % EPHEMERALS;
      if (this.ports.on(port).length === 0) return port;
    }
    return undefined;
  }
}

export class UdpSocket extends DatagramQueue {
  readonly type = "datagram";
  readonly #udp: Udp;

  constructor(udp: Udp, changed: (socket: DatagramQueue) => void) {
    super(udp.station, changed);
    this.#udp = udp;
  }

  bind(address: IpAddress, port: number): Reason | undefined {
    const { station } = this.#udp;
    if (this.released || this.bound.port !== 0 || !isPort(port)) return "invalid";
    const possible =
      isUnspecified(address) || station.isOwn(address) || station.isBroadcast(address) || isGroup(address);
    if (!possible) return "not-available";
    for (const other of port === 0 ? [] : this.#udp.ports.on(port)) {
      const shared = this.options.reuseAddress && other.options.reuseAddress;
      if (overlap(address, other.bound.address) && !shared) return "in-use";
    }
    const chosen = port || this.#udp.ephemeral();
    if (chosen === undefined) return "in-use";
    this.bound = { address, port: chosen };
    this.#udp.ports.add(this);
    return undefined;
  }

  /** Takes a place that need not be ours, for the gateway. */
  stand(at: Endpoint, peer: Endpoint): void {
    this.bound = { ...at };
    this.peer = { ...peer };
    this.#udp.ports.add(this);
  }

  /** Sets the peer: only its datagrams are received from now on. An unspecified address undoes it. */
  connect(address: IpAddress, port: number): Reason | undefined {
    if (this.released || !isPort(port)) return "invalid";
    if (isUnspecified(address)) {
      this.peer = undefined;
      return undefined;
    }
    if (port === 0) return "invalid";
    if (this.#udp.station.isBroadcast(address) && !this.options.broadcast) return "prohibited";
    if (this.#sourceFor(address) === undefined) return "network-unreachable";
    const reason = this.bound.port === 0 ? this.bind(anyLike(address), 0) : undefined;
    if (reason) return reason;
    this.peer = { address, port };
    this.note(News.CONNECTED | News.SPACE);
    return undefined;
  }

  /** Whether a datagram from there is for this socket. */
  takes(from: Endpoint): boolean {
    return this.peer === undefined || (this.peer.address === from.address && this.peer.port === from.port);
  }

  get space(): number {
    return this.released ? 0 : Math.min(this.#udp.space, this.#udp.station.largest - wire.HEADER);
  }

  send(bytes: Uint8Array, to?: Endpoint): number | Reason {
    if (this.released) return "invalid";
    const reason = this.takeError();
    if (reason) return reason;
    const target = to ?? this.peer;
    if (target === undefined) return "not-connected";
    if (!isPort(target.port) || target.port === 0) return "invalid";
    if (bytes.length > this.#udp.station.largest - wire.HEADER) return "too-long";
    if (this.#udp.station.isBroadcast(target.address) && !this.options.broadcast) return "prohibited";
    const options = this.sendOptions(target.address);
    if (options === undefined) return "invalid";
    const source = this.#sourceFor(this.firstHop(target.address));
    if (source === undefined) return "network-unreachable";
    const unbound = this.bound.port === 0 ? this.bind(anyLike(target.address), 0) : undefined;
    if (unbound) return unbound;
    const payload = bytes.slice();
    const queued = this.#udp.queue({ socket: this, from: source, to: { ...target }, payload, options });
    return queued ? bytes.length : "would-block";
  }

  /** Its own address if it is bound to one, which must be of the destination's version; else what the route says. */
  #sourceFor(destination: IpAddress): IpAddress | undefined {
    const { address } = this.bound;
    // RFC 1122 3.2.1.3: what many have is nobody's source.
    if (isUnspecified(address) || isGroup(address) || this.#udp.station.isBroadcast(address)) {
      if (address === 0 && this.bound.port !== 0 && typeof destination !== "number") return undefined;
      return this.#udp.station.sourceFor(destination, this.options.interface);
    }
    return typeof address === typeof destination ? address : undefined;
  }

  /** A datagram has left. */
  sent(): void {
    if (!this.released) this.note(News.SPACE);
  }

  protected forget(): void {
    this.#udp.ports.remove(this);
  }
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535;

/** The unspecified address of the same version. */
const anyLike = (address: IpAddress): IpAddress => (typeof address === "number" ? 0 : ANY6);
