/**
 * What the preprocessor knows by name: macros, structure macros, constants of `equ`/`define` and of `fix`. Each kind
 * has its own space of names, and each name a stack of definitions: `restore` and `purge` uncover the one before.
 */

import { refuse } from "../messages.ts";
import { DEFINED_AS, FEW, grownFor, type Texts } from "../tokens.ts";

export const MACRO = 0;
export const STRUC = 1;
export const EQU = 2;
export const FIX = 3;
export type DefinitionKind = 0 | 1 | 2 | 3;

/** The trait of texts that have or had a definition of a kind. */
export const traitOf = (kind: DefinitionKind): number => DEFINED_AS << kind;

export interface Definition {
  readonly text: number;
  /** Where the value, or a macro's argument list, begins in the tokens. */
  start: number;
  /** Tokens of a constant's value. */
  length: number;
  /** The line of a macro's definition, and that of its closing brace. */
  line: number;
  end: number;
  /** Taken back by `restore`, `purge` or `restruc`. */
  dead: boolean;
  /** Being expanded: a macro does not see itself, so a definition may wrap the one before it. */
  busy: boolean;
}

/** A change that can be taken back: a definition that came with those it displaced, or one that was removed. */
export interface Change {
  readonly stack: Definition[] | undefined;
  readonly definition: Definition;
  readonly displaced: readonly Definition[];
}

const NONE: readonly Definition[] = [];

/** What a definition is reckoned at, gone or not. */
const BYTES_PER_DEFINITION = 128;

export class Definitions {
  /** Changes from the first on, once they are kept. */
  #changes: Change[] | undefined;
  /** Macros that are being expanded, the innermost last. */
  readonly #busy: Definition[] = [];

  /** From now on changes can be taken back. */
  keepChanges(): void {
    this.#changes = [];
  }

  get changes(): number {
    return this.#changes?.length ?? 0;
  }

  /** The changes behind the first `count`. */
  since(count: number): Change[] {
    return this.#changes!.slice(count);
  }

  /** Takes back all changes but the first `count`, and returns them; no macro is being expanded then. */
  undo(count: number): Change[] {
    const changes = this.#changes!.splice(count);
    for (let at = changes.length - 1; at >= 0; at--) {
      const { stack, definition, displaced } = changes[at]!;
      if (stack === undefined) definition.dead = false;
      else {
        this.#count--;
        stack.pop();
        stack.push(...displaced);
      }
    }
    for (const definition of this.#busy) definition.busy = false;
    this.#busy.length = 0;
    return changes;
  }

  /** Makes changes again that have been taken back. */
  redo(changes: readonly Change[]): void {
    for (const change of changes) {
      const { stack, definition, displaced } = change;
      if (stack === undefined) definition.dead = true;
      else {
        this.#count++;
        stack.length -= displaced.length;
        stack.push(definition);
      }
      this.#changes!.push(change);
    }
  }

  begin(definition: Definition): void {
    definition.busy = true;
    this.#busy.push(definition);
  }

  end(definition: Definition): void {
    definition.busy = false;
    this.#busy.pop();
  }

  /** For each kind the definitions of each name that has or had some, and for each text one more than the place of its own there. */
  readonly #stacks: Definition[][][] = [[], [], [], []];
  readonly #places = Array.from({ length: 4 }, () => new Int32Array(FEW));
  readonly #texts: Texts;
  readonly #limit: number;
  /** All that have been added, those that have been displaced among them. */
  #count = 0;

  /** `maxMemory` in bytes bounds how many there can be. */
  constructor(texts: Texts, maxMemory: number) {
    this.#texts = texts;
    this.#limit = maxMemory / BYTES_PER_DEFINITION;
  }

  find(kind: DefinitionKind, text: number): Definition | undefined {
    // One array access decides most lookups.
    if ((this.#texts.traits[text]! & traitOf(kind)) === 0) return undefined;
    const stack = this.#stacks[kind]![this.#places[kind]![text]! - 1]!;
    for (let at = stack.length - 1; at >= 0; at--) {
      const definition = stack[at]!;
      if (!definition.dead && !definition.busy) return definition;
    }
    return undefined;
  }

  /** Adds a definition above the present ones; a `fix` constant takes the place of the last one instead. */
  add(kind: DefinitionKind, text: number, start: number, length: number, line: number): Definition {
    if (++this.#count > this.#limit) refuse("outOfMemory");
    const definition = { text, start, length, line, end: line, dead: false, busy: false };
    const stack = this.#stackOf(kind, text);
    if (stack === undefined) {
      this.#begin(kind, text, definition);
      return definition;
    }
    let kept = kind === FIX ? 0 : stack.length;
    while (kept > 0 && stack[kept - 1]!.dead) kept--;
    const displaced = kept < stack.length ? stack.splice(kept) : NONE;
    stack.push(definition);
    this.#changes?.push({ stack, definition, displaced });
    return definition;
  }

  /** The first definition of a name. */
  #begin(kind: DefinitionKind, text: number, definition: Definition): void {
    const stack = [definition];
    let places = this.#places[kind]!;
    if (text >= places.length) {
      places = grownFor(places, text);
      this.#places[kind] = places;
    }
    places[text] = this.#stacks[kind]!.push(stack);
    this.#texts.traits[text]! |= traitOf(kind);
    this.#changes?.push({ stack, definition, displaced: NONE });
  }

  /** The definitions of a name, gone ones among them; undefined when it never had one. */
  #stackOf(kind: DefinitionKind, text: number): Definition[] | undefined {
    if ((this.#texts.traits[text]! & traitOf(kind)) === 0) return undefined;
    return this.#stacks[kind]![this.#places[kind]![text]! - 1];
  }

  remove(kind: DefinitionKind, text: number): void {
    const definition = this.find(kind, text);
    if (!definition) return;
    definition.dead = true;
    this.#changes?.push({ stack: undefined, definition, displaced: NONE });
  }

  /** The values a name has had and not lost, oldest first (`irpv`). */
  values(text: number): Definition[] {
    return (this.#stackOf(EQU, text) ?? []).filter((definition) => !definition.dead && !definition.busy);
  }
}
