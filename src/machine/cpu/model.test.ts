import { describe, expect, test } from "vitest";
import { forms } from "../../isa/index.ts";
import { type CpuName, cpuModels, Machine } from "../index.ts";
import { executorOf, stringExecutorOf } from "./execute/index.ts";
import { undefinedOpcode } from "./execute/system.ts";
import { isInSomeModel } from "./model.ts";

/** What `code` comes to on a model, with eax and ebx given. */
function on(model: CpuName, code: readonly number[], eax = 0, ebx = 0) {
  const machine = new Machine({ memoryBytes: 1 << 20, model });
  machine.memory.map(0x1000, 0x2000);
  machine.memory.write(0x1000, Uint8Array.from(code));
  Object.assign(machine.cpu, { eip: 0x1000, esp: 0x2800, eax, ebx });
  const stop = machine.run(1);
  const { cpu } = machine;
  return { stop, cpu, says: stop.reason === "fault" ? stop.fault : "" };
}

const CPUID = [0x0f, 0xa2];
const names = Object.keys(cpuModels) as CpuName[];

const text = (...words: number[]): string =>
  words
    .map((word) => String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24))
    .join("");

describe("models of processors", () => {
  /** vendor, family, model, stepping as the manuals work them out of leaf 1. SDM vol. 2A, figure 3-6. */
  const identity = (name: CpuName) => {
    const zero = on(name, CPUID, 0).cpu;
    const one = on(name, CPUID, 1).cpu.eax;
    const base = (one >>> 8) & 15;
    const family = base === 15 ? base + ((one >>> 20) & 255) : base;
    const extended = base === 15 || base === 6 ? ((one >>> 16) & 15) << 4 : 0;
    return [text(zero.ebx, zero.edx, zero.ecx), family, extended | ((one >>> 4) & 15), one & 15];
  };

  test("say who they are", () => {
    expect(Object.fromEntries(names.map((name) => [name, identity(name)]))).toEqual({
      zen4: ["AuthenticAMD", 0x19, 0x11, 1],
      nehalem: ["GenuineIntel", 6, 0x1a, 5],
      penryn: ["GenuineIntel", 6, 0x17, 6],
      core2: ["GenuineIntel", 6, 0x0f, 6],
      pentium4: ["GenuineIntel", 15, 2, 4],
      pentium3: ["GenuineIntel", 6, 8, 3],
      pentium2: ["GenuineIntel", 6, 5, 2],
      pentiumpro: ["GenuineIntel", 6, 1, 9],
    });
    const brand = [2, 3, 4].map((leaf) => on("nehalem", CPUID, 0x8000_0000 + leaf).cpu);
    expect(brand.map(({ eax, ebx, ecx, edx }) => text(eax, ebx, ecx, edx)).join("")).toMatch(
      /^kolibri-emu, as Intel Nehalem\0+$/,
    );
  });

  /** An instruction of each feature, and the bit of leaf 1 that announces it. */
  const samples = [
    ["cmovz eax,ecx", [0x0f, 0x44, 0xc1], "edx", 15],
    ["fcomi st0,st1", [0xdb, 0xf1], "edx", 15],
    ["emms", [0x0f, 0x77], "edx", 23],
    ["fxsave [ebx]", [0x0f, 0xae, 0x03], "edx", 24],
    ["xorps xmm0,xmm0", [0x0f, 0x57, 0xc0], "edx", 25],
    ["pxor xmm0,xmm0", [0x66, 0x0f, 0xef, 0xc0], "edx", 26],
    ["lddqu xmm0,[ebx]", [0xf2, 0x0f, 0xf0, 0x03], "ecx", 0],
    ["fisttp dword [ebx]", [0xdb, 0x0b], "ecx", 0],
    ["pshufb xmm0,xmm1", [0x66, 0x0f, 0x38, 0x00, 0xc1], "ecx", 9],
    ["ptest xmm0,xmm1", [0x66, 0x0f, 0x38, 0x17, 0xc1], "ecx", 19],
    ["crc32 eax,cl", [0xf2, 0x0f, 0x38, 0xf0, 0xc1], "ecx", 20],
    ["pcmpistri xmm0,xmm1,0", [0x66, 0x0f, 0x3a, 0x63, 0xc1, 0], "ecx", 20],
    ["movbe eax,[ebx]", [0x0f, 0x38, 0xf0, 0x03], "ecx", 22],
    ["popcnt eax,ecx", [0xf3, 0x0f, 0xb8, 0xc1], "ecx", 23],
  ] as const;

  test.each(samples)("%s is there exactly where CPUID announces it", (_, code, register, bit) => {
    for (const name of names) {
      const announced = (on(name, CPUID, 1).cpu[register] >>> bit) & 1;
      expect([name, on(name, code, 0, 0x2000).says]).toEqual([name, announced ? "" : "#UD"]);
    }
  });

  test("without them, tzcnt and lzcnt are bsf and bsr, and hints do nothing", () => {
    expect(on("zen4", [0xf3, 0x0f, 0xbd, 0xc3], 9, 0x10).cpu.eax).toBe(27);
    expect(on("pentium3", [0xf3, 0x0f, 0xbd, 0xc3], 9, 0x10).cpu.eax).toBe(4);
    expect(on("pentium3", [0xf3, 0x0f, 0xbc, 0xc3], 9, 0).cpu.eax).toBe(9);
    for (const hint of [
      [0xf3, 0x90],
      [0x0f, 0x18, 0x03],
      [0xf3, 0x0f, 0x1e, 0xfb],
      [0x0f, 0x1f, 0x03],
    ]) {
      expect(on("pentiumpro", hint).says).toBe("");
    }
  });

  test("bits of MXCSR that a model has not are reserved", () => {
    const ldmxcsr = (name: CpuName, value: number) => {
      const machine = new Machine({ memoryBytes: 1 << 20, model: name });
      machine.memory.map(0x1000, 0x2000);
      machine.memory.write(0x1000, Uint8Array.of(0x0f, 0xae, 0x13));
      machine.memory.set32(0x2000, value);
      Object.assign(machine.cpu, { eip: 0x1000, ebx: 0x2000 });
      const stop = machine.run(1);
      return stop.reason === "fault" ? stop.fault : "";
    };
    expect(ldmxcsr("zen4", 0x2_1fc0)).toBe("");
    expect(ldmxcsr("nehalem", 0x2_1fc0)).toBe("#GP");
    expect(ldmxcsr("nehalem", 0x1fc0)).toBe("");
    expect(ldmxcsr("pentium3", 0x1fc0)).toBe("#GP");
    expect(ldmxcsr("pentium3", 0x9fbf)).toBe("");
  });

  test("a library's own model is asked", () => {
    const machine = new Machine({
      memoryBytes: 1 << 20,
      model: { ...cpuModels.core2, cpuid: (leaf, subleaf) => [leaf, subleaf, 1, 2] },
    });
    machine.memory.map(0x1000, 0x1000);
    machine.memory.write(0x1000, Uint8Array.from(CPUID));
    Object.assign(machine.cpu, { eip: 0x1000, eax: 7, ecx: 5 });
    machine.run(1);
    expect([machine.cpu.eax, machine.cpu.ebx, machine.cpu.ecx, machine.cpu.edx]).toEqual([7, 5, 1, 2]);
  });
});

test("every form of 32-bit code is executed, or is an undefined opcode on purpose", () => {
  const unsupported: string[] = [];
  for (const form of forms()) {
    if (form.encodeOnly || form.level === "long" || form.encoding !== "legacy") continue;
    const { execute } = executorOf(form);
    if (!isInSomeModel(form)) {
      expect([form.name, execute === undefinedOpcode || form.privileged || form.iopl]).toEqual([
        form.name,
        true,
      ]);
    } else if (execute.name === "missing" && stringExecutorOf(form) === undefined)
      unsupported.push(`${form.name} ${form.opcode}`);
  }
  expect(unsupported).toEqual([]);
});
