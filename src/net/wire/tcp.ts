/**
 * The segment format of RFC 9293 section 3.1, with the options of RFC 2018 (SACK), RFC 7323 (scale, timestamps) and RFC 7413
 * (Fast Open).
 */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import { finish, pseudoHeader, sum } from "./checksum.ts";
import type { IpAddress } from "./ip-address.ts";
import { PROTOCOL_TCP } from "./ipv4.ts";
import type { SourceRoute } from "./source-route.ts";

const at = {
  sourcePort: 0,
  destinationPort: 2,
  seq: 4,
  ack: 8,
  dataOffset: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  urgent: 18,
  options: 20,
} as const;
/** Bytes of a header without options. */
export const HEADER = 20;

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;
export const ECE = 64;
export const CWR = 128;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;
const OPTION_FAST_OPEN = 34;
/** RFC 4727: for experiments, told apart by 16 bits that follow (RFC 6994); Fast Open was one of them. */
const OPTION_EXPERIMENT = 254;
const FAST_OPEN_EXPERIMENT = 0xf989;

/** RFC 7323 2.3: a larger shift count is used as 14. */
export const LARGEST_SCALE = 14;

/** RFC 7413 4.1.1, in a SYN. */
export interface FastOpenOption {
  /** 4 … 16 bytes, an even number of them; none asks for a cookie. */
  readonly cookie: Uint8Array;
  /** In the option that it had before it got a number of its own. */
  readonly experimental: boolean;
}

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  seq: number;
  /** Means something when ACK is in flags; else what stood there. */
  ack: number;
  /** FIN | SYN | … or-ed together. */
  flags: number;
  /** As it stands in the header: not scaled. */
  window: number;
  urgent: number;
  /** Maximum segment size option; 0 = none. */
  mss: number;
  /** Window scale option, 0 … 14; -1 = none. */
  scale: number;
  sackPermitted: boolean;
  /** Left and right edges, alternating; at most 4 pairs (3 with timestamps). */
  sack: readonly number[];
  timestamps: boolean;
  tsVal: number;
  tsEcr: number;
  fastOpen: FastOpenOption | undefined;
  payload: Uint8Array;
  /** What the IP header said of congestion (RFC 3168 5): 1, 2 = it may be marked, 3 = it is. Not part of the segment. */
  ecn?: number;
  /** The way back, when it came by a source route; the way it goes. Not part of the segment. */
  route?: SourceRoute | undefined;
}

export type TcpReason = "short" | "data offset" | "checksum" | "options";

const NO_BYTES = new Uint8Array(0);
const NO_BLOCKS: readonly number[] = [];

/** A segment with nothing in it, to be changed by spread. */
export const emptySegment: Readonly<Segment> = {
  sourcePort: 0,
  destinationPort: 0,
  seq: 0,
  ack: 0,
  flags: 0,
  window: 0,
  urgent: 0,
  mss: 0,
  scale: -1,
  sackPermitted: false,
  sack: NO_BLOCKS,
  timestamps: false,
  tsVal: 0,
  tsEcr: 0,
  fastOpen: undefined,
  payload: NO_BYTES,
};

/** RFC 9293 3.4: the sequence numbers a segment occupies, SYN and FIN included. */
export function sequenceLength(segment: Segment): number {
  return segment.payload.length + ((segment.flags & SYN) >>> 1) + (segment.flags & FIN);
}

/** Of the segment in bytes[start … end): a packet need not be cut to look into it. */
export function check(
  bytes: Uint8Array,
  source: IpAddress,
  destination: IpAddress,
  start = 0,
  end = bytes.length,
): TcpReason | undefined {
  const length = end - start;
  if (length < HEADER) return "short";
  const header = (bytes[start + at.dataOffset]! >>> 4) * 4;
  if (header < HEADER || header > length) return "data offset";
  const total = pseudoHeader(source, destination, PROTOCOL_TCP, length) + sum(bytes, start, end);
  if (finish(total) !== 0) return "checksum";
  return header > HEADER && !optionsAreWhole(bytes, start + at.options, start + header)
    ? "options"
    : undefined;
}

/**
 * RFC 9293 3.2 (MUST-7): an illegal option length must not hurt. We drop the segment, as a length that leads out of
 * the header makes the rest unreadable.
 */
function optionsAreWhole(bytes: Uint8Array, from: number, to: number): boolean {
  for (let offset = from; offset < to; ) {
    const kind = bytes[offset]!;
    if (kind === OPTION_END) return true;
    if (kind === OPTION_NOP) {
      offset++;
      continue;
    }
    const length = offset + 1 < to ? bytes[offset + 1]! : 0;
    if (length < 2 || offset + length > to) return false;
    offset += length;
  }
  return true;
}

export function read(bytes: Uint8Array): Segment {
  return readInto({ ...emptySegment }, bytes);
}

/** The same into a segment that there is already, all of which becomes another. */
export function readInto(segment: Segment, bytes: Uint8Array, start = 0, end = bytes.length): Segment {
  const text = start + (bytes[start + at.dataOffset]! >>> 4) * 4;
  segment.sourcePort = u16be(bytes, start + at.sourcePort);
  segment.destinationPort = u16be(bytes, start + at.destinationPort);
  segment.seq = u32be(bytes, start + at.seq);
  segment.ack = u32be(bytes, start + at.ack);
  segment.flags = bytes[start + at.flags]!;
  segment.window = u16be(bytes, start + at.window);
  segment.urgent = u16be(bytes, start + at.urgent);
  segment.mss = 0;
  segment.scale = -1;
  segment.sackPermitted = false;
  segment.sack = NO_BLOCKS;
  segment.timestamps = false;
  segment.tsVal = 0;
  segment.tsEcr = 0;
  segment.fastOpen = undefined;
  segment.payload = text === end ? NO_BYTES : bytes.subarray(text, end);
  if (text > start + HEADER) readOptions(bytes, start + at.options, text, segment);
  return segment;
}

/** Options of a known kind but another length than theirs are passed over, as unknown ones are. */
function readOptions(bytes: Uint8Array, from: number, to: number, segment: Segment): void {
  for (let offset = from; offset < to; ) {
    const kind = bytes[offset]!;
    if (kind === OPTION_END) return;
    if (kind === OPTION_NOP) {
      offset++;
      continue;
    }
    const length = bytes[offset + 1]!;
    if (kind === OPTION_TIMESTAMPS && length === 10) {
      segment.timestamps = true;
      segment.tsVal = u32be(bytes, offset + 2);
      segment.tsEcr = u32be(bytes, offset + 6);
    } else if (kind === OPTION_SACK && length >= 10 && (length - 2) % 8 === 0) {
      const edges: number[] = [];
      for (let edge = offset + 2; edge < offset + length; edge += 4) edges.push(u32be(bytes, edge));
      segment.sack = edges;
    } else if (kind === OPTION_MSS && length === 4) {
      segment.mss = u16be(bytes, offset + 2);
    } else if (kind === OPTION_SCALE && length === 3) {
      segment.scale = Math.min(bytes[offset + 2]!, LARGEST_SCALE);
    } else if (kind === OPTION_SACK_PERMITTED && length === 2) {
      segment.sackPermitted = true;
    } else if (kind === OPTION_FAST_OPEN) {
      readFastOpen(bytes.subarray(offset + 2, offset + length), segment, false);
    } else if (
      kind === OPTION_EXPERIMENT &&
      length >= 4 &&
      u16be(bytes, offset + 2) === FAST_OPEN_EXPERIMENT
    ) {
      readFastOpen(bytes.subarray(offset + 4, offset + length), segment, true);
    }
    offset += length;
  }
}

/** RFC 7413 4.1.1: of another length it is none, and none but in a SYN. */
function readFastOpen(cookie: Uint8Array, segment: Segment, experimental: boolean): void {
  const { length } = cookie;
  if (!(segment.flags & SYN) || (length !== 0 && (length < 4 || length > 16 || length % 2 !== 0))) return;
  segment.fastOpen = { cookie: cookie.slice(), experimental };
}

const fastOpenLength = ({ cookie, experimental }: FastOpenOption): number =>
  (experimental ? 4 : 2) + cookie.length;

/** A multiple of 4: each option is padded in front with NOPs where it needs it. */
export function optionsLengthOf(segment: Segment): number {
  let length = 0;
  if (segment.mss > 0) length += 4;
  if (segment.timestamps) length += segment.sackPermitted ? 10 : 12; // SACK-permitted takes the place of two NOPs
  if (segment.sackPermitted) length += segment.timestamps ? 2 : 4;
  if (segment.scale >= 0) length += 4;
  if (segment.sack.length > 0) length += 4 + segment.sack.length * 4;
  if (segment.fastOpen !== undefined) length += (fastOpenLength(segment.fastOpen) + 3) & ~3;
  return length;
}

export function lengthOf(segment: Segment): number {
  return HEADER + optionsLengthOf(segment) + segment.payload.length;
}

export function write(
  segment: Segment,
  source: IpAddress,
  destination: IpAddress,
  into: Uint8Array,
  offset = 0,
): void {
  const header = HEADER + optionsLengthOf(segment);
  const length = header + segment.payload.length;
  setU16be(into, offset + at.sourcePort, segment.sourcePort);
  setU16be(into, offset + at.destinationPort, segment.destinationPort);
  setU32be(into, offset + at.seq, segment.seq);
  setU32be(into, offset + at.ack, segment.ack);
  into[offset + at.dataOffset] = (header >>> 2) << 4;
  into[offset + at.flags] = segment.flags;
  setU16be(into, offset + at.window, segment.window);
  setU16be(into, offset + at.checksum, 0);
  setU16be(into, offset + at.urgent, segment.urgent);
  if (header > HEADER) writeOptions(segment, into, offset + at.options);
  if (segment.payload.length > 0) into.set(segment.payload, offset + header);
  const total = pseudoHeader(source, destination, PROTOCOL_TCP, length) + sum(into, offset, offset + length);
  setU16be(into, offset + at.checksum, finish(total));
}

function writeOptions(segment: Segment, into: Uint8Array, offset: number): void {
  let to = offset;
  if (segment.mss > 0) {
    into[to++] = OPTION_MSS;
    into[to++] = 4;
    setU16be(into, to, segment.mss);
    to += 2;
  }
  if (segment.sackPermitted) {
    if (!segment.timestamps) {
      into[to++] = OPTION_NOP;
      into[to++] = OPTION_NOP;
    }
    into[to++] = OPTION_SACK_PERMITTED;
    into[to++] = 2;
  }
  if (segment.timestamps) {
    if (!segment.sackPermitted) {
      into[to++] = OPTION_NOP;
      into[to++] = OPTION_NOP;
    }
    into[to++] = OPTION_TIMESTAMPS;
    into[to++] = 10;
    setU32be(into, to, segment.tsVal);
    setU32be(into, to + 4, segment.tsEcr);
    to += 8;
  }
  if (segment.scale >= 0) {
    into[to++] = OPTION_NOP;
    into[to++] = OPTION_SCALE;
    into[to++] = 3;
    into[to++] = segment.scale;
  }
  if (segment.sack.length > 0) {
    into[to++] = OPTION_NOP;
    into[to++] = OPTION_NOP;
    into[to++] = OPTION_SACK;
    into[to++] = 2 + segment.sack.length * 4;
    for (const edge of segment.sack) {
      setU32be(into, to, edge);
      to += 4;
    }
  }
  if (segment.fastOpen !== undefined) writeFastOpen(segment.fastOpen, into, to);
}

function writeFastOpen(option: FastOpenOption, into: Uint8Array, offset: number): void {
  const length = fastOpenLength(option);
  into[offset] = option.experimental ? OPTION_EXPERIMENT : OPTION_FAST_OPEN;
  into[offset + 1] = length;
  if (option.experimental) setU16be(into, offset + 2, FAST_OPEN_EXPERIMENT);
  into.set(option.cookie, offset + length - option.cookie.length);
  into.fill(OPTION_NOP, offset + length, offset + ((length + 3) & ~3));
}

const flagNames: readonly [number, string][] = [
  [SYN, "SYN"],
  [FIN, "FIN"],
  [RST, "RST"],
  [PSH, "PSH"],
  [ACK, "ACK"],
  [URG, "URG"],
  [ECE, "ECE"],
  [CWR, "CWR"],
];

/** `SYN|ACK`, or `-` for none. */
export function showFlags(flags: number): string {
  const names = flagNames.filter(([bit]) => flags & bit).map(([, name]) => name);
  return names.join("|") || "-";
}

/** `SYN|ACK seq 100 ack 301 win 65535 len 0 <mss 1460,sackOK>` */
export function showSegment(segment: Segment): string {
  const options: string[] = [];
  if (segment.mss > 0) options.push(`mss ${segment.mss}`);
  if (segment.sackPermitted) options.push("sackOK");
  if (segment.timestamps) options.push(`TS ${segment.tsVal} ${segment.tsEcr}`);
  if (segment.scale >= 0) options.push(`wscale ${segment.scale}`);
  if (segment.fastOpen) {
    const { cookie, experimental } = segment.fastOpen;
    const bytes = Array.from(cookie, (byte) => byte.toString(16).padStart(2, "0")).join("");
    options.push(`${experimental ? "FOEXP" : "FO"}${bytes && ` ${bytes}`}`);
  }
  for (let i = 0; i < segment.sack.length; i += 2)
    options.push(`sack ${segment.sack[i]}:${segment.sack[i + 1]}`);
  return (
    `${showFlags(segment.flags)} seq ${segment.seq}${segment.flags & ACK ? ` ack ${segment.ack}` : ""}` +
    ` win ${segment.window} len ${segment.payload.length}` +
    `${segment.flags & URG ? ` urg ${segment.urgent}` : ""}${options.length > 0 ? ` <${options.join(",")}>` : ""}`
  );
}

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `TCP ${bytes.length} bytes, shorter than a header`;
  const ports = `TCP ${u16be(bytes, at.sourcePort)} > ${u16be(bytes, at.destinationPort)}`;
  const header = (bytes[at.dataOffset]! >>> 4) * 4;
  if (header < HEADER || header > bytes.length) return `${ports} (bad: data offset)`;
  if (!optionsAreWhole(bytes, at.options, header)) return `${ports} (bad: options)`;
  return `${ports} ${showSegment(read(bytes))}`;
}

/** The first 8 bytes, which is what an ICMP error surely quotes. */
export function readStart(bytes: Uint8Array): { sourcePort: number; destinationPort: number; seq: number } {
  return {
    sourcePort: u16be(bytes, at.sourcePort),
    destinationPort: u16be(bytes, at.destinationPort),
    seq: u32be(bytes, at.seq),
  };
}
