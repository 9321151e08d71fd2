/** IPv6 beyond the stack: the gateway, routers and services, and this host's own ::1. */
import { createServer, connect as netConnect } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { bytesOf, latin1, ManualClock, type Micros, Random, SECOND } from "../../src/base/index.ts";
import {
  ANY6,
  allowOnly,
  DnsServer,
  EchoService,
  Gateway,
  type GatewayOptions,
  HttpServer,
  MemoryOutside,
  macFor,
  Nic,
  NtpServer,
  type Outside,
  type Port,
  parseAddress6,
  parseHostPort,
  parseNetwork6,
  parsePublication,
  Router,
  type Socket,
  Stack,
  Switch,
  showAddress6,
} from "../../src/net/index.ts";
import { parse, Rcode, Type, write } from "../../src/net/service/wire/dns.ts";
import { NodeOutside } from "../../src/node/index.ts";
import { World } from "../../src/world.ts";

const six = (address: string) => parseAddress6(address)!;
const GATEWAY = six("fd00::2");

interface Moving {
  poll(now: Micros): boolean;
  deadline(): Micros;
}

/** Lets time pass until the condition holds; false when nothing could make it hold within `span`. */
function until(
  clock: ManualClock,
  moving: readonly Moving[],
  condition: () => boolean,
  span = 60 * SECOND,
): boolean {
  const end = clock.now() + span;
  for (;;) {
    while (moving.map((each) => each.poll(clock.now())).some(Boolean)) {}
    if (condition()) return true;
    const next = Math.min(...moving.map((each) => each.deadline()));
    if (next > end) return false;
    clock.advanceTo(Math.max(next, clock.now()));
  }
}

let cards = 0;

/** A station that finds its IPv6 address itself, or has the one given. */
function host(port: Port, address?: string, gateway?: string): Stack {
  const stack = new Stack({
    nics: [new Nic({ port, mac: macFor(0x0a000300 + ++cards) })],
    random: new Random(cards),
  });
  stack.configure6(0, {
    addresses: address === undefined ? [] : [parseNetwork6(address)!],
    duplicateDetection: address === undefined ? 1 : 0,
    ...(gateway !== undefined && { gateway: six(gateway) }),
  });
  return stack;
}

/** Says back what comes, to each that connects. */
function echoAt(stack: Stack, port: number): void {
  const listener = stack.sockets.stream();
  expect(listener.bind(ANY6, port)).toBeUndefined();
  listener.listen(8);
  listener.onChange = () => {
    for (let next = listener.accept(); typeof next === "object"; next = listener.accept()) {
      const socket: Socket = next;
      socket.onChange = () => {
        const into = new Uint8Array(4096);
        for (let got = socket.receive(into); typeof got === "number"; got = socket.receive(into)) {
          if (got === 0) {
            socket.close();
            return;
          }
          socket.send(into.subarray(0, got));
        }
      };
    }
  };
}

const received = (socket: Socket): string => {
  const into = new Uint8Array(4096);
  const got = socket.receive(into);
  return typeof got === "number" ? latin1(into.subarray(0, got)) : "";
};

function network(options: Partial<GatewayOptions> & { rules?: string[]; address?: string } = {}) {
  const clock = new ManualClock();
  const lan = new Switch({ clock });
  const outside = new MemoryOutside({ clock, names: { "six.example": ["2001:db8::80", "192.0.2.80"] } });
  const outbound = options.rules ? allowOnly(options.rules) : undefined;
  if (typeof outbound === "object") throw new Error(outbound.error);
  const gateway = new Gateway({
    port: lan.plug(),
    outside,
    random: new Random(7),
    address6: "fd00::2/64",
    ...(outbound && { outbound }),
    ...options,
  });
  const guest = host(lan.plug(), options.address ?? "fd00::15/64");
  const moving = [guest, gateway];
  const wait = (condition: () => boolean): boolean => until(clock, moving, condition);
  expect(wait(() => guest.routers6(0).length > 0)).toBe(true);
  return { clock, lan, outside, gateway, guest, wait };
}

describe("the gateway speaks IPv6", () => {
  test("and advertises itself: a guest makes itself an address and has a way out", () => {
    const clock = new ManualClock();
    const lan = new Switch({ clock });
    const gateway = new Gateway({
      port: lan.plug(),
      outside: new MemoryOutside({ clock }),
      random: new Random(7),
      address6: "fd00::2/64",
    });
    const guest = host(lan.plug());
    const own = (): string[] =>
      guest
        .addresses6(0)
        .flatMap(({ address, state }) => (state === "preferred" ? [showAddress6(address)] : []));
    expect(until(clock, [guest, gateway], () => own().length === 2)).toBe(true);
    expect(own()[1]).toMatch(/^fd00::/);
    expect(guest.routers6(0)).toEqual([gateway.stack.addresses6(0)[0]!.address]);
    // It says so again as long as it is there, so the way stays.
    until(clock, [guest, gateway], () => false, 3 * 3600 * SECOND);
    expect(guest.routers6(0)).toHaveLength(1);
  });

  test("and carries connections to what the allow-list names, and to nothing else", () => {
    const it = network({ rules: ["[2001:db8::/32]:80/tcp"] });
    const streams: string[] = [];
    it.outside.listen({ host: "2001:db8::80", port: 80 }, (stream) => {
      stream.onChange = () => {
        for (let next = stream.read(); next; next = stream.read()) {
          streams.push(latin1(next));
          stream.write(bytesOf("well met"));
        }
      };
    });
    const socket = it.guest.sockets.stream();
    expect(socket.connect(six("2001:db8::80"), 80)).toBe("in-progress");
    expect(it.wait(() => socket.writable)).toBe(true);
    socket.send(bytesOf("hello"));
    let answer = "";
    expect(it.wait(() => (answer += received(socket)) === "well met")).toBe(true);
    expect(streams).toEqual(["hello"]);
    expect(it.gateway.counters.outbound.connections).toBe(1);

    for (const place of ["2001:db9::80", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"]) {
      const other = it.guest.sockets.stream();
      other.connect(six(place), 80);
      expect(
        it.wait(() => other.closed),
        place,
      ).toBe(true);
    }
    expect(it.gateway.counters.outbound.connections).toBe(1);
  });

  test("and carries datagrams; what may not go is told by ICMPv6", () => {
    const it = network({ rules: ["[2001:db8::53]:53/udp"] });
    const server = it.outside.bind({ host: "2001:db8::53", port: 53 });
    server.onChange = () => {
      for (let next = server.receive(); next; next = server.receive()) server.send(next.payload, next.from);
    };
    const socket = it.guest.sockets.datagram();
    socket.connect(six("2001:db8::53"), 53);
    socket.send(bytesOf("who?"));
    expect(it.wait(() => socket.readable)).toBe(true);
    expect(received(socket)).toBe("who?");
    const other = it.guest.sockets.datagram();
    other.connect(six("2001:db8::54"), 53);
    other.send(bytesOf("who?"));
    expect(it.wait(() => other.takeError() === "prohibited")).toBe(true);
  });

  test("and reaches guests for published ports, from ::1 and to an address of IPv6", () => {
    const publication = parsePublication("[::1]:8080:[fd00::15]:80");
    if ("error" in publication) throw new Error(publication.error);
    const it = network({ publish: [publication] });
    echoAt(it.guest, 80);
    expect(it.wait(() => it.gateway.published[0]!.state === "open")).toBe(true);
    const stream = it.outside.connect({ host: "::1", port: 8080 });
    expect(it.wait(() => stream.state === "open")).toBe(true);
    stream.write(bytesOf("from outside"));
    let answer = "";
    expect(
      it.wait(() => {
        for (let next = stream.read(); next; next = stream.read()) answer += latin1(next);
        return answer === "from outside";
      }),
    ).toBe(true);
  });

  test("and leads to ports of the host's ::1 that were opened", () => {
    const hostPort = parseHostPort("80:[::1]:3000");
    if ("error" in hostPort) throw new Error(hostPort.error);
    const it = network({ hostPorts: [hostPort] });
    it.outside.listen({ host: "::1", port: 3000 }, (stream) => {
      stream.write(bytesOf("welcome"));
    });
    const socket = it.guest.sockets.stream();
    socket.connect(GATEWAY, 80);
    let answer = "";
    expect(it.wait(() => (answer += received(socket)) === "welcome")).toBe(true);
    const closed = it.guest.sockets.stream();
    closed.connect(GATEWAY, 81);
    expect(it.wait(() => closed.closed)).toBe(true);
  });
});

describe("a router passes IPv6 on", () => {
  const routed = () => {
    const clock = new ManualClock();
    const lans = [new Switch({ clock }), new Switch({ clock }), new Switch({ clock })] as const;
    const router = (left: number, right: number, routes: string[]): Router =>
      new Router({
        clock,
        random: new Random(left),
        routes,
        interfaces: [left, right].map((lan) => ({
          port: lans[lan]!.plug(),
          address: `10.0.${lan}.${left + 1}/24`,
          address6: `fd00:${lan}::${left + 1}/64`,
        })),
      });
    const first = router(0, 1, ["fd00:2::/64 via fd00:1::2"]);
    const second = router(1, 2, ["fd00:0::/64 via fd00:1::1"]);
    return { clock, lans, first, second };
  };

  test("over two of them, to stations that found their addresses by what the routers say", () => {
    const { clock, lans, first, second } = routed();
    const near = host(lans[0].plug());
    const far = host(lans[2].plug(), "fd00:2::99/64");
    const moving = [near, far, first, second];
    expect(until(clock, moving, () => near.routers6(0).length > 0 && far.routers6(0).length > 0)).toBe(true);
    expect(
      until(clock, moving, () => near.addresses6(0).filter((own) => own.state === "preferred").length > 1),
    ).toBe(true);
    echoAt(far, 7);
    const socket = near.sockets.stream();
    socket.connect(six("fd00:2::99"), 7);
    expect(until(clock, moving, () => socket.writable)).toBe(true);
    socket.send(bytesOf("across"));
    let answer = "";
    expect(until(clock, moving, () => (answer += received(socket)) === "across")).toBe(true);
    expect(first.stack.counters.ip6Forwarded).toBeGreaterThan(3);
    expect(second.stack.counters.ip6Forwarded).toBeGreaterThan(3);
  });

  test("and says where it cannot", () => {
    const { clock, lans, first, second } = routed();
    const near = host(lans[0].plug(), "fd00:0::15/64", "fd00:0::1");
    const moving = [near, first, second];
    const socket = near.sockets.datagram();
    socket.connect(six("fd00:77::1"), 9);
    socket.send(bytesOf("?"));
    expect(until(clock, moving, () => socket.takeError() === "network-unreachable")).toBe(true);
    const nobody = near.sockets.datagram();
    nobody.connect(six("fd00:2::1234"), 9);
    nobody.send(bytesOf("?"));
    expect(until(clock, moving, () => nobody.takeError() === "host-unreachable")).toBe(true);
  });
});

describe("services answer over IPv6", () => {
  const served = <T extends Moving>(make: (stack: Stack) => T) => {
    const clock = new ManualClock();
    const lan = new Switch({ clock });
    const station = host(lan.plug(), "fd00::3/64");
    const guest = host(lan.plug(), "fd00::15/64");
    const service = make(station);
    const wait = (condition: () => boolean): boolean => until(clock, [guest, service], condition);
    const ask = (port: number, payload: Uint8Array): Uint8Array => {
      const socket = guest.sockets.datagram();
      socket.send(payload, { address: six("fd00::3"), port });
      expect(wait(() => socket.readable)).toBe(true);
      const answer = socket.receiveDatagram();
      if (typeof answer === "string") throw new Error(answer);
      return answer.payload;
    };
    return { guest, service, wait, ask };
  };

  test("DNS, with AAAA of its own and of the host's", () => {
    const resolve = (_name: string, answer: (all: string[]) => void) =>
      answer(["192.0.2.80", "2001:db8::80"]);
    const it = served((stack) => new DnsServer({ stack, hosts: { "server.lab": "fd00::15" }, resolve }));
    const asked = (name: string, type: number) => {
      const empty = { answers: [], authorities: [], additionals: [], authoritative: false, truncated: false };
      const header = {
        id: 1,
        response: false,
        opcode: 0,
        recursionDesired: true,
        recursionAvailable: false,
        rcode: 0,
      };
      const answer = parse(
        it.ask(53, write({ ...header, ...empty, questions: [{ name, type, class: 1 }] }, 512)),
      );
      if (typeof answer === "string") throw new Error(answer);
      expect(answer.rcode).toBe(Rcode.NOERROR);
      return answer.answers.map(({ data }) => ("address" in data ? data.address : undefined));
    };
    expect(asked("server.lab", Type.AAAA)).toEqual([six("fd00::15")]);
    expect(asked("six.example", Type.AAAA)).toEqual([six("2001:db8::80")]);
    expect(asked("six.example", Type.A)).toEqual([0xc0000250]);
  });

  test("echo over both protocols, NTP, HTTP", () => {
    const echo = served((stack) => new EchoService({ stack }));
    expect(latin1(echo.ask(7, bytesOf("abc")))).toBe("abc");
    const socket = echo.guest.sockets.stream();
    socket.connect(six("fd00::3"), 7);
    expect(echo.wait(() => socket.writable)).toBe(true);
    socket.send(bytesOf("stream"));
    let answer = "";
    expect(echo.wait(() => (answer += received(socket)) === "stream")).toBe(true);

    const ntp = served((stack) => new NtpServer({ stack }));
    const request = new Uint8Array(48);
    request[0] = 0x23;
    expect(ntp.ask(123, request)[0]! & 7).toBe(4);

    const http = served((stack) => new HttpServer({ stack, pages: { "/": "six" } }));
    const browser = http.guest.sockets.stream();
    browser.connect(six("fd00::3"), 80);
    expect(http.wait(() => browser.writable)).toBe(true);
    browser.send(bytesOf("GET / HTTP/1.0\r\n\r\n"));
    let page = "";
    expect(http.wait(() => (page += received(browser)).endsWith("\r\n\r\nsix"))).toBe(true);
  });
});

const hasLoopback6 = Object.values(networkInterfaces()).some((card) =>
  card?.some(({ address }) => address === "::1"),
);

describe.skipIf(!hasLoopback6)("this host's ::1", () => {
  const real = async (
    options: Partial<GatewayOptions>,
    use: (guest: Stack, gateway: Gateway) => Promise<void>,
  ) => {
    const world = new World({ clock: { now: () => Math.floor(performance.now() * 1000) } });
    const lan = new Switch({ clock: world.clock });
    const outside: Outside = new NodeOutside();
    outside.onWake = () => world.wake();
    const gateway = new Gateway({
      port: lan.plug(),
      outside,
      random: new Random(1),
      address6: "fd00::2/64",
      ...options,
    });
    const guest = host(lan.plug(), "fd00::15/64", "fd00::2");
    world.add(guest);
    world.add(gateway, { outside: true });
    expect(await gateway.opened()).toEqual([]);
    const running = world.go();
    try {
      await use(guest, gateway);
    } finally {
      gateway.close();
      world.stop();
      await running;
      await outside.close();
    }
  };

  test("reaches a guest's server of IPv6 through a port published there", async () => {
    const publication = parsePublication("[::1]:0:[fd00::15]:80");
    if ("error" in publication) throw new Error(publication.error);
    await real({ publish: [publication] }, async (guest, gateway) => {
      echoAt(guest, 80);
      const socket = netConnect(gateway.published[0]!.at.port, "::1");
      socket.end("over IPv6");
      expect(await text(socket)).toBe("over IPv6");
    });
  });

  test("has a server that a guest reaches where the command line opened it", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {}); // the end of the test may reset it
      socket.end("at your service");
    });
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    const { port } = server.address() as { port: number };
    const hostPort = parseHostPort(`80:[::1]:${port}`);
    if ("error" in hostPort) throw new Error(hostPort.error);
    await real({ hostPorts: [hostPort] }, async (guest) => {
      const socket = guest.sockets.stream();
      socket.connect(GATEWAY, 80);
      let answer = "";
      await new Promise<void>((resolve) => {
        socket.onChange = () => {
          answer += received(socket);
          if (answer === "at your service") resolve();
        };
      });
    });
    server.close();
  });
});
