/**
 * Processor instructions: items to operands, once; operands to values, in every pass; values to bytes, by the encoder,
 * and only when something has changed since the bytes were last made.
 */
import { setU32le, u32le } from "../base/index.ts";
import { byMnemonic } from "../isa/index.ts";
import type { Assembler } from "./assemble.ts";
import { leavesLine } from "./encode/dword.ts";
import { candidatesOf } from "./encode/plan.ts";
import { isNumberLate, isRead } from "./encode/refuse.ts";
import type { Mnemonic } from "./encode.ts";
import {
  E_FLOAT,
  E_NUMBER,
  E_REGISTER,
  E_STRING,
  type Expression,
  type Expressions,
  K_FLOAT,
} from "./expression/expressions.ts";
import { operandRegister } from "./expression/registers.ts";
import { refuse } from "./messages.ts";
import {
  BND_PREFIX,
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
import { addressIsClosed, addressOutline, addressSegment, addressSize, type Program } from "./program.ts";
import { FEW, GROWTH, grown } from "./tokens.ts";
import { evaluate, evaluateBehind, expressionOf, saysHere } from "./values.ts";
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
  OP_ADD,
  OP_MUL,
  OP_SUB,
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

/**
 * An instruction as the program holds it, one for all that are written alike: where its fields begin in the table's array.
 * 0 is none. One has 64 bytes, what a processor reads of memory at a time.
 */
export type Instruction = number;

/** The fields: its shape, by number. */
const SHAPE = 0;
/** Where its operands stand, and how many items they are. */
const ITEM = 1;
const ITEMS = 2;
/** The expressions whose values decide its bytes, or -1. */
const FIRST = 3;
const SECOND = 4;
const TRAITS = 5;
/** The bytes, in the table's store: where, how many fit there, how many count (-1: none), for which code size. */
const START = 6;
const ROOM = 7;
const LENGTH = 8;
const BITS = 9;
/** The sizes that the expressions' labels brought along when the bytes were made. */
const FIRST_SIZE = 10;
const SECOND_SIZE = 11;
const FIELDS = 16;
/** The values that the expressions had then, of a jump the distance: two doubles, counted as such. */
const FIRST_VALUE = 6;
const SECOND_VALUE = 7;

/** Traits, the lowest bits: the line may go on behind it, since it is a prefix or one that leaves its line. */
const OPEN = 1;
/** What the expressions label brings a size along. */
const FIRST_SIZED = 2;
const SECOND_SIZED = 4;
/** Other expressions decide as well: the bytes are made anew each time. */
const EVASIVE = 8;
/** The bytes depend on where they stand. */
const POSITIONAL = 16;
/**
 * The bytes have a place for the value of the only expression: the distance in the last one, the distance in the last
 * four, or the value in four of them that begin where the bits above say. As long as it needs that place, another value
 * makes no other difference.
 */
const PLACE = 0x60;
const BYTE_DISTANCE = 0x20;
const DWORD_DISTANCE = 0x40;
const DWORD_VALUE = 0x60;
const PLACE_AT = 7;
const PLACE_AT_MASK = 0x0f;
/** The number behind speaks of `$`, and FASM may have written the rest when it comes to that. */
const LATE = 0x800;
/** What is noted when the bytes are made. */
const NOTED = POSITIONAL | PLACE | (PLACE_AT_MASK << PLACE_AT);
/** Above: which operands have the expressions. */
const FIRST_OPERAND = 12;
const SECOND_OPERAND = 22;
const OPERAND_MASK = 0x3ff;

/** A jump is reckoned to be short first: an opcode and a byte. */
const SHORT_LENGTH = 2;

const isByte = (value: number): boolean => value >= -0x80 && value < 0x80;

/** Neither a byte nor a word holds it, with a sign or without, nor does a byte in units of EVEX. */
const isLong = (value: number): boolean => value >= 0x1_0000 && value < 0xffff_0000;

const PLUS = 0x2b;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** What an instruction is reckoned at, with the bytes it has been given. */
const BYTES_PER_INSTRUCTION = 256;

/** Instructions and their shapes, each once, with the bytes they have been given. */
export class InstructionTable {
  readonly #limit: number;

  /** `maxMemory` in bytes bounds how many there can be. */
  constructor(maxMemory: number) {
    this.#limit = maxMemory / BYTES_PER_INSTRUCTION;
  }

  /** All instructions; both arrays are views of the same memory. The first is none. */
  fields = new Int32Array(FIELDS * FEW);
  values = new Float64Array(this.fields.buffer);
  #end = FIELDS;
  /** They are found by a hash of what is written, at the place that it says or behind. */
  #hashes = new Int32Array(FEW);
  #table = new Int32Array(FEW * 2);
  readonly shapes: Shape[] = [];
  readonly #shapesByHash = new Map<number, number[]>();
  /** The bytes of all instructions in one array. */
  stored = new Uint8Array(FEW);
  #storedEnd = 0;

  /** The line may go on behind it: a prefix, or one that leaves its line. */
  isOpen(instruction: Instruction): boolean {
    return (this.fields[instruction + TRAITS]! & OPEN) !== 0;
  }

  shape(instruction: Instruction): Shape {
    return this.shapes[this.fields[instruction + SHAPE]!]!;
  }

  /** Keeps the bytes an instruction has been given at `start` for the next time. */
  store(instruction: Instruction, bytes: Uint8Array, start: number, length: number): void {
    const { fields } = this;
    if (length > fields[instruction + ROOM]!) {
      fields[instruction + START] = this.#storedEnd;
      fields[instruction + ROOM] = length;
      this.#storedEnd += length;
      if (this.#storedEnd > this.stored.length) {
        const grown = new Uint8Array(Math.max(this.stored.length * GROWTH, this.#storedEnd));
        grown.set(this.stored);
        this.stored = grown;
      }
    }
    const { stored } = this;
    const to = fields[instruction + START]!;
    for (let at = 0; at < length; at++) stored[to + at] = bytes[start + at]!;
    fields[instruction + LENGTH] = length;
  }

  /** Puts another value into the bytes of an instruction; false where they may have to be others for it. */
  adapt(instruction: Instruction, value: number): boolean {
    const { fields, stored } = this;
    const traits = fields[instruction + TRAITS]!;
    const start = fields[instruction + START]!;
    const length = fields[instruction + LENGTH]!;
    // A distance counts from the end of the jump, the value from its beginning.
    const distance = value - length;
    switch (traits & PLACE) {
      case BYTE_DISTANCE:
        if (!isByte(distance)) return false;
        stored[start + length - 1] = distance;
        break;
      case DWORD_DISTANCE:
        if (isByte(value - SHORT_LENGTH) || (distance | 0) !== distance) return false;
        setU32le(stored, start + length - 4, distance);
        break;
      case DWORD_VALUE:
        if (!isLong(value)) return false;
        setU32le(stored, start + ((traits >>> PLACE_AT) & PLACE_AT_MASK), value);
        break;
      default:
        return false;
    }
    this.values[(instruction >> 1) + FIRST_VALUE] = value;
    return true;
  }

  /** The instruction whose operands follow at `item`. */
  read(program: Program, item: number, instruction: number, mnemonic: Mnemonic): Instruction {
    const { kinds, values } = program;
    const { lists } = traitsOf(mnemonic);
    let hash = instruction;
    let end = item;
    for (; ; end++) {
      const kind = kinds[end]!;
      if (kind === I_LINE || kind === I_END || (kind === I_INSTRUCTION && !lists)) break;
      hash = Math.imul((Math.imul(hash, 31) + kind) ^ values[end]!, 0x9e3779b1);
    }
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#table[slot]!;
      if (this.#hashes[known / FIELDS] !== hash) continue;
      if (this.shape(known).encode === mnemonic.encode && this.#isSame(program, known, item, end))
        return known;
    }
    const made = this.#end;
    if (made / FIELDS > this.#limit) refuse("outOfMemory");
    if (made === this.fields.length) this.#grow();
    this.#fill(made, program, item, end, this.#shape(program, item, end, instruction, mnemonic));
    this.#end += FIELDS;
    this.#table[slot] = made;
    this.#hashes[made / FIELDS] = hash;
    if ((this.#end / FIELDS) * 2 > this.#table.length) this.#rehash();
    return made;
  }

  #grow(): void {
    this.fields = grown(this.fields, this.fields.length * GROWTH);
    this.values = new Float64Array(this.fields.buffer);
    this.#hashes = grown(this.#hashes, this.#hashes.length * GROWTH);
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * GROWTH);
    const mask = table.length - 1;
    for (let known = FIELDS; known < this.#end; known += FIELDS) {
      let slot = this.#hashes[known / FIELDS]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = known;
    }
    this.#table = table;
  }

  #isSame({ kinds, values }: Program, known: Instruction, item: number, end: number): boolean {
    if (this.fields[known + ITEMS] !== end - item) return false;
    let other = this.fields[known + ITEM]!;
    for (let at = item; at < end; at++, other++) {
      if (kinds[at] !== kinds[other] || values[at] !== values[other]) return false;
    }
    return true;
  }

  #fill(instruction: Instruction, program: Program, item: number, end: number, number: number): void {
    const shape = this.shapes[number]!;
    const { operands } = shape;
    const { expressions } = program;
    let traits = shape.prefix || shape.leaves ? OPEN : 0;
    if (shape.waits && operands.length > 0) traits |= EVASIVE;
    let first = -1;
    let second = -1;
    for (let index = 0; index < operands.length; index++) {
      const expression = expressionOf(program, item, shape, index);
      if (expression < 0) continue;
      const operand = operands[index]!;
      const isFloat = expressions.kind(expression) === K_FLOAT;
      if (isFloat || operand.kind === FAR || !isLinear(expressions, expression)) traits |= EVASIVE;
      if (!shape.jumps && isFixed(expressions, expression)) continue;
      const isSized = operand.kind === MEMORY && !operand.sizeDeclared && shape.sized;
      if (index > OPERAND_MASK) traits |= EVASIVE;
      else if (first < 0) {
        first = expression;
        traits |= index << FIRST_OPERAND;
        if (isSized) traits |= FIRST_SIZED;
      } else if (second < 0) {
        second = expression;
        traits |= index << SECOND_OPERAND;
        if (isSized) traits |= SECOND_SIZED;
      } else traits |= EVASIVE;
    }
    if (saysHere(program, item, shape)) traits |= LATE | EVASIVE;
    const { fields } = this;
    fields[instruction + SHAPE] = number;
    fields[instruction + ITEM] = item;
    fields[instruction + ITEMS] = shape.leaves ? shape.items : end - item;
    fields[instruction + FIRST] = first;
    fields[instruction + SECOND] = second;
    fields[instruction + TRAITS] = traits;
    fields[instruction + LENGTH] = -1;
  }

  #shape(program: Program, item: number, end: number, instruction: number, mnemonic: Mnemonic): number {
    // What a series of registers is, its number decides.
    if (traitsOf(mnemonic).series) return this.shapes.push(readShape(program, item, mnemonic)) - 1;
    let hash = instruction;
    for (let at = item; at < end; at++)
      hash = (Math.imul(hash, 31) + program.kinds[at]! * 0x10001 + outlineOf(program, at)) | 0;
    const known = this.#shapesByHash.get(hash);
    if (known) {
      for (const number of known) {
        const other = this.shapes[number]!;
        if (other.encode === mnemonic.encode && isShaped(program, other, item, end)) return number;
      }
    }
    const made = this.shapes.push(readShape(program, item, mnemonic)) - 1;
    if (known) known.push(made);
    else this.#shapesByHash.set(hash, [made]);
    return made;
  }
}

/** What counts of an item for the shape. */
function outlineOf({ kinds, values, expressions }: Program, item: number): number {
  const value = values[item]!;
  if (kinds[item] === I_EXPRESSION) return expressions.kind(value);
  return kinds[item] === I_ADDRESS ? addressOutline(value) : value;
}

function isShaped(program: Program, known: Shape, item: number, end: number) {
  const { kinds } = program;
  if (known.items !== end - item) return false;
  for (let at = item, other = known.item; at < end; at++, other++) {
    if (kinds[at] !== kinds[other] || outlineOf(program, at) !== outlineOf(program, other)) return false;
  }
  return true;
}

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
function traitsOf(mnemonic: Mnemonic): Traits {
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
function readShape(program: Program, item: number, mnemonic: Mnemonic): Shape {
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

/** Whether an expression is the same in every pass and everywhere. */
function isFixed({ code, starts }: Expressions, expression: Expression): boolean {
  const end = starts[expression + 1]!;
  for (let at = starts[expression]!; at < end; at++) {
    const element = code[at]! & 0xff;
    if (
      element !== E_NUMBER &&
      element !== E_REGISTER &&
      element !== E_STRING &&
      element !== E_FLOAT &&
      element !== OP_ADD &&
      element !== OP_SUB &&
      element !== OP_MUL
    )
      return false;
  }
  return true;
}

/** Whether registers are only added to the rest, with factors that are written as numbers. */
function isLinear({ code, starts }: Expressions, expression: Expression): boolean {
  const end = starts[expression + 1]!;
  let registers = false;
  for (let at = starts[expression]!; at < end; at++) {
    const kind = code[at]! & 0xff;
    if (kind === E_REGISTER) registers = true;
    if (kind < OP_ADD || !registers || kind === OP_ADD || kind === OP_SUB) continue;
    const left = code[at - 2]! & 0xff;
    const right = code[at - 1]! & 0xff;
    const scales =
      kind === OP_MUL &&
      ((left === E_REGISTER && right === E_NUMBER) || (left === E_NUMBER && right === E_REGISTER));
    if (!scales) return false;
  }
  return true;
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

/** Assembles one instruction; the item is then behind it. */
export function assembleInstruction(assembler: Assembler, instruction: Instruction): void {
  const { state, table } = assembler;
  const { fields } = table;
  state.item += fields[instruction + ITEMS]!;
  state.room(32);
  const length = fields[instruction + LENGTH]!;
  if (
    length >= 0 &&
    fields[instruction + BITS] === state.bits &&
    !state.compresses &&
    (state.prefixes & BND_PREFIX) === 0 &&
    (fields[instruction + FIRST]! < 0 || isUnchanged(assembler, instruction))
  ) {
    const { bytes } = state;
    const { stored } = table;
    let from = fields[instruction + START]!;
    const end = from + length;
    let to = state.at;
    while (from < end) bytes[to++] = stored[from++]!;
    state.at = to;
    return;
  }
  const { complaints } = state;
  const shape = table.shape(instruction);
  const start = state.at;
  const prefixes = state.prefixes;
  state.positional = false;
  state.relocated = false;
  state.distanceBytes = 0;
  state.dwords = 0;
  encode(assembler, shape, fields[instruction + ITEM]!, (fields[instruction + TRAITS]! & LATE) !== 0);
  if (state.patches.length > 0) state.applyPatches();
  if (
    (fields[instruction + TRAITS]! & EVASIVE) === 0 &&
    !state.relocated &&
    !state.compresses &&
    complaints === state.complaints &&
    prefixes === state.prefixes &&
    remember(assembler, shape, instruction, start)
  ) {
    table.store(instruction, state.bytes, start, state.at - start);
    fields[instruction + BITS] = state.bits;
  } else fields[instruction + LENGTH] = -1;
}

/** Whether everything that an instruction's bytes depend on is as it was when they were made. */
function isUnchanged(assembler: Assembler, instruction: Instruction): boolean {
  const { evaluator, state } = assembler;
  const { fields, values } = assembler.table;
  const traits = fields[instruction + TRAITS]!;
  const first = fields[instruction + FIRST]!;
  const { worth } = evaluator;
  if (!weigh(assembler, traits & POSITIONAL, first, (traits & FIRST_SIZED) !== 0, state.at)) return false;
  if (evaluator.takenSize !== fields[instruction + FIRST_SIZE]) return false;
  const value = worth[0]!;
  if (value !== values[(instruction >> 1) + FIRST_VALUE]) return assembler.table.adapt(instruction, value);
  const second = fields[instruction + SECOND]!;
  if (second < 0) return true;
  if (!weigh(assembler, traits & POSITIONAL, second, (traits & SECOND_SIZED) !== 0, 0)) return false;
  return (
    worth[0] === values[(instruction >> 1) + SECOND_VALUE] &&
    evaluator.takenSize === fields[instruction + SECOND_SIZE]
  );
}

/** Notes what an instruction's bytes have been made of; false where a number each cannot tell. */
function remember(assembler: Assembler, shape: Shape, instruction: Instruction, start: number): boolean {
  const { state } = assembler;
  const { fields, values } = assembler.table;
  const traits = (fields[instruction + TRAITS]! & ~NOTED) | (state.positional ? POSITIONAL : 0);
  fields[instruction + TRAITS] = traits;
  if (fields[instruction + FIRST]! < 0) return !state.positional;
  const first = shape.operands[(traits >>> FIRST_OPERAND) & OPERAND_MASK]!;
  const { base, relocation, register1, register2 } = state.space;
  if (state.positional && ((relocation | register1 | register2) !== 0 || typeof base !== "number"))
    return false;
  values[(instruction >> 1) + FIRST_VALUE] = state.positional
    ? first.value + (base as number) - start
    : first.value;
  fields[instruction + FIRST_SIZE] = (traits & FIRST_SIZED) !== 0 ? first.size : 0;
  if (fields[instruction + SECOND]! < 0) {
    fields[instruction + TRAITS] = traits | placeOf(assembler, first, fields[instruction + FIRST]!, start);
    return true;
  }
  if (state.positional) return false;
  const second = shape.operands[traits >>> SECOND_OPERAND]!;
  values[(instruction >> 1) + SECOND_VALUE] = second.value;
  fields[instruction + SECOND_SIZE] = (traits & SECOND_SIZED) !== 0 ? second.size : 0;
  return true;
}

/** Where the instruction just encoded, which begins at `start`, has a place for another value of its operand. */
function placeOf(
  { state, program }: Assembler,
  operand: Operand,
  expression: Expression,
  start: number,
): number {
  const { bits, bytes, distanceBytes, dwords, dwordAt } = state;
  if (state.positional) {
    // A prefix would count before a jump out of 16-bit code, and the sizes of several labels must agree.
    if (bits === 16 || distanceBytes === 0 || program.expressions.alone(expression) === 0) return 0;
    return distanceBytes === 1 ? BYTE_DISTANCE : DWORD_DISTANCE;
  }
  if (bits !== 32 || dwords !== 1 || !isLong(operand.value) || u32le(bytes, dwordAt) !== operand.value)
    return 0;
  return DWORD_VALUE | ((dwordAt - start) << PLACE_AT);
}

/**
 * What an expression contributes to an instruction's bytes, its value or a jump's its distance, is the evaluator's `worth`
 * then; false when it is more than a number.
 */
function weigh(
  { evaluator, state }: Assembler,
  positional: number,
  expression: Expression,
  sized: boolean,
  start: number,
): boolean {
  evaluator.takesSizes = sized;
  evaluator.takenSize = 0;
  const isKnown = evaluator.isKnownBesideRegisters(expression);
  evaluator.takesSizes = false;
  if (positional === 0 || !isKnown) return isKnown;
  const { space } = state;
  const { base } = space;
  const { worth } = evaluator;
  const value = worth[0]!;
  if (value < 0 || value > (state.bits === 16 ? 0xffff : 0xffffffff)) return false;
  if ((space.relocation | space.register1 | space.register2) !== 0 || typeof base !== "number") return false;
  worth[0] = value + base - start;
  return true;
}

/** Works out the operands' values and writes what they make of the instruction. */
function encode(assembler: Assembler, shape: Shape, item: number, late: boolean): void {
  const { operands, parts } = shape;
  const { state } = assembler;
  if (parts.length === 0) {
    evaluate(assembler, shape, item);
    if (late && isNumberLate(shape.name, candidatesOf(shape.name, state.bits, true), operands, state.bits))
      evaluateBehind(assembler, shape, item);
    shape.encode(operands, operands.length, state);
    return;
  }
  // What `bnd` may stand before is asked behind the last one.
  const bound = state.prefixes & BND_PREFIX;
  state.prefixes &= ~BND_PREFIX;
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1) state.prefixes |= bound;
    evaluate(assembler, part, item);
    shape.encode(part.operands, 1, state);
  }
}
