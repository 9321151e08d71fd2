/** What the peer has told by SACK (RFC 2018): received, but above the cumulative acknowledgement (RFC 6675). */
import { after, atOrAfter, before, distance, earlier, later, type Sequence } from "./sequence.ts";

/** RFC 6675: discontiguous ranges above a number that show it to be lost. */
export const DUP_THRESH = 3;

/** Bounds what a hostile peer can make us keep; an honest one fills a window with at most every second segment. */
const MOST_RANGES = 1024;

export class Scoreboard {
  /** Left and right edges, alternating, ascending, never touching. */
  readonly #edges: Sequence[] = [];

  get empty(): boolean {
    return this.#edges.length === 0;
  }

  clear(): void {
    this.#edges.length = 0;
  }

  /** Left and right edges, alternating. */
  edges(): readonly Sequence[] {
    return this.#edges;
  }

  /**
   * Takes the blocks of a segment. Those that are not inside [una, nxt] are ignored: nobody can have received what was
   * not sent, and what is acknowledged needs no more telling (that includes D-SACKs, RFC 2883).
   * @returns whether something was told that was not known
   */
  update(blocks: readonly Sequence[], una: Sequence, nxt: Sequence): boolean {
    let news = false;
    for (let i = 0; i + 1 < blocks.length; i += 2) {
      const left = blocks[i]!;
      const right = blocks[i + 1]!;
      if (!before(left, right) || before(left, una) || after(right, nxt)) continue;
      if (this.#insert(left, right)) news = true;
    }
    return news;
  }

  /** Forgets everything below `una`. */
  advance(una: Sequence): void {
    const edges = this.#edges;
    let gone = 0;
    while (gone < edges.length && !after(edges[gone + 1]!, una)) gone += 2;
    if (gone > 0) edges.splice(0, gone);
    if (edges.length > 0 && before(edges[0]!, una)) edges[0] = una;
  }

  /** How many numbers of [from, to) are known to have been received. */
  received(from: Sequence, to: Sequence): number {
    let total = 0;
    const edges = this.#edges;
    for (let i = 0; i < edges.length; i += 2) {
      const length = distance(later(edges[i]!, from), earlier(edges[i + 1]!, to));
      if (length > 0) total += length;
    }
    return total;
  }

  /** The first number from `sequence` on that is not known to have been received. */
  firstMissing(sequence: Sequence): Sequence {
    const edges = this.#edges;
    for (let i = 0; i < edges.length; i += 2) {
      if (before(sequence, edges[i]!)) return sequence;
      if (before(sequence, edges[i + 1]!)) return edges[i + 1]!;
    }
    return sequence;
  }

  /** Where the gap that starts at `sequence` ends: at the next received number, or at `limit`. */
  gapEnd(sequence: Sequence, limit: Sequence): Sequence {
    const edges = this.#edges;
    for (let i = 0; i < edges.length; i += 2) {
      if (atOrAfter(edges[i]!, sequence)) return earlier(edges[i]!, limit);
    }
    return limit;
  }

  /**
   * RFC 6675 IsLost: what is missing below this number is lost, for DupThresh ranges, or more than
   * (DupThresh - 1) * SMSS bytes, above it have been received. `una` when nothing is.
   */
  lostBelow(una: Sequence, smss: number): Sequence {
    const edges = this.#edges;
    let ranges = 0;
    let bytes = 0;
    for (let i = edges.length - 2; i >= 0; i -= 2) {
      ranges++;
      bytes += distance(edges[i]!, edges[i + 1]!);
      if (ranges >= DUP_THRESH || bytes > (DUP_THRESH - 1) * smss) return edges[i]!;
    }
    return una;
  }

  #insert(left: Sequence, right: Sequence): boolean {
    const edges = this.#edges;
    let i = 0;
    while (i < edges.length && before(edges[i + 1]!, left)) i += 2;
    if (i === edges.length || before(right, edges[i]!)) {
      if (edges.length >= 2 * MOST_RANGES) return false;
      edges.splice(i, 0, left, right);
      return true;
    }
    if (!before(left, edges[i]!) && !after(right, edges[i + 1]!)) return false;
    let end = i;
    while (end + 2 < edges.length && !before(right, edges[end + 2]!)) end += 2;
    const merged = [earlier(left, edges[i]!), later(right, edges[end + 1]!)];
    edges.splice(i, end + 2 - i, ...merged);
    return true;
  }
}
