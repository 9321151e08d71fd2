/**
 * IPv4 of one station: packets out by a route, packets in from an interface (RFC 791, RFC 1122 section 3, and
 * RFC 1812 when it forwards). Addresses, fragments and ARP are settled here; protocols above see whole payloads.
 */
import { FOREVER, type Micros, type Random, SECOND } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import { Nic } from "../link/nic.ts";
import { FrameQueue, type Port } from "../link/port.ts";
import {
  type Address,
  isGroupMac,
  isLoopback,
  isMulticast,
  MAC_BROADCAST,
  type Mac,
} from "../wire/address.ts";
import * as arp from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import { FrameSource } from "../wire/frame.ts";
import type { Ipv4 } from "../wire/ipv4.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { Interface } from "./interface.ts";
import { Neighbours } from "./neighbours.ts";
import { Reassembly } from "./reassembly.ts";
import { type Path, Routes } from "./routes.ts";

/** Bytes in front of the IP payload in a frame begun by `begin`. */
export const HEADROOM = ethernet.HEADER + ipv4.HEADER;
export const DEFAULT_TTL = 64;
/** RFC 1112 section 4: the group of all hosts. */
const ALL_HOSTS: Address = 0xe0000001;
const LOOPBACK_MTU = 65535;
/** Packets that wait between two polls; a TCP window and its acknowledgements fit. */
const LOOPBACK_QUEUE = 4096;
/** RFC 5227 1.1 DEFEND_INTERVAL. */
const DEFEND_INTERVAL: Micros = 10 * SECOND;

/** What a sender may say about a packet; the rest is as RFC 1122 has it. */
export interface SendOptions {
  ttl?: number;
  tos?: number;
  dontFragment?: boolean;
}

/** Why a packet could not be sent. */
export type SendReason = "network-unreachable" | "too-long";

/** How a packet came to us: RFC 1122 forbids many answers to what was not sent to this station alone. */
export interface Arrival {
  readonly interface: Interface;
  /** The IP destination is a broadcast or multicast address, or the frame's was. */
  readonly group: boolean;
  /** The whole packet, for the quotation in an ICMP error; a reassembled one has only its first fragment's header. */
  readonly packet: Ipv4;
}

/** What IP hands up. */
export interface Upper {
  deliver(arrival: Arrival): void;
  /** The packet cannot go on, or its time is over: an ICMP error to its source is due. */
  report(packet: Ipv4, type: number, code: number, rest: number, arrival: Interface): void;
  /** A packet of our own was given up because the next hop does not answer. */
  undeliverable(packet: Ipv4): void;
}

export interface IpOptions {
  nics: readonly Nic[];
  random: Random;
  forward: boolean;
  anyAddress: boolean;
  counters: Counters;
  drops: Drops;
  upper: Upper;
}

class Loop implements Port {
  readonly queue = new FrameQueue(LOOPBACK_QUEUE);

  send(frame: Uint8Array): void {
    this.queue.push(frame);
  }

  receive(): Uint8Array | undefined {
    return this.queue.shift();
  }
}

export class Ip {
  readonly loopback: Interface;
  readonly interfaces: readonly Interface[];
  readonly routes: Routes;
  readonly frames = new FrameSource();
  readonly #reassembly = new Reassembly();
  readonly #counters: Counters;
  readonly #drops: Drops;
  readonly #upper: Upper;
  readonly #forward: boolean;
  readonly #anyAddress: boolean;
  /** RFC 6864: unique among datagrams that may be fragmented; a sequence from a random start is. */
  #identification: number;
  #now: Micros = 0;

  constructor(options: IpOptions) {
    this.#counters = options.counters;
    this.#drops = options.drops;
    this.#upper = options.upper;
    this.#forward = options.forward;
    this.#anyAddress = options.anyAddress;
    this.#identification = options.random.below(0x10000);
    this.loopback = new Interface(
      new Nic({ port: new Loop(), mac: 0x02_00_00_00_00_01, mtu: LOOPBACK_MTU, name: "lo" }),
      true,
    );
    this.loopback.address = 0x7f000001;
    this.loopback.mask = 0xff000000;
    this.interfaces = options.nics.map((nic) => new Interface(nic, false));
    for (const each of this.interfaces) each.neighbours = this.#neighboursOf(each);
    this.routes = new Routes(this.loopback, this.interfaces);
  }

  // --- out -----------------------------------------------------------------------------------------------------

  /** A frame with room for the headers, the payload to be written from HEADROOM on. */
  begin(payloadLength: number): Uint8Array {
    return this.frames.take(HEADROOM + payloadLength);
  }

  /** Completes a frame from `begin` and sends it along `path`, in fragments if it must and may be. */
  send(
    frame: Uint8Array,
    path: Path,
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
    const header = {
      tos: options.tos ?? 0,
      identification: this.#nextIdentification(),
      dontFragment,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: options.ttl ?? DEFAULT_TTL,
      protocol,
      source,
      destination,
      options: NO_OPTIONS,
    };
    if (total > path.interface.nic.mtu) {
      if (dontFragment) return "too-long";
      this.#sendFragments({ ...header, payload: frame.subarray(HEADROOM) }, path, now);
    } else {
      ipv4.writeHeader(header, total, frame, ethernet.HEADER);
      this.#counters.ipSent++;
      path.interface.transmit(frame, path.nextHop, now);
    }
    return undefined;
  }

  #nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  /** RFC 791 3.2: pieces as large as the link takes, each offset a multiple of 8. */
  #sendFragments(packet: Ipv4, path: Path, now: Micros): void {
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

  #sendWhole(packet: Ipv4, path: Path, now: Micros): void {
    const frame = this.frames.take(ethernet.HEADER + ipv4.lengthOf(packet));
    ipv4.write(packet, frame.subarray(ethernet.HEADER));
    this.#counters.ipSent++;
    path.interface.transmit(frame, path.nextHop, now);
  }

  // --- in ------------------------------------------------------------------------------------------------------

  /** A frame has arrived at `from`. */
  arrive(frame: Uint8Array, from: Interface, now: Micros): void {
    this.#now = now;
    let group = false;
    if (!from.loopback) {
      const destination = ethernet.destinationOf(frame);
      group = destination === MAC_BROADCAST || isGroupMac(destination);
      if (!group && destination !== from.nic.mac) {
        this.#drops.add("ethernet: other address");
        return;
      }
    }
    const type = ethernet.typeOf(frame);
    if (type === ethernet.TYPE_IPV4) this.#arriveIpv4(frame.subarray(ethernet.HEADER), from, group, now);
    else if (type === ethernet.TYPE_ARP) this.#arriveArp(frame.subarray(ethernet.HEADER), from, now);
    else this.#drops.add(type < ethernet.FIRST_TYPE ? "ethernet: 802.3" : "ethernet: unknown type");
  }

  #arriveIpv4(bytes: Uint8Array, from: Interface, groupFrame: boolean, now: Micros): void {
    this.#counters.ipReceived++;
    const reason = ipv4.check(bytes);
    if (reason) {
      this.#drops.add(`ip: ${reason}`);
      return;
    }
    const packet = ipv4.read(bytes);
    if (isMartian(packet, from)) {
      this.#drops.add("ip: impossible address");
      return;
    }
    const groupAddress = isMulticast(packet.destination) || from.isBroadcast(packet.destination);
    // RFC 1122 3.3.6: a link-layer broadcast that is none for IP is silently dropped.
    if (groupFrame && !groupAddress) {
      this.#drops.add("ip: unicast in a broadcast frame");
      return;
    }
    // RFC 1112: only groups that were joined are received, and every host is in 224.0.0.1 and in no other yet.
    if (isMulticast(packet.destination) && packet.destination !== ALL_HOSTS) {
      this.#drops.add("ip: multicast group not joined");
      return;
    }
    if (groupAddress || this.#isForUs(packet, from)) this.#arriveHere(packet, from, groupAddress, now);
    else if (this.#forward) this.#passOn(packet, from, now);
    else this.#drops.add("ip: other destination");
  }

  #isForUs(packet: Ipv4, from: Interface): boolean {
    if (this.routes.isOwn(packet.destination)) return true;
    const carried = packet.protocol === ipv4.PROTOCOL_TCP || packet.protocol === ipv4.PROTOCOL_UDP;
    if (this.#anyAddress && carried) return true;
    // A station that has no address yet takes what is sent to its card: the answers of a DHCP server.
    return from.address === 0 && packet.protocol === ipv4.PROTOCOL_UDP;
  }

  #arriveHere(packet: Ipv4, from: Interface, group: boolean, now: Micros): void {
    if (packet.moreFragments || packet.fragmentOffset > 0) {
      this.#counters.fragmentsReceived++;
      const result = this.#reassembly.arrive(packet, now);
      if (result.done === undefined) {
        if (result.dropped) this.#drops.add(`ip: ${result.dropped}`);
        return;
      }
      this.#counters.datagramsReassembled++;
      this.#upper.deliver({ interface: from, group, packet: result.done });
    } else {
      this.#upper.deliver({ interface: from, group, packet });
    }
  }

  /** RFC 1812 5.2: what a router does with a packet for another. */
  #passOn(packet: Ipv4, from: Interface, now: Micros): void {
    if (packet.ttl <= 1) {
      this.#upper.report(packet, 11, 0, 0, from);
      return;
    }
    const path = this.routes.find(packet.destination);
    if (path === undefined) {
      this.#upper.report(packet, 3, 0, 0, from);
      return;
    }
    const onward: Ipv4 = { ...packet, ttl: packet.ttl - 1 };
    const { mtu } = path.interface.nic;
    if (ipv4.lengthOf(onward) <= mtu) this.#sendWhole(onward, path, now);
    else if (packet.dontFragment) {
      this.#upper.report(packet, 3, 4, mtu, from);
      return;
    } else this.#sendFragments(onward, path, now);
    this.#counters.ipForwarded++;
  }

  // --- ARP -----------------------------------------------------------------------------------------------------

  #neighboursOf(each: Interface): Neighbours {
    return new Neighbours({
      request: (target, to) => {
        this.#sendArp(each, arp.REQUEST, to, each.address, to === MAC_BROADCAST ? 0 : to, target);
      },
      send: (packet, to) => each.transmitTo(packet, to),
      failed: (_address, packets) => {
        for (const frame of packets) {
          this.#drops.add("arp: no answer");
          this.#upper.undeliverable(ipv4.read(frame.subarray(ethernet.HEADER)));
        }
      },
      dropped: (reason) => this.#drops.add(reason),
    });
  }

  #arriveArp(bytes: Uint8Array, from: Interface, now: Micros): void {
    this.#counters.arpReceived++;
    const reason = arp.check(bytes);
    if (reason) {
      this.#drops.add(`arp: ${reason}`);
      return;
    }
    const packet = arp.read(bytes);
    if (from.neighbours === undefined || isGroupMac(packet.senderMac)) {
      this.#drops.add("arp: impossible sender");
      return;
    }
    if (packet.senderMac === from.nic.mac) return; // our own words, come back
    if (from.address !== 0 && packet.senderAddress === from.address) {
      this.#defend(from, now);
      return;
    }
    const toUs = from.address !== 0 && packet.targetAddress === from.address;
    if (packet.senderAddress !== 0) {
      if (isMulticast(packet.senderAddress) || isLoopback(packet.senderAddress)) {
        this.#drops.add("arp: impossible sender");
        return;
      }
      from.neighbours.heard(packet.senderAddress, packet.senderMac, toUs, now);
    }
    if (!toUs || packet.operation !== arp.REQUEST) return;
    this.#sendArp(from, arp.REPLY, packet.senderMac, from.address, packet.senderMac, packet.senderAddress);
  }

  /** RFC 5227 2.4 (b): another card claims our address; say once in a while that it is ours. */
  #defend(from: Interface, now: Micros): void {
    this.#counters.arpConflicts++;
    if (now - from.defended < DEFEND_INTERVAL) return;
    from.defended = now;
    this.announce(from);
  }

  /** Tells everybody which card has our address: a gratuitous request (RFC 5227 2.3). */
  announce(each: Interface): void {
    if (each.address !== 0) this.#sendArp(each, arp.REQUEST, MAC_BROADCAST, each.address, 0, each.address);
  }

  /** Asks whether somebody has `address`, without claiming it (RFC 5227 2.1.1). Answers count as conflicts later. */
  probe(each: Interface, address: Address): void {
    this.#sendArp(each, arp.REQUEST, MAC_BROADCAST, 0, 0, address);
  }

  #sendArp(
    each: Interface,
    operation: number,
    to: Mac,
    senderAddress: Address,
    targetMac: Mac,
    targetAddress: Address,
  ): void {
    const frame = this.frames.take(ethernet.HEADER + arp.LENGTH);
    ethernet.writeHeader(frame, to, each.nic.mac, ethernet.TYPE_ARP);
    const senderMac = each.nic.mac;
    arp.write(
      { operation, senderMac, senderAddress, targetMac, targetAddress },
      frame.subarray(ethernet.HEADER),
    );
    this.#counters.arpSent++;
    each.nic.send(frame);
  }

  // --- time ----------------------------------------------------------------------------------------------------

  /** What is due: ARP questions, unfinished datagrams. */
  poll(now: Micros): boolean {
    this.#now = now;
    let did = false;
    for (const each of this.interfaces) if (each.neighbours?.poll(now)) did = true;
    let expired = this.#reassembly.expire(now);
    for (; expired !== undefined; expired = this.#reassembly.expire(now)) {
      did = true;
      this.#drops.add("ip: fragments missing");
      if (expired.first)
        this.#upper.report(expired.first, 11, 1, 0, this.interfaceOf(expired.first.destination));
    }
    return did;
  }

  /** The interface that has `address`, or the first. */
  interfaceOf(address: Address): Interface {
    for (const each of this.interfaces) if (each.address === address) return each;
    return this.interfaces[0] ?? this.loopback;
  }

  deadline(): Micros {
    let earliest = Math.min(FOREVER, this.#reassembly.deadline());
    for (const each of this.interfaces) earliest = Math.min(earliest, each.neighbours!.deadline());
    return earliest;
  }

  /** The `now` of the last call, for what is caused by a call without one. */
  get now(): Micros {
    return this.#now;
  }
}

const NO_OPTIONS = new Uint8Array(0);

/** RFC 1122 3.2.1.3: sources that no packet can come from, and loopback addresses outside a host. */
function isMartian(packet: Ipv4, from: Interface): boolean {
  const { source, destination } = packet;
  if (from.loopback) return false;
  return (
    isMulticast(source) ||
    source === 0xffffffff ||
    isLoopback(source) ||
    isLoopback(destination) ||
    destination === 0
  );
}

/** RFC 791 3.1: the options whose copied flag is set go into every fragment, padded to whole words. */
function copiedOptions(options: Uint8Array): Uint8Array {
  const kept: number[] = [];
  for (let offset = 0; offset < options.length; ) {
    const kind = options[offset]!;
    if (kind === 0) break;
    const length = kind === 1 ? 1 : options[offset + 1]!;
    if (kind & 0x80) kept.push(...options.subarray(offset, offset + length));
    offset += length;
  }
  while (kept.length % 4 !== 0) kept.push(0);
  return Uint8Array.from(kept);
}
