/** Packed integers: MMX, and the same and more in XMM registers. SDM vol. 1, 9.4, 11.4.2, 12.7 and 12.10. */
import { i8, i16, i32, u8, u16, u32 } from "../float/lanes.ts";
import type { Kernel } from "./vector.ts";

type Lane = (a: number, b: number) => number;

// One lane after the other: signed or not, of 8, 16 or 32 bits. B stands 16 bytes behind A, R behind B.

const ofI8 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes; i++) u8[32 + i] = lane(i8[i]!, i8[16 + i]!);
  };
const ofU8 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes; i++) u8[32 + i] = lane(u8[i]!, u8[16 + i]!);
  };
const ofI16 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes >> 1; i++) u16[16 + i] = lane(i16[i]!, i16[8 + i]!);
  };
const ofU16 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes >> 1; i++) u16[16 + i] = lane(u16[i]!, u16[8 + i]!);
  };
const ofI32 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes >> 2; i++) i32[8 + i] = lane(i32[i]!, i32[4 + i]!);
  };
const ofU32 =
  (lane: Lane): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes >> 2; i++) i32[8 + i] = lane(u32[i]!, u32[4 + i]!);
  };

const add: Lane = (a, b) => a + b;
const subtract: Lane = (a, b) => a - b;
const least: Lane = (a, b) => (a < b ? a : b);
const greatest: Lane = (a, b) => (a > b ? a : b);
const equal: Lane = (a, b) => (a === b ? -1 : 0);
const above: Lane = (a, b) => (a > b ? -1 : 0);
const average: Lane = (a, b) => (a + b + 1) >> 1;
const signed: Lane = (a, b) => (b < 0 ? -a : b === 0 ? 0 : a);
const size: Lane = (_, b) => (b < 0 ? -b : b);

const toI8 = (x: number): number => (x > 127 ? 127 : x < -128 ? -128 : x);
const toU8 = (x: number): number => (x > 255 ? 255 : x < 0 ? 0 : x);
const toI16 = (x: number): number => (x > 32767 ? 32767 : x < -32768 ? -32768 : x);
const toU16 = (x: number): number => (x > 65535 ? 65535 : x < 0 ? 0 : x);

/** Lanes of A and B in turn, from the lower or the upper half. */
const interleave =
  (view: Uint8Array | Uint16Array | Int32Array, laneBytes: number, upper: boolean): Kernel =>
  (bytes) => {
    const b = 16 / laneBytes;
    const half = bytes / laneBytes / 2;
    for (let i = 0; i < half; i++) {
      const from = upper ? half + i : i;
      view[2 * b + 2 * i] = view[from]!;
      view[2 * b + 2 * i + 1] = view[b + from]!;
    }
  };

/** Lanes of A, then those of B, each in half the bits. */
const pack8 =
  (narrow: (x: number) => number): Kernel =>
  (bytes) => {
    const lanes = bytes >> 1;
    for (let i = 0; i < lanes; i++) {
      u8[32 + i] = narrow(i16[i]!);
      u8[32 + lanes + i] = narrow(i16[8 + i]!);
    }
  };
const pack16 =
  (narrow: (x: number) => number): Kernel =>
  (bytes) => {
    const lanes = bytes >> 2;
    for (let i = 0; i < lanes; i++) {
      u16[16 + i] = narrow(i32[i]!);
      u16[16 + lanes + i] = narrow(i32[4 + i]!);
    }
  };

/** Neighbours joined: those of A, then those of B. */
const across16 =
  (lane: Lane): Kernel =>
  (bytes) => {
    const lanes = bytes >> 2;
    for (let i = 0; i < lanes; i++) {
      u16[16 + i] = lane(i16[2 * i]!, i16[2 * i + 1]!);
      u16[16 + lanes + i] = lane(i16[8 + 2 * i]!, i16[8 + 2 * i + 1]!);
    }
  };
const across32 =
  (lane: Lane): Kernel =>
  (bytes) => {
    const lanes = bytes >> 3;
    for (let i = 0; i < lanes; i++) {
      i32[8 + i] = lane(i32[2 * i]!, i32[2 * i + 1]!);
      i32[8 + lanes + i] = lane(i32[4 + 2 * i]!, i32[4 + 2 * i + 1]!);
    }
  };

// Lanes of 64 bits -------------------------------------------------------------------------------------------

function add64(bytes: number): void {
  for (let i = 0; i < bytes >> 2; i += 2) {
    const low = u32[i]! + u32[4 + i]!;
    i32[8 + i] = low;
    i32[9 + i] = i32[1 + i]! + i32[5 + i]! + (low > 0xffff_ffff ? 1 : 0);
  }
}

function subtract64(bytes: number): void {
  for (let i = 0; i < bytes >> 2; i += 2) {
    const low = u32[i]! - u32[4 + i]!;
    i32[8 + i] = low;
    i32[9 + i] = i32[1 + i]! - i32[5 + i]! - (low < 0 ? 1 : 0);
  }
}

/** The upper dword of an unsigned product. */
function upper(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 65536)) / 65536);
}

const multiply64 =
  (isSigned: boolean): Kernel =>
  (bytes) => {
    for (let i = 0; i < bytes >> 2; i += 2) {
      const a = u32[i]!;
      const b = u32[4 + i]!;
      i32[8 + i] = Math.imul(a, b);
      let high = upper(a, b);
      if (isSigned) high -= (a >> 31 ? b : 0) + (b >> 31 ? a : 0);
      i32[9 + i] = high;
    }
  };

function equal64(): void {
  for (let i = 0; i < 4; i += 2) {
    i32[8 + i] = i32[9 + i] = i32[i] === i32[4 + i] && i32[1 + i] === i32[5 + i] ? -1 : 0;
  }
}

function above64(): void {
  for (let i = 0; i < 4; i += 2) {
    const high = i32[1 + i]! - i32[5 + i]!;
    i32[8 + i] = i32[9 + i] = high > 0 || (high === 0 && u32[i]! > u32[4 + i]!) ? -1 : 0;
  }
}

// Shifts: by the low 64 bits of B ------------------------------------------------------------------------------

/** The count, or `most` if it is larger. */
const count = (most: number): number => (u32[5] !== 0 || u32[4]! > most ? most : u32[4]!);

const shift16 =
  (shift: (x: number, by: number) => number): Kernel =>
  (bytes) => {
    const by = count(16);
    for (let i = 0; i < bytes >> 1; i++) u16[16 + i] = shift(i16[i]!, by);
  };
const shift32 =
  (shift: (x: number, by: number) => number): Kernel =>
  (bytes) => {
    const by = count(32);
    for (let i = 0; i < bytes >> 2; i++) i32[8 + i] = shift(i32[i]!, by);
  };

function shiftLeft64(bytes: number): void {
  const by = count(64);
  for (let i = 0; i < bytes >> 2; i += 2) {
    const low = i32[i]!;
    i32[8 + i] = by > 31 ? 0 : low << by;
    i32[9 + i] =
      by > 63
        ? 0
        : by > 31
          ? low << (by - 32)
          : by === 0
            ? i32[1 + i]!
            : (i32[1 + i]! << by) | (low >>> (32 - by));
  }
}

function shiftRight64(bytes: number): void {
  const by = count(64);
  for (let i = 0; i < bytes >> 2; i += 2) {
    const high = i32[1 + i]!;
    i32[9 + i] = by > 31 ? 0 : high >>> by;
    i32[8 + i] =
      by > 63
        ? 0
        : by > 31
          ? high >>> (by - 32)
          : by === 0
            ? i32[i]!
            : (i32[i]! >>> by) | (high << (32 - by));
  }
}

function shiftLeftBytes(): void {
  const by = u8[16]!;
  for (let i = 0; i < 16; i++) u8[32 + i] = i >= by ? u8[i - by]! : 0;
}

function shiftRightBytes(): void {
  const by = u8[16]!;
  for (let i = 0; i < 16; i++) u8[32 + i] = i + by < 16 ? u8[i + by]! : 0;
}

// Others -----------------------------------------------------------------------------------------------------

function multiplyAdd(bytes: number): void {
  for (let i = 0; i < bytes >> 2; i++) {
    i32[8 + i] = i16[2 * i]! * i16[8 + 2 * i]! + i16[2 * i + 1]! * i16[9 + 2 * i]!;
  }
}

function multiplyAddBytes(bytes: number): void {
  for (let i = 0; i < bytes; i += 2) {
    u16[16 + (i >> 1)] = toI16(u8[i]! * i8[16 + i]! + u8[i + 1]! * i8[17 + i]!);
  }
}

function sumOfDifferences(bytes: number): void {
  for (let half = 0; half < bytes; half += 8) {
    let sum = 0;
    for (let i = half; i < half + 8; i++) sum += Math.abs(u8[i]! - u8[16 + i]!);
    i32[8 + (half >> 2)] = sum;
    i32[9 + (half >> 2)] = 0;
  }
}

function sumsOfDifferences(_: number, immediate: number): void {
  const a = (immediate & 4) === 0 ? 0 : 4;
  const b = 16 + (immediate & 3) * 4;
  for (let i = 0; i < 8; i++) {
    let sum = 0;
    for (let j = 0; j < 4; j++) sum += Math.abs(u8[a + i + j]! - u8[b + j]!);
    u16[16 + i] = sum;
  }
}

function shuffleBytes(bytes: number): void {
  for (let i = 0; i < bytes; i++) {
    const choice = u8[16 + i]!;
    u8[32 + i] = choice & 0x80 ? 0 : u8[choice & (bytes - 1)]!;
  }
}

function align(bytes: number, immediate: number): void {
  for (let i = 0; i < bytes; i++) {
    const from = i + immediate;
    u8[32 + i] = from < bytes ? u8[16 + from]! : from < 2 * bytes ? u8[from - bytes]! : 0;
  }
}

function leastWord(): void {
  let least16 = 0xffff;
  let at = 0;
  for (let i = 7; i >= 0; i--) {
    if (u16[8 + i]! <= least16) {
      least16 = u16[8 + i]!;
      at = i;
    }
  }
  i32[8] = least16 | (at << 16);
  i32[9] = i32[10] = i32[11] = 0;
}

const blendWords: Kernel = (_, immediate) => {
  for (let i = 0; i < 8; i++) if (immediate & (1 << i)) u16[16 + i] = u16[8 + i]!;
};

/** Narrow lanes of B as wide ones. */
const extend =
  (
    from: Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array,
    bytes: number,
    to: number,
  ): Kernel =>
  () => {
    const start = 16 / bytes;
    for (let i = 0; i < 16 / to; i++) {
      const value = from[start + i]!;
      if (to === 2) i16[16 + i] = value;
      else if (to === 4) i32[8 + i] = value;
      else {
        i32[8 + 2 * i] = value;
        i32[9 + 2 * i] = value < 0 ? -1 : 0;
      }
    }
  };

const shuffle32: Kernel = (_, immediate) => {
  for (let i = 0; i < 4; i++) i32[8 + i] = i32[4 + ((immediate >> (2 * i)) & 3)]!;
};

/** Four words of B shuffled, from word `at` on; the others as they are. */
const shuffle16 =
  (at: number): Kernel =>
  (bytes, immediate) => {
    for (let i = 0; i < bytes >> 1; i++) u16[16 + i] = u16[8 + i]!;
    for (let i = 0; i < 4; i++) u16[16 + at + i] = u16[8 + at + ((immediate >> (2 * i)) & 3)]!;
  };

/** By mnemonic; the same for MM and XMM registers. */
export const integerKernels: Readonly<Record<string, Kernel>> = {
  paddb: ofU8(add),
  paddw: ofU16(add),
  paddd: ofI32(add),
  paddq: add64,
  psubb: ofU8(subtract),
  psubw: ofU16(subtract),
  psubd: ofI32(subtract),
  psubq: subtract64,
  paddsb: ofI8((a, b) => toI8(a + b)),
  paddsw: ofI16((a, b) => toI16(a + b)),
  paddusb: ofU8((a, b) => toU8(a + b)),
  paddusw: ofU16((a, b) => toU16(a + b)),
  psubsb: ofI8((a, b) => toI8(a - b)),
  psubsw: ofI16((a, b) => toI16(a - b)),
  psubusb: ofU8((a, b) => toU8(a - b)),
  psubusw: ofU16((a, b) => toU16(a - b)),
  pmullw: ofI16(Math.imul),
  pmulhw: ofI16((a, b) => (a * b) >> 16),
  pmulhuw: ofU16((a, b) => (a * b) >>> 16),
  pmulhrsw: ofI16((a, b) => (((a * b) >> 14) + 1) >> 1),
  pmulld: ofI32(Math.imul),
  pmuludq: multiply64(false),
  pmuldq: multiply64(true),
  pmaddwd: multiplyAdd,
  pmaddubsw: multiplyAddBytes,
  pavgb: ofU8(average),
  pavgw: ofU16(average),
  psadbw: sumOfDifferences,
  mpsadbw: sumsOfDifferences,
  pminub: ofU8(least),
  pmaxub: ofU8(greatest),
  pminsw: ofI16(least),
  pmaxsw: ofI16(greatest),
  pminsb: ofI8(least),
  pmaxsb: ofI8(greatest),
  pminuw: ofU16(least),
  pmaxuw: ofU16(greatest),
  pminsd: ofI32(least),
  pmaxsd: ofI32(greatest),
  pminud: ofU32(least),
  pmaxud: ofU32(greatest),
  phminposuw: leastWord,
  pcmpeqb: ofI8(equal),
  pcmpeqw: ofI16(equal),
  pcmpeqd: ofI32(equal),
  pcmpeqq: equal64,
  pcmpgtb: ofI8(above),
  pcmpgtw: ofI16(above),
  pcmpgtd: ofI32(above),
  pcmpgtq: above64,
  psignb: ofI8(signed),
  psignw: ofI16(signed),
  psignd: ofI32(signed),
  pabsb: ofI8(size),
  pabsw: ofI16(size),
  pabsd: ofI32(size),
  phaddw: across16(add),
  phaddd: across32(add),
  phaddsw: across16((a, b) => toI16(a + b)),
  phsubw: across16(subtract),
  phsubd: across32(subtract),
  phsubsw: across16((a, b) => toI16(a - b)),
  pand: ofI32((a, b) => a & b),
  pandn: ofI32((a, b) => ~a & b),
  por: ofI32((a, b) => a | b),
  pxor: ofI32((a, b) => a ^ b),
  packsswb: pack8(toI8),
  packuswb: pack8(toU8),
  packssdw: pack16(toI16),
  packusdw: pack16(toU16),
  punpcklbw: interleave(u8, 1, false),
  punpcklwd: interleave(u16, 2, false),
  punpckldq: interleave(i32, 4, false),
  punpckhbw: interleave(u8, 1, true),
  punpckhwd: interleave(u16, 2, true),
  punpckhdq: interleave(i32, 4, true),
  pshufb: shuffleBytes,
  palignr: align,
  psllw: shift16((x, by) => x << by),
  psrlw: shift16((x, by) => (x & 0xffff) >>> by),
  psraw: shift16((x, by) => x >> by),
  pslld: shift32((x, by) => (by > 31 ? 0 : x << by)),
  psrld: shift32((x, by) => (by > 31 ? 0 : x >>> by)),
  psrad: shift32((x, by) => x >> Math.min(by, 31)),
  psllq: shiftLeft64,
  psrlq: shiftRight64,
  pslldq: shiftLeftBytes,
  psrldq: shiftRightBytes,
  pshufw: shuffle16(0),
  pshufd: shuffle32,
  pshuflw: shuffle16(0),
  pshufhw: shuffle16(4),
  pblendw: blendWords,
};

/** pmovsx and pmovzx, with the bytes they read. */
export const extensions: Readonly<Record<string, readonly [kernel: Kernel, bytes: number]>> = {
  pmovsxbw: [extend(i8, 1, 2), 8],
  pmovsxbd: [extend(i8, 1, 4), 4],
  pmovsxbq: [extend(i8, 1, 8), 2],
  pmovsxwd: [extend(i16, 2, 4), 8],
  pmovsxwq: [extend(i16, 2, 8), 4],
  pmovsxdq: [extend(i32, 4, 8), 8],
  pmovzxbw: [extend(u8, 1, 2), 8],
  pmovzxbd: [extend(u8, 1, 4), 4],
  pmovzxbq: [extend(u8, 1, 8), 2],
  pmovzxwd: [extend(u16, 2, 4), 8],
  pmovzxwq: [extend(u16, 2, 8), 4],
  pmovzxdq: [extend(u32, 4, 8), 8],
};
