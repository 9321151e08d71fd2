/** Directives that neither repeat nor make data: org, label, align, load, store, display, assert, err, format. */
import type { Assembler } from "./assemble.ts";
import { fill } from "./data.ts";
import { K_STRING } from "./expression/expressions.ts";
import { add, high32, low32, subtract, unsigned64, whole } from "./expression/int.ts";
import { condition } from "./expression/logical.ts";
import { FlatFormat } from "./format/binary.ts";
import { newFormat } from "./format/formats.ts";
import { refuse } from "./messages.ts";
import { newSpace, type Space } from "./state.ts";
import { DEFINED, type Label, MOVES, SPACE, USED, VARIABLE } from "./symbols.ts";
import { closeSpace } from "./virtual.ts";
import {
  I_END,
  I_EXPRESSION,
  I_FORMAT,
  I_FORMAT_PREFIX,
  I_LABEL,
  I_LINE,
  I_SIZE,
  O_AS,
  O_AT,
  O_FROM,
} from "./words.ts";

const COMMA = 0x2c;
const COLON = 0x3a;

const LOWEST_ORIGIN = (1n << 27n) - (1n << 64n);

export function orgDirective(assembler: Assembler): void {
  const { state, evaluator } = assembler;
  const term = evaluator.qword(assembler.takeNumeric());
  if (term.relocation & 1) refuse("invalidUseOfSymbol");
  const outer = state.space;
  outer.length = state.at - outer.start;
  const space = newSpace(state.at);
  if (outer.virtual) {
    closeSpace(state);
    space.virtual = true;
  }
  space.relocation = term.relocation;
  space.symbol = term.base;
  space.base = subtract(state.at, term.value);
  // FASM reckons from where its output is in memory, 128 MiB from its beginning at least.
  if (term.value < LOWEST_ORIGIN) state.recoverable("valueOutOfRange");
  state.space = space;
  state.addSpace(space);
  if (state.format.flat && state.at === 0 && term.value === 0x100) assembler.isCom = true;
}

export function labelDirective(assembler: Assembler): void {
  const { state, evaluator } = assembler;
  const label = assembler.labelOf(assembler.take(I_LABEL));
  const size = assembler.takeLabelSize();
  if (assembler.kind() !== O_AT) {
    assembler.defineLabel(label, size);
    return;
  }
  state.item++;
  const operand = assembler.scratch;
  const expression = assembler.takeNumeric();
  // A label must not be put where it itself says.
  label.flags |= VARIABLE;
  evaluator.placeOfLabels(expression, operand);
  label.flags &= ~VARIABLE;
  if (operand.relocation & 1) refuse("invalidUseOfSymbol");
  label.flags &= ~MOVES;
  const { value } = evaluator.result;
  const changed = label.value !== value;
  label.value = value;
  label.isPlace = true;
  const sorted = evaluator.sortedCodes;
  assembler.finishLabel(
    label,
    changed,
    size,
    operand.relocation,
    operand.relocationBase,
    sorted.base,
    sorted.base === 0 ? 0 : 1,
    sorted.index,
    sorted.scale,
  );
}

export function loadDirective(assembler: Assembler): void {
  const { state } = assembler;
  const label = assembler.labelOf(assembler.take(I_LABEL));
  const size = assembler.kind() === I_SIZE ? assembler.take(I_SIZE) : 1;
  if (size > 8) refuse("invalidValue");
  if (assembler.kind() !== O_FROM) refuse("invalidArgument");
  state.item++;
  const bytes = dataPoint(assembler, size, false);
  if (bytes === undefined) {
    assembler.assignNumber(label, 0);
    return;
  }
  const at = state.pointedAt;
  if (size <= 6) {
    let value = 0;
    for (let n = size - 1; n >= 0; n--) value = value * 256 + bytes[at + n]!;
    assembler.assignNumber(label, value);
    return;
  }
  let low = 0;
  let high = 0;
  for (let n = 0; n < size; n++) {
    const byte = bytes[at + n]!;
    if (n < 4) low |= byte << (n * 8);
    else high |= byte << ((n - 4) * 8);
  }
  assembler.assign(label, unsigned64(low, high), 0, null);
}

export function storeDirective(assembler: Assembler): void {
  const { state, evaluator } = assembler;
  evaluator.takesSizes = false;
  let size = 1;
  let value: number | bigint;
  let relocation: number;
  if (assembler.kind() === I_SIZE) {
    size = assembler.program.values[state.item]!;
    ({ value, relocation } = assembler.value());
  } else {
    ({ value, relocation } = evaluator.byte(assembler.takeExpression()));
  }
  if (relocation !== 0) refuse("invalidUseOfSymbol");
  if (assembler.kind() !== O_AT) refuse("invalidArgument");
  state.item++;
  const bytes = dataPoint(assembler, size, true);
  if (bytes === undefined) return;
  const at = state.pointedAt;
  const low = low32(value);
  const high = high32(value);
  let changes = false;
  for (let n = 0; n < size; n++) {
    const byte = ((n < 4 ? low : high) >> ((n & 3) * 8)) & 0xff;
    changes ||= bytes[at + n] !== byte;
    bytes[at + n] = byte;
  }
  if (changes) state.stores++;
  if (bytes !== state.bytes) return;
  const end = at + size;
  if (at >= state.undefinedEnd || end <= state.undefinedStart) return;
  state.undefinedStart = end;
  state.stores++;
}

/** What `load` and `store` point to: the bytes, and `state.pointedAt` where in them; undefined after a complaint. */
function dataPoint(assembler: Assembler, size: number, stores: boolean): Uint8Array | undefined {
  const { state, program, evaluator } = assembler;
  if (assembler.kind() === COLON) return outputPoint(assembler, size);
  if (assembler.kind() !== I_EXPRESSION) refuse("invalidArgument");
  let space: Space = state.space;
  space.length = state.at - space.start;
  let area: Label | undefined;
  const { expressions } = program;
  const before = program.values[state.item]!;
  const named = expressions.label(before);
  const isReserved = named < 0 && expressions.isReserved(before);
  if ((named >= 0 || isReserved) && program.kinds[state.item + 1] === COLON) {
    state.item += 2;
    if (assembler.kind() !== I_EXPRESSION) refuse("invalidArgument");
    if (isReserved) refuse("reservedWordUsedAsSymbol");
    const label = state.labels[named]!;
    if ((label.flags & DEFINED) === 0) state.recoverable("undefinedSymbol", label);
    else if (label.definedIn !== state.pass) state.recoverable("symbolOutOfScope", label);
    else {
      if ((label.flags & SPACE) === 0) refuse("invalidUseOfSymbol");
      label.usedIn = state.pass;
      label.flags |= USED;
      state.refer(label);
      area = label;
      space = label.space as Space;
    }
  }
  evaluator.takesSizes = false;
  const expression = assembler.takeNumeric();
  const plain = (space.relocation | space.register1 | space.register2) === 0;
  let offset: number | bigint;
  if (plain && typeof space.base === "number" && evaluator.isKnown(expression))
    offset = evaluator.worth[0]! + space.base - space.start;
  else {
    const operand = assembler.scratch;
    evaluator.address(expression, operand, 0, 0, true);
    // The registers must be the space's own, and the value must be related to it.
    state.distanceIn(space, operand, 0);
    if (state.distanceRelocation !== 0 && !state.isLenient()) refuse("invalidUseOfSymbol");
    const at = evaluator.undefined ? state.at : add(evaluator.result.value, space.base);
    offset = subtract(at, space.start);
  }
  if (typeof offset !== "number" || offset < 0 || offset + size > space.length) {
    state.recoverable("valueOutOfRange");
    return undefined;
  }
  const closed = space.contents !== undefined && space.closed;
  offset = whole(offset);
  state.pointedAt = closed ? offset : space.start + offset;
  if (state.watching && (closed || state.pointedAt < state.ownFrom)) {
    if (stores) state.singular++;
    else assembler.recall!.loads(area, area === undefined ? state.pointedAt : offset, size);
  }
  return closed ? space.contents : state.bytes;
}

/** `from :5`: an offset in the output file. */
function outputPoint(assembler: Assembler, size: number): Uint8Array | undefined {
  const { state, evaluator } = assembler;
  if (!state.format.flat) refuse("invalidOperand");
  state.singular++;
  state.item++;
  const term = evaluator.dword(assembler.takeNumeric());
  if (term.relocation !== 0) state.recoverable("invalidAddress");
  const at = low32(term.value) >>> 0;
  const end = state.space.virtual ? state.undefinedEnd : state.at;
  if (at + size > end) {
    state.recoverable("valueOutOfRange");
    return undefined;
  }
  state.pointedAt = at;
  return state.bytes;
}

export function alignDirective(assembler: Assembler): void {
  const { state, evaluator } = assembler;
  const count = evaluator.count(assembler.takeNumeric());
  if (count === 0 || (count & (count - 1)) !== 0) {
    state.recoverable("invalidValue");
    return;
  }
  if (count === 1) return;
  const { space } = state;
  if (space.register1 | space.register2 | space.scale1 | space.scale2) refuse("sectionNotAlignedEnough");
  if (space.relocation !== 0 && count > state.format.alignment(state)) refuse("sectionNotAlignedEnough");
  const address = low32(subtract(state.at, space.base));
  const past = (address & (count - 1)) >>> 0;
  if (past === 0) return;
  fill(state, count - past, 0x90, count);
}

export function displayDirective(assembler: Assembler): void {
  const { state, evaluator } = assembler;
  state.singular++;
  for (;;) {
    const expression = assembler.takeExpression();
    const { expressions } = assembler.program;
    if (expressions.kind(expression) === K_STRING) {
      const text = assembler.texts.text(expressions.text(expression));
      state.show(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    } else {
      state.show(Uint8Array.of(low32(evaluator.byte(expression).value)));
    }
    if (assembler.kind() !== COMMA) return;
    state.item++;
  }
}

export function errDirective(assembler: Assembler): void {
  const kind = assembler.kind();
  refuse(kind === I_LINE || kind === I_END ? "invokedError" : "extraCharactersOnLine");
}

export function assertDirective(assembler: Assembler): void {
  if (!condition(assembler)) assembler.state.recoverable("assertionFailed");
}

export function formatDirective(assembler: Assembler): void {
  const { state, program } = assembler;
  if (state.at !== 0 || state.space.virtual || state.format.number !== 0) refuse("unexpectedInstruction");
  let code: number;
  if (assembler.kind() === I_FORMAT_PREFIX) {
    const prefix = assembler.take(I_FORMAT_PREFIX);
    code = assembler.take(I_FORMAT);
    if (code >> 4 !== prefix >> 4) refuse("invalidArgument");
    code |= prefix;
  } else code = assembler.take(I_FORMAT);
  if (code >> 4 === 1) state.format = new FlatFormat(true);
  else state.format = newFormat(assembler, code);
  if (program.kinds[state.item] === O_AS) {
    state.item++;
    state.format.extension = assembler.takeString();
  }
}
