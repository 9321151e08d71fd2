import type { Access, Memory } from "../memory/memory.ts";
import type { Stop } from "../stop.ts";
import type { CpuModel } from "./model.ts";
import type { Segments } from "./segments.ts";
import { STATE } from "./state.ts";
import type { UndefinedFamily } from "./undefined.ts";

/** Called with EIP before each instruction, unsigned. Answering true stops the run before it. */
export type InstructionHook = (address: number) => boolean | undefined;

/**
 * Called when the guest has read, or is about to write, `length` bytes at `address` (unsigned). What an operand of up to
 * 16 bytes is, is one access, also across pages. Larger areas (fxsave, fnsave, the x87's environment, pushad) are heard
 * of in their parts, four bytes or fewer and a register of the x87 at a time, each byte once; so is each iteration of a
 * repeated string instruction. Bytes of an area that an instruction leaves alone are not heard of.
 */
export type MemoryHook = (access: Access, address: number, length: number) => void;

/**
 * Called behind each `int` of a gate, with its vector. True: the run goes on, with registers and memory as they are
 * then. False: it stops with the reason "interrupt".
 */
export type InterruptHook = (vector: number) => boolean;

/** What every engine works on. One machine has one. */
export interface Core {
  readonly memory: Memory;
  readonly segments: Segments;
  /** Instructions executed since the machine was made; a REP iteration counts as one. */
  instructions: number;
  /** What RDTSC answers beyond the instructions executed: time in which none were. */
  timeStampOffset: number;
  /** Vectors of `int n` that stop the machine: 1 for each. */
  readonly gates: Uint8Array;
  readonly model: CpuModel;
  /** What it does where the manual leaves things undefined. */
  readonly undefinedFlags: UndefinedFamily;
  /** Every instruction through its executor: for tests that compare the two ways. */
  readonly unspecialised: boolean;
  readonly breakpoints: Set<number>;
  /** One instruction is to be executed, and no breakpoint stops it. */
  stepping: boolean;
  /** CALL and RET are to be stopped at like breakpoints. */
  stopsAtTransfers: boolean;
  onInstruction: InstructionHook | undefined;
  onMemory: MemoryHook | undefined;
  /**
   * Who answers `int`. An engine that has no time to lose asks and goes on; where it is told no it stops with
   * `refusedInterrupt`. One that does not ask stops with `interruptStop`, and the machine asks.
   */
  onInterrupt: InterruptHook | undefined;
}

/** Something that executes instructions: state in the state page, bytes in memory, a reason to stop. */
export interface Engine {
  readonly name: string;
  /**
   * Executes at most `budget` instructions. Hooks are looked at by the caller; so are breakpoints, unless the engine
   * wants to hear of them.
   */
  run(budget: number): Stop;
  /** A breakpoint has come to an address (unsigned) or has left it. The engine stops at breakpoints but while `stepping`. */
  breakpointChanged?(address: number): void;
  /** Code at [address, address + length) has changed, or is gone. */
  codeWritten(address: number, length: number): void;
  /** Everything kept about code is to be forgotten. */
  flush(): void;
  /**
   * The memory has grown: views of it are to be taken anew, and everything kept about code is to be forgotten. Between
   * runs, or while a hook is asked that then stops the run. Only of engines that
   * the machine makes by their names.
   */
  memoryMoved?(): void;
}

/** Makes the engine of one machine. */
export type EngineMaker = (core: Core) => Engine;

export const BUDGET: Stop = { reason: "budget" };

/** TF was set when the instruction began. */
export const SINGLE_STEP: Stop = { reason: "trap", trap: "#DB" };

const interrupts: Stop[] = Array.from({ length: 256 }, (_, vector) => ({ reason: "interrupt", vector }));
/** `int vector` as a stop. System calls are frequent: one object for each vector. */
export const interruptStop = (vector: number): Stop => interrupts[vector]!;

const refused: Stop[] = Array.from({ length: 256 }, (_, vector) => ({ reason: "interrupt", vector }));
/** The same, where the hook was asked already. */
export const refusedInterrupt = (vector: number): Stop => refused[vector]!;
export const wasRefused = (stop: Stop & { reason: "interrupt" }): boolean => refused[stop.vector] === stop;

/** Bytes of the state page that belong to one thread. */
export const CONTEXT_BYTES = STATE.CONTEXT_END;
