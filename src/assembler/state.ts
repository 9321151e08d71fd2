/**
 * What a pass knows while it goes on: where it writes, what it has been told, what it complained about. The encoder is
 * given it as its `Encoding`.
 */
import { setU32le, u32le } from "../base/index.ts";
import { add, high32, type Int, low32, overflow, subtract } from "./expression/int.ts";
import { operandRegister } from "./expression/registers.ts";
import { FORMAT_COFF, FORMAT_ELF, type Format } from "./format/format.ts";
import type { Watch } from "./loops.ts";
import { type Message, refuse } from "./messages.ts";
import {
  ABSOLUTE,
  type Base,
  type Encoding,
  type Operand,
  PLT,
  RELATIVE_32,
  RELATIVE_PLT,
  RELOCATABLE_32,
  RELOCATABLE_64,
} from "./operand.ts";
import type { Program } from "./program.ts";
import type { Label } from "./symbols.ts";

/** An addressing space: what `org`, `virtual`, `section` and `segment` begin. A label's value is position − base. */
export interface Space {
  /** Its place among the spaces of the pass. */
  number: number;
  base: Int;
  /** How its addresses move with the program. */
  relocation: number;
  symbol: Base;
  /** Registers of `virtual at ebx`, as in labels. */
  register1: number;
  scale1: number;
  register2: number;
  scale2: number;
  virtual: boolean;
  /** It has a label (`name::`) or a file of its own (`as`), so its contents are kept when it is closed. */
  kept: boolean;
  /** Closed, and may be continued by `virtual name`. */
  closed: boolean;
  /** Position of its first byte, and how many there are when it is closed or read from. */
  start: number;
  length: number;
  /** Its contents once it is closed. */
  contents: Uint8Array | undefined;
  /** The extension of the file that `virtual as` asks for. */
  extension: string | undefined;
}

export const S_VIRTUAL = 1;
export const S_REPEAT = 2;
export const S_WHILE = 3;
export const S_IF = 4;
export const S_DATA = 5;

/** A block that is open while assembling. */
export interface Structure {
  kind: number;
  line: number;
  /** Where a loop's contents (or a `while`'s condition) begin among the items. */
  item: number;
  /** The counter and its limit outside of the loop. */
  counter: number;
  limit: number;
  /** S_VIRTUAL: the space around it and the position it began at. S_IF: `else` has been passed. */
  space: Space | undefined;
  at: number;
  inElse: boolean;
  /** S_WHILE: what is known of its rounds, from the second on. */
  watch: Watch | undefined;
}

function newStructure(): Structure {
  return {
    kind: 0,
    line: 0,
    item: 0,
    counter: 0,
    limit: 0,
    space: undefined,
    at: 0,
    inElse: false,
    watch: undefined,
  };
}

/** What a use of a symbol, a message and an addressing space are reckoned at. */
const BYTES_PER_REFERENCE = 32;
const BYTES_PER_MESSAGE = 128;
const BYTES_PER_SPACE = 256;

/** Blocks in one another: FASM has memory for them. */
const DEPTH_LIMIT = 1 << 20;

/** Room that is always left behind `at` for one instruction or datum. */
const MARGIN = 64;

export class State implements Encoding {
  readonly program: Program;
  readonly labels: Label[];
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  bits = 16;
  compresses = false;
  prefixes = 0;
  anotherPass = false;
  distance = 0;
  distanceHigh = 0;
  distanceRelocation = 0;
  distanceBase: Base = null;
  distanceBytes = 0;
  dwords = 0;
  dwordAt = 0;
  pass = 0;
  item = 0;
  currentLine = -1;
  space!: Space;
  /** All spaces of the pass, for those with files of their own. */
  spaces: Space[] = [];
  /** How many there have been in the pass, kept or not. */
  spaceCount = 0;
  /** Lines are recorded, with the spaces that they stand in. */
  keepsSpaces = false;
  format!: Format;
  counter = 0;
  counterLimit = 0;
  /** How far code has moved since the pass before, where it was last seen. */
  adjustment: Int = Number.NaN;
  /** The line of the first recoverable error of the pass, -1 for none; what it was; the symbol it names. */
  errorLine = -1;
  /** How often a label of the output has said how far code has moved. */
  adjustments = 0;
  /**
   * How often something was done or asked that a block cannot be told by (recall.ts): errors, wishes for another pass,
   * whatever depends on whether one is to come, bytes of others, sections, relocations.
   */
  singular = 0;
  /** A block is being watched, and its lines are to be reported. */
  watching = false;
  /** Bytes from here on are those of the block that is being watched. */
  ownFrom = 0;
  /** Recoverable errors so far, also those that are not the first, and what would be one in the last pass. */
  complaints = 0;
  error: Message = "outOfMemory";
  errorLabel: Label | undefined;
  /** It was found in a number of the present instruction. */
  numberMissed = false;
  /** The part of the output that is reserved and not written, if it is the last. */
  undefinedStart = 0;
  undefinedEnd = 0;
  /** Where `load` or `store` points to in the bytes it was given. */
  pointedAt = 0;
  /** How often `store` has changed anything. */
  stores = 0;
  structures: Structure[] = [];
  /** Blocks that have been closed, to be used again. */
  readonly #closed: Structure[] = [];
  display: Uint8Array[] = [];
  /** What they are reckoned at. */
  displayBytes = 0;
  /** The instruction just encoded depends on where it stands. */
  positional = false;
  /** … or announced a value that moves. */
  relocated = false;
  /** Position and addend of values that their relocations change. */
  readonly patches: number[] = [];
  /**
   * When asked for, every use of a symbol in the order of evaluation, with the number of the line among those assembled.
   * Kept only while no other pass is known to come.
   */
  readonly references: { label: Label; line: number }[] = [];
  keepReferences = false;
  /** Lines assembled so far in this pass, while they are recorded. */
  lineCount = 0;
  readonly maxBytes: number;
  readonly epochSeconds: number;
  /** Lines and rounds that may still be gone through, in all passes together. */
  #turns: number;

  constructor(program: Program, maxBytes: number, maxTurns: number, epochSeconds: number) {
    this.program = program;
    this.labels = program.labels;
    this.maxBytes = maxBytes;
    this.#turns = maxTurns;
    this.epochSeconds = epochSeconds;
    // It is another one sooner or later: the engine is not to believe otherwise.
    this.bytes = new Uint8Array(1 << 16);
    // Never anything but a double, as a label's number.
    this.adjustment = 0;
  }

  /** Lines have been assembled, or rounds that are no lines. */
  turn(count: number): void {
    this.#turns -= count;
    if (this.#turns >= 0) return;
    const loop = this.structures.findLast(({ kind }) => kind === S_WHILE || kind === S_REPEAT);
    if (loop !== undefined) this.currentLine = loop.line;
    refuse("tooManyRepeats");
  }

  /** Keeps a message for the user. */
  show(text: Uint8Array): void {
    this.displayBytes += text.length + BYTES_PER_MESSAGE;
    if (this.displayBytes > this.maxBytes) refuse("outOfMemory");
    this.display.push(text);
  }

  /** Opens a block at the cursor. */
  open(kind: number): Structure {
    if (this.structures.length > DEPTH_LIMIT) refuse("outOfMemory");
    const structure = this.#closed.pop() ?? newStructure();
    structure.kind = kind;
    structure.line = this.currentLine;
    structure.item = this.item;
    structure.counter = this.counter;
    structure.limit = this.counterLimit;
    structure.at = this.at;
    structure.inElse = false;
    structure.watch = undefined;
    this.structures.push(structure);
    return structure;
  }

  /** Takes a block off the open ones. It may be used again for the next that is opened. */
  close(structure: Structure): void {
    const { structures } = this;
    structure.space = undefined;
    this.#closed.push(structure);
    if (structures[structures.length - 1] === structure) structures.pop();
    else structures.splice(structures.indexOf(structure), 1);
  }

  /** Areas that nobody will ask for any more, to be used again. */
  readonly #areas: Space[] = [];

  /** The space of a virtual area that begins at the present position. */
  newArea(): Space {
    const space = this.#areas.pop();
    if (space === undefined) return newSpace(this.at);
    space.base = this.at;
    space.start = this.at;
    space.length = 0;
    return space;
  }

  /** A virtual area has been closed. */
  dropArea(space: Space): void {
    if (space.virtual && !space.kept && !this.keepsSpaces) this.#areas.push(space);
  }

  /** Counts a space, and keeps it unless nobody will ask for it. */
  addSpace(space: Space): void {
    if (this.spaceCount++ > this.maxBytes / BYTES_PER_SPACE) refuse("outOfMemory");
    if (space.virtual && !space.kept && !this.keepsSpaces) return;
    if (!space.virtual || space.kept) this.singular++;
    space.number = this.spaces.length;
    this.spaces.push(space);
  }

  /** Makes sure that `count` bytes can be written at `at`. */
  room(count: number): void {
    const needed = this.at + count + MARGIN;
    if (needed <= this.bytes.length) return;
    if (needed > this.maxBytes) refuse("outOfMemory");
    const grown = new Uint8Array(Math.min(this.maxBytes, Math.max(this.bytes.length * 2, needed)));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  /** A symbol has been used. */
  refer(label: Label): void {
    if (this.keepReferences && !this.anotherPass) {
      if (this.references.length > this.maxBytes / BYTES_PER_REFERENCE) refuse("outOfMemory");
      this.references.push({ label, line: this.lineCount - 1 });
    }
  }

  /** Asks for another pass. */
  again(): void {
    this.anotherPass = true;
    this.singular++;
  }

  /** Whether what FASM refuses only in a last pass is let through. */
  isLenient(): boolean {
    this.complaints++;
    this.singular++;
    return this.anotherPass;
  }

  recoverable(message: Message, label?: Label): void {
    this.complaints++;
    this.singular++;
    if (this.errorLine >= 0) return;
    this.errorLine = this.currentLine;
    this.error = message;
    this.errorLabel = label;
  }

  unsized(numberBehind: boolean): void {
    if (numberBehind && this.numberMissed) this.errorLine = -1;
    this.recoverable("operandSizeNotSpecified");
  }

  misuse(): void {
    this.recoverable("invalidUseOfSymbol");
  }

  /** `positionAt` as an address of a space. */
  addressIn(space: Space, position: number): Int {
    overflow.happened = false;
    const value = subtract(position, space.base);
    if (overflow.happened) this.recoverable("valueOutOfRange");
    return value;
  }

  relocate(relocation: number, base: Base): void {
    if (relocation === ABSOLUTE) return;
    this.relocated = true;
    this.singular++;
    if (this.space.virtual) return;
    const addend = this.format.relocate(this, relocation, base);
    if (addend !== 0) this.patches.push(this.at, addend);
  }

  /** In linkable formats, and unless `times` goes on, the pass ends with the present line. */
  endSource(): void {
    const linkable =
      this.format.number === FORMAT_COFF || (this.format.number === FORMAT_ELF && this.format.entries);
    if (linkable && !this.space.virtual && (this.prefixes & 1) === 0) this.item = this.program.length - 1;
  }

  /** Adds to values what their relocations ask for, once they have been written. */
  applyPatches(): void {
    const { patches, bytes } = this;
    for (let index = 0; index < patches.length; index += 2) {
      const at = patches[index]!;
      setU32le(bytes, at, u32le(bytes, at) + patches[index + 1]!);
    }
    patches.length = 0;
  }

  relativeTo(target: Operand, from: number): void {
    this.positional = true;
    this.distanceIn(this.space, target, from);
  }

  /** FASM's calculate_relative_offset: how far a target is from a position, both in one space. */
  distanceIn(space: Space, target: Operand, from: number): void {
    this.distanceRelocation = ABSOLUTE;
    this.distanceBase = target.relocationBase;
    if (target.undefined) {
      this.distance = 0;
      this.distanceHigh = 0;
      return;
    }
    if (target.base !== 0 || target.index !== 0 || (space.register1 | space.register2) !== 0)
      this.#checkRegisters(space, target);
    const exact: Int =
      target.value > Number.MAX_SAFE_INTEGER || target.value < -Number.MAX_SAFE_INTEGER
        ? (BigInt(target.high) << 32n) | BigInt(target.low >>> 0)
        : target.value;
    const value = subtract(add(exact, space.base), from);
    this.distance = low32(value);
    this.distanceHigh = high32(value);
    const relocation = target.relocation;
    if (relocation === ABSOLUTE && space.relocation === ABSOLUTE) return;
    if (relocation === PLT) {
      this.distanceRelocation = RELATIVE_PLT;
      if (space.relocation !== RELOCATABLE_32 && space.relocation !== RELOCATABLE_64) this.misuse();
      return;
    }
    const allowed =
      (relocation & 1) === 0 &&
      (relocation === space.relocation ||
        (relocation === RELOCATABLE_32 && space.relocation === RELOCATABLE_64));
    if (!allowed) this.misuse();
    if (relocation !== ABSOLUTE && target.relocationBase !== space.symbol)
      this.distanceRelocation = RELATIVE_32;
  }

  /** A target with registers has to have those of the space (`virtual at ebx`), in either order. */
  #checkRegisters(space: Space, target: Operand): void {
    const first = operandRegister(space.register1);
    const second = operandRegister(space.register2);
    const { base, index, scale } = target;
    const baseScale = base === 0 ? 0 : 1;
    const same = base === first && index === second && baseScale === space.scale1 && scale === space.scale2;
    const swapped =
      base === second && index === first && baseScale === space.scale2 && scale === space.scale1;
    if (!same && !swapped) refuse("invalidValue");
  }
}

export function newSpace(at: number): Space {
  return {
    number: 0,
    base: at,
    relocation: ABSOLUTE,
    symbol: null,
    register1: 0,
    scale1: 0,
    register2: 0,
    scale2: 0,
    virtual: false,
    kept: false,
    closed: false,
    start: at,
    length: 0,
    contents: undefined,
    extension: undefined,
  };
}
