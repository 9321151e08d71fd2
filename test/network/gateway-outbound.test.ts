import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { Gateway, Nic, parseAddress, type Socket, Stack, Switch } from "../../src/net/index.ts";
import { NodeOutside } from "../../src/node/index.ts";
import { hostClock, World } from "../../src/world.ts";

/**
 * Guests reaching out over this host's real sockets. The outside is a network namespace behind a pair of virtual cards,
 * so that the host's own kernel says what is open, refused and unreachable there. RFC 2544 keeps 198.18/15 for tests.
 */
const HOST = "198.18.77.1";
const FAR = "198.18.77.2";
const NOBODY = "198.18.77.3"; // on the same network, so the host asks by ARP, in vain
const TCP_ECHO = 7000;
const UDP_ECHO = 7001;
const CLOSED = 7999;

const namespace = `kolibri-out-${process.pid}`;
const card = `kol${process.pid}`;
const ip = (...words: string[]): unknown =>
  execFileSync("ip", words, { stdio: ["ignore", "pipe", "ignore"] });

/** A namespace with a card that is joined to one of the host's. */
function setUp(): void {
  ip("netns", "add", namespace);
  ip("link", "add", card, "type", "veth", "peer", "name", "far0", "netns", namespace);
  ip("addr", "add", `${HOST}/29`, "dev", card);
  ip("link", "set", card, "up");
  ip("-n", namespace, "addr", "add", `${FAR}/29`, "dev", "far0");
  ip("-n", namespace, "link", "set", "far0", "up");
}

/** The pair of cards would go with the namespace, but some time later: its name must be free at once. */
function tearDown(): void {
  try {
    ip("link", "del", card);
  } finally {
    ip("netns", "del", namespace);
  }
}

/** Why this host cannot be an outside, or undefined when it can. */
function missing(): string | undefined {
  if (process.platform !== "linux") return "not Linux";
  if (process.getuid?.() !== 0) return "not root";
  try {
    setUp();
  } catch {
    return "no network namespaces with virtual cards";
  } finally {
    try {
      tearDown();
    } catch {
      // there was none
    }
  }
  return undefined;
}

const why = missing();

/** Runs in the namespace. */
const servers = `
require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
}).listen(${TCP_ECHO}, () => {
  const udp = require("node:dgram").createSocket("udp4");
  udp.on("message", (bytes, from) => udp.send(bytes, from.port, from.address));
  udp.bind(${UDP_ECHO}, () => console.log("ready"));
});`;

describe.skipIf(why)(`guests reach a network behind this host${why ? ` (skipped: ${why})` : ""}`, () => {
  let far: ChildProcess;
  let world: World;
  let outside: NodeOutside;
  let gateway: Gateway;
  let guest: Stack;
  let running: Promise<unknown>;

  beforeAll(async () => {
    setUp();
    far = spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", servers], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(far.stdout!, "data");
    world = new World({ clock: hostClock() });
    const lan = new Switch({ clock: world.clock });
    outside = new NodeOutside();
    outside.onWake = () => world.wake();
    gateway = new Gateway({ port: lan.plug(), outside, random: new Random(1), outbound: true });
    guest = new Stack({ nics: [new Nic({ port: lan.plug(), mac: 0x525400000010 })], random: new Random(2) });
    guest.configure(0, {
      address: parseAddress("10.0.2.15")!,
      mask: 0xffffff00,
      gateway: parseAddress("10.0.2.2")!,
    });
    world.add(guest);
    world.add(gateway, { outside: true });
    running = world.go();
  });

  afterAll(async () => {
    gateway?.close();
    world?.stop();
    await running;
    await outside?.close();
    if (far) {
      far.kill();
      await once(far, "exit");
    }
    tearDown();
  });

  async function until<T>(step: () => T | undefined, seconds = 50): Promise<T> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      world.wake();
      const answer = step();
      if (answer !== undefined) return answer;
      if (performance.now() > end) throw new Error("nothing more happened");
      await setTimeout(2);
    }
  }

  async function dial(host: string, port: number): Promise<{ socket: Socket; answer: string }> {
    const socket = guest.sockets.stream();
    const answer = await until(() => {
      const reason = socket.connect(parseAddress(host)!, port);
      return reason === "in-progress" || reason === "already" ? undefined : reason;
    });
    return { socket, answer };
  }

  test("a megabyte there and back, and the ends of both directions", async () => {
    const { socket, answer } = await dial(FAR, TCP_ECHO);
    expect(answer).toBe("connected");
    const random = new Random(3);
    const bytes = Uint8Array.from({ length: 1_000_000 }, () => random.u32());
    const back = new Uint8Array(bytes.length);
    const buffer = new Uint8Array(65536);
    let sent = 0;
    let got = 0;
    await until(() => {
      while (sent < bytes.length) {
        const taken = socket.send(bytes.subarray(sent));
        if (typeof taken !== "number") break;
        sent += taken;
        if (sent === bytes.length) socket.shutdown("send");
      }
      for (;;) {
        const count = socket.receive(buffer);
        if (count === "would-block") return undefined;
        if (typeof count !== "number") throw new Error(count);
        if (count === 0) return true;
        back.set(buffer.subarray(0, count), got);
        got += count;
      }
    });
    expect(got).toBe(bytes.length);
    expect(Buffer.from(back).equals(Buffer.from(bytes))).toBe(true);
    socket.close();
    await until(() => (gateway.counters.outbound.active === 0 ? true : undefined));
    expect(gateway.counters.outbound).toMatchObject({ bytesFromGuest: 1_000_000, bytesToGuest: 1_000_000 });
  });

  test("a closed port there is refused, a host that is not there is unreachable", async () => {
    expect((await dial(FAR, CLOSED)).answer).toBe("refused");
    expect((await dial(NOBODY, TCP_ECHO)).answer).toBe("host-unreachable");
  });

  test("the host itself is not outside, at any of its addresses", async () => {
    let connections = 0;
    const server: Server = createServer(() => connections++).listen(0, "0.0.0.0");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    expect((await dial(HOST, port)).answer).toBe("refused");
    expect((await dial("10.0.2.2", port)).answer).toBe("refused");
    expect(connections).toBe(0);
    server.close();
  });

  test("datagrams there and back; a closed port is told with the next one", async () => {
    const socket = guest.sockets.datagram();
    socket.send(Uint8Array.of(1, 2, 3), { address: parseAddress(FAR)!, port: UDP_ECHO });
    const answer = await until(() => {
      const next = socket.receiveDatagram();
      return typeof next === "object" ? next : undefined;
    });
    expect([...answer.payload]).toEqual([1, 2, 3]);
    expect(answer.from).toEqual({ address: parseAddress(FAR)!, port: UDP_ECHO });

    const lost = guest.sockets.datagram();
    lost.connect(parseAddress(FAR)!, CLOSED);
    const error = await until(() => {
      const sent = lost.send(Uint8Array.of(1)); // tells what became of the one before
      return typeof sent === "string" ? sent : undefined;
    });
    expect(error).toBe("refused");
  });
});
