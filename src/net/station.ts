import type { Reason, SocketOptions } from "./sockets.ts";
import { ANY6 } from "./wire/address6.ts";
import type { IpAddress } from "./wire/ip-address.ts";
import type { SourceRoute } from "./wire/source-route.ts";

/** What sockets may ask of the station they belong to. */
export interface Station {
  isOwn(address: IpAddress): boolean;
  /**
   * The address that packets to `destination` come from; undefined = no route.
   * @param index the interface that the socket wishes, where the destination leaves it open; -1 = none
   */
  sourceFor(destination: IpAddress, index?: number): IpAddress | undefined;
  isBroadcast(address: IpAddress): boolean;
  /** Takes packets to a group on an interface. */
  join(group: IpAddress, index: number): Reason | undefined;
  leave(group: IpAddress, index: number): void;
  /** Time to live of packets whose sender does not say. */
  readonly ttl: number;
  /** Bytes of IP payload that can go to `destination` at all. */
  readonly largest: number;
}

/** RFC 1122 3.2.1.7, RFC 1700: what it is unless a stack is told otherwise. */
export const DEFAULT_TTL = 64;

export function defaultOptions(ttl = DEFAULT_TTL): SocketOptions {
  return {
    reuseAddress: false,
    noDelay: false,
    keepAlive: false,
    broadcast: false,
    ttl,
    groupTtl: 1,
    interface: -1,
    tos: 0,
    maxSegment: 0,
    fastOpen: 0,
    sourceRoute: undefined,
    ipOptions: undefined,
    reportErrors: false,
    userTimeout: 0,
  };
}

/** Options of which a change shows at once: `changed` is called when one is set. */
export class WatchedOptions implements SocketOptions {
  reuseAddress: boolean;
  broadcast: boolean;
  ttl: number;
  groupTtl: number;
  interface: number;
  tos: number;
  maxSegment: number;
  fastOpen: number;
  sourceRoute: SourceRoute | undefined;
  ipOptions: Uint8Array | undefined;
  reportErrors: boolean;
  userTimeout: number;
  #noDelay: boolean;
  #keepAlive: boolean;
  readonly #changed: () => void;

  constructor(options: SocketOptions, changed: () => void) {
    this.reuseAddress = options.reuseAddress;
    this.broadcast = options.broadcast;
    this.ttl = options.ttl;
    this.groupTtl = options.groupTtl;
    this.interface = options.interface;
    this.tos = options.tos;
    this.maxSegment = options.maxSegment;
    this.fastOpen = options.fastOpen;
    this.sourceRoute = options.sourceRoute;
    this.ipOptions = options.ipOptions;
    this.reportErrors = options.reportErrors;
    this.userTimeout = options.userTimeout;
    this.#noDelay = options.noDelay;
    this.#keepAlive = options.keepAlive;
    this.#changed = changed;
  }

  get noDelay(): boolean {
    return this.#noDelay;
  }

  set noDelay(value: boolean) {
    this.#noDelay = value;
    this.#changed();
  }

  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  set keepAlive(value: boolean) {
    this.#keepAlive = value;
    this.#changed();
  }
}

/** Who has bound which port: one table for TCP, one for UDP. */
export class Ports<T extends Bound> {
  readonly #table = new Map<number, T[]>();

  on(port: number): readonly T[] {
    return this.#table.get(port) ?? NOBODY;
  }

  add(holder: T): void {
    const others = this.#table.get(holder.local.port);
    if (others) others.push(holder);
    else this.#table.set(holder.local.port, [holder]);
  }

  remove(holder: T): void {
    const others = this.#table.get(holder.local.port);
    const index = others?.indexOf(holder) ?? -1;
    if (others === undefined || index < 0) return;
    others.splice(index, 1);
    if (others.length === 0) this.#table.delete(holder.local.port);
  }
}

export interface Bound {
  readonly local: { readonly address: IpAddress; readonly port: number };
}

const NOBODY: readonly never[] = [];

/** Whether what is bound to `bound` takes what comes to `address`. */
export const covers = (bound: IpAddress, address: IpAddress): boolean =>
  bound === address || (bound === 0 ? typeof address === "number" : bound === ANY6);

/** Two bindings of a port meet when one of them takes something that the other takes too. */
export const overlap = (a: IpAddress, b: IpAddress): boolean => covers(a, b) || covers(b, a);
