import { type Clock, FOREVER, type Micros, MS, type Random, SECOND } from "../../base/index.ts";
import { FrameQueue, type Port } from "./port.ts";

/**
 * What can go wrong on one direction of a link. Everything is off unless given, and may be changed at any time; it
 * counts for the frames that enter after that. Chances are 0 … 1.
 *
 * A frame meets them in this order: cut, rules, loss, corruption, duplication; then it waits for its turn on a line
 * of limited rate, and then for the delay.
 */
export interface Faults {
  /** The cable is cut: nothing passes. */
  cut?: boolean;
  /** The first rule that matches a frame decides about it; chances are then no longer asked. Each sees every frame. */
  rules?: readonly FaultRule[];
  /** Chance that a frame is lost. */
  loss?: number;
  /** Chance that one bit of a frame is turned over. */
  corrupt?: number;
  /** Chance that a frame arrives twice. */
  duplicate?: number;
  /** Bits a second. */
  rate?: number;
  /** Frames that may wait, for the line or on their way; further ones are dropped. Default 1000. */
  queue?: number;
  /** Every frame is on its way for so long, */
  delay?: Micros;
  /** give or take so much, evenly distributed. It makes no frame overtake another: */
  jitter?: Micros;
  /** chance that a frame falls behind those that follow it within `reorderBy`. */
  reorder?: number;
  /** Default 1 ms. */
  reorderBy?: Micros;
}

/** A fault for chosen frames, such as the third data segment of a flow: see `match.ts`. */
export interface FaultRule {
  /** Asked once for each frame that enters, whatever other rules say of it: so it may count. */
  match: (frame: Uint8Array) => boolean;
  /** What becomes of it. A number of µs is how much longer it takes, while others overtake it. */
  action: "drop" | "duplicate" | "corrupt" | "pass" | { delay: Micros };
}

export interface FaultCounters {
  /** Frames that came out at the other end, duplicates included. */
  passed: number;
  cut: number;
  lost: number;
  /** Frames that found the queue full. */
  dropped: number;
  corrupted: number;
  duplicated: number;
  reordered: number;
  /** Frames that a rule decided about. */
  ruled: number;
}

/** What a link did to a frame that entered it. `copy`: what goes on in its place, damaged. */
export interface FaultEvent {
  readonly frame: Uint8Array;
  readonly fault: "cut" | "lost" | "dropped" | "corrupted" | "duplicated" | "delayed";
  /** A rule decided it, not chance. */
  readonly ruled: boolean;
  readonly direction: "sending" | "receiving";
  readonly copy?: Uint8Array;
}

export interface FaultyLinkOptions {
  port: Port;
  clock: Clock;
  random: Random;
  /** From the station that holds this link to the port behind. */
  sending?: Faults;
  /** From the port behind to the station. */
  receiving?: Faults;
  /** Told of every fault as it happens. */
  onFault?: (event: FaultEvent) => void;
}

const QUEUE = 1000;
const REORDER_BY: Micros = 1 * MS;
/** What sums of fractions may be wrong by, in µs: without it, a frame ready at 8000.0000001 would be a µs late. */
const ROUNDING = 1e-6;

/** A port with a bad cable: put it around any other port. The world must `poll` it, as what it delays comes by itself. */
export class FaultyLink implements Port {
  readonly sending: Faults;
  readonly receiving: Faults;
  readonly #port: Port;
  readonly #clock: Clock;
  readonly #out: Line;
  readonly #in: Line;
  /** The port behind tells when a frame has come. */
  readonly #tells: boolean;
  /** What has arrived and waits for the station; bounded, as the station may never ask. */
  readonly #arrived = new FrameQueue(QUEUE);
  /** Told that something may be to do here. */
  #world: (() => void) | undefined;

  constructor({ port, clock, random, sending = {}, receiving = {}, onFault }: FaultyLinkOptions) {
    this.sending = { ...sending };
    this.receiving = { ...receiving };
    this.#port = port;
    this.#clock = clock;
    const told = (direction: FaultEvent["direction"]): Told | undefined =>
      onFault &&
      ((frame, fault, ruled, copy) => onFault({ frame, fault, ruled, direction, ...(copy && { copy }) }));
    this.#out = new Line(this.sending, random, told("sending"));
    this.#in = new Line(this.receiving, random, told("receiving"));
    this.#tells = port.watch?.(() => this.#world?.()) ?? false;
  }

  get counters(): { readonly sending: Readonly<FaultCounters>; readonly receiving: Readonly<FaultCounters> } {
    return { sending: this.#out.counters, receiving: this.#in.counters };
  }

  get linked(): boolean {
    return (this.#port.linked ?? true) && !(this.sending.cut && this.receiving.cut);
  }

  send(frame: Uint8Array): void {
    const now = this.#clock.now();
    this.#out.enter(frame, now);
    this.#moveOut(now);
    this.#world?.();
  }

  /**
   * For the station that holds this end. Only a world that has asked by `callWhenReady` before lets go in time what is
   * delayed: without one the station must ask.
   */
  watch(arrived: () => void): boolean {
    this.#arrived.onPush = arrived;
    return this.#tells && this.#world !== undefined;
  }

  /** For the world that polls the link. */
  callWhenReady(ready: () => void): boolean {
    this.#world = ready;
    return this.#tells;
  }

  receive(): Uint8Array | undefined {
    this.#moveIn(this.#clock.now());
    return this.#arrived.shift();
  }

  /** Takes what waits at the port behind, and lets go what is due. Answers whether a frame moved. */
  poll(now: Micros): boolean {
    const out = this.#moveOut(now);
    return this.#moveIn(now) || out;
  }

  deadline(): Micros {
    return Math.min(this.#out.deadline(), this.#in.deadline());
  }

  #moveOut(now: Micros): boolean {
    let moved = false;
    for (let frame = this.#out.leave(now); frame !== undefined; frame = this.#out.leave(now)) {
      this.#port.send(frame);
      moved = true;
    }
    return moved;
  }

  #moveIn(now: Micros): boolean {
    let moved = false;
    for (let frame = this.#port.receive(); frame !== undefined; frame = this.#port.receive()) {
      this.#in.enter(frame, now);
      moved = true;
    }
    for (let frame = this.#in.leave(now); frame !== undefined; frame = this.#in.leave(now)) {
      if (!this.#arrived.push(frame)) this.#in.counters.dropped++;
      moved = true;
    }
    return moved;
  }
}

type Told = (frame: Uint8Array, fault: FaultEvent["fault"], ruled: boolean, copy?: Uint8Array) => void;

/** One direction: frames enter, wait until they are due, and leave in the order in which they are. */
class Line {
  readonly counters: FaultCounters = {
    passed: 0,
    cut: 0,
    lost: 0,
    dropped: 0,
    corrupted: 0,
    duplicated: 0,
    reordered: 0,
    ruled: 0,
  };
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #told: Told | undefined;
  /** Sorted by `due`, equal ones in the order of their arrival. */
  readonly #waiting: { frame: Uint8Array; due: Micros }[] = [];
  /** When the line has put its last frame out, in µs with fractions: a frame is a fraction of a µs on a fast line. */
  #busyUntil = 0;
  /** No frame in order arrives before the one in front of it. */
  #latest: Micros = 0;

  constructor(faults: Faults, random: Random, told: Told | undefined) {
    this.#faults = faults;
    this.#random = random;
    this.#told = told;
  }

  enter(frame: Uint8Array, now: Micros): void {
    const faults = this.#faults;
    if (faults.cut) {
      this.counters.cut++;
      this.#told?.(frame, "cut", false);
      return;
    }
    const verdict = faults.rules?.filter((rule) => rule.match(frame))[0]?.action;
    if (verdict !== undefined) {
      this.counters.ruled++;
      this.#obey(verdict, frame, now);
      return;
    }
    if (this.#happens(faults.loss)) {
      this.counters.lost++;
      this.#told?.(frame, "lost", false);
      return;
    }
    const passing = this.#happens(faults.corrupt) ? this.#corrupted(frame, false) : frame;
    const behind = this.#happens(faults.reorder);
    if (behind) {
      this.counters.reordered++;
      this.#told?.(frame, "delayed", false);
    }
    this.#schedule(passing, now, behind ? (faults.reorderBy ?? REORDER_BY) : 0);
    if (this.#happens(faults.duplicate)) this.#duplicate(passing, now, false);
  }

  leave(now: Micros): Uint8Array | undefined {
    const first = this.#waiting[0];
    if (first === undefined || first.due > now) return undefined;
    this.#waiting.shift();
    this.counters.passed++;
    return first.frame;
  }

  deadline(): Micros {
    return this.#waiting[0]?.due ?? FOREVER;
  }

  #obey(verdict: FaultRule["action"], frame: Uint8Array, now: Micros): void {
    if (verdict === "drop") {
      this.counters.lost++;
      this.#told?.(frame, "lost", true);
    } else if (verdict === "corrupt") {
      this.#schedule(this.#corrupted(frame, true), now, 0);
    } else if (typeof verdict === "object") {
      this.#told?.(frame, "delayed", true);
      this.#schedule(frame, now, verdict.delay);
    } else {
      this.#schedule(frame, now, 0);
      if (verdict === "duplicate") this.#duplicate(frame, now, true);
    }
  }

  #duplicate(frame: Uint8Array, now: Micros, ruled: boolean): void {
    this.counters.duplicated++;
    this.#told?.(frame, "duplicated", ruled);
    this.#schedule(frame, now, 0);
  }

  /** @param behind a frame with some falls out of the order by so much, and holds back nobody */
  #schedule(frame: Uint8Array, now: Micros, behind: Micros): void {
    const { delay = 0, jitter = 0, rate, queue = QUEUE } = this.#faults;
    if (this.#waiting.length >= queue) {
      this.counters.dropped++;
      this.#told?.(frame, "dropped", false);
      return;
    }
    let ready = now;
    if (rate !== undefined) {
      this.#busyUntil = Math.max(this.#busyUntil, now) + (frame.length * 8 * SECOND) / rate;
      ready = Math.ceil(this.#busyUntil - ROUNDING);
    }
    const spread = jitter > 0 ? this.#random.below(2 * jitter + 1) - jitter : 0;
    let due = ready + Math.max(0, delay + spread) + behind;
    if (behind === 0) {
      due = Math.max(due, this.#latest);
      this.#latest = due;
    }
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.due > due) at--;
    this.#waiting.splice(at, 0, { frame, due });
  }

  /** A copy, since others may hold the frame. */
  #corrupted(frame: Uint8Array, ruled: boolean): Uint8Array {
    this.counters.corrupted++;
    const copy = frame.slice();
    const bit = this.#random.below(copy.length * 8);
    copy[bit >>> 3]! ^= 1 << (bit & 7);
    this.#told?.(frame, "corrupted", ruled, copy);
    return copy;
  }

  #happens(chance: number | undefined): boolean {
    return chance !== undefined && chance > 0 && this.#random.unit() < chance;
  }
}
