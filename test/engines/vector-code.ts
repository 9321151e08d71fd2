/** Random instructions of MMX, SSE and the x87 for programs.ts, and of those general registers that are less common. */
import type { Random } from "../../src/base/index.ts";

/** Packed integers that MM and XMM registers have. */
const PACKED = [
  0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3,
  0xd4, 0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9,
  0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd,
  0xfe,
] as const;
/** Of SSSE3, in the map 0F 38. */
const MORE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x1c, 0x1d, 0x1e] as const;
/** Of SSE4.1 and 4.2, in the map 0F 38, on XMM registers. */
const LATER = [
  0x10, 0x14, 0x15, 0x17, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x28, 0x29, 0x2b, 0x30, 0x31, 0x32, 0x33, 0x34,
  0x35, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41,
] as const;
/** The same, in the map 0F 3A, with a constant. */
const LATER_WITH = [8, 9, 10, 11, 12, 13, 14, 15, 0x42, 0x21] as const;
/** Arithmetic of SSE with any prefix. */
const NUMBERS = [0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f] as const;
const CONVERSIONS: readonly (readonly number[])[] = [
  [0x0f, 0x5b],
  [0x66, 0x0f, 0x5b],
  [0xf3, 0x0f, 0x5b],
  [0xf3, 0x0f, 0xe6],
  [0xf2, 0x0f, 0xe6],
  [0x66, 0x0f, 0xe6],
  [0x0f, 0x5a],
  [0x0f, 0x2a],
  [0x66, 0x0f, 0x2a],
  [0x0f, 0x2d],
  [0x0f, 0x2c],
  [0x0f, 0x52],
  [0x0f, 0x53],
  [0x66, 0x0f, 0xd0],
  [0xf2, 0x0f, 0x7c],
  [0x66, 0x0f, 0x7d],
];

/** One instruction. `operand` and `register`: ModR/M with any operand, or a general register. */
export function vectorCode(
  random: Random,
  operand: (reg: number) => number[],
  register: () => number,
): number[] {
  const below = (n: number): number => random.below(n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const reg = below(8);
  /** Mostly vector registers: few places in memory are aligned. */
  const vector = (): number[] => (below(5) === 0 ? operand(reg) : [0xc0 | (reg << 3) | below(8)]);
  const registers = (): number => 0xc0 | (reg << 3) | below(8);
  const size = (): number[] => (below(2) === 0 ? [] : [0x66]);
  switch (below(20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return [...size(), 0x0f, pick(PACKED), ...vector()];
    case 4:
      return [...size(), 0x0f, 0x38, pick(MORE), ...vector()];
    case 5:
      return [0x66, 0x0f, 0x38, pick(LATER), ...vector()];
    case 6:
      return [0x66, 0x0f, 0x3a, pick(LATER_WITH), ...vector(), below(256)];
    case 7: // palignr, and words shuffled
      return below(2) === 0
        ? [...size(), 0x0f, 0x3a, 0x0f, ...vector(), below(40)]
        : [...pick([[], [0x66], [0xf2], [0xf3]]), 0x0f, 0x70, ...vector(), below(256)];
    case 8: // shifts by constants
      return [
        ...size(),
        0x0f,
        0x71 + below(3),
        0xc0 | (pick([2, 2, 6, 4]) << 3) | below(8),
        pick([0, 1, 7, 16, 31, 70]),
      ];
    case 9:
    case 10: // movd to and from
      return [
        ...size(),
        0x0f,
        pick([0x6e, 0x7e]),
        ...(below(4) === 0 ? operand(reg) : [0xc0 | (reg << 3) | register()]),
      ];
    case 11: // movq, movdqu
      return pick([
        [0x0f, 0x6f, ...vector()],
        [0x0f, 0x7f, ...vector()],
        [0xf3, 0x0f, 0x6f, ...vector()],
        [0xf3, 0x0f, 0x7f, ...vector()],
        [0xf3, 0x0f, 0x7e, ...vector()],
        [0xf3, 0x0f, 0xd6, registers()],
        [0xf2, 0x0f, 0xd6, registers()],
      ]);
    case 12: // single lanes
      return pick([
        [...size(), 0x0f, 0xc4, 0xc0 | (reg << 3) | register(), below(16)],
        [...size(), 0x0f, 0xc5, 0xc0 | (register() << 3) | below(8), below(16)],
        [0x66, 0x0f, 0x3a, pick([0x14, 0x15, 0x16, 0x17]), 0xc0 | (reg << 3) | register(), below(16)],
        [0x66, 0x0f, 0x3a, pick([0x20, 0x22]), 0xc0 | (reg << 3) | register(), below(16)],
        [...size(), 0x0f, 0xd7, 0xc0 | (register() << 3) | below(8)],
      ]);
    case 13:
      return [...pick([[], [0x66], [0xf2], [0xf3]]), 0x0f, pick(NUMBERS), ...vector()];
    case 14:
      return [...pick(CONVERSIONS), ...vector()];
    case 15: // numbers from and to general registers
      return pick([
        [0xf2, 0x0f, 0x2a, 0xc0 | (reg << 3) | register()],
        [0xf3, 0x0f, 0x2a, 0xc0 | (reg << 3) | register()],
        [0xf2, 0x0f, pick([0x2c, 0x2d]), 0xc0 | (register() << 3) | below(8)],
        [0xf3, 0x0f, pick([0x2c, 0x2d]), 0xc0 | (register() << 3) | below(8)],
      ]);
    case 16:
      return [0x0f, 0xc2, ...vector(), below(8)];
    case 17: // the x87, which shares its registers with MMX
      return pick([
        [0xd9, 0xe8],
        [0xd9, 0xeb],
        [0xde, 0xc1],
        [0xdd, 0xd8],
        [0xd8, 0xc8 | below(8)],
        [0x0f, 0x77, 0xdb, 0xe3],
        [0xdb, 0xe3],
      ]);
    case 18:
      return [0x0f, 0x77]; // emms
    default:
      return [0x0f, 0xae, ...pick([[0xe8], [0xf0], [0xf8], [0x1d, 0x00, 0x81, 0, 0]])];
  }
}

/** One instruction of the general registers that is less common. */
export function rareCode(
  random: Random,
  operand: (reg: number) => number[],
  register: () => number,
): number[] {
  const below = (n: number): number => random.below(n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const size = (): number[] => (below(3) === 0 ? [0x66] : []);
  const reg = register();
  return pick([
    [0x0f, 0xc0 + below(2), ...operand(reg)], // xadd
    [0x0f, 0xb0 + below(2), ...operand(reg)], // cmpxchg
    [0x0f, 0xc7, 0x4b, below(64)], // cmpxchg8b [ebx+n]
    [0x83, 0xe0 | reg, 0x3f, ...size(), 0x0f, pick([0xa3, 0xab, 0xb3, 0xbb]), 0x43 | (reg << 3), below(64)],
    [...size(), 0x0f, pick([0xa5, 0xad]), ...operand(reg)],
    [...size(), 0xd2 + below(2), ...operand(pick([0, 1, 2, 3, 2, 3, 4, 5, 7]))],
    [...size(), 0xc0 + below(2), ...operand(pick([2, 3])), below(40)],
    [...size(), 0xf3, 0x0f, pick([0xb8, 0xbc, 0xbd]), ...operand(reg)],
    [...size(), 0x0f, 0x38, 0xf0 + below(2), 0x43 | (reg << 3), below(64)],
    [
      0x9c,
      0x81,
      0x34,
      0x24,
      ...pick([
        [0xd5, 0x0c],
        [0xd5, 0x08],
        [0, 4],
        [0, 0],
      ]),
      0,
      0,
      0x9d,
    ], // popfd
    [0x66, 0x50 + reg, 0x66, 0x58 + register()],
    [0xc8, below(64), 0, 0, 0xc9], // enter, leave
    [0x9f, 0x9e],
    [0xd6],
    [0xd4, pick([10, 10, 7, 0])],
    [0xd5, 10],
    [0x66, 0xf7, ...operand(pick([4, 5, 6, 7]))],
    [0x66, 0x0f, 0xaf, ...operand(reg)],
    [0x66, 0x6b, ...operand(reg), below(256)],
    [0xb9, below(40), 0, 0, 0, pick([0xf2, 0xf3]), ...size(), pick([0xa6, 0xa7, 0xae, 0xaf])],
    [0x83, 0xc9, 0xff, 0xf2, 0xae], // or ecx,-1; repne scasb
  ]);
}
