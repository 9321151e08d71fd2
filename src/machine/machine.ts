import {
  BUDGET,
  CONTEXT_BYTES,
  type Core,
  type Engine,
  type EngineMaker,
  type InstructionHook,
  type InterruptHook,
  type MemoryHook,
  SINGLE_STEP,
  wasRefused,
} from "./cpu/engine.ts";
import { RF, setEflags } from "./cpu/flags.ts";
import { Interpreter } from "./cpu/interpret.ts";
import { type CpuModel, type CpuName, cpuModels } from "./cpu/model.ts";
import { Registers } from "./cpu/registers.ts";
import { type Descriptor, kolibriSegments, type SegmentModel, Segments } from "./cpu/segments.ts";
import { SEGMENT, STATE, WORD } from "./cpu/state.ts";
import type { UndefinedFamily } from "./cpu/undefined.ts";
import { BS, DebugRegisters } from "./debug-registers.ts";
import { CompilingEngine } from "./jit/index.ts";
import { type Access, FACT, Memory } from "./memory/memory.ts";
import type { Stop } from "./stop.ts";
import { isStringAt, loadsStackAt, type TransferHook, transferAt } from "./transfer.ts";

export interface MachineOptions {
  /** Bytes of guest address space, from 0 up; committed as they are touched. Default 256 MiB. */
  memoryBytes?: number;
  /** Vectors of `int n` that stop the machine with the reason "interrupt". Default [0x40]; others are #GP. */
  gates?: readonly number[];
  /** Selectors. Default: those of a KolibriOS application. */
  segments?: SegmentModel;
  /** Execute every instruction in the general way, which is slower: for tests that compare the two. */
  unspecialised?: boolean;
  /** Which processor it is: what CPUID says, and which instructions there are. Default "zen4", which has all. */
  model?: CpuName | CpuModel;
  /** Whose habits it has where the manual leaves flags undefined: cpu/undefined.ts. Default: those of the model. */
  undefinedFlags?: UndefinedFamily;
  /** What executes the instructions: one of our own by its name, or another's. Default "compiled". */
  engine?: EngineName | EngineMaker;
}

/** The engines that a machine can make itself. All do the same: they differ in speed. */
export type EngineName = keyof typeof engines;

const engines = {
  interpreter: (core: Core): Engine => new Interpreter(core),
  compiled: (core: Core): Engine => new CompilingEngine(core),
};

/** One thread's registers with FPU and SSE state: plain data, meaningful to `loadContext` only. */
export interface Context {
  readonly state: Uint8Array;
}

/** A part of memory that a hook watches. Addresses unsigned, `end` exclusive. */
export interface WatchedRange {
  readonly start: number;
  readonly end: number;
  readonly read?: boolean;
  readonly write?: boolean;
}

/** All of a machine as plain data: registers, mapped pages with their bytes, the count of instructions. */
export interface Snapshot {
  readonly memorySize: number;
  readonly instructions: number;
  readonly context: Uint8Array;
  /** Runs of mapped pages with the same rights. */
  readonly pages: readonly { address: number; writable: boolean; bytes: Uint8Array }[];
}

const DEFAULT_MEMORY = 256 * 2 ** 20;
/** Bytes that most programs are content with. */
const FIRST_MEMORY = 4 * 2 ** 20;
/** IF, IOPL 1 and the bit that is always set: what a KolibriOS thread begins with. */
const INITIAL_EFLAGS = 0x1202;
const INITIAL_X87_CONTROL = 0x37f;
const INITIAL_MXCSR = 0x1f80;

const HOOK: Stop = { reason: "hook" };
/** To ourselves: the engine has met a CALL or RET that somebody wants to hear of. */
const TRANSFER: Stop = { reason: "hook" };
const DEBUG_FAULT: Stop = { reason: "fault", fault: "#DB", code: 0 };

/** Addresses, and somebody who hears when one comes or goes. */
class Breakpoints extends Set<number> {
  /** Whether there is one: a set's size is no field but a call. */
  any = false;
  readonly #changed: (address: number) => void;

  constructor(changed: (address: number) => void) {
    super();
    this.#changed = changed;
  }

  override add(address: number): this {
    const known = this.has(address);
    super.add(address);
    this.any = true;
    if (!known) this.#changed(address);
    return this;
  }

  override delete(address: number): boolean {
    const known = super.delete(address);
    this.any = this.size > 0;
    if (known) this.#changed(address);
    return known;
  }

  override clear(): void {
    for (const address of [...this]) this.delete(address);
  }
}

/** A processor and its memory. It runs until there is a reason to stop, and the reason is a value. */
export class Machine {
  readonly memory: Memory;
  /** The registers, unsigned. */
  readonly cpu: Registers;
  readonly #core: Core;
  readonly #engine: Engine;
  /**
   * Hardware breakpoints. One on an instruction stops before it as the fault #DB, one on data behind the instruction
   * that touched it as the trap #DB; DR6 tells which. Runs are much slower while one is on.
   */
  readonly debug = new DebugRegisters(() => {
    this.#watch();
    this.#look();
  });
  #hook: MemoryHook | undefined;
  /** Somebody wants to hear of single instructions. */
  #looks = false;
  #transferHook: TransferHook | undefined;
  #hooked: readonly WatchedRange[] = [];
  #watched: readonly WatchedRange[] = [];
  /** Breakpoints on data that the present instruction has touched. */
  #hits = 0;
  /** Those that a MOV SS or POP SS has touched: they are told of behind the next. SDM vol. 3A, 6.8.3. */
  #held = 0;
  /** Where and when a breakpoint or a hook stopped the last run, so that the next one gets past it. */
  #stoppedAt = -1;
  #stoppedWhen = -1;
  #stoppedByHook = false;
  readonly #breakpoints = new Breakpoints((address) => {
    this.#look();
    this.#engine.breakpointChanged?.(address);
  });
  #interruptHook: InterruptHook | undefined;
  /** What the hook has said the last time an engine asked. */
  #goesOn = false;

  constructor(options: MachineOptions = {}) {
    const { engine = options.unspecialised ? "interpreter" : "compiled" } = options;
    const size = options.memoryBytes ?? DEFAULT_MEMORY;
    // Engines of others need not know that memories move: theirs have all their room from the beginning.
    this.memory = new Memory(size, typeof engine === "string" ? FIRST_MEMORY : size);
    const words = this.memory.words;
    this.cpu = new Registers(words);
    const gates = new Uint8Array(256);
    for (const vector of options.gates ?? [0x40]) {
      if (!Number.isInteger(vector) || vector < 0 || vector > 255) {
        throw new RangeError(`${vector} is not an interrupt vector: 0 to 255 are`);
      }
      gates[vector] = 1;
    }
    const { model: named = "zen4" } = options;
    const model = typeof named === "string" ? cpuModels[named] : named;
    this.#core = {
      memory: this.memory,
      segments: new Segments(words, options.segments ?? kolibriSegments),
      instructions: 0,
      timeStampOffset: 0,
      gates,
      unspecialised: options.unspecialised ?? false,
      model,
      undefinedFlags: options.undefinedFlags ?? model.undefinedFlags ?? "zen4",
      breakpoints: this.#breakpoints,
      stepping: false,
      stopsAtTransfers: false,
      onInstruction: undefined,
      onMemory: undefined,
      onInterrupt: undefined,
    };
    this.#engine = (typeof engine === "string" ? engines[engine] : engine)(this.#core);
    this.memory.onMoved(() => {
      this.cpu.moveTo(this.memory.words);
      this.#core.segments.moveTo(this.memory.words);
      this.#engine.memoryMoved?.();
    });
    this.#core.segments.onFlatness(() => this.#engine.flush());
    this.memory.onCodeWritten((address, length) => this.#engine.codeWritten(address, length));
    this.reset();
  }

  /** Instructions executed since the machine was made. Each iteration of a REP counts as one. */
  get instructions(): number {
    return this.#core.instructions;
  }

  /** A whole number that RDTSC adds to `instructions`: whoever keeps the clock counts idle time in it. Default 0. */
  get timeStampOffset(): number {
    return this.#core.timeStampOffset;
  }
  set timeStampOffset(value: number) {
    this.#core.timeStampOffset = value;
  }

  /** Addresses (unsigned) before whose instruction a run stops. */
  get breakpoints(): Set<number> {
    return this.#breakpoints;
  }

  /** Calls `hook` before every instruction; undefined takes it away. Runs are much slower with one. */
  onInstruction(hook: InstructionHook | undefined): void {
    this.#core.onInstruction = hook;
    this.#look();
  }

  /** Calls `hook` for guest accesses that touch one of `ranges`; other pages cost nothing more than before. */
  onMemory(ranges: readonly WatchedRange[], hook: MemoryHook | undefined): void {
    this.#hook = hook;
    this.#hooked = hook ? ranges : [];
    this.#watch();
  }

  /**
   * Calls `hook` behind each `int` of a gate, in the middle of a run: this is much faster than stopping for it. Where it
   * answers true the run goes on. Without one, and in `step`, each stops the machine.
   */
  onInterrupt(hook: InterruptHook | undefined): void {
    this.#interruptHook = hook;
    this.#core.onInterrupt = hook && this.#asked;
  }

  /**
   * What engines ask. They leave also where the machine has to look at every instruction from now on, and where the
   * memory has moved.
   */
  readonly #asked = (vector: number): boolean => {
    const { words } = this.memory;
    this.#goesOn = this.#interruptHook!(vector);
    return this.#goesOn && !this.#looks && words === this.memory.words;
  };

  /** Works out `#looks`. It is asked with every system call, its reasons change seldom. */
  #look(): void {
    const everywhere = this.#core.onInstruction !== undefined || this.debug.active;
    this.#looks = everywhere || (this.#stops && this.#engine.breakpointChanged === undefined);
  }

  /** There are instructions that the engine is to stop at. */
  get #stops(): boolean {
    return this.#breakpoints.any || this.#core.stopsAtTransfers;
  }

  /** Marks the pages that the hook and the debug registers want to hear of. */
  #watch(): void {
    for (const range of this.#watched) this.#mark(range, false);
    this.#watched = [...this.#hooked, ...this.debug.watched];
    for (const range of this.#watched) this.#mark(range, true);
    if (this.#watched.length === 0) {
      this.#core.onMemory = undefined;
      return;
    }
    this.memory.grow(); // the hook is called in the middle of an instruction, when nothing can move
    this.#core.onMemory = (access, address, length) => this.#accessed(access, address, length);
  }

  #accessed(access: Access, address: number, length: number): void {
    this.#hits |= this.debug.accessed(access, address, length);
    for (const range of this.#hooked) {
      const wanted = access === "write" ? range.write : range.read;
      if (wanted && address < range.end && address + length > range.start) {
        this.#hook?.(access, address, length);
        return;
      }
    }
  }

  /**
   * Calls `hook` behind every near CALL and RET; undefined takes it away. Between them the program runs at full speed.
   * Code is decoded anew when a hook comes or goes.
   */
  onTransfer(hook: TransferHook | undefined): void {
    const core = this.#core;
    this.#transferHook = hook;
    if (core.stopsAtTransfers === (hook !== undefined)) return;
    core.stopsAtTransfers = hook !== undefined;
    this.#look();
    this.#engine.flush();
  }

  /** Executes at most `budget` instructions (a whole number, or Infinity). */
  run(budget: number): Stop {
    const core = this.#core;
    const end = core.instructions + budget;
    for (;;) {
      const stop = this.#runOn(end - core.instructions);
      if (stop.reason !== "interrupt" || this.#interruptHook === undefined) return stop;
      if (!(wasRefused(stop) ? this.#goesOn : this.#interruptHook(stop.vector))) return stop;
      if (core.instructions >= end) return { reason: "budget" };
    }
  }

  /** The same, but every `int` ends it. */
  #runOn(budget: number): Stop {
    const core = this.#core;
    const end = core.instructions + budget;
    if (!this.#looks) {
      const stop = this.#stops ? TRANSFER : this.#runEngine(budget);
      return stop === TRANSFER ? this.#runToStops(end - core.instructions) : stop;
    }
    while (core.instructions < end) {
      const eip = this.cpu.eip;
      const resumed = eip === this.#stoppedAt && core.instructions === this.#stoppedWhen;
      if (!resumed && core.breakpoints.has(eip)) {
        return this.#stopped(eip, { reason: "breakpoint", address: eip });
      }
      if (!(resumed && this.#stoppedByHook) && core.onInstruction?.(eip)) return this.#stopped(eip, HOOK);
      const hits = this.debug.executed(eip);
      if (hits !== 0 && !(this.#words[WORD.EFLAGS]! & RF)) {
        this.debug.report(hits);
        this.#held = 0;
        // The saved EFLAGS lets the instruction pass the next time. SDM vol. 3B, 17.3.1.1.
        this.#words[WORD.EFLAGS] = this.#words[WORD.EFLAGS]! | RF;
        return DEBUG_FAULT;
      }
      const stop = this.#pass(eip);
      if (stop.reason !== "budget") return stop;
    }
    return BUDGET;
  }

  /** With nothing to look for but breakpoints and transfers: the engine finds them. */
  #runToStops(budget: number): Stop {
    const core = this.#core;
    const end = core.instructions + budget;
    let { eip } = this.cpu;
    if (core.breakpoints.has(eip)) {
      const resumed = eip === this.#stoppedAt && core.instructions === this.#stoppedWhen;
      if (!resumed) return this.#stopped(eip, { reason: "breakpoint", address: eip });
      const stop = this.#pass(eip);
      // Of a repeated instruction that was one iteration: it stops before the next.
      if (stop.reason !== "budget") return stop;
    }
    while (core.instructions < end) {
      eip = this.cpu.eip;
      if (core.breakpoints.has(eip)) return this.#stopped(eip, { reason: "breakpoint", address: eip });
      const stop = this.#runEngine(end - core.instructions);
      // What cannot be fetched the engine has not looked at.
      if (stop.reason === "fault" && core.breakpoints.has(this.cpu.eip)) continue;
      if (stop !== TRANSFER) return stop;
      const passed = this.#pass(this.cpu.eip);
      if (passed.reason !== "budget") return passed;
    }
    return BUDGET;
  }

  /**
   * The engine alone. It may find what was not there when this began, for who answers an `int` may set a breakpoint or
   * a hook.
   */
  #runEngine(budget: number): Stop {
    const stop = this.#told(this.#engine.run(budget));
    if (stop.reason !== "breakpoint") return stop;
    return this.#breakpoints.has(stop.address) ? this.#stopped(stop.address, stop) : TRANSFER;
  }

  /** Executes the instruction at EIP, and tells of it if it is a transfer. */
  #pass(eip: number): Stop {
    const hook = this.#transferHook;
    const kind = hook && transferAt(this.#u8, eip);
    const { esp } = this.cpu;
    const stop = this.step();
    const done = stop.reason === "budget" || stop.reason === "trap";
    return kind !== undefined && done && hook!(kind, eip, esp) ? HOOK : stop;
  }

  /** Executes one instruction (of a repeated one, one iteration), whatever breakpoints and hooks say. */
  step(): Stop {
    this.#core.stepping = true;
    try {
      return this.#step();
    } finally {
      this.#core.stepping = false;
    }
  }

  #step(): Stop {
    if (!this.debug.active) return this.#told(this.#engine.run(1));
    const { eip } = this.cpu;
    const holds = loadsStackAt(this.#u8, eip);
    this.#hits = this.#held;
    this.#held = 0;
    const stop = this.#told(this.#engine.run(1));
    // One that faults has accessed nothing.
    if (stop.reason === "fault" || stop.reason === "unsupported") return stop;
    // The iterations of a repeated instruction are past the breakpoint on it.
    const repeats = this.cpu.eip === eip && isStringAt(this.#u8, eip);
    this.#words[WORD.EFLAGS] = repeats ? this.#words[WORD.EFLAGS]! | RF : this.#words[WORD.EFLAGS]! & ~RF;
    if (this.#hits === 0) return stop;
    if (holds && stop.reason === "budget") {
      this.#held = this.#hits;
      return stop;
    }
    this.debug.report(this.#hits);
    return stop.reason === "budget" ? SINGLE_STEP : stop;
  }

  /** Says in DR6 that a single step was taken. */
  #told(stop: Stop): Stop {
    if (stop === SINGLE_STEP) this.debug.report(BS);
    return stop;
  }

  readonly #u8 = (at: number): number | undefined => this.memory.u8(at);

  get #words(): Int32Array {
    return this.memory.words;
  }

  /** Registers as a KolibriOS thread finds them: all zero, EFLAGS 0x1202, FPU after FNINIT, MXCSR 0x1F80. */
  reset(): void {
    const words = this.memory.words;
    words.fill(0, 0, WORD.SELECTORS);
    words.fill(0, STATE.X87 >> 2, CONTEXT_BYTES >> 2);
    setEflags(words, INITIAL_EFLAGS);
    words[STATE.X87_CONTROL >> 2] = INITIAL_X87_CONTROL;
    words[STATE.MXCSR >> 2] = INITIAL_MXCSR;
    this.#core.segments.reset();
    this.#engine.flush();
  }

  /** Adds or changes what a selector means, e.g. for a thread's local storage. */
  defineSegment(selector: number, descriptor: Descriptor): void {
    this.#core.segments.define(selector, descriptor);
  }

  /** Loads a segment register (es 0, cs 1, ss 2, ds 3, fs 4, gs 5); false where the processor raises #GP. */
  loadSegment(segment: number, selector: number): boolean {
    const loaded = this.#core.segments.load(segment, selector);
    this.#engine.flush();
    return loaded;
  }

  saveContext(): Context {
    return { state: this.memory.bytes.slice(0, CONTEXT_BYTES) };
  }

  loadContext(context: Context): void {
    if (context.state.length !== CONTEXT_BYTES) {
      throw new RangeError(`a context has ${CONTEXT_BYTES} bytes, this one ${context.state.length}`);
    }
    const flat = this.#flatness();
    this.memory.bytes.set(context.state);
    // Decoded instructions rely on which segments are flat.
    if (this.#flatness() !== flat) this.#engine.flush();
  }

  snapshot(): Snapshot {
    const { memory } = this;
    return {
      memorySize: memory.size,
      instructions: this.#core.instructions,
      context: this.saveContext().state,
      pages: memory.runs().map(({ address, length, writable }) => ({
        address,
        writable,
        bytes: memory.read(address, length)!,
      })),
    };
  }

  /** Becomes the machine that `snapshot` was taken of. Hooks, breakpoints and descriptors stay. */
  restore(snapshot: Snapshot): void {
    const { memory } = this;
    if (snapshot.memorySize > memory.size) {
      throw new RangeError(
        `the snapshot needs ${snapshot.memorySize} bytes of address space, here are ${memory.size}`,
      );
    }
    memory.unmap(0, memory.size);
    for (const { address, writable, bytes } of snapshot.pages) {
      memory.map(address, bytes.length, { writable });
      memory.place(address, bytes);
    }
    this.loadContext({ state: snapshot.context });
    this.#core.instructions = snapshot.instructions;
    this.#engine.flush();
  }

  #flatness(): number {
    const { words } = this.memory;
    let bits = 0;
    for (let segment = 0; segment < 6; segment++) {
      bits = (bits << 1) | (words[WORD.RIGHTS + segment]! & SEGMENT.FLAT ? 1 : 0);
    }
    return bits;
  }

  #stopped(eip: number, stop: Stop): Stop {
    this.#stoppedByHook = stop === HOOK;
    this.#stoppedAt = eip;
    this.#stoppedWhen = this.#core.instructions;
    return stop;
  }

  #mark(range: WatchedRange, on: boolean): void {
    const facts = (range.read ? FACT.WATCH_READ : 0) | (range.write ? FACT.WATCH_WRITE : 0);
    for (let page = range.start >>> 12; page <= (range.end - 1) >>> 12; page++) {
      if (on) this.memory.mark(page, facts);
      else this.memory.mark(page, 0, FACT.WATCH_READ | FACT.WATCH_WRITE);
    }
  }
}
