/** ICMP of one station (RFC 792): what it answers, what it says is wrong, and what it hears (RFC 1122 3.2.2, RFC 1812 4.3.2). */
import type { Micros } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import type { Reason } from "../sockets.ts";
import { type Address, BROADCAST, isMulticast } from "../wire/address.ts";
import * as wire from "../wire/icmp.ts";
import { IcmpType, isError, Unreachable } from "../wire/icmp.ts";
import type { Ipv4 } from "../wire/ipv4.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { endOfRoute } from "../wire/source-route.ts";

/** RFC 1812 4.3.2.3: as much of the packet as fits without the error exceeding 576 bytes. */
const LARGEST_ERROR = 576;
const ICMP_HEADER = 8;

/** RFC 1812 4.3.2.8: errors a second, and how many may come at once. */
const RATE_PER_SECOND = 1000;
const BURST = 50;

/** A bucket of tokens: one is taken for each error, and they come back with time. */
export class ErrorLimit {
  #tokens = BURST;
  #filled: Micros = 0;

  take(now: Micros): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filled) * RATE_PER_SECOND) / 1_000_000);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** RFC 1122 3.2.2: what no error is ever sent about. `group`: it came to a broadcast or multicast address. */
export function mayReport(packet: Ipv4, group: boolean): boolean {
  if (group || packet.fragmentOffset > 0) return false;
  const { source } = packet;
  if (source === 0 || source === BROADCAST || isMulticast(source)) return false;
  return packet.protocol !== ipv4.PROTOCOL_ICMP || !isError(packet.payload[0] ?? 0);
}

/** The error message about `packet`. */
export function errorAbout(packet: Ipv4, type: number, code: number, rest: number): wire.Icmp {
  const room = LARGEST_ERROR - ipv4.HEADER - ICMP_HEADER;
  const header = ipv4.HEADER + packet.options.length;
  const payload = packet.payload.subarray(0, Math.min(packet.payload.length, room - header));
  const quoted = new Uint8Array(header + payload.length);
  ipv4.writeHeader(packet, header + packet.payload.length, quoted, 0);
  quoted.set(payload, header);
  return { type, code, rest, payload: quoted };
}

/**
 * The packet that an error quotes, cut short as it is: RFC 792 promises its header and 8 bytes. Its checksum is not
 * looked at, for the packet may have been changed on the way.
 */
export function quotedPacket(message: wire.Icmp): Ipv4 | undefined {
  const bytes = message.payload;
  if (bytes.length < ipv4.HEADER || bytes[0]! >>> 4 !== 4) return undefined;
  const header = ipv4.headerLengthOf(bytes);
  if (header < ipv4.HEADER || bytes.length < header + 8) return undefined;
  return { ...ipv4.read(bytes), payload: bytes.subarray(header) };
}

/** An error about a packet of ours, as the protocols above want it. */
export interface HeardError {
  protocol: number;
  source: Address;
  destination: Address;
  /** What is left of the packet's payload, 8 bytes at least. */
  start: Uint8Array;
}

export interface IcmpOptions {
  counters: Counters;
  drops: Drops;
  isOwn(address: Address): boolean;
  sourceFor(destination: Address): Address | undefined;
  send(message: Uint8Array, source: Address, destination: Address, tos: number, options?: Uint8Array): void;
  /** Fills the options that came with an echo request for its answer. */
  fill(options: Uint8Array, own: Address): Uint8Array;
  /** A router says that packets to `destination` go better by `gateway`; false = it is not to be believed. */
  redirect(router: Address, destination: Address, gateway: Address): boolean;
  hear(error: HeardError & { reason: Reason }): void;
  tooBig(error: HeardError, mtu: number): void;
}

export class Icmp {
  readonly #options: IcmpOptions;
  readonly #limit = new ErrorLimit();

  constructor(options: IcmpOptions) {
    this.#options = options;
  }

  /** A message has come. False: it is not one. */
  arrive(packet: Ipv4, group: boolean): boolean {
    const { counters, drops } = this.#options;
    counters.icmpReceived++;
    const reason = wire.check(packet.payload);
    if (reason) {
      drops.add(`icmp: ${reason}`);
      return false;
    }
    const message = wire.read(packet.payload);
    if (message.type === IcmpType.ECHO) this.#echo(packet, message, group);
    else if (message.type === IcmpType.REDIRECT) this.#arriveRedirect(packet, message);
    else if (isError(message.type)) this.#arriveError(message);
    return true;
  }

  /** RFC 1122 3.2.2.2: what is said of a network is taken for the host alone. */
  #arriveRedirect({ source: router }: Ipv4, message: wire.Icmp): void {
    const { counters, drops, isOwn, redirect } = this.#options;
    counters.redirectsSeen++;
    const quoted = quotedPacket(message);
    if (
      quoted === undefined ||
      !isOwn(quoted.source) ||
      !redirect(router, quoted.destination, message.rest >>> 0)
    )
      drops.add("icmp: redirect not to be believed");
  }

  /** RFC 1122 3.2.2.6: the data comes back as it was; to a broadcast nobody need answer, so we do not. */
  #echo(packet: Ipv4, message: wire.Icmp, group: boolean): void {
    if (group) this.#options.drops.add("icmp: echo to a group");
    else
      this.#send(
        { ...message, type: IcmpType.ECHO_REPLY, code: 0 },
        packet.destination,
        packet.source,
        packet.tos,
        packet.options.length > 0 ? this.#options.fill(packet.options, packet.destination) : undefined,
      );
  }

  #arriveError(message: wire.Icmp): void {
    const { drops, isOwn } = this.#options;
    const quoted = quotedPacket(message);
    if (quoted === undefined) drops.add("icmp: quotation too short");
    else if (!isOwn(quoted.source)) drops.add("icmp: about nothing of ours");
    else if (message.type === IcmpType.SOURCE_QUENCH)
      drops.add("icmp: source quench"); // RFC 6633
    else this.hear(quoted, message.type, message.code, message.rest & 0xffff);
  }

  /** An error about a packet of ours, from the network or from our own link. */
  hear(packet: Ipv4, type: number, code: number, mtu: number): void {
    const { source, protocol, payload: start } = packet;
    const destination = endOfRoute(packet.destination, packet.options);
    const about: HeardError = { protocol, source, destination, start };
    if (type === IcmpType.UNREACHABLE && code === Unreachable.FRAGMENTATION_NEEDED) {
      // RFC 1191 section 5: an old router tells no MTU; 576 is what everybody takes.
      this.#options.tooBig(about, mtu >= 68 ? mtu : 576);
      return;
    }
    const reason = reasonOf(type, code);
    if (reason !== undefined) this.#options.hear({ ...about, reason });
  }

  /** An error to the sender of `packet`, if it may be told and not too many were. */
  report(packet: Ipv4, broadcast: boolean, type: number, code: number, rest: number, now: Micros): void {
    const { drops, isOwn, sourceFor } = this.#options;
    if (!mayReport(packet, broadcast || isMulticast(packet.destination))) return;
    if (!this.#limit.take(now)) {
      drops.add("icmp: too many errors");
      return;
    }
    const way = sourceFor(packet.source);
    if (way === undefined) {
      drops.add("ip: no route");
      return;
    }
    // RFC 1812 4.3.2.4: from the address that was asked when it is ours, else from that of the way back.
    const source = isOwn(packet.destination) || way === 0 ? packet.destination : way;
    this.#send(errorAbout(packet, type, code, rest), source, packet.source, 0xc0);
  }

  #send(message: wire.Icmp, source: Address, destination: Address, tos: number, options?: Uint8Array): void {
    const bytes = new Uint8Array(wire.lengthOf(message));
    wire.write(message, bytes);
    this.#options.counters.icmpSent++;
    this.#options.send(bytes, source, destination, tos, options);
  }
}

/** What an error means to a program (RFC 1122 3.2.2.1, 4.2.3.9). */
function reasonOf(type: number, code: number): Reason | undefined {
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
      return "refused";
    case Unreachable.NETWORK_PROHIBITED:
    case Unreachable.HOST_PROHIBITED:
    case Unreachable.PROHIBITED:
      return "prohibited";
    default:
      return "host-unreachable";
  }
}
