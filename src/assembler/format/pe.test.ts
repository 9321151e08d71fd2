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
