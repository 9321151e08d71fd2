/** How instructions and types of values are called in text. WebAssembly Core 2.0, 6. */
import { F32, F64, I32, I64, type Opcode, V128, W } from "./opcodes.ts";

export const typeNames: Readonly<Record<number, string>> = {
  [I32]: "i32",
  [I64]: "i64",
  [F32]: "f32",
  [F64]: "f64",
  [V128]: "v128",
};

const names = new Map<Opcode, string>(
  Object.entries(W).map(([name, code]) => [code, name.replace("_", ".")]),
);

/** As the specification writes it. */
export const nameOf = (code: Opcode): string => names.get(code) ?? `0x${code.toString(16)}`;

/** Loads and stores, behind which an alignment and an offset stand. */
export const isAccess = (code: Opcode): boolean => /\.(load|store)/.test(nameOf(code));

/** How many lanes are named behind an instruction: one that is taken or replaced, or all of a shuffle. */
export const lanesBehind = (code: Opcode): number =>
  code === W.i8x16_shuffle ? 16 : /_lane(_|$)/.test(nameOf(code)) ? 1 : 0;
