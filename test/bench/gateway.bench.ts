/**
 * A published echo server beside a plain one: short connections a second, a thousand held at the same time, bulk data, and
 * what each costs this process.
 * Plain: node:net alone. Outside: the gateway's edge alone, without a network behind. Gateway: through the gateway, a
 * switch and the TCP of a guest without a processor, so the network's own part of the cost is seen.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { Random } from "../../src/base/index.ts";
import { Gateway, Nic, type OutsideStream, type Socket, Stack, Switch } from "../../src/net/index.ts";
import { NodeOutside } from "../../src/node/index.ts";
import { World } from "../../src/world.ts";

const SECONDS = 2;
const ROUNDS = 3;
const AT_ONCE = 50;
const BULK = 256 * 1024 * 1024;
const HELD = 1000;

/** Runs in a process of its own: prints how much it got done. */
const client = `
const { connect } = require("node:net");
const [port, mode] = [Number(process.argv[1]), process.argv[2]];
if (mode === "short") {
  let done = 0, failed = 0;
  const message = Buffer.alloc(64, 120);
  const end = performance.now() + ${SECONDS * 1000};
  const one = () => {
    if (performance.now() > end) return;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("connect", () => socket.write(message));
    socket.on("data", (bytes) => bytes.length === 64 ? (done++, socket.end()) : failed++);
    socket.on("error", () => failed++);
    socket.on("close", one);
  };
  for (let i = 0; i < ${AT_ONCE}; i++) one();
  process.on("exit", () => console.log(failed ? "failed " + failed : done));
} else if (mode === "held") {
  // All are opened and answered; then, while all are open, each is answered once more.
  let open = 0, second = 0, failed = 0;
  const start = performance.now();
  const message = Buffer.alloc(64, 120);
  const sockets = [];
  for (let i = 0; i < ${HELD}; i++) {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(message));
    sockets.push(socket);
    let got = 0;
    socket.on("error", () => failed++);
    socket.on("data", (bytes) => {
      got += bytes.length;
      if (got === 64 && ++open === ${HELD}) for (const each of sockets) each.write(message);
      if (got === 128 && ++second === ${HELD}) {
        console.log(failed ? "failed " + failed : 2 * ${HELD} / ((performance.now() - start) / 1000));
        for (const each of sockets) each.end();
      }
    });
  }
  setTimeout(() => { console.log("failed: " + open + " open, " + second + " answered again"); process.exit(); }, 30000).unref();
} else {
  const socket = connect({ port, host: "127.0.0.1" });
  const block = Buffer.alloc(65536, 120);
  let sent = 0, got = 0;
  const start = performance.now();
  const more = () => {
    while (sent < ${BULK}) { sent += block.length; if (!socket.write(block)) return; }
    socket.end();
  };
  socket.on("drain", more);
  socket.on("connect", more);
  socket.on("data", (bytes) => { got += bytes.length; });
  socket.on("close", () => console.log(got === ${BULK} ? got / ((performance.now() - start) / 1000) : "failed " + got));
}`;

async function load(port: number, mode: "short" | "held" | "bulk"): Promise<{ rate: number; cpu: number }> {
  const before = process.cpuUsage();
  const child = spawn(process.execPath, ["-e", client, String(port), mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const answer = (await text(child.stdout)).trim();
  const { user, system } = process.cpuUsage(before);
  const amount = Number(answer);
  if (!Number.isFinite(amount)) throw new Error(`the client says: ${answer}`);
  if (mode === "held") return { rate: amount, cpu: (user + system) / (2 * HELD) };
  return mode === "short"
    ? { rate: amount / SECONDS, cpu: (user + system) / amount }
    : { rate: amount, cpu: ((user + system) * 1e6) / BULK };
}

async function plain(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  server.unref();
  return (server.address() as { port: number }).port;
}

async function edge(): Promise<number> {
  const outside = new NodeOutside();
  let ready: OutsideStream[] = [];
  const ended = new WeakSet<OutsideStream>();
  outside.onWake = () => {
    const streams = ready;
    ready = [];
    for (const stream of streams) {
      while (stream.room > 0) {
        const bytes = stream.read();
        if (bytes === undefined) break;
        stream.write(bytes);
      }
      if (stream.finished && !ended.has(stream)) {
        ended.add(stream);
        stream.end();
      }
    }
  };
  const listener = outside.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
    stream.onChange = () => ready.push(stream);
  });
  await new Promise<void>((resolve) => {
    listener.onChange = resolve;
  });
  return listener.local.port;
}

const buffer = new Uint8Array(65536);

function echo(socket: Socket): void {
  let waiting: Uint8Array | undefined;
  const work = (): void => {
    for (;;) {
      if (waiting !== undefined) {
        const sent = socket.send(waiting);
        if (typeof sent !== "number") {
          if (waiting.buffer === buffer.buffer) waiting = waiting.slice();
          return;
        }
        // What is left must outlive the buffer, which is everybody's.
        waiting = sent < waiting.length ? waiting.slice(sent) : undefined;
        continue;
      }
      const got = socket.receive(buffer);
      if (got === "would-block") return;
      if (typeof got !== "number" || got === 0) {
        socket.close();
        return;
      }
      waiting = buffer.subarray(0, got);
    }
  };
  socket.onChange = work;
  work();
}

async function published(): Promise<number> {
  const world = new World({ clock: { now: () => Math.floor(performance.now() * 1000) } });
  const lan = new Switch({ clock: world.clock });
  const outside = new NodeOutside();
  outside.onWake = () => world.wake();
  const guest = new Stack({
    nics: [new Nic({ port: lan.plug(), mac: 0x525400000010, offload: true })],
    random: new Random(1),
  });
  guest.configure(0, { address: 0x0a00020f, mask: 0xffffff00 });
  const listener = guest.sockets.stream();
  listener.bind(0, 80);
  listener.listen(4096);
  listener.onChange = () => {
    for (let next = listener.accept(); typeof next === "object"; next = listener.accept()) echo(next);
  };
  const gateway = new Gateway({
    port: lan.plug(),
    outside,
    random: new Random(2),
    offload: true, // as `kolibri run` has it where nobody looks at the frames
    publish: [{ protocol: "tcp", at: { host: "127.0.0.1", port: 0 }, guest: 0x0a00020f, port: 80 }],
  });
  world.add(guest);
  world.add(gateway, { outside: true });
  await gateway.opened();
  void world.go();
  return gateway.published[0]!.at.port;
}

const servers = [
  { name: "plain", port: await plain() },
  { name: "outside", port: await edge() },
  { name: "gateway", port: await published() },
];
for (const mode of ["short", "held", "bulk"] as const) {
  const results = new Map(servers.map(({ name }) => [name, [] as { rate: number; cpu: number }[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { name, port } of servers) {
      const result = await load(port, mode);
      if (round > 0) results.get(name)!.push(result); // the first round only warms up
    }
  }
  const median = (name: string) => results.get(name)!.sort((a, b) => a.rate - b.rate)[ROUNDS >> 1]!;
  for (const { name } of servers) {
    const { rate, cpu } = median(name);
    const ratio = `${Math.round((100 * rate) / median("plain").rate)} % of plain`;
    const told =
      mode === "held"
        ? `${HELD} connections held, ${Math.round(rate)} answers/s, ${cpu.toFixed(0)} µs each`
        : mode === "short"
          ? `${Math.round(rate)} short connections/s, ${cpu.toFixed(0)} µs each`
          : `${Math.round(rate / 1e6)} MB/s, ${(cpu / 1000).toFixed(2)} ms a MB`;
    process.stdout.write(`  ${name.padEnd(8)}  ${told}, ${ratio}\n`);
  }
}
process.exit();
