/**
 * The common cases of the x87, of SSE and of repeated string instructions as WebAssembly functions on a machine's
 * memory: the interpreter calls them first. A family is compiled when one of its functions is first wanted.
 */
import { moduleBytes, type WasmFunction } from "../../wasm/index.ts";
import { defineMmx } from "./mmx.ts";
import { defineSse } from "./sse.ts";
import { defineScans, defineStrings } from "./strings.ts";
import { defineX87, defineX87Values } from "./x87.ts";

export { mmxSizes } from "./mmx.ts";
export { packed } from "./packed.ts";
export { scanName } from "./strings.ts";

/** Answers 0 when it has done nothing, and has changed nothing then. */
export type Fast = (a: number, b: number, c: number) => number;

type Define = (each: (name: string, make: () => WasmFunction) => void) => void;

/** Functions that are compiled together. */
export class Family {
  readonly #define: Define;
  readonly #names: string[] = [];
  #module: WebAssembly.Module | undefined;

  constructor(define: Define) {
    this.#define = define;
  }

  /** The functions' names, in the order of their numbers. */
  get names(): readonly string[] {
    if (this.#names.length === 0) this.#define((each) => this.#names.push(each));
    return this.#names;
  }

  /** The number of a function: its place in what `functions` answers. */
  number(name: string): number {
    const number = this.names.indexOf(name);
    if (number < 0) throw new Error(`there is no fast ${name}`);
    return number;
  }

  /** The functions for one machine. */
  functions(memory: WebAssembly.Memory): readonly Fast[] {
    const { exports } = new WebAssembly.Instance(this.#compiled(), { machine: { memory } });
    return Object.values(exports) as Fast[];
  }

  #compiled(): WebAssembly.Module {
    if (!this.#module) {
      const made: { name: string; make: WasmFunction }[] = [];
      this.#define((name, make) => made.push({ name, make: make() }));
      const bytes = moduleBytes({
        types: made.map(({ make }) => make.type),
        imports: [{ kind: "memory", module: "machine", name: "memory", pages: undefined }],
        functions: made.map(({ name, make }, type) => ({ type, name, code: make.code })),
      });
      this.#module = new WebAssembly.Module(bytes);
    }
    return this.#module;
  }
}

export const fastX87 = new Family(defineX87);
/** Not for the interpreter: they take and give 64-bit integers. */
export const fastX87Values = new Family(defineX87Values);
export const fastSse = new Family(defineSse);
export const fastMmx = new Family(defineMmx);
export const fastStrings = new Family(defineStrings);
/** Not for the interpreter: what they read must be known to be readable. */
export const fastScans = new Family(defineScans);
