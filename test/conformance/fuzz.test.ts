import { expect, test } from "vitest";
import { Folder } from "../cli/folder.ts";
import { kolibri } from "../cli/io.ts";
import { randomCode, randomImage, strangeImage } from "./fuzz.ts";

/** Runs 0 … count - 1, and what was wrong with them. */
function all(count: number, run: (seed: number) => string | undefined): string[] {
  const wrong: string[] = [];
  for (let seed = 0; seed < count; seed++) {
    const found = run(seed);
    if (found !== undefined) wrong.push(`seed ${seed}: ${found}`);
  }
  return wrong;
}

test.each(["interpreter", "compiled"] as const)(
  "random bytes as code end, and change nothing that they may not: %s",
  (engine) => {
    expect(all(60, (seed) => randomCode(seed, engine))).toEqual([]);
  },
);

test("an image with any header is refused in words, or runs", () => {
  expect(all(200, strangeImage)).toEqual([]);
});

test("the command line says what is wrong with an image, without a trace of its own", async () => {
  const folder = new Folder();
  for (let seed = 0; seed < 24; seed++) {
    const path = folder.put("strange.kex", [...randomImage(seed)]);
    const { status, err } = await kolibri(["run", path, "--max-instructions", "300"]);
    expect([seed, status]).toEqual([seed, expect.toSatisfy((value) => [0, 1, 2].includes(value))]);
    expect(err).not.toMatch(/\bat .*\.ts:\d|TypeError|RangeError/);
  }
});
