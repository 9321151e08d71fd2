import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer, isIPv6, connect as netConnect, type Server, type Socket } from "node:net";
import {
  FrameQueue,
  FrameReader,
  framed,
  LONGEST_FRAME,
  type Place,
  type RemoteLink,
  showPlace,
} from "../net/index.ts";
import { codeOf, failureOf, wordsOf } from "./host.ts";
import type { Outlet } from "./outlet.ts";

type Words = { readonly error: string };

/** Frames that have come and wait to be taken: above the first number a connection is not read, from the second on it is. */
const PAUSE_AT = 2048;
const RESUME_AT = 512;
/** One piece of a stream can bring more frames than `PAUSE_AT`; a datagram that finds no room is lost. */
const QUEUE = 32_768;
/** Bytes that may wait for the other side before further frames are dropped. */
const WRITE_WINDOW = 4 * 1024 * 1024;
/** Milliseconds between attempts to join again. */
const AGAIN = 500;

/**
 * A switch elsewhere as a station: another kolibri-emu, or a QEMU guest with `-netdev socket`, `stream` or `dgram`.
 * Over TCP one peer at a time is joined. When it leaves, frames for it are dropped until it, or another, is back.
 */
export abstract class SocketLink implements Outlet {
  readonly name: string = "link";
  abstract readonly description: string;
  dropped = 0;
  onWake: (() => void) | undefined;
  onNews: ((text: string) => void) | undefined;
  protected readonly queue = new FrameQueue(QUEUE);

  /** Resolves when the port is open, or the peer has been reached. */
  static async open(link: RemoteLink): Promise<SocketLink | Words> {
    switch (link.kind) {
      case "listen":
        return await ListeningLink.listen(link.at);
      case "connect":
        return await ConnectingLink.connect(link.to);
      case "udp":
        return await DatagramLink.between(link.at, link.to);
    }
  }

  abstract send(frame: Uint8Array): void;
  abstract close(): Promise<void>;

  receive(): Uint8Array | undefined {
    return this.queue.shift();
  }
}

/** The part that both ends of a TCP connection have. */
abstract class StreamLink extends SocketLink {
  #peer: { socket: Socket; name: string } | undefined;
  #corked = false;

  get joined(): boolean {
    return this.#peer !== undefined;
  }

  send(frame: Uint8Array): void {
    const socket = this.#peer?.socket;
    if (!socket?.writable || socket.writableLength > WRITE_WINDOW || frame.length > LONGEST_FRAME) {
      this.dropped++;
      return;
    }
    // What is sent in one go leaves in one system call.
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(framed(frame));
  }

  override receive(): Uint8Array | undefined {
    if (this.queue.length === RESUME_AT) this.#peer?.socket.resume();
    return super.receive();
  }

  /** Called when the peer has gone. */
  protected abstract left(): void;

  protected join(socket: Socket): void {
    const name = showPlace({ host: socket.remoteAddress ?? "?", port: socket.remotePort ?? 0 });
    const peer = { socket, name };
    this.#peer = peer;
    socket.setNoDelay(true);
    let why = "";
    const reader = new FrameReader((frame) => {
      if (!this.queue.push(frame)) this.dropped++;
    });
    socket.on("data", (bytes) => {
      if (!reader.push(bytes)) {
        why = `: it does not speak this framing (a frame of ${reader.broken} bytes)`;
        socket.destroy();
      }
      if (this.queue.length >= PAUSE_AT) socket.pause();
      this.onWake?.();
    });
    socket.on("error", (error) => (why = `: ${wordsOf(error)}`));
    socket.on("close", () => {
      if (this.#peer !== peer) return;
      this.#peer = undefined;
      this.onNews?.(`link: ${name} has left${why}`);
      this.left();
    });
    this.onNews?.(`link: ${name} has joined`);
  }

  /** Sends what is still to be sent, if the peer takes it at once, and ends. */
  protected part(): Promise<void> {
    const peer = this.#peer;
    this.#peer = undefined;
    if (!peer || peer.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      peer.socket.on("close", () => resolve());
      peer.socket.end(() => peer.socket.destroy());
      setTimeout(() => peer.socket.destroy(), AGAIN).unref();
    });
  }
}

class ListeningLink extends StreamLink {
  readonly description: string;
  readonly #server: Server;

  private constructor(server: Server, at: Place) {
    super();
    this.#server = server;
    this.description = `link: waits for a peer at ${showPlace(at)}`;
    server.on("connection", (socket) => {
      if (this.joined) socket.destroy();
      else this.join(socket);
    });
  }

  static async listen(at: Place): Promise<SocketLink | Words> {
    const server = createServer();
    return await new Promise((resolve) => {
      server.once("error", (error) => resolve({ error: failureOf(error, at, "listen").text }));
      server.listen({ host: at.host, port: at.port, backlog: 4 }, () => {
        const { port } = server.address() as { port: number };
        resolve(new ListeningLink(server, { host: at.host, port }));
      });
    });
  }

  protected left(): void {}

  async close(): Promise<void> {
    await Promise.all([this.part(), new Promise((resolve) => this.#server.close(resolve))]);
  }
}

class ConnectingLink extends StreamLink {
  readonly description: string;
  readonly #to: Place;
  #attempt: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(to: Place, socket: Socket) {
    super();
    this.#to = to;
    this.description = `link: joined with ${showPlace(to)}`;
    this.join(socket);
  }

  static async connect(to: Place): Promise<SocketLink | Words> {
    const socket = netConnect(to);
    return await new Promise((resolve) => {
      const failed = (error: Error): void => resolve({ error: failureOf(error, to, "connect").text });
      socket.once("error", failed);
      socket.once("connect", () => {
        socket.off("error", failed);
        resolve(new ConnectingLink(to, socket));
      });
    });
  }

  protected left(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      const socket = netConnect(this.#to);
      this.#attempt = socket;
      const failed = (): void => this.left();
      socket.once("error", failed);
      socket.once("connect", () => {
        socket.off("error", failed);
        this.#attempt = undefined;
        this.join(socket);
      });
    }, AGAIN);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#attempt?.destroy();
    await this.part();
  }
}

class DatagramLink extends SocketLink {
  readonly description: string;
  readonly #socket: DatagramSocket;
  #closed = false;
  #waiting = 0;

  private constructor(socket: DatagramSocket, to: Place) {
    super();
    this.#socket = socket;
    const { address: host, port } = socket.address();
    this.description = `link: datagrams from ${showPlace({ host, port })} to ${showPlace(to)}`;
    socket.on("message", (frame) => {
      if (!this.queue.push(frame)) this.dropped++;
      this.onWake?.();
    });
    // A peer that is not there yet refuses by ICMP. Datagrams are lost then, as on any cable that ends nowhere.
    socket.on("error", (error) => {
      if (codeOf(error) !== "ECONNREFUSED") this.onNews?.(`link: ${wordsOf(error)}`);
    });
  }

  static async between(at: Place, to: Place): Promise<SocketLink | Words> {
    const socket = createSocket(isIPv6(at.host) ? "udp6" : "udp4");
    return await new Promise((resolve) => {
      let bound = false;
      const failed = (error: Error): void => {
        socket.close();
        const { text } = bound ? failureOf(error, to, "connect") : failureOf(error, at, "listen");
        const named = bound && at.host === "127.0.0.1";
        resolve({ error: named ? `${text} (from ${showPlace(at)}: name another local host for it)` : text });
      };
      socket.once("error", failed);
      socket.bind({ address: at.host, port: at.port, exclusive: true }, () => {
        bound = true;
        // Only the peer's datagrams reach a socket that is connected with it.
        socket.connect(to.port, to.host, (error?: Error) => {
          socket.off("error", failed);
          if (error) failed(error);
          else resolve(new DatagramLink(socket, to));
        });
      });
    });
  }

  override send(frame: Uint8Array): void {
    if (this.#closed || this.#waiting > WRITE_WINDOW) {
      this.dropped++;
      return;
    }
    this.#waiting += frame.length;
    this.#attempt(frame, true);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** The host reports that an earlier datagram was refused by refusing this one, which may be welcome. */
  #attempt(frame: Uint8Array, again: boolean): void {
    if (this.#closed) return;
    this.#socket.send(frame, (error) => {
      if (error && again && codeOf(error) === "ECONNREFUSED") {
        this.#attempt(frame, false);
        return;
      }
      this.#waiting -= frame.length;
      if (error) this.dropped++;
    });
  }
}
