/** What the instructions of AVX have in common in how FASM reads them: vectors, masks, broadcasts, rounding, a fourth register. */
import type { Message } from "../messages.ts";
import {
  BROADCAST,
  MASK,
  MASKING,
  MEMORY,
  type Operand,
  REGISTER,
  ROUNDING,
  registerClass,
  registerNumber,
  registerSizes,
  UNCLOSED,
  XMM,
  YMM,
  ZEROING,
  ZMM,
} from "../operand.ts";
import { type Candidate, sizeIn } from "./plan.ts";
import { fail, isRegister, Reader } from "./reader.ts";

/** What FASM's reader of an instruction is told beforehand. */
interface Traits {
  /** Bytes of a scalar in memory, or of the only length there is; 0 where memory is as long as the registers. */
  unit: number;
  /** Bytes of an element that may be broadcast, or 0. */
  element: number;
  /** No second source. */
  single: boolean;
  /** A number at the end; or a fourth register: behind memory only, on either side of it, or either with a number. */
  last: "none" | "number" | "register" | "either" | "eitherAndNumber";
  rounds: boolean;
  suppresses: boolean;
  masks: boolean;
  zeroes: boolean;
  /** Only EVEX has it; EVEX has it not; neither VEX nor EVEX. */
  evex: boolean;
  noEvex: boolean;
  /** Addresses have vectors of indexes. */
  gathers: boolean;
}

export function traitsOf(candidates: readonly Candidate[]): Traits {
  const forms = candidates.map((row) => row.form);
  const has = (attribute: string) => forms.some((form) => form.attributes.has(attribute));
  const memories = candidates.flatMap(({ form, v }) => {
    const rm = form.operands[form.places.indexOf("rm")];
    const bytes = rm === undefined ? 0 : sizeIn(rm.memorySize, v);
    return bytes === 0 ? [] : [[bytes, form.vectorLength / 8] as const];
  });
  const [bytes = 0, length = 0] = memories[0] ?? [];
  const only = memories.every(([, other]) => other === length) && length !== 32;
  const evex = forms.some((form) => form.encoding === "evex");
  const fourth = forms.filter((form) => form.places.includes("is4"));
  return {
    unit: bytes < length || length === 0 || only ? bytes : 0,
    element: has("b8") ? 8 : has("b4") ? 4 : 0,
    single: forms.every((form) => !form.places.includes("vvvv")),
    last:
      fourth.length === 0
        ? forms.some((form) => form.operands.at(-1)?.kind === "imm")
          ? "number"
          : "none"
        : fourth.some((form) => form.operands.at(-1)?.kind === "imm")
          ? "eitherAndNumber"
          : fourth.some((form) => form.places.indexOf("is4") < form.places.indexOf("rm"))
            ? "either"
            : "register",
    rounds: has("er"),
    suppresses: has("er") || has("sae"),
    masks: !evex || has("mask"),
    zeroes: true,
    evex: forms.every((form) => form.encoding === "evex"),
    noEvex: !evex,
    gathers: false,
  };
}

export class VectorReader extends Reader {
  readonly traits: Traits;
  unit: number;
  #element: number;
  needsEvex: boolean;
  #noEvex: boolean;
  #indexed = false;
  #unindexable = false;
  #address = false;
  #unsized = false;

  constructor(operands: readonly Operand[], count: number, bits: number, trap: number, traits: Traits) {
    super(operands, count, bits, trap);
    this.traits = traits;
    this.unit = traits.unit;
    this.#element = traits.element;
    this.needsEvex = traits.evex;
    this.#noEvex = traits.noEvex;
  }

  forbidEvex(): void {
    this.#noEvex = true;
  }

  /** A vector register's bytes. */
  vector(operand: Operand): number {
    const kind = registerClass(operand.register);
    if (operand.kind !== REGISTER || kind < XMM || kind > ZMM) fail("invalidOperand");
    const number = registerNumber(operand.register);
    if (number > 7 && !this.isLong) fail("invalidOperand");
    if (number > 15) this.needsEvex = true;
    const bytes = registerSizes[kind]!;
    this.match(bytes);
    return bytes;
  }

  takeVector(): number {
    return this.vector(this.thing());
  }

  mask(operand: Operand): void {
    if (operand.kind !== REGISTER || registerClass(operand.register) !== MASK) fail("invalidOperand");
  }

  override memory(operand: Operand): void {
    super.memory(operand);
    this.#address = true;
    this.#indexed = registerClass(operand.index) >= XMM;
    // ESP and RSP are no indexes.
    this.#unindexable = !this.#indexed && operand.index !== 0 && registerNumber(operand.index) === 4;
    if (this.#indexed && registerNumber(operand.index) > 7) this.extended = true;
  }

  #next(): number | undefined {
    return this.peek().decorators[this.decorator];
  }

  /** {k1}{z} behind the destination. */
  takeMask(masks = this.traits.masks, zeroes = this.traits.zeroes): void {
    let code = this.#next();
    if (code === undefined) return;
    if (!masks || code <= MASKING || code > MASKING + 7) fail("invalidOperand");
    this.needsEvex = true;
    this.decorator++;
    code = this.#next();
    if (code === undefined) return;
    if (!zeroes || code !== ZEROING) fail("invalidOperand");
    this.decorator++;
  }

  get masked(): boolean {
    return this.decorator > 0;
  }

  takeRounding(): void {
    const { rounds, suppresses } = this.traits;
    if (!suppresses || (rounds && this.unit === 0 && this.size !== 64)) return;
    const next = this.follows();
    if (next?.kind !== ROUNDING) return;
    this.needsEvex = true;
    if (rounds ? next.rounding < 0 || next.rounding > 3 : next.rounding !== 4) fail("invalidOperand");
    this.at++;
    this.decorator = 0;
  }

  /** The last source; whether it is in memory. */
  takeSource(): boolean {
    const outer = this.size;
    this.size = 0;
    const operand = this.thing();
    if (operand.kind === MEMORY) {
      this.takeMemory(operand, outer);
      return true;
    }
    if (!isRegister(operand)) fail("invalidOperand");
    // The size that was written before a register is forgotten.
    this.size = outer;
    const bytes = this.vector(operand);
    if (outer === 0 && this.unit !== 0 && bytes !== this.unit && (bytes < this.unit || bytes !== 16))
      fail("invalidOperandSize");
    return false;
  }

  takeMemory(operand: Operand, outer: number): void {
    this.memory(operand);
    const code = this.#next();
    if (code !== undefined) {
      if ((code & ~UNCLOSED) >> 4 !== BROADCAST >> 4) fail("invalidOperand");
      const written = code & 0xf;
      const whole = this.unit !== 0 ? this.unit : outer;
      this.unit = this.#element;
      if (whole === 0) outer = (this.#element << written) & 0xff;
      else {
        if (this.#element === 0) fail("invalidOperand");
        if (Math.log2(lowestBit(whole)) - Math.log2(this.#element) !== written) fail("invalidOperandSize");
      }
      this.needsEvex = true;
      if ((code & UNCLOSED) !== 0) fail("invalidOperand");
      this.decorator++;
    }
    const own = this.size;
    if (outer !== 0) {
      this.size = outer;
      if (this.unit !== 0) this.#enforce(own);
      else if (own !== 0 && own !== outer) fail("operandSizesDoNotMatch");
    } else if (this.unit !== 0) this.#enforce(own);
    else if (own === 0) this.#unsized = true;
    else if (own !== 16 && own !== 32 && own !== 64) fail("invalidOperandSize");
  }

  #enforce(own: number): void {
    if (own !== 0 && own !== this.unit) fail("invalidOperandSize");
  }

  missSize(): void {
    this.#unsized = true;
  }

  /** All has been read, and FASM finds out whether there is such an encoding. */
  override ready(): void {
    this.written = true;
    const misses = this.#address && this.#indexed !== this.traits.gathers;
    if (misses || this.#unindexable) fail("invalidAddress");
    if (this.highByte) fail("invalidOperand");
    if ((this.needsEvex || this.size === 64) && this.#noEvex) fail("invalidOperand");
    if (this.extended && !this.isLong) fail("invalidOperand");
  }

  /** What is left on the line, or of a size that nothing told. */
  override end(): Message | undefined {
    return super.end() ?? (this.#unsized ? "operandSizeNotSpecified" : undefined);
  }

  /** A register in the upper half of the last byte. */
  fourth(operand: Operand): void {
    this.vector(operand);
    if (registerNumber(operand.register) > 15) fail("invalidOperand");
  }

  fourthNumber(): void {
    if (this.traits.last !== "eitherAndNumber") return;
    this.comma();
    const number = this.unsized();
    this.value(number);
    // One that is no byte FASM takes for 0, and goes on.
    const isByte = number.value >= -0x100 && number.value <= 0xff;
    if (isByte && (number.low & 0xf0) !== 0) fail("valueOutOfRange");
  }

  /** Most of them: destination with its mask, a source in a register, a source anywhere, and what may come last. */
  common(): void {
    const operand = this.thing();
    if (!isRegister(operand)) fail("invalidOperand");
    this.commonBehind(operand);
  }

  commonBehind(destination: Operand): void {
    this.vector(destination);
    this.takeMask();
    this.sources();
  }

  sources(): void {
    if (!this.traits.single) {
      this.comma();
      this.takeVector();
    }
    this.lastSource();
  }

  lastSource(): void {
    const { size, unit } = this;
    if (unit !== 0 && size !== 0 && unit !== size && (unit > size || size !== 16)) fail("invalidOperandSize");
    this.comma();
    this.source();
  }

  source(): void {
    const { last } = this.traits;
    const isMemory = this.takeSource();
    if (!isMemory) {
      const register = this.peek();
      this.takeRounding();
      if (last === "number") this.number(false);
      else if (last === "none") this.ready();
      else {
        this.comma();
        if (registerNumber(register.register) > 15) fail("invalidOperand");
        if (this.takeSource()) {
          if (last === "register") fail("invalidOperand");
        } else this.fourth(this.peek());
        this.fourthNumber();
        this.ready();
      }
    } else if (last === "number") this.number(true);
    else {
      if (last !== "none") {
        this.comma();
        this.fourth(this.thing());
        this.fourthNumber();
      }
      this.ready();
    }
  }
}

const lowestBit = (bytes: number): number => bytes & -bytes;

export const isShort = ({ register }: Operand): boolean =>
  registerClass(register) === XMM || registerClass(register) === YMM;
