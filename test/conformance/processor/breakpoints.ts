/** Pieces of code with hardware breakpoints, and what a machine of ours does with them. SDM vol. 3B, 17.2 and 17.3. */
import { assemble, memoryFiles } from "../../../src/assembler/index.ts";
import { Random } from "../../../src/base/index.ts";
import type { Form } from "../../../src/isa/index.ts";
import { linuxSegments, Machine, type MachineOptions } from "../../../src/machine/index.ts";
import { plainCode, steady } from "./generate.ts";
import { steadyVector, steadyX87 } from "./mixed.ts";

const CODE = 0x10_0000;
const DATA = 0x20_0000;
const STACK = 0x30_0000;
const LENGTH = 0x2000;

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
type Values = Partial<Record<(typeof REGISTERS)[number], number>>;

const USUAL: Required<Values> = {
  eax: 1,
  ecx: 2,
  edx: 3,
  ebx: DATA,
  esp: STACK + 0x800,
  ebp: STACK + 0x900,
  esi: DATA,
  edi: DATA + 0x100,
};

/** Bits of DR6 that tell something here: the four breakpoints, a single step. */
const TOLD = 0x400f;
const KINDS: Readonly<Record<string, number>> = { x: 0, w: 1, rw: 3 };
const LENGTHS: Readonly<Record<string, number>> = { 1: 0, 2: 1, 4: 3 };
const MOST_STOPS = 12;

/** Source; breakpoints from DR0 on, each "x, w or rw, place, bytes"; registers that are not as usual. */
export const pieces: readonly (readonly [source: string, breakpoints: string, registers?: Values])[] = [
  // Which accesses there are
  ["mov [ram+2],eax", "w ram+4 2"],
  ["mov [ram],eax", "w ram+4 4"],
  ["mov [ram+0FFEh],eax", "w ram+1000 1"],
  ["mov eax,[ram+4]", "w ram+4 4"],
  ["mov eax,[ram+4]", "rw ram+4 1"],
  ["inc dword [ram+4]", "w ram+4 4"],
  ["not dword [ram+4]", "w ram+4 4"],
  ["add [ram+4],eax", "rw ram+4 4"],
  ["cmp [ram+4],eax", "rw ram+4 4, w ram+4 4"],
  ["xchg [ram+4],eax", "w ram+4 4"],
  ["xadd [ram+4],eax", "w ram+4 1"],
  ["cmpxchg [ram+4],ecx", "w ram+4 4"],
  ["lock cmpxchg [ram+4],ecx", "w ram+4 4"],
  ["cmpxchg8b [ram+8]", "w ram+C 4"],
  ["bt [ram+4],ecx", "rw ram+4 4"],
  ["bts [ram+4],ecx", "w ram+7 1"],
  ["cmovz eax,[ram+4]", "rw ram+4 4"],
  ["setz [ram]", "w ram 1"],
  ["lea eax,[ram+4]", "rw ram+4 4"],
  ["nop dword [ram+4]", "rw ram+4 4"],
  ["prefetcht0 [ram+4]", "rw ram+4 4"],
  ["arpl [ram],ax", "w ram 2"],
  ["verr [ram]", "rw ram 2"],
  ["bound eax,[ram]", "rw ram+4 4", { eax: 0 }],
  ["xlatb", "rw ram+1 1"],
  // A shift by nothing writes
  ...["rol", "ror", "rcl", "rcr", "shl", "shr", "sar"].flatMap((name): [string, string, Values][] => [
    [`${name} dword [ram+4],32`, "w ram+4 4", {}],
    [`${name} word [ram+4],cl`, "w ram+4 2", { ecx: 0 }],
  ]),
  ["shld [ram+4],ecx,0", "w ram+4 4"],
  ["shrd [ram+4],edx,cl", "w ram+4 4", { ecx: 32 }],
  // The stack
  ["push eax", "w frame+7FC 4"],
  ["pushad", "w frame+7F0 4"],
  ["popad", "rw frame+80C 4"],
  ["call next\nnext:", "w frame+7FC 4"],
  ["push next\nret\nnext:", "rw frame+7FC 4"],
  ["enter 8,0", "w frame+7FC 4"],
  ["enter 8,3", "w frame+7F8 4"],
  ["leave", "rw frame+900 4"],
  // The x87 and vector units
  ["fld tword [ram]", "rw ram+8 2"],
  ["fild dword [ram]", "rw ram+2 2"],
  ["fld1\nfistp qword [ram]", "w ram+4 4"],
  ["fnstenv [ram]", "w ram+18 4"],
  ["fnsave [ram]", "w ram+64 4"],
  ["fxsave [ram]", "w ram+118 4"],
  ["fxsave [ram]\nfxrstor [ram]", "rw ram+190 4"],
  ["stmxcsr [ram]", "w ram 4"],
  ["movups [ram+4],xmm0", "w ram+10 4"],
  ["movups xmm0,[ram+4]", "rw ram+10 4"],
  ["movhps xmm0,[ram]", "rw ram+4 4"],
  ["punpckldq mm0,[ram]", "rw ram+4 4"],
  ["punpckldq xmm0,[ram]", "rw ram+8 4"],
  ["psllw xmm0,[ram]", "rw ram+8 4"],
  ["pinsrw mm0,[ram],0", "rw ram+1 1"],
  ["pextrb [ram],xmm0,1", "w ram 1"],
  ["pxor xmm1,xmm1\nmaskmovdqu xmm0,xmm1", "w ram+100 4"],
  ["pcmpeqd xmm1,xmm1\npslldq xmm1,8\nmaskmovdqu xmm0,xmm1", "w ram+100 4"],
  ["pcmpeqd xmm1,xmm1\npslldq xmm1,8\nmaskmovdqu xmm0,xmm1", "w ram+108 4"],
  // Strings: behind the iteration that touched it
  ["movsd", "rw ram 4, w ram+100 4"],
  ["cmpsd", "rw ram 4, rw ram+100 4"],
  ["rep stosb", "w ram+103 1", { ecx: 8 }],
  ["rep stosb", "w ram+164 1", { ecx: 200 }],
  ["rep stosb", "w ram+100 1", { ecx: 0 }],
  ["rep stosd", "w ram+108 4", { ecx: 8 }],
  ["rep movsb", "rw ram+64 1", { edi: DATA + 0x400, ecx: 200 }],
  ["std\nrep movsd", "w ram+400 4", { esi: DATA + 40, edi: DATA + 0x408, ecx: 6 }],
  ["rep lodsb", "rw ram+2 1", { ecx: 5 }],
  ["repe cmpsb", "rw ram+2 1", { ecx: 5 }],
  ["repne scasb", "rw ram+102 1", { ecx: 5 }],
  // Instructions: before them, once, whatever their iterations
  ["inc eax\nhere: inc ecx\ninc edx", "x here 1"],
  ["mov eax,12345678h\nnop", "x start+2 1"],
  ["jmp here\nnop\nhere: inc eax", "x here 1"],
  ["here: loop here\ninc eax", "x here 1", { ecx: 3 }],
  ["here: ud2", "x here 1"],
  ["nop\nhere: rep stosb\nnop", "x here 1", { ecx: 3 }],
  ["nop\nhere: rep stosb\nnop", "x here 1", { ecx: 0 }],
  ["here: rep stosb\ninc eax", "x here 1, w ram+101 1, w ram+103 1", { ecx: 5 }],
  ["mov byte [here],43h\nhere: inc eax\nnop", "w here 1"],
  // Several at once, and single steps
  ["mov [ram],eax", "w ram 4, w ram+2 2, rw ram+3 1, w ram+4 1"],
  ["mov [ram],eax\nhere: inc eax", "w ram 4, x here 1"],
  ["pushfd\nor dword [esp],100h\npopfd\nmov [ram],eax\nnop", "w ram 4"],
  // MOV SS and POP SS: behind the next instruction, unless that faults
  ["mov ax,ss\nmov ss,ax\nhere: inc eax\ninc ecx", "x here 1"],
  ["mov ax,ss\nmov ss,ax\nmov [ram],eax\ninc eax", "w ram 4"],
  ["mov [ram],ss\nmov ss,[ram]\ninc eax\ninc ecx", "rw ram 2"],
  ["mov [ram],ss\nmov ss,[ram]\nmov [ram+8],eax\ninc eax", "rw ram 2, w ram+8 4"],
  ["mov [ram],ss\nmov ss,[ram]\nmov ss,[ram]\nnop\ninc eax", "rw ram 1"],
  ["mov [ram],ss\nmov ss,[ram]\nrep stosb\ninc eax", "rw ram 1", { ecx: 3 }],
  ["mov [ram],ss\nmov ss,[ram]\nhere: nop\ninc eax", "x here 1, rw ram 1"],
  ["mov [ram],ss\nmov ss,[ram]\nud2", "rw ram 1"],
  ["push ss\npop ss\ninc eax\ninc ecx", "rw frame+7FC 4"],
  ["mov dword [ram],frame+800h\nmov [ram+4],ss\nlss esp,[ram]\ninc eax", "rw ram 2"],
];

export interface Piece {
  readonly name: string;
  readonly code: Uint8Array;
  readonly addresses: readonly number[];
  readonly dr7: number;
  readonly registers: Required<Values>;
}

export const assembled = (): Piece[] =>
  pieces.map(([source, breakpoints, registers]) => {
    const places = `use32\norg ${CODE}\nram = ${DATA}\nframe = ${STACK}\nstart = $\n`;
    const symbols = breakpoints.split(", ").map((each) => each.split(" ") as [string, string, string]);
    // The places of breakpoints, behind the code.
    const marks = symbols.map(([, place]) => `dd ${place.replace(/\+(\w+)$/, "+0$1h")}`).join("\n");
    const made = assemble("piece.asm", {
      files: memoryFiles({ "piece.asm": `${places}${source}\nend_of_code:\n${marks}\n` }),
    });
    if (!made.ok) throw new Error(`${source}: ${made.diagnostics.map(({ text }) => text).join(", ")}`);
    const end = made.bytes.length - 4 * symbols.length;
    const view = new DataView(made.bytes.buffer, made.bytes.byteOffset);
    return {
      name: `${source.replaceAll("\n", "; ")} | ${breakpoints}${registers ? ` ${JSON.stringify(registers)}` : ""}`,
      code: made.bytes.subarray(0, end),
      addresses: symbols.map((_, i) => view.getUint32(end + 4 * i, true)),
      dr7: symbols.reduce(
        (bits, [kind, , length], i) =>
          bits | (1 << (2 * i)) | ((KINDS[kind]! | (LENGTHS[length]! << 2)) << (16 + 4 * i)),
        0,
      ),
      registers: { ...USUAL, ...registers },
    };
  });

/** What cannot be compared: state that a piece leaves to the next on the host, or much memory at once. */
const STATEFUL = /^(f?x(save|rstor)|frstor|fldenv|ldmxcsr|maskmov|bt)/;

const watchable: readonly Form[] = [...steady, ...steadyVector, ...steadyX87].filter(
  ({ name }) => !STATEFUL.test(name),
);

/** fninit; pxor of each MMX and XMM register with itself; fninit; ldmxcsr of 1F80 */
const INITIALISED: readonly number[] = [
  ...[0xdb, 0xe3],
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => [0x0f, 0xef, 0xc0 | (9 * i), 0x66, 0x0f, 0xef, 0xc0 | (9 * i)]),
  ...[0xdb, 0xe3, 0x68, 0x80, 0x1f, 0, 0, 0x0f, 0xae, 0x14, 0x24, 0x83, 0xc4, 4],
];

/** Pieces of any instructions, strings among them, with breakpoints on what they access, or near it, and on themselves. */
export function randomPiece(seed: number, number: number): Piece {
  const random = new Random((Math.imul(seed, 0x9e37_79b9) + number) | 0);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const code: number[] = [...INITIALISED];
  const starts: number[] = [];
  const strings = random.below(4) === 0;
  if (random.below(8) === 0) code.push(0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d);
  for (let count = 1 + random.below(3); count > 0; count--) {
    starts.push(code.length);
    if (strings && random.below(2) === 0) {
      // What stands before may have led them to where the host has its own memory.
      for (const load of [0xbe, 0xbf]) code.push(load, random.below(64), 0, DATA >> 16, 0);
      if (random.below(2) === 0) code.push(pick([0xfc, 0xfd]));
      if (random.below(3) > 0) code.push(pick([0xf2, 0xf3]));
      if (random.below(4) === 0) code.push(0x66);
      code.push(pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]));
    } else if (random.below(6) === 0) {
      code.push(
        ...pick([
          [0x50],
          [0x58],
          [0x60],
          [0x61],
          [0x9c],
          [0x06],
          [0xc9],
          [0xc8, 8, 0, 3],
          [0x68, 1, 2, 3, 4],
        ]),
      );
    } else code.push(...plainCode(pick(watchable), random));
  }
  const addresses: number[] = [];
  let dr7 = 0;
  for (let i = 0; i < 1 + random.below(4); i++) {
    const kind = pick([1, 1, 3, 3, 3, 0]);
    const length = kind === 0 ? 0 : pick([0, 1, 3]);
    const stack = STACK + 0x7e0 + random.below(0x40);
    const place = kind === 0 ? CODE + pick(starts) : random.below(8) === 0 ? stack : DATA + random.below(72);
    addresses.push((place & ~length) >>> 0);
    dr7 |= (1 << (2 * i)) | ((kind | (length << 2)) << (16 + 4 * i));
  }
  return {
    name: `random piece ${number}: ${code
      .slice(INITIALISED.length)
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join(
        " ",
      )} | ${addresses.map((address) => address.toString(16)).join(" ")}, DR7 ${(dr7 >>> 0).toString(16)}`,
    code: Uint8Array.from(code),
    addresses,
    dr7,
    registers: {
      ...USUAL,
      ecx: random.below(24),
      esi: DATA + random.below(64),
      edi: DATA + random.below(64),
      eax: 0,
    },
  };
}

/** A line for breakpoints.c. */
export function question({ code, addresses, dr7, registers }: Piece): string {
  const words = [0, 1, 2, 3].map((i) => addresses[i] ?? 0);
  const bytes = Array.from(code, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const all = [...words, dr7 >>> 0, 0x202, ...REGISTERS.map((name) => registers[name])];
  return `${all.map((word) => word.toString(16)).join(" ")} ${bytes}\n`;
}

/** The same line as breakpoints.c writes, of a machine of ours. */
export function answer({ code, addresses, dr7, registers }: Piece, engine: MachineOptions): string {
  const machine = new Machine({ memoryBytes: 4 << 20, segments: linuxSegments, gates: [], ...engine });
  const { memory, cpu, debug } = machine;
  for (const start of [CODE, DATA, STACK]) memory.map(start, LENGTH);
  memory.write(CODE, new Uint8Array(LENGTH).fill(0xcc));
  memory.write(CODE, code);
  Object.assign(cpu, registers, { eip: CODE, eflags: 0x202 });
  for (const [i, address] of addresses.entries()) debug.setAddress(i, address);
  debug.dr7 = dr7;
  const stops: string[] = [];
  while (stops.length < MOST_STOPS) {
    machine.run(100_000);
    const told = debug.dr6 & TOLD;
    debug.dr6 = 0;
    const words = [cpu.eip - CODE, told, cpu.ecx, cpu.esi, cpu.edi, cpu.esp];
    stops.push(words.map((word) => word.toString(16)).join(" "));
    if (told === 0) break;
  }
  return stops.join("; ");
}
