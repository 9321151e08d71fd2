/**
 * Why no row fits, in FASM's words. FASM reads operands one by one and stops at the first that cannot be: of the
 * wrong kind ("invalid operand"), or of a size that differs from the one the instruction has so far ("operand
 * sizes do not match"). Only at the end it asks whether the size itself is possible ("invalid size of operand").
 */
import { type FormOperand, SIZE_FAR, SIZE_V } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import {
  IMMEDIATE,
  MEMORY,
  type Operand,
  REGISTER,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
} from "../operand.ts";
import { type Candidate, matches, registerFits, sizeIn } from "./plan.ts";

const memoryKinds = new Set(["m", "rm", "mmm", "xmmm", "ymmm", "zmmm", "km", "bndm", "moffs"]);

/** Whether a row's operand takes this kind of thing, whatever its size. `segments`: also where a general register is wanted. */
function kindFits(wanted: FormOperand, operand: Operand, segments: boolean): boolean {
  if (operand.jump !== 0) return false;
  switch (operand.kind) {
    case REGISTER: {
      if (wanted.file === undefined || wanted.kind === "imm" || wanted.kind === "m") return false;
      if (segments) return wanted.file === "general" && wanted.kind !== "fixed";
      if (wanted.kind === "fixed" && registerNumber(operand.register) !== wanted.number) return false;
      return [1, 2, 4, 8, 16, 32, 64].some((size) => registerFits(wanted, size, operand.register));
    }
    case MEMORY:
      return memoryKinds.has(wanted.kind);
    case IMMEDIATE:
      return wanted.kind === "imm" || wanted.kind === "one";
    default:
      return false;
  }
}

/** Whether the row's operand shares the one size that FASM keeps for the instruction. */
function shares(candidate: Candidate, at: number): boolean {
  const operands = candidate.form.operands;
  const operand = operands[at]!;
  if (at === 0) return true;
  if (at === operands.length - 1 && candidate.form.attributes.has("apart")) return false;
  const first = operands[0]!;
  const size = sizeIn(operand.size, candidate.v);
  switch (operand.kind) {
    case "imm":
      return operand.signed || size === sizeIn(first.size, candidate.v);
    case "one":
    case "fixed":
      return first.kind === "fixed" || operand.text === "accv";
    case "m":
      return operand.size !== 0 && size === sizeIn(first.size, candidate.v);
    default:
      return size === sizeIn(first.size, candidate.v);
  }
}

/**
 * Where FASM expects a general register it takes the code of a segment register for one of three bytes: no
 * instruction has that size, and the size is what it complains about.
 */
export const SEGMENT_BYTES = 3;

export function explain(
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
): Message {
  let possible = candidates;
  let size = 0;
  for (let i = 0; i < count; i++) {
    const operand = operands[i]!;
    const longer = possible.filter((candidate) => candidate.form.operands.length > i);
    if (longer.length === 0) {
      return candidates.some((candidate) => matches(candidate, operands, i))
        ? "extraCharactersOnLine"
        : sizeRefusal(possible, size);
    }
    possible = longer;
    if (i > 0 && !operand.comma) return "invalidOperand";
    if (possible.every((candidate) => candidate.form.operands[i]!.size === SIZE_FAR)) size += 2;
    else if (!possible.some((candidate) => shares(candidate, i))) size = 0;

    if (operand.size !== 0 && (operand.sizeDeclared || operand.kind === REGISTER)) {
      if (size !== 0 && size !== operand.size) return "operandSizesDoNotMatch";
      size = operand.size;
    }
    let own = operand.kind === REGISTER ? registerSizes[registerClass(operand.register)]! : operand.size;
    let kind = possible.filter((candidate) => kindFits(candidate.form.operands[i]!, operand, false));
    if (kind.length === 0 && operand.kind === REGISTER && registerClass(operand.register) === SEGMENT) {
      kind = possible.filter((candidate) => kindFits(candidate.form.operands[i]!, operand, true));
      own = SEGMENT_BYTES;
    }
    if (kind.length === 0) return "invalidOperand";
    possible = kind;
    if (own !== 0) {
      if (size !== 0 && size !== own) return "operandSizesDoNotMatch";
      size = own;
    }
  }
  if (!possible.some((candidate) => candidate.form.operands.length === count)) return "invalidOperand";
  return sizeRefusal(possible, size);
}

/** Eight bytes are a size that general instructions have, but only in 64-bit code. */
function sizeRefusal(possible: readonly Candidate[], size: number): Message {
  const general = possible.some((candidate) =>
    candidate.form.operands.some((operand) => operand.size === SIZE_V),
  );
  return size === 8 && general ? "illegalInstruction" : "invalidOperandSize";
}
