/** Source routes (RFC 791 3.1): named by a program, turned round by who is called, followed by routers that shall. */
import { describe, expect, test } from "vitest";
import { type Hand, icmpFrame, ipFrame, PEER, payloadOf, station, US } from "../../test/network/hand.ts";
import { bytesOf, latin1, ManualClock, Random, SECOND } from "../base/index.ts";
import { macFor, Nic } from "./link/nic.ts";
import { Switch } from "./link/switch.ts";
import { tap } from "./link/tap.ts";
import { Router } from "./router/router.ts";
import { type Socket, TcpState } from "./sockets.ts";
import { Stack } from "./stack.ts";
import { parseAddress, parseNetwork, showAddress } from "./wire/address.ts";
import * as icmp from "./wire/icmp.ts";
import * as ipv4 from "./wire/ipv4.ts";
import { readRoute, returnRoute, type SourceRoute, writeRoute } from "./wire/source-route.ts";
import * as tcp from "./wire/tcp.ts";
import { ACK, SYN } from "./wire/tcp.ts";

const at = (text: string): number => parseAddress(text)!;
const loose = (...gateways: string[]): SourceRoute => ({ strict: false, gateways: gateways.map(at) });
const FAR = at("192.0.2.9");

/** The option as it is when the packet has passed these gateways, and none is left. */
function passed(...addresses: string[]): Uint8Array {
  const options = writeRoute(loose("0.0.0.0", ...addresses.slice(0, -1)), at(addresses.at(-1)!));
  options[3] = options[2]! + 1;
  return options;
}

describe("the option", () => {
  test("names the next gateways and the destination, at most nine", () => {
    const options = writeRoute(loose("10.0.0.1", "10.0.1.1"), FAR);
    expect([...options]).toEqual([1, 0x83, 11, 4, 10, 0, 1, 1, 192, 0, 2, 9]);
    expect(readRoute(options)).toEqual({
      strict: false,
      next: at("10.0.1.1"),
      addresses: [at("10.0.1.1"), FAR],
    });
  });

  test("at its end is turned round, with and without the source in it (RFC 1122 3.2.1.8, case B)", () => {
    expect(returnRoute(passed("10.0.0.1", "10.0.1.1"), FAR)).toEqual(loose("10.0.1.1", "10.0.0.1"));
    expect(returnRoute(passed("192.0.2.9", "10.0.1.1"), FAR)).toEqual(loose("10.0.1.1"));
    expect(returnRoute(writeRoute(loose("10.0.0.1"), FAR), FAR)).toBeUndefined();
  });

  test.each([
    ["two of them", [0x83, 7, 8, 10, 0, 0, 1, 0x89, 7, 8, 10, 0, 0, 1, 0, 0]],
    ["a pointer into its head", [0x83, 7, 3, 10, 0, 0, 1, 0]],
    ["a pointer between addresses", [0x83, 7, 6, 10, 0, 0, 1, 0]],
    ["half an address", [0x83, 5, 4, 10, 0, 0, 0, 0]],
    ["no pointer", [0x83, 2, 0, 0]],
  ])("makes no sense with %s", (_what, options) => {
    expect(readRoute(Uint8Array.from(options))).toBe("bad");
    const it = station();
    it.put(ipFrame({ protocol: 6, options: Uint8Array.from(options) }));
    expect([it.lines(), it.stack.drops.of("ip: options")]).toEqual([[], 1]);
  });
});

/** A segment from far away, by the route that these options tell. */
function hear(it: Hand, fields: Partial<tcp.Segment>, options?: Uint8Array): void {
  const segment = { ...tcp.emptySegment, sourcePort: 5000, destinationPort: 80, window: 8000, ...fields };
  const payload = new Uint8Array(tcp.lengthOf(segment));
  tcp.write(segment, FAR, US, payload);
  it.put(ipFrame({ protocol: 6, source: FAR, payload, ...(options && { options }) }));
}

/** Where each segment goes first, what route it has, and that its checksum is that of the destination. */
const ways = (it: Hand): string[] =>
  it.frames().map((frame) => {
    const { destination, options, payload, source } = ipv4.read(frame.subarray(14));
    const route = options.length > 0 ? readRoute(options) : undefined;
    const rest = route && route !== "bad" ? route.addresses : [];
    expect(tcp.check(payload, source, rest.at(-1) ?? destination)).toBeUndefined();
    return [destination, ...rest].map(showAddress).join(" ");
  });

const listening = (it: Hand, sourceRoute?: SourceRoute): Socket => {
  const listener = it.stack.sockets.stream();
  listener.options.sourceRoute = sourceRoute;
  listener.bind(0, 80);
  listener.listen(5);
  return listener;
};

/** A connection that far away has opened, by this way; what our next number is. */
function accepted(it: Hand, listener: Socket, options?: Uint8Array): { socket: Socket; ack: number } {
  hear(it, { flags: SYN, seq: 100, mss: 1460 }, options);
  const answer = it.frames()[0]!;
  const ack = tcp.read(payloadOf(answer)).seq + 1;
  hear(it, { flags: ACK, seq: 101, ack }, options);
  it.frames();
  return { socket: listener.accept() as Socket, ack };
}

describe("TCP (RFC 9293 3.9.2.1)", () => {
  test("a program names the gateways of a connection that it opens (MUST-51)", () => {
    const it = station();
    const socket = it.stack.sockets.stream();
    socket.options.sourceRoute = loose("10.0.2.2", "10.0.1.1");
    expect(socket.connect(FAR, 80)).toBe("in-progress");
    const syn = it.frames()[0]!;
    const { destination, options, payload } = ipv4.read(syn.subarray(14));
    expect([destination, [...options]]).toEqual([PEER, [...writeRoute(loose("10.0.2.2", "10.0.1.1"), FAR)]]);
    const { sourcePort, seq, mss } = tcp.read(payload);
    expect(mss).toBe(1460); // what we take (MUST-67)
    hear(it, {
      sourcePort: 80,
      destinationPort: sourcePort,
      flags: SYN | ACK,
      seq: 9,
      ack: seq + 1,
      mss: 1460,
    });
    socket.send(new Uint8Array(5000));
    const sent = it.frames();
    expect(Math.max(...sent.map((frame) => frame.length))).toBe(1514); // options take their room from the data
    for (const frame of sent) expect(ipv4.read(frame.subarray(14)).options).toEqual(options);
  });

  test("one that cannot be sent is refused: none, too many, a group, over IPv6", () => {
    const it = station();
    const connect = (route: SourceRoute, to: Parameters<Socket["connect"]>[0] = FAR): string | undefined => {
      const socket = it.stack.sockets.stream();
      socket.options.sourceRoute = route;
      return socket.connect(to, 80);
    };
    expect(connect(loose())).toBe("invalid");
    expect(connect(loose(...new Array<string>(10).fill("10.0.2.2")))).toBe("invalid");
    expect(connect(loose("224.0.0.1"))).toBe("invalid");
    expect(connect(loose("10.0.2.2"), "fd00::1" as never)).toBe("invalid");
    expect(connect(loose(...new Array<string>(9).fill("10.0.2.2")))).toBe("in-progress");
  });

  test("the way that a SYN came is gone back by all segments, and a later one overrides it (MUST-53)", () => {
    const it = station();
    const listener = listening(it);
    const back = passed("10.0.1.1", "10.0.2.2");
    hear(it, { flags: SYN, seq: 100, sourcePort: 4999 }, back);
    expect(ways(it)).toEqual(["10.0.2.2 10.0.1.1 192.0.2.9"]);
    const { socket, ack } = accepted(it, listener, back);
    socket.send(bytesOf("x"));
    expect(ways(it)).toEqual(["10.0.2.2 10.0.1.1 192.0.2.9"]);
    hear(it, { flags: ACK, seq: 101, ack: ack + 1 }); // one that came without leaves it as it is
    socket.send(bytesOf("y"));
    expect(ways(it)).toEqual(["10.0.2.2 10.0.1.1 192.0.2.9"]);
    hear(it, { flags: ACK, seq: 101, ack: ack + 2 }, passed("10.0.2.3"));
    it.frames();
    it.stack.setNeighbour(0, at("10.0.2.3"), 0x525400000003);
    socket.send(bytesOf("z"));
    expect(ways(it)).toEqual(["10.0.2.3 192.0.2.9"]);
  });

  test("a segment that nobody believes turns no connection to another way", () => {
    const it = station();
    const { socket, ack } = accepted(it, listening(it));
    hear(it, { flags: ACK, seq: 90_000, ack }, passed("10.0.2.2"));
    hear(it, { flags: ACK, seq: 101, ack: ack + 5000 }, passed("10.0.2.2"));
    it.frames();
    socket.send(bytesOf("x"));
    expect(ways(it)).toEqual(["192.0.2.9"]);
  });

  test("the program's choice comes before one that was received (MUST-52)", () => {
    const it = station();
    listening(it, loose("10.0.2.2", "10.0.9.1"));
    hear(it, { flags: SYN, seq: 100 }, passed("10.0.1.1", "10.0.2.2"));
    expect(ways(it)).toEqual(["10.0.2.2 10.0.9.1 192.0.2.9"]);
  });

  test("a cookie and a reset go back the same way, and what follows the cookie too", () => {
    const it = station({ tcp: { halfOpen: 0 } });
    listening(it);
    hear(it, { flags: SYN, seq: 100, destinationPort: 81 }, passed("10.0.2.2"));
    expect(ways(it)).toEqual(["10.0.2.2 192.0.2.9"]);
    hear(it, { flags: SYN, seq: 100 }, passed("10.0.2.2"));
    const cookie = it.frames()[0]!;
    expect(readRoute(ipv4.read(cookie.subarray(14)).options)).toMatchObject({ addresses: [FAR] });
    const { seq } = tcp.read(payloadOf(cookie));
    hear(it, { flags: ACK, seq: 101, ack: seq + 1 }, passed("10.0.2.2"));
    it.frames();
    expect(it.stack.connections()[0]?.route).toEqual(loose("10.0.2.2"));
  });

  test("a way back through a group or a broadcast address is none", () => {
    const it = station();
    listening(it);
    for (const hop of ["10.0.2.255", "224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0"])
      hear(it, { flags: SYN, seq: 100 }, passed(hop));
    const codes = it.frames().map((frame) => icmp.read(payloadOf(frame)).code);
    expect([codes, it.stack.drops.of("ip: source route")]).toEqual([new Array(5).fill(5), 5]);
  });

  test("in TIME-WAIT the way is still known", () => {
    const it = station();
    const back = passed("10.0.2.2");
    const { socket, ack } = accepted(it, listening(it), back);
    socket.close();
    it.frames();
    hear(it, { flags: ACK | tcp.FIN, seq: 101, ack: ack + 1 }, back);
    expect([ways(it), it.stack.connections()[0]?.state]).toEqual([
      ["10.0.2.2 192.0.2.9"],
      TcpState.TIME_WAIT,
    ]);
    hear(it, { flags: ACK | tcp.FIN, seq: 101, ack: ack + 1 });
    expect(ways(it)).toEqual(["10.0.2.2 192.0.2.9"]);
  });

  test("errors about such a segment are for the connection, though they name its next hop", () => {
    const it = station();
    const socket = it.stack.sockets.stream();
    socket.options.sourceRoute = loose("10.0.2.2");
    socket.connect(FAR, 80);
    const about = it.frames()[0]!.subarray(14, 14 + 28 + 8);
    it.put(icmpFrame({ type: 3, code: 1, rest: 0, payload: about }));
    it.frames();
    expect(socket.connect(FAR, 80)).toBe("host-unreachable");
  });
});

describe("on the way", () => {
  test("an echo request's route is turned round for the reply (RFC 1122 3.2.2.6)", () => {
    const it = station();
    const options = passed("10.0.1.1", "10.0.2.2");
    const echo = { type: 8, code: 0, rest: 7, payload: bytesOf("hello") };
    it.put(icmpFrame(echo, { source: FAR, options }));
    const reply = ipv4.read(it.frames()[0]!.subarray(14));
    expect(reply.destination).toBe(at("10.0.2.2"));
    expect([...reply.options]).toEqual([...writeRoute(loose("10.0.2.2", "10.0.1.1"), FAR)]);
  });

  test("a host is no gateway, and a router that was not told to follow them says so (RFC 1122 3.3.5, RFC 7126 4.3)", () => {
    for (const forward of [false, true]) {
      const it = station({ forward });
      it.put(ipFrame({ options: writeRoute(loose("10.0.2.15"), FAR), source: at("10.0.2.7") }));
      it.stack.setNeighbour(0, at("10.0.2.7"), 0x525400000007);
      expect(it.lines()[0]).toContain("ICMP unreachable code 5");
      expect(it.stack.drops.of("ip: source route")).toBe(1);
    }
  });

  test("a router passes none on either that it is not named in", () => {
    const it = station({ forward: true });
    it.put(ipFrame({ protocol: 6, destination: FAR, options: writeRoute(loose("10.9.9.9"), FAR) }));
    it.frames();
    expect([it.stack.counters.ipForwarded, it.stack.drops.of("ip: source route")]).toEqual([0, 1]);
  });

  /** a (10.0.1.10) — first — 10.0.5.0/24 — second — b (10.0.2.10), with no routes but those of the links. */
  function chain(sourceRoutes: boolean) {
    const clock = new ManualClock();
    const [left, middle, right] = [0, 1, 2].map(() => new Switch({ clock })) as [Switch, Switch, Switch];
    const router = (one: Switch, address: string, other: Switch, there: string): Router =>
      new Router({
        clock,
        random: new Random(1),
        sourceRoutes,
        interfaces: [
          { port: one.plug(), address },
          { port: other.plug(), address: there },
        ],
      });
    const first = router(left, "10.0.1.1/24", middle, "10.0.5.1/24");
    const second = router(middle, "10.0.5.2/24", right, "10.0.2.1/24");
    const seen: string[] = [];
    const host = (place: Switch, address: string): Stack => {
      const network = parseNetwork(address)!;
      const port = tap(place.plug(), (frame, direction) => {
        if (direction === "received" || frame[12] !== 8 || frame[13] !== 0) return;
        const { destination, options } = ipv4.read(frame.subarray(14));
        const route = readRoute(options);
        const rest = route && route !== "bad" ? route.addresses : [];
        seen.push([destination, ...rest].map(showAddress).join(" "));
      });
      const stack = new Stack({
        nics: [new Nic({ port, mac: macFor(network.address) })],
        random: new Random(3),
      });
      stack.configure(0, network);
      return stack;
    };
    const [a, b] = [host(left, "10.0.1.10/24"), host(right, "10.0.2.10/24")];
    const stations = [a, b, first, second];
    const run = (): void => {
      const end = clock.now() + 20 * SECOND;
      for (;;) {
        while (stations.map((each) => each.poll(clock.now())).includes(true)) {}
        const next = Math.min(...stations.map((each) => each.deadline()));
        if (next > end) return;
        clock.advanceTo(Math.max(clock.now(), next));
      }
    };
    return { a, b, seen, run };
  }

  test.each([
    ["loose", false],
    ["strict", true],
  ])("two hosts without routes talk by a %s one through two routers that follow it", (_kind, strict) => {
    const { a, b, seen, run } = chain(true);
    const listener = b.sockets.stream();
    listener.bind(0, 80);
    listener.listen(1);
    const socket = a.sockets.stream();
    socket.options.sourceRoute = { strict, gateways: [at("10.0.1.1"), at("10.0.5.2")] };
    socket.connect(at("10.0.2.10"), 80);
    run();
    const peer = listener.accept() as Socket;
    peer.send(bytesOf("hello"));
    run();
    const text = new Uint8Array(100);
    expect(latin1(text.subarray(0, socket.receive(text) as number))).toBe("hello");
    expect([...new Set(seen)]).toEqual(["10.0.1.1 10.0.5.2 10.0.2.10", "10.0.2.1 10.0.5.1 10.0.1.10"]);
  });

  test("a strict one that leaves a hop out is refused on the way", () => {
    const { a, run } = chain(true);
    const socket = a.sockets.stream();
    socket.options.sourceRoute = { strict: true, gateways: [at("10.0.1.1")] };
    socket.connect(at("10.0.2.10"), 80);
    run();
    expect(socket.connect(at("10.0.2.10"), 80)).toBe("host-unreachable");
  });

  test("routers refuse them unless they are told to follow them", () => {
    const { a, run } = chain(false);
    const socket = a.sockets.stream();
    socket.options.sourceRoute = loose("10.0.1.1", "10.0.5.2");
    socket.connect(at("10.0.2.10"), 80);
    run();
    expect(socket.connect(at("10.0.2.10"), 80)).toBe("host-unreachable");
  });
});
