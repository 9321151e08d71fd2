/**
 * Network address translation as a port: put it around the port of a router's outer interface. What leaves there comes
 * from the router's own address; what comes back finds its way by a table.
 *
 * Read first: RFC 3022 (traditional NAT with ports), RFC 4787 (UDP: mappings do not depend on the destination, filtering
 * goes by the peer's address), RFC 5382 (TCP), RFC 5508 (ICMP). Not done: hairpinning (RFC 4787 REQ-9).
 */
import { type Clock, type Micros, SECOND, setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import type { Port } from "../link/port.ts";
import { type Address, isMulticast } from "../wire/address.ts";
import { finish, sum } from "../wire/checksum.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { ACK, FIN, RST } from "../wire/tcp.ts";

/** A port of the outer address that always leads to a port inside. */
export interface NatForward {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly to: { readonly address: Address; readonly port: number };
}

export interface NatOptions {
  /** Where the outer interface is plugged in. */
  port: Port;
  /** The outer interface's address, asked for each packet: DHCP may change it. */
  address: () => Address;
  clock: Clock;
  forward?: readonly NatForward[];
}

export interface NatCounters {
  /** Packets translated on their way out and in. */
  out: number;
  in: number;
  /** Mappings made. */
  mappings: number;
  /** Packets that could not be translated: no port free, a protocol without ports, a fragment before its first one. */
  dropped: number;
}

/** A line of the table. */
export interface NatMapping {
  readonly protocol: number;
  readonly inside: { readonly address: Address; readonly port: number };
  /** The port (for ICMP the identifier) at the outer address. */
  readonly port: number;
  readonly expires: Micros;
}

interface Mapping {
  readonly protocol: number;
  readonly address: Address;
  readonly inner: number;
  readonly outer: number;
  readonly fixed: boolean;
  /** Whom the inside has talked to: RFC 4787 5, address-dependent filtering. */
  readonly peers: Set<Address>;
  used: Micros;
  /** Bit 0 and 1: a FIN passed out, in. */
  finished: number;
}

/** RFC 4787 REQ-5 (recommended value), RFC 5382 REQ-5, RFC 5508 REQ-1. */
const LIFETIMES: Record<number, Micros> = {
  [ipv4.PROTOCOL_UDP]: 300 * SECOND,
  [ipv4.PROTOCOL_TCP]: 7440 * SECOND,
  [ipv4.PROTOCOL_ICMP]: 60 * SECOND,
};
/** RFC 5382 REQ-5: a connection that both sides have closed, or one has reset. */
const CLOSED_LIFETIME: Micros = 240 * SECOND;
const FIRST_PORT = 1024;
const PORTS = 65536 - FIRST_PORT;
/** Datagrams in fragments that are remembered by their first one. */
const FRAGMENTED = 256;
const ETHERNET = ethernet.HEADER;
/** Bytes of a packet's payload that every ICMP error quotes (RFC 792). */
const QUOTED = 8;

export class Nat implements Port {
  readonly counters: NatCounters = { out: 0, in: 0, mappings: 0, dropped: 0 };
  readonly #port: Port;
  readonly #address: () => Address;
  readonly #clock: Clock;
  readonly #inside = new Map<string, Mapping>();
  readonly #outside = new Map<number, Mapping>();
  /** Where fragments of incoming datagrams go, by sender, identification and protocol. */
  readonly #fragments = new Map<string, Address>();
  #next = 0;

  constructor({ port, address, clock, forward = [] }: NatOptions) {
    this.#port = port;
    this.#address = address;
    this.#clock = clock;
    for (const { protocol, port: outer, to } of forward) {
      const number = protocol === "tcp" ? ipv4.PROTOCOL_TCP : ipv4.PROTOCOL_UDP;
      this.#add(number, to.address, to.port, outer, true);
    }
  }

  /** The table as it stands. */
  mappings(): NatMapping[] {
    return Array.from(this.#outside.values(), (each) => ({
      protocol: each.protocol,
      inside: { address: each.address, port: each.inner },
      port: each.outer,
      expires: each.fixed ? Number.POSITIVE_INFINITY : each.used + lifetime(each),
    }));
  }

  send(frame: Uint8Array): void {
    const packet = packetIn(frame);
    const own = this.#address();
    // The router's own words, and what is no IPv4 packet, need no translation.
    if (packet === undefined || u32be(frame, ETHERNET + 12) === own || own === 0) {
      this.#port.send(frame);
      return;
    }
    const copy = frame.slice();
    if (this.#translateOut(copy, packet, own)) {
      this.counters.out++;
      this.#port.send(copy);
    } else {
      this.counters.dropped++;
    }
  }

  watch(arrived: () => void): boolean {
    return this.#port.watch?.(arrived) ?? false;
  }

  receive(): Uint8Array | undefined {
    const frame = this.#port.receive();
    if (frame === undefined) return undefined;
    const packet = packetIn(frame);
    if (packet === undefined || packet.destination !== this.#address()) return frame;
    const copy = frame.slice();
    if (!this.#translateIn(copy, packet)) return frame; // for the router itself, which answers as it sees fit
    this.counters.in++;
    return copy;
  }

  #translateOut(frame: Uint8Array, packet: ipv4.Ipv4, own: Address): boolean {
    const { protocol, source, destination } = packet;
    const at = ETHERNET + ipv4.headerLengthOf(frame.subarray(ETHERNET));
    if (packet.fragmentOffset > 0) {
      setAddress(frame, 12, own, undefined);
      return true;
    }
    if (protocol === ipv4.PROTOCOL_ICMP && icmp.isError(frame[at]!)) return this.#errorOut(frame, at, own);
    const inner = portOf(frame, at, protocol, "source");
    if (inner === undefined) return false;
    const mapping = this.#mappingFor(protocol, source, inner);
    if (mapping === undefined) return false;
    mapping.peers.add(destination);
    this.#use(mapping, frame, at, 1);
    setAddress(frame, 12, own, transportChecksum(frame, at, protocol));
    setPort(frame, at, protocol, "source", mapping.outer);
    return true;
  }

  #translateIn(frame: Uint8Array, packet: ipv4.Ipv4): boolean {
    const { protocol, source } = packet;
    const at = ETHERNET + ipv4.headerLengthOf(frame.subarray(ETHERNET));
    const key = `${source} ${packet.identification} ${protocol}`;
    if (packet.fragmentOffset > 0) {
      const inside = this.#fragments.get(key);
      if (inside === undefined) return false;
      setAddress(frame, 16, inside, undefined);
      return true;
    }
    if (protocol === ipv4.PROTOCOL_ICMP && icmp.isError(frame[at]!)) return this.#errorIn(frame, at);
    const outer = portOf(frame, at, protocol, "destination");
    const mapping = outer === undefined ? undefined : this.#find(protocol, outer);
    if (mapping === undefined || !(mapping.fixed || mapping.peers.has(source))) return false;
    this.#use(mapping, frame, at, 2);
    if (packet.moreFragments) {
      if (this.#fragments.size >= FRAGMENTED) this.#fragments.clear();
      this.#fragments.set(key, mapping.address);
    }
    setAddress(frame, 16, mapping.address, transportChecksum(frame, at, protocol));
    setPort(frame, at, protocol, "destination", mapping.inner);
    return true;
  }

  /** RFC 5508 4.1: an error about a packet that we sent on is about the packet as the inside knows it. */
  #errorIn(frame: Uint8Array, at: number): boolean {
    const quoted = at + icmp.HEADER;
    const inner = quotedTransport(frame, quoted);
    if (inner === undefined) return false;
    const protocol = frame[quoted + 9]!;
    const outer = portOf(frame, inner, protocol, "source", QUOTED);
    const mapping = outer === undefined ? undefined : this.#find(protocol, outer);
    if (mapping === undefined || u32be(frame, quoted + 12) !== this.#address()) return false;
    setU32be(frame, quoted + 12, mapping.address);
    setQuotedPort(frame, inner, protocol, "source", mapping.inner);
    setAddress(frame, 16, mapping.address, undefined);
    sumAnew(frame, at, quoted);
    return true;
  }

  /** The same the other way: a host inside complains about what it got. */
  #errorOut(frame: Uint8Array, at: number, own: Address): boolean {
    const quoted = at + icmp.HEADER;
    const inner = quotedTransport(frame, quoted);
    setAddress(frame, 12, own, undefined);
    if (inner === undefined) return true;
    const protocol = frame[quoted + 9]!;
    const port = portOf(frame, inner, protocol, "destination", QUOTED);
    const mapping =
      port === undefined ? undefined : this.#inside.get(`${protocol} ${u32be(frame, quoted + 16)} ${port}`);
    if (mapping === undefined) return true; // about a packet that was not translated
    setU32be(frame, quoted + 16, own);
    setQuotedPort(frame, inner, protocol, "destination", mapping.outer);
    sumAnew(frame, at, quoted);
    return true;
  }

  #mappingFor(protocol: number, address: Address, port: number): Mapping | undefined {
    const now = this.#clock.now();
    const known = this.#inside.get(`${protocol} ${address} ${port}`);
    if (known !== undefined) {
      if (known.fixed || now - known.used <= lifetime(known)) return known;
      this.#forget(known);
    }
    const outer = this.#freePort(protocol, port, now);
    return outer === undefined ? undefined : this.#add(protocol, address, port, outer, false);
  }

  /** RFC 4787 REQ-3: the same port if it is free; else any other from 1024 on. */
  #freePort(protocol: number, wanted: number, now: Micros): number | undefined {
    const isFree = (port: number): boolean => {
      const holder = this.#outside.get(protocol * 65536 + port);
      if (holder === undefined) return true;
      if (holder.fixed || now - holder.used <= lifetime(holder)) return false;
      this.#forget(holder);
      return true;
    };
    if (wanted >= FIRST_PORT && isFree(wanted)) return wanted;
    for (let tries = 0; tries < PORTS; tries++) {
      const port = FIRST_PORT + (this.#next++ % PORTS);
      if (isFree(port)) return port;
    }
    return undefined;
  }

  #add(protocol: number, address: Address, inner: number, outer: number, fixed: boolean): Mapping {
    const used = this.#clock.now();
    const mapping = { protocol, address, inner, outer, fixed, peers: new Set<Address>(), used, finished: 0 };
    this.#inside.set(`${protocol} ${address} ${inner}`, mapping);
    this.#outside.set(protocol * 65536 + outer, mapping);
    if (!fixed) this.counters.mappings++;
    return mapping;
  }

  #find(protocol: number, outer: number): Mapping | undefined {
    const mapping = this.#outside.get(protocol * 65536 + outer);
    if (mapping === undefined || mapping.fixed) return mapping;
    if (this.#clock.now() - mapping.used <= lifetime(mapping)) return mapping;
    this.#forget(mapping);
    return undefined;
  }

  #forget(mapping: Mapping): void {
    this.#inside.delete(`${mapping.protocol} ${mapping.address} ${mapping.inner}`);
    this.#outside.delete(mapping.protocol * 65536 + mapping.outer);
  }

  #use(mapping: Mapping, frame: Uint8Array, at: number, direction: number): void {
    mapping.used = this.#clock.now();
    if (mapping.protocol !== ipv4.PROTOCOL_TCP) return;
    const flags = frame[at + 13]!;
    if (flags & RST) mapping.finished = 3;
    else if (flags & FIN) mapping.finished |= direction;
    else if ((flags & ACK) === 0) mapping.finished = 0; // a SYN: the port is used anew
  }
}

const lifetime = ({ protocol, finished }: Mapping): Micros =>
  finished === 3 ? CLOSED_LIFETIME : LIFETIMES[protocol]!;

/** A whole IPv4 packet to one host whose transport header is there, if it has one. */
function packetIn(frame: Uint8Array): ipv4.Ipv4 | undefined {
  if (ethernet.check(frame) || ethernet.typeOf(frame) !== ethernet.TYPE_IPV4) return undefined;
  const bytes = frame.subarray(ETHERNET);
  if (ipv4.check(bytes)) return undefined;
  const packet = ipv4.read(bytes);
  if (isMulticast(packet.destination) || packet.destination === 0xffffffff) return undefined;
  return packet;
}

/** The port, or an echo's identifier; undefined where there is none. */
function portOf(
  frame: Uint8Array,
  at: number,
  protocol: number,
  which: "source" | "destination",
  needed = protocol === ipv4.PROTOCOL_TCP ? 18 : 8,
): number | undefined {
  if (at + needed > frame.length) return undefined;
  if (protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP)
    return u16be(frame, at + (which === "source" ? 0 : 2));
  if (protocol !== ipv4.PROTOCOL_ICMP) return undefined;
  const type = frame[at]!;
  return type === icmp.IcmpType.ECHO || type === icmp.IcmpType.ECHO_REPLY ? u16be(frame, at + 4) : undefined;
}

/** Where the checksum is that covers addresses, or undefined when none does: ICMP, and UDP without one (RFC 768). */
function transportChecksum(frame: Uint8Array, at: number, protocol: number): number | undefined {
  if (protocol === ipv4.PROTOCOL_TCP) return at + 16;
  if (protocol === ipv4.PROTOCOL_UDP && u16be(frame, at + 6) !== 0) return at + 6;
  return undefined;
}

/** Changes an address of the IP header (at 12 or 16 in it) and the checksums over it. */
function setAddress(
  frame: Uint8Array,
  field: 12 | 16,
  address: Address,
  transport: number | undefined,
): void {
  const at = ETHERNET + field;
  for (const [offset, word] of [
    [at, address >>> 16],
    [at + 2, address & 0xffff],
  ] as const) {
    const old = u16be(frame, offset);
    adjust(frame, ETHERNET + 10, old, word);
    if (transport !== undefined) adjust(frame, transport, old, word);
    setU16be(frame, offset, word);
  }
}

function setPort(
  frame: Uint8Array,
  at: number,
  protocol: number,
  which: "source" | "destination",
  port: number,
): void {
  const field = protocol === ipv4.PROTOCOL_ICMP ? at + 4 : at + (which === "source" ? 0 : 2);
  const checksum = protocol === ipv4.PROTOCOL_ICMP ? at + 2 : transportChecksum(frame, at, protocol);
  if (checksum !== undefined && checksum + 2 <= frame.length)
    adjust(frame, checksum, u16be(frame, field), port);
  setU16be(frame, field, port);
  // RFC 768: a sum of zero is sent as all ones, since zero means that there is none.
  if (protocol === ipv4.PROTOCOL_UDP && checksum !== undefined && u16be(frame, checksum) === 0)
    setU16be(frame, checksum, 0xffff);
}

/** In a quotation of eight bytes there may be no checksum to mend, and nobody looks at it. */
function setQuotedPort(
  frame: Uint8Array,
  at: number,
  protocol: number,
  which: "source" | "destination",
  port: number,
): void {
  setU16be(frame, protocol === ipv4.PROTOCOL_ICMP ? at + 4 : at + (which === "source" ? 0 : 2), port);
}

/** Where the transport header of the packet quoted in an error begins, when eight bytes of it are there. */
function quotedTransport(frame: Uint8Array, quoted: number): number | undefined {
  if (quoted + ipv4.HEADER > frame.length) return undefined;
  const at = quoted + ipv4.headerLengthOf(frame.subarray(quoted));
  return at + 8 <= frame.length ? at : undefined;
}

/** The checksums of a quoted header and of the ICMP message around it, from the beginning. */
function sumAnew(frame: Uint8Array, at: number, quoted: number): void {
  const header = ipv4.headerLengthOf(frame.subarray(quoted));
  setU16be(frame, quoted + 10, 0);
  setU16be(frame, quoted + 10, finish(sum(frame, quoted, quoted + header)));
  const end = ETHERNET + u16be(frame, ETHERNET + 2);
  setU16be(frame, at + 2, 0);
  setU16be(frame, at + 2, finish(sum(frame, at, end)));
}

/** RFC 1624 eqn. 3: the checksum at `at` after a word it covers has changed. */
function adjust(frame: Uint8Array, at: number, old: number, now: number): void {
  const total = (u16be(frame, at) ^ 0xffff) + (old ^ 0xffff) + now;
  setU16be(frame, at, finish(total));
}
