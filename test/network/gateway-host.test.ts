import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, get } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytesOf, latin1, Random } from "../../src/base/index.ts";
import {
  Gateway,
  Nic,
  type Publication,
  parseAddress,
  parseNetwork,
  parsePublication,
  type Socket,
  Stack,
  Switch,
} from "../../src/net/index.ts";
import { NodeOutside } from "../../src/node/index.ts";
import { World } from "../../src/world.ts";

/** The gateway between a guest's stack and this host's own sockets, in real time. */
let world: World;
let outside: NodeOutside;
let gateway: Gateway;
let guest: Stack;
let running: Promise<unknown>;

const publication = (written: string): Publication => {
  const parsed = parsePublication(written);
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed;
};

beforeEach(async () => {
  world = new World({ clock: { now: () => Math.floor(performance.now() * 1000) } });
  const lan = new Switch({ clock: world.clock });
  outside = new NodeOutside();
  outside.onWake = () => world.wake();
  gateway = new Gateway({
    port: lan.plug("gateway"),
    outside,
    random: new Random(1),
    publish: ["0:80", "0:53/udp"].map(publication),
    outbound: true,
  });
  guest = new Stack({
    nics: [new Nic({ port: lan.plug("guest"), mac: 0x525400000010 })],
    random: new Random(2),
  });
  guest.configure(0, { ...parseNetwork("10.0.2.15/24")!, gateway: parseAddress("10.0.2.2")! });
  world.add(guest);
  world.add(gateway, { outside: true });
  expect(await gateway.opened()).toEqual([]);
  running = world.go();
});

afterEach(async () => {
  gateway.close();
  world.stop();
  await running;
  await outside.close();
});

/** Waits for what comes by itself, fifty seconds at most: what is expected of it says more than a timeout here. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 50_000; !condition() && performance.now() < end; ) await setTimeout(2);
}

const tcpPort = (): number => gateway.published[0]!.at.port;
const udpPort = (): number => gateway.published[1]!.at.port;

function serve(onSocket: (socket: Socket) => void): void {
  const listener = guest.sockets.stream();
  listener.bind(0, 80);
  listener.listen(512);
  listener.onChange = () => {
    for (let next = listener.accept(); typeof next === "object"; next = listener.accept()) onSocket(next);
  };
}

/** A very small HTTP server in the guest: one answer, then the end. */
function serveHttp(body: Uint8Array): void {
  serve((socket) => {
    const head = bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
    let answer: Uint8Array | undefined;
    let request = "";
    const work = (): void => {
      const buffer = new Uint8Array(4096);
      const got = socket.receive(buffer);
      if (typeof got === "number") request += latin1(buffer.subarray(0, got));
      if (answer === undefined && request.includes("\r\n\r\n")) {
        answer = new Uint8Array([...head, ...body]);
      }
      while (answer !== undefined && answer.length > 0) {
        const sent = socket.send(answer);
        if (typeof sent !== "number") return;
        answer = answer.subarray(sent);
      }
      if (answer !== undefined) socket.close();
    };
    socket.onChange = work;
    work();
  });
}

function fetched(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => {
      text(response).then(resolve, reject);
    }).on("error", reject);
  });
}

/** Ends when the socket does; the error it ended with, if any. */
function ended(socket: import("node:net").Socket): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    let error: NodeJS.ErrnoException | undefined;
    socket.on("error", (each) => {
      error = each;
    });
    socket.on("close", () => resolve(error));
    socket.resume();
  });
}

describe("published on this host", () => {
  test("a hundred requests one after another, and fifty at a time", async () => {
    const body = Uint8Array.from({ length: 5000 }, (_, i) => 97 + (i % 26));
    serveHttp(body);
    const expected = latin1(body);
    for (let i = 0; i < 100; i++) expect(await fetched(tcpPort())).toBe(expected);
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => fetched(tcpPort())));
      expect(new Set(answers)).toEqual(new Set([expected]));
    }
    await until(() => gateway.idle);
    expect(gateway.counters.inbound).toMatchObject({ connections: 300, active: 0, failed: 0 });
  });

  test("an answer of many megabytes arrives whole, at a slow reader's pace", async () => {
    const body = new Uint8Array(8_000_000);
    const random = new Random(5);
    for (let i = 0; i < body.length; i++) body[i] = random.u32();
    serveHttp(body);
    const socket = connect(tcpPort(), "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\n\r\n");
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => {
      pieces.push(piece);
      if (pieces.length % 40 === 0) {
        socket.pause();
        void setTimeout(5).then(() => socket.resume());
      }
    });
    await once(socket, "close");
    const all = Buffer.concat(pieces);
    const start = all.indexOf("\r\n\r\n") + 4;
    expect(all.length - start).toBe(body.length);
    expect(all.subarray(start).equals(body)).toBe(true);
  });

  test("a port where no guest listens resets the connection", async () => {
    const socket = connect(tcpPort(), "127.0.0.1");
    expect((await ended(socket))?.code).toBe("ECONNRESET");
    expect(gateway.counters.inbound.failed).toBe(1);
  });

  test("a host's half-close and its reset reach the guest", async () => {
    const seen: (number | string)[] = [];
    serve((socket) => {
      const work = (): void => {
        for (;;) {
          const buffer = new Uint8Array(100);
          const got = socket.receive(buffer);
          if (got === "would-block") return;
          seen.push(typeof got === "number" && got > 0 ? latin1(buffer.subarray(0, got)) : got);
          if (got === 0) {
            socket.send(bytesOf("bye"));
            socket.close();
          }
          if (typeof got !== "number" || got === 0) return;
        }
      };
      socket.onChange = work;
      work();
    });
    const polite = connect({ port: tcpPort(), host: "127.0.0.1", allowHalfOpen: true });
    polite.end("hello");
    expect(await text(polite)).toBe("bye");
    const rude = connect(tcpPort(), "127.0.0.1");
    await once(rude, "connect");
    rude.write("x");
    await until(() => seen.length === 3);
    rude.resetAndDestroy();
    await until(() => seen.length === 4);
    expect(seen).toEqual(["hello", 0, "x", "reset"]);
  });

  test("datagrams reach the guest and its answers their sender", async () => {
    const server = guest.sockets.datagram();
    server.bind(0, 53);
    server.onChange = () => {
      for (let next = server.receiveDatagram(); typeof next === "object"; next = server.receiveDatagram()) {
        server.send(next.payload.slice().reverse(), next.from);
      }
    };
    const clients = [1, 2, 3].map(() => createSocket("udp4"));
    const answers = await Promise.all(
      clients.map(async (client, i) => {
        client.send(Uint8Array.of(1, 2, i), udpPort(), "127.0.0.1");
        const [message] = (await once(client, "message")) as [Buffer];
        client.close();
        return [...message];
      }),
    );
    expect(answers).toEqual([0, 1, 2].map((i) => [i, 2, 1]));
  });
});

describe("from the guest to this host", () => {
  test("whatever is allowed, the host's own services are out of reach", async () => {
    const server = createServer((_request, response) => response.end("secret")).listen(0, "0.0.0.0");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    let connections = 0;
    server.on("connection", () => connections++);
    const { networkInterfaces } = await import("node:os");
    const addresses = Object.values(networkInterfaces()).flatMap((card) => card ?? []);
    const targets = addresses.filter(({ family }) => family === "IPv4").map(({ address }) => address);
    for (const target of new Set(["10.0.2.2", ...targets.filter((each) => !each.startsWith("127."))])) {
      const socket = guest.sockets.stream();
      let answer = socket.connect(parseAddress(target)!, port);
      world.wake();
      await until(() => {
        answer = socket.connect(parseAddress(target)!, port);
        return answer !== "in-progress" && answer !== "already";
      });
      expect(answer, target).toBe("refused");
      socket.abort();
    }
    expect(connections).toBe(0);
    server.close();
    await once(server, "close");
  });
});
