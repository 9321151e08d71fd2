/** Evaluates an expression of numbers alone: what the preprocessor may ask for. */
import { refuse } from "../messages.ts";
import {
  OP_ADD,
  OP_AND,
  OP_BSF,
  OP_BSR,
  OP_DIV,
  OP_MOD,
  OP_MUL,
  OP_NEG,
  OP_NOT,
  OP_OR,
  OP_SHL,
  OP_SHR,
  OP_SUB,
  OP_XOR,
} from "../words.ts";
import { E_NUMBER, E_TOO_LARGE, type Expression, type Expressions, K_NUMERIC } from "./expressions.ts";
import {
  add,
  and,
  divide,
  highestBit,
  type Int,
  lowestBit,
  multiply,
  negate,
  not,
  or,
  overflow,
  remainder,
  shiftLeft,
  shiftRight,
  subtract,
  xor,
} from "./int.ts";

/** The value of a binary operator, or undefined when it is none. Division by zero is the caller's to refuse. */
export function binaryValue(operator: number, a: Int, b: Int): Int | undefined {
  switch (operator) {
    case OP_ADD:
      return add(a, b);
    case OP_SUB:
      return subtract(a, b);
    case OP_MUL:
      return multiply(a, b);
    case OP_DIV:
      return divide(a, b);
    case OP_MOD:
      return remainder(a, b);
    case OP_AND:
      return and(a, b);
    case OP_OR:
      return or(a, b);
    case OP_XOR:
      return xor(a, b);
    case OP_SHL:
      return shiftLeft(a, b);
    case OP_SHR:
      return shiftRight(a, b);
    default:
      return undefined;
  }
}

/** The value of a unary operator; sets `overflow.happened` where no bit is found, and the number stays what it is. */
export function unaryValue(operator: number, a: Int): Int | undefined {
  switch (operator) {
    case OP_NEG:
      return negate(a);
    case OP_NOT:
      return not(a);
    case OP_BSF:
    case OP_BSR: {
      const bit = operator === OP_BSF ? lowestBit(a) : highestBit(a);
      if (bit >= 0) return bit;
      overflow.happened = true;
      return a;
    }
    default:
      return undefined;
  }
}

export function absoluteValue(expressions: Expressions, expression: Expression): Int {
  if (expressions.kind(expression) !== K_NUMERIC) refuse("invalidValue");
  const stack: Int[] = [];
  overflow.happened = false;
  for (const element of expressions.elements(expression)) {
    const kind = element & 0xff;
    if (kind === E_NUMBER) {
      stack.push(expressions.numbers.values[element >>> 8]!);
      continue;
    }
    if (kind === E_TOO_LARGE) refuse("valueOutOfRange");
    const b = stack.pop();
    if (b === undefined) refuse("invalidExpression");
    let result = unaryValue(kind, b);
    if (result === undefined) {
      const a = stack.pop();
      if (a === undefined) refuse("invalidExpression");
      if ((kind === OP_DIV || kind === OP_MOD) && b === 0) refuse("valueOutOfRange");
      result = binaryValue(kind, a, b);
      if (result === undefined) refuse("invalidExpression");
    }
    if (overflow.happened) refuse("valueOutOfRange");
    stack.push(result);
  }
  return stack[0] ?? refuse("invalidExpression");
}
