/**
 * A 32-bit Linux process on our machine, for test suites that want one: a static executable, the few system calls that
 * such a program makes, and exceptions as signals. It writes to its standard output, and nothing of it reaches the host.
 * What the process is given is what Linux gives it: SysV i386 psABI (the stack at the start), linux/arch/x86 (the frame
 * of a signal, numbers of system calls).
 */
import {
  type Context,
  linuxSegments,
  Machine,
  type MachineOptions,
  type Stop,
  VECTOR,
} from "../../src/machine/index.ts";

const PAGE = 4096;
const STACK_TOP = 0xbff0_0000;
const STACK_BYTES = 0x10_0000;
/** Where mmap puts what asks for no address, from here downwards. */
const MAPPINGS = 0xb000_0000;
const MEMORY = 0xc000_0000;
const SYSTEM_CALL = 0x80;

/** Numbers of system calls. linux/arch/x86/entry/syscalls/syscall_32.tbl */
const CALL = {
  write: 4,
  brk: 45,
  ioctl: 54,
  readlink: 85,
  munmap: 91,
  uname: 122,
  modify_ldt: 123,
  mprotect: 125,
  rt_sigreturn: 173,
  rt_sigaction: 174,
  rt_sigprocmask: 175,
  ugetrlimit: 191,
  mmap2: 192,
  set_thread_area: 243,
  fstat64: 197,
  exit_group: 252,
  set_tid_address: 258,
  fstatat64: 300,
  set_robust_list: 311,
  getrandom: 355,
  statx: 383,
  rseq: 386,
} as const;

const [EINVAL, ENOSYS, ENOENT, ENOTTY, ESRCH] = [-22, -38, -2, -25, -3];

const PROT_WRITE = 2;
const MAP_FIXED = 0x10;
const TLS_SELECTOR = 0x63;
const TLS_ENTRY = 12;
const MODIFY_LDT_WRITE = 1;

const [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV] = [4, 5, 7, 8, 11];
const SI_KERNEL = 0x80;
/** Handlers that have been left by a jump count as well. */
const MOST_SIGNALS = 10_000;

export interface LinuxResult {
  readonly output: string;
  /** How it ended: its exit code, or what it did that this process does not have. */
  readonly end: number | string;
  readonly instructions: number;
}

class LinuxProcess {
  readonly #machine: Machine;
  readonly #output: string[] = [];
  #end: number | string | undefined;
  #brk = 0;
  #mappings = MAPPINGS;
  /** By signal: the handler, and where it returns to. */
  readonly #handlers = new Map<number, readonly [handler: number, restorer: number]>();
  /** What signals have interrupted. */
  readonly #interrupted: Context[] = [];

  constructor(image: Uint8Array, options: MachineOptions) {
    this.#machine = new Machine({
      ...options,
      memoryBytes: MEMORY,
      gates: [SYSTEM_CALL],
      segments: linuxSegments,
    });
    this.#load(image);
  }

  run(most: number): LinuxResult {
    const machine = this.#machine;
    while (this.#end === undefined) {
      if (machine.instructions > most) {
        this.#end = `has not ended after ${most} instructions`;
        break;
      }
      const stop = machine.run(most);
      if (stop.reason === "interrupt") this.#call();
      else if (stop.reason === "fault" || stop.reason === "trap") this.#signal(stop);
      else if (stop.reason !== "budget") this.#end = `stops: ${stop.reason}`;
    }
    return { output: this.#output.join(""), end: this.#end, instructions: machine.instructions };
  }

  /** Maps what the program headers say, and lays out the stack: argc, argv, environment, auxiliary vector. */
  #load(image: Uint8Array): void {
    const { memory, cpu } = this.#machine;
    const view = new DataView(image.buffer, image.byteOffset, image.length);
    const [entry, headers] = [view.getUint32(24, true), view.getUint32(28, true)];
    const [size, count] = [view.getUint16(42, true), view.getUint16(44, true)];
    let inMemory = 0;
    for (let i = 0; i < count; i++) {
      const field = (at: number): number => view.getUint32(headers + i * size + at, true);
      if (field(0) !== 1) continue;
      const [offset, address, bytes, length, flags] = [4, 8, 16, 20, 24].map(field) as [
        number,
        number,
        number,
        number,
        number,
      ];
      memory.map(address, length, { writable: (flags & 2) !== 0 });
      memory.place(address, image.subarray(offset, offset + bytes));
      if (offset <= headers && headers < offset + bytes) inMemory = address + headers - offset;
      this.#brk = Math.max(this.#brk, (address + length + PAGE - 1) & -PAGE);
    }
    memory.map(STACK_TOP - STACK_BYTES, STACK_BYTES);
    const name = STACK_TOP - 64;
    memory.place(name, new TextEncoder().encode("program\0"));
    const random = STACK_TOP - 32;
    memory.place(
      random,
      Uint8Array.from({ length: 16 }, (_, i) => i + 1),
    );
    // AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY, AT_RANDOM, AT_NULL
    const auxiliary = [3, inMemory, 4, size, 5, count, 6, PAGE, 9, entry, 25, random, 0, 0];
    const stack = [1, name, 0, 0, ...auxiliary];
    cpu.esp = ((STACK_TOP - 128 - 4 * stack.length) & -16) >>> 0;
    for (const [i, value] of stack.entries()) memory.set32(cpu.esp + 4 * i, value);
    cpu.eip = entry;
    cpu.eflags = 0x202;
  }

  #call(): void {
    const { memory, cpu } = this.#machine;
    const [first, second, third, fourth] = [cpu.ebx, cpu.ecx, cpu.edx, cpu.esi];
    const pages = (length: number): number => (length + PAGE - 1) & -PAGE;
    const answer = (): number => {
      switch (cpu.eax) {
        case CALL.write:
          if (first === 1)
            this.#output.push(Buffer.from(memory.read(second, third) ?? []).toString("latin1"));
          return third;
        case CALL.brk:
          if (first > this.#brk) {
            memory.map(this.#brk & -PAGE, pages(first - (this.#brk & -PAGE)));
            this.#brk = first;
          }
          return this.#brk;
        case CALL.mmap2: {
          const length = pages(second);
          if (fourth & MAP_FIXED || (first !== 0 && !memory.isMapped(first, 1, "read"))) {
            memory.map(first, length, { writable: (third & PROT_WRITE) !== 0 });
            return first;
          }
          this.#mappings -= length;
          memory.map(this.#mappings, length, { writable: (third & PROT_WRITE) !== 0 });
          return this.#mappings;
        }
        case CALL.munmap:
          memory.unmap(first, pages(second));
          return 0;
        case CALL.mprotect: {
          const kept = memory.read(first, pages(second))!;
          memory.map(first, pages(second), { writable: (third & PROT_WRITE) !== 0 });
          memory.place(first, kept);
          return 0;
        }
        case CALL.rt_sigaction:
          if (second !== 0) this.#handlers.set(first, [memory.u32(second)!, memory.u32(second + 8)!]);
          return 0;
        case CALL.set_thread_area:
          this.#machine.defineSegment(TLS_SELECTOR, {
            base: memory.u32(first + 4)!,
            limit: 0xffff_ffff,
            kind: "data",
          });
          memory.set32(first, TLS_ENTRY);
          return 0;
        case CALL.modify_ldt:
          return this.#modifyLdt(first, second, third);
        case CALL.getrandom:
          memory.write(first, new Uint8Array(second).fill(7));
          return second;
        case CALL.set_tid_address:
          return 1;
        case CALL.rt_sigprocmask:
        case CALL.set_robust_list:
          return 0;
        case CALL.ugetrlimit:
          memory.set32(second, STACK_BYTES);
          memory.set32(second + 4, 0xffff_ffff);
          return 0;
        case CALL.exit_group:
          this.#end = first | 0;
          return 0;
        case CALL.readlink:
          return ENOENT;
        case CALL.ioctl:
          return ENOTTY;
        case CALL.uname:
        case CALL.statx:
        case CALL.fstat64:
        case CALL.fstatat64:
        case CALL.rseq:
          return ENOSYS;
        default:
          this.#end = `makes system call ${cpu.eax}, which is not there`;
          return ESRCH;
      }
    };
    if (cpu.eax === CALL.rt_sigreturn) this.#return();
    else cpu.eax = answer() >>> 0;
  }

  /** The eight bytes of each entry. SDM vol. 3A, 3.4.5. */
  readonly #ldt = new Map<number, [low: number, high: number]>();

  #modifyLdt(operation: number, pointer: number, bytes: number): number {
    const { memory } = this.#machine;
    if (operation === 0) {
      for (let at = 0; at + 8 <= bytes; at += 8) {
        const [low, high] = this.#ldt.get(at / 8) ?? [0, 0];
        memory.set32(pointer + at, low);
        memory.set32(pointer + at + 4, high);
      }
      return bytes;
    }
    if (operation !== MODIFY_LDT_WRITE) return EINVAL;
    const [entry, base, limit, flags] = [0, 4, 8, 12].map((at) => memory.u32(pointer + at)!) as [
      number,
      number,
      number,
      number,
    ];
    const [is32, contents, readOnly, inPages, absent, useable] = [
      flags & 1,
      (flags >> 1) & 3,
      (flags >> 3) & 1,
      (flags >> 4) & 1,
      (flags >> 5) & 1,
      (flags >> 6) & 1,
    ] as const;
    const access = 0x71 | (contents << 2) | (readOnly ? 0 : 2) | (absent ? 0 : 0x80);
    this.#ldt.set(entry, [
      (limit & 0xffff) | ((base & 0xffff) << 16),
      ((base >>> 16) & 0xff) |
        (access << 8) |
        (limit & 0xf_0000) |
        (useable << 20) |
        (is32 << 22) |
        (inPages << 23) |
        (base & 0xff00_0000),
    ]);
    this.#machine.defineSegment(entry * 8 + 7, {
      base,
      limit: inPages ? (limit << 12) | 0xfff : limit,
      kind: contents & 2 ? "code" : "data",
      writable: !readOnly,
      present: !absent,
      inPages: inPages !== 0,
    });
    return 0;
  }

  /** Calls the handler of the signal that Linux makes of an exception, with all that it is told. */
  #signal(stop: Extract<Stop, { reason: "fault" | "trap" }>): void {
    const { memory, cpu } = this.#machine;
    const vector = VECTOR[stop.reason === "fault" ? stop.fault : stop.trap];
    const code = stop.reason === "fault" ? stop.code : 0;
    const address = stop.reason === "fault" ? (stop.address ?? 0) : 0;
    const eip = cpu.eip;
    // Signal, si_code, si_addr. linux/arch/x86/kernel/traps.c
    const told: Readonly<Record<number, readonly [number, number, number]>> = {
      0: [SIGFPE, 1, eip],
      1: [SIGTRAP, 1, eip],
      3: [SIGTRAP, SI_KERNEL, 0],
      4: [SIGSEGV, SI_KERNEL, 0],
      5: [SIGSEGV, SI_KERNEL, 0],
      6: [SIGILL, 2, eip],
      11: [SIGBUS, SI_KERNEL, 0],
      12: [SIGBUS, SI_KERNEL, 0],
      13: [SIGSEGV, SI_KERNEL, 0],
      14: [SIGSEGV, code & 1 ? 2 : 1, address],
    };
    const [signal, reason, where] = told[vector] ?? [0, 0, 0];
    const [handler, restorer] = this.#handlers.get(signal) ?? [0, 0];
    if (handler < 2) {
      this.#end = `ends by exception ${vector} at 0x${eip.toString(16)}`;
      return;
    }
    // Of a ucontext: flags, link, the alternate stack, then the registers; behind the 128 bytes of a siginfo.
    const context = ((cpu.esp - 0x400) & -16) >>> 0;
    const info = context - 128;
    const registers = [
      ...[
        cpu.gs,
        cpu.fs,
        cpu.es,
        cpu.ds,
        cpu.edi,
        cpu.esi,
        cpu.ebp,
        cpu.esp,
        cpu.ebx,
        cpu.edx,
        cpu.ecx,
        cpu.eax,
      ],
      ...[vector, code, eip, cpu.cs, cpu.eflags, cpu.esp, cpu.ss],
    ];
    for (let at = 0; at < 0x200; at += 4) memory.set32(info + at, 0);
    for (const [i, value] of registers.entries()) memory.set32(context + 20 + 4 * i, value);
    for (const [i, value] of [signal, 0, reason, where].entries()) memory.set32(info + 4 * i, value);
    const frame = (((info - 16) & -16) - 4) >>> 0;
    for (const [i, value] of [restorer, signal, info, context].entries()) memory.set32(frame + 4 * i, value);
    this.#interrupted.push(this.#machine.saveContext());
    if (this.#interrupted.length > MOST_SIGNALS)
      this.#end = `has signals without end, at 0x${eip.toString(16)}`;
    // Linux gives the handler its own data segments, and no fs and gs of the program's are touched.
    for (const segment of [0, 2, 3]) this.#machine.loadSegment(segment, linuxSegments.initial[segment]!);
    cpu.esp = frame;
    cpu.eip = handler;
    cpu.eflags = cpu.eflags & ~0x500;
  }

  /** Back from a handler, with the registers that it left in the frame; the x87 and vector registers as they were. */
  #return(): void {
    const { memory, cpu } = this.#machine;
    const context = memory.u32(cpu.esp + 8)! + 20;
    const [edi, esi, ebp, esp, ebx, edx, ecx, eax] = [4, 5, 6, 7, 8, 9, 10, 11].map(
      (i) => memory.u32(context + 4 * i)!,
    ) as [number, number, number, number, number, number, number, number];
    const [eip, eflags] = [14, 16].map((i) => memory.u32(context + 4 * i)!) as [number, number];
    const interrupted = this.#interrupted.pop();
    if (interrupted) this.#machine.loadContext(interrupted);
    Object.assign(cpu, { edi, esi, ebp, esp, ebx, edx, ecx, eax, eip, eflags });
  }
}

/** Runs a static 32-bit executable to its end, or for at most so many instructions. */
export const runLinux = (image: Uint8Array, most: number, options: MachineOptions = {}): LinuxResult =>
  new LinuxProcess(image, options).run(most);
