/**
 * What the preprocessor knows by name: macros, structure macros, constants of `equ`/`define` and of `fix`. Each kind
 * has its own space of names, and each name a stack of definitions: `restore` and `purge` uncover the one before.
 */

export const MACRO = 0;
export const STRUC = 1;
export const EQU = 2;
export const FIX = 3;
export type DefinitionKind = 0 | 1 | 2 | 3;

export interface Definition {
  readonly text: number;
  /** Where the value, or a macro's argument list, begins in the tokens. */
  start: number;
  /** Tokens of a constant's value. */
  length: number;
  /** The line of a macro's definition. */
  line: number;
  /** Taken back by `restore`, `purge` or `restruc`. */
  dead: boolean;
  /** Being expanded: a macro does not see itself, so a definition may wrap the one before it. */
  busy: boolean;
}

export class Definitions {
  readonly #stacks: (Definition[] | undefined)[][] = [[], [], [], []];
  /** For each kind and text, 1 where there is any definition: one array access decides most lookups. */
  readonly #known: Uint8Array[] = [0, 1, 2, 3].map(() => new Uint8Array(4096));

  find(kind: DefinitionKind, text: number): Definition | undefined {
    const known = this.#known[kind]!;
    if (text >= known.length || known[text] === 0) return undefined;
    const stack = this.#stacks[kind]![text]!;
    for (let at = stack.length - 1; at >= 0; at--) {
      const definition = stack[at]!;
      if (!definition.dead && !definition.busy) return definition;
    }
    return undefined;
  }

  /** Adds a definition above the present ones; a `fix` constant takes the place of the last one instead. */
  add(kind: DefinitionKind, text: number, start: number, length: number, line: number): void {
    let stack = this.#stacks[kind]![text];
    if (stack === undefined) {
      stack = [];
      this.#stacks[kind]![text] = stack;
      let known = this.#known[kind]!;
      if (text >= known.length) {
        const grown = new Uint8Array(Math.max(known.length * 2, text + 1024));
        grown.set(known);
        known = grown;
        this.#known[kind] = grown;
      }
      known[text] = 1;
    }
    while (stack.length > 0 && stack[stack.length - 1]!.dead) stack.pop();
    if (kind === FIX) stack.length = 0;
    stack.push({ text, start, length, line, dead: false, busy: false });
  }

  remove(kind: DefinitionKind, text: number): void {
    const definition = this.find(kind, text);
    if (definition) definition.dead = true;
  }

  /** The values a name has had and not lost, oldest first (`irpv`). */
  values(text: number): Definition[] {
    return (this.#stacks[EQU]![text] ?? []).filter((definition) => !definition.dead && !definition.busy);
  }
}
