/** One connection against segments made by hand: a maker for each state, built on the one before. */
import { expect } from "vitest";
import { FOREVER, type Micros } from "../../src/base/index.ts";
import { type SocketOptions, TcpState } from "../../src/net/sockets.ts";
import { defaultOptions } from "../../src/net/station.ts";
import { arrive, arriveSyn } from "../../src/net/tcp/arrive.ts";
import { Connection, deadline, finish, open, read, write } from "../../src/net/tcp/connection.ts";
import { expire, settleTimers } from "../../src/net/tcp/expire.ts";
import { next } from "../../src/net/tcp/send.ts";
import { defaultSettings, type TcpSettings } from "../../src/net/tcp/settings.ts";
import { ACK, emptySegment, FIN, PSH, RST, type Segment, SYN } from "../../src/net/wire/tcp.ts";

/** Our initial sequence number and the peer's: those of the RFC's figures. */
export const OURS = 100;
export const PEERS = 300;
export const MSS = 1000;

export const plain: Partial<TcpSettings> = {
  sack: false,
  timestamps: false,
  windowScaling: false,
  quickAcks: 0,
  receiveBuffer: 8000,
  sendBuffer: 40_000,
};

export class Bench {
  readonly c: Connection;
  now: Micros = 0;
  /** Reasons given for what was dropped. */
  readonly drops: string[] = [];
  /** Resets that belong to no connection. */
  readonly resets: number[] = [];
  challenges = Number.POSITIVE_INFINITY;
  room = true;

  constructor(passive: boolean, settings: Partial<TcpSettings> = {}, options: Partial<SocketOptions> = {}) {
    this.c = new Connection({
      flow: { localAddress: 1, localPort: 49152, remoteAddress: 2, remotePort: 80 },
      passive,
      iss: OURS,
      mss: MSS,
      timestampOffset: 0,
      settings: { ...defaultSettings, ...plain, ...settings },
      options: { ...defaultOptions(), ...options },
    });
  }

  get state(): TcpState {
    return this.c.state;
  }

  /** A segment from the peer: an acknowledgement of all that it has, unless told otherwise. */
  hear(fields: Partial<Segment> & { text?: string | number }): this {
    const { text, ...rest } = fields;
    const payload =
      typeof text === "number" ? new Uint8Array(text).fill(65) : new TextEncoder().encode(text ?? "");
    const segment: Segment = {
      ...emptySegment,
      sourcePort: 80,
      destinationPort: 49152,
      flags: ACK,
      seq: this.c.rcv.nxt,
      ack: this.c.snd.nxt,
      window: 8000,
      payload,
      ...rest,
    };
    arrive(
      this.c,
      segment,
      {
        challenge: () => this.challenges-- > 0,
        reset: (_c, seq) => this.resets.push(seq),
        learn: () => undefined,
        complete: () => this.room,
        drop: (reason) => this.drops.push(reason),
      },
      this.now,
    );
    return this;
  }

  hearSyn(fields: Partial<Segment> = {}): this {
    const syn = { ...emptySegment, flags: SYN, seq: PEERS, window: 8000, mss: MSS, ...fields };
    arriveSyn(this.c, syn, this.now);
    return this;
  }

  /** All that is to be sent now; nothing more is left afterwards. */
  sent(): Segment[] {
    const segments: Segment[] = [];
    for (let segment = next(this.c, this.now); segment; segment = next(this.c, this.now)) {
      segments.push({ ...segment, payload: segment.payload.slice() });
      if (segments.length > 1000) throw new Error("it never stops sending");
    }
    settleTimers(this.c, this.now);
    return segments;
  }

  /** As `sent`, each as "FLAGS seq:length ack window", the RFC's way. */
  lines(): string[] {
    return this.sent().map(line);
  }

  /** Lets time pass until the next timer, and tells when that was. */
  wait(): Micros {
    settleTimers(this.c, this.now);
    const due = deadline(this.c);
    expect(due).not.toBe(FOREVER);
    this.now = due;
    expire(this.c, this.now);
    return this.now;
  }

  at(now: Micros): this {
    while (deadline(this.c) <= now) this.wait();
    this.now = now;
    return this;
  }

  give(count: number): number | string {
    return write(this.c, new Uint8Array(count).fill(66));
  }

  take(count = 100_000): string | number {
    const into = new Uint8Array(count);
    const got = read(this.c, into, false);
    return typeof got === "number" ? new TextDecoder().decode(into.subarray(0, got)) : got;
  }
}

export function line(segment: Segment): string {
  const names = [
    segment.flags & SYN ? "S" : "",
    segment.flags & FIN ? "F" : "",
    segment.flags & RST ? "R" : "",
    segment.flags & PSH ? "P" : "",
    segment.flags & ACK ? "." : "",
  ].join("");
  const ack = segment.flags & ACK ? ` ack ${segment.ack}` : "";
  const sack = segment.sack.length > 0 ? ` sack ${segment.sack.join(",")}` : "";
  return `${names} ${segment.seq}:${segment.payload.length}${ack} win ${segment.window}${sack}`;
}

// --- makers ----------------------------------------------------------------------------------------------------------

export function synSent(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = new Bench(false, settings, options);
  open(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.SYN_SENT);
  return it;
}

export function synReceived(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = new Bench(true, settings, options);
  it.hearSyn();
  it.sent();
  expect(it.state).toBe(TcpState.SYN_RECEIVED);
  return it;
}

export function established(settings?: Partial<TcpSettings>, options?: Partial<SocketOptions>): Bench {
  const it = synSent(settings, options);
  const offers = { ...defaultSettings, ...plain, ...settings };
  it.hear({
    flags: SYN | ACK,
    seq: PEERS,
    ack: OURS + 1,
    mss: MSS,
    sackPermitted: offers.sack,
    timestamps: offers.timestamps,
    tsVal: offers.timestamps ? 1000 : 0,
  });
  it.sent();
  expect(it.state).toBe(TcpState.ESTABLISHED);
  return it;
}

export function closeWait(): Bench {
  const it = established().hear({ flags: FIN | ACK });
  it.sent();
  expect(it.state).toBe(TcpState.CLOSE_WAIT);
  return it;
}

export function finWait1(): Bench {
  const it = established();
  finish(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.FIN_WAIT_1);
  return it;
}

export function finWait2(): Bench {
  const it = finWait1().hear({});
  expect(it.state).toBe(TcpState.FIN_WAIT_2);
  return it;
}

export function closing(): Bench {
  const it = finWait1().hear({ flags: FIN | ACK, ack: OURS + 1 });
  it.sent();
  expect(it.state).toBe(TcpState.CLOSING);
  return it;
}

export function lastAck(): Bench {
  const it = closeWait();
  finish(it.c);
  it.sent();
  expect(it.state).toBe(TcpState.LAST_ACK);
  return it;
}

export function timeWait(): Bench {
  const it = finWait2().hear({ flags: FIN | ACK });
  it.sent();
  expect(it.state).toBe(TcpState.TIME_WAIT);
  return it;
}

// --- the RFC's figures -----------------------------------------------------------------------------------------------
