/**
 * Initial sequence numbers (RFC 6528): a clock of 4 µs plus a keyed hash of the four-tuple, so that those of one peer
 * say nothing about those of another. The hash is HalfSipHash-2-4 (Aumasson, Bernstein).
 */
import type { Micros, Random } from "../../base/index.ts";
import { type IpAddress, wordsOfAddress } from "../wire/ip-address.ts";
import { add, type Sequence } from "./sequence.ts";

export interface FourTuple {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
}

export class SequenceSource {
  readonly #key0: number;
  readonly #key1: number;
  /** What is hashed: the most that a flow with its purpose has. */
  readonly #words = new Int32Array(16);

  constructor(random: Random) {
    this.#key0 = random.u32();
    this.#key1 = random.u32();
  }

  isn(flow: FourTuple, now: Micros): Sequence {
    return add(this.hash(flow, 0), Math.floor(now / 4) % 0x1_0000_0000);
  }

  /** Words that depend on the key alone. */
  words(purpose: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => halfSipHash(this.#key0, this.#key1, [purpose, i]));
  }

  /** A keyed hash of the flow; `purpose` keeps different uses apart (RFC 7323 5.4 wants one for timestamps). */
  hash(flow: FourTuple, ...purpose: readonly number[]): number {
    const words = this.#words;
    let count = this.#put(flow.remoteAddress, this.#put(flow.localAddress, 0));
    words[count++] = (flow.localPort << 16) | flow.remotePort;
    for (const word of purpose) words[count++] = word;
    return halfSipHash(this.#key0, this.#key1, words, count);
  }

  #put(address: IpAddress, at: number): number {
    if (typeof address === "number") {
      this.#words[at] = address;
      return at + 1;
    }
    const words = wordsOfAddress(address);
    this.#words.set(words, at);
    return at + words.length;
  }
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Of whole 32-bit words, little-endian as the algorithm reads bytes; 0 … 2^32-1. */
export function halfSipHash(
  key0: number,
  key1: number,
  words: ArrayLike<number>,
  count = words.length,
): number {
  let v0 = key0 | 0;
  let v1 = key1 | 0;
  let v2 = 0x6c796765 ^ key0;
  let v3 = 0x74656462 ^ key1;
  // Each word is followed by two rounds, then the length is, and the end by four.
  for (let i = 0; i <= count + 1; i++) {
    const end = i > count;
    const word = end ? 0 : i < count ? words[i]! | 0 : (count * 4) << 24;
    if (end) v2 ^= 0xff;
    else v3 ^= word;
    for (let round = end ? 4 : 2; round > 0; round--) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
    v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}
