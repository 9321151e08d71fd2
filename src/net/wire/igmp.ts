/** RFC 2236 section 2 (IGMPv2), with what of IGMPv1 (RFC 1112) and v3 queries (RFC 3376 4.1) a v2 host must understand. */
import { setU16be, setU32be, u32be } from "../../base/index.ts";
import { type Address, showAddress } from "./address.ts";
import { finish, sum } from "./checksum.ts";

const at = { type: 0, maxResponse: 1, checksum: 2, group: 4 } as const;
export const LENGTH = 8;
export const PROTOCOL_IGMP = 2;

export const IgmpType = { QUERY: 0x11, REPORT_V1: 0x12, REPORT: 0x16, LEAVE: 0x17 } as const;

export interface Igmp {
  type: number;
  /** Tenths of a second, in queries; 0 = the router speaks version 1. */
  maxResponse: number;
  /** 0 in a query about all groups. */
  group: Address;
}

export type IgmpReason = "short" | "checksum";

export function check(bytes: Uint8Array): IgmpReason | undefined {
  if (bytes.length < LENGTH) return "short";
  return finish(sum(bytes, 0, bytes.length)) === 0 ? undefined : "checksum";
}

export function read(bytes: Uint8Array): Igmp {
  return { type: bytes[at.type]!, maxResponse: bytes[at.maxResponse]!, group: u32be(bytes, at.group) };
}

export function write(message: Igmp, into: Uint8Array): void {
  into[at.type] = message.type;
  into[at.maxResponse] = message.maxResponse;
  setU16be(into, at.checksum, 0);
  setU32be(into, at.group, message.group);
  setU16be(into, at.checksum, finish(sum(into, 0, LENGTH)));
}

const names: Record<number, string> = { 17: "query", 18: "report (v1)", 22: "report", 23: "leave" };

export function show(bytes: Uint8Array): string {
  if (bytes.length < LENGTH) return `IGMP ${bytes.length} bytes, shorter than a message`;
  const { type, group } = read(bytes);
  return `IGMP ${names[type] ?? `type ${type}`} ${showAddress(group)}`;
}

/** The IP option without which routers do not look at it (RFC 2113). */
export const ROUTER_ALERT: Uint8Array = Uint8Array.of(0x94, 4, 0, 0);
