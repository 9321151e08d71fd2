/** Linux's names for what our sockets and connections have too: states, errors, events, facts of `tcp_info`. */
import { type Reason, type Socket, TcpState } from "../../src/net/index.ts";
import { hasFinished } from "../../src/net/tcp/connection.ts";
import type { TcpSocket } from "../../src/net/tcp/socket.ts";

export const KNOWN_EVENTS = new Set(["EPOLLIN", "EPOLLOUT", "EPOLLET", "EPOLLRDHUP", "EPOLLHUP", "EPOLLERR"]);

export const eventsIn = (text: string): Set<string> =>
  new Set((/events=([\w|]+)/.exec(text)?.[1] ?? "").split("|").filter((name) => name !== "" && name !== "0"));

/** What poll(2) and epoll(7) would say of a socket. */
export function eventsOf(socket: Socket): string[] {
  const { connection } = socket as TcpSocket;
  const ended = connection !== undefined && hasFinished(connection);
  return [
    ...(socket.readable || socket.acceptable ? ["EPOLLIN"] : []),
    ...(socket.writable && (socket.state !== TcpState.SYN_SENT || connection?.fast?.waits)
      ? ["EPOLLOUT"]
      : []),
    ...(ended ? ["EPOLLRDHUP"] : []),
    ...(socket.closed ? ["EPOLLHUP"] : []),
    ...(socket.error !== undefined ? ["EPOLLERR"] : []),
  ];
}

export const LINUX_STATES: Record<TcpState, number> = {
  [TcpState.ESTABLISHED]: 1,
  [TcpState.SYN_SENT]: 2,
  [TcpState.SYN_RECEIVED]: 3,
  [TcpState.FIN_WAIT_1]: 4,
  [TcpState.FIN_WAIT_2]: 5,
  [TcpState.TIME_WAIT]: 6,
  [TcpState.CLOSED]: 7,
  [TcpState.CLOSE_WAIT]: 8,
  [TcpState.LAST_ACK]: 9,
  [TcpState.LISTEN]: 10,
  [TcpState.CLOSING]: 11,
};

export const LINUX_NAMES: Record<string, number> = {
  TCP_INFINITE_SSTHRESH: 0x7fffffff,
  TCP_CA_Open: 0,
  TCP_CA_Disorder: 1,
  TCP_CA_CWR: 2,
  TCP_CA_Recovery: 3,
  TCP_CA_Loss: 4,
  TCP_ESTABLISHED: 1,
  TCP_SYN_SENT: 2,
  TCP_SYN_RECV: 3,
  TCP_FIN_WAIT1: 4,
  TCP_FIN_WAIT2: 5,
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_CLOSE_WAIT: 8,
  TCP_LAST_ACK: 9,
  TCP_LISTEN: 10,
  TCP_CLOSING: 11,
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_SYN_DATA: 32,
};

export const errnoOf: Partial<Record<Reason, string>> = {
  "would-block": "EAGAIN",
  "in-progress": "EINPROGRESS",
  already: "EALREADY",
  connected: "EISCONN",
  refused: "ECONNREFUSED",
  reset: "ECONNRESET",
  "timed-out": "ETIMEDOUT",
  closed: "EPIPE",
  "not-connected": "ENOTCONN",
  invalid: "EINVAL",
  "in-use": "EADDRINUSE",
  "host-unreachable": "EHOSTUNREACH",
  "protocol-unreachable": "ENOPROTOOPT",
  prohibited: "EACCES",
  "not-supported": "EOPNOTSUPP",
  "not-available": "EADDRNOTAVAIL",
  "network-unreachable": "ENETUNREACH",
};
