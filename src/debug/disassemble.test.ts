import { expect, test } from "vitest";
import { disassemble } from "./index.ts";

const shown = (bytes: string, options = {}): string =>
  disassemble(
    Uint8Array.from(bytes.split(" "), (byte) => Number.parseInt(byte, 16)),
    0,
    undefined,
    {
      bits: 64,
      address: 0x401000,
      ...options,
    },
  ).text;

test.each([
  ["48 89 e5", "mov rbp,rsp"],
  ["45 31 c0", "xor r8d,r8d"],
  ["40 8a e6", "mov spl,sil"],
  ["8a e6", "mov ah,dh"],
  ["41 54", "push r12"],
  ["ff d0", "call rax"],
  ["c3", "ret"],
  ["0f 05", "syscall"],
  ["48 b8 88 77 66 55 44 33 22 11", "mov rax,qword 0x1122334455667788"],
  ["48 8d 05 f9 0f 00 00", "lea rax,[rip+0xFF9]"],
  ["4b 8b 44 cd f8", "mov rax,[r13+r9*8-8]"],
  ["67 8b 44 24 04", "mov eax,[esp+4]"],
  ["64 48 8b 04 25 28 00 00 00", "mov rax,[fs:0x28]"],
  ["c4 c1 78 58 c1", "vaddps xmm0,xmm0,xmm9"],
  ["62 b1 7c 48 58 c8", "vaddps zmm1,zmm0,zmm16"],
  ["f3 48 a5", "rep movsq"],
  ["e8 fb ff ff ff", "call 0x401000"],
  ["06", "db 6"],
  ["48", "db 0x48"],
])("64-bit code: %s is %s", (bytes, text) => {
  expect(shown(bytes)).toBe(text);
});

test("an address that counts from the instruction has a name where there is one", () => {
  const nameOf = (at: number): string | undefined => (at === 0x402000 ? "table" : undefined);
  expect(shown("48 8d 05 f9 0f 00 00", { nameOf })).toBe("lea rax,[table]");
});
