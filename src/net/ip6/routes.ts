/**
 * Where a packet goes (RFC 4861 section 5.2) and which of our addresses it comes from (RFC 6724 section 5).
 */
import type { Micros } from "../../base/index.ts";
import {
  type Address6,
  ANY6,
  address6,
  commonPrefix,
  isLinkLocal6,
  isMulticast6,
  isUniqueLocal,
  LOOPBACK6,
  scopeOf,
} from "../wire/address6.ts";
import type { Interface6, OwnAddress6 } from "./interface.ts";

/** A network that is reached through a gateway. */
export interface Route6 {
  network: Address6;
  prefixLength: number;
  gateway: Address6;
}

export interface Path6 {
  readonly interface: Interface6;
  readonly nextHop: Address6;
  readonly source: Address6;
}

/** Destinations for which a redirect is remembered; the oldest go first. */
const REDIRECTS = 256;

export class Routes6 {
  readonly #loopback: Interface6;
  readonly #interfaces: readonly Interface6[];
  readonly #routes: Route6[] = [];
  /** What routers have told of better first hops (RFC 4861 8.3). */
  readonly #redirects = new Map<Address6, { interface: Interface6; nextHop: Address6 }>();
  /** Changes whenever an answer may have changed. */
  generation = 0;

  constructor(loopback: Interface6, interfaces: readonly Interface6[]) {
    this.#loopback = loopback;
    this.#interfaces = interfaces;
  }

  isOwn(address: Address6): boolean {
    if (address === LOOPBACK6) return true;
    for (const each of this.#interfaces) if (each.has(address)) return true;
    return false;
  }

  add(route: Route6): void {
    this.#routes.push(route);
    this.#routes.sort((a, b) => b.prefixLength - a.prefixLength); // longest prefix first
    this.generation++;
  }

  all(): readonly Route6[] {
    return this.#routes;
  }

  redirect(destination: Address6, by: Interface6, nextHop: Address6): void {
    this.#redirects.delete(destination);
    if (this.#redirects.size >= REDIRECTS) {
      for (const oldest of this.#redirects.keys()) {
        this.#redirects.delete(oldest);
        break;
      }
    }
    this.#redirects.set(destination, { interface: by, nextHop });
    this.generation++;
  }

  /** A next hop is gone: destinations that used it are settled anew (RFC 4861 7.3.3). */
  lost(nextHop: Address6): void {
    for (const [destination, way] of this.#redirects) {
      if (way.nextHop === nextHop) this.#redirects.delete(destination);
    }
    this.generation++;
  }

  /** The first hop towards `destination`, if it is not a neighbour. */
  firstHop(destination: Address6, by: Interface6): Address6 | undefined {
    const path = this.find(destination);
    return path?.interface === by && path.nextHop !== destination ? path.nextHop : undefined;
  }

  find(destination: Address6, source?: Address6): Path6 | undefined {
    if (this.isOwn(destination))
      return { interface: this.#loopback, nextHop: destination, source: destination };
    const fixed = source === undefined || source === ANY6 ? undefined : this.#holder(source);
    // What reaches only the link needs to know which: that of the source, else the first (RFC 4007 section 6).
    if (isMulticast6(destination) || isLinkLocal6(destination)) {
      const by = fixed ?? this.#interfaces.find((each) => each.enabled);
      return by && this.#path(by, destination, destination);
    }
    const redirect = this.#redirects.get(destination);
    if (redirect) return this.#path(redirect.interface, redirect.nextHop, destination);
    for (const each of this.#interfaces) {
      if (each.enabled && each.isOnLink(destination)) return this.#path(each, destination, destination);
    }
    for (const { network, prefixLength, gateway } of this.#routes) {
      if (commonPrefix(network, destination) < prefixLength) continue;
      for (const each of this.#interfaces) {
        if (each.enabled && (each.isOnLink(gateway) || isLinkLocal6(gateway)))
          return this.#path(each, gateway, destination);
      }
    }
    for (const each of fixed ? [fixed, ...this.#interfaces] : this.#interfaces) {
      const gateway = each.enabled ? defaultRouterOf(each) : undefined;
      if (gateway !== undefined) return this.#path(each, gateway, destination);
    }
    return undefined;
  }

  #holder(source: Address6): Interface6 | undefined {
    return this.#interfaces.find((each) => each.has(source));
  }

  #path(by: Interface6, nextHop: Address6, destination: Address6): Path6 {
    return { interface: by, nextHop, source: sourceFor(destination, by, this.#interfaces) ?? ANY6 };
  }
}

/** RFC 4861 6.3.6: one set by hand; of those advertised the first that is not known to be silent, else the first. */
function defaultRouterOf(each: Interface6): Address6 | undefined {
  if (each.gateway !== undefined) return each.gateway;
  const reachable = each.routers.find(({ address }) => each.neighbours?.mayReach(address) ?? true);
  return (reachable ?? each.routers[0])?.address;
}

/** RFC 6724 section 5; the outgoing interface's addresses are the candidates, another's only when it has none. */
export function sourceFor(
  destination: Address6,
  by: Interface6,
  others: readonly Interface6[],
): Address6 | undefined {
  let best: OwnAddress6 | undefined;
  const consider = (each: Interface6): void => {
    for (const own of each.addresses) {
      if (own.state !== "preferred" && own.state !== "deprecated") continue;
      if (best === undefined || isBetter(own, best, destination)) best = own;
    }
  };
  consider(by);
  if (best === undefined && scopeOf(destination) > 2) for (const each of others) consider(each);
  return best?.address;
}

function isBetter(a: OwnAddress6, b: OwnAddress6, destination: Address6): boolean {
  // Rule 2: the smallest scope that reaches far enough.
  const [scopeA, scopeB, scope] = [scopeOf(a.address), scopeOf(b.address), scopeOf(destination)];
  if (scopeA !== scopeB) return scopeA < scopeB ? scopeA >= scope : scopeB < scope;
  // Rule 3: not a deprecated one.
  if (a.state !== b.state) return a.state === "preferred";
  // Rule 6: the same label.
  const [same, other] = [labelOf(a.address), labelOf(b.address)].map((each) => each === labelOf(destination));
  if (same !== other) return same!;
  // Rule 8: the longest prefix in common.
  return commonPrefix(a.address, destination) > commonPrefix(b.address, destination);
}

const SIX_TO_FOUR = address6(0x2002, 0, 0, 0, 0, 0, 0, 0);
const TEREDO = address6(0x2001, 0, 0, 0, 0, 0, 0, 0);

/** The default policy table of RFC 6724 2.1, as far as its labels go. */
function labelOf(address: Address6): number {
  if (address === LOOPBACK6) return 0;
  if (isUniqueLocal(address)) return 13;
  if (commonPrefix(address, SIX_TO_FOUR) >= 16) return 2;
  return commonPrefix(address, TEREDO) >= 32 ? 5 : 1;
}

/** A moment that a router gave in seconds from now. */
export const momentOf = (seconds: number, now: Micros): Micros =>
  seconds === 0xffffffff ? Number.POSITIVE_INFINITY : now + seconds * 1_000_000;
