import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../../assembler/index.ts";
import { CompilingEngine } from "../../jit/index.ts";
import { Machine } from "../../machine.ts";
import { Memory } from "../../memory/memory.ts";
import { type Fast, fastMmx, fastScans, fastSse, fastStrings, fastX87, fastX87Values } from "./index.ts";
import { kept } from "./kept.ts";
import { modules } from "./modules.ts";
import { keep } from "./written.ts";

const families = { fastMmx, fastScans, fastSse, fastStrings, fastX87, fastX87Values };

test("a family has a function for each of its names", () => {
  const { wasm } = new Memory(1 << 20);
  for (const [name, family] of Object.entries(families)) {
    const functions: readonly Fast[] = family.functions(wasm);
    expect([name, functions.length]).toEqual([name, family.names.length]);
  }
});

test("what the build keeps of a family is the family", () => {
  for (const family of Object.values(modules)) {
    const again = kept(...keep(family));
    expect(again.names).toEqual(family.names);
    expect(again.bytes()).toEqual(family.bytes());
  }
});

test("one program uses several of them, compiled", () => {
  const source = `use32
org 0x1000
    fld dword [number]
    fmul dword [number]
    fstp dword [number]
    mov edi,text
    mov ecx,100
    mov al,'!'
    repne scasb
    movd mm0,ecx
    paddd mm0,mm0
    movd edx,mm0
    emms
    fld dword [number]
    fadd dword [number]
    fstp dword [number]
    int 0x40
number dd 1.5
text db 'twenty bytes of text!'
`;
  const made = assemble("mixed.asm", { files: memoryFiles({ "mixed.asm": source }) });
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core) => new CompilingEngine(core, { ahead: true }),
  });
  machine.memory.map(0, 0x4000);
  machine.memory.place(0x1000, made.bytes);
  machine.cpu.eip = 0x1000;
  expect(machine.run(1000)).toMatchObject({ reason: "interrupt" });
  expect([machine.cpu.ecx, machine.cpu.edx]).toEqual([79, 158]);
});
