import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
// @ts-expect-error: a plain script
import { readme } from "../../scripts/readme.mjs";
import { needBuild } from "./build.ts";

beforeAll(needBuild);

test("the commands in the README say what stands below them", () => {
  const { text, fresh } = readme();
  expect(fresh, "renew it: node scripts/readme.mjs").toBe(text);
  expect(text.match(/```console/g)!.length).toBeGreaterThan(4);
});

test("the test in the README passes", async () => {
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync("README.md", "utf8"))!;
  const { assemble, Computer, memoryFiles } = await import("../../src/index.ts");
  const names: string[] = [];
  const run = (name: string, body: () => void): void => {
    names.push(name);
    body();
  };
  expect.assertions(2);
  new Function(
    "assemble",
    "Computer",
    "memoryFiles",
    "expect",
    "test",
    code!.replaceAll(/^import .*\n/gm, ""),
  )(assemble, Computer, memoryFiles, expect, run);
  expect(names).toHaveLength(1);
});
