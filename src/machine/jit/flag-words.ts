/** The arithmetic flags as compiled code has them, in more words than the interpreter, and how each finds the other's. */
import { KEPT } from "../cpu/flags.ts";
import { STATE, WORD } from "../cpu/state.ts";
import { FLAGS } from "./status.ts";

const AUX = STATE.AUX >> 2;
const KIND = STATE.KIND >> 2;
const CARRY = STATE.CF >> 2;
const TOP_TWO = 0xc000_0000 | 0;

/** CARRIES → the three words that compiled code has instead. */
export function split(words: Int32Array): void {
  const carries = words[WORD.CARRIES]!;
  words[AUX] = carries;
  words[KIND] = FLAGS.WORD;
  words[CARRY] = carries >>> 31;
}

/** And back. */
export function join(words: Int32Array): void {
  const result = words[WORD.RESULT]!;
  const aux = words[AUX]!;
  let carries = aux;
  if (words[KIND] !== FLAGS.WORD) {
    const isSum = words[KIND] === FLAGS.SUM;
    const left = isSum ? (result - aux) | 0 : result;
    const total = isSum ? result : (result + aux) | 0;
    carries = ((left & aux) | ((left | aux) & ~total)) & KEPT;
  }
  words[WORD.CARRIES] = carries >>> 31 === words[CARRY] ? carries : carries ^ TOP_TWO;
}
