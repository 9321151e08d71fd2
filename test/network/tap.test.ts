/** The command with --tap, in a network namespace of its own: the host's kernel talks to the guest, frame by frame. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random, SECOND } from "../../src/base/index.ts";
import { Nic, parseNetwork, type Socket, Stack } from "../../src/net/index.ts";
import { parseTap, Tap } from "../../src/node/index.ts";
import { hostClock, World } from "../../src/world.ts";
import { needBuild } from "../cli/build.ts";
import { Folder } from "../cli/folder.ts";
import { has, missing } from "./linux.ts";
import { PRELUDE } from "./linux-talk.ts";
import { readCapture } from "./pcapng.ts";

const why = missing() ?? (has("curl") ? undefined : "no curl") ?? withoutKoffi();
const folder = new Folder();
const GUEST = "10.0.9.15";
const SERVER = ["run", "fixtures/guide/images/http-server.corrected.bin", "--address", `${GUEST}/24`];

function withoutKoffi(): string | undefined {
  try {
    createRequire(import.meta.url)("koffi");
    return undefined;
  } catch {
    return "no koffi";
  }
}

describe.skipIf(why)(`--tap${why ? ` (skipped: ${why})` : ""}`, () => {
  const namespace = `kolibri-tap-${process.pid}`;
  const inside = (...command: string[]): [string, string[]] => [
    "ip",
    ["netns", "exec", namespace, ...command],
  ];
  const kolibri = (...argv: string[]) => inside(process.execPath, "dist/cli.cjs", ...argv);

  async function run([command, argv]: [string, string[]]): Promise<{ status: number | null; said: string }> {
    const child = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (chunk) => (said += chunk));
    child.stderr.on("data", (chunk) => (said += chunk));
    return await new Promise((resolve) => child.on("close", (status) => resolve({ status, said })));
  }
  const devices = (): string => execFileSync(...inside("ip", "-o", "link", "show"), { encoding: "utf8" });

  let server: ChildProcess;
  let said = "";
  let ended: Promise<number | null>;

  beforeAll(async () => {
    needBuild();
    execFileSync("ip", ["netns", "add", namespace]);
    const [command, argv] = kolibri(...SERVER, "--tap", "kol%d,10.0.9.1/24");
    server = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"] });
    ended = new Promise((resolve) => server.on("close", resolve));
    let over = false;
    void ended.then(() => (over = true));
    for (const stream of [server.stdout!, server.stderr!]) stream.on("data", (chunk) => (said += chunk));
    while (!said.includes("Listening") && !over) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  afterAll(async () => {
    server?.kill("SIGKILL");
    await ended;
    execFileSync("ip", ["netns", "del", namespace]);
  });

  test("the device is up and has the address that was asked for", () => {
    expect(said).toContain("tap: kol0 is up, 10.0.9.1/24 is this host's");
    expect(devices()).toMatch(/kol0: <[^>]*\bUP\b/);
  });

  test("the kernel's echo requests are answered, in fragments too", async () => {
    const script = `${PRELUDE}
for size in (0, 56, 1472, 1473, 20000): print(size, *echo("${GUEST}", size))`;
    const { said } = await run(inside("python3", "-c", script));
    expect(said.trim().split("\n")).toEqual(
      [0, 56, 1472, 1473, 20000].map((size) => `${size} ${GUEST} 0 True`),
    );
  });

  test("curl gets the guest's page, eight at a time", async () => {
    const curl = () => run(inside("curl", "-sS", "-m", "50", `http://${GUEST}/`));
    for (let round = 0; round < 3; round++) {
      for (const { status, said } of await Promise.all(Array.from({ length: 8 }, curl))) {
        expect([status, said]).toEqual([0, expect.stringContaining("<h1>")]);
      }
    }
  });

  test("an echo over IPv6: the guest's program, the kernel's client, by its address and by the link's", async () => {
    const program = folder.at("echo6.bin");
    expect((await run(kolibri("asm", "asm/echo6.asm", program))).status).toBe(0);
    const [command, argv] = kolibri(
      "run",
      program,
      "--address",
      "10.0.7.15/24,fd07::15/64",
      "--tap",
      "six0,10.0.7.1/24",
    );
    const child = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    while (!said.includes("Echoing") && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10));
    try {
      execFileSync(...inside("ip", "-6", "addr", "add", "fd07::1/64", "dev", "six0", "nodad"));
      const script = `import socket
for host in ("fd07::15", "fe80::5054:ff:fe00:70f%six0", "10.0.7.15"):
    data = b"hello " * 3000
    for i in range(20):
        try:
            s = socket.create_connection((host, 7), 50)
            break
        except OSError as error:
            last = error
    s.sendall(data)
    got = b""
    while len(got) < len(data): got += s.recv(65536)
    print(host, got == data)
    s.close()`;
      const client = await run(inside("python3", "-c", script));
      expect(client.said.trim().split("\n")).toEqual([
        "fd07::15 True",
        "fe80::5054:ff:fe00:70f%six0 True",
        "10.0.7.15 True",
      ]);
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  });

  test("a device that another holds, one of another kind, and a user without rights: each is said", async () => {
    const hello = (...argv: string[]) => kolibri("run", "fixtures/guide/images/hello.corrected.bin", ...argv);
    expect(await run(hello("--tap", "kol0"))).toEqual({
      status: 2,
      said: "kolibri run: kol0: another program holds the TAP device kol0\n",
    });
    expect(await run(hello("--tap", "lo"))).toMatchObject({
      status: 2,
      said: expect.stringContaining("there is a network device lo already, and it is no TAP device"),
    });
    const [, argv] = hello("--tap", "other0");
    if (has("setpriv")) {
      const bare = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
      const { status, said } = await run(inside(...bare, ...argv.slice(3)));
      expect([status, said]).toEqual([2, expect.stringContaining("only root may set up a TAP device")]);
    }
    expect(devices()).not.toContain("other0");
  });

  test("a laboratory's machine is the kernel's neighbour, too", async () => {
    const text = `
machines:
  server:
    program: ${process.cwd()}/asm/echo-server.asm
    corrections: ${process.cwd()}/asm/guide/corrections.json
    address: 10.0.10.15/24
outside:
  tap: ["lab0,10.0.10.1/24"]
limit: 120 s
expect:
  - { machine: server, socket: { state: ESTABLISHED, port: 7, peer: 10.0.10.1 } }
  - { machine: server, socket: { state: CLOSE-WAIT, port: 7 } }
`;
    const [command, argv] = kolibri("lab", folder.put("tap.yaml", text), "--pcap", folder.at("tap.pcapng"));
    const child = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += chunk));
    while (!said.includes("lab0 is up") && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const script = `import socket, time
for i in range(300):
    try:
        s = socket.create_connection(("10.0.10.15", 7), 50)
        break
    except OSError as error: time.sleep(0.1) # its program has not come to listen yet
s.sendall(b"hello")
print(s.recv(5))
s.close()`;
    const client = await run(inside("python3", "-c", script));
    expect([client.said, await ended, said]).toEqual(["b'hello'\n", 0, expect.stringMatching(/^ok after/m)]);
    const { interfaces, frames } = readCapture(readFileSync(folder.at("tap.pcapng")));
    expect(interfaces).toEqual(["gateway.eth0", "server.eth0", "lab0"]);
    const comments = frames.map(({ comment }) => comment);
    expect(comments).toContain("lab0: what came from outside");
    expect(comments).toContainEqual(expect.stringMatching(/^frame \d+: lab0: what came from outside$/));
  });

  test("when the device is taken away, that is said, and the program runs on", async () => {
    const [command, argv] = kolibri(...SERVER, "--tap", "gone0");
    const child = spawn(command, argv, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", resolve));
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    const until = async (text: string): Promise<void> => {
      while (!said.includes(text) && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await until("gone0 is up");
    execFileSync(...inside("ip", "link", "del", "gone0"));
    await until("gone0 is gone");
    expect(said).toContain("tap: gone0 is gone");
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await ended).toBe(143);
  });

  test("ten megabytes each way, every byte right", async () => {
    const name = `kb${process.pid}`;
    const tap = await Tap.open(name);
    if ("error" in tap) throw new Error(tap.error);
    const world = new World({ clock: hostClock() });
    const stack = new Stack({ nics: [new Nic({ port: tap, mac: 0x525400000815 })], random: new Random(1) });
    stack.configure(0, parseNetwork("10.0.8.15/24")!);
    tap.onWake = () => world.wake();
    world.add(stack, { outside: true });
    const listener = stack.sockets.stream();
    listener.bind(0, 7);
    listener.listen(1);
    /** Sends back what comes, until the peer ends. */
    let echoed = 0;
    let peer: Socket | undefined;
    const buffer = new Uint8Array(65536);
    let waiting: Uint8Array = buffer.subarray(0, 0);
    const echo = (): boolean => {
      if (!peer) {
        const accepted = listener.accept();
        if (typeof accepted === "string") return false;
        peer = accepted;
      }
      for (;;) {
        while (waiting.length > 0) {
          const sent = peer.send(waiting);
          if (typeof sent !== "number") return false;
          echoed += sent;
          waiting = waiting.subarray(sent);
        }
        const got = peer.receive(buffer);
        if (typeof got !== "number") return false;
        if (got === 0) peer.close();
        if (got === 0) return true;
        waiting = buffer.subarray(0, got);
      }
    };
    try {
      execFileSync("ip", ["link", "set", name, "netns", namespace]); // the file stays here, the device goes there
      execFileSync(...inside("ip", "address", "add", "10.0.8.1/24", "dev", name));
      execFileSync(...inside("ip", "link", "set", name, "up"));
      const script = `import hashlib, socket, threading
data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(312500))
s = socket.create_connection(("10.0.8.15", 7), 50)
def send():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = bytearray()
while part := s.recv(65536): got += part
print(len(got), got == data)`;
      const client = run(inside("python3", "-c", script));
      expect(await world.go({ until: echo, timeout: 60 * SECOND })).toBe("done");
      await world.go({ until: () => peer!.closed, timeout: SECOND });
      expect(await client).toEqual({ status: 0, said: "10000000 True\n" });
      expect(echoed).toBe(10_000_000);
      expect(tap.dropped).toBe(0);
    } finally {
      await tap.close();
    }
    expect(devices()).not.toContain(name);
  });

  test("Ctrl-C ends it, and no device is left behind", async () => {
    server.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(said).toMatch(/kolibri: kol0: \d+ frames in, \d+ out\n/);
    expect(devices()).not.toContain("kol0");
  });
});

test.skipIf(process.platform !== "linux")("without koffi it is said what is missing", async () => {
  needBuild();
  cpSync("dist", folder.at("dist"), { recursive: true }); // away from node_modules
  cpSync("package.json", folder.at("package.json"));
  const argv = [
    folder.at("dist/cli.cjs"),
    "run",
    "fixtures/guide/images/hello.corrected.bin",
    "--tap",
    "kol0",
  ];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  expect([status, stderr]).toEqual([
    2,
    "kolibri run: a TAP device needs the package koffi, which is not installed here: npm install koffi\n",
  ]);
});

test("what a TAP device can be called", () => {
  expect(parseTap("kol0")).toEqual({ name: "kol0" });
  expect(parseTap("kol0,10.0.2.1/24")).toEqual({ name: "kol0", address: "10.0.2.1/24" });
  for (const wrong of ["", "a/b", "..", "a:b", "sixteen-letters-", "kol 0"]) {
    expect(parseTap(wrong)).toEqual({
      error: expect.stringContaining("cannot be the name of a network device"),
    });
  }
  expect(parseTap("kol0,10.0.2.1")).toEqual({ error: expect.stringContaining("is not an address such as") });
});

test.skipIf(process.platform === "linux")(
  "elsewhere than on Linux there is none, and that is said",
  async () => {
    expect(await Tap.open("kol0")).toEqual({ error: "a TAP device needs Linux" });
  },
);
