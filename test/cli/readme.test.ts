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

test("the example in the README prints what it says", async () => {
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync("README.md", "utf8"))!;
  const [, body, printed] = /^import .*?\n(.*)^\/\/ (.*?)\n/ms.exec(code!)!;
  const library = await import("../../src/index.ts");
  const said: string[] = [];
  const console = { log: (...words: unknown[]) => said.push(words.join(" ")) };
  new Function("assemble", "Computer", "memoryFiles", "console", body!)(
    library.assemble,
    library.Computer,
    library.memoryFiles,
    console,
  );
  expect(said).toEqual([printed]);
});
