/**
 * What FASM would have complained of first. It reads operands one after the other and stops at the first that is wrong in any
 * way; here all of them are worked out before the encoder sees any. Where that fails, the encoder is asked what it would have
 * said of the operands up to there, and whether FASM comes to read the one that failed at all.
 */
import type { Assembler } from "./assemble.ts";
import { candidatesOf } from "./encode/plan.ts";
import { isRead, refusalBefore } from "./encode/refuse.ts";
import { isFirstAddress, isPort } from "./encode/special.ts";
import type { Expression } from "./expression/expressions.ts";
import { Refusal } from "./messages.ts";
import {
  BND_PREFIX,
  BOUND,
  type Encoding,
  FAR,
  FLOAT,
  IMMEDIATE,
  MEMORY,
  newOperand,
  OFFSETLESS,
  type Operand,
  REGISTER,
  register,
  SHORT,
} from "./operand.ts";
import type { Shape } from "./shape.ts";

/**
 * Throws `error`, which arose with `expression` of the operand at `assembler.operandIndex`, or what FASM says before it. Returns
 * where neither is said.
 */
export function complain(error: unknown, assembler: Assembler, shape: Shape, expression: Expression): void {
  const { state } = assembler;
  const { operands } = shape;
  for (let index = assembler.operandIndex; index < operands.length; index++) {
    const operand = operands[index]!;
    operand.base = 0;
    operand.index = 0;
    operand.scale = 0;
    operand.addressSize = 0;
    operand.relocation = 0;
    operand.undefined = true;
    if (operand.kind !== FLOAT) assembler.evaluator.put(operand, 0);
  }
  const { at, complaints } = state;
  const { inSegment, operandIndex: index } = assembler;
  assembler.inSegment = false;
  const failed = operands[index]!;
  if (failed.kind === MEMORY && !failed.sizeDeclared && shape.sized)
    failed.size = assembler.evaluator.takenSize;
  try {
    shape.encode(operands, operands.length, state);
    if (failed.fraction && state.complaints !== complaints) {
      state.at = at;
      inEightBytes(assembler, expression);
      return;
    }
  } catch (complaint) {
    state.at = at;
    if (failed.fraction && isOfRest(complaint)) {
      const { complaints } = state;
      const encoded = encodes(shape, index + 1, state);
      state.at = at;
      if (encoded && state.complaints !== complaints) {
        inEightBytes(assembler, expression);
        throw complaint;
      }
    }
    const said = isRead(shape.name)
      ? (saidBefore(shape, index, state) ?? saidOfLabels(shape, index, assembler))
      : saidOfOwn(complaint, shape, index, state, inSegment);
    if (said === undefined) throw error;
    // Too many operands are noticed behind the last one that is wanted, so only if that was not the one that failed.
    if (!isOfRest(said)) throw said;
    state.at = at;
    if (encodes(shape, index + 1, state)) throw error;
    for (let count = index; count >= 0; count--) {
      state.at = at;
      const refused = refusalOf(shape, count, state);
      if (refused === undefined) throw said;
      // The instruction is written, and what `bnd` stands before is judged, before the rest of the line is looked at.
      if (refused instanceof Refusal && isSaidFirst(refused, state)) throw refused;
    }
  }
  throw error;
}

/** What wants a byte complains of a fraction, and then has it in eight bytes. */
function inEightBytes({ evaluator }: Assembler, expression: Expression): void {
  evaluator.valueSize = 8;
  evaluator.evaluate(expression);
}

const isSaidFirst = ({ reason }: Refusal, { prefixes }: Encoding): boolean =>
  reason.startsWith("invalidAddress") || (reason === "illegalInstruction" && (prefixes & BND_PREFIX) !== 0);

const isOfRest = (said: unknown): boolean =>
  said instanceof Refusal && said.reason === "extraCharactersOnLine";

/** What FASM says of the operands before it works out that at `index`; undefined when it comes to that. */
function saidBefore({ name, operands }: Shape, index: number, { bits }: Encoding): Refusal | undefined {
  const said = refusalBefore(name, candidatesOf(name, bits, true), operands, bits, index);
  return said === undefined || said === "reached" ? undefined : new Refusal(said);
}

/** The labels of an address that could not be worked out may have brought along a size that is not the other operands'. */
function saidOfLabels(shape: Shape, index: number, { evaluator, state }: Assembler): Refusal | undefined {
  const operand = shape.operands[index]!;
  const size = evaluator.takenSize;
  if (operand.kind !== MEMORY || operand.sizeDeclared || !shape.sized || size === 0) return undefined;
  const sized = shape.operands.with(index, { ...operand, size, sizeDeclared: true });
  const said = saidBefore({ ...shape, operands: sized }, index, state);
  return said?.reason === "operandSizesDoNotMatch" ? said : undefined;
}

/** The same of instructions whose encoders read their operands themselves, and have said something of them. */
function saidOfOwn(
  complaint: unknown,
  shape: Shape,
  index: number,
  state: Encoding,
  inSegment: boolean,
): unknown {
  // A list is worked off one operand after the other.
  if (shape.lists && encodes(shape, index + 1, state)) return undefined;
  return comesToRead(shape, index, state, inSegment) ? undefined : complaint;
}

/** String instructions: FASM reads their addresses before it asks anything of them. */
const STRINGS = /^(?:movs|cmps|stos|scas|lods|ins|outs|xlat)$/;

/** Whether a string instruction of two operands has an address behind this first one. */
const readsSecond = (name: string, first: Operand): boolean =>
  name === "outs" ? isPort(first) : name !== "ins" && isFirstAddress(name, first);

const number: Operand = { ...newOperand(), kind: IMMEDIATE, comma: true, low: 1, value: 1 };
const bound: Operand = { ...newOperand(), kind: REGISTER, comma: true, register: register(BOUND, 0) };

/**
 * Whether FASM gets as far as the value or the address of an operand, or the segment of a far jump: there is an instruction that
 * begins so.
 */
function comesToRead(
  { name, encode, operands }: Shape,
  index: number,
  state: Encoding,
  inSegment: boolean,
): boolean {
  const failed = operands[index]!;
  const { comma, part, jump, sizeDeclared } = failed;
  // A segment is read before it is known whether there is an offset, and of what size.
  const isSegment = inSegment || failed.kind === OFFSETLESS;
  const { kind, fraction, size }: Operand = isSegment
    ? { ...failed, kind: FAR, fraction: false, size: 0 }
    : failed;
  if (STRINGS.test(name) && kind === MEMORY && jump === 0)
    return index === 0 ? name !== "outs" : index === 1 && comma && readsSecond(name, operands[0]!);
  if (/^(?:push|pop)/.test(name) && kind === MEMORY && jump === 0) return !comma;
  const { at } = state;
  // The size of a number is judged before its value, that of memory behind its address, if it may have one.
  const isTable = /^bnd(?:ldx|stx)$/.test(name);
  const sizes = kind === MEMORY && !isTable ? [{ size: 0 }, { size: 4 }] : [{ size, sizeDeclared }];
  // That there is no short call is said behind the target.
  const reads = name === "call" && jump === SHORT && kind === IMMEDIATE ? { jump: 0 } : { jump };
  const before = operands.slice(0, index);
  // The registers of an address's first part are judged behind its second one.
  if (isTable && part) {
    const first = before.pop()!;
    before.push({ ...first, base: first.index || first.base, index: 0, scale: 0 });
  }
  const taken = sizes.some((sized) =>
    [[], [number], [number, number], [bound]].some((behind) => {
      const tried = [
        ...before,
        { ...newOperand(), kind, comma, part, fraction, ...reads, ...sized },
        ...behind,
      ];
      return encodes({ encode, operands: tried }, tried.length, state);
    }),
  );
  state.at = at;
  return taken;
}

type Tried = Pick<Shape, "encode" | "operands">;

const encodes = (shape: Tried, count: number, state: Encoding): boolean =>
  refusalOf(shape, count, state) === undefined;

/** What is thrown of so many of the operands. */
function refusalOf({ encode, operands }: Tried, count: number, state: Encoding): unknown {
  try {
    encode(operands, count, state);
    return undefined;
  } catch (refusal) {
    return refusal;
  }
}
