/** What a real processor did (fixtures/processor), held against compiled code. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { differences, tolerant } from "../conformance/processor/case.ts";
import { groups } from "../conformance/processor/groups.ts";
import { options, Subject } from "../conformance/processor/ours.ts";
import { readRecording } from "../conformance/processor/recording.ts";
import { tolerantX87 } from "../conformance/processor/x87.ts";

/** Each case is compiled: of those that were recorded one in so many is enough. */
test.each([
  ["vector", 4],
  ["x87", 4],
  ["mixed", 4],
  ["integer", 30],
  ["faults", 6],
  ["segments", 6],
  ["bytes", 6],
  ["everything", 4],
] as const)("compiled code does what a real processor did: %s", (group, oneIn) => {
  const recording = gunzipSync(
    readFileSync(new URL(`../../fixtures/processor/${group}.bin.gz`, import.meta.url)),
  );
  const byKey = new Map(groups[group]().map((series) => [series.key, series]));
  let engine: CompilingEngine | undefined;
  const subject = new Subject(
    new Machine({
      ...options,
      engine: (core) => (engine = new CompilingEngine(core, { ahead: true, most: 100 })),
    }),
    new Subject(new Machine({ ...options, engine: "interpreter" })),
  );
  const wrong: string[] = [];
  let cases = 0;
  for (const form of readRecording(recording, (key, seed, number) => byKey.get(key)!.make(seed, number))) {
    for (const [i, one] of form.cases.entries()) {
      if (cases++ % oneIn !== 0) continue;
      const actual = subject.answer(one);
      const { name } = byKey.get(form.key)!;
      const expected = tolerantX87(name, one, tolerant(form.answers[i]!, actual), actual);
      const found = differences(expected, actual);
      if (found.length > 0) wrong.push(`${form.key} case ${one.number}: ${found.join("; ")}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(engine!.executed).toBeGreaterThan(cases / oneIn / 3);
});
