/**
 * How far the npm package may translate. What it translates at once is a stretch, up to the next jump. Each helper that
 * is called in it, one for every instruction where instructions are watched, takes some of 1,024 temporaries, and the
 * package (2.1.4, src/patches/unicorn-adapters.patch) never gives them back: in a stretch of a hundred instructions they
 * end, and it writes over its own memory. So it is told to end long stretches earlier, and jumps that lead into one are
 * the interpreter's: behind a jump the package would translate before anybody is asked.
 */
import { DECODED, decode, LONGEST, MAP_0F, MAP_ONE, makeInstruction } from "../../isa/index.ts";
import { FACT, type Memory, RAM_BASE, WORD } from "../../machine/index.ts";

/** Instructions of a stretch. Those with two accesses to memory take the most, and end the temporaries as the 33rd. */
const MOST = 24;
/** As how many pushad and popad count, with eight accesses: the 13th ends them. */
const ALL_REGISTERS = 3;

const LINE_SHIFT = 4;
const [SS, ESP] = [2, 4];

/** What is known of an instruction: whatever is behind it is short, or not, or only its registers tell. */
type Kind = "short" | "long" | "ret" | "indirect";

export class Stretches {
  readonly #memory: Memory;
  readonly #register: (number: number) => number;
  readonly #instruction = makeInstruction();
  /** By the first instruction's address: where the stretch has to be ended, 0 where it ends by itself. */
  readonly #ends = new Map<number, number>();
  readonly #kinds = new Map<number, Kind>();
  /** Lines of 16 bytes that this was read from. */
  readonly #lines = new Set<number>();

  /** `register` reads the one with that number as it is while code is executed. */
  constructor(memory: Memory, register: (number: number) => number) {
    this.#memory = memory;
    this.#register = register;
  }

  /** Bytes have changed. */
  forget(address: number, length: number): void {
    const last = (address + length - 1) >>> LINE_SHIFT;
    for (let line = address >>> LINE_SHIFT; line <= last; line++) if (this.#lines.has(line)) this.clear();
  }

  /** So have pages. */
  clear(): void {
    this.#ends.clear();
    this.#kinds.clear();
    this.#lines.clear();
  }

  /** Where what is translated from `start` on must be made to end, or 0; `start` itself if it must not begin at all. */
  end(start: number): number {
    let end = this.#ends.get(start);
    if (end === undefined) {
      end = this.#endFrom(start);
      this.#ends.set(start, end);
    }
    return end;
  }

  /** Whether everything that can be executed next, after the instruction that begins at `address`, is a short stretch. */
  leadsToShort(address: number): boolean {
    let kind = this.#kinds.get(address);
    if (kind === undefined) {
      kind = this.#kindOf(address);
      this.#kinds.set(address, kind);
    }
    if (kind === "short" || kind === "long") return kind === "short";
    const target = kind === "ret" ? this.#onStack() : this.#operandOf(address);
    return target !== undefined && this.end(target) === 0;
  }

  #endFrom(start: number): number {
    const { facts } = this.#memory;
    let at = start;
    for (let room = MOST; room > 0; at = (at + this.#instruction.length) >>> 0) {
      if (!(facts[at >>> 12]! & FACT.PRESENT)) return 0;
      if (!this.#decode(at)) return at;
      if (this.#isJump()) return 0;
      const { code, form, immediate2 } = this.#instruction;
      const isPlain = form!.map === MAP_ONE;
      // With its up to 62 accesses enter would end them alone.
      if (isPlain && code === 0xc8 && immediate2 !== 0) return at;
      room -= isPlain && (code === 0x60 || code === 0x61) ? ALL_REGISTERS : 1;
    }
    return at;
  }

  #kindOf(address: number): Kind {
    const instruction = this.#instruction;
    if (!this.#decode(address) || !this.#isJump()) return "short";
    const { code, form, reg, length, operandSize, immediate, segment, addressSize } = instruction;
    if (code === 0xcd) return "short";
    if (operandSize !== 32) return "long";
    if (form!.map === MAP_ONE) {
      if (code === 0xc2 || code === 0xc3) return "ret";
      if (code === 0xff && reg < 5 && reg !== 3)
        return segment < 0 && addressSize === 32 ? "indirect" : "long";
      if (code === 0xff || FAR.has(code)) return "long";
    }
    const next = (address + length) >>> 0;
    const isShort = (at: number): boolean => this.end(at) === 0;
    const alone = code === 0xe9 || code === 0xeb || code === 0xe8;
    return isShort((next + immediate) >>> 0) && (alone || isShort(next)) ? "short" : "long";
  }

  #onStack(): number | undefined {
    return this.#memory.u32((this.#register(ESP) + this.#base(SS)) >>> 0);
  }

  #operandOf(address: number): number | undefined {
    this.#decode(address);
    const { mod, rm, base, index, scale, displacement } = this.#instruction;
    if (mod === 3) return this.#register(rm);
    const of = (number: number): number => (number < 0 ? 0 : this.#register(number));
    const inStack = base === 4 || base === 5;
    const offset = of(base) + Math.imul(of(index), scale) + displacement;
    return this.#memory.u32((offset + this.#base(inStack ? SS : 3)) >>> 0);
  }

  #base(segment: number): number {
    return this.#memory.words[WORD.BASES + segment]!;
  }

  /** Into `#instruction`; the machine will tell when somebody else writes there. */
  #decode(address: number): boolean {
    const { bytes, facts, size } = this.#memory;
    const start = RAM_BASE + address;
    if (address >= size) return false;
    const outcome = decode(bytes, start, Math.min(start + LONGEST, bytes.length), 32, this.#instruction);
    const last = address + LONGEST - 1;
    for (let line = address >>> LINE_SHIFT; line <= last >>> LINE_SHIFT; line++) this.#lines.add(line);
    for (const page of [address >>> 12, last >>> 12]) {
      if ((facts[page]! & (FACT.PRESENT | FACT.CODE)) === FACT.PRESENT) this.#memory.mark(page, FACT.CODE);
    }
    return outcome === DECODED;
  }

  #isJump(): boolean {
    const { code, form, reg } = this.#instruction;
    if (form!.map === MAP_0F) return code >> 4 === 8;
    if (form!.map !== MAP_ONE) return false;
    return code >> 4 === 7 || JUMPS.has(code) || FAR.has(code) || (code === 0xff && reg >= 2 && reg <= 5);
  }
}

/** ret, loops, jecxz, call, jmp; int leaves the program. */
const JUMPS = new Set([0xc2, 0xc3, 0xe0, 0xe1, 0xe2, 0xe3, 0xe8, 0xe9, 0xeb, 0xcd]);
/** Far calls, jumps, returns; iret. */
const FAR = new Set([0x9a, 0xea, 0xca, 0xcb, 0xcf]);
