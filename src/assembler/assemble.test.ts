import { expect, test } from "vitest";
import { assemble, explanation, fasmText, memoryFiles } from "./index.ts";

const bytesOf = (source: string, files: Record<string, string> = {}) => {
  const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source, ...files }) });
  if (!result.ok) throw new Error(fasmText(result.diagnostics[0]!));
  return Buffer.from(result.bytes).toString("hex");
};

test("a program with a macro, a structure, a virtual area and a forward jump", () => {
  const source = `
use32
macro mcall number*,[value] {
  common mov eax,number
  forward push value }
struc POINT x,y {
  .x dd x
  .y dd y }
virtual at 0
  offset.a dd ?
  offset.b dd ?
end virtual
start: mcall 5,10,20
  mov eax,[p.y+offset.b]
  jmp @f
  nop
@@: jmp start
p POINT 3,4
`;
  expect(bytesOf(source)).toBe("b8050000006a0a6a14a11b000000eb0190ebed0300000004000000");
});

test("included files are found beside the including file, then in the include directories", () => {
  const files = memoryFiles({
    "src/main.asm": "include 'sub\\one.inc'\ninclude 'two.inc'",
    "src/sub/one.inc": "db 1\ninclude 'near.inc'",
    "src/sub/near.inc": "db 3",
    "lib/two.inc": "db 2",
  });
  const result = assemble("src/main.asm", { files, includes: ["lib"] });
  expect([...result.bytes]).toEqual([1, 3, 2]);
});

test("symbols and lines tell where the bytes came from", () => {
  const source = "use32\norg 0x1000\nmacro two { db 1\n db 2 }\nstart:\n two\nvalue = 5\ncount dd value";
  const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
  expect(result.symbols.value("start")).toBe(0x1000);
  expect(result.symbols.get("count")).toMatchObject({
    name: "count",
    value: 0x1002,
    kind: "label",
    size: 4,
    place: { file: "a.asm", line: 8 },
  });
  expect(result.symbols.get("value")).toMatchObject({ name: "value", value: 5, kind: "constant", size: 0 });
  expect(result.lines.describe(0x1001)).toBe("a.asm:6 (two in a.asm:4)");
  expect(result.lines.describe(0x1002)).toBe("a.asm:8");
});

test("an error inside a macro shows how it came there, as FASM prints it", () => {
  const source = "use32\nmacro bad reg {\n mov reg,[undefined_thing] }\n bad eax\n";
  const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
  expect(result.ok).toBe(false);
  expect(fasmText(result.diagnostics[0]!)).toBe(
    "a.asm [4]:\n bad eax\na.asm [3] bad [1]:\n mov reg,[undefined_thing] }\n" +
      "processed: mov eax,[undefined_thing]\nerror: undefined symbol 'undefined_thing'.\n",
  );
});

test.each([
  ["mov eax,[axe+eax]", "[axe", "axe", "the name of a label"],
  ["dd .none+none", ".none", ".none", "the name of a label"],
  ["db 1,256,2", "256", "256", "a value that fits"],
  ["mvo eax,1", "mvo", "mvo", "mov, perhaps"],
  ["incldue 'x'", "incldue", "incldue", "include, perhaps"],
  ["mov eax,1 2", "2", "2", "the end of the line"],
  ["mov eax,", "", "", "operands that"],
  ["x: mov eax,[ebx+ecx*5] ; why", "[ebx", "[ebx+ecx*5]", "[base+index*scale"],
  ["lock inc [eax]", "[eax]", "[eax]", "a size such as"],
  ["mov cs,ax", "mov", "mov", "operands that the processor"],
  ["align 3", "3", "3", "a power of two"],
  ["db 'abc", "'abc", "'abc", "a quote like"],
])("the cause is shown under the line: %s", (source, at, text, expected) => {
  const [diagnostic] = assemble("a.asm", {
    files: memoryFiles({ "a.asm": `use32\n ${source}\n` }),
  }).diagnostics;
  const column = (at === "" ? source.length : source.indexOf(at.replace("[axe", "axe"))) + 2;
  expect(diagnostic).toMatchObject({ line: 2, column, length: Math.max(1, text.length) });
  expect(diagnostic!.expected).toContain(expected);
  const caret = `${" ".repeat(column + 1)}^${"~".repeat(Math.max(0, text.length - 1))}`;
  expect(explanation(diagnostic!)).toBe(`   ${source}\n${caret}\n  expected: ${diagnostic!.expected}\n`);
});

test("a listing shows addresses, bytes, lines, and macros by a mark", () => {
  const source =
    "use32\norg 100h\nmacro two { db 1\n db 2 }\n two\nvirtual at 5\nx dd ?\nend virtual\ndb 50 dup 7\n";
  const { listing } = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
  expect(listing).toBe(`\
 00000000                    use32
 00000000                    org 100h
 00000100  01                +macro two { db 1
 00000101  02                + db 2 }
 00000102                    virtual at 5
[00000005]                   x dd ?
[00000009]                   end virtual
 00000102  0707070707070707  db 50 dup 7
 0000010a  0707070707070707
 00000112  0707070707070707
 0000011a  0707070707070707
           … 18 more
`);
});

test.each([
  ["an endless while", "while 1\ndb 0\nend while", "out of memory"],
  ["an endless repeat", "repeat 0FFFFFFFFh\ndd $\nend repeat", "out of memory"],
  ["endless times", "times 0FFFFFFFFh nop", "out of memory"],
  ["a huge reservation", "rb 0FFFFFFFFh", "out of memory"],
  ["huge data", "dd 0FFFFFFFFh dup 1", "out of memory"],
  ["a runaway rept", "rept 1000000000 n { dd n }", "out of memory"],
  ["a file that includes itself", "include 'a.asm'", "out of stack space"],
])("%s ends with an error in bounded memory", { timeout: 60_000 }, (_, source, text) => {
  const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source }), maxMemory: 1 << 20 });
  expect(result.diagnostics[0]?.text).toBe(text);
});

const chain = (count: number, line: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => line(n));

test.each<[string, Record<string, string>]>([
  ["repetitions", { "a.asm": `${"times 1 ".repeat(3500)}db 5` }],
  [
    "expansions",
    { "a.asm": [...chain(450, (n) => `macro m${n} { m${n + 1} }`), "macro m450 { db 5 }", "m0"].join("\n") },
  ],
  [
    "files",
    {
      "a.asm": "include '0'",
      ...Object.fromEntries(chain(600, (n) => `include '${n + 1}'`).map((text, n) => [n, text])),
      "600": "db 5",
    },
  ],
])("hundreds of %s in one another have room", (_, files) => {
  const { bytes, diagnostics } = assemble("a.asm", { files: memoryFiles(files) });
  expect(diagnostics).toEqual([]);
  expect([...bytes]).toEqual([5]);
});

test.each(["while 1\nend while", "x = 1\nwhile x\ny = x+2\nif y = 4\nbreak\nend if\nend while"])(
  "a while that makes nothing ends too: %j",
  (source) => {
    const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
    expect(result.diagnostics[0]?.text).toBe("too many repeats");
  },
);

test.each([
  ["its counter is looked at", "while % < 100\nend while\ndb 7"],
  ["a constant grows", "x = 0\nwhile x < 100\nx = x+1\nend while\ndb 7"],
  [
    "a constant goes through a circle before",
    "x = 1\nn = 0\nwhile n < 20\nx = 3-x\nn = n+x-1\nend while\ndb 7",
  ],
])("a while goes on while %s", (_, source) => {
  const result = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
  expect(result.diagnostics).toEqual([]);
  expect([...result.bytes]).toEqual([7]);
});

test.each([
  ["the address of its first byte", "org 0x1000\nnop", 0x1000],
  ["0 where nothing is said", "nop\norg 0x1000\nnop", 0],
  [
    "what the first byte believes, whatever comes later",
    "virtual at 5\ndb 1\nend virtual\norg 64\nnop\norg 9\nnop",
    64,
  ],
])("a flat program's origin is %s", (_, source, origin) => {
  expect(assemble("a.asm", { files: memoryFiles({ "a.asm": source }) }).image?.origin).toBe(origin);
});

test("an assembly tells how far it has come", () => {
  const told: string[] = [];
  const files = memoryFiles({ "a.asm": `${"nop\n".repeat(20_000)}db x\nx = 1` });
  const { passes } = assemble("a.asm", {
    files,
    onProgress: (phase, lines, pass) => told.push(`${phase} ${lines} ${pass}`),
  });
  const times = (text: string) => [1, 2].map((n) => `${text.replace("#", String(n * 8192))}`);
  expect(passes).toBe(2);
  expect(told).toEqual([
    ...times("preprocessing # 0"),
    ...times("parsing # 0"),
    ...times("assembling # 1"),
    ...times("assembling # 2"),
  ]);
});

test("what an earlier pass let through is still refused in the last", () => {
  const files = memoryFiles({ "a.asm": "use32\ndd a\njmp b\na:\nret x\nrb 200\nb:\nx = -1" });
  expect(assemble("a.asm", { files }).diagnostics[0]).toMatchObject({ text: "value out of range", line: 5 });
});

test("files in memory are found by any path that leads to them", () => {
  const files = memoryFiles({
    "a/main.asm": "include '../b/./one.inc'",
    "b\\one.inc": "include '..\\c.inc'",
    "./c.inc": "db 3",
  });
  expect([...assemble("a/main.asm", { files }).bytes]).toEqual([3]);
  expect(assemble("/a/main.asm", { files }).diagnostics[0]!.text).toBe("source file not found");
});
