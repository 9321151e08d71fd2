import type { SocketOptions } from "./sockets.ts";
import type { Address } from "./wire/address.ts";

/** What sockets may ask of the station they belong to. */
export interface Station {
  isOwn(address: Address): boolean;
  /** The address that packets to `destination` come from; undefined = no route. */
  sourceFor(destination: Address): Address | undefined;
  isBroadcast(address: Address): boolean;
  /** Bytes of IP payload that can go to `destination` at all. */
  readonly largest: number;
}

export function defaultOptions(): SocketOptions {
  return { reuseAddress: false, noDelay: false, keepAlive: false, broadcast: false, ttl: 64, userTimeout: 0 };
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
  readonly local: { readonly address: Address; readonly port: number };
}

const NOBODY: readonly never[] = [];

/** Two bindings of a port meet when their addresses are equal or one of them is for all. */
export const overlap = (a: Address, b: Address): boolean => a === b || a === 0 || b === 0;
