/**
 * What a program holds of the network. Kernels and the gateway call these; every call is synchronous and answers a
 * value or a `Reason`, never a guest's error number, and never waits: what would wait answers "would-block" (or
 * "in-progress" for connect), and `onChange` tells when asking again is worth while.
 *
 * Calls take no time and send nothing by themselves: they change the socket, and the next `stack.poll(now)` puts
 * on the wire what follows from it. `stack.deadline()` says "at once" after such a call.
 */
import type { IpAddress } from "./wire/ip-address.ts";
import type { SourceRoute } from "./wire/source-route.ts";

/** Why a call did not do what was asked. */
export type Reason =
  /** Nothing now; ask again after `onChange`. */
  | "would-block"
  /** connect: the handshake has begun with this call. */
  | "in-progress"
  /** connect: the handshake begun earlier has not ended yet. */
  | "already"
  /** connect: it is connected. The good end of a connect that began with "in-progress". */
  | "connected"
  /** The peer answered with a reset (connect) or its port is not open (UDP, after a send). */
  | "refused"
  /** The peer reset an established connection. */
  | "reset"
  /** No answer in the time allowed. */
  | "timed-out"
  /** The program itself aborted the connection. */
  | "aborted"
  | "network-unreachable"
  | "host-unreachable"
  | "protocol-unreachable"
  /** A router or the other host said that this is not allowed (ICMP 3/9, 10, 13). */
  | "prohibited"
  /** Another socket has the address and port. */
  | "in-use"
  /** The address is not one of ours. */
  | "not-available"
  | "not-connected"
  /** Sending after the own end was closed. */
  | "closed"
  /** A datagram larger than can be sent. */
  | "too-long"
  /** A datagram larger than the reader's buffer: what fits was copied, the rest is lost. */
  | "truncated"
  /** The call makes no sense in this state or with these values. */
  | "invalid"
  /** The call makes no sense for this type of socket. */
  | "not-supported";

/** The states of RFC 9293 section 3.3.2, numbered as the guide's SOCKET_STATE_* constants. */
export const TcpState = {
  CLOSED: 0,
  LISTEN: 1,
  SYN_SENT: 2,
  SYN_RECEIVED: 3,
  ESTABLISHED: 4,
  FIN_WAIT_1: 5,
  FIN_WAIT_2: 6,
  CLOSE_WAIT: 7,
  CLOSING: 8,
  LAST_ACK: 9,
  TIME_WAIT: 10,
} as const;
export type TcpState = (typeof TcpState)[keyof typeof TcpState];

/** `stateName(4)` is "ESTABLISHED"; the RFC's spelling with hyphens. */
export function stateName(state: TcpState): string {
  for (const [name, value] of Object.entries(TcpState)) if (value === state) return name.replaceAll("_", "-");
  throw new RangeError(`${state} is not a TCP state`);
}

export interface Endpoint {
  /** 0 = any IPv4 address of this stack, `ANY6` = any address at all. */
  address: IpAddress;
  /** 0 … 65535; 0 = none yet. */
  port: number;
}

/** What has happened to a socket since its program was last told; bits, or-ed together. */
export const News = {
  /** Data arrived that can be received. */
  DATA: 1,
  /** Room to send became free, or the socket became able to send at all. */
  SPACE: 2,
  /** A connect has ended well. */
  CONNECTED: 4,
  /** A listener has a connection to accept. */
  ACCEPTABLE: 8,
  /** The peer has closed its end. */
  FINISHED: 16,
  /** The connection is over: state CLOSED (or TIME_WAIT after an orderly end). */
  CLOSED: 32,
  /** `error` has been set. */
  ERROR: 64,
  /** A listener got a SYN; the connection is not established yet. */
  SYN: 128,
  /** The peer has announced urgent data, or more of it: see `urgent`. */
  URGENT: 256,
} as const;

export interface SocketOptions {
  /** bind may take a port that only connections in TIME_WAIT, or (datagrams) other sockets that allow it too, hold. */
  reuseAddress: boolean;
  /** TCP_NODELAY: small segments do not wait for acknowledgements (RFC 1122 4.2.3.4 off). */
  noDelay: boolean;
  /** Send probes on an idle connection (RFC 9293 3.8.4). */
  keepAlive: boolean;
  /** Datagrams to broadcast addresses may be sent. */
  broadcast: boolean;
  /** Time to live, or hop limit, of packets sent, 1 … 255; at first what the stack was told (64). */
  ttl: number;
  /** The same for packets to groups, 0 … 255: by default they stay on the link (RFC 1112 6.1). */
  groupTtl: number;
  /**
   * The interface by which packets to groups and link-local addresses go when the socket is bound to no address that
   * tells: an index, or -1 for the first that can.
   */
  interface: number;
  /** Type of service or traffic class of packets sent: the differentiated services field (RFC 2474), 0 … 255. */
  tos: number;
  /** The MSS to announce, and to send at most, if that is less than what fits; set before connect or listen. 0 = none. */
  maxSegment: number;
  /**
   * RFC 7413 (TCP Fast Open). Of a listener: connections at most that are to be accepted with the data of their SYN before
   * their handshake is over; such data may come twice. Of a socket that connects, not 0: the first bytes written go with the
   * SYN when the peer has given a cookie before. `connect` answers "connected" then, and nothing is sent until something is
   * written, of which as much is taken as the SYN carries. 0 = no.
   */
  fastOpen: number;
  /**
   * What goes over IPv4 goes by these gateways (RFC 9293 3.9.2.1, RFC 1122 4.1.3.2); for TCP set before connect or listen.
   * A connection that was accepted answers by the way it came unless this says otherwise. Undefined = by the routes.
   */
  sourceRoute: SourceRoute | undefined;
  /**
   * Options in the IPv4 header of datagrams and raw packets sent from now on (RFC 1122 4.1.3.2), whole as RFC 791 3.1 has
   * them; with those of `sourceRoute` at most 40 bytes.
   */
  ipOptions: Uint8Array | undefined;
  /**
   * A datagram socket without a peer hears of ICMP errors, too (RFC 1122 4.1.3.3): the next call tells of what was sent by an
   * earlier one, to whomever. With a peer it always does.
   */
  reportErrors: boolean;
  /** RFC 9293 3.8.3: give up when data is not acknowledged for this many µs; 0 = by number of retransmissions. */
  userTimeout: number;
}

/** One received datagram (UDP), or one packet with its IP header (raw). */
export interface Datagram {
  from: Endpoint;
  /** The destination it was sent to: which of our addresses, or a broadcast address. */
  to: Endpoint;
  payload: Uint8Array;
  /** The interface it came by: index of its card, -1 = the loopback. */
  interface: number;
  /** Type of service or traffic class. */
  tos: number;
  /** The options of its IPv4 header, if it has any. */
  options?: Uint8Array | undefined;
  /** The way back, when it came by a source route: what `sourceRoute` is to be for the answer. */
  back?: SourceRoute | undefined;
}

/**
 * A socket of any type. All types answer all calls, those that make no sense with "not-supported", so that a
 * personality's table needs no distinction of types.
 */
export interface Socket {
  readonly type: "stream" | "datagram" | "raw" | "packet";
  /** Where it is bound; port 0 and address 0 before that. */
  readonly local: Readonly<Endpoint>;
  readonly remote: Readonly<Endpoint> | undefined;
  /** The TCP state; a datagram or raw socket is always CLOSED. */
  readonly state: TcpState;
  readonly options: SocketOptions;

  /** receive would not answer "would-block": there is data, the peer has finished, or there is an error to tell. */
  readonly readable: boolean;
  /** send would not answer "would-block". */
  readonly writable: boolean;
  /** accept would not answer "would-block". */
  readonly acceptable: boolean;
  /** Nothing more will ever happen here: closed, reset, refused or timed out. */
  readonly closed: boolean;
  /** Bytes that receive could give now: all of them (stream), those of the first datagram (others). */
  readonly available: number;
  /** Bytes that send would take now. */
  readonly space: number;
  /** Bytes from the next one to be received up to the end of urgent data; 0 = none (RFC 9293 3.8.5, RFC 6093). */
  readonly urgent: number;
  /** What went wrong and has not been told yet by a call. */
  readonly error: Reason | undefined;

  /** Called at the end of a `stack.poll` in which something happened, with News bits. Any call may be made in it. */
  onChange: ((socket: Socket, news: number) => void) | undefined;

  /**
   * Datagrams to the group are taken on this interface (-1: the one by which they would be sent) from now on, until
   * `leave` or `close`. "invalid" (no group, or joined already), "not-available" (no such interface), "in-use" (too
   * many groups).
   */
  join(group: IpAddress, index?: number): Reason | undefined;
  leave(group: IpAddress, index?: number): Reason | undefined;
  /** `port` 0 takes a free one. "in-use", "not-available", "invalid" (bound already). */
  bind(address: IpAddress, port: number): Reason | undefined;
  /**
   * Stream: "in-progress" the first time, "already" while it lasts, "connected" once and ever after; or why it
   * failed, once, after which the socket is CLOSED and may connect anew. Others: sets the peer; undefined = done.
   */
  connect(address: IpAddress, port: number): Reason | undefined;
  /** `backlog`: connections that wait to be accepted, 1 or more. Called again, it changes the backlog. */
  listen(backlog: number): Reason | undefined;
  /** The oldest established connection, with its options inherited. */
  accept(): Socket | Reason;
  /**
   * Takes as many bytes as there is room for, at least 1 (stream), or all of them as one datagram.
   * @param to the destination of this datagram; without it, the connected peer
   */
  send(bytes: Uint8Array, to?: Endpoint): number | Reason;
  /** As send, and the peer is told that all up to the last of these bytes is urgent. */
  sendUrgent(bytes: Uint8Array): number | Reason;
  /** Bytes copied into `into`; for a stream 0 = the peer has finished. Datagrams: one a call, see "truncated". */
  receive(into: Uint8Array): number | Reason;
  /** As receive, and leaves the data where it is. */
  peek(into: Uint8Array): number | Reason;
  /** The next datagram with its sender. */
  receiveDatagram(): Datagram | Reason;
  /** Half-close: "send" ends the own stream with FIN once all is sent; "receive" drops what still arrives. */
  shutdown(how: "send" | "receive" | "both"): Reason | undefined;
  /**
   * The program is done with the socket. What was taken by send is still sent, then FIN (RFC 9293 3.10.4). When
   * received data was left unread, or more arrives, the peer gets a reset (RFC 1122 4.2.2.13). Not called back any more.
   */
  close(): void;
  /** Ends a connection with a reset, dropping everything. */
  abort(): void;
  /**
   * Returns `error` and clears it. Without one, what ICMP has said since the last time of a connection that goes on all
   * the same, or "timed-out" when the peer acknowledges nothing any more (RFC 9293 3.9.1.8).
   */
  takeError(): Reason | undefined;
}

/** A connection or flow that somebody wants to make to an address that need not be ours; it waits for a verdict. */
export interface Attempt {
  readonly protocol: "tcp" | "udp";
  /** Where it wants to go. */
  readonly to: Readonly<Endpoint>;
  readonly from: Readonly<Endpoint>;
  /** False once a verdict was given or the other side gave up. */
  readonly pending: boolean;
  /**
   * TCP: the SYN is answered, and the socket can be written to at once (data follows the handshake). UDP: a socket
   * connected to the sender, with the first datagram already in it. Undefined when it is pending no more.
   */
  accept(): Socket | undefined;
  /** TCP: RST. UDP: ICMP port unreachable. */
  refuse(): void;
  /** Answered with ICMP destination unreachable. */
  unreachable(what: "network" | "host" | "prohibited"): void;
  /** Nothing is answered, as if the packet had been lost. */
  ignore(): void;
}

/** All sockets of a stack. */
export interface Sockets {
  stream(): Socket;
  datagram(): Socket;
  /**
   * Packets of one protocol: of IPv4 with their header, of IPv6 without (RFC 3542 section 3).
   * @param protocol number in the IP header, e.g. 1 = ICMP, 58 = ICMPv6; 0 … 255
   */
  raw(protocol: number): Socket;
  /**
   * Whole Ethernet frames, those that leave too, before anything else has looked at them. What is sent goes out as it is.
   * @param index of the interface; without it, frames of all are received and none can be sent
   * @param type only frames with this EtherType
   */
  packet(index?: number, type?: number): Socket;
  /**
   * Asks `handler` about every TCP SYN and first UDP datagram that no socket is open for, including those to
   * addresses that are not ours when the stack was made with `anyAddress`. The handler may give its verdict at once
   * or later. Undefined ends it.
   */
  intercept(handler: ((attempt: Attempt) => void) | undefined): void;
}
