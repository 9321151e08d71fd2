/**
 * Test suites of others, on our machine. Nothing of theirs is here: they are read where you have put them, and
 * assembled with an installed nasm.
 *
 *     npm run prove -- suites --suite fex --from FOLDER     FEX-Emu's unittests/32Bit_ASM (or ASM): what each test says
 *                                                           of registers and memory at its end
 *     npm run prove -- suites --suite v86 --from FOLDER     v86's tests/nasm, and what its create_tests.js has made
 *                                                           in build: against the host's processor (gcc, ld)
 *
 *     npm run prove -- suites --suite test386 --from FOLDER   barotto's test386.asm: its arithmetical, logical and decimal
 *                                                           operations against the reference that stands beside it.
 *                                                           The rest runs in real mode and in ring 0
 *
 *     npm run prove -- suites --suite qemu --from FOLDER    QEMU's test-i386.c with what it includes (in QEMU's tests/tcg/i386,
 *                                                           in v86's tests/qemu): built as a static 32-bit program, run
 *                                                           by the host and here, line for line. Without virtual-8086
 *                                                           mode and 16-bit code segments
 *     npm run prove -- suites --suite 80286 --from FOLDER   SingleStepTests' recordings of an 80286, v1_real_mode: those
 *                                                           of instructions that touch registers and flags only
 *
 * More options: --show N failures in full (default 20), --match TEXT in the path. Prints how many passed, what was left out
 * and why, and the reason of each failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { gunzipSync } from "node:zlib";
import { DECODED, decode, makeInstruction } from "../../src/isa/index.ts";
import {
  type Descriptor,
  linuxSegments,
  Machine,
  STATE,
  type Stop,
  undefinedFamilies,
  VECTOR,
} from "../../src/machine/index.ts";
import { proofOptions } from "../prove-options.ts";
import { runLinux } from "./linux.ts";
import { EFLAGS_COMPARED, flagNames } from "./processor/case.ts";
import { storedFxsave } from "./processor/ours.ts";
import { isCarriedOver, recordedSteps } from "./single-step.ts";

const { values } = proofOptions({ suite: "", from: "", match: "", show: 20, root: "." });

/** What came of one test: passed, left out (with why), or failed (with how). */
type Outcome = "passed" | { leftOut: string } | { failed: string };

const progress = process.stderr.isTTY === true;
const folder = mkdtempSync(join(tmpdir(), "kolibri-suites-"));

function sources(from: string): string[] {
  return readdirSync(from, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".asm") && name.includes(values.match))
    .sort()
    .map((name) => join(from, name));
}

function tool(name: string, ...args: string[]): string | undefined {
  const ran = spawnSync(name, args, { encoding: "utf8" });
  if (ran.error) throw new Error(`${name} is not installed`);
  return ran.status === 0 ? undefined : ran.stderr.trim().split("\n")[0]!;
}

const hex = (value: number | bigint): string => value.toString(16);

/** Nearly all that a machine can have: one region that is asked for is at 0xF0000000. */
const MAXIMUM = 0xf050_0000;
const INSTRUCTIONS = 20_000_000;

// FEX --------------------------------------------------------------------------------------------------------

interface FexConfig {
  readonly Mode?: string;
  readonly HostFeatures?: readonly string[];
  readonly RegData?: Readonly<Record<string, string | readonly string[]>>;
  readonly MemoryRegions?: Readonly<Record<string, string>>;
  readonly MemoryData?: Readonly<Record<string, string>>;
}

/** Where FEX's harness puts code, and what else it maps for 32-bit tests. */
const FEX_CODE = 0x1_0000;
const FEX_CODE_BYTES = 0x10_0000;
const FEX_STACK = 0xc000_0000;
const FEX_STACK_BYTES = 0x1_0000;
/** What stands before every test; some count its bytes. */
const FEX_BEGINNING = "mov eax,0x17\nmov ds,ax\nmov es,ax\n";
/** Selectors that its tests load. */
const FEX_SEGMENTS: readonly [number, Descriptor][] = [
  [0x17, { base: 0, limit: 0xffff_ffff, kind: "data" }],
  [0x33, { base: 0, limit: 0xffff_ffff, kind: "code" }],
];
const FEX_MAPPED = [
  [0xe000_0000, 0xa000],
  [0xe7ff_f000, 0x2000],
] as const;

const HALT = 0xf4;
const GENERAL = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI"];

/** The block of JSON between the first %ifdef and %endif. */
function configOf(text: string): FexConfig | undefined {
  const block = /%ifdef CONFIG\s*(\{[\s\S]*?\})\s*%endif/.exec(text);
  return block === null ? undefined : (JSON.parse(block[1]!.replaceAll(/,(\s*[}\]])/g, "$1")) as FexConfig);
}

function fexTest(machine: Machine, path: string, from: string): Outcome {
  const text = readFileSync(path, "latin1");
  const config = configOf(text);
  if (config === undefined) return { leftOut: "no statement of what must come out" };
  if (config.Mode !== "32BIT") return { leftOut: "64-bit code" };
  const needs = (config.HostFeatures ?? []).join(", ");
  if (needs !== "") return { leftOut: `needs ${needs}` };
  if (/\bymm\d|^\s*v[a-z0-9]+\s+[xy]mm/m.test(text)) return { leftOut: "needs AVX" };
  if (/\bint\s+0x80\b/.test(text)) return { leftOut: "makes system calls of Linux" };
  if (/^\s*s[gi]dt\b|^\s*smsw\b/m.test(text))
    return { leftOut: "asks for descriptor tables, which ring 3 cannot here" };
  const source = join(folder, "test.asm");
  const binary = join(folder, "test.bin");
  writeFileSync(source, `BITS 32\norg ${FEX_CODE}\n${FEX_BEGINNING}${text}\nret\n`, "latin1");
  const includes = [join(from, "Includes"), join(dirname(from), "ASM/Includes"), dirname(path)];
  const refused = tool("nasm", ...includes.flatMap((name) => ["-i", `${name}/`]), "-o", binary, source);
  if (refused !== undefined) return { leftOut: `nasm does not assemble it: ${refused}` };
  const { memory, cpu } = machine;
  memory.unmap(0, memory.size);
  memory.map(FEX_CODE, FEX_CODE_BYTES);
  memory.map(FEX_STACK, FEX_STACK_BYTES);
  for (const [address, length] of FEX_MAPPED) memory.map(address, length);
  for (const [address, length] of Object.entries(config.MemoryRegions ?? {})) {
    memory.map(Number(address), Number(length));
  }
  for (const [address, value] of Object.entries(config.MemoryData ?? {})) {
    const digits = value.replace(/^0x/, "").padStart(8, "0");
    memory.write(
      Number(address),
      Uint8Array.from(digits.match(/../g)!.reverse(), (byte) => Number.parseInt(byte, 16)),
    );
  }
  memory.write(FEX_CODE, readFileSync(binary));
  machine.reset();
  cpu.eip = FEX_CODE;
  cpu.esp = FEX_STACK + FEX_STACK_BYTES - 16;
  cpu.eflags = 0x202;
  const stop = machine.run(INSTRUCTIONS);
  if (memory.u8(cpu.eip) !== HALT) return { failed: `ends as ${stopText(stop)} at ${hex(cpu.eip)}` };
  const wrong = Object.entries(config.RegData ?? {}).flatMap(([name, value]) =>
    fexRegister(machine, name, value),
  );
  return wrong.length === 0 ? "passed" : { failed: wrong.join("; ") };
}

/** What is wrong with a register: nothing, or one line. */
function fexRegister(machine: Machine, name: string, value: string | readonly string[]): string[] {
  const { memory, cpu } = machine;
  const wanted = (typeof value === "string" ? [value] : value).map((text) =>
    BigInt(text.replaceAll("_", "")),
  );
  const found: bigint[] = [];
  const vector = /^(XMM|MM)([0-7])$/.exec(name);
  if (vector) {
    const at = (vector[1] === "MM" ? STATE.X87 : STATE.XMM) + 16 * Number(vector[2]);
    found.push(memory.view.getBigUint64(at, true));
    found.push(
      vector[1] === "MM"
        ? BigInt(memory.view.getUint16(at + 8, true))
        : memory.view.getBigUint64(at + 8, true),
    );
  } else {
    const number = GENERAL.indexOf(name);
    if (number < 0) return [`${name} is no register of this machine`];
    const general = [cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, cpu.esp, cpu.ebp, cpu.esi, cpu.edi];
    found.push(BigInt(general[number]!));
    wanted[0] = wanted[0]! & 0xffff_ffffn;
  }
  return wanted.every((part, i) => i >= found.length || part === found[i])
    ? []
    : [`${name} ${wanted.map(hex).join(" ")} here ${found.slice(0, wanted.length).map(hex).join(" ")}`];
}

const stopText = (stop: Stop): string =>
  stop.reason === "fault" ? stop.fault : stop.reason === "trap" ? stop.trap : stop.reason;

// v86 --------------------------------------------------------------------------------------------------------

const V86_LAYOUT = [
  "--section-start=.bss=0x100000",
  "--section-start=.text=0x80000",
  "--section-start=.multiboot=0x20000",
];
const V86_MEMORY = 0x10_0000;
const V86_MEMORY_BYTES = 0x2000;
const ANSWER_BYTES = 44 + 512 + V86_MEMORY_BYTES;
const AT_END = 256;
const AT_ONCE = 200;

interface Program {
  readonly path: string;
  readonly image: string;
  readonly end: number;
}

/** Assembled and linked as v86's own tests are, with the address of the label where they end. */
function v86Program(path: string, number: number): Program | string {
  const object = join(folder, `${number}.o`);
  const image = join(folder, `${number}.img`);
  const refused =
    tool(
      "nasm",
      "-w-all",
      "-felf32",
      "-i",
      `${dirname(path)}/`,
      "-i",
      `${dirname(dirname(path))}/`,
      "-o",
      object,
      path,
    ) ?? tool("ld", "-g", object, "-m", "elf_i386", ...V86_LAYOUT, "-o", image);
  if (refused !== undefined) return refused;
  const symbols = spawnSync("nm", [image], { encoding: "utf8" }).stdout;
  const end = /^([0-9a-f]+) . loop$/m.exec(symbols);
  return end === null ? "it has no label where it ends" : { path, image, end: Number.parseInt(end[1]!, 16) };
}

/** Maps what an ELF file says, as the kernel does: whole pages. */
function loadElf(machine: Machine, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headers = view.getUint32(28, true);
  const { memory } = machine;
  memory.unmap(0, memory.size);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const at = headers + i * view.getUint16(42, true);
    if (view.getUint32(at, true) !== 1) continue;
    const [offset, address, , length, size, flags] = [4, 8, 12, 16, 20, 24].map((field) =>
      view.getUint32(at + field, true),
    );
    memory.map(address!, size!, { writable: (flags! & 2) !== 0 });
    memory.place(address!, bytes.subarray(offset!, offset! + length!));
  }
  machine.reset();
  machine.cpu.eip = view.getUint32(24, true);
  machine.cpu.eflags = 0x202;
}

function v86Test(machine: Machine, program: Program, native: DataView): Outcome {
  if (native.getUint32(0, true) > AT_END) return { leftOut: "the host does not come to its end" };
  loadElf(machine, readFileSync(program.image));
  machine.breakpoints.clear();
  machine.breakpoints.add(program.end);
  const stop = machine.run(INSTRUCTIONS);
  const { cpu, memory } = machine;
  const wrong: string[] = [];
  const compare = (name: string, theirs: number, ours: number): void => {
    if (theirs !== ours) wrong.push(`${name} ${hex(theirs)} here ${hex(ours)}`);
  };
  const why =
    stop.reason === "breakpoint"
      ? AT_END
      : stop.reason === "fault"
        ? VECTOR[stop.fault]
        : stop.reason === "trap"
          ? VECTOR[stop.trap]
          : AT_END + 1;
  const ended = native.getUint32(0, true);
  // Signals do not tell #XM from #MF, nor #SS from #GP.
  const alike = (ended === 16 && why === 19) || (ended === 13 && why === 12) || (ended === 12 && why === 13);
  if (!alike) compare("end", ended, why);
  const general = [cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, cpu.esp, cpu.ebp, cpu.esi, cpu.edi, cpu.eip];
  for (const [i, name] of [...GENERAL, "EIP"].entries())
    compare(name, native.getUint32(4 + 4 * i, true), general[i]!);
  const flags = native.getUint32(40, true);
  if ((flags ^ cpu.eflags) & EFLAGS_COMPARED)
    wrong.push(`eflags ${flagNames(flags)} here ${flagNames(cpu.eflags)}`);
  const ours = storedFxsave(memory.bytes);
  const theirs = new Uint8Array(native.buffer, native.byteOffset + 44, 512);
  const part = (name: string, at: number, length: number): void => {
    const [a, b] = [theirs, ours].map((area) =>
      Buffer.from(area.subarray(at, at + length))
        .reverse()
        .toString("hex"),
    );
    if (a !== b) wrong.push(`${name} ${a} here ${b}`);
  };
  part("control", 0, 2);
  part("status", 2, 2);
  part("tags", 4, 1);
  part("mxcsr", 24, 4);
  for (let i = 0; i < 8; i++) part(`st${i}`, 32 + 16 * i, 10);
  for (let i = 0; i < 8; i++) part(`xmm${i}`, 160 + 16 * i, 16);
  for (let at = 0; at < V86_MEMORY_BYTES; at += 4) {
    compare(`[${hex(V86_MEMORY + at)}]`, native.getUint32(556 + at, true), memory.u32(V86_MEMORY + at) ?? 0);
  }
  if (wrong.length === 0) return "passed";
  return { failed: wrong.slice(0, 6).join("; ") };
}

// test386 ----------------------------------------------------------------------------------------------------

const T386_CODE = 0x1_0000;
const T386_STACK = 0x8_0000;
/** Where each operation returns to. */
const T386_RETURN = 0x9_0000;
const SIZES = "BWD";

/** Walks the table of operations as the program itself does, and writes the lines that it would. */
function* test386Lines(machine: Machine, binary: Uint8Array): Generator<string> {
  const { memory, cpu } = machine;
  memory.map(0, 0x1000);
  memory.map(T386_CODE, 0x4_0000);
  memory.map(T386_STACK, 0x1000);
  memory.write(T386_CODE, binary);
  const dword = (address: number): number => memory.u32(address)!;
  const [table, valuesOf, masks] = [0, 4, 8].map((at) => dword(T386_CODE + at)) as [number, number, number];
  machine.breakpoints.add(T386_RETURN);
  for (let at = table; memory.u8(at) !== 0; ) {
    const [length, type, size] = [memory.u8(at)!, memory.u8(at + 1)!, memory.u8(at + 2)!] as const;
    const row = valuesOf + 64 * type + 16 * size;
    const mask = dword(masks + 4 * type);
    let name = "";
    for (at += 3; memory.u8(at) !== 0; at++) name += String.fromCharCode(memory.u8(at)!);
    const code = at + 1;
    at = code + length;
    // Flags as after sub eax,eax; for each value of the first operand they begin as they were before the last.
    machine.reset();
    let flags = 0x246;
    for (let i = 0; i < dword(row); i++) {
      let inner = flags;
      for (let j = 0; j < dword(row + 8); j++) {
        const state = (): string => {
          const text = (value: number, digits: number): string =>
            value.toString(16).toUpperCase().padStart(digits, "0");
          return `EAX=${text(cpu.eax, 8)} EDX=${text(cpu.edx, 8)} PS=${text(cpu.eflags & mask, 4)} `;
        };
        cpu.eax = dword(dword(row + 4) + 4 * i);
        cpu.edx = dword(dword(row + 12) + 4 * j);
        cpu.ecx = dword(row) - i;
        cpu.eflags = inner;
        cpu.esp = T386_STACK + 0x800;
        memory.set32(cpu.esp, T386_RETURN);
        cpu.eip = code;
        const before = state();
        const stop = machine.run(100);
        const error = stop.reason === "breakpoint" ? "" : `${stopText(stop)} `;
        yield `${name}${SIZES[size]} ${before}${error}${state()}`;
        inner = cpu.eflags;
      }
      flags = inner;
    }
  }
}

const DECIMAL: Readonly<Record<string, readonly number[]>> = {
  daa: [0x27],
  das: [0x2f],
  aaa: [0x37],
  aas: [0x3f],
  aam: [0xd4, 10],
  aad: [0xd5, 10],
};
const FLAG_BITS: Readonly<Record<string, number>> = { PS_CF: 1, PS_PF: 4, PS_AF: 16, PS_ZF: 64, PS_SF: 128 };

/** The lines of its decimal adjustments: each is asked for by one line of the source. */
function* test386Decimals(machine: Machine, text: string): Generator<string> {
  const { memory, cpu } = machine;
  const flagsIn = (list: string): number =>
    list.split("|").reduce((bits, name) => bits | (FLAG_BITS[name.trim()] ?? 0), 0);
  for (const [, name, operand, flags, mask] of text.matchAll(
    /^\s*testBCD\s+(\w+), *0x(\w+), *([^,]+), *(.+)$/gm,
  )) {
    memory.write(T386_CODE, Uint8Array.of(...DECIMAL[name!]!, HALT));
    const state = (shown: number): string => {
      const value = cpu.eax.toString(16).toUpperCase().padStart(8, "0");
      return `EAX=${value} PS=${(cpu.eflags & shown).toString(16).toUpperCase().padStart(4, "0")} `;
    };
    machine.reset();
    cpu.eax = Number.parseInt(operand!, 16);
    cpu.eflags = flagsIn(flags!);
    cpu.eip = T386_CODE;
    const before = state(flagsIn(flags!));
    machine.run(1);
    yield `${name} ${before}${state(flagsIn(mask!))}`;
  }
}

function test386(from: string): void {
  const source = join(folder, "table.asm");
  const binary = join(folder, "table.bin");
  const parts = ["configuration", "x86_e"].map((name) => `%include "${name}.asm"\n`).join("");
  writeFileSync(
    source,
    `BITS 32\norg ${T386_CODE}\n${parts}dd tableOps, typeValues, typeMasks\n%include "tests/arith-logic_d.asm"\n`,
  );
  const refused = tool("nasm", "-w-all", "-i", `${join(from, "src")}/`, "-o", binary, source);
  if (refused !== undefined) throw new Error(refused);
  const reference = readFileSync(join(from, "test386-EE-reference.txt"), "latin1")
    .split("\n")
    .filter((line) => line !== "");
  const machine = new Machine({ memoryBytes: 1 << 20, gates: [], segments: linuxSegments });
  const lines = [
    ...test386Lines(machine, readFileSync(binary)),
    ...test386Decimals(machine, readFileSync(join(from, "src/test386.asm"), "latin1")),
  ];
  // The decimal adjustments come first.
  const decimals = lines.findIndex((line) => line.startsWith("daa"));
  for (const [i, line] of [...lines.slice(decimals), ...lines.slice(0, decimals)].entries()) {
    const wanted = reference[i] ?? "nothing";
    note(
      join(from, `line ${i + 1}`),
      line.trim() === wanted.trim() ? "passed" : { failed: `${wanted} here ${line}` },
    );
  }
  if (lines.length !== reference.length)
    failed.push(`${reference.length} lines of reference, ${lines.length} of ours`);
  note(join(from, "POST 00 to E0"), { leftOut: "real mode, ring 0, paging, task switches" });
}

// QEMU -------------------------------------------------------------------------------------------------------

const MOST_INSTRUCTIONS = 2_000_000_000;

function qemu(from: string): void {
  const text = readFileSync(join(from, "test-i386.c"), "latin1");
  const source = join(folder, "test-i386.c");
  const program = join(folder, "test-i386");
  // Linux lets nobody execute data unasked, and only some of its versions show that an LDT entry is called useable.
  const executable = "mprotect((void *)((unsigned long)code & -PAGE_SIZE), 2 * PAGE_SIZE, 7);";
  writeFileSync(
    source,
    text
      .replace(/^#define TEST_VM86.*$/m, "")
      .replace(/^\s*test_code16\(\);$/m, "")
      .replace(/^\s*test_self_modifying_code\(\);$/m, `${executable}\n$&`)
      .replaceAll("ldt.useable = 1;", "ldt.useable = 0;"),
    "latin1",
  );
  const flags = "-m32 -O2 -fno-strict-aliasing -static -no-pie -mmmx -msse -w -z noexecstack".split(" ");
  const assembly = join(from, "test-i386-code16.S");
  const refused = tool("gcc", ...flags, "-I", from, "-o", program, source, assembly, "-lm");
  if (refused !== undefined) throw new Error(refused);
  const ran = spawnSync(program, { maxBuffer: 2 ** 28, encoding: "latin1" });
  const native = ran.stdout.split("\n");
  const { output, end } = runLinux(readFileSync(program), MOST_INSTRUCTIONS);
  const lines = output.split("\n");
  for (const [i, line] of native.entries()) {
    const ours = lines[i] ?? "nothing";
    note(join(from, `line ${i + 1}`), line === ours ? "passed" : { failed: `${line} here ${ours}` });
  }
  if (lines.length !== native.length) failed.push(`${native.length} lines natively, ${lines.length} here`);
  if (end !== ran.status) failed.unshift(`ends with ${ran.status} natively, here ${end}`);
  note(join(from, "test_vm86"), { leftOut: "virtual-8086 mode" });
  note(join(from, "test_code16"), { leftOut: "16-bit code segments" });
}

// SingleStepTests --------------------------------------------------------------------------------------------

const STEP_CODE = 0x1000;
const OPERAND_SIZE = 0x66;
/** All that an 80286 has, but IF and TF. */
const FLAGS_286 = 0x0cd5;
const WORDS = ["ax", "bx", "cx", "dx", "sp", "bp", "si", "di"] as const;
/** The flags that the table says an instruction leaves undefined. */
function undefinedFlagsOf(machine: Machine): number {
  const bytes = machine.memory.read(STEP_CODE, 15)!;
  if (decode(bytes, 0, bytes.length, 32, decoded) !== DECODED) return 0;
  return decoded.form!.flags.undefined;
}

function steps80286(from: string): void {
  const families = undefinedFamilies.map(
    (undefinedFlags) =>
      [undefinedFlags, new Machine({ memoryBytes: 1 << 20, gates: [], undefinedFlags })] as const,
  );
  for (const [, machine] of families) machine.memory.map(STEP_CODE, 0x1000);
  /** By family and mnemonic: cases, and of them those with all undefined flags as recorded. */
  const agreeing = new Map<string, Map<string, [cases: number, same: number]>>();
  const files = readdirSync(from)
    .filter((name) => name.endsWith(".MOO.gz"))
    .sort();
  for (const file of files) {
    const opcode = file.replace(".MOO.gz", "");
    let wrong = "";
    let cases = 0;
    for (const one of recordedSteps(gunzipSync(readFileSync(join(from, file))))) {
      if (!isCarriedOver(opcode, one)) continue;
      cases++;
      const after = { ...one.before, ...one.after };
      for (const [family, machine] of families) {
        const { cpu, memory } = machine;
        memory.write(STEP_CODE, Uint8Array.of(OPERAND_SIZE, ...one.bytes));
        machine.reset();
        for (const name of WORDS) cpu[`e${name}`] = one.before[name]!;
        cpu.eip = STEP_CODE;
        cpu.eflags = (one.before.flags! & FLAGS_286) | 2;
        const open = undefinedFlagsOf(machine);
        const stop = machine.run(1);
        const fault = stop.reason === "fault" ? VECTOR[stop.fault] : undefined;
        if (fault !== undefined || one.exception !== undefined) {
          if (fault !== one.exception)
            wrong ||= `${one.name}: exception ${one.exception ?? "none"} here ${fault ?? "none"}`;
          continue;
        }
        const differing = WORDS.filter((name) => cpu[`e${name}`] !== after[name]);
        const flags = (cpu.eflags ^ after.flags!) & FLAGS_286;
        if (differing.length > 0) wrong ||= `${one.name}: ${differing.join(", ")}`;
        // Beyond the operand's size CF of a shift is open as well, and the families differ.
        else if (family === "zen4" && flags & ~open)
          wrong ||= `${one.name}: ${flagNames(after.flags!)} here ${flagNames(cpu.eflags)}`;
        if (open === 0) continue;
        const rows = agreeing.get(family) ?? new Map<string, [number, number]>();
        agreeing.set(family, rows);
        const row = rows.get(decoded.form!.name) ?? [0, 0];
        rows.set(decoded.form!.name, [row[0] + 1, row[1] + (flags === 0 ? 1 : 0)]);
      }
    }
    if (cases > 0) note(join(from, `${opcode}: ${cases} cases`), wrong === "" ? "passed" : { failed: wrong });
    else note(join(from, opcode), { leftOut: "memory, jumps, ports, or the stack in real mode" });
    total += cases;
  }
  console.log(`80286: ${total} cases carried over. Undefined flags as recorded, of all cases, by family:`);
  for (const [family, rows] of agreeing) {
    const text = [...rows].map(([name, [cases, same]]) => `${name} ${((100 * same) / cases).toFixed(0)} %`);
    console.log(`  ${family}: ${text.join(", ")}`);
  }
}

let total = 0;
const decoded = makeInstruction();

// ------------------------------------------------------------------------------------------------------------

const passed: string[] = [];
const left = new Map<string, string[]>();
const failed: string[] = [];

function note(path: string, outcome: Outcome): void {
  const name = relative(values.from, path);
  if (outcome === "passed") passed.push(name);
  else if ("leftOut" in outcome) left.set(outcome.leftOut, [...(left.get(outcome.leftOut) ?? []), name]);
  else failed.push(`${name}: ${outcome.failed}`);
  if (progress) process.stderr.write(`\r${passed.length} passed, ${failed.length} failed \x1b[K`);
}

function fex(from: string): void {
  const segments = {
    descriptors: new Map<number, Descriptor>([...linuxSegments.descriptors, ...FEX_SEGMENTS]),
    initial: linuxSegments.initial,
  };
  const machine = new Machine({ memoryBytes: MAXIMUM, gates: [], segments });
  for (const path of sources(from)) note(path, fexTest(machine, path, from));
}

function v86(from: string): void {
  const tracer = join(folder, "tracer");
  const source = join(values.root, "test/conformance/processor/tracer.c");
  const refused = tool("gcc", "-O1", "-o", tracer, source);
  if (refused !== undefined) throw new Error(refused);
  const machine = new Machine({ memoryBytes: 4 * 2 ** 20, gates: [], segments: linuxSegments });
  const all = sources(from).filter(
    (path) => !existsSync(join(from, "build", basename(path))) || path.includes("build"),
  );
  for (let begin = 0; begin < all.length; begin += AT_ONCE) {
    const programs: Program[] = [];
    for (const [i, path] of all.slice(begin, begin + AT_ONCE).entries()) {
      const program = v86Program(path, i);
      if (typeof program === "string")
        note(path, { leftOut: `cannot be assembled: ${program.replace(/^.*?error: /, "")}` });
      else programs.push(program);
    }
    const asked = programs.map(({ end, image }) => `${hex(end)} ${image}\n`).join("");
    const answers = spawnSync(tracer, { input: asked, maxBuffer: 2 ** 28 }).stdout;
    for (const [i, program] of programs.entries()) {
      note(
        program.path,
        v86Test(
          machine,
          program,
          new DataView(answers.buffer, answers.byteOffset + i * ANSWER_BYTES, ANSWER_BYTES),
        ),
      );
    }
  }
}

const suites: Readonly<Record<string, (from: string) => void>> = {
  fex,
  v86,
  test386,
  qemu,
  80286: steps80286,
};
try {
  const suite = suites[values.suite];
  if (suite === undefined || !existsSync(values.from)) {
    throw new Error("which suite, and where is it? --suite fex|v86|test386|qemu|80286 --from FOLDER");
  }
  suite(values.from);
  if (progress) process.stderr.write("\r\x1b[K");
  const out = [...left.values()].reduce((sum, list) => sum + list.length, 0);
  console.log(`${values.suite}: ${passed.length} passed, ${failed.length} failed, ${out} left out`);
  for (const [why, list] of [...left].sort(([, a], [, b]) => b.length - a.length)) {
    console.log(
      `  left out, ${why}: ${list.length} (${list.slice(0, 4).join(", ")}${list.length > 4 ? " …" : ""})`,
    );
  }
  for (const text of failed.slice(0, values.show)) console.log(`  failed: ${text}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`prove suites: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
