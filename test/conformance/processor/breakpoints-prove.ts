/**
 * Compares hardware breakpoints with those of the host's processor: npm run prove -- breakpoints [--record]
 * [--random N] [--seed N]: the pieces that are written down, and N more at random.
 * With --record the host's answers are kept in fixtures/processor/breakpoints.txt.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proofOptions } from "../../prove-options.ts";
import { answer, assembled, question, randomPiece } from "./breakpoints.ts";

const { values } = proofOptions({ root: ".", record: false, random: 0, seed: 1 });
const folder = mkdtempSync(join(tmpdir(), "kolibri-breakpoints-"));
try {
  const program = join(folder, "breakpoints");
  const source = join(values.root, "test/conformance/processor/breakpoints.c");
  const built = spawnSync("gcc", ["-m32", "-O1", "-static", "-o", program, source], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(built.stderr || "gcc is not installed");
  const written = assembled();
  const others = Array.from({ length: values.random }, (_, n) => randomPiece(values.seed, n));
  const pieces = [...written, ...others];
  const input = pieces.map(question).join("");
  const native = spawnSync(program, { input, encoding: "utf8", maxBuffer: 2 ** 30 })
    .stdout.trim()
    .split("\n");
  if (native.length !== pieces.length) throw new Error("the host did not answer all");
  let differing = 0;
  for (const [i, piece] of pieces.entries()) {
    const ours = answer(piece, { engine: "interpreter" });
    if (ours === native[i]) continue;
    differing++;
    console.log(`${piece.name}\n    native ${native[i]}\n    here   ${ours}`);
  }
  if (values.record) {
    const lines = written.map(({ name }, i) => `${name} => ${native[i]}\n`);
    writeFileSync(join(values.root, "fixtures/processor/breakpoints.txt"), lines.join(""));
  }
  console.log(`breakpoints: ${pieces.length} pieces, ${differing} differ`);
  process.exitCode = differing === 0 ? 0 : 1;
} catch (error) {
  console.error(`prove breakpoints: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
