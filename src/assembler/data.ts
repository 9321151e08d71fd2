/** Data: db … dt, dup, file, rb … rt (FASM.TXT 1.2.2). */
import { setU16le, setU32le } from "../base/index.ts";
import type { Assembler } from "./assemble.ts";
import { type Expression, K_FLOAT, K_STRING } from "./expression/expressions.ts";
import { extendedBits } from "./expression/float.ts";
import { high32, low32 } from "./expression/int.ts";
import { type Message, refuse } from "./messages.ts";
import type { Program } from "./program.ts";
import { EVERY_LINES } from "./progress.ts";
import type { State } from "./state.ts";
import {
  D_DB,
  D_DD,
  D_DP,
  D_DQ,
  D_DT,
  D_DU,
  D_DW,
  D_RB,
  D_RD,
  D_RP,
  D_RQ,
  D_RT,
  D_RW,
  I_END,
  I_EXPRESSION,
  I_LINE,
  O_CLOSE,
  O_DUP,
  O_OPEN,
} from "./words.ts";

const COMMA = 0x2c;
const COLON = 0x3a;
const QUESTION = 0x3f;

const sizes: Readonly<Record<number, number>> = {
  [D_DB]: 1,
  [D_DW]: 2,
  [D_DU]: 2,
  [D_DD]: 4,
  [D_DP]: 6,
  [D_DQ]: 8,
  [D_DT]: 10,
  [D_RB]: 1,
  [D_RW]: 2,
  [D_RD]: 4,
  [D_RP]: 6,
  [D_RQ]: 8,
  [D_RT]: 10,
};

/** The values that a datum of one, two or four bytes may have are below, and not below its negative. */
const limits: readonly number[] = [0, 0x100, 0x10000, 0, 0x100000000];

export function dataDirective(assembler: Assembler, directive: number): void {
  const { state } = assembler;
  assembler.evaluator.takesSizes = false;
  for (;;) {
    if (isCount(assembler)) duplicate(assembler, directive);
    else datum(assembler, directive);
    if (assembler.kind() !== COMMA) return;
    state.item++;
  }
}

/** Whether a number stands here that says how often what follows is there. */
function isCount({ program, state }: Assembler): boolean {
  const { item } = state;
  if (program.kinds[item] !== I_EXPRESSION || program.kinds[item + 1] !== O_DUP) return false;
  return program.expressions.kind(program.values[item]!) !== K_FLOAT;
}

/** `count dup value` or `count dup (values)`. */
function duplicate(assembler: Assembler, directive: number): void {
  const { state } = assembler;
  const { evaluator } = assembler;
  const expression = assembler.takeExpression();
  evaluator.takesSizes = false;
  let count = evaluator.count(expression);
  state.item++;
  const item = state.item;
  const list = assembler.kind() === O_OPEN;
  if (count === 0) {
    if (list) {
      do {
        state.item++;
        const kind = assembler.kind();
        if (kind === I_LINE || kind === I_END) refuse("invalidArgument");
      } while (assembler.kind() !== O_CLOSE);
      state.item++;
    } else {
      const kind = assembler.kind();
      if (kind !== I_LINE && kind !== I_END) state.item++;
    }
    return;
  }
  if (!list && count > 1 && isUniform(assembler)) {
    repeatDatum(assembler, directive, count);
    return;
  }
  const { at } = state;
  for (; count > 0; count--) {
    state.item = item;
    if ((count & EVERY_LINES) === 0) state.turn(EVERY_LINES + 1);
    if (!list) {
      datum(assembler, directive);
      continue;
    }
    do {
      state.item++;
      datum(assembler, directive);
    } while (assembler.kind() === COMMA);
    if (assembler.kind() !== O_CLOSE) refuse("invalidArgument");
    state.item++;
    if (state.at === at && isOfConstants(assembler.program, item)) return;
  }
}

/** Whether all that a line says from an item on is the same whenever it is assembled. */
export function isOfConstants({ kinds, values, expressions }: Program, from: number): boolean {
  for (let item = from; kinds[item] !== I_LINE && kinds[item] !== I_END; item++) {
    if (kinds[item] !== I_EXPRESSION) continue;
    const expression = values[item]!;
    if (expressions.constant(expression) === undefined && expressions.kind(expression) !== K_STRING)
      return false;
  }
  return true;
}

/** Whether the datum at the cursor is the same wherever it stands. */
function isUniform({ state, program }: Assembler): boolean {
  const kind = program.kinds[state.item];
  if (kind === QUESTION) return true;
  if (kind !== I_EXPRESSION || program.kinds[state.item + 1] === COLON) return false;
  const { expressions } = program;
  const expression = program.values[state.item]!;
  return expressions.constant(expression) !== undefined || expressions.kind(expression) === K_STRING;
}

/** One datum and as many copies as are wanted. */
function repeatDatum(assembler: Assembler, directive: number, count: number): void {
  const { state } = assembler;
  const isReserved = assembler.kind() === QUESTION;
  const start = state.at;
  datum(assembler, directive);
  const length = state.at - start;
  const whole = length * count;
  state.room(whole - length);
  const { bytes } = state;
  for (let done = length; done < whole; done *= 2) {
    bytes.copyWithin(start + done, start, start + Math.min(done, whole - done));
  }
  state.at = start + whole;
  if (isReserved) reserved(state, start + length);
}

function datum(assembler: Assembler, directive: number): void {
  const { state } = assembler;
  const size = sizes[directive]!;
  state.room(size);
  const kind = assembler.kind();
  if (kind === QUESTION) {
    state.item++;
    const start = state.at;
    const { bytes } = state;
    for (let at = start; at < start + size; at++) bytes[at] = 0;
    state.at += size;
    reserved(state, start);
    return;
  }
  if (kind !== I_EXPRESSION) refuse("invalidArgument");
  const expression = assembler.takeExpression();
  if (size <= 4 && assembler.kind() !== COLON) {
    const { evaluator } = assembler;
    const isKnown = evaluator.isKnown(expression);
    const number = evaluator.worth[0]!;
    const limit = limits[size]!;
    if (isKnown && number >= -limit && number < limit) {
      const { bytes } = state;
      let { at } = state;
      bytes[at++] = number;
      if (size > 1) bytes[at++] = number >> 8;
      if (size > 2) {
        bytes[at++] = number >> 16;
        bytes[at++] = number >> 24;
      }
      state.at = at;
      return;
    }
  }
  switch (directive) {
    case D_DB:
      byteDatum(assembler, expression);
      return;
    case D_DU:
      if (assembler.program.expressions.kind(expression) === K_STRING) unicodeString(assembler, expression);
      else wordDatum(assembler, expression);
      return;
    case D_DW:
      wordDatum(assembler, expression);
      return;
    case D_DD:
      if (assembler.kind() === COLON) farDatum(assembler, expression, 2);
      else {
        const term = assembler.evaluator.dword(expression);
        if (term.relocation !== 0) state.relocate(term.relocation, term.base);
        put32(state, low32(term.value));
      }
      return;
    case D_DP:
      if (assembler.kind() === COLON) farDatum(assembler, expression, 4);
      else {
        const term = assembler.evaluator.pword(expression);
        const { value } = term;
        state.relocate(term.relocation, term.base);
        put32(state, low32(value));
        put16(state, high32(value));
      }
      return;
    case D_DQ: {
      const term = assembler.evaluator.qword(expression);
      const { value } = term;
      state.relocate(term.relocation, term.base);
      put32(state, low32(value));
      put32(state, high32(value));
      return;
    }
    case D_DT: {
      const float = assembler.program.expressions.float(expression);
      if (float !== undefined) {
        const { mantissa, signAndExponent } = extendedBits(float);
        put32(state, Number(mantissa & 0xffffffffn));
        put32(state, Number(mantissa >> 32n));
        put16(state, signAndExponent);
      } else {
        if (assembler.kind() !== COLON) {
          // FASM evaluates the first part before it looks for the colon that has to follow.
          assembler.evaluator.word(expression);
          refuse("invalidOperand");
        }
        farDatum(assembler, expression, 8);
      }
      return;
    }
    default:
  }
}

function byteDatum(assembler: Assembler, expression: Expression): void {
  const { state } = assembler;
  const { expressions } = assembler.program;
  if (expressions.kind(expression) === K_STRING) {
    const { texts } = assembler;
    const text = expressions.text(expression);
    state.room(texts.length(text));
    const { bytes } = state;
    const end = texts.end(text);
    let to = state.at;
    for (let at = texts.start(text); at < end; at++) bytes[to++] = texts.bytes[at]!;
    state.at = to;
    return;
  }
  const term = assembler.evaluator.byte(expression);
  state.bytes[state.at++] = low32(term.value);
}

function wordDatum(assembler: Assembler, expression: Expression): void {
  const { state } = assembler;
  const term = assembler.evaluator.word(expression);
  const { value } = term;
  if (term.relocation !== 0) state.relocate(term.relocation, term.base);
  put16(state, low32(value));
}

function unicodeString(assembler: Assembler, expression: Expression): void {
  const { state } = assembler;
  const { texts } = assembler;
  const text = assembler.program.expressions.text(expression);
  state.room(texts.length(text) * 2);
  for (let at = texts.start(text); at < texts.end(text); at++) put16(state, texts.bytes[at]!);
}

/** `segment:offset`: the offset's bytes, then a word of segment. */
function farDatum(assembler: Assembler, segment: Expression, offsetSize: number): void {
  const { state, evaluator } = assembler;
  const { expressions } = assembler.program;
  // To dd and dp it is a number of four or six bytes, which it may be too large for, until the colon is seen.
  if (offsetSize === 2) evaluator.dword(segment);
  else if (offsetSize === 4) evaluator.pword(segment);
  if (expressions.kind(segment) === K_FLOAT) refuse("invalidValue");
  const term = evaluator.word(segment);
  const { value, relocation, base } = term;
  state.item++;
  if (assembler.kind() !== I_EXPRESSION) refuse("invalidOperand");
  const expression = assembler.takeExpression();
  if (expressions.kind(expression) === K_FLOAT) refuse("invalidValue");
  let offset: typeof term;
  if (offsetSize === 2) offset = evaluator.word(expression);
  else if (offsetSize === 4) offset = evaluator.dword(expression);
  else offset = evaluator.qword(expression);
  state.relocate(offset.relocation, offset.base);
  if (offsetSize === 2) put16(state, low32(offset.value));
  else put32(state, low32(offset.value));
  if (offsetSize === 8) put32(state, high32(offset.value));
  state.relocate(relocation, base);
  put16(state, low32(value));
}

function put16(state: State, value: number): void {
  const { bytes } = state;
  bytes[state.at++] = value;
  bytes[state.at++] = value >> 8;
}

function put32(state: State, value: number): void {
  const { bytes } = state;
  bytes[state.at++] = value;
  bytes[state.at++] = value >> 8;
  bytes[state.at++] = value >> 16;
  bytes[state.at++] = value >> 24;
}

/** Bytes from `start` on are reserved: at the end of the output they are not written. */
export function reserved(state: State, start: number): void {
  if (state.space.virtual) return;
  if (start !== state.undefinedEnd) state.undefinedStart = start;
  state.undefinedEnd = state.at;
}

export function reserveDirective(assembler: Assembler, directive: number): void {
  const { state } = assembler;
  const count = assembler.evaluator.count(assembler.takeNumeric());
  fill(state, count * sizes[directive]!, 0, count);
}

/**
 * Reserves bytes. FASM fills them only while no other pass is certain: what stands there otherwise, the other pass replaces.
 * Until then it may be loaded, and it begins with the `count` that was said, since FASM reckons where it writes.
 */
export function fill(state: State, length: number, value: number, count: number): void {
  state.room(length);
  const start = state.at;
  if (state.isLenient()) leaveTerm(state.bytes, start, count);
  else state.bytes.fill(value, start, start + length);
  state.at += length;
  reserved(state, start);
}

/** What FASM leaves of a number it has worked out: 64 bits, no registers, a kind and a sign, no symbol. */
function leaveTerm(bytes: Uint8Array, at: number, value: number): void {
  setU32le(bytes, at, value);
  setU32le(bytes, at + 4, 0);
  setU16le(bytes, at + 8, 0);
  setU16le(bytes, at + 12, 0);
  setU32le(bytes, at + 16, 0);
}

/**
 * No name at all is a directory's, which FASM opens: it cannot be read, and its length is beyond all bounds. Nothing is wrong
 * where no bytes of it are wanted.
 */
function unnamed(assembler: Assembler): Message | undefined {
  const { state, evaluator } = assembler;
  if (assembler.kind() === COLON) {
    state.item++;
    evaluator.count(assembler.takeNumeric());
  }
  if (assembler.kind() !== COMMA) return "outOfMemory";
  state.item++;
  return evaluator.count(assembler.takeNumeric()) === 0 ? undefined : "errorReadingFile";
}

export function fileDirective(assembler: Assembler): void {
  const { state, loader } = assembler;
  for (;;) {
    const path = assembler.takeString();
    const file = assembler.dataFile(path);
    if (!file && loader.expanded(path) !== "") refuse("fileNotFound");
    if (file && !file.isDirectory) copyFile(assembler, file.bytes);
    else {
      const reason = unnamed(assembler);
      if (reason !== undefined) refuse(reason);
    }
    if (assembler.kind() !== COMMA) return;
    state.item++;
  }
}

/** All of a file, or as much from where as is said behind its name. */
function copyFile(assembler: Assembler, content: Uint8Array): void {
  const { state, evaluator } = assembler;
  let from = 0;
  let { length } = content;
  if (assembler.kind() === COLON) {
    state.item++;
    from = evaluator.count(assembler.takeNumeric());
    if (from > length) refuse("valueOutOfRange");
    length -= from;
  }
  if (assembler.kind() === COMMA) {
    state.item++;
    const count = evaluator.count(assembler.takeNumeric());
    if (count > length) refuse("valueOutOfRange");
    length = count;
  }
  state.room(length);
  state.bytes.set(content.subarray(from, from + length), state.at);
  state.at += length;
}
