/** Register numbers and names, in the order in which the processor encodes them (SDM vol. 2A, table 2-2). */

export const AX = 0;
export const CX = 1;
export const DX = 2;
export const BX = 3;
export const SP = 4;
export const BP = 5;
export const SI = 6;
export const DI = 7;

export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

export const reg8Names = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"] as const;
export const reg16Names = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
export const reg32Names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
export const reg64Names = [
  ..."rax rcx rdx rbx rsp rbp rsi rdi".split(" "),
  ..."r8 r9 r10 r11 r12 r13 r14 r15".split(" "),
] as const;
export const segmentNames = ["es", "cs", "ss", "ds", "fs", "gs"] as const;

/** The prefix byte that selects each segment, in the order of `segmentNames`. */
export const segmentPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
