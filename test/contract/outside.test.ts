import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ManualClock, MS } from "../../src/base/index.ts";
import {
  type Failure,
  MemoryOutside,
  NoOutside,
  type OutsideDatagram,
  type OutsideStream,
  showPlace,
} from "../../src/net/index.ts";
import { failureOf, NodeOutside } from "../../src/node/index.ts";
import { outsideContract, type Subject } from "./outside.ts";

function memory(latency: number): Subject {
  const clock = new ManualClock();
  const outside = new MemoryOutside({ clock, latency });
  const step = (): boolean => {
    const next = outside.deadline();
    if (!Number.isFinite(next)) return false;
    clock.advanceTo(Math.max(next, clock.now()));
    return outside.poll(clock.now());
  };
  return {
    outside,
    async until(condition, what) {
      while (!condition()) if (!step() && !condition()) throw new Error(`never: ${what}`);
    },
    async settle() {
      while (step());
    },
  };
}

function node(): Subject {
  return {
    outside: new NodeOutside(),
    async until(condition, what) {
      for (let waited = 0; !condition(); waited++) {
        if (waited > 5000) throw new Error(`not within five seconds: ${what}`);
        await setTimeout(1);
      }
    },
    settle: () => setTimeout(20),
  };
}

outsideContract("memory without latency", () => memory(0));
outsideContract("memory with latency", () => memory(20 * MS));
outsideContract("real sockets", node);

describe("no outside", () => {
  test("every wish fails, and the failure names the place", async () => {
    const outside = new NoOutside();
    const place = { host: "192.0.2.1", port: 80 };
    const parts = [outside.connect(place), outside.listen(place), outside.bind(place), outside.reach(place)];
    for (const part of parts) {
      expect(part.state).toBe("closed");
      expect(part.failure).toEqual({ reason: "prohibited", text: expect.stringContaining("192.0.2.1:80") });
    }
    let answer: readonly string[] | Failure | undefined;
    outside.resolve("example.org", (addresses) => {
      answer = addresses;
    });
    expect(answer).toBeUndefined();
    expect(outside.poll()).toBe(true);
    expect(answer).toMatchObject({ reason: "prohibited", text: expect.stringContaining("example.org") });
    expect(outside.poll()).toBe(false);
    await outside.close();
  });
});

describe("memory, where real sockets would depend on the host", () => {
  test("latency is exact, and equal for everything", async () => {
    const clock = new ManualClock();
    const outside = new MemoryOutside({
      clock,
      latency: 5 * MS,
      hosts: ["192.0.2.1"],
      silent: ["192.0.2.9"],
    });
    const refused = outside.connect({ host: "192.0.2.1", port: 80 });
    const nowhere = outside.connect({ host: "192.0.2.2", port: 80 });
    const silent = outside.connect({ host: "192.0.2.9", port: 80 });
    expect(outside.deadline()).toBe(5 * MS);
    clock.advance(5 * MS - 1);
    expect(outside.poll(clock.now())).toBe(false);
    expect(refused.state).toBe("opening");
    clock.advance(1);
    expect(outside.poll(clock.now())).toBe(true);
    expect([refused.failure!.reason, nowhere.failure!.reason]).toEqual(["refused", "host-unreachable"]);
    expect(silent.state).toBe("opening");
    expect(outside.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("names", async () => {
    const clock = new ManualClock();
    const outside = new MemoryOutside({ clock, names: { "example.org": ["192.0.2.1", "192.0.2.2"] } });
    const answers: unknown[] = [];
    outside.resolve("example.org", (answer) => answers.push(answer));
    outside.resolve("example.com", (answer) => answers.push(answer));
    outside.poll(0);
    expect(answers).toEqual([
      ["192.0.2.1", "192.0.2.2"],
      { reason: "bad-address", text: "example.com: no such host" },
    ]);
    const nameless = outside.connect({ host: "example.com", port: 80 });
    outside.poll(0);
    expect(nameless.failure!.reason).toBe("bad-address");
  });
});

describe("real sockets, where the host has its say", () => {
  test("an address that is not the host's own cannot be listened at", async () => {
    const { outside, until } = node();
    const listener = outside.listen({ host: "192.0.2.1", port: 8080 }, () => {});
    await until(() => listener.state === "closed", "refused");
    expect(listener.failure).toEqual({
      reason: "bad-address",
      text: "192.0.2.1:8080: not an address of this host",
    });
    const port = outside.bind({ host: "192.0.2.1", port: 8080 });
    await until(() => port.state === "closed", "refused");
    expect(port.failure!.reason).toBe("bad-address");
    await outside.close();
  });

  const six = Object.values(networkInterfaces()).some((card) =>
    card?.some(({ address }) => address === "::1"),
  );
  test.skipIf(!six)(`IPv6 places work alike${six ? "" : " (this host has no ::1)"}`, async () => {
    const { outside, until } = node();
    const streams: OutsideStream[] = [];
    const listener = outside.listen({ host: "::1", port: 0 }, (stream) => streams.push(stream));
    const server = outside.bind({ host: "::1", port: 0 });
    await until(() => listener.state === "open" && server.state === "open", "open");
    expect(showPlace(listener.local)).toBe(`[::1]:${listener.local.port}`);
    const stream = outside.connect(listener.local);
    const client = outside.reach(server.local);
    await until(
      () => streams.length === 1 && stream.state === "open" && client.state === "open",
      "connected",
    );
    client.send(Uint8Array.of(1));
    let got: OutsideDatagram | undefined;
    await until(() => (got = server.receive()) !== undefined, "arrived");
    expect(got!.from).toEqual(client.local);
    await outside.close();
  });

  test("a connection reset while its end is on its way is let go of", async () => {
    const { outside, until } = node();
    const open = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const before = open();
    let accepted = false;
    const server = createServer((socket) => {
      accepted = true;
      socket.resume().on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const stream = outside.connect({ host: "127.0.0.1", port });
    await until(() => stream.state === "open" && accepted, "connected");
    stream.end();
    stream.reset(); // the host is still at work on the end
    await until(() => open() === before, "let go");
    server.close();
    await outside.close();
  });

  const start = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  const guarded = process.getuid?.() === 0 && existsSync(start) && Number(readFileSync(start, "utf8")) > 80;
  test.skipIf(!guarded)(
    `port 80 is not for everybody${guarded ? "" : " (here it is, or we are not root)"}`,
    async () => {
      const { outside, until } = node();
      process.seteuid!(65534);
      try {
        const listener = outside.listen({ host: "127.0.0.1", port: 80 }, () => {});
        const datagrams = outside.bind({ host: "127.0.0.1", port: 80 });
        await until(() => listener.state !== "opening" && datagrams.state !== "opening", "answered");
        for (const { failure } of [listener, datagrams]) {
          expect(failure!.reason).toBe("denied");
          expect(failure!.text).toMatch(/^127\.0\.0\.1:80: permission denied; ports below 1024/);
        }
      } finally {
        process.seteuid!(0);
      }
      await outside.close();
    },
  );

  test.each([
    ["EACCES", "listen", 80, "denied", "127.0.0.1:80: permission denied; ports below 1024"],
    ["EACCES", "listen", 8080, "denied", "127.0.0.1:8080: permission denied"],
    ["EADDRNOTAVAIL", "connect", 80, "exhausted", "127.0.0.1:80: no free port"],
    ["EMFILE", "connect", 80, "exhausted", "127.0.0.1:80: too many open files"],
    ["ENETUNREACH", "connect", 80, "network-unreachable", "127.0.0.1:80: network unreachable"],
    ["EWHATEVER", "connect", 80, "failed", "127.0.0.1:80: what the host said"],
  ] as const)("%s from %s at port %d is %s", (code, verb, port, reason, text) => {
    const error = Object.assign(new Error("what the host said"), { code });
    const failure = failureOf(error, { host: "127.0.0.1", port }, verb);
    expect(failure.reason).toBe(reason);
    expect(failure.text).toContain(text);
  });

  test("nothing is left behind that would keep a process alive", async () => {
    await setTimeout(20); // what the test before has closed is gone
    const before = process.getActiveResourcesInfo().filter((kind) => /TCP|UDP/.test(kind)).length;
    const { outside, until } = node();
    const listener = outside.listen({ host: "127.0.0.1", port: 0 }, () => {});
    const port = outside.bind({ host: "127.0.0.1", port: 0 });
    await until(() => listener.state === "open" && port.state === "open", "open");
    const stream = outside.connect(listener.local);
    await until(() => stream.state === "open", "connected");
    outside.listen({ host: "127.0.0.1", port: 0 }, () => {}).close();
    outside.connect(listener.local).reset();
    outside.listen({ host: "127.0.0.1", port: 0 }, () => {});
    outside.bind({ host: "127.0.0.1", port: 0 });
    outside.connect(listener.local);
    await outside.close();
    await setTimeout(20);
    expect(process.getActiveResourcesInfo().filter((kind) => /TCP|UDP/.test(kind)).length).toBe(before);
  });
});
