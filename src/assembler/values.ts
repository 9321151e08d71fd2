/** The operands of an instruction to their values, where and in the order FASM works them out. */
import type { Assembler } from "./assemble.ts";
import { complain } from "./complaint.ts";
import { endsWithDword } from "./encode/dword.ts";
import { frameBytes } from "./encode/special.ts";
import { E_PREDEFINED, type Expression, K_FLOAT, P_COUNTER, P_TIME } from "./expression/expressions.ts";
import { refuse } from "./messages.ts";
import { FAR, IMMEDIATE, MEMORY, type Operand, registerClass, registerSizes } from "./operand.ts";
import { addressExpression, type Program } from "./program.ts";
import type { Shape } from "./shape.ts";
import { I_ADDRESS } from "./words.ts";

/** The expression of an operand, or of its address; -1 when it has none. */
export function expressionOf(program: Program, item: number, shape: Shape, index: number): Expression {
  const offset = shape.expressionAt[index]!;
  if (offset < 0) return -1;
  const at = item + offset;
  const value = program.values[at]!;
  return program.kinds[at] === I_ADDRESS ? addressExpression(value) : value;
}

/** How many numbers stand at the end of the line, behind other operands. */
function numbersBehind({ operands, jumps }: Shape): number {
  if (jumps) return 0;
  let first = operands.length;
  while (first > 0 && operands[first - 1]!.kind === IMMEDIATE) first--;
  return first === 0 ? 0 : operands.length - first;
}

/** Whether one of them depends on where it is worked out. */
export function saysHere(program: Program, item: number, shape: Shape): boolean {
  const { code, starts } = program.expressions;
  for (let index = shape.operands.length - numbersBehind(shape); index < shape.operands.length; index++) {
    const expression = expressionOf(program, item, shape, index);
    const end = starts[expression + 1]!;
    for (let at = starts[expression]!; at < end; at++) {
      const number = code[at]! >>> 8;
      if ((code[at]! & 0xff) === E_PREDEFINED && number !== P_COUNTER && number !== P_TIME) return true;
    }
  }
  return false;
}

/** Works out the operands' values; throws what FASM says first where that fails. */
export function evaluate(assembler: Assembler, shape: Shape, item: number): void {
  try {
    if (shape.waits) evaluateBehindWait(assembler, shape, item);
    else evaluateOperands(assembler, shape, item);
  } catch (error) {
    complain(error, assembler, shape, expressionOf(assembler.program, item, shape, assembler.operandIndex));
  }
}

function evaluateBehindWait(assembler: Assembler, shape: Shape, item: number): void {
  const { state } = assembler;
  state.at++;
  try {
    evaluateOperands(assembler, shape, item);
  } finally {
    state.at--;
  }
}

/** Works out the numbers, a byte each, behind everything else that the instruction is. */
export function evaluateBehind(assembler: Assembler, shape: Shape, item: number): void {
  const { evaluator, program, state } = assembler;
  const { operands } = shape;
  const { at } = state;
  const count = numbersBehind(shape);
  const numbers = operands.slice(-count);
  for (const number of numbers) {
    evaluator.put(number, 0);
    number.relocation = 0;
  }
  shape.encode(operands, operands.length, state);
  state.at -= count;
  for (const [index, number] of numbers.entries()) {
    const expression = expressionOf(program, item, shape, operands.length - count + index);
    evaluateImmediate(assembler, number, expression, false);
    state.at++;
  }
  state.at = at;
}

/** Works out all values. */
function evaluateOperands(assembler: Assembler, shape: Shape, item: number): void {
  const { evaluator, program, state } = assembler;
  const { operands, segmentAt, closed } = shape;
  const count = Math.min(operands.length, shape.reads);
  state.numberMissed = false;
  for (let index = 0; index < count; index++) {
    const expression = expressionOf(program, item, shape, index);
    if (expression < 0) continue;
    assembler.operandIndex = index;
    const operand = operands[index]!;
    if (operand.kind === MEMORY) {
      const { addressSize } = operand;
      if (addressSize === 1) refuse("invalidAddressSize");
      if (shape.bounds && addressSize !== 0 && addressSize !== (state.bits === 64 ? 8 : 4))
        refuse("invalidAddressSize");
      evaluator.takesSizes = !operand.sizeDeclared && (shape.sized || shape.agrees);
      evaluator.takenSize = 0;
      evaluator.address(expression, operand, operand.addressSize, fasmSegment(operand.segment), false);
      if (!operand.sizeDeclared) operand.size = shape.sized ? evaluator.takenSize : 0;
      evaluator.takesSizes = false;
      if (!closed[index]) refuse(shape.divided ? "invalidOperand" : "invalidAddress");
      continue;
    }
    if (operand.kind === FAR) {
      assembler.inSegment = true;
      evaluateSegment(assembler, operand, program.values[item + segmentAt[index]!]!);
      assembler.inSegment = false;
    }
    if (program.expressions.kind(expression) === K_FLOAT) {
      if (!shape.jumps) evaluateFloat(assembler, shape, operand, expression);
    } else {
      const { errorLine } = state;
      if (shape.judges && index === 1) frameBytes(operands[0]!, state);
      evaluateImmediate(assembler, operand, expression, shape.jumps);
      if (state.errorLine !== errorLine) state.numberMissed = true;
      if (!closed[index]) refuse("invalidOperand");
    }
  }
}

/** The segment's number as FASM's rules for base and index ask for it: ES 1 … GS 6. */
const fasmSegment = (segmentRegister: number): number =>
  segmentRegister === 0 ? 0 : (segmentRegister & 31) + 1;

function evaluateImmediate(
  assembler: Assembler,
  operand: Operand,
  expression: Expression,
  jumps: boolean,
): void {
  const { evaluator } = assembler;
  evaluator.valueSize = 8;
  // A target is an address: its labels must agree on a size, of which nothing else comes.
  evaluator.takesSizes = jumps && operand.kind !== FAR && !operand.sizeDeclared;
  evaluator.takenSize = 0;
  evaluator.evaluate(expression);
  evaluator.takesSizes = false;
  const { result } = evaluator;
  if (result.register1 | result.register2) {
    // Targets of jumps may have registers, those of `virtual at ebx`: they are those of an address as wide as the jump. The
    // second part of a divided address has those of a bound.
    if (!jumps || operand.kind === FAR) refuse("invalidValue");
    const { bits } = assembler.state;
    const size = operand.part ? (bits === 64 ? 8 : 4) : operand.size || bits >> 3;
    evaluator.address(expression, operand, size, 0, false);
    return;
  }
  operand.base = 0;
  operand.index = 0;
  operand.scale = 0;
  operand.relocation = result.relocation;
  operand.relocationBase = result.base;
  operand.undefined = evaluator.undefined;
  evaluator.put(operand, result.value);
}

/** A floating point constant takes the form of the size it is wanted in: its own, another operand's, the code's. */
function evaluateFloat(assembler: Assembler, shape: Shape, operand: Operand, expression: Expression): void {
  const { evaluator, state } = assembler;
  let size = operand.size;
  for (const other of shape.operands) {
    if (size === 0) size = other.size || registerSizes[registerClass(other.register)]!;
  }
  if (endsWithDword(shape.name)) size = 4;
  evaluator.valueSize = size || shape.floatSize || state.bits >> 3;
  operand.kind = IMMEDIATE;
  evaluator.evaluate(expression);
  evaluator.put(operand, evaluator.result.value);
  operand.relocation = 0;
  operand.undefined = false;
}

function evaluateSegment(assembler: Assembler, operand: Operand, expression: Expression): void {
  const term = assembler.evaluator.word(expression);
  operand.segmentValue = Number(term.value);
  operand.segmentRelocation = term.relocation;
  operand.segmentBase = term.base;
}
