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
