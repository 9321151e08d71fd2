/**
 * What an operation is executed by. The first few are JavaScript's: any form through a function of execute/, and what is no
 * instruction. All others have an arm in WebAssembly (arms/): what is before an instruction, then the frequent
 * instructions in their frequent shapes: R a register, I a constant, M memory in a flat segment with 32-bit addressing; of
 * 32 bits unless the name says 8 or 16.
 */
export const OP = {
  /** Not decoded yet, or no longer valid. */
  DECODE: 0,
  /** Goes on with the next instruction. */
  GENERAL: 1,
  /** Leaves the next EIP in the state page. */
  JUMP: 2,
  /** May change TF or the meaning of segments: the run is left behind it. */
  EXIT: 3,
  /** Iterates. */
  STRING: 4,
  /** Wants to know exactly how many instructions came before. */
  EXACT: 5,
  /** `int` of a gate. */
  INT: 6,
  /** A breakpoint stands here: the instruction itself is `beneath`. */
  BREAK: 7,

  // No instructions, but arms
  /** Stands for the operation in `next`, at the same address. */
  FORWARD: 8,
  /** Before what jumps lead to: counts arrivals down in `immediate`; at 0 the run is left, for the address is worth compiling. */
  COUNT: 9,
  /** Compiled code begins here: the run is left if so many instructions as `immediate` are still to be executed. */
  ENTER: 10,

  // Arithmetic and logic of 32 bits
  ADD_RR: 11,
  ADD_RI: 12,
  ADD_RM: 13,
  ADD_MR: 14,
  ADD_MI: 15,
  OR_RR: 16,
  OR_RI: 17,
  OR_RM: 18,
  OR_MR: 19,
  OR_MI: 20,
  ADC_RR: 21,
  ADC_RI: 22,
  ADC_RM: 23,
  ADC_MR: 24,
  ADC_MI: 25,
  SBB_RR: 26,
  SBB_RI: 27,
  SBB_RM: 28,
  SBB_MR: 29,
  SBB_MI: 30,
  AND_RR: 31,
  AND_RI: 32,
  AND_RM: 33,
  AND_MR: 34,
  AND_MI: 35,
  SUB_RR: 36,
  SUB_RI: 37,
  SUB_RM: 38,
  SUB_MR: 39,
  SUB_MI: 40,
  XOR_RR: 41,
  XOR_RI: 42,
  XOR_RM: 43,
  XOR_MR: 44,
  XOR_MI: 45,
  CMP_RR: 46,
  CMP_RI: 47,
  CMP_RM: 48,
  CMP_MR: 49,
  CMP_MI: 50,
  TEST_RR: 51,
  TEST_RI: 52,
  TEST_MR: 53,
  TEST_MI: 54,
  // Comparisons of 8 bits
  CMP8_RR: 55,
  CMP8_RI: 56,
  CMP8_RM: 57,
  CMP8_MI: 58,
  TEST8_RR: 59,
  TEST8_RI: 60,
  TEST8_MI: 61,
  XOR8_RR: 62,
  AND8_RI: 63,
  // Moves
  MOV_RR: 64,
  MOV_RI: 65,
  MOV_RM: 66,
  MOV_MR: 67,
  MOV_MI: 68,
  MOV8_RR: 69,
  MOV8_RI: 70,
  MOV8_RM: 71,
  MOV8_MR: 72,
  MOV8_MI: 73,
  MOV16_RM: 74,
  MOV16_MR: 75,
  MOV16_MI: 76,
  MOVZX8_R: 77,
  MOVZX8_M: 78,
  MOVZX16_R: 79,
  MOVZX16_M: 80,
  MOVSX8_R: 81,
  MOVSX8_M: 82,
  MOVSX16_R: 83,
  MOVSX16_M: 84,
  LEA: 85,
  XCHG_RR: 86,
  XCHG_MR: 87,
  CDQ: 88,
  NOP: 89,
  // One operand
  INC_R: 90,
  DEC_R: 91,
  INC_M: 92,
  DEC_M: 93,
  NEG_R: 94,
  NOT_R: 95,
  // Shifts and rotations; AF as undefined.ts has it
  SHL_RI: 96,
  SHR_RI: 97,
  SAR_RI: 98,
  ROL_RI: 99,
  ROR_RI: 100,
  SHL_RC: 101,
  SHR_RC: 102,
  SAR_RC: 103,
  ROL_RC: 104,
  ROR_RC: 105,
  // Multiplication
  IMUL_RR: 106,
  IMUL_RM: 107,
  IMUL_RRI: 108,
  MUL_R: 109,
  DIV_R: 110,
  // The stack
  PUSH_R: 111,
  PUSH_I: 112,
  PUSH_M: 113,
  POP_R: 114,
  LEAVE: 115,
  // Jumps, calls and returns
  JMP: 116,
  JMP_R: 117,
  JMP_M: 118,
  CALL: 119,
  CALL_R: 120,
  CALL_M: 121,
  RET: 122,
  LOOP: 123,
  // Conditional jumps, in the order of flags.ts
  JO: 124,
  JNO: 125,
  JB: 126,
  JAE: 127,
  JE: 128,
  JNE: 129,
  JBE: 130,
  JA: 131,
  JS: 132,
  JNS: 133,
  JL: 134,
  JGE: 135,
  JLE: 136,
  JG: 137,
} as const;

/** From here on operations have arms. */
export const FIRST_ARM = OP.FORWARD;
/** How many numbers there are. */
export const OPERATIONS = OP.JG + 1;
