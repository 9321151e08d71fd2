/**
 * Ways to say which frames a rule of `faults.ts` is about: `match.nth(3, match.data({ to: { port: 80 } }))` is the third
 * segment with data to port 80. A frame that is cut short or damaged matches nothing here but `all`.
 */
import * as ethernet from "../wire/ethernet.ts";
import { type IpAddress, parseIpAddress } from "../wire/ip-address.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as ipv6 from "../wire/ipv6.ts";
import * as tcpWire from "../wire/tcp.ts";
import * as udpWire from "../wire/udp.ts";

export type FrameMatch = (frame: Uint8Array) => boolean;

/** One direction of a flow; what is not given may be anything. */
export interface Flow {
  readonly from?: Partial<FlowEnd>;
  readonly to?: Partial<FlowEnd>;
}

export interface FlowEnd {
  /** `10.0.2.15` or `fd00::15`, or several of which it is one. */
  readonly address: string | readonly string[];
  readonly port: number;
}

/** What a segment must have. */
export interface SegmentWish {
  /** With payload, or without. */
  readonly data?: boolean;
  /** Flags that must be set, as letters: F S R P A U. */
  readonly flags?: string;
  /** Sequence number of its first byte. */
  readonly seq?: number;
}

/** TCP segments of a flow. */
function tcp(flow: Flow = {}, wish: SegmentWish = {}): FrameMatch {
  const onFlow = ends(flow);
  const flags = flagsOf(wish.flags ?? "");
  return (frame) => {
    const packet = packetIn(frame, ipv4.PROTOCOL_TCP);
    if (packet === undefined || tcpWire.check(packet.payload, packet.source, packet.destination))
      return false;
    const segment = tcpWire.read(packet.payload);
    return (
      onFlow(packet.source, segment.sourcePort, packet.destination, segment.destinationPort) &&
      (wish.data === undefined || segment.payload.length > 0 === wish.data) &&
      (segment.flags & flags) === flags &&
      (wish.seq === undefined || segment.seq === wish.seq)
    );
  };
}

/** TCP segments with data of a flow. */
const data = (flow: Flow = {}): FrameMatch => tcp(flow, { data: true });

/** UDP datagrams of a flow, those that came in one packet. */
function udp(flow: Flow = {}): FrameMatch {
  const onFlow = ends(flow);
  return (frame) => {
    const packet = packetIn(frame, ipv4.PROTOCOL_UDP);
    if (packet === undefined || udpWire.check(packet.payload, packet.source, packet.destination))
      return false;
    const { sourcePort, destinationPort } = udpWire.read(packet.payload);
    return onFlow(packet.source, sourcePort, packet.destination, destinationPort);
  };
}

const arp: FrameMatch = (frame) =>
  ethernet.check(frame) === undefined && ethernet.typeOf(frame) === ethernet.TYPE_ARP;

const all: FrameMatch = () => true;

/** Of the frames that match, the one with this number, counted from 1. Every call makes a counter of its own. */
function nth(number: number, match: FrameMatch): FrameMatch {
  let seen = 0;
  return (frame) => match(frame) && ++seen === number;
}

/** Of the frames that match, those from the first number to the last, counted from 1. */
function between(first: number, last: number, match: FrameMatch): FrameMatch {
  let seen = 0;
  return (frame) => match(frame) && ++seen >= first && seen <= last;
}

/** Of the frames that match, every so many: the third, the sixth … */
function every(step: number, match: FrameMatch): FrameMatch {
  let seen = 0;
  return (frame) => match(frame) && ++seen % step === 0;
}

interface Packet {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly payload: Uint8Array;
}

/** A whole, undamaged packet of a protocol that is not a fragment, of IPv6 one without extensions. */
function packetIn(frame: Uint8Array, protocol: number): Packet | undefined {
  if (ethernet.check(frame)) return undefined;
  const type = ethernet.typeOf(frame);
  const bytes = frame.subarray(ethernet.HEADER);
  if (type === ethernet.TYPE_IPV6) {
    const packet = ipv6.check(bytes) ? undefined : ipv6.read(bytes);
    return packet?.nextHeader === protocol ? packet : undefined;
  }
  if (type !== ethernet.TYPE_IPV4 || ipv4.check(bytes)) return undefined;
  const packet = ipv4.read(bytes);
  const whole = !packet.moreFragments && packet.fragmentOffset === 0;
  return whole && packet.protocol === protocol ? packet : undefined;
}

type OnFlow = (
  source: IpAddress,
  sourcePort: number,
  destination: IpAddress,
  destinationPort: number,
) => boolean;

function ends({ from = {}, to = {} }: Flow): OnFlow {
  const source = addressesOf(from.address);
  const destination = addressesOf(to.address);
  return (fromAddress, fromPort, toAddress, toPort) =>
    (source === undefined || source.includes(fromAddress)) &&
    (from.port === undefined || from.port === fromPort) &&
    (destination === undefined || destination.includes(toAddress)) &&
    (to.port === undefined || to.port === toPort);
}

function addressesOf(texts: string | readonly string[] | undefined): readonly IpAddress[] | undefined {
  if (texts === undefined) return undefined;
  return [texts].flat().map((text) => {
    const address = parseIpAddress(text);
    if (address === undefined) throw new RangeError(`${JSON.stringify(text)} is not an IP address`);
    return address;
  });
}

const FLAGS: Readonly<Record<string, number>> = {
  F: tcpWire.FIN,
  S: tcpWire.SYN,
  R: tcpWire.RST,
  P: tcpWire.PSH,
  A: tcpWire.ACK,
  U: tcpWire.URG,
};

function flagsOf(letters: string): number {
  let flags = 0;
  for (const letter of letters) {
    const flag = FLAGS[letter];
    if (flag === undefined)
      throw new RangeError(`${JSON.stringify(letter)} is not one of the flags F S R P A U`);
    flags |= flag;
  }
  return flags;
}

export const match = { all, arp, between, data, every, nth, tcp, udp } as const;
