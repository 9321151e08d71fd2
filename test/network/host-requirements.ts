/**
 * Every MUST and MUST NOT of RFC 1122 that the tables of its sections 2.5 (link), 3.5 (IP, ICMP) and 4.1.5 (UDP) have, in their
 * order; those of 4.2.5 (TCP) stand in `requirements.ts`. What is to be done only where an option of the RFC is taken (sending
 * by RFC 1042, timestamp and address mask messages, being asked for masks) is not here where it is not taken.
 */
import type { Row } from "./requirements.ts";

const wire = "what is not for us, makes no sense, or cannot be is dropped and counted";
const named = "a program names IP options for what it sends, and gets those that came (RFC 1122 4.1.3.2)";
const ofOwn = "a packet with options is taken for what it carries; one whose options are not whole is not";
const noErrors = "errors about errors, broadcasts and later fragments are not sent (RFC 1122 3.2.2)";
const gone = "a gateway that does not answer: another is taken, for what waits too (RFC 1122 3.3.1.5)";
const aMinute =
  "after a minute a neighbour is asked directly, and forgotten when it is silent (RFC 1122 2.3.2.1)";
const settings = "time to live and differentiated services of its segments";
const followed = "two hosts without routes talk by a %s one through two routers that follow it";
const refused =
  "a host is no gateway, and a router that was not told to follow them says so (RFC 1122 3.3.5, RFC 7126 4.3)";

export const hostRequirements: readonly Row[] = [
  // --- 2.5: the link
  { section: "2.3.2.1", demand: "ARP entries that are out of date go", shownBy: [aMinute] },
  {
    section: "2.3.2.1",
    demand: "ARP does not flood",
    shownBy: ["three requests a second apart, then the packets are lost and their senders told"],
  },
  {
    section: "2.3.3",
    demand: "frames by RFC 894 are sent and received",
    shownBy: [
      "a request is answered, and the asker remembered",
      "what RFC 1042 puts into an 802.3 frame is found",
    ],
    note: "Those by RFC 1042 are received, which is a SHOULD, and never sent.",
  },
  {
    section: "2.3.3",
    demand: "ARP finds addresses on Ethernet",
    shownBy: ["a request is answered, and the asker remembered"],
  },
  {
    section: "2.4",
    demand: "IP learns that a frame was a broadcast",
    shownBy: [wire],
    note: "The type of service goes to the link in the packet itself: Ethernet has nothing of the kind.",
  },
  {
    section: "2.4",
    demand: "no ARP entry yet is no unreachable destination",
    shownBy: ["packets wait for the answer, in order"],
  },
  // --- 3.5: IP
  {
    section: "3.1",
    demand: "who passes packets on does as routers do",
    shownBy: [
      "a packet goes on with its time to live one less",
      "time exceeded, network unreachable, fragmentation needed",
    ],
  },
  {
    section: "3.1",
    demand: "that is switched on, off by default, and not because there are several cards",
    shownBy: [
      "a host with two cards passes nothing on (RFC 1122 3.1)",
      "a packet goes on with its time to live one less",
    ],
  },
  { section: "3.2.1.1", demand: "another version is discarded in silence", shownBy: ["version"] },
  { section: "3.2.1.2", demand: "the header's checksum is verified", shownBy: ["checksum", wire] },
  {
    section: "3.2.1.3",
    demand: "there are subnets",
    shownBy: ["beyond the network by the gateway, by a route, or not at all"],
  },
  {
    section: "3.2.1.3",
    demand: "the source of what is sent is the host's own",
    shownBy: [
      "what makes no sense has its reason",
      "the own address is the program's choice, else the route's, and stays the same for all segments",
    ],
    note: "A station that has no address yet speaks from 0.0.0.0, as (a) there has it.",
  },
  { section: "3.2.1.3", demand: "a destination that is not ours is discarded in silence", shownBy: [wire] },
  { section: "3.2.1.3", demand: "an impossible source is discarded in silence", shownBy: [wire] },
  {
    section: "3.2.1.4",
    demand: "fragments are put together",
    shownBy: ["fragments are put together in any order, with duplicates between"],
  },
  { section: "3.2.1.6", demand: "the type of service can be set from above", shownBy: [settings, named] },
  {
    section: "3.2.1.7",
    demand: "nothing is sent with no time to live",
    shownBy: ["with a time to live of 0 it leaves for nowhere (RFC 1122 3.2.1.7)"],
  },
  {
    section: "3.2.1.7",
    demand: "what arrives with little of it left is not discarded",
    shownBy: ["with no time to live left a packet has still arrived (RFC 1122 3.2.1.7)"],
  },
  { section: "3.2.1.7", demand: "it can be set from above", shownBy: [settings] },
  {
    section: "3.2.1.7",
    demand: "a fixed one is configurable",
    shownBy: ["the time to live that nobody has chosen is the station's (RFC 1122 3.2.1.7)"],
  },
  {
    section: "3.2.1.8",
    demand: "options can be sent from above",
    shownBy: [named, "a raw packet has the options that its program names"],
    note: "A socket's `ipOptions` and `sourceRoute`. TCP takes the route alone: RFC 9293 3.9.2.1 asks for no other.",
  },
  { section: "3.2.1.8", demand: "those received are passed up", shownBy: [named] },
  {
    section: "3.2.1.8",
    demand: "unknown ones, and stream identifiers, are ignored in silence",
    shownBy: [ofOwn],
  },
  {
    section: "3.2.1.8",
    demand: "source routes begin and end here; one at its end is passed up",
    shownBy: [
      "a datagram goes by the gateways that its program names, and is answered by the way it came",
      followed,
    ],
  },
  {
    section: "3.2.1.8",
    demand: "the way back is built without a hop too many",
    shownBy: ["at its end is turned round, with and without the source in it (RFC 1122 3.2.1.8, case B)"],
  },
  {
    section: "3.2.1.8",
    demand: "no header has two source routes",
    shownBy: ["an echo request's route is turned round for the reply (RFC 1122 3.2.2.6)", "two of them"],
  },
  // --- 3.5: ICMP
  {
    section: "3.2.2",
    demand: "unknown types are discarded in silence",
    shownBy: ["a message of an unknown type is nothing to anybody (RFC 1122 3.2.2)"],
  },
  {
    section: "3.2.2",
    demand: "what an error quotes is as it was received",
    shownBy: ["port and protocol unreachable quote the packet"],
  },
  {
    section: "3.2.2",
    demand: "errors reach the protocol they are about",
    shownBy: ["a connected datagram socket hears that its port is closed, others do not (RFC 1122 4.1.3.3)"],
  },
  {
    section: "3.2.2",
    demand: "none about errors, broadcasts, groups, later fragments, and sources that are not one host",
    shownBy: [noErrors, "no error is ever sent about a packet to a group", wire],
  },
  {
    section: "3.3.8",
    demand: "else errors are sent",
    shownBy: ["port and protocol unreachable quote the packet"],
  },
  {
    section: "3.2.2.1",
    demand: "unreachable is told above, where it is a hint only",
    shownBy: [
      "an established connection survives them, and forged ones mean nothing (RFC 5927)",
      "a connected datagram socket hears that its port is closed, others do not (RFC 1122 4.1.3.3)",
    ],
  },
  {
    section: "3.2.2.2",
    demand: "redirects change the route, those of networks as those of hosts",
    shownBy: ["a redirect by the router that is the way is followed, for that host alone (RFC 1122 3.2.2.2)"],
  },
  {
    section: "3.2.2.3",
    demand: "source quench is told above",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
    note: "Nothing is told: RFC 6633 has it discarded in silence.",
  },
  {
    section: "3.2.2.4",
    demand: "time exceeded and parameter problem are told above",
    shownBy: ["what ICMP says of a connection that goes on all the same; source quench means nothing"],
  },
  {
    section: "3.2.2.6",
    demand: "echo requests are answered, from the address that was asked, with the same data",
    shownBy: ["an echo comes back as it was, to a broadcast it does not"],
  },
  {
    section: "3.2.2.6",
    demand: "echo replies are passed up",
    shownBy: ["packets with their header in, messages with their checksum out"],
  },
  {
    section: "3.2.2.6",
    demand: "a source route is turned round for the reply",
    shownBy: ["an echo request's route is turned round for the reply (RFC 1122 3.2.2.6)"],
  },
  {
    section: "3.2.2.9",
    demand: "the address mask is configured; nobody is told masks who asks",
    shownBy: [
      "wrong configurations are said to be",
      "a message of an unknown type is nothing to anybody (RFC 1122 3.2.2)",
    ],
  },
  // --- 3.5: ways
  {
    section: "3.3.1.1",
    demand: "the mask says what is near, and nothing else is reached without gateways",
    shownBy: ["beyond the network by the gateway, by a route, or not at all"],
  },
  {
    section: "3.3.1.2",
    demand: "next hops are remembered; without one it is a default gateway, of which there may be several",
    shownBy: [
      gone,
      "a redirect by the router that is the way is followed, for that host alone (RFC 1122 3.2.2.2)",
    ],
  },
  {
    section: "3.3.1.4",
    demand:
      "a next hop that fails is noticed: asked only when there is something to send, and nothing else tells",
    shownBy: [
      aMinute,
      gone,
      "at R1 the first hop is asked whether it is still there, and the program can learn of it",
    ],
  },
  { section: "3.3.1.5", demand: "then another default gateway is taken", shownBy: [gone] },
  {
    section: "3.3.1.6",
    demand: "addresses, masks and gateways can be configured by hand",
    shownBy: ["beyond the network by the gateway, by a route, or not at all", gone],
  },
  {
    section: "3.3.2",
    demand: "datagrams of 576 bytes and more are put together; what can be received is known above",
    shownBy: [
      "fragments are put together in any order, with duplicates between",
      "is remembered for the next connection, and forgotten after ten minutes; what we say we take stays",
    ],
  },
  {
    section: "3.3.2",
    demand: "time exceeded tells of those that never become whole",
    shownBy: ["a flood of first fragments stays within its memory, and is forgotten after a minute"],
  },
  {
    section: "3.3.3",
    demand: "what can be sent is known above, and nothing larger leaves",
    shownBy: ["what is larger than the MTU leaves in fragments", "what makes no sense has its reason"],
  },
  {
    section: "3.3.4.2",
    demand: "programs choose their address",
    shownBy: [
      "the own address is the program's choice, else the route's, and stays the same for all segments",
      "the socket that says most gets it: peer, then address, then the newest",
    ],
  },
  {
    section: "3.3.5",
    demand: "source routes are followed as routers do, and only where that is switched on",
    shownBy: [followed, refused, "a strict one that leaves a hop out is refused on the way"],
  },
  {
    section: "3.2.1.3",
    demand: "no broadcast address is a source",
    shownBy: [wire, "what makes no sense has its reason"],
  },
  {
    section: "3.3.6",
    demand: "the forms of broadcast addresses are known",
    shownBy: ["broadcasts go to all that listen, and may be sent only when asked for"],
    note: "The limited one and that of the network by its mask. Addresses have no classes any more (RFC 4632), so that there is no other; those with zeros, a SHOULD, are not.",
  },
  {
    section: "3.3.6",
    demand: "frames to everybody carry packets to everybody or to groups",
    shownBy: [
      "joined: reported twice with a router alert and one hop, received, and left",
      "broadcasts go to all that listen, and may be sent only when asked for",
    ],
  },
  {
    section: "3.4",
    demand: "all that IP can do is open to who sends: options, type of service, time to live",
    shownBy: [named, settings],
  },
  {
    section: "3.4",
    demand: "who receives learns interface, options and the address it was sent to",
    shownBy: [named, "broadcasts go to all that listen, and may be sent only when asked for"],
  },
  {
    section: "3.4",
    demand: "ICMP messages can be sent from above, and come up with what they quote",
    shownBy: [
      "packets with their header in, messages with their checksum out",
      "port and protocol unreachable quote the packet",
    ],
  },
  // --- 4.1.5: UDP
  { section: "4.1.3.2", demand: "IP options that came are passed to the program", shownBy: [named] },
  {
    section: "4.1.3.2",
    demand: "the program names those that are sent",
    shownBy: [
      named,
      "a datagram goes by the gateways that its program names, and is answered by the way it came",
    ],
    note: "Programs of the library do. The guide's system calls set options of a socket to one number each, and have none for this.",
  },
  {
    section: "4.1.3.3",
    demand: "ICMP errors are passed to the program",
    shownBy: [
      "a connected datagram socket hears that its port is closed, others do not (RFC 1122 4.1.3.3)",
      "a socket without a peer hears of errors when it asks for it (RFC 1122 4.1.3.3)",
    ],
  },
  {
    section: "4.1.3.4",
    demand: "checksums are computed, always, and verified; wrong ones are discarded in silence",
    shownBy: [
      "apart and together",
      "a checksum of zero is none, and is never computed",
      "a datagram with a wrong checksum is nobody's",
    ],
  },
  {
    section: "4.1.3.5",
    demand: "the program learns which address it was sent to",
    shownBy: ["boundaries are kept, empty datagrams too; senders are told"],
  },
  {
    section: "4.1.3.5",
    demand: "the program chooses its address, or leaves it open",
    shownBy: ["the socket that says most gets it: peer, then address, then the newest"],
  },
  {
    section: "4.1.3.6",
    demand: "impossible sources are discarded, and none is sent from",
    shownBy: [wire, "what makes no sense has its reason"],
  },
  {
    section: "4.1.4",
    demand: "all of section 3.4 is open to programs: options, type of service, time to live",
    shownBy: [named, "the time to live that nobody has chosen is the station's (RFC 1122 3.2.1.7)"],
  },
];
