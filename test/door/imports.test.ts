import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Who may look into whom. A room is a folder of src/, or a file that stands there alone. */
const table: Record<string, string[]> = {
  base: [],
  isa: ["base"],
  image: ["base"],
  net: ["base"],
  assembler: ["base", "isa", "image"],
  machine: ["base", "isa", "image"],
  kernel: ["base", "image", "machine", "net"],
  debug: ["base", "isa", "image", "machine", "kernel"],
  "world.ts": ["base", "kernel", "net"],
  "returns.ts": ["machine"],
  "computer.ts": ["base", "image", "machine", "kernel", "net", "world.ts", "returns.ts"],
  lab: ["base", "image", "machine", "kernel", "net", "world.ts", "computer.ts"],
  "index.ts": [
    "base",
    "isa",
    "image",
    "assembler",
    "machine",
    "net",
    "kernel",
    "debug",
    "world.ts",
    "computer.ts",
    "lab",
  ],
  node: [
    "base",
    "isa",
    "image",
    "assembler",
    "machine",
    "net",
    "kernel",
    "debug",
    "world.ts",
    "computer.ts",
    "lab",
    "index.ts",
  ],
};

const src = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "src");

interface Import {
  /** Path of the importing file, from src/. */
  file: string;
  from: string;
}

function imports(): Import[] {
  const found: Import[] = [];
  for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, "utf8").replaceAll(/\/\*.*?\*\//gs, ""); // examples in comments are no imports
    for (const [, from] of text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)"([^"]+)"/gm)) {
      found.push({ file: relative(src, path), from: from! });
    }
  }
  return found;
}

const room = (path: string) => path.split(sep)[0]!;
const target = ({ file, from }: Import) => relative(src, join(src, dirname(file), from));
const all = imports();
const told = (wrong: Import[]) => wrong.map(({ file, from }) => `${file} imports ${from}`);

test("there are imports to look at", () => {
  expect(all.length).toBeGreaterThan(20);
});

test("rooms look only into the rooms below them", () => {
  const wrong = all.filter((entry) => {
    const [own, other] = [room(entry.file), room(target(entry))];
    return entry.from.startsWith(".") && own !== other && other !== ".." && !table[own]?.includes(other);
  });
  expect(told(wrong)).toEqual([]);
});

test("from outside, a room is entered by a door", () => {
  const wrong = all.filter((entry) => {
    const to = target(entry);
    const away = entry.from.startsWith(".") && room(entry.file) !== room(to) && room(to) !== "..";
    return away && to.includes(sep) && !/(^|\/)index\.ts$/.test(to.replaceAll(sep, "/"));
  });
  expect(told(wrong)).toEqual([]);
});

test("from inside, a room's own door is not used", () => {
  const wrong = all.filter(
    (entry) => entry.from.startsWith(".") && target(entry) === join(room(entry.file), "index.ts"),
  );
  expect(told(wrong.filter(({ file }) => file !== "index.ts"))).toEqual([]);
});

/** Packages, each with the one file that may know it. */
const packages: Record<string, string> = { koffi: "node/tap.ts", yaml: "node/cli/lab-file.ts" };

test("only node knows Node, and nothing else comes from outside but where it is listed", () => {
  const wrong = all.filter((entry) => {
    if (entry.from.startsWith(".")) return false;
    if (packages[entry.from] === entry.file.replaceAll(sep, "/")) return false;
    return room(entry.file) !== "node" || !entry.from.startsWith("node:");
  });
  expect(told(wrong)).toEqual([]);
});
