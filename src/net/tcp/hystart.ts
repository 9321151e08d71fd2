/**
 * HyStart++ (RFC 9406): slow start ends when round trips grow longer, before the queue that makes them so overflows. First the
 * window grows more slowly for some rounds (CSS), and if the growth of round trips was chance, slow start goes on.
 */
import { type Micros, MS } from "../../base/index.ts";
import { atOrAfter, type Sequence } from "./sequence.ts";

/** Section 4.3, its recommended constants. */
const MIN_RTT_THRESHOLD: Micros = 4 * MS;
const MAX_RTT_THRESHOLD: Micros = 16 * MS;
const MIN_RTT_DIVISOR = 8;
const RTT_SAMPLES = 8;
export const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

export interface HyStart {
  /** The round ends when this is acknowledged. */
  roundEnd: Sequence;
  lastRoundMin: Micros;
  roundMin: Micros;
  samples: number;
  /** The least round trip when conservative slow start began; undefined outside it. */
  baseline: Micros | undefined;
  cssRounds: number;
}

export const newHyStart = (iss: Sequence): HyStart => ({
  roundEnd: iss,
  lastRoundMin: Number.POSITIVE_INFINITY,
  roundMin: Number.POSITIVE_INFINITY,
  samples: 0,
  baseline: undefined,
  cssRounds: 0,
});

/**
 * Section 4.2, for an acknowledgement in slow start.
 * @param rtt the round trip that it measures, if it does
 * @returns whether slow start is over
 */
export function heardInSlowStart(h: HyStart, una: Sequence, nxt: Sequence, rtt: Micros | undefined): boolean {
  let over = false;
  if (atOrAfter(una, h.roundEnd)) {
    if (h.baseline !== undefined && ++h.cssRounds >= CSS_ROUNDS) over = true;
    h.roundEnd = nxt;
    h.lastRoundMin = h.roundMin;
    h.roundMin = Number.POSITIVE_INFINITY;
    h.samples = 0;
  }
  if (rtt !== undefined) {
    h.samples++;
    h.roundMin = Math.min(h.roundMin, rtt);
  }
  if (h.samples < RTT_SAMPLES || h.roundMin === Number.POSITIVE_INFINITY) return over;
  if (h.baseline !== undefined) {
    if (h.roundMin < h.baseline) h.baseline = undefined; // it was chance
  } else if (h.lastRoundMin !== Number.POSITIVE_INFINITY) {
    const step = Math.max(MIN_RTT_THRESHOLD, Math.min(h.lastRoundMin / MIN_RTT_DIVISOR, MAX_RTT_THRESHOLD));
    if (h.roundMin >= h.lastRoundMin + step) {
      h.baseline = h.roundMin;
      h.cssRounds = 0;
    }
  }
  return over;
}
