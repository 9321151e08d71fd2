import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hostRequirements } from "./host-requirements.ts";
import { type Row, recommendations, requirements } from "./requirements.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const below = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
const tests = [...below("src/net"), ...below("test/network")]
  .filter((name) => name.endsWith(".test.ts") && !name.endsWith("requirements.test.ts"))
  .map((name) => readFileSync(join(root, name), "utf8"))
  .join("\n");
const timelines = new Set(readdirSync(join(root, "test/network/timelines")));

/** As the name of a test, or of a row that a test is made of. */
const exists = (name: string): boolean =>
  timelines.has(name) || tests.includes(`("${name}"`) || tests.includes(`["${name}"`);

test("every MUST of RFC 9293 stands here once, in order", () => {
  expect(requirements.map(({ must }) => must)).toEqual(Array.from({ length: 69 }, (_, i) => i + 1));
});

test("and every SHOULD", () => {
  expect(recommendations.map(({ should }) => should)).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
});

const all: readonly (readonly [string, Row])[] = [
  ...requirements.map((each) => [`RFC 9293 MUST-${each.must}`, each] as const),
  ...recommendations.map((each) => [`RFC 9293 SHLD-${each.should}`, each] as const),
  ...hostRequirements.map((each) => ["RFC 1122", each] as const),
];

test.each(all.map(([what, each]) => [what, each.section, each.demand, each.shownBy] as const))(
  "%s (%s): %s",
  (_what, _section, _demand, shownBy) => {
    expect(shownBy.length).toBeGreaterThan(0);
    expect(shownBy.filter((name) => !exists(name))).toEqual([]);
  },
);

test("the tests that the list of promises names are there", () => {
  const [, list = ""] = /## The network, promise by promise([\s\S]*?)\n## /.exec(
    readFileSync(join(root, "test/README.md"), "utf8"),
  )!;
  const named = Array.from(list.matchAll(/`([\w/.-]+\.ts)`/g), ([, name]) => name!);
  expect(named.length).toBeGreaterThan(50);
  const place = (name: string): string => join(root, name.startsWith("net/") ? "src" : "test", name);
  expect(named.filter((name) => !existsSync(place(name)))).toEqual([]);
});
