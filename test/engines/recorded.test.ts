import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { type Core, Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { differences } from "../conformance/processor/case.ts";
import { groups } from "../conformance/processor/groups.ts";
import { options, Subject } from "../conformance/processor/ours.ts";
import { readRecording } from "../conformance/processor/recording.ts";

/** Every so many of the recorded cases; the interpreter is compared with all answers by test/conformance. */
const STRIDE = Number(process.env["STRIDE"] ?? 7);

test.each(Object.entries(groups))(
  "compiled code answers recorded cases as the interpreter: %s",
  (group, seriesOf) => {
    const recording = gunzipSync(
      readFileSync(new URL(`../../fixtures/processor/${group}.bin.gz`, import.meta.url)),
    );
    const byKey = new Map(seriesOf().map((series) => [series.key, series]));
    const caseOf = (key: string, seed: number, number: number) => byKey.get(key)!.make(seed, number);
    const interpreted = new Subject(new Machine({ ...options, engine: "interpreter" }));
    const compiled = new Subject(
      new Machine({
        ...options,
        engine: (core: Core) => new CompilingEngine(core, { ahead: true, most: 50 }),
      }),
    );
    const wrong: string[] = [];
    let count = 0;
    for (const form of readRecording(recording, caseOf)) {
      for (const one of form.cases) {
        if (count++ % STRIDE !== 0) continue;
        const found = differences(interpreted.answer(one), compiled.answer(one));
        if (found.length > 0) wrong.push(`${form.key} case ${one.number}: ${found.join("; ")}`);
      }
    }
    expect(wrong).toEqual([]);
  },
  120_000,
);
