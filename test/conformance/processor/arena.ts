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
/** Where 16-bit offsets into the segments `around` and `gap` begin anew: 64 KiB below the middle of the data, and below its end. */
export const WRAPPED: Area = { start: 0x1f_1000, length: 0x2000, writable: true, fill: 0 };

/** Where a case that single steps do not end counts them, and a sum of what each has found: behind all code. */
export const TRAIL = CODE.start + CODE.length - 8;
/** The next single step ends it. */
export const MOST_STEPS = 5000;

export const areas: readonly Area[] = [LOW, CODE, WRAPPED, DATA, CONSTANT, STACK];

/** A segment with a base and an end, in the arena's data; FS holds it before every case. */
export const SMALL = { selector: 0x63, base: DATA.start, limit: 0xfff } as const;

/**
 * Segments of the local descriptor table, which no register holds before a case. In the arena are offset FFFF of
 * the first three, offset 0 of the first two and the fourth, offset 10000 of the first.
 */
export const local = {
  around: { selector: 0x07, base: WRAPPED.start, limit: 0xf_ffff },
  gap: { selector: 0x3f, base: WRAPPED.start + 0x1000, limit: 0xf_ffff },
  endsThere: { selector: 0x0f, base: STACK.start - 0xf000, limit: 0xf_ffff },
  beginsThere: { selector: 0x17, base: DATA.start, limit: 0xf_ffff },
  short: { selector: 0x1f, base: DATA.start + 0x0ff8, limit: 0x807 },
  constant: { selector: 0x27, base: DATA.start, limit: 0xfff, writable: false },
  absent: { selector: 0x2f, base: DATA.start, limit: 0xfff, present: false },
  stack: { selector: 0x37, base: STACK.start - 0x10, limit: 0x80f },
} as const;
