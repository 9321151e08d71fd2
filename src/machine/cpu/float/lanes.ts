/**
 * The vector unit's desk: first operand, second operand, result and room for steps between them, 16 bytes each.
 * Everything is read from here and written here, so that an instruction whose destination is also its source
 * needs no care, and one that faults has changed nothing.
 *
 * As lanes of 4 bytes A is 0 to 3, B 4 to 7, R 8 to 11, more room from 12 on; lanes of other sizes accordingly.
 */
const BYTES = 256;
const buffer = new ArrayBuffer(BYTES);

export const i8 = new Int8Array(buffer);
export const u8 = new Uint8Array(buffer);
export const i16 = new Int16Array(buffer);
export const u16 = new Uint16Array(buffer);
export const i32 = new Int32Array(buffer);
export const u32 = new Uint32Array(buffer);
export const f32 = new Float32Array(buffer);
export const f64 = new Float64Array(buffer);

/** The last double: where binary.ts takes numbers apart. */
export const SPARE = BYTES / 8 - 1;
