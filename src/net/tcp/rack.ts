/**
 * Loss by time (RACK, RFC 8985 section 6): what was sent a little before something that has been delivered, and has not been
 * delivered itself, is lost. Every number under way stands in one record with the moment it was last sent, so that a
 * retransmission that is lost is found too, and segments that only changed places get time to arrive. Needs SACK.
 *
 * What it finds is told in the words of `congestion.ts`: `lost` moves on over what was sent once; what was sent again and is
 * lost again stands in `lostAgain`.
 */
import { FOREVER, type Micros, SECOND } from "../../base/index.ts";
import { flightSize } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { DUP_THRESH } from "./scoreboard.ts";
import { add, after, atOrBefore, before, distance, earlier, later, type Sequence } from "./sequence.ts";

/** Numbers that left together. */
export interface Sent {
  from: Sequence;
  to: Sequence;
  /** When it was last sent. */
  at: Micros;
  /** It has been sent more than once. */
  again: boolean;
  /** The peer has it, above a gap. */
  sacked: boolean;
  /** It was sent again and is lost again. */
  lost: boolean;
}

export interface Rack {
  /** All that is under way, each number once, ascending; those before `head` are done with. */
  records: Sent[];
  head: number;
  /** Those sent again, in the order of that. */
  resent: Sent[];
  lostAgain: Sent[];
  /** Of the latest sent of what has been delivered: when, and where it ends. */
  at: Micros;
  end: Sequence;
  rtt: Micros;
  /** The least round trip of the last minutes. */
  minRtt: Micros;
  minRttAt: Micros;
  /** Behind the highest number delivered. */
  highest: Sequence;
  /** Segments have been seen to change places. */
  reordering: boolean;
  /** How many quarters of the least round trip segments may come late (6.2 step 4), and for how many recoveries yet. */
  multiple: number;
  persist: number;
  /** A round trip with D-SACKs ends here. */
  roundEnd: Sequence | undefined;
  /** Records that are sacked. */
  sacked: number;
}

/** 6.2 step 4: recoveries after which the window is narrow again. */
const PERSIST = 16;
/** How long the least round trip is believed. */
const MIN_RTT_LIFETIME: Micros = 300 * SECOND;
/** Records done with that are kept in front of the list before it is moved. */
const SLACK = 256;

export const newRack = (iss: Sequence): Rack => ({
  records: [],
  head: 0,
  resent: [],
  lostAgain: [],
  at: Number.NEGATIVE_INFINITY,
  end: iss,
  rtt: 0,
  minRtt: FOREVER,
  minRttAt: 0,
  highest: iss,
  reordering: false,
  multiple: 1,
  persist: PERSIST,
  roundEnd: undefined,
  sacked: 0,
});

// --- what was sent ---------------------------------------------------------------------------------------------------

export function noteSent(c: Connection, from: Sequence, to: Sequence, now: Micros): void {
  if (!c.sack || from === to) return;
  const { records, head } = c.rack;
  const last = records.length > head ? records[records.length - 1]! : undefined;
  // Full segments of one burst are one record, until something tells them apart.
  if (
    last?.to === from &&
    last.at === now &&
    !last.again &&
    !last.sacked &&
    distance(last.from, from) % c.snd.mss === 0
  ) {
    last.to = to;
    return;
  }
  records.push({ from, to, at: now, again: false, sacked: false, lost: false });
}

/** [from, to) has been sent once more. */
export function noteSentAgain(c: Connection, from: Sequence, to: Sequence, now: Micros): void {
  if (!c.sack) return;
  const { rack } = c;
  split(rack, from);
  split(rack, to);
  for (let i = indexOf(rack, from); i < rack.records.length && before(rack.records[i]!.from, to); i++) {
    const sent = rack.records[i]!;
    sent.at = now;
    sent.again = true;
    sent.lost = false;
    rack.resent.push({ ...sent }); // as it was then: `at` tells whether it has been sent once more since
  }
}

/** The first record that does not end at or below `sequence`. */
function indexOf({ records, head }: Rack, sequence: Sequence): number {
  let low = head;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (atOrBefore(records[middle]!.to, sequence)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Makes records meet at `sequence`. */
function split(rack: Rack, sequence: Sequence): void {
  const index = indexOf(rack, sequence);
  const sent = rack.records[index];
  if (sent === undefined || !before(sent.from, sequence)) return;
  const rest = { ...sent, from: sequence };
  sent.to = sequence;
  rack.records.splice(index + 1, 0, rest);
  if (sent.sacked) rack.sacked++;
  if (sent.lost) rack.lostAgain.push(rest);
}

// --- what was delivered (6.2 steps 1 to 3) ---------------------------------------------------------------------------

/**
 * Takes what an acknowledgement up to `una` with these SACK blocks has delivered.
 * @returns bytes that were not known to be delivered before
 */
export function delivered(
  c: Connection,
  una: Sequence,
  blocks: readonly Sequence[],
  echo: number | undefined,
  now: Micros,
): number {
  const { rack } = c;
  let bytes = 0;
  while (rack.head < rack.records.length) {
    const sent = rack.records[rack.head]!;
    if (!before(sent.from, una)) break;
    const whole = atOrBefore(sent.to, una);
    if (!sent.sacked) {
      bytes += distance(sent.from, whole ? sent.to : una);
      learn(c, sent, whole ? sent.to : una, echo, now);
    }
    if (!whole) {
      sent.from = una;
      break;
    }
    sent.lost = false;
    if (sent.sacked) rack.sacked--;
    rack.head++;
  }
  if (rack.head > SLACK && rack.head * 2 > rack.records.length) {
    rack.records.splice(0, rack.head);
    rack.head = 0;
  }
  for (let i = 0; i + 1 < blocks.length; i += 2) {
    const left = blocks[i]!;
    const right = blocks[i + 1]!;
    if (!before(left, right) || before(left, una) || after(right, c.snd.nxt)) continue;
    bytes += sack(c, left, right, echo, now);
  }
  return bytes;
}

function sack(c: Connection, left: Sequence, right: Sequence, echo: number | undefined, now: Micros): number {
  const { rack } = c;
  split(rack, edgeOf(c, left, true));
  split(rack, edgeOf(c, right, false));
  let bytes = 0;
  for (let i = indexOf(rack, left); i < rack.records.length; i++) {
    const sent = rack.records[i]!;
    if (after(sent.to, right)) break;
    if (sent.sacked || before(sent.from, left)) continue;
    sent.sacked = true;
    sent.lost = false;
    rack.sacked++;
    bytes += distance(sent.from, sent.to);
    learn(c, sent, sent.to, echo, now);
  }
  return bytes;
}

/** Where the segment ends (up) or begins that an edge lies in: what the peer has only a part of is not delivered. */
function edgeOf(c: Connection, edge: Sequence, up: boolean): Sequence {
  const { rack } = c;
  const sent = rack.records[indexOf(rack, edge)];
  if (sent === undefined || !before(sent.from, edge)) return edge;
  const rest = distance(sent.from, edge) % c.snd.mss;
  return rest === 0 ? edge : add(edge, up ? c.snd.mss - rest : -rest);
}

/** Steps 1 to 3, of one record that has been delivered up to `end`. */
function learn(c: Connection, sent: Sent, end: Sequence, echo: number | undefined, now: Micros): void {
  const { rack } = c;
  const rtt = now - sent.at;
  if (sent.again) {
    // Perhaps the first transmission has come, and says nothing about the second.
    if (rtt < rack.minRtt || (echo !== undefined && echo < sent.at)) return;
  } else if (rtt <= rack.minRtt || now - rack.minRttAt > MIN_RTT_LIFETIME) {
    rack.minRtt = rtt;
    rack.minRttAt = now;
  }
  rack.rtt = rtt;
  if (sent.at > rack.at || (sent.at === rack.at && after(end, rack.end))) {
    rack.at = sent.at;
    rack.end = end;
  }
  if (after(end, rack.highest)) rack.highest = end;
  else if (before(end, rack.highest) && !sent.again) rack.reordering = true;
}

// --- what is lost (steps 4 and 5) ------------------------------------------------------------------------------------

/** Step 4: a D-SACK says that something was sent again for nothing, so more patience is due. */
export function sawTwice(c: Connection): void {
  const { rack, snd } = c;
  if (rack.roundEnd !== undefined && before(snd.una, rack.roundEnd)) return;
  rack.roundEnd = snd.nxt;
  rack.multiple++;
  rack.persist = PERSIST;
}

/** A recovery is over. */
export function recovered(c: Connection): void {
  const { rack } = c;
  rack.lostAgain.length = 0;
  rack.resent.length = 0;
  if (--rack.persist > 0) return;
  rack.persist = PERSIST;
  rack.multiple = 1;
}

/** How much later than others a segment may come. */
function patience(c: Connection): Micros {
  const { rack, congestion, rtt } = c;
  if (!rack.reordering) {
    const sacked = Math.max(rack.sacked, c.scoreboard.received(c.snd.una, c.snd.nxt) / c.snd.mss);
    if (congestion.phase !== "open" || sacked >= DUP_THRESH) return 0;
  }
  const quarter = rack.minRtt === FOREVER ? 0 : rack.minRtt / 4;
  return Math.min(rack.multiple * quarter, Math.max(0, rtt.srtt) || quarter);
}

/**
 * Step 5. Sets the timer for what may yet come.
 * @returns below which number everything that is missing is lost, una when nothing is; what was sent again and is lost stands
 * in `lostAgain`
 */
export function detectLosses(c: Connection, now: Micros): Sequence {
  const { rack, congestion, timers, snd } = c;
  timers.reorder = FOREVER;
  if (rack.at === Number.NEGATIVE_INFINITY || flightSize(c) === 0) return snd.una;
  const wait = Math.ceil(rack.rtt + patience(c));
  const mayCome = (sent: Sent): boolean => {
    const due = sent.at + wait;
    if (due <= now) return false;
    timers.reorder = Math.min(timers.reorder, due);
    return true;
  };
  let lost = later(congestion.lost, snd.una);
  for (let i = indexOf(rack, lost); i < rack.records.length; i++) {
    const sent = rack.records[i]!;
    if (sent.sacked || sent.again) continue;
    if (!sentBefore(sent, rack) || mayCome(sent)) break;
    lost = sent.to;
  }
  const { resent } = rack;
  let done = 0;
  for (; done < resent.length; done++) {
    const copy = resent[done]!;
    const sent = rack.records[indexOf(rack, later(copy.from, snd.una))];
    const isStale = sent === undefined || sent.at !== copy.at || sent.sacked || !before(sent.from, copy.to);
    if (isStale) continue;
    if (!sentBefore(sent, rack) || mayCome(sent)) break;
    sent.lost = true;
    rack.lostAgain.push(sent);
  }
  if (done > 0) resent.splice(0, done);
  return lost;
}

const sentBefore = (sent: Sent, rack: Rack): boolean =>
  sent.at < rack.at || (sent.at === rack.at && before(sent.to, rack.end));

/** Bytes that were sent again and are lost again. */
export function lostAgainBytes(c: Connection): number {
  const { lostAgain } = c.rack;
  if (lostAgain.length === 0) return 0;
  let bytes = 0;
  for (const sent of lostAgain) if (sent.lost) bytes += distance(later(sent.from, c.snd.una), sent.to);
  return bytes;
}

/** The first of them, at most `most` bytes. */
export function nextLostAgain(c: Connection, most: number): readonly [Sequence, Sequence] | undefined {
  const { lostAgain } = c.rack;
  while (lostAgain.length > 0 && !lostAgain[0]!.lost) lostAgain.shift();
  const first = lostAgain[0];
  if (first === undefined) return undefined;
  const from = later(first.from, c.snd.una);
  return [from, earlier(add(from, most), first.to)];
}

/** The time-out has come: nothing is known any more of what is where. */
export function forgetDelivered(c: Connection): void {
  const { rack } = c;
  rack.lostAgain.length = 0;
  rack.resent.length = 0;
  rack.sacked = 0;
  for (let i = rack.head; i < rack.records.length; i++) {
    rack.records[i]!.sacked = false;
    rack.records[i]!.lost = false;
  }
  c.timers.reorder = FOREVER;
}

/** The connection has nothing more to send. */
export function forgetSent(c: Connection): void {
  const { rack } = c;
  rack.records = [];
  rack.head = 0;
  rack.lostAgain.length = 0;
  rack.resent.length = 0;
}
