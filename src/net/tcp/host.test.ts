/** TCP as a whole station has it: floods, urgent data, what a program may set and is told (RFC 9293 3.8 and 3.9). */
import { describe, expect, test } from "vitest";
import {
  arpFrame,
  bare,
  type Hand,
  ipFrame,
  OUR_MAC,
  PEER,
  PEER_MAC,
  tcpFrame,
  US,
} from "../../../test/network/hand.ts";
import { bytesOf, latin1, type Micros, SECOND } from "../../base/index.ts";
import { Nic } from "../link/nic.ts";
import { cable } from "../link/port.ts";
import { News, type Socket, TcpState } from "../sockets.ts";
import type { Stack } from "../stack.ts";
import { BROADCAST } from "../wire/address.ts";
import * as arp from "../wire/arp.ts";
import * as ethernet from "../wire/ethernet.ts";
import * as icmp from "../wire/icmp.ts";
import * as ipv4 from "../wire/ipv4.ts";
import * as wire from "../wire/tcp.ts";
import { ACK, FIN, RST, type Segment, SYN, URG } from "../wire/tcp.ts";
import { BETA, grow, newCubic, reduce } from "./cubic.ts";
import type { TcpSettings } from "./settings.ts";
import type { TcpSocket } from "./socket.ts";

const OTHER = 0x0a000310;

const FLOOD: Omit<ipv4.Ipv4, "payload"> = {
  tos: 0,
  identification: 0,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 64,
  protocol: 6,
  source: 0,
  destination: US,
  options: new Uint8Array(0),
};

class Host {
  readonly #hand: Hand;

  constructor(settings: Partial<TcpSettings> = {}) {
    const tcp = { timestamps: false, sack: false, windowScaling: false, ...settings };
    this.#hand = bare({ tcp }, { others: [new Nic({ port: cable()[0], mac: OUR_MAC + 1 })] });
    this.stack.configure(0, { address: US, mask: 0xffffff00, gateway: PEER });
    this.stack.configure(1, { address: OTHER, mask: 0xffffff00, gateway: 0 });
    this.stack.setNeighbour(0, PEER, PEER_MAC);
    this.packets();
  }

  get stack(): Stack {
    return this.#hand.stack;
  }

  get now(): Micros {
    return this.#hand.now;
  }

  set now(now: Micros) {
    this.#hand.now = now;
  }

  frames(): Uint8Array[] {
    return this.#hand.frames();
  }

  packets(): ipv4.Ipv4[] {
    const ours = this.frames().filter((frame) => ethernet.typeOf(frame) === ethernet.TYPE_IPV4);
    return ours.map((frame) => ipv4.read(frame.subarray(14)));
  }

  /** The peer says which card it has. */
  arp(): void {
    this.#hand.put(arpFrame({ operation: arp.REPLY, targetMac: OUR_MAC }, OUR_MAC));
    this.packets();
  }

  segments(): Segment[] {
    return this.packets().flatMap(({ protocol, payload }) => (protocol === 6 ? [wire.read(payload)] : []));
  }

  ip(fields: Partial<ipv4.Ipv4>): void {
    this.#hand.put(ipFrame({ protocol: 6, dontFragment: true, ...fields }, OUR_MAC));
  }

  hear(fields: Partial<Segment>, source = PEER, destination = US): void {
    this.#hand.put(tcpFrame(fields, source, destination));
  }

  readonly #syn = new Uint8Array(14 + 40);

  /** One SYN of many, made with little effort. */
  flood(source: number, sourcePort: number, seq: number): void {
    const segment = { ...wire.emptySegment, sourcePort, destinationPort: 80, seq, flags: SYN, window: 1000 };
    wire.write(segment, source, US, this.#syn, 34);
    ethernet.writeHeader(this.#syn, OUR_MAC, PEER_MAC, ethernet.TYPE_IPV4);
    ipv4.writeHeader({ ...FLOOD, source }, 40, this.#syn, 14);
    this.#hand.put(this.#syn.slice());
  }

  discard(): void {
    this.frames();
  }

  listen(port = 80): Socket {
    const listener = this.stack.sockets.stream();
    listener.bind(0, port);
    listener.listen(10);
    return listener;
  }

  /** A connection from `sourcePort`, accepted; the peer's next number is 101. */
  open(
    listener: Socket,
    sourcePort = 5000,
    options: Partial<Segment> = {},
  ): { socket: TcpSocket; ours: number } {
    this.hear({ sourcePort, flags: SYN, seq: 100, mss: 1460, ...options });
    const answer = this.segments().find((segment) => segment.destinationPort === sourcePort)!;
    this.hear({ sourcePort, flags: ACK, seq: 101, ack: answer.seq + 1 });
    this.segments();
    return { socket: listener.accept() as TcpSocket, ours: (answer.seq + 1) >>> 0 };
  }
}

describe("a flood of SYNs (RFC 4987)", () => {
  test("of a million leaves established connections alive, and little behind", () => {
    const it = new Host({ halfOpen: 256 });
    const listener = it.listen();
    const { socket, ours } = it.open(listener);
    for (let i = 0; i < 1_000_000; i++) {
      it.flood(PEER + 1 + (i >>> 16), i & 0xffff, i);
      it.now += 10; // a hundred thousand a second
      if (i % 512 === 511) it.discard();
      if (i % 100_000 === 0) {
        it.hear({ seq: 101 + i / 100_000, ack: ours, flags: ACK, payload: bytesOf("x") });
        it.discard();
        expect(socket.available).toBe(1 + i / 100_000);
      }
    }
    it.packets();
    expect(it.stack.connections().length).toBeLessThanOrEqual(257);
    expect(it.stack.drops.of("tcp: half-open connection as a cookie")).toBeGreaterThan(900_000);
    expect(socket.state).toBe(TcpState.ESTABLISHED);
    expect(socket.send(bytesOf("alive"))).toBe(5);
    expect(it.segments().some((segment) => latin1(segment.payload) === "alive")).toBe(true);
  });

  test("connections that their programs have left are as many as may be, and the newest of them", () => {
    const it = new Host({ orphans: 3 });
    const listener = it.listen();
    const { socket: kept } = it.open(listener, 4000);
    for (let port = 5000; port < 5010; port++) it.open(listener, port).socket.close(); // whose FIN nobody acknowledges
    const reset = it.segments().filter(({ flags }) => flags & RST);
    expect(reset.at(-1)?.destinationPort).toBe(5006);
    expect(it.stack.drops.of("tcp: too many connections without a program")).toBe(7);
    expect(it.stack.connections().map(({ remotePort }) => remotePort)).toEqual([4000, 5007, 5008, 5009]);
    expect(kept.state).toBe(TcpState.ESTABLISHED);
  });

  const flooded = () => {
    const it = new Host({ halfOpen: 4, timestamps: true, sack: true, windowScaling: true });
    const listener = it.listen();
    for (let i = 0; i < 4; i++) it.hear({ sourcePort: i + 1, seq: i, flags: SYN }, 0x0a000299);
    it.packets();
    it.hear({ sourcePort: 77, seq: 500, flags: SYN, mss: 1400, scale: 7, sackPermitted: true });
    const [cookie] = it.segments();
    return { it, listener, cookie: cookie! };
  };

  test("who brings its cookie back is connected, without options but with its MSS, data and all", () => {
    const { it, listener, cookie } = flooded();
    expect([
      cookie.flags,
      cookie.ack,
      cookie.mss,
      cookie.scale,
      cookie.sackPermitted,
      cookie.timestamps,
    ]).toEqual([SYN | ACK, 501, 1460, -1, false, false]);
    const back = { sourcePort: 77, seq: 501, ack: cookie.seq + 1, flags: ACK, payload: bytesOf("hello") };
    it.hear(back);
    it.packets();
    const socket = listener.accept() as TcpSocket;
    expect([socket.state, socket.available, socket.connection!.snd.mss]).toEqual([
      TcpState.ESTABLISHED,
      5,
      1300,
    ]);
    socket.send(bytesOf("there"));
    expect(latin1(it.segments()[0]!.payload)).toBe("there");
  });

  test("a guess, another's cookie, or an old one is refused", () => {
    const { it, cookie } = flooded();
    const refused = (fields: Partial<Segment>): boolean => {
      it.hear({ sourcePort: 77, seq: 501, ack: cookie.seq + 1, flags: ACK, ...fields });
      return it.segments().some((segment) => segment.flags === RST);
    };
    expect(refused({ ack: cookie.seq + 2 })).toBe(true);
    expect(refused({ seq: 502 })).toBe(true);
    expect(refused({ sourcePort: 78 })).toBe(true);
    it.now += 129 * SECOND;
    expect(refused({})).toBe(true);
  });

  test("without cookies the oldest half-open ones give way", () => {
    const it = new Host({ halfOpen: 4, synCookies: false });
    it.listen();
    for (let i = 0; i < 10; i++) it.hear({ sourcePort: i + 1, seq: i, flags: SYN });
    it.packets();
    expect(it.stack.connections().length).toBe(4);
    expect(it.stack.drops.of("tcp: half-open connection given up")).toBe(6);
  });
});

describe("urgent data (RFC 9293 3.8.5, RFC 6093)", () => {
  test("the pointer names the byte behind it, in every segment until it is acknowledged; any length", () => {
    const it = new Host();
    const { socket, ours } = it.open(it.listen(), 5000, { mss: 1000 });
    socket.options.noDelay = true;
    expect(socket.send(bytesOf("plain"))).toBe(5);
    expect(socket.sendUrgent(new Uint8Array(2500))).toBe(2500);
    socket.send(bytesOf("more"));
    const sent = it.segments();
    expect(sent.map(({ flags, urgent, payload }) => [flags & URG, urgent, payload.length])).toEqual([
      [URG, 2505, 1000],
      [URG, 1505, 1000],
      [URG, 505, 509],
    ]);
    it.hear({ seq: 101, ack: ours + 2509, flags: ACK });
    it.segments();
    socket.send(bytesOf("later"));
    expect(it.segments().map(({ flags }) => flags & URG)).toEqual([0]);
  });

  test("the program is told when it comes and when there is more, and how far it reaches", () => {
    const it = new Host();
    const { socket, ours } = it.open(it.listen());
    const news: number[] = [];
    socket.onChange = (_socket, bits) => news.push(bits & News.URGENT);
    it.hear({ seq: 101, ack: ours, flags: ACK | URG, urgent: 10, payload: bytesOf("hello") });
    it.packets();
    expect([news.at(-1), socket.urgent]).toEqual([News.URGENT, 10]);
    socket.receive(new Uint8Array(3));
    expect(socket.urgent).toBe(7);
    it.hear({ seq: 106, ack: ours, flags: ACK | URG, urgent: 5, payload: bytesOf("there") });
    it.packets();
    expect([news.at(-1), socket.urgent]).toEqual([0, 7]);
    it.hear({ seq: 111, ack: ours, flags: ACK | URG, urgent: 100_000 & 0xffff, payload: bytesOf("x") });
    it.packets();
    expect([news.at(-1), socket.urgent > 30_000]).toEqual([News.URGENT, true]);
    socket.receive(new Uint8Array(100));
    expect(socket.urgent).toBe(34_464 - 1);
  });
});

describe("windows", () => {
  test("one that shrinks below what is under way does no harm (RFC 9293 3.8.6)", () => {
    const it = new Host();
    const { socket, ours } = it.open(it.listen(), 5000, { mss: 1000 });
    socket.send(new Uint8Array(10_000));
    expect(it.segments().length).toBe(8);
    it.hear({ seq: 101, ack: ours + 1000, flags: ACK, window: 2000 }); // five segments beyond its edge
    expect(it.segments()).toEqual([]);
    it.hear({ seq: 101, ack: ours + 8000, flags: ACK, window: 8000 });
    expect(it.segments().map(({ payload }) => payload.length)).toEqual([1000, 1000]);
    it.hear({ seq: 101, ack: ours + 10_000, flags: ACK, window: 0 });
    socket.send(bytesOf("x"));
    expect([it.segments().length, socket.state]).toEqual([0, TcpState.ESTABLISHED]);
  });

  test("are unsigned: 65535 is large", () => {
    const it = new Host();
    const { socket, ours } = it.open(it.listen(), 5000, { mss: 1000 });
    it.hear({ seq: 101, ack: ours, flags: ACK, window: 65535 });
    socket.send(new Uint8Array(20_000));
    expect(it.segments().length).toBe(10); // the initial window, not the peer's
  });

  test("at zero a reset and an urgent pointer are still looked at (RFC 9293 3.4)", () => {
    const it = new Host({ receiveBuffer: 2048 });
    const { socket, ours } = it.open(it.listen());
    it.hear({ seq: 101, ack: ours, flags: ACK, payload: new Uint8Array(1460) });
    it.hear({ seq: 1561, ack: ours, flags: ACK, payload: new Uint8Array(588) });
    expect(it.segments().at(-1)!.window).toBe(0);
    it.hear({ seq: 2149, ack: ours, flags: ACK | URG, urgent: 4 });
    it.segments();
    expect(socket.urgent).toBe(2048 + 4);
    it.hear({ seq: 2149, flags: RST });
    it.segments();
    expect([socket.state, socket.error]).toEqual([TcpState.CLOSED, "reset"]);
  });
});

describe("opening", () => {
  test("a reset in SYN-RECEIVED: who listens goes on listening, who called is told", () => {
    const it = new Host();
    const listener = it.listen();
    it.hear({ flags: SYN, seq: 100 });
    it.segments();
    it.hear({ flags: RST, seq: 101 });
    it.segments();
    expect([listener.state, it.stack.connections()]).toEqual([TcpState.LISTEN, []]);
    const caller = it.stack.sockets.stream();
    caller.connect(PEER, 80);
    const [syn] = it.segments();
    const { sourcePort: destinationPort } = syn!;
    it.hear({ sourcePort: 80, destinationPort, flags: SYN, seq: 100 });
    it.segments();
    expect(caller.state).toBe(TcpState.SYN_RECEIVED);
    it.hear({ sourcePort: 80, destinationPort, flags: RST, seq: 101 });
    it.segments();
    expect(caller.connect(PEER, 80)).toBe("refused");
  });

  test("a listener touches no connection that there is, and may come while some have its port", () => {
    const it = new Host();
    const listener = it.listen();
    const { socket } = it.open(listener);
    it.hear({ sourcePort: 6000, flags: SYN, seq: 7 });
    it.segments();
    expect(it.stack.connections().map(({ state }) => state)).toEqual([
      TcpState.ESTABLISHED,
      TcpState.SYN_RECEIVED,
    ]);
    const second = it.stack.sockets.stream();
    expect(second.bind(0, 80)).toBe("in-use");
    second.close();
    expect([socket.state, listener.state]).toEqual([TcpState.ESTABLISHED, TcpState.LISTEN]);
    const third = it.stack.sockets.stream();
    third.options.reuseAddress = true;
    const caller = it.stack.sockets.stream();
    caller.options.reuseAddress = true;
    expect([caller.bind(0, 81), caller.connect(PEER, 9)]).toEqual([undefined, "in-progress"]);
    expect([third.bind(0, 81), third.listen(1)]).toEqual([undefined, undefined]);
    expect(caller.state).toBe(TcpState.SYN_SENT);
  });

  test("never to a broadcast or multicast address, nor to none; and none from there is answered", () => {
    const it = new Host();
    for (const nobody of [BROADCAST, 0x0a0002ff, 0xe0000001, 0])
      expect(it.stack.sockets.stream().connect(nobody, 80)).toBe("network-unreachable");
    it.listen();
    it.hear({ flags: SYN, seq: 1 }, 0xe0000001);
    it.hear({ flags: SYN, seq: 1 }, BROADCAST);
    it.hear({ flags: SYN, seq: 1 }, PEER, 0x0a0002ff);
    it.hear({ flags: SYN, seq: 1 }, PEER, 0xe0000001);
    expect(it.segments()).toEqual([]);
    expect(it.stack.connections()).toEqual([]);
  });

  test("the own address is the program's choice, else the route's, and stays the same for all segments", () => {
    const it = new Host();
    const chosen = it.stack.sockets.stream();
    expect(chosen.bind(OTHER, 0)).toBeUndefined();
    chosen.connect(PEER, 80);
    const asked = it.stack.sockets.stream();
    asked.connect(PEER, 80);
    const [first, second] = it.packets();
    expect([first!.source, second!.source]).toEqual([OTHER, US]);
    it.stack.configure(0, { address: US + 1 });
    it.now += 2 * SECOND;
    expect(it.packets().map(({ source }) => source)).toEqual([OTHER, US]);
  });
});

describe("what a program may set and is told", () => {
  test("time to live and differentiated services of its segments", () => {
    const it = new Host();
    const { socket } = it.open(it.listen());
    socket.options.ttl = 7;
    socket.options.tos = 0xb8;
    socket.send(bytesOf("x"));
    expect(it.packets().map(({ ttl, tos }) => [ttl, tos])).toEqual([[7, 0xb8]]);
  });

  test("Nagle's algorithm: turning it off sends at once what was waiting", () => {
    const it = new Host();
    const { socket } = it.open(it.listen());
    socket.send(bytesOf("first"));
    expect(it.segments().length).toBe(1);
    socket.send(bytesOf("second"));
    expect(it.segments()).toEqual([]);
    socket.options.noDelay = true;
    expect(it.segments().map(({ payload }) => latin1(payload))).toEqual(["second"]);
  });

  test("keep-alive: off unless asked for, on and off at any time, after the interval that was set", () => {
    const it = new Host({ keepAliveIdle: 100 * SECOND, keepAliveInterval: 10 * SECOND });
    const { socket } = it.open(it.listen());
    const passed = (span: Micros): number => {
      it.now += span;
      return it.segments().length;
    };
    expect(passed(1000 * SECOND)).toBe(0);
    socket.options.keepAlive = true;
    expect(passed(1)).toBe(0);
    expect(passed(100 * SECOND)).toBe(1);
    socket.options.keepAlive = false;
    expect(passed(1000 * SECOND)).toBe(0);
    expect(socket.state).toBe(TcpState.ESTABLISHED);
  });

  test("the largest segment that is announced and sent", () => {
    const it = new Host();
    const socket = it.stack.sockets.stream();
    socket.options.maxSegment = 700;
    socket.connect(PEER, 80);
    const [syn] = it.segments();
    expect(syn!.mss).toBe(700);
    it.hear({
      sourcePort: 80,
      destinationPort: syn!.sourcePort,
      flags: SYN | ACK,
      seq: 1,
      ack: syn!.seq + 1,
      mss: 1460,
    });
    socket.send(new Uint8Array(2000));
    expect(it.segments().map(({ payload }) => payload.length)).toContain(700);
  });

  test("MSS only with SYN, and nothing but zeros behind an end of options", () => {
    const it = new Host({ timestamps: true, sack: true, windowScaling: true });
    const listener = it.listen();
    it.hear({ flags: SYN, seq: 100, mss: 1460, scale: 3, sackPermitted: true, timestamps: true, tsVal: 1 });
    const [answer] = it.segments();
    it.hear({ flags: ACK, seq: 101, ack: answer!.seq + 1, timestamps: true, tsVal: 2, tsEcr: answer!.tsVal });
    it.segments();
    const socket = listener.accept() as TcpSocket;
    socket.send(new Uint8Array(5000));
    it.hear({
      flags: ACK,
      seq: 201,
      ack: answer!.seq + 1,
      timestamps: true,
      tsVal: 2,
      payload: bytesOf("x"),
    });
    const packets = it.packets();
    expect(packets.length).toBe(4);
    for (const { payload } of packets) {
      expect(wire.read(payload).mss).toBe(0);
      const options = payload.subarray(20, (payload[12]! >>> 4) * 4);
      const kinds: number[] = [];
      for (let at = 0; at < options.length; at += options[at]! === 1 ? 1 : options[at + 1]!) {
        kinds.push(options[at]!);
        if (options[at] === 0) expect([...options.subarray(at)].every((byte) => byte === 0)).toBe(true);
        if (options[at] === 0) break;
      }
      expect(kinds).toContain(8);
    }
  });

  test("how a connection ended: the peer has finished, or has aborted", () => {
    const it = new Host();
    const listener = it.listen();
    const [one, two] = [it.open(listener, 5001), it.open(listener, 5002)];
    it.hear({ sourcePort: 5001, seq: 101, ack: one.ours, flags: ACK | FIN });
    it.hear({ sourcePort: 5002, seq: 101, flags: RST });
    it.segments();
    const buffer = new Uint8Array(10);
    expect([one.socket.receive(buffer), two.socket.receive(buffer)]).toEqual([0, "reset"]);
  });

  test("what ICMP says of a connection that goes on all the same; source quench means nothing", () => {
    const it = new Host();
    const { socket, ours } = it.open(it.listen());
    socket.send(bytesOf("x"));
    it.segments();
    const say = (type: number, code: number): void => {
      const quoted = new Uint8Array(28);
      ipv4.writeHeader(
        {
          tos: 0,
          identification: 0,
          dontFragment: true,
          moreFragments: false,
          fragmentOffset: 0,
          ttl: 64,
          protocol: 6,
          source: US,
          destination: PEER,
          options: new Uint8Array(0),
        },
        41,
        quoted,
        0,
      );
      const start = new Uint8Array(20);
      wire.write({ ...wire.emptySegment, sourcePort: 80, destinationPort: 5000, seq: ours }, US, PEER, start);
      quoted.set(start.subarray(0, 8), 20);
      const payload = new Uint8Array(36);
      icmp.write({ type, code, rest: 0, payload: quoted }, payload);
      it.ip({ protocol: 1, payload });
      it.packets();
    };
    say(4, 0);
    expect(socket.takeError()).toBeUndefined();
    say(3, 1);
    expect([socket.takeError(), socket.takeError(), socket.state]).toEqual([
      "host-unreachable",
      undefined,
      TcpState.ESTABLISHED,
    ]);
    say(11, 0);
    say(12, 0);
    expect([socket.takeError(), socket.state]).toEqual(["invalid", TcpState.ESTABLISHED]);
  });
});

describe("what may be had otherwise than by default", () => {
  test("all that has come is looked at before one acknowledgement goes, where the settings say so", () => {
    for (const [gatherAcks, acks] of [
      [false, 4],
      [true, 1],
    ] as const) {
      const it = new Host({ gatherAcks, quickAcks: 0 });
      const { ours } = it.open(it.listen());
      for (let i = 0; i < 8; i++)
        it.hear({ flags: ACK, seq: 101 + 1000 * i, ack: ours, payload: new Uint8Array(1000) });
      const said = it.segments();
      expect([said.length, said.at(-1)!.ack]).toEqual([acks, 8101]);
    }
  });

  test("one that is being opened survives soft errors where the settings say so", () => {
    for (const [softErrorsEndOpening, state] of [
      [true, TcpState.CLOSED],
      [false, TcpState.SYN_SENT],
    ] as const) {
      const it = new Host({ softErrorsEndOpening });
      const socket = it.stack.sockets.stream();
      socket.connect(PEER, 80);
      const [packet] = it.packets();
      const quoted = new Uint8Array(ipv4.lengthOf(packet!));
      ipv4.write(packet!, quoted);
      const message = { type: 3, code: 1, rest: 0, payload: quoted };
      const payload = new Uint8Array(icmp.lengthOf(message));
      icmp.write(message, payload);
      it.ip({ protocol: 1, payload });
      it.packets();
      expect(socket.state).toBe(state);
      if (state === TcpState.SYN_SENT) expect(socket.takeError()).toBe("host-unreachable"); // told all the same
    }
  });
});

test("at R1 the first hop is asked whether it is still there, and the program can learn of it", () => {
  const it = new Host();
  it.stack.removeNeighbour(0, PEER);
  const frames = it.frames();
  expect(frames).toEqual([]);
  const listener = it.listen();
  it.arp();
  const { socket } = it.open(listener);
  socket.send(bytesOf("x"));
  const asked: number[] = [];
  for (let retries = 0; retries < 5; ) {
    const frames = it.frames();
    retries = it.stack.connections()[0]!.retries;
    for (const frame of frames)
      if (ethernet.typeOf(frame) === ethernet.TYPE_ARP && ethernet.destinationOf(frame) === PEER_MAC)
        asked.push(retries);
    it.now = it.stack.deadline();
  }
  expect(asked[0]).toBe(3);
  expect([socket.takeError(), socket.takeError(), socket.state]).toEqual([
    "timed-out",
    undefined,
    TcpState.ESTABLISHED,
  ]);
});

describe("what comes twice is told (RFC 2883)", () => {
  const opened = () => {
    const it = new Host({ sack: true });
    const { ours } = it.open(it.listen(), 5000, { sackPermitted: true });
    const say = (seq: number, length: number): Segment[] => {
      it.hear({ seq, ack: ours, flags: ACK, payload: new Uint8Array(length) });
      return it.segments();
    };
    return { say };
  };

  test("below the acknowledgement: as the first block, once", () => {
    const { say } = opened();
    say(101, 500);
    expect(say(101, 500).map(({ ack, sack }) => [ack, sack])).toEqual([[601, [101, 601]]]);
    expect(say(601, 100).map(({ sack }) => sack)).toEqual([[]]);
    expect(say(651, 100).map(({ ack, sack }) => [ack, sack])).toEqual([[751, [651, 701]]]);
  });

  test("above it, within a block: the block follows", () => {
    const { say } = opened();
    say(301, 100);
    say(401, 100);
    expect(say(301, 100).map(({ ack, sack }) => [ack, sack])).toEqual([[101, [301, 401, 301, 501]]]);
  });
});

describe("CUBIC (RFC 9438)", () => {
  const MSS = 1000;

  test("a loss leaves seven tenths; a second one below the first remembers less", () => {
    const cubic = newCubic();
    expect(reduce(cubic, 100 * MSS, 100 * MSS, MSS)).toBe(70 * MSS);
    expect(cubic.wMax).toBe(100 * MSS);
    reduce(cubic, 80 * MSS, 80 * MSS, MSS);
    expect(cubic.wMax).toBeCloseTo((80 * MSS * (1 + BETA)) / 2, 6);
  });

  test("the curve is back at the old window after K seconds, flat there, and goes on beyond", () => {
    const cubic = newCubic();
    let cwnd = reduce(cubic, 100 * MSS, 100 * MSS, MSS);
    const rtt = 100_000;
    const at = new Map<number, number>();
    for (let now = 0; now <= 12 * SECOND; now += rtt) {
      cwnd = grow(cubic, cwnd, cwnd, MSS, rtt, now); // a whole window acknowledged each round trip
      at.set(now / SECOND, cwnd / MSS);
    }
    const k = Math.cbrt(30 / 0.4);
    expect(cubic.k).toBeCloseTo(k, 6);
    expect(at.get(4)!).toBeCloseTo(100, 0);
    expect(at.get(2)!).toBeGreaterThan(91);
    expect(at.get(2)!).toBeLessThan(98);
    expect(at.get(10)!).toBeGreaterThan(140);
  });

  test("on a short path it is never slower than Reno would be", () => {
    const cubic = newCubic();
    let cwnd = reduce(cubic, 10 * MSS, 10 * MSS, MSS);
    for (let now = 0; now <= SECOND; now += 1000) cwnd = grow(cubic, cwnd, cwnd, MSS, 1000, now);
    expect(cwnd / MSS).toBeGreaterThan(7 + 1000 * 0.5);
  });
});
