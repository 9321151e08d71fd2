import type { Image } from "../image/index.ts";
import type { Core } from "./cpu/engine.ts";
import { CompilingEngine } from "./jit/index.ts";
import { regionText } from "./jit/print.ts";
import { loadImage } from "./load.ts";
import { Machine } from "./machine.ts";
import { moduleText } from "./wasm/text.ts";

/** What compiled code is made of: the compiler's intermediate form, and the WebAssembly that it becomes. */
export interface CompiledText {
  readonly ir: string;
  readonly wasm: string;
}

/**
 * What the compiler makes of the code that begins at an address, in a machine that has just loaded the image: all that
 * can be reached from it is taken for hot. Undefined where there is no instruction; why not, where the image cannot be
 * loaded.
 */
export function compiledText(image: Image, address: number): CompiledText | { error: string } | undefined {
  let engine: CompilingEngine | undefined;
  const machine = new Machine({
    engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true })),
  });
  const loaded = loadImage(machine, image);
  if ("error" in loaded) return loaded;
  const made = engine!.explain(address);
  return made && { ir: regionText(made.region), wasm: moduleText(made.bytes) };
}
