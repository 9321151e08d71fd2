/**
 * Instructions with operands of every kind, most of which they cannot have: what a row of the table takes with one to three
 * things changed, or nothing but chance.
 */
import { byMnemonic } from "../../../../src/isa/index.ts";
import { spellingsOf } from "../../cases.ts";
import type { Chance } from "./chance.ts";

const words = (text: string): readonly string[] => text.split(" ");

const registers: readonly (readonly string[])[] = [
  words("al cl dl ah bh spl dil r8b r15b"),
  words("ax cx dx bp si r9w"),
  words("eax ecx edx esp ebp edi r10d"),
  words("rax rcx rsp rbp r9 r13"),
  words("es cs ss ds fs gs"),
  words("cr0 cr3 cr8 dr0 dr7 dr9 tr6"),
  words("st st0 st1 st7"),
  words("mm0 mm1 mm7"),
  words("xmm0 xmm1 xmm3 xmm7 xmm9 xmm17"),
  words("ymm0 ymm2 ymm7 ymm12 ymm30"),
  words("zmm0 zmm1 zmm6 zmm13 zmm31"),
  words("k0 k1 k7"),
  words("bnd0 bnd3"),
  words("tmm0 tmm5"),
  words("eip rip"),
];

const addresses: Readonly<Record<number, readonly string[]>> = {
  16: ["bx", "si", "bp+4", "bx+di-1", "8", "eax", "es:di", "fs:8", "70000", "word 4", "di", "edx*4"],
  32: [
    "eax",
    "ebx+8",
    "ecx*4",
    "esp",
    "esi",
    "edi",
    "bx",
    "8",
    "fs:0",
    "ebp+edi*2+5000",
    "dword 4",
    "ds:eax",
  ],
  64: ["rax", "rbx+8", "r9*4", "rsp", "rsi", "rdi", "eax", "8", "fs:0", "rip+5", "r13+rbp*2", "qword 4"],
};
const vectors: Readonly<Record<number, readonly string[]>> = {
  16: ["eax+xmm1*4", "ymm2*8", "ebx+zmm3"],
  32: ["eax+xmm1*4", "ymm2*8", "ebx+zmm3", "xmm0+ecx", "esi+ymm7*2"],
  64: ["rax+xmm1*4", "ymm2*8", "rbx+zmm13", "xmm17+rcx", "r9+ymm22*2", "ebx+xmm3"],
};

const numbers = words(
  "0 1 3 5 -1 127 128 -128 -129 200 255 256 32768 65535 65536 -32769 4660 305419896 2147483648 4294967295 4294967296 -2147483649 " +
    "9223372036854775807 1.0 1e400 'a' 'ab' 'abcd' 'abcdefgh' '' 4096+2 $-4",
);

export const sizeWords = words(
  "byte word dword fword pword qword mmword tbyte tword dqword xword qqword yword dqqword zword",
);

const decorators = words(
  "{k1} {k7} {k0} {z} {k2}{z} {z}{k2} {1to2} {1to4} {1to8} {1to16} {1to32} {sae} {rn-sae} {rz-sae} {k1}{1to8} {2to4}",
);
const roundings = words("{rn-sae} {rd-sae} {ru-sae} {rz-sae} {sae} {k1} {z} {1to4}");

/** An operand of any kind, with a size before it now and then. */
function operand(chance: Chance, bits: number): string {
  const plain = (): string => {
    switch (chance.below(8)) {
      case 0:
      case 1:
      case 2:
        return chance.pick(chance.pick(registers));
      case 3:
      case 4:
        return `[${chance.pick(addresses[bits]!)}]`;
      case 5:
        return chance.oneIn(3) ? `[${chance.pick(vectors[bits]!)}]` : chance.pick(numbers);
      case 6:
        return chance.oneIn(4) ? `${chance.pick(numbers)}:${chance.pick(numbers)}` : chance.pick(numbers);
      default:
        return chance.oneIn(3)
          ? chance.pick(roundings)
          : chance.oneIn(4)
            ? ""
            : `[${chance.pick(addresses[bits]!)}]`;
    }
  };
  const size = chance.oneIn(4) ? `${chance.pick(sizeWords)} ` : "";
  const jump = chance.oneIn(25) ? `${chance.pick(["short", "near", "far"])} ` : "";
  return jump + size + plain() + (chance.oneIn(25) ? chance.pick(decorators) : "");
}

const withoutSize = (text: string): string => text.replace(/^(?:byte|[a-z]*word|tbyte) (?=.)/, "");

/** One line for this instruction in code of so many bits; unless something is changed in it, it is one that may be right. */
export function shapeOf(name: string, bits: number, chance: Chance, spoils = true): string {
  const forms = byMnemonic(name).filter(({ decodeOnly }) => !decodeOnly);
  if (forms.length === 0 || (spoils && chance.oneIn(8))) {
    const count = chance.below(5);
    const made = Array.from({ length: count }, () => operand(chance, bits));
    return count === 0 ? name : `${name} ${made.join(",")}`;
  }
  const form = chance.pick(forms);
  let made = spellingsOf(form, bits === 64 ? 64 : 32, chance.below(1 << 30));
  const changes = !spoils ? 0 : 1 + (chance.oneIn(3) ? 1 : 0) + (chance.oneIn(6) ? 1 : 0);
  for (let n = 0; n < changes; n++) {
    const at = chance.below(Math.max(made.length, 1));
    const here = made[at];
    switch (chance.below(10)) {
      case 0:
      case 1:
      case 2:
        if (here !== undefined) made[at] = operand(chance, bits);
        break;
      case 3:
      case 4:
      case 5:
        if (here !== undefined) made[at] = `${chance.pick(sizeWords)} ${withoutSize(here)}`;
        break;
      case 6:
        if (here !== undefined) made[at] = here + chance.pick(decorators);
        break;
      case 7:
        if (here !== undefined) made[at] = withoutSize(here);
        break;
      case 8:
        if (chance.oneIn(2)) made.splice(chance.below(made.length + 1), 0, operand(chance, bits));
        else made = made.filter((_, i) => i !== at);
        break;
      default:
        if (here !== undefined && chance.oneIn(4))
          made[at] = `${chance.pick(["short", "near", "far"])} ${here}`;
        else if (chance.oneIn(2)) made.splice(chance.below(made.length + 1), 0, chance.pick(roundings));
    }
  }
  return made.length === 0 ? name : `${name} ${made.join(",")}`;
}

const formats: readonly (readonly [head: string, tail: string])[] = [
  ["format ELF\nsection '.a' executable\nextrn ext\nextrn other:dword", "section '.b' writeable\nahead dd 5"],
  [
    "format ELF64\nsection '.a' executable\nextrn ext\nextrn other:qword",
    "section '.b' writeable\nahead dq 5",
  ],
  ["format MS COFF\nsection '.a' code\nextrn ext\nextrn 'o' as other:word", "section '.b' data\nahead dw 5"],
  ["format COFF\nsection '.a' code\nextrn ext\nextrn other:byte", "ahead db 5"],
  ["format MS64 COFF\nsection '.a' code\nextrn ext\nextrn other:qword", "section '.b' data\nahead dq 5"],
  [
    "format PE console\nother = 401010h\nsection '.a' code executable\next:",
    "section '.b' data\nahead dd 5\nsection '.c' fixups data discardable",
  ],
  [
    "format PE64 dll\nother = 401010h\nsection '.a' code executable\next:",
    "ahead dq 5\nsection '.c' fixups data",
  ],
  ["format MZ\nsegment a\nother = 7\next:", "segment b\nahead dw 5"],
  ["format ELF executable 3 at 10000h\nother = 7\next:", "segment writeable\nahead dd 5"],
  ["format ELF64 dynamic\nother = 7\next:", "segment writeable\nahead dd 5"],
  ["virtual at ebx\next dd ?\nend virtual\nlabel other dword at ebp+8", "ahead dd 5"],
];

const values = words(
  "ext other here ahead ext+4 here+130 ahead-here here-$ other-8 ext-here rva~ext plt~ext -ext ext*2 other+ahead $ ext+70000 ext+ecx",
);

/** The same in a program of some format, with numbers that move with it. */
export function shapeInFormat(name: string, chance: Chance): string {
  const [head, tail] = chance.pick(formats);
  const bits = chance.oneIn(4) ? chance.pick([16, 32, 64]) : /64/.test(head) ? 64 : /MZ/.test(head) ? 16 : 32;
  const line = shapeOf(name, bits, chance, chance.oneIn(2)).replace(
    /(?<![\w.'])-?\d+(?![\w.'])/g,
    (number) => (chance.oneIn(2) ? chance.pick(values).replace("~", " ") : number),
  );
  return `${head}\nhere dd 0\nuse${bits}\n${line}\n${tail}\n`;
}
