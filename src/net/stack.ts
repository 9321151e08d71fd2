import type { Micros, Random } from "../base/index.ts";
import type { Nic } from "./link/nic.ts";
import type { Sockets } from "./sockets.ts";
import type { Address } from "./wire/address.ts";

export interface StackOptions {
  /** The cards; an interface's number is its index here. */
  nics: readonly Nic[];
  /** Ports, initial sequence numbers and identifications come from it. */
  random: Random;
  /** Packets to other hosts are sent on by the routes (RFC 1812), with TTL decremented. Default false. */
  forward?: boolean;
  /** TCP and UDP to any unicast address are taken as if addressed to this stack: what the gateway needs. Default false. */
  anyAddress?: boolean;
}

export interface IpConfiguration {
  /** 0 = none. */
  address: Address;
  mask: Address;
  /** 0 = none. */
  gateway: Address;
}

/** One station of the network: cards, addresses, protocols, sockets. */
export interface Stack {
  readonly nics: readonly Nic[];
  readonly sockets: Sockets;
  /** Sets what is given of an interface's addresses; the rest stays. Throws when there is no such interface. */
  configure(index: number, configuration: Partial<IpConfiguration>): void;
  configuration(index: number): Readonly<IpConfiguration>;
  /**
   * Takes the frames that have arrived, does what is due at `now`, sends what follows, then tells the sockets' owners
   * what has changed. `now` never decreases. Answers whether anything was done: false means that nothing will happen
   * before `deadline()` unless a frame or a call comes.
   */
  poll(now: Micros): boolean;
  /** When poll must be called even if nothing arrives; FOREVER = never. */
  deadline(): Micros;
}
