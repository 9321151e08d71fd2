import type { Image } from "../image/index.ts";

/** An address of a program as people know it. */
export interface Place {
  readonly address: number;
  /** The nearest label below, with the distance: `main.loop+0x4`. */
  readonly symbol?: string;
  /** File and line, through macros: `server.asm:12`. */
  readonly line?: string;
}

export function placeOf(image: Image, address: number): Place {
  const inside =
    address >= image.origin && address < Math.max(image.memorySize, image.origin + image.bytes.length);
  const symbol = inside && image.symbols?.nearest(address) ? image.symbols.describe(address) : undefined;
  const line = image.lines?.describe(address);
  return { address, ...(symbol && { symbol }), ...(line && { line }) };
}

/** `0x1a4 <main+0x4> server.asm:12`, as much of it as is known. */
export function showPlace({ address, symbol, line }: Place): string {
  return `0x${address.toString(16)}${symbol ? ` <${symbol}>` : ""}${line ? ` ${line}` : ""}`;
}
