import type { Stop } from "../stop.ts";
import type { Core, Engine } from "./engine.ts";
import { BUDGET, pageFault } from "./engine.ts";
import { WORD } from "./state.ts";

/** Executes instructions one after another. */
export class Interpreter implements Engine {
  readonly name = "interpreter";
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  run(budget: number): Stop {
    const { memory } = this.#core;
    if (budget < 1) return BUDGET;
    const eip = memory.words[WORD.EIP]! >>> 0;
    const byte = memory.u8(eip);
    if (byte === undefined) return pageFault(memory, eip, "execute");
    return { reason: "unsupported", instruction: `opcode ${byte.toString(16).padStart(2, "0")}` };
  }

  codeWritten(): void {}

  flush(): void {}
}
