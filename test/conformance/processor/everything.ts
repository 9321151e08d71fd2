/**
 * Sequences that have everything in them: instructions of all units with operands in segments, strings, the stack,
 * calls, loops, FXSAVE and its like, x87 and MXCSR control changed in the middle, constants of coming instructions
 * overwritten; and, seldom enough for what stands before it to have happened, something that faults or traps.
 */

import type { Form } from "../../../src/isa/index.ts";
import { CODE, CONSTANT, DATA, LOW, local, SMALL, STACK } from "./arena.ts";
import { askedVector, plainCode, type Series, steady, TELLING } from "./generate.ts";
import { anyInstruction, ODD, steadyVector, steadyX87 } from "./mixed.ts";
import { at, type Scene, seriesOf } from "./scene.ts";
import { hasMemory, loadSegment, PREFIX, someX87, through } from "./segments.ts";
import { askedX87, TRANSCENDENTAL } from "./x87.ts";

const [EBX, EBP, ESI, EDI, ECX] = [3, 5, 6, 7, 1];
const [ES, DS, FS, GS] = [0, 3, 4, 5];

/** Where a loop counts: nothing that a sequence does writes there. */
const COUNTER = CODE.start + 0x1f00;
const FLAT = 0x2b;

/** What stores, loads or clears more of a unit than a register. */
const wide = [...askedVector, ...askedX87].filter(
  ({ name }) => ODD.test(name) || /^(f?n?init|emms|fn?clex|fincstp|fdecstp|ffree)/.test(name),
);
const numeric = [askedVector, askedX87].map((forms) =>
  forms.filter(({ name }) => !TRANSCENDENTAL.test(name)),
);
/** Of a case in single steps: the host's handler of each loses the pointers to the last x87 instruction. */
const inSteps = [steadyVector, steadyX87];
const numericOf = (scene: Scene): (readonly Form[])[] => (scene.steps ? inSteps : numeric);

const register = (scene: Scene): number => scene.pick([0, 1, 2, 3, 5, 6, 7]);
const narrow = (scene: Scene): void => {
  if (scene.below(3) === 0) scene.put(0x66);
};

/** What of itself goes on behind itself. */
const pieces: readonly ((scene: Scene, depth: number) => void)[] = [
  (scene) => scene.put(...anyInstruction(scene.random, [2, 1, 1])),
  (scene) => scene.put(...anyInstruction(scene.random, [0, 1, 1])),
  (scene) => scene.put(...plainCode(scene.pick(scene.pick(numericOf(scene))), scene.random)),
  (scene) => scene.put(...plainCode(scene.pick(scene.steps ? steadyX87 : wide), scene.random)),
  (scene) =>
    scene.control(
      (scene.pick([0x37f, 0x27f, 0x07f, 0x340]) & ~scene.pick([0, 0, 1, 4, 32])) | (scene.below(4) << 10),
    ),
  (scene) =>
    scene.mxcsr(
      (0x1f80 & ~(scene.pick([0, 0, 0, 1, 4, 32]) << 7)) |
        (scene.below(4) << 13) |
        scene.pick([0, 0x8000, 0x40]),
    ),
  function segment(scene) {
    const is = scene.pick([
      SMALL.selector,
      ...Object.values(local).map(({ selector }) => selector),
      FLAT,
      FLAT,
      FLAT,
    ]);
    loadSegment(scene, scene.pick([ES, ES, FS, FS, GS, GS, DS]), is);
    if (scene.below(4) > 0) loadSegment(scene, DS, FLAT);
  },
  function inSegment(scene) {
    const is = scene.pick([SMALL, local.around, local.beginsThere]);
    const segment = scene.pick([ES, FS, GS]);
    loadSegment(scene, segment, is.selector);
    const end = scene.below(8) === 0 ? is.limit + 1 : 0x400;
    through(
      scene,
      scene.pick(scene.pick([steady, ...numericOf(scene)]).filter(hasMemory)),
      segment,
      end - scene.below(0x40),
      scene.below(3) === 0,
    );
  },
  function strings(scene) {
    const low = scene.below(4) === 0;
    const area = low ? LOW : DATA;
    const place = (): number =>
      area.start + scene.pick([0x800, 0x800, 0x800, 0x1000, 0x1000, 0x1fc0]) + scene.below(64) - 16;
    scene.load(ESI, place());
    scene.load(EDI, scene.below(24) === 0 ? CONSTANT.start : place());
    scene.load(ECX, scene.below(20));
    scene.put(scene.pick([0xfc, 0xfc, 0xfd]));
    for (const prefix of [[0x67], PREFIX.slice(1, 4), [0x66], [0xf2, 0xf3, 0xf3]]) {
      const wanted = prefix[0] === 0x67 ? low : scene.below(prefix.length > 2 ? 4 : 3) > 1;
      if (wanted) scene.put(scene.pick(prefix));
    }
    scene.put(scene.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]));
  },
  function stack(scene) {
    narrow(scene);
    scene.put(
      ...scene.pick([
        [0x50 + scene.below(8)],
        [0x58 + register(scene)],
        [0x60],
        [0x61],
        [0x9c],
        [0x06],
        [0x0f, 0xa0],
        [0x0f, 0xa8],
        [0xff, 0x74, 0x24, 4 * scene.below(8)],
        [0x8f, 0x44, 0x24, 4 * scene.below(8)],
        [0x6a, scene.below(256)],
        [0xc8, 4 * scene.below(6), 0, scene.below(4), 0xc9],
        [0x8c, 0xd0, 0x8e, 0xd0],
        [0x16, 0x17],
      ]),
    );
  },
  function flags(scene) {
    // pushfd; xor dword [esp],flags; popfd: now and then with TF, or with ID
    scene.put(0x9c, 0x81, 0x34, 0x24);
    scene.dword(
      (scene.random.u32() & 0x8d5) |
        (scene.below(scene.steps ? 2 : 20) === 0 ? 0x100 : 0) |
        (scene.below(6) === 0 ? 0x20_0000 : 0),
    );
    scene.put(0x9d);
  },
  function exchange(scene) {
    scene.put(
      ...scene.pick([
        [0x0f, 0xc7, 0x0d],
        [0xf0, 0x0f, 0xc7, 0x0d],
        [0xf0, 0x0f, 0xb1, 0x05 | (register(scene) << 3)],
        [0xf0, 0x0f, 0xc1, 0x05 | (register(scene) << 3)],
        [0x87, 0x05 | (register(scene) << 3)],
      ]),
    );
    scene.dword(DATA.start + scene.below(56));
  },
  function table(scene) {
    scene.load(EBX, DATA.start + scene.below(64));
    scene.put(...scene.pick([[], [0x67], [0x64]]), 0xd7);
    if (scene.code[scene.code.length - 2] !== 0xd7) scene.load(EBX, scene.random.u32());
  },
  function division(scene) {
    if (scene.below(3) > 0) return some(scene, 2);
    scene.load(register(scene), scene.pick(TELLING));
    scene.put(...scene.pick([[0x99], [0x31, 0xd2], [0x66, 0x99]]));
    narrow(scene);
    scene.put(scene.pick([0xf6, 0xf7]), scene.pick([0xf0, 0xf8]) | register(scene));
  },
  function overwritten(scene) {
    // A byte of the constant of mov, add or test, behind prefixes, is written by what stands before it.
    const prefixes = Array.from({ length: scene.below(4) }, () => scene.pick([0x3e, 0x26, 0x64]));
    const before = scene.below(3);
    const store = scene.pick([
      [0xc6, 0x05],
      [0xfe, 0x05],
      [0x80, 0x35],
      [0x88, 0x05 | (scene.below(8) << 3)],
      [0x0f, 0x90 | scene.below(16), 0x05],
    ]);
    const constant = store[0] === 0xc6 || store[0] === 0x80 ? [scene.below(256)] : [];
    scene.put(...store);
    scene.dword(scene.here + 4 + constant.length + before + prefixes.length + 1 + scene.below(4));
    scene.put(...constant, ...new Array<number>(before).fill(0x90), ...prefixes);
    scene.put(scene.pick([0xb8, 0x05, 0xa9, 0x35, 0x15, 0x68]));
    scene.dword(scene.random.u32());
  },
  function skipped(scene, depth) {
    const from = scene.here + 2;
    scene.put(0x70 + scene.below(16), 0);
    some(scene, depth);
    const length = scene.here - from;
    if (length > 127) scene.code.splice(from - 2 - scene.eip, 2, 0x90, 0x90);
    else scene.code[from - 1 - scene.eip] = length;
  },
  function called(scene, depth) {
    // call over the jump that skips what is called
    scene.put(0xe8);
    scene.dword(5);
    scene.put(0xe9);
    const from = scene.here + 4;
    scene.dword(0);
    some(scene, depth);
    scene.put(...scene.pick([[0xc3], [0xc2, 0, 0], [0xf3, 0xc3]]));
    const length = scene.here - from;
    scene.code.splice(from - 4 - scene.eip, 2, length & 0xff, length >>> 8);
  },
  function repeated(scene, depth) {
    if (depth > 0) return some(scene, depth);
    scene.put(0xc6);
    at(scene, 0, COUNTER);
    scene.put(1 + scene.below(6));
    const top = scene.here;
    some(scene, depth);
    scene.put(0xfe);
    at(scene, 1, COUNTER);
    scene.put(0x0f, 0x85);
    scene.dword(top - (scene.here + 4));
  },
  function faulting(scene) {
    if (scene.below(4) > 0) return;
    const nowhere = [0, 8, 16, 24].map((shift) => (0x6000_0000 >>> shift) & 0xff);
    scene.put(
      ...scene.pick([
        [0xcc],
        [0xce],
        [0xd4, scene.below(2)],
        [0x0f, 0x0b],
        [0xf4],
        [0x62, 0x05 | (register(scene) << 3), ...[0, 8, 0x20, 0]],
        [0xa1, ...nowhere],
        [0xdd, 0x05, ...nowhere],
        [0x0f, 0x10, 0x05, ...nowhere],
        [0xff, 0x35, ...nowhere],
        [0x0f, 0x28, 0x05, 4, 0, 0x20, 0],
        [0xf0, 0x01, 0xc8],
        [0x9b],
      ]),
    );
  },
];

function some(scene: Scene, depth: number): void {
  for (let count = 1 + scene.below(4); count > 0; count--) {
    // What nests does so twice at most.
    const of = depth > 1 ? pieces.slice(0, -4) : pieces;
    scene.pick(of)(scene, depth + 1);
  }
}

function all(scene: Scene): void {
  scene.registers[EBP] = STACK.start + 0x900;
  for (const area of [LOW, DATA]) {
    scene.pokes.push({
      address: area.start + 0x7c0,
      bytes: Uint8Array.from({ length: 160 }, (_, i) =>
        scene.below(8) === 0 ? scene.below(256) : 5 + (i & 1),
      ),
    });
  }
  someX87(scene);
  for (let count = 3 + scene.below(10); count > 0; count--) scene.pick(pieces)(scene, 0);
}

const scenes: Readonly<Record<string, (scene: Scene) => void>> = {
  "all of it": all,

  "all of it in single steps, which begin and end in the middle"(scene) {
    scene.steps = true;
    if (scene.below(3) > 0) scene.eflags |= 0x100;
    all(scene);
  },
};

export const everythingSeries = (): Series[] => seriesOf("everything", scenes);
