/**
 * Why an AVX instruction is refused, in FASM's words. FASM reads its operands from left to right with a few routines that
 * many instructions share, and keeps one size for all of them; this reads them in the same order, once no row fits. What the
 * instruction is like (scalar or full, which lengths, broadcasts, rounding, a fourth register) its rows say.
 */
import { MEMORY, type Operand, registerClass, registerNumber, XMM, YMM, ZMM } from "../operand.ts";
import { fail, isNumber, isRegister, isSpecial } from "./reader.ts";
import { isShort, type VectorReader } from "./vector-reader.ts";

/** How an instruction is read that is not like most. */
type Reading = (reader: VectorReader, name: string) => void;

/** Moves that may have memory as their destination. */
const moves: Reading = (reader) => {
  const operand = reader.thing();
  if (isRegister(operand)) reader.commonBehind(operand);
  else intoMemory(reader, operand);
};

function intoMemory(reader: VectorReader, operand: Operand): void {
  reader.memory(operand);
  reader.takeMask(reader.traits.masks, false);
  reader.comma();
  reader.takeVector();
  reader.ready();
}

const storesOnly: Reading = (reader) => {
  const operand = reader.thing();
  reader.traits.masks = false;
  intoMemory(reader, operand);
};

const compresses: Reading = (reader) => {
  const operand = reader.thing();
  if (!isRegister(operand)) {
    intoMemory(reader, operand);
    return;
  }
  reader.vector(operand);
  reader.takeMask();
  reader.comma();
  reader.takeVector();
  reader.ready();
};

const loads: Reading = (reader) => {
  reader.takeVector();
  reader.comma();
  reader.memory(reader.thing());
  reader.ready();
};

/** The destination may be a mask, and where it is none, FASM goes on as with VEX. */
const compares: Reading = (reader, name) => {
  const operand = reader.thing();
  if (isSpecial(operand)) {
    if (reader.size !== 0) fail("invalidOperandSize");
    reader.needsEvex = true;
    reader.mask(operand);
    reader.takeMask(true, name.startsWith("vptest") || name.startsWith("vpshuf"));
    reader.sources();
    return;
  }
  if (!isRegister(operand)) fail("invalidOperand");
  reader.forbidEvex();
  reader.vector(operand);
  reader.takeMask(true, name.startsWith("vptest") || name.startsWith("vpshuf"));
  reader.sources();
};

const classifies: Reading = (reader) => {
  const operand = reader.unsized();
  if (!isSpecial(operand)) fail("invalidOperand");
  reader.needsEvex = true;
  reader.mask(operand);
  reader.takeMask(true, true);
  reader.lastSource();
};

const movesDoubled: Reading = (reader) => {
  const operand = reader.thing();
  if (!isRegister(operand)) fail("invalidOperand");
  reader.unit = reader.vector(operand) > 16 ? 0 : 8;
  reader.takeMask();
  reader.lastSource();
};

/** vmovlps and its like: half of a register from or to memory. */
const movesHalf: Reading = (reader) => {
  reader.unit = 8;
  const operand = reader.thing();
  if (!isRegister(operand)) {
    reader.memory(operand);
    halfIntoMemory(reader);
    return;
  }
  reader.vector(operand);
  reader.comma();
  reader.takeVector();
  if (reader.size !== 16) fail("invalidOperand");
  reader.size = 0;
  reader.comma();
  if (!reader.takeSource()) fail("invalidOperand");
  reader.ready();
};

function halfIntoMemory(reader: VectorReader): void {
  if (reader.size !== 0 && reader.size !== reader.unit) fail("invalidOperandSize");
  reader.size = 0;
  reader.comma();
  if (reader.takeVector() !== 16) fail("invalidOperand");
  reader.ready();
}

const movesAcross: Reading = (reader) => {
  if (reader.takeVector() !== 16) fail("invalidOperand");
  reader.comma();
  reader.takeVector();
  reader.comma();
  reader.takeVector();
  reader.ready();
};

const movesScalar: Reading = (reader, name) => {
  reader.unit = name === "vmovsd" ? 8 : 4;
  const operand = reader.thing();
  if (!isRegister(operand)) {
    reader.memory(operand);
    reader.takeMask(true, false);
    halfIntoMemory(reader);
    return;
  }
  if (reader.vector(operand) !== 16) fail("invalidOperand");
  reader.takeMask();
  const outer = reader.size;
  reader.comma();
  reader.size = 0;
  const source = reader.thing();
  if (!isRegister(source)) {
    reader.memory(source);
    if (reader.size !== 0 && reader.size !== reader.unit) fail("invalidOperandSize");
    reader.ready();
    return;
  }
  reader.size = outer;
  reader.vector(source);
  reader.comma();
  reader.takeVector();
  reader.ready();
};

const movesWord: Reading = (reader, name) => {
  const unit = name === "vmovq" ? 8 : 4;
  const operand = reader.thing();
  const toVector = isRegister(operand) && isShort(operand);
  if (!isRegister(operand)) {
    reader.memory(operand);
    if ((reader.size & ~unit) !== 0) fail("invalidOperandSize");
    reader.size &= ~unit;
    vectorOf16(reader);
  } else if (!toVector) {
    if (reader.general(operand) !== unit) fail("invalidOperandSize");
    reader.size = 0;
    vectorOf16(reader);
    if (unit === 8 && !reader.isLong) fail("illegalInstruction");
  } else {
    if (reader.vector(operand) !== 16) fail("invalidOperandSize");
    reader.size = 0;
    reader.comma();
    const source = reader.thing();
    if (!isRegister(source)) {
      reader.memory(source);
      if ((reader.size & ~unit) !== 0) fail("invalidOperandSize");
    } else if (!isShort(source)) {
      if (reader.general(source) !== unit) fail("invalidOperandSize");
      if (unit === 8 && !reader.isLong) fail("illegalInstruction");
    } else {
      if (unit !== 8) fail("invalidOperand");
      if (reader.vector(source) !== 16) fail("invalidOperandSize");
    }
  }
  reader.ready();
};

function vectorOf16(reader: VectorReader): void {
  reader.comma();
  if (reader.takeVector() !== 16) fail("invalidOperandSize");
}

/** Lengths from 32 on; with `common` behind the destination. */
const permutesLong: Reading = (reader) => {
  if (reader.takeVector() < 32) fail("invalidOperandSize");
  reader.takeMask();
  reader.sources();
};

/** vpermq and vpermilps: a number or a register decides the order. */
const permutes: Reading = (reader, name) => {
  const bytes = reader.takeVector();
  if (!name.startsWith("vpermil") && bytes < 32) fail("invalidOperandSize");
  reader.takeMask();
  reader.comma();
  if (reader.takeSource()) {
    reader.number(true);
    return;
  }
  const next = reader.follows();
  if (next === undefined) fail("invalidOperand");
  if (isNumber(next)) {
    reader.number(false);
    return;
  }
  if (!name.startsWith("vpermil")) reader.needsEvex = true;
  reader.comma();
  reader.traits.last = "none";
  reader.source();
};

const shifts: Reading = (reader, name) => {
  reader.unit = 0;
  reader.takeVector();
  reader.takeMask();
  reader.comma();
  const outer = reader.size;
  reader.size = 0;
  const operand = reader.thing();
  if (operand.kind === MEMORY) {
    reader.needsEvex = true;
    reader.takeMemory(operand, outer);
    reader.number(true);
    return;
  }
  reader.size = outer;
  if (!isRegister(operand)) fail("invalidOperand");
  reader.vector(operand);
  reader.comma();
  const [count, written] = reader.apart();
  if (isRegister(count)) {
    reader.size = written;
    reader.xmm(count);
    reader.size = outer;
    if (name === "vpsraq") reader.needsEvex = true;
    reader.ready();
  } else if (count.kind === MEMORY) {
    reader.size = written;
    reader.memory(count);
    if (reader.size !== 0 && reader.size !== 16) fail("invalidOperandSize");
    reader.size = outer;
    reader.ready();
  } else {
    if ((written & ~1) !== 0) fail("invalidOperandSize");
    reader.ready();
    reader.value(count);
  }
};

const shiftsBytes: Reading = (reader) => {
  reader.takeVector();
  reader.comma();
  const operand = reader.thing();
  if (operand.kind === MEMORY) {
    reader.needsEvex = true;
    reader.memory(operand);
    reader.number(true);
    return;
  }
  if (!isRegister(operand)) fail("invalidOperand");
  reader.vector(operand);
  reader.number(false);
};

const rotates: Reading = (reader) => {
  reader.unit = 0;
  reader.takeVector();
  reader.takeMask();
  reader.lastSource();
};

/** vpmovsx and vpmovzx: how many elements of the source there are, the destination's length says. */
const extendsElements: Reading = (reader, name) => {
  const ratio = name.endsWith("bq") ? 2 : name.endsWith("bd") || name.endsWith("wq") ? 4 : 8;
  const bytes = reader.takeVector();
  const unit = (ratio * bytes) / 16;
  reader.takeMask();
  reader.comma();
  reader.size = 0;
  const operand = reader.thing();
  if (isRegister(operand)) {
    const own = reader.vector(operand);
    if (own !== unit && (own < unit || own !== 16)) fail("invalidOperandSize");
  } else {
    reader.memory(operand);
    if (reader.size !== 0 && reader.size !== unit) fail("invalidOperandSize");
  }
  reader.size = bytes;
  reader.ready();
};

const narrowsElements: Reading = (reader, name) => {
  const ratio = name.endsWith("qb") ? 2 : name.endsWith("db") || name.endsWith("qw") ? 4 : 8;
  const operand = reader.thing();
  const isMemory = !isRegister(operand);
  if (isMemory) reader.memory(operand);
  else reader.vector(operand);
  reader.takeMask(true, !isMemory);
  const own = reader.size;
  reader.size = 0;
  reader.comma();
  const unit = (ratio * reader.takeVector()) / 16;
  if (isMemory) {
    if (own !== 0 && own !== unit) fail("invalidOperandSize");
  } else if (own !== unit && (own < unit || own !== 16)) fail("invalidOperandSize");
  reader.ready();
};

const broadcastUnits: Readonly<Record<string, number>> = {
  ss: 4,
  sd: 8,
  "128": 16,
  "32x2": 8,
  "32x4": 16,
  "32x8": 32,
  "64x2": 16,
  "64x4": 32,
  b: 1,
  w: 2,
  d: 4,
  q: 8,
};

const broadcasts: Reading = (reader, name) => {
  const unit = broadcastUnits[/(?:128|\d\dx\d|ss|sd|[bwdq])$/.exec(name)![0]]!;
  const integers = /^vpbroadcast/.test(name);
  const bytes = reader.takeVector();
  if (bytes === unit) fail("invalidOperandSize");
  if (!integers && unit !== 4 && name !== "vbroadcasti32x2" && bytes === 16) fail("invalidOperandSize");
  reader.size = 0;
  reader.takeMask();
  reader.comma();
  const operand = reader.thing();
  if (!isRegister(operand)) {
    reader.memory(operand);
    const own = reader.size;
    reader.size = bytes;
    if (own !== 0 && own !== unit) fail("invalidOperandSize");
    reader.ready();
    return;
  }
  const kind = registerClass(operand.register);
  if (integers && kind < XMM) {
    const own = reader.general(operand);
    if (own !== unit && (own < unit || own !== 4)) fail("invalidOperandSize");
    reader.needsEvex = true;
  } else {
    if (reader.vector(operand) !== 16) fail("invalidOperandSize");
    if (unit >= 16) fail("invalidOperand");
  }
  reader.size = bytes;
  if (/f128$|i128$/.test(name)) fail("invalidOperand");
  reader.ready();
};

const laneBytes = (name: string): number => (/(?:32x8|64x4)$/.test(name) ? 32 : 16);

const extractsLane: Reading = (reader, name) => {
  const unit = laneBytes(name);
  const operand = reader.thing();
  const isMemory = !isRegister(operand);
  if (isMemory) {
    reader.memory(operand);
    if (reader.size !== 0 && reader.size !== unit) fail("invalidOperandSize");
  } else if (reader.vector(operand) !== unit) fail("invalidOperandSize");
  reader.takeMask();
  reader.size = 0;
  reader.comma();
  if (reader.takeVector() <= unit) fail("invalidOperandSize");
  reader.number(isMemory);
};

const insertsLane: Reading = (reader, name) => {
  const unit = laneBytes(name);
  if (reader.takeVector() <= unit) fail("invalidOperand");
  reader.takeMask();
  reader.comma();
  const bytes = reader.takeVector();
  reader.size = unit;
  reader.comma();
  const operand = reader.thing();
  const isMemory = !isRegister(operand);
  if (isMemory) reader.memory(operand);
  else reader.vector(operand);
  reader.size = bytes;
  reader.number(isMemory);
};

const wordBytes: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8, s: 4 };

const extractsWord: Reading = (reader, name) => {
  const unit = wordBytes[name.at(-1)!]!;
  const operand = reader.thing();
  const isMemory = !isRegister(operand);
  if (isMemory) {
    reader.memory(operand);
    if ((reader.size & ~unit) !== 0) fail("invalidOperandSize");
    reader.size &= ~unit;
  } else {
    const bytes = reader.general(operand);
    if (bytes < unit) fail("invalidOperandSize");
    if (bytes !== 4) {
      if (bytes !== 8) fail("invalidOperandSize");
      if (!reader.isLong) fail("invalidOperand");
    }
    reader.size = 0;
  }
  vectorOf16(reader);
  reader.number(isMemory);
};

const insertsWord: Reading = (reader, name) => {
  const unit = wordBytes[name.at(-1)!]!;
  if (unit === 8 && !reader.isLong) fail("illegalInstruction");
  if (reader.takeVector() !== 16) fail("invalidOperandSize");
  reader.comma();
  reader.takeVector();
  reader.size = 0;
  reader.comma();
  const operand = reader.thing();
  if (isRegister(operand)) {
    if (reader.general(operand) !== (unit === 8 ? 8 : 4)) fail("invalidOperandSize");
    reader.number(false);
    return;
  }
  reader.memory(operand);
  if (reader.size !== 0 && reader.size !== unit) fail("invalidOperandSize");
  reader.number(true);
};

/** Conversions to elements twice as long. */
const widens: Reading = (reader) => {
  const bytes = reader.takeVector();
  reader.takeMask();
  reader.comma();
  reader.unit = bytes >> 1;
  reader.size = 0;
  const operand = reader.thing();
  if (operand.kind === MEMORY) {
    // FASM has read the size before the bracket already, and reads the memory as one of the destination's length.
    reader.size = operand.sizeDeclared ? operand.size : 0;
    reader.takeMemory(operand, bytes);
    reader.ready();
    return;
  }
  if (!isRegister(operand)) fail("invalidOperand");
  reader.size = 0;
  const own = reader.vector(operand);
  if (own !== reader.unit && (own < reader.unit || own !== 16)) fail("invalidOperandSize");
  reader.size = bytes;
  reader.takeRounding();
  reader.ready();
};

/** Conversions to elements half as long: the source's length counts. */
const narrows: Reading = (reader) => {
  const bytes = reader.takeVector();
  reader.takeMask();
  reader.comma();
  reader.size = 0;
  reader.unit = 0;
  const isMemory = reader.takeSource();
  const own = reader.size;
  if (own === 0) {
    if (bytes !== 32) reader.missSize();
    else reader.size = 64;
  } else {
    if (own > 64) fail("invalidOperandSize");
    if (own >> 1 !== bytes && (own >> 1 > bytes || bytes !== 16)) fail("invalidOperandSize");
  }
  if (!isMemory) reader.takeRounding();
  reader.ready();
};

const halves: Reading = (reader) => {
  const operand = reader.thing();
  const isMemory = !isRegister(operand);
  if (isMemory) reader.memory(operand);
  else reader.vector(operand);
  reader.takeMask();
  const doubled = (reader.size * 2) & 0xff;
  if (isMemory) {
    reader.comma();
    reader.size = doubled;
    reader.takeVector();
    reader.number(true);
    return;
  }
  reader.size = 0;
  reader.comma();
  const bytes = reader.takeVector();
  if (doubled !== 0 && doubled !== bytes && (doubled < bytes || bytes !== 16)) fail("invalidOperandSize");
  reader.takeRounding();
  reader.number(false);
};

const toGeneral: Reading = (reader, name) => {
  reader.unit = /s[dh]2/.test(name) ? 8 : 4;
  const operand = reader.thing();
  if (!isRegister(operand)) fail("invalidOperand");
  const bytes = reader.general(operand);
  reader.size = 0;
  if (bytes !== 4) {
    if (bytes !== 8) fail("invalidOperandSize");
    if (!reader.isLong) fail("illegalInstruction");
  }
  reader.comma();
  if (!reader.takeSource()) reader.takeRounding();
  reader.ready();
};

const fromGeneral: Reading = (reader, name) => {
  reader.unit = name.endsWith("sd") ? 8 : 4;
  if (reader.takeVector() !== 16) fail("invalidOperandSize");
  reader.comma();
  reader.takeVector();
  reader.comma();
  reader.size = 0;
  const operand = reader.thing();
  if (operand.kind === MEMORY) {
    reader.memory(operand);
    if (reader.size === 0) reader.missSize();
    else if (reader.size === 8) {
      if (!reader.isLong) fail("illegalInstruction");
    } else if (reader.size !== 4) fail("invalidOperandSize");
    reader.ready();
    return;
  }
  if (!isRegister(operand)) fail("invalidOperand");
  const bytes = reader.general(operand);
  if (bytes !== 4 && bytes !== 8) fail("invalidOperandSize");
  if (bytes === 8 && !reader.isLong) fail("illegalInstruction");
  if (bytes === 8 || reader.unit !== 8) reader.takeRounding();
  reader.ready();
};

const movesMasked: Reading = (reader) => {
  const operand = reader.thing();
  if (isRegister(operand)) {
    reader.vector(operand);
    reader.comma();
    reader.takeVector();
    reader.comma();
    reader.memory(reader.thing());
  } else {
    reader.memory(operand);
    reader.comma();
    reader.takeVector();
    reader.comma();
    reader.takeVector();
  }
  reader.ready();
};

const movesSigns: Reading = (reader, name) => {
  const operand = reader.thing();
  if (!isRegister(operand)) fail("invalidOperand");
  const bytes = reader.general(operand);
  if (bytes !== 4) {
    if (name === "vpmovmskb") {
      if (!reader.isLong || bytes !== 8) fail("invalidOperandSize");
    } else {
      if (bytes !== 8) fail("invalidOperandSize");
      if (!reader.isLong) fail("invalidOperand");
    }
  }
  reader.size = 0;
  reader.comma();
  reader.takeVector();
  reader.ready();
};

/** The size of the index's register, which FASM compares as that of 16 bytes with everything in one way, and else. */
function indexBytes({ index }: Operand): number {
  const kind = registerClass(index);
  return kind === XMM ? 16 : kind === ZMM ? 64 : 32;
}

const gathers: Reading = (reader, name) => {
  reader.traits.gathers = true;
  const element = /(?:pd|dq|qq)$/.test(name) ? 8 : 4;
  const destination = reader.thing();
  const bytes = reader.vector(destination);
  reader.takeMask(true, false);
  const { masked } = reader;
  reader.comma();
  reader.size = 0;
  const operand = reader.thing();
  if (operand.kind !== MEMORY) fail("invalidArgument");
  reader.memory(operand);
  const own = reader.size;
  reader.size = bytes;
  gathered(reader, name, element, own, operand, destination, masked);
};

const scatters: Reading = (reader, name) => {
  reader.traits.gathers = true;
  const element = /(?:pd|dq|qq)$/.test(name) ? 8 : 4;
  const operand = reader.thing();
  if (operand.kind !== MEMORY) fail("invalidArgument");
  reader.memory(operand);
  reader.takeMask(true, false);
  const { masked } = reader;
  reader.comma();
  const own = reader.size;
  reader.size = 0;
  const source = reader.thing();
  reader.vector(source);
  gathered(reader, name, element, own, operand, source, masked);
};

function gathered(
  reader: VectorReader,
  name: string,
  element: number,
  own: number,
  memory: Operand,
  register: Operand,
  masked: boolean,
): void {
  if (own !== 0 && own !== element) fail("invalidOperandSize");
  const number = registerNumber(register.register);
  let third = -1;
  let ah = reader.size;
  if (reader.follows() !== undefined) {
    reader.forbidEvex();
    reader.comma();
    const operand = reader.thing();
    ah = reader.vector(operand);
    third = registerNumber(operand.register);
  } else if (!masked) fail("invalidOperand");
  if (third === number) fail("disallowedCombinationOfRegisters");
  const index = registerNumber(memory.index);
  if (index === number || index === third) fail("disallowedCombinationOfRegisters");
  // The upper letter of the name tells the index's elements, the rest those that are gathered.
  const quadIndexes = /(?:q[dq]|q[ps][sd])$/.test(name);
  if (indexBytes(memory) === 16) {
    if (ah !== 16 && (ah !== 32 || quadIndexes || element !== 8)) fail("invalidOperandSize");
  } else {
    let wanted = indexBytes(memory);
    if ((element === 8) !== quadIndexes) {
      if (quadIndexes) {
        if (reader.size * 2 !== wanted) fail("invalidOperandSize");
        wanted = reader.size;
      } else wanted *= 2;
    }
    if (wanted !== reader.size) fail("invalidOperandSize");
  }
  reader.ready();
}

const prefetches: Reading = (reader, name) => {
  reader.traits.gathers = true;
  const unit = name.endsWith("pd") ? 8 : 4;
  const operand = reader.thing();
  if (operand.kind !== MEMORY) fail("invalidArgument");
  reader.memory(operand);
  reader.takeMask(true, false);
  if (reader.size !== 0 && reader.size !== unit) fail("invalidOperandSize");
  const wanted = unit === 8 && name.includes("dpd") ? YMM : ZMM;
  if (registerClass(operand.index) !== wanted) fail("invalidOperand");
  reader.ready();
};

const shiftsEach: Reading = (reader, name) => {
  const numbers = name.startsWith("vprot");
  if (reader.takeVector() !== 16) fail("invalidOperand");
  reader.comma();
  const operand = reader.thing();
  if (isRegister(operand)) reader.xmm(operand);
  else reader.memory(operand);
  reader.comma();
  const inMemory = operand.kind === MEMORY;
  const [count] = reader.apart();
  if (isRegister(count)) reader.takeVector();
  else if (count.kind === MEMORY && !inMemory) reader.memory(reader.thing());
  else {
    if (!numbers) fail("invalidOperand");
    if (!inMemory) reader.ready();
    const [, written] = reader.apart();
    if (written > 1) fail("invalidOperandSize");
    reader.value(count);
    if (!inMemory) return;
  }
  reader.ready();
};

const movesToMask: Reading = (reader) => {
  reader.mask(reader.unsized());
  reader.comma();
  reader.takeVector();
  reader.ready();
};

const movesFromMask: Reading = (reader) => {
  reader.takeVector();
  reader.comma();
  reader.mask(reader.unsized());
  reader.ready();
};

/** Four registers that begin with the second operand's, and memory. */
const multiplies: Reading = (reader) => {
  reader.unit = 16;
  reader.takeVector();
  reader.takeMask();
  reader.comma();
  reader.takeVector();
  if (reader.size !== 64) fail("invalidOperandSize");
  reader.size = 0;
  reader.comma();
  if (!reader.takeSource()) fail("invalidOperand");
  reader.size = 64;
  reader.ready();
};

const storesMasked: Reading = (reader) => {
  for (const first of [true, false]) {
    const operand = reader.thing();
    const bytes = reader.legacyVector(operand);
    if (first && bytes !== 16) fail("invalidOperandSize");
    if (first) reader.comma();
  }
  reader.ready();
};

const takesNothing: Reading = (reader) => reader.leave();

const maskBytes: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4, q: 8 };

/** kmov: the size of a general register is 4 bytes at least. */
const movesMask: Reading = (reader, name) => {
  const unit = maskBytes[name.at(-1)!]!;
  const general = (operand: Operand): void => {
    const isWrong = reader.general(operand) !== Math.max(unit, 4);
    if (isWrong) fail("invalidOperandSize");
    if (unit === 8 && !reader.isLong) fail("illegalInstruction");
  };
  const memory = (operand: Operand): void => {
    if (operand.kind !== MEMORY) fail("invalidArgument");
    reader.memory(operand);
  };
  const judge = (): void => {
    if (reader.size !== 0 && reader.size !== unit) fail("invalidOperandSize");
  };
  const first = reader.peek();
  const isBare = ({ sizeDeclared, jump }: Operand): boolean => !sizeDeclared && jump === 0;
  const plain = isBare(first);
  if (plain && isSpecial(first)) {
    reader.mask(first);
    reader.comma();
    const second = reader.peek();
    const bare = isBare(second);
    if (bare && isSpecial(second)) reader.mask(second);
    else if (bare && isRegister(second)) general(second);
    else {
      memory(reader.thing());
      judge();
    }
  } else if (plain && isRegister(first)) {
    reader.general(first);
    reader.comma();
    reader.mask(reader.unsized());
    if (reader.size !== Math.max(unit, 4)) fail("invalidOperandSize");
    if (unit === 8 && !reader.isLong) fail("illegalInstruction");
  } else {
    memory(reader.thing());
    reader.comma();
    reader.mask(reader.unsized());
    judge();
  }
  reader.ready();
};

/** Operations on masks, which have no sizes. */
const masksAlone: Reading = (reader, name) => {
  const shift = name.startsWith("kshift");
  const two = shift || /^k(?:not|test|ortest)/.test(name);
  for (let n = two ? 2 : 3; n > 0; n--) {
    reader.mask(reader.unsized());
    if (n > 1) reader.comma();
  }
  if (shift) reader.number(false);
  else reader.ready();
};

/** By what their names have in common; everything else is read as most are. */
const readings: readonly (readonly [RegExp, Reading])[] = [
  [/^vmov[au]p[sd]$|^vmovdq[au]\d*$/, moves],
  [/^vmovnt(?:p[sd]|dq)$/, storesOnly],
  [/^vp?compress/, compresses],
  [/^vlddqu$|^vmovntdqa$/, loads],
  [/^vcmp|^vpcmp(?!.str)|^vptestn?m|^vpshufbitqmb$/, compares],
  [/^vfpclass/, classifies],
  [/^vmovddup$/, movesDoubled],
  [/^vmov[hl]p[sd]$/, movesHalf],
  [/^vmovhlps$|^vmovlhps$/, movesAcross],
  [/^vmovs[sd]$/, movesScalar],
  [/^vmov[dq]$/, movesWord],
  [/^vperm2[fi]128$|^vshuf[fi]\d\dx\d$|^vperm(?:d|ps)$/, permutesLong],
  [/^vperm(?:q|pd|ilp[sd])$/, permutes],
  [/^vpsll[wdq]$|^vpsr[al][wdq]$/, shifts],
  [/^vps[lr]ldq$/, shiftsBytes],
  [/^vpro[lr][dq]$/, rotates],
  [/^vpmov[sz]x/, extendsElements],
  [/^vpmovu?s?(?:db|qw|wb|dw|qd|qb)$/, narrowsElements],
  [/^vp?broadcastm/, movesFromMask],
  [/^vp?broadcast/, broadcasts],
  [/^vextract[fi]/, extractsLane],
  [/^vinsert[fi]/, insertsLane],
  [/^vpextr|^vextractps$/, extractsWord],
  [/^vpinsr/, insertsWord],
  [/^vcvtu?dq2pd$|^vcvtt?ps2u?qq$|^vcvtp[sh]2p[sd]$(?<!ph$)/, widens],
  [/^vcvtt?pd2(?:u?dq|ps)$|^vcvtu?qq2ps$/, narrows],
  [/^vcvtps2ph$/, halves],
  [/^vcvtt?s[sd]2u?si$/, toGeneral],
  [/^vcvtu?si2s[sd]$/, fromGeneral],
  [/^vp?maskmov(?:p[sd]|[dq])$/, movesMasked],
  [/^vmovmskp[sd]$|^vpmovmskb$/, movesSigns],
  [/^vp?gather(?!pf)/, gathers],
  [/^vp?scatter(?!pf)/, scatters],
  [/^v(?:gather|scatter)pf/, prefetches],
  [/^vprot|^vpsh[al][bdqw]$/, shiftsEach],
  [/^vpmov[bdqw]2m$/, movesToMask],
  [/^vpmovm2/, movesFromMask],
  [/^vp4dp/, multiplies],
  [/^vmaskmovdqu$/, storesMasked],
  [/^vzero/, takesNothing],
  [/^kmov/, movesMask],
  [/^k/, masksAlone],
];

const most: Reading = (reader) => reader.common();

/** How FASM reads an AVX instruction of this name. */
export const vectorReading = (name: string): Reading =>
  readings.find(([names]) => names.test(name))?.[1] ?? most;
