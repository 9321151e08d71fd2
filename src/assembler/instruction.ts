/**
 * Processor instructions: items to operands, once; operands to values, in every pass; values to bytes, by the encoder,
 * and only when something has changed since the bytes were last made.
 */
import type { Assembler } from "./assemble.ts";
import { leavesLine } from "./encode/dword.ts";
import { MALFORMED, MASKING, ZEROING } from "./encode/vector.ts";
import type { Mnemonic } from "./encode.ts";
import { E_NUMBER, E_REGISTER, type Expression, K_FLOAT, K_STRING } from "./expression/parse.ts";
import { operandRegister } from "./expression/registers.ts";
import { Refusal, refuse } from "./messages.ts";
import {
  BND_PREFIX,
  BOUND,
  CONTROL,
  DEBUG,
  type Encoding,
  FAR,
  FLOAT,
  GPR32,
  IMMEDIATE,
  MASK,
  MEMORY,
  MMX,
  newOperand,
  type Operand,
  OTHER,
  REGISTER,
  ROUNDING,
  register,
  registerClass,
  registerSizes,
  TEST,
  TILE,
  XMM,
  YMM,
  ZMM,
} from "./operand.ts";
import type { Program } from "./program.ts";
import { GROWTH, grown } from "./tokens.ts";
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
  readonly encode: Mnemonic["encode"];
  /** `rep`, `lock` and their like: the instruction goes on behind it. */
  readonly prefix: boolean;
  readonly jumps: boolean;
  /** What its address labels has a size that matters: true of all but `lea`. */
  readonly sized: boolean;
  /** The wait of fstcw and its like is written before the address is worked out: `$` is behind it. */
  readonly waits: boolean;
  /** Bytes that `pushd` and its like want a floating point constant in; 0 for others. */
  readonly floatSize: number;
  /** Takes operands one after the other without commas: whatever stands there is taken for one. */
  readonly lists: boolean;
  /** FASM does not ask whether the line ends behind it. */
  readonly leaves: boolean;
  /** All that is written, and room for the values: those of the instruction that is being assembled. */
  readonly operands: readonly Operand[];
  /** For each operand where its expression or address stands among the items, and its segment's expression; or -1. */
  readonly expressionAt: readonly number[];
  readonly segmentAt: readonly number[];
  /** An address's bracket is closed where it should be. */
  readonly closed: readonly boolean[];
  /** Where an instruction of this shape has its operands, to compare others with. */
  readonly item: number;
  readonly items: number;
}

/** An instruction as the program holds it: one object for all that are written alike. */
export interface Instruction {
  readonly shape: Shape;
  /** The line may go on behind it: a prefix, or one that leaves its line. */
  readonly open: boolean;
  /** Where its operands stand, and how many items they are. */
  readonly item: number;
  readonly items: number;
  /** The expressions whose values decide its bytes, and whether what they label brings a size along. */
  readonly first: Expression | undefined;
  readonly firstSized: boolean;
  readonly second: Expression | undefined;
  readonly secondSized: boolean;
  /** Other expressions decide as well: the bytes are made anew each time. */
  readonly evasive: boolean;
  /** The values and sizes that they had when the bytes were made; of a jump the distance. */
  value: number;
  size: number;
  secondValue: number;
  secondSize: number;
  /** The bytes depend on where they stand. */
  positional: boolean;
  /** The bytes, in the table's store: where, how many fit there, how many count (-1: none), for which code size. */
  start: number;
  room: number;
  length: number;
  bits: number;
}

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

  /** Found by a hash of what is written: each's number from 1, and its hash. */
  readonly #instructions: Instruction[] = [];
  #hashes = new Int32Array(1 << 10);
  #table = new Int32Array(1 << 11);
  readonly #shapes = new Map<number, Shape[]>();
  /** The bytes of all instructions in one array: one for each would cost more than the rest of an instruction. */
  stored = new Uint8Array(1 << 14);
  #end = 0;

  /** Keeps the bytes an instruction has been given at `start` for the next time. */
  store(instruction: Instruction, bytes: Uint8Array, start: number, length: number): void {
    if (length > instruction.room) {
      instruction.start = this.#end;
      instruction.room = length;
      this.#end += length;
      if (this.#end > this.stored.length) {
        const grown = new Uint8Array(Math.max(this.stored.length * 2, this.#end));
        grown.set(this.stored);
        this.stored = grown;
      }
    }
    const { stored } = this;
    const to = instruction.start;
    for (let at = 0; at < length; at++) stored[to + at] = bytes[start + at]!;
    instruction.length = length;
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
      const number = this.#table[slot]! - 1;
      if (this.#hashes[number] !== hash) continue;
      const known = this.#instructions[number]!;
      if (known.shape.encode === mnemonic.encode && isSame(program, known, item, end)) return known;
    }
    const number = this.#instructions.length;
    if (number >= this.#limit) refuse("outOfMemory");
    const made = readInstruction(program, item, end, this.#shape(program, item, end, instruction, mnemonic));
    this.#instructions.push(made);
    this.#table[slot] = number + 1;
    if (number === this.#hashes.length) this.#hashes = grown(this.#hashes, number * GROWTH);
    this.#hashes[number] = hash;
    if (this.#instructions.length * 2 > this.#table.length) this.#rehash();
    return made;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * GROWTH);
    const mask = table.length - 1;
    for (let number = 0; number < this.#instructions.length; number++) {
      let slot = this.#hashes[number]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = number + 1;
    }
    this.#table = table;
  }

  #shape(program: Program, item: number, end: number, instruction: number, mnemonic: Mnemonic): Shape {
    // What a series of registers is, its number decides.
    if (traitsOf(mnemonic).series) return readShape(program, item, mnemonic);
    let hash = instruction;
    for (let at = item; at < end; at++)
      hash = (Math.imul(hash, 31) + program.kinds[at]! * 0x10001 + outlineOf(program, at)) | 0;
    const known = this.#shapes.get(hash);
    if (known) {
      for (const other of known)
        if (other.encode === mnemonic.encode && isShaped(program, other, item, end)) return other;
    }
    const made = readShape(program, item, mnemonic);
    if (known) known.push(made);
    else this.#shapes.set(hash, [made]);
    return made;
  }
}

/** What counts of an item for the shape. */
function outlineOf({ kinds, values, expressions, addresses }: Program, item: number): number {
  const value = values[item]!;
  if (kinds[item] === I_EXPRESSION) return expressions[value]!.kind;
  if (kinds[item] !== I_ADDRESS) return value;
  const { segment, size, closed } = addresses[value]!;
  return segment * 1024 + size * 2 + (closed ? 1 : 0);
}

function isSame({ kinds, values }: Program, known: Instruction, item: number, end: number) {
  if (known.items !== end - item) return false;
  for (let at = item, other = known.item; at < end; at++, other++) {
    if (kinds[at] !== kinds[other] || values[at] !== values[other]) return false;
  }
  return true;
}

function isShaped(program: Program, known: Shape, item: number, end: number) {
  const { kinds } = program;
  if (known.items !== end - item) return false;
  for (let at = item, other = known.item; at < end; at++, other++) {
    if (kinds[at] !== kinds[other] || outlineOf(program, at) !== outlineOf(program, other)) return false;
  }
  return true;
}

type Traits = Pick<Shape, "jumps" | "sized" | "waits" | "floatSize" | "lists"> & {
  /** Takes segment:offset; behind the number of any other instruction a colon is surplus. */
  far: boolean;
  /** Operands may have masks and broadcasts: the names of AVX begin so. To others a brace is one thing too many. */
  decorates: boolean;
  /** `zmm1+3` stands for four registers. */
  series: boolean;
  /** An address may be in two parts: `[eax,ecx*4]`. */
  divided: boolean;
};

const traits = new Map<Mnemonic, Traits>();

/** What is true of every instruction of a mnemonic, found by its name once. */
function traitsOf(mnemonic: Mnemonic): Traits {
  let found = traits.get(mnemonic);
  if (found === undefined) {
    const { name } = mnemonic;
    found = {
      // The second part of a divided address may have registers, as a jump's target may.
      jumps: /^(?:j|call$|loop|xbegin$|bnd(?:mk|ldx|stx)$)/.test(name),
      sized: name !== "lea",
      waits: /^f(?:st[cs]w|(?:stenv|save)[wd]?)$/.test(name),
      far: name === "jmp" || name === "call",
      decorates: /^[vk]/.test(name),
      series: name.startsWith("vp4dp"),
      divided: /^bnd(?:mk|ldx|stx)$/.test(name),
      lists: /^(?:push|pop)[wdq]?$|^ret/.test(name),
      floatSize: name === "pushw" ? 2 : name === "pushd" ? 4 : name === "pushq" ? 8 : 0,
    };
    traits.set(mnemonic, found);
  }
  return found;
}

/** Reads the operands that follow at `item`. */
function readShape(program: Program, item: number, mnemonic: Mnemonic): Shape {
  const { kinds, values } = program;
  const operands: Operand[] = [];
  const expressionAt: number[] = [];
  const segmentAt: number[] = [];
  const closed: boolean[] = [];
  let at = item;
  const { jumps, far, sized, waits, floatSize, lists, decorates, series, divided } = traitsOf(mnemonic);
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
          const more = program.expressions[values[at + 1]!]!;
          if (more.constant === 3 && operands.length === 1) at += 2;
        }
        break;
      case I_SPECIAL_REGISTER:
        operand.kind = REGISTER;
        operand.register = specialRegister(value);
        at++;
        break;
      case I_ADDRESS: {
        const address = program.addresses[value]!;
        operand.kind = MEMORY;
        operand.segment = address.segment === 0 ? 0 : operandRegister(0x30 + address.segment);
        operand.addressSize = address.size;
        expression = at++ - item;
        isClosed = address.closed;
        const parts = divided && !isClosed && kinds[at] === COMMA && kinds[at + 1] === I_EXPRESSION;
        if (parts && kinds[at + 2] === BRACKET_END) {
          isClosed = true;
          second = at + 1 - item;
          at += 3;
        }
        break;
      }
      case I_EXPRESSION:
        expression = at++ - item;
        operand.kind = IMMEDIATE;
        if (kinds[at] === COLON && far && kinds[at + 1] === I_EXPRESSION) {
          operand.kind = FAR;
          segment = expression;
          expression = at + 1 - item;
          at += 2;
        } else if (kinds[at] === COLON && far) operand.kind = OTHER;
        else if (program.expressions[value]!.kind === K_FLOAT) {
          operand.kind = FLOAT;
          operand.fraction = true;
        }
        break;
      case BRACE:
        at = readRounding(program, at, operand);
        break;
      default:
        operand.kind = OTHER;
        at++;
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
      part.kind = IMMEDIATE;
      operands.push(part);
      expressionAt.push(second);
      segmentAt.push(-1);
      closed.push(true);
    }
    if (kinds[at] === COMMA) {
      comma = true;
      at++;
    }
  }
  return {
    encode: mnemonic.encode,
    prefix: mnemonic.prefix,
    sized,
    waits,
    floatSize,
    lists,
    leaves,
    jumps,
    operands,
    expressionAt,
    segmentAt,
    closed,
    item,
    items: at - item,
  };
}

function readInstruction(program: Program, item: number, end: number, shape: Shape): Instruction {
  const { operands } = shape;
  let evasive = shape.waits && operands.length > 0;
  let first: Expression | undefined;
  let second: Expression | undefined;
  let firstSized = false;
  let secondSized = false;
  for (let index = 0; index < operands.length; index++) {
    const expression = expressionOf(program, item, shape, index);
    if (expression === undefined) continue;
    const operand = operands[index]!;
    if (operand.kind === FAR || expression.kind === K_FLOAT || !isLinear(expression.code)) evasive = true;
    if (isFixed(expression) && !shape.jumps) continue;
    const isSized = operand.kind === MEMORY && !operand.sizeDeclared && shape.sized;
    if (first === undefined) {
      first = expression;
      firstSized = isSized;
    } else if (second === undefined) {
      second = expression;
      secondSized = isSized;
    } else evasive = true;
  }
  return {
    shape,
    open: shape.prefix || shape.leaves,
    item,
    items: shape.leaves ? shape.items : end - item,
    first,
    firstSized,
    second,
    secondSized,
    evasive,
    value: Number.NaN,
    size: 0,
    secondValue: Number.NaN,
    secondSize: 0,
    positional: false,
    start: 0,
    room: 0,
    length: -1,
    bits: 0,
  };
}

/** Whether an expression is the same in every pass and everywhere. */
function isFixed({ kind, code }: Expression): boolean {
  if (kind === K_STRING) return true;
  for (let at = 0; at < code.length; at++) {
    const element = code[at]! & 0xff;
    if (
      element !== E_NUMBER &&
      element !== E_REGISTER &&
      element !== OP_ADD &&
      element !== OP_SUB &&
      element !== OP_MUL
    )
      return false;
  }
  return true;
}

/** Whether registers are only added to the rest, with factors that are written as numbers. */
function isLinear(code: readonly number[]): boolean {
  let registers = false;
  for (let at = 0; at < code.length; at++) {
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

/** The expression of an operand, or of its address. */
function expressionOf(program: Program, item: number, shape: Shape, index: number): Expression | undefined {
  const offset = shape.expressionAt[index]!;
  if (offset < 0) return undefined;
  const at = item + offset;
  const value = program.values[at]!;
  return program.kinds[at] === I_ADDRESS ? program.addresses[value]!.expression : program.expressions[value]!;
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
  let code = MALFORMED;
  if (kinds[item + 2] === BRACE_END) {
    if (kind === I_SPECIAL_REGISTER && value >> 4 === 5) {
      operand.mask = value & 7;
      code = MASKING | (value & 7);
    } else if (kind === I_DECORATOR && value === ZEROING) {
      operand.zeroing = true;
      code = ZEROING;
    } else if (kind === I_DECORATOR && value >> 4 === 1) {
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
  const { state } = assembler;
  state.item += instruction.items;
  state.room(32);
  if (
    instruction.length >= 0 &&
    instruction.bits === state.bits &&
    !state.compresses &&
    (state.prefixes & BND_PREFIX) === 0 &&
    (instruction.first === undefined || isUnchanged(assembler, instruction, instruction.first))
  ) {
    const { bytes } = state;
    const { stored } = assembler.table;
    let from = instruction.start;
    const end = from + instruction.length;
    let to = state.at;
    while (from < end) bytes[to++] = stored[from++]!;
    state.at = to;
    return;
  }
  const { complaints } = state;
  evaluate(assembler, instruction);
  const start = state.at;
  const prefixes = state.prefixes;
  state.positional = false;
  state.relocated = false;
  const { operands, encode } = instruction.shape;
  encode(operands, operands.length, state);
  if (state.patches.length > 0) state.applyPatches();
  if (
    !instruction.evasive &&
    !state.relocated &&
    !state.compresses &&
    complaints === state.complaints &&
    prefixes === state.prefixes &&
    remember(assembler, instruction, start)
  ) {
    assembler.table.store(instruction, state.bytes, start, state.at - start);
    instruction.bits = state.bits;
  } else instruction.length = -1;
}

/** Whether everything that an instruction's bytes depend on is as it was when they were made. */
function isUnchanged(assembler: Assembler, instruction: Instruction, first: Expression): boolean {
  const { evaluator } = assembler;
  if (weigh(assembler, instruction, first, instruction.firstSized, assembler.state.at) !== instruction.value)
    return false;
  if (evaluator.takenSize !== instruction.size) return false;
  const { second } = instruction;
  return (
    second === undefined ||
    (weigh(assembler, instruction, second, instruction.secondSized, 0) === instruction.secondValue &&
      evaluator.takenSize === instruction.secondSize)
  );
}

/** Notes what an instruction's bytes have been made of; false where a number each cannot tell. */
function remember(assembler: Assembler, instruction: Instruction, start: number): boolean {
  const { state } = assembler;
  const end = state.at;
  // `$` is where the instruction begins.
  state.at = start;
  const told = note(assembler, instruction, start);
  state.at = end;
  return told;
}

function note(assembler: Assembler, instruction: Instruction, start: number): boolean {
  const { evaluator, state } = assembler;
  const { first, second } = instruction;
  instruction.positional = state.positional;
  if (first === undefined) return !state.positional;
  instruction.value = weigh(assembler, instruction, first, instruction.firstSized, start);
  instruction.size = evaluator.takenSize;
  if (second === undefined) return !Number.isNaN(instruction.value);
  instruction.secondValue = weigh(assembler, instruction, second, instruction.secondSized, 0);
  instruction.secondSize = evaluator.takenSize;
  return !state.positional && !Number.isNaN(instruction.value) && !Number.isNaN(instruction.secondValue);
}

/** What an expression contributes to an instruction's bytes: its value, a jump's its distance; NaN when it is more. */
function weigh(
  { evaluator, state }: Assembler,
  { positional }: Instruction,
  expression: Expression,
  sized: boolean,
  start: number,
): number {
  evaluator.takesSizes = sized;
  evaluator.takenSize = 0;
  const value = evaluator.remainder(expression);
  evaluator.takesSizes = false;
  if (!positional) return value;
  const { space } = state;
  const plain =
    value >= 0 &&
    value <= (state.bits === 16 ? 0xffff : 0xffffffff) &&
    (space.relocation | space.register1 | space.register2) === 0 &&
    typeof space.base === "number";
  return plain ? value + (space.base as number) - start : Number.NaN;
}

/**
 * FASM reads operands one after the other and stops at the first that is wrong in any way. We evaluate all of them before
 * encoding: where that fails, the encoder is asked what it would have said of the operands up to there.
 */
function evaluate(assembler: Assembler, instruction: Instruction): void {
  try {
    if (instruction.shape.waits) evaluateBehindWait(assembler, instruction);
    else evaluateOperands(assembler, instruction);
  } catch (error) {
    const { state } = assembler;
    const { shape } = instruction;
    const { operands } = shape;
    for (let index = assembler.operandIndex; index < operands.length; index++) {
      const operand = operands[index]!;
      operand.base = 0;
      operand.index = 0;
      operand.scale = 0;
      operand.addressSize = 0;
      operand.relocation = 0;
      operand.undefined = true;
      if (operand.kind !== FLOAT) assembler.evaluator.put(operand, 0);
    }
    const { at } = state;
    try {
      shape.encode(operands, operands.length, state);
    } catch (complaint) {
      const surplus = complaint instanceof Refusal && complaint.reason === "extraCharactersOnLine";
      // An address that comes first has been read before anything is missed behind it.
      const [first] = operands;
      if (assembler.operandIndex === 0 && first!.kind === MEMORY && takes(shape, first!, state)) throw error;
      if (isOnlySize(complaint, shape, assembler.operandIndex, state)) throw error;
      state.at = at;
      // A list is worked off one operand after the other.
      if (shape.lists && encodes(shape, assembler.operandIndex + 1, state)) throw error;
      // Too many operands are noticed behind the last one that is wanted, so only if that was not the one that failed.
      if (!surplus) throw complaint;
      state.at = at;
      if (encodes(shape, assembler.operandIndex + 1, state)) throw error;
      for (let count = assembler.operandIndex; count >= 0; count--) {
        state.at = at;
        if (encodes(shape, count, state)) throw complaint;
      }
    }
    throw error;
  }
}

function evaluateBehindWait(assembler: Assembler, instruction: Instruction): void {
  const { state } = assembler;
  state.at++;
  try {
    evaluateOperands(assembler, instruction);
  } finally {
    state.at--;
  }
}

/**
 * Whether all that an instruction has against an address is the size that is written before it. FASM judges that when it
 * has read the address, unless a general or MMX register came first, which has given it a size.
 */
function isOnlySize(complaint: unknown, shape: Shape, index: number, state: Encoding): boolean {
  const { operands } = shape;
  const operand = operands[index]!;
  if (operand.kind !== MEMORY || operand.size === 0 || !(complaint instanceof Refusal)) return false;
  const [first] = operands;
  const sized = index > 0 && first!.kind === REGISTER && registerClass(first!.register) < XMM;
  if (sized && complaint.reason === "operandSizesDoNotMatch") return false;
  const { at } = state;
  const unsized = operands.map((each) =>
    each === operand ? { ...operand, size: 0, sizeDeclared: false } : each,
  );
  try {
    shape.encode(unsized, unsized.length, state);
    return true;
  } catch (other) {
    return other instanceof Refusal && other.reason === "operandSizeNotSpecified";
  } finally {
    state.at = at;
  }
}

const second = (register: number): Operand => ({ ...newOperand(), kind: REGISTER, register, comma: true });
const numberBehind: Operand = { ...newOperand(), kind: IMMEDIATE, low: 1, value: 1, comma: true };
const vectors = [register(MMX, 0), register(XMM, 0), register(YMM, 0), register(ZMM, 0)].map(second);

/** What may stand behind an address: one of these goes with every one that is not alone. */
const behind: readonly (readonly Operand[])[] = [
  [second(register(GPR32, 0))],
  [numberBehind],
  ...vectors.flatMap((vector) => [[vector], [vector, numberBehind], [vector, vector]]),
];

/** Whether an instruction can have this operand as its first. */
function takes(shape: Shape, operand: Operand, state: Encoding): boolean {
  const { at } = state;
  const lists = [[operand], ...behind.map((others) => [operand, ...others])];
  const taken = lists.some((operands) => encodes({ ...shape, operands }, operands.length, state));
  state.at = at;
  return taken;
}

function encodes(shape: Shape, count: number, state: Encoding): boolean {
  try {
    shape.encode(shape.operands, count, state);
    return true;
  } catch {
    return false;
  }
}

/** Works out all values. */
function evaluateOperands(assembler: Assembler, { shape, item }: Instruction): void {
  const { evaluator, program, state } = assembler;
  const { operands, segmentAt, closed } = shape;
  state.numberMissed = false;
  for (let index = 0; index < operands.length; index++) {
    const expression = expressionOf(program, item, shape, index);
    if (expression === undefined) continue;
    assembler.operandIndex = index;
    const operand = operands[index]!;
    if (operand.kind === MEMORY) {
      if (operand.addressSize === 1) refuse("invalidAddressSize");
      evaluator.takesSizes = !operand.sizeDeclared && shape.sized;
      evaluator.takenSize = 0;
      evaluator.address(expression, operand, operand.addressSize, fasmSegment(operand.segment), false);
      if (!operand.sizeDeclared) operand.size = evaluator.takenSize;
      evaluator.takesSizes = false;
      if (!closed[index]) refuse("invalidAddress");
    } else if (expression.kind === K_FLOAT) {
      if (!shape.jumps) evaluateFloat(assembler, shape, operand, expression);
    } else {
      if (operand.kind === FAR) {
        const segment = program.values[item + segmentAt[index]!]!;
        evaluateSegment(assembler, operand, program.expressions[segment]!);
      }
      const { errorLine } = state;
      evaluateImmediate(assembler, operand, expression, shape.jumps);
      if (state.errorLine !== errorLine) state.numberMissed = true;
    }
  }
}

/** The segment's number as FASM's rules for base and index ask for it: ES 1 … GS 6. */
const fasmSegment = (segmentRegister: number): number =>
  segmentRegister === 0 ? 0 : (segmentRegister & 31) + 1;

function evaluateImmediate(
  assembler: Assembler,
  operand: Operand,
  expression: Expression,
  jumps: boolean,
): void {
  const { evaluator } = assembler;
  evaluator.valueSize = 8;
  evaluator.evaluate(expression);
  const { result } = evaluator;
  if (result.register1 | result.register2) {
    // Targets of jumps may have registers, those of `virtual at ebx`: they are sorted like an address's.
    if (!jumps) refuse("invalidValue");
    evaluator.address(expression, operand, 0, 0, true);
    return;
  }
  operand.base = 0;
  operand.index = 0;
  operand.scale = 0;
  operand.relocation = result.relocation;
  operand.relocationBase = result.base;
  operand.undefined = evaluator.undefined;
  evaluator.put(operand, result.value);
}

/** A floating point constant takes the form of the size it is wanted in: its own, another operand's, the code's. */
function evaluateFloat(assembler: Assembler, shape: Shape, operand: Operand, expression: Expression): void {
  const { evaluator, state } = assembler;
  let size = operand.size;
  for (const other of shape.operands) {
    if (size === 0) size = other.size || registerSizes[registerClass(other.register)]!;
  }
  evaluator.valueSize = size || shape.floatSize || state.bits >> 3;
  operand.kind = IMMEDIATE;
  evaluator.evaluate(expression);
  evaluator.put(operand, evaluator.result.value);
  operand.relocation = 0;
  operand.undefined = false;
}

function evaluateSegment(assembler: Assembler, operand: Operand, expression: Expression): void {
  if (expression.kind === K_FLOAT) refuse("invalidValue");
  const term = assembler.evaluator.word(expression);
  operand.segmentValue = Number(term.value);
  operand.segmentRelocation = term.relocation;
  operand.segmentBase = term.base;
}
