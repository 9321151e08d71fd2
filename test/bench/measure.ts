/** A stopwatch for benches: rounds interleaved over all candidates, best and median told, nothing asserted. */

export interface Candidate {
  readonly name: string;
  /** Does the work once and answers how much it was, in `unit`s. */
  run(): number | Promise<number>;
}

/** The middle one of some numbers; NaN of none. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Runs every candidate `rounds` times in turn, after one round that is not counted, and prints a line for each. */
export async function compare(
  unit: string,
  candidates: readonly Candidate[],
  rounds = 5,
): Promise<Map<string, number>> {
  const rates = new Map(candidates.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of candidates) {
      const start = performance.now();
      const amount = await run();
      const seconds = (performance.now() - start) / 1000;
      if (round > 0) rates.get(name)!.push(amount / seconds);
    }
  }
  const medians = new Map<string, number>();
  const width = Math.max(...candidates.map(({ name }) => name.length));
  for (const [name, all] of rates) {
    medians.set(name, median(all));
    const best = Math.max(...all);
    process.stdout.write(
      `  ${name.padEnd(width)}  ${rate(median(all))} ${unit}/s median, ${rate(best)} best\n`,
    );
  }
  return medians;
}

function rate(value: number): string {
  const [scaled, letter] =
    value >= 1e9
      ? [value / 1e9, "G"]
      : value >= 1e6
        ? [value / 1e6, "M"]
        : value >= 1e3
          ? [value / 1e3, "k"]
          : [value, ""];
  return `${scaled.toPrecision(3)} ${letter}`.trimEnd().padStart(7);
}

/** Prints a table in Markdown. */
export function table(head: string[], lines: (string | number)[][]): void {
  const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |\n`;
  process.stdout.write(row(head) + row(["---", ...head.slice(1).map(() => "--:")]) + lines.map(row).join(""));
}

/** A number with three digits or so. */
export const digits = (value: number): string =>
  Number.isNaN(value)
    ? "–"
    : value >= 100
      ? value.toFixed(0)
      : value >= 10
        ? value.toFixed(1)
        : value.toPrecision(value < 0.1 ? 1 : 3);

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
