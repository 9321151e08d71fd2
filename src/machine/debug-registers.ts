/**
 * DR0 to DR3, DR6 and DR7, for whoever debugs the machine: user code cannot reach them. SDM vol. 3B, 17.2.
 */
import type { Access } from "./memory/memory.ts";

/** R/W fields of DR7: what a breakpoint is for. The fourth, 2, is for I/O ports, which user code has not. */
const EXECUTE = 0;
const WRITE = 1;
const READ_OR_WRITE = 3;

/** LEN fields of DR7: bytes at the address. */
const LENGTHS = [1, 2, 8, 4] as const;

/** DR6: a single step was taken. */
export const BS = 1 << 14;

/** Bits of DR6 that read as one, and of DR7. */
const DR6_ALWAYS = 0xffff_0ff0 | 0;
const DR7_ALWAYS = 0x400;

/** Registers as unsigned numbers; breakpoint n is on when bit 2n or 2n + 1 of DR7 is set. */
export class DebugRegisters {
  readonly #addresses = new Uint32Array(4);
  #dr6 = DR6_ALWAYS;
  #dr7 = DR7_ALWAYS;
  readonly #changed: () => void;

  /** `changed` is told when breakpoints may have come or gone. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The address of breakpoint 0 to 3. */
  address(number: number): number {
    return this.#addresses[number]!;
  }

  setAddress(number: number, address: number): void {
    if (!(number in this.#addresses)) throw new RangeError(`there is no breakpoint ${number}: 0 to 3 are`);
    this.#addresses[number] = address;
    this.#changed();
  }

  /** Why the last #DB came: bits 0 to 3 for the breakpoints, 14 for a single step. Only its reader clears it. */
  get dr6(): number {
    return this.#dr6 >>> 0;
  }
  set dr6(value: number) {
    this.#dr6 = value | DR6_ALWAYS;
  }

  /** Which breakpoints are on (bits 0 to 7), and the kind and length of each (two bits each from 16 on). */
  get dr7(): number {
    return this.#dr7 >>> 0;
  }
  set dr7(value: number) {
    this.#dr7 = value | DR7_ALWAYS;
    this.#changed();
  }

  /** Whether any breakpoint is on. */
  get active(): boolean {
    return (this.#dr7 & 0xff) !== 0;
  }

  #isOn(number: number): boolean {
    return (this.#dr7 & (3 << (2 * number))) !== 0;
  }

  #kind(number: number): number {
    return (this.#dr7 >>> (16 + 4 * number)) & 3;
  }

  /** The bytes that breakpoint `number` covers: its address is taken as aligned to them. SDM vol. 3B, 17.2.5. */
  #range(number: number): { start: number; end: number } {
    const length = LENGTHS[(this.#dr7 >>> (18 + 4 * number)) & 3]!;
    const address = this.#addresses[number]!;
    const start = address - (address % length);
    return { start, end: start + length };
  }

  /** DR6's bits for the breakpoints that stop an instruction at this address (unsigned) from being executed. */
  executed(address: number): number {
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      if (this.#isOn(i) && this.#kind(i) === EXECUTE && this.#addresses[i] === address) hits |= 1 << i;
    }
    return hits;
  }

  /** DR6's bits for the breakpoints that this access touches. */
  accessed(access: Access, address: number, length: number): number {
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      const kind = this.#kind(i);
      if (!this.#isOn(i) || !(kind === READ_OR_WRITE || (kind === WRITE && access === "write"))) continue;
      const { start, end } = this.#range(i);
      if (address < end && address + length > start) hits |= 1 << i;
    }
    return hits;
  }

  /** What must be watched for `accessed` to hear of it. */
  get watched(): { start: number; end: number; read: boolean; write: boolean }[] {
    return [0, 1, 2, 3]
      .filter((i) => this.#isOn(i) && (this.#kind(i) === WRITE || this.#kind(i) === READ_OR_WRITE))
      .map((i) => ({ ...this.#range(i), read: this.#kind(i) === READ_OR_WRITE, write: true }));
  }

  /** Adds bits to DR6. */
  report(bits: number): void {
    this.#dr6 |= bits;
  }
}
