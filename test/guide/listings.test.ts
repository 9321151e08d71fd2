import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const guide = new URL("../../fixtures/guide/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, guide), "latin1");

test("the listings are those of the guide, byte for byte", () => {
  const hash = (name: string): string => createHash("sha256").update(read(name), "latin1").digest("hex");
  expect([1, 2, 3].map((n) => hash(`listing-${n}.asm`))).toEqual([
    "2b651c6a26eea2f3842df440e30f73a60f7d997f7e2a05455ad98172d65a8512",
    "ec0e7d266c5bdab268eeb7f039c1696c5b7ab40ad4ad48d005384ef100fb1064",
    "0bb33ca452d187b11219f2e66fffd075fb862165f7861e79ebdb24aca0fcef63",
  ]);
});

interface Correction {
  id: string;
  routine: string;
  title: string;
  why: string;
  edits: { file: string; line: number; was: string; becomes: string[] }[];
}

describe("corrections.json", () => {
  const file = new URL("../../asm/guide/corrections.json", import.meta.url);
  const corrections = JSON.parse(readFileSync(file, "latin1")) as Correction[];

  test("names each correction once, in the order of the listings", () => {
    const places = corrections.map(
      ({ edits }) => `${edits[0]!.file}:${`${edits[0]!.line}`.padStart(4, "0")}`,
    );
    expect(new Set(corrections.map(({ id }) => id)).size).toBe(corrections.length);
    expect(places).toEqual(places.toSorted());
  });

  test("quotes the lines it changes, none of them twice", () => {
    const changed = new Set<string>();
    for (const { edits } of corrections) {
      for (const { file, line, was } of edits) {
        expect(changed).not.toContain(`${file}:${line}`);
        changed.add(`${file}:${line}`);
        expect(read(file.replace("fixtures/guide/", "")).split("\n")[line - 1]).toBe(was);
      }
    }
  });

  test("is what ERRATA.md shows", () => {
    const folder = mkdtempSync(join(tmpdir(), "errata-"));
    try {
      const script = fileURLToPath(new URL("../../scripts/errata.mjs", import.meta.url));
      spawnSync(process.execPath, [script, join(folder, "list")]);
      const shown = readFileSync(new URL("../../asm/guide/ERRATA.md", import.meta.url), "utf8");
      expect(readFileSync(join(folder, "list"), "utf8")).toBe(shown);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("says for each in which routine it is", () => {
    for (const { routine, edits } of corrections) {
      for (const { file, line } of edits) {
        const before = read(file.replace("fixtures/guide/", "")).split("\n").slice(0, line);
        expect(before.findLast((text) => /^\w+:/.test(text))).toBe(`${routine}:`);
      }
    }
  });
});

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).error === undefined;
const links = spawnSync("cc", ["-x", "c", "-", "-o", "/dev/null", "-lunicorn"], {
  input: "#include <unicorn/unicorn.h>\nint main(void) { return uc_version(0, 0) == 0; }",
});
const present = has("fasm") && links.status === 0;

test.skipIf(!present)("fasm and Unicorn (cc, libunicorn) still say what is recorded", () => {
  const folder = mkdtempSync(join(tmpdir(), "recorded-"));
  try {
    const record = fileURLToPath(new URL("oracle/record.mjs", import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [record, folder], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    for (const kind of ["images", "traces/printed", "traces/corrected"]) {
      const names = readdirSync(join(folder, kind));
      expect(names.toSorted()).toEqual(readdirSync(new URL(kind, guide)).toSorted());
      for (const name of names) {
        expect(readFileSync(join(folder, kind, name), "latin1")).toBe(read(`${kind}/${name}`));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
