/** RFC 792, with the destination-unreachable codes of RFC 1122 3.2.2.1 and RFC 1812 5.2.7.1. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import { finish, sum } from "./checksum.ts";

const at = { type: 0, code: 1, checksum: 2, rest: 4, payload: 8 } as const;
export const HEADER = 8;

export const IcmpType = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

/** Codes of UNREACHABLE. */
export const Unreachable = {
  NETWORK: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE: 5,
  NETWORK_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  PROHIBITED: 13,
} as const;

/** Codes of TIME_EXCEEDED. */
export const TimeExceeded = { TTL: 0, REASSEMBLY: 1 } as const;

export interface Icmp {
  type: number;
  code: number;
  /** The second word of the header: identifier and sequence number, next-hop MTU, pointer, gateway … by type. */
  rest: number;
  /** What an echo carries, or the start of the packet that an error is about. */
  payload: Uint8Array;
}

export type IcmpReason = "short" | "checksum";

export function check(bytes: Uint8Array): IcmpReason | undefined {
  if (bytes.length < HEADER) return "short";
  return finish(sum(bytes, 0, bytes.length)) === 0 ? undefined : "checksum";
}

export function read(bytes: Uint8Array): Icmp {
  return {
    type: bytes[at.type]!,
    code: bytes[at.code]!,
    rest: u32be(bytes, at.rest),
    payload: bytes.subarray(at.payload),
  };
}

export function lengthOf(message: Icmp): number {
  return HEADER + message.payload.length;
}

export function write(message: Icmp, into: Uint8Array): void {
  into[at.type] = message.type;
  into[at.code] = message.code;
  setU16be(into, at.checksum, 0);
  setU32be(into, at.rest, message.rest);
  into.set(message.payload, at.payload);
  setU16be(into, at.checksum, finish(sum(into, 0, lengthOf(message))));
}

/** RFC 1122 3.2.2: error messages, about which no error message is ever sent. */
export function isError(type: number): boolean {
  return (
    type === IcmpType.UNREACHABLE ||
    type === IcmpType.SOURCE_QUENCH ||
    type === IcmpType.REDIRECT ||
    type === IcmpType.TIME_EXCEEDED ||
    type === IcmpType.PARAMETER_PROBLEM
  );
}

const names: Record<number, string> = {
  0: "echo reply",
  3: "unreachable",
  4: "source quench",
  5: "redirect",
  8: "echo",
  11: "time exceeded",
  12: "parameter problem",
};

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `ICMP ${bytes.length} bytes, shorter than a header`;
  const { type, code, payload } = read(bytes);
  const reason = check(bytes);
  const echo = type === IcmpType.ECHO || type === IcmpType.ECHO_REPLY;
  const details = echo ? `id ${u16be(bytes, 4)} seq ${u16be(bytes, 6)}` : `code ${code}`;
  return `ICMP ${names[type] ?? `type ${type}`} ${details} length ${payload.length}${reason ? ` (bad: ${reason})` : ""}`;
}
