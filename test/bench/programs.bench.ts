/**
 * Programs as a C compiler makes them, on everything that can run them: those of programs/, of many routines and branches,
 * where the kernels of `npm run bench peers` are a loop each. Each run is a process of its own, the rounds are interleaved,
 * medians are told; all must agree on the result. Needs `gcc -m32`.
 *
 * PEERS (names, by commas) and ROUNDS in the environment.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digits, geometricMean, median, table } from "./measure.ts";
import { findPeers, measure } from "./peers/peers.ts";

const SSE = ["-msse2", "-mfpmath=sse"];
const X87 = ["-mno-sse", "-mfpmath=387"];
/** By name: the source, and how it is compiled. */
const PROGRAMS: Readonly<Record<string, readonly [source: string, ...options: string[]]>> = {
  script: ["script", "-O2", ...SSE],
  "script, not optimised": ["script", "-O0", ...SSE],
  bytecode: ["bytecode", "-O2", ...SSE],
  archive: ["archive", "-O2", ...SSE],
  "archive, not optimised": ["archive", "-O0", ...SSE],
  hashes: ["hashes", "-O2", ...SSE],
  queens: ["queens", "-O2", ...SSE],
  trees: ["trees", "-O2", ...SSE],
  "rays, SSE": ["rays", "-O2", ...SSE],
  "rays, x87": ["rays", "-O2", ...X87],
  "planets, SSE": ["planets", "-O2", ...SSE],
  "planets, x87": ["planets", "-O2", ...X87],
};
const FLAT = [
  ...["-m32", "-march=i686", "-ffreestanding", "-nostdlib", "-static", "-no-pie", "-fno-pic"],
  ...["-fno-stack-protector", "-fcf-protection=none", "-Wl,--build-id=none,--oformat=binary"],
];
const DEFAULT = ["native", "qemu-i386", "v86", "interpreter", "compiled"];

const rounds = Number(process.env["ROUNDS"] ?? 3);

/** Answers the flat program's file; throws with the compiler's words. */
function built(folder: string, name: string): string {
  const [source, ...options] = PROGRAMS[name]!;
  const file = join(folder, name.replaceAll(/\W+/g, "-"));
  const here = "test/bench/programs";
  const args = [...FLAT, ...options, "-T", `${here}/flat.ld`, `${here}/${source}.c`, "-o", file, "-lgcc"];
  const { status, stderr } = spawnSync("gcc", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return file;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-programs-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const wanted = process.env["PEERS"]?.split(",") ?? DEFAULT;
  const found = findPeers(folder, fileURLToPath(import.meta.url)).filter(({ name }) => wanted.includes(name));
  for (const { name, absent } of found) if (absent) process.stdout.write(`${name} is skipped: ${absent}\n`);
  const peers = found.filter(({ absent }) => absent === undefined);
  if (spawnSync("gcc", ["-m32", "-E", "-x", "c", "/dev/null"]).status !== 0) {
    process.stdout.write("skipped: gcc -m32 is not there to compile the programs\n");
    return;
  }

  const rows: { name: string; instructions: number; milliseconds: number[] }[] = [];
  for (const name of Object.keys(PROGRAMS)) {
    const file = built(folder, name);
    const times = peers.map(() => [] as number[]);
    let instructions = Number.NaN;
    let result: number | undefined;
    for (let round = 1; round <= rounds; round++) {
      for (const [i, peer] of peers.entries()) {
        if (process.stderr.isTTY)
          process.stderr.write(`\r\x1b[K${name}: round ${round} of ${rounds}, ${peer.name}`);
        const outcome = await measure(peer, file);
        result ??= outcome.eax;
        if (outcome.eax !== result)
          throw new Error(`${name}: ${peer.name} finds ${outcome.eax}, not ${result}`);
        instructions = outcome.instructions ?? instructions;
        times[i]!.push(outcome.nanoseconds / 1e6);
      }
    }
    rows.push({ name, instructions, milliseconds: times.map(median) });
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

  const head = peers.map(({ name }) => name);
  process.stdout.write("\nMilliseconds\n\n");
  table(
    ["program", "guest instructions", ...head],
    rows.map(({ name, instructions, milliseconds }) => [
      name,
      `${digits(instructions / 1e6)} M`,
      ...milliseconds.map(digits),
    ]),
  );
  process.stdout.write(`\nTimes as long as ${head[0]}\n\n`);
  const ratios = rows.map(({ milliseconds }) => milliseconds.map((each) => each / milliseconds[0]!));
  table(
    ["program", ...head],
    [
      ...rows.map(({ name }, i) => [name, ...ratios[i]!.map(digits)]),
      ["geometric mean", ...head.map((_, i) => digits(geometricMean(ratios.map((each) => each[i]!))))],
    ],
  );
}

if (process.argv[2] === "cell") {
  const { cell } = await import("./peers/cell.ts");
  await cell(process.argv[3]!, process.argv[4]!);
} else await main();
