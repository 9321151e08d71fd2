/**
 * Instructions of 64-bit code on operands that move with the program, in each format that has them, against what fasm
 * 1.73.30 made of the same sources: fixtures/assembler/relocations.txt.gz. With fasm installed,
 *
 *     RENEW_ISA=1 npx vitest run test/conformance/relocations.test.ts
 *
 * asks it again.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { hasFasm } from "./fasm.ts";

const fixture = new URL("../../fixtures/assembler/relocations.txt.gz", import.meta.url).pathname;

interface Surroundings {
  before: string;
  after: string;
  /** Where the file has the time or a checksum of it. */
  changing: readonly number[];
}

const dataOf = (section: string): string => `${section}\ndat dq lab,ext,dat\nx32 dd 5\n`;
const local = "ext = lab2\nlab: nop\n";
const code = "section '.text' code readable executable\n";
const pe: Omit<Surroundings, "before"> = {
  after: `${dataOf("section '.data' data readable writeable")}section '.reloc' fixups data readable discardable\nif $=$$\ndd 0,8\nend if\n`,
  changing: [0x88, 0xd8],
};

const formats: Readonly<Record<string, Surroundings>> = {
  elf64: {
    before: "format ELF64\nextrn ext\npublic lab\nsection '.text' executable\nlab: nop\n",
    after: dataOf("section '.data' writeable"),
    changing: [],
  },
  ms64: {
    before: `format MS64 COFF\nextrn ext\npublic lab\n${code}lab: nop\n`,
    after: "section '.data' data readable writeable\ndat dq lab,dat\nx32 dd 5\n",
    changing: [4],
  },
  pe64: { before: `format PE64 console at 140000000h\nentry lab\n${code}${local}`, ...pe },
  low: { before: `format PE64 console\nentry lab\n${code}${local}`, ...pe },
  executable: {
    before: `format ELF64 executable 3\nentry lab\nsegment executable\n${local}`,
    after: dataOf("segment readable writeable"),
    changing: [],
  },
  elf32: {
    before: "format ELF\nextrn ext\npublic lab\nsection '.text' executable\nlab: nop\n",
    after: dataOf("section '.data' writeable").replace("dq", "dd"),
    changing: [],
  },
  flat: { before: `use64\norg 1000h\n${local}`, after: dataOf(""), changing: [] },
  top: { before: `use64\norg 0FFFFFFFF80000000h\n${local}`, after: dataOf(""), changing: [] },
  middle: { before: `use64\norg 80000000h\n${local}`, after: dataOf(""), changing: [] },
};

const symbols = [
  "lab",
  "ext",
  "dat",
  "dat+8",
  "lab2-lab",
  "x32",
  "rva dat",
  "plt ext",
  "-lab",
  "dat-4",
  "$",
  "lab+100000000h",
  "1000h",
  "ext-$",
];

/** S is the symbol. (bextr with a number is left out: behind a relocation fasm 1.73.30 ends the source there.) */
const shapes = (
  "mov rax,S|mov eax,S|mov rax,[S]|mov eax,[S]|mov [S],al|mov [S],rax|mov rax,qword S|add rax,S|add eax,S|" +
  "add qword [S],S|cmp byte [S],5|cmp dword [S],1000|lea rcx,[S]|lea ecx,[S]|push S|push qword [S]|push qword S|call S|" +
  "jmp S|jz S|call qword [S]|jmp qword [S]|call [S]|mov eax,[dword S]|mov eax,[qword S]|mov rax,[qword S]|" +
  "mov ecx,[dword S]|mov ecx,[qword S]|mov eax,[rbx+S]|mov eax,[ebx+S]|mov eax,[rbx*4+S]|mov eax,[rip+S]|" +
  "mov eax,[fs:S]|mov ecx,[gs:S]|mov ecx,[ds:S]|imul rax,[S],500|test byte [S],1|test dword [S],S|" +
  "vaddps xmm0,xmm1,[S]|vpermq zmm1,[S],5|movss xmm0,[S]|mov word [S],S|mov ax,S|mov al,S|mov dword [S],S|" +
  "mov qword [S],S|fld qword [S]|fstcw [S]|loop S|jrcxz S|xbegin S|sub rsp,S|and rax,[S]|enter S,0|ret S|" +
  "shl dword [S],5|shl dword [S],1|pextrq [S],xmm1,5|cmpps xmm1,[S],5|movzx eax,byte [S]|jmp short S|jmp near S|" +
  "bndmk bnd0,[S]|call dword S|lgdt [S]|dq S|dd S|dw S|dd S-$|dq S-$|mov rax,[S+rbx]|inc qword [S]|jmp far [S]|" +
  "movdir64b rax,[S]|vgatherdps xmm1,[S+xmm2],xmm3|out S,al|int S|mov r15,S|mov r15,-S"
).split("|");

interface Case {
  name: string;
  source: string;
  changing: readonly number[];
}

/** One in five of all combinations. */
function* cases(): Generator<Case> {
  let count = 0;
  for (const [format, { before, after, changing }] of Object.entries(formats)) {
    for (const shape of shapes) {
      for (const symbol of symbols) {
        if (count++ % 5 !== 0) continue;
        const line = shape.replaceAll("S", symbol).replace("--lab", "lab").replace("+-lab", "-lab");
        const last = format === "elf32" ? "lab2: dd ext\n" : "lab2: dq ext\n";
        yield { name: `${format}: ${line}`, source: `${before}${line}\n${last}${after}`, changing };
      }
    }
  }
}

function digest(bytes: Uint8Array, changing: readonly number[]): string {
  const still = Uint8Array.from(bytes);
  for (const at of changing) still.fill(0, at, at + 4);
  return createHash("sha256").update(still).digest("hex").slice(0, 10);
}

function ours({ source, changing }: Case): string {
  const done = assemble("a.asm", { files: memoryFiles({ "a.asm": source }) });
  return done.ok ? digest(done.bytes, changing) : `!${done.diagnostics[0]!.text}`;
}

describe.runIf(process.env["RENEW_ISA"] !== undefined && hasFasm())("renewing", () => {
  test("asks fasm", { timeout: 900_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "relocations-"));
    const all = [...cases()];
    for (const [i, { source }] of all.entries()) writeFileSync(join(folder, `${i}.asm`), source);
    const loop = "while read i; do fasm $i.asm $i.bin > $i.out 2>&1 || :; done";
    execFileSync("sh", ["-c", loop], { cwd: folder, input: `${[...all.keys()].join("\n")}\n` });
    const record = all.map(({ changing }, i) => {
      const said = /error: (.*?)\.?\s*$/.exec(readFileSync(join(folder, `${i}.out`), "latin1"))?.[1];
      return said === undefined ? digest(readFileSync(join(folder, `${i}.bin`)), changing) : `!${said}`;
    });
    writeFileSync(fixture, gzipSync(`${record.join("\n")}\n`, { level: 9 }));
    rmSync(folder, { recursive: true });
  });
});

describe.runIf(existsSync(fixture))("operands that move with the program", () => {
  test("are written and announced as fasm does", () => {
    const answers = gunzipSync(readFileSync(fixture)).toString("latin1").trimEnd().split("\n");
    const all = [...cases()];
    expect(answers.length).toBe(all.length);
    const wrong: string[] = [];
    let otherWords = 0;
    for (const [i, one] of all.entries()) {
      const made = ours(one);
      const answer = answers[i]!;
      if (made === answer) continue;
      if (made.startsWith("!") && answer.startsWith("!")) otherWords++;
      else wrong.push(`${one.name}: fasm ${answer}, ours ${made}`);
    }
    expect(wrong).toEqual([]);
    expect(otherWords / all.length, "refused for another reason").toBeLessThan(0.02);
  });
});
