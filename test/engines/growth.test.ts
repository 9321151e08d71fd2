/** A machine has room for a part of its address space at first: what runs must not see when that changes. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { Interpreter, Machine, type MachineOptions } from "../../src/machine/index.ts";

const ORIGIN = 0x1000;
const FAR = 8 << 20;
const PROGRAM = `use32
org 0x${ORIGIN.toString(16)}
	mov	esi, 8000
	mov	edi, 0x5000
again:	add	eax, 0x91234567
	adc	ebx, eax
	rol	ebx, 3
	cmp	ebx, eax
	int	0x40
	adc	ecx, 0
	mov	[edi], ebx
	inc	byte [patched+1]
patched: mov	dl, 0
	add	ecx, edx
	add	edi, 4
	dec	esi
	jnz	again
	int	0x41
`;

/** Runs it; with the call numbered `grows` more memory is mapped, or it is there from the start (0). */
function run(options: MachineOptions, grows: number) {
  const made = assemble("a.asm", { files: memoryFiles({ "a.asm": PROGRAM }) });
  const machine = new Machine({ ...options, gates: [0x40, 0x41] });
  const { memory, cpu } = machine;
  memory.map(0, 0x1_0000);
  memory.place(ORIGIN, made.bytes);
  cpu.eip = ORIGIN;
  const { reach } = memory;
  const more = () => memory.map(FAR, 0x2_0000);
  if (grows === 0) more();
  let calls = 0;
  machine.onInterrupt((vector) => {
    if (vector === 0x41) return false;
    if (++calls === grows) more();
    if (calls === 6000) cpu.edi = FAR;
    return true;
  });
  const stop = machine.run(1_000_000);
  expect(stop).toEqual({ reason: "interrupt", vector: 0x41 });
  memory.map(reach, 0x4_0000); // where the lines were
  const { instructions, context, pages } = machine.snapshot();
  const hash = createHash("sha256").update(context);
  for (const { address, bytes } of pages) hash.update(`${address}`).update(bytes);
  return { reach, result: { instructions, hash: hash.digest("hex") } };
}

const engines: [string, MachineOptions["engine"]][] = [
  ["interpreter", "interpreter"],
  ["compiled", "compiled"],
];

test.each(engines)("%s: memory that grows in the middle of a run", (_, engine) => {
  const { reach, result } = run({ ...(engine && { engine }) }, 0);
  expect(reach).toBeLessThan(FAR);
  for (const grows of [1, 20, 150, 6000])
    expect(run({ ...(engine && { engine }) }, grows).result).toEqual(result);
});

test("an engine of somebody else's has all the room from the beginning", () => {
  const machine = new Machine({ engine: (core) => new Interpreter(core) });
  const { memory, cpu } = machine;
  expect(memory.reach).toBe(memory.size);
  memory.map(FAR, 4096);
  memory.place(FAR, Uint8Array.of(0x40, 0xcd, 0x40)); // inc eax; int 0x40
  cpu.eip = FAR;
  expect([machine.run(10), cpu.eax]).toEqual([{ reason: "interrupt", vector: 0x40 }, 1]);
});

test("a hook on memory may map more in the middle of an instruction", () => {
  const machine = new Machine();
  const { memory, cpu } = machine;
  memory.map(0, 0x1_0000);
  memory.place(ORIGIN, Uint8Array.of(0x89, 0x07, 0x8b, 0x07, 0xcd, 0x40)); // mov [edi],eax; mov eax,[edi]; int 0x40
  Object.assign(cpu, { eip: ORIGIN, edi: 0x5000, eax: 7 });
  machine.onMemory([{ start: 0x5000, end: 0x5004, write: true }], () => memory.map(FAR, 1));
  expect(machine.run(10)).toEqual({ reason: "interrupt", vector: 0x40 });
  expect([cpu.eax, memory.u32(0x5000), machine.instructions]).toEqual([7, 7, 3]);
});
