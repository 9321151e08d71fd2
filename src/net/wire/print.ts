/** Any frame as one line for people and goldens: what is inside what, as far as it makes sense. */
import * as arp from "./arp.ts";
import * as ethernet from "./ethernet.ts";
import * as icmp from "./icmp.ts";
import * as ipv4 from "./ipv4.ts";
import * as tcp from "./tcp.ts";
import * as udp from "./udp.ts";

/** `Ethernet … | IPv4 … | TCP …`: any bytes, sense or not. */
export function showFrame(frame: Uint8Array): string {
  const outer = ethernet.show(frame);
  if (ethernet.check(frame)) return outer;
  const { type, payload } = ethernet.read(frame);
  if (type === ethernet.TYPE_ARP) return `${outer} | ${arp.show(payload)}`;
  if (type === ethernet.TYPE_IPV4) return `${outer} | ${showPacket(payload)}`;
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
