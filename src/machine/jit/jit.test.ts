/**
 * What becomes of short pieces of code, step by step: assembly, IR, WebAssembly. The texts are in golden/; a change
 * that is meant is accepted with `npx vitest run src/machine/jit -u` and read in the diff.
 */
import { describe, expect, test } from "vitest";
import { assemble, memoryFiles } from "../../assembler/index.ts";
import type { Core } from "../cpu/engine.ts";
import { Machine, type MachineOptions } from "../machine.ts";
import { moduleText } from "../wasm/text.ts";
import type { Compiled } from "./compile.ts";
import { CompilingEngine } from "./index.ts";
import { Block, Builder, type Region } from "./ir.ts";
import type { Optimisation } from "./optimisations.ts";
import { regionText } from "./print.ts";
import { structure, waysTo } from "./structure.ts";

const ORIGIN = 0x1000;

/** Assembles lines at 0x1000 and compiles what begins there, or so many bytes further on. */
function explained(source: string, further = 0): Compiled & { bytes: Uint8Array } {
  const made = assemble("golden.asm", {
    files: memoryFiles({ "golden.asm": `use32\norg 0x${ORIGIN.toString(16)}\n${source}\n int3\n` }),
  });
  if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
  let engine: CompilingEngine | undefined;
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true })),
  });
  machine.memory.map(0, 0x2_0000);
  machine.memory.place(ORIGIN, made.bytes);
  return engine!.explain(ORIGIN + further)!;
}

function compiled(source: string): { ir: string; wasm: string } {
  const { region, bytes } = explained(source);
  return { ir: regionText(region), wasm: moduleText(bytes) };
}

const golden: Readonly<Record<string, string>> = {
  "sum-loop": "again:\n add eax,[esi]\n add esi,4\n dec ecx\n jnz again\n int 0x40",
  "compare-and-branch": " cmp eax,ebx\n jb less\n sub eax,ebx\nless:\n mov [edi],eax\n int 0x40",
  "inlined-call": "again:\n call twice\n dec ecx\n jnz again\n int 0x40\ntwice:\n add eax,eax\n ret",
  "jump-table":
    "again:\n and edx,1\n jmp dword [table+edx*4]\none:\n inc eax\n jmp next\ntwo:\n dec eax\nnext:\n dec ecx\n jnz again\n int 0x40\n int3\ntable dd one,two,0",
  "known-by-executor": " cpuid\n rdtsc\n int 0x40",
  "repeated-move": " rep movsd\n int 0x40",
  "carry-chain": " add eax,ebx\n adc edx,ecx\n rcl eax,1\n setc al\n int 0x40",
};

describe("short pieces become", () => {
  for (const [name, source] of Object.entries(golden)) {
    test(name, async () => {
      const { ir, wasm } = compiled(source);
      await expect(`${source}\n\n${ir}\n${wasm}`).toMatchFileSnapshot(`golden/${name}.txt`);
    });
  }
});

test("flags that nobody reads are not computed", () => {
  const { wasm } = compiled("add eax,ebx\nadd eax,ecx\nint 0x40");
  // One carry, of the second addition.
  expect(wasm.match(/i32\.lt_u/g)?.length).toBe(1);
});

test("a recursion can be entered behind its calls, also when it was begun in its middle", () => {
  const source =
    "cmp eax,1\njbe done\npush ebx\nmov ebx,eax\ndec eax\ncall 0x1000\nfirst: push eax\nlea eax,[ebx-2]\ncall 0x1000\n" +
    "second: pop ebx\nadd eax,ebx\npop ebx\ndone: ret";
  const [first, second] = [14, 23];
  for (const begin of [0, first]) {
    const addresses = explained(source, begin).entries.map(({ address }) => address - ORIGIN);
    expect(addresses).toEqual(expect.arrayContaining([first, second]));
  }
});

test("a routine that is called from many places is copied to the first of them, a tiny one to all", () => {
  for (const [length, copies] of [
    [12, 3],
    [4, 6],
  ] as const) {
    const calls = " call f\n".repeat(6);
    const { blocks } = explained(`again:\n${calls} jmp again\nf:\n${" inc eax\n".repeat(length)} ret`).region;
    const f = ORIGIN + 6 * 5 + 2;
    expect(
      new Set(
        blocks
          .filter(({ address }) => address === f)
          .map(({ copy }) => copy)
          .filter(Boolean),
      ).size,
    ).toBe(copies);
  }
});

test("what was called through a pointer is taken to be called again, and copied", () => {
  const source = "again:\n call esi\n dec ecx\n jnz again\n hlt\nf:\n add eax,ecx\n ret";
  const made = assemble("led.asm", { files: memoryFiles({ "led.asm": `use32\norg 0x1000\n${source}\n` }) });
  if (!made.ok) throw new Error("not assembled");
  let engine: CompilingEngine | undefined;
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core) => (engine = new CompilingEngine(core)),
  });
  machine.memory.map(0, 0x2_0000);
  machine.memory.place(ORIGIN, made.bytes);
  const f = ORIGIN + made.bytes.length - 3;
  Object.assign(machine.cpu, { eip: ORIGIN, esp: 0x1_0000, ecx: 1000, esi: f });
  machine.run(3000);
  const { blocks, entries } = engine!.explain(ORIGIN)!.region;
  const { end } = blocks[0]!;
  expect(end.kind === "indirect" && end.cases.map(({ address }) => address)).toEqual([f]);
  expect(blocks.some(({ address, copy }) => address === f && copy !== 0)).toBe(true);
  // Who comes back from elsewhere does not find a way in, which would cut the loop in two.
  expect(entries.map((block) => blocks[block]!.address)).toEqual([ORIGIN]);
});

/** Runs lines at 0x1000 for so many instructions; answers how many regions there are then, and how many were made. */
function regionsOf(
  source: string,
  instructions: number,
  without?: Optimisation,
  piece = 1000,
): { regions: number; made: number } {
  const made = assemble("regions.asm", {
    files: memoryFiles({ "regions.asm": `use32\norg 0x${ORIGIN.toString(16)}\n${source}\n` }),
  });
  if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
  let engine: CompilingEngine | undefined;
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core: Core) => (engine = new CompilingEngine(core, { threshold: 50, without })),
  });
  machine.memory.map(0, 0x2_0000);
  machine.memory.place(ORIGIN, made.bytes);
  Object.assign(machine.cpu, { eip: ORIGIN, esp: 0x1_0000 });
  for (let n = 0; n < instructions; n += piece) expect(machine.run(piece)).toEqual({ reason: "budget" });
  return engine!;
}

describe("regions", () => {
  test("a loop is compiled with those around it, and can be left and entered anywhere", () => {
    const source = "outer:\n mov edx,7\nmiddle:\n mov ecx,900\ninner:\n add eax,ecx\n loop inner\n";
    expect(regionsOf(`${source} dec edx\n jnz middle\n inc ebx\n jmp outer`, 100_000).regions).toBe(1);
  });

  test("what calls itself is made once", () => {
    const fib = [
      "fib:\n cmp eax,2\n jb done\n push ebx eax\n dec eax\n call fib",
      "mov ebx,eax\n pop eax\n sub eax,2\n call fib\n add eax,ebx\n pop ebx\ndone:\n ret",
    ].join("\n");
    expect(
      regionsOf(`again:\n mov eax,20\n call fib\n jmp again\n${fib}`, 100_000, undefined, 100_000).made,
    ).toBe(1);
  });

  test("one is made anew when its calls through a pointer lead elsewhere than before", () => {
    const routine = (name: string): string => `${name}:\n add eax,ecx\n xor edx,eax\n ret\n`;
    const source =
      "again:\n mov ebx,2000\n xchg esi,edi\nloops:\n mov ecx,50\nl:\n call esi\n loop l\n dec ebx\n jnz loops\n jmp again\n";
    const begin = "mov esi,f\nmov edi,g\n";
    const { made } = regionsOf(
      `${begin}${source}${routine("f")}${routine("g")}`,
      4_000_000,
      undefined,
      500_000,
    );
    // The loops with f, behind the call from g, g, and with both; not again each time that they change.
    expect(made).toBe(4);
  });

  test("one whose call through a pointer leads where it is known to lead stays, though that is too large for it", () => {
    const work = (n: number): string => "add eax,edx\n xor edx,eax\n rol eax,3\n".repeat(n);
    const source = `mov esi,f\nagain:\n${work(20)} call esi\n jmp again\nf:\n${work(40)} ret`;
    const { made } = regionsOf(source, 40_000_000, undefined, 1_000_000);
    // The loop, what it calls, and the loop with the way in behind the call.
    expect(made).toBe(3);
  });

  test("one that is entered behind its calls is made anew, once", () => {
    const call = " call far_routine\n inc eax\n";
    // The routine has a region of its own, for it was hot first: what calls it begins at its returns.
    const routine = "far_routine:\n mov ecx,3\nagain:\n add ebx,ecx\n loop again\n ret";
    const source = `outer:\n${call.repeat(6)} jmp outer\n${routine}`;
    // Without, there is one behind each call.
    expect(regionsOf(source, 100_000, "heads").regions).toBeGreaterThan(7);
    expect(regionsOf(source, 100_000).regions).toBeLessThan(6);
  });
});

test.each([
  ["its code, its data and its stack share", true],
  ["nothing can be written of", false],
])("a program is compiled where %s its only page", (_, writable) => {
  const store = writable ? " push ecx\n add [total],ecx\n pop edx\n mov edi,total+4\n stosb\n" : "";
  const source = `again:\n inc eax\n${store} mov ebx,[total]\n loop again\n int 0x40\ntotal dd 0,0`;
  const made = assemble("page.asm", { files: memoryFiles({ "page.asm": `use32\norg 0x1000\n${source}\n` }) });
  let engine: CompilingEngine | undefined;
  const compiled = (core: Core) => (engine = new CompilingEngine(core, { threshold: 50 }));
  const [expected, found] = (["interpreter", compiled] as const).map((each) => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine: each });
    machine.memory.map(ORIGIN, 0x1000, { writable });
    machine.memory.place(ORIGIN, made.bytes);
    Object.assign(machine.cpu, { eip: ORIGIN, esp: ORIGIN + 0x1000, ecx: 1000 });
    const stop = machine.run(100_000);
    return { stop, instructions: machine.instructions, page: machine.snapshot() };
  });
  expect(found).toEqual(expected);
  expect(found!.stop).toEqual({ reason: "interrupt", vector: 0x40 });
  expect(engine!.executed).toBeGreaterThan(0.8 * found!.instructions);
});

test("what a table of jumps says may change, and what it was not known to say", () => {
  const exchange = "push dword [table]\n push dword [table+4]\n pop dword [table]\n pop dword [table+4]";
  const source = [
    "mov ecx,4000\n mov ebx,1\nagain:\n mov edx,ecx\n and edx,ebx\n jmp dword [table+edx*4]",
    "one:\n inc eax\n jmp next\ntwo:\n lea eax,[eax*3]\n jmp next\nthree:\n xor eax,ecx",
    `next:\n test ecx,255\n jnz stays\n ${exchange}`,
    // What stands behind the table's end so far comes into it.
    "stays:\n cmp ecx,2000\n jne same\n mov ebx,3\n mov dword [table+12],one\nsame:\n dec ecx\n jnz again\n int 0x40",
    "table dd one,two,three,0",
  ].join("\n");
  const made = assemble("table.asm", {
    files: memoryFiles({ "table.asm": `use32\norg 0x1000\n${source}\n` }),
  });
  let engine: CompilingEngine | undefined;
  const compiled = (core: Core) => (engine = new CompilingEngine(core, { threshold: 50 }));
  const [expected, found] = (["interpreter", compiled] as const).map((each) => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine: each });
    machine.memory.map(0, 0x2_0000);
    machine.memory.place(ORIGIN, made.bytes);
    Object.assign(machine.cpu, { eip: ORIGIN, esp: 0x1_0000 });
    const stop = machine.run(100_000);
    return { stop, instructions: machine.instructions, state: machine.snapshot() };
  });
  expect(found).toEqual(expected);
  expect(found!.stop).toEqual({ reason: "interrupt", vector: 0x40 });
  expect(engine!.executed).toBeGreaterThan(0.8 * found!.instructions);
});

test.each([
  ["add eax,ebx", 1_000_000],
  // Without an arm of the interpreter: six in a round of eight instructions.
  ["rcpps xmm0,xmm1", 2650],
])("a loop of %s is compiled after some %d instructions", (instruction, expected) => {
  let engine: CompilingEngine | undefined;
  const source = `use32\norg 0x1000\nagain:\n${`${instruction}\n`.repeat(6)} inc ecx\n jmp again\n`;
  const made = assemble("after.asm", { files: memoryFiles({ "after.asm": source }) });
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core: Core) => (engine = new CompilingEngine(core)),
  });
  machine.memory.map(0, 0x2_0000);
  machine.memory.place(ORIGIN, made.bytes);
  machine.cpu.eip = ORIGIN;
  while (engine!.made === 0) expect(machine.run(100)).toEqual({ reason: "budget" });
  expect(machine.instructions).toBeGreaterThan(0.7 * expected);
  // It is seen when the loop has come round 300 times more.
  expect(machine.instructions).toBeLessThan(expected + 8 * 400);
});

test("a program that makes new code again and again does not fill memory with old code", () => {
  let engine: CompilingEngine | undefined;
  const machine = new Machine({
    memoryBytes: 1 << 20,
    engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true })),
  });
  const { memory, cpu } = machine;
  memory.map(0, 0x2_0000);
  let most = 0;
  for (let round = 1; round <= 2100; round++) {
    // mov eax,round; int 0x40; at ever other places, with nothing to be compiled behind it
    const at = ORIGIN + 16 * (round % 100);
    memory.write(at, Uint8Array.of(0xb8, round & 0xff, round >> 8, 0, 0, 0xcd, 0x40, 0xcc));
    cpu.eip = at;
    expect(machine.run(100)).toMatchObject({ reason: "interrupt" });
    expect(cpu.eax).toBe(round);
    most = Math.max(most, engine!.made);
  }
  expect(engine!.executed).toBe(4200);
  expect(most).toBe(2000);
});

test("a scan goes on from page to page where memory is in several pieces", () => {
  const source = " mov al,7\n repne scasb\n sete bl\n mov ecx,3\nagain:\n cmp al,7\n loope again\n int 0x40";
  const made = assemble("scan.asm", { files: memoryFiles({ "scan.asm": `use32\norg 0x1000\n${source}\n` }) });
  const run = (engine: MachineOptions["engine"], length: number, at: number): unknown[] => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine });
    machine.memory.map(0, 0x2_0000);
    machine.memory.map(0x4_0000, 0x2000);
    machine.memory.place(ORIGIN, made.bytes);
    machine.memory.write(at, Uint8Array.of(7));
    Object.assign(machine.cpu, { eip: ORIGIN, esp: 0x1_0000, edi: 0x4_0fe0, ecx: length });
    const stop = machine.run(1000);
    const { eip, edi, ecx, ebx, eflags } = machine.cpu;
    return [stop, eip, edi, ecx, ebx, eflags, machine.instructions];
  };
  const ahead = (core: Core) => new CompilingEngine(core, { ahead: true, most: 30 });
  for (const length of [0, 20, 33, 60, 5000]) {
    for (const at of [0x4_0fe0, 0x4_0fff, 0x4_1000, 0x4_1010, 0x1_8000])
      expect(run(ahead, length, at), `${length} ${at}`).toEqual(run("interpreter", length, at));
  }
});

/** A region of empty blocks with these ways between them. */
function graph(ways: readonly (readonly number[])[], entries: number[]): Region {
  const blocks = ways.map((to, index) => {
    const block = new Block(index, index);
    const b = new Builder(block, () => false);
    block.count = 1;
    const target = (n: number) => ({ block: to[n] ?? -1, address: to[n] ?? 999 });
    if (to.length < 2) b.end({ kind: "goto", target: target(0) });
    else b.end({ kind: "branch", condition: b.get(0), yes: target(0), no: target(1) });
    return block;
  });
  return { blocks, entries };
}

describe("structure", () => {
  test("a loop is one, its way is as long as its blocks", () => {
    const made = structure(graph([[1], [2], [1, 3], []], [0]));
    expect([...made.isLoop]).toEqual([0, 1, 0, 0]);
    expect(made.dispatched).toEqual([0, 1]);
    expect(made.longest).toBe(5);
  });

  test("a loop in a loop is entered by way of its head", () => {
    const made = structure(graph([[1], [2], [2, 3], [1, 4], []], [0]));
    expect([...made.isLoop]).toEqual([0, 1, 1, 0, 0]);
    expect(made.entries).toEqual([0, 1, 2]);
    expect(made.dispatched).toEqual([0, 1]);
    expect([...made.routes]).toEqual([[1, [2]]]);
    expect([...waysTo(made).get(-1)!]).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
    expect(made.loops).toBe(false);
  });

  test("what begins in an inner loop has the outer one's head for its own", () => {
    const made = structure(graph([[1], [2], [2, 3], [1, 4], []], [2]));
    expect([...made.isLoop]).toEqual([0, 1, 1, 0, 0]);
    expect(made.entries).toEqual([2, 1]);
    expect(made.dispatched).toEqual([1]);
    expect([...made.routes]).toEqual([[1, [2]]]);
  });

  test("an entry in a loop does not make it two", () => {
    const made = structure(graph([[1], [2], [1, 3], []], [0, 2]));
    expect([...made.isLoop]).toEqual([0, 1, 0, 0]);
    expect(made.entries).toEqual([0, 2, 1]);
    expect([...made.routes]).toEqual([[1, [2]]]);
  });

  test("ways that join are marked", () => {
    const made = structure(graph([[1, 2], [3], [3], []], [0]));
    expect([...made.isJoint]).toEqual([1, 0, 0, 1]);
    expect(made.children[0]).toEqual(expect.arrayContaining([1, 2, 3]));
  });

  test("a loop with two heads goes through the dispatcher", () => {
    const made = structure(graph([[1, 2], [2, 3], [1], []], [0]));
    expect(made.dispatched.length).toBe(2);
    expect(made.loops).toBe(true);
  });
});
