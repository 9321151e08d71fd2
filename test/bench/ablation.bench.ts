/**
 * What each of the compiler's optimisations brings: the kernels of asm/bench with one left out at a time, as times of
 * a run with all of them. It is about the steady state: each run is cut into short pieces, and the pieces of its
 * second half are averaged, the slowest and fastest left out, so that neither what V8 takes to warm up counts nor, by
 * much, what else the machine does.
 *
 * KERNELS (names, by commas), WITHOUT (optimisations, by commas), ROUNDS and SIZE (a factor) in the environment make
 * it smaller.
 */
import { readFileSync } from "node:fs";
import { assemble } from "../../src/assembler/index.ts";
import { rawImage } from "../../src/image/index.ts";
import { type Core, loadImage, Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { OPTIMISATIONS, type Optimisation } from "../../src/machine/jit/optimisations.ts";
import { diskFiles } from "../../src/node/index.ts";

/** Kernels with what multiplies their own rounds. fib takes that many more of its own. */
const KERNELS: Readonly<Record<string, number>> = {
  alu: 12,
  sieve: 4,
  crc32: 8,
  sha256: 20,
  "rep-long": 6,
  "rep-short": 10,
  fib: 4,
  dispatch: 8,
  sort: 6,
  bignum: 20,
  "sse-matrix": 40,
  blend: 4,
  "x87-matrix": 6,
  "same-page": 10,
};
const MEMORY = 16 * 2 ** 20;
/** Milliseconds after which a run is cut: what is left out may be what made it bearable. */
const LONGEST = 1500;
/** Instructions at a time: a fraction of a millisecond. */
const PIECE = 500_000;
const size = Number(process.env["SIZE"] ?? 1);
const rounds = Number(process.env["ROUNDS"] ?? 3);

function chosen<T extends string>(variable: string, all: readonly T[]): T[] {
  const words = process.env[variable]?.split(",");
  return all.filter((name) => words?.includes(name) ?? true);
}

function assembled(name: string): Uint8Array {
  const own = Number(/^default_rounds (\d+)/m.exec(readFileSync(`asm/bench/${name}.asm`, "latin1"))![1]);
  const count = name === "fib" ? own + KERNELS[name]! : Math.max(1, Math.round(own * KERNELS[name]! * size));
  const made = assemble(`asm/bench/${name}.asm`, { files: diskFiles(), defines: { N: String(count) } });
  if (!made.ok) throw new Error(`${name}: ${made.diagnostics.map(({ text }) => text).join(", ")}`);
  return made.bytes;
}

/** Nanoseconds that an instruction takes in pieces of one run; EAX at its end, if it comes to it, must be what it always is. */
function run(name: string, kernel: Uint8Array, without: Optimisation | undefined): number[] {
  const engine = (core: Core) => new CompilingEngine(core, { without });
  const machine = new Machine({ memoryBytes: MEMORY, engine });
  const loaded = loadImage(machine, rawImage(kernel, { origin: 0x1000 }));
  if ("error" in loaded) throw new Error(loaded.error);
  machine.memory.map(0, MEMORY);
  machine.cpu.esp = MEMORY;
  const pieces: number[] = [];
  const begin = performance.now();
  for (;;) {
    const before = machine.instructions;
    const start = performance.now();
    if (start - begin > LONGEST) return pieces.slice(pieces.length >> 1);
    const stop = machine.run(PIECE);
    const time = performance.now() - start;
    if (stop.reason === "interrupt") break;
    if (stop.reason !== "budget") throw new Error(`${name} ended with ${JSON.stringify(stop)}`);
    pieces.push((time * 1e6) / (machine.instructions - before));
  }
  const answer = answers.get(name) ?? machine.cpu.eax;
  if (answer !== machine.cpu.eax) throw new Error(`${name} without ${without}: another answer`);
  answers.set(name, answer);
  return pieces.slice(pieces.length >> 1);
}

/** The mean without the slower half, where the machine did something else, and without the fastest few. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const kept = sorted.slice(Math.floor(sorted.length * 0.05), Math.ceil(sorted.length * 0.5));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

const answers = new Map<string, number>();
const names = chosen("KERNELS", Object.keys(KERNELS));
const kernels = new Map(names.map((name) => [name, assembled(name)]));
const switches = chosen("WITHOUT", Object.keys(OPTIMISATIONS) as Optimisation[]);
const all = new Map<string, number[]>();
// The first round warms the compiler up and is not counted.
for (let round = 0; round <= rounds; round++) {
  for (const [name, kernel] of kernels) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Kround ${round} of ${rounds}: ${name}`);
    for (const without of [undefined, ...switches]) {
      const key = `${name} ${without}`;
      const pieces = run(name, kernel, without);
      if (round > 0) all.set(key, [...(all.get(key) ?? []), ...pieces]);
    }
  }
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const row = (cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(" | ")} |\n`);
for (const each of switches) process.stdout.write(`${each}: ${OPTIMISATIONS[each]}\n`);
process.stdout.write("\nNanoseconds per guest instruction with everything, and times as long without:\n\n");
row(["kernel", "ns", ...switches]);
row(["---", "--:", ...switches.map(() => "--:")]);
const factors = new Map(switches.map((each) => [each, [] as number[]]));
for (const name of names) {
  const whole = middle(all.get(`${name} undefined`)!);
  row([
    name,
    whole.toPrecision(3),
    ...switches.map((each) => {
      const factor = middle(all.get(`${name} ${each}`)!) / whole;
      factors.get(each)!.push(factor);
      return factor.toFixed(2);
    }),
  ]);
}
row([
  "geometric mean",
  "",
  ...switches.map((each) => {
    const list = factors.get(each)!;
    return Math.exp(list.reduce((sum, factor) => sum + Math.log(factor), 0) / list.length).toFixed(2);
  }),
]);
