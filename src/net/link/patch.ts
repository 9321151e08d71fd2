import { FOREVER, type Micros } from "../../base/index.ts";
import type { Port } from "./port.ts";

/** Frames carried one way in one round, so that whoever takes them has a chance to before its queue is full. */
const ROUND = 256;

/** A patch lead between two ports, such as a switch's and a device of the host: what arrives at one leaves at the other. */
export class Patch {
  readonly #one: Port;
  readonly #other: Port;

  constructor(one: Port, other: Port) {
    this.#one = one;
    this.#other = other;
  }

  /** False when nothing was there to be carried. */
  poll(): boolean {
    const there = carry(this.#one, this.#other);
    const back = carry(this.#other, this.#one);
    return there || back;
  }

  deadline(): Micros {
    return FOREVER;
  }
}

function carry(from: Port, to: Port): boolean {
  for (let count = 0; count < ROUND; count++) {
    const frame = from.receive();
    if (frame === undefined) return count > 0;
    to.send(frame);
  }
  return true;
}
