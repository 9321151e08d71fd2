/** A program's end of TCP: the calls of sockets.ts over a connection or a listener. */
import { Row } from "../../base/index.ts";
import {
  type Datagram,
  type Endpoint,
  type Reason,
  type Socket,
  type SocketOptions,
  TcpState,
} from "../sockets.ts";
import { defaultOptions, overlap, type Ports, type Station, WatchedOptions } from "../station.ts";
import { type IpAddress, isGroup, isUnspecified } from "../wire/ip-address.ts";
import { isSourceRoute } from "../wire/source-route.ts";
import {
  abort,
  type Connection,
  canSend,
  close,
  finish,
  hasFinished,
  markUrgent,
  type Owner,
  read,
  takeError,
  urgentBytes,
  write,
} from "./connection.ts";
import type { Listener, Tcp } from "./tcp.ts";

export class TcpSocket implements Socket, Owner {
  readonly type = "stream";
  readonly options: SocketOptions;
  onChange: ((socket: Socket, news: number) => void) | undefined = undefined;
  readonly #tcp: Tcp;
  readonly #ports: Ports<TcpSocket>;
  readonly #station: Station;
  #bound: Endpoint = { address: 0, port: 0 };
  #listener: Listener | undefined = undefined;
  #connection: Connection | undefined = undefined;
  #released = false;

  constructor(tcp: Tcp, ports: Ports<TcpSocket>, station: Station, connection?: Connection) {
    this.#tcp = tcp;
    this.#ports = ports;
    this.#station = station;
    this.options = new WatchedOptions(connection?.options ?? defaultOptions(station.ttl), () => {
      if (this.#connection) tcp.touch(this.#connection);
    });
    if (connection) this.#hold(connection);
  }

  /** For those who want to see more than a program does; undefined before connect. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  get local(): Readonly<Endpoint> {
    const c = this.#connection;
    return c ? { address: c.localAddress, port: c.localPort } : this.#bound;
  }

  get remote(): Readonly<Endpoint> | undefined {
    const c = this.#connection;
    return c && { address: c.remoteAddress, port: c.remotePort };
  }

  get state(): TcpState {
    if (this.#listener) return TcpState.LISTEN;
    return this.#connection ? this.#tcp.stateOf(this.#connection) : TcpState.CLOSED;
  }

  get readable(): boolean {
    const c = this.#connection;
    if (c === undefined) return this.#listener === undefined;
    return (
      c.receiveBuffer.length > 0 ||
      c.error !== undefined ||
      c.deaf ||
      hasFinished(c) ||
      c.state === TcpState.CLOSED
    );
  }

  get writable(): boolean {
    const c = this.#connection;
    if (c === undefined) return this.#listener === undefined;
    if (c.state === TcpState.SYN_SENT || c.state === TcpState.SYN_RECEIVED) return c.sendBuffer.free > 0;
    return !canSend(c.state) || c.snd.finished || c.sendBuffer.free > 0;
  }

  get acceptable(): boolean {
    return this.#listener !== undefined && this.#listener.queue.length > 0;
  }

  get closed(): boolean {
    return this.#released || (this.#connection !== undefined && this.#connection.state === TcpState.CLOSED);
  }

  get available(): number {
    return this.#connection?.receiveBuffer.length ?? 0;
  }

  get space(): number {
    const c = this.#connection;
    if (c === undefined || c.snd.finished) return 0;
    return canSend(c.state) || c.state === TcpState.SYN_SENT || c.state === TcpState.SYN_RECEIVED
      ? c.sendBuffer.free
      : 0;
  }

  get error(): Reason | undefined {
    return this.#connection?.error;
  }

  takeError(): Reason | undefined {
    const c = this.#connection;
    if (c === undefined) return undefined;
    const reason = takeError(c) ?? c.softError;
    if (c.state !== TcpState.CLOSED) c.softError = undefined;
    return reason;
  }

  bind(address: IpAddress, port: number): Reason | undefined {
    if (this.#released || this.#bound.port !== 0 || this.#connection || !isPort(port)) return "invalid";
    if (!isUnspecified(address) && !this.#station.isOwn(address)) return "not-available";
    if (port !== 0 && !this.#canBind(address, port)) return "in-use";
    const chosen = port !== 0 ? port : this.#tcp.ephemeral((candidate) => this.#canBind(address, candidate));
    if (chosen === undefined) return "in-use";
    this.#bound = { address, port: chosen };
    this.#ports.add(this);
    return undefined;
  }

  /** Others that are bound to the port must allow it, and none may listen; so must connections that still have it. */
  #canBind(address: IpAddress, port: number): boolean {
    const { reuseAddress } = this.options;
    for (const other of this.#ports.on(port)) {
      if (!overlap(address, other.#bound.address)) continue;
      if (!reuseAddress || !other.options.reuseAddress || other.#listener) return false;
    }
    return reuseAddress || !this.#tcp.flows.hasPort(port);
  }

  connect(address: IpAddress, port: number): Reason | undefined {
    if (this.#released || this.#listener) return "invalid";
    const c = this.#connection;
    if (c === undefined) return this.#begin(address, port);
    if (c.fast?.waits) return "connected";
    if (c.state === TcpState.SYN_SENT || c.state === TcpState.SYN_RECEIVED) return "already";
    if (c.state !== TcpState.CLOSED) return "connected";
    const reason = takeError(c);
    this.#let();
    return reason ?? this.#begin(address, port);
  }

  #begin(address: IpAddress, port: number): Reason {
    if (!isPort(port) || port === 0) return "invalid";
    // RFC 9293 3.9.2.3 (MUST-46): never to a broadcast or multicast address.
    if (isUnspecified(address) || isGroup(address) || this.#station.isBroadcast(address))
      return "network-unreachable";
    const { sourceRoute } = this.options;
    if (sourceRoute && (typeof address !== "number" || !isSourceRoute(sourceRoute))) return "invalid";
    const localAddress = this.#localFor(sourceRoute?.gateways[0] ?? address);
    if (localAddress === undefined || isUnspecified(localAddress)) return "network-unreachable";
    const flow = (localPort: number) => ({
      localAddress,
      localPort,
      remoteAddress: address,
      remotePort: port,
    });
    let localPort: number | undefined = this.#bound.port;
    if (localPort === 0) {
      const unbound = (candidate: number) => this.#ports.on(candidate).length === 0;
      localPort =
        this.#tcp.ephemeral((candidate) => unbound(candidate) && this.#tcp.isFree(flow(candidate), false)) ??
        this.#tcp.ephemeral((candidate) => unbound(candidate) && this.#tcp.isFree(flow(candidate), true));
      if (localPort === undefined) return "in-use";
    } else if (!this.#tcp.isFree(flow(localPort), true)) {
      return "in-use";
    }
    const c = this.#tcp.connect(flow(localPort), this.options);
    this.#hold(c);
    return c.fast?.waits ? "connected" : "in-progress";
  }

  /** Its own address if it is bound to one, which must be of the peer's version; else what the route says. */
  #localFor(peer: IpAddress): IpAddress | undefined {
    const { address, port } = this.#bound;
    if (isUnspecified(address)) {
      if (address === 0 && port !== 0 && typeof peer !== "number") return undefined;
      return this.#station.sourceFor(peer, this.options.interface);
    }
    return typeof address === typeof peer ? address : undefined;
  }

  join(): Reason {
    return "not-supported";
  }

  leave(): Reason {
    return "not-supported";
  }

  listen(backlog: number): Reason | undefined {
    if (this.#released || this.#connection || !Number.isInteger(backlog)) return "invalid";
    const places = Math.max(1, backlog);
    if (this.#listener) {
      this.#listener.backlog = places;
      return undefined;
    }
    if (this.#bound.port === 0) {
      const reason = this.bind(0, 0);
      if (reason) return reason;
    }
    const { address, port } = this.#bound;
    if (this.#tcp.hasListener(address, port)) return "in-use";
    this.#listener = {
      address,
      port,
      backlog: places,
      queue: [],
      halfOpen: new Row(),
      early: new Set(),
      fast: new Set(),
      cookiesUntil: 0,
      news: 0,
      changed: (news) => this.#tell(news),
      inherited: () => new WatchedOptions(this.options, () => undefined),
    };
    this.#tcp.listen(this.#listener);
    return undefined;
  }

  accept(): Socket | Reason {
    if (this.#listener === undefined) return "invalid";
    const c = this.#tcp.accept(this.#listener);
    return c ? new TcpSocket(this.#tcp, this.#ports, this.#station, c) : "would-block";
  }

  send(bytes: Uint8Array, to?: Endpoint): number | Reason {
    const c = this.#connection;
    if (to !== undefined) return c ? "connected" : "not-supported";
    if (c === undefined || this.#released) return "not-connected";
    const result = write(c, bytes);
    if (typeof result === "number" && (result > 0 || c.pending.syn)) this.#tcp.touch(c);
    return result;
  }

  get urgent(): number {
    const c = this.#connection;
    return c ? urgentBytes(c) : 0;
  }

  sendUrgent(bytes: Uint8Array): number | Reason {
    const result = this.send(bytes);
    if (typeof result === "number" && result > 0) markUrgent(this.#connection!);
    return result;
  }

  receive(into: Uint8Array): number | Reason {
    return this.#read(into, false);
  }

  peek(into: Uint8Array): number | Reason {
    return this.#read(into, true);
  }

  #read(into: Uint8Array, peek: boolean): number | Reason {
    const c = this.#connection;
    if (c === undefined || this.#released) return "not-connected";
    const result = read(c, into, peek);
    if (c.pending.ack) this.#tcp.touch(c);
    return result;
  }

  receiveDatagram(): Datagram | Reason {
    return "not-supported";
  }

  shutdown(how: "send" | "receive" | "both"): Reason | undefined {
    const c = this.#connection;
    if (c === undefined || this.#released) return "not-connected";
    if (how !== "send") {
      c.deaf = true;
      c.receiveBuffer.clear();
    }
    const reason = how === "receive" ? undefined : finish(c);
    this.#tcp.touch(c);
    return reason;
  }

  close(): void {
    const c = this.#connection;
    this.#release();
    if (c === undefined) return;
    close(c);
    this.#tcp.leave(c);
  }

  abort(): void {
    const c = this.#connection;
    this.#release();
    if (c === undefined) return;
    c.orphan = true;
    abort(c);
    this.#tcp.leave(c);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.onChange = undefined;
    if (this.#listener) this.#tcp.unlisten(this.#listener);
    this.#listener = undefined;
    this.#ports.remove(this);
    if (this.#connection) this.#connection.owner = undefined;
  }

  #hold(c: Connection): void {
    this.#connection = c;
    c.options = this.options;
    c.owner = this;
  }

  #let(): void {
    if (this.#connection) this.#connection.owner = undefined;
    this.#connection = undefined;
  }

  /** The connection has news; a listener's news comes by itself. */
  changed(_c: Connection, news: number): void {
    this.onChange?.(this, news);
  }

  #tell(news: number): void {
    this.onChange?.(this, news);
  }
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65535;
