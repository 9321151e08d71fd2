/**
 * Writes WebAssembly: one table of its instructions (opcodes.ts), one writer of functions and modules (writer.ts), and
 * over both, for code that is written by hand, nested expressions (expressions.ts). text.ts reads modules back. Nothing
 * here knows what it is used for.
 */
export * as wasm from "./expressions.ts";
export { type Expression, type Local, type TypeName, WasmFunction } from "./expressions.ts";
export {
  F32,
  F64,
  I32,
  I64,
  nameOf,
  type Opcode,
  resultOf,
  SIMD,
  typeNames,
  V128,
  type ValueType,
  W,
} from "./opcodes.ts";
export { moduleText } from "./text.ts";
export { Code, type FunctionType, type Import, Label, moduleBytes } from "./writer.ts";
