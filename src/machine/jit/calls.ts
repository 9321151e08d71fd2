/** Functions that compiled code calls out to, by their numbers for `b.call`: 0 is `execute`, these follow from 1. */
import { fastX87 } from "../cpu/fast/index.ts";
import type { Processor } from "../cpu/processor.ts";
import { I32 } from "./wasm/opcodes.ts";
import type { FunctionType } from "./wasm/writer.ts";

export interface OutsideFunction {
  readonly name: string;
  readonly type: FunctionType;
  /** The function for one machine. It must not throw, write guest memory, or touch what is in slots. */
  make(cpu: Processor): (...values: number[]) => number | undefined;
}

const FAST: FunctionType = { parameters: [I32, I32, I32], results: [I32] };

/** The fast functions of the x87, which answer 0 when they have done nothing. */
export const calls: readonly OutsideFunction[] = fastX87.names.map((name, number) => ({
  name: `x87_${name}`,
  type: FAST,
  make: (cpu) => cpu.fastX87[number]!,
}));

/** The number of a fast function of the x87 for `b.call`. */
export const x87Call = (name: string): number => fastX87.number(name) + 1;
