/**
 * The assembler beside fasm, source by source: warm in this process, after two seconds of it, and as a process of its own. Everything is run in
 * turn, round after round, and the medians are told; the outputs are compared. Below that, what a session saves when
 * one line has changed of the kernel-sized source and of the kernel. Sources are generated; with the
 * variable KOLIBRIOS set to a checkout of KolibriOS (with lang.inc where a source wants one) its large ones follow.
 *
 *     KOLIBRIOS=~/kolibrios npm run bench assembler
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { AssemblySession, assemble, type Files, memoryFiles } from "../../src/assembler/index.ts";
import { Preprocessor } from "../../src/assembler/preprocess/preprocess.ts";
import { FileLoader } from "../../src/assembler/source.ts";
import { diskFiles } from "../../src/node/files.ts";
import { kernelSized, manySmall, plain } from "./assembler.sources.ts";
import { median } from "./measure.ts";

/** Rounds that count, after one that does not. */
const ROUNDS = 5;
/** Milliseconds for which a source is assembled before its rounds: by then V8 has compiled what it will. */
const WARMING = 2000;
const EPOCH = 1_700_000_000;
const MEGABYTES = 2000;
/** Where KolibriOS has its kernel. */
const KERNEL = "kernel/trunk";

interface Source {
  readonly name: string;
  readonly folder: string;
  /** Assembled one after the other: one source of several files, or several small sources. */
  readonly mains: readonly string[];
  readonly includes: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), "kolibri-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const hasFasm = spawnSync("fasm").error === undefined;
const cli = resolve("dist/cli.cjs");

function generated(name: string, files: Readonly<Record<string, string>>, mains: readonly string[]): Source {
  const place = join(folder, name.replaceAll(" ", "-"));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
  return { name, folder: place, mains, includes: [] };
}

function real(): Source[] {
  const root = process.env.KOLIBRIOS;
  if (root === undefined) {
    process.stdout.write("  KOLIBRIOS is not set: generated sources only\n");
    return [];
  }
  const rows: readonly (readonly [string, string])[] = [
    [`${KERNEL}/kernel.asm`, "../../programs;."],
    ["programs/develop/koldbg/koldbg.asm", "../..;."],
    ["programs/develop/fasm/1.73/fasm.asm", "../../..;."],
    ["programs/fs/kfar/kfar.asm", "../..;."],
    ["programs/develop/libraries/box_lib/box_lib.asm", "../../..;."],
    ["programs/demos/view3ds/view3ds.asm", "../..;."],
  ];
  return rows.flatMap(([path, includes]) => {
    const main = join(root, path);
    if (!existsSync(main)) {
      process.stdout.write(`  ${main} is not there: left out\n`);
      return [];
    }
    const name = path.split("/").at(-1)!;
    return [{ name, folder: dirname(main), mains: [name], includes: includes.split(";") }];
  });
}

function main(): void {
  const small = manySmall(12);
  const sources = [
    generated("kernel-sized", kernelSized(), ["kernel.asm"]),
    generated("plain", { "plain.asm": plain() }, ["plain.asm"]),
    generated("12 small", small, Object.keys(small)),
    ...real(),
  ];
  if (!hasFasm) process.stdout.write("  fasm is not installed: no comparison\n");
  row(["source", "lines", "passes", "fasm ms", "warm ms", "lines/s", "warm", "process ms", "process"]);
  for (const source of sources) measure(source);
  process.stdout.write("\n");
  row(["one line in", "lines", "kept", "anew ms", "again ms", "again"]);
  const texts = kernelSized();
  for (const part of [0, 30, 59])
    again({ main: "kernel.asm", includes: [], files: memoryFiles(texts), changed: `part${part}/code.inc` });
  const root = process.env.KOLIBRIOS;
  if (root === undefined || !existsSync(join(root, KERNEL, "kernel.asm"))) return;
  for (const changed of ["core/sys32.inc", "network/stack.inc"])
    again({
      main: "kernel.asm",
      includes: ["../../programs", "."],
      files: diskFiles(join(root, KERNEL)),
      changed,
    });
}

interface Session {
  readonly main: string;
  readonly includes: readonly string[];
  readonly files: Files;
  /** The file to which one line is added at its end. */
  readonly changed: string;
}

/** One line of a source is another each time: a new assembly beside that of a session. */
function again({ main, includes, files: unchanged, changed }: Session): void {
  const options = { includes, maxMemory: MEGABYTES * 2 ** 20 };
  // The files stay in memory, as an editor has them.
  const known = new Map<string, ReturnType<Files["read"]>>();
  const read = (path: string) => {
    if (!known.has(path)) known.set(path, unchanged.read(path));
    return known.get(path);
  };
  const text = Buffer.from(read(changed) as Uint8Array);
  const session = new AssemblySession(main, options);
  session.assemble({ read });
  const times: { anew: number[]; again: number[] } = { anew: [], again: [] };
  let lines = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const bytes = Buffer.concat([text, Buffer.from(`\ndb ${round}\n`)]);
    const files: Files = { read: (path) => (path === changed ? bytes : read(path)) };
    const start = performance.now();
    const anew = assemble(main, { ...options, files });
    const between = performance.now();
    const same = session.assemble(files);
    const end = performance.now();
    if (!anew.ok || Buffer.compare(anew.bytes, same.bytes) !== 0)
      throw new Error(`${changed}: the outputs differ`);
    if (round === 0) {
      lines = linesOf(files, includes, [main]);
      continue;
    }
    times.anew.push(between - start);
    times.again.push(end - between);
  }
  const [whole, rest] = [median(times.anew), median(times.again)];
  row([
    changed,
    String(lines),
    String(session.reused),
    whole.toFixed(0),
    rest.toFixed(0),
    `${(rest / whole).toFixed(2)}x`,
  ]);
}

/** Lines after expansion. */
function linesOf(files: Files, includes: readonly string[], mains: readonly string[]): number {
  let lines = 0;
  for (const main of mains) {
    const preprocessor = new Preprocessor(new FileLoader(files, includes, {}), MEGABYTES * 2 ** 20);
    preprocessor.run(main, []);
    lines += preprocessor.lines.count;
  }
  return lines;
}

function row(cells: readonly string[]): void {
  process.stdout.write(
    `| ${cells.map((cell, n) => (n === 0 ? cell.padEnd(13) : cell.padStart(10))).join(" | ")} |\n`,
  );
}

function measure({ name, folder: cwd, mains, includes }: Source): void {
  process.chdir(cwd);
  const files = diskFiles(cwd);
  const lines = linesOf(files, includes, mains);
  const env = {
    ...process.env,
    SOURCE_DATE_EPOCH: String(EPOCH),
    // fasm's own separator is ; everywhere.
    INCLUDE: includes.join(delimiter === ":" ? ";" : delimiter),
  };
  const ours = join(folder, "ours.out");
  const theirs = join(folder, "theirs.out");
  const spawned = (command: string, args: string[]) => {
    const { status, stderr } = spawnSync(command, args, { env });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stderr}`);
  };
  let passes = 0;
  const candidates = {
    warm() {
      for (const main of mains) {
        const assembled = assemble(main, {
          files,
          includes,
          epochSeconds: EPOCH,
          maxMemory: MEGABYTES * 2 ** 20,
        });
        if (!assembled.ok) throw new Error(`${main}: ${assembled.diagnostics[0]!.text}`);
        passes = assembled.passes;
      }
    },
    process() {
      for (const main of mains)
        spawned(process.execPath, [cli, "asm", "-m", String(MEGABYTES * 1024), main, ours]);
    },
    ...(hasFasm && {
      fasm() {
        for (const main of mains) spawned("fasm", ["-m", String(MEGABYTES * 1024), main, theirs]);
      },
    }),
  };
  const times = new Map<string, number[]>();
  for (const begin = performance.now(); performance.now() - begin < WARMING; ) candidates.warm();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [candidate, run] of Object.entries(candidates)) {
      const start = performance.now();
      run();
      const elapsed = performance.now() - start;
      if (round > 0) times.set(candidate, [...(times.get(candidate) ?? []), elapsed]);
    }
  }
  if (hasFasm && !sameButTime(readFileSync(ours), readFileSync(theirs)))
    throw new Error(`${name}: the outputs differ`);
  const [fasm, warm, whole] = ["fasm", "warm", "process"].map((each) => median(times.get(each) ?? [])) as [
    number,
    number,
    number,
  ];
  row([
    name,
    String(lines),
    String(passes),
    fasm.toFixed(0),
    warm.toFixed(0),
    `${(lines / warm).toFixed(0)} k`,
    `${(warm / fasm).toFixed(2)}x`,
    whole.toFixed(0),
    `${(whole / fasm).toFixed(2)}x`,
  ]);
}

/** fasm does not know SOURCE_DATE_EPOCH: a COFF header tells the time it was made in bytes 4 to 7. */
function sameButTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const isCoff = a[0] === 0x4c && a[1] === 1;
  return a.every((byte, at) => byte === b[at] || (isCoff && at >= 4 && at < 8));
}

main();
