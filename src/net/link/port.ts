import { Fifo } from "../../base/index.ts";

/**
 * One end of something that carries Ethernet frames: a cable, a switch, a capture around either.
 *
 * A frame is whole, from the destination address to the end of the payload, without preamble and frame check
 * sequence. It is never changed once it has been sent, so one array may be flooded to many ports and kept.
 */
export interface Port {
  /** Gives a frame away. Never blocks; what there is no room for is dropped and counted where it was dropped. */
  send(frame: Uint8Array): void;
  /** Takes the oldest frame that has arrived, or nothing. */
  receive(): Uint8Array | undefined;
  /** Whether there is somebody at the other end; a port that does not know leaves it out. */
  readonly linked?: boolean;
  /**
   * Promises to call `arrived` from now on whenever a frame has come, so that nobody need ask in vain. False, or no such
   * method: it must be asked.
   */
  watch?(arrived: () => void): boolean;
}

/** A bounded queue of frames, first in first out: one direction of a cable, one buffer of a switch. */
export class FrameQueue {
  /** Frames that found no room. */
  dropped = 0;
  /** Called after each frame that was pushed. */
  onPush: (() => void) | undefined = undefined;
  readonly #capacity: number;
  readonly #frames = new Fifo<Uint8Array>();

  /** @param capacity frames, at least 1 */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`a queue of ${capacity} frames: at least 1 is needed`);
    }
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#frames.length;
  }

  /** False when the queue is full: the frame is dropped and counted. */
  push(frame: Uint8Array): boolean {
    if (this.#frames.length >= this.#capacity) {
      this.dropped++;
      return false;
    }
    this.#frames.push(frame);
    if (this.onPush !== undefined) this.onPush();
    return true;
  }

  shift(): Uint8Array | undefined {
    return this.#frames.shift();
  }

  clear(): void {
    this.#frames.clear();
  }
}

/** Frames that wait in one direction of a cable before further ones are dropped. */
const CABLE_FRAMES = 4096;

class CableEnd implements Port {
  readonly #outgoing: FrameQueue;
  readonly #incoming: FrameQueue;

  constructor(outgoing: FrameQueue, incoming: FrameQueue) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  send(frame: Uint8Array): void {
    this.#outgoing.push(frame);
  }

  receive(): Uint8Array | undefined {
    return this.#incoming.shift();
  }

  watch(arrived: () => void): boolean {
    this.#incoming.onPush = arrived;
    return true;
  }
}

/** A cable without delay or loss: what goes in at one end comes out at the other, up to `capacity` frames at a time. */
export function cable(capacity = CABLE_FRAMES): [Port, Port] {
  const there = new FrameQueue(capacity);
  const back = new FrameQueue(capacity);
  return [new CableEnd(there, back), new CableEnd(back, there)];
}
