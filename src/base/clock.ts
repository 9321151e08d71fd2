/** A moment or a span on some clock, in whole microseconds. The origin is whatever the clock's owner chose. */
export type Micros = number;

export const MS: Micros = 1_000;
export const SECOND: Micros = 1_000_000;

/** The deadline of something that waits for no time at all. */
export const FOREVER: Micros = Number.POSITIVE_INFINITY;

export interface Clock {
  /** Whole microseconds, never decreasing. */
  now(): Micros;
}

/** A clock that stands still until it is moved: virtual time, and the clock of every test. */
export class ManualClock implements Clock {
  #now: Micros;

  constructor(start: Micros = 0) {
    this.#now = start;
  }

  now(): Micros {
    return this.#now;
  }

  advance(span: Micros): void {
    this.advanceTo(this.#now + span);
  }

  advanceTo(moment: Micros): void {
    if (!Number.isSafeInteger(moment) || moment < this.#now) {
      throw new RangeError(`a clock at ${this.#now} µs cannot be moved to ${moment} µs`);
    }
    this.#now = moment;
  }
}
