/**
 * An address of either version of IP. What is above IP holds these, compares them with === and asks nothing more:
 * which version it is, only `typeof` tells.
 */
import { type Address, isMulticast, parseAddress, showAddress } from "./address.ts";
import { type Address6, ANY6, isMulticast6, parseAddress6, showAddress6 } from "./address6.ts";

/** A number is IPv4, a string IPv6. */
export type IpAddress = Address | Address6;

/** The address "any": 0.0.0.0, which means any IPv4 one, or ::, which means any at all. */
export const isUnspecified = (address: IpAddress): boolean => address === 0 || address === ANY6;

export const isGroup = (address: IpAddress): boolean =>
  typeof address === "number" ? isMulticast(address) : isMulticast6(address);

/** `10.0.2.15` or `2001:db8::1` */
export const showIpAddress = (address: IpAddress): string =>
  typeof address === "number" ? showAddress(address) : showAddress6(address);

/** `10.0.2.15:80` or `[2001:db8::1]:80` (RFC 3986 3.2.2) */
export const showIpEndpoint = ({ address, port }: { address: IpAddress; port: number }): string =>
  typeof address === "number" ? `${showAddress(address)}:${port}` : `[${showAddress6(address)}]:${port}`;

/** An address of either version, or undefined when the text is none. */
export const parseIpAddress = (text: string): IpAddress | undefined =>
  text.includes(":") ? parseAddress6(text) : parseAddress(text);

/** Bytes and ports aside, what a hash of an address sees: 32 bits that differ where addresses do. */
export function foldedAddress(address: IpAddress): number {
  if (typeof address === "number") return address | 0;
  let folded = 0;
  for (let i = 0; i < 8; i += 2) {
    folded = Math.imul(folded ^ ((address.charCodeAt(i) << 16) | address.charCodeAt(i + 1)), 0x9e3779b1);
    folded ^= folded >>> 15;
  }
  return folded;
}

/** The address as whole 32-bit words, one or four. */
export function wordsOfAddress(address: IpAddress): number[] {
  if (typeof address === "number") return [address | 0];
  return [0, 2, 4, 6].map((i) => (address.charCodeAt(i) << 16) | address.charCodeAt(i + 1));
}
