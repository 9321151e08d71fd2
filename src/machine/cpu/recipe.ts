/**
 * What all instructions of one form have in common that are decoded at the same sizes, and all have a register, or all
 * memory, where they may have both: worked out once, for programs are decoded by a host that has not compiled us yet.
 */
import type { Form, FormOperand, Instruction } from "../../isa/index.ts";
import { executorOf, type Found, stringExecutorOf } from "./execute/index.ts";
import { isVector, isX87 } from "./execute/units.ts";
import { OP } from "./op.ts";
import { type Executor, KIND, type StringExecutor } from "./operation.ts";
import { armOf, type SpecialArm } from "./specialise.ts";
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

export class Recipe {
  readonly form: Form;
  readonly operandSize: number;
  readonly addressMask: number;
  readonly first: Operand;
  readonly second: Operand;
  readonly shift: number;
  readonly general: number;
  readonly execute: Executor;
  readonly string: StringExecutor | undefined;
  readonly immediate: number;
  readonly extra: number;
  /** A constant of four bytes ends it, as it is. */
  readonly endsInConstant: boolean;
  readonly arm: SpecialArm | undefined;

  constructor(form: Form, { mod, operandSize, addressSize }: Instruction) {
    const [first, second, third] = form.operands;
    const size = form.operandSize === 16 ? 16 : operandSize;
    this.form = form;
    this.operandSize = size;
    this.addressMask = addressSize === 16 ? OFFSET16 : -1;
    this.shift = first ? 32 - 8 * Math.min(sizeOf(first, size), 4) : 0;
    this.first = first ? operandOf(form, 0, size, mod) : NOTHING;
    this.second = second ? operandOf(form, 1, size, mod) : NOTHING;
    this.string = stringExecutorOf(form);
    this.immediate = immediateOf(form, this.second.kind, this.shift);
    this.arm = armOf(this);
    const found =
      this.arm?.call !== undefined || (this.arm !== undefined && isVector(form))
        ? later(form)
        : executorOf(form);
    this.execute = found.execute;
    this.general = this.string ? OP.STRING : found.op;
    this.extra =
      found.extra ??
      (this.string
        ? elementOf(form)
        : isX87(form)
          ? EXTRA.X87
          : form.condition >= 0
            ? form.condition
            : third?.kind === "fixed"
              ? 1
              : EXTRA.SECOND);
    const isLast = form.operands[form.operands.length - 1]?.kind === "imm";
    this.endsInConstant = form.tail.length === 1 && this.shift === 0 && isLast;
  }
}

/** Executors of x87 and SSE are a room of their own, which nobody enters for what arms do. */
const later = (form: Form): Found => ({
  op: OP.GENERAL,
  execute: (cpu, op) => {
    op.execute = executorOf(form).execute;
    op.execute(cpu, op);
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
  return (recipes[key] ??= new Recipe(form, fields));
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
