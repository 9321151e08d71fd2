import { expect, test } from "vitest";
import { assemble } from "../index.ts";

const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

/** A program, and what fasm 1.73.30 puts before the PE header for `on` this program. */
const stubs: readonly [name: string, program: string, stub: string][] = [
  [
    "a .com program",
    "b409cd216162636465",
    "4d5a5000010000000400ff0ffffff0fffeff00000001f0ff400000000000000000000000000000000000000000000000" +
      "00000000000000000000000050000000b409cd21616263646500000000000000",
  ],
  [
    "an MZ program with relocations",
    "4d5a44000100020003000001ffff020000100000000000001c0000000100000004000000000000000000000000000000" +
      "b80100ba00000000000000000000000000000000",
    "4d5a68000100020005000001ffff02000010000000000000400000000000000000000000000000000000000000000000" +
      "0000000000000000000000006800000001000000040000000000000000000000b80100ba000000000000000000000000" +
      "0000000000000000",
  ],
];

test.each(stubs)("the stub is %s", (_, program, stub) => {
  const source = new TextEncoder().encode("format PE on 'stub'\nentry $\nret\n");
  const files = {
    read: (path: string) => (path === "a.asm" ? source : path === "stub" ? hex(program) : undefined),
  };
  const { bytes } = assemble("a.asm", { files });
  const length = stub.length / 2;
  expect(Buffer.from(bytes.subarray(0, length)).toString("hex")).toBe(stub);
  expect([...bytes.subarray(length, length + 4)]).toEqual([0x50, 0x45, 0, 0]);
});

test("a stub that is not there is an error", () => {
  const source = new TextEncoder().encode("format PE on 'stub'\n");
  const { diagnostics } = assemble("a.asm", {
    files: { read: (path) => (path === "a.asm" ? source : undefined) },
  });
  expect(diagnostics[0]).toMatchObject({ text: "file not found", line: 1 });
});

/** Resources of named and numbered types and names, some in two languages, and the section fasm makes of them. */
const resources =
  "0000000020000000ffff0000ffff0000000000000000000000000000000000000500000024000000ffff0a005a004500" +
  "4400000000000000300009000000000000000000616263646500000002000000280000004b0049004e0044000000ffff" +
  "0700000000000000300000000000000000000000787900000400000020000000ffff0a00ffff03000000000030000900" +
  "0000000000000000313233340100000020000000ffff0a00ffff03000000000030000700000000000000000071000000" +
  "000000002400000041004e005900000042000000000000003000000000000000000000000600000024000000ffff0a00" +
  "4100420043000000000000003000000000000000000000007777777777770000";
const resourceAnswer =
  "00000000000000000000000002000100000100802800008008010080400000800a000000580000800000000000000000" +
  "000000000100000012010080800000800000000000000000000000000000010007000000980000800000000000000000" +
  "000000000200010016010080b00000801e010080c800008003000000e000008000000000000000000000000000000100" +
  "000000002801000000000000000000000000000000000100000000003801000000000000000000000000000000000100" +
  "000000004801000000000000000000000000000000000100090000005801000000000000000000000000000000000200" +
  "07000000680100000900000078010000030041004e00590004004b0049004e0044000100420003004100420043000300" +
  "5a0045004400000088110000000000000000000000000000881100000200000000000000000000008c11000006000000" +
  "0000000000000000941100000500000000000000000000009c110000010000000000000000000000a011000004000000" +
  "000000000000000078790000777777777777000061626364650000007100000031323334";

test("resources come out of a file", () => {
  const source = new TextEncoder().encode("format PE\nsection '.rsrc' resource from 'r.res' data readable\n");
  const read = (path: string) => (path === "a.asm" ? source : path === "r.res" ? hex(resources) : undefined);
  const { bytes } = assemble("a.asm", { files: { read } });
  const section = Buffer.from(bytes.subarray(0x200)).toString("hex");
  expect(section.replace(/(00)*$/, "")).toBe(resourceAnswer);
});

test("a file of resources may end within the data of the last one", () => {
  const source = new TextEncoder().encode("format PE\nsection '.rsrc' resource from 'r.res' data readable\n");
  const cut = hex(resources).subarray(0, -5);
  const read = (path: string) => (path === "a.asm" ? source : path === "r.res" ? cut : undefined);
  const { bytes } = assemble("a.asm", { files: { read } });
  const section = Buffer.from(bytes.subarray(0x200)).toString("hex");
  expect(section.replace(/(00)*$/, "")).toBe(resourceAnswer.replace("777777777777", "777777000000"));
});

test("a resource of many bytes that are not there is too much", () => {
  const source = new TextEncoder().encode("format PE\nsection '.rsrc' resource from 'r.res' data readable\n");
  const long = hex(resources);
  long[35] = 0x40; // 1 GiB of data
  const read = (path: string) => (path === "a.asm" ? source : long);
  const { diagnostics } = assemble("a.asm", { files: { read } });
  expect(diagnostics[0]).toMatchObject({ text: "out of memory" });
});

test("a file that holds no resources is an error", () => {
  const source = new TextEncoder().encode("format PE\nsection '.rsrc' resource from 'a.asm' data readable\n");
  const { diagnostics } = assemble("a.asm", { files: { read: () => source } });
  expect(diagnostics[0]).toMatchObject({ text: "invalid file format", line: 2 });
});
