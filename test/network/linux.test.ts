/** Our stack beside the Linux kernel's, on one cable. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, concat, latin1, Random } from "../../src/base/index.ts";
import { FaultyLink, Nic, parseAddress, type Socket, Stack, TcpState } from "../../src/net/index.ts";
import { has, Linux, missing } from "./linux.ts";

const why = missing();
const US = "10.0.2.15";
const KERNEL = "10.0.2.2";

describe.skipIf(why)(`with the Linux kernel as neighbour${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let stack: Stack;
  let link: FaultyLink;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-net-"));
    linux = await Linux.start(`${KERNEL}/24`);
    link = new FaultyLink({ port: linux, clock: linux, random: new Random(2) });
    stack = new Stack({
      nics: [new Nic({ port: link, mac: 0x525400000015 })],
      random: new Random(1),
    });
    stack.configure(0, { address: parseAddress(US)!, mask: 0xffffff00, gateway: parseAddress(KERNEL)! });
    linux.drive(link, stack);
  });

  afterAll(async () => {
    await linux?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Something to do whenever a socket may have changed, until it answers true. */
  function until(step: () => boolean, seconds = 120): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing more happened")), seconds * 1000);
      const before = linux.onTurn;
      linux.onTurn = () => {
        before?.();
        try {
          if (!step()) return;
        } catch (error) {
          reject(error);
        }
        clearTimeout(timer);
        linux.onTurn = before;
        resolve();
      };
      linux.drive();
    });
  }

  /** An HTTP-like server of ours: whatever is asked, `page` is the answer, then the end. */
  function serve(port: number, page: Uint8Array): { stop(): void; served: () => number } {
    const listener = stack.sockets.stream();
    listener.options.reuseAddress = true;
    expect(listener.bind(0, port)).toBeUndefined();
    expect(listener.listen(64)).toBeUndefined();
    let served = 0;
    listener.onChange = () => {
      for (;;) {
        const socket = listener.accept();
        if (typeof socket === "string") return;
        let request = "";
        let sent = 0;
        let asked = false;
        const move = (): void => {
          const buffer = new Uint8Array(4096);
          for (;;) {
            const got = socket.receive(buffer);
            if (typeof got !== "number") {
              if (got === "would-block") break;
              socket.close();
              return;
            }
            if (got === 0) {
              socket.close();
              return;
            }
            request += latin1(buffer.subarray(0, got));
          }
          if (!asked && !request.includes("\r\n\r\n")) return;
          asked = true;
          while (sent < page.length) {
            const taken = socket.send(page.subarray(sent, sent + 65536));
            if (typeof taken !== "number") return;
            sent += taken;
          }
          served++;
          socket.close();
        };
        socket.onChange = move;
        move();
      }
    };
    return { stop: () => listener.close(), served: () => served };
  }

  test("echo requests of all sizes, in fragments too, come back as they were", async () => {
    const script = `import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.settimeout(5)
def checksum(data):
    data += b"\\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff
for size in (0, 1, 56, 1472, 1473, 9000, 65000):
    data = bytes(i * 5 & 255 for i in range(size))
    head = struct.pack("!BBHHH", 8, 0, 0, 77, size & 0xffff)
    head = struct.pack("!BBHHH", 8, 0, checksum(head + data), 77, size & 0xffff)
    s.sendto(head + data, ("${US}", 0))
    got = s.recv(70000)[20:]
    print(size, got[0], checksum(got), got[8:] == data)`;
    const { output } = await linux.command("python3", "-c", script);
    expect(output.trim().split("\n")).toEqual(
      [0, 1, 56, 1472, 1473, 9000, 65000].map((size) => `${size} 0 0 True`),
    );
  });

  test("the kernel's ARP table has our address", () => {
    expect(linux.ip("neigh", "show", US)).toContain("52:54:00:00:00:15");
  });

  test.skipIf(!has("curl"))("curl fetches a page, and 10 MB with every byte right", async () => {
    const header = (length: number) =>
      bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`);
    const body = Uint8Array.from({ length: 10_000_000 }, (_, i) => (i * 7 + (i >>> 8)) & 255);
    const page = concat([header(body.length), body]);
    const server = serve(80, page);
    const file = join(folder, "page");
    const { code, output } = await linux.command("curl", "-sS", "-o", file, `http://${US}/`);
    expect([code, output]).toEqual([0, ""]);
    const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(readFileSync(file))).toBe(digest(body));
    server.stop();
  });

  test.skipIf(!has("curl"))("fifty curls, ten at a time", async () => {
    const page = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");
    const server = serve(8080, page);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => linux.command("curl", "-sS", `http://${US}:8080/`)),
      );
      for (const { code, output } of answers) expect([code, output]).toEqual([0, "hello\n"]);
    }
    expect(server.served()).toBe(50);
    server.stop();
  });

  test("a port nobody listens at refuses, both ways", async () => {
    const script = `import socket
try:
    socket.create_connection(("${US}", 4), 5)
except ConnectionRefusedError:
    print("refused")`;
    expect((await linux.command("python3", "-c", script)).output).toBe("refused\n");
    const socket = stack.sockets.stream();
    let reason: string | undefined = socket.connect(parseAddress(KERNEL)!, 4);
    await until(() => (reason = socket.connect(parseAddress(KERNEL)!, 4)) !== "already");
    expect(reason).toBe("refused");
  });

  /** Sends `length` bytes to a server of the kernel's side, which hashes them and answers after our half-close. */
  async function sendHashed(port: number, length: number): Promise<void> {
    const script = `import socket, hashlib
server = socket.create_server(("${KERNEL}", ${port}))
print("ready", flush=True)
peer, _ = server.accept()
digest = hashlib.sha256()
while True:
    data = peer.recv(65536)
    if not data: break
    digest.update(data)
peer.sendall(digest.hexdigest().encode())
peer.close()`;
    const file = join(folder, "server.py");
    writeFileSync(file, script);
    const server = linux.command("python3", file);
    for (let tries = 0; !linux.listens(port); tries++) {
      if (tries === 100) throw new Error("the server does not listen");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const socket = stack.sockets.stream();
    expect(socket.connect(parseAddress(KERNEL)!, port)).toBe("in-progress");
    const data = Uint8Array.from({ length }, (_, i) => (i * 13 + (i >>> 9)) & 255);
    let sent = 0;
    let answer = "";
    const buffer = new Uint8Array(4096);
    await until(() => {
      while (sent < data.length) {
        const taken = socket.send(data.subarray(sent));
        if (typeof taken !== "number") {
          if (taken !== "would-block") throw new Error(taken);
          break;
        }
        sent += taken;
        if (sent === data.length) socket.shutdown("send");
      }
      for (;;) {
        const got = socket.receive(buffer);
        if (got === 0) return true;
        if (typeof got !== "number") {
          if (got !== "would-block") throw new Error(got);
          return false;
        }
        answer += latin1(buffer.subarray(0, got));
      }
    });
    expect(answer).toBe(createHash("sha256").update(data).digest("hex"));
    socket.close();
    await until(() => socket.state === TcpState.TIME_WAIT);
    await server;
  }

  test("we send 5 MB to the kernel, half-close, and get its hash", async () => {
    await sendHashed(5001, 5_000_000);
  });

  test("datagrams with their boundaries, to and fro, also in fragments", async () => {
    const socket = stack.sockets.datagram();
    expect(socket.bind(0, 7)).toBeUndefined();
    socket.onChange = () => {
      for (;;) {
        const datagram = socket.receiveDatagram();
        if (typeof datagram === "string") return;
        socket.send(datagram.payload, datagram.from);
      }
    };
    const script = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
for size in (0, 1, 1472, 1473, 5000, 65507):
    sent = bytes(i & 255 for i in range(size))
    s.sendto(sent, ("${US}", 7))
    got, peer = s.recvfrom(70000)
    print(size, got == sent, peer[1])`;
    const { output } = await linux.command("python3", "-c", script);
    expect(output.trim().split("\n")).toEqual(
      [0, 1, 1472, 1473, 5000, 65507].map((size) => `${size} True 7`),
    );
    socket.close();
    const refused = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("${US}", 7))
s.send(b"x")
try:
    s.recv(10)
except ConnectionRefusedError:
    print("refused")`;
    expect((await linux.command("python3", "-c", refused)).output).toBe("refused\n");
  });

  test("an echo request of ours through a raw socket is answered", async () => {
    const raw = stack.sockets.raw(1) as Socket;
    expect(raw.connect(parseAddress(KERNEL)!, 0)).toBeUndefined();
    raw.send(Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1, 65, 66, 67));
    const packet = new Uint8Array(100);
    let length: number | string = 0;
    await until(() => typeof (length = raw.receive(packet)) === "number");
    expect([...packet.subarray(20, length as number)]).toEqual([
      0, 0, 0x69, 0x88, 0x12, 0x34, 0, 1, 65, 66, 67,
    ]);
    raw.close();
  });

  test("nothing of all this was dropped but what should be", () => {
    const { "tcp: no connection": refused, "udp: no socket": unheard, ...others } = stack.drops.all();
    expect([refused, unheard]).toEqual([1, 1]);
    // The kernel's own noise, IPv6 neighbour discovery; and what is sent twice because this machine was busy.
    const harmless = (reason: string) => reason.startsWith("ip6: ") || reason === "tcp: outside the window";
    expect(Object.keys(others).filter((reason) => !harmless(reason))).toEqual([]);
  });

  describe("over a bad link", () => {
    beforeAll(() => {
      const faults = {
        loss: 0.02,
        delay: 5_000,
        reorder: 0.05,
        reorderBy: 3_000,
        duplicate: 0.02,
        corrupt: 0.01,
      };
      Object.assign(link.sending, faults);
      Object.assign(link.receiving, faults);
    });

    test("we send 1 MB", async () => {
      await sendHashed(5002, 1_000_000);
      expect(stack.counters.tcpRetransmitted).toBeGreaterThan(10);
    });

    test.skipIf(!has("curl"))("the kernel sends 1 MB, which comes back hashed", async () => {
      const body = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 3 + (i >>> 7)) & 255);
      const file = join(folder, "body");
      writeFileSync(file, body);
      const listener = stack.sockets.stream();
      listener.bind(0, 8081);
      listener.listen(1);
      const curl = linux.command("curl", "-sS", "-T", file, "-H", "Expect:", `http://${US}:8081/`);
      let socket: Socket | string = "would-block";
      await until(() => typeof (socket = listener.accept()) !== "string");
      const peer = socket as unknown as Socket;
      const hash = createHash("sha256");
      const buffer = new Uint8Array(65536);
      let head = "";
      let got = 0;
      await until(() => {
        for (;;) {
          const read = peer.receive(buffer);
          if (typeof read !== "number") return false;
          let bytes = buffer.subarray(0, read);
          if (!head.includes("\r\n\r\n")) {
            head += latin1(bytes);
            const end = head.indexOf("\r\n\r\n");
            if (end < 0) continue;
            bytes = Uint8Array.from(head.slice(end + 4), (character) => character.charCodeAt(0));
          }
          hash.update(bytes);
          got += bytes.length;
          if (got === body.length) return true;
        }
      }, 60);
      const digest = hash.digest("hex");
      peer.send(bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: 64\r\nConnection: close\r\n\r\n${digest}`));
      peer.close();
      expect((await curl).output).toBe(createHash("sha256").update(body).digest("hex"));
      listener.close();
    });
  });
});
