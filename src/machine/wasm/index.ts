/**
 * Writes WebAssembly by hand: code is a list of bytes, an operation takes the code of its operands and gives its own,
 * so that nested calls read like the expression they make. Nothing here knows what it is used for.
 */
export { type Code, type Local, type Value, WasmFunction, WasmModule } from "./module.ts";
export * as wasm from "./operations.ts";
