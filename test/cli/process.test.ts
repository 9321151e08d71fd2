import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { unicornEngine } from "../../src/node/unicorn/engine.ts";
import { needBuild } from "./build.ts";
import { Folder } from "./folder.ts";

/** The command as it is installed, in processes of its own. */
const folder = new Folder();
const CLI = "dist/cli.cjs";

beforeAll(needBuild);

interface Running {
  child: ChildProcess;
  said: { out: string; err: string };
  /** Resolves with the exit status. */
  ended: Promise<number | null>;
}

function start(...argv: string[]): Running {
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (said.out += chunk));
  child.stderr.on("data", (chunk) => (said.err += chunk));
  return { child, said, ended: new Promise((resolve) => child.on("close", resolve)) };
}

async function until(condition: () => boolean, running: Running): Promise<void> {
  let over = false;
  void running.ended.then(() => (over = true));
  while (!condition() && !over) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("the command starts, runs a program and passes its status on", async () => {
  const hello = start(CLI, "run", "fixtures/guide/images/hello.corrected.bin");
  expect(await hello.ended).toBe(0);
  expect(hello.said).toEqual({ out: "Hello from KolibriOS\r\n", err: "" });
  expect(await start(CLI, "run", folder.put("flat", [0xf4]), "--raw").ended).toBe(1);
  expect(await start(CLI, "run", folder.at("none")).ended).toBe(2);
});

test("Unicorn is its engine where it is installed; where not it says how to get it", async () => {
  const hello = start(CLI, "run", "fixtures/guide/images/hello.corrected.bin", "--engine", "unicorn");
  const emulator = await unicornEngine();
  if ("error" in emulator) {
    expect(await hello.ended).toBe(2);
    expect(hello.said).toEqual({
      out: "",
      err: expect.stringContaining("npm install @alexaltea/unicorn-js"),
    });
  } else {
    expect(await hello.ended).toBe(0);
    expect(hello.said).toEqual({ out: "Hello from KolibriOS\r\n", err: "" });
  }
});

test("a reader that has had enough ends it quietly", () => {
  const big = folder.put("big", new Uint8Array(300_000));
  const line = `${process.execPath} ${CLI} disasm --raw ${big} | head -n 1`;
  const { stdout, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
  expect([stdout, stderr]).toEqual(["00000000  00 00                    add [eax],al\n", ""]);
  const traced = `${process.execPath} ${CLI} run --raw ${folder.put("loop", [0xeb, 0xfe])} --trace 2>&1 | head -n 1`;
  expect(spawnSync("sh", ["-c", traced], { encoding: "utf8", timeout: 100_000 })).toMatchObject({
    stdout: "00000000  jmp 0\n",
    stderr: "",
  });
});

test.skipIf(!existsSync("/dev/full"))("output that cannot be written is told in words", () => {
  const hello = "fixtures/guide/images/hello.corrected.bin";
  for (const command of [`run ${hello}`, `disasm ${hello}`, "--help"]) {
    const line = `${process.execPath} ${CLI} ${command} > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8" });
    expect([status, stderr]).toEqual([74, "kolibri: standard output: no space left on the device\n"]);
  }
});

test.skipIf(!existsSync("/dev/full"))("a disk that is full in the middle of a run is told in words", () => {
  const loop = folder.put("loop", [0xeb, 0xfe]);
  for (const command of [
    ["run", "--raw", loop, "--trace=/dev/full", "--max-instructions", "9000"],
    ["lab", "asm/labs/lost-segment.yaml", "--pcap", "/dev/full"],
    ["lab", "asm/labs/lost-segment.yaml", "--strace", "/dev/full"],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...command], { encoding: "utf8" });
    const said = `kolibri ${command[0]}: /dev/full: no space left on the device\n`;
    expect([status, stderr]).toEqual([2, said]);
  }
});

test.skipIf(process.platform === "win32")("a program may come by a pipe, and by standard input", () => {
  const source = folder.put("hello.asm", "nop");
  const sh = (line: string) =>
    spawnSync("sh", ["-c", line], {
      encoding: "utf8",
      env: { ...process.env, KOLIBRI: CLI, NODE: process.execPath },
    });
  expect(sh(`cat asm/hello.asm | (cd asm && $NODE ../$KOLIBRI run -)`)).toMatchObject({
    stdout: "Hello from KolibriOS\r\n",
    status: 0,
  });
  const image = folder.at("hello.kex");
  expect(sh(`cd asm && $NODE ../$KOLIBRI asm - ${image} < hello.asm`).status).toBe(0);
  expect(sh(`cat ${image} | $NODE $KOLIBRI run /dev/stdin`).stdout).toBe("Hello from KolibriOS\r\n");
  expect(sh(`$NODE $KOLIBRI asm - < ${source}`)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("OUTPUT is missing"),
  });
});

test.skipIf(!existsSync("/dev/stdout"))("standard output by its name is not replaced, whatever it is", () => {
  const said = folder.at("said");
  const line = `${process.execPath} ${CLI} run asm/hello.asm --state /dev/stdout > ${said}`;
  expect(spawnSync("sh", ["-c", line]).status).toBe(0);
  expect(folder.text("said")).toMatch(/^Hello from KolibriOS\r\n\{\n {2}"stop"/);
});

test.skipIf(process.platform === "win32")("a directory that is gone is said to be", () => {
  const line = `mkdir ${folder.at("gone")} && cd ${folder.at("gone")} && rmdir ${folder.at("gone")} && `;
  const command = `${process.execPath} ${resolve(CLI)} run ${resolve("asm/hello.asm")}`;
  expect(spawnSync("sh", ["-c", line + command], { encoding: "utf8" })).toMatchObject({
    status: 2,
    stderr: "kolibri run: the directory that this is to run in is gone\n",
  });
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends a run with everything written", async (signal) => {
  const argv = ["run", "--raw", folder.put("loop", [0xeb, 0xfe]), "--state", folder.at("state")];
  const running = start(CLI, ...argv, "--pcap", folder.at("pcap"));
  await until(() => folder.names().length === 3, running); // two temporary files beside the program
  running.child.kill(signal);
  expect(await running.ended).toBe(signal === "SIGINT" ? 130 : 143);
  expect(folder.names()).toEqual(["loop", "pcap", "state"]);
  expect(folder.json("state").stop.reason).toBe("stopped");
  expect(running.said.err).toBe("");
});

test("an assembling that does not end can be ended", async () => {
  const source = folder.put("endless.asm", "while 1\nend while\n");
  const running = start(CLI, "asm", source);
  await until(() => running.said.out !== "", running);
  running.child.kill("SIGINT");
  await running.ended;
  expect(running.child.signalCode).toBe("SIGINT");
  expect(folder.names()).toEqual(["endless.asm"]);
});

test("npm start serves the guide's page until Ctrl-C", async () => {
  const server = start("scripts/start.mjs", "--port", "0");
  const opened = () => /open (\S+)/.exec(server.said.err)?.[1];
  await until(() => server.said.out.includes("Listening") && opened() !== undefined, server);
  expect(await (await fetch(opened()!)).text()).toContain("Hello from KolibriOS assembly");
  server.child.kill("SIGINT");
  expect(await server.ended).toBe(0);
  expect(server.said.err).toMatch(/assembled: [\d,]+ bytes, \d passes, [\d.]+ s, \d+ corrections applied/);
  expect(server.said.err).toMatch(/after [\d.]+ s: 1 connection, /);
});

test("npm start says when the port is taken, and what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  const refused = start("scripts/start.mjs", "--port", `${port}`);
  expect(await refused.ended).toBe(2);
  expect(refused.said.err).toBe(`port ${port} is taken; another one: npm start -- --port ${port + 1}\n`);
  taken.close();
});

test("npm start -- --printed tells how the printed server ends, and why", async () => {
  const printed = start("scripts/start.mjs", "--port", "0", "--printed");
  expect(await printed.ended).toBe(1);
  expect(printed.said.err).toContain("fault #GP: write of 0xffffffff");
  expect(printed.said.err).toContain("fixtures/guide/listing-2.asm:74\n    rep stosd\n");
  expect(printed.said.err).toContain("manager-allocation: The socket array is never allocated.");
});
