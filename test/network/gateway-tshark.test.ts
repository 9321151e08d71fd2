import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesOf, concat, FOREVER, ManualClock, Random } from "../../src/base/index.ts";
import {
  capture,
  Gateway,
  MemoryOutside,
  Nic,
  type OutsideStream,
  PcapWriter,
  parseAddress,
  type Socket,
  Stack,
  Switch,
} from "../../src/net/index.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const FIELDS = [
  "_ws.col.Info",
  "_ws.expert.message",
  "ip.checksum.status",
  "tcp.checksum.status",
  "udp.checksum.status",
  "icmp.checksum.status",
  "arp.opcode",
  "http.response.code",
  "ip.flags.mf",
  "icmp.type",
  "icmp.code",
  "tcp.flags.reset",
  "tcp.srcport",
] as const;
const GUEST = parseAddress("10.0.2.15")!;
const GATEWAY = parseAddress("10.0.2.2")!;
const WEB = parseAddress("192.0.2.80")!;

/** Everything the gateway does once, captured at the guest's port. */
function session(): Uint8Array {
  const clock = new ManualClock();
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((chunk) => chunks.push(chunk));
  const lan = new Switch({ clock });
  const outside = new MemoryOutside({ clock, latency: 1000, hosts: ["192.0.2.80"] });
  const gateway = new Gateway({
    port: lan.plug(),
    outside,
    random: new Random(1),
    publish: [
      { protocol: "tcp", at: { host: "127.0.0.1", port: 8080 }, guest: GUEST, port: 80 },
      { protocol: "tcp", at: { host: "127.0.0.1", port: 8081 }, guest: GUEST, port: 81 },
      { protocol: "udp", at: { host: "127.0.0.1", port: 5353 }, guest: GUEST, port: 5300 },
    ],
    outbound: ({ port }) => port !== 25,
  });
  const port = capture(lan.plug(), writer, writer.addInterface({ name: "guest" }), clock);
  const guest = new Stack({ nics: [new Nic({ port, mac: 0x52540000020f })], random: new Random(2) });
  guest.configure(0, { address: GUEST, mask: 0xffffff00, gateway: GATEWAY });
  const settle = (): void => {
    for (let next = clock.now(); next !== FOREVER && next < clock.now() + 900_000; ) {
      clock.advanceTo(Math.max(next, clock.now()));
      for (let moved = true; moved; ) {
        const first = guest.poll(clock.now());
        moved = gateway.poll(clock.now()) || first;
      }
      next = Math.min(guest.deadline(), gateway.deadline());
    }
  };

  // A page served by the guest, with the ends in an orderly way.
  const accepted: Socket[] = [];
  const listener = guest.sockets.stream();
  listener.bind(0, 80);
  listener.listen(5);
  listener.onChange = () => {
    const socket = listener.accept();
    if (typeof socket === "object") accepted.push(socket);
  };
  settle();
  const host: OutsideStream = outside.connect({ host: "127.0.0.1", port: 8080 });
  settle();
  host.write(bytesOf("GET / HTTP/1.1\r\nHost: guest\r\n\r\n"));
  settle();
  accepted[0]!.receive(new Uint8Array(1000));
  accepted[0]!.send(bytesOf(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${"x".repeat(5000)}`));
  accepted[0]!.close();
  settle();
  host.end();
  outside.connect({ host: "127.0.0.1", port: 8081 }); // refused by the guest
  settle();

  // Out: a connection that works, one refused, one to nowhere, one not allowed.
  outside.listen({ host: "192.0.2.80", port: 80 }, (stream) =>
    stream.write(bytesOf("hello from outside\r\n")),
  );
  settle();
  const sockets = [80, 81, 25].map((number) => {
    const socket = guest.sockets.stream();
    socket.connect(WEB, number);
    return socket;
  });
  const nowhere = guest.sockets.stream();
  nowhere.connect(parseAddress("192.0.2.99")!, 80);
  settle();
  sockets[0]!.receive(new Uint8Array(100));
  sockets[0]!.close();

  // Datagrams in and out, one of them in fragments; one not allowed.
  const server = guest.sockets.datagram();
  server.bind(0, 5300);
  const peer = outside.reach({ host: "127.0.0.1", port: 5353 });
  settle();
  peer.send(new Uint8Array(3000));
  settle();
  const datagram = server.receiveDatagram();
  if (typeof datagram === "object") server.send(datagram.payload, datagram.from);
  server.send(bytesOf("anybody there?"), { address: WEB, port: 25 });
  server.send(bytesOf("anybody there?"), { address: GATEWAY, port: 99 });
  const ping = guest.sockets.raw(1);
  ping.send(Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1), { address: WEB, port: 0 });
  settle();
  return concat(chunks);
}

describe.skipIf(!tshark)(
  `a capture of all the gateway does, read by tshark${tshark ? "" : " (not installed)"}`,
  () => {
    test("no damaged frame, no wrong checksum, no needless retransmission", () => {
      const folder = mkdtempSync(join(tmpdir(), "kolibri-gateway-"));
      try {
        const file = join(folder, "session.pcapng");
        writeFileSync(file, session());
        const checks = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
        const shown = ["-T", "fields", ...FIELDS.flatMap((field) => ["-e", field])];
        const answer = execFileSync("tshark", ["-r", file, ...checks, ...shown], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        });
        // A packet quoted in an ICMP error has fields of its own behind those of the packet itself.
        const frames = answer
          .trimEnd()
          .split("\n")
          .map((line) => line.split("\t"));
        const withField = (field: (typeof FIELDS)[number], value: RegExp): string[][] =>
          frames.filter((values) => value.test(values[FIELDS.indexOf(field)]!));

        expect(
          withField("_ws.col.Info", /malformed|retransmission|out-of-order|dup ack|not captured/i),
        ).toEqual([]);
        expect(withField("_ws.expert.message", /malformed|bad|illegal|bogus/i)).toEqual([]);
        for (const field of FIELDS.filter((each) => each.endsWith("checksum.status"))) {
          expect(withField(field, /^0|,0/), field).toEqual([]); // 0 is "Bad"
          expect(withField(field, /^1/).length, field).toBeGreaterThan(0);
        }
        // It is all in there.
        expect(withField("arp.opcode", /^[12]$/).length).toBeGreaterThan(1);
        expect(withField("http.response.code", /^200$/)).toHaveLength(1);
        expect(withField("ip.flags.mf", /^1/).length).toBeGreaterThan(1);
        const errors = withField("icmp.type", /^3\b/).map(
          (values) => values[FIELDS.indexOf("icmp.code")]!.split(",")[0],
        );
        // Host 192.0.2.99; a datagram to port 25; the gateway's port 99; the ping, for which there is no route.
        expect(errors.sort()).toEqual(["0", "1", "13", "3"]);
        const resets = withField("tcp.flags.reset", /^1$/).map(
          (values) => values[FIELDS.indexOf("tcp.srcport")],
        );
        expect(resets.sort()).toEqual(["25", "81", "81"]); // not allowed, refused outside, refused by the guest
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  },
);
