import { type Clock, FOREVER, type Micros } from "../../base/index.ts";
import { parseIpAddress } from "../wire/ip-address.ts";
import {
  type Failure,
  failure,
  type Listener,
  type Outside,
  type OutsideDatagram,
  type OutsideDatagrams,
  type OutsideStream,
  type Place,
  type State,
} from "./host.ts";

export interface MemoryOutsideOptions {
  clock: Clock;
  /** How long everything takes to reach its peer. Default 0: it is there at the next `poll`. */
  latency?: Micros;
  /** Bytes on their way or unread in one direction of a connection before its writer has no room. Default 64 KiB. */
  window?: number;
  /** Names and their addresses; `localhost` is always there. */
  names?: Readonly<Record<string, readonly string[]>>;
  /** Addresses of the host itself besides 127.0.0.0/8 and ::1. */
  own?: readonly string[];
  /** Addresses where hosts are, though nobody listens: connections there are refused. Others are unreachable. */
  hosts?: readonly string[];
  /** Addresses that swallow everything and never answer. */
  silent?: readonly string[];
}

/** Datagrams that may wait for one reader. */
const DATAGRAMS = 256;
const EPHEMERAL = 49152;
const LARGEST_DATAGRAM = 65507; // 65,535 less the headers of IPv4 and UDP

/**
 * A small internet in memory, by the clock it is given: whoever listens at an address is found there by whoever
 * connects to it, so that a test, or a page, plays web server and browser with the same verbs the gateway uses. The
 * same calls at the same times give the same answers in the same order.
 */
export class MemoryOutside implements Outside {
  onWake: (() => void) | undefined;
  readonly window: number;
  readonly #clock: Clock;
  readonly #latency: Micros;
  readonly #names: Readonly<Record<string, readonly string[]>>;
  readonly #own: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #silent: ReadonlySet<string>;
  /** What is on its way, oldest first; everything takes the same time, so the order never changes. */
  #events: { due: Micros; happen: () => void }[] = [];
  readonly #listeners = new Map<string, MemoryListener>();
  readonly #bound = new Map<string, MemoryDatagrams>();
  readonly #streams = new Set<MemoryStream>();
  #nextPort = EPHEMERAL;

  constructor(options: MemoryOutsideOptions) {
    this.#clock = options.clock;
    this.#latency = options.latency ?? 0;
    this.window = options.window ?? 64 * 1024;
    this.#names = options.names ?? {};
    this.#own = new Set(options.own);
    this.#hosts = new Set(options.hosts);
    this.#silent = new Set(options.silent);
  }

  connect(to: Place): OutsideStream {
    const stream = new MemoryStream(this, { host: "127.0.0.1", port: this.#freePort() }, to);
    this.#streams.add(stream);
    const bad = wrongPort(to, 1);
    this.later(() => {
      if (stream.state === "closed") return;
      const address = this.#addressOf(to.host);
      if (bad !== undefined || address === undefined) {
        stream.fail(bad ?? failure("bad-address", to, "no such host"));
        return;
      }
      if (this.#silent.has(address)) return;
      const listener = this.#listenerAt(address, to.port);
      if (listener === undefined) {
        stream.fail(
          this.#exists(address)
            ? failure("refused", to, "connection refused")
            : failure("host-unreachable", to, "no route to host"),
        );
        return;
      }
      const other = new MemoryStream(this, { host: address, port: to.port }, stream.local);
      this.#streams.add(other);
      stream.join(other);
      listener.onStream(other);
      stream.changed();
    });
    return stream;
  }

  listen(at: Place, onStream: (stream: OutsideStream) => void): Listener {
    const listener = new MemoryListener(this, at, onStream);
    this.later(() => {
      if (listener.state !== "closed") listener.opened(this.#claim(at, this.#listeners, listener));
    });
    return listener;
  }

  bind(at: Place): OutsideDatagrams {
    const datagrams = new MemoryDatagrams(this, at, undefined);
    this.later(() => {
      if (datagrams.state !== "closed") datagrams.opened(this.#claim(at, this.#bound, datagrams));
    });
    return datagrams;
  }

  reach(peer: Place): OutsideDatagrams {
    const local = { host: "127.0.0.1", port: 0 };
    const datagrams = new MemoryDatagrams(this, local, peer);
    const bad = wrongPort(peer, 1);
    this.later(() => {
      if (datagrams.state === "closed") return;
      const address = this.#addressOf(peer.host);
      if (bad !== undefined || address === undefined) {
        datagrams.opened(bad ?? failure("bad-address", peer, "no such host"));
      } else {
        datagrams.peer = { host: address, port: peer.port };
        datagrams.opened(this.#claim(local, this.#bound, datagrams));
      }
    });
    return datagrams;
  }

  resolve(name: string, answer: (addresses: readonly string[] | Failure) => void): void {
    this.later(() => {
      answer(this.#addressesOf(name) ?? { reason: "bad-address", text: `${name}: no such host` });
      this.onWake?.();
    });
  }

  isHost(address: string): boolean {
    return address.startsWith("127.") || address === "::1" || this.#own.has(address);
  }

  poll(now: Micros): boolean {
    let count = 0;
    while (count < this.#events.length && this.#events[count]!.due <= now) count++;
    // What these cause with no latency at all happens at the next poll, so that no poll is endless.
    for (const { happen } of this.#events.splice(0, count)) happen();
    return count > 0;
  }

  deadline(): Micros {
    return this.#events[0]?.due ?? FOREVER;
  }

  async close(): Promise<void> {
    this.onWake = undefined;
    for (const stream of this.#streams) stream.reset();
    for (const listener of this.#listeners.values()) listener.close();
    for (const datagrams of this.#bound.values()) datagrams.close();
    this.#events = [];
  }

  /** Things that happen later, to be called by the parts below only. */
  later(happen: () => void): void {
    this.#events.push({ due: this.#clock.now() + this.#latency, happen });
  }

  forget(part: MemoryStream | MemoryListener | MemoryDatagrams): void {
    if (part instanceof MemoryStream) this.#streams.delete(part);
    else if (part instanceof MemoryListener) release(this.#listeners, part);
    else release(this.#bound, part);
  }

  /** Takes a datagram to where it belongs, or tells the sender that nobody is there. */
  carry(from: MemoryDatagrams, to: Place, payload: Uint8Array): void {
    // Who is bound to every address sends from the one that fits; here that is always the nearest.
    const { host, port } = from.local;
    const sender = { host: host === "0.0.0.0" ? "127.0.0.1" : host, port };
    this.later(() => {
      const address = this.#addressOf(to.host);
      if (address === undefined || this.#silent.has(address)) return;
      const receiver = this.#bound.get(key(address, to.port)) ?? this.#bound.get(key("0.0.0.0", to.port));
      if (receiver !== undefined) receiver.arrived({ from: sender, payload });
      else if (this.#exists(address)) from.unheard(failure("refused", to, "connection refused"));
      else from.unheard(failure("host-unreachable", to, "no route to host"));
    });
  }

  #claim<T extends { local: Place }>(at: Place, map: Map<string, T>, part: T): Failure | undefined {
    const bad = wrongPort(at, 0);
    if (bad !== undefined) return bad;
    const address = this.#addressOf(at.host);
    if (address === undefined) return failure("bad-address", at, "no such host");
    let port = at.port;
    if (port === 0) {
      do port = this.#freePort();
      while (map.has(key(address, port)));
    }
    for (const taken of map.values()) {
      if (taken.local.port !== port) continue;
      const other = taken.local.host;
      if (other === address || other === "0.0.0.0" || address === "0.0.0.0") {
        return failure("in-use", at, "address already in use");
      }
    }
    part.local = { host: address, port };
    map.set(key(address, port), part);
    return undefined;
  }

  #listenerAt(address: string, port: number): MemoryListener | undefined {
    const exact = this.#listeners.get(key(address, port));
    return exact ?? (this.isHost(address) ? this.#listeners.get(key("0.0.0.0", port)) : undefined);
  }

  #exists(address: string): boolean {
    if (this.isHost(address) || this.#hosts.has(address)) return true;
    const served = [...this.#listeners.values(), ...this.#bound.values()];
    return served.some(({ local }) => local.host === address);
  }

  #addressOf(host: string): string | undefined {
    return this.#addressesOf(host)?.[0];
  }

  #addressesOf(host: string): readonly string[] | undefined {
    if (parseIpAddress(host) !== undefined) return [host];
    return host === "localhost" ? ["127.0.0.1"] : this.#names[host];
  }

  #freePort(): number {
    const port = this.#nextPort++;
    if (this.#nextPort > 65535) this.#nextPort = EPHEMERAL;
    return port;
  }
}

const key = (address: string, port: number): string => `${address}:${port}`;

function release<T>(map: Map<string, T>, part: T): void {
  for (const [place, held] of map) if (held === part) map.delete(place);
}

function wrongPort(place: Place, least: number): Failure | undefined {
  const { port } = place;
  if (Number.isInteger(port) && port >= least && port <= 65535) return undefined;
  return failure("bad-address", place, `a port is a number from ${least} to 65535`);
}

/** What streams, listeners and datagram ports have in common. */
class Part {
  state: State = "opening";
  failure: Failure | undefined;
  onChange: (() => void) | undefined;
  readonly outside: MemoryOutside;

  constructor(outside: MemoryOutside) {
    this.outside = outside;
  }

  changed(): void {
    this.onChange?.();
    this.outside.onWake?.();
  }
}

class MemoryStream extends Part implements OutsideStream {
  readonly local: Place;
  readonly remote: Place;
  #peer: MemoryStream | undefined;
  #incoming: Uint8Array[] = [];
  /** Bytes written here that the peer has not read yet. */
  #unread = 0;
  #ended = false;
  #peerEnded = false;

  constructor(outside: MemoryOutside, local: Place, remote: Place) {
    super(outside);
    this.local = local;
    this.remote = remote;
  }

  get finished(): boolean {
    return this.#peerEnded && this.#incoming.length === 0;
  }

  get room(): number {
    return this.state === "open" && !this.#ended ? this.outside.window - this.#unread : 0;
  }

  read(): Uint8Array | undefined {
    const bytes = this.#incoming.shift();
    if (bytes === undefined) return undefined;
    const peer = this.#peer!;
    this.outside.later(() => {
      peer.#unread -= bytes.length;
      if (peer.state === "open") peer.changed();
    });
    return bytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.state === "closed") return true;
    if (this.state === "opening") throw new Error("writing to a stream that is not open yet");
    if (this.#ended) throw new Error("writing to a stream after its end");
    if (bytes.length === 0) return true;
    this.#unread += bytes.length;
    const peer = this.#peer!;
    this.outside.later(() => {
      if (peer.state === "closed") return;
      peer.#incoming.push(bytes);
      peer.changed();
    });
    return false;
  }

  end(): void {
    if (this.#ended || this.state === "closed") return;
    if (this.state === "opening") throw new Error("ending a stream that is not open yet");
    this.#ended = true;
    const peer = this.#peer!;
    this.outside.later(() => {
      if (peer.state === "closed") return;
      peer.#peerEnded = true;
      peer.#closeWhenBothEnded();
      peer.changed();
      // The own side knows that its end arrived; in real life by the acknowledgement of the FIN.
      if (this.state === "open" && this.#closeWhenBothEnded()) this.changed();
    });
  }

  reset(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.onChange = undefined;
    this.#incoming = [];
    this.outside.forget(this);
    const peer = this.#peer;
    if (peer === undefined) return;
    this.outside.later(() => {
      if (peer.state !== "closed") peer.fail(failure("reset", peer.remote, "connection reset"));
    });
  }

  join(other: MemoryStream): void {
    this.#peer = other;
    other.#peer = this;
    this.state = "open";
    other.state = "open";
  }

  fail(why: Failure): void {
    this.state = "closed";
    this.failure = why;
    this.outside.forget(this);
    this.changed();
  }

  #closeWhenBothEnded(): boolean {
    if (!this.#ended || !this.#peerEnded) return false;
    this.state = "closed";
    this.outside.forget(this);
    return true;
  }
}

class MemoryListener extends Part implements Listener {
  local: Place;
  readonly #onStream: (stream: OutsideStream) => void;

  constructor(outside: MemoryOutside, at: Place, onStream: (stream: OutsideStream) => void) {
    super(outside);
    this.local = at;
    this.#onStream = onStream;
  }

  opened(why: Failure | undefined): void {
    this.state = why === undefined ? "open" : "closed";
    this.failure = why;
    this.changed();
  }

  onStream(stream: OutsideStream): void {
    this.#onStream(stream);
    this.outside.onWake?.();
  }

  close(): void {
    this.state = "closed";
    this.onChange = undefined;
    this.outside.forget(this);
  }
}

class MemoryDatagrams extends Part implements OutsideDatagrams {
  local: Place;
  dropped = 0;
  peer: Place | undefined;
  #queue: OutsideDatagram[] = [];
  #error: Failure | undefined;

  constructor(outside: MemoryOutside, at: Place, peer: Place | undefined) {
    super(outside);
    this.local = at;
    this.peer = peer;
  }

  opened(why: Failure | undefined): void {
    this.state = why === undefined ? "open" : "closed";
    this.failure = why;
    this.changed();
  }

  receive(): OutsideDatagram | undefined {
    return this.#queue.shift();
  }

  send(payload: Uint8Array, to?: Place): void {
    const place = to ?? this.peer;
    if (place === undefined) throw new Error("a datagram without destination");
    if (this.state !== "open") return;
    if (payload.length <= LARGEST_DATAGRAM) this.outside.carry(this, place, payload);
  }

  takeError(): Failure | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  close(): void {
    this.state = "closed";
    this.onChange = undefined;
    this.#queue = [];
    this.outside.forget(this);
  }

  arrived(datagram: OutsideDatagram): void {
    const { host, port } = datagram.from;
    if (this.peer !== undefined && (this.peer.host !== host || this.peer.port !== port)) return;
    if (this.#queue.length >= DATAGRAMS) {
      this.dropped++;
      return;
    }
    this.#queue.push(datagram);
    this.changed();
  }

  unheard(why: Failure): void {
    if (this.peer === undefined || this.state !== "open") return;
    this.#error = why;
    this.changed();
  }
}
