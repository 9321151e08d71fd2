/**
 * What FASM would have complained of first. It reads operands one after the other and stops at the first that is wrong in any
 * way; here all of them are worked out before the encoder sees any. Where that fails, the encoder is asked what it would have
 * said of the operands up to there, and whether FASM comes to read the one that failed at all.
 */
import type { Assembler } from "./assemble.ts";
import { isPort } from "./encode/special.ts";
import type { Expression } from "./expression/expressions.ts";
import type { Shape } from "./instruction.ts";
import { Refusal } from "./messages.ts";
import {
  BOUND,
  type Encoding,
  FLOAT,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  MASK,
  MASKING,
  MEMORY,
  MMX,
  newOperand,
  type Operand,
  REGISTER,
  register,
  registerClass,
  registerNumber,
  XMM,
  YMM,
  ZMM,
} from "./operand.ts";

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
  const index = assembler.operandIndex;
  try {
    shape.encode(operands, operands.length, state);
    // What wants a byte complains of a fraction, and then has it in eight bytes.
    if (operands[index]!.fraction && state.complaints !== complaints) {
      state.at = at;
      assembler.evaluator.valueSize = 8;
      assembler.evaluator.evaluate(expression);
      return;
    }
  } catch (complaint) {
    state.at = at;
    // A list is worked off one operand after the other.
    if (shape.lists && encodes(shape, index + 1, state)) throw error;
    if (comesToRead(shape, index, state) && !isOtherSize(complaint, shape, index)) throw error;
    // Too many operands are noticed behind the last one that is wanted, so only if that was not the one that failed.
    if (!(complaint instanceof Refusal && complaint.reason === "extraCharactersOnLine")) throw complaint;
    state.at = at;
    if (encodes(shape, index + 1, state)) throw error;
    for (let count = index; count >= 0; count--) {
      state.at = at;
      if (encodes(shape, count, state)) throw complaint;
    }
  }
  throw error;
}

/**
 * A size that is written before an operand is held at once against that of a register before it, but by those of AVX; all
 * else that an instruction has against a size it says when it has read what the size is written for.
 */
function isOtherSize(
  complaint: unknown,
  { operands, sized: matters, decorates }: Shape,
  index: number,
): boolean {
  const [first] = operands;
  if (index === 0 && !matters) return first!.sizeDeclared;
  const sized = index > 0 && first!.kind === REGISTER && (!decorates || registerClass(first!.register) < XMM);
  const differs = complaint instanceof Refusal && complaint.reason === "operandSizesDoNotMatch";
  return sized && differs && operands[index]!.sizeDeclared;
}

const another = (kind: Operand["kind"], more: Partial<Operand>): Operand => ({
  ...newOperand(),
  kind,
  comma: true,
  ...more,
});
const registers = [GPR16, GPR32, GPR64, MASK, BOUND].map((kind) =>
  another(REGISTER, { register: register(kind, 1) }),
);
const number = another(IMMEDIATE, { low: 1, value: 1 });
const vectorRegisters = [MMX, XMM, YMM, ZMM].map((kind) => register(kind, 1));
const vectors = vectorRegisters.map((each) => another(REGISTER, { register: each }));

/** What may stand behind an operand: one of these goes with every one that is not the last. */
const behind: readonly (readonly Operand[])[] = [
  [],
  [number],
  [number, number],
  ...registers.flatMap((each) => [[each], [each, number]]),
  ...vectors.flatMap((each) => [[each], [each, number], [each, each], [each, each, number]]),
];

/** Addresses as instructions want them: with an index that is a vector, with a mask, or plain. */
const addresses: readonly Partial<Operand>[] = [XMM, YMM, ZMM]
  .map((kind): Partial<Operand> => ({ index: register(kind, 7), scale: 1 }))
  .concat({}, { size: 4 })
  .flatMap((address) => [address, { ...address, mask: 1, decorators: [MASKING | 1] }]);

/** Whether FASM gets as far as the value or the address of an operand: there is an instruction that begins so. */
function comesToRead(shape: Shape, index: number, state: Encoding): boolean {
  const { at } = state;
  const { kind, comma, fraction, jump } = shape.operands[index]!;
  if (shape.strings && kind === MEMORY && jump === 0)
    return (
      index === 0 ||
      (index === 1 && comma && (shape.operands[0]!.kind === MEMORY || isPort(shape.operands[0])))
    );
  const before = shape.operands
    .slice(0, index)
    // A register above 15 where AVX has none is noticed last.
    .map((operand) => (shape.decorates ? { ...operand, register: operand.register & ~16 } : operand))
    // So is one of 64 bits in other code behind which an address is read.
    .map((operand) => (state.bits === 64 || shape.early || kind !== MEMORY ? operand : narrowed(operand)));
  const tried = kind === MEMORY ? addresses : [{}];
  const taken = tried.some((more) =>
    behind.some((others) => {
      const operands = [...before, another(kind, { comma, fraction, jump, ...more }), ...others];
      return encodes({ ...shape, operands }, operands.length, state);
    }),
  );
  state.at = at;
  return taken;
}

/** The operand with a register, or a size, of 32 bits for one of 64. */
function narrowed(operand: Operand): Operand {
  if (operand.kind === REGISTER && registerClass(operand.register) === GPR64)
    return {
      ...operand,
      register: register(GPR32, registerNumber(operand.register) & 7),
      size: 0,
      sizeDeclared: false,
    };
  return operand;
}

function encodes(shape: Shape, count: number, state: Encoding): boolean {
  try {
    shape.encode(shape.operands, count, state);
    return true;
  } catch {
    return false;
  }
}
