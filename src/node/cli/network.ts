import { type Micros, SECOND } from "../../base/index.ts";
import type { Computer, InterfaceOptions } from "../../computer.ts";
import {
  capture,
  Gateway,
  NoOutside,
  type Outside,
  PcapWriter,
  type Port,
  type Publication,
  parsePublication,
  Switch,
} from "../../net/index.ts";
import type { World } from "../../world.ts";
import { NodeOutside } from "../host.ts";
import type { OutputFile } from "../output.ts";
import { Refusal } from "./command.ts";

/** The first computer and the gateway of the network 10.0.2.0/24. */
const ADDRESS = "10.0.2.15/24";
const GATEWAY = "10.0.2.2";
/** How long peers may take nothing of what an ended program has sent them before they are given up. */
const LINGER: Micros = 5 * SECOND;

export interface NetworkOptions {
  publish: readonly Publication[];
  outbound: boolean;
  pcap: OutputFile | undefined;
  /** Microseconds from 1970 to the beginning of the world's clock, for the time stamps of the capture. */
  epoch: number;
}

/** What surrounds one computer: a switch, and on it the gateway to whatever the command line has opened. */
export class Network {
  /** What the computer is plugged into. */
  readonly interfaces: readonly InterfaceOptions[];
  readonly gateway: Gateway;
  readonly #outside: Outside;

  constructor(world: World, { publish, outbound, pcap, epoch }: NetworkOptions) {
    const lan = new Switch({ clock: world.clock });
    this.interfaces = [
      { port: captured(lan.plug("computer"), world, pcap, epoch), address: ADDRESS, gateway: GATEWAY },
    ];
    const attached = publish.length > 0 || outbound;
    this.#outside = attached ? new NodeOutside() : new NoOutside();
    this.#outside.onWake = () => world.wake();
    const { random } = world;
    this.gateway = new Gateway({
      port: lan.plug("gateway"),
      outside: this.#outside,
      random,
      publish,
      outbound,
    });
    world.add(this.gateway, { outside: attached });
  }

  /** Waits until all published ports are open; one that cannot be is refused. */
  async open(): Promise<void> {
    const [failed] = await this.gateway.opened();
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
    const until = (): boolean => !computer.sending && this.gateway.idle;
    const { inbound, outbound } = this.gateway.counters;
    const taken = (): number => inbound.bytesFromGuest + outbound.bytesFromGuest;
    let before: number;
    do {
      before = taken();
      if ((await computer.world.go({ until, timeout: LINGER, signal })) !== "time") return;
    } while (taken() > before);
  }

  async close(): Promise<void> {
    this.gateway.close();
    await this.#outside.close();
  }
}

export function publication(text: string): Publication {
  const read = parsePublication(text);
  if ("error" in read) throw new Refusal(`--publish ${read.error}`);
  return read;
}

/** The computer's port, with every frame written down as it passes there. */
function captured(port: Port, world: World, file: OutputFile | undefined, epoch: number): Port {
  if (!file) return port;
  const writer = new PcapWriter((chunk) => file.write(chunk));
  const number = writer.addInterface({ name: "eth0", description: `computer ${ADDRESS}` });
  return capture(port, writer, number, { now: () => epoch + world.now });
}
