import type { Stop } from "../stop.ts";
import { Code } from "./code.ts";
import { BUDGET, type Core, type Engine } from "./engine.ts";
import { GuestFault } from "./fault.ts";
import { TF } from "./flags.ts";
import { OP } from "./op.ts";
import { Processor } from "./processor.ts";
import { WORD } from "./state.ts";

/** Budgets are counted down in a small integer; longer runs are made of several turns. */
const LONGEST_TURN = 2 ** 30;

const SINGLE_STEP: Stop = { reason: "trap", trap: "#DB" };

/**
 * Executes operations one after another, each decoded once. The loop keeps the two words of the flags, the
 * instructions left and the present operation in local variables; everything else is in the state page.
 */
export class Interpreter implements Engine {
  readonly name = "interpreter";
  readonly #core: Core;
  readonly #code: Code;
  readonly #cpu: Processor;

  constructor(core: Core) {
    this.#core = core;
    this.#code = new Code(core.memory);
    this.#cpu = new Processor(core);
  }

  codeWritten(address: number, length: number): void {
    this.#code.written(address, length);
  }

  flush(): void {
    this.#code.flush();
  }

  run(budget: number): Stop {
    const core = this.#core;
    const words = core.memory.words;
    const end = core.instructions + budget;
    while (core.instructions < end) {
      const stepping = (words[WORD.EFLAGS]! & TF) !== 0;
      const stop = this.#turn(stepping ? 1 : Math.min(end - core.instructions, LONGEST_TURN));
      if (stop !== BUDGET) return stop;
      // The trap comes behind an instruction that began with TF set. SDM vol. 3B, 17.3.1.4.
      const shadowed = this.#cpu.shadow;
      this.#cpu.shadow = false;
      if (stepping && !shadowed) return SINGLE_STEP;
    }
    return BUDGET;
  }

  /** Executes at most `budget` instructions (1 … 2^30) without looking at TF. */
  #turn(budget: number): Stop {
    const core = this.#core;
    const cpu = this.#cpu;
    const code = this.#code;
    const words = cpu.words;
    const before = core.instructions;
    let left = budget | 0;
    let op = code.at(words[WORD.EIP]!);
    try {
      while (left > 0) {
        left--;
        switch (op.op) {
          case OP.DECODE:
            left++;
            code.decode(op);
            break;
          case OP.GENERAL:
            op.execute(cpu, op);
            op = op.next;
            break;
          case OP.JUMP:
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            op = code.at(words[WORD.EIP]!);
            break;
          case OP.EXIT:
            words[WORD.EIP] = op.following;
            op.execute(cpu, op);
            core.instructions = before + (budget - left);
            return BUDGET;
          case OP.STRING: {
            const finished = op.string!(cpu, op, left + 1);
            left -= cpu.iterations - 1;
            if (finished) op = op.next;
            break;
          }
          case OP.EXACT:
            cpu.now = before + (budget - left - 1);
            op.execute(cpu, op);
            op = op.next;
            break;
          case OP.FORWARD:
            left++;
            op = op.next;
            break;
          default:
            throw new Error(`operation ${op.op} is not known to the interpreter`);
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
      if (op.op === OP.STRING && op.string) core.instructions += cpu.iterations;
      return stop;
    }
  }
}
