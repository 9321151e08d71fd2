import { describe, expect, test } from "vitest";
import { unicorns } from "../../../test/engines/unicorns.ts";
import {
  type CpuModel,
  type CpuName,
  cpuModels,
  type EngineMaker,
  type Feature,
  Machine,
  STATE,
} from "../../machine/index.ts";
import { unicornEngine } from "./engine.ts";

const installed = await unicornEngine();
const missing = "error" in installed ? installed.error : "";

/** `code` at 0x1000, data from 0x2000, a stack below 0x4000. */
function machineWith(
  engine: EngineMaker | "interpreter",
  code: readonly number[],
  model: CpuName | CpuModel = "zen4",
): Machine {
  const machine = new Machine({ memoryBytes: 1 << 20, engine, model });
  machine.memory.map(0x1000, 0x3000);
  machine.memory.write(0x1000, Uint8Array.from(code));
  Object.assign(machine.cpu, { eip: 0x1000, esp: 0x3800 });
  return machine;
}

test("says how to get it where it is not", () => {
  if (missing)
    expect(missing).toMatch(
      /npm install @alexaltea\/unicorn-js.*apt-get install libunicorn2.*npm install koffi/s,
    );
  else expect(installed).toBeTypeOf("function");
});

describe.each(unicorns)("Unicorn as the engine: $title", ({ engine }) => {
  if (engine === undefined) {
    test.skip("cannot be asked here", () => {});
    return;
  }
  const running = (...code: number[]): Machine => machineWith(engine, code);

  test("a sum up to an interrupt, and the count of instructions", () => {
    // mov ecx,10; xor eax,eax; again: add eax,ecx; loop again; int 0x40
    const machine = running(0xb9, 10, 0, 0, 0, 0x31, 0xc0, 0x01, 0xc8, 0xe2, 0xfc, 0xcd, 0x40);
    expect(machine.run(1000)).toEqual({ reason: "interrupt", vector: 0x40 });
    expect([machine.cpu.eax, machine.cpu.ecx, machine.cpu.eip]).toEqual([55, 0, 0x100d]);
    expect(machine.instructions).toBe(2 + 20 + 1);
  });

  test("a budget ends exactly, also inside a repeated instruction", () => {
    const machine = running(0xf3, 0xaa, 0x90, 0xf3, 0xaa, 0x90); // rep stosb; nop; rep stosb; nop
    Object.assign(machine.cpu, { ecx: 10, edi: 0x2000 });
    expect(machine.run(4)).toEqual({ reason: "budget" });
    expect([machine.cpu.ecx, machine.cpu.edi, machine.cpu.eip, machine.instructions]).toEqual([
      6, 0x2004, 0x1000, 4,
    ]);
    machine.run(7);
    expect([machine.cpu.ecx, machine.cpu.eip, machine.instructions]).toEqual([0, 0x1003, 11]);
    machine.run(2);
    expect([machine.cpu.eip, machine.instructions]).toEqual([0x1006, 13]);
  });

  test("faults and traps are those of the machine", () => {
    const stops = (...code: number[]) => running(...code).run(10);
    expect(stops(0xa1, 0xfe, 0x3f, 0, 0)).toEqual({
      reason: "fault",
      fault: "#PF",
      code: 4,
      address: 0x4000,
      access: "read",
    });
    expect(stops(0xe9, 0xfb, 0x8f, 0, 0)).toMatchObject({ fault: "#PF", address: 0xa000, access: "execute" });
    expect(stops(0xf4)).toMatchObject({ fault: "#GP", code: 0 });
    expect(stops(0x0f, 0x0b)).toMatchObject({ fault: "#UD" });
    expect(stops(0xcd, 0x41)).toMatchObject({ fault: "#GP", code: 0x41 * 8 + 2 });
    expect(stops(0x31, 0xc9, 0xf7, 0xf1)).toMatchObject({ fault: "#DE" });
    expect(stops(0xcc)).toEqual({ reason: "trap", trap: "#BP" });
    const machine = running(0x9d, 0x90, 0x90); // popfd; nop; nop
    machine.memory.set32(0x3800, 0x302);
    expect(machine.run(10)).toEqual({ reason: "trap", trap: "#DB" });
    expect([machine.cpu.eip, machine.instructions]).toEqual([0x1002, 2]);
  });

  test.each<[string, ...number[]]>([
    ["a load that ends beyond 4 GiB", 0xa1, 0xfe, 0xff, 0xff, 0xff],
    ["the same relative to the stack", 0x36, 0xa1, 0xfe, 0xff, 0xff, 0xff],
    ["a store there, by ebp", 0x83, 0xcd, 0xff, 0x89, 0x45, 0x00], // or ebp,-1; mov [ebp],eax
    ["a push below 0", 0x31, 0xe4, 0x50], // xor esp,esp
    ["where the way into ring 3 stands: the descriptors", 0xa1, 0x28, 0, 0xfe, 0xff],
    ["the code", 0xc6, 0x05, 0, 0, 0xff, 0xff, 0x90],
    ["a jump there", 0xe9, 0xfb, 0xef, 0xfe, 0xff],
    ["a jump to 0", 0x31, 0xc0, 0xff, 0xe0],
    ["LOCK where it may not stand", 0xf0, 0x84, 0xc0],
    ["an interrupt that has no gate, though it is that of single steps", 0xcd, 1],
    ["int1, which needs none", 0xf1],
    ["in", 0xe4, 0x60],
    ["rep outsb", 0xf3, 0x6e],
    ["popfd that sets TF before a repetition", 0x68, 2, 3, 0, 0, 0x9d, 0xf3, 0xaa],
    // mov dword [next],…: inc eax and inc ebx become what they were not
    [
      "the next instruction written",
      0xc7,
      0x05,
      0x0a,
      0x10,
      0,
      0,
      0x43,
      0x43,
      0x90,
      0x90,
      0x40,
      0x40,
      0x40,
      0x40,
      0xcc,
    ],
    // mov word [next],…: cpuid becomes rdtsc after its first time
    [
      "what the interpreter has executed before, and was overwritten",
      ...[0xb9, 2, 0, 0, 0, 0x51, 0x31, 0xc0, 0x0f, 0xa2, 0x59], // mov ecx,2; again: push ecx; xor eax,eax; cpuid; pop ecx
      ...[0x66, 0xc7, 0x05, 0x08, 0x10, 0, 0, 0x0f, 0x31, 0xe2, 0xef, 0xcc], // …; loop again
    ],
    // lock inc byte [next]: what was inc eax is inc ecx, where Unicorn has been before
    [
      "what the interpreter overwrites, and was executed before",
      ...[0xb9, 2, 0, 0, 0, 0x40, 0xf0, 0xfe, 0x05, 0x05, 0x10, 0, 0, 0xe2, 0xf6, 0xcc],
    ],
    ["a jump to itself", 0xb9, 3, 0, 0, 0, 0xe2, 0xfe, 0xcc],
    ["a write that ends on a page that is not there", 0xa3, 0xfe, 0x3f, 0, 0],
    ["a far call", 0x9a, 0, 0x10, 0, 0, 0x1b, 0],
    ["a selector that nobody knows", 0xb8, 0x7b, 0, 0, 0, 0x8e, 0xd8],
  ])("does as the machine's own engines: %s", (_, ...code) => {
    const [own, other] = ["interpreter" as const, engine].map((each) => {
      const machine = machineWith(each, code);
      Object.assign(machine.cpu, { ecx: 5, edi: 0x2000, edx: 0x60, eflags: 0x202 });
      const stop = machine.run(50);
      const { eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, ds } = machine.cpu;
      const registers = [eax, ecx, edx, ebx, esp, ebp, esi, edi, eip, eflags, ds];
      return { stop, instructions: machine.instructions, registers, pages: machine.snapshot().pages };
    });
    expect(other).toEqual(own);
  });

  test("x87 and vector registers go in and out", () => {
    // fld1; fld1; faddp; movaps xmm1,xmm0; paddd xmm1,xmm0; int 0x40
    const machine = running(
      0xd9,
      0xe8,
      0xd9,
      0xe8,
      0xde,
      0xc1,
      0x0f,
      0x28,
      0xc8,
      0x66,
      0x0f,
      0xfe,
      0xc8,
      0xcd,
      0x40,
    );
    const own = new Machine({ memoryBytes: 1 << 20 });
    own.restore(machine.snapshot());
    for (const one of [machine, own]) one.memory.view.setUint32(0x200, 0x1234_5678, true);
    for (let i = 0; i < 6; i++) {
      expect(machine.step()).toEqual(own.step());
      // But for the pointers to the last x87 instruction.
      const states = [machine, own].map(({ memory }) => [
        memory.bytes.slice(0, 0x18c),
        memory.bytes.slice(0x1a0, 0x280),
      ]);
      expect(states[0]).toEqual(states[1]);
    }
  });

  test("code that others write, and pages that come and go", () => {
    const machine = running(0x40, 0xcd, 0x40); // inc eax; int 0x40
    machine.run(9);
    machine.memory.write(0x1000, Uint8Array.of(0x43)); // inc ebx
    machine.cpu.eip = 0x1000;
    machine.run(9);
    expect([machine.cpu.eax, machine.cpu.ebx]).toEqual([1, 1]);
    machine.memory.unmap(0x1000, 1);
    machine.cpu.eip = 0x1000;
    expect(machine.run(9)).toMatchObject({ fault: "#PF", address: 0x1000 });
    machine.memory.map(0x2000, 0x1000, { writable: false });
    machine.memory.map(0x1000, 0x1000);
    machine.memory.write(0x1000, Uint8Array.of(0xa3, 0, 0x20, 0, 0)); // mov [0x2000],eax
    expect(machine.run(9)).toMatchObject({ fault: "#PF", code: 7, address: 0x2000 });
  });

  test("what is written is seen by the next instruction, and by everybody", () => {
    const machine = running(
      ...[0xb8, 0x44, 0x33, 0x22, 0x11], // mov eax,0x11223344
      ...[0xa3, 0xfe, 0x2f, 0, 0], // mov [0x2ffe],eax, across two pages
      ...[0x0f, 0x11, 0x05, 0xf8, 0x2f, 0, 0], // movups [0x2ff8],xmm0
      ...[0xc6, 0x05, 0x1c, 0x10, 0, 0, 0x43], // mov byte [0x101c],0x43: the next but one is inc ebx
      ...[0x60, 0x61, 0x90, 0x90, 0x40, 0xcd, 0x40], // pushad; popad; nop; nop; inc eax; int 0x40
    );
    const { memory, cpu } = machine;
    memory.bytes.set(
      Uint8Array.from({ length: 16 }, (_, i) => i + 1),
      STATE.XMM,
    );
    machine.run(2);
    expect(memory.u32(0x2ffe)).toBe(0x1122_3344);
    memory.write(0x2ff0, Uint8Array.of(9)); // by somebody else
    expect(machine.run(99)).toMatchObject({ reason: "interrupt" });
    expect([...memory.read(0x2ff0, 25)!]).toEqual([
      9,
      ...[0, 0, 0, 0, 0, 0, 0],
      ...Array.from({ length: 16 }, (_, i) => i + 1),
      0,
    ]);
    expect([cpu.eax, cpu.ebx, memory.u32(0x37fc)]).toEqual([0x1122_3344, 1, 0x1122_3344]);
    // A write whose second page may not be written.
    memory.map(0x3000, 0x1000, { writable: false });
    memory.write(0x1000, Uint8Array.of(0xa3, 0xfe, 0x2f, 0, 0));
    Object.assign(cpu, { eip: 0x1000, eax: 0 });
    expect(machine.run(9)).toMatchObject({ fault: "#PF", address: 0x3000 });
  });

  test.each([
    ["xorps of a Pentium Pro", "pentiumpro", [0x0f, 0x57, 0xc0]],
    ["fcomi of a core without cmov", "no cmov", [0xdb, 0xf1]],
    ["tzcnt of a Pentium III, which is bsf", "pentium3", [0xf3, 0x0f, 0xbc, 0xc1]],
    ["aesenc, which no model has", "zen4", [0x66, 0x0f, 0x38, 0xdc, 0xc1]],
    ["popcnt of a Zen 4", "zen4", [0xf3, 0x0f, 0xb8, 0xc1]],
    ["pextrw, which the package has not", "zen4", [0x66, 0x0f, 0xc5, 0xc0, 3]],
  ] as const)("has the instructions of the model: %s", (_, name, code) => {
    const model = name === "no cmov" ? { ...cpuModels.pentiumpro, features: new Set<Feature>() } : name;
    const [own, other] = ["interpreter" as const, engine].map((each) => {
      const machine = machineWith(each, [...code, 0xcc], model);
      machine.cpu.eax = 7;
      return [machine.run(9), machine.cpu.eip, machine.cpu.eax];
    });
    expect(other).toEqual(own);
  });

  const times = (count: number, ...code: number[]): number[] => Array(count).fill(code).flat();
  test.each<[string, ...number[]]>([
    ["30 instructions", ...times(30, 0x40), 0xcc],
    ["200", ...times(200, 0x40), 0xcc],
    ["1000, with memory", ...times(1000, 0x01, 0x05, 0, 0x20, 0, 0), 0xcc],
    ["pushad and popad", ...times(60, 0x60, 0x61), 0xcc],
    ["enter with all its levels, and leave", ...times(20, 0xc8, 4, 0, 31, 0xc9), 0xcc],
    ["x87", ...times(300, 0xd9, 0xc0, 0xdf, 0xf1), 0xcc],
    ["SSE with memory", ...times(300, 0x66, 0x0f, 0x3a, 0x0f, 0x05, 0, 0x20, 0, 0, 1), 0xcc],
    ["instructions that nobody knows", 0xe9, 0, 0, 0, 0, ...times(300, 0x66, 0x0f, 0x38, 0xdc, 0xc1)],
    ["a jump into many", 0xe9, 3, 0, 0, 0, 0xcc, 0xcc, 0xcc, ...times(300, 0x41), 0xcc],
    ["a conditional one, taken or not", 0x85, 0xc9, 0x74, 1, 0x43, ...times(300, 0x41), 0xcc],
    ["a loop of many", ...times(110, 0x42), 0xe2, 0x90, ...times(110, 0x43), 0xcc],
    ["a return into many", 0x68, 0x08, 0x10, 0, 0, 0xc3, 0xcc, 0xcc, ...times(300, 0x41), 0xcc],
    ["a call, by a register", 0xb8, 0x09, 0x10, 0, 0, 0xff, 0xd0, 0xcc, 0xcc, ...times(300, 0x41), 0xc3],
    [
      "a jump by an address in memory",
      ...[0xc7, 0x44, 0x24, 0xfc, 0x10, 0x10, 0, 0, 0xff, 0x64, 0x24, 0xfc, 0xcc, 0xcc, 0xcc, 0xcc],
      ...times(300, 0x41),
      0xcc,
    ],
    [
      "many where a jump stood",
      ...[0x66, 0xc7, 0x05, 0x12, 0x10, 0, 0, 0x40, 0x40, 0xeb, 0], // mov word [0x1012],0x4040; jmp next
      ...times(7, 0x90),
      ...[0xeb, 0xfe],
      ...times(300, 0x43),
      0xcc,
    ],
    ["nothing but zeros up to the end of the page"],
  ])("long stretches of code without a jump: %s", (_, ...code) => {
    const [own, other] = ["interpreter" as const, engine].map((each) => {
      const machine = machineWith(each, code);
      Object.assign(machine.cpu, { eax: 0x2000, ecx: 3, ebp: 0x3900 });
      const stops = [machine.run(1001), machine.run(9000)];
      const { eax, ecx, edx, ebx, esp, ebp, esi, edi, eip } = machine.cpu;
      const registers = [eax, ecx, edx, ebx, esp, ebp, esi, edi, eip];
      return { stops, instructions: machine.instructions, registers, pages: machine.snapshot().pages };
    });
    expect(other).toEqual(own);
  });

  test("many machines at once, in turns", () => {
    const machines = Array.from({ length: 60 }, (_, i) => {
      // again: inc eax; mov [0x2000],eax; jmp again
      const machine = running(0x40, 0xa3, 0, 0x20, 0, 0, 0xeb, 0xf8);
      machine.cpu.eax = 1000 * i;
      return machine;
    });
    for (let turn = 1; turn <= 3; turn++) {
      for (const machine of machines) machine.run(30);
      const sums = machines.map(({ cpu, memory }) => [cpu.eax, memory.u32(0x2000)]);
      expect(sums).toEqual(machines.map((_, i) => [1000 * i + 10 * turn, 1000 * i + 10 * turn]));
    }
  });

  test("segments, CPUID, the time stamp, hooks", () => {
    const machine = running(
      ...[0x64, 0xa1, 0x10, 0, 0, 0], // mov eax,[fs:0x10]
      ...[0x8e, 0xd8, 0x1e, 0x07], // mov ds,ax; push ds; pop es
      ...[0x0f, 0x31, 0x89, 0xc7], // rdtsc; mov edi,eax
      ...[0x31, 0xc0, 0x0f, 0xa2, 0xcd, 0x40], // xor eax,eax; cpuid; int 0x40
    );
    machine.defineSegment(0x63, { base: 0x2000, limit: 0xfff, kind: "data" });
    machine.loadSegment(4, 0x63);
    machine.memory.set32(0x2010, 0x53);
    const seen: unknown[] = [];
    machine.onMemory([{ start: 0x2000, end: 0x3000, read: true }], (...access) => {
      seen.push(access);
    });
    expect(machine.run(99)).toMatchObject({ reason: "interrupt" });
    expect([machine.cpu.ds, machine.cpu.es, machine.cpu.edi]).toEqual([0x53, 0x53, 4]);
    expect(machine.cpu.ebx).toBe(0x6874_7541); // Auth…
    expect(seen).toEqual([["read", 0x2010, 4]]);
    expect(machine.instructions).toBe(9);
  });
});
