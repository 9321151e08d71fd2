import { expect, test } from "vitest";
import { assemble, memoryFiles } from "./index.ts";

/** Everything that may hold an address, and jumps near and far. */
const forms = `
mov eax, [@]
mov [@], al
mov edx, [@]
mov byte [@], 7
mov dword [@], 0x12345
add dword [@], 5
inc byte [@]
mov byte [ds:@], 1 shl 3
mov word [@+2], 3
add ecx, [@+ebx*4]
add ecx, [@+ebx+ebp]
lea esi, [ebp*2+@]
mov ecx, @
mov dword [ebx], @
mov [ebx+4], dword @-5
add eax, @
sub edi, @
cmp dword [@], 5
test eax, @
imul ecx, edx, @
push @
push dword [@]
push 1 @ 2
fld qword [@]
movaps xmm0, [@]
vaddps zmm1, zmm2, [@+ecx]
vaddps xmm1, xmm2, [@]
fs lodsd
mov eax, [fs:@]
jmp @
jmp near @
call @
jz @
jnz near @
jmp dword [@]
call dword [@+eax*4]
jmp below
jz below
loop below
loopw below
jecxz below
call below
jmp short below
use64
lea rax, [@]
jmp @
jz below
use16
mov eax, [dword @]
jmp dword @
jz dword below
jmp dword below
use32
`
  .trim()
  .split("\n");

/** Each pass learns one more of these numbers, and all that stands behind moves. */
const links = [0, 1, 2, 3].map((link) => `link${link} = link${link + 1} + 17\n`).join("");

const source = (origin: string, addresses: readonly string[], definition: string): string => `
use32
org ${origin}
jmp last
${links}
rb link0
${forms.flatMap((form) => addresses.map((address) => `${form.replaceAll("@", address)}\n`)).join("")}
below:
times 90 nop
jmp close
jz close
jnz beyond
loop close
rb link3
rb link2
close: jmp beyond
rb link1
rb link0
beyond: jmp shut
jz shut
rb 190-link0*1
shut: jmp close
jmp below
jz below
link4 = 3
last:
${definition}
`;

const origins = ["0x100", "0x10000 - 700", "0x400000", "0x7ffff000", "0xc0000000", "0xffff0000"];

test.each([
  ...origins.map((origin) => [origin, "place:"] as const),
  ["0x100", "place = (71 - link0) * 0x10000 + 5"] as const,
  ["0x400000", "place = (71 - link0) * 0x10000 + 5"] as const,
])("bytes that are used again with another address are those of the last: org %s, %s", (origin, place) => {
  const run = (text: string) => assemble("main", { files: memoryFiles({ main: text }) });
  const moving = run(source(origin, ["place", "other"], `${place}\nother = place + 0x123`));
  expect(moving.diagnostics[0]?.text ?? "").toBe("");
  expect(moving.passes).toBeGreaterThan(3);
  const value = moving.symbols.value("place");
  // Here the addresses are known from the beginning.
  const known = run(source(origin, [`${value}`, `${value! + 0x123}`], ""));
  expect(known.diagnostics[0]?.text ?? "").toBe("");
  expect(moving.bytes).toEqual(known.bytes);
});

const run = (text: string) => assemble("main", { files: memoryFiles({ main: `use32\n${text}` }) });
const told = (text: string) => run(text).diagnostics.map(({ line, text }) => [line, text]);

test("an instruction like another has its own label's size, registers and place", () => {
  const two = (instruction: string) =>
    `${instruction.replaceAll("@", "x")}\n${instruction.replaceAll("@", "y")}\n`;
  const labels = "x dd 0\ny db 0\nz dd 0\n";
  expect(told(`${labels}${two("mov [@], eax")}`)).toEqual([[6, "operand sizes do not match"]]);
  expect(told(`${two("mov [@], eax")}${labels}`)).toEqual([[3, "operand sizes do not match"]]);
  expect(told(`${labels}prefetcht0 [x+z-z]\nprefetcht0 [y+z-z]`)).toEqual([
    [6, "operand sizes do not match"],
  ]);
  expect([...run(`${labels}${two("inc [@]")}`).bytes.slice(9)]).toEqual([
    0xff, 5, 0, 0, 0, 0, 0xfe, 5, 4, 0, 0, 0,
  ]);
  const locals = (x: string, y: string) =>
    `virtual at ${x}\nx dd ?\nend virtual\nvirtual at ${y}\ny dd ?\nend virtual\n`;
  const bytes = [0x8b, 0x45, 8, 0x8b, 0x46, 8];
  expect([...run(`${locals("ebp+8", "esi+8")}${two("mov eax, [@]")}`).bytes]).toEqual(bytes);
  expect([...run(`${two("mov eax, [@]")}${locals("ebp+8", "esi+8")}`).bytes]).toEqual(bytes);
  expect([...run(`${locals("ebp+8", "8")}${two("mov ecx, [@]")}`).bytes]).toEqual([
    0x8b, 0x4d, 8, 0x8b, 13, 8, 0, 0, 0,
  ]);
});

test("a label's register may be another in the next pass", () => {
  const text = `mov eax, [x+4]\n${links}if link0 = 71\nvirtual at esi\nelse\nvirtual at ebp\nend if\nx dd ?\nend virtual\nlink4 = 3`;
  const made = run(text);
  expect(made.passes).toBeGreaterThan(4);
  expect([...made.bytes]).toEqual([0x8b, 0x46, 4]);
});

test("jumps in sections that move are as they are in code that does not", () => {
  const jumps = `${links}a: jmp b\njmp a\njz c\ncall c\nrb link0+link1\nb: jmp c\nloop b\nc: jz a\ncall b\nlink4 = 3\n`;
  const plain = run(jumps).bytes;
  for (const [format, attribute] of [
    ["MS COFF", "code"],
    ["COFF", "code"],
    ["ELF", "executable"],
  ]) {
    const text = `format ${format}\nsection '.text' ${attribute}\n${jumps}`;
    const { ok, bytes } = assemble("main", { files: memoryFiles({ main: text }) });
    expect(ok).toBe(true);
    expect(Buffer.from(bytes).includes(Buffer.from(plain))).toBe(true);
  }
  const outside = "format MS COFF\nextrn e\nsection '.text' code\na: jmp b\njmp e\nb: jmp near a\njmp e";
  const { bytes } = assemble("main", { files: memoryFiles({ main: outside }) });
  expect([...bytes.slice(60, 74)]).toEqual([
    0xeb, 5, 0xe9, 0, 0, 0, 0, 0xe9, 0xf4, 0xff, 0xff, 0xff, 0xe9, 0,
  ]);
});

test.each([
  ["<", "a long jump is short when it comes to be so", [0x74, 0, 0x90, 71]],
  [">=", "a short jump is long when it comes to be so", [0x0f, 0x84, 44, 1, 0, 0]],
])("link0 %s 71: %s", (relation, _, bytes) => {
  const text = `use32\n${links}jz behind\nif link0 ${relation} 71\n rb 300\nend if\nbehind: nop\ndb link0\nlink4 = 3`;
  const { bytes: made, passes } = assemble("main", { files: memoryFiles({ main: text }) });
  expect(passes).toBeGreaterThan(5);
  expect([...made.subarray(0, bytes.length)]).toEqual(bytes);
});
