/** RFC 9293 3.10.8: what time does to a connection. */
import { FOREVER, type Micros } from "../../base/index.ts";
import { TcpState } from "../sockets.ts";
import { flightSize, foundLostByTime, timedOut } from "./congestion.ts";
import { type Connection, enter, fail } from "./connection.ts";
import { settleProbe } from "./probe.ts";
import { detectLosses } from "./rack.ts";
import { backOff } from "./rtt.ts";

/** Looks at every timer; what has to be sent is left pending. */
export function expire(c: Connection, now: Micros): void {
  const { timers } = c;
  if (timers.wait <= now) {
    enter(c, TcpState.CLOSED);
    return;
  }
  if (timers.delayedAck <= now) {
    timers.delayedAck = FOREVER;
    c.pending.ack = true;
  }
  if (timers.probe <= now) {
    timers.probe = FOREVER;
    c.pending.tail = true;
    if (timers.retransmit <= now) timers.retransmit = now + c.rtt.rto; // it comes before the time-out, if at all
  }
  if (timers.reorder <= now && timers.retransmit > now) foundLostByTime(c, detectLosses(c, now));
  if (timers.retransmit <= now) retransmit(c, now);
  if (timers.persist <= now) persist(c, now);
  if (timers.keepAlive <= now) keepAlive(c, now);
}

/** RFC 6298 (5.4) to (5.7), and R2 of RFC 9293 3.8.3. */
function retransmit(c: Connection, now: Micros): void {
  c.timers.retransmit = FOREVER;
  if (flightSize(c) === 0 && c.snd.synAcked) return;
  if (isHopeless(c, now)) {
    if (c.state === TcpState.SYN_RECEIVED && c.passive && !c.fast?.handed) enter(c, TcpState.CLOSED);
    else fail(c, c.softError ?? "timed-out");
    return;
  }
  c.retries++;
  c.timeouts++;
  backOff(c.rtt, c.settings);
  c.timed = undefined;
  if (c.state === TcpState.SYN_SENT || c.state === TcpState.SYN_RECEIVED) c.pending.syn = true;
  else timedOut(c, c.retries === 1);
  c.timers.retransmit = now + c.rtt.rto;
}

function isHopeless(c: Connection, now: Micros): boolean {
  const { userTimeout } = c.options;
  if (userTimeout > 0 && now - c.stalledSince >= userTimeout) return true;
  if (c.state === TcpState.SYN_SENT) return c.retries >= c.settings.synRetries;
  if (c.state === TcpState.SYN_RECEIVED) return c.retries >= c.settings.synAckRetries;
  return c.retries >= c.settings.retries;
}

/** RFC 9293 3.8.6.1. A peer that answers may keep its window shut for ever (MUST-37); one that does not is gone. */
function persist(c: Connection, now: Micros): void {
  c.timers.persist = FOREVER;
  if (isHopeless(c, now)) fail(c, c.softError ?? "timed-out");
  else c.pending.probe = true;
}

/** RFC 9293 3.8.4 */
function keepAlive(c: Connection, now: Micros): void {
  const { settings, timers } = c;
  if (!c.options.keepAlive) {
    timers.keepAlive = FOREVER; // turned off since
    return;
  }
  const silence = now - c.heard;
  if (silence < settings.keepAliveIdle || flightSize(c) > 0) {
    const quiet = c.heard + settings.keepAliveIdle;
    timers.keepAlive = quiet > now ? quiet : now + settings.keepAliveInterval;
    return;
  }
  // MUST-29: not one probe without an answer, but several are the end.
  if (c.keepAlives >= settings.keepAliveProbes) {
    fail(c, "timed-out");
    return;
  }
  c.keepAlives++;
  c.pending.keepAlive = true;
  timers.keepAlive = now + settings.keepAliveInterval;
}

/** Timers that depend on the state alone; called when everything else has been done. */
export function settleTimers(c: Connection, now: Micros): void {
  const { settings, timers, state } = c;
  settleProbe(c, now);
  if (state === TcpState.FIN_WAIT_2 && c.orphan && timers.wait === FOREVER)
    timers.wait = now + settings.finWait2;
  const alive = c.options.keepAlive && (state === TcpState.ESTABLISHED || state === TcpState.CLOSE_WAIT);
  if (!alive) timers.keepAlive = FOREVER;
  else if (timers.keepAlive === FOREVER) timers.keepAlive = Math.max(now, c.heard) + settings.keepAliveIdle;
}
