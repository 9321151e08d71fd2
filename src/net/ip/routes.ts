import { type Address, isLoopback, isMulticast } from "../wire/address.ts";
import type { Interface } from "./interface.ts";

/** A network that is reached through a gateway. */
export interface Route {
  network: Address;
  mask: Address;
  gateway: Address;
}

/** Where a packet leaves: by which interface, to which neighbour, from which address unless the sender has one. */
export interface Path4 {
  readonly interface: Interface;
  readonly nextHop: Address;
  readonly source: Address;
}

/** Destinations for which a redirect is remembered; the oldest go first. */
const REDIRECTS = 256;

/** Routing as a host does it (RFC 1122 3.3.1): own addresses, neighbours, routes by longest prefix, default gateway. */
export class Routes {
  readonly #loopback: Interface;
  readonly #interfaces: readonly Interface[];
  readonly #routes: Route[] = [];
  /** What routers have told of better first hops, by destination (RFC 1122 3.2.2.2: routes to hosts). */
  readonly #redirects = new Map<Address, Path4>();
  /** Gateways that have not answered when they were last asked, the one that failed longest ago first. */
  #failed: Address[] = [];
  /** Changes whenever an answer may have changed: a kept path is good as long as this stays the same. */
  generation = 0;
  /** The unicast destination asked for last, at which generation, and the answer: most questions are the same again. */
  #last: Address = 0;
  #lastGeneration = -1;
  #lastPath: Path4 | undefined;

  constructor(loopback: Interface, interfaces: readonly Interface[]) {
    this.#loopback = loopback;
    this.#interfaces = interfaces;
  }

  /** An address of this station. */
  isOwn(address: Address): boolean {
    if (isLoopback(address)) return true;
    if (address === 0) return false;
    for (const each of this.#interfaces) if (each.address === address) return true;
    return false;
  }

  add(route: Route): void {
    this.#routes.push(route);
    this.#routes.sort((a, b) => b.mask - a.mask); // longest prefix first
    this.generation++;
  }

  all(): readonly Route[] {
    return this.#routes;
  }

  /**
   * RFC 1122 3.2.2.2: only the router that is the first hop now may say that another on its link is better.
   * @returns whether it was believed
   */
  redirect(router: Address, destination: Address, gateway: Address): boolean {
    const path = this.find(destination);
    if (path === undefined || path.nextHop !== router || path.nextHop === destination) return false;
    const { interface: by } = path;
    if (!by.isLocal(gateway) || by.isBroadcast(gateway) || this.isOwn(gateway) || gateway === router)
      return false;
    this.#redirects.delete(destination);
    if (this.#redirects.size >= REDIRECTS) {
      const [oldest] = this.#redirects.keys();
      if (oldest !== undefined) this.#redirects.delete(oldest);
    }
    this.#redirects.set(destination, { ...path, nextHop: gateway });
    this.generation++;
    return true;
  }

  /**
   * A next hop does not answer: destinations that were sent there by a redirect go the old way again, others by another
   * gateway if there is one (RFC 1122 3.3.1.5).
   */
  lost(nextHop: Address): void {
    if (this.#isGateway(nextHop)) {
      this.#failed = [...this.#failed.filter((each) => each !== nextHop), nextHop];
      this.generation++;
    }
    for (const [destination, path] of this.#redirects) {
      if (path.nextHop !== nextHop) continue;
      this.#redirects.delete(destination);
      this.generation++;
    }
  }

  /** A next hop that did not answer does so again. */
  found(nextHop: Address): void {
    if (!this.#failed.includes(nextHop)) return;
    this.#failed = this.#failed.filter((each) => each !== nextHop);
    this.generation++;
  }

  hasFailed(nextHop: Address): boolean {
    return this.#failed.includes(nextHop);
  }

  #isGateway(address: Address): boolean {
    return [...this.#routes, ...this.#interfaces].some(({ gateway }) => gateway === address);
  }

  /** @param source the address it comes from, when that is settled: then it leaves by its interface where it may */
  find(destination: Address, source?: Address): Path4 | undefined {
    if (isMulticast(destination) || destination === 0xffffffff) return this.#look(destination, source);
    if (destination !== this.#last || this.generation !== this.#lastGeneration) {
      this.#lastPath = this.#look(destination, source);
      this.#last = destination;
      this.#lastGeneration = this.generation;
    }
    return this.#lastPath;
  }

  #look(destination: Address, source: Address | undefined): Path4 | undefined {
    if (this.isOwn(destination))
      return { interface: this.#loopback, nextHop: destination, source: destination };
    const candidates = this.#interfaces;
    // The limited broadcast leaves by the first interface, with or without an address (DHCP needs that).
    if (destination === 0xffffffff) return pathBy(this.#holder(source) ?? candidates[0], destination);
    for (const each of candidates) if (each.isLocal(destination)) return pathBy(each, destination);
    if (this.#redirects.size > 0) {
      const better = this.#redirects.get(destination);
      // What was told about a network that this card is no longer in means nothing.
      if (better?.interface.isLocal(better.nextHop)) return pathBy(better.interface, better.nextHop);
    }
    let last: Path4 | undefined;
    for (const route of this.#routes) {
      if (((destination ^ route.network) & route.mask) !== 0) continue;
      for (const each of candidates) {
        if (!each.isLocal(route.gateway)) continue;
        const path = pathBy(each, route.gateway);
        if (!this.hasFailed(route.gateway)) return path;
        last = this.#lesserEvil(last, path);
      }
    }
    if (isMulticast(destination)) return pathBy(this.#holder(source) ?? candidates[0], destination);
    for (const each of candidates) {
      if (each.gateway === 0) continue;
      const path = pathBy(each, each.gateway);
      if (!this.hasFailed(each.gateway)) return path;
      last = this.#lesserEvil(last, path);
    }
    return last;
  }

  /** When no gateway answers, they are asked in turn. */
  #lesserEvil(one: Path4 | undefined, other: Path4): Path4 {
    return one && this.#failed.indexOf(one.nextHop) <= this.#failed.indexOf(other.nextHop) ? one : other;
  }

  #holder(source: Address | undefined): Interface | undefined {
    return source ? this.#interfaces.find((each) => each.address === source) : undefined;
  }
}

function pathBy(way: Interface, nextHop: Address): Path4;
function pathBy(way: Interface | undefined, nextHop: Address): Path4 | undefined;
function pathBy(way: Interface | undefined, nextHop: Address): Path4 | undefined {
  return way && { interface: way, nextHop, source: way.address };
}
