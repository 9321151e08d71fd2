import { describe, expect, test } from "vitest";
import { FOREVER, ManualClock, type Micros, MS, Random, SECOND } from "../../src/base/index.ts";
import {
  Gateway,
  type GatewayOptions,
  MemoryOutside,
  type MemoryOutsideOptions,
  Nic,
  type OutsideStream,
  type Publication,
  parseAddress,
  parseNetwork,
  parsePublication,
  type Socket,
  Stack,
  Switch,
} from "../../src/net/index.ts";

const address = (text: string): number => parseAddress(text)!;
const GATEWAY = address("10.0.2.2");
const WEB = { host: "192.0.2.80", port: 80 };

function publication(text: string): Publication {
  const parsed = parsePublication(text);
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed;
}

interface Options extends Partial<Omit<GatewayOptions, "publish">> {
  publish?: string[];
  memory?: Partial<MemoryOutsideOptions>;
  guests?: string[];
}

/** A switch with guests, a gateway and an outside made of memory, all on one clock. */
function network({ publish = [], memory = {}, guests = ["10.0.2.15"], ...options }: Options = {}) {
  const clock = new ManualClock();
  const lan = new Switch({ clock });
  const outside = new MemoryOutside({ clock, hosts: [WEB.host], ...memory });
  const gateway = new Gateway({
    port: lan.plug("gateway"),
    outside,
    random: new Random(7),
    publish: publish.map(publication),
    ...options,
  });
  const stacks = guests.map((text, i) => {
    const nic = new Nic({ port: lan.plug(text), mac: 0x525400000010 + i });
    const stack = new Stack({ nics: [nic], random: new Random(100 + i) });
    stack.configure(0, { ...parseNetwork(`${text}/24`)!, gateway: GATEWAY });
    return stack;
  });
  const moving = [...stacks, gateway];
  const settle = (): void => {
    for (let round = 0, moved = true; moved; round++) {
      if (round > 10_000) throw new Error("never quiet");
      moved = false;
      for (const each of moving) if (each.poll(clock.now())) moved = true;
    }
  };
  /** Lets time pass until the condition holds; false when nothing is left that could make it hold, or time is over. */
  const until = (condition: () => boolean, limit: Micros = FOREVER): boolean => {
    const end = clock.now() + limit;
    for (;;) {
      settle();
      if (condition()) return true;
      const next = Math.min(...moving.map((each) => each.deadline()));
      if (next === FOREVER || next > end) return false;
      clock.advanceTo(Math.max(next, clock.now()));
    }
  };
  /** Lets so much time pass. */
  const pass = (span: Micros): void => {
    const end = clock.now() + span;
    until(() => false, span);
    clock.advanceTo(end);
    settle();
  };
  return { clock, lan, outside, gateway, guest: stacks[0]!, stacks, settle, until, pass };
}
type Network = ReturnType<typeof network>;

/** A guest's server: hands out each connection as it is accepted. */
function serve(stack: Stack, port: number, onSocket: (socket: Socket) => void): Socket {
  const listener = stack.sockets.stream();
  expect(listener.bind(0, port)).toBeUndefined();
  expect(listener.listen(128)).toBeUndefined();
  listener.onChange = () => {
    for (let next = listener.accept(); typeof next === "object"; next = listener.accept()) onSocket(next);
  };
  return listener;
}

/** Sends back what comes, and ends when the peer ends. */
function echo(socket: Socket): void {
  const buffer = new Uint8Array(4096);
  let waiting: Uint8Array | undefined;
  const work = (): void => {
    for (;;) {
      while (waiting !== undefined) {
        const sent = socket.send(waiting);
        if (typeof sent !== "number") return;
        waiting = sent < waiting.length ? waiting.subarray(sent) : undefined;
      }
      const got = socket.receive(buffer);
      if (typeof got !== "number") return;
      if (got === 0) {
        socket.close();
        return;
      }
      waiting = buffer.slice(0, got);
    }
  };
  socket.onChange = work;
  work();
}

function received(socket: Socket): number[] {
  const buffer = new Uint8Array(65536);
  const bytes: number[] = [];
  for (let got = socket.receive(buffer); typeof got === "number" && got > 0; got = socket.receive(buffer)) {
    bytes.push(...buffer.subarray(0, got));
  }
  return bytes;
}

function readAll(stream: OutsideStream): number[] {
  const bytes: number[] = [];
  for (let next = stream.read(); next !== undefined; next = stream.read()) bytes.push(...next);
  return bytes;
}

/** A connection through a published port, both of its ends. */
function through(net: Network, port = 8080): { host: OutsideStream; guest: Socket } {
  let guest: Socket | undefined;
  const listener = serve(net.guest, 80, (socket) => (guest = socket));
  const host = net.outside.connect({ host: "127.0.0.1", port });
  expect(net.until(() => guest !== undefined && host.state === "open", 10 * SECOND)).toBe(true);
  listener.close();
  return { host, guest: guest! };
}

const pattern = (length: number): Uint8Array => {
  const random = new Random(length);
  return Uint8Array.from({ length }, () => random.u32());
};

describe("published TCP ports", () => {
  test("a connection from outside reaches the guest, and bytes go both ways", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    expect(guest.remote!.address).toBe(GATEWAY);
    host.write(Uint8Array.of(1, 2, 3));
    guest.send(Uint8Array.of(4, 5));
    const atGuest: number[] = [];
    const atHost: number[] = [];
    const done = net.until(() => {
      atGuest.push(...received(guest));
      atHost.push(...readAll(host));
      return atGuest.length >= 3 && atHost.length >= 2;
    });
    expect(done).toBe(true);
    expect([atGuest, atHost]).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(net.gateway.counters.inbound).toMatchObject({
      connections: 1,
      active: 1,
      failed: 0,
      bytesToGuest: 3,
      bytesFromGuest: 2,
    });
  });

  test("a guest that answers in small pieces never waits for a delayed acknowledgement", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    const began = net.clock.now();
    const sent: number[] = [];
    const got: number[] = [];
    for (let piece = 0; piece < 200; piece++) {
      guest.send(Uint8Array.of(piece));
      guest.send(Uint8Array.of(piece, piece)); // Nagle keeps this one until the first is acknowledged
      sent.push(piece, piece, piece);
      net.settle();
      got.push(...readAll(host));
    }
    expect(got).toEqual(sent);
    expect(net.clock.now()).toBe(began);
  });

  test("bytes written before the guest has answered are not lost", () => {
    const net = network({ publish: ["8080:80"] });
    serve(net.guest, 80, echo);
    const host = net.outside.connect({ host: "127.0.0.1", port: 8080 });
    net.outside.poll(0); // the host's connection is there, the guest's not yet
    net.outside.poll(0);
    expect(host.state).toBe("open");
    host.write(Uint8Array.of(9, 8, 7));
    host.end();
    const got: number[] = [];
    net.until(() => {
      got.push(...readAll(host));
      return host.finished;
    });
    expect(got).toEqual([9, 8, 7]);
  });

  test("half-close from outside: the guest sees the end after all bytes and can still answer", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    host.write(Uint8Array.of(1));
    host.end();
    net.settle();
    expect(received(guest)).toEqual([1]);
    expect(guest.receive(new Uint8Array(1))).toBe(0);
    expect(host.state).toBe("open");
    guest.send(Uint8Array.of(2));
    guest.close();
    const got: number[] = [];
    net.until(() => {
      got.push(...readAll(host));
      return host.state === "closed" && host.finished;
    });
    expect(got).toEqual([2]);
    expect(host.failure).toBeUndefined();
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("half-close by the guest: the host sees the end and can still send", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    guest.send(Uint8Array.of(1));
    guest.shutdown("send");
    const got: number[] = [];
    expect(
      net.until(() => {
        got.push(...readAll(host));
        return host.finished;
      }),
    ).toBe(true);
    expect(got).toEqual([1]);
    host.write(Uint8Array.of(2, 3));
    net.settle();
    expect(received(guest)).toEqual([2, 3]);
    host.end();
    net.settle();
    expect(guest.receive(new Uint8Array(1))).toBe(0);
    guest.close();
    net.pass(5 * SECOND);
    expect(host.state).toBe("closed");
    expect(host.failure).toBeUndefined();
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a guest that refuses: the host's connection is reset", () => {
    const net = network({ publish: ["8080:80"] });
    const host = net.outside.connect({ host: "127.0.0.1", port: 8080 });
    expect(net.until(() => host.state === "closed", SECOND)).toBe(true);
    expect(host.failure!.reason).toBe("reset");
    expect(net.gateway.counters.inbound).toMatchObject({ connections: 0, failed: 1, active: 0 });
  });

  test("a guest that is not there: the host's connection is reset when ARP gives up", () => {
    const net = network({ publish: ["8080:80"], guests: ["10.0.2.99"] });
    const host = net.outside.connect({ host: "127.0.0.1", port: 8080 });
    expect(net.until(() => host.state === "closed", 300 * SECOND)).toBe(true);
    expect(host.failure!.reason).toBe("reset");
    expect(net.clock.now()).toBeGreaterThan(SECOND);
  });

  test("a reset by the host reaches the guest", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    host.reset();
    net.until(() => guest.closed, SECOND);
    expect(guest.receive(new Uint8Array(1))).toBe("reset");
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a reset by the guest reaches the host", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    guest.abort();
    net.until(() => host.state === "closed", SECOND);
    expect(host.failure!.reason).toBe("reset");
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a host that sends and resets at once: the guest gets its last words, then the reset", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    host.write(Uint8Array.of(7, 7));
    host.reset();
    net.until(() => guest.closed, SECOND);
    const buffer = new Uint8Array(10);
    expect([guest.receive(buffer), guest.receive(buffer)]).toEqual([2, "reset"]);
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a guest that closes without reading all: the host gets its last words, then the reset", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    host.write(new Uint8Array(5000));
    net.settle();
    guest.send(Uint8Array.of(4, 0, 4));
    net.guest.poll(net.clock.now()); // both segments leave, and the gateway hears of both at a time
    guest.close();
    host.write(new Uint8Array(5000));
    net.until(() => host.state === "closed", SECOND);
    expect(host.failure!.reason).toBe("reset");
    expect(readAll(host)).toEqual([4, 0, 4]);
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a host that gives up before the guest has answered: the guest hears of it", () => {
    const net = network({ publish: ["8080:80"] });
    const accepted: Socket[] = [];
    serve(net.guest, 80, (socket) => accepted.push(socket));
    const host = net.outside.connect({ host: "127.0.0.1", port: 8080 });
    net.outside.poll(0);
    net.outside.poll(0);
    host.reset();
    net.pass(SECOND);
    for (const socket of accepted) expect(socket.closed).toBe(true);
    expect(net.gateway.counters.inbound.active).toBe(0);
  });

  test("a guest that does not read makes the host wait, and gets everything in the end", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    const all = pattern(4_000_000);
    let sent = 0;
    const write = (): void => {
      while (host.room > 0 && sent < all.length) {
        const piece = all.subarray(sent, sent + Math.min(host.room, 20_000));
        host.write(piece);
        sent += piece.length;
      }
    };
    for (let i = 0; i < 100; i++) {
      write();
      net.pass(10 * MS);
    }
    expect(host.room).toBeLessThanOrEqual(0);
    expect(sent).toBeLessThan(2_000_000); // what all buffers on the way hold
    const buffer = new Uint8Array(10_000);
    let got = 0;
    let wrong = 0;
    const done = net.until(() => {
      write();
      for (let count = guest.receive(buffer); typeof count === "number"; count = guest.receive(buffer)) {
        for (let i = 0; i < count; i++) if (buffer[i] !== all[got + i]) wrong++;
        got += count;
      }
      return got === all.length;
    }, 60 * SECOND);
    expect([done, wrong, got]).toEqual([true, 0, all.length]);
  });

  test("a host that does not read makes the guest wait, and gets everything in the end", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    const all = pattern(4_000_000);
    let sent = 0;
    const write = (): void => {
      for (;;) {
        if (sent === all.length) return;
        const count = guest.send(all.subarray(sent, sent + 100_000));
        if (typeof count !== "number") return;
        sent += count;
      }
    };
    for (let i = 0; i < 100; i++) {
      write();
      net.pass(10 * MS);
    }
    expect(guest.writable).toBe(false);
    expect(sent).toBeLessThan(2_000_000);
    let got = 0;
    let wrong = 0;
    const done = net.until(() => {
      write();
      for (let bytes = host.read(); bytes !== undefined; bytes = host.read()) {
        for (let i = 0; i < bytes.length; i++) if (bytes[i] !== all[got + i]) wrong++;
        got += bytes.length;
      }
      return got === all.length;
    }, 60 * SECOND);
    expect([done, wrong, got]).toEqual([true, 0, all.length]);
  });

  test("hundreds of connections, fifty at a time, each gets its own answer", () => {
    const net = network({ publish: ["8080:80"] });
    serve(net.guest, 80, echo);
    for (let round = 0; round < 8; round++) {
      const hosts = Array.from({ length: 50 }, () => net.outside.connect({ host: "127.0.0.1", port: 8080 }));
      net.until(() => hosts.every((host) => host.state === "open"));
      const sent = hosts.map((host, i) => {
        const bytes = pattern(1 + i * 100 + round);
        host.write(bytes);
        host.end();
        return [...bytes];
      });
      const got: number[][] = hosts.map(() => []);
      const done = net.until(() => {
        for (const [i, host] of hosts.entries()) got[i]!.push(...readAll(host));
        return hosts.every((host) => host.finished);
      }, 10 * SECOND);
      expect(done).toBe(true);
      expect(got).toEqual(sent);
    }
    expect(net.gateway.counters.inbound).toMatchObject({ connections: 400, active: 0, failed: 0 });
  });

  test("more connections than allowed are reset, and those there are go on", () => {
    const net = network({ publish: ["8080:80"], maxConnections: 2 });
    serve(net.guest, 80, echo);
    const hosts = Array.from({ length: 3 }, () => net.outside.connect({ host: "127.0.0.1", port: 8080 }));
    net.pass(SECOND);
    expect(hosts.map((host) => host.state)).toEqual(["open", "open", "closed"]);
    hosts[0]!.end();
    net.pass(SECOND);
    const again = net.outside.connect({ host: "127.0.0.1", port: 8080 });
    net.pass(SECOND);
    expect(again.state).toBe("open");
  });

  test("several guests, each at its own port", () => {
    const net = network({ publish: ["8080:80", "8081:10.0.2.16:80"], guests: ["10.0.2.15", "10.0.2.16"] });
    for (const [i, stack] of net.stacks.entries()) {
      serve(stack, 80, (socket) => {
        socket.send(Uint8Array.of(i));
        socket.close();
      });
    }
    const hosts = [8081, 8080].map((port) => net.outside.connect({ host: "127.0.0.1", port }));
    const got: number[][] = [[], []];
    net.until(() => {
      for (const [i, host] of hosts.entries()) got[i]!.push(...readAll(host));
      return hosts.every((host) => host.finished);
    }, SECOND);
    expect(got).toEqual([[1], [0]]);
  });

  test("a guest that no network and no route leads to is refused", () => {
    const routes = ["10.0.9.0/24 via 10.0.2.15"];
    expect(network({ publish: ["8080:10.0.9.7:80"], routes }).gateway.published.length).toBe(1);
    expect(() => network({ publish: ["8080:10.0.9.7:80"] })).toThrow(/no way leads .* to 10\.0\.9\.7/);
    expect(() => network({ publish: ["8080:[fd00::15]:80"] })).toThrow(/no way leads .* to fd00::15/);
    expect(() => network({ routes: ["10.0.9.0/24 via 10.0.3.1"] })).toThrow(/in no network/);
  });

  test("what cannot be opened is told with its place, the rest works", async () => {
    const net = network({ publish: ["8080:80", "8080:81", "nowhere.invalid:1:2", "0:80"] });
    net.settle();
    const failed = await net.gateway.opened();
    expect(failed.map(({ failure }) => failure!.reason)).toEqual(["in-use", "bad-address"]);
    expect(failed[0]!.failure!.text).toContain("127.0.0.1:8080");
    expect(net.gateway.published.map(({ state }) => state)).toEqual(["open", "closed", "closed", "open"]);
    expect(net.gateway.published[3]!.at.port).toBeGreaterThan(0);
  });

  test("closing the gateway resets both ends and frees the ports", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    net.gateway.close();
    net.pass(SECOND);
    expect(host.failure!.reason).toBe("reset");
    expect(guest.closed).toBe(true);
    expect(net.gateway.counters.inbound.active).toBe(0);
    const again = net.outside.listen({ host: "127.0.0.1", port: 8080 }, () => {});
    net.settle();
    expect(again.state).toBe("open");
  });

  test("what a guest has sent and ended still reaches a host that takes it only when the gateway has closed", () => {
    const net = network({ publish: ["8080:80"] });
    const { host, guest } = through(net);
    guest.send(Uint8Array.of(1, 2));
    guest.shutdown("send");
    net.settle();
    net.gateway.close();
    net.pass(SECOND);
    expect(readAll(host)).toEqual([1, 2]);
    expect(host.finished).toBe(true);
    expect(host.failure).toBeUndefined();
    expect(guest.closed, "for the guest it is over").toBe(true);
  });
});

/** Connects from the guest; answers how that ended and when. */
function dial(net: Network, to: { host: string; port: number }, limit = 300 * SECOND) {
  const socket = net.guest.sockets.stream();
  let answer = socket.connect(address(to.host), to.port);
  net.until(() => {
    answer = socket.connect(address(to.host), to.port);
    return answer !== "in-progress" && answer !== "already";
  }, limit);
  return { socket, answer };
}

function web(net: Network, onStream: (stream: OutsideStream) => void, at = WEB): void {
  const listener = net.outside.listen(at, onStream);
  expect(net.until(() => listener.state === "open")).toBe(true);
}

describe("from guests to the outside, TCP", () => {
  test("not asked for: refused at once, and the outside never hears of it", () => {
    const net = network();
    let heard = 0;
    web(net, () => heard++);
    const { answer } = dial(net, WEB);
    expect(answer).toBe("refused");
    expect(net.clock.now()).toBeLessThan(10 * MS);
    expect(heard).toBe(0);
    expect(net.gateway.counters.outbound.failed).toBe(1);
  });

  test("asked for: connected, as the address outside, and bytes go both ways", () => {
    const net = network({ outbound: true });
    const streams: OutsideStream[] = [];
    web(net, (stream) => streams.push(stream));
    const { socket, answer } = dial(net, WEB);
    expect(answer).toBe("connected");
    expect(socket.remote).toEqual({ address: address(WEB.host), port: 80 });
    socket.send(Uint8Array.of(1, 2));
    streams[0]!.write(Uint8Array.of(3));
    net.settle();
    expect(readAll(streams[0]!)).toEqual([1, 2]);
    expect(received(socket)).toEqual([3]);
    socket.shutdown("send");
    net.settle();
    expect(streams[0]!.finished).toBe(true);
    streams[0]!.end();
    net.settle();
    expect(socket.receive(new Uint8Array(1))).toBe(0);
    expect(net.gateway.counters.outbound).toMatchObject({
      connections: 1,
      active: 0,
      bytesToGuest: 1,
      bytesFromGuest: 2,
    });
  });

  test("the guest is connected no sooner than the host has connected", () => {
    const net = network({ outbound: true, memory: { latency: 80 * MS } });
    web(net, () => {});
    const start = net.clock.now();
    const { answer } = dial(net, WEB);
    expect(answer).toBe("connected");
    expect(net.clock.now() - start).toBeGreaterThanOrEqual(80 * MS);
    expect(net.clock.now() - start).toBeLessThan(200 * MS);
  });

  test.each([
    ["refused", WEB.host],
    ["host-unreachable", "192.0.2.99"],
  ])("%s outside is %s to the guest", (reason, host) => {
    const net = network({ outbound: true, memory: { latency: 30 * MS } });
    const { answer } = dial(net, { host, port: 80 });
    expect(answer).toBe(reason);
    expect(net.clock.now()).toBeGreaterThanOrEqual(30 * MS);
    expect(net.gateway.counters.outbound).toMatchObject({ connections: 0, active: 0, failed: 1 });
  });

  test("a host that never answers: nothing is invented", () => {
    const net = network({ outbound: true, memory: { silent: ["192.0.2.99"] } });
    const { answer } = dial(net, { host: "192.0.2.99", port: 80 }, 20 * SECOND);
    expect(answer).toBe("already");
  });

  test("resets pass in both directions", () => {
    const net = network({ outbound: true });
    const streams: OutsideStream[] = [];
    web(net, (stream) => streams.push(stream));
    const first = dial(net, WEB).socket;
    const second = dial(net, WEB).socket;
    first.abort();
    streams[1]!.reset();
    net.pass(SECOND);
    expect(streams[0]!.failure!.reason).toBe("reset");
    expect(second.receive(new Uint8Array(1))).toBe("reset");
    expect(net.gateway.counters.outbound).toMatchObject({ connections: 2, active: 0 });
  });

  test("a policy decides about each target", () => {
    const asked: string[] = [];
    const net = network({
      outbound: ({ protocol, port }) => {
        asked.push(`${protocol} ${port}`);
        return port === 80;
      },
    });
    web(net, () => {});
    web(net, () => {}, { host: WEB.host, port: 81 });
    expect(dial(net, WEB).answer).toBe("connected");
    expect(dial(net, { host: WEB.host, port: 81 }).answer).toBe("refused");
    expect(asked).toEqual(["tcp 80", "tcp 81"]);
  });

  test.each([
    ["the gateway itself", "10.0.2.2"],
    ["the network's other addresses", "10.0.2.77"],
    ["one of the host's own addresses", "198.51.100.1"],
    ["the link-local place of cloud hosts' secrets", "169.254.169.254"],
  ])("%s is never outside, whatever is allowed", (_what, host) => {
    const net = network({ outbound: true, memory: { own: ["198.51.100.1"] } });
    let heard = 0;
    for (const at of [host, "127.0.0.1", "0.0.0.0"])
      net.outside.listen({ host: at, port: 80 }, () => heard++);
    net.settle();
    const { answer } = dial(net, { host, port: 80 });
    expect(answer).not.toBe("connected");
    expect(heard).toBe(0);
  });
});

/** A guest's UDP socket and what it has been told. */
function udp(net: Network, port = 0) {
  const socket = net.guest.sockets.datagram();
  if (port > 0) expect(socket.bind(0, port)).toBeUndefined();
  return socket;
}

const payloads = (socket: Socket): number[][] => {
  const all: number[][] = [];
  for (let next = socket.receiveDatagram(); typeof next === "object"; next = socket.receiveDatagram()) {
    all.push([...next.payload]);
  }
  return all;
};

describe("published UDP ports", () => {
  test("each peer outside is a port of the gateway to the guest, and gets its own answers", () => {
    const net = network({ publish: ["5353:53/udp"] });
    const server = udp(net, 53);
    const peers = [1, 2].map(() => net.outside.reach({ host: "127.0.0.1", port: 5353 }));
    net.settle();
    for (const [i, peer] of peers.entries()) {
      peer.send(Uint8Array.of(i, 1));
      peer.send(Uint8Array.of(i, 2));
    }
    net.settle();
    const ports = new Map<number, number>();
    for (let next = server.receiveDatagram(); typeof next === "object"; next = server.receiveDatagram()) {
      expect(next.from.address).toBe(GATEWAY);
      ports.set(next.payload[0]!, next.from.port);
      server.send(next.payload, next.from);
    }
    expect(new Set(ports.values()).size).toBe(2);
    net.settle();
    for (const [i, peer] of peers.entries()) {
      expect([peer.receive()!.payload, peer.receive()!.payload].map((bytes) => [...bytes])).toEqual([
        [i, 1],
        [i, 2],
      ]);
      expect(peer.receive()).toBeUndefined();
    }
    expect(net.gateway.counters.inbound).toMatchObject({ datagramsToGuest: 4, datagramsFromGuest: 4 });
  });

  test("an exchange that rests is forgotten, one in use is not", () => {
    const net = network({ publish: ["5353:53/udp"], udpTimeout: 30 * SECOND });
    const server = udp(net, 53);
    const peer = net.outside.reach({ host: "127.0.0.1", port: 5353 });
    const portOf = (): number => {
      peer.send(Uint8Array.of(1));
      net.settle();
      const got = server.receiveDatagram();
      if (typeof got === "string") throw new Error(got);
      return got.from.port;
    };
    net.settle();
    const first = portOf();
    net.pass(20 * SECOND);
    expect(portOf()).toBe(first);
    net.pass(20 * SECOND);
    expect(portOf()).toBe(first);
    net.pass(31 * SECOND);
    const later = portOf();
    expect(later).not.toBe(first);
    server.send(Uint8Array.of(2), { address: GATEWAY, port: first }); // too late: nobody is there any more
    net.settle();
    expect(peer.receive()).toBeUndefined();
  });

  test("nobody listens in the guest: counted, and nothing breaks", () => {
    const net = network({ publish: ["5353:53/udp"] });
    const peer = net.outside.reach({ host: "127.0.0.1", port: 5353 });
    net.settle();
    for (let i = 0; i < 3; i++) {
      peer.send(Uint8Array.of(1));
      net.settle();
    }
    expect(peer.receive()).toBeUndefined();
    expect(net.gateway.counters.inbound.datagramsDropped).toBeGreaterThan(0);
    const server = udp(net, 53);
    peer.send(Uint8Array.of(2));
    peer.send(Uint8Array.of(3));
    net.settle();
    expect(payloads(server)).toContainEqual([3]);
  });

  test("no more exchanges than allowed; a rested one makes room", () => {
    const net = network({ publish: ["5353:53/udp"], maxExchanges: 2, udpTimeout: 10 * SECOND });
    const server = udp(net, 53);
    const peers = Array.from({ length: 3 }, () => net.outside.reach({ host: "127.0.0.1", port: 5353 }));
    net.settle();
    for (const [i, peer] of peers.entries()) peer.send(Uint8Array.of(i));
    net.settle();
    expect(payloads(server)).toEqual([[0], [1]]);
    expect(net.gateway.counters.inbound.datagramsDropped).toBe(1);
    net.pass(11 * SECOND);
    peers[2]!.send(Uint8Array.of(9));
    net.settle();
    expect(payloads(server)).toEqual([[9]]);
  });
});

describe("from guests to the outside, UDP", () => {
  const DNS = { host: "192.0.2.53", port: 53 };
  const to = { address: address(DNS.host), port: DNS.port };

  test("not asked for: ICMP says that it is prohibited", () => {
    const net = network();
    const socket = udp(net);
    socket.connect(to.address, to.port);
    expect(socket.send(Uint8Array.of(1))).toBe(1);
    net.pass(SECOND);
    expect(socket.takeError()).toBe("prohibited");
    expect(net.gateway.counters.outbound.datagramsDropped).toBe(1);
  });

  test("asked for: whole datagrams, from the first on, and answers from the address outside", () => {
    const net = network({ outbound: true });
    const server = net.outside.bind(DNS);
    const socket = udp(net);
    net.settle();
    socket.send(Uint8Array.of(1), to);
    socket.send(Uint8Array.of(2, 2), to);
    net.settle();
    const first = server.receive()!;
    expect([...first.payload]).toEqual([1]);
    expect([...server.receive()!.payload]).toEqual([2, 2]);
    server.send(Uint8Array.of(7, 7, 7), first.from);
    net.settle();
    const answer = socket.receiveDatagram();
    if (typeof answer === "string") throw new Error(answer);
    expect(answer.from).toEqual(to);
    expect([...answer.payload]).toEqual([7, 7, 7]);
    expect(net.gateway.counters.outbound).toMatchObject({
      datagramsFromGuest: 2,
      datagramsToGuest: 1,
      bytesFromGuest: 3,
      bytesToGuest: 3,
    });
  });

  test("a closed port outside: the guest hears of it with its next datagram, and the port may open later", () => {
    const net = network({ outbound: true, memory: { hosts: [DNS.host] } });
    const socket = udp(net);
    socket.connect(to.address, to.port);
    socket.send(Uint8Array.of(1));
    net.pass(MS);
    socket.send(Uint8Array.of(2));
    net.pass(MS);
    expect(socket.takeError()).toBe("refused");
    net.pass(10 * SECOND);
    const server = net.outside.bind(DNS);
    net.settle();
    socket.send(Uint8Array.of(3));
    net.settle();
    expect([...server.receive()!.payload]).toEqual([3]);
  });

  test("the exchange is forgotten when it rests", () => {
    const net = network({ outbound: true });
    const server = net.outside.bind(DNS);
    const socket = udp(net);
    net.settle();
    socket.send(Uint8Array.of(1), to);
    net.settle();
    const { from } = server.receive()!;
    net.pass(121 * SECOND);
    server.send(Uint8Array.of(2), from);
    net.settle();
    expect(payloads(socket)).toEqual([]);
    socket.send(Uint8Array.of(3), to);
    net.settle();
    expect(server.receive()!.from.port).not.toBe(from.port);
  });

  test("the gateway's own ports are closed, and say so", () => {
    const net = network({ outbound: true });
    const socket = udp(net);
    socket.connect(GATEWAY, 53);
    socket.send(Uint8Array.of(1));
    net.pass(SECOND);
    expect(socket.takeError()).toBe("refused");
  });
});

describe("what the gateway cannot carry", () => {
  /** ICMP echo request with the right checksum: type 8, code 0, identifier 1, sequence 1. */
  const echoRequest = Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1);

  test.each([true, false])("no ping to the outside is answered in its name (outbound %s)", (outbound) => {
    const net = network({ outbound });
    const raw = net.guest.sockets.raw(1);
    raw.send(echoRequest, { address: address(WEB.host), port: 0 });
    net.pass(SECOND);
    const answers: Uint8Array[] = [];
    for (let next = raw.receiveDatagram(); typeof next === "object"; next = raw.receiveDatagram()) {
      answers.push(next.payload);
    }
    const types = answers.map((packet) => packet[(packet[0]! & 15) * 4]);
    expect(types).toEqual([3]); // destination unreachable, and no echo reply
  });

  test("the gateway itself answers a ping", () => {
    const net = network();
    const raw = net.guest.sockets.raw(1);
    raw.send(echoRequest, { address: GATEWAY, port: 0 });
    net.pass(SECOND);
    const answer = raw.receiveDatagram();
    if (typeof answer === "string") throw new Error(answer);
    expect(answer.payload[(answer.payload[0]! & 15) * 4]).toBe(0);
  });
});
