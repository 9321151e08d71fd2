import { expect, test } from "vitest";
import { assemble, memoryFiles } from "./index.ts";

/** Everything that may hold an address, and jumps near and far. */
const forms = `
mov eax, [@]
mov [@], al
mov edx, [@]
mov byte [@], 7
mov dword [@], 0x12345
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

const source = (origin: string, address: string, definition: string): string => `
use32
org ${origin}
jmp last
${links}
rb link0
${forms.map((form) => `${form.replaceAll("@", address)}\n`).join("")}
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
  const moving = run(source(origin, "place", place));
  expect(moving.diagnostics[0]?.text ?? "").toBe("");
  expect(moving.passes).toBeGreaterThan(3);
  const value = moving.symbols.value("place");
  // Here the address is known from the beginning.
  const known = run(source(origin, `${value}`, ""));
  expect(known.diagnostics[0]?.text ?? "").toBe("");
  expect(moving.bytes).toEqual(known.bytes);
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
