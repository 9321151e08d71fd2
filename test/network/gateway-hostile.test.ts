import { expect, test } from "vitest";
import { ManualClock, MS, Random } from "../../src/base/index.ts";
import {
  Gateway,
  MemoryOutside,
  Nic,
  type Port,
  parseAddress,
  Stack,
  Switch,
  tap,
} from "../../src/net/index.ts";

const WEB = parseAddress("192.0.2.80")!;

/** A network whose guest speaks TCP and UDP to the outside; `seen` collects the frames it sends. */
function network(seen: Uint8Array[], limits: { maxConnections?: number; maxExchanges?: number } = {}) {
  const clock = new ManualClock();
  const lan = new Switch({ clock });
  const outside = new MemoryOutside({ clock, hosts: ["192.0.2.80"], silent: ["198.51.100.1"] });
  outside.listen({ host: "192.0.2.80", port: 80 }, (stream) => {
    stream.onChange = () => {
      while (stream.read() !== undefined);
    };
    stream.end(); // whoever is not there to acknowledge this end is given up
  });
  const gateway = new Gateway({
    port: lan.plug(),
    outside,
    random: new Random(1),
    outbound: true,
    ...limits,
  });
  const port: Port = tap(lan.plug(), (frame, direction) => {
    if (direction === "sent") seen.push(frame);
  });
  const guest = new Stack({ nics: [new Nic({ port, mac: 0x52540000020f })], random: new Random(2) });
  guest.configure(0, { address: 0x0a00020f, mask: 0xffffff00, gateway: 0x0a000202 });
  const settle = (): void => {
    for (let round = 0, moved = true; moved; round++) {
      if (round > 10_000) throw new Error("never quiet");
      const first = guest.poll(clock.now());
      moved = gateway.poll(clock.now()) || first;
    }
  };
  return { clock, lan, outside, gateway, guest, settle };
}

/** Whether a new connection of the guest still comes to be and carries bytes. */
function works({ guest, clock, settle }: ReturnType<typeof network>): boolean {
  const socket = guest.sockets.stream();
  socket.connect(WEB, 80);
  for (let i = 0; i < 50 && socket.connect(WEB, 80) !== "connected"; i++) {
    settle();
    clock.advance(100 * MS);
  }
  const sent = socket.send(Uint8Array.of(1, 2, 3));
  settle();
  socket.close();
  settle();
  return sent === 3;
}

test("damaged frames bring nothing down, and hold nothing for ever", () => {
  const frames: Uint8Array[] = [];
  const net = network(frames);
  net.settle();
  expect(works(net)).toBe(true);
  const udp = net.guest.sockets.datagram();
  udp.send(new Uint8Array(100), { address: WEB, port: 53 });
  net.settle();
  expect(frames.length).toBeGreaterThan(5);

  const random = new Random(99);
  const bad = net.lan.plug("bad");
  for (let i = 0; i < 20_000; i++) {
    const frame = frames[random.below(frames.length)]!.slice(
      0,
      random.below(20) === 0 ? random.below(100) : undefined,
    );
    for (let hits = random.below(4); hits > 0 && frame.length > 0; hits--) {
      frame[random.below(frame.length)] = random.u32();
    }
    bad.send(frame);
    while (bad.receive() !== undefined);
    if (i % 50 === 0) {
      net.clock.advance(MS);
      net.settle();
    }
  }
  net.settle();
  expect(works(net)).toBe(true);
  for (let minute = 0; minute < 60; minute++) {
    net.clock.advance(60_000 * MS);
    net.settle();
  }
  expect(net.gateway.counters.outbound.active).toBe(0);
});

test("more wishes than the gateway allows cost nobody who is connected", () => {
  const frames: Uint8Array[] = [];
  const net = network(frames, { maxConnections: 64, maxExchanges: 16 });
  net.settle();
  const established = net.guest.sockets.stream();
  established.connect(WEB, 80);
  net.settle();
  expect(established.connect(WEB, 80)).toBe("connected");
  for (let i = 0; i < 500; i++) {
    net.guest.sockets.stream().connect(parseAddress("198.51.100.1")!, 1 + i); // never answered
    const udp = net.guest.sockets.datagram();
    udp.send(Uint8Array.of(1), { address: parseAddress("198.51.100.1")!, port: 1000 + i });
    if (i % 20 === 0) net.settle();
  }
  net.settle();
  expect(net.gateway.counters.outbound.failed).toBeGreaterThan(400);
  expect(net.gateway.counters.outbound.datagramsDropped).toBeGreaterThan(400);
  expect(established.send(Uint8Array.of(1))).toBe(1);
  net.settle();
  expect(net.gateway.counters.outbound.bytesFromGuest).toBeGreaterThan(0);
});
