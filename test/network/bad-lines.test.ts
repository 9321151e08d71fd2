/** Transfers between our TCP and the Linux kernel's over lines that lose, delay, repeat, reorder and damage frames. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MS, Random } from "../../src/base/index.ts";
import { type Faults, FaultyLink, Nic, parseAddress, Router, Stack } from "../../src/net/index.ts";
import { has, Linux, missing } from "./linux.ts";
import { PRELUDE } from "./linux-talk.ts";
import { lines, type Transfer, transfer } from "./transfers.ts";

const why = missing();
const peer = fileURLToPath(new URL("peer.py", import.meta.url));
const US = parseAddress("10.0.2.15")!;
const KERNEL = "10.0.2.2";

const directions: Omit<Transfer, "bytes">[] = [
  { direction: "in", opens: "kernel" },
  { direction: "out", opens: "us" },
];

describe.skipIf(why)(`beside the Linux kernel${why ? ` (skipped: ${why})` : ""}`, () => {
  let linux: Linux;
  let stack: Stack;
  let link: FaultyLink;
  let port = 5000;

  beforeAll(async () => {
    linux = await Linux.start(`${KERNEL}/24`);
    link = new FaultyLink({ port: linux, clock: linux, random: new Random(2) });
    stack = new Stack({ nics: [new Nic({ port: link, mac: 0x525400000015 })], random: new Random(1) });
    stack.configure(0, { address: US, mask: 0xffffff00, gateway: parseAddress(KERNEL)! });
    linux.drive(link, stack);
  });

  afterAll(async () => {
    await linux?.stop();
  });

  const run = (bytes: number, how: Omit<Transfer, "bytes">) =>
    transfer(linux, peer, { stack, address: US, kernel: KERNEL }, { ...how, bytes }, port++);

  const faults: [string, Faults][] = [
    ["nothing", {}],
    ["3 % loss", { loss: 0.03 }],
    ["delay with jitter", { delay: 5 * MS, jitter: 4 * MS }],
    ["reordering", { delay: 2 * MS, reorder: 0.05, reorderBy: 3 * MS }],
    ["duplication", { duplicate: 0.1 }],
    ["damage", { corrupt: 0.02 }],
    [
      "all of it",
      { loss: 0.01, delay: 2 * MS, jitter: 1 * MS, reorder: 0.02, duplicate: 0.02, corrupt: 0.01 },
    ],
  ];
  for (const [name, fault] of faults)
    for (const how of directions)
      test(`${name}, ${how.direction}: two megabytes, every byte right`, async () => {
        const none = { loss: 0, delay: 0, jitter: 0, reorder: 0, duplicate: 0, corrupt: 0 };
        Object.assign(link.sending, none, fault);
        Object.assign(link.receiving, none, fault);
        expect(await run(2_000_000, how)).toBeGreaterThan(0);
        Object.assign(link.sending, none);
        Object.assign(link.receiving, none);
      });
});

const noIperf = why ?? (has("iperf3") ? undefined : "no iperf3");

describe.skipIf(noIperf)(`two kernels and our router${noIperf ? ` (skipped: ${noIperf})` : ""}`, () => {
  let inner: Linux;
  let outer: Linux;
  let router: Router;

  beforeAll(async () => {
    inner = await Linux.start("192.168.1.20/24");
    outer = await Linux.start("203.0.113.80/24");
    router = new Router({
      clock: inner,
      random: new Random(1),
      interfaces: [
        { port: inner, address: "192.168.1.1/24" },
        { port: outer, address: "203.0.113.1/24", nat: true },
      ],
    });
    inner.ip("route", "add", "default", "via", "192.168.1.1");
    inner.drive(router);
    outer.drive(router);
  });

  afterAll(async () => {
    await inner?.stop();
    await outer?.stop();
  });

  test.each([
    ["to the outside", []],
    ["back", ["-R"]],
    ["both ways, four streams", ["--bidir", "-P", "2"]],
    ["datagrams", ["-u", "-b", "20M"]],
  ])("iperf3 through address translation, %s", async (_, options) => {
    const server = spawn("ip", ["netns", "exec", outer.namespace, "iperf3", "-s", "-1", "--forceflush"]);
    const said = lines(server);
    for (let line = await said.line(); !/listening/i.test(line); line = await said.line()) {
      if (line === "" && server.exitCode !== null) throw new Error("iperf3 did not start");
    }
    const { code, output } = await inner.command("iperf3", "-c", "203.0.113.80", "-t", "2", "-J", ...options);
    server.kill();
    const result = JSON.parse(output);
    expect([code, result.error]).toEqual([0, undefined]);
    const { sum_received: received, sum } = result.end;
    expect((received ?? sum).bytes).toBeGreaterThan(1_000_000);
    expect(router.stack.drops.all()).not.toHaveProperty("ip: checksum");
  });

  test("echo requests: with a time to live of 1 the router answers, with 2 the host, in fragments too", async () => {
    const script = `${PRELUDE}
for ttl, size in ((1, 56), (2, 56), (2, 4000)): print(*echo("203.0.113.80", size, ttl))`;
    const { output } = await inner.command("python3", "-c", script);
    expect(output.trim().split("\n")).toEqual([
      "192.168.1.1 11 False",
      "203.0.113.80 0 True",
      "203.0.113.80 0 True",
    ]);
  });
});
