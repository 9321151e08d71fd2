import type { Stack } from "../../src/net/index.ts";
import { type Moving, type Pair, pair } from "./pair.ts";

export type { Pair };

/** Two stations, and a service on the second, at 10.0.2.2. */
export function beside<T extends Moving>(make: (stack: Stack) => T): { it: Pair; service: T } {
  const holder: { service?: T } = {};
  const between: Moving = {
    poll: (now) => holder.service?.poll(now) ?? false,
    deadline: () => holder.service?.deadline() ?? Number.POSITIVE_INFINITY,
  };
  const it = pair({ between: [between] });
  const service = make(it.b);
  holder.service = service;
  return { it, service };
}
