import { expect, test } from "vitest";
import { Random } from "../../../base/index.ts";
import { CompilingEngine } from "../../jit/index.ts";
import { Machine, type MachineOptions } from "../../machine.ts";
import { STATE } from "../state.ts";

/** Each instruction gets its own place: code that is written anew is not compiled again for ever. */
const CODE = 0x4000;
const CODE_BYTES = 64;
const A = 0x3000;
const B = 0x3010;
const MEMORY = 0x3020;
const SAVED = 0x3100;
const SAVED_BYTES = 108;
const X87 = STATE.X87;
const X87_END = STATE.X87_OPERAND_SELECTOR + 4;

const at = (address: number) => [address & 255, (address >> 8) & 255, 0, 0];
/** `opcode /digit [address]`. */
const memory = (opcode: number, digit: number, address = MEMORY) => [
  opcode,
  0x05 | (digit << 3),
  ...at(address),
];

/** Instructions with a fast function: arithmetic, comparisons, loads, stores, on two registers or memory. */
const INSTRUCTIONS: readonly number[][] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((digit) => [
    [0xd8, 0xc1 | (digit << 3)],
    ...[0xd8, 0xda, 0xdc, 0xde].map((opcode) => memory(opcode, digit)),
  ]),
  ...[0, 1, 4, 5, 6, 7].flatMap((digit) => [
    [0xdc, 0xc1 | (digit << 3)],
    [0xde, 0xc1 | (digit << 3)],
  ]),
  ...[0xdd, 0xdb].map((opcode) => memory(opcode, opcode === 0xdd ? 0 : 5)),
  ...[0xd9, 0xdb, 0xdf].map((opcode) => memory(opcode, 0)),
  ...[0xd9, 0xdd].flatMap((opcode) => [2, 3].map((digit) => memory(opcode, digit))),
  ...[0xdb, 0xdd, 0xdf].flatMap((opcode) =>
    (opcode === 0xdd ? [1] : [1, 2, 3]).map((digit) => memory(opcode, digit)),
  ),
  ...[5, 7].map((digit) => memory(0xdf, digit)),
  memory(0xdb, 7),
  [0xd9, 0xc1],
  [0xd9, 0xc9],
  [0xd9, 0xe0],
  [0xd9, 0xe1],
  [0xd9, 0xfa],
  [0xd9, 0xe4],
  [0xdd, 0xd1],
  [0xdd, 0xd9],
  [0xdd, 0xe1],
  [0xdd, 0xe9],
  [0xde, 0xd9],
  [0xda, 0xe9],
  ...[0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee].map((code) => [0xd9, code]),
  ...[0xdb, 0xdf].flatMap((opcode) =>
    [0xf1, 0xe9].map((code) => [opcode, code, 0x9c, 0x8f, 0x05, ...at(MEMORY)]),
  ),
  // mov ah,[MEMORY]; sahf; fcmovcc
  ...[0xda, 0xdb].flatMap((opcode) =>
    [0xc1, 0xc9, 0xd1, 0xd9].map((code) => [0x8a, 0x25, ...at(MEMORY), 0x9e, opcode, code]),
  ),
  [0xdf, 0xe0, 0xa3, ...at(MEMORY)], // fnstsw ax
  memory(0xdd, 7),
  memory(0xd9, 7),
  [...memory(0xd9, 5), ...memory(0xd9, 7, MEMORY + 4)], // fldcw
];

/** A significand: random, of few bits, or close to a power of two. */
function significand(random: Random): bigint {
  const bits = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  switch (random.below(6)) {
    case 0:
      return 1n << 63n;
    case 1:
      return (1n << 63n) | BigInt(random.below(4));
    case 2:
      return (1n << 64n) - 1n - BigInt(random.below(4));
    case 3:
      return (1n << 63n) | (bits & ((1n << 63n) - 1n) & ~((1n << BigInt(random.below(63))) - 1n));
    default:
      return (1n << 63n) | bits;
  }
}

/** Bytes of an 80-bit number, mostly of a middling size. */
function extended(random: Random): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  const kind = random.below(20);
  const exponent = kind === 0 ? random.below(0x8000) : kind === 1 ? 0 : 0x3fff + random.below(70) - 35;
  view.setUint16(8, exponent | (random.below(2) << 15), true);
  view.setBigUint64(0, kind === 1 ? 0n : BigInt.asUintN(64, significand(random)), true);
  return bytes;
}

/** Bytes that are a middling number whatever they are read as, sometimes zero, sometimes anything. */
function operand(random: Random): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  const value = (random.u32() - 2 ** 31) / 2 ** random.below(40);
  switch (random.below(6)) {
    case 0:
      break;
    case 1:
      for (let i = 0; i < 10; i++) bytes[i] = random.below(256);
      break;
    case 2:
      view.setFloat32(0, value, true);
      break;
    case 3:
      view.setFloat64(0, value / 3, true);
      break;
    case 4:
      view.setInt32(0, random.u32() >> random.below(32), true);
      break;
    default:
      bytes.set(extended(random));
  }
  return bytes;
}

test("the fast functions of the x87 do what the general way does", () => {
  const random = new Random(5);
  const ways: MachineOptions[] = [
    { unspecialised: true },
    {},
    { engine: (core) => new CompilingEngine(core, { threshold: 1, ahead: true }) },
  ];
  const machines = ways.map((way) => {
    const machine = new Machine({ memoryBytes: 0x20000, ...way });
    machine.memory.map(0, 0x20000);
    return machine;
  });
  for (const [i, instruction] of INSTRUCTIONS.entries()) {
    const place = CODE + i * CODE_BYTES;
    const code = [
      ...[0xdb, 0xe3], // fninit
      ...memory(0xd9, 5, A - 4), // fldcw
      ...memory(0xdb, 5, A),
      ...memory(0xdb, 5, B),
      ...instruction,
      ...memory(0xdd, 6, SAVED), // fnsave
      ...[0xcd, 0x40, 0xeb, 0xfe], // int 0x40; jmp $
    ];
    for (const machine of machines) machine.memory.place(place, Uint8Array.from(code));
    for (let n = 0; n < 150; n++) {
      const control = random.below(4) > 0 ? 0x37f : 0x340 | (random.u32() & 0xfff);
      const values = [extended(random), extended(random), operand(random)];
      const answers = machines.map((machine) => {
        const { memory: ram, cpu } = machine;
        ram.set16(A - 4, control);
        for (const [k, to] of [A, B, MEMORY].entries()) ram.write(to, values[k]!);
        cpu.eip = place;
        const stop = machine.run(100);
        if (stop.reason === "fault") return [stop.fault];
        return [...ram.read(SAVED, SAVED_BYTES)!, ...ram.read(MEMORY, 16)!];
      });
      const words = `${instruction.map((byte) => byte.toString(16))} ${control.toString(16)} ${values}`;
      expect(answers[1], words).toEqual(answers[0]);
      expect(answers[2], `compiled: ${words}`).toEqual(answers[0]);
    }
  }
});

test("sequences of x87 instructions leave the same registers behind, compiled or not, cut short or not", () => {
  const random = new Random(8);
  const ways: MachineOptions[] = [
    { unspecialised: true },
    { engine: (core) => new CompilingEngine(core, { threshold: 1, ahead: true }) },
    { engine: (core) => new CompilingEngine(core, { threshold: 1, ahead: true }) },
  ];
  const machines = ways.map((way) => {
    const machine = new Machine({ memoryBytes: 0x40000, ...way });
    machine.memory.map(0, 0x40000);
    return machine;
  });
  for (let n = 0; n < 40; n++) {
    const place = CODE + n * 2 * CODE_BYTES;
    const code = [...[0xdb, 0xe3], ...memory(0xd9, 5, A - 4)];
    for (let loads = random.below(5); loads >= 0; loads--) code.push(...memory(0xdb, 5, loads & 1 ? A : B));
    for (let count = 2 + random.below(9); count > 0; count--) {
      const [opcode, second = 0, ...rest] = INSTRUCTIONS[random.below(INSTRUCTIONS.length)]!;
      // Registers other than ST(1) now and then.
      const other =
        rest.length === 0 && random.below(3) === 0 && (opcode === 0xd9 ? second < 0xd0 : second < 0xe8);
      code.push(opcode!, other && !(opcode === 0xda) ? (second & ~7) | random.below(8) : second, ...rest);
    }
    code.push(0xcd, 0x40, 0xeb, 0xfe);
    for (const machine of machines) machine.memory.place(place, Uint8Array.from(code));
    for (let k = 0; k < 8; k++) {
      const control = random.below(8) > 0 ? 0x37f : 0x340 | (random.u32() & 0xfff);
      const values = [extended(random), extended(random), operand(random)];
      const answers = machines.map((machine, which) => {
        const { memory: ram, cpu } = machine;
        ram.set16(A - 4, control);
        for (const [i, to] of [A, B, MEMORY].entries()) ram.write(to, values[i]!);
        cpu.eip = place;
        cpu.esp = 0x2800;
        let stop = machine.run(which === 2 ? 1 + random.below(6) : 100);
        while (stop.reason === "budget") stop = machine.run(100);
        return [
          stop,
          cpu.eip,
          cpu.eax,
          ...machine.saveContext().state.subarray(X87, X87_END),
          ...ram.read(MEMORY, 16)!,
        ];
      });
      const words = `${code.map((byte) => byte.toString(16))} ${control.toString(16)} ${values}`;
      expect(answers[1], words).toEqual(answers[0]);
      expect(answers[2], `in pieces: ${words}`).toEqual(answers[0]);
    }
  }
});
