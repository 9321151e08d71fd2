import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rawImage } from "../../src/image/index.ts";
import { describeLab, Lab, written } from "../../src/lab/index.ts";
import { unicornEngine } from "../../src/node/unicorn/engine.ts";
import { readCapture } from "../network/pcapng.ts";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const folder = new Folder();
const labs = readdirSync("asm/labs").filter((name) => name.endsWith(".yaml"));

test.each(labs)("%s comes out as it says", async (name) => {
  const { status, out, err } = await kolibri(["lab", join("asm/labs", name)]);
  expect(err).toBe("");
  expect(status).toBe(0);
  expect(out).toMatch(/^ok {9}/);
  expect(out).toMatch(/ok after [\d.]+ s: \d+ machines?, [\d,]+ instructions\n$/);
});

test("the same seed gives the same capture byte for byte, another seed another", async () => {
  const capture = async (file: string, seed: string): Promise<Buffer> => {
    const { status } = await kolibri([
      "lab",
      "asm/labs/lossy-line.yaml",
      "--seed",
      seed,
      "--pcap",
      folder.at(file),
    ]);
    expect(status).toBe(0);
    return readFileSync(folder.at(file));
  };
  const first = await capture("first", "7");
  expect((await capture("second", "7")).equals(first)).toBe(true);
  expect((await capture("third", "8")).equals(first)).toBe(false);
});

test("so it is with a hundred machines", async () => {
  const capture = async (file: string): Promise<Buffer> => {
    expect((await kolibri(["lab", "asm/labs/hundred-clients.yaml", "--pcap", folder.at(file)])).status).toBe(
      0,
    );
    return readFileSync(folder.at(file));
  };
  const first = await capture("first");
  expect(readCapture(first).interfaces.length).toBeGreaterThan(100);
  expect((await capture("second")).equals(first)).toBe(true);
});

test("every frame of a capture says which call, frame or timer sent it", async () => {
  const file = folder.at("all.pcapng");
  await kolibri(["lab", "asm/labs/lost-segment.yaml", "--pcap", file]);
  const { interfaces, frames } = readCapture(readFileSync(file));
  expect(interfaces).toEqual(["server.eth0", "client.eth0 cable", "client.eth0"]);
  expect(frames.every(({ comment }) => comment)).toBe(true);
  const said = frames.map((frame, i) => `${i + 1} ${frame.interface} | ${frame.comment}`).join("\n");
  expect(said).toMatch(
    /client\.eth0 \| client thread 1: 79 connect\(fd 16, 10\.0\.0\.7:7\) at fixtures\/guide\/listing-2\.asm:\d+$/m,
  );
  const send = 'client thread 1: 81 send\\(fd 16, "Once more.*", \\d+\\) at asm/tcp-client\\.asm:\\d+';
  const [, number] = new RegExp(`^(\\d+) client\\.eth0 \\| ${send}$`, "m").exec(said)!;
  expect(said).toMatch(new RegExp(`client\\.eth0 cable \\| frame ${number} lost, by a rule: ${send}$`, "m"));
  expect(said).toMatch(
    new RegExp(
      `client\\.eth0 \\| ${send}: sent again, by the (retransmission timer \\(time-out 1\\)|probe timer \\(tail loss\\))$`,
      "m",
    ),
  );
  expect(said).toMatch(/server\.eth0 \| server: answers frame \d+$/m);
  expect(said).toMatch(/server\.eth0 \| frame \d+: client: ARP asks for 10\.0\.0\.7: thread 1: 79 connect/m);
});

test("through a router with address translation, frames keep their cause", async () => {
  const file = folder.at("all.pcapng");
  await kolibri(["lab", "asm/labs/two-networks.yaml", "--pcap", file]);
  const { frames } = readCapture(readFileSync(file));
  const atRouter = frames.filter((frame) => frame.interface === "router.eth1").map(({ comment }) => comment);
  expect(atRouter.join("\n")).toMatch(/^router: sends on frame \d+ \(client thread 1: 81 send\(/m);
});

test("the first expectation that fails is told with its place, and why", async () => {
  const text = readFileSync("asm/labs/lossy-line.yaml", "utf8")
    .replaceAll("../", `${process.cwd()}/asm/`)
    .replace("Is anybody there?, within: 20 s", "Nobody is, within: 2 s");
  const path = folder.put("wrong.yaml", text);
  const { status, out, err } = await kolibri(["lab", path]);
  expect(status).toBe(1);
  const line = text.split("\n").findIndex((each) => each.includes("Nobody is")) + 1;
  expect(err).toMatch(
    `${path}:${line}:5: client prints "Nobody is": not within 2 s; client waits in receive at asm/tcp-client`,
  );
  expect(out).toMatch(/^FAILED +\d/m);
  expect(out).toMatch(/^failed after/m);
});

const machine = `machines:
  one: { program: ${process.cwd()}/asm/hello.asm`;

test.each([
  ["", 1, 1, /^there is nothing in it: machines/],
  [`about: x\nmachines: ${"long ".repeat(100)}`, 2, 11, /not "long [long ]{30,60}…"$/],
  ["machines: [", 1, 12, /flow sequence|expected/i],
  ["machnes: {}", 1, 1, /^machnes: unknown: did you mean machines\?/],
  [
    `${machine}, start: soon }`,
    2,
    66,
    /^machines\.one\.start: a span of time such as 5 ms or 1\.5 s is needed, not "soon"/,
  ],
  [`${machine}, network: lna }`, 2, 68, /^machines\.one\.network: there is no network lna: there are lan/],
  [
    `${machine} }\nexpect:\n  - { machine: two, prints: x }`,
    4,
    16,
    /there is no machine "two": there are one/,
  ],
  [
    `${machine} }\nexpect:\n  - { machine: one }`,
    4,
    5,
    /one of prints, ends, socket, frame, receives, joins is needed, not none/,
  ],
  [
    `${machine}, count: 30 }\nexpect:\n  - { machine: ome-1, prints: x }`,
    4,
    16,
    /^expect\[1\]\.machine: there is no machine "ome-1": did you mean one-1\?$/,
  ],
  [
    `${machine}, count: 30 }\nexpect:\n  - { machine: client, prints: x }`,
    4,
    16,
    /there are one-1, one-2, one-3, one-4, one-5, one-6, one-7, one-8, one-9, one-10, …$/,
  ],
  [
    `${machine}, address: 10.0.0.255/24 }`,
    2,
    3,
    /an address such as 10\.0\.0\.1\/24 is needed, not "10\.0\.0\.255\/24"$/,
  ],
  [
    `${machine}, address: 10.0.0.250/24, count: 6 }`,
    2,
    3,
    /^machines\.one\.count: from 10\.0\.0\.250\/24 on there is no room for 6$/,
  ],
  [
    `${machine}, address: 10.0.0.1/24, gateway: 10.0.1.2 }`,
    2,
    8,
    /^one: the gateway 10\.0\.1\.2 is not in the network of 10\.0\.0\.1\/24$/,
  ],
  ["limit: 1000001 h\nmachines: {}", 1, 8, /^limit: a span of time is 1000000 h at most/],
  [
    `${machine} }\nexpect:\n  - { frame: { any: , between: [5, 2] } }`,
    4,
    31,
    /^expect\[1\]\.frame\.between: the numbers of the first and the last such as \[2, 5\] are needed$/,
  ],
  [`${machine}, corrections: none.json }`, 2, 3, /^machines\.one\.corrections: .*none\.json: no such file$/],
  [`${machine}, link: { loss: 120 % } }`, 2, 73, /a chance is 100 % at most/],
  ["machines:\n  one: { program: none.asm }", 2, 8, /^machines\.one\.program: .*none\.asm: no such file/],
])("what makes no sense is told with line and column: %#", async (text, line, column, why) => {
  const path = folder.put("bad.yaml", text);
  const { status, err } = await kolibri(["lab", path]);
  expect(status).toBe(2);
  const [, at, said] = /^kolibri lab: .*?bad\.yaml:(\d+:\d+): (.*)$/m.exec(err) ?? [err];
  expect(said).toMatch(why);
  if (!text.includes(process.cwd())) expect(at).toBe(`${line}:${column}`);
  else expect(Number(at!.split(":")[0])).toBe(line);
});

test("what is far too large is not even looked at", async () => {
  const path = folder.put("large.yaml", new Uint8Array(2 ** 20 + 1));
  expect(await kolibri(["lab", path])).toMatchObject({
    status: 2,
    err: `kolibri lab: ${path} has 1,048,577 bytes: that is no laboratory's file\n`,
  });
});

test("all problems are told at once", async () => {
  const path = folder.put("bad.yaml", `${machine}, start: soon, count: 0 }\nlimit: never\nseed: -1`);
  const { err } = await kolibri(["lab", path]);
  expect(err.match(/bad\.yaml:\d+:\d+: /g)).toHaveLength(4);
});

test("what a machine prints is shown as lines, the last one without an end too", async () => {
  folder.put(
    "unended.asm",
    `include '${process.cwd()}/asm/include/program.inc'
program start
include '${process.cwd()}/asm/include/debug-board.inc'
start:
    print 'one', 10, 'two'
    exit
end_program
`,
  );
  const path = folder.put("unended.yaml", "machines: { m: { program: unended.asm } }\n");
  const { out } = await kolibri(["lab", path, "--prints"]);
  expect(out.match(/(?<= m \| ).*/g)).toEqual(["one", "two"]);
});

test("a machine that faults fails the laboratory unless that is what must happen", async () => {
  folder.put(
    "fault.asm",
    "use32\norg 0\ndb 'MENUET01'\ndd 1, start, e, e+1024, e+1024, 0, 0\nstart: mov [0F0000000h], eax\ne:",
  );
  const path = folder.put("fault.yaml", "machines:\n  one: { program: fault.asm }\n");
  const { status, err } = await kolibri(["lab", path]);
  expect(status).toBe(1);
  expect(err).toMatch(/one has ended: fault #PF: write of 0xf0000000 at .*fault\.asm:5/);
  const wanted = folder.put(
    "wanted.yaml",
    "machines:\n  one: { program: fault.asm }\nexpect:\n  - { machine: one, ends: 'fault #PF' }\n",
  );
  expect((await kolibri(["lab", wanted])).status).toBe(0);
});

test("a machine's processor and engine are those of its description", async () => {
  // MOVAPS is SSE, which a Pentium Pro has not.
  folder.put(
    "sse.asm",
    "use32\norg 0\ndb 'MENUET01'\ndd 1, start, e, e+1024, e+1024, 0, 0\nstart: movaps xmm0, xmm1\nor eax, -1\nint 0x40\ne:",
  );
  const text = (words: string, ends: string): string =>
    `machines: { one: { program: sse.asm, ${words} } }\nexpect: [{ machine: one, ends: '${ends}' }]\n`;
  for (const engine of ["interpreter", "compiled"]) {
    const old = folder.put("old.yaml", text(`cpu: pentiumpro, engine: ${engine}`, "fault #UD"));
    expect(await kolibri(["lab", old])).toMatchObject({ status: 0, err: "" });
    const fresh = folder.put("new.yaml", text(`cpu: pentium3, engine: ${engine}`, "exit"));
    expect(await kolibri(["lab", fresh])).toMatchObject({ status: 0, err: "" });
  }
});

const emulator = await unicornEngine();
const withoutUnicorn = "error" in emulator ? emulator.error : undefined;

test.skipIf(withoutUnicorn)(
  `machines whose instructions Unicorn executes say the same to each other${withoutUnicorn ? ` (skipped: ${withoutUnicorn})` : ""}`,
  async () => {
    const frames = async (engine: string) => {
      const machine = (program: string, address: string, more = "") =>
        `{ program: ${process.cwd()}/asm/${program}.asm, corrections: ${process.cwd()}/asm/guide/corrections.json, address: ${address}/24, engine: ${engine}${more} }`;
      const text = `
machines:
  server: ${machine("echo-server", "10.0.0.7")}
  client: ${machine("tcp-client", "10.0.0.15", ', start: 100 ms, arguments: "10.0.0.7 7 by Unicorn"')}
expect:
  - { machine: client, prints: by Unicorn }
`;
      const file = folder.at(`${engine}.pcapng`);
      const said = await kolibri(["lab", folder.put(`${engine}.yaml`, text), "--pcap", file]);
      expect(said).toMatchObject({ status: 0, err: "" });
      return readCapture(readFileSync(file)).frames.map(({ bytes }) => Buffer.from(bytes).toString("hex"));
    };
    expect(await frames("unicorn")).toEqual(await frames("interpreter"));
  },
);

test("TCP's congestion control is chosen by machine, and by the command line", () => {
  const program = rawImage(Uint8Array.of(0x83, 0xc8, 0xff, 0xcd, 0x40));
  const machines = { a: { program: "x", congestion: "cubic" }, b: { program: "x" } };
  const lab = new Lab(describeLab(written({ machines })), { program: () => program });
  const chosen = [...lab.computers.values()].map(({ stack }) => stack.tcpSettings.congestion);
  expect(chosen).toEqual(["cubic", "reno"]);
});

test("--congestion is reno or cubic", async () => {
  expect((await kolibri(["run", "asm/hello.asm", "--congestion", "cubic"])).status).toBe(0);
  expect((await kolibri(["run", "asm/hello.asm", "--congestion", "vegas"])).err).toMatch(
    /reno, cubic|reno\|cubic/,
  );
});

test.skipIf(spawnSync("tshark", ["--version"]).status !== 0)(
  "Wireshark reads the causes and the names of the interfaces, and finds nothing wrong (tshark)",
  async () => {
    const file = folder.at("all.pcapng");
    await kolibri(["lab", "asm/labs/by-name.yaml", "--pcap", file]);
    const fields = ["frame.interface_name", "frame.comment", "ip.checksum.status", "tcp.checksum.status"];
    const options = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-T", "fields"];
    const said = execFileSync("tshark", ["-r", file, ...options, ...fields.flatMap((name) => ["-e", name])]);
    const rows = String(said)
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(rows.length).toBe(readCapture(readFileSync(file)).frames.length);
    for (const [name, comment, ip, tcp] of rows) {
      expect(name).toMatch(/^[\w-]+\.eth\d/);
      expect(comment).not.toBe("");
      expect([ip, tcp]).not.toContain("0"); // 0 is "bad"
    }
    // Machine, thread, system call and line of the source.
    const calls = rows.filter(([, comment]) =>
      /^client thread 1: \d+ \w+\(.*\) at [\w./-]+:\d+/.test(comment!),
    );
    expect(calls.length).toBeGreaterThan(3);
  },
  60_000,
);
