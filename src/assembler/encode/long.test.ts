import { describe, expect, test } from "vitest";
import { assemble, memoryFiles } from "../index.ts";

/** Bytes of one instruction at 1000h in 64-bit code, or FASM's message. */
function long(line: string): string {
  const done = assemble("a.asm", { files: memoryFiles({ "a.asm": `use64\norg 1000h\n${line}\n` }) });
  if (!done.ok) return `!${done.diagnostics[0]?.text}`;
  return Array.from(done.bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Expected bytes are fasm 1.73.30's.
describe("64-bit code", () => {
  test.each([
    ["mov rax,5", "48c7c005000000"],
    ["mov rax,123456789012h", "48b81290785634120000"],
    ["mov eax,-1", "b8ffffffff"],
    ["mov r8,[rsp+8]", "4c8b442408"],
    ["mov [r12+r13*4+5],r9b", "47884cac05"],
    ["mov spl,1", "40b401"],
    ["xchg eax,eax", "87c0"],
    ["xchg rax,rax", "4890"],
    ["mov eax,[fs:28h]", "6467a128000000"],
    ["mov rax,[qword 1122334455667788h]", "48a18877665544332211"],
    ["mov ebx,[dword 80000000h]", "678b1c2500000080"],
    ["cmp byte [1000h],5", "803df9ffffff05"],
    ["lea rcx,[rip+5]", "488d0d05000000"],
    ["push r12", "4154"],
    ["retf", "48cb"],
    ["jmp far tword [rax]", "48ff28"],
    ["vaddps xmm17,xmm1,xmm3", "62e1740858cb"],
    ["vaddps xmm8,xmm1,[r9]", "c441705801"],
    ["andn rax,rbx,[r8]", "c4c2e0f200"],
  ])("%s", (line, bytes) => {
    expect(long(line)).toBe(bytes);
  });

  test.each([
    ["push eax", "!illegal instruction"],
    ["push es", "!illegal instruction"],
    ["aaa", "!illegal instruction"],
    ["mov ah,r8b", "!disallowed combination of registers"],
    ["add rax,123456789h", "!value out of range"],
    ["add rax,qword 5", "!not encodable with long immediate"],
    ["mov eax,[bx]", "!invalid size of address value"],
  ])("%s is refused", (line, message) => {
    expect(long(line)).toContain(message);
  });

  test.each([
    "use32\nmov eax,[r8d]",
    "use32\nmov r8d,eax",
    "use32\nmov spl,al",
    "use32\nmovaps xmm8,xmm1",
    "use32\nvaddps xmm0,xmm9,xmm1",
    "use16\npush r8w",
    "use32\nvgatherdps xmm1,[eax+xmm9],xmm2",
  ])("other code has no high registers: %s", (source) => {
    const done = assemble("a.asm", { files: memoryFiles({ "a.asm": `${source}\n` }) });
    expect(done.diagnostics[0]?.text).toBe("invalid operand");
  });

  test.each(["use64\nmov eax,[xmm1+rax]", "use32\nmov eax,[xmm1]"])(
    "no vector is an index of %s",
    (source) => {
      const done = assemble("a.asm", { files: memoryFiles({ "a.asm": `${source}\n` }) });
      expect(done.diagnostics[0]?.text).toBe("invalid address");
    },
  );

  test("useavx512 takes EVEX for a displacement that VEX does not make a byte", () => {
    expect(long("useavx512\nvaddps xmm1,xmm2,[rax+256]\nuseavx256\nvaddps xmm1,xmm2,[rax+256]")).toBe(
      "62f16c08584810" + "c5e8588800010000",
    );
  });

  test("an address of bounds is in two parts", () => {
    expect(long("bndmk bnd1,[r9,rcx*4+8]")).toBe("f3410f1b4c8908");
    expect(long("bndstx [r9+8,rcx],bnd1")).toBe("410f1b4c0908");
  });

  test("four registers are one operand", () => {
    expect(long("vp4dpwssd zmm1,zmm4+3,[rax+16]")).toBe("62f25f48524801");
  });
});
