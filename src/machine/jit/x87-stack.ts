/**
 * The x87's registers while a block is being lowered: as values, with their stores put off to the end of the block
 * and to its exits. Registers go by their distance from what was the top as the block first looked, modulo 8. Which one
 * the top is, is guessed (guesses.ts) and looked at, so that the registers have constant addresses; where it proved to
 * change, nothing about the top need be known. PE is guessed too when it is set. Validity is looked at once for each
 * register that the block touches.
 */
import type { Operation } from "../cpu/operation.ts";
import { CS, STATE } from "../cpu/state.ts";
import { W } from "../wasm/index.ts";
import type { Builder, Changeable, LateStore, Procrastinator, Value } from "./ir.ts";
import type { Lowering } from "./lower.ts";

/** A register: significand (I64), sign and exponent (I32; what is above their 16 bits does not count). */
export interface Number80 {
  readonly significand: Value;
  readonly head: Value;
}

/** What an instruction does to the status word. */
export interface Raised {
  /** PE and C1 as status bits; undefined for none. */
  readonly raised?: Value | undefined;
  /** C0, C2 and C3, where it changes them. */
  readonly codes?: Value | undefined;
  readonly keepsC1?: boolean;
}

/** Status word. */
const ES = 0x80;
const C1 = 0x200;
const CODES = 0x4500;
const TOP = 0x3800;
const TOP_SHIFT = 11;
const PE = 0x20;
/** Control word: all masks, precision 64 (or reserved, which means the same), rounding to nearest. */
const CONTROL_BITS = 0x0d3f;
const CONTROL_WANTED = 0x013f;

export class X87Stack implements Procrastinator {
  readonly #b: Builder;
  readonly l: Lowering;
  readonly #status: Value;
  /** The physical number of the first top, if that is guessed. */
  readonly #known: number | undefined;
  /** PE is set, and what was rounded need not be told. */
  readonly isSticky: boolean;
  /** Validity by distance, bit n of the eight; by physical number where the top is known. */
  readonly #valid: Value;
  /** The bits that are looked at and what they must be, in a comparison that may still be told of more. */
  #look: { readonly mask: Changeable; readonly wanted: Changeable; readonly parts: number } | undefined;
  /** Sixteen times the physical number of the first top. */
  readonly #place: Value;
  readonly #codeSelector: Value;
  /** The condition to leave that comes with the first instruction. */
  #wrong: Value | undefined;
  /** How far the top has moved. */
  #top = 0;
  readonly #numbers = new Map<number, Number80>();
  readonly #written = new Set<number>();
  /** Validity as far as it is known: now, and at the first look. */
  readonly #isValid = new Map<number, boolean>();
  readonly #wasValid = new Map<number, boolean>();
  /** Registers that have become valid and empty since the first look. */
  #nowValid = 0;
  #nowEmpty = 0;
  /** What was raised by the instructions so far, and by the last that changed C1. */
  #raised: Value | undefined;
  #last: Value | undefined;
  #codes: Value | undefined;
  /** Bits of the status word that are no longer what they were. */
  #replaced = 0;
  #executed = false;
  #operation: Operation | undefined;
  #operand: readonly [address: Value, selector: Value] | undefined;
  #stores: readonly LateStore[] | undefined;

  constructor(l: Lowering) {
    const { b } = l;
    this.#b = b;
    this.l = l;
    const load = (at: number): Value => b.load(W.i32_load, b.const(0), at);
    this.#status = load(STATE.X87_STATUS);
    const status = this.#status;
    const guess = l.x87Guess();
    this.#known = guess.top;
    this.isSticky = guess.isSticky;
    this.#wrong = b.pure(
      W.i32_or,
      b.pure(W.i32_xor, b.pure(W.i32_and, status, b.const(ES | guess.mask)), b.const(guess.value)),
      b.pure(
        W.i32_xor,
        b.pure(W.i32_and, load(STATE.X87_CONTROL), b.const(CONTROL_BITS)),
        b.const(CONTROL_WANTED),
      ),
    );
    this.#place =
      guess.top === undefined
        ? b.pure(W.i32_and, b.pure(W.i32_shr_u, status, b.const(7)), b.const(0x70))
        : b.const(16 * guess.top);
    const valid = load(STATE.X87_VALID);
    this.#valid =
      guess.top !== undefined
        ? valid
        : b.pure(
            W.i32_shr_u,
            b.pure(W.i32_mul, valid, b.const(0x101)),
            b.pure(W.i32_shr_u, this.#place, b.const(4)),
          );
    this.#codeSelector = load(STATE.SELECTORS + 4 * CS);
  }

  /** The register `i` below the top. */
  distance(i: number): number {
    return (this.#top + i) & 7;
  }

  /**
   * What must hold: these registers valid, those empty. Leaves before the instruction otherwise. Answers false, when
   * that is known not to be so, and then does nothing.
   */
  demand(valid: readonly number[], empty: readonly number[]): boolean {
    let mask = 0;
    let wanted = 0;
    // FLD ST(7) wants one register both ways.
    if (valid.some((distance) => empty.includes(distance))) return false;
    for (const [list, is] of [
      [valid, true],
      [empty, false],
    ] as const) {
      for (const distance of list) {
        const known = this.#isValid.get(distance);
        if (known === !is) return false;
        if (known === is) continue;
        mask |= this.#bit(distance);
        if (is) wanted |= this.#bit(distance);
      }
    }
    if (mask !== 0) this.#lookAt(mask, wanted);
    for (const distance of valid) this.#found(distance, true);
    for (const distance of empty) this.#found(distance, false);
    return true;
  }

  /** Of a register in VALID. */
  #bit(distance: number): number {
    return 1 << ((distance + (this.#known ?? 0)) & 7);
  }

  /** What was at the first look can be looked at then, unless a way that parts since has no need of it. */
  #lookAt(bits: number, value: number): void {
    const b = this.#b;
    const parts = b.block.parts.length;
    if (this.#look?.parts === parts) {
      this.#look.mask.number |= bits;
      this.#look.wanted.number |= value;
      return;
    }
    const [mask, wanted] = [b.changeable(bits), b.changeable(value)];
    this.#look = { mask, wanted, parts };
    const other = b.pure(W.i32_ne, b.pure(W.i32_and, this.#valid, mask), wanted);
    b.leave(this.#wrong === undefined ? other : b.pure(W.i32_or, this.#wrong, other));
    this.#wrong = undefined;
  }

  #found(distance: number, valid: boolean): void {
    if (this.#isValid.has(distance)) return;
    this.#isValid.set(distance, valid);
    this.#wasValid.set(distance, valid);
  }

  read(distance: number): Number80 {
    const known = this.#numbers.get(distance);
    if (known) return known;
    const b = this.#b;
    const at = this.#at(distance);
    const number = {
      significand: b.load(W.i64_load, at, STATE.X87),
      head: b.load(W.i32_load16_u, at, STATE.X87 + 8),
    };
    this.#numbers.set(distance, number);
    return number;
  }

  #at(distance: number): Value {
    const b = this.#b;
    if (distance === 0) return this.#place;
    return b.pure(W.i32_and, b.pure(W.i32_add, this.#place, b.const(16 * distance)), b.const(0x70));
  }

  // What an instruction does, when nothing can keep it from being done any more ---------------------------------

  write(distance: number, number: Number80): void {
    this.#numbers.set(distance, number);
    this.#written.add(distance);
    this.#setValid(distance, true);
  }

  push(number: Number80): void {
    this.#top = (this.#top - 1) & 7;
    this.write(this.#top, number);
  }

  pop(): void {
    this.#setValid(this.#top, false);
    this.#top = (this.#top + 1) & 7;
  }

  #setValid(distance: number, valid: boolean): void {
    this.#isValid.set(distance, valid);
    const bit = this.#bit(distance);
    this.#nowValid &= ~bit;
    this.#nowEmpty &= ~bit;
    if (this.#wasValid.get(distance) === valid) return;
    if (valid) this.#nowValid |= bit;
    else this.#nowEmpty |= bit;
  }

  /** `operand`: address and selector of the operand. */
  executed(
    op: Operation,
    { raised, codes, keepsC1 = false }: Raised = {},
    operand?: readonly [address: Value, selector: Value],
  ): void {
    this.#executed = true;
    if (!keepsC1) {
      this.#last = raised;
      this.#replaced |= C1;
    }
    if (codes !== undefined) {
      this.#codes = codes;
      this.#replaced |= CODES;
    }
    if (this.#known !== undefined) this.l.top = (this.#known + this.#top) & 7;
    if (raised && !this.isSticky)
      this.#raised = this.#raised ? this.#b.pure(W.i32_or, this.#raised, raised) : raised;
    this.#operation = op;
    if (operand) this.#operand = operand;
    this.#stores = undefined;
  }

  /** The status word as it is now. */
  status(): Value {
    const b = this.#b;
    const moves = this.#top !== 0;
    let next = b.pure(W.i32_and, this.#status, b.const(~(this.#replaced | (moves ? TOP : 0))));
    const add = (bits: Value): void => {
      next = b.pure(W.i32_or, next, bits);
    };
    if (moves && this.#known !== undefined) add(b.const(((this.#known + this.#top) & 7) << TOP_SHIFT));
    else if (moves) {
      const moved = b.pure(W.i32_add, this.#status, b.const(this.#top << TOP_SHIFT));
      add(b.pure(W.i32_and, moved, b.const(TOP)));
    }
    if (this.#raised) add(b.pure(W.i32_and, this.#raised, b.const(PE)));
    if (this.#last) add(b.pure(W.i32_and, this.#last, b.const(C1)));
    if (this.#codes) add(this.#codes);
    return next;
  }

  late(): readonly LateStore[] {
    return (this.#stores ??= this.#executed ? this.#made() : []);
  }

  #made(): LateStore[] {
    const b = this.#b;
    const zero = b.const(0);
    const stores: LateStore[] = [];
    const word = (offset: number, value: Value): void => {
      stores.push({ opcode: W.i32_store, address: zero, value, offset });
    };
    for (const distance of this.#written) {
      const address = this.#at(distance);
      const { significand, head } = this.#numbers.get(distance)!;
      stores.push({ opcode: W.i64_store, address, value: significand, offset: STATE.X87 });
      stores.push({ opcode: W.i32_store16, address, value: head, offset: STATE.X87 + 8 });
    }
    word(STATE.X87_STATUS, this.status());
    if (this.#nowValid !== 0 || this.#nowEmpty !== 0) {
      const changed = b.pure(
        W.i32_or,
        b.pure(W.i32_and, this.#valid, b.const(0xff & ~this.#nowEmpty)),
        b.const(this.#nowValid),
      );
      word(STATE.X87_VALID, this.#known === undefined ? this.#turnedBack(changed) : changed);
    }
    word(STATE.X87_OPCODE, b.const(this.#operation!.extra));
    word(STATE.X87_INSTRUCTION, b.const(this.#operation!.address));
    word(STATE.X87_INSTRUCTION_SELECTOR, this.#codeSelector);
    if (this.#operand) {
      word(STATE.X87_OPERAND, this.#operand[0]);
      word(STATE.X87_OPERAND_SELECTOR, this.#operand[1]);
    }
    return stores;
  }

  /** Validity by distance as it is by number: twice, and turned back, what is wanted is the lower byte. */
  #turnedBack(valid: Value): Value {
    const b = this.#b;
    const turn = b.pure(W.i32_sub, b.const(8), b.pure(W.i32_shr_u, this.#place, b.const(4)));
    const twice = b.pure(W.i32_mul, valid, b.const(0x101));
    return b.pure(W.i32_and, b.pure(W.i32_shr_u, twice, turn), b.const(0xff));
  }
}
