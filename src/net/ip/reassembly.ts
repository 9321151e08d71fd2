/** Putting fragments together again (RFC 791 3.2, RFC 815; RFC 8200 4.5), within bounds. Either version of IP does it so. */
import { Deadlines, FOREVER, type Micros, SECOND, type Timed } from "../../base/index.ts";

/** RFC 1122 3.3.2: between 60 and 120 seconds. */
export const LIFETIME: Micros = 60 * SECOND;
/** Bytes kept of all unfinished datagrams together. */
export const MEMORY = 4 * 1024 * 1024;
/** What a fragment costs besides its bytes. */
const OVERHEAD = 128;

/** A fragment. The first one lends the whole datagram everything but its payload. */
export interface Piece {
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  readonly payload: Uint8Array;
}

interface Unfinished<P extends Piece> extends Timed {
  readonly key: string;
  /** Sorted by offset, never overlapping. */
  readonly fragments: P[];
  /** Length of the whole payload, -1 until the last fragment has come. */
  length: number;
  bytes: number;
}

export type Reassembled<P> =
  | { done: P }
  /** More is needed. */
  | { done: undefined; dropped?: undefined }
  | { done: undefined; dropped: string };

const MORE = { done: undefined };

export class Reassembly<P extends Piece> {
  readonly #unfinished = new Map<string, Unfinished<P>>();
  readonly #deadlines = new Deadlines<Unfinished<P>>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a fragment; answers the whole datagram when this was the missing piece.
   * @param key is the same for all fragments of a datagram
   * @param room the longest payload that the whole may have
   */
  arrive(key: string, fragment: P, room: number, now: Micros): Reassembled<P> {
    const start = fragment.fragmentOffset;
    const end = start + fragment.payload.length;
    if (fragment.moreFragments && (fragment.payload.length % 8 !== 0 || fragment.payload.length === 0)) {
      return { done: undefined, dropped: "fragment of odd length" };
    }
    if (end > room) return { done: undefined, dropped: "fragments too long" };
    const datagram = this.#unfinished.get(key) ?? this.#begin(key, now);
    const last = !fragment.moreFragments;
    const beyond = datagram.length >= 0 && (end > datagram.length || (last && end !== datagram.length));
    const highest = datagram.fragments.at(-1);
    const below = last && highest !== undefined && highest.fragmentOffset + highest.payload.length > end;
    if (beyond || below) return this.#refuse(datagram, "fragments contradict");
    let index = datagram.fragments.length;
    while (index > 0 && datagram.fragments[index - 1]!.fragmentOffset >= start) index--;
    const next = datagram.fragments[index];
    if (next?.fragmentOffset === start && next.payload.length === fragment.payload.length) return MORE; // a duplicate
    const previous = datagram.fragments[index - 1];
    const overlaps =
      (next !== undefined && next.fragmentOffset < end) ||
      (previous !== undefined && previous.fragmentOffset + previous.payload.length > start);
    // Overlaps are never sent by an honest host, and tell apart a host from what guards it (RFC 5722 argues it).
    if (overlaps) return this.#refuse(datagram, "fragments overlap");
    datagram.fragments.splice(index, 0, fragment);
    datagram.bytes += fragment.payload.length + OVERHEAD;
    this.#bytes += fragment.payload.length + OVERHEAD;
    if (last) datagram.length = end;
    if (isWhole(datagram)) {
      this.#forget(datagram);
      return { done: join(datagram) };
    }
    while (this.#bytes > MEMORY) this.#forgetOldest();
    return MORE;
  }

  deadline(): Micros {
    return this.#deadlines.first();
  }

  /** A datagram whose time is over: its first fragment if that has come (RFC 792: else nothing is told). */
  expire(now: Micros): { first: P | undefined } | undefined {
    const datagram = this.#deadlines.take(now);
    if (datagram === undefined) return undefined;
    this.#forget(datagram);
    const first = datagram.fragments[0];
    return { first: first?.fragmentOffset === 0 ? first : undefined };
  }

  #begin(key: string, now: Micros): Unfinished<P> {
    const datagram: Unfinished<P> = { key, fragments: [], length: -1, bytes: 0, due: FOREVER, slot: -1 };
    this.#unfinished.set(key, datagram);
    this.#deadlines.set(datagram, now + LIFETIME);
    return datagram;
  }

  #refuse(datagram: Unfinished<P>, why: string): Reassembled<P> {
    this.#forget(datagram);
    return { done: undefined, dropped: why };
  }

  #forget(datagram: Unfinished<P>): void {
    this.#unfinished.delete(datagram.key);
    this.#deadlines.remove(datagram);
    this.#bytes -= datagram.bytes;
  }

  #forgetOldest(): void {
    for (const datagram of this.#unfinished.values()) {
      this.#forget(datagram);
      return;
    }
  }
}

/** Fragments never overlap, so all are there when their lengths add up. */
function isWhole(datagram: Unfinished<Piece>): boolean {
  return datagram.length >= 0 && datagram.bytes - datagram.fragments.length * OVERHEAD === datagram.length;
}

function join<P extends Piece>(datagram: Unfinished<P>): P {
  const payload = new Uint8Array(datagram.length);
  for (const fragment of datagram.fragments) payload.set(fragment.payload, fragment.fragmentOffset);
  return { ...datagram.fragments[0]!, moreFragments: false, payload };
}
