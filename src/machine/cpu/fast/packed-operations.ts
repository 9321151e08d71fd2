/**
 * Packed integers: what instructions of MMX and of SSE compute with their two operands, by their names. A value has 16
 * bytes; of MMX the first 8 count, and what is in the others does not matter. SDM vol. 2.
 *
 * What a value is, whoever makes one says: the compiler's are of its IR, those of the fast functions are expressions.
 */
import { I32, I64, type Opcode, V128, type ValueType, W } from "../../wasm/index.ts";
import { packed as same } from "./packed.ts";

/** Makes values: WebAssembly's instructions on others, and constants. */
export interface Maker<Value> {
  pure(opcode: Opcode, x: Value, y?: Value, z?: Value): Value;
  /** The same with lanes behind it. */
  pureWith(opcode: Opcode, type: ValueType, lanes: readonly number[], x: Value, y?: Value): Value;
  const(value: number): Value;
  wide(type: ValueType, value: bigint | readonly number[]): Value;
  select(condition: Value, yes: Value, no: Value): Value;
}

/** `bytes`: 8 or 16 of each that count. */
export type Packed = <Value>(b: Maker<Value>, x: Value, y: Value, bytes: number, immediate: number) => Value;

export const ZEROS: readonly number[] = new Array<number>(16).fill(0);

export const zero = <Value>(b: Maker<Value>): Value => b.wide(V128, ZEROS);

/** Bytes 0 to 15 of x, 16 to 31 of y. */
export const shuffle = <Value>(b: Maker<Value>, x: Value, y: Value, pattern: readonly number[]): Value =>
  b.pureWith(W.i8x16_shuffle, V128, pattern, x, y);

/** A vector of lanes of 2, 4 or 8 bytes that are all this. */
function splat<Value>(b: Maker<Value>, value: number, size: 1 | 2 | 4 | 8): Value {
  return b.wide(
    V128,
    ZEROS.map((_, at) => (at % size < 4 ? (value >>> (8 * (at % size))) & 0xff : 0)),
  );
}

const two =
  (opcode: Opcode): Packed =>
  (b, x, y) =>
    b.pure(opcode, x, y);
/** Of the second operand alone. */
const one =
  (opcode: Opcode): Packed =>
  (b, _, y) =>
    b.pure(opcode, y);

/** The halves of x and y that count, one behind the other. */
const joined = <Value>(b: Maker<Value>, x: Value, y: Value, bytes: number): Value =>
  bytes === 16
    ? x
    : shuffle(
        b,
        x,
        y,
        ZEROS.map((_, at) => (at < 8 ? at : at + 8)),
      );

/** Lanes of both in half the bits: those of x, then those of y. */
const narrowed =
  (opcode: Opcode): Packed =>
  (b, x, y, bytes) => {
    if (bytes === 16) return b.pure(opcode, x, y);
    const both = joined(b, x, y, bytes);
    return b.pure(opcode, both, both);
  };

/** Lanes of both alternately. Of 8 bytes the upper half is the second one of what 16 bytes give for the lower. */
const interleaved =
  (name: string, upper: boolean): Packed =>
  (b, x, y, bytes) => {
    const low = same[name.replace("h", "l")] as readonly number[];
    if (bytes === 16) return shuffle(b, x, y, same[name] as readonly number[]);
    const both = shuffle(b, x, y, low);
    return upper
      ? shuffle(
          b,
          both,
          both,
          ZEROS.map((_, at) => 8 + (at & 7)),
        )
      : both;
  };

/** Every second lane of x, then of y: the first ones, or the others. */
function everySecond<Value>(
  b: Maker<Value>,
  x: Value,
  y: Value,
  bytes: number,
  size: number,
  other: 0 | 1,
): Value {
  const lanes = bytes / size;
  const pattern = ZEROS.map((_, at) => {
    const lane = Math.floor(at / size) % lanes;
    const from = 2 * (lane % (lanes / 2)) + other;
    return (lane < lanes / 2 ? 0 : 16) + from * size + (at % size);
  });
  return shuffle(b, x, y, pattern);
}

const horizontal =
  (opcode: Opcode, size: number): Packed =>
  (b, x, y, bytes) =>
    b.pure(opcode, everySecond(b, x, y, bytes, size, 0), everySecond(b, x, y, bytes, size, 1));

/** Negated where y is negative, zero where it is zero. */
const signed =
  (less: Opcode, equal: Opcode, subtract: Opcode): Packed =>
  (b, x, y) => {
    const none = zero(b);
    const minus = b.pure(less, y, none);
    const turned = b.pure(subtract, b.pure(W.v128_xor, x, minus), minus);
    return b.pure(W.v128_andnot, turned, b.pure(equal, y, none));
  };

/** The upper halves of products of words. */
const upperProducts =
  (low: Opcode, high: Opcode, shift: Opcode, narrow: Opcode): Packed =>
  (b, x, y, bytes) => {
    const sixteen = b.const(16);
    const first = b.pure(shift, b.pure(low, x, y), sixteen);
    return b.pure(narrow, first, bytes === 8 ? first : b.pure(shift, b.pure(high, x, y), sixteen));
  };

/** (x y / 2^14 + 1) / 2: as WebAssembly has it, but for the square of -32768, which is not limited. */
const roundedProducts: Packed = (b, x, y) => {
  const least = splat(b, 0x8000, 2);
  const product = b.pure(W.i16x8_q15mulr_sat_s, x, y);
  const both = b.pure(W.v128_and, b.pure(W.i16x8_eq, x, least), b.pure(W.i16x8_eq, y, least));
  return b.pure(W.v128_xor, product, both);
};

/** Products of the first dword of each quadword. */
const evenProducts =
  (opcode: Opcode): Packed =>
  (b, x, y) => {
    const evens = ZEROS.map((_, at) => (at & 3) + 8 * ((at >> 2) & 1));
    return b.pure(opcode, shuffle(b, x, x, evens), shuffle(b, y, y, evens));
  };

/** Unsigned bytes times signed ones, neighbours added, with limits. */
const mixedProducts: Packed = (b, x, y) => {
  const eight = b.const(8);
  const evens = b.pure(
    W.i16x8_mul,
    b.pure(W.v128_and, x, splat(b, 0xff, 2)),
    b.pure(W.i16x8_shr_s, b.pure(W.i16x8_shl, y, eight), eight),
  );
  const odds = b.pure(W.i16x8_mul, b.pure(W.i16x8_shr_u, x, eight), b.pure(W.i16x8_shr_s, y, eight));
  return b.pure(W.i16x8_add_sat_s, evens, odds);
};

const distances = <Value>(b: Maker<Value>, x: Value, y: Value): Value =>
  b.pure(W.v128_or, b.pure(W.i8x16_sub_sat_u, x, y), b.pure(W.i8x16_sub_sat_u, y, x));

/** The sum of eight distances in each quadword. */
const sumsOfDistances: Packed = (b, x, y) => {
  const words = b.pure(W.i16x8_extadd_pairwise_i8x16_u, distances(b, x, y));
  const dwords = b.pure(W.i32x4_extadd_pairwise_i16x8_u, words);
  const sums = b.pure(W.i64x2_add, dwords, b.pure(W.i64x2_shr_u, dwords, b.const(32)));
  return b.pure(W.v128_and, sums, splat(b, 0xffff, 8));
};

/** Distances of four bytes from eight places in x to one place in y. SDM vol. 2B, MPSADBW. */
const manySums: Packed = (b, x, y, _, immediate) => {
  const none = zero(b);
  const bytesAsWords = (byteOf: (lane: number) => number): readonly number[] =>
    ZEROS.map((_, at) => (at & 1 ? 16 : byteOf(at >> 1)));
  const sums = [0, 1, 2, 3].map((i) => {
    const left = shuffle(
      b,
      x,
      none,
      bytesAsWords((lane) => (immediate & 4) + lane + i),
    );
    const right = shuffle(
      b,
      y,
      none,
      bytesAsWords(() => (immediate & 3) * 4 + i),
    );
    return b.pure(W.i16x8_abs, b.pure(W.i16x8_sub, left, right));
  });
  return sums.reduce((sum, each) => b.pure(W.i16x8_add, sum, each));
};

/** Bytes of x by the numbers in y; zero where they are negative. */
const chosenBytes: Packed = (b, x, y, bytes) =>
  b.pure(W.i8x16_swizzle, x, b.pure(W.v128_and, y, splat(b, 0x80 | (bytes - 1), 1)));

/** Bytes from `immediate` on of y with x behind it, with zeros behind that. */
const aligned: Packed = (b, x, y, bytes, immediate) => {
  const beyond = immediate >= bytes;
  const by = beyond ? immediate - bytes : immediate;
  const [first, second] = beyond ? [x, zero(b)] : [y, x];
  return shuffle(
    b,
    first,
    second,
    ZEROS.map((_, at) => {
      const from = by + (at % bytes);
      return from < bytes ? from : from < 2 * bytes ? 16 + from - bytes : beyond ? 16 : 0;
    }),
  );
};

/** Four words of y by two bits each, from word `first` on; the others as they are. */
const words =
  (first: number): Packed =>
  (b, _, y, __, immediate) =>
    shuffle(
      b,
      y,
      y,
      ZEROS.map((_, at) => {
        const word = at >> 1;
        if (word < first || word >= first + 4) return at;
        return 2 * (first + ((immediate >> (2 * (word - first))) & 3)) + (at & 1);
      }),
    );

/** Lanes of y where a bit is set, of x elsewhere. */
const blend =
  (size: number): Packed =>
  (b, x, y, _, immediate) =>
    shuffle(
      b,
      x,
      y,
      ZEROS.map((_, at) => at + ((immediate >> Math.floor(at / size)) & 1 ? 16 : 0)),
    );

/** Lanes of y as wider ones. */
const extended =
  (...opcodes: Opcode[]): Packed =>
  (b, _, y) =>
    opcodes.reduce((value, opcode) => b.pure(opcode, value), y);

const toWords = { s: W.i16x8_extend_low_i8x16_s, z: W.i16x8_extend_low_i8x16_u };
const toDwords = { s: W.i32x4_extend_low_i16x8_s, z: W.i32x4_extend_low_i16x8_u };
const toQuadwords = { s: W.i64x2_extend_low_i32x4_s, z: W.i64x2_extend_low_i32x4_u };

/** Instructions of the second operand's bytes, of which so many are read from memory. */
export const extensions: Readonly<Record<string, readonly [operation: Packed, bytes: 2 | 4 | 8]>> =
  Object.fromEntries(
    (["s", "z"] as const).flatMap((kind): [string, [Packed, 2 | 4 | 8]][] => [
      [`pmov${kind}xbw`, [extended(toWords[kind]), 8]],
      [`pmov${kind}xbd`, [extended(toWords[kind], toDwords[kind]), 4]],
      [`pmov${kind}xbq`, [extended(toWords[kind], toDwords[kind], toQuadwords[kind]), 2]],
      [`pmov${kind}xwd`, [extended(toDwords[kind]), 8]],
      [`pmov${kind}xwq`, [extended(toDwords[kind], toQuadwords[kind]), 4]],
      [`pmov${kind}xdq`, [extended(toQuadwords[kind]), 8]],
    ]),
  );

/** Shifts of lanes: the instruction, the bits of a lane. */
const SHIFTS: Readonly<Record<string, readonly [opcode: Opcode, bits: number]>> = {
  psllw: [W.i16x8_shl, 16],
  psraw: [W.i16x8_shr_s, 16],
  psrlw: [W.i16x8_shr_u, 16],
  pslld: [W.i32x4_shl, 32],
  psrad: [W.i32x4_shr_s, 32],
  psrld: [W.i32x4_shr_u, 32],
  psllq: [W.i64x2_shl, 64],
  psrlq: [W.i64x2_shr_u, 64],
};

export const isShift = (name: string): boolean => name in SHIFTS;

/** Lanes shifted by a constant of 8 bits. */
export function shiftedByConstant<Value>(b: Maker<Value>, name: string, x: Value, count: number): Value {
  const [opcode, bits] = SHIFTS[name]!;
  if (count >= bits && !name.startsWith("psra")) return zero(b);
  return b.pure(opcode, x, b.const(Math.min(count, bits - 1)));
}

/** Lanes shifted by the first 64 bits of y, however large that number is. */
function shifted(name: string): Packed {
  const [opcode, bits] = SHIFTS[name]!;
  return (b, x, y) => {
    const count = b.pureWith(W.i64x2_extract_lane, I64, [0], y);
    const tooMany = b.pure(W.i64_gt_u, count, b.wide(I64, BigInt(bits - 1)));
    const by = b.pure(W.i32_wrap_i64, count);
    if (name.startsWith("psra")) return b.pure(opcode, x, b.select(tooMany, b.const(bits - 1), by));
    // The host takes the count modulo the lane's bits.
    const kept = b.pure(W.i32x4_splat, b.pure(W.i32_sub, tooMany, b.const(1)));
    return b.pure(W.v128_and, b.pure(opcode, x, by), kept);
  };
}

/** Not for those above with shapes of their own. */
export const packedOperations: Readonly<Record<string, Packed>> = {
  ...Object.fromEntries(
    Object.entries(same).flatMap(([name, what]): [string, Packed][] =>
      typeof what === "number"
        ? [[name, name.startsWith("pack") ? narrowed(what) : two(what)]]
        : [[name, interleaved(name, name.startsWith("punpckh"))]],
    ),
  ),
  packusdw: narrowed(W.i16x8_narrow_i32x4_u),
  pand: two(W.v128_and),
  pandn: (b, x, y) => b.pure(W.v128_andnot, y, x),
  por: two(W.v128_or),
  pxor: two(W.v128_xor),
  pmulhw: upperProducts(
    W.i32x4_extmul_low_i16x8_s,
    W.i32x4_extmul_high_i16x8_s,
    W.i32x4_shr_s,
    W.i16x8_narrow_i32x4_s,
  ),
  pmulhuw: upperProducts(
    W.i32x4_extmul_low_i16x8_u,
    W.i32x4_extmul_high_i16x8_u,
    W.i32x4_shr_u,
    W.i16x8_narrow_i32x4_u,
  ),
  pmulhrsw: roundedProducts,
  pmulld: two(W.i32x4_mul),
  pmuludq: evenProducts(W.i64x2_extmul_low_i32x4_u),
  pmuldq: evenProducts(W.i64x2_extmul_low_i32x4_s),
  pmaddubsw: mixedProducts,
  psadbw: sumsOfDistances,
  mpsadbw: manySums,
  pminsb: two(W.i8x16_min_s),
  pmaxsb: two(W.i8x16_max_s),
  pminuw: two(W.i16x8_min_u),
  pmaxuw: two(W.i16x8_max_u),
  pminsd: two(W.i32x4_min_s),
  pmaxsd: two(W.i32x4_max_s),
  pminud: two(W.i32x4_min_u),
  pmaxud: two(W.i32x4_max_u),
  pcmpeqq: two(W.i64x2_eq),
  pcmpgtq: two(W.i64x2_gt_s),
  psignb: signed(W.i8x16_lt_s, W.i8x16_eq, W.i8x16_sub),
  psignw: signed(W.i16x8_lt_s, W.i16x8_eq, W.i16x8_sub),
  psignd: signed(W.i32x4_lt_s, W.i32x4_eq, W.i32x4_sub),
  pabsb: one(W.i8x16_abs),
  pabsw: one(W.i16x8_abs),
  pabsd: one(W.i32x4_abs),
  phaddw: horizontal(W.i16x8_add, 2),
  phaddd: horizontal(W.i32x4_add, 4),
  phaddsw: horizontal(W.i16x8_add_sat_s, 2),
  phsubw: horizontal(W.i16x8_sub, 2),
  phsubd: horizontal(W.i32x4_sub, 4),
  phsubsw: horizontal(W.i16x8_sub_sat_s, 2),
  pshufb: chosenBytes,
  palignr: aligned,
  pshufw: words(0),
  pshuflw: words(0),
  pshufhw: words(4),
  pblendw: blend(2),
  blendps: blend(4),
  blendpd: blend(8),
  ...Object.fromEntries(Object.keys(SHIFTS).map((name): [string, Packed] => [name, shifted(name)])),
};

/** Lanes of y where the topmost bit of the mask's lane is set, of x elsewhere. */
export function blendedByMask<Value>(b: Maker<Value>, name: string, x: Value, y: Value, mask: Value): Value {
  const none = zero(b);
  const chosen =
    name === "pblendvb"
      ? b.pure(W.i8x16_lt_s, mask, none)
      : name === "blendvps"
        ? b.pure(W.i32x4_shr_s, mask, b.const(31))
        : b.pure(W.i64x2_lt_s, mask, none);
  return b.pure(W.v128_bitselect, y, x, chosen);
}

const LANES: Readonly<Record<string, readonly [extract: Opcode, replace: Opcode, lanes: number]>> = {
  b: [W.i8x16_extract_lane_u, W.i8x16_replace_lane, 16],
  w: [W.i16x8_extract_lane_u, W.i16x8_replace_lane, 8],
  d: [W.i32x4_extract_lane, W.i32x4_replace_lane, 4],
};

/** A lane of `letter` b, w or d, zero-extended. `bytes`: of the register. */
export function laneOf<Value>(
  b: Maker<Value>,
  letter: string,
  value: Value,
  lane: number,
  bytes = 16,
): Value {
  const [extract, , lanes] = LANES[letter]!;
  return b.pureWith(extract, I32, [lane & ((lanes * bytes) / 16 - 1)], value);
}

export function withLane<Value>(
  b: Maker<Value>,
  letter: string,
  value: Value,
  lane: number,
  put: Value,
  bytes = 16,
): Value {
  const [, replace, lanes] = LANES[letter]!;
  return b.pureWith(replace, V128, [lane & ((lanes * bytes) / 16 - 1)], value, put);
}
