/**
 * The kernels of asm/bench on everything that can run them: natively, in other emulators, in ours. Each cell is the
 * median of rounds interleaved over all, each run a process of its own; loading is not counted, whatever
 * translation and warming up there is, is; what runs in Node begins with V8's code cache (peers/cell.ts). A peer that is slow does a fraction of the rounds, and its time is scaled
 * by the number of guest instructions (`~`). All must agree on the checksum.
 *
 * PEERS, KERNELS (names, by commas), ROUNDS and SIZE (a factor, 1 by default) in the environment make it smaller.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { assemble } from "../../src/assembler/index.ts";
import { diskFiles } from "../../src/node/index.ts";
import { digits, geometricMean, median, table } from "./measure.ts";
import { findPeers, measure, type Outcome, type Peer } from "./peers/peers.ts";

/** Kernels with what multiplies their own rounds: natively each takes some 50 to 200 ms. */
const FACTORS: Readonly<Record<string, number>> = {
  alu: 22,
  sieve: 9,
  crc32: 15,
  sha256: 45,
  "rep-long": 15,
  "rep-short": 30,
  fib: 29,
  dispatch: 10,
  sort: 12,
  bignum: 30,
  "sse-matrix": 65,
  blend: 10,
  "x87-matrix": 22,
  "system-calls": 2,
  "same-page": 4,
  "other-page": 4,
  "self-modifying": 10,
};
/** What these measure is not a loop's speed: they stay out of the means. */
const APART = new Set(["system-calls", "same-page", "other-page", "self-modifying"]);
/** Milliseconds: runs that would take longer are not made. */
const LONG = 1400;
const SMALLER = 8;
const SMALLEST = SMALLER ** 3;
const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

const rounds = Number(process.env["ROUNDS"] ?? 3);
const size = Number(process.env["SIZE"] ?? 1);
const chosen = (variable: string, names: readonly string[]): string[] => {
  const words = process.env[variable]?.split(",");
  return names.filter((name) => words?.includes(name) ?? true);
};

/** One kernel: assembled for as many rounds as wanted, its answers and counts kept. */
class Kernel {
  readonly name: string;
  readonly #folder: string;
  readonly #own: number;
  readonly #answers = new Map<number, { eax: number; by: string }>();
  readonly #counts = new Map<number, number>();
  readonly #files = new Map<number, string>();

  constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = folder;
    this.#own = Number(/^default_rounds (\d+)/m.exec(readFileSync(`asm/bench/${name}.asm`, "latin1"))![1]);
  }

  /** Rounds of the full run divided by `divisor`. The work of fib grows by the golden ratio for each. */
  rounds(divisor: number): number {
    const factor = (FACTORS[this.name]! * size) / divisor;
    return this.name === "fib"
      ? this.#own + Math.round(Math.log(factor) / Math.log(GOLDEN_RATIO))
      : Math.max(1, Math.round(this.#own * factor));
  }

  #file(count: number): string {
    let file = this.#files.get(count);
    if (file === undefined) {
      const made = assemble(`asm/bench/${this.name}.asm`, {
        files: diskFiles(),
        defines: { N: String(count) },
      });
      if (!made.ok) throw new Error(`${this.name}: ${made.diagnostics.map(({ text }) => text).join(", ")}`);
      file = join(this.#folder, `${this.name}-${count}`);
      writeFileSync(file, made.bytes);
      this.#files.set(count, file);
    }
    return file;
  }

  /** Milliseconds on a peer. */
  async run(peer: Peer, divisor: number): Promise<number> {
    const count = this.rounds(divisor);
    const outcome = await measure(peer, this.#file(count));
    this.#check(count, peer, outcome);
    return outcome.nanoseconds / 1e6;
  }

  #check(count: number, peer: Peer, { eax, instructions }: Outcome): void {
    if (instructions !== undefined) this.#counts.set(count, instructions);
    const answer = this.#answers.get(count);
    if (answer === undefined) this.#answers.set(count, { eax, by: peer.name });
    else if (answer.eax !== eax) {
      throw new Error(
        `${this.name}: ${answer.by} finds ${answer.eax} after ${count} rounds, ${peer.name} ${eax}`,
      );
    }
  }

  /** Guest instructions, counted by `counter`. */
  async instructions(counter: Peer, divisor: number): Promise<number> {
    const count = this.rounds(divisor);
    if (!this.#counts.has(count)) await this.run(counter, divisor);
    return this.#counts.get(count)!;
  }
}

/** One kernel on one peer. */
interface Cell {
  readonly kernel: Kernel;
  readonly peer: Peer;
  readonly divisor: number;
  readonly times: number[];
  /** Times of the full run made smaller, where warming up is looked at. */
  readonly shortTimes: number[];
}

/**
 * The largest part of the full run that is not too long: found from the smallest up. What two runs took tells what is
 * lost at the beginning, which does not grow, and what the next will take.
 */
async function calibrate(kernel: Kernel, peer: Peer): Promise<Cell> {
  // One that warms up for long would be judged by its warming up alone if its runs were cut.
  if (peer.warmsUp) return { kernel, peer, divisor: 1, times: [], shortTimes: [] };
  let divisor = SMALLEST;
  let before = await kernel.run(peer, divisor);
  let expected = 2 * before;
  while (divisor > 1 && expected < LONG) {
    const time = await kernel.run(peer, divisor / SMALLER);
    if (time > LONG) break;
    divisor /= SMALLER;
    expected = time + SMALLER * Math.max(0, time - before);
    before = time;
  }
  return { kernel, peer, divisor, times: [], shortTimes: [] };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-peers-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const found = findPeers(folder, fileURLToPath(import.meta.url));
  const names = chosen(
    "PEERS",
    found.map(({ name }) => name),
  );
  for (const { name, absent } of found) if (absent) process.stdout.write(`${name} is skipped: ${absent}\n`);
  const counter = found.at(-1)!;
  const peers = found.filter(({ name, absent }) => absent === undefined && names.includes(name));
  const kernels = chosen("KERNELS", Object.keys(FACTORS)).map((name) => new Kernel(name, folder));

  const progress = (words: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${words}`);
  };
  // The first run of all leaves the code cache for the others.
  for (const peer of peers) if (peer.warmsUp && kernels[0]) await kernels[0].run(peer, SMALLER);
  const cells: Cell[] = [];
  for (const kernel of kernels) {
    progress(`trying ${kernel.name}`);
    for (const peer of peers) cells.push(await calibrate(kernel, peer));
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { kernel, peer, divisor, times, shortTimes } of cells) {
      progress(`round ${round} of ${rounds}: ${kernel.name}`);
      times.push(await kernel.run(peer, divisor));
      if (peer.warmsUp && divisor === 1) shortTimes.push(await kernel.run(peer, SMALLER));
    }
  }

  progress("counting");
  const full = new Map<string, number>();
  for (const kernel of kernels) full.set(kernel.name, await kernel.instructions(counter, 1));
  /** Milliseconds for the full run, by kernel and peer. */
  const results = new Map<Kernel, Map<string, number>>(kernels.map((kernel) => [kernel, new Map()]));
  for (const { kernel, peer, divisor, times } of cells) {
    const scale = full.get(kernel.name)! / (await kernel.instructions(counter, divisor));
    results.get(kernel)!.set(peer.name, median(times) * scale);
  }
  progress("");

  const head = peers.map(({ name }) => name);
  const time = (kernel: Kernel, peer: string): number => results.get(kernel)!.get(peer) ?? Number.NaN;
  const mark = new Map(cells.map(({ kernel, peer, divisor }) => [`${kernel.name} ${peer.name}`, divisor]));

  process.stdout.write("\n### Milliseconds (`~`: scaled from a smaller run)\n\n");
  table(
    ["kernel", "guest instructions", ...head],
    kernels.map((kernel) => [
      kernel.name,
      `${digits(full.get(kernel.name)! / 1e6)} M`,
      ...head.map(
        (peer) => (mark.get(`${kernel.name} ${peer}`) === 1 ? "" : "~") + digits(time(kernel, peer)),
      ),
    ]),
  );
  process.stdout.write("\n### Millions of guest instructions a second\n\n");
  table(
    ["kernel", ...head],
    kernels.map((kernel) => [
      kernel.name,
      ...head.map((peer) => digits(full.get(kernel.name)! / time(kernel, peer) / 1000)),
    ]),
  );
  const base = head[0]!;
  const ratio = (kernel: Kernel, peer: string) => time(kernel, peer) / time(kernel, base);
  const mean = (title: string, which: (name: string) => boolean): (string | number)[] => [
    title,
    ...head.map((peer) =>
      digits(geometricMean(kernels.filter(({ name }) => which(name)).map((kernel) => ratio(kernel, peer)))),
    ),
  ];
  process.stdout.write(`\n### Times as long as ${base}\n\n`);
  table(
    ["kernel", ...head],
    [
      ...kernels.map((kernel) => [kernel.name, ...head.map((peer) => digits(ratio(kernel, peer)))]),
      mean("geometric mean of the loops without x87", (name) => !APART.has(name) && name !== "x87-matrix"),
      mean("with x87", (name) => !APART.has(name)),
    ],
  );

  const warming = peers.filter(({ warmsUp }) => warmsUp);
  process.stdout.write("\n### Milliseconds lost before the steady state\n\n");
  table(
    ["kernel", ...warming.map(({ name }) => name)],
    await Promise.all(
      kernels
        .filter(({ name }) => !APART.has(name))
        .map(async (kernel) => [
          kernel.name,
          ...(await Promise.all(
            warming.map(async (peer) => {
              const cell = cells.find((each) => each.kernel === kernel && each.peer === peer)!;
              if (cell.shortTimes.length === 0) return "–";
              const long = median(cell.times);
              const short = median(cell.shortTimes);
              const few = await kernel.instructions(counter, SMALLER);
              const rest = full.get(kernel.name)! - few;
              // What the smaller run would take at the speed of the rest of the larger one is not lost.
              return (short - ((long - short) * few) / rest).toFixed(0);
            }),
          )),
        ]),
    ),
  );
  await beginnings(folder);
}

/** Writes a line to the debug board and goes on for ever. */
const LINE_AND_LOOP = Uint8Array.of(
  ...[0xb8, 63, 0, 0, 0], // mov eax, 63
  ...[0xbb, 1, 0, 0, 0], // mov ebx, 1
  ...[0xb9, 10, 0, 0, 0], // mov ecx, 10
  ...[0xcd, 0x40, 0xeb, 0xfe], // int 0x40; jmp $
);

/** Milliseconds from the start of a process to its first byte of output, and its memory in MiB half a second later. */
async function begins(args: string[]): Promise<[milliseconds: number, memory: number]> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const milliseconds = performance.now() - start;
  await setTimeout(500);
  const { status, stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" });
  child.kill("SIGKILL");
  return [milliseconds, status === 0 ? Number(stdout) / 1024 : Number.NaN];
}

async function beginnings(folder: string): Promise<void> {
  const program = join(folder, "begins");
  writeFileSync(program, LINE_AND_LOOP);
  const nothing = ["-e", "process.stdout.write('\\n'); setInterval(() => {}, 1000)"];
  const lines: [string, string[]][] = [
    ["node, a line written", nothing],
    ["kolibri run, a line written by the guest", ["dist/cli.cjs", "run", "--raw", program]],
  ];
  const found = lines.map((): [number, number][] => []);
  for (let round = 0; round < 5; round++) {
    for (const [i, [, args]] of lines.entries()) found[i]!.push(await begins(args));
  }
  process.stdout.write("\n### Beginning\n\n");
  table(
    ["process", "ms to the line", "MiB half a second later"],
    lines.map(([name], i) => [
      name,
      ...[0, 1].map((column) => digits(median(found[i]!.map((pair) => pair[column]!)))),
    ]),
  );
}

if (process.argv[2] === "cell") {
  const { cell } = await import("./peers/cell.ts");
  await cell(process.argv[3]!, process.argv[4]!);
} else await main();
