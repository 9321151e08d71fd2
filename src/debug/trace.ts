import { hex, PAGE } from "../base/index.ts";
import type { Image, Symbols } from "../image/index.ts";
import { LONGEST } from "../isa/index.ts";
import type { Machine } from "../machine/index.ts";
import { disassemble } from "./disassemble.ts";

const NAMES = ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"] as const;
/** The status flags and DF, by their bits in EFLAGS (SDM vol. 1, 3.4.3). */
const FLAGS = { cf: 0x1, pf: 0x4, af: 0x10, zf: 0x40, sf: 0x80, df: 0x400, of: 0x800 } as const;

/**
 * One line for each instruction executed: address, instruction, what it changed in registers and flags, and the symbol.
 * A line is complete when the next instruction begins, so that the answer of a system call stands beside its INT.
 *
 *     00000028  mov esi,[0x1C]                  esi=00000234                    ; start+0x4
 */
export class InstructionTrace {
  readonly #machine: Machine;
  readonly #symbols: Symbols | undefined;
  readonly #line: (text: string) => void;
  readonly #registers = new Uint32Array(NAMES.length);
  #eflags = 0;
  #pending: { address: number; text: string } | undefined;

  /** @param line gets each line, without its end */
  constructor(machine: Machine, image: Image, line: (text: string) => void) {
    this.#machine = machine;
    this.#symbols = image.symbols;
    this.#line = line;
  }

  /** The hook: called before the instruction at `address`, never asks to stop. */
  readonly before = (address: number): false => {
    this.flush();
    const text = this.#instruction(address);
    if (text !== undefined) this.#pending = { address, text };
    return false;
  };

  /** Writes the line of the instruction executed last; to be called when the run has ended, too. */
  flush(): void {
    const changes = this.#changes().join(" ");
    if (this.#pending === undefined) return;
    const { address, text } = this.#pending;
    const symbol = this.#symbols ? `  ; ${this.#symbols.describe(address)}` : "";
    this.#line(
      `${hex(address)}  ${text.padEnd(30)}  ${symbol ? changes.padEnd(30) : changes}${symbol}`.trimEnd(),
    );
    this.#pending = undefined;
  }

  #instruction(address: number): string | undefined {
    const { memory } = this.#machine;
    const toPageEnd = PAGE - (address % PAGE);
    const bytes = memory.read(address, LONGEST) ?? memory.read(address, Math.min(LONGEST, toPageEnd));
    if (!bytes) return undefined; // the fetch will fault
    return disassemble(bytes, 0, bytes.length, { address, nameOf: this.#nameOf }).text;
  }

  readonly #nameOf = (address: number): string | undefined => {
    const nearest = this.#symbols?.nearest(address);
    return nearest?.offset === 0 ? nearest.name : undefined;
  };

  /** What is not as it was when asked last. */
  #changes(): string[] {
    const { cpu } = this.#machine;
    const changes: string[] = [];
    NAMES.forEach((name, i) => {
      const value = cpu[name];
      if (value !== this.#registers[i]) changes.push(`${name}=${hex(value)}`);
      this.#registers[i] = value;
    });
    const { eflags } = cpu;
    const changed = eflags ^ this.#eflags;
    for (const [name, bit] of Object.entries(FLAGS)) {
      if (changed & bit) changes.push(`${name}=${eflags & bit ? 1 : 0}`);
    }
    this.#eflags = eflags;
    return changes;
  }
}
