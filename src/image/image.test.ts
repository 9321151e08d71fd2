import { describe, expect, test } from "vitest";
import { type Header, imageFrom, LineMap, rawImage, readHeader, Symbols, writeHeader } from "./index.ts";

const header: Header = {
  variant: "MENUET01",
  version: 1,
  entry: 0x24,
  imageEnd: 0x100,
  memorySize: 0x2000,
  stackTop: 0x2000,
  parameters: 0x110,
  path: 0x210,
};

describe("application header", () => {
  test("what is written reads back the same", () => {
    expect(readHeader(writeHeader(header))).toEqual(header);
  });
  test.each([
    ["empty file", new Uint8Array(), "does not begin with MENUET01"],
    ["other magic", new TextEncoder().encode("MENUET00".padEnd(64)), '"MENUET00" is not supported'],
    ["cut short", writeHeader(header).subarray(0, 0x20), "32 bytes, 36 needed"],
    ["too much memory", writeHeader({ ...header, memorySize: 0x8000_0000 }), "the limit is 2 GiB"],
    ["image above memory", writeHeader({ ...header, imageEnd: 0x2001 }), "is above the memory size"],
    ["entry outside", writeHeader({ ...header, entry: 0x2000 }), "entry 0x2000 is outside"],
  ])("%s is refused", (_, bytes, message) => {
    const result = imageFrom(bytes);
    expect("error" in result && result.error).toContain(message);
  });
});

test("a raw image has its stack in whole pages behind it", () => {
  const image = rawImage(new Uint8Array(5), { origin: 0x1000, stackSize: 100 });
  expect(image).toMatchObject({ origin: 0x1000, entry: 0x1000, memorySize: 0x3000, stackTop: 0x3000 });
});

test("an address is described by the nearest label below it", () => {
  const symbols = new Symbols([
    { name: "main", value: 0x24, kind: "label", size: 0 },
    { name: "LIMIT", value: 0x26, kind: "constant", size: 0 },
    { name: "main.loop", value: 0x30, kind: "label", size: 0 },
  ]);
  expect([0x10, 0x24, 0x28, 0x33].map((a) => symbols.describe(a))).toEqual([
    "0x10",
    "main",
    "main+0x4",
    "main.loop+0x3",
  ]);
});

test("a line map finds the line, and the line that invoked a macro", () => {
  const lines = new LineMap([
    { file: "b.inc", line: 3, address: 4, length: 2, trail: [{ file: "a.asm", line: 9, macro: "pair" }] },
    { file: "a.asm", line: 1, address: 0, length: 4 },
    { file: "a.asm", line: 2, address: 4, length: 0 },
  ]);
  expect([0, 3, 4, 6].map((a) => lines.describe(a))).toEqual([
    "a.asm:1",
    "a.asm:1",
    "a.asm:9 (pair in b.inc:3)",
    undefined,
  ]);
});
