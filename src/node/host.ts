import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { lookup } from "node:dns";
import { createServer, isIPv6, connect as netConnect, type Server, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { FOREVER, type InRow, type Micros, Row } from "../base/index.ts";
import {
  type Failure,
  type FailureReason,
  failure,
  type Listener,
  type Outside,
  type OutsideDatagram,
  type OutsideDatagrams,
  type OutsideStream,
  type Place,
  type State,
} from "../net/index.ts";

/** Unread bytes of one connection at which its socket is no longer read, and at which it is read again. */
const PAUSE_AT = 128 * 1024;
const RESUME_AT = 64 * 1024;
/** Bytes of one connection that may wait for the host to take them. */
const WRITE_WINDOW = 256 * 1024;
/** Connections that the host may keep until they are accepted; it takes the less of this and its own limit. */
const BACKLOG = 4096;
/** Datagrams that may wait for one reader. */
const DATAGRAMS = 1024;
/** Turns of the host's event loop in which arriving connections are gathered before the world is woken for them. */
const GATHERING_TURNS = 16;
/** How long the addresses of this host's cards are believed, in milliseconds. */
const CARDS_BELIEVED = 5000;

/**
 * The outside on this host's real sockets. A thin edge: it holds bytes and states until they are asked for, and decides
 * nothing. What it does on its own ends with `close`.
 */
export class NodeOutside implements Outside {
  onWake: (() => void) | undefined;
  readonly #parts = new Row<NodePart>();
  #closed = false;
  #waking = false;
  /** A connection has been accepted in this turn; turns since the first one that the world does not know of. */
  #accepted = false;
  #gathering = 0;
  #cards: { addresses: Set<string>; asked: number } | undefined;

  connect(to: Place): OutsideStream {
    this.#mustBeOpen();
    const stream = NodeStream.to(this, to);
    this.#parts.add(stream);
    return stream;
  }

  listen(at: Place, onStream: (stream: OutsideStream) => void): Listener {
    this.#mustBeOpen();
    const listener = new NodeListener(this, at, (socket) => {
      if (this.#closed) {
        socket.destroy();
        return;
      }
      const stream = NodeStream.accepted(this, socket, listener.local);
      this.#parts.add(stream);
      onStream(stream);
      this.#accepted = true;
      this.wake();
    });
    this.#parts.add(listener);
    return listener;
  }

  bind(at: Place): OutsideDatagrams {
    this.#mustBeOpen();
    const datagrams = new NodeDatagrams(this, at, undefined);
    this.#parts.add(datagrams);
    return datagrams;
  }

  reach(peer: Place): OutsideDatagrams {
    this.#mustBeOpen();
    const datagrams = new NodeDatagrams(this, ANYWHERE, peer);
    this.#parts.add(datagrams);
    return datagrams;
  }

  resolve(name: string, answer: (addresses: readonly string[] | Failure) => void): void {
    this.#mustBeOpen();
    lookup(name, { all: true }, (error, addresses) => {
      if (this.#closed) return;
      if (error) answer({ reason: reasonOf(error), text: `${name}: ${wordsOf(error)}` });
      else answer(addresses.map(({ address }) => address));
      this.wake();
    });
  }

  isHost(address: string): boolean {
    if (address.startsWith("127.") || address.startsWith("0.") || address === "::1" || address === "::")
      return true;
    const now = performance.now();
    if (this.#cards === undefined || now - this.#cards.asked > CARDS_BELIEVED) {
      const cards = Object.values(networkInterfaces()).flatMap((card) => card ?? []);
      this.#cards = { addresses: new Set(cards.map((card) => card.address)), asked: now };
    }
    return this.#cards.addresses.has(address);
  }

  poll(_now: Micros): boolean {
    return false;
  }

  deadline(): Micros {
    return FOREVER;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.onWake = undefined;
    await Promise.all(Array.from(this.#parts, (part) => part.destroy()));
  }

  /**
   * For the parts below: everything the host brings at one time wakes the world once, right after it. Node accepts one
   * connection in a turn, however many the host holds ready; so where one came, another turn shows whether there are more.
   */
  wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    setImmediate(this.#wakeUp);
  }

  readonly #wakeUp = (): void => {
    if (this.#accepted && this.#gathering < GATHERING_TURNS) {
      this.#accepted = false;
      this.#gathering++;
      setImmediate(this.#wakeUp);
      return;
    }
    this.#waking = false;
    this.#accepted = false;
    this.#gathering = 0;
    this.onWake?.();
  };

  forget(part: NodePart): void {
    this.#parts.delete(part);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("this outside has been closed");
  }
}

const ANYWHERE: Place = { host: "0.0.0.0", port: 0 };

/** What streams, listeners and datagram ports have in common. */
abstract class NodePart implements InRow {
  row: object | undefined = undefined;
  before: InRow | undefined = undefined;
  behind: InRow | undefined = undefined;
  state: State = "opening";
  failure: Failure | undefined;
  onChange: (() => void) | undefined;
  protected readonly outside: NodeOutside;

  constructor(outside: NodeOutside) {
    this.outside = outside;
  }

  /** Lets go of what the host has given; resolves when it is gone. */
  abstract destroy(): Promise<void>;

  protected changed(): void {
    if (this.onChange !== undefined) this.onChange();
    this.outside.wake();
  }

  protected closed(why: Failure | undefined): void {
    this.failure ??= why;
    this.state = "closed";
    this.outside.forget(this);
    this.changed();
  }
}

/** The stream that a socket belongs to: found through the socket, so that no connection needs closures of its own. */
const owner = Symbol("stream");
interface OwnedSocket extends Socket {
  [owner]: NodeStream;
}

class NodeStream extends NodePart implements OutsideStream {
  #socket: OwnedSocket;
  /** What failures are told of: where it was to connect to, or where it was accepted. */
  readonly #place: Place;
  #incoming: Uint8Array[] = [];
  #next = 0;
  #unread = 0;
  #peerEnded = false;
  #ended = false;

  static to(outside: NodeOutside, to: Place): NodeStream {
    const bad = wrongPort(to, 1);
    const socket =
      bad === undefined
        ? netConnect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true })
        : new Socket();
    const stream = new NodeStream(outside, socket, to);
    socket.on("connect", onConnect);
    if (bad !== undefined) {
      stream.failure = bad;
      socket.destroy();
    }
    return stream;
  }

  static accepted(outside: NodeOutside, socket: Socket, at: Place): NodeStream {
    const stream = new NodeStream(outside, socket, at);
    stream.state = "open";
    return stream;
  }

  private constructor(outside: NodeOutside, socket: Socket, place: Place) {
    super(outside);
    this.#place = place;
    this.#socket = socket as OwnedSocket;
    this.#socket[owner] = this;
    socket.on("data", onData);
    socket.on("end", onEnd);
    socket.on("drain", onDrain);
    socket.on("error", onError);
    socket.on("close", onClose);
  }

  get local(): Place {
    return { host: this.#socket.localAddress ?? "0.0.0.0", port: this.#socket.localPort ?? 0 };
  }

  get remote(): Place {
    const { remoteAddress: host, remotePort: port } = this.#socket;
    return host !== undefined && port !== undefined ? { host, port } : this.#place;
  }

  get finished(): boolean {
    return this.#peerEnded && this.#unread === 0;
  }

  get room(): number {
    return this.state === "open" && !this.#ended ? WRITE_WINDOW - this.#socket.writableLength : 0;
  }

  read(): Uint8Array | undefined {
    const bytes = this.#incoming[this.#next];
    if (bytes === undefined) return undefined;
    this.#next++;
    if (this.#next === this.#incoming.length) {
      this.#incoming.length = 0;
      this.#next = 0;
    }
    this.#unread -= bytes.length;
    if (this.#unread <= RESUME_AT && this.#socket.isPaused()) this.#socket.resume();
    return bytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.state === "closed") return true;
    if (this.state === "opening") throw new Error("writing to a stream that is not open yet");
    if (this.#ended) throw new Error("writing to a stream after its end");
    this.#socket.write(bytes);
    // The host takes what it can at once; nothing is left here then, and nobody looks at the bytes again.
    return this.#socket.writableLength === 0;
  }

  end(): void {
    if (this.#ended || this.state === "closed") return;
    if (this.state === "opening") throw new Error("ending a stream that is not open yet");
    this.#ended = true;
    this.#socket.end();
  }

  reset(): void {
    if (this.state === "closed") return;
    this.onChange = undefined;
    const opening = this.state === "opening";
    this.state = "closed";
    this.#incoming = [];
    this.#unread = 0;
    // While its end is on its way, the host cannot reset it: Node would keep the socket, and never exit.
    const ending = this.#ended && !this.#socket.writableFinished;
    if (opening || ending) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  destroy(): Promise<void> {
    this.onChange = undefined;
    this.state = "closed";
    if (this.#socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  // What the socket tells.

  opened(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.changed();
  }

  arrived(bytes: Uint8Array): void {
    if (this.state === "closed") return;
    this.#incoming.push(bytes);
    this.#unread += bytes.length;
    if (this.#unread > PAUSE_AT) this.#socket.pause();
    this.changed();
  }

  peerEnded(): void {
    this.#peerEnded = true;
    if (this.state !== "closed") this.changed();
  }

  drained(): void {
    if (this.state === "open") this.changed();
  }

  failed(error: Error): void {
    this.failure ??= failureOf(error, this.#place, "connect");
  }

  gone(): void {
    if (this.state === "closed") this.outside.forget(this);
    else this.closed(undefined);
  }
}

function onConnect(this: Socket): void {
  (this as OwnedSocket)[owner].opened();
}
function onData(this: Socket, bytes: Uint8Array): void {
  (this as OwnedSocket)[owner].arrived(bytes);
}
function onEnd(this: Socket): void {
  (this as OwnedSocket)[owner].peerEnded();
}
function onDrain(this: Socket): void {
  (this as OwnedSocket)[owner].drained();
}
function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[owner].failed(error);
}
function onClose(this: Socket): void {
  (this as OwnedSocket)[owner].gone();
}

class NodeListener extends NodePart implements Listener {
  local: Place;
  readonly #server: Server;
  /** Whether the host has been asked for the port at all. */
  #asked = false;

  constructor(outside: NodeOutside, at: Place, onSocket: (socket: Socket) => void) {
    super(outside);
    this.local = at;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
    this.#server.on("error", (error) => {
      if (this.state === "opening") this.closed(failureOf(error, at, "listen"));
    });
    const bad = wrongPort(at, 0);
    if (bad !== undefined) {
      setImmediate(() => this.state === "opening" && this.closed(bad));
      return;
    }
    this.#asked = true;
    this.#server.listen({ host: at.host, port: at.port, backlog: BACKLOG, exclusive: true }, () => {
      if (this.state === "closed") return;
      const address = this.#server.address();
      if (address !== null && typeof address === "object") {
        this.local = { host: address.address, port: address.port };
      }
      this.state = "open";
      this.changed();
    });
  }

  close(): void {
    void this.destroy();
  }

  destroy(): Promise<void> {
    this.onChange = undefined;
    const opening = this.state === "opening" && this.#asked;
    this.state = "closed";
    this.outside.forget(this);
    // Its connections stay; only the port is given back. The host looks addresses up before it listens, and cannot be
    // stopped in between.
    if (this.#server.listening) this.#server.close();
    else if (opening)
      return new Promise((resolve) => {
        this.#server.once("error", () => resolve());
        this.#server.once("listening", () => {
          this.#server.close();
          resolve();
        });
      });
    return Promise.resolve();
  }
}

class NodeDatagrams extends NodePart implements OutsideDatagrams {
  local: Place;
  dropped = 0;
  readonly #peer: Place | undefined;
  readonly #socket: DatagramSocket;
  readonly #queue: OutsideDatagram[] = [];
  #error: Failure | undefined;

  constructor(outside: NodeOutside, at: Place, peer: Place | undefined) {
    super(outside);
    this.local = at;
    this.#peer = peer;
    this.#socket = createSocket(isIPv6(peer?.host ?? at.host) ? "udp6" : "udp4");
    this.#socket.on("message", (payload, from) => {
      if (this.state !== "open") return;
      if (this.#queue.length >= DATAGRAMS) {
        this.dropped++;
        return;
      }
      this.#queue.push({ from: { host: from.address, port: from.port }, payload });
      this.changed();
    });
    this.#socket.on("error", (error) => this.#failed(error));
    const bad = peer === undefined ? wrongPort(at, 0) : wrongPort(peer, 1);
    if (bad !== undefined) {
      setImmediate(() => this.state === "opening" && this.#give(bad));
    } else if (peer === undefined) {
      this.#socket.bind({ address: at.host, port: at.port, exclusive: true }, () => this.#opened());
    } else {
      this.#socket.connect(peer.port, peer.host, (error?: Error) => {
        if (error) this.#failed(error);
        else this.#opened();
      });
    }
  }

  receive(): OutsideDatagram | undefined {
    return this.#queue.shift();
  }

  send(payload: Uint8Array, to?: Place): void {
    if (this.state !== "open") return;
    if (this.#peer !== undefined) this.#socket.send(payload, this.#sent);
    else if (to !== undefined) this.#socket.send(payload, to.port, to.host, this.#sent);
    else throw new Error("a datagram without destination");
  }

  takeError(): Failure | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  close(): void {
    void this.destroy();
  }

  destroy(): Promise<void> {
    this.onChange = undefined;
    if (this.state === "closed") return Promise.resolve();
    this.state = "closed";
    this.#queue.length = 0;
    return new Promise((resolve) => {
      this.#socket.close(() => {
        this.outside.forget(this);
        resolve();
      });
    });
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed(error);
  };

  #opened(): void {
    if (this.state !== "opening") return;
    const { address: host, port } = this.#socket.address();
    this.local = { host, port };
    this.state = "open";
    this.changed();
  }

  #failed(error: Error): void {
    if (this.state === "opening") {
      this.#give(failureOf(error, this.#peer ?? this.local, this.#peer ? "connect" : "listen"));
    } else if (this.state === "open" && this.#peer !== undefined) {
      // RFC 1122 4.1.3.3: what ICMP says about a datagram is passed to whoever sent it.
      this.#error = failureOf(error, this.#peer, "connect");
      this.changed();
    }
  }

  #give(why: Failure): void {
    this.#socket.close();
    this.closed(why);
  }
}

function wrongPort(place: Place, least: number): Failure | undefined {
  const { port } = place;
  if (Number.isInteger(port) && port >= least && port <= 65535) return undefined;
  return failure("bad-address", place, `a port is a number from ${least} to 65535`);
}

/** The host's codes, with the reason they are and words for them. */
const CODES: Readonly<Record<string, readonly [FailureReason, string]>> = {
  EADDRINUSE: ["in-use", "address already in use"],
  EACCES: ["denied", "permission denied"],
  EPERM: ["denied", "permission denied"],
  EADDRNOTAVAIL: ["bad-address", "not an address of this host"],
  EINVAL: ["bad-address", "not a possible address"],
  EAFNOSUPPORT: ["bad-address", "this host has no such kind of address"],
  ENOTFOUND: ["bad-address", "no such host"],
  EAI_AGAIN: ["failed", "the name cannot be resolved now"], // no server answers: there may be such a name
  ECONNREFUSED: ["refused", "connection refused"],
  ENETUNREACH: ["network-unreachable", "network unreachable"],
  ENETDOWN: ["network-unreachable", "network down"],
  EHOSTUNREACH: ["host-unreachable", "no route to host"],
  EHOSTDOWN: ["host-unreachable", "host down"],
  ETIMEDOUT: ["timed-out", "connection timed out"],
  ECONNRESET: ["reset", "connection reset"],
  EPIPE: ["reset", "connection closed by the peer"],
  ECONNABORTED: ["reset", "connection aborted"],
  EMFILE: ["exhausted", "too many open files"],
  ENFILE: ["exhausted", "too many open files on this host"],
  ENOBUFS: ["exhausted", "no memory for sockets"],
  ENOMEM: ["exhausted", "out of memory"],
};

export function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : undefined;
}

function reasonOf(error: Error): FailureReason {
  return CODES[codeOf(error) ?? ""]?.[0] ?? "failed";
}

/** The host's error, for people. */
export function wordsOf(error: Error): string {
  return CODES[codeOf(error) ?? ""]?.[1] ?? error.message;
}

/** What the host's error means for what was tried at a place. */
export function failureOf(error: Error, place: Place, verb: "connect" | "listen"): Failure {
  const code = codeOf(error);
  if (code === "EADDRNOTAVAIL" && verb === "connect") {
    return failure("exhausted", place, "no free port on this host");
  }
  if (code === "EACCES" && verb === "listen" && place.port < 1024) {
    return failure("denied", place, "permission denied; ports below 1024 are reserved for the administrator");
  }
  return failure(reasonOf(error), place, wordsOf(error));
}
