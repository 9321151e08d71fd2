/** How compiled code ends. EIP and LEFT are in the state page. */
export const STATUS = {
  /** Somewhere that it does not know, or with too few instructions left. */
  LOOK: 0,
  /** At an instruction that the interpreter must execute. */
  INTERPRET: 1,
  /** Behind `int n`: this plus n. */
  INTERRUPT: 2,
} as const;
