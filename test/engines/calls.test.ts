import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { Random } from "../../src/base/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { guide, Kernel, showCallLine } from "../../src/kernel/index.ts";
import type { Core, MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { cable, Nic, Stack } from "../../src/net/index.ts";

const source = `
 mov eax,75
 mov ebx,1
 xor ecx,ecx
 int 0x40 ; a socket
 mov [fd],eax
main:
 call ask
 mov eax,3
 int 0x40 ; time
 add [sum],eax
 dec dword [left]
 jnz main
 mov eax,-1
 int 0x40
ask:
 mov eax,84
 mov ebx,1
 mov ecx,[fd]
 mov edx,1
 int 0x40 ; not to wait
 mov eax,80
 mov ebx,[fd]
 int 0x40 ; accept, refused
 test eax,eax
 js failed
 inc dword [sum]
failed:
 mov eax,12345
 int 0x40 ; no such function
 ret
second:
 mov eax,5
 mov ebx,1
 int 0x40 ; 10 ms
 mov ecx,300
spin:
 add [sum],ecx
 mov eax,3
 test cl,15
 jnz quiet
 int 0x40
quiet:
 loop spin
 jmp second
fd dd 0
sum dd 0
left dd 150
`;
const made = assemble("a.asm", { files: memoryFiles({ "a.asm": `use32\n${source}` }) });
if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));

/** Every call of two threads with its moment, and what is left in the end. */
function run(engine: MachineOptions["engine"], budget: number): string[] {
  const nic = new Nic({ port: cable()[0], mac: 0x5254_0000_0001 });
  const stack = new Stack({ nics: [nic], random: new Random(1) });
  const kernel = new Kernel({ personality: guide(), stack, engine, timeSlice: 700, memoryBytes: 1 << 20 });
  const process = kernel.spawn(rawImage(made.bytes));
  if ("error" in process) throw new Error(process.error);
  kernel.startThread(process, { eip: made.symbols.value("second")!, esp: process.image.stackTop - 1024 });
  const lines: string[] = [];
  kernel.onCall((record) => lines.push(showCallLine(record)));
  let now = 0;
  for (let n = 0; n < 3000; n++) {
    const executed = kernel.run(now, budget);
    now += Math.max(Math.ceil(executed / 100), 1);
    kernel.poll(now);
    if (process.threads[0]!.state === "ended") break;
  }
  lines.push(`${kernel.instructions} instructions, ${process.memory.u32(made.symbols.value("sum")!)}`);
  lines.push(JSON.stringify(kernel.counts));
  return lines;
}

test.each([
  ["compiled at once", { threshold: 1, together: 2 }],
  ["compiled ahead", { ahead: true, most: 100 }],
] as const)("every call of every thread comes at the same instruction: %s", (_, options) => {
  for (const budget of [10_000, 333]) {
    const expected = run("interpreter", budget);
    expect(expected.length).toBeGreaterThan(500);
    expect(run((core: Core) => new CompilingEngine(core, options), budget)).toEqual(expected);
  }
});
