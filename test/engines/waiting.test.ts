/**
 * How much of a program's time goes into compiling it, counted in instructions that were compiled: what takes how long
 * depends on the host, and is measured by the benches.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { Code } from "../../src/machine/cpu/code.ts";
import { type Core, loadImage, Machine, type MachineOptions } from "../../src/machine/index.ts";
import { Foresight } from "../../src/machine/jit/foresight.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const MEMORY = 1 << 20;

/** Endless rounds through so many routines, each with a loop of its own. */
function program(routines: number): Uint8Array {
  const all = Array.from({ length: routines }, (_, n) => n);
  const body = Array.from({ length: 24 }, (_, n) => [" add eax,edx", " xor edx,eax", " rol eax,3"][n % 3]);
  const source = [
    "again:",
    ...all.map((n) => ` call routine${n}`),
    " jmp again",
    ...all.map((n) => `routine${n}:\n mov ecx,4\n.l:\n${body.join("\n")}\n add edx,${n}\n loop .l\n ret`),
  ].join("\n");
  return assembled(source);
}

/** A program of its own. */
function assembled(text: string): Uint8Array {
  const source = `use32\norg 0x1000\n${text}`;
  const made = assemble("loops.asm", { files: memoryFiles({ "loops.asm": source }) });
  expect(made.diagnostics).toEqual([]);
  return made.bytes;
}

function ran(bytes: Uint8Array, engine: MachineOptions["engine"], instructions: number): Machine {
  const machine = new Machine({ memoryBytes: MEMORY, engine });
  loadImage(machine, rawImage(bytes, { origin: 0x1000 }));
  machine.memory.map(0, MEMORY);
  machine.cpu.esp = MEMORY;
  expect(machine.run(instructions)).toEqual({ reason: "budget" });
  return machine;
}

function compiled(bytes: Uint8Array, instructions: number): CompilingEngine {
  let engine: CompilingEngine | undefined;
  const machine = ran(bytes, (core: Core) => (engine = new CompilingEngine(core)), instructions);
  const other = ran(bytes, "interpreter", instructions);
  expect(machine.instructions).toBe(instructions);
  expect(machine.saveContext()).toEqual(other.saveContext());
  return engine!;
}

/** Calls itself, and returns, without a loop. */
const RECURSIVE =
  "mov eax,25\n call f\nhere: jmp here\nf: cmp eax,1\n jbe done\n push ebx\n mov ebx,eax\n lea eax,[ebx-1]\n call f\n" +
  " push eax\n lea eax,[ebx-2]\n call f\n pop ebx\n add eax,ebx\n pop ebx\ndone: ret";

describe("a short program does not wait for the compiler", () => {
  const [small, large] = [program(3), program(120)];

  test("below a million instructions not at all", () => {
    for (const instructions of [50_000, 990_000])
      for (const each of [small, large]) expect(compiled(each, instructions).waitedFor).toBe(0);
  });

  test("nor are arrivals counted where no loop begins", () => {
    const heads = vi.spyOn(Code.prototype, "head");
    const recursive = assembled(RECURSIVE);
    compiled(recursive, 990_000);
    expect(heads).not.toHaveBeenCalled();
    compiled(recursive, 1_010_000);
    expect(heads).toHaveBeenCalled();
  });

  test("and a loop is looked at a few times, the rest of the time its jump leads to itself", () => {
    const looks = vi.spyOn(Foresight.prototype, "remaining");
    compiled(
      assembled(
        "again: mov ecx,190000\n.l: add eax,ecx\n xor eax,7\n rol eax,3\n dec ecx\n jnz .l\n jmp again",
      ),
      900_000,
    );
    expect(looks.mock.calls.length).toBeGreaterThan(1);
    expect(looks.mock.calls.length).toBeLessThan(5);
    looks.mockClear();
    compiled(
      assembled("again: mov ecx,90\n.l: add eax,ecx\n xor eax,7\n rol eax,3\n dec ecx\n jnz .l\n jmp again"),
      900_000,
    );
    expect(looks.mock.calls.length).toBeLessThan(25);
  });

  test("behind it small and large ones are compiled", () => {
    const { waitedFor, executed } = compiled(small, 3_000_000);
    expect(waitedFor).toBeGreaterThan(3 * 26);
    expect(executed).toBeGreaterThan(1_500_000);
    const all = compiled(large, 40_000_000);
    expect(all.waitedFor).toBeGreaterThan(120 * 26);
    expect(all.executed).toBeGreaterThan(15_000_000);
  });
});

test("regions have modules of their own until there are many: then they are put into one", () => {
  const few = compiled(program(20), 20_000_000);
  expect(few.regions).toBeGreaterThan(5);
  expect(few.alone).toBe(few.regions);
  const many = compiled(program(200), 30_000_000);
  expect(many.regions).toBeGreaterThan(150);
  expect(many.alone).toBeLessThan(128);
});

test("for each instruction that is compiled many were interpreted before", () => {
  const large = program(400);
  for (const instructions of [1_100_000, 2_000_000, 16_000_000]) {
    const { waitedFor, executed, entered } = compiled(large, instructions);
    // The first time each routine is called, and each time a compiled one is, takes longer.
    const spent = instructions - executed + 500 * 400 + 200 * entered;
    expect(waitedFor).toBeLessThanOrEqual((1_000_000 + spent) / 8000);
  }
});

const work = (n: number): string => "add eax,edx\n xor edx,eax\n rol eax,3\n".repeat(n);

test("a routine that several others call is compiled once", () => {
  const caller = (name: string): string =>
    `${name}: mov ecx,4\n.l:\n${work(10)} loop .l\n call shared\n ret\n`;
  const names = ["a", "b", "c", "d", "e", "f"];
  const bytes = assembled(
    `again:\n${names.map((name) => `call ${name}\n`).join("")} jmp again\n${names.map(caller).join("")}` +
      `shared:\n mov ecx,4\n.l:\n${work(50)} dec ecx\n jnz .l\n ret`,
  );
  const { waitedFor, executed } = compiled(bytes, 30_000_000);
  expect(executed).toBeGreaterThan(20_000_000);
  expect(waitedFor).toBeLessThan(153 + 6 * 34 + 2 * 153);
});

describe("a loop that says that it will go on for another million is compiled soon", () => {
  const WORK = "add eax,ebx\n xor ebx,eax\n rol ebx,5\n";
  const nested = (begin: string, inner: string, end: string): string =>
    `mov ebx,7\n${begin}\nouter:\n${inner}\n${WORK}${end} outer\nhere: jmp here`;
  const INNER = `mov ecx,40\ninner:\n ${WORK}dec ecx\n jnz inner`;

  for (const [what, begin, inner, end] of [
    ["down in a register", "mov ecx,300000", "", "dec ecx\n jnz"],
    ["by LOOP", "mov ecx,300000", "", "loop"],
    ["by some", "mov ecx,1200000", "", "sub ecx,4\n jnz"],
    ["up to 0", "mov ecx,-300000", "", "inc ecx\n jnz"],
    ["up to a constant", "xor edx,edx", "", "add edx,4\n cmp edx,1200000\n jb"],
    ["up to a register", "xor edx,edx\n mov edi,300000", "", "inc edx\n cmp edx,edi\n jne"],
    ["at its beginning", "xor edx,edx", "cmp edx,300000\n jae here\n inc edx", "jmp"],
    ["around another", "mov edx,20000", INNER, "dec edx\n jnz"],
    ["in memory, around another", "mov dword [0x9000],20000", INNER, "dec dword [0x9000]\n jnz"],
    [
      "on the stack, around another",
      "push 0\n mov ebp,esp",
      INNER,
      "inc dword [ebp]\n cmp dword [ebp],20000\n jb",
    ],
    ["in memory, to a register", "mov edx,20000", INNER, "inc dword [0x9000]\n cmp [0x9000],edx\n jb"],
    [
      "in a register, to memory",
      "mov dword [0x9000],20000\n xor edx,edx",
      INNER,
      "inc edx\n cmp edx,[0x9000]\n jb",
    ],
  ] as const) {
    test(`counting ${what}`, () => {
      const { executed } = compiled(assembled(nested(begin, inner, end)), 400_000);
      expect(executed).toBeGreaterThan(300_000);
    });
  }

  for (const [what, begin, inner, end] of [
    ["ends before", "mov ecx,150000", "", "dec ecx\n jnz"],
    ["ends before, around another", "mov edx,4000", INNER, "dec edx\n jnz"],
    ["begins anew again and again", "", INNER.replace("40", "3000"), "jmp"],
    ["waits for something", "", "add edx,edx\n test edx,edx", "jz"],
  ] as const) {
    test(`but none that ${what}`, () => {
      expect(compiled(assembled(nested(begin, inner, end)), 990_000).waitedFor).toBe(0);
    });
  }
});

test("a recursion is compiled as a whole", () => {
  const { regions, executed } = compiled(assembled(RECURSIVE), 2_000_000);
  // And what stands at `here`.
  expect(regions).toBe(2);
  expect(executed).toBeGreaterThan(900_000);
});

test("routines that are pages apart do not take each other's place", () => {
  const routine = (name: string): string => `${name}: mov ecx,4\n.l:\n${work(50)} dec ecx\n jnz .l\n ret\n`;
  const names = ["a", "b", "c", "d"];
  const bytes = assembled(
    `again:\n${work(60)}${names.map((name) => `call ${name}\n`).join("")} jmp again\n` +
      names.map((name) => `align 4096\n${routine(name)}`).join(""),
  );
  const { executed, entered } = compiled(bytes, 40_000_000);
  expect(executed).toBeGreaterThan(30_000_000);
  expect(entered).toBeLessThan(20_000);
});

test("a few instructions that compiled code calls through a pointer are compiled, too", () => {
  const calling = assembled(
    "mov esi,f\nagain: mov ecx,100\n.l: add eax,ecx\n xor edx,eax\n call esi\n loop .l\n jmp again\nf: add eax,edx\n cmp eax,edx\n ret",
  );
  const { executed, entered } = compiled(calling, 3_000_000);
  expect(executed).toBeGreaterThan(1_800_000);
  expect(entered).toBeLessThan(5000);
});
