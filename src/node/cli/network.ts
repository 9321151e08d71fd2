import { type Micros, Random, SECOND } from "../../base/index.ts";
import type { Computer, InterfaceOptions } from "../../computer.ts";
import { Causes, makeService, Recording, type ServiceKind, serviceKinds } from "../../lab/index.ts";
import {
  type Address,
  type Address6,
  allowOnly,
  Calendar,
  commonPrefix,
  Gateway,
  type GatewayCounters,
  type HostPort,
  macFor,
  Nic,
  NoOutside,
  newsOf,
  noTraffic,
  type Outside,
  Patch,
  PcapWriter,
  type Policy,
  type Port,
  type Publication,
  parseAddress,
  parseAddress6,
  parseHostPort,
  parseIpAddress,
  parseNetwork,
  parseNetwork6,
  parseOwnAddress,
  parsePublication,
  parseRemoteLink,
  type RemoteLink,
  type Service,
  type ServiceNews,
  Stack,
  Switch,
  type SwitchPort,
  showAddress,
  showAddress6,
} from "../../net/index.ts";
import type { World } from "../../world.ts";
import { NodeOutside } from "../host.ts";
import { SocketLink } from "../link.ts";
import type { Outlet } from "../outlet.ts";
import type { OutputFile } from "../output.ts";
import { parseTap, Tap } from "../tap.ts";
import { Refusal } from "./command.ts";
import { filesIn } from "./folder.ts";

/** The first computer of the network 10.0.2.0/24; the gateway is the second address of whatever network it is. */
const ADDRESS = "10.0.2.15/24";
/** How long peers may take nothing of what an ended program has sent them before they are given up. */
const LINGER: Micros = 5 * SECOND;

export interface NetworkWishes {
  place: NetworkPlace;
  /** Further cards. */
  cards: readonly CardWish[];
  publish: readonly Publication[];
  /** All the way out, or to what the policy allows. */
  outbound: boolean | Policy;
  hostPorts: readonly HostPort[];
  services: readonly ServiceWish[];
  taps: readonly OnNetwork<TapWish>[];
  links: readonly OnNetwork<RemoteLink>[];
}

export interface NetworkOptions extends NetworkWishes {
  /** Told what the services are asked. */
  onNews?: ((kind: string, news: ServiceNews) => void) | undefined;
  pcap?: OutputFile | undefined;
  /** Microseconds from 1970 to the beginning of the world's clock, for the time stamps of the capture. Default 0. */
  epoch?: number;
}

export type TapWish = Exclude<ReturnType<typeof parseTap>, { error: string }>;

/** Something that joins a network other than that of the first card, if it names one. */
export interface OnNetwork<T> {
  readonly wish: T;
  readonly network: string | undefined;
}

/** A further card: on a network of its own, or one that it shares. */
export interface CardWish {
  /** As 10.0.3.15/24; undefined: the program configures it. */
  readonly address: string | undefined;
  readonly network: string;
}

/** A server on the program's network: its kind, and what is said of it. */
export type ServiceWish = { readonly kind: ServiceKind; readonly value: string | undefined };

/** A part of the host that the switch is joined with, and the switch's port for it. */
export interface Joined {
  readonly outlet: Outlet;
  readonly port: SwitchPort;
}

/** The network that the first card is on. */
const FIRST = "eth0";

/** What `kolibri run` is told of the network. */
export interface NetworkValues {
  readonly address: string | undefined;
  readonly gateway: string | undefined;
  readonly publish: readonly string[];
  readonly outbound: string | true | undefined;
  readonly "host-port": readonly string[];
  readonly service: readonly string[];
  readonly nic: readonly string[];
  readonly tap: readonly string[];
  readonly link: readonly string[];
}

export function networkWishes(values: NetworkValues): NetworkWishes {
  const place = networkPlace(values.address, values.gateway);
  const on = <T>(text: string, read: (wish: string) => T): OnNetwork<T> => {
    const { wish, network } = onNetwork(text);
    return { wish: read(wish), network };
  };
  return {
    place,
    publish: values.publish.map((text) => publication(text, place)),
    taps: values.tap.map((text) => on(text, tapWish)),
    links: values.link.map((text) => on(text, remoteLink)),
    hostPorts: values["host-port"].map(hostPort),
    services: values.service.map(serviceWish),
    cards: values.nic.map((text, i) => cardWish(text, i + 1)),
    outbound: outboundWish(values.outbound),
  };
}

/** Whether what is outside of this process takes part, so that time must be real. */
export const reachesOutside = ({ publish, taps, links, hostPorts, outbound }: NetworkWishes): boolean =>
  publish.length + taps.length + links.length + hostPorts.length > 0 || outbound !== false;

/** What surrounds one computer: switches, and on them the ways to whatever the command line has opened. */
export class Network {
  /** What the computer is plugged into. */
  readonly interfaces: readonly InterfaceOptions[];
  /** None where there are other ways out, and nothing for a gateway to do: the default route may lead to a peer's. */
  readonly gateway: Gateway | undefined;
  readonly joined: Joined[] = [];
  /** Told when the other side of a TAP device or a link comes or goes. */
  onNews: ((text: string) => void) | undefined;
  readonly #world: World;
  readonly #switches = new Map<string, Switch>();
  readonly #options: NetworkOptions;
  readonly #outside: Outside;
  readonly #recording: Recording | undefined;
  readonly #causes: Causes;

  /** `add` lets the gateway take part in the world. */
  constructor(world: World, options: NetworkOptions, add: World["add"] = (...all) => world.add(...all)) {
    const { place, cards, publish, outbound, hostPorts, services, taps, links, pcap, epoch = 0 } = options;
    this.#world = world;
    this.#options = options;
    if (pcap) {
      const writer = new PcapWriter((chunk) => pcap.write(chunk));
      this.#recording = new Recording({ writer, clock: world.clock, epoch });
    }
    this.#causes = new Causes({ name: "computer", moment: () => world.moment });
    const { address, gateway, addresses6 } = place;
    const attached = publish.length + hostPorts.length > 0 || outbound !== false;
    const hasGateway = attached || taps.length + links.length === 0;
    // Where the only way out is somebody else's, he advertises himself.
    const gateway6 = parseAddress6(place.gateway6 ?? "") ?? (hasGateway ? secondOf(addresses6) : undefined);
    // Nobody sees the frames but the computer and its gateway: they may pass whole pieces of a stream to each other.
    const offload = !pcap && taps.length + links.length + services.length === 0;
    const card = (name: string, network: string, at: string | undefined): InterfaceOptions => ({
      port: this.#port(network, `computer.${name}`, at, this.#causes),
      name,
      offload,
      ...(at !== undefined && { address: at }),
    });
    this.interfaces = [
      {
        ...card("eth0", FIRST, address),
        ...(gateway !== undefined && { gateway: showAddress(gateway) }),
        ...(place.addresses6.length > 0 && { addresses6: place.addresses6 }),
        ...(gateway6 !== undefined && { gateway6: showAddress6(gateway6) }),
      },
      ...cards.map((each, i) => card(`eth${i + 1}`, each.network, each.address)),
    ];
    this.#outside = attached ? new NodeOutside() : new NoOutside();
    if (services.length > 0) this.#addServices(services);
    if (!hasGateway) return;
    if (gateway === undefined) {
      throw new Refusal(
        `${address} leaves no address for the gateway that --publish and --outbound need: --gateway`,
      );
    }
    this.#outside.onWake = () => world.wake();
    const { random } = world;
    const own = `${showAddress(gateway)}/${address.split("/")[1]}`;
    const causes = new Causes({
      name: "gateway",
      moment: () => world.moment,
      otherwise: "what came from outside",
    });
    this.gateway = new Gateway({
      port: this.#port(FIRST, "gateway", own, causes),
      outside: this.#outside,
      random,
      address: own,
      ...(gateway6 !== undefined &&
        isOnNetwork6(gateway6, addresses6) && { address6: `${showAddress6(gateway6)}/64` }),
      mac: macFor(gateway),
      publish,
      outbound,
      hostPorts,
      offload,
    });
    causes.stack = this.gateway.stack;
    add(this.gateway, { outside: attached });
  }

  /** The capture, if there is one, tells from now on which system calls sent the computer's frames. */
  explain(computer: Computer): void {
    if (!this.#recording) return;
    this.#causes.stack = computer.stack;
    computer.watchCalls(this.#causes.called);
  }

  /** A port of a network, captured if that is wanted. */
  #port(network: string, name: string, address: string | undefined, causes: Causes): Port {
    const port = this.#switchOf(network).plug(name);
    const description = [address, `on ${network}`].filter(Boolean).join(" ");
    return this.#recording ? this.#recording.port(port, { name, description }, causes) : port;
  }

  #switchOf(network: string): Switch {
    let found = this.#switches.get(network);
    if (!found) this.#switches.set(network, (found = new Switch({ clock: this.#world.clock })));
    return found;
  }

  /** One station with all the servers, at the network's third address. */
  #addServices(wishes: readonly ServiceWish[]): void {
    const { address } = this.#options.place;
    const { address: computer, mask } = parseNetwork(address)!;
    const network = (computer & mask) >>> 0;
    const own = network + 3;
    const length = address.split("/")[1];
    if (((own ^ network) & mask) !== 0 || own === computer)
      throw new Refusal(`${address} leaves no address for --service: it would be ${showAddress(own)}`);
    const { world } = { world: this.#world };
    const causes = new Causes({ name: "services", moment: () => world.moment });
    const port = this.#port(FIRST, "services", `${showAddress(own)}/${length}`, causes);
    const stack = new Stack({
      nics: [new Nic({ port, mac: macFor(own) })],
      random: new Random(world.random.u32()),
    });
    stack.configure(0, { address: own, mask, gateway: this.#options.place.gateway ?? 0 });
    const own6 = numbered(this.#options.place.addresses6, 3);
    if (own6 !== undefined) {
      stack.configure6(0, { addresses: [{ address: own6, prefixLength: 64 }], duplicateDetection: 0 });
    }
    causes.stack = stack;
    const { outbound, epoch = 0 } = this.#options;
    const around = {
      stack,
      folder: filesIn,
      ...(epoch > 0 && { calendar: new Calendar(Math.floor(epoch / 1000)) }),
      resolve:
        outbound === false
          ? undefined
          : (name: string, answer: Parameters<Outside["resolve"]>[1]) => this.#outside.resolve(name, answer),
    };
    for (const { kind, value } of wishes) {
      let service: Service;
      try {
        const facts = { network, mask, computer, own, gateway: this.#options.place.gateway, outbound };
        service = makeService(kind, optionsOf(kind, value, facts) as never, around);
      } catch (error) {
        throw new Refusal(`--service ${kind}: ${(error as Error).message}`, 2);
      }
      const news = newsOf(service);
      world.add({
        poll: (now) => {
          const moved = service.poll(now);
          if (moved && news && this.#options.onNews)
            for (const each of news()) this.#options.onNews(kind, each);
          return moved;
        },
        deadline: () => service.deadline(),
      });
    }
  }

  /** Opens all that the command line asks for; what cannot be opened is refused. */
  async open(): Promise<void> {
    for (const { wish, network } of this.#options.taps)
      this.#join(await Tap.open(wish.name, wish.address), network);
    for (const { wish, network } of this.#options.links) this.#join(await SocketLink.open(wish), network);
    const [failed] = (await this.gateway?.opened()) ?? [];
    if (!failed) return;
    const { at } = failed.publication;
    const another =
      failed.failure!.reason === "in-use"
        ? `; another one: --publish ${at.port + 1}:${failed.publication.port}`
        : "";
    throw new Refusal(`${failed.failure!.text}${another}`, 2);
  }

  /**
   * Lets what an ended program has left on its connections reach the outside: until they have ended on both sides, or
   * their peers have taken nothing for a while.
   */
  async drain(computer: Computer, signal: AbortSignal): Promise<void> {
    const until = (): boolean => !computer.sending && (this.gateway?.idle ?? true);
    const taken = (): number => {
      const { inbound, outbound } = this.traffic;
      const left = this.joined.reduce((frames, { port }) => frames + port.counters.outFrames, 0);
      return inbound.bytesFromGuest + outbound.bytesFromGuest + left;
    };
    let before: number;
    do {
      before = taken();
      if ((await computer.world.go({ until, timeout: LINGER, signal })) !== "time") return;
    } while (taken() > before);
  }

  /** What the gateway has carried. */
  get traffic(): GatewayCounters {
    return this.gateway?.counters ?? { inbound: noTraffic(), outbound: noTraffic() };
  }

  async close(): Promise<void> {
    this.gateway?.close();
    await Promise.all([this.#outside.close(), ...this.joined.map(({ outlet }) => outlet.close())]);
  }

  #join(outlet: Outlet | { error: string }, network = FIRST): void {
    if ("error" in outlet) throw new Refusal(outlet.error, 2);
    const { name } = outlet;
    const end = this.#switchOf(network).plug(name);
    this.joined.push({ outlet, port: end });
    const causes = new Causes({ name, moment: () => this.#world.moment, foreign: "what came from outside" });
    const port = this.#recording
      ? this.#recording.port(end, { name, description: `on ${network}` }, causes)
      : end;
    outlet.onWake = () => this.#world.wake();
    outlet.onNews = (text) => this.onNews?.(text);
    this.#world.add(new Patch(outlet, port), { outside: true });
  }
}

/** The address with this number in the first IPv6 network of 64 bits that the computer is on, if it has not got it itself. */
function numbered(addresses6: readonly string[], number: number): Address6 | undefined {
  const networks = addresses6.map((text) => parseNetwork6(text)!);
  const first = networks.find(({ prefixLength }) => prefixLength === 64);
  const address = first && ((first.address.slice(0, 4) + String.fromCharCode(0, 0, 0, number)) as Address6);
  return networks.some((each) => each.address === address) ? undefined : address;
}

const secondOf = (addresses6: readonly string[]): Address6 | undefined => numbered(addresses6, 2);

const isOnNetwork6 = (address: Address6, addresses6: readonly string[]): boolean =>
  addresses6.some((text) => {
    const network = parseNetwork6(text)!;
    return network.prefixLength === 64 && commonPrefix(network.address, address) >= 64;
  });

/** Where the computer is on its network. */
export interface NetworkPlace {
  /** As 10.0.2.15/24. */
  readonly address: string;
  readonly gateway: Address | undefined;
  /** As fd00::15/64. */
  readonly addresses6: readonly string[];
  readonly gateway6: string | undefined;
}

/**
 * Reads --address and --gateway: one of IPv4, and after commas of IPv6. Without a gateway it is the second address of
 * the IPv4 network, if that is free, and for IPv6 fd00::2 in a network fd00::/64: the gateway, where there is one, else the
 * router that advertises itself.
 */
export function networkPlace(given: string | undefined, gateways: string | undefined): NetworkPlace {
  const all = given?.split(",") ?? [];
  const addresses6 = all.filter((text) => text.includes(":"));
  for (const text of addresses6) {
    if (!parseNetwork6(text))
      throw new Refusal(`--address ${text}: an address such as fd00::15/64 is needed`);
  }
  const four = all.filter((text) => !text.includes(":"));
  if (four.length > 1) throw new Refusal(`--address ${given}: only one IPv4 address is possible`);
  const [address = ADDRESS] = four;
  const network = parseOwnAddress(address);
  if (!network) throw new Refusal(`--address ${address}: an address such as ${ADDRESS} is needed`);
  const [gateway, gateway6] = [false, true].map((six) =>
    gateways?.split(",").find((text) => text.includes(":") === six),
  );
  if (gateway6 !== undefined && parseAddress6(gateway6) === undefined)
    throw new Refusal(`--gateway ${gateway6}: an IPv6 address is needed`);
  const inside = (other: Address): boolean =>
    ((other ^ network.address) & network.mask) === 0 && other !== network.address;
  if (gateway === undefined) {
    const second = ((network.address & network.mask) >>> 0) + 2;
    return { address, gateway: inside(second) ? second : undefined, addresses6, gateway6 };
  }
  const other = parseAddress(gateway);
  if (other === undefined) throw new Refusal(`--gateway ${gateway}: an IPv4 address is needed`);
  if (!inside(other))
    throw new Refusal(`--gateway ${gateway}: it must be another address of the network of ${address}`);
  return { address, gateway: other, addresses6, gateway6 };
}

export function publication(text: string, place: NetworkPlace): Publication {
  const read = parsePublication(text, { guest: parseNetwork(place.address)!.address });
  if ("error" in read) throw new Refusal(`--publish ${read.error}`);
  return read;
}

export function tapWish(text: string): TapWish {
  const read = parseTap(text);
  if ("error" in read) throw new Refusal(`--tap ${read.error}`);
  return read;
}

export function remoteLink(text: string): RemoteLink {
  const read = parseRemoteLink(text);
  if ("error" in read) throw new Refusal(`--link ${read.error}`);
  return read;
}

/** Reads --nic: `10.0.3.15/24`, `none`, and the network it is on behind an @: one of its own unless several name it. */
export function cardWish(text: string, number: number): CardWish {
  const { wish, network } = onNetwork(text);
  if (wish !== "none" && !parseOwnAddress(wish))
    throw new Refusal(`--nic ${text}: an address such as 10.0.3.15/24 is needed, or none`);
  return { address: wish === "none" ? undefined : wish, network: network ?? `eth${number}` };
}

/** `WISH@NETWORK` */
export function onNetwork(text: string): OnNetwork<string> {
  const [, wish, network] = /^(.*?)(?:@([^@]+))?$/s.exec(text)!;
  return { wish: wish!, network };
}

export function hostPort(text: string): HostPort {
  const read = parseHostPort(text);
  if ("error" in read) throw new Refusal(`--host-port ${read.error}`);
  return read;
}

/** Reads --outbound: everything, or what its rules allow. */
export function outboundWish(rules: string | true | undefined): boolean | Policy {
  if (typeof rules !== "string") return rules === true;
  const policy = allowOnly(rules.split(",").filter((rule) => rule !== ""));
  if (typeof policy === "object") throw new Refusal(`--outbound ${policy.error}`);
  return policy;
}

/** Reads --service: `KIND` or `KIND=VALUE`. */
export function serviceWish(text: string): ServiceWish {
  const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(text)!;
  const kind = serviceKinds.find((each) => each === name);
  if (kind === undefined)
    throw new Refusal(`--service ${text}: there is no such service; there are ${serviceKinds.join(", ")}`);
  if (value !== undefined && !VALUED[kind]) throw new Refusal(`--service ${text}: ${kind} takes no value`);
  return { kind, value };
}

/** Services that take something behind an equals sign, and what it is. */
const VALUED: Partial<Record<ServiceKind, "folder" | "names" | "pool">> = {
  http: "folder",
  ftp: "folder",
  tftp: "folder",
  dns: "names",
  dhcp: "pool",
};

interface ServiceFacts {
  readonly network: Address;
  readonly mask: Address;
  readonly computer: Address;
  readonly own: Address;
  readonly gateway: Address | undefined;
  readonly outbound: boolean | Policy;
}

/** From the text behind the equals sign to what `makeService` takes. */
function optionsOf(kind: ServiceKind, value: string | undefined, facts: ServiceFacts): object {
  const { network, mask, computer, own, gateway, outbound } = facts;
  if (kind === "dns") {
    const hosts: Record<string, string[]> = {
      "services.lab": [showAddress(own)],
      "computer.lab": [showAddress(computer)],
    };
    for (const pair of value?.split(",") ?? []) {
      const [, name, address = ""] = /^([^:]+):(.+)$/.exec(pair) ?? [];
      if (name === undefined || parseIpAddress(address) === undefined)
        throw new Error(`${value}: NAME:ADDRESS,NAME:ADDRESS … is needed`);
      hosts[name] = [...(hosts[name] ?? []), address];
    }
    return { hosts, forward: outbound !== false };
  }
  if (kind === "dhcp") {
    const size = ~mask >>> 0;
    const [, pool = "", file] = /^([^,]*)(?:,(.+))?$/.exec(value ?? "") ?? [];
    const [first, last] =
      pool === "" && value !== ""
        ? [network + Math.min(100, Math.floor(size / 2)), network + Math.min(199, size - 1)]
        : pool.split("-").map((text) => parseAddress(text));
    if (first === undefined || last === undefined)
      throw new Error(`${value}: FIRST-LAST is needed, two addresses, and perhaps ,BOOTFILE`);
    return {
      first,
      last,
      dns: [own],
      ntp: [own],
      ...(gateway !== undefined && { router: gateway }),
      ...(file !== undefined && { boot: { server: own, file } }),
    };
  }
  if (kind === "http" && value === undefined) return { pages: { "/": "<h1>It works</h1>\n" } };
  return value === undefined ? {} : { folder: value };
}
