/** CUBIC (RFC 9438): the window grows with the time since the last loss, not with round trips. Sizes are bytes. */
import { type Micros, SECOND } from "../../base/index.ts";

/** Section 4.1: how steep the curve is, in segments a second cubed, and what is left of the window after a loss. */
const C = 0.4;
export const BETA = 0.7;
/** Section 4.3: as much as AIMD with this BETA gains to be fair to Reno. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

export interface Cubic {
  /** The window in which the last loss was. */
  wMax: number;
  /** When the present congestion avoidance began, -1 = not yet. */
  epoch: Micros;
  /** Seconds from there until the curve is at wMax again. */
  k: number;
  /** What Reno would have. */
  wEst: number;
  /** wMax before the last loss. */
  before: number;
}

export const newCubic = (): Cubic => ({ wMax: 0, epoch: -1, k: 0, wEst: 0, before: 0 });

/** A loss with this window (section 4.6, with the fast convergence of 4.7). Answers the new slow start threshold. */
export function reduce(cubic: Cubic, cwnd: number, flight: number, mss: number): number {
  cubic.before = cubic.wMax;
  cubic.wMax = cwnd < cubic.wMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
  cubic.epoch = -1;
  return Math.max(Math.floor(flight * BETA), 2 * mss);
}

/** The last loss was none (section 4.9). */
export function restore(cubic: Cubic): void {
  cubic.wMax = cubic.before;
  cubic.epoch = -1;
}

/** `acked` bytes were acknowledged in congestion avoidance: the window now. */
export function grow(
  cubic: Cubic,
  cwnd: number,
  acked: number,
  mss: number,
  srtt: Micros,
  now: Micros,
): number {
  if (cubic.epoch < 0) {
    cubic.epoch = now;
    if (cubic.wMax <= cwnd) cubic.wMax = cwnd; // figure 2: nothing to come back to
    cubic.k = Math.cbrt((cubic.wMax - cwnd) / mss / C);
    cubic.wEst = cwnd;
  }
  const curve = (t: number): number => C * (t - cubic.k) ** 3 * mss + cubic.wMax;
  const t = (now - cubic.epoch) / SECOND;
  // Section 4.2: where the curve will be a round trip from now, but no more than half as much again.
  const target = Math.min(Math.max(curve(t + Math.max(0, srtt) / SECOND), cwnd), 1.5 * cwnd);
  cubic.wEst += ((cubic.wEst < cubic.wMax ? ALPHA : 1) * acked * mss) / cwnd;
  if (curve(t) < cubic.wEst) return Math.max(cwnd, cubic.wEst);
  return cwnd + ((target - cwnd) / cwnd) * acked;
}
