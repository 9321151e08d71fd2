/** What programs get of a station: UDP, raw sockets, TCP, attempts; and nonsense from the wire. Frame by frame. */
import { describe, expect, test } from "vitest";
import {
  arpFrame,
  FAR,
  type Hand,
  icmpFrame,
  ipFrame,
  PEER,
  payloadOf,
  station,
  tcpFrame,
  US,
  udpBytes,
} from "../../test/network/hand.ts";
import { bytesOf, latin1, Random, SECOND } from "../base/index.ts";
import { type Attempt, type Datagram, News, type Socket, TcpState } from "./sockets.ts";
import type { StackOptions } from "./stack.ts";
import { MAC_BROADCAST } from "./wire/address.ts";
import * as ethernet from "./wire/ethernet.ts";
import * as icmp from "./wire/icmp.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { readRoute, writeRoute } from "./wire/source-route.ts";
import * as tcp from "./wire/tcp.ts";
import * as udp from "./wire/udp.ts";

describe("UDP", () => {
  test("boundaries are kept, empty datagrams too; senders are told", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    expect(socket.bind(0, 7)).toBeUndefined();
    const news: number[] = [];
    socket.onChange = (_socket, what) => news.push(what);
    for (const text of ["one", "", "three"]) it.put(ipFrame({ payload: udpBytes(text) }));
    it.frames();
    expect(news).toEqual([News.DATA]);
    expect(socket.available).toBe(3);
    const buffer = new Uint8Array(10);
    expect([socket.peek(buffer), socket.receive(buffer)]).toEqual([3, 3]);
    expect(socket.receive(buffer)).toBe(0);
    const third = socket.receiveDatagram();
    expect(third).toEqual({
      from: { address: PEER, port: 5000 },
      to: { address: US, port: 7 },
      payload: bytesOf("three"),
      interface: 0,
      tos: 0,
    });
    expect(socket.receive(buffer)).toBe("would-block");
  });

  test("what does not fit the reader's buffer is lost, and said to be", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    it.put(ipFrame({ payload: udpBytes("long") }));
    it.put(ipFrame({ payload: udpBytes("ok") }));
    it.frames();
    const small = new Uint8Array(2);
    expect([socket.receive(small), latin1(small)]).toEqual(["truncated", "lo"]);
    expect([socket.receive(small), latin1(small)]).toEqual([2, "ok"]);
  });

  test("the socket that says most gets it: peer, then address, then the newest", () => {
    const it = station();
    const make = (address: number, peer?: number) => {
      const socket = it.stack.sockets.datagram();
      socket.options.reuseAddress = true;
      expect(socket.bind(address, 7)).toBeUndefined();
      if (peer !== undefined) socket.connect(PEER, peer);
      return socket;
    };
    const any = make(0);
    const bound = make(US);
    const peer = make(0, 5000);
    make(0, 5001);
    it.put(ipFrame({ payload: udpBytes("a") }));
    it.frames();
    expect([any.available, bound.available, peer.available]).toEqual([0, 0, 1]);
    peer.close();
    it.put(ipFrame({ payload: udpBytes("b") }));
    it.frames();
    bound.close();
    it.put(ipFrame({ payload: udpBytes("c") }));
    it.frames();
    expect(any.available).toBe(1);
  });

  test("broadcasts go to all that listen, and may be sent only when asked for", () => {
    const it = station();
    const sockets = [1, 2].map(() => {
      const socket = it.stack.sockets.datagram();
      socket.options.reuseAddress = true;
      socket.bind(0, 7);
      return socket;
    });
    for (const destination of [0xffffffff, 0x0a0002ff]) {
      it.put(
        ipFrame({ destination, payload: udpBytes("all", [5000, 7], [PEER, destination]) }, MAC_BROADCAST),
      );
    }
    it.frames();
    for (const socket of sockets) {
      expect((socket.receiveDatagram() as { to: object }).to).toEqual({ address: 0xffffffff, port: 7 });
      expect(socket.available).toBe(3);
    }
    const [socket] = sockets;
    const to = { address: 0x0a0002ff, port: 9 };
    expect(socket!.send(bytesOf("x"), to)).toBe("prohibited");
    socket!.options.broadcast = true;
    expect(socket!.send(bytesOf("x"), to)).toBe(1);
    expect(it.frames().map((frame) => ethernet.destinationOf(frame))).toEqual([MAC_BROADCAST]);
  });

  test("bound to a broadcast address, it sends from its own (RFC 1122 3.2.1.3)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    expect(socket.bind(US | 0xff, 7)).toBeUndefined();
    socket.send(bytesOf("x"), { address: PEER, port: 7 });
    expect(ipv4.read(it.frames()[0]!.subarray(14)).source).toBe(US);
  });

  test("a datagram with a wrong checksum is nobody's", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    const bytes = udpBytes("x");
    bytes[6]! ^= 1;
    it.put(ipFrame({ payload: bytes }));
    expect([it.lines(), socket.readable, it.stack.drops.of("udp: checksum")]).toEqual([[], false, 1]);
  });

  test("an address not yet known: datagrams to our card are taken, ours leave from 0.0.0.0 (DHCP)", () => {
    const it = station();
    it.stack.configure(0, { address: 0, gateway: 0 });
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 68);
    socket.options.broadcast = true;
    expect(socket.send(bytesOf("discover"), { address: 0xffffffff, port: 67 })).toBe(8);
    const [frame] = it.frames();
    expect(ipv4.read(frame!.subarray(14))).toMatchObject({ source: 0, destination: 0xffffffff });
    it.put(ipFrame({ destination: 0x0a000263, payload: udpBytes("offer", [67, 68], [PEER, 0x0a000263]) }));
    it.frames();
    expect(socket.available).toBe(5);
  });

  test("what makes no sense has its reason", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    expect(socket.send(bytesOf("x"))).toBe("not-connected");
    expect(socket.send(new Uint8Array(65_508), { address: PEER, port: 7 })).toBe("too-long");
    expect(socket.send(bytesOf("x"), { address: PEER, port: 0 })).toBe("invalid");
    expect(socket.bind(FAR, 7)).toBe("not-available");
    expect(socket.bind(0, 70_000)).toBe("invalid");
    expect(socket.bind(0, 7)).toBeUndefined();
    expect(socket.bind(0, 8)).toBe("invalid");
    expect(it.stack.sockets.datagram().bind(US, 7)).toBe("in-use");
    expect([socket.listen(1), socket.accept()]).toEqual(["not-supported", "not-supported"]);
    socket.close();
    expect(socket.send(bytesOf("x"), { address: PEER, port: 7 })).toBe("invalid");
    expect(it.stack.sockets.datagram().bind(US, 7)).toBeUndefined();
  });

  test("a program names IP options for what it sends, and gets those that came (RFC 1122 4.1.3.2)", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    socket.options.ipOptions = Uint8Array.of(7, 7, 4, 0, 0, 0, 0);
    socket.options.tos = 0x20;
    socket.send(bytesOf("x"), { address: PEER, port: 5000 });
    const sent = ipv4.read(it.frames()[0]!.subarray(14));
    expect([sent.tos, ...sent.options]).toEqual([0x20, 7, 7, 4, 0, 0, 0, 0, 0]);
    expect(udp.check(sent.payload, US, PEER)).toBeUndefined();

    const options = Uint8Array.of(7, 7, 8, 10, 0, 2, 1, 0);
    it.put(ipFrame({ payload: udpBytes("y"), options, tos: 0x40 }));
    it.frames();
    expect(socket.receiveDatagram()).toMatchObject({ options, tos: 0x40, interface: 0 });

    const most = { address: PEER, port: 5000 };
    for (const impossible of [[7, 9, 4, 0], [7, 1, 0, 0], new Array<number>(41).fill(1)]) {
      socket.options.ipOptions = Uint8Array.from(impossible);
      expect(socket.send(bytesOf("x"), most)).toBe("invalid");
    }
    socket.options.ipOptions = new Uint8Array(40).fill(1);
    expect(socket.send(new Uint8Array(3000), most)).toBe(3000);
    expect(it.frames().map((frame) => frame.length)).toEqual([1514, 1514, 122]);
  });

  test("a datagram goes by the gateways that its program names, and is answered by the way it came", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    socket.options.sourceRoute = { strict: false, gateways: [PEER, 0x0a000901] };
    socket.send(bytesOf("x"), { address: FAR, port: 5000 });
    const sent = ipv4.read(it.frames()[0]!.subarray(14));
    expect([sent.destination, readRoute(sent.options)]).toMatchObject([
      PEER,
      { strict: false, next: 0x0a000901, addresses: [0x0a000901, FAR] },
    ]);
    expect(udp.check(sent.payload, US, FAR)).toBeUndefined();

    const route = writeRoute({ strict: false, gateways: [US, 0x0a000901] }, PEER);
    route[3] = route[2]! + 1; // at its end
    it.put(ipFrame({ source: FAR, payload: udpBytes("y", [5000, 7], [FAR, US]), options: route }));
    it.frames();
    const got = socket.receiveDatagram() as Datagram;
    socket.options.sourceRoute = got.back;
    socket.send(bytesOf("z"), got.from);
    const answer = ipv4.read(it.frames()[0]!.subarray(14));
    expect([answer.destination, readRoute(answer.options)]).toMatchObject([
      PEER,
      { addresses: [0x0a000901, FAR] },
    ]);
  });

  test("a raw packet has the options that its program names", () => {
    const it = station();
    const socket = it.stack.sockets.raw(200);
    socket.options.ipOptions = Uint8Array.of(0x94, 4, 0, 0);
    socket.send(bytesOf("x"), { address: PEER, port: 0 });
    expect([...ipv4.read(it.frames()[0]!.subarray(14)).options]).toEqual([0x94, 4, 0, 0]);
    socket.options.ipOptions = new Uint8Array(44);
    expect(socket.send(bytesOf("x"), { address: PEER, port: 0 })).toBe("invalid");
  });

  test("the time to live that nobody has chosen is the station's (RFC 1122 3.2.1.7)", () => {
    const it = station({ ttl: 9 });
    const socket = it.stack.sockets.datagram();
    socket.send(bytesOf("x"), { address: PEER, port: 9 });
    socket.options.ttl = 77;
    socket.send(bytesOf("x"), { address: PEER, port: 9 });
    it.put(icmpFrame({ type: 8, code: 0, rest: 0, payload: bytesOf("x") }));
    it.put(tcpFrame({ flags: tcp.SYN }));
    expect(it.frames().map((frame) => ipv4.read(frame.subarray(14)).ttl)).toEqual([9, 9, 9, 77]);
  });

  test("a queue that nobody reads is bounded", () => {
    const it = station();
    const socket = it.stack.sockets.datagram();
    socket.bind(0, 7);
    for (let i = 0; i < 2000; i++) it.put(ipFrame({ payload: udpBytes("x") }));
    it.frames();
    let count = 0;
    while (typeof socket.receiveDatagram() !== "string") count++;
    expect([count, it.stack.drops.of("udp: queue full")]).toEqual([1024, 976]);
  });
});

describe("raw sockets", () => {
  test("packets with their header in, messages with their checksum out", () => {
    const it = station();
    const socket = it.stack.sockets.raw(1);
    expect(socket.connect(PEER, 0)).toBeUndefined();
    socket.options.ttl = 3;
    expect(socket.send(Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 2, 65))).toBe(9);
    const [sent] = it.frames();
    expect(ipv4.read(sent!.subarray(14))).toMatchObject({ protocol: 1, ttl: 3 });
    expect(icmp.check(payloadOf(sent!))).toBeUndefined();
    const reply = icmpFrame({ type: 0, code: 0, rest: 0x00010002, payload: bytesOf("A") });
    it.put(reply);
    it.put(icmpFrame({ type: 8, code: 0, rest: 9, payload: bytesOf("asks") })); // answered, not shown
    it.frames();
    const buffer = new Uint8Array(100);
    expect(socket.receive(buffer)).toBe(29);
    expect(buffer.subarray(0, 29)).toEqual(reply.subarray(14));
    expect(socket.receive(buffer)).toBe("would-block");
  });

  test("a protocol that somebody holds a socket for is not unreachable", () => {
    const it = station();
    const socket = it.stack.sockets.raw(99);
    it.put(ipFrame({ protocol: 99, payload: bytesOf("hello") }));
    expect(it.lines()).toEqual([]);
    expect(socket.available).toBe(25);
    expect(() => it.stack.sockets.raw(256)).toThrow("256 is not an IP protocol number");
  });
});

describe("TCP of a station", () => {
  const listening = (backlog: number, options: Partial<StackOptions> = {}) => {
    const it = station(options);
    const listener = it.stack.sockets.stream();
    expect(listener.bind(0, 80)).toBeUndefined();
    expect(listener.listen(backlog)).toBeUndefined();
    return { it, listener };
  };
  const syn = (port: number, fields: Partial<tcp.Segment> = {}) =>
    tcpFrame({ sourcePort: port, seq: 300, flags: tcp.SYN, mss: 1460, ...fields });
  const segments = (it: Hand) => it.frames().map((frame) => tcp.read(payloadOf(frame)));
  /** A handshake from the peer's port; answers our initial number. */
  const open = (it: Hand, port: number): number => {
    it.put(syn(port));
    const answer = segments(it).find((segment) => segment.flags & tcp.SYN)!;
    it.put(tcpFrame({ sourcePort: port, seq: 301, ack: answer.seq + 1, flags: tcp.ACK }));
    it.frames();
    return answer.seq;
  };

  test("a port nobody listens at: reset by the rules of 3.10.7.1", () => {
    const it = station();
    it.put(tcpFrame({ seq: 300, flags: tcp.SYN }));
    it.put(tcpFrame({ seq: 300, ack: 777, flags: tcp.ACK, payload: bytesOf("abc") }));
    it.put(tcpFrame({ seq: 300, flags: tcp.FIN, payload: bytesOf("abc") }));
    it.put(tcpFrame({ seq: 300, flags: tcp.RST }));
    expect(segments(it).map(tcp.showSegment)).toEqual([
      "RST|ACK seq 0 ack 301 win 0 len 0",
      "RST seq 777 win 0 len 0",
      "RST|ACK seq 0 ack 304 win 0 len 0",
    ]);
    expect(it.stack.counters.tcpResetsSent).toBe(3);
  });

  test("backlog: complete connections wait, further SYNs are not answered; one that was early comes in later", () => {
    const { it, listener } = listening(2);
    const news: number[] = [];
    listener.onChange = (_socket, what) => news.push(what);
    it.put(syn(1));
    it.put(syn(2));
    it.put(syn(3));
    const answers = segments(it);
    expect(answers.length).toBe(3); // half-open ones do not count yet
    answers.forEach((answer, i) => {
      it.put(tcpFrame({ sourcePort: i + 1, seq: 301, ack: answer.seq + 1, flags: tcp.ACK }));
    });
    it.put(syn(4));
    expect(segments(it)).toEqual([]);
    expect(it.stack.drops.all()).toMatchObject({ "tcp: accept queue full": 1, "tcp: backlog full": 1 });
    expect(news).toEqual([News.SYN, News.ACCEPTABLE]);
    expect((listener.accept() as Socket).remote!.port).toBe(1);
    it.frames();
    expect((listener.accept() as Socket).remote!.port).toBe(2);
    const third = listener.accept() as Socket;
    expect([third.remote!.port, third.state]).toEqual([3, TcpState.ESTABLISHED]);
    it.put(
      tcpFrame({ sourcePort: 3, seq: 301, ack: answers[2]!.seq + 1, flags: tcp.ACK, payload: bytesOf("hi") }),
    );
    it.frames();
    expect(third.available).toBe(2);
    expect(listener.accept()).toBe("would-block");
  });

  test("a flood of SYNs costs the oldest half-open ones; established connections live, new ones can be made", () => {
    const { it, listener } = listening(10, { tcp: { halfOpen: 100 } });
    open(it, 1);
    const first = listener.accept() as Socket;
    for (let i = 0; i < 20_000; i++) {
      it.put(tcpFrame({ sourcePort: i, seq: i, flags: tcp.SYN }, 0x0a000210 + (i % 200)));
      if (i % 1000 === 0) it.frames();
    }
    it.frames();
    expect(it.stack.connections().length).toBe(101);
    open(it, 2);
    expect((listener.accept() as Socket).state).toBe(TcpState.ESTABLISHED);
    expect(first.state).toBe(TcpState.ESTABLISHED);
    expect(first.send(bytesOf("alive"))).toBe(5);
    expect(segments(it).some((segment) => latin1(segment.payload) === "alive")).toBe(true);
  });

  test("a closed listener resets who waits, and frees the port", () => {
    const { it, listener } = listening(2);
    open(it, 1);
    it.put(syn(2));
    it.frames();
    listener.close();
    expect(segments(it).map((segment) => [segment.destinationPort, segment.flags & tcp.RST])).toEqual([
      [1, tcp.RST],
      [2, tcp.RST],
    ]);
    it.put(syn(3));
    expect(segments(it).map((segment) => segment.flags & tcp.RST)).toEqual([tcp.RST]);
    expect(it.stack.connections()).toEqual([]);
    expect(it.stack.sockets.stream().bind(0, 80)).toBeUndefined();
  });

  /** A connection accepted at port 80 and closed from our side: it stays in TIME-WAIT. */
  const inTimeWait = (it: Hand, listener: Socket, port: number) => {
    const seq = open(it, port);
    const socket = listener.accept() as Socket;
    socket.close();
    it.frames();
    it.put(tcpFrame({ sourcePort: port, seq: 301, ack: seq + 2, flags: tcp.ACK | tcp.FIN }));
    it.frames();
    expect(socket.state).toBe(TcpState.TIME_WAIT);
    return { socket, seq };
  };

  test("bind: a port with connections in TIME-WAIT needs reuse", () => {
    const { it, listener } = listening(2);
    inTimeWait(it, listener, 1);
    listener.close();
    const again = it.stack.sockets.stream();
    expect(again.bind(0, 80)).toBe("in-use");
    again.options.reuseAddress = true;
    expect([again.bind(0, 80), again.listen(1)]).toEqual([undefined, undefined]);
    const other = it.stack.sockets.stream();
    other.options.reuseAddress = true;
    expect(other.bind(0, 80)).toBe("in-use"); // never beside a listener
    it.now = 61 * SECOND;
    it.frames();
    again.close();
    expect(it.stack.sockets.stream().bind(0, 80)).toBeUndefined();
  });

  test("TIME-WAIT gives way to a SYN that is certainly younger (RFC 6191), with a higher number of ours", () => {
    const { it, listener } = listening(2);
    const { socket, seq } = inTimeWait(it, listener, 1);
    it.put(syn(1, { seq: 301 })); // not younger
    expect(segments(it).map((segment) => segment.flags)).toEqual([tcp.ACK]);
    it.put(syn(1, { seq: 10_000 }));
    const [answer] = segments(it);
    expect(answer!.flags).toBe(tcp.SYN | tcp.ACK);
    expect((answer!.seq - seq) | 0).toBeGreaterThan(2);
    expect(socket.state).toBe(TcpState.CLOSED);
  });

  test("TIME-WAIT without a program answers the peer's FIN again, waits anew for it, and is told of to the end", () => {
    const { it, listener } = listening(2);
    const { socket, seq } = inTimeWait(it, listener, 1);
    const { socket: second } = inTimeWait(it, listener, 2);
    const states: string[] = [];
    it.stack.onState = (c, from) => states.push(`${c.remotePort}: ${from} to ${c.state}`);
    it.now = 50 * SECOND;
    it.put(tcpFrame({ sourcePort: 1, seq: 301, ack: seq + 2, flags: tcp.ACK | tcp.FIN }));
    expect(segments(it).map(({ flags, seq, ack }) => [flags, seq, ack])).toEqual([[tcp.ACK, seq + 2, 302]]);
    expect(it.stack.connections().map(({ remotePort, state }) => [remotePort, state])).toEqual([
      [1, TcpState.TIME_WAIT],
      [2, TcpState.TIME_WAIT],
    ]);
    expect([it.stack.closing, states]).toEqual([false, []]);
    socket.options.noDelay = true; // by a program that has forgotten that it closed it
    it.now = 61 * SECOND;
    it.frames();
    expect([socket.state, second.state]).toEqual([TcpState.TIME_WAIT, TcpState.CLOSED]);
    it.now = 111 * SECOND;
    it.frames();
    expect([socket.state, it.stack.connections()]).toEqual([TcpState.CLOSED, []]);
    const over = `${TcpState.TIME_WAIT} to ${TcpState.CLOSED}`;
    expect(states).toEqual([`2: ${over}`, `1: ${over}`]);
  });

  test("what makes no sense has its reason", () => {
    const it = station();
    const socket = it.stack.sockets.stream();
    expect(socket.send(bytesOf("x"))).toBe("not-connected");
    expect(socket.receive(new Uint8Array(1))).toBe("not-connected");
    expect(socket.shutdown("send")).toBe("not-connected");
    expect(socket.accept()).toBe("invalid");
    expect(socket.connect(PEER, 0)).toBe("invalid");
    expect(socket.connect(0xe0000001, 80)).toBe("network-unreachable");
    expect(socket.connect(0xffffffff, 80)).toBe("network-unreachable");
    expect(socket.bind(FAR, 80)).toBe("not-available");
    expect(socket.bind(0, 80)).toBeUndefined();
    expect(socket.bind(0, 81)).toBe("invalid");
    expect(socket.listen(1)).toBeUndefined();
    expect(socket.connect(PEER, 80)).toBe("invalid");
    expect(socket.receiveDatagram()).toBe("not-supported");
    socket.close();
    socket.close();
    expect(socket.listen(1)).toBe("invalid");
    expect([socket.closed, socket.state]).toEqual([true, TcpState.CLOSED]);
  });

  test("unbound sockets get ports of their own, one after the other", () => {
    const it = station();
    const ports = Array.from({ length: 100 }, () => {
      const socket = it.stack.sockets.stream();
      socket.connect(PEER, 80);
      return socket.local.port;
    });
    expect(new Set(ports).size).toBe(100);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49152);
  });

  test("calls alone send nothing; poll does, and says when it wants to be asked again", () => {
    const it = station();
    expect(it.stack.deadline()).toBe(Number.POSITIVE_INFINITY);
    const socket = it.stack.sockets.stream();
    socket.connect(PEER, 80);
    expect(it.stack.deadline()).toBe(0);
    expect(it.frames().length).toBe(1);
    expect(it.stack.deadline()).toBe(SECOND);
    expect(it.stack.poll(0)).toBe(false);
  });
});

describe("intercepting", () => {
  const transparent = () => {
    const it = station({ anyAddress: true });
    const attempts: Attempt[] = [];
    it.stack.sockets.intercept((attempt) => attempts.push(attempt));
    return { it, attempts };
  };
  const syn = () => tcpFrame({ seq: 300, flags: tcp.SYN, mss: 1460, destinationPort: 443 }, PEER, FAR);
  const answers = (it: Hand) =>
    it.frames().map((frame) => {
      const packet = ipv4.read(frame.subarray(14));
      expect([packet.source === FAR || packet.protocol === 1, packet.destination]).toEqual([true, PEER]);
      return packet.protocol === 6
        ? tcp.showFlags(tcp.read(packet.payload).flags)
        : icmp.show(packet.payload);
    });

  test("a SYN to any address waits for its verdict, once", () => {
    const { it, attempts } = transparent();
    it.put(syn());
    it.put(syn());
    expect(answers(it)).toEqual([]);
    expect(attempts.length).toBe(1);
    const [attempt] = attempts;
    expect([attempt!.protocol, attempt!.to, attempt!.from, attempt!.pending]).toEqual([
      "tcp",
      { address: FAR, port: 443 },
      { address: PEER, port: 5000 },
      true,
    ]);
    const socket = attempt!.accept()!;
    expect(socket.send(bytesOf("welcome"))).toBe(7);
    const [answer] = it.frames().map((frame) => tcp.read(payloadOf(frame)));
    expect(answer!.flags).toBe(tcp.SYN | tcp.ACK);
    it.put(tcpFrame({ seq: 301, ack: answer!.seq + 1, flags: tcp.ACK, destinationPort: 443 }, PEER, FAR));
    expect(answers(it)).toEqual(["PSH|ACK"]);
    expect([socket.state, socket.local, attempt!.pending, attempt!.accept()]).toEqual([
      TcpState.ESTABLISHED,
      { address: FAR, port: 443 },
      false,
      undefined,
    ]);
  });

  test("refused, unreachable, ignored", () => {
    const { it, attempts } = transparent();
    it.put(syn());
    it.frames();
    attempts[0]!.refuse();
    expect(answers(it)).toEqual(["RST|ACK"]);
    it.put(syn());
    it.frames();
    attempts[1]!.unreachable("host");
    expect(answers(it)).toEqual(["ICMP unreachable code 1 length 44"]);
    it.put(syn());
    it.frames();
    attempts[2]!.ignore();
    expect(answers(it)).toEqual([]);
    it.put(syn());
    it.frames();
    it.put(tcpFrame({ seq: 301, flags: tcp.RST, destinationPort: 443 }, PEER, FAR));
    it.frames();
    expect([attempts.length, attempts[3]!.pending]).toEqual([4, false]); // the other side gave up
  });

  test("datagrams to any address: a socket for the flow, with the first in it; or port unreachable", () => {
    const { it, attempts } = transparent();
    const query = (text: string) =>
      it.put(ipFrame({ destination: FAR, payload: udpBytes(text, [5000, 53], [PEER, FAR]) }));
    query("one");
    it.frames();
    const socket = attempts[0]!.accept()!;
    query("two");
    it.frames();
    const buffer = new Uint8Array(10);
    expect([socket.receive(buffer), socket.receive(buffer), attempts.length]).toEqual([3, 3, 1]);
    socket.send(bytesOf("answer"));
    const [frame] = it.frames();
    expect(ipv4.read(frame!.subarray(14))).toMatchObject({ source: FAR, destination: PEER });
    expect(udp.read(payloadOf(frame!))).toEqual({
      sourcePort: 53,
      destinationPort: 5000,
      payload: bytesOf("answer"),
    });
    socket.close();
    query("three");
    it.frames();
    attempts[1]!.refuse();
    expect(answers(it)).toEqual(["ICMP unreachable code 3 length 33"]);
  });

  test("echoes to other addresses are not invented", () => {
    const { it } = transparent();
    it.put(icmpFrame({ type: 8, code: 0, rest: 1, payload: bytesOf("x") }, { destination: FAR }));
    expect(it.lines()).toEqual([]);
  });
});

test("no bytes from the wire can hurt", () => {
  const random = new Random(5);
  const it = station();
  const listener = it.stack.sockets.stream();
  listener.bind(0, 80);
  listener.listen(5);
  const socket = it.stack.sockets.datagram();
  socket.bind(0, 7);
  const samples = [
    arpFrame({}),
    ipFrame({ payload: udpBytes("hello") }),
    tcpFrame({ seq: 300, flags: tcp.SYN, mss: 1460, scale: 7, timestamps: true, sackPermitted: true }),
    tcpFrame({ seq: 301, ack: 1, flags: tcp.ACK | tcp.FIN, payload: bytesOf("data"), sack: [1, 2, 3, 4] }),
    icmpFrame({ type: 3, code: 3, rest: 0, payload: tcpFrame({}).subarray(14) }),
    ipFrame({ moreFragments: true, payload: new Uint8Array(64) }),
  ];
  for (let round = 0; round < 20_000; round++) {
    const frame = samples[random.below(samples.length)]!.slice(0, 20 + random.below(80));
    for (let flips = random.below(4); flips > 0; flips--)
      frame[random.below(frame.length)] = random.below(256);
    if (random.below(2) === 0 && frame.length > 34 && ethernet.typeOf(frame) === ethernet.TYPE_IPV4)
      repair(frame);
    it.put(frame);
    if (round % 50 === 0) it.frames();
    if (round % 500 === 0) it.now += random.below(3 * SECOND);
  }
  it.frames();
  expect(listener.state).toBe(TcpState.LISTEN);
  expect(it.stack.connections().length).toBeLessThan(1100);
});

/** Makes lengths and checksums right again, so that nonsense gets deeper. */
function repair(frame: Uint8Array): void {
  const packet = frame.subarray(14);
  const header = ipv4.headerLengthOf(packet);
  if (header < 20 || header > packet.length) return;
  packet[2] = packet.length >>> 8;
  packet[3] = packet.length;
  const fields = { ...ipv4.read(packet), options: packet.slice(20, header), payload: packet.slice(header) };
  if (fields.protocol === 6 && fields.payload.length >= 20) {
    fields.payload[16] = fields.payload[17] = 0;
    const total = checksumOf(fields.payload, fields.source, fields.destination);
    fields.payload[16] = total >>> 8;
    fields.payload[17] = total;
  }
  ipv4.write(fields, packet);
}

function checksumOf(bytes: Uint8Array, source: number, destination: number): number {
  let total =
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + 6 + bytes.length;
  for (let i = 0; i < bytes.length; i++) total += bytes[i]! * (i % 2 === 0 ? 256 : 1);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total ^ 0xffff;
}
