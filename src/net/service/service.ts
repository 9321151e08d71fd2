/**
 * What all services have in common: a station's stack, sockets that are opened and closed when the service is switched
 * on and off, and turns. Work is never done inside a socket's callback: that only notes who has something to do, and
 * the next `poll(now)` does it, so a service always knows what time it is.
 */
import { Deadlines, FOREVER, type Micros, type Timed } from "../../base/index.ts";
import type { Datagram, Socket } from "../sockets.ts";
import type { Stack } from "../stack.ts";
import { ANY6 } from "../wire/address6.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { Stream, type StreamLimits, type Talk } from "./stream.ts";

export interface ServiceOptions {
  /** The station it runs on. Several services may share one; each polls it, which does no harm. */
  stack: Stack;
  /** Switched on from the beginning; default true. */
  on?: boolean;
}

/** Something within a service that is given turns: after news of its socket, and when it is due. */
export interface Worker extends Timed {
  work(now: Micros): void;
}

export interface ConnectionLimits extends Partial<StreamLimits> {
  /** Connections at the same time; more wait in the listener's backlog. Default 256. */
  mostConnections?: number;
}

/** Turns at one moment before others have theirs. */
const ROUNDS = 64;
const MOST_CONNECTIONS = 256;
const BACKLOG = 64;

export abstract class Service {
  /** For messages: "DNS server". */
  abstract readonly name: string;
  readonly stack: Stack;
  readonly #touched = new Set<Worker>();
  readonly #timers = new Deadlines<Worker>();
  readonly #streams = new Set<Stream>();
  readonly #sockets: Socket[] = [];
  #on = false;
  #now: Micros = 0;

  constructor(stack: Stack) {
    this.stack = stack;
  }

  /** Opens the sockets, with `serveTcp` and `serveUdp`. Called each time the service is switched on. */
  protected abstract open(): void;

  /** Called when the service is switched off, after its sockets were closed. */
  protected closed(): void {}

  get on(): boolean {
    return this.#on;
  }

  /** The moment of the latest turn. */
  protected get now(): Micros {
    return this.#now;
  }

  /** TCP connections that are open now. */
  get connections(): number {
    return this.#streams.size;
  }

  /** Switches it on; nothing happens when it is on. Throws when a port is taken on this station. */
  start(): void {
    if (this.#on) return;
    this.#on = true;
    try {
      this.open();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Switches it off: ports are closed, connections reset. What was kept stays. */
  stop(): void {
    if (!this.#on) return;
    this.#on = false;
    for (const socket of this.#sockets.splice(0)) socket.close();
    for (const stream of [...this.#streams]) stream.abort();
    this.#touched.clear();
    while (this.#timers.take(FOREVER)) {}
    this.closed();
  }

  /** Gives the station and the service their turns. Answers whether anything was done. */
  poll(now: Micros): boolean {
    this.#now = now;
    let did = this.stack.poll(now);
    for (let round = 0; round < ROUNDS; round++) {
      for (let due = this.#timers.take(now); due; due = this.#timers.take(now)) this.#touched.add(due);
      if (this.#touched.size === 0) break;
      const workers = [...this.#touched];
      this.#touched.clear();
      for (const worker of workers) worker.work(now);
      this.stack.poll(now);
      did = true;
    }
    return did;
  }

  /** When poll is wanted although nothing arrives; FOREVER = never. */
  deadline(): Micros {
    return this.#touched.size > 0 ? this.#now : Math.min(this.#timers.first(), this.stack.deadline());
  }

  /** `worker` has something to do: it gets a turn in the next poll. */
  touch(worker: Worker): void {
    if (!this.#on) return;
    this.#touched.add(worker);
    this.stack.stir();
  }

  /** `worker` wants a turn at `due`; FOREVER = not any more. */
  wake(worker: Worker, due: Micros): void {
    this.#timers.set(worker, due);
  }

  /**
   * Takes datagrams at `port`. `serve` is called for each; answers go out through the socket.
   * @param address whose datagrams: of both versions of IP, or with 0 of IPv4 alone
   */
  protected serveUdp(
    port: number,
    serve: (datagram: Datagram, socket: Socket) => void,
    address: IpAddress = ANY6,
  ): Socket {
    const socket = this.stack.sockets.datagram();
    socket.options.broadcast = true;
    this.#claim(socket, "UDP", address, port);
    const worker = turn(() => {
      for (;;) {
        const datagram = socket.receiveDatagram();
        if (datagram === "would-block" || datagram === "invalid") return;
        // Anything else is an ICMP error about an earlier answer: its reader is gone, which is its own affair.
        if (typeof datagram !== "string") serve(datagram, socket);
      }
    });
    socket.onChange = () => this.touch(worker);
    return socket;
  }

  /** Takes connections at `port`; `talk` makes the one who speaks with each. */
  protected serveTcp(port: number, talk: (stream: Stream) => Talk, limits: ConnectionLimits = {}): Socket {
    const listener = this.stack.sockets.stream();
    listener.options.reuseAddress = true; // the service can be switched on again while old connections die
    this.#claim(listener, "TCP", ANY6, port);
    listener.listen(BACKLOG);
    const { mostConnections = MOST_CONNECTIONS } = limits;
    const worker = turn(() => {
      while (this.#streams.size < mostConnections) {
        const socket = listener.accept();
        if (typeof socket === "string") return;
        this.converse(socket, talk, limits, () => this.touch(worker));
      }
    });
    listener.onChange = () => this.touch(worker);
    return listener;
  }

  /** Lets `talk` speak through a socket that is connected or connecting. @param over called when it has ended */
  protected converse(
    socket: Socket,
    talk: (stream: Stream) => Talk,
    limits: Partial<StreamLimits> = {},
    over?: () => void,
  ): Stream {
    socket.options.noDelay = true; // what is said in one turn leaves together anyway
    const stream = new Stream(socket, this, talk, limits, () => {
      this.#streams.delete(stream);
      this.#touched.delete(stream);
      this.#timers.remove(stream);
      over?.();
    });
    this.#streams.add(stream);
    this.touch(stream);
    return stream;
  }

  #claim(socket: Socket, protocol: string, address: IpAddress, port: number): void {
    this.#sockets.push(socket);
    const reason = socket.bind(address, port);
    if (reason) throw new Error(`${this.name}: ${protocol} port ${port} cannot be opened: ${reason}`);
  }
}

/** A worker that only does `work`. */
export function turn(work: (now: Micros) => void): Worker {
  return { work, due: FOREVER, slot: -1 };
}
