/** TCP Fast Open (RFC 7413) between two stations of ours, over bad lines, and with the Linux kernel. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, latin1, Random, SECOND } from "../../src/base/index.ts";
import {
  ANY6,
  cable,
  type Faults,
  FaultyLink,
  Nic,
  parseAddress,
  parseAddress6,
  parseNetwork6,
  type Socket,
  Stack,
} from "../../src/net/index.ts";
import type { TcpSocket } from "../../src/net/tcp/socket.ts";
import { Linux, missing } from "./linux.ts";
import { python } from "./linux-talk.ts";
import { B, pair } from "./pair.ts";

const connectionOf = (socket: Socket) => (socket as TcpSocket).connection!;
const wantsFast = (socket: Socket, most = 1): Socket => {
  socket.options.fastOpen = most;
  return socket;
};

/** Takes what has come. */
function read(socket: Socket): string {
  const buffer = new Uint8Array(65536);
  const got = socket.receive(buffer);
  return typeof got === "number" ? latin1(buffer.subarray(0, got)) : "";
}

/** Two stations, the second listening; `call` opens a connection to it and writes. */
function fastPair(faults: Faults = {}, six = false, most = 8) {
  const [near, far] = cable();
  const clock = { now: () => it.now };
  const link = new FaultyLink({
    port: far,
    clock,
    random: new Random(5),
    sending: faults,
    receiving: faults,
  });
  const it = pair({ ports: [near, link], between: [link] });
  if (six)
    for (const [stack, text] of [
      [it.a, "fd00::15/64"],
      [it.b, "fd00::2/64"],
    ] as const)
      stack.configure6(0, { addresses: [parseNetwork6(text)!], duplicateDetection: 0, autoconfigure: false });
  const listener = wantsFast(it.b.sockets.stream(), most);
  listener.bind(ANY6, 80);
  listener.listen(100);
  const call = (text: string): Socket => {
    const socket = wantsFast(it.a.sockets.stream());
    const reason = socket.connect(six ? parseAddress6("fd00::2")! : B, 80);
    if (reason === "connected") expect(socket.send(bytesOf(text))).toBe(text.length);
    else expect(reason).toBe("in-progress");
    return socket;
  };
  const accept = (): Socket => {
    expect(it.run(() => listener.acceptable)).toBe(true);
    return listener.accept() as Socket;
  };
  return { it, listener, call, accept };
}

test.each([false, true])("the second connection brings its data along (IPv6: %s)", (six) => {
  const { it, call, accept } = fastPair({ delay: 10_000 }, six);
  const first = call("");
  const began = accept();
  it.run(() => first.connect(B, 80) === "connected");
  began.close();
  first.close();
  const from = it.now;
  const second = call("GET /");
  const peer = accept();
  // One way, not one and a half round trips: the program has the request before the handshake is over.
  expect(it.now - from).toBeLessThan(11_000);
  expect(read(peer)).toBe("GET /");
  peer.send(bytesOf("200"));
  it.run(() => second.available === 3);
  expect(it.now - from).toBeLessThan(22_000);
  expect(connectionOf(second).fast?.taken).toBe(true);
  expect(read(second)).toBe("200");
});

test("a peer that has never been asked gets no data in a SYN, and who does not want it gets none taken", () => {
  const { it, listener, call, accept } = fastPair();
  const first = call("");
  accept();
  it.run(() => first.connect(B, 80) === "connected");
  listener.options.fastOpen = 0;
  const second = call("late");
  const peer = accept();
  expect(connectionOf(peer).fast).toBeUndefined();
  it.run(() => peer.available === 4);
  expect([read(peer), connectionOf(second).fast?.taken]).toEqual(["late", false]);
});

test("handshakes that never end are as many as the listener allows (RFC 7413 5.1)", () => {
  const { it, listener, call } = fastPair({}, false, 3);
  const first = call("");
  it.run(() => first.connect(B, 80) === "connected");
  // All SYNs are there before anything is answered.
  const sockets = Array.from({ length: 10 }, (_, i) => call(`number ${i}`));
  while (it.a.poll(it.now)) {}
  while (it.b.poll(it.now)) {}
  const early = it.b.connections().filter((c) => c.fast?.handed);
  expect(early.length).toBe(3);
  expect(it.b.drops.all()["tcp: too many fast opens"]).toBe(7);
  it.run(() => sockets.every((socket) => connectionOf(socket).snd.synAcked && socket.space > 0));
  const texts = new Set<string>();
  while (listener.acceptable) {
    const peer = listener.accept() as Socket;
    it.run(() => peer.available > 0, it.now + SECOND);
    texts.add(read(peer));
  }
  expect([...texts].filter((text) => text.startsWith("number")).length).toBe(10);
});

const faults: [string, Faults][] = [
  ["20 % loss", { delay: 10_000, loss: 0.2 }],
  ["duplicates", { delay: 10_000, duplicate: 0.3 }],
  ["reordering", { delay: 10_000, reorder: 0.3, reorderBy: 15_000 }],
  ["damage", { delay: 10_000, corrupt: 0.1 }],
];
test.each(faults)("over a bad line every byte comes once and in order: %s", (_name, fault) => {
  const { it, listener, call } = fastPair(fault, false, 1000);
  const heard = new Map<number, string>();
  let early = 0;
  listener.onChange = () => {
    for (let peer = listener.accept(); typeof peer === "object"; peer = listener.accept()) {
      const socket = peer;
      if (connectionOf(socket).fast?.taken) early++;
      const take = (): void => {
        const { port } = socket.remote!;
        heard.set(port, (heard.get(port) ?? "") + read(socket));
      };
      socket.onChange = take;
      take();
    }
  };
  const text = "abcdefghij".repeat(90);
  for (let round = 0; round < 60; round++) {
    const socket = call(text);
    const { port } = socket.local;
    let rest = text.slice(connectionOf(socket).sendBuffer.length);
    it.run(
      () => {
        if (rest && connectionOf(socket).snd.synAcked) rest = rest.slice(Number(socket.send(bytesOf(rest))));
        return heard.get(port) === text || socket.closed;
      },
      it.now + 120 * SECOND,
    );
    expect(heard.get(port)).toBe(text);
    socket.abort();
    it.now += 30 * SECOND;
  }
  expect(early).toBeGreaterThan(10);
});

const why = missing();

describe.skipIf(why)(`with the Linux kernel${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let stack: Stack;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-net-"));
    linux = await Linux.start("10.0.2.2/24");
    linux.run("sysctl", "-q", "net.ipv4.tcp_fastopen=3");
    stack = new Stack({ nics: [new Nic({ port: linux, mac: 0x525400000015 })], random: new Random(1) });
    stack.configure(0, { address: parseAddress("10.0.2.15")!, mask: 0xffffff00 });
    linux.drive(stack);
  });

  afterAll(async () => {
    await linux?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("the kernel calls: its second connection's data is ours before its handshake is over", async () => {
    const listener = wantsFast(stack.sockets.stream(), 16);
    listener.bind(0, 8080);
    listener.listen(16);
    const taken: boolean[] = [];
    listener.onChange = () => {
      for (let peer = listener.accept(); typeof peer === "object"; peer = listener.accept()) {
        const socket = peer;
        const answer = (): void => {
          const asked = read(socket);
          if (asked === "") return;
          taken.push(connectionOf(socket).fast?.taken === true);
          socket.send(bytesOf(asked.toUpperCase()));
          socket.close();
        };
        socket.onChange = answer;
        answer();
      }
    };
    const lines = await python(
      linux,
      folder,
      `for i in range(3):
    s = socket.socket()
    s.sendto(b"hello", 0x20000000, ("10.0.2.15", 8080)) # MSG_FASTOPEN
    print(s.recv(100), s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & 32) # TCPI_OPT_SYN_DATA
    s.close()`,
    );
    expect(lines).toEqual(["b'HELLO' 0", "b'HELLO' 32", "b'HELLO' 32"]);
    expect(taken).toEqual([false, true, true]);
    listener.close();
  });

  test("we call: the kernel gives a cookie, and takes the next one's data", async () => {
    const server = python(
      linux,
      folder,
      `server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
server.bind(("10.0.2.2", 8081))
server.listen(16)
for i in range(3):
    peer, _ = server.accept()
    peer.settimeout(PATIENCE)
    peer.sendall(peer.recv(100).upper())
    peer.close()`,
    );
    await linux.listening(8081);
    const taken: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const socket = wantsFast(stack.sockets.stream());
      const there = parseAddress("10.0.2.2")!;
      const reason = socket.connect(there, 8081);
      expect(reason).toBe(i === 0 ? "in-progress" : "connected");
      expect(socket.send(bytesOf("hello"))).toBe(5);
      await linux.until(() => socket.available === 5);
      expect(read(socket)).toBe("HELLO");
      taken.push(connectionOf(socket).fast?.taken);
      socket.close();
    }
    expect(taken).toEqual([false, true, true]);
    await server;
  });
});
