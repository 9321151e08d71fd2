import type { Micros } from "../../base/index.ts";
import type { Nic } from "../link/nic.ts";
import { type Address, BROADCAST, groupMac, isMulticast, MAC_BROADCAST } from "../wire/address.ts";
import { TYPE_IPV4, writeHeader } from "../wire/ethernet.ts";
import type { Groups } from "./groups.ts";
import type { Neighbours } from "./neighbours.ts";

/** A card with its addresses: where packets leave and arrive. */
export class Interface {
  readonly nic: Nic;
  /** Of the card; -1 for the loopback. */
  readonly index: number;
  address: Address = 0;
  mask: Address = 0;
  gateway: Address = 0;
  /** When this address was last defended against another claimant (RFC 5227 2.4). */
  defended: Micros = Number.NEGATIVE_INFINITY;
  /** Set by the stack at once; a loopback has none. */
  neighbours: Neighbours | undefined;
  groups: Groups<Address> | undefined;
  /** Until when routers are believed to speak IGMPv1 (RFC 2236 section 4). */
  version1Until: Micros = 0;

  constructor(nic: Nic, index: number) {
    this.nic = nic;
    this.index = index;
  }

  get loopback(): boolean {
    return this.index < 0;
  }

  /** The directed broadcast address, or 0 when the mask leaves no room for one. */
  get broadcast(): Address {
    return this.address !== 0 && this.mask < 0xfffffffe ? (this.address | ~this.mask) >>> 0 : 0;
  }

  /** Whether `address` is a neighbour by the mask. */
  isLocal(address: Address): boolean {
    return this.address !== 0 && ((address ^ this.address) & this.mask) === 0;
  }

  /** Whether packets to the group are taken: everybody is in that of all hosts (RFC 1112 section 4). */
  isIn(group: Address): boolean {
    return group === 0xe0000001 || (this.groups?.has(group) ?? false);
  }

  isBroadcast(address: Address): boolean {
    return address === BROADCAST || (address === this.broadcast && address !== 0);
  }

  /** Sends a packet whose frame has room for the Ethernet header in front, when the next hop's card is known. */
  transmit(frame: Uint8Array, nextHop: Address, now: Micros): void {
    if (this.neighbours === undefined) {
      writeHeader(frame, 0, 0, TYPE_IPV4);
      this.nic.send(frame);
    } else if (this.isBroadcast(nextHop)) {
      this.transmitTo(frame, MAC_BROADCAST);
    } else if (isMulticast(nextHop)) {
      this.transmitTo(frame, groupMac(nextHop));
    } else {
      const mac = this.neighbours.find(nextHop, now);
      if (mac >= 0) this.transmitTo(frame, mac);
      else this.neighbours.wait(nextHop, frame, now);
    }
  }

  transmitTo(frame: Uint8Array, mac: number): void {
    writeHeader(frame, mac, this.nic.mac, TYPE_IPV4);
    this.nic.send(frame);
  }
}
