/** What a guest cannot reach, however it asks: an outside that writes down every wish that comes through. */
import { describe, expect, test } from "vitest";
import { FOREVER, Random, setU16be, setU32be } from "../../src/base/index.ts";
import {
  allowOnly,
  Gateway,
  type GatewayOptions,
  Nic,
  type Outside,
  type Place,
  parseAddress,
  type Socket,
  Stack,
  Switch,
  showAddress,
} from "../../src/net/index.ts";

const GATEWAY = "10.0.2.2";
/** Addresses of the host, of which the gateway knows only what `isHost` says. */
const HOST = ["192.0.2.99", "203.0.113.5"];

/** An outside where nothing ever comes of anything. */
class Wishes implements Outside {
  readonly wished: string[] = [];
  onWake: (() => void) | undefined;

  #note(kind: string, to: Place): never {
    this.wished.push(`${kind} ${to.host}:${to.port}`);
    const nothing = {
      state: "opening",
      failure: undefined,
      onChange: undefined,
      local: to,
      remote: to,
      room: 0,
    };
    return {
      ...nothing,
      ...{ finished: false, dropped: 0, read() {}, receive() {}, takeError() {}, write: () => true },
      ...{ send() {}, end() {}, reset() {}, close() {} },
    } as never;
  }

  connect = (to: Place) => this.#note("tcp", to);
  reach = (to: Place) => this.#note("udp", to);
  listen = (to: Place) => this.#note("listen", to);
  bind = (to: Place) => this.#note("bind", to);
  resolve = (): void => void this.wished.push("resolve");
  isHost = (address: string): boolean => HOST.includes(address);
  poll = (): boolean => false;
  deadline = (): number => FOREVER;
  close = async (): Promise<void> => {};
}

function network(options: Partial<GatewayOptions> = {}) {
  let now = 0;
  const lan = new Switch({ clock: { now: () => now } });
  const outside = new Wishes();
  const gateway = new Gateway({ port: lan.plug(), outside, random: new Random(1), ...options });
  const nic = new Nic({ port: lan.plug(), mac: 0x525400000010 });
  const guest = new Stack({ nics: [nic], random: new Random(2) });
  guest.configure(0, {
    address: parseAddress("10.0.2.15")!,
    mask: 0xffffff00,
    gateway: parseAddress(GATEWAY)!,
  });
  const settle = (): void => {
    for (let round = 0; round < 50; round++) {
      now += 1000;
      guest.poll(now);
      gateway.poll(now);
    }
  };
  settle();
  const tcp = (address: number, port: number): Socket => {
    const socket = guest.sockets.stream();
    socket.connect(address, port);
    settle();
    return socket;
  };
  const udp = (address: number, port: number): void => {
    const socket = guest.sockets.datagram();
    socket.options.broadcast = true;
    socket.send(Uint8Array.of(1), { address, port });
    settle();
    socket.close();
  };
  return { outside, gateway, guest, nic, settle, tcp, udp };
}

const at = (text: string): number => parseAddress(text)!;

/** Places that no rule opens: this host by all its names, what is behind the gateway itself, groups, what cannot be. */
const NEVER = [
  ...[
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "239.255.255.250",
  ],
  ...["240.0.0.1", "255.255.255.255", "10.0.2.2", "10.0.2.3", "10.0.2.15", "10.0.2.255", ...HOST],
];

describe("without a word of the command line", () => {
  test("nobody gets out, and nothing listens", () => {
    const { outside, tcp, udp } = network();
    for (const address of [...NEVER, "192.0.2.1", "8.8.8.8"])
      for (const port of [1, 53, 80, 443, 8080, 65535]) {
        tcp(at(address), port);
        udp(at(address), port);
      }
    expect(outside.wished).toEqual([]);
  });
});

describe.each<[string, GatewayOptions["outbound"] & (boolean | object)]>([
  ["everything", true],
  ["a list of everything", allowOnly(["0.0.0.0/0:*"]) as never],
])("with %s allowed", (_, outbound) => {
  test("what is never outside is not reached", () => {
    const { outside, tcp, udp } = network({ outbound });
    for (const address of NEVER)
      for (const port of [7, 80]) {
        tcp(at(address), port);
        udp(at(address), port);
      }
    expect(outside.wished).toEqual([]);
    tcp(at("198.51.100.1"), 80);
    udp(at("198.51.100.1"), 53);
    expect(outside.wished).toEqual(["tcp 198.51.100.1:80", "udp 198.51.100.1:53"]);
  });

  test("nor by packets made by hand: options that name another way, fragments, strange sources", () => {
    const { outside, guest, nic, settle, tcp } = network({ outbound });
    tcp(at("198.51.100.1"), 80); // whereby the guest knows the gateway's card
    outside.wished.length = 0;
    const mac = guest.neighbours(0).find(({ address }) => address === at(GATEWAY))!.mac!;
    const random = new Random(3);
    for (let i = 0; i < 3000; i++) {
      const to = at(NEVER[random.below(NEVER.length)]!);
      nic.send(packet(mac, to, random));
      if (i % 50 === 0) settle();
    }
    settle();
    expect(outside.wished).toEqual([]);
    // The same packets are good enough to get where they may.
    for (let i = 0; i < 100; i++) nic.send(packet(mac, at("198.51.100.7"), random));
    settle();
    expect(outside.wished.length).toBeGreaterThan(10);
  });
});

test("an allow-list opens what it names, by address, port and protocol, and no more", () => {
  const rules = ["198.51.100.0/25:80/tcp", "198.51.100.200:53/udp", "203.0.113.0/24:*", "192.0.2.99:*"];
  const { outside, tcp, udp } = network({ outbound: allowOnly(rules) as never });
  const random = new Random(4);
  const expected: string[] = [];
  for (let i = 0; i < 400; i++) {
    const bases = ["198.51.100.0", "203.0.113.0", "192.0.2.0", "198.51.101.0"];
    const address = at(bases[random.below(4)]!) + random.below(256);
    const port = [80, 53, 443][random.below(3)]!;
    const host = showAddress(address);
    const last = address & 255;
    const host24 = host.startsWith("203.0.113.") && !HOST.includes(host);
    const before = outside.wished.length;
    if (random.below(2) === 0) {
      tcp(address, port).abort();
      if (host24 || (host.startsWith("198.51.100.") && last < 128 && port === 80))
        expected.push(`tcp ${host}:${port}`);
    } else {
      udp(address, port);
      if (host24 || (host === "198.51.100.200" && port === 53)) expected.push(`udp ${host}:${port}`);
    }
    expect(outside.wished.slice(before), `${host}:${port}`).toEqual(expected.slice(before));
  }
  expect(expected.length).toBeGreaterThan(20);
});

test("a port of the host is open at the gateway's address alone, for its protocol alone", () => {
  const hostPorts = [{ protocol: "tcp", port: 80, to: { host: "127.0.0.1", port: 3000 } }] as const;
  const { outside, tcp, udp } = network({ hostPorts });
  udp(at(GATEWAY), 80);
  tcp(at(GATEWAY), 3000);
  tcp(at("127.0.0.1"), 3000);
  tcp(at("10.0.2.1"), 80);
  expect(outside.wished).toEqual([]);
  tcp(at(GATEWAY), 80);
  expect(outside.wished).toEqual(["tcp 127.0.0.1:3000"]);
});

/** A SYN or a datagram to `to`, right or nearly: sums fit, but perhaps options, a fragment, another source. */
function packet(mac: number, to: number, random: Random): Uint8Array {
  const tcp = random.below(2) === 0;
  const options = random.below(2) === 0 ? [] : route(random);
  const header = 20 + options.length;
  const payload = tcp ? 20 : 12;
  const frame = new Uint8Array(14 + header + payload);
  for (let i = 0; i < 6; i++) frame[i] = Math.floor(mac / 256 ** (5 - i));
  frame.set([0x52, 0x54, 0, 0, 0, 0x10, 8, 0], 6);
  const source = [at("10.0.2.15"), at("127.0.0.1"), at("198.51.100.9"), at(GATEWAY), 0][random.below(5)]!;
  frame[14] = 0x40 | (header / 4);
  setU16be(frame, 16, header + payload);
  setU16be(frame, 18, random.below(65536));
  setU16be(frame, 20, [0, 0x4000, 0x2000, 1][random.below(4)]!);
  frame[22] = 1 + random.below(64);
  frame[23] = tcp ? 6 : 17;
  setU32be(frame, 26, source);
  setU32be(frame, 30, to);
  frame.set(options, 34);
  setU16be(frame, 24, sum(frame, 14, 14 + header, 0));
  const start = 14 + header;
  setU16be(frame, start, 1024 + random.below(60000));
  setU16be(frame, start + 2, [80, 53, 7, 1][random.below(4)]!);
  if (tcp) {
    setU32be(frame, start + 4, random.u32());
    frame[start + 12] = 0x50;
    frame[start + 13] = 2;
    setU16be(frame, start + 14, 65535);
  } else {
    setU16be(frame, start + 4, payload);
  }
  const pseudo = (source >>> 16) + (source & 0xffff) + (to >>> 16) + (to & 0xffff) + (tcp ? 6 : 17) + payload;
  setU16be(frame, start + (tcp ? 16 : 6), sum(frame, start, frame.length, pseudo));
  return frame;
}

/** Loose or strict source route (RFC 791 3.1) by an address that is allowed. */
function route(random: Random): number[] {
  const kind = random.below(2) === 0 ? 0x83 : 0x89;
  return [kind, 7, 4, 198, 51, 100, 1, 0];
}

function sum(bytes: Uint8Array, from: number, to: number, start: number): number {
  let total = start;
  for (let i = from; i < to; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total ^ 0xffff;
}
