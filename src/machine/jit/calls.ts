/** Functions that compiled code calls out to, by their numbers for `b.call`: 0 is `execute`, these follow from 1. */
import type { Processor } from "../cpu/processor.ts";
import type { FunctionType } from "./wasm/writer.ts";

export interface OutsideFunction {
  readonly name: string;
  readonly type: FunctionType;
  /** The function for one machine. It must not throw, write guest memory, or touch what is in slots. */
  make(cpu: Processor): (...values: number[]) => number | undefined;
}

export const calls: readonly OutsideFunction[] = [];

/** The number of a function for `b.call`. */
export const numberOf = (call: OutsideFunction): number => calls.indexOf(call) + 1;
