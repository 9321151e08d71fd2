/**
 * Values of expressions in the current pass (EXPRCALC.INC). A value may hold up to two registers with factors, and may
 * move with the program; what an expression may be is asked by whoever needs it: `dword` where four bytes are written,
 * `address` for operands in brackets, and so on.
 */
import { type Message, refuse } from "../messages.ts";
import { ABSOLUTE, type Base, type Operand, RELOCATABLE_32, RELOCATABLE_64 } from "../operand.ts";
import type { Space, State } from "../state.ts";
import { DEFINED, type Label, MOVES, SPACE, USED, VARIABLE } from "../symbols.ts";
import type { Texts } from "../tokens.ts";
import {
  OP_ADD,
  OP_AND,
  OP_DIV,
  OP_MOD,
  OP_MUL,
  OP_NEG,
  OP_NOT,
  OP_OR,
  OP_PLT,
  OP_RVA,
  OP_SHL,
  OP_SHR,
  OP_SUB,
  OP_XOR,
} from "../words.ts";
import { binaryValue, unaryValue } from "./constant.ts";
import {
  E_FLOAT,
  E_INVALID,
  E_LABEL,
  E_NUMBER,
  E_PREDEFINED,
  E_REGISTER,
  E_RESERVED,
  E_STRING,
  E_TOO_LARGE,
  type Expression,
  type Expressions,
  K_FLOAT,
  P_ACTUAL_FILE_OFFSET,
  P_COUNTER,
  P_FILE_OFFSET,
  P_HERE,
  P_ORIGIN,
  P_TIME,
} from "./expressions.ts";
import { type Float, floatBits } from "./float.ts";
import {
  add,
  high32,
  type Int,
  low32,
  negate,
  normal,
  overflow,
  subtract,
  unsigned64,
  whole,
} from "./int.ts";
import { operandRegister } from "./registers.ts";
import { leaveRecords } from "./scratch.ts";

/** One value on its way through an expression. */
export interface Term {
  value: Int;
  register1: number;
  scale1: number;
  register2: number;
  scale2: number;
  relocation: number;
  base: Base;
}

function newTerm(): Term {
  const term: Term = {
    // Not a number to begin with, so that the engine keeps small numbers as such and makes no doubles of them.
    value: 0n,
    register1: 0,
    scale1: 0,
    register2: 0,
    scale2: 0,
    relocation: 0,
    base: null,
  };
  term.value = 0;
  return term;
}

/** How deep the short way goes. */
const QUICK_DEPTH = 32;

const exact = (value: number): number =>
  value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER ? value : Number.NaN;

const powers = Float64Array.from({ length: 33 }, (_, n) => 2 ** n);

/** A binary operator on numbers; NaN where it takes more than this. */
export function quick(operator: number, left: number, right: number): number {
  switch (operator) {
    case OP_ADD:
      return exact(left + right);
    case OP_SUB:
      return exact(left - right);
    case OP_MUL:
      return exact(left * right + 0);
    case OP_AND:
      if ((left | 0) === left && (right | 0) === right) return left & right;
      // Where one has no bits above the 32nd, only these count of the other.
      return left >>> 0 === left || right >>> 0 === right ? (left & right) >>> 0 : Number.NaN;
    case OP_OR:
      if ((left | 0) === left && (right | 0) === right) return left | right;
      return left >>> 0 === left && right >>> 0 === right ? (left | right) >>> 0 : Number.NaN;
    case OP_XOR:
      if ((left | 0) === left && (right | 0) === right) return left ^ right;
      return left >>> 0 === left && right >>> 0 === right ? (left ^ right) >>> 0 : Number.NaN;
    case OP_SHL:
      return right >= 0 && right <= 32 ? exact(left * powers[right]!) : Number.NaN;
    case OP_SHR:
      return right >= 0 && right <= 32 ? Math.floor(left / powers[right]!) : Number.NaN;
    case OP_DIV:
      return right !== 0 && (left | 0) === left && (right | 0) === right
        ? Math.trunc(left / right) + 0
        : Number.NaN;
    case OP_MOD:
      return right !== 0 && (left | 0) === left && (right | 0) === right ? (left % right) + 0 : Number.NaN;
    default:
      return Number.NaN;
  }
}

/**
 * For the remainder of a division by zero, while another pass is to come, FASM takes what stands in its registers: the
 * operator's code, and a place of its own memory above that.
 */
const REMAINDER_OF_ZERO = OP_MOD;

export class Evaluator {
  readonly #state: State;
  readonly #expressions: Expressions;
  readonly #texts: Texts;
  readonly #stack: Term[] = [];
  /** The result of the last evaluation. */
  result: Term = newTerm();
  /** It contained something that is not known yet; its number is then 0. */
  undefined = false;
  /** Bytes that the value is wanted in, which decides the form of floating point constants. 0 for any. */
  valueSize = 0;
  /** Labels in an address bring the size of what they label along. */
  takesSizes = false;
  takenSize = 0;
  /** A register of such a label, with its factor and where it stands, when registers do not matter; 0 for none. */
  takenRegister = 0;
  /** How a label that is known in its space moves. */
  takenRelocation = 0;

  constructor(state: State, texts: Texts) {
    this.#texts = texts;
    this.#state = state;
    this.#expressions = state.program.expressions;
  }

  #term(index: number): Term {
    const { length } = this.#stack;
    if (index >= length) for (let n = length; n <= index; n++) this.#stack.push(newTerm());
    return this.#stack[index]!;
  }

  evaluate(expression: Expression): void {
    this.undefined = false;
    const term = this.#term(0);
    this.result = term;
    clear(term);
    if (this.isKnown(expression)) {
      term.value = whole(this.worth[0]!);
      return;
    }
    this.#postfix(expression);
    this.result = this.#stack[0]!;
    if (this.undefined) this.#forget(this.result);
    if (this.#leaves) leaveRecords(this.#state, this.#expressions.elements(expression), this.#stack);
  }

  #leaves = false;

  /** Whether every calculation, now without the short way, leaves in memory what FASM's leave there. */
  leaveBehind(leaves: boolean): void {
    if (leaves === this.#leaves) return;
    this.#leaves = leaves;
    const never = () => false;
    this.isKnown = leaves ? never : Evaluator.prototype.isKnown;
    this.isKnownBesideRegisters = leaves ? never : Evaluator.prototype.isKnownBesideRegisters;
  }

  /**
   * Whether an expression and all its parts are plain numbers that are known: the short way, which nearly all evaluations
   * can go. What cannot go it has been asked for nothing but labels that `evaluate` asks for too. The value is `worth[0]`
   * until the next one is asked for: a number that is answered may have to be put on the heap.
   */
  isKnown(expression: Expression): boolean {
    return this.#isKnown(expression, false);
  }

  /** The same of an expression to which registers may be added: `worth[0]` is its value without them. */
  isKnownBesideRegisters(expression: Expression): boolean {
    return this.#isKnown(expression, true);
  }

  /** The same of an expression that is nothing but a label in a space that moves as this one: `worth[0]` is its number there. */
  isKnownIn({ relocation, symbol }: Space, expression: Expression): boolean {
    const label = this.#expressions.label(expression);
    return (
      label >= 0 && !this.#leaves && this.#takeLabel(this.#state.labels[label]!, 0, -1, relocation, symbol)
    );
  }

  readonly worth = new Float64Array(QUICK_DEPTH + 1);

  #isKnown(expression: Expression, withRegisters: boolean): boolean {
    const { code, starts } = this.#expressions;
    const end = starts[expression + 1]!;
    const { worth } = this;
    const state = this.#state;
    const { labels, pass } = state;
    const { doubles } = this.#expressions.numbers;
    const start = starts[expression]!;
    let depth = 0;
    for (let index = start; index < end; index++) {
      const element = code[index]!;
      switch (element & 0xff) {
        case E_NUMBER:
          worth[depth++] = doubles[element >>> 8]!;
          break;
        case E_LABEL: {
          const label = labels[element >>> 8]!;
          if (label.definedIn === pass && this.#isPlain(label)) {
            label.usedIn = pass;
            label.flags |= USED;
            worth[depth++] = label.number;
          } else if (!this.#takeLabel(label, depth++, withRegisters ? index - start : -1, ABSOLUTE, null))
            return false;
          break;
        }
        case E_PREDEFINED:
          if (!this.#takePlace(element >>> 8, depth++)) return false;
          break;
        case E_REGISTER:
          if (!withRegisters) return false;
          worth[depth++] = 0;
          break;
        case OP_NEG:
          if (depth < 1) return false;
          // No negative zero.
          worth[depth - 1] = 0 - worth[depth - 1]!;
          continue;
        case OP_ADD:
          if (depth < 2) return false;
          depth--;
          worth[depth - 1] = worth[depth - 1]! + worth[depth]!;
          if (!(Math.abs(worth[depth - 1]!) <= Number.MAX_SAFE_INTEGER)) return false;
          continue;
        default:
          if (depth < 2) return false;
          depth--;
          worth[depth - 1] = quick(element, worth[depth - 1]!, worth[depth]!);
          if (Number.isNaN(worth[depth - 1]!)) return false;
          continue;
      }
      if (Number.isNaN(worth[depth - 1]!) || depth === QUICK_DEPTH) return false;
    }
    return depth === 1;
  }

  /** Whether an expression is nothing but a label that is not defined. */
  isMissing(expression: Expression): boolean {
    const number = this.#expressions.label(expression);
    return number >= 0 && !this.#leaves && (this.#state.labels[number]!.flags & DEFINED) === 0;
  }

  /** Asks for a label that is missing. */
  miss(expression: Expression): void {
    this.#label(this.#state.labels[this.#expressions.label(expression)]!, this.#term(0));
  }

  /** Whether a label of this pass has nothing but its number. */
  #isPlain(label: Label): boolean {
    return (
      (label.flags & (DEFINED | SPACE)) === DEFINED &&
      (label.relocation | label.register1 | label.register2) === 0 &&
      label.base === null &&
      !(label.size !== 0 && this.takesSizes) &&
      !this.#state.keepReferences
    );
  }

  /**
   * Puts a label's value into `worth` when it is known and moves as it is said, or is a number beside a register: `place` says
   * where in the expression it stands, -1 when there may be no register. It counts as used then.
   */
  #takeLabel(label: Label, depth: number, place: number, relocation: number, base: Base): boolean {
    const state = this.#state;
    const { flags } = label;
    if ((flags & (DEFINED | SPACE)) !== DEFINED || state.keepReferences) return false;
    const behind = label.definedIn !== state.pass;
    if (behind && flags & VARIABLE) return false;
    if (label.relocation !== relocation || label.base !== base || label.register2 !== 0) return false;
    if (label.register1 !== 0) {
      if (place < 0 || place > 0x7f || this.takenRegister !== 0) return false;
      this.takenRegister = label.register1 | ((label.scale1 & 0xff) << 8) | (place << 16);
    }
    if (label.size !== 0 && this.takesSizes) {
      if (this.takenSize !== 0 && this.takenSize !== label.size) return false;
      this.takenSize = label.size;
    }
    const { adjustment } = state;
    label.usedIn = state.pass;
    label.flags = flags | USED;
    this.worth[depth] = label.number;
    if (!behind || (flags & MOVES) === 0 || adjustment === 0) return true;
    state.again();
    if (typeof adjustment !== "number") return false;
    this.worth[depth] = exact(label.number - adjustment);
    return true;
  }

  /** The same of `$`, `%` and their like. */
  #takePlace(number: number, depth: number): boolean {
    const state = this.#state;
    if (number === P_COUNTER) {
      this.worth[depth] = state.counter;
      return true;
    }
    if (number !== P_HERE && number !== P_ORIGIN) return false;
    const { space } = state;
    if ((space.relocation | space.register1 | space.register2) !== 0 || space.symbol !== null) return false;
    const { base } = space;
    if (typeof base !== "number") return false;
    this.worth[depth] = exact((number === P_HERE ? state.at : space.start) - base);
    return true;
  }

  #forget(term: Term): void {
    term.value = 0;
    term.relocation = 0;
  }

  #stringValue(text: number): Int {
    const start = this.#texts.start(text);
    const length = this.#texts.length(text);
    if (length > 8) refuse("valueOutOfRange");
    let low = 0;
    let high = 0;
    const { bytes } = this.#texts;
    for (let at = 0; at < length; at++) {
      if (at < 4) low |= bytes[start + at]! << (at * 8);
      else high |= bytes[start + at]! << ((at - 4) * 8);
    }
    return unsigned64(low, high);
  }

  #floatValue(float: Float): Int {
    const size = this.valueSize;
    if (size === 2 || size === 4) return Number(floatBits(float, size));
    if (size !== 8 && size !== 0) this.#state.misuse();
    return normal(floatBits(float, 8));
  }

  #postfix(expression: Expression): void {
    const { code, starts } = this.#expressions;
    const end = starts[expression + 1]!;
    let depth = 0;
    for (let index = starts[expression]!; index < end; index++) {
      const element = code[index]!;
      const kind = element & 0xff;
      if (kind < 0x80) {
        const term = this.#term(depth++);
        clear(term);
        const number = element >>> 8;
        switch (kind) {
          case E_NUMBER:
            term.value = this.#expressions.numbers.values[number]!;
            break;
          case E_LABEL:
            this.#label(this.#state.labels[number]!, term);
            break;
          case E_REGISTER:
            term.register1 = number;
            term.scale1 = 1;
            break;
          case E_PREDEFINED:
            this.#predefined(number, term);
            break;
          case E_STRING:
            term.value = this.#stringValue(number);
            break;
          case E_FLOAT:
            term.value = this.#floatValue(this.#expressions.float(expression)!);
            if (this.#expressions.alone(expression) === 0) refuse("extraCharactersOnLine");
            break;
          case E_TOO_LARGE:
            refuse("valueOutOfRange");
            break;
          case E_RESERVED:
            refuse("reservedWordUsedAsSymbol");
            break;
          case E_INVALID:
            refuse("invalidExpression");
            break;
          default:
        }
        continue;
      }
      const right = this.#stack[depth - 1];
      if (!right || depth === 0) refuse("invalidExpression");
      if (kind === OP_RVA || kind === OP_PLT) {
        if (right.register1 | right.register2) refuse("invalidExpression");
        if (kind === OP_RVA) this.#state.format.rva(this.#state, right);
        else this.#state.format.plt(this.#state, right);
        continue;
      }
      if (kind === OP_NEG) {
        this.#negate(right);
        continue;
      }
      if (kind >= OP_NOT) {
        if (right.register1 | right.register2) refuse("invalidExpression");
        if (right.relocation !== 0) this.#state.misuse();
        overflow.happened = false;
        right.value = unaryValue(kind, right.value)!;
        this.#checkOverflow();
        continue;
      }
      const left = this.#stack[depth - 2];
      if (!left || depth < 2) refuse("invalidExpression");
      depth--;
      this.#binary(kind, left, right);
    }
  }

  #checkOverflow(): void {
    if (overflow.happened) this.overflow();
  }

  /** A value beyond 64 bits: it counts as unknown from here on. */
  overflow(): void {
    const state = this.#state;
    if (state.errorLine < 0) {
      state.recoverable("valueOutOfRange");
      this.undefined = true;
    } else {
      state.complaints++;
      state.singular++;
    }
  }

  #label(label: Label, term: Term): void {
    const state = this.#state;
    label.usedIn = state.pass;
    label.flags |= USED;
    const flags = label.flags;
    if ((flags & DEFINED) === 0) {
      this.#unknown("undefinedSymbol", label, term);
      return;
    }
    if (label.definedIn !== state.pass) {
      if (flags & VARIABLE) {
        this.#unknown("symbolOutOfScope", label, term);
        return;
      }
      if (flags & MOVES && state.adjustment !== 0) {
        term.value = subtract(label.value, state.adjustment);
        state.again();
      } else term.value = label.value;
    } else term.value = label.value;
    if (flags & SPACE) refuse("invalidUseOfSymbol");
    if (state.keepReferences) state.refer(label);
    term.relocation = label.relocation;
    term.base = label.base;
    if (label.register1 | label.register2) {
      term.register1 = label.register1;
      term.scale1 = label.scale1;
      term.register2 = label.register2;
      term.scale2 = label.scale2;
      if (label.register1 === label.register2) {
        const scale = label.scale1 + label.scale2;
        if (scale <= 127 && scale >= -128) {
          term.scale1 = scale;
          term.scale2 = 0;
          term.register2 = 0;
        }
      }
    }
    if (label.size !== 0 && this.takesSizes) {
      if (this.takenSize === 0) this.takenSize = label.size;
      else if (this.takenSize !== label.size) refuse("operandSizesDoNotMatch");
    }
  }

  #unknown(message: Message, label: Label | undefined, term: Term): void {
    const state = this.#state;
    if (state.pass <= 1) state.again();
    this.undefined = true;
    term.value = 0;
    state.recoverable(message, label);
  }

  #predefined(number: number, term: Term): void {
    const state = this.#state;
    switch (number) {
      case P_HERE:
      case P_ORIGIN: {
        const { space } = state;
        term.value = state.addressIn(space, number === P_HERE ? state.at : space.start);
        term.register1 = space.register1;
        term.scale1 = space.scale1;
        term.register2 = space.register2;
        term.scale2 = space.scale2;
        term.relocation = space.relocation;
        term.base = space.symbol;
        break;
      }
      case P_COUNTER:
        term.value = state.counter;
        break;
      case P_TIME:
        term.value = state.epochSeconds;
        break;
      case P_FILE_OFFSET:
      case P_ACTUAL_FILE_OFFSET:
        term.value = this.#fileOffset(number);
        break;
      default:
    }
  }

  #fileOffset(number: number): number {
    const state = this.#state;
    if (!state.format.flat) refuse("invalidUseOfSymbol");
    if (number === P_FILE_OFFSET) return state.space.virtual ? state.undefinedEnd : state.at;
    if (!state.space.virtual && state.undefinedEnd !== state.at) return state.at;
    return state.undefinedStart;
  }

  #binary(operator: number, left: Term, right: Term): void {
    const state = this.#state;
    const hasRegisters = (left.register1 | left.register2 | right.register1 | right.register2) !== 0;
    overflow.happened = false;
    if (operator === OP_ADD || operator === OP_SUB) {
      if (operator === OP_ADD) {
        if (right.relocation | left.relocation) this.#addRelocation(left, right);
        left.value = add(left.value, right.value);
      } else {
        if (right.relocation | left.relocation) this.#subtractRelocation(left, right);
        left.value = subtract(left.value, right.value);
      }
      this.#checkOverflow();
      if (hasRegisters) {
        const sign = operator === OP_ADD ? 1 : -1;
        addRegister(left, right.register1, right.scale1 * sign);
        addRegister(left, right.register2, right.scale2 * sign);
      }
      return;
    }
    if (left.relocation !== 0 || right.relocation !== 0) state.misuse();
    if (operator === OP_MUL) {
      if (hasRegisters) {
        if ((left.register1 | left.register2) === 0) swap(left, right);
        multiplyRegisters(left, right);
      }
    } else if (operator === OP_DIV) {
      if (hasRegisters && right.value !== 0) divideRegisters(left, right);
    } else if (hasRegisters) {
      refuse("invalidExpression");
    }
    if ((operator === OP_DIV || operator === OP_MOD) && right.value === 0) {
      if (!state.isLenient()) refuse("valueOutOfRange");
      // The sign of what is divided is gone.
      left.value =
        operator === OP_MOD ? REMAINDER_OF_ZERO : unsigned64(low32(left.value), high32(left.value));
      return;
    }
    left.value = binaryValue(operator, left.value, right.value)!;
    this.#checkOverflow();
  }

  #addRelocation(left: Term, right: Term): void {
    if (right.relocation === 0) return;
    if (left.relocation === 0) {
      left.relocation = right.relocation;
      left.base = right.base;
      return;
    }
    left.relocation += right.relocation;
    if (left.relocation !== 0 || left.base !== right.base) this.#state.misuse();
  }

  #subtractRelocation(left: Term, right: Term): void {
    if (right.relocation === 0) return;
    if (left.relocation === 0) {
      left.relocation = -right.relocation;
      left.base = right.base;
      return;
    }
    if (left.relocation !== right.relocation) {
      this.#state.misuse();
      return;
    }
    left.relocation = 0;
    if (left.base !== right.base) this.#state.misuse();
  }

  #negate(term: Term): void {
    if (term.register1 !== 0) {
      if (term.scale1 === -128) refuse("invalidExpression");
      term.scale1 = 0 - term.scale1;
    }
    if (term.register2 !== 0) {
      if (term.scale2 === -128) refuse("invalidExpression");
      term.scale2 = 0 - term.scale2;
    }
    term.relocation = 0 - term.relocation;
    overflow.happened = false;
    term.value = negate(term.value);
    this.#checkOverflow();
  }

  /** An expression without registers. */
  plain(expression: Expression): Term {
    this.evaluate(expression);
    const { result } = this;
    if (result.register1 | result.register2) refuse("invalidValue");
    return result;
  }

  #bounded(term: Term, low: number, high: number): void {
    if (term.value < low || term.value > high) {
      term.value = 0;
      this.overflow();
    }
  }

  byte(expression: Expression): Term {
    this.valueSize = 1;
    const term = this.plain(expression);
    if (term.relocation !== 0) this.#state.misuse();
    this.#bounded(term, -0x100, 0xff);
    return term;
  }

  word(expression: Expression): Term {
    this.valueSize = 2;
    const term = this.plain(expression);
    // A segment (1) fits a word; FASM compares the type as an unsigned byte, so negative ones do not.
    if (term.relocation !== 0 && term.relocation !== 1) this.#state.misuse();
    this.#bounded(term, -0x10000, 0xffff);
    return term;
  }

  dword(expression: Expression): Term {
    this.valueSize = 4;
    const term = this.plain(expression);
    if (term.relocation === RELOCATABLE_64) {
      term.relocation = RELOCATABLE_32;
      // The sign is meant to be extended, but FASM refuses all that is negative.
      this.#bounded(term, 0, 0x7fffffff);
    } else this.#bounded(term, -0x100000000, 0xffffffff);
    return term;
  }

  pword(expression: Expression): Term {
    this.valueSize = 6;
    const term = this.plain(expression);
    if (term.relocation === RELOCATABLE_64) this.#state.misuse();
    this.#bounded(term, -0x1000000000000, 0xffffffffffff);
    return term;
  }

  qword(expression: Expression): Term {
    this.valueSize = 8;
    return this.plain(expression);
  }

  /** A count: 0 … 2^32-1, anything else is remembered as an invalid value and counts as 0. */
  count(expression: Expression): number {
    const state = this.#state;
    this.valueSize = 8;
    const term = this.plain(expression);
    if (term.relocation !== 0) state.misuse();
    if (term.value < 0 || term.value > 0xffffffff) {
      state.recoverable("invalidValue");
      return 0;
    }
    return term.value as number;
  }

  /** The address behind an `at`, anywhere; FASM asks its labels to agree on a size there, as in an operand. */
  placeOfLabels(expression: Expression, operand: Operand): void {
    this.takesSizes = true;
    this.takenSize = 0;
    this.address(expression, operand, 0, 0, true);
    this.takesSizes = false;
  }

  /**
   * An address, its registers sorted into base and index (FASM's rules), for an operand in brackets; `free` allows any
   * displacement, as `label at` and `load` do. `size` is what the address has to be made of, 0 for any.
   */
  address(expression: Expression, operand: Operand, size: number, segment: number, free: boolean): void {
    const state = this.#state;
    if (this.#expressions.kind(expression) === K_FLOAT) refuse("invalidAddress");
    this.valueSize = size || (free ? 8 : state.bits >> 3);
    this.evaluate(expression);
    const term = this.result;
    const addressSize = size;
    let relocation = term.relocation;
    if (relocation !== 0) {
      const kind = Math.abs(relocation);
      let symbolSize = 4;
      if (kind === 6 || kind === 5) symbolSize = 4;
      else if (kind > 6 || kind & 1) state.misuse();
      else symbolSize = kind * 2;
      if (size !== 0 && symbolSize !== size) {
        if (!((size === 4 && symbolSize === 8) || (size === 8 && symbolSize === 4)))
          refuse("addressSizesDoNotAgree");
        if (relocation === RELOCATABLE_64) relocation = RELOCATABLE_32;
        if (term.value > 0x7fffffff || term.value < -0x80000000) state.recoverable("valueOutOfRange");
      }
    }
    let base = 0;
    let index = 0;
    let scale = 0;
    if (term.register1 | term.register2) {
      if (term.register1 !== 0) {
        if (term.scale1 === 1) base = term.register1;
        else {
          index = term.register1;
          scale = term.scale1;
        }
      }
      if (term.register2 !== 0) {
        if (term.scale2 === 1 && base === 0) base = term.register2;
        else {
          if (index !== 0) refuse("invalidAddress");
          index = term.register2;
          scale = term.scale2;
        }
      }
      const sorted = this.#sort(base, index, scale, addressSize, segment, relocation, term.value, free);
      base = sorted.base;
      index = sorted.index;
      scale = sorted.scale;
      if (sorted.check) this.#checkAddress(term, addressSize, free, sorted.word);
    } else {
      this.#checkAddress(term, addressSize, free, false);
    }
    this.sortedCodes.base = base;
    this.sortedCodes.index = index;
    this.sortedCodes.scale = scale;
    operand.base = operandRegister(base);
    operand.index = operandRegister(index);
    operand.scale = scale;
    operand.addressSize = addressSize;
    operand.relocation = relocation;
    operand.relocationBase = term.base;
    operand.undefined = this.undefined;
    this.put(operand, term.value);
  }

  /** The registers of the last address, as codes. */
  readonly sortedCodes = { base: 0, index: 0, scale: 0 };

  /** Gives a value to an operand. */
  put(operand: Operand, value: Int): void {
    if (typeof value === "number") {
      operand.value = value;
      operand.low = value | 0;
      operand.high = value >= 0 && value <= 0xffffffff ? 0 : high32(value);
    } else {
      operand.value = Number(value);
      operand.low = low32(value);
      operand.high = high32(value);
    }
  }

  #checkAddress(term: Term, addressSize: number, free: boolean, word: boolean): void {
    if (free) return;
    const size = word ? 2 : addressSize || (this.#state.bits === 64 ? 8 : 4);
    if (size === 2) this.#bounded(term, -0x10000, 0xffff);
    else if (size === 4) this.#bounded(term, -0x100000000, 0xffffffff);
    else if (size !== 8) refuse("invalidValue");
  }

  readonly #sorted = { base: 0, index: 0, scale: 0, check: true, word: false };

  /** Which register is base and which is index, in FASM's codes. */
  #sort(
    first: number,
    second: number,
    factor: number,
    addressSize: number,
    segment: number,
    relocation: number,
    value: Int,
    free: boolean,
  ): { base: number; index: number; scale: number; check: boolean; word: boolean } {
    const sorted = this.#sorted;
    let base = first;
    let index = second;
    let scale = factor;
    sorted.check = true;
    sorted.word = false;
    const bits = this.#state.bits;
    const baseKind = base >> 4;
    const indexKind = index >> 4;
    const kind = baseKind | indexKind;
    const vector =
      (base !== 0 && index !== 0 && baseKind !== indexKind) || kind >= 0x0c || kind === 6 || kind === 7;
    if (vector) {
      for (let swapped = false; ; swapped = true) {
        if (base !== 0 && baseKindOf(base) !== 4 && !(bits === 64 && baseKindOf(base) === 8)) {
          if (swapped || scale > 1 || scale < 0) refuse("invalidAddress");
          [base, index] = [index, base];
          scale = 1;
          continue;
        }
        if (base !== 0 && addressSize !== 0 && baseKindOf(base) !== addressSize) refuse("invalidAddress");
        break;
      }
      const indexClass = index & 0xe0;
      if (indexClass < 0xc0 && indexClass !== 0x60) refuse("invalidAddress");
      checkScale(scale);
    } else {
      if (addressSize !== 0 && kind !== addressSize) refuse("invalidAddress");
      if (kind === 9) {
        if (index !== 0) refuse("invalidAddress");
        if (base !== 0x98 && base !== 0x94) refuse("invalidAddress");
        if (base === 0x98 && (value > 0x7fffffff || value < -0x80000000)) {
          this.result.value = 0;
          this.overflow();
        }
        sorted.check = false;
      } else if (kind === 4 || kind === 8) {
        if (base === 0) {
          // [ebp*2] with DS keeps its index only where the displacement takes four bytes anyway.
          const keeps =
            index === 0x45 &&
            bits !== 64 &&
            segment === 4 &&
            (relocation !== 0 || value > 127 || value < -128);
          if (scale === 3 || scale === 5 || scale === 9 || (scale === 2 && !keeps)) {
            base = index;
            scale--;
          } else checkScale(scale);
        } else if (index !== 0) {
          if (scale === 1) {
            if (index === 0x44 || index === 0x84) [base, index] = [index, base];
            else if (bits === 64) {
              if (base === 0x45 || base === 0x85) [base, index] = [index, base];
            } else if (index === 0x45) {
              if (segment === 3) [base, index] = [index, base];
            } else if (base === 0x45 && segment === 4) [base, index] = [index, base];
          } else checkScale(scale);
        }
      } else {
        // BX, BP, SI, DI.
        if (scale > 1 || scale < 0) refuse("invalidAddress");
        sorted.word = true;
      }
    }
    sorted.base = base;
    sorted.index = index;
    sorted.scale = scale;
    if (free) sorted.word = false;
    return sorted;
  }
}

const baseKindOf = (code: number): number => code >> 4;

function checkScale(scale: number): void {
  if (scale !== 0 && scale !== 1 && scale !== 2 && scale !== 4 && scale !== 8) refuse("invalidAddress");
}

function clear(term: Term): void {
  term.value = 0;
  term.register1 = 0;
  term.scale1 = 0;
  term.register2 = 0;
  term.scale2 = 0;
  term.relocation = 0;
  term.base = null;
}

function swap(a: Term, b: Term): void {
  const { value, register1, scale1, register2, scale2 } = a;
  a.value = b.value;
  a.register1 = b.register1;
  a.scale1 = b.scale1;
  a.register2 = b.register2;
  a.scale2 = b.scale2;
  b.value = value;
  b.register1 = register1;
  b.scale1 = scale1;
  b.register2 = register2;
  b.scale2 = scale2;
}

/** Adds a register with its factor to a term's two slots. */
function addRegister(term: Term, code: number, scale: number): void {
  if (code === 0) return;
  if (term.register1 === code) {
    term.scale1 = factor(term.scale1 + scale);
    if (term.scale1 === 0) term.register1 = 0;
  } else if (term.register2 === code) {
    term.scale2 = factor(term.scale2 + scale);
    if (term.scale2 === 0) term.register2 = 0;
  } else if (term.register1 === 0) {
    term.register1 = code;
    term.scale1 = factor(scale);
  } else {
    if (term.register2 !== 0) refuse("invalidExpression");
    term.register2 = code;
    term.scale2 = factor(scale);
  }
}

/** A register's factor is a signed byte. */
function factor(scale: number): number {
  if (scale > 127 || scale < -128) refuse("valueOutOfRange");
  return scale | 0;
}

/** FASM looks at the magnitude, and takes its 64 bits for a number with a sign. */
function byteFactor(value: Int): number {
  const magnitude = value < 0 ? -value : value;
  const by = typeof magnitude === "bigint" ? BigInt.asIntN(64, magnitude) : magnitude;
  if (by > 127 || by < -128) refuse("valueOutOfRange");
  return Number(by);
}

function multiplyRegisters(left: Term, right: Term): void {
  // The factors are negated first, and -128 has no opposite.
  if (right.value < 0 && (left.scale1 === -128 || left.scale2 === -128)) refuse("invalidExpression");
  if (right.register1 | right.register2) refuse("invalidValue");
  const by = byteFactor(right.value) * (right.value < 0 ? -1 : 1);
  if (left.register1 !== 0) {
    left.scale1 = factor(left.scale1 * by);
    if (left.scale1 === 0) left.register1 = 0;
  }
  if (left.register2 !== 0) {
    left.scale2 = factor(left.scale2 * by);
    if (left.scale2 === 0) left.register2 = 0;
  }
}

function divideRegisters(left: Term, right: Term): void {
  const by = byteFactor(right.value);
  if (left.register1 !== 0) {
    if (left.scale1 % by !== 0) refuse("invalidUseOfSymbol");
    left.scale1 = (left.scale1 / by) | 0;
  }
  if (left.register2 !== 0) {
    if (left.scale2 % by !== 0) refuse("invalidUseOfSymbol");
    left.scale2 = (left.scale2 / by) | 0;
  }
}
