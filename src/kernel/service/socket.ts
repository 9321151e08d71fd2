import type { Socket } from "../../net/index.ts";
import type { Asking, Outcome } from "../call.ts";
import type { GuestBytes, Option, Sockaddr, SockaddrRoom } from "../kinds.ts";
import type { SocketFile } from "../process.ts";
import type { Reason } from "../reasons.ts";

/**
 * What programs do with sockets. A call that cannot be done at once waits for its socket, unless the socket is
 * non-blocking; then, and whenever something is wrong, the answer is a reason.
 */

/** Bytes received by one call at most, and more than any datagram has. */
const MOST = 256 * 1024;
const scratch = new Uint8Array(MOST);

export type SocketType = "stream" | "datagram" | "raw";

const TCP = 6;
const UDP = 17;

/** `protocol`: 0, or the type's own; for raw sockets the number in the IP header. */
export function openSocket({ kernel, process }: Asking, type: SocketType, protocol: number): Outcome {
  const file = kernel.openSocket(process, () => {
    const { stack } = kernel;
    if (!stack) return "network-unreachable";
    if (type === "raw") return protocol <= 255 ? stack.sockets.raw(protocol) : "invalid";
    if (type === "stream") return protocol === 0 || protocol === TCP ? stack.sockets.stream() : "invalid";
    if (protocol !== 0 && protocol !== UDP) return "invalid";
    const socket = stack.sockets.datagram();
    // KolibriOS has no such guard: its own DHCP client sends to everybody from a socket that it has just opened.
    socket.options.broadcast = true;
    return socket;
  });
  return typeof file === "string" ? file : file.number;
}

export function closeSocket({ kernel, process }: Asking, file: SocketFile): Outcome {
  kernel.closeSocket(process, file);
  return 0;
}

export function bind(_: Asking, file: SocketFile, place: Sockaddr): Outcome {
  const reason = file.socket.bind(place.address, place.port);
  if (reason === undefined) takeFamily(file, place);
  return reason ?? 0;
}

/** The family is told by the address: the call that opens a socket does not get it. */
function takeFamily(file: SocketFile, { six, interface: index }: Sockaddr): void {
  file.six = six;
  if (index >= 0) file.socket.options.interface = index;
}

/** A backlog below 1 is taken as 1, as Linux does. */
export function listen(_: Asking, { socket }: SocketFile, backlog: number): Outcome {
  return socket.listen(Math.max(1, backlog | 0)) ?? 0;
}

export function connect(_: Asking, file: SocketFile, place: Sockaddr): Outcome {
  if (!file.open) return "bad-handle";
  takeFamily(file, place);
  const answer = file.socket.connect(place.address, place.port);
  if (answer === undefined || answer === "connected") return 0;
  if (answer === "in-progress" || answer === "already") return file.nonBlocking ? answer : { file };
  return answer;
}

/** The number of the oldest connection that waits; its peer's address is written to `room`. */
export function accept(
  { kernel, process }: Asking,
  file: SocketFile,
  room: SockaddrRoom | undefined,
): Outcome {
  if (!file.open) return "bad-handle";
  let peer: Socket | undefined;
  const accepted = kernel.openSocket(process, () => {
    const answer = file.socket.accept();
    if (typeof answer !== "string") peer = answer;
    return answer;
  });
  if (typeof accepted === "string") return orWait(file, accepted);
  accepted.six = file.six;
  if (peer?.remote) room?.write(peer.remote, file.six);
  return accepted.number;
}

/** How many bytes were taken. */
export function send(_: Asking, file: SocketFile, bytes: GuestBytes): Outcome {
  if (!file.open) return "bad-handle";
  // A stream takes what there is room for: the rest need not be read.
  const data = bytes.read(file.socket.type === "stream" ? Math.max(1, file.socket.space) : MOST);
  if (!data) return "bad-address";
  return orWait(file, file.socket.send(data));
}

/** How many bytes came; of a datagram that is longer than the room, the rest is lost. */
export function receive(_: Asking, file: SocketFile, room: GuestBytes): Outcome {
  if (!file.open) return "bad-handle";
  if (room.length === 0) return 0;
  const into = room.length < MOST ? scratch.subarray(0, room.length) : scratch;
  const answer = file.socket.receive(into);
  if (typeof answer === "string" && answer !== "truncated") return orWait(file, answer);
  const length = answer === "truncated" ? into.length : answer;
  return room.write(into.subarray(0, length)) ? length : "bad-address";
}

export function getOption(_: Asking, file: SocketFile, option: Option): Outcome {
  return option.get(file);
}

export function setOption(_: Asking, file: SocketFile, option: Option, value: number): Outcome {
  return option.set ? (option.set(file, value) ?? 0) : "no-option";
}

function orWait(file: SocketFile, answer: number | Reason): Outcome {
  return answer === "would-block" && !file.nonBlocking ? { file } : answer;
}
