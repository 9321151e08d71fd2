/**
 * Runs timelines in packetdrill's language against our TCP on a virtual clock: system calls on one side, segments on
 * the other, each at its time. What the language has and this runner has not is told as `unsupported`, never passed over
 * in silence; assertions about the inside of Linux (`%{ … }%`) are counted as skipped.
 */
import { type Micros, Random } from "../../src/base/index.ts";
import { cable, Nic, type Reason, type Socket, Stack, type TcpSettings } from "../../src/net/index.ts";
import * as ethernet from "../../src/net/wire/ethernet.ts";
import * as ipv4 from "../../src/net/wire/ipv4.ts";
import * as tcp from "../../src/net/wire/tcp.ts";

const LOCAL = 0xc0a80001;
const REMOTE = 0xc0000201;
const SERVICE = 8080;
const LOCAL_MAC = 0x525400000001;
const REMOTE_MAC = 0x525400000002;
/** packetdrill's own default. */
const TOLERANCE: Micros = 4_000;

export interface Outcome {
  result: "passed" | "failed" | "unsupported";
  /** Where and why it did not pass. */
  reason?: string;
  skippedAssertions: number;
}

class Unsupported extends Error {}
class Mismatch extends Error {}

type Event =
  | { kind: "call"; name: string; words: string[]; expected: string; errno: string | undefined }
  | { kind: "in" | "out"; packet: Packet };

interface Packet {
  flags: number;
  seq: number;
  length: number;
  ack: number | undefined;
  window: number | undefined;
  /** undefined: any. */
  options: Option[] | undefined;
}

interface Option {
  name: string;
  values: number[];
}

interface Line {
  number: number;
  text: string;
  /** How the time is meant. */
  from: "start" | "last" | "any";
  time: Micros;
  /** A call that blocks. */
  blocks: boolean;
  /** A segment may come from `time` until then. */
  latest: Micros;
  event: Event;
}

// --- reading ---------------------------------------------------------------------------------------------------------

interface Script {
  lines: Line[];
  settings: Partial<TcpSettings>;
  skippedAssertions: number;
}

export function parseTimeline(text: string): Script {
  let skippedAssertions = 0;
  const settings: Partial<TcpSettings> = {};
  const blank = (part: string): string => part.replace(/[^\n]/g, "");
  const source = text
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/\/\/.*/g, "")
    .replace(/(?:\+?[\d.*]+\s*)?%\{[\s\S]*?\}%/g, (part) => {
      skippedAssertions++;
      return blank(part);
    })
    .replace(/(?:\+?[\d.]+\s*)?`[\s\S]*?`/g, (part) => {
      for (const [, name, value] of part.matchAll(/net\.ipv4\.(\w+)=(\S+?)[`\s]/g))
        applySysctl(name!, value!, settings);
      return blank(part);
    })
    .replace(/^#.*/gm, "")
    .replace(/^\s*--\S+.*/gm, (part) => {
      throw new Unsupported(`option ${part.trim()}`);
    });
  const lines: Line[] = [];
  const pending = source.split("\n");
  for (let i = 0; i < pending.length; i++) {
    const number = i + 1;
    let statement = pending[i]!.trim();
    if (statement === "") continue;
    // A call may go over several lines.
    while (/\(/.test(statement) && !isComplete(statement) && i + 1 < pending.length) {
      statement += ` ${pending[++i]!.trim()}`;
    }
    lines.push(parseLine(statement, number));
  }
  return { lines, settings, skippedAssertions };
}

function isComplete(statement: string): boolean {
  const opened = (statement.match(/[([{]/g) ?? []).length;
  return opened === (statement.match(/[)\]}]/g) ?? []).length;
}

function applySysctl(name: string, value: string, settings: Partial<TcpSettings>): void {
  if (name === "tcp_timestamps") settings.timestamps = value !== "0";
  else if (name === "tcp_sack") settings.sack = value !== "0";
  else if (name === "tcp_window_scaling") settings.windowScaling = value !== "0";
}

function parseLine(statement: string, number: number): Line {
  const match = /^(\*|\+?[\d.]*?)(?:\.\.\.(\+?[\d.]+))?(?:~(\+?[\d.]+))?\s+(?=[<>a-z])(.*)$/s.exec(statement);
  if (match === null) throw new Unsupported(`line ${number}: ${statement}`);
  const [, time = "", end, latest, rest = ""] = match;
  const micros = (text: string): Micros => Math.round(Number(text.replace("+", "") || "0") * 1e6);
  const from = time === "*" ? "any" : time.startsWith("+") || time === "" ? "last" : "start";
  return {
    number,
    text: statement,
    from,
    time: time === "*" ? 0 : micros(time),
    blocks: end !== undefined,
    latest: latest === undefined ? micros(time) : micros(latest),
    event: /^[<>]/.test(rest) ? parsePacket(rest, number) : parseCall(rest, number),
  };
}

function parseCall(text: string, number: number): Event {
  const match = /^(\w+)\s*\(([\s\S]*)\)\s*=\s*(-?\w+|\.\.\.)\s*(E\w+)?.*$/.exec(text);
  if (match === null) throw new Unsupported(`line ${number}: ${text}`);
  const [, name = "", words = "", expected = "", errno] = match;
  return { kind: "call", name, words: words.split(",").map((word) => word.trim()), expected, errno };
}

const flagLetters: Record<string, number> = { S: tcp.SYN, F: tcp.FIN, R: tcp.RST, P: tcp.PSH, ".": tcp.ACK };

function parsePacket(text: string, number: number): Event {
  const match =
    /^([<>])\s+([SFRP.]+)\s+(\d+):(\d+)\((\d+)\)(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?\s*(?:<(.*)>)?$/.exec(
      text.trim(),
    );
  if (match === null) throw new Unsupported(`line ${number}: ${text}`);
  const [, way, letters = "", seq, , length, ack, window, options] = match;
  let flags = 0;
  for (const letter of letters) flags |= flagLetters[letter]!;
  return {
    kind: way === "<" ? "in" : "out",
    packet: {
      flags,
      seq: Number(seq),
      length: Number(length),
      ack: ack === undefined ? undefined : Number(ack),
      window: window === undefined ? undefined : Number(window),
      options: options === "..." ? undefined : parseOptions(options ?? "", number),
    },
  };
}

function parseOptions(text: string, number: number): Option[] {
  const options: Option[] = [];
  for (const part of text.split(",").map((word) => word.trim())) {
    if (part === "" || part === "nop" || part === "eol") continue;
    const match = /^(mss|wscale|sackOK|TS|sack)\b(.*)$/.exec(part);
    if (match === null) throw new Unsupported(`line ${number}: option ${part}`);
    options.push({ name: match[1]!, values: (match[2]!.match(/\d+/g) ?? []).map(Number) });
  }
  return options;
}

// --- running ---------------------------------------------------------------------------------------------------------

interface Sent {
  at: Micros;
  segment: tcp.Segment;
}

class Run {
  readonly script: Script;
  readonly stack: Stack;
  readonly #wire;
  readonly #sent: Sent[] = [];
  readonly #sockets = new Map<number, { socket: Socket; blocking: boolean }>();
  #now: Micros = 0;
  #last: Micros = 0;
  /** Ports and initial numbers of the connection; the peer's is 0 in the script and on the wire. */
  #localPort = SERVICE;
  #remotePort = 40_000;
  #localIsn: number | undefined;
  #timestamps = 0;

  constructor(script: Script) {
    this.script = script;
    const [near, wire] = cable();
    this.#wire = wire;
    this.stack = new Stack({
      nics: [new Nic({ port: near, mac: LOCAL_MAC })],
      random: new Random(1),
      // A shift count of 8, as the scripts have it.
      tcp: { receiveBuffer: 15 * 1024 * 1024, sendBuffer: 4 * 1024 * 1024, ...script.settings },
    });
    this.stack.configure(0, { address: LOCAL, mask: 0xffff0000, gateway: 0xc0a80002 });
    this.stack.setNeighbour(0, 0xc0a80002, REMOTE_MAC);
    this.#turn();
  }

  line(line: Line): void {
    if (line.from === "start") this.#passTo(line.time);
    else if (line.from === "last") this.#passTo(this.#last + line.time);
    const { event } = line;
    if (event.kind === "call") this.#call(line, event);
    else if (event.kind === "in") this.#inject(event.packet);
    else this.#expect(event.packet, line);
    if (line.from !== "any") this.#last = this.#now;
  }

  finish(): void {
    this.#turn();
    const [blocked] = this.#blocked;
    if (blocked) throw new Mismatch(`line ${blocked.line.number} still waits`);
    const [first] = this.#sent;
    if (first) throw new Mismatch(`sent besides: ${this.#show(first.segment)}`);
  }

  #turn(): void {
    while (this.stack.poll(this.#now)) {}
    for (let frame = this.#wire.receive(); frame; frame = this.#wire.receive()) {
      if (ethernet.typeOf(frame) !== ethernet.TYPE_IPV4) continue;
      const segment = tcp.read(ipv4.read(frame.subarray(14)).payload);
      if (segment.flags & tcp.SYN) {
        this.#localIsn = segment.seq;
        this.#localPort = segment.sourcePort;
        this.#remotePort = segment.destinationPort;
      }
      this.#sent.push({ at: this.#now, segment });
    }
    if (this.#blocked.length > 0) this.#askAgain();
  }

  #passTo(moment: Micros): void {
    this.#turn();
    while (this.stack.deadline() <= moment) {
      this.#now = Math.max(this.#now, this.stack.deadline());
      this.#turn();
    }
    this.#now = Math.max(this.#now, moment);
    this.#turn();
  }

  #inject(packet: Packet): void {
    this.#turn();
    const option = (name: string) => packet.options?.find((other) => other.name === name)?.values;
    const isn = this.#localIsn ?? 0;
    const segment: tcp.Segment = {
      ...tcp.emptySegment,
      sourcePort: this.#remotePort,
      destinationPort: this.#localPort,
      seq: packet.seq,
      ack: packet.ack === undefined ? 0 : (isn + packet.ack) >>> 0,
      flags: packet.flags,
      window: packet.window ?? 0,
      mss: option("mss")?.[0] ?? 0,
      scale: option("wscale")?.[0] ?? -1,
      sackPermitted: option("sackOK") !== undefined,
      sack: (packet.options ?? [])
        .filter(({ name }) => name === "sack")
        .flatMap(({ values }) => values.map((edge) => (isn + edge) >>> 0)),
      payload: new Uint8Array(packet.length).fill(120),
    };
    const ts = option("TS");
    if (ts) {
      segment.timestamps = true;
      segment.tsVal = ts[0]!;
      segment.tsEcr = this.#timestamps; // the newest of ours; scripts say what it was there
    }
    const bytes = new Uint8Array(tcp.lengthOf(segment));
    tcp.write(segment, REMOTE, LOCAL, bytes);
    const whole: ipv4.Ipv4 = {
      tos: 0,
      identification: 0,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol: 6,
      source: REMOTE,
      destination: LOCAL,
      options: new Uint8Array(0),
      payload: bytes,
    };
    const frame = new Uint8Array(14 + ipv4.lengthOf(whole));
    ethernet.writeHeader(frame, LOCAL_MAC, REMOTE_MAC, ethernet.TYPE_IPV4);
    ipv4.write(whole, frame.subarray(14));
    this.#wire.send(frame);
    this.#turn();
  }

  #expect(packet: Packet, line: Line): void {
    const origin = line.from === "start" ? 0 : this.#last;
    const latest = line.from === "any" ? Number.POSITIVE_INFINITY : origin + line.latest + TOLERANCE;
    while (this.#sent.length === 0 && this.stack.deadline() <= latest) this.#passTo(this.stack.deadline());
    const sent = this.#take(packet);
    if (sent === undefined) throw new Mismatch("nothing was sent");
    const got = this.#show(sent.segment);
    if (sent.at > latest || (line.from !== "any" && sent.at < origin + line.time - TOLERANCE)) {
      throw new Mismatch(`at ${(sent.at - origin) / 1e6} s: ${got}`);
    }
    const { segment } = sent;
    const relative = (segment.seq - (this.#localIsn ?? 0)) >>> 0;
    const wrong =
      // PSH is advice (RFC 9293 3.9.1.2): Linux sets it more often than at the end of what was written.
      (segment.flags & ~tcp.PSH) !== (packet.flags & ~tcp.PSH) ||
      (segment.flags & tcp.RST && !(segment.flags & tcp.ACK) ? false : relative !== packet.seq) ||
      segment.payload.length !== packet.length ||
      (packet.ack !== undefined && segment.ack !== packet.ack) ||
      (packet.window !== undefined && segment.window !== packet.window) ||
      (packet.options !== undefined && !this.#sameOptions(segment, packet.options));
    if (wrong) throw new Mismatch(`sent ${got}`);
    if (segment.timestamps) this.#timestamps = segment.tsVal;
  }

  /** The next segment; those that go on where it ends are one with it, as a card that cuts large segments sees them. */
  #take(packet: Packet): Sent | undefined {
    const first = this.#sent.shift();
    if (first === undefined) return undefined;
    let { segment } = first;
    while (segment.payload.length > 0 && segment.payload.length < packet.length) {
      const next = this.#sent[0];
      if (next === undefined || next.at !== first.at) break;
      if (next.segment.seq !== (segment.seq + segment.payload.length) >>> 0) break;
      this.#sent.shift();
      const payload = new Uint8Array(segment.payload.length + next.segment.payload.length);
      segment = { ...next.segment, seq: segment.seq, payload };
    }
    return { at: first.at, segment };
  }

  #sameOptions(segment: tcp.Segment, expected: readonly Option[]): boolean {
    const names: string[] = [];
    if (segment.mss > 0) names.push(`mss ${segment.mss}`);
    if (segment.sackPermitted) names.push("sackOK");
    if (segment.timestamps) names.push("TS");
    if (segment.scale >= 0) names.push(`wscale ${segment.scale}`);
    for (let i = 0; i < segment.sack.length; i += 2)
      names.push(`sack ${segment.sack[i]}:${segment.sack[i + 1]}`);
    const wanted = expected.flatMap(({ name, values }) => {
      if (name === "TS" || name === "sackOK") return [name];
      if (name !== "sack") return [`${name} ${values[0]}`];
      return Array.from(
        { length: values.length / 2 },
        (_, i) => `sack ${values[2 * i]}:${values[2 * i + 1]}`,
      );
    });
    const sort = (list: string[]) => [...list].sort().join();
    return sort(names) === sort(wanted);
  }

  #show(segment: tcp.Segment): string {
    return `${tcp.showSegment({ ...segment, seq: (segment.seq - (this.#localIsn ?? 0)) >>> 0 })} at ${this.#now / 1e6} s`;
  }

  // --- calls ---------------------------------------------------------------------------------------------------------

  #call(line: Line, call: Extract<Event, { kind: "call" }>): void {
    this.#turn();
    let answer = this.#answer(call);
    if (answer === "would-block" && line.blocks) {
      this.#blocked.push({ call, line });
      return;
    }
    if (answer === "would-block" && call.expected !== "-1") answer = this.#waitFor(call);
    this.#turn();
    this.#check(call, answer);
  }

  #blocked: { call: Extract<Event, { kind: "call" }>; line: Line }[] = [];

  /** Calls that blocked are asked again, as a kernel does when something has happened. */
  #askAgain(): void {
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const { call, line } of blocked) {
      const answer = this.#answer(call);
      if (answer === "would-block") this.#blocked.push({ call, line });
      else this.#check(call, answer);
    }
  }

  #waitFor(call: Extract<Event, { kind: "call" }>): number | Reason {
    const latest = this.#now + TOLERANCE;
    let answer = this.#answer(call);
    while (answer === "would-block" && this.stack.deadline() <= latest) {
      this.#passTo(this.stack.deadline());
      answer = this.#answer(call);
    }
    return answer;
  }

  #check(call: Extract<Event, { kind: "call" }>, answer: number | Reason): void {
    const told = typeof answer === "number" ? String(answer) : `-1 ${errnoOf[answer] ?? answer}`;
    const wanted = call.expected === "-1" ? `-1 ${call.errno}` : String(Number(call.expected));
    if (call.expected !== "..." && told !== wanted) throw new Mismatch(`${call.name} answered ${told}`);
  }

  #answer({ name, words, expected }: Extract<Event, { kind: "call" }>): number | Reason {
    if (name === "socket") {
      if (!words[1]!.includes("SOCK_STREAM")) throw new Unsupported("a socket that is no stream");
      const number = Number(expected);
      this.#sockets.set(number, {
        socket: this.stack.sockets.stream(),
        blocking: !words[1]!.includes("NONBLOCK"),
      });
      return number;
    }
    const held = this.#sockets.get(Number(words[0]));
    if (held === undefined) throw new Unsupported(`${name} on ${words[0]}`);
    const { socket } = held;
    const done = (reason: Reason | undefined): number | Reason => reason ?? 0;
    switch (name) {
      case "bind":
        return done(socket.bind(0, SERVICE));
      case "listen":
        return done(socket.listen(Number(words[1])));
      case "connect": {
        const reason = socket.connect(REMOTE, SERVICE)!;
        if (reason === "connected") return 0;
        return held.blocking && (reason === "in-progress" || reason === "already") ? "would-block" : reason;
      }
      case "accept": {
        const accepted = socket.accept();
        if (typeof accepted === "string") return accepted;
        this.#sockets.set(Number(expected), { socket: accepted, blocking: true });
        return Number(expected);
      }
      case "write":
      case "send":
        if (words[1] === "NULL") throw new Unsupported("bad pointers");
        return socket.send(new Uint8Array(Number(words[2])).fill(120));
      case "read":
      case "recv":
        return socket.receive(new Uint8Array(Number(words[2])));
      case "close":
        socket.close();
        return 0;
      case "shutdown":
        return done(
          socket.shutdown(words[1] === "SHUT_WR" ? "send" : words[1] === "SHUT_RD" ? "receive" : "both"),
        );
      case "setsockopt":
        return this.#setOption(socket, words);
      case "getsockopt":
        if (words[2] !== "SO_ERROR") throw new Unsupported(`getsockopt ${words[2]}`);
        socket.takeError();
        return 0;
      case "fcntl":
        if (words[1] === "F_SETFL") held.blocking = !words[2]!.includes("O_NONBLOCK");
        return words[1] === "F_GETFL" ? Number(expected) || 2 : 0;
      default:
        throw new Unsupported(`call ${name}`);
    }
  }

  #setOption(socket: Socket, words: string[]): number {
    const value = Number(/\[(-?\d+)\]/.exec(words[3] ?? "")?.[1]);
    switch (words[2]) {
      case "SO_REUSEADDR":
        socket.options.reuseAddress = value !== 0;
        return 0;
      case "TCP_NODELAY":
        socket.options.noDelay = value !== 0;
        return 0;
      case "SO_KEEPALIVE":
        socket.options.keepAlive = value !== 0;
        return 0;
      case "TCP_USER_TIMEOUT":
        socket.options.userTimeout = value * 1000;
        return 0;
      default:
        throw new Unsupported(`setsockopt ${words[2]}`);
    }
  }
}

const errnoOf: Partial<Record<Reason, string>> = {
  "would-block": "EAGAIN",
  "in-progress": "EINPROGRESS",
  already: "EALREADY",
  refused: "ECONNREFUSED",
  reset: "ECONNRESET",
  "timed-out": "ETIMEDOUT",
  closed: "EPIPE",
  "not-connected": "ENOTCONN",
  invalid: "EINVAL",
  "in-use": "EADDRINUSE",
  "host-unreachable": "EHOSTUNREACH",
  "network-unreachable": "ENETUNREACH",
};

/** @param settings what differs from the defaults of this runner, which are near to Linux's */
export function runTimeline(text: string, settings: Partial<TcpSettings> = {}): Outcome {
  let skippedAssertions = 0;
  let at = "";
  try {
    const script = parseTimeline(text);
    skippedAssertions = script.skippedAssertions;
    Object.assign(script.settings, settings);
    const run = new Run(script);
    for (const line of script.lines) {
      at = `line ${line.number}: ${line.text}: `;
      run.line(line);
    }
    run.finish();
    return { result: "passed", skippedAssertions };
  } catch (error) {
    if (error instanceof Unsupported)
      return { result: "unsupported", reason: error.message, skippedAssertions };
    if (error instanceof Mismatch)
      return { result: "failed", reason: `${at}${error.message}`, skippedAssertions };
    throw error;
  }
}
