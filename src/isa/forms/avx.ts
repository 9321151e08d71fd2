/**
 * AVX, AVX2, FMA, F16C and AVX-512: VEX and EVEX forms (SDM vol. 1, chapters 14 and 15), by the schemes of
 * avx-schemes.ts.
 *
 * FASM takes VEX where it can, EVEX where a 512-bit register, a mask, a broadcast or a rounding asks for it.
 */
import type { Row } from "../form.ts";
import {
  all,
  at3a,
  at38,
  broadcast,
  broadcastOddly,
  bw,
  comparison,
  conversion,
  d,
  equality,
  er,
  evex,
  extension,
  fma,
  gather,
  hex,
  kmov,
  lane,
  letter,
  maskComparison,
  maskOperations,
  maskTest,
  maskUnary,
  memoryMove,
  move,
  one,
  ordered,
  pd,
  ps,
  q,
  sae,
  sd,
  shift,
  single,
  ss,
  truncation,
  vector,
  vex,
  w0,
  w1,
} from "./avx-schemes.ts";

/** What only sets flags. */
const test = { access: "", flags: "w:zc z:ospa" };

/** Made when first asked for: three thousand rows that most programs never need. */
export const avx = (): Row[] => [
  // Floating point
  ...vector(er(ps), "vaddps:58 vmulps:59 vsubps:5C vdivps:5E"),
  ...vector(er(pd), "vaddpd:58 vmulpd:59 vsubpd:5C vdivpd:5E"),
  ...vector(er(ss), "vaddss:58 vmulss:59 vsubss:5C vdivss:5E vsqrtss:51"),
  ...vector(er(sd), "vaddsd:58 vmulsd:59 vsubsd:5C vdivsd:5E vsqrtsd:51 vcvtsd2ss:5A"),
  ...vector(sae(ps), "vminps:5D vmaxps:5F"),
  ...vector(sae(pd), "vminpd:5D vmaxpd:5F"),
  ...vector(sae(ss), "vminss:5D vmaxss:5F vcvtss2sd:5A"),
  ...vector(sae(sd), "vminsd:5D vmaxsd:5F"),
  ...vector(ps, "vandps:54 vandnps:55 vorps:56 vxorps:57 vunpcklps:14 vunpckhps:15"),
  ...vector(pd, "vandpd:54 vandnpd:55 vorpd:56 vxorpd:57 vunpcklpd:14 vunpckhpd:15"),
  ...vector({ ...ps, immediate: true }, "vshufps:C6"),
  ...vector({ ...pd, immediate: true }, "vshufpd:C6"),
  ...vector(single(er(ps)), "vsqrtps:51 vcvtdq2ps:5B"),
  ...vector(single(er(pd)), "vsqrtpd:51"),
  ...vector(single(er({ ...ps, pp: "66" })), "vcvtps2dq:5B"),
  ...vector(single(sae({ ...ps, pp: "F3" })), "vcvttps2dq:5B"),
  ...vector(vex(single({ pp: "NP", map: "0F" })), "vrsqrtps:52 vrcpps:53"),
  ...vector({ ...ss, only: "vex" }, "vrsqrtss:52 vrcpss:53"),
  ...vector(vex({ pp: "66", map: "0F" }), "vhaddpd:7C vhsubpd:7D vaddsubpd:D0"),
  ...vector(vex({ pp: "F2", map: "0F" }), "vhaddps:7C vhsubps:7D vaddsubps:D0"),
  ...vector(
    sae({ ...single(ss), pp: "NP", access: "", mask: false, flags: ordered }),
    "vucomiss:2E vcomiss:2F",
  ),
  ...vector(
    sae({ ...single(sd), pp: "66", access: "", mask: false, flags: ordered }),
    "vucomisd:2E vcomisd:2F",
  ),
  ...comparison("ps", "NP", "W0", 4, false),
  ...comparison("pd", "66", "W1", 8, false),
  ...comparison("ss", "F3", "W0", 4, true),
  ...comparison("sd", "F2", "W1", 8, true),
  ...vector(at3a(vex({ pp: "66", map: "" })), "vblendps:0C vblendpd:0D vdpps:40"),
  ...vector(at3a({ ...vex({ pp: "66", map: "" }), sources: 1 }), "vroundps:08 vroundpd:09"),
  ...vector(at3a({ pp: "66", map: "", only: "vex", scalar: 32 }), "vroundss:0A"),
  ...vector(at3a({ pp: "66", map: "", only: "vex", scalar: 64 }), "vroundsd:0B"),
  ...one("vdppd", "VEX.NDS.128.66.0F3A.WIG 41 /r ib", "=xmm xmm xmmm128 imm8"),
  ...["vblendvps:4A", "vblendvpd:4B", "vpblendvb:4C"].flatMap((entry) => {
    const [name, code] = entry.split(":");
    return [128, 256].flatMap((bits) => {
      const r = `${letter(bits)}mm`;
      return one(name!, `VEX.NDS.${bits}.66.0F3A.W0 ${code} /r /is4`, `=${r} ${r} ${r}m${bits} ${r}`);
    });
  }),
  ...fma(),

  // Floating point, AVX-512 only
  ...vector(evex(at38({ ...ps, pp: "66" })), "vblendmps:65"),
  ...vector(evex(at38(pd)), "vblendmpd:65"),
  ...vector(evex(single(er(pd))), "vcvtpd2qq:7B vcvtpd2uqq:79"),
  ...vector(evex(single(sae(pd))), "vcvttpd2qq:7A vcvttpd2uqq:78"),
  ...vector(evex(single(er(ps))), "vcvtps2udq:79"),
  ...vector(evex(single(sae(ps))), "vcvttps2udq:78"),
  ...vector(evex(single(er({ ...ps, pp: "F2" }))), "vcvtudq2ps:7A"),
  ...vector(evex(single(er({ ...pd, pp: "F3" }))), "vcvtqq2pd:E6 vcvtuqq2pd:7A"),
  ...vector(evex(single(sae(at3a(pd)))), "vrndscalepd:09 vgetmantpd:26 vreducepd:56"),
  ...vector(evex(single(sae(at3a(d)))), "vrndscaleps:08 vgetmantps:26 vreduceps:56"),
  ...vector(evex(sae(at3a(pd))), "vrangepd:50 vfixupimmpd:54"),
  ...vector(evex(sae(at3a(d))), "vrangeps:50 vfixupimmps:54"),
  ...vector(
    evex(sae(at3a({ pp: "66", map: "", w: "W1", scalar: 64 }))),
    "vrndscalesd:0B vgetmantsd:27 vrangesd:51 vfixupimmsd:55 vreducesd:57",
  ),
  ...vector(
    evex(sae(at3a({ pp: "66", map: "", w: "W0", scalar: 32 }))),
    "vrndscaless:0A vgetmantss:27 vrangess:51 vfixupimmss:55 vreducess:57",
  ),
  ...vector(evex(er(at38(pd))), "vscalefpd:2C"),
  ...vector(evex(er(at38(d))), "vscalefps:2C"),
  ...vector(evex(er(at38({ ...sd, pp: "66" }))), "vscalefsd:2D"),
  ...vector(evex(er(at38({ ...ss, pp: "66" }))), "vscalefss:2D"),
  ...vector(evex(single(sae(at38(pd)))), "vgetexppd:42"),
  ...vector(evex(single(sae(at38(d)))), "vgetexpps:42"),
  ...vector(evex(sae(at38({ ...sd, pp: "66" }))), "vgetexpsd:43 vrcp28sd:CB vrsqrt28sd:CD"),
  ...vector(evex(sae(at38({ ...ss, pp: "66" }))), "vgetexpss:43 vrcp28ss:CB vrsqrt28ss:CD"),
  ...vector(evex(single(at38(pd))), "vrcp14pd:4C vrsqrt14pd:4E vpopcntq:55"),
  ...vector(evex(single(at38(d))), "vrcp14ps:4C vrsqrt14ps:4E vpopcntd:55"),
  ...vector(evex(at38({ ...sd, pp: "66" })), "vrcp14sd:4D vrsqrt14sd:4F"),
  ...vector(evex(at38({ ...ss, pp: "66" })), "vrcp14ss:4D vrsqrt14ss:4F"),
  ...vector(evex(single(sae({ ...at38(pd), lengths: [512] }))), "vexp2pd:C8 vrcp28pd:CA vrsqrt28pd:CC"),
  ...vector(evex(single(sae({ ...at38(d), lengths: [512] }))), "vexp2ps:C8 vrcp28ps:CA vrsqrt28ps:CC"),
  ...[
    ["vfpclasspd", "66", "W1", 0, 8],
    ["vfpclassps", "66", "W0", 0, 4],
    ["vfpclasssd", "67", "W1", 64, 8],
    ["vfpclassss", "67", "W0", 32, 4],
  ].flatMap(([name, code, w, scalar, element]) =>
    (scalar === 0 ? all : [128]).flatMap((bits) =>
      one(
        String(name),
        `EVEX.${scalar === 0 ? bits : "LIG"}.66.0F3A.${w} ${code} /r ib`,
        `=k ${letter(bits)}mmm${scalar === 0 ? bits : scalar} imm8`,
        `mask zodd${scalar === 0 ? ` b${element}` : ""}`,
      ),
    ),
  ),

  // Conversions that change the size
  ...conversion("vcvtdq2pd", "F3", "E6", "W0", true, 4, ""),
  ...conversion("vcvtudq2pd", "F3", "7A", "W0", true, 4, "", "evex"),
  ...conversion("vcvtps2pd", "NP", "5A", "W0", true, 4, "sae"),
  ...conversion("vcvtps2qq", "66", "7B", "W0", true, 4, "er", "evex"),
  ...conversion("vcvtps2uqq", "66", "79", "W0", true, 4, "er", "evex"),
  ...conversion("vcvttps2qq", "66", "7A", "W0", true, 4, "sae", "evex"),
  ...conversion("vcvttps2uqq", "66", "78", "W0", true, 4, "sae", "evex"),
  ...conversion("vcvtph2ps", "66", "13", "W0", true, 4, "sae", undefined, "0F38"),
  ...conversion("vcvtpd2dq", "F2", "E6", "W1", false, 8, "er"),
  ...conversion("vcvtpd2ps", "66", "5A", "W1", false, 8, "er"),
  ...conversion("vcvttpd2dq", "66", "E6", "W1", false, 8, "sae"),
  ...conversion("vcvtuqq2ps", "F2", "7A", "W1", false, 8, "er", "evex"),
  ...conversion("vcvtqq2ps", "NP", "5B", "W1", false, 8, "er", "evex"),
  ...conversion("vcvtpd2udq", "NP", "79", "W1", false, 8, "er", "evex"),
  ...conversion("vcvttpd2udq", "NP", "78", "W1", false, 8, "sae", "evex"),
  ...["VEX", "EVEX"].flatMap((encoding) =>
    all.flatMap((bits) =>
      encoding === "VEX" && bits === 512
        ? []
        : one(
            "vcvtps2ph",
            `${encoding}.${bits}.66.0F3A.W0 1D /r ib`,
            `=${letter(bits / 2)}mmm${bits / 2} ${letter(bits)}mm imm8`,
            encoding === "EVEX" ? "mask z zodd sae" : "",
          ),
    ),
  ),
  ...["VEX", "EVEX"].flatMap((encoding) =>
    [
      ["vcvttsd2si", "F2", "2C", 64, "sae"],
      ["vcvtsd2si", "F2", "2D", 64, "er"],
      ["vcvttss2si", "F3", "2C", 32, "sae"],
      ["vcvtss2si", "F3", "2D", 32, "er"],
      ["vcvttsd2usi", "F2", "78", 64, "sae"],
      ["vcvtsd2usi", "F2", "79", 64, "er"],
      ["vcvttss2usi", "F3", "78", 32, "sae"],
      ["vcvtss2usi", "F3", "79", 32, "er"],
    ].flatMap(([name, pp, code, bits, rounding]) =>
      [32, 64].flatMap((general) =>
        encoding === "VEX" && String(name).endsWith("usi")
          ? []
          : one(
              String(name),
              `${encoding}.LIG.${pp}.0F.W${general === 64 ? 1 : 0} ${code} /r`,
              `=r${general} xmmm${bits}`,
              `${encoding === "EVEX" ? `${rounding} ` : ""}${general === 64 ? "long" : "w64"}`,
            ),
      ),
    ),
  ),
  ...["VEX", "EVEX"].flatMap((encoding) =>
    [32, 64].flatMap((general) => {
      const word = `W${general === 64 ? 1 : 0}`;
      const marks = `sized${general === 64 ? " long" : " w64"}`;
      const er = `${marks}${encoding === "EVEX" ? " er" : ""}`;
      const operands = `=xmm xmm rm${general}`;
      return [
        // Every 32-bit integer is a double: nothing is rounded.
        ...one("vcvtsi2sd", `${encoding}.NDS.LIG.F2.0F.${word} 2A /r`, operands, general === 64 ? er : marks),
        ...one("vcvtsi2ss", `${encoding}.NDS.LIG.F3.0F.${word} 2A /r`, operands, er),
        ...(encoding === "VEX"
          ? []
          : [
              ...one("vcvtusi2sd", `EVEX.NDS.LIG.F2.0F.${word} 7B /r`, operands, general === 64 ? er : marks),
              ...one("vcvtusi2ss", `EVEX.NDS.LIG.F3.0F.${word} 7B /r`, operands, er),
            ]),
      ];
    }),
  ),

  // Integers
  ...vector(
    bw,
    "vpunpcklbw:60 vpunpcklwd:61 vpacksswb:63 vpackuswb:67 vpunpckhbw:68 vpunpckhwd:69 vpmullw:D5 vpsubusb:D8 vpsubusw:D9 " +
      "vpminub:DA vpaddusb:DC vpaddusw:DD vpmaxub:DE vpavgb:E0 vpavgw:E3 vpmulhuw:E4 vpmulhw:E5 vpsubsb:E8 vpsubsw:E9 " +
      "vpminsw:EA vpaddsb:EC vpaddsw:ED vpmaxsw:EE vpmaddwd:F5 vpsadbw:F6 vpsubb:F8 vpsubw:F9 vpaddb:FC vpaddw:FD",
  ),
  ...vector(at38(bw), "vpshufb:00 vpmaddubsw:04 vpmulhrsw:0B vpminsb:38 vpminuw:3A vpmaxsb:3C vpmaxuw:3E"),
  ...vector(w0(at38(bw)), "vgf2p8mulb:CF"),
  ...vector(single(at38(bw)), "vpabsb:1C vpabsw:1D"),
  ...vector(d, "vpunpckldq:62 vpunpckhdq:6A vpackssdw:6B vpsubd:FA vpaddd:FE"),
  ...vector(at38(d), "vpackusdw:2B vpminsd:39 vpminud:3B vpmaxsd:3D vpmaxud:3F vpmulld:40"),
  ...vector(w0(at38(d)), "vpsrlvd:45 vpsravd:46 vpsllvd:47"),
  ...vector(single(at38(d)), "vpabsd:1E"),
  ...vector({ ...single(d), immediate: true }, "vpshufd:70"),
  ...vector(q, "vpunpcklqdq:6C vpunpckhqdq:6D vpaddq:D4 vpmuludq:F4 vpsubq:FB"),
  ...vector(at38(q), "vpmuldq:28"),
  ...vector(w1(at38(q)), "vpsrlvq:45 vpsllvq:47"),
  ...vector(w1(at3a(q)), "vgf2p8affineqb:CE vgf2p8affineinvqb:CF"),
  ...vector(at3a(bw), "vpalignr:0F"),
  ...vector({ ...single(bw), pp: "F3", immediate: true }, "vpshufhw:70"),
  ...vector({ ...single(bw), pp: "F2", immediate: true }, "vpshuflw:70"),
  ...vector(vex(bw), "vpor:EB vpand:DB vpxor:EF vpandn:DF"),
  ...vector(
    vex(at38(bw)),
    "vphaddw:01 vphaddd:02 vphaddsw:03 vphsubw:05 vphsubd:06 vphsubsw:07 vpsignb:08 vpsignw:09 vpsignd:0A",
  ),
  ...vector({ ...vex(single(at38(bw))), ...test }, "vptest:17"),
  ...vector({ ...w0(vex(single(at38(bw)))), ...test }, "vtestps:0E vtestpd:0F"),
  ...one("vphminposuw", "VEX.128.66.0F38.WIG 41 /r", "=xmm xmmm128"),
  ...one("vphminposuw", "VEX.256.66.0F38.WIG 41 /r", "=ymm ymmm256", "written"),
  ...vector(at3a(vex(bw)), "vpblendw:0E vmpsadbw:42"),
  ...vector(w0(at3a(vex(bw))), "vpblendd:02"),
  ...equality("vpcmpeqb:74 vpcmpeqw:75 vpcmpgtb:64 vpcmpgtw:65", "0F", "WIG", 0),
  ...equality("vpcmpeqd:76 vpcmpgtd:66", "0F", "W0", 4),
  ...equality("vpcmpeqq:29 vpcmpgtq:37", "0F38", "W1", 8),
  ...["vpcmpestrm:60", "vpcmpestri:61", "vpcmpistrm:62", "vpcmpistri:63"].flatMap((entry) => {
    const [name, code] = entry.split(":");
    return one(name!, `VEX.128.66.0F3A.WIG ${code} /r ib`, "xmm xmmm128 imm8", "", "w:zsco z:ap");
  }),
  ...shift("vpsrlw", "D1", "71", 2, "WIG", 0),
  ...shift("vpsraw", "E1", "71", 4, "WIG", 0),
  ...shift("vpsllw", "F1", "71", 6, "WIG", 0),
  ...shift("vpsrld", "D2", "72", 2, "W0", 4),
  ...shift("vpsrad", "E2", "72", 4, "W0", 4),
  ...shift("vpslld", "F2", "72", 6, "W0", 4),
  ...shift("vpsrlq", "D3", "73", 2, "W1", 8),
  ...shift("vpsllq", "F3", "73", 6, "W1", 8),
  ...shift("vpsraq", "E2", "72", 4, "W1", 8, "evex"),
  ...[
    ["vpsrldq", 3],
    ["vpslldq", 7],
  ].flatMap(([name, digit]) => [
    ...[128, 256].flatMap((bits) =>
      one(
        String(name),
        `VEX.NDD.${bits}.66.0F.WIG 73 /${digit} ib`,
        `=${letter(bits)}mm ${letter(bits)}mm imm8`,
        "apart",
      ),
    ),
    ...all.flatMap((bits) =>
      one(
        String(name),
        `EVEX.NDD.${bits}.66.0F.WIG 73 /${digit} ib`,
        `=${letter(bits)}mm ${letter(bits)}mmm${bits} imm8`,
        "apart",
      ),
    ),
  ]),

  // Integers, AVX-512 only
  ...vector(evex(at38(bw)), "vpermb:8D vpermi2b:75 vpermt2b:7D vpblendmb:66"),
  ...vector(
    evex(w1(at38(bw))),
    "vpermw:8D vpsrlvw:10 vpsravw:11 vpsllvw:12 vpermi2w:75 vpermt2w:7D vpshldvw:70 vpblendmw:66",
  ),
  // FASM 1.73.30 has the code of vpshrdvw in decimal.
  ...vector({ ...evex(w1(at38(bw))), attributes: "written" }, "vpshrdvw:48"),
  ...vector({ ...evex(w1(at38(bw))), attributes: "decoded" }, "vpshrdvw:72"),
  // Four registers in a row as one operand: FASM takes zmm1+3 or zmm1 for them.
  ...one("vp4dpwssd", "EVEX.NDS.512.F2.0F38.W0 52 /r", "+zmm zmm m128", "mask z"),
  ...one("vp4dpwssds", "EVEX.NDS.512.F2.0F38.W0 53 /r", "+zmm zmm m128", "mask z"),
  ...vector(evex(at3a(bw)), "vdbpsadbw:42"),
  ...vector(evex(w1(at3a(bw))), "vpshldw:70 vpshrdw:72"),
  ...vector(
    evex(at38(d)),
    "vprorvd:14 vprolvd:15 vpdpbusd:50 vpdpbusds:51 vpdpwssd:52 vpdpwssds:53 vpblendmd:64 vpshldvd:71 vpshrdvd:73 vpermi2d:76 " +
      "vpermi2ps:77 vpermt2d:7E vpermt2ps:7F",
  ),
  ...vector(evex(single(at38(d))), "vplzcntd:44 vpconflictd:C4"),
  ...vector(broadcastOddly(evex(single(at38(bw))), 4), "vpopcntb:54 vpexpandb:62 vexpandps:88 vpexpandd:89"),
  ...vector(broadcastOddly(evex(single(w1(at38(bw)))), 4), "vpopcntw:54"),
  ...vector(broadcastOddly(evex(single(w1(at38(bw)))), 8), "vpexpandw:62 vexpandpd:88 vpexpandq:89"),
  ...vector(evex(at3a(d)), "valignd:03 vpternlogd:25 vpshldd:71 vpshrdd:73"),
  ...vector(evex(d), "vpandd:DB vpandnd:DF vpord:EB vpxord:EF"),
  ...vector(
    evex(at38(q)),
    "vprorvq:14 vprolvq:15 vpminsq:39 vpminuq:3B vpmaxsq:3D vpmaxuq:3F vpmullq:40 vpblendmq:64 vpshldvq:71 vpshrdvq:73 " +
      "vpermi2q:76 vpermi2pd:77 vpermt2q:7E vpermt2pd:7F vpmultishiftqb:83 vpmadd52luq:B4 vpmadd52huq:B5 vpsravq:46",
  ),
  ...vector(evex(single(at38(q))), "vpabsq:1F vplzcntq:44 vpconflictq:C4"),
  ...vector(evex(at3a(q)), "valignq:03 vpternlogq:25 vpshldq:71 vpshrdq:73"),
  ...vector(evex(q), "vpandq:DB vpandnq:DF vporq:EB vpxorq:EF"),
  ...maskComparison("b", "3F", "W0", 0),
  ...maskComparison("w", "3F", "W1", 0),
  ...maskComparison("ub", "3E", "W0", 0),
  ...maskComparison("uw", "3E", "W1", 0),
  ...maskComparison("d", "1F", "W0", 4),
  ...maskComparison("q", "1F", "W1", 8),
  ...maskComparison("ud", "1E", "W0", 4),
  ...maskComparison("uq", "1E", "W1", 8),
  ...maskTest("vptestmb", "66", "26", "W0", 0),
  ...maskTest("vptestmw", "66", "26", "W1", 0),
  ...maskTest("vptestmd", "66", "27", "W0", 4),
  ...maskTest("vptestmq", "66", "27", "W1", 8),
  ...maskTest("vptestnmb", "F3", "26", "W0", 0),
  ...maskTest("vptestnmw", "F3", "26", "W1", 0),
  ...maskTest("vptestnmd", "F3", "27", "W0", 4),
  ...maskTest("vptestnmq", "F3", "27", "W1", 8),
  ...maskTest("vpshufbitqmb", "66", "8F", "W0", 0),
  ...[
    ["vprold", 1, "W0", 4],
    ["vprord", 0, "W0", 4],
    ["vprolq", 1, "W1", 8],
    ["vprorq", 0, "W1", 8],
  ].flatMap(([name, digit, w, element]) =>
    all.flatMap((bits) =>
      one(
        String(name),
        `EVEX.NDD.${bits}.66.0F.${w} 72 /${digit} ib`,
        `=${letter(bits)}mm ${letter(bits)}mmm${bits} imm8`,
        `mask z b${element}`,
      ),
    ),
  ),

  // Moves
  ...move("vmovups", "NP", "10", "11", "WIG", "W0"),
  ...move("vmovupd", "66", "10", "11", "WIG", "W1"),
  ...move("vmovaps", "NP", "28", "29", "WIG", "W0"),
  ...move("vmovapd", "66", "28", "29", "WIG", "W1"),
  ...move("vmovdqa", "66", "6F", "7F", "WIG", "W0", "vex"),
  ...move("vmovdqu", "F3", "6F", "7F", "WIG", "W0", "vex"),
  ...move("vmovdqa32", "66", "6F", "7F", "W0", "W0", "evex"),
  ...move("vmovdqa64", "66", "6F", "7F", "W1", "W1", "evex"),
  ...move("vmovdqu32", "F3", "6F", "7F", "W0", "W0", "evex"),
  ...move("vmovdqu64", "F3", "6F", "7F", "W1", "W1", "evex"),
  ...move("vmovdqu8", "F2", "6F", "7F", "W0", "W0", "evex"),
  ...move("vmovdqu16", "F2", "6F", "7F", "W1", "W1", "evex"),
  ...memoryMove("vmovntps", "NP", "0F", "2B", "W0", false),
  ...memoryMove("vmovntpd", "66", "0F", "2B", "W1", false),
  ...memoryMove("vmovntdq", "66", "0F", "E7", "W0", false),
  ...memoryMove("vmovntdqa", "66", "0F38", "2A", "W0", true),
  ...memoryMove("vlddqu", "F2", "0F", "F0", undefined, true),
  ...vector(single({ pp: "F3", map: "0F", evexW: "W0" }), "vmovsldup:12 vmovshdup:16"),
  ...["VEX", "EVEX"].flatMap((encoding) => {
    const mask = encoding === "EVEX" ? "mask z" : "";
    const w = encoding === "EVEX" ? "W1" : "WIG";
    const ww = encoding === "EVEX" ? "W0" : "WIG";
    return [
      ...one("vmovddup", `${encoding}.128.F2.0F.${w} 12 /r`, "=xmm xmmm64", mask),
      ...one("vmovddup", `${encoding}.256.F2.0F.${w} 12 /r`, "=ymm ymmm256", mask),
      ...(encoding === "EVEX" ? one("vmovddup", `EVEX.512.F2.0F.W1 12 /r`, "=zmm zmmm512", mask) : []),
      ...one(
        "vmovss",
        `${encoding}.NDS.LIG.F3.0F.${ww} 10 /r`,
        "=xmm xmm xmm",
        encoding === "EVEX" ? "mask z flips" : "flips",
      ),
      ...one("vmovss", `${encoding}.LIG.F3.0F.${ww} 10 /r`, "=xmm m32", mask),
      ...one("vmovss", `${encoding}.LIG.F3.0F.${ww} 11 /r`, "=m32 xmm", encoding === "EVEX" ? "mask" : ""),
      ...one(
        "vmovsd",
        `${encoding}.NDS.LIG.F2.0F.${w} 10 /r`,
        "=xmm xmm xmm",
        encoding === "EVEX" ? "mask z flips" : "flips",
      ),
      ...one("vmovsd", `${encoding}.LIG.F2.0F.${w} 10 /r`, "=xmm m64", mask),
      ...one("vmovsd", `${encoding}.LIG.F2.0F.${w} 11 /r`, "=m64 xmm", encoding === "EVEX" ? "mask" : ""),
      ...[
        ["vmovlps", "NP", "12", "W0"],
        ["vmovhps", "NP", "16", "W0"],
        ["vmovlpd", "66", "12", "W1"],
        ["vmovhpd", "66", "16", "W1"],
      ].flatMap(([name, pp, code, evexW]) => {
        const word = (nds: string): string =>
          `${encoding}${nds}.128.${pp}.0F.${encoding === "EVEX" ? evexW : "WIG"}`;
        return [
          ...one(name!, `${word(".NDS")} ${code} /r`, "=xmm xmm m64"),
          ...one(name!, `${word("")} ${hex(Number.parseInt(code!, 16) + 1)} /r`, "=m64 xmm"),
        ];
      }),
      ...one("vmovhlps", `${encoding}.NDS.128.NP.0F.${ww} 12 /r`, "=xmm xmm xmm"),
      ...one("vmovlhps", `${encoding}.NDS.128.NP.0F.${ww} 16 /r`, "=xmm xmm xmm"),
      ...one("vmovd", `${encoding}.128.66.0F.W0 6E /r`, "=xmm rm32", "w64"),
      ...one("vmovd", `${encoding}.128.66.0F.W0 7E /r`, "=rm32 xmm", "w64"),
      ...one("vmovq", `${encoding}.128.F3.0F.${w} 7E /r`, "=xmm xmmm64"),
      ...one("vmovq", `${encoding}.128.66.0F.${w} D6 /r`, "=xmmm64 xmm"),
      ...one("vmovq", `${encoding}.128.66.0F.W1 6E /r`, "=xmm rm64", "long"),
      ...one("vmovq", `${encoding}.128.66.0F.W1 7E /r`, "=rm64 xmm", "long"),
      ...one("vpextrb", `${encoding}.128.66.0F3A.WIG 14 /r ib`, "=r32m8 xmm imm8"),
      ...one("vpextrw", `${encoding}.128.66.0F.W0 C5 /r ib`, "=r32 xmm imm8", "w64"),
      ...one("vpextrw", `${encoding}.128.66.0F3A.WIG 15 /r ib`, "=m16 xmm imm8"),
      // In 32-bit code a Zen 4 takes vpextrd and vpinsrd with EVEX.W1 as well (SDM vol. 2B, PEXTRD: W is ignored there), but
      // with VEX.W1 they are undefined. FASM writes W0, and the disassembler knows no other.
      ...one("vpextrd", `${encoding}.128.66.0F3A.W0 16 /r ib`, "=rm32 xmm imm8"),
      ...one("vpextrq", `${encoding}.128.66.0F3A.W1 16 /r ib`, "=m64 xmm imm8"),
      ...one("vextractps", `${encoding}.128.66.0F3A.WIG 17 /r ib`, "=rm32 xmm imm8"),
      // FASM sets W for bytes and words taken into 64 bits, where nobody looks at it, and not for doublewords.
      ...one("vpextrb", `${encoding}.128.66.0F3A.W1 14 /r ib`, "=r64m8 xmm imm8", "long"),
      ...one("vpextrw", `${encoding}.128.66.0F.W1 C5 /r ib`, "=r64 xmm imm8", "long"),
      ...one("vpextrd", `${encoding}.128.66.0F3A.W0 16 /r ib`, "=r64m32 xmm imm8", "long"),
      ...one("vpextrq", `${encoding}.128.66.0F3A.W1 16 /r ib`, "=rm64 xmm imm8", "long"),
      ...one("vextractps", `${encoding}.128.66.0F3A.WIG 17 /r ib`, "=r64m32 xmm imm8", "long"),
      ...one("vpinsrq", `${encoding}.NDS.128.66.0F3A.W1 22 /r ib`, "=xmm xmm rm64 imm8", "long"),
      ...one("vpinsrb", `${encoding}.NDS.128.66.0F3A.WIG 20 /r ib`, "=xmm xmm r32m8 imm8"),
      ...one("vpinsrw", `${encoding}.NDS.128.66.0F.WIG C4 /r ib`, "=xmm xmm r32m16 imm8"),
      ...one("vpinsrd", `${encoding}.NDS.128.66.0F3A.W0 22 /r ib`, "=xmm xmm rm32 imm8"),
      ...one("vinsertps", `${encoding}.NDS.128.66.0F3A.${ww} 21 /r ib`, "=xmm xmm xmmm32 imm8"),
    ];
  }),
  ...one("vmovmskps", "VEX.128.NP.0F.WIG 50 /r", "=r32 xmm"),
  ...one("vmovmskps", "VEX.128.NP.0F.WIG 50 /r", "=r64 xmm", "long"),
  ...one("vmovmskps", "VEX.256.NP.0F.WIG 50 /r", "=r32 ymm"),
  ...one("vmovmskps", "VEX.256.NP.0F.WIG 50 /r", "=r64 ymm", "long"),
  ...one("vmovmskpd", "VEX.128.66.0F.WIG 50 /r", "=r32 xmm"),
  ...one("vmovmskpd", "VEX.128.66.0F.WIG 50 /r", "=r64 xmm", "long"),
  ...one("vmovmskpd", "VEX.256.66.0F.WIG 50 /r", "=r32 ymm"),
  ...one("vmovmskpd", "VEX.256.66.0F.WIG 50 /r", "=r64 ymm", "long"),
  ...one("vpmovmskb", "VEX.128.66.0F.WIG D7 /r", "=r32 xmm"),
  ...one("vpmovmskb", "VEX.128.66.0F.WIG D7 /r", "=r64 xmm", "long"),
  ...one("vpmovmskb", "VEX.256.66.0F.WIG D7 /r", "=r32 ymm"),
  ...one("vpmovmskb", "VEX.256.66.0F.WIG D7 /r", "=r64 ymm", "long"),
  ...one("vmaskmovdqu", "VEX.128.66.0F.WIG F7 /r", "xmm xmm"),
  ...[
    ["vmaskmovps", "2C", "W0"],
    ["vmaskmovpd", "2D", "W0"],
    ["vpmaskmovd", "8C", "W0"],
    ["vpmaskmovq", "8C", "W1"],
  ].flatMap(([name, code, w]) =>
    [128, 256].flatMap((bits) => {
      const r = `${letter(bits)}mm`;
      return [
        ...one(name!, `VEX.NDS.${bits}.66.0F38.${w} ${code} /r`, `=${r} ${r} m${bits}`),
        ...one(
          name!,
          `VEX.NDS.${bits}.66.0F38.${w} ${hex(Number.parseInt(code!, 16) + 2)} /r`,
          `=m${bits} ${r} ${r}`,
        ),
      ];
    }),
  ),
  ...[
    "vcompressps:8A:W0",
    "vcompresspd:8A:W1",
    "vpcompressb:63:W0",
    "vpcompressw:63:W1",
    "vpcompressd:8B:W0",
    "vpcompressq:8B:W1",
  ].flatMap((entry) => {
    const [name, code, w] = entry.split(":");
    return all.flatMap((bits) =>
      one(
        name!,
        `EVEX.${bits}.66.0F38.${w} ${code} /r`,
        `=${letter(bits)}mmm${bits} ${letter(bits)}mm`,
        "mask z",
      ),
    );
  }),

  // Between lanes
  ...[
    ["vperm2f128", "06"],
    ["vperm2i128", "46"],
  ].flatMap(([name, code]) =>
    one(name!, `VEX.NDS.256.66.0F3A.W0 ${code} /r ib`, "=ymm ymm ymmm256 imm8", "apart"),
  ),
  ...vector(evex(at3a({ ...d, lengths: [256, 512] })), "vshuff32x4:23 vshufi32x4:43"),
  ...vector(evex(at3a({ ...q, lengths: [256, 512] })), "vshuff64x2:23 vshufi64x2:43"),
  ...vector(w0(at38({ ...d, lengths: [256, 512] })), "vpermps:16 vpermd:36"),
  ...vector(at3a(single({ ...w1(q), lengths: [256, 512] })), "vpermq:00 vpermpd:01"),
  ...vector(evex(at38({ ...q, lengths: [256, 512] })), "vpermpd:16 vpermq:36"),
  ...vector(w0(at3a(single(d))), "vpermilps:04"),
  ...vector(w0(at38(d)), "vpermilps:0C"),
  ...vector(w0(at3a(single(q))), "vpermilpd:05"),
  ...vector(w0(at38(q)), "vpermilpd:0D"),
  ...lane("vinsertf128", "vextractf128", "18", "19", "W0", 128, "VEX"),
  ...lane("vinserti128", "vextracti128", "38", "39", "W0", 128, "VEX"),
  ...lane("vinsertf32x4", "vextractf32x4", "18", "19", "W0", 128, "EVEX"),
  ...lane("vinserti32x4", "vextracti32x4", "38", "39", "W0", 128, "EVEX"),
  ...lane("vinsertf64x2", "vextractf64x2", "18", "19", "W1", 128, "EVEX"),
  ...lane("vinserti64x2", "vextracti64x2", "38", "39", "W1", 128, "EVEX"),
  ...lane("vinsertf32x8", "vextractf32x8", "1A", "1B", "W0", 256, "EVEX"),
  ...lane("vinserti32x8", "vextracti32x8", "3A", "3B", "W0", 256, "EVEX"),
  ...lane("vinsertf64x4", "vextractf64x4", "1A", "1B", "W1", 256, "EVEX"),
  ...lane("vinserti64x4", "vextracti64x4", "3A", "3B", "W1", 256, "EVEX"),
  ...extension("vpmovsxbw:20 vpmovsxwd:23 vpmovsxdq:25 vpmovzxbw:30 vpmovzxwd:33 vpmovzxdq:35", 2),
  ...extension("vpmovsxbd:21 vpmovsxwq:24 vpmovzxbd:31 vpmovzxwq:34", 4),
  ...extension("vpmovsxbq:22 vpmovzxbq:32", 8),
  ...truncation(
    "vpmovuswb:10 vpmovusdw:13 vpmovusqd:15 vpmovswb:20 vpmovsdw:23 vpmovsqd:25 vpmovwb:30 vpmovdw:33 vpmovqd:35",
    2,
  ),
  ...truncation("vpmovusdb:11 vpmovusqw:14 vpmovsdb:21 vpmovsqw:24 vpmovdb:31 vpmovqw:34", 4),
  ...truncation("vpmovusqb:12 vpmovsqb:22 vpmovqb:32", 8),
  ...broadcast("vbroadcastss", "18", "W0", 32, all, {}),
  ...broadcast("vbroadcastsd", "19", "W1", 64, [256, 512], {}),
  ...broadcast("vpbroadcastb", "78", "W0", 8, all, {}),
  ...broadcast("vpbroadcastw", "79", "W0", 16, all, {}),
  ...broadcast("vpbroadcastd", "58", "W0", 32, all, {}),
  ...broadcast("vpbroadcastq", "59", "W1", 64, all, {}),
  ...broadcast("vbroadcastf128", "1A", "W0", 128, [256], { evex: false, register: false }),
  ...broadcast("vbroadcasti128", "5A", "W0", 128, [256], { evex: false, register: false }),
  ...broadcast("vbroadcastf32x2", "19", "W0", 64, [256, 512], { vex: false }),
  ...broadcast("vbroadcasti32x2", "59", "W0", 64, all, { vex: false }),
  ...broadcast("vbroadcastf32x4", "1A", "W0", 128, [256, 512], { vex: false, register: false }),
  ...broadcast("vbroadcasti32x4", "5A", "W0", 128, [256, 512], { vex: false, register: false }),
  ...broadcast("vbroadcastf64x2", "1A", "W1", 128, [256, 512], { vex: false, register: false }),
  ...broadcast("vbroadcasti64x2", "5A", "W1", 128, [256, 512], { vex: false, register: false }),
  ...broadcast("vbroadcastf32x8", "1B", "W0", 256, [512], { vex: false, register: false }),
  ...broadcast("vbroadcasti32x8", "5B", "W0", 256, [512], { vex: false, register: false }),
  ...broadcast("vbroadcastf64x4", "1B", "W1", 256, [512], { vex: false, register: false }),
  ...broadcast("vbroadcasti64x4", "5B", "W1", 256, [512], { vex: false, register: false }),
  ...["vpbroadcastb:7A", "vpbroadcastw:7B", "vpbroadcastd:7C"].flatMap((entry) => {
    const [name, code] = entry.split(":");
    return all.flatMap((bits) =>
      one(
        name!,
        `EVEX.${bits}.66.0F38.W0 ${code} /r`,
        `=${letter(bits)}mm r32`,
        `mask z${code === "7C" ? " w64" : ""}`,
      ),
    );
  }),

  // In 32-bit code too, where the processor ignores W.
  ...all.flatMap((bits) =>
    one("vpbroadcastq", `EVEX.${bits}.66.0F38.W1 7C /r`, `=${letter(bits)}mm r64`, "mask z written"),
  ),

  // FASM takes a byte or word register for what is really the doubleword it belongs to.
  ...["vpbroadcastb:7A:r8", "vpbroadcastw:7B:r16"].flatMap((entry) => {
    const [name, code, register] = entry.split(":");
    return all.flatMap((bits) =>
      one(name!, `EVEX.${bits}.66.0F38.W0 ${code} /r`, `=${letter(bits)}mm ${register}`, "mask z written"),
    );
  }),

  // Masks
  ...maskOperations("kand:41 kandn:42 kor:45 kxnor:46 kxor:47 kadd:4A"),
  ...one("kunpckbw", "VEX.NDS.256.66.0F.W0 4B /r", "=k k k"),
  ...one("kunpckwd", "VEX.NDS.256.NP.0F.W0 4B /r", "=k k k"),
  ...one("kunpckdq", "VEX.NDS.256.NP.0F.W1 4B /r", "=k k k"),
  ...maskUnary("knot", "44", "="),
  ...maskUnary("kortest", "98", "", "w:zc z:ospa"),
  ...maskUnary("ktest", "99", "", "w:zc z:ospa"),
  ...[
    "kshiftrb:30:W0",
    "kshiftrw:30:W1",
    "kshiftrd:31:W0",
    "kshiftrq:31:W1",
    "kshiftlb:32:W0",
    "kshiftlw:32:W1",
    "kshiftld:33:W0",
    "kshiftlq:33:W1",
  ].flatMap((entry) => {
    const [name, code, w] = entry.split(":");
    return one(name!, `VEX.128.66.0F3A.${w} ${code} /r ib`, "=k k imm8");
  }),
  ...kmov("w", "NP", "W0", 16, "NP"),
  ...kmov("b", "66", "W0", 8, "66"),
  ...kmov("d", "66", "W1", 32, "F2"),
  ...kmov("q", "NP", "W1", 64, ""),
  ...[
    "vpmovm2b:28:W0",
    "vpmovm2w:28:W1",
    "vpmovm2d:38:W0",
    "vpmovm2q:38:W1",
    "vpbroadcastmb2q:2A:W1",
    "vpbroadcastmw2d:3A:W0",
  ].flatMap((entry) => {
    const [name, code, w] = entry.split(":");
    return all.flatMap((bits) => one(name!, `EVEX.${bits}.F3.0F38.${w} ${code} /r`, `=${letter(bits)}mm k`));
  }),
  ...["vpmovb2m:29:W0", "vpmovw2m:29:W1", "vpmovd2m:39:W0", "vpmovq2m:39:W1"].flatMap((entry) => {
    const [name, code, w] = entry.split(":");
    return all.flatMap((bits) => one(name!, `EVEX.${bits}.F3.0F38.${w} ${code} /r`, `=k ${letter(bits)}mm`));
  }),

  // Cryptography
  ...vector({ ...at38(bw), mask: false }, "vaesenc:DC vaesenclast:DD vaesdec:DE vaesdeclast:DF"),
  ...one("vaesimc", "VEX.128.66.0F38.WIG DB /r", "=xmm xmmm128"),
  ...one("vaeskeygenassist", "VEX.128.66.0F3A.WIG DF /r ib", "=xmm xmmm128 imm8"),
  ...[
    ["vpclmullqlqdq", "00"],
    ["vpclmulhqlqdq", "01"],
    ["vpclmullqhdq", "10"],
    ["vpclmulhqhdq", "11"],
  ].flatMap(([name, suffix]) =>
    vector({ pp: "66", map: "0F3A", mask: false, suffix: suffix! }, `${name}:44`),
  ),
  ...vector({ ...at3a(bw), mask: false }, "vpclmulqdq:44"),

  // The unit's state
  ...one("vzeroupper", "VEX.128.NP.0F.WIG 77"),
  ...one("vzeroall", "VEX.256.NP.0F.WIG 77"),
  ...one("vldmxcsr", "VEX.128.NP.0F.WIG AE /2", "m32"),
  ...one("vstmxcsr", "VEX.128.NP.0F.WIG AE /3", "=m32"),

  // Gathering and scattering: the index is a vector
  ...[
    ["vpgatherdd", "90", "W0"],
    ["vpgatherdq", "90", "W1"],
    ["vpgatherqd", "91", "W0"],
    ["vpgatherqq", "91", "W1"],
    ["vgatherdps", "92", "W0"],
    ["vgatherdpd", "92", "W1"],
    ["vgatherqps", "93", "W0"],
    ["vgatherqpd", "93", "W1"],
  ].flatMap(([name, code, w]) => gather(name!, code!, w!, "gather")),
  ...[
    ["vpscatterdd", "A0", "W0"],
    ["vpscatterdq", "A0", "W1"],
    ["vpscatterqd", "A1", "W0"],
    ["vpscatterqq", "A1", "W1"],
    ["vscatterdps", "A2", "W0"],
    ["vscatterdpd", "A2", "W1"],
    ["vscatterqps", "A3", "W0"],
    ["vscatterqpd", "A3", "W1"],
  ].flatMap(([name, code, w]) => gather(name!, code!, w!, "scatter")),
  ...(["gatherpf0:1", "gatherpf1:2", "scatterpf0:5", "scatterpf1:6"] as const).flatMap((entry) => {
    const [name, digit] = entry.split(":");
    return [
      ...one(`v${name}dps`, `EVEX.512.66.0F38.W0 C6 /${digit}`, "vm32z", "mask"),
      ...one(`v${name}dpd`, `EVEX.512.66.0F38.W1 C6 /${digit}`, "vm64y", "mask"),
      ...one(`v${name}qps`, `EVEX.512.66.0F38.W0 C7 /${digit}`, "vm32z", "mask"),
      ...one(`v${name}qpd`, `EVEX.512.66.0F38.W1 C7 /${digit}`, "vm64z", "mask"),
    ];
  }),
];
