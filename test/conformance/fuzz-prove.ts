/**
 * `npm run prove -- fuzz`: fuzz.ts and the random programs of test/engines for as long as you like.
 *
 *     npm run prove -- fuzz [--runs N] [--seed N] [--tier liftoff|turbofan]
 *
 * The tier is the compiler of V8 that makes machine code of what is compiled: by itself V8 begins with Liftoff, and a
 * short run never sees what TurboFan makes of it.
 */
import { setFlagsFromString } from "node:v8";
import type { Core } from "../../src/machine/index.ts";
import { type CompilerOptions, CompilingEngine } from "../../src/machine/jit/index.ts";
import { compareRuns, program } from "../engines/programs.ts";
import { proofOptions } from "../prove-options.ts";
import { randomCode, strangeImage } from "./fuzz.ts";

const { values } = proofOptions({ runs: 2000, seed: 1, tier: "" });
const tiers: Readonly<Record<string, string>> = { liftoff: "--liftoff-only", turbofan: "--no-liftoff" };
if (values.tier !== "") {
  const flag = tiers[values.tier];
  if (flag === undefined) {
    console.error(`fuzz: there is no tier "${values.tier}"; there are ${Object.keys(tiers).join(", ")}`);
    process.exit(1);
  }
  // Before the first module is compiled.
  setFlagsFromString(flag);
}
const { runs } = values;
const first = values.seed * 1_000_003;

/** A random program interpreted and compiled, in pieces of these lengths. */
function randomProgram(
  seed: number,
  options: CompilerOptions,
  pieces: readonly number[],
): string | undefined {
  const compiled = { engine: (core: Core) => new CompilingEngine(core, options) };
  const found = compareRuns(program(seed), { engine: "interpreter" }, compiled, pieces, 3000);
  return "differs" in found ? found.differs : undefined;
}

/** What is run, and once in how many runs: programs take longer. */
const kinds: Readonly<Record<string, readonly [run: (seed: number) => string | undefined, oneIn: number]>> = {
  "random bytes as code, interpreted": [(seed) => randomCode(seed, "interpreter"), 1],
  "random bytes as code, compiled": [(seed) => randomCode(seed, "compiled"), 1],
  "random programs, compiled ahead": [
    (seed) => randomProgram(seed, { ahead: true, most: 50 }, [100_000]),
    10,
  ],
  "random programs, compiled ahead, in pieces": [
    (seed) => randomProgram(seed, { ahead: true, most: 50 }, [7, 100, 33, 1, 250, 61, 19]),
    20,
  ],
  "random programs, compiled when hot": [
    (seed) => randomProgram(seed, { threshold: 2, most: 200 }, [1000, 13, 170, 555]),
    10,
  ],
  "images with any header": [strangeImage, 1],
};
const progress = process.stderr.isTTY === true;
let wrong = 0;
for (const [name, [run, oneIn]] of Object.entries(kinds)) {
  const count = Math.ceil(runs / oneIn);
  let here = 0;
  for (let i = 0; i < count; i++) {
    let found: string | undefined;
    try {
      found = run(first + i);
    } catch (error) {
      found = String(error);
    }
    if (found !== undefined && here++ < 5) console.log(`${name}, run ${first + i}: ${found}`);
    if (progress && i % 100 === 0) process.stderr.write(`\r${name}: ${i} of ${count}\x1b[K`);
  }
  if (progress) process.stderr.write("\r\x1b[K");
  console.log(`${name}: ${count} runs, ${here} went wrong`);
  wrong += here;
}
process.exitCode = wrong === 0 ? 0 : 1;
