import { describe, expect, test } from "vitest";
import { latin1 } from "../base/index.ts";
import { assemble, type Correction, corrected, memoryFiles } from "./index.ts";

const files = memoryFiles({
  "main.asm": "include 'print/text.inc'\n",
  "print/text.inc": "db 1\r\ndb 2\r\ndb 3\r\nerr\r\n",
});
const corrections: Correction[] = [
  {
    id: "two",
    title: "Two is more",
    why: "it is",
    edits: [{ file: "print/text.inc", line: 2, was: "db 2", becomes: ["db 20", "db 21"] }],
  },
  {
    id: "end",
    title: "It does not end",
    why: "it should",
    edits: [
      { file: "print/text.inc", line: 1, was: "db 1", becomes: [] },
      { file: "print/text.inc", line: 4, was: "err", becomes: ["db 40"] },
    ],
  },
];
const build = (chosen?: string[]) => assemble("main.asm", { files: corrected(files, corrections, chosen) });

test("all corrections, or those chosen", () => {
  expect([...build().bytes]).toEqual([20, 21, 3, 40]);
  expect([...build(["end"]).bytes]).toEqual([2, 3, 40]);
});

test("lines keep their printed numbers", () => {
  const { diagnostics } = build(["two"]);
  expect(diagnostics).toMatchObject([{ file: expect.stringContaining("text.inc"), line: 4, source: "err" }]);
  const { lines } = build();
  expect([0, 1, 2, 3].map((address) => lines.at(address)?.line)).toEqual([2, 2, 3, 4]);
});

test("other files, line ends and bytes stay", () => {
  const all = corrected(files, corrections, ["end"]);
  const text = all.read("print/text.inc") as { bytes: Uint8Array };
  expect(latin1(text.bytes)).toBe("db 2\r\ndb 3\r\ndb 40\r\n");
  expect(all.read("main.asm")).toBe(files.read("main.asm"));
});

test("a file is known by the end of its path, whichever way leads there", () => {
  const anywhere = { read: () => Uint8Array.of(0x64, 0x62, 0x20, 0x32) };
  const edit = { file: "print/text.inc", line: 1, was: "db 2", becomes: [] };
  const all = corrected(anywhere, [{ id: "x", title: "", why: "", edits: [edit] }]);
  for (const path of ["/a/b/../print/text.inc", "..\\print\\.\\text.inc", "print/text.inc"]) {
    expect(all.read(path), path).toMatchObject({ bytes: new Uint8Array() });
  }
  expect(all.read("reprint/text.inc")).toBeInstanceOf(Uint8Array);
});

describe("a list that does not fit is refused", () => {
  const edit = (change: object): Correction[] => [
    { ...corrections[0]!, edits: [{ ...corrections[0]!.edits[0]!, ...change }] },
  ];
  test.each<[string, Correction[], string]>([
    ["another line", edit({ was: "db 9" }), 'print/text.inc:2 is not what its correction says: "db 9"'],
    ["no such line", edit({ line: 99 }), "has no line 99"],
    ["twice", [...edit({}), { ...edit({})[0]!, id: "again" }], "print/text.inc:2 is corrected twice"],
  ])("%s", (_, list, message) => {
    expect(() => corrected(files, list).read("print/text.inc")).toThrow(message);
  });
  test("an id that is not there", () => {
    expect(() => corrected(files, corrections, ["three"])).toThrow("there is no correction three");
  });
});
