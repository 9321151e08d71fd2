/** The name of a scan (strings.ts): of SCAS or CMPS, by the bytes of an element. */
export const scanName = (inMemory: boolean, size: number, whileEqual: boolean): string =>
  `${inMemory ? "cmps" : "scas"}${size}${whileEqual ? "e" : "n"}`;
