import { expect, test } from "vitest";
import { Random } from "../../../base/index.ts";
import { CompilingEngine } from "../../jit/index.ts";
import { Machine, type MachineOptions } from "../../machine.ts";

/** Each instruction gets its own place: code that is written anew is not compiled again for ever. */
const CODE = 0x8000;
const CODE_BYTES = 64;
const PRELUDE = 0x2000;
const MXCSR = 0x2ff0;
const A = 0x3000;
const B = 0x3010;
const RESULT = 0x3020;

const at = (address: number) => [address & 255, (address >> 8) & 255, 0, 0];
const PREFIXES = [[], [0x66], [0xf3], [0xf2]];
const INTEGERS = [
  0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x74, 0x75, 0x76, 0xd4,
  0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe3, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee,
  0xef, 0xf5, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
];

/** With xmm0 first, and xmm1 or the memory at B second. */
const both = (...opcode: number[]) => [
  [...opcode, 0xc1],
  [...opcode, 0x05, ...at(B)],
];
const INSTRUCTIONS: readonly number[][] = [
  ...[0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f].flatMap((opcode) =>
    PREFIXES.flatMap((prefix) => both(...prefix, 0x0f, opcode)),
  ),
  ...[0x14, 0x15, 0x54, 0x55, 0x56, 0x57].flatMap((opcode) =>
    PREFIXES.slice(0, 2).flatMap((prefix) => both(...prefix, 0x0f, opcode)),
  ),
  ...INTEGERS.flatMap((opcode) => both(0x66, 0x0f, opcode)),
  ...[0x10, 0x11].flatMap((opcode) => PREFIXES.flatMap((prefix) => both(...prefix, 0x0f, opcode))),
  ...[0x28, 0x29].flatMap((opcode) =>
    PREFIXES.slice(0, 2).flatMap((prefix) => both(...prefix, 0x0f, opcode)),
  ),
  ...[0x6f, 0x7f].flatMap((opcode) => [[0x66], [0xf3]].flatMap((prefix) => both(...prefix, 0x0f, opcode))),
  ...[0, 0x1b, 0x4e, 0xd8].flatMap((constant) =>
    [[], [0x66]].flatMap((prefix) =>
      both(...prefix, 0x0f, prefix.length > 0 ? 0x70 : 0xc6).map((code) => [...code, constant]),
    ),
  ),
  ...[0x5a, 0x12, 0x16].flatMap((opcode) => PREFIXES.flatMap((prefix) => both(...prefix, 0x0f, opcode))),
  ...[0x13, 0x17].flatMap((opcode) =>
    [[], [0x66]].map((prefix) => [...prefix, 0x0f, opcode, 0x05, ...at(B)]),
  ),
  ...[0x2e, 0x2f].flatMap((opcode) =>
    [[], [0x66]].flatMap(
      (prefix) => both(...prefix, 0x0f, opcode).map((code) => [...code, 0x9c, 0x8f, 0x05, ...at(B)]), // pushfd; pop [B]
    ),
  ),
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((predicate) =>
    PREFIXES.flatMap((prefix) => both(...prefix, 0x0f, 0xc2).map((code) => [...code, predicate])),
  ),
  ...[0, 5, 31, 32, 64, 200].flatMap((count) => [
    ...[0x71, 0x72].flatMap((opcode) =>
      [2, 4, 6].map((digit) => [0x66, 0x0f, opcode, 0xc0 | (digit << 3), count]),
    ),
    ...[2, 3, 6, 7].map((digit) => [0x66, 0x0f, 0x73, 0xc0 | (digit << 3), count & 31]),
  ]),
  ...[[0xf3], [0xf2], [0x66]].flatMap((prefix) => both(...prefix, 0x0f, 0xe6)),
  ...[[], [0x66], [0xf3]].flatMap((prefix) => both(...prefix, 0x0f, 0x5b)),
  // Conversions from and to eax, signs, dwords and quadwords.
  ...[[0xf3], [0xf2]].flatMap((prefix) => [
    [0xa1, ...at(B), ...prefix, 0x0f, 0x2a, 0xc0],
    [...prefix, 0x0f, 0x2a, 0x05, ...at(B)],
    [...prefix, 0x0f, 0x2c, 0xc1, 0xa3, ...at(B)],
    [...prefix, 0x0f, 0x2c, 0x05, ...at(B), 0xa3, ...at(B)],
    [...prefix, 0x0f, 0x2d, 0xc1, 0xa3, ...at(B)],
  ]),
  ...[
    [0x0f, 0x50],
    [0x66, 0x0f, 0x50],
    [0x66, 0x0f, 0xd7],
  ].map((code) => [...code, 0xc1, 0xa3, ...at(B)]),
  [0xa1, ...at(B), 0x66, 0x0f, 0x6e, 0xc0],
  [0x66, 0x0f, 0x6e, 0x05, ...at(B)],
  [0x66, 0x0f, 0x7e, 0xc8, 0xa3, ...at(B)],
  [0x66, 0x0f, 0x7e, 0x05, ...at(B)],
  ...both(0xf3, 0x0f, 0x7e),
  ...both(0x66, 0x0f, 0xd6),
  ...both(0x66, 0x0f, 0xc6).map((code) => [...code, 1]),
  ...both(0x66, 0x0f, 0xc6).map((code) => [...code, 2]),
];

/** Numbers of one size, mostly middling, often alike; the ends of the range, zeros, NaNs, anything. */
function operand(random: Random, alike: Uint8Array | undefined): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const double = random.below(2) === 0;
  for (let i = 0; i < 16; i += double ? 8 : 4) {
    const kind = random.below(24);
    let value = (random.u32() - 2 ** 31) / 2 ** random.below(double ? 60 : 40);
    if (kind < 4) value = Math.round(value) % 256;
    else if (kind === 4) value = 0;
    else if (kind === 5) value *= double ? 2 ** -1030 : 2 ** -140;
    else if (kind === 6) value *= double ? 2 ** 1000 : 2 ** 110;
    else if (kind === 7) value = [-0, Infinity, -Infinity, NaN][random.below(4)]!;
    else if (kind === 8) value = (double ? 2 ** -540 : 2 ** -64) * (1 + random.below(3));
    else if (kind < 14) value /= 3;
    if (double) view.setFloat64(i, value, true);
    else view.setFloat32(i, value, true);
    if (kind === 15) for (let k = 0; k < 4; k++) bytes[i + k] = random.below(256);
    if (kind === 16 && alike) bytes.set(alike.subarray(i, i + 8), i);
  }
  return bytes;
}

test("the fast functions of SSE do what the general way does", () => {
  const random = new Random(6);
  const ways: MachineOptions[] = [
    { unspecialised: true },
    {},
    { engine: (core) => new CompilingEngine(core, { threshold: 1, ahead: true }) },
  ];
  const machines = ways.map((way) => {
    const machine = new Machine({ memoryBytes: 0x40000, ...way });
    machine.memory.map(0, 0x40000);
    return machine;
  });
  // Compiled while MXCSR says that something was inexact, and while it does not.
  const places = [0x1f80, 0x1fa0].flatMap((mxcsr) =>
    INSTRUCTIONS.map((instruction) => ({ mxcsr, instruction })),
  );
  for (const [i, { mxcsr: before, instruction }] of places.entries()) {
    const place = CODE + i * CODE_BYTES;
    for (const { memory, cpu } of machines) {
      memory.place(PRELUDE, Uint8Array.of(0x0f, 0xae, 0x15, ...at(MXCSR), 0xcd, 0x40, 0xeb, 0xfe));
      memory.set32(MXCSR, before);
      cpu.eip = PRELUDE;
    }
    for (const machine of machines) machine.run(10);
    const code = [
      ...[0x0f, 0xae, 0x15, ...at(MXCSR)], // ldmxcsr
      ...[0x0f, 0x10, 0x05, ...at(A)], // movups xmm0
      ...[0x0f, 0x10, 0x0d, ...at(B)], // movups xmm1
      ...instruction,
      ...[0x0f, 0x11, 0x05, ...at(RESULT)],
      ...[0x0f, 0x11, 0x0d, ...at(RESULT + 16)],
      ...[0x0f, 0xae, 0x1d, ...at(MXCSR)], // stmxcsr
      ...[0xcd, 0x40, 0xeb, 0xfe], // int 0x40; jmp $
    ];
    for (const machine of machines) machine.memory.place(place, Uint8Array.from(code));
    for (let n = 0; n < 40; n++) {
      const mxcsr = [0x1f80, 0x1fa0, 0x1f80, 0x1fa0, random.u32() & 0xffff][random.below(5)]!;
      const a = operand(random, undefined);
      const b = operand(random, a);
      const answers = machines.map((machine) => {
        const { memory: ram, cpu } = machine;
        ram.set32(MXCSR, mxcsr);
        ram.write(A, a);
        ram.write(B, b);
        cpu.eip = place;
        cpu.esp = 0x2800;
        const stop = machine.run(100);
        if (stop.reason === "fault") return [stop.fault];
        return [...ram.read(RESULT, 32)!, ...ram.read(B, 16)!, ...ram.read(MXCSR, 4)!];
      });
      const words = `${instruction.map((byte) => byte.toString(16))} ${mxcsr.toString(16)} ${a} by ${b}`;
      expect(answers[1], words).toEqual(answers[0]);
      expect(answers[2], `compiled: ${words}`).toEqual(answers[0]);
    }
  }
});
