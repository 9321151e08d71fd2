/** VEX and XOP forms on general registers (BMI, TBM, LWP) and AMD's FMA4 and XOP vector instructions (APM vol. 3, 4). */
import { form, type Row } from "../form.ts";

const logic = "w:szc z:o u:ap";

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

/** Four operands, of which the third or the fourth may be in memory. */
const fma4 = (name: string, code: number, suffix: string): Row[] => {
  const scalar = suffix === "ss" ? 32 : suffix === "sd" ? 64 : 0;
  return (scalar === 0 ? [128, 256] : [128]).flatMap((bits) => {
    const r = bits === 256 ? "ymm" : "xmm";
    const m = `${r}m${scalar === 0 ? bits : scalar}`;
    const word = `VEX.NDS.${scalar === 0 ? bits : "LIG"}.66.0F3A`;
    return [
      ...form(name + suffix, `${word}.W0 ${hex(code)} /r /is4`, `=${r} ${r} ${m} ${r}`, "", "fma4"),
      ...form(name + suffix, `${word}.W1 ${hex(code)} /r /is4`, `=${r} ${r} ${r} ${m}`, "", "fma4"),
    ];
  });
};

/**
 * vpermil2ps and vpermil2pd with the two bits that say what a match means in the name or as a last operand. FASM 1.73.30 leaves
 * out the prefix 66 that they have.
 */
const permute2 = (suffix: string, code: string): Row[] =>
  [128, 256].flatMap((bits) => {
    const r = bits === 256 ? "ymm" : "xmm";
    const both = (name: string, last: string, immediate: string): Row[] =>
      ["W0", "W1"].flatMap((w) => {
        const sources = w === "W0" ? `${r}m${bits} ${r}` : `${r} ${r}m${bits}`;
        const opcode = `VEX.NDS.${bits}.NP.0F3A.${w} ${code} /r /is4${last}`;
        return form(name, opcode, `=${r} ${r} ${sources}${immediate}`, "", "xop written");
      });
    return [
      ...both(`vpermil2${suffix}`, "", " imm4"),
      ...both(`vpermiltd2${suffix}`, " 00", ""),
      ...both(`vpermilmo2${suffix}`, " 02", ""),
      ...both(`vpermilmz2${suffix}`, " 03", ""),
    ];
  });

const relations = ["lt", "le", "gt", "ge", "eq", "neq", "false", "true"];

const xopSingle = (list: string): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return form(name!, `XOP.128.NP.M9.W0 ${code} /r`, "=xmm xmmm128", "", "xop");
  });

/** The instructions on general registers: with W0 on 32 bits, with W1 on 64 where there are such registers. */
const general = (bits: 32 | 64): Row[] => {
  const r = `r${bits}`;
  const rm = `rm${bits}`;
  const w = bits === 64 ? "W1" : "W0";
  const row = (names: string, opcode: string, operands: string, flags: string, attributes: string): Row[] =>
    form(
      names,
      opcode,
      operands,
      flags,
      bits === 64 ? attributes.replace(/bmi|tbm|lwp/, "long") : `${attributes} w64`,
    );
  const bmi = (name: string, code: string, pp: string, operands: string, flags: string): Row[] =>
    row(name, `VEX.NDS.128.${pp}.0F38.${w} ${code} /r`, operands, flags, "bmi");
  return [
    ...bmi("andn", "F2", "NP", `=${r} ${r} ${rm}`, "w:sz z:oc u:ap"),
    ...bmi("bzhi", "F5", "NP", `=${r} ${rm} ${r}`, "w:szc z:o u:ap"),
    ...bmi("bextr", "F7", "NP", `=${r} ${rm} ${r}`, "w:z z:co u:sap"),
    ...bmi("shlx", "F7", "66", `=${r} ${rm} ${r}`, ""),
    ...bmi("sarx", "F7", "F3", `=${r} ${rm} ${r}`, ""),
    ...bmi("shrx", "F7", "F2", `=${r} ${rm} ${r}`, ""),
    ...bmi("pext", "F5", "F3", `=${r} ${r} ${rm}`, ""),
    ...bmi("pdep", "F5", "F2", `=${r} ${r} ${rm}`, ""),
    ...bmi("mulx", "F6", "F2", `=${r} =${r} ${rm}`, ""),
    ...row("rorx", `VEX.128.F2.0F3A.${w} F0 /r ib`, `=${r} ${rm} imm8`, "", "bmi apart"),
    ...["blsr:1", "blsmsk:2", "blsi:3"].flatMap((entry) => {
      const [name, digit] = entry.split(":");
      return row(name!, `VEX.NDD.128.NP.0F38.${w} F3 /${digit}`, `=${r} ${rm}`, logic, "bmi");
    }),
    ...row("bextr", `XOP.128.NP.MA.${w} 10 /r id`, `=${r} ${rm} imm32`, "w:z z:co u:sap", "tbm"),
    ...[
      "blcfill:01:1",
      "blsfill:01:2",
      "blcs:01:3",
      "tzmsk:01:4",
      "blcic:01:5",
      "blsic:01:6",
      "t1mskc:01:7",
      "blcmsk:02:1",
      "blci:02:6",
    ].flatMap((entry) => {
      const [name, code, digit] = entry.split(":");
      return row(name!, `XOP.NDD.128.NP.M9.${w} ${code} /${digit}`, `=${r} ${rm}`, logic, "tbm");
    }),
    ...row("llwpcb", `XOP.128.NP.M9.${w} 12 /0`, r, "", "lwp reg"),
    ...row("slwpcb", `XOP.128.NP.M9.${w} 12 /1`, `=${r}`, "", "lwp reg"),
    ...row("lwpins", `XOP.NDD.128.NP.MA.${w} 12 /0 id`, `${r} rm32 imm32`, "w:c", "lwp"),
    ...row("lwpval", `XOP.NDD.128.NP.MA.${w} 12 /1 id`, `${r} rm32 imm32`, "", "lwp"),
  ];
};

export const vexGeneral: readonly Row[] = [
  ...general(32),
  ...general(64),

  ...["vfmaddsub:5C", "vfmsubadd:5E", "vfmadd:68", "vfmsub:6C", "vfnmadd:78", "vfnmsub:7C"].flatMap(
    (entry) => {
      const [name, digits] = entry.split(":");
      const code = Number.parseInt(digits!, 16);
      return [
        ...fma4(name!, code, "ps"),
        ...fma4(name!, code + 1, "pd"),
        ...(code < 0x60 ? [] : [...fma4(name!, code + 2, "ss"), ...fma4(name!, code + 3, "sd")]),
      ];
    },
  ),

  ...permute2("ps", "48"),
  ...permute2("pd", "49"),

  ...["b:CC", "w:CD", "d:CE", "q:CF", "ub:EC", "uw:ED", "ud:EE", "uq:EF"].flatMap((entry) => {
    const [suffix, code] = entry.split(":");
    return [
      ...relations.flatMap((relation, number) =>
        form(
          `vpcom${relation}${suffix}`,
          `XOP.NDS.128.NP.M8.W0 ${code} /r ${hex(number)}`,
          "=xmm xmm xmmm128",
          "",
          "xop",
        ),
      ),
      ...form(`vpcom${suffix}`, `XOP.NDS.128.NP.M8.W0 ${code} /r ib`, "=xmm xmm xmmm128 imm8", "", "xop"),
    ];
  }),
  ...xopSingle(
    "vphaddbw:C1 vphaddbd:C2 vphaddbq:C3 vphaddwd:C6 vphaddwq:C7 vphadddq:CB vphaddubw:D1 vphaddubd:D2 vphaddubq:D3 vphadduwd:D6 " +
      "vphadduwq:D7 vphaddudq:DB vphsubbw:E1 vphsubwd:E2 vphsubdq:E3",
  ),
  ...["vfrczps:80", "vfrczpd:81"].flatMap((entry) => {
    const [name, code] = entry.split(":");
    return [
      ...form(name!, `XOP.128.NP.M9.W0 ${code} /r`, "=xmm xmmm128", "", "xop"),
      ...form(name!, `XOP.256.NP.M9.W0 ${code} /r`, "=ymm ymmm256", "", "xop"),
    ];
  }),
  ...form("vfrczss", "XOP.128.NP.M9.W0 82 /r", "=xmm xmmm32", "", "xop"),
  ...form("vfrczsd", "XOP.128.NP.M9.W0 83 /r", "=xmm xmmm64", "", "xop"),
  ...(
    "vpmacssww:85 vpmacsswd:86 vpmacssdql:87 vpmacssdd:8E vpmacssdqh:8F vpmacsww:95 vpmacswd:96 vpmacsdql:97 vpmacsdd:9E " +
    "vpmacsdqh:9F vpmadcsswd:A6 vpmadcswd:B6"
  )
    .split(" ")
    .flatMap((entry) => {
      const [name, code] = entry.split(":");
      return form(name!, `XOP.NDS.128.NP.M8.W0 ${code} /r /is4`, "=xmm xmm xmmm128 xmm", "", "xop");
    }),
  ...form("vpperm", "XOP.NDS.128.NP.M8.W0 A3 /r /is4", "=xmm xmm xmmm128 xmm", "", "xop"),
  ...form("vpperm", "XOP.NDS.128.NP.M8.W1 A3 /r /is4", "=xmm xmm xmm xmmm128", "", "xop"),
  ...[128, 256].flatMap((bits) => {
    const r = bits === 256 ? "ymm" : "xmm";
    return [
      ...form("vpcmov", `XOP.NDS.${bits}.NP.M8.W0 A2 /r /is4`, `=${r} ${r} ${r}m${bits} ${r}`, "", "xop"),
      ...form("vpcmov", `XOP.NDS.${bits}.NP.M8.W1 A2 /r /is4`, `=${r} ${r} ${r} ${r}m${bits}`, "", "xop"),
    ];
  }),
  ..."vprotb:90 vprotw:91 vprotd:92 vprotq:93 vpshlb:94 vpshlw:95 vpshld:96 vpshlq:97 vpshab:98 vpshaw:99 vpshad:9A vpshaq:9B"
    .split(" ")
    .flatMap((entry) => {
      const [name, digits] = entry.split(":");
      const code = Number.parseInt(digits!, 16);
      return [
        ...form(name!, `XOP.NDS.128.NP.M9.W0 ${digits} /r`, "=xmm xmmm128 xmm", "", "xop"),
        ...form(name!, `XOP.NDS.128.NP.M9.W1 ${digits} /r`, "=xmm xmm xmmm128", "", "xop"),
        ...(code < 0x94
          ? form(name!, `XOP.128.NP.M8.W0 ${hex(code + 0x30)} /r ib`, "=xmm xmmm128 imm8", "", "xop")
          : []),
      ];
    }),
];
