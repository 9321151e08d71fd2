import type { Clock, Micros } from "../base/index.ts";

/** The host's time, from the moment this clock was made. */
export class RealClock implements Clock {
  readonly #start = performance.now();

  now(): Micros {
    return Math.floor((performance.now() - this.#start) * 1000);
  }
}
