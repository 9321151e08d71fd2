import { foldedAddress, type IpAddress } from "../wire/ip-address.ts";
import type { Connection } from "./connection.ts";
import type { TimeWait } from "./time-wait.ts";

/** What a four-tuple leads to. */
export type Flow = Connection | TimeWait;

/** Buckets that there are at least; a power of two, as it always is. */
const LEAST = 64;

/** Connections by four-tuple: a table by hash, where those that meet hang on a chain. Nothing is allocated but the table. */
export class Flows {
  #buckets = emptyBuckets(LEAST);
  #size = 0;
  #made = 0;

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
    let c = this.#buckets[this.#at(localAddress, localPort, remoteAddress, remotePort)];
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

  has(c: Flow): boolean {
    return this.find(c.localAddress, c.localPort, c.remoteAddress, c.remotePort) === c;
  }

  add(c: Flow): void {
    if (c.serial === 0) c.serial = ++this.#made;
    if (this.#size >= this.#buckets.length) this.#resize(this.#buckets.length * 2);
    this.#hang(c);
    this.#size++;
  }

  /** False when it was not there (any more). */
  remove(c: Flow): boolean {
    const at = this.#at(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    let other = this.#buckets[at];
    if (other === c) {
      this.#buckets[at] = c.chain;
    } else {
      while (other !== undefined && other.chain !== c) other = other.chain;
      if (other === undefined) return false;
      other.chain = c.chain;
    }
    c.chain = undefined;
    this.#size--;
    if (this.#size * 8 < this.#buckets.length && this.#buckets.length > LEAST)
      this.#resize(this.#buckets.length / 2);
    return true;
  }

  /** In the order in which they were first added. */
  all(): Flow[] {
    return [...this].sort((a, b) => a.serial - b.serial);
  }

  *[Symbol.iterator](): Generator<Flow> {
    for (const first of this.#buckets)
      for (let c: Flow | undefined = first, next = c; c !== undefined; c = next) {
        next = c.chain;
        yield c;
      }
  }

  #hang(c: Flow): void {
    const at = this.#at(c.localAddress, c.localPort, c.remoteAddress, c.remotePort);
    c.chain = this.#buckets[at];
    this.#buckets[at] = c;
  }

  #resize(length: number): void {
    const all = [...this];
    this.#buckets = emptyBuckets(length);
    for (const c of all) this.#hang(c);
  }

  #at(localAddress: IpAddress, localPort: number, remoteAddress: IpAddress, remotePort: number): number {
    return hash(localAddress, localPort, remoteAddress, remotePort) & (this.#buckets.length - 1);
  }
}

const emptyBuckets = (length: number): (Flow | undefined)[] =>
  new Array<Flow | undefined>(length).fill(undefined);

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
