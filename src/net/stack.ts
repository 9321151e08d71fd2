/**
 * One station of the network, where everything meets: cards, IP, ICMP, TCP, UDP, raw sockets. It takes frames from its
 * cards, asks the protocols, sends what they give, and says when it wants to be asked again.
 */
import type { Micros, Random } from "../base/index.ts";
import { type Refuse, refuseBy, TcpAttempt, UdpAttempt } from "./attempts.ts";
import { type Counters, Drops, newCounters } from "./counters.ts";
import type { DatagramQueue } from "./datagrams.ts";
import type { Interface } from "./ip/interface.ts";
import { Ip } from "./ip/ip.ts";
import type { NeighbourEntry } from "./ip/neighbours.ts";
import type { Arrival, Network, Path, SendOptions, Upper } from "./ip/network.ts";
import type { Route } from "./ip/routes.ts";
import type { OwnAddress6 } from "./ip6/interface.ts";
import { Ip6 } from "./ip6/ip.ts";
import type { Neighbour6Entry } from "./ip6/neighbours.ts";
import type { Route6 } from "./ip6/routes.ts";
import { Nic } from "./link/nic.ts";
import { FrameQueue, type Port } from "./link/port.ts";
import { Packets } from "./packet.ts";
import { Raw } from "./raw.ts";
import { type Attempt, type Reason, type Sockets, TcpState } from "./sockets.ts";
import { DEFAULT_TTL, Ports, type Station } from "./station.ts";
import type { Connection } from "./tcp/connection.ts";
import { defaultSettings, type TcpSettings } from "./tcp/settings.ts";
import { TcpSocket } from "./tcp/socket.ts";
import { Tcp } from "./tcp/tcp.ts";
import { Udp } from "./udp.ts";
import { type Address, isGroupMac, isMulticast, type Mac, maskOf } from "./wire/address.ts";
import { type Address6, isMulticast6, type Network6 } from "./wire/address6.ts";
import * as ethernet from "./wire/ethernet.ts";
import { FrameSource } from "./wire/frame.ts";
import { PROTOCOL_IGMP } from "./wire/igmp.ts";
import type { IpAddress } from "./wire/ip-address.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { PROTOCOL_ICMPV6 } from "./wire/ipv6.ts";
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
  /** One that passes packets on does so by the source routes that senders give (RFC 7126 4.3 advises against it). Default false. */
  sourceRoutes?: boolean;
  /** Time to live of packets sent, 1 … 255, unless a socket says otherwise (RFC 1122 3.2.1.7). Default 64. */
  ttl?: number;
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

/** What one card is to IPv6. Its link-local address comes by itself (RFC 4862 5.3). */
export interface Ip6Configuration {
  /** Besides the link-local one and those that routers' advertisements give. */
  addresses: readonly Network6[];
  /** The default router; without it, the one that advertises itself. */
  gateway: Address6;
  /** Routers are asked for, and what they advertise is used (RFC 4862). Default true. */
  autoconfigure: boolean;
  /**
   * What a router says of itself on this card (RFC 4861 6.2): that it is one, and which prefixes addresses may be made of:
   * those of `addresses`. Only for a stack that passes packets on. Default false.
   */
  advertise: boolean;
  /**
   * How often each address is asked for, a second apart, before it is used (RFC 4862 5.1, DupAddrDetectTransmits).
   * 0: who sets it says that it is free. Default 1.
   */
  duplicateDetection: number;
}

/** A packet has at most 65535 bytes with its headers. */
const OFFLOAD = 63 * 1024;
/** Frames taken from one card in a poll before others have their turn. */
const FRAMES_AT_ONCE = 1024;
/** Polling again at once brings nothing more in after this many rounds of a station talking to itself. */
const ROUNDS = 64;

const LOOPBACK_MTU = 65535;
/** Packets that wait between two polls; a TCP window and its acknowledgements fit. */
const LOOPBACK_QUEUE = 4096;

class Loop implements Port {
  readonly queue = new FrameQueue(LOOPBACK_QUEUE);

  send(frame: Uint8Array): void {
    this.queue.push(frame);
  }

  receive(): Uint8Array | undefined {
    return this.queue.shift();
  }

  watch(arrived: () => void): boolean {
    this.queue.onPush = arrived;
    return true;
  }
}

export class Stack {
  readonly nics: readonly Nic[];
  /** The card of 127.0.0.1, ::1 and of packets to own addresses. */
  readonly loopback: Nic;
  readonly sockets: Sockets;
  readonly counters: Counters = newCounters();
  readonly drops = new Drops();
  readonly #ip: Ip;
  readonly #ip6: Ip6;
  readonly #tcp: Tcp;
  readonly #udp: Udp;
  readonly #raw: Raw;
  readonly #packets: Packets;
  readonly #ports = new Ports<TcpSocket>();
  #changed: DatagramQueue[] = [];
  #announcements: Interface[] = [];
  #now: Micros = 0;
  /** Every port tells when a frame has come: without that, each poll must look. */
  readonly #told: boolean;
  /** Something has come or was asked for since the last poll; a frame has. */
  #stirred = true;
  #frames = true;
  /** When the last poll wanted the next one; when IP wanted it. */
  #due: Micros = 0;
  #ipDue: Micros = 0;
  #polling = false;
  readonly #tcpOptions: SendOptions = { ttl: 0, tos: 0, dontFragment: true, route: undefined };
  #ready: (() => void) | undefined;

  constructor(options: StackOptions) {
    const { random, ttl = DEFAULT_TTL } = options;
    const { counters, drops } = this;
    this.nics = options.nics;
    this.loopback = new Nic({ port: new Loop(), mac: 0x02_00_00_00_00_01, mtu: LOOPBACK_MTU, name: "lo" });
    const shared = {
      nics: options.nics,
      loopback: this.loopback,
      frames: new FrameSource(),
      random,
      forward: options.forward ?? false,
      anyAddress: options.anyAddress ?? false,
      sourceRoutes: options.sourceRoutes ?? false,
      ttl,
      counters,
      drops,
      upper: {
        deliver: (arrival: Arrival) => this.#deliver(arrival),
        segment: this.#segment,
        hear: (error: Heard & { reason: Reason }) => this.#hear(error),
        tooBig: ({ protocol, source, destination, start, room }: Heard & { room: number }) =>
          protocol === ipv4.PROTOCOL_TCP
            ? this.#tcp.tooBig(source, destination, start, room)
            : protocol === ipv4.PROTOCOL_UDP && this.#udp.sends(source, start),
        widened: (destination: IpAddress, room: number) => this.#tcp.widened(destination, room),
      },
    };
    this.#ip = new Ip(shared);
    this.#ip6 = new Ip6(shared);
    const station: Station = {
      isOwn: (address) => this.isOwn(address),
      sourceFor: (destination, index = -1) => this.#sourceFor(destination, index),
      isBroadcast: (address) => typeof address === "number" && this.#ip.isBroadcast(address),
      join: (group, index) => this.#join(group, index),
      leave: (group, index) => this.#leave(group, index),
      ttl,
      largest: this.#ip.largest,
    };
    const changed = (socket: DatagramQueue): void => {
      this.#changed.push(socket);
      this.stir();
    };
    this.#tcp = new Tcp(
      { ...defaultSettings, offload: offloadOf(options.nics), ...options.tcp },
      random,
      {
        transmit: (from, to, segment, c, now) => this.#sendTcp(from, to, segment, c, now),
        linkRoom: (from, to) => {
          const network = this.#networkOf(to);
          return (network.find(to, from)?.interface.nic.mtu ?? network.leastMtu) - network.header;
        },
        room: (from, to) => {
          const network = this.#networkOf(to);
          const path = network.find(to, from);
          return (path ? network.mtuTo(to, path) : network.leastMtu) - network.header;
        },
        doubt: (from, to, now) => this.#networkOf(to).doubt(to, from, now),
        leastRoom: (to) => this.#networkOf(to).leastMtu - this.#networkOf(to).header,
      },
      counters,
      drops,
    );
    this.#udp = new Udp(
      random,
      station,
      {
        transmit: (from, to, datagram, options, now) => {
          const network = this.#networkOf(to);
          const frame = network.begin(udpWire.lengthOf(datagram));
          udpWire.write(datagram, from, to, frame, network.headroom);
          this.#send(network, frame, from, to, ipv4.PROTOCOL_UDP, options, now);
        },
      },
      counters,
      drops,
      changed,
    );
    this.#raw = new Raw(
      station,
      {
        transmit: ({ from, to, protocol, payload, options }, now) => {
          const network = this.#networkOf(to);
          const frame = network.begin(payload.length);
          frame.set(payload, network.headroom);
          this.#send(network, frame, from, to, protocol, options, now);
        },
      },
      changed,
    );
    this.#packets = new Packets(options.nics, station, changed);
    this.#tcp.onWork = this.#udp.onWork = this.#raw.onWork = this.#packets.onWork = () => this.stir();
    const arrived = (): void => {
      this.#frames = true;
      this.stir();
    };
    // All are asked: a port that tells must know whom.
    this.#told = [this.loopback, ...this.nics].map((nic) => nic.watch(arrived)).every((tells) => tells);
    this.sockets = {
      stream: () => new TcpSocket(this.#tcp, this.#ports, station),
      datagram: () => this.#udp.socket(),
      raw: (protocol) => this.#raw.socket(protocol),
      packet: (index, type) => this.#packets.socket(index, type),
      intercept: (handler) => this.#intercept(handler, station),
    };
  }

  /** IPv4 or IPv6: the one place where it is asked which. */
  #networkOf(address: IpAddress): Network {
    return typeof address === "number" ? this.#ip : this.#ip6;
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
    this.#stirIp();
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
    this.#stirIp();
  }

  removeNeighbour(index: number, address: Address): boolean {
    return this.#interface(index).neighbours!.remove(address);
  }

  /** Sends one ARP probe (RFC 5227 2.1.1): who has `address`? It does not claim the address. */
  probe(index: number, address: Address): void {
    this.#ip.arp.probe(this.#interface(index), address);
  }

  /**
   * Takes an address as RFC 5227 has it: only when nobody answers three probes, which takes 4 to 8 seconds, is it
   * configured and announced. `done` is told how it ended.
   */
  claim(index: number, configuration: IpConfiguration, done: (result: "free" | "taken") => void): void {
    const each = this.#interface(index);
    if (!isMask(configuration.mask))
      throw new RangeError(`${configuration.mask.toString(16)} is not a network mask`);
    this.#ip.arp.claim(each, configuration.address, this.#now, (result) => {
      if (result === "free") {
        this.configure(index, configuration);
        this.#announcements = this.#announcements.filter((other) => other !== each);
        this.#ip.arp.announce(each, true, this.#now);
      }
      done(result);
    });
    this.#stirIp();
  }

  /** Runs IPv6 on a card, or changes what is given; addresses are added to those there are. */
  configure6(index: number, configuration: Partial<Ip6Configuration> = {}): void {
    this.#interface(index);
    const each = this.#ip6.interfaces[index]!;
    const { addresses = [], gateway, autoconfigure, duplicateDetection = 1 } = configuration;
    if (autoconfigure !== undefined) each.autoconfigure = autoconfigure;
    if (gateway !== undefined) each.gateway = gateway;
    if (configuration.advertise !== undefined) each.advertises = configuration.advertise;
    this.#ip6.discovery.enable(each, duplicateDetection, this.#now);
    for (const wish of addresses) {
      if (each.own(wish.address)) throw new RangeError("the interface has this address already");
      this.#ip6.discovery.add(each, { ...wish, origin: "manual" }, this.#now);
    }
    this.#ip6.routes.generation++;
    this.#stirIp();
  }

  /** The IPv6 addresses of a card, those not to be used (yet) too. */
  addresses6(index: number): readonly Readonly<OwnAddress6>[] {
    this.#interface(index);
    return this.#ip6.interfaces[index]!.addresses;
  }

  removeAddress6(index: number, address: Address6): boolean {
    this.#interface(index);
    this.#stirIp();
    return this.#ip6.discovery.remove(this.#ip6.interfaces[index]!, address);
  }

  addRoute6(route: Route6): void {
    this.#ip6.routes.add(route);
  }

  /** The neighbour cache of an interface (RFC 4861 5.1). */
  neighbours6(index: number): Neighbour6Entry[] {
    this.#interface(index);
    return this.#ip6.interfaces[index]!.neighbours!.entries();
  }

  /** An entry that neither ages nor changes. */
  setNeighbour6(index: number, address: Address6, mac: Mac): void {
    this.#interface(index);
    this.#ip6.interfaces[index]!.neighbours!.set(address, mac);
    this.#stirIp();
  }

  /** The default routers that have advertised themselves. */
  routers6(index: number): Address6[] {
    this.#interface(index);
    return this.#ip6.interfaces[index]!.routers.map(({ address }) => address);
  }

  /** Whether packets to `address` end here, because it is one of this station's. */
  isOwn(address: IpAddress): boolean {
    return this.#networkOf(address).isOwn(address);
  }

  #sourceFor(destination: IpAddress, index: number): IpAddress | undefined {
    if (typeof destination === "number") {
      const wished = isMulticast(destination) ? this.#ip.interfaces[index]?.address : undefined;
      return wished || this.#ip.find(destination)?.source;
    }
    return (
      (index >= 0 ? this.#ip6.sourceBy(destination, index) : undefined) ?? this.#ip6.find(destination)?.source
    );
  }

  #join(group: IpAddress, index: number): Reason | undefined {
    this.#stirIp();
    if (typeof group === "number" ? !isMulticast(group) : !isMulticast6(group)) return "invalid";
    const joined =
      typeof group === "number"
        ? this.#ip.interfaces[Math.max(0, index)]?.groups?.join(group, this.#now)
        : this.#ip6.interfaces[Math.max(0, index)]?.groups?.join(group, this.#now);
    return joined === undefined ? "not-available" : joined ? undefined : "in-use";
  }

  #leave(group: IpAddress, index: number): void {
    this.#stirIp();
    if (typeof group === "number") this.#ip.interfaces[Math.max(0, index)]?.groups?.leave(group);
    else this.#ip6.interfaces[Math.max(0, index)]?.groups?.leave(group);
  }

  #interface(index: number): Interface {
    const each = this.#ip.interfaces[index];
    if (each === undefined) throw new RangeError(`no interface ${index}: there are ${this.nics.length}`);
    return each;
  }

  get tcpSettings(): Readonly<TcpSettings> {
    return this.#tcp.settings;
  }

  /** Called at each change of a TCP connection's state. */
  set onState(observe: ((c: Connection, from: number, now: Micros) => void) | undefined) {
    this.#tcp.trace = observe;
  }

  /** A connection that its program has closed still has something to send, or an end to be acknowledged. */
  get closing(): boolean {
    for (const { state } of this.#tcp.flows) if (CLOSING.has(state)) return true;
    return false;
  }

  /** TCP connections in all states, for those who want to see. */
  connections(): Connection[] {
    return this.#tcp.connections();
  }

  // --- turns -------------------------------------------------------------------------------------------------------

  /**
   * Takes the frames that have arrived, does what is due at `now`, sends what follows, then tells the sockets' owners
   * what has changed. `now` never decreases. Answers whether anything was done: false means that nothing will happen
   * before `deadline()` unless a frame or a call comes.
   */
  poll(now: Micros): boolean {
    this.at(now);
    if (this.#told && !this.#stirred && now < this.#due) return false;
    this.#polling = true;
    let did = this.#announcements.length > 0 && this.#announce();
    for (let round = 0; round < ROUNDS; round++) {
      let more = (this.#frames || !this.#told) && this.#receive(now);
      if (now >= this.#ipDue) {
        if (this.#ip.poll(now)) more = true;
        if (this.#ip6.poll(now)) more = true;
      }
      this.#stirred = this.#frames; // what follows does all that there is to do
      if (this.#tcp.poll(now)) more = true;
      if (this.#udp.poll(now)) more = true;
      if (this.#raw.poll(now)) more = true;
      if (this.#packets.poll()) more = true;
      this.#ipDue = Math.min(this.#ip.deadline(), this.#ip6.deadline());
      if (!more) break;
      did = true;
      if (this.#told && !this.#stirred && now < this.#ipDue) break;
    }
    this.#polling = false;
    if (this.#tell()) did = true;
    this.#due = this.#deadline();
    if (this.#stirred) this.#ready?.(); // what is left is for the next time
    return did;
  }

  /** It is `now`: for calls that come before the next poll. */
  at(now: Micros): void {
    this.#now = now;
    this.#tcp.at(now);
    this.#ip.at(now);
    this.#ip6.at(now);
  }

  /**
   * Something has come for this station, or for what lives on it: the next poll looks, and whoever asked by
   * `callWhenReady` is told. Frames and calls of sockets do so by themselves.
   */
  stir(): void {
    if (this.#stirred) return;
    this.#stirred = true;
    if (!this.#polling) this.#ready?.();
  }

  /** IP may have set itself a time: what was sent between polls may wait for its neighbour. */
  #stirIp(): void {
    this.#ipDue = 0;
    this.stir();
  }

  /**
   * Promises to call `ready` when something has come since the last poll, so that nobody need poll in vain; false when
   * a port does not tell. Several may ask.
   */
  callWhenReady(ready: () => void): boolean {
    const others = this.#ready;
    this.#ready = others
      ? () => {
          others();
          ready();
        }
      : ready;
    return this.#told;
  }

  /** When poll must be called even if nothing arrives; FOREVER = never. */
  deadline(): Micros {
    if (!this.#stirred && this.#told) return this.#due;
    this.#ipDue = Math.min(this.#ip.deadline(), this.#ip6.deadline());
    return this.#deadline();
  }

  #deadline(): Micros {
    const atOnce =
      this.#changed.length > 0 ||
      this.#announcements.length > 0 ||
      this.#udp.hasWork ||
      this.#raw.hasWork ||
      this.#packets.hasWork;
    return atOnce ? this.#now : Math.min(this.#tcp.deadline(), this.#ipDue);
  }

  #announce(): boolean {
    if (this.#announcements.length === 0) return false;
    for (const each of this.#announcements) this.#ip.arp.announce(each, false, this.#now);
    this.#announcements = [];
    return true;
  }

  #receive(now: Micros): boolean {
    this.#frames = false;
    let did = this.#receiveFrom(this.loopback, -1, now);
    for (let index = 0; index < this.nics.length; index++)
      if (this.#receiveFrom(this.nics[index]!, index, now)) did = true;
    return did;
  }

  #receiveFrom(nic: Nic, index: number, now: Micros): boolean {
    for (let count = 0; count < FRAMES_AT_ONCE; count++) {
      const frame = nic.receive();
      if (frame === undefined) return count > 0;
      this.#arrive(frame, index, now);
    }
    this.#frames = true; // perhaps there are more
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

  /** A frame from card `index`, or with -1 from ourselves. */
  #arrive(frame: Uint8Array, index: number, now: Micros): void {
    let group = false;
    if (index >= 0) {
      if (this.#packets.count > 0) this.#packets.arrive(frame, index);
      const destination = ethernet.destinationOf(frame);
      group = isGroupMac(destination); // broadcast is one
      if (!group && destination !== this.nics[index]!.mac) {
        this.drops.add("ethernet: other address");
        return;
      }
    }
    const type = ethernet.typeOf(frame);
    if (type === ethernet.TYPE_IPV4) {
      // By far the most: looked at where it stands.
      const from = index < 0 ? this.#ip.loopback : this.#ip.interfaces[index]!;
      this.#ip.arrive(frame, from, group, now, ethernet.HEADER);
    } else if (type >= ethernet.FIRST_TYPE)
      this.#arrivePacket(type, frame.subarray(ethernet.HEADER), index, group, now);
    else {
      // RFC 1122 2.3.3: packets by RFC 1042 are taken as well, though none is sent.
      const inner = ethernet.encapsulated(frame);
      if (inner) this.#arrivePacket(inner.type, inner.payload, index, group, now);
      else this.drops.add("ethernet: 802.3");
    }
  }

  #arrivePacket(type: number, packet: Uint8Array, index: number, group: boolean, now: Micros): void {
    if (type === ethernet.TYPE_IPV4) {
      const from = index < 0 ? this.#ip.loopback : this.#ip.interfaces[index]!;
      this.#ip.arrive(packet, from, group, now);
    } else if (type === ethernet.TYPE_IPV6) {
      const from = index < 0 ? this.#ip6.loopback : this.#ip6.interfaces[index]!;
      this.#ip6.arrive(packet, from, group, now);
    } else if (type === ethernet.TYPE_ARP && index >= 0) {
      this.#ip.arp.arrive(packet, this.#ip.interfaces[index]!, now);
    } else {
      this.drops.add("ethernet: unknown type");
    }
  }

  #deliver(arrival: Arrival): void {
    const { protocol, payload, source, destination, group, tos, back } = arrival;
    switch (protocol) {
      case ipv4.PROTOCOL_TCP:
        this.#segment(payload, 0, payload.length, source, destination, group, tos, back);
        return;
      case ipv4.PROTOCOL_UDP:
        if (!this.#udp.arrive(arrival)) this.#networkOf(source).refuse(arrival.packet, "port", this.#now);
        return;
    }
    const own = typeof source === "number" ? ipv4.PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    if (this.#raw.arrive(arrival) || protocol === own) return;
    if (protocol === PROTOCOL_IGMP && typeof source === "number") return;
    this.drops.add("ip: unknown protocol");
    if (!group) this.#networkOf(source).refuse(arrival.packet, "protocol", this.#now);
  }

  readonly #segment: Upper["segment"] = (bytes, start, end, source, destination, group, tos, back) => {
    // RFC 9293 3.9.2.3 (MUST-57): a segment to a broadcast or multicast address is silently discarded.
    if (group) this.drops.add("tcp: to a group");
    else this.#tcp.arrive(bytes, start, end, source, destination, this.#now, tos & 3, back);
  };

  /** An error about a packet of ours, from the network or from our own link. */
  #hear({ protocol, source, destination, start, reason }: Heard & { reason: Reason }): void {
    if (protocol === ipv4.PROTOCOL_TCP) this.#tcp.report(source, destination, start, reason);
    else if (protocol === ipv4.PROTOCOL_UDP) this.#udp.report(source, destination, start, reason);
  }

  // --- out ---------------------------------------------------------------------------------------------------------

  #send(
    network: Network,
    frame: Uint8Array,
    from: IpAddress,
    to: IpAddress,
    protocol: number,
    options: SendOptions,
    now: Micros,
  ): void {
    if (!this.#polling) this.#stirIp();
    const path = network.find(options.route?.gateways[0] ?? to, from);
    const reason = path ? network.send(frame, path, from, to, protocol, options, now) : "no route";
    if (reason) this.drops.add(`ip: ${reason}`);
  }

  /** RFC 1191: TCP finds out what the path takes, so its packets are never cut. */
  #sendTcp(from: IpAddress, to: IpAddress, segment: Segment, c: Connection | undefined, now: Micros): void {
    if (!this.#polling) this.#stirIp();
    const network = this.#networkOf(to);
    const route = c ? c.route : segment.route;
    const path = c ? this.#pathOf(c, network) : network.find(route?.gateways[0] ?? to, from);
    if (path === undefined) {
      this.drops.add("ip: no route");
      return;
    }
    const frame = network.begin(tcpWire.lengthOf(segment));
    tcpWire.write(segment, from, to, frame, network.headroom);
    const tos = c?.options.tos ?? 0;
    this.#tcpOptions.ttl = c?.options.ttl;
    this.#tcpOptions.route = route;
    this.#tcpOptions.tos = c?.ecn.may ? (tos & ~3) | ECT0 : tos;
    const reason = network.send(frame, path, from, to, ipv4.PROTOCOL_TCP, this.#tcpOptions, now);
    if (reason) this.drops.add(`ip: ${reason}`);
  }

  /** The way of a connection's packets, looked up once until routes change. */
  #pathOf(c: Connection, network: Network): Path | undefined {
    const kept = c.path as KeptPath | undefined;
    if (kept?.generation === network.generation) return kept.path;
    const path = network.find(c.route?.gateways[0] ?? c.remoteAddress, c.localAddress);
    c.path = { path, generation: network.generation } satisfies KeptPath;
    return path;
  }

  // --- attempts ----------------------------------------------------------------------------------------------------

  #intercept(handler: ((attempt: Attempt) => void) | undefined, station: Station): void {
    if (handler === undefined) {
      this.#tcp.onKnock = undefined;
      this.#udp.onKnock = undefined;
      return;
    }
    const refuse: Refuse = refuseBy(
      (to) => this.#networkOf(to.address),
      () => this.#now,
    );
    const socket = (c: Connection): TcpSocket => new TcpSocket(this.#tcp, this.#ports, station, c);
    this.#tcp.onKnock = (knock) => {
      handler(new TcpAttempt(knock, this.#tcp, socket, refuse));
      return true;
    };
    this.#udp.onKnock = (knock) => {
      handler(new UdpAttempt(knock, this.#udp, refuse));
      return true;
    };
  }
}

/** A packet of ours that an error is about. */
interface Heard {
  protocol: number;
  source: IpAddress;
  destination: IpAddress;
  start: Uint8Array;
}

/** Closed by the program, and not acknowledged by the peer (RFC 9293 3.3.2). */
const CLOSING: ReadonlySet<TcpState> = new Set([TcpState.FIN_WAIT_1, TcpState.CLOSING, TcpState.LAST_ACK]);
/** RFC 3168 5: a packet that may be marked instead of dropped. */
const ECT0 = 2;

interface KeptPath {
  path: Path | undefined;
  generation: number;
}

const isMask = (mask: number): boolean => {
  for (let length = 0; length <= 32; length++) if (maskOf(length) === mask >>> 0) return true;
  return false;
};

/** What TCP may give to the cards in one piece, in whole kilobytes: all of them must do segmentation offload. */
function offloadOf(nics: readonly Nic[]): number {
  const largest = Math.min(...nics.map((nic) => (nic.largest > nic.mtu ? nic.largest : 0)));
  return nics.length > 0 && largest > 0 ? OFFLOAD : 0;
}
