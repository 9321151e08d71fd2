/** Source routes beside the Linux kernel's: it names a router of ours as the way to our station, and is named by us. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, Random } from "../../src/base/index.ts";
import { macFor, Nic, parseAddress, Router, type Socket, Stack, Switch, tap } from "../../src/net/index.ts";
import { Linux, missing } from "./linux.ts";
import { python, sendHashed, serve } from "./linux-talk.ts";

const why = missing();
const KERNEL = "10.0.2.2";
const ROUTER = "10.0.2.1";
const US = "10.0.9.15";

describe.skipIf(why)(`source routes with the Linux kernel${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let stack: Stack;
  let folder: string;
  let routed = { here: 0, there: 0 };

  /** kernel 10.0.2.2 — 10.0.2.1 router 10.0.9.1 — 10.0.9.15 station; neither end has a route to the other. */
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-net-"));
    linux = await Linux.start(`${KERNEL}/24`);
    for (const who of ["all", "tap0"]) {
      linux.run("sysctl", "-q", "-w", `net.ipv4.conf.${who}.accept_source_route=1`);
      linux.run("sysctl", "-q", "-w", `net.ipv4.conf.${who}.rp_filter=0`);
    }
    // The kernel answers only those it could reach.
    linux.ip("route", "add", "10.0.9.0/24", "dev", "tap0");
    const inner = new Switch({ clock: linux });
    const router = new Router({
      clock: linux,
      random: new Random(1),
      sourceRoutes: true,
      interfaces: [
        {
          port: tap(linux, (frame, direction) => {
            if (frame[12] !== 8 || frame[14]! <= 0x45) return;
            if (direction === "sent") routed.there++;
            else routed.here++;
          }),
          address: `${ROUTER}/24`,
        },
        { port: inner.plug(), address: "10.0.9.1/24" },
      ],
    });
    const address = parseAddress(US)!;
    stack = new Stack({
      nics: [new Nic({ port: inner.plug(), mac: macFor(address) })],
      random: new Random(2),
    });
    stack.configure(0, { address, mask: 0xffffff00 });
    linux.drive(router, stack);
  });

  afterAll(async () => {
    await linux?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("the kernel opens a connection by one, and our answers go back by it", async () => {
    routed = { here: 0, there: 0 };
    const page = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 11) & 255);
    const server = serve(stack, 80, page);
    const script = `s = socket.socket()
s.settimeout(PATIENCE)
route = b"\\x01\\x83\\x07\\x04" + socket.inet_aton("${ROUTER}")
s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, route)
s.connect(("${US}", 80))
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
got = b""
while piece := s.recv(65536): got += piece
print(got == bytes(i * 11 & 255 for i in range(200000)))`;
    expect(await python(linux, folder, script)).toEqual(["True"]);
    expect(routed.here).toBeGreaterThan(3);
    expect(routed.there).toBeGreaterThan(130); // every segment of the page
    server.stop();
  });

  test("the kernel goes back by the route that we name", async () => {
    routed = { here: 0, there: 0 };
    const stream = stack.sockets.stream.bind(stack.sockets);
    const named = {
      sockets: {
        stream: (): Socket => {
          const socket = stream();
          socket.options.sourceRoute = { strict: false, gateways: [parseAddress("10.0.9.1")!] };
          return socket;
        },
      },
    } as unknown as Stack;
    await sendHashed(linux, folder, named, KERNEL, 5001, 300_000);
    expect(routed.there).toBeGreaterThan(200);
    expect(routed.here).toBeGreaterThan(20);
  });

  test("an echo request of the kernel's by one is answered by it", async () => {
    const socket = stack.sockets.datagram();
    socket.send(bytesOf("x"), { address: parseAddress("10.0.9.1")!, port: 9 }); // learns the router's card
    const script = `s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.settimeout(PATIENCE)
route = b"\\x01\\x83\\x07\\x04" + socket.inet_aton("${ROUTER}")
s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, route)
head = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
s.sendto(struct.pack("!BBHHH", 8, 0, checksum(head), 77, 1), ("${US}", 0))
while True:
    got, (sender, _) = s.recvfrom(1000)
    length = (got[0] & 15) * 4
    if got[length] == 0: break
print(sender, length)`;
    expect(await python(linux, folder, script)).toEqual([`${US} 28`]);
    socket.close();
  });
});
