/** The operations, by the names of the WebAssembly specification (core, 5.4), as functions from code to code. */

/** Bytes of code, in pieces: they are put in a row when a function is finished. */
export type Code = number | readonly Code[];

/** LEB128 of an unsigned 32-bit number. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const more = rest > 0x7f;
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest >>>= 7;
  } while (rest !== 0);
  return bytes;
}

/** LEB128 of a signed 32-bit number. */
function signed32(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0; ; rest >>= 7) {
    const byte = rest & 0x7f;
    if (rest >> 6 === 0 || rest >> 6 === -1) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}

/** LEB128 of a signed number. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const byte = Number(rest & 0x7fn);
    if (rest >> 6n === 0n || rest >> 6n === -1n) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}

const join = (...parts: Code[]): Code => parts;
const one =
  (...opcode: number[]) =>
  (a: Code): Code => [a, opcode];
const two =
  (...opcode: number[]) =>
  (a: Code, b: Code): Code => [a, b, opcode];
/** Any alignment: addresses of guests have none. */
const loading =
  (...opcode: number[]) =>
  (at: Code, offset = 0): Code => [at, opcode, 0, unsigned(offset)];
const storing =
  (...opcode: number[]) =>
  (at: Code, value: Code, offset = 0): Code => [at, value, opcode, 0, unsigned(offset)];

const vector = (number: number): number[] => [0xfd, ...unsigned(number)];

// Control ----------------------------------------------------------------------------------------------------

const EMPTY = 0x40;
export const sequence = join;
export const block = (...body: Code[]): Code => [0x02, EMPTY, body, 0x0b];
export const loop = (...body: Code[]): Code => [0x03, EMPTY, body, 0x0b];
export const when = (condition: Code, then: Code, otherwise?: Code): Code => [
  condition,
  0x04,
  EMPTY,
  then,
  otherwise === undefined ? [] : [0x05, otherwise],
  0x0b,
];
export const br = (depth: number): Code => [0x0c, ...unsigned(depth)];
export const brIf = (depth: number, condition: Code): Code => [condition, 0x0d, unsigned(depth)];
export const giveBack = (...values: Code[]): Code => [values, 0x0f];
export const select = (yes: Code, no: Code, condition: Code): Code => [yes, no, condition, 0x1b];

// Numbers ----------------------------------------------------------------------------------------------------

export const i32 = {
  const: (value: number): Code => [0x41, signed32(value)],
  load: loading(0x28),
  load8_u: loading(0x2d),
  load16_s: loading(0x2e),
  load16_u: loading(0x2f),
  store: storing(0x36),
  store8: storing(0x3a),
  store16: storing(0x3b),
  eqz: one(0x45),
  eq: two(0x46),
  ne: two(0x47),
  lt_s: two(0x48),
  lt_u: two(0x49),
  gt_s: two(0x4a),
  gt_u: two(0x4b),
  le_s: two(0x4c),
  le_u: two(0x4d),
  ge_s: two(0x4e),
  ge_u: two(0x4f),
  clz: one(0x67),
  add: two(0x6a),
  sub: two(0x6b),
  mul: two(0x6c),
  and: two(0x71),
  or: two(0x72),
  xor: two(0x73),
  shl: two(0x74),
  shr_s: two(0x75),
  shr_u: two(0x76),
  wrap_i64: one(0xa7),
  reinterpret_f32: one(0xbc),
};

export const i64 = {
  const: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  load: loading(0x29),
  store: storing(0x37),
  store16: storing(0x3d),
  store32: storing(0x3e),
  eqz: one(0x50),
  eq: two(0x51),
  ne: two(0x52),
  lt_s: two(0x53),
  lt_u: two(0x54),
  gt_s: two(0x55),
  gt_u: two(0x56),
  le_u: two(0x58),
  ge_s: two(0x59),
  ge_u: two(0x5a),
  clz: one(0x79),
  add: two(0x7c),
  sub: two(0x7d),
  mul: two(0x7e),
  div_u: two(0x80),
  and: two(0x83),
  or: two(0x84),
  xor: two(0x85),
  shl: two(0x86),
  shr_s: two(0x87),
  shr_u: two(0x88),
  extend_i32_s: one(0xac),
  extend_i32_u: one(0xad),
  extend16_s: one(0xc3),
  extend32_s: one(0xc4),
};

const floats = (first: {
  load: number;
  store: number;
  compare: number;
  arithmetic: number;
  width: 4 | 8;
  literal: number;
}) => ({
  const: (value: number): Code => [
    first.literal,
    ...new Uint8Array((first.width === 4 ? Float32Array : Float64Array).of(value).buffer),
  ],
  load: loading(first.load),
  store: storing(first.store),
  eq: two(first.compare),
  ne: two(first.compare + 1),
  lt: two(first.compare + 2),
  gt: two(first.compare + 3),
  le: two(first.compare + 4),
  ge: two(first.compare + 5),
  abs: one(first.arithmetic),
  sqrt: one(first.arithmetic + 6),
  add: two(first.arithmetic + 7),
  sub: two(first.arithmetic + 8),
  mul: two(first.arithmetic + 9),
  div: two(first.arithmetic + 10),
  promote_f32: one(0xbb),
});
export const f32 = floats({
  load: 0x2a,
  store: 0x38,
  compare: 0x5b,
  arithmetic: 0x8b,
  width: 4,
  literal: 0x43,
});
export const f64 = floats({
  load: 0x2b,
  store: 0x39,
  compare: 0x61,
  arithmetic: 0x99,
  width: 8,
  literal: 0x44,
});

export const v128 = {
  load: loading(...vector(0)),
  load32_zero: loading(...vector(92)),
  load64_zero: loading(...vector(93)),
  store: storing(...vector(11)),
  const: (bytes: Code): Code => [vector(12), bytes],
  splat32: one(...vector(17)),
  not: one(...vector(77)),
  and: two(...vector(78)),
  or: two(...vector(80)),
  xor: two(...vector(81)),
  any_true: one(...vector(83)),
};

const lanes = (compare: number, arithmetic: number) => ({
  eq: two(...vector(compare)),
  ne: two(...vector(compare + 1)),
  lt: two(...vector(compare + 2)),
  gt: two(...vector(compare + 3)),
  le: two(...vector(compare + 4)),
  ge: two(...vector(compare + 5)),
  abs: one(...vector(arithmetic)),
  sqrt: one(...vector(arithmetic + 3)),
  add: two(...vector(arithmetic + 4)),
  sub: two(...vector(arithmetic + 5)),
  mul: two(...vector(arithmetic + 6)),
  div: two(...vector(arithmetic + 7)),
});
export const f32x4 = lanes(65, 224);
export const f64x2 = lanes(71, 236);

export const pure = {
  bitselect: (yes: Code, no: Code, condition: Code): Code => join(yes, no, condition, vector(82)),
  /** The two lower singles as doubles. */
  promote_low: one(...vector(95)),
  swapHalves: (a: Code): Code =>
    join(a, a, vector(13), [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]),
};

/** Alternately from both operands, `size` bytes at a time, the first 8 bytes or the others. */
const interleaved = (size: number, from: 0 | 8): readonly number[] =>
  Array.from({ length: 16 }, (_, at) => {
    const unit = Math.floor(at / size);
    return from + (unit >> 1) * size + (at % size) + (unit & 1 ? 16 : 0);
  });

/** Integer instructions of x86 on 16 bytes by their names there: the number in the SIMD group, or a shuffle. */
export const integerCodes: Readonly<Record<string, number | readonly number[]>> = {
  paddb: 110,
  paddsb: 111,
  paddusb: 112,
  psubb: 113,
  psubsb: 114,
  psubusb: 115,
  pminub: 119,
  pmaxub: 121,
  pavgb: 123,
  pcmpeqb: 35,
  pcmpgtb: 39,
  paddw: 142,
  paddsw: 143,
  paddusw: 144,
  psubw: 145,
  psubsw: 146,
  psubusw: 147,
  pmullw: 149,
  pminsw: 150,
  pmaxsw: 152,
  pavgw: 155,
  pcmpeqw: 45,
  pcmpgtw: 49,
  pmaddwd: 186,
  packsswb: 101,
  packuswb: 102,
  packssdw: 133,
  paddd: 174,
  psubd: 177,
  pcmpeqd: 55,
  pcmpgtd: 59,
  paddq: 206,
  psubq: 209,
  punpcklbw: interleaved(1, 0),
  punpckhbw: interleaved(1, 8),
  punpcklwd: interleaved(2, 0),
  punpckhwd: interleaved(2, 8),
  punpckldq: interleaved(4, 0),
  punpckhdq: interleaved(4, 8),
  punpcklqdq: interleaved(8, 0),
  punpckhqdq: interleaved(8, 8),
};

/** The same as functions. */
export const integers: Readonly<Record<string, (a: Code, b: Code) => Code>> = Object.fromEntries(
  Object.entries(integerCodes).map(([name, code]) => [
    name,
    typeof code === "number" ? two(...vector(code)) : (a: Code, b: Code): Code => [a, b, vector(13), code],
  ]),
);
