import type { Asking, Outcome } from "../call.ts";

/** Ends the calling thread; with the last of its threads the process ends and its sockets are closed. */
export function exit({ kernel, thread }: Asking): Outcome {
  kernel.endThread(thread);
  return undefined;
}
