import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { u32le } from "../../src/base/index.ts";
import { kolibri, type Said } from "./io.ts";

const server = "fixtures/guide/images/http-server.corrected.bin";

/** A server that runs until the test is done with it. */
/** Runs a server, and `during` when its port is published and it has printed that it listens. */
async function serving(argv: string[], during: (url: string) => Promise<void>): Promise<Said> {
  const stop = new AbortController();
  let [said, printed] = ["", ""];
  const ended = kolibri(argv, {
    interrupted: stop.signal,
    onErr: (text) => (said += text),
    onOut: (text) => (printed += text),
  });
  let over = false;
  void ended.then(() => (over = true));
  try {
    const listens = (): boolean => said.includes("published: ") && printed !== "";
    while (!over && !listens()) await new Promise((resolve) => setTimeout(resolve, 5));
    const [, place] = /published: (\S+) →/.exec(said) ?? [];
    await during(`http://${place}/`);
  } finally {
    stop.abort("SIGINT");
  }
  return ended;
}

test("a published server answers, and says at the end what came of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-"));
  const [pcap, state] = [join(folder, "all.pcapng"), join(folder, "state.json")];
  const { status, out, err } = await serving(
    ["run", server, "--publish", "0:80", "--pcap", pcap, "--state", state],
    async (url) => {
      const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(url)));
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200]);
      expect(await answers[0]!.text()).toContain("<h1>");
    },
  );
  expect(status).toBe(130);
  expect(out).toBe("Listening on port 80\r\n");
  expect(err).toMatch(
    /after [\d.]+ s: [1-5] connections?, [\d,]+ bytes received, [\d,]+ bytes sent, [\d,]+ instructions\n$/,
  );
  expect(u32le(readFileSync(pcap), 0)).toBe(0x0a0d0d0a);
  const { stop, calls } = JSON.parse(readFileSync(state, "utf8"));
  expect(stop.reason).toBe("stopped");
  expect(calls.accept).toBeGreaterThan(0);
});

test("what a program sent before it ended arrives whole", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-"));
  const [source, state] = [join(folder, "once.asm"), join(folder, "state.json")];
  // Accepts once, sends sixteen times what is at `text`, and ends; the answers of send are summed in ESI.
  writeFileSync(
    source,
    `use32
     org 0
       db 'MENUET01'
       dd 1, start, image_end, memory_end, memory_end, 0, 0
     start:
       mov eax, 75
       mov ebx, 1
       mov ecx, 6
       int 0x40
       mov ebx, eax
       mov eax, 77
       mov ecx, address
       mov edx, 16
       int 0x40
       mov eax, 78
       int 0x40
       mov esi, ebx
       mov eax, 63                  ; says that it listens
       mov ebx, 1
       mov ecx, '.'
       int 0x40
       mov ebx, esi
       xor esi, esi
       mov eax, 80
       xor ecx, ecx
       int 0x40
       mov ebx, eax
       mov eax, 82
       mov ecx, text
       mov edx, 1000
       int 0x40
       mov edi, 16
     .more:
       mov eax, 81
       mov edx, 65536
       int 0x40
       add esi, eax
       dec edi
       jnz .more
       mov eax, -1
       int 0x40
     address: dw 2
       db 0, 7, 0, 0, 0, 0
       rb 8
     image_end:
     text: rb 65536
       rb 1024
     memory_end:`,
  );
  let received = 0;
  const stop = new AbortController();
  let said = "";
  let listens = false;
  const ended = kolibri(["run", source, "--publish", "0:7", "--state", state], {
    interrupted: stop.signal,
    onErr: (text) => (said += text),
    onOut: () => (listens = true),
  });
  while (!listens) await new Promise((resolve) => setTimeout(resolve, 5));
  const port = Number(/published: [\d.]+:(\d+) /.exec(said)![1]);
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("data", (bytes) => (received += bytes.length));
  const over = once(socket, "end");
  socket.write("go");
  await over;
  expect((await ended).status).toBe(0);
  expect(received).toBe(JSON.parse(readFileSync(state, "utf8")).registers.esi);
  expect(received).toBeGreaterThan(500_000);
});

test("a port that is taken is said, with what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const said = await kolibri(["run", server, "--publish", `${port}:80`]);
  taken.close();
  expect(said.status).toBe(2);
  expect(said.err).toContain(`127.0.0.1:${port}`);
  expect(said.err).toContain(`--publish ${port + 1}:80`);
});

test("nothing is published that makes no sense", async () => {
  expect(await kolibri(["run", server, "--publish", "80"])).toMatchObject({
    status: 2,
    err: expect.stringContaining("expected [HOST:]PORT:"),
  });
});

test.each([
  [["--link", "5000"], '--link "5000": no kind of link; expected listen:'],
  [["--tap", "a/b"], '--tap "a/b" cannot be the name of a network device'],
  [["--address", "10.0.2.15"], "--address 10.0.2.15: an address such as 10.0.2.15/24 is needed"],
  [["--address", "fd00::15"], "--address fd00::15: an address such as fd00::15/64 is needed"],
  [["--address", "10.0.2.15/24,10.0.2.16/24"], "only one IPv4 address is possible"],
  [["--gateway", "fd00::g"], "--gateway fd00::g: an IPv6 address is needed"],
  [["--gateway", "here"], "--gateway here: an IPv4 address is needed"],
  [
    ["--gateway", "10.0.3.2"],
    "--gateway 10.0.3.2: it must be another address of the network of 10.0.2.15/24",
  ],
  [["--address", "10.0.2.2/24", "--outbound"], "10.0.2.2/24 leaves no address for the gateway"],
])("a network that cannot be is refused: %j", async (argv, words) => {
  const { status, err } = await kolibri(["run", server, ...argv]);
  expect([status, err]).toEqual([2, expect.stringContaining(words)]);
});

test("the program and its gateway are where the command line puts them", async () => {
  const argv = [
    "run",
    server,
    "--address",
    "192.168.7.9/24",
    "--gateway",
    "192.168.7.1",
    "--publish",
    "0:80",
  ];
  const { err } = await serving(argv, async (url) => {
    expect(await (await fetch(url)).text()).toContain("<h1>");
  });
  expect(err).toContain("→ 192.168.7.9:80/tcp");
});

test.each([
  ["tcp-client.asm", ["10.0.2.2", "80"], "connect"],
  ["fetch.asm", ["example.com", "/"], "send"],
  ["echo-server.asm", [], "accept"],
])("%s finds the network that it would if that were there from the start", async (name, args, call) => {
  const strace = join(mkdtempSync(join(tmpdir(), "kolibri-")), "strace");
  const state = `${strace}.json`;
  const run = async (...options: string[]) => {
    const corrected = ["--corrections", "asm/guide/corrections.json", "--timeout", "3"];
    const watched = [`--strace=${strace}`, "--state", state];
    const said = await kolibri(["run", `asm/${name}`, ...corrected, ...watched, ...options, "--", ...args]);
    return { said, calls: readFileSync(strace, "utf8"), state: readFileSync(state, "utf8") };
  };
  const late = await run();
  expect(late.calls).toContain(`${call}(`);
  expect(late).toEqual(await run("--address", "10.0.2.15/24")); // which says what is so anyway
});

test("without the outside a program that waits for it stops by itself", async () => {
  // The echo server accepts a connection before it does anything else.
  const { status, err } = await kolibri([
    "run",
    "fixtures/guide/images/echo-server.corrected.bin",
    "--timeout",
    "5",
  ]);
  expect(status).toBe(1);
  expect(err).toMatch(/^kolibri: stopped: (blocked: accept waits|limit of time)/);
});

const loopback6 = Object.values(networkInterfaces()).some((card) =>
  card?.some(({ address }) => address === "::1"),
);
const six = ["--address", "10.0.2.15/24,fd00::15/64"];

test.skipIf(!loopback6)("a server of IPv6 is reached from this computer's ::1", async () => {
  const argv = ["run", "asm/echo6.asm", ...six, "--publish", "[::1]:0:[fd00::15]:7"];
  let heard = "";
  await serving(argv, async (url) => {
    const [, port] = /\[::1\]:(\d+)/.exec(url)!;
    const socket = connect(Number(port), "::1");
    socket.write("over IPv6");
    for await (const bytes of socket) {
      heard += String(bytes);
      if (heard.length >= 9) break;
    }
  });
  expect(heard).toBe("over IPv6");
});

test.skipIf(!loopback6)(
  "a client of IPv6 reaches a server of this computer that was opened to it",
  async () => {
    const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
    const { port } = server.address() as { port: number };
    const said = await kolibri([
      "run",
      ...six,
      "--host-port",
      `7:[::1]:${port}`,
      "asm/echo6.asm",
      "fd00::2",
      "Hello",
    ]);
    server.close();
    expect(said.out + said.err).toContain("Hello");
  },
);
