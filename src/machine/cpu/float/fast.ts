/** The common cases of the x87 as WebAssembly functions on a machine's memory: what there is, and how to get it. */
import { WasmModule } from "../../wasm/index.ts";
import { defineX87 } from "./fast-x87.ts";

/** Answers 1 when it has done its work, 0 when it has done nothing. */
export type Fast = (a: number, b: number, c: number) => number;

const names: string[] = [];
let module: WebAssembly.Module | undefined;

function compiled(): WebAssembly.Module {
  if (!module) {
    const writer = new WasmModule();
    defineX87((name, make) => writer.define(name, make()));
    module = new WebAssembly.Module(writer.bytes());
  }
  return module;
}

/** The number of a function by its name in fast-x87.ts: its place in what `fastFunctions` answers. */
export function fastNumber(name: string): number {
  if (names.length === 0) defineX87((each) => names.push(each));
  const number = names.indexOf(name);
  if (number < 0) throw new Error(`there is no fast ${name}`);
  return number;
}

/** The functions for one machine. */
export function fastFunctions(memory: WebAssembly.Memory): readonly Fast[] {
  const { exports } = new WebAssembly.Instance(compiled(), { machine: { memory } });
  return Object.values(exports) as Fast[];
}

/** In their place for a machine that is to do everything in the general way. */
export const noFastFunctions: readonly Fast[] = new Array<Fast>(256).fill(() => 0);
