import type { Asking, Outcome } from "../call.ts";

/** Writes one byte to the debug board. */
export function writeByte({ kernel, thread }: Asking, byte: number): Outcome {
  kernel.debugBoard(byte, thread);
  return undefined;
}
