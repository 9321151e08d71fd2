/**
 * Loops that go on for very long. FASM ends a `while` after 2^32 rounds ("too many repeats"), minutes later, and goes
 * through every round of a `repeat`; here a loop that comes back to where it was is found out at once, and rounds that
 * only count are passed over.
 *
 * Both are done for loops that write nothing, and neither changes what comes out:
 *
 * * When everything the loop assigns, loads or stores is as it was some rounds ago, the loop will do the same for ever, or as
 *   often as it may.
 * * When there are assignments and conditions alone, and they are sums of multiples of what the loop assigns, and three rounds
 *   have added the same to each of them while every comparison came out with the same sign, all further rounds add the
 *   same until a comparison changes its sign. Where that will be can be worked out.
 */
import type { Assembler } from "./assemble.ts";
import { quick } from "./expression/evaluate.ts";
import { E_LABEL, E_NUMBER, E_PREDEFINED, K_NUMERIC, P_COUNTER } from "./expression/expressions.ts";
import type { Int } from "./expression/int.ts";
import type { Program } from "./program.ts";
import { DEFINED, type Label } from "./symbols.ts";
import {
  D_BREAK,
  D_ELSE,
  D_END,
  D_IF,
  D_LOAD,
  D_REPEAT,
  D_STORE,
  D_WHILE,
  I_CONSTANT,
  I_END,
  I_EXPRESSION,
  I_INSTRUCTION,
  I_LABEL,
  I_LINE,
  O_CLOSE,
  O_NOT_EQUAL,
  O_NOT_GREATER,
  O_NOT_LESS,
  O_OPEN,
  OP_ADD,
  OP_BSF,
  OP_BSR,
  OP_MUL,
  OP_NEG,
  OP_NOT,
  OP_PLT,
  OP_PLUS,
  OP_RVA,
  OP_SHL,
  OP_SUB,
} from "./words.ts";

/** Where FASM's counter of 32 bits begins anew. */
const ROUNDS_LIMIT = 2 ** 32;
/** Rounds of a loop that only an error can end: those that such an error takes some rounds to come to get that far. */
const SURE_ROUNDS = 2 ** 22;
/** Rounds from one look at a loop to the next; twice as many each time. */
const FIRST_GAP = 4;
/** Rounds before the first are passed over: most loops have ended by then. */
const FIRST_LEAP = 1 << 10;
/** How often a loop has to come back to where it was: by then what is `used` or not has settled. */
const RETURNS = 3;

const COUNTER = E_PREDEFINED | (P_COUNTER << 8);
const NOT = 0x7e;
const OR = 0x7c;
const AND = 0x26;

/** What is kept of a loop from round to round. */
export interface Watch {
  /** What it assigns; none when it does anything else as well. */
  readonly labels: readonly Label[];
  /** The loop's counter plays no part in it. */
  readonly uncounted: boolean;
  /** What the labels were worth at the last look: values, relocations and their bases. */
  readonly values: Int[];
  readonly relocations: number[];
  readonly bases: unknown[];
  /** How often a `store` had changed anything by then. */
  stores: number;
  returns: number;
  /** The counter at the last look, that at which it is looked at next, and the rounds between them. */
  lastLook: number;
  nextLook: number;
  gap: number;
  /** The loop as sums; undefined when it is not made of them. */
  sums: Sums | undefined;
  /** A `while` whose condition is a number, without a `break`: nothing but an error ends it. */
  readonly neverEnds: boolean;
  /** Where it wrote when the watch began: memory comes to an end for one that has got further since. */
  readonly began: number;
}

/** Begins to watch a loop whose contents (with the condition of a `while` before them) begin at an item. */
export function watchLoop({ program, state }: Assembler, start: number): Watch {
  const found = assignedIn(program, start);
  return {
    labels: (found?.labels ?? []).map((number) => state.labels[number]!),
    uncounted: found?.uncounted ?? false,
    values: [],
    relocations: [],
    bases: [],
    stores: 0,
    returns: 0,
    lastLook: 0,
    nextLook: found === undefined ? Number.POSITIVE_INFINITY : 0,
    gap: FIRST_GAP,
    sums: undefined,
    neverEnds: neverEnds(program, start),
    began: state.at,
  };
}

function neverEnds({ kinds, values, expressions }: Program, start: number): boolean {
  if (kinds[start] !== I_EXPRESSION || kinds[start + 1] !== I_LINE) return false;
  if (!expressions.constant(values[start]!)) return false;
  let depth = 1;
  for (let item = start; depth > 0; item++) {
    if (kinds[item] === I_END) return false;
    if (kinds[item] !== I_INSTRUCTION) continue;
    if (values[item] === D_BREAK) return false;
    if (values[item] === D_END && kinds[item + 1] === I_INSTRUCTION) {
      if (values[++item] === D_WHILE) depth--;
    } else if (values[item] === D_WHILE) depth++;
  }
  return true;
}

/**
 * The numbers of the labels that a loop of assignments, conditions, loads, stores and further loops assigns; undefined for any
 * other loop.
 */
function assignedIn(
  { kinds, values, expressions }: Program,
  start: number,
): { labels: number[]; uncounted: boolean } | undefined {
  const labels = new Set<number>();
  let uncounted = true;
  let depth = 0;
  let opened = 0;
  for (let item = start; ; item++) {
    const kind = kinds[item]!;
    if (kind === I_END) return undefined;
    // In a loop of this one the counter is that loop's.
    if (kind === I_EXPRESSION && depth === 0 && expressions.elements(values[item]!).includes(COUNTER))
      uncounted = false;
    if (kind !== I_LINE) continue;
    depth += opened;
    opened = 0;
    const first = kinds[item + 1]!;
    if (first === I_LINE) continue;
    if (first === I_CONSTANT) {
      labels.add(values[item + 1]! & 0xffffff);
      continue;
    }
    if (first !== I_INSTRUCTION) return undefined;
    const directive = values[item + 1]!;
    if (directive === D_IF || directive === D_ELSE || directive === D_BREAK || directive === D_STORE)
      continue;
    if (directive === D_LOAD && kinds[item + 2] === I_LABEL) {
      labels.add(values[item + 2]! & 0xffffff);
      continue;
    }
    if (directive === D_WHILE || directive === D_REPEAT) {
      opened = 1;
      continue;
    }
    if (directive !== D_END || kinds[item + 2] !== I_INSTRUCTION) return undefined;
    if (values[item + 2] === D_WHILE || values[item + 2] === D_REPEAT) {
      if (depth === 0) return { labels: [...labels], uncounted };
      depth--;
    } else if (values[item + 2] !== D_IF) return undefined;
  }
}

/**
 * At the end of a `while`'s round, the counter on that of the next: whether the loop is bound to go on until FASM has
 * enough of it. It may move the counter and what the loop assigns some rounds further.
 */
export function isEndless(assembler: Assembler, watch: Watch, start: number): boolean {
  const { state } = assembler;
  const writes = state.at > watch.began;
  if (state.counter >= (watch.neverEnds && !writes ? SURE_ROUNDS : ROUNDS_LIMIT)) return true;
  if (hasCycled(assembler, watch)) return true;
  if (state.counter >= watch.nextLook) look(assembler, watch, start, true, ROUNDS_LIMIT);
  return state.counter >= ROUNDS_LIMIT;
}

/** The same for a `repeat` that has rounds left: moves the counter on, at most to the last of them. */
export function passOver(assembler: Assembler, watch: Watch, start: number): void {
  const { state } = assembler;
  if (state.keepReferences) return;
  if (hasCycled(assembler, watch)) {
    const cycle = state.counter - watch.lastLook;
    const left = state.counterLimit - state.counter;
    state.counter += left - (left % cycle);
  } else if (state.counter >= watch.nextLook) look(assembler, watch, start, false, state.counterLimit);
}

/** Whether it has often enough come back to where it was at the last look. */
function hasCycled({ state }: Assembler, watch: Watch): boolean {
  return (
    watch.uncounted && watch.stores === state.stores && hasReturned(watch) && ++watch.returns === RETURNS
  );
}

function look(assembler: Assembler, watch: Watch, start: number, conditional: boolean, limit: number): void {
  const { state } = assembler;
  watch.gap *= 2;
  watch.returns = 0;
  note(watch);
  watch.stores = state.stores;
  watch.lastLook = state.counter;
  // Who wants to know every use of a symbol wants those of every round.
  if (state.counter >= FIRST_LEAP && !state.keepReferences) {
    watch.sums ??= sumsOf(assembler, watch, start, conditional);
    // Where it has led something comes to an end: what is next may be passed over soon.
    if (watch.sums !== undefined && leap(assembler, watch, watch.sums, limit)) watch.gap = FIRST_GAP;
  }
  watch.nextLook = state.counter + watch.gap;
}

function note({ labels, values, relocations, bases }: Watch): void {
  labels.forEach((label, n) => {
    values[n] = label.value;
    relocations[n] = label.relocation;
    bases[n] = label.base;
  });
}

function hasReturned({ labels, values, relocations, bases }: Watch): boolean {
  if (values.length < labels.length) return false;
  for (let n = 0; n < labels.length; n++) {
    const label = labels[n]!;
    if (label.value !== values[n] || label.relocation !== relocations[n] || label.base !== bases[n])
      return false;
  }
  return true;
}

/**
 * A constant and a multiple of each variable. On the way to its worth no part of it is beyond `fixed`, plus `size` times the
 * largest variable.
 */
interface Sum {
  readonly constant: number;
  readonly multiples: ReadonlyMap<number, number>;
  readonly fixed: number;
  readonly size: number;
}

type Condition =
  | { readonly kind: "sign"; readonly sum: Sum; readonly holds: (sign: number) => boolean }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "both" | "either"; readonly left: Condition; readonly right: Condition };

type Statement =
  | { readonly kind: "assign"; readonly variable: number; readonly sum: Sum }
  | {
      readonly kind: "if";
      readonly condition: Condition;
      readonly met: readonly Statement[];
      readonly unmet: readonly Statement[];
    }
  | { readonly kind: "break" };

interface Sums {
  /** How large a variable may become while every sum stays exact. */
  readonly bound: number;
  /** That of a `while`. */
  readonly condition: Condition | undefined;
  readonly statements: readonly Statement[];
}

const EXACT = 2 ** 50;

/** A loop that is no such thing. */
class Unfit extends Error {}

function sumsOf(assembler: Assembler, watch: Watch, start: number, conditional: boolean): Sums | undefined {
  try {
    return new SumReader(assembler, watch.labels).read(start, conditional);
  } catch (error) {
    if (error instanceof Unfit) return undefined;
    throw error;
  }
}

class SumReader {
  readonly #assembler: Assembler;
  readonly #variables: Map<Label, number>;
  #item = 0;
  #size = 1;

  constructor(assembler: Assembler, labels: readonly Label[]) {
    this.#assembler = assembler;
    this.#variables = new Map(labels.map((label, n) => [label, n]));
  }

  /** Reads the condition at an item, if there is one, and the statements up to the loop's end. */
  read(item: number, conditional: boolean): Sums {
    this.#item = item;
    const condition = conditional ? this.#condition() : undefined;
    const statements = this.#statements();
    return { condition, statements, bound: EXACT / 2 / this.#size };
  }

  #kind(): number {
    return this.#assembler.program.kinds[this.#item]!;
  }

  #isDirective(directive: number): boolean {
    const { kinds, values } = this.#assembler.program;
    return kinds[this.#item] === I_INSTRUCTION && values[this.#item] === directive;
  }

  /** Statements up to `else` or `end`, and the cursor behind that word. */
  #statements(): Statement[] {
    const statements: Statement[] = [];
    for (;;) {
      if (this.#kind() !== I_LINE) throw new Unfit();
      this.#item++;
      if (this.#kind() === I_LINE) continue;
      if (this.#kind() === I_CONSTANT) statements.push(this.#assignment());
      else if (this.#isDirective(D_BREAK)) {
        this.#item++;
        statements.push({ kind: "break" });
      } else if (this.#isDirective(D_IF)) {
        this.#item++;
        statements.push(this.#choice());
      } else if (this.#isDirective(D_ELSE) || this.#isDirective(D_END)) return statements;
      else throw new Unfit();
    }
  }

  #choice(): Statement {
    const condition = this.#condition();
    const met = this.#statements();
    let unmet: readonly Statement[] = [];
    if (this.#isDirective(D_ELSE)) {
      this.#item++;
      if (this.#isDirective(D_IF)) {
        this.#item++;
        return { kind: "if", condition, met, unmet: [this.#choice()] };
      }
      unmet = this.#statements();
    }
    if (!this.#isDirective(D_END)) throw new Unfit();
    this.#item += 2;
    return { kind: "if", condition, met, unmet };
  }

  #assignment(): Statement {
    const { state, program } = this.#assembler;
    const variable = this.#variables.get(state.labels[program.values[this.#item++]! & 0xffffff]!);
    if (variable === undefined) throw new Unfit();
    return { kind: "assign", variable, sum: this.#sum() };
  }

  /** Conditions are taken from left to right, as FASM does. */
  #condition(): Condition {
    let left = this.#value();
    for (;;) {
      const kind = this.#kind();
      if (kind !== OR && kind !== AND) return left;
      this.#item++;
      left = { kind: kind === OR ? "either" : "both", left, right: this.#value() };
    }
  }

  #value(): Condition {
    if (this.#kind() === NOT) {
      this.#item++;
      return { kind: "not", of: this.#value() };
    }
    if (this.#kind() === O_OPEN) {
      this.#item++;
      const inner = this.#condition();
      if (this.#kind() !== O_CLOSE) throw new Unfit();
      this.#item++;
      return inner;
    }
    const sum = this.#sum();
    const holds = comparisons.get(this.#kind());
    if (holds === undefined) return { kind: "sign", sum, holds: (sign) => sign !== 0 };
    this.#item++;
    const difference = added(sum, multiplied(this.#sum(), -1));
    this.#size = Math.max(this.#size, difference.size);
    return { kind: "sign", sum: difference, holds };
  }

  #sum(): Sum {
    const { program, state } = this.#assembler;
    if (this.#kind() !== I_EXPRESSION) throw new Unfit();
    const { expressions } = program;
    const expression = program.values[this.#item++]!;
    if (expressions.kind(expression) !== K_NUMERIC) throw new Unfit();
    const stack: Sum[] = [];
    const pop = (): Sum => {
      const sum = stack.pop();
      if (sum === undefined) throw new Unfit();
      return sum;
    };
    for (const element of expressions.elements(expression)) {
      const number = element >>> 8;
      switch (element & 0xff) {
        case E_NUMBER:
          stack.push(constant(expressions.numbers.doubles[number]!));
          break;
        case E_LABEL:
          stack.push(this.#symbol(state.labels[number]!));
          break;
        case OP_PLUS:
          break;
        case OP_NEG:
          stack.push(multiplied(pop(), -1));
          break;
        case OP_ADD:
        case OP_SUB: {
          const right = pop();
          stack.push(added(pop(), element === OP_ADD ? right : multiplied(right, -1)));
          break;
        }
        case OP_MUL:
          stack.push(product(pop(), pop()));
          break;
        case OP_NOT:
        case OP_BSF:
        case OP_BSR:
        case OP_RVA:
        case OP_PLT:
          throw new Unfit();
        case OP_SHL: {
          const count = pop();
          const left = pop();
          if (count.multiples.size > 0 || !(count.constant >= 0 && count.constant < 50)) throw new Unfit();
          stack.push(multiplied(left, 2 ** count.constant));
          break;
        }
        default: {
          const right = pop();
          const left = pop();
          if (element < OP_ADD || left.multiples.size + right.multiples.size > 0) throw new Unfit();
          stack.push(constant(quick(element, left.constant, right.constant)));
        }
      }
    }
    const [sum] = stack;
    if (sum === undefined || stack.length !== 1 || !(sum.fixed < EXACT / 4)) throw new Unfit();
    this.#size = Math.max(this.#size, sum.size);
    return sum;
  }

  #symbol(label: Label): Sum {
    const { pass } = this.#assembler.state;
    const plain =
      label.relocation === 0 && label.big === undefined && (label.register1 | label.register2) === 0;
    if ((label.flags & DEFINED) === 0 || label.definedIn !== pass || !plain || label.size !== 0)
      throw new Unfit();
    const variable = this.#variables.get(label);
    if (variable === undefined) return constant(label.number);
    return { constant: 0, multiples: new Map([[variable, 1]]), fixed: 0, size: 1 };
  }
}

const comparisons: ReadonlyMap<number, (sign: number) => boolean> = new Map([
  [0x3d, (sign: number) => sign === 0],
  [O_NOT_EQUAL, (sign: number) => sign !== 0],
  [0x3c, (sign: number) => sign < 0],
  [0x3e, (sign: number) => sign > 0],
  [O_NOT_LESS, (sign: number) => sign >= 0],
  [O_NOT_GREATER, (sign: number) => sign <= 0],
]);

function constant(value: number): Sum {
  if (Number.isNaN(value)) throw new Unfit();
  return { constant: value, multiples: new Map(), fixed: Math.abs(value), size: 0 };
}

function added(a: Sum, b: Sum): Sum {
  const multiples = new Map(a.multiples);
  for (const [variable, times] of b.multiples)
    multiples.set(variable, (multiples.get(variable) ?? 0) + times);
  return { constant: a.constant + b.constant, multiples, fixed: a.fixed + b.fixed, size: a.size + b.size };
}

function multiplied(a: Sum, by: number): Sum {
  const multiples = new Map([...a.multiples].map(([variable, times]) => [variable, times * by]));
  const times = Math.max(1, Math.abs(by));
  return { constant: a.constant * by, multiples, fixed: a.fixed * times, size: a.size * times };
}

function product(a: Sum, b: Sum): Sum {
  if (a.multiples.size === 0) return multiplied(b, a.constant);
  if (b.multiples.size === 0) return multiplied(a, b.constant);
  throw new Unfit();
}

/** One round in numbers: the variables as they become, and in order what was compared. */
class Round {
  readonly variables: number[];
  readonly compared: number[] = [];
  ended = false;

  constructor(variables: readonly number[], { condition, statements }: Sums) {
    this.variables = [...variables];
    if (condition === undefined || this.#isMet(condition)) this.#run(statements);
    else this.ended = true;
  }

  #worth({ constant, multiples }: Sum): number {
    let worth = constant;
    for (const [variable, times] of multiples) worth += this.variables[variable]! * times;
    return worth;
  }

  #isMet(condition: Condition): boolean {
    switch (condition.kind) {
      case "not":
        return !this.#isMet(condition.of);
      case "both":
        return this.#isMet(condition.left) && this.#isMet(condition.right);
      case "either":
        return this.#isMet(condition.left) || this.#isMet(condition.right);
      default: {
        const worth = this.#worth(condition.sum);
        this.compared.push(worth);
        return condition.holds(Math.sign(worth));
      }
    }
  }

  #run(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if (statement.kind === "break") this.ended = true;
      else if (statement.kind === "assign") this.variables[statement.variable] = this.#worth(statement.sum);
      else this.#run(this.#isMet(statement.condition) ? statement.met : statement.unmet);
      if (this.ended) return;
    }
  }
}

/** Rounds that are not worth passing over. */
const FEW = 1000;

/** Passes over the rounds that add the same as the next three; false when there are few or none. */
function leap(assembler: Assembler, { labels }: Watch, sums: Sums, limit: number): boolean {
  const { state } = assembler;
  const inBounds = (value: number): boolean => Math.abs(value) <= sums.bound;
  const before = labels.map((label) => label.number);
  if (!labels.every((label, n) => label.relocation === 0 && inBounds(before[n]!))) return false;
  const first = new Round(before, sums);
  const second = new Round(first.variables, sums);
  const third = new Round(second.variables, sums);
  if (first.ended || second.ended || third.ended) return false;
  const steps = third.variables.map((value, n) => value - second.variables[n]!);
  const steady = steps.every(
    (step, n) =>
      second.variables[n]! - first.variables[n]! === step && first.variables[n]! - before[n]! === step,
  );
  if (!steady || !third.variables.every(inBounds)) return false;
  const { compared } = third;
  if (compared.length !== second.compared.length || compared.length !== first.compared.length) return false;
  let rounds = limit - state.counter - 3;
  for (const [n, worth] of compared.entries()) {
    const sign = Math.sign(worth);
    if (sign !== Math.sign(second.compared[n]!) || sign !== Math.sign(first.compared[n]!)) return false;
    const step = worth - second.compared[n]!;
    // It comes to nothing, or beyond, after so many more rounds.
    if (step * sign < 0) rounds = Math.min(rounds, Math.ceil(worth / -step) - 1);
  }
  for (const [n, value] of third.variables.entries()) {
    const step = steps[n]!;
    if (step !== 0) rounds = Math.min(rounds, Math.floor((sums.bound - Math.abs(value)) / Math.abs(step)));
  }
  if (rounds < FEW) return false;
  labels.forEach((label, n) => {
    assembler.assignNumber(label, third.variables[n]! + steps[n]! * rounds);
  });
  state.counter += rounds + 3;
  return true;
}
