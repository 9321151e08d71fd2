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

/** The time-out that follows from what was measured, without back-off. */
export function settle(rtt: Rtt, settings: TcpSettings): void {
  if (rtt.srtt < 0) rtt.rto = settings.initialRto;
  else rtt.rto = clamp(Math.round(rtt.srtt + 4 * rtt.rttvar), settings);
}

/** RFC 6298 (5.5). */
export function backOff(rtt: Rtt, settings: TcpSettings): void {
  rtt.rto = clamp(rtt.rto * 2, settings);
}

function clamp(rto: Micros, settings: TcpSettings): Micros {
  return Math.min(settings.maximumRto, Math.max(settings.minimumRto, rto));
}
