import { RAM_BASE } from "../memory/memory.ts";
import type { Stop } from "../stop.ts";
import { Code, type CodeListener } from "./code.ts";
import { BUDGET, type Core, type Engine, interruptStop, refusedInterrupt, SINGLE_STEP } from "./engine.ts";
import { highSigned, highUnsigned } from "./execute/multiply.ts";
import { GuestFault } from "./fault.ts";
import { KEPT, TF } from "./flags.ts";
import { OP } from "./op.ts";
import { Processor } from "./processor.ts";
import { EAX, EBP, ECX, EDX, ESP, WORD } from "./state.ts";
import { ADJUST_AFTER_DIVISION } from "./undefined.ts";

/**
 * Longer runs are made of several turns: code that is entered anew runs faster than code that was replaced while
 * it ran, by 5 to 20 percent here.
 */
const LONGEST_TURN = 2 ** 18;

/** Bits 31 and 30 of CARRIES, and the others. */
const TOP = 0x8000_0000 | 0;
const NEXT_TO_TOP = 0x4000_0000;
const LOW = 0x3fff_ffff;

/** Not a stop, but a word to whoever made the turn: there is compiled code at EIP, or should be. */
export const COMPILED: Stop = { reason: "budget" };

/**
 * Executes operations one after another, each decoded once. The loop keeps the two words of the flags, the
 * instructions left and the present operation in local variables; everything else is in the state page.
 *
 * What was measured before it looked like this (guest MIPS on an arithmetic loop, a sieve, and recursion, each on the
 * same machine in one run): a switch over records 234, 224, 210; a function for each instruction, called through its
 * record, 106, 104, 110; a switch over numbers in one flat array 168, 173, 161. A second, small switch for the
 * conditional jumps behind comparisons gained nothing. Executing every arm in advance, so that the host need not
 * compile the loop again whenever a new one is reached, made starts slower: compiling all of it takes too long.
 */
export class Interpreter implements Engine {
  readonly name = "interpreter";
  readonly #core: Core;
  readonly code: Code;
  readonly cpu: Processor;

  /** `listener`: who compiles hot code. */
  constructor(core: Core, listener?: CodeListener) {
    this.#core = core;
    this.code = new Code(core, listener);
    this.cpu = new Processor(core, this.code);
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

  /**
   * Executes at most `budget` instructions (1 … 2^18) without looking at TF. With a listener it may answer COMPILED.
   *
   * The frequent arms repeat two pieces of text instead of calling them, because a function of this size gets no
   * calls inlined: the address of a memory operand, and the access on the condition that the facts of its first and
   * its last page allow it (1 is FACT.READ, 2 is FACT.WRITE).
   */
  turn(budget: number): Stop {
    const core = this.#core;
    const { cpu, code } = this;
    const pages = code.pages;
    const { words, halves, bytes, view, facts } = cpu;
    const ram = RAM_BASE;
    const before = core.instructions;
    let left = budget | 0;
    let result = words[WORD.RESULT]!;
    let carries = words[WORD.CARRIES]!;
    // Another thread runs, or this one elsewhere.
    if (code.repeating !== undefined && code.repeating.address !== words[WORD.EIP]) code.refetch();
    let op = code.at(words[WORD.EIP]!);
    try {
      while (left > 0) {
        left--;
        switch (op.op) {
          case 0: // DECODE
            code.decode(op); // a fault of fetching finds it counted, as one of executing does
            left++;
            break;
          case 1: // GENERAL
            words[WORD.RESULT] = result;
            words[WORD.CARRIES] = carries;
            cpu.general++;
            op.execute(cpu, op);
            result = words[WORD.RESULT]!;
            carries = words[WORD.CARRIES]!;
            op = op.next;
            break;
          case 2: // JUMP
            words[WORD.RESULT] = result;
            words[WORD.CARRIES] = carries;
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            result = words[WORD.RESULT]!;
            carries = words[WORD.CARRIES]!;
            op = code.at(words[WORD.EIP]!);
            break;
          case 3: // EXIT
            words[WORD.RESULT] = result;
            words[WORD.CARRIES] = carries;
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            core.instructions = before + (budget - left);
            return BUDGET;
          case 4: {
            // STRING
            words[WORD.RESULT] = result;
            words[WORD.CARRIES] = carries;
            const finished = op.string!(cpu, op, left + 1);
            result = words[WORD.RESULT]!;
            carries = words[WORD.CARRIES]!;
            left -= cpu.iterations - 1;
            if (finished) {
              if (code.repeating !== undefined) code.refetch();
              op = op.next;
            }
            break;
          }
          case 5: // EXACT
            cpu.now = before + (budget - left - 1);
            op.execute(cpu, op);
            op = op.next;
            break;
          case 6: // FORWARD
            left++;
            op = op.next;
            break;

          // Arithmetic and logic of 32 bits
          case 7: {
            // ADD_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = (left + right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 8: {
            // ADD_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = (left + right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 9: {
            // ADD_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = (left + right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 10: {
            // ADD_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = (left + right) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 11: {
            // ADD_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = (left + right) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 12: {
            // OR_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = left | right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 13: {
            // OR_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = left | right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 14: {
            // OR_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = left | right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 15: {
            // OR_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = left | right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 16: {
            // OR_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = left | right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 17: {
            // ADC_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = (left + right + (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 18: {
            // ADC_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = (left + right + (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 19: {
            // ADC_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = (left + right + (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 20: {
            // ADC_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = (left + right + (carries >>> 31)) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 21: {
            // ADC_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = (left + right + (carries >>> 31)) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((left & right) | ((left | right) & ~value)) & KEPT;
            op = op.next;
            break;
          }
          case 22: {
            // SBB_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = (left - right - (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 23: {
            // SBB_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = (left - right - (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 24: {
            // SBB_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = (left - right - (carries >>> 31)) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 25: {
            // SBB_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = (left - right - (carries >>> 31)) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 26: {
            // SBB_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = (left - right - (carries >>> 31)) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 27: {
            // AND_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = left & right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 28: {
            // AND_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = left & right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 29: {
            // AND_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = left & right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 30: {
            // AND_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = left & right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 31: {
            // AND_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = left & right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 32: {
            // SUB_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = (left - right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 33: {
            // SUB_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = (left - right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 34: {
            // SUB_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = (left - right) | 0;
            words[op.a] = value;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 35: {
            // SUB_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = (left - right) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 36: {
            // SUB_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = (left - right) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 37: {
            // XOR_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = left ^ right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 38: {
            // XOR_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = left ^ right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 39: {
            // XOR_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = left ^ right;
            words[op.a] = value;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 40: {
            // XOR_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = words[op.b]!;
            const value = left ^ right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 41: {
            // XOR_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const right = op.immediate;
            const value = left ^ right;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 42: {
            // CMP_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = (left - right) | 0;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 43: {
            // CMP_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = (left - right) | 0;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 44: {
            // CMP_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = (left - right) | 0;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 45: {
            // CMP_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const right = words[op.b]!;
            const value = (left - right) | 0;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 46: {
            // CMP_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const right = op.immediate;
            const value = (left - right) | 0;
            result = value;
            carries = ((~left & right) | (~(left ^ right) & value)) & KEPT;
            op = op.next;
            break;
          }
          case 47: {
            // TEST_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = left & right;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 48: {
            // TEST_RI
            const left = words[op.a]!;
            const right = op.immediate;
            const value = left & right;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 49: {
            // TEST_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const right = words[op.b]!;
            const value = left & right;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          case 50: {
            // TEST_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const right = op.immediate;
            const value = left & right;
            result = value;
            carries = 0;
            op = op.next;
            break;
          }
          // Comparisons of 8 bits
          case 51: {
            // CMP8_RR
            const left = bytes[op.a]!;
            const right = bytes[op.b]!;
            const value = left - right;
            result = (value << 24) >> 24;
            const borrows = (~left & right) | (~(left ^ right) & value);
            carries = ((borrows << 24) & 0xc000_0000) | (borrows & 8);
            op = op.next;
            break;
          }
          case 52: {
            // CMP8_RI
            const left = bytes[op.a]!;
            const right = op.immediate;
            const value = left - right;
            result = (value << 24) >> 24;
            const borrows = (~left & right) | (~(left ^ right) & value);
            carries = ((borrows << 24) & 0xc000_0000) | (borrows & 8);
            op = op.next;
            break;
          }
          case 53: {
            // CMP8_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = bytes[op.a]!;
            const right = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            const value = left - right;
            result = (value << 24) >> 24;
            const borrows = (~left & right) | (~(left ^ right) & value);
            carries = ((borrows << 24) & 0xc000_0000) | (borrows & 8);
            op = op.next;
            break;
          }
          case 54: {
            // CMP8_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            const right = op.immediate;
            const value = left - right;
            result = (value << 24) >> 24;
            const borrows = (~left & right) | (~(left ^ right) & value);
            carries = ((borrows << 24) & 0xc000_0000) | (borrows & 8);
            op = op.next;
            break;
          }
          case 55: // TEST8_RR
            result = ((bytes[op.a]! & bytes[op.b]!) << 24) >> 24;
            carries = 0;
            op = op.next;
            break;
          case 56: // TEST8_RI
            result = ((bytes[op.a]! & op.immediate) << 24) >> 24;
            carries = 0;
            op = op.next;
            break;
          case 57: {
            // TEST8_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            result = ((left & op.immediate) << 24) >> 24;
            carries = 0;
            op = op.next;
            break;
          }
          case 58: {
            // XOR8_RR
            const value = bytes[op.a]! ^ bytes[op.b]!;
            bytes[op.a] = value;
            result = (value << 24) >> 24;
            carries = 0;
            op = op.next;
            break;
          }
          case 59: {
            // AND8_RI
            const value = bytes[op.a]! & op.immediate;
            bytes[op.a] = value;
            result = (value << 24) >> 24;
            carries = 0;
            op = op.next;
            break;
          }
          // Moves
          case 60: // MOV_RR
            words[op.a] = words[op.b]!;
            op = op.next;
            break;
          case 61: // MOV_RI
            words[op.a] = op.immediate;
            op = op.next;
            break;
          case 62: {
            // MOV_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            words[op.a] =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            op = op.next;
            break;
          }
          case 63: {
            // MOV_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = words[op.b]!;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            op = op.next;
            break;
          }
          case 64: {
            // MOV_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = op.immediate;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            op = op.next;
            break;
          }
          case 65: // MOV8_RR
            bytes[op.a] = bytes[op.b]!;
            op = op.next;
            break;
          case 66: // MOV8_RI
            bytes[op.a] = op.immediate;
            op = op.next;
            break;
          case 67: {
            // MOV8_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            bytes[op.a] = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            op = op.next;
            break;
          }
          case 68: {
            // MOV8_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = bytes[op.b]!;
            if (facts[at >>> 12]! & 2) bytes[(at + ram) >>> 0] = value;
            else cpu.write8(at, value);
            op = op.next;
            break;
          }
          case 69: {
            // MOV8_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = op.immediate;
            if (facts[at >>> 12]! & 2) bytes[(at + ram) >>> 0] = value;
            else cpu.write8(at, value);
            op = op.next;
            break;
          }
          case 70: {
            // MOV16_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            halves[op.a] =
              facts[at >>> 12]! & facts[(at + 1) >>> 12]! & 1
                ? view.getUint16((at + ram) >>> 0, true)
                : cpu.read16(at);
            op = op.next;
            break;
          }
          case 71: {
            // MOV16_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = halves[op.b]!;
            if (facts[at >>> 12]! & facts[(at + 1) >>> 12]! & 2)
              view.setUint16((at + ram) >>> 0, value, true);
            else cpu.write16(at, value);
            op = op.next;
            break;
          }
          case 72: {
            // MOV16_MI
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = op.immediate;
            if (facts[at >>> 12]! & facts[(at + 1) >>> 12]! & 2)
              view.setUint16((at + ram) >>> 0, value, true);
            else cpu.write16(at, value);
            op = op.next;
            break;
          }
          case 73: // MOVZX8_R
            words[op.a] = bytes[op.b]!;
            op = op.next;
            break;
          case 74: {
            // MOVZX8_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            words[op.a] = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            op = op.next;
            break;
          }
          case 75: // MOVZX16_R
            words[op.a] = halves[op.b]!;
            op = op.next;
            break;
          case 76: {
            // MOVZX16_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            words[op.a] =
              facts[at >>> 12]! & facts[(at + 1) >>> 12]! & 1
                ? view.getUint16((at + ram) >>> 0, true)
                : cpu.read16(at);
            op = op.next;
            break;
          }
          case 77: // MOVSX8_R
            words[op.a] = (bytes[op.b]! << 24) >> 24;
            op = op.next;
            break;
          case 78: {
            // MOVSX8_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = facts[at >>> 12]! & 1 ? bytes[(at + ram) >>> 0]! : cpu.read8(at);
            words[op.a] = (value << 24) >> 24;
            op = op.next;
            break;
          }
          case 79: // MOVSX16_R
            words[op.a] = (halves[op.b]! << 16) >> 16;
            op = op.next;
            break;
          case 80: {
            // MOVSX16_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value =
              facts[at >>> 12]! & facts[(at + 1) >>> 12]! & 1
                ? view.getUint16((at + ram) >>> 0, true)
                : cpu.read16(at);
            words[op.a] = (value << 16) >> 16;
            op = op.next;
            break;
          }
          case 81: // LEA
            words[op.a] = words[op.base]! + (words[op.index]! << op.scale) + op.displacement;
            op = op.next;
            break;
          case 82: {
            // XCHG_RR
            const left = words[op.a]!;
            words[op.a] = words[op.b]!;
            words[op.b] = left;
            op = op.next;
            break;
          }
          case 83: {
            // XCHG_MR
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const value = words[op.b]!;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[op.b] = left;
            op = op.next;
            break;
          }
          case 84: // CDQ
            words[EDX] = words[EAX]! >> 31;
            op = op.next;
            break;
          case 85: // NOP
            op = op.next;
            break;
          // One operand
          case 86: {
            // INC_R
            const left = words[op.a]!;
            const value = (left + 1) | 0;
            words[op.a] = value;
            result = value;
            carries =
              (carries & TOP) |
              (((carries & TOP) >>> 1) ^ (value === -0x8000_0000 ? NEXT_TO_TOP : 0)) |
              (((left ^ value) & 16) >> 1);
            op = op.next;
            break;
          }
          case 87: {
            // DEC_R
            const left = words[op.a]!;
            const value = (left - 1) | 0;
            words[op.a] = value;
            result = value;
            carries =
              (carries & TOP) |
              (((carries & TOP) >>> 1) ^ (value === 0x7fff_ffff ? NEXT_TO_TOP : 0)) |
              (((left ^ value) & 16) >> 1);
            op = op.next;
            break;
          }
          case 88: {
            // INC_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const value = (left + 1) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries =
              (carries & TOP) |
              (((carries & TOP) >>> 1) ^ (value === -0x8000_0000 ? NEXT_TO_TOP : 0)) |
              (((left ^ value) & 16) >> 1);
            op = op.next;
            break;
          }
          case 89: {
            // DEC_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left =
              (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 3) === 3
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.change32(at);
            const value = (left - 1) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            result = value;
            carries =
              (carries & TOP) |
              (((carries & TOP) >>> 1) ^ (value === 0x7fff_ffff ? NEXT_TO_TOP : 0)) |
              (((left ^ value) & 16) >> 1);
            op = op.next;
            break;
          }
          case 90: {
            // NEG_R
            const right = words[op.a]!;
            const value = -right | 0;
            words[op.a] = value;
            result = value;
            carries = (right | value) & KEPT;
            op = op.next;
            break;
          }
          case 91: // NOT_R
            words[op.a] = ~words[op.a]!;
            op = op.next;
            break;
          // Shifts and rotations; AF as undefined.ts has it
          case 92: {
            // SHL_RI
            const count = op.immediate;
            const left = words[op.a]!;
            const value = left << count;
            words[op.a] = value;
            result = value;
            carries = ((left >>> (32 - count)) << 31) | ((value >>> 1) & NEXT_TO_TOP) | 8;
            op = op.next;
            break;
          }
          case 93: {
            // SHR_RI
            const count = op.immediate;
            const left = words[op.a]!;
            const value = left >>> count;
            words[op.a] = value;
            result = value | 0;
            carries =
              ((left >>> (count - 1)) << 31) ^
              (((left >>> (count - 1)) & 1) << 30) ^
              (value & NEXT_TO_TOP) ^
              8;
            op = op.next;
            break;
          }
          case 94: {
            // SAR_RI
            const count = op.immediate;
            const left = words[op.a]!;
            const value = left >> count;
            words[op.a] = value;
            result = value;
            carries = (((left >> (count - 1)) & 1) * (TOP | NEXT_TO_TOP)) | 8;
            op = op.next;
            break;
          }
          case 95: {
            // ROL_RI
            const count = op.immediate;
            const left = words[op.a]!;
            const value = (left << count) | (left >>> (32 - count));
            words[op.a] = value;
            carries = (carries & LOW) | (value << 31) | ((value >>> 1) & NEXT_TO_TOP);
            op = op.next;
            break;
          }
          case 96: {
            // ROR_RI
            const count = op.immediate;
            const left = words[op.a]!;
            const value = (left >>> count) | (left << (32 - count));
            words[op.a] = value;
            carries = (carries & LOW) | (value & ~LOW);
            op = op.next;
            break;
          }
          case 97: {
            // SHL_RC
            const count = words[ECX]! & 31;
            if (count === 0) {
              op = op.next;
              break;
            }
            const left = words[op.a]!;
            const value = left << count;
            words[op.a] = value;
            result = value;
            carries = ((left >>> (32 - count)) << 31) | ((value >>> 1) & NEXT_TO_TOP) | 8;
            op = op.next;
            break;
          }
          case 98: {
            // SHR_RC
            const count = words[ECX]! & 31;
            if (count === 0) {
              op = op.next;
              break;
            }
            const left = words[op.a]!;
            const value = left >>> count;
            words[op.a] = value;
            result = value | 0;
            carries =
              ((left >>> (count - 1)) << 31) ^
              (((left >>> (count - 1)) & 1) << 30) ^
              (value & NEXT_TO_TOP) ^
              8;
            op = op.next;
            break;
          }
          case 99: {
            // SAR_RC
            const count = words[ECX]! & 31;
            if (count === 0) {
              op = op.next;
              break;
            }
            const left = words[op.a]!;
            const value = left >> count;
            words[op.a] = value;
            result = value;
            carries = (((left >> (count - 1)) & 1) * (TOP | NEXT_TO_TOP)) | 8;
            op = op.next;
            break;
          }
          case 100: {
            // ROL_RC
            const count = words[ECX]! & 31;
            if (count === 0) {
              op = op.next;
              break;
            }
            const left = words[op.a]!;
            const value = (left << count) | (left >>> (32 - count));
            words[op.a] = value;
            carries = (carries & LOW) | (value << 31) | ((value >>> 1) & NEXT_TO_TOP);
            op = op.next;
            break;
          }
          case 101: {
            // ROR_RC
            const count = words[ECX]! & 31;
            if (count === 0) {
              op = op.next;
              break;
            }
            const left = words[op.a]!;
            const value = (left >>> count) | (left << (32 - count));
            words[op.a] = value;
            carries = (carries & LOW) | (value & ~LOW);
            op = op.next;
            break;
          }
          // Multiplication
          case 102: {
            // IMUL_RR
            const left = words[op.a]!;
            const right = words[op.b]!;
            const value = Math.imul(left, right);
            const high = highSigned(left, right);
            words[op.a] = value;
            carries = high === value >> 31 ? carries & LOW : (carries & LOW) | TOP;
            op = op.next;
            break;
          }
          case 103: {
            // IMUL_RM
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const left = words[op.a]!;
            const right =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const value = Math.imul(left, right);
            const high = highSigned(left, right);
            words[op.a] = value;
            carries = high === value >> 31 ? carries & LOW : (carries & LOW) | TOP;
            op = op.next;
            break;
          }
          case 104: {
            // IMUL_RRI
            const left = words[op.b]!;
            const right = op.immediate;
            const value = Math.imul(left, right);
            const high = highSigned(left, right);
            words[op.a] = value;
            carries = high === value >> 31 ? carries & LOW : (carries & LOW) | TOP;
            op = op.next;
            break;
          }
          case 105: {
            // MUL_R
            const left = words[EAX]!;
            const right = words[op.a]!;
            const high = highUnsigned(left, right);
            words[EAX] = Math.imul(left, right);
            words[EDX] = high;
            carries = high === 0 ? carries & LOW : (carries & LOW) | TOP;
            op = op.next;
            break;
          }
          case 106: {
            // DIV_R
            const right = words[op.a]!;
            if (right === 0 || words[EDX] !== 0) {
              words[WORD.CARRIES] = carries;
              op.execute(cpu, op);
            } else {
              const left = words[EAX]!;
              words[EDX] = (left >>> 0) % (right >>> 0);
              words[EAX] = ((left >>> 0) / (right >>> 0)) >>> 0;
            }
            result = 1;
            carries = (carries & ~LOW) | (ADJUST_AFTER_DIVISION << 3);
            op = op.next;
            break;
          }
          // The stack
          case 107: {
            // PUSH_R
            const at = (words[ESP]! - 4) | 0;
            const value = words[op.a]!;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            op = op.next;
            break;
          }
          case 108: {
            // PUSH_I
            const at = (words[ESP]! - 4) | 0;
            const value = op.immediate;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            op = op.next;
            break;
          }
          case 109: {
            // PUSH_M
            const from = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const value = cpu.read32(from);
            const at = (words[ESP]! - 4) | 0;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            op = op.next;
            break;
          }
          case 110: {
            // POP_R
            const at = words[ESP]!;
            const value =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            words[ESP] = at + 4;
            words[op.a] = value;
            op = op.next;
            break;
          }
          case 111: {
            // LEAVE
            const at = words[EBP]!;
            words[EBP] =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            words[ESP] = at + 4;
            op = op.next;
            break;
          }
          // Jumps, calls and returns
          case 112: // JMP
            op = op.target;
            break;
          case 113: {
            // JMP_R
            const target = words[op.a]!;
            const page = pages[target >>> 12];
            const known = page === undefined ? undefined : page.operations[target & 0xfff];
            op = known === undefined ? code.arrive(target) : known.start;
            break;
          }
          case 114: {
            // JMP_M
            const at = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const target =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            const page = pages[target >>> 12];
            const known = page === undefined ? undefined : page.operations[target & 0xfff];
            op = known === undefined ? code.arrive(target) : known.start;
            break;
          }
          case 115: {
            // CALL
            const at = (words[ESP]! - 4) | 0;
            const value = op.following;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            op = op.target;
            break;
          }
          case 116: {
            // CALL_R
            const target = words[op.a]!;
            const at = (words[ESP]! - 4) | 0;
            const value = op.following;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            const page = pages[target >>> 12];
            const known = page === undefined ? undefined : page.operations[target & 0xfff];
            op = known === undefined ? code.arrive(target) : known.start;
            break;
          }
          case 117: {
            // CALL_M
            const from = (words[op.base]! + (words[op.index]! << op.scale) + op.displacement) | 0;
            const target = cpu.read32(from);
            const at = (words[ESP]! - 4) | 0;
            const value = op.following;
            if (facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 2) view.setInt32((at + ram) >>> 0, value, true);
            else cpu.write32(at, value);
            words[ESP] = at;
            const page = pages[target >>> 12];
            const known = page === undefined ? undefined : page.operations[target & 0xfff];
            op = known === undefined ? code.arrive(target) : known.start;
            break;
          }
          case 118: {
            // RET
            const at = words[ESP]!;
            const target =
              facts[at >>> 12]! & facts[(at + 3) >>> 12]! & 1
                ? view.getInt32((at + ram) >>> 0, true)
                : cpu.read32(at);
            words[ESP] = at + op.immediate;
            const page = pages[target >>> 12];
            const known = page === undefined ? undefined : page.operations[target & 0xfff];
            op = known === undefined ? code.arrive(target) : known.start;
            break;
          }
          case 119: {
            // LOOP
            const value = (words[ECX]! - 1) | 0;
            words[ECX] = value;
            op = value !== 0 ? op.target : op.next;
            break;
          }
          case 120: {
            // INT
            words[WORD.RESULT] = result;
            words[WORD.CARRIES] = carries;
            words[WORD.EIP] = op.following;
            const now = before + (budget - left);
            core.instructions = now;
            const hook = core.onInterrupt;
            if (hook === undefined || core.stepping || words[WORD.EFLAGS]! & TF) {
              return interruptStop(op.immediate);
            }
            if (!hook(op.immediate)) return refusedInterrupt(op.immediate);
            // Who answers may have changed anything.
            if (words[WORD.EIP] !== op.following || words[WORD.EFLAGS]! & TF || core.instructions !== now) {
              return BUDGET;
            }
            result = words[WORD.RESULT]!;
            carries = words[WORD.CARRIES]!;
            op = op.next;
            break;
          }
          // Conditional jumps, in the order of flags.ts
          case 121: // JO
            op = (carries ^ (carries << 1)) < 0 ? op.target : op.next;
            break;
          case 122: // JNO
            op = (carries ^ (carries << 1)) >= 0 ? op.target : op.next;
            break;
          case 123: // JB
            op = carries < 0 ? op.target : op.next;
            break;
          case 124: // JAE
            op = carries >= 0 ? op.target : op.next;
            break;
          case 125: // JE
            op = result === 0 ? op.target : op.next;
            break;
          case 126: // JNE
            op = result !== 0 ? op.target : op.next;
            break;
          case 127: // JBE
            op = carries < 0 || result === 0 ? op.target : op.next;
            break;
          case 128: // JA
            op = carries >= 0 && result !== 0 ? op.target : op.next;
            break;
          case 129: // JS
            op = (result ^ (carries << 31)) < 0 ? op.target : op.next;
            break;
          case 130: // JNS
            op = (result ^ (carries << 31)) >= 0 ? op.target : op.next;
            break;
          case 131: // JL
            op = (result ^ (carries << 31) ^ carries ^ (carries << 1)) < 0 ? op.target : op.next;
            break;
          case 132: // JGE
            op = (result ^ (carries << 31) ^ carries ^ (carries << 1)) >= 0 ? op.target : op.next;
            break;
          case 133: // JLE
            op =
              result === 0 || (result ^ (carries << 31) ^ carries ^ (carries << 1)) < 0 ? op.target : op.next;
            break;
          case 134: // JG
            op =
              result !== 0 && (result ^ (carries << 31) ^ carries ^ (carries << 1)) >= 0
                ? op.target
                : op.next;
            break;
          case 135: // COUNT
            left++;
            if (--op.immediate <= 0) {
              words[WORD.RESULT] = result;
              words[WORD.CARRIES] = carries;
              words[WORD.EIP] = op.address;
              core.instructions = before + budget - left;
              return COMPILED;
            }
            op = op.next;
            break;
          case 136: // ENTER
            left++;
            if (left >= op.immediate) {
              words[WORD.RESULT] = result;
              words[WORD.CARRIES] = carries;
              words[WORD.EIP] = op.address;
              core.instructions = before + budget - left;
              return COMPILED;
            }
            op = op.next;
            break;
          case 137: // BREAK
            left++;
            if (!core.stepping) {
              words[WORD.RESULT] = result;
              words[WORD.CARRIES] = carries;
              words[WORD.EIP] = op.address;
              core.instructions = before + budget - left;
              return { reason: "breakpoint", address: op.address >>> 0 };
            }
            op = op.beneath!;
            break;
          default:
            throw new Error(`operation ${op.op} is not known to the interpreter`);
        }
      }
      words[WORD.RESULT] = result;
      words[WORD.CARRIES] = carries;
      words[WORD.EIP] = op.address;
      core.instructions = before + budget - left;
      return BUDGET;
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      // An iterating instruction has flags of its own when it faults; it put them where they belong.
      if (op.op !== OP.STRING) {
        words[WORD.RESULT] = result;
        words[WORD.CARRIES] = carries;
      }
      const { stop } = reason;
      if (stop.reason === "interrupt" || stop.reason === "trap") {
        // Behind the instruction, which counts.
        words[WORD.EIP] = op.following;
        core.instructions = before + (budget - left);
        return stop;
      }
      words[WORD.EIP] = op.address;
      core.instructions = before + (budget - left - 1);
      if (op.op === OP.STRING && op.string) core.instructions += cpu.iterations;
      if (code.repeating !== undefined) code.refetch();
      return cpu.stopOf(op, reason);
    }
  }
}
