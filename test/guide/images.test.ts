import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { corrections, program } from "./programs.ts";

/** Our assembler against what fasm made of the same sources. */
const images = new URL("../../fixtures/guide/images/", import.meta.url);

interface Recorded {
  size: number;
  sha256: string;
}

const { programs, corrections: single } = JSON.parse(
  readFileSync(new URL("images.json", images), "utf8"),
) as {
  programs: Record<string, { printed: Recorded; corrected: Recorded }>;
  corrections: Record<string, { alone: Recorded; without: Recorded }>;
};

const all = corrections.map(({ id }) => id);

const summary = (source: string, ids: readonly string[]): Recorded => {
  const { bytes } = program(source, ids);
  return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
};

describe.each(Object.keys(programs))("%s", (source) => {
  const name = source.replace(/^asm\/(guide\/)?/, "").replace(".asm", "");
  test.each([
    ["printed", []],
    ["corrected", all],
  ] as const)("%s: the same bytes as fasm's", (version, ids) => {
    const recorded = new Uint8Array(readFileSync(new URL(`${name}.${version}.bin`, images)));
    expect(Buffer.compare(program(source, ids).bytes, recorded)).toBe(0);
    expect(summary(source, ids)).toEqual(programs[source]![version]);
  });
});

describe("asm/guide/listings.asm: the same bytes as fasm's", () => {
  test("every correction is recorded", () => {
    expect(Object.keys(single)).toEqual(all);
  });

  test.each(all)("with %s alone, and with all the others", (id) => {
    const others = all.filter((other) => other !== id);
    expect(summary("asm/guide/listings.asm", [id])).toEqual(single[id]!.alone);
    expect(summary("asm/guide/listings.asm", others)).toEqual(single[id]!.without);
  });
});
