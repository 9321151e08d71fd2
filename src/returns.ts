import type { Machine, Transfer } from "./machine/index.ts";

/** A RET that did not go back to where its CALL came from. */
export interface Astray {
  /** The address of the RET. */
  readonly from: number;
  readonly to: number;
  /** The return address that the innermost CALL under way had pushed. */
  readonly expected: number;
}

/**
 * Watches CALL and RET beside the stack itself: what each CALL pushed, and whether a RET goes there. Told of each
 * behind it, it says when a RET went elsewhere, and when the outermost routine is back.
 *
 * A program may unwind its stack or throw return addresses away (`add esp, 4`): calls whose place on the stack is
 * below that of the RET are over. What it may not do is to use RET as a jump.
 */
export class ReturnWatch {
  /** Set when `told` answered true for that reason. */
  astray: Astray | undefined;
  readonly #machine: Machine;
  /** Where each call under way put its return address, outermost first. */
  readonly #calls: { readonly at: number; readonly address: number }[];

  /** The machine stands at the routine's first instruction, with `returnAddress` at ESP. */
  constructor(machine: Machine, returnAddress: number) {
    this.#machine = machine;
    this.#calls = [{ at: machine.cpu.esp, address: returnAddress }];
  }

  /** The machine's `TransferHook`; true = stop here. */
  told(kind: Transfer, from: number, esp: number): boolean {
    const { memory, cpu } = this.#machine;
    const calls = this.#calls;
    if (kind === "call") {
      calls.push({ at: cpu.esp, address: memory.u32(cpu.esp) ?? 0 });
      return false;
    }
    while (calls.length > 1 && calls.at(-1)!.at < esp) calls.pop();
    const { address: expected } = calls.at(-1)!;
    if (cpu.eip === expected) {
      calls.pop();
      return calls.length === 0;
    }
    this.astray = { from, to: cpu.eip, expected };
    return true;
  }
}
