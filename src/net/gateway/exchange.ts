import type { Micros } from "../../base/index.ts";
import type { Socket } from "../sockets.ts";
import type { OutsideDatagrams, Place } from "./host.ts";
import type { TrafficCounters } from "./traffic.ts";
import type { Mark, Worker } from "./worker.ts";

/** Datagrams between one port of a guest and one place outside. Forgotten when it rests for too long. */
export abstract class Exchange implements Worker {
  marked = false;
  /** When the last datagram passed. */
  used: Micros;
  protected readonly socket: Socket;
  protected readonly traffic: TrafficCounters;

  constructor(socket: Socket, traffic: TrafficCounters, mark: Mark, now: Micros) {
    this.socket = socket;
    this.traffic = traffic;
    this.used = now;
    socket.onChange = () => mark(this);
  }

  /** The port outside is not there yet. */
  abstract readonly opening: boolean;

  abstract work(now: Micros): boolean;

  /** Forgets the exchange. It may still be asked to work, as it may have been marked before. */
  abstract abort(): void;

  toGuest(payload: Uint8Array, now: Micros): void {
    this.used = now;
    const sent = this.socket.send(payload);
    if (typeof sent === "number") {
      this.traffic.datagramsToGuest++;
      this.traffic.bytesToGuest += payload.length;
    } else {
      this.traffic.datagramsDropped++;
    }
  }

  protected fromGuest(now: Micros, send: (payload: Uint8Array) => void): void {
    while (this.socket.readable) {
      const next = this.socket.receiveDatagram();
      if (next === "would-block" || this.socket.closed) return;
      if (typeof next === "string") {
        // The guest's port is closed. UDP has no way to tell that to an outside peer; a call told it to us, once.
        this.traffic.datagramsDropped++;
      } else {
        this.used = now;
        this.traffic.datagramsFromGuest++;
        this.traffic.bytesFromGuest += next.payload.length;
        send(next.payload);
      }
    }
  }
}

/** One peer at a published UDP port: the guest sees it as a port of the gateway. */
export class InboundExchange extends Exchange {
  readonly #datagrams: OutsideDatagrams;
  readonly #peer: Place;
  readonly #forget: () => void;

  constructor(
    socket: Socket,
    published: { datagrams: OutsideDatagrams; peer: Place; forget: () => void },
    traffic: TrafficCounters,
    mark: Mark,
    now: Micros,
  ) {
    super(socket, traffic, mark, now);
    this.#datagrams = published.datagrams;
    this.#peer = published.peer;
    this.#forget = published.forget;
  }

  get opening(): boolean {
    return false; // a datagram has come through it
  }

  work(now: Micros): boolean {
    this.fromGuest(now, (payload) => this.#datagrams.send(payload, this.#peer));
    return true;
  }

  abort(): void {
    this.socket.close();
    this.#forget();
  }
}

/** A guest that sends to a place outside. */
export class OutboundExchange extends Exchange {
  readonly #datagrams: OutsideDatagrams;
  readonly #refused: () => void;

  constructor(
    socket: Socket,
    datagrams: OutsideDatagrams,
    refused: () => void,
    traffic: TrafficCounters,
    mark: Mark,
    now: Micros,
  ) {
    super(socket, traffic, mark, now);
    this.#datagrams = datagrams;
    this.#refused = refused;
    datagrams.onChange = () => mark(this);
    mark(this); // the first datagram is there already
  }

  get opening(): boolean {
    return this.#datagrams.state === "opening";
  }

  work(now: Micros): boolean {
    if (this.opening) return true; // what the guest sends waits in the socket
    const error = this.#datagrams.takeError();
    if (this.#datagrams.state === "closed" || error !== undefined) {
      this.traffic.failed++;
      if (error?.reason === "refused") this.#refused();
      this.abort();
      return false;
    }
    this.fromGuest(now, (payload) => this.#datagrams.send(payload));
    for (let next = this.#datagrams.receive(); next !== undefined; next = this.#datagrams.receive()) {
      this.toGuest(next.payload, now);
    }
    return true;
  }

  abort(): void {
    this.socket.close();
    this.#datagrams.close();
  }
}
