/**
 * A bad line between two Linux kernels: their TCP, their ping, their iperf3 and curl over our switch, our patch leads and our
 * faults, so that these are held against ends of which neither is ours.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MS, Random } from "../../src/base/index.ts";
import type { FaultCounters, Faults, FaultyLink } from "../../src/net/index.ts";
import { has, Linux, missing } from "./linux.ts";
import { python } from "./linux-talk.ts";
import { between, joined, lines } from "./transfers.ts";

const why = missing();
const peer = fileURLToPath(new URL("peer.py", import.meta.url));
const NEAR = "10.0.6.1";
const FAR = "10.0.6.2";
const NONE: Required<Omit<Faults, "rules" | "queue" | "rate" | "reorderBy" | "cut">> & Faults = {
  loss: 0,
  delay: 0,
  jitter: 0,
  reorder: 0,
  duplicate: 0,
  corrupt: 0,
};

describe.skipIf(why)(`two Linux kernels on our switch${why ? ` (skipped: ${why})` : ""}`, () => {
  let near: Linux;
  let far: Linux;
  let link: FaultyLink;
  let folder: string;
  let port = 5000;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-net-"));
    near = await Linux.start(`${NEAR}/24`);
    far = await Linux.start(`${FAR}/24`);
    link = joined(near, far, [NEAR, FAR], new Random(3));
  });

  afterAll(async () => {
    await near?.stop();
    await far?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const delta = (name: keyof FaultCounters): number =>
    link.counters.sending[name] + link.counters.receiving[name];

  const faults: [string, Faults, keyof FaultCounters | undefined][] = [
    ["nothing", {}, undefined],
    ["3 % loss", { loss: 0.03 }, "lost"],
    ["delay with jitter", { delay: 5 * MS, jitter: 4 * MS }, undefined],
    ["reordering", { delay: 2 * MS, reorder: 0.05, reorderBy: 3 * MS }, "reordered"],
    ["duplication", { duplicate: 0.1 }, "duplicated"],
    ["damage", { corrupt: 0.02 }, "corrupted"],
    [
      "all of it",
      { loss: 0.01, delay: 2 * MS, jitter: 1 * MS, reorder: 0.02, duplicate: 0.02, corrupt: 0.01 },
      "lost",
    ],
  ];

  describe.each(faults)("%s", (_name, fault, counted) => {
    let before = 0;

    beforeAll(() => {
      before = counted ? delta(counted) : 0;
      Object.assign(link.sending, NONE, fault);
      Object.assign(link.receiving, NONE, fault);
    });

    afterAll(() => {
      Object.assign(link.sending, NONE);
      Object.assign(link.receiving, NONE);
      if (counted) expect(delta(counted)).toBeGreaterThan(before);
    });

    test("two megabytes each way, every byte right", async () => {
      await between(near, far, FAR, ++port, peer, 2_000_000);
      await between(far, near, NEAR, ++port, peer, 2_000_000);
    });

    test("echo requests, whole and in fragments", async () => {
      const script = `print([size for size in (0, 56, 1472, 1473, 6000) if echo("${FAR}", size, again=0.5) != ("${FAR}", 0, True)])`;
      expect(await python(near, folder, script)).toEqual(["[]"]);
    });

    test.skipIf(!has("curl"))("a page by curl", async () => {
      writeFileSync(join(folder, "page"), "k".repeat(300_000));
      const server = spawn("ip", [
        ...["netns", "exec", far.namespace, "python3", "-m", "http.server", String(++port)],
        ...["--bind", FAR, "--directory", folder],
      ]);
      try {
        await far.listening(port);
        const { code, output } = await near.command("curl", "-sS", `http://${FAR}:${port}/page`);
        expect([code, output]).toEqual([0, "k".repeat(300_000)]);
      } finally {
        server.kill();
      }
    });

    test.skipIf(!has("iperf3"))("iperf3, there and back", async () => {
      for (const way of [[], ["-R"]]) {
        const server = spawn("ip", [
          ...["netns", "exec", far.namespace, "iperf3", "-s", "-1", "--forceflush", "-p", String(++port)],
        ]);
        const said = lines(server);
        while (!/listening/i.test(await said.line())) expect(server.exitCode).toBeNull();
        const asked = ["-c", FAR, "-p", String(port), "-n", "1M", "-J", ...way];
        const { code, output } = await near.command("iperf3", ...asked);
        if (server.exitCode === null) await once(server, "close");
        const { end, error } = JSON.parse(output);
        expect([code, error]).toEqual([0, undefined]);
        expect(end.sum_sent.bytes).toBeGreaterThanOrEqual(1_000_000);
        expect(end.sum_received.bytes).toBeGreaterThan(100_000); // its end does not wait for what is under way
      }
    });
  });
});
