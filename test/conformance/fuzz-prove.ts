/** `npm run prove -- fuzz`: fuzz.ts for as long as you like. */
import { parseArgs } from "node:util";
import { randomCode, strangeImage } from "./fuzz.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "2000" }, seed: { type: "string", default: "1" } },
});
const runs = Number(values.runs);
const first = Number(values.seed) * 1_000_003;
const kinds: Readonly<Record<string, (seed: number) => string | undefined>> = {
  "random bytes as code, interpreted": (seed) => randomCode(seed, "interpreter"),
  "random bytes as code, compiled": (seed) => randomCode(seed, "compiled"),
  "images with any header": strangeImage,
};
const progress = process.stderr.isTTY === true;
let wrong = 0;
for (const [name, run] of Object.entries(kinds)) {
  let here = 0;
  for (let i = 0; i < runs; i++) {
    let found: string | undefined;
    try {
      found = run(first + i);
    } catch (error) {
      found = String(error);
    }
    if (found !== undefined && here++ < 5) console.log(`${name}, run ${first + i}: ${found}`);
    if (progress && i % 100 === 0) process.stderr.write(`\r${name}: ${i} of ${runs}\x1b[K`);
  }
  if (progress) process.stderr.write("\r\x1b[K");
  console.log(`${name}: ${runs} runs, ${here} went wrong`);
  wrong += here;
}
process.exitCode = wrong === 0 ? 0 : 1;
