import { expect, test } from "vitest";
import { attack } from "./attack.ts";

test.each([1, 2, 3])(
  "a network under attack: nothing breaks, nothing is taken that was not sent (seed %i)",
  (seed) => {
    const report = attack(seed, ({ frames }) => frames >= 6000);
    expect(report.taken).toBeGreaterThan(10_000);
    expect(report.honest).toBeGreaterThan(10_000);
    expect(report.accepted).toBeGreaterThan(10);
  },
);
