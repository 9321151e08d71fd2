import type { Machine } from "./machine/index.ts";

/** A RET that did not go back to where its CALL came from. */
export interface Astray {
  /** The address of the RET. */
  readonly from: number;
  readonly to: number;
  /** The return address that the innermost CALL under way had pushed. */
  readonly expected: number;
}

/**
 * Watches CALL and RET beside the stack itself: what each CALL pushed, and whether a RET goes there. Asked before
 * each instruction, it tells when a RET went elsewhere, and when the outermost routine is back.
 *
 * A program may unwind its stack or throw return addresses away (`add esp, 4`): calls whose place on the stack is
 * below that of the RET are over. What it may not do is to use RET as a jump.
 */
export class ReturnWatch {
  /** Set when `before` answered true for that reason. */
  astray: Astray | undefined;
  readonly #machine: Machine;
  /** Where each call under way put its return address, outermost first. */
  readonly #calls: { readonly at: number; readonly address: number }[];
  #pending: "call" | Astray | undefined;

  /** The machine stands at the routine's first instruction, with `returnAddress` at ESP. */
  constructor(machine: Machine, returnAddress: number) {
    this.#machine = machine;
    this.#calls = [{ at: machine.cpu.esp, address: returnAddress }];
  }

  /** Looks at the instruction about to be executed at `address`; true = stop here. */
  before(address: number): boolean {
    const { memory, cpu } = this.#machine;
    if (this.#pending === "call") {
      this.#calls.push({ at: cpu.esp, address: memory.u32(cpu.esp) ?? 0 });
    } else if (this.#pending) {
      this.astray = this.#pending;
      return true;
    }
    this.#pending = undefined;
    if (this.#calls.length === 0) return true;
    const kind = kindAt((at) => memory.u8(at), address);
    if (kind === "call") this.#pending = "call";
    else if (kind === "ret") this.#ret(address);
    return false;
  }

  #ret(from: number): void {
    const { memory, cpu } = this.#machine;
    const to = memory.u32(cpu.esp);
    if (to === undefined) return; // the RET itself will fault
    const calls = this.#calls;
    while (calls.length > 1 && calls.at(-1)!.at < cpu.esp) calls.pop();
    const { address: expected } = calls.at(-1)!;
    if (to === expected) calls.pop();
    else this.#pending = { from, to, expected };
  }
}

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** SDM vol. 2: an instruction has at most 15 bytes. */
const LONGEST = 15;

/** CALL: E8, FF /2; RET: C3, C2. Far calls and returns are left alone: a flat program has none. */
function kindAt(u8: (at: number) => number | undefined, address: number): "call" | "ret" | undefined {
  let at = address;
  let byte = u8(at);
  while (byte !== undefined && PREFIXES.has(byte) && at - address < LONGEST) byte = u8(++at);
  if (byte === 0xe8) return "call";
  if (byte === 0xc3 || byte === 0xc2) return "ret";
  return byte === 0xff && (((u8(at + 1) ?? 0) >> 3) & 7) === 2 ? "call" : undefined;
}
