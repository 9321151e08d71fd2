/** How far the transcendental functions of the machine are from the host's, in units of the last place. */
import type { Answer, Case } from "./case.ts";
import { imageOf, REGISTERS_AT, TRANSCENDENTAL } from "./x87.ts";

const EXPONENT = 0x7fff;

/** Sign and magnitude as one whole number: neighbours differ by one. */
function order(view: DataView, at: number): bigint {
  const top = view.getUint16(at + 8, true);
  const magnitude = (BigInt(top & EXPONENT) << 63n) | (view.getBigUint64(at, true) & 0x7fff_ffff_ffff_ffffn);
  return top & 0x8000 ? -magnitude : magnitude;
}

export class Distances {
  readonly #byName = new Map<string, { results: number; exact: number; most: bigint }>();

  /** One case of the x87 group; others than transcendental ones say nothing. */
  add(name: string, one: Case, native: Answer, ours: Answer): void {
    if (!TRANSCENDENTAL.test(name)) return;
    const theirs = new DataView(imageOf(one, native).buffer);
    const mine = new DataView(imageOf(one, ours).buffer);
    const seen = this.#byName.get(name) ?? { results: 0, exact: 0, most: 0n };
    this.#byName.set(name, seen);
    for (let at = REGISTERS_AT; at < REGISTERS_AT + 20; at += 10) {
      const [a, b] = [theirs.getUint16(at + 8, true), mine.getUint16(at + 8, true)];
      if ((a & EXPONENT) === EXPONENT || (b & EXPONENT) === EXPONENT) continue;
      const difference = order(theirs, at) - order(mine, at);
      const distance = difference < 0n ? -difference : difference;
      seen.results++;
      if (distance === 0n) seen.exact++;
      if (distance > seen.most) seen.most = distance;
    }
  }

  report(): string[] {
    return [...this.#byName].map(
      ([name, { results, exact, most }]) =>
        `${name}: at most ${most} units of the last place from the host's in ${results} results, ${exact} of them the same`,
    );
  }
}
