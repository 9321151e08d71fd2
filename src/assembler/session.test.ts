import { expect, test, vi } from "vitest";
import { editOwn, everything } from "../../test/conformance/assembler/edits.ts";
import { Assembler } from "./assemble.ts";
import { AssemblySession, assemble, memoryFiles } from "./index.ts";

test.each([1, 2, 3, 4])("random edits, seed %i: every answer is that of a new assembly", (seed) => {
  const { difference, reused, right } = editOwn(seed, 30);
  expect(difference).toBeUndefined();
  expect(reused).toBeGreaterThan(10);
  expect(right).toBeGreaterThan(5);
});

test("a file that appears, and one that another takes precedence over, are found", () => {
  const filler = `${"nop\n".repeat(50)}`;
  const session = new AssemblySession("a.asm", { includes: ["lib"] }, 10);
  const main = `${filler}include 'b.inc'\n${filler}`;
  const missing = session.assemble(memoryFiles({ "a.asm": main }));
  expect(missing.diagnostics[0]?.text).toBe("file not found");
  const far = session.assemble(memoryFiles({ "a.asm": main, "lib/b.inc": "db 1" }));
  expect([far.bytes[50], session.reused]).toEqual([1, 50]);
  const near = session.assemble(memoryFiles({ "a.asm": main, "lib/b.inc": "db 1", "b.inc": "db 2" }));
  // … and the lines from the next place on where it could have begun again.
  expect([near.bytes[50], session.reused]).toEqual([2, 93]);
  session.assemble(memoryFiles({ "a.asm": `${main} ret`, "lib/b.inc": "db 1", "b.inc": "db 2" }));
  expect(session.reused).toBe(100);
});

test("lines behind a change are taken over, unless a definition has changed", () => {
  const main = (line: string, size: number) =>
    memoryFiles({
      "a.asm": `${line}\ninclude 'b.inc'\nsize equ ${size}\nmacro m { dd size }\n${"m\n".repeat(50)}last: dd __FILE__`,
      // Its last line includes another: it is read to its end while that is read.
      "b.inc": "nop\ninclude 'c.inc'",
      "c.inc": "nop\n".repeat(30),
    });
  const session = new AssemblySession("a.asm", { references: true }, 10);
  const reused = (files: ReturnType<typeof main>) => {
    const answer = session.assemble(files);
    expect(everything(answer)).toEqual(everything(assemble("a.asm", { files, references: true })));
    return session.reused;
  };
  expect(reused(main("db 1", 4))).toBe(0);
  expect(reused(main("db 2", 4))).toBeGreaterThan(100);
  expect(reused(main("mov eax,[last]\nnop", 4))).toBeGreaterThan(100);
  expect(reused(main("mov eax,[last]\nnop", 5))).toBeLessThan(40);
  expect(reused(main("; nothing", 5))).toBeGreaterThan(100);
  // The line's number in what is behind is another.
  const asks = (line: string) => memoryFiles({ "a.asm": `${line}\n${"nop\n".repeat(50)}dd __LINE__` });
  session.assemble(asks("db 1"));
  expect(reused(asks("db 2"))).toBeGreaterThan(30);
  expect(reused(asks("db 2\ndb 3"))).toBe(0);
});

test("passes are made again only when something but lines has come or gone", () => {
  const files = (line: string, data: string) =>
    memoryFiles({
      "a.asm": `use32\n${line}\n${"nop\n".repeat(30)}if 1\nx: jmp last\nend if\nfile 'data'\nlast: dd x,later\nlater=5`,
      data,
    });
  for (const references of [true, false]) {
    const session = new AssemblySession("a.asm", { references }, 10);
    const runs = vi.spyOn(Assembler.prototype, "run");
    const passes = (line: string, data = "data") => {
      const expected = assemble("a.asm", { files: files(line, data), references });
      runs.mockClear();
      const answer = session.assemble(files(line, data));
      const count = runs.mock.calls.length;
      expect(everything(answer)).toEqual(everything(expected));
      return count;
    };
    expect(passes("db 1")).toBe(1);
    expect(passes("db 1 ; one")).toBe(0);
    expect(passes("; one\n\n\ndb 1")).toBe(0);
    expect(passes("; one\n\n\ndb 1", "dat2")).toBe(1);
    expect(passes("db 1", "dat2")).toBe(0);
    expect(passes("db 2", "dat2")).toBe(1);
    expect(passes("db", "dat2")).toBe(1);
    expect(passes("db 2", "dat2")).toBe(1);
    runs.mockRestore();
  }
});

test("what was not asked of an answer cannot be asked after the next", () => {
  const session = new AssemblySession("a.asm");
  const files = memoryFiles({ "a.asm": "a: nop" });
  const first = session.assemble(files);
  const second = session.assemble(files);
  expect(() => first.symbols).toThrow("assembled again");
  expect([...second.symbols].map(({ name }) => name)).toEqual(["a"]);
});
