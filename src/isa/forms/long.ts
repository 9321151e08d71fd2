/**
 * Forms that exist in 64-bit code only. 16- and 32-bit code does not decode them; the assembler knows their names
 * there. (Forms that merely grow an operand size of 64 are the rows with `v`.)
 */
import { form, type Row } from "../form.ts";

const only = (names: string, opcode: string, operands = "", attributes = ""): Row[] =>
  form(names, opcode, operands, "", `long ${attributes}`.trim());

export const long: readonly Row[] = [
  ...only("cdqe", "REX.W 98"),
  ...only("cqo", "REX.W 99"),
  ...only("movsq", "REX.W A5", "", "rep"),
  ...only("cmpsq", "REX.W A7", "", "repc"),
  ...only("stosq", "REX.W AB", "", "rep"),
  ...only("lodsq", "REX.W AD", "", "rep"),
  ...only("scasq", "REX.W AF", "", "repc"),
  ...only("iretq", "REX.W CF"),
  ...only("popfq", "9D"),
  ...only("pushfq", "9C"),
  ...only("sysretq", "REX.W 0F 07"),
  ...only("sysexitq", "REX.W 0F 35"),
  ...only("rdmsrq", "REX.W 0F 32"),
  ...only("wrmsrq", "REX.W 0F 30"),
  ...only("jrcxz", "E3 cb", "rel8"),
  ...only("loopq", "E2 cb", "rel8"),
  ...only("loopeq loopzq", "E1 cb", "rel8"),
  ...only("loopneq loopnzq", "E0 cb", "rel8"),
  ...only("retq retnq", "C3"),
  ...only("retq retnq", "C2 iw", "imm16"),
  ...only("retfq", "REX.W CB"),
  ...only("retfq", "REX.W CA iw", "imm16"),
  ...only("swapgs", "0F 01 F8"),
  ...only("iret", "REX.W CF", "", "written"),

  // Moving data
  ...only("mov", "REX.W B8+r io", "=r64 imm64"),
  ...only("mov", "0F 20 /r", "=r64 cr", "priv"),
  ...only("mov", "0F 21 /r", "=r64 dr", "priv"),
  ...only("mov", "0F 22 /r", "=cr r64", "priv"),
  ...only("mov", "0F 23 /r", "=dr r64", "priv"),
  ...only("mov", "0F 24 /r", "=r64 tr", "priv written"),
  ...only("mov", "0F 26 /r", "=tr r64", "priv written"),
  ...only("movsxd", "REX.W 63 /r", "=r64 rm32", "apart"),
  // Without REX.W it only moves, and FASM has no way to write it.
  ...only("movsxd", "63 /r", "=rv rmv", "decoded"),
  ...only("movzx", "REX.W 0F B6 /r", "=r64 rm8", "written"),
  ...only("movzx", "REX.W 0F B7 /r", "=r64 rm16"),
  ...only("movsx", "REX.W 0F BE /r", "=r64 rm8", "written"),
  ...only("movsx", "REX.W 0F BF /r", "=r64 rm16"),
  ...only("bswap", "REX.W 0F C8+r", "+r64"),
  ...only("movnti", "NP REX.W 0F C3 /r", "=m64 r64"),
  ...only("movdiri", "NP REX.W 0F 38 F9 /r", "=m64 r64"),
  ...only("movdir64b", "66 0F 38 F8 /r", "r64 m512", "apart"),
  ...only("cmpxchg16b", "REX.W 0F C7 /1", "+m128", "lock"),
  // The source alone decides about REX.W.
  ...only("crc32", "F2 0F 38 F0 /r", "+r64 rm8", "apart"),
  ...only("crc32", "F2 0F 38 F1 /r", "+r64 rmv", "apart"),
  ...only("crc32", "F2 REX.W 0F 38 F1 /r", "+r64 rm64", "apart written"),
  ...only("crc32", "F2 REX.W 0F 38 F1 /r", "+r32 rm64", "apart"),
  ...only("adcx", "66 REX.W 0F 38 F6 /r", "+r64 rm64", ""),
  ...only("adox", "F3 REX.W 0F 38 F6 /r", "+r64 rm64", ""),

  // MM and XMM registers
  ...only("movq", "NP REX.W 0F 6E /r", "=mm rm64", "apart"),
  ...only("movq", "66 REX.W 0F 6E /r", "=xmm rm64", "apart"),
  ...only("movq", "NP REX.W 0F 7E /r", "=rm64 mm", "apart"),
  ...only("movq", "66 REX.W 0F 7E /r", "=rm64 xmm", "apart"),
  ...only("cvtsi2ss", "F3 REX.W 0F 2A /r", "+xmm rm64", "apart"),
  ...only("cvtsi2sd", "F2 REX.W 0F 2A /r", "+xmm rm64", "apart"),
  ...only("cvttss2si", "F3 REX.W 0F 2C /r", "=r64 xmmm32", "apart"),
  ...only("cvtss2si", "F3 REX.W 0F 2D /r", "=r64 xmmm32", "apart"),
  ...only("cvttsd2si", "F2 REX.W 0F 2C /r", "=r64 xmmm64", "apart"),
  ...only("cvtsd2si", "F2 REX.W 0F 2D /r", "=r64 xmmm64", "apart"),
  ...only("pextrq", "66 REX.W 0F 3A 16 /r ib", "=rm64 xmm imm8"),
  ...only("pinsrq", "66 REX.W 0F 3A 22 /r ib", "+xmm rm64 imm8", ""),
  // The upper half is zeroed anyway: FASM takes the register and leaves REX.W out.
  ...only("pmovmskb", "NP 0F D7 /r", "=r64 mm", "apart"),
  ...only("pmovmskb", "66 0F D7 /r", "=r64 xmm", "apart"),
  ...only("movmskps", "NP 0F 50 /r", "=r64 xmm", "apart"),
  ...only("movmskpd", "66 0F 50 /r", "=r64 xmm", "apart"),
  ...only("pextrb", "66 0F 3A 14 /r ib", "=r64m8 xmm imm8", ""),
  ...only("pextrw", "NP 0F C5 /r ib", "=r64 mm imm8", ""),
  ...only("pextrw", "66 0F C5 /r ib", "=r64 xmm imm8", ""),
  ...only("pextrd", "66 0F 3A 16 /r ib", "=r64m32 xmm imm8", ""),
  ...only("extractps", "66 0F 3A 17 /r ib", "=r64m32 xmm imm8", ""),

  // The unit's state
  ...only("fxsave64", "NP REX.W 0F AE /0", "=m", "bare"),
  ...only("fxrstor64", "NP REX.W 0F AE /1", "m", "bare"),
  ...only("xsave64", "NP REX.W 0F AE /4", "=m", "bare"),
  ...only("xrstor64", "NP REX.W 0F AE /5", "m", "bare"),
  ...only("xsaveopt64", "NP REX.W 0F AE /6", "=m", "bare"),
  ...only("xrstors64", "NP REX.W 0F C7 /3", "m", "bare"),
  ...only("xsavec64", "NP REX.W 0F C7 /4", "=m", "bare"),
  ...only("xsaves64", "NP REX.W 0F C7 /5", "=m", "bare"),

  // Systems
  ...only("rdfsbase", "F3 0F AE /0", "=r32", "reg"),
  ...only("rdgsbase", "F3 0F AE /1", "=r32", "reg"),
  ...only("wrfsbase", "F3 0F AE /2", "r32", "reg"),
  ...only("wrgsbase", "F3 0F AE /3", "r32", "reg"),
  ...only("rdfsbase", "F3 REX.W 0F AE /0", "=r64", "reg"),
  ...only("rdgsbase", "F3 REX.W 0F AE /1", "=r64", "reg"),
  ...only("wrfsbase", "F3 REX.W 0F AE /2", "r64", "reg"),
  ...only("wrgsbase", "F3 REX.W 0F AE /3", "r64", "reg"),
  ...only("rdpid", "F3 0F C7 /7", "=r64", "reg"),
  ...only("ptwrite", "F3 REX.W 0F AE /4", "rm64"),
  ...only("vmread", "NP 0F 78 /r", "=rm64 r64"),
  ...only("vmwrite", "NP 0F 79 /r", "r64 rm64", ""),
  ...only("vmwrite", "NP 0F 79 /r", "r32 r32", "written"),
  ...only("invept", "66 0F 38 80 /r", "r64 m128", "apart"),
  ...only("invvpid", "66 0F 38 81 /r", "r64 m128", "apart"),
  ...only("invpcid", "66 0F 38 82 /r", "r64 m128", "priv apart"),
  ...only("clzero", "NP 0F 01 FC", "rax", ""),
  ...["vmrun:D8", "vmload:DA", "vmsave:DB"].flatMap((entry) => {
    const [name, code] = entry.split(":");
    return [
      ...only(name!, `NP 0F 01 ${code}`, "rax", ""),
      ...only(name!, `NP 0F 01 ${code}`, "al", "written"),
    ];
  }),
  ...only("invlpga", "NP 0F 01 DF", "rax ecx", "apart"),
  ...only("invlpga", "NP 0F 01 DF", "al ecx", "apart written"),
  ...only("incsspq", "F3 REX.W 0F AE /5", "r64", "reg"),
  ...only("rdsspq", "F3 REX.W 0F 1E /1", "=r64", "reg"),
  ...only("wrssq", "REX.W 0F 38 F6 /r", "=rm64 r64", ""),
  ...only("wrussq", "66 REX.W 0F 38 F5 /r", "=rm64 r64", ""),
  ...only("bndcl", "F3 0F 1A /r", "bnd rm64", ""),
  ...only("bndcu", "F2 0F 1A /r", "bnd rm64", ""),
  ...only("bndcn", "F2 0F 1B /r", "bnd rm64", ""),
  ...only("bndmov", "66 0F 1A /r", "=bnd bndm128", ""),
  ...only("bndmov", "66 0F 1B /r", "=bndm128 bnd", ""),
];
