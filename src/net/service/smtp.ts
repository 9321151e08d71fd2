/** An SMTP server (RFC 5321) that delivers nothing: it takes every mail and keeps it. */
import { concat, type Micros } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";
import { showIpAddress } from "../wire/ip-address.ts";
import { Journal } from "./journal.ts";
import { type ConnectionLimits, Service, type ServiceOptions } from "./service.ts";
import { LineTalk, type Stream } from "./stream.ts";

export interface SmtpOptions extends ServiceOptions, ConnectionLimits {
  /** What it calls itself; default "mail.lab". */
  host?: string;
  /** Asked about each recipient; false = 550. Default: everybody is known. */
  accepts?: (recipient: string) => boolean;
  /** Longest mail in bytes; default 10 MiB. */
  largest?: number;
  /** Default 25. */
  port?: number;
}

export interface Mail {
  at: Micros;
  from: Endpoint;
  /** What the client calls itself. */
  hello: string;
  /** Path without brackets; "" for the null reverse-path. */
  sender: string;
  recipients: readonly string[];
  /** Headers and body with CR LF, dots unstuffed (4.5.2). */
  bytes: Uint8Array;
}

const MOST_RECIPIENTS = 100; // 4.5.3.1.8

export class SmtpSink extends Service {
  readonly name = "SMTP sink";
  readonly mails = new Journal<Mail>(64 * 1024 * 1024);
  readonly #options: SmtpOptions;

  constructor(options: SmtpOptions) {
    super(options.stack);
    this.#options = options;
    if (options.on !== false) this.start();
  }

  protected open(): void {
    this.serveTcp(this.#options.port ?? 25, (stream) => new SmtpTalk(stream, this), this.#options);
  }

  get host(): string {
    return this.#options.host ?? "mail.lab";
  }

  get largest(): number {
    return this.#options.largest ?? 10 * 1024 * 1024;
  }

  accepts(recipient: string): boolean {
    return this.#options.accepts?.(recipient) ?? true;
  }

  keep(mail: Omit<Mail, "at">): void {
    this.mails.add({ at: this.now, ...mail }, mail.bytes.length);
  }
}

const CR = 13;
const LF = 10;
const DOT = 46;

class SmtpTalk extends LineTalk {
  readonly #sink: SmtpSink;
  #hello = "";
  #sender: string | undefined;
  #recipients: string[] = [];
  #lines: Uint8Array[] = [];
  #length = 0;

  constructor(stream: Stream, sink: SmtpSink) {
    super(stream);
    this.#sink = sink;
  }

  begin(): void {
    this.#say(220, `${this.#sink.host} SMTP ready`);
  }

  idle(): void {
    this.#say(421, `${this.#sink.host} nothing was said for too long`);
    this.stream.end();
  }

  #say(code: number, ...texts: string[]): void {
    for (const [index, text] of texts.entries())
      this.stream.write(`${code}${index < texts.length - 1 ? "-" : " "}${text}\r\n`);
  }

  protected tooLong(): void {
    this.#say(500, "line too long");
  }

  protected line(text: string): boolean {
    const [, verb = "", rest = ""] = /^(\S*) ?(.*)$/s.exec(text) ?? [];
    switch (verb.toUpperCase()) {
      case "HELO":
      case "EHLO":
        this.#greet(verb.toUpperCase() === "EHLO", rest.trim());
        break;
      case "MAIL":
        this.#mail(rest);
        break;
      case "RCPT":
        this.#recipient(rest);
        break;
      case "DATA":
        this.#data(rest);
        break;
      case "RSET":
        this.#reset();
        this.#say(250, "forgotten");
        break;
      case "NOOP":
        this.#say(250, "nothing done");
        break;
      case "VRFY":
        this.#say(252, "cannot tell; send and see"); // 3.5.3
        break;
      case "HELP":
        this.#say(214, "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY QUIT");
        break;
      case "QUIT":
        this.#say(221, `${this.#sink.host} closes`);
        this.stream.end();
        break;
      default:
        this.#say(500, "unknown command");
    }
    return true;
  }

  #greet(extended: boolean, name: string): void {
    if (name === "") {
      this.#say(501, "who is there?");
      return;
    }
    this.#reset(); // 4.1.4
    this.#hello = name;
    const greeting = `${this.#sink.host} greets ${showIpAddress(this.stream.remote.address)}`;
    if (extended) this.#say(250, greeting, `SIZE ${this.#sink.largest}`, "8BITMIME", "PIPELINING");
    else this.#say(250, greeting);
  }

  #mail(rest: string): void {
    const [, path, parameters = ""] = /^FROM: ?<([^<>\r\n]*)>(.*)$/i.exec(rest) ?? [];
    const size = Number(/(?:^| )SIZE=(\d{1,20})(?: |$)/i.exec(parameters)?.[1] ?? 0); // RFC 1870
    if (this.#hello === "") this.#say(503, "HELO or EHLO comes first");
    else if (this.#sender !== undefined) this.#say(503, "one mail after the other");
    else if (path === undefined) this.#say(501, "MAIL FROM:<address>");
    else if (size > this.#sink.largest) this.#say(552, `at most ${this.#sink.largest} bytes`);
    else {
      this.#sender = path;
      this.#say(250, "sender noted");
    }
  }

  #recipient(rest: string): void {
    const [, path] = /^TO: ?<([^<>\r\n]+)>/i.exec(rest) ?? [];
    if (this.#sender === undefined) this.#say(503, "MAIL comes first");
    else if (path === undefined) this.#say(501, "RCPT TO:<address>");
    else if (this.#recipients.length >= MOST_RECIPIENTS) this.#say(452, "too many recipients");
    else if (!this.#sink.accepts(path)) this.#say(550, "no such mailbox");
    else {
      this.#recipients.push(path);
      this.#say(250, "recipient noted");
    }
  }

  #data(rest: string): void {
    if (this.#sender === undefined || this.#recipients.length === 0) {
      this.#say(503, "MAIL and RCPT come first");
    } else if (rest !== "") {
      this.#say(501, "DATA alone");
    } else {
      this.#say(354, "the mail, then a line with a dot");
      this.raw = (bytes) => this.#takeLine(bytes);
    }
  }

  /** One line, which ends with CR LF and nothing else, lest a mail be seen to end where others see none (2.3.8). */
  #takeLine(bytes: Uint8Array): number {
    let end = bytes.indexOf(LF);
    while (end >= 0 && bytes[end - 1] !== CR) end = bytes.indexOf(LF, end + 1);
    if (end < 0) {
      if (bytes.length < MOST_LINE) return 0;
      end = MOST_LINE - 1; // a line beyond all limits is kept in pieces
    }
    const line = bytes.subarray(0, end + 1);
    if (line.length === 3 && line[0] === DOT) {
      this.raw = undefined;
      this.#finish();
    } else {
      const kept = line[0] === DOT ? line.slice(1) : line.slice();
      this.#length += kept.length;
      if (this.#length <= this.#sink.largest) this.#lines.push(kept);
      else this.#lines.length = 0;
    }
    return line.length;
  }

  #finish(): void {
    if (this.#length > this.#sink.largest) {
      this.#say(552, `at most ${this.#sink.largest} bytes`);
    } else {
      const bytes = concat(this.#lines);
      const [from, hello, sender] = [this.stream.remote, this.#hello, this.#sender!];
      this.#sink.keep({ from, hello, sender, recipients: this.#recipients, bytes });
      this.#say(250, "kept");
    }
    this.#reset();
  }

  #reset(): void {
    this.#sender = undefined;
    this.#recipients = [];
    this.#lines = [];
    this.#length = 0;
  }
}

const MOST_LINE = 32 * 1024;
