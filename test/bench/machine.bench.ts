/**
 * Guest instructions a second on the kernels of asm/bench: each assembled, loaded into a machine of its own and run to
 * its end. `same-page` against `other-page` shows what data beside code costs, `system-calls` what leaving and
 * entering again costs.
 */
import { assemble } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { type EngineName, loadImage, Machine } from "../../src/machine/index.ts";
import { diskFiles } from "../../src/node/index.ts";

import { compare } from "./measure.ts";

const KERNELS =
  "alu sieve crc32 sha256 fib dispatch sort bignum sse-matrix blend x87-matrix rep-long rep-short same-page other-page self-modifying system-calls".split(
    " ",
  );
/** EAX at the last `int 0x40` of system-calls; the others make only one. */
const END = 0xffff_ffff;
const MEMORY = 16 * 2 ** 20;

function candidate(name: string, engine: EngineName) {
  const made = assemble(`asm/bench/${name}.asm`, { files: diskFiles() });
  if (!made.ok) throw new Error(`${name}: ${made.diagnostics.map(({ text }) => text).join(", ")}`);
  const image = rawImage(made.bytes, { origin: 0x1000 });
  return {
    name: `${name} ${engine}`,
    run() {
      const machine = new Machine({ memoryBytes: MEMORY, engine });
      const loaded = loadImage(machine, image);
      if ("error" in loaded) throw new Error(loaded.error);
      machine.memory.map(0, MEMORY);
      for (;;) {
        const stop = machine.run(Number.POSITIVE_INFINITY);
        if (stop.reason !== "interrupt") throw new Error(`${name} ended with ${JSON.stringify(stop)}`);
        if (name !== "system-calls" || machine.cpu.eax === END) return machine.instructions;
      }
    },
  };
}

const engines: readonly EngineName[] = ["interpreter", "compiled"];

await compare(
  "instructions",
  KERNELS.flatMap((name) => engines.map((engine) => candidate(name, engine))),
  3,
);
