/** Register codes as FASM writes them in expressions, and as operands carry them. */
import {
  GPR8,
  GPR8_HIGH,
  GPR16,
  GPR32,
  GPR64,
  INSTRUCTION_POINTER,
  MMX,
  register,
  SEGMENT,
  ST,
  XMM,
  YMM,
  ZMM,
} from "../operand.ts";

const table = new Uint16Array(256);

function fill(first: number, count: number, kind: number, number = 0): void {
  for (let n = 0; n < count; n++) table[first + n] = register(kind, number + n);
}

fill(0x04, 4, GPR8_HIGH, 4);
fill(0x10, 16, GPR8);
fill(0x20, 16, GPR16);
fill(0x31, 6, SEGMENT);
fill(0x40, 16, GPR32);
fill(0x60, 32, ZMM);
fill(0x80, 16, GPR64);
table[0x94] = register(INSTRUCTION_POINTER, 0);
table[0x98] = register(INSTRUCTION_POINTER, 1);
fill(0xa0, 8, ST);
fill(0xb0, 8, MMX);
fill(0xc0, 32, XMM);
fill(0xe0, 32, YMM);

/** An operand's register for a code in an expression or an item; 0 for 0. */
export const operandRegister = (code: number): number => table[code]!;
