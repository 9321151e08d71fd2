/** Laboratories that speak of the host: real time, real sockets of this computer, and nothing that was not asked for. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { Folder } from "./folder.ts";
import { kolibri, type Said } from "./io.ts";

const folder = new Folder();
const program = `${process.cwd()}/asm/echo-server.asm`;
const corrections = `${process.cwd()}/asm/guide/corrections.json`;

/** Runs a laboratory, and when it says where its ports are published, `during` with the places by the guest's. */
async function running(text: string, during: (places: Map<string, number>) => Promise<void>): Promise<Said> {
  const stop = new AbortController();
  let said = "";
  let over = false;
  const ended = kolibri(["lab", folder.put("outside.yaml", text)], {
    interrupted: stop.signal,
    onErr: (part) => (said += part),
  }).finally(() => (over = true));
  const count = text.match(/^ +- "0:/gm)?.length ?? 0;
  const published = () => [...said.matchAll(/published: 127\.0\.0\.1:(\d+) → (\S+)/g)];
  try {
    while (!over && published().length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    await during(new Map(published().map(([, port, guest]) => [guest!, Number(port)])));
  } catch (error) {
    stop.abort("SIGINT");
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  }
  return ended;
}

/** Sends a line by TCP and answers the line that comes back. */
const echoed = (port: number, line: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(line));
    let got = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(got)}`)));
    socket.on("data", (bytes) => {
      got += bytes;
      if (got.length < line.length) return;
      resolve(got);
      socket.end();
    });
  });

/** The same by UDP, again and again until it comes: nobody promises that a datagram arrives. */
const echoedDatagram = (port: number, line: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    const again = setInterval(() => socket.send(line, port, "127.0.0.1"), 100);
    socket.on("message", (bytes) => {
      clearInterval(again);
      socket.close(() => resolve(String(bytes)));
    });
  });

test("ports of several machines are published, TCP and UDP, and what happens there counts", async () => {
  const { status, out, err } = await running(
    `
machines:
  server:
    count: 2
    program: ${program}
    corrections: ${corrections}
    address: 10.0.2.15/24
    gateway: 10.0.2.2
services:
  box: { address: 10.0.2.30/24, echo: }
outside:
  publish:
    - "0:10.0.2.15:7"
    - "0:10.0.2.16:7"
    - "0:10.0.2.30:7/udp"
expect:
  - { machine: server-1, socket: { state: LISTEN, port: 7 } }
  - { machine: server-2, socket: { state: LISTEN, port: 7 } }
  - { machine: server-1, socket: { state: ESTABLISHED, port: 7, peer: 10.0.2.2 } }
  - { machine: server-2, socket: { state: ESTABLISHED, port: 7, peer: 10.0.2.2 } }
  - { frame: { udp: { to: "box:7" } }, at: box, direction: received }
  - { frame: { udp: { from: "box:7" } }, at: box }
  - { frame: { tcp: { from: "server-2:7", flags: F } }, at: server-2 }
`,
    async (places) => {
      expect([...places.keys()]).toEqual(["10.0.2.15:7/tcp", "10.0.2.16:7/tcp", "10.0.2.30:7/udp"]);
      expect(await echoedDatagram(places.get("10.0.2.30:7/udp")!, "a datagram")).toBe("a datagram");
      // The programs listen as soon as they can; until then the gateway's connection is refused.
      const patiently = async (port: number, line: string): Promise<string> => {
        for (let tries = 0; ; tries++) {
          try {
            return await echoed(port, line);
          } catch (error) {
            if (tries > 200) throw error;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
      };
      expect(await patiently(places.get("10.0.2.15:7/tcp")!, "to the first\n")).toBe("to the first\n");
      expect(await patiently(places.get("10.0.2.16:7/tcp")!, "to the second\n")).toBe("to the second\n");
    },
  );
  expect(err).not.toMatch(/FAILED|not within/);
  expect(out).toMatch(/^ok after/m);
  expect(status).toBe(0);
});

test("a machine behind a router is published where a route leads to it", async () => {
  const { status, out } = await running(
    `
networks: [near, far]
routers:
  between:
    interfaces:
      - { network: near, address: 10.0.2.1/24 }
      - { network: far, address: 10.0.9.1/24 }
services:
  away: { network: far, address: 10.0.9.7/24, gateway: 10.0.9.1, echo: }
machines:
  idle: { program: ${program}, corrections: ${corrections}, network: near }
outside:
  network: near
  routes: [10.0.9.0/24 via 10.0.2.1]
  publish:
    - "0:10.0.9.7:7"
expect:
  - { service: away, receives: over two networks }
`,
    async (places) => {
      const said = "over two networks\n";
      expect(await echoed(places.get("10.0.9.7:7/tcp")!, said)).toBe(said);
    },
  );
  expect(out).toMatch(/^ok after/m);
  expect(status).toBe(0);
});

test("another kolibri is joined by a link, and what happens there counts", async () => {
  const text = `
machines:
  server:
    program: ${program}
    corrections: ${corrections}
    address: 10.0.2.15/24
outside:
  link: ["listen:0"]
limit: 120 s
expect:
  - { machine: server, socket: { state: ESTABLISHED, port: 7, peer: 10.0.2.77 } }
  - { frame: { tcp: { from: "10.0.2.77", to: "server:7", data: true } }, at: server, direction: received }
  - { frame: { tcp: { from: "server:7", to: "10.0.2.77", data: true } }, at: server, direction: sent }
`;
  let said = "";
  const ended = kolibri(["lab", folder.put("link.yaml", text)], { onErr: (part) => (said += part) });
  let place: string | undefined;
  while (!place) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    place = /waits for a peer at (127\.0\.0\.1:\d+)/.exec(said)?.[1];
  }
  const client = ["run", "asm/tcp-client.asm", "--corrections", corrections, "--address", "10.0.2.77/24"];
  const stop = new AbortController();
  const words = ["--link", `connect:${place}`, "--", "10.0.2.15", "7", "over the link"];
  const running = kolibri([...client, ...words], { interrupted: stop.signal });
  expect(await ended).toMatchObject({ status: 0, out: expect.stringMatching(/^ok after/m) });
  stop.abort("SIGINT"); // it waits for the end of an echo
  expect((await running).status).toBe(130);
});

test("without outside nothing is open, and a guest that wants out is refused", async () => {
  const client = (outside: string): string => `
limit: 10 s
machines:
  client:
    program: ${process.cwd()}/asm/tcp-client.asm
    corrections: ${corrections}
    arguments: 192.0.2.1 80 hello
    address: 10.0.2.15/24
    gateway: 10.0.2.2
${outside}
expect:
  - { machine: client, ends: exit }
never:
  - { machine: client, socket: { state: ESTABLISHED } }
`;
  // With a gateway that lets nobody out it hears so at once; its reset is the frame.
  const refused = await running(
    `${client("outside: { outbound: ['198.51.100.0/24:80'] }")}  - { frame: { tcp: { from: 192.0.2.1, flags: S } } }\n`,
    async () => {},
  );
  expect(refused.err).toBe("");
  expect(refused.status).toBe(0);
});

test.each([
  ["outside: { publish: [nonsense] }", /outside\.publish\[1\]: "nonsense": .*expected/],
  ["outside: { outbound: ['10.0.0.0/99'] }", /outside\.outbound\[1\]: /],
  ["outside: { link: ['smoke:5'] }", /outside\.link\[1\]: /],
  ["outside: { network: nowhere }", /there is no network nowhere/],
  ["outside: { tap: ['a/b'] }", /outside\.tap\[1\]: .*cannot be the name of a network device/],
  ["outside: { publish: ['0:10.0.9.7:80'] }", /outside: no way leads from the gateway to 10\.0\.9\.7/],
  ["outside: { routes: [10.0.9.0/24 via 10.0.3.1] }", /outside: .*the gateway is in no network/],
])("what makes no sense outside is told with its place: %s", async (outside, why) => {
  const text = `machines: { one: { program: ${program}, corrections: ${corrections} } }\n${outside}\n`;
  const { status, err } = await kolibri(["lab", folder.put("bad.yaml", text)]);
  expect(status).toBe(2);
  expect(err).toMatch(/bad\.yaml:2:\d+: /);
  expect(err).toMatch(why);
});

test("a port that is taken is told, and nothing is left open", async () => {
  const { createServer } = await import("node:net");
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const text = `machines: { one: { program: ${program}, corrections: ${corrections} } }\noutside: { publish: ["${port}:10.0.2.15:7"] }\n`;
  const { status, err } = await kolibri(["lab", folder.put("taken.yaml", text)]);
  taken.close();
  expect(status).toBe(2);
  expect(err).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}: `));
});

test("one that is stopped tells how far it came", async () => {
  const text = `
machines:
  web: { program: ${program}, corrections: ${corrections}, address: 10.0.2.15/24 }
outside: { publish: ["0:10.0.2.15:7"] }
expect:
  - { machine: web, prints: Echoing }
  - { machine: web, prints: Never }
`;
  const stop = new AbortController();
  let asked: Promise<void> | undefined;
  const { status, out, err } = await kolibri(["lab", folder.put("stopped.yaml", text)], {
    interrupted: stop.signal,
    onErr: (part) => {
      const [, port] = /published: 127\.0\.0\.1:(\d+)/.exec(part) ?? [];
      if (port) asked = echoed(Number(port), "hello").then(() => stop.abort("SIGINT"));
    },
  });
  await asked;
  expect([status, out, err]).toEqual([
    130,
    expect.stringMatching(
      /^ok +[\d.]+ web prints "Echoing"\nopen +[\d.]+ web prints "Never"\nstopped after /m,
    ),
    expect.not.stringContaining("Never"),
  ]);
});
