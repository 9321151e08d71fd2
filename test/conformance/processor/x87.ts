/**
 * Cases for the x87: its whole state is loaded (frstor), one instruction or a few are executed, and the state is
 * stored where it came from (fnsave), so that what changed in memory is what the instructions did.
 */
import { Random } from "../../../src/base/index.ts";
import { type Form, forms } from "../../../src/isa/index.ts";
import { CODE, CONSTANT, DATA, STACK } from "./arena.ts";
import type { Answer, Case } from "./case.ts";
import { keyOf, notAsked, type Series } from "./generate.ts";

const isX87 = (form: Form): boolean =>
  form.encoding === "legacy" &&
  form.map === 0 &&
  ((form.code >= 0xd8 && form.code <= 0xdf) || form.name === "wait");

/** Every form of the x87 that can be asked. */
export const askedX87: readonly Form[] = forms().filter(
  (form) => isX87(form) && notAsked(form) === undefined,
);

/** Where the state is loaded from and stored to: the layout of fnsave in 32-bit code. */
const IMAGE = DATA.start + 0x100;
const IMAGE_BYTES = 108;
export const REGISTERS_AT = 28;
const OPERANDS = DATA.start + 0x400;

export const X87_SEQUENCES = "x87 sequences";

export const x87Series = (): Series[] => [
  ...askedX87.map(
    (form): Series => ({
      key: keyOf(form),
      name: form.name,
      make: (seed, n) => ({ ...new Maker(keyOf(form), seed, n).make([form]), number: n }),
    }),
  ),
  {
    key: X87_SEQUENCES,
    name: X87_SEQUENCES,
    sequences: true,
    make: (seed, n) => {
      const maker = new Maker(X87_SEQUENCES, seed, n);
      return { ...maker.make(maker.several()), number: n };
    },
  },
];

export const TRANSCENDENTAL = /^(f2xm1|fyl2x|fyl2xp1|fptan|fpatan|fsin|fcos|fsincos)$/;
/** Forms whose result no later one may depend on, or that leave the state to the next ones in an odd way. */
const steady = askedX87.filter(
  (form) => !TRANSCENDENTAL.test(form.name) && !/^(fldenv|frstor|fnsave|fnstenv)/.test(form.name),
);

const EXACT_WORDS = [0, 0, 1, 0x8000_0000, 0x7fff_ffff, 0xffff_ffff, 0xffff_fffe] as const;
/** Low halves near what rounding to 53 bits decides by. */
const NEAR_DOUBLE = [0x400, 0x3ff, 0x401, 0xc00, 0xbff, 0xc01, 0x7ff, 0x800, 0xffff_fc00] as const;
/** High halves near what rounding to 24 bits decides by. */
const NEAR_SINGLE = [0x80, 0x7f, 0x81, 0x180, 0x17f, 0xff, 0x100, 0xffff_ff80] as const;
const BIAS = 0x3fff;
/** Exponents where something ends. */
const EDGES = [
  1,
  2,
  64,
  0x7ffe,
  0x7ffd,
  BIAS,
  BIAS - 1,
  BIAS + 1,
  BIAS + 15,
  BIAS + 31,
  BIAS + 63,
  BIAS + 62,
  BIAS + 14,
  BIAS + 30,
  BIAS + 59,
  BIAS + 127,
  BIAS + 128,
  BIAS - 126,
  BIAS - 127,
  BIAS - 149,
  BIAS - 150,
  BIAS + 1023,
  BIAS + 1024,
  BIAS - 1022,
  BIAS - 1023,
  BIAS - 1074,
  BIAS - 1075,
  BIAS + 64,
  BIAS - 64,
] as const;

class Maker {
  readonly #random: Random;
  readonly #pokes: { address: number; bytes: Uint8Array }[] = [];
  readonly #registers: number[] = [];
  readonly #code: number[] = [];

  constructor(key: string, seed: number, n: number) {
    let hash = 0x811c_9dc5; // FNV-1a
    for (const letter of key) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x0100_0193);
    this.#random = new Random((hash + Math.imul(seed, 0x9e37_79b9) + Math.imul(n, 0x85eb_ca6b)) | 0);
  }

  several(): Form[] {
    return Array.from({ length: 2 + this.#random.below(10) }, () => this.#pick(steady));
  }

  make(chosen: readonly Form[]): Omit<Case, "number"> {
    for (let i = 0; i < 8; i++) this.#registers.push(this.#random.u32());
    this.#registers[4] = STACK.start + 0x800;
    this.#pokes.push({ address: IMAGE, bytes: this.#image(chosen.length > 1) });
    // fninit, frstor
    this.#code.push(0xdb, 0xe3, 0xdd, 0x25);
    this.#address(IMAGE);
    for (const form of chosen) this.#instruction(form, chosen.length === 1);
    if (this.#one(4)) this.#code.push(0x9b);
    // fnsave
    this.#code.push(0xdd, 0x35);
    this.#address(IMAGE);
    const eip = CODE.start + 0x400;
    this.#pokes.push({ address: eip, bytes: Uint8Array.from(this.#code) });
    const eflags = 0x202 | (this.#random.u32() & 0x8d5);
    return {
      registers: this.#registers.map((value) => value >>> 0),
      eip,
      eflags,
      pokes: this.#pokes,
      form: chosen[0]!.index,
    };
  }

  #one(n: number): boolean {
    return this.#random.below(n) === 0;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #address(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#code.push((value >>> shift) & 0xff);
  }

  #controlWord(): number {
    const masks = this.#one(3) ? this.#random.below(64) : 0x3f;
    const precision = this.#one(2) ? 3 : this.#random.below(4);
    return (
      masks |
      (precision << 8) |
      (this.#random.below(4) << 10) |
      (this.#one(8) ? this.#random.u32() & 0xf0c0 : 0x40)
    );
  }

  #image(many: boolean): Uint8Array {
    const image = new Uint8Array(IMAGE_BYTES);
    const view = new DataView(image.buffer);
    const control = many ? this.#controlWord() | 0x3f : this.#controlWord();
    // Exceptions that are pending keep anything else from happening: mostly there are none.
    const pending = this.#one(3)
      ? this.#random.below(128) & (this.#one(4) ? 0x7f : (control & 0x3f) | 0x40)
      : 0;
    const top = this.#random.below(8);
    let tags = 0;
    const fill = this.#random.below(4);
    for (let i = 0; i < 8; i++) {
      const physical = (top + i) & 7;
      const empty = fill === 0 ? this.#one(3) : fill === 1 ? false : i === 7;
      if (empty) tags |= 3 << (2 * physical);
    }
    view.setUint16(0, control, true);
    view.setUint16(4, pending | (top << 11) | (this.#random.u32() & 0x4700), true);
    view.setUint16(8, tags, true);
    view.setUint32(12, this.#random.u32(), true);
    view.setUint32(16, this.#random.u32() & 0x07ff_ffff, true);
    view.setUint32(20, this.#random.u32(), true);
    view.setUint32(24, this.#random.u32() & 0xffff, true);
    for (let i = 0; i < 8; i++) this.#extended(view, REGISTERS_AT + 10 * i);
    // Numbers that have to do with each other.
    const like = this.#random.below(6);
    if (like < 3) {
      image.copyWithin(REGISTERS_AT + 10, REGISTERS_AT, REGISTERS_AT + 10);
      if (like > 0) image[REGISTERS_AT + 10]! ^= 1 << this.#random.below(3);
      if (like === 2) image[REGISTERS_AT + 18]! ^= 1 << this.#random.below(3);
      if (this.#one(2)) image[REGISTERS_AT + 19]! ^= 0x80;
    }
    return image;
  }

  #extended(view: DataView, at: number): void {
    const [hi, lo] = this.#significand();
    let exponent = BIAS - 40 + this.#random.below(80);
    const kind = this.#random.below(24);
    let high = hi | 0x8000_0000;
    let low = lo;
    if (kind === 0) exponent = high = low = 0;
    else if (kind === 1) {
      exponent = 0;
      high = hi & 0x7fff_ffff;
      if (this.#one(2)) high >>>= this.#random.below(31);
    } else if (kind === 2) exponent = 0;
    else if (kind === 3) {
      exponent = 0x7fff;
      high = 0x8000_0000;
      low = 0;
    } else if (kind === 4) exponent = 0x7fff;
    else if (kind === 5) {
      exponent = 0x7fff;
      high = 0x8000_0000 | (hi & 0x3fff_ffff);
    } else if (kind === 6) {
      if (this.#one(2)) {
        high = hi & 0x7fff_ffff;
        exponent = this.#one(2) ? 0x7fff : this.#random.below(0x7fff);
      }
    } else if (kind === 7) {
      // A small integer, or half of one.
      const value = 1 + this.#random.below(1000);
      const shift = Math.clz32(value);
      high = value << shift;
      low = 0;
      exponent = BIAS + 31 - shift - this.#random.below(2);
    } else if (kind === 8) {
      exponent = this.#one(2) ? this.#random.below(0x8000) : 1 + this.#random.below(70);
    } else if (kind < 14) exponent = this.#pick(EDGES) + this.#pick([0, 0, 0, 1, -1]);
    else if (kind === 14) {
      // One and its like.
      high = 0x8000_0000;
      low = 0;
      exponent = BIAS + this.#pick([0, 0, 1, -1]);
    } else if (kind === 15) exponent = this.#pick([1, 0x7ffe, 0x7ffd, 2, 0x3fff, 0x6000, 0x2000]);
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
    view.setUint16(at + 8, (exponent & 0x7fff) | (this.#one(2) ? 0x8000 : 0), true);
  }

  #significand(): [hi: number, lo: number] {
    const random = (): number => this.#random.u32();
    switch (this.#random.below(12)) {
      case 10:
        return [this.#sparse(), this.#pick(EXACT_WORDS)];
      case 11:
        return [this.#pick(EXACT_WORDS), this.#sparse()];
      case 0:
        return [this.#pick(EXACT_WORDS), this.#pick(EXACT_WORDS)];
      case 1:
        return [random(), this.#pick(EXACT_WORDS)];
      case 2:
        return [random(), this.#pick(NEAR_DOUBLE)];
      case 3:
        return [this.#pick(EXACT_WORDS), this.#pick(NEAR_DOUBLE)];
      case 4:
        return [(random() & ~0x1ff) | this.#pick(NEAR_SINGLE), this.#pick(EXACT_WORDS)];
      case 5:
        return [random() & ~0xff, 0];
      case 6:
        return [random(), random() & ~0x7ff];
      default:
        return [random(), random()];
    }
  }

  /** Few bits are set, or few are not. */
  #sparse(): number {
    const one = 1 << this.#random.below(32);
    return this.#pick([one, one - 1, ~one, 0, -1, one | this.#random.below(4), -one]);
  }

  #instruction(form: Form, alone: boolean): void {
    const code = this.#code;
    const memory = form.operands.find((operand) => operand.kind === "m");
    const environment = /^(fldenv|frstor|fnsave|fnstenv)/.test(form.name);
    if (form.operandSize === 16 || (environment && form.operandSize === 0 && this.#one(2))) code.push(0x66);
    const segment = this.#one(10) ? this.#pick([0x26, 0x2e, 0x36, 0x3e]) : 0;
    // Code cannot be written.
    if (segment && !(segment === 0x2e && memory?.writes)) code.push(segment);
    code.push(form.code);
    if (!form.modrm) return;
    if (!memory) {
      const rm = form.rm >= 0 ? form.rm : this.#random.below(this.#one(3) ? 8 : 2);
      code.push(0xc0 | (form.digit << 3) | rm);
      return;
    }
    const size = environment ? IMAGE_BYTES : memory.size || 4;
    const at = this.#place(size, alone, memory.writes);
    if (this.#one(3)) {
      // [esi + displacement] or [ebp + displacement]
      const base = this.#pick([5, 6]);
      const displacement = this.#random.below(0x1000);
      if (alone) this.#registers[base] = (at - displacement) >>> 0;
      if (alone) {
        code.push(0x80 | (form.digit << 3) | base);
        this.#address(displacement);
      } else {
        code.push((form.digit << 3) | 5);
        this.#address(at);
      }
    } else {
      code.push((form.digit << 3) | 5);
      this.#address(at);
    }
    if (memory.writes || (at >= CONSTANT.start && at < CONSTANT.start + CONSTANT.length)) return;
    if (at < DATA.start || at + size > DATA.start + DATA.length) return;
    this.#pokes.push({ address: at, bytes: this.#contents(form, size) });
  }

  #place(size: number, alone: boolean, writes: boolean): number {
    const choice = alone ? this.#random.below(40) : 10;
    if (choice === 0) return DATA.start + DATA.length - this.#random.below(size);
    if (choice === 1) return DATA.start - 1 - this.#random.below(size);
    if (choice === 2) return DATA.start + 0x1000 - this.#random.below(size + 1);
    if (choice === 3 && writes) return CONSTANT.start + 0x100;
    return OPERANDS + this.#random.below(64) * 4 + (alone ? this.#random.below(4) : 0);
  }

  #contents(form: Form, size: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(size, 10));
    const view = new DataView(bytes.buffer);
    if (/^(fldenv|frstor)/.test(form.name)) return this.#environment();
    if (form.name === "fldcw") {
      view.setUint16(0, this.#one(2) ? this.#controlWord() : this.#random.u32(), true);
    } else if (form.name === "fbld") {
      const valid = !this.#one(6);
      for (let i = 0; i < 9; i++) {
        const byte = this.#random.below(256);
        bytes[i] = valid ? (Math.min(byte >> 4, 9) << 4) | Math.min(byte & 15, 9) : byte;
      }
      if (this.#one(4)) bytes.fill(0, this.#random.below(9), 9);
      bytes[9] = this.#pick([0, 0x80, 0x7f, 0xff]);
    } else if (form.name.startsWith("fi")) {
      for (let i = 0; i < size; i++)
        bytes[i] = this.#one(3) ? this.#pick([0, 0x80, 0xff, 0x7f]) : this.#random.below(256);
      if (this.#one(4)) bytes.fill(this.#pick([0, 0xff]), 1, size);
    } else if (size === 10) this.#extended(view, 0);
    else if (size === 8) this.#double(view);
    else this.#single(view);
    return bytes.slice(0, size);
  }

  #environment(): Uint8Array {
    const image = this.#image(false);
    if (this.#one(2)) return image;
    for (let i = 0; i < 28; i++) image[i] = this.#random.below(256);
    if (this.#one(2)) image[0] = image[0]! | 0x3f;
    return image;
  }

  #double(view: DataView): void {
    const exponent = this.#random.below(3)
      ? 1023 - 30 + this.#random.below(60)
      : this.#pick([0, 1, 2046, 2047, 0, 2047]);
    const [hi, lo] = this.#significand();
    view.setUint32(0, this.#one(4) ? 0 : lo, true);
    view.setUint32(
      4,
      (exponent << 20) |
        (this.#one(4) ? this.#pick([0, 1, 0x8_0000]) : hi & 0xf_ffff) |
        (this.#one(2) ? 0x8000_0000 : 0),
      true,
    );
  }

  #single(view: DataView): void {
    const exponent = this.#random.below(3)
      ? 127 - 20 + this.#random.below(40)
      : this.#pick([0, 1, 254, 255, 0, 255]);
    const fraction = this.#one(4) ? this.#pick([0, 1, 0x40_0000]) : this.#random.u32() & 0x7f_ffff;
    view.setUint32(0, (exponent << 23) | fraction | (this.#one(2) ? 0x8000_0000 : 0), true);
  }
}

/** The state that an answer stored, if it came that far. */
export function imageOf(one: Case, answer: Answer): Uint8Array {
  const image = Uint8Array.from(one.pokes[0]!.bytes);
  const view = new DataView(image.buffer);
  for (const [address, value] of answer.changed) {
    if (address >= IMAGE && address < IMAGE + IMAGE_BYTES) view.setUint32(address - IMAGE, value, true);
  }
  return image;
}

const STATUS_AT = 4;
const C1_BYTE = 2;

/**
 * The expected answer, without what is known to differ: the last bit of a transcendental function, and whether it
 * was rounded up.
 */
export function tolerantX87(name: string, one: Case, expected: Answer, actual: Answer): Answer {
  if (!TRANSCENDENTAL.test(name)) return expected;
  const theirs = imageOf(one, expected);
  const ours = imageOf(one, actual);
  const theirView = new DataView(theirs.buffer);
  const ourView = new DataView(ours.buffer);
  theirs[STATUS_AT + 1] = (theirs[STATUS_AT + 1]! & ~C1_BYTE) | (ours[STATUS_AT + 1]! & C1_BYTE);
  for (let at = REGISTERS_AT; at < REGISTERS_AT + 20; at += 10) {
    const magnitude = (view: DataView): bigint =>
      (BigInt(view.getUint16(at + 8, true) & 0x7fff) << 63n) |
      (view.getBigUint64(at, true) & (2n ** 63n - 1n));
    const distance = magnitude(theirView) - magnitude(ourView);
    const sameSign = ((theirs[at + 9]! ^ ours[at + 9]!) & 0x80) === 0;
    const isNumber = (theirView.getUint16(at + 8, true) & 0x7fff) !== 0x7fff;
    if (sameSign && isNumber && distance >= -1n && distance <= 1n) theirs.set(ours.subarray(at, at + 10), at);
  }
  const before = new DataView(one.pokes[0]!.bytes.slice().buffer);
  const rest = expected.changed.filter(([address]) => address < IMAGE || address >= IMAGE + IMAGE_BYTES);
  const changed: Answer["changed"] = [...rest];
  for (let at = 0; at < IMAGE_BYTES; at += 4) {
    const value = theirView.getUint32(at, true);
    if (value !== before.getUint32(at, true)) changed.push([IMAGE + at, value]);
  }
  changed.sort(([a], [b]) => a - b);
  return { ...expected, changed };
}

/** The state before and after, in words, for people who look at a difference. */
export function describeX87(one: Case, native: Answer, here: Answer): string {
  const before = Uint8Array.from(one.pokes[0]!.bytes);
  const lines = [stateText("before", before)];
  lines.push(stateText("native", imageOf(one, native)), stateText("here  ", imageOf(one, here)));
  return lines.join("\n      ");
}

function stateText(title: string, image: Uint8Array): string {
  const view = new DataView(image.buffer);
  const hex = (at: number, digits: number): string =>
    (digits === 4 ? view.getUint16(at, true) : view.getUint32(at, true)).toString(16).padStart(digits, "0");
  const registers = [0, 1, 2, 7].map((i) => {
    const at = REGISTERS_AT + 10 * i;
    return `st${i} ${hex(at + 8, 4)} ${hex(at + 4, 8)}${hex(at, 8)}`;
  });
  return `${title} cw ${hex(0, 4)} sw ${hex(4, 4)} tw ${hex(8, 4)} ip ${hex(12, 8)} cs ${hex(16, 8)} dp ${hex(20, 8)} ds ${hex(24, 4)} ${registers.join(" ")}`;
}
