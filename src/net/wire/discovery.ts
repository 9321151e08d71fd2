/** The messages of Neighbor Discovery (RFC 4861 section 4), as they stand behind the four bytes of every ICMPv6 header. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import type { Mac } from "./address.ts";
import { type Address6, ANY6, isMulticast6, readAddress6, writeAddress6 } from "./address6.ts";
import { readMac, writeMac } from "./ethernet.ts";
import { Icmp6Type } from "./icmpv6.ts";

/** RFC 4861 4.6 and RFC 8106 (DNS servers, seen and not used). */
const Option = { SOURCE_LINK: 1, TARGET_LINK: 2, PREFIX: 3, REDIRECTED: 4, MTU: 5 } as const;

export interface Prefix {
  prefix: Address6;
  length: number;
  onLink: boolean;
  /** Addresses may be made of it (RFC 4862 5.5.3). */
  autonomous: boolean;
  /** Seconds; 0xffffffff = for ever. */
  valid: number;
  preferred: number;
}

/** The options of a message; those it may not have are simply absent. */
export interface Options {
  sourceMac?: Mac;
  targetMac?: Mac;
  prefixes: Prefix[];
  mtu?: number;
}

export interface NeighbourSolicitation extends Options {
  type: typeof Icmp6Type.NEIGHBOUR_SOLICITATION;
  target: Address6;
}
export interface NeighbourAdvertisement extends Options {
  type: typeof Icmp6Type.NEIGHBOUR_ADVERTISEMENT;
  target: Address6;
  router: boolean;
  solicited: boolean;
  override: boolean;
}
export interface RouterSolicitation extends Options {
  type: typeof Icmp6Type.ROUTER_SOLICITATION;
}
export interface RouterAdvertisement extends Options {
  type: typeof Icmp6Type.ROUTER_ADVERTISEMENT;
  /** 0 = says nothing. */
  hopLimit: number;
  managed: boolean;
  other: boolean;
  /** Seconds; 0 = it is no default router. */
  lifetime: number;
  /** Milliseconds; 0 = says nothing. */
  reachable: number;
  retrans: number;
}
export interface Redirect extends Options {
  type: typeof Icmp6Type.REDIRECT;
  /** The better first hop; the destination itself when that is a neighbour. */
  target: Address6;
  destination: Address6;
}
export type Discovery =
  | NeighbourSolicitation
  | NeighbourAdvertisement
  | RouterSolicitation
  | RouterAdvertisement
  | Redirect;

export type DiscoveryReason = "hop limit" | "code" | "short" | "option length" | "target" | "prefix length";

/** Bytes in front of the options, the four of ICMP included. */
const FIXED: Record<number, number> = {
  [Icmp6Type.ROUTER_SOLICITATION]: 8,
  [Icmp6Type.ROUTER_ADVERTISEMENT]: 16,
  [Icmp6Type.NEIGHBOUR_SOLICITATION]: 24,
  [Icmp6Type.NEIGHBOUR_ADVERTISEMENT]: 24,
  [Icmp6Type.REDIRECT]: 40,
};

export const isDiscovery = (type: number): boolean => FIXED[type] !== undefined;

/** The rules of 6.1 and 7.1 that need the message alone; `hopLimit` is the packet's: 255 shows that no router passed it on. */
export function check(bytes: Uint8Array, hopLimit: number): DiscoveryReason | undefined {
  if (hopLimit !== 255) return "hop limit";
  if (bytes[1] !== 0) return "code";
  const type = bytes[0]!;
  const fixed = FIXED[type]!;
  if (bytes.length < fixed) return "short";
  for (let offset = fixed; offset < bytes.length; ) {
    const length = offset + 2 <= bytes.length ? bytes[offset + 1]! * 8 : 0;
    if (length === 0 || offset + length > bytes.length) return "option length";
    if (bytes[offset] === Option.PREFIX && (length !== 32 || bytes[offset + 2]! > 128))
      return "prefix length";
    offset += length;
  }
  const targeted = type !== Icmp6Type.ROUTER_SOLICITATION && type !== Icmp6Type.ROUTER_ADVERTISEMENT;
  return targeted && isMulticast6(readAddress6(bytes, 8)) ? "target" : undefined;
}

export function read(bytes: Uint8Array): Discovery {
  const type = bytes[0]!;
  const options = readOptions(bytes, FIXED[type]!);
  switch (type) {
    case Icmp6Type.NEIGHBOUR_SOLICITATION:
      return { type, target: readAddress6(bytes, 8), ...options };
    case Icmp6Type.NEIGHBOUR_ADVERTISEMENT: {
      const flags = bytes[4]!;
      return {
        type,
        target: readAddress6(bytes, 8),
        router: (flags & 0x80) !== 0,
        solicited: (flags & 0x40) !== 0,
        override: (flags & 0x20) !== 0,
        ...options,
      };
    }
    case Icmp6Type.ROUTER_ADVERTISEMENT:
      return {
        type,
        hopLimit: bytes[4]!,
        managed: (bytes[5]! & 0x80) !== 0,
        other: (bytes[5]! & 0x40) !== 0,
        lifetime: u16be(bytes, 6),
        reachable: u32be(bytes, 8),
        retrans: u32be(bytes, 12),
        ...options,
      };
    case Icmp6Type.REDIRECT:
      return { type, target: readAddress6(bytes, 8), destination: readAddress6(bytes, 24), ...options };
    default:
      return { type: Icmp6Type.ROUTER_SOLICITATION, ...options };
  }
}

/** Options not known are passed over (4.6). */
function readOptions(bytes: Uint8Array, start: number): Options {
  const options: Options = { prefixes: [] };
  for (let offset = start; offset < bytes.length; offset += bytes[offset + 1]! * 8) {
    switch (bytes[offset]) {
      case Option.SOURCE_LINK:
        options.sourceMac = readMac(bytes, offset + 2);
        break;
      case Option.TARGET_LINK:
        options.targetMac = readMac(bytes, offset + 2);
        break;
      case Option.MTU:
        options.mtu = u32be(bytes, offset + 4);
        break;
      case Option.PREFIX:
        options.prefixes.push({
          length: bytes[offset + 2]!,
          onLink: (bytes[offset + 3]! & 0x80) !== 0,
          autonomous: (bytes[offset + 3]! & 0x40) !== 0,
          valid: u32be(bytes, offset + 4),
          preferred: u32be(bytes, offset + 8),
          prefix: readAddress6(bytes, offset + 16),
        });
    }
  }
  return options;
}

export function lengthOf(message: Discovery): number {
  let length = FIXED[message.type]! + 32 * message.prefixes.length;
  for (const present of [message.sourceMac, message.targetMac, message.mtu]) {
    if (present !== undefined) length += 8;
  }
  return length;
}

/** Everything but the checksum. */
export function write(message: Discovery, into: Uint8Array): void {
  into[0] = message.type;
  switch (message.type) {
    case Icmp6Type.NEIGHBOUR_SOLICITATION:
      writeAddress6(into, 8, message.target);
      break;
    case Icmp6Type.NEIGHBOUR_ADVERTISEMENT:
      into[4] = (message.router ? 0x80 : 0) | (message.solicited ? 0x40 : 0) | (message.override ? 0x20 : 0);
      writeAddress6(into, 8, message.target);
      break;
    case Icmp6Type.ROUTER_ADVERTISEMENT:
      into[4] = message.hopLimit;
      into[5] = (message.managed ? 0x80 : 0) | (message.other ? 0x40 : 0);
      setU16be(into, 6, message.lifetime);
      setU32be(into, 8, message.reachable);
      setU32be(into, 12, message.retrans);
      break;
    case Icmp6Type.REDIRECT:
      writeAddress6(into, 8, message.target);
      writeAddress6(into, 24, message.destination);
  }
  let to = FIXED[message.type]!;
  const begin = (kind: number, units: number): number => {
    into[to] = kind;
    into[to + 1] = units;
    to += units * 8;
    return to - units * 8;
  };
  if (message.sourceMac !== undefined) writeMac(into, begin(Option.SOURCE_LINK, 1) + 2, message.sourceMac);
  if (message.targetMac !== undefined) writeMac(into, begin(Option.TARGET_LINK, 1) + 2, message.targetMac);
  if (message.mtu !== undefined) setU32be(into, begin(Option.MTU, 1) + 4, message.mtu);
  for (const each of message.prefixes) {
    const offset = begin(Option.PREFIX, 4);
    into[offset + 2] = each.length;
    into[offset + 3] = (each.onLink ? 0x80 : 0) | (each.autonomous ? 0x40 : 0);
    setU32be(into, offset + 4, each.valid);
    setU32be(into, offset + 8, each.preferred);
    writeAddress6(into, offset + 16, each.prefix);
  }
}

/** A message with no options and nothing set, to be changed by spread. */
export const bareSolicitation: Readonly<NeighbourSolicitation> = {
  type: Icmp6Type.NEIGHBOUR_SOLICITATION,
  target: ANY6,
  prefixes: [],
};
