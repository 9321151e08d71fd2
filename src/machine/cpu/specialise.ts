/**
 * The frequent instructions in their frequent shapes get an arm of the interpreter (arms/) for themselves. What an
 * arm does is what the executor of the same form does, in fewer steps; test/engines compares them.
 */
import type { Form } from "../../isa/index.ts";
import type { Core } from "./engine.ts";
import { FIRST_ARM, OP } from "./op.ts";
import { KIND, type Operation } from "./operation.ts";
import { ES, SEGMENT, SS, WORD } from "./state.ts";

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
const ONE_OPERAND = new Set("inc dec neg not mul div push pop".split(" "));
const NOTHING = new Set("nop pause endbr32 endbr64 cdq leave".split(" "));

const uppers: string[] = [];
/** Names that were put together once, by form and kinds. */
const shapes = new Map<number, string>();

const isMemory = (kind: number): boolean => kind >= KIND.M8 && kind <= KIND.M32;

/** Gives `op`, which is decoded, an arm of its own if there is one for it. */
export function specialise(core: Core, op: Operation, form: Form): void {
  if (core.unspecialised || (op.string && op.rep !== 0)) return;
  if (isMemory(op.kind1) || isMemory(op.kind2)) {
    if (op.addressMask !== -1 || !isFlat(core, op.segment)) return;
  }
  if (BY_STACK.has(form.name) && (op.operandSize !== 32 || !isFlat(core, SS))) return;
  const arm = numbers[nameOf(core, op, form) ?? ""];
  if (arm === undefined) return;
  op.op = arm;
  if (arm >= FIRST_ARM) op.pack();
}

const isFlat = (core: Core, segment: number): boolean =>
  (core.memory.words[WORD.RIGHTS + segment]! & SEGMENT.FLAT) !== 0;

function nameOf(core: Core, op: Operation, form: Form): string | undefined {
  const { name } = form;
  const upper = (uppers[form.index] ??= name.toUpperCase());
  const first = LETTERS[op.kind1] ?? "";
  const second = LETTERS[op.kind2] ?? "";
  if (form.condition >= 0) return name.startsWith("j") && op.operandSize === 32 ? upper : undefined;
  if (BY_SHAPE.has(name)) {
    const key = (form.index << 8) | (op.kind1 << 4) | op.kind2;
    const known = shapes.get(key);
    if (known !== undefined) return known;
    const width = /^\d*/.exec(first)![0];
    const shape = `${upper}${width}_${first.slice(width.length)}${second.replace(/^\d*/, "")}`;
    shapes.set(key, shape);
    return shape;
  }
  if (SHIFTS.has(name) && first === "R") {
    if (second === "8R") return `${upper}_RC`;
    return (op.immediate & 31) === 0 ? "NOP" : `${upper}_RI`;
  }
  if (ONE_OPERAND.has(name)) return `${upper}${first.slice(0, -1)}_${first.slice(-1)}`;
  if (NOTHING.has(name)) return name === "cdq" || name === "leave" ? upper : "NOP";
  if (op.string) return isStraight(core, op, name) ? upper : undefined;
  switch (name) {
    case "movzx":
    case "movsx":
      return first === "R" ? `${upper}${second.slice(0, -1)}_${second.slice(-1)}` : undefined;
    case "lea":
      return first === "R" && op.addressMask === -1 ? "LEA" : undefined;
    case "xchg":
      return `XCHG_${first}${second}`;
    case "imul":
      if (first !== "R" || op.operandSize !== 32) return undefined;
      if (form.operands.length === 2) return `IMUL_R${second}`;
      return form.operands.length === 3 && second === "R" ? "IMUL_RRI" : undefined;
    case "jmp":
    case "call":
      return nearJump(op, form, upper, first);
    case "ret":
      return "RET";
    case "jecxz":
      return op.operandSize === 32 ? upper : undefined;
    case "loop":
      return op.operandSize === 32 && op.addressMask === -1 ? "LOOP" : undefined;
    case "int":
      return core.gates[op.immediate & 0xff] ? "INT" : undefined;
    default:
      return undefined;
  }
}

/** Whether what a string instruction goes over is flat. */
const isStraight = (core: Core, op: Operation, name: string): boolean =>
  op.addressMask === -1 && isFlat(core, ES) && (name.startsWith("stos") || isFlat(core, op.segment));

function nearJump(op: Operation, form: Form, upper: string, first: string): string | undefined {
  if (op.operandSize !== 32 || form.operands[0]!.kind === "ptr") return undefined;
  if (first === "I") return upper;
  return first === "R" || first === "M" ? `${upper}_${first}` : undefined;
}

/** Whether an operation is a jump, call or loop whose target is linked: the conditional jumps come last. */
export const leadsTo = (op: number): boolean =>
  op === OP.JMP || op === OP.CALL || op === OP.LOOP || op === OP.JECXZ || (op >= OP.JO && op <= OP.JG);
