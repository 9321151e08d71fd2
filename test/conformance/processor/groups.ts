/** What can be asked of a processor, in groups: each has a recording of its name in fixtures/processor. */
import { groups as others } from "./generate.ts";
import { x87Series } from "./x87.ts";

export const groups = { ...others, x87: x87Series } as const;
