/**
 * While too little was executed for anything to be compiled: arrivals are not counted, for a program that ends soon would pay
 * for that. Only loops are looked at now and then, for they may say that there will be enough (foresight.ts): what counts
 * arrivals stands before one for as long as it takes to look twice, and then the jumps back lead past it again.
 */
import type { Code } from "../cpu/code.ts";
import { OP } from "../cpu/op.ts";
import type { Operation } from "../cpu/operation.ts";
import { leads, mayLead } from "../cpu/specialise.ts";
import { BETWEEN_LOOKS, type Foresight } from "./foresight.ts";

/** The weight before which nothing is looked at: what ends sooner pays for nothing. */
const FIRST = 8000;
/** How much later the next look is, the first few times; from then on it is as much as was executed before. */
const SOON = 4000;
const TIMES_SOON = 2;

interface Loop {
  readonly address: number;
  /** The jumps back to it. */
  readonly jumps: Operation[];
  /** Arrivals before the first look at it, and between two: few of what has loops in it. */
  readonly arrivals: number;
  /** They lead to what counts arrivals. */
  isCounted: boolean;
  /** It was looked at since that began. */
  isLookedAt: boolean;
  /** How often that has ended. */
  times: number;
  /** The weight at which it begins again. */
  wake: number;
}

export class Early {
  readonly #code: Code;
  readonly #foresight: Foresight;
  readonly #loops = new Map<number, Loop>();
  /** Where the loop begins whose jump was decoded last. */
  #last = 0;
  /** The lowest weight at which one of them is to be counted. */
  next = FIRST;

  constructor(code: Code, foresight: Foresight) {
    this.#code = code;
    this.#foresight = foresight;
  }

  /** A jump back was decoded. Answers where it leads. */
  jumpsBack(jump: Operation, weight: number): Operation {
    const address = jump.immediate;
    let loop = this.#loops.get(address);
    if (loop === undefined) {
      const isAround = this.#last >>> 0 > address >>> 0 && this.#last >>> 0 < jump.address >>> 0;
      const arrivals = isAround ? 1 : BETWEEN_LOOKS;
      const isCounted = weight >= FIRST;
      loop = { address, jumps: [], arrivals, isCounted, isLookedAt: false, times: 0, wake: FIRST };
      this.#loops.set(address, loop);
    }
    if (!loop.jumps.includes(jump)) loop.jumps.push(jump);
    this.#last = address;
    return loop.isCounted ? this.#head(loop) : this.#code.at(address);
  }

  /** All operations are gone, or decoded anew. */
  forget(): void {
    this.#loops.clear();
  }

  /** Has those loops counted whose time has come. */
  wake(weight: number): void {
    this.next = Number.POSITIVE_INFINITY;
    for (const loop of this.#loops.values()) {
      if (loop.isCounted) continue;
      if (loop.wake <= weight) this.#count(loop, true);
      else this.next = Math.min(this.next, loop.wake);
    }
  }

  /** So many arrivals at a loop were counted. Answers what it says will still be executed: 0 when nothing tells. */
  look(address: number, head: Operation, weight: number): number {
    const loop = this.#loops.get(address);
    if (loop === undefined) return 0;
    head.immediate = loop.arrivals;
    const foreseen = Math.ceil(
      this.#foresight.remaining(address, weight, loop.isLookedAt ? loop.arrivals : 0),
    );
    if (!this.#foresight.watches(address)) this.#sleep(loop, Number.POSITIVE_INFINITY);
    else if (loop.isLookedAt || foreseen > 0)
      this.#sleep(loop, weight + (loop.times++ < TIMES_SOON ? SOON : weight));
    else loop.isLookedAt = true;
    if (foreseen > SOON) {
      // Until it ends nothing else will go on for longer.
      this.next = Number.POSITIVE_INFINITY;
      for (const each of this.#loops.values()) this.#sleep(each, weight + foreseen);
    }
    return foreseen;
  }

  /** Has it not counted before so much was executed. */
  #sleep(loop: Loop, wake: number): void {
    if (loop.isCounted) this.#count(loop, false);
    loop.wake = Math.max(loop.wake, wake);
    this.next = Math.min(this.next, loop.wake);
  }

  /** What counts arrivals at a loop, from the beginning. */
  #head({ address, arrivals }: Loop): Operation {
    const head = this.#code.head(address);
    if (head.op === OP.COUNT) head.immediate = arrivals;
    return head;
  }

  #count(loop: Loop, isCounted: boolean): void {
    const { address } = loop;
    const to = isCounted ? this.#head(loop) : this.#code.at(address);
    loop.isCounted = isCounted;
    loop.isLookedAt = false;
    for (const jump of loop.jumps) {
      // Something else may stand there by now.
      if (jump.immediate !== address) continue;
      if (leads(jump.op)) jump.next = to;
      else if (mayLead(jump.op)) jump.target = to;
    }
  }
}
