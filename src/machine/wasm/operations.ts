/** The operations, by the names of the WebAssembly specification (core, 5.4), as functions from code to code. */

/** Bytes of code. */
export type Code = readonly number[];

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

/** LEB128 of a signed number. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && !(byte & 0x40)) || (rest === -1n && byte & 0x40)) {
      bytes.push(byte);
      return bytes;
    }
    bytes.push(byte | 0x80);
  }
}

const join = (...parts: Code[]): Code => parts.flat();
const one =
  (...opcode: number[]) =>
  (a: Code): Code =>
    join(a, opcode);
const two =
  (...opcode: number[]) =>
  (a: Code, b: Code): Code =>
    join(a, b, opcode);
/** Any alignment: addresses of guests have none. */
const loading =
  (...opcode: number[]) =>
  (at: Code, offset = 0): Code =>
    join(at, opcode, [0], unsigned(offset));
const storing =
  (...opcode: number[]) =>
  (at: Code, value: Code, offset = 0): Code =>
    join(at, value, opcode, [0], unsigned(offset));

const vector = (number: number): number[] => [0xfd, ...unsigned(number)];

// Control ----------------------------------------------------------------------------------------------------

const EMPTY = 0x40;
export const sequence = join;
export const block = (...body: Code[]): Code => join([0x02, EMPTY], ...body, [0x0b]);
export const loop = (...body: Code[]): Code => join([0x03, EMPTY], ...body, [0x0b]);
export const when = (condition: Code, then: Code, otherwise?: Code): Code =>
  join(condition, [0x04, EMPTY], then, otherwise ? join([0x05], otherwise) : [], [0x0b]);
export const br = (depth: number): Code => [0x0c, ...unsigned(depth)];
export const brIf = (depth: number, condition: Code): Code => join(condition, [0x0d], unsigned(depth));
export const giveBack = (...values: Code[]): Code => join(...values, [0x0f]);
export const select = (yes: Code, no: Code, condition: Code): Code => join(yes, no, condition, [0x1b]);

// Numbers ----------------------------------------------------------------------------------------------------

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value | 0))],
  load: loading(0x28),
  load8_u: loading(0x2d),
  load16_s: loading(0x2e),
  load16_u: loading(0x2f),
  store: storing(0x36),
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
  const: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
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

export const f64 = {
  const: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  load: loading(0x2b),
  add: two(0xa0),
  sub: two(0xa1),
  mul: two(0xa2),
  div: two(0xa3),
  sqrt: one(0x9f),
  convert_i64_u: one(0xba),
  promote_f32: one(0xbb),
  reinterpret_i64: one(0xbf),
};
export const i64_trunc_sat_f64_u = one(0xfc, 7);

export const v128 = {
  load: loading(...vector(0)),
  load32_zero: loading(...vector(92)),
  load64_zero: loading(...vector(93)),
  store: storing(...vector(11)),
  const: (bytes: Code): Code => [...vector(12), ...bytes],
  not: one(...vector(77)),
  and: two(...vector(78)),
  andnot: two(...vector(79)),
  or: two(...vector(80)),
  xor: two(...vector(81)),
  any_true: one(...vector(83)),
};
