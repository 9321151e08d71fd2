import type { Port } from "./port.ts";

/** What the card has counted since it was made: the six counters of the guide's `network_interface`. */
export interface NicCounters {
  rxPackets: number;
  txPackets: number;
  /** Bytes of whole frames, Ethernet header included. */
  rxBytes: number;
  txBytes: number;
  /** Frames shorter than an Ethernet header or longer than the MTU allows; they reach nobody. */
  rxErrors: number;
  txErrors: number;
}

export interface NicOptions {
  port: Port;
  /** 48-bit number, unicast. */
  mac: number;
  /** Largest Ethernet payload in bytes, 68 … 65535; 1500 unless given. */
  mtu?: number;
  /**
   * Whole pieces of a TCP stream, up to 64 KiB, are sent and taken as one frame, as cards with segmentation offload
   * hand them on. The MTU stays what it is, for everything else too; the counters count what the MTU would have made of
   * them. Only for networks where every card does so and nobody else sees the frames. Default false.
   */
  offload?: boolean;
  /** At most 15 characters, as the guide's record has room for; "eth0" unless given. */
  name?: string;
}

const ETHERNET_HEADER = 14;
/** Ethernet, IPv4 and TCP with timestamps: what each piece of a stream has in front. */
const TCP_HEADERS = 14 + 20 + 32;
/** RFC 791: every module must be able to forward a datagram of 68 octets without further fragmentation. */
const SMALLEST_MTU = 68;
const LARGEST_MTU = 65535;

/** A network card: a port, an address of its own, and counters. It does not look into frames. */
export class Nic {
  readonly name: string;
  readonly mac: number;
  readonly mtu: number;
  /** Bytes of the largest TCP packet that can be sent: the MTU, or more with segmentation offload. */
  readonly largest: number;
  readonly counters: NicCounters = {
    rxPackets: 0,
    txPackets: 0,
    rxBytes: 0,
    txBytes: 0,
    rxErrors: 0,
    txErrors: 0,
  };
  /** Sees every frame that is sent. */
  onSent: ((frame: Uint8Array) => void) | undefined = undefined;
  readonly #port: Port;

  constructor({ port, mac, mtu = 1500, name = "eth0", offload = false }: NicOptions) {
    if (!Number.isSafeInteger(mac) || mac <= 0 || mac >= 2 ** 48 || Math.floor(mac / 2 ** 40) % 2 === 1) {
      throw new RangeError(`${mac.toString(16)} is not a unicast MAC address`);
    }
    if (!Number.isSafeInteger(mtu) || mtu < SMALLEST_MTU || mtu > LARGEST_MTU) {
      throw new RangeError(`an MTU of ${mtu} bytes: ${SMALLEST_MTU} … ${LARGEST_MTU} are possible`);
    }
    this.name = name;
    this.mac = mac;
    this.mtu = mtu;
    this.largest = offload ? LARGEST_MTU : mtu;
    this.#port = port;
  }

  /** Whether frames can pass at all: a cable is plugged in, a radio associated. */
  get linked(): boolean {
    return this.#port.linked ?? true;
  }

  /** Promises to call `arrived` whenever a frame has come; false when the port does not tell. */
  watch(arrived: () => void): boolean {
    return this.#port.watch?.(arrived) ?? false;
  }

  /** False when the frame cannot be sent because of its length; that is counted as a transmit error. */
  send(frame: Uint8Array): boolean {
    if (!this.#fits(frame)) {
      this.counters.txErrors++;
      return false;
    }
    const packets = this.#packets(frame);
    this.counters.txPackets += packets;
    this.counters.txBytes += frame.length + (packets - 1) * TCP_HEADERS;
    this.onSent?.(frame);
    this.#port.send(frame);
    return true;
  }

  /** The next frame of a length that can be one; others are counted as receive errors and skipped. */
  receive(): Uint8Array | undefined {
    let frame: Uint8Array | undefined;
    while ((frame = this.#port.receive()) !== undefined) {
      if (this.#fits(frame)) {
        const packets = this.#packets(frame);
        this.counters.rxPackets += packets;
        this.counters.rxBytes += frame.length + (packets - 1) * TCP_HEADERS;
        return frame;
      }
      this.counters.rxErrors++;
    }
    return undefined;
  }

  #fits(frame: Uint8Array): boolean {
    return frame.length >= ETHERNET_HEADER && frame.length <= ETHERNET_HEADER + this.largest;
  }

  /** How many frames of the MTU this one stands for. */
  #packets(frame: Uint8Array): number {
    if (frame.length <= ETHERNET_HEADER + this.mtu) return 1;
    return Math.ceil((frame.length - TCP_HEADERS) / (ETHERNET_HEADER + this.mtu - TCP_HEADERS));
  }
}

/** A card's address made of an IPv4 address: 52:54:00, the range of virtual machines, and its last three bytes. */
export const macFor = (address: number): number => 0x5254_0000_0000 + (address % 2 ** 24);
