import type { Asking, Outcome } from "../call.ts";

/** Bytes of address space that the heap has. */
export function heapSize({ process }: Asking): Outcome {
  return process.heap.size;
}

/** The address of a new zero-filled block, or 0. */
export function allocate({ process }: Asking, bytes: number): Outcome {
  return process.heap.allocate(bytes);
}

/** 1, or 0 where there is no such block. */
export function free({ process }: Asking, address: number): Outcome {
  return process.heap.free(address) ? 1 : 0;
}
