/**
 * A router: a station with several cards that sends on what is meant for others, with TTL, fragments and ICMP errors as
 * RFC 1812 has them (`ip/ip.ts` does that), and if asked translates addresses on some of its cards (`nat.ts`).
 */
import { type Clock, type Micros, Random } from "../../base/index.ts";
import { macFor, Nic } from "../link/nic.ts";
import type { Port } from "../link/port.ts";
import { Stack } from "../stack.ts";
import { parseAddress, parseNetwork } from "../wire/address.ts";
import { Nat, type NatForward } from "./nat.ts";

export interface RouterInterface {
  port: Port;
  /** `10.0.1.1/24` */
  address: string;
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
  /** `10.0.9.0/24 via 10.0.2.7` */
  routes?: readonly string[];
}

export class Router {
  readonly stack: Stack;
  /** By interface; undefined where addresses are not translated. */
  readonly nats: readonly (Nat | undefined)[];

  /** Throws when an address or a route makes no sense. */
  constructor({ clock, random, interfaces, routes = [] }: RouterOptions) {
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
    this.stack = new Stack({ nics, random: new Random(random.u32()), forward: true });
    for (const [index, { address, gateway }] of interfaces.entries()) {
      this.stack.configure(index, parseNetwork(address)!);
      if (gateway === undefined) continue;
      const parsed = parseAddress(gateway);
      if (parsed === undefined) throw new RangeError(`${JSON.stringify(gateway)} is not an IPv4 address`);
      this.stack.configure(index, { gateway: parsed });
    }
    for (const route of routes) this.stack.addRoute(parseRoute(route));
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

/** Reads `10.0.9.0/24 via 10.0.2.7`; throws when it is anything else. */
export function parseRoute(text: string): { network: number; mask: number; gateway: number } {
  const [, place, via] = /^\s*(\S+)\s+via\s+(\S+)\s*$/.exec(text) ?? [];
  const network = place === undefined ? undefined : parseNetwork(place);
  const gateway = via === undefined ? undefined : parseAddress(via);
  if (network === undefined || gateway === undefined)
    throw new RangeError(`${JSON.stringify(text)} is not a route such as 10.0.9.0/24 via 10.0.2.7`);
  return { network: (network.address & network.mask) >>> 0, mask: network.mask, gateway };
}
