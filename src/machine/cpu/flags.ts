/**
 * EFLAGS, worked out when asked.
 *
 * The six arithmetic flags stand in two words that nearly every instruction can write without looking:
 *
 *     RESULT    the result, sign-extended to 32 bits
 *     CARRIES    31  30 29 … 16 15 …  8  7 … 4  3  2 1   0
 *               CF  CF^OF   0    parity    0   AF  0  SF correction
 *
 *     ZF = RESULT is 0
 *     SF = bit 31 of RESULT, exclusive-or the correction
 *     PF = the low byte of RESULT, exclusive-or the parity byte, has an even number of ones
 *
 * For an addition CARRIES is the vector of carries out of each bit, of which the two topmost bits and bit 3
 * are kept: the carry into the sign differs from the carry out of it exactly when the addition overflows.
 * Narrow operands are worked on in the topmost bits. The corrections are 0 except where an instruction sets
 * flags that no result has (popf, sahf, ZF together with SF).
 */
import { WORD } from "./state.ts";

export const CF = 1 << 0;
export const PF = 1 << 2;
export const AF = 1 << 4;
export const ZF = 1 << 6;
export const SF = 1 << 7;
export const TF = 1 << 8;
export const IF = 1 << 9;
export const DF = 1 << 10;
export const OF = 1 << 11;
export const IOPL = 3 << 12;
export const NT = 1 << 14;
export const RF = 1 << 16;
export const VM = 1 << 17;
export const AC = 1 << 18;
export const VIF = 1 << 19;
export const VIP = 1 << 20;
export const ID = 1 << 21;

/** The flags that RESULT and CARRIES hold. */
export const ARITHMETIC = CF | PF | AF | ZF | SF | OF;
/** Bit 1 reads as one (SDM vol. 1, 3.4.3). */
export const ALWAYS = 2;

/** The bits of CARRIES that a vector of carries leaves there. */
export const KEPT = 0xc000_0008 | 0;

const carry = (carries: number): number => carries >>> 31;
const overflow = (carries: number): number => ((carries >>> 31) ^ (carries >>> 30)) & 1;
const adjust = (carries: number): number => (carries >>> 3) & 1;
const zero = (result: number): number => (result === 0 ? 1 : 0);
const sign = (result: number, carries: number): number => (result >>> 31) ^ (carries & 1);

/** 1 when the low byte of `value` has an even number of ones. */
function evenParity(value: number): number {
  const nibble = (value ^ (value >>> 4)) & 15;
  return (0x9669 >>> nibble) & 1; // bit n is set when n has an even number of ones
}

const parity = (result: number, carries: number): number => evenParity(result ^ (carries >>> 8));

/** EFLAGS as the guest would push it. */
export function eflags(words: Int32Array): number {
  const result = words[WORD.RESULT]!;
  const carries = words[WORD.CARRIES]!;
  return (
    words[WORD.EFLAGS]! |
    ALWAYS |
    carry(carries) |
    (parity(result, carries) << 2) |
    (adjust(carries) << 4) |
    (zero(result) << 6) |
    (sign(result, carries) << 7) |
    (overflow(carries) << 11)
  );
}

/** The two words that mean the arithmetic flags of `flags`: [RESULT, CARRIES]. */
export function setArithmetic(words: Int32Array, flags: number): void {
  // A result of 0 says ZF and of 1 says no ZF; SF and PF follow by correction.
  const result = flags & ZF ? 0 : 1;
  const wantedParity = flags & PF ? 1 : 0;
  const cf = flags & CF;
  const of = (flags >>> 11) & 1;
  words[WORD.RESULT] = result;
  words[WORD.CARRIES] =
    (cf << 31) |
    ((cf ^ of) << 30) |
    ((evenParity(result) ^ wantedParity) << 8) |
    (flags & AF ? 8 : 0) |
    (flags & SF ? 1 : 0);
}

/** Sets all of EFLAGS. The caller has masked what may not change. */
export function setEflags(words: Int32Array, flags: number): void {
  words[WORD.EFLAGS] = (flags & ~ARITHMETIC) | ALWAYS;
  setArithmetic(words, flags);
}

/** Half the number of the two conditions that look at PF. */
export const PARITY = 5;

/** Whether condition `code` (0 … 15, as in Jcc, SETcc and CMOVcc) holds. SDM vol. 1, appendix B. */
export function condition(words: Int32Array, code: number): boolean {
  const result = words[WORD.RESULT]!;
  const carries = words[WORD.CARRIES]!;
  switch (code) {
    case 0: // o
      return (carries ^ (carries << 1)) < 0;
    case 1: // no
      return (carries ^ (carries << 1)) >= 0;
    case 2: // b
      return carries < 0;
    case 3: // ae
      return carries >= 0;
    case 4: // e
      return result === 0;
    case 5: // ne
      return result !== 0;
    case 6: // be
      return carries < 0 || result === 0;
    case 7: // a
      return carries >= 0 && result !== 0;
    case 8: // s
      return (result ^ (carries << 31)) < 0;
    case 9: // ns
      return (result ^ (carries << 31)) >= 0;
    case 10: // p
      return parity(result, carries) === 1;
    case 11: // np
      return parity(result, carries) === 0;
    case 12: // l
      return (result ^ (carries << 31) ^ carries ^ (carries << 1)) < 0;
    case 13: // ge
      return (result ^ (carries << 31) ^ carries ^ (carries << 1)) >= 0;
    case 14: // le
      return result === 0 || (result ^ (carries << 31) ^ carries ^ (carries << 1)) < 0;
    default: // g
      return result !== 0 && (result ^ (carries << 31) ^ carries ^ (carries << 1)) >= 0;
  }
}
