import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { differences, tolerant } from "./processor/case.ts";
import { groups } from "./processor/groups.ts";
import { Subject } from "./processor/ours.ts";
import { readRecording } from "./processor/recording.ts";
import { tolerantX87 } from "./processor/x87.ts";

/** Cases that a recording has at least. */
const LEAST: Readonly<Record<string, number>> = {
  integer: 25_000,
  vector: 9000,
  x87: 4500,
  mixed: 2400,
  faults: 3500,
  segments: 2700,
  bytes: 2800,
  everything: 1150,
};

describe.each(Object.entries(groups))("the processor does what a real one did: %s", (group, seriesOf) => {
  const recording = gunzipSync(
    readFileSync(new URL(`../../fixtures/processor/${group}.bin.gz`, import.meta.url)),
  );
  const byKey = new Map(seriesOf().map((series) => [series.key, series]));
  const subject = new Subject();
  let cases = 0;
  const recorded = new Set<string>();

  const caseOf = (key: string, seed: number, number: number) => {
    const series = byKey.get(key);
    if (!series)
      throw new Error(`the recording has "${key}", the table has not: npm run prove -- --record renews it`);
    return series.make(seed, number);
  };

  test("register for register, flag for flag, fault for fault", () => {
    const wrong: string[] = [];
    for (const form of readRecording(recording, caseOf)) {
      expect(
        form.stale,
        `${form.key}: other cases were recorded; npm run prove -- --record renews them`,
      ).toBe(false);
      recorded.add(form.key);
      for (const [i, one] of form.cases.entries()) {
        const actual = subject.answer(one);
        const { name } = byKey.get(form.key)!;
        const known = tolerant(form.answers[i]!, actual);
        const expected = tolerantX87(name, one, known, actual);
        const found = differences(expected, actual);
        if (found.length > 0) wrong.push(`${form.key} case ${one.number}: ${found.join("; ")}`);
        cases++;
      }
    }
    expect(wrong).toEqual([]);
    expect(cases).toBeGreaterThan(LEAST[group]!);
  });

  test("in every form that can be asked", () => {
    expect([...byKey.keys()].filter((key) => !recorded.has(key))).toEqual([]);
  });
});
