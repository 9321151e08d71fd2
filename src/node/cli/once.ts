import { setFlagsFromString } from "node:v8";

/**
 * Has V8 optimize less. By default it does as if every process ran for long: in one that assembles a large source and
 * ends, it works beside the assembler as long as that does, on few cores in its way, and much of what it inlines is
 * thrown away again. Measured with the V8 11 of Node 20: a quarter less for fasm.asm, a sixth for KolibriOS's kernel.
 * Later ones have another compiler in between, and are left alone.
 */
export function computesOnce(): void {
  if (!process.versions.v8.startsWith("11.")) return;
  setFlagsFromString("--interrupt-budget=264000"); // twice as long until a function counts as hot
  setFlagsFromString("--max-inlined-bytecode-size-cumulative=250"); // instead of 920
}
