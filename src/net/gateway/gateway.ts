/**
 * The way out of a virtual network, and in: a station at 10.0.2.2, and fd00::2 where IPv6 is wanted, that ends every connection on its own stack and
 * carries the bytes on over an `Outside`. Nothing is open that was not asked for. Guests are reached only at ports
 * that are published, and reach out only when `outbound` allows it; otherwise they are told so, TCP by a reset, UDP by
 * ICMP "administratively prohibited". What the gateway cannot carry at all, such as ICMP echo, has no route here,
 * and the guest hears that; no answer is ever made up in the name of an outside host.
 *
 * Connections are ended and not routed, so a guest never holds an address of the host's, and the host needs no rights.
 */
import { Fifo, FOREVER, type Micros, Random, Row, SECOND } from "../../base/index.ts";
import { Nic } from "../link/nic.ts";
import type { Port } from "../link/port.ts";
import { routeAmong } from "../router/router.ts";
import type { Attempt } from "../sockets.ts";
import { Stack } from "../stack.ts";
import type { TcpSettings } from "../tcp/settings.ts";
import { type Address, parseNetwork } from "../wire/address.ts";
import { commonPrefix, type Network6, parseNetwork6 } from "../wire/address6.ts";
import { type IpAddress, showIpAddress, showIpEndpoint } from "../wire/ip-address.ts";
import { Inbound, Outbound } from "./connection.ts";
import { type Exchange, InboundExchange, OutboundExchange } from "./exchange.ts";
import {
  type Failure,
  type Listener,
  type Outside,
  type OutsideDatagrams,
  type Place,
  type State,
  showPlace,
} from "./host.ts";
import { neverOutside, type Policy } from "./policy.ts";
import type { HostPort, Publication } from "./publish.ts";
import { noTraffic, type TrafficCounters } from "./traffic.ts";
import type { Worker } from "./worker.ts";

export interface GatewayOptions {
  /** Where the gateway is plugged in. */
  port: Port;
  outside: Outside;
  random: Random;
  /** Address and length of the network's prefix. Default 10.0.2.2/24. */
  address?: string;
  /**
   * `fd00::2/64`: the gateway speaks IPv6 too, at this address and a link-local one, and advertises itself as the router of
   * this prefix (RFC 4861 6.2). Default: no IPv6.
   */
  address6?: string;
  /** Default 52:54:00:00:02:02. */
  mac?: number;
  /** Default 1500. */
  mtu?: number;
  /** Segmentation offload: see `NicOptions`. Default false. */
  offload?: boolean;
  /** What differs from the usual settings of a stack, besides a TIME-WAIT of one second and no delayed ACK. */
  tcp?: Partial<TcpSettings>;
  /** Networks behind routers, for what is published there and what comes from there: `10.0.9.0/24 via 10.0.2.7`. */
  routes?: readonly string[];
  publish?: readonly Publication[];
  /** Whether guests may reach out: all they like, or what the policy allows. Default false. */
  outbound?: boolean | Policy;
  /** Ports at the gateway's own address that lead to places of the host, for guests. Default none. */
  hostPorts?: readonly HostPort[];
  /** How long a UDP exchange may rest before it is forgotten. Default two minutes, RFC 4787 REQ-5. */
  udpTimeout?: Micros;
  /** Connections at a time, both ways together. Default 16384. */
  maxConnections?: number;
  /** UDP exchanges at a time, both ways together. Default 1024. */
  maxExchanges?: number;
}

/** A publication and what has become of it. */
export interface Published {
  readonly publication: Publication;
  readonly state: State;
  /** Why nobody listens. */
  readonly failure: Failure | undefined;
  /** Where the host really listens: with port 0, the one it has given. */
  readonly at: Place;
}

export interface GatewayCounters {
  /** Begun outside, at published ports. */
  readonly inbound: Readonly<TrafficCounters>;
  /** Begun by guests. */
  readonly outbound: Readonly<TrafficCounters>;
}

const ADDRESS = "10.0.2.2/24";
const MAC = 0x525400000202;
/**
 * All connections to a guest's port come from this one address: with a minute's TIME-WAIT, 16,384 ports would allow 273
 * connections a second. A segment lives no longer than it waits in a switch here, and RFC 9293 3.6.1 with timestamps
 * (RFC 6191) guards the guest's side.
 */
const TIME_WAIT: Micros = 1 * SECOND;
/** How long a guest that keeps sending to a UDP port outside is told that the port is closed, once it was found so. */
const REFUSAL_REMEMBERED: Micros = 5 * SECOND;
const REFUSALS = 1024;

export class Gateway {
  readonly stack: Stack;
  readonly #outside: Outside;
  readonly #policy: Policy;
  readonly #hostPorts: readonly HostPort[];
  readonly #udpTimeout: Micros;
  readonly #maxConnections: number;
  readonly #maxExchanges: number;
  readonly #inbound = noTraffic();
  readonly #outbound = noTraffic();
  readonly #published: (Published & { readonly part: Listener | OutsideDatagrams })[] = [];
  readonly #connections = new Row<Inbound | Outbound>();
  readonly #exchanges = new Set<Exchange>();
  /** UDP targets that refused, as guests' exchanges with them, and until when that is believed. */
  readonly #refusals = new Map<string, Micros>();
  /** Where guests are: the gateway's own network and those that routes lead to. */
  readonly #near: { readonly network: Address; readonly mask: Address }[];
  readonly #near6: Network6[] = [];
  #now: Micros = 0;
  readonly #ready = new Fifo<Worker>();
  /** No exchange can have rested for too long before this. */
  #sweep: Micros = FOREVER;
  #waiting: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    const { port, outside, random, mac = MAC, mtu = 1500, address = ADDRESS, outbound = false } = options;
    const { address6 } = options;
    const network = parseNetwork(address);
    if (network === undefined)
      throw new RangeError(`${JSON.stringify(address)} is not an address such as ${ADDRESS}`);
    const network6 = address6 === undefined ? undefined : parseNetwork6(address6);
    if (address6 !== undefined && network6 === undefined)
      throw new RangeError(`${JSON.stringify(address6)} is not an address such as fd00::2/64`);
    this.#outside = outside;
    this.#policy = typeof outbound === "function" ? outbound : () => outbound;
    this.#hostPorts = options.hostPorts ?? [];
    this.#udpTimeout = options.udpTimeout ?? 120 * SECOND;
    this.#maxConnections = options.maxConnections ?? 16384;
    this.#maxExchanges = options.maxExchanges ?? 1024;
    this.stack = new Stack({
      nics: [new Nic({ port, mac, mtu, name: "gateway", offload: options.offload ?? false })],
      random: new Random(random.u32()),
      anyAddress: true,
      // A guest that answers in small pieces waits with each for the acknowledgement of the one before (RFC 1122
      // 4.2.3.4); on a virtual network it costs next to nothing, so it comes at once.
      tcp: { timeWait: TIME_WAIT, quickAcks: Number.POSITIVE_INFINITY, ...options.tcp },
      // A router without routes: what is neither TCP nor UDP is answered "network unreachable" (RFC 1812 4.3.3.1).
      forward: true,
    });
    this.#near = [{ network: network.address, mask: network.mask }];
    this.stack.configure(0, network);
    if (network6) {
      const addresses = [network6];
      this.#near6.push(network6);
      this.stack.configure6(0, { addresses, duplicateDetection: 0, autoconfigure: false, advertise: true });
    }
    for (const text of options.routes ?? []) {
      const route = routeAmong([address, address6 ?? []].flat(), text);
      if ("prefixLength" in route) {
        this.stack.addRoute6(route);
        this.#near6.push({ address: route.network, prefixLength: route.prefixLength });
      } else {
        this.stack.addRoute(route);
        this.#near.push(route);
      }
    }
    this.stack.sockets.intercept((attempt) => this.#attempted(attempt));
    for (const publication of options.publish ?? []) this.publish(publication);
  }

  /**
   * Opens a guest's port to the outside. Whether that works shows in the answer's `state`; see also `opened`.
   * Throws a RangeError when the guest is where no network of the gateway's and no route leads.
   */
  publish(publication: Publication): Published {
    const { guest } = publication;
    if (!this.#isNear(guest))
      throw new RangeError(`no way leads from the gateway to ${showIpAddress(guest)}`);
    const part =
      publication.protocol === "tcp" ? this.#publishTcp(publication) : this.#publishUdp(publication);
    const published = {
      publication,
      part,
      get state() {
        return part.state;
      },
      get failure() {
        return part.failure;
      },
      get at() {
        return part.local;
      },
    };
    this.#published.push(published);
    return published;
  }

  get published(): readonly Published[] {
    return this.#published;
  }

  /** Resolves when it is known of every publication whether it works: with those that do not. */
  async opened(): Promise<Published[]> {
    while (this.#published.some(({ state }) => state === "opening")) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#published.filter(({ failure }) => failure !== undefined);
  }

  get counters(): GatewayCounters {
    return { inbound: this.#inbound, outbound: this.#outbound };
  }

  /** Nothing is on its way: no connection exists or is being made, and no datagram waits for its port. */
  get idle(): boolean {
    if (this.#connections.size > 0 || this.#ready.length > 0) return false;
    for (const exchange of this.#exchanges) if (exchange.opening) return false;
    return true;
  }

  /** Takes what has come from both sides and carries it on. False when nothing moved. */
  poll(now: Micros): boolean {
    this.#now = now;
    let moved = this.#outside.poll(now);
    if (this.stack.poll(now)) moved = true;
    if (now >= this.#sweep) this.#forgetResting(now);
    if (this.#ready.length === 0) return moved;
    for (let left = this.#ready.length; left > 0; left--) {
      const worker = this.#ready.shift()!;
      worker.marked = false;
      if (!worker.work(now)) {
        worker.marked = true; // what its halves still do is nobody's news any more
        this.#connections.delete(worker as Inbound);
        this.#exchanges.delete(worker as Exchange);
      }
    }
    this.stack.poll(now);
    return true;
  }

  deadline(): Micros {
    if (this.#ready.length > 0) return 0;
    return Math.min(this.stack.deadline(), this.#outside.deadline(), this.#sweep);
  }

  /**
   * Closes the published ports and resets every connection; outside, what a guest has ended is left to go out. The next
   * poll sends the guests' resets.
   */
  close(): void {
    this.stack.sockets.intercept((attempt) => attempt.refuse());
    for (const { part } of this.#published) part.close();
    for (const worker of [...this.#connections, ...this.#exchanges]) worker.abort();
    this.#connections.clear();
    this.#exchanges.clear();
    this.#ready.clear();
    this.#sweep = FOREVER;
    this.#told();
  }

  readonly #mark = (worker: Worker): void => {
    if (worker.marked) return;
    worker.marked = true;
    this.#ready.push(worker);
    this.stack.stir();
  };

  #told(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  // --- from outside to guests ------------------------------------------------------------------------------------

  #publishTcp({ at, guest, port }: Publication): Listener {
    const listener = this.#outside.listen(at, (stream) => {
      if (this.#connections.size >= this.#maxConnections) {
        this.#inbound.failed++;
        stream.reset();
        return;
      }
      const socket = this.stack.sockets.stream();
      const inbound = new Inbound(socket, stream, guest, port, this.#inbound, this.#mark);
      this.#connections.add(inbound);
      this.#mark(inbound);
    });
    listener.onChange = () => this.#told();
    return listener;
  }

  #publishUdp({ at, guest, port }: Publication): OutsideDatagrams {
    const datagrams = this.#outside.bind(at);
    const peers = new Map<string, InboundExchange>();
    const arrivals: Worker = {
      marked: false,
      work: (now) => {
        for (let next = datagrams.receive(); next !== undefined; next = datagrams.receive()) {
          const key = showPlace(next.from);
          const exchange = peers.get(key) ?? this.#newPeer(datagrams, next.from, guest, port, peers, now);
          if (exchange === undefined) this.#inbound.datagramsDropped++;
          else exchange.toGuest(next.payload, now);
        }
        return true;
      },
      abort() {},
    };
    datagrams.onChange = () => {
      this.#told();
      this.#mark(arrivals);
    };
    return datagrams;
  }

  #newPeer(
    datagrams: OutsideDatagrams,
    peer: Place,
    guest: IpAddress,
    port: number,
    peers: Map<string, InboundExchange>,
    now: Micros,
  ): InboundExchange | undefined {
    if (!this.#roomForExchange(now)) return undefined;
    const socket = this.stack.sockets.datagram();
    if (socket.connect(guest, port) !== undefined) {
      socket.close();
      return undefined;
    }
    const key = showPlace(peer);
    const published = { datagrams, peer, forget: () => void peers.delete(key) };
    const exchange = new InboundExchange(socket, published, this.#inbound, this.#mark, now);
    peers.set(key, exchange);
    this.#begin(exchange, now);
    return exchange;
  }

  // --- from guests to the outside --------------------------------------------------------------------------------

  #attempted(attempt: Attempt): void {
    const { protocol, to } = attempt;
    const opened = this.#opened(attempt);
    const target = opened ?? { host: showIpAddress(to.address), port: to.port };
    const allowed = opened !== undefined || this.#mayGo(protocol, to.address, to.port, target.host);
    if (protocol === "udp" && allowed) {
      this.#exchangeAttempted(attempt, target);
    } else if (protocol === "udp") {
      this.#outbound.datagramsDropped++;
      // The gateway itself has nothing open; of others it only knows that it may not ask them.
      if (this.#isOwn(to.address)) attempt.refuse();
      else attempt.unreachable("prohibited");
    } else if (allowed && this.#connections.size < this.#maxConnections) {
      const stream = this.#outside.connect(target);
      this.#connections.add(new Outbound(attempt, stream, this.#outbound, this.#mark));
    } else {
      this.#outbound.failed++;
      attempt.refuse();
    }
  }

  /** What was opened behind a port of the gateway itself. */
  #opened({ protocol, to: { address, port } }: Attempt): Place | undefined {
    if (!this.#isOwn(address)) return undefined;
    return this.#hostPorts.find((each) => each.protocol === protocol && each.port === port)?.to;
  }

  #isOwn(address: IpAddress): boolean {
    return this.stack.isOwn(address);
  }

  /** Nothing that belongs to this network or to the host itself is outside, whatever the policy says. */
  #mayGo(protocol: "tcp" | "udp", address: IpAddress, port: number, host: string): boolean {
    if (this.#isNear(address) || neverOutside(address) || this.#outside.isHost(host)) return false;
    return this.#policy({ protocol, address, port });
  }

  /** An address of the guests' networks. */
  #isNear(address: IpAddress): boolean {
    return typeof address === "number"
      ? this.#near.some(({ network, mask }) => ((address ^ network) & mask) === 0)
      : this.#near6.some((near) => commonPrefix(near.address, address) >= near.prefixLength);
  }

  #exchangeAttempted(attempt: Attempt, target: Place): void {
    const now = this.#now;
    const key = `${showIpEndpoint(attempt.from)} ${showPlace(target)}`;
    if ((this.#refusals.get(key) ?? 0) > now) {
      this.#outbound.datagramsDropped++;
      attempt.refuse();
      return;
    }
    const socket = this.#roomForExchange(now) ? attempt.accept() : undefined;
    if (socket === undefined) {
      this.#outbound.datagramsDropped++;
      attempt.ignore();
      return;
    }
    const refused = (): void => {
      if (this.#refusals.size >= REFUSALS) this.#refusals.clear();
      this.#refusals.set(key, this.#now + REFUSAL_REMEMBERED);
    };
    const datagrams = this.#outside.reach(target);
    this.#begin(new OutboundExchange(socket, datagrams, refused, this.#outbound, this.#mark, now), now);
  }

  // --- UDP exchanges ---------------------------------------------------------------------------------------------

  #begin(exchange: Exchange, now: Micros): void {
    this.#exchanges.add(exchange);
    this.#sweep = Math.min(this.#sweep, now + this.#udpTimeout);
  }

  #roomForExchange(now: Micros): boolean {
    if (this.#exchanges.size >= this.#maxExchanges) this.#forgetResting(now);
    return this.#exchanges.size < this.#maxExchanges;
  }

  #forgetResting(now: Micros): void {
    this.#sweep = FOREVER;
    for (const exchange of this.#exchanges) {
      const end = exchange.used + this.#udpTimeout;
      if (end > now) {
        this.#sweep = Math.min(this.#sweep, end);
      } else {
        this.#exchanges.delete(exchange);
        exchange.abort();
      }
    }
  }
}
