/**
 * What all instructions of one form have in common that are decoded at the same sizes, and all have a register, or all
 * memory, where they may have both: worked out once, for programs are decoded by a host that has not compiled us yet.
 */
import type { Form, FormOperand, Instruction } from "../../isa/index.ts";
import { executorOf, type Found, stringExecutorOf } from "./execute/index.ts";
import { isX87 } from "./execute/units.ts";
import { OP } from "./op.ts";
import { type Executor, KIND, type StringExecutor } from "./operation.ts";
import { armOf, isJump, type SpecialArm } from "./specialise.ts";
import { WORD } from "./state.ts";

/** Which of an instruction's fields has the number of a register. */
const NUMBER = { NONE: 0, RM: 1, REG: 2, OPCODE: 3 } as const;

/** What `immediate` is. */
export const IMMEDIATE = {
  AS_IT_IS: 0,
  /** Zero-extended from the operand's size, as the executors expect values. */
  NARROW: 1,
  /** 1, which no byte says. */
  ONE: 2,
  /** Where a jump leads. */
  TARGET: 3,
} as const;

/** What `extra` is when it is no constant: the second constant, or the x87's opcode. */
export const EXTRA = { SECOND: -1, X87: -2 } as const;

const OFFSET16 = 0xffff;

/** A register operand: its index is `fixed + unit * number`, but for bytes, where `unit` is 0. */
interface Operand {
  kind: number;
  number: number;
  fixed: number;
  unit: number;
}

const NOTHING: Operand = { kind: KIND.NONE, number: NUMBER.NONE, fixed: 0, unit: 1 };

/** What can be said before there is an arm. */
export interface Shape {
  readonly form: Form;
  readonly operandSize: number;
  readonly addressMask: number;
  readonly first: Operand;
  readonly second: Operand;
  readonly isString: boolean;
}

export interface Recipe extends Shape {
  readonly shift: number;
  readonly general: number;
  readonly execute: Executor;
  readonly string: StringExecutor | undefined;
  readonly immediate: number;
  readonly extra: number;
  /** A constant of four bytes ends it, as it is. */
  readonly endsInConstant: boolean;
  readonly arm: SpecialArm | undefined;
}

/** As one literal: a field that is set by itself costs as much as ten others, the first times. */
function recipe(form: Form, { mod, operandSize: size, addressSize }: Instruction): Recipe {
  const { operands } = form;
  const [firstOperand, secondOperand, third] = operands;
  const operandSize = form.operandSize === 16 ? 16 : size;
  const addressMask = addressSize === 16 ? OFFSET16 : -1;
  const shift = firstOperand ? 32 - 8 * Math.min(sizeOf(firstOperand, operandSize), 4) : 0;
  const first = firstOperand ? operandOf(form, 0, operandSize, mod) : NOTHING;
  const second = secondOperand ? operandOf(form, 1, operandSize, mod) : NOTHING;
  const string = stringExecutorOf(form);
  const arm = armOf({ form, operandSize, addressMask, first, second, isString: string !== undefined });
  const found = arm !== undefined && arm.op !== OP.INT ? later(form, arm.op) : executorOf(form);
  return {
    form,
    operandSize,
    addressMask,
    first,
    second,
    isString: string !== undefined,
    shift,
    general: string ? OP.STRING : found.op,
    execute: found.execute,
    string,
    immediate: immediateOf(form, second.kind, shift),
    extra: found.extra ?? extraOf(form, string !== undefined, third),
    endsInConstant: form.tail.length === 1 && shift === 0 && operands[operands.length - 1]?.kind === "imm",
    arm,
  };
}

function extraOf(form: Form, isString: boolean, third: FormOperand | undefined): number {
  if (isString) return elementOf(form);
  if (isX87(form)) return EXTRA.X87;
  if (form.condition >= 0) return form.condition;
  return third?.kind === "fixed" ? 1 : EXTRA.SECOND;
}

/**
 * Whose executor is looked for when it is first wanted: where an arm does it that is seldom, and those of x87 and SSE are a room of
 * their own.
 */
const later = (form: Form, arm: number): Found => ({
  op: isJump(arm) ? OP.JUMP : OP.GENERAL,
  execute: (cpu, op) => {
    const { execute } = executorOf(form);
    if (!op.differs) op.execute = execute;
    execute(cpu, op);
  },
});

/** Recipes by form and what else decides. */
const recipes: (Recipe | undefined)[] = [];

export function recipeOf(form: Form, fields: Instruction): Recipe {
  const key =
    (form.index << 3) |
    (fields.mod === 3 ? 4 : 0) |
    (fields.operandSize === 16 ? 2 : 0) |
    (fields.addressSize === 16 ? 1 : 0);
  return (recipes[key] ??= recipe(form, fields));
}

/** The index of a register operand in the view of its size. */
export function indexOf({ number, fixed, unit }: Operand, fields: Instruction): number {
  if (number === NUMBER.NONE) return fixed;
  const register = number === NUMBER.RM ? fields.rm : number === NUMBER.REG ? fields.reg : fields.code & 7;
  return unit === 0 ? byteIndex(register) : fixed + unit * register;
}

/** ah, ch, dh and bh are the second bytes of the first four. */
const byteIndex = (register: number): number => (register < 4 ? register * 4 : (register - 4) * 4 + 1);

/** Bytes of an operand. */
const sizeOf = (operand: FormOperand, operandSize: number): number =>
  operand.size < 0 ? operandSize >> 3 : operand.size || 4;

const registerKind = (size: number): number => (size === 1 ? KIND.R8 : size === 2 ? KIND.R16 : KIND.R32);
const memoryKind = (size: number): number =>
  size === 1 ? KIND.M8 : size === 2 ? KIND.M16 : size === 4 ? KIND.M32 : KIND.MEMORY;
const unitOf = (size: number): number => (size === 1 ? 0 : size === 2 ? 2 : 1);

const elementOf = ({ name }: Form): number => (name.endsWith("b") ? 1 : name.endsWith("w") ? 2 : 4);

function immediateOf({ operands }: Form, kind2: number, shift: number): number {
  const has = (kind: string): boolean => operands[0]?.kind === kind || operands[1]?.kind === kind;
  if (has("one")) return IMMEDIATE.ONE;
  if (has("rel")) return IMMEDIATE.TARGET;
  return kind2 === KIND.IMMEDIATE && shift !== 0 ? IMMEDIATE.NARROW : IMMEDIATE.AS_IT_IS;
}

function operandOf(form: Form, at: number, operandSize: number, mod: number): Operand {
  const operand = form.operands[at]!;
  const place = form.places[at];
  const isMemory = place === "rm" && mod !== 3;
  const number = place === "rm" ? NUMBER.RM : place === "opcode" ? NUMBER.OPCODE : NUMBER.REG;
  const size = sizeOf(operand, operandSize);
  const only = (kind: number): Operand => ({ ...NOTHING, kind });
  switch (operand.kind) {
    case "r":
    case "rm":
      if (isMemory) return only(memoryKind(operand.memorySize < 0 ? operandSize >> 3 : operand.memorySize));
      return { kind: registerKind(size), number, fixed: 0, unit: unitOf(size) };
    case "m":
      return only(operand.size > 0 || operand.text === "mv" ? memoryKind(size) : KIND.MEMORY);
    case "moffs":
      return only(memoryKind(size));
    case "imm":
    case "one":
    case "rel":
    case "ptr":
      return only(KIND.IMMEDIATE);
    case "fixed": {
      if (operand.file === "segment") return { ...NOTHING, kind: KIND.SEGMENT, fixed: operand.number };
      const index = size === 1 ? byteIndex(operand.number) : operand.number * unitOf(size);
      return { ...NOTHING, kind: registerKind(size), fixed: index };
    }
    case "sreg":
    case "cr":
      return { kind: KIND.SEGMENT, number: NUMBER.REG, fixed: 0, unit: 1 };
    case "mm":
    case "mmm":
    case "xmm":
    case "xmmm":
      if (isMemory) return only(KIND.MEMORY);
      return {
        kind: KIND.VECTOR,
        number: place === "rm" ? NUMBER.RM : NUMBER.REG,
        fixed: operand.kind.startsWith("mm") ? WORD.X87 : WORD.XMM,
        unit: 4,
      };
    default:
      return NOTHING;
  }
}
