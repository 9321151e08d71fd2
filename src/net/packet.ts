/**
 * Packet sockets: whole Ethernet frames, as they come from a card and as they leave it. Nothing is checked or filled in;
 * what they receive, everybody else receives too.
 */
import { DatagramQueue } from "./datagrams.ts";
import type { Nic } from "./link/nic.ts";
import { News, type Reason } from "./sockets.ts";
import type { Station } from "./station.ts";
import * as ethernet from "./wire/ethernet.ts";

/** Frames that wait for the next poll. */
const OUTGOING = 1024;

export class Packets {
  /** Called when there is something for `poll` to do. */
  onWork: (() => void) | undefined;
  readonly #nics: readonly Nic[];
  readonly #station: Station;
  readonly #changed: (socket: DatagramQueue) => void;
  #sockets: PacketSocket[] = [];
  #outgoing: { nic: Nic; frame: Uint8Array }[] = [];

  constructor(nics: readonly Nic[], station: Station, changed: (socket: DatagramQueue) => void) {
    this.#nics = nics;
    this.#station = station;
    this.#changed = changed;
  }

  /** Sockets that are open: what has none costs nothing. */
  get count(): number {
    return this.#sockets.length;
  }

  get hasWork(): boolean {
    return this.#outgoing.length > 0;
  }

  socket(index: number | undefined, type: number | undefined): PacketSocket {
    if (index !== undefined && !this.#nics[index])
      throw new RangeError(`no interface ${index}: there are ${this.#nics.length}`);
    const socket = new PacketSocket(this, index, type, this.#station, this.#changed);
    this.#sockets.push(socket);
    for (const nic of this.#nics) nic.onSent = (frame) => this.arrive(frame, this.#nics.indexOf(nic));
    return socket;
  }

  remove(socket: PacketSocket): void {
    this.#sockets = this.#sockets.filter((other) => other !== socket);
    if (this.#sockets.length === 0) for (const nic of this.#nics) nic.onSent = undefined;
  }

  /** A frame has come or gone. */
  arrive(frame: Uint8Array, index: number): void {
    for (const socket of this.#sockets) socket.take(frame, index);
  }

  queue(index: number, frame: Uint8Array): boolean {
    if (this.#outgoing.length >= OUTGOING) return false;
    this.#outgoing.push({ nic: this.#nics[index]!, frame });
    this.onWork?.();
    return true;
  }

  poll(): boolean {
    if (this.#outgoing.length === 0) return false;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    for (const { nic, frame } of outgoing) nic.send(frame);
    return true;
  }

  /** The longest frame that the card of an interface takes. */
  longest(index: number): number {
    return this.#nics[index]!.mtu + ethernet.HEADER;
  }
}

export class PacketSocket extends DatagramQueue {
  readonly type = "packet";
  readonly #packets: Packets;
  readonly #index: number | undefined;
  readonly #frameType: number | undefined;

  constructor(
    packets: Packets,
    index: number | undefined,
    type: number | undefined,
    station: Station,
    changed: (socket: DatagramQueue) => void,
  ) {
    super(station, changed);
    this.#packets = packets;
    this.#index = index;
    this.#frameType = type;
  }

  /** Which interface and which frames, `Sockets.packet` was told. */
  bind(): Reason {
    return "not-supported";
  }

  connect(): Reason {
    return "not-supported";
  }

  take(frame: Uint8Array, index: number): void {
    if (this.#index !== undefined && this.#index !== index) return;
    if (this.#frameType !== undefined && ethernet.typeOf(frame) !== this.#frameType) return;
    const nobody = { address: 0, port: index };
    this.arrive({ from: nobody, to: nobody, payload: frame.slice(), interface: index, tos: 0 });
  }

  get space(): number {
    return this.released || this.#index === undefined ? 0 : this.#packets.longest(this.#index);
  }

  /** The frame with its Ethernet header. */
  send(bytes: Uint8Array): number | Reason {
    if (this.released || this.#index === undefined || bytes.length < ethernet.HEADER) return "invalid";
    if (bytes.length > this.#packets.longest(this.#index)) return "too-long";
    if (!this.#packets.queue(this.#index, bytes.slice())) return "would-block";
    this.note(News.SPACE);
    return bytes.length;
  }

  protected forget(): void {
    this.#packets.remove(this);
  }
}
