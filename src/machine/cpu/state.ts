/**
 * Where the processor keeps what it knows: byte addresses in the state page, the first 64 KiB of the
 * machine's memory. The interpreter, compiled code and the debugger all import this list, so a register
 * has one place.
 *
 * Inside the machine a 32-bit value is a signed number (`| 0`). It is shown unsigned (`>>> 0`) at the
 * room's border, and nowhere else.
 *
 * The state page begins with the context, which is everything one thread owns; `saveContext` copies it as
 * one piece.
 */
export const STATE = {
  /** eax ecx edx ebx esp ebp esi edi, in the processor's own order, 4 bytes each. */
  REGISTERS: 0x000,
  /** Always 0: the base or index register of an address that has none. */
  ZERO: 0x020,
  EIP: 0x024,
  /** EFLAGS without the six arithmetic flags, which are in RESULT and CARRIES (see flags.ts). */
  EFLAGS: 0x028,
  /** What the last instruction that sets ZF, SF and PF computed, sign-extended to 32 bits. */
  RESULT: 0x02c,
  /** CF, OF and AF as carries, and corrections for SF and PF. */
  CARRIES: 0x030,
  /** Selectors of es cs ss ds fs gs, in the processor's own order, 4 bytes each. */
  SELECTORS: 0x040,
  /** Base addresses of the six segments. */
  BASES: 0x058,
  /** The last valid offset in each of the six segments, unsigned. */
  LIMITS: 0x070,
  /** Rights of each of the six segments: a bit set of SEGMENT. */
  RIGHTS: 0x088,
  /** x87: eight registers in physical order, 16 bytes each: 64-bit significand, 16-bit sign and exponent. */
  X87: 0x100,
  X87_CONTROL: 0x180,
  X87_STATUS: 0x184,
  /** One bit a physical register: 1 = not empty. */
  X87_VALID: 0x188,
  X87_OPCODE: 0x18c,
  X87_INSTRUCTION: 0x190,
  X87_INSTRUCTION_SELECTOR: 0x194,
  X87_OPERAND: 0x198,
  X87_OPERAND_SELECTOR: 0x19c,
  MXCSR: 0x1a0,
  /** xmm0 … xmm7, 16 bytes each. */
  XMM: 0x200,
  /** The end of the context. */
  CONTEXT_END: 0x280,

  // Of compiled code (jit/), while it runs: CARRIES in three words, instructions left, what can be accessed.
  AUX: 0x300,
  KIND: 0x304,
  CF: 0x308,
  LEFT: 0x30c,
  /** A run of pages that can be read, and of such that can be written, without further thought. */
  READ_LOW: 0x310,
  READ_LENGTH: 0x314,
  WRITE_LOW: 0x318,
  WRITE_LENGTH: 0x31c,
  /** What a fast function of the x87 has to say besides a significand (cpu/fast/x87.ts). */
  X87_RESULT: 0x320,
  /** Of the interpreter's arms (arms/): where the machine's lines begin, 0 while every store beside code is to be told. */
  LINES: 0x338,
  /** Tables of the estimates (cpu/float/estimate.ts), 16 bits each: of reciprocals; of roots, even and odd. */
  ESTIMATES: 0x8000,
} as const;

/** Instead of the instructions left: EIP is somewhere else behind an `int`, or TF is set, and all is counted. */
export const ELSEWHERE = -1;

/** Register numbers, as instructions encode them. */
export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

/** Segment register numbers, as instructions encode them. */
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

/** Rights of a loaded segment. A null selector has none. */
export const SEGMENT = {
  READABLE: 1,
  WRITABLE: 2,
  EXECUTABLE: 4,
  /** Base 0, limit 4 GiB, readable and writable: an offset is an address. */
  FLAT: 8,
} as const;

/** Indexes of the words above in an Int32Array that begins at the state page. */
export const WORD = {
  ZERO: STATE.ZERO >> 2,
  EIP: STATE.EIP >> 2,
  EFLAGS: STATE.EFLAGS >> 2,
  RESULT: STATE.RESULT >> 2,
  CARRIES: STATE.CARRIES >> 2,
  SELECTORS: STATE.SELECTORS >> 2,
  BASES: STATE.BASES >> 2,
  LIMITS: STATE.LIMITS >> 2,
  RIGHTS: STATE.RIGHTS >> 2,
  X87: STATE.X87 >> 2,
  MXCSR: STATE.MXCSR >> 2,
  XMM: STATE.XMM >> 2,
} as const;
