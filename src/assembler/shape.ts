/** What is written of an instruction but for its expressions: its operands, and how FASM reads them. */
import { byMnemonic } from "../isa/index.ts";
import { leavesLine } from "./encode/dword.ts";
import { isRead } from "./encode/refuse.ts";
import type { Mnemonic } from "./encode.ts";
import { K_FLOAT } from "./expression/expressions.ts";
import { operandRegister } from "./expression/registers.ts";
import {
  BOUND,
  BROADCAST,
  CONTROL,
  DEBUG,
  FAR,
  FLOAT,
  IMMEDIATE,
  MALFORMED,
  MASK,
  MASKING,
  MEMORY,
  newOperand,
  OFFSETLESS,
  type Operand,
  OTHER,
  REGISTER,
  ROUNDING,
  register,
  TEST,
  TILE,
  UNCLOSED,
  ZEROING,
} from "./operand.ts";
import { addressIsClosed, addressSegment, addressSize, type Program } from "./program.ts";
import {
  I_ADDRESS,
  I_DECORATOR,
  I_END,
  I_EXPRESSION,
  I_INSTRUCTION,
  I_JUMP,
  I_LINE,
  I_REGISTER,
  I_SIZE,
  I_SPECIAL_REGISTER,
} from "./words.ts";

/** What instructions have in common that differ in their expressions alone: `mov eax, [x]` and `mov eax, [y+4]`. */
export interface Shape {
  readonly name: string;
  readonly encode: Mnemonic["encode"];
  /** `rep`, `lock` and their like: the instruction goes on behind it. */
  readonly prefix: boolean;
  readonly jumps: boolean;
  /** What its address labels has a size that matters: true of all but `lea` and the prefetches. */
  readonly sized: boolean;
  /** It does not, but those of several labels must agree. */
  readonly agrees: boolean;
  /** The wait of fstcw and its like is written before the address is worked out: `$` is behind it. */
  readonly waits: boolean;
  /** Bytes that `pushd`, `ret` and their like want a floating point constant in; 0 for others. */
  readonly floatSize: number;
  /** Looks for the end of the line: whatever stands before it is taken for an operand. */
  readonly lists: boolean;
  /** `push eax ebx`: one for each operand, which FASM assembles before it reads the next; none of anything else. */
  readonly parts: readonly Shape[];
  /** FASM does not ask whether the line ends behind it. */
  readonly leaves: boolean;
  /** All that is written, and room for the values: those of the instruction that is being assembled. */
  readonly operands: readonly Operand[];
  /** For each operand where its expression or address stands among the items, and its segment's expression; or -1. */
  readonly expressionAt: readonly number[];
  readonly segmentAt: readonly number[];
  /** An address's bracket, which may be behind its second part, is closed where it should be. */
  readonly closed: readonly boolean[];
  /** An address may be in two parts: `[eax,ecx*4]`. */
  readonly divided: boolean;
  /** An address must be as wide as the code's bounds. */
  readonly bounds: boolean;
  /** How many operands FASM reads at most, whatever else is on the line. */
  readonly reads: number;
  /** The first number is judged before the next one is worked out. */
  readonly judges: boolean;
  /** Where an instruction of this shape has its operands, to compare others with. */
  readonly item: number;
  readonly items: number;
}

const PLUS = 0x2b;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

type Traits = Pick<
  Shape,
  "jumps" | "sized" | "agrees" | "waits" | "floatSize" | "lists" | "divided" | "bounds" | "reads" | "judges"
> & {
  /** Has masks and broadcasts, or could. */
  decorates: boolean;
  /** Takes segment:offset; behind the number of any other instruction a colon is surplus. */
  far: boolean;
  /** `zmm1+3` stands for four registers. */
  series: boolean;
};

const traits = new Map<Mnemonic, Traits>();

/** They are as many instructions as they have operands. */
const STACK = /^(?:push|pop)[wdq]?$/;

/** What is true of every instruction of a mnemonic, found by its name once. */
export function traitsOf(mnemonic: Mnemonic): Traits {
  let found = traits.get(mnemonic);
  if (found === undefined) {
    const { name } = mnemonic;
    found = {
      // The second part of a divided address may have registers, as a jump's target may.
      jumps: /^(?:j|call$|loop|xbegin$|bnd(?:mk|ldx|stx)$)/.test(name),
      sized: !/^(?:lea|prefetch.*|clflushopt|clwb)$/.test(name),
      agrees: /^(?:prefetch.*|clflushopt|clwb)$/.test(name),
      waits: /^f(?:st[cs]w|(?:stenv|save)[wd]?)$/.test(name),
      far: name === "jmp" || name === "call",
      // The names of AVX begin so. To others a brace is one thing too many.
      decorates: /^[vk]/.test(name),
      series: name.startsWith("vp4dp"),
      divided: /^bnd(?:mk|ldx|stx)$/.test(name),
      bounds: /^bnd./.test(name),
      reads: operandsRead(name),
      judges: name === "enter",
      lists: /^(?:push|pop)[wdq]?$|^ret|^(?:mov|cmp)sd$|^(?:monitor|mwait)x?$/.test(name),
      floatSize: /^(?:pushw|ret.*|enter)$/.test(name) ? 2 : name === "pushd" ? 4 : name === "pushq" ? 8 : 0,
    };
    traits.set(mnemonic, found);
  }
  return found;
}

/** How many operands FASM reads at most of an instruction of this name, those in braces apart. */
function operandsRead(name: string): number {
  if (/^(?:j|call$|loop|xbegin$|ret|int$|(?:stos|scas|lods|xlat)$)/.test(name)) return 1;
  const rows = byMnemonic(name);
  if (!isRead(name) || rows.length === 0) return Number.POSITIVE_INFINITY;
  return Math.max(...rows.map(({ operands }) => operands.length));
}

/** Reads the operands that follow at `item`. */
export function readShape(program: Program, item: number, mnemonic: Mnemonic): Shape {
  const { kinds, values } = program;
  const operands: Operand[] = [];
  const expressionAt: number[] = [];
  const segmentAt: number[] = [];
  const closed: boolean[] = [];
  let at = item;
  const traits = traitsOf(mnemonic);
  const { jumps, far, sized, agrees, waits, floatSize, lists, decorates, series, divided } = traits;
  let comma = false;
  let leaves = false;
  const last = () => kinds[at] === I_LINE || kinds[at] === I_END || (kinds[at] === I_INSTRUCTION && !lists);
  for (;;) {
    if (last()) {
      if (comma) {
        const missing = newOperand();
        missing.kind = OTHER;
        missing.comma = true;
        operands.push(missing);
        expressionAt.push(-1);
        segmentAt.push(-1);
        closed.push(true);
      }
      break;
    }
    const operand = newOperand();
    operand.comma = comma;
    comma = false;
    let expression = -1;
    let segment = -1;
    let second = -1;
    let isClosed = true;
    let isSecondClosed = true;
    if (kinds[at] === I_JUMP) operand.jump = values[at++]!;
    if (kinds[at] === I_SIZE) {
      operand.size = values[at++]!;
      operand.sizeDeclared = true;
    }
    const value = values[at]!;
    switch (kinds[at]) {
      case I_REGISTER:
        operand.kind = REGISTER;
        operand.register = operandRegister(value);
        at++;
        if (series && kinds[at] === PLUS && kinds[at + 1] === I_EXPRESSION) {
          const more = program.expressions.constant(values[at + 1]!);
          if (more === 3 && operands.length === 1) at += 2;
        }
        break;
      case I_SPECIAL_REGISTER:
        operand.kind = REGISTER;
        operand.register = specialRegister(value);
        at++;
        break;
      case I_ADDRESS: {
        const segment = addressSegment(value);
        operand.kind = MEMORY;
        operand.segment = segment === 0 ? 0 : operandRegister(0x30 + segment);
        operand.addressSize = addressSize(value);
        expression = at++ - item;
        isClosed = addressIsClosed(value);
        const parts = divided && !isClosed && kinds[at] === COMMA && kinds[at + 1] === I_EXPRESSION;
        if (parts) {
          isClosed = true;
          second = at + 1 - item;
          isSecondClosed = kinds[at + 2] === BRACKET_END;
          at += isSecondClosed ? 3 : 2;
        }
        break;
      }
      case I_EXPRESSION:
        expression = at++ - item;
        operand.kind = IMMEDIATE;
        if (program.expressions.kind(value) === K_FLOAT) {
          operand.kind = FLOAT;
          operand.fraction = true;
        } else if (kinds[at] === COLON && far && kinds[at + 1] === I_EXPRESSION) {
          operand.kind = FAR;
          segment = expression;
          expression = at + 1 - item;
          at += 2;
          operand.fraction = program.expressions.kind(values[at - 1]!) === K_FLOAT;
        } else if (kinds[at] === COLON && far) operand.kind = OFFSETLESS;
        break;
      case BRACE:
        at = readRounding(program, at, operand);
        // No size and no `near` leads to one.
        if (operand.sizeDeclared || operand.jump !== 0) operand.kind = OTHER;
        break;
      default:
        // Behind a size there may be nothing at all.
        if (!last()) {
          operand.kind = OTHER;
          at++;
        }
    }
    while (decorates && kinds[at] === BRACE) at = readDecorator(program, at, operand);
    operands.push(operand);
    expressionAt.push(expression);
    segmentAt.push(segment);
    closed.push(isClosed);
    leaves = operands.length === 3 && leavesLine(mnemonic.name, operands);
    if (leaves) break;
    if (second >= 0) {
      const part = newOperand();
      part.part = true;
      part.kind = program.expressions.kind(values[item + second]!) === K_FLOAT ? FLOAT : IMMEDIATE;
      operands.push(part);
      expressionAt.push(second);
      segmentAt.push(-1);
      closed.push(isSecondClosed);
    }
    if (kinds[at] === COMMA) {
      comma = true;
      at++;
    }
  }
  const shape: Shape = {
    name: mnemonic.name,
    encode: mnemonic.encode,
    prefix: mnemonic.prefix,
    sized,
    agrees,
    waits,
    floatSize,
    lists,
    parts: [],
    leaves,
    jumps,
    operands,
    expressionAt,
    segmentAt,
    closed,
    divided,
    bounds: traits.bounds,
    reads: traits.reads + operands.filter(({ kind }) => kind === ROUNDING).length,
    judges: traits.judges,
    item,
    items: at - item,
  };
  return STACK.test(mnemonic.name) && operands.length > 1 ? { ...shape, parts: partsOf(shape) } : shape;
}

function partsOf(shape: Shape): Shape[] {
  return shape.operands.map((operand, index) => ({
    ...shape,
    operands: [operand],
    expressionAt: [shape.expressionAt[index]!],
    segmentAt: [shape.segmentAt[index]!],
    closed: [shape.closed[index]!],
  }));
}

function specialRegister(code: number): number {
  const number = code & 0x0f;
  switch (code >> 4) {
    case 0:
      return register(CONTROL, number);
    case 1:
      return register(DEBUG, number);
    case 4:
      return register(TEST, number);
    case 5:
      return register(MASK, number);
    case 6:
      return register(BOUND, number);
    default:
      return register(TILE, number);
  }
}

/** `{k1}`, `{z}`, `{1to8}` behind an operand, or anything else in braces. */
function readDecorator(program: Program, item: number, operand: Operand): number {
  const { kinds, values } = program;
  const kind = kinds[item + 1];
  const value = values[item + 1]!;
  const broadcasts = kind === I_DECORATOR && value >> 4 === BROADCAST >> 4;
  let code = broadcasts ? value | UNCLOSED : MALFORMED;
  if (kinds[item + 2] === BRACE_END) {
    if (kind === I_SPECIAL_REGISTER && value >> 4 === 5) {
      operand.mask = value & 7;
      code = MASKING | (value & 7);
    } else if (kind === I_DECORATOR && value === ZEROING) {
      operand.zeroing = true;
      code = ZEROING;
    } else if (broadcasts) {
      operand.broadcast = 1 << (value & 0x0f);
      code = value;
    }
  }
  operand.decorators = [...operand.decorators, code];
  return closeBrace(program, item);
}

/** `{rn-sae}`, `{sae}` where an operand could stand. */
function readRounding(program: Program, item: number, operand: Operand): number {
  const { kinds, values } = program;
  operand.kind = ROUNDING;
  operand.rounding = -1;
  if (kinds[item + 1] === I_DECORATOR) {
    const value = values[item + 1]!;
    if (value === 0x30 && kinds[item + 2] === BRACE_END) {
      operand.rounding = 4;
    } else if (
      value >> 4 === 2 &&
      kinds[item + 2] === 0x2d &&
      kinds[item + 3] === I_DECORATOR &&
      values[item + 3] === 0x30 &&
      kinds[item + 4] === BRACE_END
    ) {
      operand.rounding = value & 3;
    }
  }
  return closeBrace(program, item);
}

function closeBrace(program: Program, item: number): number {
  const { kinds } = program;
  let at = item;
  while (kinds[at] !== BRACE_END) {
    if (kinds[at] === I_LINE || kinds[at] === I_END) return at;
    at++;
  }
  return at + 1;
}
