import { describe, expect, test } from "vitest";
import { beside } from "../../../test/network/beside.ts";
import { bytesOf, concat, hexBytes, latin1, SECOND } from "../../base/index.ts";
import { fromNetascii, TftpServer, type TftpServerOptions, toNetascii } from "./tftp.ts";
import { resolvePath, Tree } from "./tree.ts";
import { check, lengthOf, Opcode, read, show, type Tftp, write } from "./wire/tftp.ts";

const bytesOfTftp = (packet: Tftp): Uint8Array => {
  const bytes = new Uint8Array(lengthOf(packet));
  write(packet, bytes);
  return bytes;
};

describe("the wire", () => {
  test.each([
    ["00 01 61 00 6f 63 74 65 74 00 62 6c 6b 73 69 7a 65 00 38 00", "TFTP RRQ a octet blksize=8"],
    ["00 02 61 00 6e 65 74 61 73 63 69 69 00", "TFTP WRQ a netascii"],
    ["00 03 01 00 68 69", "TFTP DATA 256 length 2"],
    ["00 04 ff ff", "TFTP ACK 65535"],
    ["00 05 00 01 6e 6f 00", "TFTP ERROR 1 no"],
    ["00 06 74 73 69 7a 65 00 39 00", "TFTP OACK tsize=9"],
  ])("%s is %s", (hexed, shown) => {
    const bytes = Uint8Array.from(hexed.split(" "), (pair) => Number.parseInt(pair, 16));
    expect(show(bytes)).toBe(shown);
    expect(hexBytes(bytesOfTftp(read(bytes)))).toBe(hexed);
  });

  test.each([
    ["00", "short"],
    ["00 03 01", "short"],
    ["00 07 00 00", "opcode"],
    ["00 01 61 00 6f", "text without end"],
    ["00 01 61 00", "text without end"],
    ["00 01 61 00 62 00 63 00", "option without value"],
  ])("%s: %s", (hexed, reason) => {
    expect(check(Uint8Array.from(hexed.split(" "), (pair) => Number.parseInt(pair, 16)))).toBe(reason);
  });

  test("netascii there and back", () => {
    const text = bytesOf("a\nb\r\nc\r");
    expect(latin1(toNetascii(text))).toBe("a\r\nb\r\0\r\nc\r\0");
    expect(fromNetascii(toNetascii(text))).toEqual(text);
  });
});

function client(options: Partial<TftpServerOptions> = {}) {
  const content = Uint8Array.from({ length: 1300 }, (_, index) => index * 3);
  const files = new Tree({ "a.bin": content, even: content.slice(0, 1024), text: "one\ntwo\n" }, 5000);
  const { it, service } = beside((stack) => new TftpServer({ stack, files, ...options }));
  const socket = it.a.sockets.datagram();
  let port = 69;
  const receive = (): Tftp | undefined => {
    const answer = socket.receiveDatagram();
    if (typeof answer === "string") return undefined;
    port = answer.from.port;
    return read(answer.payload);
  };
  const say = (packet: Tftp, to = port): Tftp | undefined => {
    socket.send(bytesOfTftp(packet), { address: 0x0a000202, port: to });
    it.settle();
    return receive();
  };
  const ask = (opcode: 1 | 2, file: string, options: Record<string, string> = {}, mode = "octet") =>
    say({ opcode, file, mode, options: new Map(Object.entries(options)) }, 69);
  /** Reads to the end from the first packet on. */
  const drain = (first: Tftp | undefined, size = 512): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (let packet = first; packet?.opcode === Opcode.DATA; ) {
      parts.push(packet.data);
      const more = say({ opcode: Opcode.ACK, block: packet.block });
      if (packet.data.length < size) expect(more).toBeUndefined();
      packet = more;
    }
    return concat(parts);
  };
  return { it, service, files, content, say, ask, drain, receive };
}

describe("the server", () => {
  test("a file is read in blocks, also one that ends with a whole block", () => {
    const { ask, drain, content, service } = client();
    expect(drain(ask(1, "a.bin"))).toEqual(content);
    expect(drain(ask(1, "/even"))).toEqual(content.slice(0, 1024));
    expect(service.transfers.entries).toMatchObject([
      { file: "a.bin", direction: "read", end: "done", bytes: 1300 },
      { file: "/even", end: "done", bytes: 1024 },
    ]);
  });

  test("options are agreed on, and those unknown are left out", () => {
    const { ask, say, drain, content } = client();
    const answer = ask(1, "a.bin", { blksize: "1000", tsize: "0", timeout: "3", windowsize: "4" });
    expect(answer).toEqual({
      opcode: Opcode.OACK,
      options: new Map([
        ["blksize", "1000"],
        ["tsize", "1300"],
        ["timeout", "3"],
      ]),
    });
    expect(drain(say({ opcode: Opcode.ACK, block: 0 }), 1000)).toEqual(content);
  });

  test("netascii", () => {
    const { ask, drain } = client();
    expect(latin1(drain(ask(1, "text", {}, "NetASCII")))).toBe("one\r\ntwo\r\n");
  });

  test("a file is written, and a block that comes twice is counted once", () => {
    const { ask, say, files, service } = client();
    expect(ask(2, "new")).toEqual({ opcode: Opcode.ACK, block: 0 });
    const first = { opcode: Opcode.DATA, block: 1, data: new Uint8Array(512).fill(7) };
    expect(say(first)).toEqual({ opcode: Opcode.ACK, block: 1 });
    expect(say(first)).toEqual({ opcode: Opcode.ACK, block: 1 });
    const last = { opcode: Opcode.DATA, block: 2, data: Uint8Array.of(1, 2) };
    expect(say(last)).toEqual({ opcode: Opcode.ACK, block: 2 });
    expect(say(last), "the acknowledgement got lost").toEqual({ opcode: Opcode.ACK, block: 2 });
    expect(files.file("/new")!.bytes.length).toBe(514);
    expect(service.transfers.last).toMatchObject({ direction: "write", end: "done", bytes: 514 });
    expect(service.uploads.entries).toMatchObject([{ path: "/new", bytes: files.file("/new")!.bytes }]);
  });

  test("what is not answered is sent again, until nobody is believed to be there", () => {
    const { ask, it, receive, service } = client();
    const first = ask(1, "text");
    const before = it.now;
    const again: (Tftp | undefined)[] = [];
    it.run(
      () => {
        for (let packet = receive(); packet; packet = receive()) again.push(packet);
        return service.transfers.last!.end !== "running";
      },
      it.now + 60 * SECOND,
    );
    expect(again).toEqual([first, first, first, first, first]);
    expect(service.transfers.last!.end).toBe("no answer");
    expect(it.now - before).toBe(6 * SECOND);
  });

  test.each([
    ["a file that is not there", 1, "nobody", {}, "octet", "1 file not found"],
    ["a folder that is not there", 2, "no/where", {}, "octet", "2 not found"],
    ["an old mode", 1, "text", {}, "mail", "4 mode mail"],
    ["more than there is room for", 2, "big", { tsize: "9999" }, "octet", "3 no room"],
  ] as const)("%s is refused", (_what, opcode, file, options, mode, shown) => {
    const { ask, service } = client();
    expect(show(bytesOfTftp(ask(opcode, file, options, mode)!))).toBe(`TFTP ERROR ${shown}`);
    expect(service.transfers.last!.end).toBe(shown.slice(2));
  });

  test("writing can be forbidden; strangers are told to go, and the transfer goes on", () => {
    const { ask, it, say, service } = client({ writable: false });
    expect(show(bytesOfTftp(ask(2, "x")!))).toBe("TFTP ERROR 2 files cannot be written");
    ask(1, "a.bin");
    const stranger = it.a.sockets.datagram();
    const port = 49152;
    for (let each = port; each < 65536 && stranger.available === 0; each += 1) {
      stranger.send(bytesOfTftp({ opcode: Opcode.ACK, block: 1 }), { address: 0x0a000202, port: each });
      if (each % 512 === 0) it.settle();
    }
    it.settle();
    const told = stranger.receiveDatagram();
    expect(typeof told === "string" ? told : show(told.payload)).toBe("TFTP ERROR 5 unknown transfer");
    expect(say({ opcode: Opcode.ACK, block: 1 })).toMatchObject({ opcode: Opcode.DATA, block: 2 });
    service.stop();
    expect(service.transfers.last!.end).toBe("switched off");
  });
});

describe("the tree", () => {
  test("paths", () => {
    expect(["a/../b/", "/x//y/.", "../../z", ""].map((path) => resolvePath(path, "/f"))).toEqual([
      "/f/b",
      "/x/y",
      "/z",
      "/f",
    ]);
  });

  test("files and folders", () => {
    const tree = new Tree({ "/d/e/f": "123", g: "4" }, 10);
    expect(tree.list("/")).toEqual(["d/", "g"]);
    expect(tree.list("/g")).toBeUndefined();
    expect([
      tree.write("/d", bytesOf("x"), 0),
      tree.write("/n/x", bytesOf("x"), 0),
      tree.write("/g/x", bytesOf("x"), 0),
    ]).toEqual(["is a folder", "not found", "not a folder"]);
    expect(tree.write("/h", new Uint8Array(7), 0)).toBe("full");
    expect(tree.write("/g", new Uint8Array(7), 5)).toBeUndefined();
    expect([tree.free, tree.file("/g")!.modified]).toEqual([0, 5]);
    expect([
      tree.removeFolder("/d"),
      tree.removeFolder("/g"),
      tree.remove("/d"),
      tree.makeFolder("/d"),
    ]).toEqual(["not empty", "not a folder", "is a folder", "exists"]);
    expect(tree.rename("/d", "/d/e/x")).toBe("not found");
    expect(tree.rename("/d", "/m")).toBeUndefined();
    expect(tree.paths()).toEqual(["/g", "/m/e/f"]);
    expect(tree.rename("/m/e/f", "/g")).toBeUndefined();
    expect([tree.free, tree.paths(), tree.list("/m")]).toEqual([7, ["/g"], ["e/"]]);
  });
});
