/**
 * What instructions give. Their names say it too, but to look at names takes a good part of the first milliseconds of
 * compiling.
 */
import { F32, F64, I32, I64, type Opcode, SIMD, V128, type ValueType, W } from "./opcodes.ts";

/** Scalar ones, each from its code to the next: memory, comparisons, arithmetic, conversions. */
const scalars = new Uint8Array(0xc5);
const runs = [
  ...[0x00, I32, 0x29, I64, 0x2a, F32, 0x2b, F64, 0x2c, I32, 0x30, I64, 0x36, I32],
  ...[0x79, I64, 0x8b, F32, 0x99, F64, 0xa7, I32, 0xac, I64, 0xb2, F32, 0xb7, F64],
  ...[0xbc, I32, 0xbd, I64, 0xbe, F32, 0xbf, F64, 0xc0, I32, 0xc2, I64],
];
for (let i = 0; i < runs.length; i += 2) scalars.fill(runs[i + 1]!, runs[i]);

/** What an instruction of the table (opcodes.ts) gives. */
export function resultOf(code: Opcode): ValueType {
  if (code < SIMD) return scalars[code] as ValueType;
  switch (code) {
    case W.i8x16_extract_lane_s:
    case W.i8x16_extract_lane_u:
    case W.i16x8_extract_lane_s:
    case W.i16x8_extract_lane_u:
    case W.i32x4_extract_lane:
    case W.v128_any_true:
    case W.i8x16_all_true:
    case W.i8x16_bitmask:
    case W.i16x8_all_true:
    case W.i16x8_bitmask:
    case W.i32x4_all_true:
    case W.i32x4_bitmask:
    case W.i64x2_all_true:
    case W.i64x2_bitmask:
      return I32;
    case W.i64x2_extract_lane:
      return I64;
    case W.f32x4_extract_lane:
      return F32;
    case W.f64x2_extract_lane:
      return F64;
    default:
      return V128;
  }
}
