import { expect, test } from "vitest";
import { assemble, type Correction, corrected, memoryFiles } from "./index.ts";

const files = memoryFiles({ "dir/listing.asm": "db 1\ndb 2\n  db 3 \ndb nothing" });
const correction: Correction = {
  id: "two",
  title: "Two is four",
  why: "2 is too small",
  file: "listing.asm",
  line: 2,
  was: "db 2",
  becomes: ["db 4", "db 5"],
};
const last: Correction = { ...correction, id: "last", line: 4, was: "db nothing", becomes: [] };

test("a chosen correction changes its line, and the others keep their printed numbers", () => {
  const result = assemble("dir/listing.asm", { files: corrected(files, [correction, last], ["two"]) });
  expect(result.diagnostics[0]).toMatchObject({ line: 4, source: "db nothing" });
  const both = assemble("dir/listing.asm", { files: corrected(files, [correction, last], ["two", "last"]) });
  expect([...both.bytes]).toEqual([1, 4, 5, 3]);
  expect([0, 1, 2, 3].map((at) => both.lines.at(at)?.line)).toEqual([1, 2, 2, 3]);
});

test.each([
  ["an unknown id", () => corrected(files, [correction], ["three"]), "unknown correction: three"],
  [
    "another line",
    () => corrected(files, [{ ...correction, was: "db 7" }], ["two"]).read("dir/listing.asm"),
    'correction two expects dir/listing.asm [2] to be "db 7", but it is "db 2"',
  ],
  [
    "a missing line",
    () => corrected(files, [{ ...correction, line: 99 }], ["two"]).read("dir/listing.asm"),
    "correction two changes dir/listing.asm [99], which is not there",
  ],
  [
    "two for one line",
    () => corrected(files, [correction, { ...correction, id: "b" }], ["two", "b"]).read("dir/listing.asm"),
    "corrections two and b both change dir/listing.asm [2]",
  ],
])("%s is refused", (_, act, message) => {
  expect(act).toThrow(message);
});
