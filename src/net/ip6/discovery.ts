/**
 * Neighbor Discovery as a host does it (RFC 4861), and how an interface comes to its addresses (RFC 4862): solicitations
 * and advertisements, redirects, duplicate address detection, and addresses made of what routers advertise.
 */
import { FOREVER, type Micros, MS, type Random, SECOND } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import {
  type Address6,
  ALL_NODES,
  ALL_ROUTERS,
  ANY6,
  commonPrefix,
  identifierOf,
  isLinkLocal6,
  isMulticast6,
  linkLocalOf,
  prefixOf,
  solicitedNode,
  withIdentifier,
} from "../wire/address6.ts";
import * as wire from "../wire/discovery.ts";
import { Icmp6Type } from "../wire/icmpv6.ts";
import { LEAST_MTU } from "../wire/ipv6.ts";
import type { Interface6, OwnAddress6 } from "./interface.ts";
import { momentOf, type Routes6, sourceFor } from "./routes.ts";

/** RFC 4861 section 10. */
const RTR_SOLICITATIONS = 3;
const RTR_SOLICITATION_INTERVAL: Micros = 4 * SECOND;
const MAX_RTR_SOLICITATION_DELAY: Micros = SECOND;
/** The same section, for routers. */
const MAX_INITIAL_RTR_ADVERTISEMENTS = 3;
const MAX_INITIAL_RTR_ADVERT_INTERVAL: Micros = 16 * SECOND;
const MIN_DELAY_BETWEEN_RAS: Micros = 3 * SECOND;
const MAX_RA_DELAY_TIME: Micros = 500 * MS;
/** RFC 4861 6.2.1, the defaults: between two advertisements, and what they say in seconds. */
const MIN_RTR_ADV_INTERVAL: Micros = 200 * SECOND;
const MAX_RTR_ADV_INTERVAL: Micros = 600 * SECOND;
const ROUTER_LIFETIME = 1800;
const PREFIX_VALID = 2_592_000;
const PREFIX_PREFERRED = 604_800;
/** What one interface keeps of what routers say; more is not believed. */
const MOST_ROUTERS = 16;
const MOST_PREFIXES = 64;
const MOST_ADDRESSES = 16;
/** RFC 4862 5.5.3 (e): nobody can shorten a lifetime below this at a stroke. */
const TWO_HOURS: Micros = 7200 * SECOND;
/** RFC 4861 6.3.4: what a router may not exceed. */
const MOST_REACHABLE_MS = 3_600_000;

export interface DiscoveryOptions {
  routes: Routes6;
  random: Random;
  counters: Counters;
  drops: Drops;
  /** This station passes packets on, and says so. */
  isRouter: boolean;
  /** Sends a message with hop limit 255. */
  send(by: Interface6, message: wire.Discovery, source: Address6, destination: Address6): void;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  /** How often each address is asked for before it is used (DupAddrDetectTransmits); 0 = it is used at once. */
  readonly #transmits = new Map<Interface6, number>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  // --- addresses ---------------------------------------------------------------------------------------------------

  /** IPv6 begins on this card: with its link-local address, and a question for routers once that is good. */
  enable(each: Interface6, transmits: number, now: Micros): void {
    this.#transmits.set(each, transmits);
    if (each.enabled) return;
    each.enabled = true;
    this.add(each, { address: linkLocalOf(each.nic.mac), prefixLength: 64, origin: "link-local" }, now);
  }

  add(
    each: Interface6,
    wish: Pick<OwnAddress6, "address" | "prefixLength" | "origin"> &
      Partial<Pick<OwnAddress6, "preferredUntil" | "validUntil">>,
    now: Micros,
  ): void {
    const { random } = this.#options;
    const own: OwnAddress6 = {
      preferredUntil: FOREVER,
      validUntil: FOREVER,
      ...wish,
      state: "tentative",
      probes: 0,
      due: now,
    };
    each.addresses.push(own);
    each.groups?.join(solicitedNode(own.address), now);
    if (own.origin === "manual" || own.origin === "link-local") {
      const prefix = prefixOf(own.address, own.prefixLength);
      each.prefixes.push({ prefix, length: own.prefixLength, until: FOREVER });
    }
    // RFC 4862 5.4.2: many stations that are switched on at once must not ask at once.
    if (this.#transmits.get(each) === 0) this.#settle(each, own, now);
    else own.due = now + random.below(MAX_RTR_SOLICITATION_DELAY);
  }

  remove(each: Interface6, address: Address6): boolean {
    const index = each.addresses.findIndex((own) => own.address === address);
    if (index < 0) return false;
    const [own] = each.addresses.splice(index, 1);
    each.groups?.leave(solicitedNode(address));
    const prefix = prefixOf(address, own!.prefixLength);
    const at = each.prefixes.findIndex(
      (other) => other.prefix === prefix && other.length === own!.prefixLength && other.until === FOREVER,
    );
    if (at >= 0 && own!.origin !== "advertised") each.prefixes.splice(at, 1);
    this.#options.routes.generation++;
    return true;
  }

  /** 5.4: nobody has answered. */
  #settle(each: Interface6, own: OwnAddress6, now: Micros): void {
    own.state = own.preferredUntil <= now ? "deprecated" : "preferred";
    own.due = Math.min(own.preferredUntil, own.validUntil);
    this.#options.routes.generation++;
    if (own.origin === "link-local" && each.advertises) {
      each.firstAdvertisements = MAX_INITIAL_RTR_ADVERTISEMENTS;
      each.advertiseAt = now;
    } else if (own.origin === "link-local" && each.autoconfigure) {
      each.solicitations = RTR_SOLICITATIONS;
      each.solicitAt =
        now + (this.#transmits.get(each) === 0 ? 0 : this.#options.random.below(MAX_RTR_SOLICITATION_DELAY));
    }
  }

  /** RFC 4862 5.4.5: another station has it. Without a link-local address there is no IPv6 on the card. */
  #isTaken(each: Interface6, own: OwnAddress6): void {
    this.#options.counters.duplicateAddresses++;
    own.state = "duplicate";
    own.due = FOREVER;
    if (own.origin === "link-local") {
      each.enabled = false;
      for (const other of each.addresses) {
        other.state = "duplicate";
        other.due = FOREVER;
      }
    }
    this.#options.routes.generation++;
  }

  // --- time --------------------------------------------------------------------------------------------------------

  deadline(each: Interface6): Micros {
    let earliest = Math.min(each.solicitAt, each.advertiseAt);
    for (const own of each.addresses) earliest = Math.min(earliest, own.due);
    for (const { until } of each.prefixes) earliest = Math.min(earliest, until);
    for (const { until } of each.routers) earliest = Math.min(earliest, until);
    return earliest;
  }

  poll(each: Interface6, now: Micros): boolean {
    if (this.deadline(each) > now) return false;
    for (const own of [...each.addresses]) if (own.due <= now) this.#age(each, own, now);
    if (each.solicitAt <= now) this.#solicitRouters(each, now);
    if (each.advertiseAt <= now) this.#advertiseRouter(each, now);
    const fresh = (other: { until: Micros }): boolean => other.until > now;
    if (!each.prefixes.every(fresh) || !each.routers.every(fresh)) {
      each.prefixes.splice(0, each.prefixes.length, ...each.prefixes.filter(fresh));
      each.routers.splice(0, each.routers.length, ...each.routers.filter(fresh));
      this.#options.routes.generation++;
    }
    return true;
  }

  #age(each: Interface6, own: OwnAddress6, now: Micros): void {
    if (own.state === "tentative") {
      if (own.probes >= (this.#transmits.get(each) ?? 1)) {
        this.#settle(each, own, now);
        return;
      }
      own.probes++;
      own.due = now + each.times.retrans;
      // 5.4.2: from nobody, so that no cache learns anything.
      const question = { ...wire.bareSolicitation, target: own.address };
      this.#options.send(each, question, ANY6, solicitedNode(own.address));
      return;
    }
    if (own.validUntil <= now) {
      this.remove(each, own.address);
      return;
    }
    if (own.preferredUntil <= now) own.state = "deprecated";
    own.due = own.validUntil;
    this.#options.routes.generation++;
  }

  /** RFC 4861 6.3.7 */
  #solicitRouters(each: Interface6, now: Micros): void {
    each.solicitations--;
    each.solicitAt = each.solicitations > 0 ? now + RTR_SOLICITATION_INTERVAL : FOREVER;
    const source = sourceFor(ALL_ROUTERS, each, []) ?? ANY6;
    const message: wire.RouterSolicitation = { type: Icmp6Type.ROUTER_SOLICITATION, prefixes: [] };
    if (source !== ANY6) message.sourceMac = each.nic.mac;
    this.#options.send(each, message, source, ALL_ROUTERS);
  }

  /** RFC 4861 6.2.3 to 6.2.5: a router that is asked, or whose time has come, says so to all and names its prefixes. */
  #advertiseRouter(each: Interface6, now: Micros): void {
    const { random, send } = this.#options;
    each.advertisedAt = now;
    each.advertiseAt = now + MIN_RTR_ADV_INTERVAL + random.below(MAX_RTR_ADV_INTERVAL - MIN_RTR_ADV_INTERVAL);
    if (each.firstAdvertisements > 0 && --each.firstAdvertisements > 0)
      each.advertiseAt = now + MAX_INITIAL_RTR_ADVERT_INTERVAL;
    const own = each.addresses.find(({ address }) => isLinkLocal6(address) && each.has(address));
    if (own === undefined) return;
    const prefixes = each.addresses
      .filter(({ origin, state }) => origin === "manual" && state === "preferred")
      .map(({ address, prefixLength }) => ({
        prefix: prefixOf(address, prefixLength),
        length: prefixLength,
        onLink: true,
        autonomous: prefixLength === 64,
        valid: PREFIX_VALID,
        preferred: PREFIX_PREFERRED,
      }));
    const message: wire.RouterAdvertisement = {
      type: Icmp6Type.ROUTER_ADVERTISEMENT,
      hopLimit: each.hopLimit,
      managed: false,
      other: false,
      lifetime: ROUTER_LIFETIME,
      reachable: 0,
      retrans: 0,
      sourceMac: each.nic.mac,
      mtu: each.mtu,
      prefixes: prefixes.filter(
        (one, at) =>
          prefixes.findIndex((other) => other.prefix === one.prefix && other.length === one.length) === at,
      ),
    };
    send(each, message, own.address, ALL_NODES);
  }

  // --- questions about neighbours ----------------------------------------------------------------------------------

  /** RFC 4861 7.2.2. `source`: that of the packet that waits, if it is one of this interface's. */
  solicit(each: Interface6, target: Address6, direct: boolean, wished: Address6 | undefined): void {
    const source = wished !== undefined && each.has(wished) ? wished : sourceFor(target, each, []);
    const message: wire.NeighbourSolicitation = { ...wire.bareSolicitation, target };
    if (source !== undefined) message.sourceMac = each.nic.mac;
    this.#options.send(each, message, source ?? ANY6, direct ? target : solicitedNode(target));
  }

  // --- messages in -------------------------------------------------------------------------------------------------

  /** A message that `wire.check` found well-formed. */
  arrive(bytes: Uint8Array, source: Address6, destination: Address6, from: Interface6, now: Micros): void {
    const message = wire.read(bytes);
    switch (message.type) {
      case Icmp6Type.NEIGHBOUR_SOLICITATION:
        this.#arriveSolicitation(message, source, destination, from);
        return;
      case Icmp6Type.NEIGHBOUR_ADVERTISEMENT:
        this.#arriveAdvertisement(message, destination, from, now);
        return;
      case Icmp6Type.ROUTER_ADVERTISEMENT:
        this.#arriveRouter(message, source, from, now);
        return;
      case Icmp6Type.REDIRECT:
        this.#arriveRedirect(message, source, from);
        return;
      default:
        this.#arriveRouterSolicitation(message, source, from, now);
    }
  }

  /** 6.2.6: a router answers all at once, a little later and not too often. A host does not. */
  #arriveRouterSolicitation(
    message: wire.RouterSolicitation,
    source: Address6,
    from: Interface6,
    now: Micros,
  ): void {
    const { drops, random } = this.#options;
    const nobody = source === ANY6;
    if (!from.advertises || (nobody && message.sourceMac !== undefined)) {
      drops.add("discovery: router solicitation");
      return;
    }
    if (!nobody && message.sourceMac !== undefined) from.neighbours!.heard(source, message.sourceMac, false);
    const soonest = Math.max(
      now + random.below(MAX_RA_DELAY_TIME),
      from.advertisedAt + MIN_DELAY_BETWEEN_RAS,
    );
    from.advertiseAt = Math.min(from.advertiseAt, soonest);
  }

  /** 7.2.3, 7.2.4; RFC 4862 5.4.3 for addresses that are tentative. */
  #arriveSolicitation(
    message: wire.NeighbourSolicitation,
    source: Address6,
    destination: Address6,
    from: Interface6,
  ): void {
    const { drops } = this.#options;
    const nobody = source === ANY6;
    if (nobody && (destination !== solicitedNode(message.target) || message.sourceMac !== undefined)) {
      drops.add("discovery: solicitation from nobody");
      return;
    }
    const own = from.own(message.target);
    if (own === undefined || own.state === "duplicate") {
      drops.add("discovery: other target");
      return;
    }
    if (own.state === "tentative") {
      // Somebody else asks for it, for the same reason as we do.
      if (nobody) this.#isTaken(from, own);
      return;
    }
    if (!nobody && message.sourceMac !== undefined)
      from.neighbours!.heard(source, message.sourceMac, undefined);
    this.#advertise(from, message.target, nobody ? ALL_NODES : source, !nobody);
  }

  #advertise(each: Interface6, target: Address6, destination: Address6, solicited: boolean): void {
    const { isRouter, send } = this.#options;
    send(
      each,
      {
        type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
        target,
        router: isRouter,
        solicited,
        override: true,
        targetMac: each.nic.mac,
        prefixes: [],
      },
      target,
      destination,
    );
  }

  #arriveAdvertisement(
    message: wire.NeighbourAdvertisement,
    destination: Address6,
    from: Interface6,
    now: Micros,
  ): void {
    if (message.solicited && isMulticast6(destination)) {
      this.#options.drops.add("discovery: solicited by nobody");
      return;
    }
    const own = from.own(message.target);
    if (own) {
      if (own.state === "tentative") this.#isTaken(from, own);
      else this.#options.counters.duplicateAddresses++; // 7.2.5 has nothing to be done; seen at least
      return;
    }
    from.neighbours!.advertised(message.target, message.targetMac, message, now);
  }

  /** 6.3.4, and RFC 4862 5.5.3 for each prefix. */
  #arriveRouter(message: wire.RouterAdvertisement, source: Address6, from: Interface6, now: Micros): void {
    const { drops, routes } = this.#options;
    if (!isLinkLocal6(source)) {
      drops.add("discovery: router without link-local address");
      return;
    }
    if (!from.autoconfigure) {
      drops.add("discovery: advertisements not wanted");
      return;
    }
    from.solicitAt = FOREVER;
    if (message.hopLimit !== 0) from.hopLimit = message.hopLimit;
    if (message.reachable > 0 && message.reachable <= MOST_REACHABLE_MS)
      from.times.reachable = message.reachable * MS;
    if (message.retrans > 0 && message.retrans <= MOST_REACHABLE_MS)
      from.times.retrans = message.retrans * MS;
    if (message.mtu !== undefined && message.mtu >= LEAST_MTU && message.mtu <= from.nic.mtu)
      from.mtu = message.mtu;
    if (message.sourceMac !== undefined) from.neighbours!.heard(source, message.sourceMac, true);
    keep(
      from.routers,
      (other) => other.address === source,
      momentOf(message.lifetime, now),
      now,
      MOST_ROUTERS,
      () => ({
        address: source,
        until: 0,
      }),
    );
    for (const prefix of message.prefixes) this.#arrivePrefix(prefix, from, now);
    routes.generation++;
  }

  #arrivePrefix(said: wire.Prefix, from: Interface6, now: Micros): void {
    if (isLinkLocal6(said.prefix) || isMulticast6(said.prefix)) return;
    const prefix = prefixOf(said.prefix, said.length);
    if (said.onLink) {
      const same = (other: { prefix: Address6; length: number; until: Micros }): boolean =>
        other.prefix === prefix && other.length === said.length;
      const byHand = from.prefixes.some((other) => same(other) && other.until === FOREVER);
      if (!byHand)
        keep(from.prefixes, same, momentOf(said.valid, now), now, MOST_PREFIXES, () => ({
          prefix,
          length: said.length,
          until: 0,
        }));
    }
    if (!said.autonomous || said.preferred > said.valid || said.length !== 64) return;
    const own = from.addresses.find(
      (other) => other.origin === "advertised" && commonPrefix(other.address, prefix) >= 64,
    );
    const validUntil = momentOf(said.valid, now);
    const preferredUntil = momentOf(said.preferred, now);
    if (own) {
      own.preferredUntil = preferredUntil;
      if (validUntil - now > TWO_HOURS || validUntil > own.validUntil) own.validUntil = validUntil;
      else if (own.validUntil - now > TWO_HOURS) own.validUntil = now + TWO_HOURS;
      if (own.state === "deprecated" && preferredUntil > now) own.state = "preferred";
      if (own.state === "preferred") own.due = Math.min(own.preferredUntil, own.validUntil);
      return;
    }
    const made = from.addresses.filter(({ origin }) => origin === "advertised").length;
    if (said.valid === 0 || made >= MOST_ADDRESSES) return;
    const address = withIdentifier(prefix, identifierOf(from.nic.mac));
    if (from.own(address)) return; // set by hand already
    this.add(from, { address, prefixLength: 64, origin: "advertised", preferredUntil, validUntil }, now);
  }

  /** 8.1 and 8.3: only the router that is the first hop now may say that another is better. */
  #arriveRedirect(message: wire.Redirect, source: Address6, from: Interface6): void {
    const { routes, drops, counters } = this.#options;
    const { target, destination, targetMac } = message;
    const neighbour = target === destination;
    if (
      !isLinkLocal6(source) ||
      isMulticast6(destination) ||
      (!neighbour && !isLinkLocal6(target)) ||
      routes.firstHop(destination, from) !== source
    ) {
      drops.add("discovery: redirect not to be believed");
      return;
    }
    counters.redirectsSeen++;
    if (targetMac !== undefined) from.neighbours!.heard(target, targetMac, neighbour ? undefined : true);
    routes.redirect(destination, from, target);
  }
}

/** Renews, adds or (when its time is over at once) removes an entry of a bounded list. */
function keep<T extends { until: Micros }>(
  list: T[],
  isIt: (entry: T) => boolean,
  until: Micros,
  now: Micros,
  most: number,
  make: () => T,
): void {
  const index = list.findIndex(isIt);
  if (until <= now) {
    if (index >= 0) list.splice(index, 1);
  } else if (index >= 0) {
    list[index]!.until = until;
  } else if (list.length < most) {
    list.push({ ...make(), until });
  }
}
