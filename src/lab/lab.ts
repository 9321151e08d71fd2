import { type Clock, type Micros, MS, Random, SECOND } from "../base/index.ts";
import { Computer, type InterfaceOptions } from "../computer.ts";
import type { Image } from "../image/index.ts";
import type { EngineMaker } from "../machine/index.ts";
import {
  type AccessPoint,
  type Address6,
  Air,
  allowOnly,
  Calendar,
  type Direction,
  type Faults,
  FaultyLink,
  Gateway,
  type IpAddress,
  macFor,
  Nic,
  newsOf,
  type Outside,
  PcapWriter,
  type Port,
  parseAddress6,
  parseNetwork,
  parseNetwork6,
  parseOwnAddress,
  parsePublication,
  Router,
  type Service,
  type ServiceNews,
  Stack,
  Switch,
  showAddress,
  showAddress6,
  showMac,
  stateName,
  tap,
} from "../net/index.ts";
import { type Moving, World, type WorldEnd } from "../world.ts";
import { Causes } from "./causes.ts";
import type {
  AccessPointDescription,
  CardDescription,
  LabDescription,
  LinkDescription,
  MachineDescription,
  OutsideDescription,
  RadioDescription,
  Reference,
  RouterDescription,
  ServiceDescription,
} from "./description.ts";
import { LabError, misfit, type Spot, spotOf } from "./fields.ts";
import { type AddressOf, faultsOf } from "./matching.ts";
import { Recording } from "./recording.ts";
import { Referee, type Verdict } from "./referee.ts";
import { makeService, type ServiceKind, serviceKinds } from "./services.ts";

export interface LabOptions {
  /** The program of a machine. Asked once for each description, however many machines are made of it. */
  program: (machine: MachineDescription, name: string) => Image;
  /** The files of a folder that a service gives out, by path within it. */
  folder?: (path: string) => Readonly<Record<string, Uint8Array>>;
  /** Instead of the description's. */
  seed?: number;
  /** Gets the bytes of a capture of every interface, pcapng, with the cause of each frame as its comment. */
  capture?: (chunk: Uint8Array) => void;
  /** Needed where the description speaks of the outside: what is there, and a real clock. */
  outside?: { readonly host: Outside; readonly clock: Clock; readonly epochMs: number };
  /** Needed where a machine's engine is to be Unicorn. */
  unicorn?: EngineMaker;
  /** Told whole lines that machines print, with the line's end; at the end of all also what has none. */
  onPrint?: (machine: string, line: string, at: Micros) => void;
  /** Told what services are asked. */
  onNews?: (station: string, kind: ServiceKind, news: ServiceNews) => void;
}

/** How a run of a laboratory ended. */
export interface LabResult {
  readonly ok: boolean;
  /** The first expectation that failed. */
  readonly failed: Verdict | undefined;
  readonly verdicts: readonly Verdict[];
  /** When, on the laboratory's clock. */
  readonly at: Micros;
  /** "done": every expectation is settled. "stopped": from outside, and some may be open. */
  readonly end: WorldEnd;
}

const LIMIT: Micros = 60 * SECOND;
/** Characters that a machine may print before they are shown, whether they end a line or not. */
const LONGEST_LINE = 4096;
const GATEWAY = "10.0.2.2/24";
/**
 * Address space of all programs together, unless they say what they want, and the least and the most of each. A computer
 * alone has more; but the host counts all of it, touched or not, when it decides how often to look for garbage, and with
 * a hundred machines it would do little else.
 */
const MEMORY = { all: 512 * 2 ** 20, least: 4 * 2 ** 20, most: 64 * 2 ** 20 } as const;

/**
 * A laboratory: machines, routers, services and links as a description has them, on one clock, and a referee who knows
 * what must happen. The same description and seed give the same run, and the same capture byte for byte.
 */
export class Lab {
  readonly world: World;
  readonly description: LabDescription;
  readonly computers: ReadonlyMap<string, Computer>;
  readonly routers: ReadonlyMap<string, Router>;
  readonly services: ReadonlyMap<string, readonly Service[]>;
  readonly gateway: Gateway | undefined;
  readonly links: ReadonlyMap<string, FaultyLink>;
  readonly referee: Referee;
  readonly #options: LabOptions;
  readonly #recording: Recording | undefined;
  readonly #switches = new Map<string, Switch>();
  readonly #accessPoints = new Map<string, AccessPoint>();
  #air: Air | undefined;
  readonly #computers = new Map<string, Computer>();
  readonly #routers = new Map<string, Router>();
  readonly #services = new Map<string, Service[]>();
  readonly #links = new Map<string, FaultyLink>();
  readonly #addresses = new Map<string, IpAddress[]>();
  readonly #stations = new Set<string>();
  readonly #cards = new Set<string>();
  /** Show what machines have printed of a line that nothing ends. */
  readonly #unfinished: (() => void)[] = [];
  readonly #calendar: Calendar;
  /** Radios without an address of any kind. */
  #unnamed = 0xf0_0000;
  #seen: ((station: string, card: string, frame: Uint8Array, direction: Direction) => void) | undefined;

  /** Throws a LabError when the description does not fit together. */
  constructor(description: LabDescription, options: LabOptions) {
    this.description = description;
    this.#options = options;
    const { outside } = options;
    this.world = new World({
      seed: options.seed ?? description.seed ?? 1,
      ...(outside && { clock: outside.clock }),
    });
    this.#calendar = outside ? new Calendar(outside.epochMs) : new Calendar();
    const { clock } = this.world;
    if (options.capture) {
      const comment = description.about;
      const writer = new PcapWriter(options.capture, { ...(comment !== undefined && { comment }) });
      this.#recording = new Recording({ writer, clock, epoch: this.#calendar.epochMs * MS });
    }
    const networks = Object.entries(description.networks ?? { lan: {} });
    for (const [name, facts] of networks) this.#switches.set(name, new Switch({ clock, ...facts }));
    this.#nameAddresses();
    const { wireless = {}, routers = {}, services = {}, machines } = description;
    for (const [name, each] of Object.entries(wireless))
      fitting(each, `wireless.${name}`, () => this.#addAccessPoint(name, each));
    for (const [name, each] of Object.entries(routers))
      fitting(each, `routers.${name}`, () => this.#addRouter(name, each));
    for (const [name, each] of Object.entries(services))
      fitting(each, `services.${name}`, () => this.#addServices(name, each));
    const { outside: beyond } = description;
    if (beyond) this.gateway = fitting(beyond, "outside", () => this.#addOutside(beyond));
    for (const [name, each] of Object.entries(machines))
      fitting(each, `machines.${name}`, () => this.#addMachines(name, each));
    this.computers = this.#computers;
    this.routers = this.#routers;
    this.services = this.#services;
    this.links = this.#links;
    this.referee = new Referee(description.expect ?? [], description.never ?? [], {
      computers: this.#computers,
      cards: new Set([...this.#cards, ...this.#stations]),
      services: new Set(this.#services.keys()),
      accessPoints: new Set(this.#accessPoints.keys()),
      addressOf: (name) => this.#addresses.get(name),
      limit: this.limit,
      now: () => this.world.now,
    });
    if (this.referee.watchesFrames)
      this.#seen = (station, card, frame, direction) => this.referee.frame(station, card, frame, direction);
    this.#watchSockets();
  }

  /** No run takes longer on the laboratory's clock. */
  get limit(): Micros {
    return this.description.limit ?? LIMIT;
  }

  /** The network that has this name: to plug something of one's own in. */
  plug(network: string, name: string): Port {
    const found = this.#switches.get(network);
    if (!found) throw new Error(`there is no network ${network}`);
    const port = found.plug(name);
    const causes = new Causes({ name, moment: () => this.world.moment, foreign: "what came from outside" });
    return this.#recording?.port(port, { name, description: `on ${network}` }, causes) ?? port;
  }

  /** Frames written to the capture. */
  get frames(): number {
    return this.#recording?.frames ?? 0;
  }

  /** Runs until everything is settled, in virtual time and without a pause. */
  run(): LabResult {
    for (;;) {
      const result = this.#after(this.world.run(this.#leg()));
      if (result) return result;
    }
  }

  /** The same, giving the host its turn: needed where the outside takes part, or a signal is to end it. */
  async go({ signal }: { signal?: AbortSignal } = {}): Promise<LabResult> {
    for (;;) {
      const result = this.#after(await this.world.go({ ...this.#leg(), ...(signal && { signal }) }));
      if (result) return result;
    }
  }

  #leg(): { until: () => boolean; timeout: Micros } {
    const { referee, world } = this;
    const next = Math.min(referee.deadline, this.limit);
    return {
      until: () => {
        referee.look();
        return referee.decided;
      },
      timeout: Math.max(0, next - world.now),
    };
  }

  #after(end: WorldEnd): LabResult | undefined {
    const { referee, world } = this;
    referee.look();
    if (end === "stopped") return this.#result(end);
    if (end === "time" && !referee.decided && world.now < this.limit) return undefined;
    if (end === "quiet") referee.over(`nothing moves any more after ${world.now / SECOND} s`);
    else if (end === "time") referee.over(`the limit of ${this.limit / SECOND} s is over`);
    else referee.over("the end");
    return this.#result(end);
  }

  #result(end: WorldEnd): LabResult {
    for (const show of this.#unfinished) show();
    const { failed, verdicts } = this.referee;
    return { ok: failed === undefined && end !== "stopped", failed, verdicts, at: this.world.now, end };
  }

  // --- building ----------------------------------------------------------------------------------------------------

  /** Names that stand for addresses: of machines, routers and services, by their first card that has one. */
  #nameAddresses(): void {
    const { machines, routers = {}, services = {} } = this.description;
    const note = (name: string, cards: readonly CardDescription[], plus = 0): void => {
      const [four] = cards.flatMap(({ address }) =>
        address === undefined ? [] : [parseNetwork(address)!.address + plus],
      );
      const [six] = cards.flatMap(({ address6 }) =>
        address6 === undefined ? [] : [countedUp(parseNetwork6(address6)!.address, plus)],
      );
      const both = [four, six].filter((each) => each !== undefined);
      if (both.length > 0) this.#addresses.set(name, both);
    };
    for (const [name, { interfaces }] of Object.entries(routers)) note(name, interfaces);
    for (const [name, each] of Object.entries(services)) note(name, [each]);
    for (const [name, each] of Object.entries(machines)) {
      const { count = 1, interfaces = [each] } = each;
      for (let i = 0; i < count; i++) note(instance(name, i, each), interfaces, i);
    }
  }

  /** What a machine's program gets that says nothing. */
  get #memory(): number {
    const machines = Object.values(this.description.machines).reduce((sum, { count = 1 }) => sum + count, 0);
    return Math.max(MEMORY.least, Math.min(MEMORY.most, Math.floor(MEMORY.all / machines / 65536) * 65536));
  }

  #addMachines(name: string, description: MachineDescription): void {
    const { count = 1, every = 0, start = 0, interfaces = [description], memory, clock } = description;
    const { cpu, congestion, engine = undefined } = description;
    const { unicorn } = this.#options;
    for (const { address } of interfaces)
      if (address !== undefined && !hasRoom(address, count))
        misfit(description, `machines.${name}.count`, `from ${address} on there is no room for ${count}`);
    if (engine === "unicorn" && !unicorn) misfit(description, `machines.${name}`, "there is no Unicorn here");
    const image = this.#options.program(description, name);
    const { world } = this;
    for (let i = 0; i < count; i++) {
      const own = instance(name, i, description);
      const causes = new Causes({ name: own, moment: () => world.moment });
      const cards = interfaces.map((card, index) => this.#interface(own, shifted(card, i), index, causes));
      const computer = new Computer({
        world,
        interfaces: cards,
        memoryBytes: memory ?? Math.max(this.#memory, 2 * image.memorySize),
        startOfClock: Math.floor((clock ?? this.#calendar.epochMs) / 1000),
        ...(cpu && { cpu }),
        ...(engine && { engine: engine === "unicorn" ? unicorn! : engine }),
        ...(congestion && { tcp: { congestion } }),
      });
      causes.stack = computer.stack;
      if (this.#recording) computer.watchCalls(causes.called);
      this.#computers.set(own, computer);
      computer.onStop = () => this.referee.stopped(own);
      const words = (description.arguments ?? "").replaceAll("{n}", String(i + 1));
      const begin = (): void => computer.load(image, { args: words, path: `/rd/1/${name}` });
      this.#watchBoard(own, computer);
      const at = start + i * every;
      if (at === 0) begin();
      else world.add(new Later(world, [{ at, deed: begin }]));
    }
  }

  #interface(station: string, card: CardDescription, index: number, causes: Causes): InterfaceOptions {
    const { address, gateway, mtu } = card;
    const name = card.name ?? `${card.radio ? "wlan" : "eth"}${index}`;
    // A radio is known by its address, so it must be the card's.
    const mac =
      card.mac ?? (card.radio && macFor(address ? parseNetwork(address)!.address : ++this.#unnamed));
    const { port } = this.#port(station, { ...card, name, ...(mac !== undefined && { mac }) }, causes);
    return {
      port,
      name,
      ...(address !== undefined && { address }),
      ...(gateway !== undefined && { gateway: showAddress(gateway) }),
      ...(card.address6 !== undefined && { addresses6: [card.address6] }),
      ...(card.gateway6 !== undefined && { gateway6: card.gateway6 }),
      ...(mac !== undefined && { mac: showMac(mac) }),
      ...(mtu !== undefined && { mtu }),
    };
  }

  #addRouter(name: string, { interfaces, routes = [], ...more }: RouterDescription): void {
    const { world } = this;
    const causes = new Causes({ name, moment: () => world.moment, forwards: true });
    const router = new Router({
      clock: world.clock,
      random: world.random,
      routes,
      sourceRoutes: more["source-routes"] ?? false,
      interfaces: interfaces.map(({ nat, ...card }, index) => {
        if (card.address === undefined) return misfit(card, `routers.${name}`, "an interface has no address");
        const { gateway, mac, mtu } = card;
        return {
          port: this.#port(name, { ...card, name: card.name ?? `eth${index}` }, causes).port,
          address: card.address,
          name: card.name ?? `eth${index}`,
          ...(gateway !== undefined && { gateway: showAddress(gateway) }),
          ...(card.address6 !== undefined && { address6: card.address6 }),
          ...(card.gateway6 !== undefined && { gateway6: card.gateway6 }),
          ...(mac !== undefined && { mac }),
          ...(mtu !== undefined && { mtu }),
          ...(nat !== undefined && { nat }),
        };
      }),
    });
    causes.stack = router.stack;
    this.#routers.set(name, router);
    world.add(router);
  }

  #addServices(name: string, description: ServiceDescription): void {
    const { world } = this;
    const causes = new Causes({ name, moment: () => world.moment });
    const network = parseNetwork(description.address)!;
    const { mac = macFor(network.address), mtu, gateway } = description;
    const { port } = this.#port(name, { name: "eth0", ...description }, causes);
    const nic = new Nic({ port, mac, ...(mtu !== undefined && { mtu }) });
    const stack = new Stack({ nics: [nic], random: new Random(world.random.u32()) });
    stack.configure(0, { ...network, ...(gateway !== undefined && { gateway }) });
    if (description.address6 !== undefined) {
      const gateway6 = parseAddress6(description.gateway6 ?? "");
      stack.configure6(0, {
        addresses: [parseNetwork6(description.address6)!],
        duplicateDetection: 0,
        ...(gateway6 !== undefined && { gateway: gateway6 }),
      });
    }
    causes.stack = stack;
    const host = this.description.outside?.outbound ? this.#options.outside?.host : undefined;
    const around = {
      stack,
      calendar: this.#calendar,
      ...(this.#options.folder && { folder: this.#options.folder }),
      resolve:
        host && ((asked: string, answer: Parameters<Outside["resolve"]>[1]) => host.resolve(asked, answer)),
    };
    const services = new Map<ServiceKind, Service>();
    for (const kind of serviceKinds) {
      const wish = description[kind];
      if (wish === undefined) continue;
      try {
        services.set(kind, makeService(kind, wish as never, around));
      } catch (error) {
        misfit(wish, `services.${name}.${kind}`, (error as Error).message);
      }
    }
    this.#services.set(name, [...services.values()]);
    world.add(this.#servicesMoving(name, stack, services));
  }

  #servicesMoving(name: string, stack: Stack, byKind: ReadonlyMap<ServiceKind, Service>): Moving {
    const services = [...byKind.values()];
    const readers = [...byKind].map(([kind, service]) => ({ kind, read: newsOf(service) }));
    return {
      poll: (now) => {
        let moved = services.length === 0 && stack.poll(now);
        for (const service of services) if (service.poll(now)) moved = true;
        if (moved)
          for (const { kind, read } of readers)
            for (const news of read?.() ?? []) {
              this.referee.told(name, news);
              this.#options.onNews?.(name, kind, news);
            }
        return moved;
      },
      deadline: () => services.reduce((due, service) => Math.min(due, service.deadline()), stack.deadline()),
      callWhenReady: (ready) => stack.callWhenReady(ready),
    };
  }

  #addOutside(description: OutsideDescription): Gateway {
    const { outside } = this.#options;
    const refuse = (text: string): never => misfit(description, "outside", text);
    if (!outside) return refuse("there is no outside here");
    const { address = GATEWAY, routes = [], publish = [], outbound = false, network } = description;
    const causes = new Causes({
      name: "gateway",
      moment: () => this.world.moment,
      otherwise: "what came from outside",
    });
    const policy = Array.isArray(outbound) ? allowOnly(outbound) : outbound;
    if (typeof policy === "object") return refuse(policy.error);
    const { host } = outside;
    host.onWake = () => this.world.wake();
    const gateway = new Gateway({
      port: this.#port("gateway", { network, name: "eth0", address }, causes).port,
      outside: host,
      random: this.world.random,
      address,
      ...(description.address6 !== undefined && { address6: description.address6 }),
      mac: macFor(parseNetwork(address)!.address),
      routes,
      outbound: policy,
      publish: publish.map((text) => {
        const publication = parsePublication(text);
        return "error" in publication ? refuse(publication.error) : publication;
      }),
    });
    causes.stack = gateway.stack;
    this.world.add(gateway, { outside: true });
    return gateway;
  }

  /** A port of the card's network, behind its cable, watched by whoever wants to see its frames. */
  #port(station: string, card: CardDescription & { name: string }, causes: Causes): { port: Port } {
    const name = `${station}.${card.name}`;
    if (this.#cards.has(name)) return misfit(card, station, `there are two interfaces ${name}`);
    this.#cards.add(name);
    this.#stations.add(station);
    const { address, gateway } = card;
    const own = address === undefined ? undefined : parseNetwork(address)!;
    if (own && gateway !== undefined && ((own.address ^ gateway) & own.mask) !== 0)
      return misfit(card, station, `the gateway ${showAddress(gateway)} is not in the network of ${address}`);
    const [where, end] = card.radio
      ? this.#radio(station, card, card.radio)
      : this.#socket(station, name, card);
    let port = end;
    const about = [card.address, where].filter(Boolean).join(" ");
    if (card.link) port = this.#cable(name, port, card.link);
    if (this.#recording) port = this.#recording.port(port, { name, description: about }, causes);
    return { port: tap(port, (frame, direction) => this.#seen?.(station, name, frame, direction)) };
  }

  #socket(station: string, name: string, card: CardDescription): [string, Port] {
    const [network, lan] = this.#network(card.network, station, spotOf(card));
    return [`on ${network}`, lan.plug(name)];
  }

  #addAccessPoint(name: string, { network, ...options }: AccessPointDescription): void {
    const [, lan] = this.#network(network, `wireless.${name}`);
    const bssid = macFor(0xa0_0000 + this.#accessPoints.size);
    this.#accessPoints.set(name, this.#theAir.accessPoint({ ...options, bssid, port: lan.plug(name) }));
  }

  #radio(station: string, { mac }: CardDescription, wish: RadioDescription): [string, Port] {
    const { ssid, key, later = [], position, power } = wish;
    const radio = this.#theAir.radio({
      mac: mac!,
      ...(position && { position }),
      ...(power !== undefined && { power }),
    });
    radio.onChange = ({ accessPoint }) => {
      for (const [name, each] of this.#accessPoints)
        if (each === accessPoint) this.referee.joined(station, name);
    };
    radio.join(ssid, key);
    const moves = later.map(({ at, position: to }) => ({ at, deed: () => radio.move(to) }));
    if (moves.length > 0) this.world.add(new Later(this.world, moves));
    return [`by radio in ${ssid}`, radio];
  }

  get #theAir(): Air {
    if (this.#air === undefined) {
      const { clock, random } = this.world;
      this.#air = new Air({ clock, random: new Random(random.u32()) });
      this.world.add(this.#air);
    }
    return this.#air;
  }

  #network(wanted: Reference | undefined, station: string, spot?: Spot): [string, Switch] {
    const names = [...this.#switches.keys()];
    const name = wanted?.name ?? (names.length === 1 ? names[0]! : undefined);
    const found = name === undefined ? undefined : this.#switches.get(name);
    if (name !== undefined && found) return [name, found];
    const there = `there are ${names.join(", ") || "none"}`;
    throw new LabError([
      name === undefined
        ? { spot, path: station, text: `network is missing: ${there}` }
        : {
            spot: wanted?.spot,
            path: wanted?.path ?? station,
            text: `there is no network ${name}: ${there}`,
          },
    ]);
  }

  #cable(name: string, port: Port, { sending, receiving, later = [], ...both }: LinkDescription): Port {
    const { clock, random } = this.world;
    const addressOf: AddressOf = (station) => this.#addresses.get(station);
    const oneWay = (own: typeof sending): Faults => faultsOf({ ...both, ...own }, addressOf, `${name}.link`);
    const onFault = this.#recording?.faults({
      name: `${name} cable`,
      description: "what the cable did to frames",
    });
    const link = new FaultyLink({
      port,
      clock,
      random: new Random(random.u32()),
      sending: oneWay(sending),
      receiving: oneWay(receiving),
      ...(onFault && { onFault }),
    });
    this.#links.set(name, link);
    this.world.add(link);
    const changes = later.map(({ at, ...change }) => ({
      at,
      deed: () => {
        Object.assign(link.sending, faultsOf(change, addressOf, `${name}.link`));
        Object.assign(link.receiving, faultsOf(change, addressOf, `${name}.link`));
      },
    }));
    if (changes.length > 0) this.world.add(new Later(this.world, changes));
    return link;
  }

  #watchBoard(name: string, computer: Computer): void {
    let line = "";
    const { onPrint } = this.#options;
    const show = (): void => {
      if (line !== "") onPrint!(name, line, this.world.now);
      line = "";
    };
    if (onPrint) this.#unfinished.push(show);
    computer.onDebugBoard((byte) => {
      this.referee.printed(name);
      if (!onPrint) return;
      line += String.fromCharCode(byte);
      if (byte === 10 || line.length === LONGEST_LINE) show();
    });
  }

  /** Tells the referee of states of TCP: those of connections as they change, LISTEN by the call. */
  #watchSockets(): void {
    const all = [...(this.description.expect ?? []), ...(this.description.never ?? [])];
    const listening = new Set<string>();
    const wanted = new Set<string>();
    for (const { machine, socket } of all) {
      if (machine && socket) (socket.state === "LISTEN" ? listening : wanted).add(machine.name);
    }
    const nobody = { address: 0, port: 0 };
    for (const name of listening) {
      this.#computers.get(name)?.watchCalls(({ socket, phase }) => {
        if (socket && phase === "done" && stateName(socket.state) === "LISTEN")
          this.referee.state(name, "LISTEN", socket.local.port, nobody);
      });
    }
    for (const name of wanted) {
      const stack = this.#computers.get(name)?.stack;
      if (!stack) continue;
      stack.onState = (c) =>
        this.referee.state(name, stateName(c.state), c.localPort, {
          address: c.remoteAddress,
          port: c.remotePort,
        });
    }
  }
}

/** Things to be done at moments that are known beforehand. */
class Later implements Moving {
  readonly #world: World;
  readonly #deeds: { at: Micros; deed: () => void }[];

  constructor(world: World, deeds: readonly { at: Micros; deed: () => void }[]) {
    this.#world = world;
    this.#deeds = deeds.toSorted((a, b) => a.at - b.at);
  }

  poll(now: Micros): boolean {
    let did = false;
    while (this.#deeds.length > 0 && this.#deeds[0]!.at <= now) {
      this.#deeds.shift()!.deed();
      did = true;
    }
    if (this.#deeds.length === 0) this.#world.remove(this);
    return did;
  }

  deadline(): Micros {
    return this.#deeds[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing comes to it but its time. */
  callWhenReady(): boolean {
    return true;
  }

  /** A program begins by itself: the world is not quiet before. */
  wakes(): Micros {
    return this.deadline();
  }
}

/** What a part of the network refuses to be made of is a problem of the place where it is described. */
function fitting<T>(described: object, path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return misfit(described, path, error.message);
    if (!(error instanceof LabError)) throw error;
    throw new LabError(error.problems.map((each) => ({ ...each, spot: each.spot ?? spotOf(described) })));
  }
}

const instance = (name: string, index: number, { count }: MachineDescription): string =>
  count === undefined ? name : `${name}-${index + 1}`;

/** The address so many further, within its last 32 bits. */
function countedUp(start: Address6, by: number): Address6 {
  const low = start.charCodeAt(6) * 0x1_0000 + start.charCodeAt(7) + by;
  return (start.slice(0, 6) + String.fromCharCode((low >>> 16) & 0xffff, low & 0xffff)) as Address6;
}

/** Whether so many addresses from this one on are of the same network, each one that a card may have. */
function hasRoom(address: string, count: number): boolean {
  const { address: first, mask } = parseNetwork(address)!;
  const last = first + count - 1;
  return (
    ((first ^ last) & mask) === 0 &&
    last <= 0xffffffff &&
    parseOwnAddress(placed(last, address)) !== undefined
  );
}

/** The address, in the network of another. */
const placed = (address: number, other: string): string => `${showAddress(address)}/${other.split("/")[1]}`;

/** The card of the machine number `index` from 0 of many: its addresses counted up. */
function shifted(card: CardDescription, index: number): CardDescription {
  if (index === 0) return card;
  const { address, address6, mac } = card;
  const network = address === undefined ? undefined : parseNetwork(address)!;
  const six = address6 === undefined ? undefined : parseNetwork6(address6)!;
  return {
    ...card,
    ...(six && { address6: `${showAddress6(countedUp(six.address, index))}/${six.prefixLength}` }),
    ...(network && { address: placed(network.address + index, address!) }),
    ...(mac !== undefined && { mac: mac + index }),
  };
}
