/**
 * FASM calculates behind what it has assembled so far, in twenty bytes for each value (EXPRCALC.INC): value, registers, factors,
 * relocation, sign, symbol. Nobody reads them again, except where a format's header stands there.
 */
import { setU16le, setU32le } from "../../base/index.ts";
import type { State } from "../state.ts";
import { DEFINED } from "../symbols.ts";
import type { Term } from "./evaluate.ts";
import { E_LABEL, E_NUMBER, E_PREDEFINED, E_REGISTER, E_STRING } from "./expressions.ts";
import { high32, low32 } from "./int.ts";

const RECORD = 20;
const REGISTERS = 8;
const FACTORS = 10;
const RELOCATION = 12;
const SIGN = 13;
const SYMBOL = 16;

/** Puts behind the output what the calculation of these elements has left there; `terms` are the values that it ended with. */
export function leaveRecords(state: State, elements: Int32Array, terms: readonly Term[]): void {
  state.room((elements.length + 1) * RECORD);
  const { bytes, at } = state;
  let depth = 0;
  for (const element of elements) {
    const kind = element & 0xff;
    if (kind < 0x80) {
      const record = at + depth * RECORD;
      const term = terms[depth++]!;
      if (kind === E_LABEL || kind === E_PREDEFINED) {
        setU32le(bytes, record + REGISTERS, 0);
        setU32le(bytes, record + RELOCATION, 0);
        setU32le(bytes, record + RECORD, 0);
        putResult(bytes, record, term);
        bytes.set([term.scale1, term.scale2], record + FACTORS);
        const isKnown = kind === E_PREDEFINED || (state.labels[element >>> 8]!.flags & DEFINED) !== 0;
        if (isKnown) setU32le(bytes, record + SYMBOL, 0);
      } else if (kind === E_NUMBER || kind === E_REGISTER || kind === E_STRING) {
        setU16le(bytes, record + RELOCATION, 0);
        putValue(bytes, record, term);
        if (kind !== E_REGISTER) setU16le(bytes, record + REGISTERS, 0);
        else bytes.set([term.register1, 0, 1], record + REGISTERS);
        if (kind !== E_STRING) setU32le(bytes, record + SYMBOL, 0);
      }
    } else {
      // Those of one operand stand alone, above all others.
      if (kind < 0xd0 && kind !== 0x83) depth--;
      putResult(bytes, at + (depth - 1) * RECORD, terms[depth - 1]!);
    }
  }
}

function putValue(bytes: Uint8Array, record: number, { value }: Term): void {
  setU32le(bytes, record, low32(value));
  setU32le(bytes, record + 4, high32(value));
}

function putResult(bytes: Uint8Array, record: number, term: Term): void {
  putValue(bytes, record, term);
  bytes.set([term.register1, term.register2], record + REGISTERS);
  if (term.register1 !== 0) bytes[record + FACTORS] = term.scale1;
  if (term.register2 !== 0) bytes[record + FACTORS + 1] = term.scale2;
  bytes[record + RELOCATION] = term.relocation;
  bytes[record + SIGN] = term.value < 0 ? 0xff : 0;
}
