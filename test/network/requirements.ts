/**
 * Every MUST of RFC 9293, by the number it has in appendix B there, with the section of RFC 1122 that it comes from: all of
 * section 4.2 went there. What it demands, in our words, and the tests that show it, by the name that stands in them (or of
 * a row in their tables, or of a timeline). Where a default does otherwise on purpose, that is said.
 * `requirements.test.ts` sees to it that they exist.
 */
export interface Requirement extends Row {
  readonly must: number;
  /** Section of RFC 1122, where it has it. */
  readonly host?: string;
}

/** What an RFC demands or advises, and the tests that show it. */
export interface Row {
  readonly section: string;
  readonly demand: string;
  readonly shownBy: readonly string[];
  /** Where we or a default do otherwise, and why, or which setting decides. */
  readonly note?: string;
}

export const requirements: readonly Requirement[] = [
  {
    must: 1,
    section: "3.1",
    host: "4.2.2.3",
    demand: "the window is an unsigned number",
    shownBy: ["are unsigned: 65535 is large"],
  },
  {
    must: 2,
    section: "3.1",
    host: "4.2.2.7",
    demand: "the sender computes the checksum",
    shownBy: ["apart and together: %s"],
  },
  {
    must: 3,
    section: "3.1",
    host: "4.2.2.7",
    demand: "the receiver checks it",
    shownBy: ["checksum", "what is not for us, makes no sense, or cannot be is dropped and counted"],
  },
  {
    must: 4,
    section: "3.1",
    host: "4.2.2.5",
    demand: "end of list, no operation and MSS are understood",
    shownBy: ["apart and together: %s", "nothing behind the end"],
  },
  {
    must: 5,
    section: "3.1",
    host: "4.2.2.5",
    demand: "an option may come with any segment",
    shownBy: ["timestamps take their room from the data (RFC 6691), and are echoed"],
  },
  {
    must: 6,
    section: "3.1",
    host: "4.2.2.5",
    demand: "unknown options are passed over",
    shownBy: ["an unknown kind"],
  },
  {
    must: 7,
    section: "3.1",
    host: "4.2.2.5",
    demand: "an option with an illegal length does no harm",
    shownBy: [
      "a length of 0",
      "a length of 1",
      "a length that leads out of the header",
      "a kind without a length at the end",
    ],
  },
  {
    must: 8,
    section: "3.4.1",
    host: "4.2.2.9",
    demand: "initial numbers follow a clock",
    shownBy: ["move by one every 4 µs, differ from flow to flow and from key to key"],
  },
  {
    must: 9,
    section: "3.4.1",
    demand: "what is added to the clock cannot be computed from outside",
    shownBy: ["move by one every 4 µs, differ from flow to flow and from key to key"],
  },
  {
    must: 10,
    section: "3.5",
    host: "4.2.2.10",
    demand: "both sides may open at once",
    shownBy: ["figure 7, both at once", "simultaneous-open.pkt"],
  },
  {
    must: 11,
    section: "3.5",
    host: "4.2.2.11",
    demand: "SYN-RECEIVED remembers which side began",
    shownBy: ["a reset in SYN-RECEIVED: who listens goes on listening, who called is told"],
  },
  {
    must: 12,
    section: "3.6",
    host: "4.2.2.13",
    demand: "the program learns whether the peer closed or aborted",
    shownBy: ["how a connection ended: the peer has finished, or has aborted", "reset-while-reading.pkt"],
  },
  {
    must: 13,
    section: "3.6.1",
    host: "4.2.2.13",
    demand: "who closes first stays in TIME-WAIT for twice the segment lifetime",
    shownBy: ["figure 12, who begins", "TIME-WAIT: the FIN again is acknowledged and starts the time anew"],
  },
  {
    must: 14,
    section: "3.7.1",
    host: "4.2.2.6",
    demand: "the MSS option is sent and understood",
    shownBy: ["a SYN offers all; an answer only what was offered"],
  },
  {
    must: 15,
    section: "3.7.1",
    host: "4.2.2.6",
    demand: "without it 536 is taken, 1220 over IPv6",
    shownBy: [
      "without the MSS option a peer takes 536 (RFC 9293 3.7.1)",
      "without the MSS option a peer takes 1220 over IPv6",
    ],
  },
  {
    must: 16,
    section: "3.7.1",
    host: "4.2.2.6",
    demand: "no segment is larger than the peer and the path take",
    shownBy: [
      "timestamps take their room from the data (RFC 6691), and are echoed",
      "fragmentation needed makes segments smaller, and they go out again (RFC 1191)",
    ],
  },
  {
    must: 17,
    section: "3.7.4",
    host: "4.2.3.4",
    demand: "Nagle's algorithm can be turned off",
    shownBy: [
      "without Nagle it does not",
      "Nagle's algorithm: turning it off sends at once what was waiting",
    ],
  },
  {
    must: 18,
    section: "3.8.1",
    host: "4.2.3.1",
    demand: "the time-out is that of RFC 6298, Karn's algorithm included",
    shownBy: [
      "the first measurement and those after it (2.2, 2.3)",
      "what is sent twice measures nothing (Karn), and the back-off stays until something does",
    ],
    note: "The least RTO, a SHOULD of RFC 6298, is 200 ms above SRTT instead of a second in all, as the widespread stacks have it; `minimumRto` sets it.",
  },
  {
    must: 19,
    section: "3.8.2",
    host: "4.2.2.15",
    demand: "slow start, congestion avoidance, exponential back-off",
    shownBy: [
      "after a time-out all is sent again from one segment on (RFC 5681 3.1)",
      "data: doubled each time, up to a minute, until R2",
    ],
  },
  {
    must: 20,
    section: "3.8.3",
    host: "4.2.3.5",
    demand: "at R1 IP is told that the way may be dead, at R2 the connection ends",
    shownBy: [
      "data: doubled each time, up to a minute, until R2",
      "at R1 the first hop is asked whether it is still there, and the program can learn of it",
    ],
  },
  {
    must: 21,
    section: "3.8.3",
    host: "4.2.3.5",
    demand: "a program can set R2 of its connection",
    shownBy: ["the user timeout (RFC 9293 3.8.3)", "user-timeout.pkt"],
  },
  {
    must: 22,
    section: "3.8.3",
    host: "4.2.3.5",
    demand: "the same for SYNs",
    shownBy: ["a SYN that nobody answers: eight times in three minutes (RFC 9293 MUST-23)"],
  },
  {
    must: 23,
    section: "3.8.3",
    host: "4.2.3.5",
    demand: "a SYN is repeated for three minutes at least",
    shownBy: ["a SYN that nobody answers: eight times in three minutes (RFC 9293 MUST-23)"],
  },
  {
    must: 24,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "keep-alives are turned on and off for each connection",
    shownBy: ["keep-alive: off unless asked for, on and off at any time, after the interval that was set"],
  },
  {
    must: 25,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "they are off unless asked for",
    shownBy: ["keep-alive: off unless asked for, on and off at any time, after the interval that was set"],
  },
  {
    must: 26,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "they are sent in silence only, with nothing under way",
    shownBy: [
      "after two hours of silence, nine probes, 75 s apart",
      "an answer gives two hours more",
      "keep-alive.pkt",
    ],
  },
  {
    must: 27,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "the interval can be set",
    shownBy: ["keep-alive: off unless asked for, on and off at any time, after the interval that was set"],
  },
  {
    must: 28,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "it is two hours or more unless set",
    shownBy: ["after two hours of silence, nine probes, 75 s apart"],
  },
  {
    must: 29,
    section: "3.8.4",
    host: "4.2.3.6",
    demand: "one probe without an answer is not the end",
    shownBy: ["after two hours of silence, nine probes, 75 s apart"],
  },
  {
    must: 30,
    section: "3.8.5",
    host: "4.2.2.4",
    demand: "there is urgent data",
    shownBy: ["the pointer names the byte behind it, in every segment until it is acknowledged; any length"],
  },
  {
    must: 31,
    section: "3.8.5",
    host: "4.2.2.4",
    demand: "it may be of any length",
    shownBy: ["the pointer names the byte behind it, in every segment until it is acknowledged; any length"],
  },
  {
    must: 32,
    section: "3.8.5",
    host: "4.2.2.4",
    demand: "the program is told when it comes and when it grows",
    shownBy: ["the program is told when it comes and when there is more, and how far it reaches"],
  },
  {
    must: 33,
    section: "3.8.5",
    host: "4.2.2.4",
    demand: "the program can learn how much is left",
    shownBy: ["the program is told when it comes and when there is more, and how far it reaches"],
  },
  {
    must: 34,
    section: "3.8.6",
    host: "4.2.2.16",
    demand: "a window that shrinks does no harm",
    shownBy: ["one that shrinks below what is under way does no harm (RFC 9293 3.8.6)"],
  },
  {
    must: 35,
    section: "3.8.6",
    host: "4.2.2.16",
    demand: "when it shrinks to nothing it is probed",
    shownBy: [
      "a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)",
      "zero-window.pkt",
    ],
  },
  {
    must: 36,
    section: "3.8.6.1",
    host: "4.2.2.17",
    demand: "windows of zero are probed",
    shownBy: [
      "a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)",
    ],
  },
  {
    must: 37,
    section: "3.8.6.1",
    host: "4.2.2.17",
    demand: "while probes are answered the connection stays",
    shownBy: [
      "a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)",
    ],
  },
  {
    must: 38,
    section: "3.8.6.2.1",
    host: "4.2.3.4",
    demand: "the sender avoids silly windows",
    shownBy: ["silly windows are not used (RFC 9293 3.8.6.2.1), until the persist timer overrides"],
  },
  {
    must: 39,
    section: "3.8.6.2.2",
    host: "4.2.3.3",
    demand: "the receiver avoids silly windows",
    shownBy: ["a closed window opens by a segment at least, and the peer is told (RFC 9293 3.8.6.2.2)"],
  },
  {
    must: 40,
    section: "3.8.6.3",
    host: "4.2.3.2",
    demand: "no acknowledgement waits half a second",
    shownBy: ["one segment waits for 40 ms, the second is acknowledged at once"],
  },
  {
    must: 41,
    section: "3.9.1.1",
    host: "4.2.2.18",
    demand: "a passive open changes no connection that there is",
    shownBy: ["a listener touches no connection that there is, and may come while some have its port"],
  },
  {
    must: 42,
    section: "3.9.1.1",
    host: "4.2.2.18",
    demand: "one can listen at a port while a connection there is being opened",
    shownBy: ["a listener touches no connection that there is, and may come while some have its port"],
  },
  {
    must: 43,
    section: "3.9.1.1",
    host: "4.2.4.4",
    demand: "the local address can be chosen",
    shownBy: [
      "the own address is the program's choice, else the route's, and stays the same for all segments",
    ],
  },
  {
    must: 44,
    section: "3.9.1.1",
    host: "4.2.3.7",
    demand: "else IP chooses it before the SYN",
    shownBy: [
      "the own address is the program's choice, else the route's, and stays the same for all segments",
      "the source is of the destination's scope, not deprecated, and nearest (RFC 6724)",
    ],
  },
  {
    must: 45,
    section: "3.9.1.1",
    host: "4.2.3.7",
    demand: "all segments come from the same address",
    shownBy: [
      "the own address is the program's choice, else the route's, and stays the same for all segments",
    ],
  },
  {
    must: 46,
    section: "3.9.1.1",
    host: "4.2.3.10",
    demand: "nobody connects to a broadcast or group address",
    shownBy: ["never to a broadcast or multicast address, nor to none; and none from there is answered"],
  },
  {
    must: 47,
    section: "3.9.1.8",
    host: "4.2.4.1",
    demand: "soft errors can be learnt",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
  },
  {
    must: 48,
    section: "3.9.1.9",
    host: "4.2.4.2",
    demand: "the program sets the differentiated services field",
    shownBy: ["time to live and differentiated services of its segments"],
  },
  {
    must: 49,
    section: "3.9.2",
    host: "4.2.2.19",
    demand: "the time to live can be set",
    shownBy: ["time to live and differentiated services of its segments"],
  },
  {
    must: 50,
    section: "3.9.2.1",
    host: "4.2.3.8",
    demand: "IP options that mean nothing to TCP are ignored",
    shownBy: ["a packet with options is taken for what it carries; one whose options are not whole is not"],
  },
  {
    must: 51,
    section: "3.9.2.1",
    host: "4.2.3.8",
    demand: "a source route can be given to a connection that is opened",
    shownBy: [
      "a program names the gateways of a connection that it opens (MUST-51)",
      "two hosts without routes talk by a %s one through two routers that follow it",
      "the kernel goes back by the route that we name",
    ],
    note: "A socket's `sourceRoute`. Routers refuse source routes unless they are told to follow them (RFC 7126 4.3): `sourceRoutes`.",
  },
  {
    must: 52,
    section: "3.9.2.1",
    host: "4.2.3.8",
    demand: "it comes before one that was received",
    shownBy: ["the program's choice comes before one that was received (MUST-52)"],
  },
  {
    must: 53,
    section: "3.9.2.1",
    host: "4.2.3.8",
    demand: "who was called goes back, with all segments, by the route that he was called by",
    shownBy: [
      "the way that a SYN came is gone back by all segments, and a later one overrides it (MUST-53)",
      "the kernel opens a connection by one, and our answers go back by it",
    ],
  },
  {
    must: 54,
    section: "3.9.2.2",
    host: "4.2.3.9",
    demand: "ICMP errors reach the connection they are about",
    shownBy: [
      "an established connection survives them, and forged ones mean nothing (RFC 5927)",
      "what ICMP says of a connection that goes on all the same; source quench means nothing",
    ],
  },
  {
    must: 55,
    section: "3.9.2.2",
    host: "4.2.3.9",
    demand: "source quench is discarded in silence",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
  },
  {
    must: 56,
    section: "3.9.2.2",
    host: "4.2.3.9",
    demand: "soft errors abort nothing",
    shownBy: [
      "an established connection survives them, and forged ones mean nothing (RFC 5927)",
      "one that is being opened survives soft errors where the settings say so",
    ],
    note: "By default they end one that is being opened (RFC 5461 section 4): an answer within a round trip is worth more to a program than three minutes of hope. `softErrorsEndOpening` decides.",
  },
  {
    must: 57,
    section: "3.9.2.3",
    host: "4.2.3.10",
    demand: "a SYN to a broadcast or group address is dropped in silence",
    shownBy: ["never to a broadcast or multicast address, nor to none; and none from there is answered"],
  },
  {
    must: 58,
    section: "3.10.7.4",
    host: "4.2.2.20",
    demand: "acknowledgements are put together where possible",
    shownBy: [
      "one segment waits for 40 ms, the second is acknowledged at once",
      "all that has come is looked at before one acknowledgement goes, where the settings say so",
    ],
    note: "By default every second segment is acknowledged when it has been looked at: the sender's window grows by acknowledgements, and RFC 5681 4.2 wants one for two. `gatherAcks` decides.",
  },
  {
    must: 59,
    section: "3.10.7.4",
    host: "4.2.2.20",
    demand: "all segments in the queue are looked at before any is acknowledged",
    shownBy: ["all that has come is looked at before one acknowledgement goes, where the settings say so"],
    note: "As MUST-58.",
  },
  {
    must: 60,
    section: "3.9.1.2",
    host: "4.2.2.2",
    demand: "without PUSH in the call, data does not wait for ever",
    shownBy: ["Nagle: a small segment waits for what is under way (RFC 9293 3.7.4)"],
  },
  {
    must: 61,
    section: "3.9.1.2",
    host: "4.2.2.2",
    demand: "PSH stands in the last segment of what there is",
    shownBy: ["segments of MSS, PSH on the last, within the initial window of ten (RFC 6928)"],
  },
  {
    must: 62,
    section: "3.8.5",
    host: "4.2.2.4",
    demand: "the urgent pointer names the byte behind the urgent data",
    shownBy: ["the pointer names the byte behind it, in every segment until it is acknowledged; any length"],
  },
  {
    must: 63,
    section: "3.9.2.3",
    host: "4.2.3.10",
    demand: "a SYN from an impossible address is ignored",
    shownBy: [
      "never to a broadcast or multicast address, nor to none; and none from there is answered",
      "what is not for us, makes no sense, or cannot be is dropped and counted",
    ],
  },
  {
    must: 64,
    section: "3.2",
    host: "4.2.2.5",
    demand: "options need not begin on a word",
    shownBy: ["MSS of a wrong length first"],
  },
  {
    must: 65,
    section: "3.7.1",
    host: "4.2.2.6",
    demand: "MSS is sent with SYN only",
    shownBy: ["MSS only with SYN, and nothing but zeros behind an end of options"],
  },
  {
    must: 66,
    section: "3.4",
    demand: "RST and URG count even when the window is zero",
    shownBy: ["at zero a reset and an urgent pointer are still looked at (RFC 9293 3.4)"],
  },
  {
    must: 67,
    section: "3.7.1",
    host: "4.2.2.6",
    demand: "MSS says what can be received, not what the path takes",
    shownBy: [
      "is remembered for the next connection, and forgotten after ten minutes; what we say we take stays",
    ],
  },
  {
    must: 68,
    section: "3.1",
    host: "4.2.2.5",
    demand: "all options but two have a length",
    shownBy: ["apart and together: %s"],
  },
  {
    must: 69,
    section: "3.1",
    demand: "what stands behind the end of the options is zero",
    shownBy: ["MSS only with SYN, and nothing but zeros behind an end of options"],
  },
];

export interface Recommendation extends Row {
  readonly should: number;
}

/** Every SHOULD and SHOULD NOT of RFC 9293, by the number it has there. */
export const recommendations: readonly Recommendation[] = [
  {
    should: 1,
    section: "3.4.1",
    demand: "initial numbers have a pseudorandom part of addresses, ports and a secret",
    shownBy: [
      "move by one every 4 µs, differ from flow to flow and from key to key",
      "SipHash-2-4 agrees with the vectors of its authors",
    ],
  },
  {
    should: 2,
    section: "3.5.3",
    demand: "a reset may have data",
    shownBy: ["a reset: exactly at rcv.nxt, in the window, outside"],
  },
  {
    should: 3,
    section: "3.6.1",
    demand: "who closes with data unread, or gets more, tells by a reset",
    shownBy: [
      "closed with unread data: a reset at once",
      "closed by its program: FIN-WAIT-2 has a limit, and data that nobody reads is reset (RFC 1122 4.2.2.13)",
    ],
  },
  {
    should: 4,
    section: "3.6.1",
    demand: "timestamps shorten TIME-WAIT (RFC 6191)",
    shownBy: [
      "TIME-WAIT gives way to a SYN that is certainly younger (RFC 6191), with a higher number of ours",
    ],
  },
  {
    should: 5,
    section: "3.7.1",
    demand: "MSS is sent in every SYN",
    shownBy: ["a SYN offers all; an answer only what was offered"],
  },
  {
    should: 6,
    section: "3.7.3",
    demand: "where the MTU varies, the smallest says what is announced",
    shownBy: [
      "is remembered for the next connection, and forgotten after ten minutes; what we say we take stays",
    ],
    note: "Those of our cards do not vary.",
  },
  {
    should: 7,
    section: "3.7.4",
    demand: "Nagle's algorithm",
    shownBy: ["Nagle: a small segment waits for what is under way (RFC 9293 3.7.4)"],
  },
  { should: 8, section: "3.8.2", demand: "explicit congestion notification", shownBy: ["ecn.pkt"] },
  {
    should: 9,
    section: "3.8.3",
    demand: "the program learns between R1 and R2 that nothing is acknowledged",
    shownBy: ["at R1 the first hop is asked whether it is still there, and the program can learn of it"],
  },
  {
    should: 10,
    section: "3.8.3",
    demand: "R1 is three retransmissions at least",
    shownBy: ["at R1 the first hop is asked whether it is still there, and the program can learn of it"],
  },
  {
    should: 11,
    section: "3.8.3",
    demand: "R2 is a hundred seconds at least",
    shownBy: ["data: doubled each time, up to a minute, until R2"],
  },
  { should: 12, section: "3.8.4", demand: "keep-alives have no data", shownBy: ["keep-alive.pkt"] },
  {
    should: 13,
    section: "3.8.5",
    demand: "programs use no urgent data",
    shownBy: ["the program is told when it comes and when there is more, and how far it reaches"],
    note: "That is for them; they can.",
  },
  {
    should: 14,
    section: "3.8.6",
    demand: "the window's right edge never goes back",
    shownBy: ["a closed window opens by a segment at least, and the peer is told (RFC 9293 3.8.6.2.2)"],
  },
  {
    should: 15,
    section: "3.8.6",
    demand: "nothing new is sent beyond one that went back",
    shownBy: ["one that shrinks below what is under way does no harm (RFC 9293 3.8.6)"],
  },
  {
    should: 16,
    section: "3.8.6",
    demand: "what is within it is sent again as usual",
    shownBy: ["one that shrinks below what is under way does no harm (RFC 9293 3.8.6)"],
  },
  {
    should: 17,
    section: "3.8.6",
    demand: "what lies beyond it ends no connection",
    shownBy: ["one that shrinks below what is under way does no harm (RFC 9293 3.8.6)"],
  },
  {
    should: 18,
    section: "3.8.6.3",
    demand: "acknowledgements are delayed",
    shownBy: ["one segment waits for 40 ms, the second is acknowledged at once"],
  },
  {
    should: 19,
    section: "3.8.6.3",
    demand: "every second full segment is acknowledged",
    shownBy: ["one segment waits for 40 ms, the second is acknowledged at once"],
  },
  {
    should: 20,
    section: "3.9.1.8",
    demand: "who wants no reports gets none",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
    note: "They are for who asks: `takeError`.",
  },
  {
    should: 21,
    section: "3.9.1.9",
    demand: "the differentiated services field can be changed meanwhile",
    shownBy: ["time to live and differentiated services of its segments"],
  },
  {
    should: 22,
    section: "3.9.1.9",
    demand: "it reaches IP as it was set",
    shownBy: ["time to live and differentiated services of its segments"],
    note: "But for its last two bits where congestion notification was agreed on (RFC 3168).",
  },
  {
    should: 23,
    section: "3.9.2",
    demand: "programs leave it as it is during a connection",
    shownBy: ["time to live and differentiated services of its segments"],
    note: "That is for them.",
  },
  {
    should: 24,
    section: "3.9.2.1",
    demand: "a later source route takes the place of an earlier one",
    shownBy: ["the way that a SYN came is gone back by all segments, and a later one overrides it (MUST-53)"],
  },
  {
    should: 25,
    section: "3.9.2.2",
    demand: "soft errors can be learnt",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
  },
  {
    should: 26,
    section: "3.9.2.2",
    demand: "hard errors end a connection",
    shownBy: ["an established connection survives them, and forged ones mean nothing (RFC 5927)"],
    note: "Only one that is being opened: RFC 5927 section 5 shows how others end connections otherwise.",
  },
  {
    should: 27,
    section: "3.9.1.2",
    demand: "several PSH become one",
    shownBy: ["segments of MSS, PSH on the last, within the initial window of ten (RFC 6928)"],
  },
  {
    should: 28,
    section: "3.9.1.2",
    demand: "segments are as large as they may be",
    shownBy: ["segments of MSS, PSH on the last, within the initial window of ten (RFC 6928)"],
  },
  {
    should: 29,
    section: "3.8.6.1",
    demand: "the first probe of a closed window comes after the time-out",
    shownBy: [
      "a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)",
    ],
  },
  {
    should: 30,
    section: "3.8.6.1",
    demand: "the others each after twice the time",
    shownBy: [
      "a closed window is probed with a byte, less and less often, for ever if answered (3.8.6.1, MUST-37)",
    ],
  },
  {
    should: 31,
    section: "3.10.7.4",
    demand: "segments that come too early are kept",
    shownBy: ["a gap is told at once, and so is its filling"],
  },
];
