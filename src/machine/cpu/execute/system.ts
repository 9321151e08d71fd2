/** What belongs to the operating system, as a program in ring 3 meets it; identification; time. */
import { fault } from "../fault.ts";
import type { Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";

/** Instructions of ring 0. SDM vol. 3A, 5.9. */
export function privileged(): void {
  throw fault("#GP");
}

export function undefinedOpcode(): void {
  throw fault("#UD");
}

/** The time stamp counts instructions: one each, this one not yet. */
export function rdtsc(cpu: Processor): void {
  const now = cpu.now;
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
  const left = cpu.change1(op);
  const right = cpu.load2(op);
  const lower = (left & 3) < (right & 3);
  // Written in both cases: the processor asks for the right to write before it compares.
  cpu.store1(op, lower ? (left & ~3) | (right & 3) : left);
  cpu.setZero(lower);
}

/** Access rights of descriptors with DPL 3, present, as bytes 4 to 7 of a descriptor have them. */
const CODE_RIGHTS = 0x00c0_fb00;
const DATA_RIGHTS = 0x00c0_f100;
const WRITABLE_RIGHTS = 0x0000_0200;

export function lar(cpu: Processor, op: Operation): void {
  const descriptor = cpu.core.segments.descriptor(cpu.load2(op) & 0xffff);
  if (descriptor) {
    const data = DATA_RIGHTS | (descriptor.writable === false ? 0 : WRITABLE_RIGHTS);
    cpu.store1(op, descriptor.kind === "code" ? CODE_RIGHTS : data);
  }
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
