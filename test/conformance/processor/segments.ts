/**
 * Cases about where operands in memory end: at 64 KiB with 16-bit addresses, at the limit of a segment, at the end of
 * what is mapped below a segment with a base; and about the stack in such a segment. Every form that has an operand in
 * memory is asked.
 */
import type { Form } from "../../../src/isa/index.ts";
import { DATA, local, SMALL, STACK, WRAPPED } from "./arena.ts";
import { asked, askedVector, type MemoryOperand, plainCode, type Series } from "./generate.ts";
import { type Scene, seriesOf } from "./scene.ts";
import { askedX87 } from "./x87.ts";

export const hasMemory = (form: Form): boolean =>
  (form.modrm && form.mod !== "register" && form.places.includes("rm")) || form.places.includes("moffs");

/** Forms of every unit; those with long operands come as often as they are few. */
const inMemory: readonly (readonly Form[])[] = [
  asked.filter((form) => hasMemory(form) && !form.privileged && !/^(nop|prefetch|bnd|hint)/.test(form.name)),
  askedVector.filter(hasMemory),
  askedX87.filter(hasMemory),
  [...asked, ...askedX87, ...askedVector]
    .filter(({ name }) =>
      /^(fldenv|frstor|fn?save|fn?stenv|fbld|fbstp|fxsave|fxrstor|bound|l[defgs]s|lss|cmpxchg8b|call|jmp|pop|push)/.test(
        name,
      ),
    )
    .filter(hasMemory),
  askedX87.filter(({ operands }) => operands.some(({ text }) => text === "m80")),
];

const ES = 0;
const SS = 2;
export const PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;
const EBP = 5;

/** How far an operand of a form reaches, about. */
function reach({ name }: Form): number {
  if (/^fx/.test(name)) return 528;
  if (/^(frstor|fn?save)/.test(name)) return 112;
  return /^(fldenv|fn?stenv)/.test(name) ? 32 : 18;
}

/** mov register,selector; mov segment,register */
export function loadSegment(scene: Scene, segment: number, selector: number): void {
  const register = scene.pick([0, 1, 2, 3, 5, 6, 7]);
  scene.load(register, selector);
  scene.put(0x8e, 0xc0 | (segment << 3) | register);
}

/** What makes sense of one kind or other wherever an operand may lie: numbers, selectors, places in the code. */
function contents(scene: Scene): void {
  const kind = scene.below(5);
  const pattern = scene.pick([
    [0x2b, 0],
    [0x0f, 0],
    [0x23, 0],
    [0, 5, 0x10, 0],
  ]);
  const byte = (at: number): number => (kind < 2 ? pattern[at % pattern.length]! : scene.below(256));
  for (const [start, length] of [
    [WRAPPED.start, 0x220],
    [WRAPPED.start + 0x1000, 0x220],
    [DATA.start + 0xdf0, 0x420],
    [DATA.start + DATA.length - 0x210, 0x210],
  ] as const) {
    scene.pokes.push({ address: start, bytes: Uint8Array.from({ length }, (_, at) => byte(start + at)) });
  }
}

/** A memory operand at an offset, which may be beyond what 16 bits hold: it wraps then. */
function operand(scene: Scene, offset: number, narrow: boolean): MemoryOperand {
  const bytes = (value: number, size: number): number[] =>
    Array.from({ length: size }, (_, i) => (value >>> (8 * i)) & 0xff);
  if (scene.below(2) === 0) {
    const size = narrow ? 2 : 4;
    return {
      modrm: (reg) => [(reg << 3) | (narrow ? 6 : 5), ...bytes(offset, size)],
      offset: bytes(offset, size),
    };
  }
  // [si], [di], [bp] or [bx] and a distance of 8 bits, or their like of 32 bits
  const [rm, register] = scene.pick(
    narrow
      ? [
          [4, 6],
          [5, 7],
          [6, EBP],
          [7, 3],
        ]
      : [
          [6, 6],
          [7, 7],
          [5, EBP],
          [3, 3],
        ],
  ) as [number, number];
  const distance = scene.below(256) - 128;
  const upper = narrow ? scene.random.u32() & ~0xffff : 0;
  scene.load(register, upper + ((offset - distance) & (narrow ? 0xffff : -1)));
  return {
    modrm: (reg) => [0x40 | (reg << 3) | rm, distance & 0xff],
    offset: bytes(offset, narrow ? 2 : 4),
  };
}

/** An x87 with something in it, whose pointers to the last instruction are known. */
export function someX87(scene: Scene): void {
  scene.put(
    ...scene.pick([
      [0xd9, 0xeb],
      [0xd9, 0xe8],
      [0xdb, 0xe3, 0xd9, 0xea],
      [0xdb, 0xe3, 0xd9, 0xeb, 0xd9, 0xee],
    ]),
  );
}

/** One instruction through a segment register, with an operand at an offset. */
export function through(scene: Scene, form: Form, segment: number, offset: number, narrow: boolean): void {
  const memory = operand(scene, offset, narrow);
  if (narrow) scene.put(0x67);
  scene.put(PREFIX[segment]!, ...plainCode(form, scene.random, memory));
}

const scenes: Readonly<Record<string, (scene: Scene) => void>> = {
  "operands across 64 KiB"(scene) {
    contents(scene);
    const form = scene.pick(scene.pick(inMemory));
    if (scene.below(2) === 0) someX87(scene);
    const { selector } = scene.pick([
      local.around,
      local.around,
      local.endsThere,
      local.beginsThere,
      local.gap,
    ]);
    const segment = scene.pick([ES, 3, 4, 5]);
    loadSegment(scene, segment, selector);
    through(scene, form, segment, 0x1_0000 - scene.below(reach(form)), true);
    scene.some(1);
  },

  "operands at the ends of segments and of what is mapped in them"(scene) {
    contents(scene);
    const form = scene.pick(scene.pick(inMemory));
    if (scene.below(2) === 0) someX87(scene);
    const is = scene.pick([SMALL, ...Object.values(local)]);
    const segment = scene.pick([ES, 3, 4, 5]);
    loadSegment(scene, segment, is.selector);
    const end = scene.pick([
      is.limit + 1,
      is.limit + 1,
      DATA.start + DATA.length - is.base,
      0x1000,
      0,
      WRAPPED.start - is.base,
    ]);
    through(
      scene,
      form,
      segment,
      end + scene.below(2 * reach(form)) - Math.floor(1.5 * reach(form)),
      scene.below(3) === 0,
    );
    scene.some(1);
  },

  "operands beyond 4 GiB"(scene) {
    contents(scene);
    const form = scene.pick(scene.pick(inMemory));
    const is = scene.pick([undefined, undefined, local.around, SMALL]);
    const segment = is ? scene.pick([ES, 3, 4, 5]) : scene.pick([ES, 1, SS, 3]);
    if (is) loadSegment(scene, segment, is.selector);
    through(scene, form, segment, -scene.below(reach(form)), false);
    scene.some(1);
  },

  strings(scene) {
    contents(scene);
    const [from, to] = [scene.pick(Object.values(local)), scene.pick([SMALL, ...Object.values(local)])];
    const segment = scene.pick([3, 4, 5]);
    const narrow = scene.below(2) === 0;
    const place = (is: { base: number; limit: number }): number => {
      const end = scene.pick([is.limit + 1, DATA.start + DATA.length - is.base, 0x1_0000, 0, 0x1000, 0x100]);
      return end + scene.below(64) - 32;
    };
    const offset = (is: { base: number; limit: number }): number =>
      narrow ? (scene.random.u32() & ~0xffff) | (place(is) & 0xffff) : place(is);
    if (scene.below(4) > 0) loadSegment(scene, segment, from.selector);
    if (scene.below(4) > 0) loadSegment(scene, ES, to.selector);
    scene.load(6, offset(from));
    scene.load(7, offset(to));
    scene.load(1, ((narrow ? scene.random.u32() & ~0xffff : 0) | scene.below(48)) >>> 0);
    if (scene.below(2) === 0) scene.put(0xfd);
    if (scene.below(12) === 0) scene.eflags |= 0x100;
    if (narrow) scene.put(0x67);
    scene.put(PREFIX[segment]!);
    if (scene.below(3) === 0) scene.put(0x66);
    if (scene.below(4) > 0) scene.put(scene.pick([0xf2, 0xf3]));
    scene.put(scene.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xd7]));
    if (scene.below(5) === 0)
      scene.code.splice(-1, 1, ...scene.pick([[0x66], []]), 0x0f, 0xf7, 0xc1 + scene.below(60));
    scene.some(1);
  },

  "a stack with a base and an end"(scene) {
    const { base, limit, selector } = local.stack;
    const stack = (): number =>
      scene.pick([
        scene.below(40),
        STACK.start - base + scene.below(40),
        limit + 1 - scene.below(40),
        limit + 1 + scene.below(40),
        0x100 + scene.below(8),
      ]);
    scene.pokes.push({
      address: STACK.start + 0x7c0,
      bytes: Uint8Array.from({ length: 0x80 }, () => scene.below(256)),
    });
    scene.load(4, stack());
    scene.load(EBP, stack());
    loadSegment(scene, SS, selector);
    if (scene.below(4) === 0) scene.put(0x66);
    scene.put(
      ...scene.pick([
        [0x50 + scene.below(8)],
        [0x58 + scene.below(8)],
        [0x60],
        [0x60],
        [0x61],
        [0x61],
        [0xc8, 4 * scene.below(12), 0, scene.below(12)],
        [0xc8, 4 * scene.below(12), 0, 0],
        [0xc9],
        [0x9c],
        [0x9d],
        [0x6a, 5],
        [0xe8, 0, 0, 0, 0],
        [0xc3],
        [0xcb],
        [0xcf],
        [0x06],
        [0x07],
        [0xff, 0x34, 0x24],
        [0x8f, 0x04, 0x24],
        [0x8f, 0x44, 0x24, 4],
        [0x8b, 0x45, 0],
        [0x01, 0x4c, 0x24, 2],
        [0xff, 0x75, 0],
        [0xff, 0x54, 0x24, 4],
        [0x9a, ...[0, 5, 0x10, 0], 0x23, 0],
        [0xdb, 0x3c, 0x24],
        [0xdd, 0x34, 0x24],
        [0x0f, 0x10, 0x45, 0],
        [0x0f, 0x28, 0x45, 0],
        [0x0f, 0x58, 0x45, 0],
        [0x0f, 0x29, 0x45, 0],
        [0x0f, 0xae, 0x45, 0],
        [0x0f, 0xae, 0x4d, 0],
        [0xcc],
      ]),
    );
    scene.some(1, [1, 0, 0]);
  },

  "what selectors mean"(scene) {
    const selectors = [SMALL, ...Object.values(local)].flatMap(({ selector }) => [
      selector,
      selector & ~3,
      selector | 3,
    ]);
    const register = scene.pick([0, 1, 2, 3]);
    scene.load(register, scene.pick([...selectors, 0x47, 0x4f]));
    const other = scene.pick([5, 6, 7]);
    scene.put(
      ...scene.pick([
        [0x0f, 0x02, 0xc0 | (other << 3) | register],
        [0x0f, 0x03, 0xc0 | (other << 3) | register],
        [0x66, 0x0f, 0x02, 0xc0 | (other << 3) | register],
        [0x66, 0x0f, 0x03, 0xc0 | (other << 3) | register],
        [0x0f, 0x00, 0xe0 | register],
        [0x0f, 0x00, 0xe8 | register],
        [0x8e, 0xc0 | (scene.pick([0, 2, 3, 4, 5]) << 3) | register],
        [0x50 | register, scene.pick([0x07, 0x17, 0x1f])],
      ]),
    );
  },
};

export const segmentSeries = (): Series[] => seriesOf("segments", scenes);
