/** The modules of one machine's regions, and the table of functions through which they go on in one another. */
import type { Operation } from "../cpu/operation.ts";
import type { Processor } from "../cpu/processor.ts";
import type { Memory } from "../memory/memory.ts";
import { canCompile, nothing } from "./host.ts";
import { type Linkable, link } from "./link.ts";

/** What modules import, and what regions call in the engine: those answer as STATUS and LEAVES say. */
export interface Outside {
  readonly memory: Memory;
  readonly cpu: Processor;
  execute(operation: Operation): number;
  interrupt(vector: number, left: number): number;
}

type Enter = (index: number, entry: number, left: number) => number;

/**
 * So many regions, each in a module of its own, are put into one. What V8 has optimised of them it optimises once more: that takes
 * some 1 ms for each. Two hundred that call one another in turn are twice as fast then, fifty by a quarter.
 */
const TOGETHER = 128;

export class Modules {
  /** Enters the region at a place of the table; there when one was put there. */
  enter: Enter | undefined;
  readonly #outside: Outside;
  readonly #together: number;
  readonly #table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
  /** Regions in modules of their own, by their places. */
  readonly #alone = new Map<number, Linkable>();
  /** Operations that regions have executed, by the numbers that they have for them. */
  readonly #executed: Operation[] = [];
  /** What stands in the place of a region that is gone. */
  #nothing: (() => number) | undefined;

  /** `together`: regions in modules of their own that are put into one. */
  constructor(outside: Outside, together = TOGETHER) {
    this.#outside = outside;
    this.#together = together;
  }

  /** Regions that have modules of their own. */
  get alone(): number {
    return this.#alone.size;
  }

  /** The number that the next operation will have for `execute`. */
  get firstExecuted(): number {
    return this.#executed.length;
  }

  /**
   * Puts a region at a place of the table, and once many have modules of their own all of those into one. `executed`: its operations
   * for `execute`. False: this host's WebAssembly has not all that compiled code needs.
   */
  place(index: number, region: Linkable, executed: readonly Operation[]): boolean {
    this.#executed.push(...executed);
    if (index >= this.#table.length) this.#table.grow(this.#table.length);
    this.#alone.set(index, region);
    if (this.#alone.size < this.#together) return this.#link(new Map([[index, region]]));
    const regions = new Map(this.#alone);
    this.#alone.clear();
    return this.#link(regions);
  }

  remove(index: number): void {
    this.#alone.delete(index);
    this.#table.set(index, (this.#nothing ??= nothing()));
  }

  #link(regions: ReadonlyMap<number, Linkable>): boolean {
    const { memory, cpu } = this.#outside;
    const { bytes, imported } = link(memory, regions, this.enter === undefined);
    let module: WebAssembly.Module;
    try {
      module = new WebAssembly.Module(bytes);
    } catch (reason) {
      if (canCompile()) throw reason;
      return false;
    }
    const execute = (number: number): number => this.#outside.execute(this.#executed[number]!);
    const interrupt = (vector: number, left: number): number => this.#outside.interrupt(vector, left);
    const imports: WebAssembly.ModuleImports = { m: memory.wasm, t: this.#table, execute, interrupt };
    for (const each of imported) if ("make" in each) imports[each.name] = each.make(cpu);
    const { exports } = new WebAssembly.Instance(module, { m: imports });
    this.enter ??= exports["enter"] as Enter;
    return true;
  }
}
