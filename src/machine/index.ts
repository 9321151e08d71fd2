/**
 * machine: a 32-bit x86 processor in user mode and its memory. A machine runs until there is a reason to stop
 * (budget, `int n`, fault, breakpoint) and returns it; it knows no operating system, no clock and no network.
 * Read first: memory/memory.ts (the layout), cpu/state.ts (where registers are), cpu/flags.ts, then Intel's Software
 * Developer's Manual (SDM) volumes 1 and 2. An instruction is decoded once (cpu/decode.ts), then executed by its function in
 * cpu/execute, or, if it is frequent, by its arm in WebAssembly (cpu/arms), and at last, where it is hot, compiled (jit).
 */
export {
  BUDGET,
  type Core,
  type Engine,
  type EngineMaker,
  type InstructionHook,
  type InterruptHook,
  interruptStop,
  type MemoryHook,
} from "./cpu/engine.ts";
export { eflags, setEflags } from "./cpu/flags.ts";
export { Interpreter } from "./cpu/interpret.ts";
export { type CpuModel, type CpuName, cpuModels, type Feature, formIn } from "./cpu/model.ts";
export type { Registers } from "./cpu/registers.ts";
export { type Descriptor, kolibriSegments, linuxSegments, type SegmentModel } from "./cpu/segments.ts";
export { SEGMENT, STATE, WORD } from "./cpu/state.ts";
export { type UndefinedFamily, undefinedFamilies } from "./cpu/undefined.ts";
export type { DebugRegisters } from "./debug-registers.ts";
export { type CompiledText, compiledText } from "./explain.ts";
export { type LoadOptions, loadImage } from "./load.ts";
export {
  type Context,
  type EngineName,
  Machine,
  type MachineOptions,
  type Snapshot,
  type WatchedRange,
} from "./machine.ts";
export { type Access, FACT, Memory, RAM_BASE } from "./memory/memory.ts";
export { type FaultName, type Stop, VECTOR } from "./stop.ts";
export type { Transfer, TransferHook } from "./transfer.ts";
