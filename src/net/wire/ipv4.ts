/** RFC 791, with what RFC 1122 section 3.2.1 demands of a host. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import { type Address, showAddress } from "./address.ts";
import { finish, sum } from "./checksum.ts";

const at = {
  versionAndLength: 0,
  tos: 1,
  totalLength: 2,
  identification: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
  options: 20,
} as const;
/** Bytes of a header without options. */
export const HEADER = 20;
export const LARGEST = 65535;
/** Bytes of options that a header has room for. */
export const MOST_OPTIONS = 40;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

export interface Header {
  tos: number;
  identification: number;
  dontFragment: boolean;
  moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  fragmentOffset: number;
  ttl: number;
  protocol: number;
  source: Address;
  destination: Address;
  /** Whole 32-bit words, at most 40 bytes. */
  options: Uint8Array;
}

export interface Ipv4 extends Header {
  payload: Uint8Array;
}

export type Ipv4Reason = "short" | "version" | "header length" | "total length" | "checksum" | "options";

const NONE = new Uint8Array(0);

/** @param start where the packet begins: a frame need not be cut to look into it */
export function check(bytes: Uint8Array, start = 0): Ipv4Reason | undefined {
  const there = bytes.length - start;
  if (there < HEADER) return "short";
  const first = bytes[start]!;
  if (first >>> 4 !== 4) return "version";
  const header = (first & 15) * 4;
  if (header < HEADER || header > there) return "header length";
  const total = u16be(bytes, start + at.totalLength);
  if (total < header || total > there) return "total length";
  if (finish(sum(bytes, start, start + header)) !== 0) return "checksum";
  return header > HEADER && !areOptionsWhole(bytes, start + HEADER, start + header) ? "options" : undefined;
}

/** Every option's length byte (RFC 791 3.1) stays inside the header, where options stand in bytes[start … end). */
export function areOptionsWhole(bytes: Uint8Array, start: number, end: number): boolean {
  for (let offset = start; offset < end; ) {
    const kind = bytes[offset]!;
    if (kind === 0) return true;
    if (kind === 1) {
      offset++;
      continue;
    }
    const length = offset + 1 < end ? bytes[offset + 1]! : 0;
    if (length < 2 || offset + length > end) return false;
    offset += length;
  }
  return true;
}

export function read(bytes: Uint8Array, start = 0): Ipv4 {
  return withPayload(readHeader(emptyHeader(), bytes, start), bytes, start);
}

/** A header that was read from there, and the payload behind it. One literal: spreading takes several times as long. */
export function withPayload(header: Header, bytes: Uint8Array, start: number): Ipv4 {
  return {
    tos: header.tos,
    identification: header.identification,
    dontFragment: header.dontFragment,
    moreFragments: header.moreFragments,
    fragmentOffset: header.fragmentOffset,
    ttl: header.ttl,
    protocol: header.protocol,
    source: header.source,
    destination: header.destination,
    options: header.options,
    payload: bytes.subarray(payloadStart(bytes, start), packetEnd(bytes, start)),
  };
}

/** Everything but the payload, into a header that there is already, all of which becomes another. */
export function readHeader(header: Header, bytes: Uint8Array, start: number): Header {
  const fragment = u16be(bytes, start + at.fragment);
  const end = payloadStart(bytes, start);
  header.tos = bytes[start + at.tos]!;
  header.identification = u16be(bytes, start + at.identification);
  header.dontFragment = (fragment & DONT_FRAGMENT) !== 0;
  header.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
  header.fragmentOffset = (fragment & 0x1fff) * 8;
  header.ttl = bytes[start + at.ttl]!;
  header.protocol = bytes[start + at.protocol]!;
  header.source = u32be(bytes, start + at.source);
  header.destination = u32be(bytes, start + at.destination);
  header.options = end === start + HEADER ? NONE : bytes.subarray(start + HEADER, end);
  return header;
}

export const emptyHeader = (): Header => ({
  tos: 0,
  identification: 0,
  dontFragment: false,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 0,
  protocol: 0,
  source: 0,
  destination: 0,
  options: NONE,
});

export const headerLengthOf = (bytes: Uint8Array): number => payloadStart(bytes, 0);

/** Where the payload begins of the packet that begins at `start`. */
export const payloadStart = (bytes: Uint8Array, start: number): number => start + (bytes[start]! & 15) * 4;

/** Where that packet ends. */
export const packetEnd = (bytes: Uint8Array, start: number): number =>
  start + u16be(bytes, start + at.totalLength);

export function lengthOf(packet: Ipv4): number {
  return HEADER + packet.options.length + packet.payload.length;
}

export function write(packet: Ipv4, into: Uint8Array): void {
  writeHeader(packet, lengthOf(packet), into, 0);
  into.set(packet.payload, HEADER + packet.options.length);
}

/** Writes everything but the payload, which may stand behind the header already. */
export function writeHeader(header: Header, totalLength: number, into: Uint8Array, offset: number): void {
  const length = HEADER + header.options.length;
  into[offset] = 0x40 | (length >>> 2);
  into[offset + at.tos] = header.tos;
  setU16be(into, offset + at.totalLength, totalLength);
  setU16be(into, offset + at.identification, header.identification);
  const flags = (header.dontFragment ? DONT_FRAGMENT : 0) | (header.moreFragments ? MORE_FRAGMENTS : 0);
  setU16be(into, offset + at.fragment, flags | (header.fragmentOffset >>> 3));
  into[offset + at.ttl] = header.ttl;
  into[offset + at.protocol] = header.protocol;
  setU16be(into, offset + at.checksum, 0);
  setU32be(into, offset + at.source, header.source);
  setU32be(into, offset + at.destination, header.destination);
  if (header.options.length > 0) into.set(header.options, offset + at.options);
  setU16be(into, offset + at.checksum, finish(sum(into, offset, offset + length)));
}

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `IPv4 ${bytes.length} bytes, shorter than a header`;
  const fragment = u16be(bytes, at.fragment);
  const flags = `${fragment & DONT_FRAGMENT ? " DF" : ""}${fragment & MORE_FRAGMENTS ? " MF" : ""}`;
  const offset = (fragment & 0x1fff) * 8;
  const reason = check(bytes);
  return (
    `IPv4 ${showAddress(u32be(bytes, at.source))} > ${showAddress(u32be(bytes, at.destination))}` +
    ` protocol ${bytes[at.protocol]} ttl ${bytes[at.ttl]} length ${u16be(bytes, at.totalLength)}` +
    `${flags}${offset > 0 ? ` offset ${offset}` : ""}${reason ? ` (bad: ${reason})` : ""}`
  );
}
