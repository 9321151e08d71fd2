/** Segments that arrived above rcv.nxt: where they are (the bytes themselves stand in the receive ring already). */
import { after, before, earlier, later, type Sequence } from "./sequence.ts";

/** Gaps kept track of; a segment that would make one more is dropped, to be sent again. */
const MOST_RANGES = 128;

interface Range {
  left: Sequence;
  right: Sequence;
  /** When something was last added, as a count: RFC 2018 (4) wants the latest block first. */
  stamp: number;
}

export class Gaps {
  /** Ascending, never touching. */
  readonly #ranges: Range[] = [];
  #stamp = 0;

  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  clear(): void {
    this.#ranges.length = 0;
  }

  /** Notes [left, right); false when there are too many gaps already. */
  add(left: Sequence, right: Sequence): boolean {
    const ranges = this.#ranges;
    let first = 0;
    while (first < ranges.length && before(ranges[first]!.right, left)) first++;
    let last = first;
    while (last < ranges.length && !after(ranges[last]!.left, right)) last++;
    if (first === last && ranges.length >= MOST_RANGES) return false;
    const merged: Range = { left, right, stamp: ++this.#stamp };
    if (last > first) {
      merged.left = earlier(left, ranges[first]!.left);
      merged.right = later(right, ranges[last - 1]!.right);
    }
    ranges.splice(first, last - first, merged);
    return true;
  }

  /** Whether all of [left, right) has come already. */
  has(left: Sequence, right: Sequence): boolean {
    return this.#ranges.some((range) => !before(left, range.left) && !after(right, range.right));
  }

  /** When rcv.nxt has come to `next`: where it really goes, as what was waiting there joins; that range is forgotten. */
  join(next: Sequence): Sequence {
    const ranges = this.#ranges;
    let reached = next;
    while (ranges.length > 0 && !after(ranges[0]!.left, reached)) {
      reached = later(reached, ranges[0]!.right);
      ranges.shift();
    }
    return reached;
  }

  /** Up to `most` SACK blocks as left and right edges alternating, the latest first (RFC 2018 section 4). */
  blocks(most: number): Sequence[] {
    const latest = [...this.#ranges].sort((a, b) => b.stamp - a.stamp).slice(0, most);
    return latest.flatMap(({ left, right }) => [left, right]);
  }
}
