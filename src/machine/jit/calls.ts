/** What compiled code calls out to: the engine, and functions that have numbers, from 1 on, for `b.call`. */
import { fastScans, fastX87, fastX87Values } from "../cpu/fast/index.ts";
import type { Processor } from "../cpu/processor.ts";
import { type FunctionType, I32, I64 } from "../wasm/index.ts";

/** What a module imports. */
export interface Imported {
  readonly name: string;
  readonly type: FunctionType;
}

/** Of the engine: executes an operation by its number. Answers as STATUS and LEAVES say. */
export const EXECUTE: Imported = { name: "execute", type: { parameters: [I32], results: [I32] } };
/** Of the engine: asks about an `int`, by its vector and how many instructions are left behind it. */
export const INTERRUPT: Imported = { name: "interrupt", type: { parameters: [I32, I32], results: [I32] } };

export interface OutsideFunction extends Imported {
  /** The function for one machine. It must not throw, write guest memory, or touch what is in slots. */
  readonly make: (cpu: Processor) => (...values: number[]) => number | undefined;
}

const FAST: FunctionType = { parameters: [I32, I32, I32], results: [I32] };

const ON_VALUES: FunctionType = { parameters: [I64, I32, I64, I32], results: [I64] };

/** The fast functions of the x87, which answer 0 when they have done nothing, and those on numbers. */
const all = (): readonly OutsideFunction[] => [
  ...fastX87.names.map((name, number) => ({
    name: `x87_${name}`,
    type: FAST,
    make: (cpu: Processor) => cpu.fast(fastX87)[number]!,
  })),
  ...fastX87Values.names.map((name, number) => ({
    name: `x87_value_${name}`,
    type: ON_VALUES,
    make: (cpu: Processor) => cpu.fast(fastX87Values)[number]!,
  })),
  ...fastScans.names.map((name, number) => ({
    name: `scan_${name}`,
    type: FAST,
    make: (cpu: Processor) => cpu.fast(fastScans)[number]!,
  })),
];

let calls: readonly OutsideFunction[] | undefined;

/** What is called by a number. Most programs call none of them, and need not load them. */
export const outsideFunction = (number: number): OutsideFunction => (calls ??= all())[number - 1]!;

/** The number of a fast function of the x87 on numbers for `b.call`. */
export const x87ValueCall = (name: string): number => fastX87.names.length + fastX87Values.number(name) + 1;

/** The number of a fast function of the x87 for `b.call`. */
export const x87Call = (name: string): number => fastX87.number(name) + 1;

/** The number of a scan (cpu/fast/strings.ts) for `b.call`. */
export const scanCall = (name: string): number =>
  fastX87.names.length + fastX87Values.names.length + fastScans.number(name) + 1;
