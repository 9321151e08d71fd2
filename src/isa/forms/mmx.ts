/**
 * MMX, and what SSE2 and SSSE3 do to the same opcodes with 66 and XMM registers (SDM vol. 1, chapters 9 and 11);
 * 3DNow! with its opcode at the very end (AMD APM vol. 5).
 */
import { form, type Row } from "../form.ts";

/** A pair: MM registers, and with 66 XMM registers. */
const pair = (name: string, code: string, level: string, access = "+"): Row[] => [
  ...form(name, `NP ${code} /r`, `${access}mm mmm64`, "", level),
  ...form(
    name,
    `66 ${code} /r`,
    `${access}xmm xmmm128`,
    "",
    level === "mmx" || level === "sse" ? "sse2" : level,
  ),
];

const pairs = (level: string, map: string, list: string, access = "+"): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return pair(name!, `${map} ${code}`, level, access);
  });

/** Shifts by a register's or memory's value, or by an immediate with a code and a digit of its own. */
const shift = (name: string, code: string, immediateCode: string, digit: number): Row[] => [
  ...form(name, `NP 0F ${code} /r`, "+mm mmm64", "", "mmx loose"),
  ...form(name, `66 0F ${code} /r`, "+xmm xmmm128", "", "sse2 loose"),
  ...form(name, `NP 0F ${immediateCode} /${digit} ib`, "+mm imm8", "", "mmx apart loose"),
  ...form(name, `66 0F ${immediateCode} /${digit} ib`, "+xmm imm8", "", "sse2 apart loose"),
];

const amd = (list: string): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return form(name!, `0F 0F /r ${code}`, "+mm mmm64", "", "3dnow");
  });

export const mmx: readonly Row[] = [
  ...pairs(
    "mmx",
    "0F",
    "punpcklbw:60 punpcklwd:61 punpckldq:62 packsswb:63 pcmpgtb:64 pcmpgtw:65 pcmpgtd:66 packuswb:67 punpckhbw:68 " +
      "punpckhwd:69 punpckhdq:6A packssdw:6B pcmpeqb:74 pcmpeqw:75 pcmpeqd:76 pmullw:D5 psubusb:D8 psubusw:D9 pand:DB " +
      "paddusb:DC paddusw:DD pandn:DF pmulhw:E5 psubsb:E8 psubsw:E9 por:EB paddsb:EC paddsw:ED pxor:EF pmaddwd:F5 psubb:F8 " +
      "psubw:F9 psubd:FA paddb:FC paddw:FD paddd:FE",
  ),
  ...pairs("sse", "0F", "pminub:DA pmaxub:DE pavgb:E0 pavgw:E3 pmulhuw:E4 pminsw:EA pmaxsw:EE psadbw:F6"),
  ...pairs("sse2", "0F", "paddq:D4 pmuludq:F4 psubq:FB"),
  ...pairs(
    "ssse3",
    "0F 38",
    "pshufb:00 phaddw:01 phaddd:02 phaddsw:03 pmaddubsw:04 phsubw:05 phsubd:06 phsubsw:07 psignb:08 psignw:09 psignd:0A pmulhrsw:0B",
  ),
  ...pairs("ssse3", "0F 38", "pabsb:1C pabsw:1D pabsd:1E", "="),
  ...form("palignr", "NP 0F 3A 0F /r ib", "+mm mmm64 imm8", "", "ssse3 apart"),
  ...form("palignr", "66 0F 3A 0F /r ib", "+xmm xmmm128 imm8", "", "ssse3 apart"),

  ...shift("psrlw", "D1", "71", 2),
  ...shift("psraw", "E1", "71", 4),
  ...shift("psllw", "F1", "71", 6),
  ...shift("psrld", "D2", "72", 2),
  ...shift("psrad", "E2", "72", 4),
  ...shift("pslld", "F2", "72", 6),
  ...shift("psrlq", "D3", "73", 2),
  ...shift("psllq", "F3", "73", 6),

  ...form("movd", "NP 0F 6E /r", "=mm rm32", "", "mmx apart"),
  ...form("movd", "66 0F 6E /r", "=xmm rm32", "", "sse2 apart"),
  ...form("movd", "NP 0F 7E /r", "=rm32 mm", "", "mmx apart"),
  ...form("movd", "66 0F 7E /r", "=rm32 xmm", "", "sse2 apart"),
  ...form("movq", "NP 0F 6F /r", "=mm mmm64", "", "mmx apart"),
  ...form("movq", "F3 0F 7E /r", "=xmm xmmm64", "", "sse2 apart"),
  ...form("movq", "NP 0F 7F /r", "=mmm64 mm", "", "mmx apart"),
  ...form("movq", "66 0F D6 /r", "=xmmm64 xmm", "", "sse2 apart"),
  ...form("pmovmskb", "NP 0F D7 /r", "=r32 mm", "", "sse apart"),
  ...form("pmovmskb", "66 0F D7 /r", "=r32 xmm", "", "sse2 apart"),
  ...form("pinsrw", "NP 0F C4 /r ib", "+mm r32m16 imm8", "", "sse"),
  ...form("pinsrw", "66 0F C4 /r ib", "+xmm r32m16 imm8", "", "sse2"),
  ...form("pextrw", "NP 0F C5 /r ib", "=r32 mm imm8", "", "sse"),
  ...form("pextrw", "66 0F C5 /r ib", "=r32 xmm imm8", "", "sse2"),
  ...form("pshufw", "NP 0F 70 /r ib", "=mm mmm64 imm8", "", "sse apart"),
  ...form("maskmovq", "NP 0F F7 /r", "mm mm", "", "sse"),
  ...form("movntq", "NP 0F E7 /r", "=m64 mm", "", "sse"),
  ...form("emms", "NP 0F 77", "", "", "mmx"),
  ...form("femms", "0F 0E", "", "", "3dnow"),

  ...amd(
    "pi2fw:0C pi2fd:0D pf2iw:1C pf2id:1D pfnacc:8A pfpnacc:8E pfcmpge:90 pfmin:94 pfrcp:96 pfrsqrt:97 pfsub:9A pfadd:9E " +
      "pfcmpgt:A0 pfmax:A4 pfrcpit1:A6 pfrsqit1:A7 pfsubr:AA pfacc:AE pfcmpeq:B0 pfmul:B4 pfrcpit2:B6 pmulhrw:B7 pswapd:BB " +
      "pavgusb:BF",
  ),
];
