/**
 * Cases about exceptions and about where instructions stand: a few instructions of any kind, one that faults or
 * traps, a few more. What is compared is that everything before it has happened, and nothing of what comes behind.
 */
import { CODE, CONSTANT, DATA, LOW, SMALL, STACK } from "./arena.ts";
import { asked, askedVector, plainCode, type Series } from "./generate.ts";
import { anyInstruction, steadyVector } from "./mixed.ts";
import { at, type Scene, START, seriesOf } from "./scene.ts";
import { askedX87 } from "./x87.ts";

/** Forms whose memory operand has 16 bytes. */
const wideForms = steadyVector.filter(
  (form) =>
    form.mod !== "register" &&
    form.operands.some(({ memorySize }, i) => form.places[i] === "rm" && memorySize === 16),
);

/** Forms that write memory, by units; those with long operands by themselves. */
const writing = [
  asked.filter(({ privileged }) => !privileged),
  askedVector,
  askedX87,
  [...askedVector, ...askedX87].filter(({ name }) => /^(fxsave|fn?save|fn?stenv|fbstp)/.test(name)),
].map((forms) =>
  forms.filter(
    ({ operands, places, mod, name }) =>
      mod !== "register" &&
      operands.some(({ writes }, i) => writes && /^(rm|moffs)$/.test(places[i]!)) &&
      !name.startsWith("pop"),
  ),
);

const notEsp = (scene: Scene): number => scene.pick([0, 1, 2, 3, 5, 6, 7]);

/** The instruction, and nops up to `length` bytes. */
const filled = (instruction: readonly number[], length: number): number[] =>
  [...instruction, ...new Array<number>(length).fill(0x90)].slice(0, Math.max(length, instruction.length));

const SEGMENT_PREFIX = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65] as const;

const MODIFIES_NEXT = "code that modifies the next instruction";

const scenes: Readonly<Record<string, (scene: Scene) => void>> = {
  "division (#DE)"(scene) {
    scene.some(4);
    const register = notEsp(scene);
    scene.load(register, scene.pick([0, 0, 1, 2, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000, scene.random.u32()]));
    scene.load(2, scene.pick([0, 0, 0xffff_ffff, 1, 0x8000_0000, 0x4000_0000]));
    scene.load(0, scene.pick([0, 0x8000_0000, 0xffff_ffff, scene.random.u32()]));
    const width = scene.pick([[0xf6], [0x66, 0xf7], [0xf7]]);
    if (scene.below(4) === 0) scene.put(0xd4, scene.below(3));
    else scene.put(...width, scene.pick([0xf0, 0xf8]) | register);
    scene.some(2);
  },

  "interrupts (#BP, #OF, #GP)"(scene) {
    scene.some(4);
    // Another vector that Linux serves is 0x80.
    const vector = (scene.below(256) | 0x80) === 0x80 ? 0x2e : scene.below(0x80);
    scene.put(...scene.pick([[0xcc], [0xcd, 3], [0xcd, 4], [0xce], [0xce], [0xcd, vector]]));
    scene.some(2);
  },

  "bounds (#BR)"(scene) {
    scene.some(3);
    const narrow = scene.below(3) === 0;
    const register = notEsp(scene);
    const low = scene.pick([0, -5, 10, 0x7fff, -0x8000]);
    const high = low + scene.pick([0, 1, 20, -1]);
    const value = scene.pick([low, high, low - 1, high + 1, 0]);
    const bytes = narrow ? Int16Array.of(low, high) : Int32Array.of(low, high);
    scene.pokes.push({ address: DATA.start + 0x800, bytes: new Uint8Array(bytes.buffer) });
    scene.load(register, value);
    if (narrow) scene.put(0x66);
    scene.put(0x62);
    at(scene, register, DATA.start + 0x800);
    scene.some(2);
  },

  "undefined and privileged (#UD, #GP)"(scene) {
    scene.some(4);
    const lock = [0xf0, 0x01, 0xc0 | scene.below(8)];
    const undefined_ = [
      [0x0f, 0x0b],
      [0x0f, 0xb9, 0xc0],
      [0xfe, 0xf8],
      [0xff, 0xf8],
      [0x8c, 0xf0],
      [0x8e, 0xc8],
      [0x8e, 0xf8],
      [0x0f, 0xc7, 0xc8],
      [0x8d, 0xc0],
      [0xf0, 0x90],
      [0xf0, 0x39, 0x05, 0, 0, 0x20, 0],
      lock,
      [0x0f, 0x04],
      [0x0f, 0x0a],
      [0x0f, 0xba, 0xc0, 1],
      [0xd9, 0xd1],
      [0xdb, 0xff],
      [0x66, 0x0f, 0x3a, 0xff],
      [0x0f, 0x38, 0xff],
    ];
    const privileged = [
      [0xf4],
      [0xfa],
      [0xfb],
      [0xec],
      [0xed],
      [0xe4, 0x60],
      [0xef],
      [0x6c],
      [0xf3, 0x6e],
      [0x0f, 0x06],
      [0x0f, 0x08],
      [0x0f, 0x09],
      [0x0f, 0x30],
      [0x0f, 0x32],
      [0x0f, 0x20, 0xc0],
      [0x0f, 0x22, 0xd8],
      [0x0f, 0x21, 0xc0],
      [0x0f, 0x23, 0xf8],
      [0x0f, 0x01, 0x15, 0, 0, 0x20, 0],
      [0x0f, 0x00, 0xd0],
    ];
    scene.put(...scene.pick([undefined_, privileged].flat()));
    scene.some(2);
  },

  "segments (#GP, #SS)"(scene) {
    const selectors = [0, 1, 2, 3, 0x2b, 0x2b, 0x63, 0x63, 0x23, 0x2a, 0x28, 0x1003, 0x6b, 0xfffb];
    for (let count = 1 + scene.below(2); count > 0; count--) {
      scene.some(2, [1, 0, 0]);
      const register = notEsp(scene);
      scene.load(register, scene.pick(selectors));
      // mov ss would make what comes behind it hard to compare: seldom.
      scene.put(0x8e, 0xc0 | (scene.pick([0, 0, 3, 3, 4, 4, 5, 5, 2]) << 3) | register);
    }
    const base = notEsp(scene);
    scene.load(base, scene.pick([0, 0xff0, 0xffc, 0xffd, 0xfff, 0x1000, 0xffff_fffc, DATA.start + 0x100]));
    const prefix = scene.pick(SEGMENT_PREFIX);
    const other = (base + 1) & 7;
    const access = [
      [0x8b, (other << 3) | base],
      [0x89, (other << 3) | base],
      [0xff, base],
      [0x0f, 0x10, base],
      [0xdd, base],
      [0xa5],
      [0xa7],
      [0xaa],
    ];
    scene.put(prefix, ...scene.pick(access));
    if (base === 5) {
      // [ebp] needs a displacement.
      scene.code.splice(-2, 2);
      scene.put(0x8b, 0x45 | (other << 3), 0);
    }
    scene.some(1);
  },

  "two strings, one behind a segment's end (#GP, #PF)"(scene) {
    const near = (): number =>
      scene.pick([0xff8, 0xffd, 0x1000, 0x2000, DATA.start + 0x1ff8, DATA.start + 0x40, 0x6000_0000]);
    scene.load(6, near());
    scene.load(7, near());
    scene.load(1, scene.below(24));
    scene.put(scene.pick([0x64, 0x65, 0x3e]));
    if (scene.below(2) === 0) scene.put(scene.pick([0xf2, 0xf3]));
    scene.put(scene.pick([0xa4, 0xa5, 0xa6, 0xa7]));
  },

  "far returns at the end of the stack (#GP, #PF)"(scene) {
    const narrow = scene.below(3) === 0;
    const size = narrow ? 2 : 4;
    scene.registers[4] = STACK.start + STACK.length - scene.below(5 * size + 4);
    const release = scene.pick([0, 0, 4, 8]);
    const offset = START + 0x100;
    const selector = scene.pick([0x23, 0x20, 0x21, 0x22, 0, 3, 0x2b, 0x1b, 0x1000]);
    const frame = new DataView(new ArrayBuffer(12));
    if (narrow) {
      frame.setUint16(0, offset, true);
      frame.setUint16(2, selector, true);
      frame.setUint16(4, 0x202, true);
    } else {
      frame.setUint32(0, offset, true);
      frame.setUint32(4, selector, true);
      frame.setUint32(8, 0x202, true);
    }
    const room = STACK.start + STACK.length - scene.registers[4]!;
    const bytes = new Uint8Array(frame.buffer).slice(0, Math.min(room, 12));
    if (bytes.length > 0) scene.pokes.push({ address: scene.registers[4]!, bytes });
    if (narrow) scene.put(0x66);
    scene.put(...scene.pick([[0xcb], [0xca, release, 0], [0xcf]]));
  },

  "pages (#PF)"(scene) {
    scene.some(4);
    const target = scene.pick([
      DATA.start - 1 - scene.below(16),
      DATA.start + DATA.length - scene.below(16),
      CONSTANT.start + scene.below(16),
      CONSTANT.start + CONSTANT.length - scene.below(16),
      0x1234_5678,
      DATA.start + 0x1000 - scene.below(16),
    ]);
    const register = notEsp(scene);
    const operations = [
      [[0x8b], register],
      [[0x89], register],
      [[0x01], register],
      [[0x0f, 0xab], register],
      [[0xff], 0],
      [[0xff], 6],
      [[0x8f], 0],
      [[0xdd], 0],
      [[0xdd], 2],
      [[0xdb], 5],
      [[0xdb], 7],
      [[0xd9], 6],
      [[0xdd], 4],
      [[0x0f, 0x10], 3],
      [[0x0f, 0x11], 3],
      [[0x0f, 0x7f], 3],
      [[0xf2, 0x0f, 0x2a], 3],
      [[0x0f, 0xc7], 1],
      [[0xf0, 0x0f, 0xc1], register],
      [[0xd3], 4],
      [[0x0f, 0x94], 0],
      [[0x87], register],
    ] as const;
    const [bytes, digit] = scene.pick(operations);
    scene.put(...bytes);
    at(scene, digit, target);
    scene.some(2);
  },

  "length (#GP)"(scene) {
    scene.some(3);
    const prefixes = 9 + scene.below(8);
    // Each prefix may come twice; the last of a kind counts.
    const kind = scene.pick([[0x66], [0x67], [0x3e, 0x26], [0x66, 0x67, 0x2e]]);
    for (let i = 0; i < prefixes; i++) scene.put(kind[i % kind.length]!);
    scene.put(...scene.pick([[0x90], [0x40], [0x01, 0xc8], [0xb8, 1, 2, 3, 4], [0x05, 1, 2, 3, 4]]));
    scene.some(2);
  },

  "page ends"(scene) {
    // Across the page in the middle of the code, or up to its very end, behind which there is nothing.
    const atEnd = scene.below(4) === 0;
    scene.eip = CODE.start + (atEnd ? CODE.length : 0x1000) - 1 - scene.below(60);
    while (scene.here < CODE.start + 0x1008 + (atEnd ? 0x1000 : 0))
      scene.put(...anyInstruction(scene.random, [2, 1, 1]));
  },

  [MODIFIES_NEXT](scene) {
    scene.some(2);
    const next = filled(anyInstruction(scene.random, [3, 1, 1]), 16);
    const becomes = filled(anyInstruction(scene.random, [3, 1, 1]), 16);
    const way = scene.below(4);
    if (way === 0) {
      // add eax,constant becomes or, adc, … by a write of one byte.
      scene.put(0x80, 0x35);
      scene.dword(scene.here + 5);
      scene.put(scene.pick([8, 0x10, 0x20, 0x28, 0x30, 0x38]));
      scene.put(0x05);
      scene.dword(scene.random.u32());
      return;
    }
    if (way === 1) {
      // mov dword [next],…
      const short = filled(
        scene.pick([[0x40], [0x01, 0xc8], [0xf7, 0xd8], [0x0f, 0xc8], [0x66, 0x0f, 0xef, 0xc1]]),
        4,
      );
      scene.put(0xc7, 0x05);
      scene.dword(scene.here + 8);
      scene.put(
        ...short,
        ...scene.pick([
          [0x48, 0x43, 0x90, 0x90],
          [0x6b, 0xc0, 7, 0x90],
        ]),
      );
    } else if (way === 2) {
      // rep movsb over what comes behind it
      scene.pokes.push({ address: DATA.start + 0x900, bytes: Uint8Array.from(becomes) });
      scene.put(0xfc);
      scene.load(6, DATA.start + 0x900);
      scene.load(7, scene.here + 12);
      scene.load(1, becomes.length);
      scene.put(0xf3, 0xa4, ...next);
    } else {
      // movups [next],xmm1: all of it at once
      scene.fxsave.set(becomes, 160 + 16);
      scene.code = [0x0f, 0x11];
      at(scene, 1, scene.here + 5);
      scene.put(...next);
    }
    scene.some(3);
  },

  "code that any instruction writes"(scene) {
    scene.raw = true;
    if (scene.below(3) === 0) scene.eip = CODE.start + 0x1000 - scene.below(40);
    scene.some(2, [2, 1, 0]);
    const near = (): number => scene.here + scene.below(40) - 8;
    if (scene.below(4) === 0) {
      // The stack is in the code.
      scene.load(5, near());
      scene.load(4, near() + 16);
      const pushes = [
        [0x50 + scene.below(8)],
        [0x68, 0x40, 0x41, 0x90, 0x43],
        [0x60],
        [0x9c],
        [0xe8, 0, 0, 0, 0],
        [0x66, 0x50],
      ];
      scene.put(
        ...scene.pick([...pushes, [0xc8, 4, 0, 2], [0x6a, 0x41], [0x0e], [0xff, 0x35, 0, 0, 0x20, 0]]),
      );
    } else {
      const form = scene.pick(scene.pick(writing));
      const place = near();
      const bytes = [0, 8, 16, 24].map((shift) => (place >>> shift) & 0xff);
      scene.put(
        ...plainCode(form, scene.random, { modrm: (reg) => [(reg << 3) | 5, ...bytes], offset: bytes }),
      );
    }
    for (let count = 3; count > 0; count--) scene.some(2);
  },

  "a loop that modifies itself"(scene) {
    // add eax,constant, whose constant changes each time round; then the opcode changes
    scene.load(1, 2 + scene.below(6));
    const top = scene.here;
    scene.put(0x05);
    const constant = scene.here;
    scene.dword(scene.random.u32());
    const size = scene.below(3);
    if (size === 0) scene.put(0xfe, 0x05);
    else if (size === 1) scene.put(0x81, 0x05);
    else scene.put(0x80, 0x35);
    scene.dword(size === 2 ? top : constant);
    if (size === 1) scene.dword(scene.random.u32());
    // add, or, adc, sbb, and, sub, xor, cmp eax,imm32 differ by 8
    if (size === 2) scene.put(scene.pick([8, 0x10, 0x20, 0x28, 0x30]));
    scene.put(0xe2, (top - (scene.here + 2)) & 0xff);
    scene.some(1);
  },

  "jumps into the middle"(scene) {
    scene.some(2);
    // A constant that is instructions itself: executed first as such, then as the constant it is, then again …
    const inner = scene.pick([
      [0x40, 0x41, 0x42, 0x43],
      [0x01, 0xc8, 0xf7, 0xd8],
      [0x0f, 0xc8, 0x31, 0xc1],
      [0x66, 0x0f, 0xef, 0xc1],
      [0xd9, 0xc0, 0xd9, 0xf7],
      [0x6b, 0xc0, 0x07, 0x90],
    ]);
    const outer = scene.pick([[0xb8], [0x05], [0x69, 0xc9], [0x81, 0xf2], [0xc7, 0x05, 0, 8, 0x20, 0]]);
    scene.pokes.push({ address: DATA.start + 0xa00, bytes: Uint8Array.of(1 + scene.below(3)) });
    scene.put(0xeb, outer.length);
    const start = scene.here;
    scene.put(...outer, ...inner);
    // dec byte [count]; jns to one or the other
    scene.put(0xfe);
    at(scene, 1, DATA.start + 0xa00);
    scene.put(0x79, (start + scene.pick([0, outer.length]) - (scene.here + 2)) & 0xff);
    scene.some(2);
  },

  "single step (#DB)"(scene) {
    scene.some(2);
    const frame = 0x302 | (scene.random.u32() & 0x8d5);
    scene.put(0x68);
    scene.dword(frame);
    scene.put(0x9d);
    const segment = [
      [0x8c, 0xd0, 0x8e, 0xd0],
      [0x16, 0x17],
      [0x16, 0x17, 0x9c],
      [0x9c],
      [0x9c, 0x9d],
      [0x60],
      [0xcc],
      [0xcd, 3],
      [0x0f, 0x0b],
      [0xf3, 0xaa],
      [0xe2, 0],
      [0xce],
      [0x1e, 0x1f],
      [0x06, 0x07],
    ];
    // Only one instruction behind popf is executed: what is compared is which one.
    scene.load(7, DATA.start + 0x600);
    const before = scene.code.splice(-5);
    scene.code.splice(0, 0, ...before);
    scene.put(...scene.pick(segment));
    scene.some(2);
  },

  "single step from the start (#DB)"(scene) {
    scene.eflags |= 0x100;
    scene.registers[7] = DATA.start + 0x600;
    scene.registers[6] = DATA.start + 0x500;
    scene.registers[1] = scene.below(4);
    const stack = STACK.start + 0x900;
    scene.pokes.push({ address: stack, bytes: Uint8Array.of(0, 8, 0x30, 0, 0x2b, 0) });
    scene.pokes.push({ address: STACK.start + 0x800, bytes: Uint8Array.of(0x2b, 0, 0, 0) });
    scene.registers[0] = 0x2b;
    scene.put(
      ...scene.pick([
        [0x17, 0x90, 0x40],
        [0x17, 0x17, 0x40],
        [0x17, 0x9c, 0x40],
        [0x8e, 0xd0, 0x90, 0x40],
        [0x8e, 0xd0, 0x8e, 0xd0, 0x90],
        [0x8e, 0xd0, 0x9c, 0x90],
        [0x8e, 0xd0, 0xcc],
        [0x8e, 0xd0, 0x0f, 0x0b],
        [0x0f, 0xb2, 0x25, 0, 9, 0x30, 0, 0x90, 0x40],
        [0x8e, 0xd8, 0x90],
        [0x9c, 0x90],
        [0x9d, 0x90],
        [0xf3, 0xa4, 0x90],
        [0xf3, 0xa6, 0x90],
        [0xf2, 0xae, 0x90],
        [0xa4, 0x90],
        [0xcc],
        [0xce, 0x90],
        [0xcd, 3],
        [0xeb, 0],
        [0xe8, 0, 0, 0, 0],
        [0x0f, 0x0b],
        [0xfb],
        anyInstruction(scene.random, [1, 1, 1]),
      ]),
    );
  },

  "x87 exceptions that are not masked (#MF)"(scene) {
    scene.put(0xdb, 0xe3);
    scene.some(3, [0, 0, 1]);
    scene.control(0x37f & ~scene.below(0x40));
    for (let count = 1 + scene.below(5); count > 0; count--) scene.some(1, [1, 0, 6]);
    scene.put(
      ...scene.pick([
        [0x9b],
        [0xdf, 0xe0],
        [0xd9, 0xee],
        [0x0f, 0xef, 0xc0],
        [0x0f, 0x77],
        [0x9b, 0xdb, 0xe2],
        [0xdb, 0xe2],
      ]),
    );
    scene.some(2, [1, 1, 1]);
  },

  "vector exceptions that are not masked (#XM)"(scene) {
    scene.mxcsr((0x1f80 & ~(scene.below(0x40) << 7)) | (scene.below(4) << 13));
    scene.some(8, [1, 6, 0]);
  },

  "alignment (#GP)"(scene) {
    scene.some(2);
    if (scene.below(3) === 0) scene.mxcsr(0x2_1f80);
    const moves = [
      [0x0f, 0x28],
      [0x66, 0x0f, 0x6f],
      [0x0f, 0x29],
      [0x66, 0x0f, 0xe7],
      [0x0f, 0x58],
      [0x66, 0x0f, 0x38, 0x2a],
      [0x0f, 0x10],
      [0xf3, 0x0f, 0x6f],
    ];
    scene.put(...scene.pick(moves));
    at(scene, scene.below(8), DATA.start + 0x100 + scene.pick([0, 0, 1, 4, 8, 15]));
    scene.some(1);
  },

  "the stack's ends (#PF)"(scene) {
    scene.registers[4] = scene.pick([
      STACK.start + scene.below(9),
      STACK.start + STACK.length - scene.below(9),
      SMALL.base,
    ]);
    const stack = [
      [0x50],
      [0x58],
      [0x68, 1, 2, 3, 4],
      [0x6a, 1],
      [0x66, 0x50],
      [0x9c],
      [0x9d],
      [0x1e],
      [0x1f],
      [0xc3],
      [0xe8, 0, 0, 0, 0],
      [0xff, 0x34, 0x24],
      [0x8f, 0x04, 0x24],
      [0x54],
      [0x5c],
      [0xc9],
      [0x66, 0x9c],
      [0xff, 0x14, 0x24],
    ];
    scene.put(...scene.pick(stack));
    scene.some(1, [1, 0, 0]);
  },

  "operands of 16 bytes that need not be aligned, at the end of a page (#PF)"(scene) {
    scene.mxcsr(0x2_1f80);
    const form = scene.pick(wideForms);
    if (form.prefix > 0) scene.put(form.prefix);
    scene.put(0x0f, ...(form.map === 2 ? [0x38] : form.map === 3 ? [0x3a] : []), form.code);
    at(
      scene,
      form.digit >= 0 ? form.digit : scene.below(8),
      DATA.start + DATA.length - scene.pick([16, 12, 8, 7, 4, 1]),
    );
    for (let tail = form.tail.length; tail > 0; tail--) scene.put(scene.below(256));
    if (form.suffix >= 0) scene.put(form.suffix);
    scene.some(1);
  },

  "repetitions interrupted in the middle (#PF, #GP, #DB)"(scene) {
    const narrow = scene.below(3) === 0;
    const areas = narrow ? [LOW] : [DATA, DATA, CONSTANT];
    // Up to the end of an area or, with DF, down to its beginning; sometimes both strings, sometimes one.
    const place = (): number => {
      const area = scene.pick(areas);
      const edge = scene.pick([area.start, area.start + area.length, area.start + 0x800]);
      return edge + scene.below(96) - 48;
    };
    const set = (register: number, value: number): void => {
      scene.registers[register] = narrow ? (scene.random.u32() & ~0xffff) | value : value;
    };
    set(6, place());
    set(7, place());
    set(1, scene.below(48));
    if (scene.below(2) === 0) scene.eflags |= 0x400;
    if (scene.below(6) === 0) scene.eflags |= 0x100;
    if (scene.below(2) === 0) scene.registers[0] = 0;
    if (narrow) scene.put(0x67);
    if (scene.below(8) === 0) scene.put(scene.pick(SEGMENT_PREFIX));
    if (scene.below(3) === 0) scene.put(0x66);
    scene.put(scene.pick([0xf2, 0xf3]));
    scene.put(scene.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]));
    scene.some(1);
  },

  "a repetition that overwrites itself"(scene) {
    scene.raw = true;
    if (scene.below(8) === 0) scene.eip = CODE.start + 0x1000 - scene.below(40);
    if (scene.below(10) === 0) scene.eflags |= 0x100;
    // What is written: instructions of one byte, and what faults.
    const value = scene.pick([
      0x9090_9090, 0x4040_4040, 0x9041_9040, 0x4241_4340, 0, 0xcccc_cccc, 0xc3c3_c3c3,
    ]);
    const bytes = Array.from({ length: 160 }, (_, i) => (value >>> (8 * (i & 3))) & 0xff);
    scene.pokes.push({ address: DATA.start + 0x900, bytes: Uint8Array.from(bytes) });
    scene.load(0, value);
    scene.load(1, scene.below(30));
    scene.load(6, DATA.start + 0x950);
    scene.put(scene.pick([0xfc, 0xfc, 0xfd]));
    scene.load(7, scene.here + 5 + scene.below(48) - 24);
    if (scene.below(6) === 0) scene.put(scene.pick(SEGMENT_PREFIX));
    const size = scene.pick([[], [0x66], [0x66], [0]]);
    if (size[0] === 0x66) scene.put(0x66);
    if (scene.below(6) > 0) scene.put(scene.pick([0xf2, 0xf3]));
    scene.put(scene.pick([0xa4, 0xaa, 0xaa]) + (size.length > 0 ? 1 : 0));
    scene.put(
      ...scene.pick([
        [0x40, 0x41, 0x42, 0x43, 0x90, 0x40],
        [0xb8, 1, 2, 3, 4, 0x90],
        [0x01, 0xc8, 0x90, 0x90],
      ]),
    );
    scene.some(2, [1, 0, 0]);
  },
};

export const faultSeries = (): Series[] => seriesOf("faults", scenes, (name) => name === MODIFIES_NEXT);
