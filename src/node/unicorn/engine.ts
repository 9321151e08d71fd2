/**
 * Unicorn as the engine of a machine: another implementation of the processor, to compare with ours or to be used in
 * its place. It works on the machine's own memory; registers go in and out around each run, those of segments, x87 and
 * vector units only where they may have changed.
 *
 * Unicorn counts, stops and translates; what an exception is called, and whatever belongs to the machine and not to the
 * processor (CPUID, the time stamp, descriptors that were not loaded when the run began), is asked of the interpreter,
 * which executes that one instruction. So where Unicorn stops for a fault it is the one that our engines have.
 *
 * Where it does not stop, nobody asks. QEMU, from which Unicorn comes, is known to differ from processors: it does not
 * look at segments' limits and rights, nor at the alignment of operands of 16 bytes; x87 exceptions that are not masked
 * become #MF with FWAIT only, those of SSE never become #XM, and MXCSR.MM does not exist; it executes some of what is
 * undefined (8F with another digit than 0, shifts of MMX registers in memory). It differs in undefined flags (whatever MachineOptions.undefinedFlags says), in the pointers to the last x87
 * instruction, in the last bits of transcendental functions, in what a write across two pages leaves behind that faults in
 * the second; it fetches a repetition anew that overwrites itself, after each iteration. LOCK before CMP, which is #UD, ends the whole process where it is only translated (Unicorn 2.0.1).
 */
import { DECODED, decode, makeInstruction } from "../../isa/index.ts";
import {
  BUDGET,
  type Core,
  type Engine,
  type EngineMaker,
  eflags,
  FACT,
  formIn,
  Interpreter,
  interruptStop,
  RAM_BASE,
  SEGMENT,
  STATE,
  type Stop,
  setEflags,
  WORD,
} from "../../machine/index.ts";
import { UnicornFailure } from "../failure.ts";
import {
  type Callback,
  type Handle,
  HOOK,
  MEMORY_READ,
  REG,
  type Unicorn,
  unicornLibrary,
} from "./library.ts";
import { Stretches } from "./stretches.ts";

/** The engine maker for MachineOptions.engine, or what there is to do to have it. */
export async function unicornEngine(): Promise<EngineMaker | { error: string }> {
  const library = await unicornLibrary();
  return "error" in library ? library : (core) => new UnicornEngine(library, core);
}

/**
 * Above what a machine can map: the descriptor table, and the code that enters ring 3 with every register loaded, as an
 * operating system does.
 */
const AUXILIARY = 0xfffe_0000;
const TABLE_BYTES = 0x1_0000;
const ENTRY = 0x1_0000;
const STACK = 0x1_0800;
const FXSAVE = 0x1_0c00;
const AUXILIARY_BYTES = 0x1_1000;

/** The last two descriptors of the table. */
const RING_0_CODE = 0xfff0;
const RING_0_DATA = 0xfff8;

const RING_0 = 0x90;
const RING_3 = 0xf0;
const CODE = 0x0b;
const DATA = 0x03;
const READ_ONLY = 0x01;

const CR0_NE = 1 << 5;
const CR4_OSFXSR = 1 << 9;
const CR4_OSXMMEXCPT = 1 << 10;

const CX = 0xffff;
const TF = 1 << 8;

/** Bytes of the longest instruction. */
const LONGEST = 15;
const fields = makeInstruction();

/** Why a run has ended; undefined while it goes on. */
type End = "budget" | "own" | { vector: number } | undefined;

/** The engine that is running now: the library calls functions without saying for whom. */
let running: UnicornEngine | undefined;
const callbacksOf = new WeakMap<Unicorn, Callbacks>();

interface Callbacks {
  readonly code: Callback;
  readonly interrupt: Callback;
  readonly memory: Callback;
}

/** Closes what belonged to a machine that is gone. */
const closing = new FinalizationRegistry<() => void>((close) => close());

export class UnicornEngine implements Engine {
  readonly name = "unicorn";
  /** Instructions that the interpreter executed in Unicorn's place. */
  helped = 0;
  readonly #library: Unicorn;
  readonly #core: Core;
  readonly #own: Interpreter;
  readonly #handle: Handle;
  /** As it is in ring 0, before anything of the guest has been loaded. */
  readonly #ring0: Handle;
  readonly #auxiliary = new Uint8Array(
    new WebAssembly.Memory({ initial: 2, maximum: 2 }).buffer,
    0,
    AUXILIARY_BYTES,
  );
  readonly #view: DataView;
  /** Where the library has to be stopped, if it has to. */
  readonly #stretches: Stretches | undefined;
  readonly #scratch = new Uint8Array(32);
  readonly #scratchView = new DataView(this.#scratch.buffer);
  #mapped: { address: number; length: number; writable: boolean }[] = [];
  #layout = -1;
  /** The interpreter is to decode anew, and nobody has written. */
  #looksAgain = false;
  #memoryHooks: Handle[] = [];
  #end: End;
  /** The guest's first instruction is still to come. */
  #arrives = false;
  /** The way into ring 3 is in Unicorn's memory. */
  #isInReach = false;
  /** Something was executed that may change more than general registers and EFLAGS. */
  #touches = false;
  /** Whether Unicorn can go on where it has stopped, and the registers that it had then. */
  #isLeft = false;
  readonly #left = new Uint8Array(STATE.CONTEXT_END);
  readonly #leftWords = new Int32Array(this.#left.buffer);
  #leftFlags = 0;
  #budget = 0;
  #executed = 0;
  /** The address of the instruction that began last. */
  #last = -1;

  constructor(library: Unicorn, core: Core) {
    this.#library = library;
    this.#core = core;
    this.#own = new Interpreter(core, {
      isShared: true,
      changed: (address, length) => this.#changed(address, length),
      stopChanged: () => {},
      covered: () => {},
      forgotten: () => {},
    });
    this.#view = new DataView(this.#auxiliary.buffer);
    const handle = library.open((address, length) => running!.#written(address, length));
    if (library.needsStops)
      this.#stretches = new Stretches(core.memory, (number) => this.#get(REG.GENERAL[number]!));
    this.#handle = handle;
    closing.register(this, () => library.close(handle));
    const callbacks = callbacksOf.get(library) ?? {
      code: library.onCode((address) => running!.#instruction(address)),
      interrupt: library.onInterrupt((vector) => running!.#interrupted(vector)),
      memory: library.onMemory((kind, address, size) => running!.#accessed(kind, address, size)),
    };
    callbacksOf.set(library, callbacks);
    this.#reach(true);
    // x87 exceptions are #MF; XMM registers and #XM exist.
    this.#set(REG.CR0, this.#get(REG.CR0) | CR0_NE);
    this.#set(REG.CR4, CR4_OSFXSR | CR4_OSXMMEXCPT);
    // A table of descriptors: base at 8, limit at 16 of the record.
    this.#scratchView.setBigUint64(8, BigInt(AUXILIARY), true);
    this.#scratchView.setUint32(16, TABLE_BYTES - 1, true);
    library.writeRegister(handle, REG.GDTR, this.#scratch);
    this.#describe(RING_0_CODE, 0, 0xffff_ffff, RING_0 | CODE);
    this.#describe(RING_0_DATA, 0, 0xffff_ffff, RING_0 | DATA);
    this.#set(REG.SEGMENTS[2], RING_0_DATA);
    this.#set(REG.SEGMENTS[3], RING_0_DATA);
    this.#set(REG.SEGMENTS[1], RING_0_CODE);
    this.#set(REG.GENERAL[4]!, AUXILIARY + STACK);
    // fxrstor [FXSAVE]; pop gs; pop fs; pop es; pop ds; popad; iretd
    this.#auxiliary.set([0x0f, 0xae, 0x0d], ENTRY);
    this.#view.setUint32(ENTRY + 3, AUXILIARY + FXSAVE, true);
    this.#auxiliary.set([0x0f, 0xa9, 0x0f, 0xa1, 0x07, 0x1f, 0x61, 0xcf], ENTRY + 7);
    library.addHook(handle, HOOK.CODE, callbacks.code);
    library.addHook(handle, HOOK.INTERRUPT, callbacks.interrupt);
    this.#ring0 = library.saveContext(handle);
  }

  codeWritten(address: number, length: number): void {
    this.#own.codeWritten(address, length);
  }

  /** What the interpreter has written, or heard of. */
  #changed(address: number, length: number): void {
    if (this.#looksAgain) return;
    this.#library.forget(this.#handle, address, length);
    this.#stretches?.forget(address, length);
  }

  flush(): void {
    this.#own.flush();
  }

  run(budget: number): Stop {
    const core = this.#core;
    const end = core.instructions + budget;
    while (core.instructions < end) {
      const stop = this.#turn(end - core.instructions);
      if (stop !== BUDGET) return stop;
    }
    return BUDGET;
  }

  #turn(budget: number): Stop {
    const core = this.#core;
    const { words } = core.memory;
    // What it cannot execute at all needs no entry into it. Of a repeated instruction it would step over two iterations.
    if (words[WORD.EFLAGS]! & TF || this.#isOwn(words[WORD.EIP]! >>> 0)) return this.#helpedBy();
    this.#layOut();
    const until = this.#stretches?.end(words[WORD.EIP]! >>> 0) ?? 0;
    if (until !== 0 && until === words[WORD.EIP]! >>> 0) return this.#helpedBy();
    this.#hookMemory();
    const goesOn = this.#isAsLeft();
    if (goesOn) this.#write();
    else this.#load();
    this.#isLeft = false;
    this.#touches = false;
    this.#end = undefined;
    this.#budget = budget;
    this.#executed = 0;
    this.#last = -1;
    running = this;
    let failed: number;
    try {
      failed = goesOn ? this.#goOn(until) : this.#enter(until);
    } catch (error) {
      if (!(error instanceof UnicornFailure)) throw error;
      const at = (this.#last < 0 ? words[WORD.EIP]! >>> 0 : this.#last).toString(16);
      throw new UnicornFailure(`${error.message} (in the code at 0x${at})`, { cause: error });
    } finally {
      running = undefined;
    }
    this.#store();
    core.instructions += this.#executed;
    let end = this.#end as End;
    if (end === undefined && failed === 0 && until !== 0 && words[WORD.EIP]! >>> 0 === until) end = "budget";
    // Of an exception Unicorn remembers more than the registers.
    if (typeof end === "string" || this.#isGate(end?.vector)) this.#leave();
    if (end === "budget") return BUDGET;
    if (end === "own") return this.#helpedBy();
    // The library has to be told where to end, and 0 is what it is told.
    if (end === undefined && failed === 0 && words[WORD.EIP] !== 0)
      throw new Error("Unicorn has stopped without a reason");
    return this.#excepted(end?.vector);
  }

  /** Into ring 3, where what led there is out of reach, and on. Answers what the library does. */
  #enter(until: number): number {
    this.#arrives = true;
    const failed = this.#library.start(this.#handle, AUXILIARY + ENTRY, until);
    if (this.#arrives) return failed;
    this.#reach(false);
    return this.#goOn(until);
  }

  #goOn(until: number): number {
    return this.#library.start(this.#handle, this.#core.memory.words[WORD.EIP]! >>> 0, until);
  }

  #reach(wanted: boolean): void {
    if (wanted === this.#isInReach) return;
    this.#isInReach = wanted;
    if (wanted) this.#library.map(this.#handle, AUXILIARY, this.#auxiliary, true);
    else this.#library.unmap(this.#handle, AUXILIARY, AUXILIARY_BYTES);
  }

  /** After an exception (with its vector, if Unicorn told it) in the instruction that began last. */
  #excepted(vector: number | undefined): Stop {
    const { words } = this.#core.memory;
    const eip = words[WORD.EIP]! >>> 0;
    if (vector !== undefined && this.#isGate(vector)) return interruptStop(vector);
    // The next instruction cannot be fetched, which is no matter of this run.
    if (vector === undefined && this.#budget === 0 && eip !== this.#last) return BUDGET;
    // An interrupt leaves EIP behind itself, everything else at the instruction, which has not always begun.
    if (vector !== undefined) words[WORD.EIP] = this.#last;
    if (words[WORD.EIP]! >>> 0 === this.#last) this.#core.instructions--;
    return this.#helpedBy();
  }

  #helpedBy(): Stop {
    const { code } = this.#own;
    if (code.repeating === undefined) {
      // Of what Unicorn's instructions write it does not hear.
      this.#looksAgain = true;
      code.written(this.#core.memory.words[WORD.EIP]! >>> 0, LONGEST);
      this.#looksAgain = false;
    }
    const stop = this.#own.run(1);
    if (stop === BUDGET) this.helped++;
    return stop;
  }

  /** The instruction that began last is an INT that the machine has a gate for. */
  #isGate(vector: number | undefined): boolean {
    if (vector === undefined || !this.#core.gates[vector]) return false;
    const { bytes } = this.#core.memory;
    return bytes[RAM_BASE + this.#last] === 0xcd && bytes[RAM_BASE + this.#last + 1] === vector;
  }

  /**
   * Behind whatever prefixes: cpuid and rdtsc, which are the machine's; popf and iret, which may set TF; in and out, which
   * Unicorn lets everybody execute; what has LOCK, which it does not mind where it may not stand; what the model of the
   * processor has not, or has something older for; what Unicorn cannot execute here.
   */
  #isOwn(address: number): boolean {
    const { bytes } = this.#core.memory;
    let at = RAM_BASE + address;
    for (; isPrefix(bytes[at]!); at++) if (bytes[at] === LOCK) return true;
    const code = bytes[at]!;
    if (!this.#touches) this.#touches = touchesMore(code, bytes[at + 1]!);
    if (code === 0x0f) {
      const next = bytes[at + 1]!;
      return next === 0xa2 || next === 0x31 || this.#isOfAnotherModel(address);
    }
    return OWN.has(code) || (isOfX87(code) && this.#isOfAnotherModel(address));
  }

  #isOfAnotherModel(address: number): boolean {
    const { memory, model } = this.#core;
    const start = RAM_BASE + address;
    const outcome = decode(memory.bytes, start, Math.min(start + LONGEST, memory.bytes.length), 32, fields);
    if (outcome !== DECODED) return false;
    const form = fields.form!;
    return formIn(model, form) !== form || this.#library.without.has(form.name);
  }

  // Called by the library --------------------------------------------------------------------------------------

  #instruction(address: number): void {
    if (this.#arrives) {
      if (address >= AUXILIARY) return;
      this.#arrives = false;
      this.#library.stop(this.#handle);
      return;
    }
    // An iteration begins anew; with nothing left of it the instruction only ends.
    if (address === this.#last) {
      const kind = this.#comesAgain(address);
      if (kind === "finished") return;
      if (kind === "restarted") {
        this.#executed--;
        this.#stop("own");
        return;
      }
    }
    if (this.#budget === 0) {
      this.#stop("budget");
      return;
    }
    if (this.#isOwn(address) || this.#stretches?.leadsToShort(address) === false) {
      this.#stop("own");
      return;
    }
    const { memory } = this.#core;
    // So that the machine tells of what others write there.
    for (const page of [address >>> 12, (address + 14) >>> 12]) {
      const facts = memory.facts[page]!;
      if (facts & FACT.PRESENT && !(facts & FACT.CODE)) memory.mark(page, FACT.CODE);
    }
    this.#last = address;
    this.#budget--;
    this.#executed++;
  }

  #written(address: number, length: number): void {
    this.#stretches?.forget(address, length);
  }

  #interrupted(vector: number): void {
    this.#stop({ vector });
  }

  #accessed(kind: number, address: number, size: number): void {
    if (this.#arrives) return;
    this.#core.onMemory?.(kind === MEMORY_READ ? "read" : "write", address, size);
  }

  #stop(end: End): void {
    this.#end ??= end;
    this.#library.stop(this.#handle);
  }

  /**
   * Why an instruction is met twice in a row: a jump may lead to itself, an iteration begins anew or there is none left,
   * and one that writes what stands directly behind it Unicorn would begin again for ever.
   */
  #comesAgain(address: number): "again" | "finished" | "restarted" {
    const { bytes } = this.#core.memory;
    let at = RAM_BASE + address;
    let repeated = false;
    let narrow = false;
    for (; isPrefix(bytes[at]!); at++) {
      if (bytes[at] === 0xf2 || bytes[at] === 0xf3) repeated = true;
      if (bytes[at] === 0x67) narrow = true;
    }
    const code = bytes[at]!;
    if (repeated && ((code >= 0xa4 && code <= 0xa7) || (code >= 0xaa && code <= 0xaf))) {
      const count = this.#get(REG.GENERAL[1]!);
      return (narrow ? count & CX : count) === 0 ? "finished" : "again";
    }
    return isJump(bytes, at) ? "again" : "restarted";
  }

  // Memory -----------------------------------------------------------------------------------------------------

  #layOut(): void {
    const { memory } = this.#core;
    if (memory.layout === this.#layout) return;
    this.#layout = memory.layout;
    this.#stretches?.clear();
    const runs = memory.runs();
    const same = (a: (typeof runs)[number], b: (typeof runs)[number]): boolean =>
      a.address === b.address && a.length === b.length && a.writable === b.writable;
    for (const was of this.#mapped) {
      if (!runs.some((is) => same(was, is))) this.#library.unmap(this.#handle, was.address, was.length);
    }
    for (const is of runs) {
      if (this.#mapped.some((was) => same(was, is))) continue;
      const from = RAM_BASE + is.address;
      this.#library.map(this.#handle, is.address, memory.bytes.subarray(from, from + is.length), is.writable);
    }
    this.#mapped = runs;
  }

  #hookMemory(): void {
    const wanted = this.#core.onMemory !== undefined;
    if (wanted === this.#memoryHooks.length > 0) return;
    for (const hook of this.#memoryHooks) this.#library.removeHook(this.#handle, hook);
    this.#memoryHooks = wanted
      ? [
          this.#library.addHook(
            this.#handle,
            HOOK.MEMORY_READ | HOOK.MEMORY_WRITE,
            callbacksOf.get(this.#library)!.memory,
          ),
        ]
      : [];
  }

  // Registers --------------------------------------------------------------------------------------------------

  #set(register: number, value: number): void {
    this.#scratchView.setUint32(0, value, true);
    this.#scratchView.setUint32(4, 0, true);
    this.#library.writeRegister(this.#handle, register, this.#scratch);
  }

  #get(register: number): number {
    this.#library.readRegister(this.#handle, register, this.#scratch);
    return this.#scratchView.getUint32(0, true);
  }

  /** Writes a descriptor of 32-bit code or data. SDM vol. 3A, 3.4.5. */
  #describe(selector: number, base: number, limit: number, access: number): void {
    const at = selector & 0xfff8;
    const inPages = limit > 0xf_ffff;
    const units = inPages ? limit >>> 12 : limit;
    this.#view.setUint16(at, units, true);
    this.#view.setUint16(at + 2, base, true);
    this.#view.setUint8(at + 4, base >>> 16);
    this.#view.setUint8(at + 5, access);
    this.#view.setUint8(at + 6, (units >>> 16) | (inPages ? 0xc0 : 0x40));
    this.#view.setUint8(at + 7, base >>> 24);
  }

  /** The registers are those that Unicorn had when it stopped, but for general ones, EIP and EFLAGS. */
  #isAsLeft(): boolean {
    if (!this.#isLeft || !this.#library.keeps(this.#handle)) return false;
    const now = this.#core.memory.bytes.subarray(STATE.SELECTORS, STATE.CONTEXT_END);
    return Buffer.compare(now, this.#left.subarray(STATE.SELECTORS)) === 0;
  }

  #leave(): void {
    const { bytes, words } = this.#core.memory;
    this.#isLeft = true;
    this.#left.set(bytes.subarray(0, STATE.CONTEXT_END));
    this.#leftFlags = eflags(words);
  }

  /** What has changed of the general registers and EFLAGS; EIP is told anyway. */
  #write(): void {
    const { words } = this.#core.memory;
    for (let i = 0; i < 8; i++) {
      if (words[i] !== this.#leftWords[i]) this.#set(REG.GENERAL[i]!, words[i]!);
    }
    const flags = eflags(words);
    if (flags !== this.#leftFlags) this.#set(REG.EFLAGS, flags);
  }

  /** What the code at ENTRY will load: segments, registers, EFLAGS, the x87 and vector units. */
  #load(): void {
    const { words, bytes } = this.#core.memory;
    this.#reach(true);
    this.#library.restoreContext(this.#handle, this.#ring0);
    this.#auxiliary.fill(0, 0, RING_0_CODE);
    const selectors = [...words.subarray(WORD.SELECTORS, WORD.SELECTORS + 6)];
    for (const [segment, selector] of selectors.entries()) {
      const rights = words[WORD.RIGHTS + segment]!;
      if ((selector & 0xfffc) === 0) continue;
      const kind = rights & SEGMENT.EXECUTABLE ? CODE : rights & SEGMENT.WRITABLE ? DATA : READ_ONLY;
      this.#describe(
        selector,
        words[WORD.BASES + segment]!,
        words[WORD.LIMITS + segment]! >>> 0,
        RING_3 | kind,
      );
    }
    const [es, cs, ss, ds, fs, gs] = selectors as [number, number, number, number, number, number];
    const general = [7, 6, 5, 4, 3, 2, 1, 0].map((number) => words[number]!);
    const frame = [words[WORD.EIP]!, cs, eflags(words), words[4]!, ss];
    const stack = [gs, fs, es, ds, ...general, ...frame];
    for (const [i, value] of stack.entries()) this.#view.setInt32(STACK + 4 * i, value, true);
    const area = this.#auxiliary.subarray(FXSAVE, FXSAVE + 512);
    const view = this.#view;
    const status = words[STATE.X87_STATUS >> 2]!;
    view.setUint16(FXSAVE, words[STATE.X87_CONTROL >> 2]!, true);
    view.setUint16(FXSAVE + 2, status, true);
    view.setUint8(FXSAVE + 4, words[STATE.X87_VALID >> 2]!);
    view.setUint32(FXSAVE + 24, words[WORD.MXCSR]! & 0xffff, true);
    const top = (status >> 11) & 7;
    for (let i = 0; i < 8; i++) {
      const from = STATE.X87 + 16 * ((top + i) & 7);
      area.set(bytes.subarray(from, from + 10), 32 + 16 * i);
    }
    area.set(bytes.subarray(STATE.XMM, STATE.XMM + 128), 160);
  }

  /** What was executed has changed back into the state page. The pointers to the last x87 instruction stay: Unicorn does not keep them. */
  #store(): void {
    const { words, bytes } = this.#core.memory;
    for (let i = 0; i < 8; i++) words[i] = this.#get(REG.GENERAL[i]!);
    words[WORD.EIP] = this.#get(REG.EIP);
    setEflags(words, this.#get(REG.EFLAGS));
    if (!this.#touches) return;
    for (let i = 0; i < 6; i++) {
      const selector = this.#get(REG.SEGMENTS[i]!) & 0xffff;
      if (selector !== words[WORD.SELECTORS + i]) this.#core.segments.load(i, selector);
    }
    words[STATE.X87_CONTROL >> 2] = this.#get(REG.FPCW) & 0xffff;
    words[STATE.X87_STATUS >> 2] = this.#get(REG.FPSW) & 0xffff;
    const tags = this.#get(REG.FPTAG);
    let valid = 0;
    for (let i = 0; i < 8; i++) if (((tags >> (2 * i)) & 3) !== 3) valid |= 1 << i;
    words[STATE.X87_VALID >> 2] = valid;
    words[WORD.MXCSR] = (words[WORD.MXCSR]! & ~0xffff) | (this.#get(REG.MXCSR) & 0xffff);
    for (let i = 0; i < 8; i++) {
      this.#library.readRegister(this.#handle, REG.FP + i, this.#scratch);
      bytes.set(this.#scratch.subarray(0, 10), STATE.X87 + 16 * i);
      this.#library.readRegister(this.#handle, REG.XMM + i, this.#scratch);
      bytes.set(this.#scratch.subarray(0, 16), STATE.XMM + 16 * i);
    }
  }
}

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const LOCK = 0xf0;
const OWN = new Set([0x9d, 0xcf, 0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef]);
const JUMPS = new Set([0xc2, 0xc3, 0xe0, 0xe1, 0xe2, 0xe3, 0xe8, 0xe9, 0xeb]);

/** Near jumps, calls and returns: nothing else can lead to itself. */
function isJump(bytes: Uint8Array, at: number): boolean {
  const code = bytes[at]!;
  if (code === 0x0f) return bytes[at + 1]! >> 4 === 8;
  if (code === 0xff) return [0x10, 0x20].includes(bytes[at + 1]! & 0x38);
  return code >> 4 === 7 || JUMPS.has(code);
}

const isOfX87 = (code: number): boolean => code >> 3 === 0x1b;

/** Segment registers, the x87, MMX and SSE: what is not known to leave them alone. */
function touchesMore(code: number, next: number): boolean {
  if (code === 0x0f) return !(ALONE_0F[next >> 4]! & (1 << (next & 15)));
  if (code === 0xff) return FAR.has(next & 0x38);
  return isOfX87(code) || LOADS.has(code);
}

/** pop es, ss, ds; mov to them; les, lds; far calls, jumps, returns. */
const LOADS = new Set([0x07, 0x17, 0x1f, 0x8e, 0xc4, 0xc5, 0x9a, 0xea, 0xca, 0xcb, 0xcf]);
/** ModR/M.reg of far calls and jumps by an address in memory. */
const FAR = new Set([0x18, 0x28]);
/** Of two-byte opcodes, by rows: cmovcc, jcc, setcc, and the general ones among A0 to CF. */
const ALONE_0F = [0, 0, 0, 0, 0xffff, 0, 0, 0, 0xffff, 0xffff, 0xb838, 0xffcb, 0xff83, 0, 0, 0];

const isPrefix = (byte: number): boolean => PREFIXES.has(byte);
