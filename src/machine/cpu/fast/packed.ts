/**
 * Packed integers of SSE2 that WebAssembly has as they are: by their x86 names the instruction, or the bytes of a
 * shuffle (0 to 15 of the first operand, 16 to 31 of the second). SDM vol. 2; WebAssembly Core 2.0, 5.4.
 */
import { type Opcode, W } from "../../wasm/index.ts";

/** Alternately from both operands, `size` bytes at a time, the first 8 bytes or the others. */
const interleaved = (size: number, from: 0 | 8): readonly number[] =>
  Array.from({ length: 16 }, (_, at) => {
    const unit = Math.floor(at / size);
    return from + (unit >> 1) * size + (at % size) + (unit & 1 ? 16 : 0);
  });

export const packed: Readonly<Record<string, Opcode | readonly number[]>> = {
  paddb: W.i8x16_add,
  paddsb: W.i8x16_add_sat_s,
  paddusb: W.i8x16_add_sat_u,
  psubb: W.i8x16_sub,
  psubsb: W.i8x16_sub_sat_s,
  psubusb: W.i8x16_sub_sat_u,
  pminub: W.i8x16_min_u,
  pmaxub: W.i8x16_max_u,
  pavgb: W.i8x16_avgr_u,
  pcmpeqb: W.i8x16_eq,
  pcmpgtb: W.i8x16_gt_s,
  paddw: W.i16x8_add,
  paddsw: W.i16x8_add_sat_s,
  paddusw: W.i16x8_add_sat_u,
  psubw: W.i16x8_sub,
  psubsw: W.i16x8_sub_sat_s,
  psubusw: W.i16x8_sub_sat_u,
  pmullw: W.i16x8_mul,
  pminsw: W.i16x8_min_s,
  pmaxsw: W.i16x8_max_s,
  pavgw: W.i16x8_avgr_u,
  pcmpeqw: W.i16x8_eq,
  pcmpgtw: W.i16x8_gt_s,
  pmaddwd: W.i32x4_dot_i16x8_s,
  packsswb: W.i8x16_narrow_i16x8_s,
  packuswb: W.i8x16_narrow_i16x8_u,
  packssdw: W.i16x8_narrow_i32x4_s,
  paddd: W.i32x4_add,
  psubd: W.i32x4_sub,
  pcmpeqd: W.i32x4_eq,
  pcmpgtd: W.i32x4_gt_s,
  paddq: W.i64x2_add,
  psubq: W.i64x2_sub,
  punpcklbw: interleaved(1, 0),
  punpckhbw: interleaved(1, 8),
  punpcklwd: interleaved(2, 0),
  punpckhwd: interleaved(2, 8),
  punpckldq: interleaved(4, 0),
  punpckhdq: interleaved(4, 8),
  punpcklqdq: interleaved(8, 0),
  punpckhqdq: interleaved(8, 8),
};
