/** RFC 4443. The shape of a message is that of ICMP for IPv4; the checksum covers a pseudo-header, and types differ. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import type { Address6 } from "./address6.ts";
import { finish, pseudoHeader, sum } from "./checksum.ts";
import { HEADER, type Icmp, type IcmpReason } from "./icmp.ts";
import { PROTOCOL_ICMPV6 } from "./ipv6.ts";

const at = { type: 0, code: 1, checksum: 2, rest: 4, payload: 8 } as const;

export { HEADER };

export const Icmp6Type = {
  UNREACHABLE: 1,
  TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO: 128,
  ECHO_REPLY: 129,
  /** RFC 2710. */
  LISTENER_QUERY: 130,
  LISTENER_REPORT: 131,
  LISTENER_DONE: 132,
  /** RFC 4861. */
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
} as const;

/** Codes of UNREACHABLE. */
export const Unreachable6 = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS: 3,
  PORT: 4,
  POLICY: 5,
  REJECT: 6,
} as const;

/** Codes of TIME_EXCEEDED. */
export const TimeExceeded6 = { HOPS: 0, REASSEMBLY: 1 } as const;

export function check(bytes: Uint8Array, source: Address6, destination: Address6): IcmpReason | undefined {
  if (bytes.length < HEADER) return "short";
  const total =
    pseudoHeader(source, destination, PROTOCOL_ICMPV6, bytes.length) + sum(bytes, 0, bytes.length);
  return finish(total) === 0 ? undefined : "checksum";
}

export { lengthOf, read } from "./icmp.ts";

export function write(message: Icmp, source: Address6, destination: Address6, into: Uint8Array): void {
  into[at.type] = message.type;
  into[at.code] = message.code;
  setU32be(into, at.rest, message.rest);
  into.set(message.payload, at.payload);
  writeChecksum(into, HEADER + message.payload.length, source, destination);
}

/** Fills in the checksum of the first `length` bytes. */
export function writeChecksum(
  into: Uint8Array,
  length: number,
  source: Address6,
  destination: Address6,
): void {
  setU16be(into, at.checksum, 0);
  const total = pseudoHeader(source, destination, PROTOCOL_ICMPV6, length) + sum(into, 0, length);
  setU16be(into, at.checksum, finish(total));
}

/** RFC 4443 2.1: error messages have types below 128. */
export const isError = (type: number): boolean => type < 128;

const names: Record<number, string> = {
  1: "unreachable",
  2: "too big",
  3: "time exceeded",
  4: "parameter problem",
  128: "echo",
  129: "echo reply",
  130: "listener query",
  131: "listener report",
  132: "listener done",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbour solicitation",
  136: "neighbour advertisement",
  137: "redirect",
};

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `ICMPv6 ${bytes.length} bytes, shorter than a header`;
  const type = bytes[at.type]!;
  const echo = type === Icmp6Type.ECHO || type === Icmp6Type.ECHO_REPLY;
  const details = echo ? `id ${u16be(bytes, 4)} seq ${u16be(bytes, 6)}` : `code ${bytes[at.code]}`;
  const rest = isError(type) && type !== Icmp6Type.UNREACHABLE ? ` ${u32be(bytes, at.rest)}` : "";
  return `ICMPv6 ${names[type] ?? `type ${type}`} ${details}${rest} length ${bytes.length - HEADER}`;
}
