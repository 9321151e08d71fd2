/** `virtual`: addresses and data that do not get into the output (FASM.TXT 2.2.4). */
import type { Assembler } from "./assemble.ts";
import { findStructure } from "./blocks.ts";
import { add, type Int, negate } from "./expression/int.ts";
import { refuse } from "./messages.ts";
import { S_VIRTUAL, type Space, type State } from "./state.ts";
import { DEFINED, SPACE, USED } from "./symbols.ts";
import { isSeparator } from "./tokens.ts";
import { I_EXPRESSION, O_AS, O_AT } from "./words.ts";

export function virtualDirective(assembler: Assembler): void {
  const { state } = assembler;
  const kind = assembler.kind();
  if (kind === I_EXPRESSION) {
    if (continueVirtual(assembler)) return;
    begin(assembler, undefined);
    return;
  }
  if (kind !== O_AT) {
    begin(assembler, undefined);
    return;
  }
  state.item++;
  const expression = assembler.takeNumeric();
  const operand = assembler.scratch;
  const { evaluator } = assembler;
  evaluator.placeOfLabels(expression, operand);
  const sorted = evaluator.sortedCodes;
  const space = state.newArea();
  space.register1 = sorted.base;
  space.scale1 = sorted.base === 0 ? 0 : 1;
  space.register2 = sorted.index;
  space.scale2 = sorted.scale;
  space.relocation = operand.relocation;
  space.symbol = operand.relocationBase;
  space.base = add(negate(evaluator.result.value), state.at);
  begin(assembler, space);
}

/** Opens a virtual area; without a space of its own it goes on at the present address. */
function begin(assembler: Assembler, given: Space | undefined): void {
  const { state } = assembler;
  const outer = state.space;
  let space = given;
  if (!space) {
    space = state.newArea();
    space.base = outer.base;
    space.relocation = outer.relocation;
    space.symbol = outer.symbol;
    space.register1 = outer.register1;
    space.scale1 = outer.scale1;
    space.register2 = outer.register2;
    space.scale2 = outer.scale2;
  }
  leaveOutput(state);
  enter(state, space);
  space.virtual = true;
  if (assembler.kind() === O_AS) {
    state.item++;
    const extension = assembler.takeString();
    if (extension.length === 0) refuse("invalidArgument");
    for (let at = 0; at < extension.length; at++) {
      if (isSeparator(extension.charCodeAt(at))) refuse("invalidArgument");
    }
    space.extension = extension;
    space.kept = true;
  }
  if (space.relocation & 1) refuse("invalidUseOfSymbol");
  state.addSpace(space);
}

/** What has been reserved so far ends here, as far as the output is concerned. */
function leaveOutput(state: State): void {
  if (state.space.virtual) return;
  if (state.undefinedEnd !== state.at) state.undefinedStart = state.at;
  state.undefinedEnd = state.at;
}

function enter(state: State, space: Space): void {
  const outer = state.space;
  outer.length = state.at - outer.start;
  state.open(S_VIRTUAL).space = outer;
  state.space = space;
}

/** `virtual name`: goes on in an area that has been closed. False when it cannot, after a complaint. */
function continueVirtual(assembler: Assembler): boolean {
  const { state } = assembler;
  const expression = assembler.takeExpression();
  const { expressions } = assembler.program;
  const number = expressions.label(expression);
  if (number < 0) {
    refuse(expressions.isReserved(expression) ? "reservedWordUsedAsSymbol" : "invalidArgument");
  }
  const label = state.labels[number]!;
  if ((label.flags & DEFINED) === 0) {
    state.recoverable("undefinedSymbol", label);
    return false;
  }
  if (label.definedIn !== state.pass) {
    state.recoverable("symbolOutOfScope", label);
    return false;
  }
  if ((label.flags & SPACE) === 0) {
    state.recoverable("invalidUseOfSymbol", label);
    return false;
  }
  label.usedIn = state.pass;
  label.flags |= USED;
  state.refer(label);
  state.singular++;
  const space = label.space as Space;
  if (!space.closed || !space.virtual) {
    state.recoverable("invalidUseOfSymbol", label);
    return false;
  }
  space.closed = false;
  const outer = state.space;
  outer.length = state.at - outer.start;
  enter(state, space);
  const contents = space.contents!;
  state.room(contents.length);
  state.bytes.set(contents, state.at);
  space.base = moved(space.base, state.at - space.start);
  space.start = state.at;
  state.at += contents.length;
  return true;
}

const moved = (base: Int, by: number): Int => add(base, by);

export function endVirtual(assembler: Assembler): void {
  const { state } = assembler;
  const structure = findStructure(assembler, S_VIRTUAL);
  const { space } = state;
  closeSpace(state);
  state.space = structure.space!;
  state.at = structure.at;
  state.close(structure);
  state.dropArea(space);
}

/** Closes the present virtual space; a kept one keeps its contents. */
export function closeSpace(state: State): void {
  const { space } = state;
  space.length = state.at - space.start;
  if (!space.kept) return;
  space.closed = true;
  space.contents = state.bytes.slice(space.start, state.at);
}
