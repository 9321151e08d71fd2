/** Address resolution for IPv4 over Ethernet (RFC 826), with the probes and announcements of RFC 5227. */
import { setU16be, setU32be, u16be, u32be } from "../../base/index.ts";
import { type Address, type Mac, showAddress, showMac } from "./address.ts";
import { readMac, writeMac } from "./ethernet.ts";

const at = {
  hardware: 0,
  protocol: 2,
  hardwareLength: 4,
  protocolLength: 5,
  operation: 6,
  senderMac: 8,
  senderAddress: 14,
  targetMac: 18,
  targetAddress: 24,
} as const;
export const LENGTH = 28;

export const REQUEST = 1;
export const REPLY = 2;
const ETHERNET = 1;
const IPV4 = 0x0800;

export interface Arp {
  /** REQUEST or REPLY; other numbers can be read, not answered. */
  operation: number;
  senderMac: Mac;
  /** 0 in a probe (RFC 5227 1.1). */
  senderAddress: Address;
  targetMac: Mac;
  targetAddress: Address;
}

export type ArpReason = "short" | "not Ethernet and IPv4";

export function check(bytes: Uint8Array): ArpReason | undefined {
  if (bytes.length < LENGTH) return "short";
  const known =
    u16be(bytes, at.hardware) === ETHERNET &&
    u16be(bytes, at.protocol) === IPV4 &&
    bytes[at.hardwareLength] === 6 &&
    bytes[at.protocolLength] === 4;
  return known ? undefined : "not Ethernet and IPv4";
}

export function read(bytes: Uint8Array): Arp {
  return {
    operation: u16be(bytes, at.operation),
    senderMac: readMac(bytes, at.senderMac),
    senderAddress: u32be(bytes, at.senderAddress),
    targetMac: readMac(bytes, at.targetMac),
    targetAddress: u32be(bytes, at.targetAddress),
  };
}

export function lengthOf(_arp: Arp): number {
  return LENGTH;
}

export function write(arp: Arp, into: Uint8Array): void {
  setU16be(into, at.hardware, ETHERNET);
  setU16be(into, at.protocol, IPV4);
  into[at.hardwareLength] = 6;
  into[at.protocolLength] = 4;
  setU16be(into, at.operation, arp.operation);
  writeMac(into, at.senderMac, arp.senderMac);
  setU32be(into, at.senderAddress, arp.senderAddress);
  writeMac(into, at.targetMac, arp.targetMac);
  setU32be(into, at.targetAddress, arp.targetAddress);
}

export function show(bytes: Uint8Array): string {
  const reason = check(bytes);
  if (reason) return `ARP ${reason}`;
  const arp = read(bytes);
  const sender = showAddress(arp.senderAddress);
  const target = showAddress(arp.targetAddress);
  if (arp.operation === REPLY) return `ARP ${sender} is at ${showMac(arp.senderMac)}`;
  if (arp.operation !== REQUEST) return `ARP operation ${arp.operation}`;
  if (arp.senderAddress === 0) return `ARP who has ${target}? (probe)`;
  if (sender === target) return `ARP announces ${sender} at ${showMac(arp.senderMac)}`;
  return `ARP who has ${target}? tell ${sender}`;
}
