/** What an instruction is, by its bytes: a CALL or RET, a string instruction, one that loads SS. */

/** A near CALL or RET. Far ones are left alone: a flat program has none. */
export type Transfer = "call" | "return";

/**
 * Called behind each near CALL and RET that was executed, with its address and ESP before it (both unsigned).
 * Answering true stops the run there.
 */
export type TransferHook = (kind: Transfer, from: number, esp: number) => boolean | undefined;

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** SDM vol. 2: an instruction has at most 15 bytes. */
const LONGEST = 15;

type Bytes = (at: number) => number | undefined;

/** Where the opcode stands, behind prefixes. */
function opcodeAt(u8: Bytes, address: number): number {
  let at = address;
  for (let byte = u8(at); byte !== undefined && PREFIXES.has(byte) && at - address < LONGEST; byte = u8(at))
    at++;
  return at;
}

/** CALL: E8, FF /2; RET: C3, C2. */
export function transferAt(u8: Bytes, address: number): Transfer | undefined {
  const at = opcodeAt(u8, address);
  const byte = u8(at);
  if (byte === 0xe8) return "call";
  if (byte === 0xc3 || byte === 0xc2) return "return";
  return byte === 0xff && (((u8(at + 1) ?? 0) >> 3) & 7) === 2 ? "call" : undefined;
}

/** INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS. */
export function isStringAt(u8: Bytes, address: number): boolean {
  const byte = u8(opcodeAt(u8, address)) ?? 0;
  return (byte >= 0x6c && byte <= 0x6f) || (byte >= 0xa4 && byte <= 0xaf && (byte & 0xfe) !== 0xa8);
}

/** MOV SS: 8E /2; POP SS: 17. */
export function loadsStackAt(u8: Bytes, address: number): boolean {
  const at = opcodeAt(u8, address);
  return u8(at) === 0x17 || (u8(at) === 0x8e && (((u8(at + 1) ?? 0) >> 3) & 7) === 2);
}
