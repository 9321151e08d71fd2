/**
 * What a frame is at a glance, for those who sort frames and do not answer them: captures, rules, expectations. Sums are
 * not checked; what is cut short is told as far as it goes.
 */
import { u16be, u32be } from "../../base/index.ts";
import type { Address } from "../wire/address.ts";
import { HEADER, TYPE_ARP, TYPE_IPV4 } from "../wire/ethernet.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/ipv4.ts";

export interface FrameFacts {
  /** "ip": an IPv4 packet of another protocol, or a fragment that is not the first. "other": no IPv4 and no ARP. */
  readonly kind: "arp" | "tcp" | "udp" | "icmp" | "ip" | "other";
  /** Of the packet; ARP: of the sender and of who is asked for. 0 for "other". */
  readonly source: Address;
  readonly destination: Address;
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
  if (type !== TYPE_IPV4 || frame.length < HEADER + 20) return NOTHING;
  const header = (frame[HEADER]! & 15) * 4;
  const at = HEADER + header;
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
  const ports = () => ({ sourcePort: u16be(frame, at), destinationPort: u16be(frame, at + 2) });
  if (protocol === PROTOCOL_TCP && end >= at + 20) {
    const seq = u32be(frame, at + 4);
    const length = end - at - (frame[at + 12]! >>> 4) * 4;
    return {
      ...packet,
      ...ports(),
      kind: "tcp",
      code: frame[at + 13]!,
      seq,
      ack: u32be(frame, at + 8),
      length,
      identity: `${packet.identity} ${seq}`,
    };
  }
  if (protocol === PROTOCOL_UDP && end >= at + 8)
    return { ...packet, ...ports(), kind: "udp", length: end - at - 8 };
  if (protocol === PROTOCOL_ICMP && end >= at + 8) return { ...packet, kind: "icmp", code: frame[at]! };
  return packet;
}
