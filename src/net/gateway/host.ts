/**
 * What lies behind the gateway: some host's TCP connections, UDP datagrams and names, in few verbs and without any
 * type of the platform. `NoOutside` has nothing, `MemoryOutside` is a small deterministic internet for tests and
 * browsers, and the Node room has real sockets. One suite of tests runs against all (test/contract).
 *
 * The rules that all keep:
 * - A verb returns at once and never calls back from inside. What it began shows later: the object's state changes,
 *   then its `onChange` is called, then `onWake` of the outside.
 * - What goes wrong is a `Failure`, a value that names the place. Only wrong use by the caller throws.
 * - Nothing is kept without bound: an outside stops taking bytes from a peer whose bytes nobody reads, and `room`
 *   tells how much a writer may still give.
 */
import type { Micros } from "../../base/index.ts";

/** An IP address or a name, and a port 0 … 65535. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8080`, `[::1]:8080` */
export function showPlace({ host, port }: Place): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export type FailureReason =
  /** Somebody else has the port. */
  | "in-use"
  /** The host does not allow it to this user. */
  | "denied"
  /** Not an address, not one of the host's own (listen), or no such name. */
  | "bad-address"
  | "refused"
  | "network-unreachable"
  | "host-unreachable"
  | "timed-out"
  | "reset"
  /** This outside does not do that. */
  | "prohibited"
  /** The host has run out of something: files, ports, memory. */
  | "exhausted"
  /** Anything else; the text has the host's word for it. */
  | "failed";

export interface Failure {
  readonly reason: FailureReason;
  /** A sentence for people, with the place in it. */
  readonly text: string;
}

/** A failure's sentence: what was tried, where, and what is wrong with it. */
export function failure(reason: FailureReason, place: Place, wrong: string): Failure {
  return { reason, text: `${showPlace(place)}: ${wrong}` };
}

/**
 * "opening" until it is known whether it works; then "open"; "closed" when it failed, when both directions have
 * ended, or when the holder closed it. Never back.
 */
export type State = "opening" | "open" | "closed";

interface Changing {
  readonly state: State;
  /** Why it is closed, unless that was orderly or the holder's own wish. */
  readonly failure: Failure | undefined;
  /** Called after anything readable here has changed; never after the holder has closed or reset it. */
  onChange: (() => void) | undefined;
}

/** A connection. */
export interface OutsideStream extends Changing {
  readonly local: Place;
  readonly remote: Place;
  /** The next bytes that have arrived; they are the reader's to keep. Also after an orderly close, until all are read. */
  read(): Uint8Array | undefined;
  /** The peer has ended its direction, and everything before that has been read. */
  readonly finished: boolean;
  /** Bytes that may be written now; below 1 a writer waits for `onChange`. More than `room` is taken, but not good manners. */
  readonly room: number;
  /**
   * Sends bytes. Lost when the stream is closed already. Throws when opening or ended. True when they have left
   * already, so that the array may be used anew; else it must not be changed any more.
   */
  write(bytes: Uint8Array): boolean;
  /** Half-close: the peer sees the end after everything written. */
  end(): void;
  /** Ends both directions at once; the peer sees a reset, whatever was on its way is lost. */
  reset(): void;
}

/** A port where connections arrive. */
export interface Listener extends Changing {
  /** Where it listens; the real port once it is open, if port 0 was asked for. */
  readonly local: Place;
  /** No further connections; those that there are stay. */
  close(): void;
}

export interface OutsideDatagram {
  readonly from: Place;
  readonly payload: Uint8Array;
}

/** A UDP port. Datagrams that find the queue full are dropped, as UDP has it. */
export interface OutsideDatagrams extends Changing {
  readonly local: Place;
  /** The next datagram that has arrived. */
  receive(): OutsideDatagram | undefined;
  /** Sends one datagram, lost when not open. Its payload must not be changed afterwards. @param to unless made for one peer */
  send(payload: Uint8Array, to?: Place): void;
  /** With one peer: what became of datagrams sent ("refused" when the peer's port is not open); told once. */
  takeError(): Failure | undefined;
  /** Datagrams that arrived and were dropped. */
  readonly dropped: number;
  close(): void;
}

export interface Outside {
  connect(to: Place): OutsideStream;
  /** @param onStream is given each connection as it arrives, open */
  listen(at: Place, onStream: (stream: OutsideStream) => void): Listener;
  /** A UDP port at which anybody's datagrams arrive. */
  bind(at: Place): OutsideDatagrams;
  /** A UDP port that exchanges datagrams with one peer only and hears when that refuses them. */
  reach(peer: Place): OutsideDatagrams;
  /** The addresses of a name as text, of either version of IP, at least one. Answered later, never from inside. */
  resolve(name: string, answer: (addresses: readonly string[] | Failure) => void): void;
  /** Whether an IP address as text (RFC 5952) leads to this host itself: loopback, or one of its cards. */
  isHost(address: string): boolean;
  /** Called after any `onChange`, connection or answer: there is something to do for the world. */
  onWake: (() => void) | undefined;
  /** Moves what moves by the clock; false when that was nothing. An outside with a life of its own has nothing to do here. */
  poll(now: Micros): boolean;
  /** When poll is wanted next; FOREVER when it never is. */
  deadline(): Micros;
  /** Closes everything that is open. Resolves when the host has let go of it all; nothing is called back any more. */
  close(): Promise<void>;
}
