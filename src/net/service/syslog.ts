/** A syslog collector over UDP (RFC 5426) and TCP (RFC 6587): everything is kept as it came. */
import { latin1, type Micros } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";
import { Journal } from "./journal.ts";
import { type ConnectionLimits, Service, type ServiceOptions } from "./service.ts";
import type { Stream, Talk } from "./stream.ts";
import { parse, type Syslog } from "./wire/syslog.ts";

export interface SyslogOptions extends ServiceOptions, ConnectionLimits {
  /** Default 514. */
  port?: number;
}

export interface SyslogEntry {
  at: Micros;
  from: Endpoint;
  protocol: "udp" | "tcp";
  bytes: Uint8Array;
  /** What it says, when it has the form of a syslog message. */
  message: Syslog | undefined;
}

const PORT = 514;

export class SyslogSink extends Service {
  readonly name = "syslog sink";
  readonly entries = new Journal<SyslogEntry>();
  readonly #options: SyslogOptions;

  constructor(options: SyslogOptions) {
    super(options.stack);
    this.#options = options;
    if (options.on !== false) this.start();
  }

  protected open(): void {
    const { port = PORT } = this.#options;
    this.serveUdp(port, ({ payload, from }) => this.#keep(payload, from, "udp"));
    this.serveTcp(port, (stream) => this.#talk(stream), this.#options);
  }

  #keep(bytes: Uint8Array, from: Endpoint, protocol: "udp" | "tcp"): void {
    const result = parse(bytes);
    const message = typeof result === "string" ? undefined : result;
    this.entries.add({ at: this.now, from, protocol, bytes, message }, bytes.length);
  }

  /** RFC 6587 3.4: a message with its length in front, or one that ends with a line feed. */
  #talk(stream: Stream): Talk {
    return {
      data: (bytes, ended) => {
        let used = 0;
        for (;;) {
          const rest = bytes.subarray(used);
          const [start, digits] = /^([1-9]\d{0,4}) /.exec(latin1(rest.subarray(0, 6))) ?? [];
          const feed = rest.indexOf(LF);
          let end = feed;
          let from = 0;
          if (start !== undefined) {
            from = start.length;
            end = from + Number(digits);
            if (end > rest.length) end = -1;
          }
          // What does not end is a message all the same: at the end of the stream, or when there is no more room.
          const full = rest.length >= MOST_WAITING;
          if (end < 0 && rest.length > 0 && (ended || full)) end = rest.length;
          if (end < 0 || rest.length === 0) break;
          if (end > from) this.#keep(rest.slice(from, end), stream.remote, "tcp");
          used += start === undefined && feed === end ? end + 1 : end;
        }
        if (ended) stream.end();
        return used;
      },
    };
  }
}

const LF = 10;
const MOST_WAITING = 32 * 1024;
