import { type Micros, SECOND } from "../../base/index.ts";
import type { Computer, InterfaceOptions } from "../../computer.ts";
import {
  type Address,
  capture,
  Gateway,
  type GatewayCounters,
  macFor,
  NoOutside,
  noTraffic,
  type Outside,
  Patch,
  PcapWriter,
  type Port,
  type Publication,
  parseAddress,
  parseAddress6,
  parseNetwork,
  parseNetwork6,
  parsePublication,
  parseRemoteLink,
  type RemoteLink,
  Switch,
  type SwitchPort,
  showAddress,
} from "../../net/index.ts";
import type { World } from "../../world.ts";
import { NodeOutside } from "../host.ts";
import { SocketLink } from "../link.ts";
import type { Outlet } from "../outlet.ts";
import type { OutputFile } from "../output.ts";
import { parseTap, Tap } from "../tap.ts";
import { Refusal } from "./command.ts";

/** The first computer of the network 10.0.2.0/24; the gateway is the second address of whatever network it is. */
const ADDRESS = "10.0.2.15/24";
/** How long peers may take nothing of what an ended program has sent them before they are given up. */
const LINGER: Micros = 5 * SECOND;

export interface NetworkOptions {
  place: NetworkPlace;
  publish: readonly Publication[];
  outbound: boolean;
  taps: readonly TapWish[];
  links: readonly RemoteLink[];
  pcap: OutputFile | undefined;
  /** Microseconds from 1970 to the beginning of the world's clock, for the time stamps of the capture. */
  epoch: number;
}

export type TapWish = Exclude<ReturnType<typeof parseTap>, { error: string }>;

/** A part of the host that the switch is joined with, and the switch's port for it. */
export interface Joined {
  readonly outlet: Outlet;
  readonly port: SwitchPort;
}

/** What surrounds one computer: a switch, and on it the ways to whatever the command line has opened. */
export class Network {
  /** What the computer is plugged into. */
  readonly interfaces: readonly InterfaceOptions[];
  /** None where there are other ways out, and nothing for a gateway to do: the default route may lead to a peer's. */
  readonly gateway: Gateway | undefined;
  readonly joined: Joined[] = [];
  /** Told when the other side of a TAP device or a link comes or goes. */
  onNews: ((text: string) => void) | undefined;
  readonly #world: World;
  readonly #switch: Switch;
  readonly #options: NetworkOptions;
  readonly #outside: Outside;

  constructor(world: World, options: NetworkOptions) {
    const { place, publish, outbound, taps, links, pcap, epoch } = options;
    this.#world = world;
    this.#options = options;
    const lan = new Switch({ clock: world.clock });
    this.#switch = lan;
    const { address, gateway } = place;
    const port = captured(lan.plug("computer"), world, pcap, epoch, address);
    this.interfaces = [
      {
        port,
        address,
        ...(gateway !== undefined && { gateway: showAddress(gateway) }),
        ...(place.addresses6.length > 0 && { addresses6: place.addresses6 }),
        ...(place.gateway6 !== undefined && { gateway6: place.gateway6 }),
      },
    ];
    const attached = publish.length > 0 || outbound;
    this.#outside = attached ? new NodeOutside() : new NoOutside();
    if (!attached && taps.length + links.length > 0) return;
    if (gateway === undefined) {
      throw new Refusal(
        `${address} leaves no address for the gateway that --publish and --outbound need: --gateway`,
      );
    }
    this.#outside.onWake = () => world.wake();
    const { random } = world;
    this.gateway = new Gateway({
      port: lan.plug("gateway"),
      outside: this.#outside,
      random,
      address: `${showAddress(gateway)}/${address.split("/")[1]}`,
      mac: macFor(gateway),
      publish,
      outbound,
    });
    world.add(this.gateway, { outside: attached });
  }

  /** Opens all that the command line asks for; what cannot be opened is refused. */
  async open(): Promise<void> {
    for (const { name, address } of this.#options.taps) this.#join(await Tap.open(name, address));
    for (const link of this.#options.links) this.#join(await SocketLink.open(link));
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

  #join(outlet: Outlet | { error: string }): void {
    if ("error" in outlet) throw new Refusal(outlet.error, 2);
    const port = this.#switch.plug(outlet.name);
    this.joined.push({ outlet, port });
    outlet.onWake = () => this.#world.wake();
    outlet.onNews = (text) => this.onNews?.(text);
    this.#world.add(new Patch(outlet, port), { outside: true });
  }
}

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
 * the IPv4 network, if that is free, and for IPv6 the router that advertises itself.
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
  const network = parseNetwork(address);
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

/** The computer's port, with every frame written down as it passes there. */
function captured(
  port: Port,
  world: World,
  file: OutputFile | undefined,
  epoch: number,
  address: string,
): Port {
  if (!file) return port;
  const writer = new PcapWriter((chunk) => file.write(chunk));
  const number = writer.addInterface({ name: "eth0", description: `computer ${address}` });
  return capture(port, writer, number, { now: () => epoch + world.now });
}
