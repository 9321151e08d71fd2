/**
 * TCP Fast Open (RFC 7413): data in a SYN, for a peer that has shown before, by a cookie, that it is where it says it is. The
 * cookie is a keyed hash of both addresses, so a server keeps nothing; what servers have given us is kept here.
 */
import { type Micros, SECOND, setU32be, u32be } from "../../base/index.ts";
import { type IpAddress, wordsOfAddress } from "../wire/ip-address.ts";
import type { FastOpenOption, Segment } from "../wire/tcp.ts";
import type { Connection } from "./connection.ts";

/** What a connection that is opened this way carries with it. */
export interface FastOpening {
  /** Goes with our first SYN, or with SYN-ACKs. */
  readonly option: FastOpenOption | undefined;
  /** Bytes of data that our SYN carries at most. */
  readonly room: number;
  /** No SYN goes out until the program has written something. */
  waits: boolean;
  /** Bytes that went with our SYN. */
  sent: number;
  /** The data of the SYN has been taken: by the peer all of ours, or by us the peer's. */
  taken: boolean;
  /** It has been given to the program though its handshake is not over. */
  readonly handed: boolean;
}

/** What is known of a peer. */
interface Peer {
  option: FastOpenOption | undefined;
  /** What it has said it takes. */
  mss: number;
  /** RFC 7413 4.1.3.1: SYNs with data have been lost on the way; until then they go without. */
  quietUntil: Micros;
}

/** Peers remembered; the one that has not been asked for longest gives way. */
const MOST_PEERS = 1024;
/** RFC 7413 4.1.3.1 leaves it open. */
const QUIET: Micros = 60 * SECOND;
/** RFC 9293 3.1: what options may take; middle boxes may add some. */
const MOST_OPTIONS = 40;
const NO_COOKIE = new Uint8Array(0);

export class FastOpen {
  readonly #key: readonly [bigint, bigint];
  readonly #peers = new Map<IpAddress, Peer>();

  /** @param key four words */
  constructor(key: readonly number[]) {
    const [a = 0, b = 0, c = 0, d = 0] = key;
    const long = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    this.#key = [long(a, b), long(c, d)];
  }

  /** RFC 7413 4.1.2: what `remote` must bring along. */
  cookie(local: IpAddress, remote: IpAddress): Uint8Array {
    const words = [...wordsOfAddress(remote), ...wordsOfAddress(local)];
    const bytes = new Uint8Array(words.length * 4);
    for (const [index, word] of words.entries()) setU32be(bytes, index * 4, word);
    const hash = sipHash(this.#key, bytes);
    return Uint8Array.from({ length: 8 }, (_, i) => Number((hash >> BigInt(8 * i)) & 0xffn));
  }

  /** Whether a SYN with this option comes from where it says. */
  isGood({ cookie }: FastOpenOption, local: IpAddress, remote: IpAddress): boolean {
    const ours = this.cookie(local, remote);
    return (
      cookie.length === ours.length &&
      u32be(cookie, 0) === u32be(ours, 0) &&
      u32be(cookie, 4) === u32be(ours, 4)
    );
  }

  /** How a connection to `remote` is to be opened. `mss` is what we would send at most. */
  opening(remote: IpAddress, mss: number, withoutCookies: boolean, now: Micros): FastOpening {
    const peer = this.#peers.get(remote);
    const common = { sent: 0, taken: false, handed: false };
    const quiet = peer !== undefined && now < peer.quietUntil;
    const cookie = peer?.option;
    if (quiet || (cookie === undefined && !withoutCookies)) {
      const option = quiet ? undefined : { cookie: NO_COOKIE, experimental: false };
      return { ...common, option, room: 0, waits: false };
    }
    const room = Math.max(0, Math.min(mss, peer?.mss || mss) - MOST_OPTIONS);
    return { ...common, option: withoutCookies ? undefined : cookie, room, waits: true };
  }

  /** A SYN-ACK has come to a connection that was opened here: what it says for the next one. */
  learn(c: Connection, { fastOpen, mss }: Segment, now: Micros): void {
    const { fast } = c;
    if (fast === undefined || c.passive) return;
    const peer = this.#peers.get(c.remoteAddress) ?? { option: undefined, mss: 0, quietUntil: 0 };
    // Who was not asked makes us keep no cookie.
    if (fast.option !== undefined && fastOpen !== undefined && fastOpen.cookie.length > 0)
      peer.option = fastOpen;
    peer.mss = mss || c.defaultMss;
    if (fast.sent > 0 && c.retries > 0) peer.quietUntil = now + QUIET;
    this.#peers.delete(c.remoteAddress);
    this.#peers.set(c.remoteAddress, peer);
    if (this.#peers.size > MOST_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
  }
}

const MASK = 0xffff_ffff_ffff_ffffn;
const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & MASK;

/** SipHash-2-4 (Aumasson, Bernstein), which Linux makes its cookies with, so that both agree who share a key. */
export function sipHash([key0, key1]: readonly [bigint, bigint], bytes: Uint8Array): bigint {
  let v0 = key0 ^ 0x736f6d6570736575n;
  let v1 = key1 ^ 0x646f72616e646f6dn;
  let v2 = key0 ^ 0x6c7967656e657261n;
  let v3 = key1 ^ 0x7465646279746573n;
  const rounds = (count: number): void => {
    for (; count > 0; count--) {
      v0 = (v0 + v1) & MASK;
      v1 = rotate(v1, 13n) ^ v0;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v3) & MASK;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = (v0 + v3) & MASK;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = (v2 + v1) & MASK;
      v1 = rotate(v1, 17n) ^ v2;
      v2 = rotate(v2, 32n);
    }
  };
  for (let start = 0; start <= bytes.length; start += 8) {
    let word = start + 8 > bytes.length ? BigInt(bytes.length & 0xff) << 56n : 0n;
    for (let i = start; i < Math.min(start + 8, bytes.length); i++)
      word |= BigInt(bytes[i]!) << BigInt(8 * (i - start));
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}
