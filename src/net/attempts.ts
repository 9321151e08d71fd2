/** Connections and flows that wait for a verdict (`Sockets.intercept`): what a gateway is asked. */
import type { Network, Refusal } from "./ip/network.ts";
import type { Attempt, Endpoint, Socket } from "./sockets.ts";
import { defaultOptions } from "./station.ts";
import type { Connection } from "./tcp/connection.ts";
import type { Knock, Tcp } from "./tcp/tcp.ts";
import type { Udp, UdpKnock } from "./udp.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./wire/ipv4.ts";
import * as tcpWire from "./wire/tcp.ts";
import * as udpWire from "./wire/udp.ts";

/** Refuses a packet from `from` to `to` with an error of the network. */
export type Refuse = (
  to: Endpoint,
  from: Endpoint,
  protocol: number,
  start: Uint8Array,
  why: Refusal,
) => void;

/** An error about a packet as it must have been: the attempt does not keep it. */
export const refuseBy =
  (network: (to: Endpoint) => Network, now: () => number): Refuse =>
  (to, from, protocol, start, why) => {
    const by = network(to);
    by.refuse(by.quotable(from.address, to.address, protocol, start), why, now());
  };

export class TcpAttempt implements Attempt {
  readonly protocol = "tcp";
  readonly to: Endpoint;
  readonly from: Endpoint;
  readonly #knock: Knock;
  readonly #tcp: Tcp;
  readonly #socket: (c: Connection) => Socket;
  readonly #refuse: Refuse;

  constructor(knock: Knock, tcp: Tcp, socket: (c: Connection) => Socket, refuse: Refuse) {
    const { flow } = knock;
    this.to = { address: flow.localAddress, port: flow.localPort };
    this.from = { address: flow.remoteAddress, port: flow.remotePort };
    this.#knock = knock;
    this.#tcp = tcp;
    this.#socket = socket;
    this.#refuse = refuse;
  }

  get pending(): boolean {
    return this.#knock.pending;
  }

  accept(): Socket | undefined {
    const c = this.#tcp.admit(this.#knock, defaultOptions());
    return c && this.#socket(c);
  }

  refuse(): void {
    this.#tcp.deny(this.#knock, true);
  }

  unreachable(what: "network" | "host" | "prohibited"): void {
    if (!this.pending) return;
    const start = new Uint8Array(tcpWire.lengthOf(this.#knock.syn));
    tcpWire.write(this.#knock.syn, this.from.address, this.to.address, start);
    this.#tcp.deny(this.#knock, false);
    this.#refuse(this.to, this.from, PROTOCOL_TCP, start, what);
  }

  ignore(): void {
    this.#tcp.deny(this.#knock, false);
  }
}

export class UdpAttempt implements Attempt {
  readonly protocol = "udp";
  readonly to: Endpoint;
  readonly from: Endpoint;
  pending = true;
  readonly #knock: UdpKnock;
  readonly #udp: Udp;
  readonly #refuse: Refuse;

  constructor(knock: UdpKnock, udp: Udp, refuse: Refuse) {
    this.to = knock.to;
    this.from = knock.from;
    this.#knock = knock;
    this.#udp = udp;
    this.#refuse = refuse;
  }

  accept(): Socket | undefined {
    if (!this.pending) return undefined;
    this.pending = false;
    return this.#udp.admit(this.#knock);
  }

  refuse(): void {
    this.#answer("port");
  }

  unreachable(what: "network" | "host" | "prohibited"): void {
    this.#answer(what);
  }

  ignore(): void {
    this.pending = false;
  }

  #answer(why: Refusal): void {
    if (!this.pending) return;
    this.pending = false;
    const { payload, from, to } = this.#knock;
    const datagram = { sourcePort: from.port, destinationPort: to.port, payload };
    const start = new Uint8Array(udpWire.lengthOf(datagram));
    udpWire.write(datagram, from.address, to.address, start);
    this.#refuse(to, from, PROTOCOL_UDP, start, why);
  }
}
