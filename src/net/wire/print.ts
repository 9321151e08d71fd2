/** Any frame as one line for people and goldens: what is inside what, as far as it makes sense. */
import * as arp from "./arp.ts";
import * as ethernet from "./ethernet.ts";
import * as icmp from "./icmp.ts";
import * as icmpv6 from "./icmpv6.ts";
import * as ipv4 from "./ipv4.ts";
import * as ipv6 from "./ipv6.ts";
import * as tcp from "./tcp.ts";
import * as udp from "./udp.ts";

/** `Ethernet … | IPv4 … | TCP …`: any bytes, sense or not. */
export function showFrame(frame: Uint8Array): string {
  const outer = ethernet.show(frame);
  if (ethernet.check(frame)) return outer;
  const { type, payload } = ethernet.read(frame);
  if (type === ethernet.TYPE_ARP) return `${outer} | ${arp.show(payload)}`;
  if (type === ethernet.TYPE_IPV4) return `${outer} | ${showPacket(payload)}`;
  if (type === ethernet.TYPE_IPV6) return `${outer} | ${showPacket6(payload)}`;
  return `${outer} length ${payload.length}`;
}

/** `IPv4 … | TCP …` */
export function showPacket(bytes: Uint8Array): string {
  const outer = ipv4.show(bytes);
  if (ipv4.check(bytes)) return outer;
  const packet = ipv4.read(bytes);
  if (packet.fragmentOffset > 0) return outer; // the inner header is in the first fragment
  if (packet.protocol === ipv4.PROTOCOL_TCP) return `${outer} | ${tcp.show(packet.payload)}`;
  if (packet.protocol === ipv4.PROTOCOL_UDP) return `${outer} | ${udp.show(packet.payload)}`;
  if (packet.protocol === ipv4.PROTOCOL_ICMP) return `${outer} | ${icmp.show(packet.payload)}`;
  return outer;
}

/** `IPv6 … | TCP …` */
export function showPacket6(bytes: Uint8Array): string {
  const outer = ipv6.show(bytes);
  if (ipv6.check(bytes)) return outer;
  const packet = ipv6.read(bytes);
  const found = ipv6.follow(packet);
  if (ipv6.isRefused(found) || (found.fragment?.fragmentOffset ?? 0) > 0) return outer;
  const inner = packet.payload.subarray(found.offset);
  if (found.protocol === ipv4.PROTOCOL_TCP) return `${outer} | ${tcp.show(inner)}`;
  if (found.protocol === ipv4.PROTOCOL_UDP) return `${outer} | ${udp.show(inner)}`;
  if (found.protocol === ipv6.PROTOCOL_ICMPV6) return `${outer} | ${icmpv6.show(inner)}`;
  return outer;
}
