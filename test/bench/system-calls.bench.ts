/**
 * What a system call costs: a program that makes the same one over and over (mov eax; int 0x40; jmp), on a kernel of
 * its own, beside the same loop on a machine whose `int` nobody answers. The difference is the kernel's share. Each is
 * a process of its own, so that none profits or suffers from what V8 has seen in another.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Random } from "../../src/base/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { guide, Kernel } from "../../src/kernel/index.ts";
import { type InterruptHook, Machine } from "../../src/machine/index.ts";
import { cable, Nic, Stack } from "../../src/net/index.ts";
import { compare } from "./measure.ts";

const CALLS = 2_000_000;
const INSTRUCTIONS = 3;
const WIDTH = 20;

const dword = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const mov = (opcode: number, value: number) => [opcode, ...dword(value)];
/** EBX, ECX, EDX once, then the call for ever. */
const program = (eax: number, [ebx = 0, ecx = 0, edx = 0]: number[] = []) =>
  Uint8Array.from([
    ...mov(0xb8, 75),
    ...mov(0xbb, 1),
    0x31,
    0xc9,
    ...[0xcd, 0x40], // a socket, which gets number 16
    ...mov(0xbb, ebx),
    ...mov(0xb9, ecx),
    ...mov(0xba, edx),
    ...[...mov(0xb8, eax), 0xcd, 0x40, 0xeb, 0xf7],
  ]);

function answered(code: Uint8Array): () => number {
  const nic = new Nic({ port: cable()[0], mac: 0x5254_0000_0001 });
  const stack = new Stack({ nics: [nic], random: new Random(1) });
  const kernel = new Kernel({ personality: guide(), stack });
  const process = kernel.spawn(rawImage(code));
  if ("error" in process) throw new Error(process.error);
  return () => {
    kernel.run(0, CALLS * INSTRUCTIONS);
    return CALLS;
  };
}

/** `answer`: who is asked in the middle of the run; without one the machine stops for each. */
function unanswered(answer?: InterruptHook): () => number {
  const machine = new Machine();
  machine.memory.map(0, 8192);
  machine.memory.place(0, program(3));
  return () => {
    machine.onInterrupt(answer);
    const end = machine.instructions + CALLS * INSTRUCTIONS;
    while (machine.instructions < end) machine.run(end - machine.instructions);
    return CALLS;
  };
}

const cases: Readonly<Record<string, () => () => number>> = {
  "nobody answers": () => unanswered(() => true),
  "the machine stops": () => unanswered(),
  "3 time": () => answered(program(3)),
  "83 get option": () => answered(program(83, [16, 2])),
  "84 set option": () => answered(program(84, [1, 16, 1])),
  "80 accept, refused": () => answered(program(80, [16])),
  "no such function": () => answered(program(999)),
};
const name = process.argv[2];
if (name !== undefined) {
  await compare("calls", [{ name: name.padEnd(WIDTH), run: cases[name]!() }]);
} else {
  for (const each of Object.keys(cases))
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), each], { stdio: "inherit" });
}
