/**
 * A TCP connection as a service sees it: bytes come in as far as there is room for them, answers go out as fast as the
 * peer takes them, and nothing waits. A peer that sends without reading what it is answered is not read any further.
 */
import { FOREVER, latin1, type Micros, SECOND } from "../../base/index.ts";
import { type Endpoint, type Reason, type Socket, TcpState } from "../sockets.ts";
import type { Service, Worker } from "./service.ts";

/** The one who speaks on a connection. */
export interface Talk {
  /** The connection stands; before anything else. */
  begin?(): void;
  /**
   * What has arrived and was not used yet. Called with the same bytes again whenever something may have changed.
   * @param ended nothing follows: the peer has closed its direction
   * @returns how many bytes were used; the others come again, with more
   */
  data(bytes: Uint8Array, ended: boolean): number;
  /** The next piece of a long answer, or undefined; asked whenever little is waiting to be sent. */
  more?(): Uint8Array | undefined;
  /** Nothing has moved for the limit's time; without this method the connection is reset. */
  idle?(): void;
  /** The connection is over. @param reason why, unless both sides wanted that */
  over?(reason: Reason | undefined): void;
}

export interface StreamLimits {
  /** Bytes that may have arrived and not be used, 1 or more. Default 64 KiB. */
  input: number;
  /** The longest time without a byte in either direction; FOREVER = any. Default 300 s. */
  idle: Micros;
}

/** Bytes of answers that may wait before the peer is read no further, and below which `more` is asked. */
const MOST_WAITING = 64 * 1024;
const FIRST_INPUT = 1024;
/** How long a peer that was told the end may take to end too. */
const LINGER: Micros = 30 * SECOND;

export class Stream implements Worker {
  due: Micros = FOREVER;
  slot = -1;
  readonly socket: Socket;
  readonly remote: Readonly<Endpoint>;
  readonly local: Readonly<Endpoint>;
  readonly #service: Service;
  readonly #talk: Talk;
  readonly #limits: StreamLimits;
  readonly #gone: () => void;
  #input = new Uint8Array(0);
  #length = 0;
  #finished = false;
  readonly #output: Uint8Array[] = [];
  #outputAt = 0;
  #waiting = 0;
  #begun = false;
  #ending = false;
  #over = false;
  /** When the connection is given up. */
  #limit: Micros = FOREVER;

  constructor(
    socket: Socket,
    service: Service,
    talk: (stream: Stream) => Talk,
    limits: Partial<StreamLimits>,
    gone: () => void,
  ) {
    this.socket = socket;
    this.remote = socket.remote ?? { address: 0, port: 0 };
    this.local = socket.local;
    this.#service = service;
    this.#limits = { input: 64 * 1024, idle: 300 * SECOND, ...limits };
    this.#gone = gone;
    this.#talk = talk(this);
    socket.onChange = () => service.touch(this);
  }

  /** Bytes that were written and are not with TCP yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** More than a peer that reads should leave waiting: whoever answers requests stops for now. */
  get busy(): boolean {
    return this.#waiting > MOST_WAITING;
  }

  /** `end` was called: nothing more is read or can be written. */
  get ending(): boolean {
    return this.#ending || this.#over;
  }

  /** Queues bytes, which must not be changed any more, or ASCII text. Lost after the end. */
  write(what: Uint8Array | string): void {
    const bytes = typeof what === "string" ? bytesOfLatin1(what) : what;
    if (this.ending || bytes.length === 0) return;
    this.#output.push(bytes);
    this.#waiting += bytes.length;
    this.#service.touch(this);
  }

  /** Closes in order: after all that was written comes the end. */
  end(): void {
    this.#ending = true;
    this.#service.touch(this);
  }

  abort(): void {
    this.socket.abort();
    this.#finish("aborted");
  }

  /** Gives the talk a turn: something it waited for has happened. */
  touch(): void {
    this.#service.touch(this);
  }

  work(now: Micros): void {
    if (this.#over) return;
    const progress = this.#turn();
    if (this.#over) return;
    if (progress || this.#limit === FOREVER) {
      this.#limit = now + (this.#ending ? Math.min(LINGER, this.#limits.idle) : this.#limits.idle);
    } else if (now >= this.#limit) {
      if (this.#ending || !this.#talk.idle) {
        this.abort();
        return;
      }
      this.#talk.idle();
      this.#limit = now + LINGER;
    }
    this.#service.wake(this, this.#limit);
  }

  /** Moves what can be moved; answers whether anything was. */
  #turn(): boolean {
    if (!this.#begun) {
      const { state } = this.socket;
      if (state === TcpState.SYN_SENT || state === TcpState.SYN_RECEIVED) return false;
      if (state === TcpState.CLOSED) {
        this.#lose(this.socket.takeError() ?? "reset");
        return false;
      }
      this.#begun = true;
      this.#talk.begin?.();
    }
    let progress = false;
    for (;;) {
      let moved = this.#flush();
      if (this.#over) return true;
      if (this.#ending) {
        if (this.#waiting === 0) this.#sayGoodbye();
        return progress || moved;
      }
      const came = !this.busy && this.#read();
      if (this.#over) return true;
      const used = this.#talk.data(this.#input.subarray(0, this.#length), this.#finished);
      if (used > 0) {
        this.#input.copyWithin(0, used, this.#length);
        this.#length -= used;
      }
      while (this.#waiting < MOST_WAITING && !this.ending) {
        const piece = this.#talk.more?.();
        if (piece === undefined) break;
        this.write(piece);
      }
      if (this.#flush()) moved = true;
      if (this.#over) return true;
      if (!came && !moved && used === 0 && !this.#ending) return progress;
      progress = true;
    }
  }

  /** Gives TCP what it takes. */
  #flush(): boolean {
    let moved = false;
    for (;;) {
      const first = this.#output[0];
      if (first === undefined) return moved;
      const sent = this.socket.send(first.subarray(this.#outputAt));
      if (sent === "would-block") return moved;
      if (typeof sent === "string") {
        this.#lose(sent);
        return true;
      }
      moved = true;
      this.#outputAt += sent;
      this.#waiting -= sent;
      if (this.#outputAt < first.length) continue;
      this.#output.shift();
      this.#outputAt = 0;
    }
  }

  #read(): boolean {
    if (this.#finished || this.#length >= this.#limits.input) return false;
    if (this.#length === this.#input.length) {
      const larger = new Uint8Array(
        Math.min(this.#limits.input, Math.max(FIRST_INPUT, 2 * this.#input.length)),
      );
      larger.set(this.#input);
      this.#input = larger;
    }
    const got = this.socket.receive(this.#input.subarray(this.#length));
    if (got === "would-block") return false;
    if (typeof got === "string") this.#lose(got);
    else if (got === 0) this.#finished = true;
    else this.#length += got;
    return true;
  }

  /**
   * Everything is with TCP: the end is told, and what still comes is dropped until the peer ends too. Closing at once
   * would answer data on its way with a reset (RFC 1122 4.2.2.13), and the peer might lose our last words.
   */
  #sayGoodbye(): void {
    this.socket.shutdown("send");
    const rest = new Uint8Array(4096);
    for (;;) {
      const got = this.socket.receive(rest);
      if (got === "would-block") return;
      if (typeof got === "number" && got > 0) continue;
      this.socket.close();
      this.#finish(undefined);
      return;
    }
  }

  #lose(reason: Reason): void {
    this.socket.close();
    this.#finish(reason);
  }

  #finish(reason: Reason | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#output.length = 0;
    this.#waiting = 0;
    this.#input = new Uint8Array(0);
    this.#gone();
    this.#talk.over?.(reason);
  }
}

/** The longest line of any protocol here without its end; RFC 5321 4.5.3.1.6 asks for 1000, paths need more. */
const LONGEST_LINE = 8 * 1024;

/**
 * A talk in lines. A line ends with LF; a CR before it belongs to the end. Lines too long are dropped whole and told.
 */
export abstract class LineTalk implements Talk {
  protected readonly stream: Stream;
  /** Set while what comes is not lines: it is given the bytes instead, as `Talk.data` is. */
  protected raw: ((bytes: Uint8Array, ended: boolean) => number) | undefined = undefined;
  #skipping = false;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** One line, one character a byte. False = not now: it comes again when the stream is touched. */
  protected abstract line(text: string): boolean;
  protected abstract tooLong(): void;

  /** The peer has said its last, and all of it was heard. */
  protected hungUp(): void {
    this.stream.end();
  }

  data(bytes: Uint8Array, ended: boolean): number {
    let at = 0;
    while (!this.stream.ending) {
      if (this.stream.busy) return at;
      if (this.raw) {
        const { raw } = this;
        const used = raw(bytes.subarray(at), ended);
        at += used;
        if (used === 0 && this.raw === raw) {
          if (ended && at === bytes.length) this.hungUp();
          return at;
        }
        continue;
      }
      const end = bytes.indexOf(LF, at);
      if (end < 0) {
        if (bytes.length - at > LONGEST_LINE) this.#skipping = true;
        if (this.#skipping) at = bytes.length;
        if (ended) this.hungUp();
        return at;
      }
      const stop = end > at && bytes[end - 1] === CR ? end - 1 : end;
      if (this.#skipping || stop - at > LONGEST_LINE) {
        this.#skipping = false;
        this.tooLong();
      } else if (!this.line(latin1(bytes.subarray(at, stop)))) {
        return at;
      }
      at = end + 1;
    }
    return bytes.length;
  }
}

const LF = 10;
const CR = 13;

/** The inverse of `latin1`. Characters above 255 lose their upper bits. */
export function bytesOfLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** UTF-8 that was read one character a byte, as the characters it means (RFC 2640). */
export function utf8Of(text: string): string {
  return new TextDecoder().decode(bytesOfLatin1(text));
}
