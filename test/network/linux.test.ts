/** Our stack beside the Linux kernel's, on one cable. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, concat, latin1, Random } from "../../src/base/index.ts";
import { FaultyLink, Nic, parseAddress, parseMac, type Socket, Stack } from "../../src/net/index.ts";
import { has, Linux, missing } from "./linux.ts";
import { python, refusesBothWays, sendHashed, serve } from "./linux-talk.ts";

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

  test("echo requests of all sizes, in fragments too, come back as they were", async () => {
    // Every size up to two fragments and, further up, those around each number of fragments.
    const lines = await python(
      linux,
      folder,
      `sizes = list(range(2970))
sizes += [edge - 8 + by for edge in range(2960, 65520, 1480) for by in (-1, 0, 1) if edge + by <= 65515]
sizes += [65506, 65507]
wrong = [(size, answer) for size in sizes if (answer := echo("${US}", size)) != ("${US}", 0, True)]
print(len(sizes), wrong)`,
    );
    expect(lines).toEqual(["3101 []"]);
  });

  test("the kernel's ARP table has our address", () => {
    expect(linux.ip("neigh", "show", US)).toContain("52:54:00:00:00:15");
  });

  test.skipIf(!has("curl"))("curl fetches a page, and 10 MB with every byte right", async () => {
    const header = (length: number) =>
      bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`);
    const body = Uint8Array.from({ length: 10_000_000 }, (_, i) => (i * 7 + (i >>> 8)) & 255);
    const page = concat([header(body.length), body]);
    const server = serve(stack, 80, page);
    const file = join(folder, "page");
    const { code, output } = await linux.command("curl", "-sS", "-o", file, `http://${US}/`);
    expect([code, output]).toEqual([0, ""]);
    const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(readFileSync(file))).toBe(digest(body));
    server.stop();
  });

  test.skipIf(!has("curl"))("fifty curls, ten at a time", async () => {
    const page = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");
    const server = serve(stack, 8080, page);
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
    await refusesBothWays(linux, folder, stack, US, KERNEL);
  });

  test("we send 5 MB to the kernel, half-close, and get its hash", async () => {
    await sendHashed(linux, folder, stack, KERNEL, 5001, 5_000_000);
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
    const script = `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(PATIENCE)
for size in (0, 1, 1472, 1473, 5000, 65507):
    sent = bytes(i & 255 for i in range(size))
    s.sendto(sent, ("${US}", 7))
    got, peer = s.recvfrom(70000)
    print(size, got == sent, peer[1])`;
    expect(await python(linux, folder, script)).toEqual(
      [0, 1, 1472, 1473, 5000, 65507].map((size) => `${size} True 7`),
    );
    socket.close();
    const refused = `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(PATIENCE)
s.connect(("${US}", 7))
s.send(b"x")
try:
    s.recv(10)
except ConnectionRefusedError:
    print("refused")`;
    expect(await python(linux, folder, refused)).toEqual(["refused"]);
  });

  test("an echo request of ours through a raw socket is answered", async () => {
    const raw = stack.sockets.raw(1) as Socket;
    expect(raw.connect(parseAddress(KERNEL)!, 0)).toBeUndefined();
    raw.send(Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1, 65, 66, 67));
    const packet = new Uint8Array(100);
    let length: number | string = 0;
    await linux.until(() => typeof (length = raw.receive(packet)) === "number");
    expect([...packet.subarray(20, length as number)]).toEqual([
      0, 0, 0x69, 0x88, 0x12, 0x34, 0, 1, 65, 66, 67,
    ]);
    raw.close();
  });

  test("nothing of all this was dropped but what should be", () => {
    const { "tcp: no connection": refused, "udp: no socket": unheard, ...others } = stack.drops.all();
    // Once each, or more often when an answer came so late that the question was put again.
    expect([refused, unheard].every((count) => count! >= 1)).toBe(true);
    // The kernel's own noise, IPv6 neighbour discovery; and what is sent twice because this machine was busy.
    const harmless = (reason: string) =>
      reason.startsWith("ip6: ") || /^tcp: (outside the window|old ack|old timestamp)$/.test(reason);
    expect(Object.keys(others).filter((reason) => !harmless(reason))).toEqual([]);
  });

  test.skipIf(!has("wrk"))("wrk, thirty connections at a time for two seconds", async () => {
    const page = bytesOf("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");
    const server = serve(stack, 8082, page);
    const { code, output } = await linux.command("wrk", "-t1", "-c30", "-d2", `http://${US}:8082/`);
    expect([code, output]).toEqual([0, expect.not.stringMatching(/Socket errors|Non-2xx/)]);
    expect(Number(/(\d+) requests in/.exec(output)?.[1])).toBeGreaterThan(30);
    server.stop();
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
      // ARP has no checksum: a damaged answer would be believed, and the line be dead for as long as it is.
      linux.ip("neigh", "replace", US, "lladdr", "52:54:00:00:00:15", "dev", "tap0", "nud", "permanent");
      const [, kernel] = /link\/ether (\S+)/.exec(linux.ip("link", "show", "tap0"))!;
      stack.setNeighbour(0, parseAddress(KERNEL)!, parseMac(kernel!)!);
      Object.assign(link.sending, faults);
      Object.assign(link.receiving, faults);
    });

    test("we send 1 MB", async () => {
      await sendHashed(linux, folder, stack, KERNEL, 5002, 1_000_000);
      expect(stack.counters.tcpRetransmitted).toBeGreaterThan(0);
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
      await linux.until(() => typeof (socket = listener.accept()) !== "string");
      const peer = socket as unknown as Socket;
      const hash = createHash("sha256");
      const buffer = new Uint8Array(65536);
      let head = "";
      let got = 0;
      await linux.until(() => {
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
      });
      const digest = hash.digest("hex");
      peer.send(bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: 64\r\nConnection: close\r\n\r\n${digest}`));
      peer.close();
      expect((await curl).output).toBe(createHash("sha256").update(body).digest("hex"));
      listener.close();
    });
  });
});
