/** ARP of one station (RFC 826): questions, answers, and the claiming and defending of addresses (RFC 5227). */
import { FOREVER, type Micros, type Random, SECOND } from "../../base/index.ts";
import type { Counters, Drops } from "../counters.ts";
import {
  type Address,
  isGroupMac,
  isLoopback,
  isMulticast,
  MAC_BROADCAST,
  type Mac,
} from "../wire/address.ts";
import * as wire from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import type { FrameSource } from "../wire/frame.ts";
import type { Interface } from "./interface.ts";

/** RFC 5227 1.1. */
const PROBE_WAIT: Micros = SECOND;
const PROBE_NUM = 3;
const PROBE_MIN: Micros = SECOND;
const PROBE_MAX: Micros = 2 * SECOND;
const ANNOUNCE_WAIT: Micros = 2 * SECOND;
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL: Micros = 2 * SECOND;
const DEFEND_INTERVAL: Micros = 10 * SECOND;

/** An address that is asked for before it is used. */
interface Claim {
  readonly interface: Interface;
  readonly address: Address;
  /** "taken": another station has it, or wants it too. */
  readonly done: (result: "free" | "taken") => void;
  probes: number;
  due: Micros;
}

/** Announcements of a new address that are still to be made. */
interface Announcement {
  readonly interface: Interface;
  left: number;
  due: Micros;
}

export interface ArpOptions {
  random: Random;
  frames: FrameSource;
  counters: Counters;
  drops: Drops;
}

export class Arp {
  readonly #options: ArpOptions;
  #claims: Claim[] = [];
  #announcements: Announcement[] = [];

  constructor(options: ArpOptions) {
    this.#options = options;
  }

  arrive(bytes: Uint8Array, from: Interface, now: Micros): void {
    const { counters, drops } = this.#options;
    counters.arpReceived++;
    const reason = wire.check(bytes);
    if (reason) {
      drops.add(`arp: ${reason}`);
      return;
    }
    const packet = wire.read(bytes);
    if (from.neighbours === undefined || isGroupMac(packet.senderMac)) {
      drops.add("arp: impossible sender");
      return;
    }
    if (packet.senderMac === from.nic.mac) return; // our own words, come back
    this.#contend(packet, from);
    if (from.address !== 0 && packet.senderAddress === from.address) {
      this.#defend(from, now);
      return;
    }
    const toUs = from.address !== 0 && packet.targetAddress === from.address;
    if (packet.senderAddress !== 0) {
      if (isMulticast(packet.senderAddress) || isLoopback(packet.senderAddress)) {
        drops.add("arp: impossible sender");
        return;
      }
      from.neighbours.heard(packet.senderAddress, packet.senderMac, toUs, now);
    }
    if (!toUs || packet.operation !== wire.REQUEST) return;
    this.#send(from, wire.REPLY, packet.senderMac, from.address, packet.senderMac, packet.senderAddress);
  }

  /** RFC 5227 2.4 (c): another card claims our address; say once in a while that it is ours. */
  #defend(from: Interface, now: Micros): void {
    this.#options.counters.arpConflicts++;
    if (now - from.defended < DEFEND_INTERVAL) return;
    from.defended = now;
    this.#announceOnce(from);
  }

  /** RFC 5227 2.1.1: whoever speaks as the address that we probe has it, and whoever probes it too wants it. */
  #contend(packet: wire.Arp, from: Interface): void {
    for (const claim of this.#claims) {
      if (claim.interface !== from) continue;
      const rival = packet.senderAddress === 0 && packet.targetAddress === claim.address;
      if (packet.senderAddress === claim.address || rival) this.#end(claim, "taken");
    }
  }

  /** Who has `target`? Asked of `to`, or of everybody. */
  ask(each: Interface, target: Address, to: Mac): void {
    this.#send(each, wire.REQUEST, to, each.address, to === MAC_BROADCAST ? 0 : to, target);
  }

  /** Asks whether somebody has `address`, without claiming it (RFC 5227 2.1.1). Answers count as conflicts later. */
  probe(each: Interface, address: Address): void {
    this.#send(each, wire.REQUEST, MAC_BROADCAST, 0, 0, address);
  }

  /** Finds out whether `address` is free, in 4 to 8 seconds: three probes that nobody answers (RFC 5227 2.1.1). */
  claim(each: Interface, address: Address, now: Micros, done: (result: "free" | "taken") => void): void {
    const due = now + this.#options.random.below(PROBE_WAIT);
    this.#claims.push({ interface: each, address, done, probes: 0, due });
  }

  /**
   * Tells everybody which card has our address (RFC 5227 2.3): once where somebody has set it, who says that it is
   * free; twice, as the RFC has it, where that was found out by a claim.
   */
  announce(each: Interface, claimed: boolean, now: Micros): void {
    this.#announcements = this.#announcements.filter((other) => other.interface !== each);
    this.#announceOnce(each);
    if (each.address !== 0 && claimed)
      this.#announcements.push({ interface: each, left: ANNOUNCE_NUM - 1, due: now + ANNOUNCE_INTERVAL });
  }

  #announceOnce(each: Interface): void {
    if (each.address !== 0) this.#send(each, wire.REQUEST, MAC_BROADCAST, each.address, 0, each.address);
  }

  deadline(): Micros {
    let earliest = FOREVER;
    for (const { due } of this.#claims) earliest = Math.min(earliest, due);
    for (const { due } of this.#announcements) earliest = Math.min(earliest, due);
    return earliest;
  }

  poll(now: Micros): boolean {
    if (this.#claims.length === 0 && this.#announcements.length === 0) return false;
    if (this.deadline() > now) return false;
    for (const claim of this.#claims) {
      if (claim.due > now) continue;
      if (claim.probes >= PROBE_NUM) {
        this.#end(claim, "free");
        continue;
      }
      this.probe(claim.interface, claim.address);
      claim.probes++;
      const pause = PROBE_MIN + this.#options.random.below(PROBE_MAX - PROBE_MIN);
      claim.due = now + (claim.probes < PROBE_NUM ? pause : ANNOUNCE_WAIT);
    }
    for (const each of this.#announcements) {
      if (each.due > now) continue;
      this.#announceOnce(each.interface);
      each.left--;
      each.due = now + ANNOUNCE_INTERVAL;
    }
    this.#announcements = this.#announcements.filter(({ left }) => left > 0);
    return true;
  }

  #end(claim: Claim, result: "free" | "taken"): void {
    this.#claims = this.#claims.filter((other) => other !== claim);
    claim.done(result);
  }

  #send(
    each: Interface,
    operation: number,
    to: Mac,
    senderAddress: Address,
    targetMac: Mac,
    targetAddress: Address,
  ): void {
    const frame = this.#options.frames.take(ethernet.HEADER + wire.LENGTH);
    const senderMac = each.nic.mac;
    ethernet.writeHeader(frame, to, senderMac, ethernet.TYPE_ARP);
    wire.write(
      { operation, senderMac, senderAddress, targetMac, targetAddress },
      frame.subarray(ethernet.HEADER),
    );
    this.#options.counters.arpSent++;
    each.nic.send(frame);
  }
}
