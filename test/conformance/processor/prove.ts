/**
 * Compares the machine with the host's processor on generated cases:
 *
 *     npm run prove -- [--group NAME[,NAME…]] [--cases N] [--sequences N] [--seed N] [--form NAME] [--show N]
 *                  [--engine interpreter|compiled] [--states N] [--most N]
 *     npm run prove -- --record
 *
 * The groups: integer, vector (MMX and SSE) and x87, N cases for each form of the table (default 200), and each with
 * N sequences (default 5000); mixed, faults, segments, bytes and everything, which are made of sequences only. Without
 * --group, all. Prints what differs, how much of the table was covered, and how near the transcendental functions come.
 * Each code is met in so many states (default 1, of the compiled engine 16: states.ts). Compiled code is made in
 * regions of so many instructions at most (default 100): behind each region everything is where it belongs.
 * With --record the host's answers are kept in fixtures/processor, for tests where there is no such host.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { forms } from "../../../src/isa/index.ts";
import { type Core, Machine, undefinedFamilies } from "../../../src/machine/index.ts";
import { CompilingEngine } from "../../../src/machine/jit/index.ts";
import { proofOptions } from "../../prove-options.ts";
import { type Answer, type Case, differences, isAmbiguous, OUT_OF_TIME, tolerant } from "./case.ts";
import { Coverage, formsOfGroup } from "./coverage.ts";
import type { Series } from "./generate.ts";
import { groups, recorded } from "./groups.ts";
import { type Oracle, openOracle } from "./oracle.ts";
import { options, Subject } from "./ours.ts";
import { Recorder } from "./recording.ts";
import { caseInState } from "./states.ts";
import { Distances } from "./transcendental.ts";
import { describeX87, tolerantX87 } from "./x87.ts";

const { values } = proofOptions({
  cases: 200,
  seed: 1,
  group: Object.keys(groups).join(","),
  form: "",
  engine: "interpreter",
  family: "zen4",
  /** 0: one for the interpreter, 16 for compiled code. */
  states: 0,
  most: 100,
  record: false,
  sequences: 5000,
  show: 3,
  root: ".",
});

/** So many cases of one series are asked at once. */
const AT_ONCE = 5000;
/** The host loses the pointers to the last x87 instruction when it changes tasks: what it says twice is steady. */
const ASKED_TWICE = new Set(["x87", "mixed", "faults", "segments", "bytes", "everything"]);
/** A system call, which is Linux's; #AC, which comes where CR0.AM is set, as Linux has it and KolibriOS has not. */
const OF_THE_HOST = new Set([254, 17]);
/** Linux tells programs by the limit of this segment which processor they run on; memory at random names it now and then. */
const CPU_SEGMENT = 0x78;
const namesCpuSegment = ({ selectors }: Answer): boolean =>
  selectors.some((selector) => (selector & ~3) === CPU_SEGMENT);

const progress = process.stderr.isTTY === true;
const coverage = new Coverage();
const distances = new Distances();

interface Counts {
  total: number;
  wrong: number;
  ambiguous: number;
  unsteady: number;
}

function prove(
  group: string,
  series: Series,
  from: number,
  to: number,
  oracle: Oracle,
  counts: Counts,
): void {
  const cases: Case[] = [];
  const ours: Answer[] = [];
  let first: Case | undefined;
  for (let n = from; n < to; n++) {
    const one = caseInState(series, values.seed, n, states, first);
    if (n % states === 0) first = one;
    const answer = subject.answer(one);
    // What runs for ever does so until the clock strikes: where it stands then says nothing.
    if (isAmbiguous(answer) || ((one.raw || series.sequences) && answer.vector === OUT_OF_TIME)) {
      counts.ambiguous++;
      continue;
    }
    cases.push(one);
    ours.push(answer);
  }
  const answers = oracle.ask(cases);
  const again = ASKED_TWICE.has(group) ? oracle.ask(cases) : answers;
  const mismatches: string[] = [];
  for (const [i, one] of cases.entries()) {
    if (differences(answers[i]!, again[i]!).length > 0) {
      counts.unsteady++;
      continue;
    }
    if (OF_THE_HOST.has(answers[i]!.vector) || namesCpuSegment(answers[i]!)) {
      counts.ambiguous++;
      continue;
    }
    counts.total++;
    recorder?.add(series.key, one, answers[i]!);
    if (group === "x87") distances.add(series.name, one, answers[i]!, ours[i]!);
    if (!series.sequences) coverage.add(forms()[one.form]!, answers[i]!);
    const expected = tolerantX87(series.name, one, tolerant(answers[i]!, ours[i]!), ours[i]!);
    const found = differences(expected, ours[i]!);
    if (found.length > 0) {
      const state = group === "x87" ? `\n      ${describeX87(one, answers[i]!, ours[i]!)}` : "";
      mismatches.push(`${describe(one)}\n      native ${found.join("; ")}${state}`);
    }
  }
  counts.wrong += mismatches.length;
  if (mismatches.length > 0) {
    console.log(`${series.key}: ${mismatches.length} of ${cases.length} differ`);
    for (const text of mismatches.slice(0, values.show)) console.log(`    ${text}`);
  }
}

function describe(one: Case): string {
  const code = one.pokes[one.pokes.length - 1]!;
  const bytes = Array.from(code.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const registers = one.registers.map((value) => value.toString(16)).join(" ");
  return `${bytes} at ${one.eip.toString(16)} with ${registers} eflags ${one.eflags.toString(16)} (${one.number})`;
}

const wanted = values.group.split(",");
for (const name of wanted) {
  if (name in groups) continue;
  console.error(`There is no group "${name}": ${Object.keys(groups).join(", ")}`);
  process.exit(1);
}
const oracle = openOracle(join(values.root, "test/conformance/processor/oracle.c"));
if ("missing" in oracle) {
  console.error(`The processor of this host cannot be asked: ${oracle.missing}`);
  process.exit(1);
}
if (values.engine !== "interpreter" && values.engine !== "compiled") {
  console.error(`There is no engine "${values.engine}" of our own: interpreter, compiled`);
  process.exit(1);
}
const undefinedFlags = undefinedFamilies.find((name) => name === values.family);
if (undefinedFlags === undefined) {
  console.error(`There is no family "${values.family}": ${undefinedFamilies.join(", ")}`);
  process.exit(1);
}
const isCompiled = values.engine === "compiled";
const states = values.record ? 1 : values.states || (isCompiled ? 16 : 1);
// Compiled before it is executed, but not all of the empty memory that a case may come to.
const compiled = (core: Core) => new CompilingEngine(core, { ahead: true, most: values.most });
const subject = isCompiled
  ? new Subject(
      new Machine({ ...options, undefinedFlags, engine: compiled }),
      new Subject(new Machine({ ...options, undefinedFlags, engine: "interpreter" })),
    )
  : new Subject(new Machine({ ...options, undefinedFlags, engine: "interpreter" }));
let recorder: Recorder | undefined;
let wrong = 0;
for (const name of wanted) {
  const group = name as keyof typeof groups;
  const began = Date.now();
  const counts: Counts = { total: 0, wrong: 0, ambiguous: 0, unsteady: 0 };
  recorder = values.record ? new Recorder(values.seed) : undefined;
  const chosen = groups[group]().filter((series) => values.form === "" || series.name === values.form);
  for (const [done, series] of chosen.entries()) {
    const asked = values.record ? recorded[group] : { cases: values.cases, sequences: values.sequences };
    const count = series.sequences ? asked.sequences : asked.cases;
    for (let from = 0; from < count; from += AT_ONCE) {
      prove(group, series, from, Math.min(from + AT_ONCE, count), oracle, counts);
      if (progress) {
        const { total, wrong: differing } = counts;
        process.stderr.write(
          `\r${group}: ${done + 1} of ${chosen.length} series, ${total} cases, ${differing} differ \x1b[K`,
        );
      }
    }
  }
  if (progress) process.stderr.write("\r\x1b[K");
  if (recorder) {
    const file = join(values.root, `fixtures/processor/${group}.bin.gz`);
    writeFileSync(file, gzipSync(recorder.bytes(), { level: 9 }));
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(
    `${group}: ${counts.total} cases, ${counts.wrong} differ, ${counts.ambiguous} not asked, ${counts.unsteady} not steady; ${seconds} s`,
  );
  wrong += counts.wrong;
}
oracle.close();
if (values.form === "" && wanted.some((group) => group in formsOfGroup)) {
  for (const line of coverage.report(wanted)) console.log(line);
}
for (const line of distances.report()) console.log(line);
process.exitCode = wrong === 0 ? 0 : 1;
