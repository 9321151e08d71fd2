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
  /** A breakpoint stands here: the instruction itself is `beneath`. */
  BREAK: 6,

  /** `int` of a gate: it has an arm, which asks who answers it. */
  INT: 7,
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
  // The same of 8 bits
  ADD8_RR: 55,
  ADD8_RI: 56,
  ADD8_RM: 57,
  ADD8_MR: 58,
  ADD8_MI: 59,
  OR8_RR: 60,
  OR8_RI: 61,
  OR8_RM: 62,
  OR8_MR: 63,
  OR8_MI: 64,
  ADC8_RR: 65,
  ADC8_RI: 66,
  ADC8_RM: 67,
  ADC8_MR: 68,
  ADC8_MI: 69,
  SBB8_RR: 70,
  SBB8_RI: 71,
  SBB8_RM: 72,
  SBB8_MR: 73,
  SBB8_MI: 74,
  AND8_RR: 75,
  AND8_RI: 76,
  AND8_RM: 77,
  AND8_MR: 78,
  AND8_MI: 79,
  SUB8_RR: 80,
  SUB8_RI: 81,
  SUB8_RM: 82,
  SUB8_MR: 83,
  SUB8_MI: 84,
  XOR8_RR: 85,
  XOR8_RI: 86,
  XOR8_RM: 87,
  XOR8_MR: 88,
  XOR8_MI: 89,
  CMP8_RR: 90,
  CMP8_RI: 91,
  CMP8_RM: 92,
  CMP8_MR: 93,
  CMP8_MI: 94,
  TEST8_RR: 95,
  TEST8_RI: 96,
  TEST8_MR: 97,
  TEST8_MI: 98,
  // The same of 16 bits
  ADD16_RR: 99,
  ADD16_RI: 100,
  ADD16_RM: 101,
  ADD16_MR: 102,
  ADD16_MI: 103,
  OR16_RR: 104,
  OR16_RI: 105,
  OR16_RM: 106,
  OR16_MR: 107,
  OR16_MI: 108,
  AND16_RR: 109,
  AND16_RI: 110,
  AND16_RM: 111,
  AND16_MR: 112,
  AND16_MI: 113,
  SUB16_RR: 114,
  SUB16_RI: 115,
  SUB16_RM: 116,
  SUB16_MR: 117,
  SUB16_MI: 118,
  XOR16_RR: 119,
  XOR16_RI: 120,
  XOR16_RM: 121,
  XOR16_MR: 122,
  XOR16_MI: 123,
  CMP16_RR: 124,
  CMP16_RI: 125,
  CMP16_RM: 126,
  CMP16_MR: 127,
  CMP16_MI: 128,
  TEST16_RR: 129,
  TEST16_RI: 130,
  TEST16_MR: 131,
  TEST16_MI: 132,
  // Moves
  MOV_RR: 133,
  MOV_RI: 134,
  MOV_RM: 135,
  MOV_MR: 136,
  MOV_MI: 137,
  MOV8_RR: 138,
  MOV8_RI: 139,
  MOV8_RM: 140,
  MOV8_MR: 141,
  MOV8_MI: 142,
  MOV16_RR: 143,
  MOV16_RI: 144,
  MOV16_RM: 145,
  MOV16_MR: 146,
  MOV16_MI: 147,
  MOVZX8_R: 148,
  MOVZX8_M: 149,
  MOVZX16_R: 150,
  MOVZX16_M: 151,
  MOVSX8_R: 152,
  MOVSX8_M: 153,
  MOVSX16_R: 154,
  MOVSX16_M: 155,
  LEA: 156,
  XCHG_RR: 157,
  XCHG_MR: 158,
  // One of SMALL
  SMALL: 159,
  // Through a function of fast/, on registers, with memory read, with memory written: calls.ts
  FAST_RR: 160,
  FAST_RM: 161,
  FAST_MR: 162,
  NOP: 163,
  // One operand
  INC_R: 164,
  DEC_R: 165,
  INC_M: 166,
  DEC_M: 167,
  INC8_R: 168,
  DEC8_R: 169,
  INC8_M: 170,
  DEC8_M: 171,
  NEG_R: 172,
  NOT_R: 173,
  // Shifts and rotations; AF as undefined.ts has it
  SHL_RI: 174,
  SHR_RI: 175,
  SAR_RI: 176,
  ROL_RI: 177,
  ROR_RI: 178,
  SHL_RC: 179,
  SHR_RC: 180,
  SAR_RC: 181,
  ROL_RC: 182,
  ROR_RC: 183,
  // Multiplication
  IMUL_RR: 184,
  IMUL_RM: 185,
  IMUL_RRI: 186,
  MUL_R: 187,
  DIV_R: 188,
  // Strings, without a repetition and with
  LODSB: 189,
  LODSW: 190,
  LODSD: 191,
  STOSB: 192,
  STOSW: 193,
  STOSD: 194,
  MOVSB: 195,
  MOVSW: 196,
  MOVSD: 197,
  REP_STOSB: 198,
  REP_STOSW: 199,
  REP_STOSD: 200,
  REP_MOVSB: 201,
  REP_MOVSW: 202,
  REP_MOVSD: 203,
  // The stack
  PUSH_R: 204,
  PUSH_I: 205,
  PUSH_M: 206,
  POP_R: 207,
  LEAVE: 208,
  // Jumps, calls and returns
  JMP: 209,
  JMP_R: 210,
  JMP_M: 211,
  CALL: 212,
  CALL_R: 213,
  CALL_M: 214,
  RET: 215,
  JECXZ: 216,
  LOOP: 217,
  // Conditional jumps, in the order of flags.ts
  JO: 218,
  JNO: 219,
  JB: 220,
  JAE: 221,
  JE: 222,
  JNE: 223,
  JBE: 224,
  JA: 225,
  JS: 226,
  JNS: 227,
  JL: 228,
  JGE: 229,
  JLE: 230,
  JG: 231,
  // SSE: R a register of 16 bytes, M memory, aligned after A; G a general register; 4 and 8 for as many of the lowest bytes
  MOVX_RR: 232,
  MOVX_RM: 233,
  MOVX_MR: 234,
  MOVXA_RM: 235,
  MOVXA_MR: 236,
  MOVX4_RR: 237,
  MOVX4_RM: 238,
  MOVX4_MR: 239,
  // One of BETWEEN_FILES
  BETWEEN_FILES: 240,
  // As those above, of the x87
  X87_R: 241,
  MOVX8_RR: 242,
  MOVX8_RM: 243,
  MOVX8_MR: 244,
  // One of PACKED
  PACKED_RR: 245,
  PACKED_RM: 246,
  // One of PACKED_SHIFTS
  SHIFT_RI: 247,
  // PSHUFD; SHUFPS where the record says 1
  SHUFFLE_RR: 248,
  X87_M: 249,
  // Conditions, which the record has by their numbers: setcc, cmovcc
  SET_R: 250,
  SET_M: 251,
  CMOV_RR: 252,
  CMOV_RM: 253,
  // Multiplication and division of signed numbers
  IMUL_R: 254,
  IDIV_R: 255,
} as const;

/** Small things, each alone; the record has the number. */
export const SMALL: readonly string[] = ["bswap", "cwde", "cld", "cdq"];

/** Between a general register and one of SSE. */
export const BETWEEN_FILES = { TO_SSE: 0, TO_GENERAL: 1, PMOVMSKB: 2 } as const;

/** Packed shifts by a constant. */
export const PACKED_SHIFTS: readonly string[] =
  "psllw psrlw psraw pslld psrld psrad psllq psrlq pslldq psrldq".split(" ");

/** Packed integers and logic of 16 bytes: the record has the number. */
export const PACKED: readonly string[] = (
  "pand pandn por pxor paddb paddsb paddusb psubb psubsb psubusb pminub pmaxub pavgb pcmpeqb pcmpgtb paddw paddsw paddusw " +
  "psubw psubsw psubusw pmullw pminsw pmaxsw pavgw pcmpeqw pcmpgtw pmaddwd packsswb packuswb packssdw paddd psubd pcmpeqd " +
  "pcmpgtd paddq psubq punpcklbw punpckhbw punpcklwd punpckhwd punpckldq punpckhdq punpcklqdq punpckhqdq"
).split(" ");

/** Where the fast functions of each family stand in the table of the arms, which come first. */
export const FAST = { SSE: 0x100, MMX: 0x180, X87: 0x200, END: 0x280 } as const;

/** Of X87_R, above a third argument: instead of it and the second the function is given RESULT and CARRIES. */
export const WANTS_FLAGS = 0x100;

/** From here on operations have arms. */
export const FIRST_ARM = OP.INT;
/** How many numbers there are. */
export const OPERATIONS = OP.IDIV_R + 1;
