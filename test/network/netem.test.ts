/**
 * Our stack and programs with the Linux kernel at the far end of a line that is bad both ways, and it is Linux's own emulator
 * (tc netem) that makes it so: nothing between the two is ours.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { Patch, parseRemoteLink, Router } from "../../src/net/index.ts";
import { SocketLink } from "../../src/node/index.ts";
import { kolibri } from "../cli/io.ts";
import { BadLine, CONDITIONS, KERNEL, MIXTURE, US } from "./bad-line.ts";
import { has, Linux, missing } from "./linux.ts";
import { python } from "./linux-talk.ts";
import { withoutNetem } from "./netem.ts";
import { lines } from "./transfers.ts";

const why = missing() ?? withoutNetem();
const peer = fileURLToPath(new URL("peer.py", import.meta.url));
const GOOD = CONDITIONS[0]!;
/** Those that leave traces; `npm run prove netem` has the others, too. */
const BAD = CONDITIONS.filter(({ does }) => does.length > 0);

/** Of curl. */
const FAILED_TO_SEND = 55;

describe.skipIf(why)(`the kernel behind netem${why ? ` (skipped: ${why})` : ""}`, () => {
  let line: BadLine;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kolibri-netem-"));
    line = await BadLine.start(folder);
  });

  afterAll(async () => {
    await line?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each([...BAD, MIXTURE])("$name", ({ takes = 0, does, ...condition }) => {
    beforeAll(async () => {
      await line.set({ ...condition, does });
    });

    test.each([
      { direction: "in", opens: "kernel", bytes: 500_000 },
      { direction: "out", opens: "us", bytes: 500_000 },
    ] as const)("$bytes bytes $direction, every one right", async (how) => {
      expect(await line.transfer(peer, how)).toBeGreaterThan(takes * 2); // the handshake, and the bytes
    });

    test("echo requests, whole and in fragments", async () => {
      const script = `print([size for size in (0, 56, 1472, 1473, 6000) if echo("${US}", size, again=0.5) != ("${US}", 0, True)])`;
      expect(await python(line.linux, folder, script)).toEqual(["[]"]);
    });

    test("the line did what was asked for", async () => {
      const done = await line.set(GOOD);
      for (const what of does) expect(done[what], what).toBeGreaterThan(0);
      if (!does.includes("damaged")) expect(done.damaged).toBe(0);
    });
  });

  describe("programs on a line with some of everything", () => {
    const programs: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      await line.set(MIXTURE);
    });

    afterEach(async () => {
      for (const stop of programs.splice(0)) await stop();
    });

    /** `kolibri run` with a link that is plugged into our switch; what it says until it ends. */
    async function run(...argv: string[]): Promise<{ said(): string; ended: Promise<{ out: string }> }> {
      const stop = new AbortController();
      let said = "";
      const ended = kolibri(["run", "--link", "listen:0", ...argv], {
        interrupted: stop.signal,
        onErr: (text) => (said += text),
      });
      const port = await until(() => /127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
      const place = parseRemoteLink(`connect:127.0.0.1:${port}`);
      if ("error" in place) throw new Error(place.error);
      const link = await SocketLink.open(place);
      if ("error" in link) throw new Error(link.error);
      const plug = line.lan.plug("program");
      link.onWake = () => line.linux.drive();
      line.linux.drive(new Patch(link, plug));
      programs.push(async () => {
        line.lan.unplug(plug);
        stop.abort("SIGINT");
        await ended;
        await link.close();
      });
      return { said: () => said, ended };
    }

    async function until<T>(value: () => T | undefined): Promise<T> {
      for (;;) {
        const got = value();
        if (got !== undefined) return got;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }

    const curl = (...words: string[]) => line.linux.command("curl", "-sS", "-m", "120", ...words);

    test.skipIf(!has("curl"))(
      "the guide's server and curl, one page after another and four at a time",
      async () => {
        await run("fixtures/guide/images/http-server.corrected.bin", "--address", "10.0.2.20/24");
        const page = /<h1>.*<\/html>/s;
        for (let i = 0; i < 3; i++) expect((await curl("http://10.0.2.20/")).output).toMatch(page);
        const four = await Promise.all([1, 2, 3, 4].map(() => curl("http://10.0.2.20/")));
        for (const { code, output } of four) expect([code, output]).toEqual([0, expect.stringMatching(page)]);
      },
    );

    test.skipIf(!has("wrk"))("the guide's server and wrk", async () => {
      await run("fixtures/guide/images/http-server.corrected.bin", "--address", "10.0.2.21/24");
      const { code, output } = await line.linux.command(
        ...(["wrk", "-t1", "-c8", "-d2", "--timeout", "100s", "http://10.0.2.21/"] as const),
      );
      expect([code, output]).toEqual([0, expect.not.stringMatching(/Socket errors|Non-2xx/)]);
      expect(Number(/(\d+) requests in/.exec(output)?.[1])).toBeGreaterThan(0);
    });

    test("the guide's echo server, to and fro at once", async () => {
      await run("fixtures/guide/images/echo-server.corrected.bin", "--address", "10.0.2.22/24");
      expect(await echoed("10.0.2.22", 200_000)).toEqual(["200000 True"]);
    });

    test("an echo over IPv6, to and fro at once", async () => {
      line.linux.ip("-6", "addr", "add", "fd02::2/64", "dev", "tap0", "nodad");
      await run("asm/echo6.asm", "--address", "10.0.2.23/24,fd02::23/64");
      expect(await echoed("fd02::23", 100_000)).toEqual(["100000 True"]);
    });

    const echoed = (host: string, bytes: number) =>
      python(
        line.linux,
        folder,
        `import hashlib, threading
data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(${bytes} // 32 + 1))[:${bytes}]
while True:
    try:
        s = socket.create_connection(("${host}", 7), PATIENCE)
        break
    except OSError: time.sleep(0.1) # the program does not listen yet
threading.Thread(target=s.sendall, args=(data,)).start()
got = bytearray()
while len(got) < len(data) and (part := s.recv(65536)): got += part
print(len(got), got == data)`,
      );

    test("the guide's client reads a file from the kernel's server", async () => {
      const served = join(folder, "served");
      mkdirSync(served, { recursive: true });
      const text = Array.from({ length: 8000 }, (_, i) => `line ${i}\n`).join("");
      writeFileSync(join(served, "text"), text);
      const server = spawn("ip", [
        ...["netns", "exec", line.linux.namespace, "python3", "-m", "http.server", "8000"],
        ...["--bind", KERNEL, "--directory", served],
      ]);
      try {
        await line.linux.listening(8000);
        const client = "fixtures/guide/images/tcp-client.corrected.bin";
        const asked = ["--address", "10.0.2.24/24", "--", KERNEL, "8000", "GET", "/text", "HTTP/1.0"];
        const { ended } = await run(client, ...asked);
        const { out } = await ended;
        expect(out.replaceAll("\r\n", "\n").split("\n\n")[1]).toBe(text);
      } finally {
        server.kill();
      }
    });

    test.skipIf(!has("curl"))("files from the library's servers, whole", async () => {
      const page = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >>> 8) * 5) & 255);
      mkdirSync(join(folder, "web"));
      writeFileSync(join(folder, "web", "page.bin"), page);
      writeFileSync(join(folder, "web", "small.bin"), page.subarray(0, 20_000)); // TFTP waits for each 512 bytes
      const services = [
        `http=${join(folder, "web")}`,
        `ftp=${join(folder, "web")}`,
        `tftp=${join(folder, "web")}`,
      ];
      await run(
        "fixtures/guide/images/http-server.corrected.bin",
        ...["--address", "10.0.2.25/24"],
        ...services.flatMap((service) => ["--service", service]),
      );
      const got = join(folder, "got.bin");
      const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      for (const place of [
        "http://10.0.2.3/page.bin",
        "ftp://10.0.2.3/page.bin",
        "tftp://10.0.2.3/small.bin",
      ]) {
        // Without options our server repeats after a second; curl would ask for six.
        const ask = () => curl("--tftp-no-options", "-o", got, place);
        let { code, output } = await ask();
        // When the first datagram of a TFTP server comes with a wrong checksum, curl answers to an address that it has
        // not been told (github.com/curl/curl/pull/18892), and fails to send.
        for (let i = 0; i < 3 && code === FAILED_TO_SEND && place.startsWith("tftp:"); i++)
          ({ code, output } = await ask());
        const sent = readFileSync(join(folder, "web", basename(place)));
        expect([place, code, output, hash(readFileSync(got))]).toEqual([place, 0, "", hash(sent)]);
      }
    });
  });

  test.skipIf(!has("iperf3"))("iperf3 between two kernels, through our router and the line", async () => {
    const inner = await Linux.start("192.168.1.20/24");
    try {
      const router = new Router({
        clock: inner,
        random: new Random(1),
        interfaces: [
          { port: inner, address: "192.168.1.1/24" },
          { port: line.lan.plug("router"), address: "10.0.2.1/24", nat: true },
        ],
      });
      inner.ip("route", "add", "default", "via", "192.168.1.1");
      inner.drive(router, ...line.moving);
      line.linux.drive(router);
      await line.set(MIXTURE);
      for (const words of [[], ["-R"], ["-u", "-b", "5M"]]) {
        const server = spawn("ip", [
          "netns",
          "exec",
          line.linux.namespace,
          "iperf3",
          "-s",
          "-1",
          "--forceflush",
        ]);
        const said = lines(server);
        while (!/listening/i.test(await said.line())) expect(server.exitCode).toBeNull();
        const { code, output } = await inner.command("iperf3", "-c", KERNEL, "-t", "1", "-J", ...words);
        if (server.exitCode === null) await once(server, "close");
        const { end, error } = JSON.parse(output);
        expect([code, error]).toEqual([0, undefined]);
        expect((end.sum_received ?? end.sum).bytes).toBeGreaterThan(10_000);
      }
    } finally {
      await inner.stop();
    }
  });

  test.skipIf(!has("tshark"))("tshark finds no malformed frame and no bad checksum in all of it", () => {
    expect(line.wrong()).toEqual([]);
  });
});
