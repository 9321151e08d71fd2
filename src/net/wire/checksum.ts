/**
 * The Internet checksum (RFC 1071). Sums run over parts in place: a pseudo-header and a segment are summed one after
 * the other, never glued together. Only the last part may have an odd number of bytes.
 */
import type { IpAddress } from "./ip-address.ts";

/** Below this many bytes making a view costs more than it saves. */
const SHORT = 96;

/** The sum of the 16-bit words in bytes[from … to), not folded: at most 2^31 for 64 KiB. */
export function sum(bytes: Uint8Array, from: number, to: number): number {
  let total = 0;
  let at = from;
  if (to - from >= SHORT) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, to);
    let high = 0;
    let low = 0;
    for (const end = to - 16; at <= end; at += 16) {
      const a = view.getInt32(at);
      const b = view.getInt32(at + 4);
      const c = view.getInt32(at + 8);
      const d = view.getInt32(at + 12);
      high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
      low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
    }
    total = high + low;
  }
  for (; at + 1 < to; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < to) total += bytes[at]! << 8;
  return total;
}

/** The part of a checksum that is not in the segment (RFC 9293 3.1, RFC 768; RFC 8200 8.1 for IPv6). */
export function pseudoHeader(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  length: number,
): number {
  return sumOfAddress(source) + sumOfAddress(destination) + protocol + (length >>> 16) + (length & 0xffff);
}

function sumOfAddress(address: IpAddress): number {
  if (typeof address === "number") return (address >>> 16) + (address & 0xffff);
  let total = 0;
  for (let i = 0; i < 8; i++) total += address.charCodeAt(i);
  return total;
}

/** The checksum field for this sum: its ones' complement. 0 when the sum is over bytes with a right checksum in them. */
export function finish(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded ^ 0xffff;
}
