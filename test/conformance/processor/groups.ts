/** What can be asked of a processor, in groups: each has a recording of its name in fixtures/processor. */
import { byteSeries } from "./bytes.ts";
import { everythingSeries } from "./everything.ts";
import { faultSeries } from "./faults.ts";
import { groups as others } from "./generate.ts";
import { mixedSeries } from "./mixed.ts";
import { segmentSeries } from "./segments.ts";
import { x87Series } from "./x87.ts";

export const groups = {
  ...others,
  x87: x87Series,
  mixed: mixedSeries,
  faults: faultSeries,
  segments: segmentSeries,
  bytes: byteSeries,
  everything: everythingSeries,
} as const;

/** How many cases of each series a recording has: of each form, and of each series of sequences. */
export const recorded: Readonly<Record<keyof typeof groups, { cases: number; sequences: number }>> = {
  integer: { cases: 60, sequences: 2000 },
  vector: { cases: 24, sequences: 0 },
  x87: { cases: 30, sequences: 300 },
  mixed: { cases: 0, sequences: 500 },
  faults: { cases: 0, sequences: 200 },
  segments: { cases: 0, sequences: 600 },
  bytes: { cases: 0, sequences: 500 },
  everything: { cases: 0, sequences: 600 },
};
