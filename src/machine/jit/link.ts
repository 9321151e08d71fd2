/**
 * Functions of regions → a module. Several of them in one lie side by side in the host's memory, with one table of jumps to
 * them: to go from one to the other touches fewer pages than between modules, of which each has pages of its own.
 */
import type { Memory } from "../memory/memory.ts";
import { Code, type FunctionType, I32, type Import, moduleBytes } from "../wasm/index.ts";
import type { Imported, OutsideFunction } from "./calls.ts";

/** The function of a region, and what it calls, by the places in its code where their numbers will stand. */
export interface Linkable {
  readonly code: Code;
  readonly calls: ReadonlyMap<number, Imported>;
}

/** A module, and what it imports besides memory and table. */
export interface Linked {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imported: readonly (Imported | OutsideFunction)[];
}

/** The types of a module's functions: regions, what enters them, then those of what is called. */
export const REGION_TYPE = 0;
const ENTER_TYPE = 1;
const FIRST_CALLED_TYPE = 2;

/**
 * `regions`: by their places in the table. `enters`: the module exports `enter`, through which who is outside gets to all regions of
 * the table: (place, entry, instructions left) → how it ended.
 */
export function link(memory: Memory, regions: ReadonlyMap<number, Linkable>, enters: boolean): Linked {
  const numbers = new Map<Imported, number>();
  for (const { code, calls } of regions.values()) {
    for (const [at, callee] of calls) {
      let number = numbers.get(callee);
      if (number === undefined) numbers.set(callee, (number = numbers.size));
      code.callee(at, number);
    }
  }
  const imported = [...numbers.keys()];
  const imports: Import[] = [
    { kind: "memory", module: "m", name: "m", pages: memory.pages, most: memory.mostPages },
    { kind: "table", module: "m", name: "t" },
    ...imported.map(
      ({ name }, i): Import => ({
        kind: "function",
        module: "m",
        name,
        type: FIRST_CALLED_TYPE + i,
      }),
    ),
  ];
  const types: FunctionType[] = [
    { parameters: [I32, I32], results: [I32] },
    { parameters: [I32, I32, I32], results: [I32] },
    ...imported.map(({ type }) => type),
  ];
  const functions = [...regions.values()].map(({ code }) => ({ type: REGION_TYPE, code }));
  const places = new Map([...regions.keys()].map((place, i) => [place, imported.length + i]));
  const enter = enters ? [{ type: ENTER_TYPE, name: "enter", code: entering() }] : [];
  const bytes = moduleBytes({ types, imports, functions: [...functions, ...enter], places });
  return { bytes, imported };
}

function entering(): Code {
  const code = new Code(3);
  code.get(1);
  code.get(2);
  code.get(0);
  code.callIndirect(REGION_TYPE, 0);
  return code;
}
