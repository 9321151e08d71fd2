/** The retransmission time-out (RFC 6298). All times in µs. */
import type { Micros } from "../../base/index.ts";
import type { TcpSettings } from "./settings.ts";

export interface Rtt {
  /** Smoothed round-trip time, -1 before the first measurement. */
  srtt: Micros;
  rttvar: Micros;
  /** The time-out now, back-off included. */
  rto: Micros;
}

export function newRtt(settings: TcpSettings): Rtt {
  return { srtt: -1, rttvar: 0, rto: settings.initialRto };
}

/** A measurement R (RFC 6298 (2.2), (2.3)); it also ends a back-off. */
export function measured(rtt: Rtt, r: Micros, settings: TcpSettings): void {
  if (rtt.srtt < 0) {
    rtt.srtt = r;
    rtt.rttvar = r / 2;
  } else {
    rtt.rttvar = 0.75 * rtt.rttvar + 0.25 * Math.abs(rtt.srtt - r);
    rtt.srtt = 0.875 * rtt.srtt + 0.125 * r;
  }
  settle(rtt, settings);
}

/**
 * RFC 6298 (2.3) with the clock granularity G as the least that is added to SRTT. Were the least a bound on the whole
 * instead, a path whose steady round trip is just as long would time out at the first acknowledgement that is delayed.
 */
function settle(rtt: Rtt, settings: TcpSettings): void {
  const rto = Math.round(rtt.srtt + Math.max(settings.minimumRto, 4 * rtt.rttvar));
  rtt.rto = Math.min(settings.maximumRto, rto);
}

/** What was sent again had come before: the time-out was too short for what happened, but not for the road. */
export function forgetBackOff(rtt: Rtt, settings: TcpSettings): void {
  if (rtt.srtt >= 0) settle(rtt, settings);
}

/** RFC 6298 (5.5). */
export function backOff(rtt: Rtt, settings: TcpSettings): void {
  rtt.rto = Math.min(settings.maximumRto, rtt.rto * 2);
}
