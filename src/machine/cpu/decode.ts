/**
 * Bytes → operation. The isa room finds the form and its fields; here they become small integers and the
 * function that executes them. Decoding an address for the first time, or after its bytes have changed, is all
 * that ever happens here, so clarity goes before speed.
 */
import {
  DECODED,
  decode as decodeBytes,
  type Form,
  type FormOperand,
  INVALID,
  type Instruction,
  LONGEST,
  makeInstruction,
  TRUNCATED,
} from "../../isa/index.ts";
import { FACT, RAM_BASE } from "../memory/memory.ts";
import type { Core } from "./engine.ts";
import { changeIn } from "./execute/families.ts";
import { executorOf, stringExecutorOf } from "./execute/index.ts";
import { undefinedOpcode } from "./execute/system.ts";
import { isX87 } from "./execute/units.ts";
import { fault, pageFault } from "./fault.ts";
import { formIn } from "./model.ts";
import { OP } from "./op.ts";
import { KIND, type Operation } from "./operation.ts";
import { specialise } from "./specialise.ts";
import { DS, ESP, SS, WORD } from "./state.ts";

const PAGE_MASK = 0xfff;
const EBP_NUMBER = 5;
const OFFSET16 = 0xffff;

const fields: Instruction = makeInstruction();

/**
 * Fills `op` with what stands at its address. Throws a GuestFault when it cannot be fetched (#PF) or is longer
 * than 15 bytes (#GP). Answers where the bytes that were looked at end.
 */
export function decodeOperation(core: Core, op: Operation): number {
  const { memory } = core;
  const address = op.address >>> 0;
  if (!(memory.facts[address >>> 12]! & FACT.PRESENT)) throw pageFault(address, "execute", false);
  const nextPage = ((address | PAGE_MASK) >>> 0) + 1;
  const reachesOver = nextPage - address < LONGEST && memory.isMapped(nextPage, 1, "read");
  const end = RAM_BASE + (reachesOver ? nextPage + LONGEST : nextPage);
  let outcome = decodeBytes(memory.bytes, RAM_BASE + address, end, 32, fields);
  if (outcome !== DECODED && endsEarly(core, RAM_BASE + address, end)) outcome = INVALID;
  if (outcome === TRUNCATED) throw pageFault(nextPage | 0, "execute", false);
  if (outcome !== DECODED && outcome !== INVALID) throw fault("#GP");
  op.length = Math.max(fields.length, 1);
  op.following = (op.address + op.length) | 0;
  op.constantAt = op.length;
  op.soft = false;
  op.string = undefined;
  const form = outcome === DECODED ? formIn(core.model, fields.form!) : undefined;
  op.form = form;
  if (form === undefined || lockIsWrong(form) || repIsWrong(form)) {
    op.op = op.general = OP.GENERAL;
    op.execute = undefinedOpcode;
    op.differs = false;
  } else {
    fill(op, form);
    const change = changeIn(core.undefinedFlags, form);
    op.differs = change !== undefined;
    if (change === undefined) specialise(core, op, form);
    else op.execute = change(op.execute);
  }
  return op.length;
}

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** UD0, UD1, moves of test registers. */
const WITHOUT_MODRM = new Set([0xff, 0xb9, 0x24, 0x25, 0x26, 0x27]);
/** The first bytes of VEX, EVEX and XOP, and the least of the second. */
const VECTOR_PREFIXES = new Set([0xc4, 0xc5, 0x62, 0x8f]);
const REGISTERS = 0xc0;
const XOP_MAP = 0x1f;

/**
 * Whether the family finds an undefined opcode before it has fetched all that our table knows of: undefined.ts. It can
 * be seen where that is on no page, or longer than 15 bytes.
 */
function endsEarly(core: Core, start: number, end: number): boolean {
  const { bytes } = core.memory;
  let at = start;
  while (at < end && PREFIXES.has(bytes[at]!)) at++;
  if (at + 2 > Math.min(end, start + LONGEST)) return false;
  const code = bytes[at]!;
  const next = bytes[at + 1]!;
  if (core.undefinedFlags !== "zen4") return VECTOR_PREFIXES.has(code) && next >= REGISTERS;
  if (code === 0x0f) return WITHOUT_MODRM.has(next);
  return code === 0x8f && (next & XOP_MAP) === 8 && fields.length > 0;
}

/** F3 is reserved before MOVBE, whose operand size 66 still says; F2 makes CRC32 of it. SDM vol. 2D, table A-4. */
const repIsWrong = (form: Form): boolean => form.name === "movbe" && fields.rep !== 0;

/** LOCK needs a form that takes it, and memory to write. SDM vol. 2A, LOCK. */
const lockIsWrong = (form: Form): boolean =>
  fields.lock && !(form.lock && fields.modrm >= 0 && fields.mod !== 3);

function fill(op: Operation, form: Form): void {
  op.operandSize = form.operandSize === 16 ? 16 : fields.operandSize;
  op.addressMask = fields.addressSize === 16 ? OFFSET16 : -1;
  op.rep = fields.rep;
  op.base = fields.base < 0 ? WORD.ZERO : fields.base;
  op.index = fields.index < 0 ? WORD.ZERO : fields.index;
  op.scale = 31 - Math.clz32(fields.scale);
  op.displacement = fields.displacement;
  op.segment = fields.segment >= 0 ? fields.segment : defaultSegment();
  op.immediate = form.suffix >= 0 ? form.suffix : fields.immediate;
  op.extra = fields.immediate2;
  op.kind1 = KIND.NONE;
  op.kind2 = KIND.NONE;
  op.shift = 0;
  const [first, second, third] = form.operands;
  if (first) {
    op.shift = 32 - 8 * Math.min(sizeOf(first, op), 4);
    [op.kind1, op.a] = place(op, form, 0);
  }
  if (second) [op.kind2, op.b] = place(op, form, 1);
  if (third?.kind === "fixed") op.extra = 1;
  if (form.condition >= 0) op.extra = form.condition;
  if (isX87(form)) op.extra = ((form.code & 7) << 8) | fields.modrm;
  if (form.tail.length === 1 && fields.immediateSize === 4 && op.shift === 0 && hasConstant(form)) {
    op.constantAt = op.length - 4;
  }
  // Constants as the executors expect values: zero-extended when narrow.
  if (op.kind2 === KIND.IMMEDIATE && op.shift !== 0) op.immediate &= -1 >>> op.shift;
  op.string = stringExecutorOf(form);
  if (op.string) op.extra = form.name.endsWith("b") ? 1 : form.name.endsWith("w") ? 2 : 4;
  const found = executorOf(form);
  op.execute = found.execute;
  op.op = op.general = op.string ? OP.STRING : found.op;
  if (found.extra !== undefined) op.extra = found.extra;
}

/** Whether the last operand is a constant, and no distance. */
const hasConstant = (form: Form): boolean => form.operands[form.operands.length - 1]?.kind === "imm";

/** SS where the stack or frame pointer is the base. SDM vol. 1, 3.7.4. */
const defaultSegment = (): number =>
  fields.modrm >= 0 && fields.mod !== 3 && (fields.base === ESP || fields.base === EBP_NUMBER) ? SS : DS;

/** Bytes of an operand. */
function sizeOf(operand: FormOperand, op: Operation): number {
  return operand.size < 0 ? op.operandSize >> 3 : operand.size || 4;
}

const registerKind = (size: number): number => (size === 1 ? KIND.R8 : size === 2 ? KIND.R16 : KIND.R32);
const memoryKind = (size: number): number =>
  size === 1 ? KIND.M8 : size === 2 ? KIND.M16 : size === 4 ? KIND.M32 : KIND.MEMORY;

/** The index of a register in the view of its size; ah, ch, dh and bh are the second bytes of the first four. */
function registerIndex(number: number, size: number): number {
  if (size === 1) return number < 4 ? number * 4 : (number - 4) * 4 + 1;
  return size === 2 ? number * 2 : number;
}

function place(op: Operation, form: Form, at: number): [kind: number, index: number] {
  const operand = form.operands[at]!;
  const size = sizeOf(operand, op);
  switch (operand.kind) {
    case "r":
    case "rm": {
      if (form.places[at] === "rm" && fields.mod !== 3) {
        return [memoryKind(operand.memorySize < 0 ? op.operandSize >> 3 : operand.memorySize), 0];
      }
      const number =
        form.places[at] === "rm" ? fields.rm : form.places[at] === "opcode" ? fields.code & 7 : fields.reg;
      return [registerKind(size), registerIndex(number, size)];
    }
    case "m":
      return [operand.size > 0 || operand.text === "mv" ? memoryKind(size) : KIND.MEMORY, 0];
    case "moffs":
      return [memoryKind(size), 0];
    case "imm":
      return [KIND.IMMEDIATE, 0];
    case "one":
      op.immediate = 1;
      return [KIND.IMMEDIATE, 0];
    case "rel": {
      const target = (op.following + fields.immediate) | 0;
      op.immediate = op.operandSize === 16 ? target & OFFSET16 : target;
      return [KIND.IMMEDIATE, 0];
    }
    case "ptr":
      return [KIND.IMMEDIATE, 0];
    case "fixed":
      if (operand.file === "segment") return [KIND.SEGMENT, operand.number];
      return [registerKind(size), registerIndex(operand.number, size)];
    case "sreg":
    case "cr":
      return [KIND.SEGMENT, fields.reg];
    case "mm":
    case "mmm":
    case "xmm":
    case "xmmm": {
      if (form.places[at] === "rm" && fields.mod !== 3) return [KIND.MEMORY, 0];
      const number = form.places[at] === "rm" ? fields.rm : fields.reg;
      return [KIND.VECTOR, (operand.kind.startsWith("mm") ? WORD.X87 : WORD.XMM) + 4 * number];
    }
    default:
      return [KIND.NONE, 0];
  }
}
