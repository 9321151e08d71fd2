import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { diskFiles, OutputFile, readFile, writeFile } from "../../src/node/index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kolibri-"));
});

test("a file appears whole, when it is finished", () => {
  const path = join(folder, "out.bin");
  const file = new OutputFile(path);
  file.write(new Uint8Array(100_000));
  file.write("end");
  expect(existsSync(path)).toBe(false);
  file.commit();
  expect(statSync(path).size).toBe(100_003);
  expect(readdirSync(folder)).toEqual(["out.bin"]);
});

test("what is discarded leaves what stood there, and nothing beside it", () => {
  const path = join(folder, "out.bin");
  writeFileSync(path, "old");
  const file = new OutputFile(path);
  file.write(new Uint8Array(100_000));
  file.discard();
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder)).toEqual(["out.bin"]);
});

test("a file keeps its mode, and a link stays a link", () => {
  const path = join(folder, "program");
  writeFileSync(path, "old");
  chmodSync(path, 0o750);
  symlinkSync("program", join(folder, "link"));
  writeFile(join(folder, "link"), "new");
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o750);
  expect(readdirSync(folder).sort()).toEqual(["link", "program"]);
});

test("a device is written directly", () => {
  writeFile("/dev/null", "gone");
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("errors are the system's, in words where they are read", () => {
  expect(() => writeFile(folder, "x")).toThrow("is a directory");
  expect(() => writeFile(join(folder, "none", "x"), "x")).toThrow("ENOENT");
  expect(readFile(folder)).toEqual({ error: `${folder} is a directory` });
  expect(readFile("/dev/zero")).toEqual({ error: "/dev/zero is not a file" });
  expect(readFile(join(folder, "none"))).toEqual({ error: `${join(folder, "none")}: no such file` });
});

test("sources are found with either slash, and read once", () => {
  writeFileSync(join(folder, "a.inc"), "one");
  const files = diskFiles(folder);
  const first = files.read(".\\a.inc");
  writeFileSync(join(folder, "a.inc"), "two");
  expect(first && Buffer.from(first).toString()).toBe("one");
  expect(files.read("./a.inc")).toBe(first);
  expect(files.read("none.inc")).toBeUndefined();
  expect(files.read(".")).toBe("directory");
});
