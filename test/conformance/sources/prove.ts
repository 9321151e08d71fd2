/**
 * Compares the assembler with an installed fasm on a folder of sources:
 *
 *     npm run prove -- sources FOLDER [--match REGEXP] [--list FILE] [--include DIR;DIR] [--define NAME=VALUE]…
 *                      [--seconds N] [--memory KB] [--jobs N] [--all] [--json FILE]
 *
 * Every .asm, .inc, .fasm, .fas, .fsm, .ash, .tasm and .s file in it is given to both as a main file, in its own
 * directory and with the same INCLUDE; many are no complete programs, and are to be refused with the same words at the
 * same place. --match and --list (one name a line, as it is printed) choose among them. One line for each file that does not come out alike, or
 * for all of them with --all; then the totals by the first folder. Our clock is set to the second in which fasm ran.
 * Exit status: 0 when all is alike, 1 when not, 2 when nothing could be compared.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { proofOptions } from "../../prove-options.ts";
import { Fasm, Ours } from "./ask.ts";
import { good, type Judged, judge, judgeAgain, type Verdict, verdicts } from "./verdict.ts";

const {
  values,
  positionals: [given],
} = proofOptions(
  {
    match: "",
    list: "",
    include: process.env["INCLUDE"] ?? "",
    define: [],
    seconds: 60,
    memory: 524_288,
    jobs: availableParallelism(),
    all: false,
    json: "",
  },
  "FOLDER",
);

const fail = (why: string): never => {
  process.stderr.write(`${why}\n`);
  process.exit(2);
};

// npm runs scripts in the package's folder; names are meant where the user is.
const here = process.env["INIT_CWD"] ?? process.cwd();
const folder = resolve(here, given ?? fail("prove sources FOLDER: the folder is missing"));
if (!existsSync(folder) || !statSync(folder).isDirectory()) fail(`${given} is no folder`);
if (!Fasm.isInstalled()) fail("fasm is not installed: there is nothing to compare with");

function* sourcesIn(directory: string): Generator<string> {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== ".git" && entry.name !== "node_modules") yield* sourcesIn(path);
    } else if (
      /\.(asm|inc|fasm|fas|fsm|ash|tasm|s)$/i.test(entry.name) &&
      statSync(path, { throwIfNoEntry: false })?.isFile()
    )
      yield relative(folder, path);
  }
}

const listed =
  values.list === "" ? undefined : new Set(readFileSync(resolve(here, values.list), "utf8").split(/\r?\n/));
const pattern = new RegExp(values.match);
const names = [...sourcesIn(folder)].filter((name) => pattern.test(name) && (listed?.has(name) ?? true));
if (names.length === 0) fail(`no sources in ${given}`);

const shared = {
  seconds: values.seconds,
  kilobytes: values.memory,
  include: values.include,
  defines: values.define,
};
const progress = process.stderr.isTTY === true;
const clear = progress ? "\r\x1b[K" : "";
const results = new Map<string, Judged>();
const queue = names.values();
const began = Date.now();

async function work(): Promise<void> {
  const fasm = new Fasm(shared);
  const ours = new Ours(shared);
  for (const name of queue) {
    const place = { directory: dirname(join(folder, name)), source: basename(name) };
    const theirs = await fasm.ask(place);
    let judged = judge(theirs.answer, await ours.ask(place, theirs.second));
    // The clock may have moved on between the beginning of the program and the time stamp.
    for (
      let second = theirs.second + 1;
      judged.verdict === "different" && second <= theirs.lastSecond;
      second++
    )
      judged = judge(theirs.answer, await ours.ask(place, second));
    // Two answers that vary may happen to be alike.
    for (let more = 0; more < 4 && judged.verdict === "different"; more++) {
      const again = await fasm.ask(place);
      judged = judgeAgain(theirs.answer, again.answer, await ours.ask(place, theirs.second));
    }
    results.set(name, judged);
    if (values.all || !good.has(judged.verdict) || judged.verdict === "silent") {
      process.stdout.write(`${progress ? clear : ""}${judged.verdict.padEnd(18)}${name}  ${judged.detail}\n`);
    }
    if (progress) {
      const alike = [...results.values()].filter(({ verdict }) => good.has(verdict)).length;
      process.stderr.write(`${clear}${results.size} of ${names.length}, ${alike} alike  ${name.slice(-60)}`);
    }
  }
  fasm.close();
  ours.close();
}

await Promise.all(Array.from({ length: Math.max(1, values.jobs) }, work));
if (progress) process.stderr.write(clear);

/** The files' totals by the first folder, the best verdicts first; columns that are empty are left out. */
function totals(): string {
  const rows = new Map<string, Map<Verdict, number>>();
  const count = (row: string, verdict: Verdict) => {
    const counts = rows.get(row) ?? new Map<Verdict, number>();
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    rows.set(row, counts);
  };
  for (const name of names) {
    const slash = name.indexOf("/");
    if (slash > 0) count(name.slice(0, slash), results.get(name)!.verdict);
  }
  for (const { verdict } of results.values()) count("all", verdict);
  const columns = verdicts.filter((verdict) => [...results.values()].some((one) => one.verdict === verdict));
  const width = Math.max(...[...rows.keys()].map((row) => row.length));
  const lines = [`${"".padEnd(width)}  files  ${columns.join("  ")}`];
  for (const [row, counts] of rows) {
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    const cells = columns.map((column) => String(counts.get(column) ?? 0).padStart(column.length));
    lines.push(`${row.padEnd(width)}  ${String(all).padStart(5)}  ${cells.join("  ")}`);
  }
  return lines.join("\n");
}

const every = [...results.values()];
const share = (part: number, whole: number) =>
  `${part} of ${whole}${whole > 0 ? ` (${((100 * part) / whole).toFixed(2)} %)` : ""}`;
const made = every.filter(({ verdict }) => ["identical", "different", "refused by us"].includes(verdict));
const identical = every.filter(({ verdict }) => verdict === "identical");
const refused = every.filter(({ verdict }) =>
  ["refused alike", "refused otherwise", "taken by us"].includes(verdict),
);
const alike = every.filter(({ verdict }) => verdict === "refused alike");
const bad = every.filter(({ verdict }) => !good.has(verdict));
process.stdout.write(
  `${totals()}\n` +
    `of what fasm assembles, identical: ${share(identical.length, made.length)}, ` +
    `in as many passes: ${identical.filter(({ samePasses }) => samePasses).length}\n` +
    `of what fasm refuses, refused with the same message at the same line: ${share(alike.length, refused.length)}, ` +
    `to the letter: ${alike.filter(({ toTheLetter }) => toTheLetter).length}\n` +
    `${((Date.now() - began) / 1000).toFixed(0)} s\n`,
);
if (values.json !== "") {
  const rows = names.map((name) => ({ name, ...results.get(name)! }));
  writeFileSync(resolve(here, values.json), `${JSON.stringify(rows, null, 1)}\n`);
}
process.exitCode = bad.length === 0 ? 0 : 1;
