/**
 * MMX registers while a block is being lowered: as values, with their stores put off to the end of the block and to
 * its exits. They are the significands of the x87's registers by their own numbers; an instruction that writes one
 * sets its sign and exponent, and every one but EMMS makes all of them valid and the top 0. SDM vol. 1, 9.5.1.
 */
import { STATE } from "../cpu/state.ts";
import { I64, W } from "../wasm/index.ts";
import type { Builder, LateStore, Procrastinator, Value } from "./ir.ts";

/** Status word: an unmasked exception waits; which register is the top. */
const ES = 0x80;
const TOP = 0x3800;
const ALL_VALID = 0xff;

export class MmxRegisters implements Procrastinator {
  readonly #b: Builder;
  readonly #status: Value;
  readonly #values = new Map<number, Value>();
  readonly #written = new Set<number>();
  #valid: number | undefined;
  #stores: readonly LateStore[] | undefined;

  /** Leaves before the present instruction where an x87 exception waits: no instruction of MMX makes one. */
  constructor(b: Builder) {
    this.#b = b;
    this.#status = b.load(W.i32_load, b.const(0), STATE.X87_STATUS);
    b.leave(b.pure(W.i32_and, this.#status, b.const(ES)));
  }

  /** A vector whose first 8 bytes are what the register holds. */
  read(register: number): Value {
    let value = this.#values.get(register);
    if (value === undefined) {
      value = this.#b.load(W.v128_load64_zero, this.#b.const(0), STATE.X87 + 16 * register);
      this.#values.set(register, value);
    }
    return value;
  }

  write(register: number, value: Value): void {
    this.#values.set(register, value);
    this.#written.add(register);
    this.executed();
  }

  /** An instruction was executed: of MMX, or EMMS. */
  executed(valid = ALL_VALID): void {
    this.#valid = valid;
    this.#stores = undefined;
  }

  late(): readonly LateStore[] {
    return (this.#stores ??= this.#valid === undefined ? [] : this.#made(this.#valid));
  }

  #made(valid: number): LateStore[] {
    const b = this.#b;
    const address = b.const(0);
    const stores: LateStore[] = [];
    for (const register of this.#written) {
      const offset = STATE.X87 + 16 * register;
      const value = b.pureWith(W.i64x2_extract_lane, I64, [0], this.#values.get(register)!);
      stores.push({ opcode: W.i64_store, address, value, offset });
      stores.push({ opcode: W.i32_store16, address, value: b.const(0xffff), offset: offset + 8 });
    }
    const status = b.pure(W.i32_and, this.#status, b.const(~TOP));
    stores.push({ opcode: W.i32_store, address, value: status, offset: STATE.X87_STATUS });
    stores.push({ opcode: W.i32_store, address, value: b.const(valid), offset: STATE.X87_VALID });
    return stores;
  }
}

/** The registers of MMX in the present block. */
export function mmxRegisters(b: Builder): MmxRegisters {
  if (b.procrastinator instanceof MmxRegisters) return b.procrastinator;
  b.catchUp();
  const registers = new MmxRegisters(b);
  b.procrastinator = registers;
  return registers;
}
