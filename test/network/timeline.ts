/**
 * Runs timelines in packetdrill's language against our TCP on a virtual clock: system calls on one side, segments on
 * the other, each at its time. What the language has and this runner has not is told as `unsupported`, with its name,
 * never passed over in silence. Assertions (`%{ … }%`) are asked where they are about what our TCP has as well (cwnd in
 * segments, what is under way, the state …); those about the inside of Linux are counted as skipped. Of shell commands
 * (`…`) those that set sysctls are followed as far as our settings go.
 */
import { type Micros, Random } from "../../src/base/index.ts";
import {
  ANY6,
  cable,
  type IpAddress,
  Nic,
  parseIpAddress,
  type Reason,
  type Socket,
  Stack,
  type TcpSettings,
  TcpState,
} from "../../src/net/index.ts";
import { flightSize } from "../../src/net/tcp/congestion.ts";
import { type Connection, hasFinished } from "../../src/net/tcp/connection.ts";
import type { TcpSocket } from "../../src/net/tcp/socket.ts";
import * as ethernet from "../../src/net/wire/ethernet.ts";
import * as icmp from "../../src/net/wire/icmp.ts";
import * as icmpv6 from "../../src/net/wire/icmpv6.ts";
import { Icmp6Type } from "../../src/net/wire/icmpv6.ts";
import * as ipv4 from "../../src/net/wire/ipv4.ts";
import * as ipv6 from "../../src/net/wire/ipv6.ts";
import * as tcp from "../../src/net/wire/tcp.ts";
import { errnoOf, eventsIn, eventsOf, KNOWN_EVENTS, LINUX_NAMES, LINUX_STATES } from "./timeline-linux.ts";
import {
  applySysctl,
  type Call,
  CHANGEABLE,
  FAST_OPEN_BITS,
  type IcmpError,
  type Line,
  type Option,
  type Packet,
  parseTimeline,
  type Script,
  Unsupported,
  type Writable,
} from "./timeline-script.ts";

const SERVICE = 8080;
const LOCAL_MAC = 0x525400000001;
const REMOTE_MAC = 0x525400000002;

export interface Outcome {
  result: "passed" | "failed" | "unsupported";
  /** Where and why it did not pass. */
  reason?: string;
  skippedAssertions: number;
}

class Mismatch extends Error {}

interface Held {
  socket: Socket;
  blocking: boolean;
  /** `connect` has told that it is connected. */
  told?: boolean;
}

interface Sent {
  at: Micros;
  segment: tcp.Segment;
}

class Run {
  readonly script: Script;
  readonly stack: Stack;
  readonly #wire;
  readonly #sent: Sent[] = [];
  readonly #sockets = new Map<number, Held>();
  /** Assertions that were about what only Linux has. */
  skipped = 0;
  #names: Record<string, number> = {};
  #now: Micros = 0;
  #last: Micros = 0;
  /** Ports and initial numbers of the connection. */
  #localPort = SERVICE;
  #remotePort = 40_000;
  #localIsn: number | undefined;
  /** Numbers in scripts count from it, but for those in SYNs. */
  #remoteIsn = 0;
  #timestamps = 0;

  constructor(script: Script) {
    this.script = script;
    const [near, wire] = cable();
    this.#wire = wire;
    const { local, remote, mtu } = script;
    this.stack = new Stack({
      nics: [new Nic({ port: near, mac: LOCAL_MAC, mtu })],
      random: new Random(1),
      // A shift count of 8, as the scripts have it.
      tcp: {
        receiveBuffer: 15 * 1024 * 1024,
        sendBuffer: 4 * 1024 * 1024,
        congestion: "cubic",
        slowStartLimit: Number.POSITIVE_INFINITY,
        ...script.settings,
      },
    });
    if (typeof local === "number") {
      this.stack.configure(0, {
        address: local,
        mask: 0xffff0000,
        gateway: ((local & 0xffff0000) | 2) >>> 0,
      });
      this.stack.setNeighbour(0, ((local & 0xffff0000) | 2) >>> 0, REMOTE_MAC);
      if (typeof remote === "number") this.stack.setNeighbour(0, remote, REMOTE_MAC);
    } else {
      const gateway = parseIpAddress("fe80::2") as Exclude<IpAddress, number>;
      this.stack.configure6(0, {
        addresses: [{ address: local, prefixLength: 64 }],
        gateway,
        duplicateDetection: 0,
        autoconfigure: false,
      });
      this.stack.setNeighbour6(0, gateway, REMOTE_MAC);
    }
    this.#turn();
  }

  line(line: Line): void {
    if (line.from === "start") this.#passTo(line.time);
    else if (line.from === "last") this.#passTo(this.#last + line.time);
    const { event } = line;
    if (event.kind === "call") this.#call(line, event);
    else if (event.kind === "in") this.#inject(event.packet);
    else if (event.kind === "out") this.#expect(event.packet, line);
    else if (event.kind === "error") this.#injectError(event.error);
    else if (event.kind === "assert") this.#assert(event.code);
    else if (event.kind === "sysctl" && this.#started) this.#reset(event.settings);
    if (line.from !== "any") this.#last = this.#now;
  }

  finish(): void {
    this.#turn();
    const [blocked] = this.#blocked;
    if (blocked) throw new Mismatch(`line ${blocked.line.number} still waits`);
    const [first] = this.script.strict ? this.#sent : [];
    if (first) throw new Mismatch(`sent besides: ${this.#show(first.segment)}`);
  }

  #turn(): void {
    while (this.stack.poll(this.#now)) {}
    for (let frame = this.#wire.receive(); frame; frame = this.#wire.receive()) {
      const payload = payloadOf(frame);
      if (payload === undefined) continue;
      const segment = { ...tcp.read(payload.bytes), ecn: payload.tos & 3 };
      if (segment.flags & tcp.SYN) {
        if (!(segment.flags & tcp.ACK) && segment.seq !== this.#localIsn) this.#remoteIsn = 0;
        this.#localIsn = segment.seq;
        this.#localPort = segment.sourcePort;
        this.#remotePort = segment.destinationPort;
      }
      this.#sent.push({ at: this.#now, segment });
    }
    for (const c of this.stack.connections())
      if (c.localPort === this.#localPort && c.remotePort === this.#remotePort) this.#connection = c;
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

  /** What is longer than the link takes comes in pieces: scripts show what a card has put together. */
  #inject(packet: Packet): void {
    this.#turn();
    const most = this.script.mss;
    for (let done = 0; packet.length - done > most; done += most) {
      this.#injectOne({
        ...packet,
        seq: packet.seq + done,
        length: most,
        flags: packet.flags & ~(tcp.PSH | tcp.FIN),
      });
    }
    const done = Math.floor(Math.max(0, packet.length - 1) / most) * most;
    this.#injectOne({ ...packet, seq: packet.seq + done, length: packet.length - done });
    this.#turn();
  }

  /** How the host is set up changes while it runs. */
  #reset(settings: [string, string][]): void {
    for (const [name, value] of settings) {
      if (!CHANGEABLE.has(name)) throw new Unsupported(`sysctl ${name} in the middle`);
      applySysctl(name, value, this.#settings, this.script);
    }
  }

  /** The peer's number, as it is on the wire. */
  #theirs(number: number): number {
    return (number + this.#remoteIsn) >>> 0;
  }

  #injectOne(packet: Packet): void {
    if (packet.flags & tcp.SYN) this.#remoteIsn = packet.seq;
    // A connection to a listener has a port of its own, unless this is its SYN once more.
    const repeats = this.stack
      .connections()
      .some((c) => c.remotePort === this.#remotePort && c.state === TcpState.SYN_RECEIVED);
    const calls = this.stack.connections().some((c) => c.state === TcpState.SYN_SENT);
    if ((packet.flags & (tcp.SYN | tcp.ACK)) === tcp.SYN && this.#heard && !repeats && !calls) {
      this.#remotePort++;
      this.#localPort = SERVICE;
    }
    this.#heard ||= (packet.flags & tcp.SYN) !== 0;
    const option = (name: string) => packet.options?.find((other) => other.name === name)?.values;
    const isn = this.#localIsn ?? 0;
    const segment: tcp.Segment = {
      ...tcp.emptySegment,
      sourcePort: this.#remotePort,
      destinationPort: this.#localPort,
      seq: packet.flags & tcp.SYN ? packet.seq : this.#theirs(packet.seq),
      ack: packet.ack === undefined && !(packet.flags & tcp.ACK) ? 0 : (isn + (packet.ack ?? 0)) >>> 0,
      flags: packet.flags,
      window: packet.window ?? 0,
      urgent: packet.urgent,
      mss: option("mss")?.[0] ?? 0,
      scale: option("wscale")?.[0] ?? -1,
      sackPermitted: option("sackOK") !== undefined,
      sack: (packet.options ?? [])
        .filter(({ name }) => name === "sack")
        .flatMap(({ values }) => values.map((edge) => (isn + edge) >>> 0)),
      payload: new Uint8Array(packet.length).fill(120),
    };
    for (const { name, cookie } of packet.options ?? [])
      if (cookie) segment.fastOpen = { cookie, experimental: name === "FOEXP" };
    const ts = option("TS");
    if (ts) {
      segment.timestamps = true;
      segment.tsVal = ts[0]!;
      segment.tsEcr = this.#timestamps; // the newest of ours; scripts say what it was there
    }
    const { local, remote } = this.script;
    const bytes = new Uint8Array(tcp.lengthOf(segment));
    tcp.write(segment, remote, local, bytes);
    this.#put(6, bytes, CODEPOINTS[packet.ecn ?? "noecn"]);
  }

  #heard = false;

  #put(protocol: number, payload: Uint8Array, tos = 0): void {
    const { local, remote } = this.script;
    let frame: Uint8Array;
    if (typeof local === "number" && typeof remote === "number") {
      const whole: ipv4.Ipv4 = {
        tos,
        identification: 0,
        dontFragment: true,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: 64,
        protocol,
        source: remote,
        destination: local,
        options: new Uint8Array(0),
        payload,
      };
      frame = new Uint8Array(14 + ipv4.lengthOf(whole));
      ethernet.writeHeader(frame, LOCAL_MAC, REMOTE_MAC, ethernet.TYPE_IPV4);
      ipv4.write(whole, frame.subarray(14));
    } else if (typeof local !== "number" && typeof remote !== "number") {
      const header = { trafficClass: tos, flowLabel: 0, hopLimit: 64, source: remote, destination: local };
      const whole = { ...header, nextHeader: protocol, payload };
      frame = new Uint8Array(14 + ipv6.lengthOf(whole));
      ethernet.writeHeader(frame, LOCAL_MAC, REMOTE_MAC, ethernet.TYPE_IPV6);
      ipv6.write(whole, frame.subarray(14));
    } else throw new Unsupported("addresses of two kinds");
    this.#wire.send(frame);
  }

  #injectError({ code, mtu, seq, length }: IcmpError): void {
    this.#turn();
    const { local, remote } = this.script;
    const start = new Uint8Array(20);
    const segment = {
      ...tcp.emptySegment,
      sourcePort: this.#localPort,
      destinationPort: this.#remotePort,
      seq: ((this.#localIsn ?? 0) + seq) >>> 0,
    };
    tcp.write(segment, local, remote, start);
    if (typeof local !== "number" || typeof remote !== "number") {
      if (typeof local === "number" || typeof remote === "number" || code !== 4)
        throw new Unsupported("ICMPv6 errors but packet too big");
      const header = { trafficClass: 0, flowLabel: 0, hopLimit: 64, source: local, destination: remote };
      const quoted = new Uint8Array(60);
      ipv6.write({ ...header, nextHeader: 6, payload: start }, quoted);
      const message = new Uint8Array(8 + quoted.length);
      const error = { type: Icmp6Type.TOO_BIG, code: 0, rest: mtu, payload: quoted };
      icmpv6.write(error, remote, local, message);
      this.#put(ipv6.PROTOCOL_ICMPV6, message);
      this.#turn();
      return;
    }
    const quoted = new Uint8Array(28);
    const header = {
      tos: 0,
      identification: 0,
      dontFragment: true,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: 64,
      protocol: 6,
      source: local,
      destination: remote,
      options: new Uint8Array(0),
    };
    ipv4.writeHeader(header, 40 + length, quoted, 0);
    quoted.set(start.subarray(0, 8), 20);
    const message = new Uint8Array(8 + quoted.length);
    icmp.write({ type: 3, code, rest: mtu, payload: quoted }, message);
    this.#put(1, message);
    this.#turn();
  }

  #expect(packet: Packet, line: Line): void {
    const origin = line.from === "start" ? 0 : this.#last;
    const latest =
      line.from === "any" ? Number.POSITIVE_INFINITY : origin + line.latest + this.script.tolerance;
    while (this.#sent.length === 0 && this.stack.deadline() <= latest) this.#passTo(this.stack.deadline());
    let sent = this.#take(packet);
    if (sent === undefined && this.stack.deadline() <= latest) {
      this.#passTo(this.stack.deadline());
      sent = this.#take(packet);
    }
    if (sent === undefined) throw new Mismatch("nothing was sent");
    const got = this.#show(sent.segment);
    if (sent.at > latest || (line.from !== "any" && sent.at < origin + line.time - this.script.tolerance)) {
      throw new Mismatch(`at ${(sent.at - origin) / 1e6} s: ${got}`);
    }
    const { segment } = sent;
    const relative = (segment.seq - (this.#localIsn ?? 0)) >>> 0;
    const wrong =
      // PSH is advice (RFC 9293 3.9.1.2): Linux sets it more often than at the end of what was written.
      (segment.flags & ~tcp.PSH) !== (packet.flags & ~tcp.PSH) ||
      (segment.flags & tcp.RST && !(segment.flags & tcp.ACK)
        ? false
        : relative !== (packet.flags & tcp.SYN && !this.script.strict ? 0 : packet.seq)) ||
      segment.payload.length !== packet.length ||
      (packet.ecn === "ect01"
        ? segment.ecn !== 1 && segment.ecn !== 2
        : packet.ecn !== undefined && segment.ecn !== CODEPOINTS[packet.ecn]) ||
      (packet.ack !== undefined && segment.ack !== this.#ackOf(packet)) ||
      (packet.window !== undefined && segment.window !== packet.window) ||
      (packet.options !== undefined && !this.#sameOptions(segment, packet.options));
    if (wrong) throw new Mismatch(`sent ${got}`);
    if (segment.timestamps) this.#timestamps = segment.tsVal;
  }

  #isCurrent({ sourcePort, destinationPort }: tcp.Segment): boolean {
    return sourcePort === this.#localPort && destinationPort === this.#remotePort;
  }

  #ackOf({ flags, ack = 0 }: Packet): number {
    return flags & tcp.SYN ? ack : this.#theirs(ack);
  }

  /** Acknowledgements of the pieces of one segment: the card of the script would have put the pieces together. */
  #skipPartial(packet: Packet): void {
    const bare = (sent: Sent | undefined) =>
      sent?.segment.flags === tcp.ACK && sent.segment.payload.length === 0;
    if (packet.length > 0 || packet.flags !== tcp.ACK) return;
    while (bare(this.#sent[0]) && bare(this.#sent[1]) && this.#sent[0]!.at === this.#sent[1]!.at) {
      if (this.#sent[0]!.segment.ack === this.#ackOf(packet)) return;
      this.#sent.shift();
    }
  }

  /** The next segment; those that go on where it ends are one with it, as a card that cuts large segments sees them. */
  #take(packet: Packet): Sent | undefined {
    // What belongs to another connection than the newest is not looked at (packetdrill's socket under test).
    while (this.#sent.length > 0 && !this.script.strict && !this.#isCurrent(this.#sent[0]!.segment))
      this.#sent.shift();
    this.#skipPartial(packet);
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
    if (segment.fastOpen) {
      const { cookie, experimental } = segment.fastOpen;
      names.push(`${experimental ? "FOEXP" : "FO"} ${Buffer.from(cookie).toString("hex")}`);
    }
    for (let i = 0; i < segment.sack.length; i += 2)
      names.push(`sack ${segment.sack[i]}:${segment.sack[i + 1]}`);
    const wanted = expected.flatMap(({ name, values, cookie }) => {
      if (cookie) return [`${name} ${Buffer.from(cookie).toString("hex")}`];
      if (name === "TS" || name === "sackOK") return [name];
      if (name !== "sack") return [`${name} ${values[0]}`];
      return Array.from(
        { length: values.length / 2 },
        (_, i) => `sack ${this.#theirs(values[2 * i]!)}:${this.#theirs(values[2 * i + 1]!)}`,
      );
    });
    const sort = (list: string[]) => [...list].sort().join();
    return sort(names) === sort(wanted);
  }

  #show(segment: tcp.Segment): string {
    return `${tcp.showSegment({ ...segment, seq: (segment.seq - (this.#localIsn ?? 0)) >>> 0 })} at ${this.#now / 1e6} s`;
  }

  // --- assertions ----------------------------------------------------------------------------------------------------

  /** Linux's names for what our TCP has too, of the connection that was made last. */
  #facts(): Record<string, number> {
    const c = this.#connection ?? this.stack.connections().at(-1);
    if (c === undefined) return {};
    const { mss } = c.snd;
    const { cwnd, ssthresh, phase, dupAcks } = c.congestion;
    return {
      tcpi_snd_cwnd: Math.floor(cwnd / mss),
      tcpi_snd_ssthresh: ssthresh >= 2 ** 30 ? 0x7fffffff : Math.floor(ssthresh / mss),
      tcpi_snd_mss: mss,
      tcpi_advmss: c.ourMss - (c.timestamps.on ? 12 : 0),
      tcpi_unacked: Math.ceil(flightSize(c) / mss),
      tcpi_state: LINUX_STATES[c.state]!,
      tcpi_ca_state:
        phase === "open" && (dupAcks > 0 || !c.scoreboard.empty) ? 1 : { open: 0, fast: 3, loss: 4 }[phase],
      tcpi_sacked: c.rack.sacked,
      tcpi_retransmits: c.retries,
      tcpi_rcv_mss: c.rcv.mss,
      tcpi_rto: c.rtt.rto,
      tcpi_rtt: Math.max(0, c.rtt.srtt),
      tcpi_min_rtt: c.rack.minRtt,
      tcpi_probes: c.probes,
      tcpi_notsent_bytes: c.sendBuffer.length - Math.min(c.sendBuffer.length, flightSize(c)),
      tcpi_backoff: c.retries,
      tcpi_total_retrans: c.repeated,
      tcpi_options:
        (c.timestamps.on ? LINUX_NAMES.TCPI_OPT_TIMESTAMPS! : 0) |
        (c.sack ? LINUX_NAMES.TCPI_OPT_SACK! : 0) |
        (c.scaling ? LINUX_NAMES.TCPI_OPT_WSCALE! : 0) |
        (c.fast?.taken ? LINUX_NAMES.TCPI_OPT_SYN_DATA! : 0),
    };
  }

  /** The newest, also when it is over. */
  #connection: Connection | undefined;

  /** The Python of scripts is one of assignments and comparisons. What uses names that we have not is skipped. */
  #assert(code: string): void {
    for (const each of code.split(/[\n;]/).map((part) => part.trim())) {
      if (each === "" || each.startsWith("#") || each.startsWith("print")) continue;
      const known: Record<string, number> = { ...LINUX_NAMES, ...this.#facts(), ...this.#names };
      const evaluate = (text: string): number | boolean | undefined => {
        const words = text.match(/[A-Za-z_]\w*/g) ?? [];
        if (!words.every((word) => word in known || word === "and" || word === "or")) return undefined;
        const expression = text
          .replace(/[A-Za-z_]\w*/g, (word) =>
            word === "and" ? "&&" : word === "or" ? "||" : `(${known[word]})`,
          )
          .replaceAll(/([^=!<>])==([^=])/g, "$1===$2");
        if (!/^[\d\s()+\-*/%&|<>=!.xa-f]*$/.test(expression)) return undefined;
        return new Function(`return (${expression});`)() as number | boolean;
      };
      const assignment = /^(\w+)\s*(\+?)=\s*([^=].*)$/.exec(each);
      if (assignment && !each.startsWith("assert")) {
        const [, name = "", add, text = ""] = assignment;
        const value = evaluate(text);
        if (value === undefined || (add && !(name in this.#names))) this.skipped++;
        else this.#names[name] = Number(value) + (add ? this.#names[name]! : 0);
        continue;
      }
      const [, condition = ""] = /^assert\s+(.*?)(?:,.*)?$/.exec(each) ?? [];
      const holds = condition === "" ? undefined : evaluate(condition);
      if (holds === undefined) this.skipped++;
      else if (!holds) throw new Mismatch(`assert ${condition} with ${JSON.stringify(this.#facts())}`);
    }
  }

  get #started(): boolean {
    return this.#sockets.size > 0;
  }

  // --- calls ---------------------------------------------------------------------------------------------------------

  #call(line: Line, call: Call): void {
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

  #blocked: { call: Call; line: Line }[] = [];

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

  #waitFor(call: Call): number | Reason {
    const latest = this.#now + this.script.tolerance;
    let answer = this.#answer(call);
    while (answer === "would-block" && this.stack.deadline() <= latest) {
      this.#passTo(this.stack.deadline());
      answer = this.#answer(call);
    }
    return answer;
  }

  #check(call: Call, answer: number | Reason): void {
    if (call.expected === "-1" && call.errno === undefined && typeof answer !== "number") return;
    const told = typeof answer === "number" ? String(answer) : `-1 ${errnoOf[answer] ?? answer}`;
    const wanted = call.expected === "-1" ? `-1 ${call.errno}` : String(Number(call.expected));
    if (call.expected !== "..." && told !== wanted) throw new Mismatch(`${call.name} answered ${told}`);
  }

  /** `words` name the flags of a call that sends: those of which our stack knows nothing cannot be had. */
  #send(call: Call, held: Held, length: number, flags: string): number | Reason {
    const { socket } = held;
    const unknown = /\bMSG_(?!NOSIGNAL|DONTWAIT|FASTOPEN)\w+/.exec(flags);
    if (unknown) throw new Unsupported(`${call.name} with ${unknown[0]}`);
    const blocks = held.blocking && !flags.includes("MSG_DONTWAIT");
    if (/MSG_FASTOPEN|0x20000000/.test(flags) && socket.remote === undefined) {
      if (!(this.script.fastOpen & FAST_OPEN_BITS.client)) return "not-supported";
      socket.options.fastOpen = 1;
    }
    const { done } = call;
    if (/MSG_FASTOPEN|0x20000000/.test(flags) && !isConnected(socket) && done === 0) {
      const reason = socket.connect(this.script.remote, SERVICE);
      if (reason !== "connected" && !(blocks && reason === "in-progress")) return reason!;
    }
    // Linux lets programs write when the handshake is over, our TCP keeps what is written before for then.
    const opening = (): boolean => {
      const { connection } = socket as TcpSocket;
      return connection?.state === TcpState.SYN_SENT && !connection.fast?.waits;
    };
    if (opening() && !blocks) return "would-block";
    const begins = length === 0 && !blocks && (socket as TcpSocket).connection?.fast?.waits;
    const result = done < length || length === 0 ? socket.send(new Uint8Array(length - done).fill(120)) : 0;
    if (result === "not-connected" && (socket as TcpSocket).connection) return "closed"; // EPIPE, says POSIX
    if (typeof result === "string" && result !== "would-block") return result;
    if (begins) return "in-progress";
    call.done += result === "would-block" ? 0 : result;
    if (blocks) {
      const { error } = socket;
      if (error !== undefined) return socket.takeError()!;
      return call.done < length || opening() ? "would-block" : call.done;
    }
    return result === "would-block" && call.done === 0 ? result : call.done;
  }

  #answer(call: Call): number | Reason {
    const { name, words, expected } = call;
    if (name === "socket") {
      if (!words[1]!.includes("SOCK_STREAM")) throw new Unsupported("a socket that is no stream");
      if (expected === "-1") throw new Unsupported("a socket of an impossible kind");
      const number = Number(expected);
      this.#sockets.set(number, {
        socket: this.stack.sockets.stream(),
        blocking: !words[1]!.includes("NONBLOCK"),
      });
      return number;
    }
    if (name === "epoll_create") {
      this.#interest.set(Number(expected), new Map());
      return Number(expected);
    }
    if (name === "epoll_ctl") return this.#watch(words);
    if (name === "epoll_wait") return this.#waitForEvents(words.join(), Number(words[0]));
    if (name === "poll") return this.#poll(words.join());
    const held = this.#sockets.get(Number(words[0]));
    if (held === undefined) throw new Unsupported(`${name} on ${words[0]}`);
    const { socket } = held;
    const done = (reason: Reason | undefined): number | Reason => reason ?? 0;
    switch (name) {
      case "bind":
        return done(
          socket.bind(typeof this.script.local === "number" && !this.script.mapped ? 0 : ANY6, SERVICE),
        );
      case "listen":
        if ((this.script.fastOpen & LISTENERS) === LISTENERS && !socket.options.fastOpen)
          socket.options.fastOpen = Number(words[1]);
        return done(socket.listen(Number(words[1])));
      case "connect": {
        const reason = socket.connect(this.script.remote, SERVICE)!;
        if (reason === "connected" && held.told) return "connected";
        if (reason === "connected") held.told = true;
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
        return this.#send(call, held, Number(words[2]), words[3] ?? "");
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
      case "sendto":
        if (words[1] === "NULL") throw new Unsupported("bad pointers");
        if (!/NULL|0|\.\.\./.test(words[4] ?? "NULL")) throw new Unsupported(`sendto ${words[4]}`);
        return this.#send(call, held, Number(words[2]), words[3]!);
      case "getsockopt":
        return this.#getOption(socket, words);
      case "recvfrom":
        return socket.receive(new Uint8Array(Number(words[2])));
      case "sendmsg":
      case "writev":
        return this.#send(call, held, piecesOf(words.join()), words.join().replace(/msg_flags=\w+/g, ""));
      case "recvmsg":
      case "readv":
        return this.#receivePieces(socket, words.join());
      case "poll":
        return this.#poll(words.join());
      case "ioctl":
        return this.#inquire(socket, words);
      case "fcntl":
        if (words[1] === "F_SETFL") held.blocking = !words[2]!.includes("O_NONBLOCK");
        return words[1] === "F_GETFL" ? Number(expected) || 2 : 0;
      default:
        throw new Unsupported(`call ${name}`);
    }
  }

  #receivePieces(socket: Socket, text: string): number | Reason {
    const got = socket.receive(new Uint8Array(piecesOf(text)));
    const [, told] = /cmsg_type=TCP_CM_INQ,\s*cmsg_data=(\d+)/.exec(text) ?? [];
    const { connection } = socket as TcpSocket;
    // Linux counts the end of the stream as one more.
    const left = socket.available + (connection && hasFinished(connection) && socket.available === 0 ? 1 : 0);
    if (told !== undefined && typeof got === "number" && Number(told) !== left)
      throw new Mismatch(`recvmsg told of ${left} bytes more`);
    return got;
  }

  #inquire(socket: Socket, words: string[]): number {
    if (words[1] !== "SIOCINQ") throw new Unsupported(`ioctl ${words[1]}`);
    const wanted = Number(/\d+/.exec(words[2]!)![0]);
    if (socket.available !== wanted) throw new Mismatch(`SIOCINQ gave ${socket.available}`);
    return 0;
  }

  /** What each epoll instance watches: sockets with the events, what was told last, and what has come since. */
  readonly #interest = new Map<number, Map<number, Interest>>();

  /** `5, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}` */
  #watch(words: string[]): number {
    const [instance, verb, fd] = [Number(words[0]), words[1], Number(words[2])];
    const list = this.#interest.get(instance);
    const held = this.#sockets.get(fd);
    if (list === undefined || held === undefined) throw new Unsupported(`epoll_ctl on ${words[2]}`);
    if (verb === "EPOLL_CTL_DEL") {
      list.delete(fd);
      return 0;
    }
    const wanted = eventsIn(words.slice(3).join());
    for (const name of wanted) if (!KNOWN_EVENTS.has(name)) throw new Unsupported(`epoll with ${name}`);
    const interest: Interest = { wanted, told: new Set(), news: true };
    list.set(fd, interest);
    held.socket.onChange = () => {
      interest.news = true;
    };
    return 0;
  }

  #waitForEvents(text: string, instance: number): number {
    for (const [fd, interest] of this.#interest.get(instance) ?? []) {
      const { socket } = this.#sockets.get(fd)!;
      const ready = eventsOf(socket).filter(
        (name) => interest.wanted.has(name) || name === "EPOLLHUP" || name === "EPOLLERR",
      );
      const edge = interest.wanted.has("EPOLLET");
      if (ready.length === 0 || (edge && !interest.news)) {
        interest.news = false;
        continue;
      }
      interest.news = false;
      const expected = [...eventsIn(text)].sort().join("|");
      if (expected !== ready.toSorted().join("|")) throw new Mismatch(`epoll_wait told ${ready.join("|")}`);
      return 1;
    }
    return 0;
  }

  /** `[{fd=4, events=POLLIN, revents=POLLIN}], 1, 0` */
  #poll(text: string): number | Reason {
    let count = 0;
    for (const [, fd, events, revents] of text.matchAll(/fd=(\d+),\s*events=([\w|]+),\s*revents=([\w|]+)/g)) {
      const held = this.#sockets.get(Number(fd));
      if (held === undefined) throw new Unsupported(`poll on ${fd}`);
      const wanted = new Set(events!.split("|").map((name) => `E${name}`));
      const ready = eventsOf(held.socket).filter(
        (name) => wanted.has(name) || name === "EPOLLHUP" || name === "EPOLLERR",
      );
      if (ready.length === 0) continue;
      count++;
      const told = ready
        .map((name) => name.slice(1))
        .sort()
        .join("|");
      if (told !== revents!.split("|").sort().join("|")) throw new Mismatch(`poll told ${told}`);
    }
    return count > 0 || / 0$|,0$/.test(text.trim()) ? count : "would-block";
  }

  #getOption(socket: Socket, words: string[]): number {
    const told = /\[(\w+)\]/.exec(words[3] ?? "")?.[1];
    const connection = (socket as TcpSocket).connection;
    let value: number | string | undefined;
    if (words[2] === "SO_ERROR") {
      const reason = socket.takeError();
      value = reason === undefined ? 0 : (errnoOf[reason] ?? reason);
    } else if (words[2] === "TCP_MAXSEG") value = connection?.snd.mss ?? (socket.options.maxSegment || 536);
    else throw new Unsupported(`getsockopt ${words[2]}`);
    if (told !== undefined && told !== String(value))
      throw new Mismatch(`getsockopt ${words[2]} gave ${value}`);
    return 0;
  }

  get #settings(): Writable<TcpSettings> {
    return this.stack.tcpSettings as Writable<TcpSettings>;
  }

  #setOption(socket: Socket, words: string[]): number | Reason {
    const value = Number(/\[(-?\d+)\]/.exec(words[3] ?? "")?.[1]);
    const { options } = socket;
    switch (words[2]) {
      case "SO_REUSEADDR":
        options.reuseAddress = value !== 0;
        return 0;
      case "TCP_NODELAY":
        options.noDelay = value !== 0;
        return 0;
      case "SO_KEEPALIVE":
        options.keepAlive = value !== 0;
        return 0;
      case "TCP_USER_TIMEOUT":
        options.userTimeout = value * 1000;
        return 0;
      case "IP_TOS":
      case "IPV6_TCLASS":
        options.tos = value;
        return 0;
      case "IP_TTL":
      case "IPV6_UNICAST_HOPS":
        options.ttl = value;
        return 0;
      case "SO_SNDBUF":
      case "SO_RCVBUF":
        // Buffers are the stack's here; `parseTimeline` has looked for the size. Linux doubles it (socket(7)).
        if (words[2] === "SO_SNDBUF" && 2 * value === this.stack.tcpSettings.sendBuffer) return 0;
        break;
      case "TCP_MAXSEG":
        options.maxSegment = value;
        return 0;
      case "TCP_FASTOPEN":
        if (this.script.fastOpen & FAST_OPEN_BITS.server) options.fastOpen = value;
        return 0;
      case "TCP_FASTOPEN_CONNECT":
        if (!(this.script.fastOpen & FAST_OPEN_BITS.client)) return "not-supported";
        options.fastOpen = value;
        return 0;
      // Of the stack here, not of the socket.
      case "TCP_SYNCNT":
        this.#settings.synRetries = value;
        return 0;
      case "TCP_KEEPIDLE":
        this.#settings.keepAliveIdle = value * 1_000_000;
        return 0;
      case "TCP_KEEPINTVL":
        this.#settings.keepAliveInterval = value * 1_000_000;
        return 0;
      case "TCP_KEEPCNT":
        this.#settings.keepAliveProbes = value;
        return 0;
      case "TCP_INQ": // asks for what `recvmsg` tells in any case
        return 0;
      case "IP_MTU_DISCOVER": // ours always finds out
      case "IP_RECVERR":
        return 0;
    }
    throw new Unsupported(`setsockopt ${words[2]}`);
  }
}

/** Given to a program, and its handshake is not in the hands of the peer alone. */
function isConnected(socket: Socket): boolean {
  const { connection } = socket as TcpSocket;
  return connection?.snd.synAcked === true;
}

const LISTENERS = FAST_OPEN_BITS.server | FAST_OPEN_BITS.listeners;

interface Interest {
  wanted: Set<string>;
  told: Set<string>;
  news: boolean;
}
/** Bytes in `{..., 40}, {..., 20}` together. */
const piecesOf = (text: string): number =>
  Array.from(text.matchAll(/\{\s*\.\.\.\s*,\s*(\d+)\s*\}/g), ([, length]) => Number(length)).reduce(
    (a, b) => a + b,
    0,
  );

/** The TCP or, of an IPv6 packet, the same; nothing of other protocols. */
function payloadOf(frame: Uint8Array): { bytes: Uint8Array; tos: number } | undefined {
  const type = ethernet.typeOf(frame);
  if (type === ethernet.TYPE_IPV4) {
    const packet = ipv4.read(frame.subarray(14));
    return packet.protocol === 6 ? { bytes: packet.payload, tos: packet.tos } : undefined;
  }
  if (type !== ethernet.TYPE_IPV6) return undefined;
  const packet = ipv6.read(frame.subarray(14));
  return packet.nextHeader === 6 ? { bytes: packet.payload, tos: packet.trafficClass } : undefined;
}

const CODEPOINTS: Record<string, number> = { noecn: 0, ect1: 1, ect0: 2, ce: 3 };
/** @param settings what differs from the defaults of this runner, which are near to Linux's */
export function runTimeline(text: string, settings: Partial<TcpSettings> = {}, strict = true): Outcome {
  let at = "";
  let run: Run | undefined;
  const skippedAssertions = (): number => run?.skipped ?? 0;
  try {
    const script = parseTimeline(text);
    // What is set before the first socket is there is how the host is set up.
    for (const { event } of script.lines) {
      if (event.kind === "call") break;
      if (event.kind === "sysctl")
        for (const [name, value] of event.settings) applySysctl(name, value, script.settings, script);
    }
    Object.assign(script.settings, settings);
    script.strict = strict;
    run = new Run(script);
    for (const line of script.lines) {
      at = `line ${line.number}: ${line.text}: `;
      run.line(line);
    }
    run.finish();
    return { result: "passed", skippedAssertions: skippedAssertions() };
  } catch (error) {
    const counted = { skippedAssertions: skippedAssertions() };
    if (error instanceof Unsupported) return { result: "unsupported", reason: error.message, ...counted };
    if (error instanceof Mismatch) return { result: "failed", reason: `${at}${error.message}`, ...counted };
    throw error;
  }
}
