/**
 * Tail loss probes (RFC 8985 section 7): when the last segments of a flight are lost, no acknowledgement tells it. After two
 * round trips of silence one segment more shows by its answer what is missing, long before the time-out would.
 */
import { FOREVER, type Micros, MS, SECOND } from "../../base/index.ts";
import type { Segment } from "../wire/tcp.ts";
import { flightSize, repaired } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { after, atOrAfter, before, type Sequence } from "./sequence.ts";

/** 7.2 WCDelAckT: how long a lone segment's acknowledgement may be held back. */
const MOST_ACK_DELAY: Micros = 200 * MS;

export interface Probe {
  /** snd.nxt when a probe was sent that has not been answered yet. */
  end: Sequence | undefined;
  /** It was a segment sent again, so that an answer may be to either. */
  again: boolean;
}

export const newProbe = (): Probe => ({ end: undefined, again: false });

/**
 * 7.2: when something is under way that only a time-out would find lost. In fast recovery too, which the RFC advises against:
 * when the last retransmission is lost, silence is all there is.
 */
function isWanted(c: Connection): boolean {
  return (
    c.settings.tailLossProbe &&
    c.sack &&
    c.snd.synAcked &&
    (c.congestion.phase === "open" ? c.scoreboard.empty : c.congestion.phase === "fast") &&
    c.probe.end === undefined &&
    c.timers.retransmit !== FOREVER &&
    flightSize(c) > 0
  );
}

/**
 * Sets the timer when it is wanted and does not run; anything sent or acknowledged has stopped it before. One that runs goes
 * on though the peer has told of a gap: it is stopped when the gap is known for a loss.
 */
export function settleProbe(c: Connection, now: Micros): void {
  const { timers, rtt } = c;
  if (!isWanted(c)) {
    if (c.congestion.phase === "loss" || timers.retransmit === FOREVER) timers.probe = FOREVER;
  } else if (timers.probe === FOREVER) {
    const alone = flightSize(c) <= c.snd.mss ? MOST_ACK_DELAY : 0;
    const pause = rtt.srtt > 0 ? 2 * rtt.srtt + alone : SECOND;
    timers.probe = Math.min(timers.retransmit, now + Math.ceil(pause));
  }
}

/** 7.4.2: what an acknowledgement says about the probe. */
export function probeAnswered(c: Connection, segment: Segment): void {
  const { probe } = c;
  if (probe.end === undefined || before(segment.ack, probe.end)) return;
  const [left, right] = segment.sack;
  const twice = left !== undefined && before(left, segment.ack) && right === probe.end;
  // Without a word that it came twice, the probe has filled a gap: a loss like any other.
  if (probe.again && !twice && after(segment.ack, probe.end)) repaired(c);
  else if (probe.again && !twice && !isDuplicate(c, segment)) return;
  probe.end = undefined;
}

const isDuplicate = (c: Connection, segment: Segment): boolean =>
  segment.ack === c.snd.una && segment.sack.length === 0 && atOrAfter(segment.ack, c.probe.end!);
