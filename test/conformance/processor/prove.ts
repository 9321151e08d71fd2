/**
 * Compares the machine with the host's processor on generated cases, form by form:
 *
 *     npm run prove -- [--cases N] [--sequences N] [--seed N] [--group NAME] [--form NAME] [--show N] [--record FILE]
 *
 * The groups are integer (default), vector (MMX and SSE) and x87. N cases for each form of the table (default 200) and N sequences of instructions (default 5000). Prints what differs, and how much of the table was covered.
 * With --record the host's answers are kept in FILE, for tests where there is no such host.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { forms } from "../../../src/isa/index.ts";
import { type Answer, type Case, differences, isAmbiguous, tolerant } from "./case.ts";
import { asked, askedVector, notAsked, SEQUENCES } from "./generate.ts";
import { groups } from "./groups.ts";
import { openOracle } from "./oracle.ts";
import { Subject } from "./ours.ts";
import { Recorder } from "./recording.ts";
import { askedX87, describeX87, tolerantX87, X87_SEQUENCES } from "./x87.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    group: { type: "string", default: "integer" },
    form: { type: "string" },
    record: { type: "string" },
    sequences: { type: "string", default: "5000" },
    show: { type: "string", default: "3" },
    source: { type: "string", default: fileURLToPath(new URL("oracle.c", import.meta.url)) },
  },
});

const recorder = values.record === undefined ? undefined : new Recorder(Number(values.seed));
const oracle = openOracle(values.source);
if ("missing" in oracle) {
  console.error(`The processor of this host cannot be asked: ${oracle.missing}`);
  process.exit(1);
}
const perForm = Number(values.cases);
const perGroup = Number(values.sequences);
const show = Number(values.show);
const seriesOf = groups[values.group as keyof typeof groups];
if (seriesOf === undefined) {
  console.error(`There is no group "${values.group}": ${Object.keys(groups).join(", ")}`);
  process.exit(1);
}
const chosen = seriesOf().filter((series) => values.form === undefined || series.name === values.form);
const subject = new Subject();
let total = 0;
let wrong = 0;
let ambiguous = 0;
let unsteady = 0;
const progress = process.stderr.isTTY === true;
const began = Date.now();
for (const [done, series] of chosen.entries()) {
  const cases: Case[] = [];
  const ours: Answer[] = [];
  const count = series.name === SEQUENCES || series.name === X87_SEQUENCES ? perGroup : perForm;
  for (let n = 0; n < count; n++) {
    const one = series.make(Number(values.seed), n);
    const answer = subject.answer(one);
    if (isAmbiguous(answer)) {
      ambiguous++;
      continue;
    }
    cases.push(one);
    ours.push(answer);
  }
  const answers = oracle.ask(cases);
  // Some hosts lose the pointers to the last instruction when they change tasks: such answers are not steady.
  const again = values.group === "x87" ? oracle.ask(cases) : answers;
  const mismatches: string[] = [];
  for (const [i, one] of cases.entries()) {
    if (differences(answers[i]!, again[i]!).length > 0) {
      unsteady++;
      continue;
    }
    total++;
    recorder?.add(series.key, one, answers[i]!);
    const expected = tolerantX87(series.name, one, tolerant(series.name, answers[i]!, ours[i]!), ours[i]!);
    const found = differences(expected, ours[i]!);
    if (found.length > 0) {
      const state = values.group === "x87" ? `\n      ${describeX87(one, answers[i]!, ours[i]!)}` : "";
      mismatches.push(`${describe(one)}\n      native ${found.join("; ")}${state}`);
    }
  }
  wrong += mismatches.length;
  if (mismatches.length > 0) {
    console.log(`${series.key}: ${mismatches.length} of ${cases.length} differ`);
    for (const text of mismatches.slice(0, show)) console.log(`    ${text}`);
  }
  if (progress) {
    process.stderr.write(`\r${done + 1} of ${chosen.length} series, ${total} cases, ${wrong} differ `);
  }
}
oracle.close();
if (recorder && values.record !== undefined) {
  writeFileSync(values.record, gzipSync(recorder.bytes(), { level: 9 }));
}
if (progress) process.stderr.write("\n");
const every = [...asked, ...askedVector, ...askedX87];
const skipped = forms().filter((form) => !every.includes(form));
console.log(
  `${total} cases, ${wrong} differ, ${ambiguous} not asked, ${unsteady} not steady; ${every.length} of ${forms().length} forms can be asked; ${((Date.now() - began) / 1000).toFixed(1)} s`,
);
const reasons = new Map<string, number>();
for (const form of skipped) {
  const why = notAsked(form) ?? "in no group";
  reasons.set(why, (reasons.get(why) ?? 0) + 1);
}
for (const [why, count] of reasons) console.log(`  ${count} forms not asked: ${why}`);
process.exitCode = wrong === 0 ? 0 : 1;

function describe(one: Case): string {
  const code = one.pokes[one.pokes.length - 1]!;
  const bytes = Array.from(code.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const registers = one.registers.map((value) => value.toString(16)).join(" ");
  return `${bytes} at ${one.eip.toString(16)} with ${registers} eflags ${one.eflags.toString(16)}`;
}
