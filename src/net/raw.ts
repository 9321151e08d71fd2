/**
 * Raw sockets: packets of one protocol in, payloads out; the IP header is ours. IPv4 packets come with their header,
 * IPv6 ones without (RFC 3542 section 3). ICMP messages of either version are sent with their checksum filled in.
 */
import { concat, type Micros, setU16be } from "../base/index.ts";
import { DatagramQueue } from "./datagrams.ts";
import type { Arrival, SendOptions } from "./ip/network.ts";
import type { Endpoint, Reason } from "./sockets.ts";
import { News } from "./sockets.ts";
import type { Station } from "./station.ts";
import type { Address6 } from "./wire/address6.ts";
import { finish, sum } from "./wire/checksum.ts";
import { IcmpType } from "./wire/icmp.ts";
import * as icmpv6 from "./wire/icmpv6.ts";
import { Icmp6Type } from "./wire/icmpv6.ts";
import { type IpAddress, isGroup, isUnspecified } from "./wire/ip-address.ts";
import type { Ipv4 } from "./wire/ipv4.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { PROTOCOL_ICMPV6 } from "./wire/ipv6.ts";

export interface RawLower {
  transmit(packet: Outgoing, now: Micros): void;
}

export interface Outgoing {
  from: IpAddress;
  to: IpAddress;
  protocol: number;
  payload: Uint8Array;
  options: SendOptions;
}

const OUTGOING_PACKETS = 1024;

export class Raw {
  /** Called when there is something for `poll` to do. */
  onWork: (() => void) | undefined;
  readonly station: Station;
  readonly #lower: RawLower;
  readonly #changed: (socket: DatagramQueue) => void;
  readonly #sockets = new Map<number, RawSocket[]>();
  #outgoing: Outgoing[] = [];

  constructor(station: Station, lower: RawLower, changed: (socket: DatagramQueue) => void) {
    this.station = station;
    this.#lower = lower;
    this.#changed = changed;
  }

  socket(protocol: number): RawSocket {
    if (!Number.isInteger(protocol) || protocol < 0 || protocol > 255) {
      throw new RangeError(`${protocol} is not an IP protocol number (0 … 255)`);
    }
    const socket = new RawSocket(this, protocol, this.#changed);
    const others = this.#sockets.get(protocol);
    if (others) others.push(socket);
    else this.#sockets.set(protocol, [socket]);
    return socket;
  }

  remove(socket: RawSocket): void {
    const others = (this.#sockets.get(socket.protocol) ?? []).filter((other) => other !== socket);
    if (others.length > 0) this.#sockets.set(socket.protocol, others);
    else this.#sockets.delete(socket.protocol);
  }

  /** Every socket of the protocol gets a copy; answers whether there was one. Echo requests are the stack's to answer. */
  arrive(arrival: Arrival): boolean {
    const sockets = this.#sockets.get(arrival.protocol);
    if (sockets === undefined) return false;
    const { protocol, payload, source, destination, index, tos, options, back } = arrival;
    if (protocol === ipv4.PROTOCOL_ICMP && payload[0] === IcmpType.ECHO) return true;
    if (protocol === PROTOCOL_ICMPV6 && payload[0] === Icmp6Type.ECHO) return true;
    const bytes = typeof source === "number" ? wholePacket(arrival.packet as Ipv4) : payload.slice();
    const from = { address: source, port: 0 };
    const to = { address: destination, port: 0 };
    const datagram = { from, to, payload: bytes, interface: index, tos, options, back };
    for (const socket of sockets) if (socket.takes(from, to)) socket.arrive(datagram);
    return true;
  }

  queue(outgoing: Outgoing): boolean {
    if (this.#outgoing.length >= OUTGOING_PACKETS) return false;
    this.#outgoing.push(outgoing);
    this.onWork?.();
    return true;
  }

  get hasWork(): boolean {
    return this.#outgoing.length > 0;
  }

  poll(now: Micros): boolean {
    if (this.#outgoing.length === 0) return false;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    for (const packet of outgoing) this.#lower.transmit(packet, now);
    return true;
  }
}

export class RawSocket extends DatagramQueue {
  readonly type = "raw";
  readonly protocol: number;
  readonly #raw: Raw;

  constructor(raw: Raw, protocol: number, changed: (socket: DatagramQueue) => void) {
    super(raw.station, changed);
    this.#raw = raw;
    this.protocol = protocol;
  }

  /** The port means nothing. */
  bind(address: IpAddress, _port: number): Reason | undefined {
    if (this.released) return "invalid";
    if (!isUnspecified(address) && !isGroup(address) && !this.#raw.station.isOwn(address))
      return "not-available";
    this.bound = { address, port: 0 };
    return undefined;
  }

  /** The port means nothing. */
  connect(address: IpAddress, _port: number): Reason | undefined {
    if (this.released) return "invalid";
    const none = isUnspecified(address);
    if (!none && this.#sourceFor(address) === undefined) return "network-unreachable";
    this.peer = none ? undefined : { address, port: 0 };
    this.note(News.CONNECTED);
    return undefined;
  }

  takes(from: Endpoint, to: Endpoint): boolean {
    const { address } = this.bound;
    if (!isUnspecified(address) && address !== to.address) return false;
    return this.peer === undefined || this.peer.address === from.address;
  }

  get space(): number {
    return this.released ? 0 : this.#raw.station.largest;
  }

  send(bytes: Uint8Array, to?: Endpoint): number | Reason {
    if (this.released) return "invalid";
    const target = to?.address ?? this.peer?.address;
    if (target === undefined) return "not-connected";
    if (bytes.length > this.#raw.station.largest) return "too-long";
    if (this.#raw.station.isBroadcast(target) && !this.options.broadcast) return "prohibited";
    const options = this.sendOptions(target);
    if (options === undefined) return "invalid";
    const from = this.#sourceFor(this.firstHop(target));
    if (from === undefined) return "network-unreachable";
    const payload = this.#complete(bytes, from, target);
    const queued = this.#raw.queue({ from, to: target, protocol: this.protocol, payload, options });
    return queued ? bytes.length : "would-block";
  }

  #sourceFor(destination: IpAddress): IpAddress | undefined {
    const { address } = this.bound;
    if (isUnspecified(address) || isGroup(address))
      return this.#raw.station.sourceFor(destination, this.options.interface);
    return typeof address === typeof destination ? address : undefined;
  }

  #complete(bytes: Uint8Array, from: IpAddress, to: IpAddress): Uint8Array {
    if (this.protocol === ipv4.PROTOCOL_ICMP && typeof to === "number") return withIcmpChecksum(bytes);
    const message = bytes.slice();
    if (this.protocol === PROTOCOL_ICMPV6 && typeof to === "string" && bytes.length >= 4)
      icmpv6.writeChecksum(message, message.length, from as Address6, to);
    return message;
  }

  protected forget(): void {
    this.#raw.remove(this);
  }
}

function wholePacket(packet: Ipv4): Uint8Array {
  const bytes = new Uint8Array(ipv4.lengthOf(packet));
  ipv4.write(packet, bytes);
  return bytes;
}

/** A message shorter than a header stays as it is: the program may want to send nonsense. */
function withIcmpChecksum(bytes: Uint8Array): Uint8Array {
  const message = concat([bytes]);
  if (message.length < 4) return message;
  setU16be(message, 2, 0);
  setU16be(message, 2, finish(sum(message, 0, message.length)));
  return message;
}
