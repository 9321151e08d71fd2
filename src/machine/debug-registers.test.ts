import { describe, expect, test } from "vitest";
import { Machine } from "./index.ts";

/** `code` at 0x1000, data from 0x2000, a stack below 0x4000. */
function running(...code: number[]): Machine {
  const machine = new Machine({ memoryBytes: 1 << 20 });
  machine.memory.map(0x1000, 0x3000);
  machine.memory.write(0x1000, Uint8Array.from(code));
  Object.assign(machine.cpu, { eip: 0x1000, esp: 0x3800 });
  return machine;
}

/** DR7 for breakpoint 0: kind (0 execute, 1 write, 3 read or write) and length field. */
const dr7 = (kind: number, length = 0) => 1 | (kind << 16) | (length << 18);
const TRAP = { reason: "trap", trap: "#DB" };

describe("hardware breakpoints", () => {
  test("on an instruction: a fault before it, once", () => {
    const machine = running(0x40, 0x41, 0xeb, 0xfc); // inc eax; inc ecx; jmp back
    machine.debug.setAddress(0, 0x1001);
    machine.debug.dr7 = dr7(0);
    for (let round = 1; round <= 3; round++) {
      expect(machine.run(100)).toEqual({ reason: "fault", fault: "#DB", code: 0 });
      expect([machine.cpu.eip, machine.cpu.eax, machine.cpu.ecx]).toEqual([0x1001, round, round - 1]);
      expect(machine.debug.dr6 & 15).toBe(1);
      expect(machine.cpu.eflags & 0x10000).toBe(0x10000);
      machine.debug.dr6 = 0;
    }
    machine.debug.dr7 = 0;
    expect(machine.run(30)).toEqual({ reason: "budget" });
  });

  test("on data: a trap behind the instruction that writes, or reads", () => {
    const code = [0xa1, 4, 0x20, 0, 0, 0xa3, 6, 0x20, 0, 0, 0x90]; // mov eax,[0x2004]; mov [0x2006],eax; nop
    const machine = running(...code);
    machine.debug.setAddress(2, 0x2007);
    machine.debug.dr7 = ((dr7(1, 3) & ~1) << 8) | 0x10; // breakpoint 2: write, 4 bytes: 0x2004 to 0x2007
    expect(machine.run(100)).toEqual(TRAP);
    expect([machine.cpu.eip, machine.debug.dr6 & 15, machine.instructions]).toEqual([0x100a, 4, 2]);
    const reading = running(...code);
    reading.debug.setAddress(0, 0x2005);
    reading.debug.dr7 = dr7(3, 1); // read or write, 2 bytes: 0x2004 and 0x2005
    expect(reading.run(100)).toEqual(TRAP);
    expect(reading.cpu.eip).toBe(0x1005);
    expect(reading.run(2)).toEqual({ reason: "budget" });
  });

  test("an iteration of a repeated instruction traps, and an access that faults does not", () => {
    const machine = running(0xf3, 0xaa); // rep stosb
    Object.assign(machine.cpu, { edi: 0x2000, ecx: 8 });
    machine.debug.setAddress(0, 0x2003);
    machine.debug.dr7 = dr7(1);
    expect(machine.run(100)).toEqual(TRAP);
    expect([machine.cpu.edi, machine.cpu.ecx, machine.cpu.eip]).toEqual([0x2004, 4, 0x1000]);
    // push dword [0x2000] reads, and then has no stack.
    const faulting = running(0xff, 0x35, 0, 0x20, 0, 0);
    faulting.cpu.esp = 0x8000;
    faulting.debug.setAddress(0, 0x2000);
    faulting.debug.dr7 = dr7(3, 3);
    expect(faulting.run(5)).toMatchObject({ fault: "#PF", address: 0x7ffc });
    expect(faulting.debug.dr6 & 15).toBe(0);
  });

  test("memory hooks hear what they heard before, and no more", () => {
    const machine = running(0xa3, 0, 0x20, 0, 0, 0xa3, 8, 0x20, 0, 0); // mov [0x2000],eax; mov [0x2008],eax
    const seen: number[] = [];
    machine.onMemory([{ start: 0x2008, end: 0x200c, write: true }], (_, address) => {
      seen.push(address);
    });
    machine.debug.setAddress(0, 0x2000);
    machine.debug.dr7 = dr7(1, 3);
    expect(machine.run(2)).toEqual(TRAP);
    expect(machine.run(1)).toEqual({ reason: "budget" });
    expect(seen).toEqual([0x2008]);
  });

  test("a single step says so in DR6, int1 does not", () => {
    const machine = running(0x90, 0xf1);
    machine.cpu.eflags |= 0x100;
    expect(machine.run(10)).toEqual(TRAP);
    expect(machine.debug.dr6).toBe(0xffff_4ff0);
    machine.debug.dr6 = 0;
    machine.cpu.eflags &= ~0x100;
    expect(machine.run(10)).toEqual(TRAP);
    expect([machine.cpu.eip, machine.debug.dr6]).toEqual([0x1002, 0xffff_0ff0]);
  });

  test("mov ss keeps the step after it from being seen, pushf shows TF", () => {
    const machine = running(0x8e, 0xd0, 0x9c, 0x90); // mov ss,eax; pushf; nop
    machine.cpu.eax = 0x23;
    machine.cpu.eflags |= 0x100;
    expect(machine.run(10)).toEqual(TRAP);
    expect(machine.cpu.eip).toBe(0x1003);
    expect(machine.memory.u32(machine.cpu.esp)! & 0x100).toBe(0x100);
  });
});
