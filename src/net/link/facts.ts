/**
 * What a frame is at a glance, for those who sort frames and do not answer them: captures, rules, expectations. Sums are
 * not checked; what is cut short is told as far as it goes.
 */
import { u16be, u32be } from "../../base/index.ts";
import { readAddress6 } from "../wire/address6.ts";
import { HEADER, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from "../wire/ethernet.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/ipv4.ts";
import { HEADER as IPV6, PROTOCOL_ICMPV6 } from "../wire/ipv6.ts";

export interface FrameFacts {
  /** "ip": a packet of another protocol, a fragment that is not the first, IPv6 with extensions. "other": none of these. */
  readonly kind: "arp" | "tcp" | "udp" | "icmp" | "ip" | "other";
  /** Of the packet; ARP: of the sender and of who is asked for. 0 for "other". */
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TCP and UDP; else 0. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** ARP: the operation. ICMP: the type. TCP: the flags. */
  readonly code: number;
  /** TCP: its sequence and acknowledgement numbers, unsigned. */
  readonly seq: number;
  readonly ack: number;
  /** Bytes of payload of TCP and UDP. */
  readonly length: number;
  /** Tells a packet on its way through routers, whose addresses and time to live may change. */
  readonly identity: string;
}

const NOTHING: FrameFacts = {
  kind: "other",
  source: 0,
  destination: 0,
  sourcePort: 0,
  destinationPort: 0,
  code: 0,
  seq: 0,
  ack: 0,
  length: 0,
  identity: "",
};

export function frameFacts(frame: Uint8Array): FrameFacts {
  if (frame.length < HEADER) return NOTHING;
  const type = u16be(frame, 12);
  if (type === TYPE_ARP && frame.length >= HEADER + 28) {
    const [source, destination] = [u32be(frame, HEADER + 14), u32be(frame, HEADER + 24)];
    return { ...NOTHING, kind: "arp", source, destination, code: u16be(frame, HEADER + 6) };
  }
  if (type === TYPE_IPV6 && frame.length >= HEADER + IPV6) {
    const length = u16be(frame, HEADER + 4);
    const packet = {
      ...NOTHING,
      kind: "ip" as const,
      source: readAddress6(frame, HEADER + 8),
      destination: readAddress6(frame, HEADER + 24),
      identity: `6 ${u32be(frame, HEADER)} ${length}`,
    };
    const end = Math.min(frame.length, HEADER + IPV6 + length);
    return inside(frame, packet, frame[HEADER + 6]!, HEADER + IPV6, end);
  }
  if (type !== TYPE_IPV4 || frame.length < HEADER + 20) return NOTHING;
  const end = Math.min(frame.length, HEADER + u16be(frame, HEADER + 2));
  const protocol = frame[HEADER + 9]!;
  const fragment = u16be(frame, HEADER + 6) & 0x1fff;
  const packet = {
    ...NOTHING,
    kind: "ip" as const,
    source: u32be(frame, HEADER + 12),
    destination: u32be(frame, HEADER + 16),
    identity: `${protocol} ${u16be(frame, HEADER + 4)} ${fragment} ${end}`,
  };
  if (fragment > 0) return packet;
  return inside(frame, packet, protocol, HEADER + (frame[HEADER]! & 15) * 4, end);
}

/** What a packet carries, from `at` to `end`. */
function inside(
  frame: Uint8Array,
  packet: FrameFacts,
  protocol: number,
  at: number,
  end: number,
): FrameFacts {
  const ports = () => ({ sourcePort: u16be(frame, at), destinationPort: u16be(frame, at + 2) });
  if (protocol === PROTOCOL_TCP && end >= at + 20) {
    const seq = u32be(frame, at + 4);
    return {
      ...packet,
      ...ports(),
      kind: "tcp",
      code: frame[at + 13]!,
      seq,
      ack: u32be(frame, at + 8),
      length: end - at - (frame[at + 12]! >>> 4) * 4,
      identity: `${packet.identity} ${seq}`,
    };
  }
  if (protocol === PROTOCOL_UDP && end >= at + 8)
    return { ...packet, ...ports(), kind: "udp", length: end - at - 8 };
  const icmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  return icmp && end >= at + 8 ? { ...packet, kind: "icmp", code: frame[at]! } : packet;
}
