/** Words of binary arithmetic shared by the assembler and the machine. */

/** The lowest 8 bits as a signed number, -128 … 127. */
export const signExtend8 = (value: number): number => (value << 24) >> 24;

/** The lowest 16 bits as a signed number, -32768 … 32767. */
export const signExtend16 = (value: number): number => (value << 16) >> 16;

/** `value` rounded up to a multiple of `unit`, which is a power of two; up to 2^53. */
export const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

/** Bytes in a page of guest memory. */
export const PAGE = 4096;
