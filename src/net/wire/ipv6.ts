/** RFC 8200: the header, and the extension headers between it and what is carried. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import { type Address6, readAddress6, showAddress6, writeAddress6 } from "./address6.ts";

const at = { first: 0, payloadLength: 4, nextHeader: 6, hopLimit: 7, source: 8, destination: 24 } as const;
/** Bytes of the fixed header. */
export const HEADER = 40;
/** Bytes behind the fixed header at most (no jumbograms, RFC 2675). */
export const LARGEST_PAYLOAD = 65535;
/** RFC 8200 section 5: what every link takes. */
export const LEAST_MTU = 1280;

/** Next-header values that are extension headers, and the one that ends the chain with nothing. */
export const Header = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, NOTHING: 59, DESTINATION: 60 } as const;
export const PROTOCOL_ICMPV6 = 58;
export const FRAGMENT_HEADER = 8;

/** RFC 2711: routers look at this packet; it stands in front of what MLD says. */
const OPTION_ROUTER_ALERT = 5;

export interface Ipv6 {
  trafficClass: number;
  /** 20 bits. */
  flowLabel: number;
  hopLimit: number;
  source: Address6;
  destination: Address6;
  /** What stands directly behind the fixed header: a protocol, or an extension header. */
  nextHeader: number;
  /** Everything behind the fixed header. */
  payload: Uint8Array;
}

export type Ipv6Reason = "short" | "version" | "payload length";

export function check(bytes: Uint8Array): Ipv6Reason | undefined {
  if (bytes.length < HEADER) return "short";
  if (bytes[at.first]! >>> 4 !== 6) return "version";
  return HEADER + u16be(bytes, at.payloadLength) > bytes.length ? "payload length" : undefined;
}

export function read(bytes: Uint8Array): Ipv6 {
  const first = u32be(bytes, at.first);
  return {
    trafficClass: (first >>> 20) & 0xff,
    flowLabel: first & 0xfffff,
    hopLimit: bytes[at.hopLimit]!,
    source: readAddress6(bytes, at.source),
    destination: readAddress6(bytes, at.destination),
    nextHeader: bytes[at.nextHeader]!,
    payload: bytes.subarray(HEADER, HEADER + u16be(bytes, at.payloadLength)),
  };
}

export function lengthOf(packet: Ipv6): number {
  return HEADER + packet.payload.length;
}

export function write(packet: Ipv6, into: Uint8Array): void {
  writeHeader(packet, packet.payload.length, into, 0);
  into.set(packet.payload, HEADER);
}

/** Writes everything but the payload, which may stand behind the header already. */
export function writeHeader(
  header: Omit<Ipv6, "payload">,
  payloadLength: number,
  into: Uint8Array,
  offset: number,
): void {
  setU32be(into, offset, ((6 << 28) | (header.trafficClass << 20) | header.flowLabel) >>> 0);
  setU16be(into, offset + at.payloadLength, payloadLength);
  into[offset + at.nextHeader] = header.nextHeader;
  into[offset + at.hopLimit] = header.hopLimit;
  writeAddress6(into, offset + at.source, header.source);
  writeAddress6(into, offset + at.destination, header.destination);
}

// --- extension headers -----------------------------------------------------------------------------------------------

/** Codes of ICMPv6 "parameter problem" (RFC 4443 3.4, RFC 7112). */
export const Problem = { FIELD: 0, NEXT_HEADER: 1, OPTION: 2, CHAIN: 3 } as const;

export interface Fragment {
  /** In bytes, a multiple of 8. */
  fragmentOffset: number;
  moreFragments: boolean;
  identification: number;
}

/** What the chain of headers leads to. */
export interface Chain {
  /** The protocol behind the last header that was understood. */
  protocol: number;
  /** Where its bytes begin in the packet's payload. */
  offset: number;
  /** Where, counted from the start of the packet, the next-header field stands that names `protocol`. */
  namedAt: number;
  /** There was a fragment header, and the chain was not followed behind it unless `whole`. */
  fragment: Fragment | undefined;
  /** Bytes of the headers in front of the fragment header, the fixed one not counted. */
  unfragmentable: number;
  routerAlert: boolean;
}

/** A packet whose headers forbid going on. */
export interface Refused {
  reason: string;
  /** Parameter problem with this code and pointer is due; without it, silence. */
  problem?: { code: number; pointer: number; evenToGroup: boolean };
}

/**
 * Follows the chain (RFC 8200 section 4.1): each header is looked at in order, and none behind a fragment header, as
 * the rest of it may be elsewhere; an unfragmented packet with such a header (RFC 6946) goes on.
 * @param lookAtOptions false: it is asked only what the packet carries
 */
export function follow(packet: Ipv6, lookAtOptions = true): Chain | Refused {
  const { payload } = packet;
  let protocol = packet.nextHeader;
  let offset = 0;
  let namedAt: number = at.nextHeader;
  let fragment: Fragment | undefined;
  let unfragmentable = 0;
  let routerAlert = false;
  for (;;) {
    const length = lengthOfHeader(protocol, payload, offset);
    if (length === 0) break;
    if (length < 0 || offset + length > payload.length) return { reason: "header cut off" };
    if (protocol === Header.HOP_BY_HOP && offset > 0)
      return refused("hop-by-hop header not first", Problem.NEXT_HEADER, namedAt);
    if (lookAtOptions && (protocol === Header.HOP_BY_HOP || protocol === Header.DESTINATION)) {
      const wrong = readOptions(payload, offset, length);
      if (typeof wrong !== "boolean") return wrong;
      if (wrong) routerAlert = true;
    } else if (protocol === Header.ROUTING && payload[offset + 3] !== 0) {
      // No type of routing header is understood (RFC 5095 did away with type 0).
      return refused("routing header", Problem.FIELD, HEADER + offset + 2);
    } else if (protocol === Header.FRAGMENT) {
      const word = u16be(payload, offset + 2);
      fragment = {
        fragmentOffset: word & 0xfff8,
        moreFragments: (word & 1) !== 0,
        identification: u32be(payload, offset + 4),
      };
      unfragmentable = offset;
    }
    namedAt = HEADER + offset;
    protocol = payload[offset]!;
    offset += length;
    if (fragment && (fragment.fragmentOffset > 0 || fragment.moreFragments)) break;
  }
  return { protocol, offset, namedAt, fragment, unfragmentable, routerAlert };
}

export const isRefused = (found: Chain | Refused): found is Refused => "reason" in found;

/** Bytes of the extension header `kind` at `offset`; 0 = it is none, -1 = it is cut off. */
function lengthOfHeader(kind: number, payload: Uint8Array, offset: number): number {
  switch (kind) {
    case Header.FRAGMENT:
      return FRAGMENT_HEADER;
    case Header.HOP_BY_HOP:
    case Header.ROUTING:
    case Header.DESTINATION:
      return offset + 8 <= payload.length ? (payload[offset + 1]! + 1) * 8 : -1;
    default:
      return 0;
  }
}

function refused(reason: string, code: number, pointer: number, evenToGroup = false): Refused {
  return { reason, problem: { code, pointer, evenToGroup } };
}

/** RFC 8200 4.2: an option not understood says itself what is to be done. Answers whether routers are called. */
function readOptions(payload: Uint8Array, start: number, length: number): boolean | Refused {
  let alert = false;
  for (let offset = start + 2; offset < start + length; ) {
    const kind = payload[offset]!;
    if (kind === 0) {
      offset++;
      continue;
    }
    const end = offset + 1 < start + length ? offset + 2 + payload[offset + 1]! : start + length + 1;
    if (end > start + length) return { reason: "option cut off" };
    if (kind === OPTION_ROUTER_ALERT) alert = true;
    else if (kind !== 1) {
      const reason = "unknown option";
      if (kind >>> 6 === 1) return { reason };
      if (kind >>> 6 >= 2) return refused(reason, Problem.OPTION, HEADER + offset, kind >>> 6 === 2);
    }
    offset = end;
  }
  return alert;
}

/** A fragment header (RFC 8200 4.5). */
export function writeFragmentHeader(into: Uint8Array, offset: number, next: number, piece: Fragment): void {
  into[offset] = next;
  into[offset + 1] = 0;
  setU16be(into, offset + 2, piece.fragmentOffset | (piece.moreFragments ? 1 : 0));
  setU32be(into, offset + 4, piece.identification);
}

/** A hop-by-hop header of 8 bytes with a router alert (RFC 2711), as RFC 2710 wants it in front of MLD. */
export function routerAlertHeader(next: number): Uint8Array {
  return Uint8Array.of(next, 0, OPTION_ROUTER_ALERT, 2, 0, 0, 1, 0);
}

export function show(bytes: Uint8Array): string {
  if (bytes.length < HEADER) return `IPv6 ${bytes.length} bytes, shorter than a header`;
  const reason = check(bytes);
  const found = reason ? undefined : follow(read(bytes));
  const fragment = found && !isRefused(found) ? found.fragment : undefined;
  const piece = fragment ? ` fragment ${fragment.fragmentOffset}${fragment.moreFragments ? "+" : ""}` : "";
  const wrong = reason ?? (found && isRefused(found) ? found.reason : undefined);
  return (
    `IPv6 ${showAddress6(readAddress6(bytes, at.source))} > ${showAddress6(readAddress6(bytes, at.destination))}` +
    ` next ${bytes[at.nextHeader]} hops ${bytes[at.hopLimit]} length ${u16be(bytes, at.payloadLength)}` +
    `${piece}${wrong ? ` (bad: ${wrong})` : ""}`
  );
}
