/** What the encoders of special instructions share: opcode bytes from the rows, behind 66 and REX, and the end of a line. */
import { byMnemonic } from "../../isa/index.ts";
import { refuse } from "../messages.ts";
import { BND_PREFIX, type Encoding, type Operand, registerClass, registerSizes } from "../operand.ts";
import { type Head, legacyBytes, makeHead, REX } from "./emit.ts";

export type Encode = (operands: readonly Operand[], count: number, out: Encoding) => void;

/** The opcode byte of a row, found by its operands as written there. */
export function code(name: string, operands: string): number {
  const form = byMnemonic(name).find(
    (row) => row.operands.map((operand) => operand.text).join(" ") === operands && !row.decodeOnly,
  );
  if (form === undefined) throw new Error(`no row of ${name} takes "${operands}"`);
  return form.code;
}

/** The digit of a row with ModR/M. */
export function digit(name: string, operands: string): number {
  return byMnemonic(name).find((row) => row.operands.map((operand) => operand.text).join(" ") === operands)!
    .digit;
}

export const registerSize = (operand: Operand): number => registerSizes[registerClass(operand.register)]!;

const heads = new Map<number, Head>();

/** One opcode byte, or 0F and one where `value` has the escape in its second byte; behind 66 and REX where asked. */
export function headOf(value: number, sizePrefix: boolean, rex = 0): Head {
  const key = (value << 8) | (sizePrefix ? 0x80 : 0) | rex;
  return heads.get(key) ?? newHead(key, value, sizePrefix, rex);
}

/** Apart, since what a closure needs is put on the heap wherever its function begins. */
function newHead(key: number, value: number, sizePrefix: boolean, rex: number): Head {
  const before = sizePrefix ? [0x66] : [];
  const opcode = value > 0xff ? [value >> 8, value & 0xff] : [value];
  const head = makeHead((extension) =>
    legacyBytes(before, rex | (extension === 0 ? 0 : REX | extension), opcode, 64),
  );
  heads.set(key, head);
  return head;
}

/** 66 wherever the size wanted (2 or 4) is not the one of the code. */
export const needsPrefix = (size: number, out: Encoding): boolean => (size === 2) !== (out.bits === 16);

export function only(count: number): void {
  if (count > 1) refuse("extraCharactersOnLine");
}

export function end(out: Encoding): void {
  if ((out.prefixes & BND_PREFIX) !== 0) refuse("illegalInstruction");
}
