/**
 * What the interpreter's switch goes by. The first few execute any form through a function of execute/; the
 * others are the frequent instructions in their frequent shapes, written out in the loop (see specialise.ts).
 */
export const OP = {
  /** Not decoded yet, or no longer valid. */
  DECODE: 0,
  /** Goes on with the next instruction. */
  GENERAL: 1,
  /** Leaves the next EIP in the state page. */
  JUMP: 2,
  /** May change TF or the meaning of segments: the loop is left behind it. */
  EXIT: 3,
  /** Iterates. */
  STRING: 4,
  /** Wants to know exactly how many instructions came before. */
  EXACT: 5,
  /** Stands for the operation in `next`, at the same address. */
  FORWARD: 6,
} as const;
