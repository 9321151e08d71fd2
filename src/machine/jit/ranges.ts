/** The bytes that regions are made of, and those that they rely on. */
import type { Code } from "../cpu/code.ts";
import type { Operation } from "../cpu/operation.ts";
import { FACT, type Memory } from "../memory/memory.ts";

const PAGE_SHIFT = 12;

/** A place that a region accesses without looking. */
export interface FixedPlace {
  readonly address: number;
  readonly size: number;
  readonly writes: boolean;
}

/**
 * Whether [address, address + size) can be accessed for as long as nobody takes pages away or decodes instructions there.
 * What is written may be the constant of one instruction, which is then told to `patched`: it is read anew whenever it is
 * executed.
 */
export function isFixed(
  { facts }: Memory,
  code: Code,
  { address, size, writes }: FixedPlace,
  patched?: (op: Operation) => void,
): boolean {
  let isCode = false;
  const needed = writes ? FACT.READ | FACT.STORE : FACT.READ;
  for (let at = address; at < address + size; at++) {
    if ((facts[at >>> PAGE_SHIFT]! & needed) !== needed) return false;
    if (writes && code.pages[at >>> PAGE_SHIFT]?.covered[at & 0xfff]) isCode = true;
  }
  if (!isCode) return true;
  const covering = [...code.covering(address, size)];
  const [op] = covering;
  if (op === undefined || covering.length > 1 || !op.soft) return false;
  const constant = (op.address >>> 0) + op.constantAt;
  if (address < constant || address + size > constant + 4) return false;
  patched?.(op);
  return true;
}

/** Bytes of code: start and end, unsigned. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where operations stand, runs of them put together; without constants that may change where `soft` ones have them. */
export function rangesOf(operations: ReadonlyMap<number, Operation>): Range[] {
  const sorted = [...operations.values()].sort((a, b) => (a.address >>> 0) - (b.address >>> 0));
  const ranges: { start: number; end: number }[] = [];
  for (const op of sorted) {
    const start = op.address >>> 0;
    const end = start + (op.soft ? op.constantAt : op.length);
    const last = ranges[ranges.length - 1];
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return ranges;
}

/** The lowest of some addresses, and how many bytes there are from it to the highest. */
export function spanOf(addresses: readonly number[]): [low: number, length: number] {
  const all = addresses.map((address) => address >>> 0);
  const low = Math.min(...all);
  return [low, Math.max(...all) - low + 1];
}
