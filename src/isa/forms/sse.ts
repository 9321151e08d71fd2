/** SSE to SSE4.2, AES, PCLMULQDQ, SHA and GFNI on XMM registers without VEX (SDM vol. 1, chapters 10 to 12). */
import { form, type Row } from "../form.ts";

/** `name:code` pairs with one scheme. Every XMM operand but the first has a size of its own in FASM. */
const all = (level: string, opcode: string, operands: string, list: string, flags = ""): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return form(name!, opcode.replace("*", code!), operands, flags, `${level} apart`);
  });

const immediate = (level: string, opcode: string, operands: string, list: string, flags = ""): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return form(name!, opcode.replace("*", code!), operands, flags, `${level}`);
  });

const comparisons = ["eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"];

/** The comparison in the last byte, or in the name. */
const compare = (suffix: string, prefix: string, memory: string, level: string): Row[] => [
  ...comparisons.flatMap((name, code) =>
    form(`cmp${name}${suffix}`, `${prefix} 0F C2 /r 0${code}`, `+xmm ${memory}`, "", `${level} apart`),
  ),
  ...form(`cmp${suffix}`, `${prefix} 0F C2 /r ib`, `+xmm ${memory} imm8`, "", `${level}`),
];

const scalarArithmetic = "addss:58 mulss:59 subss:5C minss:5D divss:5E maxss:5F";
const scalarUnary = "sqrtss:51 rsqrtss:52 rcpss:53";
const packedArithmetic =
  "andps:54 andnps:55 orps:56 xorps:57 addps:58 mulps:59 subps:5C minps:5D divps:5E maxps:5F";
const packedUnary = "sqrtps:51 rsqrtps:52 rcpps:53";
const doubles = (list: string): string => list.replaceAll(/ss:/g, "sd:").replaceAll(/ps:/g, "pd:");

const ordered = "w:zpc z:osa";

export const sse: readonly Row[] = [
  // Arithmetic
  ...all("sse", "NP 0F * /r", "+xmm xmmm128", packedArithmetic),
  ...all("sse", "NP 0F * /r", "=xmm xmmm128", packedUnary),
  ...all("sse2", "66 0F * /r", "+xmm xmmm128", doubles(packedArithmetic)),
  ...all("sse2", "66 0F * /r", "=xmm xmmm128", "sqrtpd:51"),
  ...all("sse", "F3 0F * /r", "+xmm xmmm32", scalarArithmetic),
  ...all("sse", "F3 0F * /r", "+xmm xmmm32", scalarUnary),
  ...all("sse2", "F2 0F * /r", "+xmm xmmm64", doubles(scalarArithmetic)),
  ...all("sse2", "F2 0F * /r", "+xmm xmmm64", "sqrtsd:51"),
  ...all("sse3", "F2 0F * /r", "+xmm xmmm128", "haddps:7C hsubps:7D addsubps:D0"),
  ...all("sse3", "66 0F * /r", "+xmm xmmm128", "haddpd:7C hsubpd:7D addsubpd:D0"),
  ...compare("ps", "NP", "xmmm128", "sse"),
  ...compare("pd", "66", "xmmm128", "sse2"),
  ...compare("ss", "F3", "xmmm32", "sse"),
  ...compare("sd", "F2", "xmmm64", "sse2"),
  ...all("sse", "NP 0F * /r", "xmm xmmm32", "ucomiss:2E comiss:2F", ordered),
  ...all("sse2", "66 0F * /r", "xmm xmmm64", "ucomisd:2E comisd:2F", ordered),
  ...all("sse", "NP 0F * /r", "+xmm xmmm128", "unpcklps:14 unpckhps:15"),
  ...all("sse2", "66 0F * /r", "+xmm xmmm128", "unpcklpd:14 unpckhpd:15 punpcklqdq:6C punpckhqdq:6D"),
  ...immediate("sse", "NP 0F * /r ib", "+xmm xmmm128 imm8", "shufps:C6"),
  ...immediate("sse2", "66 0F * /r ib", "+xmm xmmm128 imm8", "shufpd:C6"),

  // Conversions
  ...all("sse2", "NP 0F * /r", "=xmm xmmm64", "cvtps2pd:5A"),
  ...all("sse2", "66 0F * /r", "=xmm xmmm128", "cvtpd2ps:5A cvtps2dq:5B cvttpd2dq:E6"),
  ...all("sse2", "F3 0F * /r", "=xmm xmmm128", "cvttps2dq:5B"),
  ...all("sse2", "F3 0F * /r", "+xmm xmmm32", "cvtss2sd:5A"),
  ...all("sse2", "F2 0F * /r", "+xmm xmmm64", "cvtsd2ss:5A"),
  ...all("sse2", "NP 0F * /r", "=xmm xmmm128", "cvtdq2ps:5B"),
  ...all("sse2", "F2 0F * /r", "=xmm xmmm128", "cvtpd2dq:E6"),
  ...all("sse2", "F3 0F * /r", "=xmm xmmm64", "cvtdq2pd:E6"),
  ...all("sse", "NP 0F * /r", "+xmm mmm64", "cvtpi2ps:2A"),
  ...all("sse2", "66 0F * /r", "=xmm mmm64", "cvtpi2pd:2A"),
  ...all("sse unsized", "F3 0F * /r", "+xmm rm32", "cvtsi2ss:2A"),
  ...all("sse2 unsized", "F2 0F * /r", "+xmm rm32", "cvtsi2sd:2A"),
  ...all("sse", "NP 0F * /r", "=mm xmmm64", "cvttps2pi:2C cvtps2pi:2D"),
  ...all("sse2", "66 0F * /r", "=mm xmmm128", "cvttpd2pi:2C cvtpd2pi:2D"),
  ...all("sse", "F3 0F * /r", "=r32 xmmm32", "cvttss2si:2C cvtss2si:2D"),
  ...all("sse2", "F2 0F * /r", "=r32 xmmm64", "cvttsd2si:2C cvtsd2si:2D"),

  // Moves
  ...all("sse", "NP 0F * /r", "=xmm xmmm128", "movups:10 movaps:28"),
  ...all("sse2", "66 0F * /r", "=xmm xmmm128", "movupd:10 movapd:28"),
  ...all("sse", "NP 0F * /r", "=xmmm128 xmm", "movups:11 movaps:29"),
  ...all("sse2", "66 0F * /r", "=xmmm128 xmm", "movupd:11 movapd:29"),
  ...all("sse", "F3 0F * /r", "+xmm xmmm32", "movss:10"),
  ...all("sse", "F3 0F * /r", "=xmmm32 xmm", "movss:11"),
  ...all("sse2", "F2 0F * /r", "+xmm xmmm64", "movsd:10"),
  ...all("sse2", "F2 0F * /r", "=xmmm64 xmm", "movsd:11"),
  ...form("movdqa", "66 0F 6F /r", "=xmm xmmm128", "", "sse2"),
  ...form("movdqa", "66 0F 7F /r", "=xmmm128 xmm", "", "sse2"),
  ...form("movdqu", "F3 0F 6F /r", "=xmm xmmm128", "", "sse2"),
  ...form("movdqu", "F3 0F 7F /r", "=xmmm128 xmm", "", "sse2"),
  ...form("lddqu", "F2 0F F0 /r", "=xmm m128", "", "sse3"),
  ...form("movhlps", "NP 0F 12 /r", "+xmm xmm", "", "sse"),
  ...form("movlhps", "NP 0F 16 /r", "+xmm xmm", "", "sse"),
  ...all("sse", "NP 0F * /r", "+xmm m64", "movlps:12 movhps:16"),
  ...all("sse", "NP 0F * /r", "=m64 xmm", "movlps:13 movhps:17"),
  ...all("sse2", "66 0F * /r", "+xmm m64", "movlpd:12 movhpd:16"),
  ...all("sse2", "66 0F * /r", "=m64 xmm", "movlpd:13 movhpd:17"),
  ...all("sse3", "F3 0F * /r", "=xmm xmmm128", "movsldup:12 movshdup:16"),
  ...all("sse3", "F2 0F * /r", "=xmm xmmm64", "movddup:12"),
  ...form("movmskps", "NP 0F 50 /r", "=r32 xmm", "", "sse apart"),
  ...form("movmskpd", "66 0F 50 /r", "=r32 xmm", "", "sse2 apart"),
  ...form("maskmovdqu", "66 0F F7 /r", "xmm xmm", "", "sse2"),
  ...form("movq2dq", "F3 0F D6 /r", "=xmm mm", "", "sse2 apart"),
  ...form("movdq2q", "F2 0F D6 /r", "=mm xmm", "", "sse2 apart"),
  ...form("movntps", "NP 0F 2B /r", "=m128 xmm", "", "sse"),
  ...form("movntpd", "66 0F 2B /r", "=m128 xmm", "", "sse2"),
  ...form("movntdq", "66 0F E7 /r", "=m128 xmm", "", "sse2"),
  ...form("movntss", "F3 0F 2B /r", "=m32 xmm", "", "sse4a apart"),
  ...form("movntsd", "F2 0F 2B /r", "=m64 xmm", "", "sse4a apart"),
  ...form("movntdqa", "66 0F 38 2A /r", "=xmm m128", "", "sse4"),

  // Integers
  ...form("pshufd", "66 0F 70 /r ib", "=xmm xmmm128 imm8", "", "sse2 apart"),
  ...form("pshufhw", "F3 0F 70 /r ib", "=xmm xmmm128 imm8", "", "sse2 apart"),
  ...form("pshuflw", "F2 0F 70 /r ib", "=xmm xmmm128 imm8", "", "sse2 apart"),
  ...form("psrldq", "66 0F 73 /3 ib", "+xmm imm8", "", "sse2 apart"),
  ...form("pslldq", "66 0F 73 /7 ib", "+xmm imm8", "", "sse2 apart"),
  ...all(
    "sse4",
    "66 0F 38 * /r",
    "+xmm xmmm128",
    "pmuldq:28 pcmpeqq:29 packusdw:2B pcmpgtq:37 pminsb:38 pminsd:39 pminuw:3A pminud:3B pmaxsb:3C pmaxsd:3D pmaxuw:3E " +
      "pmaxud:3F pmulld:40",
  ),
  ...all("sse4", "66 0F 38 * /r", "=xmm xmmm128", "phminposuw:41"),
  ...all("sse4", "66 0F 38 * /r", "xmm xmmm128", "ptest:17", "w:zc z:ospa"),
  ...all(
    "sse4",
    "66 0F 38 * /r",
    "=xmm xmmm64",
    "pmovsxbw:20 pmovsxwd:23 pmovsxdq:25 pmovzxbw:30 pmovzxwd:33 pmovzxdq:35",
  ),
  ...all("sse4", "66 0F 38 * /r", "=xmm xmmm32", "pmovsxbd:21 pmovsxwq:24 pmovzxbd:31 pmovzxwq:34"),
  ...all("sse4", "66 0F 38 * /r", "=xmm xmmm16", "pmovsxbq:22 pmovzxbq:32"),
  ...["pblendvb:10", "blendvps:14", "blendvpd:15"].flatMap((entry) => [
    ...all("sse4", "66 0F 38 * /r", "+xmm xmmm128", entry),
    ...immediate("sse4 written", "66 0F 38 * /r", "+xmm xmmm128 xmm0", entry),
  ]),
  ...immediate(
    "sse4",
    "66 0F 3A * /r ib",
    "+xmm xmmm128 imm8",
    "blendps:0C blendpd:0D pblendw:0E dpps:40 dppd:41 mpsadbw:42",
  ),
  ...immediate("sse4", "66 0F 3A * /r ib", "=xmm xmmm128 imm8", "roundps:08 roundpd:09"),
  ...immediate("sse4", "66 0F 3A * /r ib", "+xmm xmmm32 imm8", "roundss:0A"),
  ...immediate("sse4", "66 0F 3A * /r ib", "+xmm xmmm64 imm8", "roundsd:0B"),
  ...immediate(
    "sse4",
    "66 0F 3A * /r ib",
    "xmm xmmm128 imm8",
    "pcmpestrm:60 pcmpestri:61 pcmpistrm:62 pcmpistri:63",
    "w:zsco z:ap",
  ),
  ...form("pextrb", "66 0F 3A 14 /r ib", "=r32m8 xmm imm8", "", "sse4"),
  ...form("pextrw", "66 0F 3A 15 /r ib", "=m16 xmm imm8", "", "sse4"),
  ...form("pextrw", "66 0F 3A 15 /r ib", "=r32m16 xmm imm8", "", "sse4 decoded reg"),
  ...form("pextrd", "66 0F 3A 16 /r ib", "=rm32 xmm imm8", "", "sse4"),
  ...form("extractps", "66 0F 3A 17 /r ib", "=rm32 xmm imm8", "", "sse4"),
  ...form("pinsrb", "66 0F 3A 20 /r ib", "+xmm r32m8 imm8", "", "sse4"),
  ...form("insertps", "66 0F 3A 21 /r ib", "+xmm xmmm32 imm8", "", "sse4"),
  ...form("pinsrd", "66 0F 3A 22 /r ib", "+xmm rm32 imm8", "", "sse4"),

  // Cryptography and finite fields
  ...all("aes", "66 0F 38 * /r", "+xmm xmmm128", "aesenc:DC aesenclast:DD aesdec:DE aesdeclast:DF"),
  ...all("aes", "66 0F 38 * /r", "=xmm xmmm128", "aesimc:DB"),
  ...immediate("aes", "66 0F 3A * /r ib", "=xmm xmmm128 imm8", "aeskeygenassist:DF"),
  ...form("pclmullqlqdq", "66 0F 3A 44 /r 00", "+xmm xmmm128", "", "pclmul apart"),
  ...form("pclmulhqlqdq", "66 0F 3A 44 /r 01", "+xmm xmmm128", "", "pclmul apart"),
  ...form("pclmullqhqdq pclmullqhdq", "66 0F 3A 44 /r 10", "+xmm xmmm128", "", "pclmul apart"),
  ...form("pclmulhqhqdq pclmulhqhdq", "66 0F 3A 44 /r 11", "+xmm xmmm128", "", "pclmul apart"),
  ...form("pclmulqdq", "66 0F 3A 44 /r ib", "+xmm xmmm128 imm8", "", "pclmul"),
  ...all(
    "sha",
    "NP 0F 38 * /r",
    "+xmm xmmm128",
    "sha1nexte:C8 sha1msg1:C9 sha1msg2:CA sha256msg1:CC sha256msg2:CD",
  ),
  ...all("sha", "NP 0F 38 * /r", "+xmm xmmm128", "sha256rnds2:CB"),
  ...immediate("sha written", "NP 0F 38 * /r", "+xmm xmmm128 xmm0", "sha256rnds2:CB"),
  ...immediate("sha", "NP 0F 3A * /r ib", "+xmm xmmm128 imm8", "sha1rnds4:CC"),
  ...all("gfni", "66 0F 38 * /r", "+xmm xmmm128", "gf2p8mulb:CF"),
  ...immediate("gfni", "66 0F 3A * /r ib", "+xmm xmmm128 imm8", "gf2p8affineqb:CE gf2p8affineinvqb:CF"),

  // AMD's SSE4a
  ...form("extrq", "66 0F 78 /0 ib ib", "+xmm imm8 imm8", "", "sse4a reg"),
  ...form("extrq", "66 0F 79 /r", "+xmm xmm", "", "sse4a apart"),
  ...form("insertq", "F2 0F 78 /r ib ib", "+xmm xmm imm8 imm8", "", "sse4a"),
  ...form("insertq", "F2 0F 79 /r", "+xmm xmm", "", "sse4a apart"),

  // The unit's state, caches and fences
  ...form("fxsave", "NP 0F AE /0", "=m", "", "sse bare"),
  ...form("fxrstor", "NP 0F AE /1", "m", "", "sse bare"),
  ...form("ldmxcsr", "NP 0F AE /2", "m32", "", "sse"),
  ...form("stmxcsr", "NP 0F AE /3", "=m32", "", "sse"),
  ...form("xsave", "NP 0F AE /4", "=m", "", "xsave bare"),
  ...form("xrstor", "NP 0F AE /5", "m", "", "xsave bare"),
  ...form("xsaveopt", "NP 0F AE /6", "=m", "", "xsave bare"),
  ...form("clflush", "NP 0F AE /7", "m8", "", "sse2"),
  ...form("clwb", "66 0F AE /6", "m8", "", "misc"),
  ...form("clflushopt", "66 0F AE /7", "m8", "", "misc"),
  ...form("lfence", "NP 0F AE E8", "", "", "sse2"),
  ...form("mfence", "NP 0F AE F0", "", "", "sse2"),
  ...form("sfence", "NP 0F AE F8", "", "", "sse"),
  // ModR/M.rm counts for nothing in the three. SDM vol. 2, MFENCE.
  ...form("lfence", "NP 0F AE /5", "", "", "sse2 reg decoded"),
  ...form("mfence", "NP 0F AE /6", "", "", "sse2 reg decoded"),
  ...form("sfence", "NP 0F AE /7", "", "", "sse reg decoded"),
  ...form("pcommit", "66 0F AE F8", "", "", "misc"),
  ...form("prefetchnta", "0F 18 /0", "m8", "", "sse"),
  ...form("prefetcht0", "0F 18 /1", "m8", "", "sse"),
  ...form("prefetcht1", "0F 18 /2", "m8", "", "sse"),
  ...form("prefetcht2", "0F 18 /3", "m8", "", "sse"),
  ...form("prefetch", "0F 0D /0", "m8", "", "3dnow"),
  ...form("prefetchw", "0F 0D /1", "m8", "", "3dnow"),
  ...form("prefetchwt1", "0F 0D /2", "m8", "", "misc"),
  ...form("cldemote", "NP 0F 1C /0", "m8", "", "misc"),
];
