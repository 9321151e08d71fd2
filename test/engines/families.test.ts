/** The families of cpu/undefined.ts: that each does what its table says, and that every engine does it. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import {
  type Core,
  cpuModels,
  Machine,
  type MachineOptions,
  type UndefinedFamily,
  undefinedFamilies,
} from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { differences, flagNames } from "../conformance/processor/case.ts";
import { asked, generate, keyOf, sequence } from "../conformance/processor/generate.ts";
import { options, Subject } from "../conformance/processor/ours.ts";

const engines: readonly [string, MachineOptions][] = [
  ["interpreted", { engine: "interpreter" }],
  ["each instruction in the general way", { unspecialised: true }],
  ["compiled", { engine: (core: Core) => new CompilingEngine(core, { ahead: true, most: 15 }) }],
];

const [CF, PF, AF, ZF, SF, OF] = [1, 4, 16, 64, 128, 2048];
/** Hlt, so that what is compiled ends here. */
const END = [0xf4];
const ALL = CF | PF | AF | ZF | SF | OF;

/** One instruction with EAX, ECX and flags given: EAX and the arithmetic flags after it. */
function machineOf(undefinedFlags: UndefinedFamily, engine: MachineOptions) {
  const machine = new Machine({ memoryBytes: 1 << 20, undefinedFlags, ...engine });
  machine.memory.map(0x1000, 0x2000);
  let written = "";
  return (code: readonly number[], eax: number, ecx: number, flags: number): [eax: number, flags: number] => {
    // What is written is compiled anew.
    if (written !== `${code}`) machine.memory.write(0x1000, Uint8Array.of(...code, ...END));
    written = `${code}`;
    Object.assign(machine.cpu, { eip: 0x1000, esp: 0x2800, eax, ecx, edx: 0, eflags: flags | 2 });
    // A single instruction would be interpreted.
    expect(machine.run(20)).toMatchObject({ fault: "#GP" });
    return [machine.cpu.eax, machine.cpu.eflags & ALL];
  };
}

/** ZF, SF and PF of a value. */
function ofResult(value: number, bits: number): number {
  const text = (bits === 32 ? value >>> 0 : value & (2 ** bits - 1)).toString(2).padStart(bits, "0");
  const ones = [...text.slice(-8)].filter((digit) => digit === "1").length;
  return (text.includes("1") ? 0 : ZF) | (text[0] === "1" ? SF : 0) | (ones % 2 === 0 ? PF : 0);
}

// The i386, by what test386.asm expects, which was validated on an 80386SX -----------------------------------

const AAA = [0x37];
const AAS = [0x3f];
const DAA = [0x27];
const DAS = [0x2f];
const AAD = [0xd5, 10];
const AAM = [0xd4, 10];
const byte = (operation: number): number[] => [0xd2, 0xc0 | (operation << 3)]; // al,cl
const word = (operation: number): number[] => [0x66, 0xd3, 0xc0 | (operation << 3)]; // ax,cl
const [RCL, RCR, SHL, SHR] = [2, 3, 4, 5] as const;
const BT = [0x66, 0x0f, 0xa3, 0xc8]; // ax,cx

/** Code, EAX, ECX, flags before, flags after. */
const on386: readonly [readonly number[], number, number, number, number][] = [
  [AAA, 0x0000, 0, 0, PF | ZF],
  [AAA, 0x0001, 0, PF | ZF | SF | OF, 0],
  [AAA, 0x007a, 0, 0, CF | AF | SF | OF],
  [AAA, 0x007b, 0, AF, CF | PF | AF | SF | OF],
  [AAD, 0x0001, 0, CF | AF | OF, 0],
  [AAD, 0x0d8e, 0, 0, CF | AF | OF],
  [AAD, 0x0106, 0, 0, AF],
  [AAD, 0x01f7, 0, 0, CF | AF],
  [AAM, 0x0000, 0, CF | AF | OF, ZF | PF],
  [AAS, 0x0000, 0, SF | OF, PF | ZF],
  [AAS, 0x0000, 0, AF, CF | PF | AF | SF],
  [AAS, 0x0001, 0, PF | ZF | SF | OF, 0],
  [AAS, 0x0680, 0, AF, CF | AF | OF],
  [DAA, 0x001a, 0, AF | OF, AF],
  [DAA, 0x001a, 0, CF, CF | AF | SF | OF],
  [DAS, 0x0080, 0, OF, SF],
  [DAS, 0x0080, 0, AF, AF | OF],
  [byte(SHR), 0x81, 1, 0, CF | AF | OF],
  [byte(SHR), 0x82, 2, 0, CF | AF],
  ...[8, 16, 24].flatMap((count): (typeof on386)[number][] => [
    [byte(SHR), 0x80, count, 0, CF | PF | AF | ZF],
    [byte(SHR), 0x00, count, CF, PF | AF | ZF],
    [byte(SHL), 0x01, count, 0, CF | PF | AF | ZF | OF],
    [byte(SHL), 0x00, count, CF, PF | AF | ZF],
  ]),
  [byte(SHR), 0x80, 32, 0, 0],
  [word(SHR), 0x8000, 16, 0, CF | PF | AF | ZF],
  [word(SHR), 0x0000, 16, CF, PF | AF | ZF],
  [byte(SHL), 0x81, 1, 0, CF | AF | OF],
  [byte(SHL), 0x41, 2, 0, CF | AF | OF],
  [word(SHL), 0x01, 16, 0, CF | PF | AF | ZF | OF],
  [word(SHL), 0x01, 32, 0, 0],
  ...[CF, OF, OF, 0].map((after, bit): (typeof on386)[number] => [BT, 1, bit, bit === 3 ? CF : 0, after]),
  // And as the recordings of a 386EX have it: rotated right by the number of the bit.
  [BT, 0x4000, 0, 0, OF],
  [BT, 0xc000, 0, 0, 0],
  [BT, 0x8001, 1, CF, 0],
  [BT, 0x8000, 1, 0, OF],
  [byte(RCR), 0, 9, CF | OF, CF],
  [byte(RCR), 0x40, 9, 0, OF],
  [word(RCR), 0x4000, 17, CF | OF, CF | OF],
  [byte(RCL), 0, 9, CF | OF, CF | OF],
  [byte(RCL), 0x80, 9, CF | OF, CF],
  [word(RCL), 0x8000, 17, 0, OF],
];

describe.each(engines)("%s", (_, engine) => {
  test("the i386 does what an 80386SX did", () => {
    const run = machineOf("i386", engine);
    const wrong = on386.flatMap(([code, eax, ecx, before, after]) => {
      const [, flags] = run(code, eax, ecx, before);
      return flags === after
        ? []
        : [`${code} with ${eax}, ${ecx}: ${flagNames(after)} here ${flagNames(flags)}`];
    });
    expect(wrong).toEqual([]);
  });

  /** What a family makes of the flags, by its table; `zen4` are those of the first family. */
  const shifts = (family: UndefinedFamily, count: number, before: number, zen4: number): number => {
    if (count === 0) return before;
    if (family === "pentium4") return zen4 & ~AF;
    const kept = count === 1 ? AF : AF | OF;
    return (zen4 & ~kept) | (before & kept);
  };

  test.each(["p6", "pentium4"] as const)("shifts, rotations and divisions of %s", (family) => {
    const [run, zen4] = [machineOf(family, engine), machineOf("zen4", engine)];
    const random = new Random(1);
    const compare = (code: readonly number[], count: number, isRotation: boolean): void => {
      const [eax, before] = [random.u32(), random.u32() & ALL];
      const by = count & 31;
      const [expected, flags] = zen4(code, eax, count, before);
      const rotated = by > 1 && family !== "pentium4" ? (flags & ~OF) | (before & OF) : flags;
      expect(run(code, eax, count, before), `${code} of ${eax} by ${count}`).toEqual([
        expected,
        isRotation ? rotated : shifts(family, by, before, flags),
      ]);
    };
    for (const operation of [0, 1, 4, 5, 7]) {
      const modrm = 0xc0 | (operation << 3);
      for (let count = 0; count < 40; count++) {
        compare([0xd3, modrm], count, operation < 2); // eax,cl
      }
      for (let count = 0; count < 40; count++) compare([0xd2, modrm], count, operation < 2); // al,cl
      for (const count of [0, 1, 2, 31]) compare([0xc1, modrm, count], count, operation < 2);
    }
    for (const opcode of [0xa5, 0xad]) {
      for (let count = 0; count < 40; count++) compare([0x0f, opcode, 0xd0], count, false); // eax,edx,cl
      for (const count of [0, 1, 9]) compare([0x0f, opcode - 1, 0xd0, count], count, false);
    }
    for (let n = 0; n < 20; n++) {
      const before = random.u32() & ALL;
      expect(run([0xf7, 0xf1], random.u32(), 1 + random.below(1000), before)[1]).toBe(before);
    }
  });

  test("rotations through the carry all the way round on the Pentium 4 keep OF", () => {
    const [run, zen4] = [machineOf("pentium4", engine), machineOf("zen4", engine)];
    const random = new Random(6);
    for (const operation of [RCL, RCR])
      for (const [code, round] of [
        [byte(operation), 9],
        [word(operation), 17],
      ] as const)
        for (let count = 0; count < 32; count++) {
          const [eax, before] = [random.u32(), random.u32() & ALL];
          const [value, flags] = zen4(code, eax, count, before);
          const expected = count % round === 0 ? (flags & ~OF) | (before & OF) : flags;
          expect(run(code, eax, count, before), `${code} by ${count}`).toEqual([value, expected]);
        }
  });

  test("shifts of 16 bits by more on the P6 go through op1:op2:op1", () => {
    const run = machineOf("p6", engine);
    // shld ax,cx,17: the two words and the first again, without the first 17 bits
    const bits = (value: number): string => value.toString(2).padStart(16, "0");
    const random = new Random(2);
    for (let count = 17; count < 32; count++) {
      const [left, right] = [random.below(0x1_0000), random.below(0x1_0000)];
      const row = bits(left) + bits(right) + bits(left);
      const expected = [
        Number.parseInt(row.slice(count, count + 16), 2),
        (row[count - 1] === "1" ? CF : 0) | AF,
      ] as const;
      const [up, flags] = run([0x66, 0x0f, 0xa4, 0xc8, count], left, right, AF);
      expect([up & 0xffff, flags & (CF | AF | OF)]).toEqual(expected);
      const end = 48 - count;
      const [down, flagsDown] = run([0x66, 0x0f, 0xac, 0xc8, count], left, right, OF);
      expect(down & 0xffff).toBe(Number.parseInt(row.slice(end - 16, end), 2));
      expect(flagsDown & (CF | OF | AF)).toBe((row[end] === "1" ? CF : 0) | OF);
    }
  });

  test("searches for bits on the P6 change ZF alone", () => {
    const run = machineOf("p6", engine);
    for (const opcode of [0xbc, 0xbd]) {
      expect(run([0x0f, opcode, 0xc1], 5, 0, ALL & ~ZF)).toEqual([5, ALL]);
      expect(run([0x0f, opcode, 0xc1], 5, 0x40, ALL)).toEqual([6, ALL & ~ZF]);
      expect(run([0x0f, opcode, 0xc1], 5, 0x40, 0)).toEqual([6, 0]);
    }
  });

  test("products on the Pentium 4 have flags of their own", () => {
    const run = machineOf("pentium4", engine);
    const random = new Random(3);
    for (const [bits, code] of [
      [32, [0xf7, 0xe1]],
      [32, [0xf7, 0xe9]],
      [32, [0x0f, 0xaf, 0xc1]],
      [32, [0x69, 0xc1, 1, 2, 3, 4]],
      [16, [0x66, 0xf7, 0xe1]],
      [8, [0xf6, 0xe1]],
    ] as const) {
      for (let n = 0; n < 20; n++) {
        const [product, flags] = run(code, random.u32(), random.u32(), random.u32() & ALL);
        expect(flags & ~(CF | OF)).toBe(ofResult(product, bits));
      }
    }
  });

  test("decimals", () => {
    const families = Object.fromEntries(undefinedFamilies.map((name) => [name, machineOf(name, engine)]));
    const random = new Random(4);
    const cases = Array.from({ length: 60 }, () => [random.below(0x1_0000), random.u32() & ALL] as const);
    const each = (
      code: readonly number[],
      check: (flagsOf: (family: UndefinedFamily) => number, before: number, ax: number) => void,
    ): void => {
      for (const [eax, before] of cases) {
        const [ax] = families.zen4!(code, eax, 0, before);
        check(
          (family) => {
            const [value, flags] = families[family]!(code, eax, 0, before);
            expect(value).toBe(ax);
            return flags;
          },
          before,
          ax,
        );
      }
    };
    for (const code of [DAA, DAS]) {
      each(code, (flagsOf, before) => {
        const defined = flagsOf("zen4") & ~OF;
        expect(flagsOf("p6")).toBe(defined | (before & OF));
        expect(flagsOf("core2")).toBe(defined);
        expect(flagsOf("pentium4")).toBe(defined);
      });
    }
    for (const code of [AAA, AAS]) {
      each(code, (flagsOf, before, ax) => {
        const carries = flagsOf("zen4") & (CF | AF);
        const parity = ofResult(ax & 0xff, 8) & PF;
        const wide = carries | parity | (ax === 0 ? ZF : 0);
        expect(flagsOf("p6")).toBe(wide | (before & OF));
        expect(flagsOf("core2")).toBe(wide | (code === AAA ? OF : 0));
        expect(flagsOf("pentium4")).toBe(carries | parity | ((ax & 0xff) === 0 ? ZF : 0));
      });
    }
    each(AAD, (flagsOf) => {
      expect(flagsOf("p6")).toBe(flagsOf("zen4") & ~(CF | AF | OF));
      expect(flagsOf("pentium4")).toBe(flagsOf("zen4"));
    });
  });

  test("bits found", () => {
    const cases: [code: readonly number[], source: number, result: number][] = [
      [[0x0f, 0xbc, 0xc1], 0x50, 4], // bsf eax,ecx
      [[0x0f, 0xbd, 0xc1], 0x50, 6], // bsr eax,ecx
      [[0x0f, 0xbc, 0xc1], 0, 0x77],
      [[0x0f, 0xbd, 0xc1], 0, 0x77],
    ];
    for (const [code, source, result] of cases) {
      const zero = source === 0 ? ZF : 0;
      const parity = source === 0 ? PF : ofResult(result, 8) & PF;
      for (const before of [0, ALL, CF | AF, PF | ZF, SF | OF]) {
        for (const family of ["zen3", "p6", "core2"] as const)
          expect(machineOf(family, engine)(code, 0x77, source, before)).toEqual([
            result,
            (before & ~ZF) | zero,
          ]);
        expect(machineOf("zen4", engine)(code, 0x77, source, before)).toEqual([result, zero | parity]);
      }
    }
  });

  test("two strings that cannot be read", () => {
    for (const [family, named] of [
      ["zen4", 0x5000],
      ["zen3", 0x6000],
    ] as const) {
      const machine = new Machine({ memoryBytes: 1 << 20, undefinedFlags: family, ...engine });
      machine.memory.map(0x1000, 0x1000);
      machine.memory.write(0x1000, Uint8Array.of(0xf3, 0xa6, ...END)); // repe cmpsb
      Object.assign(machine.cpu, { eip: 0x1000, esi: 0x5000, edi: 0x6000, ecx: 3 });
      expect(machine.run(5)).toMatchObject({ fault: "#PF", address: named });
    }
  });

  test("a selector on the stack", () => {
    for (const family of undefinedFamilies) {
      const machine = new Machine({ memoryBytes: 1 << 20, undefinedFlags: family, ...engine });
      machine.memory.map(0x1000, 0x2000);
      machine.memory.write(0x1000, Uint8Array.of(0x1e, 0x68, 1, 2, 3, 4, ...END)); // push ds; push 0x04030201
      machine.memory.set32(0x27fc, 0xffff_ffff);
      Object.assign(machine.cpu, { eip: 0x1000, esp: 0x2800 });
      machine.run(2);
      const untouched = !["zen4", "zen3", "pentium4"].includes(family);
      expect(machine.memory.u32(0x27fc)).toBe(((untouched ? 0xffff_0000 : 0) | machine.cpu.ds) >>> 0);
      expect([machine.cpu.esp, machine.memory.u32(0x27f8)]).toEqual([0x27f8, 0x0403_0201]);
      // Only what is written must be there.
      machine.memory.unmap(0x2000, 0x1000);
      Object.assign(machine.cpu, { eip: 0x1000, esp: 0x2002 });
      const stop = machine.run(1);
      expect(stop.reason).toBe(untouched ? "budget" : "fault");
    }
  });

  test("FXSAVE tells of the last x87 instruction, on a Zen only while an exception waits", () => {
    const code = [0xd9, 0x2d, 0, 0x20, 0, 0, 0xd9, 0xee, 0xd9, 0xe8, 0xd8, 0xf1]; // fldcw [0x2000]; fldz; fld1; fdiv st0,st1
    for (const family of undefinedFamilies.filter((each) => each !== "i386")) {
      for (const control of [0x37f, 0x340]) {
        const machine = new Machine({ memoryBytes: 1 << 20, undefinedFlags: family, ...engine });
        const { memory, cpu } = machine;
        memory.map(0x1000, 0x2000);
        memory.write(0x1000, Uint8Array.of(...code, 0x0f, 0xae, 0x05, 0, 0x21, 0, 0, ...END)); // fxsave [0x2100]
        memory.set16(0x2000, control);
        cpu.eip = 0x1000;
        machine.run(5);
        const told = !family.startsWith("zen") || control === 0x340;
        expect([family, memory.u16(0x2106), memory.u32(0x2108)]).toEqual(
          told ? [family, 0x0f1, 0x100a] : [family, 0, 0],
        );
      }
    }
  });
});

test.each(undefinedFamilies.slice(1))(
  "every engine does the same as %s",
  (undefinedFlags) => {
    const [first, ...others] = engines.map(
      ([name, engine]) =>
        [name, new Subject(new Machine({ ...options, undefinedFlags, ...engine }))] as const,
    );
    const changed = new Set(
      "shl shr sar rol ror rcl rcr shld shrd mul imul div idiv bsf bsr bt bts btr btc daa das aaa aas aad push".split(
        " ",
      ),
    );
    const wrong: string[] = [];
    for (const form of asked) {
      if (!changed.has(form.name)) continue;
      for (let n = 0; n < 4; n++) {
        const one = generate(form, 91, n);
        const expected = first![1].answer(one);
        for (const [name, subject] of others) {
          const found = differences(expected, subject.answer(one));
          if (found.length > 0) wrong.push(`${name}: ${keyOf(form)} case ${n}: ${found.join("; ")}`);
        }
      }
    }
    for (let n = 0; n < 40; n++) {
      const one = sequence(92, n);
      const expected = first![1].answer(one);
      for (const [name, subject] of others) {
        const found = differences(expected, subject.answer(one));
        if (found.length > 0) wrong.push(`${name}: sequence ${n}: ${found.join("; ")}`);
      }
    }
    expect(wrong).toEqual([]);
  },
  120_000,
);

test("a model has a family, and another may be asked for", () => {
  const flagsAfterShift = (made: MachineOptions): number => {
    const machine = new Machine({ memoryBytes: 1 << 20, ...made });
    machine.memory.map(0x1000, 0x1000);
    machine.memory.write(0x1000, Uint8Array.of(0xd1, 0xe0, ...END)); // shl eax,1
    Object.assign(machine.cpu, { eip: 0x1000, eflags: 2 });
    machine.run(1);
    return machine.cpu.eflags & AF;
  };
  expect(flagsAfterShift({})).toBe(AF);
  expect(flagsAfterShift({ model: "pentium3" })).toBe(0);
  expect(flagsAfterShift({ model: "pentium3", undefinedFlags: "zen4" })).toBe(AF);
  expect(flagsAfterShift({ undefinedFlags: "p6" })).toBe(0);
  expect(Object.entries(cpuModels).map(([name, { undefinedFlags }]) => [name, undefinedFlags])).toEqual([
    ["zen4", "zen4"],
    ["nehalem", "core2"],
    ["penryn", "core2"],
    ["core2", "core2"],
    ["pentium4", "pentium4"],
    ["pentium3", "p6"],
    ["pentium2", "p6"],
    ["pentiumpro", "p6"],
  ]);
});
