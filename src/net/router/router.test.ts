import { beforeEach, expect, test } from "vitest";
import { ManualClock, MS, Random, SECOND } from "../../base/index.ts";
import {
  macFor,
  Nic,
  type Port,
  parseAddress,
  parseNetwork,
  Router,
  type RouterOptions,
  type Socket,
  Stack,
  Switch,
  showFrame,
  tap,
} from "../index.ts";
import { check as checkIp } from "../wire/ipv4.ts";

/** inside 10.0.1.0/24 — router — outside 198.51.100.0/24. */
let clock: ManualClock;
let inner: Stack;
let outer: Stack;
let frames: string[];

function host(port: Port, address: string, gateway?: string): Stack {
  const network = parseNetwork(address)!;
  const stack = new Stack({
    nics: [new Nic({ port, mac: macFor(network.address) })],
    random: new Random(5),
  });
  stack.configure(0, { ...network, ...(gateway && { gateway: parseAddress(gateway)! }) });
  return stack;
}

function network(nat: RouterOptions["interfaces"][number]["nat"], mtu?: number): Router {
  clock = new ManualClock();
  frames = [];
  const left = new Switch({ clock });
  const right = new Switch({ clock });
  const router = new Router({
    clock,
    random: new Random(1),
    interfaces: [
      { port: left.plug(), address: "10.0.1.1/24" },
      { port: right.plug(), address: "198.51.100.1/24", ...(nat && { nat }), ...(mtu && { mtu }) },
    ],
  });
  inner = host(left.plug(), "10.0.1.10/24", "10.0.1.1");
  const watched = tap(right.plug(), (frame, direction) => {
    frames.push(`${direction} ${showFrame(frame)}`);
    if (frame[12] === 8 && frame[13] === 0) expect(checkIp(frame.subarray(14))).toBeUndefined();
  });
  outer = host(watched, "198.51.100.20/24", nat ? undefined : "198.51.100.1");
  stations = [inner, outer, router];
  return router;
}

let stations: { poll(now: number): boolean; deadline(): number }[];

function run(span = 5 * SECOND): void {
  const end = clock.now() + span;
  for (;;) {
    while (stations.map((each) => each.poll(clock.now())).some(Boolean)) {}
    const next = Math.min(...stations.map((each) => each.deadline()));
    if (next > end) break;
    clock.advanceTo(Math.max(next, clock.now() + 1));
  }
  clock.advanceTo(end);
}

const INNER = parseAddress("10.0.1.10")!;
const OUTER = parseAddress("198.51.100.20")!;
const ROUTER = parseAddress("198.51.100.1")!;

function listen(stack: Stack, port: number): { accepted: Socket[] } {
  const listener = stack.sockets.stream();
  listener.bind(0, port);
  listener.listen(5);
  const accepted: Socket[] = [];
  listener.onChange = () => {
    for (let next = listener.accept(); typeof next === "object"; next = listener.accept())
      accepted.push(next);
  };
  return { accepted };
}

const text = (socket: Socket): string => {
  const into = new Uint8Array(100_000);
  const got = socket.receive(into);
  return typeof got === "number" ? new TextDecoder().decode(into.subarray(0, got)) : got;
};

const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

beforeEach(() => {
  network(undefined);
});

test("packets are sent on with one less to live", () => {
  const { accepted } = listen(outer, 80);
  const socket = inner.sockets.stream();
  socket.connect(OUTER, 80);
  run();
  socket.send(bytes("over the router"));
  run();
  expect(text(accepted[0]!)).toBe("over the router");
  expect(accepted[0]!.remote!.address).toBe(INNER);
  expect(frames.find((frame) => frame.includes("TCP"))).toContain("ttl 63");
});

test("what has no time left, and what leads nowhere, is told to the sender", () => {
  const near = inner.sockets.datagram();
  near.options.ttl = 1;
  near.send(bytes("x"), { address: OUTER, port: 9 });
  const lost = inner.sockets.datagram();
  lost.connect(parseAddress("203.0.113.1")!, 9);
  lost.send(bytes("x"));
  run();
  expect(lost.takeError()).toBe("network-unreachable");
  expect(inner.counters.icmpReceived).toBe(2);
  expect(frames.some((frame) => frame.includes("UDP"))).toBe(false);
});

test("NAT: from outside, everything comes from the router", () => {
  const router = network(true);
  const { accepted } = listen(outer, 80);
  const socket = inner.sockets.stream();
  socket.connect(OUTER, 80);
  run();
  socket.send(bytes("hello"));
  run();
  expect(accepted[0]!.remote).toEqual({ address: ROUTER, port: socket.local.port });
  expect(text(accepted[0]!)).toBe("hello");
  accepted[0]!.send(bytes("and back"));
  run();
  expect(text(socket)).toBe("and back");
  expect(router.nats[1]!.mappings()).toMatchObject([{ protocol: 6, inside: { address: INNER } }]);
  expect(frames.join("\n")).not.toContain("(bad");
  expect(inner.drops.all()).toEqual({});
});

test("NAT: two hosts with the same port get different ones; strangers find nobody", () => {
  const router = network(true);
  const ports = new Set<number>();
  const listener = outer.sockets.datagram();
  listener.bind(0, 53);
  const first = inner.sockets.datagram();
  first.bind(0, 4000);
  first.send(bytes("a"), { address: OUTER, port: 53 });
  run();
  let got = listener.receiveDatagram();
  if (typeof got === "string") throw new Error(got);
  expect(got.from).toEqual({ address: ROUTER, port: 4000 });
  ports.add(got.from.port);
  inner.configure(0, { address: parseAddress("10.0.1.11")! });
  first.send(bytes("b"), { address: OUTER, port: 53 });
  run();
  got = listener.receiveDatagram();
  if (typeof got === "string") throw new Error(got);
  ports.add(got.from.port);
  expect(ports.size).toBe(2);
  // A port that nobody inside has used: the router itself says so.
  const stranger = outer.sockets.datagram();
  stranger.connect(ROUTER, 5555);
  stranger.send(bytes("?"));
  run();
  expect(stranger.takeError()).toBe("refused");
  expect(router.nats[1]!.counters.mappings).toBe(2);
});

test("NAT: an error about a translated packet reaches the program inside", () => {
  network(true);
  const socket = inner.sockets.datagram();
  socket.connect(OUTER, 9);
  socket.send(bytes("nobody is there"));
  run();
  expect(socket.takeError()).toBe("refused");
  expect(frames.join("\n")).not.toContain("(bad");
});

test("NAT: fragments in both directions", () => {
  network(true);
  const listener = outer.sockets.datagram();
  listener.bind(0, 53);
  const socket = inner.sockets.datagram();
  socket.connect(OUTER, 53);
  const large = new Uint8Array(4000).map((_, i) => i);
  socket.send(large);
  run();
  const got = listener.receiveDatagram();
  if (typeof got === "string") throw new Error(got);
  expect(got.payload).toEqual(large);
  listener.send(large, got.from);
  run();
  const back = socket.receiveDatagram();
  expect(typeof back === "object" && back.payload).toEqual(large);
});

test("NAT: an echo's identifier is a port, and a mapping ends when nobody uses it", () => {
  const router = network(true);
  const ping = inner.sockets.raw(1);
  const echo = Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1, 1, 2, 3, 4);
  let sum = 0;
  for (let i = 0; i < echo.length; i += 2) sum += echo[i]! * 256 + echo[i + 1]!;
  const check = (sum % 65536) + Math.floor(sum / 65536);
  echo[2] = (check ^ 0xffff) >>> 8;
  echo[3] = check ^ 0xffff;
  ping.send(echo, { address: OUTER, port: 0 });
  run();
  const reply = ping.receiveDatagram();
  if (typeof reply === "string") throw new Error(reply);
  expect(reply.payload[20]).toBe(0);
  expect(Array.from(reply.payload.subarray(24, 26))).toEqual([0x12, 0x34]);
  expect(frames.some((frame) => frame.startsWith("received") && frame.includes("198.51.100.1 > "))).toBe(
    true,
  );
  clock.advance(100 * SECOND);
  ping.send(echo, { address: OUTER, port: 0 });
  run(10 * MS);
  expect(router.nats[1]!.counters.mappings).toBe(2);
});

test("NAT: a forwarded port leads inside", () => {
  network([{ protocol: "tcp", port: 8080, to: { address: INNER, port: 80 } }]);
  const { accepted } = listen(inner, 80);
  const socket = outer.sockets.stream();
  socket.connect(ROUTER, 8080);
  run();
  socket.send(bytes("in"));
  run();
  expect(text(accepted[0]!)).toBe("in");
});
