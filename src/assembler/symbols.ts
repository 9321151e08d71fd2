/**
 * Labels and constants, and what each pass believed of them. FASM resolves forward references by assembling again until
 * no belief is disappointed; the fields here are exactly what that needs (PARSER.INC, the label structure).
 */
import type { Int } from "./expression/int.ts";
import type { Base } from "./operand.ts";

/** The symbol has been defined. */
export const DEFINED = 1;
/** By an assignment, which may be repeated … */
export const ASSIGNED = 2;
/** … and has been, so that its value depends on where it is asked for; also an address space's label. */
export const VARIABLE = 4;
export const USED = 8;
/** `used` was asked and answered by a guess, here yes. */
export const USE_GUESSED = 0x10;
export const USE_GUESSED_YES = 0x20;
/** `defined` was asked and answered by a guess, here yes. */
export const DEFINITION_GUESSED = 0x40;
export const DEFINITION_GUESSED_YES = 0x80;
/** The value moves with the code before it, so a reference ahead of it is adjusted by how far it has moved. */
export const MOVES = 0x100;
/** `NAME::`, the label of an addressing space. */
export const SPACE = 0x400;

/** What every evaluation looks at comes first, so that it is near together in memory. */
export class Label {
  flags = 0;
  /** The pass that defined it last, and the pass that used it last. */
  definedIn = 0;
  usedIn = 0;
  /** The value while a number can hold it; the engine keeps it in place, since it is never anything but a double. */
  number = Number.NaN;
  relocation = 0;
  /** Registers of an address with registers: first and second register code. */
  register1 = 0;
  register2 = 0;
  base: Base = null;
  /** Bytes of the data it labels, 0 for none. */
  size = 0;
  /** The value when it is beyond numbers. */
  big: bigint | undefined = undefined;
  /** How often each register counts. */
  scale1 = 0;
  scale2 = 0;
  /** The line that defined it last. */
  line = -1;
  /** It names a place of the program: it was not defined as a number, and not in a virtual area. */
  isPlace = false;
  /** The addressing space that a SPACE label stands for. */
  space: object | undefined = undefined;
  /** The text of its name, or -1 for an anonymous label. */
  readonly name: number;

  constructor(name: number) {
    this.name = name;
    this.number = 0;
  }

  /** Becomes in all but its name what another label is. */
  take(other: Label): void {
    this.number = other.number;
    this.big = other.big;
    this.flags = other.flags;
    this.size = other.size;
    this.relocation = other.relocation;
    this.base = other.base;
    this.register1 = other.register1;
    this.scale1 = other.scale1;
    this.register2 = other.register2;
    this.scale2 = other.scale2;
    this.definedIn = other.definedIn;
    this.usedIn = other.usedIn;
    this.line = other.line;
    this.isPlace = other.isPlace;
    this.space = other.space;
  }

  get value(): Int {
    return this.big ?? this.number;
  }

  set value(value: Int) {
    if (typeof value === "number") {
      this.number = value;
      this.big = undefined;
    } else {
      this.number = Number.NaN;
      this.big = value;
    }
  }
}
