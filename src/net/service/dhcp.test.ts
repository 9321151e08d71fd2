import { describe, expect, test } from "vitest";
import { beside } from "../../../test/network/beside.ts";
import { hexBytes, Random, SECOND, setU32be } from "../../base/index.ts";
import { showAddress } from "../wire/address.ts";
import { type DhcpOptions, DhcpServer } from "./dhcp.ts";
import {
  check,
  type Dhcp,
  lengthOf,
  MessageType,
  Option,
  read,
  show,
  typeName,
  u32Option,
  write,
} from "./wire/dhcp.ts";

const MAC = 0x525400000015;
const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  setU32be(bytes, 0, value);
  return bytes;
};

const request = (type: number, more: Partial<Dhcp> = {}, options: [number, Uint8Array][] = []): Dhcp => ({
  op: 1,
  hops: 0,
  id: 0x3903f326,
  seconds: 0,
  broadcast: false,
  client: 0,
  your: 0,
  server: 0,
  relay: 0,
  mac: MAC,
  serverName: "",
  file: "",
  options: new Map([[Option.MESSAGE_TYPE as number, Uint8Array.of(type)], ...options]),
  ...more,
});

const bytesOfDhcp = (dhcp: Dhcp): Uint8Array => {
  const bytes = new Uint8Array(lengthOf(dhcp));
  write(dhcp, bytes);
  return bytes;
};

describe("the wire", () => {
  test("a message is written as the RFC draws it, and read back the same", () => {
    const message = request(MessageType.DISCOVER, { broadcast: true, seconds: 3 }, [
      [Option.REQUESTED_ADDRESS, u32(0x0a000220)],
    ]);
    const bytes = bytesOfDhcp(message);
    expect(bytes.length).toBe(300);
    expect(hexBytes(bytes.subarray(0, 34))).toBe(
      `01 01 06 00 39 03 f3 26 00 03 80 00 ${"00 ".repeat(16)}52 54 00 00 00 15`,
    );
    expect(hexBytes(bytes.subarray(236, 251))).toBe("63 82 53 63 35 01 01 32 04 0a 00 02 20 ff 00");
    expect(check(bytes)).toBeUndefined();
    expect(read(bytes)).toEqual(message);
    expect(show(bytes)).toBe("DHCP DISCOVER 52:54:00:00:00:15 id 3903f326 requested 10.0.2.32");
  });

  test("long options are cut and joined (RFC 3396), also in the fields of old (option 52)", () => {
    const long = Uint8Array.from({ length: 600 }, (_, index) => index);
    const message = request(MessageType.INFORM, {}, [[43, long]]);
    expect(read(bytesOfDhcp(message)).options.get(43)).toEqual(long);
    const bytes = bytesOfDhcp(request(MessageType.INFORM, {}, [[Option.OVERLOAD, Uint8Array.of(3)]]));
    bytes.set([Option.DOMAIN, 2, 0x61, 0x62, Option.END], 108);
    bytes.set([Option.DOMAIN, 1, 0x63, Option.END], 44);
    expect(read(bytes)).toMatchObject({ file: "", serverName: "" });
    expect(hexBytes(read(bytes).options.get(Option.DOMAIN)!)).toBe("61 62 63");
  });

  test("nonsense is told, and nothing makes the reader fail", () => {
    const good = bytesOfDhcp(request(MessageType.REQUEST));
    const changed = (at: number, value: number): Uint8Array => good.with(at, value);
    expect(check(good.subarray(0, 239))).toBe("short");
    expect(check(changed(0, 3))).toBe("operation");
    expect(check(changed(2, 8))).toBe("not Ethernet");
    expect(check(changed(236, 0))).toBe("no magic cookie");
    expect(check(changed(241, 200))).toBe("options run out");
    const random = new Random(5);
    for (let round = 0; round < 5_000; round++) {
      const wild = good.slice(0, 200 + random.below(101));
      for (let hits = random.below(9); hits > 0; hits--) wild[random.below(wild.length)] = random.below(256);
      show(wild);
    }
  });
});

const pool = { first: 0x0a000220, last: 0x0a000222 };

function client(options: Partial<DhcpOptions> = {}) {
  const settings = { pool, router: 0x0a000202, dns: [0x0a000203], domain: "lab.example", leaseSeconds: 3600 };
  const { it, service } = beside((stack) => new DhcpServer({ stack, ...settings, ...options }));
  it.a.configure(0, { address: 0, mask: 0, gateway: 0 });
  const socket = it.a.sockets.datagram();
  socket.options.broadcast = true;
  socket.bind(0, 68);
  const send = (message: Dhcp): Dhcp | undefined => {
    socket.send(bytesOfDhcp(message), { address: 0xffffffff, port: 67 });
    it.settle();
    const answer = socket.receiveDatagram();
    if (typeof answer === "string") return undefined;
    expect(check(answer.payload)).toBeUndefined();
    return read(answer.payload);
  };
  const text = (message: Dhcp): string => {
    const answer = send(message);
    if (!answer) return `- ${service.events.last!.answer}`;
    return `${typeName(answer.options.get(Option.MESSAGE_TYPE)![0])} ${showAddress(answer.your)}`;
  };
  const take = (mac: number): string => {
    const offer = send(request(MessageType.DISCOVER, { mac }));
    if (!offer) return `- ${service.events.last!.answer}`;
    return text(
      request(MessageType.REQUEST, { mac }, [
        [Option.SERVER_ID, offer.options.get(Option.SERVER_ID)!],
        [Option.REQUESTED_ADDRESS, u32(offer.your)],
      ]),
    );
  };
  return { it, service, send, text, take };
}

const wish = (address: number): [number, Uint8Array] => [Option.REQUESTED_ADDRESS, u32(address)];
const chosen = (address: number): [number, Uint8Array] => [Option.SERVER_ID, u32(address)];

describe("the server", () => {
  test("discover, offer, request, ack: with all that a client needs to know", () => {
    const { send, take, service } = client();
    const offer = send(request(MessageType.DISCOVER))!;
    expect(offer).toMatchObject({ op: 2, id: 0x3903f326, your: 0x0a000220, mac: MAC });
    expect([...offer.options].map(([code, value]) => `${code}: ${hexBytes(value)}`)).toEqual([
      "53: 02",
      "54: 0a 00 02 02",
      "51: 00 00 0e 10",
      "58: 00 00 07 08",
      "59: 00 00 0c 4e",
      "1: ff ff ff 00",
      "28: 0a 00 02 ff",
      "3: 0a 00 02 02",
      "6: 0a 00 02 03",
      "15: 6c 61 62 2e 65 78 61 6d 70 6c 65",
    ]);
    expect(take(MAC)).toBe("ACK 10.0.2.32");
    expect(service.leases()).toMatchObject([
      { address: 0x0a000220, mac: MAC, state: "bound", expires: 3600 * SECOND },
    ]);
  });

  test("only what was asked for is told, and the client's identifier comes back", () => {
    const { send } = client();
    const id = Uint8Array.of(1, 2, 3);
    const offer = send(
      request(MessageType.DISCOVER, {}, [
        [Option.PARAMETER_LIST, Uint8Array.of(Option.ROUTER, Option.MASK, 99)],
        [Option.CLIENT_ID, id],
        [Option.LEASE_TIME, u32(60)],
      ]),
    )!;
    expect([...offer.options.keys()]).toEqual([53, 54, 61, 51, 58, 59, 3, 1]);
    expect(offer.options.get(Option.CLIENT_ID)).toEqual(id);
    expect(u32Option(offer, Option.LEASE_TIME)).toBe(60);
  });

  test("a pool is given away once, and again when leases have ended", () => {
    const { take, it, service } = client();
    expect([1, 2, 3, 4, 2].map((mac) => take(mac))).toEqual([
      "ACK 10.0.2.32",
      "ACK 10.0.2.33",
      "ACK 10.0.2.34",
      "- no address is free",
      "ACK 10.0.2.33",
    ]);
    it.now += 3600 * SECOND;
    expect(take(4)).toBe("ACK 10.0.2.32");
    expect(service.leases().map(({ mac }) => mac)).toEqual([4, 2, 3]);
  });

  test("fixed addresses belong to their card, in the pool and outside of it", () => {
    const fixed = [
      { mac: 7, address: 0x0a000263, name: "seven" },
      { mac: 8, address: 0x0a000220 },
    ];
    const { take, send } = client({ fixed });
    expect(take(1)).toBe("ACK 10.0.2.33");
    expect(take(7)).toBe("ACK 10.0.2.99");
    expect(take(8)).toBe("ACK 10.0.2.32");
    const name = send(request(MessageType.DISCOVER, { mac: 7 }))!.options.get(Option.HOST_NAME)!;
    expect(hexBytes(name)).toBe("73 65 76 65 6e");
  });

  test("a wish is granted when the address is free; an offer not taken is free after a minute", () => {
    const { text, it } = client();
    expect(text(request(MessageType.DISCOVER, { mac: 1 }, [wish(0x0a000221)]))).toBe("OFFER 10.0.2.33");
    expect(text(request(MessageType.DISCOVER, { mac: 2 }, [wish(0x0a000221)]))).toBe("OFFER 10.0.2.32");
    expect(text(request(MessageType.DISCOVER, { mac: 3 }, [wish(0x0a000263)]))).toBe("OFFER 10.0.2.34");
    it.now += 60 * SECOND;
    expect(text(request(MessageType.DISCOVER, { mac: 4 }, [wish(0x0a000221)]))).toBe("OFFER 10.0.2.33");
  });

  test("the cases of RFC 2131 4.3.2", () => {
    const { text, take, it, service } = client();
    take(1);
    const reboot = (mac: number, address: number) =>
      text(request(MessageType.REQUEST, { mac }, [wish(address)]));
    const renew = (mac: number, address: number) =>
      text(request(MessageType.REQUEST, { mac, client: address }));
    expect(reboot(1, 0x0a000220)).toBe("ACK 10.0.2.32");
    expect(reboot(2, 0x0a000220), "somebody else's").toBe("NAK 0.0.0.0");
    expect(reboot(2, 0x0a000222), "one unknown here").toBe("- unknown client");
    expect(reboot(2, 0xc0a80105), "another network's").toBe("NAK 0.0.0.0");
    // A renewal is answered to the client's own address, which here nobody has.
    it.now += 1800 * SECOND;
    expect(renew(1, 0x0a000220)).toBe("- ACK");
    expect(service.leases()[0]!.expires).toBe(5400 * SECOND);
    expect(text(request(MessageType.DISCOVER, { mac: 5 }))).toBe("OFFER 10.0.2.33");
    expect(text(request(MessageType.REQUEST, { mac: 5 }, [wish(0x0a000221), chosen(0x0a0002fe)]))).toBe(
      "- another server was chosen",
    );
    expect(service.leases()).toHaveLength(1);
  });

  test("release gives back, decline shuts away, inform tells without a lease", () => {
    const { text, take, it, send } = client();
    take(1);
    expect(text(request(MessageType.RELEASE, { mac: 2, client: 0x0a000220 }, [chosen(0x0a000202)]))).toBe(
      "- not this client's address",
    );
    expect(text(request(MessageType.RELEASE, { mac: 1, client: 0x0a000220 }, [chosen(0x0a000202)]))).toBe(
      "- released",
    );
    expect(take(2)).toBe("ACK 10.0.2.33");
    expect(take(1), "what it had").toBe("ACK 10.0.2.32");
    expect(text(request(MessageType.DECLINE, { mac: 1 }, [chosen(0x0a000202), wish(0x0a000220)]))).toBe(
      "- declined",
    );
    expect(take(1)).toBe("ACK 10.0.2.34");
    expect(take(3)).toBe("- no address is free");
    it.now += 600 * SECOND;
    expect(take(3)).toBe("ACK 10.0.2.32");
    const told = send(request(MessageType.INFORM, { mac: 9 }))!;
    expect(told.options.has(Option.LEASE_TIME)).toBe(false);
    expect(told.options.has(Option.MASK)).toBe(true);
  });

  test("settings that make no sense are refused", () => {
    expect(() => client({ pool: { first: 0x0a000301, last: 0x0a000302 } })).toThrow(
      "10.0.3.1 … 10.0.3.2: pool",
    );
    expect(() => client({ leaseSeconds: 0 })).toThrow("a lease of 0 s");
  });
});
