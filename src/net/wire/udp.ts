/** RFC 768, and RFC 8200 8.1 for its checksum over IPv6. Read the first; it is three pages. */
import { setU16be, u16be } from "../../base/index.ts";
import { finish, pseudoHeader, sum } from "./checksum.ts";
import type { IpAddress } from "./ip-address.ts";
import { PROTOCOL_UDP } from "./ipv4.ts";

const at = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 } as const;
export const HEADER = 8;

export interface Udp {
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

export type UdpReason = "short" | "length" | "checksum";

export function check(bytes: Uint8Array, source: IpAddress, destination: IpAddress): UdpReason | undefined {
  if (bytes.length < HEADER) return "short";
  const length = u16be(bytes, at.length);
  if (length < HEADER || length > bytes.length) return "length";
  // 0: the sender computed none, which only IPv4 lets him do (RFC 8200 8.1).
  if (u16be(bytes, at.checksum) === 0) return typeof source === "number" ? undefined : "checksum";
  const total = pseudoHeader(source, destination, PROTOCOL_UDP, length) + sum(bytes, 0, length);
  return finish(total) === 0 ? undefined : "checksum";
}

export function read(bytes: Uint8Array): Udp {
  return {
    sourcePort: u16be(bytes, at.sourcePort),
    destinationPort: u16be(bytes, at.destinationPort),
    payload: bytes.subarray(HEADER, u16be(bytes, at.length)),
  };
}

export function lengthOf(udp: Udp): number {
  return HEADER + udp.payload.length;
}

export function write(
  udp: Udp,
  source: IpAddress,
  destination: IpAddress,
  into: Uint8Array,
  offset = 0,
): void {
  const length = lengthOf(udp);
  setU16be(into, offset + at.sourcePort, udp.sourcePort);
  setU16be(into, offset + at.destinationPort, udp.destinationPort);
  setU16be(into, offset + at.length, length);
  setU16be(into, offset + at.checksum, 0);
  into.set(udp.payload, offset + HEADER);
  const total = pseudoHeader(source, destination, PROTOCOL_UDP, length) + sum(into, offset, offset + length);
  setU16be(into, offset + at.checksum, finish(total) || 0xffff); // 0 would mean "none"
}

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `UDP ${bytes.length} bytes, shorter than a header`;
  const length = u16be(bytes, at.length);
  const bad = length < HEADER || length > bytes.length ? " (bad: length)" : "";
  return `UDP ${u16be(bytes, at.sourcePort)} > ${u16be(bytes, at.destinationPort)} length ${length - HEADER}${bad}`;
}
