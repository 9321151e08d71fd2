import { appendFileSync, copyFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { memoryFiles } from "../../src/assembler/index.ts";
import { loadAssembler } from "../../src/node/cli/assembler.ts";
import { compiled as compiledPart } from "../../src/node/cli/compiled.ts";
import { needBuild } from "./build.ts";
import { Folder } from "./folder.ts";

beforeAll(needBuild);
const folder = new Folder();

type Assembler = typeof import("../../src/assembler/index.ts");
const compiled = (place: URL) => compiledPart<Assembler>(place, "assembler");
const files = memoryFiles({ "a.asm": "use32\nmov eax,[ebx+5]" });
const bytes = [0x8b, 0x43, 5];

test("the built program's assembler comes compiled", () => {
  const { room, accepted } = compiled(pathToFileURL("dist/cli/"))!;
  expect(accepted).toBe(true);
  expect([...room.assemble("a.asm", { files }).bytes]).toEqual(bytes);
});

test("and so do its commands", () => {
  expect(compiledPart(pathToFileURL("dist/cli/"), "kolibri")!.accepted).toBe(true);
});

test("where it was not compiled, or by another engine, it is compiled", () => {
  copyFileSync("dist/cli/assembler.cjs", folder.at("assembler.cjs"));
  const place = pathToFileURL(`${folder.path}/`);
  const fresh = compiled(place)!;
  expect([...fresh.room.assemble("a.asm", { files }).bytes]).toEqual(bytes);
  writeFileSync(folder.at("assembler.cjs.compiled"), "nothing of V8's");
  // One more line: V8 remembers within a process what it has compiled, and would not look at the file.
  appendFileSync(folder.at("assembler.cjs"), "\n// not the same source");
  const spoiled = compiled(place)!;
  expect([fresh.accepted, spoiled.accepted]).toEqual([false, false]);
  expect([...spoiled.room.assemble("a.asm", { files }).bytes]).toEqual(bytes);
});

test("the source tree's is the source's", async () => {
  const { assemble } = await loadAssembler();
  expect(assemble).toBe((await import("../../src/assembler/index.ts")).assemble);
});
