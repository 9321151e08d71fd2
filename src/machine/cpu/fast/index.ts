/**
 * The common cases of the x87, of SSE and of repeated string instructions as WebAssembly functions on a machine's
 * memory: the interpreter calls them first. A family is compiled when one of its functions is first wanted.
 */
import type { FamilyModule } from "./kept.ts";
import { modules } from "./modules.ts";

export { scanName } from "./scans.ts";
export { mmxSize } from "./sizes.ts";

/** Answers 0 when it has done nothing, and has changed nothing then. */
export type Fast = (a: number, b: number, c: number) => number;

/** Functions that are compiled together. */
export class Family {
  readonly #written: FamilyModule;
  #module: WebAssembly.Module | undefined;

  constructor(written: FamilyModule) {
    this.#written = written;
  }

  /** The functions' names, in the order of their numbers. */
  get names(): readonly string[] {
    return this.#written.names;
  }

  /** The number of a function: its place in what `functions` answers. */
  number(name: string): number {
    const number = this.names.indexOf(name);
    if (number < 0) throw new Error(`there is no fast ${name}`);
    return number;
  }

  /** The functions for one machine. */
  functions(memory: WebAssembly.Memory): readonly Fast[] {
    this.#module ??= new WebAssembly.Module(this.#written.bytes());
    return Object.values(new WebAssembly.Instance(this.#module, { machine: { memory } }).exports) as Fast[];
  }
}

export const fastX87 = new Family(modules.x87);
/** Not for the interpreter: they take and give 64-bit integers. */
export const fastX87Values = new Family(modules.x87Values);
export const fastSse = new Family(modules.sse);
export const fastMmx = new Family(modules.mmx);
export const fastStrings = new Family(modules.strings);
/** Not for the interpreter: what they read must be known to be readable. */
export const fastScans = new Family(modules.scans);
