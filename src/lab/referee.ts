/**
 * What must happen in a laboratory, and what must not: looks at everything that could settle an expectation, as it
 * happens, and says when one is met, or can no longer be.
 */
import { FOREVER, latin1, type Micros, nearest, SECOND } from "../base/index.ts";
import { type Computer, describeStop, type Stop } from "../computer.ts";
import { showPlace } from "../kernel/index.ts";
import type { Direction, FrameMatch, IpAddress, ServiceNews } from "../net/index.ts";
import {
  type ExpectationDescription,
  type MatchDescription,
  pattern,
  type Reference,
} from "./description.ts";
import { LabError, type Spot } from "./fields.ts";
import { type AddressOf, frameMatch, resolved } from "./matching.ts";

/** An expectation and what became of it. */
export interface Verdict {
  /** In words: `client prints "hello"`. */
  readonly text: string;
  /** Where it is written. */
  readonly spot: Spot | undefined;
  /** It must not happen. */
  readonly never: boolean;
  /** When it was settled; undefined while it is open. */
  readonly at: Micros | undefined;
  readonly ok: boolean | undefined;
  /** Why it failed. */
  readonly why: string | undefined;
}

/** What the referee may look at. */
export interface Scene {
  readonly computers: ReadonlyMap<string, Computer>;
  /** Every card's name, `client.eth0`, and the stations'. */
  readonly cards: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly accessPoints: ReadonlySet<string>;
  readonly addressOf: AddressOf;
  readonly limit: Micros;
  now(): Micros;
}

interface Item {
  readonly description: ExpectationDescription;
  readonly text: string;
  readonly never: boolean;
  readonly times: number;
  readonly until: Micros;
  readonly who: string | undefined;
  count: number;
  at: Micros | undefined;
  ok: boolean | undefined;
  why: string | undefined;
}

export class Referee {
  readonly #scene: Scene;
  readonly #items: Item[];
  /** By what they look at, so that nobody is asked in vain. */
  readonly #prints: Item[];
  readonly #ends: Item[];
  readonly #sockets: Item[];
  readonly #frames: { item: Item; match: FrameMatch; at: string | undefined; direction: Direction }[];
  readonly #receives: Item[];
  /** How many are open, of all and of those that the end is waited for; whether one has failed, one has come true. */
  #open: number;
  #awaited: number;
  #someFailed = false;
  #someMet = false;
  /** No open one runs out before this. */
  #nextDue: Micros = 0;
  /** Machines that printed, or stopped, since they were last looked at. */
  readonly #printed = new Set<string>();
  readonly #stopped = new Set<string>();

  /** Throws a LabError when something is mentioned that is not there. */
  constructor(
    expect: readonly ExpectationDescription[],
    never: readonly ExpectationDescription[],
    scene: Scene,
  ) {
    this.#scene = scene;
    this.#items = [
      ...expect.map((each) => this.#item(each, false)),
      ...never.map((each) => this.#item(each, true)),
    ];
    this.#open = this.#items.length;
    this.#awaited = this.#items.filter(isAwaited).length;
    const about = (deed: keyof ExpectationDescription) =>
      this.#items.filter(({ description }) => description[deed] !== undefined);
    this.#prints = about("prints");
    this.#ends = about("ends");
    this.#sockets = about("socket");
    this.#receives = about("receives");
    this.#frames = about("frame").map((item) => ({
      item,
      match: frameMatch(item.description.frame!, scene.addressOf, "frame"),
      at: item.description.at && known(item.description.at, scene.cards, "station or interface"),
      direction: item.description.direction ?? "sent",
    }));
  }

  get verdicts(): readonly Verdict[] {
    return this.#items.map(({ text, description: { spot }, never, at, ok, why }) => ({
      text,
      spot,
      never,
      at,
      ok,
      why,
    }));
  }

  /** Frames matter to an expectation: cards must be watched. */
  get watchesFrames(): boolean {
    return this.#frames.length > 0;
  }

  /** The first that failed. */
  get failed(): Verdict | undefined {
    return this.verdicts.find(({ ok }) => ok === false);
  }

  /** Nothing can change any more: one has failed, or all have come true and what must not happen has had its time. */
  get decided(): boolean {
    if (this.#someFailed || (this.#items.length > 0 && this.#open === 0)) return true;
    // All that is left open are those that must not happen until the end of everything.
    return this.#someMet && this.#awaited === 0;
  }

  /** When the next expectation runs out. */
  get deadline(): Micros {
    let earliest = FOREVER;
    for (const { ok, until } of this.#items) if (ok === undefined) earliest = Math.min(earliest, until);
    return earliest;
  }

  // --- what happens ------------------------------------------------------------------------------------------------

  printed(machine: string): void {
    this.#printed.add(machine);
  }

  stopped(machine: string): void {
    this.#stopped.add(machine);
  }

  frame(station: string, card: string, bytes: Uint8Array, direction: Direction): void {
    for (const each of this.#frames) {
      if (each.direction !== direction || each.item.ok !== undefined) continue;
      if (each.at !== undefined && each.at !== station && each.at !== card) continue;
      if (each.match(bytes)) this.#happened(each.item, () => `frame at ${card}`);
    }
  }

  state(machine: string, state: string, port: number, peer: { address: IpAddress; port: number }): void {
    for (const item of this.#sockets) {
      const { socket } = item.description;
      if (item.ok !== undefined || item.who !== machine || socket?.state !== state) continue;
      if (socket.port !== undefined && socket.port !== port) continue;
      const { host, port: peerPort } = socket.peer ?? {};
      if (host && !resolved(host, this.#scene.addressOf).includes(peer.address)) continue;
      if (peerPort !== undefined && peerPort !== peer.port) continue;
      this.#happened(item, () => `port ${port}`);
    }
  }

  joined(machine: string, accessPoint: string): void {
    for (const item of this.#items) {
      const { joins } = item.description;
      if (item.ok === undefined && item.who === machine && joins?.name === accessPoint)
        this.#happened(item, () => "it was let in");
    }
  }

  told(service: string, { text, content }: ServiceNews): void {
    for (const item of this.#receives) {
      if (item.ok !== undefined || item.who !== service) continue;
      if (finds(item.description.receives!, `${text}\n${content}`) > 0) this.#happened(item, () => text);
    }
  }

  /** Looks at what only the state of machines tells, and at deadlines. */
  look(): void {
    const now = this.#scene.now();
    if (this.#printed.size > 0) this.#lookAtBoards();
    for (const name of this.#stopped) {
      const { stop } = this.#scene.computers.get(name)!;
      if (stop !== undefined) this.#ended(name, stop);
    }
    this.#stopped.clear();
    if (now < this.#nextDue) return;
    for (const item of this.#items) if (item.ok === undefined && now >= item.until) this.#timeOver(item);
    this.#nextDue = this.deadline;
  }

  /** Nothing will happen any more. `why`: the end in words. */
  over(why: string): void {
    this.look();
    for (const item of this.#items) {
      if (item.ok !== undefined) continue;
      const waiting = item.description.ends === "blocked" && this.#isBlocked(item.who!);
      if (waiting && !item.never) this.#settle(item, true);
      else if (item.never) this.#settle(item, true);
      else this.#settle(item, false, `${why}; ${this.#reason(item)}`);
    }
  }

  #lookAtBoards(): void {
    const names = new Set(this.#printed);
    this.#printed.clear();
    for (const item of this.#prints) {
      if (item.ok !== undefined || !names.has(item.who!)) continue;
      const found = finds(item.description.prints!, this.#scene.computers.get(item.who!)!.debugBoard);
      if (found <= item.count) continue;
      item.count = found - 1;
      this.#happened(item, () => "it was printed");
    }
  }

  #ended(name: string, stop: Stop): void {
    const bad = stop.reason !== "exit";
    let foreseen = false;
    for (const item of this.#ends) {
      if (item.who !== name) continue;
      const { ends } = item.description;
      const fits = ends === stop.reason || (stop.reason === "fault" && ends === `fault ${stop.fault}`);
      if (!fits) continue;
      foreseen ||= !item.never;
      if (item.ok === undefined) this.#happened(item, () => describeStop(stop));
    }
    if (foreseen) return;
    const why = `${name} has ended: ${describeStop(stop)}`;
    for (const item of this.#items) {
      const inVain =
        item.who === name && !item.never && (item.description.prints ?? item.description.ends) !== undefined;
      if (item.ok === undefined && (inVain || bad)) this.#settle(item, item.never && !bad, why);
    }
    if (bad && !this.#items.some(({ ok }) => ok === false)) {
      const item = this.#item({ spot: undefined }, true, `${name} is stopped`);
      this.#items.push(item);
      this.#open++;
      if (isAwaited(item)) this.#awaited++;
      this.#settle(item, false, why);
    }
  }

  #happened(item: Item, how: () => string): void {
    item.count++;
    if (item.never) this.#settle(item, false, `it happened: ${how()}`);
    else if (item.count >= item.times) this.#settle(item, true);
  }

  #timeOver(item: Item): void {
    if (item.never) this.#settle(item, true);
    else this.#settle(item, false, `not within ${seconds(item.until)} s; ${this.#reason(item)}`);
  }

  #settle(item: Item, ok: boolean, why?: string): void {
    item.ok = ok;
    item.at = this.#scene.now();
    item.why = ok ? undefined : why;
    this.#open--;
    if (isAwaited(item)) this.#awaited--;
    if (!ok) this.#someFailed = true;
    else if (!item.never) this.#someMet = true;
  }

  #isBlocked(machine: string): boolean {
    const computer = this.#scene.computers.get(machine)!;
    return computer.stop === undefined && computer.waiting.length > 0;
  }

  /** What is known about why it did not come. */
  #reason({ who, count, times, description }: Item): string {
    const parts = times > 1 ? [`it came ${count} of ${times} times`] : [];
    const computer = who === undefined ? undefined : this.#scene.computers.get(who);
    if (computer) {
      parts.push(stateOf(who!, computer));
      if (description.prints !== undefined) parts.push(printedText(computer));
    }
    return parts.join("; ") || "it never came";
  }

  #item(description: ExpectationDescription, never: boolean, text?: string): Item {
    const { machine, service, times = 1, within } = description;
    const { computers, services, limit } = this.#scene;
    const who =
      (machine && known(machine, computers, "machine")) ?? (service && known(service, services, "service"));
    if (description.joins) known(description.joins, this.#scene.accessPoints, "access point");
    const until = within === undefined ? (never ? FOREVER : limit) : within;
    return {
      description,
      text: text ?? describeExpectation(description),
      never,
      times,
      until,
      who,
      count: 0,
      at: undefined,
      ok: undefined,
      why: undefined,
    };
  }
}

/** The run goes on for it. What must not happen at all only lasts as long as the rest. */
const isAwaited = ({ never, description }: Item): boolean => !never || description.within !== undefined;

/** How a machine stands, for people. */
export function stateOf(name: string, computer: Computer): string {
  const { stop } = computer;
  if (stop) return `${name} has ended: ${describeStop(stop)}`;
  if (computer.kernel.processes.length === 0) return `${name} has not begun`;
  const [first] = computer.waiting;
  return first
    ? `${name} waits in ${first.call} at ${first.at.line ?? showPlace(first.at)}`
    : `${name} computes`;
}

function printedText({ debugBoard }: Computer): string {
  const lines = debugBoard.trimEnd().split(/\r?\n/);
  return debugBoard === ""
    ? "it has printed nothing"
    : `the last line it printed is ${JSON.stringify(lines.at(-1))}`;
}

/** Names that a message tells. */
const MOST_NAMED = 10;

function known<T extends { has(name: string): boolean; keys(): Iterable<string> }>(
  { name, spot, path }: Reference,
  names: T,
  what: string,
): string {
  if (names.has(name)) return name;
  const all = [...names.keys()];
  const meant = nearest(name, all);
  const some = `${all.slice(0, MOST_NAMED).join(", ")}${all.length > MOST_NAMED ? ", …" : ""}`;
  const hint = meant ? `did you mean ${meant}?` : `there are ${some || "none"}`;
  throw new LabError([{ spot, path, text: `there is no ${what} ${JSON.stringify(name)}: ${hint}` }]);
}

/** How often a text is there; `/a pattern/` is a regular expression. */
function finds(wanted: string, text: string): number {
  const expression = pattern(wanted);
  if (expression !== undefined) return [...text.matchAll(expression)].length;
  return text.split(latin1(new TextEncoder().encode(wanted))).length - 1;
}

function describeExpectation({
  machine,
  service,
  prints,
  ends,
  socket,
  frame,
  at,
  direction,
  receives,
  joins,
  times,
}: ExpectationDescription): string {
  const often = times === undefined || times === 1 ? "" : ` ${times} times`;
  if (prints !== undefined) return `${machine!.name} prints ${quoted(prints)}${often}`;
  if (ends !== undefined) return `${machine!.name} ends: ${ends}`;
  if (socket) {
    const port = socket.port === undefined ? "" : ` at port ${socket.port}`;
    return `${machine!.name} has a socket${port} in ${socket.state}${often}`;
  }
  if (joins) return `${machine!.name} joins ${joins.name}${often}`;
  if (receives !== undefined) return `${service!.name} receives ${quoted(receives)}${often}`;
  const who = at?.name ?? "somebody";
  return `${who} ${direction === "received" ? "receives" : "sends"} ${frameText(frame!)}${often}`;
}

/** `the 3rd TCP segment to server:7 with data` */
function frameText({ tcp, udp, arp, nth, between, every }: MatchDescription): string {
  const end = (each: { host: Reference | undefined; port: number | undefined }): string =>
    `${each.host?.name ?? ""}${each.port === undefined ? "" : `:${each.port}`}`;
  const { from, to } = tcp ?? udp ?? {};
  const words = [
    nth !== undefined ? `frame number ${nth} of` : every !== undefined ? `every ${every} frames of` : "",
    between ? `frames ${between.join(" to ")} of` : "",
    tcp ? "TCP" : udp ? "UDP" : arp ? "ARP" : "any frame",
    from ? `from ${end(from)}` : "",
    to ? `to ${end(to)}` : "",
    tcp?.flags === undefined ? "" : `with ${tcp.flags}`,
    tcp?.data === undefined ? "" : tcp.data ? "with data" : "without data",
  ];
  return words.filter((word) => word !== "").join(" ");
}

const quoted = (text: string): string => (/^\/.+\/[ims]*$/s.test(text) ? text : JSON.stringify(text));
const seconds = (span: Micros): string => String(span / SECOND);
