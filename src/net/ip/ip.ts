/**
 * IPv4 of one station: packets out by a route, packets in from an interface (RFC 791, RFC 1122 section 3, and
 * RFC 1812 when it forwards). Fragments, ICMP and groups are settled here; protocols above see whole payloads.
 */
import { concat, FOREVER, type Micros, type Random, SECOND } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import type { Nic } from "../link/nic.ts";
import { type Address, isLoopback, isMulticast } from "../wire/address.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { FrameSource } from "../wire/frame.ts";
import { IcmpType, TimeExceeded, Unreachable } from "../wire/icmp.ts";
import * as igmp from "../wire/igmp.ts";
import { IgmpType } from "../wire/igmp.ts";
import type { Header, Ipv4 } from "../wire/ipv4.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { eachOption, filledOptions } from "../wire/ipv4-options.ts";
import {
  passedRoute,
  type RouteOption,
  readRoute,
  returnRoute,
  type SourceRoute,
  withoutRoute,
  writeRoute,
} from "../wire/source-route.ts";
import { Arp } from "./arp.ts";
import { Groups } from "./groups.ts";
import { Icmp } from "./icmp.ts";
import { Interface } from "./interface.ts";
import { Neighbours } from "./neighbours.ts";
import type { Network, Refusal, SendOptions, SendReason, Upper } from "./network.ts";
import { PathMtus } from "./path-mtu.ts";
import { Reassembly } from "./reassembly.ts";
import { type Path4, Routes } from "./routes.ts";

/** Bytes in front of the IP payload in a frame begun by `begin`. */
const HEADROOM = ethernet.HEADER + ipv4.HEADER;
/** RFC 1112 section 4: the group of all hosts; RFC 2236 section 9: that of all routers. */
const ALL_HOSTS: Address = 0xe0000001;
const ALL_ROUTERS: Address = 0xe0000002;
/** RFC 2236 section 4: how long a host believes that there are IGMPv1 routers. */
const VERSION_1_ROUTER: Micros = 400 * SECOND;

export interface IpOptions {
  nics: readonly Nic[];
  loopback: Nic;
  frames: FrameSource;
  random: Random;
  forward: boolean;
  anyAddress: boolean;
  sourceRoutes: boolean;
  /** RFC 1122 3.2.1.7: of packets whose sender does not say. */
  ttl: number;
  counters: Counters;
  drops: Drops;
  upper: Upper;
}

export class Ip implements Network {
  readonly headroom = HEADROOM;
  readonly header = ipv4.HEADER;
  readonly largest = ipv4.LARGEST - ipv4.HEADER;
  readonly leastMtu = 576; // RFC 791 3.1: what every host takes

  readonly loopback: Interface;
  readonly interfaces: readonly Interface[];
  readonly routes: Routes;
  readonly arp: Arp;
  readonly #frames: FrameSource;
  readonly #icmp: Icmp;
  readonly #pathMtus = new PathMtus();
  readonly #reassembly = new Reassembly<Ipv4>();
  readonly #counters: Counters;
  readonly #drops: Drops;
  readonly #upper: Upper;
  readonly #forward: boolean;
  readonly #anyAddress: boolean;
  readonly #sourceRoutes: boolean;
  readonly #ttl: number;
  /** RFC 6864: unique among datagrams that may be fragmented; a sequence from a random start is. */
  #identification: number;
  #now: Micros = 0;
  /** Of the packet that is being sent: it is written at once, so one is enough. */
  readonly #header = ipv4.emptyHeader();
  /** Of the packet that is being looked at: who keeps it makes one of his own. */
  readonly #arriving = ipv4.emptyHeader();

  constructor(options: IpOptions) {
    this.#counters = options.counters;
    this.#drops = options.drops;
    this.#upper = options.upper;
    this.#forward = options.forward;
    this.#anyAddress = options.anyAddress;
    this.#sourceRoutes = options.forward && options.sourceRoutes;
    this.#ttl = options.ttl;
    this.#identification = options.random.below(0x10000);
    this.#frames = options.frames;
    this.arp = new Arp(options);
    this.loopback = new Interface(options.loopback, -1);
    this.loopback.address = 0x7f000001;
    this.loopback.mask = 0xff000000;
    this.interfaces = options.nics.map((nic, index) => new Interface(nic, index));
    for (const each of this.interfaces) {
      each.neighbours = this.#neighboursOf(each);
      each.groups = this.#groupsOf(each, options.random);
    }
    this.routes = new Routes(this.loopback, this.interfaces);
    this.#icmp = new Icmp({
      counters: options.counters,
      drops: options.drops,
      isOwn: (address) => this.routes.isOwn(address),
      sourceFor: (address) => this.routes.find(address)?.source,
      fill: (given, own) => filledOptions(given, own, this.#now),
      redirect: (router, destination, gateway) =>
        !options.forward && this.routes.redirect(router, destination, gateway),
      send: (payload, source, destination, tos, given) => {
        if (given) {
          this.#sendWithOptions(payload, source, destination, tos, given);
          return;
        }
        const frame = this.begin(payload.length);
        frame.set(payload, HEADROOM);
        const path = this.routes.find(destination);
        const { now } = this;
        const reason = path
          ? this.send(frame, path, source, destination, ipv4.PROTOCOL_ICMP, { tos }, now)
          : "no route";
        if (reason) this.#drops.add(`ip: ${reason}`);
      },
      hear: (error) => this.#upper.hear(error),
      tooBig: (error, mtu) => this.#tooBig(error, mtu),
    });
  }

  get generation(): number {
    return this.routes.generation;
  }

  isOwn(address: Address): boolean {
    return this.routes.isOwn(address);
  }

  isBroadcast(address: Address): boolean {
    if (address === 0xffffffff) return true;
    for (const each of this.interfaces) if (each.isBroadcast(address)) return true;
    return false;
  }

  // --- out -----------------------------------------------------------------------------------------------------

  begin(payloadLength: number): Uint8Array {
    return this.#frames.take(HEADROOM + payloadLength);
  }

  find(destination: Address, source?: Address): Path4 | undefined {
    return this.routes.find(destination, source);
  }

  mtuTo(destination: Address, path: Path4): number {
    return this.#pathMtus.of(destination, path.interface.nic.mtu);
  }

  send(
    frame: Uint8Array,
    path: Path4,
    source: Address,
    destination: Address,
    protocol: number,
    options: SendOptions,
    now: Micros,
  ): SendReason | undefined {
    this.#now = now;
    const total = frame.length - ethernet.HEADER;
    const dontFragment = options.dontFragment ?? false;
    if (total > ipv4.LARGEST) return "too-long";
    const header = this.#header;
    header.tos = options.tos ?? 0;
    header.identification = this.#nextIdentification();
    header.dontFragment = dontFragment;
    header.ttl = options.ttl ?? this.#ttl;
    header.protocol = protocol;
    header.source = source;
    header.destination = destination;
    if (options.route || options.options) {
      const packet = { ...header, payload: frame.subarray(HEADROOM), options: options.options ?? NO_OPTIONS };
      return options.route ? this.#sendAlong(options.route, packet, path) : this.#sendPacket(packet, path);
    }
    if (isMulticast(destination)) this.#loopBack(header, frame, path, now);
    // RFC 1122 3.2.1.7: for this host alone (RFC 1112 6.1).
    if (header.ttl === 0 && !path.interface.loopback) return undefined;
    const { mtu, largest } = path.interface.nic;
    if (total > (protocol === ipv4.PROTOCOL_TCP ? largest : mtu)) {
      if (dontFragment) return "too-long";
      this.#sendFragments({ ...header, payload: frame.subarray(HEADROOM) }, path, now);
    } else {
      ipv4.writeHeader(header, total, frame, ethernet.HEADER);
      this.#counters.ipSent++;
      path.interface.transmit(frame, path.nextHop, now);
    }
    return undefined;
  }

  /** RFC 1112 6.1: who sends to a group of his own hears it himself. */
  #loopBack(header: Header, frame: Uint8Array, path: Path4, now: Micros): void {
    if (path.interface.loopback || !path.interface.isIn(header.destination)) return;
    const copy = frame.slice();
    ipv4.writeHeader(header, frame.length - ethernet.HEADER, copy, ethernet.HEADER);
    this.loopback.transmit(copy, header.destination, now);
  }

  #nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  /** RFC 791 3.2: pieces as large as the link takes, each offset a multiple of 8. */
  #sendFragments(packet: Ipv4, path: Path4, now: Micros): void {
    const { payload } = packet;
    for (let start = 0, first = true; start < payload.length; first = false) {
      const options = first ? packet.options : copiedOptions(packet.options);
      const room = (path.interface.nic.mtu - ipv4.HEADER - options.length) & ~7;
      const end = Math.min(payload.length, start + room);
      const fragment: Ipv4 = {
        ...packet,
        options,
        fragmentOffset: packet.fragmentOffset + start,
        moreFragments: end < payload.length || packet.moreFragments,
        payload: payload.subarray(start, end),
      };
      this.#sendWhole(fragment, path, now);
      this.#counters.fragmentsSent++;
      start = end;
    }
  }

  /** An answer that carries the question's options, and goes back on its route (RFC 1122 3.2.2.6). */
  #sendWithOptions(
    payload: Uint8Array,
    source: Address,
    destination: Address,
    tos: number,
    options: Uint8Array,
  ): void {
    const route = returnRoute(options, destination);
    const path = this.routes.find(route?.gateways[0] ?? destination);
    if (path === undefined) {
      this.#drops.add("ip: no route");
      return;
    }
    const packet: Ipv4 = {
      ...this.quotable(source, destination, ipv4.PROTOCOL_ICMP, payload),
      tos,
      identification: this.#nextIdentification(),
      options: route ? withoutRoute(options) : options,
    };
    const reason = route ? this.#sendAlong(route, packet, path) : this.#sendPacket(packet, path);
    if (reason) this.#drops.add(`ip: ${reason}`);
  }

  /** To the first of the gateways that the sender names, with the others in an option (RFC 1122 3.2.1.8). */
  #sendAlong(route: SourceRoute, packet: Ipv4, path: Path4): SendReason | undefined {
    const [first] = route.gateways;
    if (first === undefined || (route.strict && path.nextHop !== first)) return "network-unreachable";
    const options = concat([writeRoute(route, packet.destination), packet.options]);
    return this.#sendPacket({ ...packet, destination: first, options }, path);
  }

  #sendPacket(packet: Ipv4, path: Path4): SendReason | undefined {
    if (ipv4.lengthOf(packet) <= path.interface.nic.mtu) this.#sendWhole(packet, path, this.#now);
    else if (packet.dontFragment) return "too-long";
    else this.#sendFragments(packet, path, this.#now);
    return undefined;
  }

  #sendWhole(packet: Ipv4, path: Path4, now: Micros): void {
    const frame = this.#frames.take(ethernet.HEADER + ipv4.lengthOf(packet));
    ipv4.write(packet, frame.subarray(ethernet.HEADER));
    this.#counters.ipSent++;
    path.interface.transmit(frame, path.nextHop, now);
  }

  // --- in ------------------------------------------------------------------------------------------------------

  /** A packet has arrived at `from`. `groupFrame`: in a frame that was not for this card alone. */
  arrive(bytes: Uint8Array, from: Interface, groupFrame: boolean, now: Micros, start = 0): void {
    this.#now = now;
    this.#counters.ipReceived++;
    const reason = ipv4.check(bytes, start);
    if (reason) {
      this.#drops.add(`ip: ${reason}`);
      return;
    }
    const header = ipv4.readHeader(this.#arriving, bytes, start);
    if (isMartian(header, from)) {
      this.#drops.add("ip: impossible address");
      return;
    }
    const groupAddress = isMulticast(header.destination) || from.isBroadcast(header.destination);
    // RFC 1122 3.3.6: a link-layer broadcast that is none for IP is silently dropped.
    if (groupFrame && !groupAddress) {
      this.#drops.add("ip: unicast in a broadcast frame");
      return;
    }
    // RFC 1112 7.2: only groups that were joined are received.
    if (isMulticast(header.destination) && !this.#isIn(header.destination, from)) {
      this.#drops.add("ip: multicast group not joined");
      return;
    }
    const here = groupAddress || this.#isForUs(header, from);
    const given = header.options.length > 0 ? readRoute(header.options) : undefined;
    if (given !== undefined && (here || this.#forward) && (!here || !this.#isAtEnd(given))) {
      this.#arriveOnRoute(ipv4.withPayload(header, bytes, start), given, here, now);
      return;
    }
    if (here && header.protocol === ipv4.PROTOCOL_TCP && !isFragment(header)) {
      // By far the most: looked at where it stands.
      const { source, destination, tos } = header;
      const begin = ipv4.payloadStart(bytes, start);
      const end = ipv4.packetEnd(bytes, start);
      const back = given && returnRoute(header.options, source);
      this.#upper.segment(bytes, begin, end, source, destination, groupAddress, tos, back);
      return;
    }
    const packet = ipv4.withPayload(header, bytes, start);
    if (here) this.#arriveHere(packet, from, groupAddress, now);
    else if (this.#forward) this.#passOn(packet, now);
    else this.#drops.add("ip: other destination");
  }

  /** What comes by the loopback is our own word to a group that one of the cards is in. */
  #isIn(group: Address, from: Interface): boolean {
    if (!from.loopback) return from.isIn(group);
    return this.interfaces.some((each) => each.isIn(group));
  }

  #isForUs(packet: Header, from: Interface): boolean {
    if (this.routes.isOwn(packet.destination)) return true;
    const carried = packet.protocol === ipv4.PROTOCOL_TCP || packet.protocol === ipv4.PROTOCOL_UDP;
    if (this.#anyAddress && carried) return true;
    // A station that has no address yet takes what is sent to its card: the answers of a DHCP server.
    return from.address === 0 && packet.protocol === ipv4.PROTOCOL_UDP;
  }

  #arriveHere(packet: Ipv4, from: Interface, group: boolean, now: Micros): void {
    if (isFragment(packet)) {
      this.#counters.fragmentsReceived++;
      const { source, destination, protocol, identification } = packet;
      const key = `${source},${destination},${protocol},${identification}`;
      const room = ipv4.LARGEST - ipv4.HEADER - packet.options.length;
      const result = this.#reassembly.arrive(key, packet, room, now);
      if (result.done === undefined) {
        if (result.dropped) this.#drops.add(`ip: ${result.dropped}`);
        return;
      }
      this.#counters.datagramsReassembled++;
      this.#deliver(result.done, from, group);
    } else {
      this.#deliver(packet, from, group);
    }
  }

  #deliver(packet: Ipv4, from: Interface, group: boolean): void {
    if (packet.protocol === ipv4.PROTOCOL_ICMP && !this.#icmp.arrive(packet, group)) return;
    if (packet.protocol === igmp.PROTOCOL_IGMP && !this.#arriveIgmp(packet, from)) return;
    const { protocol, payload, source, destination, tos } = packet;
    const options = packet.options.length > 0 ? packet.options : undefined;
    const back = options && returnRoute(options, source);
    const { index } = from;
    this.#upper.deliver({ protocol, payload, source, destination, group, tos, index, packet, options, back });
  }

  doubt(destination: Address, source: Address, now: Micros): void {
    const path = this.routes.find(destination, source);
    path?.interface.neighbours?.doubt(path.nextHop, now);
  }

  // --- errors --------------------------------------------------------------------------------------------------

  refuse(packet: Ipv4, why: Refusal, now: Micros): void {
    this.#report(packet, IcmpType.UNREACHABLE, codeOf[why], 0, now);
  }

  quotable(source: Address, destination: Address, protocol: number, payload: Uint8Array): Ipv4 {
    return {
      tos: 0,
      identification: 0,
      dontFragment: protocol === ipv4.PROTOCOL_TCP,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: this.#ttl,
      protocol,
      source,
      destination,
      options: NO_OPTIONS,
      payload,
    };
  }

  #report(packet: Ipv4, type: number, code: number, rest: number, now: Micros): void {
    this.#now = now;
    this.#icmp.report(packet, this.isBroadcast(packet.destination), type, code, rest, now);
  }

  /** RFC 1191: believed and remembered when the protocol above knows the segment. */
  #tooBig(
    error: { protocol: number; source: Address; destination: Address; start: Uint8Array },
    mtu: number,
  ): void {
    const path = this.routes.find(error.destination);
    if (path === undefined || mtu >= path.interface.nic.mtu) return;
    if (this.#upper.tooBig({ ...error, room: mtu - ipv4.HEADER }))
      this.#pathMtus.lower(error.destination, mtu, this.#now);
  }

  // --- groups --------------------------------------------------------------------------------------------------

  /** RFC 2236 section 3. False: the message is not one. */
  #arriveIgmp(packet: Ipv4, from: Interface): boolean {
    const reason = igmp.check(packet.payload);
    if (reason) {
      this.#drops.add(`igmp: ${reason}`);
      return false;
    }
    this.#counters.igmpReceived++;
    const message = igmp.read(packet.payload);
    if (message.type === IgmpType.QUERY) {
      const first = message.maxResponse === 0;
      if (first) from.version1Until = this.#now + VERSION_1_ROUTER;
      const within = first ? 10 * SECOND : message.maxResponse * (SECOND / 10);
      from.groups?.query(message.group || undefined, within, this.#now);
    } else if (message.type === IgmpType.REPORT || message.type === IgmpType.REPORT_V1) {
      if (!from.loopback) from.groups?.heard(message.group);
    }
    return true;
  }

  #groupsOf(each: Interface, random: Random): Groups<Address> {
    return new Groups<Address>(
      {
        report: (group) => {
          const first = this.#now < each.version1Until;
          this.#sendIgmp(each, first ? IgmpType.REPORT_V1 : IgmpType.REPORT, group, group);
        },
        leave: (group) => {
          if (this.#now >= each.version1Until) this.#sendIgmp(each, IgmpType.LEAVE, group, ALL_ROUTERS);
        },
        isSilent: (group) => group === ALL_HOSTS,
      },
      random,
    );
  }

  #sendIgmp(each: Interface, type: number, group: Address, destination: Address): void {
    const payload = new Uint8Array(igmp.LENGTH);
    igmp.write({ type, maxResponse: 0, group }, payload);
    this.#counters.igmpSent++;
    const packet: Ipv4 = {
      ...this.quotable(each.address, destination, igmp.PROTOCOL_IGMP, payload),
      identification: this.#nextIdentification(),
      ttl: 1,
      options: igmp.ROUTER_ALERT,
    };
    this.#sendWhole(packet, { interface: each, nextHop: destination, source: each.address }, this.#now);
  }

  // --- forwarding ----------------------------------------------------------------------------------------------

  /** RFC 1812 5.2: what a router does with a packet for another. */
  #passOn(packet: Ipv4, now: Micros): void {
    if (packet.ttl <= 1) {
      this.#report(packet, IcmpType.TIME_EXCEEDED, TimeExceeded.TTL, 0, now);
      return;
    }
    const path = this.routes.find(packet.destination);
    if (path === undefined) {
      this.#report(packet, IcmpType.UNREACHABLE, Unreachable.NETWORK, 0, now);
      return;
    }
    const { options } = packet;
    const onward: Ipv4 = {
      ...packet,
      ttl: packet.ttl - 1,
      options: options.length > 0 ? filledOptions(options, path.source, now) : options,
    };
    const { mtu } = path.interface.nic;
    if (ipv4.lengthOf(onward) <= mtu) this.#sendWhole(onward, path, now);
    else if (packet.dontFragment) {
      this.#report(packet, IcmpType.UNREACHABLE, Unreachable.FRAGMENTATION_NEEDED, mtu, now);
      return;
    } else this.#sendFragments(onward, path, now);
    this.#counters.ipForwarded++;
  }

  /** Its way back must be one that packets can go: else whoever wrote it makes us send to all the others. */
  #isAtEnd(route: RouteOption | "bad"): boolean {
    return (
      route !== "bad" && route.next === undefined && !route.addresses.some((each) => this.#isNoHop(each))
    );
  }

  #isNoHop(address: Address): boolean {
    return address === 0 || isLoopback(address) || isMulticast(address) || this.isBroadcast(address);
  }

  /** RFC 1122 3.3.5, RFC 7126 4.3: a source route is followed only where that is wanted. */
  #arriveOnRoute(packet: Ipv4, route: RouteOption | "bad", here: boolean, now: Micros): void {
    if (route === "bad") {
      this.#drops.add("ip: options");
      return;
    }
    const { next } = route;
    const path = next === undefined || this.#isNoHop(next) ? undefined : this.routes.find(next);
    const isWay = path !== undefined && (!route.strict || path.nextHop === next);
    if (this.#sourceRoutes && !here) this.#passOn(packet, now);
    else if (this.#sourceRoutes && isWay)
      this.#passOn({ ...packet, destination: next!, options: passedRoute(packet.options, path.source) }, now);
    else {
      this.#drops.add("ip: source route");
      this.#report(packet, IcmpType.UNREACHABLE, Unreachable.SOURCE_ROUTE, 0, now);
    }
  }

  // --- neighbours ----------------------------------------------------------------------------------------------

  #neighboursOf(each: Interface): Neighbours {
    return new Neighbours({
      request: (target, to) => this.arp.ask(each, target, to),
      send: (packet, to) => each.transmitTo(packet, to),
      found: (address) => this.routes.found(address),
      failed: (address, packets) => {
        this.routes.lost(address);
        for (const frame of packets) if (!this.#detour(frame, address)) this.#undeliverable(frame);
      },
      dropped: (reason) => this.#drops.add(reason),
    });
  }

  /** What has waited for a next hop that does not answer goes by another that may. */
  #detour(frame: Uint8Array, failed: Address): boolean {
    const path = this.routes.find(ipv4.read(frame.subarray(ethernet.HEADER)).destination);
    if (path === undefined || path.nextHop === failed || this.routes.hasFailed(path.nextHop)) return false;
    path.interface.transmit(frame, path.nextHop, this.#now);
    return true;
  }

  /** The next hop does not answer: a router tells the sender (RFC 1812 5.2.7.1), a host its own program. */
  #undeliverable(frame: Uint8Array): void {
    this.#drops.add("arp: no answer");
    const packet = ipv4.read(frame.subarray(ethernet.HEADER));
    if (!this.#forward || this.routes.isOwn(packet.source))
      this.#icmp.hear(packet, IcmpType.UNREACHABLE, Unreachable.HOST, 0);
    else this.#report(packet, IcmpType.UNREACHABLE, Unreachable.HOST, 0, this.#now);
  }

  // --- time ----------------------------------------------------------------------------------------------------

  /** For what is caused by calls without a moment. */
  at(now: Micros): void {
    this.#now = now;
  }

  /** What is due: ARP questions, unfinished datagrams. */
  poll(now: Micros): boolean {
    this.#now = now;
    let did = false;
    for (const each of this.interfaces) {
      if (each.neighbours!.poll(now)) did = true;
      if (each.groups!.poll(now)) did = true;
    }
    if (this.arp.poll(now)) did = true;
    let expired = this.#reassembly.expire(now);
    for (; expired !== undefined; expired = this.#reassembly.expire(now)) {
      did = true;
      this.#drops.add("ip: fragments missing");
      if (expired.first) this.#report(expired.first, IcmpType.TIME_EXCEEDED, TimeExceeded.REASSEMBLY, 0, now);
    }
    for (let way = this.#pathMtus.expire(now); way !== undefined; way = this.#pathMtus.expire(now)) {
      did = true;
      const path = this.routes.find(way as Address);
      if (path) this.#upper.widened(way, path.interface.nic.mtu - ipv4.HEADER);
    }
    return did;
  }

  deadline(): Micros {
    let earliest = Math.min(
      FOREVER,
      this.#reassembly.deadline(),
      this.#pathMtus.deadline(),
      this.arp.deadline(),
    );
    for (const each of this.interfaces)
      earliest = Math.min(earliest, each.neighbours!.deadline(), each.groups!.deadline());
    return earliest;
  }

  /** The `now` of the last call, for what is caused by a call without one. */
  get now(): Micros {
    return this.#now;
  }
}

const codeOf: Record<Refusal, number> = {
  network: Unreachable.NETWORK,
  host: Unreachable.HOST,
  protocol: Unreachable.PROTOCOL,
  port: Unreachable.PORT,
  prohibited: Unreachable.PROHIBITED,
};

const isFragment = (packet: Header): boolean => packet.moreFragments || packet.fragmentOffset > 0;

const NO_OPTIONS = new Uint8Array(0);

/** Addresses of groups, and those of class E. */
const MULTICAST_AND_BEYOND: Address = 0xe0000000;
/** Below are hosts of "this network", which 0 alone may say of itself (RFC 1122 3.2.1.3 (a), (b)). */
const FIRST_NETWORK: Address = 0x01000000;

/** RFC 1122 3.2.1.3: sources that no packet can come from, and loopback addresses outside a host. */
function isMartian(packet: Header, from: Interface): boolean {
  const { source, destination } = packet;
  if (from.loopback) return false;
  return (
    source >= MULTICAST_AND_BEYOND ||
    (source > 0 && source < FIRST_NETWORK) ||
    from.isBroadcast(source) ||
    isLoopback(source) ||
    isLoopback(destination) ||
    destination === 0
  );
}

/** RFC 791 3.1: the options whose copied flag is set go into every fragment, padded to whole words. */
function copiedOptions(options: Uint8Array): Uint8Array {
  const kept = eachOption(options).flatMap((option) => (option[0]! & 0x80 ? [...option] : []));
  while (kept.length % 4 !== 0) kept.push(0);
  return Uint8Array.from(kept);
}
