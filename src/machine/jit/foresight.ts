/**
 * How long a program will go on, as far as its loops say. A loop that counts towards an end is looked at again and again:
 * how far its count has come meanwhile tells when it will be there. It may end sooner, of course, or count something else;
 * then something was compiled that did not pay, and that is all.
 */
import type { Code } from "../cpu/code.ts";
import { OP } from "../cpu/op.ts";
import type { Operation } from "../cpu/operation.ts";
import { ECX, WORD } from "../cpu/state.ts";
import { FACT, type Memory, RAM_BASE } from "../memory/memory.ts";
import { FLOW, flowOf } from "./flow.ts";

/** Instructions behind an address among which the ends of the loops around it are looked for. */
const MOST_LOOKED_AT = 160;
/** Arrivals at an address before the first look, and between the first few; from then on it is so many times as many. */
export const BETWEEN_LOOKS = 60;
const CLOSE_LOOKS = 3;
const LATER = 2;
/** The same where no loop begins. */
const LATER_ELSEWHERE = 8;
/** The speed of a count is steady if it has changed by less than this part of it. */
const UNSTEADY = 1 / 4;
/** Of a loop around another it is taken over so many instructions or more. */
const STRETCH = 4000;

/** A loop around an address that is looked at. */
interface Loop {
  /** Where the operation stands that counts, or compares what is counted. */
  readonly asks: number;
  /** It begins where it is looked at: at each arrival it has come nearer to its end by 1 or more. */
  readonly isOwn: boolean;
  /** How far it was from its end, and the weight of all instructions before, at the last look. */
  distance: number;
  weight: number;
  /** By how much it came nearer for each instruction, between the last two looks. */
  speed: number;
}

interface Watched {
  readonly loops: Loop[];
  looks: number;
  /** Of the instructions that had been executed at the last look. */
  weight: number;
  /** After so many arrivals it is looked at again. */
  wait: number;
}

export class Foresight {
  readonly #memory: Memory;
  readonly #code: Code;
  readonly #watched = new Map<number, Watched>();

  constructor(memory: Memory, code: Code) {
    this.#memory = memory;
    this.#code = code;
  }

  /**
   * The weight of the instructions that the loops around an address, which has just been arrived at, will still execute: 0
   * when nothing tells. `weight` is that of all before, `arrivals` how many there were since the last look: 0 if nobody knows.
   */
  remaining(address: number, weight: number, arrivals?: number): number {
    const watched = this.#watched.get(address);
    if (watched === undefined) {
      const loops = this.#loopsAround(address, weight);
      this.#watched.set(address, { loops, looks: 1, weight, wait: BETWEEN_LOOKS });
      return 0;
    }
    let most = 0;
    for (const loop of watched.loops) {
      const { distance, speed } = loop;
      if (!loop.isOwn && weight - loop.weight < STRETCH) continue;
      loop.distance = this.#distance(loop.asks) ?? 0;
      loop.speed = (distance - loop.distance) / (weight - loop.weight);
      loop.weight = weight;
      // One that has begun anew meanwhile tells nothing.
      const isSteady = loop.isOwn
        ? arrivals !== 0 && distance - loop.distance >= (arrivals ?? watched.wait)
        : loop.speed > 0 && Math.abs(loop.speed - speed) < UNSTEADY * loop.speed;
      if (isSteady) most = Math.max(most, loop.distance / loop.speed);
    }
    return most;
  }

  /** Whether something was found around an address that may tell. */
  watches(address: number): boolean {
    return this.#watched.get(address)!.loops.length > 0;
  }

  /**
   * Arrivals after which an address is to be looked at again that was just looked at, at the weight `now`; there is no
   * need to from the weight `end` on.
   */
  wait(address: number, now: number, end: number): number {
    const watched = this.#watched.get(address)!;
    const isLoop = watched.loops.length > 0;
    if (watched.looks++ > (isLoop ? CLOSE_LOOKS : 1)) {
      const rest = (watched.wait * (end - now)) / (now - watched.weight);
      const later = watched.wait * (isLoop ? LATER : LATER_ELSEWHERE);
      watched.wait = Math.max(BETWEEN_LOOKS, Math.ceil(Math.min(later, rest)));
    }
    watched.weight = now;
    return watched.wait;
  }

  /** The loop that begins at an address, and those around it; none where none begins. */
  #loopsAround(address: number, weight: number): Loop[] {
    const loops: Loop[] = [];
    let begins = false;
    let before = address;
    for (let at = address, n = 0; n < MOST_LOOKED_AT; n++) {
      const op = this.#decoded(at);
      if (op === undefined) break;
      const flow = flowOf(op);
      if (flow === FLOW.RETURN || flow === FLOW.LEAVE) break;
      const target = op.immediate;
      if ((flow === FLOW.BRANCH || flow === FLOW.JUMP) && target >>> 0 <= address >>> 0) {
        if (target === address) begins = true;
        // What does not ask at its end whether to go on does at its beginning.
        const asks = flow === FLOW.JUMP ? target : op.op === OP.LOOP ? at : before;
        const distance = this.#distance(asks);
        if (distance !== undefined)
          loops.push({ asks, isOwn: target === address, distance, weight, speed: 0 });
      }
      before = at;
      at = op.following;
    }
    return begins ? loops : [];
  }

  #decoded(address: number): Operation | undefined {
    const op = this.#code.known(address);
    return op === undefined || op.op === OP.DECODE ? undefined : op;
  }

  /** How far from its end is what the operation at an address counts, or compares. */
  #distance(address: number): number | undefined {
    const { words } = this.#memory;
    const op = this.#decoded(address);
    switch (op?.op) {
      case OP.LOOP:
        return words[ECX]! >>> 0;
      case OP.DEC_R:
      case OP.SUB_RI:
        return words[op.a]! >>> 0;
      case OP.INC_R:
      case OP.ADD_RI:
        return -words[op.a]! >>> 0;
      case OP.DEC_M:
      case OP.SUB_MI:
        return this.#variable(op, (value) => value >>> 0);
      case OP.CMP_RI:
        return Math.abs(words[op.a]! - op.immediate);
      case OP.CMP_RR:
        return Math.abs(words[op.a]! - words[op.b]!);
      case OP.CMP_MI:
        return this.#variable(op, (value) => Math.abs(value - op.immediate));
      case OP.CMP_MR:
        return this.#variable(op, (value) => Math.abs(value - words[op.b]!));
      case OP.CMP_RM:
        return this.#variable(op, (value) => Math.abs(value - words[op.a]!));
      default:
        return undefined;
    }
  }

  /** Of a dword in memory that stays where it is, as long as the register does that its address may be reckoned from. */
  #variable(op: Operation, distance: (value: number) => number): number | undefined {
    const { words, facts, view } = this.#memory;
    if (op.index !== WORD.ZERO) return undefined;
    const at = (words[op.base]! + op.displacement) >>> 0;
    const isReadable = facts[at >>> 12]! & facts[((at + 3) >>> 12) & 0xf_ffff]! & FACT.READ;
    return isReadable ? distance(view.getInt32(RAM_BASE + at, true)) : undefined;
  }
}
