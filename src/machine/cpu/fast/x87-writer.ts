/** What the fast functions of the x87 are made of: registers in the state page, status and control word. */
import { type Expression, type Local, WasmFunction, wasm } from "../../wasm/index.ts";
import { STATE } from "../state.ts";

const { i32, i64, sequence, when, giveBack } = wasm;

export const STATE_PAGE = i32.const(0);
const FAILED = giveBack(i32.const(0));
const DONE = giveBack(i32.const(1));

export const TOP_BIT = i64.const(1n << 63n);
export const ZERO = i64.const(0n);
export const ONE = i64.const(1n);
/** Bits of the status word. */
export const ES = 0x80;
export const C0 = 0x100;
export const C1 = 0x200;
export const C3 = 0x4000;
export const CODES = 0x4500;
export const PE = 0x20;
const TOP_STEP = 0x800;
const TOP_MASK = 0x3800;
/** All masks, precision 64 (or reserved, which means the same), rounding to nearest. */
const CONTROL_BITS = 0x0d3f;
const CONTROL_WANTED = 0x013f;
export const SIGN = 0x8000;
export const EXPONENT = 0x7fff;
export const BIAS = 0x3fff;
export const DOUBLE_BIAS = 1023;
export const SINGLE_BIAS = 127;

/** A number taken apart: significand (i64) and sign with exponent (i32). */
export interface Parts {
  readonly significand: Local;
  readonly head: Local;
}

/** What most functions need. */
export class Writer {
  readonly made: WasmFunction;
  readonly status: Local;
  /** Sixteen times the physical number of the top. */
  readonly top: Local;
  /** Status bits that the operation raises. */
  readonly raised: Local;

  readonly #failed: Expression;

  /** `instruction`: works on registers; `value`: on numbers that are given and given back. */
  constructor(kind: "instruction" | "value" = "instruction") {
    this.made =
      kind === "instruction"
        ? new WasmFunction(["i32", "i32", "i32"], ["i32"])
        : new WasmFunction(["i64", "i32", "i64", "i32"], ["i64"]);
    this.#failed =
      kind === "instruction"
        ? FAILED
        : sequence(i32.store(STATE_PAGE, i32.const(-1), STATE.X87_RESULT), giveBack(ZERO));
    this.status = this.made.local("i32");
    this.top = this.made.local("i32");
    this.raised = this.made.local("i32");
  }

  failIf(condition: Expression): Expression {
    return when(condition, this.#failed);
  }

  parts(): Parts {
    return { significand: this.made.local("i64"), head: this.made.local("i32") };
  }

  /** Looks at status and control word. `rounds`: rounding has to be as above; else only the masks count. */
  begin(wanted: "nothing" | "masks" | "rounding"): void {
    const { status, top } = this;
    const bits = wanted === "rounding" ? CONTROL_BITS : 0x3f;
    const trouble = i32.and(status.tee(i32.load(STATE_PAGE, STATE.X87_STATUS)), i32.const(ES));
    this.made.add(
      this.failIf(
        wanted === "nothing"
          ? trouble
          : i32.or(
              trouble,
              i32.xor(
                i32.and(i32.load(STATE_PAGE, STATE.X87_CONTROL), i32.const(bits)),
                i32.const(bits & CONTROL_WANTED),
              ),
            ),
      ),
      top.set(i32.and(i32.shr_u(status.get, i32.const(7)), i32.const(0x70))),
    );
  }

  /** Where register `i` is, relative to STATE.X87. */
  slot(i: Expression): Expression {
    return i32.and(i32.add(this.top.get, i32.shl(i, i32.const(4))), i32.const(0x70));
  }

  failIfEmpty(slot: Expression): void {
    this.made.add(this.failIf(i32.eqz(this.#valid(slot))));
  }

  failIfFull(slot: Expression): void {
    this.made.add(this.failIf(this.#valid(slot)));
  }

  #valid(slot: Expression): Expression {
    const number = i32.shr_u(slot, i32.const(4));
    return i32.and(i32.shr_u(i32.load(STATE_PAGE, STATE.X87_VALID), number), i32.const(1));
  }

  read(slot: Expression, { significand, head }: Parts): void {
    this.made.add(significand.set(i64.load(slot, STATE.X87)), head.set(i32.load16_u(slot, STATE.X87 + 8)));
  }

  write(slot: Expression, { significand, head }: Parts): void {
    this.made.add(i64.store(slot, significand.get, STATE.X87), i32.store(slot, head.get, STATE.X87 + 8));
  }

  /** Ends with what was raised; `cleared` are codes that `raised` replaces, `pops` the number of registers taken off. */
  end(cleared: number = C1, pops?: Expression, answer: Expression = i32.const(1)): void {
    const { status, raised } = this;
    const next = i32.or(i32.and(status.get, i32.const(~cleared)), raised.get);
    if (!pops) {
      this.made.add(i32.store(STATE_PAGE, next, STATE.X87_STATUS), giveBack(answer));
      return;
    }
    const moved = i32.and(i32.add(status.get, i32.mul(pops, i32.const(TOP_STEP))), i32.const(TOP_MASK));
    this.made.add(
      i32.store(
        STATE_PAGE,
        i32.or(
          i32.and(i32.or(i32.and(status.get, i32.const(~cleared)), raised.get), i32.const(~TOP_MASK)),
          moved,
        ),
        STATE.X87_STATUS,
      ),
      // Of the top and the one below it, as many become empty as are popped.
      i32.store(
        STATE_PAGE,
        i32.and(
          i32.load(STATE_PAGE, STATE.X87_VALID),
          i32.xor(
            i32.or(
              i32.shl(i32.ne(pops, i32.const(0)), i32.shr_u(this.top.get, i32.const(4))),
              i32.shl(i32.gt_u(pops, i32.const(1)), i32.shr_u(this.slot(i32.const(1)), i32.const(4))),
            ),
            i32.const(-1),
          ),
        ),
        STATE.X87_VALID,
      ),
      giveBack(answer),
    );
  }

  /** Ends a load: the number becomes the new top, which must have been empty. */
  push(value: Parts): void {
    const { status, made } = this;
    const slot = made.local("i32");
    made.add(slot.set(this.slot(i32.const(-1))));
    this.failIfFull(slot.get);
    this.write(slot.get, value);
    made.add(
      i32.store(
        STATE_PAGE,
        i32.or(
          i32.load(STATE_PAGE, STATE.X87_VALID),
          i32.shl(i32.const(1), i32.shr_u(slot.get, i32.const(4))),
        ),
        STATE.X87_VALID,
      ),
      i32.store(
        STATE_PAGE,
        i32.or(i32.and(status.get, i32.const(~(C1 | TOP_MASK))), i32.shl(slot.get, i32.const(7))),
        STATE.X87_STATUS,
      ),
      DONE,
    );
  }
}
