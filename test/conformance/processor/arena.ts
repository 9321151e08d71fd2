/**
 * What a case of the processor's proof can reach, the same here and in oracle.c: everything else is not mapped.
 * The lowest area is for 16-bit addresses; the read-only page is for faults.
 */
export interface Area {
  readonly start: number;
  readonly length: number;
  readonly writable: boolean;
  /** What every byte holds before a case. */
  readonly fill: number;
}

export const LOW: Area = { start: 0x8000, length: 0x2000, writable: true, fill: 0 };
export const CODE: Area = { start: 0x10_0000, length: 0x2000, writable: true, fill: 0xcc };
export const DATA: Area = { start: 0x20_0000, length: 0x2000, writable: true, fill: 0 };
export const CONSTANT: Area = { start: 0x20_4000, length: 0x1000, writable: false, fill: 0 };
export const STACK: Area = { start: 0x30_0000, length: 0x1000, writable: true, fill: 0 };

export const areas: readonly Area[] = [LOW, CODE, DATA, CONSTANT, STACK];

/** A segment with a base and an end, in the arena's data; FS holds it before every case. */
export const SMALL = { selector: 0x63, base: DATA.start, limit: 0xfff } as const;
