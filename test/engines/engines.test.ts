import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { type Core, Machine, type MachineOptions, type Stop } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { differences } from "../conformance/processor/case.ts";
import { asked, generate, keyOf, sequence } from "../conformance/processor/generate.ts";
import { options, Subject } from "../conformance/processor/ours.ts";

/** Everything compiled before it is executed, but not all of the empty memory behind the `int` that ends a sequence. */
const ahead = (core: Core): CompilingEngine => new CompilingEngine(core, { ahead: true, most: 60 });

/** A machine whose runs are cut into pieces of a few instructions. */
class Interrupted extends Machine {
  readonly longest: number;

  constructor(made: MachineOptions, longest: number) {
    super(made);
    this.longest = longest;
  }

  override run(budget: number): Stop {
    const end = this.instructions + budget;
    for (let piece = 1; this.instructions < end; piece = (piece % this.longest) + 1) {
      const stop = super.run(piece);
      if (stop.reason !== "budget") return stop;
    }
    return { reason: "budget" };
  }
}

describe("every way of executing gives the same", () => {
  const fast = new Subject(new Machine({ ...options, engine: "interpreter" }));
  const ways: [string, Subject][] = [
    ["each instruction in the general way", new Subject(new Machine({ ...options, unspecialised: true }))],
    [
      "in pieces of one to three instructions",
      new Subject(new Interrupted({ ...options, engine: "interpreter" }, 3)),
    ],
    ["compiled", new Subject(new Machine({ ...options, engine: ahead }))],
    [
      "compiled, in pieces of one to twenty instructions",
      new Subject(new Interrupted({ ...options, engine: ahead }, 20)),
    ],
  ];

  for (const [name, subject] of ways) {
    test(`${name}: single instructions`, () => {
      const wrong: string[] = [];
      for (const form of asked) {
        for (let n = 0; n < 5; n++) {
          const one = generate(form, 77, n);
          const before = fast.machine.instructions;
          const expected = fast.answer(one);
          const count = fast.machine.instructions - before;
          const start = subject.machine.instructions;
          const found = differences(expected, subject.answer(one));
          if (subject.machine.instructions - start !== count) found.push("another count of instructions");
          if (found.length > 0) wrong.push(`${keyOf(form)} case ${n}: ${found.join("; ")}`);
        }
      }
      expect(wrong).toEqual([]);
    });

    test(`${name}: sequences`, () => {
      for (let n = 0; n < 400; n++) {
        const one = sequence(78, n);
        expect(differences(fast.answer(one), subject.answer(one)), `sequence ${n}`).toEqual([]);
      }
    });
  }
});

test("shifts by CL do the same where compiled code knows what CL is", () => {
  const wrong: string[] = [];
  const shifts = [0, 1, 2, 3, 4, 5, 7].flatMap((operation) =>
    [[0xd2], [0xd3], [0x66, 0xd3]].map((opcode) => [...opcode, 0xc0 | (operation << 3)]),
  );
  const double = [0xa5, 0xad].flatMap((opcode) => [
    [0x0f, opcode, 0xe8], // eax,ebp,cl
    [0x66, 0x0f, opcode, 0xe8],
  ]);
  let engine: CompilingEngine | undefined;
  const [interpreted, compiled] = ["interpreter" as const, (core: Core) => (engine = ahead(core))].map(
    (each) => {
      const machine = new Machine({ memoryBytes: 1 << 22, engine: each });
      machine.memory.map(0x1000, 0x1000);
      machine.memory.write(0x1000, new Uint8Array(0x100).fill(0xcc));
      return machine;
    },
  );
  const run = (machine: Machine, code: readonly number[], flags: number): string => {
    machine.memory.write(0x1000, Uint8Array.of(...code, 0xcc, 0xcc));
    const start = { eip: 0x1000, eax: 0x9abc_def1, ecx: 0x1234_5678, ebp: 0x8765_4321, eflags: flags };
    Object.assign(machine.cpu, start);
    machine.run(1000);
    const { eax, ecx, eip, eflags } = machine.cpu;
    return [eax, ecx, eip, eflags].map((value) => value.toString(16)).join(" ");
  };
  for (const [name, known] of [
    ...[0, 1, 8, 9, 16, 31, 32, 33].map((count) => [`mov cl,${count}`, [0xb1, count]] as const),
    ["or ah,1; seto cl", [0x80, 0xcc, 1, 0x0f, 0x90, 0xc1]],
    ["xor ecx,ecx", [0x31, 0xc9]],
  ] as const)
    for (const shift of [...shifts, ...double])
      for (const flags of [0x202, 0xad7]) {
        const code = [...known, ...shift];
        const [expected, found] = [run(interpreted!, code, flags), run(compiled!, code, flags)];
        if (found !== expected) wrong.push(`${name}; ${shift}: ${expected} compiled ${found}`);
      }
  expect(wrong).toEqual([]);
  expect(engine!.executed).toBeGreaterThan(900);
});

test.each(["interpreter", "compiled"] as const)("code that rewrites itself: %s", (engine) => {
  const CODE = 0x1fe0; // across two pages
  const random = new Random(9);
  for (let program = 0; program < 300; program++) {
    const code: number[] = [];
    /** Where constants stand: most of what is written are these. */
    const constants: number[] = [];
    const anywhere = 1 + random.below(12);
    while (code.length < 90) {
      const isConstant = constants.length > 0 && random.below(anywhere) > 0;
      const place = CODE + (isConstant ? constants[random.below(constants.length)]! : random.below(96));
      const to = [place & 0xff, place >> 8, 0, 0];
      const kind = random.below(9);
      // inc, dec: a constant made of them can be jumped into
      const simple = (): number => 0x40 + random.below(16);
      if (kind === 0 || kind === 7) {
        constants.push(code.length + 1);
        code.push(0x05, simple(), simple(), simple(), simple()); // add eax,constant
      } else if (kind === 1) code.push(simple());
      else if (kind === 2)
        code.push(0x89, 0x05 | (random.below(8) << 3), ...to); // mov [code],register
      else if (kind === 3)
        code.push(0xc6, 0x05, ...to, simple()); // mov byte [code],inc or dec
      else if (kind === 4) code.push(0xc7, 0x05, ...to, simple(), simple(), simple(), simple());
      else if (kind === 8)
        code.push(0x70 + random.below(16), (place - CODE - code.length - 2) & 0xff); // jcc code
      else if (kind === 5)
        code.push(0xff, 0x05, ...to); // inc dword [code]
      else if (kind === 6) code.push(0x01, 0x05, ...to); // add [code],eax
    }
    code.push(0xe9, ...[0, 8, 16, 24].map((shift) => ((-code.length - 5) >> shift) & 0xff));
    const make = (): Machine => {
      const machine = new Machine({ memoryBytes: 1 << 20, engine });
      machine.memory.map(0, 0x6000);
      machine.memory.write(CODE, Uint8Array.from(code));
      machine.cpu.eip = CODE;
      machine.cpu.esp = 0x5000;
      return machine;
    };
    const remembering = make();
    const forgetful = make();
    let stop: Stop = { reason: "budget" };
    for (let n = 0; n < 600 && stop.reason === "budget"; n++) {
      forgetful.memory.write(CODE - 32, forgetful.memory.read(CODE - 32, 192)!);
      stop = forgetful.run(1);
    }
    const expected = [
      stop,
      forgetful.instructions,
      forgetful.cpu.eip,
      forgetful.cpu.eax,
      forgetful.cpu.eflags,
    ];
    const other = remembering.run(600);
    const actual = [
      other,
      remembering.instructions,
      remembering.cpu.eip,
      remembering.cpu.eax,
      remembering.cpu.eflags,
    ];
    expect(actual, `program ${program}`).toEqual(expected);
    const [left, right] = [remembering, forgetful].map(({ memory }) => Buffer.from(memory.read(0, 0x6000)!));
    expect(left!.equals(right!), `memory of program ${program}`).toBe(true);
  }
});

test("any bytes are executed or refused", () => {
  const random = new Random(5);
  const machine = new Machine({ memoryBytes: 1 << 20 });
  machine.memory.map(0, 0x8000);
  const reasons = new Set<string>();
  for (let n = 0; n < 6_000; n++) {
    machine.memory.place(
      0x1000,
      Uint8Array.from({ length: 48 }, () => random.below(256)),
    );
    machine.reset();
    machine.cpu.eip = 0x1000;
    machine.cpu.esp = 0x4000;
    machine.cpu.ebx = random.u32() & 0x7fff;
    machine.cpu.esi = random.u32() & 0x7fff;
    machine.cpu.edi = random.u32() & 0x7fff;
    machine.cpu.ecx = random.below(100);
    const before = machine.instructions;
    const stop = machine.run(200);
    expect(machine.instructions - before).toBeLessThanOrEqual(200);
    reasons.add(stop.reason);
  }
  expect([...reasons]).toEqual(expect.arrayContaining(["fault", "trap", "budget"]));
});
