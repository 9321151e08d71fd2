/**
 * Why no row fits, in FASM's words. FASM reads operands one by one and stops at the first that cannot be: of the
 * wrong kind ("invalid operand"), or of a size that differs from the one the instruction has so far ("operand
 * sizes do not match"). Only at the end it asks whether the size itself is possible ("invalid size of operand").
 */
import { type Form, SIZE_FAR, SIZE_V } from "../../isa/index.ts";
import type { Message } from "../messages.ts";
import {
  IMMEDIATE,
  MASK,
  MEMORY,
  MMX,
  type Operand,
  REGISTER,
  registerClass,
  registerNumber,
  registerSizes,
  SEGMENT,
  ST,
  XMM,
  ZMM,
} from "../operand.ts";
import { type Candidate, matches, registerFits, sizeIn } from "./plan.ts";

const memoryKinds = new Set(["m", "vsib", "rm", "mmm", "xmmm", "ymmm", "zmmm", "km", "bndm", "moffs"]);

/** Whether a row's operand takes this kind of thing, whatever its size. `segments`: also where a general register is wanted. */
function kindFits(form: Form, at: number, operand: Operand, segments: boolean): boolean {
  const wanted = form.operands[at]!;
  if (operand.jump !== 0) return false;
  switch (operand.kind) {
    case REGISTER: {
      if (wanted.file === undefined || wanted.kind === "imm" || wanted.kind === "m") return false;
      if (segments) {
        const exact = form.attributes.has(at === 0 ? "exact" : "exact2");
        return wanted.file === "general" && wanted.kind !== "fixed" && !exact;
      }
      if (wanted.kind === "fixed") {
        if (registerNumber(operand.register) !== wanted.number) return false;
        // in and out say of a wrong accumulator only that its size is; cl and dx must be exactly these.
        if (/^(cl|dx)$/.test(wanted.text)) return registerFits(wanted, wanted.size, operand.register);
      }
      if (wanted.file === "vector" && form.encoding === "legacy")
        return registerClass(operand.register) === XMM;
      if (form.attributes.has(at === 0 ? "exact" : "exact2") && wanted.file === "general") {
        return registerFits(wanted, wanted.size, operand.register);
      }
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
  const place = candidate.form.places[at];
  if (candidate.form.encoding !== "legacy" && (place === "vvvv" || place === "is4")) {
    return operands[0]!.file === "vector" && operand.file === "vector";
  }
  if (candidate.form.attributes.has("apart2")) return false;
  if (at === operands.length - 1 && candidate.form.attributes.has("apart")) return false;
  const first = operands[0]!;
  const size = sizeIn(operand.size, candidate.v);
  switch (operand.kind) {
    case "imm":
      return operand.signed || size === sizeIn(first.size, candidate.v);
    case "one":
    case "fixed":
      return first.kind === "fixed" || operand.text === "accv" || operand.file === "st";
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

const isVector = (register: number): boolean =>
  registerClass(register) === MMX || registerClass(register) === XMM;

/** Instructions on MM or XMM registers read both with one routine, and find the misfit by its size. */
function takesEitherFile(candidates: readonly Candidate[], candidate: Candidate, at: number): boolean {
  const file = candidate.form.operands[at]!.file;
  if (file === "vector" && candidate.form.attributes.has("either")) return true;
  return (
    (file === "mm" || file === "vector") && candidates.some((other) => other.form.operands[at]?.file === "mm")
  );
}

export function explain(
  candidates: readonly Candidate[],
  operands: readonly Operand[],
  count: number,
): Message {
  if (
    candidates.some((candidate) => candidate.form.level === "long" && matches(candidate, operands, count))
  ) {
    return "illegalInstruction";
  }
  if (candidates.every(({ form }) => form.level === "long" && !form.attributes.has("early")))
    return "illegalInstruction";
  let possible = candidates;
  let size = 0;
  // Which operand brought the size, and both as they were before an operand with a size of its own.
  let origin = 0;
  let outer: readonly [number, number] | undefined;
  for (let i = 0; i < count; i++) {
    const operand = operands[i]!;
    const longer = possible.filter((candidate) => candidate.form.operands.length > i);
    if (longer.length === 0) {
      if (
        i === 1 &&
        candidates.some(({ form }) => form.operands[0]?.file === "st" && form.attributes.has("exact"))
      ) {
        return "invalidOperand";
      }
      const shorter = candidates.find((candidate) => matches(candidate, operands, i));
      if (shorter?.form.level === "long") return "illegalInstruction";
      return shorter !== undefined ? "extraCharactersOnLine" : sizeRefusal(possible, size, origin);
    }
    possible = longer;
    if (i > 0 && !operand.comma) return "invalidOperand";
    if (operand.kind === REGISTER && registerClass(operand.register) === MASK && operand.size !== 0)
      return "invalidOperand";
    if (possible.every((row) => isLastVector(row, i))) {
      const rows = possible.filter((row) => kindFits(row.form, i, operand, false));
      if (rows.length === 0) return "invalidOperand";
      if (operand.kind === REGISTER) {
        const bytes = registerSizes[registerClass(operand.register)]!;
        if (size !== 0 && bytes !== size && rows.every(sameLength)) {
          return "operandSizesDoNotMatch";
        }
        if (rows.every((row) => row.form.operands[i]!.size !== bytes)) {
          return size !== 0 && bytes !== size ? "operandSizesDoNotMatch" : "invalidOperandSize";
        }
      } else if (operand.size !== 0) {
        const fixed = rows.every(isFixedLength);
        const fitting = rows.some((row) => row.form.operands[i]!.memorySize === operand.size);
        if (fixed && !fitting) return "invalidOperandSize";
        if (!fixed && size !== 0 && operand.size !== size) return "operandSizesDoNotMatch";
      }
      possible = rows;
      continue;
    }
    const isSegment = operand.kind === REGISTER && registerClass(operand.register) === SEGMENT;
    const at = (segments: boolean) =>
      possible.filter((candidate) => kindFits(candidate.form, i, operand, segments));
    let kind = at(false);
    let own = operand.kind === REGISTER ? registerSizes[registerClass(operand.register)]! : operand.size;
    if (kind.length === 0 && isSegment) {
      kind = at(true);
      own = SEGMENT_BYTES;
    }
    if (
      kind.length === 0 &&
      operand.kind === REGISTER &&
      operands[0]!.kind === REGISTER &&
      isVector(operand.register)
    ) {
      kind = possible.filter((candidate) => takesEitherFile(candidates, candidate, i));
    }
    const rows = kind.length > 0 ? kind : possible;
    if (rows.every((candidate) => candidate.form.operands[i]!.size === SIZE_FAR)) size += 2;
    else if (!rows.some((candidate) => shares(candidate, i))) {
      if (i > 0) outer = [size, origin];
      size = 0;
    }

    const refuses = (row: Candidate): boolean => refusesSize(row, i, operand.size);
    if (operand.sizeDeclared && (kind.length > 0 ? kind.every(refuses) : rows.some(refuses))) {
      return rows.some((row) => row.form.attributes.has("loose")) ? "invalidValue" : "invalidOperandSize";
    }
    if (operand.size !== 0 && i > 0 && rows.every((row) => row.form.operands[i]!.text === "xmm0"))
      return "invalidOperand";
    if (operand.size !== 0 && (operand.sizeDeclared || operand.kind === REGISTER)) {
      if (size !== 0 && size !== operand.size) return "operandSizesDoNotMatch";
      size = operand.size;
      origin = i;
    }
    if (kind.length === 0) {
      if (i === 0 && !(operand.kind === REGISTER && isGeneralOperand(operand.register))) {
        if (candidates.some((candidate) => candidate.form.attributes.has("optional")))
          return "extraCharactersOnLine";
      }
      const argument =
        i > 0 && operand.jump === 0 && possible.every((row) => row.form.attributes.has("argument"));
      const memoryOnly = possible.every((row) => /^(m|vsib)$/.test(row.form.operands[i]!.kind));
      return argument && (memoryOnly || !general(operand)) ? "invalidArgument" : "invalidOperand";
    }
    possible = kind;
    const fixed = kind[0]!.form.operands[i]!.kind === "fixed" && kind[0]!.form.attributes.has("apart");
    if (own !== 0 && !(fixed && operand.size !== 0 && /^(cl|dx)$/.test(kind[0]!.form.operands[i]!.text))) {
      if (size !== 0 && size !== own) return "operandSizesDoNotMatch";
      size = own;
      if (i === 0 || outer !== undefined) origin = i;
    }
    if (
      i === 0 &&
      operand.kind === MEMORY &&
      own !== 0 &&
      kind.every((row) => row.form.attributes.has("early"))
    ) {
      if (kind.every((row) => sizeIn(row.form.operands[i]!.memorySize, row.v) !== own))
        return "invalidOperandSize";
    }
    if (operand.kind === REGISTER && kind.every((row) => row.form.attributes.has("early"))) {
      if (kind.every((row) => sizeIn(row.form.operands[i]!.size, row.v) !== own)) return "invalidOperandSize";
    }
    if (outer !== undefined && operand.kind === IMMEDIATE && size > 1 && rows.every(hasByteTail))
      return "invalidOperandSize";
  }
  if (!possible.some((candidate) => candidate.form.operands.length === count)) return "invalidOperand";
  if (outer !== undefined && possible.every((candidate) => candidate.form.attributes.has("apart")))
    [size, origin] = outer;
  const last = count > 0 ? operands[count - 1]! : undefined;
  if (size === 8 && last?.kind === IMMEDIATE && last.sizeDeclared && outer === undefined)
    return "longImmediateNotEncodable";
  return sizeRefusal(possible, size, origin);
}

/** The last byte of an SSE instruction: a larger size before it is wrong whatever follows. */
function refusesSize(candidate: Candidate, at: number, size: number): boolean {
  const form = candidate.form;
  if (at === 0 && !form.attributes.has("apart2")) return false;
  const wanted = form.operands[at]!;
  const simd =
    form.operands[0]!.file === "vector" || form.operands[0]!.file === "mm" || form.attributes.has("apart2");
  return simd && wanted.kind === "imm" && size > 1;
}

/** The vector register or memory that AVX instructions read last. */
function isLastVector({ form }: Candidate, at: number): boolean {
  const wanted = form.operands[at]!;
  const place = form.places[at];
  return (
    form.encoding !== "legacy" && (place === "rm" || place === "is4") && wanted.file === "vector" && at > 0
  );
}

/** Whether all vectors of the form are equally long. */
function sameLength({ form }: Candidate): boolean {
  const wanted = form.operands[form.places.indexOf("rm")]!;
  return wanted.memorySize === wanted.size && wanted.size === form.operands[0]!.size;
}

/** Whether the memory's size does not depend on the length of the registers. */
function isFixedLength({ form }: Candidate): boolean {
  const wanted = form.operands[form.places.indexOf("rm")]!;
  const other = form.operands[0]!.file === "vector" && form.operands[0]!.size !== wanted.size;
  return other || wanted.memorySize !== wanted.size || ONLY_128.test(form.name);
}

const ONLY_128 = /^v(dppd|aesimc|aeskeygenassist|pcmp[ei]str[im]|pcom|ph(add|sub)|pmac|pmad|pperm)/;

const hasByteTail = (candidate: Candidate): boolean => candidate.form.operands.at(-1)!.size === 1;

/** The registers that FASM's parser marks as operands of general instructions; control registers and masks are others. */
export function isGeneralOperand(register: number): boolean {
  const kind = registerClass(register);
  return kind <= SEGMENT || (kind >= ST && kind <= ZMM);
}

const general = (operand: Operand): boolean =>
  operand.kind === MEMORY || (operand.kind === REGISTER && isGeneralOperand(operand.register));

/** Eight bytes are a size that general instructions have, but only in 64-bit code. */
function sizeRefusal(possible: readonly Candidate[], size: number, origin: number): Message {
  if (size !== 8) return "invalidOperandSize";
  const wide = possible.some((candidate) => {
    const operand = candidate.form.operands[origin];
    return operand !== undefined && (operand.memorySize === SIZE_V || operand.kind === "imm");
  });
  return wide ? "illegalInstruction" : "invalidOperandSize";
}
