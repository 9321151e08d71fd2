import { expect, test } from "vitest";
import { assemble, memoryFiles } from "../../../assembler/index.ts";
import { Random } from "../../../base/index.ts";
import { CompilingEngine } from "../../jit/index.ts";
import { Machine } from "../../machine.ts";
import { Memory } from "../../memory/memory.ts";
import { STATE } from "../state.ts";
import { type Fast, fastMmx, fastScans, fastSse, fastStrings, fastX87, fastX87Values } from "./index.ts";
import { kept } from "./kept.ts";
import { modules } from "./modules.ts";
import { keep } from "./written.ts";

const families = { fastMmx, fastScans, fastSse, fastStrings, fastX87, fastX87Values };

test("a family has a function for each of its names", () => {
  const { wasm } = new Memory(1 << 20);
  for (const [name, family] of Object.entries(families)) {
    const functions: readonly Fast[] = family.functions(wasm);
    expect([name, functions.length]).toEqual([name, family.names.length]);
  }
});

test("what the build keeps of a family is the family", () => {
  for (const family of Object.values(modules)) {
    const again = kept(...keep(family));
    expect(again.names).toEqual(family.names);
    expect(again.bytes()).toEqual(family.bytes());
  }
});

test("a root is the nearest number, also beside squares", () => {
  const memory = new Memory(1 << 20);
  const number = fastX87Values.number("sqrt");
  const root = fastX87Values.functions(memory.wasm)[number] as unknown as (
    significand: bigint,
    head: number,
    _: bigint,
    __: number,
  ) => bigint;
  const word = new Uint32Array(memory.wasm.buffer, STATE.X87_RESULT, 1);
  const random = new Random(64);
  const TOP = 1n << 63n;
  const some = (): bigint => {
    const bits = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
    const kind = random.below(4);
    if (kind === 0) return bits | TOP;
    // Near squares of as many bits as there is room for, of few bits, and of powers of two.
    const base =
      kind === 1 ? (bits >> 33n) | (1n << 31n) : kind === 2 ? 0xffff_ffffn - (bits & 7n) : bits & 0xfffn;
    let square = base * base + BigInt(random.below(5) - 2);
    if (square <= 0n) square = 1n;
    while (square < TOP) square <<= BigInt(random.below(3) + 1);
    return BigInt.asUintN(64, square) | TOP;
  };
  for (let n = 0; n < 50_000; n++) {
    const significand = some();
    const exponent = random.below(2) + 2 * random.below(200) - 200;
    const radicand = significand << (exponent & 1 ? 64n : 63n);
    const [floor, rest] = integerRoot(radicand);
    const nearest = floor + (rest > floor ? 1n : 0n);
    const raised = rest === 0n ? 0 : rest > floor ? 0x220 : 0x20;
    const found = BigInt.asUintN(64, root(significand, 0x3fff + exponent, 0n, 0));
    expect([n, found, word[0]]).toEqual([n, nearest, (raised << 16) | (0x3fff + (exponent >> 1))]);
  }
});

/** The largest integer whose square is not more, and what is left. */
function integerRoot(square: bigint): [root: bigint, rest: bigint] {
  let root = BigInt(Math.floor(Math.sqrt(Number(square))));
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next === root || next === root + 1n || next === root - 1n) break;
    root = next;
  }
  while (root * root > square) root--;
  while ((root + 1n) * (root + 1n) <= square) root++;
  return [root, square - root * root];
}

test("one program uses several of them, compiled", () => {
  const source = `use32
org 0x1000
    fld dword [number]
    fmul dword [number]
    fstp dword [number]
    mov edi,text
    mov ecx,100
    mov al,'!'
    repne scasb
    movd mm0,ecx
    paddd mm0,mm0
    movd edx,mm0
    emms
    fld dword [number]
    fadd dword [number]
    fstp dword [number]
    int 0x40
number dd 1.5
text db 'twenty bytes of text!'
`;
  const made = assemble("mixed.asm", { files: memoryFiles({ "mixed.asm": source }) });
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core) => new CompilingEngine(core, { ahead: true }),
  });
  machine.memory.map(0, 0x4000);
  machine.memory.place(0x1000, made.bytes);
  machine.cpu.eip = 0x1000;
  expect(machine.run(1000)).toMatchObject({ reason: "interrupt" });
  expect([machine.cpu.ecx, machine.cpu.edx]).toEqual([79, 158]);
});
