import { FOREVER, type Micros } from "../../base/index.ts";
import type { Groups } from "../ip/groups.ts";
import type { Nic } from "../link/nic.ts";
import {
  type Address6,
  ALL_NODES,
  commonPrefix,
  groupMac6,
  isMulticast6,
  solicitedNode,
} from "../wire/address6.ts";
import { TYPE_IPV6, writeHeader } from "../wire/ethernet.ts";
import { LEAST_MTU } from "../wire/ipv6.ts";
import { type Neighbours6, REACHABLE_TIME, RETRANS_TIMER } from "./neighbours.ts";

/** RFC 4862 section 2: what an address is good for. A tentative or duplicate one for nothing. */
export type AddressState = "tentative" | "preferred" | "deprecated" | "duplicate";

export interface OwnAddress6 {
  readonly address: Address6;
  readonly prefixLength: number;
  /** Set by hand, made of the card's address, or of a prefix that a router advertised. */
  readonly origin: "manual" | "link-local" | "advertised";
  state: AddressState;
  preferredUntil: Micros;
  validUntil: Micros;
  /** While tentative: solicitations sent, and when the next or the end of waiting is due. */
  probes: number;
  due: Micros;
}

/** A prefix whose addresses are neighbours (RFC 4861 5.1, prefix list). */
export interface OnLink {
  readonly prefix: Address6;
  readonly length: number;
  until: Micros;
}

/** RFC 4861 5.1, default router list. */
export interface DefaultRouter {
  readonly address: Address6;
  until: Micros;
}

/** A card with its IPv6 addresses and what routers have said. */
export class Interface6 {
  readonly nic: Nic;
  /** Of the card; -1 for the loopback. */
  readonly index: number;
  /** IPv6 runs on this card. */
  enabled = false;
  readonly addresses: OwnAddress6[] = [];
  readonly prefixes: OnLink[] = [];
  readonly routers: DefaultRouter[] = [];
  /** The default router set by hand. */
  gateway: Address6 | undefined = undefined;
  /** Router advertisements are listened to (RFC 4862 section 4). */
  autoconfigure = true;
  /** Router solicitations still to be sent, and when. */
  solicitations = 0;
  solicitAt: Micros = FOREVER;
  /** This station is a router here and says so (RFC 4861 6.2). */
  advertises = false;
  /** Advertisements of the beginning still to be sent, when the next is due, and when the last went out. */
  firstAdvertisements = 0;
  advertiseAt: Micros = FOREVER;
  advertisedAt: Micros = Number.NEGATIVE_INFINITY;
  mtu: number;
  hopLimit = 64;
  readonly times = { reachable: REACHABLE_TIME, retrans: RETRANS_TIMER };
  neighbours: Neighbours6 | undefined = undefined;
  groups: Groups<Address6> | undefined = undefined;

  constructor(nic: Nic, index: number) {
    this.nic = nic;
    this.index = index;
    this.mtu = Math.max(LEAST_MTU, nic.mtu);
  }

  own(address: Address6): OwnAddress6 | undefined {
    return this.addresses.find((each) => each.address === address);
  }

  /** Whether packets to `address` are for this station: it is ours for certain. */
  has(address: Address6): boolean {
    const own = this.own(address);
    return own !== undefined && (own.state === "preferred" || own.state === "deprecated");
  }

  /** RFC 4861 5.2: whether `address` is a neighbour. */
  isOnLink(address: Address6): boolean {
    return this.prefixes.some(({ prefix, length }) => commonPrefix(prefix, address) >= length);
  }

  /** Whether packets to the group are taken (RFC 4291 2.8 says which every station must be in). */
  isIn(group: Address6): boolean {
    if (group === ALL_NODES || (this.groups?.has(group) ?? false)) return true;
    return this.addresses.some(({ address }) => solicitedNode(address) === group);
  }

  /** Sends a packet whose frame has room for the Ethernet header in front, when the next hop's card is known. */
  transmit(frame: Uint8Array, nextHop: Address6, now: Micros): void {
    if (this.neighbours === undefined) {
      writeHeader(frame, 0, 0, TYPE_IPV6);
      this.nic.send(frame);
    } else if (isMulticast6(nextHop)) {
      this.transmitTo(frame, groupMac6(nextHop));
    } else {
      const mac = this.neighbours.find(nextHop, now);
      if (mac >= 0) this.transmitTo(frame, mac);
      else this.neighbours.wait(nextHop, frame, now);
    }
  }

  transmitTo(frame: Uint8Array, mac: number): void {
    writeHeader(frame, mac, this.nic.mac, TYPE_IPV6);
    this.nic.send(frame);
  }
}
