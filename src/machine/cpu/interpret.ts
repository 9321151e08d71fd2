import type { Stop } from "../stop.ts";
import { type Arms, armsOf } from "./arms/index.ts";
import { Code, type CodeListener } from "./code.ts";
import { BUDGET, type Core, type Engine, interruptStop, refusedInterrupt, SINGLE_STEP } from "./engine.ts";
import { fastMmx, fastSse, fastX87 } from "./fast/index.ts";
import { GuestFault } from "./fault.ts";
import { TF } from "./flags.ts";
import { FAST, FIRST_ARM, OP } from "./op.ts";
import type { Operation } from "./operation.ts";
import { Processor } from "./processor.ts";
import { ELSEWHERE, STATE, WORD } from "./state.ts";

/** Instructions of one turn at most: they are counted in 32 bits. */
const LONGEST_TURN = 2 ** 30;

const LEFT = STATE.LEFT >> 2;
const LINES = STATE.LINES >> 2;

/** Not a stop, but a word to whoever made the turn: there is compiled code at EIP, or should be. */
export const COMPILED: Stop = { reason: "budget" };

/**
 * Executes operations one after another, each decoded once: those that have an arm in WebAssembly (arms/), for as long as
 * they come one after the other, and all others through their functions in execute/.
 */
export class Interpreter implements Engine {
  readonly name = "interpreter";
  readonly #core: Core;
  readonly code: Code;
  readonly cpu: Processor;
  readonly #arms: Arms;
  /** Of the arms, and of the fast functions that they call. */
  readonly #table: WebAssembly.Table;
  /** Families that stand there, by their first places. */
  readonly #families = new Set<number>();
  /** The count of instructions at which the present turn ends. */
  #end = 0;
  /** Why an arm has ended it. */
  #stop: Stop | undefined;

  /** `listener`: who compiles hot code. */
  constructor(core: Core, listener?: CodeListener) {
    this.#core = core;
    this.code = new Code(core, listener);
    this.cpu = new Processor(core, this.code);
    const interrupt = (vector: number, left: number): number => this.#interrupt(vector, left);
    ({ run: this.#arms, table: this.#table } = armsOf(core.memory.wasm, interrupt));
  }

  codeWritten(address: number, length: number): void {
    if (this.code.repeating !== undefined) this.code.refetch();
    this.code.written(address, length);
  }

  breakpointChanged(address: number): void {
    this.code.breakpointChanged(address);
  }

  flush(): void {
    this.code.flush();
  }

  memoryMoved(): void {
    this.cpu.look();
    this.code.memoryMoved();
    this.flush();
  }

  run(budget: number): Stop {
    const core = this.#core;
    const words = core.memory.words;
    const end = core.instructions + budget;
    while (core.instructions < end) {
      const stepping = (words[WORD.EFLAGS]! & TF) !== 0;
      const stop = this.turn(stepping ? 1 : Math.min(end - core.instructions, LONGEST_TURN));
      if (stop !== BUDGET) return stop;
      if (stepping && this.code.repeating !== undefined) this.code.refetch();
      // The trap comes behind an instruction that began with TF set. SDM vol. 3B, 17.3.1.4.
      const shadowed = this.cpu.shadow;
      this.cpu.shadow = false;
      if (stepping && !shadowed) return SINGLE_STEP;
    }
    return BUDGET;
  }

  /** Executes at most `budget` instructions (1 … 2^30) without looking at TF. With a listener it may answer COMPILED. */
  turn(budget: number): Stop {
    const core = this.#core;
    const { cpu, code } = this;
    const { words } = cpu;
    const before = core.instructions;
    let left = budget;
    this.#end = before + budget;
    // Another thread runs, or this one elsewhere.
    if (code.repeating !== undefined && code.repeating.address !== words[WORD.EIP]) code.refetch();
    // Who shares the pages of code has to hear of every write to them.
    words[LINES] = code.isShared ? 0 : core.memory.linesBase;
    let op = code.at(words[WORD.EIP]!);
    try {
      while (left > 0) {
        let what = op.op;
        // A repetition that has begun in JavaScript ends there: it may have written over itself.
        if (op === code.repeating && what >= FIRST_ARM) what = op.general;
        if (what >= FIRST_ARM) {
          op = code.records.at(this.#arms(op.record, left));
          const stop = this.#stop;
          if (stop !== undefined) {
            this.#stop = undefined;
            return stop;
          }
          left = words[LEFT]!;
          if (left === 0) break;
          if (left === ELSEWHERE) return BUDGET;
          what = op.op;
          if (what === OP.COUNT || what === OP.ENTER) {
            words[WORD.EIP] = op.address;
            core.instructions = before + budget - left;
            return COMPILED;
          }
          if (isCall(what) && this.#fetched(op)) continue;
          // What has an arm, but could not be done by it.
          if (what >= FIRST_ARM) what = op.general;
        }
        left--;
        switch (what) {
          case OP.DECODE:
            if (code.isFull) {
              const { address } = op;
              code.discard();
              op = code.at(address);
            }
            code.decode(op); // a fault of fetching finds it counted, as one of executing does
            left++;
            break;
          case OP.GENERAL:
            op.execute(cpu, op);
            op = op.next;
            if (++cpu.general >= cpu.mostGeneral) {
              budget -= left;
              left = 0;
            }
            break;
          case OP.JUMP:
            cpu.general++;
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            op = this.#behind(op);
            break;
          case OP.EXIT:
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            core.instructions = before + (budget - left);
            return BUDGET;
          case OP.STRING: {
            cpu.general++;
            const finished = op.string!(cpu, op, left + 1);
            left -= cpu.iterations - 1;
            if (finished) {
              if (code.repeating !== undefined) code.refetch();
              op = op.next;
            }
            break;
          }
          case OP.EXACT:
            cpu.now = before + (budget - left - 1);
            op.execute(cpu, op);
            op = op.next;
            break;
          case OP.BREAK:
            left++;
            if (!core.stepping) {
              words[WORD.EIP] = op.address;
              core.instructions = before + budget - left;
              return { reason: "breakpoint", address: op.address >>> 0 };
            }
            op = op.beneath!;
            break;
          default:
            throw new Error(`operation ${what} is not known to the interpreter`);
        }
      }
      words[WORD.EIP] = op.address;
      core.instructions = before + budget - left;
      return BUDGET;
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      const { stop } = reason;
      if (stop.reason === "interrupt" || stop.reason === "trap") {
        // Behind the instruction, which counts.
        words[WORD.EIP] = op.following;
        core.instructions = before + (budget - left);
        return stop;
      }
      words[WORD.EIP] = op.address;
      core.instructions = before + (budget - left - 1);
      if (op.general === OP.STRING && op.string) core.instructions += cpu.iterations;
      if (code.repeating !== undefined) code.refetch();
      return cpu.stopOf(op, reason);
    }
  }

  /** An `int`, for its arm. Answers 0 to go on; else the turn ends, and `#stop` says why. */
  #interrupt(vector: number, left: number): number {
    const core = this.#core;
    const { words } = this.cpu;
    const now = this.#end - left + 1;
    const hook = core.onInterrupt;
    core.instructions = now;
    if (hook === undefined || core.stepping || words[WORD.EFLAGS]! & TF) this.#stop = interruptStop(vector);
    else if (!hook(vector)) this.#stop = refusedInterrupt(vector);
    else if (core.instructions !== now) this.#stop = BUDGET;
    else return 0;
    return 1;
  }

  /** Puts the family into the table whose function an operation calls. False if it is there already. */
  #fetched(op: Operation): boolean {
    const first = op.which & -FAST_ROOM;
    const family = first === FAST.X87 ? fastX87 : first === FAST.MMX ? fastMmx : fastSse;
    if (this.#families.has(first)) return false;
    this.#families.add(first);
    for (const [i, each] of this.cpu.fast(family).entries()) this.#table.set(first + i, each);
    return true;
  }

  /** The operation that a jump has led to. */
  #behind(op: Operation): Operation {
    const { code } = this;
    const address = this.cpu.words[WORD.EIP]!;
    const hasArm = op.op >= FIRST_ARM;
    if (address === op.following && !hasArm) return op.next;
    const found = code.arrive(address);
    // Next time the arm goes there itself.
    if (hasArm && code.known(address) !== undefined) code.records.link(address, found);
    return found;
  }
}

const FAST_ROOM = FAST.MMX - FAST.SSE;
/** Whether an operation is done by a fast function. */
const isCall = (op: number): boolean =>
  (op >= OP.FAST_RR && op <= OP.FAST_MR) || op === OP.X87_R || op === OP.X87_M;
