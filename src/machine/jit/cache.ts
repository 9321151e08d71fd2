/**
 * The engine that compiles: it interprets until an address is hot, makes a region of what begins there, and enters
 * the compiled region from then on. Everything that compiled code does not do itself it leaves to the interpreter
 * before the instruction, so that there is one truth about faults, hooks and rare instructions.
 */
import type { CodeListener } from "../cpu/code.ts";
import { BUDGET, type Core, type Engine, interruptStop, refusedInterrupt } from "../cpu/engine.ts";
import { GuestFault } from "../cpu/fault.ts";
import { TF } from "../cpu/flags.ts";
import { COMPILED, Interpreter } from "../cpu/interpret.ts";
import { OP } from "../cpu/op.ts";
import type { Operation } from "../cpu/operation.ts";
import { STATE, WORD } from "../cpu/state.ts";
import { FACT, RAM_BASE } from "../memory/memory.ts";
import { longestRun, runFrom } from "../memory/runs.ts";
import type { Stop } from "../stop.ts";
import type { Compiled, Task } from "./compile.ts";
import { compile, discover, link, Modules } from "./compiler.ts";
import type { Found } from "./discover.ts";
import { Early } from "./early.ts";
import { join, split } from "./flag-words.ts";
import { BETWEEN_LOOKS, Foresight } from "./foresight.ts";
import { EXACTING, type StatusGuess } from "./guesses.ts";
import type { Optimisation } from "./optimisations.ts";
import { isFixed, type Range, rangesOf, spanOf } from "./ranges.ts";
import { CHAIN_BASE, CHAIN_PAIRS, ENTRY_BITS, LEAVES, MAPS_BASE, MOST_ENTRIES, STATUS } from "./status.ts";

export interface CompilerOptions {
  /** Arrivals at an address after which it is compiled. */
  threshold?: number;
  /**
   * Instructions that a machine executes before anything is compiled, those without an arm of the interpreter counted
   * WEIGHT_OF_GENERAL times. Default: 0 with a threshold, else 1,000,000.
   */
  after?: number;
  /** Compiles everything before it is executed for the first time, for tests. */
  ahead?: boolean;
  /** Instructions of a region at most. */
  most?: number;
  /** Regions in modules of their own that are put into one. Default: 128. */
  together?: number;
  /** An optimisation that is left out: for the bench of what each is worth. */
  without?: Optimisation | undefined;
}

const THRESHOLD = 300;
/**
 * A program that ends before does not wait for the compiler, unless one of its loops says that there will be more (foresight.ts).
 * So many instructions take the interpreter some 7 ms, and the first region takes the compiler, which the host has not compiled
 * well then, as long: who does not know how long a program will go on cannot do better than to compile when it has spent in
 * the interpreter what the compiler will take. test/README.md says why no other thread does it.
 */
const AFTER = 1_000_000;
/**
 * For each instruction that is compiled so many must have been interpreted before, or be foreseen. It takes the compiler as long as
 * these take the interpreter, as long as V8 has not compiled the compiler well itself. So a program waits for the compiler
 * about as long as it has spent in the interpreter, at most, and one that has most of what is hot compiled does not
 * compile the rest.
 */
const INTERPRETED_PER_COMPILED = 8000;
/** To enter compiled code and to come back takes as long as to interpret so many. */
const INTERPRETED_PER_ENTRY = 200;
/**
 * What an instruction takes that has no arm in the interpreter: so many times what others do. Its function is JavaScript,
 * which the host executes slowly until it has compiled it.
 */
const WEIGHT_OF_GENERAL = 500;
const SLOW_GENERAL = 2000;
const WEIGHT_OF_LATER_GENERAL = 10;
/** Instructions that compiled code executes at a stretch: then better code of the same region may be at hand. */
const LONGEST_STRETCH = 2 ** 18;
/** Instructions of a region: what V8 optimises within some 20 ms. */
const MOST_INSTRUCTIONS = 1500;
/** Regions that are made before all are forgotten, with the functions' table. */
const MOST_REGIONS = 2000;
/** Who comes to where a region of so many instructions begins enters it: it is not compiled again with what comes there. */
const LARGE = 100;
/** An address whose code changed so often stays interpreted. */
const MOST_CHANGES = 6;
/** How much an arrival from compiled code weighs. */
const WEIGHT_OF_EXIT = 16;
/** A guess that was wrong so often is not made again. */
const MOST_MISSES = 20;
/** Ways on from an indirect call that are foreseen. */
const MOST_LED = 3;
/** Unforeseen ones, for each instruction of its region, after which that is made anew: they take as long as its compiler. */
const MISSES_PER_COMPILED = 1000;
const NEVER = 0x7fff_ffff;
const PAGE_SHIFT = 12;

const LEFT = STATE.LEFT >> 2;
const CHAIN = CHAIN_BASE >> 2;
/** In the first pair of the chain, to which 0 leads and this does not: an empty pair holds 0. */
const NOWHERE = -1;
const X87_STATUS = STATE.X87_STATUS >> 2;
const PE = 0x20;

interface CompiledRegion {
  readonly index: number;
  /** The addresses that it was made for, the one that was hot last first. */
  readonly entries: readonly number[];
  readonly heads: readonly Operation[];
  /** Bytes of code that it is made of, and of data that it relies on: start and end, unsigned. */
  readonly code: readonly Range[];
  readonly data: readonly DataRange[];
  /** Instructions that were compiled for it. */
  readonly size: number;
  /** Indirect calls and jumps in it that may lead to more than is foreseen. */
  readonly uncertain: readonly Uncertain[];
  /** Operations whose constants it writes. */
  readonly patches: readonly Operation[];
  /** It can be entered behind the calls in it. */
  readonly returns: boolean;
  /** Written before PE was set: EXACTING. */
  readonly exacting: number;
}

/** What a region relies on, and how often that was wrong. */
interface LiveGuess extends StatusGuess {
  readonly region: CompiledRegion;
  misses: number;
}

interface Uncertain {
  readonly jump: Operation;
  readonly foreseen: readonly number[];
}

interface DataRange extends Range {
  readonly writes: boolean;
}

export class CompilingEngine implements Engine, CodeListener {
  readonly name = "compiled";
  readonly #threshold: number;
  /** Instructions that compiled code has executed; the others were interpreted. */
  executed = 0;
  /** How often it was entered. */
  entered = 0;
  /** Instructions that were compiled, all in all: what the program has waited for. */
  waitedFor = 0;
  /** Regions made since all were forgotten, those among them that are gone: the functions' table keeps them. */
  made = 0;
  readonly #core: Core;
  readonly #ahead: boolean;
  readonly #isThrifty: boolean;
  /** The weight of the instructions executed from which on something may be compiled, without one being foreseen. */
  readonly #earliest: number;
  /** The weight of those interpreted before which nothing else is looked at, since something was too large. */
  #poorUntil = 0;
  #foresight: Foresight;
  /** While it is there, arrivals are not counted. */
  #early: Early | undefined;
  readonly #most: number;
  readonly #together: number | undefined;
  readonly #without: Optimisation | undefined;
  readonly #interpreter: Interpreter;
  #words: Int32Array;
  /** Made when something is compiled for the first time: programs that end before do not pay for it. */
  #modules: Modules | undefined;
  readonly #regions: (CompiledRegion | undefined)[] = [];
  #freeIndexes: number[] = [];
  /** Regions by page of their code, and of the data they rely on. */
  readonly #byCode = new Map<number, Set<CompiledRegion>>();
  readonly #byData = new Map<number, Set<CompiledRegion>>();
  readonly #patching = new Set<CompiledRegion>();
  /** Whether there is any: asking a set costs a call. */
  #isPatched = false;
  readonly #uncertain = new Set<CompiledRegion>();
  /** How often the code that begins at an address was changed. */
  readonly #changes = new Map<number, number>();
  /** Instructions that compiled code has executed when it is looked at again. */
  #nextLook: number;
  /** Of `waitedFor` those that were compiled before. */
  #again = 0;
  /** Where indirect jumps and calls have led, by their addresses. */
  readonly #led = new Map<number, readonly number[]>();
  /** By the addresses where code looks at them; and those that proved wrong. */
  readonly #guesses = new Map<number, LiveGuess>();
  readonly #wrongGuesses = new Set<number>();
  /** The next free byte for maps of entries. */
  #room = MAPS_BASE;
  /** Version of the memory that the runs below were worked out for. */
  #version = -1;
  #readLow = 0;
  #writes = true;
  #usable = false;
  /** Instructions that the present stretch may execute, beyond those that are counted already. */
  #stretch = 0;
  /** Something was dropped while compiled code called out. */
  #disturbed = false;

  constructor(core: Core, options: CompilerOptions = {}) {
    const { threshold = THRESHOLD, ahead = false, most = MOST_INSTRUCTIONS } = options;
    const { after = ahead || options.threshold !== undefined ? 0 : AFTER } = options;
    this.#core = core;
    this.#ahead = ahead;
    this.#isThrifty = after > 0;
    this.#earliest = after;
    this.#most = most;
    this.#together = options.together;
    this.#without = options.without;
    this.#nextLook = ahead ? Number.POSITIVE_INFINITY : 0;
    this.#threshold = threshold;
    this.#interpreter = new Interpreter(core, this);
    this.#foresight = new Foresight(core.memory, this.#interpreter.code);
    if (this.#isThrifty) this.#early = new Early(this.#interpreter.code, this.#foresight);
    else this.#interpreter.code.count();
    this.#words = core.memory.words;
    core.memory.onRightsLost((page) => this.#rightsLost(page));
  }

  /** While nothing is compiled that does not say that it will pay, an address is looked at sooner. */
  get threshold(): number {
    return this.#isThrifty && this.#isEarly ? BETWEEN_LOOKS : this.#threshold;
  }

  codeWritten(address: number, length: number): void {
    this.#interpreter.codeWritten(address, length);
  }

  breakpointChanged(address: number): void {
    this.#interpreter.breakpointChanged(address);
  }

  flush(): void {
    this.#interpreter.flush();
  }

  memoryMoved(): void {
    this.#words = this.#core.memory.words;
    this.#interpreter.memoryMoved();
  }

  /** Regions that have modules of their own. */
  get alone(): number {
    return this.#modules?.alone ?? 0;
  }

  /** How many regions there are. */
  get regions(): number {
    return this.#regions.filter((region) => region !== undefined).length;
  }

  run(budget: number): Stop {
    const core = this.#core;
    const words = this.#words;
    const { code } = this.#interpreter;
    // What programs do most: behind one system call to the next, all of it compiled.
    const start = code.known(words[WORD.EIP]!)?.start;
    if (start !== undefined && start.op === OP.ENTER && budget >= start.immediate) {
      // Getting ready may drop the region.
      if ((words[WORD.EFLAGS]! & TF) === 0 && this.#ready() && isEntry(start)) {
        const before = core.instructions;
        const status = this.#enter(start, budget < LONGEST_STRETCH ? budget : LONGEST_STRETCH);
        if (typeof status === "object") return status;
        if (status >= STATUS.INTERRUPT) return interruptOf(status);
        return this.#run(budget - (core.instructions - before), status);
      }
    }
    return this.#run(budget, STATUS.LOOK);
  }

  /** `status`: how compiled code has ended just before. */
  #run(budget: number, status: number): Stop {
    const core = this.#core;
    const words = this.#words;
    const interpreter = this.#interpreter;
    const { code, cpu } = interpreter;
    const end = core.instructions + budget;
    if (status === STATUS.INTERPRET && core.instructions < end) {
      if (this.#guesses.size > 0) this.#refused();
      const stop = interpreter.turn(this.#ahead ? 1 : Math.min(budget, LONGEST_STRETCH));
      cpu.shadow = false;
      if (stop !== BUDGET && stop !== COMPILED) return stop;
    }
    while (core.instructions < end) {
      if (words[WORD.EFLAGS]! & TF) {
        const stop = interpreter.run(1);
        if (stop !== BUDGET && stop !== COMPILED) return stop;
        continue;
      }
      const rest = end - core.instructions;
      const stretch = rest < LONGEST_STRETCH ? rest : LONGEST_STRETCH;
      const eip = words[WORD.EIP]!;
      if (this.#ahead) this.#meet(eip);
      if (this.executed >= this.#nextLook) this.#lookAgain();
      const known = code.known(eip);
      if (known !== undefined && known.start !== known) {
        const head = known.start;
        if (head.op === OP.ENTER && this.#isOutdated(head)) this.#renew(this.#regions[head.extra]!);
        if (head.op === OP.COUNT && head.immediate <= 0) this.#compile(eip, head);
        // Getting ready may drop the region.
        if (head.op === OP.ENTER && stretch >= head.immediate && this.#ready() && isEntry(head)) {
          const status = this.#enter(head, stretch);
          if (typeof status === "object") return status;
          if (status >= STATUS.INTERRUPT) return interruptOf(status);
          if (status === STATUS.LOOK) {
            if (words[WORD.EIP] === eip && head.op === OP.ENTER && core.instructions + head.immediate > end) {
              // Too few instructions are left for it.
            } else if (this.#arrived(words[WORD.EIP]!)) continue;
          } else if (this.#guesses.size > 0) this.#refused();
          if (core.instructions >= end) break;
        }
      }
      const left =
        this.#early === undefined ? end - core.instructions : this.#untilLook(end - core.instructions);
      const stop = interpreter.turn(this.#ahead ? 1 : left < LONGEST_STRETCH ? left : LONGEST_STRETCH);
      cpu.shadow = false;
      if (stop !== BUDGET && stop !== COMPILED) return stop;
    }
    return BUDGET;
  }

  /** While arrivals are not counted: of so many instructions those until a loop is to be looked at, or it is not early any more. */
  #untilLook(left: number): number {
    const early = this.#early!;
    const weight = this.#weight;
    if (weight >= this.#earliest) {
      this.#count();
      return left;
    }
    if (weight >= early.next) early.wake(weight);
    const rest = Math.min(early.next, this.#earliest) - weight;
    const { cpu } = this.#interpreter;
    cpu.mostGeneral = cpu.general + Math.ceil(rest / WEIGHT_OF_GENERAL);
    return Math.min(left, rest);
  }

  /** From now on arrivals are counted. */
  #count(): void {
    const { code, cpu } = this.#interpreter;
    this.#early = undefined;
    this.#foresight = new Foresight(this.#core.memory, code);
    cpu.mostGeneral = Number.POSITIVE_INFINITY;
    code.count();
  }

  /** Makes an address hot at once. */
  #meet(eip: number): void {
    const head = this.#interpreter.code.head(eip);
    if (head.op === OP.COUNT && head.immediate !== NEVER) head.immediate = 0;
  }

  /** Compiled code has led to an address. Answers whether there is compiled code, or should be. */
  #arrived(eip: number): boolean {
    const head = this.#interpreter.code.head(eip);
    if (head.op === OP.ENTER) {
      this.#chain(head);
      return true;
    }
    if (head.op !== OP.COUNT || head.immediate === NEVER || this.#ahead) return false;
    head.immediate -= WEIGHT_OF_EXIT;
    return head.immediate <= 0;
  }

  /** Compiled code has left an instruction to the interpreter: perhaps because it had guessed wrong. */
  #refused(): void {
    const eip = this.#words[WORD.EIP]!;
    const guess = this.#guesses.get(eip);
    if (guess === undefined || (this.#words[X87_STATUS]! & guess.mask) === guess.value) return;
    if (++guess.misses < MOST_MISSES) return;
    this.#wrongGuesses.add(eip);
    this.#renew(guess.region);
  }

  /** Whether a region works out what need not be worked out any more, since PE is set. */
  #isOutdated({ extra }: Operation): boolean {
    const { exacting, size } = this.#regions[extra]!;
    if (exacting === 0 || this.#isEarly || !this.#affords(size)) return false;
    const words = this.#words;
    const set = (words[X87_STATUS]! & PE ? EXACTING.X87 : 0) | (words[WORD.MXCSR]! & PE ? EXACTING.SSE : 0);
    return (exacting & set) !== 0;
  }

  /** Drops a region that could be better, and lets it be compiled again at once. */
  #renew(region: CompiledRegion): void {
    this.#drop(region);
    for (const head of region.heads) if (head.op === OP.COUNT && head.immediate !== NEVER) head.immediate = 0;
  }

  /** Runs a region for at most `stretch` instructions. */
  #enter(head: Operation, stretch: number): number | Stop {
    const core = this.#core;
    const words = this.#words;
    const before = core.instructions;
    this.#stretch = stretch;
    words[LEFT] = stretch;
    split(words);
    try {
      const status = this.#modules!.enter!(head.extra, head.a, stretch);
      join(this.#words);
      return status;
    } catch (reason) {
      // What an executor or a hook threw: they had the true words of the flags.
      if (!(reason instanceof GuestFault)) throw reason;
      return reason.stop;
    } finally {
      if (this.#isPatched) this.#refresh();
      this.#settle(this.#words[LEFT]!);
      this.executed += core.instructions - before;
      this.entered++;
    }
  }

  /** Counts what compiled code has executed of the present stretch, of which so much is left. */
  #settle(left: number): void {
    const done = this.#stretch - left;
    this.#stretch = left;
    this.#core.instructions += done;
  }

  /** Executes an operation for compiled code, which has stored everything. Answers whether to leave, and how. */
  #execute(op: Operation): number {
    const words = this.#words;
    const { cpu, code } = this.#interpreter;
    this.#disturbed = false;
    join(words);
    if (this.#isPatched) this.#refresh();
    let finished = true;
    try {
      if (op.general === OP.STRING) finished = op.string!(cpu, op, words[LEFT]!);
      else {
        if (op.general === OP.EXACT) cpu.now = this.#core.instructions + this.#stretch - words[LEFT]!;
        op.execute(cpu, op);
      }
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      if (op.general === OP.STRING) words[LEFT]! -= cpu.iterations;
      if (code.repeating !== undefined) code.refetch();
      throw new GuestFault(cpu.stopOf(op, reason));
    }
    words[LEFT]! -= op.general === OP.STRING ? cpu.iterations : 1;
    if (finished && code.repeating !== undefined) code.refetch();
    split(words);
    if (finished && !this.#disturbed && this.#version === this.#core.memory.version) return 0;
    words[WORD.EIP] = finished ? op.following : op.address;
    return LEAVES + STATUS.LOOK;
  }

  /** `int`: whoever answers it sees a machine that has stopped behind it, for which compiled code has stored everything. */
  #interrupt(vector: number, left: number): number {
    const core = this.#core;
    const hook = core.onInterrupt;
    let status: number = STATUS.INTERRUPT + vector;
    if (hook !== undefined) {
      this.#settle(left);
      this.#disturbed = false;
      if (this.#isPatched) this.#refresh();
      const goesOn = hook(vector);
      const isUndisturbed = !this.#disturbed && this.#version === core.memory.version;
      if (goesOn && isUndisturbed && (this.#words[WORD.EFLAGS]! & TF) === 0) return 0;
      status = goesOn ? STATUS.LOOK : STATUS.REFUSED + vector;
    }
    split(this.#words); // of the memory as it is now: it may have moved
    return LEAVES + status;
  }

  // Compiling ------------------------------------------------------------------------------------------------

  /** Instructions executed so far, with their weights. */
  get #weight(): number {
    const { general } = this.#interpreter.cpu;
    const slow = Math.min(general, SLOW_GENERAL);
    const more = (WEIGHT_OF_GENERAL - 1) * slow + (WEIGHT_OF_LATER_GENERAL - 1) * (general - slow);
    return this.#core.instructions + more;
  }

  /** What the program has spent in the interpreter, and on the way there and back, as a number of instructions. */
  get #spent(): number {
    return this.#weight - this.executed + INTERPRETED_PER_ENTRY * this.entered;
  }

  /** Whether too little was executed so far for compiling to pay. */
  get #isEarly(): boolean {
    return this.#weight < this.#earliest;
  }

  /**
   * Whether enough was interpreted, or is foreseen, for so many instructions to be compiled. What is compiled first need not wait
   * once more for what was waited for before anything was.
   */
  #affords(size: number, foreseen = 0): boolean {
    return !this.#isThrifty || this.#earliest + this.#spent + foreseen >= this.#price(size);
  }

  /** What must have been interpreted for so many more instructions to be compiled. */
  #price(size: number): number {
    return INTERPRETED_PER_COMPILED * (this.waitedFor - this.#again + size);
  }

  #compile(entry: number, head: Operation): void {
    head.immediate = this.#threshold;
    if (isImpossible) return;
    let foreseen = 0;
    if (this.#isEarly) {
      const weight = this.#weight;
      if (this.#early !== undefined) foreseen = this.#early.look(entry, head, weight);
      else {
        foreseen = this.#foresight.remaining(entry, weight);
        head.immediate = this.#foresight.wait(entry, weight, this.#earliest);
      }
      if (weight + foreseen < this.#earliest) return;
    }
    if (this.#early !== undefined) this.#count();
    if (foreseen === 0 && this.#spent < this.#poorUntil) return;
    if (!this.#ready()) return;
    if (this.made >= MOST_REGIONS) this.#dropAll();
    const around = this.#without === "heads" ? undefined : this.#around(entry);
    const entries = around === undefined ? [entry] : [entry, ...around.entries];
    const found = this.#discover(entries, around !== undefined, around);
    const { size } = found.places;
    // Nothing of it was executed so far.
    if (size === 0) return;
    if (!this.#affords(size, foreseen)) {
      // To look again and again would cost, too; and in the meantime something smaller may become hot.
      this.#poorUntil = Math.min(2 * this.#spent, this.#price(size) - this.#earliest);
      return;
    }
    if (around !== undefined) this.#drop(around);
    this.#make(found, entries, around !== undefined);
  }

  /** Makes a region of what was found. `returns`: it can be entered behind the calls in it. */
  #make(found: Found, entries: readonly number[], returns: boolean): void {
    const { size } = found.places;
    this.waitedFor += size;
    const modules = (this.#modules ??= this.#begin());
    const patches: Operation[] = [];
    const made = compile(this.#task(found, entries[0]!, patches));
    const { memory } = this.#core;
    for (const { at, addresses } of made.maps) {
      const [low, length] = spanOf(addresses);
      memory.bytes.fill(0, at, at + length);
      for (const [i, address] of addresses.entries()) memory.bytes[at + (address >>> 0) - low] = i + 1;
      this.#room = at + length;
    }
    const index = this.#freeIndexes.pop() ?? this.#regions.length;
    if (!modules.place(index, made.linkable, made.executed)) {
      isImpossible = true;
      return;
    }
    this.made++;
    const heads: Operation[] = [];
    for (const [i, { address, isWanted }] of made.entries.slice(0, MOST_ENTRIES).entries()) {
      const each = this.#interpreter.code.head(address);
      // Where a loop can be entered already, better code of it may be at hand.
      if (each.op !== OP.COUNT && (each.op !== OP.ENTER || !isWanted)) continue;
      each.op = OP.ENTER;
      each.extra = index;
      each.a = i + 1;
      each.immediate = made.longest;
      heads.push(each);
    }
    const region: CompiledRegion = {
      index,
      entries,
      heads,
      code: rangesOf(found.operations),
      data: made.fixed.map(({ address, size, writes }) => ({ start: address, end: address + size, writes })),
      size,
      uncertain: this.#uncertainIn(found),
      patches,
      exacting: made.exacting,
      returns,
    };
    for (const [address, { mask, value }] of made.status)
      this.#guesses.set(address, { mask, value, region, misses: 0 });
    if (patches.length > 0) this.#patching.add(region);
    this.#isPatched = this.#patching.size > 0;
    if (region.uncertain.length > 0) this.#uncertain.add(region);
    this.#regions[index] = region;
    for (const range of region.code) this.#file(this.#byCode, range, region);
    for (const range of region.data) this.#file(this.#byData, range, region);
    for (const each of heads) this.#chain(each);
  }

  // Compiling again ------------------------------------------------------------------------------------------

  /**
   * The indirect calls and jumps that may lead to more than is foreseen: from now on it is counted how often they do, and remembered
   * where else they led.
   */
  #uncertainIn({ operations, guesses }: Found): Uncertain[] {
    const found: Uncertain[] = [];
    for (const [address, foreseen] of guesses) {
      this.#led.set(address, foreseen);
      if (foreseen.length === 0 || foreseen.length === MOST_LED) continue;
      const jump = operations.get(address)!;
      jump.misses = 0;
      found.push({ jump, foreseen });
    }
    return found;
  }

  /** At the end of a stretch: makes anew what leads elsewhere too often. */
  #lookAgain(): void {
    this.#nextLook = this.executed + LONGEST_STRETCH;
    if (!this.#ready()) return;
    for (const region of this.#uncertain) {
      let misses = 0;
      for (const { jump, foreseen } of region.uncertain) {
        // What is too large to be taken in is foreseen in vain.
        if (!foreseen.includes(jump.immediate)) misses += jump.misses;
      }
      if (misses > MISSES_PER_COMPILED * region.size) this.#remake(region);
    }
  }

  /** Makes a region of the same entries. */
  #remake(region: CompiledRegion): void {
    const { entries, returns } = region;
    const found = this.#discover(entries, returns, region);
    this.#again += found.places.size;
    this.#drop(region);
    this.#make(found, entries, returns);
  }

  #task(found: Found, entry: number, patches: Operation[] = []): Task {
    const { memory } = this.#core;
    const { code } = this.#interpreter;
    return {
      found,
      entry,
      memory,
      wrongGuesses: this.#wrongGuesses,
      readsFromZero: this.#readLow === 0,
      writes: this.#writes,
      room: this.#room,
      firstExecuted: this.#modules?.firstExecuted ?? 0,
      isFixed: (address, size, writes) =>
        isFixed(memory, code, { address, size, writes }, (op) => patches.push(op)),
      without: this.#without,
    };
  }

  /** `around`: a region that what is found will replace. */
  #discover(entries: readonly number[], returns: boolean, around?: CompiledRegion): Found {
    const { code } = this.#interpreter;
    const isElsewhere = (address: number): boolean => {
      const head = code.known(address)?.start;
      if (head?.op !== OP.ENTER) return false;
      const region = this.#regions[head.extra]!;
      return region !== around && region.size >= LARGE;
    };
    return discover(code, this.#core.memory, entries, {
      ahead: this.#ahead,
      most: this.#most,
      returns,
      without: this.#without,
      isElsewhere,
      hasLed: (op) => this.#hasLed(op),
    });
  }

  /** Where an indirect call or jump has led whenever it was compiled, and last: of many the last few. */
  #hasLed({ address, immediate }: Operation): readonly number[] {
    const before = this.#led.get(address) ?? [];
    return immediate === 0 || before.includes(immediate) ? before : [immediate, ...before].slice(0, MOST_LED);
  }

  /**
   * A region that an address is in the middle of, where it cannot be entered: it is made anew with all the entries that
   * it could have, once. Else there would be a region for each of them, most of it the same.
   */
  #around(address: number): CompiledRegion | undefined {
    const at = address >>> 0;
    for (const region of this.#byCode.get(at >>> PAGE_SHIFT) ?? []) {
      if (!region.returns && region.code.some(({ start, end }) => start <= at && at < end)) return region;
    }
    return undefined;
  }

  /** What a region that begins at an address is made of; nothing is kept of it. */
  explain(entry: number): (Compiled & { bytes: Uint8Array }) | undefined {
    if (!this.#ready()) return undefined;
    const found = this.#discover([entry], false);
    if (found.operations.size === 0) return undefined;
    const made = compile(this.#task(found, entry));
    return { ...made, bytes: link(this.#core.memory, new Map([[0, made.linkable]]), false).bytes };
  }

  #file(index: Map<number, Set<CompiledRegion>>, { start, end }: Range, region: CompiledRegion): void {
    for (let page = start >>> PAGE_SHIFT; page <= (end - 1) >>> PAGE_SHIFT; page++) {
      let set = index.get(page);
      if (set === undefined) index.set(page, (set = new Set()));
      set.add(region);
    }
  }

  /** Brings the records of instructions up to date whose constants compiled code may have written. */
  #refresh(): void {
    const { view } = this.#core.memory;
    for (const { patches } of this.#patching) {
      for (const op of patches) {
        // Another instruction may stand there by now.
        if (op.soft) op.immediate = view.getInt32(RAM_BASE + (op.address >>> 0) + op.constantAt, true);
      }
    }
  }

  /** Brings up to date what can be read and written. False: compiled code could not access anything. */
  #ready(): boolean {
    const { memory } = this.#core;
    if (this.#version === memory.version) return this.#usable;
    this.#version = memory.version;
    const longest = longestRun(memory.facts, memory.endOfPages, FACT.READ);
    // What is compiled holds where the run begins. A program that takes and gives back memory lets the longest run
    // change from one to another: the one there was serves until another is many times as long.
    const kept = this.#readLow < 0 ? 0 : runFrom(memory.facts, this.#readLow, memory.endOfPages, FACT.READ);
    const [readLow, readPages] = kept > 0 && kept * 8 >= longest[1] ? [this.#readLow, kept] : longest;
    const [writeLow, writePages] = longestRun(memory.facts, memory.endOfPages, FACT.READ | FACT.WRITE);
    // Where every page that can be written holds code there is no run to write to.
    const writes = writePages > 0;
    if (readLow !== this.#readLow || writes !== this.#writes) {
      this.#readLow = readLow;
      this.#writes = writes;
      this.#dropAll();
    }
    const words = this.#words;
    words[STATE.READ_LOW >> 2] = readLow << PAGE_SHIFT;
    words[STATE.READ_LENGTH >> 2] = readPages << PAGE_SHIFT;
    words[STATE.WRITE_LOW >> 2] = writeLow << PAGE_SHIFT;
    words[STATE.WRITE_LENGTH >> 2] = writePages << PAGE_SHIFT;
    this.#usable = readPages > 0;
    return this.#usable;
  }

  // Forgetting -----------------------------------------------------------------------------------------------

  jumpsBack(jump: Operation): Operation {
    return this.#early!.jumpsBack(jump, this.#weight);
  }

  changed(address: number, length: number): void {
    this.#overlapping(this.#byCode, address, length, (region) => {
      if (!region.code.some(({ start, end }) => start < address + length && end > address)) return;
      const [entry] = region.entries;
      this.#changes.set(entry!, (this.#changes.get(entry!) ?? 0) + 1);
      this.#drop(region);
    });
  }

  stopChanged(address: number): void {
    this.#overlapping(this.#byCode, address, 1, (region) => {
      if (region.code.some(({ start, end }) => start <= address && end > address)) this.#drop(region);
    });
  }

  covered(address: number, length: number): void {
    this.#overlapping(this.#byData, address, length, (region) => {
      if (region.data.some(({ start, end, writes }) => writes && start < address + length && end > address))
        this.#drop(region);
    });
  }

  forgotten(): void {
    this.#dropAll();
    this.#early?.forget();
  }

  #rightsLost(page: number): void {
    const regions = this.#byData.get(page);
    if (regions !== undefined) for (const region of [...regions]) this.#drop(region);
  }

  #overlapping(
    index: Map<number, Set<CompiledRegion>>,
    address: number,
    length: number,
    tell: (region: CompiledRegion) => void,
  ): void {
    if (index.size === 0) return;
    const last = (address + length - 1) >>> PAGE_SHIFT;
    for (let page = address >>> PAGE_SHIFT; page <= last; page++) {
      const regions = index.get(page);
      if (regions !== undefined) for (const region of [...regions]) tell(region);
    }
  }

  #drop(region: CompiledRegion): void {
    this.#disturbed = true;
    const { index } = region;
    if (this.#regions[index] !== region) return;
    this.#regions[index] = undefined;
    this.#freeIndexes.push(index);
    this.#patching.delete(region);
    this.#uncertain.delete(region);
    this.#isPatched = this.#patching.size > 0;
    for (const [address, guess] of this.#guesses) if (guess.region === region) this.#guesses.delete(address);
    this.#modules!.remove(index);
    for (const head of region.heads) {
      if (head.op !== OP.ENTER || head.extra !== index) continue;
      head.op = OP.COUNT;
      this.#arm(head);
      const { dwords } = this.#core.memory;
      const at = CHAIN + 2 * (head.address & (CHAIN_PAIRS - 1));
      // No address that leads to the pair is this one.
      if (dwords[at] === head.address) dwords[at] = ~head.address;
    }
    for (const index of [this.#byCode, this.#byData]) {
      for (const [page, regions] of index) {
        if (regions.delete(region) && regions.size === 0) index.delete(page);
      }
    }
  }

  /** Lets an address be counted again, the longer the oftener its code has changed. */
  #arm(head: Operation): void {
    const changes = this.#changes.get(head.address) ?? 0;
    head.immediate = changes > MOST_CHANGES && !this.#ahead ? NEVER : this.#threshold << changes;
  }

  #dropAll(): void {
    for (const region of [...this.#regions]) if (region !== undefined) this.#drop(region);
    this.#room = MAPS_BASE;
    this.#led.clear();
    this.#regions.length = 0;
    this.#freeIndexes = [];
    this.made = 0;
    this.#modules = undefined;
  }

  /** The modules of the regions to come; no address leads to one. */
  #begin(): Modules {
    const { memory } = this.#core;
    memory.dwords.fill(0, CHAIN, CHAIN + 2 * CHAIN_PAIRS);
    memory.dwords[CHAIN] = NOWHERE;
    const execute = (op: Operation): number => this.#execute(op);
    const interrupt = (vector: number, left: number): number => this.#interrupt(vector, left);
    return new Modules({ memory, cpu: this.#interpreter.cpu, execute, interrupt }, this.#together);
  }

  #chain(head: Operation): void {
    const { dwords } = this.#core.memory;
    const at = CHAIN + 2 * (head.address & (CHAIN_PAIRS - 1));
    dwords[at] = head.address;
    dwords[at + 1] = (head.extra << ENTRY_BITS) | head.a;
  }
}

/** What a status from STATUS.INTERRUPT on says. */
const interruptOf = (status: number): Stop =>
  status < STATUS.REFUSED
    ? interruptStop(status - STATUS.INTERRUPT)
    : refusedInterrupt(status - STATUS.REFUSED);

/** Asked in a function of its own, for the type checker thinks that it knows. */
const isEntry = (head: Operation): boolean => head.op === OP.ENTER;

/** It has turned out that this host's WebAssembly has not all that compiled code needs. */
let isImpossible = false;
