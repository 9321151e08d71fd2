/**
 * Processor instructions: items to operands, once; operands to values, in every pass; values to bytes, by the encoder,
 * and only when something has changed since the bytes were last made.
 */
import type { Assembler } from "./assemble.ts";
import type { Mnemonic } from "./encode.ts";
import { type Expression, K_FLOAT } from "./expression/parse.ts";
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
} from "./operand.ts";
import type { Program } from "./parse.ts";
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

/** An instruction as the program holds it. */
export interface Instruction {
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
  readonly operands: Operand[];
  /** For each operand its expression, and the address or the segment's expression; undefined where it has none. */
  readonly expressions: (Expression | undefined)[];
  readonly segments: (Expression | undefined)[];
  /** An address's bracket is closed where it should be. */
  readonly closed: readonly boolean[];
  /** Nothing in it has to be evaluated: registers and numbers alone. */
  readonly constant: boolean;
  /** Where its operands were read, and how many items they are. */
  readonly item: number;
  readonly items: number;
  /** The bytes it last had, in the table's store: where, how many fit there, how many count (-1: none), for which code size. */
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

/** What an instruction that is not shared is reckoned at: with its operands it is the dearest thing that is made of a line. */
const BYTES_PER_INSTRUCTION = 256;

/**
 * Instructions without anything to evaluate, by what they are made of: `push ebx` is one object wherever it stands, with
 * the bytes it has once been given.
 */
export class InstructionTable {
  readonly #limit: number;
  #count = 0;

  /** `maxMemory` in bytes bounds how many there can be. */
  constructor(maxMemory: number) {
    this.#limit = maxMemory / BYTES_PER_INSTRUCTION;
  }

  readonly #shared = new Map<number, Instruction[]>();
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
    let hash = instruction;
    let end = item;
    for (; kinds[end] !== I_LINE && kinds[end] !== I_END && kinds[end] !== I_INSTRUCTION; end++) {
      hash = (Math.imul(hash, 31) + kinds[end]! * 0x10001 + values[end]!) | 0;
    }
    const known = this.#shared.get(hash);
    if (known) for (const other of known) if (isSame(program, other, item, end, mnemonic)) return other;
    if (++this.#count > this.#limit) refuse("outOfMemory");
    const made = readInstruction(program, item, mnemonic);
    if (made.constant) {
      if (known) known.push(made);
      else this.#shared.set(hash, [made]);
    }
    return made;
  }
}

function isSame(
  { kinds, values }: Program,
  known: Instruction,
  item: number,
  end: number,
  mnemonic: Mnemonic,
) {
  if (known.encode !== mnemonic.encode || known.items !== end - item) return false;
  for (let at = item, other = known.item; at < end; at++, other++) {
    if (kinds[at] !== kinds[other] || values[at] !== values[other]) return false;
  }
  return true;
}

type Traits = Pick<Instruction, "jumps" | "sized" | "waits" | "floatSize"> & {
  /** `zmm1+3` stands for four registers. */
  series: boolean;
  /** An address may be in two parts: `[eax,ecx*4]`. */
  divided: boolean;
  /** Takes operands one after the other without commas: whatever stands there is taken for one. */
  readonly lists: boolean;
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
      series: name.startsWith("vp4dp"),
      divided: /^bnd(?:mk|ldx|stx)$/.test(name),
      lists: /^(?:push|pop)[wdq]?$/.test(name),
      floatSize: name === "pushw" ? 2 : name === "pushd" ? 4 : name === "pushq" ? 8 : 0,
    };
    traits.set(mnemonic, found);
  }
  return found;
}

/** Reads the operands that follow at `item`. */
function readInstruction(program: Program, item: number, mnemonic: Mnemonic): Instruction {
  const { kinds, values } = program;
  const operands: Operand[] = [];
  const expressions: (Expression | undefined)[] = [];
  const segments: (Expression | undefined)[] = [];
  const closed: boolean[] = [];
  let at = item;
  const { jumps, sized, waits, floatSize, lists, series, divided } = traitsOf(mnemonic);
  let constant = true;
  let comma = false;
  const last = () => kinds[at] === I_LINE || kinds[at] === I_END || (kinds[at] === I_INSTRUCTION && !lists);
  for (;;) {
    if (last()) {
      if (comma) {
        const missing = newOperand();
        missing.kind = OTHER;
        missing.comma = true;
        operands.push(missing);
        expressions.push(undefined);
        segments.push(undefined);
        closed.push(true);
      }
      break;
    }
    const operand = newOperand();
    operand.comma = comma;
    comma = false;
    let expression: Expression | undefined;
    let segment: Expression | undefined;
    let second: Expression | undefined;
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
        expression = address.expression;
        constant = false;
        at++;
        isClosed = address.closed;
        const parts = divided && !isClosed && kinds[at] === COMMA && kinds[at + 1] === I_EXPRESSION;
        if (parts && kinds[at + 2] === BRACKET_END) {
          isClosed = true;
          second = program.expressions[values[at + 1]!]!;
          at += 3;
        }
        break;
      }
      case I_EXPRESSION:
        expression = program.expressions[value]!;
        operand.kind = IMMEDIATE;
        at++;
        if (kinds[at] === COLON && kinds[at + 1] === I_EXPRESSION) {
          operand.kind = FAR;
          segment = expression;
          expression = program.expressions[values[at + 1]!]!;
          at += 2;
        } else if (kinds[at] === COLON && jumps) operand.kind = OTHER;
        else if (expression.kind === K_FLOAT) operand.kind = FLOAT;
        if (operand.kind !== IMMEDIATE || expression.constant === undefined) constant = false;
        break;
      case BRACE:
        at = readRounding(program, at, operand);
        break;
      default:
        operand.kind = OTHER;
        at++;
    }
    while (kinds[at] === BRACE) at = readDecorator(program, at, operand);
    operands.push(operand);
    expressions.push(expression);
    segments.push(segment);
    closed.push(isClosed);
    if (second) {
      const part = newOperand();
      part.kind = IMMEDIATE;
      operands.push(part);
      expressions.push(second);
      segments.push(undefined);
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
    jumps,
    operands,
    expressions,
    segments,
    closed,
    constant,
    item,
    items: at - item,
    start: 0,
    room: 0,
    length: -1,
    bits: 0,
  };
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

/** `{k1}`, `{z}`, `{1to8}` behind an operand; anything else in braces makes it no operand at all. */
function readDecorator(program: Program, item: number, operand: Operand): number {
  const { kinds, values } = program;
  const kind = kinds[item + 1];
  const value = values[item + 1]!;
  if (kinds[item + 2] !== BRACE_END) operand.kind = OTHER;
  else if (kind === I_SPECIAL_REGISTER && value >> 4 === 5) operand.mask = value & 7;
  else if (kind === I_DECORATOR && value === 0) operand.zeroing = true;
  else if (kind === I_DECORATOR && value >> 4 === 1) operand.broadcast = 1 << (value & 0x0f);
  else operand.kind = OTHER;
  return closeBrace(program, item);
}

/** `{rn-sae}`, `{sae}` where an operand could stand. */
function readRounding(program: Program, item: number, operand: Operand): number {
  const { kinds, values } = program;
  operand.kind = OTHER;
  if (kinds[item + 1] === I_DECORATOR) {
    const value = values[item + 1]!;
    if (value === 0x30 && kinds[item + 2] === BRACE_END) {
      operand.kind = ROUNDING;
      operand.rounding = 4;
    } else if (
      value >> 4 === 2 &&
      kinds[item + 2] === 0x2d &&
      kinds[item + 3] === I_DECORATOR &&
      values[item + 3] === 0x30 &&
      kinds[item + 4] === BRACE_END
    ) {
      operand.kind = ROUNDING;
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
  const changed = instruction.constant
    ? instruction.length < 0 && evaluateConstants(assembler, instruction)
    : evaluate(assembler, instruction);
  const { length } = instruction;
  const known = !changed && length >= 0 && instruction.bits === state.bits;
  if (known && !state.compresses && (state.prefixes & BND_PREFIX) === 0) {
    const { bytes } = state;
    const { stored } = assembler.table;
    let from = instruction.start;
    const end = from + length;
    let to = state.at;
    while (from < end) bytes[to++] = stored[from++]!;
    state.at = to;
    return;
  }
  const start = state.at;
  const { complaints } = state;
  const prefixes = state.prefixes;
  state.positional = false;
  state.relocated = false;
  instruction.encode(instruction.operands, instruction.operands.length, state);
  if (state.patches.length > 0) state.applyPatches();
  const lasting = !state.positional && !state.relocated && !state.compresses;
  if (lasting && complaints === state.complaints && prefixes === state.prefixes) {
    assembler.table.store(instruction, state.bytes, start, state.at - start);
    instruction.bits = state.bits;
  } else instruction.length = -1;
}

function evaluateConstants(assembler: Assembler, instruction: Instruction): boolean {
  for (let index = 0; index < instruction.operands.length; index++) {
    const expression = instruction.expressions[index];
    if (expression) assembler.evaluator.put(instruction.operands[index]!, expression.constant!);
  }
  return true;
}

/**
 * FASM reads operands one after the other and stops at the first that is wrong in any way. We evaluate all of them before
 * encoding: where that fails, the encoder is asked what it would have said of the operands up to there.
 */
function evaluate(assembler: Assembler, instruction: Instruction): boolean {
  try {
    return instruction.waits
      ? evaluateBehindWait(assembler, instruction)
      : evaluateOperands(assembler, instruction);
  } catch (error) {
    const { state } = assembler;
    for (let index = assembler.operandIndex; index < instruction.operands.length; index++) {
      const operand = instruction.operands[index]!;
      operand.base = 0;
      operand.index = 0;
      operand.scale = 0;
      operand.relocation = 0;
      operand.undefined = true;
      if (operand.kind !== FLOAT) assembler.evaluator.put(operand, 0);
    }
    const { at } = state;
    try {
      instruction.encode(instruction.operands, instruction.operands.length, state);
    } catch (complaint) {
      const surplus = complaint instanceof Refusal && complaint.reason === "extraCharactersOnLine";
      // An address that comes first has been read before anything is missed behind it.
      const [first] = instruction.operands;
      if (assembler.operandIndex === 0 && first!.kind === MEMORY && takes(instruction, first!, state))
        throw error;
      // Too many operands are noticed behind the last one that is wanted, so only if that was not the one that failed.
      if (!surplus) throw complaint;
      state.at = at;
      if (encodes(instruction, assembler.operandIndex, state)) throw complaint;
    }
    throw error;
  }
}

/** Second operands, one of which goes with every address that is not alone: EAX and a number. */
const behind: readonly Operand[] = [
  { ...newOperand(), kind: REGISTER, register: register(GPR32, 0), comma: true },
  { ...newOperand(), kind: IMMEDIATE, low: 1, value: 1, comma: true },
];

/** Whether an instruction can have this operand as its first. */
function takes(instruction: Instruction, operand: Operand, state: Encoding): boolean {
  const { at } = state;
  const lists = [[operand], ...behind.map((second) => [operand, second])];
  const taken = lists.some((operands) => encodes({ ...instruction, operands }, operands.length, state));
  state.at = at;
  return taken;
}

function evaluateBehindWait(assembler: Assembler, instruction: Instruction): boolean {
  const { state } = assembler;
  state.at++;
  try {
    return evaluateOperands(assembler, instruction);
  } finally {
    state.at--;
  }
}

function encodes(instruction: Instruction, count: number, state: Encoding): boolean {
  try {
    instruction.encode(instruction.operands, count, state);
    return true;
  } catch {
    return false;
  }
}

/** Works out all values; returns whether anything is different from the last time. */
function evaluateOperands(assembler: Assembler, instruction: Instruction): boolean {
  const { evaluator } = assembler;
  const { operands, expressions, segments, closed } = instruction;
  let changed = false;
  for (let index = 0; index < operands.length; index++) {
    const expression = expressions[index];
    if (expression === undefined) continue;
    assembler.operandIndex = index;
    const operand = operands[index]!;
    const { low, high, value, relocation, relocationBase, base, index: indexRegister, scale, size } = operand;
    const unknown = operand.undefined;
    if (operand.kind === MEMORY) {
      if (operand.addressSize === 1) refuse("invalidAddressSize");
      evaluator.takesSizes = !operand.sizeDeclared && instruction.sized;
      evaluator.takenSize = 0;
      evaluator.address(expression, operand, operand.addressSize, fasmSegment(operand.segment), false);
      if (!operand.sizeDeclared) operand.size = evaluator.takenSize;
      evaluator.takesSizes = false;
      if (!closed[index]) refuse("invalidAddress");
    } else if (expression.kind === K_FLOAT) {
      if (!instruction.jumps) evaluateFloat(assembler, instruction, operand, expression);
    } else {
      if (operand.kind === FAR) evaluateSegment(assembler, operand, segments[index]!);
      evaluateImmediate(assembler, operand, expression, instruction.jumps);
    }
    changed ||=
      low !== operand.low ||
      high !== operand.high ||
      value !== operand.value ||
      relocation !== operand.relocation ||
      relocationBase !== operand.relocationBase ||
      base !== operand.base ||
      indexRegister !== operand.index ||
      scale !== operand.scale ||
      size !== operand.size ||
      unknown !== operand.undefined ||
      operand.kind === FAR;
  }
  return changed;
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
function evaluateFloat(
  assembler: Assembler,
  instruction: Instruction,
  operand: Operand,
  expression: Expression,
): void {
  const { evaluator, state } = assembler;
  let size = operand.size;
  for (const other of instruction.operands) {
    if (size === 0) size = other.size || registerSizes[registerClass(other.register)]!;
  }
  evaluator.valueSize = size || instruction.floatSize || state.bits >> 3;
  evaluator.evaluate(expression);
  operand.kind = IMMEDIATE;
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
