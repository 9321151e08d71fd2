import { expect, test } from "vitest";
import { assemble, fasmText, memoryFiles } from "./index.ts";

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
  expect(result.symbols.get("count")).toEqual({ name: "count", value: 0x1002, kind: "label", size: 4 });
  expect(result.symbols.get("value")).toEqual({ name: "value", value: 5, kind: "constant", size: 0 });
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
