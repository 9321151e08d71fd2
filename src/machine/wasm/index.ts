/**
 * Writes WebAssembly: one table of its instructions (opcodes.ts; what they give is in results.ts), one writer of functions
 * and modules (writer.ts), and over both, for code that is written by hand, nested expressions (expressions.ts). Beside
 * the door stands what reads modules back (text.ts, names.ts), for few programs want it. Nothing here knows what it is used
 * for.
 */
export * as wasm from "./expressions.ts";
export { type Expression, type Local, type TypeName, WasmFunction } from "./expressions.ts";
export { F32, F64, I32, I64, type Opcode, SIMD, V128, type ValueType, W } from "./opcodes.ts";
export { resultOf } from "./results.ts";
export { Code, type FunctionType, type Import, Label, moduleBytes } from "./writer.ts";
