/** pcmpestri, pcmpestrm, pcmpistri, pcmpistrm. SDM vol. 1, 12.13; vol. 2B, 4.1. */
import { CF, OF, SF, setArithmetic, ZF } from "../flags.ts";
import { i8, i16, i32, u8, u16 } from "../float/lanes.ts";
import type { Executor } from "../operation.ts";
import { EAX, ECX, EDX, WORD } from "../state.ts";
import { fetch, keep, layFirst } from "./vector.ts";

const EQUAL_ANY = 0;
const RANGES = 1;
const EQUAL_EACH = 2;

/** Elements before the first that is zero. */
function terminated(from: number, lanes: number): number {
  const view = lanes === 16 ? u8 : u16;
  for (let i = 0; i < lanes; i++) if (view[from + i] === 0) return i;
  return lanes;
}

const explicit = (length: number, lanes: number): number => Math.min(Math.abs(length), lanes);

export const compareStrings =
  (isExplicit: boolean, givesMask: boolean): Executor =>
  (cpu, op) => {
    fetch(cpu, op, 16, false);
    layFirst(cpu, op.a);
    const { immediate } = op;
    const lanes = immediate & 1 ? 8 : 16;
    const view = immediate & 2 ? (lanes === 16 ? i8 : i16) : lanes === 16 ? u8 : u16;
    const first = isExplicit ? explicit(cpu.words[EAX]!, lanes) : terminated(0, lanes);
    const second = isExplicit ? explicit(cpu.words[EDX]!, lanes) : terminated(lanes, lanes);
    let found = compare(view, lanes, first, second, (immediate >> 2) & 3);
    const all = lanes === 16 ? 0xffff : 0xff;
    if (immediate & 0x10) found ^= immediate & 0x20 ? (1 << second) - 1 : all;
    if (givesMask) {
      if (immediate & 0x40) {
        for (let i = 0; i < 16; i++) u8[32 + i] = (found >> (lanes === 16 ? i : i >> 1)) & 1 ? 0xff : 0;
      } else {
        i32[8] = found;
        i32[9] = i32[10] = i32[11] = 0;
      }
      keep(cpu, WORD.XMM);
    } else if (found === 0) cpu.words[ECX] = lanes;
    else cpu.words[ECX] = immediate & 0x40 ? 31 - Math.clz32(found) : 31 - Math.clz32(found & -found);
    setArithmetic(
      cpu.words,
      (found !== 0 ? CF : 0) | (second < lanes ? ZF : 0) | (first < lanes ? SF : 0) | (found & 1 ? OF : 0),
    );
  };

/** One bit for each element of B. */
function compare(
  view: Int8Array | Uint8Array | Int16Array | Uint16Array,
  lanes: number,
  first: number,
  second: number,
  how: number,
): number {
  let found = 0;
  for (let j = 0; j < lanes; j++) {
    const b = view[lanes + j]!;
    let hit = false;
    if (how === EQUAL_EACH) {
      // What is beyond both ends is alike, beyond one of them it is not.
      hit = j < first && j < second ? view[j] === b : j >= first && j >= second;
    } else if (how === EQUAL_ANY) {
      for (let i = 0; i < first && j < second; i++) if (view[i] === b) hit = true;
    } else if (how === RANGES) {
      for (let i = 0; i + 1 < first && j < second; i += 2) if (view[i]! <= b && b <= view[i + 1]!) hit = true;
    } else {
      // A stands in B from here on, as far as B reaches into the register.
      hit = true;
      for (let i = 0; i < first && i + j < lanes; i++) {
        if (i + j >= second || view[i] !== view[lanes + i + j]) hit = false;
      }
    }
    if (hit) found |= 1 << j;
  }
  return found;
}
