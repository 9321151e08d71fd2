/** Conditions in the current pass: what `if`, `while` and `assert` ask (EXPRCALC.INC, calculate_logical_expression). */
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import {
  DEFINED,
  DEFINITION_GUESSED,
  DEFINITION_GUESSED_YES,
  type Label,
  USE_GUESSED,
  USE_GUESSED_YES,
  USED,
  VARIABLE,
} from "../symbols.ts";
import {
  I_ADDRESS,
  I_END,
  I_EXPRESSION,
  I_LABEL,
  I_LINE,
  O_CLOSE,
  O_DEFINED,
  O_DEFINITE,
  O_MISPLACED,
  O_NOT_EQUAL,
  O_NOT_GREATER,
  O_NOT_LESS,
  O_OPEN,
  O_RELATIVETO,
  O_USED,
} from "../words.ts";
import type { Term } from "./evaluate.ts";
import { E_INVALID, E_LABEL, E_RESERVED, type Expression, K_NUMERIC } from "./expressions.ts";
import type { Int } from "./int.ts";

const NOT = 0x7e;
const OR = 0x7c;
const AND = 0x26;
const EQUAL = 0x3d;
const LESS = 0x3c;
const GREATER = 0x3e;
const FALSE = 0x30;
const TRUE = 0x31;

/** Evaluates the condition at the cursor and leaves the cursor behind it. */
export function condition(assembler: Assembler): boolean {
  const quick = numbersAlone(assembler);
  return quick < 0 ? expression(assembler, false) : quick !== 0;
}

/** One plain number, or two that are compared: 1 or 0. Anything else is -1, with the cursor where it was. */
function numbersAlone({ state, program, evaluator }: Assembler): number {
  const { kinds, values } = program;
  let { item } = state;
  const negated = kinds[item] === NOT ? 1 : 0;
  item += negated;
  if (kinds[item] !== I_EXPRESSION) return -1;
  evaluator.takesSizes = false;
  if (!evaluator.isKnown(values[item]!)) return -1;
  const left = evaluator.worth[0]!;
  const operator = kinds[item + 1]!;
  if (operator === I_LINE) {
    state.item = item + 1;
    return (left === 0 ? 0 : 1) ^ negated;
  }
  if (kinds[item + 2] !== I_EXPRESSION || kinds[item + 3] !== I_LINE) return -1;
  if (!evaluator.isKnown(values[item + 2]!)) return -1;
  const right = evaluator.worth[0]!;
  let result: boolean;
  if (operator === EQUAL) result = left === right;
  else if (operator === O_NOT_EQUAL) result = left !== right;
  else if (operator === LESS) result = left < right;
  else if (operator === GREATER) result = left > right;
  else if (operator === O_NOT_LESS) result = left >= right;
  else if (operator === O_NOT_GREATER) result = left <= right;
  else return -1;
  state.item = item + 3;
  return (result ? 1 : 0) ^ negated;
}

function expression(assembler: Assembler, wrapped: boolean): boolean {
  const { state } = assembler;
  let result = value(assembler);
  for (;;) {
    const kind = assembler.kind();
    if (kind !== OR && kind !== AND) return result;
    state.item++;
    if (result === (kind === OR)) {
      if (!skipValue(assembler, wrapped)) refuse("invalidExpression");
    } else result = value(assembler);
  }
}

/** Passes over a value that no longer matters; false when it is not built like one. */
function skipValue(assembler: Assembler, wrapped: boolean): boolean {
  const { state } = assembler;
  while (assembler.kind() === NOT) state.item++;
  if (assembler.kind() === O_OPEN) {
    state.item++;
    for (;;) {
      skipValue(assembler, true);
      const kind = assembler.kind();
      state.item++;
      if (kind === OR || kind === AND) continue;
      return kind === O_CLOSE;
    }
  }
  for (let depth = 0; ; state.item++) {
    const kind = assembler.kind();
    if (kind === I_END || kind === I_LINE || kind === OR || kind === AND) return true;
    if (kind === O_OPEN) depth++;
    else if (kind === O_CLOSE && --depth < 0 && wrapped) return true;
  }
}

function value(assembler: Assembler): boolean {
  const { state } = assembler;
  let negated = false;
  while (assembler.kind() === NOT) {
    state.item++;
    negated = !negated;
  }
  return positive(assembler) !== negated;
}

function positive(assembler: Assembler): boolean {
  const { state, program } = assembler;
  switch (assembler.kind()) {
    case O_OPEN: {
      state.item++;
      const result = expression(assembler, true);
      if (assembler.kind() !== O_CLOSE) refuse("invalidExpression");
      state.item++;
      return result;
    }
    case O_MISPLACED:
      return refuse("invalidExpression");
    case O_DEFINED:
    case O_DEFINITE: {
      const guesses = assembler.kind() === O_DEFINED;
      state.item++;
      if (assembler.kind() !== I_EXPRESSION) refuse("invalidExpression");
      return isDefined(assembler, program.values[state.item++]!, guesses);
    }
    case O_USED: {
      state.item++;
      if (assembler.kind() !== I_LABEL) refuse("invalidExpression");
      return isUsed(assembler, assembler.labelOf(program.values[state.item++]!));
    }
    case FALSE:
      state.item++;
      return false;
    case TRUE:
      state.item++;
      return true;
    case I_EXPRESSION:
      return comparison(assembler);
    default:
      return refuse("invalidValue");
  }
}

/** Items below it are instructions, labels, registers and other words; signs and operators are above. */
const FIRST_SIGN = 0x20;

const kept: Term = { value: 0, register1: 0, scale1: 0, register2: 0, scale2: 0, relocation: 0, base: null };

function operand(assembler: Assembler): Term {
  const { state, program, evaluator } = assembler;
  if (assembler.kind() !== I_EXPRESSION) refuse("invalidValue");
  evaluator.valueSize = 8;
  evaluator.takesSizes = false;
  evaluator.evaluate(program.values[state.item++]!);
  return evaluator.result;
}

function comparison(assembler: Assembler): boolean {
  const { state } = assembler;
  const first = operand(assembler);
  const operator = assembler.kind();
  if (
    operator === I_END ||
    operator === I_LINE ||
    operator === O_CLOSE ||
    operator === AND ||
    operator === OR
  ) {
    if (first.relocation !== 0 || first.register1 | first.register2) state.misuse();
    return first.value !== 0;
  }
  // Whatever else stands there is taken for an operator, and only then found to be none: unless it is no single sign.
  if (operator < FIRST_SIGN || operator === I_EXPRESSION || operator === I_ADDRESS) refuse("invalidValue");
  state.item++;
  // The evaluator's result is about to be overwritten.
  const left = kept;
  left.value = first.value;
  left.register1 = first.register1;
  left.scale1 = first.scale1;
  left.register2 = first.register2;
  left.scale2 = first.scale2;
  left.relocation = first.relocation;
  left.base = first.base;
  const right = operand(assembler);
  const related = areRelated(left, right);
  if (operator === O_RELATIVETO) return related;
  if (!related) state.misuse();
  if (operator === EQUAL) return left.value === right.value;
  if (operator === O_NOT_EQUAL) return left.value !== right.value;
  if (left.register1 | left.register2) state.misuse();
  return ordered(operator, left.value, right.value);
}

function ordered(operator: number, a: Int, b: Int): boolean {
  switch (operator) {
    case GREATER:
      return a > b;
    case LESS:
      return a < b;
    case O_NOT_LESS:
      return a >= b;
    case O_NOT_GREATER:
      return a <= b;
    default:
      return refuse("invalidExpression");
  }
}

/** Whether the difference of two values is a plain number: the same registers, the same section. */
function areRelated(a: Term, b: Term): boolean {
  if (a.relocation !== b.relocation) return false;
  if (a.relocation !== 0 && a.base !== b.base) return false;
  return (
    (a.register1 === b.register1 &&
      a.scale1 === b.scale1 &&
      a.register2 === b.register2 &&
      a.scale2 === b.scale2) ||
    (a.register1 === b.register2 &&
      a.scale1 === b.scale2 &&
      a.register2 === b.register1 &&
      a.scale2 === b.scale1)
  );
}

function isDefined(assembler: Assembler, asked: Expression, guesses: boolean): boolean {
  const { state } = assembler;
  const { expressions } = assembler.program;
  if (expressions.kind(asked) !== K_NUMERIC) return true;
  let result = true;
  for (const element of expressions.elements(asked)) {
    const kind = element & 0xff;
    if (kind === E_INVALID) refuse("invalidExpression");
    if (kind === E_RESERVED) refuse("reservedWordUsedAsSymbol");
    if (kind === E_LABEL && !labelIsDefined(state.labels[element >>> 8]!, state.pass, guesses))
      result = false;
  }
  return result;
}

function labelIsDefined(label: Label, pass: number, guesses: boolean): boolean {
  const age = pass - label.definedIn;
  if (!guesses || label.flags & VARIABLE) return (label.flags & DEFINED) !== 0 && age === 0;
  if (label.flags & DEFINED) {
    if (age === 0) return true;
    if (age === 1) {
      label.flags |= DEFINITION_GUESSED | DEFINITION_GUESSED_YES;
      return true;
    }
  }
  label.flags = (label.flags | DEFINITION_GUESSED) & ~DEFINITION_GUESSED_YES;
  return false;
}

function isUsed(assembler: Assembler, label: Label): boolean {
  if (label.flags & USED) {
    const age = assembler.state.pass - label.usedIn;
    if (age === 0) return true;
    if (age === 1) {
      label.flags |= USE_GUESSED | USE_GUESSED_YES;
      return true;
    }
  }
  label.flags = (label.flags | USE_GUESSED) & ~USE_GUESSED_YES;
  return false;
}
