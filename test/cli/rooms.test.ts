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
  "assembler.cjs": typeof import("../../src/assembler/index.ts");
  "program.cjs": typeof import("../../src/node/cli/program-file.ts");
}

const files = memoryFiles({ "a.asm": "use32\nmov eax,[ebx+5]" });
const bytes = [0x8b, 0x43, 5];

/** The assembler's room in a folder; and which rooms came with it, and whether V8 took what had been compiled. */
function enter(place: string) {
  const taken: Record<string, boolean> = {};
  const room = roomsIn<Rooms>(place, createRequire(import.meta.url), (name, script) => {
    taken[basename(name)] = script.cachedDataRejected === false;
  });
  return { ...room("assembler.cjs"), taken, room };
}

test("the built program comes compiled", () => {
  const { assemble, taken, room } = enter(resolve("dist/cli"));
  expect([...assemble("a.asm", { files }).bytes]).toEqual(bytes);
  expect(Object.keys(taken)).toContain("assembler.cjs");
  room("program.cjs");
  expect(Object.values(taken)).not.toContain(false);
});

test("who assembles loads neither the machine nor the network", () => {
  const { taken, room } = enter(resolve("dist/cli"));
  room("program.cjs");
  expect(Object.keys(taken)).toEqual(
    expect.not.arrayContaining(["machine.cjs", "net.cjs", "lab.cjs", "yaml.cjs"]),
  );
});

test("where it was not compiled, or by another engine, it is compiled", () => {
  cpSync("dist/cli", folder.at("cli"), { recursive: true });
  rmSync(folder.at("cli/assembler.cjs.compiled"));
  const fresh = enter(folder.at("cli"));
  expect([...fresh.assemble("a.asm", { files }).bytes]).toEqual(bytes);
  writeFileSync(folder.at("cli/assembler.cjs.compiled"), "nothing of V8's");
  // One more line: V8 remembers within a process what it has compiled, and would not look at the file.
  appendFileSync(folder.at("cli/assembler.cjs"), "\n// not the same source");
  const spoiled = enter(folder.at("cli"));
  expect([fresh.taken["assembler.cjs"], spoiled.taken["assembler.cjs"]]).toEqual([false, false]);
  expect([...spoiled.assemble("a.asm", { files }).bytes]).toEqual(bytes);
});
