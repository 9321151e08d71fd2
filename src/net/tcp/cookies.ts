/**
 * SYN cookies (RFC 4987 section 3.6): what a listener would keep of a SYN, told to the peer as our initial sequence number,
 * so that a flood of SYNs costs no memory. 5 bits of time, 3 bits of MSS, 24 bits that only we can compute. Window scaling,
 * SACK and timestamps do not fit, so a connection opened in a flood goes without.
 */
import { type Micros, SECOND } from "../../base/index.ts";
import type { FourTuple, SequenceSource } from "./isn.ts";
import type { Sequence } from "./sequence.ts";

/** How long a period of the clock lasts; a cookie is good for this one and the next. */
const PERIOD: Micros = 64 * SECOND;
/** MSS values that can be remembered: the largest that is not above the peer's is taken. */
const SIZES = [88, 536, 1220, 1300, 1440, 1460, 4312, 8940] as const;
/** The purpose of the hash: 0 is initial numbers, 1 timestamps. */
const FOR_COOKIES = 2;

export class SynCookies {
  readonly #sequences: SequenceSource;

  constructor(sequences: SequenceSource) {
    this.#sequences = sequences;
  }

  /** @param irs the peer's initial number */
  make(flow: FourTuple, irs: Sequence, mss: number, now: Micros): Sequence {
    const size = Math.max(
      0,
      SIZES.findLastIndex((each) => each <= mss),
    );
    return this.#at(flow, irs, size, Math.floor(now / PERIOD));
  }

  /** The MSS in a cookie of ours, or undefined when it is none (any more). */
  check(flow: FourTuple, irs: Sequence, cookie: Sequence, now: Micros): number | undefined {
    const size = (cookie >>> 24) & 7;
    const period = Math.floor(now / PERIOD);
    for (const then of [period, period - 1])
      if (then >= 0 && this.#at(flow, irs, size, then) === cookie) return SIZES[size];
    return undefined;
  }

  #at(flow: FourTuple, irs: Sequence, size: number, period: number): Sequence {
    const hash = this.#sequences.hash(flow, FOR_COOKIES, irs, size, period);
    return (((period & 31) << 27) | (size << 24) | (hash & 0xffffff)) >>> 0;
  }
}
