import { type Micros, MS, SECOND } from "../../base/index.ts";

/** What may differ from one TCP to another without being wrong. */
export interface TcpSettings {
  /** Bytes kept for the reader; also the largest window offered. 2048 … 2^30. */
  receiveBuffer: number;
  /** Bytes taken from the writer before they are acknowledged. 2048 … 2^30. */
  sendBuffer: number;
  /**
   * Bytes of data that may go to the card in one piece, which it sends as segments (segmentation offload). 0 = none: each
   * segment goes by itself. Stacks set it by their cards.
   */
  offload: number;
  /** RFC 2018. */
  sack: boolean;
  /** RFC 8985 section 7: tail loss probes; only with SACK. */
  tailLossProbe: boolean;
  /** RFC 7323 section 3. */
  timestamps: boolean;
  /** RFC 7323 section 2; the shift count follows from receiveBuffer. */
  windowScaling: boolean;
  /** RFC 6928: segments that may be sent before the first acknowledgement; 10. */
  initialWindow: number;
  /**
   * Full segments by which one acknowledgement may widen the window in slow start: 1 is RFC 5681 (2), 2 what RFC 3465
   * 2.3 allows, Infinity what the widespread stacks do. Default 1.
   */
  slowStartLimit: number;
  /** RFC 6298 (2.1): before the first measurement. */
  initialRto: Micros;
  /**
   * The least that an RTO is above SRTT. RFC 6298 (2.4) says that an RTO SHOULD be at least a second. The widespread
   * stacks use 200 ms, and a second makes every lost last segment felt, so we follow them; a second can be had here.
   */
  minimumRto: Micros;
  /** RFC 6298 (2.5): at least 60 s. */
  maximumRto: Micros;
  /** RFC 9293 3.8.6.3: below 500 ms. */
  delayedAck: Micros;
  /**
   * Segments with data that are acknowledged at once when a connection is young, so that the peer's slow start is not
   * held up, nor a program that writes its first answers in small pieces (its Nagle would wait for our delay). RFC 5681
   * 4.2 would have every acknowledgement delayed; we follow the widespread stacks. Infinity = none is ever delayed.
   */
  quickAcks: number;
  /** Twice the maximum segment lifetime. RFC 9293 says 4 minutes, "an engineering choice"; 60 s is what is found. */
  timeWait: Micros;
  /** How long a connection that its program has closed waits in FIN-WAIT-2 for the peer's FIN. */
  finWait2: Micros;
  /** Retransmissions of a SYN before connect fails: RFC 9293 3.8.3 (MUST-23) demands 3 minutes, which 7 give. */
  synRetries: number;
  /** Retransmissions of a SYN-ACK. */
  synAckRetries: number;
  /** R2 of RFC 9293 3.8.3 as a number of retransmissions; SHOULD correspond to at least 100 s. */
  retries: number;
  /** RFC 9293 3.8.4: no less than two hours (MUST-28). */
  keepAliveIdle: Micros;
  keepAliveInterval: Micros;
  keepAliveProbes: number;
  /** Half-open connections of a listener. */
  halfOpen: number;
  /** What is beyond them gets a SYN cookie (RFC 4987 3.6); without, the oldest half-open connections give way. */
  synCookies: boolean;
  /**
   * RFC 9293 3.10.7.4 (MUST-58, MUST-59): all segments that have come are looked at before any is acknowledged. Then one
   * acknowledgement stands for many, and the sender's window, which grows by acknowledgements, opens later; so by default
   * every second segment is acknowledged when it has been looked at, as RFC 5681 4.2 wants.
   */
  gatherAcks: boolean;
  /**
   * What ICMP says of a connection that is being opened ends it (RFC 5461 section 4, as the widespread stacks do): an answer
   * within a round trip is worth more to a program than three minutes of hope. False is RFC 9293 3.9.2.2 (MUST-56).
   */
  softErrorsEndOpening: boolean;
  /**
   * RFC 7413, for sockets that want it (`SocketOptions.fastOpen`). "always": cookies are neither asked for nor demanded, for
   * networks in which nobody forges addresses.
   */
  fastOpen: "off" | "cookies" | "always";
  /** Four words of 32 bits from which cookies are made, as stations that stand for one another have in common. Default: by chance. */
  fastOpenKey: readonly number[] | undefined;
  /** RFC 3168: routers may mark packets where they would drop them; offered and accepted. */
  ecn: boolean;
  /** How the window grows once there has been loss: RFC 5681, or RFC 9438. */
  congestion: "reno" | "cubic";
  /**
   * Connections that no program holds any more, TIME-WAIT included: of more, the oldest are reset or forgotten, so that peers who
   * never answer the end of their connections cannot fill the memory.
   */
  orphans: number;
  /** RFC 5961 section 7: challenge ACKs a second, of the whole stack. */
  challengesPerSecond: number;
}

export const defaultSettings: Readonly<TcpSettings> = {
  receiveBuffer: 256 * 1024,
  sendBuffer: 256 * 1024,
  offload: 0,
  sack: true,
  tailLossProbe: true,
  timestamps: true,
  windowScaling: true,
  initialWindow: 10,
  slowStartLimit: 1,
  initialRto: SECOND,
  minimumRto: 200 * MS,
  maximumRto: 60 * SECOND,
  delayedAck: 40 * MS,
  quickAcks: 16,
  timeWait: 60 * SECOND,
  finWait2: 60 * SECOND,
  synRetries: 7,
  synAckRetries: 5,
  retries: 15,
  keepAliveIdle: 7200 * SECOND,
  keepAliveInterval: 75 * SECOND,
  keepAliveProbes: 9,
  halfOpen: 1024,
  synCookies: true,
  gatherAcks: false,
  softErrorsEndOpening: true,
  fastOpen: "cookies",
  fastOpenKey: undefined,
  ecn: false,
  congestion: "reno",
  orphans: 16_384,
  challengesPerSecond: 1000,
};
