/**
 * Random loops of SSE and x87 arithmetic over numbers of every class, compiled and interpreted: compiled code looks at
 * several numbers at once, and not again for what it knows from earlier blocks and rounds.
 */
import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { Random } from "../../src/base/index.ts";
import { STATE } from "../../src/machine/cpu/state.ts";
import { type Core, Machine, type MachineOptions } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

const CODE = 0x1000;
const DATA = 0x4000;
const ROWS = 64;
const END = 0x8000;

/** A loop of random arithmetic, with a way around a part of it, in another loop. */
function sse(random: Random): string {
  const below = (n: number): number => random.below(n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  // Mostly one kind of numbers, as programs are.
  const favourite = pick(["ps", "pd", "ss", "sd"]);
  const suffix = (): string => (below(8) === 0 ? pick(["ps", "pd", "ss", "sd"]) : favourite);
  const xmm = (): string => `xmm${below(4)}`;
  const place = (): string => `[esi+${16 * below(3)}]`;
  const operation = (): string => {
    const kind = suffix();
    const from = below(3) === 0 ? place() : xmm();
    switch (below(14)) {
      case 0:
        return `${kind.endsWith("s") ? "movaps" : "movapd"} ${xmm()}, ${from}`;
      case 1:
        return `${kind.endsWith("s") ? "movss" : "movsd"} ${xmm()}, ${from}`;
      case 2:
        return `movaps [edi+${16 * below(4)}], ${xmm()}`;
      case 3:
        return kind.endsWith("s")
          ? `shufps ${xmm()}, ${xmm()}, ${below(256)}`
          : `unpcklpd ${xmm()}, ${xmm()}`;
      case 4:
        return `cmp${pick(["eq", "lt", "le", "neq"])}${kind} xmm4, ${from}`;
      case 5:
        return `${pick(["min", "max"])}${kind} ${xmm()}, ${from}`;
      case 6:
        return `${kind.endsWith("s") ? "comiss" : "comisd"} ${xmm()}, ${xmm()}\n seta al`;
      case 7:
        return pick([`sqrt${kind} ${xmm()}, ${from}`, `div${kind} ${xmm()}, ${from}`, `xorps xmm0, xmm0`]);
      default:
        return `${pick(["add", "sub", "mul", "mul"])}${kind} ${xmm()}, ${from}`;
    }
  };
  const lines = (n: number): string => Array.from({ length: n }, () => ` ${operation()}`).join("\n");
  return `
outer:
  mov esi, ${DATA}
  mov edi, ${DATA + 16 * (ROWS + 8)}
  mov ecx, ${ROWS - 4}
  ${below(3) === 0 ? "ldmxcsr [modes]" : below(2) === 0 ? "xorps xmm0, xmm0" : ""}
again:
${lines(2 + below(4))}
  test ecx, ${pick([1, 3, 16])}
  jz around
${lines(below(4))}
around:
${lines(below(3))}
  add esi, 16
  dec ecx
  jnz again
${lines(below(3))}
  ${below(4) === 0 ? "stmxcsr [edi]" : ""}
  jmp outer
modes dd ${pick(["0x1f80", "0x1fa0", "0x1fbf", "0x9fe0", "0x3f80"])}
`;
}

/** The same on the x87: what is loaded in a round is stored in it, and the accumulators stay below. */
function x87(random: Random): string {
  const below = (n: number): number => random.below(n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const place = (): string =>
    pick([`qword [esi+${8 * below(6)}]`, `qword [esi+${8 * below(6)}]`, `dword [esi+${4 * below(12)}]`]);
  const round = (): string => {
    const out = [
      pick([` fld ${place()}`, ` fld ${place()}`, ` fild dword [esi+${4 * below(8)}]`, " fld st1"]),
    ];
    for (let n = below(4); n > 0; n--) {
      out.push(
        pick([
          ` f${pick(["add", "sub", "subr", "mul", "mul", "div"])} ${place()}`,
          ` f${pick(["add", "sub", "mul"])} st0, st${1 + below(2)}`,
          ` fxch st${1 + below(2)}`,
          " fchs",
          " fabs",
          ` fst ${place().replace("esi", "edi")}`,
        ]),
      );
    }
    out.push(
      pick([
        ` f${pick(["add", "sub", "mul"])}p st${1 + below(2)}, st0`,
        ` fstp ${place().replace("esi", "edi")}`,
        " fstp st1",
        " faddp st1, st0",
      ]),
    );
    return out.join("\n");
  };
  const rounds = (n: number): string => Array.from({ length: n }, round).join("\n");
  // A routine that finds the top here and there.
  const isCalled = below(2) === 0;
  return `
outer:
  finit
  fldz
  fld1
  mov esi, ${DATA}
  mov edi, ${DATA + 16 * (ROWS + 8)}
  mov ecx, ${ROWS - 4}
again:
${rounds(1 + below(2))}
  test ecx, ${pick([1, 3, 16])}
  jz around
${rounds(below(2))}
  ${isCalled ? "fldpi\n call apart\n fstp st0" : ""}
around:
${rounds(below(2))}
  ${isCalled ? "call apart" : ""}
  add esi, 16
  dec ecx
  jnz again
  ${pick(["fnstsw ax", "fnclex", "", `fld ${place()}`])}
  jmp outer
apart:
${rounds(1)}
  ret
`;
}

/** Numbers as programs have them, and with `rare` of 16 all others. */
function numbers(random: Random, double: boolean, rare: number): Uint8Array {
  const bytes = new Uint8Array(16 * ROWS * 2);
  const view = new DataView(bytes.buffer);
  const size = double ? 8 : 4;
  for (let at = 0; at < bytes.length; at += size) {
    const plain = (random.below(2001) - 1000) / (random.below(3) === 0 ? 1 : 7);
    const special = random.below(8);
    const exponent = double ? 0x7ff : 0xff;
    const edge = random.below(2) === 0 ? random.below(4) : exponent - random.below(4);
    const value = random.below(16) >= rare ? plain : special === 0 ? 0 : special === 1 ? -0 : undefined;
    if (double) {
      if (value !== undefined) view.setFloat64(at, value, true);
      else {
        view.setUint32(at, random.below(3) === 0 ? 0 : random.u32(), true);
        view.setUint32(at + 4, (random.u32() & 0x800f_ffff) | (edge << 20), true);
      }
    } else if (value !== undefined) view.setFloat32(at, value, true);
    else view.setUint32(at, (random.u32() & 0x807f_ffff) | (edge << 23), true);
  }
  return bytes;
}

function machine(code: Uint8Array, data: Uint8Array, options: MachineOptions): Machine {
  const made = new Machine({ memoryBytes: 1 << 20, ...options });
  made.memory.map(0, END);
  made.memory.place(CODE, code);
  made.memory.place(DATA, data);
  made.cpu.eip = CODE;
  made.cpu.esp = END;
  return made;
}

/** Registers of all kinds, flags, control and status words. */
function state({ cpu, memory, instructions }: Machine): string {
  const words = (at: number, count: number): string[] =>
    [...memory.words.subarray(at >> 2, (at >> 2) + count)].map((word) => (word >>> 0).toString(16));
  return JSON.stringify([
    instructions,
    cpu.eip.toString(16),
    cpu.eflags.toString(16),
    words(STATE.REGISTERS, 8),
    words(STATE.XMM, 32),
    words(STATE.MXCSR, 1),
    words(STATE.X87, 32),
    [STATE.X87_STATUS, STATE.X87_VALID, STATE.X87_OPCODE, STATE.X87_INSTRUCTION, STATE.X87_OPERAND].map(
      (at) => words(at, 1),
    ),
  ]);
}

test.each([
  ["SSE", sse],
  ["x87", x87],
] as const)(
  "loops of %s arithmetic give the same bits compiled",
  (_, source) => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed);
      const text = `use32\norg ${CODE}\n${source(random)}`;
      const made = assemble("loop.asm", { files: memoryFiles({ "loop.asm": text }) });
      if (!made.ok) throw new Error(`${made.diagnostics.map(({ text }) => text).join(", ")}\n${text}`);
      const data = numbers(random, random.below(2) === 0, [0, 0, 1, 4][seed % 4]!);
      const interpreted = machine(made.bytes, data, { engine: "interpreter" });
      const compiled = machine(made.bytes, data, {
        engine: (core: Core) =>
          new CompilingEngine(
            core,
            seed % 3 === 0 ? { ahead: true } : { threshold: 20, together: 1 + (seed % 4) },
          ),
      });
      for (const budget of [301, 17, 2000, 1, 64, 777]) {
        interpreted.run(budget);
        compiled.run(budget);
        expect(state(compiled), `seed ${seed}\n${text}`).toBe(state(interpreted));
      }
      expect(compiled.memory.read(DATA, END - DATA)).toEqual(interpreted.memory.read(DATA, END - DATA));
    }
  },
  300_000,
);

test("sums and products of the x87 are exact at every distance", () => {
  const COUNT = 600;
  const random = new Random(80);
  const data = new Uint8Array(COUNT * 32);
  const view = new DataView(data.buffer);
  const significand = (): bigint => {
    const bits = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
    const ones = (1n << BigInt(random.below(64))) - 1n;
    return [bits, bits, 0n, ones, -1n - ones, 1n, -1n][random.below(7)]! | (1n << 63n);
  };
  for (let at = 0; at < data.length; at += 32) {
    const first = significand();
    const exponent = 0x3fff + random.below(60);
    const near = random.below(3);
    const distance = near === 0 ? random.below(3) : near === 1 ? 60 + random.below(8) : random.below(70);
    view.setBigUint64(at, BigInt.asUintN(64, first), true);
    view.setUint16(at + 8, exponent | (random.below(2) << 15), true);
    const second = random.below(3) === 0 ? first + BigInt(random.below(3) - 1) : significand();
    const zero = random.below(16) === 0;
    view.setBigUint64(at + 16, zero ? 0n : BigInt.asUintN(64, second | (1n << 63n)), true);
    view.setUint16(at + 24, (zero ? 0 : exponent - distance) | (random.below(2) << 15), true);
  }
  for (const operation of [
    "faddp st1,st0",
    "fsubp st1,st0",
    "fsubrp st1,st0",
    "fmulp st1,st0",
    "fdivp st1,st0",
    "fsqrt\n fstp st1",
  ]) {
    const text = `use32\norg ${CODE}\n mov esi, ${DATA}\n mov ecx, ${COUNT}\nagain:\n fld tword [esi]
 fld tword [esi+16]\n ${operation}\n fstp tword [esi]\n fnstsw ax\n mov [esi+12], ax
 add esi, 32\n dec ecx\n jnz again\n int 0x40`;
    const made = assemble("loop.asm", { files: memoryFiles({ "loop.asm": text }) });
    if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
    const results = (
      ["interpreter", (core: Core) => new CompilingEngine(core, { threshold: 2 })] as const
    ).map((engine) => {
      const it = new Machine({ memoryBytes: 1 << 20, engine });
      it.memory.map(0, 1 << 20);
      it.memory.place(CODE, made.bytes);
      it.memory.place(DATA, data);
      it.cpu.eip = CODE;
      it.run(1_000_000);
      return it.memory.read(DATA, data.length);
    });
    expect(results[1]).toEqual(results[0]);
  }
}, 300_000);
