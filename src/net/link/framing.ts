/**
 * Ethernet frames in a stream of bytes, as QEMU's `-netdev socket` and `-netdev stream` carry them: before each frame
 * its length in bytes, 32 bits, the most significant byte first. With `-netdev dgram` a datagram is a frame.
 */

/** Bytes of the longest frame that QEMU's own buffer takes: 64 KiB of payload and 4 KiB for whatever is before it. */
export const LONGEST_FRAME = 0x1_1000;
const LENGTH = 4;

/** The frame with its length before it. */
export function framed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH + frame.length);
  new DataView(bytes.buffer).setUint32(0, frame.length);
  bytes.set(frame, LENGTH);
  return bytes;
}

/** Finds the frames in a stream, however its bytes are cut into pieces. */
export class FrameReader {
  /** The length that could not be one: the stream is lost, since nothing tells where the next frame begins. */
  broken: number | undefined;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #length = new Uint8Array(LENGTH);
  #lengthBytes = 0;
  #frame: Uint8Array | undefined;
  #frameBytes = 0;

  /** @param onFrame is given each frame, in an array of its own */
  constructor(onFrame: (frame: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes of the stream. False once a length has been read that no frame has. */
  push(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && this.broken === undefined) {
      at += this.#frame === undefined ? this.#readLength(bytes, at) : this.#readFrame(this.#frame, bytes, at);
    }
    return this.broken === undefined;
  }

  #readLength(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + LENGTH - this.#lengthBytes);
    this.#length.set(part, this.#lengthBytes);
    this.#lengthBytes += part.length;
    if (this.#lengthBytes < LENGTH) return part.length;
    this.#lengthBytes = 0;
    const length = new DataView(this.#length.buffer).getUint32(0);
    if (length > LONGEST_FRAME) this.broken = length;
    else if (length > 0) this.#frame = new Uint8Array(length); // an empty frame is none
    return part.length;
  }

  #readFrame(frame: Uint8Array, bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + frame.length - this.#frameBytes);
    frame.set(part, this.#frameBytes);
    this.#frameBytes += part.length;
    if (this.#frameBytes === frame.length) {
      this.#frame = undefined;
      this.#frameBytes = 0;
      this.#onFrame(frame);
    }
    return part.length;
  }
}
