/** What the engine and the code that it compiles agree on. Nothing of the compiler is needed for it. */

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

/** The table of STATE.CHAIN has so many pairs. */
export const CHAIN_PAIRS = 2048;
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
