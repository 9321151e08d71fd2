/**
 * What is known of the way to a destination: the largest packet that gets through (RFC 1191 section 6, RFC 8201).
 * After a while it is forgotten, so that a way that has become better is found out.
 */
import { Deadlines, FOREVER, type Micros, SECOND, type Timed } from "../../base/index.ts";
import type { IpAddress } from "../wire/ip-address.ts";

/** RFC 1191 6.3, RFC 8201 4: 10 minutes before something larger is tried again. */
export const LIFETIME: Micros = 600 * SECOND;
/** Destinations remembered; the oldest go first. */
export const ENTRIES = 1024;

interface Way extends Timed {
  readonly destination: IpAddress;
  mtu: number;
}

export class PathMtus {
  readonly #ways = new Map<IpAddress, Way>();
  readonly #deadlines = new Deadlines<Way>();

  get size(): number {
    return this.#ways.size;
  }

  /** Bytes of the largest packet to `destination`; `limit`, the link's, when nothing smaller is known. */
  of(destination: IpAddress, limit: number): number {
    if (this.#ways.size === 0) return limit;
    return Math.min(limit, this.#ways.get(destination)?.mtu ?? limit);
  }

  /** A router says that no more than `mtu` bytes get through. False: nothing that was not known. */
  lower(destination: IpAddress, mtu: number, now: Micros): boolean {
    let way = this.#ways.get(destination);
    if (way && way.mtu <= mtu) return false;
    if (way === undefined) {
      if (this.#ways.size >= ENTRIES) this.#forgetOldest();
      way = { destination, mtu, due: FOREVER, slot: -1 };
      this.#ways.set(destination, way);
    }
    way.mtu = mtu;
    this.#deadlines.set(way, now + LIFETIME);
    return true;
  }

  deadline(): Micros {
    return this.#deadlines.first();
  }

  /** A destination whose entry is over, which is forgotten. */
  expire(now: Micros): IpAddress | undefined {
    const way = this.#deadlines.take(now);
    if (way === undefined) return undefined;
    this.#ways.delete(way.destination);
    return way.destination;
  }

  #forgetOldest(): void {
    for (const way of this.#ways.values()) {
      this.#deadlines.remove(way);
      this.#ways.delete(way.destination);
      return;
    }
  }
}
