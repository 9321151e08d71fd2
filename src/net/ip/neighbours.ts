/**
 * Which card has which address on one link (RFC 826; RFC 1122 2.3.2 for ageing and the queue).
 *
 * An entry that has not been confirmed for a while is still used, but asked after by unicast; when nobody answers it
 * is forgotten. So ageing needs no timer: only a question that waits for its answer has one.
 */
import { Deadlines, FOREVER, type Micros, SECOND, type Timed } from "../../base/index.ts";
import { type Address, MAC_BROADCAST, type Mac } from "../wire/address.ts";

/** RFC 1122 2.3.2.1: "a timeout on the order of a minute". */
export const LIFETIME: Micros = 60 * SECOND;
/** RFC 1122 2.3.2.1: at most one request per second and destination. */
export const REQUEST_INTERVAL: Micros = SECOND;
/** Unanswered requests before packets are given up. */
export const REQUESTS = 3;
/** RFC 1122 2.3.2.2 asks for at least one packet; more let a datagram of several fragments through. */
export const QUEUE = 64;
/** Entries kept; with a hostile neighbour the oldest go first. */
export const ENTRIES = 1024;

interface Neighbour extends Timed {
  readonly address: Address;
  /** -1 = asked, not answered yet. */
  mac: Mac;
  /** When it was last heard; FOREVER for one set by hand. */
  confirmed: Micros;
  /** Requests sent since then, and when the last one was. */
  requests: number;
  requested: Micros;
  /** Packets for it, built but for the Ethernet header; only while mac is -1. */
  waiting: Uint8Array[];
}

/** What the table asks of its interface. */
export interface Link {
  /** Sends an ARP request for `target` to `to`. */
  request(target: Address, to: Mac): void;
  /** Completes and sends a packet that has waited. */
  send(packet: Uint8Array, to: Mac): void;
  /** The card that has `address` is known now. */
  found(address: Address): void;
  /** Nobody answered: these packets are lost. */
  failed(address: Address, packets: Uint8Array[]): void;
  dropped(reason: string): void;
}

export interface NeighbourEntry {
  address: Address;
  /** undefined = asked, not answered yet. */
  mac: Mac | undefined;
  /** When it was last confirmed; FOREVER = set by hand. */
  confirmed: Micros;
}

export class Neighbours {
  readonly #link: Link;
  /** By address as a signed number: a small integer is the cheapest key. */
  readonly #table = new Map<number, Neighbour>();
  readonly #questions = new Deadlines<Neighbour>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** The card that has `address`, or -1: then `wait` is the way. */
  find(address: Address, now: Micros): Mac {
    const entry = this.#table.get(address | 0);
    if (entry === undefined || entry.mac < 0) return -1;
    if (now - entry.confirmed > LIFETIME && !this.#stillThere(entry, now)) return -1;
    return entry.mac;
  }

  /** Keeps `packet` until the answer comes, and asks if that has not been done. */
  wait(address: Address, packet: Uint8Array, now: Micros): void {
    let entry = this.#table.get(address | 0);
    if (entry === undefined) {
      entry = this.#add(address);
      this.#ask(entry, MAC_BROADCAST, now);
      this.#questions.set(entry, now + REQUEST_INTERVAL);
    }
    if (entry.waiting.length >= QUEUE) {
      entry.waiting.shift();
      this.#link.dropped("arp: queue full");
    }
    entry.waiting.push(packet);
  }

  /** Somebody said that `mac` has `address`. Strangers are only remembered when they spoke to us (RFC 826). */
  heard(address: Address, mac: Mac, toUs: boolean, now: Micros): void {
    let entry = this.#table.get(address | 0);
    if (entry === undefined) {
      if (!toUs) return;
      entry = this.#add(address);
    }
    if (entry.confirmed === FOREVER) return;
    if (entry.mac < 0) this.#link.found(address);
    entry.mac = mac;
    entry.confirmed = now;
    entry.requests = 0;
    this.#questions.remove(entry);
    const packets = entry.waiting;
    if (packets.length > 0) {
      entry.waiting = [];
      for (const packet of packets) this.#link.send(packet, mac);
    }
  }

  /** An entry that neither ages nor changes. */
  set(address: Address, mac: Mac): void {
    this.heard(address, mac, true, 0);
    this.#table.get(address | 0)!.confirmed = FOREVER;
  }

  /** Forgets an entry with what waits for it; false when there was none. */
  remove(address: Address): boolean {
    const entry = this.#table.get(address | 0);
    if (entry === undefined) return false;
    this.#questions.remove(entry);
    return this.#table.delete(address | 0);
  }

  /** What is sent there is not answered (RFC 1122 2.3.2.1 (4)): its card is asked whether it is still there. */
  doubt(address: Address, now: Micros): void {
    const entry = this.#table.get(address | 0);
    if (entry && entry.mac >= 0 && entry.confirmed !== FOREVER)
      entry.confirmed = Math.min(entry.confirmed, now - LIFETIME - 1);
  }

  entries(): NeighbourEntry[] {
    return [...this.#table.values()].map((entry) => ({
      address: entry.address,
      mac: entry.mac < 0 ? undefined : entry.mac,
      confirmed: entry.confirmed,
    }));
  }

  deadline(): Micros {
    return this.#questions.first();
  }

  /** Asks again, or gives up. Answers whether anything was due. */
  poll(now: Micros): boolean {
    let entry = this.#questions.take(now);
    if (entry === undefined) return false;
    for (; entry !== undefined; entry = this.#questions.take(now)) {
      if (entry.requests < REQUESTS) {
        this.#ask(entry, MAC_BROADCAST, now);
        this.#questions.set(entry, now + REQUEST_INTERVAL);
      } else {
        this.#table.delete(entry.address | 0);
        this.#link.failed(entry.address, entry.waiting);
      }
    }
    return true;
  }

  /** For an entry past its time: asks its card directly (RFC 1122 2.3.2.1 (2)), and forgets it when that was in vain. */
  #stillThere(entry: Neighbour, now: Micros): boolean {
    if (entry.requests > 0 && now - entry.requested < REQUEST_INTERVAL) return true;
    if (entry.requests >= REQUESTS) {
      this.#table.delete(entry.address | 0);
      return false;
    }
    this.#ask(entry, entry.mac, now);
    return true;
  }

  #ask(entry: Neighbour, to: Mac, now: Micros): void {
    entry.requests++;
    entry.requested = now;
    this.#link.request(entry.address, to);
  }

  #add(address: Address): Neighbour {
    if (this.#table.size >= ENTRIES) this.#evict();
    const entry: Neighbour = {
      address,
      mac: -1,
      confirmed: 0,
      requests: 0,
      requested: 0,
      waiting: [],
      due: FOREVER,
      slot: -1,
    };
    this.#table.set(address | 0, entry);
    return entry;
  }

  /** The oldest entry that was not set by hand. A Map remembers the order of insertion. */
  #evict(): void {
    for (const [key, entry] of this.#table) {
      if (entry.confirmed === FOREVER) continue;
      this.#questions.remove(entry);
      this.#table.delete(key);
      this.#link.dropped("arp: table full");
      if (entry.waiting.length > 0) this.#link.failed(entry.address, entry.waiting);
      return;
    }
  }
}
