import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OP } from "./op.ts";

test("the loop has one arm for each operation, under its number", () => {
  const source = readFileSync(new URL("interpret.ts", import.meta.url), "utf8");
  const arms = [...source.matchAll(/case (\d+):\s*\{?\s*\/\/ (\w+)/g)].map(([, number, name]) => [
    name,
    Number(number),
  ]);
  expect(Object.fromEntries(arms)).toEqual(OP);
  expect(arms.length).toBe(Object.keys(OP).length);
});
