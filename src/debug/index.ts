/**
 * debug: what watches and shows a machine that does not know it is watched. Everything here attaches to hooks; with
 * nothing attached a run costs the same as without this room. The disassembler prints FASM's syntax from the rows of
 * `isa/`.
 */
export { type Disassembly, type DisassemblyOptions, disassemble, print } from "./disassemble.ts";
export { InstructionTrace } from "./trace.ts";
