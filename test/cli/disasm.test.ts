import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const object = (format: string, attributes: [code: string, data: string]): string => `format ${format}
section '.text' ${attributes[0]}
public main
main: mov eax,5
 call twice
 ret
twice: add eax,eax
 ret
public twice
section '.data' ${attributes[1]}
db 5
`;

const program = (format: string): string => `format ${format}
entry start
section '.text' code readable executable
start: xor eax,eax
 ret
section '.data' data readable
db 5
`;

const inElf: [string, string] = ["executable", "writeable"];
const inCoff: [string, string] = ["code readable executable", "data readable writeable"];

/** Assembles a source and disassembles what it makes. */
async function shown(source: string, ...more: string[]): Promise<string> {
  const folder = new Folder();
  const made = folder.at("a.o");
  const { status, err } = await kolibri(["asm", folder.put("a.asm", source), made]);
  expect([status, err]).toEqual([0, expect.anything()]);
  const answer = await kolibri(["disasm", made, ...more]);
  expect([answer.status, answer.err]).toEqual([0, ""]);
  return answer.out;
}

test.each([
  ["ELF", inElf, "ELF object, 32-bit"],
  ["ELF64", inElf, "ELF object, 64-bit"],
  ["COFF", ["code", "data"] as [string, string], "COFF object, 32-bit"],
  ["MS COFF", inCoff, "COFF object, 32-bit"],
  ["MS64 COFF", inCoff, "COFF object, 64-bit"],
])("an object's code with its symbols: %s", async (format, attributes, kind) => {
  expect(await shown(object(format, attributes))).toMatch(
    new RegExp(
      `^; ${kind} code\n\n; .text, 14 bytes\nmain:\n00000000  b8 05 00 00 00 +mov eax,5\n` +
        "00000005  e8 .* call .*\n0000000a  c3 +ret\ntwice:\n0000000b  01 c0 +add eax,eax\n0000000d  c3 +ret\n$",
    ),
  );
});

test.each([
  ["PE", "PE executable, 32-bit"],
  ["PE64", "PE executable, 64-bit"],
  ["PE DLL", "PE library, 32-bit"],
])("a program's code from its entry on: %s", async (format, kind) => {
  const code = "00401000  31 c0 +xor eax,eax\n00401002  c3 +ret\n$";
  expect(await shown(program(format))).toMatch(
    new RegExp(`^; ${kind} code\n\n; .text, 3 bytes\nentry:\n${code}`),
  );
});

test("executables without sections: behind the headers", async () => {
  const elf =
    "format ELF64 executable\nentry x\nsegment readable executable\nx: xor eax,eax\nsegment readable\ndb 5\n";
  expect(await shown(elf)).toMatch(
    /64-bit code\n\n; segment 0, 2 bytes\nentry:\n004000b0 {2}31 c0 +xor eax,eax\n$/,
  );
  const mz = "format MZ\nentry x:y\nsegment x\ndb 90h\ny: int 20h\n";
  expect(await shown(mz)).toMatch(
    /16-bit code\n.*\n; load module.*\n00000000 {2}90 +nop\nentry:\n00000001 {2}cd 20 +int 0x20\n/s,
  );
});

test("a symbol or an address tells where to begin", async () => {
  expect(await shown(object("ELF", inElf), "--from", "twice")).toMatch(
    /\ntwice:\n0000000b {2}.*\n0000000d {2}c3 +ret\n$/,
  );
  expect(await shown(program("PE64"), "--from", "0x401002")).toMatch(
    /\n; .text, 3 bytes\n00401002 {2}c3 +ret\n$/,
  );
});

test("what has been cut short is told in words", async () => {
  const folder = new Folder();
  const whole = folder.at("a.o");
  await kolibri(["asm", folder.put("a.asm", object("ELF64", inElf)), whole]);
  const bytes = [...readFileSync(whole)];
  for (const length of [20, 60, 64, 100, bytes.length >> 1]) {
    const { status, err } = await kolibri(["disasm", folder.put("b.o", bytes.slice(0, length))]);
    expect([length, status, err]).toEqual([
      length,
      2,
      expect.stringMatching(/b\.o: its headers point to|neither a source/),
    ]);
  }
});

test("a source that begins like a header is a source", async () => {
  const { status, out } = await kolibri(["disasm", new Folder().put("a.asm", "MZ = 5\nuse32\nret\n")]);
  expect([status, out]).toEqual([0, expect.stringMatching(/^00000000 {2}c3 +ret\n$/)]);
});

test("--compiled shows what hot code becomes, by steps", async () => {
  const source = new Folder().put(
    "a.asm",
    "use32\norg 0x1000\ncount: add eax,[esi]\ndec ecx\njnz count\nret\n",
  );
  const ir = await kolibri(["disasm", source, "--from", "count", "--compiled", "ir"]);
  expect([ir.status, ir.err]).toEqual([0, ""]);
  expect(ir.out).toMatch(/^b0 0x1000 \d+ instructions, entry\n/);
  const wasm = await kolibri(["disasm", source, "--from", "count", "--compiled", "wasm"]);
  expect([wasm.status, wasm.err]).toEqual([0, ""]);
  expect(wasm.out).toContain("i32.load");
});
