/** What a stack has counted since it was made. Drops are counted by reason: the first thing to look at. */
export interface Counters {
  arpReceived: number;
  arpSent: number;
  /** RFC 5227 2.4: ARP packets of others that claim an address of ours. */
  arpConflicts: number;
  ipReceived: number;
  ipSent: number;
  ipForwarded: number;
  fragmentsReceived: number;
  fragmentsSent: number;
  datagramsReassembled: number;
  ip6Received: number;
  ip6Sent: number;
  ip6Forwarded: number;
  /** RFC 4862 5.4: addresses of ours that another station turned out to have. */
  duplicateAddresses: number;
  igmpReceived: number;
  igmpSent: number;
  /** Of either version of IP, as the next and what is about fragments. */
  icmpReceived: number;
  icmpSent: number;
  redirectsSeen: number;
  udpReceived: number;
  udpSent: number;
  tcpReceived: number;
  tcpSent: number;
  tcpRetransmitted: number;
  /** Expirations of retransmission timers. */
  tcpTimeouts: number;
  tcpResetsSent: number;
  tcpChallenges: number;
  tcpOpened: number;
  tcpAccepted: number;
}

export function newCounters(): Counters {
  return {
    arpReceived: 0,
    arpSent: 0,
    arpConflicts: 0,
    ipReceived: 0,
    ipSent: 0,
    ipForwarded: 0,
    fragmentsReceived: 0,
    fragmentsSent: 0,
    datagramsReassembled: 0,
    ip6Received: 0,
    ip6Sent: 0,
    ip6Forwarded: 0,
    duplicateAddresses: 0,
    igmpReceived: 0,
    igmpSent: 0,
    icmpReceived: 0,
    icmpSent: 0,
    redirectsSeen: 0,
    udpReceived: 0,
    udpSent: 0,
    tcpReceived: 0,
    tcpSent: 0,
    tcpRetransmitted: 0,
    tcpTimeouts: 0,
    tcpResetsSent: 0,
    tcpChallenges: 0,
    tcpOpened: 0,
    tcpAccepted: 0,
  };
}

/** Counts by reason, e.g. "tcp: checksum". */
export class Drops {
  readonly #counts = new Map<string, number>();

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  of(reason: string): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** All of them, sorted by name. */
  all(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
