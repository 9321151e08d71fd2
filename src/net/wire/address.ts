/** Addresses are numbers: keys that compare with ===. Text is for people. */

/** An IPv4 address, 0 … 2^32-1, first byte highest: 10.0.2.15 is 0x0a00020f. */
export type Address = number;

/** A MAC address, 0 … 2^48-1, first byte highest. */
export type Mac = number;

export const ANY: Address = 0;
/** RFC 919: the limited broadcast address. */
export const BROADCAST: Address = 0xffffffff;
export const LOOPBACK: Address = 0x7f000001;
export const MAC_BROADCAST: Mac = 0xffffffffffff;

/** `10.0.2.15` */
export function showAddress(address: Address): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The address written as four decimal numbers, or undefined when it is anything else. */
export function parseAddress(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

/** `10.0.2.2/24` as address and mask, or undefined when it is anything else. */
export function parseNetwork(text: string): { address: Address; mask: Address } | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  return { address, mask: maskOf(Number(length)) };
}

/**
 * As `parseNetwork`, but only what a card may have as its own (RFC 1122 3.2.1.3): no address of a network, of everybody on it,
 * of a group, or of this host alone.
 */
export function parseOwnAddress(text: string): { address: Address; mask: Address } | undefined {
  const network = parseNetwork(text);
  if (network === undefined) return undefined;
  const { address, mask } = network;
  const first = address >>> 24;
  const host = (address & ~mask) >>> 0;
  const narrow = mask >= 0xfffffffe; // RFC 3021: two addresses, both of them hosts'
  const isHost = narrow || (host !== 0 && host !== ~mask >>> 0);
  return first > 0 && first < 224 && !isLoopback(address) && isHost ? network : undefined;
}

/** The mask of a prefix of 0 … 32 bits. */
export function maskOf(prefixLength: number): Address {
  return prefixLength === 0 ? 0 : (-1 << (32 - prefixLength)) >>> 0;
}

/** `52:54:00:12:34:56` */
export function showMac(mac: Mac): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
}

/** Six pairs of hexadecimal digits between colons or hyphens, or undefined when it is anything else. */
export function parseMac(text: string): Mac | undefined {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)
    ? Number.parseInt(text.replace(/[:-]/g, ""), 16)
    : undefined;
}

/** RFC 1112: 224.0.0.0/4 */
export const isMulticast = (address: Address): boolean => address >>> 28 === 0xe;
/** RFC 1112 6.4: the cards' address for a group. */
export const groupMac = (group: Address): Mac => 0x01005e000000 + (group & 0x7fffff);
/** RFC 1122 3.2.1.3 (g): 127.0.0.0/8 never appears outside a host. */
export const isLoopback = (address: Address): boolean => address >>> 24 === 127;
/** The lowest bit of the first byte tells group addresses from those of one card. */
export const isGroupMac = (mac: Mac): boolean => Math.floor(mac / 0x100_0000_0000) % 2 === 1;
