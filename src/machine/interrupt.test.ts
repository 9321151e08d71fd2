/** `int` answered in the middle of a run is the same as a machine that stops for each and is run again. */
import { describe, expect, test } from "vitest";
import { assemble, memoryFiles } from "../assembler/index.ts";
import { type Core, Machine, type MachineOptions } from "./index.ts";
import { CompilingEngine } from "./jit/index.ts";

const ORIGIN = 0x1000;

/** Flags and a vector register live across calls, calls in a routine, code behind them that is written by answers. */
const source = `
 mov ecx,200
 mov esi,numbers
again:
 movups xmm1,[esi]
 cmp ecx,100
 int 0x40
 jb below
 add edi,3
below:
 adc edi,ecx
 call routine
changed:
 add ebx,1
 movups [esi],xmm1
 dec ecx
 jnz again
 mov eax,-1
 int 0x40
 jmp $
routine:
 stc
 int 0x41
 sbb edx,1
 ret
numbers dd 1,2,3,4
`;
const made = assemble("a.asm", { files: memoryFiles({ "a.asm": `use32\norg 0x1000\n${source}` }) });
if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
const changed = made.symbols.value("changed")!;

const engines: readonly [string, MachineOptions["engine"]][] = [
  ["interpreter", "interpreter"],
  ["compiled at once", (core: Core) => new CompilingEngine(core, { threshold: 1 })],
  ["compiled ahead", (core: Core) => new CompilingEngine(core, { ahead: true, most: 100 })],
];

function machineWith(engine: MachineOptions["engine"]): Machine {
  const machine = new Machine({ memoryBytes: 1 << 20, gates: [0x40, 0x41], engine });
  machine.memory.map(0, 0x4000);
  machine.memory.place(ORIGIN, made.bytes);
  machine.cpu.eip = ORIGIN;
  machine.cpu.esp = 0x4000;
  return machine;
}

type Answer = (machine: Machine, vector: number, call: number) => boolean | undefined;

/** Everything that whoever answers could have seen, one line a call, and the end. */
function told(engine: MachineOptions["engine"], answer: Answer, asked: boolean, piece: number): string[] {
  const machine = machineWith(engine);
  const { cpu } = machine;
  const lines: string[] = [];
  const tell = (what: string): void => {
    const { eax, ebx, ecx, edx, edi, esp, eip, eflags } = cpu;
    lines.push(`${machine.instructions} ${what} ${[eax, ebx, ecx, edx, edi, esp, eip, eflags].join(" ")}`);
  };
  let calls = 0;
  const hook = (vector: number): boolean => {
    tell(`int ${vector}`);
    return answer(machine, vector, ++calls) ?? true;
  };
  if (asked) machine.onInterrupt(hook);
  for (let n = 0; n < 20_000; n++) {
    const stop = machine.run(piece);
    if (stop.reason === "budget") continue;
    if (stop.reason === "interrupt") {
      if (asked ? cpu.eax === 0xffff_ffff : !hook(stop.vector) && cpu.eax === 0xffff_ffff) break;
      continue;
    }
    tell(stop.reason);
    if (stop.reason === "fault") break;
  }
  tell("end");
  return lines;
}

const answers: readonly [string, Answer][] = [
  ["goes on, until the program ends", ({ cpu }) => cpu.eax !== 0xffff_ffff],
  [
    "stops now and then",
    ({ cpu }, _, call) => {
      if (cpu.eax === 0xffff_ffff) return false;
      cpu.eax = call;
      return call % 3 !== 0;
    },
  ],
  [
    "changes registers, flags and memory",
    ({ cpu, memory }, vector, call) => {
      if (cpu.eax === 0xffff_ffff) return false;
      cpu.edi = (cpu.edi * 5 + vector) >>> 0;
      if (call % 5 === 0) cpu.eflags ^= 0x841;
      memory.set32(made.symbols.value("numbers")!, call);
      return true;
    },
  ],
  [
    "writes code",
    ({ cpu, memory }, _, call) => {
      if (cpu.eax === 0xffff_ffff) return false;
      if (call % 40 === 0) memory.write(changed + 2, Uint8Array.of(call / 40)); // add ebx,…
      if (call % 90 === 0) memory.write(changed, Uint8Array.of(0x83, call % 180 ? 0xc3 : 0xeb)); // add, sub
      return true;
    },
  ],
  [
    "gives and takes memory",
    ({ cpu, memory }, _, call) => {
      if (cpu.eax === 0xffff_ffff) return false;
      if (call % 10 === 0) memory.map(0x8000, 0x2000);
      if (call % 10 === 5) memory.unmap(0x8000, 0x1000);
      return true;
    },
  ],
  [
    "goes elsewhere, and lets the program step",
    ({ cpu }, vector, call) => {
      if (cpu.eax === 0xffff_ffff) return false;
      if (vector === 0x40 && call % 7 === 0) cpu.eip = made.symbols.value("below")!;
      if (call % 50 === 0) cpu.eflags |= 0x100;
      if (call % 50 === 2) cpu.eflags &= ~0x100;
      return true;
    },
  ],
  [
    "sets breakpoints and watches instructions",
    (machine, _, call) => {
      if (machine.cpu.eax === 0xffff_ffff) return false;
      if (call === 20) machine.breakpoints.add(changed);
      if (call === 30) machine.breakpoints.clear();
      if (call === 40) machine.onInstruction((address) => address === made.symbols.value("routine"));
      if (call === 50) machine.onInstruction(undefined);
      return true;
    },
  ],
];

describe.each(answers)("%s", (_, answer) => {
  const expected = told("interpreter", answer, false, Number.POSITIVE_INFINITY);

  test.each(engines)("%s", (_, engine) => {
    expect(expected.length).toBeGreaterThan(300);
    expect(told(engine, answer, true, Number.POSITIVE_INFINITY)).toEqual(expected);
    expect(told(engine, answer, false, Number.POSITIVE_INFINITY)).toEqual(expected);
    for (const piece of [1, 7, 64]) expect(told(engine, answer, true, piece)).toEqual(expected);
  });
});

test.each(engines)(
  "what an answer throws comes out of the run, with the machine as it was: %s",
  (_, engine) => {
    const machine = machineWith(engine);
    let calls = 0;
    machine.onInterrupt(() => {
      if (++calls === 77) throw new Error("no answer");
      return true;
    });
    expect(() => machine.run(1e6)).toThrow("no answer");
    const other = machineWith("interpreter");
    for (let n = 0; n < 77; n++) other.run(1e6);
    expect([machine.instructions, machine.cpu.eip, machine.cpu.eflags]).toEqual([
      other.instructions,
      other.cpu.eip,
      other.cpu.eflags,
    ]);
  },
);
