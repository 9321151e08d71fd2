/** What CALL and RET are, by their bytes. */

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

/** CALL: E8, FF /2; RET: C3, C2. */
export function transferAt(u8: (at: number) => number | undefined, address: number): Transfer | undefined {
  let at = address;
  let byte = u8(at);
  while (byte !== undefined && PREFIXES.has(byte) && at - address < LONGEST) byte = u8(++at);
  if (byte === 0xe8) return "call";
  if (byte === 0xc3 || byte === 0xc2) return "return";
  return byte === 0xff && (((u8(at + 1) ?? 0) >> 3) & 7) === 2 ? "call" : undefined;
}
