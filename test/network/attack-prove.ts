/**
 * `npm run prove attack [-- --seconds N --seed S]`: a network under attack for as long as you like, seed after seed; every byte
 * that is taken is looked at, and memory must not grow.
 */

import { proofOptions } from "../prove-options.ts";
import { attack } from "./attack.ts";

const { values } = proofOptions({ seconds: 60, seed: 1 });
const end = performance.now() + values.seconds * 1000;
const FRAMES = 200_000;
let total = 0;
for (let { seed } = values; performance.now() < end; seed++) {
  const report = attack(
    seed,
    ({ frames }) => frames >= FRAMES || (frames % 1000 < 40 && performance.now() > end),
  );
  total += report.frames;
  const heap = Math.round(process.memoryUsage().heapUsed / 1e6);
  process.stdout.write(`seed ${seed}: ${JSON.stringify(report)}, ${heap} MB of memory in use\n`);
}
process.stdout.write(`${total} hostile frames, nothing broken\n`);
