/**
 * Blocks that would do again what they did before. FASM goes through every `repeat`, `while` and `virtual` in every pass,
 * and a loop that works out a font or counts the letters of a message does so five or eight times with the same result.
 * What a block can ask for is known beforehand: the symbols it names, and where it stands if it asks that. So when these
 * are what they were when it was last gone through, its bytes and the symbols it defines are what they were, too, and are
 * put there. Whatever else a block does or asks, it says by `state.singular++`, and is then gone through every time.
 */
import type { Assembler } from "./assemble.ts";
import {
  E_LABEL,
  E_PREDEFINED,
  type Expression,
  P_COUNTER,
  P_HERE,
  P_ORIGIN,
} from "./expression/expressions.ts";
import type { Int } from "./expression/int.ts";
import { subtract } from "./expression/int.ts";
import type { Base } from "./operand.ts";
import { addressExpression, type Program } from "./program.ts";
import { S_IF, type Space, type State, type Structure } from "./state.ts";
import {
  DEFINED,
  DEFINITION_GUESSED,
  DEFINITION_GUESSED_YES,
  Label,
  MOVES,
  USE_GUESSED,
  USE_GUESSED_YES,
  USED,
  VARIABLE,
} from "./symbols.ts";
import {
  D_ALIGN,
  D_DATA,
  D_END,
  D_LABEL,
  D_LOAD,
  D_ORG,
  D_REPEAT,
  D_STORE,
  D_VIRTUAL,
  D_WHILE,
  FIRST_MNEMONIC,
  I_ADDRESS,
  I_CONSTANT,
  I_END,
  I_EXPRESSION,
  I_INSTRUCTION,
  I_LABEL,
  I_SPACE,
  O_AT,
  O_FROM,
  OP_ADD,
  OP_NEG,
  OP_NOT,
  OP_SUB,
} from "./words.ts";

/** A block as it is written. */
interface Block {
  /** Behind its `end`. */
  readonly end: number;
  /** Every symbol it names, and how many of them, the first, it may define. */
  readonly labels: readonly Label[];
  readonly defined: number;
  /** It asks where it stands. */
  readonly positional: boolean;
  /** Symbols that it only loads from: bytes before it, which may move together with it. */
  readonly sources: ReadonlySet<Label>;
}

/** Bytes that a block loaded from before its beginning, or from an area that has been closed. */
interface Loaded {
  /** The area's label; without, positions count from the block's beginning. */
  readonly area: Label | undefined;
  from: number;
  to: number;
  /** What addresses in the area count from. */
  base: Int;
  bytes: Uint8Array;
}

const COLON = 0x3a;

/** It was asked whether the symbol is used or defined. */
const GUESSED = USE_GUESSED | USE_GUESSED_YES | DEFINITION_GUESSED | DEFINITION_GUESSED_YES;

const NOTHING = new Uint8Array(0);

/** What a block found when it was gone through. */
interface Found {
  readonly labels: readonly Label[];
  readonly bits: number;
  readonly compresses: boolean;
  readonly counter: number;
  /** It names symbols further on, which are reckoned to move as far as the last one did. */
  readonly looksAhead: boolean;
  readonly adjustment: Int;
  readonly relocation: number;
  readonly symbol: Base;
  readonly register1: number;
  readonly register2: number;
  /** `$` and `$$`. */
  readonly address: Int;
  readonly origin: Int;
  readonly behindReserved: boolean;
  readonly loaded: Loaded[];
}

/** What it left. Positions count from where it began. */
interface Left {
  readonly labels: readonly Label[];
  readonly bytes: Uint8Array;
  readonly bits: number;
  readonly compresses: boolean;
  /** How far code has moved, when it has labels that say so. */
  readonly adjustment: Int | undefined;
  /** Where reserved data at the end begins and ends, if that is in here. */
  readonly undefinedStart: number | undefined;
  readonly undefinedEnd: number | undefined;
  readonly line: number;
}

/** A block and what is known of it. */
interface Site {
  readonly block: Block;
  found: Found | undefined;
  left: Left | undefined;
}

/** A block that is being gone through. */
interface Watch {
  readonly site: Site;
  readonly block: Block;
  readonly item: number;
  readonly found: Found;
  /** Copies of labels that are not needed any more. */
  readonly spare: readonly Label[] | undefined;
  readonly at: number;
  readonly depth: number;
  readonly around: Structure | undefined;
  readonly singular: number;
  readonly adjustments: number;
  readonly undefinedStart: number;
  readonly undefinedEnd: number;
  lines: number;
}

/** Lines that a block must come to for each symbol it names, so that to compare and put these is the lesser work. */
const LINES_PER_LABEL = 3;
const FEW_LINES = 8;
/** Separate stretches that a block may load from. */
const STRETCHES = 16;

export class Recall {
  readonly #assembler: Assembler;
  readonly #sites = new Map<number, Site>();
  /** 1 where a block begins that is not worth the trouble. */
  readonly #worthless: Uint8Array;
  #watch: Watch | undefined;

  constructor(assembler: Assembler) {
    this.#assembler = assembler;
    this.#worthless = new Uint8Array(assembler.program.length);
  }

  /** A pass begins. */
  reset(): void {
    this.#end();
  }

  #end(): void {
    this.#watch = undefined;
    this.#assembler.state.watching = false;
    this.#assembler.state.ownFrom = 0;
  }

  /**
   * A block begins whose directive stands before the cursor. True when it has been done as it was before and the cursor is
   * behind it; else it is to be gone through, and this may watch.
   */
  begins(): boolean {
    if (this.#watch !== undefined) return false;
    const { state, program } = this.#assembler;
    const { structures, item } = state;
    if (this.#worthless[item] === 1) return false;
    for (let at = 0; at < structures.length; at++) if (structures[at]!.kind !== S_IF) return false;
    if (state.prefixes !== 0) return false;
    let site = this.#sites.get(item);
    if (site === undefined) {
      const block = hasLoop(program, item) ? readBlock(program, item) : undefined;
      if (block === undefined) {
        this.#worthless[item] = 1;
        return false;
      }
      site = { block, found: undefined, left: undefined };
      this.#sites.set(item, site);
    }
    const { block, found, left } = site;
    if (found !== undefined && left !== undefined && isAsFound(state, block, found, left)) {
      this.#repeat(block, left);
      return true;
    }
    const depth = structures.length;
    site.found = undefined;
    site.left = undefined;
    this.#watch = {
      site,
      block,
      item,
      found: look(state, block, found?.labels),
      spare: left?.labels,
      at: state.at,
      depth,
      around: structures[depth - 1],
      singular: state.singular,
      adjustments: state.adjustments,
      undefinedStart: state.undefinedStart,
      undefinedEnd: state.undefinedEnd,
      lines: 0,
    };
    state.watching = true;
    state.ownFrom = state.at;
    return false;
  }

  /** The watched block loads what is not its own, at a position of the output or of an area. */
  loads(area: Label | undefined, position: number, size: number): void {
    const { found, at } = this.#watch!;
    const from = area === undefined ? position - at : position;
    const to = from + size;
    for (const each of found.loaded) {
      if (each.area !== area || from > each.to || to < each.from) continue;
      each.from = Math.min(each.from, from);
      each.to = Math.max(each.to, to);
      return;
    }
    if (found.loaded.length === STRETCHES) this.#assembler.state.singular++;
    else found.loaded.push({ area, from, to, base: 0, bytes: NOTHING });
  }

  /** A line of the watched block has been assembled. */
  lineEnds(): void {
    const watch = this.#watch!;
    watch.lines++;
    const { state } = this.#assembler;
    const { structures } = state;
    if (structures.length > watch.depth) return;
    this.#end();
    const { site, block } = watch;
    const few = watch.lines < block.labels.length * LINES_PER_LABEL + FEW_LINES;
    // A loop of no rounds may come to have some.
    if (few && watch.lines > 1) this.#worthless[watch.item] = 1;
    else if (
      structures.length === watch.depth &&
      structures[watch.depth - 1] === watch.around &&
      state.item === block.end &&
      state.singular === watch.singular
    ) {
      site.found = watch.found;
      // Nothing has been stored there since it was loaded.
      for (const each of watch.found.loaded) {
        each.bytes = loadable(state, each, watch.at)!.slice();
        each.base = baseOf(each);
      }
      site.left = this.#left(watch);
    }
  }

  #left(watch: Watch): Left {
    const { state } = this.#assembler;
    const { at } = watch;
    const { undefinedStart, undefinedEnd } = state;
    return {
      labels: copies(watch.block.labels, state.pass, watch.spare),
      bytes: state.bytes.slice(at, state.at),
      bits: state.bits,
      compresses: state.compresses,
      adjustment: state.adjustments === watch.adjustments ? undefined : state.adjustment,
      undefinedStart: undefinedStart === watch.undefinedStart ? undefined : undefinedStart - at,
      undefinedEnd: undefinedEnd === watch.undefinedEnd ? undefined : undefinedEnd - at,
      line: state.currentLine,
    };
  }

  #repeat(block: Block, left: Left): void {
    const assembler = this.#assembler;
    const { state } = assembler;
    const { pass, at } = state;
    const { labels, defined } = block;
    for (let index = 0; index < labels.length; index++) {
      const label = labels[index]!;
      const copy = left.labels[index]!;
      if (index < defined) define(label, copy, pass);
      else label.flags = copy.flags | (label.flags & USED);
      if (copy.usedIn === 0 && copy.flags & USED) label.usedIn = pass;
    }
    const { bytes } = left;
    state.room(bytes.length);
    state.bytes.set(bytes, at);
    state.at = at + bytes.length;
    state.bits = left.bits;
    state.compresses = left.compresses;
    if (left.adjustment !== undefined) state.adjustment = left.adjustment;
    if (left.undefinedStart !== undefined) state.undefinedStart = at + left.undefinedStart;
    if (left.undefinedEnd !== undefined) state.undefinedEnd = at + left.undefinedEnd;
    state.currentLine = left.line;
    state.item = block.end;
  }
}

/** Whether the block whose directive stands before `item` is a loop or an area with one in it. */
function hasLoop({ kinds, values }: Program, item: number): boolean {
  for (let at = item - 1; kinds[at] !== I_END; at++) {
    if (kinds[at] !== I_INSTRUCTION) continue;
    if (values[at] === D_REPEAT || values[at] === D_WHILE) return true;
    if (values[at] === D_END && values[at + 1] === D_VIRTUAL) return false;
  }
  return false;
}

/** Reads the block whose directive stands before `item`; undefined when it has no end, or something that must be seen. */
function readBlock(program: Program, item: number): Block | undefined {
  const { kinds, values, expressions } = program;
  const directive = values[item - 1]!;
  const defined = new Set<Label>();
  const named = new Set<Label>();
  const sources = new Set<Label>();
  /** Symbols that are named elsewhere than at the beginning of a place to load from. */
  const others = new Set<Label>();
  let positional = false;
  let depth = 1;
  /** Areas at addresses of their own that the item is in: there it does not matter where the block stands. */
  let areas = 0;
  const note = (expression: Expression, source?: Label): boolean => {
    const { code, starts } = expressions;
    const start = starts[expression]!;
    const end = starts[expression + 1]!;
    let places = false;
    for (let at = start; at < end; at++) {
      const kind = code[at]! & 0xff;
      const number = code[at]! >>> 8;
      if (kind === E_LABEL) {
        const label = program.labels[number]!;
        named.add(label);
        if (at > start || label !== source) others.add(label);
      } else if (kind === E_PREDEFINED && (number === P_HERE || number === P_ORIGIN)) places = true;
      else if (kind === E_PREDEFINED && number !== P_COUNTER) depth = Number.NaN;
    }
    return places;
  };
  const place = () => {
    if (areas === 0) positional = true;
  };
  const open = (at: number) => {
    if (areas > 0) areas++;
    else if (kinds[at] !== O_AT || kinds[at + 1] !== I_EXPRESSION) positional = true;
    else if (!note(values[at + 1]!)) areas = 1;
    else positional = true;
  };
  if (directive === D_VIRTUAL) open(item);
  for (let at = item; ; at++) {
    const value = values[at]!;
    switch (kinds[at]) {
      case I_END:
      case I_SPACE:
        return undefined;
      case I_LABEL:
        if ((value & 0xffffff) >= program.labels.length) return undefined;
        // `load` has a constant's name here.
        if (kinds[at - 1] !== I_INSTRUCTION || values[at - 1] !== D_LOAD) place();
        defined.add(program.labels[value & 0xffffff]!);
        break;
      case I_CONSTANT:
        if ((value & 0xffffff) >= program.labels.length) return undefined;
        defined.add(program.labels[value & 0xffffff]!);
        break;
      case O_FROM: {
        // From an area with a name, or from where a symbol of the output says.
        if (areas > 0 || kinds[at + 1] !== I_EXPRESSION || kinds[at + 2] === COLON) break;
        const expression = values[++at]!;
        const source = sourceOf(program, expression);
        if (source !== undefined) sources.add(source);
        if (note(expression, source) || source === undefined) place();
        break;
      }
      case I_EXPRESSION:
        if (note(value)) place();
        break;
      case I_ADDRESS:
        if (note(addressExpression(value))) place();
        break;
      case I_INSTRUCTION:
        if (value === D_END) {
          at++;
          const ended = kinds[at] === I_INSTRUCTION ? values[at]! : 0;
          if (ended === D_VIRTUAL && areas > 0) areas--;
          if (ended === directive && --depth === 0) {
            for (const label of [...others, ...defined]) if (sources.delete(label)) positional = true;
            const labels = [...new Set([...defined, ...named])];
            return { end: at + 1, labels, defined: defined.size, positional, sources };
          }
        } else {
          if (value === directive) depth++;
          if (value === D_VIRTUAL) open(at + 1);
          else if (value === D_ORG || value === D_DATA) return undefined;
          else if (value === D_ALIGN || value === D_LABEL || value === D_STORE) place();
          else if (value >= FIRST_MNEMONIC) place();
        }
        break;
      default:
    }
    if (Number.isNaN(depth)) return undefined;
  }
}

/** The symbol that an expression begins with, when all else is only added to it or subtracted. */
function sourceOf({ labels, expressions }: Program, expression: Expression): Label | undefined {
  const code = expressions.elements(expression);
  if ((code[0]! & 0xff) !== E_LABEL) return undefined;
  let depth = 1;
  for (let index = 1; index < code.length; index++) {
    const kind = code[index]! & 0xff;
    if (kind < OP_ADD) depth++;
    else if (kind < OP_NOT && kind !== OP_NEG && --depth === 1 && kind !== OP_ADD && kind !== OP_SUB)
      return undefined;
    else if (depth === 1 && (kind >= OP_NOT || kind === OP_NEG)) return undefined;
  }
  return labels[code[0]! >>> 8];
}

function look(state: State, block: Block, spare: readonly Label[] | undefined): Found {
  const { space, pass } = state;
  return {
    labels: copies(block.labels, pass, spare),
    bits: state.bits,
    compresses: state.compresses,
    counter: state.counter,
    looksAhead: block.labels.some(
      ({ flags, definedIn }) => (flags & (DEFINED | MOVES)) === (DEFINED | MOVES) && definedIn !== pass,
    ),
    adjustment: state.adjustment,
    relocation: space.relocation,
    symbol: space.symbol,
    register1: space.register1,
    register2: space.register2,
    address: subtract(state.at, space.base),
    origin: subtract(space.start, space.base),
    behindReserved: state.undefinedEnd === state.at,
    loaded: [],
  };
}

/**
 * Whether a symbol that had not been heard of when the block defined it, in the first pass, is what the block then made
 * of it, and has not been used in this pass: the block never asked for it before it defined it.
 */
function isAnew(label: Label, before: Label, after: Label, pass: number): boolean {
  return (
    before.flags === 0 &&
    (after.flags & (DEFINED | GUESSED)) === DEFINED &&
    label.flags === after.flags &&
    age(label.definedIn, pass) === 1 &&
    age(label.usedIn, pass) > 0
  );
}

/**
 * Whether a symbol that a block only names is as it was, uses apart: these count where the block asks for them, and where
 * a use before it hides whether there is one in it.
 */
function isUsedAlike(label: Label, before: Label, after: Label, pass: number): boolean {
  const isUsed = (label.flags & USED) !== 0 && label.usedIn === pass;
  const wasUsed = (before.flags & USED) !== 0 && before.usedIn === 0;
  if (after.flags & GUESSED || (wasUsed && !isUsed))
    return label.flags === before.flags && age(label.usedIn, pass) === before.usedIn;
  return ((label.flags ^ before.flags) & ~USED) === 0;
}

/** Whether a block would find all that it asks for as it was. */
function isAsFound(state: State, block: Block, found: Found, left: Left): boolean {
  const { space, pass } = state;
  if (
    state.bits !== found.bits ||
    state.compresses !== found.compresses ||
    state.counter !== found.counter ||
    (found.looksAhead && state.adjustment !== found.adjustment) ||
    space.relocation !== found.relocation ||
    space.symbol !== found.symbol ||
    space.register1 !== found.register1 ||
    space.register2 !== found.register2 ||
    (state.undefinedEnd === state.at) !== found.behindReserved
  )
    return false;
  const address = subtract(state.at, space.base);
  const moved = address !== found.address || subtract(space.start, space.base) !== found.origin;
  if (moved && block.positional) return false;
  const { labels, sources } = block;
  for (let index = 0; index < labels.length; index++) {
    const label = labels[index]!;
    const before = found.labels[index]!;
    const after = left.labels[index]!;
    if (index < block.defined) {
      if (left.adjustment === undefined && isAnew(label, before, after, pass)) continue;
      if (label.flags !== before.flags || age(label.usedIn, pass) !== before.usedIn) return false;
    } else if (!isUsedAlike(label, before, after, pass)) return false;
    if (age(label.definedIn, pass) !== before.definedIn) return false;
    // What a variable was in an earlier pass, nobody is told: to ask for it is an error.
    if (label.flags & VARIABLE && before.definedIn > 0) continue;
    if (!isAlike(label, before)) return false;
    if (moved && sources.has(label)) {
      if ((label.flags & MOVES) === 0) return false;
      if (subtract(label.value, address) !== subtract(before.value, found.address)) return false;
    } else if (label.value !== before.value) return false;
  }
  return found.loaded.every((each) => {
    const bytes = loadable(state, each, state.at);
    return bytes !== undefined && baseOf(each) === each.base && areEqual(bytes, each.bytes);
  });
}

/** The bytes that a block beginning at `at` loads; undefined where there are not so many. */
function loadable(state: State, { area, from, to }: Loaded, at: number): Uint8Array | undefined {
  if (area === undefined) return state.bytes.subarray(at + from, at + to);
  const space = area.space as Space;
  if (to > space.length) return undefined;
  return space.contents !== undefined && space.closed
    ? space.contents.subarray(from, to)
    : state.bytes.subarray(space.start + from, space.start + to);
}

/** What addresses in an area count from, if there is one. */
function baseOf({ area }: Loaded): Int {
  if (area === undefined) return 0;
  const { base, start } = area.space as Space;
  return subtract(base, start);
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 0; at < b.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Passes since: this one, the one before, or longer ago. */
const age = (then: number, pass: number): number => (pass - then > 1 ? 2 : pass - then);

/** Labels as they are, with ages for passes. */
function copies(
  labels: readonly Label[],
  pass: number,
  spare: readonly Label[] | undefined,
): readonly Label[] {
  return labels.map((label, index) => {
    const copy = spare?.[index] ?? new Label(label.name);
    copy.take(label);
    copy.definedIn = age(label.definedIn, pass);
    copy.usedIn = age(label.usedIn, pass);
    return copy;
  });
}

/** Whether a label is in all but its value what its copy is. */
function isAlike(label: Label, copy: Label): boolean {
  return (
    label.size === copy.size &&
    label.relocation === copy.relocation &&
    label.base === copy.base &&
    label.register1 === copy.register1 &&
    label.scale1 === copy.scale1 &&
    label.register2 === copy.register2 &&
    label.scale2 === copy.scale2
  );
}

/** Makes of a label what a block made of its copy. */
function define(label: Label, copy: Label, pass: number): void {
  const { definedIn, usedIn } = label;
  label.take(copy);
  label.definedIn = copy.definedIn === 0 ? pass : definedIn;
  label.usedIn = usedIn;
}
