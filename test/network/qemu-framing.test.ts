/**
 * The Linux kernel as a guest of QEMU would be: behind a card whose frames come through a socket in the framing of QEMU's
 * stream and dgram netdevs, spoken by a bridge (qemu.py) that shares nothing with ours.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { kolibri } from "../cli/io.ts";
import { has, missing } from "./linux.ts";
import { freePorts } from "./ports.ts";
import { lines } from "./transfers.ts";

const why = missing() ?? (has("curl") ? undefined : "no curl");
const guest = "fixtures/guide/images/http-server.corrected.bin";
const script = new URL("qemu.py", import.meta.url).pathname;

describe.skipIf(why)(`QEMU's framing${why ? ` (skipped: ${why})` : ""}`, () => {
  const namespace = `kolibri-qemu-${process.pid}`;
  let bridge: ChildProcess | undefined;

  afterEach(async () => {
    if (bridge && bridge.exitCode === null) {
      bridge.kill();
      await once(bridge, "exit");
    }
    execFileSync("ip", ["netns", "del", namespace]);
  });

  /** Runs the guest's server with a link, and what is to be done beside it. */
  async function beside(link: string, then: (said: () => string) => Promise<void>): Promise<string> {
    execFileSync("ip", ["netns", "add", namespace]);
    const stop = new AbortController();
    let said = "";
    const ended = kolibri(["run", guest, "--link", link], {
      interrupted: stop.signal,
      onErr: (text) => (said += text),
    });
    try {
      await then(() => said);
    } finally {
      stop.abort("SIGINT");
      await ended;
    }
    return said;
  }

  async function card(...mode: string[]): Promise<ReturnType<typeof lines>> {
    bridge = spawn("python3", [script, namespace, "tap0", ...mode]);
    return lines(bridge);
  }

  /** The kernel's card gets an address; then curl asks for pages, some larger than a frame. */
  async function browse(): Promise<void> {
    const inside = (...words: string[]) =>
      execFileSync("ip", ["netns", "exec", namespace, ...words], { encoding: "utf8" });
    inside("ip", "addr", "add", "10.0.2.77/24", "dev", "tap0");
    inside("ip", "link", "set", "tap0", "up");
    for (let i = 0; i < 5; i++) {
      const child = spawn("ip", ["netns", "exec", namespace, "curl", "-sS", "-m", "50", "http://10.0.2.15/"]);
      let page = "";
      child.stdout.on("data", (data) => (page += data));
      await once(child, "close");
      expect(page).toContain("<h1>");
    }
    expect(inside("ip", "neigh", "show", "10.0.2.15")).toMatch(/52:54:00:00:02:0f/);
  }

  test("stream, the guest connects to us", async () => {
    await beside("listen:0", async (said) => {
      while (!/127\.0\.0\.1:\d+/.test(said())) await new Promise((resolve) => setTimeout(resolve, 10));
      const [, port] = /127\.0\.0\.1:(\d+)/.exec(said())!;
      const peer = await card("stream-connect", "127.0.0.1", port!);
      expect(await peer.line()).toBe("ready");
      await browse();
    });
  });

  test("stream, we connect to the guest", async () => {
    execFileSync("ip", ["netns", "add", namespace]);
    const peer = await card("stream-listen", "0");
    const port = await peer.line();
    execFileSync("ip", ["netns", "del", namespace]); // `beside` makes it anew before the bridge enters it
    await beside(`connect:127.0.0.1:${port}`, async () => {
      expect(await peer.line()).toBe("ready");
      await browse();
    });
  });

  test("dgram", async () => {
    const [ours, theirs] = await freePorts();
    await beside(`udp:${ours}:127.0.0.1:${theirs}`, async () => {
      const peer = await card("dgram", String(theirs), "127.0.0.1", String(ours));
      expect(await peer.line()).toBe("ready");
      await browse();
    });
  });
});
