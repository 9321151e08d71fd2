/**
 * A parsed instruction → its bytes, the ones FASM 1.73 would choose.
 *
 * The rows of `isa/` say what can be encoded and in which order FASM prefers it. For each shape of operands that
 * a mnemonic meets, the rows are asked once and the answer is kept as a plan (encode/plan.ts); from then on an
 * instruction costs one look-up and the writing of its bytes (encode/emit.ts). When no row fits, encode/refuse.ts
 * finds out at which operand FASM would have stopped, and with which words. Jumps, string instructions, lists of
 * pushes and a few more have rules of their own (encode/special.ts).
 */

import { isMnemonic, mnemonics, segmentNames } from "../isa/index.ts";
import { encodeByPlan } from "./encode/plan.ts";
import { specials } from "./encode/special.ts";
import type { Encoding, Operand } from "./operand.ts";

/** Writes one instruction. Throws a Refusal where FASM stops at once; other errors go to `out.recoverable`. */
export type Encode = (operands: readonly Operand[], count: number, out: Encoding) => void;

export interface Mnemonic {
  readonly name: string;
  /** `rep`, `lock`, a segment register: what follows on the line is an instruction of its own. */
  readonly prefix: boolean;
  /** Takes only the first `count` of `operands`, which may be longer and reused. */
  readonly encode: Encode;
}

const known = new Map<string, Mnemonic>();

/** What encodes instructions of this name (lower case), or undefined when FASM knows no such instruction. */
export function mnemonic(name: string): Mnemonic | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  const special = specials.get(name);
  const encode = special?.encode ?? (isMnemonic(name) ? encodeByPlan(name) : undefined);
  if (encode === undefined) return undefined;
  const made: Mnemonic = { name, prefix: special?.prefix ?? false, encode };
  known.set(name, made);
  return made;
}

/** The names of all instructions but those of AVX; prefixes among them. */
export const plainNames = (): string[] => [...mnemonics(false), ...specials.keys()];

/** Every instruction name FASM knows here; the segment registers, which are prefixes at the start of a line, are not among them. */
export function mnemonicNames(): string[] {
  return [...new Set([...mnemonics(true), ...specials.keys()])].filter(
    (name) => !(segmentNames as readonly string[]).includes(name),
  );
}
