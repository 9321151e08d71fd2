/** Ethernet II (RFC 894), and IEEE 802.3 frames told apart from it. */
import { u16be } from "../../base/index.ts";
import { type Mac, showMac } from "./address.ts";

const at = { destination: 0, source: 6, type: 12 } as const;
export const HEADER = 14;

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_IPV6 = 0x86dd;
/** From here up the field is a type, below it (to 1500) the length of an 802.3 frame (RFC 1122 2.3.3). */
export const FIRST_TYPE = 0x0600;

export interface Ethernet {
  destination: Mac;
  source: Mac;
  type: number;
  /** With the padding that a short frame may have. */
  payload: Uint8Array;
}

export type EthernetReason = "short";

export function check(bytes: Uint8Array): EthernetReason | undefined {
  return bytes.length < HEADER ? "short" : undefined;
}

export function read(bytes: Uint8Array): Ethernet {
  return {
    destination: destinationOf(bytes),
    source: sourceOf(bytes),
    type: typeOf(bytes),
    payload: bytes.subarray(HEADER),
  };
}

export const destinationOf = (bytes: Uint8Array): Mac => readMac(bytes, at.destination);
export const sourceOf = (bytes: Uint8Array): Mac => readMac(bytes, at.source);
export const typeOf = (bytes: Uint8Array): number => u16be(bytes, at.type);

export function lengthOf(frame: Ethernet): number {
  return HEADER + frame.payload.length;
}

export function write(frame: Ethernet, into: Uint8Array): void {
  writeHeader(into, frame.destination, frame.source, frame.type);
  into.set(frame.payload, HEADER);
}

export function writeHeader(into: Uint8Array, destination: Mac, source: Mac, type: number): void {
  writeMac(into, at.destination, destination);
  writeMac(into, at.source, source);
  into[at.type] = type >>> 8;
  into[at.type + 1] = type;
}

export function readMac(bytes: Uint8Array, offset: number): Mac {
  const low =
    (bytes[offset + 2]! << 24) | (bytes[offset + 3]! << 16) | (bytes[offset + 4]! << 8) | bytes[offset + 5]!;
  return u16be(bytes, offset) * 0x1_0000_0000 + (low >>> 0);
}

export function writeMac(into: Uint8Array, offset: number, mac: Mac): void {
  const high = Math.floor(mac / 0x1_0000_0000);
  into[offset] = high >>> 8;
  into[offset + 1] = high;
  into[offset + 2] = mac >>> 24; // the shifts see the lower 32 bits
  into[offset + 3] = mac >>> 16;
  into[offset + 4] = mac >>> 8;
  into[offset + 5] = mac;
}

/** IEEE 802.2: service access points and control. Bytes of the header that RFC 1042 puts in front of a packet. */
const SNAP = 0xaa;
const UNNUMBERED = 0x03;
const SNAP_HEADER = 8;

/** What an 802.3 frame carries by RFC 1042 (SNAP with the organization 0): a type as in Ethernet II, and the packet. */
export function encapsulated(bytes: Uint8Array): { type: number; payload: Uint8Array } | undefined {
  const length = typeOf(bytes);
  const end = HEADER + length;
  if (length < SNAP_HEADER || end > bytes.length || !isSnap(bytes)) return undefined;
  if (bytes[HEADER + 3] !== 0 || u16be(bytes, HEADER + 4) !== 0) return undefined;
  return { type: u16be(bytes, HEADER + 6), payload: bytes.subarray(HEADER + SNAP_HEADER, end) };
}

const isSnap = (bytes: Uint8Array): boolean =>
  bytes[HEADER] === SNAP && bytes[HEADER + 1] === SNAP && bytes[HEADER + 2] === UNNUMBERED;

/** Whose service access points these are, as far as one meets them. */
const SERVICES: Record<number, string> = { 66: "spanning tree", 224: "NetWare", 240: "NetBIOS", 254: "OSI" };

function showLlc(bytes: Uint8Array): string {
  if (bytes.length < HEADER + 3) return "";
  const [destination, source, control] = [bytes[HEADER]!, bytes[HEADER + 1]!, bytes[HEADER + 2]!];
  if (destination === 255 && source === 255) return " NetWare without LLC";
  if (isSnap(bytes) && bytes.length >= HEADER + SNAP_HEADER) {
    const organization = ((bytes[HEADER + 3]! << 16) | u16be(bytes, HEADER + 4))
      .toString(16)
      .padStart(6, "0");
    return ` SNAP ${organization} type ${u16be(bytes, HEADER + 6)
      .toString(16)
      .padStart(4, "0")}`;
  }
  const name = SERVICES[destination & 0xfe];
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  return ` LLC ${hex(destination)} < ${hex(source)} control ${hex(control)}${name ? ` (${name})` : ""}`;
}

export function show(bytes: Uint8Array): string {
  if (check(bytes)) return `Ethernet ${bytes.length} bytes, shorter than a header`;
  const type = typeOf(bytes);
  const what =
    type < FIRST_TYPE
      ? `802.3 length ${type}${showLlc(bytes)}`
      : `type ${type.toString(16).padStart(4, "0")}`;
  return `Ethernet ${showMac(sourceOf(bytes))} > ${showMac(destinationOf(bytes))} ${what}`;
}
