/** Kinds of values (ir.ts). Up to PURE they can be made anywhere; the others have their places. */
export const WHAT = {
  /** `number` is the value. */
  CONST: 0,
  /** `number` is the slot. */
  SLOT: 1,
  /** `opcode` of what it is made of; no effect, and no trap. */
  PURE: 2,
  /** `opcode` at a + number, an address in the wasm memory. */
  LOAD: 3,
  /** The same, and b is what is stored. */
  STORE: 4,
  /** Guest memory at a + number … a + high can be read, or written if `opcode` is a store; else the region is left. */
  CHECK: 5,
  /** Leaves the region before this instruction if a is not zero. */
  LEAVE: 6,
  /**
   * Numbers in the lanes of rest[0], rest[1], … must be plain: leaves the region if a is not zero, which need
   * not be worked out where all of them are normal and none nearly too small or too large. `bytes` has their LANES;
   * `number` what MXCSR must be: bits that matter above, their values below.
   */
  ADMIT: 7,
  /** Goes on in another block if a is not zero. */
  PART: 8,
  /** Leaves the region, behind this instruction, for the address a if that is not `number`. */
  ASTRAY: 9,
  /** Calls the imported function `number` with the rest; its value if it has one. */
  CALL: 10,
  /** What the pattern `number` makes of rest; the region is left where that is not its case. */
  PATTERN: 11,
  /** The second value of a. */
  SECOND: 12,
  /** Copies rest[0] bytes of guest memory from b to a; they do not overlap. */
  COPY: 13,
  /** Fills rest[0] bytes of guest memory at a with elements of `number` bytes, b. */
  FILL: 14,
  /** Leaves the region before this instruction if not so many more instructions as a can be afforded. */
  AFFORD: 15,
  /** a more instructions have been executed than are counted otherwise. */
  SPEND: 16,
} as const;
