/** Bytes that an instruction of MMX reads of its second operand. SDM vol. 2, PUNPCKL. */
export const mmxSize = (name: string): 4 | 8 => (name.startsWith("punpckl") ? 4 : 8);
