import { foldedAddress, type IpAddress } from "../wire/ip-address.ts";
import type { Connection } from "./connection.ts";
import type { TimeWait } from "./time-wait.ts";

/** What a four-tuple leads to. */
export type Flow = Connection | TimeWait;

/**
 * Connections by four-tuple. The key is a 32-bit hash, the cheapest that a Map takes; what shares a hash hangs on a
 * chain. Nothing is allocated to look one up.
 */
export class Flows {
  readonly #buckets = new Map<number, Flow>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether a connection in any state has this local port. Asked by few, so all are looked through. */
  hasPort(localPort: number): boolean {
    for (const c of this) if (c.localPort === localPort) return true;
    return false;
  }

  find(
    localAddress: IpAddress,
    localPort: number,
    remoteAddress: IpAddress,
    remotePort: number,
  ): Flow | undefined {
    let c = this.#buckets.get(hash(localAddress, localPort, remoteAddress, remotePort));
    while (c !== undefined) {
      if (
        c.localPort === localPort &&
        c.remotePort === remotePort &&
        c.remoteAddress === remoteAddress &&
        c.localAddress === localAddress
      ) {
        return c;
      }
      c = c.chain;
    }
    return undefined;
  }

  add(c: Flow): void {
    const key = hash(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    c.chain = this.#buckets.get(key);
    this.#buckets.set(key, c);
    this.#size++;
  }

  /** False when it was not there (any more). */
  remove(c: Flow): boolean {
    const key = hash(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    const first = this.#buckets.get(key);
    if (first === c) {
      if (c.chain) this.#buckets.set(key, c.chain);
      else this.#buckets.delete(key);
    } else {
      let previous = first;
      while (previous !== undefined && previous.chain !== c) previous = previous.chain;
      if (previous === undefined) return false;
      previous.chain = c.chain;
    }
    c.chain = undefined;
    this.#size--;
    return true;
  }

  *[Symbol.iterator](): Generator<Flow> {
    for (let c of this.#buckets.values()) {
      for (let next: Flow | undefined = c; next !== undefined; next = c.chain) yield (c = next);
    }
  }
}

function hash(
  localAddress: IpAddress,
  localPort: number,
  remoteAddress: IpAddress,
  remotePort: number,
): number {
  const remote = typeof remoteAddress === "number" ? remoteAddress : foldedAddress(remoteAddress);
  const local = typeof localAddress === "number" ? localAddress : foldedAddress(localAddress);
  let h = Math.imul(remote ^ Math.imul(local, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ ((remotePort << 16) | localPort), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
