/** What repeats and chooses while assembling: times, repeat, while, break, if (FASM.TXT 2.2.2 – 2.2.3). */
import type { Assembler } from "./assemble.ts";
import { isOfConstants } from "./data.ts";
import { condition } from "./expression/logical.ts";
import { isEndless, passOver, watchLoop } from "./loops.ts";
import { refuse } from "./messages.ts";
import type { Program } from "./program.ts";
import { EVERY_LINES } from "./progress.ts";
import { S_DATA, S_IF, S_REPEAT, S_VIRTUAL, S_WHILE, type State, type Structure } from "./state.ts";
import { GROWTH, grown } from "./tokens.ts";
import { endVirtual } from "./virtual.ts";
import {
  D_ALIGN,
  D_DATA,
  D_DB,
  D_ELSE,
  D_END,
  D_IF,
  D_REPEAT,
  D_RT,
  D_TIMES,
  D_VIRTUAL,
  D_WHILE,
  FIRST_MNEMONIC,
  I_END,
  I_INSTRUCTION,
  I_LABEL,
  I_LINE,
  I_USE,
  mnemonicOf,
} from "./words.ts";

const COLON = 0x3a;

/** Blocks may not begin in the middle of a line, behind a prefix or `times`. */
function atLineStart(assembler: Assembler): void {
  if (assembler.state.prefixes & 1) refuse("unexpectedInstruction");
}

/** The innermost open block of a kind. */
export function findStructure(assembler: Assembler, kind: number): Structure {
  const { structures } = assembler.state;
  for (let at = structures.length - 1; at >= 0; at--) {
    if (structures[at]!.kind === kind) return structures[at]!;
  }
  return refuse("unexpectedInstruction");
}

/** `times` in one another: FASM has room for some 4000 on its stack. */
const TIMES_LIMIT = 4000;

/** `times 3 times 5 …`: those that repeat another, each with the counters around it and where the other's count stands. */
interface Times {
  readonly counter: number;
  readonly counterLimit: number;
  readonly item: number;
}

export function timesDirective(assembler: Assembler): void {
  const { state, program } = assembler;
  const { kinds, values } = program;
  const open: Times[] = [];
  for (;;) {
    const count = assembler.evaluator.count(assembler.takeNumeric());
    if (count === 0) {
      while (kinds[state.item] !== I_LINE && kinds[state.item] !== I_END) state.item++;
    } else {
      if (assembler.kind() === COLON) state.item++;
      const { counter, counterLimit, item } = state;
      if (assembler.timesDepth++ > TIMES_LIMIT) refuse("stackOverflow");
      state.counterLimit = count;
      state.counter = 1;
      if (kinds[item] === I_INSTRUCTION && values[item] === D_TIMES) {
        state.item++;
        open.push({ counter, counterLimit, item: item + 1 });
        continue;
      }
      const { at } = state;
      for (; ; state.counter++) {
        state.item = item;
        state.prefixes |= 1;
        assembler.continueLine();
        // Nothing is nothing however often.
        if (state.counter === 1 && state.at === at && isOnceForAll(program, item)) break;
        if (state.counter >= state.counterLimit) break;
        if ((state.counter & EVERY_LINES) === 0) state.turn(EVERY_LINES + 1);
      }
      assembler.timesDepth--;
      state.counter = counter;
      state.counterLimit = counterLimit;
    }
    for (;;) {
      const around = open[open.length - 1];
      if (around === undefined) return;
      if (state.counter < state.counterLimit) {
        if ((state.counter & EVERY_LINES) === 0) state.turn(EVERY_LINES + 1);
        state.counter++;
        state.item = around.item;
        break;
      }
      open.pop();
      assembler.timesDepth--;
      state.counter = around.counter;
      state.counterLimit = around.counterLimit;
    }
  }
}

/** Whether a line that has left no bytes does so again, and nothing else: no more than code sizes, data and room in numbers. */
function isOnceForAll(program: Program, item: number): boolean {
  const { kinds, values } = program;
  const kind = kinds[item];
  if (kind === I_LINE || kind === I_END) return true;
  if (kind === I_USE) return true;
  if (kind !== I_INSTRUCTION) return false;
  const directive = values[item]!;
  const isData = directive >= D_DB && directive <= D_RT;
  return (isData || directive === D_ALIGN) && isOfConstants(program, item);
}

export function repeatDirective(assembler: Assembler): void {
  const { state } = assembler;
  atLineStart(assembler);
  const count = assembler.evaluator.count(assembler.takeNumeric());
  if (count === 0) {
    lineEnds(assembler);
    if (findEnd(assembler) !== D_REPEAT) refuse("unexpectedInstruction");
    return;
  }
  state.open(S_REPEAT);
  state.counter = 1;
  state.counterLimit = count;
}

function lineEnds(assembler: Assembler): void {
  const kind = assembler.kind();
  if (kind === I_END) refuse("missingEndDirective");
  if (kind !== I_LINE) refuse("extraCharactersOnLine");
}

/** Most loops end before it is worth the while to watch them. */
const UNWATCHED_ROUNDS = 8;

function endRepeat(assembler: Assembler): void {
  const { state } = assembler;
  atLineStart(assembler);
  const structure = findStructure(assembler, S_REPEAT);
  state.counter++;
  if (state.counter > state.counterLimit) {
    stopRepeat(assembler, structure);
    return;
  }
  if (state.counter > UNWATCHED_ROUNDS) {
    structure.watch ??= watchLoop(assembler, structure.item);
    passOver(assembler, structure.watch, structure.item);
  }
  state.item = structure.item;
}

function stopRepeat({ state }: Assembler, structure: Structure): void {
  state.counter = structure.counter;
  state.counterLimit = structure.limit;
  state.close(structure);
}

export function whileDirective(assembler: Assembler): void {
  const { state } = assembler;
  atLineStart(assembler);
  state.open(S_WHILE);
  state.counter = 1;
  doWhile(assembler, state.structures[state.structures.length - 1]!);
}

function doWhile(assembler: Assembler, structure: Structure): void {
  if (condition(assembler)) return;
  lineEnds(assembler);
  stopWhile(assembler, structure);
}

function stopWhile(assembler: Assembler, structure: Structure): void {
  if (findEnd(assembler) !== D_WHILE) refuse("unexpectedInstruction");
  const { state } = assembler;
  state.counter = structure.counter;
  state.close(structure);
}

function endWhile(assembler: Assembler): void {
  const { state } = assembler;
  atLineStart(assembler);
  const structure = findStructure(assembler, S_WHILE);
  state.currentLine = structure.line;
  state.counter++;
  if (state.counter > UNWATCHED_ROUNDS) {
    structure.watch ??= watchLoop(assembler, structure.item);
    if (isEndless(assembler, structure.watch, structure.item)) refuse("tooManyRepeats");
  }
  state.item = structure.item;
  doWhile(assembler, structure);
}

export function ifDirective(assembler: Assembler): void {
  const { state, program } = assembler;
  atLineStart(assembler);
  for (;;) {
    const result = condition(assembler);
    lineEnds(assembler);
    if (result) {
      state.open(S_IF);
      return;
    }
    if (!findElse(assembler)) return;
    if (program.kinds[state.item] === I_INSTRUCTION && program.values[state.item] === D_IF) {
      state.item++;
      continue;
    }
    lineEnds(assembler);
    state.open(S_IF).inElse = true;
    return;
  }
}

export function elseDirective(assembler: Assembler): void {
  const { state, program } = assembler;
  atLineStart(assembler);
  const structure = findStructure(assembler, S_IF);
  if (structure.inElse) refuse("unexpectedInstruction");
  while (program.kinds[state.item] === I_INSTRUCTION && program.values[state.item] === D_IF) {
    state.item++;
    if (!findElse(assembler)) {
      state.close(structure);
      return;
    }
  }
  lineEnds(assembler);
  findEndIf(assembler);
  state.close(structure);
}

/** Moves behind the `else` (true) or `end if` (false) that belongs to the block the cursor is in. */
function findElse(assembler: Assembler): boolean {
  const end = findEnd(assembler);
  if (end === D_ELSE) return true;
  if (end !== D_IF) refuse("unexpectedInstruction");
  return false;
}

function findEndIf(assembler: Assembler): void {
  if (findEnd(assembler) !== D_IF) refuse("unexpectedInstruction");
}

/** Numbers that an ending is. */
const ENDING = 3;

/** Where `findEnd` arrives from an item, worked out once: the items do not change between passes. */
export class Endings {
  /** Directive, item and line of each, one after the other; the first is none. */
  #all = new Int32Array(ENDING << 6);
  #end = ENDING;
  /** For each item where its ending stands among them, 0 where none is known. */
  readonly #places: Int32Array;

  constructor(items: number) {
    this.#places = new Int32Array(items);
  }

  /** Notes that the cursor stands behind what ends the block that is looked for from `item`. */
  add(item: number, directive: number, state: State): void {
    const at = this.#end;
    if (at === this.#all.length) this.#all = grown(this.#all, at * GROWTH);
    this.#all[at] = directive;
    this.#all[at + 1] = state.item;
    this.#all[at + 2] = state.currentLine;
    this.#places[item] = at;
    this.#end += ENDING;
  }

  /** Moves the cursor to the ending that is known for an item, and returns its directive; -1 where none is. */
  move(item: number, state: State): number {
    const at = this.#places[item]!;
    if (at === 0) return -1;
    state.item = this.#all[at + 1]!;
    state.currentLine = this.#all[at + 2]!;
    return this.#all[at]!;
  }
}

/** Moves behind what ends the block the cursor is in; returns `else`, or the block's directive for its `end`. */
function findEnd(assembler: Assembler): number {
  const { state, endings } = assembler;
  const known = endings.move(state.item, state);
  return known < 0 ? searchEnd(assembler) : known;
}

/** A block whose end is looked for from an item and its line on. */
interface Search {
  /** What has to end it; `else` for an `if` that has had its own, 0 for the block that is asked for. */
  wanted: number;
  item: number;
  line: number;
}

/** Looks for the end of a block, over blocks in it as deep as they may be. */
function searchEnd(assembler: Assembler): number {
  const { state, program, endings } = assembler;
  const begin = (wanted: number): Search => ({ wanted, item: state.item, line: state.currentLine });
  const around: Search[] = [];
  let search = begin(0);
  for (;;) {
    let ended = endings.move(search.item, state);
    if (ended < 0) {
      const [directive, opens] = nextMark(assembler, search.line);
      if (opens) {
        around.push(search);
        search = begin(directive);
        continue;
      }
      ended = directive;
      endings.add(search.item, directive, state);
    }
    if (search.wanted === 0) return ended;
    if (search.wanted === D_IF && ended === D_ELSE) {
      const again = program.kinds[state.item] === I_INSTRUCTION && program.values[state.item] === D_IF;
      if (again) state.item++;
      search = begin(again ? D_IF : D_ELSE);
      continue;
    }
    if (ended !== (search.wanted === D_ELSE ? D_IF : search.wanted)) refuse("unexpectedInstruction");
    search = around.pop()!;
  }
}

/** Moves behind the next `repeat`, `while` or `if` (true), or the next `else` or `end` of one (false). */
function nextMark({ state, program }: Assembler, startLine: number): [directive: number, opens: boolean] {
  const { kinds, values } = program;
  for (;;) {
    while (kinds[state.item] !== I_LINE && kinds[state.item] !== I_END) state.item++;
    if (kinds[state.item] === I_END) {
      state.currentLine = startLine;
      refuse("missingEndDirective");
    }
    state.currentLine = values[state.item++]!;
    while (kinds[state.item] === I_LABEL) state.item++;
    if (kinds[state.item] !== I_INSTRUCTION) continue;
    const directive = values[state.item]!;
    if (directive >= FIRST_MNEMONIC) {
      if (!mnemonicOf(directive).prefix) state.item++;
      continue;
    }
    state.item++;
    if (directive === D_REPEAT || directive === D_WHILE || directive === D_IF) return [directive, true];
    if (directive === D_ELSE) return [directive, false];
    if (directive === D_END && kinds[state.item] === I_INSTRUCTION) {
      const ended = values[state.item++]!;
      if (ended === D_REPEAT || ended === D_WHILE || ended === D_IF) return [ended, false];
    }
  }
}

/** Passes over an `if` with all its branches. */
function skipIf(assembler: Assembler): void {
  const { state, program } = assembler;
  for (;;) {
    if (!findElse(assembler)) return;
    if (program.kinds[state.item] === I_INSTRUCTION && program.values[state.item] === D_IF) {
      state.item++;
      continue;
    }
    findEndIf(assembler);
    return;
  }
}

export function endDirective(assembler: Assembler): void {
  const { state } = assembler;
  const ended = assembler.take(I_INSTRUCTION);
  switch (ended) {
    case D_VIRTUAL:
      endVirtual(assembler);
      return;
    case D_REPEAT:
      endRepeat(assembler);
      return;
    case D_WHILE:
      endWhile(assembler);
      return;
    case D_IF:
      atLineStart(assembler);
      state.close(findStructure(assembler, S_IF));
      return;
    case D_DATA:
      state.format.directive(assembler, D_DATA, true);
      return;
    default:
      refuse("invalidArgument");
  }
}

export function breakDirective(assembler: Assembler): void {
  const { state } = assembler;
  const kind = assembler.kind();
  if (kind !== I_LINE && kind !== I_END) refuse("extraCharactersOnLine");
  for (let at = state.structures.length - 1; ; ) {
    if (at < 0) refuse("unexpectedInstruction");
    const structure = state.structures[at]!;
    if (structure.kind === S_VIRTUAL || structure.kind === S_DATA) {
      at--;
      continue;
    }
    if (structure.kind === S_IF) {
      const line = state.currentLine;
      state.currentLine = structure.line;
      state.close(structure);
      skipIf(assembler);
      state.currentLine = line;
      at = state.structures.length - 1;
      continue;
    }
    if (structure.kind === S_REPEAT) {
      if (findEnd(assembler) !== D_REPEAT) refuse("unexpectedInstruction");
      stopRepeat(assembler, structure);
    } else stopWhile(assembler, structure);
    return;
  }
}
