/**
 * IPv6 of one station: packets out by a route, packets in from an interface (RFC 8200), fragments (4.5), groups
 * (RFC 2710), and forwarding when it is asked for. `icmp.ts` is what is answered and heard, `discovery.ts` how neighbours
 * and addresses are found.
 */
import { concat, FOREVER, type Micros, MS, type Random } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import { Groups } from "../ip/groups.ts";
import type { Network, Refusal, SendOptions, SendReason, Upper } from "../ip/network.ts";
import { PathMtus } from "../ip/path-mtu.ts";
import { type Piece, Reassembly } from "../ip/reassembly.ts";
import type { Nic } from "../link/nic.ts";
import {
  type Address6,
  ALL_NODES,
  ALL_ROUTERS,
  ANY6,
  isLinkLocal6,
  isMulticast6,
  LOOPBACK6,
  readAddress6,
  scopeOf,
  writeAddress6,
} from "../wire/address6.ts";
import * as discoveryWire from "../wire/discovery.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { FrameSource } from "../wire/frame.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { Icmp6Type, TimeExceeded6, Unreachable6 } from "../wire/icmpv6.ts";
import * as ipv4 from "../wire/ipv4.ts";
import type { Chain, Ipv6 } from "../wire/ipv6.ts";
import * as ipv6 from "../wire/ipv6.ts";
import { Discovery } from "./discovery.ts";
import { Icmp6 } from "./icmp.ts";
import { Interface6 } from "./interface.ts";
import { Neighbours6 } from "./neighbours.ts";
import { type Path6, Routes6, sourceFor } from "./routes.ts";

const HEADROOM = ethernet.HEADER + ipv6.HEADER;
/** RFC 4861: no router has passed it on. */
const ND_HOPS = 255;

export interface Ip6Options {
  nics: readonly Nic[];
  loopback: Nic;
  frames: FrameSource;
  random: Random;
  forward: boolean;
  /** TCP and UDP to any unicast address are taken as if they were for us. */
  anyAddress: boolean;
  counters: Counters;
  drops: Drops;
  upper: Upper;
}

/** A fragment, with the packet it came in. */
interface Piece6 extends Piece {
  readonly packet: Ipv6;
  readonly chain: Chain;
}

export class Ip6 implements Network {
  readonly headroom = HEADROOM;
  readonly header = ipv6.HEADER;
  readonly largest = ipv6.LARGEST_PAYLOAD - ipv6.FRAGMENT_HEADER;
  readonly leastMtu = ipv6.LEAST_MTU;
  readonly loopback: Interface6;
  readonly interfaces: readonly Interface6[];
  readonly routes: Routes6;
  readonly discovery: Discovery;
  readonly #random: Random;
  readonly #frames: FrameSource;
  readonly #icmp: Icmp6;
  readonly #pathMtus = new PathMtus();
  readonly #reassembly = new Reassembly<Piece6>();
  readonly #counters: Counters;
  readonly #drops: Drops;
  readonly #upper: Upper;
  readonly #forward: boolean;
  readonly #anyAddress: boolean;
  /** RFC 7739: not to be guessed, so from chance; drawn when it is needed first. */
  #identification: number | undefined;
  #now: Micros = 0;

  constructor(options: Ip6Options) {
    const { counters, drops, random } = options;
    this.#random = random;
    this.#frames = options.frames;
    this.#counters = counters;
    this.#drops = drops;
    this.#upper = options.upper;
    this.#forward = options.forward;
    this.#anyAddress = options.anyAddress;
    this.loopback = new Interface6(options.loopback, -1);
    this.loopback.enabled = true;
    this.interfaces = options.nics.map((nic, index) => new Interface6(nic, index));
    this.routes = new Routes6(this.loopback, this.interfaces);
    this.discovery = new Discovery({
      routes: this.routes,
      random,
      counters,
      drops,
      isRouter: options.forward,
      send: (by, message, source, destination) => this.#sendDiscovery(by, message, source, destination),
    });
    for (const each of this.interfaces) {
      each.neighbours = this.#neighboursOf(each);
      each.groups = this.#groupsOf(each);
    }
    this.#icmp = new Icmp6({
      counters,
      drops,
      isOwn: (address) => this.routes.isOwn(address),
      sourceFor: (address) => this.routes.find(address)?.source,
      send: (message, source, destination, tos) => this.#sendMessage(message, source, destination, tos),
      hear: (error) => this.#upper.hear(error),
      tooBig: (error, mtu) => this.#tooBig(error, mtu),
    });
  }

  get generation(): number {
    return this.routes.generation;
  }

  isOwn(address: Address6): boolean {
    return this.routes.isOwn(address);
  }

  // --- out ---------------------------------------------------------------------------------------------------------

  begin(payloadLength: number): Uint8Array {
    return this.#frames.take(HEADROOM + payloadLength);
  }

  find(destination: Address6, source?: Address6): Path6 | undefined {
    return this.routes.find(destination, source);
  }

  mtuTo(destination: Address6, path: Path6): number {
    return this.#pathMtus.of(destination, path.interface.mtu);
  }

  send(
    frame: Uint8Array,
    path: Path6,
    source: Address6,
    destination: Address6,
    protocol: number,
    options: SendOptions,
    now: Micros,
  ): SendReason | undefined {
    this.#now = now;
    const payloadLength = frame.length - HEADROOM;
    if (payloadLength > this.largest) return "too-long";
    const header = {
      trafficClass: options.tos ?? 0,
      flowLabel: 0,
      hopLimit: options.ttl ?? path.interface.hopLimit,
      source,
      destination,
      nextHeader: protocol,
    };
    if (isMulticast6(destination)) this.#loopBack(header, frame, path, now);
    if (header.hopLimit === 0 && path.interface.index >= 0) return undefined; // for this host alone
    if (frame.length - ethernet.HEADER > this.mtuTo(destination, path)) {
      if (options.dontFragment) return "too-long";
      this.#sendFragments({ ...header, payload: frame.subarray(HEADROOM) }, path, now);
      return undefined;
    }
    ipv6.writeHeader(header, payloadLength, frame, ethernet.HEADER);
    this.#counters.ip6Sent++;
    path.interface.transmit(frame, path.nextHop, now);
    return undefined;
  }

  /** Who sends to a group of his own hears it himself (RFC 3493 5.2, IPV6_MULTICAST_LOOP). */
  #loopBack(header: Omit<Ipv6, "payload">, frame: Uint8Array, path: Path6, now: Micros): void {
    const { destination } = header;
    if (path.interface.index < 0 || destination === ALL_NODES || !path.interface.isIn(destination)) return;
    const copy = frame.slice();
    ipv6.writeHeader(header, frame.length - HEADROOM, copy, ethernet.HEADER);
    this.loopback.transmit(copy, destination, now);
  }

  /** RFC 8200 4.5: pieces as large as the way takes, each offset a multiple of 8. Only the sender cuts. */
  #sendFragments(packet: Ipv6, path: Path6, now: Micros): void {
    const { payload } = packet;
    const identification = this.#nextIdentification();
    const room = (this.mtuTo(packet.destination, path) - ipv6.HEADER - ipv6.FRAGMENT_HEADER) & ~7;
    for (let start = 0; start < payload.length; start += room) {
      const end = Math.min(payload.length, start + room);
      const length = ipv6.FRAGMENT_HEADER + end - start;
      const frame = this.begin(length);
      ipv6.writeHeader({ ...packet, nextHeader: ipv6.Header.FRAGMENT }, length, frame, ethernet.HEADER);
      const piece = { fragmentOffset: start, moreFragments: end < payload.length, identification };
      ipv6.writeFragmentHeader(frame, HEADROOM, packet.nextHeader, piece);
      frame.set(payload.subarray(start, end), HEADROOM + ipv6.FRAGMENT_HEADER);
      this.#counters.ip6Sent++;
      this.#counters.fragmentsSent++;
      path.interface.transmit(frame, path.nextHop, now);
    }
  }

  #nextIdentification(): number {
    this.#identification = ((this.#identification ?? this.#random.u32()) + 1) >>> 0;
    return this.#identification;
  }

  /** An ICMPv6 message, whole, by the usual way. */
  #sendMessage(message: Uint8Array, source: Address6, destination: Address6, tos: number): void {
    const path = this.routes.find(destination, source);
    if (path === undefined) {
      this.#drops.add("ip6: no route");
      return;
    }
    const frame = this.begin(message.length);
    frame.set(message, HEADROOM);
    this.send(frame, path, source, destination, ipv6.PROTOCOL_ICMPV6, { tos }, this.#now);
  }

  #sendDiscovery(
    by: Interface6,
    message: discoveryWire.Discovery,
    source: Address6,
    destination: Address6,
  ): void {
    const length = discoveryWire.lengthOf(message);
    const frame = this.begin(length);
    const bytes = frame.subarray(HEADROOM);
    discoveryWire.write(message, bytes);
    icmpv6.writeChecksum(bytes, length, source, destination);
    this.#counters.icmpSent++;
    const path = { interface: by, nextHop: destination, source };
    this.send(frame, path, source, destination, ipv6.PROTOCOL_ICMPV6, { ttl: ND_HOPS }, this.#now);
  }

  // --- in ----------------------------------------------------------------------------------------------------------

  /** A packet has arrived at `from`. `groupFrame`: in a frame that was not for this card alone. */
  arrive(bytes: Uint8Array, from: Interface6, groupFrame: boolean, now: Micros): void {
    this.#now = now;
    this.#counters.ip6Received++;
    if (!from.enabled) {
      this.#drops.add("ip6: not enabled");
      return;
    }
    const reason = ipv6.check(bytes);
    if (reason) {
      this.#drops.add(`ip6: ${reason}`);
      return;
    }
    const packet = ipv6.read(bytes);
    if (isMartian(packet, from)) {
      this.#drops.add("ip6: impossible address");
      return;
    }
    const group = isMulticast6(packet.destination);
    if (groupFrame && !group) {
      this.#drops.add("ip6: unicast in a group frame");
    } else if (group) {
      if (this.#isIn(packet.destination, from)) this.#arriveHere(packet, from, true, now);
      else this.#drops.add("ip6: multicast group not joined");
    } else if (this.#isForUs(packet.destination, from) || (this.#anyAddress && isCarried(packet))) {
      this.#arriveHere(packet, from, false, now);
    } else if (this.#forward) {
      this.#passOn(packet, now);
    } else {
      this.#drops.add("ip6: other destination");
    }
  }

  #isIn(group: Address6, from: Interface6): boolean {
    if (from.index >= 0) return from.isIn(group) || (this.#forward && group === ALL_ROUTERS);
    return this.interfaces.some((each) => each.isIn(group));
  }

  /** A link-local address is ours on its own link only (RFC 4007 section 9). */
  #isForUs(destination: Address6, from: Interface6): boolean {
    if (isLinkLocal6(destination) && from.index >= 0) return from.has(destination);
    return this.routes.isOwn(destination);
  }

  #arriveHere(packet: Ipv6, from: Interface6, group: boolean, now: Micros): void {
    const chain = ipv6.follow(packet);
    if (ipv6.isRefused(chain)) {
      this.#drops.add(`ip6: ${chain.reason}`);
      const { problem } = chain;
      if (problem) this.#problem(packet, problem.code, problem.pointer, problem.evenToGroup);
      return;
    }
    const { fragment } = chain;
    if (fragment && (fragment.fragmentOffset > 0 || fragment.moreFragments)) {
      this.#arriveFragment(packet, chain, from, group, now);
    } else {
      this.#deliver(packet, chain, from, group);
    }
  }

  #arriveFragment(packet: Ipv6, chain: Chain, from: Interface6, group: boolean, now: Micros): void {
    this.#counters.fragmentsReceived++;
    const { fragmentOffset, moreFragments, identification } = chain.fragment!;
    const payload = packet.payload.subarray(chain.offset);
    if (moreFragments && payload.length % 8 !== 0) {
      this.#drops.add("ip6: fragment of odd length");
      this.#problem(packet, ipv6.Problem.FIELD, 4);
      return;
    }
    const room = ipv6.LARGEST_PAYLOAD - chain.unfragmentable;
    if (fragmentOffset + payload.length > room) {
      this.#drops.add("ip6: fragments too long");
      this.#problem(packet, ipv6.Problem.FIELD, ipv6.HEADER + chain.unfragmentable + 2);
      return;
    }
    if (fragmentOffset === 0 && !hasWholeChain(packet, chain, payload)) {
      this.#drops.add("ip6: header chain in pieces"); // RFC 7112
      this.#problem(packet, ipv6.Problem.CHAIN, 0);
      return;
    }
    const key = `${packet.source}${packet.destination}${identification}`;
    const piece: Piece6 = { fragmentOffset, moreFragments, payload, packet, chain };
    const result = this.#reassembly.arrive(key, piece, room, now);
    if (result.done === undefined) {
      if (result.dropped) this.#drops.add(`ip6: ${result.dropped}`);
      return;
    }
    this.#counters.datagramsReassembled++;
    this.#arriveHere(wholeOf(result.done), from, group, now);
  }

  #deliver(packet: Ipv6, chain: Chain, from: Interface6, group: boolean): void {
    const { protocol } = chain;
    if (protocol === ipv6.Header.NOTHING) return;
    const payload = packet.payload.subarray(chain.offset);
    if (protocol === ipv6.PROTOCOL_ICMPV6 && !this.#arriveMessage(payload, packet, chain, from, group))
      return;
    const { source, destination, trafficClass: tos } = packet;
    const whole: Arrived6 = { packet, namedAt: chain.namedAt };
    this.#upper.deliver({
      protocol,
      payload,
      source,
      destination,
      group,
      tos,
      index: from.index,
      packet: whole,
    });
  }

  /** False: it is none. */
  #arriveMessage(bytes: Uint8Array, packet: Ipv6, chain: Chain, from: Interface6, group: boolean): boolean {
    this.#counters.icmpReceived++;
    const reason = icmpv6.check(bytes, packet.source, packet.destination);
    if (reason) {
      this.#drops.add(`icmp: ${reason}`);
      return false;
    }
    const type = bytes[0]!;
    if (discoveryWire.isDiscovery(type)) {
      // RFC 6980: never in fragments.
      const wrong = chain.fragment ? "fragmented" : discoveryWire.check(bytes, packet.hopLimit);
      if (wrong) this.#drops.add(`discovery: ${wrong}`);
      else if (from.index >= 0)
        this.discovery.arrive(bytes, packet.source, packet.destination, from, this.#now);
    } else if (type >= Icmp6Type.LISTENER_QUERY && type <= Icmp6Type.LISTENER_DONE) {
      this.#arriveListener(bytes, packet, from);
    } else {
      this.#icmp.arrive(bytes, packet, group);
    }
    return true;
  }

  doubt(destination: Address6, source: Address6): void {
    const path = this.routes.find(destination, source);
    path?.interface.neighbours?.doubt(path.nextHop);
  }

  // --- errors ------------------------------------------------------------------------------------------------------

  refuse(arrived: Arrived6, why: Refusal, now: Micros): void {
    this.#now = now;
    if (why === "protocol") this.#problem(arrived.packet, ipv6.Problem.NEXT_HEADER, arrived.namedAt);
    else this.#icmp.report(arrived.packet, Icmp6Type.UNREACHABLE, codeOf[why], 0, now);
  }

  quotable(source: Address6, destination: Address6, protocol: number, payload: Uint8Array): Arrived6 {
    const header = { trafficClass: 0, flowLabel: 0, hopLimit: 64, source, destination, nextHeader: protocol };
    return { packet: { ...header, payload }, namedAt: 6 };
  }

  #problem(packet: Ipv6, code: number, pointer: number, evenToGroup = false): void {
    this.#icmp.report(packet, Icmp6Type.PARAMETER_PROBLEM, code, pointer, this.#now, evenToGroup);
  }

  /** RFC 8201 section 4: less than the least is not believed to be true, but taken for the least. */
  #tooBig(
    error: { protocol: number; source: Address6; destination: Address6; start: Uint8Array },
    said: number,
  ): void {
    const path = this.routes.find(error.destination);
    const mtu = Math.max(ipv6.LEAST_MTU, said);
    if (path === undefined || mtu >= path.interface.mtu) return;
    if (this.#upper.tooBig({ ...error, room: mtu - ipv6.HEADER }))
      this.#pathMtus.lower(error.destination, mtu, this.#now);
  }

  // --- forwarding --------------------------------------------------------------------------------------------------

  /** RFC 8200 section 3 and RFC 4443: what a router does with a packet for another. It never cuts one. */
  #passOn(packet: Ipv6, now: Micros): void {
    const report = (type: number, code: number, rest = 0, evenToGroup = false): void =>
      this.#icmp.report(packet, type, code, rest, now, evenToGroup);
    if (scopeOf(packet.destination) <= 2) {
      this.#drops.add("ip6: not beyond the link");
      return;
    }
    if (packet.hopLimit <= 1) {
      report(Icmp6Type.TIME_EXCEEDED, TimeExceeded6.HOPS);
      return;
    }
    const path = this.routes.find(packet.destination);
    if (path === undefined) {
      report(Icmp6Type.UNREACHABLE, Unreachable6.NO_ROUTE);
      return;
    }
    if (scopeOf(packet.source) <= 2) {
      report(Icmp6Type.UNREACHABLE, Unreachable6.BEYOND_SCOPE);
      return;
    }
    if (ipv6.lengthOf(packet) > path.interface.mtu) {
      report(Icmp6Type.TOO_BIG, 0, path.interface.mtu, true);
      return;
    }
    const frame = this.begin(packet.payload.length);
    const onward = { ...packet, hopLimit: packet.hopLimit - 1 };
    ipv6.writeHeader(onward, packet.payload.length, frame, ethernet.HEADER);
    frame.set(packet.payload, HEADROOM);
    this.#counters.ip6Forwarded++;
    path.interface.transmit(frame, path.nextHop, now);
  }

  // --- groups ------------------------------------------------------------------------------------------------------

  /** RFC 2710 section 5: queries and others' reports, from link-local addresses only. */
  #arriveListener(bytes: Uint8Array, packet: Ipv6, from: Interface6): void {
    if (bytes.length < LISTENER_LENGTH || packet.hopLimit !== 1 || !isLinkLocal6(packet.source)) {
      this.#drops.add("mld: not to be believed");
      return;
    }
    const group = readAddress6(bytes, 8);
    if (bytes[0] === Icmp6Type.LISTENER_QUERY) {
      const within = ((bytes[4]! << 8) | bytes[5]!) * MS;
      from.groups?.query(group === ANY6 ? undefined : group, within, this.#now);
    } else if (bytes[0] === Icmp6Type.LISTENER_REPORT && from.index >= 0) {
      from.groups?.heard(group);
    }
  }

  #groupsOf(each: Interface6): Groups<Address6> {
    return new Groups<Address6>(
      {
        report: (group) => this.#sendListener(each, Icmp6Type.LISTENER_REPORT, group, group),
        leave: (group) => this.#sendListener(each, Icmp6Type.LISTENER_DONE, group, ALL_ROUTERS),
        isSilent: (group) => group === ALL_NODES || scopeOf(group) < 2,
      },
      this.#random,
    );
  }

  /** RFC 2710 section 3: hop limit 1 and a router alert; from :: while no address is good yet (RFC 3590). */
  #sendListener(each: Interface6, type: number, group: Address6, destination: Address6): void {
    const source = each.addresses.find((own) => isLinkLocal6(own.address) && each.has(own.address))?.address;
    const message = new Uint8Array(LISTENER_LENGTH);
    message[0] = type;
    writeAddress6(message, 8, group);
    icmpv6.writeChecksum(message, LISTENER_LENGTH, source ?? ANY6, destination);
    const payload = concat([ipv6.routerAlertHeader(ipv6.PROTOCOL_ICMPV6), message]);
    const frame = this.begin(payload.length);
    frame.set(payload, HEADROOM);
    const header = {
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 1,
      source: source ?? ANY6,
      destination,
      nextHeader: ipv6.Header.HOP_BY_HOP,
    };
    ipv6.writeHeader(header, payload.length, frame, ethernet.HEADER);
    this.#counters.ip6Sent++;
    this.#counters.icmpSent++;
    each.transmit(frame, destination, this.#now);
  }

  // --- neighbours --------------------------------------------------------------------------------------------------

  #neighboursOf(each: Interface6): Neighbours6 {
    return new Neighbours6(
      {
        solicit: (target, mac, prompt) => {
          const wished = prompt && readAddress6(prompt, ethernet.HEADER + 8);
          // One that is known is asked at its card, which its entry still names (7.3.3).
          this.discovery.solicit(each, target, mac !== undefined, wished);
        },
        send: (packet, to) => each.transmitTo(packet, to),
        failed: (_address, packets) => {
          for (const frame of packets) {
            this.#drops.add("neighbour: no answer");
            this.#undeliverable(ipv6.read(frame.subarray(ethernet.HEADER)));
          }
        },
        lost: (address) => this.routes.lost(address),
        dropped: (reason) => this.#drops.add(reason),
      },
      each.times,
      this.#random,
    );
  }

  /** RFC 4861 7.2.2: address unreachable, to the sender; our own programs are told without a packet. */
  #undeliverable(packet: Ipv6): void {
    if (this.routes.isOwn(packet.source)) this.#icmp.undeliverable(packet);
    else this.#icmp.report(packet, Icmp6Type.UNREACHABLE, Unreachable6.ADDRESS, 0, this.#now);
  }

  // --- time --------------------------------------------------------------------------------------------------------

  /** The first moment of `now` for those that are told something without one. */
  at(now: Micros): void {
    this.#now = now;
  }

  poll(now: Micros): boolean {
    this.#now = now;
    if (this.#counters.ip6Received === 0 && !this.interfaces.some(isEnabled)) return false;
    let did = false;
    for (const each of this.interfaces) {
      if (!each.enabled) continue;
      if (this.discovery.poll(each, now)) did = true;
      if (each.neighbours!.poll(now)) did = true;
      if (each.groups!.poll(now)) did = true;
    }
    for (let gone = this.#reassembly.expire(now); gone; gone = this.#reassembly.expire(now)) {
      did = true;
      this.#drops.add("ip6: fragments missing");
      if (gone.first)
        this.#icmp.report(gone.first.packet, Icmp6Type.TIME_EXCEEDED, TimeExceeded6.REASSEMBLY, 0, now);
    }
    for (let way = this.#pathMtus.expire(now); way !== undefined; way = this.#pathMtus.expire(now)) {
      did = true;
      const path = this.routes.find(way as Address6);
      if (path) this.#upper.widened(way, path.interface.mtu - ipv6.HEADER);
    }
    return did;
  }

  deadline(): Micros {
    let earliest = Math.min(FOREVER, this.#reassembly.deadline(), this.#pathMtus.deadline());
    for (const each of this.interfaces) {
      if (!each.enabled) continue;
      earliest = Math.min(
        earliest,
        this.discovery.deadline(each),
        each.neighbours!.deadline(),
        each.groups!.deadline(),
      );
    }
    return earliest;
  }

  /** The source that a packet to `destination` by the interface would have. */
  sourceBy(destination: Address6, index: number): Address6 | undefined {
    const each = this.interfaces[index];
    return each && sourceFor(destination, each, this.interfaces);
  }
}

const isEnabled = (each: Interface6): boolean => each.enabled;

/** Something of TCP or UDP to one station beyond the link. */
function isCarried(packet: Ipv6): boolean {
  if (scopeOf(packet.destination) <= 2) return false;
  const chain = ipv6.follow(packet);
  return (
    !ipv6.isRefused(chain) && (chain.protocol === ipv4.PROTOCOL_TCP || chain.protocol === ipv4.PROTOCOL_UDP)
  );
}

/** Bytes of a message of RFC 2710 section 3. */
const LISTENER_LENGTH = 24;

/** A packet that has come, and where its payload's protocol was named. */
export interface Arrived6 {
  readonly packet: Ipv6;
  readonly namedAt: number;
}

const codeOf = {
  network: Unreachable6.NO_ROUTE,
  host: Unreachable6.ADDRESS,
  port: Unreachable6.PORT,
  prohibited: Unreachable6.PROHIBITED,
} as const;

/** RFC 4291 2.5.2, 2.5.3, 2.7: what can be in no packet on a link. */
function isMartian({ source, destination }: Ipv6, from: Interface6): boolean {
  if (isMulticast6(source) || destination === ANY6) return true;
  if (isMulticast6(destination) && (destination.charCodeAt(0) & 15) === 0) return true;
  if (from.index < 0) return false;
  const inside = isMulticast6(destination) && (destination.charCodeAt(0) & 15) === 1;
  return source === LOOPBACK6 || destination === LOOPBACK6 || inside;
}

/** Bytes without which the header of a protocol is not there. */
const LEAST: Record<number, number> = {
  [ipv4.PROTOCOL_TCP]: 20,
  [ipv4.PROTOCOL_UDP]: 8,
  [ipv6.PROTOCOL_ICMPV6]: 8,
};

/** RFC 7112: the first fragment has all headers, that of the protocol carried included. */
function hasWholeChain(packet: Ipv6, chain: Chain, payload: Uint8Array): boolean {
  const behind = ipv6.follow({ ...packet, nextHeader: chain.protocol, payload });
  if (ipv6.isRefused(behind)) return behind.reason !== "header cut off";
  return payload.length - behind.offset >= (LEAST[behind.protocol] ?? 0);
}

/** The packet that was cut: the headers in front of the first fragment's, then all data. */
function wholeOf(first: Piece6): Ipv6 {
  const { packet, chain, payload } = first;
  const front = packet.payload.slice(0, chain.unfragmentable);
  if (front.length === 0) return { ...packet, nextHeader: chain.protocol, payload };
  // The last of the headers in front names what follows: no longer the fragment header.
  let last = 0;
  for (let next = last; next < front.length; next += (front[next + 1]! + 1) * 8) last = next;
  front[last] = chain.protocol;
  return { ...packet, payload: concat([front, payload]) };
}
