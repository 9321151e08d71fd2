/** When an ICMP error may be sent, and what it quotes (RFC 1122 3.2.2, RFC 1812 4.3.2). */
import type { Micros } from "../../base/index.ts";
import { BROADCAST, isMulticast } from "../wire/address.ts";
import { type Icmp, isError } from "../wire/icmp.ts";
import type { Ipv4 } from "../wire/ipv4.ts";
import * as ipv4 from "../wire/ipv4.ts";

/** RFC 1812 4.3.2.3: as much of the packet as fits without the error exceeding 576 bytes. */
const LARGEST_ERROR = 576;
const ICMP_HEADER = 8;

/** RFC 1812 4.3.2.8: errors a second, and how many may come at once. */
const RATE_PER_SECOND = 1000;
const BURST = 50;

/** A bucket of tokens: one is taken for each error, and they come back with time. */
export class ErrorLimit {
  #tokens = BURST;
  #filled: Micros = 0;

  take(now: Micros): boolean {
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filled) * RATE_PER_SECOND) / 1_000_000);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** RFC 1122 3.2.2: what no error is ever sent about. `group`: it came to a broadcast or multicast address. */
export function mayReport(packet: Ipv4, group: boolean): boolean {
  if (group || packet.fragmentOffset > 0) return false;
  const { source } = packet;
  if (source === 0 || source === BROADCAST || isMulticast(source)) return false;
  return packet.protocol !== ipv4.PROTOCOL_ICMP || !isError(packet.payload[0] ?? 0);
}

/** The error message about `packet`. */
export function errorAbout(packet: Ipv4, type: number, code: number, rest: number): Icmp {
  const room = LARGEST_ERROR - ipv4.HEADER - ICMP_HEADER;
  const header = ipv4.HEADER + packet.options.length;
  const payload = packet.payload.subarray(0, Math.min(packet.payload.length, room - header));
  const quoted = new Uint8Array(header + payload.length);
  ipv4.writeHeader(packet, header + packet.payload.length, quoted, 0);
  quoted.set(payload, header);
  return { type, code, rest, payload: quoted };
}

/**
 * The packet that an error quotes, cut short as it is: RFC 792 promises its header and 8 bytes. Its checksum is not
 * looked at, for the packet may have been changed on the way.
 */
export function quotedPacket(message: Icmp): Ipv4 | undefined {
  const bytes = message.payload;
  if (bytes.length < ipv4.HEADER || bytes[0]! >>> 4 !== 4) return undefined;
  const header = ipv4.headerLengthOf(bytes);
  if (header < ipv4.HEADER || bytes.length < header + 8) return undefined;
  return { ...ipv4.read(bytes), payload: bytes.subarray(header) };
}
