/** What has passed the gateway in connections and datagrams that one side began. */
export interface TrafficCounters {
  /** Connections that came to be on both sides. */
  connections: number;
  /** Those that exist now. */
  active: number;
  /** Those wanted in vain: refused, unreachable, not allowed, too many. */
  failed: number;
  /** Bytes of connections and datagrams. */
  bytesToGuest: number;
  bytesFromGuest: number;
  datagramsToGuest: number;
  datagramsFromGuest: number;
  /** Datagrams lost in the gateway: too many peers, nobody there, not allowed. */
  datagramsDropped: number;
}

export const noTraffic = (): TrafficCounters => ({
  connections: 0,
  active: 0,
  failed: 0,
  bytesToGuest: 0,
  bytesFromGuest: 0,
  datagramsToGuest: 0,
  datagramsFromGuest: 0,
  datagramsDropped: 0,
});
