/** The names of all rows of AVX, with blanks between. The build puts the same text here, worked out (scripts/ready.mjs). */
import { avx } from "./avx.ts";

export const avxList = (): string => [...new Set(avx().flatMap(({ names }) => names))].join(" ");
