import { setFlagsFromString } from "node:v8";

/**
 * Has V8 do less beside the work. By default it does as if every process ran for long: in one that assembles a large source
 * and ends, it optimizes as long as that does, on few cores in its way, and much of what it inlines is thrown away
 * again; it doubles the bodies of loops; and it looks for garbage in small steps, so that nothing ever halts for long, which
 * nobody would notice here. Measured with the V8 11 of Node 20: a quarter less of the processors' time for fasm.asm and for
 * KolibriOS's kernel. With 100
 * bytes instead of 250 it is a twentieth less still, but large sources are then assembled up to a tenth slower.
 * Later ones have another compiler in between, and are left alone. V8 takes no code that was compiled under other flags, so
 * this is for when all rooms have been entered (rooms.ts).
 */
export function computesOnce(): void {
  if (!process.versions.v8.startsWith("11.")) return;
  setFlagsFromString("--max-inlined-bytecode-size-cumulative=250"); // instead of 920
  setFlagsFromString("--no-turbo-loop-peeling");
  setFlagsFromString("--no-incremental-marking");
}
