import type { SendOptions } from "./ip/network.ts";
import type { Datagram, Endpoint, Reason, Socket, SocketOptions } from "./sockets.ts";
import { News, TcpState } from "./sockets.ts";
import { defaultOptions, type Station } from "./station.ts";
import { type IpAddress, isGroup } from "./wire/ip-address.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { isSourceRoute, lengthOfRoute } from "./wire/source-route.ts";

/** Bytes and datagrams that wait to be read; more are dropped, as any network may. */
const QUEUE_BYTES = 256 * 1024;
const QUEUE_DATAGRAMS = 1024;
/** What each costs besides its bytes, so that empty ones are bounded too. */
const OVERHEAD = 64;

/** What sockets of whole datagrams have in common: a bounded queue, and the calls that make no sense for them. */
export abstract class DatagramQueue implements Socket {
  abstract readonly type: "datagram" | "raw" | "packet";
  readonly state = TcpState.CLOSED;
  readonly options: SocketOptions;
  onChange: ((socket: Socket, news: number) => void) | undefined = undefined;
  error: Reason | undefined = undefined;
  protected bound: Endpoint = { address: 0, port: 0 };
  protected peer: Endpoint | undefined = undefined;
  protected released = false;
  readonly #queue: Datagram[] = [];
  #bytes = 0;
  #news = 0;
  #deaf = false;
  readonly #station: Station;
  readonly #changed: (socket: DatagramQueue) => void;
  readonly #joined: { group: IpAddress; index: number }[] = [];

  /** @param changed is called when news begin to wait for `tell` */
  constructor(station: Station, changed: (socket: DatagramQueue) => void) {
    this.options = defaultOptions(station.ttl);
    this.#station = station;
    this.#changed = changed;
  }

  abstract bind(address: IpAddress, port: number): Reason | undefined;
  abstract connect(address: IpAddress, port: number): Reason | undefined;
  abstract send(bytes: Uint8Array, to?: Endpoint): number | Reason;
  abstract get space(): number;
  /** Takes the socket out of its protocol's tables. */
  protected abstract forget(): void;

  get local(): Readonly<Endpoint> {
    return this.bound;
  }

  get remote(): Readonly<Endpoint> | undefined {
    return this.peer;
  }

  get readable(): boolean {
    return this.#queue.length > 0 || this.error !== undefined || this.#deaf || this.released;
  }

  get writable(): boolean {
    return this.space > 0 || this.error !== undefined;
  }

  get acceptable(): boolean {
    return false;
  }

  get closed(): boolean {
    return this.released;
  }

  /** Bytes of the first datagram. */
  get available(): number {
    return this.#queue[0]?.payload.length ?? 0;
  }

  /** False when there is no room: it is lost. The payload is kept, so it must not be changed any more. */
  arrive(datagram: Datagram): boolean {
    if (this.#deaf) return true;
    const cost = datagram.payload.length + OVERHEAD;
    if (this.#queue.length >= QUEUE_DATAGRAMS || this.#bytes + cost > QUEUE_BYTES) return false;
    this.#queue.push(datagram);
    this.#bytes += cost;
    this.note(News.DATA);
    return true;
  }

  /** Where what is sent to `to` goes first. */
  protected firstHop(to: IpAddress): IpAddress {
    return this.options.sourceRoute?.gateways[0] ?? to;
  }

  /** How what is sent to `to` travels; undefined: the socket has options that cannot be. */
  protected sendOptions(to: IpAddress): SendOptions | undefined {
    const { ttl, groupTtl, tos, sourceRoute: route, ipOptions } = this.options;
    const usual: SendOptions = { ttl: isGroup(to) ? groupTtl : ttl, tos };
    if (route === undefined && ipOptions === undefined) return usual;
    const options = ipOptions && inWords(ipOptions);
    const length = (options?.length ?? 0) + (route ? lengthOfRoute(route) : 0);
    const possible =
      typeof to === "number" &&
      length <= ipv4.MOST_OPTIONS &&
      (route === undefined || isSourceRoute(route)) &&
      (options === undefined || ipv4.areOptionsWhole(options, 0, options.length));
    return possible ? { ...usual, route, options } : undefined;
  }

  /** An ICMP error about something that was sent from here. */
  fail(reason: Reason): void {
    this.error = reason;
    this.note(News.ERROR);
  }

  takeError(): Reason | undefined {
    const { error } = this;
    this.error = undefined;
    return error;
  }

  receive(into: Uint8Array): number | Reason {
    const result = this.peek(into);
    if (result === "truncated" || (typeof result === "number" && this.#queue.length > 0)) this.#drop();
    return result;
  }

  get urgent(): number {
    return 0;
  }

  sendUrgent(): Reason {
    return "not-supported";
  }

  peek(into: Uint8Array): number | Reason {
    const first = this.#first();
    if (typeof first === "string") return first;
    if (first === undefined) return 0;
    const { payload } = first;
    into.set(payload.length > into.length ? payload.subarray(0, into.length) : payload);
    return payload.length > into.length ? "truncated" : payload.length;
  }

  receiveDatagram(): Datagram | Reason {
    const first = this.#first() ?? "would-block";
    if (typeof first !== "string") this.#drop();
    return first;
  }

  /** Undefined when nothing will ever come, because the program does not want to receive. */
  #first(): Datagram | Reason | undefined {
    if (this.released) return "invalid";
    const first = this.#queue[0];
    if (first) return first;
    return this.takeError() ?? (this.#deaf ? undefined : "would-block");
  }

  #drop(): void {
    const first = this.#queue.shift();
    if (first) this.#bytes -= first.payload.length + OVERHEAD;
  }

  listen(): Reason {
    return "not-supported";
  }

  accept(): Reason {
    return "not-supported";
  }

  join(group: IpAddress, index = this.options.interface): Reason | undefined {
    if (this.released || this.#find(group, index) >= 0) return "invalid";
    const reason = this.#station.join(group, index);
    if (reason === undefined) this.#joined.push({ group, index });
    return reason;
  }

  leave(group: IpAddress, index = this.options.interface): Reason | undefined {
    const at = this.#find(group, index);
    if (at < 0) return "not-available";
    this.#joined.splice(at, 1);
    this.#station.leave(group, index);
    return undefined;
  }

  #find(group: IpAddress, index: number): number {
    return this.#joined.findIndex((each) => each.group === group && each.index === index);
  }

  shutdown(how: "send" | "receive" | "both"): Reason | undefined {
    if (this.peer === undefined) return "not-connected";
    if (how !== "send") {
      this.#deaf = true;
      this.#queue.length = 0;
      this.#bytes = 0;
    }
    return undefined;
  }

  close(): void {
    if (this.released) return;
    this.released = true;
    this.onChange = undefined;
    this.#queue.length = 0;
    this.#bytes = 0;
    for (const { group, index } of this.#joined.splice(0)) this.#station.leave(group, index);
    this.forget();
  }

  abort(): void {
    this.close();
  }

  protected note(news: number): void {
    if (this.#news === 0) this.#changed(this);
    this.#news |= news;
  }

  /** Tells the program what has happened since the last time. */
  tell(): void {
    const news = this.#news;
    this.#news = 0;
    this.onChange?.(this, news);
  }
}

/** Padded as RFC 791 3.1 has it: the end of options is a byte of zero. */
function inWords(options: Uint8Array): Uint8Array {
  const words = new Uint8Array((options.length + 3) & ~3);
  words.set(options);
  return words;
}
