/**
 * Why a station sends a frame, in words: the system call that gave the bytes, the frame that is answered, the timer that
 * ran out. Worked out from what can be seen from outside (calls and frames), so that the stack carries nothing for it.
 */
import type { Micros } from "../base/index.ts";
import { type CallRecord, showCall, showPlace } from "../kernel/index.ts";
import {
  type Connection,
  type FrameFacts,
  frameFacts,
  type IpAddress,
  type Socket,
  type Stack,
  showIpAddress,
} from "../net/index.ts";

/** A frame of a recording: its number there, counted from 1, and why it was sent. */
export interface Origin {
  readonly number: number;
  readonly cause: string;
}

export interface CausesOptions {
  /** The station's name: every cause begins with it. */
  name: string;
  /** The moment that the world gives its turns for: a station answers within one. */
  moment(): Micros;
  /** It sends on frames of others: a router. */
  forwards?: boolean;
  /** What it was when it was neither a call nor a frame. Default "a timer". */
  otherwise?: string;
  /** Somebody else's: nothing is known of its frames but that. */
  foreign?: string;
}

/** What is known of a socket of the program. */
interface Story {
  connect: CallRecord | undefined;
  /** Calls that gave bytes, with the number of bytes given up to then. Those that were acknowledged are dropped. */
  readonly sends: { end: number; call: CallRecord }[];
  given: number;
  close: CallRecord | undefined;
  last: CallRecord | undefined;
}

/** One TCP connection as it was seen on the wire. */
interface Flow {
  story: Story | undefined;
  iss: number;
  /** Bytes of the stream that were sent at least once, and whether FIN was. */
  highest: number;
  finished: boolean;
  /** Expirations of the connection's timer that have been told. */
  timeouts: number;
  heard: Origin | undefined;
  heardAt: Micros;
  /** When the last frame went either way before this moment. */
  before: Micros;
  latest: Micros;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
/** Packets of others that a router has taken, and connections, that are remembered. */
const REMEMBERED = 4096;

export class Causes {
  /** Its stack, for a look at retransmission timers; set once it is there. */
  stack: Stack | undefined;
  readonly #options: CausesOptions;
  readonly #stories = new Map<Socket, Story>();
  readonly #flows = new Map<string, Flow>();
  /** Datagrams given and not seen yet, by the port they come from; -1 for raw sockets. */
  readonly #datagrams = new Map<number, CallRecord[]>();
  readonly #taken = new Map<string, Origin>();
  #heard: Origin | undefined;
  #heardAt: Micros = -1;
  /** The last call that may have sent something. */
  #call: CallRecord | undefined;
  #exit: CallRecord | undefined;

  constructor(options: CausesOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** A system call of the station's program, as `Computer.watchCalls` tells it. */
  readonly called = (call: CallRecord): void => {
    const { socket, phase, value, name = "" } = call;
    if (phase === "ended") this.#exit = call;
    if (socket === undefined) return;
    const story = this.#storyOf(socket);
    story.last = call;
    const { local, remote } = socket;
    if (socket.type === "stream" && remote) this.#flow(local.port, remote.address, remote.port).story = story;
    if (/^connect/.test(name) && phase !== "done") story.connect = call;
    else if (/^connect/.test(name) && value === undefined) story.connect ??= call;
    else if (/^(send|write)/.test(name) && value !== undefined && value >= 0)
      this.#gave(socket, story, call, value);
    else if (/^(close|shutdown)/.test(name)) {
      story.close ??= call;
      if (/^close/.test(name)) this.#stories.delete(socket);
    } else return;
    this.#call = call;
  };

  /** A frame that the station has taken from its card. */
  received(frame: Uint8Array, origin: Origin): void {
    const now = this.#options.moment();
    this.#heard = origin;
    this.#heardAt = now;
    const facts = frameFacts(frame);
    if (this.#options.forwards && facts.identity !== "") {
      if (this.#taken.size >= REMEMBERED) this.#taken.clear();
      this.#taken.set(facts.identity, origin);
    }
    if (facts.kind !== "tcp") return;
    const flow = this.#flow(facts.destinationPort, facts.source, facts.sourcePort);
    this.#touch(flow, now);
    flow.heard = origin;
    flow.heardAt = now;
    const { story } = flow;
    if (story === undefined || !(facts.code & ACK)) return;
    const acknowledged = flow.highest + ((facts.ack - flow.iss - 1 - flow.highest) | 0);
    while (story.sends.length > 0 && story.sends[0]!.end <= acknowledged) story.sends.shift();
  }

  /** Why this frame leaves. */
  sent(frame: Uint8Array): string {
    const facts = frameFacts(frame);
    const { name, forwards, foreign, otherwise = "a timer" } = this.#options;
    if (foreign !== undefined) return `${name}: ${foreign}`;
    const now = this.#options.moment();
    const taken = forwards ? this.#taken.get(facts.identity) : undefined;
    if (taken) return `${name}: sends on frame ${taken.number} (${taken.cause})`;
    if (facts.kind === "arp") return `${name}: ${this.#arp(facts, now)}`;
    if (facts.kind === "tcp") return this.#tcp(facts, now);
    const call = this.#datagram(facts);
    if (call) return this.#byCall(call);
    return `${name}: ${this.#answer(now) ?? otherwise}`;
  }

  #arp({ source, destination, code }: FrameFacts, now: Micros): string {
    if (code === 2) return `ARP ${this.#answer(now) ?? "answer"}`;
    if (source === destination) return "ARP announces its address";
    const why = this.#answer(now) ?? (this.#call && callText(this.#call));
    return `ARP asks for ${showIpAddress(destination)}${why ? `: ${why}` : ""}`;
  }

  #tcp(facts: FrameFacts, now: Micros): string {
    const { name } = this.#options;
    // A server may do on one connection what it was asked on another; what comes from outside has no such cause.
    const otherwise = this.#options.otherwise ?? this.#answer(now) ?? "a timer";
    const { code, length, destination, destinationPort, sourcePort } = facts;
    const flow = this.#flow(sourcePort, destination, destinationPort);
    this.#touch(flow, now);
    const heard = flow.heardAt === now ? flow.heard : undefined;
    const answers = heard && `answers frame ${heard.number}`;
    const { story } = flow;
    if (code & RST) {
      const why = answers ?? (story?.close && callText(story.close)) ?? (this.#exit && callText(this.#exit));
      return `${name}: ${why ?? otherwise}`;
    }
    if (code & SYN) {
      const again = flow.iss === facts.seq;
      if (!again) Object.assign(flow, { iss: facts.seq, highest: 0, finished: false, timeouts: 0 });
      const why = code & ACK ? flow.heard && `answers frame ${flow.heard.number}` : undefined;
      const said = why
        ? `${name}: ${why}`
        : story?.connect
          ? this.#byCall(story.connect)
          : `${name}: ${otherwise}`;
      return again ? this.#again(said, facts, flow) : said;
    }
    const at = flow.highest + ((facts.seq - flow.iss - 1 - flow.highest) | 0);
    if (length > 0 || code & FIN) {
      const again = length > 0 ? at < flow.highest : flow.finished;
      flow.highest = Math.max(flow.highest, at + length);
      if (code & FIN) flow.finished = true;
      const call = length > 0 ? story?.sends.find(({ end }) => end > at)?.call : (story?.close ?? this.#exit);
      const said = call ? this.#byCall(call) : `${name}: ${answers ?? otherwise}`;
      if (again) return this.#again(said, facts, flow);
      const waited = call && heard && call.at < flow.before;
      return waited ? `${said}, let go by frame ${heard.number}` : said;
    }
    if (answers) return `${name}: ${answers}`;
    const { last } = story ?? {};
    if (last && last.at > flow.before) return this.#byCall(last);
    if (at < flow.highest) return `${name}: keep-alive timer`;
    return `${name}: ${flow.heard ? `delayed acknowledgement of frame ${flow.heard.number}` : otherwise}`;
  }

  /** Bytes that were sent before, or a window that is asked for: was it the timer? */
  #again(said: string, facts: FrameFacts, flow: Flow): string {
    const c = this.#connection(facts);
    const timeouts = c?.timeouts ?? 0;
    if (c && c.probes > 0 && facts.length <= 1) return `${said}: zero-window probe ${c.probes}, by timer`;
    if (timeouts > flow.timeouts) {
      flow.timeouts = timeouts;
      return `${said}: sent again, by the retransmission timer (time-out ${timeouts})`;
    }
    // RFC 8985 7: a probe after the last segments, when nobody has answered for two round trips.
    if (flow.heard === undefined || flow.heardAt !== flow.latest)
      return `${said}: sent again, by the probe timer (tail loss)`;
    return `${said}: sent again, prompted by frame ${flow.heard.number}`;
  }

  /** The call that gave this datagram. Those before it have led to nothing: nobody answered to ARP, for instance. */
  #datagram({ kind, sourcePort, length }: FrameFacts): CallRecord | undefined {
    const queue = this.#datagrams.get(kind === "udp" ? sourcePort : -1);
    const at = queue?.findIndex(({ value }) => kind !== "udp" || value === length) ?? -1;
    return at < 0 ? queue?.shift() : queue!.splice(0, at + 1).at(-1);
  }

  #connection({ sourcePort, destination, destinationPort }: FrameFacts): Connection | undefined {
    return this.stack
      ?.connections()
      .find(
        (c) =>
          c.localPort === sourcePort && c.remotePort === destinationPort && c.remoteAddress === destination,
      );
  }

  #answer(now: Micros): string | undefined {
    return this.#heardAt === now && this.#heard ? `answers frame ${this.#heard.number}` : undefined;
  }

  #byCall(call: CallRecord): string {
    return `${this.#options.name} ${callText(call)}`;
  }

  #gave(socket: Socket, story: Story, call: CallRecord, bytes: number): void {
    if (socket.type === "stream") {
      story.given += bytes;
      story.sends.push({ end: story.given, call });
      return;
    }
    const port = socket.type === "raw" ? -1 : socket.local.port;
    const queue = this.#datagrams.get(port);
    if (queue) queue.push(call);
    else this.#datagrams.set(port, [call]);
  }

  #storyOf(socket: Socket): Story {
    let story = this.#stories.get(socket);
    if (story === undefined) {
      story = { connect: undefined, sends: [], given: 0, close: undefined, last: undefined };
      this.#stories.set(socket, story);
    }
    return story;
  }

  #flow(port: number, peer: IpAddress, peerPort: number): Flow {
    const key = `${port} ${peer} ${peerPort}`;
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = {
        story: undefined,
        iss: Number.NaN,
        highest: 0,
        finished: false,
        timeouts: 0,
        heard: undefined,
        heardAt: -1,
        before: -1,
        latest: -1,
      };
      this.#flows.set(key, flow);
      if (this.#flows.size > REMEMBERED) this.#flows.delete(this.#flows.keys().next().value!);
    }
    return flow;
  }

  #touch(flow: Flow, now: Micros): void {
    if (now === flow.latest) return;
    flow.before = flow.latest;
    flow.latest = now;
  }
}

/** `thread 1: 79 connect(fd 16, 10.0.2.2:80) at client.asm:41` */
function callText(call: CallRecord): string {
  const { line, ...address } = call.place;
  return `thread ${call.thread}: ${showCall({ ...call, phase: "ended" })} at ${line ?? showPlace(address)}`;
}
