/** Which names AVX has, so that a look-up of another need not make its rows. */
import { avxList } from "./avx-list.ts";

let names: Set<string> | undefined;

/** Whether `avx` has rows of this name. */
export function isAvx(name: string): boolean {
  names ??= new Set(avxList().split(" "));
  return names.has(name);
}
