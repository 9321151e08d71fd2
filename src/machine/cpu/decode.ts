/**
 * Bytes → operation. The isa room finds the form and its fields; here they become small integers and the
 * function that executes them. Decoding an address for the first time, or after its bytes have changed, is all
 * that ever happens here, so clarity goes before speed.
 */
import {
  DECODED,
  decode as decodeBytes,
  type Form,
  INVALID,
  type Instruction,
  LONGEST,
  makeInstruction,
  TRUNCATED,
} from "../../isa/index.ts";
import { FACT, RAM_BASE } from "../memory/memory.ts";
import type { Core } from "./engine.ts";
import { changeIn } from "./execute/families.ts";
import { undefinedOpcode } from "./execute/system.ts";
import { fault, pageFault } from "./fault.ts";
import { formIn } from "./model.ts";
import { OP } from "./op.ts";
import type { Operation } from "./operation.ts";
import { EXTRA, IMMEDIATE, indexOf, type Recipe, recipeOf } from "./recipe.ts";
import { specialise } from "./specialise.ts";
import { DS, ESP, SS, WORD } from "./state.ts";
import { isZen } from "./undefined.ts";

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
    const recipe = recipeOf(form, fields);
    fill(op, recipe);
    const change = changeIn(core.undefinedFlags, form);
    op.differs = change !== undefined;
    if (change !== undefined) op.execute = change(op.execute);
    else if (recipe.arm !== undefined) specialise(core, op, recipe.arm);
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
  if (!isZen(core.undefinedFlags)) return VECTOR_PREFIXES.has(code) && next >= REGISTERS;
  if (code === 0x0f) return WITHOUT_MODRM.has(next);
  return code === 0x8f && (next & XOP_MAP) === 8 && fields.length > 0;
}

/** F3 is reserved before MOVBE, whose operand size 66 still says; F2 makes CRC32 of it. SDM vol. 2D, table A-4. */
const repIsWrong = (form: Form): boolean => form.name === "movbe" && fields.rep !== 0;

/** LOCK needs a form that takes it, and memory to write. SDM vol. 2A, LOCK. */
const lockIsWrong = (form: Form): boolean =>
  fields.lock && !(form.lock && fields.modrm >= 0 && fields.mod !== 3);

function fill(op: Operation, recipe: Recipe): void {
  const { form, first, second, shift } = recipe;
  op.operandSize = recipe.operandSize;
  op.addressMask = recipe.addressMask;
  op.rep = fields.rep;
  op.base = fields.base < 0 ? WORD.ZERO : fields.base;
  op.index = fields.index < 0 ? WORD.ZERO : fields.index;
  op.scale = 31 - Math.clz32(fields.scale);
  op.displacement = fields.displacement;
  op.segment = fields.segment >= 0 ? fields.segment : defaultSegment();
  op.kind1 = first.kind;
  op.a = indexOf(first, fields);
  op.kind2 = second.kind;
  op.b = indexOf(second, fields);
  op.shift = shift;
  op.immediate = immediateOf(op, recipe);
  op.extra = recipe.extra;
  if (recipe.extra === EXTRA.SECOND) op.extra = fields.immediate2;
  else if (recipe.extra === EXTRA.X87) op.extra = ((form.code & 7) << 8) | fields.modrm;
  if (recipe.endsInConstant && fields.immediateSize === 4) op.constantAt = op.length - 4;
  op.string = recipe.string;
  op.execute = recipe.execute;
  op.op = op.general = recipe.general;
}

function immediateOf(op: Operation, { form, immediate, shift }: Recipe): number {
  const value = form.suffix >= 0 ? form.suffix : fields.immediate;
  switch (immediate) {
    case IMMEDIATE.NARROW:
      return value & (-1 >>> shift);
    case IMMEDIATE.ONE:
      return 1;
    case IMMEDIATE.TARGET: {
      const target = (op.following + fields.immediate) | 0;
      return op.operandSize === 16 ? target & OFFSET16 : target;
    }
    default:
      return value;
  }
}

/** SS where the stack or frame pointer is the base. SDM vol. 1, 3.7.4. */
const defaultSegment = (): number =>
  fields.modrm >= 0 && fields.mod !== 3 && (fields.base === ESP || fields.base === EBP_NUMBER) ? SS : DS;
