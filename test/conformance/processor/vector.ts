/**
 * State of the vector units for a case: XMM and x87 registers that hold numbers at the edges of what instructions
 * tell apart, and an MXCSR with every rounding mode, masks open and closed.
 */
import type { Random } from "../../../src/base/index.ts";
import type { Form } from "../../../src/isa/index.ts";
import { FXSAVE_BYTES } from "./case.ts";

const levels = new Set("mmx sse sse2 sse3 ssse3 sse4".split(" "));
const KINDS = new Set("mm mmm xmm xmmm".split(" "));
/** What stands alone, or has only memory for an operand. */
const ALONE = /^(fxsave|fxrstor|ldmxcsr|stmxcsr|emms|lddqu|movnt(ps|pd|dq|q|dqa))$/;

/** Whether a form of the table belongs to MMX or SSE. */
export const isVector = (form: Form): boolean =>
  levels.has(form.level) && (ALONE.test(form.name) || form.operands.some(({ kind }) => KINDS.has(kind)));

/** Bit patterns by their width: zeros, ones, infinities, NaNs of both kinds, denormals, and where integers end. */
const SINGLES = [
  0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_1234, 0x7f80_0001,
  0xffbf_ffff, 0x0000_0001, 0x8000_0001, 0x007f_ffff, 0x807f_fffe, 0x0080_0000, 0x8080_0001, 0x7f7f_ffff,
  0xff7f_ffff, 0x3f00_0000, 0xbf00_0000, 0x3fc0_0000, 0xbfc0_0000, 0x4020_0000, 0x3eff_ffff, 0x4effffff,
  0x4f00_0000, 0xcf00_0000, 0xcf00_0001, 0x4b00_0001, 0x4aff_ffff, 0x3f80_0001, 0x3f7f_ffff, 0x4b7f_ffff,
] as const;

const DOUBLES = [
  [0, 0],
  [0, 0x8000_0000],
  [0, 0x3ff0_0000],
  [0, 0xbff0_0000],
  [0, 0x7ff0_0000],
  [0, 0xfff0_0000],
  [0, 0x7ff8_0000],
  [0x1234_5678, 0xfff8_0000],
  [1, 0x7ff0_0000],
  [0xffff_ffff, 0xfff7_ffff],
  [1, 0],
  [1, 0x8000_0000],
  [0xffff_ffff, 0x000f_ffff],
  [0xffff_fffe, 0x800f_ffff],
  [0, 0x0010_0000],
  [1, 0x8010_0000],
  [0xffff_ffff, 0x7fef_ffff],
  [0xffff_ffff, 0xffef_ffff],
  [0, 0x3fe0_0000],
  [0, 0xbff8_0000],
  [0, 0x4004_0000],
  [0xffff_ffff, 0x3fdf_ffff],
  [0xffc0_0000, 0x41df_ffff],
  [0xffe0_0000, 0x41df_ffff],
  [0, 0x41e0_0000],
  [0, 0xc1e0_0000],
  [0x0010_0000, 0xc1e0_0000],
  [0x0020_0000, 0xc1e0_0000],
  [0xffff_ffff, 0x432f_ffff],
  [1, 0x4330_0000],
  [0xe000_0000, 0x47ef_ffff],
  [0xf000_0000, 0x47ef_ffff],
  [0, 0x47f0_0000],
  [0, 0x3810_0000],
  [0xf000_0000, 0x380f_ffff],
  [0xffff_ffff, 0x380f_ffff],
  [0, 0x36a0_0000],
  [0, 0x3690_0000],
  [1, 0x3690_0000],
  [1, 0x3ff0_0000],
  [0xffff_ffff, 0x3fef_ffff],
] as const;

const BYTES = [0, 1, 2, 7, 8, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xfe, 0xff] as const;

class Values {
  readonly #random: Random;
  readonly #weights: readonly (() => number[])[];

  constructor(random: Random, form: Form) {
    this.#random = random;
    const single = (): number[] => [this.single(), this.single(), this.single(), this.single()];
    const double = (): number[] => [...this.double(), ...this.double()];
    const integer = (): number[] => this.integers();
    const { name } = form;
    if (/^cvt(t?p[id]|t?sd|dq2pd|si2sd)|[sp]d$/.test(name) && !/^p|dq$/.test(name)) {
      this.#weights = [double, double, double, double, single, integer];
    } else if (/^cvt|[sp]s$/.test(name)) this.#weights = [single, single, single, single, double, integer];
    else this.#weights = [integer, integer, integer, integer, single, double];
  }

  /** Four dwords. */
  vector(): number[] {
    return this.#pick(this.#weights)();
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  single(): number {
    const random = this.#random;
    const choice = random.below(8);
    if (choice < 3) return this.#pick(SINGLES);
    const sign = random.below(2) * 2 ** 31;
    const fraction = random.below(3) === 0 ? this.#sparse(23) : random.u32() & 0x7f_ffff;
    if (choice === 3) return random.u32();
    if (choice === 4) return sign + fraction;
    const exponent = choice === 5 ? 127 + random.below(40) - 6 : 127 + random.below(8) - 4;
    return sign + exponent * 2 ** 23 + fraction;
  }

  double(): number[] {
    const random = this.#random;
    const choice = random.below(8);
    if (choice < 3) return [...this.#pick(DOUBLES)];
    const sign = random.below(2) * 2 ** 31;
    const sparse = random.below(3) === 0;
    const low = sparse ? (random.below(2) === 0 ? 0 : this.#sparse(32)) : random.u32();
    const high = sparse ? this.#sparse(20) : random.u32() & 0xf_ffff;
    if (choice === 3) return [low, random.u32()];
    if (choice === 4) return [low, sign + high];
    const exponent =
      choice === 5
        ? 1023 + random.below(160) - 80
        : choice === 6 && random.below(3) === 0
          ? 1023 + this.#pick([-1020, -520, -126, -150, 127, 511, 1020]) + random.below(4)
          : 1023 + random.below(8) - 4;
    return [low, sign + exponent * 2 ** 20 + high];
  }

  /** A number of so many bits of which few are set, or few are not. */
  #sparse(bits: number): number {
    const one = 2 ** this.#random.below(bits);
    const all = 2 ** bits - 1;
    return this.#pick([one, all - one, 0, all, 2 ** (bits - 1) + (one & 1), all - 1]);
  }

  integers(): number[] {
    const random = this.#random;
    const choice = random.below(6);
    if (choice === 0) return [random.below(80), random.below(3) === 0 ? random.u32() : 0, 0, random.u32()];
    if (choice === 1) {
      // Text, as the string comparisons like it.
      const letters = Array.from({ length: 16 }, () => (random.below(7) === 0 ? 0 : 97 + random.below(4)));
      return [0, 4, 8, 12].map((at) => dword(letters, at));
    }
    if (choice < 4) {
      const bytes = Array.from({ length: 16 }, () => this.#pick(BYTES));
      return [0, 4, 8, 12].map((at) => dword(bytes, at));
    }
    if (choice === 4) {
      const words = Array.from({ length: 8 }, () =>
        this.#pick([0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0xff80, 0x00ff]),
      );
      return [0, 2, 4, 6].map((at) => words[at]! + words[at + 1]! * 65536);
    }
    return [random.u32(), random.u32(), random.u32(), random.u32()];
  }
}

const dword = (bytes: readonly number[], at: number): number =>
  bytes[at]! + bytes[at + 1]! * 2 ** 8 + bytes[at + 2]! * 2 ** 16 + bytes[at + 3]! * 2 ** 24;

/** Sixteen bytes for a memory operand. */
export function vectorBytes(form: Form, random: Random): number[] {
  if (form.name === "ldmxcsr") {
    const value =
      random.below(4) === 0 ? random.u32() : mxcsr(random) | (random.below(8) === 0 ? 2 ** 16 : 0);
    return Array.from({ length: 16 }, (_, i) => (value >>> (8 * (i & 3))) & 0xff);
  }
  if (form.name === "fxrstor") {
    const area = fxsaveArea(form, random);
    const reserved = random.below(8) === 0 ? 1 : 0;
    area[26] = area[26]! | (reserved << random.below(8));
    return [...area];
  }
  const vector = new Values(random, form).vector();
  return vector.flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));
}

/** Rounding, flags and masks; masks are all closed more often than not. */
function mxcsr(random: Random): number {
  const masks = random.below(3) > 0 ? 0x1f80 : random.u32() & 0x1f80;
  const flags = random.below(2) === 0 ? 0 : random.u32() & 0x3f;
  const modes =
    (random.below(4) << 13) | (random.below(3) === 0 ? 0x8000 : 0) | (random.below(3) === 0 ? 0x40 : 0);
  const misaligned = random.below(12) === 0 ? 0x2_0000 : 0;
  return masks | flags | modes | misaligned;
}

/** An FXSAVE area as the processor could have written it. */
export function fxsaveArea(form: Form, random: Random): Uint8Array {
  const area = new Uint8Array(FXSAVE_BYTES);
  const view = new DataView(area.buffer);
  const pending = random.below(24) === 0;
  const control = pending ? 0x0340 : 0x037f;
  const status = (random.u32() & 0x7f00) | (pending ? 0x8081 : random.below(2));
  view.setUint16(0, control, true);
  view.setUint16(2, status & ~(pending ? 0 : 0x8080), true);
  area[4] = random.below(3) === 0 ? random.below(256) : random.below(2) * 255;
  view.setUint32(24, mxcsr(random), true);
  const values = new Values(random, form);
  for (let register = 0; register < 8; register++) {
    const at = 32 + 16 * register;
    const [low, high] = values.vector();
    view.setUint32(at, low!, true);
    view.setUint32(at + 4, high!, true);
    view.setUint16(at + 8, random.below(2) === 0 ? 0xffff : random.below(0x1_0000), true);
  }
  for (let register = 0; register < 8; register++) {
    const at = 160 + 16 * register;
    const related = register > 0 && random.below(3) === 0;
    const vector = related
      ? [0, 4, 8, 12].map((lane) => view.getUint32(160 + 16 * random.below(register) + lane, true))
      : values.vector();
    for (const [lane, value] of vector.entries()) {
      const nudge = related && random.below(4) === 0 ? random.below(3) - 1 : 0;
      view.setUint32(at + 4 * lane, value + nudge, true);
    }
  }
  return area;
}
