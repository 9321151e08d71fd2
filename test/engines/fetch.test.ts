import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import type { Core } from "../../src/machine/cpu/engine.ts";
import { Machine, type MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

const engines: [string, MachineOptions["engine"]][] = [
  ["interpreted", "interpreter"],
  ["compiled", (core: Core) => new CompilingEngine(core, { ahead: true, most: 50 })],
];

test("what cannot be fetched does not count, what led there does", () => {
  const jump = "mov eax, 0x500000\njmp eax";
  const ways: [string, number, string, number][] = [
    ["jmp", 0x1000, jump, 2],
    ["ret", 0x1000, "push 0x500000\nret", 2],
    ["falling off the page", 0x1ffd, "nop\nnop\nnop", 3],
    ["an instruction cut by the end of the page", 0x1ffd, "nop\nmov eax, 1", 1],
    ["behind a loop that is compiled", 0x1000, `mov ecx, 1000\n@@: loop @b\n${jump}`, 1003],
  ];
  for (const [kind, engine] of engines)
    for (const [name, at, source, count] of ways)
      for (const budget of [1, 5000]) {
        const files = memoryFiles({ a: `use32\norg ${at}\n${source}` });
        const machine = new Machine({ memoryBytes: 1 << 24, engine });
        machine.memory.map(0x1000, 0x1000);
        machine.memory.write(at, assemble("a", { files }).bytes.subarray(0, 0x2000 - at));
        machine.cpu.eip = at;
        machine.cpu.esp = 0x1800;
        let stop = machine.run(budget);
        while (stop.reason === "budget") stop = machine.run(budget);
        expect([name, kind, stop.reason, machine.instructions]).toEqual([name, kind, "fault", count]);
      }
});

test("a breakpoint where nothing can be fetched stops the machine before that is tried", () => {
  for (const [kind, engine] of engines)
    for (const [at, bytes] of [
      [0x5000, []],
      [0x1ffe, [0xb8, 1]], // mov eax,constant, which the next page would have
    ] as const) {
      const machine = new Machine({ memoryBytes: 1 << 24, engine });
      machine.memory.map(0x1000, 0x1000);
      machine.memory.write(0x1000, Uint8Array.of(0xb8, at & 0xff, at >> 8, 0, 0, 0xff, 0xe0)); // mov eax,at; jmp eax
      machine.memory.write(0x1ffe, Uint8Array.of(...bytes));
      machine.cpu.eip = 0x1000;
      machine.breakpoints.add(at);
      expect([kind, machine.run(100)]).toEqual([kind, { reason: "breakpoint", address: at }]);
      expect([kind, machine.run(100)]).toMatchObject([kind, { reason: "fault", fault: "#PF" }]);
      expect(machine.instructions).toBe(2);
    }
});
