/** What the engine and the code that it compiles agree on. Nothing of the compiler is needed for it. */
import { FREE_BASE } from "../memory/memory.ts";

/** How compiled code ends. EIP and LEFT are in the state page. */
export const STATUS = {
  /** Somewhere that it does not know, or with too few instructions left. */
  LOOK: 0,
  /** At an instruction that the interpreter must execute. */
  INTERPRET: 1,
  /** Behind `int n`: this plus n. */
  INTERRUPT: 2,
  /** The same, where the hook was asked and has said no: this plus n. */
  REFUSED: 258,
} as const;

/** What `execute` answers: 0 where the region goes on, this plus the status that it ends with where it does not. */
export const LEAVES = 1;

/**
 * Which region begins at an address: pairs of an address and a region with the number of its entry, by the lowest bits of
 * the address. Routines that are so many bytes apart as there are pairs would take each other's again and again.
 */
export const CHAIN_BASE = FREE_BASE;
export const CHAIN_PAIRS = 32_768;
/** Where maps of entries begin. */
export const MAPS_BASE = CHAIN_BASE + 8 * CHAIN_PAIRS;
/** A chain's second word: the region's index in the table of functions above these bits, the entry below. */
export const ENTRY_BITS = 12;
/** Numbers of entries that fit a map's byte. */
export const MOST_ENTRIES = 254;

/** What AUX in the state page means, by KIND. */
export const FLAGS = {
  /** CARRIES, but for CF. */
  WORD: 0,
  /** RESULT is something + AUX. */
  SUM: 1,
  /** RESULT is something - AUX. */
  DIFFERENCE: 2,
} as const;
