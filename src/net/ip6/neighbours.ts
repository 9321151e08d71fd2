/**
 * Which card has which address on one link, and whether it is still there: the neighbour cache of RFC 4861 section 7.3.
 *
 * Only INCOMPLETE, DELAY and PROBE have a timer. That an entry is REACHABLE no more is seen when it is used, which is
 * when it matters: the packet still goes out, and the question follows it after a while.
 */
import { Deadlines, FOREVER, type Micros, MS, type Random, SECOND, type Timed } from "../../base/index.ts";
import type { Mac } from "../wire/address.ts";
import type { Address6 } from "../wire/address6.ts";

/** RFC 4861 section 10. */
export const MULTICAST_SOLICITS = 3;
export const UNICAST_SOLICITS = 3;
export const DELAY_FIRST_PROBE: Micros = 5 * SECOND;
export const REACHABLE_TIME: Micros = 30 * SECOND;
export const RETRANS_TIMER: Micros = 1000 * MS;
/** 7.2.2 asks for at least one packet; more let a datagram of several fragments through. */
export const QUEUE = 64;
/** Entries kept; with a hostile neighbour the oldest go first. */
export const ENTRIES = 1024;

export type NudState = "INCOMPLETE" | "REACHABLE" | "STALE" | "DELAY" | "PROBE";

interface Neighbour extends Timed {
  readonly address: Address6;
  state: NudState;
  /** -1 in INCOMPLETE. */
  mac: Mac;
  isRouter: boolean;
  /** Until when REACHABLE is true; FOREVER for one set by hand. */
  reachableUntil: Micros;
  solicits: number;
  /** Packets for it, built but for the Ethernet header; only in INCOMPLETE. */
  waiting: Uint8Array[];
}

/** What the cache asks of its interface. */
export interface Link6 {
  /** Sends a neighbour solicitation: to `mac`, or to everybody. `prompt` is the packet that made it necessary. */
  solicit(target: Address6, mac: Mac | undefined, prompt: Uint8Array | undefined): void;
  send(packet: Uint8Array, to: Mac): void;
  /** Nobody answered: these packets are lost. */
  failed(address: Address6, packets: Uint8Array[]): void;
  /** An entry is gone, or is no router any more. */
  lost(address: Address6): void;
  dropped(reason: string): void;
}

/** The times, which a router may set (RFC 4861 6.3.2). */
export interface NudTimes {
  /** The base value; what holds is drawn from half to one and a half of it. */
  reachable: Micros;
  retrans: Micros;
}

export interface Neighbour6Entry {
  address: Address6;
  state: NudState;
  mac: Mac | undefined;
  isRouter: boolean;
}

export class Neighbours6 {
  readonly #link: Link6;
  readonly #times: NudTimes;
  readonly #random: Random;
  readonly #table = new Map<Address6, Neighbour>();
  readonly #questions = new Deadlines<Neighbour>();

  constructor(link: Link6, times: NudTimes, random: Random) {
    this.#link = link;
    this.#times = times;
    this.#random = random;
  }

  /** The card that has `address`, or -1: then `wait` is the way. */
  find(address: Address6, now: Micros): Mac {
    const entry = this.#table.get(address);
    if (entry === undefined || entry.state === "INCOMPLETE") return -1;
    if (entry.state === "REACHABLE" && now >= entry.reachableUntil) entry.state = "STALE";
    if (entry.state === "STALE") {
      // 7.3.3: the first packet in STALE starts the delay; perhaps an answer makes the question unnecessary.
      entry.state = "DELAY";
      this.#questions.set(entry, now + DELAY_FIRST_PROBE);
    }
    return entry.mac;
  }

  /** Keeps `packet` until the answer comes, and asks if that has not been done. */
  wait(address: Address6, packet: Uint8Array, now: Micros): void {
    let entry = this.#table.get(address);
    if (entry === undefined) {
      entry = this.#add(address);
      entry.solicits = 1;
      this.#link.solicit(address, undefined, packet);
      this.#questions.set(entry, now + this.#times.retrans);
    }
    if (entry.waiting.length >= QUEUE) {
      entry.waiting.shift();
      this.#link.dropped("neighbour: queue full");
    }
    entry.waiting.push(packet);
  }

  /** Somebody has given his card's address in a solicitation, a router advertisement or a redirect (7.2.3, 6.3.4). */
  heard(address: Address6, mac: Mac, isRouter: boolean | undefined): void {
    const entry = this.#table.get(address) ?? this.#add(address);
    if (isRouter !== undefined) this.#setRouter(entry, isRouter);
    if (entry.reachableUntil === FOREVER || entry.mac === mac) return;
    entry.mac = mac;
    entry.state = "STALE";
    this.#questions.remove(entry);
    this.#release(entry);
  }

  /** 7.2.5 and appendix C: a neighbour advertisement. */
  advertised(
    address: Address6,
    mac: Mac | undefined,
    flags: { router: boolean; solicited: boolean; override: boolean },
    now: Micros,
  ): void {
    const entry = this.#table.get(address);
    if (entry === undefined || entry.reachableUntil === FOREVER) return;
    if (entry.state === "INCOMPLETE") {
      if (mac === undefined) return;
      entry.mac = mac;
      if (flags.solicited) this.#confirm(entry, now);
      else entry.state = "STALE";
      if (!flags.solicited) this.#questions.remove(entry);
      this.#setRouter(entry, flags.router);
      this.#release(entry);
      return;
    }
    const differs = mac !== undefined && mac !== entry.mac;
    if (differs && !flags.override) {
      if (entry.state === "REACHABLE") entry.state = "STALE";
      return;
    }
    if (differs) entry.mac = mac;
    if (flags.solicited) this.#confirm(entry, now);
    else if (differs) {
      entry.state = "STALE";
      this.#questions.remove(entry);
    }
    this.#setRouter(entry, flags.router);
  }

  /** 7.3.1: what is above has seen that packets get through. */
  confirm(address: Address6, now: Micros): void {
    const entry = this.#table.get(address);
    if (entry && entry.state !== "INCOMPLETE" && entry.reachableUntil !== FOREVER) this.#confirm(entry, now);
  }

  /** An entry that neither ages nor changes. */
  set(address: Address6, mac: Mac): void {
    this.heard(address, mac, undefined);
    const entry = this.#table.get(address)!;
    entry.state = "REACHABLE";
    entry.reachableUntil = FOREVER;
  }

  /** What is sent there is not answered (RFC 4861 7.3.1): it is asked whether it is still there when it is used next. */
  doubt(address: Address6): void {
    const entry = this.#table.get(address);
    if (entry?.state === "REACHABLE" && entry.reachableUntil !== FOREVER) entry.state = "STALE";
  }

  remove(address: Address6): boolean {
    const entry = this.#table.get(address);
    if (entry === undefined) return false;
    this.#forget(entry);
    return true;
  }

  /** False: it is known not to answer. 6.3.6 prefers routers of which that is not so. */
  mayReach(address: Address6): boolean {
    return this.#table.get(address)?.state !== "INCOMPLETE";
  }

  entries(): Neighbour6Entry[] {
    return [...this.#table.values()].map(({ address, state, mac, isRouter }) => ({
      address,
      state,
      mac: mac < 0 ? undefined : mac,
      isRouter,
    }));
  }

  deadline(): Micros {
    return this.#questions.first();
  }

  poll(now: Micros): boolean {
    let entry = this.#questions.take(now);
    if (entry === undefined) return false;
    for (; entry !== undefined; entry = this.#questions.take(now)) this.#ask(entry, now);
    return true;
  }

  #ask(entry: Neighbour, now: Micros): void {
    if (entry.state === "DELAY") {
      entry.state = "PROBE";
      entry.solicits = 0;
    }
    const incomplete = entry.state === "INCOMPLETE";
    if (entry.solicits >= (incomplete ? MULTICAST_SOLICITS : UNICAST_SOLICITS)) {
      const { waiting } = entry;
      this.#forget(entry);
      if (waiting.length > 0) this.#link.failed(entry.address, waiting);
      return;
    }
    entry.solicits++;
    this.#link.solicit(entry.address, incomplete ? undefined : entry.mac, entry.waiting[0]);
    this.#questions.set(entry, now + this.#times.retrans);
  }

  #confirm(entry: Neighbour, now: Micros): void {
    entry.state = "REACHABLE";
    entry.reachableUntil = now + Math.floor(this.#times.reachable * (0.5 + this.#random.unit()));
    this.#questions.remove(entry);
  }

  #setRouter(entry: Neighbour, isRouter: boolean): void {
    const was = entry.isRouter;
    entry.isRouter = isRouter;
    if (was && !isRouter) this.#link.lost(entry.address);
  }

  #release(entry: Neighbour): void {
    const packets = entry.waiting;
    entry.waiting = [];
    for (const packet of packets) this.#link.send(packet, entry.mac);
  }

  #forget(entry: Neighbour): void {
    this.#questions.remove(entry);
    this.#table.delete(entry.address);
    this.#link.lost(entry.address);
  }

  #add(address: Address6): Neighbour {
    if (this.#table.size >= ENTRIES) this.#evict();
    const entry: Neighbour = {
      address,
      state: "INCOMPLETE",
      mac: -1,
      isRouter: false,
      reachableUntil: 0,
      solicits: 0,
      waiting: [],
      due: FOREVER,
      slot: -1,
    };
    this.#table.set(address, entry);
    return entry;
  }

  /** The oldest entry that was not set by hand. A Map remembers the order of insertion. */
  #evict(): void {
    for (const entry of this.#table.values()) {
      if (entry.reachableUntil === FOREVER) continue;
      this.#link.dropped("neighbour: table full");
      const { waiting } = entry;
      this.#forget(entry);
      if (waiting.length > 0) this.#link.failed(entry.address, waiting);
      return;
    }
  }
}
