/** A name server (RFC 1034, 1035): authoritative for its zones and hosts, and for the rest as it is told. */
import { FOREVER, type Micros, SECOND, u16be } from "../../base/index.ts";
import type { Endpoint } from "../sockets.ts";
import { parseIpAddress } from "../wire/ip-address.ts";
import { Journal } from "./journal.ts";
import { Service, type ServiceOptions, type Worker } from "./service.ts";
import type { Stream, Talk } from "./stream.ts";
import {
  CLASS_ANY,
  CLASS_IN,
  type DnsMessage,
  OPCODE_QUERY,
  parse,
  type Question,
  Rcode,
  type ResourceRecord,
  TCP_LIMIT,
  Type,
  UDP_LIMIT,
  write,
} from "./wire/dns.ts";
import { Hosts, Zone, type ZoneOptions } from "./zone.ts";

/**
 * Finds the addresses of a name, of either version of IP, elsewhere and says them, at once or later, once. `Outside.resolve` of the gateway
 * is one. Of its failures "bad-address" means that there is no such name, all others that it could not be found out.
 */
export type Resolver = (
  name: string,
  answer: (addresses: readonly string[] | { readonly reason: string; readonly text: string }) => void,
) => void;

export interface DnsOptions extends ServiceOptions {
  zones?: readonly ZoneOptions[];
  /** Names beside the zones: `{ "server.lab": "10.0.2.15" }`. They are found backwards too. */
  hosts?: Readonly<Record<string, string | readonly string[]>>;
  /** Who is asked about all other names; without one they are refused. */
  resolve?: Resolver;
  /** Seconds for answers about hosts and from the resolver. Default 60. */
  ttl?: number;
  /** Default 53. */
  port?: number;
}

/** One question as it was answered. */
export interface DnsQuery {
  at: Micros;
  from: Endpoint;
  protocol: "udp" | "tcp";
  /** As it was asked; "" also when the question made no sense. */
  name: string;
  type: number;
  rcode: number;
  answers: readonly ResourceRecord[];
}

const PORT = 53;
/** Names that one answer may lead through. */
const LONGEST_CHAIN = 16;
/** RFC 9715 3.2, lest answers be cut into fragments. */
const LARGEST_UDP = 1232;
const RESOLVER_PATIENCE: Micros = 10 * SECOND;
const MOST_PENDING = 256;

/** What is known about a question so far. */
interface Outcome {
  rcode: number;
  authoritative: boolean;
  answers: ResourceRecord[];
  authorities: ResourceRecord[];
  additionals: ResourceRecord[];
  /** A name that only the resolver can know. */
  ask?: string | undefined;
}

export class DnsServer extends Service {
  readonly name = "DNS server";
  readonly queries = new Journal<DnsQuery>();
  /** Messages that made no sense, by what was wrong. */
  readonly malformed = new Map<string, number>();
  readonly #zones: readonly Zone[];
  readonly #hosts: Hosts;
  readonly #resolve: Resolver | undefined;
  readonly #ttl: number;
  readonly #port: number;
  readonly #pending = new Set<Pending>();

  /** Throws when a zone or host makes no sense, or the port is taken. */
  constructor({ stack, on = true, zones = [], hosts = {}, resolve, ttl = 60, port = PORT }: DnsOptions) {
    super(stack);
    this.#zones = zones
      .map((zone) => new Zone(zone))
      .toSorted((a, b) => b.origin.split(".").length - a.origin.split(".").length || (a.origin ? -1 : 1));
    this.#hosts = new Hosts(hosts);
    this.#resolve = resolve;
    this.#ttl = ttl;
    this.#port = port;
    if (on) this.start();
  }

  /** Adds a host while it runs, as a DHCP server beside it may want. Throws when `address` is none. */
  addHost(name: string, address: string): void {
    this.#hosts.add(name, address);
  }

  protected open(): void {
    this.serveUdp(this.#port, ({ payload, from }, socket) =>
      this.#take(payload, from, "udp", (bytes) => void socket.send(bytes, from)),
    );
    this.serveTcp(
      this.#port,
      (stream) => new DnsTalk(stream, (bytes, send) => this.#overTcp(stream, bytes, send)),
      {
        input: TCP_LIMIT + 2,
        idle: 30 * SECOND, // RFC 7766 6.2.3: some seconds
      },
    );
  }

  protected override closed(): void {
    for (const pending of this.#pending) pending.settled = true;
    this.#pending.clear();
  }

  #overTcp(stream: Stream, bytes: Uint8Array, send: (answer: Uint8Array) => void): void {
    this.#take(bytes, stream.remote, "tcp", send);
  }

  #take(
    bytes: Uint8Array,
    from: Endpoint,
    protocol: "udp" | "tcp",
    send: (answer: Uint8Array) => void,
  ): void {
    const message = parse(bytes);
    if (typeof message === "string") {
      this.malformed.set(message, (this.malformed.get(message) ?? 0) + 1);
      // Whoever can be answered is: there is an identification, and it is not an answer itself.
      if (bytes.length < 12 || bytes[2]! >= 0x80) return;
      const flags = {
        id: u16be(bytes, 0),
        opcode: (bytes[2]! >> 3) & 15,
        recursionDesired: (bytes[2]! & 1) === 1,
      };
      send(write({ ...EMPTY, ...flags, rcode: Rcode.FORMERR }));
      return;
    }
    if (message.response) return; // RFC 1035: never answer an answer
    const option = message.additionals.find(({ data }) => data.type === Type.OPT);
    const reply = (outcome: Outcome): void => {
      const [question] = message.questions;
      this.queries.add({
        at: this.now,
        from,
        protocol,
        name: question?.name ?? "",
        type: question?.type ?? 0,
        rcode: outcome.rcode,
        answers: outcome.answers,
      });
      // RFC 6891 6.2.3: values below 512 mean 512; the class field of OPT is the size the asker can take.
      const size = option ? Math.min(Math.max(option.class, UDP_LIMIT), LARGEST_UDP) : UDP_LIMIT;
      send(write(this.#message(message, option, outcome), protocol === "udp" ? size : TCP_LIMIT));
    };
    const outcome = this.#outcome(message, option);
    if (outcome.ask === undefined) reply(outcome);
    else this.#ask(this.#resolve!, outcome, outcome.ask, message.questions[0]!.type, reply);
  }

  /** What can be said at once, with `ask` set when the resolver is to be asked. */
  #outcome(message: DnsMessage, option: ResourceRecord | undefined): Outcome {
    if (option && ((option.ttl >>> 16) & 255) !== 0) return failed(Rcode.BADVERS);
    if (message.opcode !== OPCODE_QUERY) return failed(Rcode.NOTIMP);
    const [question] = message.questions;
    // RFC 9619: one question.
    if (question === undefined || message.questions.length !== 1) return failed(Rcode.FORMERR);
    if (question.class !== CLASS_IN && question.class !== CLASS_ANY) return failed(Rcode.REFUSED);
    if (question.type === Type.AXFR || question.type === Type.IXFR) return failed(Rcode.REFUSED); // RFC 5936 2.2.1
    const outcome = this.#answer(question);
    if (outcome.ask === undefined || (this.#resolve && message.recursionDesired)) return outcome;
    // What was found on the way is an answer; for nothing at all there is nobody here to ask.
    return outcome.answers.length > 0 ? { ...outcome, ask: undefined } : failed(Rcode.REFUSED);
  }

  #message(asked: DnsMessage, option: ResourceRecord | undefined, outcome: Outcome): DnsMessage {
    const additionals = [...outcome.additionals];
    if (option) {
      const data = { type: Type.OPT, bytes: new Uint8Array(0) };
      additionals.push({ name: "", class: LARGEST_UDP, ttl: ((outcome.rcode >>> 4) << 24) >>> 0, data });
    }
    return {
      ...EMPTY,
      id: asked.id,
      opcode: asked.opcode,
      recursionDesired: asked.recursionDesired,
      recursionAvailable: this.#resolve !== undefined,
      authoritative: outcome.authoritative,
      rcode: outcome.rcode & 15,
      questions: asked.questions,
      answers: outcome.answers,
      authorities: outcome.authorities,
      additionals,
    };
  }

  /** RFC 1034 4.3.2: along aliases, from zone to zone. */
  #answer({ name, type }: Question): Outcome {
    const outcome: Outcome = { ...failed(Rcode.NOERROR), authoritative: true };
    let asked = name;
    for (let step = 0; step < LONGEST_CHAIN; step++) {
      const listed = this.#hosts.find(asked, type, this.#ttl);
      if (listed) {
        outcome.answers.push(...listed);
        return outcome;
      }
      const folded = asked.toLowerCase();
      const zone = this.#zones.find((each) => each.holds(folded));
      if (zone === undefined) {
        if (step === 0) outcome.authoritative = false;
        outcome.ask = asked;
        return outcome;
      }
      const found = zone.find(asked, type);
      if (found.kind !== "alias") return this.#conclude(outcome, zone, found);
      outcome.answers.push(found.record);
      asked = found.target;
    }
    return { ...outcome, rcode: Rcode.SERVFAIL, answers: [] }; // aliases in a circle
  }

  #conclude(
    outcome: Outcome,
    zone: Zone,
    found: Exclude<ReturnType<Zone["find"]>, { kind: "alias" }>,
  ): Outcome {
    switch (found.kind) {
      case "answer":
        outcome.answers.push(...found.records);
        this.#addAddresses(outcome, found.records);
        return outcome;
      case "referral":
        outcome.authoritative = outcome.answers.length > 0;
        outcome.authorities.push(...found.records);
        this.#addAddresses(outcome, found.records);
        return outcome;
      default: {
        // RFC 2308 section 3: the SOA record says for how long there is nothing.
        const { soa } = zone;
        const minimum = "minimum" in soa.data ? soa.data.minimum : soa.ttl;
        outcome.authorities.push({ ...soa, ttl: Math.min(soa.ttl, minimum) });
        if (found.kind === "nxdomain") outcome.rcode = Rcode.NXDOMAIN;
        return outcome;
      }
    }
  }

  /** Addresses of the hosts that MX and NS records name, where they are known here. */
  #addAddresses(outcome: Outcome, records: readonly ResourceRecord[]): void {
    for (const { data } of records) {
      if ((data.type !== Type.MX && data.type !== Type.NS) || !("target" in data)) continue;
      const { target } = data;
      for (const zone of this.#zones) {
        if (zone.holds(target.toLowerCase())) outcome.additionals.push(...zone.addresses(target));
      }
    }
  }

  #ask(
    resolve: Resolver,
    outcome: Outcome,
    name: string,
    type: number,
    reply: (outcome: Outcome) => void,
  ): void {
    outcome.authoritative = false;
    if (type !== Type.A && type !== Type.AAAA && type !== Type.ANY) {
      reply({ ...outcome, rcode: Rcode.NOTIMP }); // a resolver of addresses cannot know
      return;
    }
    if (this.#pending.size >= MOST_PENDING) {
      reply({ ...outcome, rcode: Rcode.SERVFAIL });
      return;
    }
    const pending = new Pending(this.now + RESOLVER_PATIENCE, (result) => {
      this.wake(pending, FOREVER);
      this.#pending.delete(pending);
      reply(concluded(outcome, result, name, type, this.#ttl));
    });
    this.#pending.add(pending);
    this.wake(pending, pending.limit);
    resolve(name, (result) => {
      if (pending.settled) return;
      pending.result = result;
      this.touch(pending);
    });
  }
}

type Resolved = Parameters<Parameters<Resolver>[1]>[0];

/** What the resolver's answer makes of an outcome; undefined = it took too long. */
function concluded(
  outcome: Outcome,
  result: Resolved | undefined,
  name: string,
  type: number,
  ttl: number,
): Outcome {
  if (result === undefined) return { ...outcome, rcode: Rcode.SERVFAIL };
  if ("reason" in result) {
    return { ...outcome, rcode: result.reason === "bad-address" ? Rcode.NXDOMAIN : Rcode.SERVFAIL };
  }
  // A name that has addresses of the other kind only is there and has none of this.
  for (const text of result) {
    const address = parseIpAddress(text);
    const data =
      typeof address === "number"
        ? { type: Type.A, address }
        : address !== undefined && { type: Type.AAAA, address };
    if (data && (type === data.type || type === Type.ANY))
      outcome.answers.push({ name, class: CLASS_IN, ttl, data });
  }
  return outcome;
}

/** A question that the resolver has. */
class Pending implements Worker {
  due: Micros = FOREVER;
  slot = -1;
  readonly limit: Micros;
  result: Resolved | undefined = undefined;
  settled = false;
  readonly #settle: (result: Resolved | undefined) => void;

  /** @param settle is called once, with undefined when the resolver took too long */
  constructor(limit: Micros, settle: (result: Resolved | undefined) => void) {
    this.limit = limit;
    this.#settle = settle;
  }

  work(now: Micros): void {
    if (this.settled || (this.result === undefined && now < this.limit)) return;
    this.settled = true;
    this.#settle(this.result);
  }
}

/** RFC 1035 4.2.2: each message after two bytes of length. */
class DnsTalk implements Talk {
  readonly #stream: Stream;
  readonly #take: (bytes: Uint8Array, send: (answer: Uint8Array) => void) => void;
  #unanswered = 0;

  constructor(stream: Stream, take: (bytes: Uint8Array, send: (answer: Uint8Array) => void) => void) {
    this.#stream = stream;
    this.#take = take;
  }

  data(bytes: Uint8Array, ended: boolean): number {
    let at = 0;
    while (bytes.length - at >= 2 && !this.#stream.busy) {
      const end = at + 2 + u16be(bytes, at);
      if (end > bytes.length) break;
      this.#unanswered++;
      this.#take(bytes.slice(at + 2, end), (answer) => {
        this.#unanswered--;
        const length = new Uint8Array([answer.length >>> 8, answer.length & 255]);
        this.#stream.write(length);
        this.#stream.write(answer);
        this.#stream.touch();
      });
      at = end;
    }
    if (ended && this.#unanswered === 0 && !this.#stream.busy) this.#stream.end();
    return at;
  }
}

const EMPTY: DnsMessage = {
  id: 0,
  response: true,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  rcode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

const failed = (rcode: number): Outcome => ({
  rcode,
  authoritative: false,
  answers: [],
  authorities: [],
  additionals: [],
});
