/**
 * The frequent instructions in their frequent shapes get an arm of the interpreter (arms/) for themselves. What an
 * arm does is what the executor of the same form does, in fewer steps; test/engines compares them.
 */
import type { Form } from "../../isa/index.ts";
import { type Call, callOf } from "./calls.ts";
import type { Core } from "./engine.ts";
import { isVector, isX87 } from "./execute/units.ts";
import { PARITY } from "./flags.ts";
import { BETWEEN_FILES, FIRST_ARM, OP, PACKED, PACKED_SHIFTS, SMALL } from "./op.ts";
import { KIND, namesMemory, type Operation } from "./operation.ts";
import type { Shape } from "./recipe.ts";
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
  /** Which of the things that the arm does, or -1 where it does one. */
  readonly which: number;
  /** It calls a function. */
  readonly call: Call | undefined;
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
const ONE_OPERAND = new Set("inc dec neg not mul div idiv push pop".split(" "));
const NOTHING = new Set("nop pause endbr32 endbr64".split(" "));
/** Named as they are. */
const ALONE = new Set(["leave"]);
const STRINGS = new Set(["lods", "stos", "movs"]);

const isMemory = (kind: number): boolean => kind >= KIND.M8 && kind <= KIND.M32;

/** Letters of a shape with registers of SSE. */
const WIDE_LETTERS: Readonly<Record<number, string>> = {
  [KIND.VECTOR]: "R",
  [KIND.R32]: "G",
  [KIND.M32]: "M",
  [KIND.MEMORY]: "M",
  [KIND.IMMEDIATE]: "I",
};
/** By the numbers that the arm knows them by. */
const SHUFFLES = ["pshufd", "shufps"];

/** What does the same as one of PACKED. */
const ALIASES: Readonly<Record<string, string>> = {
  andps: "pand",
  andpd: "pand",
  andnps: "pandn",
  andnpd: "pandn",
  orps: "por",
  orpd: "por",
  xorps: "pxor",
  xorpd: "pxor",
  unpcklps: "punpckldq",
  unpckhps: "punpckhdq",
  unpcklpd: "punpcklqdq",
  unpckhpd: "punpckhqdq",
};
/** Moves of 16 bytes, with an A where memory has to be aligned; those of movnt and lddqu have one way alone. */
const WIDE_MOVES: Readonly<Record<string, string>> = {
  movups: "",
  movupd: "",
  movdqu: "",
  lddqu: "",
  movaps: "A",
  movapd: "A",
  movdqa: "A",
  movntps: "A",
  movntpd: "A",
  movntdq: "A",
  movntdqa: "A",
};

/** The arm of what has this shape, if there is one. */
export function armOf(shape: Shape): SpecialArm | undefined {
  const { form, first, second, isString, operandSize, addressMask } = shape;
  const isWide = isVector(form);
  const known = numbers[(isWide ? vectorNameOf(shape) : nameOf(shape)) ?? ""];
  const inMemory = namesMemory({ kind1: first.kind, kind2: second.kind });
  const call =
    known === undefined && (isWide || isX87(form) || form.name === "wait")
      ? callOf(form, inMemory)
      : undefined;
  const op = known ?? call?.op;
  if (op === undefined) return undefined;
  const which = call?.which ?? (isWide ? whichOf(form) : mayLead(op) ? -1 : plainWhichOf(form));
  const operand =
    isMemory(first.kind) ||
    isMemory(second.kind) ||
    ((isWide || call) && inMemory) ||
    (isString && !form.name.startsWith("stos"));
  if ((operand || isString) && addressMask !== -1) return undefined;
  const stack = BY_STACK.has(form.name);
  if (stack && operandSize !== 32) return undefined;
  const count = SHIFTS.has(form.name) && second.kind === KIND.IMMEDIATE;
  const repeated = numbers[`REP_${form.name.toUpperCase()}`] ?? 0;
  return { op, operand, stack, string: isString, repeated, count, which, call };
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
  if (arm.op >= FIRST_ARM) op.pack(arm.which);
  arm.call?.pack(op);
}

const isFlat = (core: Core, segment: number): boolean =>
  (core.memory.words[WORD.RIGHTS + segment]! & SEGMENT.FLAT) !== 0;

function nameOf(shape: Shape): string | undefined {
  const { form, operandSize, addressMask } = shape;
  const { name } = form;
  const upper = name.toUpperCase();
  const first = LETTERS[shape.first.kind] ?? "";
  const second = LETTERS[shape.second.kind] ?? "";
  const narrow = first.slice(0, -1);
  if (form.condition >= 0) return conditionalNameOf(shape, upper, first + second);
  if (BY_SHAPE.has(name)) return `${upper}${narrow}_${first.slice(-1)}${second.slice(-1)}`;
  if (SHIFTS.has(name) && first === "R") return second === "8R" ? `${upper}_RC` : `${upper}_RI`;
  if (ONE_OPERAND.has(name)) return `${upper}${narrow}_${first.slice(-1)}`;
  if (NOTHING.has(name)) return "NOP";
  if (ALONE.has(name)) return upper;
  if (SMALL.includes(name)) return first === "R" || first === "" ? "SMALL" : undefined;
  if (shape.isString) return STRINGS.has(name.slice(0, -1)) ? upper : undefined;
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
      if (form.operands.length === 1) return "IMUL_R";
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

function conditionalNameOf({ form, operandSize }: Shape, upper: string, letters: string): string | undefined {
  if (form.name.startsWith("j")) return operandSize === 32 ? upper : undefined;
  if (form.condition >> 1 === PARITY) return undefined;
  if (form.name.startsWith("set")) return `SET_${letters.slice(-1)}`;
  return `CMOV_${letters}`;
}

const packedOf = ({ name }: Form): number => PACKED.indexOf(ALIASES[name] ?? name);

/** Which of the things that its arm does: of a form of SSE, and of others. */
const whichOf = (form: Form): number =>
  Math.max(packedOf(form), PACKED_SHIFTS.indexOf(form.name), SHUFFLES.indexOf(form.name), betweenFiles(form));
const plainWhichOf = ({ name, condition }: Form): number =>
  condition >= 0 ? condition : SMALL.indexOf(name);

function betweenFiles({ name, places }: Form): number {
  if (name === "pmovmskb") return BETWEEN_FILES.PMOVMSKB;
  if (name !== "movd") return -1;
  return places[0] === "rm" ? BETWEEN_FILES.TO_GENERAL : BETWEEN_FILES.TO_SSE;
}

/** Of a form of SSE; those with registers of MMX have none of their own. */
function vectorNameOf({ form, first, second }: Shape): string | undefined {
  const { name, operands } = form;
  if (operands.some(({ kind }) => kind === "mm" || kind === "mmm")) return undefined;
  const shape = `${WIDE_LETTERS[first.kind]}${WIDE_LETTERS[second.kind]}`;
  if (operands.length === 3) return SHUFFLES.includes(name) ? `SHUFFLE_${shape}` : undefined;
  const wide = WIDE_MOVES[name];
  if (wide !== undefined) return shape === "RR" ? "MOVX_RR" : `MOVX${wide}_${shape}`;
  switch (name) {
    case "movd":
      if (shape === "RG" || shape === "GR") return "BETWEEN_FILES";
      return `MOVX4_${shape}`;
    case "movss":
      return `MOVX4_${shape}`;
    case "movsd":
      return `MOVX8_${shape}`;
    case "movq": // which between registers leaves zeros above
      return shape === "RR" ? undefined : `MOVX8_${shape}`;
    case "movlps":
    case "movlpd":
      return shape === "MR" ? "MOVX8_MR" : undefined;
    case "pmovmskb":
      return "BETWEEN_FILES";
    default:
      if (PACKED_SHIFTS.includes(name)) return `SHIFT_${shape}`;
      return packedOf(form) < 0 ? undefined : `PACKED_${shape}`;
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

/** Whether an operation with an arm is a jump, call or return: its executor leaves the next EIP in the state page. */
export const isJump = (op: number): boolean => op >= OP.JMP && op <= OP.JG;
