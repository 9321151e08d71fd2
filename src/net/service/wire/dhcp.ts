/** DHCP messages (RFC 2131 section 2) and their options (RFC 2132; long ones RFC 3396). */
import { concat, latin1, setU16be, setU32be, u16be, u32be } from "../../../base/index.ts";
import { type Address, type Mac, showAddress, showMac } from "../../wire/address.ts";
import { readMac, writeMac } from "../../wire/ethernet.ts";

const at = {
  op: 0,
  hardware: 1,
  hardwareLength: 2,
  hops: 3,
  id: 4,
  seconds: 8,
  flags: 10,
  client: 12,
  your: 16,
  server: 20,
  relay: 24,
  mac: 28,
  serverName: 44,
  file: 108,
  cookie: 236,
} as const;
export const HEADER = 240;
/** RFC 1542 2.1: old relays want messages of a BOOTP's size. */
const LEAST = 300;
const COOKIE = 0x63825363;
const ETHERNET = 1;
const BROADCAST_FLAG = 0x8000;

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;

export const MessageType = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

export const Option = {
  PAD: 0,
  MASK: 1,
  ROUTER: 3,
  DNS: 6,
  HOST_NAME: 12,
  DOMAIN: 15,
  BROADCAST: 28,
  NTP: 42,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  MESSAGE_TYPE: 53,
  SERVER_ID: 54,
  PARAMETER_LIST: 55,
  MESSAGE: 56,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_ID: 61,
  TFTP_SERVER: 66,
  BOOT_FILE: 67,
  END: 255,
} as const;

export interface Dhcp {
  /** BOOTREQUEST or BOOTREPLY. */
  op: number;
  hops: number;
  /** Transaction, 32 bits. */
  id: number;
  seconds: number;
  /** The client cannot take unicast before it is configured. */
  broadcast: boolean;
  /** ciaddr: what the client has and uses. */
  client: Address;
  /** yiaddr: what it is given. */
  your: Address;
  /** siaddr: the next server to boot from. */
  server: Address;
  /** giaddr: the relay agent, 0 = none. */
  relay: Address;
  mac: Mac;
  serverName: string;
  file: string;
  /** Code → value, each in one piece; in the order of the message. */
  options: ReadonlyMap<number, Uint8Array>;
}

export type DhcpReason = "short" | "operation" | "not Ethernet" | "no magic cookie" | "options run out";

export function check(bytes: Uint8Array): DhcpReason | undefined {
  if (bytes.length < HEADER) return "short";
  if (bytes[at.op] !== BOOTREQUEST && bytes[at.op] !== BOOTREPLY) return "operation";
  if (bytes[at.hardware] !== ETHERNET || bytes[at.hardwareLength] !== 6) return "not Ethernet";
  if (u32be(bytes, at.cookie) !== COOKIE) return "no magic cookie";
  return readOptions(bytes) ? undefined : "options run out";
}

export function read(bytes: Uint8Array): Dhcp {
  const options = readOptions(bytes) ?? new Map<number, Uint8Array>();
  const overload = options.get(Option.OVERLOAD)?.[0] ?? 0;
  return {
    op: bytes[at.op]!,
    hops: bytes[at.hops]!,
    id: u32be(bytes, at.id),
    seconds: u16be(bytes, at.seconds),
    broadcast: (u16be(bytes, at.flags) & BROADCAST_FLAG) !== 0,
    client: u32be(bytes, at.client),
    your: u32be(bytes, at.your),
    server: u32be(bytes, at.server),
    relay: u32be(bytes, at.relay),
    mac: readMac(bytes, at.mac),
    serverName: overload & 2 ? "" : text(bytes.subarray(at.serverName, at.file)),
    file: overload & 1 ? "" : text(bytes.subarray(at.file, at.cookie)),
    options,
  };
}

/** RFC 3396 section 5: the options field, then `file`, then `sname`; parts of one option are joined. */
function readOptions(bytes: Uint8Array): Map<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>();
  if (!readField(bytes.subarray(HEADER), options)) return undefined;
  const overload = options.get(Option.OVERLOAD)?.[0] ?? 0;
  if (overload & 1 && !readField(bytes.subarray(at.file, at.cookie), options)) return undefined;
  if (overload & 2 && !readField(bytes.subarray(at.serverName, at.file), options)) return undefined;
  return options;
}

function readField(field: Uint8Array, into: Map<number, Uint8Array>): boolean {
  for (let index = 0; index < field.length; ) {
    const code = field[index++]!;
    if (code === Option.PAD) continue;
    if (code === Option.END) return true;
    const length = field[index++];
    if (length === undefined || index + length > field.length) return false;
    const value = field.slice(index, index + length);
    const before = into.get(code);
    into.set(code, before ? concat([before, value]) : value);
    index += length;
  }
  return true; // the end mark may be missing
}

export function lengthOf(dhcp: Dhcp): number {
  let length = HEADER + 1;
  for (const value of dhcp.options.values()) length += value.length + 2 * pieces(value.length);
  return Math.max(LEAST, length);
}

const pieces = (length: number): number => Math.max(1, Math.ceil(length / 255));

/** Writes into zeroed bytes. Names longer than their fields are cut. */
export function write(dhcp: Dhcp, into: Uint8Array): void {
  into[at.op] = dhcp.op;
  into[at.hardware] = ETHERNET;
  into[at.hardwareLength] = 6;
  into[at.hops] = dhcp.hops;
  setU32be(into, at.id, dhcp.id);
  setU16be(into, at.seconds, dhcp.seconds);
  setU16be(into, at.flags, dhcp.broadcast ? BROADCAST_FLAG : 0);
  setU32be(into, at.client, dhcp.client);
  setU32be(into, at.your, dhcp.your);
  setU32be(into, at.server, dhcp.server);
  setU32be(into, at.relay, dhcp.relay);
  writeMac(into, at.mac, dhcp.mac);
  writeText(into, at.serverName, dhcp.serverName, 64);
  writeText(into, at.file, dhcp.file, 128);
  setU32be(into, at.cookie, COOKIE);
  let index = HEADER;
  for (const [code, value] of dhcp.options) {
    for (let piece = 0; piece < pieces(value.length); piece++) {
      const part = value.subarray(255 * piece, 255 * (piece + 1));
      into[index++] = code;
      into[index++] = part.length;
      into.set(part, index);
      index += part.length;
    }
  }
  into[index] = Option.END;
}

/** Characters up to the first zero byte. */
function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return latin1(end < 0 ? field : field.subarray(0, end));
}

function writeText(into: Uint8Array, offset: number, value: string, room: number): void {
  for (let index = 0; index < Math.min(value.length, room - 1); index++)
    into[offset + index] = value.charCodeAt(index);
}

/** An option that holds one address or number of 32 bits; undefined when it is not there or too short. */
export function u32Option(dhcp: Dhcp, code: number): number | undefined {
  const value = dhcp.options.get(code);
  return value && value.length >= 4 ? u32be(value, 0) : undefined;
}

export function typeName(type: number | undefined): string {
  return Object.entries(MessageType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}

export function show(bytes: Uint8Array): string {
  const reason = check(bytes);
  if (reason) return `DHCP ${bytes.length} bytes (bad: ${reason})`;
  const dhcp = read(bytes);
  const type = typeName(dhcp.options.get(Option.MESSAGE_TYPE)?.[0]);
  const requested = u32Option(dhcp, Option.REQUESTED_ADDRESS);
  const parts = [
    dhcp.client && `client ${showAddress(dhcp.client)}`,
    dhcp.your && `your ${showAddress(dhcp.your)}`,
    dhcp.relay && `relay ${showAddress(dhcp.relay)}`,
    requested !== undefined && `requested ${showAddress(requested)}`,
  ].filter(Boolean);
  return [`DHCP ${type} ${showMac(dhcp.mac)} id ${dhcp.id.toString(16).padStart(8, "0")}`, ...parts].join(
    " ",
  );
}
