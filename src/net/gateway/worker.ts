import type { Micros } from "../../base/index.ts";

/** Something with work to do: it asks for it by `Mark`, and does it in the gateway's next poll, once. */
export interface Worker {
  marked: boolean;
  /** False when it is done for ever. */
  work(now: Micros): boolean;
  /** Lets go of everything at once. */
  abort(): void;
}

export type Mark = (worker: Worker) => void;
