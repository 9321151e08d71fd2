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
