/**
 * A router: a station with several cards that sends on what is meant for others, with TTL, fragments and ICMP errors as
 * RFC 1812 has them (`ip/ip.ts` does that), and if asked translates addresses on some of its cards (`nat.ts`).
 */
import { type Clock, type Micros, Random } from "../../base/index.ts";
import type { Route } from "../ip/routes.ts";
import type { Route6 } from "../ip6/routes.ts";
import { macFor, Nic } from "../link/nic.ts";
import type { Port } from "../link/port.ts";
import { Stack } from "../stack.ts";
import { type Address, parseAddress, parseNetwork } from "../wire/address.ts";
import {
  type Address6,
  commonPrefix,
  isLinkLocal6,
  parseAddress6,
  parseNetwork6,
  prefixOf,
} from "../wire/address6.ts";
import { Nat, type NatForward } from "./nat.ts";

export interface RouterInterface {
  port: Port;
  /** `10.0.1.1/24` */
  address: string;
  /** `fd00:1::1/64`: IPv6 is passed on here too, and the router advertises itself and this prefix (RFC 4861 6.2). */
  address6?: string;
  /** `fd00:1::7` */
  gateway6?: string;
  /** Where packets go that no other interface and no route takes. */
  gateway?: string;
  /** Default: made of the address. */
  mac?: number;
  /** Bytes, default 1500. */
  mtu?: number;
  /** Default `eth0`, `eth1` … */
  name?: string;
  /** What leaves here comes from this interface's address. `true`, or with ports that lead inside. */
  nat?: boolean | readonly NatForward[];
}

export interface RouterOptions {
  clock: Clock;
  random: Random;
  interfaces: readonly RouterInterface[];
  /** `10.0.9.0/24 via 10.0.2.7`, `fd00:9::/64 via fd00:2::7` */
  routes?: readonly string[];
  /** Follows the source routes that senders give, as routers do not unless told to (RFC 7126 4.3). Default false. */
  sourceRoutes?: boolean;
}

export class Router {
  readonly stack: Stack;
  /** By interface; undefined where addresses are not translated. */
  readonly nats: readonly (Nat | undefined)[];

  /** Throws when an address or a route makes no sense. */
  constructor({ clock, random, interfaces, routes = [], sourceRoutes = false }: RouterOptions) {
    const nats: (Nat | undefined)[] = [];
    const nics = interfaces.map(({ port, address, mac, mtu, name, nat }, index) => {
      const network = parseNetwork(address);
      if (!network) throw new RangeError(`${JSON.stringify(address)} is not an address such as 10.0.1.1/24`);
      const forward = typeof nat === "object" ? nat : [];
      const own = (): number => this.stack.configuration(index).address;
      nats[index] = nat ? new Nat({ port, address: own, clock, forward }) : undefined;
      return new Nic({
        port: nats[index] ?? port,
        mac: mac ?? macFor(network.address),
        name: name ?? `eth${index}`,
        ...(mtu !== undefined && { mtu }),
      });
    });
    this.nats = nats;
    this.stack = new Stack({ nics, random: new Random(random.u32()), forward: true, sourceRoutes });
    for (const [index, { address, gateway, address6, gateway6 }] of interfaces.entries()) {
      this.stack.configure(index, parseNetwork(address)!);
      if (address6 !== undefined) this.#configure6(index, address6, gateway6);
      if (gateway === undefined) continue;
      const parsed = parseAddress(gateway);
      if (parsed === undefined) throw new RangeError(`${JSON.stringify(gateway)} is not an IPv4 address`);
      this.stack.configure(index, { gateway: parsed });
    }
    for (const text of routes) {
      const route = routeAmong(
        interfaces.flatMap(({ address, address6 = [] }) => [address, address6].flat()),
        text,
      );
      if ("prefixLength" in route) this.stack.addRoute6(route);
      else this.stack.addRoute(route);
    }
  }

  #configure6(index: number, address: string, gateway: string | undefined): void {
    const network = parseNetwork6(address);
    if (!network) throw new RangeError(`${JSON.stringify(address)} is not an address such as fd00:1::1/64`);
    const next = gateway === undefined ? undefined : parseAddress6(gateway);
    if (gateway !== undefined && next === undefined)
      throw new RangeError(`${JSON.stringify(gateway)} is not an IPv6 address`);
    this.stack.configure6(index, {
      addresses: [network],
      duplicateDetection: 0,
      autoconfigure: false,
      advertise: true,
      ...(next !== undefined && { gateway: next }),
    });
  }

  poll(now: Micros): boolean {
    return this.stack.poll(now);
  }

  deadline(): Micros {
    return this.stack.deadline();
  }

  callWhenReady(ready: () => void): boolean {
    return this.stack.callWhenReady(ready);
  }
}

/** As `parseRoute`; throws when the gateway is in none of the networks of these addresses, so that nobody could ask it. */
export function routeAmong(addresses: readonly string[], text: string): Route | Route6 {
  const route = parseRoute(text);
  const near = addresses.some((own) =>
    "prefixLength" in route ? isNear6(own, route.gateway) : isNear(own, route.gateway),
  );
  if (!near)
    throw new RangeError(`${JSON.stringify(text)}: the gateway is in no network that is plugged in here`);
  return route;
}

function isNear(own: string, address: Address): boolean {
  const network = parseNetwork(own);
  return network !== undefined && ((network.address ^ address) & network.mask) === 0;
}

function isNear6(own: string, address: Address6): boolean {
  const network = parseNetwork6(own);
  if (network === undefined) return false;
  return isLinkLocal6(address) || commonPrefix(network.address, address) >= network.prefixLength;
}

/** Reads `10.0.9.0/24 via 10.0.2.7` or `fd00:9::/64 via fd00:2::7`; throws when it is anything else. */
export function parseRoute(text: string): Route | Route6 {
  const [, place, via] = /^\s*(\S+)\s+via\s+(\S+)\s*$/.exec(text) ?? [];
  const six = parseNetwork6(place ?? "");
  const gateway6 = parseAddress6(via ?? "");
  if (six && gateway6 !== undefined)
    return {
      network: prefixOf(six.address, six.prefixLength),
      prefixLength: six.prefixLength,
      gateway: gateway6,
    };
  const network = place === undefined ? undefined : parseNetwork(place);
  const gateway = via === undefined ? undefined : parseAddress(via);
  if (network === undefined || gateway === undefined)
    throw new RangeError(`${JSON.stringify(text)} is not a route such as 10.0.9.0/24 via 10.0.2.7`);
  return { network: (network.address & network.mask) >>> 0, mask: network.mask, gateway };
}
