/**
 * debug: what watches and shows a machine; nobody knows it is watched. The disassembler prints FASM's syntax
 * from the rows of `isa/`.
 */
export { type Disassembly, type DisassemblyOptions, disassemble, print } from "./disassemble.ts";
