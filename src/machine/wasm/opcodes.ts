/**
 * WebAssembly's instructions, the one table of them: codes of the SIMD and bulk groups are the group's prefix times
 * 65536 plus the number in the group. WebAssembly Core 2.0, 5.4.
 */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const EMPTY = 0x40;

export type ValueType = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128;

export const typeNames: Readonly<Record<number, string>> = {
  [I32]: "i32",
  [I64]: "i64",
  [F32]: "f32",
  [F64]: "f64",
  [V128]: "v128",
};

export const BULK = 0xfc_0000;
export const SIMD = 0xfd_0000;

/** Instructions that the writer has a method for each. */
export const UNREACHABLE = 0x00;
export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const BR_TABLE = 0x0e;
export const RETURN = 0x0f;
export const CALL = 0x10;
export const RETURN_CALL_INDIRECT = 0x13;
export const DROP = 0x1a;
export const LOCAL_GET = 0x20;
export const LOCAL_SET = 0x21;
export const LOCAL_TEE = 0x22;
export const I32_CONST = 0x41;
export const I64_CONST = 0x42;
export const F32_CONST = 0x43;
export const F64_CONST = 0x44;
export const V128_CONST = SIMD + 12;
export const MEMORY_COPY = BULK + 10;
export const MEMORY_FILL = BULK + 11;

/** Instructions that take values and give one, by name (`i32_add` is i32.add); loads and stores take an offset. */
export const W = {
  select: 0x1b,
  i32_load: 0x28,
  i64_load: 0x29,
  f32_load: 0x2a,
  f64_load: 0x2b,
  i32_load8_s: 0x2c,
  i32_load8_u: 0x2d,
  i32_load16_s: 0x2e,
  i32_load16_u: 0x2f,
  i64_load8_s: 0x30,
  i64_load8_u: 0x31,
  i64_load16_s: 0x32,
  i64_load16_u: 0x33,
  i64_load32_s: 0x34,
  i64_load32_u: 0x35,
  i32_store: 0x36,
  i64_store: 0x37,
  f32_store: 0x38,
  f64_store: 0x39,
  i32_store8: 0x3a,
  i32_store16: 0x3b,
  i64_store8: 0x3c,
  i64_store16: 0x3d,
  i64_store32: 0x3e,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_gt_u: 0x4b,
  i32_le_s: 0x4c,
  i32_le_u: 0x4d,
  i32_ge_s: 0x4e,
  i32_ge_u: 0x4f,
  i64_eqz: 0x50,
  i64_eq: 0x51,
  i64_ne: 0x52,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_gt_s: 0x55,
  i64_gt_u: 0x56,
  i64_le_s: 0x57,
  i64_le_u: 0x58,
  i64_ge_s: 0x59,
  i64_ge_u: 0x5a,
  f32_eq: 0x5b,
  f32_ne: 0x5c,
  f32_lt: 0x5d,
  f32_gt: 0x5e,
  f32_le: 0x5f,
  f32_ge: 0x60,
  f64_eq: 0x61,
  f64_ne: 0x62,
  f64_lt: 0x63,
  f64_gt: 0x64,
  f64_le: 0x65,
  f64_ge: 0x66,
  i32_clz: 0x67,
  i32_ctz: 0x68,
  i32_popcnt: 0x69,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_s: 0x6d,
  i32_div_u: 0x6e,
  i32_rem_s: 0x6f,
  i32_rem_u: 0x70,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_s: 0x75,
  i32_shr_u: 0x76,
  i32_rotl: 0x77,
  i32_rotr: 0x78,
  i64_clz: 0x79,
  i64_ctz: 0x7a,
  i64_popcnt: 0x7b,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  i64_div_s: 0x7f,
  i64_div_u: 0x80,
  i64_rem_s: 0x81,
  i64_rem_u: 0x82,
  i64_and: 0x83,
  i64_or: 0x84,
  i64_xor: 0x85,
  i64_shl: 0x86,
  i64_shr_s: 0x87,
  i64_shr_u: 0x88,
  i64_rotl: 0x89,
  i64_rotr: 0x8a,
  f32_abs: 0x8b,
  f32_neg: 0x8c,
  f32_ceil: 0x8d,
  f32_floor: 0x8e,
  f32_trunc: 0x8f,
  f32_nearest: 0x90,
  f32_sqrt: 0x91,
  f32_add: 0x92,
  f32_sub: 0x93,
  f32_mul: 0x94,
  f32_div: 0x95,
  f32_min: 0x96,
  f32_max: 0x97,
  f32_copysign: 0x98,
  f64_abs: 0x99,
  f64_neg: 0x9a,
  f64_ceil: 0x9b,
  f64_floor: 0x9c,
  f64_trunc: 0x9d,
  f64_nearest: 0x9e,
  f64_sqrt: 0x9f,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  f64_min: 0xa4,
  f64_max: 0xa5,
  f64_copysign: 0xa6,
  i32_wrap_i64: 0xa7,
  i32_trunc_f32_s: 0xa8,
  i32_trunc_f64_s: 0xaa,
  i64_extend_i32_s: 0xac,
  i64_extend_i32_u: 0xad,
  i64_trunc_f64_s: 0xb0,
  f32_convert_i32_s: 0xb2,
  f32_demote_f64: 0xb6,
  f64_convert_i32_s: 0xb7,
  f64_convert_i32_u: 0xb8,
  f64_convert_i64_s: 0xb9,
  f64_promote_f32: 0xbb,
  i32_reinterpret_f32: 0xbc,
  i64_reinterpret_f64: 0xbd,
  f32_reinterpret_i32: 0xbe,
  f64_reinterpret_i64: 0xbf,
  i32_extend8_s: 0xc0,
  i32_extend16_s: 0xc1,
  i64_extend8_s: 0xc2,
  i64_extend16_s: 0xc3,
  i64_extend32_s: 0xc4,
  v128_load: SIMD + 0,
  v128_load8x8_s: SIMD + 1,
  v128_load8x8_u: SIMD + 2,
  v128_load16x4_s: SIMD + 3,
  v128_load16x4_u: SIMD + 4,
  v128_load32x2_s: SIMD + 5,
  v128_load32x2_u: SIMD + 6,
  v128_load8_splat: SIMD + 7,
  v128_load16_splat: SIMD + 8,
  v128_load32_splat: SIMD + 9,
  v128_load64_splat: SIMD + 10,
  v128_store: SIMD + 11,
  i8x16_shuffle: SIMD + 13,
  i8x16_swizzle: SIMD + 14,
  i8x16_splat: SIMD + 15,
  i16x8_splat: SIMD + 16,
  i32x4_splat: SIMD + 17,
  i64x2_splat: SIMD + 18,
  f32x4_splat: SIMD + 19,
  f64x2_splat: SIMD + 20,
  i8x16_extract_lane_s: SIMD + 21,
  i8x16_extract_lane_u: SIMD + 22,
  i8x16_replace_lane: SIMD + 23,
  i16x8_extract_lane_s: SIMD + 24,
  i16x8_extract_lane_u: SIMD + 25,
  i16x8_replace_lane: SIMD + 26,
  i32x4_extract_lane: SIMD + 27,
  i32x4_replace_lane: SIMD + 28,
  i64x2_extract_lane: SIMD + 29,
  i64x2_replace_lane: SIMD + 30,
  f32x4_extract_lane: SIMD + 31,
  f32x4_replace_lane: SIMD + 32,
  f64x2_extract_lane: SIMD + 33,
  f64x2_replace_lane: SIMD + 34,
  i8x16_eq: SIMD + 35,
  i8x16_ne: SIMD + 36,
  i8x16_lt_s: SIMD + 37,
  i8x16_lt_u: SIMD + 38,
  i8x16_gt_s: SIMD + 39,
  i8x16_gt_u: SIMD + 40,
  i8x16_le_s: SIMD + 41,
  i8x16_le_u: SIMD + 42,
  i8x16_ge_s: SIMD + 43,
  i8x16_ge_u: SIMD + 44,
  i16x8_eq: SIMD + 45,
  i16x8_ne: SIMD + 46,
  i16x8_lt_s: SIMD + 47,
  i16x8_lt_u: SIMD + 48,
  i16x8_gt_s: SIMD + 49,
  i16x8_gt_u: SIMD + 50,
  i16x8_le_s: SIMD + 51,
  i16x8_le_u: SIMD + 52,
  i16x8_ge_s: SIMD + 53,
  i16x8_ge_u: SIMD + 54,
  i32x4_eq: SIMD + 55,
  i32x4_ne: SIMD + 56,
  i32x4_lt_s: SIMD + 57,
  i32x4_lt_u: SIMD + 58,
  i32x4_gt_s: SIMD + 59,
  i32x4_gt_u: SIMD + 60,
  i32x4_le_s: SIMD + 61,
  i32x4_le_u: SIMD + 62,
  i32x4_ge_s: SIMD + 63,
  i32x4_ge_u: SIMD + 64,
  f32x4_eq: SIMD + 65,
  f32x4_ne: SIMD + 66,
  f32x4_lt: SIMD + 67,
  f32x4_gt: SIMD + 68,
  f32x4_le: SIMD + 69,
  f32x4_ge: SIMD + 70,
  f64x2_eq: SIMD + 71,
  f64x2_ne: SIMD + 72,
  f64x2_lt: SIMD + 73,
  f64x2_gt: SIMD + 74,
  f64x2_le: SIMD + 75,
  f64x2_ge: SIMD + 76,
  v128_not: SIMD + 77,
  v128_and: SIMD + 78,
  v128_andnot: SIMD + 79,
  v128_or: SIMD + 80,
  v128_xor: SIMD + 81,
  v128_bitselect: SIMD + 82,
  v128_any_true: SIMD + 83,
  v128_load32_zero: SIMD + 92,
  v128_load64_zero: SIMD + 93,
  f32x4_demote_f64x2_zero: SIMD + 94,
  f64x2_promote_low_f32x4: SIMD + 95,
  i8x16_abs: SIMD + 96,
  i8x16_neg: SIMD + 97,
  i8x16_popcnt: SIMD + 98,
  i8x16_all_true: SIMD + 99,
  i8x16_bitmask: SIMD + 100,
  i8x16_narrow_i16x8_s: SIMD + 101,
  i8x16_narrow_i16x8_u: SIMD + 102,
  f32x4_ceil: SIMD + 103,
  f32x4_floor: SIMD + 104,
  f32x4_trunc: SIMD + 105,
  f32x4_nearest: SIMD + 106,
  i8x16_shl: SIMD + 107,
  i8x16_shr_s: SIMD + 108,
  i8x16_shr_u: SIMD + 109,
  i8x16_add: SIMD + 110,
  i8x16_add_sat_s: SIMD + 111,
  i8x16_add_sat_u: SIMD + 112,
  i8x16_sub: SIMD + 113,
  i8x16_sub_sat_s: SIMD + 114,
  i8x16_sub_sat_u: SIMD + 115,
  f64x2_ceil: SIMD + 116,
  f64x2_floor: SIMD + 117,
  i8x16_min_s: SIMD + 118,
  i8x16_min_u: SIMD + 119,
  i8x16_max_s: SIMD + 120,
  i8x16_max_u: SIMD + 121,
  f64x2_trunc: SIMD + 122,
  i8x16_avgr_u: SIMD + 123,
  i16x8_extadd_pairwise_i8x16_s: SIMD + 124,
  i16x8_extadd_pairwise_i8x16_u: SIMD + 125,
  i32x4_extadd_pairwise_i16x8_s: SIMD + 126,
  i32x4_extadd_pairwise_i16x8_u: SIMD + 127,
  i16x8_abs: SIMD + 128,
  i16x8_neg: SIMD + 129,
  i16x8_q15mulr_sat_s: SIMD + 130,
  i16x8_all_true: SIMD + 131,
  i16x8_bitmask: SIMD + 132,
  i16x8_narrow_i32x4_s: SIMD + 133,
  i16x8_narrow_i32x4_u: SIMD + 134,
  i16x8_extend_low_i8x16_s: SIMD + 135,
  i16x8_extend_high_i8x16_s: SIMD + 136,
  i16x8_extend_low_i8x16_u: SIMD + 137,
  i16x8_extend_high_i8x16_u: SIMD + 138,
  i16x8_shl: SIMD + 139,
  i16x8_shr_s: SIMD + 140,
  i16x8_shr_u: SIMD + 141,
  i16x8_add: SIMD + 142,
  i16x8_add_sat_s: SIMD + 143,
  i16x8_add_sat_u: SIMD + 144,
  i16x8_sub: SIMD + 145,
  i16x8_sub_sat_s: SIMD + 146,
  i16x8_sub_sat_u: SIMD + 147,
  f64x2_nearest: SIMD + 148,
  i16x8_mul: SIMD + 149,
  i16x8_min_s: SIMD + 150,
  i16x8_min_u: SIMD + 151,
  i16x8_max_s: SIMD + 152,
  i16x8_max_u: SIMD + 153,
  i16x8_avgr_u: SIMD + 155,
  i16x8_extmul_low_i8x16_s: SIMD + 156,
  i16x8_extmul_high_i8x16_s: SIMD + 157,
  i16x8_extmul_low_i8x16_u: SIMD + 158,
  i16x8_extmul_high_i8x16_u: SIMD + 159,
  i32x4_abs: SIMD + 160,
  i32x4_neg: SIMD + 161,
  i32x4_all_true: SIMD + 163,
  i32x4_bitmask: SIMD + 164,
  i32x4_extend_low_i16x8_s: SIMD + 167,
  i32x4_extend_high_i16x8_s: SIMD + 168,
  i32x4_extend_low_i16x8_u: SIMD + 169,
  i32x4_extend_high_i16x8_u: SIMD + 170,
  i32x4_shl: SIMD + 171,
  i32x4_shr_s: SIMD + 172,
  i32x4_shr_u: SIMD + 173,
  i32x4_add: SIMD + 174,
  i32x4_sub: SIMD + 177,
  i32x4_mul: SIMD + 181,
  i32x4_min_s: SIMD + 182,
  i32x4_min_u: SIMD + 183,
  i32x4_max_s: SIMD + 184,
  i32x4_max_u: SIMD + 185,
  i32x4_dot_i16x8_s: SIMD + 186,
  i32x4_extmul_low_i16x8_s: SIMD + 188,
  i32x4_extmul_high_i16x8_s: SIMD + 189,
  i32x4_extmul_low_i16x8_u: SIMD + 190,
  i32x4_extmul_high_i16x8_u: SIMD + 191,
  i64x2_abs: SIMD + 192,
  i64x2_neg: SIMD + 193,
  i64x2_all_true: SIMD + 195,
  i64x2_bitmask: SIMD + 196,
  i64x2_extend_low_i32x4_s: SIMD + 199,
  i64x2_extend_high_i32x4_s: SIMD + 200,
  i64x2_extend_low_i32x4_u: SIMD + 201,
  i64x2_extend_high_i32x4_u: SIMD + 202,
  i64x2_shl: SIMD + 203,
  i64x2_shr_s: SIMD + 204,
  i64x2_shr_u: SIMD + 205,
  i64x2_add: SIMD + 206,
  i64x2_sub: SIMD + 209,
  i64x2_mul: SIMD + 213,
  i64x2_eq: SIMD + 214,
  i64x2_ne: SIMD + 215,
  i64x2_lt_s: SIMD + 216,
  i64x2_gt_s: SIMD + 217,
  i64x2_le_s: SIMD + 218,
  i64x2_ge_s: SIMD + 219,
  i64x2_extmul_low_i32x4_s: SIMD + 220,
  i64x2_extmul_high_i32x4_s: SIMD + 221,
  i64x2_extmul_low_i32x4_u: SIMD + 222,
  i64x2_extmul_high_i32x4_u: SIMD + 223,
  f32x4_abs: SIMD + 224,
  f32x4_neg: SIMD + 225,
  f32x4_sqrt: SIMD + 227,
  f32x4_add: SIMD + 228,
  f32x4_sub: SIMD + 229,
  f32x4_mul: SIMD + 230,
  f32x4_div: SIMD + 231,
  f32x4_min: SIMD + 232,
  f32x4_max: SIMD + 233,
  f64x2_abs: SIMD + 236,
  f64x2_neg: SIMD + 237,
  f64x2_sqrt: SIMD + 239,
  f64x2_add: SIMD + 240,
  f64x2_sub: SIMD + 241,
  f64x2_mul: SIMD + 242,
  f64x2_div: SIMD + 243,
  f64x2_min: SIMD + 244,
  f64x2_max: SIMD + 245,
  i32x4_trunc_sat_f32x4_s: SIMD + 248,
  i32x4_trunc_sat_f32x4_u: SIMD + 249,
  f32x4_convert_i32x4_s: SIMD + 250,
  f32x4_convert_i32x4_u: SIMD + 251,
  i32x4_trunc_sat_f64x2_s_zero: SIMD + 252,
  i32x4_trunc_sat_f64x2_u_zero: SIMD + 253,
  f64x2_convert_low_i32x4_s: SIMD + 254,
  f64x2_convert_low_i32x4_u: SIMD + 255,
} as const;

export type Opcode = number;

let names: Map<Opcode, string> | undefined;

/** Made when something is written: programs that end before do not pay for it. */
const nameIn = (code: Opcode): string | undefined =>
  (names ??= new Map(Object.entries(W).map(([name, code]) => [code, name.replace("_", ".")]))).get(code);

/** As the specification writes it. */
export const nameOf = (code: Opcode): string => nameIn(code) ?? `0x${code.toString(16)}`;

/** Loads and stores, behind which an alignment and an offset stand. */
export const isAccess = (code: Opcode): boolean => /\.(load|store)/.test(nameIn(code) ?? "");

/** How many lanes are named behind an instruction: one that is taken or replaced, or all of a shuffle. */
export const lanesBehind = (code: Opcode): number =>
  code === W.i8x16_shuffle ? 16 : /_lane(_|$)/.test(nameIn(code) ?? "") ? 1 : 0;

/**
 * What scalar instructions give, each from its code to the next: memory, comparisons, arithmetic, conversions. Their names
 * say it too, but to make the map of all names takes a good part of the first milliseconds of compiling.
 */
const scalars = new Uint8Array(0xc5);
const runs = [
  ...[0x00, I32, 0x29, I64, 0x2a, F32, 0x2b, F64, 0x2c, I32, 0x30, I64, 0x36, I32],
  ...[0x79, I64, 0x8b, F32, 0x99, F64, 0xa7, I32, 0xac, I64, 0xb2, F32, 0xb7, F64],
  ...[0xbc, I32, 0xbd, I64, 0xbe, F32, 0xbf, F64, 0xc0, I32, 0xc2, I64],
];
for (let i = 0; i < runs.length; i += 2) scalars.fill(runs[i + 1]!, runs[i]);

const TYPES: Readonly<Record<string, ValueType>> = { i32: I32, i64: I64, f32: F32, f64: F64 };

/** What a vector instruction gives, which its name tells. */
function typeOfResult(name: string): ValueType {
  const [type = "", operation = ""] = name.split(".");
  if (/^(any_true|all_true|bitmask)$/.test(operation)) return I32;
  return operation.startsWith("extract_lane") ? (TYPES[type.split("x")[0]!] ?? I32) : V128;
}

const results = new Map<Opcode, ValueType>();

/** What an instruction of the list above gives. */
export function resultOf(code: Opcode): ValueType {
  const known = scalars[code] ?? results.get(code);
  if (known !== undefined) return known as ValueType;
  const name = nameIn(code);
  if (name === undefined) throw new Error(`no instruction has the code 0x${code.toString(16)}`);
  const type = typeOfResult(name);
  results.set(code, type);
  return type;
}
