/**
 * Programs that end early: how long the first instructions of some kernels take, interpreted and with the engine that compiles,
 * each time in a process of its own that begins with V8's code cache. Decoding is counted, loading is not.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assemble } from "../../src/assembler/index.ts";
import { median } from "./measure.ts";

const KERNELS = ["alu", "sha256", "fib", "sse-matrix"];
const LENGTHS = [100_000, 300_000, 900_000, 2_000_000, 10_000_000];
const ENGINES = ["interpreter", "compiled"] as const;
const ROUNDS = Number(process.env["ROUNDS"] ?? 7);

if (process.argv[2] === "cell") {
  const { cell } = await import("./peers/cell.ts");
  await cell(process.argv[3]!, process.argv[4]!, Number(process.argv[5]));
} else {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-short-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const self = fileURLToPath(import.meta.url);
  process.stdout.write(`| ms, after instructions | ${LENGTHS.map((n) => `${n / 1e6} M`).join(" | ")} |\n`);
  process.stdout.write(`| --- |${LENGTHS.map(() => " --: |").join("")}\n`);
  for (const kernel of KERNELS) {
    const made = assemble(`asm/bench/${kernel}.asm`, { files: { read: (path) => readFileSync(path) } });
    if (!made.ok) throw new Error(made.diagnostics.map(({ text }) => text).join(", "));
    const file = join(folder, kernel);
    writeFileSync(file, made.bytes);
    const times = new Map(ENGINES.map((engine) => [engine, LENGTHS.map((): number[] => [])]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, length] of LENGTHS.entries()) {
        for (const engine of ENGINES) {
          const argv = [self, "cell", engine, file, String(length)];
          const { status, stdout } = spawnSync(process.execPath, argv, { encoding: "utf8" });
          if (status !== 0) throw new Error(`${kernel} ended with ${status}`);
          times.get(engine)![i]!.push(Number(stdout.split(" ")[0]) / 1e6);
        }
      }
    }
    for (const [engine, all] of times) {
      const cells = all.map((each) => median(each).toFixed(1));
      process.stdout.write(`| ${kernel}, ${engine} | ${cells.join(" | ")} |\n`);
    }
  }
}
