/**
 * Passes until nothing moves. In each, the items are gone through from the first to the last; labels are compared with
 * what the pass before believed of them, and any disappointment asks for another pass (ASSEMBLE.INC).
 */

import { concat } from "../base/index.ts";
import {
  breakDirective,
  Endings,
  elseDirective,
  endDirective,
  ifDirective,
  repeatDirective,
  timesDirective,
  whileDirective,
} from "./blocks.ts";
import { dataDirective, fileDirective, reserveDirective } from "./data.ts";
import {
  alignDirective,
  assertDirective,
  displayDirective,
  errDirective,
  formatDirective,
  labelDirective,
  loadDirective,
  orgDirective,
  storeDirective,
} from "./directives.ts";
import { mnemonic } from "./encode.ts";
import { Evaluator } from "./expression/evaluate.ts";
import { type Expression, K_FLOAT, K_STRING } from "./expression/expressions.ts";
import { overflow } from "./expression/int.ts";
import { FlatFormat } from "./format/binary.ts";
import { newFormatMemory } from "./format/elf-executable.ts";
import type { ObjectBase } from "./format/objects.ts";
import { assembleInstruction, type Instruction, InstructionTable } from "./instruction.ts";
import { outOfScopeText, Refusal, refuse, undefinedSymbolText } from "./messages.ts";
import { newOperand, type Operand } from "./operand.ts";
import { NO_LABEL, PREDEFINED_LABEL, type Program } from "./program.ts";
import type { SameProgram } from "./program-rest.ts";
import { EVERY_LINES, type OnProgress } from "./progress.ts";
import { Recall } from "./recall.ts";
import type { FileLoader, LoadedFile } from "./source.ts";
import { newSpace, type Space, State } from "./state.ts";
import {
  ASSIGNED,
  DEFINED,
  DEFINITION_GUESSED,
  DEFINITION_GUESSED_YES,
  type Label,
  MOVES,
  SPACE,
  USE_GUESSED,
  USE_GUESSED_YES,
  USED,
  VARIABLE,
} from "./symbols.ts";
import type { Texts } from "./tokens.ts";
import { virtualDirective } from "./virtual.ts";
import {
  D_ALIGN,
  D_ASSERT,
  D_BREAK,
  D_DB,
  D_DISPLAY,
  D_DT,
  D_ELSE,
  D_END,
  D_ENTRY,
  D_ERR,
  D_FILE,
  D_FORMAT,
  D_HEAP,
  D_IF,
  D_LABEL,
  D_LOAD,
  D_ORG,
  D_RB,
  D_REPEAT,
  D_RT,
  D_STACK,
  D_STORE,
  D_TIMES,
  D_VIRTUAL,
  D_WHILE,
  FIRST_MNEMONIC,
  I_CONSTANT,
  I_END,
  I_EXPRESSION,
  I_INSTRUCTION,
  I_LABEL,
  I_LINE,
  I_REGISTER,
  I_SIZE,
  I_SPACE,
  I_USE,
} from "./words.ts";

/** Prefixes of lines that name a segment register alone: `fs lodsb`. */
const segmentPrefixes = ["es", "cs", "ss", "ds", "fs", "gs"];

const COLON = 0x3a;

/** Line, position, space and code size, one after the other. */
export const LINE_FIELDS = 4;

/** Beyond this many numbers about lines (a loop that runs away) no more are kept. */
const RECORD_LIMIT = 1 << 26;

export class Assembler {
  readonly state: State;
  readonly program: Program;
  readonly evaluator: Evaluator;
  readonly texts: Texts;
  readonly loader: FileLoader;
  /** The file that a line stands in, as the loader needs it for `file`. */
  readonly directoryOf: (line: number) => string;
  readonly maxPasses: number;
  /** Instructions by the item behind their mnemonic, read once; 0 before. */
  readonly #instructions: Int32Array;
  readonly table: InstructionTable;
  /** Directives that a program may use once a pass. */
  #seen = 0;
  readonly scratch: Operand = newOperand();
  /**
   * Lines in the order of assembling, each with its position, space and code size: what listings and line maps are made
   * of. `lineFields` numbers of it count. They are kept from the beginning when references are, else once they are asked
   * for.
   */
  lineStarts = new Int32Array(1 << 12);
  lineFields = 0;
  #recording = false;
  /** Blocks done before; not while lines are kept, since every line of theirs is wanted then. */
  recall: Recall | undefined;
  /** Where blocks end, by the item they are looked for from (blocks.ts). */
  endings: Endings;
  /** Files that something was taken out of. */
  readonly dataFiles = new Set<LoadedFile>();
  timesDepth = 0;
  /** The operand that is being evaluated. */
  operandIndex = 0;
  /** It is the segment of a far jump's target. */
  inSegment = false;
  /** What formats keep from pass to pass. */
  readonly objectBases = new Map<number, ObjectBase>();
  readonly formatMemory = newFormatMemory();
  onProgress: OnProgress | undefined;
  /** The program begins with `org 100h`: a .com file. */
  isCom = false;

  constructor(
    program: Program,
    texts: Texts,
    loader: FileLoader,
    directoryOf: (line: number) => string,
    options: { maxPasses: number; maxBytes: number; maxTurns: number; epochSeconds: number },
  ) {
    this.program = program;
    this.texts = texts;
    this.loader = loader;
    this.directoryOf = directoryOf;
    this.maxPasses = options.maxPasses;
    this.state = new State(program, options.maxBytes, options.maxTurns, options.epochSeconds);
    this.endings = new Endings(program.length);
    this.#instructions = new Int32Array(program.length);
    this.table = new InstructionTable(options.maxBytes);
    this.evaluator = new Evaluator(this.state, texts);
  }

  /** Assembles until a pass is right; throws the error of the last one. Returns the number of passes. */
  run(): number {
    const { state } = this;
    if (!state.keepReferences) this.recall = new Recall(this);
    for (;;) {
      this.#pass();
      this.#judge();
      if (!state.anotherPass) {
        if (state.errorLine < 0) return state.pass + 1;
        const label = state.errorLabel;
        // A symbol that has come to be defined after it was missed deserves another pass.
        if (state.error !== "undefinedSymbol" || label === undefined || (label.flags & DEFINED) === 0) {
          state.currentLine = state.errorLine;
          this.#refuse();
        }
      }
      state.pass++;
      if (state.pass === this.maxPasses) refuse("codeCannotBeGenerated");
    }
  }

  /**
   * Sees to it that lines are kept: the last pass is made once more, and since it has disappointed no belief, it comes out
   * the same. The output has been written before.
   */
  keepLines(): void {
    if (this.state.keepReferences || this.recall === undefined) return;
    this.recall = undefined;
    this.state.pass++;
    this.#pass();
    this.state.format.write(this);
    if (this.state.anotherPass) throw new Error("a pass came out differently when it was made again");
  }

  /** The program is what it was, and so is all that has been made of it; only its lines stand elsewhere. */
  move({ labels, line }: SameProgram): void {
    labels.forEach((label, number) => {
      this.state.labels[number] = label;
      if (label.line >= 0) label.line = line(label.line);
    });
    for (let at = 0; at < this.lineFields; at += LINE_FIELDS)
      this.lineStarts[at] = line(this.lineStarts[at]!);
    this.endings = new Endings(this.program.length);
  }

  /** The file of this name, as it is found from the present line. */
  dataFile(path: string): LoadedFile | undefined {
    const file = this.loader.find(path, this.directoryOf(this.state.currentLine));
    if (file !== undefined) this.dataFiles.add(file);
    return file;
  }

  #refuse(): never {
    const { state } = this;
    const label = state.errorLabel;
    const name = label === undefined || label.name < 0 ? undefined : this.texts.text(label.name);
    if (state.error === "undefinedSymbol")
      throw new Refusal("undefinedSymbol", undefinedSymbolText(name), name);
    if (state.error === "symbolOutOfScope") throw new Refusal("symbolOutOfScope", outOfScopeText(name), name);
    return refuse(state.error);
  }

  #pass(): void {
    const { state } = this;
    state.at = 0;
    state.bits = 16;
    state.compresses = false;
    state.prefixes = 0;
    state.anotherPass = false;
    state.item = 0;
    state.adjustment = 0;
    state.errorLine = -1;
    state.errorLabel = undefined;
    state.counter = 0;
    state.counterLimit = 0;
    state.undefinedStart = -1;
    state.undefinedEnd = -1;
    state.structures = [];
    state.display = [];
    state.displayBytes = 0;
    state.references.length = 0;
    state.lineCount = 0;
    state.spaces = [];
    state.spaceCount = 0;
    state.keepsSpaces = this.recall === undefined;
    state.format = new FlatFormat(false);
    state.space = newSpace(0);
    state.addSpace(state.space);
    this.#seen = 0;
    this.timesDepth = 0;
    this.isCom = false;
    this.lineFields = 0;
    this.#recording = this.recall === undefined;
    this.recall?.reset();
    this.#lines();
    const open = state.structures[0];
    if (open) {
      state.currentLine = open.line;
      refuse("missingEndDirective");
    }
    state.format.closePass(this);
  }

  /** All lines from the cursor on. */
  #lines(): void {
    const { state } = this;
    const { kinds, values } = this.program;
    let lines = 0;
    for (;;) {
      const kind = kinds[state.item]!;
      if (kind === I_END) return;
      if (kind === I_LINE) {
        const line = values[state.item++]!;
        if ((++lines & EVERY_LINES) === 0) {
          state.turn(EVERY_LINES + 1);
          this.onProgress?.("assembling", lines, state.pass + 1);
        }
        state.currentLine = line;
        state.prefixes = 0;
        if (this.#recording) {
          if (state.anotherPass || this.lineFields > RECORD_LIMIT) this.#recording = false;
          else this.#record(line);
        }
      }
      this.continueLine();
      if (state.watching) this.recall!.lineEnds();
    }
  }

  #record(line: number): void {
    const { state } = this;
    if (this.lineFields === this.lineStarts.length) {
      const grown = new Int32Array(this.lineStarts.length * 2);
      grown.set(this.lineStarts);
      this.lineStarts = grown;
    }
    this.lineStarts[this.lineFields] = line;
    this.lineStarts[this.lineFields + 1] = state.at;
    this.lineStarts[this.lineFields + 2] = state.space.number;
    this.lineStarts[this.lineFields + 3] = state.bits;
    this.lineFields += LINE_FIELDS;
    state.lineCount++;
  }

  /** Holds every symbol against what was believed of it. */
  #judge(): void {
    const { state } = this;
    const { pass } = state;
    const { labels } = state;
    for (let number = 0; number < labels.length; number++) {
      const label = labels[number]!;
      let { flags } = label;
      if (flags & USED && label.usedIn === pass && flags & DEFINED && pass - label.definedIn === 1) {
        // Defined in the pass before, but no longer.
        flags &= ~DEFINED;
        state.again();
      }
      if (flags & USE_GUESSED) {
        flags &= ~USE_GUESSED;
        const used = (flags & USED) !== 0 && label.usedIn === pass;
        if (used !== ((flags & USE_GUESSED_YES) !== 0)) state.again();
      }
      if (flags & DEFINITION_GUESSED) {
        flags &= ~DEFINITION_GUESSED;
        if (flags & VARIABLE) state.again();
        else {
          const defined = (flags & DEFINED) !== 0 && label.definedIn === pass;
          if (defined !== ((flags & DEFINITION_GUESSED_YES) !== 0)) state.again();
        }
      }
      label.flags = flags;
    }
  }

  /** Goes on with the current line up to its end. */
  continueLine(): void {
    const { state, program } = this;
    const { kinds, values } = program;
    for (;;) {
      const kind = kinds[state.item]!;
      if (kind === I_LINE || kind === I_END) return;
      const value = values[state.item++]!;
      switch (kind) {
        case I_LABEL:
          this.defineLabel(this.labelOf(value), value >>> 24);
          continue;
        case I_INSTRUCTION:
          if (value >= FIRST_MNEMONIC) {
            const item = state.item;
            const known = this.#instructions[item]! || this.#read(item);
            if (this.table.isOpen(known)) {
              const shape = this.table.shape(known);
              if (shape.leaves) {
                assembleInstruction(this, known);
                return;
              }
              state.room(32);
              shape.encode(shape.operands, 0, state);
              continue;
            }
            assembleInstruction(this, known);
          } else this.#directive(value);
          break;
        case I_CONSTANT:
          this.#defineConstant(value);
          break;
        case I_SPACE:
          this.#labelSpace(this.labelOf(value));
          continue;
        case I_USE:
          state.bits = value;
          break;
        case I_REGISTER: {
          if (value >> 4 !== 3) refuse("illegalInstruction");
          state.room(32);
          mnemonic(segmentPrefixes[(value & 15) - 1]!)!.encode([], 0, state);
          continue;
        }
        default:
          refuse("illegalInstruction");
      }
      this.#endStatement();
      return;
    }
  }

  #endStatement(): void {
    const { state } = this;
    if (state.prefixes & ~1) refuse("illegalInstruction");
    const kind = this.program.kinds[state.item];
    if (kind !== I_LINE && kind !== I_END) refuse("extraCharactersOnLine");
  }

  #read(item: number): Instruction {
    const read = this.table.read(this.program, item);
    this.#instructions[item] = read;
    return read;
  }

  #directive(directive: number): void {
    if (directive >= D_DB) {
      if (directive <= D_DT) dataDirective(this, directive);
      else if (directive >= D_RB && directive <= D_RT) reserveDirective(this, directive);
      else if (directive === D_FILE) fileDirective(this);
      return;
    }
    switch (directive) {
      case D_IF:
        ifDirective(this);
        return;
      case D_ELSE:
        elseDirective(this);
        return;
      case D_END:
        endDirective(this);
        return;
      case D_REPEAT:
        if (!this.recall?.begins()) repeatDirective(this);
        return;
      case D_WHILE:
        if (!this.recall?.begins()) whileDirective(this);
        return;
      case D_BREAK:
        breakDirective(this);
        return;
      case D_TIMES:
        timesDirective(this);
        return;
      case D_VIRTUAL:
        if (!this.recall?.begins()) virtualDirective(this);
        return;
      case D_LABEL:
        labelDirective(this);
        return;
      case D_ORG:
        orgDirective(this);
        return;
      case D_ALIGN:
        alignDirective(this);
        return;
      case D_LOAD:
        loadDirective(this);
        return;
      case D_STORE:
        storeDirective(this);
        return;
      case D_DISPLAY:
        displayDirective(this);
        return;
      case D_ERR:
        errDirective(this);
        return;
      case D_ASSERT:
        assertDirective(this);
        return;
      case D_FORMAT:
        formatDirective(this);
        return;
      default:
        this.state.singular++;
        this.state.format.directive(this, directive, false);
    }
  }

  /** `entry`, `stack`, `heap`: once each, whether the format knows them or not. */
  onlyOnceIfSetting(directive: number): void {
    if (directive !== D_ENTRY && directive !== D_STACK && directive !== D_HEAP) return;
    const bit = 1 << directive;
    if (this.#seen & bit) refuse("settingAlreadySpecified");
    this.#seen |= bit;
  }

  /** The label of an item's value. */
  labelOf(value: number): Label {
    const number = value & 0xffffff;
    if (number === NO_LABEL) refuse("reservedWordUsedAsSymbol");
    if (number === PREDEFINED_LABEL) refuse("invalidUseOfSymbol");
    return this.state.labels[number]!;
  }

  /** The item at the cursor must be of this kind; returns its value and moves on. */
  take(kind: number): number {
    const { state } = this;
    if (this.program.kinds[state.item] !== kind) refuse("invalidArgument");
    return this.program.values[state.item++]!;
  }

  kind(): number {
    return this.program.kinds[this.state.item]!;
  }

  /** An expression that must not be a floating point number. */
  takeNumeric(): Expression {
    const expression = this.take(I_EXPRESSION);
    if (this.program.expressions.kind(expression) === K_FLOAT) refuse("invalidValue");
    return expression;
  }

  takeExpression(): Expression {
    return this.take(I_EXPRESSION);
  }

  /** The string at the cursor. */
  takeString(): string {
    const { expressions } = this.program;
    const expression = this.take(I_EXPRESSION);
    if (expressions.kind(expression) !== K_STRING) refuse("invalidArgument");
    return this.texts.text(expressions.text(expression));
  }

  /** `: size` or `size` behind a label's name; 0 when there is none. */
  takeLabelSize(): number {
    if (this.kind() === COLON) {
      this.state.item++;
      return this.take(I_SIZE);
    }
    return this.kind() === I_SIZE ? this.take(I_SIZE) : 0;
  }

  /** A label at the present position. */
  defineLabel(label: Label, size: number): void {
    const { state } = this;
    const { space } = state;
    const { base } = space;
    let changed: boolean;
    if (
      typeof base === "number" &&
      label.big === undefined &&
      Math.abs(state.at - base) <= Number.MAX_SAFE_INTEGER
    ) {
      // Nearly always: no value goes by way of the heap.
      const value = state.at - base;
      changed = value !== label.number;
      if (!space.virtual) state.adjustment = changed ? label.number - value : 0;
      label.number = value;
    } else {
      const value = state.addressIn(space, state.at);
      // What FASM remembers of an address beyond 64 bits is not what it holds the next one against.
      changed = (overflow.happened && !space.virtual) || value !== label.value;
      if (!space.virtual) state.adjustment = changed ? difference(label.value, value) : 0;
      label.value = value;
    }
    if (space.virtual) label.flags &= ~MOVES;
    else {
      label.flags |= MOVES;
      state.adjustments++;
    }
    label.isPlace = !space.virtual;
    this.finishLabel(
      label,
      changed,
      size,
      space.relocation,
      space.symbol,
      space.register1,
      space.scale1,
      space.register2,
      space.scale2,
    );
  }

  /** A label at a value of its own. */
  placeLabel(
    label: Label,
    value: number | bigint,
    size: number,
    relocation: number,
    base: Label["base"],
  ): void {
    label.flags &= ~MOVES;
    const changed = label.value !== value;
    label.value = value;
    label.isPlace = true;
    this.finishLabel(label, changed, size, relocation, base, 0, 0, 0, 0);
  }

  /** A new addressing space of the output, as a section begins; not inside a virtual one. */
  createSpace(): Space {
    const { state } = this;
    const outer = state.space;
    if (outer.virtual) refuse("illegalInstruction");
    outer.length = state.at - outer.start;
    const space = newSpace(state.at);
    state.space = space;
    state.addSpace(space);
    return space;
  }

  refuseUndefined(label: Label): never {
    throw new Refusal(
      "undefinedSymbol",
      undefinedSymbolText(label.name < 0 ? undefined : this.texts.text(label.name)),
    );
  }

  /** The rest of a label's definition: what else it is, and whether that is news. */
  finishLabel(
    label: Label,
    valueChanged: boolean,
    size: number,
    relocation: number,
    base: Label["base"],
    register1: number,
    scale1: number,
    register2: number,
    scale2: number,
  ): void {
    const { state } = this;
    let changed =
      valueChanged ||
      label.size !== size ||
      label.relocation !== relocation ||
      label.register1 !== register1 ||
      label.scale1 !== scale1 ||
      label.register2 !== register2 ||
      label.scale2 !== scale2;
    label.size = size;
    label.relocation = relocation;
    label.register1 = register1;
    label.scale1 = scale1;
    label.register2 = register2;
    label.scale2 = scale2;
    if (relocation !== 0 && label.base !== base) {
      label.base = base;
      changed = true;
    }
    const before = label.definedIn;
    label.definedIn = state.pass;
    label.line = state.currentLine;
    label.flags &= ~ASSIGNED;
    if ((label.flags & DEFINED) === 0) {
      label.flags |= DEFINED;
      return;
    }
    if (before === state.pass) refuse("symbolAlreadyDefined");
    if (label.flags & SPACE) {
      label.flags &= ~SPACE;
      state.again();
      return;
    }
    if (before + 1 !== state.pass) changed = true;
    if (changed && label.flags & USED && label.usedIn === state.pass) state.again();
  }

  #defineConstant(item: number): void {
    const label = this.labelOf(item);
    this.evaluator.takesSizes = false;
    if (this.kind() === I_EXPRESSION) {
      const { evaluator, program, state } = this;
      if (evaluator.isKnown(program.values[state.item]!)) {
        state.item++;
        this.assignNumber(label, evaluator.worth[0]!);
        return;
      }
    }
    const value = this.value();
    if (value.relocation === 3) refuse("invalidUseOfSymbol");
    this.assign(label, value.value, value.relocation, value.base);
  }

  /** FASM's get_value: a number, cut to a size when one is written. */
  value(): { value: number | bigint; relocation: number; base: Label["base"] } {
    const { evaluator } = this;
    const size = this.kind() === I_SIZE ? this.take(I_SIZE) : 0;
    if (this.kind() !== I_EXPRESSION) refuse("invalidValue");
    const expression = this.takeExpression();
    switch (size) {
      case 0:
        evaluator.valueSize = 0;
        return evaluator.plain(expression);
      case 1:
        return truncated(evaluator.byte(expression), 8);
      case 2:
        return truncated(evaluator.word(expression), 16);
      case 4:
        return truncated(evaluator.dword(expression), 32);
      case 6:
        return truncated(evaluator.pword(expression), 48);
      case 8:
        return truncated(evaluator.qword(expression), 64);
      default:
        return refuse("invalidValue");
    }
  }

  /** `label = value`. */
  assign(label: Label, value: number | bigint, relocation: number, base: Label["base"]): void {
    if (typeof value === "number" && relocation === 0) {
      this.assignNumber(label, value);
      return;
    }
    let changed = label.value !== value || label.relocation !== relocation;
    label.value = value;
    label.relocation = relocation;
    if (relocation !== 0 && label.base !== base) {
      label.base = base;
      changed = true;
    }
    this.#finishAssigned(label, changed);
  }

  /** `label = value` of a plain number. */
  assignNumber(label: Label, value: number): void {
    const changed = label.number !== value || label.relocation !== 0;
    label.number = value;
    label.big = undefined;
    label.relocation = 0;
    this.#finishAssigned(label, changed);
  }

  #finishAssigned(label: Label, valueChanged: boolean): void {
    const { state } = this;
    label.flags &= ~MOVES;
    let changed = valueChanged;
    label.isPlace = false;
    if ((label.size | label.register1 | label.scale1 | label.register2 | label.scale2) !== 0) {
      changed = true;
      label.size = 0;
      label.register1 = 0;
      label.scale1 = 0;
      label.register2 = 0;
      label.scale2 = 0;
    }
    const before = label.definedIn;
    label.definedIn = state.pass;
    label.line = state.currentLine;
    if ((label.flags & DEFINED) === 0) {
      label.flags |= DEFINED | ASSIGNED;
      return;
    }
    if (before === state.pass) {
      if ((label.flags & ASSIGNED) === 0) refuse("symbolAlreadyDefined");
      label.flags = (label.flags | VARIABLE) & ~SPACE;
      return;
    }
    if (label.flags & SPACE) {
      label.flags &= ~SPACE;
      state.again();
      return;
    }
    if (before + 1 !== state.pass) changed = true;
    if (changed && (label.flags & (VARIABLE | USED)) === USED && label.usedIn === state.pass) state.again();
  }

  displayed(): Uint8Array {
    return concat(this.state.display);
  }

  /** The contents of areas that want a file of their own. */
  areas(): { extension: string; bytes: Uint8Array }[] {
    const found: { extension: string; bytes: Uint8Array }[] = [];
    for (const { extension, contents } of this.state.spaces) {
      if (extension !== undefined) found.push({ extension, bytes: contents?.slice() ?? new Uint8Array(0) });
    }
    return found;
  }

  #labelSpace(label: Label): void {
    const { state } = this;
    if (label.flags & DEFINED) {
      if (label.definedIn === state.pass) refuse("symbolAlreadyDefined");
      if ((label.flags & SPACE) === 0) state.again();
    }
    label.flags = (label.flags & ~(ASSIGNED | MOVES)) | DEFINED | VARIABLE | SPACE;
    label.definedIn = state.pass;
    label.line = state.currentLine;
    label.space = state.space;
    state.space.kept = true;
    state.singular++;
  }
}

function truncated(
  term: { value: number | bigint; relocation: number; base: Label["base"] },
  bits: number,
): { value: number | bigint; relocation: number; base: Label["base"] } {
  const { value } = term;
  if (typeof value === "number" && value >= 0 && (bits >= 53 || value < 2 ** bits)) return term;
  const cut = BigInt.asUintN(bits, BigInt(value));
  term.value = cut <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(cut) : cut;
  return term;
}

function difference(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const exact = BigInt(a) - BigInt(b);
  return exact <= BigInt(Number.MAX_SAFE_INTEGER) && exact >= -BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(exact)
    : exact;
}
