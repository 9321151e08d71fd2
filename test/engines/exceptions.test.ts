/** What the manual says of exceptions and of code that is awkward, sentence by sentence, in every engine. */
import { describe, expect, test } from "vitest";
import {
  type Core,
  type CpuName,
  cpuModels,
  Machine,
  type MachineOptions,
  STATE,
  type Stop,
} from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

const engines: readonly [string, MachineOptions][] = [
  ["interpreted", { engine: "interpreter" }],
  ["each instruction in the general way", { unspecialised: true }],
  // Of the empty memory behind the code no more than a run is long: else it would not be entered.
  ["compiled", { engine: (core: Core) => new CompilingEngine(core, { ahead: true, most: 15 }) }],
];

const HLT = 0xf4;
const registersOf = ({ eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags, eip }: Machine["cpu"]): number[] =>
  // As one list: registers are read through getters, which toEqual does not look at.
  [eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags, eip];
const le = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);

describe.each(engines)("%s", (_, engine) => {
  /** Code at 0x1000 and HLT behind it, data from 0x2000, nothing from 0x4000, a page that is read only at 0x5000. */
  function running(code: readonly number[], at = 0x1000): Machine {
    const machine = new Machine({ memoryBytes: 1 << 20, ...engine });
    machine.memory.map(0x1000, 0x3000);
    machine.memory.map(0x5000, 0x1000, { writable: false });
    machine.memory.write(at, Uint8Array.of(...code, HLT));
    Object.assign(machine.cpu, { eip: at, esp: 0x3800 });
    return machine;
  }

  const said = (stop: Stop): unknown[] =>
    stop.reason === "fault"
      ? [stop.fault, stop.code, ...(stop.address === undefined ? [] : [stop.access, stop.address])]
      : stop.reason === "trap"
        ? [stop.trap]
        : [stop.reason];

  /** What one instruction ends in, with these registers. */
  const endOf = (
    code: readonly number[],
    registers: Partial<Record<"ebx" | "esp" | "ebp" | "esi" | "edi" | "ecx", number>>,
  ): unknown[] => {
    const machine = running(code);
    Object.assign(machine.cpu, registers);
    return said(machine.run(20));
  };

  /** Code, what it ends in, and how far behind its beginning EIP is then. */
  const exceptions: readonly [string, readonly number[], unknown[], number][] = [
    ["division by zero", [0x31, 0xc9, 0xf7, 0xf1], ["#DE", 0], 2],
    ["aam 0", [0xd4, 0], ["#DE", 0], 0],
    ["a quotient that is too large", [0xba, ...le(5), 0xb9, ...le(5), 0xf7, 0xf1], ["#DE", 0], 10],
    ["int1", [0xf1], ["#DB"], 1],
    ["int3", [0xcc], ["#BP"], 1],
    ["into", [0xb0, 0x7f, 0x04, 0x01, 0xce], ["#OF"], 5],
    ["bound", [0x62, 0x05, ...le(0x1000)], ["#BR", 0], 0],
    ["ud2", [0x0f, 0x0b], ["#UD", 0], 0],
    ["lock before what does not take it", [0xf0, 0x90], ["#UD", 0], 0],
    ["hlt", [HLT], ["#GP", 0], 0],
    ["a vector that is no gate", [0xcd, 0x41], ["#GP", 0x41 * 8 + 2], 0],
    ["a selector that is none", [0x66, 0xb8, 0x34, 0x12, 0x8e, 0xc0], ["#GP", 0x1234], 4],
    ["reading nothing", [0xa1, ...le(0x4000)], ["#PF", 4, "read", 0x4000], 0],
    ["writing nothing", [0xa3, ...le(0x4000)], ["#PF", 6, "write", 0x4000], 0],
    ["writing what is read only", [0xa3, ...le(0x5000)], ["#PF", 7, "write", 0x5000], 0],
    ["reading across the end", [0xa1, ...le(0x3ffe)], ["#PF", 4, "read", 0x4000], 0],
    ["executing nothing", [0xe9, ...le(0x4000 - 0x1005)], ["#PF", 4, "execute", 0x4000], 0x3000],
    // fldcw with all exceptions unmasked; fldz; fld1; fdiv st0,st1; fwait
    [
      "an x87 exception",
      [
        0xd9,
        0x2d,
        ...le(0x1014),
        0xd9,
        0xee,
        0xd9,
        0xe8,
        0xd8,
        0xf1,
        0x9b,
        HLT,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0x40,
        0x03,
      ],
      ["#MF", 0],
      12,
    ],
    // ldmxcsr with all exceptions unmasked; divps xmm0,xmm1
    [
      "a vector exception",
      [0x0f, 0xae, 0x15, ...le(0x100c), 0x0f, 0x5e, 0xc1, HLT, 0, 0, 0, 0, 0],
      ["#XM", 0],
      7,
    ],
  ];

  test.each(exceptions)("%s", (_name, code, expected, at) => {
    const machine = running(code);
    expect(said(machine.run(20))).toEqual(expected);
    expect(machine.cpu.eip - 0x1000).toBe(at);
  });

  test("a fault leaves every register as it was before its instruction", () => {
    // xchg; cmpxchg; xadd; push [ebx]; pop [ebx] come to nothing
    for (const code of [
      [0x87, 0x03],
      [0x0f, 0xb1, 0x0b],
      [0x0f, 0xc1, 0x0b],
      [0xff, 0x33],
      [0x8f, 0x03],
    ]) {
      const machine = running(code);
      Object.assign(machine.cpu, {
        eax: 1,
        ebx: 0x3ffe,
        ecx: 3,
        edx: 4,
        esi: 5,
        edi: 6,
        ebp: 7,
        eflags: 0x8d7,
      });
      const { cpu } = machine;
      const before = registersOf(cpu);
      const memory = machine.memory.read(0x1000, 0x3000);
      expect(machine.run(1)).toMatchObject({ reason: "fault", fault: "#PF" });
      const after = registersOf(cpu);
      expect(after, `${code}`).toEqual(before);
      expect(machine.memory.read(0x1000, 0x3000)).toEqual(memory);
    }
  });

  test("a return to the very last address finds no code there", () => {
    // push -1; ret
    const machine = running([0x6a, 0xff, 0xc3]);
    expect(said(machine.run(20))).toEqual(["#PF", 4, "execute", 0xffff_ffff]);
  });

  test("pushad and popad leave behind what they have done before a fault", () => {
    const pushing = running([0x60]);
    Object.assign(pushing.cpu, { eax: 1, ecx: 3, edx: 4, ebx: 2, esp: 0x2008 });
    pushing.memory.unmap(0x1000, 0x1000);
    pushing.memory.map(0x4000, 0x1000, { writable: true });
    pushing.memory.write(0x4000, Uint8Array.of(0x60));
    pushing.cpu.eip = 0x4000;
    expect(pushing.run(1)).toMatchObject({ reason: "fault", fault: "#PF", address: 0x1ffc });
    expect(pushing.memory.read(0x2000, 8)).toEqual(Uint8Array.of(3, 0, 0, 0, 1, 0, 0, 0));
    expect(pushing.cpu.esp).toBe(0x2008);

    const popping = running([0x61]);
    popping.memory.write(0x3ff8, Uint8Array.of(5, 0, 0, 0, 6, 0, 0, 0));
    Object.assign(popping.cpu, { edi: 1, esi: 2, ebp: 3, esp: 0x3ff8 });
    expect(popping.run(1)).toMatchObject({ reason: "fault", fault: "#PF", address: 0x4000 });
    const { edi, esi, ebp, esp, eip } = popping.cpu;
    expect([edi, esi, ebp, esp, eip]).toEqual([5, 6, 3, 0x3ff8, 0x1000]);
  });

  test("with 16-bit addresses the parts of what is wider than eight bytes wrap at 64 KiB", () => {
    // fldpi; fstp tword [word FFFE]; fld tword [word FFFE]; fnstenv [word FFF6]
    const machine = running([
      0xd9, 0xeb, 0x67, 0xdb, 0x3e, 0xfe, 0xff, 0x67, 0xdb, 0x2e, 0xfe, 0xff, 0x67, 0xd9, 0x36, 0xf6, 0xff,
    ]);
    const { memory } = machine;
    memory.unmap(0, 0x1000);
    for (const start of [0, 0xf000, 0x1_0000]) memory.map(start, 0x1000, { writable: true });
    expect(machine.run(2)).toEqual({ reason: "budget" });
    expect(memory.read(0xfffe, 8)).toEqual(Uint8Array.of(0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9));
    expect(memory.read(6, 2)).toEqual(Uint8Array.of(0, 0x40));
    expect(machine.run(1)).toEqual({ reason: "budget" });
    expect(machine.run(1)).toEqual({ reason: "budget" });
    // Of seven doublewords the third straddles; the fourth begins at 2.
    expect(memory.u16(0xfffa)).toBe(0x3800);
    expect(memory.u32(2)).toBe(0x1007);
  });

  test("an access that ends beyond 4 GiB is outside its segment", () => {
    expect(endOf([0x8b, 0x03], { ebx: 0xffff_fffc })).toEqual(["#PF", 4, "read", 0xffff_fffc]);
    expect(endOf([0x8b, 0x03], { ebx: 0xffff_fffd })).toEqual(["#GP", 0, "read", 0xffff_fffd]);
    expect(endOf([0x89, 0x03], { ebx: 0xffff_ffff })).toEqual(["#GP", 0, "write", 0xffff_ffff]);
    expect(endOf([0x66, 0x8b, 0x03], { ebx: 0xffff_fffe })).toEqual(["#PF", 4, "read", 0xffff_fffe]);
    expect(endOf([0x0f, 0x10, 0x03], { ebx: 0xffff_fff1 })).toEqual(["#GP", 0, "read", 0xffff_fff1]); // movups xmm0,[ebx]
    expect(endOf([0xdf, 0x2b], { ebx: 0xffff_fff9 })).toEqual(["#GP", 0, "read", 0xffff_fff9]); // fild qword [ebx]
    expect(endOf([0xd9, 0x23], { ebx: 0xffff_fffd })).toEqual(["#GP", 0, "read", 0xffff_fffd]); // fldenv [ebx]
    expect(endOf([0xd9, 0x23], { ebx: 0xffff_fffc })).toEqual(["#PF", 4, "read", 0xffff_fffc]);
    expect(endOf([0x66, 0xd9, 0x33], { ebx: 0xffff_fffe })).toEqual(["#PF", 6, "write", 0xffff_fffe]);
    expect(endOf([0x8b, 0x04, 0x24], { esp: 0xffff_fffd })).toEqual(["#SS", 0, "read", 0xffff_fffd]); // mov eax,[esp]
    expect(endOf([0x50], { esp: 2 })).toEqual(["#SS", 0, "write", 0xffff_fffe]);
    expect(endOf([0xc3], { esp: 0xffff_fffe })).toEqual(["#SS", 0, "read", 0xffff_fffe]);
  });

  test("an access that ends beyond 4 GiB raises #SS where it goes through SS, #GP where not", () => {
    const at = 0xffff_fffd;
    const rows: readonly [string, readonly number[], Readonly<Record<string, number>>, string][] = [
      ["mov eax,[ebp]", [0x8b, 0x45, 0], { ebp: at }, "#SS"],
      ["mov eax,[ds:ebp]", [0x3e, 0x8b, 0x45, 0], { ebp: at }, "#GP"],
      ["mov eax,[ss:ebx]", [0x36, 0x8b, 0x03], { ebx: at }, "#SS"],
      ["lock cmpxchg8b [ss:ebx]", [0x36, 0xf0, 0x0f, 0xc7, 0x0b], { ebx: at }, "#SS"],
      ["movups xmm0,[ebp]", [0x0f, 0x10, 0x45, 0], { ebp: at }, "#SS"],
      ["fldenv [ebp]", [0xd9, 0x65, 0], { ebp: at }, "#SS"],
      ["fxsave [ebp], its second half", [0x0f, 0xae, 0x45, 0], { ebp: 0xffff_ff00 }, "#PF"],
      ["fld tbyte [ebp], the last 16 bits", [0xdb, 0x6d, 0], { ebp: 0xffff_fff8 }, "#PF"],
      ["fld tbyte [ebp], the first 64", [0xdb, 0x6d, 0], { ebp: 0xffff_fff9 }, "#SS"],
      ["fbstp [ebx], the last 16 bits", [0xdf, 0x33], { ebx: 0xffff_fff7 }, "#PF"],
      ["fbstp [ebx], the first 64", [0xdf, 0x33], { ebx: 0xffff_fff9 }, "#GP"],
      ["fxrstor [ebp], its first dword", [0x0f, 0xae, 0x4d, 0], { ebp: at }, "#SS"],
      ["fxrstor [ebp], not aligned", [0x0f, 0xae, 0x4d, 0], { ebp: 0xffff_fff9 }, "#GP"],
      ["bts [ebp],ecx", [0x0f, 0xab, 0x4d, 0], { ebp: at }, "#SS"],
      ["btc [edi+3],edi, which reaches back", [0x0f, 0xbb, 0x7f, 3], { edi: 0xffff_ffff }, "#GP"],
      ["push dword [ebx], the stack", [0xff, 0x33], { ebx: 0x2000, esp: 1 }, "#SS"],
      ["push dword [ebx], the operand", [0xff, 0x33], { ebx: at }, "#GP"],
      ["pop dword [ebx], the operand", [0x8f, 0x03], { ebx: at }, "#GP"],
      ["pop dword [ebx], the stack", [0x8f, 0x03], { ebx: 0x2000, esp: at }, "#SS"],
      ["call dword [ebx], the operand", [0xff, 0x13], { ebx: at }, "#GP"],
      ["lodsd from ds", [0xad], { esi: at }, "#GP"],
      ["lodsd from ss", [0x36, 0xad], { esi: at }, "#SS"],
      ["rep movsd from ss, the source", [0x36, 0xf3, 0xa5], { ecx: 3, esi: at, edi: 0x2000 }, "#SS"],
      ["rep movsd from ss, the destination", [0x36, 0xf3, 0xa5], { ecx: 3, esi: 0x2000, edi: at }, "#GP"],
      ["cmpsd with ss", [0x36, 0xa7], { esi: at, edi: 0x2000 }, "#SS"],
      ["cmpsd with es", [0x36, 0xa7], { esi: 0x2000, edi: at }, "#GP"],
      ["stosd", [0x36, 0xab], { edi: at }, "#GP"],
      ["maskmovdqu at edi", [0x66, 0x0f, 0xf7, 0xc1], { edi: at }, "#GP"],
      ["maskmovdqu at ss:edi", [0x36, 0x66, 0x0f, 0xf7, 0xc1], { edi: at }, "#SS"],
      ["leave", [0xc9], { ebp: at }, "#SS"],
      ["enter", [0xc8, 0, 0, 2], { ebp: 2 }, "#SS"],
      ["pushfd", [0x9c], { esp: 3 }, "#SS"],
      ["popad", [0x61], { esp: at }, "#SS"],
      ["iretd, where EFLAGS come from", [0xcf], { esp: 0xffff_fff5 }, "#SS"],
      ["pop dword [ebx], both", [0x8f, 0x03], { ebx: at, esp: at }, "#SS"],
      ["movsd from ss, both", [0x36, 0xa5], { esi: at, edi: at }, "#SS"],
      ["cmpsd with ss, both", [0x36, 0xa7], { esi: at, edi: at }, "#GP"],
    ];
    for (const [name, code, registers, expected] of rows) {
      expect([name, endOf(code, registers)[0]]).toEqual([name, expected]);
    }
  });

  test("a string instruction interrupted in the middle goes on where it was", () => {
    for (const [direction, from, to, missing] of [
      [0xfc, 0x2000, 0x3ff0, 0x4000],
      [0xfd, 0x200c, 0x1004, 0xffe],
    ] as const) {
      const machine = running([direction, 0xf3, 0xa5], 0x1800); // rep movsd
      const { cpu, memory } = machine;
      memory.unmap(0x5000, 0x1000);
      for (let at = 0; at < 0x20; at++) memory.set8(0x2000 + at, at + 1);
      Object.assign(cpu, { ecx: 8, esi: from, edi: to });
      if (direction === 0xfd) Object.assign(cpu, { esi: 0x201c, edi: 0x1008 });
      const stop = machine.run(100);
      expect(stop).toMatchObject({ fault: "#PF", access: "write" });
      expect(stop.reason === "fault" && stop.address! >>> 12).toBe(missing >>> 12);
      const done = direction === 0xfc ? 4 : 3;
      const step = direction === 0xfc ? 4 : -4;
      expect([cpu.ecx, cpu.eip, machine.instructions]).toEqual([8 - done, 0x1801, 1 + done]);
      memory.map(missing & ~0xfff, 0x1000);
      expect(machine.run(8 - done)).toEqual({ reason: "budget" });
      expect([cpu.ecx, cpu.eip]).toEqual([0, 0x1803]);
      const start = step > 0 ? to : 0x1008 - 28;
      const source = step > 0 ? from : 0x2000;
      expect(memory.read(start, 32)).toEqual(memory.read(source, 32));
    }
  });

  test("the next instruction can be written, and one can be entered in its middle", () => {
    // mov byte [next],0x43; inc eax, which has become inc ebx
    const written = running([0xc6, 0x05, ...le(0x1007), 0x43, 0x40]);
    written.run(2);
    expect([written.cpu.eax, written.cpu.ebx]).toEqual([0, 1]);
    // mov eax,0x90904141; then a jump to the third byte of it, where two inc ecx are
    const entered = running([0xb8, 0x41, 0x41, 0x90, 0x90, 0x42, 0x81, 0xfa, 2, 0, 0, 0, 0x75, 0xf3]);
    entered.run(100);
    expect([entered.cpu.ecx, entered.cpu.edx]).toEqual([2, 2]);
  });

  test("a repetition that overwrites itself goes to its end, however the run is cut", () => {
    // mov edi,0x1005; mov ecx,20; mov al,0x40; rep stosb; then sixteen bytes that have become inc eax
    const code = [0xbf, ...le(0x1005), 0xb9, ...le(20), 0xb0, 0x40, 0xf3, 0xaa];
    const ends = (cuts: readonly number[], flags = 0x202) => {
      const machine = running([...code, ...new Array<number>(11).fill(0x48)]);
      machine.cpu.eflags = flags;
      let stop = machine.run(cuts[0] ?? 100);
      for (let i = 1; i < 100 && !(stop.reason === "fault"); i++)
        stop = machine.run(cuts[i % cuts.length] ?? 100);
      const { eax, ecx, edi, eip } = machine.cpu;
      return [said(stop), eax, ecx, edi, eip, machine.instructions];
    };
    const whole = ends([]);
    expect(whole).toEqual([["#GP", 0], 0x40 + 11, 0, 0x1019, 0x1019, 34]);
    for (const cuts of [[1], [2], [3, 1], [5], [9, 4], [13]]) expect(ends(cuts), `${cuts}`).toEqual(whole);
    // In single steps each iteration is fetched: inc eax comes after the tenth.
    expect(ends([1], 0x302).slice(1, 3)).not.toEqual(whole.slice(1, 3));
  });

  test("an instruction whose constant is written becomes another", () => {
    // mov dword [0x1101],7; at 0x1100: mov eax,constant
    const machine = running([0xc7, 0x05, ...le(0x1101), ...le(7), 0xe9, ...le(0xf1)]);
    const { cpu, memory } = machine;
    memory.write(0x1100, Uint8Array.of(0xb8, ...le(1), HLT));
    const go = (at: number): void => {
      cpu.eip = at;
      expect(said(machine.run(20))).toEqual(["#GP", 0]);
    };
    go(0x1100);
    go(0x1000);
    expect(cpu.eax).toBe(7);
    go(0x1000);
    // All that is known of code is forgotten, and meanwhile it is written: mov byte [0x2000],4
    machine.loadSegment(5, 0);
    memory.write(0x1100, Uint8Array.of(0xc6, 0x05, ...le(0x2000), 4, HLT, 0x55));
    go(0x1100);
    expect(memory.u8(0x2000)).toBe(4);
  });

  test("an instruction without a constant stands where one had one that was written", () => {
    // mov [0x1101],ebx; at 0x1100: mov eax,constant
    const machine = running([0x89, 0x1d, ...le(0x1101)]);
    const { cpu, memory } = machine;
    memory.write(0x1100, Uint8Array.of(0xb8, ...le(1), HLT));
    const go = (at: number): void => {
      cpu.eip = at;
      expect(said(machine.run(20))).toEqual(["#GP", 0]);
    };
    go(0x1100);
    memory.set32(0x1101, 2);
    cpu.ebx = 0x100;
    go(0x1000);
    go(0x1100);
    expect(cpu.eax).toBe(0x100);
    // It becomes ret, and what was the constant is still written.
    memory.set8(0x1100, 0xc3);
    cpu.esp = 0x3000;
    memory.set32(0x3000, 0x1006);
    go(0x1100);
    go(0x1000);
    Object.assign(cpu, { eip: 0x1100, esp: 0x3000 });
    machine.run(1);
    expect(cpu.esp).toBe(0x3004);
  });

  test("an instruction reaches across a page, and fifteen bytes are the most", () => {
    const across = running([0x05, 1, 2, 3, 4], 0x1ffd);
    across.run(1);
    expect([across.cpu.eax, across.cpu.eip]).toEqual([0x0403_0201, 0x2002]);
    const half = running([0x05, 1, 2], 0x3ffc); // and HLT as its fourth byte
    expect(half.run(1)).toMatchObject({ fault: "#PF", access: "execute", address: 0x4000 });
    const prefixes = (count: number): number[] => [...new Array(count).fill(0x66), 0x40];
    expect(running(prefixes(14)).run(1)).toEqual({ reason: "budget" });
    expect(running(prefixes(15)).run(1)).toMatchObject({ fault: "#GP", code: 0 });
  });

  test("RDTSC tells how many instructions there were, and what whoever keeps the clock adds", () => {
    // mov ecx,3; again: loop again; rdtsc; int3
    const machine = running([0xb9, ...le(3), 0xe2, 0xfe, 0x0f, 0x31, 0xcc]);
    for (const [offset, low, high] of [
      [0, 4, 0],
      [2 ** 33 + 1, 4 + 6 + 1, 2],
    ] as const) {
      machine.timeStampOffset = offset;
      machine.cpu.eip = 0x1000;
      expect(machine.run(20)).toEqual({ reason: "trap", trap: "#BP" });
      expect([machine.cpu.eax, machine.cpu.edx]).toEqual([low, high]);
    }
  });

  test("CPUID says which processor the machine is", () => {
    const vendors = Object.keys(cpuModels).map((model) => {
      const machine = new Machine({ memoryBytes: 1 << 20, model: model as CpuName, ...engine });
      machine.memory.map(0x1000, 0x1000);
      machine.memory.write(0x1000, Uint8Array.of(0x0f, 0xa2, 0xcc)); // cpuid; int3
      machine.cpu.eip = 0x1000;
      machine.run(5);
      const { ebx, ecx, edx } = machine.cpu;
      return Buffer.from(Uint32Array.of(ebx, edx, ecx).buffer).toString("latin1");
    });
    expect(vendors).toEqual(["AuthenticAMD", ...vendors.slice(1).map(() => "GenuineIntel")]);
  });

  test("#AC never comes: as under KolibriOS, CR0.AM is clear", () => {
    const machine = running([0xa1, ...le(0x2001)]);
    machine.cpu.eflags = 0x4_0202;
    expect(machine.run(1)).toEqual({ reason: "budget" });
    expect(machine.cpu.eflags & 0x4_0000).toBe(0x4_0000);
  });

  test("who watches memory hears of larger areas in their parts, each byte once", () => {
    const areas: readonly [string, readonly number[], "read" | "write", number][] = [
      ["fnstenv", [0xd9, 0x35], "write", 28],
      ["fldenv", [0xd9, 0x25], "read", 28],
      ["fnsave", [0xdd, 0x35], "write", 108],
      ["frstor", [0xdd, 0x25], "read", 108],
      ["fxsave", [0x0f, 0xae, 0x05], "write", 288],
      ["fxrstor", [0x0f, 0xae, 0x0d], "read", 288],
    ];
    for (const [name, opcode, access, length] of areas) {
      const machine = running([...opcode, ...le(0x2400)]);
      // A state that can be loaded: x87 control 0x37f, MXCSR 0x1f80.
      machine.memory.set16(0x2400, 0x37f);
      if (name === "fxrstor") machine.memory.set32(0x2418, 0x1f80);
      const parts: [string, number, number][] = [];
      machine.onMemory([{ start: 0x2000, end: 0x3000, read: true, write: true }], (kind, address, bytes) => {
        parts.push([kind, address, bytes]);
      });
      expect(machine.run(1), name).toEqual({ reason: "budget" });
      const heard = parts.flatMap(([kind, address, bytes]) => {
        expect(kind, name).toBe(access);
        expect(bytes, name).toBeLessThanOrEqual(16);
        return Array.from({ length: bytes }, (_, i) => address - 0x2400 + i);
      });
      expect(new Set(heard).size, `${name}: each byte once`).toBe(heard.length);
      expect(Math.min(...heard), name).toBe(0);
      // The last bytes may be reserved.
      expect(length - Math.max(...heard), name).toBeLessThanOrEqual(4);
      expect(length - Math.max(...heard), name).toBeGreaterThan(0);
    }
  });

  test("MXCSR tells what #XM was about", () => {
    const machine = running([0x0f, 0xae, 0x15, ...le(0x100c), 0x0f, 0x5e, 0xc1, HLT, 0, 0, 0, 0, 0]);
    machine.run(9);
    expect(machine.memory.view.getUint32(STATE.MXCSR, true) & 0x3f).toBe(1);
  });
});
