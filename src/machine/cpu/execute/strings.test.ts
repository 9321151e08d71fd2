import { expect, test } from "vitest";
import { Random } from "../../../base/index.ts";
import { Machine } from "../../machine.ts";

const CODE = 0x1000;
const DATA = 0x3000;
const END = 0x6000;
/** rep movsb, movsw, movsd, stosb, stosw, stosd; with a segment that is not flat; with 16-bit addresses. */
const INSTRUCTIONS = [
  ...[[0xa4], [0x66, 0xa5], [0xa5], [0xaa], [0x66, 0xab], [0xab]].flatMap((code) => [
    [0xf3, ...code],
    [0xf2, ...code],
  ]),
  [0xf3, 0x65, 0xa5],
  [0xf3, 0x67, 0xa5],
];

/** One number for many bytes. */
const digest = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);

test("short repeated moves do what the general way does", () => {
  const random = new Random(4);
  const machines = [true, false].map((unspecialised) => {
    const machine = new Machine({ memoryBytes: 0x10000, unspecialised });
    machine.memory.map(0, END);
    machine.memory.map(0x4000, 0x1000, { writable: false });
    // The fast functions are made when they have been asked for often: mov ecx, 1; rep movsb; dec ebx; jnz; int 0x40.
    machine.memory.place(CODE, Uint8Array.of(0xb9, 1, 0, 0, 0, 0xf3, 0xa4, 0x4b, 0x75, 0xf6, 0xcd, 0x40));
    Object.assign(machine.cpu, { eip: CODE, esi: DATA, edi: DATA, ebx: 1000 });
    expect(machine.run(1e6).reason).toEqual("interrupt");
    return machine;
  });
  const bytes = Uint8Array.from({ length: END - DATA }, (_, at) => at ^ (at >> 6));
  for (let n = 0; n < 300; n++) {
    const instruction = INSTRUCTIONS[random.below(INSTRUCTIONS.length)]!;
    const code = [...(random.below(20) === 0 ? [0xfd] : [0xfc]), ...instruction];
    const place = () => DATA + random.below(0x3000) + (random.below(2) ? 0 : 0x100 - 0x1000);
    const esi = place();
    const edi = random.below(3) === 0 ? esi + random.below(40) - 20 : place();
    const ecx = [0, random.below(5), random.below(40), random.below(300), 2000][random.below(5)]!;
    const eax = random.u32();
    const budget = random.below(3) === 0 ? 1 + random.below(20) : 1e6;
    const answers = machines.map((machine) => {
      const { memory, cpu } = machine;
      memory.place(DATA, bytes);
      memory.place(CODE, Uint8Array.from(code));
      Object.assign(cpu, { eip: CODE, esi, edi, ecx, eax });
      machine.run(1);
      const before = machine.instructions;
      const stop = machine.run(budget > 1e5 ? Math.max(1, ecx) : Math.min(budget, Math.max(1, ecx)));
      const { eip } = cpu;
      return [
        stop,
        eip,
        cpu.esi,
        cpu.edi,
        cpu.ecx,
        machine.instructions - before,
        digest(memory.read(DATA, END - DATA)!),
      ];
    });
    const words = `${instruction.map((byte) => byte.toString(16))} esi ${esi} edi ${edi} ecx ${ecx}, at most ${budget}`;
    expect(answers[1], words).toEqual(answers[0]);
  }
});
