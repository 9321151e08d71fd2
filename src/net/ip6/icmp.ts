/** ICMPv6 of one station (RFC 4443): what it answers, what it says is wrong, and what it hears. */
import type { Micros } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import { ErrorLimit } from "../ip/icmp.ts";
import type { Reason } from "../sockets.ts";
import { type Address6, ANY6, isMulticast6 } from "../wire/address6.ts";
import type { Icmp as Message } from "../wire/icmp.ts";
import * as wire from "../wire/icmpv6.ts";
import { Icmp6Type, Unreachable6 } from "../wire/icmpv6.ts";
import type { Ipv6 } from "../wire/ipv6.ts";
import * as ipv6 from "../wire/ipv6.ts";

/** An error about a packet of ours, as the protocols above want it. */
export interface HeardError6 {
  protocol: number;
  source: Address6;
  destination: Address6;
  start: Uint8Array;
}

export interface Icmp6Options {
  counters: Counters;
  drops: Drops;
  isOwn(address: Address6): boolean;
  /** The address that packets to `destination` come from. */
  sourceFor(destination: Address6): Address6 | undefined;
  send(message: Uint8Array, source: Address6, destination: Address6, trafficClass: number): void;
  hear(error: HeardError6 & { reason: Reason }): void;
  tooBig(error: HeardError6, mtu: number): void;
}

export class Icmp6 {
  readonly #options: Icmp6Options;
  readonly #limit = new ErrorLimit();

  constructor(options: Icmp6Options) {
    this.#options = options;
  }

  /** An echo request or an error; its checksum is right. */
  arrive(bytes: Uint8Array, packet: Ipv6, group: boolean): void {
    const message = wire.read(bytes);
    if (message.type === Icmp6Type.ECHO) this.#echo(message, packet, group);
    else if (wire.isError(message.type)) this.#arriveError(message);
  }

  /** 4.2: one to a group may be answered; from an address of our own, of course. */
  #echo(message: Message, packet: Ipv6, group: boolean): void {
    const source = group ? this.#options.sourceFor(packet.source) : packet.destination;
    if (source === undefined || packet.source === ANY6) return;
    this.#send(
      { ...message, type: Icmp6Type.ECHO_REPLY, code: 0 },
      source,
      packet.source,
      packet.trafficClass,
    );
  }

  #arriveError(message: Message): void {
    const { drops, isOwn } = this.#options;
    const quoted = quotedPacket6(message.payload);
    if (quoted === undefined) drops.add("icmp: quotation too short");
    else if (!isOwn(quoted.source)) drops.add("icmp: about nothing of ours");
    else if (message.type === Icmp6Type.TOO_BIG) this.#options.tooBig(quoted, message.rest);
    else {
      const reason = reasonOf(message.type, message.code);
      if (reason !== undefined) this.#options.hear({ ...quoted, reason });
    }
  }

  /** The next hop of a packet of our own does not answer. */
  undeliverable(packet: Ipv6): void {
    const quoted = quotedIn(packet);
    if (quoted) this.#options.hear({ ...quoted, reason: "host-unreachable" });
  }

  /**
   * An error to the sender of `packet`, if RFC 4443 2.4 (e) lets us.
   * @param evenToGroup the two kinds that are told although the packet was for a group
   */
  report(packet: Ipv6, type: number, code: number, rest: number, now: Micros, evenToGroup = false): void {
    const { drops, isOwn, sourceFor } = this.#options;
    if (isMulticast6(packet.source) || packet.source === ANY6) return;
    if (isMulticast6(packet.destination) && !evenToGroup) return;
    if (isAboutError(packet)) return;
    if (!this.#limit.take(now)) {
      drops.add("icmp: too many errors");
      return;
    }
    const way = sourceFor(packet.source);
    if (way === undefined) {
      drops.add("ip6: no route");
      return;
    }
    const source = isOwn(packet.destination) ? packet.destination : way;
    const payload = packet.payload.subarray(0, ipv6.LEAST_MTU - 2 * ipv6.HEADER - wire.HEADER);
    const quoted = new Uint8Array(ipv6.HEADER + payload.length);
    ipv6.writeHeader(packet, packet.payload.length, quoted, 0);
    quoted.set(payload, ipv6.HEADER);
    this.#send({ type, code, rest, payload: quoted }, source, packet.source, 0);
  }

  #send(message: Message, source: Address6, destination: Address6, trafficClass: number): void {
    const bytes = new Uint8Array(wire.lengthOf(message));
    wire.write(message, source, destination, bytes);
    this.#options.counters.icmpSent++;
    this.#options.send(bytes, source, destination, trafficClass);
  }
}

/** 2.4 (e.1), (e.2): an error message or a redirect, as far as can be seen. */
function isAboutError(packet: Ipv6): boolean {
  const found = ipv6.follow(packet, false);
  if (ipv6.isRefused(found) || found.protocol !== ipv6.PROTOCOL_ICMPV6) return false;
  if ((found.fragment?.fragmentOffset ?? 0) > 0) return false;
  const type = packet.payload[found.offset];
  return type === undefined || wire.isError(type) || type === Icmp6Type.REDIRECT;
}

/** The packet that an error quotes, cut short as it is. */
function quotedPacket6(bytes: Uint8Array): HeardError6 | undefined {
  if (bytes.length < ipv6.HEADER || bytes[0]! >>> 4 !== 6) return undefined;
  return quotedIn({ ...ipv6.read(bytes), payload: bytes.subarray(ipv6.HEADER) });
}

function quotedIn(packet: Ipv6): HeardError6 | undefined {
  const found = ipv6.follow(packet);
  if (ipv6.isRefused(found) || (found.fragment?.fragmentOffset ?? 0) > 0) return undefined;
  const start = packet.payload.subarray(found.offset);
  if (start.length < 8) return undefined;
  return { protocol: found.protocol, source: packet.source, destination: packet.destination, start };
}

/** What an error means to a program, as RFC 1122 4.2.3.9 has it for IPv4. */
function reasonOf(type: number, code: number): Reason | undefined {
  if (type === Icmp6Type.TIME_EXCEEDED) return "host-unreachable";
  if (type === Icmp6Type.PARAMETER_PROBLEM)
    return code === ipv6.Problem.NEXT_HEADER ? "protocol-unreachable" : "invalid";
  if (type !== Icmp6Type.UNREACHABLE) return undefined;
  switch (code) {
    case Unreachable6.NO_ROUTE:
    case Unreachable6.BEYOND_SCOPE:
      return "network-unreachable";
    case Unreachable6.PROHIBITED:
    case Unreachable6.POLICY:
    case Unreachable6.REJECT:
      return "prohibited";
    case Unreachable6.PORT:
      return "refused";
    default:
      return "host-unreachable";
  }
}
