/** What a version of IP is to the protocols above it. They hold an `IpAddress` and never ask which version it is. */
import type { Micros } from "../../base/index.ts";
import type { Nic } from "../link/nic.ts";
import type { Reason } from "../sockets.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import type { SourceRoute } from "../wire/source-route.ts";

/** What a sender may say about a packet; the rest is as RFC 1122 and RFC 8200 have it. */
export interface SendOptions {
  /** Time to live, or hop limit; that of the station when it is not said. */
  ttl?: number | undefined;
  /** Type of service, or traffic class. */
  tos?: number;
  /** Rather not send it at all than in fragments. */
  dontFragment?: boolean;
  /** IPv4: the gateways it passes; the path is that to the first of them. */
  route?: SourceRoute | undefined;
  /** IPv4: options of its header besides the route, in whole words. */
  options?: Uint8Array | undefined;
}

/** Why a packet could not be sent. */
export type SendReason = "network-unreachable" | "too-long";

/** Where a packet leaves: by which card, to which neighbour, from which address unless the sender has one. */
export interface Path {
  readonly interface: { readonly nic: Nic };
  readonly nextHop: IpAddress;
  readonly source: IpAddress;
}

/** A payload that has come, whole. `packet` is the version's own, for the answer that an error would be. */
export interface Arrival<P = unknown> {
  readonly protocol: number;
  readonly payload: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** It was sent to a group or by broadcast: RFC 1122 forbids many answers to what was not for this station alone. */
  readonly group: boolean;
  /** Type of service, or traffic class. */
  readonly tos: number;
  /** The interface it came by: index of its card, -1 for the loopback. */
  readonly index: number;
  readonly packet: P;
  /** IPv4: the options of its header, if it has any. */
  readonly options?: Uint8Array | undefined;
  /** IPv4: the way back, when it came by a source route (RFC 1122 3.2.1.8). */
  readonly back?: SourceRoute | undefined;
}

/** Why a packet that has come gets an error as its answer. */
export type Refusal = "protocol" | "port" | "network" | "host" | "prohibited";

export interface Network {
  /** Bytes in front of the payload in a frame begun by `begin`. */
  readonly headroom: number;
  /** The IP header's bytes. */
  readonly header: number;
  /** The longest payload that can be sent at all. */
  readonly largest: number;
  /** A packet of this size every peer takes (RFC 791, RFC 8200 section 5). */
  readonly leastMtu: number;
  /** Changes whenever the answer of `find` may have changed. */
  readonly generation: number;
  isOwn(address: IpAddress): boolean;
  /** A frame with room for the headers, the payload to be written from `headroom` on. */
  begin(payloadLength: number): Uint8Array;
  /** @param source the address it will come from, if that is settled already */
  find(destination: IpAddress, source?: IpAddress): Path | undefined;
  /** The largest packet that gets to `destination` in one piece, as far as is known. */
  mtuTo(destination: IpAddress, path: Path): number;
  /** Completes a frame from `begin` and sends it, in fragments if it must and may be. */
  send(
    frame: Uint8Array,
    path: Path,
    source: IpAddress,
    destination: IpAddress,
    protocol: number,
    options: SendOptions,
    now: Micros,
  ): SendReason | undefined;
  /** Nothing comes back from `destination`: perhaps the first hop is gone (RFC 1122 3.3.1.4, advice from above). */
  doubt(destination: IpAddress, source: IpAddress, now: Micros): void;
  /** An error to the sender of a packet, if it may be told and not too many were. */
  refuse(packet: unknown, why: Refusal, now: Micros): void;
  /** A packet as it must have been, for an error that comes later. */
  quotable(source: IpAddress, destination: IpAddress, protocol: number, payload: Uint8Array): unknown;
}

/** What IP hands up. */
export interface Upper {
  /** A payload of any protocol; of TCP, only what had to be put together first. */
  deliver(arrival: Arrival): void;
  /** TCP: the segment that stands in bytes[start … end). `group`, `tos` and `back` as in `Arrival`. */
  segment(
    bytes: Uint8Array,
    start: number,
    end: number,
    source: IpAddress,
    destination: IpAddress,
    group: boolean,
    tos: number,
    back?: SourceRoute | undefined,
  ): void;
  /** An error about a packet of ours. `start` is what is left of its payload, 8 bytes at least. */
  hear(error: {
    protocol: number;
    source: IpAddress;
    destination: IpAddress;
    start: Uint8Array;
    reason: Reason;
  }): void;
  /** No packet longer than `mtu` gets to `destination`, says an error about one of ours; false = not to be believed. */
  tooBig(error: {
    protocol: number;
    source: IpAddress;
    destination: IpAddress;
    start: Uint8Array;
    /** Bytes of payload that fit. */
    room: number;
  }): boolean;
  /** The way to `destination` takes packets of this payload again. */
  widened(destination: IpAddress, room: number): void;
}
