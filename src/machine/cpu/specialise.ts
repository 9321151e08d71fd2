/**
 * The frequent instructions in their frequent shapes get an arm of the interpreter (arms/) for themselves. What an
 * arm does is what the executor of the same form does, in fewer steps; test/engines compares them.
 */
import type { Form } from "../../isa/index.ts";
import type { Core } from "./engine.ts";
import { FIRST_ARM, OP } from "./op.ts";
import { KIND, type Operation } from "./operation.ts";
import type { Recipe } from "./recipe.ts";
import { ES, SEGMENT, SS, WORD } from "./state.ts";

/** An arm, and what must be so for an instruction to have it. */
export interface SpecialArm {
  readonly op: number;
  /** The segment of the memory operand is flat. */
  readonly operand: boolean;
  /** So is SS. */
  readonly stack: boolean;
  /** So is ES. */
  readonly string: boolean;
  /** The arm of the same with a repetition; 0 if there is none. */
  readonly repeated: number;
  /** The constant is a count: where it is 0 nothing is done. */
  readonly count: boolean;
}

/** Letters of a shape by the kind of an operand; 8 and 16 mark narrow ones. */
const LETTERS: Readonly<Record<number, string>> = {
  [KIND.R8]: "8R",
  [KIND.R16]: "16R",
  [KIND.R32]: "R",
  [KIND.M8]: "8M",
  [KIND.M16]: "16M",
  [KIND.M32]: "M",
  [KIND.IMMEDIATE]: "I",
};

const numbers: Readonly<Record<string, number>> = OP;

/** Arms that are named by mnemonic and shape: ADD_RM, MOV8_MI. */
const BY_SHAPE = new Set("add or adc sbb and sub xor cmp test mov".split(" "));
const SHIFTS = new Set("shl shr sar rol ror".split(" "));
const BY_STACK = new Set("push pop call ret leave".split(" "));
const ONE_OPERAND = new Set("bswap inc dec neg not mul div push pop".split(" "));
const NOTHING = new Set("nop pause endbr32 endbr64".split(" "));
/** Named as they are. */
const ALONE = new Set("cdq cwde cld leave".split(" "));
const STRINGS = new Set(["lods", "stos", "movs"]);

const isMemory = (kind: number): boolean => kind >= KIND.M8 && kind <= KIND.M32;

/** The arm of a recipe, if there is one. */
export function armOf(recipe: Recipe): SpecialArm | undefined {
  const { form, first, second, string, operandSize, addressMask } = recipe;
  const op = numbers[nameOf(recipe) ?? ""];
  if (op === undefined) return undefined;
  const isString = string !== undefined;
  const operand =
    isMemory(first.kind) || isMemory(second.kind) || (isString && !form.name.startsWith("stos"));
  if ((operand || isString) && addressMask !== -1) return undefined;
  const stack = BY_STACK.has(form.name);
  if (stack && operandSize !== 32) return undefined;
  const count = SHIFTS.has(form.name) && second.kind === KIND.IMMEDIATE;
  const repeated = numbers[`REP_${form.name.toUpperCase()}`] ?? 0;
  return { op, operand, stack, string: isString, repeated, count };
}

/** Gives `op`, which is decoded, an arm of its own if there is one for it. */
export function specialise(core: Core, op: Operation, arm: SpecialArm): void {
  if (core.unspecialised) return;
  if (arm.operand && !isFlat(core, op.segment)) return;
  if (arm.stack && !isFlat(core, SS)) return;
  if (arm.string && (!isFlat(core, ES) || (op.rep !== 0 && arm.repeated === 0))) return;
  if (arm.op === OP.INT && !core.gates[op.immediate & 0xff]) return;
  if (op.rep !== 0 && arm.string) op.op = arm.repeated;
  else op.op = arm.count && (op.immediate & 31) === 0 ? OP.NOP : arm.op;
  if (arm.op >= FIRST_ARM) op.pack();
}

const isFlat = (core: Core, segment: number): boolean =>
  (core.memory.words[WORD.RIGHTS + segment]! & SEGMENT.FLAT) !== 0;

function nameOf(recipe: Recipe): string | undefined {
  const { form, operandSize, addressMask } = recipe;
  const { name } = form;
  const upper = name.toUpperCase();
  const first = LETTERS[recipe.first.kind] ?? "";
  const second = LETTERS[recipe.second.kind] ?? "";
  const narrow = first.slice(0, -1);
  if (form.condition >= 0) return name.startsWith("j") && operandSize === 32 ? upper : undefined;
  if (BY_SHAPE.has(name)) return `${upper}${narrow}_${first.slice(-1)}${second.slice(-1)}`;
  if (SHIFTS.has(name) && first === "R") return second === "8R" ? `${upper}_RC` : `${upper}_RI`;
  if (ONE_OPERAND.has(name)) return `${upper}${narrow}_${first.slice(-1)}`;
  if (NOTHING.has(name)) return "NOP";
  if (ALONE.has(name)) return upper;
  if (recipe.string) return STRINGS.has(name.slice(0, -1)) ? upper : undefined;
  switch (name) {
    case "movzx":
    case "movsx":
      return first === "R" ? `${upper}${second.slice(0, -1)}_${second.slice(-1)}` : undefined;
    case "lea":
      return first === "R" && addressMask === -1 ? "LEA" : undefined;
    case "xchg":
      return `XCHG_${first}${second}`;
    case "imul":
      if (first !== "R" || operandSize !== 32) return undefined;
      if (form.operands.length === 2) return `IMUL_R${second}`;
      return form.operands.length === 3 && second === "R" ? "IMUL_RRI" : undefined;
    case "jmp":
    case "call":
      return operandSize === 32 ? nearJump(form, upper, first) : undefined;
    case "ret":
      return "RET";
    case "jecxz":
      return operandSize === 32 ? upper : undefined;
    case "loop":
      return operandSize === 32 && addressMask === -1 ? "LOOP" : undefined;
    case "int":
      return "INT";
    default:
      return undefined;
  }
}

function nearJump(form: Form, upper: string, first: string): string | undefined {
  if (form.operands[0]!.kind === "ptr") return undefined;
  if (first === "I") return upper;
  return first === "R" || first === "M" ? `${upper}_${first}` : undefined;
}

/** Whether what comes after an operation is its target, and not what stands behind it. */
export const leads = (op: number): boolean => op === OP.JMP || op === OP.CALL;

/** Whether an operation is a jump or loop whose target is linked, too: the conditional jumps come last. */
export const mayLead = (op: number): boolean =>
  op === OP.LOOP || op === OP.JECXZ || (op >= OP.JO && op <= OP.JG);
