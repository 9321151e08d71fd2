import {
  type Clock,
  Deadlines,
  FOREVER,
  ManualClock,
  type Micros,
  MS,
  Random,
  SECOND,
  type Timed,
  Turns,
} from "./base/index.ts";

/** Something that lives in a world: a computer, a gateway, a link with delay. */
export interface Moving {
  /**
   * Does what can be done at `now` without time passing: takes and sends frames, answers what is due. False means
   * that nothing happened, and nothing will before `deadline()` unless another moves.
   */
  poll(now: Micros): boolean;
  /** The first moment at which `poll` is wanted even if nothing else moves; FOREVER = none. */
  deadline(): Micros;
  /** Computes from `now` to `until` at most. Answers how far it came: `now` if there was nothing to compute. */
  run?(now: Micros, until: Micros): Micros;
  /** The moment at which it will compute again by itself; FOREVER = only if something comes. For what can `run`. */
  wakes?(): Micros;
  /**
   * Promises to call `ready` whenever something has come for it, or its last poll has left something over: then it is
   * polled only after that and at its deadline, which is asked when it has been polled or has computed. So a thousand
   * that wait cost nothing. False, or no such method: it is polled whenever anything has moved.
   */
  callWhenReady?(ready: () => void): boolean;
}

export interface WorldOptions {
  /** All chance in this world follows from it. Default 1. */
  seed?: number;
  /** The longest span that computers compute before frames are moved. Default 100 µs. */
  quantum?: Micros;
  /**
   * How much virtual time may pass in which nobody computes, and nobody will by himself, before the world counts as
   * quiet although timers go on: TCP asks a peer with a closed window for ever (RFC 9293 3.8.6.1). Default a day.
   */
  patience?: Micros;
  /**
   * A real clock to follow, where the outside is to take part. Without one time is virtual: it passes as
   * instructions are executed, jumps when all wait, and the same seed gives the same run.
   */
  clock?: Clock;
}

export interface RunOptions {
  /** Asked between steps; true ends the run. */
  until?: () => boolean;
  /** The longest span on the world's clock. Default: no limit. */
  timeout?: Micros;
}

export interface GoOptions extends RunOptions {
  /** Ends the run as soon as it can, e.g. for Ctrl-C. */
  signal?: AbortSignal;
}

/**
 * How a run ended.
 * done: `until` was true. quiet: everything waits, and nothing is left that could come. time: the timeout has
 * passed. stopped: the signal, or `stop`.
 */
export type WorldEnd = "done" | "quiet" | "time" | "stopped";

/** Rounds of frames at one instant before time moves on by itself: a storm must not stop the clock. */
const MOST_ROUNDS = 10_000;
/** Real milliseconds after which the host gets its turn when a virtual world is run with `go`. */
const TURN_MS = 10;
const DAY: Micros = 24 * 3600 * SECOND;
/** How far computers may be ahead of a real clock. */
const REAL_QUANTUM: Micros = MS;
/** The longest sleep a host's timer can be asked for. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

/** What the world knows of one that moves. */
interface Mover extends Timed {
  readonly moving: Moving;
  /** Turns come in the order in which they were added. */
  readonly place: number;
  /** It says when it has something to do. */
  tells: boolean;
  /** It waits for its turn to be polled; it may have something to compute. */
  ready: boolean;
  computes: boolean;
  gone: boolean;
}

/**
 * One clock, and everything that moves on it. In each step frames are moved until all is quiet, then computers
 * compute for a while; when none can, the clock goes to the earliest deadline.
 *
 * All computers of a step start at the same moment. The first one that has something to compute sets how far the
 * others go, and frames are exchanged only between steps, so no answer is older than its question.
 */
export class World {
  readonly clock: Clock;
  readonly random: Random;
  /** Time is virtual. */
  readonly virtual: boolean;
  readonly #virtualClock: ManualClock | undefined;
  readonly #quantum: Micros;
  readonly #patience: Micros;
  /** Until when somebody has computed in this run. */
  #computed: Micros = 0;
  readonly #movers = new Map<Moving, Mover>();
  #places = 0;
  /** Those that must be asked whether something has come, and those of the others that have said so. */
  #silent: Mover[] = [];
  readonly #ready = new Turns<Mover>();
  readonly #deadlines = new Deadlines<Mover>();
  /** Those that may have something to compute, in order. */
  readonly #computing = new Turns<Mover>();
  readonly #outside = new Set<Moving>();
  #running = false;
  #moment: Micros = 0;
  /** Of this moment's rounds: how many are over, and whether one has begun and somebody has moved in it. */
  #rounds = 0;
  #amidst = false;
  #moved = false;
  #stopped = false;
  #woken = false;
  #wake: (() => void) | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #alarmAt: Micros = FOREVER;

  constructor({ seed = 1, quantum, patience = DAY, clock }: WorldOptions = {}) {
    this.#patience = patience;
    this.random = new Random(seed);
    this.virtual = clock === undefined;
    this.#virtualClock = clock ? undefined : new ManualClock();
    this.clock = clock ?? this.#virtualClock!;
    this.#quantum = quantum ?? (this.virtual ? 100 : REAL_QUANTUM);
    if (!Number.isSafeInteger(this.#quantum) || this.#quantum < 1) {
      throw new RangeError(`a quantum of ${quantum} µs: whole microseconds from 1 on are possible`);
    }
  }

  get now(): Micros {
    return this.clock.now();
  }

  /**
   * What `poll` of all that moves was last told as the time. In real time the clock goes on meanwhile, so this, and not
   * `now`, tells whether two things happened together.
   */
  get moment(): Micros {
    return this.#moment;
  }

  /**
   * Lets something take part. `outside`: events can come to it at any time from where this world does not reach, so
   * the world is never quiet while it is there; whoever brings such an event calls `wake`.
   */
  add(moving: Moving, { outside = false }: { outside?: boolean } = {}): void {
    if (outside) this.#outside.add(moving);
    if (this.#movers.has(moving)) return;
    const mover: Mover = {
      moving,
      place: this.#places++,
      tells: false,
      ready: false,
      computes: false,
      gone: false,
      due: FOREVER,
      slot: -1,
    };
    this.#movers.set(moving, mover);
    mover.tells = moving.callWhenReady?.(() => this.#isReady(mover)) ?? false;
    if (!mover.tells) this.#silent.push(mover);
    this.#isReady(mover);
  }

  remove(moving: Moving): void {
    this.#outside.delete(moving);
    const mover = this.#movers.get(moving);
    if (mover === undefined) return;
    mover.gone = true;
    this.#movers.delete(moving);
    this.#deadlines.remove(mover);
    this.#silent = this.#silent.filter((other) => other !== mover);
  }

  /** Runs in virtual time, without giving the host a turn. */
  run({ until, timeout = FOREVER }: RunOptions = {}): WorldEnd {
    if (!this.virtual) throw new Error("a world on a real clock cannot be run at once: use go()");
    return this.#exclusively(() => {
      const limit = this.#after(timeout);
      for (;;) {
        const end = this.#step(until, limit);
        if (typeof end === "string") return end;
        if (end === FOREVER) return "quiet"; // the host gets no turn here, so nothing can come from outside
      }
    });
  }

  /** Runs in virtual or real time, giving the host its turn; in real time it sleeps while there is nothing to do. */
  async go({ until, timeout = FOREVER, signal }: GoOptions = {}): Promise<WorldEnd> {
    const stop = (): void => this.stop();
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) this.#stopped = true;
    try {
      return await this.#exclusively(async () => {
        const limit = this.#after(timeout);
        // Not `performance`: Node loads what belongs to it when it is first named, which short programs would wait for.
        let turn = Date.now();
        const isLong = (): boolean => Math.abs(Date.now() - turn) > TURN_MS;
        for (;;) {
          const end = this.#step(until, limit, isLong);
          if (typeof end === "string") return end;
          if (end > this.now) await this.#sleep(end);
          else if (!this.virtual || isLong()) {
            await hostTurn();
            turn = Date.now();
          }
        }
      });
    } finally {
      this.#clearAlarm();
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Lets `span` pass on the virtual clock: whatever is due in it happens, and then it is `span` later. */
  advance(span: Micros): void {
    if (!Number.isSafeInteger(span) || span < 0)
      throw new RangeError(`time cannot be advanced by ${span} µs`);
    const moment = this.now + span;
    if (this.run({ timeout: span }) === "quiet") this.#virtualClock!.advanceTo(moment);
  }

  /** Ends a run under way; without one, the next. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  /** Something has come from outside: a sleeping world looks at once. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /**
   * One step. Answers how the run ended, or the moment to wait for before the next step, which is never later than
   * now when there is something to do. Where much moves at one moment, `isLong` ends a step in the middle of it.
   */
  #step(until: (() => boolean) | undefined, limit: Micros, isLong?: () => boolean): WorldEnd | Micros {
    this.#woken = false;
    if (!this.#settle(isLong)) return this.#stopped ? "stopped" : this.#moment;
    if (until?.()) return "done";
    if (this.#stopped) return "stopped";
    const now = this.now;
    if (now >= limit) return "time";
    const deadline = this.#deadline();
    const reached = this.#compute(now, Math.min(now + this.#quantum, limit, Math.max(deadline, now + 1)));
    if (reached > now) {
      this.#virtualClock?.advanceTo(reached);
      this.#computed = reached;
      return now;
    }
    if (until?.()) return "done"; // a computer can stop before it has executed anything
    if (this.#outside.size === 0 && (deadline === FOREVER || this.#inVain(now))) return "quiet";
    const next = Math.min(Math.max(deadline, now + 1), limit);
    if (!this.#virtualClock) return next;
    // Virtual time and an outside: it may still bring something, but no moment is known for it.
    if (next === FOREVER) return next;
    this.#virtualClock.advanceTo(next);
    return now;
  }

  /** Timers go on, but nobody has computed for long, and nobody will. */
  #inVain(now: Micros): boolean {
    if (!this.virtual || now - this.#computed < this.#patience) return false;
    for (const each of this.#movers.keys()) if (each.wakes && each.wakes() !== FOREVER) return false;
    return true;
  }

  /**
   * Moves frames, and wakes whoever waited for them, until nothing moves any more at this moment: in rounds, in each of
   * which everybody who has something to do gets one turn. False when `isLong` has ended it before: the next call goes on
   * where this one was, so that nothing depends on when that is.
   */
  #settle(isLong?: () => boolean): boolean {
    if (this.#rounds === 0 && !this.#amidst) {
      this.#moment = this.now;
      for (let due = this.#deadlines.take(this.#moment); due; due = this.#deadlines.take(this.#moment))
        this.#isReady(due);
    }
    for (; this.#rounds < MOST_ROUNDS; this.#rounds++) {
      if (!this.#amidst) {
        for (const silent of this.#silent) this.#isReady(silent);
        this.#amidst = true;
        this.#moved = false;
      }
      for (let mover = this.#ready.next(); mover !== undefined; mover = this.#ready.next()) {
        if (this.#poll(mover, this.#moment)) this.#moved = true;
        if (isLong?.()) return false;
      }
      this.#ready.again();
      this.#amidst = false;
      if (!this.#moved && this.#ready.empty) break;
    }
    this.#rounds = 0;
    return true;
  }

  #poll(mover: Mover, now: Micros): boolean {
    mover.ready = false;
    if (mover.gone) return false;
    const { moving } = mover;
    const moved = moving.poll(now);
    if (mover.gone) return moved;
    if (mover.tells) {
      this.#deadlines.set(mover, moving.deadline());
    }
    if (moving.run !== undefined) this.#mayCompute(mover);
    return moved;
  }

  #isReady(mover: Mover): void {
    if (mover.ready) return;
    mover.ready = true;
    this.#ready.add(mover);
  }

  #mayCompute(mover: Mover): void {
    if (mover.computes) return;
    mover.computes = true;
    this.#computing.add(mover);
  }

  #compute(now: Micros, until: Micros): Micros {
    let end = until;
    let reached = now;
    for (let mover = this.#computing.next(); mover !== undefined; mover = this.#computing.next()) {
      mover.computes = false;
      if (mover.gone) continue;
      const { moving } = mover;
      const came = moving.run!(now, end);
      if (came <= now) continue; // it waits: when something has come for it, it will be polled
      end = reached = Math.max(reached, came);
      this.#mayCompute(mover);
      if (mover.tells && !mover.gone) this.#deadlines.set(mover, moving.deadline());
    }
    this.#computing.again();
    return reached;
  }

  #deadline(): Micros {
    let earliest = this.#deadlines.first();
    for (const { moving } of this.#silent) earliest = Math.min(earliest, moving.deadline());
    return earliest;
  }

  #sleep(until: Micros): Promise<void> {
    if (this.#woken || this.#stopped) return hostTurn();
    this.#setAlarm(until);
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** One timer of the host for all sleeps: one that is set too early wakes in vain now and then, which costs less. */
  #setAlarm(until: Micros): void {
    if (this.#alarm !== undefined && this.#alarmAt <= until) return;
    this.#clearAlarm();
    const ms = Math.min(Math.ceil((until - this.now) / MS), LONGEST_SLEEP_MS);
    this.#alarmAt = until;
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      this.#wake?.();
    }, ms);
  }

  #clearAlarm(): void {
    if (this.#alarm !== undefined) clearTimeout(this.#alarm);
    this.#alarm = undefined;
  }

  #after(span: Micros): Micros {
    if (span !== FOREVER && (!Number.isSafeInteger(span) || span < 0)) {
      throw new RangeError(`a timeout of ${span} µs: whole microseconds from 0 on are possible`);
    }
    return this.now + span;
  }

  #exclusively<T>(run: () => T): T {
    if (this.#running) throw new Error("this world is running already");
    this.#running = true;
    this.#computed = this.now; // patience begins anew: something may have been done to the world since
    for (const mover of this.#movers.values()) this.#isReady(mover);
    const over = (): void => {
      this.#running = false;
      this.#stopped = false;
    };
    let result: T;
    try {
      result = run();
    } catch (error) {
      over();
      throw error;
    }
    if (result instanceof Promise) return result.finally(over) as T;
    over();
    return result;
  }
}

/** Lets the host handle what has come meanwhile. A timer would wait a millisecond, which Node's setImmediate does not. */
function hostTurn(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (then: () => void) => void };
  return new Promise((resolve) => {
    if (setImmediate) setImmediate(resolve);
    else setTimeout(resolve);
  });
}

/** The host's own clock, from 0: for a world whose outside is real. */
export function hostClock(): Clock {
  const start = performance.now();
  return { now: () => Math.floor((performance.now() - start) * MS) };
}
