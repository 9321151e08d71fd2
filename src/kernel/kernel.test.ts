import { describe, expect, test } from "vitest";
import { bytesOf, type Micros } from "../base/index.ts";
import { type Image, LineMap, rawImage, Symbols } from "../image/index.ts";
import {
  type CallRecord,
  guide,
  Kernel,
  type KernelOptions,
  type Process,
  showCall,
  showCallLine,
} from "./index.ts";

/** Machine code in the few words these tests need. */
const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
type Register = (typeof REGISTERS)[number];
const dword = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255];
const mov = (register: Register, value: number) => [0xb8 + REGISTERS.indexOf(register), ...dword(value)];
const int40 = [0xcd, 0x40];
const forever = [0xeb, 0xfe];
const back = (bytes: number) => [0xeb, 256 - 2 - bytes];
const incAt = (address: number) => [0xff, 0x05, ...dword(address)];
/** A system call: EAX and what else is given. */
const ask = (eax: number, registers: Partial<Record<Register, number>> = {}) => [
  ...Object.entries(registers).flatMap(([name, value]) => mov(name as Register, value)),
  ...mov("eax", eax),
  ...int40,
];

const kernelWith = (options: Partial<KernelOptions> = {}): Kernel =>
  new Kernel({ personality: guide(), memoryBytes: 1 << 20, ...options });

function spawn(kernel: Kernel, code: readonly number[], image: Partial<Image> = {}): Process {
  const process = kernel.spawn({ ...rawImage(Uint8Array.from(code)), ...image });
  if ("error" in process) throw new Error(process.error);
  return process;
}

/** Runs a kernel alone on a clock of its own until nothing can come any more, or so many microseconds. */
function runFor(kernel: Kernel, span: Micros): Micros {
  let now = 0;
  while (now < span && !kernel.stop) {
    kernel.poll(now);
    if (kernel.runnable) now += Math.ceil(kernel.run(now, Math.min(10_000, (span - now) * 100)) / 100);
    else if (kernel.deadline() === Number.POSITIVE_INFINITY) break;
    else now = Math.min(span, kernel.deadline());
  }
  return now;
}

describe("running", () => {
  test("executes exactly what its budget allows", () => {
    const kernel = kernelWith();
    spawn(kernel, forever);
    expect(kernel.run(0, 12_345)).toBe(12_345);
    expect(kernel.instructions).toBe(12_345);
  });

  test("the moment of a call follows from the instructions before it", () => {
    const kernel = kernelWith();
    const moments: Micros[] = [];
    kernel.onCall(({ at }) => moments.push(at));
    // 250 times: mov, int, jmp. The call comes at instructions 2, 5, 8 …
    const loop = [...mov("eax", 3), ...int40];
    spawn(kernel, [...loop, ...back(loop.length)]);
    kernel.run(1000, 750);
    expect(moments).toHaveLength(250);
    expect(moments.slice(0, 2)).toEqual([1000, 1000]);
    expect(moments.slice(-2)).toEqual([1007, 1007]);
  });

  test("time does not go back when the clock is behind the instructions", () => {
    const kernel = kernelWith();
    const moments: Micros[] = [];
    kernel.onCall(({ at }) => moments.push(at));
    const loop = [...mov("eax", 3), ...int40];
    spawn(kernel, [...loop, ...back(loop.length)]);
    kernel.run(0, 3000);
    kernel.run(10, 3000);
    expect(moments.toSorted((a, b) => a - b)).toEqual(moments);
    expect(moments.at(-1)).toBe(59);
  });

  test("stops for a fault, with the state before the instruction, and goes on when it is mended", () => {
    const kernel = kernelWith();
    const process = spawn(kernel, [0xff, 0x05, ...dword(0x80000), ...forever]);
    kernel.run(0, 100);
    expect(kernel.stop).toMatchObject({
      reason: "machine",
      stop: { reason: "fault", fault: "#PF", address: 0x80000 },
    });
    expect(process.cpu.eip).toBe(0);
    process.memory.map(0x80000, 4096);
    kernel.resume();
    kernel.run(0, 100);
    expect(kernel.stop).toBeUndefined();
    expect(process.memory.u32(0x80000)).toBe(1);
  });

  test("an image that does not fit the machine is refused in words", () => {
    const image = { ...rawImage(Uint8Array.of(0x90)), memorySize: 1 << 24 };
    expect(kernelWith().spawn(image)).toMatchObject({ error: expect.stringContaining("the machine has") });
  });
});

describe("threads and processes", () => {
  const counterLoop = (at: number) => [...incAt(at), ...back(6)];

  test("threads of a process share its memory, have registers of their own, and take turns", () => {
    const kernel = kernelWith({ timeSlice: 1000 });
    const first = counterLoop(0x2400);
    const second = counterLoop(0x2404);
    const process = spawn(kernel, [...first, ...second]);
    const thread = kernel.startThread(process, { eip: first.length, esp: 0x8000 });
    expect([process.threads[0]!.id, thread.id]).toEqual([1, 2]);
    kernel.run(0, 10_000);
    expect([process.memory.u32(0x2400), process.memory.u32(0x2404)]).toEqual([2500, 2500]);
    process.activate(thread);
    expect(process.cpu.esp).toBe(0x8000);
  });

  test("a thread that waits leaves the processor to the others", () => {
    const kernel = kernelWith();
    const sleeper = [...ask(5, { ebx: 1 }), ...incAt(0x2400), ...ask(-1)];
    const worker = counterLoop(0x2404);
    const process = spawn(kernel, [...sleeper, ...worker]);
    kernel.startThread(process, { eip: sleeper.length, esp: 0x8000 });
    runFor(kernel, 9_000);
    expect(process.memory.u32(0x2400)).toBe(0);
    expect(process.memory.u32(0x2404)).toBeGreaterThan(400_000);
    runFor(kernel, 11_000);
    expect(process.memory.u32(0x2400)).toBe(1);
    expect(process.threads.map(({ state }) => state)).toEqual(["ended", "running"]);
    expect(kernel.stop).toBeUndefined();
  });

  test("processes have memory of their own, and the kernel stops when the last has ended", () => {
    const kernel = kernelWith();
    const a = spawn(kernel, [...incAt(0x2400), ...ask(-1)]);
    const b = spawn(kernel, [...ask(5, { ebx: 2 }), ...incAt(0x2400), ...incAt(0x2400), ...ask(-1)]);
    runFor(kernel, 10_000);
    expect([a.ended, b.ended, kernel.stop]).toEqual([true, false, undefined]);
    runFor(kernel, 30_000);
    expect(kernel.stop).toEqual({ reason: "exit" });
    expect([a.memory.u32(0x2400), b.memory.u32(0x2400)]).toEqual([1, 2]);
  });

  test("a call that waits is shown as what it is", () => {
    const kernel = kernelWith();
    spawn(kernel, ask(5, { ebx: 300 }));
    kernel.run(0, 100);
    const [thread] = kernel.parked;
    expect(thread).toMatchObject({
      id: 1,
      parked: { row: { name: "delay" }, values: [300], since: 0, address: 10 },
    });
    expect(kernel.runnable).toBe(false);
    expect(kernel.deadline()).toBe(3_000_000);
  });
});

describe("counting and tracing", () => {
  const program = [
    ...ask(63, { ebx: 1, ecx: 0x41 }),
    ...ask(68, { ebx: 12, ecx: 5000 }),
    ...ask(75, { ebx: 1, ecx: 6 }),
    ...ask(84, { ebx: 1, ecx: 16, edx: 1 }),
    ...ask(77, { ebx: 16, ecx: 0x200, edx: 16 }),
    ...ask(81, { ebx: 16, ecx: 0x210, edx: 40 }),
    ...ask(6),
    ...ask(68, { ebx: 99 }),
    ...ask(5, { ebx: 50 }),
    ...ask(-1),
  ];
  const data = [
    2,
    0,
    0,
    80,
    10,
    0,
    2,
    15,
    ...new Array(8).fill(0),
    ...bytesOf("GET / HTTP/1.1\r\nHost: 10.0.2.15 and more"),
  ];
  const code = Uint8Array.from([...program, ...new Array(0x200 - program.length).fill(0x90), ...data]);

  function traced(): { kernel: Kernel; records: CallRecord[] } {
    const kernel = kernelWith();
    const records: CallRecord[] = [];
    kernel.onCall((record) => records.push(record));
    const image = {
      ...rawImage(code),
      symbols: new Symbols([{ name: "start", value: 0, kind: "label", size: 0 }]),
      lines: new LineMap([{ file: "a.asm", line: 7, address: 15, length: 2 }]),
    };
    const process = kernel.spawn(image);
    if ("error" in process) throw new Error(process.error);
    runFor(kernel, 1_000_000);
    expect(kernel.stop).toEqual({ reason: "exit" });
    return { kernel, records };
  }

  test("calls are shown as their rows say", () => {
    expect(traced().records.map(showCall)).toEqual([
      "63.1 debug board('A')",
      "68.12 allocate(5000) = 0x11000",
      "75 open socket(SOCK_STREAM, 6) = -101 ENETUNREACH (network unreachable)",
      "84 set option(fd 16, O_NONBLOCK=1) = -9 EBADF (bad handle)",
      "77 bind(fd 16, 10.0.2.15:80) = -9 EBADF (bad handle)",
      '81 send(fd 16, "GET / HTTP/1.1\\r\\nHost: 10.0.2.15 "..., 40) = -9 EBADF (bad handle)',
      "6 (no such function) = -1",
      "68.99 (no such function) = -1",
      "5 delay(0.50 s) waits",
      "5 delay(0.50 s) after 0.500000 s",
      "-1 exit()",
    ]);
  });

  test("a line has time, thread and place", () => {
    expect(showCallLine(traced().records[0]!)).toBe(
      "    0.000000 [1] 63.1 debug board('A')  ; 0xf <start+0xf> a.asm:7",
    );
  });

  test("calls are counted by name, those that do not exist by number", () => {
    expect(traced().kernel.counts).toEqual({
      "debug board": 1,
      allocate: 1,
      "open socket": 1,
      "set option": 1,
      bind: 1,
      send: 1,
      delay: 1,
      exit: 1,
      "unknown 6": 1,
      "unknown 68.99": 1,
    });
  });
});
