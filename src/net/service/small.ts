/** The four smallest services, over UDP and TCP: echo (RFC 862), discard (863), daytime (867), chargen (864). */
import { latin1, type Micros } from "../../base/index.ts";
import type { Datagram, Endpoint, Socket } from "../sockets.ts";
import { Calendar, DAYS, MONTHS, showTime } from "./calendar.ts";
import { Journal } from "./journal.ts";
import { type ConnectionLimits, Service, type ServiceOptions } from "./service.ts";
import { bytesOfLatin1, type Stream, type Talk } from "./stream.ts";

export interface SmallOptions extends ServiceOptions, ConnectionLimits {
  /** Instead of the RFC's: 7 echo, 9 discard, 13 daytime, 19 chargen. */
  port?: number;
  /** For daytime. */
  calendar?: Calendar;
}

/** A datagram, or everything that one connection brought, as far as there was room to keep it. */
export interface Heard {
  at: Micros;
  from: Endpoint;
  protocol: "udp" | "tcp";
  bytes: Uint8Array;
}

/** Bytes of one piece of what came that are kept. */
const MOST_KEPT = 64 * 1024;

/** Ports of services that answer whatever they get: two of them would talk to each other for ever. */
const ANSWERING = new Set([7, 13, 17, 19, 37]);

abstract class SmallService extends Service {
  /** What came, datagram by datagram, and piece by piece of the connections. */
  readonly heard = new Journal<Heard>();
  readonly #port: number;
  readonly #limits: ConnectionLimits;

  constructor(options: SmallOptions, port: number) {
    super(options.stack);
    this.#port = options.port ?? port;
    this.#limits = options;
  }

  protected abstract answer(bytes: Uint8Array): Uint8Array | undefined;
  protected abstract talk(stream: Stream): Talk;

  protected open(): void {
    this.serveUdp(this.#port, (datagram, socket) => this.#datagram(datagram, socket));
    this.serveTcp(this.#port, (stream) => this.talk(stream), this.#limits);
  }

  keep(bytes: Uint8Array, from: Endpoint, protocol: "udp" | "tcp"): void {
    const kept = bytes.slice(0, MOST_KEPT);
    this.heard.add({ at: this.now, from, protocol, bytes: kept }, kept.length);
  }

  #datagram({ payload, from }: Datagram, socket: Socket): void {
    this.keep(payload, from, "udp");
    const answer = ANSWERING.has(from.port) ? undefined : this.answer(payload);
    if (answer) socket.send(answer, from);
  }
}

/** Says back what it is told. */
export class EchoService extends SmallService {
  readonly name = "echo service";

  constructor(options: SmallOptions) {
    super(options, 7);
    if (options.on !== false) this.start();
  }

  protected answer(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  protected talk(stream: Stream): Talk {
    return {
      data: (bytes, ended) => {
        if (stream.busy) return 0;
        if (bytes.length > 0) {
          this.keep(bytes, stream.remote, "tcp");
          stream.write(bytes.slice());
        }
        if (ended) stream.end();
        return bytes.length;
      },
    };
  }
}

/** Takes everything and says nothing. */
export class DiscardService extends SmallService {
  readonly name = "discard service";

  constructor(options: SmallOptions) {
    super(options, 9);
    if (options.on !== false) this.start();
  }

  protected answer(): undefined {
    return undefined;
  }

  protected talk(stream: Stream): Talk {
    return {
      data: (bytes, ended) => {
        if (bytes.length > 0) this.keep(bytes, stream.remote, "tcp");
        if (ended) stream.end();
        return bytes.length;
      },
    };
  }
}

/** Says what time it is: `Thursday, January 1, 2026 00:00:00-UTC`, as the RFC's first example. */
export class DaytimeService extends SmallService {
  readonly name = "daytime service";
  readonly #calendar: Calendar;

  constructor(options: SmallOptions) {
    super(options, 13);
    this.#calendar = options.calendar ?? new Calendar();
    if (options.on !== false) this.start();
  }

  protected answer(): Uint8Array {
    const date = this.#calendar.date(this.now);
    const day = `${DAYS[date.getUTCDay()]}, ${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
    return bytesOfLatin1(`${day}, ${date.getUTCFullYear()} ${showTime(date)}-UTC\r\n`);
  }

  protected talk(stream: Stream): Talk {
    return {
      begin: () => {
        stream.write(this.answer());
        stream.end();
      },
      data: (bytes) => bytes.length,
    };
  }
}

const FIRST = 0x20;
const PRINTABLE = 95;
const WIDTH = 72;

/** The RFC's pattern: 72 printable characters a line, each line begins one further. */
function patternLine(index: number): string {
  let line = "";
  for (let column = 0; column < WIDTH; column++)
    line += String.fromCharCode(FIRST + ((index + column) % PRINTABLE));
  return `${line}\r\n`;
}

let madePattern: Uint8Array | undefined;

const pattern = (): Uint8Array =>
  (madePattern ??= bytesOfLatin1(
    Array.from({ length: PRINTABLE }, (_, index) => patternLine(index)).join(""),
  ));

/** Speaks without end over TCP; over UDP one piece of 0 … 512 characters to each datagram. */
export class ChargenService extends SmallService {
  readonly name = "chargen service";
  #datagrams = 0;

  constructor(options: SmallOptions) {
    super(options, 19);
    if (options.on !== false) this.start();
  }

  /** "A random number (between 0 and 512)": here a number that follows from how many were asked for. */
  protected answer(): Uint8Array {
    return pattern().subarray(0, (this.#datagrams++ * 197 + 74) % 513);
  }

  protected talk(stream: Stream): Talk {
    return {
      data: (bytes, ended) => {
        if (bytes.length > 0) this.keep(bytes, stream.remote, "tcp");
        if (ended) stream.end();
        return bytes.length;
      },
      more: pattern,
    };
  }
}

/** What was heard over TCP and UDP together, one character a byte. */
export const heardText = (service: { heard: Journal<Heard> }): string =>
  service.heard.entries.map(({ bytes }) => latin1(bytes)).join("");
