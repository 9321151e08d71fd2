/**
 * An HTTP/1.1 test peer (RFC 9110, 9112): pages from memory, and every request kept as it came. For programs that are
 * clients; it is no server for the world.
 */
import { bytesOf, concat, latin1, type Micros } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";
import { Calendar, httpDate } from "./calendar.ts";
import { Journal } from "./journal.ts";
import { type ConnectionLimits, Service, type ServiceOptions } from "./service.ts";
import { LineTalk, type Stream } from "./stream.ts";

export interface HttpPage {
  /** Text is sent as UTF-8. */
  body: string | Uint8Array;
  /** Default `text/html; charset=utf-8` for text, `application/octet-stream` for bytes. */
  type?: string;
  /** 200 … 599; default 200. */
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Default GET, HEAD and POST. */
  methods?: readonly string[];
}

export interface HttpRequest {
  at: Micros;
  from: Endpoint;
  method: string;
  /** As it stands in the request line. */
  target: string;
  /** The target's path, percent-decoded. */
  path: string;
  /** "HTTP/1.1" */
  version: string;
  /** In order, names as they were written. */
  headers: readonly (readonly [name: string, value: string])[];
  body: Uint8Array;
  /** What it was answered; 0 while it is not. */
  status: number;
}

export interface HttpOptions extends ServiceOptions, ConnectionLimits {
  /** Path → page, or its text. */
  pages?: Readonly<Record<string, HttpPage | string>>;
  /** Asked before the pages; undefined = the pages know. */
  answer?: (request: HttpRequest) => HttpPage | undefined;
  calendar?: Calendar;
  /** Default 80. */
  port?: number;
  /** Longest body of a request in bytes; default 16 MiB. */
  largestBody?: number;
}

const MOST_HEADERS = 200;
const DEFAULT_METHODS = ["GET", "HEAD", "POST"];

export class HttpServer extends Service {
  readonly name = "HTTP server";
  readonly requests = new Journal<HttpRequest>(64 * 1024 * 1024);
  readonly pages = new Map<string, HttpPage>();
  readonly calendar: Calendar;
  readonly largestBody: number;
  readonly #options: HttpOptions;

  /** Throws when a page's path does not begin with `/`, or the port is taken. */
  constructor(options: HttpOptions) {
    super(options.stack);
    this.#options = options;
    this.calendar = options.calendar ?? new Calendar();
    this.largestBody = options.largestBody ?? 16 * 1024 * 1024;
    for (const [path, page] of Object.entries(options.pages ?? {})) {
      if (!path.startsWith("/")) throw new Error(`page ${JSON.stringify(path)}: a path begins with /`);
      this.pages.set(path, typeof page === "string" ? { body: page } : page);
    }
    if (options.on !== false) this.start();
  }

  protected open(): void {
    const { port = 80 } = this.#options;
    this.serveTcp(port, (stream) => new HttpTalk(stream, this), this.#options);
  }

  /** The moment of this turn. */
  get moment(): Micros {
    return this.now;
  }

  /** What is answered to a request. */
  pageFor(request: HttpRequest): HttpPage {
    const chosen = this.#options.answer?.(request);
    if (chosen) return chosen;
    const page = this.pages.get(request.path);
    if (page === undefined) return errorPage(404);
    const methods = page.methods ?? DEFAULT_METHODS;
    return methods.includes(request.method)
      ? page
      : { ...errorPage(405), headers: { Allow: methods.join(", ") } };
  }
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** One connection: requests one after the other, answered in their order. */
class HttpTalk extends LineTalk {
  readonly #server: HttpServer;
  #request: HttpRequest | undefined;
  #headers: [string, string][] = [];
  #body: Uint8Array[] = [];
  #bodyLength = 0;
  #left = 0;
  #keepAlive = true;
  #chunked: "size" | "end" | "trailer" | undefined;

  constructor(stream: Stream, server: HttpServer) {
    super(stream);
    this.#server = server;
  }

  protected line(text: string): boolean {
    if (this.#chunked) this.#chunkLine(text);
    else if (this.#request === undefined) this.#requestLine(text);
    else if (text === "") this.#headersEnd(this.#request);
    else this.#headerLine(text);
    return true;
  }

  protected tooLong(): void {
    this.#fail(this.#request === undefined ? 414 : 431);
  }

  #requestLine(text: string): void {
    if (text === "") return; // RFC 9112 2.2: an empty line before a request is ignored
    const [method = "", target = "", version = "", ...more] = text.split(" ");
    if (!TOKEN.test(method) || target === "" || more.length > 0 || !/^HTTP\/\d\.\d$/.test(version)) {
      this.#fail(400);
      return;
    }
    const path = pathOf(target);
    this.#headers = [];
    this.#request = {
      at: this.#server.moment,
      from: this.stream.remote,
      method,
      target,
      path: path ?? "",
      version,
      headers: this.#headers,
      body: new Uint8Array(0),
      status: 0,
    };
    this.#keepAlive = version !== "HTTP/1.0";
    if (path === undefined) this.#fail(400);
    else if (!version.startsWith("HTTP/1.")) this.#fail(505);
  }

  #headerLine(text: string): void {
    const colon = text.indexOf(":");
    const name = text.slice(0, colon);
    // RFC 9112 5.1: no space before the colon; 5.2: no folded lines.
    if (colon < 1 || !TOKEN.test(name)) this.#fail(400);
    else if (this.#headers.length >= MOST_HEADERS) this.#fail(431);
    else this.#headers.push([name, text.slice(colon + 1).trim()]);
  }

  #values(name: string): string[] {
    return this.#headers
      .filter(([each]) => each.toLowerCase() === name)
      .flatMap(([, value]) => value.split(","))
      .map((value) => value.trim().toLowerCase());
  }

  #headersEnd(request: HttpRequest): void {
    const connection = this.#values("connection");
    if (connection.includes("close")) this.#keepAlive = false;
    if (connection.includes("keep-alive")) this.#keepAlive = true;
    const hosts = this.#values("host").length;
    const lengths = this.#values("content-length");
    const codings = this.#values("transfer-encoding");
    // RFC 9112 3.2, 6.3: these are where two readers could disagree about what was asked.
    const host = request.version === "HTTP/1.1" ? hosts === 1 : hosts < 2;
    const length = lengths[0] ?? "0";
    const unclear = !/^\d+$/.test(length) || lengths.some((each) => each !== length);
    const both = codings.length > 0 && lengths.length > 0;
    if (!host || unclear || both) this.#fail(400);
    else if (codings.length > 0 && codings.join() !== "chunked") this.#fail(501);
    else if (Number(length) > this.#server.largestBody) this.#fail(413);
    else this.#bodyBegins(codings.length > 0, Number(length));
  }

  #bodyBegins(chunked: boolean, length: number): void {
    this.#body = [];
    this.#bodyLength = 0;
    const body = chunked || length > 0;
    if (body && this.#values("expect").includes("100-continue"))
      this.stream.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (chunked) this.#chunked = "size";
    else if (body) this.#take(length);
    else this.#answer();
  }

  /** What comes next is body. */
  #take(length: number): void {
    this.#left = length;
    this.raw = (bytes) => {
      const part = bytes.slice(0, this.#left);
      if (part.length === 0) return 0;
      this.#body.push(part);
      this.#bodyLength += part.length;
      this.#left -= part.length;
      if (this.#left === 0) {
        this.raw = undefined;
        if (this.#chunked) this.#chunked = "end";
        else this.#answer();
      }
      return part.length;
    };
  }

  /** RFC 9112 7.1 */
  #chunkLine(text: string): void {
    if (this.#chunked === "trailer") {
      if (text !== "") return; // fields after the body are not kept
      this.#chunked = undefined;
      this.#answer();
    } else if (this.#chunked === "end") {
      if (text === "") this.#chunked = "size";
      else this.#fail(400);
    } else {
      const [digits] = /^[0-9a-f]{1,8}(?=\s*(;|$))/i.exec(text) ?? [];
      const size = Number.parseInt(digits ?? "", 16);
      if (digits === undefined) this.#fail(400);
      else if (this.#bodyLength + size > this.#server.largestBody) this.#fail(413);
      else if (size === 0) this.#chunked = "trailer";
      else this.#take(size);
    }
  }

  #answer(): void {
    const request = this.#request!;
    request.body = concat(this.#body);
    this.#body = [];
    this.#send(request, this.#server.pageFor(request));
  }

  #fail(status: number): void {
    this.#keepAlive = false;
    this.#send(this.#request, errorPage(status));
  }

  #send(request: HttpRequest | undefined, page: HttpPage): void {
    const { status = 200, body, headers = {} } = page;
    if (request) {
      request.status = status;
      this.#server.requests.add(request, request.body.length + request.target.length);
    }
    this.#request = undefined;
    const bytes = typeof body === "string" ? bytesOf(body) : body;
    const type =
      page.type ?? (typeof body === "string" ? "text/html; charset=utf-8" : "application/octet-stream");
    // RFC 9110 6.4.1, 8.6: 204 and 304 have no content.
    const empty = status === 204 || status === 304;
    const fields: Record<string, string> = {
      Date: httpDate(this.#server.calendar.date(this.#server.moment)),
      Server: "kolibri-emu",
      ...(empty ? {} : { "Content-Type": type, "Content-Length": String(bytes.length) }),
      Connection: this.#keepAlive ? "keep-alive" : "close",
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.stream.write(bytesOf(`HTTP/1.1 ${status} ${phrase(status)}\r\n${lines.join("")}\r\n`));
    if (!empty && request?.method !== "HEAD") this.stream.write(bytes);
    if (!this.#keepAlive) this.stream.end();
  }
}

/** The path of a request target in origin or absolute form, decoded; undefined when it is neither (RFC 9112 3.2). */
function pathOf(target: string): string | undefined {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "") || "/";
  if (target === "*") return "*";
  if (!path.startsWith("/")) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

const PHRASES: Record<number, string> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  414: "URI Too Long",
  418: "I'm a teapot",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** RFC 9112 section 4: the phrase may be empty. */
const phrase = (status: number): string => PHRASES[status] ?? "";

const errorPage = (status: number): HttpPage => ({
  status,
  type: "text/plain; charset=utf-8",
  body: `${status} ${phrase(status)}\n`,
});

/** The value of a request's header field, or undefined; several are joined by commas (RFC 9110 5.3). */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const values = request.headers.filter(([each]) => each.toLowerCase() === name.toLowerCase());
  return values.length > 0 ? values.map(([, value]) => value).join(", ") : undefined;
}

/** A request's body as text, one character a byte. */
export const bodyText = (request: HttpRequest): string => latin1(request.body);
