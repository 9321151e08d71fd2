/** Our IPv6 beside the Linux kernel's, on one cable; what passes on it is shown to tshark at the end. */

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, concat, latin1, Random } from "../../src/base/index.ts";
import {
  ANY6,
  capture,
  linkLocalOf,
  Nic,
  PcapWriter,
  parseAddress,
  parseAddress6,
  parseIpAddress,
  parseNetwork6,
  type Socket,
  Stack,
  showAddress6,
  showIpAddress,
  showMac,
} from "../../src/net/index.ts";
import type { TcpSocket } from "../../src/net/tcp/socket.ts";
import { has, Linux, missing } from "./linux.ts";
import { python, refusesBothWays, sendHashed, serve } from "./linux-talk.ts";

const why = missing();
const US = "fd00::15";
const KERNEL = "fd00::2";
const MAC = 0x525400000015;
const LINK_LOCAL = showAddress6(linkLocalOf(MAC));
describe.skipIf(why)(`IPv6 with the Linux kernel as neighbour${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let stack: Stack;
  let folder: string;
  const chunks: Uint8Array[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-net6-"));
    linux = await Linux.start("10.0.2.2/24");
    linux.ip("-6", "addr", "add", `${KERNEL}/64`, "dev", "tap0", "nodad");
    const writer = new PcapWriter((chunk) => chunks.push(chunk));
    const clock = { now: () => linux.now() };
    const port = capture(linux, writer, writer.addInterface({ name: "tap0" }), clock);
    stack = new Stack({ nics: [new Nic({ port, mac: MAC })], random: new Random(1) });
    stack.configure(0, { address: parseAddress("10.0.2.15")!, mask: 0xffffff00, gateway: 0 });
    stack.configure6(0, { addresses: [parseNetwork6(`${US}/64`)!] });
    linux.drive(stack);
    await linux.until(() => stack.addresses6(0).every(({ state }) => state === "preferred"));
    // The kernel looks for duplicates of its link-local address too, and takes another as source until it has.
    await linux.shows(/^(?![\s\S]*tentative)[\s\S]*fe80/, "ip", "-6", "addr", "show", "dev", "tap0");
  });

  afterAll(async () => {
    await linux?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (script: string): Promise<string[]> => python(linux, folder, script);

  test("echo requests of all sizes, in fragments too, come back as they were", async () => {
    const sizes = [0, 1, 56, 1452, 1453, 2904, 9000, 65000];
    const lines = await run(`s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.settimeout(PATIENCE)
for size in (${sizes.join()}):
    data = bytes(i * 5 & 255 for i in range(size))
    s.sendto(struct.pack("!BBHHH", 128, 0, 0, 77, size & 0xffff) + data, ("${US}", 0))
    while True:
        got = s.recv(70000)
        if got[0] == 129: break
    print(size, got[0], got[8:] == data)`);
    expect(lines).toEqual(sizes.map((size) => `${size} 129 True`));
    expect(stack.counters.datagramsReassembled).toBeGreaterThan(3);
  });

  test("the kernel knows us as a reachable neighbour, and we know it", async () => {
    expect(linux.ip("-6", "neigh", "show", US)).toContain("52:54:00:00:00:15");
    expect(stack.neighbours6(0).map(({ address }) => showAddress6(address))).toContain(KERNEL);
  });

  test.skipIf(!has("curl"))(
    "curl fetches 3 MB with every byte right, by global and link-local address",
    async () => {
      const body = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >>> 8)) & 255);
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
      const server = serve(stack, 80, concat([bytesOf(head), body]));
      const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      for (const host of [`[${US}]`, `[${LINK_LOCAL}%25tap0]`, "10.0.2.15"]) {
        const file = join(folder, "page");
        const { code, output } = await linux.command("curl", "-g", "-sS", "-o", file, `http://${host}/`);
        expect([host, code, output]).toEqual([host, 0, ""]);
        expect(digest(readFileSync(file))).toBe(digest(body));
      }
      expect([server.peers[0], server.peers[1]!.slice(0, 6), server.peers[2]]).toEqual([
        KERNEL,
        "fe80::",
        "10.0.2.2",
      ]);
      server.stop();
    },
  );

  test("a port nobody listens at refuses, both ways", async () => {
    await refusesBothWays(linux, folder, stack, US, KERNEL);
  });

  test("we send 3 MB to the kernel, half-close, and get its hash", async () => {
    await sendHashed(linux, folder, stack, KERNEL, 5001, 3_000_000);
  });

  test("datagrams to and fro, in fragments too; a closed port is unreachable, both ways", async () => {
    const socket = stack.sockets.datagram();
    expect(socket.bind(ANY6, 7)).toBeUndefined();
    socket.onChange = () => {
      for (let got = socket.receiveDatagram(); typeof got !== "string"; got = socket.receiveDatagram())
        socket.send(got.payload, got.from);
    };
    const sizes = [0, 1, 1452, 1453, 5000, 65000];
    const echoes = (family: string, host: string) => `s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.settimeout(PATIENCE)
for size in (${sizes.join()}):
    sent = bytes(i & 255 for i in range(size))
    s.sendto(sent, ("${host}", 7))
    got, peer = s.recvfrom(70000)
    print(size, got == sent, peer[1])`;
    for (const [family, host] of [
      ["AF_INET6", US],
      ["AF_INET", "10.0.2.15"],
    ] as const) {
      expect(await run(echoes(family, host))).toEqual(sizes.map((size) => `${size} True 7`));
    }
    socket.close();
    const refused = `s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(PATIENCE)
s.connect(("${US}", 7))
s.send(b"x")
try:
    s.recv(10)
except ConnectionRefusedError:
    print("refused")`;
    expect(await run(refused)).toEqual(["refused"]);
    const ours = stack.sockets.datagram();
    ours.connect(parseAddress6(KERNEL)!, 4);
    ours.send(bytesOf("x"));
    await linux.until(() => ours.error !== undefined);
    expect(ours.takeError()).toBe("refused");
    ours.close();
  });

  test("an unknown protocol is a parameter problem that points at its name", async () => {
    const lines = await run(`raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 200)
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.settimeout(PATIENCE)
raw.sendto(b"12345678", ("${US}", 0))
while True:
    got = s.recv(2000)
    if got[0] == 4: break
print(got[1], struct.unpack("!I", got[4:8])[0], got[8 + 6])`);
    expect(lines).toEqual(["1 6 200"]);
  });

  test("an echo request of ours through a raw socket is answered", async () => {
    const raw = stack.sockets.raw(58) as Socket;
    expect(raw.connect(parseAddress6(KERNEL)!, 0)).toBeUndefined();
    raw.send(Uint8Array.of(128, 0, 0, 0, 0x12, 0x34, 0, 1, 65, 66, 67));
    const packet = new Uint8Array(100);
    let length = 0;
    await linux.until(() => {
      for (let got = raw.receive(packet); typeof got === "number"; got = raw.receive(packet)) {
        if (packet[0] !== 129) continue; // neighbour discovery is heard too
        length = got;
        return true;
      }
      return false;
    });
    expect([...packet.subarray(4, length)]).toEqual([0x12, 0x34, 0, 1, 65, 66, 67]);
    raw.close();
  });

  test("duplicate address detection: theirs is not taken, and ours is not given", async () => {
    stack.configure6(0, { addresses: [{ address: parseAddress6("fd00::2")!, prefixLength: 64 }] });
    const own = () => stack.addresses6(0).find(({ address }) => address === parseAddress6(KERNEL)!)!;
    await linux.until(() => own().state !== "tentative");
    expect(own().state).toBe("duplicate");
    stack.removeAddress6(0, parseAddress6(KERNEL)!);
    linux.ip("-6", "addr", "add", `${US}/64`, "dev", "tap0");
    await linux.shows(/fd00::15\/64[^\n]*dadfailed/, "ip", "-6", "addr", "show", "dev", "tap0");
    linux.ip("-6", "addr", "del", `${US}/64`, "dev", "tap0");
  });

  test("an address is made of what a router advertises, and packets go by that router", async () => {
    const lines = await run(`import subprocess
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("tap0"))
prefix = socket.inet_pton(socket.AF_INET6, "2001:db8:1::")
ra = struct.pack("!BBHBBHII", 134, 0, 0, 61, 0, 1800, 0, 0)
ra += struct.pack("!BBHI", 5, 1, 0, 1400)
ra += struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 7200, 3600, 0) + prefix
s.sendto(ra, ("ff02::1", 0))
print("sent")`);
    expect(lines).toEqual(["sent"]);
    const made = () => stack.addresses6(0).find(({ origin }) => origin === "advertised");
    await linux.until(() => made()?.state === "preferred");
    expect(showAddress6(made()!.address)).toBe("2001:db8:1:0:5054:ff:fe00:15");
    expect(stack.routers6(0).map(showAddress6)[0]).toMatch(/^fe80::/);
    // Beyond that router, which the kernel plays: an address of its loopback.
    linux.ip("-6", "addr", "add", "2001:db8:2::1/128", "dev", "lo");
    linux.ip("-6", "route", "add", "2001:db8:1::/64", "dev", "tap0");
    linux.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1");
    const raw = stack.sockets.raw(58) as Socket;
    raw.connect(parseAddress6("2001:db8:2::1")!, 0);
    raw.send(Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 1));
    const packet = new Uint8Array(100);
    await linux.until(() => typeof raw.receive(packet) === "number" && packet[0] === 129);
    raw.close();
  });

  /** Runs a Python script in the namespace while `meanwhile` goes on here; both must end. */
  async function beside(script: string, meanwhile: () => boolean): Promise<string[]> {
    const said = run(script);
    await linux.until(meanwhile);
    return await said;
  }

  test.each([
    ["IPv4", "239.1.2.3", "10.0.2.2"],
    ["IPv6", "ff05::1234", KERNEL],
  ])(
    "a group of %s: the kernel's members hear us, we hear the kernel, and who has left does not",
    async (_name, group, from) => {
      const six = group.includes(":");
      const address = parseIpAddress(group)!;
      const socket = stack.sockets.datagram();
      expect(socket.bind(six ? ANY6 : 0, 6000)).toBeUndefined();
      expect(socket.join(address)).toBeUndefined();
      const family = six ? "socket.AF_INET6" : "socket.AF_INET";
      const join = six
        ? `s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "${group}") + struct.pack("@I", socket.if_nametoindex("tap0")))
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("tap0"))`
        : `s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("${group}") + socket.inet_aton("${from}"))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("${from}"))`;
      const script = `s = socket.socket(${family}, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 6000))
${join}
s.settimeout(PATIENCE)
s.sendto(b"from the kernel", ("${group}", 6000))
while True:
    got, peer = s.recvfrom(100)
    if got != b"from the kernel": break
print(got.decode(), peer[0])`;
      let heard = "";
      const lines = await beside(script, () => {
        for (let got = socket.receiveDatagram(); typeof got !== "string"; got = socket.receiveDatagram()) {
          const text = latin1(got.payload);
          if (text !== "from the kernel") continue; // our own word comes back to us, as we are in the group
          heard = `${text} ${showIpAddress(got.from.address)}`;
          socket.send(bytesOf("from us"), { address, port: 6000 });
        }
        return heard !== "";
      });
      // By the label of its destination, a global address comes before the local one (RFC 6724 rule 6).
      expect(lines).toEqual([`from us ${six ? "2001:db8:1:0:5054:ff:fe00:15" : "10.0.2.15"}`]);
      if (six) expect(heard).toMatch(/^from the kernel (fd00::2|2001:db8:1:)/);
      else expect(heard).toBe(`from the kernel ${from}`);
      socket.close();
      const late = `s = socket.socket(${family}, socket.SOCK_DGRAM)
${join.split("\n")[1]}
s.sendto(b"late", ("${group}", 6000))`;
      const before =
        stack.drops.of("ip: multicast group not joined") + stack.drops.of("ip6: multicast group not joined");
      await run(late);
      await linux.until(
        () =>
          stack.drops.of("ip: multicast group not joined") +
            stack.drops.of("ip6: multicast group not joined") >
          before,
      );
    },
  );

  test("a narrow link behind the kernel as router: told by it, remembered, and every byte arrives (both versions)", async () => {
    const far = `${linux.namespace}-far`;
    const inFar = (...words: string[]) => linux.ip("netns", "exec", far, ...words);
    execFileSync("ip", ["netns", "add", far]);
    try {
      linux.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", far);
      linux.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
      for (const [where, name, four, six] of [
        ["near", "v0", "10.1.0.1/24", "fd01::1/64"],
        ["far", "v1", "10.1.0.2/24", "fd01::2/64"],
      ] as const) {
        const ip = (...words: string[]) => (where === "near" ? linux.ip(...words) : inFar("ip", ...words));
        ip("link", "set", name, "mtu", "1300", "up");
        ip("addr", "add", four, "dev", name);
        ip("-6", "addr", "add", six, "dev", name, "nodad");
      }
      // The server says that it takes more than the link to it does.
      inFar("ip", "route", "add", "10.0.2.0/24", "via", "10.1.0.1", "advmss", "1460");
      inFar("ip", "-6", "route", "add", "fd00::/64", "via", "fd01::1", "advmss", "1440");
      stack.configure(0, { gateway: parseAddress("10.0.2.2")! });
      stack.addRoute6({
        network: parseAddress6("fd01::")!,
        prefixLength: 64,
        gateway: parseAddress6(KERNEL)!,
      });
      const data = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 11 + (i >>> 8)) & 255);
      for (const [host, family, port] of [
        ["10.1.0.2", "AF_INET", 5003],
        ["fd01::2", "AF_INET6", 5004],
      ] as const) {
        const file = join(folder, "far.py");
        writeFileSync(
          file,
          `import socket, hashlib
server = socket.create_server(("${host}", ${port}), family=socket.${family})
peer, _ = server.accept()
digest = hashlib.sha256()
while data := peer.recv(65536): digest.update(data)
print(digest.hexdigest())`,
        );
        const server = linux.command("ip", "netns", "exec", far, "python3", file);
        const table = `/proc/net/tcp${family === "AF_INET6" ? "6" : ""}`;
        const listening = `:${port.toString(16).toUpperCase()} `;
        await linux.shows(new RegExp(listening), "ip", "netns", "exec", far, "cat", table);
        const socket = stack.sockets.stream();
        expect(socket.connect(parseIpAddress(host)!, port)).toBe("in-progress");
        let sent = 0;
        await linux.until(() => {
          while (sent < data.length) {
            const taken = socket.send(data.subarray(sent));
            if (typeof taken !== "number") return false;
            sent += taken;
          }
          return true;
        });
        const { connection } = socket as TcpSocket;
        socket.close();
        expect((await server).output.trim()).toBe(createHash("sha256").update(data).digest("hex"));
        expect(connection!.pathMss).toBe(family === "AF_INET6" ? 1240 : 1260);
        const next = stack.sockets.stream();
        next.connect(parseIpAddress(host)!, 9);
        expect((next as TcpSocket).connection!.pathMss).toBe(connection!.pathMss);
        next.close();
      }
    } finally {
      execFileSync("ip", ["netns", "del", far]);
    }
  });

  test.skipIf(spawnSync("tshark", ["--version"]).status !== 0)(
    "tshark finds nothing malformed and no bad checksum in all that",
    () => {
      const file = join(folder, "all.pcapng");
      writeFileSync(file, concat(chunks));
      const checks = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
      // Where Linux sums in software, a TCP checksum of zero goes out as 0xFFFF, the other zero of one's
      // complement: right by RFC 1071, "bad" for tshark. About one segment in 65,536; ours has no such excuse.
      const otherZero = `(tcp.checksum == 0xffff && !(eth.src == ${showMac(MAC)}))`;
      const bad = [
        "_ws.malformed",
        `(tcp.checksum.status == "Bad" && !icmp && !icmpv6 && !${otherZero})`,
        ...["udp", "icmpv6", "ip"].map((name) => `${name}.checksum.status == "Bad"`),
      ].join(" || ");
      const shown = spawnSync("tshark", ["-r", file, ...checks, "-Y", bad], { encoding: "utf8" });
      expect(shown.stdout).toBe("");
      const all = spawnSync("tshark", ["-r", file, "-T", "fields", "-e", "icmpv6.type"], {
        encoding: "utf8",
      });
      const types = new Set(all.stdout.split("\n"));
      for (const type of ["1", "2", "4", "128", "129", "131", "132", "133", "134", "135", "136"])
        expect(types).toContain(type);
    },
  );
});
