import type { Reason as NetworkReason } from "../net/index.ts";

/**
 * Why a call was refused: the network's reasons and the kernel's own. Services speak of reasons; the number that a
 * program sees for one is its personality's affair.
 */
export type Reason =
  | NetworkReason
  /** No open socket has this number. */
  | "bad-handle"
  /** The guest's pointer leads to memory that is not mapped, or not writable. */
  | "bad-address"
  /** There is no interface with this index. */
  | "no-device"
  /** The program has as many sockets open as it may. */
  | "too-many"
  | "no-option";

/** An argument that could not be read. */
export class Refusal {
  readonly reason: Reason;

  constructor(reason: Reason) {
    this.reason = reason;
  }
}

export const BAD_HANDLE = new Refusal("bad-handle");
export const BAD_ADDRESS = new Refusal("bad-address");
export const NO_OPTION = new Refusal("no-option");
export const INVALID = new Refusal("invalid");
