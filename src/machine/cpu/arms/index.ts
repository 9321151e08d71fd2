/** The interpreter's arms (arms.ts), compiled once and made for each machine. */
import { arms } from "./modules.ts";
import { arms as poorArms } from "./without-tail-calls.ts";

/**
 * (address of a record, instructions from 1 to 2^31 - 1): executes until something is left to JavaScript. Answers the
 * record of the operation that is next; STATE.LEFT says how many instructions are left, 0 when that is the reason.
 */
export type Arms = (record: number, left: number) => number;

/** Arms of one machine, and the table of all of them, with room for the fast functions behind them (FAST). */
export interface ArmsWithTable {
  readonly run: Arms;
  readonly table: WebAssembly.Table;
}

/** (vector of an `int`, instructions left with it): asks who answers. The state page is that behind it. Answers 0 to go on. */
export type Interrupt = (vector: number, left: number) => number;

let module: WebAssembly.Module | undefined;

/** The arms on a machine's memory. */
export function armsOf(memory: WebAssembly.Memory, interrupt: Interrupt): ArmsWithTable {
  module ??= compiled();
  const { exports } = new WebAssembly.Instance(module, { m: { m: memory, interrupt } });
  return { run: exports["run"] as Arms, table: exports["table"] as WebAssembly.Table };
}

function compiled(): WebAssembly.Module {
  const bytes = arms();
  try {
    return new WebAssembly.Module(bytes);
  } catch (reason) {
    if (WebAssembly.validate(bytes)) throw reason;
    return new WebAssembly.Module(poorArms()); // calls in tail position are younger than WebAssembly
  }
}
