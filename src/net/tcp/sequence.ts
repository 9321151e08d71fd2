/**
 * Sequence numbers (RFC 9293 3.4): unsigned 32-bit, compared on a circle. This arithmetic stands here and nowhere
 * else.
 */

/** 0 … 2^32-1. */
export type Sequence = number;

export const add = (sequence: Sequence, count: number): Sequence => (sequence + count) >>> 0;

/** How far `to` is ahead of `from`, -2^31 … 2^31-1. */
export const distance = (from: Sequence, to: Sequence): number => (to - from) | 0;

export const before = (a: Sequence, b: Sequence): boolean => ((a - b) | 0) < 0;
export const after = (a: Sequence, b: Sequence): boolean => ((a - b) | 0) > 0;
export const atOrBefore = (a: Sequence, b: Sequence): boolean => ((a - b) | 0) <= 0;
export const atOrAfter = (a: Sequence, b: Sequence): boolean => ((a - b) | 0) >= 0;

/** start <= sequence < start + length, for lengths up to 2^31. */
export const within = (sequence: Sequence, start: Sequence, length: number): boolean =>
  (sequence - start) >>> 0 < length;

export const later = (a: Sequence, b: Sequence): Sequence => (((a - b) | 0) > 0 ? a : b);
export const earlier = (a: Sequence, b: Sequence): Sequence => (((a - b) | 0) < 0 ? a : b);
