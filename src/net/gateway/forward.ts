import type { Socket } from "../sockets.ts";
import type { OutsideStream } from "./host.ts";
import type { TrafficCounters } from "./traffic.ts";

/** What is carried to the outside at a time, in bytes. */
const SCRATCH = 256 * 1024;
const SMALL = 4096;
/** Where bytes stand between socket and stream, one connection at a time; a stream that keeps them gets the array. */
let scratch = new Uint8Array(SCRATCH);

/**
 * A connection's two halves: a socket towards the guest and a stream towards the outside. Bytes go from each to the
 * other as far as the other has room, so a side that does not read makes the other side wait. An end of one
 * direction is passed on after all its bytes, a failure of one half at once.
 */
export class Forward {
  readonly socket: Socket;
  readonly stream: OutsideStream;
  readonly #traffic: TrafficCounters;
  /** Bytes from the outside that the socket had no room for. */
  #pending: Uint8Array | undefined;
  #guestFinished = false;
  #outsideFinished = false;
  /** Both directions have ended; the stream may still have bytes that its peer has not taken. */
  #done = false;

  constructor(socket: Socket, stream: OutsideStream, traffic: TrafficCounters) {
    this.socket = socket;
    this.stream = stream;
    this.#traffic = traffic;
  }

  /**
   * Moves what can be moved. "over": nothing will be left to do, ever. "again": to be called again when the stack has
   * sent what it was given.
   */
  pump(): "open" | "again" | "over" {
    if (this.#done) return this.stream.state === "closed" ? "over" : "open";
    const before = this.#traffic.bytesToGuest;
    // First what the guest has sent: it may have gone on to reset the connection, and the host still gets its last words.
    if (!this.#fromGuest() || !this.#toGuest()) return "over";
    if (this.#streamFailed()) {
      // The same for the guest, as far as it has room for them.
      if (this.#traffic.bytesToGuest > before && this.#pending === undefined) return "again";
      this.socket.abort();
      return "over";
    }
    if (!this.#guestFinished || !this.#outsideFinished) return "open";
    this.#done = true;
    this.socket.close(); // what it has taken it still delivers, and the stream does the same
    return this.stream.state === "closed" ? "over" : "open";
  }

  #toGuest(): boolean {
    if (this.#outsideFinished) return true;
    const { socket, stream } = this;
    for (let bytes = this.#pending ?? stream.read(); bytes !== undefined; bytes = stream.read()) {
      const sent = socket.send(bytes);
      if (typeof sent === "number") {
        this.#traffic.bytesToGuest += sent;
        this.#pending = sent < bytes.length ? bytes.subarray(sent) : undefined;
      } else if (sent === "would-block") {
        this.#pending = bytes;
      } else {
        return this.#guestFailed();
      }
      if (this.#pending !== undefined) return true;
    }
    if (stream.finished) {
      this.#outsideFinished = true;
      socket.shutdown("send");
    }
    return true;
  }

  #fromGuest(): boolean {
    const { socket, stream } = this;
    while (!this.#guestFinished && socket.readable && stream.room > 0) {
      const possible = Math.min(socket.available, stream.room);
      // A small piece has an array of its own, so that a slow reader does not hold a large one for it.
      const small = possible <= SMALL;
      const into = small
        ? new Uint8Array(possible)
        : scratch.subarray(0, Math.min(scratch.length, stream.room));
      const received = socket.receive(into);
      if (received === "would-block") return true;
      if (typeof received !== "number") return this.#guestFailed();
      if (received === 0) {
        this.#guestFinished = true;
        stream.end();
      } else {
        this.#traffic.bytesFromGuest += received;
        const written = stream.write(received === into.length ? into : into.subarray(0, received));
        if (!written && !small) scratch = new Uint8Array(SCRATCH);
      }
    }
    // With an error, what has not been read yet is lost, as in any reset; it must not wait for a reader's room.
    return socket.error === undefined || this.#guestFailed();
  }

  #guestFailed(): false {
    this.stream.reset();
    this.socket.close();
    return false;
  }

  /** Also when it was closed although this side had not ended: the whole outside may have been. */
  #streamFailed(): boolean {
    const { state, failure } = this.stream;
    return state === "closed" && (failure !== undefined || !this.#guestFinished);
  }

  /** Resets both halves; but what already has its end is the host's to deliver, however slowly its peer takes it. */
  abort(): void {
    if (!this.#guestFinished) this.stream.reset();
    this.socket.abort();
  }
}
