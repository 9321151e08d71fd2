/** A DHCP server for one network (RFC 2131): who gets which address, and for how long. */
import { bytesOf, latin1, type Micros, SECOND, setU32be } from "../../base/index.ts";
import type { Datagram, Socket } from "../sockets.ts";
import { type Address, BROADCAST, type Mac, showAddress, showMac } from "../wire/address.ts";
import { Journal } from "./journal.ts";
import { Service, type ServiceOptions } from "./service.ts";
import {
  BOOTREPLY,
  BOOTREQUEST,
  check,
  type Dhcp,
  lengthOf,
  MessageType,
  Option,
  read,
  u32Option,
  write,
} from "./wire/dhcp.ts";

export interface DhcpOptions extends ServiceOptions {
  /** Addresses that are given away, first and last included, in the network of the station's first interface. */
  pool: { first: Address; last: Address };
  /** Who always gets the same address, in the pool or not. */
  fixed?: readonly { mac: Mac; address: Address; name?: string }[];
  /** Default: none is told. */
  router?: Address;
  dns?: readonly Address[];
  ntp?: readonly Address[];
  domain?: string;
  /** For machines that boot from the network (options 66, 67, and `siaddr`, `file` of old). */
  boot?: { server: Address; file: string };
  /** Seconds, 1 … 2^32-2. Default a day. A client that wants a shorter lease gets that. */
  leaseSeconds?: number;
}

export interface Lease {
  address: Address;
  mac: Mac;
  /** The client's identifier (option 61) in hexadecimal, or its MAC address. */
  client: string;
  /** What the client calls itself (option 12). */
  name: string;
  /**
   * offered: the client has not decided yet. bound: it has the address. free: it had it, and gets it again if it is
   * still there. declined: somebody else was found to use it, and nobody gets it until it expires.
   */
  state: "offered" | "bound" | "free" | "declined";
  expires: Micros;
}

/** A message as it came, and what was done about it. */
export interface DhcpEvent {
  at: Micros;
  message: Dhcp;
  /** "OFFER", "ACK", "NAK", or why there was no answer. */
  answer: string;
  address: Address;
}

const SERVER_PORT = 67;
const CLIENT_PORT = 68;
/** How long an offer stands; RFC 2131 leaves it open. */
const OFFER_TIME: Micros = 60 * SECOND;
/** How long an address that somebody else uses is left alone. */
const DECLINE_TIME: Micros = 600 * SECOND;
const DAY = 86400;

export class DhcpServer extends Service {
  readonly name = "DHCP server";
  readonly events = new Journal<DhcpEvent>();
  /** Messages that made no sense, by what was wrong. */
  readonly malformed = new Map<string, number>();
  readonly #options: DhcpOptions;
  readonly #leaseSeconds: number;
  readonly #leases = new Map<Address, Lease>();
  #socket: Socket | undefined;

  /** Throws when the pool is not within the network, or the port is taken. */
  constructor(options: DhcpOptions) {
    super(options.stack);
    this.#options = options;
    const { pool, leaseSeconds = DAY, fixed = [] } = options;
    const { address, mask } = this.stack.configuration(0);
    const local = (each: Address): boolean => address !== 0 && ((each ^ address) & mask) === 0;
    const range = `${showAddress(pool.first)} … ${showAddress(pool.last)}`;
    if (pool.first > pool.last) throw new RangeError(`${range}: the first address is behind the last`);
    if (![pool.first, pool.last, ...fixed.map((each) => each.address)].every(local)) {
      throw new RangeError(
        `${range}: pool and fixed addresses belong into the network of ${showAddress(address)}`,
      );
    }
    if (!Number.isInteger(leaseSeconds) || leaseSeconds < 1 || leaseSeconds > 0xfffffffe)
      throw new RangeError(`a lease of ${leaseSeconds} s: 1 … 2^32-2 are possible`);
    this.#leaseSeconds = leaseSeconds;
    if (options.on !== false) this.start();
  }

  /** Everything that is known of addresses, in their order. */
  leases(): readonly Readonly<Lease>[] {
    return [...this.#leases.values()].toSorted((a, b) => a.address - b.address);
  }

  protected open(): void {
    this.#socket = this.serveUdp(SERVER_PORT, (datagram) => this.#arrive(datagram), 0);
  }

  get #self(): Address {
    return this.stack.configuration(0).address;
  }

  #arrive({ payload }: Datagram): void {
    const reason = check(payload) ?? (payload[0] === BOOTREQUEST ? undefined : "operation");
    if (reason) {
      this.malformed.set(reason, (this.malformed.get(reason) ?? 0) + 1);
      return;
    }
    const message = read(payload);
    const [answer, address] = this.#decide(message);
    this.events.add({ at: this.now, message, answer, address }, payload.length);
  }

  /** What is answered and which address it is about. */
  #decide(message: Dhcp): [answer: string, address: Address] {
    const serverId = u32Option(message, Option.SERVER_ID);
    switch (message.options.get(Option.MESSAGE_TYPE)?.[0]) {
      case MessageType.DISCOVER:
        return this.#discover(message);
      case MessageType.REQUEST:
        return this.#request(message, serverId);
      case MessageType.DECLINE:
      case MessageType.RELEASE:
        return this.#giveBack(message, serverId);
      case MessageType.INFORM:
        this.#reply(message, MessageType.ACK, 0, 0);
        return ["ACK", message.client];
      default:
        return ["not a client's message", 0];
    }
  }

  /** RFC 2131 4.3.1 */
  #discover(message: Dhcp): [string, Address] {
    const wished = u32Option(message, Option.REQUESTED_ADDRESS);
    const address = this.#choose(message, wished);
    if (address === undefined) return ["no address is free", 0];
    const lease = this.#leases.get(address);
    // A client that asks anew keeps what it has until it decides.
    if (lease?.state !== "bound" || lease.expires <= this.now)
      this.#hold(message, address, "offered", this.now + OFFER_TIME);
    this.#reply(message, MessageType.OFFER, address, this.#secondsFor(message));
    return ["OFFER", address];
  }

  /** RFC 2131 4.3.2; which of its cases it is follows from what is filled in. */
  #request(message: Dhcp, serverId: number | undefined): [string, Address] {
    const requested = u32Option(message, Option.REQUESTED_ADDRESS);
    const client = clientOf(message);
    if (serverId !== undefined && serverId !== this.#self) {
      // SELECTING, and another server was selected: what was offered is free again.
      for (const lease of this.#leases.values())
        if (lease.client === client && lease.state === "offered") this.#leases.delete(lease.address);
      return ["another server was chosen", requested ?? 0];
    }
    const address = requested ?? message.client;
    const lease = this.#leases.get(address);
    const isHis = lease?.client === client && lease.state !== "declined";
    const knows = isHis || this.#fixedFor(message)?.address === address;
    if (!knows) {
      // INIT-REBOOT and REBINDING of a client without a record here: "MUST remain silent", unless the address is
      // wrong for this network or somebody else's.
      const wrong = !this.#isLocal(address) || (lease !== undefined && lease.client !== client);
      if (serverId === undefined && !wrong) return ["unknown client", address];
      this.#reply(message, MessageType.NAK, 0, 0);
      return ["NAK", address];
    }
    const seconds = this.#secondsFor(message);
    this.#hold(message, address, "bound", this.now + seconds * SECOND);
    this.#reply(message, MessageType.ACK, address, seconds);
    return ["ACK", address];
  }

  /** RFC 2131 4.3.3, 4.3.4: no answer to either. */
  #giveBack(message: Dhcp, serverId: number | undefined): [string, Address] {
    const declined = message.options.get(Option.MESSAGE_TYPE)![0] === MessageType.DECLINE;
    const address = declined ? (u32Option(message, Option.REQUESTED_ADDRESS) ?? 0) : message.client;
    const lease = this.#leases.get(address);
    if (serverId !== undefined && serverId !== this.#self) return ["for another server", address];
    if (lease?.client !== clientOf(message)) return ["not this client's address", address];
    lease.state = declined ? "declined" : "free";
    lease.expires = declined ? this.now + DECLINE_TIME : this.now;
    return [declined ? "declined" : "released", address];
  }

  /** RFC 2131 4.3.1: what it has, what it had, what it wishes, what is free, what has been free longest. */
  #choose(message: Dhcp, wished: Address | undefined): Address | undefined {
    const fixed = this.#fixedFor(message);
    if (fixed) return fixed.address;
    const client = clientOf(message);
    for (const lease of this.#leases.values()) {
      if (lease.client === client && lease.state !== "declined" && this.#isInPool(lease.address))
        return lease.address;
    }
    if (wished !== undefined && this.#isInPool(wished) && this.#isFree(wished)) return wished;
    const { first, last } = this.#options.pool;
    let oldest: Lease | undefined;
    for (let address = first; address <= last; address++) {
      if (!this.#isFree(address)) continue;
      const lease = this.#leases.get(address);
      if (lease === undefined) return address;
      if (oldest === undefined || lease.expires < oldest.expires) oldest = lease;
    }
    return oldest?.address;
  }

  #isFree(address: Address): boolean {
    if (this.stack.configuration(0).address === address) return false;
    if (address === this.#options.router || this.#options.fixed?.some((each) => each.address === address))
      return false;
    const { mask } = this.stack.configuration(0);
    if ((address & ~mask) === 0 || (address | mask) >>> 0 === BROADCAST) return false; // the network, and all of it
    const lease = this.#leases.get(address);
    return lease === undefined || lease.state === "free" || lease.expires <= this.now;
  }

  #isInPool(address: Address): boolean {
    const { first, last } = this.#options.pool;
    return address >= first && address <= last;
  }

  #isLocal(address: Address): boolean {
    const own = this.stack.configuration(0);
    return ((address ^ own.address) & own.mask) === 0;
  }

  #fixedFor(message: Dhcp) {
    return this.#options.fixed?.find(({ mac }) => mac === message.mac);
  }

  #hold(message: Dhcp, address: Address, state: Lease["state"], expires: Micros): void {
    const name = latin1(message.options.get(Option.HOST_NAME) ?? new Uint8Array(0));
    const client = clientOf(message);
    this.#leases.set(address, { address, mac: message.mac, client, name, state, expires });
  }

  #secondsFor(message: Dhcp): number {
    const wished = u32Option(message, Option.LEASE_TIME) || this.#leaseSeconds;
    return Math.min(wished, this.#leaseSeconds);
  }

  #reply(message: Dhcp, type: number, address: Address, leaseSeconds: number): void {
    const { boot } = this.#options;
    const nak = type === MessageType.NAK;
    const reply: Dhcp = {
      op: BOOTREPLY,
      hops: 0,
      id: message.id,
      seconds: 0,
      broadcast: message.broadcast || (nak && message.relay !== 0), // 4.3.2: the relay is to broadcast a NAK
      client: nak || type === MessageType.OFFER ? 0 : message.client,
      your: address,
      server: nak ? 0 : (boot?.server ?? 0),
      relay: message.relay,
      mac: message.mac,
      serverName: "",
      file: nak ? "" : (boot?.file ?? ""),
      options: this.#optionsFor(message, type, leaseSeconds),
    };
    const bytes = new Uint8Array(lengthOf(reply));
    write(reply, bytes);
    this.#socket?.send(bytes, destination(message, nak));
  }

  #optionsFor(message: Dhcp, type: number, leaseSeconds: number): Map<number, Uint8Array> {
    const options = new Map([
      [Option.MESSAGE_TYPE as number, Uint8Array.of(type)],
      [Option.SERVER_ID, addresses([this.#self])],
    ]);
    // RFC 6842: the identifier comes back as it was.
    const id = message.options.get(Option.CLIENT_ID);
    if (id) options.set(Option.CLIENT_ID, id);
    if (type === MessageType.NAK) return options;
    if (leaseSeconds > 0) {
      options.set(Option.LEASE_TIME, addresses([leaseSeconds]));
      // RFC 2131 4.4.5: T1 and T2 by default.
      options.set(Option.RENEWAL_TIME, addresses([Math.floor(leaseSeconds / 2)]));
      options.set(Option.REBINDING_TIME, addresses([Math.floor(leaseSeconds * 0.875)]));
    }
    const known = this.#parameters(message);
    // 4.3.1: what was asked for; who asks for nothing in particular gets all there is.
    for (const code of message.options.get(Option.PARAMETER_LIST) ?? known.keys()) {
      const value = known.get(code);
      if (value) options.set(code, value);
    }
    return options;
  }

  /** RFC 2132 3.3: the mask stands before the router. */
  #parameters(message: Dhcp): Map<number, Uint8Array> {
    const { router, dns = [], ntp = [], domain, boot } = this.#options;
    const { address, mask } = this.stack.configuration(0);
    const known = new Map<number, Uint8Array>([
      [Option.MASK, addresses([mask])],
      [Option.BROADCAST, addresses([(address | ~mask) >>> 0])],
    ]);
    if (router !== undefined) known.set(Option.ROUTER, addresses([router]));
    if (dns.length > 0) known.set(Option.DNS, addresses(dns));
    if (ntp.length > 0) known.set(Option.NTP, addresses(ntp));
    if (domain) known.set(Option.DOMAIN, bytesOf(domain));
    const name = this.#fixedFor(message)?.name;
    if (name) known.set(Option.HOST_NAME, bytesOf(name));
    if (boot) {
      known.set(Option.TFTP_SERVER, bytesOf(showAddress(boot.server)));
      known.set(Option.BOOT_FILE, bytesOf(boot.file));
    }
    return known;
  }
}

/** RFC 2131 4.2: by its identifier if it has one, else by its hardware address. */
function clientOf(message: Dhcp): string {
  const id = message.options.get(Option.CLIENT_ID);
  return id && id.length > 0
    ? Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("")
    : showMac(message.mac);
}

/**
 * RFC 2131 4.1. To a client without address one "MAY" send by broadcast, which is what all of them can receive, with
 * the broadcast flag or without; unicast would go to a card that does not answer ARP for its address yet.
 */
function destination(message: Dhcp, nak: boolean): { address: Address; port: number } {
  if (message.relay !== 0) return { address: message.relay, port: SERVER_PORT };
  if (!nak && message.client !== 0) return { address: message.client, port: CLIENT_PORT };
  return { address: BROADCAST, port: CLIENT_PORT };
}

function addresses(list: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * list.length);
  for (const [index, address] of list.entries()) setU32be(bytes, 4 * index, address);
  return bytes;
}
