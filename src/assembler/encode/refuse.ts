/** Why FASM refuses what no row fits, in its words. */
import { byMnemonic } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import type { Operand } from "../operand.ts";
import { generalReadings, nothing, nothingLong } from "./general.ts";
import type { Candidate } from "./plan.ts";
import { Reached, Reader, type Reading, Refused } from "./reader.ts";
import { mostSimd, simdReadings } from "./simd.ts";
import { vectorReading } from "./vector.ts";
import { traitsOf, VectorReader } from "./vector-reader.ts";

/** How FASM reads an instruction of this name that is not AVX's. */
function plainReading(name: string): Reading {
  const rows = byMnemonic(name);
  const isLong = rows.every(({ level }) => level === "long");
  if (rows.every(({ operands }) => operands.length === 0)) return isLong ? nothingLong : nothing;
  // Of what saves and restores states FASM asks first whether the code is of 64 bits.
  for (const readings of [generalReadings, simdReadings]) {
    const found = readings.find(([names]) => names.test(name));
    if (found !== undefined) return found[1];
  }
  return mostSimd(name);
}

/** What saves and restores states: FASM asks first whether the code is of 64 bits. */
const states = /^f?x(?:save|rstor)\w*64$/;

/** Those whose encoders read their operands themselves: jumps, the stack, string instructions, bounds in two parts. */
const own =
  /^(?:j|call$|loop|xbegin$|push|pop[wdq]?$|ret|int$|enter$|(?:movs|cmps|stos|scas|lods|ins|outs|xlat|bndmk|bndldx|bndstx|useavx...)$)/;

/** Whether what FASM says of an instruction of this name is found by reading its operands here. */
export const isRead = (name: string): boolean => !own.test(name);

/** Those with AVX's letters that FASM does not read as it does AVX. */
const strangers = /^v(?:ld|st)mxcsr$|^[^kv]/;

/** Reads all operands, or up to where that at `trap` is worked out. */
function read(
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
  bits: number,
  trap: number,
): Message | "reached" | undefined {
  if (candidates.length === 0) return "illegalInstruction";
  if (bits !== 64 && states.test(name)) return "illegalInstruction";
  try {
    return readerOf(name, candidates, operands, count, bits, trap).end();
  } catch (ended) {
    if (ended instanceof Refused) return ended.message;
    if (ended instanceof Reached) return "reached";
    throw ended;
  }
}

/** What has read all operands. */
function readerOf(
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
  bits: number,
  trap: number,
): Reader {
  if (strangers.test(name) || candidates.some(({ form }) => form.encoding === "legacy")) {
    const reader = new Reader(operands, count, bits, trap);
    plainReading(name)(reader, name);
    return reader;
  }
  const reader = new VectorReader(operands, count, bits, trap, traitsOf(candidates));
  vectorReading(name)(reader, name);
  return reader;
}

/** Whether FASM has written the instruction when it comes to the number behind: `$` is there then, not at its beginning. */
export function isNumberLate(
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  bits: number,
): boolean {
  if (!isRead(name) || candidates.length === 0) return false;
  try {
    return readerOf(name, candidates, operands, operands.length, bits, -1).late;
  } catch (refused) {
    if (refused instanceof Refused) return false;
    throw refused;
  }
}

/** What FASM says of operands that it reads; undefined when it finds nothing wrong with them. */
export const refusal = (
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
  bits: number,
): Message | undefined => read(name, candidates, operands, count, bits, -1) as Message | undefined;

/** What FASM says before it works out the operand at `index`: "reached" when it comes to that. */
export const refusalBefore = (
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  bits: number,
  index: number,
): Message | "reached" | undefined => read(name, candidates, operands, operands.length, bits, index);
