import { appendFileSync, cpSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { memoryFiles } from "../../src/assembler/index.ts";
import { roomsIn } from "../../src/node/cli/rooms.ts";
import { needBuild } from "./build.ts";
import { Folder } from "./folder.ts";

beforeAll(needBuild);
const folder = new Folder();

interface Rooms {
  "assembler.cjs": { "assembler/index": typeof import("../../src/assembler/index.ts") };
  "program.cjs": { "node/cli/program-file": typeof import("../../src/node/cli/program-file.ts") };
}

const files = memoryFiles({ "a.asm": "use32\nmov eax,[ebx+5]" });
const bytes = [0x8b, 0x43, 5];

/** The assembler's room in a folder; and which rooms came with it, and whether V8 took what had been compiled. */
function enter(place: string) {
  const taken: Record<string, boolean> = {};
  const room = roomsIn<Rooms>(place, createRequire(import.meta.url), (name, script) => {
    taken[basename(name)] = script.cachedDataRejected === false;
  });
  return {
    taken,
    room,
    assemble: () => room("assembler.cjs")["assembler/index"].assemble("a.asm", { files }),
  };
}

/** The rooms that a command line enters, with what it wrote. */
async function entered(...argv: string[]) {
  const { taken, room } = enter(resolve("dist/cli"));
  const { cli } = room("program.cjs")["node/cli/program-file"];
  let output = "";
  const out = { write: (chunk: string | Uint8Array) => (output += Buffer.from(chunk).toString("latin1")) };
  const status = await cli(argv, {
    stdout: out,
    stderr: out,
    env: {},
    interrupted: new AbortController().signal,
  });
  return { status, output, rooms: Object.keys(taken).sort() };
}

test("the built program comes compiled", () => {
  const { assemble, taken, room } = enter(resolve("dist/cli"));
  expect([...assemble().bytes]).toEqual(bytes);
  expect(Object.keys(taken)).toContain("assembler.cjs");
  room("program.cjs");
  expect(Object.values(taken)).not.toContain(false);
});

test("who assembles enters the assembler's rooms and no others", async () => {
  const { status, rooms } = await entered("asm", "asm/hello.asm", folder.at("hello"));
  expect({ status, rooms }).toEqual({
    status: 0,
    rooms: ["assembler.cjs", "base.cjs", "isa.cjs", "program.cjs"],
  });
});

test("who runs a small program enters neither the network's rooms nor the compiler's", async () => {
  await entered("asm", "asm/hello.asm", folder.at("hello"));
  const { status, output, rooms } = await entered("run", folder.at("hello"));
  expect({ status, output, rooms }).toEqual({
    status: 0,
    output: "Hello from KolibriOS\r\n",
    rooms: ["base.cjs", "isa.cjs", "machine.cjs", "program.cjs"],
  });
});

test("they are entered when a program needs them", async () => {
  await entered("asm", "asm/bench/alu.asm", folder.at("alu"));
  const long = await entered("run", folder.at("alu"), "--raw", "--org", "0x1000");
  expect(long.rooms).toEqual(["base.cjs", "compiler.cjs", "isa.cjs", "machine.cjs", "program.cjs"]);
  await entered(
    "asm",
    "asm/http-server.asm",
    folder.at("server"),
    "--corrections",
    "asm/guide/corrections.json",
  );
  const networked = await entered("run", folder.at("server"), "--timeout", "1");
  expect(networked.rooms).toEqual(expect.arrayContaining(["lab.cjs", "net.cjs", "network.cjs"]));
});

test("where it was not compiled, or by another engine, it is compiled", () => {
  cpSync("dist/cli", folder.at("cli"), { recursive: true });
  rmSync(folder.at("cli/assembler.cjs.compiled"));
  const fresh = enter(folder.at("cli"));
  expect([...fresh.assemble().bytes]).toEqual(bytes);
  writeFileSync(folder.at("cli/assembler.cjs.compiled"), "nothing of V8's");
  // One more line: V8 remembers within a process what it has compiled, and would not look at the file.
  appendFileSync(folder.at("cli/assembler.cjs"), "\n// not the same source");
  const spoiled = enter(folder.at("cli"));
  expect([...spoiled.assemble().bytes]).toEqual(bytes);
  expect([fresh.taken["assembler.cjs"], spoiled.taken["assembler.cjs"]]).toEqual([false, false]);
});
