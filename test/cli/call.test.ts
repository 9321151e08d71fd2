import { expect, test } from "vitest";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const folder = new Folder();
const source = () =>
  folder.put(
    "routines.asm",
    `use32
difference:
    mov eax, [esp + 4]
    sub eax, [esp + 8]
    ret 8
pointed:
    mov eax, [esp + 4]
    mov eax, [eax]
    ret
value dd 42
astray:
    push difference
    ret
ends:
    mov eax, -1
    int 0x40
forever:
    jmp forever
`,
  );
const call = (...argv: string[]) => kolibri(["call", source(), ...argv]);

test("a routine's answer, and what it left of its arguments", async () => {
  expect(await call("difference", "50", "0x8")).toEqual({
    status: 0,
    err: "",
    out: "difference returned: eax = 0x0000002a (42), 8 bytes of arguments removed, 3 instructions\n",
  });
  expect((await call("difference", "50", "8", "--order", "pascal")).out).toContain("eax = 0xffffffd6 (-42)");
  expect((await call("difference", "--", "50", "-8")).out).toContain("(58)");
});

test("symbols are arguments, too", async () => {
  expect((await call("pointed", "value")).out).toContain("(42), arguments left on the stack");
});

test("how else a call can end", async () => {
  expect(await call("astray")).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /returned astray: ret at 0x\S+ <astray\+0x\S+ .*routines\.asm:13 went to 0x0 <difference>/,
    ),
  });
  expect(await call("ends")).toMatchObject({
    status: 1,
    err: "kolibri call: ends did not return: it ended the program\n",
  });
  expect(await call("pointed", "0x7000_0000")).toMatchObject({
    status: 1,
    err: expect.stringContaining("fault #PF: read of 0x70000000"),
  });
  expect(await call("forever", "--max-instructions", "10")).toMatchObject({
    status: 1,
    err: expect.stringContaining("limit of instructions"),
  });
  const stop = new AbortController();
  setTimeout(() => stop.abort("SIGINT"), 50);
  expect(await kolibri(["call", source(), "forever"], { interrupted: stop.signal })).toMatchObject({
    status: 130,
  });
});

test("what cannot be called is said", async () => {
  expect(await call("diference")).toMatchObject({
    status: 2,
    err: expect.stringContaining("no symbol diference; did you mean difference?"),
  });
  expect(await call("difference", "vlaue")).toMatchObject({
    status: 2,
    err: expect.stringContaining("did you mean value?"),
  });
  expect(await call()).toMatchObject({ status: 2, err: expect.stringContaining("ROUTINE is missing") });
});

test("each instruction can be seen", async () => {
  const { err } = await call("difference", "50", "8", "--trace");
  expect(err.split("\n")).toEqual([
    "00000000  mov eax,[esp+4]                 eax=00000032                    ; difference",
    "00000004  sub eax,[esp+8]                 eax=0000002a af=1               ; difference+0x4",
    "00000008  ret 8                           esp=00011000                    ; difference+0x8",
    "",
  ]);
});

test("disasm shows labels, bytes and instructions", async () => {
  const { out } = await kolibri(["disasm", source(), "--from", "astray", "--to", "ends"]);
  expect(out).toBe(
    [
      "astray:",
      "00000016  6a 00                    push 0",
      "00000018  c3                       ret",
      "",
    ].join("\n"),
  );
  const flat = folder.put("flat", [0xb8, 1, 0, 0xff]);
  expect((await kolibri(["disasm", "--raw", "--org", "0x7c00", "--bits", "16", flat])).out).toBe(
    "00007c00  b8 01 00                 mov ax,1\n00007c03  ff                       db 0xFF\n",
  );
  expect(await kolibri(["disasm", "--raw", flat, "--from", "9"])).toMatchObject({ status: 2 });
});
