/**
 * One station of the network, where everything meets: cards, IP, ICMP, TCP, UDP, raw sockets. It takes frames from its
 * cards, asks the protocols, sends what they give, and says when it wants to be asked again.
 */
import type { Micros, Random } from "../base/index.ts";
import { type Counters, Drops, newCounters } from "./counters.ts";
import type { DatagramQueue } from "./datagrams.ts";
import { ErrorLimit, errorAbout, mayReport, quotedPacket } from "./ip/icmp.ts";
import type { Interface } from "./ip/interface.ts";
import { type Arrival, DEFAULT_TTL, HEADROOM, Ip, type SendOptions } from "./ip/ip.ts";
import type { NeighbourEntry } from "./ip/neighbours.ts";
import type { Path, Route } from "./ip/routes.ts";
import type { Nic } from "./link/nic.ts";
import { Raw } from "./raw.ts";
import type { Attempt, Endpoint, Reason, Socket, Sockets } from "./sockets.ts";
import { defaultOptions, Ports, type Station } from "./station.ts";
import type { Connection } from "./tcp/connection.ts";
import { defaultSettings, type TcpSettings } from "./tcp/settings.ts";
import { TcpSocket } from "./tcp/socket.ts";
import { type Knock, Tcp } from "./tcp/tcp.ts";
import { Udp, type UdpKnock } from "./udp.ts";
import { type Address, isMulticast, type Mac, maskOf } from "./wire/address.ts";
import * as icmp from "./wire/icmp.ts";
import { IcmpType, Unreachable } from "./wire/icmp.ts";
import type { Ipv4 } from "./wire/ipv4.ts";
import * as ipv4 from "./wire/ipv4.ts";
import type { Segment } from "./wire/tcp.ts";
import * as tcpWire from "./wire/tcp.ts";
import * as udpWire from "./wire/udp.ts";

export interface StackOptions {
  /** The cards; an interface's number is its index here. */
  nics: readonly Nic[];
  /** Ports, initial sequence numbers and identifications come from it. */
  random: Random;
  /** Packets to other hosts are sent on by the routes (RFC 1812), with TTL decremented. Default false. */
  forward?: boolean;
  /** TCP and UDP to any unicast address are taken as if addressed to this stack: what the gateway needs. Default false. */
  anyAddress?: boolean;
  /** What differs from `defaultSettings`. */
  tcp?: Partial<TcpSettings>;
}

export interface IpConfiguration {
  /** 0 = none. */
  address: Address;
  /** A prefix: ones, then zeros. */
  mask: Address;
  /** 0 = none. */
  gateway: Address;
}

/** Frames taken from one card in a poll before others have their turn. */
const FRAMES_AT_ONCE = 1024;
/** Polling again at once brings nothing more in after this many rounds of a station talking to itself. */
const ROUNDS = 64;

export class Stack {
  readonly nics: readonly Nic[];
  /** The card of 127.0.0.1 and of packets to own addresses. */
  readonly loopback: Nic;
  readonly sockets: Sockets;
  readonly counters: Counters = newCounters();
  readonly drops = new Drops();
  /** Called at each change of a TCP connection's state. */
  onState: ((c: Connection, from: number, now: Micros) => void) | undefined = undefined;

  readonly #ip: Ip;
  readonly #tcp: Tcp;
  readonly #udp: Udp;
  readonly #raw: Raw;
  readonly #ports = new Ports<TcpSocket>();
  readonly #errors = new ErrorLimit();
  #changed: DatagramQueue[] = [];
  #announcements: Interface[] = [];
  #now: Micros = 0;

  constructor(options: StackOptions) {
    const { random } = options;
    this.nics = options.nics;
    this.#ip = new Ip({
      nics: options.nics,
      random,
      forward: options.forward ?? false,
      anyAddress: options.anyAddress ?? false,
      counters: this.counters,
      drops: this.drops,
      upper: {
        deliver: (arrival) => this.#deliver(arrival),
        report: (packet, type, code, rest) => this.#report(packet, type, code, rest),
        undeliverable: (packet) => this.#hear(packet, IcmpType.UNREACHABLE, Unreachable.HOST, 0),
      },
    });
    this.loopback = this.#ip.loopback.nic;
    const station: Station = {
      isOwn: (address) => this.#ip.routes.isOwn(address),
      sourceFor: (destination) => this.#ip.routes.find(destination)?.source,
      isBroadcast: (address) => this.#isBroadcast(address),
      largest: ipv4.LARGEST - ipv4.HEADER,
    };
    const changed = (socket: DatagramQueue): void => {
      this.#changed.push(socket);
    };
    this.#tcp = new Tcp(
      { ...defaultSettings, ...options.tcp },
      random,
      {
        transmit: (from, to, segment, c, now) => this.#sendTcp(from, to, segment, c, now),
        room: (_from, to) => (this.#ip.routes.find(to)?.interface.nic.mtu ?? 576) - ipv4.HEADER,
      },
      this.counters,
      this.drops,
    );
    this.#tcp.trace = (c, from, now) => this.onState?.(c, from, now);
    this.#udp = new Udp(
      random,
      station,
      {
        transmit: (from, to, datagram, ttl, now) => {
          const frame = this.#ip.begin(udpWire.lengthOf(datagram));
          udpWire.write(datagram, from, to, frame, HEADROOM);
          this.#send(frame, from, to, ipv4.PROTOCOL_UDP, { ttl }, now);
        },
      },
      this.counters,
      this.drops,
      changed,
    );
    this.#raw = new Raw(
      station,
      {
        transmit: (from, to, protocol, payload, ttl, now) => {
          const frame = this.#ip.begin(payload.length);
          frame.set(payload, HEADROOM);
          this.#send(frame, from, to, protocol, { ttl }, now);
        },
      },
      changed,
    );
    this.sockets = {
      stream: () => new TcpSocket(this.#tcp, this.#ports, station),
      datagram: () => this.#udp.socket(),
      raw: (protocol) => this.#raw.socket(protocol),
      intercept: (handler) => this.#intercept(handler, station),
    };
  }

  // --- configuration -----------------------------------------------------------------------------------------------

  /**
   * Sets what is given of an interface's addresses; the rest stays. A new address is announced to the neighbours at the
   * next poll (RFC 5227 2.3). Throws when there is no such interface or the mask is none.
   */
  configure(index: number, configuration: Partial<IpConfiguration>): void {
    const each = this.#interface(index);
    const { address = each.address, mask = each.mask, gateway = each.gateway } = configuration;
    if (!isMask(mask)) throw new RangeError(`${mask.toString(16)} is not a network mask`);
    const isNew = address !== each.address;
    each.address = address >>> 0;
    each.mask = mask >>> 0;
    each.gateway = gateway >>> 0;
    this.#ip.routes.generation++;
    if (isNew && address !== 0) this.#announcements.push(each);
  }

  configuration(index: number): Readonly<IpConfiguration> {
    const { address, mask, gateway } = this.#interface(index);
    return { address, mask, gateway };
  }

  /** A network beyond a gateway other than the default one. */
  addRoute(route: Route): void {
    this.#ip.routes.add(route);
  }

  routes(): readonly Route[] {
    return this.#ip.routes.all();
  }

  /** The ARP table of an interface. */
  neighbours(index: number): NeighbourEntry[] {
    return this.#interface(index).neighbours!.entries();
  }

  /** An ARP entry that neither ages nor changes. */
  setNeighbour(index: number, address: Address, mac: Mac): void {
    this.#interface(index).neighbours!.set(address, mac);
  }

  removeNeighbour(index: number, address: Address): boolean {
    return this.#interface(index).neighbours!.remove(address);
  }

  /** Sends one ARP probe (RFC 5227 2.1.1): who has `address`? It does not claim the address. */
  probe(index: number, address: Address): void {
    this.#ip.probe(this.#interface(index), address);
  }

  #interface(index: number): Interface {
    const each = this.#ip.interfaces[index];
    if (each === undefined) throw new RangeError(`no interface ${index}: there are ${this.nics.length}`);
    return each;
  }

  #isBroadcast(address: Address): boolean {
    if (address === 0xffffffff) return true;
    for (const each of this.#ip.interfaces) if (each.isBroadcast(address)) return true;
    return false;
  }

  /** TCP connections in all states, for those who want to see. */
  connections(): Connection[] {
    return [...this.#tcp.flows];
  }

  // --- turns -------------------------------------------------------------------------------------------------------

  /**
   * Takes the frames that have arrived, does what is due at `now`, sends what follows, then tells the sockets' owners
   * what has changed. `now` never decreases. Answers whether anything was done: false means that nothing will happen
   * before `deadline()` unless a frame or a call comes.
   */
  poll(now: Micros): boolean {
    this.#now = now;
    let did = this.#announce();
    for (let round = 0; round < ROUNDS; round++) {
      let more = this.#receive(now);
      if (this.#ip.poll(now)) more = true;
      if (this.#tcp.poll(now)) more = true;
      if (this.#udp.poll(now)) more = true;
      if (this.#raw.poll(now)) more = true;
      if (!more) break;
      did = true;
    }
    if (this.#tell()) did = true;
    return did;
  }

  /** When poll must be called even if nothing arrives; FOREVER = never. */
  deadline(): Micros {
    const atOnce =
      this.#changed.length > 0 || this.#announcements.length > 0 || this.#udp.hasWork || this.#raw.hasWork;
    return atOnce ? this.#now : Math.min(this.#tcp.deadline(), this.#ip.deadline());
  }

  #announce(): boolean {
    if (this.#announcements.length === 0) return false;
    for (const each of this.#announcements) this.#ip.announce(each);
    this.#announcements = [];
    return true;
  }

  #receive(now: Micros): boolean {
    let did = this.#receiveFrom(this.#ip.loopback, now);
    for (const each of this.#ip.interfaces) if (this.#receiveFrom(each, now)) did = true;
    return did;
  }

  #receiveFrom(each: Interface, now: Micros): boolean {
    for (let count = 0; count < FRAMES_AT_ONCE; count++) {
      const frame = each.nic.receive();
      if (frame === undefined) return count > 0;
      this.#ip.arrive(frame, each, now);
    }
    return true;
  }

  #tell(): boolean {
    const did = this.#tcp.tell();
    if (this.#changed.length === 0) return did;
    const changed = this.#changed;
    this.#changed = [];
    for (const socket of changed) socket.tell();
    return true;
  }

  // --- in ----------------------------------------------------------------------------------------------------------

  #deliver(arrival: Arrival): void {
    const { packet, group } = arrival;
    switch (packet.protocol) {
      case ipv4.PROTOCOL_TCP:
        // RFC 9293 3.9.2.3 (MUST-57): a segment to a broadcast or multicast address is silently discarded.
        if (group) {
          this.drops.add("tcp: to a group");
          return;
        }
        this.#tcp.arrive(packet.payload, packet.source, packet.destination, this.#now);
        return;
      case ipv4.PROTOCOL_UDP: {
        const taken = this.#udp.arrive(packet.payload, packet.source, packet.destination, group);
        if (!taken) this.#report(packet, IcmpType.UNREACHABLE, Unreachable.PORT, 0);
        return;
      }
      case ipv4.PROTOCOL_ICMP:
        this.#arriveIcmp(packet, group);
        return;
      default:
        if (this.#raw.arrive(packet)) return;
        this.drops.add("ip: unknown protocol");
        if (!group) this.#report(packet, IcmpType.UNREACHABLE, Unreachable.PROTOCOL, 0);
    }
  }

  #arriveIcmp(packet: Ipv4, group: boolean): void {
    this.counters.icmpReceived++;
    const reason = icmp.check(packet.payload);
    if (reason) {
      this.drops.add(`icmp: ${reason}`);
      return;
    }
    this.#raw.arrive(packet);
    const message = icmp.read(packet.payload);
    if (message.type === IcmpType.ECHO) this.#echo(packet, message, group);
    else if (message.type === IcmpType.REDIRECT) this.counters.redirectsSeen++;
    else if (icmp.isError(message.type)) this.#arriveError(message);
  }

  /** RFC 1122 3.2.2.6: the data comes back as it was; to a broadcast nobody need answer, so we do not. */
  #echo(packet: Ipv4, message: icmp.Icmp, group: boolean): void {
    if (group) {
      this.drops.add("icmp: echo to a group");
      return;
    }
    const reply = { ...message, type: IcmpType.ECHO_REPLY, code: 0 };
    this.#sendIcmp(reply, packet.destination, packet.source, { tos: packet.tos });
  }

  #arriveError(message: icmp.Icmp): void {
    const quoted = quotedPacket(message);
    if (quoted === undefined) {
      this.drops.add("icmp: quotation too short");
      return;
    }
    if (!this.#ip.routes.isOwn(quoted.source)) {
      this.drops.add("icmp: about nothing of ours");
      return;
    }
    if (message.type === IcmpType.SOURCE_QUENCH) {
      this.drops.add("icmp: source quench"); // RFC 6633
      return;
    }
    this.#hear(quoted, message.type, message.code, message.rest & 0xffff);
  }

  /** An error about a packet of ours, from the network or from our own link. */
  #hear(packet: Ipv4, type: number, code: number, mtu: number): void {
    const { source, destination, payload, protocol } = packet;
    if (type === IcmpType.UNREACHABLE && code === Unreachable.FRAGMENTATION_NEEDED) {
      // RFC 1191 section 5: an old router tells no MTU; 576 is what everybody takes.
      const room = (mtu >= 68 ? mtu : 576) - ipv4.HEADER;
      if (protocol === ipv4.PROTOCOL_TCP) this.#tcp.tooBig(source, destination, payload, room);
      return;
    }
    const reason = reasonOf(type, code, protocol);
    if (reason === undefined) return;
    if (protocol === ipv4.PROTOCOL_TCP) this.#tcp.report(source, destination, payload, reason);
    else if (protocol === ipv4.PROTOCOL_UDP) this.#udp.report(source, destination, payload, reason);
  }

  // --- out ---------------------------------------------------------------------------------------------------------

  /** An ICMP error to the sender of `packet`, if it may be told and not too many were. */
  #report(packet: Ipv4, type: number, code: number, rest: number): void {
    if (!mayReport(packet, this.#isBroadcast(packet.destination) || isMulticast(packet.destination))) return;
    if (!this.#errors.take(this.#now)) {
      this.drops.add("icmp: too many errors");
      return;
    }
    const path = this.#ip.routes.find(packet.source);
    if (path === undefined) {
      this.drops.add("ip: no route");
      return;
    }
    // RFC 1812 4.3.2.4: from the address that was asked when it is ours, else from that of the way back.
    const own = this.#ip.routes.isOwn(packet.destination);
    const source = own || path.source === 0 ? packet.destination : path.source;
    this.#sendIcmp(errorAbout(packet, type, code, rest), source, packet.source, { tos: 0xc0 });
  }

  #sendIcmp(message: icmp.Icmp, from: Address, to: Address, options: SendOptions): void {
    const frame = this.#ip.begin(icmp.lengthOf(message));
    icmp.write(message, frame.subarray(HEADROOM));
    this.counters.icmpSent++;
    this.#send(frame, from, to, ipv4.PROTOCOL_ICMP, options, this.#now);
  }

  #send(
    frame: Uint8Array,
    from: Address,
    to: Address,
    protocol: number,
    options: SendOptions,
    now: Micros,
  ): void {
    const path = this.#ip.routes.find(to);
    const reason = path ? this.#ip.send(frame, path, from, to, protocol, options, now) : "no route";
    if (reason) this.drops.add(`ip: ${reason}`);
  }

  /** RFC 1191: TCP finds out what the path takes, so its packets are never cut. */
  #sendTcp(from: Address, to: Address, segment: Segment, c: Connection | undefined, now: Micros): void {
    const path = c ? this.#pathOf(c) : this.#ip.routes.find(to);
    if (path === undefined) {
      this.drops.add("ip: no route");
      return;
    }
    const frame = this.#ip.begin(tcpWire.lengthOf(segment));
    tcpWire.write(segment, from, to, frame, HEADROOM);
    const ttl = c?.options.ttl ?? DEFAULT_TTL;
    const reason = this.#ip.send(frame, path, from, to, ipv4.PROTOCOL_TCP, { ttl, dontFragment: true }, now);
    if (reason) this.drops.add(`ip: ${reason}`);
  }

  /** The way of a connection's packets, looked up once until routes change. */
  #pathOf(c: Connection): Path | undefined {
    const kept = c.path as KeptPath | undefined;
    if (kept?.generation === this.#ip.routes.generation) return kept.path;
    const path = this.#ip.routes.find(c.remoteAddress);
    c.path = { path, generation: this.#ip.routes.generation } satisfies KeptPath;
    return path;
  }

  // --- attempts ----------------------------------------------------------------------------------------------------

  #intercept(handler: ((attempt: Attempt) => void) | undefined, station: Station): void {
    if (handler === undefined) {
      this.#tcp.onKnock = undefined;
      this.#udp.onKnock = undefined;
      return;
    }
    const report = (
      to: Endpoint,
      from: Endpoint,
      protocol: number,
      start: Uint8Array,
      code: number,
    ): void => {
      const packet = quotable(from.address, to.address, protocol, start);
      this.#report(packet, IcmpType.UNREACHABLE, code, 0);
    };
    this.#tcp.onKnock = (knock) => {
      handler(
        new TcpAttempt(knock, this.#tcp, (c) => new TcpSocket(this.#tcp, this.#ports, station, c), report),
      );
      return true;
    };
    this.#udp.onKnock = (knock) => {
      handler(new UdpAttempt(knock, this.#udp, report));
      return true;
    };
  }
}

interface KeptPath {
  path: Path | undefined;
  generation: number;
}

type ReportAttempt = (
  to: Endpoint,
  from: Endpoint,
  protocol: number,
  start: Uint8Array,
  code: number,
) => void;

const codeOf = {
  network: Unreachable.NETWORK,
  host: Unreachable.HOST,
  prohibited: Unreachable.PROHIBITED,
} as const;

class TcpAttempt implements Attempt {
  readonly protocol = "tcp";
  readonly to: Endpoint;
  readonly from: Endpoint;
  readonly #knock: Knock;
  readonly #tcp: Tcp;
  readonly #socket: (c: Connection) => Socket;
  readonly #report: ReportAttempt;

  constructor(knock: Knock, tcp: Tcp, socket: (c: Connection) => Socket, report: ReportAttempt) {
    const { flow } = knock;
    this.to = { address: flow.localAddress, port: flow.localPort };
    this.from = { address: flow.remoteAddress, port: flow.remotePort };
    this.#knock = knock;
    this.#tcp = tcp;
    this.#socket = socket;
    this.#report = report;
  }

  get pending(): boolean {
    return this.#knock.pending;
  }

  accept(): Socket | undefined {
    const c = this.#tcp.admit(this.#knock, defaultOptions());
    return c && this.#socket(c);
  }

  refuse(): void {
    this.#tcp.deny(this.#knock, true);
  }

  unreachable(what: "network" | "host" | "prohibited"): void {
    if (!this.pending) return;
    const start = new Uint8Array(tcpWire.lengthOf(this.#knock.syn));
    tcpWire.write(this.#knock.syn, this.from.address, this.to.address, start);
    this.#tcp.deny(this.#knock, false);
    this.#report(this.to, this.from, ipv4.PROTOCOL_TCP, start, codeOf[what]);
  }

  ignore(): void {
    this.#tcp.deny(this.#knock, false);
  }
}

class UdpAttempt implements Attempt {
  readonly protocol = "udp";
  readonly to: Endpoint;
  readonly from: Endpoint;
  pending = true;
  readonly #knock: UdpKnock;
  readonly #udp: Udp;
  readonly #report: ReportAttempt;

  constructor(knock: UdpKnock, udp: Udp, report: ReportAttempt) {
    this.to = knock.to;
    this.from = knock.from;
    this.#knock = knock;
    this.#udp = udp;
    this.#report = report;
  }

  accept(): Socket | undefined {
    if (!this.pending) return undefined;
    this.pending = false;
    return this.#udp.admit(this.#knock);
  }

  refuse(): void {
    this.#answer(Unreachable.PORT);
  }

  unreachable(what: "network" | "host" | "prohibited"): void {
    this.#answer(codeOf[what]);
  }

  ignore(): void {
    this.pending = false;
  }

  #answer(code: number): void {
    if (!this.pending) return;
    this.pending = false;
    const { first, from, to } = this.#knock;
    const datagram = { sourcePort: from.port, destinationPort: to.port, payload: first };
    const start = new Uint8Array(udpWire.lengthOf(datagram));
    udpWire.write(datagram, from.address, to.address, start);
    this.#report(to, from, ipv4.PROTOCOL_UDP, start, code);
  }
}

/** A packet as it must have been, for the quotation in an error that comes later. */
function quotable(source: Address, destination: Address, protocol: number, payload: Uint8Array): Ipv4 {
  return {
    tos: 0,
    identification: 0,
    dontFragment: protocol === ipv4.PROTOCOL_TCP,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: DEFAULT_TTL,
    protocol,
    source,
    destination,
    options: new Uint8Array(0),
    payload,
  };
}

/** What an ICMP error means to a program (RFC 1122 3.2.2.1, 4.2.3.9). */
function reasonOf(type: number, code: number, protocol: number): Reason | undefined {
  if (type === IcmpType.TIME_EXCEEDED) return "host-unreachable";
  if (type === IcmpType.PARAMETER_PROBLEM) return "invalid";
  if (type !== IcmpType.UNREACHABLE) return undefined;
  switch (code) {
    case Unreachable.NETWORK:
    case 6: // network unknown
    case 11: // network unreachable for type of service
      return "network-unreachable";
    case Unreachable.PROTOCOL:
      return "protocol-unreachable";
    case Unreachable.PORT:
      return protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP
        ? "refused"
        : "protocol-unreachable";
    case Unreachable.NETWORK_PROHIBITED:
    case Unreachable.HOST_PROHIBITED:
    case Unreachable.PROHIBITED:
      return "prohibited";
    default:
      return "host-unreachable";
  }
}

const isMask = (mask: number): boolean => {
  for (let length = 0; length <= 32; length++) if (maskOf(length) === mask >>> 0) return true;
  return false;
};
