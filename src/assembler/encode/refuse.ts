/** Why FASM refuses what no row fits, in its words. */
import { byMnemonic } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import type { Operand } from "../operand.ts";
import { generalReadings, nothing, nothingLong } from "./general.ts";
import type { Candidate } from "./plan.ts";
import { Reader, type Reading, Refused } from "./reader.ts";
import { mostSimd, simdReadings } from "./simd.ts";
import { vectorReading } from "./vector.ts";
import { traitsOf, VectorReader } from "./vector-reader.ts";

/** How FASM reads an instruction of this name that is not AVX's. */
function plainReading(name: string): Reading {
  const rows = byMnemonic(name);
  if (rows.every(({ operands }) => operands.length === 0))
    return rows.every(({ level }) => level === "long") ? nothingLong : nothing;
  for (const readings of [generalReadings, simdReadings]) {
    const found = readings.find(([names]) => names.test(name));
    if (found !== undefined) return found[1];
  }
  return mostSimd(name);
}

/** Those with AVX's letters that FASM does not read as it does AVX. */
const strangers = /^v(?:ld|st)mxcsr$|^[^kv]/;

/** What FASM says of operands that it reads; undefined when it finds nothing wrong with them. */
export function refusal(
  name: string,
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
  bits: number,
): Message | undefined {
  if (candidates.length === 0) return "illegalInstruction";
  const plain = strangers.test(name) || candidates.some(({ form }) => form.encoding === "legacy");
  try {
    if (plain) {
      const reader = new Reader(operands, count, bits);
      plainReading(name)(reader, name);
      return reader.end();
    }
    const reader = new VectorReader(operands, count, bits, traitsOf(candidates));
    vectorReading(name)(reader, name);
    return reader.end();
  } catch (refused) {
    if (refused instanceof Refused) return refused.message;
    throw refused;
  }
}
