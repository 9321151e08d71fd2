/**
 * A network with everything on it, two stations that talk honestly, and one who sends whatever he likes: frames that were seen,
 * changed and with their sums made right again, and connections of his own in which he keeps to no rule but one: each byte he
 * sends is that of its place in the stream, so that whatever is taken of it can be told right from wrong.
 */
import { ManualClock, type Micros, MS, Random, SECOND } from "../../src/base/index.ts";
import { makeService, serviceKinds } from "../../src/lab/services.ts";
import {
  ANY6,
  Gateway,
  MemoryOutside,
  macFor,
  Nic,
  type Port,
  parseAddress,
  parseNetwork6,
  Router,
  type Socket,
  Stack,
  Switch,
  tap,
} from "../../src/net/index.ts";
import { finish, pseudoHeader, sum } from "../../src/net/wire/checksum.ts";
import * as ethernet from "../../src/net/wire/ethernet.ts";
import * as ipv4 from "../../src/net/wire/ipv4.ts";
import { writeRoute } from "../../src/net/wire/source-route.ts";
import * as tcp from "../../src/net/wire/tcp.ts";

export interface Report {
  /** Frames the attacker has sent. */
  frames: number;
  /** Bytes that went between the honest two, each looked at. */
  honest: number;
  /** Bytes that the victim has taken of the attacker's streams, each looked at. */
  taken: number;
  /** The attacker's connections that were accepted. */
  accepted: number;
  /** The most connections that the victim held at once. */
  most: number;
  virtualSeconds: number;
}

const VICTIM = parseAddress("10.0.2.15")!;
const FRIEND = parseAddress("10.0.2.16")!;
const SERVER = parseAddress("10.0.2.3")!;
const ATTACKER = parseAddress("10.0.2.66")!;
const ATTACKER_MAC = 0x525400000066;
/** Connections that a listener may hold, complete and not: what memory is bounded by. */
const BACKLOG = 32;
const HALF_OPEN = 64;
const HELD = 16;
const ORPHANS = 500;
const EARLY = 8;
/** And the honest one, and those that have ended since the last look. */
const MOST = BACKLOG + HALF_OPEN + HELD + ORPHANS + EARLY + 16;

const byteAt = (place: number): number => (place * 31 + (place >>> 8) * 7) & 255;
const piece = (from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => byteAt(from + i));

/** Throws when the stack takes what was not sent, holds too much, or breaks; else goes on until `enough`. */
export function attack(seed: number, enough: (report: Readonly<Report>) => boolean): Report {
  const random = new Random(seed);
  const clock = new ManualClock();
  const report: Report = { frames: 0, honest: 0, taken: 0, accepted: 0, most: 0, virtualSeconds: 0 };
  const board = new Switch({ clock });
  const inner = new Switch({ clock });
  const seen: Uint8Array[] = [];
  const moving: { poll(now: Micros): boolean }[] = [];

  const station = (address: number, six: string, tcpSettings = {}): Stack => {
    const port: Port = tap(board.plug(), (frame) => {
      if (seen.length < 3000) seen.push(frame);
      else if (random.below(50) === 0) seen[random.below(seen.length)] = frame;
    });
    const stack = new Stack({
      nics: [new Nic({ port, mac: macFor(address) })],
      random: new Random(seed + moving.length),
      tcp: tcpSettings,
    });
    stack.configure(0, { address, mask: 0xffffff00, gateway: parseAddress("10.0.2.2")! });
    stack.configure6(0, { addresses: [parseNetwork6(six)!], duplicateDetection: 0 });
    moving.push(stack);
    return stack;
  };
  const victim = station(VICTIM, "fd00::15/64", { halfOpen: HALF_OPEN, orphans: ORPHANS });
  const friend = station(FRIEND, "fd00::16/64");
  const server = station(SERVER, "fd00::3/64", { halfOpen: HALF_OPEN, orphans: ORPHANS });
  // Who believes ARP can be robbed of his neighbour; that is no matter of TCP's.
  victim.setNeighbour(0, FRIEND, macFor(FRIEND));
  friend.setNeighbour(0, VICTIM, macFor(VICTIM));
  for (const stack of [victim, server]) stack.setNeighbour(0, ATTACKER, ATTACKER_MAC);
  for (const kind of serviceKinds) {
    const wish = kind === "dhcp" ? { first: SERVER + 97, last: SERVER + 107 } : {};
    moving.push(makeService(kind, wish as never, { stack: server }));
  }
  moving.push(
    new Router({
      clock,
      random: new Random(seed),
      sourceRoutes: true,
      interfaces: [
        { port: board.plug(), address: "10.0.2.4/24", address6: "fd00::4/64" },
        { port: inner.plug(), address: "10.0.9.1/24", nat: true },
      ],
    }),
    new Gateway({
      port: board.plug(),
      outside: new MemoryOutside({ clock, hosts: ["192.0.2.80"] }),
      random: new Random(seed),
      outbound: true,
      maxConnections: 100,
      maxExchanges: 100,
    }),
  );
  inner.plug();
  const bad = board.plug("bad");

  // --- the victim's programs ---

  const listener = victim.sockets.stream();
  listener.options.fastOpen = EARLY;
  listener.bind(ANY6, 80);
  listener.listen(BACKLOG);
  /** The attacker's accepted connections, with the place of the next byte to be read. */
  let held: { socket: Socket; place: number }[] = [];
  const echo = victim.sockets.datagram();
  echo.bind(ANY6, 7);
  const sniffers = [victim.sockets.raw(1), victim.sockets.raw(58), victim.sockets.packet(0)];
  const buffer = new Uint8Array(65536);

  const serve = (): void => {
    for (let peer = listener.accept(); typeof peer === "object"; peer = listener.accept()) {
      held.push({ socket: peer, place: 0 });
      report.accepted++;
    }
    for (const each of held) {
      for (
        let got = each.socket.receive(buffer);
        typeof got === "number" && got > 0;
        got = each.socket.receive(buffer)
      ) {
        for (let i = 0; i < got; i++)
          if (buffer[i] !== byteAt(each.place + i))
            throw new Error(
              `seed ${seed}, frame ${report.frames}: byte ${each.place + i} is not what was sent`,
            );
        each.place += got;
        report.taken += got;
        each.socket.send(buffer.subarray(0, random.below(got + 1)));
      }
      if (random.below(200) === 0) each.socket.close();
      if (random.below(400) === 0) each.socket.abort();
    }
    while (held.length > HELD) held.shift()!.socket.close();
    held = held.filter(({ socket }) => !socket.closed);
    for (
      let datagram = echo.receiveDatagram();
      typeof datagram === "object";
      datagram = echo.receiveDatagram()
    )
      echo.send(datagram.payload, datagram.from);
    for (const socket of sniffers) while (typeof socket.receive(buffer) === "number");
  };

  // --- the honest two ---

  const home = victim.sockets.stream();
  home.bind(VICTIM, 5001);
  home.listen(1);
  let ends: { socket: Socket; sent: number; got: number }[] = [];
  const talk = (): void => {
    if (ends.length === 0) {
      const socket = friend.sockets.stream();
      socket.connect(VICTIM, 5001);
      ends = [{ socket, sent: 0, got: 0 }];
    }
    const accepted = home.accept();
    if (typeof accepted === "object") ends.push({ socket: accepted, sent: 0, got: 0 });
    for (const end of ends) {
      const { error } = end.socket;
      if (error)
        throw new Error(`seed ${seed}, frame ${report.frames}: the honest connection ended: ${error}`);
      const sent = end.socket.send(piece(end.sent, 1000));
      if (typeof sent === "number") end.sent += sent;
      for (
        let got = end.socket.receive(buffer);
        typeof got === "number" && got > 0;
        got = end.socket.receive(buffer)
      ) {
        for (let i = 0; i < got; i++)
          if (buffer[i] !== byteAt(end.got + i))
            throw new Error(`seed ${seed}, frame ${report.frames}: honest byte ${end.got + i} is wrong`);
        end.got += got;
        report.honest += got;
      }
    }
  };

  const settle = (): void => {
    for (let round = 0, moved = true; moved; round++) {
      if (round > 10_000) throw new Error(`seed ${seed}, frame ${report.frames}: never quiet`);
      moved = false;
      for (const each of moving) if (each.poll(clock.now())) moved = true;
    }
  };

  // --- the attacker ---

  interface Flow {
    port: number;
    to: number;
    service: number;
    iss: number;
    /** The peer's next number, once it has answered. */
    peer: number | undefined;
    sent: number;
  }
  let flows: Flow[] = [];
  let nextPort = 1024;
  const put = (frame: Uint8Array): void => {
    bad.send(frame);
    report.frames++;
  };
  const say = (flow: Flow, fields: Partial<tcp.Segment>): void => {
    const segment = {
      ...tcp.emptySegment,
      sourcePort: flow.port,
      destinationPort: flow.service,
      window: random.below(0x10000),
      ...fields,
    };
    const payload = new Uint8Array(tcp.lengthOf(segment));
    tcp.write(segment, ATTACKER, flow.to, payload);
    put(packet(flow.to, payload));
  };
  const packet = (to: number, payload: Uint8Array): Uint8Array => {
    const whole: ipv4.Ipv4 = {
      ...{
        tos: random.below(4),
        identification: random.below(0x10000),
        dontFragment: false,
        moreFragments: false,
      },
      ...{ fragmentOffset: 0, ttl: 64, protocol: 6, source: ATTACKER, destination: to },
      options: random.below(8) > 0 ? new Uint8Array(0) : byWays(),
      payload,
    };
    const frame = new Uint8Array(14 + ipv4.lengthOf(whole));
    ethernet.writeHeader(frame, macFor(to), ATTACKER_MAC, ethernet.TYPE_IPV4);
    ipv4.write(whole, frame.subarray(14));
    return frame;
  };
  /** Options that name gateways, those passed and those to come, or that make no sense. */
  const byWays = (): Uint8Array => {
    const hops = [ATTACKER, VICTIM, SERVER, FRIEND, 0x0a000204, 0x0a0002ff, 0xe0000001, random.u32()];
    const gateways = Array.from({ length: 1 + random.below(9) }, () => hops[random.below(hops.length)]!);
    const options = writeRoute({ strict: random.below(2) === 0, gateways }, hops[random.below(hops.length)]!);
    options[3] = random.below(3) === 0 ? random.below(48) : options[2]! + 1;
    return options;
  };
  const services = [7, 9, 13, 19, 21, 25, 80];
  const opens = (): void => {
    nextPort = nextPort >= 60_000 ? 1024 : nextPort + 1;
    const ours = random.below(3) > 0;
    const flow: Flow = {
      port: nextPort,
      to: ours ? VICTIM : SERVER,
      service: ours ? 80 : services[random.below(services.length)]!,
      iss: random.u32(),
      peer: undefined,
      sent: 0,
    };
    flows.push(flow);
    if (flows.length > 40) flows.shift();
    const early = random.below(4) === 0 ? piece(0, random.below(600)) : undefined;
    const cookie = new Uint8Array(random.below(3) * 4);
    say(flow, {
      seq: flow.iss,
      flags: tcp.SYN | (random.below(20) === 0 ? tcp.ECE | tcp.CWR : 0),
      mss: random.below(4) === 0 ? random.below(100) : 1460,
      scale: random.below(17) - 1,
      sackPermitted: random.below(2) === 0,
      ...(early && { payload: early, fastOpen: { cookie, experimental: false } }),
    });
  };
  const NOISE = [0, tcp.SYN, tcp.FIN, tcp.RST, tcp.URG, tcp.PSH, tcp.SYN | tcp.FIN, tcp.ECE];
  const misbehaves = (flow: Flow): void => {
    const from = Math.max(0, flow.sent - random.below(5000) + random.below(3000));
    const length = random.below(3) === 0 ? 0 : random.below(1461);
    const wild = random.below(12) === 0;
    const sack = Array.from({ length: 2 * random.below(4) }, () => (flow.peer! - random.below(4000)) >>> 0);
    const noise = random.below(5) === 0 ? NOISE[random.below(8)]! : 0;
    const flags = random.below(20) === 0 ? random.below(256) : tcp.ACK | noise;
    say(flow, {
      seq: wild ? random.u32() : (flow.iss + 1 + from) >>> 0,
      ack: random.below(12) === 0 ? random.u32() : (flow.peer! - random.below(2) * random.below(3000)) >>> 0,
      flags: flags & tcp.SYN ? flags | tcp.ACK : flags, // without ACK it would begin another connection, its bytes counted anew
      urgent: random.below(0x10000),
      sack,
      // A byte out of its place would be believed in its own connection; so where numbers are wild there is none.
      payload: wild ? new Uint8Array(0) : piece(from, length),
    });
    flow.sent = Math.max(flow.sent, from + length);
  };
  const hears = (frame: Uint8Array): void => {
    if (ethernet.typeOf(frame) !== ethernet.TYPE_IPV4) return;
    const heard = ipv4.read(frame.subarray(14));
    if (heard.destination !== ATTACKER || heard.protocol !== 6) return;
    const segment = tcp.read(heard.payload);
    const flow = flows.find(({ port, to }) => port === segment.destinationPort && to === heard.source);
    if (flow === undefined || segment.flags & tcp.RST) return;
    const next = (segment.seq + tcp.sequenceLength(segment)) >>> 0;
    if (flow.peer === undefined || ((next - flow.peer) | 0) > 0) flow.peer = next;
    if (segment.flags & tcp.SYN && random.below(10) > 0)
      say(flow, { seq: (flow.iss + 1) >>> 0, ack: flow.peer, flags: tcp.ACK });
  };
  const repeats = (): void => {
    const frame = seen[random.below(seen.length)]!.slice(
      0,
      random.below(10) === 0 ? 14 + random.below(100) : undefined,
    );
    for (let hits = random.below(6); hits > 0 && frame.length > 14; hits--)
      frame[12 + random.below(frame.length - 12)] = random.below(2) === 0 ? random.u32() : 0xff;
    ethernet.writeHeader(frame, macOf(frame), ATTACKER_MAC, ethernet.typeOf(frame));
    if (random.below(4) > 0) repair(frame);
    if (concerns(frame)) return;
    put(frame);
  };
  /** Who sees the honest two's numbers can speak for them: here he guesses. */
  const concerns = (frame: Uint8Array): boolean => {
    if (frame.length < 34 || ethernet.typeOf(frame) !== ethernet.TYPE_IPV4) return false;
    const words = [26, 30].map((at) => new DataView(frame.buffer, frame.byteOffset).getUint32(at));
    if (words[0] === ATTACKER && frame[23] === 6) return true; // its bytes would be out of their place
    if (!words.every((word) => word === VICTIM || word === FRIEND) && frame[23] !== 1) return false;
    const header = 14 + (frame[14]! & 15) * 4;
    if (frame.length < header + 20) return true;
    if (frame[23] !== 6) return frame[23] === 1 && frame[header]! !== 8;
    for (let i = 4; i < 12; i++) frame[header + i] = random.u32();
    repair(frame);
    put(frame);
    return true;
  };

  settle();
  talk();
  settle();
  while (!enough(report)) {
    for (let burst = 0; burst < 40; burst++) {
      const flow = flows[random.below(Math.max(1, flows.length))];
      const deed = random.below(10);
      if (deed < 4) repeats();
      else if (deed < 5 || flow?.peer === undefined) opens();
      else misbehaves(flow);
    }
    settle();
    for (let frame = bad.receive(); frame; frame = bad.receive()) hears(frame);
    serve();
    talk();
    settle();
    report.most = Math.max(report.most, victim.connections().length);
    if (victim.connections().length > MOST)
      throw new Error(`seed ${seed}, frame ${report.frames}: ${victim.connections().length} connections`);
    clock.advance(random.below(20) === 0 ? random.below(3 * SECOND) : random.below(20 * MS));
    report.virtualSeconds = Math.round(clock.now() / SECOND);
    if (random.below(500) === 0) flows = [];
  }
  if (report.honest === 0) throw new Error(`seed ${seed}: the honest two have not come to speak`);
  return report;
}

const macOf = (frame: Uint8Array): number => ethernet.destinationOf(frame);

/** Makes lengths and checksums right again, so that nonsense gets deeper. */
function repair(frame: Uint8Array): void {
  if (frame.length < 34 || ethernet.typeOf(frame) !== ethernet.TYPE_IPV4) return;
  const header = (frame[14]! & 15) * 4;
  if (header < 20 || 14 + header > frame.length) return;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint16(16, frame.length - 14);
  view.setUint16(24, 0);
  view.setUint16(24, finish(sum(frame, 14, 14 + header)));
  const start = 14 + header;
  const at = { 6: 16, 17: 6, 1: 2 }[frame[23]!];
  if (at === undefined || start + at + 2 > frame.length) return;
  view.setUint16(start + at, 0);
  const ends = [view.getUint32(26), view.getUint32(30)] as const;
  const base = frame[23] === 1 ? 0 : pseudoHeader(...ends, frame[23]!, frame.length - start);
  view.setUint16(start + at, finish(base + sum(frame, start, frame.length)));
}
