/**
 * IPv6 addresses (RFC 4291). One is a string of eight characters, each a 16-bit word of the address, first word first:
 * so it is a key and compares with === as an IPv4 number does, `<` orders it as the number it stands for, and nothing
 * has to be interned. Text is for people.
 */
import { setU16be, u16be } from "../../base/index.ts";
import { type Address, type Mac, parseAddress, showAddress } from "./address.ts";

declare const words: unique symbol;

/** Eight 16-bit words. Made by the functions of this file alone. */
export type Address6 = string & { readonly [words]: true };

export const BYTES6 = 16;

/** The address with these eight words, each 0 … 65535. */
export function address6(...eight: readonly number[]): Address6 {
  return String.fromCharCode(...eight) as Address6;
}

export const ANY6: Address6 = address6(0, 0, 0, 0, 0, 0, 0, 0);
export const LOOPBACK6: Address6 = address6(0, 0, 0, 0, 0, 0, 0, 1);
/** RFC 4291 2.7.1, on the link. */
export const ALL_NODES: Address6 = address6(0xff02, 0, 0, 0, 0, 0, 0, 1);
export const ALL_ROUTERS: Address6 = address6(0xff02, 0, 0, 0, 0, 0, 0, 2);

export function readAddress6(bytes: Uint8Array, offset: number): Address6 {
  return String.fromCharCode(
    u16be(bytes, offset),
    u16be(bytes, offset + 2),
    u16be(bytes, offset + 4),
    u16be(bytes, offset + 6),
    u16be(bytes, offset + 8),
    u16be(bytes, offset + 10),
    u16be(bytes, offset + 12),
    u16be(bytes, offset + 14),
  ) as Address6;
}

export function writeAddress6(bytes: Uint8Array, offset: number, address: Address6): void {
  for (let i = 0; i < 8; i++) setU16be(bytes, offset + 2 * i, address.charCodeAt(i));
}

export function bytesOfAddress6(address: Address6): Uint8Array {
  const bytes = new Uint8Array(BYTES6);
  writeAddress6(bytes, 0, address);
  return bytes;
}

/** `2001:db8::1` (RFC 5952), `::ffff:10.0.2.15` for a mapped one. */
export function showAddress6(address: Address6): string {
  const four = mappedAddress(address);
  if (four !== undefined) return `::ffff:${showAddress(four)}`;
  const groups = Array.from({ length: 8 }, (_, i) => address.charCodeAt(i).toString(16));
  let best = { start: 0, length: 1 }; // one group alone is not shortened
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length === 1) return groups.join(":");
  return `${groups.slice(0, best.start).join(":")}::${groups.slice(best.start + best.length).join(":")}`;
}

/** RFC 4291 2.2: all three forms, the last with an IPv4 address at the end. Undefined when it is anything else. */
export function parseAddress6(text: string): Address6 | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted ? parseAddress(dotted[2]!) : undefined;
  if (dotted && tail === undefined) return undefined;
  const plain =
    tail === undefined ? text : `${dotted![1]}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`;
  const halves = plain.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const [front = [], back = []] = groups;
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...front, ...Array.from({ length: missing }, () => "0"), ...back];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return address6(...all.map((group) => Number.parseInt(group, 16)));
}

export interface Network6 {
  address: Address6;
  /** 0 … 128. */
  prefixLength: number;
}

/** `fd00::15/64`, or undefined when it is anything else. */
export function parseNetwork6(text: string): Network6 | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress6(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,3}$/.test(length) || Number(length) > 128) return undefined;
  return { address, prefixLength: Number(length) };
}

/** How many leading bits the two have in common, 0 … 128. */
export function commonPrefix(a: Address6, b: Address6): number {
  for (let i = 0; i < 8; i++) {
    const difference = a.charCodeAt(i) ^ b.charCodeAt(i);
    if (difference !== 0) return 16 * i + Math.clz32(difference) - 16;
  }
  return 128;
}

/** The first `length` bits of `address`, then zeros. */
export function prefixOf(address: Address6, length: number): Address6 {
  return address6(
    ...Array.from({ length: 8 }, (_, i) => {
      const bits = Math.max(0, Math.min(16, length - 16 * i));
      return address.charCodeAt(i) & (0xffff << (16 - bits)) & 0xffff;
    }),
  );
}

/** A prefix of 64 bits with an interface identifier behind it. */
export function withIdentifier(prefix: Address6, identifier: Address6): Address6 {
  return (prefix.slice(0, 4) + identifier.slice(4)) as Address6;
}

/** RFC 2464 section 4: the identifier made of a card's address (modified EUI-64), in the last four words. */
export function identifierOf(mac: Mac): Address6 {
  const high = Math.floor(mac / 0x100_0000);
  const low = mac % 0x100_0000;
  return address6(
    0,
    0,
    0,
    0,
    (high >>> 8) ^ 0x0200,
    ((high & 0xff) << 8) | 0xff,
    0xfe00 | (low >>> 16),
    low & 0xffff,
  );
}

/** RFC 4291 2.5.6: fe80::/64 and the card's identifier. */
export function linkLocalOf(mac: Mac): Address6 {
  return withIdentifier(address6(0xfe80, 0, 0, 0, 0, 0, 0, 0), identifierOf(mac));
}

/** RFC 4291 2.7.1: the group in which every station with an address of this ending is. */
export function solicitedNode(address: Address6): Address6 {
  return address6(0xff02, 0, 0, 0, 0, 1, 0xff00 | (address.charCodeAt(6) & 0xff), address.charCodeAt(7));
}

/** RFC 2464 section 7: 33:33 and the last four bytes of a group. */
export function groupMac6(group: Address6): Mac {
  return 0x3333_0000_0000 + group.charCodeAt(6) * 0x1_0000 + group.charCodeAt(7);
}

/** RFC 4291 2.7: ff00::/8 */
export const isMulticast6 = (address: Address6): boolean => address.charCodeAt(0) >>> 8 === 0xff;
/** RFC 4291 2.5.6: fe80::/10 */
export const isLinkLocal6 = (address: Address6): boolean => (address.charCodeAt(0) & 0xffc0) === 0xfe80;
/** RFC 4193: fc00::/7 */
export const isUniqueLocal = (address: Address6): boolean => (address.charCodeAt(0) & 0xfe00) === 0xfc00;

/**
 * How far an address reaches, in the numbers of RFC 4291 2.7: 1 the station, 2 the link, 5 the site, 14 everywhere.
 * RFC 6724 3.1 gives unicast addresses theirs.
 */
export function scopeOf(address: Address6): number {
  if (isMulticast6(address)) return address.charCodeAt(0) & 15;
  return isLinkLocal6(address) || address === LOOPBACK6 ? 2 : 14;
}

const MAPPED = address6(0, 0, 0, 0, 0, 0xffff, 0, 0).slice(0, 6);

/** The IPv4 address inside ::ffff:0:0/96 (RFC 4291 2.5.5.2), or undefined. */
export function mappedAddress(address: Address6): Address | undefined {
  if (!address.startsWith(MAPPED)) return undefined;
  return address.charCodeAt(6) * 0x1_0000 + address.charCodeAt(7);
}

export function mapAddress(address: Address): Address6 {
  return (MAPPED + String.fromCharCode(address >>> 16, address & 0xffff)) as Address6;
}
