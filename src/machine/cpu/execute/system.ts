/**
 * What belongs to the operating system, as a program in ring 3 meets it; identification; time.
 *
 * The control registers are as KolibriOS's kernel leaves them: CR0.AM is clear, so that EFLAGS.AC can be set and no access
 * raises #AC; CR0.NE is set, so that x87 exceptions are #MF; CR4.TSD is clear, so that RDTSC is allowed; CR4.PCE is
 * clear, so that RDPMC is not; CR4.UMIP counts as set, so that a program cannot ask for descriptor tables. SYSENTER and
 * SYSCALL are undefined opcodes: CPUID announces neither, and a system call is `int`. There are a few descriptors and no
 * local table (segments.ts); code segments are flat.
 */
import { fault } from "../fault.ts";
import { KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import type { Descriptor } from "../segments.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";

/** Instructions of ring 0. SDM vol. 3A, 5.9. */
export function privileged(): void {
  throw fault("#GP");
}

/** Control registers 1 and 5 to 7 do not exist; the others are ring 0's. */
export function movControl(_: Processor, op: Operation): void {
  const number = op.kind1 === KIND.SEGMENT ? op.a : op.b;
  throw fault(number === 1 || number > 4 ? "#UD" : "#GP");
}

export function undefinedOpcode(): void {
  throw fault("#UD");
}

/** The time stamp counts instructions: one each, this one not yet; and what its owner adds for time without any. */
export function rdtsc(cpu: Processor): void {
  const now = cpu.now + cpu.core.timeStampOffset;
  cpu.words[EAX] = now % 0x1_0000_0000;
  cpu.words[EDX] = Math.floor(now / 0x1_0000_0000);
}

export function cpuid(cpu: Processor): void {
  const [eax, ebx, ecx, edx] = cpu.core.model.cpuid(cpu.words[EAX]! >>> 0, cpu.words[ECX]! >>> 0);
  cpu.words[EAX] = eax;
  cpu.words[EBX] = ebx;
  cpu.words[ECX] = ecx;
  cpu.words[EDX] = edx;
}

// Questions about selectors. SDM vol. 2, ARPL, LAR, LSL, VERR. -----------------------------------------------

export function arpl(cpu: Processor, op: Operation): void {
  const left = cpu.load1(op);
  const right = cpu.load2(op);
  const lower = (left & 3) < (right & 3);
  if (lower) cpu.store1(op, (left & ~3) | (right & 3));
  cpu.setZero(lower);
}

/** Bytes 4 to 7 of a descriptor without its base: DPL 3, accessed, 32-bit. SDM vol. 3A, 3.4.5. */
function rightsOf({ kind, limit, writable, present, inPages = limit > 0xf_ffff }: Descriptor): number {
  const type = kind === "code" ? 0xb : writable === false ? 1 : 3;
  return (
    (inPages ? 0x80_0000 : 0) |
    0x40_7000 |
    (present === false ? 0 : 0x8000) |
    ((limit >>> (inPages ? 12 : 0)) & 0xf_0000) |
    (type << 8)
  );
}

export function lar(cpu: Processor, op: Operation): void {
  const descriptor = cpu.core.segments.descriptor(cpu.load2(op) & 0xffff);
  if (descriptor) cpu.store1(op, rightsOf(descriptor));
  cpu.setZero(descriptor !== undefined);
}

export function lsl(cpu: Processor, op: Operation): void {
  const descriptor = cpu.core.segments.descriptor(cpu.load2(op) & 0xffff);
  if (descriptor) cpu.store1(op, descriptor.limit);
  cpu.setZero(descriptor !== undefined);
}

export function verr(cpu: Processor, op: Operation): void {
  cpu.setZero(cpu.core.segments.descriptor(cpu.load1(op) & 0xffff) !== undefined);
}

export function verw(cpu: Processor, op: Operation): void {
  const descriptor = cpu.core.segments.descriptor(cpu.load1(op) & 0xffff);
  cpu.setZero(descriptor !== undefined && descriptor.kind === "data" && descriptor.writable !== false);
}
