/** Switches of two processes joined: the framing on the wire, and what happens when peers come and go. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, latin1 } from "../../src/base/index.ts";
import { parseRemoteLink } from "../../src/net/index.ts";
import { type Outlet, SocketLink } from "../../src/node/index.ts";
import { needBuild } from "../cli/build.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function link(text: string): Promise<Outlet & { news: string[]; port: number }> {
  const parsed = parseRemoteLink(text);
  if ("error" in parsed) throw new Error(parsed.error);
  const opened = await SocketLink.open(parsed);
  if ("error" in opened) throw new Error(opened.error);
  open.push(opened);
  const news: string[] = [];
  opened.onNews = (text) => news.push(text);
  return Object.assign(opened, { news, port: Number(/:(\d+)/.exec(opened.description)![1]) });
}

async function until<T>(value: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const got = value();
    if (got !== undefined && got !== false) return got;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("it did not come");
}

const text = (frame: Uint8Array): string => latin1(frame);

describe("over TCP", () => {
  test("the bytes on the wire are QEMU's: a length of 32 bits before each frame", async () => {
    const ours = await link("listen:0");
    const peer = connect(ours.port, "127.0.0.1");
    open.push({ close: () => peer.destroy() });
    let got = "";
    peer.on("data", (bytes) => (got += latin1(bytes)));
    await until(() => ours.news.length > 0);
    ours.send(bytesOf("a frame"));
    ours.send(bytesOf("x".repeat(258)));
    await until(() => got.length >= 4 + 7 + 4 + 258);
    expect(got).toBe(`\0\0\0\x07a frame\0\0\x01\x02${"x".repeat(258)}`);
    peer.write("\0\0\0\x03abc\0\0");
    peer.write("\0\x02de");
    expect(text(await until(() => ours.receive()))).toBe("abc");
    expect(text(await until(() => ours.receive()))).toBe("de");
  });

  test("two ends carry thousands of frames both ways, in order, none lost", async () => {
    const one = await link("listen:0");
    const other = await link(`connect:127.0.0.1:${one.port}`);
    await until(() => one.news.length > 0);
    const frame = (i: number) => bytesOf(`${i} `.padEnd(60 + (i % 1400), "."));
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      for (let i = 0; i < 3000; i++) from.send(frame(i)); // 2.3 MB: less than may wait
      for (let i = 0; i < 3000; i++) {
        const got = text(await until(() => to.receive()));
        if (got !== text(frame(i))) throw new Error(`frame ${i}: ${got.slice(0, 20)}`);
      }
    }
    expect([one.dropped, other.dropped]).toEqual([0, 0]);
  });

  test("there is one peer at a time, and another when it has left", async () => {
    const ours = await link("listen:0");
    const first = connect(ours.port, "127.0.0.1");
    await until(() => ours.news.length > 0);
    const second = connect(ours.port, "127.0.0.1");
    await once(second, "close");
    first.destroy();
    await until(() => ours.news.length > 1);
    ours.send(bytesOf("to nobody"));
    expect(ours.dropped).toBe(1);
    const third = connect(ours.port, "127.0.0.1");
    await until(() => ours.news.length > 2);
    expect(ours.news.map((words) => words.replace(/\d+$/, ""))).toEqual([
      expect.stringMatching(/^link: 127.0.0.1:\d* ?has joined$/),
      expect.stringContaining("has left"),
      expect.stringContaining("has joined"),
    ]);
    third.destroy();
  });

  test("a peer that does not speak the framing is shown the door", async () => {
    const ours = await link("listen:0");
    const peer = connect(ours.port, "127.0.0.1");
    peer.write("GET / HTTP/1.1\r\n\r\n");
    peer.resume();
    await once(peer, "close");
    await until(() => ours.news.length > 1);
    expect(ours.news[1]).toContain("it does not speak this framing (a frame of 1195725856 bytes)");
    expect(ours.receive()).toBeUndefined();
  });

  test("a peer that takes nothing costs no more than a window; the rest is dropped", async () => {
    const ours = await link("listen:0");
    const peer = connect(ours.port, "127.0.0.1");
    open.push({ close: () => peer.destroy() });
    peer.pause();
    await until(() => ours.news.length > 0);
    for (let i = 0; i < 20_000 && ours.dropped === 0; i++) {
      ours.send(new Uint8Array(1500));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(ours.dropped).toBeGreaterThan(0);
  });

  test("who has been left joins again by itself", async () => {
    const peers: Socket[] = [];
    const server = createServer((socket) => peers.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => server.close() });
    const ours = await link(`connect:127.0.0.1:${(server.address() as AddressInfo).port}`);
    (await until(() => peers[0])).destroy();
    const again = await until(() => peers[1]);
    await until(() => ours.news.length > 1);
    again.write("\0\0\0\x05hello");
    expect(text(await until(() => ours.receive()))).toBe("hello");
  });

  test("what cannot be opened is said", async () => {
    const taken = await link("listen:0");
    await expect(link(`listen:${taken.port}`)).rejects.toThrow(/127\.0\.0\.1:\d+/);
    await taken.close();
    open.length = 0;
    await expect(link(`connect:127.0.0.1:${taken.port}`)).rejects.toThrow(/refused/);
  });
});

test("datagrams: each is a frame, and a stranger's are not heard", async () => {
  const [a, b] = [40_000 + (process.pid % 10_000), 50_000 + (process.pid % 10_000)];
  const one = await link(`udp:${a}:127.0.0.1:${b}`);
  one.send(bytesOf("before anybody was there"));
  const other = await link(`udp:${b}:127.0.0.1:${a}`);
  const { createSocket } = await import("node:dgram");
  const stranger = createSocket("udp4");
  await new Promise<void>((resolve) => stranger.send("stranger", a, "127.0.0.1", () => resolve()));
  stranger.close();
  one.send(bytesOf("now")); // the host reports here that the first one was refused
  expect(text(await until(() => other.receive()))).toBe("now");
  for (let i = 0; i < 20; i++) {
    one.send(bytesOf(`to ${i}`));
    other.send(bytesOf(`fro ${i}`));
  }
  for (let i = 0; i < 20; i++) {
    expect(text(await until(() => other.receive()))).toBe(`to ${i}`);
    expect(text(await until(() => one.receive()))).toBe(`fro ${i}`);
  }
  expect(one.news).toEqual([]);
});

describe("two processes", () => {
  beforeAll(needBuild);
  const image = "fixtures/guide/images/http-server.corrected.bin";

  function start(...argv: string[]) {
    const child = spawn(process.execPath, ["dist/cli.cjs", "run", image, ...argv]);
    const running = { child, said: "", ended: once(child, "close") };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (running.said += chunk));
    open.push({
      close: async () => {
        child.kill("SIGKILL");
        await running.ended;
      },
    });
    return running;
  }
  const said = (running: { said: string }, what: RegExp) => until(() => what.exec(running.said)?.[1]);

  test("a program in one is published by the other, across the link between them", async () => {
    const far = start("--link", "listen:0", "--address", "10.0.2.16/24");
    const place = await said(far, /waits for a peer at (\S+)/);
    const near = start("--link", `connect:${place}`, "--publish", "0:10.0.2.16:80", "--publish", "0:80");
    const ports = [
      await said(near, /published: \S+?:(\d+) → 10\.0\.2\.16/),
      await said(near, /:(\d+) → 10\.0\.2\.15/),
    ];
    await said(near, /(Listening)/);
    await said(far, /(Listening)/);
    for (const port of ports) {
      const pages = await Promise.all(Array.from({ length: 4 }, () => fetch(`http://127.0.0.1:${port}/`)));
      for (const page of pages) expect(await page.text()).toContain("<h1>");
    }
    near.child.kill("SIGINT");
    expect(await near.ended).toEqual([130, null]);
    await said(far, /(has left)/);
    far.child.kill("SIGINT");
    expect(await far.ended).toEqual([130, null]);
    expect(far.said).toMatch(/kolibri: link: \d+ frames in, \d+ out/);
  });
});
