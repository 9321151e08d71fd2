/** One station whose cable ends in the test's hand: frames in, frames out, as text. Tests of `src/net` have it from here, too. */
import { expect } from "vitest";
import { bytesOf, type Micros, MS, Random } from "../../src/base/index.ts";
import { Nic } from "../../src/net/link/nic.ts";
import { cable, type Port } from "../../src/net/link/port.ts";
import { type Socket, TcpState } from "../../src/net/sockets.ts";
import { Stack, type StackOptions } from "../../src/net/stack.ts";
import { groupMac, isMulticast, MAC_BROADCAST, type Mac } from "../../src/net/wire/address.ts";
import * as arp from "../../src/net/wire/arp.ts";
import * as ethernet from "../../src/net/wire/ethernet.ts";
import * as icmp from "../../src/net/wire/icmp.ts";
import * as ipv4 from "../../src/net/wire/ipv4.ts";
import { showFrame } from "../../src/net/wire/print.ts";
import * as tcp from "../../src/net/wire/tcp.ts";
import * as udp from "../../src/net/wire/udp.ts";

export const US = 0x0a00020f;
export const OUR_MAC = 0x52540000000f;
export const PEER = 0x0a000202;
export const PEER_MAC = 0x525400000002;
export const FAR = 0xc0a80101;

export interface Hand {
  stack: Stack;
  wire: Port;
  now: number;
  /** Gives the station its turn, and what it has sent. */
  frames(): Uint8Array[];
  /** The innermost line of each frame. */
  lines(): string[];
  put(frame: Uint8Array): void;
  /** Lets `span` pass and tells what was sent, with its time in ms. */
  during(span: Micros): string[];
}

/** A station without an address. */
export function bare(
  options: Partial<StackOptions> = {},
  { mac = OUR_MAC, mtu = 1500, others = [] }: { mac?: Mac; mtu?: number; others?: Nic[] } = {},
): Hand {
  const [near, wire] = cable();
  const stack = new Stack({
    nics: [new Nic({ port: near, mac, mtu }), ...others],
    random: new Random(1),
    ...options,
  });
  const hand: Hand = {
    stack,
    wire,
    now: 0,
    frames() {
      while (stack.poll(hand.now)) {}
      const frames: Uint8Array[] = [];
      for (let frame = wire.receive(); frame; frame = wire.receive()) frames.push(frame);
      return frames;
    },
    lines: () => hand.frames().map((frame) => showFrame(frame).split(" | ").at(-1)!),
    put: (frame) => wire.send(frame),
    during(span) {
      const said: string[] = [];
      const until = hand.now + span;
      for (;;) {
        for (const line of hand.lines()) said.push(`${Math.floor(hand.now / MS)}: ${line}`);
        if (stack.deadline() > until) break;
        hand.now = Math.max(hand.now, stack.deadline());
      }
      hand.now = until;
      return said;
    },
  };
  return hand;
}

/** @param known the neighbour's card is known already */
export function station(options: Partial<StackOptions> = {}, known = true, mtu = 1500): Hand {
  const hand = bare(options, { mtu });
  hand.stack.configure(0, { address: US, mask: 0xffffff00, gateway: PEER });
  expect(hand.lines()).toEqual(["ARP announces 10.0.2.15 at 52:54:00:00:00:0f"]);
  if (known) {
    hand.put(arpFrame({ operation: arp.REPLY, targetMac: OUR_MAC, targetAddress: US }, OUR_MAC));
    expect(hand.lines()).toEqual([]);
  }
  return hand;
}

export function arpFrame(fields: Partial<arp.Arp>, to = MAC_BROADCAST, from = PEER_MAC): Uint8Array {
  const frame = new Uint8Array(42);
  ethernet.writeHeader(frame, to, from, ethernet.TYPE_ARP);
  arp.write(
    {
      operation: arp.REQUEST,
      senderMac: from,
      senderAddress: PEER,
      targetMac: 0,
      targetAddress: US,
      ...fields,
    },
    frame.subarray(14),
  );
  return frame;
}

/** @param to default: our card, or that of the group */
export function ipFrame(fields: Partial<ipv4.Ipv4>, to?: Mac): Uint8Array {
  const packet: ipv4.Ipv4 = {
    tos: 0,
    identification: 7,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: 17,
    source: PEER,
    destination: US,
    options: new Uint8Array(0),
    payload: new Uint8Array(0),
    ...fields,
  };
  const frame = new Uint8Array(14 + ipv4.lengthOf(packet));
  const card = isMulticast(packet.destination) ? groupMac(packet.destination) : OUR_MAC;
  ethernet.writeHeader(frame, to ?? card, PEER_MAC, ethernet.TYPE_IPV4);
  ipv4.write(packet, frame.subarray(14));
  return frame;
}

export function udpBytes(text: string, ports = [5000, 7], ends = [PEER, US]): Uint8Array {
  const datagram = { sourcePort: ports[0]!, destinationPort: ports[1]!, payload: bytesOf(text) };
  const bytes = new Uint8Array(udp.lengthOf(datagram));
  udp.write(datagram, ends[0]!, ends[1]!, bytes);
  return bytes;
}

export function tcpFrame(fields: Partial<tcp.Segment>, source = PEER, destination = US): Uint8Array {
  const segment = { ...tcp.emptySegment, sourcePort: 5000, destinationPort: 80, window: 8000, ...fields };
  const bytes = new Uint8Array(tcp.lengthOf(segment));
  tcp.write(segment, source, destination, bytes);
  return ipFrame({ protocol: 6, source, destination, payload: bytes });
}

export function icmpFrame(message: icmp.Icmp, fields: Partial<ipv4.Ipv4> = {}): Uint8Array {
  const bytes = new Uint8Array(icmp.lengthOf(message));
  icmp.write(message, bytes);
  return ipFrame({ protocol: 1, payload: bytes, ...fields });
}

export const payloadOf = (frame: Uint8Array): Uint8Array => ipv4.read(frame.subarray(14)).payload;

/** A connection of ours to port 80 of the peer, without options. */
export function connected(it: Hand): { socket: Socket; seq: number } {
  const socket = it.stack.sockets.stream();
  expect(socket.connect(PEER, 80)).toBe("in-progress");
  const syn = tcp.read(payloadOf(it.frames().at(-1)!));
  const fields = { sourcePort: 80, destinationPort: syn.sourcePort, seq: 300, ack: syn.seq + 1 };
  it.put(tcpFrame({ ...fields, flags: tcp.SYN | tcp.ACK, mss: 1460, window: 60_000 }));
  it.frames();
  expect(socket.state).toBe(TcpState.ESTABLISHED);
  return { socket, seq: syn.seq + 1 };
}

export const unackedOf = (it: Hand): number => it.stack.connections()[0]!.snd.una;
